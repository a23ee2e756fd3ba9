"""The main job over real HTTP: asked, claimed, answered, read and withdrawn; every answer is held to the contract."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from http.client import HTTPConnection
from pathlib import Path

import engines
import pytest
from real_server import PHONE, ROOT, TUESDAY_EVENING, Contract, eventually, later, running

from chalicelib.domain.access import ROLES, SIGN_IN_ROLES
from chalicelib.domain.partners import new_key
from chalicelib.http.contract import operations

EVENING = "2026-11-24T18:00Z/2h"
TOMORROW = "2026-11-25T10:00Z/2h"
NOBODYS = "00000-00000-00000-00000-000000"
RECEIPT = re.compile(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){3}-[0-9A-Z]{6}")
GOOD_KEY = "a-good-key-0123456789"


def callback(**changes):
    """Write the body of a callback, as a person in Salford would mean it."""
    details = {
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "name": "Sam",
        "message": "I would like to talk.",
        "safety": {"voicemail": "never", "code_word": "bluebell"},
        **changes.pop("details", {}),
    }
    return {"statement_version": "2026-11", "details": details, "slot": EVENING, **changes}


def information(**changes):
    """Write the body of an information request."""
    details = {"concern": "someone-else", "message": "Where can I read more?", **changes.pop("details", {})}
    return {"statement_version": "2026-11", "details": details, **changes}


def form(**changes):
    """Write a plain form, as a browser posts it."""
    return {
        "statement_version": "2026-11",
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "voicemail": "never",
        "message": "Please ring",
        **changes,
    }


def submitted(quietline, body=None, path="/v1/callbacks", **options):
    """Submit, and give the answer that was promised."""
    answer = quietline.ask("POST", path, body or callback(), **options)
    assert answer.status == 201, answer.body
    return answer.json()


def claimed(quietline, token, **asked):
    """Claim, and give what was handed out."""
    answer = quietline.ask("POST", "/v1/desk/claims", asked, token=token)
    assert answer.status == 201, answer.body
    return answer.json()


def problem(answer, status, code, pointer=None):
    """Make sure of a problem: its code, its place, and another way to reach help."""
    assert answer.status == status, answer.body
    assert answer.media == "application/problem+json"
    said = answer.json()
    assert said["status"] == status
    assert said["code"] == code
    assert said["type"].endswith(code)
    assert said["helpline"]["phone"] == PHONE
    assert said["helpline"]["hours"]
    if pointer is not None:
        assert pointer in [error["pointer"] for error in said["errors"]]
    return said


# ---------------------------------------------------------------- the job itself


def test_a_callback_goes_all_the_way(quietline):
    """A callback is claimed, answered, read, answered back, missed, offered a new slot and withdrawn, all over HTTP."""
    accepted = submitted(quietline)
    assert RECEIPT.fullmatch(accepted["receipt"])
    assert accepted["status"] == "waiting"
    assert accepted["due"] == {"by": "2026-11-24T20:00:00Z", "local": "Tuesday 24 November, 6pm to 8pm"}
    assert accepted["line"]["open_now"] is True
    receipt, token = accepted["receipt"], quietline.token("practitioner", "alex")

    taken = claimed(quietline, token)
    request_id, number = taken["claim"]["request_id"], taken["claim"]["number"]
    assert request_id == accepted["request_id"]
    assert taken["request"]["details"]["phone"] == "07700 900123"
    assert taken["request"]["details"]["safety"]["code_word"] == "bluebell"
    assert taken["request"]["may_ring_now"] is True
    held = quietline.ask("GET", "/v1/desk/claims", token=token).json()["claims"]
    assert [each["reference"] for each in held] == [accepted["reference"]]

    base = f"/v1/desk/claims/{request_id}"
    reply = {"number": number, "text": "Thank you for writing.", "signposts": ["childline"]}
    assert quietline.ask("POST", f"{base}/replies", reply, token=token).status == 201
    mailbox = quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()
    assert mailbox["status"] == "claimed"
    assert mailbox["messages"][0]["text"] == "Thank you for writing."
    assert mailbox["messages"][0]["signposts"][0]["name"] == "Childline"
    assert quietline.ask("POST", "/v1/mailbox/messages", {"text": "Good."}, receipt=receipt).status == 201

    close = {"number": number, "outcome": "answered"}
    problem(quietline.ask("POST", f"{base}/close", close, token=token), 409, "unread-message")
    again = claimed(quietline, token, reference=taken["request"]["reference"])
    assert again["claim"]["number"] == number
    assert again["request"]["messages"][-1]["text"] == "Good."

    tried = quietline.ask("POST", f"{base}/attempts", {"number": number, "result": "no-answer"}, token=token).json()
    assert (tried["status"], tried["outcome"], tried["attempts"]) == ("closed", "unreachable", 1)
    mailbox = quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()
    assert [letter["author"] for letter in mailbox["messages"]] == ["helpline", "requester", "helpline"]
    assert mailbox["messages"][-1]["code"] == "unreachable"

    chosen = quietline.ask("PUT", "/v1/mailbox/slot", {"slot": TOMORROW}, receipt=receipt).json()
    assert chosen["status"] == "waiting"
    assert chosen["slot"]["id"] == TOMORROW
    assert quietline.ask("POST", "/v1/desk/claims", {}, token=token).status == 204

    assert quietline.ask("DELETE", "/v1/mailbox", receipt=receipt).status == 204
    gone = quietline.ask("GET", "/v1/mailbox", receipt=receipt)
    problem(gone, 404, "receipt-unknown")
    assert quietline.ask("GET", "/v1/mailbox", receipt=NOBODYS).body == gone.body
    problem(quietline.ask("DELETE", "/v1/mailbox", receipt=receipt), 404, "receipt-unknown")


def test_an_information_request_is_answered_in_the_mailbox(quietline):
    """An information request is due three working days on, is answered and closed, and asked to go out by e-mail."""
    accepted = submitted(quietline, information(details={"email": "sam@example.org"}), "/v1/information-requests")
    assert accepted["due"]["by"] == "2026-11-27T18:00:00Z"
    token = quietline.token("practitioner")
    taken = claimed(quietline, token, kinds=["information"])
    number, base = taken["claim"]["number"], f"/v1/desk/claims/{taken['claim']['request_id']}"
    reply = {"number": number, "text": "Here is what you asked for.", "by_email": True}
    assert quietline.ask("POST", f"{base}/replies", reply, token=token).json()["emailed"] is True
    (mail,) = (quietline.home / "outbox").glob("*.eml")
    assert "To: sam@example.org" in mail.read_text()
    close = {"number": number, "outcome": "signposted", "agreed_actions": ["Read the page"], "signposts": ["get-help"]}
    assert quietline.ask("POST", f"{base}/close", close, token=token).json()["outcome"] == "signposted"
    mailbox = quietline.ask("GET", "/v1/mailbox", receipt=accepted["receipt"]).json()
    assert mailbox["status"] == "closed"
    assert mailbox["messages"][1]["agreed_actions"] == ["Read the page"]
    problem(
        quietline.ask("PUT", "/v1/mailbox/slot", {"slot": TOMORROW}, receipt=accepted["receipt"]),
        409,
        "not-a-callback",
    )
    again = quietline.ask("POST", "/v1/mailbox/messages", {"text": "One more thing"}, receipt=accepted["receipt"])
    assert again.json()["status"] == "waiting"


@pytest.mark.parametrize("language", ["en", "cy"])
def test_mail_speaks_the_language_of_the_request(quietline, language):
    """Somebody who asked in Welsh gets the neutral subject in Welsh, and links by their Welsh names."""
    asked = information(language=language, details={"email": "sam@example.org"})
    submitted(quietline, asked, "/v1/information-requests")
    token = quietline.token("practitioner")
    claim = claimed(quietline, token)["claim"]
    reply = {"number": claim["number"], "text": "Dyma ni.", "by_email": True, "signposts": ["get-help"]}
    base = f"/v1/desk/claims/{claim['request_id']}"
    assert quietline.ask("POST", f"{base}/replies", reply, token=token).json()["emailed"] is True
    (file,) = (quietline.home / "outbox").glob("*.eml")
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    helpline = tomllib.loads((ROOT / "chalicelib/content/helpline.toml").read_text())
    assert mail["Subject"] == helpline["mail"]["subject"][language]
    signposts = map(json.loads, (path.read_text() for path in (ROOT / "chalicelib/content/signposts").glob("*.json")))
    names = next(each["name"] for each in signposts if each["id"] == "get-help")
    assert names["en"] != names["cy"]
    assert names[language] in mail.get_content()


def test_what_expired_while_the_server_was_off_is_gone_once_it_is_on(tmp_path):
    """The round runs at start-up: nobody waits an hour for it, and nothing of the request is left in the database."""
    home, contract = tmp_path / "home", Contract()
    with running(home, contract) as quietline:
        accepted = submitted(quietline)
        database = sqlite3.connect(home / "quietline.db")
        ids = "SELECT request_id FROM requests UNION ALL SELECT request_id FROM contents"
        assert database.execute(ids).fetchall() == [(accepted["request_id"],)] * 2
    with running(home, contract, clock="2027-02-23T18:05:00Z") as quietline:
        assert database.execute(ids).fetchall() == []
        (erasure,) = quietline.ask("GET", "/v1/desk/erasures", token=quietline.token("auditor")).json()["erasures"]
        assert (erasure["request_id"], erasure["because"]) == (accepted["request_id"], "expired")
    database.close()


def test_a_receipt_is_read_as_people_write_it(shared_quietline):
    """Lower case, spaces in place of dashes, O for 0 and I for 1 still open the mailbox."""
    receipt = submitted(shared_quietline)["receipt"]
    written = receipt.lower().replace("-", " ").replace("0", "o").replace("1", "i")
    assert shared_quietline.ask("GET", "/v1/mailbox", receipt=written).status == 200


def test_a_plain_form_gets_a_page_or_json(shared_quietline):
    """A form post is accepted like JSON, and answered as `Accept` asks: a page that shows the receipt, or JSON."""
    answer = shared_quietline.ask("POST", "/v1/callbacks", form=form(slot=TOMORROW), headers={"Accept": "text/html"})
    assert (answer.status, answer.media) == (201, "text/html")
    receipt = RECEIPT.search(answer.body.decode().replace("<wbr>", ""))[0]
    assert shared_quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()["slot"]["id"] == TOMORROW
    assert answer.headers["cache-control"] == "no-store"
    json_answer = shared_quietline.ask("POST", "/v1/callbacks", form=form(also=[TOMORROW, EVENING], slot=EVENING))
    assert json_answer.status == 201
    assert RECEIPT.fullmatch(json_answer.json()["receipt"])


def test_a_form_with_errors_points_at_its_own_fields(shared_quietline):
    """A wrong form gets its fields back on the page, and their leaf names as pointers in JSON."""
    wrong = form(voicemail="maybe", phone="")
    page = shared_quietline.ask("POST", "/v1/callbacks", form=wrong, headers={"Accept": "text/html"})
    assert (page.status, page.headers["cache-control"]) == (422, "no-store")
    assert b"Please ring" in page.body
    said = problem(shared_quietline.ask("POST", "/v1/callbacks", form=wrong), 422, "invalid", "/voicemail")
    assert {"pointer": "/phone", "code": "required"} in said["errors"]
    impossible = shared_quietline.ask("POST", "/v1/callbacks", form=form(phone="123"))
    problem(impossible, 409, "impossible-phone", "/phone")


def test_the_mailbox_page_does_the_whole_job_without_javascript(quietline):
    """Through forms alone a requester reads, writes, chooses a slot and withdraws; the receipt is in no address."""
    receipt = submitted(quietline)["receipt"]

    def post(**fields):
        return quietline.ask("POST", "/mailbox", form=fields, headers={"Accept": "text/html"})

    assert post(receipt=receipt).status == 200
    written = post(receipt=receipt, action="message", text="From the page")
    assert written.status == 201
    assert b"From the page" in written.body
    assert post(receipt=receipt, action="slot", slot=TOMORROW).status == 200
    assert post(receipt=receipt, action="slot", slot="2026-11-29T10:00Z/2h").status == 409
    assert post(receipt=receipt, action="withdraw").status == 422
    assert post(receipt=receipt, action="withdraw", confirm="yes").status == 200
    assert post(receipt=receipt).status == 404
    assert post(action="read").status == 422
    json_post = quietline.ask("POST", "/mailbox", {"receipt": receipt}, headers={"Accept": "text/html"})
    assert json_post.status == 415


# ---------------------------------------------------------------- repeats


def test_the_same_key_and_body_get_the_same_answer(shared_quietline):
    """A repeat whose first answer was lost gets it again, receipt included; another body under the key is 409."""
    key = {"Idempotency-Key": GOOD_KEY}
    first = shared_quietline.ask("POST", "/v1/callbacks", callback(), headers=key)
    again = shared_quietline.ask("POST", "/v1/callbacks", callback(), headers=key)
    assert again.body == first.body
    other = shared_quietline.ask("POST", "/v1/callbacks", callback(language="cy"), headers=key)
    problem(other, 409, "key-reused")
    other_kind = shared_quietline.ask("POST", "/v1/information-requests", information(), headers=key)
    problem(other_kind, 409, "key-reused")


def test_twenty_repeats_at_once_are_one_request(quietline):
    """However many repeats arrive at the same moment, they are one request with one receipt."""
    key = {"Idempotency-Key": "b" * 16}
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: quietline.ask("POST", "/v1/callbacks", callback(), headers=key).body, range(20))
        )
    assert len(set(answers)) == 1
    lanes = quietline.ask("GET", "/v1/desk/queue", token=quietline.token("practitioner")).json()["lanes"]
    assert [lane["waiting"] for lane in lanes] == [1]


@pytest.mark.parametrize("key", ["short", "k" * 256, "with a space in the key"])
def test_a_bad_idempotency_key_is_refused(shared_quietline, key):
    """A key that is too short, too long or has spaces is 400, on JSON and on forms."""
    answer = shared_quietline.ask("POST", "/v1/callbacks", callback(), headers={"Idempotency-Key": key})
    problem(answer, 400, "idempotency-key", "/headers/idempotency-key")
    posted = shared_quietline.ask("POST", "/v1/callbacks", form=form(idempotency_key=key))
    problem(posted, 400, "idempotency-key", "/idempotency_key")


def test_a_form_may_carry_its_key_in_a_field_and_a_header(shared_quietline):
    """A form whose key stands in its own field is recognised when it is sent again; a header beside it counts more."""
    fields = form(idempotency_key="from-the-form-0001")
    first, again = (shared_quietline.ask("POST", "/v1/callbacks", form=fields).json() for _ in range(2))
    assert first["receipt"] == again["receipt"]
    both = {"Idempotency-Key": "from-the-header-0001"}
    answer = shared_quietline.ask("POST", "/v1/callbacks", form=fields, headers=both)
    assert answer.status == 201
    assert answer.json()["receipt"] != first["receipt"]


def test_a_repeated_message_is_kept_once(quietline):
    """A message sent again under its key stands in the mailbox once."""
    receipt = submitted(quietline)["receipt"]
    for _ in range(2):
        answer = quietline.ask(
            "POST", "/v1/mailbox/messages", {"text": "Hello"}, receipt=receipt, headers={"Idempotency-Key": GOOD_KEY}
        )
        assert answer.status == 201
    assert len(quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()["messages"]) == 1


def test_another_message_under_the_same_key_is_not_lost(quietline):
    """A client that uses one key for two messages loses neither of them."""
    receipt = submitted(quietline)["receipt"]
    for text in ("Hello", "Something else"):
        key = {"Idempotency-Key": GOOD_KEY}
        assert quietline.ask("POST", "/v1/mailbox/messages", {"text": text}, receipt=receipt, headers=key).status == 201
    kept = quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()["messages"]
    assert [message["text"] for message in kept] == ["Hello", "Something else"]


# ---------------------------------------------------------------- what a schema cannot say


def test_an_old_statement_is_refused_with_the_new_one(shared_quietline):
    """Whoever acknowledged an old statement is shown the one in force, in their language, and can acknowledge it."""
    answer = shared_quietline.ask(
        "POST", "/v1/callbacks", callback(statement_version="2019-01"), headers={"Accept-Language": "cy"}
    )
    said = problem(answer, 409, "statement-outdated", "/statement_version")
    assert said["statement"]["language"] == "cy"
    version = said["statement"]["version"]
    assert submitted(shared_quietline, callback(statement_version=version))


def test_without_a_slot_the_next_open_window_counts(shared_quietline):
    """A requester who chooses no slot is promised the window that is open now."""
    body = callback()
    del body["slot"]
    assert submitted(shared_quietline, body)["due"]["by"] == "2026-11-24T20:00:00Z"


@pytest.mark.parametrize(
    "slot", ["2026-11-28T10:00Z/2h", "2026-11-23T10:00Z/2h", "2027-11-24T10:00Z/2h", "2026-12-25T10:00Z/2h"]
)
def test_a_slot_that_nobody_will_keep_is_refused(shared_quietline, slot):
    """A Saturday, yesterday, next year and Christmas Day are 409 for the first window and for further ones."""
    problem(shared_quietline.ask("POST", "/v1/callbacks", callback(slot=slot)), 409, "slot-closed", "/slot")
    also = shared_quietline.ask("POST", "/v1/callbacks", callback(also=[TOMORROW, slot]))
    problem(also, 409, "slot-closed", "/also/1")


@pytest.mark.parametrize("phone", ["123", "07700 900123 900123 900", "no number", "+999 12345678"])
def test_an_impossible_phone_is_refused(shared_quietline, phone):
    """A number that no telephone can have is 409 and points at the phone, without repeating it."""
    answer = shared_quietline.ask("POST", "/v1/callbacks", callback(details={"phone": phone}))
    problem(answer, 409, "impossible-phone", "/details/phone")
    assert phone.encode() not in answer.body


def test_a_foreign_number_is_kept_with_its_international_form(quietline):
    """A number from abroad is accepted, and the practitioner sees how to dial it."""
    submitted(quietline, callback(details={"phone": "+353 1 234 5678"}))
    details = claimed(quietline, quietline.token("practitioner"))["request"]["details"]
    assert details["phone"] == "+353 1 234 5678"
    assert details["phone_international"] == "+353 1 234 5678"


def test_a_full_slot_is_no_longer_offered(open_house):
    """A slot takes as many callbacks as the helpline can keep, then disappears from the list and is 409."""
    with open_house() as quietline:
        with ThreadPoolExecutor(8) as pool:
            statuses = list(
                pool.map(lambda _: quietline.ask("POST", "/v1/callbacks", callback(slot=TOMORROW)).status, range(124))
            )
        assert statuses.count(201) == 120
        assert statuses.count(409) == 4
        refused = quietline.ask("POST", "/v1/callbacks", callback(slot=TOMORROW))
        problem(refused, 409, "slot-full", "/slot")
        assert TOMORROW not in _slots(quietline)


def _slots(quietline, query="?days=3"):
    return [slot["id"] for slot in quietline.ask("GET", f"/v1/slots{query}").json()["slots"]]


# ---------------------------------------------------------------- what anybody may read


def test_slots_are_offered_in_the_helplines_hours(shared_quietline):
    """Slots lie inside opening hours, can be narrowed by day, and are said as people say them."""
    offered = shared_quietline.ask("GET", "/v1/slots?from=2026-11-27&days=1").json()["slots"]
    assert offered[0]["id"] == "2026-11-27T09:00Z/2h"
    assert offered[0]["local"] == "Friday 27 November, 9am to 11am"
    assert offered[-1]["id"] == "2026-11-27T15:00Z/2h"
    assert _slots(shared_quietline, "?from=2026-11-28&days=2") == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("days=0", "/days"),
        ("days=29", "/days"),
        ("days=x", "/days"),
        ("days=", "/days"),
        ("days=1&days=2", "/days"),
        ("from=tomorrow", "/from"),
        ("from=2026-13-01", "/from"),
        ("from=2026-11-24T18:00", "/from"),
        ("from=", "/from"),
    ],
)
def test_a_bad_query_is_400_with_its_place(shared_quietline, query, pointer):
    """A query parameter that cannot be read is 400 and names the parameter."""
    answer = shared_quietline.ask("GET", f"/v1/slots?{query}")
    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert answer.json()["helpline"]["phone"] == PHONE


@pytest.mark.parametrize("start", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00%2B14:00"])
def test_the_ends_of_time_are_no_accident(shared_quietline, start):
    """The first and last days of the calendar are answered, or refused as a bad parameter, never 500."""
    assert shared_quietline.ask("GET", f"/v1/slots?from={start}").status in (200, 400)


def test_the_helpline_says_when_it_is_closed(open_house):
    """Outside opening hours a request is accepted, and the answer says when the line opens."""
    with open_house("2026-12-24T22:00:00Z") as quietline:
        line = submitted(quietline, {**callback(), "slot": "2026-12-29T10:00Z/2h"})["line"]
        assert line["open_now"] is False
        assert line["opens_at"] == "2026-12-29T09:00:00Z"  # Christmas, Boxing Day's substitute, a weekend between
        assert line["opens_local"] == "Tuesday 29 December, 9am"
        about = quietline.ask("GET", "/v1/helpline").json()
        assert about["open_now"] is False
        assert "999" in about["emergency"]


def test_welsh_is_spoken_when_asked_for(shared_quietline):
    """`Accept-Language` and `lang=` both bring Welsh, `lang=` first, in answers, problems and pages."""
    welsh = {"Accept-Language": "cy, en;q=0.5"}
    statement = shared_quietline.ask("GET", "/v1/statement", headers=welsh)
    assert (statement.json()["language"], statement.headers["content-language"]) == ("cy", "cy")
    assert shared_quietline.ask("GET", "/v1/statement?lang=en", headers=welsh).json()["language"] == "en"
    assert shared_quietline.ask("GET", "/v1/statement?language=cy").json()["language"] == "cy"
    assert shared_quietline.ask("GET", "/v1/statement?lang=fr").json()["language"] == "en"
    due = submitted(shared_quietline, headers=welsh)["due"]["local"]
    assert due == "Dydd Mawrth 24 Tachwedd, 6pm tan 8pm"
    english = shared_quietline.ask("GET", "/v1/mailbox", receipt=NOBODYS)
    for options in ({"headers": welsh}, {}):
        path = "/v1/mailbox" if options else "/v1/mailbox?lang=cy"
        said = problem(shared_quietline.ask("GET", path, receipt=NOBODYS, **options), 404, "receipt-unknown")
        assert said["title"] != english.json()["title"]
        assert "ddydd" in said["helpline"]["hours"]
    for path in ("/", "/request", "/mailbox"):
        assert b'<html lang="cy"' in shared_quietline.ask("GET", f"{path}?lang=cy").body
        assert b'<html lang="en"' in shared_quietline.ask("GET", path).body


def test_a_signpost_is_fetched_again_only_if_it_changed(shared_quietline):
    """A partner site that holds the ETag is answered 304 without a body."""
    for path in ("/v1/signposts", "/v1/signposts/childline"):
        first = shared_quietline.ask("GET", path)
        again = shared_quietline.ask("GET", path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
    found = shared_quietline.ask("POST", "/v1/signposts/search", {"q": "childline"})
    assert found.json()["signposts"][0]["id"] == "childline"
    assert found.headers["cache-control"] == "no-store"
    problem(shared_quietline.ask("GET", "/v1/signposts/none-such"), 404, "signpost-unknown")


def test_the_contract_is_served_as_committed(shared_quietline):
    """`/openapi.json` is the committed file, byte for byte."""
    served = shared_quietline.ask("GET", "/openapi.json")
    assert served.body == (ROOT / "chalicelib/http/openapi.json").read_bytes()


# ---------------------------------------------------------------- the desk


def test_a_caller_is_found_by_the_reference(quietline):
    """A practitioner claims the very request whose reference the caller says, however it is written."""
    submitted(quietline)
    second = submitted(quietline, callback(slot=TOMORROW))
    spoken = second["reference"].upper().replace("-", "  ")
    token = quietline.token("practitioner")
    taken = claimed(quietline, token, reference=spoken)
    assert taken["claim"]["request_id"] == second["request_id"]
    assert taken["request"]["may_ring_now"] is False
    assert claimed(quietline, token, reference=spoken)["claim"]["number"] == taken["claim"]["number"]
    colleague = quietline.ask(
        "POST", "/v1/desk/claims", {"reference": spoken}, token=quietline.token("practitioner", "kim")
    )
    problem(colleague, 409, "claimed-by-colleague")
    assert quietline.ask("POST", "/v1/desk/claims", {"reference": "no-such"}, token=token).status == 204


def test_a_practitioner_holds_no_more_than_the_limit(open_house):
    """Past the limit a claim is 409; giving one back makes room; a colleague is not concerned."""
    with open_house(QUIETLINE_CLAIM_LIMIT="2") as quietline:
        for _ in range(4):
            submitted(quietline)
        token = quietline.token("practitioner", "alex")
        held = [claimed(quietline, token)["claim"] for _ in range(2)]
        problem(quietline.ask("POST", "/v1/desk/claims", {}, token=token), 409, "claim-limit")
        assert claimed(quietline, quietline.token("practitioner", "kim"))
        released = quietline.ask(
            "POST",
            f"/v1/desk/claims/{held[0]['request_id']}/release",
            {"number": held[0]["number"], "reason": "My shift ends."},
            token=token,
        )
        assert released.json()["status"] == "waiting"
        again = claimed(quietline, token)
        assert again["claim"]["request_id"] == held[0]["request_id"]
        assert again["claim"]["number"] == held[0]["number"] + 1
        assert again["request"]["notes"][0]["text"] == "My shift ends."


def test_a_claim_whose_answer_was_lost_is_recognised(quietline):
    """The same claim sent again under its key hands out the same request, not another one."""
    submitted(quietline)
    submitted(quietline)
    token, key = quietline.token("practitioner"), {"Idempotency-Key": GOOD_KEY}
    first, again = (quietline.ask("POST", "/v1/desk/claims", {}, token=token, headers=key).json() for _ in range(2))
    assert first["claim"]["request_id"] == again["claim"]["request_id"]
    assert first["claim"]["number"] == again["claim"]["number"]


def test_lanes_keep_to_kind_and_language(quietline):
    """A practitioner is handed only what they can serve; the queue counts each lane."""
    submitted(quietline, information(language="cy"), "/v1/information-requests")
    submitted(quietline, callback(language="pl"))
    token = quietline.token("practitioner")
    assert quietline.ask("POST", "/v1/desk/claims", {"kinds": ["referral"]}, token=token).status == 204
    asked = {"kinds": ["callback"], "languages": ["cy"]}
    assert quietline.ask("POST", "/v1/desk/claims", asked, token=token).status == 204
    lanes = quietline.ask("GET", "/v1/desk/queue", token=token).json()["lanes"]
    assert {(lane["kind"], lane["language"], lane["waiting"]) for lane in lanes if lane["waiting"]} == {
        ("callback", "en", 1),
        ("information", "cy", 1),
    }
    welsh = claimed(quietline, token, languages=["cy"])["request"]
    assert (welsh["kind"], welsh["language"], welsh["interpreter"]) == ("information", "cy", False)
    polish = claimed(quietline, token, languages=["en"])["request"]
    assert (polish["language"], polish["interpreter"]) == ("pl", True)


def test_nothing_claimable_is_204(quietline):
    """An empty queue, and one whose only callback is tomorrow, are 204, also without a body."""
    token = quietline.token("practitioner")
    assert quietline.ask("POST", "/v1/desk/claims", {}, token=token).status == 204
    submitted(quietline, callback(slot=TOMORROW))
    assert quietline.ask("POST", "/v1/desk/claims", token=token).status == 204


def test_late_work_is_refused(quietline):
    """After a colleague has taken over, every write under the old number, or a made-up one, is 409 and does nothing."""
    receipt = submitted(quietline)["receipt"]
    alex, kim = quietline.token("practitioner", "alex"), quietline.token("practitioner", "kim")
    old = claimed(quietline, alex)["claim"]
    base = f"/v1/desk/claims/{old['request_id']}"
    freed = quietline.ask("POST", f"{base}/force-release", token=quietline.token("supervisor"))
    assert freed.json()["status"] == "waiting"
    new = claimed(quietline, kim)["claim"]
    assert new["number"] == old["number"] + 1
    late = {
        "renew": {},
        "release": {"reason": "late"},
        "attempts": {"result": "no-answer"},
        "replies": {"text": "late"},
        "notes": {"text": "late"},
        "close": {"outcome": "answered"},
    }
    for verb, body in late.items():
        for token, number in ((alex, old["number"]), (alex, new["number"]), (kim, 0), (kim, -(10**40)), (kim, 10**40)):
            answer = quietline.ask("POST", f"{base}/{verb}", {"number": number, **body}, token=token)
            problem(answer, 409, "claim-lost", "/number")
    problem(
        quietline.ask("POST", "/v1/desk/claims/nobodys/renew", {"number": 1}, token=kim), 409, "claim-lost", "/number"
    )
    assert quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()["messages"] == []
    renewed = quietline.ask("POST", f"{base}/renew", {"number": float(new["number"]), "lease_minutes": 60}, token=kim)
    assert renewed.json()["claim"]["lease_until"] > new["lease_until"]


def test_notes_reach_the_colleague_and_nobody_else(quietline):
    """A note is read by whoever claims next, and never in the mailbox."""
    receipt = submitted(quietline)["receipt"]
    alex = quietline.token("practitioner", "alex")
    held = claimed(quietline, alex)["claim"]
    base = f"/v1/desk/claims/{held['request_id']}"
    note = {"number": held["number"], "text": "Prefers evenings"}
    assert quietline.ask("POST", f"{base}/notes", note, token=alex).status == 201
    assert quietline.ask("POST", f"{base}/release", {"number": held["number"]}, token=alex).status == 200
    assert claimed(quietline, quietline.token("practitioner", "kim"))["request"]["notes"][0]["text"] == note["text"]
    assert b"evenings" not in quietline.ask("GET", "/v1/mailbox", receipt=receipt).body


def test_what_cannot_be_answered_is_said(quietline):
    """A reply with an unknown signpost, by e-mail to nobody, and an attempt on a question in writing are 409."""
    submitted(quietline, information(), "/v1/information-requests")
    token = quietline.token("practitioner")
    held = claimed(quietline, token)["claim"]
    base, number = f"/v1/desk/claims/{held['request_id']}", held["number"]
    reply = {"number": number, "text": "x", "signposts": ["childline", "none-such"]}
    problem(quietline.ask("POST", f"{base}/replies", reply, token=token), 409, "signpost-unknown", "/signposts/1")
    mail = {"number": number, "text": "x", "by_email": True}
    problem(quietline.ask("POST", f"{base}/replies", mail, token=token), 409, "no-email", "/by_email")
    rung = {"number": number, "result": "voicemail"}
    problem(quietline.ask("POST", f"{base}/attempts", rung, token=token), 409, "not-a-callback")


def test_a_request_that_everybody_drops_is_parked_for_a_supervisor(open_house):
    """Five lapsed leases park a request; a supervisor sees it and puts it back; the requester sees it waiting."""
    clock = TUESDAY_EVENING
    with open_house(clock) as quietline:
        receipt = submitted(quietline)["receipt"]
    for number in range(1, 6):
        with open_house(clock) as quietline:
            taken = claimed(quietline, quietline.token("practitioner", f"p{number}"), lease_minutes=1)
            assert (taken["claim"]["number"], taken["request"]["lapses"]) == (number, number - 1)
            request_id = taken["claim"]["request_id"]
        clock = later(clock, 5)
    with open_house(clock) as quietline:
        token, boss = quietline.token("practitioner"), quietline.token("supervisor")
        problem(quietline.ask("POST", f"/v1/desk/parked/{request_id}/release", token=boss), 409, "not-parked")
        assert quietline.ask("POST", "/v1/desk/claims", {}, token=token).status == 204
        aside = quietline.ask("GET", "/v1/desk/parked", token=boss).json()
        assert [(head["request_id"], head["lapses"]) for head in aside["parked"]] == [(request_id, 5)]
        assert quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()["status"] == "waiting"
        freed = quietline.ask("POST", f"/v1/desk/parked/{request_id}/release", token=boss)
        assert freed.json()["status"] == "waiting"
        assert claimed(quietline, token)["claim"]["number"] == 6
        problem(quietline.ask("POST", "/v1/desk/parked/nobodys/release", token=boss), 404, "request-unknown")
        problem(quietline.ask("POST", "/v1/desk/claims/nobodys/force-release", token=boss), 404, "request-unknown")


def test_a_supervisor_closes_the_line(quietline):
    """While the line is closed no slot is offered, none is accepted, and the answer says when it opens again."""
    boss = quietline.token("supervisor")
    span = {"starts_at": "2026-11-24T18:00:00Z", "ends_at": "2026-11-25T11:00:00Z"}
    shut = quietline.ask("PUT", "/v1/desk/closures", {"closures": [span]}, token=boss)
    assert shut.json() == {"closures": [span]}
    assert quietline.ask("GET", "/v1/helpline").json()["opens_at"] == "2026-11-25T11:00:00Z"
    assert _slots(quietline)[0] == "2026-11-25T11:00Z/2h"
    problem(quietline.ask("POST", "/v1/callbacks", callback()), 409, "slot-closed", "/slot")
    backwards = {"starts_at": span["ends_at"], "ends_at": span["starts_at"]}
    answer = quietline.ask("PUT", "/v1/desk/closures", {"closures": [span, backwards]}, token=boss)
    problem(answer, 409, "impossible-closure", "/closures/1/ends_at")
    outside = {"starts_at": "0001-01-01T00:00:00+14:00", "ends_at": span["ends_at"]}
    answer = quietline.ask("PUT", "/v1/desk/closures", {"closures": [outside]}, token=boss)
    problem(answer, 409, "impossible-closure", "/closures/0")
    assert quietline.ask("PUT", "/v1/desk/closures", {"closures": []}, token=boss).json() == {"closures": []}
    assert submitted(quietline)


def test_every_reading_is_in_the_trail(quietline):
    """The trail names who claimed and opened what under which number, and holds together; it can be read in pages."""
    accepted = submitted(quietline)
    held = claimed(quietline, quietline.token("practitioner", "alex"))["claim"]
    auditor = quietline.token("auditor")
    trail = quietline.ask("GET", "/v1/desk/audit", token=auditor).json()
    assert trail["verified"] is True
    deeds = [(entry["actor"], entry["verb"], entry["request_id"], entry["number"]) for entry in trail["entries"]]
    assert deeds == [("alex", verb, accepted["request_id"], held["number"]) for verb in ("claim", "open")]
    page = quietline.ask("GET", "/v1/desk/audit?after=0&limit=1", token=auditor).json()
    assert (len(page["entries"]), page["next_after"]) == (1, 1)
    for query in ("after=-1", "after=x", "limit=0", "limit=", "limit=1&limit=2"):
        assert quietline.ask("GET", f"/v1/desk/audit?{query}", token=auditor).status == 400


def test_an_erasure_leaves_a_record_without_content(quietline):
    """Who withdraws leaves one line for auditors: that all of it was erased, why, and in which hour."""
    accepted = submitted(quietline)
    auditor = quietline.token("auditor")
    assert quietline.ask("GET", "/v1/desk/erasures", token=auditor).json()["erasures"] == []
    assert quietline.ask("DELETE", "/v1/mailbox", receipt=accepted["receipt"]).status == 204
    page = quietline.ask("GET", "/v1/desk/erasures", token=auditor).json()
    (erasure,) = page["erasures"]
    assert (erasure.pop("seq"), len(erasure.pop("mac"))) == (1, 64)
    assert erasure == {
        "at": "2026-11-24T18:00:00Z",
        "request_id": accepted["request_id"],
        "erased": "everything",
        "because": "withdrawn",
        "by": "requester",
    }
    assert (page["verified"], page["broken_at"], page["next_after"]) == (True, None, None)
    assert quietline.ask("GET", "/v1/desk/erasures?after=1", token=auditor).json()["erasures"] == []
    assert quietline.ask("GET", "/v1/desk/erasures?limit=0", token=auditor).status == 400


# ---------------------------------------------------------------- who may do what

DESK = [operation for operation in operations() if operation.caller not in (None, "receipt", "referral:write")]
PARTNERS = [operation for operation in operations() if operation.caller == "referral:write"]


def _as_called(operation):
    path = operation.path.replace("{request_id}", "nobodys")
    return operation.method.upper(), path, operation.example if operation.body is not None else None


@pytest.mark.parametrize("operation", DESK, ids=lambda operation: operation.name)
def test_every_desk_route_asks_who_it_is(shared_quietline, operation):
    """Without a token, or with one that is not good, every route of the desk is 401, whatever else is wrong."""
    method, path, body = _as_called(operation)
    receipt = submitted(shared_quietline)["receipt"]
    old = shared_quietline.token("supervisor", hours=-1)
    good = shared_quietline.token("supervisor")
    tampered = f"{good[:-6]}AAAAAA"
    problem(shared_quietline.ask(method, path, body), 401, "token-missing")
    problem(shared_quietline.ask(method, path, body, receipt=receipt), 401, "token-missing")
    problem(shared_quietline.ask(method, path, body, token=tampered), 401, "token-invalid")
    answer = shared_quietline.ask(method, path, body, token=old)
    problem(answer, 401, "token-expired")
    assert answer.headers["www-authenticate"] == "Bearer"
    problem(shared_quietline.ask(method, path, raw=b"{", token="nonsense"), 401, "token-invalid")


@pytest.mark.parametrize("role", SIGN_IN_ROLES)
def test_every_role_has_its_scopes_and_no_more(shared_quietline, role):
    """On every route of the desk, a role either has the scope and is let in, or is 403."""
    token = shared_quietline.token(role)
    for operation in DESK:
        method, path, body = _as_called(operation)
        answer = shared_quietline.ask(method, path, body, token=token)
        if operation.caller in {"signed-in", *ROLES[role]}:
            assert answer.status in (200, 201, 204, 404, 409, 422, 428), (role, path, answer.body)
        else:
            problem(answer, 403, "scope-missing")


@pytest.mark.parametrize("operation", PARTNERS, ids=lambda operation: operation.name)
def test_only_a_partners_living_key_opens_what_is_for_partners(shared_quietline, operation):
    """Nothing, a sign-in of any role, a receipt and a key that is mistyped, unknown or revoked are told alike: 401."""
    method, path, body = _as_called(operation)
    living, revoked = (shared_quietline.partner_key("north-hub") for _ in range(2))
    supervisor = shared_quietline.token("supervisor")
    assert shared_quietline.ask("DELETE", f"/v1/desk/partners/{revoked['id']}", token=supervisor).status == 204
    elsewhere = new_key("north-hub", bytes(37))[1]
    receipt = submitted(shared_quietline)["receipt"]
    said = {
        (answer.status, answer.body, answer.headers["www-authenticate"])
        for answer in (
            shared_quietline.ask(method, path, body),
            shared_quietline.ask(method, path, body, receipt=receipt),
            shared_quietline.ask(method, path, raw=b"{", token="nonsense"),
            *(
                shared_quietline.ask(method, path, body, token=token)
                for token in (
                    *(shared_quietline.token(role) for role in SIGN_IN_ROLES),
                    revoked["key"],
                    elsewhere,
                    living["key"][:-1],
                    living["key"].replace("north", "south"),
                    living["key"].upper(),
                    f"{living['key']},{living['key']}",
                )
            ),
        )
    }
    assert {(status, header) for status, _, header in said} == {(401, "Bearer")}
    assert len(said) == 1
    assert shared_quietline.ask(method, path, body, token=living["key"]).status in (201, 404)


def test_a_partners_key_opens_nothing_at_the_desk(shared_quietline):
    """On every route of the desk a partner's key is no sign-in at all."""
    key = shared_quietline.partner_key("north-hub")["key"]
    for operation in DESK:
        method, path, body = _as_called(operation)
        problem(shared_quietline.ask(method, path, body, token=key), 401, "token-invalid")


