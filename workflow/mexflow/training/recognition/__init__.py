"""Training of networks that predict the class of a clip."""
