"""The house rules, as named checks: rules, configuration, versions, formatting, and what the sources may not hold."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

import mexflow
from mexflow.commands import COMMANDS
from mexflow.config import Config
from mexflow.papers import paper as papers
from mexflow.plan.workflow import Workflow
from project import PACKAGE, ROOT, WORKFLOW, run

SMK = sorted((WORKFLOW / "rules").glob("*.smk"))
PYTHON = sorted([*WORKFLOW.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
TARGETS = {"all", "datasets", "learning", "models"}
# Where and by whom this was made, and from which registry. Spelt so that these lines do not match themselves.
ELSEWHERE = "|".join(
    (
        r"/wor[k]/|/far[m]/|\.\./share[d]|\.librar[y]",
        r"claud[e]|\b(sub)?agen[t]s?\b|\b(this|my|our|work(ing)?|developer'?s?) sessio[n]s?\b",
        r"pypi\.or[g]|pythonhosted\.or[g]|golang\.or[g]|npmjs\.or[g]|index-ur[l]",
    )
)


@pytest.fixture(scope="module")
def rules(tmp_path_factory) -> dict[str, dict]:
    """Every rule as Snakemake sees it, by name."""
    folder = tmp_path_factory.mktemp("rules")
    result = run(sys.executable, ROOT / "tests" / "rules_as_json.py", ROOT, folder)
    assert result.returncode == 0, result.stderr
    return {rule["name"]: rule for rule in json.loads(result.stdout.splitlines()[-1])}


@pytest.fixture(scope="module")
def jobs(rules) -> dict[str, dict]:
    """The rules that run something: all but the targets and the papers' own rules."""
    papers = {path.stem for path in (WORKFLOW / "papers").glob("*.yaml")}
    assert set(rules) >= TARGETS
    for name in (TARGETS | papers) & set(rules):
        assert not rules[name]["runs"], f"{name} is a target and runs nothing"
    return {name: rule for name, rule in rules.items() if name not in TARGETS | papers}


def test_every_stage_has_its_rules(jobs):
    stages = {rule["params"]["rule"].split("_")[0] for rule in jobs.values()}
    assert stages == {
        "embed", "index", "faces", "lcn", "motion", "flow", "residual", "lbp", "sheet", "lcnfigure", "quality", "train",
        "intervals", "video", "tables", "scores", "figures", "timing", "coverage", "learned", "page",
        "card",
    }  # fmt: skip


def test_every_job_counts_in_the_line_of_its_stage(rules, jobs):
    assert [name for name in rules if (rules[name]["stage"] is None) == (name in jobs)] == []
    assert {rule["stage"] for rule in jobs.values()} == {path.stem for path in SMK} - {"audit"}
    assert jobs["faces"]["stage"] == "preprocess" and jobs["tables_belaiche2020"]["stage"] == "reporting"


def test_every_rule_has_a_docstring(rules):
    assert [name for name, rule in rules.items() if not rule["docstring"]] == []


def test_inputs_and_outputs_are_named(rules):
    unnamed = [
        (name, kind) for name, rule in rules.items() for kind in ("input", "output")
        if rule[kind]["all"] != rule[kind]["named"]
    ]  # fmt: skip
    assert unnamed == []


def test_every_job_has_log_benchmark_environment_and_resources(jobs):
    for name, rule in jobs.items():
        assert rule["log"] == 1, f"{name}: log"
        assert rule["benchmark"], f"{name}: benchmark"
        assert rule["conda"] == "../../envs/mexflow.yaml", f"{name}: conda"
        assert {"mem_mb", "runtime", "attempt"} <= set(rule["resources"]), f"{name}: resources"


def test_every_job_is_one_command(jobs):
    for name, rule in jobs.items():
        assert rule["shell"], f"{name}: a shell command, neither run nor script"
        assert rule["shell"].count("python -m mexflow ") == 1, name
        assert not re.search(r"&&|\|\||;|\||`|\$\(", rule["shell"]), f"{name}: more than one command"
        command = rule["shell"].split("python -m mexflow ")[1].split()[0]
        assert command in COMMANDS, name
        assert rule["shell"].endswith("> {log} 2>&1"), name


def test_every_job_states_its_record_its_code_and_its_name(jobs):
    for name, rule in jobs.items():
        assert "record" in rule["outputs"], f"{name}: no record"
        assert "--record {output.record}" in rule["shell"], f"{name}: no --record"
        assert "code" in rule["params"], f"{name}: the code digest is no param"
        assert rule["params"]["rule"] == name
        assert rule["shell"].startswith("MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} "), name


BY_HAND = {
    "listing", "schema", "trace", "compare", "verify", "reproduce", "repair", "leakage", "crate", "run_root",
    "incomplete", "status", "export", "analyse", "spot", "recognise", "unlisted",
}  # fmt: skip
"""Commands that no rule calls, the last one where every dataset can be listed."""


