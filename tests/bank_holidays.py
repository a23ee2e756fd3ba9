"""Checks that the bank holidays that lie ready are the library's; `--write` writes them anew."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chalicelib.adapters.holidays import READY, written


def main(arguments: list[str]) -> int:
    """Compare, or write."""
    if arguments == ["--write"]:
        READY.write_text(written(), encoding="utf-8")
        return 0
    if READY.exists() and READY.read_text(encoding="utf-8") == written():
        return 0
    sys.stderr.write("bank-holidays.json is not what the library says: run python tests/bank_holidays.py --write.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
