"""
The keys of an embedded installation, as files under its home: `keys/`, mode 0600, made on the first run.

`recipients.json` lists the public keys to seal to, and is all that accepting a request needs: the desk's current key
and the recovery key, and the ids of the keys that the desk had before. It is read anew whenever it changes, so that a
rotation reaches running servers. `desk-ID.pem` are the desk's private keys, the old ones for old requests.
`recovery-ID.pem` is to be moved away from the machine; `recovery-ID.pub` stays. `pepper` ties receipts to idempotency
keys; `audit.key` chains the audit trail. A key is never made twice: one that is missing while sealed content exists is
a fault to be told, not to be papered over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from dataclasses import dataclass
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
from chalicelib.domain.envelope import RECOVERY
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipts import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SECRET_SIZE = 32
SECRETS = ("pepper", "audit.key")
DESK = "desk-"
_LIST = "recipients.json"
_RECIPIENT = {"key_id", "kem", "public_key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What `recipients.json` says: whom to seal to, and which keys the desk had before."""

    recipients: tuple[Mapping[str, str], ...]
    retired: tuple[str, ...]


class KeyFiles:
    """The folder of keys; every file in it is made once, whole or not at all, also when two processes start at once."""

    def __init__(self, folder: Path, *, may_make: Callable[[], bool] = lambda: True) -> None:
        """Look after *folder*; *may_make* says no once there is a database, whose keys these must be."""
        self._folder = folder
        self._list = folder / _LIST
        self._may_make = may_make
        self._opened: dict[str, EllipticCurvePrivateKey] = {}
        self._read: tuple[tuple[int, ...], _Listed] | None = None

    def make(self) -> None:
        """Make whatever is missing, before there is anything that depends on it."""
        self.recipients()
        for name in SECRETS:
            self.secret(name)

    def recipients(self) -> Sequence[Mapping[str, str]]:
        """
        List the public keys to seal to: the desk's current one first, then the recovery key.

        Raises:
            Unavailable: `keys`, the list cannot be read.
        """
        return self._listed().recipients

    def retired(self) -> Sequence[str]:
        """List the ids of the keys that the desk had before; they open old requests."""
        return self._listed().retired

    def recovery_keys_here(self) -> Sequence[str]:
        """Name the files of recovery keys that still lie here, though they belong somewhere else."""
        return sorted(path.name for path in self._folder.glob(f"{RECOVERY}*.pem"))

    def rotate(self) -> str:
        """
        Make a new key the desk's current one, and give its id; what was sealed before opens with the keys of before.

        Running servers seal to the new key from their next request on. An installation without a recovery key, from
        before there was one, is given one.

        Raises:
            Unavailable: `keys`, the list cannot be read, or nothing can be written.
        """
        with _as_unavailable("keys"), self._alone():
            self._may_make = lambda: True
            listed = self._listed()
            private = self._make_private(DESK)
            before = [each["key_id"] for each in listed.recipients if not each["key_id"].startswith(RECOVERY)]
            recovery = [each for each in listed.recipients if each["key_id"].startswith(RECOVERY)]
            recipients = [_recipient(private, DESK), *(recovery or [self._make_recovery()])]
            self._replace(_LIST, _list_of(recipients, (*before, *listed.retired)))
        return recipients[0]["key_id"]

    def _listed(self) -> _Listed:
        path = self._list
        with _as_unavailable("keys"):
            try:
                about = path.stat()
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with self._alone():
                    self._list_anew()
                about = path.stat()
            state = (about.st_mtime_ns, about.st_ino, about.st_size)
            if self._read is None or self._read[0] != state:
                self._read = state, _parsed(path.read_bytes())
            return self._read[1]

    def _list_anew(self) -> None:
        """
        Make the first pair and the recovery key, or the list again from what is here.

        The private key whose list was lost is found, so that no second pair takes its place; of several, the newest.
        """
        if self._list.exists():
            return  # somebody else was first
        found = sorted(self._folder.glob(f"{DESK}*.pem"), key=lambda path: path.stat().st_mtime)
        private = self._load(found[-1].stem) if found else self._make_private(DESK)
        if private is None:
            raise ValueError
        kept = sorted(self._folder.glob(f"{RECOVERY}*.pub"), key=lambda path: path.stat().st_mtime)
        recovery: dict[str, str] | None
        if kept:
            recovery = _recipient_of(decode(kept[-1].read_text(encoding="ascii").strip()), RECOVERY)
        else:
            recovery = None if found else self._make_recovery()
        recipients = [_recipient(private, DESK), *([] if recovery is None else [recovery])]
        self._write_once(_LIST, _list_of(recipients, [path.stem for path in found[:-1]]))

    def _make_private(self, prefix: str) -> EllipticCurvePrivateKey:
        private = ec.generate_private_key(ec.SECP256R1())
        # The private key first: a public key whose private half was lost in a crash would seal what nobody can open.
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._write_once(f"{_recipient(private, prefix)['key_id']}.pem", pem)
        return private

    def _make_recovery(self) -> dict[str, str]:
        recovery = _recipient(self._make_private(RECOVERY), RECOVERY)
        self._write_once(f"{recovery['key_id']}.pub", recovery["public_key"].encode())
        return recovery

    def private_key(self, key_ids: Sequence[str]) -> tuple[str, EllipticCurvePrivateKey]:
        """
        Give the first of *key_ids* whose private key is here; a recovery key that lies here opens nothing at the desk.

        Raises:
            Unavailable: `key-missing`, none is here or can be read.
        """
        for key_id in key_ids:
            key = None if key_id.startswith(RECOVERY) else self._load(key_id)
            if key is not None:
                return key_id, key
        raise Unavailable("key-missing")

    def _load(self, key_id: str) -> EllipticCurvePrivateKey | None:
        path = self._folder / f"{key_id}.pem"
        if os.sep in key_id or not _is_there(path):
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
        if not self._may_make() and name != _LIST and not (self._folder / name).exists():
            raise Unavailable("keys")
        with self._draft(name, content) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, self._folder / name)

    def _replace(self, name: str, content: bytes) -> None:
        """Put a file in the place of another, whole: whoever reads meanwhile finds the one or the other."""
        with self._draft(name, content) as draft:
            ready = draft.with_name(f"{draft.name}.new")
            os.link(draft, ready)
            ready.replace(self._folder / name)

    @contextlib.contextmanager
    def _draft(self, name: str, content: bytes) -> Iterator[Path]:
        """Write *content* durably under a name of its own, and make durable what is then done with it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink()
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time change the list."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for any file, in an envelope that is damaged
        return False


def read_recovery_key(path: Path) -> tuple[str, EllipticCurvePrivateKey]:
    """
    Read a recovery key from wherever it was kept, and give its id with it.

    Raises:
        Unavailable: `key-missing`, there is none in that file.
    """
    with _as_unavailable("key-missing"):
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError  # noqa: TRY004 - a file that holds something else, and no mistake of ours
        return _recipient(key, RECOVERY)["key_id"], key


def _parsed(raw: bytes) -> _Listed:
    said = json.loads(raw)
    recipients, retired = said["recipients"], said.get("retired", [])
    if not recipients or not all(each.keys() >= _RECIPIENT for each in recipients):
        raise ValueError
    if all(str(each["key_id"]).startswith(RECOVERY) for each in recipients) or not isinstance(retired, list):
        raise ValueError
    return _Listed(
        recipients=tuple({name: str(each[name]) for name in _RECIPIENT} for each in recipients),
        retired=tuple(str(each) for each in retired),
    )


def _list_of(recipients: Sequence[Mapping[str, str]], retired: Sequence[str]) -> bytes:
    return json.dumps({"recipients": list(recipients), "retired": list(retired)}, indent=1).encode()


def _recipient(private: EllipticCurvePrivateKey, prefix: str) -> dict[str, str]:
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _recipient_of(point, prefix)


def _recipient_of(point: bytes, prefix: str) -> dict[str, str]:
    key_id = prefix + sha256(point).hexdigest()[:12]
    return {"key_id": key_id, "kem": KEM_NAME, "public_key": encode(point)}


class _as_unavailable:  # noqa: N801 - used as a statement
    """Turn a file that cannot be read or written into a refusal that names no path."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _traceback: object) -> None:
        """Raise `Unavailable` in the place of what went wrong with a file."""
        if isinstance(error, (OSError, ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm)):
            raise Unavailable(self._code) from error
