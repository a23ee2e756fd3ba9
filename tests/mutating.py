"""
`make test-mutants`: plant one bug after the other, and see that the test that is named for it fails by an assertion.

    python tests/mutating.py [--jobs 2] [NAME ...]   plant them in copies of the tree; nothing here is changed
    python tests/mutating.py --take NAME             make a patch anew: of what `git diff` says of the working tree

A bug is caught if a test failed by an assertion, or because the house refused what it had promised. A test that did
not begin, that stumbled over a name or an import, or that hung, has caught nothing: such a patch is broken. So is one
that made a part `Unavailable`, which is what any slip in SQL becomes, unless the patch says "May be: Unavailable".
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import patches
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).parent.parent
LEFT_OUT = (
    ".git", ".venv", ".engines", ".hypothesis", ".quietline", ".*_cache", "dist", ".venv*", "node_modules",
    "fuzz-findings",
)  # fmt: skip
PATIENCE = 150
HISTORIES = "16"
"""How many histories are recorded before two who should not have met have met."""
WITNESS = "QUIETLINE_WITNESS"
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-p", "mutating", "--timeout", "100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a planted bug: `caught`, `SURVIVED`, `broken` or `does not apply`; *by* is the test, or why."""

    patch: patches.Patch
    said: str
    by: str
    seconds: float = 0.0


def pytest_runtest_makereport(item, call):
    """Write down how a test failed, for who planted the bug (this module is a plugin of the pytest that it starts)."""
    report = os.environ.get(WITNESS)
    if report and call.excinfo is not None and not call.excinfo.errisinstance(_skipped()):
        line = {"test": item.nodeid, "when": call.when, "kinds": sorted(_kinds(call.excinfo.value))}
        with Path(report).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _skipped():
    import pytest  # noqa: PLC0415 - what starts pytest does not need it

    return pytest.skip.Exception


def _kinds(error):
    """Name what an error is; of a group, what each in it is."""
    if isinstance(error, BaseExceptionGroup):
        return {kind for each in error.exceptions for kind in _kinds(each)}
    if str(error).startswith("Timeout"):
        return {"Timeout"}  # pytest-timeout fails a test as an assertion would
    if type(error).__module__.startswith("chalicelib.") and type(error).__name__ != "Unavailable":
        return {"Refusal"}  # the house's own word that something is not so
    return {"AssertionError" if isinstance(error, AssertionError) else type(error).__name__}


def copied(into: Path) -> Path:
    """Copy the tree without what was installed or built, and with the engines within reach."""
    tree = into / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    if (ROOT / ".engines").exists():
        (tree / ".engines").symlink_to((ROOT / ".engines").resolve())
    return tree


def by_folder(tests):
    """Sort tests by folder: each has a `conftest` of its own, and one pytest knows one of that name."""
    folders: dict[str, list[str]] = {}
    for test in sorted(set(tests)):
        folders.setdefault(test.rpartition("/")[0], []).append(test)
    return list(folders.values())