def test_a_mailbox_asks_for_a_receipt(shared_quietline):
    """Without a receipt, or with a token in its place, every mailbox route is 401 and says what to send."""
    for operation in operations():
        if operation.caller == "receipt":
            method, path, body = operation.method.upper(), operation.path, operation.example
            answer = shared_quietline.ask(method, path, body)
            problem(answer, 401, "receipt-missing")
            assert answer.headers["www-authenticate"] == "Receipt, Mailbox"
            token = shared_quietline.token("supervisor")
            problem(shared_quietline.ask(method, path, body, token=token), 401, "receipt-missing")
            problem(shared_quietline.ask(method, path, body, receipt=NOBODYS), 404, "receipt-unknown")


# ---------------------------------------------------------------- other sites

PUBLISHED = ("helpline", "requests", "signposts", "campaigns", "directory", "sessions", "widget", "reach")
ELSEWHERE = {"Origin": "https://partner.example", "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_other_sites_reach_public_content_and_never_a_mailbox_or_the_desk(shared_quietline, operation):
    """Public content and the two ways in carry CORS, preflight included; mailbox, desk, pages and service never do."""
    path = operation.path.replace("{request_id}", "nobodys").replace("{signpost_id}", "childline")
    preflight = shared_quietline.ask("OPTIONS", path, headers=ELSEWHERE)
    answer = shared_quietline.ask(operation.method.upper(), path, headers={"Origin": ELSEWHERE["Origin"]})
    heard = {name for each in (preflight, answer) for name in each.headers if name.startswith("access-control")}
    if operation.tag in PUBLISHED:
        for each in (preflight, answer):
            assert each.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in heard
        assert "idempotency-key" in preflight.headers["access-control-allow-headers"].lower()
    else:
        assert heard == set()


# ---------------------------------------------------------------- what cannot be read

WITH_BODY = [operation for operation in operations() if operation.body is not None and not operation.forgiving]
DEEP = b'{"a":' + b"[" * 15_000 + b"]" * 15_000 + b"}"
UNREADABLE = {
    "cut off": b'{"details":',
    "no JSON": b"hello",
    "NaN": b'{"number": NaN}',
    "infinity": b'{"number": -Infinity}',
    "deep": DEEP,
    "UTF-16": '{"text": "hello"}'.encode("utf-16"),
    "Latin-1": b'{"text": "caf\xe9"}',
    "half a surrogate": b'{"text": "\\ud800"}',
    "a long number": b'{"number": ' + b"9" * 20_000 + b"}",
}


def _allowed(quietline, operation):
    if operation.caller is None:
        return {}
    if operation.caller == "receipt":
        return {"receipt": submitted(quietline)["receipt"]}
    if operation.caller == "referral:write":
        named = {"partner": f"north-{secrets.token_hex(4)}"}
        issued = quietline.ask("POST", "/v1/desk/partners", named, token=quietline.token("supervisor"))
        return {"token": issued.json()["key"]}
    role = next(role for role in ("supervisor", *SIGN_IN_ROLES) if operation.caller in {"signed-in", *ROLES[role]})
    return {"token": quietline.token(role)}


def _path_of(operation):
    path = operation.path.replace("{request_id}", "nobodys").replace("{session_id}", "gm-2018-live")
    return path.replace("{kind}", "signpost").replace("{content_id}", "childline")


def _held(operation):
    return {"If-Match": '"0"'} if "IfMatch" in operation.parameters else {}


def _place(operation):
    return operation.method.upper(), _path_of(operation)


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
def test_what_cannot_be_read_is_a_clear_4xx(shared_quietline, operation):
    """On every route with a body, what is no honest JSON is 4xx with another way to reach help, without the input."""
    method, path = _place(operation)
    who = _allowed(shared_quietline, operation)
    json_type = {"Content-Type": "application/json", **_held(operation)}
    for name, raw in UNREADABLE.items():
        answer = shared_quietline.ask(method, path, raw=raw, headers=json_type, **who)
        if name == "a long number":  # it is JSON, though no place for it
            assert answer.status in (400, 422)
        else:
            problem(answer, 400, "unreadable-json")
        assert len(answer.body) < 2000
    many = shared_quietline.ask(method, path, raw=b"[" * 100_000, headers=json_type, **who)
    problem(many, 413, "too-large")
    deep = shared_quietline.ask(method, path, raw=b"[" * 32_000, headers=json_type, **who)
    problem(deep, 400, "unreadable-json")
    for media in ("text/plain", "application/xml", "multipart/form-data; boundary=x"):
        answer = shared_quietline.ask(
            method, path, raw=b"{}", headers={"Content-Type": media, **_held(operation)}, **who
        )
        problem(answer, 415, "media-type")


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
def test_a_body_over_32_kib_is_413(shared_quietline, operation):
    """One byte over 32 KiB is 413 wherever a body is read, and so is a body far over what the server keeps."""
    method, path = _place(operation)
    who = _allowed(shared_quietline, operation)
    json_type = {"Content-Type": "application/json", **_held(operation)}
    full = b'{"x":"' + b"a" * (32 * 1024 - 8) + b'"}'
    assert len(full) == 32 * 1024
    within = shared_quietline.ask(method, path, raw=full, headers=json_type, **who)
    problem(within, 422, "invalid")
    over = shared_quietline.ask(method, path, raw=full + b" ", headers=json_type, **who)
    problem(over, 413, "too-large")
    far = shared_quietline.ask(method, path, raw=b" " * 1_000_000, headers=json_type, **who)
    problem(far, 413, "too-large")


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
def test_unknown_keys_wrong_types_and_missing_bodies_are_told_by_place(shared_quietline, operation):
    """An unknown key, a wrong type and a missing body are each told by place and code, and never repeated."""
    method, path = _place(operation)
    who = _allowed(shared_quietline, operation)
    odd = {**operation.example, "keyword-nobody-knows": {"deeper": "value-nobody-repeats"}}
    answer = shared_quietline.ask(method, path, odd, headers=_held(operation), **who)
    said = problem(answer, 422, "invalid")
    assert said["errors"] == [{"pointer": "", "code": "unknown-key"}]
    assert b"nobody" not in answer.body
    for name in operation.example:
        body = {**operation.example, name: {"nobody-knows": "nobody"}}
        wrong = shared_quietline.ask(method, path, body, headers=_held(operation), **who)
        said = problem(wrong, 422, "invalid")
        assert any(error["pointer"].startswith(f"/{name}") for error in said["errors"]), (name, said)
        assert b"nobody" not in wrong.body
    listed = shared_quietline.ask(method, path, ["nobody"], headers=_held(operation), **who)
    assert problem(listed, 422, "invalid")["errors"] == [{"pointer": "", "code": "wrong-type"}]
    if operation.body_required:
        problem(shared_quietline.ask(method, path, headers=_held(operation), **who), 400, "unreadable-json")


def test_deep_places_are_told_exactly(shared_quietline):
    """A mistake deep inside a callback is named by its whole path."""
    body = callback(
        details={"concern": "curiosity", "safety": {"voicemail": 1, "text_first": "yes"}, "access_needs": ["UP"]}
    )
    body["also"] = [EVENING, 3]
    said = problem(shared_quietline.ask("POST", "/v1/callbacks", body), 422, "invalid")
    assert {(error["pointer"], error["code"]) for error in said["errors"]} == {
        ("/details/concern", "unknown-value"),
        ("/details/safety/voicemail", "unknown-value"),
        ("/details/safety/text_first", "wrong-type"),
        ("/details/access_needs/0", "invalid"),
        ("/also/1", "wrong-type"),
    }


def test_chunked_bodies_are_read(shared_quietline):
    """A body that comes in chunks, without a length, is accepted like any other, and limited like any other."""
    raw = json.dumps(callback()).encode()
    pieces = (raw[at : at + 7] for at in range(0, len(raw), 7))
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    answer = shared_quietline.ask("POST", "/v1/callbacks", raw=pieces, headers=headers, chunked=True)
    assert answer.status == 201
    large = (b" " * 1000 for _ in range(40))
    answer = shared_quietline.ask("POST", "/v1/callbacks", raw=large, headers=headers, chunked=True)
    problem(answer, 413, "too-large")


def test_a_path_that_does_not_exist_is_a_problem(shared_quietline):
    """Unknown paths are 404 in the same words as everything else, and do not repeat the path."""
    for path in ("/v2/callbacks", "/v1/desk/nobody-knows", "/wp-admin", "/v1/callbacks/nobody"):
        answer = shared_quietline.ask("GET", path)
        problem(answer, 404, "not-found")
        assert b"nobody" not in answer.body
        assert b"wp-admin" not in answer.body


def test_a_wrong_method_names_the_right_ones(shared_quietline):
    """A method that a path does not have is 405, with `Allow`."""
    known = {}
    for operation in operations():
        known.setdefault(operation.path, set()).add(operation.method.upper())
    for path, methods in known.items():
        asked = path.replace("{request_id}", "nobodys").replace("{signpost_id}", "childline")
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            if "{signpost_id}" in path or asked == "/v1/signposts/search":
                continue  # one is the other's neighbour: /v1/signposts/search is a signpost_id to a GET
            answer = shared_quietline.ask(method, asked)
            problem(answer, 405, "method-not-allowed")
            assert methods <= {name.strip() for name in answer.headers["allow"].split(",")}


def test_a_browser_gets_a_page_when_something_is_wrong(shared_quietline):
    """Whoever prefers HTML is told in a page what went wrong, with the phone number."""
    answer = shared_quietline.ask("GET", "/request?kind=nobody", headers={"Accept": "text/html"})
    assert (answer.status, answer.media) == (400, "text/html")
    assert PHONE.encode() in answer.body
    assert b"nobody" not in answer.body
    of_the_api = shared_quietline.ask("GET", "/v1/slots?days=nobody", headers={"Accept": "text/html"})
    assert (of_the_api.status, of_the_api.media) == (400, "application/problem+json")


# ---------------------------------------------------------------- Chalice's own server


def test_chalice_local_still_serves_the_app(tmp_path):
    """`chalice local` works for whoever knows Chalice: it is healthy, and accepts a callback."""
    for name in ("app.py", "chalicelib", ".chalice", "requirements.txt"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__", "deployed"))
        else:
            (tmp_path / "copy").mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / "copy" / name)
    port = engines.free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("QUIETLINE_", "AWS_"))},
        "QUIETLINE_HOME": str(tmp_path / "home"),
        "QUIETLINE_CLOCK": TUESDAY_EVENING,
    }
    command = [str(Path(sys.executable).parent / "chalice"), "local", "--no-autoreload", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=tmp_path / "copy", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        eventually(lambda: _answers(port, server), seconds=120)
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps(callback())
        connection.request("POST", "/v1/callbacks", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        accepted = json.loads(response.read())
        assert response.status == 201
        connection.request("GET", "/v1/mailbox", headers={"Authorization": f"Receipt {accepted['receipt']}"})
        assert json.loads(connection.getresponse().read())["status"] == "waiting"
        connection.close()
    finally:
        server.terminate()
        server.communicate(timeout=60)


def _answers(port, server):
    assert server.poll() is None, server.stderr.read()
    with contextlib.suppress(OSError):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status == 200
    time.sleep(0.1)
    return False
