"""Decisions where a paper is silent, contradicts itself, or prints something else than is done: data of its file.

A decision names a setting of the file by its path, and the value that stands there. A list that says something else
than the file is refused when it is read, and so is an alternative that the setting does not take. The reading
``literal`` of a paper (:data:`Reading`) is its file with the `literal` values of its decisions in place.

The parts of a path are keys of the file, separated by dots; ``*`` in the name of an experiment or of data stands for
any text. ``models.NAME.OPTION`` is an option of a network, in all experiments that do not state it otherwise: its value
may be the network's default. In a list of operations, a part is the name of one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, model_validator

from mexflow.errors import nearest
from mexflow.papers.kinds import KINDS, kind_of
from mexflow.papers.part import Part, parsed
from mexflow.papers.parts import Budget
from mexflow.validation import explain

if TYPE_CHECKING:
    from mexflow.papers.experiments import Experiment
    from mexflow.papers.paper import Paper

Reading = Literal["decided", "literal"]
"""How a paper is read: with our decisions, or with what it prints wherever that can be taken at its word."""

MODELS = "models"
"""The first part of the path of a network's option."""

_UNSHOWN = {"tables", "claims", "errata", "timing", "decisions"}
Place = tuple[str, ...]


class Decision(Part):
    """A decision of ours about one setting.

    `value` is what stands in the file. `paper` says what the paper is about it, and `place` where: ``silent``,
    ``contradictory``, or something else is ``printed``. `alternatives` are other values that the setting takes, and
    `why` says why this one was chosen. `literal` is the value that takes the paper at its word: `value` itself or an
    alternative. Where the paper is silent, it is the one that adds nothing to what is printed. It is left out where no
    value of the setting is such.
    """

    setting: str = Field(min_length=1)
    value: Any
    paper: Literal["printed", "silent", "contradictory"]
    place: str = Field(min_length=1)
    alternatives: list[Any] = []
    why: str = Field(min_length=1)
    literal: Any = None

    @model_validator(mode="after")
    def _consistent(self) -> Decision:
        values = [self.value, *self.alternatives]
        if any(same(value, other) for i, value in enumerate(values) for other in values[:i]):
            raise ValueError(f"{self.setting}: the value and its alternatives are all different")
        if self.has_literal and not any(same(value, self.literal) for value in values):
            raise ValueError(f"{self.setting}: `literal` is the value or one of the alternatives, not {self.literal!r}")
        return self

    @property
    def has_literal(self) -> bool:
        """Whether one value takes the paper at its word."""
        return "literal" in self.model_fields_set

    @property
    def path(self) -> Place:
        """The parts of the setting's path."""
        return tuple(self.setting.split("."))

    @property
    def of_networks(self) -> bool:
        """Whether it is about what is built, and not about how that is trained or what it is fed."""
        return self.path[0] == MODELS or self.path[-1] == "model"


def same(value: Any, other: Any) -> bool:
    """Whether two values of a file are one: true is not 1."""
    if isinstance(value, list | tuple) and isinstance(other, list | tuple):
        return len(value) == len(other) and all(map(same, value, other))
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        named, others = ({_key(key): below for key, below in part.items()} for part in (value, other))
        return named.keys() == others.keys() and all(same(below, others[key]) for key, below in named.items())
    return isinstance(value, bool) == isinstance(other, bool) and value == other


def _key(key: Any) -> str:
    """A key as a settled model writes it: a number as a float."""
    return str(float(key)) if isinstance(key, int | float) else str(key)


def check(paper: Paper) -> None:
    """Make sure that a paper's decisions say what its file says, and that their alternatives are taken.

    Raises:
        ValueError: naming the first decision that does not, and the nearest valid word.
    """
    settings = [decision.setting for decision in paper.decisions]
    for number, setting in enumerate(settings):
        if setting in settings[:number]:
            raise ValueError(f"decisions: {setting} is listed twice")
    tree = settings_of(paper) if settings else {}
    for decision in paper.decisions:
        try:
            places = _places_taken(paper, tree, decision)
            for value in decision.alternatives:
                for place in places:
                    _require_taken(paper, place, value)
        except ValueError as error:
            raise ValueError(f"decisions: {decision.setting}: {error}") from None


