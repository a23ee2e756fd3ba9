"""Settings, read once from the environment; a wrong one is named in one clear sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
FACES = ("public", "desk")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
STORES = ("sqlite", "dynamodb")
WAYS = ("direct", "boto3")
"""How AWS is spoken to: by what `adapters/aws_json.py` knows where that is enough, or always by boto3."""
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
    url: str | None = None
    faces: frozenset[str] = frozenset(FACES)
    store: str = "sqlite"
    aws: str = "direct"
    table: str = "quietline"
    shred_table: str = "quietline-shred"
    counters_table: str = "quietline-counters"
    content_table: str = "quietline-content"
    queue_shards: int = 1
    lease: timedelta = timedelta(minutes=20)
    claim_limit: int = 5
    retention: timedelta = timedelta(days=90)
    retention_after_closing: timedelta = timedelta(days=30)
    details_after_closing: timedelta = timedelta(days=30)
    unverified_cap: int = 10_000
    partner_cap: int = 50
    clock_starts_at: datetime | None = None
    oidc_issuer: str | None = None
    oidc_audience: str = "quietline"
    oidc_algorithm: str = "RS256"
    oidc_roles_claim: str = "roles"
    oidc_client_id: str | None = None
    oidc_scope: str = "openid"
    oidc_bearer: str = "id_token"
    metrics: str | None = None
    trail_anchor: str | None = None
    kms_keys: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[Mapping[str, str], ...] = ()
    pepper_secret: str | None = None
    audit_secret: str | None = None
    overflow_queue: str | None = None
    doorbell_topic: str | None = None
    doorbell_webhook: str | None = None
    doorbell_secret: str | None = field(default=None, repr=False)
    mail: str = "outbox"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server; elsewhere the built-in sign-in is off."""
        return self.host in LOOPBACK

    @property
    def doorbell_secret_arn(self) -> str | None:
        """Where the doorbell's secret is kept, if the setting names a place in Secrets Manager and is not it."""
        try:
            return _arn("secretsmanager")(self.doorbell_secret or "")
        except ValueError:
            return None

    @property
    def site(self) -> str:
        """Under which address people reach this site, for what must name it in full: sitemap, feed, structured data."""
        return self.url or f"http://{self.host}:{self.port}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """
        Read every `QUIETLINE_*` variable; unset and empty ones keep their defaults.

        Raises:
            SettingError: one sentence that names the variable and what it must be.
        """
        read = _Reader(environ)
        default = cls()
        webhook = read("DOORBELL_WEBHOOK", _webhook, "an https address", default.doorbell_webhook)
        doorbell_secret = read(
            "DOORBELL_SECRET", _secret, "at least 32 characters, or the ARN of a secret", default.doorbell_secret
        )
        if webhook is not None and doorbell_secret is None:
            message = "QUIETLINE_DOORBELL_SECRET must be set where QUIETLINE_DOORBELL_WEBHOOK is."
            raise SettingError(message)
        retention = read("RETENTION_DAYS", _long, f"a number of days from {SHORTEST} to 3650", default.retention)
        after_closing = read(
            "RETENTION_CLOSED_DAYS",
            _days_up_to(retention),
            "a number of days from 1 to QUIETLINE_RETENTION_DAYS",
            min(default.retention_after_closing, retention),
        )
        return cls(
            home=read("HOME", Path, "a folder for data and keys", default.home),
            host=read("HOST", str, "an address to listen on", default.host),
            port=read("PORT", _whole(0, 65535), "a port number from 0 to 65535", default.port),
            url=read("URL", _site, "the https address of this site, without a path or a slash", default.url),
            faces=read("FACES", _faces, "public, desk, or public,desk", default.faces),
            store=read("STORE", _one_of(*STORES), "sqlite or dynamodb", default.store),
            aws=read("AWS", _one_of(*WAYS), "direct or boto3", default.aws),
            table=read("TABLE", str, "the name of the DynamoDB table of requests", default.table),
            shred_table=read("SHRED_TABLE", str, "the name of the DynamoDB table of shred keys", default.shred_table),
            counters_table=read(
                "COUNTERS_TABLE", str, "the name of the DynamoDB table of counters", default.counters_table
            ),
            content_table=read(
                "CONTENT_TABLE", str, "the name of the DynamoDB table of what editors publish", default.content_table
            ),
            queue_shards=read("QUEUE_SHARDS", _whole(1, 64), "a number from 1 to 64", default.queue_shards),
            lease=read("LEASE_MINUTES", _minutes, "a number of minutes from 1 to 240", default.lease),
            claim_limit=read("CLAIM_LIMIT", _whole(1, 1000), "a number from 1 to 1000", default.claim_limit),
            retention=retention,
            retention_after_closing=after_closing,
            details_after_closing=read(
                "CONTACT_DAYS",
                _days_up_to(after_closing),
                "a number of days from 1 to QUIETLINE_RETENTION_CLOSED_DAYS",
                min(default.details_after_closing, after_closing),
            ),
            unverified_cap=read(
                "UNVERIFIED_CAP", _whole(0, 10_000_000), "a number from 0 to 10000000", default.unverified_cap
            ),
            partner_cap=read("PARTNER_CAP", _whole(0, 10_000), "a number from 0 to 10000", default.partner_cap),
            clock_starts_at=read("CLOCK", _instant, "an instant like 2026-11-24T18:05:00Z", default.clock_starts_at),
            oidc_issuer=read("OIDC_ISSUER", _address, "the https address of a sign-in service", default.oidc_issuer),
            oidc_audience=read("OIDC_AUDIENCE", str, "the audience that tokens carry", default.oidc_audience),
            oidc_algorithm=read(
                "OIDC_ALGORITHM", _one_of(*ALGORITHMS), "one of " + ", ".join(ALGORITHMS), default.oidc_algorithm
            ),
            oidc_roles_claim=read("OIDC_ROLES_CLAIM", str, "the name of a claim", default.oidc_roles_claim),
            oidc_client_id=read(
                "OIDC_CLIENT_ID", _printable, "the client id of the desk's page", default.oidc_client_id
            ),
            oidc_scope=read(
                "OIDC_SCOPE", _scope, "scopes with spaces between them, openid among them", default.oidc_scope
            ),
            oidc_bearer=read(
                "OIDC_BEARER", _one_of("id_token", "access_token"), "id_token or access_token", default.oidc_bearer
            ),
            trail_anchor=read("TRAIL_ANCHOR", str, "the name of a parameter in Systems Manager", default.trail_anchor),
            metrics=read("METRICS", _namespace, "a namespace of CloudWatch, like Quietline/desk", default.metrics),
            kms_keys=read("KMS_KEYS", _kms_keys, "KEY_ID=KMS_KEY, several of them with commas", default.kms_keys),
            recipients=read(
                "RECIPIENTS", _recipients, "the JSON list that GET /v1/keys gives under keys", default.recipients
            ),
            pepper_secret=read("PEPPER_SECRET", _arn("secretsmanager"), "the ARN of a secret", default.pepper_secret),
            audit_secret=read("AUDIT_SECRET", _arn("secretsmanager"), "the ARN of a secret", default.audit_secret),
            overflow_queue=read("OVERFLOW_QUEUE", _address, "the URL of an SQS queue", default.overflow_queue),
            doorbell_topic=read("DOORBELL_TOPIC", _arn("sns"), "the ARN of an SNS topic", default.doorbell_topic),
            doorbell_webhook=webhook,
            doorbell_secret=doorbell_secret,
            mail=read("MAIL", _one_of("outbox", "ses"), "outbox or ses", default.mail),
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


def _days_up_to(longest: timedelta) -> Callable[[str], timedelta]:
    """Read a clock that may not outrun the one that it is part of."""

    def parse(raw: str) -> timedelta:
        return timedelta(days=_whole(1, longest.days)(raw))

    return parse


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


def _site(raw: str) -> str:
    address = urlsplit(_address(raw))
    if raw != f"{address.scheme}://{address.netloc}" or "@" in address.netloc:
        raise ValueError
    return raw


def _address(raw: str) -> str:
    """Read an https address; plain http reaches this machine only, and carries no sign-in."""
    address = urlsplit(raw)
    trusted = address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
    if not address.hostname or not trusted or address.port == 0:
        raise ValueError
    return raw


def _printable(raw: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", raw):
        raise ValueError
    return raw


def _scope(raw: str) -> str:
    """Read scopes (RFC 6749 3.3); without `openid` no token says who somebody is."""
    if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e ]{1,1000}", raw) or "openid" not in raw.split():
        raise ValueError
    return " ".join(raw.split())


def _namespace(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._/#-]{1,255}", raw) or raw.startswith("AWS/"):
        raise ValueError
    return raw


def _webhook(raw: str) -> str:
    address = urlsplit(_address(raw))
    if address.username or address.password or address.fragment or not raw.isascii() or not raw.isprintable():
        raise ValueError
    return raw


def _secret(raw: str) -> str:
    if len(raw) < 32:  # noqa: PLR2004 - 128 bits in hexadecimal
        raise ValueError
    return raw


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError
        return raw

    return parse


def _arn(service: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not re.fullmatch(rf"arn:aws[a-z-]*:{service}:[^:\s]*:[^:\s]*:\S+", raw):
            raise ValueError
        return raw

    return parse


def _kms_keys(raw: str) -> Mapping[str, str]:
    keys = dict(each.strip().split("=", 1) for each in raw.split(",") if each.strip())
    if not keys or not all(re.fullmatch(r"[\w.-]+", name) and key for name, key in keys.items()):
        raise ValueError
    return keys


def _recipients(raw: str) -> tuple[Mapping[str, str], ...]:
    """Read the public keys to seal to; each is an uncompressed P-256 point, 65 bytes, in base64url."""
    listed = json.loads(raw)
    if not isinstance(listed, list) or not listed:
        raise ValueError
    for each in listed:
        if not isinstance(each, dict) or set(each) != {"key_id", "kem", "public_key"}:
            raise ValueError
        if not all(isinstance(value, str) and value for value in each.values()):
            raise ValueError
        if not re.fullmatch(r"B[A-Za-z0-9_-]{86}", each["public_key"]):  # 0x04 and two coordinates
            raise ValueError
    if len({each["key_id"] for each in listed}) != len(listed):
        raise ValueError
    return tuple(listed)
