"""
`make bench`: everything measured side by side, shown, and written to RESULTS.md with two charts.

    python benchmarks/run.py [--quick] [--full] [--only cold,in_process,...]

Figures are medians, and what counts are the ratios of one run: the machine is whatever it is. The whole takes about
ten minutes; `--quick` about four, trusting its figures less; `--full` adds what takes longer (a queue of a million).
With `--only` nothing is written. Exits with 1 when anything was answered wrongly, got lost, or a part did not run.

To measure something more, write a script here and name it in `PARTS`. It runs in a process of its own, with `--quick`
or nothing (and `--full` where `PARTS` says so), and prints one JSON document on stdout:

    {"tables":  [{"title": "...", "head": ["", "CPU"], "rows": [["quietline", "12 us"], ...], "note": "..."}],
     "targets": [{"row": "warm GET", "target": "<= 49", "measured": 18.2, "unit": "us", "reached": true}],
     "bars":    [{"title": "...", "unit": "us", "better": "less",
                  "bars": [{"name": "quietline", "value": 1.5, "ours": true}, {"name": "bare", "value": 1.2}]}],
     "wrong":   ["who answered what wrongly"]}

All four keys may be missing. Cells are texts and are shown as they are; a note is one paragraph, or empty. A target
reads `<= N`, `>= N` or `= N`: make it with `common.target(row, target, measured, unit)`, which decides `reached`, so
that no verdict is written by hand. `bars` become groups of the chart of peers. What a part prints on stderr is shown
while it runs; a line like `3/9 cold starts` (`common.step(3, 9, "cold starts")`) moves its bar.
"""

# ruff: noqa: PLC0415
# Imports stand inside functions: rich may be missing.
from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common
import report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Document = dict[str, Any]
Step = tuple[int, int, str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One script; *full* says that it has more to measure with `--full`."""

    script: str
    full: bool = False


PARTS = {
    "in_process": Part(script="in_process.py"),
    "cold": Part(script="cold.py"),
    "over_http": Part(script="over_http.py"),
    "memory": Part(script="memory.py"),
    "queue_size": Part(script="queue_size.py", full=True),
    "directory": Part(script="directory.py"),
    "dynamodb_units": Part(script="dynamodb_units.py"),
    "simulation": Part(script="simulation.py"),
}
OURS = ("chalice", "pydantic", "cryptography", "boto3")
PEERS = ("fastapi", "uvicorn", "httptools", "uvloop", "h11", "mangum", "aws-lambda-powertools", "pydantic")
_STEP = re.compile(r"(\d+)/(\d+) (.*)")


# ---------------------------------------------------------------- running


def _measured(part: Part, flags: Sequence[str], told: Callable[[Step], None]) -> Document:
    """Run a part and give its document; one that fails gives what it said last."""
    command = [sys.executable, str(common.HERE / part.script), *flags]
    last: list[str] = []
    with tempfile.TemporaryFile("w+") as out:
        with subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True, cwd=common.ROOT) as process:
            for line in process.stderr or ():
                last = [*last[-30:], line.rstrip()]
                if found := _STEP.fullmatch(line.strip()):
                    told((int(found[1]), int(found[2]), found[3]))
        out.seek(0)
        if process.returncode == 0:
            with contextlib.suppress(ValueError):
                document: Document = json.loads(out.read())
                return document
    print("\n".join([f"{part.script} failed:", *last]), file=sys.stderr)
    return {"wrong": [f"{part.script} failed: {last[-1] if last else 'it said nothing'}"]}


@contextlib.contextmanager
def _progress(names: Sequence[str]) -> Iterator[Callable[[str], Callable[[Step], None]]]:
    """Show a bar for each part; on a terminal that moves, and as lines where nobody looks."""
    if not sys.stderr.isatty():

        def plain(name: str) -> Callable[[Step], None]:
            print(f"{name} ...", file=sys.stderr, flush=True)
            return lambda step: print(f"{name}: {step[0]}/{step[1]} {step[2]}", file=sys.stderr, flush=True)

        yield plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.fields[name]:<16}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True)) as bars:
        tasks = {name: bars.add_task("", name=name, start=False, total=None) for name in names}
        begun: list[Any] = []

        def begin(name: str) -> Callable[[Step], None]:
            for done in begun[-1:]:
                bars.update(done, description="", total=1, completed=1)
                bars.stop_task(done)
            task = tasks[name]
            begun.append(task)
            bars.start_task(task)
            return lambda step: bars.update(task, completed=step[0], total=step[1], description=step[2])

        yield begin
        for done in begun[-1:]:
            bars.update(done, description="", total=1, completed=1)


def _versions(python: Path | str, packages: Sequence[str]) -> str:
    code = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(p) for p in sys.argv[1:]]))"
    said = subprocess.run([str(python), "-c", code, *packages], capture_output=True, text=True, check=True)
    return ", ".join(f"{name} {version}" for name, version in zip(packages, json.loads(said.stdout), strict=True))


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _sync_us() -> float:
    """Measure one durable 4 KiB write: the floor under every accepted request."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter_ns()
            os.fsync(file.fileno())
            took.append((time.perf_counter_ns() - began) / 1000)
    return common.median(took)


def _commit() -> str:
    """Name what was measured: the commit and its day."""
    command = ["git", "log", "-1", "--format=%h of %cd", "--date=format:%d %B %Y, %H:%M"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=common.ROOT).stdout.strip()
    return "unknown"


def _machine() -> list[str]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return [
        f"- {datetime.now(UTC):%d %B %Y, %H:%M} UTC, {platform.system()}, {_processor()}, {os.cpu_count()} cores",
        f"- load before the run: {load:.1f}" + (" (others work on this machine)" if load > 1 else ""),
        f"- one sync of the disk: {_sync_us():.0f} us",
        f"- commit: {_commit()}",
        f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {_versions(sys.executable, OURS)}",
        f"- peers: {_versions(common.PEER_PYTHON, PEERS)}",
    ]


def main() -> int:
    """Measure, show, write; 1 when something was answered wrongly."""
    parser = argparse.ArgumentParser(description="Measure Quietline beside its peers.")
    parser.add_argument("--quick", action="store_true", help="short runs, figures to be trusted less")
    parser.add_argument("--full", action="store_true", help="what takes longer as well")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}; nothing is written")
    given = parser.parse_args()
    wanted = [name for name in PARTS if name in given.only.split(",")]
    if not common.PEER_PYTHON.exists():
        print("The peers are not installed: run `make bench`.", file=sys.stderr)
        return 2
    machine = _machine()
    quick, full = ["--quick"] if given.quick else [], ["--full"] if given.full else []
    documents = []
    with _progress(wanted) as begin:
        for name in wanted:
            part = PARTS[name]
            found = _measured(part, [*quick, *(full if part.full else [])], begin(name))
            documents.append(found)
    tables, targets, groups, wrong = (
        [one for document in documents for one in document.get(key, ())]
        for key in ("tables", "targets", "bars", "wrong")
    )
    report.show(tables, targets)
    if len(wanted) == len(PARTS):
        how = " ".join(["benchmarks/run.py", *quick, *full])
        text = report.page(how=how, machine=machine, targets=targets, tables=tables, wrong=wrong)
        common.RESULTS.write_text(text, encoding="utf-8")
        report.write_charts(common.HERE, targets, groups)
        print("Written to benchmarks/RESULTS.md")
    for one in wrong:
        print(f"WRONG: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
