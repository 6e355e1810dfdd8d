"""MEGC2019: CASME II, SAMM and SMIC-HS under three classes, 442 clips of 68 subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mexflow.datasets.composite import Composite
from mexflow.datasets.official import Member, OfficialList

_CLASSES = ("negative", "positive", "surprise")

_CLASS_OF_EMOTION = {
    "casme2": {"happiness": "positive", "disgust": "negative", "repression": "negative", "surprise": "surprise"},
    "samm": {
        "happiness": "positive",
        "surprise": "surprise",
        **dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), "negative"),
    },
    "smic": {name: name for name in _CLASSES},
}
"""The class of an emotion, by member; emotions of no class are left out."""

_LEFT_OUT = {
    "sub04_ep12_01f": "it has no apex in the table of 2014",
    "sub05_ep09_05f": "its apex is its onset in the table of 2014",
    **dict.fromkeys(
        ("sub24_ep07_01", "sub24_ep07_04f", "sub24_ep10_03"),
        "it is sadness in the table of 2014, surprise in later ones",
    ),
}
"""Clips of CASME II, in lower case, that the official list leaves out by name, and why."""


class Megc2019(Composite):
    """The composite of the challenge of 2019; see `Composite`."""

    def label(self, row: Mapping[str, Any]) -> str | None:
        """The class of the emotion, but for the clips that are left out by name; see `Composite.label`."""
        return None if _why_left_out(row) else _CLASS_OF_EMOTION[row["dataset"]].get(row["emotion"])

    def left_out(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Notes on the clips that are left out by name; see `Composite.left_out`."""
        return [f"not_in_megc2019: {row['clip']}: {why}" for row in rows if (why := _why_left_out(row))]


def _why_left_out(row: Mapping[str, Any]) -> str | None:
    return _LEFT_OUT.get(row["clip"].casefold()) if row["dataset"] == "casme2" else None


COMPOSITE = Megc2019(
    name="megc2019",
    title="MEGC2019",
    classes=_CLASSES,
    official=OfficialList(
        "1df541773a27315ab8e5497ef847c37f9908bacb1ad92755f0caf8c0eacb26c4",
        "4b7ab9c107b28243d89c4f11621f200fc30d2047179fb7d61679bcbe68129822",
        {
            "casme2": Member(
                "30a20f0b63159d72a12a640d8c1f22675206bcedec0fa10f06e40981a3ccf4ae",
                24,
                {"negative": 88, "positive": 32, "surprise": 25},
            ),
            "samm": Member(
                "c50dc22e17ed06d58d292167496e80bfef4b2c8d6ca7ead10289c33fc8585540",
                28,
                {"negative": 92, "positive": 26, "surprise": 15},
            ),
            "smic": Member(
                "3bcb761270776733c718f95cc8cdd6234e05ca9897e20758ead9d99c539226bd",
                16,
                {"negative": 70, "positive": 51, "surprise": 43},
            ),
        },
    ),
)
