"""What live sessions say on the wire; the models of questions stand with those of the other requests."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from chalicelib.domain.sessions import MOST_HOSTS
from chalicelib.http.answer_models import Answer, ClaimAnswer, Due, Line
from chalicelib.http.desk_models import Fenced
from chalicelib.http.models import NOT_BLANK, QUESTION_LIMIT, QuestionDetails, as_whole

ANSWER_LIMIT = 3000
"""Characters of an answer: a mailbox message's, since it is one as well."""
StateName = Literal["announced", "open", "live", "ended", "cancelled"]
Asked = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=QUESTION_LIMIT),
    Field(json_schema_extra=NOT_BLANK),
]
Said = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=ANSWER_LIMIT),
    Field(json_schema_extra=NOT_BLANK),
]


class PublicAnswer(Fenced):
    """Body of `.../answer` for everybody: the question in the words that may stand, and who of the hosts answers."""

    question: Asked
    answer: Said
    host: Annotated[int, Field(ge=0, lt=MOST_HOSTS), BeforeValidator(as_whole)] = 0


class PrivateAnswer(Fenced):
    """Body of `.../answer-privately`: into the mailbox, and nowhere else."""

    answer: Said


class DeclineSubmission(Fenced):
    """Body of `.../decline`: the mailbox says the reason kindly, in the language of whoever asked."""

    reason: Literal["personal", "identifies", "answered", "elsewhere"]


class PutBackSubmission(Fenced):
    """Body of `.../release`."""


class HostAnswer(Answer):
    """Who answers, as they are announced."""

    name: str
    role: str


class SessionAnswer(Answer):
    """A live session; *state* follows from the time."""

    id: str
    title: str
    summary: str
    state: StateName
    opens_at: datetime
    starts_at: datetime
    ends_at: datetime
    local: str
    hosts: list[HostAnswer]
    campaign: str | SkipJsonSchema[None] = None
    language: Literal["en", "cy"]


class SessionsAnswer(Answer):
    """Every session: those ahead first, the next to end before others."""

    sessions: list[SessionAnswer]


class EntryAnswer(Answer):
    """One answer that everybody may read; one that was *retracted* has no words any more."""

    id: str
    seq: int
    at: datetime
    local: str
    language: Literal["en", "cy"]
    question: str
    answer: str
    host: HostAnswer
    retracted: bool


class TranscriptAnswer(Answer):
    """What came after `after`; ask again after *last*, at once if there is *more*."""

    session: str
    state: StateName
    answers: list[EntryAnswer]
    last: int
    more: bool


class QuestionAccepted(Answer):
    """A question is with the hosts; the receipt is shown this once, unless a browser made it itself."""

    receipt: str | SkipJsonSchema[None] = None
    request_id: str
    reference: str
    status: Literal["waiting"]
    session: str
    due: Due
    expires_on: date
    line: Line
    next: list[str]


class HostedAnswer(Answer):
    """The sessions, and how many questions wait in all of them together."""

    sessions: list[SessionAnswer]
    waiting: int


class QuestionInHand(Answer):
    """A question, opened; *details* is None or flat text where *unreadable* says why."""

    language: str
    reference: str
    lapses: int
    details: QuestionDetails | dict[str, str] | None
    unreadable: str | None


class ClaimedQuestion(Answer):
    """A question that was handed to a host."""

    claim: ClaimAnswer
    question: QuestionInHand


class DoneAnswer(Answer):
    """What became of a question."""

    status: Literal["waiting", "closed"]


class PlacedAnswer(DoneAnswer):
    """Where an answer stands in the transcript now."""

    id: str
    seq: int
