"""Bank holidays of the nations of the United Kingdom, from the data packaged with the `holidays` library."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import date

SUBDIVISIONS = {"England": "ENG", "Wales": "WLS", "Scotland": "SCT", "Northern Ireland": "NIR"}


class BankHolidays:
    """The `Holidays` of *nation*; the library is loaded with the first question, because it costs 100 ms."""

    def __init__(self, nation: str) -> None:
        self._subdivision = SUBDIVISIONS[nation]

    def __call__(self, day: date) -> bool:
        """Tell whether *day* is a bank holiday there; years are worked out as they are asked for."""
        return day in self._days

    @cached_property
    def _days(self) -> Container[date]:
        from holidays.countries.united_kingdom import UnitedKingdom  # noqa: PLC0415 - on first use

        days: Container[date] = UnitedKingdom(subdiv=self._subdivision)  # type: ignore[no-untyped-call]
        return days
