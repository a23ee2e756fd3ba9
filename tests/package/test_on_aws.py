"""
The template, run: both stacks on ministack, the main job against them as API Gateway and Lambda serve it, and IAM.

The tests of the main job are those of `tests/e2e`, unchanged; what the functions then called is held against their
policies, in both directions.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import partial
from itertools import product
from pathlib import Path

import jwt
import pytest
from botocore.exceptions import ClientError
from cloud import Cloud, forward, serve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

E2E = Path(__file__).resolve().parents[1] / "e2e"
sys.path[:0] = [str(E2E), str(E2E.parent / "contract")]

import test_main_job as main_job  # noqa: E402
import test_referrals as referrals  # noqa: E402
from kms_endpoint import Kms  # noqa: E402
from real_server import TUESDAY_EVENING, Contract, Quietline, eventually, later  # noqa: E402

from chalicelib.adapters.content import PackagedContent  # noqa: E402
from chalicelib.domain.receipts import encode  # noqa: E402

callback, submitted, claimed = main_job.callback, main_job.submitted, main_job.claimed


class SignIn:
    """A sign-in service, as Cognito or Keycloak is one."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._server = serve(self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, method, path, headers, body):
        numbers = self._key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256"}
        jwk |= {name: encode(getattr(numbers, name).to_bytes(32, "big")) for name in ("x", "y")}
        said = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} if "well-known" in path else {"keys": [jwk]}
        return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()

    def token(self, role, subject):
        """Sign somebody in."""
        now = int(time.time())
        said = {"iss": self.url, "aud": "quietline", "sub": subject, "roles": [role], "iat": now, "exp": now + 3600}
        return jwt.encode(said, self._key, algorithm="ES256", headers={"kid": "1"})


class OnAws(Quietline):
    """Both stacks, asked like a running server."""

    def __init__(self, cloud, sign_in):
        super().__init__(port=cloud.front.server_address[1], home=Path(), contract=Contract())
        object.__setattr__(self, "cloud", cloud)
        object.__setattr__(self, "sign_in", sign_in)

    def ask(self, method, path, body=None, **options):
        """
        Ask as a patient client does: again after 503, which says that nothing was done, as `Retry-After` asks.

        The emulator shares a machine with everything else that runs there, and the functions wait for nobody longer
        than a requester would. A request that was accepted into the overflow queue is waited for.
        """
        until = time.monotonic() + 60
        while (answer := super().ask(method, path, body, **options)).status == 503 and time.monotonic() < until:
            time.sleep(1)
        if answer.status == 201 and answer.media == "application/json" and "receipt" in answer.json():
            receipt = answer.json()["receipt"]
            while super().ask("GET", "/v1/mailbox", receipt=receipt).status != 200 and time.monotonic() < until:
                time.sleep(0.2)
        return answer

    def token(self, role, subject=None, hours=12):
        """Sign somebody in at the service that the desk trusts."""
        return self.sign_in.token(role, subject or f"{role}-1")


@pytest.fixture(scope="module")
def sign_in():
    """The sign-in service."""
    return SignIn()


