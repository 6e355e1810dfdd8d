"""The command that draws contact sheets: the same bits every time, and files that do not fit."""

from __future__ import annotations

import numpy as np

from mexflow.sheets import contact_sheet
from mexflow.store.artifacts import Inputs
from project import mexflow
from sheet_world import ALL, fails


def test_the_command_draws_the_same_bits_every_time(world, tmp_path):
    result = mexflow(*world.arguments(tmp_path / "sheet.png"), "--record", tmp_path / "records" / "sheet.json")
    assert result.returncode == 0, result.stderr
    assert "01: 01_0" in result.stdout
    data = (tmp_path / "sheet.png").read_bytes()
    for _ in range(2):
        assert data == contact_sheet.draw(world.sheet(), world.load(*ALL), world.read_raw, lambda steps: None)[0]
    assert b"Software" not in data and b"tIME" not in data
    record = Inputs().json(tmp_path / "records" / "sheet.json")
    assert (world.folder / "raw/01/9.png").as_posix() in record["inputs"], "the raw frame shown is among the inputs"


def test_the_bits_follow_the_pictures(world):
    before, _ = world.draw(*ALL)
    array = np.load(world.paths("rrs")[0])
    array[0, 100:200, 100:200] = 0
    np.save(world.paths("rrs")[0], array)
    after, _ = world.draw(*ALL)
    assert before.shape == after.shape and (before != after).any()


def test_a_raw_frame_that_changed_is_an_error(world, tmp_path, capsys):
    arguments = world.arguments(tmp_path / "sheet.png")
    frame = world.folder / "raw/01/9.png"
    frame.write_bytes((world.folder / "raw/01/3.png").read_bytes())
    assert f"{frame}: not the frame that the faces were made of" in fails(arguments, capsys)
    frame.unlink()
    assert str(frame) in fails(arguments, capsys)
    assert not (tmp_path / "sheet.png").exists()


def test_files_that_do_not_fit_are_an_error(world, tmp_path, capsys):
    arguments = world.arguments(tmp_path / "sheet.png")
    assert "faces/casme2/07.parquet: no such file" in fails([*arguments, "--subject", "07"], capsys)
    (missing,) = world.paths("rrs")
    kept = missing.read_bytes()
    missing.unlink()
    assert f"{missing}: no such file" in fails(arguments, capsys), "what is named is there of every subject"
    missing.write_bytes(kept)
    assert "did you mean 'rrs'" in fails([*arguments, "--residual", "rs=rrs"], capsys)
    np.save(world.paths("lcn")[0], np.zeros((3, 112, 112), np.float16))
    assert "3 rows, its table has 30" in fails(arguments, capsys)
    assert not (tmp_path / "sheet.png").exists()
