"""What a beacon sends, and what published figures and those for supervisors look like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from chalicelib.http.answer_models import Answer
from chalicelib.http.models import REGION, Slug, Wire


class Visit(Wire):
    """A visit: which campaign sent it and to which area it belongs, and nothing else."""

    campaign: Slug | None = None
    region: Annotated[str, StringConstraints(pattern=REGION)] | None = None


class PublishedFigure(Answer):
    """
    A figure that may be published: null where it is under 8 or would give away one that is, else rounded to 5.

    A sum of which a part is missing is `at_least` what it says; a month that is not out yet is not `published`.
    """

    value: int | None
    suppressed: bool
    at_least: bool
    published: bool


class ReachRow(Answer):
    """A month, region, campaign or kind; `none` is no region or campaign, or one that we do not know."""

    key: str
    label: str
    people: PublishedFigure | None = None
    contacts: PublishedFigure | None = None


class ReachPeriod(Answer):
    """Whole months, the last included."""

    first: str
    last: str
    months: int


class ReachFilters(Answer):
    """What was asked for."""

    region: str | None = None
    campaign: str | None = None
    kind: str | None = None


class ReachMeasures(Answer):
    """The same months a year before."""

    people: PublishedFigure | None = None
    contacts: PublishedFigure | None = None


class ReachChanges(Answer):
    """The change in per cent; null where one of the two figures is not whole."""

    people: int | None = None
    contacts: int | None = None


class ReachRule(Answer):
    """By which rule the figures are shown."""

    smallest: int
    rounded_to: int


class ReachAnswer(Answer):
    """How many asked for help (`people`), and how many visits beacons told of (`contacts`), which anybody can send."""

    period: ReachPeriod
    filters: ReachFilters
    by: Literal["month", "region", "campaign", "kind"]
    sentence: str
    people: PublishedFigure | None = None
    contacts: PublishedFigure | None = None
    year_before: ReachMeasures
    change_percent: ReachChanges
    rows: list[ReachRow]
    rule: ReachRule
    language: str


class Waits(Answer):
    """How many were taken up within a time, and not within the one before."""

    within_1_hour: int
    within_4_hours: int
    within_1_day: int
    within_3_days: int
    longer: int


class Outcomes(Answer):
    """How many came to an end in which way."""

    answered: int
    signposted: int
    unreachable: int
    escalated: int
    declined: int


class LaneMonth(Answer):
    """A lane's month; exact, and about nobody."""

    month: str
    kind: str
    language: str
    taken: int
    waits: Waits
    median_within: Literal["1-hour", "4-hours", "1-day", "3-days", "longer"] | None
    closed: int
    in_time: int
    agreed_actions: int
    outcomes: Outcomes


class DeskFiguresAnswer(Answer):
    """How the work went, for supervisors; never by person."""

    first: str
    last: str
    lanes: list[LaneMonth]
