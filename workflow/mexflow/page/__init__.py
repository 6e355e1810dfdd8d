"""The results page: one file that shows a run's numbers, and of each what it was made from."""
