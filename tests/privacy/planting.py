"""
What is planted: a marker in every slot of every route, well and badly formed, and every good request of the job.

The routes come from `app.py`, the slots from the wire models: a new route or field is planted without anybody thinking
of it, or the canary fails because it does not know how.
"""

from __future__ import annotations

import json
import re
import secrets
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlencode

from pydantic import BaseModel

import app as quietline
from chalicelib.adapters.hpke import AesCipher, HpkeSealer
from chalicelib.domain.directory import identity
from chalicelib.domain.receipts import encode, read_receipt, receipt_from_bytes, request_id_of
from chalicelib.http.contract import EXAMPLE_CAMPAIGN, PARAMETERS, PARTNER, operations
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
    for path, kind in places(model):
        for wrong in _wrong(kind, markers):
            body = deepcopy(good(model, Markers(), **given))  # fresh ones, which nobody looks for
            _put(body, path, wrong)
            yield body
    objects = [path for path, kind in places(model) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    for path in [(), *objects]:
        body = deepcopy(good(model, Markers(), **given))
        _put(body, (*path, markers()), {markers(): markers()})
        yield body
    yield from (markers(), [markers()], {markers(): markers()})


def places(model: type[BaseModel], before: tuple[Any, ...] = ()):
    """List every place of a body, however deep, with what belongs there."""
    for field_name, described in model.model_fields.items():
        kind, name = _plain(described.annotation), described.alias or field_name
        yield (*before, name), kind
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from places(kind, (*before, name))
        if get_origin(kind) is list:
            inner = _plain(get_args(kind)[0])
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from places(inner, (*before, name, 0))


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
