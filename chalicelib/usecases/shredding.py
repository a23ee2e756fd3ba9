"""
Shredding: everything written about a request is encrypted once more under a key of its own, which can be destroyed.

Erasing that key erases every copy at once, those in backups included. What is wrapped is sealed already: this protects
nobody's words by itself, it makes them forgettable.

There are two keys, for there are two clocks. Everything is under the first. The details, which are one sealed piece
wherever they were sealed (phone, name, e-mail, rules of safe contact, and the words that came with them), are under a
key made of both: with the second erased they are noise, and messages and replies go on being read; with the first
erased, all is. Requests from before there were two have their details under the first alone.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.ports import ContentName, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chalicelib.domain.requests import ContactRequest
    from chalicelib.ports import Cipher, Clock, Message, Randomness, ShredKeys

KEY_BYTES = 32
NOBODYS = ContentName("", "")
MARKED_FOR = timedelta(days=3650)
"""How long it is remembered what was taken back: longer than anybody should keep a backup."""
_RETRACTED, _REVOKED = "retracted", "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredding:
    """Wraps what is written about a request, and forgets it for good."""

    keys: ShredKeys
    cipher: Cipher
    randomness: Randomness
    clock: Clock

    def begin(self, request: ContactRequest, sealed: Callable[[], bytes]) -> bytes:
        """
        Keep two new keys for *request*, and wrap its sealed content under both.

        Content is *sealed* while the keys are put away, perhaps in another thread, where the engine has the time.

        Raises:
            Unavailable: `storage`; the request must not be accepted.
        """
        key, details_key = self.randomness.secret(KEY_BYTES), self.randomness.secret(KEY_BYTES)
        name = name_of(request)
        both = _made_of(key, details_key)
        kind, wrapped = _content_kind(request), []

        def wrap() -> None:
            wrapped.append(self.cipher.encrypt(sealed(), key=both, kind=kind, request_id=request.request_id))

        self.keys.keep({name: key, details_of(name): details_key}, expires_at=request.retained_until, meanwhile=wrap)
        return wrapped[0]

    def key(self, request: ContactRequest | None) -> bytes | None:
        """
        Give the key of *request*; None means that it was withdrawn, whatever its head says.

        No request costs the same look, so that what a receipt opens cannot be told by how long it takes.
        """
        name = NOBODYS if request is None else name_of(request)
        return self.keys.key(name, now=self.clock.now())

    def ping(self) -> None:
        """
        Make sure that what comes in could be wrapped now.

        Raises:
            Unavailable: it could not.
        """
        self.keys.ping()

    def erase(self, request: ContactRequest) -> None:
        """Forget everything written about *request*, in every copy there is."""
        self.keys.erase(keys_of((name_of(request),)))

    def content(self, request: ContactRequest, wrapped: bytes | None, key: bytes | None) -> bytes | None:
        """Unwrap sealed content: None if it is gone or was erased, nothing at all if it is damaged."""
        now = self.clock.now()
        if key is None or wrapped is None or request.is_bare(now):
            return None
        details_key = self.keys.key(details_of(name_of(request)), now=now)
        if details_key is None:
            return self._unwrap(wrapped, key, _content_kind(request), request.request_id) or None
        return self._unwrap(wrapped, _made_of(key, details_key), _content_kind(request), request.request_id)

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


def retracted(session: str, entry_id: str) -> ContentName:
    """Name a public answer that was taken back, among the keys, where no backup is: a copy must not say it again."""
    return ContentName(_RETRACTED, f"{session}/{entry_id}")


def revoked(key_id: str) -> ContentName:
    """Name a partner's key that was revoked, in the same place: a copy must not let it in again."""
    return ContentName(_REVOKED, key_id)


def retracted_among(names: Iterable[ContentName]) -> list[tuple[str, str]]:
    """Give session and entry of each answer that was taken back."""
    marks = sorted(name.body_id for name in names if name.request_id == _RETRACTED)
    return [(session, entry_id) for session, _, entry_id in (mark.partition("/") for mark in marks)]


def revoked_among(names: Iterable[ContentName]) -> list[str]:
    """Give the id of each partner's key that was revoked."""
    return sorted(name.body_id for name in names if name.request_id == _REVOKED)


def details_of(name: ContentName) -> ContentName:
    """Name the second key of a request, whose end is the end of its details."""
    return ContentName(name.request_id, f"{name.body_id}.details")


def keys_of(names: Iterable[ContentName]) -> list[ContentName]:
    """Name every key there is for *names*; the one that everything is under first."""
    return [key for name in names for key in (name, details_of(name))]


def _made_of(key: bytes, details_key: bytes) -> bytes:
    return hmac.digest(key, b"details|" + details_key, "sha256")


def _content_kind(request: ContactRequest) -> str:
    return f"shred:{request.body_id}"


def _message_kind(message: Message, reader: str) -> str:
    return f"shred:{message.message_id}:{reader}"
