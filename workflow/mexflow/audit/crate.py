"""A run as an RO-Crate, by the profile Provenance Run Crate 0.5: what was made from what, for tools that read crates.

Of data there are descriptions alone: name, sha256 and size. Into the crate itself go the workflow, its configuration
and lock, the tables, and the records: text, no pixel of a face, nothing of a licensed copy. What stays outside is named
by an arcp address (archive and package), whose archive is the run root.
"""

from __future__ import annotations

import base64
import mimetypes
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from mexflow.audit import root
from mexflow.audit.graph import Graph, Record
from mexflow.commands import COMMANDS
from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs, hash_bytes

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
NO_LICENCE = "None granted. The agreements with the owners of the datasets hold for everything made from them."
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_PROJECT = Path(__file__).resolve().parents[3]
_WORKFLOW = "Snakefile"
_PLAIN = ("config.yaml", "envs/requirements.lock")
_TABLES = (".csv", ".md")
_FORMATS = {".npy": "application/x-npy", ".parquet": "application/vnd.apache.parquet", ".md": "text/markdown"}
_DONE = "http://schema.org/CompletedActionStatus"


def build(graph: Graph, run: Path, licence: str = NO_LICENCE) -> ROCrate:
    """The crate of a run, to be written with its `write`.

    Args:
        graph: of the run.
        run: ``results/run.json``, which is put in.
        licence: of the crate, a text or an address.

    Raises:
        UserError: if a file that is put in cannot be read, or has other bytes than its record says.
    """
    return _Crate(graph, run, licence).crate


def _address(digest: str, path: str = "") -> str:
    """The arcp address of a path in an archive of that sha256 (hex)."""
    name = base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
    return f"arcp://ni,sha-256;{name}/{quote(path)}"


