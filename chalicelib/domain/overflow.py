"""
A request that was accepted while the store refused: the letter that waits for it in the overflow queue.

It holds the head, which nobody wrote a word of, and the content as it was sealed for the desk; no shred key, because
where the store refuses the shred keys may refuse as well: one is drawn when the letter is drained.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.receipts import decode, encode
from chalicelib.domain.requests import ContactRequest, Kind, Status, referral_of
from chalicelib.domain.slots import Window, floor_to_hour

VERSION = 1
KEPT_FOR = timedelta(days=14)
"""How long a letter may wait: the longest that SQS keeps one. Older ones are for a person to decide about."""
TOMBSTONE = KEPT_FOR + timedelta(days=1)
"""How long a withdrawn head stays where there is an overflow queue: no letter outlives its request's withdrawal."""
_TEXTS = ("request_id", "language", "reference", "statement_version", "fingerprint", "body_id")
_INSTANTS = ("submitted_at", "promised_at", "due_at", "retained_until", "expires_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflowed:
    """A new request's head, its sealed content, and the hour in which it was put aside."""

    request: ContactRequest
    sealed: bytes
    queued_at: datetime

    def to_text(self) -> str:
        """Write it for the queue."""
        request = self.request
        head = {
            **{name: getattr(request, name) for name in _TEXTS},
            **{name: getattr(request, name).isoformat() for name in _INSTANTS},
            "kind": request.kind.value,
            "visible_at": None if request.visible_at is None else request.visible_at.isoformat(),
            "windows": [_span(window) for window in request.windows],
            "promised_slot": None if request.promised_slot is None else _span(request.promised_slot),
            "verified": request.verified,
            **({} if request.referral is None else {"referral": request.referral.to_text()}),
            **({} if request.session is None else {"session": request.session}),
        }
        letter = {
            "v": VERSION,
            "queued_at": floor_to_hour(self.queued_at).isoformat(),
            "head": head,
            "sealed": encode(self.sealed),
        }
        return json.dumps(letter, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Overflowed:
        """
        Read what `to_text` wrote.

        Raises:
            ValueError: it is no letter of a version that we know.
        """
        try:
            letter = json.loads(text)
            if letter["v"] != VERSION:
                raise ValueError  # noqa: TRY301 - one answer to all that is wrong with it
            return cls(
                request=_request(letter["head"]),
                sealed=decode(letter["sealed"]),
                queued_at=_instant(letter["queued_at"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            message = "not a letter of the overflow queue"
            raise ValueError(message) from None


def _request(head: dict[str, Any]) -> ContactRequest:
    if not all(isinstance(head[name], str) and head[name] for name in _TEXTS) or not isinstance(head["verified"], bool):
        raise ValueError
    if not isinstance(head["windows"], list) or not isinstance(head.get("session", ""), str):
        raise ValueError  # noqa: TRY004 - as above
    slot, visible_at, referral = head["promised_slot"], head["visible_at"], head.get("referral")
    return ContactRequest(
        request_id=head["request_id"],
        language=head["language"],
        reference=head["reference"],
        statement_version=head["statement_version"],
        fingerprint=head["fingerprint"],
        body_id=head["body_id"],
        submitted_at=_instant(head["submitted_at"]),
        promised_at=_instant(head["promised_at"]),
        due_at=_instant(head["due_at"]),
        retained_until=_instant(head["retained_until"]),
        expires_at=_instant(head["expires_at"]),
        kind=Kind(head["kind"]),
        status=Status.WAITING,
        visible_at=None if visible_at is None else _instant(visible_at),
        windows=tuple(_window(span) for span in head["windows"]),
        promised_slot=None if slot is None else _window(slot),
        verified=head["verified"],
        referral=None if referral is None else referral_of(referral),
        session=head.get("session"),
    )


def _span(window: Window) -> list[str]:
    return [window.starts_at.isoformat(), window.ends_at.isoformat()]


def _window(span: list[str]) -> Window:
    starts_at, ends_at = span
    return Window(starts_at=_instant(starts_at), ends_at=_instant(ends_at))


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant
