"""Retention: what has expired is deleted, and what grows old unanswered is told long before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.requests import Status

if TYPE_CHECKING:
    from chalicelib.ports import Clock, Gauges, Mailer, RequestStore, ShredKeys
    from chalicelib.usecases.auditing import Auditing
    from chalicelib.usecases.reach import Releasing


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of retention found: how many requests went, and how many wait overdue or parked."""

    purged: int
    overdue: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The verb *purge*."""

    store: RequestStore
    shred_keys: ShredKeys
    clock: Clock
    mailer: Mailer
    auditing: Auditing
    gauges: Gauges
    releasing: Releasing

    def purge(self) -> Round:
        """Delete expired requests, and count those whose answer is late: an alarm hangs on these figures."""
        now = self.clock.now()
        purged = self.store.purge(now=now, erase=self.shred_keys.erase)
        self.shred_keys.purge(now=now)
        for request_id in self.mailer.kept():
            request = self.store.get(request_id, now=now)
            if request is None or request.status is Status.WITHDRAWN:
                self.mailer.erase(request_id)
        self.store.recount(now=now)
        lanes = self.store.lanes(now=now, soon=now)
        return Round(
            purged=purged, overdue=sum(lane.overdue for lane in lanes), parked=sum(lane.parked for lane in lanes)
        )

    def hourly(self) -> dict[str, int]:
        """
        Run one round, and give its figures for a log: numbers only.

        `TrailBroken` is shown for an alarm to hang on, 1 where the trail does not verify. A round that fails shows
        nothing, and a figure that stops coming is an alarm of its own.
        """
        found, broken = self.purge(), int(not self.auditing.set_anchor())
        self.gauges.show({"TrailBroken": broken}, now=self.clock.now())
        figures = {"purged": found.purged, "overdue": found.overdue, "parked": found.parked, "trail_broken": broken}
        return {**figures, "published": self.releasing.publish()}  # last: a round that stops here has done the rest
