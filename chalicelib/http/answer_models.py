"""
What is answered, as the contract describes it: answers are written by hand, and no answer waits for a model.

A module of its own, so that a cold start makes the models of what arrives and not these.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from chalicelib.http.desk_models import ClosureSpan
from chalicelib.http.models import AnyKind, Concern, KindName, OutcomeName, Status


class Answer(BaseModel):
    """What answers share: described in `openapi.json`, open to growth."""

    model_config = ConfigDict(defer_build=True)


class FieldProblem(Answer):
    """One place that is wrong: a JSON pointer from the known fields, and a code; never what was sent."""

    pointer: str
    code: str


class Contact(Answer):
    """How to reach the helpline instead."""

    phone: str
    hours: str


class Problem(Answer):
    """RFC 9457 problem+json, with another way to reach help."""

    type: str
    title: str
    status: int
    detail: str | SkipJsonSchema[None] = None
    code: str
    errors: list[FieldProblem] = []
    helpline: Contact
    statement: StatementAnswer | SkipJsonSchema[None] = Field(
        default=None,
        description="With the codes `statement-outdated` and `consent-outdated`: the one in force, to be agreed to.",
    )


class StatementAnswer(Answer):
    """The statement of limited confidentiality in force."""

    version: str
    language: Literal["en", "cy"]
    title: str
    summary: list[str]
    text: list[str]


class PhoneAnswer(Answer):
    """A number to ring."""

    number: str
    e164: str
    free: bool
    label: str


class HelplineAnswer(Answer):
    """How and when to reach the helpline."""

    name: str
    organisation: str
    website: str
    phones: list[PhoneAnswer]
    hours: str
    open_now: bool
    opens_at: datetime | None
    opens_local: str | None
    emergency: str
    language: Literal["en", "cy"]


class SlotAnswer(Answer):
    """A callback window, as an instant and as people say it."""

    id: str
    starts_at: datetime
    ends_at: datetime
    local: str


class SlotsAnswer(Answer):
    """The slots that can be chosen."""

    slots: list[SlotAnswer]


class KeyAnswer(Answer):
    """A public key to seal to: an uncompressed P-256 point in base64url."""

    key_id: str
    kem: str
    public_key: str


class KeysAnswer(Answer):
    """Every recipient that content is sealed to."""

    suite: str
    keys: list[KeyAnswer]


class ChallengeParameters(Answer):
    """What is to be solved: the counter whose derived key begins with *keyPrefix*."""

    algorithm: str
    cost: int
    key_length: int = Field(alias="keyLength")
    key_prefix: str = Field(alias="keyPrefix")
    nonce: str
    salt: str
    key_signature: str = Field(alias="keySignature")
    expires_at: int = Field(alias="expiresAt", description="Seconds since 1970.")
    data: dict[str, Any]


class ChallengeAnswer(Answer):
    """A challenge of ALTCHA v2, for any of its solvers."""

    parameters: ChallengeParameters
    signature: str


class Due(Answer):
    """By when, as an instant and as people say it."""

    by: datetime
    local: str


class Line(Answer):
    """Whether somebody answers the phone now, and if not, when."""

    open_now: bool
    opens_at: datetime | None
    opens_local: str | None


class AcceptedAnswer(Answer):
    """A request was accepted and is durable; the receipt is shown this once, unless a browser made it itself."""

    receipt: str | SkipJsonSchema[None] = None
    request_id: str
    reference: str
    status: Literal["waiting"]
    due: Due
    expires_on: date
    line: Line
    next: list[str]


class SignpostLink(Answer):
    """A signpost as it stands in a letter."""

    id: str
    name: str
    url: str | None = None
    phone: str | None = None


class LetterAnswer(Answer):
    """
    One message; *at* is cut to the hour; *code* names what the helpline notes by itself.

    The code `invalid` marks what a requester's browser sealed in another form than a message has; *text* is what is
    there. A browser that shows the lookup value alone is given *sealed* instead, to open by itself.
    """

    author: Literal["requester", "helpline", "colleague"]
    at: datetime
    text: str | None = None
    code: str | None = None
    message_id: str | SkipJsonSchema[None] = None
    sealed: str | SkipJsonSchema[None] = None
    agreed_actions: list[str] = []
    signposts: list[SignpostLink] = []


class MailboxAnswer(Answer):
    """What a receipt opens."""

    kind: AnyKind
    status: Literal["waiting", "claimed", "closed"]
    reference: str
    slot: SlotAnswer | None
    due: Due
    expires_on: date
    messages: list[LetterAnswer]


class ProgressAnswer(Answer):
    """How a request stands after a change."""

    status: Status
    slot: SlotAnswer | None
    due: Due
    attempts: int
    outcome: OutcomeName | None


class RepliedAnswer(ProgressAnswer):
    """A reply is in the mailbox; *emailed* tells whether it also left by e-mail, if that was asked for."""

    emailed: bool | None


class LaneAnswer(Answer):
    """How one lane stands."""

    kind: KindName
    language: Literal["en", "cy"]
    waiting: int
    oldest_wait_hours: int | None
    due_soon: int
    overdue: int
    claimed: int
    parked: int


class QueueAnswer(Answer):
    """The queue's state by lane, without content."""

    lanes: list[LaneAnswer]
    rung_at: datetime | None


class ClaimAnswer(Answer):
    """A hold: the fence and its limit."""

    request_id: str
    number: int
    lease_until: datetime
    lease_seconds: int


