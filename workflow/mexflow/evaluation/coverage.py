"""How often intervals over subjects hold the true value, simulated.

A population of subjects is made up whose true values are known exactly: those of infinitely many subjects. Few subjects
are drawn from it many times, and each time the interval is made as for the tables. The share of the intervals that hold
the true value is the *coverage*; it should be 95 %.

Subjects differ as those of the datasets do. The number of their clips (of their true intervals, of their frames) is
geometric, which is as uneven as in CASME II. How well a subject is recognised is Beta distributed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import betaincinv, ndtr

from mexflow.evaluation import recognition, spotting
from mexflow.evaluation.uncertainty import SHARE, SIGNED, Bounds, Spread, over_subjects, seed_of


class Population(Protocol):
    """Subjects as they might be."""

    @property
    def name(self) -> str: ...

    @property
    def true(self) -> dict[str, float]:
        """The true value of each number."""
        ...

    def draw(self, studies: int, subjects: int, rng: np.random.Generator) -> Iterator[Any]:
        """What was counted in each of many studies of so many subjects."""
        ...

    def spread(self, number: str, study: Any, seed: int, method: str) -> Spread:
        """The interval of a number in one study, be its subjects ever so few."""
        ...


@dataclass(frozen=True)
class _Score:
    """A function of the confusion matrices under two networks, ``(..., 2, C, C)``, and its bounds."""

    function: Callable[[np.ndarray], np.ndarray]
    bounds: Bounds = SHARE


def _first(function: Callable[[np.ndarray], np.ndarray]) -> _Score:
    return _Score(lambda matrices: function(matrices[..., 0, :, :]))


def _gain(matrices: np.ndarray) -> np.ndarray:
    return recognition.accuracy(matrices[..., 0, :, :]) - recognition.accuracy(matrices[..., 1, :, :])


_SCORES = {
    "accuracy": _first(recognition.accuracy),
    "UF1": _first(recognition.uf1),
    "UAR": _first(recognition.uar),
    "difference of two accuracies": _Score(_gain, SIGNED),
}


@dataclass(frozen=True)
class Recognised:
    """Subjects whose clips are recognised by two networks.

    A subject has the same place among all, from the worst to the best recognised, for every class and both networks.
    Wrong answers go to the other classes by their frequency.

    Attributes:
        name: of the population.
        shares: how frequent each class is.
        recalls: how often a clip of each class is recognised.
        worse: the same of a second network on the same clips, for differences.
        clips: mean number of clips a subject, at least 1.
        evenness: of the classes among a subject's clips: the sum of the Dirichlet's parameters.
        likeness: of subjects in how well they are recognised: the sum of the Beta's parameters.
    """

    name: str
    shares: tuple[float, ...]
    recalls: tuple[float, ...]
    worse: tuple[float, ...]
    clips: float = 9
    evenness: float = 4
    likeness: float = 8

    @property
    def true(self) -> dict[str, float]:
        """Accuracy, UF1, UAR and the difference, of the expected confusion matrices."""
        expected = np.stack([self._expected(recalls) for recalls in (self.recalls, self.worse)])
        return {name: float(score.function(expected)) for name, score in _SCORES.items()}

    def _expected(self, recalls: Sequence[float]) -> np.ndarray:
        """The expected confusion matrix of one clip, float64 ``(C, C)``, sum 1."""
        return np.array(self.shares)[:, None] * self._answers(np.array(recalls))

    def draw(self, studies: int, subjects: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Confusion matrices of the subjects under both networks, int64 ``(S, 2, C, C)`` a study."""
        size = (studies, subjects)
        clips = rng.geometric(1 / self.clips, size)
        shares = rng.dirichlet(self.evenness * np.array(self.shares), size)
        labels = rng.multinomial(clips, shares)
        place = rng.random((*size, 1))
        matrices = [
            rng.multinomial(labels, self._answers(self.recalls_at(np.array(recalls), place)))
            for recalls in (self.recalls, self.worse)
        ]
        yield from np.stack(matrices, axis=2)

    def spread(self, number: str, study: np.ndarray, seed: int, method: str) -> Spread:
        """See :class:`Population`."""
        return over_subjects(study, _SCORES[number].function, seed, method, _SCORES[number].bounds, least=2)

    def recalls_at(self, means: np.ndarray, place: np.ndarray) -> np.ndarray:
        """How often clips of each class are recognised of a subject at a place in [0, 1] among all: ``(..., C)``."""
        return betaincinv(means * self.likeness, (1 - means) * self.likeness, place)

    def _answers(self, recalls: np.ndarray) -> np.ndarray:
        """The chance of each answer to each class, float64 ``(..., C, C)``; `recalls` are ``(..., C)``."""
        others = np.tile(np.array(self.shares), (len(self.shares), 1))
        np.fill_diagonal(others, 0)
        others /= others.sum(1, keepdims=True)
        return (1 - recalls)[..., None] * others + recalls[..., None] * np.eye(len(self.shares))


