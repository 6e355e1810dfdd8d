"""What the Snakefile asks: which jobs, folds and files there are, and what each job is told."""
