"""Figures from made-up predictions and flow: what they show is what the files hold."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix

from measured_files import CLASSES, write_flow, write_index
from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs
from reporting_files import LICENSED, SUBJECTS, make_figures, paper_with, pooled


@pytest.fixture(scope="module")
def drawn(pristine: SimpleNamespace) -> tuple[str, dict[str, bytes]]:
    """The figures of the unchanged files."""
    return make_figures(pristine)


def test_figures_are_written_as_png_and_svg_the_same_bytes_in_another_folder(drawn, world) -> None:
    said, first = drawn
    assert list(first) == [f"F{n}.{ending}" for n in (3, 6, 7, 8) for ending in ("png", "svg")]
    assert make_figures(world)[1] == first
    for name, content in first.items():
        if name.endswith("png"):
            image = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
            assert image.shape[1] >= 1000 and (image < 200).mean() > 0.01
        else:
            text = content.decode()
            assert "<dc:date>" not in text
            wanted = "nothing here was measured" if name.startswith("F8") else "not comparable with published numbers"
            assert wanted in text.partition("</metadata>")[0]
            assert wanted in "".join(re.findall(r"<!-- (.*?) -->", text))
    assert f"{100 * accuracy_score(*pooled(world, 'vy-3cl')):.2f} % of 40 clips" in said


def test_the_confusion_figure_shows_the_measured_shares(drawn, pristine) -> None:
    matrix = confusion_matrix(*pooled(pristine, "vy-3cl"), labels=CLASSES)
    texts = re.findall(r"<!-- (.*?) -->", drawn[1]["F7.svg"].decode())
    shares = 100 * matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    wanted = [f"{value:.1f}" for value in shares[matrix.sum(axis=1) > 0].ravel()] + ["–"] * 5
    start = next(i for i in range(len(texts)) if texts[i : i + len(wanted)] == wanted)
    assert "measured†: " + f"{100 * np.trace(matrix) / 40:.2f} % of 40 clips" in texts[start:]
    assert "(n = 0)" in texts


def test_a_confusion_figure_over_missing_folds_shows_incomplete_and_no_number(world) -> None:
    (world.root / "folds/belaiche2020/vy-3cl/casme2-01/predictions.parquet").unlink()
    paper = paper_with(world, "F7")
    _, files = make_figures(world, paper, data=LICENSED, budget="paper")
    text = files["F7.svg"].decode()
    assert "<!-- INCOMPLETE 3/4 -->" in text and "of 30 clips" not in text
    assert f"data: {LICENSED} · budget paper" in text and "not comparable" not in text and "†" not in text


def test_the_mean_flow_and_the_sample_come_from_usable_clips(world) -> None:
    from mexflow.figures.flow_summary import backdrop, local_motion, summarise

    rows = [{"clip": f"02_{i}", "excluded": "face_missing: x" if i == 3 else None} for i in range(10)]
    fields = np.random.default_rng(5).normal(size=(10, 2, 64, 64)).astype(np.float32)
    fields[3] *= 50
    fields[4] += 30  # a shift of the whole head is no expression
    fields[6] *= 2
    write_flow(world.root, "casme2", "02", rows, fields)
    index = [dict(row, excluded=None) for row in world.clips]
    arrays = {tuple(subject.split("/")): world.root / "flow/horn_schunck" / f"{subject}.npy" for subject in SUBJECTS}
    found = summarise(index, arrays, "megc2018", list(CLASSES), "onset-apex", 64, Inputs())
    assert found.sample.clip == "02_6" and found.sample.dataset == "casme2"
    assert local_motion(fields[4]) < local_motion(fields[6])
    usable = [fields[i] for i in range(10) if i != 3 and world.labels["casme2/02"][i] == "anger"]
    for subject in SUBJECTS:
        if subject != "casme2/02":
            usable += [world.fields[subject][2 * i] for i in range(10) if world.labels[subject][i] == "anger"]
    anger = CLASSES.index("anger")
    assert found.counts[anger] == len(usable)
    assert found.mean[anger, :2] == pytest.approx(np.mean(usable, axis=0), abs=1e-5)
    assert found.mean[anger, 2] == pytest.approx(np.hypot(*np.moveaxis(usable, 1, 0)).mean(axis=0), abs=1e-5)
    assert np.isnan(found.mean[CLASSES.index("sadness")]).all()
    face = backdrop(found.sample, world.root / "faces/casme2/02.npy", Inputs())
    colour = np.load(world.root / "faces/casme2/02.npy")[6]
    assert face == pytest.approx(colour @ (0.299, 0.587, 0.114))


def test_figures_without_a_usable_clip_say_so(world) -> None:
    clips = [dict(clip, excluded="folder_missing: x") for clip in world.clips]
    paper = paper_with(world, "F3", "F6")
    write_index(world.root, clips)
    _, files = make_figures(world, paper)
    for name in ("F3.svg", "F6.svg"):
        assert "no clip to show" in files[name].decode()


def test_flow_of_another_size_is_an_error(world) -> None:
    path = world.root / "flow/horn_schunck/samm/006.npy"
    np.save(path, np.zeros((20, 2, 32, 32), np.float32))
    with pytest.raises(UserError, match=r"006.npy: shape \(20, 2, 32, 32\)"):
        make_figures(world)
