"""What a paper's file says of things that other rooms hold, before anything is made: parts of its data."""

from __future__ import annotations

import pytest

from mexflow.errors import UserError
from mexflow.papers.paper import available, parse
from mexflow.plan.checks import check
from project import WORKFLOW

PAPERS = WORKFLOW / "papers"


@pytest.mark.parametrize("name", available(PAPERS))
def test_the_papers_name_parts_that_are_there(name: str) -> None:
    path = PAPERS / f"{name}.yaml"
    check(parse(path.read_bytes(), path), path)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (
            "cropnet2021",
            "{name: SMIC UF1, metric: uf1, part: smic}",
            "{name: SMIC UF1, metric: uf1, part: smicc}",
            r"tables\.T\w+\.columns\.SMIC UF1\.part: unknown member of megc2019 'smicc' \(did you mean 'smic'",
        ),
        (
            "cropnet2021",
            "{title: CDE / SMIC, experiment: ars-cde, part: smic}",
            "{title: CDE / SMIC, experiment: ars-cde, part: micro}",
            r"figures\.F\w+\.panels\.CDE / SMIC\.part: unknown member of megc2019 'micro' ",
        ),
        (
            "cropnet2021",
            "part: casme2\n    classes",
            "part: casme\n    classes",
            r"figures\.F6\.part: unknown member",
        ),
        (
            "elface2021",
            "part: micro",
            "part: mikro",
            r"part: unknown type of expression 'mikro'",
        ),
    ],
)
def test_a_part_that_is_not_there_is_told_with_its_place(name: str, old: str, new: str, told: str) -> None:
    path = PAPERS / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    wrong = text.replace(old, new)
    with pytest.raises(UserError, match=rf"{name}\.yaml: .*{told}"):
        check(parse(wrong.encode(), path), path)
