"""The whole job of a referral over real HTTP: a key, consent, a call, and the little that a partner learns."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sealed_requester import Requester
from test_main_job import EVENING, callback, claimed, information, problem, submitted

from chalicelib.domain.receipts import encode

CONSENT = {"version": "2026-11", "language": "cy", "how": "by-phone", "given_on": "2026-11-24"}
WORDS = "We tell them nothing else"


def referral(**changes):
    """Write the body of a referral, as a GP in Bangor would send it."""
    details = {
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "name": "Sam",
        "message": "Would like to talk.",
        "safety": {"voicemail": "never", "code_word": "bluebell"},
        "referrer": {"name": "Robin", "role": "GP", "contact": "01632 960123"},
        **changes.pop("details", {}),
    }
    consent = {**CONSENT, **changes.pop("consent", {})}
    return {"consent": consent, "details": details, "slot": EVENING, "language": "en", **changes}


@pytest.fixture
def partner(quietline):
    """A partner of an empty helpline: its key."""
    return quietline.partner_key("north-hub")["key"]


@pytest.fixture(scope="module")
def shared_partner(shared_quietline):
    """A partner of the helpline that others use as well: its key."""
    return shared_quietline.partner_key("shared")["key"]


def refer(quietline, key, body=None, **more):
    """Send a referral."""
    answer = quietline.ask("POST", "/v1/referrals", body or referral(), token=key, **more)
    assert answer.status == 201, answer.body
    return answer.json()


def test_a_referral_goes_all_the_way(quietline, partner):
    """A key is issued, a person referred and rung by who sees their consent; the partner learns that it is closed."""
    words = quietline.ask("GET", "/v1/consent?language=en").json()
    assert words["version"] == CONSENT["version"]
    assert any(WORDS in paragraph for paragraph in words["text"])
    sent = refer(quietline, partner)
    assert set(sent) == {"id", "status"}
    assert sent["status"] == "received"

    token = quietline.token("practitioner", "alex")
    lanes = quietline.ask("GET", "/v1/desk/queue", token=token).json()["lanes"]
    assert [(lane["kind"], lane["waiting"]) for lane in lanes] == [("referral", 1)]
    assert quietline.ask("POST", "/v1/desk/claims", {"kinds": ["callback"]}, token=token).status == 204
    taken = claimed(quietline, token, kinds=["referral"])
    request, claim = taken["request"], taken["claim"]
    assert claim["request_id"] == sent["id"]
    assert request["details"]["safety"]["code_word"] == "bluebell"
    assert request["details"]["phone_international"] == "+44 7700 900123"
    assert request["details"]["referrer"]["name"] == "Robin"
    assert request["may_ring_now"] is True
    consent = request["referral"]["consent"]
    assert request["referral"]["partner"] == "north-hub"
    assert {name: consent[name] for name in CONSENT} == CONSENT
    welsh = quietline.ask("GET", "/v1/consent?language=cy").json()
    assert consent["title"] == welsh["title"]
    assert consent["text"] == [*welsh["summary"], *welsh["text"]]

    assert quietline.ask("GET", f"/v1/referrals/{sent['id']}", token=partner).json() == sent
    base, number = f"/v1/desk/claims/{sent['id']}", claim["number"]
    onward = {"number": number, "outcome": "signposted", "signposts": ["childline"]}
    problem(quietline.ask("POST", f"{base}/close", onward, token=token), 409, "no-mailbox")
    reply = {"number": number, "text": "Hello"}
    problem(quietline.ask("POST", f"{base}/replies", reply, token=token), 409, "no-mailbox")
    note = {"number": number, "text": "Will ring us again."}
    assert quietline.ask("POST", f"{base}/notes", note, token=token).status == 201
    assert quietline.ask("POST", f"{base}/close", {"number": number, "outcome": "answered"}, token=token).status == 200
    told = quietline.ask("GET", f"/v1/referrals/{sent['id']}", token=partner).json()
    assert told == {"id": sent["id"], "status": "closed"}


def test_the_trail_names_the_key_and_no_list_names_the_partner(quietline):
    """Issuing, referring and revoking are in the trail; only who holds the referral is told where it is from."""
    a_referral_and_its_trail(quietline)


def a_referral_and_its_trail(quietline):
    """Refer somebody on an empty helpline, look at every list, and revoke the key."""
    partner = quietline.partner_key("north-hub")["key"]
    sent = refer(quietline, partner)
    supervisor = quietline.token("supervisor", "kim")
    (key,) = quietline.ask("GET", "/v1/desk/partners", token=supervisor).json()["keys"]
    assert (key["partner"], key["issued_by"], key["revoked_at"]) == ("north-hub", "supervisor-1", None)
    assert partner.startswith(f"qlp_{key['id']}_")
    assert quietline.ask("DELETE", f"/v1/desk/partners/{key['id']}", token=supervisor).status == 204
    assert quietline.ask("DELETE", f"/v1/desk/partners/{key['id']}", token=supervisor).status == 204
    problem(quietline.ask("DELETE", "/v1/desk/partners/nobody.abcdefgh", token=supervisor), 404, "partner-key-unknown")
    claimed(quietline, supervisor)
    trail = quietline.ask("GET", "/v1/desk/audit", token=supervisor).json()
    assert trail["verified"] is True
    told = {(entry["actor"], entry["verb"]) for entry in trail["entries"]}
    assert {("supervisor-1", "issue-key"), (f"partner/{key['id']}", "refer"), ("kim", "revoke-key")} <= told
    assert [entry["request_id"] for entry in trail["entries"] if entry["verb"] == "refer"] == [sent["id"]]
    assert [entry["verb"] for entry in trail["entries"]].count("revoke-key") == 1
    keys = [entry["about"] for entry in trail["entries"] if entry["verb"] in ("issue-key", "revoke-key")]
    assert keys == [f"partner/{key['id']}"] * 2
    for path in ("/v1/desk/queue", "/v1/desk/claims", "/v1/desk/parked"):
        assert b"north-hub" not in quietline.ask("GET", path, token=supervisor).body, path


def test_a_partner_sees_its_own_referrals_and_nothing_else(quietline, partner):
    """By any living key of the same partner; another's referral, a callback and nobody's id are told alike."""
    sent = refer(quietline, partner)
    second = quietline.partner_key("north-hub")["key"]
    other = quietline.partner_key("north")["key"]
    asked = submitted(quietline, callback())["request_id"]
    assert quietline.ask("GET", f"/v1/referrals/{sent['id']}", token=second).json() == sent
    said = set()
    for request_id, key in ((sent["id"], other), (asked, partner), ("A" * 43, partner)):
        answer = quietline.ask("GET", f"/v1/referrals/{request_id}", token=key)
        problem(answer, 404, "referral-unknown")
        said.add(answer.body)
    assert len(said) == 1
    for method in ("GET", "PUT", "DELETE"):
        assert quietline.ask(method, "/v1/referrals", token=partner).status == 405
    supervisor = quietline.token("supervisor")
    for key in quietline.ask("GET", "/v1/desk/partners", token=supervisor).json()["keys"]:
        quietline.ask("DELETE", f"/v1/desk/partners/{key['id']}", token=supervisor)
    problem(quietline.ask("GET", f"/v1/referrals/{sent['id']}", token=second), 401, "partner-key")


def test_whoever_made_the_id_of_a_referral_opens_no_mailbox(quietline, partner):
    """A partner that seals could know what its id was made of: that opens nothing, reads nothing, withdraws nothing."""
    sealing = Requester(quietline)
    body = {"consent": CONSENT, "sealed": sealing.seal(sealing.content(referral()["details"]), "referral")}
    sent = refer(quietline, partner, body)
    assert sent["id"] == sealing.request_id
    receipt, nobodys = sealing.receipt.shown, Requester(quietline).receipt.shown
    for method, path, asked in (
        ("GET", "/v1/mailbox", None),
        ("POST", "/v1/mailbox/messages", {"text": "Hello"}),
        ("PUT", "/v1/mailbox/slot", {"slot": EVENING}),
        ("DELETE", "/v1/mailbox", None),
    ):
        answer = quietline.ask(method, path, asked, receipt=receipt)
        problem(answer, 404, "receipt-unknown")
        assert answer.body == quietline.ask(method, path, asked, receipt=nobodys).body
        problem(quietline.ask(method, path, asked, headers=sealing.mailbox), 404, "receipt-unknown")
    token = quietline.token("practitioner", "alex")
    taken = claimed(quietline, token)
    assert taken["request"]["details"]["referrer"]["name"] == "Robin"
    assert encode(sealing.receipt.mailbox_key) not in json.dumps(taken)
    reply = {"number": taken["claim"]["number"], "text": "Hello"}
    answer = quietline.ask("POST", f"/v1/desk/claims/{sent['id']}/replies", reply, token=token)
    problem(answer, 409, "no-mailbox")


def test_what_a_partner_sealed_is_held_to_the_same_rules(quietline, partner):
    """Sealed as another kind it opens as nothing, and without what keeps somebody safe it is shown as what it is."""
    for kind, details, unreadable in (
        ("callback", referral()["details"], "damaged"),
        ("referral", {"concern": "survivor", "phone": "07700 900123"}, "invalid"),
    ):
        sealing = Requester(quietline)
        refer(quietline, partner, {"consent": CONSENT, "sealed": sealing.seal({"details": details}, kind)})
        taken = claimed(quietline, quietline.token("practitioner", kind))
        assert taken["request"]["unreadable"] == unreadable
        assert taken["request"]["referral"]["partner"] == "north-hub"


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"consent": {"version": "2025-01"}}, 409, "consent-outdated", "/consent/version"),
        ({"consent": {"given_on": "2026-11-25"}}, 409, "consent-to-come", "/consent/given_on"),
        ({"consent": {"how": "somehow"}}, 422, "invalid", "/consent/how"),
        ({"consent": {"language": "fr"}}, 422, "invalid", "/consent/language"),
        ({"consent": {"given_on": "today"}}, 422, "invalid", "/consent/given_on"),
        ({"details": {"safety": {}}}, 422, "invalid", "/details/safety/voicemail"),
        ({"details": {"phone": "123"}}, 409, "impossible-phone", "/details/phone"),
        ({"statement_version": "2026-11"}, 422, "invalid", ""),
        ({"slot": "2026-11-24T02:00Z/2h"}, 409, "slot-closed", "/slot"),
    ],
)
def test_nobody_is_referred_without_their_consent(shared_quietline, shared_partner, changes, status, code, pointer):
    """Old words are refused with the new ones, tomorrow's consent is none, and all else is as for callbacks."""
    answer = shared_quietline.ask("POST", "/v1/referrals", referral(**changes), token=shared_partner)
    said = problem(answer, status, code, pointer)
    if code == "consent-outdated":
        assert said["statement"] == shared_quietline.ask("GET", "/v1/consent").json()


