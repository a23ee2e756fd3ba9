"""Settings, read once from the environment; a wrong one is named in one clear sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
FACES = ("public", "desk")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST = 42
"""Days: no request may expire before it is due, four weeks ahead at most and a holiday's three working days more."""
ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")


class SettingError(ValueError):
    """A setting that cannot be used; the message names the variable and what it must be, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this deployment runs. Durations are timedeltas, paths are as given (relative to the working directory)."""

    home: Path = Path(".quietline")
    host: str = "127.0.0.1"
    port: int = 8000
    faces: frozenset[str] = frozenset(FACES)
    lease: timedelta = timedelta(minutes=20)
    claim_limit: int = 5
    retention: timedelta = timedelta(days=90)
    retention_after_closing: timedelta = timedelta(days=30)
    unverified_cap: int = 10_000
    clock_starts_at: datetime | None = None
    oidc_issuer: str | None = None
    oidc_audience: str = "quietline"
    oidc_algorithm: str = "RS256"
    oidc_roles_claim: str = "roles"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server; elsewhere the built-in sign-in is off."""
        return self.host in LOOPBACK

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """
        Read every `QUIETLINE_*` variable; unset and empty ones keep their defaults.

        Raises:
            SettingError: one sentence that names the variable and what it must be.
        """
        read = _Reader(environ)
        default = cls()
        return cls(
            home=read("HOME", Path, "a folder for data and keys", default.home),
            host=read("HOST", str, "an address to listen on", default.host),
            port=read("PORT", _whole(0, 65535), "a port number from 0 to 65535", default.port),
            faces=read("FACES", _faces, "public, desk, or public,desk", default.faces),
            lease=read("LEASE_MINUTES", _minutes, "a number of minutes from 1 to 240", default.lease),
            claim_limit=read("CLAIM_LIMIT", _whole(1, 1000), "a number from 1 to 1000", default.claim_limit),
            retention=read("RETENTION_DAYS", _long, f"a number of days from {SHORTEST} to 3650", default.retention),
            retention_after_closing=read(
                "RETENTION_CLOSED_DAYS", _days, "a number of days from 1 to 3650", default.retention_after_closing
            ),
            unverified_cap=read(
                "UNVERIFIED_CAP", _whole(0, 10_000_000), "a number from 0 to 10000000", default.unverified_cap
            ),
            clock_starts_at=read("CLOCK", _instant, "an instant like 2026-11-24T18:05:00Z", default.clock_starts_at),
            oidc_issuer=read("OIDC_ISSUER", _issuer, "the https address of a sign-in service", default.oidc_issuer),
            oidc_audience=read("OIDC_AUDIENCE", str, "the audience that tokens carry", default.oidc_audience),
            oidc_algorithm=read(
                "OIDC_ALGORITHM", _algorithm, "one of " + ", ".join(ALGORITHMS), default.oidc_algorithm
            ),
            oidc_roles_claim=read("OIDC_ROLES_CLAIM", str, "the name of a claim", default.oidc_roles_claim),
        )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(self, name: str, parse: Callable[[str], T], must_be: str, default: T) -> T:
        raw = self._environ.get(f"QUIETLINE_{name}", "").strip()
        if not raw:
            return default
        try:
            return parse(raw)
        except (ValueError, OverflowError):
            message = f"QUIETLINE_{name} must be {must_be}."
            raise SettingError(message) from None


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        value = int(raw)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def _minutes(raw: str) -> timedelta:
    return timedelta(minutes=_whole(1, 240)(raw))


def _long(raw: str) -> timedelta:
    return timedelta(days=_whole(SHORTEST, 3650)(raw))


def _days(raw: str) -> timedelta:
    return timedelta(days=_whole(1, 3650)(raw))


def _faces(raw: str) -> frozenset[str]:
    faces = frozenset(face.strip() for face in raw.split(","))
    if not faces <= frozenset(FACES):
        raise ValueError
    return faces


def _instant(raw: str) -> datetime:
    instant = datetime.fromisoformat(raw)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


def _issuer(raw: str) -> str:
    address = urlsplit(raw)
    trusted = address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
    if not address.hostname or not trusted:
        raise ValueError
    return raw


def _algorithm(raw: str) -> str:
    if raw not in ALGORITHMS:
        raise ValueError
    return raw
