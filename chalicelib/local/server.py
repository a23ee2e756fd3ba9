"""
The helpline's door on a person's own machine: plain HTTP/1.1 in front of the Chalice app.

`chalice local` is made for a look at an app, and answers one keep-alive connection 23 times a second. This server uses
Chalice's own gateway, through the hooks that Chalice offers for it (`handler_cls`, `server_cls`), and replaces what is
around: it reads strictly, writes every answer in one piece, gives up on clients that dawdle, and logs nothing about
anybody.

    client -> _Listener -> Conversation -> _Desk -> LocalGateway -> app
                  ^
           _Listener._watch: ends what takes too long

A small crew of threads takes the connections on which somebody has spoken, in the order in which they spoke. A thread
that has to wait for its client (half a request, a long body) leaves the crew for that time and another takes its place:
whoever is slow is slow alone. A thread for each connection was measured as well: it answered a quarter fewer at 50
connections, and at a thousand a few were answered at once while most waited for three seconds.

An error that the server itself has to answer (an unknown path, a body beyond every limit) is worded by the *refuse*
that it is given, so that it reads like every other answer of the helpline and says how else to reach help.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import errno
import functools
import logging
import math
import re
import selectors
import signal
import socket
import socketserver
import threading
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from chalice.config import Config
from chalice.local import (
    ChaliceRequestHandler,
    LambdaContext,
    LambdaEventConverter,
    LocalChalice,
    LocalDevServer,
    LocalGateway,
    LocalGatewayException,
    MatchResult,
    RouteMatcher,
    ThreadedHTTPServer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chalice.app import Chalice

    Answer = tuple[int, Mapping[str, str | list[str]], bytes]
    Refuse = Callable[[int, str, str], tuple[int, Mapping[str, str], bytes]]
    Extra = Callable[[dict[str, str], str, bytes], tuple[int, Mapping[str, str], bytes]]
    Tick = tuple[float, Callable[[], object]]

log = logging.getLogger("quietline.server")

_LISTEN_BACKLOG = 4096
_OPEN_FILES = 16_384
# Only pages that are touched cost memory. Python counts on the main thread's 8 MiB when it bounds the nesting of its C
# code: with less, a body of brackets crashes the process (256 KiB on Python 3.11, 1 MiB on 3.13).
_STACK = 16 * 1024 * 1024
# Few threads, because they take turns anyway: with more of them, more time goes into handing over. More are taken on
# when all are stuck in handlers that wait for something else.
_CREW = 4
_LARGEST_CREW = 64
_GULP = 65_536
_ARENA_MAX = -8  # M_ARENA_MAX of <malloc.h>

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFUSED_METHODS = frozenset({"TRACE", "CONNECT"})
_ONCE = frozenset({"host", "content-length", "authorization", "transfer-encoding"})
_OURS = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_UNRESERVED = re.compile(r"%(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|5[fF]|6[1-9a-fA-F]|7[0-9aA]|7[eE])")
_PRINTABLE = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_BODILESS = frozenset({204, 304})


class PortInUse(OSError):  # noqa: N818 - it reads as what is the case
    """Something else listens there already; the message is one sentence for the person who started us."""


class CannotListen(OSError):  # noqa: N818 - it reads as what is the case
    """The address is not one of this machine's; the message is one sentence, without the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How much the server takes from one client, and how long it waits (in seconds).

    A body over *body* never reaches the app. It is read to its end and answered 413, so that the client hears why;
    beyond *drain* the connection ends instead. The app has a smaller limit of its own: this one is the outer guard.
    """

    connections: int = 4096
    target: int = 8 * 1024
    head: int = 32 * 1024
    headers: int = 100
    body: int = 64 * 1024
    drain: int = 16 * 1024 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    idle_seconds: float = 60.0
    write_seconds: float = 20.0
    linger_seconds: float = 2.0
    stop_seconds: float = 5.0


def serve(  # noqa: PLR0913 - everything a server is made of, by name
    app: Chalice,
    *,
    refuse: Refuse,
    host: str = "127.0.0.1",
    port: int = 8000,
    extra: Mapping[tuple[str, str], Extra] | None = None,
    ticks: Sequence[Tick] = (),
    limits: Limits | None = None,
    ready: Callable[[LocalServer], object] | None = None,
) -> None:
    """
    Open the door until somebody sends SIGINT or SIGTERM, then finish what is in progress and return.

    *ready* is called once the port is taken and before the first request is answered: the place to print where we are.

    Raises:
        PortInUse: the port is taken.
    """
    server = LocalServer(app, refuse=refuse, host=host, port=port, extra=extra, ticks=ticks, limits=limits)
    if ready is not None:
        ready(server)
    server.run()


class LocalServer:
    """
    One listening port in front of one app.

    *refuse(status, code, accept_language)* words the errors that never reach the app. *extra* maps (method, exact path)
    to routes that only a person's own machine has. *ticks* are (seconds, callable): what a schedule does on AWS.
    """

    def __init__(
        self,
        app: Chalice,
        *,
        refuse: Refuse,
        host: str = "127.0.0.1",
        port: int = 8000,
        extra: Mapping[tuple[str, str], Extra] | None = None,
        ticks: Sequence[Tick] = (),
        limits: Limits | None = None,
    ) -> None:
        """
        Take the port; nobody is answered before `run`.

        Raises:
            PortInUse: the port is taken.
            CannotListen: the address is not one of ours.
        """
        _one_request_per_thread(app)
        _hush(app.log)
        _raise_open_files()
        _share_one_heap()
        limits = limits or Limits()
        config = Config.create(app_name=app.app_name)
        desk = _Desk(app, config, refuse=refuse, extra=extra or {})
        listener = functools.partial(_Listener, desk=desk, limits=limits)
        try:
            self._server = LocalDevServer(app, config, host, port, handler_cls=Conversation, server_cls=listener)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                message = "This machine has no such address to listen on."
                raise CannotListen(message) from None
            message = f"Port {port} is already in use: stop what is running there, or choose another port."
            raise PortInUse(message) from None
        self._ticks = ticks
        self._patience = limits.stop_seconds

    @property
    def port(self) -> int:
        """The port we listen on; of interest when 0 asked for any free one."""
        return int(self._server.server.server_port)

    def run(self) -> None:
        """Answer until `stop` is called, or until SIGINT or SIGTERM where this is the main thread."""
        stopped = threading.Event()
        clockwork = threading.Thread(target=_keep_time, args=(self._ticks, stopped), name="ticks", daemon=True)
        clockwork.start()
        try:
            with self._stopped_by_signals():
                self._server.server.serve_forever()
        finally:
            stopped.set()
            clockwork.join(self._patience)

    def stop(self) -> None:
        """Close the door behind those who are in: `run` returns when they are answered, or after five seconds."""
        self._server.shutdown()

    @contextlib.contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = [(number, signal.signal(number, lambda *_: self.stop())) for number in wanted]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)


# --- What an answer is made of ---------------------------------------------------------------------------------------


class _Routes(RouteMatcher):
    """Chalice's matching with a table for paths without parameters; unlike Chalice's, it never matches an empty one."""

    def __init__(self, route_urls: list[str]) -> None:
        super().__init__(route_urls)
        self._concrete = {url for url in self.route_urls if "{" not in url}
        self._patterns: dict[int, list[tuple[str, list[str]]]] = defaultdict(list)
        for url in self.route_urls:
            if "{" in url:
                parts = url.split("/")
                self._patterns[len(parts)].append((url, parts))

    def find(self, path: str) -> tuple[str, dict[str, str]] | None:
        """Return the route of a path without its query, and what its parameters stand for."""
        if path in self._concrete:
            return path, {}
        given = path.split("/")
        for url, parts in self._patterns.get(len(given), ()):
            captured = {}
            for have, want in zip(given, parts, strict=True):
                if want[:1] == "{" and have:
                    captured[want[1:-1]] = have
                elif have != want:
                    break
            else:
                return url, captured
        return None

    def match_route(self, url: str) -> MatchResult:
        """
        Match as Chalice's own matcher does, which the gateway asks.

        Raises:
            ValueError: no such route.
        """
        path, _, query = url.partition("?")
        found = self.find(path)
        if found is None:
            message = "no such route"
            raise ValueError(message)
        return MatchResult(*found, parse_qs(query, keep_blank_values=True) if query else {})


class _Context(LambdaContext):
    """A Lambda context that draws its id only when somebody asks: most never do, and drawing gives up the processor."""

    def __init__(self, function_name: str, memory_size: int, max_runtime_ms: int) -> None:
        self._start_time = time.time() * 1000
        self._max_runtime = max_runtime_ms
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.invoked_function_arn = self.log_group_name = self.log_stream_name = ""
        self.memory_limit_in_mb = memory_size
        self.identity = self.client_context = None

    @functools.cached_property
    def aws_request_id(self) -> str:  # type: ignore[override]  # an attribute there, drawn with every request
        return str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> float:
        return self._max_runtime - (time.time() * 1000 - self._start_time)


class _Gateway(LocalGateway):
    """Chalice's gateway, made once for all requests instead of once for each connection."""

    def __init__(self, app: Chalice, config: Config, routes: _Routes) -> None:
        super().__init__(app, config)
        self.event_converter = LambdaEventConverter(routes, app.api.binary_types)
        name, memory = config.function_name, config.lambda_memory_size or 128
        self._new_context = functools.partial(_Context, name, memory, self.MAX_LAMBDA_EXECUTION_TIME * 1000)

    def _generate_lambda_context(self) -> LambdaContext:
        return self._new_context()


