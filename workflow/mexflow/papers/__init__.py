"""What a paper's file may say: its typed model, read from ``workflow/papers/<paper>.yaml``."""
