"""
A request's life: the state machine of the helpline.

    -          submit    -> waiting    the statement is acknowledged, the slot is open
    waiting    claim     -> claimed    it is visible (a callback: inside a window the requester agreed to); number + 1
    claimed    claim     -> claimed    the lease has lapsed; anyone; number + 1, lapses + 1, its old place in the queue
    claimed    claim     -> parked     the fifth lapse is met; the claim goes on to the next request
    claimed    renew     -> claimed    these five need the same number and a live lease, else `ClaimLost`
    claimed    reply     -> claimed
    claimed    release   -> waiting    its old place in the queue
    claimed    attempt   -> waiting    until the next agreed window; after the third, or without one: closed
    claimed    close     -> closed     what the requester has written meanwhile must have been read first
    parked     unpark    -> waiting    a supervisor has looked at it
    claimed    expel     -> waiting    a supervisor takes back a leaver's claim
    claimed    shelve    -> parked     it was erased, and a copy that was put back has brought its head back
    closed     forget    -> closed     its details are erased, before the rest: it cannot wait again
    any        message   -> as it was; a closed one, or one nobody may ring any more, waits again, due anew
    any        choose    -> as it was, with the new window; a closed one waits again
    any        withdraw  -> withdrawn  a tombstone without content

Every function takes *now* and returns a new value. A lease is live while `now < lease_until`; at `lease_until` it has
lapsed. Reads treat a request as gone from `expires_at` on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.domain.errors import ClaimLost, Conflict
from chalicelib.domain.slots import Window, floor_to_hour

if TYPE_CHECKING:
    from chalicelib.domain.partners import Referral

LAPSE_LIMIT = 5
"""A request whose lease lapses this often is parked for a supervisor: something about it makes people drop it."""
UNVERIFIED_DELAY = timedelta(days=1)
"""How much later than its due time an unverified request stands in the queue; it rises with age like every other."""
TOMBSTONE = timedelta(hours=25)
"""How long a withdrawn head stays, counted from the hour of withdrawal: at least 24 hours (DESIGN section 4)."""


class Kind(StrEnum):
    """What is asked for."""

    CALLBACK = "callback"
    INFORMATION = "information"
    REFERRAL = "referral"
    QUESTION = "question"


class Status(StrEnum):
    """Where a request is in its life."""

    WAITING = "waiting"  # - -> waiting, claimed -> waiting, closed -> waiting, parked -> waiting
    CLAIMED = "claimed"  # waiting -> claimed, claimed -> claimed
    CLOSED = "closed"  # claimed -> closed
    PARKED = "parked"  # claimed -> parked
    WITHDRAWN = "withdrawn"  # any -> withdrawn


class Outcome(StrEnum):
    """How a request was closed."""

    ANSWERED = "answered"
    SIGNPOSTED = "signposted"
    UNREACHABLE = "unreachable"
    ESCALATED = "escalated"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The helpline's figures that a request's life depends on."""

    lease: timedelta = timedelta(minutes=20)
    claim_limit: int = 5
    attempts_limit: int = 3
    retention: timedelta = timedelta(days=90)
    retention_after_closing: timedelta = timedelta(days=30)
    details_after_closing: timedelta = timedelta(days=30)
    tombstone: timedelta = TOMBSTONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRequest:
    """
    The head of a request: everything that the queue decides on, and nothing that anybody wrote.

    *promised_at* is the due time the requester was given on submitting, *promised_slot* the window it came from if
    there was one, *retained_until* when it goes at the latest. *answer_by* is set while something the requester wrote
    or chose has not been handed to anybody. *details_until* is when the details of a closed request end, which may be
    sooner than the rest; *bare* says that they have been erased. *windows* are the agreed callback windows, earliest
    first; an information request has none. *visible_at* is when it may be handed out; None means that the queue hands
    it out no more (every window was missed) although it still waits, overdue, until the requester chooses again or
    rings. *number* is the fence of the latest claim. *referral* says who referred it, and with whose consent; it is set
    for referrals alone, and *session*, the live session that it was asked in, for questions.
    """

    request_id: str
    kind: Kind
    language: str
    reference: str
    status: Status
    submitted_at: datetime
    promised_at: datetime
    due_at: datetime
    visible_at: datetime | None
    windows: tuple[Window, ...]
    expires_at: datetime
    retained_until: datetime
    verified: bool
    statement_version: str
    fingerprint: str
    body_id: str
    number: int = 0
    lease_until: datetime | None = None
    claimed_by: str | None = None
    claim_token: str | None = None
    lapses: int = 0
    attempts: int = 0
    missed: int = 0
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    promised_slot: Window | None = None
    answer_by: datetime | None = None
    referral: Referral | None = None
    details_until: datetime | None = None
    bare: bool = False
    session: str | None = None

    @property
    def lane(self) -> str:
        """What a practitioner must be able to serve: kind x language."""
        return lane(self.kind, self.language)

    @property
    def order_at(self) -> datetime:
        """Its place in the queue: earliest due first, unverified ones later."""
        return self.due_at if self.verified else self.due_at + UNVERIFIED_DELAY

    @property
    def ready_at(self) -> datetime | None:
        """From when a claim may meet it: when it becomes visible, or when the lease on it lapses; None is never."""
        if self.status is Status.WAITING:
            return self.visible_at
        return self.lease_until if self.status is Status.CLAIMED else None

    @property
    def slot(self) -> Window | None:
        """The agreed window that counts now; None once it is closed, withdrawn, or every window was missed."""
        if self.status in (Status.CLOSED, Status.WITHDRAWN) or (
            self.status is Status.WAITING and self.visible_at is None
        ):
            return None
        return next((window for window in self.windows if window.ends_at >= self.due_at), None)

    @property
    def counts_for(self) -> str | None:
        """The partner among whose unfinished referrals it counts; None for whatever is finished, or is no referral."""
        if self.referral is None or self.status in (Status.CLOSED, Status.WITHDRAWN):
            return None
        return self.referral.partner

    @property
    def ends_at(self) -> datetime:
        """When the next part of it ends: its details, if they are still there and end sooner, or all of it."""
        if self.details_until is None or self.bare:
            return self.expires_at
        return min(self.details_until, self.expires_at)

    def is_bare(self, now: datetime) -> bool:
        """Tell whether its details are gone, or are to be treated so until the hourly round has erased them."""
        return self.bare or (self.details_until is not None and self.details_until <= now)

    def is_live(self, now: datetime) -> bool:
        """Tell whether somebody holds it at *now*."""
        return self.status is Status.CLAIMED and self.lease_until is not None and now < self.lease_until

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether it waits longer than was promised, a missed window included."""
        open_still = self.status in (Status.WAITING, Status.CLAIMED, Status.PARKED)
        return open_still and (self.due_at <= now or self.missed > 0)

    def may_be_rung(self, now: datetime) -> bool:
        """Tell whether *now* is inside a window that the requester agreed to."""
        return self.ring_until(now) is not None

    def ring_until(self, now: datetime) -> datetime | None:
        """Give the end of the agreed window that *now* is in, the last one to end where they overlap."""
        return max((window.ends_at for window in self.windows if window.contains(now)), default=None)


def lane_language(language: str) -> str:
    """Give the lane's language: Welsh has its own; everybody else is answered in English or with an interpreter."""
    return "cy" if language.lower().split("-")[0] == "cy" else "en"


