"""Auditing: reading the trail, and making sure that nobody has touched it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.audit import ERASURES, AuditEntry, TrailHead, broken_at, is_genuine, signed

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
class Erased:
    """A page of the deeds that erased something; *next_after* is where the next page starts, if there is one."""

    entries: Sequence[AuditEntry]
    broken_at: int | None
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Reads the trail with the key that chains it."""

    store: RequestStore
    key: Callable[[], bytes]
    anchor: TrailAnchor

    def page(self, *, after: int, limit: int) -> TrailPage:
        """Read a page, and verify the whole trail up to its head as it stands at this moment."""
        anchor = self.anchor.read()  # before the head: a round may set another meanwhile, further on
        entries, head = self.store.trail(after=after, limit=limit)
        wrong = self._broken_after(TrailHead(), head)
        wrong = self._short_of(anchor, head) if wrong is None else wrong
        return TrailPage(entries=entries, count=head.count, broken_at=wrong)

    def erasures(self, *, after: int, limit: int) -> Erased:
        """
        List what was erased, oldest first, from the entry after *after*; the whole trail is verified as it is read.

        These deeds are the record of an erasure: chained like every other, they outlive what was erased.
        """
        anchor = self.anchor.read()
        _, head = self.store.trail(limit=1)
        found: list[AuditEntry] = []

        def meet(step: Sequence[AuditEntry]) -> None:
            found.extend(entry for entry in step if entry.seq > after and entry.deed.verb in ERASURES)

        wrong = self._broken_after(TrailHead(), head, meet)
        wrong = self._short_of(anchor, head) if wrong is None else wrong
        page = found[:limit]
        return Erased(entries=page, broken_at=wrong, next_after=page[-1].seq if len(found) > limit else None)

    def set_anchor(self) -> bool:
        """
        Remember where the trail ends, if it is sound from the last anchor up to there; tell whether it is.

        What was sound at the last anchor is not read again but for its last entry, so that a round takes as long as
        its own hour's deeds, however old the trail is. Whoever reads the trail has all of it verified.
        """
        anchor = self.anchor.read()
        _, head = self.store.trail(limit=1)
        if self._short_of(anchor, head) is not None or self._broken_after(anchor or TrailHead(), head) is not None:
            return False
        if anchor is None or head.count > anchor.count:
            self.anchor.keep(head)
        return True

    def _broken_after(
        self, last: TrailHead, head: TrailHead, meet: Callable[[Sequence[AuditEntry]], None] | None = None
    ) -> int | None:
        while last.count < head.count:
            step, _ = self.store.trail(after=last.count, limit=min(STEP, head.count - last.count))
            if not step:
                return last.count + 1
            if meet is not None:
                meet(step)
            end = signed(TrailHead(count=step[-1].seq, mac=step[-1].mac), key=self.key())
            wrong = broken_at(step, end, key=self.key(), after=last)
            if wrong is not None:
                return wrong
            last = end
        return broken_at((), head, key=self.key(), after=last)

    def _short_of(self, anchor: TrailHead | None, head: TrailHead) -> int | None:
        """Tell whether the trail holds what it held at the anchor."""
        if anchor is None:
            return None
        if not is_genuine(anchor, key=self.key()) or anchor.count > head.count:
            return head.count + 1
        if anchor.count == 0:
            return None
        entries, _ = self.store.trail(after=anchor.count - 1, limit=1)
        return None if [entry.mac for entry in entries] == [anchor.mac] else anchor.count
