"""The pages about the API: every example on them is copied into a shell, run, and answered as the page says."""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import subprocess
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from real_server import TUESDAY_EVENING, running

from chalicelib.config import Settings
from chalicelib.domain.access import ROLES
from chalicelib.domain.audit import Deed
from chalicelib.domain.requests import LAPSE_LIMIT, Kind
from chalicelib.http.contract import build, operations
from chalicelib.http.contract.document import TAGS
from chalicelib.http.contract.parts import EXAMPLE_SESSION
from chalicelib.http.reference import HEAVIEST, Reference
from chalicelib.usecases.intake import Submission
from chalicelib.wiring import House

HOUR, HOSTS = f"/v1/sessions/{EXAMPLE_SESSION}", f"/v1/desk/sessions/{EXAMPLE_SESSION}"
OPERATIONS = {operation.name: operation for operation in operations()}
EXAMPLE = re.compile(r'<pre data-operation="(\w+)" data-status="(\d+)">(.*?)</pre>', re.DOTALL)


def park_one(home) -> str:
    """Let one request lapse until it is parked, in no time, and give its id."""
    now = SimpleNamespace(at=datetime.fromisoformat(TUESDAY_EVENING))
    house = House(Settings(home=home))
    house.__dict__["clock"] = SimpleNamespace(now=lambda: now.at)
    version = house.content.statement()["version"]
    details = {"concern": "survivor", "message": "x"}
    submission = Submission(kind=Kind.INFORMATION, statement_version=version, body=b"", details=details)
    request_id = house.public.intake.submit(submission).request.request_id
    for number in range(LAPSE_LIMIT + 1):
        house.desk.casework.claim(f"p{number}", kinds=["information"], lease=timedelta(minutes=1))
        now.at += timedelta(minutes=2)
    house.store.close()
    house.shred_keys.close()
    return request_id


def let_an_hour_be_live(home) -> None:
    """Publish the live session of the examples as one that is on, an hour before the examples are run."""
    house = House(Settings(home=home))
    (packaged,) = house.content.session_records().values()
    hour = {"opens_at": "2026-11-24T12:00:00Z", "starts_at": "2026-11-24T18:00:00Z", "ends_at": "2026-11-25T06:00:00Z"}
    at = datetime.fromisoformat(TUESDAY_EVENING) - timedelta(hours=1)
    deed = Deed(at=at, actor="eve", verb="publish", about=f"session/{EXAMPLE_SESSION}")
    body = json.dumps({**packaged, **hour}).encode()
    house.publications.publish("session", EXAMPLE_SESSION, body, revision=0, deed=deed)
    house.store.close()


def of_partners(quietline) -> dict[str, str]:
    """Issue a key, and refer somebody with it."""
    named = {"partner": f"north-{secrets.token_hex(4)}"}
    issued = quietline.ask("POST", "/v1/desk/partners", named, token=quietline.token("supervisor")).json()
    body = {**OPERATIONS["refer"].example}
    referred = quietline.ask("POST", "/v1/referrals", body, token=issued["key"])
    assert referred.status == 201, referred.body
    return {"KEY": issued["key"], "KEY_ID": issued["id"], "REFERRAL_ID": referred.json()["id"]}


def of_hosts(quietline, name, token) -> dict[str, str]:
    """Ask a question and take it; where an answer is to be taken back, answer it for everybody."""
    asked = quietline.ask("POST", f"{HOUR}/questions", OPERATIONS["ask_question"].example)
    assert asked.status == 201, asked.body
    if name == "next_question":
        return {}
    taken = quietline.ask("POST", f"{HOSTS}/claims", token=token).json()["claim"]
    known = {"REQUEST_ID": taken["request_id"]}
    if name == "retract_answer":
        answer = {"number": taken["number"], "question": "What?", "answer": "That."}
        path = f"{HOSTS}/questions/{taken['request_id']}/answer"
        known["ENTRY_ID"] = quietline.ask("POST", path, answer, token=token).json()["id"]
    return known


def etag_of(quietline, name, token) -> str:
    """Read the record of the examples as its editor does, with something to discard, publish or go back from."""
    path = "/v1/desk/content/signpost/childline"
    read = quietline.ask("GET", path, token=token)
    if name in ("discard_draft", "publish_content", "roll_back_content", "take_down_content"):
        body = {"record": read.json()["record"]}
        held = {"If-Match": read.headers["etag"]}
        read = quietline.ask("PUT", path, body, token=token, headers=held)
        assert read.status == 200, read.body
    if name in ("roll_back_content", "take_down_content"):
        read = quietline.ask("POST", f"{path}/publish", token=token, headers={"If-Match": read.headers["etag"]})
        assert read.status == 200, read.body
    return read.headers["etag"]


