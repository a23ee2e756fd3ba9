"""
The keys of an embedded installation, as files under its home: `keys/`, mode 0600, made on the first run.

`recipients.json` lists the public keys to seal to, and is all that accepting a request needs. `KEYID.pem` is the
desk's private key. `pepper` ties receipts to idempotency keys; `audit.key` chains the audit trail. A key is never made
twice: one that is missing while sealed content exists is a fault to be told, not to be papered over.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from chalicelib.adapters.hpke import KEM_NAME
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipts import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SECRET_SIZE = 32
SECRETS = ("pepper", "audit.key")
_RECIPIENT = {"key_id", "kem", "public_key"}


class KeyFiles:
    """The folder of keys; every file in it is made once, whole or not at all, also when two processes start at once."""

    def __init__(self, folder: Path, *, may_make: Callable[[], bool] = lambda: True) -> None:
        """Look after *folder*; *may_make* says no once there is a database, whose keys these must be."""
        self._folder = folder
        self._may_make = may_make
        self._opened: dict[str, EllipticCurvePrivateKey] = {}

    def make(self) -> None:
        """Make whatever is missing, before there is anything that depends on it."""
        self.recipients()
        for name in SECRETS:
            self.secret(name)

    def recipients(self) -> Sequence[Mapping[str, str]]:
        """List the public keys to seal to, making the first pair on the first run."""
        return self._recipients

    @cached_property
    def _recipients(self) -> Sequence[Mapping[str, str]]:
        path = self._folder / "recipients.json"
        with _as_unavailable("keys"):
            if not path.exists():
                self._publish(self._newest_private() or self._make_private())
            recipients = json.loads(path.read_bytes())["recipients"]
            if not recipients or not all(each.keys() >= _RECIPIENT for each in recipients):
                raise ValueError
            return tuple({name: str(each[name]) for name in _RECIPIENT} for each in recipients)

    def _newest_private(self) -> EllipticCurvePrivateKey | None:
        """Find the private key whose list of recipients was lost, so that no second pair takes its place."""
        found = sorted(self._folder.glob("desk-*.pem"), key=lambda path: path.stat().st_mtime)
        return self._load(found[-1].stem) if found else None

    def _make_private(self) -> EllipticCurvePrivateKey:
        private = ec.generate_private_key(ec.SECP256R1())
        # The private key first: a public key whose private half was lost in a crash would seal what nobody can open.
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._write_once(f"{_recipient(private)['key_id']}.pem", pem)
        return private

    def _publish(self, private: EllipticCurvePrivateKey) -> None:
        self._write_once("recipients.json", json.dumps({"recipients": [_recipient(private)]}).encode())

    def private_key(self, key_ids: Sequence[str]) -> tuple[str, EllipticCurvePrivateKey]:
        """
        Give the first of *key_ids* whose private key is here.

        Raises:
            Unavailable: `key-missing`, none is here or can be read.
        """
        for key_id in key_ids:
            key = self._load(key_id)
            if key is not None:
                return key_id, key
        raise Unavailable("key-missing")

    def _load(self, key_id: str) -> EllipticCurvePrivateKey | None:
        path = self._folder / f"{key_id}.pem"
        if os.sep in key_id or not path.exists():
            self._opened.pop(key_id, None)
            return None
        if key_id not in self._opened:
            try:
                key = load_pem_private_key(path.read_bytes(), password=None)
            except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
                return None
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                return None
            self._opened[key_id] = key
        return self._opened[key_id]

    def secret(self, name: str) -> bytes:
        """
        Give the 32-byte secret *name*, making it on the first run.

        Raises:
            Unavailable: `keys`, it cannot be read or written.
        """
        path = self._folder / name
        with _as_unavailable("keys"):
            if not path.exists():
                self._write_once(name, secrets.token_bytes(SECRET_SIZE))
            secret = path.read_bytes()
        if len(secret) != SECRET_SIZE:
            raise Unavailable("keys")
        return secret

    def _write_once(self, name: str, content: bytes) -> None:
        """Put a file in place whole, unless somebody else was first, or it should have been there all along."""
        if not self._may_make() and name != "recipients.json":
            raise Unavailable("keys")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, self._folder / name)
        finally:
            draft.unlink()
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _recipient(private: EllipticCurvePrivateKey) -> dict[str, str]:
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    key_id = "desk-" + sha256(point).hexdigest()[:12]
    return {"key_id": key_id, "kem": KEM_NAME, "public_key": encode(point)}


class _as_unavailable:  # noqa: N801 - used as a statement
    """Turn a file that cannot be read or written into a refusal that names no path."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _traceback: object) -> None:
        """Raise `Unavailable` in the place of what went wrong with a file."""
        if isinstance(error, (OSError, ValueError, KeyError, TypeError, AttributeError)):
            raise Unavailable(self._code) from error
