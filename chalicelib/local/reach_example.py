"""
`make reach-example [INTO=FOLDER]`: two years of made-up counts, published, and what the report then says.

The monthly figures are invented so that Greater Manchester comes to what was reported of its campaign of June 2018:
over 1,900 people in twelve months, 52 % more than the year before. Without INTO they go into a folder that is thrown
away.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.config import Settings
from chalicelib.domain import reach
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.reach import Asked
from chalicelib.usecases.reach import LEDGER
from chalicelib.wiring import House

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.usecases.reach import Report

COUNTS = Path(__file__).with_name("reach_example.csv")
GREATER_MANCHESTER = "E23000005"
FIRST, LAST = "2018-06", "2019-05"


class AlreadyToldError(Exception):
    """Something has been published of these months already; made-up figures do not go beside it."""


def load(house: House) -> Report:
    """
    Count the example, publish its months, and report on the campaign's year in Greater Manchester.

    Raises:
        AlreadyToldError: nothing was counted.
    """
    counts: dict[str, dict[str, int]] = {}
    for month, name, count in _rows():
        counts.setdefault(month, {})[name] = count
    if house.releases.read(since=min(counts), until=max(counts)):
        raise AlreadyToldError
    for month, cells in counts.items():
        for name, count in cells.items():
            for _ in range(count):
                house.counters.add(LEDGER, month, name)
        house.releasing.put_out(month, cells)
    return house.reporting.report(Asked(region=GREATER_MANCHESTER), first=FIRST, last=LAST, by="month")


def _rows() -> Iterator[tuple[str, str, int]]:
    with COUNTS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["month"], reach.cell(row["region"], row["campaign"], row["kind"]), int(row["count"])


def main() -> int:
    """Read the arguments, load, and say what the report says."""
    parser = argparse.ArgumentParser(prog="make reach-example")
    parser.add_argument("--into", default="")
    into = parser.parse_args().into
    with tempfile.TemporaryDirectory() as thrown_away:
        house = House(replace(Settings(), home=Path(into or thrown_away)))
        try:
            report = load(house)
            house.counters.read(LEDGER, since=FIRST)  # written before the folder goes
        except AlreadyToldError:
            sys.stderr.write("There are published figures of these months already; nothing was changed.\n")
            return 2
        except Unavailable:
            sys.stderr.write("The figures could not be kept there.\n")
            return 1
        for language in ("en", "cy"):
            sys.stdout.write(f"{house.reach.sentence(report, language)}\n")
        for row in report.rows:
            sys.stdout.write(f"  {row.key}  {row.figures['people'].value or 'not shown'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