@dataclass(slots=True)
class _Asked:
    """One request as it came over the wire. *body* is None when it was too large to keep."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    old: bool
    body: bytes | None = b""


class _Desk:
    """Decides who answers a request: a route of this machine, the app, or nobody."""

    def __init__(self, app: Chalice, config: Config, *, refuse: Refuse, extra: Mapping[tuple[str, str], Extra]) -> None:
        self._refuse = refuse
        self._extra = dict(extra)
        self._routes = _Routes(list(app.routes))
        self._gateway = _Gateway(app, config, self._routes)
        self._methods = {path: frozenset(methods) for path, methods in app.routes.items()}
        self._with_cors = {
            path for path, methods in app.routes.items() if any(entry.cors is not None for entry in methods.values())
        }

    def answer(self, asked: _Asked) -> Answer:
        """Answer a request that could be read; whatever fails in here ends in a 500 that says nothing about it."""
        language = asked.headers.get("accept-language", "")
        try:
            return self._answer(asked, language)
        except LocalGatewayException as error:
            code = {401: "unauthorized", 403: "forbidden"}.get(error.CODE, "internal")
            return self.refused(error.CODE, code, language)
        except Exception as error:  # noqa: BLE001 - the outermost boundary: nothing of the error may leave
            report(error)
            return self.refused(500, "internal", language)

    def _answer(self, asked: _Asked, language: str) -> Answer:
        if asked.body is None:
            return self.refused(413, "too-large", language)
        method, path = asked.method, asked.path
        if method not in _METHODS and method not in _REFUSED_METHODS:
            return self.refused(501, "method-unknown", language)
        if path == "*" and method == "OPTIONS":
            return 204, {"Allow": ", ".join(sorted(_METHODS))}, b""
        found = self._routes.find(path)
        own = self._methods[found[0]] if found else frozenset()
        here = own.union(verb for verb, where in self._extra if where == path) if self._extra else own
        if not here:
            return self.refused(404, "not-found", language)
        if method == "HEAD" and method not in here:
            method = "GET"
        if (extra := self._extra.get((method, path))) is not None:
            return extra(asked.headers, asked.query, asked.body)
        preflight = method == "OPTIONS" and method not in own
        if preflight and not (found and found[0] in self._with_cors):
            return 204, {"Allow": _allowed(here)}, b""
        if method not in own and not preflight:
            status, headers, body = self.refused(405, "method-not-allowed", language)
            return status, {**headers, "Allow": _allowed(here)}, body
        url = f"{path}?{asked.query}" if asked.query else path
        return _shape(self._gateway.handle_request(method, url, asked.headers, asked.body or None))

    def refused(self, status: int, code: str, language: str = "") -> Answer:
        """Word an error of the server's own; even if wording it fails, the client gets an answer."""
        try:
            return self._refuse(status, code, language)
        except Exception as error:  # noqa: BLE001 - as above
            report(error)
            return status, {"Content-Type": "application/problem+json"}, f'{{"status":{status}}}'.encode()


