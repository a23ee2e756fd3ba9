"""One connection: how a request is read from it, strictly and with limits, and how its answer is sent."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from chalice.local import ChaliceRequestHandler

from chalicelib.local.server.answering import Asked, written
from chalicelib.local.server.discretion import report

if TYPE_CHECKING:
    from chalice.app import Chalice
    from chalice.config import Config

    from chalicelib.local.server.answering import Answer
    from chalicelib.local.server.listener import Listener

_GULP = 65_536
_ONCE = frozenset({"host", "content-length", "authorization", "transfer-encoding"})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_UNRESERVED = re.compile(r"%(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|5[fF]|6[1-9a-fA-F]|7[0-9aA]|7[eE])")
_PRINTABLE = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MALFORMED = (400, "malformed")
_TOO_LARGE = (413, "too-large")


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


class _Gone(Exception):  # noqa: N818 - nobody malfunctioned: the client left, or is sent away
    """There is nobody to answer any more."""


class _Refused(Exception):  # noqa: N818 - an answer, not a malfunction
    """The request cannot be read on: answer *status*, and end the connection."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Conversation(ChaliceRequestHandler):
    """
    What is said on one connection: requests one after the other, each answered before the next is read.

    Chalice's own handler reads with the parser for e-mail and writes an answer in two pieces. Here the bytes are
    read strictly: what two programs could read in two ways (two lengths, a length beside chunks, folded lines) is
    refused, and the connection ends, because the place where the next request starts is then anybody's guess.

    `deadline` is when `Listener._watch` ends it: setting it costs nothing, and a client cannot prolong it.
    """

    def __init__(
        self,
        request: socket.socket,
        client_address: object,  # noqa: ARG002 - who asks is nobody's business
        server: Listener,
        app_object: Chalice,  # noqa: ARG002 - the hook hands it over; the desk has it already
        config: Config,  # noqa: ARG002 - as above
    ) -> None:
        # Not calling Chalice's own: it builds a gateway for each connection, and starts to read.
        self.socket = request
        self.deadline = math.inf
        self.between_requests = True
        self.known = False
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
            data = written(answer, without_body=False, connection=b"Connection: close\r\n")
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
            data = written(answer, without_body=without_body, connection=connection)
        except ValueError as error:
            report(error)
            answer = self._desk.refused(500, "internal", self._language)
            data = written(answer, without_body=without_body, connection=connection)
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

    def _read(self) -> Asked:
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

    def _understood(self, head: bytes) -> Asked:
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
        return Asked(method, path, query, headers, keep_alive, old)

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


def _framing(asked: Asked) -> tuple[int, bool]:
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
