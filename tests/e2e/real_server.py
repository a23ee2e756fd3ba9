"""A real server in a process of its own, and a client that holds every answer to the contract."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs

from chalicelib.http.contract import HTML, JSON, PROBLEM, build
from chalicelib.local.issuer import LocalIssuer

ROOT = Path(__file__).resolve().parents[2]
TUESDAY_EVENING = "2026-11-24T18:05:00Z"
PHONE = "0808 1000 900"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """Its media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]

    def json(self) -> Any:
        """Its body, read as JSON."""
        return json.loads(self.body)


class Contract:
    """`openapi.json`, closed: an answer that says more than the contract is caught as well."""

    def __init__(self) -> None:
        document = _closed(build())
        self._components = document["components"]
        self._validators: dict[int, Any] = {}
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in sorted(document["paths"].items(), key=lambda item: "{" in item[0])
        ]

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Make sure that the contract allows this answer."""
        documented = self._operation(method, path.partition("?")[0])
        if documented is None:
            assert answer.status in (404, 405), (method, path, answer.status)
            assert answer.media in (PROBLEM, HTML)
            return
        response = documented["responses"].get(str(answer.status))
        assert response is not None, f"{method} {path}: {answer.status} is not in the contract: {answer.body!r}"
        if "$ref" in response:
            response = self._components["responses"][response["$ref"].rpartition("/")[2]]
        content = response.get("content")
        if content is None:
            assert answer.body == b"", (method, path)
            return
        assert answer.media in content, (method, path, answer.status, answer.media)
        if answer.media in (JSON, PROBLEM):
            for error in self._validator(content[answer.media]["schema"]).iter_errors(answer.json()):
                message = f"{method} {path} {answer.status}: {error.instance_path} {error.message}"
                raise AssertionError(message)

    def _validator(self, schema: Any) -> Any:
        """Give what checks against a part of the document, made once: the document stays as long as this does."""
        if id(schema) not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[id(schema)] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[id(schema)]

    def _operation(self, method: str, path: str) -> Any:
        found = next((operations for pattern, operations in self._paths if pattern.fullmatch(path)), {})
        return found.get(method.lower())


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "allOf" not in schema:
        closed.setdefault("additionalProperties", False)
    return closed


@dataclass(frozen=True, kw_only=True)
class Quietline:
    """A running server, asked over real sockets."""

    port: int
    home: Path
    contract: Contract = field(repr=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, role: str, subject: str | None = None, hours: float = 12) -> str:
        """Sign somebody in."""
        return LocalIssuer(self.home).token(role, subject or f"{role}-1", hours)

    def partner_key(self, partner: str) -> dict[str, Any]:
        """Have a supervisor issue a key to *partner*."""
        answer = self.ask("POST", "/v1/desk/partners", {"partner": partner}, token=self.token("supervisor"))
        assert answer.status == 201, answer.body
        issued: dict[str, Any] = answer.json()
        return issued

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        receipt: str | None = None,
        form: Any = None,
        raw: Any = None,
        headers: dict[str, str] | None = None,
        chunked: bool = False,
    ) -> Answer:
        """Ask once, on a connection of its own, and hold the answer to the contract."""
        sent = {"Accept": "application/json, application/problem+json"}
        if body is not None:
            raw, sent["Content-Type"] = json.dumps(body).encode(), JSON
        if form is not None:
            raw, sent["Content-Type"] = urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if receipt is not None:
            sent["Authorization"] = f"Receipt {receipt}"
        sent |= headers or {}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, raw, sent, encode_chunked=chunked)
            response = connection.getresponse()
            heard = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(status=response.status, headers=heard, body=response.read())
        finally:
            connection.close()
        if method != "OPTIONS":
            self.contract.check(method, path, answer)
        return answer


@contextlib.contextmanager
def running(home: Path, contract: Contract, clock: str = TUESDAY_EVENING, **settings: str):
    """Run a server on *home*, on a port that the system chooses, until the block ends."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")},
        "QUIETLINE_HOME": str(home),
        "QUIETLINE_PORT": "0",
        "QUIETLINE_CLOCK": clock,
        **settings,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "chalicelib.local.run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        port = _port_said_by(server)
        quietline = Quietline(port=port, home=home, contract=contract)
        assert quietline.ask("GET", "/health").status == 200
        yield quietline
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.communicate(timeout=60)
        finally:
            server.kill()


def _port_said_by(server: subprocess.Popen[str]) -> int:
    said = []
    for line in server.stdout or ():
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/(?:v1/signposts|desk#)", line):
            return int(found[1])
    message = "".join(said)
    raise AssertionError(message)


def later(clock: str, minutes: int) -> str:
    """Give the clock so many minutes on."""
    moment = datetime.fromisoformat(clock).timestamp() + minutes * 60
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def eventually(check, seconds: float = 60.0):
    """Wait until *check* gives something true."""
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found
