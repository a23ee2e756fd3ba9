"""Live sessions: reading along, asking, and hosting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.http import models, session_models
from chalicelib.http.contract.desk import desk_operation
from chalicelib.http.contract.parts import (
    EXAMPLE_STATEMENT,
    RANGED,
    STORED,
    SUBMITTED,
    WORDS,
    WRITTEN,
    Codes,
    Operation,
    any_of,
    leaves,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

UNKNOWN: Codes = {404: ("session-unknown",)}
_NUMBERED = {"number": 1}
_QUESTION = {
    "statement_version": EXAMPLE_STATEMENT,
    "details": {"text": "What happens when somebody rings the helpline?", "private": False},
    "language": "en",
}


def sessions() -> tuple[Operation, ...]:
    """List the routes for everybody."""
    return (
        Operation(
            name="list_sessions",
            method="get",
            path="/v1/sessions",
            summary="The live, anonymous question-and-answer sessions: those ahead first",
            tag="sessions",
            parameters=("IfNoneMatch", *WORDS),
            answers={200: session_models.SessionsAnswer, 304: None},
            refuses=STORED,
            cached=True,
        ),
        Operation(
            name="get_session",
            method="get",
            path="/v1/sessions/{session_id}",
            summary="One session: when, who answers, and whether questions are taken",
            tag="sessions",
            parameters=("SessionId", "IfNoneMatch", *WORDS),
            answers={200: session_models.SessionAnswer, 304: None},
            refuses=any_of(STORED, UNKNOWN),
            cached=True,
        ),
        Operation(
            name="session_answers",
            method="get",
            path="/v1/sessions/{session_id}/answers",
            summary="What was answered after `after`; poll with `If-None-Match`, every few seconds",
            tag="sessions",
            parameters=("SessionId", "AfterAnswer", "IfNoneMatch", *WORDS),
            answers={200: session_models.TranscriptAnswer, 304: None},
            refuses=any_of(STORED, RANGED, UNKNOWN),
            cached=True,
        ),
        Operation(
            name="ask_question",
            method="post",
            path="/v1/sessions/{session_id}/questions",
            summary="Ask the hosts; what is not answered when the session ends is erased",
            tag="requests",
            parameters=("SessionId", "IdempotencyKey", *WORDS),
            body=models.QuestionSubmission,
            sealed_body=models.SealedQuestion,
            form=leaves(models.QuestionSubmission, models.QuestionDetails),
            example=_QUESTION,
            answers={201: session_models.QuestionAccepted},
            refuses=any_of(STORED, SUBMITTED, UNKNOWN, {409: ("session-ended", "session-not-open")}),
            pages_too=True,
        ),
        Operation(
            name="sessions_page",
            method="get",
            path="/sessions",
            summary="Which sessions there are",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        _page("session_page", "", "A session and its answers, the newest first", "BeforeAnswer"),
        _page("question_page", "/ask", "The form for a question, working without JavaScript"),
    )


def hosting() -> tuple[Operation, ...]:
    """List what the hosts do."""
    return (
        desk_operation(
            "hosted_sessions",
            "get",
            "/v1/desk/sessions",
            "session:host",
            "The sessions, and how many questions wait",
            tag="hosting",
            answers={200: session_models.HostedAnswer},
        ),
        desk_operation(
            "hosted_answers",
            "get",
            "/v1/desk/sessions/{session_id}/answers",
            "session:host",
            "What everybody may read, for the hosts",
            tag="hosting",
            parameters=("SessionId", "AfterAnswer", *WORDS),
            answers={200: session_models.TranscriptAnswer},
            refuses=any_of(UNKNOWN, RANGED),
        ),
        desk_operation(
            "next_question",
            "post",
            "/v1/desk/sessions/{session_id}/claims",
            "session:host",
            "Take the next question of a session",
            tag="hosting",
            parameters=("SessionId", "IdempotencyKey", *WORDS),
            answers={201: session_models.ClaimedQuestion, 204: None},
            refuses=any_of(UNKNOWN, {400: ("idempotency-key",), 409: ("claim-limit",)}),
        ),
        _verb(
            "answer_question",
            "answer",
            "Answer for everybody, with the question in the words that may stand",
            session_models.PublicAnswer,
            ("answer-retracted", "host-unknown", "private", "session-not-live", "unreadable"),
            example={**_NUMBERED, "question": "What happens when I ring?", "answer": "Somebody listens.", "host": 0},
            answers={201: session_models.PlacedAnswer},
        ),
        _verb(
            "answer_question_privately",
            "answer-privately",
            "Answer in the mailbox of whoever asked, and nowhere else",
            session_models.PrivateAnswer,
            ("answered-already", "unreadable"),
            example={
                **_NUMBERED,
                "answer": "Thank you for asking. Somebody listens, and you need not say who you are.",
            },
            answers={201: session_models.DoneAnswer},
        ),
        _verb(
            "decline_question",
            "decline",
            "Say kindly, in the mailbox, why a question is not answered here",
            session_models.DeclineSubmission,
            ("answered-already",),
            example={**_NUMBERED, "reason": "personal"},
        ),
        _verb(
            "put_question_back",
            "release",
            "Leave a question to a colleague, or for later",
            session_models.PutBackSubmission,
            ("answered-already",),
            example=_NUMBERED,
        ),
        desk_operation(
            "retract_answer",
            "delete",
            "/v1/desk/sessions/{session_id}/answers/{entry_id}",
            "session:host",
            "Take a public answer back",
            tag="hosting",
            parameters=("SessionId", "EntryId", *WORDS),
            answers={200: session_models.PlacedAnswer},
            refuses={404: ("answer-unknown", "session-unknown")},
        ),
    )


def _page(name: str, ending: str, summary: str, *parameters: str) -> Operation:
    return Operation(
        name=name,
        method="get",
        path=f"/sessions/{{session_id}}{ending}",
        summary=summary,
        tag="pages",
        parameters=("SessionId", *parameters, *WORDS),
        answers={200: None},
        refuses=any_of(STORED, UNKNOWN, RANGED if parameters else {}),
        page=True,
    )


def _verb(
    name: str,
    verb: str,
    summary: str,
    body: type[BaseModel],
    conflicts: tuple[str, ...] = (),
    **more: Any,  # noqa: ANN401
) -> Operation:
    return desk_operation(
        name,
        "post",
        f"/v1/desk/sessions/{{session_id}}/questions/{{request_id}}/{verb}",
        "session:host",
        summary,
        tag="hosting",
        body=body,
        parameters=("SessionId", *WORDS),
        answers=more.pop("answers", {200: session_models.DoneAnswer}),
        refuses=any_of(WRITTEN, UNKNOWN, {409: ("claim-lost", *conflicts)}),
        **more,
    )
