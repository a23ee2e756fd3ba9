"""Auditing: reading the trail, and making sure that nobody has touched it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.audit import AuditEntry, TrailHead, broken_at, is_genuine, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.ports import RequestStore, TrailAnchor

STEP = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailPage:
    """A page of the trail; *count* is how many entries there are, *broken_at* the first place that does not fit."""

    entries: Sequence[AuditEntry]
    count: int
    broken_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Reads the trail with the key that chains it."""

    store: RequestStore
    key: Callable[[], bytes]
    anchor: TrailAnchor

    def page(self, *, after: int, limit: int) -> TrailPage:
        """Read a page, and verify the whole trail up to its head as it stands at this moment."""
        entries, head = self.store.trail(after=after, limit=limit)
        return TrailPage(entries=entries, count=head.count, broken_at=self._broken_at(head))

    def set_anchor(self) -> bool:
        """Remember where the trail ends, if it is sound up to there; tell whether it is."""
        _, head = self.store.trail(limit=1)
        if self._broken_at(head) is not None:
            return False
        self.anchor.keep(head)
        return True

    def _broken_at(self, head: TrailHead) -> int | None:
        last = TrailHead()
        while last.count < head.count:
            step, _ = self.store.trail(after=last.count, limit=min(STEP, head.count - last.count))
            if not step:
                return last.count + 1
            end = signed(TrailHead(count=step[-1].seq, mac=step[-1].mac), key=self.key())
            wrong = broken_at(step, end, key=self.key(), after=last)
            if wrong is not None:
                return wrong
            last = end
        wrong = broken_at((), head, key=self.key(), after=last)
        return self._short_of_anchor(head) if wrong is None else wrong

    def _short_of_anchor(self, head: TrailHead) -> int | None:
        """Tell whether the trail holds what it held at the last anchor."""
        anchor = self.anchor.read()
        if anchor is None:
            return None
        if not is_genuine(anchor, key=self.key()) or anchor.count > head.count:
            return head.count + 1
        if anchor.count == 0:
            return None
        (entry,), _ = self.store.trail(after=anchor.count - 1, limit=1)
        return None if entry.mac == anchor.mac else anchor.count
