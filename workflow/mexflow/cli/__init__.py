"""The commands of ``python -m mexflow``, one module each, imported when called."""
