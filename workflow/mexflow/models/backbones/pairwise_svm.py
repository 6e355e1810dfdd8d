"""A linear support vector machine on features, for the baselines without a network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from mexflow.errors import UserError, choose

SCALINGS = ("none", "standard")


class LinearSvm:
    """LIBSVM's C-SVC with a linear kernel: one hyperplane for each pair of classes, and a vote.

    Nothing in it is random: the same samples in the same order give the same hyperplanes.

    Args:
        c: the weight of errors against the width of the margin, C of LIBSVM. The default is large, so that the margin
            is hard wherever the classes can be separated, as they can with more features than clips. The histograms of
            two clips differ by little, and with C = 1 the machine would hardly look at them.
        scaling: ``none``, the features as they are (the histograms of LBP-TOP are of one scale), or ``standard``, each
            less its mean and divided by its standard deviation over the training samples, 1 where that is zero. With
            ``standard``, C = 1 is enough.

    Raises:
        UserError: for a C that is not positive, or an unknown scaling.
    """

    def __init__(self, c: float = 10_000.0, scaling: str = "none") -> None:
        if not (isinstance(c, int | float) and 0 < c < float("inf")):
            raise UserError(f"linear SVM: c must be positive; not {c}")
        self.c, self.scaling = float(c), choose("scaling", scaling, SCALINGS)
        self._classes = 0
        self._weights = np.zeros((0, 0))
        self._intercepts = np.zeros(0)

    def fit(self, features: np.ndarray, labels: np.ndarray, classes: int) -> LinearSvm:
        """Find the hyperplanes.

        Args:
            features: float (n, d), of training samples only.
            labels: int (n,), from 0 to `classes` - 1.
            classes: how many classes there are, at least 2.

        Returns:
            Itself.

        Raises:
            ValueError: if a class has no sample, a label is no class, or a feature is not finite.
        """
        from sklearn.svm import SVC

        features, labels = np.asarray(features, np.float64), np.asarray(labels)
        if classes < 2 or not np.array_equal(np.unique(labels), np.arange(classes)):
            raise ValueError(f"each of {classes} classes needs training samples; there are {np.unique(labels)}")
        mean, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
        if self.scaling == "standard":
            mean, deviation = features.mean(0), features.std(0)
            # A feature that never varies has a deviation of rounding errors, not of zero.
            scale = np.where(deviation > 1e-12 * np.abs(mean), deviation, 1)
        svc = SVC(kernel="linear", C=self.c, cache_size=200)
        svc.fit((features - mean) / scale, labels)
        # The scaling becomes part of the hyperplanes, so that there is nothing else to keep.
        weights, intercepts = svc.coef_ / scale, svc.intercept_
        if classes == 2:
            # With two classes alone, scikit-learn's hyperplane is positive for the second.
            weights, intercepts = -weights, -intercepts
        self._weights, self._intercepts, self._classes = weights, intercepts - weights @ mean, classes
        return self

    def decisions(self, features: np.ndarray) -> np.ndarray:
        """How much speaks for each class, float64 (n, classes), of features (n, d).

        A class gets a vote for each other class that it wins against, and, to settle equal votes, the sum s of its
        signed distances from the hyperplanes (in units of the margin), squeezed to s / (3 (|s| + 1)): less than a third
        of a vote.

        Raises:
            ValueError: before :meth:`fit`, or if the number of features is another one.
        """
        features = np.asarray(features, np.float64)
        if not self._classes or features.ndim != 2 or features.shape[1] != self._weights.shape[1]:
            raise ValueError(f"features {features.shape} do not fit hyperplanes {self._weights.shape}")
        distances = features @ self._weights.T + self._intercepts
        votes = np.zeros((len(features), self._classes))
        sums = np.zeros_like(votes)
        for distance, (first, second) in zip(distances.T, combinations(range(self._classes), 2), strict=True):
            votes[:, first] += distance > 0
            votes[:, second] += distance <= 0
            sums[:, first] += distance
            sums[:, second] -= distance
        return votes + sums / (3 * (np.abs(sums) + 1))

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """The softmax of the decisions, float32 (n, classes), each row with sum 1; the largest is the class predicted.

        They order the classes and no more: an SVM knows no probabilities, and these are not calibrated.
        """
        decisions = self.decisions(features)
        powers = np.exp(decisions - decisions.max(1, keepdims=True))
        return (powers / powers.sum(1, keepdims=True)).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """The hyperplanes, to be saved with ``numpy.savez``: `weights` float64 (pairs, d) and `intercepts` float64
        (pairs,), of features without scaling, for the pairs of classes (0, 1), (0, 2), …; `classes` int64 ()."""
        return {"weights": self._weights, "intercepts": self._intercepts, "classes": np.array(self._classes, np.int64)}

    def load(self, state: Mapping[str, np.ndarray]) -> LinearSvm:
        """Take over hyperplanes that :meth:`state` returned; returns itself.

        Raises:
            ValueError: if the arrays do not fit each other.
        """
        classes, weights, intercepts = int(state["classes"]), state["weights"], state["intercepts"]
        if classes < 2 or weights.ndim != 2 or not len(weights) == len(intercepts) == classes * (classes - 1) // 2:
            raise ValueError(f"hyperplanes {weights.shape}, {intercepts.shape} are not those of {classes} classes")
        self._classes, self._weights, self._intercepts = classes, weights, intercepts
        return self