@pytest.fixture(scope="module")
def cloud(packages, sign_in):
    """Both stacks, deployed the way the README says: the desk, its public key, the desk again, the public face."""
    account = Cloud(packages=packages, clock=TUESDAY_EVENING, issuer=sign_in.url)
    account.start()
    kms, private = Kms(), ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    recovery = ec.generate_private_key(ec.SECP256R1()).public_key()
    recipients = json.dumps([
        {"key_id": name, "kem": "DHKEM(P-256, HKDF-SHA256)", "public_key": encode(each)}
        for name, each in (
            ("kms-1", point),
            ("recovery-1", recovery.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
        )
    ])  # fmt: skip
    try:
        account.client("sesv2").create_email_identity(EmailIdentity="helpline.example")
        account.deploy(
            "desk", OidcIssuer="https://sign-in.example", OidcAlgorithm="ES256", Recipients=recipients,
            MailIdentity="helpline.example",
        )  # fmt: skip
        kms.private[account.outputs("quietline-desk")["OpeningKeyArn"]] = private
        account.recorder.kms = kms.answer
        account.deploy("public", Recipients=recipients)
        yield account
    finally:
        account.stop()
        kms.stop()


@pytest.fixture(scope="module")
def shared_quietline(cloud, sign_in):
    """Both faces, for tests that do not mind what others have left."""
    return OnAws(cloud, sign_in)


@pytest.fixture
def quietline(cloud, shared_quietline):
    """Both faces, with nothing stored."""
    cloud.empty()
    return shared_quietline


JOBS = [
    main_job.test_a_callback_goes_all_the_way,
    main_job.test_a_receipt_is_read_as_people_write_it,
    main_job.test_a_plain_form_gets_a_page_or_json,
    main_job.test_the_mailbox_page_does_the_whole_job_without_javascript,
    main_job.test_the_same_key_and_body_get_the_same_answer,
    main_job.test_a_repeated_message_is_kept_once,
    main_job.test_another_message_under_the_same_key_is_not_lost,
    main_job.test_a_caller_is_found_by_the_reference,
    main_job.test_a_claim_whose_answer_was_lost_is_recognised,
    main_job.test_lanes_keep_to_kind_and_language,
    main_job.test_nothing_claimable_is_204,
    main_job.test_late_work_is_refused,
    main_job.test_notes_reach_the_colleague_and_nobody_else,
    main_job.test_what_cannot_be_answered_is_said,
    main_job.test_a_supervisor_closes_the_line,
    main_job.test_every_reading_is_in_the_trail,
    main_job.test_slots_are_offered_in_the_helplines_hours,
    referrals.a_referral_and_its_trail,
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
def test_the_main_job(quietline, cloud, job):
    """What `tests/e2e` asks of the local server, asked of both stacks through their gateways."""
    job(quietline)
    cloud.done.add(job)


def test_an_answer_that_was_asked_for_by_mail_goes_through_ses(quietline, cloud):
    """Who asked for an answer by e-mail is sent it by SES, under a subject that says nothing."""
    body = main_job.information(details={"email": "sam@example.org"})
    submitted(quietline, body, path="/v1/information-requests")
    token = quietline.token("practitioner", "alex")
    claim = claimed(quietline, token)["claim"]
    reply = {"number": claim["number"], "text": "Thank you for writing.", "by_email": True}
    answer = quietline.ask("POST", f"/v1/desk/claims/{claim['request_id']}/replies", reply, token=token)
    assert answer.json()["emailed"] is True
    status, _, said = forward(cloud.port, "GET", "/_ministack/ses/messages", {"host": "127.0.0.1"}, b"")
    assert status == 200
    assert b"sam@example.org" in said
    assert b"The information you asked for" in said


def test_what_the_table_refuses_is_accepted_and_stored_by_the_drain(quietline, cloud):
    """While the table refuses writes, a request goes to the overflow queue; the drain stores it from there."""
    with cloud.told("desk", "Drain", QUIETLINE_QUEUE_SHARDS="2"):
        with cloud.refusing("public:APIHandler", "dynamodb:PutItem"):
            accepted = submitted(quietline)
        token = quietline.token("practitioner", "alex")
        taken = eventually(lambda: _claim(quietline, token), seconds=60)
    assert taken["claim"]["request_id"] == accepted["request_id"]
    assert taken["request"]["details"]["phone"] == "07700 900123"
    mailbox = eventually(lambda: _mailbox(quietline, accepted["receipt"]))
    assert mailbox["reference"] == accepted["reference"]


def test_a_referral_that_the_table_refuses_is_stored_and_told_by_the_drain(quietline, cloud):
    """A partner hears nothing of it: the drain stores the referral from the queue, and the trail names the key."""
    issued = quietline.partner_key("north-hub")
    with cloud.refusing("public:APIHandler", "dynamodb:PutItem"):
        sent = referrals.refer(quietline, issued["key"])
    path = f"/v1/referrals/{sent['id']}"
    there = eventually(lambda: quietline.ask("GET", path, token=issued["key"]).status == 200, seconds=60)
    assert there
    trail = quietline.ask("GET", "/v1/desk/audit", token=quietline.token("supervisor")).json()
    told = [(entry["actor"], entry["request_id"]) for entry in trail["entries"] if entry["verb"] == "refer"]
    assert told == [(f"partner/{issued['id']}", sent["id"])]


def _mailbox(quietline, receipt):
    answer = quietline.ask("GET", "/v1/mailbox", receipt=receipt)
    return answer.json() if answer.status == 200 else None


def _claim(quietline, token):
    answer = quietline.ask("POST", "/v1/desk/claims", {}, token=token)
    return answer.json() if answer.status == 201 else None


def test_the_doorbell_rings_without_content(quietline, cloud):
    """While something waits, the scheduled function tells the topic so, by lane and number."""
    queue = cloud.client("sqs")
    url = queue.create_queue(QueueName="pager")["QueueUrl"]
    arn = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    anybody = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]}
    queue.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(anybody)})
    topic = cloud.outputs("quietline-desk")["DoorbellTopicArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for _ in range(2):
        submitted(quietline)
    claimed(quietline, quietline.token("practitioner", "alex"))
    assert cloud.invoke("desk", "Ring")["rang"] == 1
    (letter,) = queue.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    said = json.loads(letter["Body"])
    assert said["Subject"] == "Quietline: something waits"
    assert "1 waiting" in said["Message"]
    ours = json.dumps({name: text for name, text in said.items() if name not in ("Signature", "MessageId")})
    assert "Sam" not in ours
    assert "900123" not in ours


def test_what_an_editor_publishes_reaches_the_public_face(quietline, cloud):
    """
    Drafts are the desk's alone; what is published, the public face shows half a minute later, from the table.

    An instance that starts before that still shows what was out before.
    """
    path, token = "/v1/desk/content/signpost/shore", quietline.token("editor", "eve")

    def write(method, verb="", body=None):
        held = quietline.ask("GET", path, token=token).headers["etag"]
        answer = quietline.ask(method, path + verb, body, token=token, headers={"If-Match": held})
        assert answer.status < 300, answer.body
        return answer.json() if answer.body else None

    def shown(clock):
        with cloud.at("public", "APIHandler", clock):
            return quietline.ask("GET", "/v1/signposts/shore").json()["name"]

    record = quietline.ask("GET", path, token=token).json()["record"]
    name = record["name"]["en"]
    write("PUT", body={"record": record | {"name": {"en": "Draft", "cy": "Drafft"}}})
    write("DELETE", "/draft")
    write("PUT", body={"record": record | {"name": {"en": "Shore anew", "cy": "Shore o'r newydd"}}})
    assert quietline.ask("GET", f"{path}/preview", token=token).json()["shown"]["en"]["name"] == "Shore anew"
    published = write("POST", "/publish")["published"]
    assert shown(published["at"]) == name
    assert shown(published["shown_from"]) == "Shore anew"
    assert len(quietline.ask("GET", f"{path}/history", token=token).json()["versions"]) == 1
    assert quietline.ask("GET", "/v1/desk/content/signpost", token=token).status == 200
    trail = quietline.ask("GET", "/v1/desk/audit", token=quietline.token("auditor")).json()
    assert trail["verified"] is True
    told = [(each["actor"], each["verb"], each["about"]) for each in trail["entries"]]
    assert told == [("eve", verb, "signpost/shore") for verb in ("draft", "discard", "draft", "publish")]


def test_a_live_hour_goes_through_both_stacks(quietline, cloud):
    """An editor publishes a session that is on; people ask; a host answers one for everybody, and takes it back."""
    editor, host = quietline.token("editor", "eve"), quietline.token("host", "ada")
    (packaged,) = PackagedContent().session_records().values()
    hour = {"opens_at": "2026-11-24T12:00:00Z", "starts_at": "2026-11-24T18:00:00Z", "ends_at": "2026-11-25T06:00:00Z"}
    path, live = "/v1/desk/content/session/an-hour", "an-hour"
    record = {**packaged, **hour, "id": live}
    new = {"If-None-Match": "*"}
    written = quietline.ask("PUT", path, {"record": record}, token=editor, headers=new)
    assert written.status == 200, written.body
    held = {"If-Match": written.headers["etag"]}
    published = quietline.ask("POST", f"{path}/publish", token=editor, headers=held).json()["published"]
    question = {"statement_version": "2026-11", "details": {"text": "What happens when I ring?"}}
    shown = published["shown_from"]
    with cloud.at("public", "APIHandler", shown), cloud.at("desk", "APIHandler", shown):
        asked = quietline.ask("POST", f"/v1/sessions/{live}/questions", question)
        assert asked.status == 201, asked.body
        claim = quietline.ask("POST", f"/v1/desk/sessions/{live}/claims", token=host).json()["claim"]
        answer = {"number": claim["number"], "question": "What happens?", "answer": "Somebody listens."}
        at = f"/v1/desk/sessions/{live}/questions/{claim['request_id']}/answer"
        assert quietline.ask("POST", at, answer, token=host).status == 201
        (entry,) = quietline.ask("GET", f"/v1/sessions/{live}/answers").json()["answers"]
        assert entry["answer"] == "Somebody listens."
        assert quietline.ask("GET", f"/v1/desk/sessions/{live}/answers", token=host).json()["answers"] == [entry]
        before = cloud.partition("Requests", f"t#{live}")
        gone = quietline.ask("DELETE", f"/v1/desk/sessions/{live}/answers/{entry['id']}", token=host)
        assert gone.status == 200, gone.body
        (entry,) = quietline.ask("GET", f"/v1/sessions/{live}/answers?after=1").json()["answers"]
        assert entry["retracted"] is True
        cloud.put_back("Requests", before)  # the table as it was before
        assert quietline.ask("GET", f"/v1/sessions/{live}/answers").json()["answers"][0]["answer"]
        assert cloud.invoke("desk", "Purge")["undone"] == 1
        (entry,) = quietline.ask("GET", f"/v1/sessions/{live}/answers?after=1").json()["answers"]
        assert (entry["retracted"], entry["answer"]) == (True, "")
        assert "Somebody listens." in str(_mailbox(quietline, asked.json()["receipt"]))


def test_a_copy_lets_no_revoked_partner_in(quietline, cloud):
    """The round revokes the key anew: that it was revoked is remembered where no backup is."""
    boss = quietline.token("supervisor")
    issued = quietline.partner_key("north-hub")
    before = cloud.partition("Content", "partner")
    assert quietline.ask("DELETE", f"/v1/desk/partners/{issued['id']}", token=boss).status == 204
    cloud.put_back("Content", before)
    ask = partial(quietline.ask, "GET", "/v1/referrals/nobodys", token=issued["key"])
    assert ask().status == 404
    assert cloud.invoke("desk", "Purge")["undone"] == 1
    assert ask().status == 401


def test_the_watch_counts_what_waits(quietline, cloud):
    """The figures that alarms hang on are of the queue as it is."""
    assert cloud.invoke("desk", "Watch")["Waiting"] == 0
    for _ in range(2):
        submitted(quietline)
    claimed(quietline, quietline.token("practitioner", "alex"))
    figures = cloud.invoke("desk", "Watch")
    assert (figures["Waiting"], figures["Claimed"]) == (1, 1)
    assert _unverified(cloud) == 1
    submitted(quietline)
    assert cloud.invoke("desk", "Purge")["purged"] == 0
    assert _unverified(cloud) == 2


def _unverified(cloud):
    name = cloud.resources("quietline-desk", "AWS::DynamoDB::Table")["Requests"]
    key = {"p": {"S": "line"}, "s": {"S": "unverified"}}
    return int(cloud.client("dynamodb").get_item(TableName=name, Key=key)["Item"]["n"]["N"])


def test_the_purge_goes_on_after_a_supervisor_has_closed_the_line(quietline, cloud):
    """The deed of closing rests with the closures, and the round moves it: what expires still goes."""
    submitted(quietline)
    boss = quietline.token("supervisor")
    span = {"starts_at": "2026-11-24T18:00:00Z", "ends_at": "2026-11-25T11:00:00Z"}
    assert quietline.ask("PUT", "/v1/desk/closures", {"closures": [span]}, token=boss).json() == {"closures": [span]}
    with cloud.at("desk", "Purge", "2027-03-04T12:00:00Z"):
        assert cloud.invoke("desk", "Purge")["purged"] == 1
    trail = quietline.ask("GET", "/v1/desk/audit", token=boss).json()
    assert [each["verb"] for each in trail["entries"]] == ["close-line", "purge"]


def test_the_purge_leaves_nothing_of_what_has_expired(quietline, cloud):
    """A hundred days on, heads, content, messages and shred keys are gone; the trail says that they went."""
    submitted(quietline)
    token = quietline.token("practitioner", "alex")
    claim = claimed(quietline, token)["claim"]
    close = {"number": claim["number"], "outcome": "answered"}
    assert quietline.ask("POST", f"/v1/desk/claims/{claim['request_id']}/close", close, token=token).status == 200
    receipt = submitted(quietline)["receipt"]
    assert quietline.ask("POST", "/v1/mailbox/messages", {"text": "Good."}, receipt=receipt).status == 201
    with cloud.at("desk", "Purge", "2027-03-04T12:00:00Z"):
        assert cloud.invoke("desk", "Purge")["purged"] == 2
    left = cloud.items()
    assert [key for key in left["ShredKeys"] if key[0] != "-"] == []
    assert [key for key in left["Requests"] if key[0].startswith("r#")] == []
    entries = quietline.ask("GET", "/v1/desk/audit", token=quietline.token("auditor")).json()["entries"]
    assert claim["request_id"] in {entry["request_id"] for entry in entries if entry["verb"] == "purge"}


def test_reach_is_counted_by_the_public_face_and_published_by_the_purge(quietline, cloud):
    """A dozen contacts of this month are out once it is over; the public face reads what is out, and never a count."""
    visit = {"campaign": "gm-2018", "region": "E23000005"}
    for _ in range(12):
        assert quietline.ask("POST", "/v1/reach/visits", visit).status == 204
    submitted(quietline, callback(region="E23000005"))
    asked = "/v1/reach?from=2026-11&to=2026-11&region=E23000005"
    assert quietline.ask("GET", asked).json()["contacts"]["published"] is False
    with cloud.at("desk", "Purge", "2026-12-01T12:00:00Z"):
        assert cloud.invoke("desk", "Purge")["published"] == 1
    told = quietline.ask("GET", asked).json()
    assert (told["contacts"]["value"], told["people"]["suppressed"]) == (10, True)


def test_the_desk_counts_its_work_apart_from_the_requests(quietline, cloud):
    """A supervisor reads the month's figures; the table of counts holds a lane and what happened, and nobody."""
    submitted(quietline)
    token = quietline.token("practitioner", "alex")
    claim = claimed(quietline, token)["claim"]
    close = {"number": claim["number"], "outcome": "answered"}
    assert quietline.ask("POST", f"/v1/desk/claims/{claim['request_id']}/close", close, token=token).status == 200
    (lane,) = quietline.ask("GET", "/v1/desk/figures", token=quietline.token("supervisor")).json()["lanes"]
    assert (lane["taken"], lane["closed"], lane["outcomes"]["answered"]) == (1, 1, 1)
    kept = {s for p, s in cloud.items()["Counters"] if p.startswith("desk#")}
    assert kept == {
        "2026-11#callback/en/waited-1-hour",
        "2026-11#callback/en/outcome-answered",
        "2026-11#callback/en/in-time",
    }


def test_a_withdrawal_is_in_the_trail(quietline):
    """The public face, which cannot write the trail, leaves the deed where the desk finds it."""
    accepted = submitted(quietline)
    assert quietline.ask("DELETE", "/v1/mailbox", receipt=accepted["receipt"]).status == 204
    trail = quietline.ask("GET", "/v1/desk/audit", token=quietline.token("auditor")).json()
    assert trail["verified"] is True
    assert [(each["verb"], each["request_id"]) for each in trail["entries"]] == [("withdraw", accepted["request_id"])]


def test_a_missed_call_moves_to_the_next_agreed_window(quietline):
    """The desk takes the place on the next slot that the requester agreed to."""
    accepted = submitted(quietline, callback(also=[main_job.TOMORROW]))
    token = quietline.token("practitioner", "alex")
    claim = claimed(quietline, token)["claim"]
    tried = {"number": claim["number"], "result": "no-answer"}
    answer = quietline.ask("POST", f"/v1/desk/claims/{claim['request_id']}/attempts", tried, token=token).json()
    assert (answer["status"], answer["attempts"]) == ("waiting", 1)
    mailbox = quietline.ask("GET", "/v1/mailbox", receipt=accepted["receipt"]).json()
    assert mailbox["slot"]["id"] == main_job.TOMORROW


def test_a_request_that_everybody_drops_is_parked_and_released(quietline, cloud):
    """The sixth claim meets the fifth lapse and parks the request; a supervisor who has read the trail releases it."""
    submitted(quietline, main_job.information(), path="/v1/information-requests")
    boss, token = quietline.token("supervisor"), quietline.token("practitioner", "alex")
    for turn in range(6):
        with cloud.at("desk", "APIHandler", later(TUESDAY_EVENING, 21 * turn)):
            answer = quietline.ask("POST", "/v1/desk/claims", {}, token=token)
            assert answer.status == (201 if turn < 5 else 204)
            if turn < 5:
                continue
            assert quietline.ask("GET", "/v1/desk/audit", token=boss).json()["verified"] is True
            (parked,) = quietline.ask("GET", "/v1/desk/parked", token=boss).json()["parked"]
            path = f"/v1/desk/parked/{parked['request_id']}/release"
            assert quietline.ask("POST", path, token=boss).status == 200


def test_a_reference_that_was_left_behind_is_given_again(quietline, cloud):
    """A request that died between its reference and its acceptance does not keep the reference."""
    key = {"Idempotency-Key": "a-key-that-is-long-enough"}
    first = submitted(quietline, headers=key)
    cloud.empty(besides="n#")
    assert submitted(quietline, headers=key)["reference"] == first["reference"]


def test_the_drain_stores_into_a_slot_that_many_count_on(quietline, cloud):
    """An accepted request is stored though its slot has filled up meanwhile."""
    for _ in range(41):
        submitted(quietline)
    with cloud.refusing("public:APIHandler", "dynamodb:PutItem"):
        accepted = submitted(quietline)
    mailbox = eventually(lambda: _mailbox(quietline, accepted["receipt"]), seconds=60)
    assert mailbox["slot"]["id"] == main_job.EVENING


def test_a_lost_answer_to_any_write_is_settled(quietline, cloud):
    """Each kind of write is done, and the answer to it lost, once: nobody notices, and nothing is done twice."""
    writes = ("dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem")
    boss, token = quietline.token("supervisor"), quietline.token("practitioner", "alex")
    with cloud.losing("public:APIHandler", *writes) as lost:
        accepted = submitted(quietline)
        assert len(lost) >= 4  # shred key, slot, reference, head
    with cloud.losing("desk:APIHandler", *writes) as lost:
        assert claimed(quietline, token)["claim"]["request_id"] == accepted["request_id"]
        assert len(lost) >= 2  # hand, head
    with cloud.losing("desk:APIHandler", *writes) as lost:
        closed = {"closures": []}
        assert quietline.ask("PUT", "/v1/desk/closures", closed, token=boss).json() == closed
        assert lost
    with cloud.losing("public:APIHandler", *writes) as lost:
        assert quietline.ask("DELETE", "/v1/mailbox", receipt=accepted["receipt"]).status == 204
        assert len(lost) >= 2  # shred key, head
    with cloud.losing("desk:APIHandler", *writes) as lost:
        trail = quietline.ask("GET", "/v1/desk/audit", token=boss).json()
        assert trail["verified"] is True
        assert [each["verb"] for each in trail["entries"]] == ["claim", "open", "close-line", "withdraw"]
        assert lost
    with cloud.losing("desk:Drain", *writes) as lost:
        with cloud.refusing("public:APIHandler", "dynamodb:PutItem"):
            accepted = submitted(quietline)
        assert eventually(lambda: _mailbox(quietline, accepted["receipt"]), seconds=60)
        assert len(lost) >= 4
    assert claimed(quietline, token)  # so that a head has deeds to tell when the purge comes by, and so has the line
    assert quietline.ask("PUT", "/v1/desk/closures", {"closures": []}, token=boss).status == 200
    with cloud.losing("desk:Purge", *writes) as lost, cloud.at("desk", "Purge", "2027-03-04T12:00:00Z"):
        assert cloud.invoke("desk", "Purge")["purged"] >= 1
        assert len(lost) >= 4


def test_no_log_holds_what_anybody_wrote_or_who_they_are(cloud, quietline):
    """After all of this, the log groups hold figures and codes: no phone, name, message, receipt, address or token."""
    receipt = submitted(quietline)["receipt"]
    assert quietline.ask("GET", "/v1/mailbox", receipt=receipt).status == 200
    logs = cloud.logs()
    said = "\n".join(line for lines in logs.values() for line in lines)
    said = re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "", said)  # each run's own number has any digits
    assert "Billed Duration" in said  # there are logs, and we can read them
    for secret in ("900123", "Sam", "bluebell", "Thank you", receipt, "127.0.0.1", "eyJ", "/v1/"):
        assert secret not in said, secret
        assert secret.replace("-", "") not in said, secret


