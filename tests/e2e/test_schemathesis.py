"""
The contract against real servers: schemathesis invents what the schema allows, and what it forbids.

Both faces stand alone, as on AWS, on one data folder. `QUIETLINE_SCHEMA_CASES` says how many cases there are at least,
over all operations; `make test-schema` asks for thousands.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from progress import found
from real_server import PHONE, ROOT, Answer, Quietline, running
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.domain.access import SIGN_IN_ROLES
from chalicelib.http.contract import HTML, PROBLEM, operations
from chalicelib.http.problems import FOR_PROGRAMS

MARKER = "zqxmarkerthatnobodysays"
"""Sent along with every case, where nothing reads it: it must never come back."""
ROLE_OF = {
    "/v1/desk/content": "editor",
    "/v1/desk/sessions": "host",
}
LIVING_CLAIM = "/v1/desk/claims/{request_id}/"
DESK = ("/v1/desk", "/desk")
SAID_ELSEWHERE = {
    ("POST", "/request"),  # its schema is of two forms, and the address says which one it is
    ("PUT", "/v1/desk/content/{kind}/{content_id}"),  # a record is any object: each kind has rules of its own
}
"""What may be refused with 422 although its schema allows it."""
CASES = int(os.environ.get("QUIETLINE_SCHEMA_CASES", "0"))
EXAMPLES = max(10, -(-CASES // len(operations())))
CHECKED: Counter[str] = Counter()

schema = schemathesis.openapi.from_path(ROOT / "chalicelib/http/openapi.json")
MAY = ["401", "403", "404", "409", "412", "428", "429"]
"""What a well-formed request may meet: credentials, what is not there, and what a schema cannot say."""
for name, statuses in (
    ("positive_data_acceptance", ["2xx", "3xx", *MAY]),
    ("negative_data_rejection", ["400", "405", "406", "415", "422", *MAY]),
):
    setattr(schema.config.checks, name, type(getattr(schema.config.checks, name))(expected_statuses=statuses))
schema.config.phases.coverage.unexpected_methods = {"PATCH", "TRACE"}  # what no HTTP knows is 501, and told elsewhere
OURS = (ROOT / "chalicelib/http/openapi.json").read_text() + "".join(
    path.read_text() for kind in ("*.toml", "*.py") for path in sorted((ROOT / "chalicelib").rglob(kind))
)
"""What we say ourselves, whatever is asked: the contract, the texts, and the constants, which Hypothesis tries too."""


@dataclass(kw_only=True)
class Faces:
    """Both faces, with everybody's credentials."""

    public: Quietline
    desk: Quietline
    turns: itertools.count = field(default_factory=itertools.count)
    receipt: str = ""
    partner: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    claim: dict[str, Any] | None = None

    def of(self, path: str, turn: int) -> Quietline:
        """Give the face that has a path; what both have is asked in turns."""
        if path.startswith(DESK) or (path in ("/health", "/openapi.json") and turn % 2):
            return self.desk
        return self.public

    def submitted(self) -> Any:
        """Ask for a call."""
        body = schema.raw_schema["paths"]["/v1/callbacks"]["post"]["requestBody"]["content"]["application/json"]
        answer = self.public.ask("POST", "/v1/callbacks", body["example"])
        assert answer.status == 201
        return answer.json()

    def credentials(self, case, turn: int) -> dict[str, str]:
        """
        Give what an operation asks for, unless schemathesis leaves it out.

        At the desk that is a token of whoever may do it, and now and then one of somebody else's.
        """
        operation = case.operation
        schemes = {name for scheme in operation.definition.raw["security"] for name in scheme}
        if schema.is_security_param_negated(case) or not schemes:
            return {}
        if "bearer" in schemes:
            rightful = next((role for at, role in ROLE_OF.items() if operation.path.startswith(at)), "supervisor")
            role = SIGN_IN_ROLES[turn % len(SIGN_IN_ROLES)] if turn % 6 == 5 else rightful
            return {"Authorization": f"Bearer {self.tokens[role]}"}
        if "partner" in schemes:
            return {"Authorization": f"Bearer {self.partner}"}
        if not self.receipt or operation.method.lower() == "delete":
            self.receipt = self.submitted()["receipt"]
        return {"Authorization": f"Receipt {self.receipt}"}

    def brought_to_life(self, case, turn: int) -> None:
        """Let every other piece of work at the desk be about a request that its practitioner really holds."""
        if not case.operation.path.startswith(LIVING_CLAIM) or turn % 2 or not isinstance(case.body, dict):
            return
        token, held = self.tokens["supervisor"], []
        if self.claim is not None:
            held = self.desk.ask("GET", "/v1/desk/claims", token=token).json()["claims"]
        if not held:
            reference = self.submitted()["reference"]
            answer = self.desk.ask("POST", "/v1/desk/claims", {"reference": reference}, token=token)
            assert answer.status == 201, answer.body
            self.claim = answer.json()["claim"]
            held = [self.claim]
        case.path_parameters = {**case.path_parameters, "request_id": held[0]["request_id"]}
        if isinstance(case.body.get("number"), int):
            case.body = {**case.body, "number": held[0]["number"]}


