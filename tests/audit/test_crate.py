"""The RO-Crate of a small run: valid, hashed, and without a pixel."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from mexflow.audit.compare import compare
from mexflow.audit.graph import load
from mexflow.store.artifacts import hash_file
from project import run

TERMS = "https://w3id.org/ro/terms/workflow-run"
CONTEXTS = ("https://w3id.org/ro/crate/1.1/context", f"{TERMS}/context")


@pytest.fixture(scope="module")
def crate(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crate") / "crate"
    made = command(finished, "crate", "--output", str(folder))
    assert made.returncode == 0, made.stderr
    return folder


def command(folder: Path, *arguments: str):
    return run("python", "-m", "mexflow", *arguments, cwd=folder, package=folder / "workflow")


@pytest.fixture(scope="module")
def entities(crate: Path) -> dict[str, dict]:
    found = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    assert len({one["@id"] for one in found}) == len(found)
    return {one["@id"]: one for one in found}


def typed(entities: dict[str, dict], kind: str) -> list[dict]:
    return [one for one in entities.values() if kind in (one["@type"], *one["@type"])]


def references(value) -> set[str]:
    listed = value if isinstance(value, list) else [value]
    return {one["@id"] for one in listed if isinstance(one, dict)}


def contexts() -> dict[str, dict]:
    """The two JSON-LD contexts of the crate, which no test may fetch: rocrate holds the terms of RO-Crate 1.3.

    Four of these had other addresses in 1.1, which the profile is about; the terms of workflow runs are few.
    """
    terms = json.loads(resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text())["@context"]
    bioschemas = "https://bioschemas.org/"
    terms |= {name: f"{bioschemas}{name}" for name in ("ComputationalWorkflow", "FormalParameter")}
    terms |= {name: f"{bioschemas}ComputationalWorkflow#{name}" for name in ("input", "output")}
    names = ("ParameterConnection", "connection", "sourceParameter", "targetParameter", "sha256", "resourceUsage")
    own = {name: f"{TERMS}#{name}" for name in names}
    return dict(zip(CONTEXTS, (terms, own), strict=True))


def issues(crate: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What rocrate-validator says is wrong with a crate, by the profile's required level; asks no network."""
    from rocrate_validator import services
    from rocrate_validator.models import Severity, ValidationSettings
    from rocrate_validator.utils.http import HttpRequester

    known = contexts()

    def get(self, url: str, **_):
        text = json.dumps({"@context": known[url]})
        headers = {"Content-Type": "application/ld+json"}
        return SimpleNamespace(status_code=200, headers=headers, text=text, json=lambda: json.loads(text))

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    settings = ValidationSettings(
        rocrate_uri=str(crate), profile_identifier="provenance-run-crate", requirement_severity=Severity.REQUIRED
    )
    found = services.validate(settings).get_issues(Severity.REQUIRED)
    return [f"{one.check.identifier}: {one.message} ({one.violatingEntity})" for one in found]


def test_it_is_valid(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert issues(crate, monkeypatch) == []


def test_the_validator_sees_what_is_missing(crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contexts that the tests give it are good enough for it to find what is wrong."""
    shutil.copytree(crate, tmp_path / "broken")
    path = tmp_path / "broken" / "ro-crate-metadata.json"
    said = json.loads(path.read_text())
    next(one for one in said["@graph"] if one["@type"] == "CreateAction").pop("instrument")
    next(one for one in said["@graph"] if one["@type"] == "HowToStep").pop("workExample")
    path.write_text(json.dumps(said))
    found = " ".join(issues(tmp_path / "broken", monkeypatch))
    assert "instrument" in found and "workExample" in found


def test_every_file_has_its_digest(crate: Path, entities: dict[str, dict]) -> None:
    files = typed(entities, "File")
    assert len(files) > 100
    for one in files:
        if one["@id"].startswith("arcp://"):
            assert len(one["sha256"]) == 64 and not (crate / one["name"]).exists()
        else:
            digest = hash_file(crate / one["@id"])
            assert (digest.sha256, str(digest.size)) == (one["sha256"], one["contentSize"]), one["@id"]


def test_no_pixel_of_a_face_is_in_it(crate: Path) -> None:
    payload = [path for path in crate.rglob("*") if path.is_file()]
    assert {path.suffix for path in payload} <= {".json", ".csv", ".md", ".yaml", ".lock", ""}
    assert all(path.suffix or path.name == "Snakefile" for path in payload)
    for path in payload:
        path.read_text(encoding="utf-8")


def test_every_job_and_artifact_is_described(finished: Path, entities: dict[str, dict]) -> None:
    with chdir(finished):
        graph = load()
    actions = {one["name"]: one for one in typed(entities, "CreateAction") if one["@id"] != "#run"}
    assert set(actions) == set(graph.records)
    names = {identifier: one.get("name", identifier) for identifier, one in entities.items()}
    for job, record in graph.records.items():
        assert {names[one] for one in references(actions[job]["result"])} == set(record.outputs)
        assert {names[one] for one in references(actions[job]["object"])} >= set(record.inputs)
        assert entities[record.path]["sha256"] == record.sha256
    known = {one["@id"] for one in entities.values()}
    for one in entities.values():
        for name, value in one.items():
            if name in ("object", "result", "instrument", "hasPart", "step", "workExample", "mentions", "subjectOf"):
                assert references(value) <= known, (one["@id"], name)


def test_a_table_that_was_changed_is_not_put_in(finished: Path, tmp_path: Path) -> None:
    for name in ("results", "workflow", "envs"):
        shutil.copytree(finished / name, tmp_path / name, ignore=shutil.ignore_patterns("embedded", "faces", "flow"))
    shutil.copy(finished / "Snakefile", tmp_path)
    table = tmp_path / "results" / "tables" / "mini.csv"
    table.write_text(table.read_text().replace(",", ";", 1))
    result = command(tmp_path, "crate")
    assert result.returncode == 1 and "mini.csv: other bytes than its record says" in result.stderr
    assert not (tmp_path / "results" / "crate").exists() and "Traceback" not in result.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    result = command(tmp_path, "crate", "--output", "mine")
    assert result.returncode == 1 and "holds something else than a crate" in result.stderr


def test_a_run_and_its_crate_say_the_same(finished: Path, crate: Path) -> None:
    """All that a comparison of runs needs is in the crate."""
    found = compare(finished / "results", crate)
    assert (found.differences, found.a.root) == ((), found.b.root) and found.alike > 10
