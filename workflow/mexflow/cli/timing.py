"""``mexflow timing``: how long it takes to classify a clip, flow and network apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    paper: Annotated[Path, typer.Option(help="The paper's file.")],
    results: Annotated[Path, typer.Option(help="Folder of the results: the index and the aligned faces are read.")],
    model: Annotated[Path, typer.Option(help="A trained network of the timed experiment (model.pt).")],
    budget: Annotated[str, typer.Option(help="demo or paper, as the network was trained.")],
    data: Annotated[str, typer.Option(help="Which data: embedded, or the licensed copies.")],
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    clips: Annotated[int, typer.Option(min=2, help="Clips to time, spread over all.")] = 40,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    record: Record = None,
) -> None:
    """Time the classification of a clip from its two aligned faces, one clip at a time."""
    import io

    import cv2
    import torch

    from mexflow import papers
    from mexflow.models import build
    from mexflow.store.paths import Results
    from mexflow.store.records import Job
    from mexflow.tables import timing
    from mexflow.tables.cells import to_csv
    from mexflow.training.devices import on_device
    from mexflow.training.loop import make_deterministic
    from mexflow.training.recognition.normalisation import Normalised

    cv2.setNumThreads(1)
    make_deterministic(1)
    with on_device(device) as place, Job(record, __name__, *_picked(paper)) as job:
        where = place.device
        used = papers.parse(job.inputs.bytes(paper), paper)
        assert used.timing is not None
        timed = used.experiments[used.timing.experiment]
        channels = getattr(timed, "channels", [])
        network = build(timed.model, timed.options, len(channels), len(used.data_of(used.timing.experiment).classes))
        state = torch.load(io.BytesIO(job.inputs.bytes(model)), weights_only=True)
        network = Normalised(network, torch.ones_like(state["divisor"]))
        network.load_state_dict(state)
        rows = job.inputs.table(Results(results).index(used.data_of(used.timing.experiment).index)).to_pylist()
        pairs = timing.pairs_of_faces(job.inputs, results / "faces", rows, used, clips)
        times = timing.measure(used, network.to(where).eval(), pairs, channels, where)
        cells = timing.table(used, times, where, data, budget)
        job.outputs.table(output.with_name(f"{output.name}.parquet"), cells)
        job.outputs.bytes(output.with_name(f"{output.name}.csv"), to_csv(cells))
        text = timing.markdown(used, cells)
        job.outputs.text(output.with_name(f"{output.name}.md"), text)
        job.state(device=timing.hardware(where), threads=1)
        job.finish()
    print(text)


def _picked(paper: Path) -> list[str]:
    """The timed network, and the method of its flow."""
    from mexflow import papers
    from mexflow.preprocess.flow import METHODS

    used = papers.parse(paper.read_bytes(), paper)
    if used.timing is None:
        return []
    experiment = used.timing.experiment
    return [
        f"mexflow.models.{used.experiments[experiment].model}",
        METHODS.identity(used.flow_of(experiment).method),
    ]


app = command(main)
