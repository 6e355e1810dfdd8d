"""The raw datasets and their composites.

A raw dataset is an adapter here, a layout of the same name in :mod:`mexflow.embedded`, and a line in
:mod:`mexflow.datasets.registry`; see :mod:`mexflow.datasets.reading`.
"""
