"""
The doorbell: practitioners learn that something waits, without a word of what it is.

It rings in rounds at fixed times, never on a submission, so that its timing tells nothing about one person beyond the
round. The queue is the truth: a ring that is lost loses nothing, and the next round rings again for what still waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import DESK_LANES
from chalicelib.ports import Ring

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.ports import Clock, Doorbell, RequestStore

ROUND = timedelta(minutes=15)


@dataclass(slots=True, kw_only=True)
class Doorkeeping:
    """The verb *ring*; *rung_at* is when this process last had something to ring for, on the round's own clock."""

    store: RequestStore
    doorbells: Sequence[Doorbell]
    clock: Clock
    rung_at: datetime | None = field(default=None, init=False)

    def round(self) -> dict[str, int]:
        """
        Ring for every lane in which something can be claimed, or comes due before the next round; else keep silent.

        One doorbell that fails does not keep the others from ringing. Gives figures for a log: how many lanes were
        rung for, and how many doorbells rang and failed.
        """
        now = self.clock.now()
        at = round_of(now)
        lanes = self.store.lanes(now=now, soon=at + ROUND)
        rings = tuple(
            Ring(lane=lane.lane, waiting=lane.waiting, due_at=lane.due_at)
            for lane in lanes
            if lane.lane in DESK_LANES and (lane.ready or lane.due_soon)
        )
        if not rings:
            return {"lanes": 0, "rang": 0, "failed": 0}
        rang = sum(_rang(doorbell, rings, at) for doorbell in self.doorbells)
        self.rung_at = at
        return {"lanes": len(rings), "rang": rang, "failed": len(self.doorbells) - rang}


def round_of(now: datetime) -> datetime:
    """Give the start of the round that *now* is in: the quarters of the hour."""
    return now - timedelta(seconds=now.timestamp() % ROUND.total_seconds())


def _rang(doorbell: Doorbell, rings: Sequence[Ring], at: datetime) -> bool:
    try:
        doorbell.ring(rings, at=at)
    except Unavailable:
        return False
    return True
