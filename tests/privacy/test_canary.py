"""
Nothing leaks: a marker in every slot of every route, then a search through everything the house says and keeps.

The routes come from `app.py`, the slots from the wire models: a new route or field is planted without anybody thinking
of it, or the test fails because it does not know how. What finds nothing proves nothing, so the detector is shown a
leak in every encoding, and the house is broken on purpose.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import logging
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import types
import zlib
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlencode

import jwt
import pytest
from chalice.test import Client
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from detector import Detector
from fakes import FakeQueue
from pydantic import AwareDatetime, BaseModel

import app as quietline
from chalicelib.adapters.hpke import AesCipher, HpkeSealer
from chalicelib.config import Settings
from chalicelib.domain.access import LOCAL_AUDIENCE, LOCAL_ISSUER
from chalicelib.domain.audit import Deed
from chalicelib.domain.directory import identity
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.overflow import Overflowed
from chalicelib.domain.receipts import encode, read_receipt, receipt_from_bytes, request_id_of
from chalicelib.http import problems
from chalicelib.http.contract import EXAMPLE_CAMPAIGN, HTML, PARAMETERS, PARTNER, operations
from chalicelib.http.contract.parts import EXAMPLE_SESSION
from chalicelib.http.models import (
    CallbackDetails,
    InformationDetails,
    QuestionDetails,
    SealedCallback,
    SealedInformation,
    SealedMessage,
    SealedQuestion,
)
from chalicelib.http.reading import BODY_LIMIT
from chalicelib.http.referral_models import ReferralDetails, SealedReferral
from chalicelib.local.issuer import LocalIssuer
from chalicelib.usecases.intake import Intake
from chalicelib.wiring import House

ROOT = Path(__file__).resolve().parents[2]
CLOCK = "2026-11-24T18:05:00Z"
SLOT = "2026-11-24T18:00Z/2h"
TOMORROW = "2026-11-25T10:00Z/2h"
STATEMENT = "2026-11"
FORM = "application/x-www-form-urlencoded"
ALPHABET = "abcdefghjkmnpqrstvwxyz"  # what a receipt, a slug, a header name and a file name would leave as it is
ROUTES = sorted((path, method) for path, methods in quietline.app.routes.items() for method in methods)
OPERATIONS = {(operation.path, operation.method.upper()): operation for operation in operations()}
SUBMITTING = [
    OPERATIONS["/v1/callbacks", "POST"],
    OPERATIONS["/v1/information-requests", "POST"],
    OPERATIONS["/v1/referrals", "POST"],
]


# ---------------------------------------------------------------- the markers


@dataclass
class Markers:
    """Draws markers: a secret that all share and the detector knows, then a number that says where it was planted."""

    secret: str = field(default_factory=lambda: "".join(secrets.choice(ALPHABET) for _ in range(12)))
    count: int = 0

    def __call__(self) -> str:
        """Draw one."""
        self.count += 1
        return f"{self.secret}{self.count:05d}"


def phone_number() -> tuple[str, str]:
    """Draw a possible mobile number, and its international form."""
    digits = "".join(secrets.choice("123456789") for _ in range(6))
    return f"07400{digits}", f"+44 7400 {digits}"


VALID = {
    "statement_version": STATEMENT,
    "slot": SLOT,
    "also": [TOMORROW],
    "language": "en",
    "region": "E23000005",
    "languages": ["en"],
    "number": 1,
    "lease_minutes": 10,
    "text_first": True,
    "private": False,
    "host": 0,
    "by_email": False,
    "version": STATEMENT,
    "given_on": "2026-11-24",
    "partner": "north-hub",
    "revision": 0,
    "starts_at": "2026-12-01T12:00:00Z",
    "ends_at": "2026-12-01T13:00:00Z",
}
"""What a field must hold to be accepted, where that is nothing that somebody could write a marker into."""
SEALED = {
    SealedCallback: ("callback", CallbackDetails),
    SealedInformation: ("information", InformationDetails),
    SealedReferral: ("referral", ReferralDetails),
    SealedQuestion: ("question", QuestionDetails),
}
STAYS_OUT = {"reference", "signposts", "kinds", "audience"}
"""Fields that would make a good body fail, or narrow it to nothing, if a marker stood in them."""


def _plain(annotation: Any) -> Any:
    """Take `Annotated`, `| None` and the like off."""
    while True:
        origin = get_origin(annotation)
        if origin is None or origin in (list, dict, Literal):
            return annotation
        annotation = next(each for each in get_args(annotation) if each is not type(None))


def good(model: type[BaseModel], markers: Markers, **given: Any) -> dict[str, Any]:
    """
    Fill every field of *model* so that it is accepted, with a marker wherever the schema leaves room for one.

    A field that nobody has thought of fails here: it must be told what is good, or take a marker.
    """
    body: dict[str, Any] = {}
    for field_name, described in model.model_fields.items():
        kind, name = _plain(described.annotation), described.alias or field_name
        if name in given:
            body[name] = given[name]
        elif name in STAYS_OUT:
            continue
        elif name in VALID:
            body[name] = VALID[name]
        elif get_origin(kind) is Literal:
            body[name] = get_args(kind)[0]
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            body[name] = good(kind, markers, **given)
        elif get_origin(kind) is list:
            (inner,) = get_args(kind)
            inner = _plain(inner)
            body[name] = [good(inner, markers, **given) if inner is not str else markers()]
        elif get_origin(kind) is dict:
            body[name] = {markers(): markers()}
        elif name == "email":
            body[name] = f"{markers()}@example.org"
        else:
            assert kind is str, f"{model.__name__}.{name}: tell the canary what is good in it"
            body[name] = markers()
    model.model_validate_json(json.dumps(body))
    return body


def bad(model: type[BaseModel], markers: Markers, **given: Any):
    """Give bodies that are wrong in one place each: every field in every wrong type, and unknown keys everywhere."""
    for path, kind in _places(model):
        for wrong in _wrong(kind, markers):
            body = deepcopy(good(model, Markers(), **given))  # fresh ones, which nobody looks for
            _put(body, path, wrong)
            yield body
    objects = [path for path, kind in _places(model) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    for path in [(), *objects]:
        body = deepcopy(good(model, Markers(), **given))
        _put(body, (*path, markers()), {markers(): markers()})
        yield body
    yield from (markers(), [markers()], {markers(): markers()})


def _places(model: type[BaseModel], before: tuple[Any, ...] = ()):
    for field_name, described in model.model_fields.items():
        kind, name = _plain(described.annotation), described.alias or field_name
        yield (*before, name), kind
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _places(kind, (*before, name))
        if get_origin(kind) is list:
            inner = _plain(get_args(kind)[0])
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _places(inner, (*before, name, 0))


def _wrong(kind: Any, markers: Markers):
    yield {markers(): markers()}
    yield [markers(), {markers(): [markers()]}]
    if kind is str:
        yield markers() * 250
    else:
        yield markers()
    yield f" \x00{markers()}\u202e"


def _put(body: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        body = body.setdefault(step, {}) if isinstance(body, dict) else body[step]
    body[path[-1]] = value


def as_form(body: dict[str, Any]) -> dict[str, Any]:
    """Flatten a good body to the leaf names of a plain form."""
    flat: dict[str, Any] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            flat |= as_form(value)
        else:
            flat[name] = {True: "on", False: "false"}[value] if isinstance(value, bool) else value
    return flat


# ---------------------------------------------------------------- the planting


RECORDS = {
    "services": identity("service", "childline"),
    "service_at_locations": identity("service-at-location", "childline"),
    "organizations": identity("organization", "nspcc"),
    "taxonomies": identity("taxonomy", "topic"),
    "taxonomy_terms": identity("term", "topic", "recovery"),
}
"""A record of each list of the directory, so that what is planted on it gets past "not found"."""
HEADERS = (
    "Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Content-Type", "Cookie", "Forwarded",
    "Idempotency-Key", "If-Match", "If-None-Match", "Origin", "Range", "Referer", "Traceparent", "User-Agent",
    "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Http-Method-Override",
)  # fmt: skip
QUERIES = sorted(each["name"] for each in PARAMETERS.values() if each["in"] == "query")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request; *may_answer* says that the answer is meant to hold what was written."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    may_answer: bool = False


@dataclass(kw_only=True)
class World:
    """What the planting needs to get past the first door: a request in somebody's hands, and its receipt."""

    token: str
    editor: str = ""
    host: str = ""
    keys: list[dict[str, str]]
    partner: str = ""
    key_id: str = ""
    referral_id: str = ""
    receipt: str = ""
    request_id: str = ""
    number: int = 0

    @property
    def mailbox(self) -> dict[str, str]:
        """Give the credential of a browser that keeps the receipt."""
        return {"Authorization": f"Mailbox {encode(read_receipt(self.receipt).lookup)}"}

    def given(self, model: type[BaseModel], markers: Markers, phone: str = "07700 900123") -> dict[str, Any]:
        """Give what a body needs that a marker alone does not make: a claim's number, or what a browser sealed."""
        if model is SealedMessage:
            message_id = encode(secrets.token_bytes(12))
            kind, raw = f"message:{message_id}", json.dumps({"text": markers()}).encode()
            receipt = read_receipt(self.receipt)
            key, request_id = receipt.mailbox_key, request_id_of(receipt.lookup)
            copy = AesCipher().encrypt(raw, key=key, kind=kind, request_id=request_id)
            sealed = self._sealed(raw, kind, request_id)
            return {"message_id": message_id, "sealed": sealed, "copy": encode(copy)}
        if model in SEALED:
            kind, details = SEALED[model]
            receipt = receipt_from_bytes(secrets.token_bytes(17))
            content = {"details": good(details, markers, phone=phone), "mailbox_key": encode(receipt.mailbox_key)}
            return {"sealed": self._sealed(json.dumps(content).encode(), kind, request_id_of(receipt.lookup))}
        return {"number": self.number, "phone": phone} if self.number else {"phone": phone}

    def _sealed(self, raw: bytes, kind: str, request_id: str) -> dict[str, Any]:
        return HpkeSealer(lambda: self.keys).seal(raw, kind=kind, request_id=request_id).wire()

    def headers(self, caller: str | None) -> dict[str, str]:
        """Give the credentials that a caller of this kind has."""
        if caller is None:
            return {}
        if caller == "receipt":
            return {"Authorization": f"Receipt {self.receipt}"}
        token = {PARTNER: self.partner, "content:write": self.editor, "session:host": self.host}.get(caller, self.token)
        return {"Authorization": f"Bearer {token}"}


