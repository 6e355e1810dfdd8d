"""The results page in a real browser: panels, addresses, search, sorting, dark, print, and nothing from a network."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import browser
import spotting_files
from browser import Browser
from mexflow.page import looks, spotted_scores
from mexflow.papers import paper as papers
from mexflow.store.artifacts import Inputs
from project import WORKFLOW

CELL = "mini/A/CNN/accuracy/accuracy"


@pytest.fixture(scope="module")
def page(finished: Path) -> Path:
    browser.require()
    return finished / "results" / "index.html"


@pytest.fixture(scope="module")
def opened(page: Path) -> Iterator[Browser]:
    with browser.browser(page) as made:
        yield made
        made.was_quiet()


def rows(finished: Path) -> dict[str, dict]:
    """Every row of the tables that the page shows, by the cell's name."""
    names = ("mini", "mini.timing", "preprocessing")
    tables = (finished / "results" / "tables" / f"{name}.parquet" for name in names)
    return {row["cell"]: row for table in tables for row in pq.read_table(table).to_pylist()}


def test_every_cell_of_every_table_opens_its_panel(opened: Browser, finished: Path) -> None:
    opened.open()
    assert opened.panels() == set(rows(finished))


def test_an_address_restores_the_panel_of_its_cell(opened: Browser, finished: Path) -> None:
    cells = rows(finished)
    of_tables = {row["table"]: name for name, row in cells.items() if row["measured"] is not None}
    assert len(of_tables) >= 4
    for name in of_tables.values():
        opened.open(name)
        assert opened.text("#panel-title") == name
        assert unquote(opened.driver.current_url.partition("#")[2]) == name
    opened.open(CELL)
    (warning,) = opened.texts("#panel .warning")
    assert "must not be compared with the published" in warning, "who comes by an address has not seen the page's head"
    opened.open("mini/A/CNN/no such cell")
    assert opened.run("return document.getElementById('panel').hidden")


def test_the_panel_says_what_the_records_and_predictions_say(opened: Browser, finished: Path) -> None:
    opened.open(CELL)
    folds = finished / "results" / "folds" / "mini" / "cnn"
    predicted = [row for path in sorted(folds.glob("*/predictions.parquet")) for row in pq.read_table(path).to_pylist()]
    wrong = [row for row in predicted if row["label"] != row["predicted"]]
    assert wrong, "a network of three epochs errs, or this shows nothing"
    title = f"Test clips: {len(wrong)} of {len(predicted)} wrong"
    text = opened.text("#panel")
    assert title in text
    shown = opened.texts("#panel tr.wrong")
    assert len(shown) == len(wrong)
    for row in wrong:
        clip = f"{row['subject'].replace('/', ' ')} {row['clip']}"
        assert any(clip in line and row["label"] in line and row["predicted"] in line for line in shown)
    record = json.loads(next((finished / "results" / "records" / "train" / "mini" / "cnn").glob("*.json")).read_text())
    for fold in record["folds"].values():
        assert ", ".join(fold["training_subjects"]) in text and ", ".join(fold["test_subjects"]) in text
    assert record["command"] in text and record["code"]["digest"][:16] in text
    for path, made in record["outputs"].items():
        assert path in text and made["sha256"][:16] in text
    stages = opened.run(
        "return [...document.querySelectorAll('#panel .chain > li strong')].map((one) => one.textContent)"
    )
    assert stages == ["embed", "index", "faces", "flow", "train", "table"]
    assert f"mexflow verify {CELL} --recompute-cell" in text
    number = rows(finished)[CELL]["measured"]
    assert f"{number:.2f}†" in opened.text("#panel .big")
    frames = opened.run(
        "return [...document.querySelectorAll('#panel tr.wrong details')].map((one) => one.textContent)"
    )
    assert all("results/embedded/" in text and "onset" in text for text in frames)


def test_faces_of_embedded_clips_are_shown(opened: Browser) -> None:
    opened.open(CELL)
    faces = opened.run(
        "return [...document.querySelectorAll('#panel .face')].map((one) => getComputedStyle(one).backgroundImage)"
    )
    assert faces and all(face.startswith('url("data:image/webp;base64,') for face in faces)


def test_the_keyboard_opens_and_closes_a_panel(opened: Browser) -> None:
    opened.obeys_the_keyboard(CELL)


def test_a_table_is_sorted_by_the_column_that_is_pressed(opened: Browser) -> None:
    opened.open()
    grid = opened.driver.find_element(By.CSS_SELECTOR, "#paper-mini table.grid")
    button = grid.find_elements(By.CSS_SELECTOR, "thead button")[1]
    numbers = "return [...arguments[0].querySelectorAll('td b')].map((one) => parseFloat(one.textContent))"
    button.click()
    down = opened.run(numbers, grid)
    button.click()
    assert opened.run(numbers, grid) == sorted(down) and down == sorted(down, reverse=True)
    assert grid.find_elements(By.TAG_NAME, "th")[1].get_attribute("aria-sort") == "ascending"


def test_repairs_and_exclusions_are_searched(opened: Browser, finished: Path) -> None:
    opened.open()
    indexes = [
        pq.read_table(path).to_pylist() for path in sorted((finished / "results" / "index").glob("*[!s].parquet"))
    ]
    changes = [repair for index in indexes for row in index for repair in row.get("repairs", ())]
    wanted = changes[0].partition(":")[0]
    opened.driver.find_element(By.ID, "search").send_keys(wanted)
    shown = opened.run("return [...document.querySelectorAll('.changes tbody tr')].filter((row) => !row.hidden).length")
    assert shown == sum(change.startswith(wanted) for change in changes)
    assert opened.text("#found").startswith(f"{shown} of ")
    opened.driver.find_element(By.ID, "search").send_keys(" no such word")
    assert not opened.run("return [...document.querySelectorAll('.changes tbody tr')].some((row) => !row.hidden)")


