"""Mail, the doorbell's topic and secrets, through boto3 against ministack: what it was told is read back there."""

from __future__ import annotations

import json
from hashlib import sha256
from zoneinfo import ZoneInfo

import boto3
import pytest
from chalice.test import Client as Face
from heads import NOW

import app as quietline
from chalicelib.adapters.aws import Client
from chalicelib.adapters.secretsmanager import ManagedSecrets
from chalicelib.adapters.ses import SesMailer
from chalicelib.adapters.sns import SnsDoorbell
from chalicelib.config import Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.local.issuer import LocalIssuer
from chalicelib.ports import Ring
from chalicelib.wiring import House

SENDER = "Information service <no-reply@helpline.example>"
MAIL = {
    "sender": SENDER,
    "to": "sam@example.org",
    "subject": "Yr wybodaeth y gofynnoch amdani",
    "text": "Diolch. Dyma’r wybodaeth: https://www.stopitnow.org.uk/\n",
    "request_id": "the-request-id",
    "message_id": "the-message-id",
}


def client(service):
    """A client as the house makes them, with more patience."""
    return Client(service, connect=30, read=30, attempts=1)


@pytest.fixture
def verified(aws):
    """SES has been told that the sender is ours."""
    boto3.client("sesv2").create_email_identity(EmailIdentity="helpline.example")


def test_a_mail_is_what_it_must_say_and_names_no_request(verified, seen):
    """Sender, recipient, subject and text arrive as they are; nothing tells which request it answers."""
    SesMailer(client("sesv2")).send(**MAIL)
    told = json.dumps(seen("ses/messages"), ensure_ascii=False)
    for part in (SENDER, "sam@example.org", MAIL["subject"], "Dyma’r wybodaeth"):
        assert part in told
    assert "the-request-id" not in told
    assert "the-message-id" not in told


def test_ses_keeps_nothing_that_we_could_erase(verified):
    """What it has taken has left: retention finds no mail of ours there, and a withdrawal needs none to be gone."""
    mailer = SesMailer(client("sesv2"))
    mailer.send(**MAIL)
    mailer.erase(MAIL["request_id"])
    assert list(mailer.kept()) == []


@pytest.mark.parametrize(
    "to",
    ["", "sam", "sam@", "a@example.org, b@example.org", "a@example.org;b@example.org", "a@b@example.org",
     "a@example.org\nBcc: b@example.org", "Sam <a@example.org>", '"a b"@example.org', "a@example.org b"],
)  # fmt: skip
def test_what_is_not_one_address_is_sent_nothing(verified, seen, to):
    """A browser may have sealed anything: no second recipient comes in with the first."""
    before = json.dumps(seen("ses/messages"))
    with pytest.raises(Unavailable, match="mail"):
        SesMailer(client("sesv2")).send(**{**MAIL, "to": to})
    assert json.dumps(seen("ses/messages")) == before


def test_mail_that_ses_refuses_or_does_not_answer_is_told(aws, monkeypatch):
    """A configuration that is wrong, and a service that is away: a code, with nothing of the mail in it."""
    with pytest.raises(Unavailable) as refused:
        SesMailer(client("sesv2")).send(**{**MAIL, "sender": "nobody"})
    assert (refused.value.args, refused.value.__cause__) == (("mail",), None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="mail"):
        SesMailer(client("sesv2")).send(**MAIL)


def test_a_practitioners_answer_leaves_by_ses(verified, seen, tmp_path, monkeypatch):
    """From the form to the mail: a neutral sender and subject, the reply as it was written, and no request named."""
    house = House(Settings(home=tmp_path, clock_starts_at=NOW, mail="ses"))
    monkeypatch.setattr(quietline, "house", house)
    bearer = {"Authorization": "Bearer " + LocalIssuer(tmp_path).token("practitioner", "alex")}
    with Face(quietline.app) as face:

        def post(path, body, **headers):
            sent = {"Content-Type": "application/json", **headers}
            answer = face.http.request("POST", path, headers=sent, body=json.dumps(body).encode())
            return json.loads(answer.body)

        details = {"concern": "professional", "message": "Where do I find it?", "email": "kim@example.org"}
        post("/v1/information-requests", {"statement_version": "2026-11", "details": details})
        claim = post("/v1/desk/claims", {}, **bearer)["claim"]
        path = f"/v1/desk/claims/{claim['request_id']}/replies"
        reply = {"number": claim["number"], "text": "On the page of services.", "by_email": True}
        assert post(path, reply, **bearer)["emailed"] is True
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        house.__dict__.pop("_mailer")
        house.__dict__.pop("desk")
        house.__dict__.pop("_casework")
        assert post(path, {**reply, "text": "Once more."}, **bearer)["emailed"] is False
    told = json.dumps(seen("ses/messages"))
    for part in ("kim@example.org", "On the page of services.", "The information you asked for", "no-reply@helpline"):
        assert part in told
    assert claim["request_id"] not in told
    assert "Once more." not in told


def test_settings_choose_how_mail_leaves(tmp_path):
    """An outbox folder by default, SES where it is asked for."""
    assert type(House(Settings(home=tmp_path))._mailer).__name__ == "Outbox"
    assert type(House(Settings(home=tmp_path, mail="ses"))._mailer).__name__ == "SesMailer"


def test_the_topic_hears_lane_count_and_due_time_and_nothing_else(aws):
    """A subscriber gets the lines; a topic that is gone is a failure and no more."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="doorbell")["TopicArn"]
    url = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    rings = (Ring(lane="callback/en", waiting=3, due_at=NOW), Ring(lane="information/cy", waiting=1, due_at=None))
    SnsDoorbell(client("sns"), topic, ZoneInfo("Europe/London")).ring(rings, at=NOW)
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
    heard = json.loads(message["Body"])
    assert heard["Subject"] == "Quietline: something waits"
    assert heard["Message"] == "callback/en: 3 waiting, next due Tue 24 Nov 18:05\ninformation/cy: 1 waiting"
    with pytest.raises(Unavailable, match="doorbell"):
        SnsDoorbell(client("sns"), topic + "-gone", ZoneInfo("Europe/London")).ring(rings, at=NOW)


def test_secrets_are_read_by_their_arn(aws):
    """As Secrets Manager keeps them; one that is not there is told as `keys`."""
    arn = boto3.client("secretsmanager").create_secret(Name="quietline/pepper", SecretString="long and random")["ARN"]
    secrets = ManagedSecrets(client("secretsmanager"), {"pepper": arn, "audit.key": arn + "-gone"})
    assert secrets.secret("pepper") == sha256(b"long and random").digest()
    with pytest.raises(Unavailable, match="keys"):
        secrets.secret("audit.key")