def planted(path: str, method: str, world: World, markers: Markers):  # noqa: C901 - every slot there is
    """Give every request with which something could be planted on this route."""
    operation = OPERATIONS[path, method]
    who = world.headers(operation.caller) | ({"If-Match": '"0"'} if "IfMatch" in operation.parameters else {})
    target = path.replace("{request_id}", world.request_id).replace("{signpost_id}", "childline")
    target = target.replace("{key_id}", world.key_id).replace("{referral_id}", world.referral_id)
    target = target.replace("{name}", "page.js").replace("campaigns/{slug}", f"campaigns/{EXAMPLE_CAMPAIGN}")
    target = target.replace("{session_id}", EXAMPLE_SESSION).replace("{entry_id}", "A" * 16)
    target = target.replace("{kind}", "signpost").replace("{content_id}", "childline")
    target = target.replace("/c/{code}", f"/c/{EXAMPLE_CAMPAIGN}")
    target = target.replace("{audience}", "survivor").replace("{record_id}", RECORDS.get(path.split("/")[-2], ""))
    page = {"Accept": "text/html"}

    def asked(target: str = target, body: Any = None, **headers: str) -> Asked:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {**({"Content-Type": "application/json"} if raw else {}), **who, **headers}
        return Asked(method=method, target=target, headers=sent, body=raw)

    fresh = Markers()  # which nobody looks for
    sample = None if operation.body is None else good(operation.body, fresh, number=world.number)
    if sample is not None and operation.tag in ("requests", "partners"):
        sample.pop("slot", None)  # as soon as possible: each query that there is plants some more, and slots fill up
    # headers, one at a time and in the name
    for name in HEADERS:
        yield asked(body=sample, **{name: f"{markers()} {markers()}"})
        yield asked(body=sample, **{name: markers()})
    for scheme in ("Receipt", "Bearer", "Mailbox", "Basic"):
        yield asked(body=sample, Authorization=f"{scheme} {markers()}")
    yield asked(body=sample, **{f"X-{markers()}": markers()})
    yield asked(body=sample, **page, **{"Accept-Language": f"cy;q={markers()}"})
    # query: known names, unknown names, twice
    for name in (*QUERIES, markers()):
        yield asked(f"{target}?{name}={markers()}", sample)
        yield asked(f"{target}?{name}={markers()}&{name}={markers()}", sample, **page)
    yield asked(f"{target}?{markers()}", sample)
    # path parameters, and paths beyond
    if "{" in path:
        yield asked(re.sub(r"\{\w+\}", markers(), path), sample)
        yield asked(re.sub(r"\{\w+\}", f"%00{markers()}%2e%2e", path), sample, **page)
    yield asked(f"{target.rstrip('/')}/{markers()}", sample)
    # bodies
    for raw in (
        markers().encode(),
        f'{{"{markers()}":'.encode(),
        f'{{"{markers()}": NaN}}'.encode(),
        f'"{markers()}"'.encode("utf-16"),
        f'{{"{markers()}":'.encode() + b"[" * 20_000,
        markers().encode() * (BODY_LIMIT // 10),
        markers().encode() * 6_000,
        f"{markers()}={markers()}&{markers()}=%ff%fe".encode(),
    ):
        for media in ("application/json", FORM, f"text/{markers()}", f"application/json; charset={markers()}"):
            yield asked(body=raw, **{"Content-Type": media}, **(page if media == FORM else {}))
    for model in operation.bodies:
        for body in bad(model, markers, **world.given(model, fresh)):
            yield asked(body=body)
    if operation.body is not None:
        yield asked(body=bytes(json.dumps(sample), "utf-8").replace(b":", f':"{markers()}"'.encode(), 1))
    if operation.form is not None:
        yield from _forms(operation, asked, world, markers)


NEVER_SHOWN = ("action", "altcha", "campaign", "form_token", "idempotency_key", "lookup", "receipt", "region", "sealed",
               "website")  # fmt: skip
"""Form fields that no page shows again."""


def _forms(operation: Any, asked: Any, world: World, markers: Markers):
    names = sorted(operation.form["properties"])
    model = OPERATIONS["/v1/callbacks", "POST"].body if operation.path == "/request" else operation.body
    start = {"receipt": world.receipt} if model is None else as_form(good(model, Markers()))
    if operation.path == "/request":  # what it accepts goes the way of /v1/callbacks; here all comes back to be mended
        start["statement_version"] = "1999-01"
    start.pop("slot", None)  # as above
    for accept in ("application/json", "text/html"):
        sent = {"Content-Type": FORM, "Accept": accept}
        for name in [*names, markers()]:
            for value in (markers(), [markers(), markers()], markers() * 300):
                fields = {**start, name: value}
                # A page may refill the fields of its own form, and the mailbox shows what its holder wrote.
                refills = (operation.page or accept == "text/html") and name in names and name not in NEVER_SHOWN
                refills |= operation.path == "/request" and name == "idempotency_key"  # the same one, for the same form
                one = asked(body=urlencode(fields, doseq=True).encode(), **sent)
                yield Asked(
                    method=one.method, target=one.target, headers=one.headers, body=one.body, may_answer=refills
                )


LAST = ("close_line", "release", "close", "attempt", "put_question_back")
"""What would end the work of the others."""


def accepted_ones(world: World, markers: Markers, phones: list[str]):  # noqa: C901 - every good request there is
    """Give the good requests, in the order of the job: what a marker can be written into and kept."""
    token, receipt = {"Authorization": f"Bearer {world.token}"}, {"Authorization": f"Receipt {world.receipt}"}
    claim = f"/v1/desk/claims/{world.request_id}"
    for (path, method), operation in sorted(OPERATIONS.items()):
        if operation.body is None or operation.name in LAST:
            continue  # and no content: a record with markers in it is not fit to be published
        number, phone = world.number, phone_number()
        phones += phone
        body = good(operation.body, markers, number=number, phone=phone[0])
        target = path.replace("{request_id}", world.request_id).replace("{kind}", "signpost")
        target = target.replace("{content_id}", "childline").replace("{session_id}", EXAMPLE_SESSION)
        headers = {"Content-Type": "application/json", "Idempotency-Key": markers(), **world.headers(operation.caller)}
        raw = json.dumps(body).encode()
        yield Asked(method=method, target=target, headers=headers, body=raw, may_answer=operation.name == "claim")
        if operation.sealed_body is not None:
            sealed = good(operation.sealed_body, markers, **world.given(operation.sealed_body, markers, phone[0]))
            sealed.pop("slot", None)
            opens = world.mailbox if operation.caller == "receipt" else world.headers(operation.caller)
            headers = {"Content-Type": "application/json", **opens}
            yield Asked(method=method, target=target, headers=headers, body=json.dumps(sealed).encode())
        if operation.form is not None:
            body.pop("slot", None)  # as soon as possible: the slots fill up
            form = urlencode(as_form(body), doseq=True).encode()
            for accept in ("application/json", "text/html"):
                sent = {"Content-Type": FORM, "Accept": accept, "Idempotency-Key": markers()}
                yield Asked(method=method, target=target, headers=sent, body=form)
    for words in ("worried about my son", "emergancy childlnie", "gw\u0175r"):  # understood, mistyped, and neither
        asked = {"q": f"{words} {markers()} {markers()[:40]}", "language": "cy"}
        headers = {"Content-Type": "application/json"}
        raw = json.dumps(asked).encode()
        yield Asked(method="POST", target="/v1/signposts/search", headers=headers, body=raw)
    reply = {"number": world.number, "text": markers()}
    yield Asked(method="POST", target=f"{claim}/replies", headers=token, body=json.dumps(reply).encode())
    yield Asked(method="GET", target="/v1/mailbox", headers=receipt, may_answer=True)
    yield Asked(method="GET", target="/v1/mailbox", headers=world.mailbox)  # all of it is sealed
    for sealed in (good(SealedMessage, markers, **world.given(SealedMessage, markers)), {markers(): markers()}):
        lookup = {"lookup": encode(read_receipt(world.receipt).lookup)}
        form = urlencode({**lookup, "action": "message", "sealed": json.dumps(sealed)}).encode()
        yield Asked(method="POST", target="/mailbox", headers={"Content-Type": FORM}, body=form)
    for _ in range(3):  # what was sealed is opened, and lies open nowhere
        yield Asked(method="POST", target="/v1/desk/claims", headers=token, body=b"{}", may_answer=True)
    for fields in ({"action": "message", "text": markers()}, {"action": markers()}, {}):
        form = urlencode({"receipt": world.receipt, **fields}).encode()
        yield Asked(method="POST", target="/mailbox", headers={"Content-Type": FORM}, body=form, may_answer=True)
    for verb, body in (
        ("release", {"number": world.number, "reason": markers()}),
        ("close", {"number": world.number, "outcome": "answered", "agreed_actions": [markers()]}),
    ):
        yield Asked(method="POST", target=f"{claim}/{verb}", headers=token, body=json.dumps(body).encode())


# ---------------------------------------------------------------- asking, on a real server and in process


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
        self._connection = HTTPConnection("127.0.0.1", self._port, timeout=20)

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
        self._server.wait(10)
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


# ---------------------------------------------------------------- the tests


def test_nothing_planted_is_found_anywhere(tmp_path):
    """
    No marker comes back, and none is kept or said.

    Planted in every slot of every route, good and bad, on a real server; then answers, standard output and error,
    every file, every database cell and a backup are searched, also for receipts, their keys, and tokens.
    """
    markers, home, phones = Markers(), tmp_path / "home", []
    detector = Detector(markers.secret)
    a_house(home)
    ask = OverHttp(home, tmp_path / "heard")
    leaks: list[tuple[str, str, set[str]]] = []
    statuses: dict[tuple[str, str], set[int]] = {}
    try:
        world = a_world(ask, home)
        for path, method in ROUTES:
            for asked in planted(path, method, world, markers):
                answer = ask(asked)
                statuses.setdefault((path, method), set()).add(answer[0])
                if found := leaks_in_answer(detector, asked, answer):
                    leaks.append((method, asked.target, found))
                if method == "DELETE" and answer[0] == 204:
                    world = a_world(ask, home)
        world = a_world(ask, home)
        accepted = sealed = 0
        for asked in accepted_ones(world, markers, phones):
            answer = ask(asked)
            accepted += answer[0] in (200, 201)
            sealed += answer[0] == 201 and b"recipients" in asked.body
            if found := leaks_in_answer(detector, asked, answer):
                leaks.append((asked.method, asked.target, found))
        assert accepted > 20
        assert sealed == 6
        leaks += [
            (asked.method, asked.target, found)
            for asked in _signed_oddities(home, markers)
            if (found := leaks_in_answer(detector, asked, ask(asked)))
        ]
        receipt = read_receipt(world.receipt)
        for secret in (receipt.code, receipt.shown, encode(receipt.lookup), world.token, world.partner, *phones):
            detector.watch(secret)
        detector.watch_bytes(receipt.lookup)
        detector.watch_bytes(receipt.mailbox_key)
        living = detector.search_folder(home, allowed=("outbox/",))
    finally:
        heard = ask.stop()
    assert leaks == []
    assert living == {}
    assert detector.search_folder(home, allowed=("outbox/",)) == {}
    assert detector.find(heard) == set()
    assert set(statuses) == set(ROUTES)
    assert all(200 <= status < 500 for each in statuses.values() for status in each), statuses
    assert markers.count > 3000


def _signed_oddities(home: Path, markers: Markers):
    """Give tokens that are rightly signed and say odd things."""
    issuer, now = LocalIssuer(home), int(datetime.now(UTC).timestamp())
    claims = {"iss": LOCAL_ISSUER, "aud": LOCAL_AUDIENCE, "sub": "kim", "iat": now, "exp": now + 60}
    for odd in (
        {"roles": [markers()], "name": markers()},
        {"roles": {markers(): markers()}},
        {"roles": ["practitioner"], "iss": markers()},
        {"roles": ["practitioner"], "aud": markers()},
        {"roles": ["practitioner"], "exp": markers()},
        {"roles": ["practitioner"], "sub": markers() * 20},
    ):
        token = jwt.encode({**claims, **odd}, issuer._key, algorithm="ES256", headers={"kid": issuer._kid})
        yield Asked(method="GET", target="/v1/desk/queue", headers={"Authorization": f"Bearer {token}"})
        signed = jwt.encode(claims, issuer._key, algorithm="ES256", headers={"kid": markers(), markers(): markers()})
        yield Asked(method="GET", target="/v1/desk/queue", headers={"Authorization": f"Bearer {signed}"})


class Broken:
    """A part of the house that fails, with everything it was given in the text of the error, as drivers do."""

    def __init__(self, part: Any, error: type[Exception], only: tuple[str, ...] = ()) -> None:
        self._part, self._error, self._only = part, error, only

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found) or (self._only and name not in self._only):
            return found

        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Fail, saying too much."""
        message = f"{args!r} {kwargs!r} {self.secret()}"
        raise self._error(message)

    secret = staticmethod(lambda: "")


FAULTS = {
    "the store fails": ("store", sqlite3.OperationalError, ()),
    "the store fails in a new way": ("store", ValueError, ()),
    "the disk is full": ("store", OSError, ("submit", "change", "claim", "withdraw", "record")),
    "only content fails": ("store", sqlite3.DatabaseError, ("content", "messages")),
    "sealing fails": ("sealer", ValueError, ()),
    "opening fails": ("opener", ValueError, ("open",)),
    "opening is refused": ("opener", KeyError, ()),
    "the clock fails": ("clock", RuntimeError, ()),
    "the words fail": ("texts", KeyError, ("next_steps", "note", "helpline_for_page")),
    "pages fail": ("pages", TypeError, ("request_form", "receipt", "mailbox", "mailbox_door")),
    "the problem page fails too": ("pages", TypeError, ()),
    "keys fail": ("keys", UnicodeError, ()),
    "nobody can be recognised": ("_identity", ValueError, ()),
    "signposting fails": ("_signposting", LookupError, ()),
    "the directory fails": ("_directory", LookupError, ()),
    "campaigning fails": ("_campaigning", LookupError, ()),
    "publishing fails": ("publishing", LookupError, ()),
    "the pages for an audience fail": ("pages", TypeError, ("help",)),
    "letters fail": ("_correspondence", RecursionError, ()),
    "checking fails": ("_checking", ValueError, ("details",)),
    "screening fails": ("_screening", ValueError, ()),
    "partners' keys fail": ("partner_keys", sqlite3.OperationalError, ()),
}
WORK = {"public": ("intake",), "mailbox": ("mailbox",), "desk": ("casework", "auditing"),
        "referrals": ("partnering", "referring"), "partner_keys_desk": ("partnering",),
        "content_desk": ("publishing",), "signposts": (), "oruk": (), "campaigns": ()}  # fmt: skip


def swept_in_process(house: House, monkeypatch, home: Path, break_it: Any, detector: Detector, markers: Markers):
    """Run the good requests, and one odd one a route, through a house that breaks after it was opened."""
    monkeypatch.setattr(quietline, "house", house)
    leaks = []
    with Client(quietline.app) as client:
        ask = InProcess(client)
        world = a_world(ask, home)
        break_it()
        for asked in [*accepted_ones(world, markers, []), *_once_each(world, markers)]:
            for accept in ("application/json", "text/html"):
                once = Asked(
                    method=asked.method,
                    target=asked.target,
                    headers={"Accept": accept, **asked.headers},
                    body=asked.body,
                    may_answer=asked.may_answer or asked.target == "/mailbox",
                )
                answer = ask(once)
                if found := leaks_in_answer(detector, once, answer):
                    leaks.append((asked.method, asked.target, answer[0], found))
    return leaks


def _once_each(world: World, markers: Markers):
    for path, method in ROUTES:
        operation = OPERATIONS[path, method]
        target = re.sub(r"\{\w+\}", markers(), path)
        headers = {**world.headers(operation.caller), "Accept-Language": markers(), "Content-Type": "application/json"}
        body = b"" if operation.body is None else json.dumps(good(operation.body, markers)).encode()
        odd = f"{target}?{markers()}={markers()}"
        for asked in (odd, target):  # some refuse an odd query before they do any work
            yield Asked(method=method, target=asked, headers=headers, body=body, may_answer=operation.name == "claim")


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


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_leaks_when_a_part_fails(fault, tmp_path, monkeypatch, caplog, capfd):
    """A part that fails with the requester's words in its error leaves none of them in an answer, a log or a file."""
    part, error, only = FAULTS[fault]
    markers, home = Markers(), tmp_path / "home"
    detector, house = Detector(markers.secret), a_house(home)
    monkeypatch.setattr(Broken, "secret", staticmethod(markers))
    caplog.set_level(logging.DEBUG)

    first = quietline.house

    def break_it() -> None:
        whole = getattr(house, part)
        if part in ("pages", "texts"):  # the boundary around the handlers was built with the first house
            monkeypatch.setitem(first.__dict__, part, Broken(getattr(first, part), error, only))
        parts = (
            "public", "_intake", "mailbox", "desk", "referrals", "partner_keys_desk", "partnering", "signposts", "oruk",
            "campaigns", "campaign_pages", "content_desk", "help_pages", "opening", "problems",
        )  # fmt: skip
        for name in parts:
            house.__dict__.pop(name, None)
        house.__dict__[part] = Broken(whole, error, only)

    leaks = swept_in_process(house, monkeypatch, home, break_it, detector, markers)
    assert leaks == []
    out, err = capfd.readouterr()
    assert detector.find(_logged(caplog) + out.encode() + err.encode()) == set()
    assert detector.search_folder(home, allowed=("outbox/",)) == {}


