"""The local server, met over real sockets, in front of a tiny app of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from chalice import Chalice, Response
from real_server import eventually

from chalicelib.local.server import Limits, LocalServer, PortInUse, listener

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

MARKER = "bluebell-7f3a"
LET_GO = threading.Event()
ROOT = Path(__file__).resolve().parents[2]


def refuse(status, code, accept_language):
    """Word an error as the core would."""
    body = json.dumps({"status": status, "code": code, "language": accept_language[:2]}).encode()
    return status, {"Content-Type": "application/problem+json"}, body


def tiny_app() -> Chalice:  # noqa: C901 - as many routes as things to try
    """Build an app with one route for each thing the server could get wrong."""
    app = Chalice("tiny-server-test")
    app.api.binary_types.clear()
    plain = {"Content-Type": "text/plain"}

    @app.route("/hello")
    def hello():
        return Response("hello", headers=plain)

    @app.route("/echo", methods=["POST"], content_types=["text/plain"])
    def echo():
        return Response(app.current_request.raw_body.decode(), headers=plain)

    @app.route("/large")
    def large():
        return Response("x" * 8_000_000, headers={**plain, "server": "tiny/1.0", "content-length": "3"})

    @app.route("/parse", methods=["POST"])
    def parse():
        with contextlib.suppress(RecursionError):
            json.loads(app.current_request.raw_body)
        return Response("survived", headers=plain)

    @app.route("/things/{name}", methods=["GET", "PUT"])
    def thing(name):
        time.sleep(0.002)
        asked = app.current_request
        return Response(json.dumps([name, asked.uri_params["name"], asked.headers["x-name"]]))

    @app.route("/stuck")
    def stuck():
        return Response("slept" if LET_GO.wait(60) else "", headers=plain)

    @app.route("/fails")
    def fails():
        raise RuntimeError(app.current_request.headers["x-marker"])

    @app.route("/split")
    def split():
        return Response("", headers={"X-Bad": "a\rSet-Cookie: b"})

    @app.route("/shared", cors=True)
    def shared():
        return Response("shared", headers=plain)

    @app.route("/headers")
    def headers():
        return Response(json.dumps(dict(app.current_request.headers)))

    return app


def sign_in(headers, _query, body):
    """Answer on a route that only this machine has."""
    return 303, {"Location": "/desk", "X-Length": str(len(body)), "X-Kind": headers["content-type"]}, b""


@contextlib.contextmanager
def running(**options):
    """Run a server of its own in a thread."""
    server = LocalServer(
        options.pop("app", None) or tiny_app(),
        port=0,
        refuse=options.pop("refuse", refuse),
        extra={("POST", "/desk/sign-in"): sign_in},
        **options,
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="module", params=["_best_ears", "_Ears"], ids=["best", "portable"])
def server(request):
    """One server for all tests that leave it as it was: as it hears on this machine, and on any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listener, "_best_ears", getattr(listener, request.param))
        with running() as one:
            yield one


@pytest.fixture(autouse=True)
def reported(monkeypatch):
    """What went wrong among those who listen: nothing, but where a test expects it and takes it away."""
    errors = []
    monkeypatch.setattr(listener, "report", lambda error: errors.append(type(error)))
    yield errors
    assert errors == []


@pytest.fixture
def http(server):
    """One connection that is kept alive."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    yield connection
    connection.close()


def ask(connection, method, path, body=None, headers=None, **options):
    """Ask once; return the answer and its body."""
    connection.request(method, path, body, headers or {}, **options)
    answer = connection.getresponse()
    return answer, answer.read()


def said(server, data: bytes, *, timeout: float = 30.0) -> bytes:
    """Send raw bytes; return all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as raw:
        raw.sendall(data)
        return until_closed(raw)


def until_closed(raw) -> bytes:
    """Read until the server closes."""
    heard = b""
    while piece := raw.recv(65536):
        heard += piece
    return heard


GET = b"GET /hello HTTP/1.1\r\nHost: h\r\n"
LAST = GET + b"Connection: close\r\n\r\n"


