"""Believing: whether the local server's clock is to be trusted with what cannot be undone. AWS keeps its own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.domain.audit import Deed
from chalicelib.domain.belief import Belief, is_near, weigh

if TYPE_CHECKING:
    from chalicelib.ports import Beliefs, Clock, RequestStore, ShredKeys

LEAPT = "clock-leapt"
RECENT = 1000
"""How many of the last deeds are looked at where nothing is known of the clock yet."""
_BEFORE_EVERYTHING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Believing:
    """Holds the clock against where it stood in the last round that believed it."""

    beliefs: Beliefs
    store: RequestStore
    shred_keys: ShredKeys
    clock: Clock

    def doubts(self) -> bool:
        """Tell whether the clock may erase nothing now, and remember what was thought of it; the trail hears once."""
        now = self.clock.now()
        known = self.beliefs.read()
        before = known or self._first(now)
        belief = weigh(before, now)
        if belief.doubted_since not in (None, before.doubted_since):
            self.store.record(Deed(at=now, actor="system", verb=LEAPT))
        if belief != known:
            self.beliefs.keep(belief)
        return belief.doubted_since is not None

    def _first(self, now: datetime) -> Belief:
        """Believe a clock of which nothing is known if the last deed speaks for it, or if there is nothing to lose."""
        _, head = self.store.trail(limit=1)
        entries, _ = self.store.trail(after=max(0, head.count - RECENT), limit=RECENT)
        last = next((entry.deed.at for entry in reversed(entries) if entry.deed.verb != LEAPT), None)
        if is_near(now, last) or not self.shred_keys.names(now=_BEFORE_EVERYTHING):
            return Belief(believed_at=now)
        return Belief()
