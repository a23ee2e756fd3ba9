"""Wire models of the desk's content: what editors send, and what they are shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.http.answer_models import Answer
from chalicelib.http.models import Whole, Wire


class ContentSubmission(Wire):
    """A record as it is to be; the content check says what is wrong with it, all at once."""

    record: dict[str, Any]


class RollBackSubmission(Wire):
    """Which version to go back to; 0 is the one that travels with the code."""

    revision: Annotated[Whole, Field(ge=0, le=10**9)]


class TakeDownSubmission(Wire):
    """How what a record offers has ended."""

    status: Literal["inactive", "temporarily closed", "defunct", "closed"]


class VersionAnswer(Answer):
    """One state of a record: who wrote it, and when."""

    revision: int
    by: str
    at: datetime


class PublishedVersionAnswer(VersionAnswer):
    """A state that went out; readers meet it from *shown_from* on."""

    shown_from: datetime


class ContentProblemAnswer(Answer):
    """Something that is wrong with a record; a warning keeps nothing from going out."""

    pointer: str
    code: str
    severity: Literal["error", "warning"]


class ContentSummary(Answer):
    """A record in a list."""

    id: str
    title: Any
    state: Literal["packaged", "published", "draft"]
    status: str | None
    revision: int
    published: PublishedVersionAnswer | None
    draft: VersionAnswer | None
    review_on: date | None
    overdue: bool
    problems: list[ContentProblemAnswer]


class ContentAnswer(ContentSummary):
    """A record: the newest state of it, and what is out."""

    kind: str
    record: dict[str, Any]
    out: dict[str, Any] | None
    ends: list[str]


class ContentKindAnswer(Answer):
    """A kind of record, and how many wait for somebody."""

    kind: str
    records: int
    drafts: int
    overdue: int


class ContentKindsAnswer(Answer):
    """The kinds of record that editors write."""

    kinds: list[ContentKindAnswer]


class ContentListAnswer(Answer):
    """Every record of a kind."""

    kind: str
    records: list[ContentSummary]


class HistoryVersionAnswer(PublishedVersionAnswer):
    """A version that was published, with what it said; None where the record was taken down without a word."""

    record: dict[str, Any] | None


class HistoryAnswer(Answer):
    """What was published, newest first; *packaged* is what travels with the code, version 0."""

    versions: list[HistoryVersionAnswer]
    packaged: dict[str, Any] | None


class PreviewAnswer(Answer):
    """The newest state of a record as readers will see it, in each language."""

    shown: dict[str, dict[str, Any]]
