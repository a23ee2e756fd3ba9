"""The pages about the API: every example on them is copied into a shell, run, and answered as the page says."""

from __future__ import annotations

import html
import os
import re
import subprocess
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from real_server import TUESDAY_EVENING, running

from chalicelib.config import Settings
from chalicelib.domain.access import ROLES
from chalicelib.domain.requests import LAPSE_LIMIT, Kind
from chalicelib.http.contract import build, operations
from chalicelib.http.contract.document import TAGS
from chalicelib.http.reference import HEAVIEST, Reference
from chalicelib.usecases.intake import Submission
from chalicelib.wiring import House

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


@pytest.fixture(scope="module")
def stage(contract, tmp_path_factory):
    """A server with a parked request, and every example of its pages: what is to be run, and what it shall answer."""
    home = tmp_path_factory.mktemp("reference") / "home"
    parked = park_one(home)
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
    role = next((role for role in ("supervisor", *ROLES) if caller in ROLES[role]), "supervisor")
    token = quietline.token(role, f"{role}-{name}")
    known["TOKEN"] = token
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
        timeout=30,
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
