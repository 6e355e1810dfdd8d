"""The results page as a file: what is escaped, what is shown of whose data, and that it is the same when made again."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import spotting_files
from mexflow.audit import reproduce
from mexflow.audit.graph import load
from mexflow.errors import UserError
from mexflow.page import assembly, looks, score_line, sections, spotted_scores, summary
from mexflow.page.drawings import Letters, inline
from mexflow.papers import paper as papers
from mexflow.papers.reporting_recipe import PageRecipe
from mexflow.store.artifacts import Inputs, hash_file
from pages import HOSTILE, Tags, asks_for_nothing, data_of
from project import WORKFLOW, mexflow


@pytest.fixture(scope="module")
def copied(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the page of a small run is made from."""
    folder = tmp_path_factory.mktemp("page")
    for name in ("tables", "figures", "folds", "faces", "index", "records"):
        shutil.copytree(finished / "results" / name, folder / "results" / name)
    shutil.copytree(finished / "workflow" / "papers", folder / "papers")
    return folder


@pytest.fixture
def made(copied: Path) -> Callable[..., str]:
    """Makes the page of that copy, as the recipe of its run says and with changes to this recipe."""

    def make(inputs: Inputs | None = None, **changes: object) -> str:
        recorded = json.loads((copied / "results" / "records" / "page.json").read_text())["recipe"]
        recipe = PageRecipe.model_validate({**recorded, **changes})
        with chdir(copied):
            paper = papers.load(copied / "papers", "mini")
            graph = load(Path("results/records"), left_out=[assembly.PAGE])
            return assembly.page([paper], graph, Path("results"), recipe, inputs or Inputs())[0]

    return make


@pytest.fixture
def changed_table() -> Iterator[Callable[[Path, str, Callable[[object], object]], None]]:
    """Changes a column of a table, and puts the table back afterwards."""
    before: dict[Path, bytes] = {}

    def change(path: Path, column: str, by: Callable[[object], object]) -> None:
        before.setdefault(path, path.read_bytes())
        table = pq.read_table(path)
        values = pa.array([by(value) for value in table[column].to_pylist()], table.schema.field(column).type)
        pq.write_table(table.set_column(table.schema.names.index(column), column, values), path)

    yield change
    for path, content in before.items():
        path.write_bytes(content)


def test_data_cannot_end_the_script_that_holds_them() -> None:
    text = looks.inlined({HOSTILE: [HOSTILE, 1.5, None]})
    assert not set("<>&'\u2028\u2029") & set(text)
    assert json.loads(text) == {HOSTILE: [HOSTILE, 1.5, None]}


def test_nothing_from_the_data_breaks_out_of_the_page(copied: Path, made, changed_table) -> None:
    usual = Tags(made()).found
    results = copied / "results"
    for path in sorted((results / "folds" / "mini" / "cnn").glob("*/predictions.parquet")):
        changed_table(path, "clip", lambda clip: f"{clip}{HOSTILE}")
        changed_table(path, "predicted", lambda name: f"{name}{HOSTILE}")
    changed_table(results / "tables" / "mini.parquet", "note", lambda note: f"{note}; {HOSTILE}")
    changed_table(results / "index" / "casme2.parquet", "repairs", lambda repairs: [*repairs, HOSTILE])
    text = made()
    tags = Tags(text).found
    assert [tag for tag, _ in tags if tag in ("script", "style")] == ["style", "script", "script", "script"]
    assert [attributes for tag, attributes in tags if "onerror" in attributes] == []
    assert [
        attributes["src"] for tag, attributes in tags if tag == "img" and "example" in (attributes["src"] or "")
    ] == []
    # The one more remark is a number at each cell, an item of the list, and the repairs are a line each; nothing else.
    new = {
        tag for tag in {tag for tag, _ in tags} if [t for t, _ in tags].count(tag) != [t for t, _ in usual].count(tag)
    }
    assert new <= {"a", "li", "tr", "th", "td", "p", "div", "table", "thead", "tbody", "details", "summary"}
    assert any(HOSTILE in clip[2] for clip in data_of(text)["clips"])
    assert any(HOSTILE.split("; ")[0].split("&")[0] in remark for remark in data_of(text)["papers"]["mini"]["remarks"])


