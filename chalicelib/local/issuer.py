"""
The built-in issuer: sign-in for a helpline on one machine, and for everybody who tries Quietline out.

It is the only issuer that can be had without an account anywhere, so it must never be mistaken for a real
one: it serves a loopback server only, and is off as soon as an external issuer is set. Its key, its unused
sign-in tickets and its partner keys (both as hashes) live in the helpline's home, for its owner alone.

`python -m chalicelib.local.issuer token --role practitioner --sub alex` prints a token and nothing else, `ticket` a
code that signs in once. `sign_in.py` is its authorization server.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import secrets
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Never

from chalicelib.config import SettingError, Settings
from chalicelib.domain.access import (
    LOCAL_ALGORITHM,
    LOCAL_AUDIENCE,
    LOCAL_ISSUER,
    LOCAL_KEYS,
    ROLES,
    SIGN_IN_ROLES,
    SUBJECT_LIMIT,
    is_subject,
)
from chalicelib.domain.errors import Unauthenticated, Unavailable
from chalicelib.domain.partners import is_partner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

TICKET_LASTS = timedelta(hours=12)
WHO = "make-token"
"""What the audit trail calls whoever issues a partner's key on the command line."""
_TICKET = re.compile(r"[A-Za-z0-9_-]{32}")


class CannotIssueError(ValueError):
    """Something that the built-in issuer cannot do; the message is one sentence for who runs the helpline."""


class LocalIssuer:
    """
    Issues tokens and sign-in tickets from *home*.

    Opening it creates what is missing. Any number of processes may do so at once, and get the same key.
    """

    def __init__(self, home: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """
        Open the issuer of *home*, creating the folder (0700), the key (0600) and the key set if need be.

        *now* is the real time, as it is for those who verify; the helpline's own clock may be set to any day.

        Raises:
            CannotIssueError: there is a key that cannot be used.
        """
        self._home = home
        self._now = now
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = self._open_key()
        jwk = _public_jwk(self._key)
        self._kid = jwk["kid"]
        self.keys = home / LOCAL_KEYS
        self._publish({"keys": [jwk]})

    def token(self, role: str, subject: str, hours: float = 12, *, nonce: str | None = None) -> str:
        """
        Issue a bearer token that says *subject* holds *role*, valid for *hours*; *nonce* ties it to one sign-in.

        Raises:
            CannotIssueError: no such role to sign in with, or not a subject.
        """
        import jwt  # noqa: PLC0415 - 80 to 170 ms

        _check(role, subject)
        issued_at = self._now()
        claims = {
            "iss": LOCAL_ISSUER,
            "aud": LOCAL_AUDIENCE,
            "sub": subject,
            "roles": [role],
            "iat": int(issued_at.timestamp()),
            "exp": int((issued_at + timedelta(hours=hours)).timestamp()),
            **({} if nonce is None else {"nonce": nonce}),
        }
        return jwt.encode(claims, self._key, algorithm=LOCAL_ALGORITHM, headers={"kid": self._kid})

    def ticket(self, role: str = "supervisor", subject: str | None = None) -> str:
        """
        Issue a sign-in ticket: 192 random bits for a link, good for one token within twelve hours.

        A link ends up in a terminal's scrollback and a browser's history; a ticket that works once is worth
        nothing there. Without *subject* the role is the name. Tickets that nobody used are swept away here.

        Raises:
            CannotIssueError: no such role to sign in with, or not a subject.
        """
        subject = role if subject is None else subject
        _check(role, subject)
        self._sweep()
        ticket = secrets.token_urlsafe(24)
        expires_at = (self._now() + TICKET_LASTS).timestamp()
        _replace(self._ticket_path(ticket), {"role": role, "subject": subject, "expires_at": expires_at})
        return ticket

    def redeem(self, ticket: str) -> str:
        """
        Take a ticket and give the token for it.

        Raises:
            Unauthenticated: `ticket-invalid`.
        """
        return self.token(*self.take(ticket))

    def take(self, ticket: str) -> tuple[str, str]:
        """
        Take a ticket, and say for which role and subject it is; of any number who bring it, exactly one is told.

        Raises:
            Unauthenticated: `ticket-invalid`, it is unknown, used or expired; nobody is told which.
        """
        if not _TICKET.fullmatch(ticket):
            raise Unauthenticated("ticket-invalid")
        path = self._ticket_path(ticket)
        try:
            kept = json.loads(path.read_bytes())
            path.unlink()  # the one whose unlink succeeds has the ticket
        except FileNotFoundError:
            raise Unauthenticated("ticket-invalid") from None
        if self._now().timestamp() >= kept["expires_at"]:
            raise Unauthenticated("ticket-invalid")
        return kept["role"], kept["subject"]

    def _open_key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only who issues pays for it
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        path = self._home / "issuer.pem"
        if not path.exists():
            pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            with _written(self._home, pem) as temporary:
                _link_if_absent(temporary, path)
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            message = "issuer.pem in QUIETLINE_HOME holds no usable key; remove it, and a new one is made."
            raise CannotIssueError(message)
        return key

    def _publish(self, key_set: dict[str, list[dict[str, str]]]) -> None:
        # Left alone when it says the same already, so that who watches the file has nothing to read again.
        document = json.dumps(key_set)
        if not self.keys.exists() or self.keys.read_text(encoding="utf-8") != document:
            _replace(self.keys, key_set)

    def _ticket_path(self, ticket: str) -> Path:
        folder = self._home / "tickets"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{hashlib.sha256(ticket.encode()).hexdigest()}.json"

    def _sweep(self) -> None:
        for path in (self._home / "tickets").glob("*.json"):
            try:
                expired = self._now().timestamp() >= json.loads(path.read_bytes())["expires_at"]
            except FileNotFoundError:
                continue  # used in this moment
            if expired:
                path.unlink(missing_ok=True)


def _check(role: str, subject: str) -> None:
    if role not in SIGN_IN_ROLES:
        message = f"The role must be one of {', '.join(SIGN_IN_ROLES)}."
        raise CannotIssueError(message)
    if not is_subject(subject):
        message = f"The subject must be 1 to {SUBJECT_LIMIT} printable characters."
        raise CannotIssueError(message)


def _public_jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    jwk = {
        "crv": "P-256",
        "kty": "EC",
        "x": _base64url(numbers.x.to_bytes(32, "big")),
        "y": _base64url(numbers.y.to_bytes(32, "big")),
    }
    # RFC 7638: the id is the hash of exactly these members, sorted, without spaces.
    thumbprint = hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**jwk, "kid": _base64url(thumbprint), "use": "sig", "alg": LOCAL_ALGORITHM}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def _written(folder: Path, content: bytes) -> Iterator[Path]:
    """Write a whole file of mode 0600 beside its place, to be moved or linked there; then remove it."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".writing-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _replace(path: Path, document: object) -> None:
    with _written(path.parent, json.dumps(document).encode()) as temporary:
        temporary.replace(path)


def _link_if_absent(temporary: Path, path: Path) -> None:
    # A link appears whole or not at all, and only one can: whoever comes second uses the first one's key.
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return


class _OneSentence(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage and without what was typed."""

    def error(self, message: str) -> Never:
        """End with the usage in one line; argparse's own *message* repeats the arguments."""
        del message
        usage = " ".join(self.format_usage().split())  # it breaks lines by the terminal's width
        self.exit(2, f"Use: {usage.removeprefix('usage: ')}\n")


