"""The LCN figure: what a change of light leaves of a face, before and after LCN."""

from __future__ import annotations

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mexflow.figures import lcn_figure, tiles
from mexflow.preprocess.lcn import grey, lcn
from mexflow.preprocess.table_schemas import FACES
from project import mexflow
from sheet_world import FRAMES, decoded, fails, places


def smooth_face() -> np.ndarray:
    """A picture of many scales between 60 and 160: twice as bright it would saturate."""
    rng = np.random.default_rng(0)
    noise = sum(cv2.GaussianBlur(rng.normal(0, 1, (112, 112)), (0, 0), s) * s for s in (1, 3, 8))
    return (60 + 100 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


def test_changes_of_light_and_what_is_cut_off():
    face = np.array([[0.0, 0.2], [0.6, 1.0]])
    assert lcn_figure.changed(face, "as it is") == (pytest.approx(face), 0.0)
    values, share = lcn_figure.changed(face, "brightness × 2.5")
    np.testing.assert_allclose(values, [[0, 0.5], [1, 1]])
    assert share == 0.5
    values, share = lcn_figure.changed(face, "contrast × 1.5")  # about 0.45
    np.testing.assert_allclose(values, [[0, 0.075], [0.675, 1]], atol=1e-12)
    assert share == 0.5
    np.testing.assert_allclose(lcn_figure.changed(face, "gamma 0.5")[0], np.sqrt(face))
    assert lcn_figure.relative_change(np.array([1.0, 3.0]), np.array([0.0, 2.0])) == 1.0


def test_the_lcn_figure_tells_what_light_leaves(words):
    face = smooth_face()
    page = decoded(lcn_figure.draw(grey(face[None, ..., None])[0], 4.0, "embedded", "a face"))
    assert page.shape[1] == 1920
    result = lcn(grey(face[None, ..., None]), sigma=4.0)[0]
    ((x, top),) = places(page, tiles.picture(face))
    below, low = min(places(page, tiles.normalised(result)))
    assert x == below and top + tiles.TILE < low, "the LCN stands below its frame"
    changes = [float(text.split()[1]) for text in words if text.startswith("change ")]
    frame, normalised = changes[::2], changes[1::2]
    names = list(lcn_figure.CHANGES)[1:]
    for name in ("brightness × 0.5", "contrast × 0.5"):
        i = names.index(name)
        assert frame[i] > 0.3 and normalised[i] < 0.01
    shares = [text for text in words if text.endswith(" saturated")]
    assert shares[0] == "none saturated" and shares[-1] == f"{100 * (face * 2.5 > 255).mean():.1f} % saturated"
    assert normalised[names.index("brightness × 2.5")] > 0.1
    assert any("Synthetic embedded data" in text for text in words)


def test_the_lcn_figure_command(world, tmp_path, capsys):
    faces = world.paths("faces")[0]
    images = np.load(faces)
    states = pa.array(["missing", "interpolated", *["tracked"] * (FRAMES - 2)])
    table = pq.read_table(faces.with_suffix(".parquet"))
    pq.write_table(table.set_column(FACES.get_field_index("state"), "state", states), faces.with_suffix(".parquet"))
    arguments = ["lcnfigure", "--faces", str(faces), "--sigma", "3", "--data", "embedded"]
    result = mexflow(*arguments, "--output", tmp_path / "lcn.png")
    assert result.returncode == 0, result.stderr
    origin = "casme2, video 01_video, frame 3"
    assert origin in result.stdout
    assert (tmp_path / "lcn.png").read_bytes() == lcn_figure.draw(grey(images[2:3])[0], 3.0, "embedded", origin)
    np.save(faces, images[:2])
    pq.write_table(table.slice(0, 2).set_column(FACES.get_field_index("state"), "state", states[:2]),
                   faces.with_suffix(".parquet"))  # fmt: skip
    said = fails([*arguments, "--output", str(tmp_path / "none.png")], capsys)
    assert f"{faces}: holds no face that was seen" in said
