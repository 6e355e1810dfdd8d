"""The start and the end of a run: one digest of what all its records say was made from what, and a line in its history.

Needs the records. Makes ``results/run.json``, and adds to ``results/history.jsonl``.
"""

from mexflow.reporting import lines

# This file is included last, so every rule that runs something is known.
lines.register(workflow.rules)


onstart:
    # Snakemake looks through all waiting jobs again one time limit after each look, and after each job that ended: ever
    # more often, up to a quarter of a processor. Jobs of this machine need no limit of how many are started in a second.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    lines.end()
    shell(f"python -m mexflow run_root --log {log} --config-digest {plan.config_digest}")


onerror:
    lines.end()
    shell(f"python -m mexflow run_root --outcome failed --log {log} --config-digest {plan.config_digest}")
