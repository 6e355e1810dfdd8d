"""The start and the end of a run: one digest of what all its records say was made from what, and a line in its history.

Needs the records. Makes ``results/run.json``, and adds to ``results/history.jsonl``.
"""

# This file is included last, so every rule that runs something is known.
hooks.after_rules(workflow, plan.unlisted)


onstart:
    hooks.at_start(workflow)


onsuccess:
    hooks.at_end()
    # Given by name, for Snakemake fills in what stands in braces, in a path too.
    closing = f"{flags('log', log)} --config-digest {plan.config_digest}"
    shell("python -m mexflow run_root {closing}")


onerror:
    hooks.at_end()
    owed = f"{flags('log', log)} {plan.reporting.incomplete_flags()} {plan.page.incomplete_flags()}"
    closing = f"{flags('log', log)} --config-digest {plan.config_digest}"
    # What cannot be written, to a full disk say, leaves the history its line.
    shell("python -m mexflow incomplete {owed} || true")
    shell("python -m mexflow run_root --outcome failed {closing}")
