"""AWS's JSON spoken directly: signed as botocore signs, judged as botocore's errors are, and only where it may be."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import engines
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chalicelib.adapters.aws import Client, unavailable
from chalicelib.adapters.aws_json import JsonService, Unreached, way_to
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_connection import Connection, Patience, Refused
from chalicelib.adapters.dynamodb_table import Table
from chalicelib.domain.errors import Unavailable

ENVIRONMENT = {
    "AWS_REGION": "eu-west-2",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "a token",
}
ENGINE = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"


def way(address, service="dynamodb"):
    """Make the way to an address."""
    return way_to(service, {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}, configured=False)


class Server:
    """Answers as it is told: (status, body), None for an end of the line, or "silence"."""

    def __init__(self, *answers) -> None:
        self.answers, self.asked = list(answers), []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                """Say nothing."""

            def do_GET(self):
                server.asked.append((dict(self.headers), None, self.client_address))
                self._answer()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append((dict(self.headers), json.loads(body), self.client_address))
                self._answer()

            def _answer(self):
                said = server.answers.pop(0)
                if said == "silence":
                    server.over.wait(10)
                if not isinstance(said, tuple):
                    self.close_connection = True
                    return
                status, text, *more = said
                self.send_response(status)
                self.send_header("Content-Length", str(len(text) + (5 if "cut" in more else 0)))
                self.end_headers()
                self.wfile.write(text.encode())
                self.close_connection = bool(more)

        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        """End."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def server(*answers):
    """Serve for a while."""
    running = Server(*answers)
    try:
        yield running
    finally:
        running.close()


def refused_port():
    """Find a port where nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("token", ["a token", None])
@pytest.mark.parametrize("endpoint", ["https://dynamodb.eu-west-2.amazonaws.com", "http://127.0.0.1:8123/here"])
def test_it_signs_as_botocore_does(token, endpoint):
    """The same request at the same second has the same signature, byte for byte."""
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint, "AWS_SESSION_TOKEN": token or ""}
    there = way_to("dynamodb", environment, configured=False)
    body = b'{"TableName": "quietline"}'
    theirs = AWSRequest(
        method="POST",
        url=endpoint,
        data=body,
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.GetItem"},
    )
    signer = SigV4Auth(Credentials(there.key_id, there.secret, there.token), "dynamodb", "eu-west-2")
    signer.add_auth(theirs)
    stamp = theirs.headers["X-Amz-Date"]
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = JsonService(there, connect=1, read=1)._signed("DynamoDB_20120810.GetItem", body, moment)
    assert ours["authorization"] == theirs.headers["Authorization"]


@pytest.mark.parametrize(
    "other",
    [
        {"AWS_REGION": ""},
        {"AWS_REGION": "cn-north-1"},
        {"AWS_REGION": "us-isob-east-1"},
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_PROFILE": "mine"},
        {"HTTPS_PROXY": "http://proxy"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
    ],
)
def test_whatever_it_does_not_know_is_left_to_boto3(other):
    """Another partition, other credentials, a proxy or special endpoints: none of them is guessed at."""
    assert way_to("dynamodb", ENVIRONMENT, configured=False) is not None
    assert way_to("dynamodb", {**ENVIRONMENT, **other}, configured=False) is None
    assert way_to("dynamodb", ENVIRONMENT, configured=True) is None


def test_it_goes_where_boto3_would():
    """A service's own address counts before the one for all; without either it is AWS's. No secret is shown."""
    both = {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://one"}
    assert way_to("dynamodb", both, configured=False).endpoint == "http://all"
    assert way_to("secretsmanager", both, configured=False).endpoint == "http://one"
    plain = way_to("secretsmanager", ENVIRONMENT, configured=False)
    assert plain.endpoint == "https://secretsmanager.eu-west-2.amazonaws.com"
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in repr(plain)


@pytest.fixture
def tables():
    """Empty tables."""
    address = engines.make_tables(ENGINE)
    yield address.split("|")[1:]
    engines.drop_tables(address)


def test_a_table_reads_the_same_either_way(tables):
    """What one way writes the other reads: text, numbers, bytes, pages, batches, conditions and transactions."""
    url, name = tables
    direct = Table(Connection(way=way(url), patience=Patience(again=20, limit=60), read_timeout=30), name)
    usual = Table(engines.connection(url), name)
    item = {"p": "one", "s": "é ' \" \n", "n": -(2**40), "b": bytes(range(256)), "B": "a name that looks like a type"}
    for writer, reader in ((direct, usual), (usual, direct)):
        assert writer.put_new({**item, "p": f"{id(writer)}"})
        assert not writer.put_new({**item, "p": f"{id(writer)}"})
        key = (f"{id(writer)}", item["s"])
        assert reader.get(key) == writer.get(key) == {**item, "p": f"{id(writer)}"}
        first = writer.swap(("swap", f"{id(writer)}"), None, {"n": 1}, along=(writer.counted((key[0], "count")),))
        assert reader.swap(("swap", f"{id(writer)}"), None, {"n": 2}) is None
        assert reader.swap(("swap", f"{id(writer)}"), None, {"n": 2}, along=(writer.counted(key),)) is None
        assert reader.swap(("swap", f"{id(writer)}"), first, {"n": 3})["v"] == 2
        writer.add_one((key[0], "count"), "n")
        assert reader.get((key[0], "count"))["n"] == 2
    assert len(list(direct.query("swap"))) == len(list(usual.query("swap", page=1))) == 2
    keys = [(each["p"], each["s"]) for each in usual.scan()]
    assert direct.get_many(keys) == usual.get_many(keys)
    direct.delete(keys[0])
    assert usual.get(keys[0]) is None


def test_a_request_is_kept_and_found_the_direct_way(tables, head, now):
    """The store of requests works on it: submitted, claimed inside a transaction, and its content read back."""
    url, name = tables
    connection = Connection(way=way(url), patience=Patience(again=20, limit=60), read_timeout=30)
    store = DynamoStore(Table(connection, name), audit_key=lambda: b"k" * 32)
    sent = store.submit(head(now=now), content=bytes(range(256)), capacity=3, now=now)
    assert store.get(sent.request_id, now=now) == sent
    assert store.content(sent) == bytes(range(256))
    assert connection._client is None


def test_a_table_that_is_not_there_is_refused_at_once(tables):
    """What will not mend by waiting is not asked twice."""
    url, _ = tables
    slept = []
    connection = Connection(way=way(url), patience=Patience(sleep=slept.append))
    with pytest.raises(Unavailable):
        Table(connection, "nobodys").get(("p", "s"))
    assert slept == []


@pytest.mark.parametrize(
    ("said", "doubtful", "tries"),
    [
        ((500, '{"__type":"InternalServerError"}'), True, 2),
        ((503, "<html>"), True, 2),
        ((400, '{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}'), False, 2),
        ((200, "not JSON"), True, 2),
        ((200, "[1]"), True, 2),
        ((200, '{"Item":', "cut"), True, 2),
        (None, True, 2),
        ("silence", True, 2),
        ((400, '{"__type":"com.amazon.coral.validate#ValidationException","message":"secret"}'), None, 1),
        ((403, "no"), None, 1),
    ],
)
def test_each_failure_means_what_it_means_to_botocore(said, doubtful, tries):
    """Tried again or not, and whether the first may have been done: then a condition that is not met is in doubt."""
    then = (400, '{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}')
    patience = 1.0 if said == "silence" else 30.0  # of the others none is to run into it
    with server(said, then) as running:
        connection = Connection(way=way(running.url), patience=Patience(sleep=lambda _: None), read_timeout=patience)
        with pytest.raises(Unavailable if tries == 1 else Refused) as refusal:
            connection.call("put_item", TableName="t", Item={})
    assert len(running.asked) == tries
    if tries == 2:
        assert refusal.value.doubtful is doubtful
    else:
        assert "secret" not in repr(refusal.value)


def test_a_transaction_that_was_refused_tells_why():
    """A condition that was not met is told from another transaction in the way, which is tried again."""

    def cancelled(*codes):
        reasons = [{"Code": code} for code in codes]
        return 400, json.dumps({"__type": "x#TransactionCanceledException", "CancellationReasons": reasons})

    with server(cancelled("None", "ConditionalCheckFailed")) as running:
        connection = Connection(way=way(running.url))
        with pytest.raises(Refused) as refusal:
            connection.call("transact_write_items", TransactItems=[])
    assert not refusal.value.doubtful
    headers, *_ = running.asked[0]
    assert headers["x-amz-target"] == "DynamoDB_20120810.TransactWriteItems"
    assert headers["x-amz-security-token"] == "a token"


def test_where_nobody_answers_nothing_was_sent():
    """A refused connection is no doubt; an address that is none is unavailable, and says nothing of the settings."""
    service = JsonService(way(f"http://127.0.0.1:{refused_port()}"), connect=0.5, read=0.5)
    with pytest.raises(Unreached) as refusal:
        service.call("get_item", {})
    assert not refusal.value.sent
    with pytest.raises(Unavailable):
        Connection(way=way("ftp://secret")).call("get_item", TableName="t", Key={})


def test_a_connection_is_kept_and_one_that_was_closed_is_not_used():
    """A function that slept finds its connection closed by the other side, and nobody's request is lost with it."""
    with server((200, "{}"), (200, "{}", "bye"), (200, "{}")) as running:
        service = JsonService(way(running.url), connect=30, read=30)
        assert [service.call("get_item", {}) for _ in range(3)] == [(200, {})] * 3
        places = [place for *_, place in running.asked]
    assert places[0] == places[1] != places[2]


