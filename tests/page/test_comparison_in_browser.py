"""The page of two compared runs in a real browser: panels, addresses, search, sorting, print, and no network."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

import browser
from browser import Browser
from mexflow.audit import comparison_text
from mexflow.audit.compare import Comparison, Difference, compare
from mexflow.page import comparison

CELL = "mini/A/CNN/accuracy/accuracy"


@pytest.fixture(scope="module")
def found(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A small run compared with a copy of it, trained with other epochs, of other numbers, and without a cell."""
    browser.require()
    folder = tmp_path_factory.mktemp("compared")
    for name in ("tables", "records"):
        shutil.copytree(finished / "results" / name, folder / "results" / name)
    shutil.copytree(finished / "workflow" / "papers", folder / "workflow" / "papers")
    for path in sorted((folder / "results" / "records" / "train" / "mini" / "cnn").glob("*.json")):
        record = json.loads(path.read_text())
        record["recipe"]["epochs"] += 1
        for made in record["outputs"].values():
            made["sha256"] = made["sha256"][::-1]
        path.write_text(json.dumps(record))
    path = folder / "results" / "tables" / "mini.csv"
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if row["measured"] and row["table"] == "A":
            row["measured"] = str(float(row["measured"]) + 7)
        if row["table"] == "controls":
            row["note"] += "; another remark"
    with path.open("w") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if row["cell"] != rows[-1]["cell"])
    return compare(finished / "results", folder)


@pytest.fixture(scope="module")
def opened(found: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = tmp_path_factory.mktemp("page") / "compared.html"
    path.write_text(comparison.page(found))
    with browser.browser(path) as made:
        yield made
        made.was_quiet()


def differing(found: Comparison) -> dict[str, Difference]:
    return {one.cell: one for one in found.differences}


def test_every_cell_that_differs_opens_its_panel_and_no_other_does(opened: Browser, found: Comparison) -> None:
    opened.open()
    whats = {one.what for one in found.differences}
    assert {"number", "remarks", "only a"} <= whats and found.alike
    assert opened.panels("section.paper td a[data-cell]") == set(differing(found))
    assert opened.panels("#differences a[data-cell]") == set(differing(found))
    assert opened.run("return document.querySelectorAll('td.same').length") == found.alike


def test_an_address_restores_the_panel_that_says_what_stands_behind(opened: Browser, found: Comparison) -> None:
    one = differing(found)[CELL]
    opened.open(CELL)
    text = opened.text("#panel")
    assert opened.text("#panel-title") == CELL
    assert opened.texts("#panel .reasons li") == comparison_text.reasons(one.changes)
    assert any("epochs" in reason for reason in opened.texts("#panel .reasons li"))
    for side in (one.a, one.b):
        assert comparison_text.number_text(side, one.metric) in text
        assert comparison_text.interval_text(side, one.metric) in text
    assert f"{comparison_text.difference_text(one)} {comparison_text.verdict(one)}" in text
    assert "embedded, budget demo" in text and "must not be compared with the published" in text
    assert f"mexflow trace {CELL}" in text
    assert opened.run("return document.querySelectorAll('#panel svg.spans g').length") == 2
    opened.open("mini/A/CNN/no such cell")
    assert opened.run("return document.getElementById('panel').hidden")


def test_the_panel_of_remarks_tells_those_of_each_run(opened: Browser, found: Comparison) -> None:
    name = next(one.cell for one in found.differences if one.what == "remarks")
    opened.open(name)
    assert "in B alone" in opened.texts("#panel h4") and "another remark" in opened.texts("#panel li")


def test_a_link_of_the_panel_leads_to_all_cells_with_the_same_behind_them(opened: Browser) -> None:
    opened.open(CELL)
    link = opened.driver.find_element(By.CSS_SELECTOR, "#panel a[href^='#group-']")
    group = link.get_dom_attribute("href")[1:]
    opened.run("arguments[0].click()", link)
    assert opened.driver.current_url.endswith(f"#{group}")
    assert opened.run("return document.getElementById(arguments[0]).getBoundingClientRect().top", group) < 400
    opened.run("history.back()")


def test_the_keyboard_opens_and_closes_a_panel(opened: Browser) -> None:
    opened.obeys_the_keyboard(CELL)


def test_differences_are_searched_and_sorted(opened: Browser, found: Comparison) -> None:
    opened.open()
    shown = (
        "return [...document.querySelectorAll('.searched tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => row.querySelector('a').dataset.cell)"
    )
    assert opened.run(shown) == [one.cell for one in sorted(found.differences, key=comparison_text.order)]
    opened.driver.find_element(By.ID, "search").send_keys("remarks differ")
    assert set(opened.run(shown)) == {one.cell for one in found.differences if one.what == "remarks"}
    assert opened.text("#found").endswith(f" of {len(found.differences)}")
    opened.driver.find_element(By.ID, "search").clear()
    button = opened.driver.find_elements(By.CSS_SELECTOR, ".searched thead button")[2]
    opened.run("arguments[0].click()", button)
    numbers = [float(text.rstrip("†").replace(",", "")) for text in opened.texts(".searched td:nth-child(3)")
               if text.strip() and text[0].isdigit()]  # fmt: skip
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) > 2


@pytest.mark.parametrize("system", ["light", "dark"])
def test_dark_and_light(opened: Browser, system: str) -> None:
    opened.prefer(system)
    opened.open()
    assert opened.is_dark() == (system == "dark")
    opened.prefer("light")


def test_print_has_everything_and_no_controls(opened: Browser, found: Comparison) -> None:
    opened.open()
    with opened.printed():
        assert opened.shown(".top, #panel, summary, .search") == 0
        assert opened.shown("section.paper td.cell") == found.alike + len(found.differences)
        assert opened.shown("#changes tbody tr") > 0


def test_a_narrow_screen_scrolls_tables_and_not_the_page(opened: Browser) -> None:
    opened.fits_a_narrow_screen("", CELL)


def test_without_javascript_all_is_there_but_the_panels(opened: Browser, found: Comparison) -> None:
    with opened.without_scripts():
        find = opened.driver.find_elements
        assert len(find(By.CSS_SELECTOR, "section.paper td.cell")) == found.alike + len(found.differences)
        for cell, one in differing(found).items():
            (link,) = find(By.CSS_SELECTOR, f'section.paper td a.number[data-cell="{cell}"]')
            (row,) = find(By.CSS_SELECTOR, f'#differences tr:has(a[data-cell="{cell}"])')
            for text in (link.find_element(By.XPATH, "..").get_attribute("textContent"), row.text):
                assert comparison_text.verdict(one).removeprefix("same; ") in text or one.what == "only a"
        reasons = [item.get_attribute("textContent") for item in find(By.CSS_SELECTOR, "#reasons .reasons li")]
        wanted = [text for changes in found.by_changes() for text in comparison_text.reasons(changes)]
        assert reasons == wanted