@pytest.mark.parametrize("part", ["", "/version", "/how", "/given_on", "/language"])
def test_consent_is_never_taken_for_granted(shared_quietline, shared_partner, part):
    """Without any part of it, whoever sealed the rest, a referral is 422."""
    sealed = Requester(shared_quietline).seal({"details": {}}, "referral")
    for body in (referral(), {"consent": dict(CONSENT), "sealed": sealed}):
        if part:
            del body["consent"][part[1:]]
        else:
            del body["consent"]
        answer = shared_quietline.ask("POST", "/v1/referrals", body, token=shared_partner)
        problem(answer, 422, "invalid", f"/consent{part}")


def test_a_repeat_is_one_referral_and_another_body_is_refused(quietline, partner):
    """By idempotency key, or by the id that was sealed; the same key of another partner is another referral."""
    key = {"Idempotency-Key": "a-good-key-0123456789"}
    first = refer(quietline, partner, headers=key)
    second = quietline.partner_key("north-hub")["key"]
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: refer(quietline, second, headers=key), range(4)))
    assert again == [first] * 4
    problem(
        quietline.ask("POST", "/v1/referrals", referral(language="cy"), token=partner, headers=key), 409, "key-reused"
    )
    other = quietline.partner_key("south")["key"]
    assert refer(quietline, other, headers=key)["id"] != first["id"]
    assert submitted(quietline, callback(slot=None), headers=key)["request_id"] != first["id"]
    sealing = Requester(quietline)
    body = {"consent": CONSENT, "sealed": sealing.seal({"details": referral()["details"]}, "referral")}
    assert refer(quietline, partner, body) == refer(quietline, partner, body)
    another = {"consent": CONSENT, "sealed": sealing.seal({"details": referral()["details"]}, "referral")}
    problem(quietline.ask("POST", "/v1/referrals", another, token=partner), 409, "key-reused")
    token = quietline.token("practitioner")
    lanes = quietline.ask("GET", "/v1/desk/queue", token=token).json()["lanes"]
    assert sum(lane["waiting"] for lane in lanes if lane["kind"] == "referral") == 3


