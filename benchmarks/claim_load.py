"""
How many requests a second practitioners take and close: each connection is one of them, claiming and closing in turn.

A claim holds something, so that it cannot be pressed like a GET: what it hands out has to be closed again. Every
request id is remembered; one that is handed out twice is an error.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common import CLAIM, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTH = re.compile(rb"content-length:[ \t]*([0-9]+)", re.IGNORECASE)


PATIENCE = 10.0
"""Seconds after which an answer is lost."""


@dataclass
class Tally:
    """What came back, and how long each claim took, in seconds."""

    claims: list[float] = field(default_factory=list)
    handed_out: list[str] = field(default_factory=list)
    closed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    over: bool = False

    def error(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


class _Practitioner:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    async def _ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(PATIENCE):
            answer = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(answer)
            return int(answer[9:12]), await self._reader.readexactly(int(length[1])) if length else b""

    async def _turn(self, tally: Tally) -> bool:
        """Claim and close one request; gives whether more can wait."""
        started = time.perf_counter()
        status, content = await self._ask("/v1/desk/claims", json.dumps(CLAIM).encode())
        if status != 201:
            tally.error(f"claim {status}")
            return status != 204
        claim = json.loads(content)["claim"]
        tally.claims.append(time.perf_counter() - started)
        tally.handed_out.append(claim["request_id"])
        body = b'{"number": %d, "outcome": "answered"}' % claim["number"]
        status, _ = await self._ask(f"/v1/desk/claims/{claim['request_id']}/close", body)
        if status == 200:
            tally.closed += 1
        else:
            tally.error(f"close {status}")
        return True

    async def work(self, tally: Tally) -> None:
        try:
            while not tally.over and await self._turn(tally):
                pass
        except (OSError, asyncio.IncompleteReadError) as error:
            tally.error(type(error).__name__)
        finally:
            self._writer.close()


async def _press(port: int, tokens: Sequence[str], seconds: float) -> tuple[Tally, float]:
    tally = Tally()
    opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in tokens))
    started = time.perf_counter()
    work = [
        asyncio.create_task(_Practitioner(*streams, token).work(tally))
        for streams, token in zip(opened, tokens, strict=True)
    ]
    await asyncio.sleep(seconds)
    tally.over = True
    await asyncio.gather(*work)
    return tally, time.perf_counter() - started


def measure(port: int, tokens: Sequence[str], *, seconds: float) -> dict[str, Any]:
    """
    Let each of *tokens* claim and close on a connection of its own, and close what it holds at the end.

    All claim at first, then all close: only the whole, from the first claim to the last close, has as many of both.
    """
    tally, took = asyncio.run(_press(port, tokens, seconds))
    twice = len(tally.handed_out) - len(set(tally.handed_out))
    if twice:
        tally.errors["handed out twice"] = twice
    return {
        "claims_per_second": tally.closed / took,
        "claim_p50_ms": percentile(tally.claims or [0.0], 0.5) * 1000,
        "claim_p99_ms": percentile(tally.claims or [0.0], 0.99) * 1000,
        "claimed": len(tally.handed_out),
        "answered": len(tally.handed_out),
        "errors": sum(tally.errors.values()),
        "error_kinds": tally.errors,
    }
