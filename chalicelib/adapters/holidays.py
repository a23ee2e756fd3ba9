"""
Bank holidays of the nations of the United Kingdom, as the `holidays` library knows them.

The years that anybody asks about lie ready in a file, because loading the library takes 80 ms of a cold start: it
knows every country. `tests/bank_holidays.py` writes the file, and `make check` holds it to the library.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import date

SUBDIVISIONS = {"England": "ENG", "Wales": "WLS", "Scotland": "SCT", "Northern Ireland": "NIR"}
YEARS = range(2025, 2046)
"""The years in the file."""
READY = Path(__file__).parent.parent / "content" / "bank-holidays.json"


class BankHolidays:
    """The `Holidays` of *nation*; a year that does not lie ready is asked of the library."""

    def __init__(self, nation: str) -> None:
        self._nation = nation
        self._subdivision = SUBDIVISIONS[nation]

    def __call__(self, day: date) -> bool:
        """Tell whether *day* is a bank holiday there."""
        return day.isoformat() in self._ready if day.year in YEARS else day in self._library

    @cached_property
    def _ready(self) -> frozenset[str]:
        return frozenset(json.loads(READY.read_bytes())[self._nation])

    @cached_property
    def _library(self) -> Container[date]:
        from holidays.countries.united_kingdom import UnitedKingdom  # noqa: PLC0415 - on first use

        days: Container[date] = UnitedKingdom(subdiv=self._subdivision)  # type: ignore[no-untyped-call]
        return days


def written() -> str:
    """Give the file as the library would have it."""
    from holidays.countries.united_kingdom import UnitedKingdom  # noqa: PLC0415 - by who writes or checks the file

    ready = {
        nation: [day.isoformat() for day in sorted(UnitedKingdom(subdiv=subdivision, years=YEARS))]  # type: ignore[no-untyped-call]
        for nation, subdivision in SUBDIVISIONS.items()
    }
    return json.dumps(ready, indent=1) + "\n"
