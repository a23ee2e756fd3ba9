"""
Sign-in with bearer tokens of any OpenID Connect issuer, verified with PyJWT.

One algorithm, chosen by the helpline and never by the token. A token says nothing until its signature holds,
and a refused one leaves no trace: not in the answer, not in an exception. Token times are the issuer's, so the
real clock checks them, whatever the helpline's own says while somebody tries summer time out.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import threading
import time
from collections import OrderedDict
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

from chalicelib.domain.access import (
    LOCAL_ALGORITHM,
    LOCAL_AUDIENCE,
    LOCAL_ISSUER,
    LOCAL_KEYS,
    Person,
    is_subject,
)
from chalicelib.domain.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Jwk = dict[str, Any]

TOKEN_LIMIT = 8 * 1024
"""Bytes of a token; a larger one is refused unread (gateways cap all headers together at 10 KiB)."""
LEEWAY_SECONDS = 60
"""How far an issuer's clock may be from ours."""
REQUIRED = ("iss", "aud", "exp", "iat", "sub")
REMEMBER_SECONDS = 60
REMEMBER_TOKENS = 256
KEYS_SECONDS = 600
RETRY_SECONDS = 60
"""How often at most an issuer that we have keys of is asked: for a key unknown to us, or after a failure."""
FIRST_RETRY_SECONDS = 5
"""How often at most it is asked while there are no keys at all, and nobody can sign in."""
FETCH_SECONDS = 3
FETCH_LIMIT = 512 * 1024
"""Bytes of an issuer's document; the largest real key sets are some tens of KiB."""


class KeySource(Protocol):
    """
    Where an issuer's public keys come from.

    * A key is given only by its exact id; a set that holds no keys at all is not a set.
    * What an issuer publishes becomes known within ten minutes, and a new key as soon as a token names it,
      though never by asking the issuer more than once a minute.
    """

    def key(self, kid: str) -> Jwk | None:
        """
        Give the JWK with the id *kid*, or None if the issuer has none.

        Raises:
            Unavailable: `sign-in-unavailable`, there are no keys to look in.
        """
        ...


class OidcIdentity:
    """
    Recognises people by the tokens of one issuer; an `Identity`.

    *roles_claim* names the claim with the roles (`cognito:groups` for Cognito); one inside another is written
    with a dot, like Keycloak's `realm_access.roles`. A token that was good is remembered by its hash, for a
    minute at most, so that a desk that polls does not pay for a signature each time.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        algorithm: str,
        roles_claim: str = "roles",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithm = algorithm
        self._roles_claim = roles_claim
        self._remembered = _Remembered(clock)

    def person(self, bearer: str) -> Person:
        """
        Verify a token and say whose it is.

        Raises:
            Unauthenticated: `token-missing`, `token-expired`, or `token-invalid` for everything else.
            Unavailable: `sign-in-unavailable`, there are no keys to verify it with.
        """
        if not bearer:
            raise Unauthenticated("token-missing")
        if len(bearer) > TOKEN_LIMIT or not bearer.isascii():
            raise Unauthenticated("token-invalid")
        digest = hashlib.sha256(bearer.encode("ascii")).digest()
        person = self._remembered.get(digest)
        if person is None:
            claims = self._verified(bearer)
            person = Person.of(_subject(claims), _roles(claims, self._roles_claim))
            self._remembered.put(digest, person, expires_at=_instant(claims, "exp"))
        return person

    def _verified(self, token: str) -> Mapping[str, object]:
        import jwt  # noqa: PLC0415 - 80 to 170 ms that only the desk needs

        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("alg") != self._algorithm or not isinstance(kid, str):
                raise Unauthenticated("token-invalid")
            jwk = self._keys.key(kid)
            if jwk is None or not _verifies(jwk, self._algorithm):
                raise Unauthenticated("token-invalid")
            claims: Mapping[str, object] = jwt.decode(
                token,
                jwt.PyJWK(jwk, self._algorithm),
                algorithms=[self._algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("token-expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("token-invalid") from None
        _instant(claims, "iat")
        return claims


class NoSignIn:
    """
    Recognises nobody; an `Identity` for a desk whose issuer has not been set.

    The built-in issuer serves loopback only. Where others can reach the server, having no issuer means that the desk
    stays shut, and never that the built-in one steps in.
    """

    def person(self, bearer: str) -> Person:
        """
        Refuse.

        Raises:
            Unauthenticated: `token-missing`.
            Unavailable: `sign-in-unavailable`, whatever the token says.
        """
        if not bearer:
            raise Unauthenticated("token-missing")
        raise Unavailable("sign-in-unavailable")


def local_identity(home: Path) -> OidcIdentity:
    """Recognise people by tokens of the built-in issuer, whose keys are in *home*, on loopback only."""
    return OidcIdentity(
        FileKeySource(home / LOCAL_KEYS),
        issuer=LOCAL_ISSUER,
        audience=LOCAL_AUDIENCE,
        algorithm=LOCAL_ALGORITHM,
    )


def _verifies(jwk: Jwk, algorithm: str) -> bool:
    # RFC 7517 4.2-4.4: a key may say what it is for; one for encryption, or for another algorithm, verifies
    # nothing. A key with its private half in a public set is nobody's secret any more.
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and jwk.get("alg", algorithm) == algorithm
        and "d" not in jwk
    )


def _subject(claims: Mapping[str, object]) -> str:
    subject = claims["sub"]
    if not isinstance(subject, str) or not is_subject(subject):
        raise Unauthenticated("token-invalid")
    return subject


def _instant(claims: Mapping[str, object], name: str) -> float:
    # PyJWT takes "17" and True for times as well; RFC 7519 2 knows numbers only.
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated("token-invalid")
    return value


def _roles(claims: Mapping[str, object], path: str) -> tuple[str, ...]:
    # The whole name first: some issuers want claims named like addresses, dots included.
    found: object = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        return (found,)
    return tuple(role for role in found if isinstance(role, str)) if isinstance(found, list) else ()


class _Remembered:
    """Who the last good tokens spoke for, by their hashes: memory holds nothing to sign in with."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._people: OrderedDict[bytes, tuple[float, Person]] = OrderedDict()

    def get(self, digest: bytes) -> Person | None:
        with self._lock:
            until, person = self._people.get(digest, (0.0, None))
            if person is None:
                return None
            if self._clock() >= until:
                del self._people[digest]
                return None
            self._people.move_to_end(digest)
            return person

    def put(self, digest: bytes, person: Person, *, expires_at: float) -> None:
        until = min(expires_at, self._clock() + REMEMBER_SECONDS)
        with self._lock:
            self._people[digest] = (until, person)
            self._people.move_to_end(digest)
            while len(self._people) > REMEMBER_TOKENS:
                self._people.popitem(last=False)


