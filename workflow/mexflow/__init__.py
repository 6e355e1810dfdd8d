"""mexflow: from the raw videos of micro-expression research to the tables of five papers."""

__version__ = "0.1.0"
