"""Networks for use as they are handed on: what is packed loads, gives what the trained one gives, or is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import flow_files
import model_files
from mexflow.analysis import model
from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs
from mexflow.training.memory.fold import Scaled
from mexflow.training.recognition.normalisation import Normalised
from model_files import folder_in
from project import called

pytestmark = pytest.mark.usefixtures("here")
KINDS = ("flow", "videos", "sequences")


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    return {kind: tmp_path_factory.mktemp(kind) for kind in KINDS}


def network(places: dict[str, Path], kind: str) -> Path:
    """The folder of a network of that kind, made when it is first asked for."""
    results = places[kind] / "results"
    if not results.exists():
        model_files.trained(places[kind], kind)
        model_files.with_card(results, kind)
    return folder_in(results)


@pytest.fixture
def own(places, tmp_path) -> Path:
    """A copy of a recogniser's folder, to be spoilt."""
    return Path(shutil.copytree(network(places, "flow"), tmp_path / "own"))


@pytest.fixture
def packed(places, tmp_path) -> Path:
    """A recogniser as one file."""
    file = tmp_path / "up.mexflow"
    assert called("export", network(places, "flow"), "--output", file).returncode == 0
    return file


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_trained_is_what_is_loaded(places, kind):
    folder = network(places, kind)
    loaded = model.load(folder, Inputs())
    saved = torch.load(folder / "model.pt", weights_only=True)
    state = loaded.network.state_dict()
    assert state.keys() == saved.keys()
    assert all(torch.equal(state[name].nan_to_num(7), saved[name].nan_to_num(7)) for name in saved)
    assert not any(module.training for module in loaded.network.modules())
    assert loaded.card == json.loads((folder / "card.json").read_text())
    assert (loaded.recipe.kind, loaded.recipe.experiment) == (kind, "up")


def test_a_recogniser_knows_what_it_was_trained_on(places):
    loaded = model.load(network(places, "flow"), Inputs())
    assert isinstance(loaded.network, Normalised) and float(loaded.network.divisor.min()) != 1
    samples = flow_files.write(places["flow"] / "made").samples()
    with torch.no_grad():
        logits = loaded.network(torch.from_numpy(samples.images))
    assert logits.shape == (len(samples), 3)
    assert (logits.argmax(1).numpy() == samples.labels).mean() > 0.6


def test_a_spotter_scores_frames_and_a_memory_has_its_scales(places):
    spotter = model.load(network(places, "videos"), Inputs())
    assert hasattr(spotter.network, "score_video") and spotter.card["spotting"]["skips"] == [5, 15]
    memory = model.load(network(places, "sequences"), Inputs()).network
    assert isinstance(memory, Scaled)
    record = json.loads(model_files.record_in(places["sequences"] / "results").read_text())
    stated = record["folds"]["all"]["normalisation"]
    assert (memory.scales.flow, memory.scales.frames) == (stated["flow"], stated["frames"])


@pytest.mark.parametrize("method", ["mean_frame", "mean_image", "none"])
def test_each_normalisation_comes_back(here, tmp_path, method):
    results = model_files.trained(tmp_path, "flow", normalise=method, epochs=1)
    model_files.with_card(results, "flow")
    loaded = model.load(folder_in(results), Inputs()).network
    assert loaded.centred == (method == "mean_frame")
    assert (loaded.mean is not None) == (method == "mean_image")


def test_the_same_network_packs_to_the_same_bytes(places, packed, tmp_path):
    folder = network(places, "flow")
    for name in ("card.json", "model.pt"):
        (folder / name).touch()
    again = called("export", folder, "--output", tmp_path / "again.mexflow")
    data = packed.read_bytes()
    assert data == (tmp_path / "again.mexflow").read_bytes()
    assert hashlib.sha256(data).hexdigest() in again.stdout and "licence: Synthetic" in again.stdout
    with zipfile.ZipFile(packed) as file:
        assert sorted(file.namelist()) == ["card.json", "model.pt"], "and none of the scores of its subjects"
        assert file.read("model.pt") == (folder / "model.pt").read_bytes()


def test_a_packed_network_is_the_same_and_is_noted(places, packed):
    inputs = Inputs()
    one, other = model.load(packed, inputs), model.load(network(places, "flow"), Inputs())
    assert one.card == other.card and one.recipe == other.recipe
    state = other.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in one.network.state_dict().items())
    assert inputs.digests[packed.as_posix()].sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()


def spoil_card(**changes: object) -> Callable[[Path], None]:
    """Change values of the card; None takes a key out."""

    def spoil(folder: Path) -> None:
        values = json.loads((folder / "card.json").read_text())
        for name, value in changes.items():
            values[name] = value
            if value is None:
                del values[name]
        (folder / "card.json").write_text(json.dumps(values))

    return spoil


def spoil_recipe(**changes: object) -> Callable[[Path], None]:
    """Change values of the card's recipe."""

    def spoil(folder: Path) -> None:
        recipe = json.loads((folder / "card.json").read_text())["recipe"]
        spoil_card(recipe={**recipe, **changes})(folder)

    return spoil


def with_state(data: bytes) -> Callable[[Path], None]:
    """Another state, with its digest in the card."""

    def spoil(folder: Path) -> None:
        (folder / "model.pt").write_bytes(data)
        spoil_card(digests={"model.pt": hashlib.sha256(data).hexdigest()})(folder)

    return spoil


