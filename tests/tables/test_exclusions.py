"""Clips that are left out, as the tables count and note them, and files that are missing or do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from measured_files import PAPER_PATH, write_flow, write_fold, write_index
from mexflow.errors import UserError
from mexflow.papers import paper as papers
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results
from mexflow.tables.exclusions import count_reasons, exclusions, of_experiments
from reporting_files import SUBJECTS, make_figures, make_tables, paper_with


def test_excluded_clips_are_counted_by_reason_and_noted(world) -> None:
    clips = [dict(clip) for clip in world.clips]
    clips[0]["excluded"] = "frames_missing: apex 5 not in x"
    clips[1]["megc2018"], clips[1]["excluded"] = None, "folder_missing: of no class, so not counted"
    index = write_index(world.root, clips)
    rows = [
        {"clip": "02_0", "pair": "onset-apex", "excluded": "face_missing: 9 of 10 frames"},
        {"clip": "02_1", "pair": "onset-apex+1", "excluded": "frame_absent: 6"},
        {"clip": "02_none", "pair": "onset-apex", "excluded": "face_missing: no clip of this paper"},
    ]
    flow = write_flow(world.root, "casme2", "02", rows, np.zeros((3, 2, 64, 64)))
    rows = pq.read_table(index).to_pylist()
    counted = count_reasons(exclusions(rows, "megc2018", [pq.read_table(flow)], ["onset-apex"]))
    assert counted == {"face_missing": 1, "frames_missing": 1}
    row = make_tables(world).rows["belaiche2020/T4/Vy/3CL/accuracy"]
    assert "2 clips of the dataset excluded (face_missing 1, frames_missing 1)" in row["note"]


def write_lbp_top(world: SimpleNamespace, excluded: Mapping[str, str]) -> None:
    """Predictions of the baseline, and the table beside its features: of every clip, `excluded` by name."""
    folds = []
    for subject in SUBJECTS:
        dataset, number = subject.split("/")
        folds.append(write_fold(world.root, "lbp-top", subject, world.labels[subject], world.labels[subject]))
        path = world.root / "lbp_top" / "standard" / dataset / f"{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [f"{number}_{i}" for i in range(10)]
        rows = [{"dataset": dataset, "subject": number, "clip": c, "excluded": excluded.get(c)} for c in names]
        schema = pa.schema([(name, pa.string()) for name in ("dataset", "subject", "video", "clip", "excluded")])
        pq.write_table(pa.Table.from_pylist([{**row, "video": f"video_{row['clip']}"} for row in rows], schema), path)
    world.folds = {**world.folds, "lbp-top": folds}


def test_what_one_input_lacks_is_noted_where_it_was_read(world) -> None:
    """LBP-TOP leaves out two clips, flow a third: each is told of its own experiments, in tables and in figures."""
    write_lbp_top(world, {"02_0": "too_short: 4 frames", "02_3": "too_short: 5 frames"})
    rows = [{"clip": f"02_{i}", "pair": pair} for i in range(10) for pair in ("onset-apex", "onset-apex+1")]
    rows[2]["excluded"] = "face_missing: frame 5"
    write_flow(world.root, "casme2", "02", rows, world.fields["casme2/02"])
    cells = make_tables(world).rows
    network, baseline = cells["belaiche2020/T4/Vy/3CL/accuracy"], cells["belaiche2020/T8/LBP-TOP/accuracy/accuracy"]
    assert network["measured"] is not None and baseline["measured"] == 100
    assert "1 clip of the dataset excluded (face_missing 1)" in network["note"]
    assert "2 clips of the dataset excluded (too_short 2)" in baseline["note"]
    for cell, row in cells.items():
        if row["measured"] is not None and row["metric"] == "accuracy" and cell != baseline["cell"]:
            assert "too_short" not in row["note"]
    _, files = make_figures(world, paper_with(world, "F7"))
    foot = files["F7.svg"].decode()
    assert "1 clip of the dataset excluded (face_missing 1)" in foot and "too_short" not in foot


@pytest.mark.parametrize("name", papers.available(PAPER_PATH.parent))
def test_exclusions_belong_to_the_experiments_that_read_the_arrays(tmp_path, name) -> None:
    """Of every paper, and of every folder of arrays in turn: one clip is left out there and nowhere else."""
    paper = papers.load(PAPER_PATH.parent, name)
    experiments = list(paper.with_null_controls())
    rows = {
        data: [{"dataset": "d", "subject": "s", "video": "v", "clip": "c", used.label: used.classes[0],
                "excluded": None}]
        for data, used in paper.data.items()
    }  # fmt: skip
    folders = {paper.reads(experiment)[0] for experiment in experiments}
    assert len(folders) > 1 or name in ("elface2021", "nag2019", "liong2019"), "these read one folder"
    for left_out in sorted(folders):
        for folder in folders:
            reason = "made_up: here" if folder == left_out else None
            row = {"dataset": "d", "subject": "s", "video": "v", "excluded": reason}
            row |= {} if folder == "faces" else {"clip": "c"}
            row |= {"pair": paper.test_pairs[0]} if folder.startswith("flow/") else {}
            path = tmp_path / folder / "d" / "s.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist([row], pa.schema([(key, pa.string()) for key in row])), path)
        excluded = of_experiments(paper, experiments, Results(tmp_path), rows, Inputs())
        assert set(excluded) == set(experiments)
        for experiment, clips in excluded.items():
            own = paper.reads(experiment)[0] == left_out
            assert clips == ({("d", "s", "c"): "made_up: here"} if own else {}), (experiment, left_out)


def test_a_table_that_is_missing_is_told_but_after_a_failed_run(world) -> None:
    world.flow_tables[0].unlink()
    with pytest.raises(UserError, match=r"flow/horn_schunck/.*parquet"):
        make_tables(world)
    failed = make_tables(world, missing={f"m-1cl/{world.folds['m-1cl'][0]}": "its job failed"})
    assert failed.rows["belaiche2020/T4/M/1CL/accuracy"]["measured"] is not None


def test_clips_that_lack_a_frame_that_the_input_needs_are_counted(world) -> None:
    """Not all that is left out is in a table beside an array: what is neither excluded nor predicted is counted too."""
    path = world.root / "folds/belaiche2020/m-1cl/casme2-01/predictions.parquet"
    pq.write_table(pq.read_table(path).slice(2), path)
    rows = make_tables(world).rows
    assert (
        "2 test clips lack a face that was seen in a frame that the input needs"
        in rows["belaiche2020/T4/M/1CL/accuracy"]["note"]
    )
    assert "lack a face" not in rows["belaiche2020/T4/Vy/3CL/accuracy"]["note"]


def test_an_unknown_class_or_a_lacking_column_is_a_clear_error(world) -> None:
    write_fold(world.root, "m-1cl", "casme2/01", ["joy"], ["anger"])
    with pytest.raises(UserError, match="class 'joy' is not a class of belaiche2020"):
        make_tables(world)
    path = world.root / "folds/belaiche2020/m-1cl/casme2-01/predictions.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["predicted"]), path)
    with pytest.raises(UserError, match="predicted"):
        make_tables(world)


def test_features_that_do_not_fit_their_predictions_are_an_error(world) -> None:
    np.save(world.root / "folds/belaiche2020/vy-3cl/casme2-01/features.npy", np.zeros((3, 8), np.float32))
    with pytest.raises(UserError, match=r"features.npy: 3 rows, but 10 predictions"):
        make_tables(world)
