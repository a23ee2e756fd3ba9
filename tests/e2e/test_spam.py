"""Telling people from machines: who is verified, who is not, and that nobody is dropped for it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3

import pytest
from altcha import ChallengeParameters, Payload, create_challenge, solve_challenge
from altcha.v2 import Challenge
from real_server import TUESDAY_EVENING, later
from sealed_requester import Requester

from chalicelib.domain.screening import name_of_key

KEY = "an idempotency key of somebody".replace(" ", "-")
BODY = {"statement_version": "2026-11", "details": {"concern": "survivor", "message": "Where can I read more?"}}
FORM = {"statement_version": "2026-11", "concern": "survivor", "message": "Where can I read more?"}
ROUTE = "/v1/information-requests"


def challenge(quietline, bound_to=None):
    """Fetch a challenge for the key, or for something else."""
    answer = quietline.ask("GET", f"/v1/challenge?for={bound_to or name_of_key(KEY)}")
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    return answer.json()


def solved(found) -> str:
    """Solve a challenge as anybody's ALTCHA would."""
    read = Challenge.from_dict(found)
    return Payload(read, solve_challenge(read)).to_base64()


def send(quietline, altcha=None, key=KEY, **headers):
    """Send the request under a key."""
    body = BODY if altcha is None else {**BODY, "altcha": altcha}
    sent = {} if key is None else {"Idempotency-Key": key}
    return quietline.ask("POST", ROUTE, body, headers={**sent, **headers})


def is_verified(quietline, answer) -> bool:
    """Read from the database whether an accepted request counts as verified."""
    assert answer.status == 201, answer.body
    with contextlib.closing(sqlite3.connect(quietline.home / "quietline.db")) as db:
        query = "SELECT verified FROM requests WHERE request_id = ?"
        return bool(db.execute(query, (answer.json()["request_id"],)).fetchone()[0])


# --- proof of work


def test_a_solved_challenge_makes_a_request_verified(quietline):
    """Bound to the hash of the idempotency key; the same request without one is not."""
    found = challenge(quietline)
    assert found["parameters"]["data"]["for"] == name_of_key(KEY)
    assert is_verified(quietline, send(quietline, solved(found)))
    assert not is_verified(quietline, send(quietline, key=f"{KEY}-2"))
    assert not is_verified(quietline, send(quietline, key=None))


def test_a_sealed_request_is_verified_by_its_id(quietline):
    """The browser asks for a challenge for the request's id, which is its idempotency key."""
    requester = Requester(quietline)
    altcha = solved(challenge(quietline, requester.request_id))
    answer = quietline.ask("POST", "/v1/callbacks", requester.body(altcha=altcha))
    assert is_verified(quietline, answer)


def test_verified_requests_come_first_and_no_other_is_dropped(quietline):
    """An unverified request that came before is handed out after a verified one, and handed out it is."""
    first = send(quietline, key=None).json()["reference"]
    second = send(quietline, solved(challenge(quietline))).json()["reference"]
    token = quietline.token("practitioner", "alex")
    claims = [quietline.ask("POST", "/v1/desk/claims", {}, token=token).json()["request"] for _ in range(2)]
    assert [each["reference"] for each in claims] == [second, first]


def tampered(change):
    """Take a solved payload apart, change it, and put it together again."""

    def apply(altcha: str) -> str:
        payload = json.loads(base64.b64decode(altcha))
        change(payload["challenge"]["parameters"], payload["solution"], payload["challenge"])
        return base64.b64encode(json.dumps(payload).encode()).decode()

    return apply


TAMPERED = {
    "another request": tampered(lambda p, s, c: p["data"].update({"for": name_of_key(KEY)})),
    "a later end": tampered(lambda p, s, c: p["data"].update(until=p["data"]["until"] + 1)),
    "no end": tampered(lambda p, s, c: p["data"].pop("until")),
    "no data": tampered(lambda p, s, c: p.pop("data")),
    "data of another type": tampered(lambda p, s, c: p.update(data=[name_of_key(KEY)])),
    "less work": tampered(lambda p, s, c: p.update(cost=1)),
    "a shorter prefix": tampered(lambda p, s, c: p.update(keyPrefix="")),
    "no signature": tampered(lambda p, s, c: c.pop("signature")),
    "another key": tampered(lambda p, s, c: s.update(derivedKey="00" * 32)),
    "half the key": tampered(lambda p, s, c: s.update(derivedKey=p["keyPrefix"])),
    "a key of another type": tampered(lambda p, s, c: s.update(derivedKey=7)),
    "no key signature": tampered(lambda p, s, c: p.pop("keySignature")),
}


