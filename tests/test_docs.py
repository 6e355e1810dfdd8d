"""What the pages say: links lead somewhere, and commands, options, settings and files that they name exist."""

from __future__ import annotations

import functools
import importlib
import json
import re
import shlex
import shutil
import sys
import tomllib
import urllib.parse
from importlib import metadata
from pathlib import Path

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from mexflow.commands import COMMANDS
from mexflow.config import Config
from mexflow.papers import paper as papers
from mexflow.plan.workflow import Workflow
from project import ROOT, WORKFLOW, run

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md")), ROOT / "results" / "README.md"]
IDS = [path.relative_to(ROOT).as_posix() for path in PAGES]
MOST_LINES = 120
MOST_PICTURE_BYTES = 300_000

of_each_page = pytest.mark.parametrize("page", PAGES, ids=IDS)


def links(page: Path) -> list[str]:
    """The targets of a page's links and pictures, those of code left out."""
    prose = re.sub(r"```.*?```|^ {4}.*?$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def linked_files(page: Path) -> set[Path]:
    """The files of the project that a page links to."""
    return {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link}


def anchors(page: Path) -> set[str]:
    """The fragments that lead to a page's headings, made as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(page: Path) -> list[str]:
    """The code of a page: spans, and the lines of blocks with continued lines joined."""
    text = page.read_text()
    blocks = "\n".join(
        [*re.findall(r"```\w*\n(.*?)```", text, re.DOTALL), *re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE)]
    )
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [*spans, *re.sub(r"\\\n\s*", "", blocks).splitlines()]


def settings(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Every key of a configuration model and its sections, dotted."""
    keys = set()
    for name, field in model.model_fields.items():
        keys.add(f"{prefix}{name}")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys |= settings(field.annotation, f"{prefix}{name}.")
    return keys


@functools.cache
def made() -> set[str]:
    """What a run of every paper makes in the end, relative to the project."""
    plan = Workflow({"papers": papers.available(WORKFLOW / "papers")}, WORKFLOW)
    return {*plan.paper_targets(), *plan.dataset_targets()}


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


@of_each_page
def test_links_lead_somewhere(page: Path) -> None:
    """A file of the project, with a heading of that name, or what a run makes."""
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists() or target.relative_to(ROOT).as_posix() in made(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_is_found_from_the_readme_and_from_the_index() -> None:
    pages = {path.resolve() for path in DOCS.rglob("*.md")}
    index = DOCS / "README.md"
    assert pages - {index.resolve()} - linked_files(index) == set(), "not in docs/README.md"
    reached, ahead = set(), {README.resolve()}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead |= {file for file in linked_files(page) if file in pages} - reached
    assert pages - {index.resolve()} - reached == set(), "no way from the README"


def test_every_picture_is_shown_and_small() -> None:
    shown = set().union(*map(linked_files, PAGES))
    pictures = [path for path in (DOCS / "pictures").iterdir() if path.is_file()]
    assert pictures and [path.name for path in pictures if path.resolve() not in shown] == []
    assert [path.name for path in pictures if path.stat().st_size > MOST_PICTURE_BYTES] == []


@of_each_page
def test_commands_exist(page: Path) -> None:
    """Each `mexflow <command>` of prose and examples; those with arguments are understood by the command."""
    for text in code(page):
        line = text.split("  #")[0]
        if match := re.match(r"(?:\./run )?python -m mexflow (\S+) ?(.*)|mexflow ([a-z_]+)\b", line):
            name = match[1] or match[3]
            if name == "<command>":
                continue
            assert name in COMMANDS, f"{line}: no such command"
            if match[1]:
                app = importlib.import_module(COMMANDS[name].module).app
                typer.main.get_command(app).make_context(name, shlex.split(match[2]))


@of_each_page
def test_files_of_the_project_that_are_named_exist(page: Path) -> None:
    """Paths are written from the project's folder; those with a part to fill in (`<name>`, `…`) are patterns.

    The first line of an example names the file that the example makes, or stands in.
    """
    for text in (text for text in code(page) if not text.startswith("# ")):
        for path in re.findall(r"(?<![\w/.<>])(?:workflow|tests|envs|docs)/[\w./*-]*\w/?(?![\w<*…{])", text):
            assert (ROOT / path).exists(), f"{path}: no such file"


@of_each_page
def test_settings_that_are_named_exist(page: Path) -> None:
    known = settings(Config)
    sections = {key.partition(".")[0] for key in known if "." in key}
    for text in code(page):
        if (match := re.match(r"([a-z_]+)(\.[a-z_]+)+(?=$|: )", text)) and match[1] in sections:
            assert match[0] in known, f"{match[0]}: no such setting"
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        values = yaml.safe_load(block)
        if set(values) <= set(Config.model_fields):
            Config.model_validate(values)


def test_the_table_of_papers_names_papers() -> None:
    named = re.findall(r"^\| `(\w+)` \|", README.read_text(), re.MULTILINE)
    assert named and set(named) <= set(papers.available(WORKFLOW / "papers"))


# Licences and citation


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_licence_and_citation_agree_with_the_project(project: dict) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    # What the format asks for, and how it spells a version: as text.
    assert all(citation.get(key) for key in ("message", "title", "authors", "abstract", "keywords"))
    assert all(set(author) == {"name"} for author in citation["authors"])
    assert citation["version"] == project["version"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in project["authors"]]
    (file,) = project["license-files"]
    assert citation["license"] == project["license"] == (ROOT / file).read_text().split()[0]
    assert f"the {citation['authors'][0]['name'].removeprefix('The ')}" in (ROOT / file).read_text()
    assert (ROOT / project["readme"]) == README


def stated_licences() -> dict[str, str]:
    """The licence of each package that the page of licences lists, by canonical name."""
    section = (DOCS / "licences.md").read_text().partition("## Libraries")[2]
    rows = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", section, re.MULTILINE))
    return {canonicalize_name(name): licence for name, licence in rows.items() if name not in ("package", "---")}


def required() -> list[str]:
    """The direct requirements, canonical names."""
    lines = (ROOT / "envs" / "requirements.in").read_text().splitlines()
    return [canonicalize_name(Requirement(text).name) for line in lines if (text := line.partition("#")[0].strip())]


def test_licences_are_stated_of_every_direct_requirement() -> None:
    assert sorted(stated_licences()) == sorted(required())


@pytest.mark.parametrize("package", required())
def test_a_package_says_of_itself_what_is_stated(package: str) -> None:
    about = metadata.metadata(package)
    keys = ("License", "License-Expression", "Classifier")
    itself = " ".join(str(value) for key, value in about.items() if key in keys)
    licence = re.match(r"[A-Za-z]+", stated_licences()[package])[0]
    assert re.search(rf"\b{licence}\b", itself, re.IGNORECASE), f"{package}: {licence} is stated, not {itself[:300]}"


def test_the_limits_of_the_landmark_model_are_told() -> None:
    """Where a reader looks first, and where the licences are."""
    for page in (README, DOCS / "licences.md"):
        assert re.search(r"300-W.*?(licence|license).*?commercial", page.read_text(), re.DOTALL), page


# Examples

EXTENDING = DOCS / "extending.md"
ADDED = """
import json, sys
from pathlib import Path
import numpy as np, torch
from mexflow import models
from mexflow.papers import paper as papers
from mexflow.evaluation.folds import PROTOCOLS
from mexflow.papers.figure_kinds import KINDS
from mexflow.papers.metrics import METRICS
from mexflow.preprocess import flow
from mexflow.preprocess.pairs import PAIRS
from mexflow.tables.recognition_metrics import MEASURES
from mexflow.training.augmentation import Augmentation
from mexflow.training.recognition.channels import CHANNELS

paper = papers.load(Path(sys.argv[1]), "mine2026")
network = models.build("small_net", {"width": 4}, inputs=2, classes=5)
field = np.zeros((2, 1, 1), np.float32) + np.float32(1)
rng = np.random.default_rng(1)
first = np.pad(rng.random((1, 40, 40), np.float32), ((0, 0), (12, 12), (12, 12)))
moved = flow.compute("phase", first, np.roll(first, (2, -3), (1, 2)), window=False)
rows = [{"subject": name, "kind": "x", "excluded": None} for name in "abc"]
images = torch.full((3, 1, 2, 2), 0.25)
print(json.dumps({
    "recipe": paper.recipe("vertical", "demo").model,
    "logits": list(network(torch.zeros(3, 2, 8, 8)).shape),
    "parameters": models.parameters(network),
    "angle": round(CHANNELS["angle"](field).item(), 4),
    "moved": [round(float(value)) for value in moved.mean((0, 2, 3))],
    "pair": PAIRS["apex-offset"]({"apex": 3, "offset": 7}, range(9)),
    "folds": [sorted(fold.test_subjects) for fold in PROTOCOLS["two_halves"](rows, "kind")],
    "inverted": sorted({*Augmentation.of([{"invert": 1}])(images, torch.Generator()).flatten().tolist()}),
    "least": MEASURES["least_recall"].function(np.array([[3, 1], [4, 4]])).item(),
    "label": METRICS["least_recall"].label,
    "figure": KINDS["recalls"](title="Recalls", kind="recalls", experiment="vertical").experiments,
}))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the workflow with every example of docs/extending.md where its first line says."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(WORKFLOW, folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    examples = re.findall(
        r"^```(?:python|yaml)\n# (\S+.*?)\n(.*?)^```", EXTENDING.read_text(), re.DOTALL | re.MULTILINE
    )
    for place, text in examples:
        path, _, above = place.partition(", above ")
        file = folder / path
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        at = next(i for i, line in enumerate(lines) if above in line) if above else len(lines)
        # What stands at the top level of a module has two free lines around it.
        gap = "" if text.startswith(" ") or not lines else "\n\n"
        file.write_text("".join([*lines[:at], "" if above else gap, text, gap if above else "", *lines[at:]]))
    return folder


def test_the_examples_of_extending_work(extended: Path) -> None:
    """Each does what its text says, in the place that its first line names."""
    papers_folder = extended / "workflow" / "papers"
    result = run(sys.executable, "-c", ADDED, papers_folder, cwd=extended, package=extended / "workflow")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {
        "recipe": "shallow_cnn", "logits": [3, 5], "parameters": 2 * 9 * 4 + 4 + 4 * 5 + 5, "angle": 0.7854,
        "moved": [-3, 2], "pair": [[3, 7]], "folds": [["a", "c"], ["b"]], "inverted": [0.75], "least": 0.5,
        "label": "recall of the worst class (%)", "figure": ["vertical"],
    }  # fmt: skip


def test_the_dataset_of_extending_is_rendered_and_listed(extended: Path, tmp_path: Path) -> None:
    rendered = (
        "import sys; from mexflow import embedded; embedded.render_subject('mydata', 'tiny', 1, 's01', sys.argv[1])"
    )
    package = extended / "workflow"
    result = run(sys.executable, "-c", rendered, tmp_path, cwd=extended, package=package)
    assert result.returncode == 0, result.stderr
    files = ("--output", tmp_path / "index.parquet", "--videos", tmp_path / "videos.parquet")
    command = (sys.executable, "-m", "mexflow", "index", "--dataset", "mydata", "--root", tmp_path, *files)
    result = run(*command, cwd=extended, package=package)
    assert result.returncode == 0, result.stderr
    assert "mydata: 2 rows (2 in use), 1 subjects, 2 folders" in result.stdout
    assert "mydata_2class: fear 1, joy 1" in result.stdout


def test_the_experiment_of_extending_fits_its_paper() -> None:
    (block,) = re.findall(r"```yaml\n(preprocessing:.*?)```", EXTENDING.read_text(), re.DOTALL)
    path = WORKFLOW / "papers" / "cropnet2021.yaml"
    paper, added = yaml.safe_load(path.read_bytes()), yaml.safe_load(block)
    paper["preprocessing"]["residual"] |= added["preprocessing"]["residual"]
    paper["experiments"] |= added["experiments"]
    recipe = papers.parse(yaml.safe_dump(paper).encode(), path).recipe("rrs-9-null", "demo")
    assert (recipe.reads, recipe.training.learning_rate, recipe.size) == (["residual/rrs-9"], 0.0003, 32)


def test_the_examples_are_as_the_house_writes(extended: Path) -> None:
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        result = run(*command, "--config", ROOT / "pyproject.toml", "workflow", cwd=extended)
        assert result.returncode == 0, result.stdout + result.stderr
