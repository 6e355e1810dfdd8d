"""Training of networks that spot and recognise at once, with a memory of the clip."""
