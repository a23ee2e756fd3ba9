"""
What the helpline refuses, and how it says so.

A refusal carries a *code* from a published list and a *pointer* to a known place in the input. It never carries the
input: whatever somebody typed must not come back in an answer, a log or a traceback (DESIGN section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong: where (a JSON pointer from the known fields) and what (a kebab-case code)."""

    pointer: str
    code: str


class Refusal(Exception):  # noqa: N818 - a refusal is an answer to somebody, not a malfunction
    """A rule of the helpline says no; *extra* holds what helps to do better, made by us and never by the requester."""

    status: ClassVar[int] = 400

    def __init__(self, code: str, *, pointer: str | None = None, extra: Mapping[str, object] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.pointer = pointer
        self.extra: Mapping[str, object] = extra or {}

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """The places that are wrong, or nothing where the refusal is about the request as a whole."""
        return () if self.pointer is None else (FieldError(self.pointer, self.code),)


class Malformed(Refusal):
    """The request cannot be read: broken JSON, a bad query parameter."""

    status = 400


class Unauthenticated(Refusal):
    """Nobody, or nobody we can recognise, asks for something that needs a sign-in."""

    status = 401


class Forbidden(Refusal):
    """The person is known, and this is not theirs to do."""

    status = 403


class NotFound(Refusal):
    """There is nothing here; wrong, expired and withdrawn are deliberately the same."""

    status = 404


class Conflict(Refusal):
    """Well formed, and not possible now: an old statement, a closed slot, a lost claim."""

    status = 409


class TooLarge(Refusal):
    """More than a request may hold."""

    status = 413


class Unsupported(Refusal):
    """A media type that is neither JSON nor a plain form."""

    status = 415


class TooMany(Refusal):
    """One sender has sent more than others can wait for; nothing is lost by sending it later."""

    status = 429


class Unavailable(Refusal):
    """A part of the service is down; nothing was accepted that is not kept."""

    status = 503


class Outdated(Refusal):
    """Somebody else has changed it since it was read; nothing was overwritten."""

    status = 412


class Unconditional(Refusal):
    """What is changed here is changed on condition that it is still as it was read."""

    status = 428


class Invalid(Refusal):
    """The request violates the schema in one or more places."""

    status = 422

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("invalid")
        self._errors = errors

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """Every place that is wrong, at once, so that nobody has to mend a form field by field."""
        return self._errors


class ClaimLost(Conflict):
    """The lease has lapsed, or a later claim replaced this one; late work is refused, never silently applied."""

    def __init__(self) -> None:
        super().__init__("claim-lost", pointer="/number")
