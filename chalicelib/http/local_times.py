"""Times as people say them, in the helpline's zone, in English and Welsh."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from chalicelib.domain.slots import Window

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "cy": ("Dydd Llun", "Dydd Mawrth", "Dydd Mercher", "Dydd Iau", "Dydd Gwener", "Dydd Sadwrn", "Dydd Sul"),
}
_MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "cy": (
        "Ionawr", "Chwefror", "Mawrth", "Ebrill", "Mai", "Mehefin",
        "Gorffennaf", "Awst", "Medi", "Hydref", "Tachwedd", "Rhagfyr",
    ),
}  # fmt: skip
_TO = {"en": "to", "cy": "tan"}
_NOON = 12


def instant(at: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, as `2026-11-24T18:00:00Z`."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def day(local: date, language: str) -> str:
    """Name a day, as `Tuesday 24 November`."""
    return f"{_DAYS[language][local.weekday()]} {local.day} {_MONTHS[language][local.month - 1]}"


def day_and_year(local: date, language: str) -> str:
    """Name a day that may be in another year, as `22 February 2027`."""
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def month_and_year(month: str, language: str) -> str:
    """Name a month, as `June 2018`."""
    return f"{_MONTHS[language][int(month[5:]) - 1]} {month[:4]}"


def clock(local: datetime) -> str:
    """Name a time of day, as `6pm` or `6:30pm`."""
    hour = (local.hour - 1) % _NOON + 1
    return f"{hour}{f':{local.minute:02}' if local.minute else ''}{'am' if local.hour < _NOON else 'pm'}"


def span(window: Window, zone: ZoneInfo, language: str) -> str:
    """Name a window's times of day, as `6pm to 8pm`."""
    starts, ends = window.starts_at.astimezone(zone), window.ends_at.astimezone(zone)
    return f"{clock(starts)} {_TO[language]} {clock(ends)}"


@lru_cache(1024)
def window_in_words(window: Window, zone: ZoneInfo, language: str) -> str:
    """Name a window, as `Tuesday 24 November, 6pm to 8pm`."""
    return f"{day(window.starts_at.astimezone(zone).date(), language)}, {span(window, zone, language)}"


def occasion(starts_at: datetime, ends_at: datetime, zone: ZoneInfo, language: str) -> str:
    """Name an hour that may be in another year, as `Wednesday 27 June 2018, 6pm to 7pm`."""
    starts, ends = starts_at.astimezone(zone), ends_at.astimezone(zone)
    return f"{day(starts.date(), language)} {starts.year}, {clock(starts)} {_TO[language]} {clock(ends)}"


def moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Name an instant, as `Wednesday 25 November, 9am`."""
    local = at.astimezone(zone)
    return f"{day(local.date(), language)}, {clock(local)}"
