"""
A doorbell that rings a web address of the helpline's, signed, so that the other side knows who rang.

`POST`, JSON: `{"rung_at": "...Z", "lanes": [{"lane": "callback/en", "waiting": 3, "next_due_at": "...Z"}]}`, with
`Quietline-Signature: t=UNIX_SECONDS,v1=HEX`, where HEX is HMAC-SHA256 of `UNIX_SECONDS.BODY` under the shared secret.
Whoever receives it recomputes it over the raw body, compares in constant time, and refuses a `t` more than five minutes
old. Any 2xx answer is a yes; redirects are not followed; nothing of the answer is read.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from chalicelib.ports import Ring

PATIENCE = 5.0
"""Seconds for a ring in all, whatever the other side does, be it a byte a second."""


class WebhookDoorbell:
    """A `Doorbell` at *address* (https; http to this machine), signed with what *secret* gives when it rings."""

    def __init__(
        self,
        address: str,
        secret: Callable[[], str],
        *,
        wall: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self._address = urlsplit(address)
        self._secret = secret
        self._wall = wall
        self._patience = patience

    def ring(self, rings: Sequence[Ring], *, at: datetime) -> None:
        """Post one message; the time of its signature is the real one, which the other side compares with its own."""
        lanes = [
            {
                "lane": ring.lane,
                "waiting": ring.waiting,
                "next_due_at": None if ring.due_at is None else _instant(ring.due_at),
            }
            for ring in rings
        ]
        body = json.dumps({"rung_at": _instant(at), "lanes": lanes}, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "Quietline-Signature": signature(body, secret=self._secret().encode(), seconds=int(self._wall())),
        }
        call = _Call(self._connection(), self._path(), body, headers)
        if not 200 <= call.status(within=self._patience) < 300:  # noqa: PLR2004
            raise Unavailable("doorbell")

    def _connection(self) -> HTTPConnection:
        make = HTTPSConnection if self._address.scheme == "https" else HTTPConnection
        return make(self._address.hostname or "", self._address.port, timeout=self._patience)

    def _path(self) -> str:
        query = f"?{self._address.query}" if self._address.query else ""
        return f"{self._address.path or '/'}{query}"


def signature(body: bytes, *, secret: bytes, seconds: int) -> str:
    """Sign *body* as of *seconds* since 1970."""
    return f"t={seconds},v1={hmac.new(secret, f'{seconds}.'.encode() + body, 'sha256').hexdigest()}"


class _Call:
    """One POST in a thread of its own: a socket's time-out starts anew with every byte, ours does not."""

    def __init__(self, connection: HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> None:
        self._connection = connection
        self._request = (path, body, headers)
        self._status = 0
        self._thread = threading.Thread(target=self._post, name="doorbell", daemon=True)

    def status(self, *, within: float) -> int:
        """Give the answer's status, or 0 if there is none within so many seconds."""
        self._thread.start()
        self._thread.join(within)
        if self._thread.is_alive():
            given_up = self._connection.sock
            with suppress(OSError, AttributeError):
                given_up.shutdown(socket.SHUT_RDWR)
            return 0
        return self._status

    def _post(self) -> None:
        path, body, headers = self._request
        try:
            self._connection.request("POST", path, body, headers)
            self._status = self._connection.getresponse().status
        except (OSError, HTTPException, ValueError):
            self._status = 0
        finally:
            self._connection.close()


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