def lane(kind: Kind | str, language: str) -> str:
    """Name the lane of a kind and a language, as `callback/en`."""
    return f"{Kind(kind).value}/{lane_language(language)}"


LANES = tuple(lane(kind, language) for kind in Kind for language in ("en", "cy"))
QUESTION_LANES = tuple(lane(Kind.QUESTION, language) for language in ("en", "cy"))
"""What the hosts of a live session answer; nobody else is handed anything from it."""
DESK_LANES = tuple(each for each in LANES if each not in QUESTION_LANES)
"""What practitioners answer."""
SKIPPED = timedelta(minutes=2)
"""How long a question that a host has put back waits, so that they are handed the next one and not the same again."""


def referral_of(text: str) -> Referral:
    """Read what a head keeps of who referred somebody, as `Referral.to_text` wrote it."""
    from chalicelib.domain.partners import Referral  # noqa: PLC0415 - only a partner's request pays for it

    return Referral.from_text(text)


def submit(  # noqa: PLR0913 - a head has this many parts
    *,
    request_id: str,
    kind: Kind,
    language: str,
    reference: str,
    windows: tuple[Window, ...],
    answer_by: datetime,
    now: datetime,
    rules: Rules,
    verified: bool,
    statement_version: str,
    fingerprint: str,
    body_id: str,
    referral: Referral | None = None,
) -> ContactRequest:
    """
    Let a request into the queue.

    A callback, or a referral, is due when the first window it agreed to closes; anything else at *answer_by*. Times
    that would tell when somebody wrote are cut to the hour.
    """
    windows = tuple(windows)
    if len(windows) > 1:
        windows = tuple(sorted(set(windows), key=lambda window: (window.ends_at, window.starts_at)))
    sent_at = floor_to_hour(now)
    due_at = windows[0].ends_at if windows else answer_by
    return ContactRequest(
        request_id=request_id,
        kind=kind,
        language=language,
        reference=reference,
        status=Status.WAITING,
        submitted_at=sent_at,
        promised_at=due_at,
        promised_slot=windows[0] if windows else None,
        due_at=due_at,
        visible_at=windows[0].starts_at if windows else sent_at,
        windows=windows,
        expires_at=sent_at + rules.retention,
        retained_until=sent_at + rules.retention,
        verified=verified,
        statement_version=statement_version,
        fingerprint=fingerprint,
        body_id=body_id,
        referral=referral,
    )