SETTING = re.compile(r" --(recipe|image|option|pair|method|size|order|least|iou|smoothing|max-missed) ('[^']*'|\S+)")
"""What a command line says of the science: a recipe, or settings where there is none."""


def test_every_command_line_of_the_workflow_is_understood(tmp_path):
    """Each command that a dry run prints is parsed by the command it calls, options and types."""
    import importlib

    import typer

    plan = Workflow({"embedded": {"size": "tiny"}, "papers": ["elface2021"]}, WORKFLOW)
    subject = plan.folds("elface2021", "samm-lv")[0]
    video = f"results/figures/elface2021/videos/samm-lv/k-th/{subject}/{subject}_1.png"
    coverage = "results/tables/coverage.md"
    (tmp_path / "w.pth").touch()
    settings = ["embedded={size: tiny}", "weights={resnet18: w.pth}"]
    settings += [f"papers=[{', '.join(papers.available(WORKFLOW / 'papers'))}]"]
    result = run("snakemake", "all", "learning", "models", video, coverage, "--dry-run", "--printshellcmds",
                 "--snakefile", ROOT / "Snakefile", "--cores", "2", "--config", *settings, cwd=tmp_path)  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line for line in (result.stdout + result.stderr).splitlines() if "python -m mexflow " in line]
    called = set()
    for line in lines:
        command = line.partition("Shell command: ")[2] or line.strip()
        command = command.replace(f"{ROOT}/", "")  # in the project's own folder, paths are relative
        assert len(SETTING.sub("", command)) <= 400 or " video " in command, (
            f"longer than two lines of a screen, beside its recipe: {command}"
        )
        name, *arguments = shlex.split(line.split("python -m mexflow ")[1].split(" > ")[0])
        called.add(name)
        app = importlib.import_module(COMMANDS[name].module).app
        typer.main.get_command(app).make_context(name, arguments)
    assert called == set(COMMANDS) - BY_HAND


@pytest.mark.parametrize("path", SMK, ids=lambda path: path.name)
def test_rule_files_open_with_a_contract(path):
    docstring = re.match(r'"""(.*?)"""', path.read_text(), re.DOTALL)
    assert docstring, "a docstring comes first"
    assert re.search(r"^Needs ", docstring[1], re.MULTILINE), "says what it needs"
    assert re.search(r"\bMakes\b", docstring[1]), "says what it makes"


def test_rules_hold_no_logic():
    for path in SMK:
        source = path.read_text()
        assert not re.search(r"^\s*(def|class) |^\s*(run|script|notebook|checkpoint)\b.*:", source, re.MULTILINE), path


def test_snakefile_is_short():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 60


# Configuration


def sections(model: type[BaseModel], prefix: str = ""):
    """(key, field) of every key of a configuration model, the nested ones too."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from sections(field.annotation, f"{prefix}{name}.")


def flat(values: dict, prefix: str = "") -> dict[str, object]:
    """Nested settings by their dotted keys."""
    result = {}
    for name, value in values.items():
        result |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return result


def test_every_config_key_has_a_description():
    assert [key for key, field in sections(Config) if not field.description] == []


def test_config_yaml_is_complete_and_holds_the_defaults():
    written = flat(yaml.safe_load((ROOT / "config.yaml").read_text()))
    assert written == flat(Config().model_dump(exclude_none=True))


def test_every_key_is_explained_in_config_yaml():
    """A comment stands on the key's line, on the line above it, or above its section."""
    lines = (ROOT / "config.yaml").read_text().splitlines()
    for key in flat(Config().model_dump(exclude_none=True)):
        at = -1
        for part in key.split("."):  # a section, and below it the key
            if part != "root":
                at = next(i for i, line in enumerate(lines) if i > at and re.match(rf"\s*{part}:", line))
        assert "#" in lines[at] or lines[at - 1].startswith("#"), key


def test_schema_is_the_generated_one(tmp_path):
    result = run(sys.executable, "-m", "mexflow", "schema", "--output", tmp_path / "schema.json")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "schema.json").read_text() == (WORKFLOW / "schemas" / "config.schema.json").read_text(), (
        "run: ./run python -m mexflow schema --output workflow/schemas/config.schema.json"
    )


# Versions


def pins(lines: list[str]) -> dict[str, str]:
    """Pinned versions by canonical name."""
    result = {}
    for line in lines:
        if text := line.partition("#")[0].strip():
            requirement = Requirement(text)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==" and "*" not in specifier.version, line
            assert canonicalize_name(requirement.name) not in result, f"{line}: twice"
            result[canonicalize_name(requirement.name)] = specifier.version
    return result


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return pins((ROOT / "envs" / "requirements.lock").read_text().splitlines())


