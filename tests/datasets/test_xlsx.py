"""Annotation tables as other programs wrote them: what is read, and what a file is that cannot be."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from mexflow.datasets import xlsx
from mexflow.datasets.spreadsheet import read_sheets, unreadable_formats
from mexflow.errors import UserError

ROWS = [
    ("Subject", "Onset", "Units"),
    ("01", 3, datetime.datetime(2014, 4, 7)),
    (2.5, None, True),
    ("#N/A", "#REF!", "x"),
]


def written(rows=ROWS) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.create_sheet("Second").append(["a"])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def changed(data: bytes, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> bytes:
    """The file with each part changed, left out (None), or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            if (part := change(name, source.read(name))) is not None:
                target.writestr(name, part)
        for name, part in (more or {}).items():
            target.writestr(name, part)
    return stream.getvalue()


def styled(change: Callable[[bytes], bytes]) -> bytes:
    return changed(written(), lambda name, part: change(part) if name == "xl/styles.xml" else part)


def told(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_sheets(Path("t.xlsx"), lambda _: data, "what is released")
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Styles


@pytest.mark.parametrize(
    "change",
    [
        lambda part: re.sub(rb"<fills.*</fills>", b"<fills><fill/></fills>", part, flags=re.DOTALL),
        lambda part: re.sub(rb'<family val="\d+"', b'<family val="99"', part),
        lambda part: re.sub(rb"<fonts.*</fonts>", b"", part, flags=re.DOTALL),
        lambda part: part.replace(b'fontId="0"', b'fontId="7"').replace(b'borderId="0"', b'borderId="x"'),
        lambda part: re.sub(rb"<cellStyles.*</cellStyles>", b'<cellStyles><cellStyle name="x"/></cellStyles>', part),
    ],
    ids=["a fill of no kind", "a font of no family", "no fonts", "indexes of nothing", "a style without a place"],
)
def test_styles_that_openpyxl_does_not_read(change) -> None:
    """The same values, dates among them: an action unit that became a date must not be taken for a number."""
    broken = styled(change)
    assert broken != written()
    assert xlsx.sheets(broken) == xlsx.sheets(written())
    assert xlsx.sheets(broken)[0][1] == ROWS


def test_styles_that_nobody_reads() -> None:
    """Without them nothing tells a date from a number, so the file is not read."""
    assert told(styled(lambda part: part[: len(part) // 2])).endswith(
        "open it in a spreadsheet program and save it as an Excel workbook (.xlsx)"
    )


# Formulas and errors


def with_formula(cell: bytes) -> list[tuple]:
    """The rows of a sheet in which the cell B2 is this."""

    def change(name: str, part: bytes) -> bytes:
        return re.sub(rb'<c r="B2".*?</c>', cell, part) if name.endswith("sheet1.xml") else part

    return xlsx.sheets(changed(written([("a", "b"), (1, 5), (2, 7)]), change))[0][1]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (b'<c r="B2"><f>A2+3</f><v>4</v></c>', 4),
        (b'<c r="B2"><f>A2+3</f></c>', "=A2+3"),
        (b'<c r="B2"><f>A2+3</f><v></v></c>', "=A2+3"),
        (b'<c r="B2"><f>A2+3</f><v/></c>', "=A2+3"),
        (b'<c r="B2"><f t="array" ref="B2">A2+3</f></c>', "=A2+3"),
        (b'<c r="B2"><f t="shared" ref="B2:B3" si="0">A2+3</f></c>', "=A2+3"),
        (b'<c r="B2" t="str"><f>IF(A2,"","x")</f><v></v></c>', None),
        (b'<c r="B2" t="e"><f>A2+Z9</f><v>#REF!</v></c>', "#REF!"),
        (b'<c r="B2" t="e"><v>#N/A</v></c>', "#N/A"),
        (b'<c r="B2" t="inlineStr"><is><t>five</t></is></c>', "five"),
    ],
)
def test_a_formula_without_its_value_is_not_empty(cell: bytes, expected: object) -> None:
    assert with_formula(cell) == [("a", "b"), (1, expected), (2, 7)]


def test_formulas_of_openpyxl_itself() -> None:
    rows = xlsx.sheets(written([("Onset", "Apex"), (3, "=A2+3")]))[0][1]
    assert rows == [("Onset", "Apex"), (3, "=A2+3")]


def test_a_file_is_read_twice_only_for_its_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    read, load = [], openpyxl.load_workbook
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *a, **k: read.append(k["data_only"]) or load(*a, **k))
    xlsx.sheets(written())
    assert read == [True]
    xlsx.sheets(written([("=1+1",)]))
    assert read == [True, True, False]


# What it is instead


def archive(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, part in parts.items():
            target.writestr(name, part)
    return stream.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
STRICT = changed(
    written(),
    lambda name, part: part.replace(
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", b"http://purl.oclc.org/ooxml/spreadsheetml/main"
    ),
)
ODS = b"application/vnd.oasis.opendocument.spreadsheet"
OLD_XML = b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">'
SAVE = "open it in a spreadsheet program and save it as an Excel workbook (.xlsx)"
AGAIN = "copy it again from the owners' release: what is released"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (OLE, f"a workbook of Excel 97 to 2003, whatever its name; {SAVE}"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), f"protected with a password; {SAVE}, without the password"),
        (STRICT, f"a Strict Open XML Spreadsheet; {SAVE}, not Strict"),
        (archive(mimetype=ODS), f"an OpenDocument spreadsheet, whatever its name; {SAVE}"),
        (archive(**{"xl/workbook.bin": b""}), f"a binary workbook, whatever its name; {SAVE}"),
        (archive(**{"Index/Document.iwa": b""}), f"a spreadsheet of Apple Numbers, whatever its name; {SAVE}"),
        (archive(readme=b""), f"a zip archive of other files; {AGAIN}"),
        (b"Subject,Onset\n01,3\n", f"a text table, whatever its name; {SAVE}"),
        ("\ufeffSubject\tOnset\n01\t3\n".encode("utf-16-le"), f"a text table, whatever its name; {SAVE}"),
        (b"\xef\xbb\xbfSubject;Onset\r\n", f"a text table, whatever its name; {SAVE}"),
        (b"\n<!DOCTYPE html><html>", f"a web page, whatever its name; {AGAIN}"),
        (OLD_XML, f"an XML spreadsheet of Excel 2003, whatever its name; {SAVE}"),
        (b"", f"an empty file; {AGAIN}"),
        (bytes(100), f"not a readable xlsx file (BadZipFile); {AGAIN}"),
        (written()[:-300], f"not a readable xlsx file (BadZipFile); {AGAIN}"),
    ],
)  # fmt: skip
def test_other_content_is_named(data: bytes, words: str) -> None:
    assert told(data) == f"t.xlsx: {words}"


def test_other_formats_beside_a_missing_table(tmp_path: Path) -> None:
    pattern = r"CASME2\-coding\-20140508\.xlsx|CASME2\-coding\-20190701\.xlsx"
    assert unreadable_formats(tmp_path, pattern) == unreadable_formats(tmp_path / "gone", pattern) == ""
    for name in ("CASME2-coding-20140508.xls", "casme2-coding-20190701.CSV", "other.csv", "CASME2-coding-20140508.pdf"):
        (tmp_path / name).touch()
    assert unreadable_formats(tmp_path, pattern) == (
        "there is CASME2-coding-20140508.xls, a workbook of Excel 97 to 2003 and casme2-coding-20190701.CSV, a text "
        f"table: {SAVE}"
    )
