"""Figures of papers and datasets."""
