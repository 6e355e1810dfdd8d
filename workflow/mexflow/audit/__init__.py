"""What an auditor asks of a finished run: where a number came from, and whether any byte has changed."""
