"""The two ways to AWS are one to whoever asks: judged alike, renewed alike, and either can be chosen."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore
import pytest
from test_aws_json import ENVIRONMENT, Server, server, way

from chalicelib.adapters import aws_json
from chalicelib.adapters.aws_json import JsonService, Unreached, way_to
from chalicelib.adapters.dynamodb_connection import Connection, Patience, Refused
from chalicelib.config import Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.wiring import House

DYNAMO = "com.amazonaws.dynamodb.v20120810#"
NOT_MET = (400, json.dumps({"__type": f"{DYNAMO}ConditionalCheckFailedException"}))


def error(code, status=400, **more):
    """Make an error of the service."""
    return status, json.dumps({"__type": f"{DYNAMO}{code}", "message": "secret", **more})


def cancelled(*codes):
    """Make the answer to a transaction that was cancelled."""
    return error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@pytest.fixture(scope="module")
def ways():
    """One service, and both ways to it."""
    service = Server()
    made = {
        "direct": Connection(way=way(service.url), patience=Patience(sleep=lambda _: None), read_timeout=30),
        "boto3": Connection(
            endpoint=service.url, region="eu-west-2", patience=Patience(sleep=lambda _: None), read_timeout=30
        ),
    }
    yield service, made
    service.close()


def outcome(service, connection, answers):
    """Say what comes of a call that is answered so, and how often it is made."""
    service.answers, service.asked = list(answers), []
    connection.patience.afresh()
    try:
        said = connection.call("put_item", TableName="t", Item={"p": {"S": "p"}})
        said = {name: value for name, value in said.items() if name != "ResponseMetadata"}
    except Refused as refusal:
        said = "doubtful" if refusal.doubtful else "refused"
    except Unavailable as refusal:
        said = str(refusal)
    return said, len(service.asked)


@pytest.mark.parametrize(
    ("first", "means"),
    [
        (error("ProvisionedThroughputExceededException"), ("refused", 2)),
        (error("ThrottlingException"), ("refused", 2)),
        (error("RequestLimitExceeded"), ("refused", 2)),
        (error("TransactionConflictException"), ("refused", 2)),
        (error("TransactionInProgressException"), ("refused", 2)),
        (error("InternalServerError", 500), ("doubtful", 2)),
        (error("ServiceUnavailable", 503), ("doubtful", 2)),
        ((503, "<html>"), ("doubtful", 2)),
        (None, ("doubtful", 2)),
        (NOT_MET, ("refused", 1)),
        (cancelled("None", "ConditionalCheckFailed"), ("refused", 1)),
        (cancelled("ConditionalCheckFailed", "TransactionConflict"), ("refused", 1)),
        (error("ResourceNotFoundException"), ("storage", 1)),
        (error("ValidationException"), ("storage", 1)),
        (error("AccessDeniedException"), ("storage", 1)),
        (error("InvalidSignatureException"), ("storage", 1)),
        (error("RequestTimeTooSkewed"), ("storage", 1)),
        (error("ExpiredTokenException"), ("storage", 1)),
        (error("UnrecognizedClientException"), ("storage", 1)),
        (error("NobodyKnows"), ("storage", 1)),
        ((429, "{}"), ("storage", 1)),
        ((400, "{"), ("storage", 1)),
        ((200, "{}"), ({}, 1)),
    ],
)
def test_both_ways_make_the_same_of_an_answer(ways, first, means):
    """What is tried again, what is in doubt after it and what is final does not depend on the way."""
    service, connections = ways
    for name, connection in connections.items():
        assert outcome(service, connection, [first, NOT_MET]) == means, name


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_others_were_in_the_way_of_is_judged_alike(ways, reason):
    """It was not done, and no condition of ours was what stopped it: whether it is asked again is one answer."""
    service, connections = ways
    found = {name: outcome(service, each, [cancelled("None", reason), NOT_MET]) for name, each in connections.items()}
    assert found["direct"] == found["boto3"]
    assert found["direct"][0] != "doubtful"


@pytest.mark.parametrize("reasons", [None, "ConditionalCheckFailed", ["ConditionalCheckFailed", 1, None], {}])
def test_reasons_that_are_none_are_a_failure_and_no_accident(reasons):
    """Whatever stands where the reasons of a cancelled transaction should: nothing is refused on the strength of it."""
    said = error("TransactionCanceledException", CancellationReasons=reasons)
    with server(said) as running, pytest.raises(Unavailable):
        Connection(way=way(running.url)).once("transact_write_items", TransactItems=[])


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:99999", "http://127.0.0.1:port", "http://[", "http://a..b", "http://" + "a" * 64]
)
def test_an_address_that_is_none_is_unavailable(address):
    """Whatever stands in the variable of an address, a requester meets a service that is not there, and no accident."""
    with pytest.raises(Unavailable, match="storage"):
        Connection(way=way(address), patience=Patience(again=0)).call("get_item", TableName="t", Key={})


class Hole:
    """A listener of which only connections from number *deaf* on are ever answered; the others stay open in silence."""

    def __init__(self, deaf) -> None:
        self.heard, self.accepted = 0, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, args=(deaf,), daemon=True).start()

    def _serve(self, deaf):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted.append(connection)
            if len(self.accepted) > deaf:
                connection.recv(65536)
                self.heard += 1
                text = NOT_MET[1]
                connection.sendall(f"HTTP/1.1 400 ?\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    def close(self):
        """End."""
        self._listener.close()
        for each in self.accepted:
            each.close()


def test_dead_connections_cost_one_time_out_however_many_there_are():
    """After a long sleep all kept connections may be dead: one is found out, the next attempt goes by a new one."""
    hole, again = Hole(deaf=5), []
    connection = Connection(way=way(hole.url), patience=Patience(sleep=again.append), read_timeout=1.0)
    connection._ready()
    service = connection._direct
    service._idle = [(service._made(), time.time()) for _ in range(5)]
    with pytest.raises(Refused) as refusal:
        connection.call("put_item", TableName="t", Item={})
    assert refusal.value.doubtful, "the first attempt may have been done, and whoever wrote must look"
    assert (len(hole.accepted), len(again)) == (6, 1)
    hole.close()


@pytest.mark.parametrize(("seconds", "kept"), [(0, True), (19, True), (21, False), (-1, False)])
def test_a_connection_that_slept_is_not_trusted(seconds, kept, monkeypatch):
    """After 20 seconds, or when the clock went backwards, a new connection is made: nobody's request tries the old."""
    with server((200, "{}"), (200, "{}")) as running:
        service = JsonService(way(running.url), connect=30, read=30)
        now = time.time()
        monkeypatch.setattr(aws_json.time, "time", lambda: now)
        service.call("get_item", {})
        monkeypatch.setattr(aws_json.time, "time", lambda: now + seconds)
        service.call("get_item", {})
        first, second = (place for *_, place in running.asked)
    assert (first == second) is kept


