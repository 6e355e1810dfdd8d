"""The command line: ``python -m mexflow COMMAND``.

Only the module of the command that is called is imported; ``--help`` imports none of them.
"""

from __future__ import annotations

import importlib
import os
import re
import sys

from mexflow import __version__
from mexflow.commands import COMMANDS
from mexflow.errors import UserError, choose

_PROGRAM = "python -m mexflow"
_FOLDERS = ("--root", "--openface", "--spot", "--recognise", "--model", "--clips", "--output")
"""Options that name a folder or file of the user's."""


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {command.name:<{width}}{command.help}" for command in COMMANDS.values()]
    return "\n".join(
        [
            f"Usage: {_PROGRAM} COMMAND [OPTIONS]",
            "",
            "From raw facial micro-expression videos to the tables and figures of papers.",
            "",
            "Commands:",
            *lines,
            "",
            f"'{_PROGRAM} COMMAND --help' tells a command's options.",
        ]
    )


def folders_at_home(words: list[str]) -> list[str]:
    """The options of a command, with ``~`` expanded where a shell leaves it: ``--root=~/x``, ``--root samm=~/x``."""
    expanded: list[str] = []
    for word in words:
        split = re.fullmatch(r"((?:--[a-z]+=)?(?:\w+=)?)(~.*)", word, re.DOTALL)
        if split and (expanded[-1:] in ([name] for name in _FOLDERS) or split[1].startswith(_FOLDERS)):
            word = split[1] + os.path.expanduser(split[2])
        expanded.append(word)
    return expanded


def main(arguments: list[str]) -> int:
    """Run a command; a user's mistake ends with one line and exit status 1."""
    if not arguments or arguments[0] in ("--help", "-h"):
        print(_help())
        return 0
    if arguments[0] == "--version":
        print(f"mexflow {__version__}")
        return 0
    name, *rest = arguments
    try:
        module = importlib.import_module(COMMANDS[choose("command", name, COMMANDS)].module)
        module.app(args=folders_at_home(rest), prog_name=f"{_PROGRAM} {name}")
    except UserError as error:
        print(f"mexflow: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
