"""
The sealed envelope: what a request's content looks like at rest and on the wire.

Content is padded to steps of 4 KiB, so that its size says nothing, and encrypted once with AES-256-GCM under a fresh
content key; that key is sealed to each recipient with HPKE (RFC 9180). Recipients are a list from the first day: a
recovery key, or the next desk key, is one more entry. This module knows the shapes; sealing itself is an adapter's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from chalicelib.domain.receipts import decode, encode

VERSION = 1
RECOVERY = "recovery-"
"""What the ids of offline keys begin with: they are sealed to, and the desk never opens with them."""
STEP = 4096
"""Bytes: padded sizes are multiples of this (DESIGN section 3)."""
_line = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The content key, sealed to one public key: *enc* is the encapsulated key, *ct* the sealed content key."""

    key_id: str
    enc: bytes
    ct: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One sealed piece of content."""

    request_id: str
    nonce: bytes
    ct: bytes
    recipients: tuple[Recipient, ...]

    def wire(self) -> dict[str, object]:
        """Give the JSON form: `{v, request_id, nonce, ct, recipients: [{key_id, enc, ct}]}`, base64url."""
        return {**self._head(), "ct": encode(self.ct)}

    def _head(self) -> dict[str, object]:
        return {
            "v": VERSION,
            "request_id": self.request_id,
            "nonce": encode(self.nonce),
            "recipients": [{"key_id": r.key_id, "enc": encode(r.enc), "ct": encode(r.ct)} for r in self.recipients],
        }

    def to_bytes(self) -> bytes:
        """Write it for the store: a line of JSON about the recipients, then the ciphertext as it is."""
        return _line(self._head()).encode() + b"\n" + self.ct

    @classmethod
    def from_bytes(cls, raw: bytes) -> Envelope:
        """
        Read what `to_bytes` wrote.

        Raises:
            ValueError: it is no envelope of a version that we know.
        """
        line, _, ct = raw.partition(b"\n")
        try:
            head = json.loads(line)
            if head["v"] != VERSION:
                raise ValueError  # noqa: TRY301 - one answer to all that is wrong with it, without a word of it
            return cls(
                request_id=_text(head["request_id"]),
                nonce=decode(head["nonce"]),
                ct=ct,
                recipients=tuple(
                    Recipient(key_id=_text(r["key_id"]), enc=decode(r["enc"]), ct=decode(r["ct"]))
                    for r in head["recipients"]
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            message = "not an envelope of a version that we know"
            raise ValueError(message) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isascii():
        raise ValueError
    return value


def binding(kind: str, request_id: str) -> bytes:
    """Give what ciphertext is bound to, so that none can be moved to another request or another use."""
    return f"quietline/1|{kind}|{request_id}".encode()


def pad(content: bytes) -> bytes:
    """Fill *content* up to the next step: its length in four bytes, then itself, then zeros."""
    framed = len(content).to_bytes(4, "big") + content
    return framed + bytes(-len(framed) % STEP)


def unpad(padded: bytes) -> bytes:
    """
    Take the filling off again.

    Raises:
        ValueError: the length does not fit.
    """
    length = int.from_bytes(padded[:4], "big")
    if len(padded) < 4 + length or len(padded) % STEP:
        message = "padding does not fit"
        raise ValueError(message)
    return padded[4 : 4 + length]
