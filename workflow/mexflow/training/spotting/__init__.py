"""Training of networks that score the frames of long videos."""