def test_keep_alive_never_stalls(http):
    """Of two hundred requests on one connection not half take the 44 ms that Nagle and a delayed ACK would cost."""
    took = []
    for _ in range(200):
        started = time.monotonic()
        assert ask(http, "GET", "/hello")[1] == b"hello"
        took.append(time.monotonic() - started)
    assert sorted(took)[100] < 0.03  # the middle one: on a busy machine some are slow for another reason


def test_a_thousand_at_once_are_all_answered(server):
    """A thousand people who connect in the same moment all get their answer."""

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(LAST)
        heard = await reader.read()
        writer.close()
        return heard

    async def all_of_them():
        return await asyncio.gather(*(one() for _ in range(1000)))

    answers = asyncio.run(all_of_them())
    assert len(answers) == 1000
    assert all(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"hello") for answer in answers)


def test_chunked_body_is_read(http):
    """A body in chunks reaches the app whole."""
    pieces = iter([b"one ", b"two ", b"three"])
    typed = {"Content-Type": "text/plain"}
    assert ask(http, "POST", "/echo", pieces, typed, encode_chunked=True)[1] == b"one two three"


def test_chunk_extensions_and_trailers_are_ignored(server):
    """What may stand beside the chunks changes nothing, and the next request starts where the body ends."""
    body = b"3;a=b\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n"
    head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    heard = said(server, head + body + LAST)
    assert heard.count(b"HTTP/1.1 200 OK") == 2
    assert b"\r\n\r\nabcHTTP/1.1" in heard
    assert b"x-trailer" not in heard.lower()


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"-1\r\n", b"3\r\nabcdef\r\n", b"0x3\r\nabc\r\n", b"\r\n", b"f" * 5000])
def test_bad_chunks_are_refused(server, chunks):
    """A chunk that says something else than it is gets 400, and the connection ends."""
    head = b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert said(server, head + chunks).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("chunked", [False, True])
def test_large_body_is_drained_and_answered(http, chunked):
    """A body of 1 MiB is heard to its end and answered 413, and the connection serves on."""
    body = iter([b"x" * 65536] * 16) if chunked else b"x" * 1_048_576
    answer, problem = ask(http, "POST", "/echo", body, {"Content-Type": "text/plain"}, encode_chunked=chunked)
    assert (answer.status, json.loads(problem)["code"]) == (413, "too-large")
    assert ask(http, "GET", "/hello")[1] == b"hello"


def test_huge_body_is_answered_before_the_connection_ends(http):
    """A client that sends 20 MiB gets to read why they were not taken."""
    answer, problem = ask(http, "POST", "/echo", b"x" * (20 * 1024 * 1024), {"Content-Type": "text/plain"})
    assert (answer.status, json.loads(problem)["code"]) == (413, "too-large")
    assert answer.getheader("Connection") == "close"


def test_body_at_the_limit_reaches_the_app(http):
    """The outer guard takes a body of exactly its limit, and refuses one more byte."""
    typed = {"Content-Type": "text/plain"}
    assert len(ask(http, "POST", "/echo", b"x" * 65536, typed)[1]) == 65536
    assert ask(http, "POST", "/echo", b"x" * 65537, typed)[0].status == 413


def test_deep_nesting_does_not_break_the_thread(http):
    """A body of brackets meets Python's own limit before the end of a thread's stack."""
    typed = {"Content-Type": "application/json"}
    assert ask(http, "POST", "/parse", b'{"a":[' * 10_000, typed)[1] == b"survived"


def test_head_has_no_body(server):
    """HEAD gets the headers of a GET, its length too, and not a byte of the body."""
    heard = said(server, LAST.replace(b"GET", b"HEAD"))
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Length: 5\r\n" in heard
    assert heard.endswith(b"\r\n\r\n")
    assert said(server, LAST.replace(b"GET /hello", b"HEAD /nowhere")).endswith(b"\r\n\r\n")