def test_it_holds_everything_and_asks_for_nothing(made) -> None:
    text = made()
    asks_for_nothing(text, "figures/")


def test_made_again_it_is_the_same(copied: Path, made) -> None:
    with_record = made()
    record = copied / "results" / "records" / "page.json"
    content = record.read_text()
    described = json.loads(content)
    described["observed"]["ended"] = "2100-01-01T00:00:00.000+00:00"
    try:
        record.write_text(json.dumps(described))
        inputs = Inputs()
        assert made(inputs) == with_record, "the page before it changes nothing"
    finally:
        record.write_text(content)
    assert {"results/tables/mini.parquet", "results/figures/mini/F1.svg"} <= set(inputs.digests)


def test_its_record_names_the_records_that_it_was_made_from(finished: Path) -> None:
    described = json.loads((finished / "results" / "records" / "page.json").read_text())
    records = {path.relative_to(finished).as_posix() for path in (finished / "results" / "records").rglob("*.json")}
    assert set(described["records"]) == records - {"results/records/page.json"}
    for path, sha256 in described["records"].items():
        assert hash_file(finished / path).sha256 == sha256
    assert not records & set(described["inputs"])


def test_an_auditor_makes_the_page_again(finished: Path, tmp_path: Path) -> None:
    with chdir(finished):
        made_again = reproduce.reproduce(load(), "results/index.html", tmp_path)
    assert made_again.same, made_again.differences


def test_its_run_root_is_that_of_the_run(finished: Path) -> None:
    root = json.loads((finished / "results" / "run.json").read_text())["root"]
    assert f"<code>{root}</code>" in (finished / "results" / "index.html").read_text()


def test_identifiers_are_given_once(made) -> None:
    names = [attributes["id"] for _, attributes in Tags(made()).found if attributes.get("id")]
    assert len(names) == len(set(names)) > 50


LICENSED = {"papers": {"mini": "/data/CASME2 (casme2), embedded (samm)"},
            "raw": {"casme2": "/data/CASME2 (casme2)", "samm": "embedded"}}  # fmt: skip


def pixels(text: str) -> tuple[set[str], bool]:
    """The datasets whose faces are in the page, and whether a figure with pixels is."""
    found = {clip[0] for clip in data_of(text)["clips"] if clip[4] is not None}
    (figure,) = re.findall(r'<figure id="figure-mini-F1">.*?</figure>', text, re.S)
    return found, "<image" in figure


@pytest.mark.parametrize(
    ("changes", "faces", "figures"),
    [
        ({}, {"casme2", "samm"}, True),
        ({"faces": "none"}, set(), False),
        (LICENSED, {"samm"}, False),
        ({**LICENSED, "faces": "all"}, {"casme2", "samm"}, True),
    ],
    ids=["embedded", "none", "licensed", "licensed, all"],
)
def test_pixels_are_of_data_that_may_be_shown(made, changes: dict, faces: set[str], figures: bool) -> None:
    text = made(**changes)
    assert pixels(text) == (faces, figures)
    sheets = {attributes["alt"].split()[3].rstrip(":") for tag, attributes in Tags(text).found if tag == "img"}
    assert sheets == faces
    assert ("does not show" in text) != figures


@pytest.mark.parametrize("gone", ["tables/mini.parquet", "figures/mini/F2.svg", "index/casme2.txt"])
def test_what_is_missing_is_one_line(copied: Path, made, gone: str) -> None:
    path = copied / "results" / gone
    content = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(UserError, match=f"^results/{gone}: no such file") as raised:
            made()
        assert "\n" not in str(raised.value)
    finally:
        path.write_bytes(content)


def test_a_table_without_a_record_is_one_line(copied: Path, made) -> None:
    path = copied / "results" / "records" / "tables" / "mini.json"
    content = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(UserError, match="^results/tables/mini.parquet: no record says how it was made"):
            made()
    finally:
        path.write_bytes(content)


# A run that failed, or still runs


@pytest.fixture
def gone(copied: Path) -> Iterator[Callable[[str], None]]:
    """Takes results away, and brings them back afterwards."""
    before: dict[Path, bytes] = {}

    def take(name: str) -> None:
        path = copied / "results" / name
        before[path] = path.read_bytes()
        path.unlink()

    yield take
    for path, content in before.items():
        path.write_bytes(content)


