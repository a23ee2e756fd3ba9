"""What anybody may ask: about the helpline, for help, and with a receipt; and whether the house is well."""

from __future__ import annotations

from chalicelib.http import answer_models, models
from chalicelib.http.contract.parts import (
    EXAMPLE_SLOT,
    EXAMPLE_STATEMENT,
    FILTERED,
    OF_RECEIPT,
    RANGED,
    RECEIPT,
    REPEATABLE,
    STORED,
    SUBMITTED,
    WORDS,
    WRITING,
    WRITTEN,
    Operation,
    Schema,
    any_of,
    leaves,
)

_DETAILS = {
    "concern": "own-behaviour",
    "phone": "07700 900123",
    "name": "Sam",
    "message": "I would like to talk to somebody.",
    "safety": {
        "voicemail": "never",
        "caller_id": "withheld",
        "code_word": "bluebell",
        "if_someone_else_answers": "hang-up",
        "text_first": False,
    },
    "access_needs": ["text-relay"],
}
_CALLBACK = {
    "statement_version": EXAMPLE_STATEMENT,
    "details": _DETAILS,
    "slot": EXAMPLE_SLOT,
    "also": [],
    "language": "en",
}
_INFORMATION = {
    "statement_version": EXAMPLE_STATEMENT,
    "details": {"concern": "someone-else", "message": "Where can I read more?"},
    "language": "en",
}


def mailbox_form() -> Schema:
    """Describe the form of the page of the mailbox."""
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "action": {
                "type": "string",
                "description": "`read` (also if left out), `message`, `slot`, `withdraw`; `check` compares a note",
            },
            "confirm": {"type": "string", "description": "`yes`, to withdraw"},
            "ending": {"type": "string", "description": "To check a note: how the receipt ends in it."},
            "lookup": {"type": "string", "description": "In the receipt's place, from a browser that keeps it."},
            "receipt": {"type": "string", "pattern": r"\S"},
            "sealed": {"type": "string", "description": "A `SealedMessage` as JSON, in the place of `text`."},
            "slot": text,
            "text": text,
        },
        "required": ["receipt"],
    }


def request_form() -> Schema:
    """Describe the form of the page of a request, of either kind."""
    form = leaves(models.CallbackSubmission, models.CallbackDetails, models.Safety, models.InformationDetails)
    return {**form, "required": ["concern", "statement_version"]}


def public() -> tuple[Operation, ...]:
    """List what is open to everybody."""
    return (
        Operation(
            name="statement",
            method="get",
            path="/v1/statement",
            summary="The confidentiality statement in force; a request must acknowledge its version",
            tag="helpline",
            parameters=("Language", *WORDS),
            answers={200: answer_models.StatementAnswer},
            refuses=any_of(STORED, FILTERED),
        ),
        Operation(
            name="helpline",
            method="get",
            path="/v1/helpline",
            summary="How to reach the helpline, when, and what to do in an emergency",
            tag="helpline",
            parameters=WORDS,
            answers={200: answer_models.HelplineAnswer},
            refuses=STORED,
        ),
        Operation(
            name="slots",
            method="get",
            path="/v1/slots",
            summary="The callback slots that can be chosen",
            tag="helpline",
            parameters=("From", "Days", *WORDS),
            answers={200: answer_models.SlotsAnswer},
            refuses=any_of(STORED, RANGED),
        ),
        Operation(
            name="keys",
            method="get",
            path="/v1/keys",
            summary="The public keys that content is sealed to",
            tag="helpline",
            answers={200: answer_models.KeysAnswer},
            refuses=STORED,
        ),
        Operation(
            name="challenge",
            method="get",
            path="/v1/challenge",
            summary="A proof-of-work challenge (ALTCHA v2) for one request; it ends within ten minutes",
            tag="helpline",
            parameters=("For", *WORDS),
            answers={200: answer_models.ChallengeAnswer},
            refuses=any_of(STORED, RANGED, {400: ("required",)}),
        ),
        Operation(
            name="submit_callback",
            method="post",
            path="/v1/callbacks",
            summary="Ask to be called back",
            tag="requests",
            parameters=("IdempotencyKey", *WORDS),
            body=models.CallbackSubmission,
            sealed_body=models.SealedCallback,
            form=leaves(models.CallbackSubmission, models.CallbackDetails, models.Safety),
            example=_CALLBACK,
            answers={201: answer_models.AcceptedAnswer},
            refuses=any_of(STORED, SUBMITTED),
            pages_too=True,
        ),
        Operation(
            name="submit_information_request",
            method="post",
            path="/v1/information-requests",
            summary="Ask for information; the answer comes to the mailbox",
            tag="requests",
            parameters=("IdempotencyKey", *WORDS),
            body=models.InformationSubmission,
            sealed_body=models.SealedInformation,
            form=leaves(models.InformationSubmission, models.InformationDetails),
            example=_INFORMATION,
            answers={201: answer_models.AcceptedAnswer},
            refuses=any_of(
                STORED,
                SUBMITTED,
                {409: ("expires-first", "key-reused", "keys-outdated", "not-padded", "statement-outdated")},
            ),
            pages_too=True,
        ),
    )


def mailbox() -> tuple[Operation, ...]:
    """List what a receipt opens."""
    return (
        Operation(
            name="read_mailbox",
            method="get",
            path="/v1/mailbox",
            summary="How the request stands, and what was written",
            tag="mailbox",
            caller=RECEIPT,
            parameters=WORDS,
            answers={200: answer_models.MailboxAnswer},
            refuses=OF_RECEIPT,
        ),
        Operation(
            name="withdraw",
            method="delete",
            path="/v1/mailbox",
            summary="Withdraw the request; what it holds is erased",
            tag="mailbox",
            caller=RECEIPT,
            parameters=WORDS,
            answers={204: None},
            refuses=OF_RECEIPT,
        ),
        Operation(
            name="write_message",
            method="post",
            path="/v1/mailbox/messages",
            summary="Write to the helpline",
            tag="mailbox",
            caller=RECEIPT,
            parameters=("IdempotencyKey", *WORDS),
            body=models.MessageSubmission,
            sealed_body=models.SealedMessage,
            example={"text": "Thank you. Evenings suit me best."},
            answers={201: answer_models.ProgressAnswer},
            refuses=any_of(OF_RECEIPT, WRITTEN, REPEATABLE, {409: WRITING}),
        ),
        Operation(
            name="choose_slot",
            method="put",
            path="/v1/mailbox/slot",
            summary="Choose another slot",
            tag="mailbox",
            caller=RECEIPT,
            parameters=WORDS,
            body=models.SlotChoice,
            example={"slot": EXAMPLE_SLOT},
            answers={200: answer_models.ProgressAnswer},
            refuses=any_of(
                OF_RECEIPT,
                WRITTEN,
                {409: ("details-erased", "expires-first", "not-a-callback", "slot-closed", "slot-full")},
            ),
        ),
    )


def either() -> tuple[Operation, ...]:
    """List what both faces answer."""
    return (
        Operation(
            name="health",
            method="get",
            path="/health",
            summary="Whether requests can be accepted durably, and which part is down",
            tag="service",
            answers={200: answer_models.HealthAnswer, 503: answer_models.HealthAnswer},
            refuses=STORED,
        ),
        Operation(
            name="openapi",
            method="get",
            path="/openapi.json",
            summary="This document",
            tag="service",
            answers={200: None},
            refuses=STORED,
        ),
    )
