"""Claims of every sort: of spotting, of similarity, with a margin, with printed numbers; and those of the papers."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from measured_files import CLASSES, PAPER_PATH, write_fold
from mexflow.errors import UserError
from mexflow.evaluation import similarity, spotting
from mexflow.evaluation.intervals import Counts
from mexflow.papers import paper as papers
from mexflow.papers.parts import Claim, Column, Row
from mexflow.store.artifacts import Inputs
from mexflow.tables import claims
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import NOT_RUN, Measurement
from mexflow.tables.paper_cells import measure
from mexflow.tables.source import Source
from project import WORKFLOW, from_yaml, to_yaml
from spotting_files import DATASET, EXPERIMENT, SPOTTED, SUBJECTS, TRUTH, index_rows, write

PAPERS = WORKFLOW / "papers"
LICENSED = Source("megc2018: a licensed copy", "paper")
MANUAL = {"experiment": EXPERIMENT, "variant": "manual"}
KTH = {"experiment": EXPERIMENT, "variant": "k-th"}


def checked(found: Evidence, **claim) -> claims.CheckedClaim:
    """One claim, checked in place of the paper's own."""
    found.paper = found.paper.model_copy(update={"claims": [Claim(claim="c", **claim)]})
    return claims.check(found)[0]


# What the papers claim


def test_every_one_of_the_five_papers_has_its_claims_and_print_bears_out_all_but_two():
    not_so, without = [], []
    for name in papers.available(PAPERS):
        paper = papers.load(PAPERS, name)
        assert paper.claims or name == "liong2019"
        for claim in paper.claims:
            low, high = claim.bounds
            printed = [claims.printed_difference(paper, claim.metric, *pair) for pair in claim.pairs]
            if None in printed:
                without.append(name)
            elif not all(low < value < high for value in printed):
                not_so.append((name, claim.claim))
                assert any(f'"{claim.claim}" does not hold of Table' in " ".join(text.split()) for text in paper.errata)
    assert set(without) == {"cropnet2021"}, "its numbers could not be read"
    assert not_so == [
        ("elface2021", "The weighted loss helps"),
        ("upadhy2025", "All three are at or above TLCNN"),
    ]


def test_a_difference_in_print_is_that_of_the_printed_numbers():
    belaiche = papers.load(PAPERS, "belaiche2020")
    depth, vertical, both, own, alike = (
        [claims.printed_difference(belaiche, claim.metric, *pair) for pair in claim.pairs] for claim in belaiche.claims
    )
    assert depth == pytest.approx([0.83, 1.66, 0.42, 3.74, 3.74]) and vertical == pytest.approx([5.85, 5, 6.25, 6.67])
    assert both == pytest.approx([-0.42, -0.41, 0, 2.08])
    # By hand, of tables 5 to 7: the least of what the diagonal is above its row, and means of 15 cells.
    tables = [np.array([row.published for row in belaiche.tables[name].rows]) for name in ("T5", "T6", "T7")]
    margins = [min(row[i] - max(np.delete(row, i)) for i, row in enumerate(table)) for table in tables]
    assert own == pytest.approx(margins) and margins == pytest.approx([0.3684, 0.3825, 0.4119])
    vy, vx_vy, resnet = (np.mean([table[i, j] for i in range(5) for j in range(i, 5)]) for table in tables)
    assert alike == pytest.approx([resnet - vx_vy, resnet - vy])
    upadhy = papers.load(PAPERS, "upadhy2025").claims[2]
    rare = papers.load(PAPERS, "upadhy2025")
    assert [claims.printed_difference(rare, upadhy.metric, *pair) for pair in upadhy.pairs] == [50, 74]


# Verdicts


def test_verdicts_with_a_margin():
    def found(value: float, low: float, high: float) -> Measurement:
        return Measurement("accuracy_difference", value, (low, high))

    least, alike = (-2, np.inf), (-2, 2)
    assert claims.judge([found(-1, -1.5, 9)], least) == claims.judge([found(1, -1.5, 1.9)], alike) == claims.BEYOND
    assert claims.judge([found(-1, -3, 9)], least) == claims.judge([found(1, -3, 1.9)], alike) == claims.HOLDS
    assert claims.judge([found(1, -1, 2.5)], alike) == claims.HOLDS
    assert claims.judge([found(-3, -9, 0)], least) == claims.judge([found(3, -1, 9)], alike) == claims.FAILS
    assert claims.judge([found(-3, -9, -2.5)], least) == claims.judge([found(3, 2.5, 9)], alike) == claims.REFUTED
    assert claims.judge([found(5, 4, 6)], alike) == claims.REFUTED


# Spotting


