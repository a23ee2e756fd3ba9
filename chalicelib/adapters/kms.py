"""
Opening with a private key that never leaves KMS.

KMS computes the Diffie-Hellman value of the encapsulated key (`kms:DeriveSharedSecret`); what RFC 9180 makes of it for
DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM in base mode is computed here, a section of the RFC a function.
"""

from __future__ import annotations

import hmac
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from chalicelib.adapters.hpke import unlock
from chalicelib.domain.envelope import binding
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipts import decode
from chalicelib.ports import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalicelib.adapters.aws import Client
    from chalicelib.domain.envelope import Envelope

_KEM = b"KEM\x00\x10"
_SUITE = b"HPKE\x00\x10\x00\x01\x00\x02"
_SHARED_SIZE = 32
TRUSTED_FOR = 60.0
"""Seconds for which a key that was found in order is believed to be: a claim does not wait for KMS twice."""
_NOT_OURS_TO_USE = (
    "AccessDeniedException",
    "DisabledException",
    "InvalidArnException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
    "UnsupportedOperationException",
    "ValidationException",
)
"""What KMS says of a key that is gone, off, of another kind, or not for this role: waiting mends none of it."""


class KmsOpener:
    """
    An `Opener` whose private keys are KMS keys: *keys* gives the KMS key (ARN, id or alias) of each of our key ids.

    *recipients* lists who is sealed to now. A rotated key is one more key id; its predecessor stays in *keys* for as
    long as something sealed to it is kept.
    """

    def __init__(
        self,
        client: Client,
        keys: Mapping[str, str],
        recipients: Callable[[], Sequence[Mapping[str, str]]],
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._keys = keys
        self._recipients = recipients
        self._timer = timer
        self._lock = threading.Lock()
        self._points: dict[str, bytes] = {}
        self._trusted_until = 0.0

    def check(self) -> None:
        """
        Make sure that KMS uses the private half of the public key that is sealed to now.

        Both sides compute the same Diffie-Hellman value with a key made for this purpose: that the key exists, is
        enabled, is ours to use, and is the one that intake seals to, is one answer.
        """
        if self._timer() < self._trusted_until:
            return
        mine = next((each for each in self._recipients() if each["key_id"] in self._keys), None)
        if mine is None:
            raise Unavailable("key-missing")
        probe = ec.generate_private_key(ec.SECP256R1())
        try:
            expected = probe.exchange(ec.ECDH(), _on_curve(decode(mine["public_key"])))
        except ValueError:
            raise Unavailable("key-missing") from None
        if not hmac.compare_digest(self._shared(mine["key_id"], probe.public_key()), expected):
            raise Unavailable("key-missing")
        self._trusted_until = self._timer() + TRUSTED_FOR

    def open(self, envelope: Envelope, *, kind: str, request_id: str) -> bytes:
        """Open an envelope with the first of its recipients' keys that KMS lets us use."""
        aad, refusal = binding(kind, request_id), Unavailable("key-missing")
        for recipient in envelope.recipients:
            if recipient.key_id not in self._keys:
                continue
            info = aad + b"|" + recipient.key_id.encode()
            try:
                ephemeral = _on_curve(recipient.enc)
                point, shared = self._point(recipient.key_id), self._shared(recipient.key_id, ephemeral)
                key = open_base(shared, enc=recipient.enc, recipient=point, info=info, ciphertext=recipient.ct)
            except Unavailable as unavailable:
                refusal = unavailable
                continue
            except (InvalidTag, ValueError):
                raise Unreadable from None
            return unlock(envelope, key, aad)
        raise refusal

    def _shared(self, key_id: str, ephemeral: EllipticCurvePublicKey) -> bytes:
        answer = self._client(
            "derive_shared_secret",
            refuse=_refusal,
            KeyId=self._keys[key_id],
            KeyAgreementAlgorithm="ECDH",
            PublicKey=ephemeral.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )
        shared: bytes = answer.get("SharedSecret", b"")
        if len(shared) != _SHARED_SIZE:
            raise Unavailable("key-unreachable")  # whatever answered, it was not KMS
        return shared

    def _point(self, key_id: str) -> bytes:
        """Give the public key as KMS has it: it goes into the key schedule, and no setting may say otherwise."""
        with self._lock:
            if key_id not in self._points:
                answer = self._client("get_public_key", refuse=_refusal, KeyId=self._keys[key_id])
                try:
                    public = load_der_public_key(answer.get("PublicKey", b""))
                except ValueError:
                    raise Unavailable("key-unreachable") from None
                if not isinstance(public, EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
                    raise Unavailable("key-missing")
                self._points[key_id] = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return self._points[key_id]


def _refusal(said: str) -> Unavailable:
    return Unavailable("key-missing" if said in _NOT_OURS_TO_USE else "key-unreachable")


def _on_curve(point: bytes) -> EllipticCurvePublicKey:
    return EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def open_base(shared: bytes, *, enc: bytes, recipient: bytes, info: bytes, ciphertext: bytes) -> bytes:
    """
    Open the first message of an HPKE sender in base mode (RFC 9180, 5.1.1 and 6.1), from the raw Diffie-Hellman value.

    *enc* and *recipient* are the two public keys as uncompressed points.

    Raises:
        InvalidTag: it was sealed to another key, for another *info*, or is damaged.
    """
    key, nonce = key_schedule(decapsulate(shared, enc + recipient), info)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def decapsulate(shared: bytes, context: bytes) -> bytes:
    """Give the KEM's shared secret (RFC 9180, 4.1: ExtractAndExpand)."""
    return _expand(_KEM, _extract(_KEM, b"", b"eae_prk", shared), b"shared_secret", context, 32)


def key_schedule(secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Give key and base nonce of the AEAD, in base mode: no pre-shared key (RFC 9180, 5.1)."""
    extract, mode_base = partial(_extract, _SUITE), b"\x00"
    context = mode_base + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    scheduled = extract(secret, b"secret", b"")
    return _expand(_SUITE, scheduled, b"key", context, 32), _expand(_SUITE, scheduled, b"base_nonce", context, 12)


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    """LabeledExtract; an empty salt is a block of zeros to HMAC."""
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """LabeledExpand, of at most one block of SHA-256."""
    return hmac.digest(key, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\x01", "sha256")[:size]
