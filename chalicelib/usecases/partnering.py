"""Partnering: supervisors issue keys to partners and revoke them, and a partner refers somebody with their consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.domain import partners
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import NotFound, Unauthenticated
from chalicelib.domain.partners import PartnerKey
from chalicelib.domain.requests import Status
from chalicelib.usecases import shredding
from chalicelib.usecases.shredding import MARKED_FOR

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain.requests import ContactRequest
    from chalicelib.ports import Clock, PartnerKeys, Randomness, RequestStore, ShredKeys
    from chalicelib.usecases.intake import Intake, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new key: *key* is shown this once, *kept* is what remains of it here."""

    key: str = field(repr=False)
    kept: PartnerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Partnering:
    """The verbs of a partner's key. It is looked up each time: one that was revoked is refused at once, everywhere."""

    keys: PartnerKeys
    shred_keys: ShredKeys
    clock: Clock
    randomness: Randomness

    def issue(self, partner: str, *, by: str) -> Issued:
        """
        Issue a key to *partner*, who may hold several, so that one can follow another without a gap.

        Raises:
            Conflict: `key-id-taken`; a coincidence of one in a billion: try again.
        """
        key_id, key = partners.new_key(partner, self.randomness.secret(partners.TAG_BYTES + partners.SECRET_BYTES))
        now = self.clock.now()
        kept = PartnerKey(key_id=key_id, digest=partners.digest_of(key), issued_by=by, issued_at=now)
        self.keys.issue(kept, deed=_deed(kept, "issue-key", by=by, at=now))
        return Issued(key=key, kept=kept)

    def every(self) -> tuple[PartnerKey, ...]:
        """List every key, revoked ones included."""
        return self.keys.every()

    def revoke(self, key_id: str, *, by: str) -> PartnerKey:
        """
        Revoke a key; repeatable.

        Raises:
            NotFound: `partner-key-unknown`.
        """
        now = self.clock.now()
        known = self.keys.get(key_id)
        if known is None:
            raise NotFound("partner-key-unknown")
        self.shred_keys.mark(shredding.revoked(key_id), expires_at=now + MARKED_FOR)  # no backup lets it in again
        revoked = self.keys.revoke(key_id, by=by, at=now, deed=_deed(known, "revoke-key", by=by, at=now))
        return revoked or known

    def recognise(self, key: str) -> PartnerKey:
        """
        Give whose key it is.

        Raises:
            Unauthenticated: `partner-key`; missing, mistyped, unknown and revoked are told alike.
        """
        key_id = partners.id_of(key)
        kept = None if key_id is None else self.keys.get(key_id)
        if kept is None or not kept.opens_for(key):
            raise Unauthenticated("partner-key")
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Referring:
    """The verb *refer*, and all that a partner learns of it: that it was received, and that it is closed."""

    intake: Intake
    store: RequestStore
    clock: Clock

    def refer(self, submission: Submission) -> ContactRequest:
        """Accept a referral, as every other request is accepted; nobody is given a receipt for it."""
        return self.intake.submit(submission).request

    def find(self, partner: str, request_id: str) -> ContactRequest:
        """
        Give a referral of *partner*, whichever of their keys it came by.

        Raises:
            NotFound: `referral-unknown`; somebody else's, and what is no referral, are told alike.
        """
        request = self.store.get(request_id, now=self.clock.now(), tombstones=False)
        if request is None or request.referral is None or request.referral.partner != partner:
            raise NotFound("referral-unknown")
        return request


def shown_status(request: ContactRequest) -> str:
    """Give what a partner may know."""
    return "closed" if request.status is Status.CLOSED else "received"


def _deed(kept: PartnerKey, verb: str, *, by: str, at: datetime) -> Deed:
    return Deed(at=at, actor=by, verb=verb, about=partners.actor_of(kept.key_id))
