"""Registries: entries by name."""

from __future__ import annotations

import pytest

from mexflow import registries
from mexflow.errors import UserError
from mexflow.registries import Registry


@pytest.fixture()
def things(monkeypatch) -> Registry:
    monkeypatch.setattr(registries, "PICKED", set())
    things: Registry = Registry("thing", "somewhere.things")
    things.add("one", 1)
    things.entry("twice")(lambda value: 2 * value)
    return things


def test_names_come_in_the_order_of_the_entries_and_pick_none(things):
    assert list(things) == ["one", "twice"] and len(things) == 2 and "one" in things and "three" not in things
    assert set() == registries.PICKED


def test_what_is_looked_up_is_picked(things):
    assert things["twice"](3) == 6
    assert registries.PICKED == {"somewhere.things:twice"} == {things.identity("twice")}
    assert dict(things.items())["one"] == 1
    assert {"somewhere.things:one", "somewhere.things:twice"} == registries.PICKED


def test_an_unknown_name_suggests_the_nearest(things):
    for look in (things.__getitem__, things.identity):
        with pytest.raises(UserError, match="twise.*twice"):
            look("twise")


def test_no_name_is_entered_twice(things):
    with pytest.raises(ValueError, match="one"):
        things.add("one", 2)
