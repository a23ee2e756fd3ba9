"""
Whether to believe a clock: what ends by it is gone for good, in every copy, and a clock can be wrong for a moment.

It is held against where it stood when it was last believed, which only a belief moves: nothing that anybody does while
it is wrong speaks for it. A machine that was off for weeks looks the same as a leap, and so does a clock that is set
back: either is doubted for a day, and believed once it has gone on for so long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LEAP = timedelta(days=7)
"""How far the clock may stand from where it was last believed before it is doubted."""
DOUBT = timedelta(days=1)
"""How long it is doubted; a clock that is mended within that time has erased nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """When the clock was last believed, and since when, by its own account, it is doubted."""

    believed_at: datetime | None = None
    doubted_since: datetime | None = None


def is_near(now: datetime, then: datetime | None) -> bool:
    """Tell whether a clock may have gone from *then* to *now* without leaping."""
    return then is not None and abs(now - then) <= LEAP


def weigh(before: Belief, now: datetime) -> Belief:
    """Tell what to think of a clock that shows *now*; one that leaps again while it is doubted begins a new doubt."""
    if is_near(now, before.believed_at):
        return Belief(believed_at=now)
    since = before.doubted_since
    if since is None or now < since or not is_near(now, since):
        return replace(before, doubted_since=now)
    return before if now - since < DOUBT else Belief(believed_at=now)
