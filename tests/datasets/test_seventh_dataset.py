"""A seventh dataset is an adapter, a layout and a line of the registry: nothing else, and nobody else notices."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from project import ROOT, run

ADAPTER = '''
"""A toy dataset: 50 fps, two subjects, no table; a folder of frames is an expression, named after its class."""

from pathlib import Path

from mexflow.datasets.base import Adapter, FramePlace
from mexflow.datasets.columns import Label
from mexflow.datasets.expressions import expression

TWO_CLASSES = Label("toy_2class", ("smile", "frown"))


class Toy(Adapter):
    """The adapter of the toy dataset."""

    def read(self, root, read_bytes=Path.read_bytes):
        self.check_root(root)
        frames = self.frame_folders(root)
        return self.listing(root, [self._row(folder) for folder in frames.folders], frames, [], [])

    def _row(self, folder):
        cells = {"onset": folder.numbers[0], "apex": None, "offset": folder.numbers[-1]}
        return expression(
            cells, folder.path, folder, folder.path,
            dataset=self.name, subject=folder.subject, video=folder.video, clip=f"{folder.subject}_{folder.video}",
            type="micro", fps=self.fps, action_units=None, emotion=folder.video, toy_2class=folder.video,
        )


ADAPTER = Toy(
    name="toy", title="Toy", fps=50.0, subjects=2, release="the frames frames/N/smile/F.jpg", subject_form="{:d}",
    labels=(TWO_CLASSES,), places=(FramePlace("frames", r"(?P<subject>\\d+)/(?:smile|frown)", r"(\\d+)\\.jpg"),),
)
'''

LAYOUT = '''
"""The toy dataset as its owners would release it."""

import random

from mexflow.embedded import facs
from mexflow.embedded.geometry import Geometry
from mexflow.embedded.scenario import DatasetPlan, PlannedExpression, PlannedVideo

FPS = 50.0
GEOMETRY = Geometry("toy", 640, 480, 117.0, 0.42, grey=False, noise=1.6, jpeg_quality=88)
ANNOTATION_FILES = []


def plan(size, seed):
    videos = tuple(_video(seed, subject, name) for subject in ("1", "2") for name in ("frown", "smile"))
    return DatasetPlan("toy", size, seed, FPS, 2, ("1", "2"), videos)


def _video(seed, subject, name):
    units = facs.choose_units(random.Random(f"{seed}/toy/{subject}/{name}"), 1 if name == "smile" else 3, "")
    expression = PlannedExpression(
        clip=f"{subject}_{name}", type="micro", onset=1, apex=5, offset=9, annotated_onset=1, annotated_apex=None,
        annotated_offset=9, units=units, au_text=None, emotion=name, repairs=("apex_missing",),
        labels=(("toy_2class", name),),
    )
    return PlannedVideo(
        dataset="toy", subject=subject, video=name, path=f"frames/{subject}/{name}", file_pattern="{frame}.jpg",
        first_frame=1, frame_count=9, fps=FPS, expressions=(expression,),
    )


def write_annotations(dataset_plan, directory):
    pass
'''

LINE = 'DATASETS.add("toy", "mexflow.datasets.toy")\n'

FILES = ("datasets/toy.py", "embedded/toy.py", "datasets/registry.py")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder ``workflow`` of a copy of the project that has the toy dataset."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("workflow", "envs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    add(tmp_path / "workflow")
    return tmp_path / "workflow"


def add(workflow: Path) -> None:
    mexflow = workflow / "mexflow"
    (mexflow / "datasets" / "toy.py").write_text(ADAPTER.lstrip())
    (mexflow / "embedded" / "toy.py").write_text(LAYOUT.lstrip())
    with (mexflow / "datasets" / "registry.py").open("a") as registry:
        registry.write("\n" + LINE)


def edit(workflow: Path, module: str, text: str, by: str) -> None:
    path = workflow / "mexflow" / module
    assert text in path.read_text()
    path.write_text(path.read_text().replace(text, by))


def python(workflow: Path, code: str) -> str:
    """What a program prints that has the copy's package."""
    done = run(sys.executable, "-c", code, cwd=workflow.parent, package=workflow)
    assert done.returncode == 0, done.stderr
    return done.stdout


CONFIG = "{'embedded': {'size': 'tiny'}, 'datasets': {'toy': {'root': 'embedded'}}, 'papers': ['nag2019']}"


def mistake(workflow: Path, config: str = CONFIG) -> str:
    """The one line in which the Snakefile's plan fails."""
    done = run(
        sys.executable,
        "-c",
        "from pathlib import Path; from mexflow.errors import told; from mexflow.plan.workflow import Workflow; "
        f"told(lambda: Workflow({config}, Path('workflow')).enumerated())",
        cwd=workflow.parent,
        package=workflow,
    )
    assert done.returncode == 1 and done.stderr.startswith("mexflow: error: "), done.stderr
    (line,) = done.stderr.splitlines()
    return line


DIGESTS = """
import json
from pathlib import Path
from mexflow import embedded
from mexflow.datasets import registry
from mexflow.plan.workflow import Workflow

plan = Workflow({"embedded": {"size": "tiny"}}, Path("workflow"))
digests = {"faces": plan.code("faces"), "flow": plan.code("flow"), "figures": plan.code("figures")}
for name in [*registry.DATASETS, *registry.COMPOSITES]:
    digests[f"index {name}"] = plan.sources.index_code(name)
for name in registry.DATASETS:
    digests[f"embed {name}"] = plan.code("embed", *embedded.modules(name))
    digests[f"listing {name}"] = plan.code("listing", *plan.sources.adapter_modules(name))
print(json.dumps(digests))
"""


