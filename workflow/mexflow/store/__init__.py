"""The only code that reads and writes artifacts, and says how they were made."""
