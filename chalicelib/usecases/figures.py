"""
Figures for supervisors: how long people wait and what becomes of requests, by lane and month, never by person.

They are counted as the work is done, because a request that has expired can no longer be counted. A count names a lane
and what happened, and nobody: neither who asked nor who answered.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.domain import reach
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import LANES, Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from chalicelib.domain.requests import ContactRequest, Rules
    from chalicelib.ports import Clock, Counters

LEDGER = "desk"
WAITS: Mapping[str, timedelta | None] = {
    "1-hour": timedelta(hours=1),
    "4-hours": timedelta(hours=4),
    "1-day": timedelta(days=1),
    "3-days": timedelta(days=3),
    "longer": None,
}
"""Within what somebody took up a request, counted from when it could be: a callback from when its window opened."""
OUTCOMES = tuple(outcome.value for outcome in Outcome)
IN_TIME, AGREED = "in-time", "agreed-actions"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFigures:
    """
    A lane's month.

    *taken* requests were taken up for the first time, after *waits*; *closed* ones came to an end by *outcomes*, of
    which *in_time* no later than one lease after they were due and without a window missed, and *agreed_actions* with
    steps agreed. A request that was opened again ends again.
    """

    month: str
    lane: str
    taken: int
    waits: Mapping[str, int]
    median_within: str | None
    closed: int
    in_time: int
    agreed_actions: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts what is done at the desk, and tells it; a count that fails fails nobody's work."""

    counters: Counters
    clock: Clock
    zone: ZoneInfo
    rules: Rules

    def taken(self, request: ContactRequest, *, now: datetime) -> None:
        """Count how long a request waited that was handed out for the first time."""
        self._count(request, f"waited-{_wait(now - (request.visible_at or request.submitted_at))}")

    def ended(self, request: ContactRequest, *, agreed: bool, now: datetime) -> None:
        """Count what became of a request, if it is closed."""
        if request.status is not Status.CLOSED or request.outcome is None:
            return
        self._count(request, f"outcome-{request.outcome.value}")
        if request.missed == 0 and now <= request.due_at + self.rules.lease:
            self._count(request, IN_TIME)
        if agreed:
            self._count(request, AGREED)

    def _count(self, request: ContactRequest, what: str) -> None:
        month = reach.month_of(self.clock.now(), self.zone)
        with contextlib.suppress(Unavailable):
            self.counters.add(LEDGER, month, f"{request.lane}/{what}")

    def period(self, first: str | None, last: str | None) -> tuple[str, str]:
        """Give the months that are meant: twelve up to this one, unless they are named."""
        return reach.period(first, last, until=reach.month_of(self.clock.now(), self.zone))

    def tell(self, first: str, last: str) -> Sequence[LaneFigures]:
        """Tell of each lane and month in which anything was done, newest first."""
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for (month, cell), count in self.counters.read(LEDGER, since=first).items():
            lane, _, what = cell.rpartition("/")
            if month <= last and lane in LANES:
                counts.setdefault((month, lane), {})[what] = count
        newest_first = sorted(counts, key=lambda key: (-int(key[0].replace("-", "")), LANES.index(key[1])))
        return [_lane_figures(month, lane, counts[month, lane]) for month, lane in newest_first]


def _wait(waited: timedelta) -> str:
    return next(name for name, limit in WAITS.items() if limit is None or waited <= limit)


def _lane_figures(month: str, lane: str, counts: Mapping[str, int]) -> LaneFigures:
    waits = {name: counts.get(f"waited-{name}", 0) for name in WAITS}
    outcomes = {name: counts.get(f"outcome-{name}", 0) for name in OUTCOMES}
    return LaneFigures(
        month=month,
        lane=lane,
        taken=sum(waits.values()),
        waits=waits,
        median_within=_median(waits),
        closed=sum(outcomes.values()),
        in_time=counts.get(IN_TIME, 0),
        agreed_actions=counts.get(AGREED, 0),
        outcomes=outcomes,
    )


def _median(waits: Mapping[str, int]) -> str | None:
    """Name the shortest time within which at least half were taken up."""
    half, so_far = sum(waits.values()) / 2, 0
    for name, count in waits.items():
        so_far += count
        if so_far and so_far >= half:
            return name
    return None
