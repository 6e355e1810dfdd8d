"""What is wrong in print, recomputed from the printed numbers in the papers' files."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from measured_files import CLASSES, PAPER_PATH
from mexflow.papers.paper import parse

PAPER = parse(PAPER_PATH.read_bytes(), PAPER_PATH)
SHARES = (19.92, 11.62, 47.30, 11.20, 9.96)
"""Section 4.1 of Belaiche et al.: the classes' shares in per cent, in the order of CLASSES."""
COUNTS = (48, 28, 114, 27, 24)
CONFUSION = np.array([[21, 5, 10, 4, 8], [3, 9, 10, 2, 4], [3, 5, 95, 8, 3], [2, 2, 11, 11, 1], [5, 3, 7, 0, 9]])
"""Figure 7 as counts: the only whole numbers that give its percentages; as in tests/papers/published/."""


def printed(table: str) -> list[float]:
    """Every number of a table, row by row."""
    return [value for row in PAPER.tables[table].rows for value in row.published]


def is_share(percent: float, clips: int) -> bool:
    """Whether some whole number of `clips` is `percent` to two decimals."""
    return any(f"{100 * k / clips:.2f}" == f"{percent:.2f}" for k in range(clips + 1))


def test_the_class_shares_are_of_241_clips_not_253() -> None:
    assert tuple(PAPER.data["megc2018"].classes) == CLASSES
    assert sum(COUNTS) == 241
    assert [f"{100 * count / 241:.2f}" for count in COUNTS] == [f"{share:.2f}" for share in SHARES]
    assert not all(is_share(share, 253) for share in SHARES)
    # MEGC2018 as released has 49/28/119/34/23.
    assert [f"{100 * count / 253:.2f}" for count in (49, 28, 119, 34, 23)] != [f"{share:.2f}" for share in SHARES]


def test_the_accuracies_are_of_241_clips_and_never_of_253() -> None:
    accuracies = printed("T3") + printed("T4")
    assert len(accuracies) == 25
    assert sum(is_share(value, 241) for value in accuracies) == 21
    assert not any(is_share(value, 253) for value in accuracies)
    # The four others are the whole Vx row.
    assert [value for value in accuracies if not is_share(value, 241)] == PAPER.tables["T4"].rows[0].published


def test_figure_7_is_145_of_241_but_for_one_misprint() -> None:
    assert tuple(CONFUSION.sum(axis=1)) == COUNTS
    assert (CONFUSION.trace(), CONFUSION.sum()) == (145, 241)
    assert f"{100 * 145 / 241:.2f}" == "60.17"
    published = np.array(PAPER.figures["F7"].published)
    shares = 100 * CONFUSION / CONFUSION.sum(axis=1, keepdims=True)
    wrong = np.argwhere(np.abs(shares - published) > 0.0501)
    assert [tuple(place) for place in wrong] == [(CLASSES.index("disgust"), CLASSES.index("surprise"))]
    assert published[3, 1] == 7.7 and f"{shares[3, 1]:.1f}" == "7.4"
    assert PAPER.tables["T8"].rows[-1].published == [60.17] and PAPER.tables["T4"].rows[1].published[2] == 60.17


def test_the_printed_parameter_count_of_17cl_has_the_wrong_parity() -> None:
    counts = dict(zip(PAPER.tables["T1"].names, printed("T1"), strict=True))
    # Five outputs bring an odd number of biases; every other layer of the family is even in number.
    assert counts["17CL"] == 10_670_932 and counts["17CL"] % 2 == 0
    assert all(count % 2 == 1 for name, count in counts.items() if name != "17CL")


def test_three_printed_parameter_counts_fit_no_network() -> None:
    import torch

    from mexflow import models

    differing = {}
    for name in ("T1", "T2"):
        for row in PAPER.tables[name].rows:
            for value, experiment in zip(row.published, row.experiments, strict=True):
                settings = PAPER.experiments[experiment]
                with torch.device("meta"):
                    network = models.build(settings.model, settings.options, len(settings.channels), len(CLASSES))
                if models.parameters(network) != value:
                    differing[value] = models.parameters(network)
    assert differing == {10_670_932: 11_183_877, 5_400_725: 6_462_213, 333_121: 331_301}


def test_table_9_repeats_table_2_with_its_misprint() -> None:
    rows = {(row.name, row.metric): row.published for row in PAPER.tables["T9"].rows}
    assert [rows["single", "parameters"], rows["double", "parameters"]] == [
        r.published for r in PAPER.tables["T2"].rows
    ]
    assert rows["single", "filters"] == list(np.cumsum([16, 32, 64, 128]))
    assert rows["double", "filters"] == list(np.cumsum([32, 64, 128, 256]))


def test_the_claimed_savings_follow_from_the_misprints() -> None:
    assert f"{100 * 333_121 / 10_670_932:.2f}" == "3.12"
    assert f"{10_670_932 / 333_121:.2f}" == "32.03"
    assert f"{100 * 331_301 / 11_183_877:.2f}" == "2.96"
    assert f"{11_183_877 / 331_301:.2f}" == "33.76"