@pytest.fixture(scope="module")
def faces(contract, tmp_path_factory):
    """The public face and the desk, each alone, on one folder; a partner's key comes from the desk."""
    home = tmp_path_factory.mktemp("faces") / "home"
    wide = {"QUIETLINE_CLAIM_LIMIT": "1000", "QUIETLINE_PARTNER_CAP": "10000"}
    with (
        running(home, contract, QUIETLINE_FACES="public", **wide) as public,
        running(home, contract, QUIETLINE_FACES="desk", **wide) as desk,
    ):
        both = Faces(public=public, desk=desk)
        both.tokens = {role: desk.token(role, f"schemathesis-{role}") for role in SIGN_IN_ROLES}
        both.partner = desk.partner_key("schemathesis")["key"]
        yield both


# ---------------------------------------------------------------- what must hold


def sayings(value: Any) -> set[str]:
    """Give every text that a case says: names and values, wherever they stand."""
    if isinstance(value, dict):
        return set().union(*(sayings(each) for item in value.items() for each in item))
    if isinstance(value, list | tuple):
        return set().union(*map(sayings, value))
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return {value.strip()} if isinstance(value, str) else set()


def nothing_comes_back(_ctx, response, case) -> None:
    """What was sent is not in an error, and the marker in no answer; a form that is mended keeps its own fields."""
    text = response.content.decode("utf-8", "replace") + "".join(f"{k}{v}" for k, v in response.headers.items())
    assert MARKER not in text, "the marker came back"
    media = response.headers.get("content-type", [""])[0].partition(";")[0]
    mended = media == HTML and case.method == "POST"
    if response.status_code < 400 or mended:
        return
    said = sayings([case.path_parameters or {}, case.query or {}, case.cookies or {}, _body(case)])
    said |= sayings({name: text for name, text in (case.headers or {}).items() if name.lower() not in SENT_BY_US})
    for each in said:
        if len(each) >= 6 and (each in text or json.dumps(each)[1:-1] in text):
            assert each in OURS, "an error says what was sent"


def _body(case) -> Any:
    return case.body if isinstance(case.body, dict | list | str | bytes | tuple) else {}


SENT_BY_US = {"authorization", "user-agent", "x-marker", "cookie", "content-type", "accept"}


def errors_help(_ctx, response, case) -> None:
    """Whatever is refused is refused as problem+json with the phone number, or as a page to who browses."""
    if response.status_code < 400:
        return
    media = response.headers["content-type"][0].partition(";")[0]
    path = case.operation.path
    if media == HTML:
        assert case.method == "POST" or not path.startswith(FOR_PROGRAMS), "a program is given a page"
        assert PHONE.encode() in response.content
        return
    assert media == PROBLEM or path == "/health", media
    if media == PROBLEM:
        problem = json.loads(response.content)
        assert problem["helpline"]["phone"] and problem["status"] == response.status_code  # noqa: PT018


def forgiving(check):
    """Leave out what a schema cannot say of pages: those are kind to browsers."""

    def checked(ctx, response, case):
        """Check it."""
        if case.operation.path == "/reach" and "" in (case.query or {}).values():
            return None  # a browser sends what was left open in a form as an empty value
        if (case.method, case.operation.path) in SAID_ELSEWHERE and check is positive_data_acceptance:
            return None
        return check(ctx, response, case)

    checked.__name__ = check.__name__
    return checked


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    forgiving(positive_data_acceptance),
    forgiving(negative_data_rejection),
    nothing_comes_back,
    errors_help,
]


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES <= 10)
def test_the_server_keeps_the_contract(case, faces):
    """Whatever the schema allows is taken, what it forbids is refused, and every answer is as the contract says."""
    turn = next(faces.turns)
    headers = {**faces.credentials(case, turn), "X-Marker": MARKER, "User-Agent": MARKER}
    faces.brought_to_life(case, turn)
    quietline = faces.of(case.operation.path, turn)
    response = case.call(base_url=quietline.url, headers=headers, timeout=30)
    case.validate_response(response, checks=CHECKS)
    if case.method == case.operation.method.upper():
        heard = {name: values[0] for name, values in response.headers.items()}
        answer = Answer(status=response.status_code, headers=heard, body=response.content)
        quietline.contract.check(case.method, re.sub(r"\{\w+\}", "x", case.operation.path), answer)
    CHECKED[f"{response.status_code // 100}xx"] += 1


def test_each_face_has_its_own_operations_only(faces):
    """What is the other face's does not exist: whatever is asked of it there, it is not found."""
    for operation in operations():
        if operation.path in ("/health", "/openapi.json"):
            continue
        other = faces.public if faces.of(operation.path, 0) is faces.desk else faces.desk
        path = re.sub(r"\{\w+\}", "x", operation.path)
        headers = {"Authorization": f"Bearer {faces.tokens['supervisor']}"}
        answer = asked_without_contract(other, operation.method.upper(), path, headers)
        assert (answer.status, answer.media) == (404, PROBLEM), operation.path


def asked_without_contract(quietline: Quietline, method: str, path: str, headers: dict[str, str]) -> Answer:
    """Ask for what is no operation of this face."""

    class Nothing:
        check = staticmethod(lambda *_: None)

    blind = Quietline(port=quietline.port, home=quietline.home, contract=Nothing())  # type: ignore[arg-type]
    return blind.ask(method, path, {} if method in ("POST", "PUT") else None, headers=headers)


def test_as_many_cases_were_checked_as_were_asked_for(faces):
    """The figure in the report is what was really sent; most are refused, and many are taken."""
    total = CHECKED.total()
    found("schemathesis", cases=total, **dict(sorted(CHECKED.items())))
    assert total >= max(CASES, 5 * len(operations()))
    assert CHECKED["5xx"] == 0
    assert min(CHECKED["2xx"], CHECKED["4xx"]) > total / 10
