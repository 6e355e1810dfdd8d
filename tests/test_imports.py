"""What is not imported: a library that can do without a module does not find it, and finds it afterwards."""

from __future__ import annotations

import importlib
import sys

import pytest

from mexflow import imports
from project import loaded_after

NAME = "made_for_this_test"


def test_hidden_modules_are_not_found_and_are_afterwards(tmp_path, monkeypatch):
    (tmp_path / f"{NAME}.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    with imports.without("other", NAME), pytest.raises(ModuleNotFoundError, match=NAME):
        importlib.import_module(NAME)
    try:
        assert importlib.import_module(NAME).value == 3
        with imports.without(NAME):
            assert importlib.import_module(NAME).value == 3, "what is loaded stays"
    finally:
        sys.modules.pop(NAME, None)


def test_modules_are_found_again_after_an_error():
    before = list(sys.meta_path)
    with pytest.raises(RuntimeError), imports.without(NAME):
        raise RuntimeError
    assert sys.meta_path == before


def test_a_job_makes_columns_of_lists_without_pandas():
    code = """
import io
from mexflow.store.records import Job
with Job(None, "mexflow.cli.lcn"):
    import pyarrow as pa
    table = pa.table({"name": ["a", None], "number": [1.5, 2.5]})
    assert pa.Table.from_pylist(table.to_pylist(), schema=table.schema) == table
"""
    assert loaded_after(code, ["pyarrow", "pandas"]) == ["pyarrow"]
    code += "assert list(table.to_pandas()['number']) == [1.5, 2.5]\n"
    assert loaded_after(code, ["pyarrow", "pandas"]) == ["pyarrow", "pandas"]
