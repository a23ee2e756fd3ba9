"""
Sealing and opening with HPKE (RFC 9180): base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

Content is encrypted once with AES-256-GCM under a fresh key, and that key is sealed to each recipient, so that a
second recipient costs a hundred bytes. The sealer holds public keys only. Replies go the other way, under the mailbox
key that only the receipt gives.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from chalicelib.domain.envelope import RECOVERY, Envelope, Recipient, binding, pad, unpad
from chalicelib.domain.receipts import decode
from chalicelib.ports import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

KEM_NAME = "DHKEM(P-256, HKDF-SHA256)"
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_ENC_SIZE = 65
"""Bytes of an uncompressed P-256 point, which is what `enc` is."""
_KEY_SIZE, _NONCE_SIZE = 32, 12


class HpkeSealer:
    """A `Sealer` to *recipients*: `{key_id, kem, public_key}`, the public key as an uncompressed point in base64url."""

    def __init__(
        self,
        recipients: Callable[[], Sequence[Mapping[str, str]]],
        retired: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Seal to *recipients*; *retired* gives the ids of the keys that the desk had before."""
        self._recipients = recipients
        self._retired = retired
        self._parsed: dict[str, EllipticCurvePublicKey] = {}

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """List the recipients."""
        return self._recipients()

    def reaches_desk(self, key_ids: Iterable[str]) -> bool:
        """Tell whether one of *key_ids* is, or has been, a key of the desk."""
        current = {recipient["key_id"] for recipient in self._recipients()}
        desk = {key_id for key_id in current if not key_id.startswith(RECOVERY)}
        return not desk.union(self._retired()).isdisjoint(key_ids)

    def seal(self, content: bytes, *, kind: str, request_id: str) -> Envelope:
        """Seal *content* to every recipient."""
        aad = binding(kind, request_id)
        drawn = os.urandom(_KEY_SIZE + _NONCE_SIZE)
        key, nonce = drawn[:_KEY_SIZE], drawn[_KEY_SIZE:]
        recipients = []
        for recipient in self._recipients():
            key_id = recipient["key_id"]
            sealed = _SUITE.encrypt(key, self._public(recipient["public_key"]), aad + b"|" + key_id.encode())
            recipients.append(Recipient(key_id=key_id, enc=sealed[:_ENC_SIZE], ct=sealed[_ENC_SIZE:]))
        ct = AESGCM(key).encrypt(nonce, pad(content), aad)
        return Envelope(request_id=request_id, nonce=nonce, ct=ct, recipients=tuple(recipients))

    def _public(self, point: str) -> EllipticCurvePublicKey:
        if point not in self._parsed:
            self._parsed[point] = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), decode(point))
        return self._parsed[point]


class HpkeOpener:
    """An `Opener` whose private keys come from *private_key*, which raises `Unavailable` where it has none of them."""

    def __init__(
        self,
        private_key: Callable[[Sequence[str]], tuple[str, EllipticCurvePrivateKey]],
        recipients: Callable[[], Sequence[Mapping[str, str]]],
    ) -> None:
        self._private_key = private_key
        self._recipients = recipients

    def check(self) -> None:
        """Make sure that the desk's current private key is here; an old one opens old requests only."""
        self._private_key([each["key_id"] for each in self._recipients() if not each["key_id"].startswith(RECOVERY)])

    def open(self, envelope: Envelope, *, kind: str, request_id: str) -> bytes:
        """Open an envelope with the first of its recipients' keys that is here."""
        key_id, private = self._private_key([recipient.key_id for recipient in envelope.recipients])
        aad = binding(kind, request_id)
        recipient = next(recipient for recipient in envelope.recipients if recipient.key_id == key_id)
        try:
            key = _SUITE.decrypt(recipient.enc + recipient.ct, private, aad + b"|" + key_id.encode())
        except (InvalidTag, ValueError):
            raise Unreadable from None
        return unlock(envelope, key, aad)


def unlock(envelope: Envelope, key: bytes, aad: bytes) -> bytes:
    """
    Open an envelope with its content key, however a recipient got it.

    Raises:
        Unreadable: it is damaged, or not what it says.
    """
    try:
        return unpad(AESGCM(key).decrypt(envelope.nonce, envelope.ct, aad))
    except (InvalidTag, ValueError):
        raise Unreadable from None


class AesCipher:
    """A `Cipher`: AES-256-GCM, a random nonce in front; *padded* unless what it wraps has been padded before."""

    def __init__(self, *, padded: bool = True) -> None:
        self._padded = padded

    def encrypt(self, content: bytes, *, key: bytes, kind: str, request_id: str) -> bytes:
        """Encrypt *content*, bound to *kind* and *request_id*."""
        nonce = os.urandom(_NONCE_SIZE)
        content = pad(content) if self._padded else content
        return nonce + AESGCM(key).encrypt(nonce, content, binding(kind, request_id))

    def decrypt(self, ciphertext: bytes, *, key: bytes, kind: str, request_id: str) -> bytes:
        """Decrypt what `encrypt` made."""
        try:
            nonce, ct = ciphertext[:_NONCE_SIZE], ciphertext[_NONCE_SIZE:]
            content = AESGCM(key).decrypt(nonce, ct, binding(kind, request_id))
            return unpad(content) if self._padded else content
        except (InvalidTag, ValueError):
            raise Unreadable from None