def settings_of(paper: Paper) -> dict[str, Any]:
    """The settings of a paper by the keys of its file, those too that it leaves to their defaults."""
    tree = paper.model_dump(mode="json", exclude=_UNSHOWN)
    for model in {kind_of(experiment).training for experiment in paper.experiments.values()} - {None}:
        defaults = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
        tree["training"] = {
            **{name: value for name, value in defaults.items() if not model.model_fields[name].is_required()},
            **tree["training"],
        }
    return tree


def of_experiment(paper: Paper, experiment: str, budget: Budget = "paper") -> list[Decision]:
    """The decisions that what is measured of an experiment, or of its null control, rests on."""
    return [decision for decision in paper.decisions if _rests_on(paper, experiment, decision, budget)]


def literal(values: Mapping[str, Any], paper: Paper) -> dict[str, Any]:
    """The content of a paper's file, read literally: its decisions then say so.

    Args:
        values: the content, as `paper` was made of it.
        paper: the paper.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(values))
    tree = settings_of(paper)
    for number, decision in enumerate(paper.decisions):
        if decision.has_literal and not same(decision.literal, decision.value):
            for place in _places_taken(paper, tree, decision):
                put(changed, place, decision.literal)
            changed["decisions"][number] = _turned(decision)
    return changed


def with_value(values: Mapping[str, Any], paper: Paper, decision: Decision, value: Any) -> dict[str, Any]:
    """The content of a paper's file with another value of a decision, which then says so."""
    turned = decision.model_copy(update={"literal": value})
    changed: dict[str, Any] = copy.deepcopy(dict(values))
    for place in _places_taken(paper, settings_of(paper), decision):
        put(changed, place, value)
    changed["decisions"][paper.decisions.index(decision)] = _turned(turned)
    return changed


def put(values: dict[str, Any], place: Place, value: Any) -> None:
    """Put a value into the content of a file; keys on the way there are made where it leaves them out."""
    here: Any = values
    for part in place[:-1]:
        here = _operation(here, part) if isinstance(here, list) else here.setdefault(part, {})
    if isinstance(here, list):
        here = _operation(here, place[-1])
    here[place[-1]] = value


def _turned(decision: Decision) -> dict[str, Any]:
    """A decision of which the literal value is taken, and the other one is an alternative."""
    others = [value for value in decision.alternatives if not same(value, decision.literal)]
    return {
        **decision.model_dump(),
        "value": decision.literal,
        "literal": decision.literal,
        "alternatives": [decision.value, *others],
    }


def _places_taken(paper: Paper, tree: Mapping[str, Any], decision: Decision) -> list[Place]:
    """Where the value of a decision stands.

    Raises:
        ValueError: if there is no such setting, or another value stands there.
    """
    if decision.path[0] == MODELS:
        return _options(paper, decision)
    places = dict(_places(tree, decision.path))
    taken = [place for place, value in places.items() if same(value, decision.value)]
    # An experiment may be there to have another value.
    if not taken or (decision.path[0] != "experiments" and len(taken) < len(places)):
        other = next(value for value in places.values() if not same(value, decision.value))
        raise ValueError(f"is {other!r} in the file, and {decision.value!r} in the list")
    return taken