@pytest.mark.parametrize("face", WORK)
def test_nothing_leaks_when_a_use_case_fails(face, tmp_path, monkeypatch, caplog, capfd):
    """A use case that raises `ValueError` with the requester's words ends in a 500 that says nothing about it."""
    markers, home = Markers(), tmp_path / "home"
    detector, house = Detector(markers.secret), a_house(home)
    monkeypatch.setattr(Broken, "secret", staticmethod(markers))
    caplog.set_level(logging.DEBUG)

    def break_it() -> None:
        handlers = getattr(house, face)
        for name in WORK[face]:
            object.__setattr__(handlers, name, Broken(getattr(handlers, name), ValueError))
        if face == "signposts":
            handlers._signposting = Broken(handlers._signposting, ValueError, ("find", "get", "search"))
        if face == "oruk":
            handlers._directory = Broken(handlers._directory, ValueError)
        if face == "campaigns":
            handlers._campaigning = Broken(handlers._campaigning, ValueError)

    leaks = swept_in_process(house, monkeypatch, home, break_it, detector, markers)
    assert leaks == []
    out, err = capfd.readouterr()
    said = _logged(caplog) + out.encode() + err.encode()
    assert b"unforeseen ValueError at" in said
    assert detector.find(said) == set()
    assert detector.search_folder(home, allowed=("outbox/",)) == {}


