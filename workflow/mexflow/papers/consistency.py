"""What a paper's file must fit together for: its experiments, tables, figures and claims, checked against each other.

Each part is checked by its own model when it is read; here is what takes two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from mexflow.errors import nearest
from mexflow.papers import decisions, metrics, repeats
from mexflow.papers.kinds import kind_of
from mexflow.papers.part import require_name
from mexflow.papers.parts import Budget, BudgetSection, Claim, Column, Row, Term, printed_number
from mexflow.papers.preprocessing import Preprocessing

if TYPE_CHECKING:
    from mexflow.papers.paper import Paper


def check(paper: Paper) -> None:
    """Make sure that what a paper's file says fits together, and that all of it is read.

    Raises:
        ValueError: naming the first place that does not fit, and the nearest valid word.
    """
    if absent := [name for name in get_args(BudgetSection) if name not in paper.budgets]:
        raise ValueError(f"budgets: {absent[0]} is missing")
    _check_experiments(paper)
    _check_read(paper)
    _check_tables(paper)
    _check_figures(paper)
    for claim in paper.claims:
        try:
            _check_claim(paper, claim)
        except ValueError as error:
            raise ValueError(f"claim {claim.claim!r}: {error}") from None
    if paper.timing:
        _require_experiment(paper, paper.timing.experiment, "timing")
        if paper.experiments[paper.timing.experiment].kind != "flow":
            raise ValueError(f"timing: {paper.timing.experiment} is not on flow; flow and network are timed")
    decisions.check(paper)


def _check_experiments(paper: Paper) -> None:
    for name, experiment in paper.experiments.items():
        place = f"experiments.{name}"
        if name.endswith("-null"):
            raise ValueError(f"{place}: names that end in -null are those of null controls")
        if repeats.number_of(name) > 1:
            raise ValueError(f"{place}: names that end in -repeat-{repeats.number_of(name)} are those of repeats")
        _require_data(paper, experiment.data, place)
        for budget in get_args(Budget):
            paper.effort(name, budget)
        paper.training_of(name)
        for stage in paper.stages(experiment):
            paper.named(stage, experiment, place)
        if experiment.kind == "flow" and not (paper.train_pairs and paper.test_pairs):
            raise ValueError(f"{place}: an experiment on flow needs the paper's train_pairs and test_pairs")
        if kind_of(experiment).every_video and paper.data_name(name) not in paper.spotting:
            raise ValueError(f"{place}: `spotting` says nothing of data {paper.data_name(name)!r}")
        _check_variants(paper, name)
        if experiment.kind == "sequences" and not paper.sequences:
            raise ValueError(f"{place}: an experiment of sequences needs the paper's `sequences`")
        paper.recipe(name, "demo")
        files = {start.file for start in getattr(experiment, "weights", {}).values()}
        for given in [*([file] for file in sorted(files)), *([files] if len(files) > 1 else [])]:
            paper.with_weights(given).recipe(name, "demo")


def _check_variants(paper: Paper, name: str) -> None:
    if not (tested := getattr(paper.experiments[name], "variants", [])):
        return
    skips = paper.spotting[paper.data_name(name)]
    for variant in tested:
        require_name("variant of test_skips", variant, skips.test_skips, f"experiments.{name}.variants")
    if skips.k is not None and skips.k not in tested:
        raise ValueError(f"experiments.{name}.variants: {skips.k}, which the other skips are fitted by, is not there")


def _check_read(paper: Paper) -> None:
    """All that the paper says of preprocessing, training, pairs and data is read by an experiment or a figure."""
    read = {(stage, paper.named(stage, experiment, name)) for name, experiment in paper.experiments.items()
            for stage in paper.stages(experiment)}  # fmt: skip
    read |= {("residual", name) for figure in paper.figures.values() for name in figure.residual_kinds}
    for stage in Preprocessing.model_fields:
        for name in paper.preprocessing.named(stage):
            if (stage, name) not in read:
                raise ValueError(f"preprocessing.{stage}.{name}: no experiment and no figure reads it")
    kinds = [kind_of(experiment) for experiment in paper.experiments.values()]
    trained = {name for kind in kinds if kind.training for name in kind.training.model_fields}
    _require_known(paper.training, trained, "training")
    for budget, values in paper.budgets.items():
        _require_known(values, {name for kind in kinds for name in kind.effort.model_fields}, f"budgets.{budget}")
    flows = [flow for name, flow in paper.preprocessing.flow.items() if ("flow", name) in read]
    for pair in [*paper.train_pairs, *paper.test_pairs]:
        if not flows or any(pair not in flow.pairs for flow in flows):
            raise ValueError(f"pair {pair!r} is not among the pairs of the paper's flow")
    used = {paper.data_name(name) for name in paper.experiments}
    used |= {figure.shown_data for figure in paper.figures.values()}
    for place, names in (("data", paper.data), ("spotting", paper.spotting)):
        for name in names:
            _require_data(paper, name, place)
            if name not in used:
                raise ValueError(f"{place}.{name}: no experiment and no figure reads it")
    if paper.sequences and not any(experiment.kind == "sequences" for experiment in paper.experiments.values()):
        raise ValueError("sequences: no experiment reads it")


def _check_tables(paper: Paper) -> None:
    for name, table in paper.tables.items():
        for row in table.rows:
            for field in ("published", "experiments"):
                values = getattr(row, field)
                if values and len(values) != len(table.columns):
                    raise ValueError(f"{name}/{row.name}: {len(values)} {field} for {len(table.columns)} columns")
            for column, experiment in zip(table.columns, row.experiments, strict=False):
                _require_experiment(paper, experiment, f"{name}/{row.name}")
                if experiment is not None:
                    metric = column.metric or row.metric
                    _require_metric(paper, metric, experiment, f"{name}/{row.name}")
                    _require_classes(paper, metric, experiment, {f"{name}/{row.name}": row, name: column})
                    if row.variant is not None and paper.kind(experiment).every_video:
                        known = paper.variants(experiment)
                        require_name("variant", row.variant, known, f"{name}/{row.name}: {experiment}")


def _check_claim(paper: Paper, claim: Claim) -> None:
    for chain in claim.chains:
        names = [term.experiment for term in chain if term.experiment is not None]
        for term in chain:
            if term.printed is not None:
                printed_number(paper.tables, term.printed, claim.metric)
            if term.experiment is not None:
                _check_term(paper, term, claim.metric)
        if len({paper.data_name(name) for name in names}) > 1:
            raise ValueError(f"{', '.join(names)} differ in their data")
    for pair in claim.pairs:
        if not any(term.experiment for term in pair):
            raise ValueError(f"{pair[0].label} and {pair[1].label}: neither is measured here")


def _check_term(paper: Paper, term: Term, metric: str) -> None:
    _require_experiment(paper, term.experiment, "its lists")
    _require_metric(paper, metric, term.experiment, "its lists")
    data = paper.data_name(term.experiment)
    variants = paper.variants(term.experiment)
    if (term.variant is None) != (not variants):
        said = "is tested in one way" if not variants else f"needs a `variant`, one of: {', '.join(variants)}"
        raise ValueError(f"{term.experiment} {said}")
    if variants and term.variant not in variants:
        raise ValueError(f"no variant {term.variant!r} of testing {term.experiment}{nearest(term.variant, variants)}")
    if (term.of_class is None) != (metric != "class_share"):
        raise ValueError(f"{term.experiment}: `of_class` is needed by class_share, and by no other metric")
    if term.of_class is not None:
        metrics.class_place(term.of_class, paper.data[data].classes)


def _check_figures(paper: Paper) -> None:
    for name, figure in paper.figures.items():
        try:
            figure.check(paper)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _require_experiment(paper: Paper, experiment: str | None, where: str) -> None:
    if experiment is not None and experiment not in paper.experiments:
        raise ValueError(f"{where}: no experiment {experiment!r}{nearest(experiment, paper.experiments)}")


def _require_metric(paper: Paper, metric: str, experiment: str, where: str) -> None:
    own, kind = paper.experiment(experiment), paper.kind(experiment)
    left = {*(name.partition(".")[0] for name in kind.files), *kind.spotted}
    left |= {"features"} if getattr(own, "keep_features", False) else set()
    left |= {"network"} if getattr(own, "model", None) else set()
    try:
        metrics.check(metric, left)
    except ValueError as error:
        raise ValueError(f"{where}: {experiment}: {error}") from None


def _require_classes(paper: Paper, metric: str, experiment: str, named: Mapping[str, Row | Column]) -> None:
    """Where a metric is of classes, row and column are named for one each."""
    if not metrics.METRICS.declared(metric).of_classes:
        return
    for place, part in named.items():
        try:
            metrics.class_place(part.name, paper.data_of(experiment).classes)
        except ValueError as error:
            raise ValueError(f"{place}: {metric}: {error}") from None


def _require_data(paper: Paper, data: str | None, where: str) -> None:
    if data is not None and data not in paper.data:
        raise ValueError(f"{where}: no data {data!r}{nearest(data, paper.data)}")


def _require_known(values: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    known = sorted(set(known))
    for key in values:
        if key not in known:
            raise ValueError(
                f"unknown key '{place}.{key}'{nearest(key, known)}; the paper's experiments know: {', '.join(known)}"
            )
