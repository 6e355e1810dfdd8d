"""What tests of sheets share: made-up artifacts of a subject, and the words on a page."""

from __future__ import annotations

import pytest

from mexflow.figures.layout import Page
from sheet_world import World


@pytest.fixture
def world(tmp_path) -> World:
    made = World(tmp_path)
    made.add("01", [{}])
    return made


@pytest.fixture
def words(monkeypatch) -> list[str]:
    """Every text placed on a page."""
    placed: list[str] = []
    place = Page.place_text

    def noted(self, x, y, words, *others, **style):
        placed.append(" ".join(words.split()))
        place(self, x, y, words, *others, **style)

    monkeypatch.setattr(Page, "place_text", noted)
    return placed
