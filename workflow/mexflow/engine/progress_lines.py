"""How far a run is: one line a paper and stage, drawn on a terminal, plain elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mexflow.engine.status import DATA, group_of

PLAIN_SECONDS = 30.0


class Rule(Protocol):
    """What is asked of a rule of Snakemake."""

    name: str
    snakefile: str
    shellcmd: str | None


STAGES: dict[str, str] = {}
"""The stage of each rule that runs something, in the order the data flows."""
_screens: list[Screen] = []


def register(rules: Iterable[Rule]) -> None:
    """Say which rules there are, in the order the data flows: a rule's stage is the .smk file it stands in.

    Events of Snakemake's log name the rule alone, so its file has to be said. Targets run nothing and have no stage.
    """
    STAGES.clear()
    for rule in rules:
        if rule.shellcmd:
            STAGES[rule.name] = str(rule.snakefile).rsplit("/", 1)[-1].removesuffix(".smk")


def end() -> None:
    """Draw no more: what is printed now would be drawn over. The lines come once more when all messages were shown."""
    for screen in _screens:
        screen.stop()


@dataclass
class Line:
    """Jobs of one paper and stage: how many there are, are done and have failed; times are seconds of one clock."""

    name: str
    total: int = 0
    done: int = 0
    failed: int = 0
    started: float | None = None
    changed: float = 0.0
    printed: float = 0.0

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed

    def cells(self, now: float, running: bool = True) -> tuple[str, str]:
        """``12/49``, and what is known of failures, rate and time left: nothing of a time where no job has ended."""
        facts = [f"{self.failed} failed"] if self.failed else []
        if self.started is not None and self.done == self.total:
            facts.append(f"in {_span(self.changed - self.started)}")
        elif self.left and running:
            if self.started is not None and self.done:
                rate = self.done / max(now - self.started, 1e-3)
                facts += [_rate(rate), f"{_span(self.left / rate)} left"]
            else:
                facts.append("time left unknown")
        return f"{self.done}/{self.total}", "  ".join(facts)

    def plain(self, now: float) -> str | None:
        """The line as text where one is due: at its end, else half a minute after the last."""
        if self.left and now - self.printed < PLAIN_SECONDS:
            return None
        self.printed = now
        return "  ".join(filter(None, (self.name, *self.cells(now))))


class Lines:
    """The lines of a run, the data's before the papers', each in the order of its stages."""

    def __init__(self, papers: Iterable[str]) -> None:
        self._papers = sorted(papers, key=len, reverse=True)
        self._of_rule: dict[str, Line] = {}
        self._states: dict[int, tuple[str, str]] = {}
        self.all: list[Line] = []

    def count(self, totals: Mapping[str, int]) -> None:
        """How many jobs of each rule the run has."""
        lines: dict[tuple[str, str], Line] = {}
        for rule, stage in STAGES.items():
            if rule in totals:
                group = group_of(rule, self._papers)
                line = self._of_rule[rule] = lines.setdefault((group, stage), Line(f"{group} · {stage}"))
                line.total += totals[rule]
        self.all = [lines[key] for key in sorted(lines, key=lambda key: (key[0] != DATA, key[0]))]

    def shown(self, height: int) -> list[Line]:
        """The lines for a terminal of so many rows: all, or where they do not fit, those under way."""
        if len(self.all) < height:
            return self.all
        return [line for line in self.all if line.started is not None and line.left]

    def start(self, job: int, rule: str, now: float) -> None:
        """A job was started, or started again after it had failed."""
        if line := self._of_rule.get(rule):
            self._set(job, rule, "running", now)
            if line.started is None:
                line.started = line.printed = now

    def finish(self, job: int, now: float) -> Line | None:
        """A job is done: its line."""
        rule, _ = self._states.get(job, ("", ""))
        return self._set(job, rule, "done", now)

    def fail(self, job: int, rule: str, now: float) -> Line | None:
        """A job has failed: its line."""
        return self._set(job, rule, "failed", now)

    def _set(self, job: int, rule: str, state: str, now: float) -> Line | None:
        line = self._of_rule.get(rule)
        if line:
            _, before = self._states.get(job, ("", ""))
            self._states[job] = rule, state
            line.done += (state == "done") - (before == "done")
            line.failed += (state == "failed") - (before == "failed")
            line.changed = now
        return line


class Screen:
    """The lines on a terminal, on standard error; and the stream that writes above them."""

    def __init__(self, lines: Lines, colour: bool) -> None:
        self._lines, self._colour = lines, colour
        self._live: Any = None
        self._stopped = False
        self._held = ""
        _screens.append(self)

    def start(self) -> None:
        """Draw the lines from now on, once a second."""
        if self._live or self._stopped or not self._lines.all:
            return
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, no_color=not self._colour or None, highlight=False)
        self._live = Live(
            console=self._console,
            get_renderable=lambda: self._table(self._lines.shown(self._console.height)),
            refresh_per_second=1,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        self._console.show_cursor()  # rich hides it, and a Snakemake that is killed could not bring it back

    def stop(self) -> None:
        """Take the lines off the screen."""
        self._stopped = True
        if self._live:
            self._live.stop()

    def finish(self) -> None:
        """Show the lines a last time, to stay there."""
        self.stop()
        if self._live:
            self._console.print(self._table(self._lines.all))
            self._live = None

    def _table(self, lines: list[Line]) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for line in lines:
            count, facts = line.cells(time.time(), running=not self._stopped)
            bar = ProgressBar(max(line.total, 1), line.done, width=20)
            table.add_row(Text(line.name), bar, Text(count, justify="right"), Text(facts, no_wrap=True))
        return table

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        """Hold text back until it is flushed, a whole message at a time."""
        self._held += text

    def flush(self) -> None:
        """Write what was held above the lines, unwrapped."""
        text, self._held = self._held, ""
        if not text:
            return
        if self._live and not self._stopped:
            from rich.text import Text

            self._console.print(Text.from_ansi(text.removesuffix("\n")), soft_wrap=True)
        else:
            sys.stderr.write(text)
            sys.stderr.flush()


def _rate(per_second: float) -> str:
    return f"{60 * per_second:.1f}/min" if per_second >= 1 / 60 else f"{3600 * per_second:.1f}/h"


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
