"""Spreadsheets whose bytes depend on their content alone."""

from __future__ import annotations

import datetime
import io
import zipfile
from pathlib import Path

_EPOCH = datetime.datetime(2014, 5, 8)


def write_workbook(path: Path, sheets: dict[str, list[list]]) -> None:
    """Write `{sheet name: rows}` as xlsx; None is an empty cell, text stays text.

    openpyxl stamps the time into the properties and zipfile into every member, so both are fixed.
    """
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row, cells in enumerate(rows, start=1):
            for column, value in enumerate(cells, start=1):
                if value is not None:
                    sheet.cell(row, column, value)
    book.properties.creator = "mexflow"
    book.properties.created = book.properties.modified = _EPOCH
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        writer = ExcelWriter(book, archive)
        # save() would overwrite `modified` with the present time; write_data() does as well.
        writer.write_data()
    _rewrite(buffer, path)


def _rewrite(source: io.BytesIO, path: Path) -> None:
    stamp = _EPOCH.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "docProps/core.xml":
                data = _fix_stamps(data, stamp)
            member = zipfile.ZipInfo(name, _EPOCH.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, data)


def _fix_stamps(xml: bytes, stamp: bytes) -> bytes:
    for tag in (b"dcterms:created", b"dcterms:modified"):
        start = xml.find(b"<" + tag)
        if start < 0:
            continue
        start = xml.index(b">", start) + 1
        end = xml.index(b"</" + tag, start)
        xml = xml[:start] + stamp + xml[end:]
    return xml
