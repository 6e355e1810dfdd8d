"""What the Snakefile asks: which datasets, subjects, experiments, folds and targets there are.

All enumeration is here, in plain Python that tests can call; the rules only name files. Imports nothing heavy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from mexflow import commands, config, embedded
from mexflow.datasets import reading
from mexflow.errors import choose
from mexflow.evaluation.folds import PROTOCOLS
from mexflow.papers import interval_methods, repeats
from mexflow.papers import paper as papers
from mexflow.papers import recipe as recipes
from mexflow.papers.experiments import Experiment
from mexflow.papers.kinds import KINDS, Kind
from mexflow.papers.paper import Paper
from mexflow.plan import inspection
from mexflow.plan.batches import Batch, cut
from mexflow.plan.checks import check
from mexflow.plan.enumeration import spread
from mexflow.plan.flags import flags
from mexflow.plan.for_use import Models
from mexflow.plan.learning import Learning
from mexflow.plan.named_preprocessing import FLOW_IMAGES, NamedPreprocessing
from mexflow.plan.paper_figures import PaperFigures
from mexflow.plan.reporting import Reporting
from mexflow.plan.results_page import ResultsPage
from mexflow.plan.sources import Sources, require_plain, require_writable
from mexflow.plan.unlisted import Unlisted
from mexflow.plan.weight_files import WeightFiles
from mexflow.store import digest
from mexflow.store.records import canonical_digest

RESULTS = Path("results")


class Workflow:
    """The configured workflow."""

    def __init__(self, values: dict[str, Any], folder: Path) -> None:
        """
        Args:
            values: the configuration as Snakemake merged it.
            folder: the ``workflow/`` folder.

        Raises:
            UserError: for a wrong configuration, an unknown paper, a wrong paper file, results that cannot be written,
                or a folder that cannot be worked in.
        """
        require_plain(folder.parent)
        require_writable(RESULTS)
        self.config = config.load(values)
        self.papers_folder = folder / "papers"
        wanted = papers.available(self.papers_folder) if "all" in self.config.papers else self.config.papers
        self.weights = WeightFiles(self.config)
        self.papers: dict[str, Paper] = {
            name: papers.load(self.papers_folder, name, self.config.reading).with_weights(self.weights.paths)
            for name in wanted
        }
        for name, paper in self.papers.items():
            check(paper, self.papers_folder / f"{name}.yaml")
        self.preprocessing = NamedPreprocessing(self.papers)
        wanted = [data.index for paper in self.papers.values() for data in paper.data.values()]
        self.sources = Sources(self.config, wanted, RESULTS)
        self.sheets = inspection.Sheets(self.sources, RESULTS, self.preprocessing.sheet_residuals)
        self.unlisted = Unlisted(self)
        self.reporting = Reporting(self)
        self.learning = Learning(self)
        self.models = Models(self)
        self.page = ResultsPage(self)
        # Once a run: Snakemake asks for every job, and thousands of jobs would spend half of the DAG's time on it.
        self._code_digest = cache(commands.code_digest)

    @property
    def config_digest(self) -> str:
        """Sha256 of the configuration, defaults included."""
        return canonical_digest(self.config.model_dump(mode="json")).sha256

    def enumerated(self) -> Workflow:
        """The workflow itself, once every dataset that can be listed, fold and target is enumerated."""
        self.dataset_targets()
        _ = self.batches
        return self

    def experiments(self, paper: str) -> dict[str, Experiment]:
        """The experiments of a paper whose data can be listed, null controls and repeats among them if wanted."""
        spec, indexes = self.papers[paper], self.sources.indexes
        return {
            name: experiment for name, experiment in self._wanted(paper).items() if spec.data_of(name).index in indexes
        }

    def _wanted(self, paper: str) -> dict[str, Experiment]:
        return self.papers[paper].to_train(self.config.null_controls, self.config.training.repeats, self.config.budget)

    def repeated(self, paper: str, experiment: str) -> list[str]:
        """An experiment and its repeats."""
        return repeats.among(self.experiments(paper), experiment)

    @property
    def whole(self) -> list[str]:
        """The papers all of whose data can be listed."""
        return [name for name in self.papers if name not in self.unlisted.papers]

    def all_folds(self, paper: str, experiment: str) -> list[str]:
        """Names of all folds of an experiment's protocol."""
        spec = self.papers[paper]
        data = spec.data_of(experiment)
        if spec.kind(experiment).every_video:
            return [subject for _, subject in self.sources.subjects(data.index)]
        return [
            fold.name for fold in PROTOCOLS[spec.protocol_of(experiment)](self.sources.rows(data.index), data.label)
        ]

    def folds(self, paper: str, experiment: str) -> list[str]:
        """Names of the folds that the budget runs: all, or so many spread evenly over all."""
        every = self._all_folds[paper, self.papers[paper].data_name(experiment)]
        wanted = self.papers[paper].effort(experiment, self.config.budget).folds
        return every if wanted is None else spread(every, wanted)

    @cached_property
    def _all_folds(self) -> dict[tuple[str, str], list[str]]:
        return {
            (paper, spec.data_name(experiment)): self.all_folds(paper, experiment)
            for paper, spec in self.papers.items()
            for experiment in spec.experiments
            if spec.data_of(experiment).index in self.sources.indexes
        }

    @cached_property
    def batches(self) -> list[Batch]:
        """The training jobs' folds: at most `training.folds_per_job` of them in a batch."""
        batches: list[Batch] = []
        for paper, spec in self.papers.items():
            alike: dict[tuple[Any, ...], list[str]] = defaultdict(list)
            listed = self.experiments(paper)
            for name, experiment in self._wanted(paper).items():
                # Networks that are trained apart share nothing but their rule; the arrays and folds are alike. What
                # cannot be listed has a number too, so that the others have the same when it can.
                folds: Any = spec.effort(name, self.config.budget).folds
                if name in listed:
                    folds = tuple(self.folds(paper, name))
                keep = getattr(experiment, "keep_features", False)
                index, reads = spec.data_of(name).index, tuple(spec.reads(name))
                alike[folds, index, reads, keep, experiment.kind].append(name)
            for group, ((folds, index, reads, keep, kind_name), names) in enumerate(alike.items()):
                if names[0] not in listed:
                    continue
                kind = KINDS[kind_name]
                batches += cut(
                    f"train_{paper}_{group}",
                    paper,
                    folds,
                    self.config.folds_per_job,
                    experiments=tuple(names),
                    kind=kind,
                    index=index,
                    inputs=tuple(self.read_beside(kind, index, reads)),
                    files_of_fold=(*kind.files, *(["features.npy"] if keep else [])),
                )
        return batches

    def read_beside(self, kind: Kind, index: str, reads: Sequence[str]) -> list[str]:
        """What a training reads beside its index."""
        first, *others = (self._stage(folder, index) for folder in reads)
        videos = [f"{RESULTS}/index/{index}.videos.parquet"] if kind.every_video else []
        return [*videos, *first, *self.beside(first), *(array for arrays in others for array in arrays)]

    def arrays(self, paper: str, experiment: str) -> list[str]:
        """The preprocessed arrays with a table beside them that an experiment reads."""
        folder = self.papers[paper].reads(experiment)[0]
        return self._stage(folder, self.papers[paper].data_of(experiment).index)

    def _stage(self, stage: str, index: str) -> list[str]:
        return [f"{RESULTS}/{stage}/{dataset}/{subject}.npy" for dataset, subject in self.sources.subjects(index)]

    @cached_property
    def figures(self) -> dict[str, PaperFigures]:
        """What the figures of each whole paper are drawn from."""
        return {paper: PaperFigures(self, paper, str(RESULTS)) for paper in self.whole}

    def indexes(self, paper: str) -> dict[str, str]:
        """The indexes of a paper's data, by the data's name."""
        return {name: f"{RESULTS}/index/{data.index}.parquet" for name, data in self.papers[paper].data.items()}

    def paper_file(self, paper: str) -> str:
        """The paper's file, relative to the working directory where that is the project's own."""
        return f"{self.papers_place}/{paper}.yaml"

    @property
    def papers_place(self) -> str:
        """The folder of the papers' files, relative to the working directory where that is the project's own."""
        folder = self.papers_folder
        return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)

    @staticmethod
    def beside(arrays: list[str]) -> list[str]:
        """The tables beside arrays."""
        return [array.removesuffix(".npy") + ".parquet" for array in arrays]

    def predictions(self, paper: str, experiment: str | None = None) -> list[str]:
        """The predictions of all folds that the budget runs of a paper's experiments, or of one and its repeats."""
        return [
            f"{RESULTS}/folds/{paper}/{name}/{fold}/predictions.parquet"
            for name in (self.repeated(paper, experiment) if experiment else self.experiments(paper))
            if self.papers[paper].kind(name).recognises
            for fold in self.folds(paper, name)
        ]

    def spotted(self, paper: str, only: str | None = None) -> list[str]:
        """Scores of all folds of a paper's spotting experiments, or of one and its repeats, that are run, and what is
        made of them.
        """
        return [
            f"{RESULTS}/folds/{paper}/{name}/{fold}/{table}.parquet"
            for name in (self.experiments(paper) if only is None else self.repeated(paper, only))
            for fold in self.folds(paper, name)
            for table in self.papers[paper].kind(name).spotted
        ]

    @property
    def spotting_papers(self) -> dict[str, list[str]]:
        """The papers with experiments on long videos, and these, with their repeats."""
        spotting = {
            name: [experiment for experiment in self.experiments(name) if spec.kind(experiment).every_video]
            for name, spec in self.papers.items()
        }
        return {name: experiments for name, experiments in spotting.items() if experiments}

    def video_tables(self, paper: str, experiment: str, subject: str) -> list[str]:
        """What a figure of a test video is drawn from: the tables of the fold that tests its subject.

        Raises:
            UserError: if the budget does not test that subject.
        """
        choose(f"subject tested by budget {self.config.budget}", subject, self.folds(paper, experiment))
        folder = f"{RESULTS}/folds/{paper}/{experiment}/{subject}"
        return [f"{folder}/{table}.parquet" for table in self.papers[paper].kind(experiment).spotted]

    def index_of(self, paper: str, experiment: str) -> str:
        """The index of an experiment's data."""
        return f"{RESULTS}/index/{self.papers[paper].data_of(experiment).index}.parquet"

    def intervals_flags(self, paper: str) -> str:
        """How scores become intervals, as options of ``mexflow intervals``."""
        intervals = self.papers[paper].intervals
        return f"--order {intervals.order} --least {intervals.least} --iou {intervals.iou}"

    def features(self, paper: str) -> list[str]:
        """The feature files of a paper's experiments that keep them."""
        return [
            f"{RESULTS}/folds/{paper}/{name}/{fold}/features.npy"
            for name, experiment in self.experiments(paper).items()
            if getattr(experiment, "keep_features", False)
            for fold in self.folds(paper, name)
        ]

    def data(self, paper: str) -> str:
        """Which data a paper's numbers come from: ``embedded``, or the roots of the licensed copies."""
        texts = dict.fromkeys(self.sources.data(data.index) for data in self.papers[paper].data.values())
        return ", ".join(texts)

    def targets(self, paper: str) -> list[str]:
        """Everything that is made for a paper in the end."""
        spec = self.papers[paper]
        tables = [f"{RESULTS}/tables/{paper}.{ending}" for ending in ("parquet", "csv", "md")]
        timing = [f"{RESULTS}/tables/{paper}.timing.{ending}" for ending in ("parquet", "csv", "md") if spec.timing]
        figures = [f"{RESULTS}/figures/{paper}/{name}.{e}" for name in spec.figures for e in ("png", "svg")]
        # Tables of a failed run lie where the whole ones will; without the record of these they are not taken for them.
        return [*tables, f"{RESULTS}/records/tables/{paper}.json", *timing, *figures]

    def paper_targets(self) -> list[str]:
        """Everything of the papers, and the folds of those experiments that can be made of a paper that cannot."""
        parts = [
            path
            for paper in self.unlisted.papers
            for path in (*self.predictions(paper), *self.spotted(paper), *self.features(paper))
        ]
        return [*(target for paper in self.whole for target in self.targets(paper)), *parts]

    def dataset_targets(self) -> list[str]:
        """The indexes and their summaries, a contact sheet of each dataset, and the check against the truth."""
        shown = [
            f"{RESULTS}/figures/datasets/{dataset}.png"
            for dataset in self.sources.listed
            if self.sheets.subjects(dataset)
        ]
        lcn = [f"{RESULTS}/figures/datasets/lcn.png"] if self.sheets.face else []
        checks = [f"{RESULTS}/tables/preprocessing.{ending}" for ending in ("parquet", "csv", "md") if self.checked]
        return [*self.sources.index_targets, *shown, *lcn, *checks]

    def code(self, command: str, *chosen: str) -> str:
        """The code digest of a command, for a rule's ``params``."""
        return self._code_digest(command, *sorted(chosen))

    def recipe(self, paper: str, experiment: str) -> str:
        """Everything that training an experiment depends on, as the option of ``mexflow train``."""
        return self._recipes[paper, experiment][0]

    def training_code(self, paper: str, experiment: str) -> str:
        """The code digest of training an experiment: of what its recipe picks, and of no other."""
        return self._recipes[paper, experiment][1]

    @cached_property
    def _recipes(self) -> dict[tuple[str, str], tuple[str, str]]:
        # Once a run: Snakemake asks for every job, and an experiment has many.
        recipe_texts = {}
        for paper, spec in self.papers.items():
            for name in self._wanted(paper):
                recipe = spec.recipe(name, self.config.budget, self.config.seed, self.config.preprocess.lcn.sigma)
                if self.sources.data(spec.data_of(name).index) == "embedded":
                    recipe = recipe.of_embedded()
                picked = [spec.kind(name).trainer, *recipe.picks()]
                recipe_texts[paper, name] = recipes.text(recipe), self.code("train", *picked)
        return recipe_texts

    def flow_code(self, command: str, method: str) -> str:
        """The code digest of a command that computes flow by a method, and by no other."""
        return self.code(command, f"mexflow.preprocess.flow:{method}")

    def residual_code(self, names: Sequence[str]) -> str:
        """The code digest of making residual images of these names."""
        images = {self.preprocessing.residuals[name].image for name in names}
        return self.code("residual", *(f"mexflow.preprocess.flow:{image}" for image in images & set(FLOW_IMAGES)))

    def residual_flags(self, names: Sequence[str]) -> str:
        """The residual images of these names, as options of ``mexflow residual``."""
        images = {name: self.preprocessing.residuals[name] for name in names}
        return flags(
            "image", (f"{name}={image.image},{image.key_frames},{image.gap}" for name, image in images.items())
        )

    def quality_code(self) -> str:
        """The code digest of holding the embedded datasets in use against the truth, by every method of flow."""
        methods = digest.entries("mexflow.preprocess.flow", "METHODS")
        layouts = (
            module
            for dataset in self.checked
            for module in (*embedded.modules(dataset), *reading.adapter_modules(dataset))
        )
        flows = (f"mexflow.preprocess.flow:{method}" for method in methods)
        return self.code("quality", *layouts, *flows, interval_methods.identity(self.config.intervals))

    def coverage_code(self) -> str:
        """The code digest of simulating the coverage of intervals, of every method."""
        methods = digest.entries("mexflow.evaluation.uncertainty", "METHODS")
        return self.code("coverage", *map(interval_methods.identity, methods))

    @cached_property
    def checked(self) -> dict[str, list[str]]:
        """The aligned faces of the embedded datasets, which are held against the truth."""
        return {
            dataset: [f"{RESULTS}/faces/{dataset}/{subject}.npy" for _, subject in self.sources.subjects(dataset)]
            for dataset in self.sources.embedded
        }

    @property
    def gpus(self) -> int:
        """The GPUs that a training job asks a cluster for: one where `cuda` is set, none where it is left open."""
        return int(self.config.training.device == "cuda")