def _allowed(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


def _shape(response: dict[str, Any]) -> Answer:
    """Read what the app answered, in the shape in which a Lambda answers an API gateway."""
    body = response["body"]
    if body is None:
        body = b""
    elif response.get("isBase64Encoded"):
        body = base64.b64decode(body)
    elif not isinstance(body, bytes):
        body = body.encode()
    headers = response["headers"]
    if response["multiValueHeaders"]:
        headers = {**headers, **response["multiValueHeaders"]}
    return response["statusCode"], headers, body


class _Stamp:
    """The two header lines that only time changes, made once a second."""

    def __init__(self) -> None:
        self._made: tuple[int, bytes] = (0, b"")

    def __call__(self) -> bytes:
        now = int(time.time())
        second, lines = self._made
        if second != now:
            lines = f"\r\nServer: quietline\r\nDate: {formatdate(now, usegmt=True)}\r\n".encode()
            self._made = (now, lines)
        return lines


_stamp = _Stamp()


def _written(answer: Answer, *, without_body: bool, connection: bytes) -> bytes:
    """
    Lay an answer out as the bytes of one write.

    Raises:
        ValueError: a header that would break the answer apart, or that no header may hold.
    """
    status, headers, body = answer
    lines = []
    typed = False
    for name, value in headers.items():
        lower = name.lower()
        if lower in _OURS:
            continue
        typed = typed or lower == "content-type"
        for one in value if isinstance(value, list) else (value,):
            line = f"{name}: {one}\r\n"
            if line.count("\r") + line.count("\n") > 2:  # noqa: PLR2004 - the two at the end
                message = "a header with a line break"
                raise ValueError(message)
            lines.append(line)
    if body and not typed:
        lines.append("Content-Type: application/json\r\n")
    if status not in _BODILESS:
        lines.append(f"Content-Length: {len(body)}\r\n")
    elif body:
        body = b""
    start = _STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status
    head = b"".join((start, _stamp(), "".join(lines).encode("latin-1"), connection, b"\r\n"))
    return head if without_body else head + body


# --- One connection --------------------------------------------------------------------------------------------------


class _Gone(Exception):  # noqa: N818 - nobody malfunctioned: the client left, or is sent away
    """There is nobody to answer any more."""


class _Refused(Exception):  # noqa: N818 - an answer, not a malfunction
    """The request cannot be read on: answer *status*, and end the connection."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


_MALFORMED = (400, "malformed")
_TOO_LARGE = (413, "too-large")


class Conversation(ChaliceRequestHandler):
    """
    What is said on one connection: requests one after the other, each answered before the next is read.

    Chalice's own handler reads with the parser for e-mail and writes an answer in two pieces. Here the bytes are
    read strictly: what two programs could read in two ways (two lengths, a length beside chunks, folded lines) is
    refused, and the connection ends, because the place where the next request starts is then anybody's guess.

    `deadline` is when `_Listener._watch` ends it: setting it costs nothing, and a client cannot prolong it.
    """

    def __init__(
        self,
        request: socket.socket,
        client_address: object,  # noqa: ARG002 - who asks is nobody's business
        server: _Listener,
        app_object: Chalice,  # noqa: ARG002 - the hook hands it over; the desk has it already
        config: Config,  # noqa: ARG002 - as above
    ) -> None:
        # Not calling Chalice's own: it builds a gateway for each connection, and starts to read.
        self.socket = request
        self.deadline = math.inf
        self.between_requests = True
        self._writing = False
        self._expired = False
        self._aside = False
        self._listener = server
        self._limits = server.limits
        self._desk = server.desk
        self._buffer = bytearray()
        self._language = ""

    def converse(self) -> bool:
        """
        Answer what has come in, then stay for more or part; say whether the thread left the crew for it.

        Never raises, and leaves no trace of who it was.
        """
        stays = False
        try:
            while (stays := self._exchange()) and self._buffer and self._aside:
                pass
        except (_Gone, OSError):
            stays = False
        except Exception as error:  # noqa: BLE001 - the outermost boundary of a thread
            report(error)
            stays = False
        self.deadline = time.monotonic() + self._limits.idle_seconds if stays else math.inf
        if not stays:
            with contextlib.suppress(OSError):
                self.socket.close()
        self.between_requests = True
        aside, self._aside = self._aside, False
        if stays:
            self._listener.welcome_back(self, spoken=bool(self._buffer))
        else:
            self._listener.forget(self)
        return aside

    def expire(self) -> None:
        """End the wait for this client; called from another thread."""
        self._expired = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR if self._writing else socket.SHUT_RD)

    def _step_aside(self) -> None:
        """Let another thread take our place in the crew before we wait for this client."""
        if not self._aside:
            self._aside = True
            self._listener.step_aside()

    def turn_away(self) -> None:
        """Answer 503 before anything is read: there are more connections than we serve at once."""
        with contextlib.suppress(OSError):
            answer = self._desk.refused(503, "busy")
            data = _written(answer, without_body=False, connection=b"Connection: close\r\n")
            self.socket.send(data, socket.MSG_DONTWAIT)
        with contextlib.suppress(OSError):
            self.socket.close()

    def _exchange(self) -> bool:
        """Read one request, answer it, and say whether another may follow."""
        self._language = ""
        try:
            asked = self._read()
        except _Refused as refused:
            self._send(self._desk.refused(refused.status, refused.code, self._language), b"Connection: close\r\n")
            self._linger()
            return False
        answer = self._desk.answer(asked)
        keep_alive = asked.keep_alive and not self._listener.stopping
        connection = b"" if keep_alive else b"Connection: close\r\n"
        if keep_alive and asked.old:
            connection = b"Connection: keep-alive\r\n"
        self._send(answer, connection, without_body=asked.method == "HEAD")
        return keep_alive

    def _send(self, answer: Answer, connection: bytes, *, without_body: bool = False) -> None:
        try:
            data = _written(answer, without_body=without_body, connection=connection)
        except ValueError as error:
            report(error)
            answer = self._desk.refused(500, "internal", self._language)
            data = _written(answer, without_body=without_body, connection=connection)
        self.deadline = time.monotonic() + self._limits.write_seconds
        self._writing = True
        sent = 0
        with contextlib.suppress(BlockingIOError):
            sent = self.socket.send(data, socket.MSG_DONTWAIT)
        if sent < len(data):
            self._step_aside()
            self.socket.sendall(memoryview(data)[sent:])
        self._writing = False

    def _linger(self) -> None:
        """
        Hear the client out for a moment after the last word.

        Closing with unread bytes resets the connection, and a client that is still sending never sees the answer.
        """
        self.socket.shutdown(socket.SHUT_WR)
        self.deadline = time.monotonic() + self._limits.linger_seconds
        self._step_aside()
        while self.socket.recv(_GULP):
            pass

    # Reading

    def _more(self) -> None:
        """
        Wait for bytes.

        Raises:
            _Gone: the client left.
            _Refused: it took too long over a request that it had begun.
        """
        try:
            data = self.socket.recv(_GULP, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self._step_aside()
            data = self.socket.recv(_GULP)
        if data:
            self._buffer += data
        elif self._expired and not self.between_requests:
            raise _Refused(408, "timeout")
        else:
            raise _Gone

    def _read(self) -> _Asked:
        asked = self._understood(self._head())
        headers = asked.headers
        length, chunked = _framing(asked)
        if chunked or length:
            self.deadline = time.monotonic() + self._limits.body_seconds
            if "expect" in headers and not asked.old:
                self._encourage(headers["expect"], length)
            asked.body = self._chunks() if chunked else self._counted(length)
        self.deadline = math.inf
        return asked

    def _head(self) -> bytes:
        """Wait for the request line and the headers, up to the empty line that ends them."""
        buffer, limits = self._buffer, self._limits
        if not buffer:
            self._more()
        self.between_requests = False
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or buffer.startswith(b"\r\n"):
            end = self._slow_head()
        if end > limits.head:
            raise _Refused(431, "headers-too-large")
        head = bytes(buffer[:end])
        del buffer[: end + 4]
        return head

    def _slow_head(self) -> int:
        buffer, limits = self._buffer, self._limits
        self.deadline = time.monotonic() + limits.head_seconds
        while True:
            while buffer.startswith(b"\r\n"):
                del buffer[:2]
            end = buffer.find(b"\r\n\r\n")
            if end >= 0:
                return end
            if len(buffer) > limits.target and buffer.find(b"\r\n", 0, limits.target + 32) < 0:
                raise _Refused(414, "uri-too-long")
            if len(buffer) > limits.head:
                raise _Refused(431, "headers-too-large")
            if b"\n\n" in buffer or (buffer and not buffer[:1].isalpha() and buffer[:1] != b"\r"):
                raise _Refused(*_MALFORMED)
            self._more()

    def _fields(self, lines: list[str]) -> dict[str, str]:
        """Read the headers: names in lower case, repeated ones joined."""
        if len(lines) > self._limits.headers:
            raise _Refused(431, "headers-too-large")
        headers: dict[str, str] = {}
        for line in lines:
            written, colon, value = line.partition(":")
            if not colon or _TOKEN.fullmatch(written) is None:
                raise _Refused(*_MALFORMED)
            name = written.lower()
            if name not in headers:
                headers[name] = value.strip(" \t")
            elif name in _ONCE:
                raise _Refused(*_MALFORMED)
            else:
                headers[name] = ", ".join((headers[name], value.strip(" \t")))
        return headers

    def _understood(self, head: bytes) -> _Asked:
        """Read the request line and the headers; what no reader may let pass is refused."""
        lines = head.decode("latin-1").split("\r\n")
        if head.translate(None, _PRINTABLE) != b"\r\n" * (len(lines) - 1):
            raise _Refused(*_MALFORMED)
        headers = self._fields(lines[1:])
        self._language = headers.get("accept-language", "")
        try:
            method, target, version = lines[0].split(" ")
        except ValueError:
            raise _Refused(*_MALFORMED) from None
        if _TOKEN.fullmatch(method) is None or _VERSION.fullmatch(version) is None:
            raise _Refused(*_MALFORMED)
        if version not in {"HTTP/1.1", "HTTP/1.0"}:
            raise _Refused(505, "version")
        if len(target) > self._limits.target:
            raise _Refused(414, "uri-too-long")
        old = version == "HTTP/1.0"
        if not old and "host" not in headers:
            raise _Refused(*_MALFORMED)
        keep_alive = not old
        if "connection" in headers:
            wishes = {wish.strip(" \t") for wish in headers["connection"].lower().split(",")}
            keep_alive = "close" not in wishes and (keep_alive or "keep-alive" in wishes)
        path, query = _place(target)
        return _Asked(method, path, query, headers, keep_alive, old)

    def _encourage(self, expectation: str, length: int) -> None:
        """Tell a client that asked first to go on, unless its body would be refused anyway."""
        if expectation.lower() != "100-continue":
            raise _Refused(417, "expectation")
        if length > self._limits.body:
            raise _Refused(*_TOO_LARGE)
        if len(self._buffer) < max(length, 1):
            self.socket.sendall(_CONTINUE)

    def _counted(self, length: int) -> bytes | None:
        if length > self._limits.drain:
            raise _Refused(*_TOO_LARGE)
        if length > self._limits.body:
            self._skip(length)
            return None
        return self._take(length)

    def _chunks(self) -> bytes | None:
        """Put a chunked body together; None when it grew too large to keep."""
        limits = self._limits
        kept: list[bytes] = []
        total = 0
        while True:
            match = _CHUNK_SIZE.fullmatch(self._line())
            if match is None:
                raise _Refused(*_MALFORMED)
            size = int(match[1], 16)
            if size == 0:
                break
            total += size
            if total > limits.drain:
                raise _Refused(*_TOO_LARGE)
            if total > limits.body:
                kept.clear()
                self._skip(size)
            else:
                kept.append(self._take(size))
            if self._take(2) != b"\r\n":
                raise _Refused(*_MALFORMED)
        for _ in range(limits.headers):
            if not self._line():
                return b"".join(kept) if total <= limits.body else None
        raise _Refused(431, "headers-too-large")

    def _line(self) -> bytes:
        """Take a line of a chunked body: the size of a chunk, or a trailer, which nobody reads."""
        while (end := self._buffer.find(b"\r\n", 0, 4096)) < 0:
            if len(self._buffer) >= 4096:  # noqa: PLR2004 - far more than a size and its extensions need
                raise _Refused(*_MALFORMED)
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _skip(self, count: int) -> None:
        while True:
            here = min(count, len(self._buffer))
            del self._buffer[:here]
            count -= here
            if not count:
                return
            self._more()


def _framing(asked: _Asked) -> tuple[int, bool]:
    """
    Say how long the body is, or that it comes in chunks.

    Raises:
        _Refused: two readers of the same bytes could disagree.
    """
    length, coding = asked.headers.get("content-length"), asked.headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or asked.old:
            raise _Refused(*_MALFORMED)
        if coding.lower() != "chunked":
            raise _Refused(501, "transfer-encoding")
        return 0, True
    if length is None:
        return 0, False
    if _LENGTH.fullmatch(length) is None:
        raise _Refused(*(_TOO_LARGE if length.isascii() and length.isdigit() else _MALFORMED))
    return int(length), False


def _place(target: str) -> tuple[str, str]:
    """Split a request's target into path and query, in the one spelling that routes are matched in."""
    if not target.isascii():
        target = quote(target.encode("latin-1"), safe=_ASCII)
    if target[:1] != "/" and target != "*":
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in {"http", "https"}:
            return "", ""  # an authority, as CONNECT has it: no path of ours
        slash = rest.find("/")
        target = rest[slash:] if slash >= 0 else "/"
    path, _, query = target.partition("?")
    if "%" in path:
        path = _UNRESERVED.sub(lambda match: chr(int(match[1], 16)), path)
    if len(path) > 1 and path[-1] == "/":
        path = path[:-1]
    return path, query


# --- The door --------------------------------------------------------------------------------------------------------


class _Listener(ThreadedHTTPServer):
    """Accepts connections, gives each a thread, and ends those that take too long."""

    request_queue_size = _LISTEN_BACKLOG
    allow_reuse_port = False  # a second server on the same port must hear of it

    def __init__(
        self, address: tuple[str, int], handler: Callable[..., Conversation], *, desk: _Desk, limits: Limits
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.desk = desk
        self.limits = limits
        self.stopping = False
        self._greet = handler
        self._open: set[Conversation] = set()
        self._spoken: deque[Conversation] = deque()
        self._listening = threading.Lock()
        self._counting = threading.Lock()
        self._crew = 0
        self._wanted = _CREW
        self._turns = 0
        self._over = False
        super().__init__(address, handler)
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()

    def server_bind(self) -> None:
        """Take the port, without asking a name server what we are called, as the standard library would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def serve_forever(self, poll_interval: float = 0.05) -> None:
        """Welcome connections until `shutdown`; then let the requests in progress finish."""
        self.socket.settimeout(0)
        self._selector.register(self.socket, selectors.EVENT_READ)
        stack = threading.stack_size(_STACK)
        try:
            self._complete_crew()
            self._watch(poll_interval)
            self._see_off()
        finally:
            self.stopping = self._over = True
            threading.stack_size(stack)
            self._dismiss_crew()

    def _dismiss_crew(self) -> None:
        self._rope.send(b"!")
        self._selector.register(self._bell, selectors.EVENT_READ)
        until = time.monotonic() + 1
        while self._crew and time.monotonic() < until:
            time.sleep(0.001)
        self._rope.close()
        if not self._crew:  # else a handler is stuck; its thread ends with the process
            self._selector.close()
            self._bell.close()

    def shutdown(self) -> None:
        """Ask `serve_forever` to end; may be called from any thread, and from a signal handler."""
        self.stopping = True
        with contextlib.suppress(OSError):
            self._rope.send(b"!")

    def server_close(self) -> None:
        """Give the port back, without the standard library's endless wait for threads: `_see_off` waits."""
        self.socket.close()

    # The crew

    def _complete_crew(self) -> None:
        while True:
            with self._counting:
                if self._crew >= self._wanted or self._over:
                    return
                self._crew += 1
            try:
                threading.Thread(target=self._work, name="crew", daemon=True).start()
            except RuntimeError as error:  # no more threads: whoever steps back next fills the gap, or `_watch` does
                report(error)
                self._leave()
                return

    def step_aside(self) -> None:
        """Count the calling thread out of the crew while it waits for one client, and put another in its place."""
        self._leave()
        self._complete_crew()

    def _step_back(self) -> bool:
        """Count the calling thread in again, and say whether there is room for it."""
        with self._counting:
            needed = self._crew < self._wanted
            self._crew += needed
        return needed

    def _work(self) -> None:
        """Serve whoever has spoken; if nobody has, one of the crew listens to all of them."""
        while not self._over:
            try:
                conversation = self._spoken.popleft()
            except IndexError:
                with self._listening:
                    if not self._spoken and not self._over:
                        self._listen()
                continue
            aside = conversation.converse()
            self._turns += 1
            if aside and not self._step_back():
                return
            if self._crew > self._wanted and not self._spoken:
                break
        self._leave()

    def _leave(self) -> None:
        with self._counting:
            self._crew -= 1

    def _listen(self) -> None:
        for key, _ in self._selector.select():
            if key.data is not None:
                self._selector.unregister(key.fileobj)
                self._spoken.append(key.data)
            elif key.fileobj is self.socket:
                self._welcome()

    def _welcome(self) -> None:
        """Accept whoever waits at the door."""
        while not self.stopping:
            try:
                connection, address = self.socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if not self.stopping:
                    report(error)
                    time.sleep(0.05)  # out of file descriptors: those who are in have to leave first
                return
            with contextlib.suppress(OSError):
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = self._greet(connection, address, self)
            if len(self._open) >= self.limits.connections:
                conversation.turn_away()
                continue
            conversation.deadline = time.monotonic() + self.limits.idle_seconds
            self._open.add(conversation)
            self.welcome_back(conversation)

    def welcome_back(self, conversation: Conversation, *, spoken: bool = False) -> None:
        """Listen for the next request; if it has come already, it queues behind those that came before it."""
        if self._over:
            conversation.socket.close()
        elif spoken:
            self._spoken.append(conversation)
        else:
            self._selector.register(conversation.socket, selectors.EVENT_READ, conversation)

    def forget(self, conversation: Conversation) -> None:
        """Hear that a conversation has ended."""
        self._open.discard(conversation)

    # The watch

    def _watch(self, interval: float) -> None:
        """Look around every so often, until somebody rings the bell."""
        limits = self.limits
        shortest = min(limits.head_seconds, limits.body_seconds, limits.idle_seconds, limits.linger_seconds)
        self._bell.settimeout(min(interval, shortest / 4))
        turns = -1
        while not self.stopping:
            with contextlib.suppress(TimeoutError):
                self._bell.recv(1)
            self._expire_overdue()
            if self._listening.locked():
                self._wanted = _CREW
            elif turns == self._turns:
                self._wanted = min(self._wanted + 1, _LARGEST_CREW)
            turns = self._turns
            self._complete_crew()

    def _expire_overdue(self) -> None:
        now = time.monotonic()
        for conversation in self._open.copy():
            if conversation.deadline < now:
                conversation.deadline = math.inf
                conversation.expire()

    def _see_off(self) -> None:
        """Close the door and wait for requests in progress; whoever is between two of them is not kept."""
        self._selector.unregister(self.socket)
        self.socket.close()
        until = time.monotonic() + self.limits.stop_seconds
        while self._open and time.monotonic() < until:
            for conversation in self._open.copy():
                if conversation.between_requests:
                    conversation.expire()
            self._expire_overdue()
            time.sleep(0.01)


# --- Around it -------------------------------------------------------------------------------------------------------


def report(error: BaseException) -> None:
    """Log an error's type and its line of code, and nothing else: texts of errors carry what people typed."""
    traceback, place = error.__traceback__, "?"
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    log.error("unforeseen %s at %s", type(error).__name__, place)


class _Discreet(logging.Filter):
    """Keeps tracebacks out of Chalice's log: Chalice reports a failed handler with the text of its error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            report(record.exc_info[1])
            return False
        return True


def _hush(logger: logging.Logger) -> None:
    if not any(isinstance(one, _Discreet) for one in logger.filters):
        logger.addFilter(_Discreet())


def _one_request_per_thread(app: Chalice) -> None:
    """Make `app.current_request` and `app.lambda_context` belong to the thread that asks, as `chalice local` does."""
    if not isinstance(app, LocalChalice):
        app.__class__ = type("LocalApp", (_LocalApp, type(app)), {})


class _LocalApp(LocalChalice):
    """Chalice's own local app shares the context between all threads; this one does not."""

    _contexts = threading.local()

    @property
    def lambda_context(self) -> LambdaContext:
        context: LambdaContext = self._contexts.context
        return context

    @lambda_context.setter
    def lambda_context(self, value: LambdaContext) -> None:
        self._contexts.context = value


def _raise_open_files() -> None:
    """Allow ourselves as many open connections as the system lets us, up to a limit of reason."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _share_one_heap() -> None:
    """
    Let all threads take memory from one heap, where the C library would give them eight for each processor.

    Each heap keeps what it ever needed at once, and our threads take turns anyway: two thirds of what a server had
    grown by after 100,000 requests was free memory in sixteen heaps.
    """
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    except (AttributeError, OSError, TypeError):
        return  # only glibc has it, and needs it


def _keep_time(ticks: Sequence[Tick], stopped: threading.Event) -> None:
    """Call each tick every so many seconds, one at a time, until stopped; one that fails has its turn again."""
    due = {index: time.monotonic() + seconds for index, (seconds, _) in enumerate(ticks)}
    while due:
        index = min(due, key=due.__getitem__)
        if stopped.wait(max(0.0, due[index] - time.monotonic())):
            return
        seconds, call = ticks[index]
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the others still have to be called
            report(error)
        due[index] = time.monotonic() + seconds
