"""Intake: a request comes in, is checked, sealed and queued. Only public keys are needed here."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from chalicelib.domain import requests
from chalicelib.domain.errors import Conflict, TooMany, Unavailable
from chalicelib.domain.receipts import (
    ENTROPY_BYTES,
    Receipt,
    encode,
    keyed_fingerprint,
    receipt_for_key,
    receipt_from_bytes,
    reference_of,
    request_id_of,
)
from chalicelib.domain.requests import ContactRequest, Kind
from chalicelib.domain.slots import floor_to_hour
from chalicelib.ports import PartnerFull, ReferenceTaken, SlotFull

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain.audit import Deed
    from chalicelib.domain.envelope import Envelope
    from chalicelib.domain.helpline import Statement
    from chalicelib.domain.partners import Consents, Referral
    from chalicelib.domain.requests import Rules
    from chalicelib.domain.screening import FormProof
    from chalicelib.domain.sessions import Session
    from chalicelib.domain.slots import OpeningHours, Window
    from chalicelib.ports import Clock, Overflow, PhoneBook, Randomness, RequestStore, Sealer
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.reach import Counting
    from chalicelib.usecases.screening import Room, Screening
    from chalicelib.usecases.shredding import Shredding

REFERENCE_ATTEMPTS = 12
BODY_ID_BYTES = 12
_as_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """
    What a requester sends: *details* are sealed whole, unless their browser has done it: then there is an *envelope*.

    *body* is its canonical form, for telling repeats apart. *region* and *campaign* are counted and not kept.
    *referral* is set where a partner sends it for somebody: that person has agreed to the consent statement, in the
    place of the one that requesters acknowledge.
    """

    kind: Kind
    statement_version: str
    body: bytes
    details: Mapping[str, Any] = field(default_factory=dict)
    envelope: Envelope | None = None
    language: str = "en"
    slot: str | None = None
    also: Sequence[str] = ()
    idempotency_key: str | None = None
    altcha: str | None = None
    form: FormProof | None = None
    referral: Referral | None = None
    region: str | None = None
    campaign: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """
    What a requester is told: the receipt, shown once and never stored, the head of their request, and the hours.

    *delayed* means that the store refused: the request waits in the overflow queue, and the mailbox is empty yet.

    Where their browser sealed, it made the receipt as well, and there is none here.
    """

    receipt: Receipt | None = field(repr=False)
    request: ContactRequest
    hours: OpeningHours
    delayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The verb *submit*."""

    store: RequestStore
    sealer: Sealer
    shredding: Shredding
    phones: PhoneBook
    clock: Clock
    randomness: Randomness
    opening: Opening
    statement: Statement
    rules: Rules
    screening: Screening
    room: Room
    words: Callable[[], tuple[Sequence[str], Sequence[str]]]
    pepper: Callable[[], bytes]
    consents: Callable[[], Consents]
    partner_cap: int
    counting: Counting
    overflow: Overflow | None = None

    def submit(self, submission: Submission, *, into: Session | None = None) -> Accepted:
        """
        Accept a request durably, or refuse it with a way to mend it; a repeat is given the first answer again.

        A question goes *into* a live session, and is gone when that ends.

        An envelope that a browser made is kept as it is: what is in it is checked when the desk opens it.

        Raises:
            Conflict: `statement-outdated` (carries the version in force), `impossible-phone`, `slot-closed`,
                `slot-full`, `also-earlier`, `expires-first`, `key-reused`, `keys-outdated` (sealed to no key of the
                desk: nobody could open it); of a referral, `consent-outdated` and `consent-to-come` (tomorrow's); of a
                question, `session-not-open` and `session-ended`.
            TooMany: `referrals-full`, as many referrals of the partner are unfinished as may be.
            Unavailable: it could not be stored, nor put aside; nothing was accepted. `unverified-full`: too many wait
                already that may be a machine's, and nothing shows that this one is not.
        """
        receipt = None if submission.envelope is not None else self._receipt(submission)
        hours, refusing = self._hours()
        request_id, fingerprint = self._identify(submission, receipt)
        if not refusing and (submission.idempotency_key is not None or receipt is None):
            try:
                known = self.store.get(request_id, now=self.clock.now())
            except Unavailable as refusal:
                known, refusing = None, self._may_overflow(refusal)
            if known is not None:
                return _answer(known, fingerprint, receipt, hours)
        self._make_sure_of_consent(submission)
        if into is not None:
            into.takes_questions(self.clock.now())
        verified = self._is_verified(submission, request_id)
        if not verified and not refusing and not self.room.is_left():
            raise Unavailable("unverified-full")
        windows = self._windows(submission, hours)
        sealed = self._sealed(submission, request_id, receipt)
        body_id = encode(self.randomness.secret(BODY_ID_BYTES))
        kind, now = submission.kind, self.clock.now()
        request = requests.submit(
            request_id=request_id,
            kind=kind,
            language=submission.language,
            reference=reference_of(request_id, self.words()),
            windows=windows,
            answer_by=_answer_by(now, windows, hours, into),
            now=now,
            rules=self.rules,
            verified=verified,
            statement_version=submission.statement_version,
            fingerprint=fingerprint,
            body_id=body_id,
            referral=submission.referral,
        )
        request = _lasting(request, into)
        if not refusing:
            try:
                accepted = self._store(
                    request,
                    sealed,
                    capacity=self.opening.helpline.slot_capacity if submission.slot else None,
                )
            except Unavailable as refusal:
                refusing = self._may_overflow(refusal)
            else:
                answer = _answer(accepted, fingerprint, receipt, hours)
                if accepted.body_id == body_id and not self.counting.was_put_aside(request_id):
                    self.counting.person(kind, region=submission.region, campaign=submission.campaign)
                return answer
        self._put_aside(request, sealed())
        self.counting.put_aside(request_id, kind, region=submission.region, campaign=submission.campaign)
        return Accepted(receipt=receipt, request=request, hours=hours, delayed=True)

    def _make_sure_of_consent(self, submission: Submission) -> None:
        referral = submission.referral
        if referral is None:
            if submission.statement_version != self.statement.version:
                raise Conflict("statement-outdated", pointer="/statement_version")
            return
        if referral.consent_version != self.consents().in_force.version:
            raise Conflict("consent-outdated", pointer="/consent/version")
        if referral.given_on > self.clock.now().astimezone(self.opening.helpline.hours.zone).date():
            raise Conflict("consent-to-come", pointer="/consent/given_on")

    def _hours(self) -> tuple[OpeningHours, bool]:
        """Read the hours, and tell whether the store refuses already: it is not waited for twice."""
        try:
            return self.opening.hours_with_closures(), False
        except Unavailable:
            return self.opening.helpline.hours, self.overflow is not None

    def _may_overflow(self, refusal: Unavailable) -> bool:
        """Let the overflow queue take over where it is the store that refuses; else the refusal stands."""
        if self.overflow is None or refusal.code != "storage":
            raise refusal
        return True

    def _store(self, request: ContactRequest, sealed: Callable[[], bytes], *, capacity: int | None) -> ContactRequest:
        content = self.shredding.begin(request, sealed)
        for attempt in range(1, REFERENCE_ATTEMPTS + 1):
            try:
                return self.store.submit(
                    request,
                    content=content,
                    capacity=capacity,
                    now=self.clock.now(),
                    referrals=self.partner_cap,
                    deed=_deed_of(request),
                )
            except ReferenceTaken:
                request = replace(request, reference=reference_of(request.request_id, self.words(), attempt))
            except PartnerFull:
                raise TooMany("referrals-full") from None
            except SlotFull:
                raise Conflict("slot-full", pointer="/slot") from None
        raise Unavailable("references")

    def _put_aside(self, request: ContactRequest, sealed: bytes) -> None:
        if self.overflow is None:
            raise Unavailable("storage")
        from chalicelib.domain.overflow import Overflowed  # noqa: PLC0415 - only where the store refuses

        self.overflow.put(Overflowed(request=request, sealed=sealed, queued_at=self.clock.now()))

    def ready(self) -> None:
        """
        Make sure that a repeat would be recognised.

        Raises:
            Unavailable: `keys`.
        """
        self.pepper()

    def _identify(self, submission: Submission, receipt: Receipt | None) -> tuple[str, str]:
        """
        Give the request's id, and what tells another body under it apart.

        For a plain body only the receipt can confirm a guess at it. What a browser sealed cannot be guessed, save for
        a region or a campaign beside it: the pepper keeps whoever has the database alone from confirming those.
        """
        if receipt is not None:
            return request_id_of(receipt.lookup), receipt.fingerprint(submission.body)
        envelope = submission.envelope
        request_id = "" if envelope is None else envelope.request_id
        return request_id, keyed_fingerprint(submission.body, pepper=self.pepper())

    def _is_verified(self, submission: Submission, request_id: str) -> bool:
        """Tell whether a person sent it; a partner's key is proof."""
        return submission.referral is not None or self.screening.is_verified(
            idempotency_key=None if submission.envelope is not None else submission.idempotency_key,
            request_id=request_id,
            altcha=submission.altcha,
            form=submission.form,
        )

    def _sealed(self, submission: Submission, request_id: str, receipt: Receipt | None) -> Callable[[], bytes]:
        """Make sure that the content can be kept as it is, and give what seals it when it is first asked for."""
        if submission.envelope is not None:
            if not self.sealer.reaches_desk(each.key_id for each in submission.envelope.recipients):
                raise Conflict("keys-outdated", pointer="/sealed/recipients")
            return submission.envelope.to_bytes
        phone = submission.details.get("phone")
        if phone is not None and not self.phones.is_possible(phone):
            raise Conflict("impossible-phone", pointer="/details/phone")
        # A referral has no mailbox: whoever it is about holds no receipt, so there is nobody who could read a reply.
        has_mailbox = receipt is not None and submission.referral is None
        mailbox_key = encode(receipt.mailbox_key) if receipt and has_mailbox else ""
        content = {"details": submission.details, "mailbox_key": mailbox_key}
        self.sealer.public_keys()  # where there are none, nothing is put away for what cannot be sealed

        def seal() -> bytes:
            return self.sealer.seal(_as_json(content).encode(), kind=submission.kind, request_id=request_id).to_bytes()

        return functools.cache(seal)

    def _receipt(self, submission: Submission) -> Receipt:
        """Draw a receipt, or give that of the idempotency key; a partner never meets what somebody else's key gives."""
        key = submission.idempotency_key
        if key is None:
            return receipt_from_bytes(self.randomness.secret(ENTROPY_BYTES))
        if submission.referral is not None:
            key = f"{submission.referral.partner} {key}"  # no key has a space in it
        return receipt_for_key(key, pepper=self.pepper())

    def _windows(self, submission: Submission, hours: OpeningHours) -> tuple[Window, ...]:
        """Work out the agreed windows; with none chosen, the next in which the line is open, full or not."""
        if submission.kind in {Kind.INFORMATION, Kind.QUESTION}:
            return ()
        if submission.slot is None:
            # With the line closed for weeks there is no window: the request is kept and answered in the mailbox.
            first = hours.next_slot(self.clock.now())
        else:
            first = self.opening.chosen(submission.slot, pointer="/slot", hours=hours)
        windows = [] if first is None else [first]
        for at, slot in enumerate(submission.also):
            window = self.opening.chosen(slot, pointer=f"/also/{at}", hours=hours)
            if first is not None and window.ends_at < first.ends_at:
                raise Conflict("also-earlier", pointer=f"/also/{at}")  # it would be the one that counts, unasked
            windows.append(window)
        return tuple(windows)


def _answer_by(now: datetime, windows: tuple[Window, ...], hours: OpeningHours, into: Session | None) -> datetime:
    if into is not None:
        return into.ends_at
    return now if windows else floor_to_hour(hours.working_days_after(now))


def _lasting(request: ContactRequest, into: Session | None) -> ContactRequest:
    """Make sure that a request lasts until its answer is due; a question lasts as long as its session."""
    if into is not None:
        return requests.ask(request, session=into.id, ends_at=into.ends_at)
    return requests.outlive(request, max((window.ends_at for window in request.windows), default=request.due_at))


def _deed_of(request: ContactRequest) -> Deed | None:
    if request.referral is None:
        return None
    from chalicelib.domain.partners import deed_of  # noqa: PLC0415 - only a partner's request pays for it

    return deed_of(request)


def _answer(request: ContactRequest, fingerprint: str, receipt: Receipt | None, hours: OpeningHours) -> Accepted:
    if request.fingerprint != fingerprint:
        raise Conflict("key-reused")
    return Accepted(receipt=receipt, request=request, hours=hours)
