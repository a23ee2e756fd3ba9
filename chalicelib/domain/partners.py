"""
Partners: organisations whose professionals refer people, with their consent, and the keys by which they are known.

A key is `qlp_<id>_<secret><checksum>`: its id is `<partner>.<tag>`, so that whoever finds one in the wrong place can
say whose it is and which one to revoke; the secret is 256 random bits. The checksum is no secret: a scanner for leaked
keys tells a real one from a lookalike by it, and a key that was cut off while copying is refused without a look. Only
the SHA-256 of the whole is kept; a slow hash would add nothing to 256 random bits.
"""

from __future__ import annotations

import hmac
import re
import zlib
from base64 import b32encode
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.domain.audit import Deed
from chalicelib.domain.helpline import Statement, read_statement
from chalicelib.domain.receipts import encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.domain.requests import ContactRequest

PARTNER = r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"
"""How a partner is named: short, and nothing that would need quoting in a key, an address or a list."""
KEY_ID = rf"{PARTNER}\.[a-z2-7]{{8}}"
SECRET_BYTES, TAG_BYTES = 32, 5
HOW = ("in-person", "by-phone", "by-video", "in-writing")
"""How somebody can give their consent."""
_KEY = re.compile(rf"qlp_({KEY_ID})_[A-Za-z0-9_-]{{43}}[A-Za-z0-9_-]{{6}}")
_CHECKSUM = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerKey:
    """What is kept of a key: its id, the SHA-256 of it in hexadecimal, who issued and who revoked it, and when."""

    key_id: str
    digest: str
    issued_by: str
    issued_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None

    @property
    def partner(self) -> str:
        """Whose it is."""
        return partner_of(self.key_id)

    def opens_for(self, key: str) -> bool:
        """Tell whether *key* is this one, and may still be used."""
        return hmac.compare_digest(self.digest, digest_of(key)) and self.revoked_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """
    That a request was referred: by which key, and what the referred person agreed to, in which words, how and when.

    It stands in the head, because it must be checked on arrival, whoever sealed the rest; nobody wrote a word of it.
    """

    key_id: str
    consent_version: str
    consent_language: str
    how: str
    given_on: date

    @property
    def partner(self) -> str:
        """Who referred."""
        return partner_of(self.key_id)

    def to_text(self) -> str:
        """Write it in one line, for a store."""
        return f"{self.key_id} {self.consent_version} {self.consent_language} {self.how} {self.given_on.isoformat()}"

    @classmethod
    def from_text(cls, text: str) -> Referral:
        """
        Read what `to_text` wrote.

        Raises:
            ValueError: it is something else.
        """
        key_id, version, language, how, given_on = text.split(" ")
        return cls(
            key_id=key_id,
            consent_version=version,
            consent_language=language,
            how=how,
            given_on=date.fromisoformat(given_on),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """The statement that people agree to before they are referred: the one *in_force*, and *every* one there was."""

    in_force: Statement
    every: Mapping[str, Statement]


def read_consents(content: Mapping[str, Any]) -> Consents:
    """
    Build the consent statements from their content file.

    Raises:
        KeyError: the file is incomplete; `make content-check` says where.
    """
    every = {version: read_statement({**part, "version": version}) for version, part in content["versions"].items()}
    return Consents(in_force=every[content["in_force"]], every=every)


def is_partner(name: str) -> bool:
    """Tell whether *name* can name a partner."""
    return re.fullmatch(PARTNER, name) is not None


def partner_of(key_id: str) -> str:
    """Give the partner whose key an id is of."""
    return key_id.partition(".")[0]


def new_key(partner: str, random: bytes) -> tuple[str, str]:
    """Make a key for *partner*, and its id, out of 37 random bytes."""
    key_id = f"{partner}.{b32encode(random[:TAG_BYTES]).decode().lower()}"
    body = f"qlp_{key_id}_{encode(random[TAG_BYTES : TAG_BYTES + SECRET_BYTES])}"
    return key_id, body + _checksum(body)


def id_of(key: str) -> str | None:
    """Give the id in a key; None for what is no key of ours: another form, or another checksum than it should have."""
    read = _KEY.fullmatch(key)
    return read[1] if read is not None and _checksum(key[:-_CHECKSUM]) == key[-_CHECKSUM:] else None


def digest_of(key: str) -> str:
    """Give what is kept of a key."""
    return sha256(key.encode()).hexdigest()


def actor_of(key_id: str) -> str:
    """Give what the audit trail calls whoever holds a key."""
    return f"partner/{key_id}"


def deed_of(request: ContactRequest) -> Deed | None:
    """Tell that a request was referred, and by which key; its time is cut to the hour, as for everybody who asks."""
    if request.referral is None:
        return None
    actor = actor_of(request.referral.key_id)
    return Deed(at=request.submitted_at, actor=actor, verb="refer", request_id=request.request_id)


def _checksum(body: str) -> str:
    return encode(zlib.crc32(body.encode()).to_bytes(4, "big"))
