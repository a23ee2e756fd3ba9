"""
Planted bugs, kept as patches: reading, applying and writing them.

A patch is a unified diff below a few lines of words: what would happen to a person, and which tests must see it. It is
applied by what it says and not by line numbers: the lines before the change must be in the file exactly once, letter
by letter. So it survives whatever changes elsewhere in the file, and never lands in another place than it was made for.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "mutants"
CAUGHT_BY, MAY_BE = "Caught by: ", "May be: "
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@.*")
_MOST_CONTEXT = 12


class DoesNotApply(Exception):  # noqa: N818
    """The code is not as the patch has it: somebody has changed it, and the patch must be made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """One change: the lines of *path* that are there *before*, and what stands there with the bug."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """
    A planted bug: *story* is what would happen to a person, *tests* are what must see it.

    *may_be* names the errors, besides a failed assertion and a refusal, that a test may meet it as.
    """

    name: str
    story: str
    tests: tuple[str, ...]
    hunks: tuple[Hunk, ...]
    may_be: tuple[str, ...] = ()


def every() -> list[Patch]:
    """Read all patches, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.patch"))]


def read(path: Path) -> Patch:
    """
    Read a patch.

    Raises:
        ValueError: it says no story, no test or no change, or a hunk has other lines than it counts.
    """
    head, begins, diff = path.read_text(encoding="utf-8").partition("\n--- a/")
    said = [line for line in head.splitlines() if line]
    tests, may_be = (
        tuple(name for line in said if line.startswith(mark) for name in line[len(mark) :].split(", "))
        for mark in (CAUGHT_BY, MAY_BE)
    )
    story = " ".join(line for line in said if not line.startswith((CAUGHT_BY, MAY_BE)))
    hunks = tuple(_hunks(f"--- a/{diff}".splitlines(keepends=True))) if begins else ()
    if not story or not tests or not hunks:
        raise ValueError(path.name)
    return Patch(name=path.stem, story=story, tests=tests, hunks=hunks, may_be=may_be)


def _hunks(lines):
    at, name = 0, ""
    while at < len(lines):
        if lines[at].startswith("--- a/") and lines[at + 1].startswith("+++ b/"):
            name, at = lines[at + 1][len("+++ b/") :].strip(), at + 2
        head = _HUNK.fullmatch(lines[at].rstrip("\n"))
        if head is None or not name:
            raise ValueError(lines[at])
        left, at, before, after = [int(count or 1) for count in head.groups()], at + 1, "", ""
        while any(left):
            sign, text = lines[at][0], lines[at][1:]
            if sign not in " -+" or min(left) < 0:
                raise ValueError(lines[at])
            before, after = before + text * (sign != "+"), after + text * (sign != "-")
            left, at = [left[0] - (sign != "+"), left[1] - (sign != "-")], at + 1
        yield Hunk(path=name, before=before, after=after)


def changed(patch: Patch, root: Path) -> dict[str, str]:
    """
    Give the files that *patch* changes as they would be, by their paths below *root*; nothing is written.

    Raises:
        DoesNotApply: what a hunk changes is not there exactly once.
    """
    files: dict[str, str] = {}
    for hunk in patch.hunks:
        path = root / hunk.path
        text = files.get(hunk.path) or (path.read_text(encoding="utf-8") if path.is_file() else "")
        if text.count(hunk.before) != 1 or hunk.before == hunk.after:
            message = f"{patch.name}: {hunk.path} has the lines that it changes {text.count(hunk.before)} times"
            raise DoesNotApply(message)
        files[hunk.path] = text.replace(hunk.before, hunk.after)
    return files


def text_of(
    story: str, tests: tuple[str, ...], files: dict[str, tuple[str, str]], *, may_be: tuple[str, ...] = ()
) -> str:
    """Write a patch from the texts of *files* before and after, with as few lines around each change as tell it."""
    said = f"{story}\n{CAUGHT_BY}{', '.join(tests)}\n" + (f"{MAY_BE}{', '.join(may_be)}\n" if may_be else "")
    return said + "".join("\n" + _diff(name, *texts) for name, texts in sorted(files.items()))


def _diff(name: str, before: str, after: str) -> str:
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for context in range(1, _MOST_CONTEXT):
        diff = list(difflib.unified_diff(*lines, f"a/{name}", f"b/{name}", n=context))
        if all(before.count(hunk.before) == 1 for hunk in _hunks(diff)):
            return "".join(diff)
    message = f"{name}: nothing tells the place of the change"
    raise ValueError(message)
