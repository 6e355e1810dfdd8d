"""Snakemake's logger `mexflow`: progress, one line a paper and stage.

On a terminal the lines stand for rules, commands and counts of steps, and every other message appears above them.
Elsewhere the output is Snakemake's own, and so is its log file everywhere; both get the lines as plain text. Chosen by
``workflow/profiles/default``; Snakemake finds it because ``./run`` puts ``workflow/`` on PYTHONPATH.
"""

from __future__ import annotations

import os
import sys
from logging import LogRecord
from pathlib import Path

from snakemake.logging import logger
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from mexflow.engine import wrapped
from mexflow.engine.progress_lines import Lines, Screen

PAPERS = Path(__file__).resolve().parents[1] / "papers"
SHOWN_BY_LINES = {
    LogEvent.GROUP_INFO,
    LogEvent.JOB_FINISHED,
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.PROGRESS,
    LogEvent.RUN_INFO,
    LogEvent.SHELLCMD,
}
REPEATED = ("Select jobs to execute...", "Job rate limit reached, waiting for free slots.")


class LogHandler(LogHandlerBase):
    """Follows the events of a run. Snakemake calls it in a thread of its own, and never in the processes of jobs."""

    def __post_init__(self) -> None:
        self._wanted, self._screen = False, None
        self._lines = Lines(path.stem for path in PAPERS.glob("*.yaml"))
        with wrapped.guard("screen"):
            if wrapped.fits("screen"):
                self._begin()

    def _begin(self) -> None:
        from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter, is_quiet_about

        common = self.common_settings
        quiet = common.quiet or set()
        self._wanted = not common.dryrun and not is_quiet_about(quiet, "progress")
        if self._wanted and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            screen = Screen(self._lines, colour=not common.nocolor)
            self._messages = ColorizingTextHandler(common.nocolor, screen)
            self._messages.setFormatter(DefaultFormatter(quiet, common.show_failed_logs))
            self._messages.addFilter(
                DefaultFilter(quiet, common.debug_dag, common.verbose, common.dryrun, common.printshellcmds)
            )
            self._screen = screen

    def emit(self, record: LogRecord) -> None:
        """Bring the lines up to date, and show a message above them."""
        # A line comes back here, as every record does.
        if not self._wanted or hasattr(record, "mexflow_line"):
            return
        try:
            self._follow(record)
        except Exception:
            # Raised, it would end all messages; without lines, rules and commands are shown again.
            self._lines.all = []
            self.handleError(record)
        shown = getattr(record, "event", None) in SHOWN_BY_LINES or record.msg in REPEATED
        if self._screen and not (shown and self._lines.all):
            self._messages.handle(record)

    def _follow(self, record: LogRecord) -> None:
        event, line = getattr(record, "event", None), None
        if event == LogEvent.RUN_INFO:
            self._lines.count(record.stats)
        elif event == LogEvent.JOB_INFO:
            self._lines.start(record.jobid, record.rule_name, record.created)
            if self._screen:
                self._screen.start()
        elif event == LogEvent.JOB_FINISHED:
            line = self._lines.finish(record.job_id, record.created)
        elif event == LogEvent.JOB_ERROR:
            line = self._lines.fail(record.jobid, record.rule_name, record.created)
        if line and (text := line.plain(record.created)):
            logger.info(text, extra={"mexflow_line": True})

    def close(self) -> None:
        """Show the lines a last time: by now every message was shown."""
        if self._screen:
            self._screen.finish()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        return self._screen is not None

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return True  # what is not to be shown counts too

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False
