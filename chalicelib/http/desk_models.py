"""What may arrive at the desk, apart from what requesters send: each face makes the models that it reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from chalicelib.http.models import (
    NOT_BLANK,
    THREE_OR_MORE,
    KindName,
    LanguageTag,
    Minutes,
    OutcomeName,
    Slug,
    Text,
    Whole,
    Wire,
)


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
