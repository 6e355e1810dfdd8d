"""Networks that are parts of others."""