def test_no_digest_of_another_dataset_changes(package):
    import json

    before = json.loads(python(ROOT / "workflow", DIGESTS))
    after = json.loads(python(package, DIGESTS))
    new = {"index toy", "embed toy", "listing toy"}
    assert {name: digest for name, digest in after.items() if name not in new} == before
    assert len({after[name] for name in new}) == len(new)


def test_the_workflow_enumerates_it(package):
    code = f"""
from pathlib import Path
from mexflow.plan.workflow import Workflow

sources = Workflow({CONFIG}, Path("workflow")).sources
print(sources.in_use[-1], sources.subjects("toy"), sources.faces_flags("toy"), sources.data("toy"))
print([(row["clip"], row["toy_2class"], row["fps"]) for row in sources.rows("toy")])
print([target for target in sources.index_targets if "toy" in target])
"""
    assert python(package, code).splitlines() == [
        "toy [('toy', '1'), ('toy', '2')]  embedded",
        "[('1_frown', 'frown', 50.0), ('1_smile', 'smile', 50.0), ('2_frown', 'frown', 50.0), ('2_smile', 'smile', "
        "50.0)]",
        "['results/index/toy.parquet', 'results/index/toy.videos.parquet', 'results/index/toy.txt']",
    ]


def test_a_run_makes_its_index_and_its_faces(package):
    command = ("snakemake", "--cores", "1", "results/index/toy.parquet", "results/faces/toy/1.npy")
    done = run(*command, "--config", "embedded={size: tiny}", "datasets={toy: {root: embedded}}",
               "papers=[nag2019]", cwd=package.parent, package=package)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = package.parent / "results"
    table = pq.read_table(results / "index" / "toy.parquet")
    assert table.schema.field("toy_2class").type == "string"
    rows = table.select(["clip", "toy_2class", "apex", "excluded"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (f"{subject}_{name}", name, 5, None) for subject in (1, 2) for name in ("frown", "smile")
    ]
    assert "toy_2class: frown 2, smile 2" in (results / "index" / "toy.txt").read_text()
    faces = pq.read_table(results / "faces" / "toy" / "1.parquet")
    assert len(faces) == 18 and set(faces["video"].to_pylist()) == {"frown", "smile"}


@pytest.mark.parametrize(
    ("forgotten", "words"),
    [
        ("datasets/toy.py", "mexflow.datasets.registry names 'toy', but there is no module mexflow.datasets.toy; "),
        ("embedded/toy.py", "toy cannot be rendered: there is no layout mexflow.embedded.toy; write it, or set "),
    ],
)  # fmt: skip
def test_a_module_that_is_forgotten_is_named(package, forgotten, words):
    (package / "mexflow" / forgotten).unlink()
    assert words in mistake(package)


def test_the_line_that_is_forgotten_is_named(package):
    edit(package, "datasets/registry.py", LINE, "")
    line = mistake(package)
    assert "unknown key 'datasets.toy'" in line and f"registry.py does not name it: add the line {LINE.strip()}" in line
    done = run(sys.executable, "-m", "mexflow", "index", "--dataset", "toy", "--root", ".", "--output", "i", "--videos",
               "v", cwd=package.parent, package=package)  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith("mexflow: error: unknown dataset 'toy'")
    assert f"add the line {LINE.strip()}" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("module", "text", "by", "words"),
    [
        (
            "datasets/toy.py", "labels=(TWO_CLASSES,), ", "",
            "mexflow.embedded.toy: it gives the column 'toy_2class', which nobody declares; declare it in "
            "mexflow.datasets.toy (ADAPTER.labels)",
        ),
        (
            "embedded/toy.py", 'labels=(("toy_2class", name),),', "",
            "mexflow.embedded.toy: it does not give the column 'toy_2class', which mexflow.datasets.toy",
        ),
        (
            "datasets/toy.py", '("smile", "frown"))', '("smiles", "frown"))',
            "mexflow.embedded.toy: clip 1_smile has the toy_2class 'smile', which nobody declares (did you mean "
            "'smiles'?)",
        ),
    ],
)  # fmt: skip
def test_a_label_that_the_layout_and_the_adapter_do_not_share_is_named(package, module, text, by, words):
    edit(package, module, text, by)
    done = run(
        sys.executable,
        "-c",
        "from pathlib import Path; from mexflow.plan.workflow import Workflow; "
        f"print(Workflow({CONFIG}, Path('workflow')).sources.unlisted['toy'])",
        cwd=package.parent,
        package=package,
    )
    assert words in done.stdout and len(done.stdout.splitlines()) == 1, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "by", "words"),
    [
        ("toy_2class=folder.video,", "", "mexflow.datasets.toy: it does not give the column 'toy_2class', which "),
        (
            "labels=(TWO_CLASSES,), ",
            "",
            "mexflow.datasets.toy: it gives the column 'toy_2class', which nobody declares",
        ),
        ("toy_2class=folder.video,", "toy_2class='grin',", "clip 1_smile has the toy_2class 'grin', which nobody "),
    ],
)
def test_an_index_that_is_not_as_declared_is_not_written(package, text, by, words):
    edit(package, "datasets/toy.py", text, by)
    folder = package.parent / "copy" / "frames" / "1" / "smile"
    folder.mkdir(parents=True)
    for frame in range(1, 10):
        (folder / f"{frame}.jpg").touch()
    done = run(sys.executable, "-m", "mexflow", "index", "--dataset", "toy", "--root", "copy", "--output", "i.parquet",
               "--videos", "v.parquet", cwd=package.parent, package=package)  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith("mexflow: error: ") and words in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not list(package.parent.glob("*.parquet"))
