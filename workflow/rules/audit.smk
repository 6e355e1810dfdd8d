"""The start and the end of a run: one digest of what all its records say was made from what, and a line in its history.

Needs the records. Makes ``results/run.json``, and adds to ``results/history.jsonl``.
"""


onstart:
    mend(workflow)


onsuccess:
    shell(f"python -m mexflow run_root --log {log} --config-digest {plan.config_digest}")


onerror:
    shell(f"python -m mexflow run_root --outcome failed --log {log} --config-digest {plan.config_digest}")
