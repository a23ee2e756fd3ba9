"""Sign-in keys that expire, rotate and cannot be fetched: who works goes on, who may not any more does not."""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import progress
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from one_house import VERSION, opened

from chalicelib.adapters import oidc

TURNS = int(os.environ.get("QUIETLINE_KEY_TURNS", "60"))
AUDIENCE = "quietline"
RUBBISH = {
    "garbage": b"\xff\x00" * 99,
    "html": b"<html>Please sign in</html>",
    "huge": b"x" * 600_000,
    "empty": b"{}",
}
BAD = ("down", "hanging", *RUBBISH)


@cache
def private_key(kid):
    """Make one key for each id."""
    del kid
    return ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """A real issuer on loopback, that can be down, slow, or talk rubbish."""

    def __init__(self) -> None:
        self.published, self.weather, self.asked, self.go_on = ["key-0"], "well", 0, threading.Event()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with contextlib.suppress(OSError):
                    issuer.answer(self)

            def log_message(self, *_):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, asked):
        """Answer as the weather is."""
        if asked.path != "/keys":
            self.asked += 1
        if self.weather == "hanging":
            self.go_on.wait(10)
            return
        keys = [
            {**jwt.algorithms.ECAlgorithm.to_jwk(private_key(kid).public_key(), as_dict=True), "kid": kid}
            for kid in self.published
        ]
        documents = {
            "/keys": {"keys": keys},
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
        }
        body = RUBBISH.get(self.weather, json.dumps(documents.get(asked.path, {})).encode())
        asked.send_response(503 if self.weather == "down" else 200)
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)

    def token(self, kid, *, lasts=3600, subject="alex"):
        """Sign a practitioner in with the key *kid*."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now,
            "exp": now + lasts,
            "roles": ["practitioner"],
        }
        return jwt.encode(claims, private_key(kid), algorithm="ES256", headers={"kid": kid})


class Desk:
    """A house whose desk believes one issuer, with a clock of its own for when that is asked."""

    def __init__(self, house, issuer) -> None:
        self.house, self.issuer, self.seconds = house, issuer, 0.0
        self.forget()

    def forget(self):
        """Start anew, as another process would: with no keys."""
        source = oidc.UrlKeySource(self.issuer.url, clock=lambda: self.seconds)
        self.house.house.__dict__["_identity"] = oidc.OidcIdentity(
            source, issuer=self.issuer.url, audience=AUDIENCE, algorithm="ES256"
        )
        for part in ("desk", "content_desk", "host_desk", "partner_keys_desk"):
            self.house.house.__dict__.pop(part, None)

    def ask(self, token, method="GET", path="/v1/desk/claims", body=None):
        """Ask the desk with a token; give the status and the document."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.house, "token", lambda _role: token)
            patch.setattr(oidc, "FETCH_SECONDS", 0.2 if self.issuer.weather == "hanging" else 30)
            return self.house.ask(method, path, body, role="whoever")


@pytest.fixture
def desk(tmp_path):
    """A desk and its issuer."""
    issuer = Issuer()
    try:
        with opened(tmp_path) as house:
            yield Desk(house, issuer)
    finally:
        issuer.go_on.set()
        issuer.server.shutdown()
        issuer.server.server_close()