def saved(value: object, folder: Path) -> bytes:
    torch.save(value, folder / "saved")
    return (folder / "saved").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.pt").unlink(), "no network for use: it has no model.pt"),
        (lambda folder: (folder / "card.json").unlink(), "no network for use: it has no card.json"),
        (lambda folder: (folder / "model.pt").write_bytes(b"x"), "not the one that its card describes"),
        (lambda folder: (folder / "card.json").write_text("{"), "card.json is not readable JSON"),
        (lambda folder: (folder / "card.json").write_text("[1]"), "card.json is no card"),
        (spoil_card(format=2), "of format 2, not 1"),
        (spoil_card(digests={}), "not the one that its card describes"),
        (spoil_card(fps=None), "card.json: fps is missing"),
        (spoil_card(secret=1), "unknown key 'secret'"),
        (spoil_card(classes=["a", "b"]), "classes: a, b, and other ones"),
        (spoil_card(fps=[]), "card.json: fps"),
        (spoil_card(fps=[0]), "card.json: fps"),
        (spoil_card(preprocess={"faces": {"smoothing": 15, "max_missed": 0.2}}), "preprocess.flow: missing"),
        (lambda folder: (folder / "card.json").write_text("[" * 200_000), "card.json is not readable JSON"),
        (spoil_recipe(model="shalow_cnn"), "unknown network 'shalow_cnn' \\(did you mean 'shallow_cnn'"),
        (spoil_recipe(model="ststnet", options={}), "does not fit the network ststnet"),
        (spoil_recipe(options={"layers": "many"}), "layers is of type int, not 'many'"),
        (spoil_recipe(channels=["Vx", "Vy"]), "does not fit the network"),
        (with_state(b"no state"), "model.pt cannot be read"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_line(own, spoil, message):
    spoil(own)
    for load in (lambda: model.load(own, Inputs()), lambda: model.pack(own, own / "x", Inputs(), None)):
        with pytest.raises(UserError, match=message) as error:
            load()
        assert "\n" not in str(error.value) and str(own) in str(error.value)


def test_a_state_of_something_else_is_refused(own, tmp_path):
    for value, message in (
        ([1, 2], "no state of a network"),
        ({"a": 1}, "no state of a network"),
        ({"a": torch.zeros(1)}, "does not fit"),
        (torch.nn.Linear(1, 1), "cannot be read"),
    ):
        with_state(saved(value, tmp_path))(own)
        with pytest.raises(UserError, match=message):
            model.load(own, Inputs())


def test_a_damaged_file_is_refused(packed, tmp_path):
    data = packed.read_bytes()
    changed = bytearray(data)
    changed[data.index(b"network.") + 2] ^= 1
    spoilt = {"cut": data[: len(data) // 2], "empty": b"", "text": b"no zip at all", "changed": bytes(changed)}
    for name, content in spoilt.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name}: no file of 'mexflow export', or a damaged one"):
            model.load(tmp_path / name, Inputs())


def zipped(file: Path, members: list[tuple[str, bytes]], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", how) as out:
        for name, data in members:
            out.writestr(name, data)
    return file


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_of_other_things_is_refused(own, tmp_path):
    parts = [(name, (own / name).read_bytes()) for name in ("card.json", "model.pt")]
    others = [parts[:1], [*parts, ("run.py", b"x")], [*parts, parts[0]], [("../card.json", b"{}"), parts[1]]]
    for members in others:
        with pytest.raises(UserError, match="does not hold card.json and model.pt alone"):
            model.load(zipped(tmp_path / "other.zip", members), Inputs())
    with pytest.raises(UserError, match="card.json in it is packed in another way"):
        model.load(zipped(tmp_path / "deflated.zip", parts, zipfile.ZIP_DEFLATED), Inputs())
    assert model.load(zipped(tmp_path / "same.zip", parts), Inputs()).card["paper"] == "made"


def test_absurd_sizes_are_not_read(own, packed, tmp_path, monkeypatch):
    (own / "card.json").write_bytes(b" " * 100)
    monkeypatch.setattr(model, "MOST_BYTES", {"card.json": 50, "model.pt": 1 << 20})
    with pytest.raises(UserError, match=r"card.json: 100 bytes, more than any network for use has"):
        model.load(own, Inputs())
    with pytest.raises(UserError, match="card.json in it is packed in another way"):
        model.load(packed, Inputs())
    bomb = zipped(tmp_path / "bomb.zip", [("card.json", b" " * 40), ("model.pt", bytes(1 << 19))], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 5000
    with pytest.raises(UserError, match="in it is packed in another way"):
        model.load(bomb, Inputs())
    with bomb.open("r+b") as file:
        file.truncate(2 << 20)
    with pytest.raises(UserError, match="2,097,152 bytes, more than any network"):
        model.load(bomb, Inputs())


def test_export_tells_mistakes_in_one_line(own, packed, tmp_path):
    for path, message in (
        (tmp_path / "none", "no such file or folder"),
        (packed, "a file, and not the folder of a network"),
        (tmp_path, "no network for use"),
    ):
        result = called("export", path, "--output", tmp_path / "out")
        assert result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()
    shutil.copy(own / "model.pt", own / "spoilt")
    np.save(own / "more.npy", np.zeros(3))
    assert called("export", own, "--output", tmp_path / "out").returncode == 0, "what else lies there is left there"