# ---------------------------------------------------------------- policies, held against what was called


@pytest.fixture(scope="module")
def recorded(cloud, shared_quietline):
    """Every call of every function, once everything has been asked of them."""
    for job in (each for each in JOBS if each not in cloud.done):
        cloud.empty()
        job(shared_quietline)
    assert shared_quietline.ask("GET", "/health").status == 200
    api = cloud.outputs("quietline-desk")["RestAPIId"]
    path = f"/restapis/{api}/live/_user_request_/health"
    assert forward(cloud.port, "GET", path, {"host": "127.0.0.1"}, b"")[0] == 200
    return cloud.recorder.calls


BY_LAMBDA = {
    "WriteItsLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "LettersOfTheOverflow": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
}
"""What Lambda itself does in a function's name, and no function calls: exactly what AWS says that it needs."""


def actions(statement):
    """List a statement's actions."""
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def resources(statement):
    """List a statement's resources."""
    return [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]


def partitions(statement):
    """List the partitions that a statement is for; None if it is for all."""
    return statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")


def allows(statement, call):
    """Decide as IAM does."""
    named = partitions(statement)
    return (
        call.action in actions(statement)
        and any(fnmatchcase(_ses(call.resource), pattern) for pattern in resources(statement))
        and (named is None or all(any(fnmatchcase(key, each) for each in named) for key in call.keys))
    )