@pytest.mark.parametrize(("system", "pressed", "dark"), [
    ("light", False, False), ("dark", False, True), ("light", True, True), ("dark", True, False)
])  # fmt: skip
def test_dark_and_light(opened: Browser, system: str, pressed: bool, dark: bool) -> None:
    opened.prefer(system)
    opened.open()
    if pressed:
        opened.driver.find_element(By.ID, "theme").click()
    assert opened.is_dark() == dark
    assert opened.text("#theme") == ("Light" if dark else "Dark")
    opened.prefer("light")


def test_print_has_everything_and_no_controls(opened: Browser) -> None:
    opened.open()
    pdf = base64.b64decode(opened.command("Page.printToPDF")["data"])
    assert pdf.startswith(b"%PDF-") and len(pdf) > 50_000
    with opened.printed():
        assert opened.shown(".top, #panel, summary, .search") == 0
        assert opened.shown("#paper-mini table.grid td.cell") == opened.run(
            "return document.querySelectorAll('#paper-mini table.grid td.cell').length"
        )
        assert opened.shown("#paper-mini .remarks li") > 0
    assert not opened.run("return document.querySelector('#paper-mini .remarks').open")


def test_a_narrow_screen_scrolls_tables_and_not_the_page(opened: Browser) -> None:
    opened.fits_a_narrow_screen("", CELL)


def test_without_javascript_all_tables_and_figures_are_there(opened: Browser, finished: Path) -> None:
    with opened.without_scripts():
        find = opened.driver.find_elements
        for cell, row in rows(finished).items():
            (link,) = find(By.CSS_SELECTOR, f'td a.number[data-cell="{cell}"]')
            if row["measured"] is not None:
                assert any(sign.isdigit() for sign in link.get_attribute("textContent"))
        for name in ("F1", "F2", "F3"):
            (figure,) = find(By.CSS_SELECTOR, f"#figure-mini-{name} svg")
            assert figure.size["width"] > 300 and figure.size["height"] > 100
        assert len(find(By.CSS_SELECTOR, "#overview .axis circle")) >= 2


CURVES = """{% extends "base.html" %}{% block main %}{% include "spotted.html" %}{% endblock %}"""


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A page of made-up test videos alone, opened."""
    browser.require()
    folder = tmp_path_factory.mktemp("curves")
    spotting_files.write(folder / "folds", spotting_files.SPOTTED)
    (folder / "index").mkdir()
    pq.write_table(pa.Table.from_pylist(spotting_files.index_rows()), folder / "index" / "samm_lv.parquet")
    folds = {spotting_files.EXPERIMENT: list(spotting_files.SUBJECTS)}
    paper = papers.load(WORKFLOW / "papers", "elface2021")
    (one,) = spotted_scores.of_paper(paper, "demo", folder, folds, Inputs())
    page = folder / "curves.html"
    page.write_text(looks.environment().from_string(CURVES).render(one=one, data={"papers": {}}))
    with browser.browser(page) as made:
        made.open()
        yield made
        made.listen()
        assert made.said == []


def test_curves_are_drawn_with_true_and_predicted_intervals(curves: Browser) -> None:
    assert len(curves.driver.find_elements(By.CSS_SELECTOR, "svg.scores")) == 2 * len(spotting_files.SUBJECTS)
    kinds = {kind: len(curves.driver.find_elements(By.CSS_SELECTOR, f"svg.scores rect.{kind}")) for kind in
             ("matched", "missed", "false")}  # fmt: skip
    spans = sum(map(len, spotting_files.TRUTH.values())) + sum(map(len, spotting_files.SPOTTED.values()))
    assert sum(kinds.values()) == spans and min(kinds.values()) > 0


def test_a_curve_tells_the_score_under_the_pointer_and_can_be_zoomed(curves: Browser) -> None:
    drawing = curves.driver.find_element(By.CSS_SELECTOR, "svg.scores")
    curves.run("arguments[0].scrollIntoView({block: 'center'})", drawing)
    said = lambda: curves.text(".trace .read")  # noqa: E731
    hands = ActionChains(curves.driver)
    hands.move_to_element(drawing).perform()
    frame, score = re.fullmatch(r"frame (\d+): score (\d\.\d\d)", said()).groups()
    assert abs(int(frame) - spotting_files.LENGTH / 2) <= 3 and 0 <= float(score) <= 1
    width = drawing.size["width"]
    hands.move_to_element_with_offset(drawing, -width // 4, 0).click_and_hold().move_by_offset(width // 4, 0).release()
    hands.perform()
    first, last = map(int, re.fullmatch(r"frames (\d+) to (\d+)", said()).groups())
    assert abs(first - spotting_files.LENGTH / 4) <= 3 and abs(last - spotting_files.LENGTH / 2) <= 3
    start, _, wide, _ = map(float, drawing.get_dom_attribute("viewBox").split())
    assert (start, wide) == (pytest.approx(250, abs=5), pytest.approx(250, abs=5))
    hands.double_click(drawing).perform()
    assert drawing.get_dom_attribute("viewBox") == "0 -14 1000 128"
    drawing.send_keys("+")
    assert drawing.get_dom_attribute("viewBox") == "250 -14 500 128"
    drawing.send_keys(Keys.ARROW_RIGHT)
    assert drawing.get_dom_attribute("viewBox") == "375 -14 500 128"
    drawing.send_keys("0")
    assert drawing.get_dom_attribute("viewBox") == "0 -14 1000 128"