@pytest.mark.parametrize("slip", [None, "sealing that does not seal", "a letter with the receipt"])
def test_nothing_planted_is_in_the_overflow_queue(slip, tmp_path, monkeypatch, caplog):
    """
    With the store down, every good request ends in the queue: no marker, phone number or receipt is in a letter of it.

    Nor is any in what draining them says, and two slips of ours would each be found.
    """
    markers, phones, receipts, queue = Markers(), [], [], FakeQueue(receives_limit=99)
    draw, write = Intake._receipt, Overflowed.to_text
    detector, house = Detector(markers.secret), a_house(tmp_path)
    caplog.set_level(logging.DEBUG)
    house.__dict__["_overflow"] = queue
    monkeypatch.setattr(quietline, "house", house)
    with Client(quietline.app) as client:
        ask = InProcess(client)
        world = a_world(ask, tmp_path)
        monkeypatch.setattr(Broken, "secret", staticmethod(markers))
        for part in ("public", "_intake", "referrals", "sessions"):
            house.__dict__.pop(part, None)
        house.__dict__["store"] = Broken(house.store, lambda _said: Unavailable("storage"), ("submit",))
        if slip == "sealing that does not seal":
            plain = lambda content, *, kind, request_id: types.SimpleNamespace(to_bytes=lambda: content)  # noqa: E731
            house.__dict__["sealer"] = types.SimpleNamespace(seal=plain, reaches_desk=lambda _key_ids: True)
        if slip == "a letter with the receipt":
            monkeypatch.setattr(Overflowed, "to_text", lambda letter: write(letter) + receipts[-1].shown)
        monkeypatch.setattr(Intake, "_receipt", lambda *given: receipts.append(draw(*given)) or receipts[-1])
        for asked in accepted_ones(world, markers, phones):
            if OPERATIONS.get((asked.target, asked.method), world) in SUBMITTING:
                assert ask(asked)[0] == 201
    assert len(receipts) > 3
    assert len(queue.waiting) == len(receipts) + 3  # and the three that were sealed before, with receipts of their own
    for phone in phones:
        detector.watch(phone)
    for receipt in receipts:
        detector.watch(receipt.shown)
        detector.watch(receipt.code)
        detector.watch_bytes(receipt.lookup)
        detector.watch_bytes(receipt.mailbox_key)
    found = set().union(*(detector.find(body.encode()) for body in queue.bodies()))
    assert bool(found) is (slip is not None)
    queue.deliver(quietline.drain, batch=1000)
    assert detector.find(_logged(caplog)) == set()


