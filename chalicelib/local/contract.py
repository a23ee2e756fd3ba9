"""
Writes `openapi.json` anew from the wire models, or says that somebody forgot to.

`python -m chalicelib.local.contract` writes it; with `--check` it writes nothing, and ends with status 1 if the
committed one differs.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from chalicelib.http.contract import build
from chalicelib.http.public import OPENAPI

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def document() -> str:
    """Give the contract as it is committed."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str], path: Path = OPENAPI) -> int:
    """Write the contract to *path*, or with `--check` compare it."""
    if not arguments:
        path.write_text(document(), encoding="utf-8")
        return 0
    if list(arguments) != ["--check"]:
        sys.stderr.write("Use: python -m chalicelib.local.contract [--check]\n")
        return 2
    if path.exists() and path.read_text(encoding="utf-8") == document():
        return 0
    sys.stderr.write("openapi.json is not what the models say: run make openapi.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