def _ses(resource):
    return "arn:aws:ses:eu-west-2:000000000000:identity/helpline.example" if resource == "identity" else resource


def test_every_call_is_allowed_by_the_policy_of_its_function(cloud, recorded):
    """Nothing that a function does needs more than its policy says, partition by partition."""
    policies = cloud.policies()
    refused = {
        (call.function, call.action, call.resource, *sorted(call.keys)[:1])
        for call in recorded
        if not call.action.startswith("kms:") and not any(allows(each, call) for each in policies[call.function])
    }
    assert sorted(refused) == []


def test_a_policy_allows_nothing_that_is_never_done(cloud, recorded, request):
    """Each action of each statement is used, on each of its resources and in each of its partitions."""
    chosen = {item.originalname for item in request.session.items if item.path == Path(__file__)}
    if {name for name in globals() if name.startswith("test_")} - chosen:
        pytest.skip("what is never done shows only when everything in this file is done")
    calls = defaultdict(list)
    for call in recorded:
        calls[call.function].append(call)
    unused = set()
    for function, statements in cloud.policies().items():
        for statement in statements:
            if statement["Sid"] in BY_LAMBDA:
                assert actions(statement) == BY_LAMBDA[statement["Sid"]]
                continue
            for action, resource, partition in product(
                actions(statement), resources(statement), partitions(statement) or [None]
            ):
                if not any(_uses(call, action, resource, partition) for call in calls[function]):
                    unused.add((function, statement["Sid"], action, partition))
    assert "\n".join(sorted(map(str, unused))) == ""


