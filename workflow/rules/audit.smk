"""The start and the end of a run: one digest of what all its records say was made from what, and a line in its history.

Needs the records. Makes ``results/run.json``, and adds to ``results/history.jsonl``.
"""

from mexflow import orphans
from mexflow.reporting import lines

# This file is included last, so every rule that runs something is known.
lines.register(workflow.rules)
if workflow.is_main_process:
    scheduling.settle_times(Path("results"))
    orphans.attend()
    scheduling.check_first(plan.unlisted.refuse)
    plan.unlisted.warn()


onstart:
    scheduling.mend(workflow)


onsuccess:
    lines.end()
    shell(f"python -m mexflow run_root {flags('log', log)} --config-digest {plan.config_digest}")


onerror:
    lines.end()
    # What cannot be written, to a full disk say, leaves the history its line.
    shell(
        f"python -m mexflow incomplete {flags('log', log)} {plan.incomplete_flags()} {plan.unlisted.incomplete_flags()} || true"
    )
    shell(f"python -m mexflow run_root --outcome failed {flags('log', log)} --config-digest {plan.config_digest}")