def _places(tree: Any, path: Place, before: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The places that a path stands for, with what is there."""
    if not path:
        yield before, tree
        return
    first, *rest = path
    if isinstance(tree, list):
        operation = _operation(tree, first)
        yield from _places(operation[first], tuple(rest), (*before, first))
        return
    known = tree if isinstance(tree, Mapping) else {}
    keys = [key for key in known if fnmatchcase(key, first)]
    if not keys:
        where = ".".join(before) or "the file"
        raise ValueError(f"{where} has no {first!r}{nearest(first, known)}")
    problem: ValueError | None = None
    count = 0
    for key in keys:
        try:
            for place in _places(known[key], tuple(rest), (*before, key)):
                count += 1
                yield place
        except ValueError as error:
            problem = problem or error
    if problem and not count:
        raise problem


def _operation(operations: list[Any], name: str) -> dict[str, Any]:
    for operation in operations:
        if isinstance(operation, Mapping) and name in operation:
            return operation  # type: ignore[return-value]
    raise ValueError(f"no operation {name!r} with values")


def _options(paper: Paper, decision: Decision) -> list[Place]:
    """The places of a network's option, in the experiments that do not state it otherwise."""
    _, model, option = _three(decision.path)
    if model not in paper.models:
        raise ValueError(f"no experiment has the model {model!r}{nearest(model, paper.models)}")
    return [
        ("experiments", name, "options", option)
        for name, experiment in paper.experiments.items()
        if _has_option(experiment, model, option, decision.value)
    ]


def _three(path: Place) -> Place:
    if len(path) != 3:
        raise ValueError("an option of a network is written models.NAME.OPTION")
    return path


def _has_option(experiment: Experiment, model: str, option: str, value: Any) -> bool:
    options = getattr(experiment, "options", {})
    return getattr(experiment, "model", None) == model and same(options.get(option, value), value)


def _require_taken(paper: Paper, place: Place, value: Any) -> None:
    """Make sure that a setting takes a value. What other rooms name (networks, protocols) is not looked up.

    Raises:
        ValueError: saying why it does not.
    """
    section, *rest = place
    if section == "training":
        for name in paper.experiments:
            model = paper.kind(name).training
            if model and rest[0] in model.model_fields:
                shared = {key: given for key, given in paper.training.items() if key in model.model_fields}
                parsed(model, _changed(shared, rest, value), section)
    elif section == "budgets":
        budget, *keys = rest
        for kind in {paper.kind(name) for name in paper.experiments}:
            if keys[0] in kind.effort.model_fields:
                shared = {key: given for key, given in paper.budgets[budget].items() if key in kind.effort.model_fields}
                parsed(kind.effort, _changed(shared, keys, value), f"{section}.{budget}")
    elif section in ("experiments", "data", "spotting", "figures", "preprocessing", "sequences", "intervals"):
        part = getattr(paper, section)
        while not isinstance(part, Part) or part is paper.preprocessing:
            key = rest.pop(0)
            part = part[key] if isinstance(part, Mapping) else part.named(key)
        try:
            type(part).model_validate(_changed(part.model_dump(mode="json", exclude_unset=True), rest, value))
        except ValidationError as error:
            raise ValueError(f"the alternative {value!r}: {explain(error, type(part))}") from None


def _changed(given: dict[str, Any], keys: list[str], value: Any) -> Any:
    """Values of a part of a file with another one at a place; without keys, that value."""
    changed = {"part": copy.deepcopy(given)}
    put(changed, ("part", *keys), value)
    return changed["part"]


def _rests_on(paper: Paper, name: str, decision: Decision, budget: Budget) -> bool:
    experiment, kind = paper.experiment(name), paper.kind(name)
    section, *rest = decision.path
    if section == MODELS:
        return _has_option(experiment, *_three(decision.path)[1:], decision.value)
    if section == "experiments":
        # A control is what it controls, on other labels.
        base = name if name in paper.experiments else name.removesuffix("-null")
        own = {base: paper.experiments[base].model_dump(mode="json")}
        try:
            return any(same(value, decision.value) for _, value in _places(own, tuple(rest)))
        except ValueError:
            return False
    if section == "training":
        model = kind.training
        return (
            model is not None and rest[0] in model.model_fields and rest[0] not in getattr(experiment, "training", ())
        )
    if section == "budgets":
        return rest[0] == paper.section(name, budget) and rest[1] in kind.effort.model_fields
    if section == "preprocessing":
        return any(fnmatchcase(folder, "/".join(rest[:2])) for folder in paper.reads(name))
    if section in ("spotting", "data"):
        used = kind.every_video if section == "spotting" else True
        return used and fnmatchcase(paper.data_name(name), rest[0])
    return {
        "sequences": kind is KINDS["sequences"],
        "intervals": kind.every_video,
        "protocol": paper.data_of(name).protocol is None,
        "train_pairs": kind is KINDS["flow"],
        "test_pairs": kind is KINDS["flow"],
    }.get(section, False)
