"""The cells of xlsx files, as their owners' or other programs wrote them, and what a file is that is no xlsx file.

Cells are read by openpyxl, their values alone. Two things it cannot do are done here. A file whose styles it does not
understand is read with the number formats of its cells, which tell dates from numbers, and no other style. And a
formula that was saved without its value is read as the formula, for it is not empty.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STYLES = "xl/styles.xml"
_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SAVE = "open it in a spreadsheet program and save it as an Excel workbook (.xlsx)"

Sheets = list[tuple[str, list[Sequence[Any]]]]

FORMATS = {
    ".xls": "a workbook of Excel 97 to 2003",
    ".xlsb": "a binary workbook",
    ".xlsm": "a workbook with macros",
    ".ods": "an OpenDocument spreadsheet",
    ".numbers": "a spreadsheet of Apple Numbers",
    ".csv": "a text table",
    ".tsv": "a text table",
    ".txt": "a text table",
}
"""Formats of tables that are met in place of xlsx, by the ending of the file's name."""


class Unreadable(Exception):
    """No xlsx file, or one that cannot be read: what is wrong, and the remedy where the file itself can be mended."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def sheets(data: bytes) -> Sheets:
    """The name and the rows of cells of every sheet.

    A cell is a number, text, truth value, date or None; an error is its text (``#REF!``), and a formula that was saved
    without its value is its own text (``=B5+3``).

    Raises:
        Unreadable: if the content is not that of a readable xlsx file.
    """
    if what := _other_format(data):
        raise Unreadable(*what)
    try:
        return _read(data)
    except Exception as error:  # openpyxl raises whatever zip, XML or number parsing raises
        reason = type(error).__name__
    try:
        return _read(_with_plain_styles(data))
    except Exception:
        raise Unreadable(f"not a readable xlsx file ({reason})", _remedy(data)) from None


def _read(data: bytes) -> Sheets:
    import openpyxl

    def cells(values: bool) -> Sheets:
        with warnings.catch_warnings():
            # Unknown extensions (data validation, missing styles) do not touch the values.
            warnings.simplefilter("ignore")
            try:
                book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values)
                for sheet in book.worksheets:
                    # Some tools write a wrong size of the sheet, which would cut the rows off.
                    sheet.reset_dimensions()
                return [(sheet.title, list(sheet.iter_rows(values_only=True))) for sheet in book.worksheets]
            except Exception:
                book = openpyxl.load_workbook(io.BytesIO(data), data_only=values)
                return [(sheet.title, list(sheet.iter_rows(values_only=True))) for sheet in book.worksheets]

    worksheets = cells(values=True)
    if open_formulas := dict(_formulas_without_value(data)):
        written = dict(cells(values=False))
        worksheets = [(name, _filled(rows, written[name], open_formulas.get(name, ()))) for name, rows in worksheets]
    return worksheets


def _filled(
    rows: list[Sequence[Any]], formulas: list[Sequence[Any]], places: Sequence[tuple[int, int]]
) -> list[Sequence[Any]]:
    """The rows with the formulas at these places, row and column from 0, where there is no value."""
    filled = [list(row) for row in rows]
    for row, column in places:
        if row < len(filled) and column < len(filled[row]) and filled[row][column] is None:
            formula = formulas[row][column]
            filled[row][column] = str(getattr(formula, "text", formula))
    return [tuple(row) for row in filled]


def _formulas_without_value(data: bytes) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Of each sheet that has any its name, and row and column of the formulas saved without a value, from 0.

    Text that is empty is a value.
    """
    from openpyxl.utils.cell import coordinate_to_tuple

    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for name, part in _parts(book):
            content = book.read(part)
            if not _FORMULA.search(content):
                continue
            places = []
            row = 0
            for line in ElementTree.fromstring(content).iter(f"{{{_MAIN}}}row"):
                # A row or cell that does not say where it is follows the one before it.
                row, column = int(line.get("r", row + 1)), 0
                for cell in line.iter(f"{{{_MAIN}}}c"):
                    column = coordinate_to_tuple(cell.get("r", ""))[1] if cell.get("r") else column + 1
                    valued = cell.findtext(f"{{{_MAIN}}}v") or cell.get("t") == "str"
                    if cell.find(f"{{{_MAIN}}}f") is not None and not valued:
                        places.append((row - 1, column - 1))
            if places:
                yield name, places


def _parts(book: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """The name of each sheet and its part of the file."""
    links = {
        link.get("Id"): link.get("Target", "")
        for link in ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    }
    for sheet in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{{{_MAIN}}}sheet"):
        target = links.get(sheet.get(_LINK), "")
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if part in book.namelist():
            yield sheet.get("name", ""), part


def _with_plain_styles(data: bytes) -> bytes:
    """The file with the number formats of its cells as its only styles."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(stream, "w") as copy:
        styles = ElementTree.fromstring(book.read(_STYLES))
        formats = styles.findall(f"{{{_MAIN}}}numFmts/{{{_MAIN}}}numFmt")
        plain = _plain_styles(formats, styles.findall(f"{{{_MAIN}}}cellXfs/{{{_MAIN}}}xf"))
        for name in book.namelist():
            copy.writestr(name, plain if name == _STYLES else book.read(name))
    return stream.getvalue()


def _remedy(data: bytes) -> str:
    """What to do with a file that cannot be read: saved anew where all but its styles is whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            for name in ("xl/workbook.xml", *(part for _, part in _parts(book))):
                ElementTree.fromstring(book.read(name))
    except (
        KeyError,
        ElementTree.ParseError,
        zipfile.BadZipFile,
        OSError,
        RuntimeError,
        NotImplementedError,
        zlib.error,
    ):
        return ""
    return SAVE


def _plain_styles(formats: list[ElementTree.Element], used: list[ElementTree.Element]) -> bytes:
    root = ElementTree.Element("styleSheet", xmlns=_MAIN)
    known = ElementTree.SubElement(root, "numFmts")
    for element in formats:
        if (element.get("numFmtId") or "").isdigit() and element.get("formatCode"):
            ElementTree.SubElement(
                known, "numFmt", numFmtId=element.get("numFmtId", ""), formatCode=element.get("formatCode", "")
            )
    for group, member in (("fonts", "font"), ("fills", "fill"), ("borders", "border"), ("cellStyleXfs", "xf")):
        element = ElementTree.SubElement(ElementTree.SubElement(root, group), member)
        if member == "fill":
            ElementTree.SubElement(element, "patternFill")
    cells = ElementTree.SubElement(root, "cellXfs")
    for element in used:
        number = element.get("numFmtId") or ""
        ElementTree.SubElement(cells, "xf", numFmtId=number if number.isdigit() else "0")
    return ElementTree.tostring(root)


def _other_format(data: bytes) -> tuple[str, str] | None:
    """What the content is instead of xlsx, and what to do with it; None where it may be one."""
    if not data:
        return "an empty file", ""
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            return "protected with a password", f"{SAVE}, without the password"
        return f"{FORMATS['.xls']}, whatever its name", SAVE
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return _other_text(data)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = set(book.namelist())
        if "mimetype" in names and b"opendocument" in book.read("mimetype"):
            return f"{FORMATS['.ods']}, whatever its name", SAVE
        if "xl/workbook.bin" in names:
            return f"{FORMATS['.xlsb']}, whatever its name", SAVE
        if any(name.endswith(".iwa") for name in names):
            return f"{FORMATS['.numbers']}, whatever its name", SAVE
        if "[Content_Types].xml" not in names:
            return "a zip archive of other files", ""
        if "xl/workbook.xml" in names and _STRICT in book.read("xl/workbook.xml"):
            return "a Strict Open XML Spreadsheet", f"{SAVE}, not Strict"
    return None


def _other_text(data: bytes) -> tuple[str, str] | None:
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        return "a web page, whatever its name", ""
    if start.startswith(b"<?xml") and b"office:spreadsheet" in start:
        return "an XML spreadsheet of Excel 2003, whatever its name", SAVE
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if wide or (b"\0" not in data[:4096] and re.search(rb"[,;\t].*\n", data[:65536])):
        return f"{FORMATS['.csv']}, whatever its name", SAVE
    return None
