"""Contact sheets of the datasets."""
