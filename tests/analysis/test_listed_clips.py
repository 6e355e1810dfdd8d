"""Tables of expressions to recognise."""

from __future__ import annotations

import pytest

from mexflow.analysis.listed_clips import listed
from mexflow.errors import UserError


def test_a_row_is_an_expression(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffclip,onset,apex,offset\na,3,7,12\nb,20,25,\n", encoding="utf-8")
    assert listed(tmp_path / "a.csv") == [(3, 7, 12), (20, 25, 25)]
    (tmp_path / "b.csv").write_text("apex,onset\n7,3\n")
    assert listed(tmp_path / "b.csv") == [(3, 7, 7)]
    (tmp_path / "c.csv").write_bytes(b"onset, apex ,offset\r 3, 7, \r,,\r")
    assert listed(tmp_path / "c.csv") == [(3, 7, 7)], "blanks, empty rows, ends of lines of old tables"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"onset,offset\n1,2\n", "not one column apex"),
        (b"", "not one column onset and apex"),
        (b"onset,apex\n", "no row"),
        (b"onset,apex\n1,2.5\n", "line 2: whole numbers"),
        (b"onset,apex\n1\n", "line 2: whole numbers"),
        (b"onset;apex\n1;2\n", "semicolons"),
        (b"onset,apex,apex\n1,2,3\n", "not one column apex"),
        (b"onset,apex\n1_0,20\n", "line 2: whole numbers"),
        (b"onset,apex\n1," + b"2" * 200_000 + b"\n", "not a readable csv table"),
        (b"onset,apex\n1,\xff\n", "not a text in UTF-8"),
    ],
)
def test_what_is_none_says_so(tmp_path, data, words):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(UserError, match=words) as raised:
        listed(tmp_path / "a.csv")
    assert "a.csv" in str(raised.value) and "\n" not in str(raised.value)
