"""
The ports: what the helpline's work needs from the outside, and exactly what each engine behind them must promise.

This file is the specification of the queue. `tests/contract/` holds every engine to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from chalicelib.domain.access import Person, SignInService
    from chalicelib.domain.audit import AuditEntry, Deed, TrailHead
    from chalicelib.domain.belief import Belief
    from chalicelib.domain.campaigns import Campaign
    from chalicelib.domain.envelope import Envelope
    from chalicelib.domain.overflow import Overflowed
    from chalicelib.domain.packs import Leaflet
    from chalicelib.domain.partners import PartnerKey
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.domain.sessions import Answered, Session
    from chalicelib.domain.signposts import Organization, Region, Signpost
    from chalicelib.domain.slots import Window


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """Give the present instant, aware and in UTC."""
        ...


class Randomness(Protocol):
    """Where secrets come from."""

    def secret(self, size: int) -> bytes:
        """Draw *size* unpredictable bytes."""
        ...


class Holidays(Protocol):
    """The bank holidays of the helpline's nation."""

    def __call__(self, day: date) -> bool:
        """Tell whether *day* is a bank holiday."""
        ...


class PhoneBook(Protocol):
    """What can be a telephone number; Great Britain's unless it says otherwise."""

    def is_possible(self, number: str) -> bool:
        """Tell whether a telephone can have the number."""
        ...

    def possible(self, number: str) -> str | None:
        """Give the number in its international form, or None if no telephone can have it."""
        ...


class Sealer(Protocol):
    """Closes content for the desk; it holds public keys only and cannot open what it closed."""

    def seal(self, content: bytes, *, kind: str, request_id: str) -> Envelope:
        """Seal *content* to every current recipient, bound to *kind* and *request_id*."""
        ...

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """List the recipients: `{key_id, kem, public_key}`."""
        ...

    def reaches_desk(self, key_ids: Iterable[str]) -> bool:
        """Tell whether one of *key_ids* is or was a key of the desk; what is sealed to none of them, nobody opens."""
        ...


class Opener(Protocol):
    """Opens what was sealed for the desk."""

    def check(self) -> None:
        """
        Make sure that the current private key can be used, before anything is claimed with it.

        Raises:
            Unavailable: `key-missing`; `key-unreachable`, it may be there, and what keeps it does not answer now.
        """
        ...

    def open(self, envelope: Envelope, *, kind: str, request_id: str) -> bytes:
        """
        Give the content of *envelope*.

        Raises:
            Unavailable: `key-missing`, no private key for any of its recipients is here; `key-unreachable`, as above.
            Unreadable: it does not open as *kind* of *request_id*: damaged, or not what it says.
        """
        ...


class Unreadable(Exception):  # noqa: N818 - a state of the content, shown to the practitioner as what it is
    """Sealed content that does not open although the key is there."""


class Cipher(Protocol):
    """Encrypts under a key that is given each time: the mailbox key of a receipt, or the shred key of a request."""

    def encrypt(self, content: bytes, *, key: bytes, kind: str, request_id: str) -> bytes:
        """Encrypt *content*, bound to *kind* and *request_id*."""
        ...

    def decrypt(self, ciphertext: bytes, *, key: bytes, kind: str, request_id: str) -> bytes:
        """
        Give the content back.

        Raises:
            Unreadable: another key, another request, or damaged.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    Something written after a request was submitted; *author* is `requester`, `helpline`, or `colleague` (a note).

    *for_desk* is an envelope sealed to the desk, *for_mailbox* ciphertext under the mailbox key; a note has only the
    first, a reply only the second. *sent_at* is cut to the hour where a requester wrote it.
    """

    message_id: str
    author: str
    sent_at: datetime
    for_desk: bytes | None = None
    for_mailbox: bytes | None = None


class ContentName(NamedTuple):
    """What a request's sealed content, and the shred key for it, go by: the head names the *body_id* that counts."""

    request_id: str
    body_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a claim asks for: any request of *lanes*, or the one that a caller's *reference* names."""

    practitioner: str
    lanes: tuple[str, ...]
    claim_limit: int
    token: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """
    How one lane stands: counts, and the oldest waiting request's hour of submission; no content.

    Of those *waiting*, *ready* can be claimed now, and *due_at* is when the first is due.
    """

    lane: str
    waiting: int = 0
    oldest_at: datetime | None = None
    due_soon: int = 0
    overdue: int = 0
    claimed: int = 0
    parked: int = 0
    ready: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """What the doorbell says of a lane: how many wait, and when the first of them is due."""

    lane: str
    waiting: int
    due_at: datetime | None


