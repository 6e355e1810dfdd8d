"""mexflow: from the raw videos of micro-expression research to the tables of papers."""

__version__ = "0.1.0"
