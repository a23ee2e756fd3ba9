"""The practitioners' side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.http import answer_models, desk_models
from chalicelib.http.contract.parts import (
    EXAMPLE_SIGNPOST,
    FENCED,
    FILTERED,
    OF_DESK,
    RANGED,
    REPEATABLE,
    SIGNED_IN,
    SIGNING_IN,
    WORDS,
    WRITTEN,
    Operation,
    any_of,
)

if TYPE_CHECKING:
    from pydantic import BaseModel


def desk_operation(name: str, method: str, path: str, scope: str, summary: str, **more: Any) -> Operation:  # noqa: ANN401
    """Describe a route that needs a sign-in with *scope*."""
    parameters = ("RequestId",) if "{request_id}" in path else ()
    refuses = any_of(OF_DESK, more.pop("refuses", {}))
    return Operation(
        name=name,
        method=method,
        path=path,
        summary=summary,
        tag=more.pop("tag", "desk"),
        caller=scope,
        parameters=(*parameters, *more.pop("parameters", ())),
        refuses=refuses,
        **more,
    )


def fenced(name: str, verb: str, summary: str, body: type[BaseModel], **more: Any) -> Operation:  # noqa: ANN401
    """Describe a verb that needs a live claim."""
    return desk_operation(
        name,
        "post",
        f"/v1/desk/claims/{{request_id}}/{verb}",
        "queue:claim",
        summary,
        body=body,
        refuses=any_of(FENCED, more.pop("refuses", {})),
        answers=more.pop("answers", {200: answer_models.ProgressAnswer}),
        **more,
    )


def desk() -> tuple[Operation, ...]:
    """List what practitioners and supervisors do."""
    again = {"parameters": ("IdempotencyKey", *WORDS)}
    return (
        desk_operation(
            "queue",
            "get",
            "/v1/desk/queue",
            "queue:read",
            "How each lane stands, without content",
            answers={200: answer_models.QueueAnswer},
        ),
        desk_operation(
            "list_claims",
            "get",
            "/v1/desk/claims",
            "queue:claim",
            "My live claims, without content",
            answers={200: answer_models.ClaimsAnswer},
        ),
        desk_operation(
            "claim",
            "post",
            "/v1/desk/claims",
            "queue:claim",
            "Take the most urgent request, or the one whose reference a caller quotes",
            body=desk_models.ClaimSubmission,
            body_required=False,
            example={"kinds": ["callback"], "languages": ["en"]},
            answers={201: answer_models.ClaimedAnswer, 204: None},
            refuses=any_of(WRITTEN, REPEATABLE, {409: ("claim-limit", "claimed-by-colleague")}),
            **again,
        ),
        fenced(
            "renew",
            "renew",
            "Keep it longer",
            desk_models.RenewSubmission,
            example={"number": 1},
            answers={200: answer_models.RenewedAnswer},
        ),
        fenced(
            "release",
            "release",
            "Give it back, in its old place",
            desk_models.ReleaseSubmission,
            parameters=WORDS,
            example={"number": 1, "reason": "My shift ends."},
        ),
        fenced(
            "attempt",
            "attempts",
            "Rung, and not reached",
            desk_models.AttemptSubmission,
            parameters=WORDS,
            example={"number": 1, "result": "no-answer"},
            refuses={409: ("not-a-callback",)},
        ),
        fenced(
            "reply",
            "replies",
            "Write to the requester",
            desk_models.ReplySubmission,
            example={"number": 1, "text": "Thank you for getting in touch.", "signposts": [EXAMPLE_SIGNPOST]},
            answers={201: answer_models.RepliedAnswer},
            refuses=any_of(REPEATABLE, {409: ("no-email", "no-mailbox", "signpost-unknown", "unreadable")}),
            **again,
        ),
        fenced(
            "note",
            "notes",
            "Leave a note for a colleague",
            desk_models.NoteSubmission,
            example={"number": 1, "text": "Prefers evenings."},
            answers={201: answer_models.ProgressAnswer},
            refuses=REPEATABLE,
            **again,
        ),
        fenced(
            "close",
            "close",
            "Finish it",
            desk_models.CloseSubmission,
            parameters=WORDS,
            example={"number": 1, "outcome": "answered", "agreed_actions": ["Ring again when ready."]},
            refuses={409: ("no-mailbox", "signpost-unknown", "unread-message", "unreadable")},
        ),
        desk_operation(
            "list_parked",
            "get",
            "/v1/desk/parked",
            "queue:supervise",
            "What the queue no longer hands out, who holds what, and who did how much",
            parameters=WORDS,
            answers={200: answer_models.AsideAnswer},
        ),
        desk_operation(
            "unpark",
            "post",
            "/v1/desk/parked/{request_id}/release",
            "queue:supervise",
            "Put a parked request back",
            parameters=WORDS,
            answers={200: answer_models.ProgressAnswer},
            refuses={404: ("request-unknown",), 409: ("not-parked",)},
        ),
        desk_operation(
            "expel",
            "post",
            "/v1/desk/claims/{request_id}/force-release",
            "queue:supervise",
            "Take back the claim of somebody who has left",
            parameters=WORDS,
            answers={200: answer_models.ProgressAnswer},
            refuses={404: ("request-unknown",), 409: ("not-claimed",)},
        ),
        desk_operation(
            "close_line",
            "put",
            "/v1/desk/closures",
            "queue:supervise",
            "Close the line for a time; no slot is offered in it",
            body=desk_models.ClosuresSubmission,
            example={"closures": [{"starts_at": "2026-11-25T12:00:00Z", "ends_at": "2026-11-25T15:00:00Z"}]},
            answers={200: answer_models.ClosuresAnswer},
            refuses=any_of(WRITTEN, {409: ("impossible-closure",)}),
        ),
        desk_operation(
            "audit",
            "get",
            "/v1/desk/audit",
            "audit:read",
            "The audit trail, verified",
            parameters=("After", "Limit"),
            answers={200: answer_models.AuditAnswer},
            refuses=RANGED,
        ),
        desk_operation(
            "list_signposts_at_desk",
            "get",
            "/v1/desk/signposts",
            "queue:claim",
            "What can be sent along with a reply",
            parameters=("Language", *WORDS),
            answers={200: answer_models.OfferedAnswer},
            refuses=FILTERED,
        ),
        Operation(
            name="who_am_i",
            method="get",
            path="/v1/desk/me",
            summary="Who is signed in, and what they may do",
            tag="desk",
            caller=SIGNED_IN,
            answers={200: answer_models.MeAnswer},
            refuses=SIGNING_IN,
        ),
        Operation(
            name="desk_page",
            method="get",
            path="/desk",
            summary="The practitioners' page",
            tag="pages",
            answers={200: None},
            page=True,
        ),
        Operation(
            name="signed_in_page",
            method="get",
            path="/desk/signed-in",
            summary="Where a sign-in service sends the practitioners' browser back to",
            tag="pages",
            answers={200: None},
            page=True,
        ),
        Operation(
            name="desk_panel",
            method="get",
            path="/desk/panels/{name}",
            summary="A part of that page, for those who have its scope",
            tag="pages",
            parameters=("Panel",),
            answers={200: None},
            refuses={404: ("not-found",)},
            page=True,
        ),
    )
