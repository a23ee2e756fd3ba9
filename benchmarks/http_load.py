"""
How many requests a second a server answers: a load generator that is lighter than what it measures.

    python benchmarks/http_load.py --url http://127.0.0.1:8000/health --connections 50 --seconds 3

Every connection is kept alive and has one request under way at a time, so that `--connections` is also the number of
people who wait. With `--unique`, each `{n}` in the body and in the headers becomes a number that no request shares, in
this run or another. When time is up, what is under way is waited for: an answer that does not come within ten seconds
is counted as lost. Prints one line of JSON: requests_per_second, p50_ms, p99_ms, errors, statuses, and generator_share,
how much of one core went into asking. Uses the standard library alone, with bytes made beforehand, and several
processes where one would be the bottleneck.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import multiprocessing
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NUMBER = b"{n}"
_DIGITS = 20
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)


@dataclass(kw_only=True)
class Load:
    """What is sent, to whom, and for how long."""

    host: str
    port: int
    request: list[bytes]
    connections: int
    seconds: float
    warm_up: float
    patience: float = 10.0


@dataclass
class Tally:
    """What came back: how long each answer took, in seconds, and what it was."""

    took: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


def prepared(
    *, url: str, method: str, headers: Sequence[str], body: bytes, unique: bool, close: bool = False
) -> tuple[str, int, list[bytes]]:
    """Make the bytes of the request, cut where a number goes in; the number's width is fixed, and so is the length."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        message = "only http:// addresses can be loaded"
        raise ValueError(message)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    length = len(body) + (body.count(_NUMBER) * (_DIGITS - len(_NUMBER)) if unique else 0)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", *headers]
    if body or method not in {"GET", "HEAD", "DELETE"}:
        lines.append(f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return parts.hostname, parts.port or 80, whole.split(_NUMBER) if unique else [whole]


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, ask: Callable[[], bytes], tally: Tally, state: _State, *, bodiless: bool) -> None:
        self._ask = ask
        self._tally = tally
        self._state = state
        self._bodiless = bodiless
        self._closes = state.closes
        self._asked_at = 0.0
        self._seen = b""
        self._missing = -1
        self._waiting = False
        self._status = ""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._next()

    @property
    def waits(self) -> bool:
        """Whether a request is under way."""
        return self._waiting

    def _next(self) -> None:
        if self._state.over or self.transport is None:
            self._waiting = False
            return
        self._seen = b""
        self._missing = -1
        self._waiting = True
        self._asked_at = time.perf_counter()
        self.transport.write(self._ask())

    def data_received(self, data: bytes) -> None:
        if self._missing >= 0:
            self._missing -= len(data)
        else:
            self._seen = data = self._seen + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                return
            self._status = data[9:12].decode("latin-1")
            head = data[: end + 2]
            if self._bodiless or self._status in {"204", "304"}:
                self._missing = 0
            elif (match := _LENGTH.search(head)) is not None:
                self._missing = int(match[1]) - (len(data) - end - 4)
            elif _CHUNKED.search(head) is not None:
                if not data.endswith(b"0\r\n\r\n"):
                    return
                self._missing = 0
            else:
                self._tally.errors["answer without a length"] += 1
                self._missing = 0
        if self._missing > 0:
            return
        self._tally.answered += 1
        if self._state.counting:
            self._tally.took.append(time.perf_counter() - self._asked_at)
            self._tally.statuses[self._status] += 1
        if self._closes:
            self._waiting = False  # the server closes; `connection_lost` opens the next one
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._waiting:
            self._waiting = False
            self._tally.errors[type(exc).__name__ if exc else "closed before the answer"] += 1
        if not self._state.over:
            self._state.lost(self)


