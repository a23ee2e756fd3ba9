"""Watching: how long people have waited, and what nobody sees to, in figures that an alarm hangs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.requests import DESK_LANES

if TYPE_CHECKING:
    from chalicelib.ports import Clock, Gauges, RequestStore

_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Looks at the queue as a whole, every few minutes."""

    store: RequestStore
    clock: Clock
    gauges: Gauges

    def look(self) -> dict[str, int]:
        """
        Show how the queue stands: `Waiting`, `OldestWaitingMinutes`, `Overdue`, `Claimed`, `Parked`.

        Zeros are shown too: a figure that stops coming is an alarm of its own. The oldest wait is counted from the
        hour of submission, which is all that is kept. What guards the queue from being filled is counted anew.
        """
        now = self.clock.now()
        lanes = [lane for lane in self.store.lanes(now=now, soon=now) if lane.lane in DESK_LANES]
        oldest = min((lane.oldest_at for lane in lanes if lane.oldest_at is not None), default=now)
        figures = {
            "Waiting": sum(lane.waiting for lane in lanes),
            "OldestWaitingMinutes": int((now - oldest).total_seconds()) // _MINUTE,
            "Overdue": sum(lane.overdue for lane in lanes),
            "Claimed": sum(lane.claimed for lane in lanes),
            "Parked": sum(lane.parked for lane in lanes),
        }
        self.gauges.show(figures, now=now)
        self.store.recount(now=now)
        return figures
