"""mexflow: from the raw videos of micro-expression research to the tables and figures of five papers.

snakemake --cores 32                 everything that config.yaml asks for
snakemake --cores 32 belaiche2020    one paper
snakemake --cores 4 datasets         indexes of the datasets, and their summaries
"""

import sys
from pathlib import Path
from shlex import quote

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")


configfile: Path(workflow.basedir) / "config.yaml"


folder = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(folder))

from mexflow.errors import UserError
from mexflow.records import hand_down_git_state
from mexflow.workflow import Workflow, flags, settings

try:
    plan = Workflow(config, folder)
    plan.batches
except UserError as error:
    raise WorkflowError(str(error))

# Freed memory stays with the process: mapping and clearing large arrays anew in every step doubles a training's time.
hand_down_git_state()
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={quote(str(folder))}; "
    "export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=67108864; "
)


include: "workflow/rules/embedded.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/reporting.smk"


rule all:
    """Every paper that config.yaml names, and the indexes of the datasets they use."""
    default_target: True
    input:
        papers=[target for paper in plan.papers for target in plan.targets(paper)],
        datasets=plan.dataset_targets(),


rule datasets:
    """The indexes of the datasets in use, and their summaries."""
    input:
        indexes=plan.dataset_targets(),