def so_far(copied: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """The page of what there is in that copy, by hand, as ``so-far.html``."""
    return mexflow("page", "--so-far", "--papers", "papers", "--output", "so-far.html", *options, cwd=copied)


def test_what_is_not_there_yet_is_told_and_all_else_is_shown(copied: Path, made, gone) -> None:
    whole = data_of(made())["papers"]["mini"]["cells"]
    for name in ("figures/mini/F2.svg", "tables/mini.timing.parquet", "index/samm.parquet", "faces/casme2/04.npy"):
        gone(name)
    said = so_far(copied)
    assert said.returncode == 0, said.stderr
    text = (copied / "so-far.html").read_text()
    assert "This run is not complete." in text
    for told in ("mini, figure F2: results/figures/mini/F2.svg", "samm: results/index/samm.parquet",
                 "mini, the time to classify a clip: results/tables/mini.timing.parquet"):  # fmt: skip
        assert f"<li>{told} is not made yet</li>" in text
    assert '<figure id="figure-mini-F1">' in text and '<figure id="figure-mini-F2">' not in text
    shown = data_of(text)["papers"]["mini"]["cells"]
    assert shown.keys() == {cell for cell in whole if cell.split("/")[1] != "timing"}
    assert pixels(text)[0] == {"casme2"}, "of the subjects whose faces are there"


def test_of_a_whole_run_it_shows_the_same_by_hand(copied: Path, made) -> None:
    """Its recipe is then taken from the records of the tables and indexes."""
    said = so_far(copied)
    assert said.returncode == 0, said.stderr
    text = (copied / "so-far.html").read_text()
    told = text[text.index('<div class="warning"') : text.index('<dl class="facts">')]
    assert "<li>" not in told
    assert text.replace(told, "") == made(), "but for what it says of itself"


def test_by_hand_it_is_made_from_any_folder(copied: Path, made, tmp_path: Path) -> None:
    options = {"--papers": copied / "papers", "--results": copied / "results", "--output": "here.html"}
    said = mexflow("page", "--so-far", *(word for option in options.items() for word in option), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert data_of((tmp_path / "here.html").read_text()) == data_of(made())


def test_what_failed_is_told_from_the_log(copied: Path) -> None:
    (copied / "job.log").write_text("first\nmexflow: error: x.png: <no> picture\n")
    log = copied / "run.log"
    log.write_text("Error in rule flow_x:\n    jobid: 7\n    log: job.log (check log file(s) for error details)\n")
    said = so_far(copied, "--log", log)
    assert said.returncode == 0, said.stderr
    text = (copied / "so-far.html").read_text()
    assert "<li>flow_x: x.png: &lt;no&gt; picture (job.log)</li>" in text


@pytest.mark.parametrize(("started", "done", "told"), [("2100-01-01", False, True), ("2100-01-01", True, False),
                                                     ("2020-01-01", False, False)])  # fmt: skip
def test_what_is_of_an_earlier_run_is_told(copied: Path, started: str, done: bool, told: bool) -> None:
    """The log of a run that was to make the tables anew; those there are were made before, or by it."""
    log = copied / "run.log"
    end = "Finished jobid: 1 (Rule: tables_mini)\n" if done else ""
    log.write_text(
        f"SNAKEMAKE\n  Date: {started} 00:00:00\nJob stats:\njob  count\n---\ntables_mini  1\ntotal  1\n"
        f"rule tables_mini:\n    jobid: 1\n{end}"
    )
    said = so_far(copied, "--log", log)
    assert said.returncode == 0, said.stderr
    text = (copied / "so-far.html").read_text()
    assert ("What an earlier run made" in text) == told
    made = json.loads((copied / "results" / "records" / "tables" / "mini.json").read_text())["observed"]["ended"]
    assert (f"<li>mini, its tables: made on {made[:10]} at {made[11:16]} UTC</li>" in text) == told


def test_where_no_table_is_there_is_no_page(copied: Path, gone, tmp_path: Path) -> None:
    gone("tables/mini.parquet")
    said = so_far(copied, "--output", tmp_path / "none.html")
    assert said.returncode == 1 and not (tmp_path / "none.html").exists()
    assert said.stderr.startswith("mexflow: error: results/tables: no paper's tables yet")
    said = mexflow("page", "--papers", "papers", cwd=copied)
    assert said.stderr.startswith("mexflow: error: --recipe: not given") and said.stderr.count("\n") == 1


# Figures

SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">
<style>*{fill:red}</style><script>alert(1)</script><!-- <b> --><metadata>x</metadata>
<defs><path id="DejaVuSans-41" d="M0 0.123456L9 9" transform="scale(0.015625)"/>
<clipPath id="p1"><rect id="r"/></clipPath></defs>
<g id="patch_1" clip-path="url(#p1)" onload="alert(1)"><use xlink:href="#DejaVuSans-41"/>
<image href="http://example.org/a.png"/></g></svg>"""


def test_a_figure_keeps_what_draws_and_its_names_to_itself() -> None:
    letters = Letters()
    first, second = (inline(SVG.encode(), name, f"<{name}>", letters) for name in ("one", "two"))
    assert letters.paths == {"DejaVuSans-41": ("M0 0.12L9 9", "scale(0.015625)")}
    for text, name in ((first, "one"), (second, "two")):
        root = ElementTree.fromstring(text)
        assert {element.tag for element in root.iter()} == {"svg", "defs", "clipPath", "rect", "g", "use", "image"}
        assert [element.get("id") for element in root.iter() if element.get("id")] == [f"{name}-p1"]
        assert root.find("g").attrib == {"clip-path": f"url(#{name}-p1)"}
        assert root.find("g/use").attrib == {"href": "#DejaVuSans-41"}
        assert root.find("g/image").attrib == {}
        assert root.get("aria-label") == f"<{name}>"


def test_another_outline_of_one_name_gets_a_name_of_its_own() -> None:
    letters = Letters()
    inline(SVG.encode(), "one", "", letters)
    text = inline(SVG.replace("L9 9", "L8 8").encode(), "two", "", letters)
    assert set(letters.paths) == {"DejaVuSans-41", "DejaVuSans-41-2"}
    assert 'href="#DejaVuSans-41-2"' in text


@pytest.mark.parametrize("content", [b"<svg", b"<html/>", b""])
def test_what_is_no_svg_is_one_line(content: bytes) -> None:
    with pytest.raises(UserError, match="^f.svg: no SVG"):
        inline(content, "f", "", Letters(), "f.svg")


# Spotting


def test_a_long_curve_keeps_its_peaks_and_its_gaps() -> None:
    scores = np.full(5000, 0.5)
    scores[1234], scores[4321] = 1.0, 0.0
    scores[2000:2500] = np.nan
    drawn = score_line.path(np.arange(1, 5001), scores)
    points = [tuple(map(int, point.split())) for point in re.split("[ML]", drawn) if point]
    assert len(points) <= 300
    assert (round(1234 * 1000 / 4999), 0) in points and (round(4321 * 1000 / 4999), 100) in points
    assert drawn.count("M") == 2
    assert not [x for x, _ in points if 405 < x < 495]


def test_true_and_predicted_intervals_of_test_videos(tmp_path: Path) -> None:
    paper = papers.load(WORKFLOW / "papers", "elface2021")
    spotting_files.write(tmp_path / "folds", spotting_files.SPOTTED)
    (tmp_path / "index").mkdir()
    pq.write_table(pa.Table.from_pylist(spotting_files.index_rows()), tmp_path / "index" / "samm_lv.parquet")
    folds = {spotting_files.EXPERIMENT: list(spotting_files.SUBJECTS)}
    (found,) = spotted_scores.of_paper(paper, "demo", tmp_path, folds, Inputs())
    assert (found.experiment, found.variant) == (spotting_files.EXPERIMENT, spotting_files.VARIANT)
    assert [video.name for video in found.videos] == ["1_1", "2_1", "3_1"]
    for video in found.videos:
        for trace in video.traces:
            truth = spotting_files.TRUTH[video.subject, trace.type]
            spotted = spotting_files.SPOTTED[video.subject, trace.type]
            assert [(span.first, span.last) for span in trace.truth] == truth
            assert [(span.first, span.last) for span in trace.predicted] == spotted
            assert trace.threshold == 50.0 and (trace.first, trace.last) == (1, spotting_files.LENGTH)
    first = {trace.type: trace for trace in found.videos[0].traces}
    assert [span.kind for span in first["macro"].truth] == ["matched", "missed"]
    assert [span.kind for span in first["micro"].predicted] == ["matched", "false"]
    assert first["macro"].told == "macro: 2 true, 1 of them found, 1 missed, 0 false"
    assert first["micro"].predicted[1].at == pytest.approx(199 * 1000 / 399, abs=0.06)


# What it says and how it looks


def test_bibtex_of_every_paper() -> None:
    entries = {
        name: sections.bibtex(papers.load(WORKFLOW / "papers", name)) for name in papers.available(WORKFLOW / "papers")
    }
    for name, entry in entries.items():
        assert entry.startswith(f"@misc{{{name},\n") and entry.endswith("\n}")
        assert entry.count("{") == entry.count("}")
    assert "author = {R. Belaiche and Y. Liu and C. Migniot and D. Ginhac and F. Yang}" in entries["belaiche2020"]
    assert "year = {2020}" in entries["belaiche2020"]
    assert "doi = {10.1109/FG.2019.8756567}" in entries["liong2019"] and "year = {2019}" in entries["liong2019"]
    assert "eprint = {2105.06340}" in entries["elface2021"] and "year = {2021}" in entries["elface2021"]


def test_numbers_of_remarks_are_told_as_ranges() -> None:
    assert looks.ranges((9, 2, 3, 5, 6, 7, 2), left_out=(9,)) == [(2, 2), (3, 3), (5, 7)]
    assert looks.ranges(()) == []


def luminance(colour: str) -> float:
    levels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return sum(weight * level for weight, level in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """As the Web Content Accessibility Guidelines define it: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_text_can_be_read() -> None:
    style = (looks.TEMPLATES / "style.css").read_text()
    blocks = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in style.split("{")]
    blocks = [block for block in blocks if "ink" in block]
    assert len(blocks) == 3 and blocks[1] == blocks[2], "light, dark by the system, dark by the button"
    assert contrast("#000000", "#ffffff") == 21
    for colours in blocks:
        for text in ("ink", "quiet", "accent", "published", "control", "good", "bad", "weak"):
            for ground in ("paper", "soft"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert contrast(colours["warn-ink"], colours["warn"]) >= 4.5


def test_a_change_of_template_style_or_script_is_another_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(looks.TEMPLATES, tmp_path / "templates")
    before = looks.digest()
    monkeypatch.setattr(looks, "TEMPLATES", tmp_path / "templates")
    assert looks.digest() == before
    for name in ("base.html", "page.html", "style.css", "common.js", "page.js"):
        path = tmp_path / "templates" / name
        path.write_text(path.read_text() + "\n")
        assert looks.digest() != before, name
        before = looks.digest()


def test_the_overview_sets_a_number_beside_the_control_of_its_own_type_and_variant() -> None:
    paper = papers.load(WORKFLOW / "papers", "elface2021")
    table = next(name for name, one in paper.tables.items() if "SAMM-LV MaE F1" in one.names)

    def row(table: str, name: str, column: str, value: float, note: str = "") -> dict:
        of = {"table": table, "row": name, "column": column, "metric": "frame_f1", "cell": f"{table}/{name}/{column}"}
        return {**of, "measured": value, "published": None, "ci_low": None, "ci_high": None, "note": note}

    own = row(table, "EL-FACE", "SAMM-LV MaE F1", 0.6)
    rows = [own]
    for number, (variant, kind) in enumerate(itertools.product(("k-th", "manual"), ("micro", "macro"))):
        name = f"samm-lv, {variant}, {kind}"
        rows += [row("spotting_controls", name, "experiment", 0.6, f"verdict {number}")]
        rows += [row("spotting_controls", name, "shifted", number / 10)]
    shown = summary.of_paper(paper, rows, {own["cell"]: ["samm-lv"]}, "demo")
    assert shown.verdict == "verdict 1" and shown.metric.endswith(": SAMM-LV MaE F1")
    assert [(bar.kind, bar.at) for bar in shown.bars] == [("measured", 60.0), ("control", 10.0)]