@pytest.fixture(scope="module")
def stage(contract, tmp_path_factory):
    """A server with a parked request, and every example of its pages: what is to be run, and what it shall answer."""
    home = tmp_path_factory.mktemp("reference") / "home"
    parked = park_one(home)
    let_an_hour_be_live(home)
    with running(home, contract) as quietline:
        pages = [quietline.ask("GET", f"/docs/{tag}", headers={"Accept": "text/html"}) for tag in TAGS]
        examples = {
            name: (html.unescape(command), int(status))
            for page in pages
            for name, status, command in EXAMPLE.findall(page.body.decode())
        }
        yield SimpleNamespace(quietline=quietline, parked=parked, examples=examples)


def variables(stage, name: str, command: str) -> dict[str, str]:
    """Give an example what it cannot know: a receipt, a request in one's hands, a sign-in with the scope it needs."""
    quietline, caller = stage.quietline, OPERATIONS[name].caller
    known = {"API": quietline.url}
    if "$KEY" in command or "REFERRAL_ID" in command:
        token = quietline.token("supervisor", f"supervisor-{name}")
        return known | {"TOKEN": token} | of_partners(quietline)
    role = next((role for role in ("supervisor", *ROLES) if caller in ROLES[role]), "supervisor")
    token = quietline.token(role, f"{role}-{name}")
    known["TOKEN"] = token
    if caller == "session:host":
        return known | of_hosts(quietline, name, token)
    if "$ETAG" in command:
        return known | {"ETAG": etag_of(quietline, name, token)}
    if name == "unpark":
        return known | {"REQUEST_ID": stage.parked}
    if "RECEIPT" in command or "REQUEST_ID" in command or name == "claim":
        asked = quietline.ask("POST", "/v1/callbacks", OPERATIONS["submit_callback"].example).json()
        known |= {"RECEIPT": asked["receipt"], "REQUEST_ID": asked["request_id"]}
        if "REQUEST_ID" in command:
            assert (
                quietline.ask("POST", "/v1/desk/claims", {"reference": asked["reference"]}, token=token).status == 201
            )
    return known


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_runs_as_it_stands_there(stage, name):
    """Whoever copies an example of the reference gets the answer that the page promises, and the contract allows."""
    command, status = stage.examples[name]
    ran = subprocess.run(
        ["sh", "-euc", command],
        env={"PATH": os.environ["PATH"], **variables(stage, name, command)},
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # a poster is no text
        timeout=120,
        check=True,
    )
    answered = re.findall(r"^HTTP/1\.1 (\d+)", ran.stdout, re.MULTILINE)
    assert answered == [str(status)], ran.stdout
    documented = build()["paths"][OPERATIONS[name].path][OPERATIONS[name].method]["responses"]
    assert str(status) == min(documented)
    assert status < 300


def test_the_pages_hold_every_operation_and_nothing_else(stage):
    """No operation of the contract is without an example."""
    assert set(stage.examples) == set(OPERATIONS)


@pytest.mark.parametrize("topic", ["", *TAGS, "desk-shapes"])
def test_a_page_is_whole_light_and_strict(stage, topic):
    """Each page is one piece under 60 KB, runs nothing but our own script, and every link in it leads somewhere."""
    path = f"/docs/{topic}" if topic else "/docs"
    answer = stage.quietline.ask("GET", path, headers={"Accept": "text/html"})
    page = answer.body.decode()
    assert len(answer.body) < 60_000
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(?!/assets/docs\.js\")", page)
    assert not re.search(r"\son\w+=|\sstyle=", page)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for link in set(re.findall(r'href="([^"]+)"', page)):
        to, _, fragment = link.partition("#")
        target = page if not to else stage.quietline.ask("GET", to, headers={"Accept": "text/html"}).body.decode()
        assert not fragment or f'id="{fragment}"' in target, link


def test_a_page_that_grows_too_heavy_gives_its_shapes_a_page_of_their_own(monkeypatch):
    """However many operations come, a page stays light; links into the shapes follow them to where they are."""
    whole = Reference("https://help.example").topic(None, "desk").body
    assert len(whole.encode()) <= HEAVIEST or "/docs/desk-shapes#" in whole
    monkeypatch.setattr("chalicelib.http.reference.HEAVIEST", 20_000)
    parted = Reference("https://help.example")
    page, made_of = parted.topic(None, "desk").body, parted.topic(None, "desk-shapes").body
    names = re.findall(r'href="/docs/desk-shapes#(\w+)"', page)
    assert "ClaimSubmission" in names
    assert all(f'id="{name}"' in made_of for name in names)
    assert EXAMPLE.findall(page)
    assert not EXAMPLE.findall(made_of)
