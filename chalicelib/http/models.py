"""
Wire models: what may arrive, and what is answered. They never travel inwards; use cases get plain values.

Strict, and closed to unknown keys: a misspelt field that was quietly dropped could be the one that keeps somebody safe.
`openapi.json` is generated from these.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from chalicelib.domain.envelope import STEP, Envelope, Recipient
from chalicelib.domain.errors import Conflict
from chalicelib.domain.receipts import decode, encode
from chalicelib.domain.requests import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.usecases.correspondence import SealedLetter

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


def none_yet() -> Any:  # noqa: ANN401 - what pydantic takes for a default
    """Let a list be empty unless it is sent: a new one each time, where pydantic would copy one that stands here."""
    return Field(default_factory=list, json_schema_extra={"default": []})


Whole = Annotated[int, BeforeValidator(as_whole)]
Minutes = Annotated[int, Field(ge=1, le=240), BeforeValidator(as_whole)]


class Wire(BaseModel):
    """What all of them share. Pydantic would keep short strings for the next time: what people write is not kept."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True, frozen=True, cache_strings="none")


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
    access_needs: Annotated[list[Slug], Field(max_length=10)] = none_yet()


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
    altcha: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        default=None,
        exclude=True,  # a repeat is the same with another: `model_dump_json` is what tells repeats apart
    )


class CallbackSubmission(_Submission):
    """Body of `POST /v1/callbacks`."""

    details: CallbackDetails
    slot: SlotId | None = None
    also: Annotated[list[SlotId], Field(max_length=3)] = none_yet()


class InformationSubmission(_Submission):
    """Body of `POST /v1/information-requests`."""

    details: InformationDetails


class SealedCallback(_Submission):
    """Body of `POST /v1/callbacks` from a browser that sealed it: `{details, mailbox_key}`, of the kind `callback`."""

    sealed: Sealed
    slot: SlotId | None = None
    also: Annotated[list[SlotId], Field(max_length=3)] = none_yet()


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
        from chalicelib.usecases.correspondence import SealedLetter  # noqa: PLC0415 - whoever submits writes no letter

        return SealedLetter(
            message_id=self.message_id,
            for_desk=self.sealed.envelope(),
            for_mailbox=_padded(self.copy_, _NONCE + _TAG, "/copy"),
        )


class SlotChoice(Wire):
    """Body of `PUT /v1/mailbox/slot`."""

    slot: SlotId


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