def test_an_answer_is_waited_for_as_long_as_was_said():
    """Connecting has a limit of its own: once connected, it is the limit for reading that counts."""
    with server() as running:
        made = JsonService(way(running.url), connect=7, read=3)._made()
        assert (made.timeout, made.sock.gettimeout()) == (7, 3)
        made.close()


def test_whom_tls_trusts_is_loaded_once_and_by_authority(tmp_path):
    """Tables, keys and secrets share what a cold start loads; a bundle of one's own is another, which must be there."""
    one, other = (JsonService(way("https://127.0.0.1", name), connect=1, read=1) for name in ("dynamodb", "kms"))
    assert one._trusting() is other._trusting()
    bundle = tmp_path / "bundle"
    own = way_to("dynamodb", {**ENVIRONMENT, "AWS_CA_BUNDLE": str(bundle)}, configured=False)
    for text in (None, "no certificate"):
        if text:
            bundle.write_text(text)
        with pytest.raises(Unreached):
            JsonService(own, connect=1, read=1)._trusting()
    bundle.write_text(Path(botocore.__file__).with_name("cacert.pem").read_text())
    assert JsonService(own, connect=1, read=1)._trusting() is not one._trusting()


@pytest.fixture
def plain(monkeypatch, tmp_path):
    """An environment like a function's on Lambda, and nothing else about AWS."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**ENVIRONMENT, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_an_operator_can_go_back_to_boto3(plain, ways):
    """`QUIETLINE_AWS=boto3` and no release: tables, KMS and secrets are asked by boto3; unset, they are not."""
    service, _ = ways
    plain.setenv("AWS_ENDPOINT_URL_DYNAMODB", service.url)
    service.answers, service.asked = [(200, "{}"), (200, "{}")], []
    for said, by_boto3 in (({}, False), ({"QUIETLINE_AWS": "direct"}, False), ({"QUIETLINE_AWS": "boto3"}, True)):
        house = House(Settings.from_env({**said, "QUIETLINE_STORE": "dynamodb", "QUIETLINE_KMS_KEYS": "a=b"}))
        assert (house._dynamodb._client, house._dynamodb._direct) == (None, None)
        for user in (house._dynamodb, house._managed_secrets._client, house.opener._client):
            assert (user._way is None) is by_boto3
    house._dynamodb.call("get_item", TableName="t", Key={"p": {"S": "p"}})
    assert "Boto3" in service.asked[0][0]["User-Agent"]


@pytest.mark.parametrize(
    "other",
    [
        {"AWS_CREDENTIAL_EXPIRATION": "2026-11-24T18:05:00Z"},
        {"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2"},
        {"AWS_ACCESS_KEY_ID": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "token"},
    ],
)
def test_credentials_that_are_renewed_are_left_to_boto3(other):
    """Variables are read once: whoever has credentials that run out and come anew somewhere else is not asked here."""
    assert way_to("dynamodb", {**ENVIRONMENT, **other}, configured=False) is None


def test_a_container_role_is_renewed(plain):
    """On ECS, EKS or a snapshot of Lambda the credentials come from an address and run out: new ones are fetched."""
    issued = []

    class Said(list):
        def pop(self, _):
            issued.append(f"KEY{len(issued)}")
            return 200, json.dumps({
                "AccessKeyId": issued[-1],
                "SecretAccessKey": "s",
                "Token": "t",
                "Expiration": (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            })  # fmt: skip

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        plain.delenv(name)
    with server() as role, server(*[(200, "{}")] * 2) as tables:
        plain.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{role.url}/role")
        plain.setenv("AWS_ENDPOINT_URL_DYNAMODB", tables.url)
        role.answers = Said()
        house = House(Settings(store="dynamodb"))
        for _ in range(2):
            house._dynamodb.call("get_item", TableName="t", Key={"p": {"S": "p"}})
        used = [headers["Authorization"].partition("Credential=")[2].partition("/")[0] for headers, *_ in tables.asked]
    assert len(set(used)) == 2
    assert set(used) <= set(issued)
