"""
Draws a long test while it runs, and says in the end what was broken, how often, and what was found.

Any command whose tests tell of themselves with `progress.steps` and `progress.found` can be drawn:

    python tests/faults/drawing.py --title "Bad input" --report FILE.md -- python -m pytest tests/fuzz -k form

There is a bar for each name that `steps` was called with, with the time that is left; without a terminal, a plain line
at each quarter. pytest's own words are kept back, and printed where something failed. With `-p telling` among pytest's
arguments, files of tests are counted as well. The report is printed, and written as Markdown where `--report` says so;
the exit code is the command's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

LOOK_EVERY = 0.25
QUARTERS = 4
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass
class Campaign:
    """One thing that is broken again and again: how far it is, and what came of it."""

    name: str
    done: int = 0
    total: int = 0
    begun: float = 0.0
    ended: float | None = None
    found: dict[str, float | str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self.ended or time.monotonic()) - self.begun


@dataclass
class Suite:
    """One file of tests: what it says of itself, and how its tests ended."""

    says: str
    passed: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass
class Told:
    """Everything that the tests have told so far."""

    campaigns: dict[str, Campaign] = field(default_factory=dict)
    suites: dict[str, Suite] = field(default_factory=dict)
    tests: int = 0
    over: int = 0

    def hear(self, line: dict) -> Campaign | None:
        """Take in one line; give the campaign that it was about."""
        if "tests" in line:
            self.tests = line["tests"]
            return None
        if "file" in line:
            suite = self.suites.setdefault(line["file"], Suite(line["says"]))
            self.over += 1
            suite.seconds += line["seconds"]
            if line["outcome"] == "failed":
                suite.failed.append(line["test"])
            elif line["outcome"] == "skipped":
                suite.skipped[line["why"]] = suite.skipped.get(line["why"], 0) + 1
            else:
                suite.passed += 1
            return None
        campaign = self.campaigns.setdefault(line["name"], Campaign(line["name"], begun=time.monotonic()))
        campaign.found.update(line.get("found", {}))
        campaign.done, campaign.total = line.get("done", campaign.done), line.get("total", campaign.total)
        campaign.ended = time.monotonic() if campaign.done >= campaign.total else None
        return campaign


class TimeLeft(ProgressColumn):
    """How long it will take from here, once there is something to judge by."""

    def render(self, task) -> Text:
        """Say it in words."""
        left = None if task.finished else task.time_remaining
        return Text("" if left is None else f"{_lasting(left)} left", style="cyan")


class Bars:
    """What a person at a terminal sees."""

    def __init__(self, console: Console, title: str) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeLeft(),
            console=console,
            speed_estimate_period=60.0,
        )
        self._whole = self._progress.add_task(f"[bold]{escape(title)}", total=None)
        self._tasks: dict[str, int] = {}

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *_error):
        self._progress.stop()

    def show(self, told: Told, campaign: Campaign | None) -> None:
        """Move the bar of *campaign*, and the one of all tests."""
        self._progress.update(self._whole, total=told.tests or None, completed=told.over)
        if campaign is None or not campaign.total:
            return
        if campaign.name not in self._tasks:
            self._tasks[campaign.name] = self._progress.add_task(escape(campaign.name), total=campaign.total)
        self._progress.update(self._tasks[campaign.name], total=campaign.total, completed=campaign.done)


class Lines:
    """What a log sees: a line at each quarter."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._quarters = console, {}
        console.print(title, highlight=False)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def show(self, _told: Told, campaign: Campaign | None) -> None:
        """Say it, if *campaign* has got a quarter further."""
        if campaign is None or not campaign.total:
            return
        quarter = QUARTERS * campaign.done // campaign.total
        if self._quarters.get(campaign.name) != quarter:
            self._quarters[campaign.name] = quarter
            left = ""
            if 0 < campaign.done < campaign.total:
                left = f", {_lasting(campaign.seconds / campaign.done * (campaign.total - campaign.done))} left"
            self._console.print(f"  {campaign.name}: {campaign.done:,} of {campaign.total:,}{left}", highlight=False)


