"""
Wire models: what may arrive, and what is answered. They never travel inwards; use cases get plain values.

Strict, and closed to unknown keys: a misspelt field that was quietly dropped could be the one that keeps somebody safe.
`openapi.json` is generated from these.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.json_schema import SkipJsonSchema

from chalicelib.domain.envelope import STEP, Envelope, Recipient
from chalicelib.domain.errors import Conflict
from chalicelib.domain.receipts import decode, encode
from chalicelib.domain.requests import Kind
from chalicelib.usecases.correspondence import SealedLetter

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGE_TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
REGION = r"^[ENSWK][0-9]{8}$"
SLOT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z/[0-9]{1,3}[hm]$"
EMAIL = r"^[A-Za-z0-9._%+'\-]{1,64}@[A-Za-z0-9\-]{1,63}(\.[A-Za-z0-9\-]{1,63})+$"
MESSAGE_LIMIT = 3000
"""Characters of a message: what fits on a page, and what one can say before a call."""

QUESTION_LIMIT = 1000
"""Characters of a question in a live session: it is read out to everybody."""

Concern = Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
NOT_BLANK = {"pattern": r"[^\s\x85]"}
"""For `openapi.json` alone: lengths are counted after trimming, and a schema cannot say so otherwise."""
THREE_OR_MORE = {"pattern": r"[^\s\x85][\s\S]+[^\s\x85]"}
Status = Literal["waiting", "claimed", "closed", "parked", "withdrawn"]
KindName = Literal["callback", "information", "referral"]
AnyKind = Literal["callback", "information", "referral", "question"]
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


def as_whole(value: object) -> object:
    """Read 1.0 as 1: in JSON, and to a schema that asks for an integer, they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(as_whole)]
Minutes = Annotated[int, Field(ge=1, le=240), BeforeValidator(as_whole)]


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
        Field(json_schema_extra=THREE_OR_MORE),
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


class QuestionDetails(Wire):
    """What is sealed of a question to the hosts of a live session; *private* asks for an answer in the mailbox only."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=QUESTION_LIMIT),
        Field(json_schema_extra=NOT_BLANK),
    ]
    private: bool = False


CIPHERTEXT_STEPS = 5
"""Steps of 4 KiB that sealed content may have: the longest honest details are under 16 KiB."""
_TAG, _NONCE = 16, 12
_LAST = "[AEIMQUYcgkosw048]"
"""A last character that carries no bits beyond the bytes: of each size there is exactly one way to write them."""
REQUEST_ID = rf"^[A-Za-z0-9_-]{{42}}{_LAST}$"
MESSAGE_ID = r"^[A-Za-z0-9_-]{16}$"
KEY_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"


def _padded(text: str, extra: int, pointer: str) -> bytes:
    """
    Read what is sealed, and make sure that it was padded: a size of its own would say how much somebody wrote.

    Raises:
        Conflict: `not-padded`, which no schema can say.
    """
    try:
        raw = decode(text)
    except ValueError:
        raw = b""
    size = len(raw) - extra
    if size % STEP or not STEP <= size <= CIPHERTEXT_STEPS * STEP or encode(raw) != text:
        raise Conflict("not-padded", pointer=pointer)
    return raw


class SealedKey(Wire):
    """The content key, sealed to one of the keys of `GET /v1/keys`: a P-256 point, and 48 bytes."""

    key_id: Annotated[str, StringConstraints(pattern=KEY_ID)]
    enc: Annotated[str, StringConstraints(pattern=rf"^B[A-Za-z0-9_-]{{85}}{_LAST}$")]
    ct: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{64}$")]


class Sealed(Wire):
    """
    What a browser sealed: HPKE (RFC 9180) and AES-256-GCM, every part in base64url without padding.

    *ct* is the encrypted content, padded to steps of 4 KiB before: 5,483, 10,944, 16,406, 21,867 or 27,328 characters.
    """

    v: Literal[1]
    request_id: Annotated[str, StringConstraints(pattern=REQUEST_ID)]
    nonce: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16}$")]
    ct: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=28000)]
    recipients: Annotated[list[SealedKey], Field(min_length=1, max_length=8)]

    def envelope(self) -> Envelope:
        """
        Give it as what it is.

        Raises:
            Conflict: `not-padded`.
        """
        return Envelope(
            request_id=self.request_id,
            nonce=decode(self.nonce),
            ct=_padded(self.ct, _TAG, "/sealed/ct"),
            recipients=tuple(
                Recipient(key_id=each.key_id, enc=decode(each.enc), ct=decode(each.ct)) for each in self.recipients
            ),
        )


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


class SealedCallback(_Submission):
    """Body of `POST /v1/callbacks` from a browser that sealed it: `{details, mailbox_key}`, of the kind `callback`."""

    sealed: Sealed
    slot: SlotId | None = None
    also: Annotated[list[SlotId], Field(max_length=3)] = []


class SealedInformation(_Submission):
    """Body of `POST /v1/information-requests` from a browser that sealed it, of the kind `information`."""

    sealed: Sealed


class QuestionSubmission(_Submission):
    """Body of `POST /v1/sessions/{session_id}/questions`."""

    details: QuestionDetails


class SealedQuestion(_Submission):
    """Body of `POST /v1/sessions/{session_id}/questions` from a browser that sealed it, of the kind `question`."""

    sealed: Sealed


class MessageSubmission(Wire):
    """Body of `POST /v1/mailbox/messages`."""

    text: Text


class SealedMessage(Wire):
    """
    Body of `POST /v1/mailbox/messages` from a browser that sealed it: `{text}`, of the kind `message:MESSAGE_ID`.

    *copy* is the same under the mailbox key, for the mailbox: a nonce of 12 bytes, then AES-256-GCM, padded.
    """

    message_id: Annotated[str, StringConstraints(pattern=MESSAGE_ID)]
    sealed: Sealed
    copy_: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=28000),
        Field(alias="copy"),
    ]

    def letter(self) -> SealedLetter:
        """
        Give it as what it is.

        Raises:
            Conflict: `not-padded`.
        """
        return SealedLetter(
            message_id=self.message_id,
            for_desk=self.sealed.envelope(),
            for_mailbox=_padded(self.copy_, _NONCE + _TAG, "/copy"),
        )


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
            Field(json_schema_extra=THREE_OR_MORE),
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


def checked_details(kind: str, details: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    Check details that arrived sealed, now that they are open, by the models that check those that arrive in the clear.

    None says that they do not validate; why is nobody's to know but the practitioner's, who sees them as they are.
    """
    return checked_as(_DETAILS[kind], details)


def checked_as(model: type[Wire], details: Mapping[str, Any]) -> dict[str, Any] | None:
    """Check details by *model*."""
    try:
        return model.model_validate_json(json.dumps(details)).model_dump(exclude_none=True)
    except (ValidationError, ValueError, RecursionError):
        return None


_DETAILS: Mapping[str, type[Wire]] = {
    Kind.CALLBACK: CallbackDetails,
    Kind.INFORMATION: InformationDetails,
    Kind.QUESTION: QuestionDetails,
}


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
