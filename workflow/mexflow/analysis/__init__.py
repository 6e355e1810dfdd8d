"""Anybody's videos, by networks that were trained on all subjects: what moved, when, and how sure that is."""