def test_unknown_path_is_a_problem(http):
    """A path that nobody has is answered 404 in our own words and the asker's language, without a credential in it."""
    headers = {"Accept-Language": "cy", "Authorization": f"Receipt {MARKER}"}
    answer, problem = ask(http, "GET", f"/nowhere/{MARKER}?q={MARKER}", headers=headers)
    assert (answer.status, answer.getheader("Content-Type")) == (404, "application/problem+json")
    assert json.loads(problem) == {"status": 404, "code": "not-found", "language": "cy"}


def test_wrong_method_names_the_right_ones(http):
    """A method that a path does not have is answered 405, and `Allow` tells which it has."""
    answer, problem = ask(http, "DELETE", "/hello")
    assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD, OPTIONS")
    assert json.loads(problem)["code"] == "method-not-allowed"
    assert ask(http, "PATCH", "/things/a")[0].getheader("Allow") == "GET, HEAD, OPTIONS, PUT"
    assert ask(http, "GET", "/desk/sign-in")[0].getheader("Allow") == "OPTIONS, POST"


def test_options_tells_and_preflight_is_chalices(server, http):
    """OPTIONS is answered with what is allowed; where a route has CORS, with Chalice's preflight answer."""
    answer, _ = ask(http, "OPTIONS", "/hello")
    assert (answer.status, answer.getheader("Allow")) == (204, "GET, HEAD, OPTIONS")
    answer, _ = ask(http, "OPTIONS", "/shared")
    assert (answer.status, answer.getheader("Access-Control-Allow-Methods")) == (200, "GET,OPTIONS")
    assert said(server, b"OPTIONS * HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 204 ")


