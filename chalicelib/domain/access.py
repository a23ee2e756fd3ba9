"""
Who may do what at the desk: roles give scopes, and what is not given is refused.

| Role | Scopes |
|---|---|
| practitioner | queue:read, queue:claim |
| supervisor | a practitioner's, and queue:supervise, partner:manage, audit:read |
| editor | content:write |
| host | session:host |
| auditor | audit:read |
| partner | referral:write, by key only: no sign-in gives it |
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PRACTITIONER = frozenset({"queue:read", "queue:claim"})

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "practitioner": _PRACTITIONER,
        "supervisor": _PRACTITIONER | {"queue:supervise", "partner:manage", "audit:read"},
        "editor": frozenset({"content:write"}),
        "host": frozenset({"session:host"}),
        "auditor": frozenset({"audit:read"}),
        "partner": frozenset({"referral:write"}),
    }
)
SIGN_IN_ROLES = tuple(role for role in ROLES if role != "partner")
"""The roles of people; a partner is an organisation, known by its key."""
SUBJECT_LIMIT = 128
"""Characters of a subject: it goes into the audit trail with every reading."""

LOCAL_ISSUER = "urn:quietline:local"
LOCAL_AUDIENCE = "quietline"
LOCAL_ALGORITHM = "ES256"
LOCAL_KEYS = "issuer.jwks.json"
LOCAL_AUTHORIZE, LOCAL_TOKEN = "/desk/issuer/authorize", "/desk/issuer/token"
"""What the built-in issuer and who verifies its tokens agree on; the keys are a file in its home."""
SIGNED_IN = "/desk/signed-in"
"""Where a sign-in service sends the browser back to: the redirect URI, on this site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signed in: *subject* is what the audit trail calls them, *roles* those we know."""

    subject: str
    roles: tuple[str, ...]
    scopes: frozenset[str]

    @classmethod
    def of(cls, subject: str, roles: Iterable[str]) -> Person:
        """
        Give a person what their roles allow.

        A role that we do not know gives nothing and is forgotten at once: an issuer serves other houses too,
        and what it says there has no place in our trail. So is `partner`, which only a partner key gives.
        """
        held = frozenset(roles)
        known = tuple(role for role in SIGN_IN_ROLES if role in held)
        return cls(subject=subject, roles=known, scopes=frozenset().union(*(ROLES[role] for role in known)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInService:
    """
    Where a browser signs people in, by authorization code with PKCE, and which of the tokens it gets opens the desk.

    *bearer* is `id_token` or `access_token`. Addresses that begin with a slash are on this site.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    client_id: str
    scope: str = "openid"
    bearer: str = "id_token"


def is_subject(value: object) -> bool:
    """Tell whether *value* can name a person in the trail: 1 to 128 printable characters, not only spaces."""
    return isinstance(value, str) and len(value) <= SUBJECT_LIMIT and bool(value.strip()) and value.isprintable()


def require(person: Person, scope: str) -> None:
    """
    Let *person* pass if *scope* is theirs.

    Raises:
        Forbidden: `scope-missing`.
    """
    if scope not in person.scopes:
        raise Forbidden("scope-missing")
