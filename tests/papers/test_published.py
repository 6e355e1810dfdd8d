"""Every printed number of every paper file, against a second transcription of the papers in `published/`.

The transcription was made apart from the paper files, in forms of its own. Both are brought to one form here, a number
at ``(table or figure, row, metric, column)``, and must be equal, all rows and columns, in both directions: a number
that stands in one of them alone fails as well.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexflow.papers import paper as papers
from project import WORKFLOW

FOLDER = WORKFLOW / "papers"
TRANSCRIPTIONS = Path(__file__).parent / "published"
Place = tuple[str, str, str, str]
EMOTIONS = ("happiness", "surprise", "anger", "disgust", "sadness")
COUNTS = "FIG7 counts (derived)"
"""Rows that were derived from printed ones, and are no print themselves; see tests/tables/test_errata.py."""


def typed(name: str) -> dict[Place, float | str]:
    """What the paper file says is printed: in its tables, its figures and its timing; a text of print as a text."""
    paper = papers.load(FOLDER, name)
    numbers: dict[Place, float | str] = {}
    for table_name, table in paper.tables.items():
        for row in table.rows:
            for column, value in zip(table.columns, row.published, strict=bool(row.published)):
                if value is not None:
                    place = (table_name, row.name, column.metric or row.metric, column.name)
                    assert place not in numbers, place
                    numbers[place] = value
    for figure_name, figure in paper.figures.items():
        matrix = getattr(figure, "published", None)
        classes = next(iter(paper.data.values())).classes
        for true, row in zip(classes, matrix or (), strict=matrix is not None):
            for predicted, value in zip(classes, row, strict=True):
                numbers[f"figure {figure_name}", true, "share", predicted] = value
    if paper.timing:
        for part, value in paper.timing.published.items():
            numbers["timing", paper.timing.hardware, "milliseconds", part] = value
    return numbers


def rows_of(file: str) -> list[dict[str, str]]:
    with (TRANSCRIPTIONS / f"{file}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def number(text: str) -> float | None:
    """A transcribed number: ``63.41%``, ``134M``; None where the paper prints a dash or nothing."""
    if text in ("", "-"):
        return None
    value = float(text.removesuffix("%").removesuffix("M"))
    return value * 1e6 if text.endswith("M") else value


def belaiche2020() -> Iterator[tuple[Place, float | None]]:
    for row in rows_of("belaiche2020_T1_T3"):
        yield ("T1", "ResNet", "parameters", f"{row['CL']}CL"), number(row["params"])
        yield ("T3", "ResNet", "accuracy", f"{row['CL']}CL"), number(row["accuracy"])
    for row in rows_of("belaiche2020_T2_T4_T9"):
        kind = row["input"].split()
        tables = {"BEL2/9": ("T2", "T9"), "BEL9": ("T9",), "BEL4": ("T4",)}[row["table"]]
        metric = "accuracy" if len(kind) == 1 else {"params": "parameters", "filters": "filters"}[kind[1]]
        for table in tables:
            for layers in ("1CL", "2CL", "3CL", "4CL"):
                yield (table, kind[0], metric, layers), number(row[layers])
    matrices = {
        "BEL5 Vy-3CL": ("T5", "cosine_similarity"),
        "BEL6 VxVy-3CL": ("T6", "cosine_similarity"),
        "BEL7 ResNet8": ("T7", "cosine_similarity"),
        "FIG7 Vy-3CL %": ("figure F7", "share"),
        "FIG8 Khor %": ("figure F8", "share"),
    }
    for row in rows_of("belaiche2020_T5_T6_T7_F7_F8"):
        if row["table"] != COUNTS:
            table, metric = matrices[row["table"]]
            for column in EMOTIONS:
                yield (table, row["row"], metric, column), number(row[column])
    names = {
        "LBP_TOP [27]": "LBP-TOP",
        "Khor et al [27]": "Khor et al.",
        "Peng et al [39]": "Peng et al.",
        "Proposed (Vy 3CL)": "Proposed (Vy 3CL)",
    }
    for row in rows_of("belaiche2020_T8"):
        yield ("T8", names[row["method"]], "accuracy", "accuracy"), number(row["accuracy"])
    for row in rows_of("belaiche2020_speed"):
        for part in ("flow", "network", "total"):
            yield ("timing", row["hardware"], "milliseconds", part), number(row[f"{part}_ms"])


def elface2021() -> Iterator[tuple[Place, float | None]]:
    names = {
        "EL-FACE raw frame-wise": "EL-FACE",
        "He [9]": "He et al.",
        "Zhang [10]": "Zhang et al.",
        "Pan [11]": "Pan et al.",
        "EL-FACE* k-th": "EL-FACE, k-th skips",
        "EL-FACE** manual": "EL-FACE, manual skips",
        "Original": "original",
        "Manual Frame Skip": "manual skips",
        "No LCN": "no LCN",
        "No Batch Norm": "no batch normalisation",
        "No Weighted Loss": "no weighted loss",
        "No Drop Out": "no dropout",
    }
    for row in rows_of("elface2021"):
        table, data = row["table"].replace("EL", "T"), row["dataset"].replace("CAS(ME)2", "CAS(ME)²")
        for expression, column in (("MaE", "MaE"), ("ME", "ME"), ("Overall", "overall")):
            metric, ending = ("frame_f1", " F1") if table == "T2" else ("interval_f1", "")
            yield (table, names[row["method"]], metric, f"{data} {column}{ending}"), number(row[f"{expression}_F1"])
        for expression in ("MaE", "ME"):
            value = number(row[f"{expression}_AUC"])
            yield (table, names[row["method"]], "frame_auc", f"{data} {expression} AUC"), value


def nag2019() -> Iterator[tuple[Place, float | None]]:
    names = {
        "Baseline [8] Yan": "Baseline (Yan et al.)",
        "Kim [10]": "Kim et al.",
        "Peng [11] DTSCNN": "Peng et al. (DTSCNN)",
        "Adaptive MM [15]": "Adaptive MM",
        "Park [16]": "Park et al.",
    }
    places = {"NAG1": ("T1", "frame_auc_percent", "AUC (%)"), "NAG2": ("T2", "accuracy", "accuracy (%)")}
    for row in rows_of("nag2019"):
        table, metric, column = places[row["table"]]
        yield (table, names.get(row["method"], row["method"]), metric, column), number(row["value"])


def upadhy2025() -> Iterator[tuple[Place, float | None]]:
    names = {
        "3D Conv + attention": "3D convolution + attention",
        "2D Conv + attention": "2D convolution + attention",
    }
    for row in rows_of("upadhy2025_T1"):
        method = re.sub(r" \[\d+\]", "", row["method"])
        name = names.get(method, method)
        yield ("T1", name, "accuracy", "accuracy"), number(row["accuracy_pct"])
        yield ("T1", name, "parameters", "parameters"), number(row["params"])
    classes = ("Happiness", "Disgust", "Fear", "Surprise", "Sadness")
    tlcnn = {"Ha": "TLCNN_Hap", "Di": "TLCNN_Dis", "Fe": "TLCNN_Fear", "Su": "TLCNN_Sur", "Sa": "TLCNN_Sad"}
    for row in rows_of("upadhy2025_T2"):
        true = row["gt"].lower()
        for name in classes:
            yield ("T2", true, "class_share", name.lower()), number(row[name])
            yield ("figure T2", true, "share", name.lower()), number(row[name])
            yield ("T2", true, "class_share", f"TLCNN {name.lower()}"), number(row[tlcnn[name[:2]]])


def liong2019() -> Iterator[tuple[Place, float | None]]:
    data = {"full": "full", "smic": "SMIC", "casme2": "CASME II", "samm": "SAMM"}
    for row in rows_of("liong2019"):
        for part, shown in data.items():
            for score in ("UF1", "UAR"):
                share = number(row[f"{part}_{score}"])
                percent = None if share is None else round(100 * share, 2)
                yield ("comparison", row["method"], score.lower(), f"{shown} {score}"), percent
        yield ("parameters", row["method"], "parameters", "parameters"), number(row["params"])


TRANSCRIBED = {reader.__name__: reader for reader in (belaiche2020, elface2021, nag2019, upadhy2025, liong2019)}


@pytest.mark.parametrize("name", TRANSCRIBED)
def test_every_printed_number_is_that_of_the_second_transcription(name):
    second: dict[Place, float] = {}
    for place, value in TRANSCRIBED[name]():
        # Tables 2 and 9 of belaiche2020 print the same counts: transcribed once, they stand in both.
        assert place not in second, place
        if value is not None:
            second[place] = value
    first = typed(name)
    assert {place: first[place] for place in first if place not in second} == {}, "typed, but not transcribed"
    assert {place: second[place] for place in second if place not in first} == {}, "transcribed, but not typed"
    assert {place: (value, second[place]) for place, value in first.items() if value != second[place]} == {}


def test_every_transcription_is_compared():
    """No file of them and no paper is left out; what was derived is named."""
    read = {path.stem.partition("_")[0] for path in TRANSCRIPTIONS.glob("*.csv")}
    assert read == set(TRANSCRIBED)
    sources = {(path.stem, row["table"] if "table" in row else row["method"]): row["source"]
               for path in TRANSCRIPTIONS.glob("*.csv") for row in rows_of(path.stem)}  # fmt: skip
    assert {place: source for place, source in sources.items() if source != "published"} == {
        ("belaiche2020_T5_T6_T7_F7_F8", COUNTS): "derived",
        ("liong2019", "STSTNet, recall recomputed from its log"): "log",
    }


def test_a_paper_without_a_transcription_prints_no_number_that_was_read_and_says_so():
    without = set(papers.available(FOLDER)) - set(TRANSCRIBED)
    assert without == {"cropnet2021"}
    assert typed("cropnet2021") == {}
    paper = papers.load(FOLDER, "cropnet2021")
    assert [name for name, table in paper.tables.items() if "could not be read" not in (table.note or "")] == []
    assert "could not be read" in paper.figures["F4"].note
    assert "Tables 1 to 4 and of Figures 4 and 5" in paper.errata[0] and "could not be read" in paper.errata[0]
