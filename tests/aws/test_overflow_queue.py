"""What an overflow queue must do: the fake that the unit tests lean on, and SQS as ministack has it."""

from __future__ import annotations

import json
import time

import boto3
import pytest
from chalice.test import Client as Face
from fakes import FakeQueue
from heads import NOW, build_head

import app as quietline
from chalicelib.adapters.aws import Client
from chalicelib.adapters.sqs import CONNECT, READ, SqsOverflow
from chalicelib.config import Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.overflow import Overflowed
from chalicelib.wiring import House

LIMIT = 3


class SqsQueue:
    """A queue with dead letters, and what Lambda does with it: receive, hand over, delete what was not named."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs")
        name = f"overflow-{time.monotonic_ns()}"
        self._dead = self._sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": LIMIT})
        self.url = self._sqs.create_queue(
            QueueName=name, Attributes={"VisibilityTimeout": "0", "RedrivePolicy": redrive}
        )["QueueUrl"]
        self.put = SqsOverflow(Client("sqs", connect=30, read=30, attempts=1), self.url).put

    def deliver(self, drain, *, forget=True):
        """Hand one batch over, in the form that Lambda gives it."""
        found = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        if not found:
            return 0
        records = [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": each["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-2:000000000000:quietline-overflow",
                "awsRegion": "eu-west-2",
            }
            for each in found
        ]
        failed = {each["itemIdentifier"] for each in drain({"Records": records}, None)["batchItemFailures"]}
        for each in found:
            if forget and each["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return len(found)

    @property
    def dead(self):
        """Read the dead letters."""
        found = self._sqs.receive_message(QueueUrl=self._dead, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [each["Body"] for each in found.get("Messages", [])]


@pytest.fixture(params=["fake", "sqs"])
def queue(request):
    """One queue or the other."""
    if request.param == "fake":
        return FakeQueue(receives_limit=LIMIT)
    request.getfixturevalue("aws")
    return SqsQueue()


def letters(count):
    """Write letters, as large as they get."""
    return [Overflowed(request=build_head(f"r{n}"), sealed=bytes([n]) * 40_000, queued_at=NOW) for n in range(count)]


class Drain:
    """The function behind the queue: remembers what it was given, and fails what it is told to."""

    def __init__(self, *failing) -> None:
        self.given, self.failing = [], set(failing)

    def __call__(self, event, _context):
        """Take a batch."""
        bodies = [record["body"] for record in event["Records"]]
        self.given += bodies
        failed = [each for each in event["Records"] if each["body"] in self.failing]
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in failed]}


def empty(queue, drain, times=20):
    """Deliver until nothing comes any more."""
    for _ in range(times):
        if not queue.deliver(drain):
            return
    pytest.fail("it never ends")


def test_what_is_put_is_delivered_as_it_was_and_forgotten_once_drained(queue):
    """Every letter, byte for byte; after that the queue is empty."""
    written, drain = letters(12), Drain()
    for letter in written:
        queue.put(letter)
    empty(queue, drain)
    assert sorted(drain.given) == sorted(letter.to_text() for letter in written)
    assert queue.deliver(drain) == 0
    assert queue.dead == []


def test_only_what_failed_comes_again_and_ends_among_the_dead_letters(queue):
    """Of a batch, the failed one alone is delivered again, a few times; then it lies where a person sees it, whole."""
    first, second, third = letters(3)
    for letter in (first, second, third):
        queue.put(letter)
    drain = Drain(second.to_text())
    empty(queue, drain)
    assert drain.given.count(first.to_text()) == drain.given.count(third.to_text()) == 1
    assert drain.given.count(second.to_text()) == LIMIT
    assert queue.dead == [second.to_text()]


def test_what_was_drained_and_not_forgotten_comes_again(queue):
    """Whoever dies between storing and telling the queue gets the letter once more: draining has to be repeatable."""
    (letter,) = letters(1)
    queue.put(letter)
    drain = Drain()
    queue.deliver(drain, forget=False)
    empty(queue, drain)
    assert drain.given == [letter.to_text()] * 2


def test_a_queue_that_is_not_there_takes_nothing(queue):
    """Gone or unreachable, it is told as `storage`, without a word of the letter."""
    (letter,) = letters(1)
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(queue, FakeQueue):
            patch.setattr(queue, "refuses", True)
            put = queue.put
        else:
            gone = SqsOverflow(Client("sqs", connect=CONNECT, read=READ, attempts=1), queue.url + "-gone").put
            _refused(gone, letter)
            patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            put = SqsOverflow(Client("sqs", connect=CONNECT, read=READ, attempts=1), queue.url).put
        _refused(put, letter)
    assert queue.deliver(Drain()) == 0


def _refused(put, letter):
    with pytest.raises(Unavailable) as refused:
        put(letter)
    assert (refused.value.args, refused.value.__cause__) == (("storage",), None)


def test_the_main_job_goes_on_through_the_queue(queue, tmp_path, monkeypatch):
    """Submitted over HTTP while the store refuses, drained by the function as Lambda calls it, answered at the desk."""
    house = House(Settings(home=tmp_path, clock_starts_at=NOW))
    house.__dict__["_overflow"] = queue
    monkeypatch.setattr(quietline, "house", house)
    store = house.store

    def refuse(*_args, **_kwargs):
        raise Unavailable("storage")

    body = {
        "statement_version": "2026-11",
        "details": {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}},
    }
    with Face(quietline.app) as face:

        def ask(method, path, **headers):
            raw = json.dumps(body).encode() if method == "POST" else b""
            sent = {"Content-Type": "application/json", **headers}
            answer = face.http.request(method, path, headers=sent, body=raw)
            return answer.status_code, json.loads(answer.body)

        with monkeypatch.context() as patch:
            patch.setattr(store, "submit", refuse)
            status, accepted = ask("POST", "/v1/callbacks")
            assert status == 201
            queue.deliver(quietline.drain)
        receipt = {"Authorization": f"Receipt {accepted['receipt']}"}
        assert ask("GET", "/v1/mailbox", **receipt)[0] == 404
        empty(queue, quietline.drain)
        status, mailbox = ask("GET", "/v1/mailbox", **receipt)
    assert (status, mailbox["reference"]) == (200, accepted["reference"])
    assert house.desk.casework.claim("alex").opened.details["phone"] == "07700 900123"
    assert queue.dead == []
