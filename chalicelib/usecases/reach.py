"""
Reach: contacts are counted when they happen, apart from everything that is about somebody, and published by the month.

A count says month, region, campaign and kind. It has no time, no order and no name, so that it cannot be put beside
the request that it came from.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.domain import reach
from chalicelib.domain.errors import NotFound
from chalicelib.domain.reach import NONE, VISIT, Asked, Figure, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from chalicelib.domain.signposts import Region
    from chalicelib.ports import Clock, Counters, Releases

LEDGER = "reach"
SETTLING = timedelta(hours=1)
"""How long after its end a month is left alone, so that whoever was counting at midnight is done."""
REMEMBERED = 4096
"""Requests put aside that are remembered, in this process alone, as counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Counts contacts; whatever goes wrong with it, nobody who asks for help is told or kept waiting."""

    counters: Counters
    clock: Clock
    zone: ZoneInfo
    regions: Callable[[], Collection[str]]
    campaigns: Callable[[], Mapping[str, str]]
    _aside: OrderedDict[str, None] = field(default_factory=OrderedDict, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def person(self, kind: str, *, region: str | None, campaign: str | None) -> None:
        """
        Count somebody whose request was accepted, under what is known of the places and campaigns they named.

        Whatever fails here fails by itself: they have been accepted, and are told so.
        """
        with contextlib.suppress(Exception):
            self._count(kind, region, campaign)

    def put_aside(self, request_id: str, kind: str, *, region: str | None, campaign: str | None) -> None:
        """Count somebody whose request waits in the overflow queue, once, however often they send it meanwhile."""
        with self._one_at_a_time:
            if request_id in self._aside:
                return
            self._aside[request_id] = None
            while len(self._aside) > REMEMBERED:
                self._aside.popitem(last=False)
        self.person(kind, region=region, campaign=campaign)

    def was_put_aside(self, request_id: str) -> bool:
        """Tell whether a request was counted when it was put aside."""
        return request_id in self._aside

    def visit(self, *, region: str | None, campaign: str | None) -> None:
        """Count a visit, of which nobody knows whose it is or whether it was one."""
        self.person(VISIT, region=region, campaign=campaign)

    def _count(self, kind: str, region: str | None, campaign: str | None) -> None:
        month = reach.month_of(self.clock.now(), self.zone)
        where = region if region is not None and region in self.regions() else NONE
        what = NONE if campaign is None else self.campaigns().get(campaign, NONE)
        self.counters.add(LEDGER, month, reach.cell(where, what, kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Releasing:
    """Makes of each month that is over what may be published of it, once; what is counted later is never seen."""

    counters: Counters
    releases: Releases
    clock: Clock
    zone: ZoneInfo

    def publish(self) -> int:
        """Publish every month that is over and is not out yet, from the first that was counted; return how many."""
        last = last_complete(self.clock, self.zone)
        known = self.releases.read(since="", until=last)
        if last in known:
            return 0
        since = max(known, default="")
        counts: dict[str, dict[str, int]] = {}
        for (month, name), count in self.counters.read(LEDGER, since=since).items():
            counts.setdefault(month, {})[name] = count
        first = reach.shifted(since, 1) if since else min(counts, default=reach.shifted(last, 1))
        months = reach.months(first, last)
        for month in months:
            self.put_out(month, counts.get(month, {}))
        return len(months)

    def put_out(self, month: str, counts: Mapping[str, int]) -> None:
        """Publish what may be told of a month's *counts*, unless the month is out already."""
        self.releases.keep(month, reach.release(counts).to_text())


def last_complete(clock: Clock, zone: ZoneInfo) -> str:
    """Name the last month that is over and has settled."""
    return reach.shifted(reach.month_of(clock.now() - SETTLING, zone), -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a report: *key* is a month, or a region, campaign or kind."""

    key: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of a period, and how it compares with the same months a year before."""

    asked: Asked
    first: str
    last: str
    by: str
    totals: Mapping[str, Figure]
    before: Mapping[str, Figure]
    changes: Mapping[str, int | None]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """Tells of reach from published figures alone: it has no way to the counts."""

    releases: Releases
    clock: Clock
    zone: ZoneInfo
    regions: Callable[[], Sequence[Region]]
    campaigns: Callable[[], Mapping[str, str]]

    def campaign(self, name: str) -> str:
        """
        Give a campaign's name, from that or its code; one that is no longer known still has its figures.

        Raises:
            NotFound: `campaign-unknown`.
        """
        known = self.campaigns().get(name)
        if known is None and any(name in _campaigns_of(each) for each in self._released("", "9999-12").values()):
            return name
        if known is None:
            raise NotFound("campaign-unknown")
        return known

    def period(self, first: str | None, last: str | None) -> tuple[str, str]:
        """Give the months that are meant: twelve up to the last that is over, unless they are named."""
        return reach.period(first, last, until=last_complete(self.clock, self.zone))

    def report(self, asked: Asked, *, first: str, last: str, by: str) -> Report:
        """Add up what was published from *first* to *last*, and compare it with the year before."""
        released = self._released(reach.shifted(first, -12), last)
        period = reach.months(first, last)
        earlier = [reach.shifted(month, -12) for month in period]
        measures = [
            measure
            for measure in reach.MEASURES
            if asked.kind is None or (asked.kind == VISIT) == (measure == "contacts")
        ]

        def of(listed: Sequence[str], measure: str, of_whom: Asked) -> Figure:
            return reach.together([reach.figure(released.get(month), measure, of_whom) for month in listed])

        totals = {measure: of(period, measure, asked) for measure in measures}
        before = {measure: of(earlier, measure, asked) for measure in measures}
        rows = []
        for key, listed, of_whom in self._divided(asked, period, by, released):
            shown = [each for each in measures if by != "kind" or (key == VISIT) == (each == "contacts")]
            rows.append(Row(key=key, figures={measure: of(listed, measure, of_whom) for measure in shown}))
        return Report(
            asked=asked,
            first=first,
            last=last,
            by=by,
            totals=totals,
            before=before,
            changes={measure: reach.change(totals[measure], before[measure]) for measure in measures},
            rows=rows,
        )

    def _divided(
        self, asked: Asked, period: Sequence[str], by: str, released: Mapping[str, Release]
    ) -> list[tuple[str, Sequence[str], Asked]]:
        if by == "month":
            return [(month, (month,), asked) for month in period]
        if by == "kind":
            kinds = [asked.kind] if asked.kind else [*reach.PEOPLE, VISIT]
            return [(each, period, Asked(region=asked.region, campaign=asked.campaign, kind=each)) for each in kinds]
        if by == "region":
            codes = [asked.region] if asked.region else [*(region.code for region in self.regions()), NONE]
            return [(each, period, Asked(region=each, campaign=asked.campaign, kind=asked.kind)) for each in codes]
        seen = {name for month in period if month in released for name in _campaigns_of(released[month])}
        names = [asked.campaign] if asked.campaign else [*sorted({*self.campaigns().values(), *seen} - {NONE}), NONE]
        return [(each, period, Asked(region=asked.region, campaign=each, kind=asked.kind)) for each in names]

    def _released(self, since: str, until: str) -> dict[str, Release]:
        return {month: Release.from_text(text) for month, text in self.releases.read(since=since, until=until).items()}


def _campaigns_of(released: Release) -> set[str]:
    return {path[1] for measure in reach.MEASURES for path in released.of(measure) if len(path) > 1} - {NONE}
