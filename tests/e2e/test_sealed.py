"""Requests and messages that a browser sealed, over real HTTP: what the server can and cannot see, and does with it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from real_server import ROOT
from sealed_requester import DETAILS, Requester

from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.domain.receipts import encode


@pytest.fixture
def requester(shared_quietline):
    """Somebody whose browser seals, on a server that others use as well."""
    return Requester(shared_quietline)


@pytest.fixture
def alone(quietline):
    """Somebody whose browser seals, on a server of their own."""
    return Requester(quietline)


def submit(requester, body=None, route="callbacks", **more):
    """Send a request."""
    return requester.quietline.ask("POST", f"/v1/{route}", body or requester.body(), **more)


def claim(requester):
    """Take the requester's request at the desk, by its reference, as somebody who holds nothing else."""
    ask = requester.quietline.ask
    reference = ask("GET", "/v1/mailbox", headers=requester.mailbox).json()["reference"]
    token = requester.quietline.token("practitioner", f"alex-{requester.request_id[:12]}")
    answer = ask("POST", "/v1/desk/claims", {"reference": reference}, token=token)
    assert answer.status == 201, answer.body
    assert answer.json()["claim"]["request_id"] == requester.request_id
    return token, answer.json()


def act(requester, claimed, verb, body, token):
    """Do something with a claimed request."""
    path = f"/v1/desk/claims/{requester.request_id}/{verb}"
    return requester.quietline.ask("POST", path, {"number": claimed["claim"]["number"], **body}, token=token)


# --- a request's way


def test_a_sealed_request_is_opened_at_the_desk_and_answered(requester):
    """The answer holds no receipt; the desk sees what was written; the reply opens with what only the browser has."""
    answer = submit(requester)
    assert answer.status == 201
    assert "receipt" not in answer.json()
    assert answer.json()["request_id"] == requester.request_id
    token, claimed = claim(requester)
    details = claimed["request"]["details"]
    assert claimed["request"]["unreadable"] is None
    assert details["message"] == DETAILS["message"]
    assert details["phone_international"] == "+44 7700 900123"
    assert details["safety"]["if_someone_else_answers"] == "hang-up"
    assert "mailbox_key" not in json.dumps(claimed)
    assert encode(requester.receipt.mailbox_key) not in json.dumps(claimed)
    assert act(requester, claimed, "replies", {"text": "Hello", "signposts": ["childline"]}, token).status == 201
    assert requester.read() == [{"text": "Hello", "signposts": ["childline"]}]
    plain = requester.quietline.ask("GET", "/v1/mailbox", receipt=requester.receipt.shown).json()
    assert [letter["text"] for letter in plain["messages"]] == ["Hello"]


def test_an_information_request_may_be_sealed_too(requester):
    """Its kind is in what it is bound to; sealed as another kind, it opens as nothing."""
    content = requester.content({"concern": "survivor", "message": "Where?", "email": "sam@example.org"})
    body = requester.body(content, "information")
    assert submit(requester, body, "information-requests").status == 201
    _, claimed = claim(requester)
    assert claimed["request"]["details"]["email"] == "sam@example.org"
    other = Requester(requester.quietline)
    assert submit(other, other.body(content, "callback"), "information-requests").status == 201
    _, claimed = claim(other)
    assert (claimed["request"]["unreadable"], claimed["request"]["details"]) == ("damaged", None)


def test_the_same_bytes_get_the_same_answer_and_other_bytes_are_refused(requester):
    """The id is the idempotency key: a repeat changes nothing, whatever its proof of work; a change is told."""
    body = requester.body(slot="2026-11-24T18:00Z/2h")
    first = submit(requester, body)
    assert submit(requester, {**body, "altcha": "another"}).json() == first.json()
    for other in (
        {**body, "slot": "2026-11-24T19:00Z/2h"},
        {**body, "language": "cy"},
        {**body, "region": "E23000005"},
        requester.body(slot="2026-11-24T18:00Z/2h"),
    ):
        answer = submit(requester, other)
        assert (answer.status, answer.json()["code"]) == (409, "key-reused")
    assert submit(requester, body).json() == first.json()
    _, claimed = claim(requester)
    assert claimed["request"]["details"]["message"] == DETAILS["message"]