def _uses(call, action, resource, partition):
    return (
        call.action == action
        and fnmatchcase(_ses(call.resource), resource)
        and (partition is None or any(fnmatchcase(key, partition) for key in call.keys))
    )


def test_the_public_face_reads_no_draft(cloud):
    """The emulator does not refuse by partition, and the policy names those that are out: drafts are not among them."""
    (table,) = (
        table for name, table in cloud.resources("quietline-desk", "AWS::DynamoDB::Table").items() if name == "Content"
    )
    of_content = [
        each
        for each in cloud.policies()["public:APIHandler"]
        if any(str(named).endswith(f"table/{table}") for named in resources(each))
    ]
    assert [(actions(each), partitions(each)) for each in of_content] == [
        (["dynamodb:GetItem"], ["partner"]),
        (["dynamodb:GetItem"], ["edition"]),
        (["dynamodb:Query"], ["out#*", "past#*"]),
    ]


def test_the_watch_writes_its_count_and_nothing_else(cloud):
    """The emulator does not refuse by partition, and the policy names the one: what only counts can write no head."""
    writing = {"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    writes = [each for each in cloud.policies()["desk:Watch"] if writing & set(actions(each))]
    (write,) = writes
    assert (set(actions(write)), partitions(write)) == ({"dynamodb:GetItem", "dynamodb:PutItem"}, ["line"])


def test_no_policy_allows_by_wildcard(templates):
    """No action and no resource of a role is a pattern; only partitions are."""
    for template in templates.values():
        for resource in template["Resources"].values():
            for policy in resource["Properties"].get("Policies", ()) if resource["Type"] == "AWS::IAM::Role" else ():
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    assert "*" not in json.dumps([statement["Action"], statement["Resource"]])


def test_only_the_desks_api_uses_the_private_key(recorded):
    """KMS is called by the desk's API and by no other function."""
    assert {call.function for call in recorded if call.action.startswith("kms:")} == {"desk:APIHandler"}


FORBIDDEN = [
    ("public:APIHandler", "dynamodb", "scan", {"TableName": "Requests"}),
    ("public:APIHandler", "dynamodb", "scan", {"TableName": "ShredKeys"}),
    (
        "public:APIHandler",
        "dynamodb",
        "query",
        {
            "TableName": "Requests",
            "IndexName": "queue",
            "KeyConditionExpression": "q = :q",
            "ExpressionAttributeValues": {":q": {"S": "R#callback-en#0"}},
        },
    ),
    ("public:APIHandler", "secretsmanager", "get_secret_value", {"SecretId": "AuditSecret"}),
    (
        "public:APIHandler",
        "dynamodb",
        "put_item",
        {"TableName": "Content", "Item": {"p": {"S": "out#signpost"}, "s": {"S": "x"}}},
    ),
    ("public:APIHandler", "dynamodb", "scan", {"TableName": "Content"}),
    ("desk:APIHandler", "dynamodb", "delete_item", {"TableName": "Content", "Key": {"p": {"S": "x"}, "s": {"S": "x"}}}),
    ("public:APIHandler", "sqs", "receive_message", {"QueueUrl": "Overflow"}),
    ("desk:APIHandler", "dynamodb", "scan", {"TableName": "Requests"}),
    (
        "desk:APIHandler",
        "dynamodb",
        "delete_item",
        {"TableName": "ShredKeys", "Key": {"p": {"S": "x"}, "s": {"S": "x"}}},
    ),
    ("desk:APIHandler", "secretsmanager", "get_secret_value", {"SecretId": "Pepper"}),
    ("desk:APIHandler", "sqs", "send_message", {"QueueUrl": "Overflow", "MessageBody": "x"}),
    ("public:APIHandler", "dynamodb", "scan", {"TableName": "Counters"}),
    ("public:APIHandler", "dynamodb", "get_item", {"TableName": "Counters", "Key": {"p": {"S": "x"}, "s": {"S": "x"}}}),
    ("desk:APIHandler", "dynamodb", "scan", {"TableName": "Counters"}),
    ("desk:Watch", "dynamodb", "delete_item", {"TableName": "Counters", "Key": {"p": {"S": "x"}, "s": {"S": "x"}}}),
    ("desk:Drain", "secretsmanager", "get_secret_value", {"SecretId": "Pepper"}),
    ("desk:Watch", "dynamodb", "put_item", {"TableName": "ShredKeys", "Item": {"p": {"S": "x"}, "s": {"S": "x"}}}),
    ("desk:Watch", "dynamodb", "delete_item", {"TableName": "Requests", "Key": {"p": {"S": "x"}, "s": {"S": "x"}}}),
    ("desk:Ring", "dynamodb", "get_item", {"TableName": "ShredKeys", "Key": {"p": {"S": "x"}, "s": {"S": "x"}}}),
]


@pytest.mark.parametrize(("function", "service", "operation", "asked"), FORBIDDEN)
def test_iam_refuses_what_is_not_a_functions_business(cloud, function, service, operation, asked):
    """With a function's own credentials: the public face cannot list or read the queue, and the desk cannot submit."""
    if function not in ("public:APIHandler", "desk:APIHandler"):
        # Credentials exist once it has run.
        cloud.invoke("desk", function.partition(":")[2], {"Records": []} if function == "desk:Drain" else None)
    names = cloud.physical()
    asked = {name: names.get(value, value) if isinstance(value, str) else value for name, value in asked.items()}
    with pytest.raises(ClientError) as refusal:
        getattr(cloud.client(service, function), operation)(**asked)
    assert "AccessDenied" in refusal.value.response["Error"]["Code"] or "AuthorizationError" in str(refusal.value)
