"""What a paper's file may say: its typed model, read from ``workflow/papers/<paper>.yaml``."""

from mexflow.papers.paper import Paper, available, load, parse, scores_of

__all__ = ["Paper", "available", "load", "parse", "scores_of"]
