"""What an analysis writes for other programs: its table and its document."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import report_files
from mexflow.analysis import honesty, writing
from mexflow.analysis.report import Report
from mexflow.datasets import columns


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(writing.csv(report))))


def test_a_row_an_event_with_the_names_of_the_index() -> None:
    report = report_files.report()
    micro, macro, unseen = rows(report)
    assert list(micro) == [
        "data", "video", "type", "onset", "apex", "offset", "onset_seconds", "apex_seconds", "offset_seconds", "score",
        "threshold", "label", "p_negative", "p_positive", "p_surprise", "reason", "not_classified",
    ]  # fmt: skip
    assert {"video", "type", "onset", "apex", "offset"} <= columns.BASE.keys()
    assert {one["video"] for one in (micro, macro, unseen)} == {report.source.name}
    assert [micro[name] for name in ("type", "onset", "apex", "offset", "label")] == [
        "micro", "100", "112", "130", "positive"
    ]  # fmt: skip
    assert [float(micro[f"{name}_seconds"]) for name in ("onset", "apex", "offset")] == [1.0, 1.12, 1.3]
    assert [float(micro[f"p_{name}"]) for name in report_files.CLASSES] == [0.2, 0.7, 0.1]
    assert (float(micro["score"]), float(micro["threshold"])) == (0.9, 0.5)
    assert (macro["label"], macro["p_negative"], macro["not_classified"]) == ("", "", report_files.NOT_CLASSIFIED)
    assert (unseen["type"], unseen["apex"], unseen["score"], unseen["threshold"]) == ("unseen", "", "", "")
    assert unseen["reason"] == report_files.REASON


def test_every_row_and_the_document_say_what_synthetic_networks_are_for() -> None:
    report = report_files.report()
    for said in [row["data"] for row in rows(report)] + [json.loads(writing.json(report))["data"]]:
        assert said.startswith("embedded (") and "synthetic faces are for trying the software" in said
    card = report_files.SPOTTER | {"synthetic": False, "data": "/data/samm (samm_lv)"}
    licensed = replace(report, spotter=card, recogniser=None)
    assert {row["data"] for row in rows(licensed)} == {"/data/samm (samm_lv)"}
    both = replace(report, spotter=card)
    assert honesty.data(both).startswith("/data/samm (samm_lv); embedded (networks trained on synthetic")
    document = json.loads(writing.json(licensed))
    assert next(iter(document)) == "data" and "does not say what anybody feels" in document["remark"]


@pytest.mark.parametrize("name", ["=1+1.mp4", "+1.avi", "-x.mp4", "@me.mp4", "\tx.mp4"])
def test_no_cell_is_taken_for_a_formula(name: str) -> None:
    report = report_files.report(name=name)
    text = writing.csv(report)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert f"'{name}" in cells and not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert json.loads(writing.json(report))["source"]["name"] == name


@pytest.mark.parametrize("name", ['a "b", c;\nd.mp4', "Gesichtsausdrücke 笑.mp4", os.fsdecode(b"\xff\xe9.mp4")])
def test_names_of_all_kinds_come_back(name: str) -> None:
    report = report_files.report(name=name)
    wanted = "��.mp4" if name.startswith("\udcff") else name
    assert {row["video"] for row in rows(report)} == {wanted}
    document = writing.json(report).encode()
    assert json.loads(document)["source"]["name"] == wanted


def strict(text: str) -> Any:
    """The value of a document that must hold no NaN and no infinity, which JSON has not."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_the_document_is_valid_json_with_null_for_what_is_no_number() -> None:
    events = (
        report_files.event("micro", np.int64(3), np.int64(9), np.int64(5), score=np.float32("nan"),
                           probabilities={"negative": float("inf"), "positive": np.float32(0.5)}, label="positive"),
    )  # fmt: skip
    document = strict(writing.json(report_files.report(events=events, thresholds={"micro": np.nan})))
    (one,) = document["events"]
    assert (one["onset"], one["apex"], one["score"], one["threshold"]) == (3, 5, None, None)
    assert one["probabilities"] == {"negative": None, "positive": 0.5}
    assert document["thresholds"] == {"micro": None}
    (row,) = rows(report_files.report(events=events, thresholds={"micro": np.nan}))
    assert (row["score"], row["threshold"], row["p_negative"], row["p_positive"]) == ("", "", "", "0.500000")


def test_the_document_holds_source_networks_and_why_nothing_was_looked_for() -> None:
    why = {"micro": "25 frames per second are too few"}
    report = report_files.report(not_spotted=why)
    document = strict(writing.json(report))
    assert document["source"] == {
        "path": "/somewhere/video 1.mp4", "name": "video 1.mp4", "sha256": "0" * 64, "frames": 600, "width": 64,
        "height": 48, "fps": 100.0, "variable": False, "remarks": ["One frame was repeated."], "folder": False,
    }  # fmt: skip
    assert document["thresholds"] == report_files.THRESHOLDS and document["not_spotted"] == why
    spotted, recognised = document["networks"]["spotted"], document["networks"]["recognised"]
    assert (spotted["paper"], spotted["experiment"], spotted["synthetic"]) == ("elface2021", "samm-lv", True)
    assert recognised["held_out"][0] == report_files.RECOGNISER["held_out"][0]
    assert [event["type"] for event in document["events"]] == ["micro", "macro", "unseen"]


def test_a_report_of_nothing_has_no_rows_and_a_document() -> None:
    nothing = report_files.report(
        events=(), scores={}, thresholds={}, spotter=None, recogniser=None, faces={}, flows={},
        seconds=np.empty(0), frames=np.empty(0, np.int64),
    )  # fmt: skip
    assert rows(nothing) == [] and writing.csv(nothing).startswith("data,video,type,onset,")
    document = strict(writing.json(nothing))
    assert (document["events"], document["networks"], document["data"]) == ([], {}, "")
