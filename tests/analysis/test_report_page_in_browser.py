"""The page of an analysis in a real browser: jumps, the video beside it or not, a closer look, paper, a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

import browser
import report_files
from browser import Browser
from mexflow.analysis import report_page

NAME = "a 'b' \"c\" ü&#1.webm"
LENGTH = 6.0


def write(folder: Path, with_video: bool) -> Path:
    page = folder / "page.html"
    page.write_text(report_page.page(report_files.report(name=NAME)))
    if with_video:
        writer = cv2.VideoWriter(str(folder / "v.webm"), cv2.VideoWriter.fourcc(*"VP80"), 10.0, (64, 48))
        for level in range(int(10 * LENGTH)):
            writer.write(np.full((48, 64, 3), 4 * level, np.uint8))
        writer.release()
        (folder / "v.webm").rename(folder / NAME)
    return page


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The page where the video does not lie beside it."""
    browser.require()
    page = write(tmp_path_factory.mktemp("alone"), with_video=False)
    with browser.browser(page) as made:
        yield made
        made.listen()
        missing = (page.parent / NAME).as_uri()
        assert made.said and all(said.startswith(missing) and "ERR_FILE_NOT_FOUND" in said for said in made.said)
        asked = {url.partition("#")[0] for url in made.requested if not url.startswith(("data:", "about:"))}
        assert asked == {made.url, missing}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The page with the video beside it."""
    browser.require()
    page = write(tmp_path_factory.mktemp("beside"), with_video=True)
    with browser.browser(page) as made:
        yield made
        made.was_quiet(page.parent / NAME)


def waits_for(page: Browser, script: str) -> None:
    WebDriverWait(page.driver, 20).until(lambda _: page.run(f"return {script}"))


def found(page: Browser, query: str) -> WebElement:
    """The first element that a query finds, in the middle of the window."""
    one = page.driver.find_element(By.CSS_SELECTOR, query)
    page.run("arguments[0].scrollIntoView({block: 'center'})", one)
    return one


def test_a_video_that_is_not_there_goes_away_quietly(alone: Browser) -> None:
    alone.open()
    waits_for(alone, "document.getElementById('video').hidden")
    assert alone.shown("#video") == 0 and alone.shown("#no-video") == 1
    assert f"The video plays here where {NAME} lies beside this page" in alone.text("#no-video")


def test_what_is_pressed_leads_to_its_panel(alone: Browser) -> None:
    alone.open()
    for query, place in ((".events a[href='#event-2']", 2), ("svg.scores a[href='#event-1'] .spotted", 1)):
        found(alone, query).click()
        assert alone.driver.current_url.endswith(f"#event-{place}")
        top = alone.run("return document.getElementById(arguments[0]).getBoundingClientRect().top", f"event-{place}")
        assert 0 <= top < 900
    found(alone, ".events tr.unseen a").click()
    assert alone.run("return document.querySelector(':target').className") == "unseen"


def test_a_closer_look_moves_the_marks_of_the_axis(alone: Browser) -> None:
    alone.open()
    read = ".trace .read"
    assert alone.text(read) == "0 to 6.00 s" and alone.shown(".trace:first-of-type .ticks span") == 7
    drawn = found(alone, "svg.scores")
    drawn.send_keys("+")
    assert alone.text(read) == "1.50 to 4.50 s"
    ticks = alone.run(
        """const ticks = [...document.querySelector(".ticks").children].filter((one) => !one.hidden);
        return ticks.map((one) => [parseFloat(one.textContent), parseFloat(one.style.left)]);"""
    )
    assert [at for _, at in ticks] == pytest.approx([100 * (second - 1.5) / 3 for second, _ in ticks], abs=0.1)
    assert [second for second, _ in ticks] == [2, 3, 4]
    drawn.send_keys("0")
    ActionChains(alone.driver).move_to_element_with_offset(
        drawn, round(drawn.size["width"] * (1.12 / LENGTH - 0.5)), 0
    ).perform()
    second, _, score = alone.text(read).partition(" s: score ")
    assert abs(float(second) - 1.12) < 0.05 and abs(float(score) - 0.9) < 0.05


def test_the_video_follows_what_is_pressed(beside: Browser) -> None:
    beside.open()
    waits_for(beside, "document.getElementById('video').readyState > 0")
    assert beside.shown("#video") == 1 and beside.shown("#no-video") == 0
    now = "document.getElementById('video').currentTime"
    found(beside, ".events a[href='#event-2']").click()
    waits_for(beside, f"Math.abs({now} - 2) < 0.01")
    waits_for(beside, "document.querySelector('.now').getAttribute('d').startsWith('M333.3 ')")
    drawn = found(beside, "svg.scores")
    ActionChains(beside.driver).move_to_element_with_offset(drawn, drawn.size["width"] * 2 // 5, 0).click().perform()
    waits_for(beside, f"Math.abs({now} - 0.9 * {LENGTH}) < 0.05")
    found(beside, "svg.scores a[href='#event-1']").click()
    waits_for(beside, f"Math.abs({now} - 1) < 0.01")
    before = beside.run(f"return {now}")
    drawn = found(beside, "svg.scores")
    hands = ActionChains(beside.driver)
    hands.move_to_element_with_offset(drawn, drawn.size["width"] // 5, 0).click_and_hold()
    hands.move_by_offset(drawn.size["width"] // 5, 0).release().perform()
    assert beside.text(".trace .read").startswith("4.2") and beside.run(f"return {now}") == before
    found(beside, "#event-2 h2 a").click()
    waits_for(beside, f"Math.abs({now} - 2) < 0.01")
    waits_for(beside, "document.querySelector('.beside').classList.contains('afloat')")
    left, top, right, bottom = beside.run(
        """const { left, top, right, bottom } = document.getElementById("video").getBoundingClientRect();
        return [left, top, right, bottom];"""
    )
    assert 0 < left < right < 1400 and 0 < top < bottom < 1000
    assert beside.driver.current_url.endswith("#event-1")
    beside.run("scrollTo(0, 0)")
    waits_for(beside, "!document.querySelector('.beside').classList.contains('afloat')")


def test_without_scripts_everything_is_there(beside: Browser) -> None:
    with beside.without_scripts():
        count = lambda query: len(beside.driver.find_elements(By.CSS_SELECTOR, query))  # noqa: E731
        assert count(".expression img") == 10 and count(".events tbody tr") == 3 and count("svg.scores .curve") == 2
        assert not beside.driver.find_element(By.CSS_SELECTOR, ".scripted").is_displayed()
        found(beside, ".events a[href='#event-1']").click()
        assert beside.driver.current_url.endswith("#event-1")


def test_it_fits_a_telephone_and_the_dark(alone: Browser) -> None:
    alone.fits_a_narrow_screen("", "event-1")
    alone.open()
    alone.prefer("dark")
    assert alone.is_dark()
    alone.prefer("light")
    assert not alone.is_dark()


def test_on_paper_all_is_open_and_nothing_asks_to_be_pressed(alone: Browser) -> None:
    alone.open()
    assert alone.shown("details li") == 0
    with alone.printed():
        assert alone.shown("details li") == 2
        assert alone.shown(".scripted") + alone.shown(".top") + alone.shown(".read") + alone.shown(".beside") == 0
        assert alone.shown(".expression img") == 10 and alone.shown("svg.scores") == 2
