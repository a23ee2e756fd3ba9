"""
The built-in issuer's authorization server: authorization code with PKCE (RFC 6749, RFC 7636) for the desk alone.

It does what Cognito, Entra ID or Keycloak do for a helpline that has one, so that what is tried out on one machine is
what runs elsewhere. In the place of a password stands a ticket, which works once. `make run` serves it beside the
built-in issuer, on loopback, and never where an external issuer is set.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from chalicelib.domain.access import LOCAL_AUDIENCE, LOCAL_ISSUER
from chalicelib.domain.errors import Unauthenticated
from chalicelib.http.desk_page import TEMPLATES, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from chalicelib.local.issuer import LocalIssuer

    Answer = tuple[int, Mapping[str, str], bytes]
    Fields = Mapping[str, str]

CODE_LASTS = timedelta(seconds=60)
TOKEN_HOURS = 12
FORM_LIMIT = 8 * 1024
ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
"""What an authorization request may say; anything else is passed over (RFC 6749 3.1)."""
_PAGE = Path(__file__).with_name("sign_in.html")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a code stands for: somebody who has shown a ticket, and the browser that asked."""

    role: str
    subject: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires_at: datetime


class AuthorizationServer:
    """
    Signs in whoever shows a ticket.

    *redirect_uris* gives the exact addresses that a code may be sent to. A code lives for a minute, in memory, and the
    first who brings it uses it up, whatever comes of it.
    """

    def __init__(
        self,
        issuer: LocalIssuer,
        *,
        redirect_uris: Callable[[], Collection[str]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._issuer = issuer
        self._redirect_uris = redirect_uris
        self._now = now
        self._codes: dict[str, Granted] = {}
        self._lock = threading.Lock()

    def ask(self, headers: dict[str, str], query: str, body: bytes) -> Answer:  # noqa: ARG002 - what every route gets
        """Answer `GET /desk/issuer/authorize`: the page that asks for a ticket, or what is wrong with the request."""
        asked = _fields(query)
        return self._refused(asked) or _page(asked)

    def grant(self, headers: dict[str, str], query: str, body: bytes) -> Answer:  # noqa: ARG002 - as above
        """Answer `POST /desk/issuer/authorize`: back to the desk with a code, or the page again."""
        asked = _fields(body)
        if refused := self._refused(asked):
            return refused
        try:
            role, subject = self._issuer.take(asked.get("ticket", "").strip())
        except Unauthenticated:
            return _page(asked, wrong=True)
        code = secrets.token_urlsafe(32)
        granted = Granted(
            role=role,
            subject=subject,
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            nonce=asked.get("nonce"),
            expires_at=self._now() + CODE_LASTS,
        )
        with self._lock:
            self._codes = {held: each for held, each in self._codes.items() if each.expires_at > self._now()}
            self._codes[_hash(code)] = granted
        return _back(asked, {"code": code})

    def token(self, headers: dict[str, str], query: str, body: bytes) -> Answer:  # noqa: ARG002 - as above
        """Answer `POST /desk/issuer/token`: tokens for a code, once, to whoever holds the verifier."""
        asked = _fields(body)
        if asked.get("grant_type") != "authorization_code":
            return _json(400, {"error": "unsupported_grant_type"})
        with self._lock:
            granted = self._codes.pop(_hash(asked.get("code", "")), None)
        verifier = asked.get("code_verifier", "")
        if (
            granted is None
            or granted.expires_at <= self._now()
            or asked.get("client_id") != LOCAL_AUDIENCE
            or asked.get("redirect_uri") != granted.redirect_uri
            or not _VERIFIER.fullmatch(verifier)
            or not secrets.compare_digest(challenge_of(verifier), granted.challenge)
        ):
            return _json(400, {"error": "invalid_grant"})
        issued = self._issuer.token(granted.role, granted.subject, TOKEN_HOURS, nonce=granted.nonce)
        return _json(
            200,
            {"access_token": issued, "id_token": issued, "token_type": "Bearer", "expires_in": TOKEN_HOURS * 3600},
        )

    def _refused(self, asked: Fields) -> Answer | None:
        """Refuse a request that is not the desk's; an address that is not exactly ours is never sent to."""
        if asked.get("client_id") != LOCAL_AUDIENCE or asked.get("redirect_uri") not in self._redirect_uris():
            return _json(400, {"error": "invalid_request"})
        if asked.get("response_type") != "code":
            return _back(asked, {"error": "unsupported_response_type"})
        if "openid" not in asked.get("scope", "").split():
            return _back(asked, {"error": "invalid_scope"})
        # RFC 7636 4.4.1, RFC 9700 2.1.1: no code without a challenge, and none with one that can be read back.
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
            return _back(asked, {"error": "invalid_request"})
        return None


def challenge_of(verifier: str) -> str:
    """Give the S256 challenge of a verifier (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _fields(said: str | bytes) -> Fields:
    """Read a query or a form; what cannot be read, is too large or says something twice says nothing."""
    if len(said) > FORM_LIMIT:
        return {}
    try:
        text = said if isinstance(said, str) else said.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        return {}
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else {}


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _back(asked: Fields, said: Mapping[str, str]) -> Answer:
    """Send the browser back to the desk; *iss* tells it who answers (RFC 9207)."""
    state = {"state": asked["state"]} if "state" in asked else {}
    location = f"{asked['redirect_uri']}?{urlencode({**said, **state, 'iss': LOCAL_ISSUER})}"
    return 303, {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}, b""


def _json(status: int, said: Mapping[str, object]) -> Answer:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return status, headers, json.dumps(said).encode()


def _page(asked: Fields, *, wrong: bool = False) -> Answer:
    style = (TEMPLATES / "shell.css").read_text(encoding="utf-8")
    kept = "\n".join(
        f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">' for name in ASKED if name in asked
    )
    body = (
        _PAGE.read_text(encoding="utf-8")
        .replace("{style}", style)
        .replace("{invalid}", ' aria-invalid="true"' if wrong else "")
        .replace("{wrong}", "" if wrong else " hidden")
        .replace("{kept}", kept)
    )
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": "en",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return 401 if wrong else 200, headers, body.encode()
