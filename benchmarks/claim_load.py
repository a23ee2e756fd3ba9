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


@dataclass
class Tally:
    """What came back, and how long it took, in seconds."""

    claims: list[float] = field(default_factory=list)
    closes: list[float] = field(default_factory=list)
    handed_out: list[str] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    counting: bool = False
    over: bool = False

    def error(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, token: str, body: bytes
) -> tuple[int, Any]:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(answer)
    content = await reader.readexactly(int(length[1])) if length else b""
    return int(answer[9:12]), content


async def _practitioner(port: int, token: str, tally: Tally) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ask = json.dumps(CLAIM).encode()
    try:
        while not tally.over:
            started = time.perf_counter()
            status, content = await _ask(reader, writer, "/v1/desk/claims", token, ask)
            claimed = time.perf_counter()
            if status != 201:
                tally.error(f"claim {status}")
                if status == 204:
                    return
                continue
            claim = json.loads(content)["claim"]
            tally.handed_out.append(claim["request_id"])
            if tally.counting:
                tally.claims.append(claimed - started)
            body = b'{"number": %d, "outcome": "answered"}' % claim["number"]
            asked = time.perf_counter()
            status, _ = await _ask(reader, writer, f"/v1/desk/claims/{claim['request_id']}/close", token, body)
            if status != 200:
                tally.error(f"close {status}")
            elif tally.counting:
                tally.closes.append(time.perf_counter() - asked)
    except (OSError, asyncio.IncompleteReadError) as error:
        tally.error(type(error).__name__)
    finally:
        writer.close()


async def _press(port: int, tokens: Sequence[str], seconds: float, warm_up: float) -> tuple[Tally, float]:
    tally = Tally()
    work = [asyncio.create_task(_practitioner(port, token, tally)) for token in tokens]
    await asyncio.sleep(warm_up)
    tally.counting, started = True, time.perf_counter()
    await asyncio.sleep(seconds)
    tally.counting, took = False, time.perf_counter() - started
    tally.over = True
    await asyncio.gather(*work)
    return tally, took


def measure(port: int, tokens: Sequence[str], *, seconds: float, warm_up: float) -> dict[str, Any]:
    """Let each of *tokens* claim and close on a connection of its own."""
    tally, took = asyncio.run(_press(port, tokens, seconds, warm_up))
    twice = len(tally.handed_out) - len(set(tally.handed_out))
    if twice:
        tally.errors["handed out twice"] = twice
    return {
        "requests_per_second": (len(tally.claims) + len(tally.closes)) / took,
        "claims_per_second": len(tally.claims) / took,
        "claim_p50_ms": percentile(tally.claims or [0.0], 0.5) * 1000,
        "claim_p99_ms": percentile(tally.claims or [0.0], 0.99) * 1000,
        "claimed": len(tally.handed_out),
        "answered": len(tally.handed_out),
        "errors": sum(tally.errors.values()),
        "error_kinds": tally.errors,
    }