@pytest.mark.timeout(300 + TURNS)
def test_practitioners_work_through_rotations_and_outages(desk):
    """In whatever order: known keys go on, new ones count within a minute, retired ones end; few fetches are made."""
    name, dice, issuer = "sign-in keys rotated and out of reach", random.Random(6), desk.issuer
    believed, fetched_at, tried_at, made, refused, locked_out = {"key-0"}, 0.0, 0.0, 1, 0, 0
    assert desk.ask(issuer.token("key-0"))[0] == 200
    for turn in progress.steps(name, TURNS):
        event = dice.choice(["rotate", "retire", "bad", "well", "well", "nothing"])
        if event == "rotate":
            issuer.published.append(f"key-{made}")
            made += 1
        elif event == "retire" and len(issuer.published) > 1:
            issuer.published.pop(0)
        elif event in ("bad", "well"):
            issuer.weather = dice.choice(BAD) if event == "bad" else "well"
        desk.seconds += dice.choice([1, 20, 61, 61, 601, 7200])
        kid = f"key-{dice.randrange(made)}"
        asks = desk.seconds - tried_at >= 60 and (kid not in believed or desk.seconds - fetched_at >= 600)
        if asks:
            tried_at = desk.seconds
            if issuer.weather == "well":
                believed, fetched_at = {*issuer.published}, desk.seconds
        before = issuer.asked
        status, answer = desk.ask(issuer.token(kid, subject=f"person-{turn}"))
        locked_out += status != 200 and kid in believed
        assert status in (200 if kid in believed else 401, 401), (turn, kid, issuer.weather, answer)
        until = time.monotonic() + 10  # who gave up on it may be told of before it has counted that it was asked
        while asks and issuer.asked == before and time.monotonic() < until:
            time.sleep(0.002)
        assert issuer.asked - before == int(asks)
        refused += status == 401
        assert desk.ask(issuer.token(kid, lasts=-61, subject=f"late-{turn}"))[1]["code"] in (
            ("token-expired",) if kid in believed else ("token-invalid",)
        )
    progress.found(name, rotations=made - 1, retired_or_unknown_refused=refused, locked_out=locked_out)
    assert (refused > 0, locked_out) == (True, 0)


def test_a_crowd_with_a_new_key_makes_one_fetch(desk):
    """Sixteen people whose tokens name a key that nobody has seen wait for one answer, and all get in."""
    issuer = desk.issuer
    assert desk.ask(issuer.token("key-0"))[0] == 200
    issuer.published.append("key-1")
    desk.seconds += 61
    identity, before, people = desk.house.house._identity, issuer.asked, []
    tokens = [issuer.token("key-1", subject=f"person-{number}") for number in range(16)]
    crowd = [threading.Thread(target=lambda token=token: people.append(identity.person(token))) for token in tokens]
    for person in crowd:
        person.start()
    for person in crowd:
        person.join(60)
    assert len({person.subject for person in people}) == 16
    assert issuer.asked - before == 1


@pytest.mark.parametrize("weather", BAD)
def test_an_issuer_out_of_reach_from_the_start_is_told_and_requesters_notice_nothing(desk, weather):
    """The desk answers 503 with the number, not 401; requests go on being accepted; and it opens by itself."""
    desk.forget()
    desk.issuer.weather = weather
    status, answer = desk.ask(desk.issuer.token("key-0"))
    assert (status, answer["code"]) == (503, "sign-in-unavailable")
    assert answer["helpline"]["phone"]
    assert desk.house.ask_for_a_call("key-while-nobody-can-sign-in")[0] == 201
    desk.issuer.weather, desk.seconds = "well", 5.0
    assert desk.ask(desk.issuer.token("key-0"))[0] == 200


def test_a_token_that_ends_in_the_middle_of_a_claim_costs_no_work(desk):
    """Whoever signs in anew finds the claim under its number, with what was written, and closes it."""
    issuer = desk.issuer
    body = {"statement_version": VERSION, "details": {"concern": "survivor", "message": "Please help"}}
    assert desk.house.ask("POST", "/v1/information-requests", body, key="key-of-the-only-question")[0] == 201
    token = issuer.token("key-0", lasts=30)
    claim = desk.ask(token, "POST", "/v1/desk/claims", {})[1]["claim"]
    path, number = f"/v1/desk/claims/{claim['request_id']}", {"number": claim["number"]}
    assert desk.ask(token, "POST", f"{path}/notes", {**number, "text": "Half way through"})[0] == 201
    ended = issuer.token("key-0", lasts=-61)
    status, answer = desk.ask(ended, "POST", f"{path}/close", {**number, "outcome": "answered"})
    assert (status, answer["code"]) == (401, "token-expired")
    anew = issuer.token("key-0")
    (mine,) = desk.ask(anew)[1]["claims"]
    assert (mine["request_id"], mine["number"]) == (claim["request_id"], claim["number"])
    assert desk.ask(anew, "POST", f"{path}/close", {**number, "outcome": "answered"})[0] == 200
