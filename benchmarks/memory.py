"""
Memory of a server: at rest, after 1,000 and after 10,000 callbacks, and while 200 connections press.

    python benchmarks/memory.py [--quick]

Ours and FastAPI with the whole work, one after the other, each on a helpline of its own. Resident memory (RSS) as the
system counts it; while it is pressed, the most that was seen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import common
import http_load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNTS, QUICK_COUNTS = (1_000, 10_000), (1_000, 2_000)
CONNECTIONS, PRESSING = 200, 3.0
OURS, THEIRS = "quietline", "fastapi, the whole work"


def _resident(process: int) -> float:
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(said.stdout) / 1024


def _load(port: int, connections: int, seconds: float) -> http_load.Load:
    host, port, pieces = http_load.prepared(
        url=f"http://127.0.0.1:{port}/v1/callbacks",
        method="POST",
        headers=["Content-Type: application/json"],
        body=json.dumps(common.CALLBACK).encode(),
        unique=True,
    )
    return http_load.Load(host=host, port=port, request=pieces, connections=connections, seconds=seconds, warm_up=0.1)


def _accept(port: int, count: int) -> None:
    """Let *count* callbacks be accepted, eight at a time."""
    done, until = 0, time.monotonic() + 120
    while done < count:
        found = http_load.measure(_load(port, 8, min(2.0, 0.2 + (count - done) / 1500)))
        accepted = found["statuses"].get("201", 0)
        if found["errors"] or set(found["statuses"]) - {"201"} or time.monotonic() > until:
            message = f"callbacks were answered {found['statuses']}, {found['error_kinds']}"
            raise RuntimeError(message)
        done += accepted


@contextlib.contextmanager
def _most(process: int) -> Iterator[list[float]]:
    """Look at *process* all the time, and note what it has."""
    seen, over = [_resident(process)], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(_resident(process))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _measured(process: int, port: int, counts: tuple[int, ...]) -> dict[str, float]:
    time.sleep(0.5)
    found, done = {"at rest": _resident(process)}, 0
    for count in counts:
        _accept(port, count - done)
        done = count
        found[f"after {count:,} callbacks"] = _resident(process)
    with _most(process) as seen:
        pressed = http_load.measure(_load(port, CONNECTIONS, PRESSING))
    if pressed["errors"] or set(pressed["statuses"]) - {"201"}:
        message = f"under pressure: {pressed['statuses']}, {pressed['error_kinds']}"
        raise RuntimeError(message)
    found[f"while {CONNECTIONS} connections press"] = max(seen)
    return found


def run(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Measure both; gives MiB by who and when."""
    counts = QUICK_COUNTS if quick else COUNTS
    found: dict[str, dict[str, float]] = {}
    with common.temporary_home() as base:
        common.seed(base / "seeded", 1)
        common.tokens(base / "seeded", 1)  # the peer wants to know who signs in
        for at, who in enumerate((OURS, THEIRS)):
            common.step(at, 2, who)
            home, port = common.copy_home(base / "seeded", base / str(at)), common.free_port()
            command, env = _command(who, home, port, base / "documents.json")
            with common.running(command, port, env) as process:
                if who == OURS:
                    common.ready_documents(port, base / "documents.json")
                found[who] = _measured(process, port, counts)
    return found


def _command(who: str, home: Path, port: int, documents: Path) -> tuple[list[str], dict[str, str]]:
    if who == OURS:
        return common.ours(home, port)
    return common.fastapi(home, port, documents, work="full", fast=True)


def document(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    moments = [*found[OURS]]
    rows = [(who, *(f"{each[moment]:.0f} MiB" for moment in moments)) for who, each in found.items()]
    note = "Resident memory of the one process that serves; FastAPI on uvicorn with httptools and uvloop."
    last = moments[-1]
    bars = [{"name": who, "value": round(each[last]), "ours": who == OURS} for who, each in found.items()]
    return {
        "tables": [{"title": "Memory of a server", "head": ("", *moments), "rows": rows, "note": note}],
        "bars": [{"title": f"Memory {last}", "unit": "MiB", "better": "less", "bars": bars}],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(document(run(quick=parser.parse_args().quick))))
