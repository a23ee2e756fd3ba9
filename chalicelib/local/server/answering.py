"""
What an answer is made of: who answers a request, and the bytes of what is answered.

An error that the server itself has to answer (an unknown path, a body beyond every limit) is worded by the *refuse*
that it is given, so that it reads like every other answer of the helpline and says how else to reach help.
"""

from __future__ import annotations

import base64
import functools
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from chalice.local import (
    LambdaContext,
    LambdaEventConverter,
    LocalChalice,
    LocalGateway,
    LocalGatewayException,
    MatchResult,
    RouteMatcher,
)

from chalicelib.local.server.discretion import report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Chalice
    from chalice.config import Config

    Answer = tuple[int, Mapping[str, str | list[str]], bytes]
    Refuse = Callable[[int, str, str], tuple[int, Mapping[str, str], bytes]]
    Extra = Callable[[dict[str, str], str, bytes], tuple[int, Mapping[str, str], bytes]]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFUSED_METHODS = frozenset({"TRACE", "CONNECT"})
_OURS = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"})
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_BODILESS = frozenset({204, 304})


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
class Asked:
    """One request as it came over the wire. *body* is None when it was too large to keep."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    old: bool
    body: bytes | None = b""


class Desk:
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

    def answer(self, asked: Asked) -> Answer:
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

    def _answer(self, asked: Asked, language: str) -> Answer:
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


def written(answer: Answer, *, without_body: bool, connection: bytes) -> bytes:
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


def one_request_per_thread(app: Chalice) -> None:
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
