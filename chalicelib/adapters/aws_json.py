"""
AWS's JSON protocol, spoken directly: signed, sent, read, and no more.

A cold start pays 160 ms of processor time for a client of boto3, which is as much as everything else together, for one
shape of request: a POST of JSON with a target and a signature (Signature Version 4). boto3 knows a hundred ways to
credentials and endpoints; this knows the one that a Lambda function has, which are the variables that it is given.
`way_to` says whether that is all there is to know, and wherever it is not, boto3 is asked as before.
"""

from __future__ import annotations

import hmac
import json
import re
import select
import socket
import threading
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPConnection
    from ssl import SSLContext

TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "kms": ("TrentService", "1.1"),
    "secretsmanager": ("secretsmanager", "1.1"),
}
"""What each service's operations are called on the wire, and the version of the protocol."""
_BLOBS = {"kms": ("SharedSecret", "PublicKey")}
"""What is bytes in a service's answers, and base64 on the wire; DynamoDB's values say so themselves."""
_PLAIN_REGION = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)(-gov)?-[a-z]+-[1-9]")
"""Regions whose services are under `amazonaws.com`; isolated and sovereign ones have domains of their own."""
_ROUNDABOUT = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    "AWS_CREDENTIAL_EXPIRATION",
)
"""Variables that send a client of AWS some other way, or have it renew its credentials, which boto3 knows."""
_IDLE_LIMIT = 50
_IDLE_SECONDS = 20.0
"""
How long a connection is kept unused, by the clock on the wall, which runs on while Lambda holds a process still.

What slept longer may be open on our side alone, and a request that is sent into it costs a time-out.
"""


class Unreached(Exception):  # noqa: N818
    """No answer, or none that can be read; *sent* if the request may have arrived all the same."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a service is, and who asks."""

    service: str
    endpoint: str
    region: str
    key_id: str
    secret: str
    token: str | None = None
    authorities: str | None = None

    def __repr__(self) -> str:
        """Keep the secret out of whatever shows this."""
        return f"Way({self.service!r})"


def way_to(service: str, environment: Mapping[str, str], *, configured: bool) -> Way | None:
    """
    Say how *service* is reached, if the environment says all of it; *configured* if files of AWS's tools say more.

    Lambda gives a function its credentials and its region as variables, once, for as long as the process may live.
    """
    said = environment.get
    region, key_id, secret = said("AWS_REGION"), said("AWS_ACCESS_KEY_ID"), said("AWS_SECRET_ACCESS_KEY")
    if not region or not key_id or not secret or not _PLAIN_REGION.fullmatch(region):
        return None
    if configured or any(said(name) for name in _ROUNDABOUT):
        return None
    special = "SECRETS_MANAGER" if service == "secretsmanager" else service.upper()
    endpoint = said(f"AWS_ENDPOINT_URL_{special}") or said("AWS_ENDPOINT_URL")
    return Way(
        service=service,
        endpoint=endpoint or f"https://{service}.{region}.amazonaws.com",
        region=region,
        key_id=key_id,
        secret=secret,
        token=said("AWS_SECURITY_TOKEN") or said("AWS_SESSION_TOKEN") or None,
        authorities=said("AWS_CA_BUNDLE") or said("REQUESTS_CA_BUNDLE") or None,
    )