def watch(command: list[str], *, title: str, report: Path | None, console: Console, words_too: bool = False) -> int:
    """Run *command*, draw what it tells, print and write the report (and its *words_too*), and give its exit code."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        progress, words = Path(folder) / "progress", Path(folder) / "words"
        progress.touch()
        told, place = Told(), 0
        path = os.pathsep.join([str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(os.pathsep)
        environment = {**os.environ, "QUIETLINE_PROGRESS": str(progress), "PYTHONPATH": path}
        with words.open("wb") as kept, (Bars if console.is_terminal else Lines)(console, title) as drawn:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=kept, stderr=subprocess.STDOUT)
            try:
                while True:
                    over = process.poll() is not None
                    place = _hear(progress, place, told, drawn)
                    if over:
                        break
                    time.sleep(LOOK_EVERY)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if process.returncode or words_too:
            console.print(words.read_text(errors="replace"), markup=False, highlight=False, soft_wrap=True)
    seconds = time.monotonic() - begun
    _print(console, told, title, seconds, process.returncode)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(_markdown(told, title, seconds, process.returncode), encoding="utf-8")
        console.print(f"Written to {report}", highlight=False)
    return process.returncode


def _hear(progress: Path, place: int, told: Told, drawn: Bars | Lines) -> int:
    """Take in the lines that have come since *place*; one that is still being written is left for next time."""
    with progress.open("rb") as file:
        file.seek(place)
        while (line := file.readline()).endswith(b"\n"):
            place = file.tell()
            drawn.show(told, told.hear(json.loads(line)))
    return place


def _lasting(seconds: float) -> str:
    """Say a duration as a person would."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def _times(campaign: Campaign) -> str:
    """Say how often something was broken; where nobody counted, it was once."""
    if campaign.done < campaign.total:
        return f"{campaign.done:,} of {campaign.total:,}"
    return f"{campaign.done or 1:,}"


def _took(campaign: Campaign) -> str:
    return _lasting(campaign.seconds) if campaign.total else ""


def _figures(found: dict[str, float | str]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:,}" if isinstance(value, int) else f"{name.replace('_', ' ')} {value}"
        for name, value in found.items()
    )


def _verdict(told: Told, seconds: float, code: int) -> str:
    failed = sum(len(suite.failed) for suite in told.suites.values())
    skipped = sum(sum(suite.skipped.values()) for suite in told.suites.values())
    passed = sum(suite.passed for suite in told.suites.values())
    wrong = f"{failed} failed" if failed else "It did not come to its end"
    how = wrong if code else "Everything held"
    counted = f": {passed} tests passed, {skipped} skipped" if told.suites else ""
    return f"{how}{counted}, in {_lasting(seconds)}."


def _print(console: Console, told: Told, title: str, seconds: float, code: int) -> None:
    if told.campaigns:
        table = Table(title=f"{title}: what was broken, and what was found", title_justify="left")
        table.add_column("Broken", ratio=4)
        table.add_column("Times", justify="right")
        table.add_column("Found", ratio=6)
        table.add_column("Took", justify="right", no_wrap=True)
        for campaign in told.campaigns.values():
            found = escape(_figures(campaign.found))
            table.add_row(escape(campaign.name), _times(campaign), found, _took(campaign))
        console.print(table)
    if told.suites:
        table = Table(title="Files of tests", title_justify="left")
        table.add_column("What it shows", ratio=1)
        table.add_column("Held", justify="right")
        table.add_column("Took", justify="right", no_wrap=True)
        for suite in sorted(told.suites.values(), key=lambda suite: -suite.seconds):
            held = f"{suite.passed}" if not suite.failed else f"[red]{suite.passed}, not {len(suite.failed)}"
            table.add_row(escape(suite.says), held, _lasting(suite.seconds))
        console.print(table)
    for suite in told.suites.values():
        for test in suite.failed:
            console.print(f"[red]failed[/red] {escape(test)}", highlight=False)
        for why, times in suite.skipped.items():
            console.print(f"[yellow]skipped[/yellow] {times}: {escape(why)}", highlight=False)
    console.print(f"[bold {'red' if code else 'green'}]{escape(_verdict(told, seconds, code))}", highlight=False)


def _markdown(told: Told, title: str, seconds: float, code: int) -> str:
    on = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    lines = [f"# {title}", "", f"{_verdict(told, seconds, code)} {datetime.now(UTC):%Y-%m-%d}, {on}, {versions}.", ""]
    if told.campaigns:
        lines += ["| Broken | Times | Found | Took |", "|---|---:|---|---:|"]
        lines += [
            f"| {each.name} | {_times(each)} | {_figures(each.found)} | {_took(each)} |"
            for each in told.campaigns.values()
        ]
        lines.append("")
    if told.suites:
        lines += ["| What it shows | Held | Failed | Took |", "|---|---:|---:|---:|"]
        lines += [
            f"| {each.says} | {each.passed} | {len(each.failed)} | {_lasting(each.seconds)} |"
            for each in told.suites.values()
        ]
        lines.append("")
    lines += [f"- failed: `{test}`" for suite in told.suites.values() for test in suite.failed]
    lines += [f"- skipped {n}: {why}" for suite in told.suites.values() for why, n in suite.skipped.items()]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Read the arguments and watch."""
    parser = argparse.ArgumentParser(description="Draw a long test while it runs.")
    parser.add_argument("--title", required=True)
    parser.add_argument("--report", default="", help="a Markdown file to write the report to")
    parser.add_argument("--words-too", action="store_true", help="print the command's own words, though all held")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    said = parser.parse_args()
    command = said.command[1:] if said.command[:1] == ["--"] else said.command
    report = Path(said.report).absolute() if said.report else None
    return watch(command, title=said.title, report=report, console=Console(), words_too=said.words_too)


if __name__ == "__main__":
    sys.exit(main())