@pytest.fixture(scope="module")
def spotted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Truth spotted with the manual skips, and much else with the others."""
    root = tmp_path_factory.mktemp("spotted")
    write(root, SPOTTED)
    write(root, TRUTH, variant="manual")
    return root


def spotting_evidence(root: Path) -> Evidence:
    paper = papers.load(PAPERS, "elface2021")
    folds, rows = {EXPERIMENT: list(SUBJECTS)}, {DATASET: index_rows()}
    return Evidence(paper, root, folds, {DATASET: 3}, Source("embedded", "demo"), 7, Inputs(), {}, rows)


@pytest.mark.parametrize("metric", ["interval_f1", "frame_f1"])
def test_a_claim_of_spotting_is_about_the_numbers_of_the_tables(spotted, metric):
    found = spotting_evidence(spotted)
    one = checked(found, metric=metric, descending=[[MANUAL, KTH]])
    (cell,) = one.cells
    assert cell.column == "samm-lv (manual) - samm-lv (k-th)" and cell.metric == f"{metric}_difference" and cell.n == 3
    numbers = [
        measure(metric, found, Place(Row(name="r", variant=variant), Column(name="c"), EXPERIMENT))[0]
        for variant in ("manual", "k-th")
    ]
    assert cell.measured == pytest.approx(numbers[0].value - numbers[1].value)
    if metric == "interval_f1":
        assert one.verdict == claims.HOLDS and one.in_print and cell.published == pytest.approx(0.1261 - 0.1193)


def test_the_interval_of_a_difference_leaves_the_same_subject_out_of_both(spotted):
    found = spotting_evidence(spotted)
    cell = checked(found, metric="interval_f1", descending=[[MANUAL, KTH]]).cells[0]
    # By hand, of all three subjects: matched, spotted in vain, missed.
    counts = {"manual": [(3, 0, 0), (1, 0, 0), (2, 0, 0)], "k-th": [(2, 1, 1), (1, 3, 0), (0, 2, 2)]}

    def difference(subjects: list[int]) -> float:
        f1 = []
        for variant in ("manual", "k-th"):
            tp, fp, fn = (sum(counts[variant][i][part] for i in subjects) for part in range(3))
            f1.append(2 * tp / (2 * tp + fp + fn))
        return f1[0] - f1[1]

    value = difference([0, 1, 2])
    without = np.array([difference([i for i in range(3) if i != left]) for left in range(3)])
    error = np.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    # On the scale on which a difference of shares, from -1 to 1, has no ends.
    reach = stats.t.ppf(0.975, 2) * error / (1 - value**2)
    assert cell.interval == pytest.approx((np.tanh(np.arctanh(value) - reach), np.tanh(np.arctanh(value) + reach)))


def test_numbers_by_subject_are_those_of_subjects_taken_so_often():
    rng = np.random.default_rng(4)
    subjects = np.repeat(["a", "b", "c"], [30, 20, 25])
    labels, scores = rng.random(75) < 0.4, np.round(rng.random(75), 1)
    names, area = spotting.auc_by_subject(scores, labels, subjects)
    assert names == ["a", "b", "c"]
    for weights in ([1, 1, 1], [2, 0, 1], [0, 3, 0]):
        times = np.repeat(weights, [30, 20, 25])
        wanted = roc_auc_score(np.repeat(labels, times), np.repeat(scores, times))
        assert area(np.array([weights]))[0] == pytest.approx(wanted)
    names, f1 = spotting.f1_by_subject({"b": Counts(1, 2, 3), "a": Counts(4, 0, 1)})
    assert names == ["a", "b"] and f1(np.array([[1, 1], [0, 2]])) == pytest.approx([10 / 16, 4 / 14])


# Similarity


@pytest.fixture(scope="module")
def featured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """Features of two experiments: of the one, classes are apart; of the other, all are alike."""
    root, rng = tmp_path_factory.mktemp("featured"), np.random.default_rng(2)
    folds: dict[str, list[str]] = {}
    for experiment, common in (("vy-3cl", 0.2), ("resnet-7cl", 6.0)):
        for number in range(8):
            labels = [CLASSES[i % 4] for i in range(10)]
            features = np.array([np.eye(5)[CLASSES.index(label)] for label in labels]) + rng.normal(0, 0.3, (10, 5))
            fold = write_fold(root, experiment, f"casme2/0{number}", labels, labels, features + common)
            folds.setdefault(experiment, []).append(fold)
    return root / "folds", folds


def similarity_evidence(featured, source: Source = LICENSED) -> Evidence:
    root, folds = featured
    paper = papers.parse(PAPER_PATH.read_bytes(), PAPER_PATH)
    return Evidence(paper, root, folds, {"megc2018": 8}, source, 3, Inputs())


def test_claims_of_similarity(featured):
    found = similarity_evidence(featured)
    own = checked(found, metric="similarity_margin", descending=[["vy-3cl", 0]])
    alike = checked(found, metric="mean_similarity", descending=[["resnet-7cl", "vy-3cl"]])
    assert own.verdict == claims.BEYOND and own.cells[0].column == "vy-3cl - 0" and own.cells[0].n == 8
    assert alike.verdict.startswith(claims.BEYOND) and own.in_print and alike.in_print
    # A slow transcription: means over the pairs of a fold, of classes that have one (no clip is of the fifth).
    pairs: dict[tuple[str, str], list[float]] = {}
    for fold in found.similarities("vy-3cl").folds:
        for i, j in combinations(range(len(fold.labels)), 2):
            a, b = sorted((CLASSES[fold.labels[i]], CLASSES[fold.labels[j]]))
            pairs.setdefault((a, b), []).append(fold.matrix[i, j])
    means = {pair: np.mean(values) for pair, values in pairs.items()}
    known = CLASSES[:4]
    margins = [
        means[name, name] - max(means[min(name, other), max(name, other)] for other in known if other != name)
        for name in known
    ]
    assert len(means) == 10 and own.cells[0].measured == pytest.approx(min(margins))
    place = Place(Row(name="r"), Column(name="c"), "vy-3cl")
    (mean,) = measure("mean_similarity", found, place)
    assert mean.value == pytest.approx(np.mean(list(means.values()))) and mean.interval[0] < mean.value
    assert "no two test clips in a fold of sadness" in measure("similarity_margin", found, place)[0].notes


def test_what_has_no_pair_has_no_similarity():
    alone = similarity.compare("f", np.eye(2), np.array([0, 1]), ["x", "y"])
    means = similarity.means_of_pairs(similarity.sums_of_pairs([alone], 3).sum(0))
    assert means[0, 1] == means[1, 0] == 0 and np.isnan(means).sum() == 7
    assert np.isnan(similarity.least_margin(means)) and similarity.mean_of_pairs(means) == 0
    assert np.isnan(similarity.mean_of_pairs(np.full((3, 3), np.nan)))


# Printed numbers of others


def test_a_number_of_others_is_compared_on_licensed_data_alone(featured):
    term = {"printed": "T8/Khor et al."}
    here = checked(similarity_evidence(featured), metric="accuracy", descending=[["vy-3cl", term]])
    assert here.cells[0].measured == pytest.approx(100 - 57) and here.in_print
    assert here.cells[0].column == "vy-3cl - printed T8/Khor et al."
    assert here.verdict.startswith("holds")
    for source in (Source("embedded", "paper"), Source("a licensed copy", "demo")):
        there = checked(similarity_evidence(featured, source), metric="accuracy", descending=[["vy-3cl", term]])
        assert (there.verdict, there.cells[0].measured) == (claims.NOT_COMPARABLE, None)
        assert there.cells[0].notes[0] == claims.OTHERS and there.cells[0].published == pytest.approx(60.17 - 57)
    absent = checked(similarity_evidence(featured), metric="accuracy", descending=[["vx-1cl", "vy-3cl"]])
    assert absent.verdict == claims.UNKNOWN and absent.cells[0].notes[0] == NOT_RUN


@pytest.mark.parametrize(
    ("paper", "claim", "message"),
    [
        ("belaiche2020", {"descending": [["vx-1cl", "vy-1cl"]], "margin": 1}, "descending has none"),
        ("belaiche2020", {"alike": [["vx-1cl", "vy-1cl"]]}, "need a margin"),
        ("belaiche2020", {"alike": [["vx-1cl", 3]], "descending": [["vx-1cl", 3]], "margin": 1}, "one of descending"),
        ("belaiche2020", {"descending": [[{"experiment": "vx-1cl", "level": 3}, 2]]}, "one of them at a time"),
        ("belaiche2020", {"descending": [[3, 2]]}, "3 and 2: neither is measured here"),
        ("belaiche2020", {"descending": [["vx-1cl", {"printed": "T9x/Khor"}]]}, "no table 'T9x' (did you mean 'T9'?)"),
        ("belaiche2020", {"descending": [["vx-1cl", {"printed": "T8/Kor et al."}]]}, "did you mean 'Khor et al.'?"),
        ("belaiche2020", {"descending": [["vx-1cl", {"printed": "T4/Vx"}]]}, "T4/Vx: 4 printed numbers of accuracy"),
        (
            "belaiche2020",
            {"descending": [[{"experiment": "vx-1cl", "variant": "k"}, 2]]},
            "vx-1cl is tested in one way",
        ),
        ("belaiche2020", {"metric": "clips", "descending": [["vx-1cl", 2]]}, "no claim can be about a metric 'clips'"),
        ("belaiche2020", {"metric": "class_share", "descending": [["vx-1cl", 2]]}, "`of_class` is needed"),
        (
            "belaiche2020",
            {"metric": "mean_similarity", "descending": [["vx-1cl", 0]]},
            "mean_similarity is measured of features",
        ),
        (
            "elface2021",
            {"metric": "interval_f1", "descending": [["samm-lv", 0]]},
            "samm-lv needs a `variant`, one of: k-",
        ),
        (
            "elface2021",
            {"metric": "interval_f1", "descending": [[{"experiment": "samm-lv", "variant": "kth"}, 0]]},
            "no variant 'kth' of testing samm-lv (did you mean 'k-th'?)",
        ),
    ],
)
def test_a_wrong_claim_is_one_line(paper, claim, message):
    path = PAPERS / f"{paper}.yaml"
    content = from_yaml(path.read_bytes())
    content["claims"] = [{"claim": "c", "metric": "accuracy", **claim}]
    with pytest.raises(UserError) as error:
        papers.parse(to_yaml(content).encode(), path)
    assert message in str(error.value) and "\n" not in str(error.value)