class FileKeySource:
    """The key set in a file, read again when the file changes; a `KeySource`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: tuple[tuple[int, int, int], dict[str, Jwk]] | None = None

    def key(self, kid: str) -> Jwk | None:
        """
        Give the JWK with the id *kid*, or None.

        Raises:
            Unavailable: `sign-in-unavailable`, the file is missing or holds no key set.
        """
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_size, status.st_ino)
            loaded = self._loaded
            if loaded is None or loaded[0] != version:
                loaded = self._loaded = (version, _key_set(self._path.read_bytes()))
        except (OSError, ValueError, RecursionError):
            raise Unavailable("sign-in-unavailable") from None
        return loaded[1].get(kid)


def fetch_document(url: str) -> bytes:
    """
    Read an issuer's document; slowly dripping, moved-away and oversized ones fail.

    Raises:
        OSError, HTTPException, ValueError: it cannot be had within three seconds.
    """
    deadline = time.monotonic() + FETCH_SECONDS
    handlers = (_TrustedRedirects, ProxyHandler({})) if _on_loopback(url) else (_TrustedRedirects,)
    body = b""
    with build_opener(*handlers).open(url, timeout=FETCH_SECONDS) as response:
        while chunk := response.read1(64 * 1024):
            body += chunk
            if len(body) > FETCH_LIMIT or time.monotonic() > deadline:
                raise ValueError
    return body


class UrlKeySource:
    """
    The key set that an issuer publishes (OpenID Connect Discovery 1.0); a `KeySource`.

    It is asked for every ten minutes, and for an unknown key at most once a minute. While the issuer is down
    the last good set goes on: an outage of the sign-in must not lock out a practitioner with a valid token.
    One request at a time fetches; those whose key is known do not wait for it.
    """

    def __init__(
        self,
        issuer: str,
        *,
        fetch: Callable[[str], bytes] = fetch_document,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._fetching = threading.Lock()
        self._keys: Mapping[str, Jwk] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")

    def key(self, kid: str) -> Jwk | None:
        """
        Give the JWK with the id *kid*, or None if the issuer has none.

        Raises:
            Unavailable: `sign-in-unavailable`, the issuer has not given us any keys yet.
        """
        if self._wants(kid) and self._fetching.acquire(blocking=kid not in self._keys):
            try:
                if self._wants(kid):
                    self._refresh()
            finally:
                self._fetching.release()
        if not self._keys:
            raise Unavailable("sign-in-unavailable")
        return self._keys.get(kid)

    def _wants(self, kid: str) -> bool:
        now = self._clock()
        if now - self._tried_at < (RETRY_SECONDS if self._keys else FIRST_RETRY_SECONDS):
            return False
        return kid not in self._keys or now - self._fetched_at >= KEYS_SECONDS

    def _refresh(self) -> None:
        try:
            document = json.loads(self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration"))
            # Discovery 4.3: it must name itself as we were told to, or we would trust a namesake's keys.
            if not isinstance(document, dict) or document.get("issuer") != self._issuer:
                return
            self._keys = _key_set(self._get(str(document.get("jwks_uri"))))
            self._fetched_at = self._clock()
        except (OSError, HTTPException, ValueError, RecursionError):
            return
        finally:
            self._tried_at = self._clock()

    def _get(self, url: str) -> bytes:
        if not is_trusted(url):
            raise ValueError
        return self._fetch(url)


class _TrustedRedirects(HTTPRedirectHandler):
    """Follows an issuer only to where a key set may come from."""

    def redirect_request(
        self,
        req: Any,  # noqa: ANN401
        fp: Any,  # noqa: ANN401
        code: int,
        msg: str,
        headers: Any,  # noqa: ANN401
        newurl: str,
    ) -> Any:  # noqa: ANN401
        """
        Follow to *newurl* if keys may come from there.

        Raises:
            HTTPError: they may not.
        """
        if not is_trusted(newurl):
            raise HTTPError(req.full_url, code, "untrusted redirect", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_trusted(url: str) -> bool:
    """Tell whether nobody on the way can have written what comes from *url*: https, or this machine."""
    scheme = urlsplit(url).scheme
    return scheme == "https" or (scheme == "http" and _on_loopback(url))


def _on_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key_set(document: bytes) -> dict[str, Jwk]:
    """
    Read a JWK set: its keys by their ids; entries without one cannot be asked for, and are left out.

    Raises:
        ValueError: it is not one, or holds no key.
    """
    parsed = json.loads(document)
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    keys = {
        entry["kid"]: entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str)
    }
    if not keys:
        raise ValueError
    return keys
