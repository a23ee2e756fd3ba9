"""
Wire models: what may arrive, and what is answered. They never travel inwards; use cases get plain values.

Strict, and closed to unknown keys: a misspelt field that was quietly dropped could be the one that keeps somebody safe.
`openapi.json` is generated from these.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

LANGUAGE_TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
REGION = r"^[ENSWK][0-9]{8}$"
SLOT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z/[0-9]{1,3}[hm]$"
EMAIL = r"^[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$"
MESSAGE_LIMIT = 3000
"""Characters of a message: what fits on a page, and what one can say before a call."""

Concern = Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
NOT_BLANK = {"pattern": r"\S"}
"""For `openapi.json` alone: lengths are counted after trimming, and a schema cannot say so otherwise."""
Status = Literal["waiting", "claimed", "closed", "parked", "withdrawn"]
KindName = Literal["callback", "information", "referral"]
OutcomeName = Literal["answered", "signposted", "unreachable", "escalated", "declined"]
Short = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), Field(json_schema_extra=NOT_BLANK)
]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_LIMIT),
    Field(json_schema_extra=NOT_BLANK),
]
SlotId = Annotated[str, StringConstraints(pattern=SLOT)]
LanguageTag = Annotated[str, StringConstraints(pattern=LANGUAGE_TAG, max_length=35)]
Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=60)]


def _whole(value: object) -> object:
    """Read 1.0 as 1: in JSON, and to a schema that asks for an integer, they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Minutes = Annotated[int, Field(ge=1, le=240), BeforeValidator(_whole)]


class Wire(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True, frozen=True)


class Safety(Wire):
    """The safe-contact contract: how to ring without giving anybody away."""

    voicemail: Literal["never", "neutral", "ok"]
    caller_id: Literal["withheld", "shown"] = "withheld"
    code_word: Short | None = None
    if_someone_else_answers: Literal["hang-up", "ask-for-name", "wrong-number"] = "hang-up"
    text_first: bool = False


class CallbackDetails(Wire):
    """What is sealed of a callback."""

    concern: Concern
    phone: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=3, max_length=40),
        Field(json_schema_extra={"pattern": r"\S[\s\S]+\S"}),
    ]
    name: Short | None = None
    message: Text | None = None
    safety: Safety
    access_needs: Annotated[list[Slug], Field(max_length=10)] = []


class InformationDetails(Wire):
    """What is sealed of an information request; the answer comes to the mailbox unless an e-mail address is given."""

    concern: Concern
    message: Text
    name: Short | None = None
    email: Annotated[str, StringConstraints(pattern=EMAIL, max_length=254)] | None = None


class _Submission(Wire):
    statement_version: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    language: LanguageTag = "en"
    region: Annotated[str, StringConstraints(pattern=REGION)] | None = None
    campaign: Slug | None = None
    altcha: Annotated[str, StringConstraints(max_length=4096)] | None = None


class CallbackSubmission(_Submission):
    """Body of `POST /v1/callbacks`."""

    details: CallbackDetails
    slot: SlotId | None = None
    also: Annotated[list[SlotId], Field(max_length=3)] = []


class InformationSubmission(_Submission):
    """Body of `POST /v1/information-requests`."""

    details: InformationDetails


class MessageSubmission(Wire):
    """Body of `POST /v1/mailbox/messages`."""

    text: Text


class SlotChoice(Wire):
    """Body of `PUT /v1/mailbox/slot`."""

    slot: SlotId


class ClaimSubmission(Wire):
    """Body of `POST /v1/desk/claims`; an empty one asks for the most urgent request of any lane."""

    kinds: Annotated[list[KindName], Field(max_length=3)] = []
    languages: Annotated[list[LanguageTag], Field(max_length=10)] = []
    reference: (
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, min_length=3, max_length=60),
            Field(json_schema_extra={"pattern": r"\S[\s\S]+\S"}),
        ]
        | None
    ) = None
    lease_minutes: Minutes | None = None


class Fenced(Wire):
    """A write after a claim: *number* is compared and never range-checked."""

    number: Whole


class RenewSubmission(Fenced):
    """Body of `.../renew`."""

    lease_minutes: Minutes | None = None


class ReleaseSubmission(Fenced):
    """Body of `.../release`."""

    reason: (
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
            Field(json_schema_extra=NOT_BLANK),
        ]
        | None
    ) = None


class AttemptSubmission(Fenced):
    """Body of `.../attempts`."""

    result: Literal["no-answer", "voicemail", "someone-else"]


class ReplySubmission(Fenced):
    """Body of `.../replies`."""

    text: Text
    signposts: Annotated[list[Slug], Field(max_length=10)] = []
    by_email: bool = False


class NoteSubmission(Fenced):
    """Body of `.../notes`."""

    text: Text


class CloseSubmission(Fenced):
    """Body of `.../close`."""

    outcome: OutcomeName
    agreed_actions: Annotated[
        list[
            Annotated[
                str,
                StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
                Field(json_schema_extra=NOT_BLANK),
            ]
        ],
        Field(max_length=10),
    ] = []
    signposts: Annotated[list[Slug], Field(max_length=10)] = []


class ClosureSpan(Wire):
    """A stretch for which the line is closed."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime


class ClosuresSubmission(Wire):
    """Body of `PUT /v1/desk/closures`: all closures from now on, in the place of those before."""

    closures: Annotated[list[ClosureSpan], Field(max_length=50)]


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
        default=None, description="With the code `statement-outdated`: the one in force, to show and to acknowledge."
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
    """A request was accepted and is durable; the receipt is shown this once."""

    receipt: str
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
    """One message; *at* is cut to the hour; *code* names what the helpline notes by itself."""

    author: Literal["requester", "helpline", "colleague"]
    at: datetime
    text: str | None = None
    code: str | None = None
    agreed_actions: list[str] = []
    signposts: list[SignpostLink] = []


class MailboxAnswer(Answer):
    """What a receipt opens."""

    kind: KindName
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
    unreadable: str | None
    messages: list[LetterAnswer]
    notes: list[LetterAnswer]


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
    kind: KindName
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
    """One deed of the trail."""

    seq: int
    at: datetime
    actor: str
    verb: str
    request_id: str | None
    number: int | None
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
    """The signposts that suit."""

    signposts: list[SignpostAnswer]
    count: int
    language: Literal["en", "cy"]


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
