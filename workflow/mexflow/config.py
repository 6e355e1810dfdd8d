"""The typed model of ``config.yaml``.

The Snakefile validates the whole configuration with :func:`load` before anything else happens, and
``workflow/schemas/config.schema.json`` is generated from the same model (``mexflow schema``), so
that editors complete and check the file. Light enough for the Snakefile: pydantic is its only import.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator

from mexflow.datasets.reading import adapter
from mexflow.datasets.registry import DATASETS, missing_line
from mexflow.errors import UserError, nearest
from mexflow.papers import repeats
from mexflow.papers.interval_methods import DEFAULT, IntervalMethod
from mexflow.papers.parts import Budget
from mexflow.papers.pretrained import PRETRAINED
from mexflow.papers.reporting_recipe import ShownFaces


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Section):
    """Where one raw dataset is."""

    root: str = Field(
        "embedded",
        min_length=1,
        description="`embedded` for the synthetic copy, the folder of your licensed copy, or `none` to leave it out.",
    )
    openface: str | None = Field(
        None,
        min_length=1,
        description="Folder of OpenFace 2 output to take aligned faces and landmarks from, in place of detection; laid "
        "out like the dataset's folders of frames.",
    )

    @field_validator("root")
    @classmethod
    def _has_no_braces(cls, value: str) -> str:
        return _without_braces(value, "folder")

    @field_validator("root", "openface")
    @classmethod
    def _has_a_home(cls, value: str | None) -> str | None:
        return value and _with_known_home(value)


def _without_braces(value: str, noun: str) -> str:
    if set(value) & set("{}"):
        raise ValueError(
            f"Snakemake takes braces in a path for wildcards, as in {value}; rename the {noun}, or make a link to "
            "it without them (ln -s) and write that"
        )
    return value


def _with_known_home(value: str) -> str:
    # Kept as it was written: what tables and records say must not depend on whose home it is.
    if os.path.expanduser(value).startswith("~"):
        raise ValueError(f"this machine knows no home folder {value.split('/')[0]}; write the folder in full")
    return value


def _described(dataset: str) -> Callable[[dict[str, Any]], None]:
    """Puts a dataset's summary into the JSON schema: its adapter is imported for that, and not before."""
    return lambda schema: schema.update(description=adapter(dataset).summary)


Datasets = create_model(
    "Datasets",
    __base__=_Section,
    __doc__="The raw datasets, each by its root: those of the registry.",
    **{
        name: (Dataset, Field(Dataset(), description=f"Where {name} is.", json_schema_extra=_described(name)))
        for name in DATASETS
    },
)


class _WeightFiles(_Section):
    @field_validator("*")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        return _with_known_home(_without_braces(value, "file"))


Weights = create_model(
    "Weights",
    __base__=_WeightFiles,
    __doc__="Files of weights that others trained, which networks start from; `none`: they are trained from scratch.",
    **{
        name: (
            str,
            Field("none", min_length=1, description=f"File of {PRETRAINED.declared(name).title}; or `none`."),
        )
        for name in PRETRAINED
    },
)


class Embedded(_Section):
    """The synthetic datasets rendered where no licensed copy is given."""

    size: Literal["tiny", "demo", "full"] = Field(
        "demo",
        description="`tiny` runs in seconds and is too small for any score, `demo` is the default, `full` has the "
        "real datasets' subject and class counts.",
    )
    seed: int = Field(2020, ge=0, description="Seed of faces, expressions and nuisance.")


class Faces(_Section):
    """Detection, tracking and alignment of faces."""

    smoothing: float = Field(
        15.0,
        ge=0,
        le=50,
        description="Gaussian smoothing over time of the landmarks, where the head's motion is taken off, sigma in "
        "frames; 0 switches it off.",
    )
    max_missed: float = Field(
        0.2,
        ge=0,
        le=1,
        description="A clip with a larger share of frames without a face is excluded, with its reason; in a long "
        "video, frames that cannot be read count as such.",
    )
    unreadable: Literal["error", "exclude"] = Field(
        "error",
        description="A damaged frame, or one of another size than its clip, stops the job (`error`) or is left out "
        "(`exclude`): in a long video alone, else with its clip, and the reason.",
    )


class Lcn(_Section):
    """Local contrast normalisation."""

    sigma: float = Field(4.0, gt=0, le=16, description="Sigma of its Gaussian, pixels of the aligned 112 px face.")


class Preprocess(_Section):
    """Settings of the stages before training."""

    subjects_per_job: int = Field(
        1,
        ge=1,
        description="Subjects that one cluster job preprocesses, all their stages; 1 submits an array a stage.",
    )
    faces: Faces = Field(Faces(), description="Detection, tracking and alignment of faces.")
    lcn: Lcn = Field(Lcn(), description="Local contrast normalisation.")


