"""
What requester and helpline write to each other after a request was submitted, and how each piece is closed.

A requester's message is sealed to the desk, with a copy under the mailbox key so that they can read it again. A reply
is encrypted under the mailbox key alone, which travels inside the sealed content: the database holds neither a reply
in the clear nor the key to one. A note is for colleagues and sealed to the desk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipts import decode, encode
from chalicelib.domain.slots import floor_to_hour
from chalicelib.ports import Message, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain.requests import ContactRequest
    from chalicelib.ports import Cipher, Opener, Randomness, Sealer

MESSAGE_ID_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One opened message: *content* is `{text?, signposts?, agreed_actions?}`, or None if it could not be opened."""

    author: str
    sent_at: datetime
    content: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    A request's content in the desk's hands, without the mailbox key.

    *unreadable* says why *details* is None: `damaged`, `erased`, `key-missing` or `key-unreachable`.
    """

    details: Mapping[str, Any] | None
    unreadable: str | None = None
    messages: tuple[Letter, ...] = ()
    notes: tuple[Letter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence:
    """Closes and opens what is written about a request."""

    sealer: Sealer
    cipher: Cipher
    randomness: Randomness

    def message_id(self, request_id: str, verb: str, text: str, idempotency_key: str | None) -> str:
        """
        Name a message: by its idempotency key, verb and text, so that a repeat is recognised, or at random.

        The same key with another text names another message: it is kept, never taken for a repeat and dropped.
        """
        if idempotency_key is None:
            return encode(self.randomness.secret(MESSAGE_ID_BYTES))
        return encode(sha256(f"{request_id}|{verb}|{idempotency_key}|{text}".encode()).digest()[:MESSAGE_ID_BYTES])

    def from_requester(
        self, request_id: str, content: Mapping[str, Any], *, mailbox_key: bytes, message_id: str, now: datetime
    ) -> Message:
        """Close a requester's message for the desk, with a copy for their mailbox; its time is cut to the hour."""
        raw, kind = _dump(content), f"message:{message_id}"
        return Message(
            message_id=message_id,
            author="requester",
            sent_at=floor_to_hour(now),
            for_desk=self.sealer.seal(raw, kind=kind, request_id=request_id).to_bytes(),
            for_mailbox=self.cipher.encrypt(raw, key=mailbox_key, kind=kind, request_id=request_id),
        )

    def from_helpline(
        self, request_id: str, content: Mapping[str, Any], *, mailbox_key: bytes, message_id: str, now: datetime
    ) -> Message:
        """Encrypt a reply so that only the holder of the receipt can read it."""
        sealed = self.cipher.encrypt(
            _dump(content), key=mailbox_key, kind=f"message:{message_id}", request_id=request_id
        )
        return Message(message_id=message_id, author="helpline", sent_at=floor_to_hour(now), for_mailbox=sealed)

    def note(self, request_id: str, text: str, *, message_id: str, now: datetime) -> Message:
        """Seal a note for the colleague who takes over."""
        envelope = self.sealer.seal(_dump({"text": text}), kind=f"note:{message_id}", request_id=request_id)
        return Message(message_id=message_id, author="colleague", sent_at=now, for_desk=envelope.to_bytes())

    def in_mailbox(self, request_id: str, messages: Sequence[Message], *, mailbox_key: bytes) -> tuple[Letter, ...]:
        """Open everything that the holder of the receipt may read."""
        return tuple(
            Letter(
                author=message.author,
                sent_at=message.sent_at,
                content=self._decrypt(request_id, message, message.for_mailbox, mailbox_key),
            )
            for message in messages
            if message.for_mailbox is not None
        )

    def at_desk(
        self, request: ContactRequest, sealed: bytes | None, messages: Sequence[Message], opener: Opener
    ) -> Opened:
        """Open a request for the practitioner who holds it; what does not open is shown as what it is."""
        letters = tuple(self._letter(request.request_id, message, opener) for message in messages)
        notes = tuple(letter for letter in letters if letter.author == "colleague")
        requesters = tuple(letter for letter in letters if letter.author == "requester")
        if sealed is None:
            return Opened(details=None, unreadable="erased", messages=requesters, notes=notes)
        try:
            content = open_content(request, sealed, opener)
        except (Unreadable, ValueError):
            return Opened(details=None, unreadable="damaged", messages=requesters, notes=notes)
        except Unavailable as refusal:
            return Opened(details=None, unreadable=refusal.code, messages=requesters, notes=notes)
        replies = {
            message.message_id: self._decrypt(
                request.request_id, message, message.for_mailbox, decode(content["mailbox_key"])
            )
            for message in messages
            if message.author == "helpline"
        }
        both = tuple(
            Letter(author=m.author, sent_at=m.sent_at, content=replies[m.message_id])
            if m.author == "helpline"
            else letter
            for m, letter in zip(messages, letters, strict=True)
            if m.author != "colleague"
        )
        return Opened(details=content["details"], messages=both, notes=notes)

    def _letter(self, request_id: str, message: Message, opener: Opener) -> Letter:
        kind = "note" if message.author == "colleague" else "message"
        content = None
        if message.for_desk is not None:
            try:
                envelope = Envelope.from_bytes(message.for_desk)
                content = json.loads(opener.open(envelope, kind=f"{kind}:{message.message_id}", request_id=request_id))
            except (Unreadable, Unavailable, ValueError):
                content = None
        return Letter(author=message.author, sent_at=message.sent_at, content=content)

    def _decrypt(
        self, request_id: str, message: Message, sealed: bytes | None, mailbox_key: bytes
    ) -> Mapping[str, Any] | None:
        try:
            raw = self.cipher.decrypt(
                sealed or b"", key=mailbox_key, kind=f"message:{message.message_id}", request_id=request_id
            )
            content: Mapping[str, Any] = json.loads(raw)
        except (Unreadable, ValueError):
            return None
        return content


def open_content(request: ContactRequest, sealed: bytes, opener: Opener) -> Mapping[str, Any]:
    """
    Open a request's content whole: `{details, mailbox_key}`.

    Raises:
        Unavailable: `key-missing`.
        Unreadable, ValueError: it is damaged.
    """
    opened = json.loads(opener.open(Envelope.from_bytes(sealed), kind=request.kind, request_id=request.request_id))
    if not isinstance(opened, dict) or not isinstance(opened.get("details"), dict) or "mailbox_key" not in opened:
        raise Unreadable
    return opened


def _dump(content: Mapping[str, Any]) -> bytes:
    return json.dumps({key: value for key, value in content.items() if value}, ensure_ascii=False).encode()