@pytest.mark.parametrize("name", ["T5", "T6", "T7"])
def test_the_similarity_tables_are_symmetric_and_largest_on_the_diagonal(name: str) -> None:
    table = PAPER.tables[name]
    matrix = np.array([row.published for row in table.rows])
    assert [row.name for row in table.rows] == table.names == list(CLASSES)
    assert np.array_equal(matrix, matrix.T)
    assert (np.diag(matrix) > (matrix - np.diag(np.full(5, 2.0))).max(axis=1)).all()


def test_the_rows_of_figure_8_are_whole_per_cents_that_sum_to_about_100() -> None:
    rows = np.array(PAPER.figures["F8"].published)
    assert (np.abs(rows.sum(axis=1) - 100) <= 2).all()


def test_the_errata_name_the_numbers_checked_here() -> None:
    text = " ".join(PAPER.errata)
    for words in ("48/28/114/27/24", "21 of the 25", "145/241", "10,670,932", "333,121", "3.12 %", "factor of 32"):
        assert words in text


UPADHY_PATH = PAPER_PATH.with_name("upadhy2025.yaml")
UPADHY = parse(UPADHY_PATH.read_bytes(), UPADHY_PATH)
FORMS = ("3d", "2d", "convlstm")
SIZES = dict(zip(UPADHY.data["mmew"].classes, (36, 72, 16, 89, 13), strict=True))
"""Clips of MMEW that the paper prints."""


ATTENTIONS = (
    *product(("separate, biased", "separate", "one matrix"), (64, 256)),
    ("embedded first", 64),
)
"""Readings of "four heads, parameter size 64": matrices of queries, keys and values, and the heads' width together."""
PROJECTIONS = ("none", "to the heads' width", "to the token's size")
TOKENS = ("one or their mean", "all", "each by itself")
"""What of the tokens the layer of 128 gets."""


def upadhy_parameters(
    form: str, padded: bool, attention: tuple[str, int], projection: str, tokens: str, positions: bool
) -> int:
    """Parameters of one reading of the paper: convolutions, positions, attention over the tokens, two layers."""
    own, count, size = {
        "3d": (8 * (5**3 + 1), 9, 8 * (15 * 15 * 6 if padded else 13 * 13 * 4)),
        "2d": (8 * (3**2 + 1), 13, 8 * (45**2 if padded else 44**2)),
        "convlstm": (4 * 32 * (9 * (1 + 32) + 1) + 8 * (32 + 1), 13, 8 * (45**2 if padded else 44**2)),
    }[form]
    matrices, width = attention
    heads = {
        "separate, biased": 3 * (size + 1) * width,
        "separate": 3 * size * width,
        "one matrix": (size + 1) * width,
        "embedded first": (size + 1) * width + 3 * (width + 1) * width,
    }[matrices]
    after = {"none": width, "to the heads' width": width, "to the token's size": size}[projection]
    projected = 0 if projection == "none" else (width + (matrices != "separate")) * after
    layers = {
        "one or their mean": (after + 1) * 128 + (128 + 1) * 5,
        "all": (count * after + 1) * 128 + (128 + 1) * 5,
        "each by itself": (after + 1) * 128 + (count * 128 + 1) * 5,
    }[tokens]
    return own + positions * count * size + heads + projected + layers


def test_no_reading_of_upadhy_gives_the_three_printed_sizes() -> None:
    import torch

    from mexflow import models

    printed = [row.published[2] for row in UPADHY.tables["T1"].rows[-3:]]
    assert printed == [28e6, 55e6, 6e6]
    ours = [
        upadhy_parameters(form, False, ("separate, biased", 64), "to the token's size", TOKENS[0], form != "convlstm")
        for form in FORMS
    ]
    with torch.device("meta"):
        built = [models.parameters(models.build("attention", {"form": form}, 13, 5)) for form in FORMS]
    assert ours == built == [2_132_725, 6_165_269, 6_002_253]
    alike = list(product((False, True), ATTENTIONS, PROJECTIONS))
    apart = list(product(TOKENS, (False, True)))
    readings = 0
    hits = dict.fromkeys(FORMS, 0)
    for shared in alike:
        fits = [
            [round(upadhy_parameters(form, *shared, *own), -6) == size for own in apart]
            for form, size in zip(FORMS, printed, strict=True)
        ]
        readings += len(apart) ** len(FORMS)
        assert not all(any(fit) for fit in fits), shared
        hits = {form: hits[form] + sum(fit) for form, fit in zip(FORMS, fits, strict=True)}
    assert readings == 9_072 and f"{readings:,} readings" in UPADHY.errata[0]
    assert [len(tried) for tried in ((False, True), ATTENTIONS, PROJECTIONS, TOKENS)] == [2, 7, 3, 3]
    # Alone, two of the three are given by none, the third by some of the 252 readings of one network.
    assert hits == {"3d": 0, "2d": 0, "convlstm": 16} and len(alike) * len(apart) == 252
    assert "by 16 of its 252" in UPADHY.errata[0]
    assert "2,132,725, 6,165,269 and 6,002,253" in UPADHY.errata[0]