class JsonService:
    """
    A service that speaks AWS's JSON, at the end of *way*: one attempt a call, on a connection that is kept.

    *connect* and *read* are seconds. Bytes travel as base64; the answer's binary values are told by DynamoDB's `B`.
    """

    def __init__(self, way: Way, *, connect: float, read: float) -> None:
        self._way, self._connect_timeout, self._read_timeout = way, connect, read
        self._target, version = TARGETS[way.service]
        self._content_type = f"application/x-amz-json-{version}"
        try:
            place = urlsplit(way.endpoint)
            port = place.port
        except ValueError:
            raise Unreached(sent=False) from None
        if place.scheme not in {"http", "https"} or not place.hostname:
            raise Unreached(sent=False)
        self._tls, self._name, self._port = place.scheme == "https", place.hostname, port
        self._host, self._path = place.netloc.rpartition("@")[2], place.path or "/"
        self._idle: list[tuple[HTTPConnection, float]] = []
        self._lock = threading.Lock()

    def call(self, operation: str, parameters: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
        """
        Ask for *operation* (`get_item`) once; give the HTTP status and what was said, an empty document if nothing.

        Raises:
            Unreached: there was no answer, or none that can be read where there should be one.
        """
        named = "".join(part.capitalize() for part in operation.split("_"))
        body = json.dumps(parameters, default=_encoded).encode()
        headers = self._signed(f"{self._target}.{named}", body, datetime.now(UTC))
        status, raw = self._exchanged(body, headers)
        try:
            said = json.loads(raw, object_hook=_decoded)
            if isinstance(said, dict):
                blobs = {name: b64decode(said[name]) for name in _BLOBS.get(self._way.service, ()) if name in said}
                return status, {**said, **blobs}
        except (TypeError, ValueError, RecursionError):
            pass
        if status < 400:  # noqa: PLR2004 - it says that it was done, and nobody can read what
            raise Unreached(sent=True)
        return status, {}

    def _exchanged(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        from http.client import HTTPException  # noqa: PLC0415 - paid for by who calls AWS

        connection = self._connection()
        try:
            connection.request("POST", self._path, body, dict(headers))
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, HTTPException, ValueError):  # the last: over a chunk's length that is none
            connection.close()
            self._forget()
            raise Unreached(sent=True) from None
        if answer.will_close:
            connection.close()
        else:
            with self._lock:
                if len(self._idle) < _IDLE_LIMIT:
                    self._idle.append((connection, time.time()))
                    return answer.status, raw
            connection.close()
        return answer.status, raw

    def _connection(self) -> HTTPConnection:
        """Take a connection that is open and silent and was used a moment ago, or make one."""
        while True:
            with self._lock:
                connection, since = self._idle.pop() if self._idle else (None, 0.0)
            if connection is None:
                return self._made()
            # What can be read before anything was asked is the other side's good-bye.
            young = 0 <= time.time() - since <= _IDLE_SECONDS
            if young and connection.sock is not None and not _readable(connection.sock):
                return connection
            connection.close()

    def _forget(self) -> None:
        """Close what is kept: where one has failed its neighbours have too, and no attempt has time to find it out."""
        with self._lock:
            kept, self._idle = self._idle, []
        for connection, _ in kept:
            connection.close()

    def _made(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPException, HTTPSConnection  # noqa: PLC0415

        connection: HTTPConnection
        if self._tls:
            connection = HTTPSConnection(
                self._name, self._port, timeout=self._connect_timeout, context=self._trusting()
            )
        else:
            connection = HTTPConnection(self._name, self._port, timeout=self._connect_timeout)
        try:
            connection.connect()
        except (OSError, HTTPException, ValueError):  # the last: over a name that is none
            connection.close()
            raise Unreached(sent=False) from None
        connection.sock.settimeout(self._read_timeout)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection

    def _trusting(self) -> SSLContext:
        try:
            return _trust(self._way.authorities)
        except OSError:
            raise Unreached(sent=False) from None

    def _signed(self, target: str, body: bytes, now: datetime) -> dict[str, str]:
        """Sign a request as Signature Version 4 says, a step a line."""
        way, stamp = self._way, now.strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "content-type": self._content_type,
            "host": self._host,
            "x-amz-date": stamp,
            "x-amz-target": target,
        }
        if way.token is not None:
            headers["x-amz-security-token"] = way.token
        names = sorted(headers)
        listed = ";".join(names)
        lines = "".join(f"{name}:{headers[name]}\n" for name in names)
        canonical = f"POST\n{self._path}\n\n{lines}\n{listed}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{way.region}/{way.service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{way.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        credential = f"Credential={way.key_id}/{scope}, SignedHeaders={listed}, Signature={signature}"
        return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


@cache
def _trust(authorities: str | None) -> SSLContext:
    """Load whom TLS trusts, once for all services: reading 140 authorities takes 20 ms of a cold start."""
    import ssl  # noqa: PLC0415 - only TLS needs it

    return ssl.create_default_context(cafile=authorities)


def code_of(said: Mapping[str, Any]) -> str:
    """Give the code of an error, without the name of the service's model before it."""
    kind = said.get("__type")
    return kind.rpartition("#")[2].partition(":")[0] if isinstance(kind, str) else ""


def reasons_of(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give why each part of a transaction was cancelled."""
    reasons = said.get("CancellationReasons")
    return [each for each in reasons if isinstance(each, dict)] if isinstance(reasons, list) else []


def _readable(sock: socket.socket) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _encoded(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    message = "this cannot be sent"
    raise TypeError(message)


def _decoded(said: dict[str, Any]) -> dict[str, Any]:
    """Give a binary value of DynamoDB as bytes."""
    if len(said) == 1 and isinstance(value := said.get("B"), str):
        return {"B": b64decode(value)}
    return said