def _logged(caplog: pytest.LogCaptureFixture) -> bytes:
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join([formatter.format(record) + repr(record.args) for record in caplog.records]).encode()


# ---------------------------------------------------------------- the detector, and the canary itself, are shown a leak

LEAKS = {
    "raw": lambda text: text.encode(),
    "upper case": lambda text: text.upper().encode(),
    "UTF-16LE": lambda text: text.encode("utf-16-le"),
    "UTF-16BE": lambda text: text.encode("utf-16-be"),
    "hex": lambda text: text.encode().hex().encode(),
    "base64 at 0": lambda text: base64.b64encode(text.encode()),
    "base64 at 1": lambda text: base64.b64encode(b"x" + text.encode() + b"yz"),
    "base64 at 2": lambda text: base64.b64encode(b"xy" + text.encode() + b"z"),
    "base64url": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text.encode()).rstrip(b"="),
    "URL-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "JSON escapes": lambda text: "".join(f"\\u{byte:04x}" for byte in text.encode()).encode(),
    "gzip": lambda text: b"before" + gzip.compress(f"said {text} here".encode()),
    "zlib": lambda text: b"before" + zlib.compress(f"said {text} here".encode() * 9) + b"after",
    "base64 in gzip": lambda text: gzip.compress(base64.b64encode(text.encode())),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_in_every_encoding(leak, tmp_path, caplog):
    """One leak in a file, a database cell, a log line, a header or an error body is found, whatever it was put into."""
    markers = Markers()
    detector = Detector(markers.secret)
    leaked = LEAKS[leak](markers())
    home = tmp_path / "home"
    home.mkdir()
    assert detector.search_folder(home) == {}
    (home / "cache").write_bytes(b"\x00" * 100 + leaked)
    with contextlib.closing(sqlite3.connect(home / "some.db")) as db:
        db.execute("CREATE TABLE notes (cell BLOB)")
        db.execute("INSERT INTO notes VALUES (?)", (b"x" * 5000 + leaked,))
        db.commit()
    found = detector.search_folder(home)
    assert {"cache", "some.db:notes"} <= set(found)
    asked = Asked(method="GET", target="/")
    for answer in ((400, {}, b'{"detail": "' + leaked + b'"}'), (500, {"x-detail": leaked.decode("latin-1")}, b"")):
        if leak not in ("UTF-16LE", "UTF-16BE", "gzip", "zlib", "base64 in gzip", "JSON escapes") or answer[2]:
            assert leaks_in_answer(detector, asked, answer)
    logging.getLogger("quietline").error("failed: %s", leaked.decode("latin-1"))
    if not leak.startswith(("UTF", "gzip", "zlib", "base64 in")):
        assert detector.find(_logged(caplog))
    assert detector.find(LEAKS[leak](Markers()())) == set()


