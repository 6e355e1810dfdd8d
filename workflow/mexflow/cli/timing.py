"""``mexflow timing``: how long it takes to classify a clip, flow and network apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Reading, Record, command


def main(
    paper: Annotated[Path, typer.Option(help="The paper's file.")],
    results: Annotated[Path, typer.Option(help="Folder of the results: the index and the aligned faces are read.")],
    model: Annotated[Path, typer.Option(help="A trained network of the timed experiment (model.pt).")],
    budget: Annotated[str, typer.Option(help="demo, learning or paper, as the network was trained.")],
    data: Annotated[str, typer.Option(help="Which data: embedded, or the licensed copies.")],
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    clips: Annotated[int, typer.Option(min=2, help="Clips to time, spread over all.")] = 40,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    reading: Reading = "decided",
    record: Record = None,
) -> None:
    """Time the classification of a clip from its two aligned faces, one clip at a time."""
    import io

    import cv2
    import torch

    from mexflow.models import build
    from mexflow.papers import paper as papers
    from mexflow.store.paths import Results
    from mexflow.store.records import Job
    from mexflow.tables import timing
    from mexflow.tables.cells import to_csv
    from mexflow.training.devices import on_device
    from mexflow.training.loop import make_deterministic
    from mexflow.training.recognition.normalisation import Normalised

    cv2.setNumThreads(1)
    make_deterministic(1)
    with (
        on_device(device) as place,
        Job(record, __name__, *papers.parse(paper.read_bytes(), paper, reading).timed_picks()) as job,
    ):
        where = place.device
        spec = papers.parse(job.inputs.bytes(paper), paper, reading)
        assert spec.timing is not None
        timed = spec.experiments[spec.timing.experiment]
        network = build(
            timed.model, timed.options, timed.input_channels, len(spec.data_of(spec.timing.experiment).classes)
        )
        state = torch.load(io.BytesIO(job.inputs.bytes(model)), weights_only=True)
        network = Normalised(network, torch.ones_like(state["divisor"]))
        network.load_state_dict(state)
        rows = job.inputs.table(Results(results).index(spec.data_of(spec.timing.experiment).index)).to_pylist()
        pairs = timing.pairs_of_faces(job.inputs, results / "faces", rows, spec, clips)
        times = timing.measure(spec, network.to(where).eval(), pairs, timed.channels, where)
        cells = timing.table(spec, times, where, data, budget, reading)
        job.outputs.table(output.with_name(f"{output.name}.parquet"), cells)
        job.outputs.bytes(output.with_name(f"{output.name}.csv"), to_csv(cells))
        text = timing.markdown(spec, cells)
        job.outputs.text(output.with_name(f"{output.name}.md"), text)
        job.state(device=timing.hardware(where), threads=1)
        job.finish()
    print(text)


app = command(main)