class ProofOfWork(Protocol):
    """A little work that a person's device does once, and that costs whoever sends thousands."""

    def challenge(self, *, bound_to: str, now: datetime) -> Mapping[str, object]:
        """Give a challenge that ends within ten minutes and counts for *bound_to* alone; nothing of it is kept."""
        ...

    def is_solved(self, payload: str, *, bound_to: str, now: datetime) -> bool:
        """Tell whether *payload* solves a living challenge of ours for *bound_to*; anything else is False, no error."""
        ...


class SlotFull(Exception):  # noqa: N818
    """The slot has no room left."""


class PartnerFull(Exception):  # noqa: N818
    """As many referrals of the partner are unfinished as may be."""


class ReferenceTaken(Exception):  # noqa: N818
    """Another living request has this reference."""


class RequestStore(Protocol):
    """
    The queue and the mailboxes.

    * A write that returned is durable: no crash, kill or power cut takes it back. One that raised was not applied,
      or could not be told to have been (`Unavailable`).
    * From `expires_at` on, a request is gone to every read and every verb, whether or not it has been purged.
    * `claim` and `change` are atomic: of any number of callers, in any number of processes, each sees the others'
      finished work and nothing of their unfinished work. The decision itself is a pure function, made by the domain,
      and may be called more than once; it is applied to the newest state or not at all.
    * Deeds are written to the audit trail with the change that they tell of, or neither is.
    * A reference belongs to at most one request that is neither expired nor withdrawn.
    * Every failure of the engine is `Unavailable("storage")`.
    """

    def submit(
        self,
        request: ContactRequest,
        *,
        content: bytes,
        capacity: int | None,
        now: datetime,
        referrals: int | None = None,
        deed: Deed | None = None,
    ) -> ContactRequest:
        """
        Accept a request, if its id is new.

        Returns the accepted head, or the head already there under this id (a repeat; the caller tells them apart by
        `fingerprint` and `body_id`). *capacity* bounds how many waiting or claimed requests may count on the same
        current slot, *referrals* how many may count for the partner that `counts_for` names; None lets it in
        regardless.

        Raises:
            SlotFull, PartnerFull, ReferenceTaken: nothing was written.
        """
        ...

    def get(self, request_id: str, *, now: datetime, tombstones: bool = True) -> ContactRequest | None:
        """
        Read a head, consistently; a withdrawn one is returned as its tombstone.

        Without *tombstones* it is None, at the cost of one that never was: nobody learns from the time it takes.
        """
        ...

    def claim(
        self,
        ask: Ask,
        decide: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        deeds: Callable[[ContactRequest], Sequence[Deed]],
    ) -> ContactRequest | None:
        """
        Hand out the first request, in order of `order_at` over the asked lanes, that *decide* claims.

        Only requests with `ready_at <= now` are met. What *decide* returns for each is kept: claimed ends the search,
        parked or moved on to a later window lets it continue. None means that nothing is claimable, never contention.
        With a *reference*, only that request is met, whenever it is ready; a claim that the practitioner already
        holds, by the same token or the same reference, is given again under its number, as *decide* makes of it.
        *deeds* tells what to write into the trail about each head that was met.

        Raises:
            Conflict: `claim-limit`, the practitioner holds as many live claims as they may; `claimed-by-colleague`,
                the quoted request is in somebody else's hands.
        """
        ...

    def change(
        self,
        request_id: str,
        transition: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        messages: Sequence[Message] = (),
        deed: Deed | None = None,
        capacity: int | None = None,
    ) -> ContactRequest:
        """
        Apply *transition* to the newest head and append *messages*, all or nothing; return the new head.

        Messages whose ids the request already has are a repeat: nothing is changed, and the head is returned as it is.

        What *transition* raises passes through and nothing is written. *capacity* guards the slot that the new head
        counts on, if it changed.

        Raises:
            NotFound: `request-unknown`, there is none, it has expired, or it was withdrawn.
            SlotFull: nothing was written.
        """
        ...

    def withdraw(
        self, request_id: str, transition: Callable[[ContactRequest], ContactRequest], *, now: datetime, deed: Deed
    ) -> bool:
        """Erase content and messages and leave the tombstone; False if there was nothing to withdraw. Repeatable."""
        ...

    def content(self, request: ContactRequest) -> bytes | None:
        """Read the sealed content that the head names; None if it is gone."""
        ...

    def messages(self, request_id: str) -> tuple[Message, ...]:
        """Read everything written since, oldest first."""
        ...

    def held_by(self, practitioner: str, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List the practitioner's live claims, earliest lease first."""
        ...

    def parked(self, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List what only a supervisor sees: parked requests, and waiting ones whose every window was missed."""
        ...

    def claimed(self, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List every claimed request, live or lapsed, earliest lease first."""
        ...

    def lanes(self, *, now: datetime, soon: datetime) -> tuple[LaneState, ...]:
        """
        Count each lane that holds anything: *due_soon* before *soon*, *overdue* past due or a window missed.

        A claim whose lease has lapsed counts as waiting: anybody may take it.
        """
        ...

    def slots_taken(self, slots: Iterable[Window], *, now: datetime) -> Mapping[str, int]:
        """Count, per slot id, the waiting and claimed requests that count on it now."""
        ...

    def unverified(self, *, at_most: int, now: datetime) -> int:
        """
        Count the unverified requests that wait, up to *at_most*: what guards the store from being filled by a machine.

        It is an estimate: an engine may give what the last `recount` found, and so miss whatever was submitted or
        handed out since; as many more get in as are sent between two rounds. A count of which nobody knows any more
        when it was true is none, and turns nobody away. Verified requests are never in it.
        """
        ...

    def recount(self, *, now: datetime) -> None:
        """Count anew what `unverified` tells; an engine that counts when it is asked does nothing."""
        ...

    def purge(self, *, now: datetime, erase: Callable[[Sequence[ContentName]], None]) -> int:
        """
        Delete what has expired, content and messages included; return how many requests went.

        *erase* is called first with what is about to go, so that no shred key outlives its request; if it raises,
        nothing of that step is deleted, and the next purge meets it again.
        """
        ...

    def forget_details(
        self,
        transition: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        erase: Callable[[Sequence[ContentName]], None],
    ) -> int:
        """
        Delete the sealed content, and nothing else, of closed requests whose `details_until` has come; count them.

        *erase* is called first, as in `purge`; *transition* marks each head. The trail is told `forget-details`.
        """
        ...

    def open_ids(self, *, now: datetime) -> frozenset[ContentName]:
        """
        Name the content of every request that is waiting, claimed or parked.

        An engine may miss one that has changed within the last seconds; it names none that is not there.
        """
        ...

    def closures(self) -> tuple[Window, ...]:
        """Read the stretches for which a supervisor has closed the line."""
        ...

    def close_line(self, closures: Sequence[Window], *, deed: Deed) -> None:
        """Put *closures* in the place of those before."""
        ...

    def record(self, deed: Deed) -> None:
        """Write a deed that changes nothing else, such as reading a request again."""
        ...

    def tally(self) -> Mapping[str, Mapping[str, int]]:
        """Count the trail's deeds by actor and verb."""
        ...

    def trail(self, *, after: int = 0, limit: int = 1000) -> tuple[Sequence[AuditEntry], TrailHead]:
        """Read the audit trail from the entry after *after*, and its head, as of one moment."""
        ...

    def ping(self) -> None:
        """
        Make sure that a write would be durable now.

        Raises:
            Unavailable: it would not.
        """
        ...


class ShredKeys(Protocol):
    """
    One random key for each request, under which everything written about it is encrypted once more.

    * Kept apart from the requests, in a place that is never backed up: once a key is erased, every copy of what it
      encrypts is noise, those in backups included. Restored requests meet the living keys.
    * A key is kept before anything that needs it is accepted, and is durable when `keep` returns. One that was kept
      for a request that was then not accepted is met by nobody, and goes when it expires.
    * A key is named by request and body, and written only if that name is free: nobody who knows a request's id can
      put another in its place.
    * A key that was erased leaves its name, without a key, until it would have expired: so what was erased on purpose
      is told from what was lost, by whoever puts back a copy of the requests.
    * Every failure of the engine is `Unavailable("storage")`.
    """

    def keep(
        self,
        keys: Mapping[ContentName, bytes],
        *,
        expires_at: datetime,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """
        Write keys whose names are new; a repeat of the same key is no failure, another or an erased one is.

        *meanwhile* is done once before this returns, in whichever thread, so that the wait for a disk is used. Where it
        fails, so does this, with its error, and the keys may have been kept. Where the keys cannot be kept, it may have
        been left undone; it is never still being done.
        """
        ...

    def key(self, name: ContentName, *, now: datetime) -> bytes | None:
        """Read a key, consistently; None if it was erased or has expired."""
        ...

    def erase(self, names: Sequence[ContentName]) -> None:
        """Erase keys for good, and leave their names; repeatable, and nothing where there is no key."""
        ...

    def mark(self, name: ContentName, *, expires_at: datetime) -> None:
        """Leave a name without a key, as an erased key does: what it names was taken back. Durable, and repeatable."""
        ...

    def purge(self, *, now: datetime) -> int:
        """Erase what has expired, keys and names that were left; return how many there were."""
        ...

    def names(self, *, now: datetime) -> Mapping[ContentName, bool]:
        """
        Name every key whose `keep` returned before this was called, and whether it is still kept: false if erased.

        A name that is not among them never had a key, or has expired, or its key was lost.
        """
        ...

    def ping(self) -> None:
        """
        Make sure that keys can be read now, and that nothing that can be told beforehand stops them from being kept.

        Raises:
            Unavailable: it is not so.
        """
        ...


class Overflow(Protocol):
    """
    Where an accepted request waits while the store refuses.

    * What `put` has taken is durable, and comes to be drained at least once, as it was put; perhaps more than once, in
      no particular order, and for as long as it has not been drained. It is not forgotten but by being drained; what
      was tried in vain too often is set aside for a person, with an alarm.
    * It waits for an answer for 1.5 seconds at the most: the requester has waited for the store before.
    """

    def put(self, overflowed: Overflowed) -> None:
        """
        Put a request aside.

        Raises:
            Unavailable: `storage`, it was not taken, or could not be told to have been.
        """
        ...


class Doorbell(Protocol):
    """
    Tells practitioners that something waits, and nothing of what.

    It carries what `Ring` has and nothing else, answers within a few seconds whether anybody heard it or not, and
    tries once: the queue is the truth, and the next round rings again.
    """

    def ring(self, rings: Sequence[Ring], *, at: datetime) -> None:
        """
        Ring once for the round that began at *at*.

        Raises:
            Unavailable: `doorbell`, it was not heard.
        """
        ...


class TrailAnchor(Protocol):
    """
    Remembers outside the store where the audit trail ended.

    A trail that was cut off together with its head, and given an older head of its own, verifies in itself; it cannot
    reach back behind the last anchor unseen. A backup that is put back is told in the same way: entries are missing.
    """

    def read(self) -> TrailHead | None:
        """Give the anchor; None if there has been none yet."""
        ...

    def keep(self, head: TrailHead) -> None:
        """Put *head* in the place of the anchor before."""
        ...


class Beliefs(Protocol):
    """
    Remembers what was last thought of the machine's clock, on that machine and in no copy of the requests.

    Every failure is `Unavailable("storage")`.
    """

    def read(self) -> Belief | None:
        """Give what was kept; None if nothing is known."""
        ...

    def keep(self, belief: Belief) -> None:
        """Put *belief* in the place of the one before, durably."""
        ...


class Mailer(Protocol):
    """Sends the answers that somebody asked to have by e-mail."""

    def send(self, *, sender: str, to: str, subject: str, text: str, request_id: str, message_id: str) -> None:
        """
        Send one message, or hand it over to what does; the same *message_id* again is the same message.

        Raises:
            Unavailable: `mail`, it was not taken.
        """
        ...

    def erase(self, request_id: str) -> None:
        """Erase whatever of a request's mail is still here."""
        ...

    def kept(self) -> Iterable[str]:
        """List the requests of which mail is still here."""
        ...


class Gauges(Protocol):
    """Where figures go that an alarm hangs on; they are counts and minutes, and never about one person."""

    def show(self, figures: Mapping[str, int], *, now: datetime) -> None:
        """Show each of *figures* as of *now*."""
        ...


class PartnerKeys(Protocol):
    """
    What is kept of partners' keys.

    * A key that was revoked stays revoked: what returned is durable, and every instance sees it with its next look.
    * Deeds are written with their change, or neither is.
    * Every failure of the engine is `Unavailable("storage")`.
    """

    def issue(self, key: PartnerKey, *, deed: Deed) -> None:
        """
        Keep a new key.

        Raises:
            Conflict: `key-id-taken`; there is one of that id.
        """
        ...

    def get(self, key_id: str) -> PartnerKey | None:
        """Read one key, consistently, revoked ones included."""
        ...

    def every(self) -> tuple[PartnerKey, ...]:
        """List every key there ever was, by id."""
        ...

    def revoke(self, key_id: str, *, by: str, at: datetime, deed: Deed) -> PartnerKey | None:
        """Revoke a key; one that was revoked before stays as it is, without another deed; None if there is none."""
        ...


class Counters(Protocol):
    """
    Counts of what happened, apart from everything that is about somebody.

    * A count is a number under a *ledger*, a month and a cell, and nothing else is kept: no time, no order in which
      counts came, nothing that says which request one came from. It is in no backup.
    * `add` is tried once and bounded in time. Counts are rounded before anybody sees them: one that is lost, or was
      added though its answer was lost, is accepted; one that is tried again might count twice.
    * Many at once do not wait for one another's key.
    * Every failure of the engine is `Unavailable("storage")`.
    """

    def add(self, ledger: str, month: str, cell: str) -> None:
        """Count one more."""
        ...

    def read(self, ledger: str, *, since: str) -> Mapping[tuple[str, str], int]:
        """Read a ledger's counts by month and cell, from the month *since* on."""
        ...


class Releases(Protocol):
    """
    What has been published of each month: kept once, read by everybody, never changed.

    Every failure of the engine is `Unavailable("storage")`.
    """

    def keep(self, month: str, release: str) -> None:
        """Keep a month's release, unless the month has one."""
        ...

    def read(self, *, since: str, until: str) -> Mapping[str, str]:
        """Read the releases of the months from *since* to *until*, both included, in order."""
        ...


class Printer(Protocol):
    """
    Sets what a campaign's partners print: A4 as PDF/UA, with its language, title, structure and typefaces in it.

    The same leaflet gives the same bytes, whenever and wherever. The QR codes say the leaflet's link and nothing else.
    """

    def letter(self, leaflet: Leaflet) -> bytes:
        """Set a letter, on as many pages as it needs."""
        ...

    def poster(self, leaflet: Leaflet) -> bytes:
        """Set a poster, on one page."""
        ...

    def qr_svg(self, link: str) -> bytes:
        """Draw the QR code to be printed in any size."""
        ...

    def qr_png(self, link: str) -> bytes:
        """Draw the QR code for a document or a screen."""
        ...


class ContentStore(Protocol):
    """The helpline's own content, reviewed by people."""

    def helpline(self) -> Mapping[str, object]:
        """Give who the helpline is: names, phones, hours, nation, slots, emergency advice."""
        ...

    def statement(self) -> Mapping[str, object]:
        """Give the statement of limited confidentiality: its version, and its text in each language."""
        ...

    def consent(self) -> Mapping[str, object]:
        """Give what people agree to before they are referred: the version in force, and every version's texts."""
        ...

    def reference_words(self) -> tuple[Sequence[str], Sequence[str]]:
        """Give the two lists that references are made of."""
        ...

    def signposts(self) -> Sequence[Signpost]:
        """
        Give every signpost, those no longer offered included; nothing that was ever given out is removed.

        The same object as long as nothing has changed, and another one as soon as something has: what is made from
        it is kept until then.
        """
        ...

    def campaigns(self) -> Sequence[Campaign]:
        """Give every campaign, those that are over included; the same object as long as nothing has changed."""
        ...

    def organizations(self) -> Sequence[Organization]:
        """Give everybody who offers help; a change shows in `signposts` as well."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...

    def sessions(self) -> Sequence[Session]:
        """Give every live session, those that are over included; the same object until one changes."""
        ...

    def help_pages(self) -> Mapping[str, object]:
        """Give what the pages for each audience say: title, lead, questions and answers, by language."""
        ...

    def search_words(self) -> Mapping[str, object]:
        """Give the words in which people look for help: by language, what they mean."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """
    One state of a record that editors write: *body* is its JSON as it was checked, None where it was taken down.

    *revision* counts every write of the record from 1 (what is packaged with the house is revision 0); it is the ETag.
    """

    kind: str
    record_id: str
    revision: int
    body: bytes | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A record as its editors see it: what is out, and the newest *draft* if that has not been published."""

    draft: Version | None
    published: Version | None

    @property
    def revision(self) -> int:
        """The newest write: what the next one has to know."""
        return max((each.revision for each in (self.draft, self.published) if each is not None), default=0)


class Publications(Protocol):
    """
    What editors write without a deployment: records by *kind* (`signpost`, `campaign`, `session`, ...) and id.

    * Every write names the *revision* that it was made from, and is refused with `Conflict("edited-meanwhile")` if
      that is not the newest: two editors cannot overwrite each other. Deeds are written with their change, or not.
    * A publication is whole: readers meet all of it or nothing. `edition` moves with each and never goes back.
    * Every version that was ever published is kept, for `history` and for going back to it.
    * Every failure of the engine is `Unavailable("storage")`.
    """

    def edition(self) -> int:
        """Count the publications so far: one small consistent read, for readers to see whether there is news."""
        ...

    def published(self, kind: str) -> tuple[int, tuple[Version, ...]]:
        """Read what is out, of one kind, in order of id, what was taken down included; with the edition it is of."""
        ...

    def written(self, kind: str) -> Mapping[str, Written]:
        """Read every record of a kind with its draft, for editors."""
        ...

    def record(self, kind: str, record_id: str) -> Written | None:
        """Read one record, consistently."""
        ...

    def history(self, kind: str, record_id: str) -> tuple[Version, ...]:
        """Read every version that was published, newest first."""
        ...

    def draft(self, kind: str, record_id: str, body: bytes | None, *, revision: int, deed: Deed) -> Version:
        """
        Put a draft in the place of the one before; what is out stays out. *deed* says who and when.

        Raises:
            Conflict: `edited-meanwhile`.
        """
        ...

    def discard(self, kind: str, record_id: str, *, revision: int, deed: Deed) -> None:
        """
        Throw the draft away.

        Raises:
            Conflict: `edited-meanwhile`.
        """
        ...

    def publish(self, kind: str, record_id: str, body: bytes | None, *, revision: int, deed: Deed) -> Version:
        """
        Put *body* out: the draft, or an earlier version again; the draft is gone afterwards, and the edition has moved.

        Raises:
            Conflict: `edited-meanwhile`.
        """
        ...


class Transcripts(Protocol):
    """
    What the hosts of live sessions have answered in public: each session's entries, in the order of their *seq*.

    * `add` is repeatable by *entry_id*: the first text stands, so that a question is never answered twice.
    * Of any number of hosts who add at once, each gets a *seq* of their own, without gaps, and a reader who asks for
      what came after a *seq* misses nothing, whenever they ask.
    * Every failure of the engine is `Unavailable("storage")`.
    """

    def add(self, session: str, entry: Answered) -> Answered:
        """Put *entry* at the end, whatever its *seq* says, or give the one that has its id already."""
        ...

    def retract(self, session: str, entry_id: str) -> Answered | None:
        """Empty an entry and move it to the end, for those who have read it to see; None if there is none."""
        ...

    def find(self, session: str, entry_id: str) -> Answered | None:
        """Read one entry, consistently."""
        ...

    def last(self, session: str) -> int:
        """Read the highest *seq*, 0 if there is no entry: what a reader who has it need not ask further for."""
        ...

    def after(self, session: str, seq: int, *, limit: int) -> tuple[Answered, ...]:
        """Read up to *limit* entries with a higher *seq*, in order."""
        ...


class SignIn(Protocol):
    """Who signs people in at the desk."""

    def service(self) -> SignInService:
        """
        Say where a browser begins to sign somebody in.

        Raises:
            Unavailable: `sign-in-unavailable`, there is nobody who signs in, or they do not answer.
        """
        ...


class Identity(Protocol):
    """Who a bearer token speaks for."""

    def person(self, bearer: str) -> Person:
        """
        Verify a token.

        Raises:
            Unauthenticated: it is not valid now.
            Unavailable: `sign-in-unavailable`, no keys to verify it with can be had.
        """
        ...
