"""How the canary asks: a server in a process of its own, or the app in this one, on a house with something in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from chalice.test import Client
from detector import Detector
from planting import CLOCK, OPERATIONS, Asked, Markers, World, good

from chalicelib.config import Settings
from chalicelib.domain.audit import Deed
from chalicelib.http.contract import HTML, PARTNER
from chalicelib.http.contract.parts import EXAMPLE_SESSION
from chalicelib.local.issuer import LocalIssuer
from chalicelib.wiring import House

ROOT = Path(__file__).resolve().parents[2]


class OverHttp:
    """A server in a process of its own; every word it says is kept."""

    def __init__(self, home: Path, heard: Path) -> None:
        self._heard = heard
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")}
        environment |= {
            "QUIETLINE_HOME": str(home),
            "QUIETLINE_PORT": "0",
            "QUIETLINE_CLOCK": CLOCK,
            "QUIETLINE_CLAIM_LIMIT": "1000",
            "PYTHONUNBUFFERED": "1",
        }
        with heard.open("wb") as file:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "chalicelib.local.run"],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        while not (said := re.search(rb"http://127\.0\.0\.1:(\d+)/v1/signposts", heard.read_bytes())):
            assert self._server.poll() is None, heard.read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(0.05)
        self._port = int(said[1])
        self._connection = HTTPConnection("127.0.0.1", self._port, timeout=60)

    def __call__(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Ask once."""
        try:
            self._connection.request(asked.method, asked.target, asked.body, asked.headers)
            answer = self._connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except OSError:
            self._connection.close()  # a refused body may end the connection; what it was told is in the answer
            return 0, {}, b""

    def stop(self) -> bytes:
        """Stop it, and give all that it has said."""
        self._connection.close()
        self._server.send_signal(signal.SIGTERM)
        self._server.wait(60)
        return self._heard.read_bytes()


class InProcess:
    """The app in this process, on a house of its own, so that its parts can be broken."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Ask once."""
        answer = self._client.http.request(asked.method, asked.target, headers=asked.headers, body=asked.body)
        heard = {name.lower(): str(value) for name, value in answer.headers.items()}
        return answer.status_code, heard, answer.body


def a_world(ask: Any, home: Path) -> World:
    """Submit a callback and take it, so that every route has something to work on."""
    _, _, raw = ask(Asked(method="GET", target="/v1/keys"))
    issuer = LocalIssuer(home)
    signed_in = {"token": issuer.token("supervisor", "alex"), "editor": issuer.token("editor", "eve")}
    signed_in["host"] = issuer.token("host", "ada")
    world = World(**signed_in, keys=json.loads(raw)["keys"])
    body = good(OPERATIONS["/v1/callbacks", "POST"].body, Markers(), phone="07700 900123")
    del body["slot"]  # as soon as possible, however full the slots are that the sweep has chosen
    headers = {"Content-Type": "application/json"}
    _, _, raw = ask(Asked(method="POST", target="/v1/callbacks", headers=headers, body=json.dumps(body).encode()))
    world.receipt = json.loads(raw)["receipt"]
    authorised = {"Authorization": f"Bearer {world.token}"}
    _, _, raw = ask(Asked(method="POST", target="/v1/desk/claims", headers=authorised, body=b"{}"))
    claim = json.loads(raw)["claim"]
    world.request_id, world.number = claim["request_id"], claim["number"]
    named = json.dumps({"partner": f"north-{secrets.token_hex(4)}"}).encode()  # one that has not referred anybody yet
    _, _, raw = ask(Asked(method="POST", target="/v1/desk/partners", headers=headers | authorised, body=named))
    issued = json.loads(raw)
    world.partner, world.key_id = issued["key"], issued["id"]
    body = json.dumps(good(OPERATIONS["/v1/referrals", "POST"].body, Markers(), phone="07700 900123", slot=None))
    headers |= world.headers(PARTNER)
    _, _, raw = ask(Asked(method="POST", target="/v1/referrals", headers=headers, body=body.encode()))
    world.referral_id = json.loads(raw)["id"]
    return world


def leaks_in_answer(detector: Detector, asked: Asked, answer: tuple[int, dict[str, str], bytes]) -> set[str]:
    """Search an answer: headers always, the body unless it is meant to hold what was written."""
    status, headers, body = answer
    found = detector.find(repr(sorted(headers.items())).encode())
    meant = asked.may_answer and (status < 400 or headers.get("content-type", "").startswith(HTML))
    return found if meant else found | detector.find(body)


def a_house(home: Path) -> House:
    """Put a house together in this process."""
    return with_a_session(House(Settings(home=home, clock_starts_at=datetime.fromisoformat(CLOCK))))


def with_a_session(house: House) -> House:
    """Publish a live session that is on, so that what is planted into a question is kept."""
    (packaged,) = house.content.session_records().values()
    hour = {"opens_at": "2026-11-24T12:00:00Z", "starts_at": "2026-11-24T18:00:00Z", "ends_at": "2026-11-25T06:00:00Z"}
    at = datetime.fromisoformat(CLOCK) - timedelta(hours=1)
    deed = Deed(at=at, actor="eve", verb="publish", about=f"session/{EXAMPLE_SESSION}")
    body = json.dumps({**packaged, **hour}).encode()
    house.publications.publish("session", EXAMPLE_SESSION, body, revision=0, deed=deed)
    return house