def test_many_repeats_at_once_are_one_request(alone):
    """A browser that tries again while its first attempt is still under way makes one request."""
    body = alone.body()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: submit(alone, body), range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    claim(alone)
    token = alone.quietline.token("practitioner", "kim")
    assert alone.quietline.ask("POST", "/v1/desk/claims", {}, token=token).status == 204


def test_somebody_who_knows_an_id_cannot_put_another_request_in_its_place(requester):
    """The id travels with each request; posting under it is refused, and the first one is what the desk opens."""
    assert submit(requester).status == 201
    intruder = Requester(requester.quietline)
    body = intruder.body()
    body["sealed"]["request_id"] = requester.request_id
    assert submit(requester, body).json()["code"] == "key-reused"
    _, claimed = claim(requester)
    assert claimed["request"]["details"]["message"] == DETAILS["message"]


def test_what_is_sealed_to_no_key_of_the_desk_is_refused_and_not_lost(requester):
    """Nobody could open it: the browser is told to fetch the keys again, at once and not after weeks."""
    mine = Requester(requester.quietline)
    keys = requester.quietline.ask("GET", "/v1/keys").json()["keys"]
    assert [key["key_id"].split("-")[0] for key in keys] == ["desk", "recovery"]
    for chosen in ([{**keys[0], "key_id": "desk-of-another"}], keys[1:]):
        body = {"statement_version": "2026-11", "sealed": mine.seal(mine.content(), keys=chosen)}
        answer = submit(requester, body)
        assert (answer.status, answer.json().get("code")) == (409, "keys-outdated")
    message = requester.message({"text": "hello"})
    submit(requester)
    message["sealed"] = requester.seal({"text": "x"}, f"message:{message['message_id']}", keys=keys[1:])
    answer = requester.quietline.ask("POST", "/v1/mailbox/messages", message, headers=requester.mailbox)
    assert (answer.status, answer.json()["code"]) == (409, "keys-outdated")


B64 = "A" * 64
GOOD_KEY = {"key_id": "desk-1", "enc": "B" + "A" * 86, "ct": B64}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"v": 2}, "/sealed/v"),
        ({"v": "1"}, "/sealed/v"),
        ({"request_id": "A" * 42}, "/sealed/request_id"),
        ({"request_id": "A" * 42 + "B"}, "/sealed/request_id"),
        ({"nonce": "A" * 15}, "/sealed/nonce"),
        ({"nonce": "!" * 16}, "/sealed/nonce"),
        ({"ct": ""}, "/sealed/ct"),
        ({"ct": None}, "/sealed/ct"),
        ({"recipients": []}, "/sealed/recipients"),
        ({"recipients": [GOOD_KEY] * 9}, "/sealed/recipients"),
        ({"recipients": [{**GOOD_KEY, "enc": "C" + "A" * 86}]}, "/sealed/recipients/0/enc"),
        ({"recipients": [{**GOOD_KEY, "ct": "A"}]}, "/sealed/recipients/0/ct"),
        ({"recipients": [{**GOOD_KEY, "key_id": "../desk"}]}, "/sealed/recipients/0/key_id"),
        ({"more": "bluebell"}, "/sealed"),
    ],
)
def test_what_is_no_envelope_is_refused_on_arrival(shared_quietline, change, pointer):
    """Of what can be checked, each part is; the place is told, and nothing of what was sent."""
    requester = Requester(shared_quietline)
    body = requester.body()
    body["sealed"] |= change
    answer = submit(requester, body)
    assert answer.status == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert b"bluebell" not in answer.body


@pytest.mark.parametrize("ct", ["A" * 40, "A" * 41, "A" * 5482, "A" * 5484, "A" * 5482 + "B", "A" * 27_400])
def test_what_was_not_padded_is_refused_on_arrival(shared_quietline, ct):
    """A size between the steps would say how much somebody wrote, and one that is written oddly is no size at all."""
    requester = Requester(shared_quietline)
    body = requester.body()
    body["sealed"]["ct"] = ct
    answer = submit(requester, body)
    assert (answer.status, answer.json()["errors"]) == (409, [{"pointer": "/sealed/ct", "code": "not-padded"}])
    submit(requester)
    message = {**requester.message({"text": "hello"}), "copy": ct}
    answer = requester.quietline.ask("POST", "/v1/mailbox/messages", message, headers=requester.mailbox)
    assert (answer.status, answer.json()["errors"]) == (409, [{"pointer": "/copy", "code": "not-padded"}])


