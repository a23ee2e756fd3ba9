"""The helpline itself: how it is reached, when it answers, and the statement that everybody reads first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from chalicelib.domain.slots import OpeningHours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A number to ring, as people read it and as telephones dial it; *label* by language."""

    number: str
    e164: str
    free: bool
    label: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpline:
    """Who answers; texts are mappings from language (`en`, `cy`) to text."""

    name: Mapping[str, str]
    organisation: str
    website: str
    phones: tuple[Phone, ...]
    hours: OpeningHours
    hours_text: Mapping[str, str]
    emergency: Mapping[str, str]
    mail_sender: str
    mail_subject: Mapping[str, str]
    slot_capacity: int
    attempts_limit: int

    def is_reached_by(self, numbers: Iterable[str | None]) -> bool:
        """Tell whether one of *numbers* is the line's own, which every page and leaflet names first anyway."""
        ours = {phone.e164 for phone in self.phones}
        return any(number in ours for number in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The statement of limited confidentiality in force; a request must acknowledge its *version*."""

    version: str
    title: Mapping[str, str]
    summary: Mapping[str, tuple[str, ...]]
    text: Mapping[str, tuple[str, ...]]


def read_helpline(content: Mapping[str, Any], holidays: Callable[[str], Callable[[date], bool]]) -> Helpline:
    """
    Build the helpline from its content file; *holidays* gives a nation's bank holidays.

    Raises:
        KeyError, ValueError: the file is incomplete; `make content-check` says where.
    """
    slots = content["slots"]
    hours = OpeningHours(
        zone=ZoneInfo(content["timezone"]),
        shifts=tuple(
            tuple((time.fromisoformat(opens), _closing(closes)) for opens, closes in content["hours"][day])
            for day in DAYS
        ),
        holidays=holidays(content["nation"]),
        slot_length=timedelta(minutes=slots["minutes"]),
        slot_every=timedelta(minutes=slots["every_minutes"]),
        horizon=timedelta(days=slots["horizon_days"]),
        working_days=content["information_working_days"],
    )
    return Helpline(
        name=content["name"],
        organisation=content["organisation"],
        website=content["website"],
        phones=tuple(
            Phone(number=phone["number"], e164=phone["e164"], free=phone["free"], label=phone["label"])
            for phone in content["phones"]
        ),
        hours=hours,
        hours_text=content["hours_text"],
        emergency=content["emergency"],
        mail_sender=content["mail"]["sender"],
        mail_subject=content["mail"]["subject"],
        slot_capacity=slots["capacity"],
        attempts_limit=content["attempts_limit"],
    )


def _closing(text: str) -> time:
    return time.max if text in ("24:00", "00:00") else time.fromisoformat(text)


def read_statement(content: Mapping[str, Any]) -> Statement:
    """Build the statement from its content file; paragraphs of the text are separated by an empty line."""
    languages = [name for name, part in content.items() if isinstance(part, dict)]
    return Statement(
        version=content["version"],
        title={language: content[language]["title"] for language in languages},
        summary={language: tuple(content[language]["summary"]) for language in languages},
        text={
            language: tuple(part.strip() for part in content[language]["text"].split("\n\n") if part.strip())
            for language in languages
        },
    )