class _Crate:
    def __init__(self, graph: Graph, run: Path, licence: str) -> None:
        self.graph, self.inputs = graph, Inputs()
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(_TERMS)
        self.root = root.merkle(list(root.leaves(graph).values()))
        self.entities: dict[str, Entity] = {}
        self._describe(licence)
        workflow = self._workflow()
        self._payload(run.as_posix())
        tools = {stage: self._tool(stage) for stage in sorted({record.stage for record in graph.records.values()})}
        steps = {stage: self._step(stage, tool) for stage, tool in tools.items()}
        workflow["hasPart"] = list(tools.values())
        workflow["step"] = list(steps.values())
        actions = {job: self._action(record, tools[record.stage]) for job, record in graph.records.items()}
        self._organise(workflow, steps, actions)

    def _describe(self, licence: str) -> None:
        times = sorted(record.contents["observed"]["ended"] for record in self.graph.records.values())
        about = self.crate.root_dataset
        about["name"] = "A run of mexflow"
        about["description"] = (
            f"From raw video of facial micro-expressions to tables: {len(self.graph.records)} jobs, run root "
            f"{self.root}. Data are described by their sha256; none is in here."
        )
        about["datePublished"] = times[-1]
        about["license"] = licence
        about["identifier"] = f"sha256:{self.root}"
        about["conformsTo"] = [
            self._context(address, "CreativeWork", name=name, version=address.rpartition("/")[2])
            for address, name in PROFILES.items()
        ]

    def _context(self, identifier: str, kind: str, **properties: Any) -> Entity:
        return self.crate.add(ContextEntity(self.crate, identifier, {"@type": kind, **properties}))

    def _workflow(self) -> Entity:
        data = self.inputs.bytes(_of_project(_WORKFLOW))
        version = metadata.version("snakemake")
        workflow = self.crate.add_workflow(
            BytesIO(data), _WORKFLOW, main=True, lang="snakemake", lang_version=version, properties=_hashed(data)
        )
        workflow.type.append("HowTo")  # it has steps
        workflow["softwareRequirements"] = [self._payload(path) for path in _PLAIN if _of_project(path).is_file()]
        return workflow

    def _payload(self, path: str, known: str | None = None) -> Entity:
        """A file that is put into the crate, at the same place."""
        data = self.inputs.bytes(_of_project(path) if path in _PLAIN or path.startswith("workflow/") else path)
        if known not in (None, hash_bytes(data).sha256):
            raise UserError(f"{path}: other bytes than its record says; see `mexflow verify {path}`")
        return self.crate.add_file(BytesIO(data), path, properties={"name": path, **_hashed(data), **_format(path)})

    def _artifact(self, path: str, recorded: dict[str, Any]) -> Entity:
        """An artifact that a record names."""
        if path in self.entities:
            return self.entities[path]
        outside = Path(path).is_absolute() or ".." in Path(path).parts
        if not outside and (path.endswith(_TABLES) or path.startswith("workflow/")):
            entity = self._payload(path, recorded["sha256"])
        else:
            address = Path(path).resolve().as_uri() if outside else _address(self.root, path)
            facts = {"name": path, "contentSize": str(recorded["size"])}
            if not Path(path).suffix:
                how = "its digest is that of the sorted lines `sha256 size path` of its files"
                facts |= {"identifier": f"sha256:{recorded['sha256']}", "description": f"A folder; {how}."}
                entity = self.crate.add_dataset(f"{address}/", properties=facts)
            else:
                entity = self.crate.add_file(
                    address, properties={**facts, "sha256": recorded["sha256"], **_format(path)}
                )
        self.entities[path] = entity
        return entity

    def _raw(self, record: Record) -> list[Entity]:
        """The raw frames that a job decoded: one entity, described by the digest over all of them."""
        if "raw" not in record.contents:
            return []
        raw, table = record.contents["raw"], next(path for path in record.outputs if path.endswith(".parquet"))
        facts = {
            "name": f"{raw['files']} raw frames of {record.contents['dataset']}, {record.contents['subject']}",
            "description": f"Each frame's sha256 stands in {table}.",
            "identifier": f"sha256:{raw['sha256']}",
            "contentSize": str(raw["bytes"]),
        }
        return [self.crate.add_dataset(_address(raw["sha256"]), properties=facts)]

    def _tool(self, stage: str) -> Entity:
        facts = {"name": f"mexflow {stage}", "description": COMMANDS[stage].help if stage in COMMANDS else stage}
        return self._context(f"#tool/{stage}", "SoftwareApplication", **facts)

    def _step(self, stage: str, tool: Entity) -> Entity:
        return self._context(f"#step/{stage}", "HowToStep", name=stage, workExample=tool)

    def _action(self, record: Record, tool: Entity) -> Entity:
        """A job."""
        read = [self._artifact(path, recorded) for path, recorded in record.inputs.items()]
        maker = self.graph.maker
        rendered = [path for path in self.graph.parents(next(iter(record.outputs))) if path not in record.inputs]
        read += [self._artifact(path, self.graph.records[maker[path]].outputs[path]) for path in rendered]
        return self._context(
            f"#job/{quote(record.job)}",
            "CreateAction",
            name=record.job,
            description=record.contents["command"],
            instrument=tool,
            object=[*read, *self._raw(record)],
            result=[self._artifact(path, recorded) for path, recorded in record.outputs.items()],
            startTime=record.contents["observed"]["started"],
            endTime=record.contents["observed"]["ended"],
            actionStatus={"@id": _DONE},
            subjectOf=self._payload(record.path, record.sha256),
        )

    def _organise(self, workflow: Entity, steps: dict[str, Entity], actions: dict[str, Entity]) -> None:
        """The run of the workflow, and how its engine ran the jobs."""
        records = self.graph.records
        outputs = {path for record in records.values() for path in record.outputs}
        inputs = [entity for path, entity in self.entities.items() if path not in outputs]
        tables = [entity for path, entity in self.entities.items() if path in outputs and path.endswith(_TABLES)]
        times = {
            "startTime": min(record.contents["observed"]["started"] for record in records.values()),
            "endTime": max(record.contents["observed"]["ended"] for record in records.values()),
            "actionStatus": {"@id": _DONE},
        }
        run = self._context(
            "#run", "CreateAction", name="The run", instrument=workflow, object=inputs, result=tables, **times
        )
        engine = self._context(
            "#snakemake", "SoftwareApplication", name="Snakemake", softwareVersion=metadata.version("snakemake"),
            url="https://snakemake.readthedocs.io",
        )  # fmt: skip
        controls = [
            self._context(
                f"#control/{quote(job)}", "ControlAction", name=f"orchestrate {job}", object=action,
                instrument=steps[records[job].stage],
            )
            for job, action in actions.items()
        ]  # fmt: skip
        self._context(
            "#orchestration", "OrganizeAction", name="Snakemake's run", instrument=engine, object=controls, result=run,
            **times,
        )  # fmt: skip
        self.crate.root_dataset["mentions"] = [run]


def _of_project(path: str) -> Path:
    """A file of the project: in the folder that the workflow ran in, or where that is another, in the project's own."""
    return Path(path) if Path(path).exists() else _PROJECT / path


def _hashed(data: bytes) -> dict[str, str]:
    return {"sha256": hash_bytes(data).sha256, "contentSize": str(len(data))}


def _format(path: str) -> dict[str, str]:
    suffix = Path(path).suffix
    return {"encodingFormat": _FORMATS.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"}
