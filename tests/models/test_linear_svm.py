"""The linear SVM: its votes against scikit-learn's, its state, and what it refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest

from mexflow.errors import UserError
from mexflow.models.backbones.pairwise_svm import LinearSvm


def samples(classes: int, count: int = 60, size: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Overlapping clouds: features and labels to train on, and features to test."""
    rng = np.random.default_rng(classes)
    labels = np.arange(count) % classes
    centres = rng.standard_normal((classes, size)) * 0.4
    scales = rng.uniform(0.1, 10, size)
    train = (centres[labels] + rng.standard_normal((count, size))) * scales
    return train.astype(np.float32), labels, (rng.standard_normal((200, size)) * scales).astype(np.float32)


@pytest.mark.parametrize("scaling", ["none", "standard"])
@pytest.mark.parametrize("c", [0.01, 1, 100])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_votes_are_those_of_scikit_learn(classes: int, c: float, scaling: str) -> None:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    train, labels, test = (part.astype(float) for part in samples(classes))
    svm = LinearSvm(c, scaling).fit(train, labels.astype(int), classes)
    if scaling == "standard":
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
        raw = scaler.inverse_transform(test)
    else:
        raw = test
    svc = SVC(kernel="linear", C=c, break_ties=classes > 2).fit(train, labels.astype(int))
    expected = svc.decision_function(test)
    decisions = svm.decisions(raw)
    if classes == 2:
        # The difference of the two classes has the sign of scikit-learn's one distance.
        assert (np.sign(decisions[:, 1] - decisions[:, 0]) == np.sign(expected)).all()
    else:
        assert decisions == pytest.approx(expected, abs=1e-4)
    probabilities = svm.probabilities(raw)
    assert (probabilities.argmax(1) == svc.predict(test)).all()
    assert len(set(probabilities.argmax(1))) == classes
    assert probabilities.dtype == np.float32 and probabilities.shape == (200, classes)
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-6) and (probabilities > 0).all()


def test_the_hyperplanes_of_two_classes_face_the_first() -> None:
    svm = LinearSvm(100).fit(np.array([[0.0], [1], [3], [4]]), np.array([0, 0, 1, 1]), 2)
    state = svm.state()
    assert state["weights"] == pytest.approx(np.array([[-1.0]])) and state["intercepts"] == pytest.approx([2])
    assert svm.probabilities(np.array([[1.9], [2.1]])).argmax(1).tolist() == [0, 1]


def test_the_state_is_arrays_and_brings_the_same_probabilities_back() -> None:
    train, labels, test = samples(4)
    svm = LinearSvm(1, "standard").fit(train, labels, 4)
    file = io.BytesIO()
    np.savez(file, **svm.state())
    file.seek(0)
    with np.load(file, allow_pickle=False) as state:
        assert {name: (array.shape, array.dtype.str) for name, array in state.items()} == {
            "weights": ((6, 30), "<f8"), "intercepts": ((6,), "<f8"), "classes": ((), "<i8"),
        }  # fmt: skip
        loaded = LinearSvm().load(state)
    assert np.array_equal(loaded.probabilities(test), svm.probabilities(test))


def test_the_same_samples_give_the_same_bits() -> None:
    train, labels, _ = samples(5)
    first, second = (LinearSvm().fit(train, labels, 5).state() for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_the_default_separates_histograms_that_hardly_differ() -> None:
    features = np.tile(np.full(40, 0.025), (20, 1))
    labels = np.arange(20) % 2
    features[:, 0] += np.where(labels == 1, 0.004, -0.004)
    features[:, 1:] += np.random.default_rng(0).normal(0, 0.001, (20, 39))
    found = LinearSvm().fit(features, labels, 2).probabilities(features).argmax(1)
    assert (found == labels).all()
    # C = 1 leaves all of them deep inside the margin.
    distances = [features @ LinearSvm(c).fit(features, labels, 2).state()["weights"][0] for c in (1, 10_000)]
    assert np.ptp(distances[0]) < 0.1 < 1.5 < np.ptp(distances[1])


def test_features_that_never_vary_are_harmless() -> None:
    train, labels, test = samples(3)
    plain = LinearSvm(scaling="standard").fit(train, labels, 3).probabilities(test)
    train[:, 4] = test[:, 4] = 0.1
    with_constant = LinearSvm(scaling="standard").fit(train, labels, 3).probabilities(test)
    without = LinearSvm(scaling="standard").fit(np.delete(train, 4, 1), labels, 3)
    assert with_constant == pytest.approx(without.probabilities(np.delete(test, 4, 1)), abs=1e-5)
    assert not np.allclose(plain, with_constant, atol=1e-5)


def test_settings_that_make_no_sense() -> None:
    for c in (0, -1, float("inf"), "one"):
        with pytest.raises(UserError, match="c must be positive"):
            LinearSvm(c)
    with pytest.raises(UserError, match=r"unknown scaling 'standart' \(did you mean 'standard'\?\)"):
        LinearSvm(scaling="standart")


def test_samples_and_states_that_do_not_fit() -> None:
    train, labels, test = samples(3)
    with pytest.raises(ValueError, match="each of 4 classes needs training samples"):
        LinearSvm().fit(train, labels, 4)
    with pytest.raises(ValueError, match="each of 2 classes"):
        LinearSvm().fit(train, labels, 2)
    with pytest.raises(ValueError, match="do not fit"):
        LinearSvm().probabilities(test)
    svm = LinearSvm().fit(train, labels, 3)
    with pytest.raises(ValueError, match="do not fit"):
        svm.probabilities(test[:, 1:])
    with pytest.raises(ValueError, match="not those of 4 classes"):
        LinearSvm().load({**svm.state(), "classes": np.array(4)})