class _State:
    """What all connections of one process share."""

    def __init__(self, load: Load, tally: Tally, numbers: Iterator[int]) -> None:
        self.counting = False
        self.over = False
        self._load = load
        self._tally = tally
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[_Client] = set()
        pieces = load.request
        if len(pieces) == 1:
            only = pieces[0]
            self._ask: Callable[[], bytes] = lambda: only
        else:
            self._ask = lambda: (b"%0*d" % (_DIGITS, next(numbers))).join(pieces)
        self._bodiless = pieces[0].startswith(b"HEAD ")
        self.closes = any(b"\r\nConnection: close\r\n" in piece for piece in pieces)

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()

        def client() -> _Client:
            return _Client(self._ask, self._tally, self, bodiless=self._bodiless)

        while not self.over:
            try:
                _, made = await loop.create_connection(client, self._load.host, self._load.port)
            except OSError as error:
                self._tally.errors[type(error).__name__] += 1
                await asyncio.sleep(0.05)
            else:
                self._clients.add(made)
                return

    async def settle(self, patience: float) -> None:
        """Wait for what is under way; whoever has heard nothing after *patience* seconds is lost."""
        until = time.perf_counter() + patience
        while any(client.waits for client in self._clients) and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        unanswered = sum(client.waits for client in self._clients)
        if unanswered:
            self._tally.errors["never answered"] += unanswered

    def lost(self, client: _Client) -> None:
        self._clients.discard(client)
        task = asyncio.get_running_loop().create_task(self.connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _press(load: Load, numbers: Iterator[int]) -> Tally:
    tally = Tally()
    state = _State(load, tally, numbers)
    await asyncio.gather(*(state.connect() for _ in range(load.connections)))
    await asyncio.sleep(load.warm_up)
    started, cpu = time.perf_counter(), time.process_time()
    state.counting = True
    await asyncio.sleep(load.seconds)
    state.counting = False
    tally.seconds, tally.cpu = time.perf_counter() - started, time.process_time() - cpu
    state.over = True
    await state.settle(load.patience)
    return tally


def _many_files() -> None:
    """Let this process have as many connections as the machine allows it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - Windows has none

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _work(load: Load, start: int, results: multiprocessing.Queue[Tally]) -> None:
    results.put(asyncio.run(_press(load, itertools.count(start))))


def measure(load: Load, processes: int = 1) -> dict[str, Any]:
    """Press the server from *processes* processes at once and sum up what came back."""
    _many_files()
    start = time.time_ns()
    if processes == 1:
        tallies = [asyncio.run(_press(load, itertools.count(start)))]
    else:
        context = multiprocessing.get_context("spawn")
        results: multiprocessing.Queue[Tally] = context.Queue()
        shares = [len(range(index, load.connections, processes)) for index in range(processes)]
        workers = [
            context.Process(
                target=_work, args=(Load(**{**vars(load), "connections": share}), start + index * 10**12, results)
            )
            for index, share in enumerate(shares)
            if share
        ]
        for worker in workers:
            worker.start()
        tallies = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
    took = sorted(itertools.chain.from_iterable(tally.took for tally in tallies))
    rate = sum(len(tally.took) / tally.seconds for tally in tallies)
    errors = sum((tally.errors for tally in tallies), Counter[str]())
    return {
        "requests_per_second": round(rate, 1),
        "p50_ms": _percentile(took, 0.50),
        "p99_ms": _percentile(took, 0.99),
        "answered": sum(tally.answered for tally in tallies),
        "generator_share": round(max(tally.cpu / tally.seconds for tally in tallies), 3),
        "errors": errors.total(),
        "error_kinds": dict(errors),
        "statuses": dict(sum((tally.statuses for tally in tallies), Counter[str]())),
    }


def _percentile(ordered: list[float], share: float) -> float | None:
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None


def main() -> int:
    """Read the command line, press, and print one line of JSON; 1 when nothing was answered."""
    parser = argparse.ArgumentParser(description="Requests a second, on connections that are kept alive.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--method", default="GET")
    parser.add_argument("--body-file", type=Path)
    parser.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-up", type=float, default=0.5, help="seconds before counting starts")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--unique", action="store_true", help="replace {n} in body and headers by a fresh number")
    parser.add_argument("--close", action="store_true", help="a new connection for every request")
    given = parser.parse_args()
    body = given.body_file.read_bytes() if given.body_file else b""
    host, port, request = prepared(
        url=given.url, method=given.method, headers=given.header, body=body, unique=given.unique, close=given.close
    )
    load = Load(
        host=host,
        port=port,
        request=request,
        connections=given.connections,
        seconds=given.seconds,
        warm_up=given.warm_up,
    )
    result = measure(load, given.processes)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["statuses"] else 1


if __name__ == "__main__":
    sys.exit(main())
