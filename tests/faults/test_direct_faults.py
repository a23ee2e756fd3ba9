"""
Whatever a call to DynamoDB without boto3 meets on its socket: nothing false is told, nothing happens twice.

The verbs, and what must be so afterwards, are those of `dynamo_verbs.py`. The weather is made under `JsonService`: a
connection is refused, a socket breaks before the request or after the work was done, an answer is cut, garbled, late
or somebody else's, a connection that was kept is dead. All that is above the socket is what runs in Lambda.
"""

from __future__ import annotations

import os
import socket
from itertools import product

import pytest
from dynamo_verbs import READ_TIMEOUT, TIMES, VERBS, Sky, calls_of, meets, stages
from progress import steps

from chalicelib.adapters import dynamodb_items
from chalicelib.adapters.aws_json import JsonService, way_to
from chalicelib.adapters.dynamodb_connection import Connection

INSTEAD = {
    "throttled": (400, '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'),
    "too-many": (400, '{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"secret"}'),
    "in-the-way": (
        400,
        '{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"TransactionConflict"},"?"]}',
    ),
    "server-error": (500, '{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}'),
    "web-page": (503, "<html><h1>Service unavailable</h1>"),
    "expired": (400, '{"__type":"com.amazon.coral.service#ExpiredTokenException"}'),
    "clock-skew": (400, '{"__type":"com.amazon.coral.service#InvalidSignatureException"}'),
    "unknown": (400, '{"__type":"com.amazonaws.dynamodb.v20120810#NobodyKnows","message":"secret"}'),
}
"""What is answered while the service never hears of the call."""
AFTER = {
    "server-error-after": b"HTTP/1.1 500 ?\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    "gateway-after": b"HTTP/1.1 504 ?\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
    "garbage-after": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n\x00\xff{}[]{",
    "page-after": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>Welcome</html>",
    "noise-after": b"\x15\x03\x01\x00\x02\x02\x50" * 3,
    "chunks-after": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-9\r\n{}\r\n",
    "nothing-after": b"",
}
"""What arrives after the service has done the work."""
FAULTS = (
    *INSTEAD,
    *AFTER,
    *("refused", "no-name", "stale", "half-open", "reset-before", "reset-after"),
    *("time-out-before", "time-out-after", "cut-after", "slow"),
)
FINAL = {"expired", "clock-skew", "unknown"}
"""What another attempt does not mend, and none is made."""
DRAG = 0.9


class Socket(socket.socket):
    """A socket under a weather."""

    def __init__(self, weather, ready) -> None:
        super().__init__(fileno=ready.detach())
        self.settimeout(30)
        self._weather, self._said = weather, None
        self.kept = False

    def sendall(self, data, *more):
        """Send, or not."""
        fault = self._weather.now()
        if self._weather.dead(self):
            return  # into a hole
        if fault == "reset-before":
            raise ConnectionResetError
        if fault in INSTEAD:
            status, text = INSTEAD[fault]
            self._said = f"HTTP/1.1 {status} ?\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
        elif fault != "time-out-before":
            super().sendall(data, *more)

    def recv_into(self, buffer, *more):
        """Receive what arrives, if anything does."""
        fault = self._weather.now()
        if self._weather.dead(self) or fault == "time-out-before":
            self._weather.time += READ_TIMEOUT
            raise TimeoutError
        if self._said is not None:
            return self._give(buffer)
        if fault not in {"reset-after", "time-out-after", "cut-after", *AFTER}:
            return super().recv_into(buffer, *more)
        arrived = self.recv(65536)  # so that the work is done
        if fault == "reset-after":
            raise ConnectionResetError
        if fault == "time-out-after":
            self._weather.time += READ_TIMEOUT
            raise TimeoutError
        self._said = arrived[: len(arrived) - 1] if fault == "cut-after" else AFTER[fault]
        self._ends = True
        return self._give(buffer)

    _ends = False

    def _give(self, buffer):
        count = min(len(buffer), len(self._said))
        buffer[:count], self._said = self._said[:count], self._said[count:]
        if not self._said and not self._ends:
            self._said = None
        return count


class Weather(Sky):
    """What befalls calls without boto3."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.old, self.connect = [], set(), socket.create_connection

    @staticmethod
    def connection(url, patience):
        """Connect."""
        environment = {**os.environ, "AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL_DYNAMODB": url}
        way = way_to("dynamodb", environment, configured=False)
        assert way is not None
        return Connection(way=way, patience=patience, read_timeout=30.0)

    def begin_over(self, url):
        """Be there: it is by the patches of the fixture."""

    def end(self):
        """Let nothing stay open."""
        self.fault = None
        while self.opened:
            self.opened.pop().close()

    def now(self):
        """Say which fault the call that is under way meets."""
        return self.fault if self.is_bad() else None

    def dead(self, one):
        """Tell whether a socket is one that the other side has long forgotten."""
        return self.fault == "half-open" and self.begin < self.calls and id(one) in self.old

    def call(self):
        """Meet a call before it has a connection."""
        self.calls += 1
        self.time += 0.002
        if not self.is_bad():
            return
        if self.fault == "slow":
            self.time += DRAG
        if self.fault == "half-open" and self.calls <= self.begin + 1:
            self.old = {id(each) for each in self.opened}
        if self.fault in {"refused", "no-name", "stale"}:
            for each in self.opened:
                if each.fileno() >= 0:
                    each.shutdown(socket.SHUT_RDWR)

    def connected(self, *where, **more):
        """Connect, or not."""
        if self.now() == "refused":
            raise ConnectionRefusedError
        if self.now() == "no-name":
            raise socket.gaierror(socket.EAI_AGAIN, "no")
        self.opened.append(Socket(self, self.connect(*where, **more)))
        return self.opened[-1]


@pytest.fixture
def weather(monkeypatch):
    """Fair weather, until it is not."""
    made, exchanged = Weather(), JsonService._exchanged

    def meet(service, body, headers):
        made.call()
        return exchanged(service, body, headers)

    monkeypatch.setattr(dynamodb_items, "wall", made.wall)
    monkeypatch.setattr(socket, "create_connection", made.connected)
    monkeypatch.setattr(JsonService, "_exchanged", meet)
    return made


@pytest.fixture
def stage(weather, head, now):
    """How to set the stage anew."""
    yield from stages(weather, head, now)


def is_overcome(fault, times):
    """Tell whether a fault must not be felt: two time-outs are as long as anybody is made to wait."""
    if fault in {"stale", "half-open"}:
        return True  # a new connection is all that it takes, however many old ones there were
    if fault in FINAL or times == "always":
        return False
    return times == "once" or not fault.startswith("time-out")


counted = {}
"""How many calls each verb makes, counted once."""


@pytest.mark.parametrize("fault", FAULTS)
def test_no_answer_is_false(fault, stage, weather):
    """Each fault, at each call of each verb: no false accepted, no false failed, nothing twice, within five seconds."""
    every = bool(os.environ.get("QUIETLINE_EVERY_FAULT"))
    for verb in VERBS.keys() - counted.keys():
        counted[verb] = calls_of(VERBS[verb], stage, weather)
    assert all(counted.values())
    cells = [(verb, at, times) for (verb, times) in product(VERBS, TIMES) for at in range(counted[verb])]
    # Without being asked for all, each fault takes a share of its own: together they leave no call out.
    chosen = cells if every else cells[FAULTS.index(fault) :: len(FAULTS)]
    for number in steps(f"without boto3: {fault}", len(chosen)):
        verb, at, times = chosen[number]
        waits = (verb, fault) != ("purge", "slow")  # nobody waits for the hourly round
        overcome = is_overcome(fault, times)
        meets(stage(), VERBS[verb](), fault, at, TIMES[times], overcome=overcome, waits=waits)