def test_words_beside_an_envelope_are_refused(shared_quietline):
    """A body that holds both would have sent in the clear what it seals: it is not taken for either."""
    requester = Requester(shared_quietline)
    answer = submit(requester, {**requester.body(), "details": DETAILS})
    assert (answer.status, [error["code"] for error in answer.json()["errors"]]) == (422, ["unknown-key"])
    form = {"statement_version": "2026-11", "sealed": json.dumps(requester.seal("x")), "phone": "07700 900123"}
    answer = requester.quietline.ask("POST", "/v1/callbacks", form=form)
    assert (answer.status, [error["code"] for error in answer.json()["errors"]]) == (422, ["unknown-key"])


def test_a_form_may_carry_the_envelope(requester):
    """What the page's script posts gets the receipt's page, without the receipt, which the browser has."""
    form = {"statement_version": "2026-11", "language": "cy", "sealed": json.dumps(requester.seal(requester.content()))}
    answer = requester.quietline.ask("POST", "/v1/callbacks", form=form, headers={"Accept": "text/html"})
    assert answer.status == 201
    assert b'<code id="receipt" translate="no"></code>' in answer.body
    _, claimed = claim(requester)
    assert claimed["request"]["language"] == "cy"
    broken = {**form, "sealed": "{"}
    assert requester.quietline.ask("POST", "/v1/callbacks", form=broken).json()["errors"][0]["pointer"] == "/sealed"


# --- what cannot be checked on arrival


