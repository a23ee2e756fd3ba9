"""
How the client in `examples/` speaks HTTP; `make client` puts this code in front of what it makes of the contract.

It uses nothing but the standard library, so that the client is one file to copy.
"""

from __future__ import annotations

import http.client
import json
import secrets
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_KEPT = 256
_TRIES = 3


class Refused(Exception):  # noqa: N818 - what the helpline says, not a mistake of the program
    """
    The helpline refused, and says why: a *code* to act on, the places that were wrong, and whom to ring instead.

    *problem* is the whole document. Nothing of what was sent is in it.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code: str | None = problem.get("code")
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        self.helpline: dict[str, str] | None = problem.get("helpline")
        super().__init__(f"{status} {self.code}")


class Transport:
    """
    Asks one helpline: conditionally where it may, again where that is safe, and with the credential that is asked for.

    An answer with an ETag is kept, and asked for again only if it has changed. What is sent with an idempotency key, or
    only read, is tried three times when the connection fails; a key is made where none is given.
    """

    def __init__(self, address: str, *, language: str, timeout: float, credentials: dict[str, str | None]) -> None:
        site = urlsplit(address)
        if site.scheme not in {"http", "https"} or not site.hostname:
            message = "The address must begin with https:// (or http:// on this machine)."
            raise ValueError(message)
        self._site = site
        self._language = language
        self._timeout = timeout
        self._credentials = credentials
        self._kept: dict[str, tuple[str, Any]] = {}

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, object] | None = None,
        body: object = None,
        callers: tuple[str, ...] = (),
        key: str | None = None,
        repeatable: bool = False,
        conditions: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - each operation says what it answers
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{self._site.path.rstrip('/')}{path}{'?' if asked else ''}{urlencode(asked)}"
        headers = {"Accept": "application/json, application/problem+json", "Accept-Language": self._language}
        credential = next((self._credentials[name] for name in callers if self._credentials.get(name)), None)
        if credential is not None:
            headers["Authorization"] = credential
        headers |= conditions or {}
        if repeatable:
            headers["Idempotency-Key"] = key or secrets.token_urlsafe(24)
        kept = self._kept.get(target) if method == "GET" and credential is None else None
        if kept is not None:
            headers["If-None-Match"] = kept[0]
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        tries = _TRIES if method == "GET" or repeatable else 1
        status, etag, answered = self._ask(method, target, sent, headers, tries)
        if status == http.client.NOT_MODIFIED and kept is not None:
            return kept[1]
        document = json.loads(answered) if answered else None
        if status >= http.client.BAD_REQUEST:
            raise Refused(status, document or {})
        if etag is not None and method == "GET" and credential is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[target] = (etag, document)
        return document

    def _ask(
        self, method: str, target: str, sent: bytes | None, headers: dict[str, str], tries: int
    ) -> tuple[int, str | None, bytes]:
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        while True:
            tries -= 1
            connection = kinds[self._site.scheme](self._site.netloc, timeout=self._timeout)
            try:
                connection.request(method, target, sent, headers)
                answer = connection.getresponse()
                return answer.status, answer.getheader("ETag"), answer.read()
            except (OSError, http.client.HTTPException):
                if not tries:
                    raise
            finally:
                connection.close()


def _part(text: str) -> str:
    """Put a value into a path."""
    return quote(text, safe="")