@dataclass(frozen=True)
class Retrained:
    """Subjects whose clips are recognised by networks that are trained from several seeds.

    How well a subject is recognised hangs on the seed in part, and so does whether one clip of it is.

    Attributes:
        name: of the population.
        of: the subjects, and how the first of its networks recognises them.
        seeds: how many trainings each fold has.
        folds: how many there are, each of them with seeds of its own for all of its subjects; None: one a subject.
        restless: the part of the variance of a subject's place among all, on a normal scale, that hangs on the seed.
        doubtful: the same of a clip's place among the clips of its class and subject.
    """

    name: str
    of: Recognised
    seeds: int = 5
    folds: int | None = None
    restless: float = 0.3
    doubtful: float = 0.5

    @property
    def true(self) -> dict[str, float]:
        """The mean over all seeds, of infinitely many subjects.

        Not of UF1 where there are few folds: their seeds would tell there however many subjects there were.
        """
        names = ("accuracy",) if self.folds else ("accuracy", "UF1")
        trained = "one seed" if self.seeds == 1 else f"mean of {self.seeds} seeds"
        return {f"{name}, {trained}": self.of.true[name] for name in names}

    def draw(self, studies: int, subjects: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Confusion matrices of the subjects under each seed, int64 ``(S, seeds, C, C)`` a study."""
        classes, means = len(self.of.shares), np.array(self.of.recalls)
        shares = np.array(self.of.shares)
        fold_of = np.arange(subjects) % (self.folds or subjects)
        for _ in range(studies):
            clips = rng.geometric(1 / self.of.clips, subjects)
            counts = rng.multinomial(clips, rng.dirichlet(self.of.evenness * shares, subjects))
            owners, labels = (np.repeat(part.ravel(), counts.ravel()) for part in np.indices(counts.shape))
            places = self._places(self.restless, rng.normal(size=subjects), fold_of, rng)
            recalls = self.of.recalls_at(means, places[..., None])[owners, :, labels]
            clip_places = self._places(self.doubtful, rng.normal(size=len(owners)), np.arange(len(owners)), rng)
            wrong = shares * (labels[:, None] != np.arange(classes))
            ends = np.cumsum(wrong / wrong.sum(1, keepdims=True), axis=1)[:, None]
            others = (rng.random((*recalls.shape, 1)) > ends[..., :-1]).sum(-1)
            said = np.where(clip_places < recalls, labels[:, None], others)
            seeds = np.arange(self.seeds)
            yield recognition.confusion_by_group(
                np.repeat(labels, self.seeds),
                said.ravel(),
                (owners[:, None] * self.seeds + seeds).ravel(),
                subjects * self.seeds,
                classes,
            ).reshape(subjects, self.seeds, classes, classes)

    def spread(self, number: str, study: np.ndarray, seed: int, method: str) -> Spread:
        """See :class:`Population`."""
        function = {"accuracy": recognition.accuracy, "UF1": recognition.uf1}[number.partition(",")[0]]
        return over_subjects(study, lambda matrices: function(matrices).mean(-1), seed, method, least=2)

    def _places(self, part: float, own: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Places in [0, 1] under each seed, ``(n, seeds)``: a `part` of the variance is of the seed of each group."""
        of_seeds = rng.normal(size=(groups.max() + 1, self.seeds))[groups]
        return ndtr(np.sqrt(1 - part) * own[:, None] + np.sqrt(part) * of_seeds)


@dataclass(frozen=True)
class Spotted:
    """Subjects in whose videos intervals are spotted, a true one with the same chance in all of a subject's videos.

    Attributes:
        name: of the population.
        recall: how often a true interval is spotted.
        alarms: mean number of false intervals a subject; it varies as widely as its mean.
        truths: mean number of true intervals a subject, at least 1.
        likeness: of subjects in their recall: the sum of the Beta's parameters.
    """

    name: str
    recall: float
    alarms: float
    truths: float = 6
    likeness: float = 8

    @property
    def true(self) -> dict[str, float]:
        """F1 of the expected counts."""
        hits = self.recall * self.truths
        return {"F1 of intervals": 2 * hits / (hits + self.truths + self.alarms)}

    def draw(self, studies: int, subjects: int, rng: np.random.Generator) -> Iterator[dict[str, spotting.Counts]]:
        """TP, FP and FN of each subject."""
        size = (studies, subjects)
        truths = rng.geometric(1 / self.truths, size)
        alarms = rng.poisson(rng.exponential(self.alarms, size))
        hits = rng.binomial(truths, rng.beta(self.recall * self.likeness, (1 - self.recall) * self.likeness, size))
        for row in np.stack([hits, alarms, truths - hits], axis=-1).tolist():
            yield {str(subject): spotting.Counts(*counts) for subject, counts in enumerate(row)}

    def spread(self, number: str, study: dict[str, spotting.Counts], seed: int, method: str) -> Spread:
        """See :class:`Population`."""
        return spotting.pooled_f1_interval(study, seed, method, least=2)


@dataclass(frozen=True)
class Scored:
    """Subjects whose frames have scores: Gaussian, of deviation 1 within a subject.

    Attributes:
        name: of the population.
        gain: how much higher frames of an expression score, on average.
        apart: standard deviation over subjects of the mean score, and of the gain.
        frames: mean number of frames a subject, at least 2; a tenth of them, and one at least, is in an expression.
    """

    name: str
    gain: float
    apart: float
    frames: int = 60

    @property
    def true(self) -> dict[str, float]:
        """The chance that a frame of an expression scores higher than one without, of two different subjects."""
        return {"AUC of frames": float(ndtr(self.gain / np.sqrt(2 + 3 * self.apart**2)))}

    def draw(self, studies: int, subjects: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, ...]]:
        """Scores, labels and subjects of all frames."""
        for _ in range(studies):
            frames = 1 + rng.geometric(1 / (self.frames - 1), subjects)
            numbers = np.repeat(np.arange(subjects), frames)
            rank = np.arange(len(numbers)) - np.repeat(np.cumsum(frames) - frames, frames)
            labels = rank < np.maximum(1, frames // 10)[numbers]
            level, gain = rng.normal(0, self.apart, subjects), rng.normal(self.gain, self.apart, subjects)
            yield rng.normal(level[numbers] + np.where(labels, gain[numbers], 0)), labels, numbers

    def spread(self, number: str, study: tuple[np.ndarray, ...], seed: int, method: str) -> Spread:
        """See :class:`Population`."""
        return spotting.auc_interval(*study, seed, method, least=2)


_FIVE = ((0.4, 0.25, 0.15, 0.12, 0.08), (0.7, 0.5, 0.45, 0.4, 0.3), (0.6, 0.4, 0.35, 0.3, 0.2))
_THREE = (0.57, 0.25, 0.18)

POPULATIONS: tuple[Population, ...] = (
    Recognised("five classes", *_FIVE),
    Recognised("five classes, few clips a subject", *_FIVE, clips=4),
    Recognised("three classes, well recognised", _THREE, (0.9, 0.85, 0.8), (0.85, 0.75, 0.7)),
    Recognised("three classes, at chance", _THREE, _THREE, _THREE),
    Retrained("five classes, five seeds a subject", Recognised("", *_FIVE)),
    Retrained("five classes, five seeds of each of five folds", Recognised("", *_FIVE), folds=5),
    Retrained("five classes, one seed of each of five folds", Recognised("", *_FIVE), seeds=1, folds=5),
    Spotted("intervals, many false ones", 0.4, 12),
    Spotted("intervals, well spotted", 0.8, 2),
    Scored("frames, at chance", 0, 0.5),
    Scored("frames, well told apart", 1.5, 0.5),
)


@dataclass(frozen=True)
class Coverage:
    """What became of the intervals of one number in many studies.

    Attributes:
        true: the true value.
        studies: how many were simulated.
        given: how many had an interval; in the others all subjects were alike, or too few added anything.
        held: how many intervals held the true value.
        width: the median width of the intervals; NaN without one.
    """

    population: str
    number: str
    subjects: int
    method: str
    true: float
    studies: int
    given: int
    held: int
    width: float

    @property
    def share(self) -> float:
        """The coverage, in [0, 1]; NaN where no study had an interval."""
        return self.held / self.given if self.given else float("nan")


def simulate(
    population: Population, subjects: int, methods: Sequence[str], studies: int, seed: int,
    advance: Callable[[int], object] = lambda done: None,
) -> Iterator[Coverage]:  # fmt: skip
    """The coverage of each method for each number of a population, in studies of so many subjects.

    Args:
        advance: called with 1 after each study.
    """
    rng = np.random.default_rng(seed_of(seed, population.name, subjects))
    true = population.true
    spreads: dict[tuple[str, str], list[Spread]] = {(name, method): [] for name in true for method in methods}
    for number, study in enumerate(population.draw(studies, subjects, rng)):
        for (name, method), results in spreads.items():
            results.append(population.spread(name, study, seed_of(seed, number), method))
        advance(1)
    for (name, method), results in spreads.items():
        ends = [spread.interval for spread in results if spread.interval]
        held = sum(low <= true[name] <= high for low, high in ends)
        width = float(np.median([high - low for low, high in ends])) if ends else float("nan")
        yield Coverage(population.name, name, subjects, method, true[name], studies, len(ends), held, width)
