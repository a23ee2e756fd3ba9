"""
Shredding: everything written about a request is encrypted once more under a key of its own, which can be destroyed.

Erasing that key erases every copy at once, those in backups included. What is wrapped is sealed already: this protects
nobody's words by itself, it makes them forgettable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.ports import ContentName, Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.domain.requests import ContactRequest
    from chalicelib.ports import Cipher, Clock, Message, Randomness, ShredKeys

KEY_BYTES = 32
NOBODYS = ContentName("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredding:
    """Wraps what is written about a request, and forgets it for good."""

    keys: ShredKeys
    cipher: Cipher
    randomness: Randomness
    clock: Clock

    def begin(self, request: ContactRequest, content: bytes) -> bytes:
        """
        Keep a new key for *request*, and wrap its sealed content under it.

        Raises:
            Unavailable: `storage`; the request must not be accepted.
        """
        key = self.randomness.secret(KEY_BYTES)
        self.keys.keep(name_of(request), key, expires_at=request.retained_until)
        return self.cipher.encrypt(content, key=key, kind=_content_kind(request), request_id=request.request_id)

    def key(self, request: ContactRequest | None) -> bytes | None:
        """
        Give the key of *request*; None means that it was withdrawn, whatever its head says.

        No request costs the same look, so that what a receipt opens cannot be told by how long it takes.
        """
        name = NOBODYS if request is None else name_of(request)
        return self.keys.key(name, now=self.clock.now())

    def erase(self, request: ContactRequest) -> None:
        """Forget everything written about *request*, in every copy there is."""
        self.keys.erase((name_of(request),))

    def content(self, request: ContactRequest, wrapped: bytes | None, key: bytes | None) -> bytes | None:
        """Unwrap sealed content: None if it is gone, nothing at all if it is damaged."""
        if key is None or wrapped is None:
            return None
        return self._unwrap(wrapped, key, _content_kind(request), request.request_id)

    def wrap(self, request_id: str, message: Message, key: bytes) -> Message:
        """Wrap both forms of a message."""

        def wrapped(raw: bytes | None, reader: str) -> bytes | None:
            if raw is None:
                return None
            return self.cipher.encrypt(raw, key=key, kind=_message_kind(message, reader), request_id=request_id)

        return replace(
            message, for_desk=wrapped(message.for_desk, "desk"), for_mailbox=wrapped(message.for_mailbox, "mailbox")
        )

    def unwrap(self, request_id: str, messages: Sequence[Message], key: bytes | None) -> tuple[Message, ...]:
        """Unwrap messages; without a key there are none."""
        if key is None:
            return ()

        def unwrapped(message: Message, raw: bytes | None, reader: str) -> bytes | None:
            return None if raw is None else self._unwrap(raw, key, _message_kind(message, reader), request_id)

        return tuple(
            replace(
                message,
                for_desk=unwrapped(message, message.for_desk, "desk"),
                for_mailbox=unwrapped(message, message.for_mailbox, "mailbox"),
            )
            for message in messages
        )

    def _unwrap(self, raw: bytes, key: bytes, kind: str, request_id: str) -> bytes:
        try:
            return self.cipher.decrypt(raw, key=key, kind=kind, request_id=request_id)
        except Unreadable:
            return b""


def name_of(request: ContactRequest) -> ContentName:
    """Give the name of the content that the head counts on."""
    return ContentName(request.request_id, request.body_id)


def _content_kind(request: ContactRequest) -> str:
    return f"shred:{request.body_id}"


def _message_kind(message: Message, reader: str) -> str:
    return f"shred:{message.message_id}:{reader}"
