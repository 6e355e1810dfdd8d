"""mexflow: from the raw videos of micro-expression research to the tables and figures of its papers.

snakemake --cores 32                 everything that config.yaml asks for
snakemake --cores 32 belaiche2020    one paper
snakemake --cores 4 datasets         the datasets: indexes with their summaries, contact sheets, the check of preprocessing
snakemake --cores 32 learning        whether the papers' proposed methods learn, on held-out subjects
snakemake --cores 32 models          networks for use: the proposed ones, trained on all subjects
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")
folder = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(folder))

from mexflow.engine import hooks, scheduling
from mexflow.engine.scheduling import PREPROCESSING, attempt, growing
from mexflow.errors import told
from mexflow.papers.part import stated
from mexflow.plan.flags import flags, named, settings
from mexflow.plan.workflow import Workflow

hooks.before_settings(workflow, folder.parent)


configfile: folder.with_name("config.yaml")


plan = told(lambda: Workflow(config, folder).enumerated())
shell.prefix(hooks.before_rules(folder))


# The container that `--sdm apptainer` runs jobs in, made from envs/container.def.
container: "mexflow.sif"


for stage in "embedded index preprocess inspection training spotting reporting audit".split():

    include: f"workflow/rules/{stage}.smk"


rule all:
    """Every paper that config.yaml names, everything of `datasets`, and the page that shows all of it."""
    default_target: True
    input:
        papers=plan.paper_targets(),
        datasets=plan.dataset_targets(),
        page=plan.page.targets,
        unlisted=plan.unlisted.targets("all"),


rule datasets:
    """Indexes and contact sheets of the datasets in use, and the check of their preprocessing."""
    input:
        indexes=plan.dataset_targets(),
        unlisted=plan.unlisted.targets("datasets"),
