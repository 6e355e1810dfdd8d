"""Folds, metrics and their intervals."""