def run(tree: Path, tests, *, patience: float, report: Path | None = None):
    """Run *tests*, all of one folder, on the code of a copy; give pytest's exit code and what it said."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("QUIETLINE_", "PYTEST_"))},
        "PYTHONPATH": os.pathsep.join(map(str, (tree, tree / "tests"))),
        "QUIETLINE_HISTORIES": HISTORIES,
        **({} if report is None else {WITNESS: str(report)}),
    }
    command = [sys.executable, "-m", "pytest", *PYTEST, *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=patience
        )
    except subprocess.TimeoutExpired:
        return None, "it hung"
    return done.returncode, done.stdout + done.stderr


def plant(patch: patches.Patch, tree: Path) -> Verdict:
    """Plant a bug in a copy, run what must see it, and put the copy back as it was."""
    began = time.monotonic()
    try:
        files = patches.changed(patch, tree)
    except patches.DoesNotApply as error:
        return Verdict(patch=patch, said="does not apply", by=str(error))
    before = {name: (tree / name).read_bytes() for name in files}
    report = tree.parent / f"{patch.name}.jsonl"
    try:
        for name, text in files.items():
            (tree / name).write_text(text, encoding="utf-8")
        said, by = "SURVIVED", ""
        for tests in by_folder(patch.tests):
            said, by = judged(*run(tree, tests, patience=PATIENCE, report=report), report, may_be=patch.may_be)
            if said == "caught":
                break
    finally:
        for name, raw in before.items():
            (tree / name).write_bytes(raw)
    return Verdict(patch=patch, said=said, by=by, seconds=time.monotonic() - began)


def judged(code, output, report: Path, *, may_be=()):
    """Say what a run of the tests tells of the bug; *may_be* names further errors by which it is caught."""
    failures = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    for failure in failures:
        if failure["when"] == "call" and set(failure["kinds"]) <= {
            "AssertionError", "Failed", "Refusal", *may_be
        }:  # fmt: skip
            return "caught", failure["test"]
    if code == 0:
        return "SURVIVED", "every test passed"
    if failures:
        return "broken", f"{failures[0]['test']}: {failures[0]['when']}: {', '.join(failures[0]['kinds'])}"
    return "broken", output.strip().splitlines()[-1] if output.strip() else "it said nothing"


def tried(chosen, jobs: int, console: Console) -> list[Verdict] | None:
    """Plant all that were *chosen*, *jobs* at once; None if the named tests fail without any bug."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="quietline-mutants-") as folder,
        Progress(*columns, console=console) as bars,
        ThreadPoolExecutor(jobs) as pool,
    ):
        free = [copied(Path(folder) / str(number)) for number in range(jobs)]

        def each(task, do, things):
            """Do one thing after the other, as many at once as there are copies: each has one to itself."""

            def one(thing):
                tree = free.pop()
                try:
                    return do(thing, tree)
                finally:
                    free.append(tree)

            for future in as_completed([pool.submit(one, thing) for thing in things]):
                bars.update(task, advance=1)
                yield future.result()

        folders = by_folder(test for patch in chosen for test in patch.tests)
        task = bars.add_task("without a bug", total=len(folders))
        for code, output in each(task, lambda tests, tree: run(tree, tests, patience=4 * PATIENCE), folders):
            if code != 0:
                console.print(output, markup=False, highlight=False)
                return None
        task, verdicts = bars.add_task("planted bugs", total=len(chosen)), []
        for verdict in each(task, plant, chosen):
            verdicts.append(verdict)
            bars.update(task, description=f"planted bugs: {verdict.patch.name} {verdict.said}")
    return sorted(verdicts, key=lambda verdict: verdict.patch.name)


def shown(verdicts, console: Console) -> int:
    """Draw the report; 0 if every bug was caught."""
    table = Table("bug", "what would have happened", "", "s", "caught by")
    colours = {"caught": "green", "SURVIVED": "bold red"}
    for each in verdicts:
        said = f"[{colours.get(each.said, 'bold yellow')}]{each.said}[/]"
        table.add_row(each.patch.name, each.patch.story, said, f"{each.seconds:.0f}", each.by.replace("[", r"\["))
    console.print(table)
    caught = sum(each.said == "caught" for each in verdicts)
    console.print(f"{caught} of {len(verdicts)} planted bugs were caught.")
    return int(caught < len(verdicts))


def take(name: str) -> None:
    """Write the patch *name* anew, under its words, of what the working tree has changed since the last commit."""
    path = patches.FOLDER / f"{name}.patch"
    old = patches.read(path)
    git = ["git", "-C", str(ROOT)]
    names = subprocess.run([*git, "diff", "--name-only", "--", "chalicelib", "app.py"], capture_output=True, check=True)
    files = {}
    for each in names.stdout.decode().split():
        before = subprocess.run([*git, "show", f"HEAD:{each}"], capture_output=True, check=True).stdout.decode()
        files[each] = (before, (ROOT / each).read_text(encoding="utf-8"))
    path.write_text(patches.text_of(old.story, old.tests, files, may_be=old.may_be), encoding="utf-8")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which bugs; all of them unless told")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--take", metavar="NAME")
    asked = parser.parse_args()
    if asked.take:
        take(asked.take)
        return 0
    chosen = [patch for patch in patches.every() if not asked.names or patch.name in asked.names]
    console = Console(width=None if sys.stdout.isatty() else 160)
    verdicts = tried(chosen, asked.jobs, console)
    if verdicts is None:
        console.print("The tests fail without any bug: mend that first.")
        return 2
    return shown(verdicts, console)


if __name__ == "__main__":
    sys.exit(main())
