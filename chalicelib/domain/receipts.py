"""
Receipts and what follows from them.

A receipt is 130 random bits, written as 26 characters of Crockford base32. HKDF-SHA256 (RFC 5869) over its canonical
characters gives the *lookup value*, which opens the mailbox, and the *mailbox key*, under which replies are encrypted.
The request id is SHA-256 of the lookup value: whoever holds the database, or a request id, cannot get back to either.
A browser can do all of this with WebCrypto. At 130 random bits no slow hash is needed (NIST SP 800-63B 5.1.2.2).
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
LOOKUP_BYTES = 32
ENTROPY_BYTES = 17
"""Random bytes to draw for a receipt; 130 of their 136 bits are used."""
PLAIN_PAIRS = 4
"""How many word pairs to try before a number is added."""
_GROUPS = (5, 5, 5, 5, 6)
_SHIFTS = range(5 * (LENGTH - 1), -1, -5)
_FORGIVEN = str.maketrans("OIL", "011", " -\u2010\u2011\u2012\u2013\u2014\t\r\n\u00a0")
_CANONICAL = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The secret code that only the requester has; *code* is its canonical form, without dashes."""

    code: str
    _extracted: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Take the first step of HKDF, which all that follows from the code shares."""
        object.__setattr__(self, "_extracted", hmac.digest(bytes(32), self.code.encode(), "sha256"))

    def __repr__(self) -> str:
        """Keep the code out of every log and traceback."""
        return "Receipt(...)"

    @property
    def shown(self) -> str:
        """The code in groups of five, the last of six, as people copy it."""
        groups, at = [], 0
        for size in _GROUPS:
            groups.append(self.code[at : at + size])
            at += size
        return "-".join(groups)

    def ends_with(self, note: str) -> bool:
        """Tell whether somebody's note ends as the code does: its last group, or more of it, written as people do."""
        typed = note.upper().translate(_FORGIVEN)
        return len(typed) >= _GROUPS[-1] and self.code.endswith(typed)

    @property
    def lookup(self) -> bytes:
        """The 32 bytes that open the mailbox."""
        return self._derive(b"quietline/1|lookup")

    @property
    def mailbox_key(self) -> bytes:
        """The 32-byte AES key under which replies are encrypted; it travels only inside the sealed body."""
        return self._derive(b"quietline/1|mailbox-key")

    def fingerprint(self, body: bytes) -> str:
        """
        Tell one body from another without keeping either: HMAC-SHA256 under a key that only the receipt gives.

        The server's pepper and the database together cannot confirm a guessed phone number with it.
        """
        return hmac.digest(self._derive(b"quietline/1|fingerprint"), body, "sha256").hex()

    def _derive(self, info: bytes) -> bytes:
        return hmac.digest(self._extracted, info + b"\x01", "sha256")


@dataclass(frozen=True, slots=True)
class Credential:
    """
    What somebody shows at the mailbox's door.

    A plain client shows the receipt, and both values follow from it. A browser that opens its messages itself shows
    the *lookup* value alone: then there is no *mailbox_key* here, and nothing that could be read with it.
    """

    lookup: bytes
    mailbox_key: bytes | None = None

    def __repr__(self) -> str:
        """Keep both values out of every log and traceback."""
        return "Credential(...)"

    @property
    def request_id(self) -> str:
        """The request that it opens, if there is one."""
        return request_id_of(self.lookup)

    @classmethod
    def of_receipt(cls, text: str) -> Credential:
        """Read a receipt as people write it; what is none opens nobody's mailbox, by the same work."""
        receipt = read_receipt(text) or _NOBODYS
        return cls(receipt.lookup, receipt.mailbox_key)

    @classmethod
    def of_lookup(cls, text: str) -> Credential:
        """Read a lookup value as a browser sends it; what is none opens nobody's mailbox."""
        try:
            lookup = decode(text)
        except ValueError:
            lookup = b""
        return cls(lookup if len(lookup) == LOOKUP_BYTES else bytes(LOOKUP_BYTES))


def receipt_from_bytes(entropy: bytes) -> Receipt:
    """Write the first 130 bits of *entropy* (at least 17 bytes) as a receipt."""
    number = int.from_bytes(entropy[:ENTROPY_BYTES], "big") >> (ENTROPY_BYTES * 8 - LENGTH * 5)
    return Receipt("".join([ALPHABET[(number >> at) & 31] for at in _SHIFTS]))


_NOBODYS = receipt_from_bytes(bytes(32))
"""Stands in for what is no receipt at all, so that it costs the same work and gets the same answer."""


def receipt_for_key(idempotency_key: str, *, pepper: bytes) -> Receipt:
    """
    Give the receipt that belongs to an `Idempotency-Key`.

    The same key gives the same receipt, so that a repeat whose first answer was lost hears the same answer, without
    the receipt ever being stored. The pepper never leaves the server: nobody else can get from key to receipt.
    """
    return receipt_from_bytes(hmac.digest(pepper, b"quietline/1|receipt|" + idempotency_key.encode(), "sha256"))


def keyed_fingerprint(body: bytes, *, pepper: bytes) -> str:
    """Tell one body from another where there is no receipt to key it with, because a browser made it."""
    return hmac.digest(pepper, b"quietline/1|fingerprint|" + body, "sha256").hex()


def read_receipt(text: str) -> Receipt | None:
    """Read a receipt as people write it: any case, spaces and dashes anywhere, O for 0, I and L for 1."""
    if len(text) > 4 * LENGTH:
        return None
    code = text.upper().translate(_FORGIVEN)
    return Receipt(code) if _CANONICAL.fullmatch(code) else None


def request_id_of(lookup: bytes) -> str:
    """Give the request id, which is also the store's key: SHA-256 of the lookup value, base64url without padding."""
    return encode(sha256(lookup).digest())


def reference_of(request_id: str, words: tuple[Sequence[str], Sequence[str]], attempt: int = 0) -> str:
    """
    Give the word pair that a practitioner says when ringing, so that the requester knows the call is genuine.

    It follows from the request id alone and opens nothing. Where a pair is taken by another living request, the next
    *attempt* gives another; from the fifth on with a number behind it, so that a long queue never runs out of them.
    """
    digest = sha256(f"quietline/1|reference|{request_id}|{attempt}".encode()).digest()
    first, second, number = (int.from_bytes(digest[at : at + 4], "big") for at in (0, 4, 8))
    pair = f"{words[0][first % len(words[0])]}-{words[1][second % len(words[1])]}"
    return pair if attempt < PLAIN_PAIRS else f"{pair}-{number % 10 ** (attempt - PLAIN_PAIRS + 2)}"


def encode(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """
    Read base64url without padding.

    Raises:
        ValueError: it is not base64url.
    """
    if not text.isascii() or re.search(r"[^A-Za-z0-9_-]", text):
        message = "not base64url"
        raise ValueError(message)
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