def test_the_quoted_sizes_are_of_other_networks() -> None:
    def convolutions(kernel: int, *channels: int) -> int:
        return sum((kernel * a + 1) * b for a, b in zip(channels, channels[1:], strict=False))

    def layers(*sizes: int) -> int:
        return convolutions(1, *sizes)

    vgg = convolutions(9, 3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6) + layers(512 * 7 * 7, 4096, 4096, 5)
    alexnet = (
        convolutions(121, 3, 96) + convolutions(25, 96, 256) + convolutions(9, 256, 384, 384, 256)
        + layers(256 * 6 * 6, 4096, 4096, 1000)
    )  # fmt: skip
    deeper = convolutions(27, 16, 32, 64) + convolutions(36, 64, 128) + layers(128 * 4 * 3, 5)
    dtscnn = 2 * deeper + convolutions(9 * 8, 3, 16) + convolutions(9 * 16, 3, 16)
    sizes = {row.name: row.published[2] for row in UPADHY.tables["T1"].rows}
    assert (vgg, alexnet, dtscnn) == (134_281_029, 62_378_344, 754_282)
    assert (sizes["ELRCN"], sizes["TLCNN"]) == (round(vgg, -6), round(alexnet, -6)) and sizes["DTSCNN"] > 80 * dtscnn
    assert "134M is VGG-16" in UPADHY.errata[2] and "0.75M together" in UPADHY.errata[2]


def test_the_74_per_cent_are_an_unweighted_recall() -> None:
    diagonal = [row.published[i] for i, row in enumerate(UPADHY.tables["T2"].rows)]
    counts = list(SIZES.values())
    assert sum(diagonal) / 5 == pytest.approx(73.8) and UPADHY.tables["T1"].rows[-1].published[0] == 74
    assert sum(d * n for d, n in zip(diagonal, counts, strict=True)) / sum(counts) == pytest.approx(79.0, abs=0.05)
    # Which of the diagonal's per cents no whole number of clips rounds to.
    odd = [name for d, (name, n) in zip(diagonal, SIZES.items(), strict=True)
           if not any(round(100 * k / n) == d for k in range(n + 1))]  # fmt: skip
    assert odd == ["happiness", "sadness"]
    assert UPADHY.figures["T2"].published == [row.published[:5] for row in UPADHY.tables["T2"].rows]
    assert all(sum(row) == 100 for row in UPADHY.figures["T2"].published)


def test_the_printed_size_of_cropnet_is_ours_rounded() -> None:
    import torch

    from mexflow import models

    with torch.device("meta"):
        size = models.parameters(models.build("cropnet", {}, 3, 5))
    assert size == 7_616_096 and f"{size / 1e6:.1f}M" == "7.6M"


ELFACE_PATH = PAPER_PATH.with_name("elface2021.yaml")
ELFACE = parse(ELFACE_PATH.read_bytes(), ELFACE_PATH)


def test_one_overall_f1_of_el_face_lies_outside_its_parts() -> None:
    """A pooled F1 = 2TP / (2TP + FP + FN) is a mediant of those of its parts, so it lies between them."""
    outside = []
    rows = [row for name in ("T3", "T4") for row in ELFACE.tables[name].rows]
    for row in rows:
        for start, data in ((0, "SAMM-LV"), (3, "CAS(ME)²")):
            macro, micro, overall = row.published[start : start + 3]
            if macro is not None and not min(macro, micro) <= overall <= max(macro, micro):
                outside.append((row.name, data, overall))
    assert outside == [("no batch normalisation", "SAMM-LV", 0.0837)]
    assert "0.0837" in ELFACE.errata[3] and "0.0229 and 0.0732" in ELFACE.errata[3]


def test_the_ablations_repeat_table_3() -> None:
    original, manual = ELFACE.tables["T4"].rows[:2]
    kth, other = ELFACE.tables["T3"].rows[-2:]
    assert original.published == kth.published and manual.published == other.published
    assert original.experiments == manual.experiments, "one training, tested twice"
    assert (original.variant, manual.variant) == ("k-th", "manual")


NAG_PATH = PAPER_PATH.with_name("nag2019.yaml")
NAG = parse(NAG_PATH.read_bytes(), NAG_PATH)


def test_the_accuracy_of_nag_is_no_whole_number_of_clips() -> None:
    """Of the 246, 247 or 255 clips that CASME II is said to have; two of those quoted beside it are, of 246."""
    published = {row.name: row.published[0] for row in NAG.tables["T2"].rows if row.published}

    def whole(percent: float, clips: int) -> list[int]:
        return [k for k in range(clips + 1) if round(100 * k / clips, 2) == percent]

    assert not any(whole(published["Proposed"], clips) for clips in (246, 247, 255))
    assert whole(published["Baseline (Yan et al.)"], 246) == [156] and whole(published["Kim et al."], 246) == [150]
    assert whole(published["Adaptive MM"], 247) == [186]
    assert all(words in NAG.errata[3] for words in ("81.46 %", "156 and 150 of 246", "186 of 247"))


def test_nag_names_five_classes_and_calls_them_six() -> None:
    assert [len(data.classes) for data in NAG.data.values()] == [5, 5] and '"6 groups"' in NAG.errata[2]
