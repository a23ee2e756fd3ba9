"""
How far a long test has got, and what it found: a line of JSON each, for whoever draws it.

Lines go to the file that `QUIETLINE_PROGRESS` names; without it nothing is written. `make test-faults` reads them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = os.environ.get("QUIETLINE_PROGRESS")


def _tell(line: dict[str, object]) -> None:
    if REPORT:
        with Path(REPORT).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def steps(name: str, count: int) -> Iterator[int]:
    """Count from 0 to *count*, telling at each step how far it is: `{name, done, total}`."""
    for done in range(count):
        _tell({"name": name, "done": done, "total": count})
        yield done
    _tell({"name": name, "done": count, "total": count})


def found(name: str, **figures: float | str) -> None:
    """Tell what a test found: `{name, found: {...}}`, figures in the words that the report shall use."""
    _tell({"name": name, "found": figures})