def test_an_untrusted_server_is_not_spoken_to(tmp_path):
    """Over TLS the other side must prove who it is, by the authorities that are trusted."""
    with server() as running:
        service = JsonService(way(running.url.replace("http:", "https:")), connect=0.5, read=0.5)
        with pytest.raises(Unreached) as refusal:
            service.call("get_item", {})
    assert not refusal.value.sent
    assert service._trusting().check_hostname
    missing = {**ENVIRONMENT, "AWS_CA_BUNDLE": str(tmp_path / "missing")}
    with pytest.raises(Unreached):
        JsonService(way_to("dynamodb", missing, configured=False), connect=0.5, read=0.5).call("get_item", {})


def test_a_secret_is_read_the_direct_way_and_asked_for_twice():
    """One failure is forgiven; a refusal is not asked again; either way the code is all that is told."""
    with server(None, (200, '{"SecretString":"s"}'), (400, '{"__type":"AccessDeniedException"}')) as running:
        client = Client("secretsmanager", connect=30, read=30, attempts=2, way=way(running.url, "secretsmanager"))
        assert client("get_secret_value", refuse=unavailable("keys"), SecretId="arn")["SecretString"] == "s"
        heard = []
        with pytest.raises(Unavailable):
            client("get_secret_value", refuse=lambda code: heard.append(code) or Unavailable("keys"), SecretId="arn")
    assert heard == ["AccessDeniedException"]
    assert [asked[0]["x-amz-target"] for asked in running.asked] == ["secretsmanager.GetSecretValue"] * 3
    assert running.asked[0][0]["content-type"] == "application/x-amz-json-1.1"