DEEP = b'{"heron": ' + b"[" * 9000 + b"]" * 9000 + b"}"
HOSTILE = {
    "no phone": {"details": {"concern": "survivor", "message": "heron"}},
    "an impossible phone": {"details": {**DETAILS, "phone": "12", "message": "heron"}},
    "an unknown field": {"details": {**DETAILS, "heron": 1}},
    "no safety": {"details": {"concern": "survivor", "phone": "07700 900123", "message": "heron", "safety": "ok"}},
    "another concern": {"details": {**DETAILS, "concern": "heron"}},
    "a list": {"details": ["heron"]},
    "no details": {"heron": 1},
    "more beside": {"details": DETAILS, "heron": 1},
    "a number": b"1234567890 heron",
    "a string": b'"heron"',
    "no JSON": b"{heron",
    "not UTF-8": b"\xff\xfe heron",
    "very deep": DEEP + b" heron",
    "deep and good": DEEP,
    "lone surrogates": b'{"details": {"concern": "survivor", "message": "heron \\ud800"}}',
    "control characters": b'{"details": {"concern": "heron \\u0000\\u202e\\u0007"}}',
    "many fields": {"details": {f"heron-{at}": at for at in range(500)}},
    "NaN": b'{"details": {"heron": NaN, "infinite": 1e999}}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_does_not_validate_is_shown_as_what_it_is(requester, name):
    """The practitioner sees that it is invalid, and what is there as flat text; they can note, reply and close."""
    content = HOSTILE[name]
    if isinstance(content, dict):
        content = {**content, "mailbox_key": encode(requester.receipt.mailbox_key)}
    assert submit(requester, requester.body(content)).status == 201
    token, claimed = claim(requester)
    request = claimed["request"]
    assert request["unreadable"] == "invalid"
    assert all(isinstance(value, str) for value in request["details"].values())
    shown = json.dumps(request["details"])
    assert "heron" in shown or name == "nothing"
    assert encode(requester.receipt.mailbox_key) not in json.dumps(claimed)
    assert not any(unsafe in "".join(request["details"].values()) for unsafe in "\x00\x07\u202e\ud800")
    assert act(requester, claimed, "notes", {"text": "This looks odd."}, token).status == 201
    answer = act(requester, claimed, "replies", {"text": "Please ring us."}, token)
    if isinstance(content, dict):
        assert answer.status == 201
        assert requester.read() == [{"text": "Please ring us."}]
    else:
        assert (answer.status, answer.json()["code"]) == (409, "unreadable")
    assert act(requester, claimed, "close", {"outcome": "declined"}, token).status == 200


@pytest.mark.parametrize("key", [None, 7, "", "AAAA", "!", "A" * 44])
def test_a_mailbox_key_of_no_use_does_not_hide_the_details(requester, key):
    """The request is read; only writing back is impossible, and says so."""
    assert submit(requester, requester.body({"details": DETAILS, "mailbox_key": key})).status == 201
    token, claimed = claim(requester)
    assert claimed["request"]["unreadable"] is None
    assert claimed["request"]["details"]["message"] == DETAILS["message"]
    answer = act(requester, claimed, "replies", {"text": "Hello"}, token)
    assert (answer.status, answer.json()["code"]) == (409, "unreadable")


# --- the mailbox, by lookup value


def test_sealed_messages_reach_the_desk_and_come_back(requester):
    """A message is read at the desk and, by its copy, in the mailbox; the server never had its words."""
    submit(requester)
    message = requester.message({"text": "a word more"})
    answer = requester.quietline.ask("POST", "/v1/mailbox/messages", message, headers=requester.mailbox)
    assert answer.status == 201
    assert requester.quietline.ask("POST", "/v1/mailbox/messages", message, headers=requester.mailbox).status == 201
    _, claimed = claim(requester)
    assert [each["text"] for each in claimed["request"]["messages"]] == ["a word more"]
    assert requester.read() == [{"text": "a word more"}]
    answer = requester.quietline.ask("GET", "/v1/mailbox", headers=requester.mailbox)
    (letter,) = answer.json()["messages"]
    assert sorted(letter) == ["at", "author", "message_id", "sealed"]
    assert letter["message_id"] == message["message_id"]


def test_a_message_id_counts_once_and_for_one_request(requester):
    """Other bytes under its id are told, never dropped; what is bound to another request is refused."""
    submit(requester)
    first = requester.message({"text": "one"})
    other = Requester(requester.quietline)
    elsewhere = other.message({"text": "elsewhere"})
    for body, code in (
        (first, None),
        (requester.message({"text": "two"}, first["message_id"]), "key-reused"),
        (elsewhere, "sealed-elsewhere"),
    ):
        answer = requester.quietline.ask("POST", "/v1/mailbox/messages", body, headers=requester.mailbox)
        assert answer.status == (201 if code is None else 409)
        assert answer.json().get("code") == code
    assert requester.read() == [{"text": "one"}]


@pytest.mark.parametrize(
    "content",
    [
        {"text": 7},
        {"text": ""},
        {"text": "x" * 3001},
        {"text": "heron", "signposts": ["childline"]},
        {"text": "heron", "agreed_actions": ["Ring the press"]},
        ["heron"],
        b"heron",
        b"\xff",
        b"[" * 9000,
        b'{"text": "\\ud800"}',
    ],
)
def test_a_message_of_another_form_is_marked_and_shown_as_text(requester, content):
    """It cannot pass for a practitioner's letter, with signposts or agreed actions, and it stops nobody's work."""
    submit(requester)
    body = requester.message(content)
    assert requester.quietline.ask("POST", "/v1/mailbox/messages", body, headers=requester.mailbox).status == 201
    token, claimed = claim(requester)
    (letter,) = claimed["request"]["messages"]
    assert letter["code"] == "invalid"
    assert isinstance(letter["text"], str)
    assert "signposts" not in letter
    assert "agreed_actions" not in letter
    answer = requester.quietline.ask("GET", "/v1/mailbox", receipt=requester.receipt.code)
    assert [each["code"] for each in answer.json()["messages"]] == ["invalid"]
    assert act(requester, claimed, "replies", {"text": "Thank you."}, token).status == 201


def test_an_odd_message_is_cut_to_the_length_of_a_message(requester):
    """A mailbox full of the largest that can be sealed must still fit into the answer of one claim."""
    submit(requester)
    body = requester.message(json.dumps({"text": "\x7f" * 12_000}, ensure_ascii=False).encode())
    assert requester.quietline.ask("POST", "/v1/mailbox/messages", body, headers=requester.mailbox).status == 201
    _, claimed = claim(requester)
    (letter,) = claimed["request"]["messages"]
    assert letter["code"] == "invalid"
    assert 0 < len(letter["text"]) <= 3000


def test_a_long_message_in_any_script_fits(requester):
    """Three thousand characters of four bytes each, sealed twice, are taken; a plain body of that size is not."""
    submit(requester)
    words = "\U0001f5dd" * 3000
    body = requester.message(json.dumps({"text": words}, ensure_ascii=False).encode())
    assert requester.quietline.ask("POST", "/v1/mailbox/messages", body, headers=requester.mailbox).status == 201
    assert requester.read() == [{"text": words}]
    _, claimed = claim(requester)
    assert [letter["text"] for letter in claimed["request"]["messages"]] == [words]
    form = {"lookup": encode(requester.receipt.lookup), "action": "message"}
    sealed = {"sealed": json.dumps(requester.message(json.dumps({"text": words}, ensure_ascii=False).encode()))}
    assert requester.quietline.ask("POST", "/mailbox", form=form | sealed).status == 201
    plain = requester.quietline.ask("POST", "/v1/mailbox/messages", {"text": "x" * 40_000}, headers=requester.mailbox)
    assert plain.status == 413
    assert requester.quietline.ask("POST", "/mailbox", form=form | {"text": "x" * 40_000}).status == 413


def test_every_mailbox_route_takes_the_lookup_value(requester):
    """Read, write in the clear, choose a slot, withdraw: and then it opens nothing any more."""
    submit(requester)
    ask = requester.quietline.ask
    assert ask("GET", "/v1/mailbox", headers=requester.mailbox).json()["status"] == "waiting"
    assert ask("POST", "/v1/mailbox/messages", {"text": "plain"}, headers=requester.mailbox).status == 201
    chosen = ask("PUT", "/v1/mailbox/slot", {"slot": "2026-11-25T10:00Z/2h"}, headers=requester.mailbox)
    assert chosen.json()["slot"]["id"] == "2026-11-25T10:00Z/2h"
    _, claimed = claim(requester)
    assert [each["text"] for each in claimed["request"]["messages"]] == ["plain"]
    assert requester.read() == []  # what was written in the clear has no copy: there was no key to make one with
    assert ask("DELETE", "/v1/mailbox", headers=requester.mailbox).status == 204
    assert ask("GET", "/v1/mailbox", headers=requester.mailbox).status == 404
    assert ask("GET", "/v1/mailbox", receipt=requester.receipt.code).status == 404


def test_wrong_lookups_and_wrong_receipts_are_answered_alike(requester):
    """Unknown, malformed, withdrawn: one status and one body, whichever way it was shown."""
    ask = requester.quietline.ask
    submit(requester)
    ask("DELETE", "/v1/mailbox", headers=requester.mailbox)
    shown = [
        requester.mailbox["Authorization"],
        f"Receipt {requester.receipt.shown}",
        "Mailbox " + "A" * 43,
        "Mailbox nonsense!",
        "Mailbox \u00e9",
        "mailbox " + "A" * 500,
        "Receipt ZZZZZ",
    ]
    answers = [ask("GET", "/v1/mailbox", headers={"Authorization": each}) for each in shown]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    missing = ask("GET", "/v1/mailbox", headers={"Authorization": "Mailbox "})
    assert (missing.status, missing.json()["code"]) == (401, "receipt-missing")
    assert missing.headers["www-authenticate"] == "Receipt, Mailbox"


def test_the_mailbox_page_takes_the_lookup_value_and_shows_what_is_sealed(requester):
    """The page that the script asks for holds ciphertext and no receipt; a sealed message may be posted to it."""
    submit(requester)
    lookup = {"lookup": encode(requester.receipt.lookup)}
    sealed = {"action": "message", "sealed": json.dumps(requester.message({"text": "a grey heron"}))}
    page = requester.quietline.ask("POST", "/mailbox", form={**lookup, **sealed})
    assert page.status == 201
    assert b"data-sealed=" in page.body
    assert b"grey heron" not in page.body  # a word alone, or a group of the receipt, stands in ciphertext by chance
    assert requester.receipt.code[:10].encode() not in page.body
    assert requester.receipt.shown[:11].encode() not in page.body
    assert requester.read() == [{"text": "a grey heron"}]
    broken = requester.quietline.ask("POST", "/mailbox", form={**lookup, "action": "message", "sealed": "{}"})
    assert broken.status == 422
    assert requester.quietline.ask("POST", "/mailbox", form={"lookup": "A" * 43}).status == 404


# --- keys over HTTP


def keys_command(quietline, *arguments):
    """Run the command behind `make rotate` and `make recover` on the server's home."""
    return subprocess.run(
        [sys.executable, "-m", "chalicelib.local.keys", *arguments],
        cwd=ROOT,
        env={"QUIETLINE_HOME": str(quietline.home), "PATH": "/usr/bin:/bin", "QUIETLINE_CLOCK": "2026-11-24T18:06:00Z"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_rotation_without_downtime(alone):
    """A running server seals to the new key at once; requests from before, and from pages of before, still open."""
    quietline = alone.quietline
    before = quietline.ask("GET", "/v1/keys").json()["keys"]
    assert submit(alone).status == 201
    late = Requester(quietline)
    held_back = late.body()
    plain = quietline.ask("POST", "/v1/callbacks", {"statement_version": "2026-11", "details": DETAILS}).json()
    ran = keys_command(quietline, "rotate")
    assert ran.returncode == 0, ran.stderr
    after = quietline.ask("GET", "/v1/keys").json()["keys"]
    assert after[0]["key_id"] in ran.stdout
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert submit(late, held_back).status == 201
    new = Requester(quietline)
    assert submit(new).status == 201
    token = quietline.token("practitioner", "alex")
    opened = {}
    for _ in range(4):
        claimed = quietline.ask("POST", "/v1/desk/claims", {}, token=token).json()
        opened[claimed["claim"]["request_id"]] = claimed["request"]["details"]["message"]
    ids = {alone.request_id, late.request_id, new.request_id, plain["request_id"]}
    assert opened == dict.fromkeys(ids, DETAILS["message"])
    assert quietline.ask("GET", "/health").json()["parts"]["opening"] == "ok"


def test_a_damaged_key_fails_closed_with_one_sentence_and_everything_else_goes_on(alone):
    """Intake and mailbox work, the desk says `key-missing` and claims nothing, the ciphertext waits for the key."""
    quietline = alone.quietline
    assert submit(alone).status == 201
    token = quietline.token("practitioner", "alex")
    current = quietline.ask("GET", "/v1/keys").json()["keys"][0]["key_id"]
    ran = keys_command(quietline, "rotate")  # the server has not used the new key yet, and will not find it whole
    assert ran.returncode == 0
    new = quietline.ask("GET", "/v1/keys").json()["keys"][0]["key_id"]
    path = quietline.home / "keys" / f"{new}.pem"
    pem = path.read_bytes()
    path.write_bytes(b"damaged")
    later = Requester(quietline)
    assert submit(later).status == 201
    refused = quietline.ask("POST", "/v1/desk/claims", {}, token=token)
    assert (refused.status, refused.json()["code"]) == (503, "key-missing")
    assert refused.json()["detail"]
    health = quietline.ask("GET", "/health")
    assert (health.status, health.json()["parts"]["opening"]) == (200, "key-missing")
    assert "key" in health.json()["detail"]
    assert quietline.ask("GET", "/v1/mailbox", headers=alone.mailbox).json()["status"] == "waiting"
    path.write_bytes(pem)
    assert "detail" not in quietline.ask("GET", "/health").json()
    taken = {quietline.ask("POST", "/v1/desk/claims", {}, token=token).json()["claim"]["request_id"] for _ in range(2)}
    assert taken == {alone.request_id, later.request_id}
    assert current != new


def test_the_recovery_key_opens_one_request_and_the_trail_says_so(alone, tmp_path):
    """From the file where it was kept, after it was moved away; the first start had said to move it."""
    quietline = alone.quietline
    submit(alone)
    keys = KeyFiles(quietline.home / "keys", may_make=lambda: False)
    (name,) = keys.recovery_keys_here()
    kept = (quietline.home / "keys" / name).rename(tmp_path / "kept.pem")
    assert submit(Requester(quietline)).status == 201
    asked = ["recover", "--key", str(kept), "--request", alone.request_id, "--by", "sam"]
    ran = keys_command(quietline, *asked)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["details"]["message"] == DETAILS["message"]
    assert encode(alone.receipt.mailbox_key) not in ran.stdout
    trail = quietline.ask("GET", "/v1/desk/audit", token=quietline.token("auditor", "ash")).json()
    assert trail["verified"]
    assert [(each["actor"], each["request_id"]) for each in trail["entries"] if each["verb"] == "recover"] == [
        ("sam", alone.request_id)
    ]
    unknown = keys_command(quietline, "recover", "--key", str(kept), "--request", "A" * 43, "--by", "sam")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert len(unknown.stderr.splitlines()) == 1
    desk_key = quietline.ask("GET", "/v1/keys").json()["keys"][0]["key_id"]
    foreign = ["--key", str(quietline.home / "keys" / f"{desk_key}.pem"), "--request", alone.request_id]
    told = keys_command(quietline, "recover", *foreign, "--by", "sam")
    assert json.loads(told.stdout)["unreadable"] == "key-missing"