@pytest.mark.parametrize("slip", ["a log with the text", "an echo", "a note in the clear"])
def test_the_canary_would_catch_a_slip_of_ours(slip, tmp_path, monkeypatch, caplog, capfd):
    """Three mistakes that are easily made, each put into the house, are each caught by the sweep."""
    markers, home = Markers(), tmp_path / "home"
    detector, house = Detector(markers.secret), a_house(home)
    monkeypatch.setattr(Broken, "secret", staticmethod(markers))

    def break_it() -> None:
        if slip == "a log with the text":
            monkeypatch.setattr(problems, "where", str)
            object.__setattr__(house.public, "intake", Broken(house.public.intake, ValueError))
        elif slip == "an echo":
            monkeypatch.setattr(problems.Refusal, "errors", property(lambda self: ()), raising=True)
            response = problems.Problems.response

            def echo(self: Any, refusal: Any, language: str, headers: Any = None) -> Any:
                answer = response(self, refusal, language, headers)
                answer.body += str(quietline.app.current_request.raw_body)
                return answer

            monkeypatch.setattr(problems.Problems, "response", echo)
        else:
            casework = house.desk.casework
            monkeypatch.setattr(type(casework.shredding), "wrap", lambda _self, _request_id, message, _key: message)
            sealed = casework.correspondence.note

            def note(request_id: str, text: str, **more: Any) -> Any:
                message = sealed(request_id, text, **more)
                object.__setattr__(message, "for_desk", text.encode())
                return message

            careless = types.SimpleNamespace(
                note=note,
                message_id=casework.correspondence.message_id,
                from_helpline=casework.correspondence.from_helpline,
                at_desk=casework.correspondence.at_desk,
            )
            object.__setattr__(casework, "correspondence", careless)

    leaks = swept_in_process(house, monkeypatch, home, break_it, detector, markers)
    out, err = capfd.readouterr()
    in_log = bool(detector.find(_logged(caplog) + out.encode() + err.encode()))
    in_files = bool(detector.search_folder(home, allowed=("outbox/",)))
    caught = {"a log with the text": in_log, "an echo": bool(leaks), "a note in the clear": in_files}
    assert caught == {each: each == slip for each in caught}