@pytest.mark.parametrize("change", TAMPERED)
def test_what_was_tampered_with_is_unverified_and_no_more(shared_quietline, change):
    """Whatever is changed in a payload, the request is accepted, and it is unverified."""
    key = f"{KEY}-{change}".replace(" ", "-")
    bound_to = name_of_key(f"{key}-other") if change == "another request" else name_of_key(key)
    altcha = solved(challenge(shared_quietline, bound_to))
    if change != "another request":
        good = f"{key}-good"
        assert is_verified(
            shared_quietline, send(shared_quietline, solved(challenge(shared_quietline, name_of_key(good))), good)
        )
    assert not is_verified(shared_quietline, send(shared_quietline, TAMPERED[change](altcha), key))


@pytest.mark.parametrize(
    "altcha",
    [
        "",
        "x",
        "bm9uc2Vuc2U=",
        "W10=",
        "e30=",
        "eyJjaGFsbGVuZ2UiOnt9LCJzb2x1dGlvbiI6e319",
        "bnVsbA==",
        "A" * 4096,
        "/w==",
    ],
)
def test_what_is_no_payload_is_unverified_and_no_more(shared_quietline, altcha):
    """Broken base64, broken JSON, JSON of another kind: no error, and no word of it in the answer."""
    assert not is_verified(shared_quietline, send(shared_quietline, altcha, f"{KEY}-{len(altcha)}-{altcha[:4]}"))


def test_a_payload_counts_for_one_request(shared_quietline):
    """Replayed under another key, or beside a sealed request, it counts for nothing; a repeat is the same request."""
    key = f"{KEY}-once"
    altcha = solved(challenge(shared_quietline, name_of_key(key)))
    first = send(shared_quietline, altcha, key)
    assert is_verified(shared_quietline, first)
    assert send(shared_quietline, altcha, key).json() == first.json()
    assert not is_verified(shared_quietline, send(shared_quietline, altcha, f"{key}-again"))
    assert not is_verified(shared_quietline, send(shared_quietline, altcha, None))
    requester = Requester(shared_quietline)
    sealed = shared_quietline.ask("POST", "/v1/callbacks", requester.body(altcha=altcha))
    assert not is_verified(shared_quietline, sealed)


def test_a_challenge_is_spliced_with_no_other_solution(shared_quietline):
    """The solution of one challenge does not solve another."""
    one, two = (json.loads(base64.b64decode(solved(challenge(shared_quietline)))) for _ in range(2))
    spliced = {"challenge": one["challenge"], "solution": two["solution"]}
    altcha = base64.b64encode(json.dumps(spliced).encode()).decode()
    assert not is_verified(shared_quietline, send(shared_quietline, altcha))


def test_a_foreign_challenge_is_unverified(shared_quietline):
    """Made elsewhere, with another key, for this very request."""
    key = f"{KEY}-foreign"
    ours = ChallengeParameters.from_dict(challenge(shared_quietline, name_of_key(key))["parameters"])
    foreign = create_challenge(
        "PBKDF2/SHA-256", 1000, counter=5, data=ours.data, expires_at=ours.expires_at, hmac_secret="mine",
        hmac_key_secret="mine",
    )  # fmt: skip
    altcha = Payload(foreign, solve_challenge(foreign)).to_base64()
    assert not is_verified(shared_quietline, send(shared_quietline, altcha, key))


@pytest.mark.parametrize(("minutes", "verified"), [(9, True), (11, False)])
def test_a_challenge_ends_within_ten_minutes(open_house, minutes, verified):
    """Solved in time and sent too late, it makes no request verified; a restart between the two changes nothing."""
    with open_house() as quietline:
        altcha = solved(challenge(quietline))
    with open_house(later(TUESDAY_EVENING, minutes)) as quietline:
        assert is_verified(quietline, send(quietline, altcha)) is verified


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "required"),
        ("?for=", "empty"),
        ("?for=x", "invalid"),
        (f"?for={'A' * 44}", "invalid"),
        (f"?for={'A' * 42}B", "invalid"),
        (f"?for={'A' * 43}&for={'A' * 43}", "repeated"),
    ],
)
def test_a_challenge_is_for_something(shared_quietline, query, code):
    """What it is for is a SHA-256 in base64url; anything else is refused and not repeated."""
    answer = shared_quietline.ask("GET", f"/v1/challenge{query}")
    assert answer.status == 400
    assert answer.json()["errors"] == [{"pointer": "/for", "code": code}]


# --- plain forms


def handed_out(quietline) -> dict[str, str]:
    """Fetch the form, and give its hidden fields."""
    page = quietline.ask("GET", "/request?kind=information").body.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert sorted(hidden) == ["form_token", "idempotency_key"]
    return hidden


