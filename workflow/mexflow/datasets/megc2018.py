"""MEGC2018: CASME II and SAMM under the objective classes I to V, 253 clips of 47 subjects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mexflow.datasets import casme2
from mexflow.datasets.composite import Composite
from mexflow.datasets.official import Member, OfficialList
from mexflow.datasets.spreadsheet import unreadable_formats
from mexflow.errors import UserError

_CLASSES = {1: "happiness", 2: "surprise", 3: "anger", 4: "disgust", 5: "sadness"}
"""Objective class to the name Belaiche et al. give it."""


class Megc2018(Composite):
    """The composite of the challenge of 2018; see `Composite`."""

    def label(self, row: Mapping[str, Any]) -> str | None:
        """The name of an objective class from I to V; see `Composite.label`."""
        return _CLASSES.get(row["objective_class"])

    def check_roots(self, roots: Mapping[str, Path]) -> None:
        """Check that CASME II comes with its objective classes; see `Composite.check_roots`.

        Raises:
            UserError: if it does not, or its root or its coding file is missing.
        """
        root = roots["casme2"]
        casme2.ADAPTER.check_root(root)
        casme2.ADAPTER.coding_file(root)
        if casme2.objective_file(root) is None:
            other = unreadable_formats(root, re.escape(casme2.OBJECTIVE_FILE))
            raise UserError(
                f"{root}: {self.title} needs {casme2.OBJECTIVE_FILE}, {casme2.OBJECTIVE_RELEASE} for each clip of "
                f"CASME II; put it there, beside the coding file (it cannot be derived from the action units, and the "
                f"column in the coding file of 2019 is another assignment){other and f'; {other}'}"
            )


COMPOSITE = Megc2018(
    name="megc2018",
    title="MEGC2018",
    classes=tuple(_CLASSES.values()),
    official=OfficialList(
        "f7819dde69eb78dd92e007b880c8bce7ed4abf0e3150eb4da52a725cb5c4fb2a",
        "fb8baa9811b6274deeb99c0d30da67e4688341ec8a09704cdc08272bbe8a848e",
        {
            "casme2": Member(
                "be0f67fd542f4056576d8278b27db95542d263bb913ae1a7fd1349d47f1d8354",
                26,
                {"happiness": 25, "surprise": 15, "anger": 99, "disgust": 26, "sadness": 20},
            ),
            "samm": Member(
                "a0762a4e2e937fe90fd5b651e890bfca55f7de0f420f982efb72677e324f829e",
                21,
                {"happiness": 24, "surprise": 13, "anger": 20, "disgust": 8, "sadness": 3},
            ),
        },
    ),
)