def test_a_field_that_nobody_thought_of_fails_the_canary():
    """A model with a new kind of field cannot be planted without telling the canary what is good in it."""

    class New(BaseModel):
        height_in_metres: float

    with pytest.raises(AssertionError, match="height_in_metres"):
        good(New, Markers())
    assert AwareDatetime is not None


def test_every_field_of_every_model_is_planted():
    """Each place of each body is reached by a marker of the sweep, good or bad."""
    world = a_sealing_world()
    for operation in OPERATIONS.values():
        for model in operation.bodies:
            reached, markers = set(), Markers()
            for body in bad(model, markers, **world.given(model, Markers())):
                text = json.dumps(body)
                assert markers.secret in text
                reached |= {path for path, _ in _places(model) if markers.secret in json.dumps(_at(body, path))}
            assert reached >= {path for path, _ in _places(model)}, operation.name


def a_sealing_world() -> World:
    """Put together what sealing needs, without a server."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    encoded = encode(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    keys = [{"key_id": "desk-1", "kem": "", "public_key": encoded}]
    receipt = receipt_from_bytes(secrets.token_bytes(17))
    request_id = request_id_of(receipt.lookup)
    return World(token="", editor="", keys=keys, receipt=receipt.shown, request_id=request_id, number=1)


def _at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body