def test_trace_and_nonsense_are_not_echoed(server):
    """TRACE is not allowed and a method that nobody knows is not implemented; neither gives anything back."""
    trace = said(server, f"TRACE /hello HTTP/1.1\r\nHost: h\r\nX-A: {MARKER}\r\nConnection: close\r\n\r\n".encode())
    assert trace.startswith(b"HTTP/1.1 405 ")
    nonsense = said(server, f"{MARKER.upper()} /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    assert nonsense.startswith(b"HTTP/1.1 501 ")
    assert MARKER.encode() not in (trace + nonsense).lower()
    assert b"application/problem+json" in trace
    assert b"application/problem+json" in nonsense


POST = "POST /echo HTTP/1.1\r\nHost: h\r\n"


@pytest.mark.parametrize(
    "head",
    [
        POST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + "Content-Length: +3\r\n\r\nabc",
        POST + "Content-Length: 3, 3\r\n\r\nabc",
        POST + "Content-Length: \xb2\r\n\r\nab",
        POST + "Content-Length : 3\r\n\r\nabc",
        POST + "Content-Length:\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /hello HTTP/1.1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nX-A: a\r\n folded\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nX-A: a\rb\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nX-A: a\nX-B: b\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nX-A: \0\r\n\r\n",
        "GET /hello HTTP/1.1\nHost: h\n\n",
        "GET  /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /hel lo HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /hello\r\n\r\n",
        "GET /hello http/1.1\r\nHost: h\r\n\r\n",
        "\x16\x03\x01\x02\x00",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(server, head):
    """Anything that two readers could take for different requests gets 400, and the connection ends."""
    heard = said(server, head.encode("latin-1"))
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close\r\n" in heard
    assert heard.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET /" + b"a" * 90_000, 414),
        (GET + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (GET + b"X-A: a\r\n" * 101 + b"\r\n", 431),
        (b"GET /hello HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\n", 413),
        (b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: cake\r\n\r\n", 417),
    ],
)
def test_too_much_and_unknown_are_refused(server, head, status):
    """Every limit has the status that names it."""
    assert said(server, head).startswith(b"HTTP/1.1 %d " % status)


def test_dawdlers_are_cut_off_while_others_are_served():
    """Clients that drip half a request are answered 408 when their time is up, and hold up nobody meanwhile."""
    with running(limits=Limits(head_seconds=4, body_seconds=4, linger_seconds=0.2)) as server:
        slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(40)]
        for index, raw in enumerate(slow):
            raw.sendall(GET if index % 2 else b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        started = time.monotonic()
        for _ in range(20):
            assert ask(connection, "GET", "/hello")[1] == b"hello"
        assert time.monotonic() - started < 4
        connection.close()
        for raw in slow:
            assert until_closed(raw).startswith(b"HTTP/1.1 408 ")
            raw.close()
        assert time.monotonic() - started < 25


def test_idle_connections_are_closed_without_a_word():
    """A connection on which nobody speaks is closed when its time is up; an answer to no question would confuse."""
    with running(limits=Limits(idle_seconds=1.5)) as server:
        assert said(server, b"") == b""
        heard = said(server, GET + b"\r\n")
        assert heard.startswith(b"HTTP/1.1 200 ")
        assert heard.count(b"HTTP/1.1 ") == 1


def test_expect_continue(server):
    """A client that asks before it sends is told to go on, and one whose body would be refused is told at once."""
    head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    head += b"Expect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(head + b"Content-Length: 3\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"abc")
        assert until_closed(raw).endswith(b"\r\n\r\nabc")
    assert said(server, head + b"Content-Length: 100000\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_pipelined_requests_are_answered_in_order(server):
    """Requests that arrive in one piece are answered one after the other, bodies and all."""
    post = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nfirst"
    heard = said(server, post + GET + b"\r\n" + LAST)
    assert heard.count(b"HTTP/1.1 200 OK") == 3
    assert heard.index(b"\r\n\r\nfirst") < heard.index(b"\r\n\r\nhello")


def test_old_clients_are_served(server):
    """HTTP/1.0 gets an answer and a closed connection, unless it asks to stay."""
    assert said(server, b"GET /hello HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\nhello")
    stays = b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    heard = said(server, stays + b"GET /hello HTTP/1.0\r\n\r\n")
    assert heard.count(b"HTTP/1.1 200 OK") == 2
    assert heard.count(b"Connection: keep-alive") == 1


@pytest.mark.parametrize(
    "path", ["/hello/", "/hel%6Co", "/hello?q=a%00&q=%zz", "http://h/hello", "/hello?q=\xc5\xb5", "/hello?"]
)
def test_spellings_of_a_path(server, path):
    """A trailing slash, needless percent signs, a whole address and raw UTF-8 all find the same route."""
    heard = said(server, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode("latin-1"))
    assert heard.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/things/", "/things//", "//hello", "/hello//x", "/", "/%2e%2e/etc/passwd", "/%"])
def test_paths_that_lead_nowhere(server, path):
    """An empty parameter, doubled slashes and odd paths are 404, not an accident."""
    heard = said(server, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    assert heard.startswith(b"HTTP/1.1 404 ")


def test_headers_reach_the_app(server):
    """Names arrive in lower case, repeated ones joined, and bytes beyond ASCII break nothing."""
    more = b"X-A: 1\r\nx-a:\t2 \r\nX-B: \xff\r\nConnection: close\r\n\r\n"
    heard = said(server, GET.replace(b"hello", b"headers") + more)
    seen = json.loads(heard.partition(b"\r\n\r\n")[2])
    assert (seen["x-a"], seen["x-b"]) == ("1, 2", "\xff")


def test_every_answer_is_dated_and_names_no_version(http):
    """`Server` says quietline and no more, and there is a date."""
    answer, _ = ask(http, "GET", "/hello")
    assert answer.getheader("Server") == "quietline"
    assert answer.getheader("Date", "").endswith(" GMT")


def test_large_answers_arrive_whole(server):
    """A large answer reaches a client that reads slowly to the last byte, framed by us alone, and delays nobody."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(LAST.replace(b"/hello", b"/large"))
        time.sleep(0.1)
        assert said(server, LAST).endswith(b"hello")
        head, _, body = until_closed(raw).partition(b"\r\n\r\n")
    assert len(body) == 8_000_000
    assert head.lower().count(b"content-length: ") == 1
    assert b"tiny" not in head


def test_extra_routes(http):
    """A route that only this machine has gets headers and body, and answers for itself."""
    answer, _ = ask(http, "POST", "/desk/sign-in", b"code=1", {"Content-Type": "text/x"})
    assert (answer.status, answer.getheader("X-Length"), answer.getheader("X-Kind")) == (303, "6", "text/x")


def test_an_answer_cannot_be_split(http):
    """A line break in a header of the app's becomes a 500, and never a header of its own."""
    answer, _ = ask(http, "GET", "/split")
    assert (answer.status, answer.getheader("Set-Cookie")) == (500, None)


def test_a_failing_refuse_still_answers():
    """Even if wording an error fails, the client gets the status."""

    def broken(*_):
        raise RuntimeError(MARKER)

    with running(refuse=broken) as server:
        heard = said(server, LAST.replace(b"/hello", b"/nowhere"))
    assert heard.startswith(b"HTTP/1.1 404 ")
    assert MARKER.encode() not in heard


def test_too_many_connections_are_told():
    """Beyond the limit of connections the answer is 503, and a place that is left can be taken."""
    with running(limits=Limits(connections=2)) as server:
        held = [HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(2)]
        for connection in held:
            assert ask(connection, "GET", "/hello")[0].status == 200
        assert said(server, b"").startswith(b"HTTP/1.1 503 ")
        for connection in held:
            connection.close()

        def has_room():
            with contextlib.suppress(OSError):
                return said(server, LAST).startswith(b"HTTP/1.1 200 ")

        assert eventually(has_room)


@pytest.fixture
def stuck():
    """What lets those go who are stuck; until then they are."""
    LET_GO.clear()
    yield LET_GO
    LET_GO.set()


def test_stuck_handlers_do_not_stop_the_rest(server, stuck):
    """While more handlers wait for something else than the crew has threads, others are still answered."""
    with ThreadPoolExecutor(12) as people:
        crowd = [people.submit(said, server, LAST.replace(b"/hello", b"/stuck"), timeout=60) for _ in range(12)]
        time.sleep(0.1)
        assert said(server, LAST).endswith(b"hello")
        assert not any(one.done() for one in crowd)
        stuck.set()
        assert all(one.result().endswith(b"slept") for one in crowd)


def test_newcomers_are_heard_while_the_only_one_is_served(server, http, stuck):
    """A thread that serves the only one who speaks listens to the others too, but not for as long as that may take."""
    for _ in range(3):
        assert ask(http, "GET", "/hello")[1] == b"hello"
    with ThreadPoolExecutor(1) as other:
        first = other.submit(ask, http, "GET", "/stuck")
        time.sleep(0.1)
        for _ in range(3):
            assert said(server, LAST, timeout=20).endswith(b"hello")
        assert not first.done()
        stuck.set()
        assert first.result()[1] == b"slept"


def test_who_waits_for_half_a_request_lets_others_be_heard(monkeypatch):
    """The thread that serves the only one who speaks is the one that listens, until it has to wait for him."""
    watch, limits = listener.Listener._watch, Limits(head_seconds=120, body_seconds=120, linger_seconds=120)
    monkeypatch.setattr(listener.Listener, "_watch", lambda self, _: watch(self, 15.0))  # which would relieve it too
    with running(limits=limits) as server, socket.create_connection(("127.0.0.1", server.port), timeout=30) as only:
        for _ in range(3):
            only.sendall(GET + b"\r\n")
            while not (heard := only.recv(65536)).endswith(b"hello"):
                assert heard
        only.sendall(GET)
        time.sleep(0.1)
        started = time.monotonic()
        assert said(server, LAST).endswith(b"hello")
        assert time.monotonic() - started < 10
        only.sendall(b"\r\n")
        assert only.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_the_only_one_is_served_by_the_thread_that_listens(monkeypatch, stuck):
    """Nobody is woken to listen to nobody."""
    watch = listener.Listener._watch
    monkeypatch.setattr(listener.Listener, "_watch", lambda self, _: watch(self, 15.0))
    with running(limits=Limits(linger_seconds=120)) as server, ThreadPoolExecutor(1) as other:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        for _ in range(3):
            assert ask(connection, "GET", "/hello")[1] == b"hello"
        first = other.submit(ask, connection, "GET", "/stuck")
        assert eventually(lambda: server._server.server._keeper)
        stuck.set()
        assert first.result()[1] == b"slept"
        connection.close()


def test_who_spoke_is_answered_whatever_happens_at_the_door(monkeypatch, reported):
    """An error while newcomers are let in takes nobody with it who spoke in the same moment."""
    inner = LocalServer(tiny_app(), port=0, refuse=refuse)._server.server
    monkeypatch.setattr(inner, "_ears", SimpleNamespace(hear=lambda: ["somebody", inner.socket], silent=0))
    monkeypatch.setattr(inner, "_welcome", MagicMock(side_effect=MemoryError))
    with pytest.raises(MemoryError):
        inner._listen()
    assert list(inner._spoken) == ["somebody"]
    inner.server_close()
    assert reported == []


@pytest.mark.parametrize("ears", ["_best_ears", "_Ears"])
def test_who_cannot_be_heard_is_let_go(ears, reported, tmp_path):
    """Where the system listens to one more no longer, that one is let go, and nothing of it stays."""
    inner = LocalServer(tiny_app(), port=0, refuse=refuse)._server.server
    inner._ears = getattr(listener, ears)()
    with (tmp_path / "file").open("w") as file:  # which nobody can wait for
        conversation = MagicMock(socket=file, known=False)
        inner._open.add(conversation)
        inner.welcome_back(conversation)
        assert file.closed
    assert (inner._open, inner._ears.silent, reported) == (set(), 0, [PermissionError])
    inner.server_close()
    reported.clear()


def test_threads_that_die_are_replaced(monkeypatch, reported):
    """However often letting somebody in fails, whoever comes afterwards is served."""

    def fail(*_):
        raise MemoryError

    with running() as server:
        with monkeypatch.context() as patch:
            patch.setattr(server._server.server, "_greet", fail)
            for tried in range(1, 13):
                with contextlib.suppress(OSError):
                    said(server, LAST, timeout=5)
                assert eventually(lambda: len(reported) >= tried)  # noqa: B023 - asked at once
        assert eventually(lambda: said(server, LAST).endswith(b"hello"))
        assert set(reported) == {MemoryError}
        reported.clear()


def test_one_after_the_other_and_all_at_once(server):
    """
    Whether one speaks alone or several take turns or all do at once, everybody is answered, again and again.

    One alone for longer than the watch takes to look round, so that it meets whoever keeps listening.
    """
    many = [HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(6)]
    with ThreadPoolExecutor(len(many)) as people:
        for turn in range(24):
            who = (many[:1], many[:2], many, many[turn % 6 :])[turn % 4]
            until = time.monotonic() + (0.12 if len(who) == 1 else 0)
            while time.monotonic() < until:
                assert ask(many[0], "GET", "/hello")[1] == b"hello"
            for _ in range(3):
                assert [answer for _, answer in people.map(lambda one: ask(one, "GET", "/hello"), who)] == [
                    b"hello"
                ] * len(who)
    for one in many:
        one.close()


def test_current_request_is_never_mixed_up(server):
    """Fifty people at once each get an answer made from their own request."""

    def person(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for turn in range(10):
            name = f"n{number}-{turn}"
            assert json.loads(ask(connection, "GET", f"/things/{name}", headers={"X-Name": name})[1]) == [name] * 3
        connection.close()

    with ThreadPoolExecutor(50) as people:
        list(people.map(person, range(50)))


def test_nothing_of_a_request_is_logged(server, caplog, capfd):
    """A handler that raises, a client that leaves midway and a broken request log no path, header, address or text."""
    log = logging.getLogger("tiny-server-test")
    log.propagate = True
    with caplog.at_level(logging.DEBUG):
        head = f"GET /fails?{MARKER} HTTP/1.1\r\nHost: h\r\nX-Marker: {MARKER}\r\nConnection: close\r\n\r\n"
        assert said(server, head.encode()).startswith(b"HTTP/1.1 500 ")
        said(server, f"GET /{MARKER} HTTP/1.1\r\n{MARKER}\r\n\r\n".encode())
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"POST /echo HTTP/1.1\r\nX: {MARKER}\r\nHost: h\r\nContent-Length: 9\r\n\r\nab".encode())
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.sendall(GET + b"\r\n")
        time.sleep(0.2)
    said_aloud = capfd.readouterr()
    everything = caplog.text + said_aloud.out + said_aloud.err
    assert "unforeseen RuntimeError at test_server.py:" in everything
    for secret in (MARKER, "/fails", "/echo", "127.0.0.1", "Traceback"):
        assert secret not in everything
    assert len([record for record in caplog.records if record.name.startswith(("quietline", "tiny"))]) == 1


def test_ticks_run_and_survive_their_errors(caplog):
    """Each tick is called again and again, although one of them fails, and the log names no text."""
    calls = {"good": 0, "bad": 0}

    def good() -> None:
        calls["good"] += 1

    def bad() -> None:
        calls["bad"] += 1
        raise RuntimeError(MARKER)

    with running(ticks=[(0.02, bad), (0.03, good)]):
        until = time.monotonic() + 30
        while min(calls.values()) < 3 and time.monotonic() < until:
            time.sleep(0.01)
    assert min(calls.values()) >= 3
    assert "unforeseen RuntimeError" in caplog.text
    assert MARKER not in caplog.text


def test_port_in_use_is_one_sentence(server):
    """Whoever starts a second server on the same port is told so in one sentence."""
    with pytest.raises(PortInUse) as raised:
        LocalServer(tiny_app(), port=server.port, refuse=refuse)
    assert str(raised.value) == (
        f"Port {server.port} is already in use: stop what is running there, or choose another port."
    )


PROGRAM = """
import sys, time
from chalice import Chalice, Response
from chalicelib.local.server import serve
app = Chalice("tiny")
@app.route("/slow")
def slow():
    print("begun", flush=True)
    time.sleep(0.5)
    return Response("finished")
serve(app, port=0, refuse=lambda *_: (500, {}, b""), ticks=[(60, int)], ready=lambda it: print(it.port, flush=True))
print("over", flush=True)
"""


@pytest.mark.parametrize(("number", "before"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGTERM, 2)])
def test_a_signal_ends_it_after_the_last_answer(number, before):
    """
    A signal closes the door, lets the request in progress finish, drops idle connections, and ends with 0.

    Also where the one who is served has asked *before*, so that the thread that serves him is the one that listens.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as idle,
        socket.create_connection(("127.0.0.1", port), timeout=30) as busy,
    ):
        for _ in range(before):
            busy.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            assert process.stdout.readline() == "begun\n"
            while not (heard := busy.recv(65536)).endswith(b"finished"):
                assert heard
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        assert process.stdout.readline() == "begun\n"
        started = time.monotonic()
        process.send_signal(number)
        assert until_closed(idle) == b""
        heard = until_closed(busy)
    out, err = process.communicate(timeout=60)
    assert heard.endswith(b"finished")
    assert b"Connection: close\r\n" in heard
    assert (out, err, process.returncode) == ("over\n", "", 0)
    assert time.monotonic() - started < 12  # an idle connection is given longer than that


HEAPS = """
import ctypes, threading
from chalice import Chalice
from chalicelib.local.server import LocalServer
LocalServer(Chalice("tiny"), port=0, refuse=None)
libc, met = ctypes.CDLL(None), threading.Barrier(8)
def one():
    met.wait()
    libc.malloc(5000)
    met.wait()
many = [threading.Thread(target=one) for _ in range(8)]
for each in many: each.start()
for each in many: each.join()
if hasattr(libc, "malloc_info"):
    libc.fdopen.restype = ctypes.c_void_p
    out = ctypes.c_void_p(libc.fdopen(1, b"w"))
    libc.malloc_info(0, out)
    libc.fflush(out)
"""


def test_threads_share_one_heap():
    """What one thread gives back another one uses; only glibc has a heap for each, and a word to count them by."""
    ran = subprocess.run([sys.executable, "-c", HEAPS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.count("<heap ") == hasattr(ctypes.CDLL(None), "malloc_info")
