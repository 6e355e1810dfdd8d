"""A paper's tables: evidence, metrics, cells, and how they are rendered."""
