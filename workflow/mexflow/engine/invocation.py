"""Mistakes in calling Snakemake that it answers with a traceback, each told in one line; ``./run`` looks first.

Snakemake reads the command line and the files of settings before it reads the Snakefile, which could say it better.
Some of its options take all words up to the next option, a target too.

Called as ``python -m mexflow.engine.invocation PROJECT WORD…``, with the words after ``snakemake``. Imports nothing
heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mexflow.errors import UserError

_FILES = ("--configfile", "--configfiles")
_PAIRS = (
    "--config", "-C", "--resources", "--res", "--set-resources", "--default-resources", "--default-res",
    "--set-threads", "--set-scatter", "--set-resource-scopes", "--groups", "--group-components",
)  # fmt: skip
"""Options of any number of NAME=VALUE."""
_RULES = ("--forcerun", "-R")
_TARGETS = ("all", "datasets", "learning", "models")


def check(words: list[str], project: Path) -> None:
    """Look at a command line of Snakemake.

    Args:
        words: what comes after ``snakemake``.
        project: the folder of the Snakefile.

    Raises:
        UserError: if an option took a target, a file of settings cannot be read, or a setting has no value.
    """
    targets = {*_TARGETS, *(path.stem for path in (project / "workflow" / "papers").glob("*.yaml"))}
    files: list[str] = []
    for option, values in _options(words):
        for value in values:
            is_target = value in targets or value.startswith("results/")
            taken = (option in _FILES and not Path(value).is_file()) or (option in _PAIRS and "=" not in value)
            if is_target and (taken or option in _RULES):
                first = next((word for word in values if word != value), "my.yaml" if option in _FILES else "…")
                raise UserError(
                    f"{option} takes every word up to the next option, {value} too; two dashes end it: "
                    f"{option} {first} -- {value}"
                )
            if taken and option in _FILES:
                raise UserError(f"{value}: no such file; {option} reads settings from files, up to the next option")
            if taken and option in ("--config", "-C"):
                raise UserError(f"{option} {value}: write NAME=VALUE, as in {option} budget=paper")
        if option in _FILES:
            files += values
    check_settings(project, files)


def check_settings(project: Path, files: Iterable[str | Path] | None) -> None:
    """Read the project's ``config.yaml``, which need not be there, and the files laid over it.

    Raises:
        UserError: as `read_settings`.
    """
    first = project / "config.yaml"
    for file in (*([first] if first.exists() else ()), *(files or ())):
        read_settings(Path(file))


def _options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each option with the words up to the next one; after two dashes there are targets alone."""
    option, values = "", []
    for word in words[: words.index("--")] if "--" in words else words:
        if word.startswith("-") and len(word) > 1:
            yield option, values
            option, equals, value = word.partition("=")
            values = [value] if equals else []
            if equals:
                yield option, values
                option, values = "", []
        else:
            values.append(word)
    yield option, values


def read_settings(path: Path) -> dict[Any, Any]:
    """The settings of a file, as Snakemake will read them.

    Raises:
        UserError: if the file cannot be read, or holds no settings, or one of them twice; with the line.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML in which no key may be given twice: the last one would win, and nobody would know."""

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                at = f"line {lines[key.value]} and again in line {line}"
                raise UserError(f"{path}: {key.value!r} stands in {at}; join the two")
            lines[str(key.value)] = line
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.load(text, Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not text in UTF-8; save it again in that encoding") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {_explained(error)}") from None
    if not isinstance(values, dict):
        what = "holds no settings" if values is None else "holds no settings but a " + type(values).__name__
        raise UserError(f"{path}: {what}; write one a line, as in `budget: demo`, or leave the file out")
    return values


def _explained(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return f"not YAML ({' '.join(str(error).split())}); correct it"
    where = f"not YAML at line {mark.line + 1}, column {mark.column + 1}"
    if "'\\t'" in problem:
        return f"{where}: a tab; indent with blanks"
    return f"{where} ({problem}); check brackets, quotes, colons and the indentation there and above"


if __name__ == "__main__":
    try:
        check(sys.argv[2:], Path(sys.argv[1]))
    except UserError as wrong:
        sys.exit(f"mexflow: error: {wrong}")