def post(quietline, hidden, **fields):
    """Post the form as a browser without scripts does, and read the answer as JSON."""
    return quietline.ask("POST", ROUTE, form={**FORM, **hidden, **fields})


def test_a_form_that_a_person_filled_in_is_verified(open_house):
    """A minute after it was handed out, with the hidden field left alone; a repeat gets the same answer."""
    with open_house() as quietline:
        hidden = handed_out(quietline)
        post(quietline, handed_out(quietline))  # the first of all takes long: the next one is sent at once
        hasty = handed_out(quietline)
        assert not is_verified(quietline, post(quietline, hasty))
    with open_house(later(TUESDAY_EVENING, 1)) as quietline:
        answer = post(quietline, hidden, website="")
        assert is_verified(quietline, answer)
        assert post(quietline, hidden).json() == answer.json()


@pytest.mark.parametrize("what", ["trapped", "none", "of another form", "changed", "a day old", "nonsense", "twice"])
def test_a_form_that_shows_no_person_is_unverified_and_no_more(open_house, what):
    """A filled trap, no token, one of another form, one that was changed or is too old: accepted, and unverified."""
    with open_house() as quietline:
        hidden, other = handed_out(quietline), handed_out(quietline)
    minutes = 24 * 60 + 5 if what == "a day old" else 1
    clock = "2026-11-25T18:10:00Z" if what == "a day old" else later(TUESDAY_EVENING, minutes)
    token = hidden["form_token"]
    fields = {
        "trapped": {"website": "https://example.org"},
        "none": {"form_token": ""},
        "of another form": {"form_token": other["form_token"]},
        "changed": {"form_token": f"{int(token.split('.')[0]) - 60}.{token.split('.')[1]}"},
        "a day old": {},
        "nonsense": {"form_token": "9" * 400},
        "twice": {"form_token": [token, token]},
    }[what]
    with open_house(clock) as quietline:
        assert not is_verified(quietline, post(quietline, hidden, **fields))


def test_a_form_that_comes_back_keeps_its_token(open_house):
    """Somebody who mends a mistake does not start anew: the token of the first page goes along."""
    with open_house() as quietline:
        hidden = handed_out(quietline)
    with open_house(later(TUESDAY_EVENING, 1)) as quietline:
        page = quietline.ask(
            "POST", ROUTE, form={**FORM, **hidden, "concern": "nothing"}, headers={"Accept": "text/html"}
        )
        assert page.status == 422
        again = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.body.decode()))
        assert again == hidden
        assert is_verified(quietline, post(quietline, again))


# --- the cap


def test_past_the_cap_only_verified_requests_get_in(open_house):
    """Unverified ones are told to ring; repeats of accepted ones and verified ones get in; a claim makes room."""
    with open_house(QUIETLINE_UNVERIFIED_CAP="2") as quietline:
        first = send(quietline, key=f"{KEY}-a")
        assert [first.status, send(quietline, key=f"{KEY}-b").status] == [201, 201]
        refused = send(quietline, key=f"{KEY}-c")
        assert (refused.status, refused.json().get("code")) == (503, "unverified-full")
        assert refused.json()["helpline"]["phone"]
        assert refused.json()["detail"]
        sealed = quietline.ask("POST", "/v1/callbacks", Requester(quietline).body())
        assert sealed.json()["code"] == "unverified-full"
        page = quietline.ask("POST", ROUTE, form=FORM, headers={"Accept": "text/html"})
        assert page.status == 503
        assert b"0808 1000 900" in page.body
        assert b"Where can I read more?" in page.body
        assert send(quietline, key=f"{KEY}-a").json() == first.json()
        assert is_verified(quietline, send(quietline, solved(challenge(quietline))))
        requester = Requester(quietline)
        altcha = solved(challenge(quietline, requester.request_id))
        assert is_verified(quietline, quietline.ask("POST", "/v1/callbacks", requester.body(altcha=altcha)))
        token = quietline.token("practitioner", "alex")
        for _ in range(3):
            quietline.ask("POST", "/v1/desk/claims", {"kinds": ["information"]}, token=token)
        assert send(quietline, key=f"{KEY}-d").status == 201


def test_with_no_room_for_unverified_ones_a_callback_with_proof_still_gets_in(open_house):
    """A cap of nothing is a setting too: whoever shows a solved challenge is never refused for it."""
    with open_house(QUIETLINE_UNVERIFIED_CAP="0") as quietline:
        assert send(quietline).status == 503
        assert is_verified(quietline, send(quietline, solved(challenge(quietline))))
