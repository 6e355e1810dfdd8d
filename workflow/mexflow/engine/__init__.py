"""The only code that knows Snakemake and SLURM."""