class ClaimedRequest(Answer):
    """A request in a practitioner's hands."""

    kind: KindName
    language: str
    interpreter: bool
    reference: str
    slot: SlotAnswer | None
    due: Due
    overdue: bool
    may_ring_now: bool
    ring_until: datetime | None
    attempts: int
    lapses: int
    details: dict[str, Any] | None
    unreadable: str | None = Field(
        description="Why there are no *details*: `damaged`, `erased`, `key-missing`; or why they are not as they should"
        " be: `invalid`, and then they are what is there, each field as text."
    )
    messages: list[LetterAnswer]
    notes: list[LetterAnswer]
    referral: ReferralOrigin | None = Field(description="Of a referral: who sent it, and what was agreed to.")


class ConsentGiven(Answer):
    """What a referred person agreed to, in the words of then; there are none if that version is no longer known."""

    version: str
    language: Literal["en", "cy"]
    how: Literal["in-person", "by-phone", "by-video", "in-writing"]
    given_on: date
    title: str | None
    text: list[str]


class ReferralOrigin(Answer):
    """Which partner referred, and with whose consent; for whoever holds the request, and in no list."""

    partner: str
    consent: ConsentGiven


class ClaimedAnswer(Answer):
    """What a claim hands out."""

    claim: ClaimAnswer
    request: ClaimedRequest


class HeldAnswer(ClaimAnswer):
    """One of my live claims, without content."""

    kind: KindName
    language: str
    reference: str


class ClaimsAnswer(Answer):
    """My live claims."""

    claims: list[HeldAnswer]


class RenewedAnswer(Answer):
    """A renewed hold."""

    claim: ClaimAnswer


class AsideHead(Answer):
    """A request as a supervisor sees it, without content."""

    request_id: str
    kind: AnyKind
    language: str
    reference: str
    status: Status
    number: int
    lapses: int
    attempts: int
    due: Due
    claimed_by: str | None
    lease_until: datetime | None


class PersonTally(Answer):
    """How many requests somebody has opened, released and closed."""

    person: str
    opened: int
    released: int
    closed: int


class OfferedSignpost(SignpostLink):
    """A signpost that can be sent along, and whom it is for."""

    audience: list[Concern]


class OfferedAnswer(Answer):
    """All that can be sent along with a reply, in the language of whoever is to read it."""

    signposts: list[OfferedSignpost]
    language: Literal["en", "cy"]


class MeAnswer(Answer):
    """Who is signed in, and what they may do."""

    subject: str
    scopes: list[str]


class AsideAnswer(Answer):
    """What needs a supervisor."""

    parked: list[AsideHead]
    missed: list[AsideHead]
    claims: list[AsideHead]
    people: list[PersonTally]
    closures: list[ClosureSpan]


class ClosuresAnswer(Answer):
    """The closures in force."""

    closures: list[ClosureSpan]


class AuditEntryAnswer(Answer):
    """One deed of the trail; what was not done to a request says to what, as kind and name: `signpost/get-help`."""

    seq: int
    at: datetime
    actor: str
    verb: str
    request_id: str | None
    number: int | None
    about: str | None
    mac: str


class AuditAnswer(Answer):
    """A page of the trail, and whether the whole of it holds together."""

    entries: list[AuditEntryAnswer]
    count: int
    verified: bool
    broken_at: int | None
    next_after: int | None


class HealthAnswer(Answer):
    """Whether requests can be accepted durably, and which part is down."""

    status: Literal["ok", "down"]
    parts: dict[str, str]
    detail: str | SkipJsonSchema[None] = Field(default=None, description="What is wrong, in a sentence.")


class SignpostPhone(Answer):
    """A number to ring, and whether it is free."""

    number: str
    e164: str | SkipJsonSchema[None] = None
    free: bool | SkipJsonSchema[None] = None


class SignpostOrganisation(Answer):
    """Who offers the help."""

    name: str


class SignpostAnswer(Answer):
    """An offer of help in one language; what does not apply is left out, never null."""

    id: str
    name: str
    summary: str
    hours: str | SkipJsonSchema[None] = None
    url: str | SkipJsonSchema[None] = None
    phones: list[SignpostPhone] = []
    audience: list[Concern] = []
    topics: list[str] = []
    regions: list[str] = []
    languages: list[str] = []
    language: Literal["en", "cy"]
    anonymous: bool
    minimum_age: int | SkipJsonSchema[None] = None
    maximum_age: int | SkipJsonSchema[None] = None
    organization: SignpostOrganisation
    assured_date: date
    source: str
    licence: str


class SignpostsAnswer(Answer):
    """The signposts that suit: *count* of them here, *total* in all; *next_page* where there are more."""

    signposts: list[SignpostAnswer]
    count: int
    language: Literal["en", "cy"]
    total: int
    next_page: int | None = None


class MatchAnswer(Answer):
    """
    One reason why a signpost was found, in our words.

    *value* is the code of an audience or a topic, the id of the signpost, or a word in which its name or summary
    agrees.
    """

    kind: Literal["audience", "topic", "signpost", "name", "summary"]
    value: str
    label: str


class FoundSignpostAnswer(SignpostAnswer):
    """A signpost that was found, and why: the weightiest reason first."""

    matched: list[MatchAnswer]


class SearchAnswer(Answer):
    """What was found, best first."""

    signposts: list[FoundSignpostAnswer]
    count: int
    language: Literal["en", "cy"]


class ReferralAnswer(Answer):
    """All that a partner learns of a referral."""

    id: str
    status: Literal["received", "closed"]


class PartnerKeyAnswer(Answer):
    """What is kept of a key."""

    id: str
    partner: str
    issued_by: str
    issued_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None


class IssuedKeyAnswer(PartnerKeyAnswer):
    """A new key; it is shown this once."""

    key: str


class PartnerKeysAnswer(Answer):
    """Every key there ever was, by id."""

    keys: list[PartnerKeyAnswer]