def test_a_partners_flood_is_held_back_and_people_are_not(open_house):
    """Past the cap a partner is 429 and told when to come back; everybody else goes on, and room returns."""
    with open_house(QUIETLINE_PARTNER_CAP="2") as quietline:
        flooding, other = (quietline.partner_key(name)["key"] for name in ("north-hub", "south"))
        body = referral(slot=None)
        for _ in range(2):
            refer(quietline, flooding, body)
        second = quietline.partner_key("north-hub")["key"]
        for key in (flooding, second):
            answer = quietline.ask("POST", "/v1/referrals", body, token=key)
            problem(answer, 429, "referrals-full")
            assert answer.headers["retry-after"] == "3600"
        refer(quietline, other, body)
        submitted(quietline, callback())
        token = quietline.token("practitioner")
        taken = claimed(quietline, token, kinds=["referral"])
        close = {"number": taken["claim"]["number"], "outcome": "declined"}
        path = f"/v1/desk/claims/{taken['claim']['request_id']}/close"
        assert quietline.ask("POST", path, close, token=token).status == 200
        for key in (flooding, other):
            refer(quietline, key, body)


def test_a_requester_is_referred_onward_in_their_own_language(quietline):
    """
    Closing with signposts leaves them in the mailbox: in the reader's language, else in that of the request.

    Where a browser sealed the request, they lie there sealed, and open with what only the browser has.
    """
    token = quietline.token("practitioner")
    plain = submitted(quietline, information(language="cy"), "/v1/information-requests")
    sealing = Requester(quietline)
    content = sealing.content({"concern": "survivor", "message": "Ble?"})
    assert submitted(quietline, sealing.body(content, "information", language="cy"), "/v1/information-requests")
    for _ in range(2):
        taken = claimed(quietline, token, languages=["cy"])
        close = {"number": taken["claim"]["number"], "outcome": "signposted", "signposts": ["childline", "samaritans"]}
        path = f"/v1/desk/claims/{taken['claim']['request_id']}/close"
        assert quietline.ask("POST", path, close, token=token).status == 200
    names = {
        language: [
            quietline.ask("GET", f"/v1/signposts/{each}?language={language}").json()["name"]
            for each in ("childline", "samaritans")
        ]
        for language in ("en", "cy")
    }
    assert names["en"] != names["cy"]
    for headers, language in (({"Accept-Language": "en"}, "en"), ({"Accept-Language": "cy"}, "cy"), ({}, "cy")):
        mailbox = quietline.ask("GET", "/v1/mailbox", receipt=plain["receipt"], headers=headers).json()
        assert [link["name"] for link in mailbox["messages"][-1]["signposts"]] == names[language], headers
    assert sealing.read() == [{"signposts": ["childline", "samaritans"]}]