def ask(question: ContactRequest, *, session: str, ends_at: datetime) -> ContactRequest:
    """Tie a question to its session: what has not been answered when that ends is gone."""
    return replace(question, session=session, expires_at=min(question.expires_at, ends_at))


def put_back(question: ContactRequest, *, practitioner: str, number: int, now: datetime) -> ContactRequest:
    """
    Give a question back unanswered, to be handed out again after the others.

    Raises:
        ClaimLost: the lease has lapsed, or a later claim replaced it.
    """
    return replace(release(question, practitioner=practitioner, number=number, now=now), visible_at=now + SKIPPED)


def settle(request: ContactRequest, *, now: datetime) -> ContactRequest:
    """
    Move a waiting callback past the windows that nobody kept.

    The next agreed window counts; when there is none, it is handed out no more: nobody is rung at another time. If the
    requester has written meanwhile, what they wrote is handed out instead, to be answered in the mailbox.
    """
    while request.windows and request.visible_at is not None and request.due_at <= now:
        later = next((window for window in request.windows if window.ends_at > request.due_at), None)
        request = replace(
            request,
            missed=request.missed + 1,
            due_at=request.due_at if later is None else later.ends_at,
            visible_at=None if later is None else later.starts_at,
        )
    if request.visible_at is None and request.answer_by is not None:
        return replace(request, windows=(), visible_at=request.due_at, due_at=request.answer_by)
    return request


def lapse(request: ContactRequest, *, now: datetime) -> ContactRequest:
    """Put a claimed request whose lease has lapsed back to waiting, in its old place."""
    if request.status is not Status.CLAIMED or request.is_live(now):
        return request
    return replace(_unclaimed(request, Status.WAITING), lapses=request.lapses + 1)


def as_of(request: ContactRequest, *, now: datetime) -> ContactRequest:
    """Give a request as it stands at *now*: lapsed claims and missed windows are behind it."""
    request = lapse(request, now=now)
    return settle(request, now=now) if request.status is Status.WAITING else request


def claim(
    request: ContactRequest,
    *,
    practitioner: str,
    token: str | None,
    now: datetime,
    lease: timedelta,
    quoted: bool = False,
) -> ContactRequest:
    """
    Decide what a claim that meets *request* makes of it.

    The result is claimed by *practitioner* under the next number, or it is the request moved out of the way: to its
    next window, or parked at the fifth lapse. A request that cannot be handed out now comes back unchanged. One that
    *practitioner* holds already is handed out again under its number, with what the requester has written since.

    *quoted* means that the requester is on the line and has said the reference: then neither the agreed windows, which
    protect from being rung, nor the fifth lapse stand in the way of answering.
    """
    request = lapse(request, now=now)
    may_park = not quoted and request.kind is not Kind.QUESTION  # nobody looks at parked ones within the hour
    if request.status is Status.WAITING and request.lapses >= LAPSE_LIMIT and may_park:
        return replace(request, status=Status.PARKED)
    if request.status is not Status.WAITING:
        return replace(request, answer_by=None) if request.claimed_by == practitioner else request
    request = request if quoted else settle(request, now=now)
    if not quoted and (request.visible_at is None or request.visible_at > now):
        return request
    return replace(
        request,
        status=Status.CLAIMED,
        number=request.number + 1,
        lease_until=now + lease,
        claimed_by=practitioner,
        claim_token=token,
        answer_by=None,
    )


