"""
Retention: what has come to its end is deleted, and what grows old unanswered is told long before.

Each clock ends something of its own: the details of a closed request (`details_until`), then all of a request
(`expires_at`); every end destroys a key, and leaves a deed in the trail. Statistics hang on neither: the trail and its
counts, and reach, hold nothing that anybody wrote.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING

from chalicelib.domain import partners, requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.requests import Status
from chalicelib.domain.slots import floor_to_hour
from chalicelib.usecases.shredding import details_of, keys_of, retracted_among, revoked_among

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.requests import Rules
    from chalicelib.ports import Clock, ContentName, Gauges, Mailer, PartnerKeys, RequestStore, ShredKeys, Transcripts
    from chalicelib.usecases.auditing import Auditing
    from chalicelib.usecases.reach import Releasing

MARGIN = timedelta(minutes=5)
"""How much later the round takes details for ended than whoever writes does: nobody's words are caught in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """
    What one round of retention found: how many requests went, and how many wait overdue or parked.

    *bared* lost their details.
    """

    purged: int
    bared: int
    overdue: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """
    What a copy that was put back had brought back: how many were *withdrawn* again, and how many *closed* again.

    *retracted* are public answers that hosts had taken back, *revoked* keys of partners that had been revoked.
    *missing* are requests whose key is not there although nobody erased it: they are left as they are.
    """

    withdrawn: int
    closed: int
    retracted: int
    revoked: int
    missing: int

    @property
    def undone(self) -> int:
        """How many things a copy had brought back."""
        return self.withdrawn + self.closed + self.retracted + self.revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The verb *purge*."""

    store: RequestStore
    shred_keys: ShredKeys
    transcripts: Transcripts
    partner_keys: PartnerKeys
    clock: Clock
    mailer: Mailer
    auditing: Auditing
    gauges: Gauges
    releasing: Releasing
    rules: Rules

    def purge(self) -> Round:
        """Delete what has come to its end, and count what is left, as `look` does."""
        now = self.clock.now()
        purged = self.store.purge(now=now, erase=self._erase)
        bared = self.store.forget_details(requests.forget_details, now=now - MARGIN, erase=self._erase_details)
        self.shred_keys.purge(now=now)
        for request_id in self.mailer.kept():
            request = self.store.get(request_id, now=now)
            if request is None or request.status is Status.WITHDRAWN or request.is_bare(now):
                self.mailer.erase(request_id)
        return replace(self.look(), purged=purged, bared=bared)

    def look(self) -> Round:
        """Delete nothing, and count those whose answer is late: an alarm hangs on these figures."""
        now = self.clock.now()
        self.store.recount(now=now)
        lanes = self.store.lanes(now=now, soon=now)
        return Round(
            purged=0,
            bared=0,
            overdue=sum(lane.overdue for lane in lanes),
            parked=sum(lane.parked for lane in lanes),
        )

    def undo_restored(self) -> Undone:
        """
        Erase again what a copy that was put back has brought back: what is open although a key of it was erased.

        Without its first key it was withdrawn, or had expired, and is withdrawn; without its second it had been
        closed, and is closed. A key that nobody erased was lost, and may be found again: nothing is done to those.
        """
        now = self.clock.now()
        named = self.store.open_ids(now=now)  # first: a key is kept before its request is accepted
        kept = self.shred_keys.names(now=now)
        withdrawn = closed = missing = 0
        for name in sorted(named):
            if name not in kept:
                missing += 1
            elif not kept[name]:
                withdrawn += self._withdraw(name.request_id)
            elif not kept.get(details_of(name), True):  # those from before there were two have no second key
                closed += self._close(name.request_id)
        return Undone(
            withdrawn=withdrawn,
            closed=closed,
            retracted=sum(starmap(self._retract, retracted_among(kept))),
            revoked=sum(map(self._revoke, revoked_among(kept))),
            missing=missing,
        )

    def _retract(self, session: str, entry_id: str) -> bool:
        entry = self.transcripts.find(session, entry_id)
        if entry is None or entry.retracted:
            return False
        self.transcripts.retract(session, entry_id)
        return True

    def _revoke(self, key_id: str) -> bool:
        now, key = self.clock.now(), self.partner_keys.get(key_id)
        if key is None or key.revoked_at is not None:
            return False
        deed = Deed(at=now, actor="system", verb="revoke-key", about=partners.actor_of(key_id))
        self.partner_keys.revoke(key_id, by="system", at=now, deed=deed)
        return True

    def _withdraw(self, request_id: str) -> bool:
        now = self.clock.now()
        deed = Deed(at=floor_to_hour(now), actor="system", verb="withdraw", request_id=request_id)
        withdraw = partial(requests.withdraw, now=now, tombstone=self.rules.tombstone)
        return self.store.withdraw(request_id, withdraw, now=now, deed=deed)

    def _close(self, request_id: str) -> bool:
        now = self.clock.now()
        deed = Deed(at=floor_to_hour(now), actor="system", verb="close", request_id=request_id)
        close = partial(requests.close_restored, now=now, rules=self.rules)
        with suppress(NotFound):  # withdrawn in this very moment
            self.store.change(request_id, close, now=now, deed=deed)
            return True
        return False

    def _erase(self, names: Sequence[ContentName]) -> None:
        self.shred_keys.erase(keys_of(names))

    def _erase_details(self, names: Sequence[ContentName]) -> None:
        self.shred_keys.erase([details_of(name) for name in names])

    def hourly(self, *, believed: bool = True) -> dict[str, int]:
        """
        Run one round, and give its figures for a log: numbers only.

        While the clock is not *believed*, nothing is done by it that cannot be undone: nothing is deleted, and no month
        is published, since one that is out is never counted again. What a copy brought back is undone all the same:
        that hangs on what was erased, not on the clock.

        `TrailBroken` is shown for an alarm to hang on, 1 where the trail does not verify. A round that fails shows
        nothing, and a figure that stops coming is an alarm of its own.

        Raises:
            Unavailable: `shred-keys`, keys that nobody erased are missing; all else was done.
        """
        found, broken = self.purge() if believed else self.look(), int(not self.auditing.set_anchor())
        self.gauges.show({"TrailBroken": broken}, now=self.clock.now())
        undone = self.undo_restored()
        published = self.releasing.publish() if believed else 0
        if undone.missing:
            raise Unavailable("shred-keys")  # last: a round that stops here has done the rest
        return {
            "purged": found.purged,
            "bared": found.bared,
            "undone": undone.undone,
            "overdue": found.overdue,
            "parked": found.parked,
            "trail_broken": broken,
            "published": published,
        }