def main(arguments: Sequence[str]) -> int:
    """Print a token (a partner's key for `partner`) or a ticket, nothing else; a refusal is one sentence on stderr."""
    parser = _OneSentence(prog="python -m chalicelib.local.issuer", add_help=False, allow_abbrev=False)
    parser.add_argument("command", choices=("token", "ticket"))
    parser.add_argument("--role", required=True)
    parser.add_argument("--sub", default="")
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_env(os.environ)
        issued = _issue(settings, asked.role, asked.sub or asked.role, ticket=asked.command == "ticket")
    except (CannotIssueError, SettingError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (OSError, Unavailable):
        sys.stderr.write("QUIETLINE_HOME must be a folder that can be written to.\n")
        return 1
    sys.stdout.write(f"{issued}\n")
    return 0


def _issue(settings: Settings, role: str, name: str, *, ticket: bool) -> str:
    if role not in (SIGN_IN_ROLES if ticket else ROLES):
        message = f"The role must be one of {', '.join(ROLES)}."
        raise CannotIssueError(message)
    if role == "partner":
        return _partner_key(settings, name)
    if settings.oidc_issuer is not None:
        message = "QUIETLINE_OIDC_ISSUER is set, so the built-in issuer is off: sign in there."
        raise CannotIssueError(message)
    if not settings.on_loopback:
        message = "QUIETLINE_HOST is not this machine alone, so the built-in issuer is off: set QUIETLINE_OIDC_ISSUER."
        raise CannotIssueError(message)
    issuer = LocalIssuer(settings.home)
    return issuer.ticket(role, name) if ticket else issuer.token(role, name)


def _partner_key(settings: Settings, partner: str) -> str:
    from chalicelib.wiring import House  # noqa: PLC0415 - a token needs nothing of it

    if not is_partner(partner):
        message = "A partner's name must be 1 to 32 lower-case letters, digits or inner hyphens."
        raise CannotIssueError(message)
    return House(settings).partnering.issue(partner, by=WHO).key


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