def test_lock_satisfies_the_direct_requirements(lock):
    for line in (ROOT / "envs" / "requirements.in").read_text().splitlines():
        if text := line.partition("#")[0].strip():
            requirement = Requirement(text)
            version = lock.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement.name} is not locked"
            assert requirement.specifier.contains(version), f"{requirement} is locked to {version}"


def test_conda_file_has_the_pins_of_the_lock(lock):
    environment = yaml.safe_load((ROOT / "envs" / "mexflow.yaml").read_text())
    *packages, pip = environment["dependencies"]
    assert environment["name"] == "mexflow"
    assert packages == ["python=3.11.*", "pip"]
    assert pins(pip["pip"]) == lock


def test_container_installs_the_lock():
    text = (ROOT / "envs" / "container.def").read_text()
    assert re.search(r"^From: python:3\.11-slim$", text, re.MULTILINE)
    assert "envs/requirements.lock /opt/mexflow/requirements.lock" in text
    assert "--requirement /opt/mexflow/requirements.lock" in text


def test_python_and_package_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == mexflow.__version__
    assert project["requires-python"] == ">=3.11,<3.12"
    assert "3.11" in (ROOT / "run").read_text()


def test_minimum_snakemake_is_not_above_the_lock(lock):
    minimum = re.search(r'min_version\("([\d.]+)"\)', (ROOT / "Snakefile").read_text())[1]
    assert tuple(map(int, minimum.split("."))) <= tuple(map(int, lock["snakemake"].split(".")))


# Tools


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "snakefmt --check Snakefile workflow/rules"],
)
def test_formatters_and_linters_are_content(command):
    result = run(*command.split())
    assert result.returncode == 0, result.stdout + result.stderr


def test_snakemake_lint_is_content(tmp_path):
    result = run("snakemake", "--lint", "--snakefile", ROOT / "Snakefile", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


# Sources


def test_no_pickle_anywhere():
    forbidden = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & forbidden, f"{path}:{node.lineno}"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert keywords.get("allow_pickle", "False") == "False", f"{path}:{node.lineno}"
                assert "read_pickle" not in called and "to_pickle" not in called, f"{path}:{node.lineno}"
                if called == "torch.load":
                    assert keywords.get("weights_only") == "True", f"{path}:{node.lineno}"


def test_pyarrow_works_on_the_thread_of_its_caller():
    """One of its threads that still starts when Python ends aborts a job whose work is done; groups keep an order."""
    threaded, found = {"group_by", "iter_batches", "ReadOptions"}, []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in threaded:
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if keywords.get("use_threads") != "False":
                    found.append(f"{path}:{node.lineno}")
    assert found == []


def test_only_artifacts_writes_artifacts():
    """Nothing else in the package that runs in jobs opens a file for writing; renderers fill folders it hands out.

    What digests keep is no artifact: it lies beside what Python compiles, and is made anew where it is missing.
    """
    writers = {"write_bytes", "write_text", "write_table", "savez", "save_npz", "to_parquet", "tofile"}
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).split(".")[-1]
            mode = next((str(ast.unparse(a)) for a in node.args[1:2] if name == "open"), "'r'")
            if name in writers or (name == "open" and re.search("[wax+]", mode)):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert {name for name in found if not name.startswith("embedded/")} == {"store/artifacts.py", "store/digest.py"}


def test_the_project_speaks_of_itself_alone():
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if not path.is_file() or b"\0" in (data := path.read_bytes()):
            continue
        for number, line in enumerate(data.decode().splitlines(), 1):
            if re.search(ELSEWHERE, line, re.IGNORECASE):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert found == []


def test_a_clone_has_the_same_bytes_however_git_is_set(tmp_path):
    """With `core.autocrlf`, as git for Windows sets it, bash would read `snakemake\\r`, and each code digest differ."""
    if run("git", "rev-parse", "HEAD").returncode:
        pytest.skip("not a git checkout: there is nothing to clone")
    clone = tmp_path / "clone"
    cloned = run("git", "-c", "core.autocrlf=true", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), clone)
    assert cloned.returncode == 0, cloned.stderr
    files = [clone / name for name in run("git", "ls-files", cwd=clone).stdout.splitlines()]
    texts = {path.name: data for path in files if b"\0" not in (data := path.read_bytes())}
    assert len(texts) > 100 and [name for name, data in texts.items() if b"\r" in data] == []


def test_readme_of_results_names_every_folder(jobs):
    """The path grammar lists what the rules write."""
    grammar = Path(ROOT / "results" / "README.md").read_text()
    for folder in ("embedded/", "index/", "faces/", "flow/", "folds/", "tables/", "figures/", "records/", "logs/"):
        assert folder in grammar, folder
