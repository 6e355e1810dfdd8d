"""The training loop and what it needs: samples, seeds, checkpoints."""
