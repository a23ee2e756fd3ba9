"""
What requester and helpline write to each other after a request was submitted, and how each piece is closed.

A requester's message is sealed to the desk, with a copy under the mailbox key so that they can read it again. A reply
is encrypted under the mailbox key alone, which travels inside the sealed content: the database holds neither a reply
in the clear nor the key to one. A note is for colleagues and sealed to the desk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import Conflict, Unavailable
from chalicelib.domain.receipts import decode, encode
from chalicelib.domain.slots import floor_to_hour
from chalicelib.ports import Message, Unreadable
from chalicelib.usecases.checking import MESSAGE_LIMIT, as_sent, as_text, message_text, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain.requests import ContactRequest
    from chalicelib.ports import Cipher, Opener, Randomness, Sealer
    from chalicelib.usecases.checking import Checking

MESSAGE_ID_BYTES = 12
MAILBOX_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """
    One message: *content* is `{text?, signposts?, agreed_actions?}`, or None if it could not be opened.

    *odd* marks what a requester's browser sealed in another form than a message has: *content* is then what is there,
    as text. *sealed* is for a reader who opens it by themselves.
    """

    author: str
    sent_at: datetime
    content: Mapping[str, Any] | None
    odd: bool = False
    message_id: str | None = None
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    A request's content in the desk's hands, without the mailbox key.

    *unreadable* says why *details* is None: `damaged`, `erased`, `key-missing` or `key-unreachable`; or why they cannot
    be relied on: `invalid`, and then they are what is there, as flat text.
    """

    details: Mapping[str, Any] | None
    unreadable: str | None = None
    messages: tuple[Letter, ...] = ()
    notes: tuple[Letter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLetter:
    """A message that a browser sealed: to the desk, and once more under the mailbox key."""

    message_id: str
    for_desk: Envelope
    for_mailbox: bytes


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
        self, request_id: str, content: Mapping[str, Any], *, mailbox_key: bytes | None, message_id: str, now: datetime
    ) -> Message:
        """
        Close a requester's message for the desk, with a copy for their mailbox; its time is cut to the hour.

        Whoever shows the lookup value alone and yet writes in the clear has no copy: there is no key to make one with.
        """
        raw, kind = _dump(content), f"message:{message_id}"
        return Message(
            message_id=message_id,
            author="requester",
            sent_at=floor_to_hour(now),
            for_desk=self.sealer.seal(raw, kind=kind, request_id=request_id).to_bytes(),
            for_mailbox=None
            if mailbox_key is None
            else self.cipher.encrypt(raw, key=mailbox_key, kind=kind, request_id=request_id),
        )

    def sealed_by_requester(self, sealed: SealedLetter, *, now: datetime) -> Message:
        """
        Take a message as a browser sealed it.

        Raises:
            Conflict: `keys-outdated`, it is sealed to no key of the desk.
        """
        if not self.sealer.reaches_desk(each.key_id for each in sealed.for_desk.recipients):
            raise Conflict("keys-outdated", pointer="/sealed/recipients")
        return Message(
            message_id=sealed.message_id,
            author="requester",
            sent_at=floor_to_hour(now),
            for_desk=sealed.for_desk.to_bytes(),
            for_mailbox=sealed.for_mailbox,
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

    def in_mailbox(
        self, request_id: str, messages: Sequence[Message], *, mailbox_key: bytes | None
    ) -> tuple[Letter, ...]:
        """Open everything that the holder of the receipt may read; without the mailbox key, give it as it is sealed."""
        letters = (message for message in messages if message.for_mailbox is not None)
        if mailbox_key is None:
            return tuple(
                Letter(
                    author=message.author,
                    sent_at=message.sent_at,
                    content=None,
                    message_id=message.message_id,
                    sealed=message.for_mailbox,
                )
                for message in letters
            )
        return tuple(
            _as_written(message, self._decrypt(request_id, message, message.for_mailbox, mailbox_key))
            for message in letters
        )

    def at_desk(
        self,
        request: ContactRequest,
        sealed: bytes | None,
        messages: Sequence[Message],
        opener: Opener,
        checking: Checking,
    ) -> Opened:
        """Open a request for the practitioner who holds it; what does not open, or is odd, is shown as what it is."""
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
        key = content.mailbox_key or bytes(MAILBOX_KEY_BYTES)
        both = tuple(
            _as_written(m, self._decrypt(request.request_id, m, m.for_mailbox, key))
            if m.author == "helpline"
            else letter
            for m, letter in zip(messages, letters, strict=True)
            if m.author != "colleague"
        )
        details = checking.details(request.kind, content.details)
        if details is None:
            return Opened(details=as_sent(content.details), unreadable="invalid", messages=both, notes=notes)
        return Opened(details=details, messages=both, notes=notes)

    def _letter(self, request_id: str, message: Message, opener: Opener) -> Letter:
        kind, raw = "note" if message.author == "colleague" else "message", None
        if message.for_desk is not None:
            try:
                envelope = Envelope.from_bytes(message.for_desk)
                raw = opener.open(envelope, kind=f"{kind}:{message.message_id}", request_id=request_id)
            except (Unreadable, Unavailable, ValueError):
                raw = None
        return _as_written(message, raw)

    def _decrypt(self, request_id: str, message: Message, sealed: bytes | None, mailbox_key: bytes) -> bytes | None:
        try:
            return self.cipher.decrypt(
                sealed or b"", key=mailbox_key, kind=f"message:{message.message_id}", request_id=request_id
            )
        except Unreadable:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A request's content, opened: *details* may be anything; *mailbox_key* is None where there is none of use."""

    details: object
    mailbox_key: bytes | None = field(repr=False)


def open_content(request: ContactRequest, sealed: bytes, opener: Opener) -> Content:
    """
    Open a request's content whole, whatever its sender put into it.

    Raises:
        Unavailable: `key-missing`.
        Unreadable, ValueError: it is damaged.
    """
    raw = opener.open(Envelope.from_bytes(sealed), kind=request.kind, request_id=request.request_id)
    opened = parsed(raw)
    if not isinstance(opened, dict):
        return Content(details=opened, mailbox_key=None)
    key = opened.pop("mailbox_key", None)
    try:
        mailbox_key = decode(key) if isinstance(key, str) else b""
    except ValueError:
        mailbox_key = b""
    return Content(
        details=opened["details"] if set(opened) == {"details"} else opened,
        mailbox_key=mailbox_key if len(mailbox_key) == MAILBOX_KEY_BYTES else None,
    )


def _as_written(message: Message, raw: bytes | None) -> Letter:
    """
    Read one opened message; a requester's says a text and nothing else, whatever their browser sealed.

    What is odd is cut to a message's length: a mailbox full of it must still fit into one answer of a claim.
    """
    content = None if raw is None else parsed(raw)
    if message.author != "requester" or content is None:
        known = content if isinstance(content, dict) else None
        return Letter(author=message.author, sent_at=message.sent_at, content=known)
    text = message_text(content)
    return Letter(
        author=message.author,
        sent_at=message.sent_at,
        content={"text": as_text(content)[:MESSAGE_LIMIT] if text is None else text},
        odd=text is None,
    )


def _dump(content: Mapping[str, Any]) -> bytes:
    return json.dumps({key: value for key, value in content.items() if value}, ensure_ascii=False).encode()
