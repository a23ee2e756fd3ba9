"""
Telling people from machines without watching either: what a form carries, and what a challenge is bound to.

A token says when a form was handed out, and to which idempotency key: whoever posts it within seconds, or a day later,
or for another key, has no good one. It is bound to one request and so is used once, without anything being stored. No
request is refused for it: what carries no good one stands later in the queue.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from chalicelib.domain.receipts import encode

SOONEST = timedelta(seconds=3)
"""Nobody reads the statement and answers three questions faster."""
LATEST = timedelta(hours=24)
"""Somebody who needs a day to send the form still counts as a person."""
_TOKEN = re.compile(r"(\d{1,12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormProof:
    """What came with a plain form: its *token*, and whether the field that people do not see was filled in."""

    token: str
    trapped: bool


def secret_for(purpose: str, *, pepper: bytes) -> bytes:
    """Derive a secret for one purpose from the server's pepper."""
    return hmac.digest(pepper, f"quietline/1|{purpose}".encode(), "sha256")


def name_of_key(idempotency_key: str) -> str:
    """Give what a challenge for an idempotency key is bound to: SHA-256 of the key, base64url without padding."""
    return encode(sha256(idempotency_key.encode()).digest())


def form_token(idempotency_key: str, *, now: datetime, secret: bytes) -> str:
    """Say when a form was handed out, signed for its idempotency key."""
    issued = int(now.timestamp())
    return f"{issued}.{_signature(issued, idempotency_key, secret)}"


def is_good(proof: FormProof, idempotency_key: str, *, now: datetime, secret: bytes) -> bool:
    """Tell whether a form was filled in by somebody who took their time and saw what people see."""
    if proof.trapped or not is_ours(proof.token, idempotency_key, secret=secret):
        return False
    issued = int(proof.token.split(".")[0])
    return SOONEST <= now - datetime.fromtimestamp(issued, UTC) <= LATEST


def is_ours(token: str, idempotency_key: str, *, secret: bytes) -> bool:
    """Tell whether we signed *token* for this key, however long ago."""
    match = _TOKEN.fullmatch(token)
    return match is not None and hmac.compare_digest(match[2], _signature(int(match[1]), idempotency_key, secret))


def _signature(issued: int, idempotency_key: str, secret: bytes) -> str:
    return encode(hmac.digest(secret, f"{issued}|{idempotency_key}".encode(), "sha256"))