def held(request: ContactRequest, *, practitioner: str, number: int, now: datetime) -> ContactRequest:
    """
    Make sure that *practitioner* still holds the request under *number*; the fence before every write after a claim.

    Raises:
        ClaimLost: the lease has lapsed, a later claim replaced it, or it was never theirs.
    """
    if not request.is_live(now) or request.number != number or request.claimed_by != practitioner:
        raise ClaimLost
    return request


def renew(
    request: ContactRequest, *, practitioner: str, number: int, now: datetime, lease: timedelta
) -> ContactRequest:
    """
    Extend a live claim so that the practitioner can finish the call.

    *number* is the one that `claim` handed out. A practitioner whose lease ran out, and whose request was claimed
    again, holds an older number: a late renewal cannot take the request back.

    Raises:
        ClaimLost: the lease has lapsed, or a later claim replaced it.
    """
    return replace(held(request, practitioner=practitioner, number=number, now=now), lease_until=now + lease)


def release(request: ContactRequest, *, practitioner: str, number: int, now: datetime) -> ContactRequest:
    """
    Give a request back to the queue, in its old place.

    Raises:
        ClaimLost: the lease has lapsed, or a later claim replaced it.
    """
    return settle(_unclaimed(held(request, practitioner=practitioner, number=number, now=now), Status.WAITING), now=now)


def attempt(request: ContactRequest, *, practitioner: str, number: int, now: datetime, rules: Rules) -> ContactRequest:
    """
    Record that the requester was rung and not reached.

    The request waits for the next window that they agreed to; of one that has begun, for what is left after this one,
    so that they are not rung twice in a row, unless they have written or chosen again meanwhile. After the third
    attempt, or when no window is left, it is closed as unreachable, and the mailbox says that a new slot can be chosen;
    if they have written meanwhile, it waits to be read instead.

    Raises:
        ClaimLost: the lease has lapsed, or a later claim replaced it.
        Conflict: `not-a-callback`; nobody asked to be rung.
    """
    request = held(request, practitioner=practitioner, number=number, now=now)
    if not request.windows:
        raise Conflict("not-a-callback")
    request = replace(request, attempts=request.attempts + 1)
    later = next(
        (
            window
            for window in request.windows
            if window.ends_at > now
            and (window.starts_at > now or window.ends_at > request.due_at or request.answer_by is not None)
        ),
        None,
    )
    if later is None or request.attempts >= rules.attempts_limit:
        if request.answer_by is not None:
            return _to_be_read(_unclaimed(request, Status.WAITING), answer_by=request.answer_by, now=now)
        return _closed(request, outcome=Outcome.UNREACHABLE, now=now, rules=rules)
    begun_at = now if request.answer_by is not None else max(now, request.due_at)
    visible_at = later.starts_at if later.starts_at > now else begun_at
    return replace(_unclaimed(request, Status.WAITING), visible_at=visible_at, due_at=later.ends_at)


def close(
    request: ContactRequest, *, practitioner: str, number: int, outcome: Outcome, now: datetime, rules: Rules
) -> ContactRequest:
    """
    Finish a request with its outcome.

    Raises:
        ClaimLost: the lease has lapsed, or a later claim replaced it.
        Conflict: `unread-message`; the requester has written, or chosen another slot, since it was handed out. Handed
            out again, it shows what.
    """
    request = held(request, practitioner=practitioner, number=number, now=now)
    if request.answer_by is not None:
        raise Conflict("unread-message")
    return _closed(request, outcome=outcome, now=now, rules=rules)


def message_arrived(request: ContactRequest, *, answer_by: datetime, now: datetime) -> ContactRequest:
    """
    Take note that the requester has written.

    A closed request, and one whose every window was missed, waits again and is due at *answer_by*, to be answered in
    the mailbox: they named no new window, so nobody may ring.

    Raises:
        Conflict: `details-erased`; with them went the key to answer with, so nobody could.
        Conflict: `not-a-conversation`; a question in a session is answered once, and its hosts have gone home.
    """
    if request.kind is Kind.QUESTION:
        raise Conflict("not-a-conversation")
    if request.status is Status.CLOSED or (request.status is Status.WAITING and request.visible_at is None):
        return _to_be_read(_reopened(request, now=now), answer_by=answer_by, now=now)
    return replace(request, answer_by=answer_by)


def outlive(request: ContactRequest, until: datetime) -> ContactRequest:
    """
    Make sure that a request is still there when what is promised now comes due.

    Retention is a promise too, so it is not stretched: whoever comes that late is told, and can ask anew.

    Raises:
        Conflict: `expires-first`.
    """
    if request.expires_at <= until:
        raise Conflict("expires-first")
    return request


