"""
Overflowing: requests that were accepted while the store refused are stored after all.

Letters come at least once, in any order, and again after a crash: draining one is repeatable, and what it finds under
the request's id, a living request or the tombstone of a withdrawn one, is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.overflow import KEPT_FOR, Overflowed
from chalicelib.domain.partners import deed_of
from chalicelib.domain.receipts import encode, reference_of
from chalicelib.domain.requests import ContactRequest, Status
from chalicelib.ports import ReferenceTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.ports import Clock, Randomness, RequestStore
    from chalicelib.usecases.shredding import Shredding

REFERENCE_ATTEMPTS = 12
BODY_ID_BYTES = 12


class Fate(StrEnum):
    """What became of a letter; in each case the queue may forget it."""

    STORED = "stored"
    KNOWN = "known"  # stored before: by the first attempt, an earlier delivery, or a repeat of the submission
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Undeliverable(Exception):  # noqa: N818 - a letter's fate
    """A letter that no later attempt will store: it goes to the dead letters, where a person sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflowing:
    """The verb *drain*."""

    store: RequestStore
    shredding: Shredding
    clock: Clock
    randomness: Randomness
    words: Callable[[], tuple[Sequence[str], Sequence[str]]]

    def drain(self, text: str) -> Fate:
        """
        Store what a letter holds, unless it is stored, withdrawn or expired; a full slot does not stand in its way.

        Raises:
            Undeliverable: it cannot be read, is older than any withdrawal that we would remember, or another request
                lives under its id.
            Unavailable: the store still refuses; the letter must come again.
        """
        try:
            overflowed = Overflowed.from_text(text)
        except ValueError:
            raise Undeliverable("unreadable") from None
        request, now = overflowed.request, self.clock.now()
        if request.expires_at <= now:
            return Fate.EXPIRED
        known = self.store.get(request.request_id, now=now)
        if known is not None:
            return _met(known, request)
        if overflowed.queued_at + KEPT_FOR <= now:
            raise Undeliverable("too-old")
        return self._store(request, overflowed.sealed)

    def _store(self, request: ContactRequest, sealed: bytes) -> Fate:
        # A new name for content and shred key: the first attempt may have kept another key under the old one.
        request = replace(request, body_id=encode(self.randomness.secret(BODY_ID_BYTES)))
        content = self.shredding.begin(request, lambda: sealed)
        for reference in self._references(request):
            try:
                accepted = self.store.submit(
                    replace(request, reference=reference),
                    content=content,
                    capacity=None,
                    now=self.clock.now(),
                    deed=deed_of(request),
                )
            except ReferenceTaken:
                continue
            return Fate.STORED if accepted.body_id == request.body_id else _met(accepted, request)
        raise Unavailable("references")

    def _references(self, request: ContactRequest) -> Sequence[str]:
        """The one that the requester was told; if another request has it meanwhile, others, shown in the mailbox."""
        others = (reference_of(request.request_id, self.words(), attempt) for attempt in range(REFERENCE_ATTEMPTS))
        return (request.reference, *(each for each in others if each != request.reference))


def _met(known: ContactRequest, request: ContactRequest) -> Fate:
    if known.status is Status.WITHDRAWN:
        return Fate.WITHDRAWN
    if known.fingerprint != request.fingerprint:
        raise Undeliverable("key-reused")
    return Fate.KNOWN
