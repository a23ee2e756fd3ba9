"""
`make fuzz`: every target for so many runs, two at a time, drawn while they run; then a table, and what was found.

`--prove` plants each bug of `planted.py` instead, and wants every one found.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE.parent / "faults"), str(HERE)]

import progress  # noqa: E402 - not before its place is known
from planted import PLANTED, PLANTED_WELL  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn  # noqa: E402

TARGETS = ("envelope", "receipt", "form", "token", "challenge", "others")
KEPT = Path("fuzz-findings")
"""Where an input that broke something is kept, to be tried again."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of fuzzing one target."""

    name: str
    runs: int
    seconds: float
    coverage: int
    features: int
    memory: int
    slowest: int
    found: str | None
    kept: Path | None
    planted: bool = False

    def is_of(self, bug: str | None) -> bool:
        """Tell whether what was found is that bug, well planted: a broken property, or an error that it shows as."""
        names = ("Found", *(error.__name__ for error in PLANTED[bug or ""][2]))
        return self.planted and self.found is not None and self.found.partition(":")[0] in names

    @property
    def speed(self) -> int:
        """Runs a second."""
        return round(self.runs / max(self.seconds, 0.001))


def fuzz(name: str, runs: int, bug: str | None, tell: Callable[[int], None]) -> Result:
    """Fuzz one target in a process of its own, and say what came of it; *tell* hears how far it is."""
    with tempfile.TemporaryDirectory(prefix="quietline-fuzz-") as place:
        folder, begun = Path(place), time.monotonic()
        arguments = [sys.executable, str(HERE / "fuzz_one.py"), name, place, str(runs), *([bug] if bug else [])]
        environment = {each: value for each, value in os.environ.items() if not each.startswith("QUIETLINE_")}
        with (folder / "said").open("wb") as said:
            lines = folder / "progress"
            child = subprocess.Popen(
                arguments,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**environment, "QUIETLINE_PROGRESS": str(lines)},
            )
            while child.poll() is None:
                time.sleep(0.3)
                if lines.exists():
                    tell(lines.read_bytes().count(b"\n") * 1000)
        seconds = time.monotonic() - begun
        text = (folder / "said").read_text(errors="replace")
        kept = next(folder.glob("*-*"), None)
        if kept is not None and bug is None:
            KEPT.mkdir(exist_ok=True)
            kept = Path(shutil.copy(kept, KEPT / f"{name}-{kept.name}"))
        result = _result(name, text, seconds, kept if child.returncode else None, failed=child.returncode != 0)
        return result if bug is None else replace(result, planted=PLANTED_WELL in text.splitlines())


def _result(name: str, text: str, seconds: float, kept: Path | None, *, failed: bool) -> Result:
    pulses = re.findall(r"^#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+)", text, re.MULTILINE)
    last = pulses[-1] if pulses else ("0", "0", "0")
    found = None
    if failed:
        why = re.search(
            r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|Found|Refusal|Unavailable)\b.{0,200})", text, re.MULTILINE
        )
        found = why[1] if why else next(reversed(text.strip().splitlines()), "it stopped")

    def stat(which: str) -> int:
        read = re.search(rf"stat::{which}:\s+(\d+)", text)
        return int(read[1]) if read else 0

    return Result(
        name=name,
        runs=stat("number_of_executed_units") or int(last[0]),
        seconds=seconds,
        coverage=int(last[1]),
        features=int(last[2]),
        memory=stat("peak_rss_mb"),
        slowest=stat("slowest_unit_time_sec"),
        found=found,
        kept=kept,
    )


def main() -> int:
    """Fuzz what was asked for; 1 says that something was found, or, with `--prove`, that something was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--only", default="", help=" ".join(TARGETS))
    parser.add_argument("--jobs", type=int, default=2, help="how many side by side")
    parser.add_argument("--prove", action="store_true")
    asked = parser.parse_args()
    names = asked.only.replace(",", " ").split() or list(TARGETS)
    if odd := set(names) - set(TARGETS):
        parser.error(f"there is no target {' or '.join(sorted(odd))}; there are {', '.join(TARGETS)}")
    work = [(target, bug) for bug, (target, *_) in PLANTED.items() if target in names] if asked.prove else [
        (name, None) for name in names
    ]  # fmt: skip
    console = Console()
    columns = (TextColumn("{task.description:<40}"), BarColumn(40), TextColumn("{task.completed:>9,} runs"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as drawn, ThreadPoolExecutor(asked.jobs) as pool:

        def one(target: str, bug: str | None, task: TaskID) -> Result:
            drawn.reset(task)

            def tell(done: int) -> None:
                drawn.update(task, completed=min(done, asked.runs))
                progress._tell({"name": f"fuzz {bug or target}", "done": min(done, asked.runs), "total": asked.runs})

            result = fuzz(target, asked.runs, bug, tell)
            drawn.update(task, completed=result.runs)
            return result

        tasks = [drawn.add_task(bug or target, total=asked.runs, start=False) for target, bug in work]
        results = list(pool.map(one, *zip(*work, strict=True), tasks))
    return proved(work, results, console) if asked.prove else fuzzed(results, console)


def fuzzed(results: list[Result], console: Console) -> int:
    """Tell what came of it, as a table that a report can take over."""
    console.print(
        "\n| target | runs | seconds | runs/s | edges | features | peak MB | slowest s | found |", markup=False
    )
    console.print("|---|---|---|---|---|---|---|---|---|", markup=False)
    for each in results:
        console.print(
            f"| {each.name} | {each.runs:,} | {each.seconds:.0f} | {each.speed:,} | {each.coverage} | {each.features} |"
            f" {each.memory} | {each.slowest} | {each.found or 'nothing'} |",
            markup=False,
            soft_wrap=True,
        )
        progress.found(f"fuzz {each.name}", runs=each.runs, edges=each.coverage, found=each.found or "nothing")
        if each.kept:
            console.print(f"The input is kept as {each.kept}.", markup=False)
    return int(any(each.found for each in results))


def proved(work: list[tuple[str, str | None]], results: list[Result], console: Console) -> int:
    """Tell after how many runs each planted bug was found."""
    console.print("\n| planted bug | target | found after | as |\n|---|---|---|---|", markup=False)
    for (_, bug), each in zip(work, results, strict=True):
        after = f"{each.runs:,} runs" if each.is_of(bug) else "**not found**" if each.planted else "**not planted**"
        console.print(f"| {bug} | {each.name} | {after} | {each.found} |", markup=False, soft_wrap=True)
        progress.found(f"planted {bug}", found=each.found if each.is_of(bug) else "no", runs=each.runs)
    return int(not all(each.is_of(bug) for (_, bug), each in zip(work, results, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