def choose_slot(request: ContactRequest, *, slot: Window, now: datetime) -> ContactRequest:
    """
    Put another window in the place of the agreed ones; a closed request waits again.

    Whoever holds it rang, or is about to ring, by what was agreed before: they see the new time before they finish.

    Raises:
        Conflict: `not-a-callback`; it is answered in the mailbox. `details-erased`; there is no number to ring.
    """
    if request.kind in {Kind.INFORMATION, Kind.QUESTION}:
        raise Conflict("not-a-callback")
    if request.status is Status.CLOSED:
        request = _reopened(request, now=now)
    return replace(
        request,
        windows=(slot,),
        visible_at=slot.starts_at,
        due_at=slot.ends_at,
        answer_by=slot.ends_at if request.status is Status.CLAIMED else request.answer_by,
        missed=0,
        attempts=0,
    )


def unpark(request: ContactRequest, *, now: datetime) -> ContactRequest:
    """
    Put a parked request back into the queue, in its old place, its lapses forgiven.

    Raises:
        Conflict: `not-parked`.
    """
    if request.status is not Status.PARKED:
        raise Conflict("not-parked")
    return settle(replace(request, status=Status.WAITING, lapses=0), now=now)


def expel(request: ContactRequest, *, now: datetime) -> ContactRequest:
    """
    Take a claim back from somebody who has left, so that a colleague can go on; their number is lost to them.

    Raises:
        Conflict: `not-claimed`.
    """
    if request.status is not Status.CLAIMED:
        raise Conflict("not-claimed")
    return settle(_unclaimed(request, Status.WAITING), now=now)


def shelve(request: ContactRequest) -> ContactRequest:
    """Put aside, for a supervisor to see, what was claimed and is found to have been erased before."""
    return replace(_unclaimed(request, Status.PARKED), answer_by=None)


def close_restored(request: ContactRequest, *, now: datetime, rules: Rules) -> ContactRequest:
    """
    Close again what a copy has opened again although its details were erased: it had been closed, nobody knows how.

    Its details are at their end, so that nobody is let write where nobody could answer.
    """
    closed = _closed(request, outcome=None, now=now, rules=rules)
    return replace(closed, answer_by=None, details_until=closed.closed_at)


def forget_details(request: ContactRequest) -> ContactRequest:
    """Take note that the details are erased; what was written since stays readable until the request expires."""
    return replace(request, bare=True)


def withdraw(request: ContactRequest, *, now: datetime, tombstone: timedelta = TOMBSTONE) -> ContactRequest:
    """Leave only a tombstone: what tells a repeated submission from a new one, and nothing else."""
    return replace(
        _unclaimed(request, Status.WITHDRAWN),
        visible_at=None,
        windows=(),
        details_until=None,
        expires_at=floor_to_hour(now) + tombstone,
        referral=None,
    )


def _unclaimed(request: ContactRequest, status: Status) -> ContactRequest:
    return replace(request, status=status, lease_until=None, claimed_by=None, claim_token=None)


def _closed(request: ContactRequest, *, outcome: Outcome | None, now: datetime, rules: Rules) -> ContactRequest:
    closed_at = floor_to_hour(now)
    # A question goes with its session unless it was answered: then the answer stays for as long as any.
    last = request.retained_until if request.kind is Kind.QUESTION else request.expires_at
    expires_at = min(last, closed_at + rules.retention_after_closing)
    return replace(
        _unclaimed(request, Status.CLOSED),
        outcome=outcome,
        closed_at=closed_at,
        expires_at=expires_at,
        details_until=min(expires_at, closed_at + rules.details_after_closing),
    )


def _to_be_read(request: ContactRequest, *, answer_by: datetime, now: datetime) -> ContactRequest:
    """Let what the requester wrote wait for an answer in the mailbox; nobody is rung for it."""
    return replace(
        request,
        windows=(),
        visible_at=floor_to_hour(now),
        due_at=answer_by,
        answer_by=answer_by,
        missed=0,
        attempts=0,
    )


def _reopened(request: ContactRequest, *, now: datetime) -> ContactRequest:
    if request.is_bare(now):
        raise Conflict("details-erased")
    return replace(
        request,
        status=Status.WAITING,
        outcome=None,
        closed_at=None,
        lapses=0,
        details_until=None,
        expires_at=request.retained_until,
    )