class Training(_Section):
    """How training runs; what is trained is in `workflow/papers/`."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="`auto` trains on a GPU when one is present, each job on its own; `cuda` fails without one.",
    )
    threads: int = Field(
        1, ge=1, le=64, description="CPU threads of one training job; fixed, so results do not depend on --cores."
    )
    folds_per_job: int = Field(
        0,
        ge=0,
        description="Folds of one training job, one after the other, on a GPU at once (saves start-up of short ones); "
        "0 is 5, and 1 of the budget `paper`, whose folds take hours.",
    )
    checkpoint_seconds: int = Field(
        30, ge=0, description="Least time between two saves of an unfinished fold; 0 saves every epoch."
    )
    repeats: int = Field(
        1,
        ge=1,
        le=repeats.MOST,
        description="Train each fold from so many seeds; tables then show the mean over them and its spread. The first "
        "seed is the only one of 1.",
    )


class Page(_Section):
    """The results page, `results/index.html`."""

    show_faces: ShownFaces = Field(
        "embedded",
        description="Whose faces it shows: of `embedded` data alone; of `all`, also of licensed copies, whose owners' "
        "agreement says who may see them; or of `none`. Figures with pixels of other data are then not inside it.",
    )


class Config(_Section):
    """Everything a user sets."""

    papers: list[str] = Field(
        ["all"],
        min_length=1,
        description="Papers to make, by file in workflow/papers; `all` is every one there.",
    )
    budget: Budget = Field(
        "demo",
        description="`paper` trains with the printed epochs and all folds; `demo` with few, for a first look; "
        "`learning` the proposed methods until they learn on the embedded data, all else as `demo`.",
    )
    reading: Literal["decided", "literal"] = Field(
        "decided",
        description="`decided` reads papers with the decisions that their files list; `literal` takes what they print "
        "wherever that can be done.",
    )
    seed: int = Field(1, ge=0, description="Base seed; a fold's seed follows from it, the paper, experiment and fold.")
    null_controls: bool = Field(
        True,
        description="Also train on labels permuted within subject where a paper asks for it; not to be above chance.",
    )
    intervals: IntervalMethod = Field(
        DEFAULT, description="How the 95 % intervals over subjects are made; docs/tables.md says how well each holds."
    )
    datasets: Datasets = Field(Datasets(), description="The raw datasets, each by its root.")
    embedded: Embedded = Field(Embedded(), description="The synthetic datasets.")
    weights: Weights = Field(Weights(), description="Files of weights that others trained, for networks to start from.")
    preprocess: Preprocess = Field(Preprocess(), description="Settings of the stages before training.")
    training: Training = Field(Training(), description="How training runs.")
    page: Page = Field(Page(), description="The results page.")

    @property
    def folds_per_job(self) -> int:
        """The most folds that one job trains: as set, or what suits the budget."""
        # Of jobs of days, the last to end would leave the other cores idle, and a cluster's limit would kill them.
        return self.training.folds_per_job or (1 if self.budget == "paper" else 5)

    def root(self, dataset: str) -> str:
        """Where a raw dataset is: `embedded`, `none`, or the folder, with ``~`` expanded."""
        return os.path.expanduser(getattr(self.datasets, dataset).root)

    def openface(self, dataset: str) -> str | None:
        """The folder of a dataset's OpenFace output, with ``~`` expanded; None if there is none."""
        folder = getattr(self.datasets, dataset).openface
        return os.path.expanduser(folder) if folder else None

    @property
    def weights_given(self) -> dict[str, str]:
        """The files of weights that networks start from, by name, with ``~`` expanded; none for those from scratch."""
        files = {name: getattr(self.weights, name) for name in type(self.weights).model_fields}
        return {name: os.path.expanduser(file) for name, file in files.items() if file != "none"}


def load(values: dict[str, Any]) -> Config:
    """Validate a configuration.

    Raises:
        UserError: one line per file that names the first wrong key, and the nearest valid one.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    texts = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            *parents, key = item["loc"]
            known = _keys(parents)
            line = missing_line(str(key)) if parents == ["datasets"] else ""
            texts.append(f"unknown key {where!r}{nearest(str(key), known)}; here are known: {', '.join(known)}{line}")
        else:
            texts.append(f"{where}: {_mend(item)}")
    return "config.yaml: " + "; ".join(texts)


def _mend(item: Any) -> str:
    """What is wrong with a value, and where it is written in a wrong form, how to write it."""
    value, model = item["input"], _model(item["loc"])
    if value is None:
        word = "; `none`, in letters, leaves the dataset out" if item["loc"][-1] == "root" else ""
        return f"is empty; give it a value, or take the line out{word}"
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    if item["type"] == "model_type" and model:
        return f"write {_example(model, value)}"
    if item["type"] == "list_type" and isinstance(value, str):
        return f"write [{value}]"
    return f"{item['msg'][0].lower()}{item['msg'][1:]}, not {value!r}"


def _example(model: type[BaseModel], value: Any) -> str:
    """A section with its first setting, of `value` where that fits there."""
    name, field = next(iter(model.model_fields.items()))
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return f"{{{name}: {_example(field.annotation, value)}}}"
    try:
        model.model_validate({name: value})
    except ValidationError:
        value = field.default
    return f"{{{name}: {value}}}"


def _keys(path: list[int | str]) -> list[str]:
    model = _model(path)
    return list(model.model_fields) if model else []


def _model(path: Sequence[int | str]) -> type[BaseModel] | None:
    """The section at a path of keys; None if there is none."""
    model: Any = Config
    for part in path:
        field = model.model_fields.get(str(part))
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
    return model
