"""
Does claiming cost the same, however many wait? One store per size, claimed from in turns.

`--full` adds a million. A second table holds the queue at the middle size and lets live claims pile up in front of it:
the claim reads past them in the index.

    python benchmarks/queue_size.py [--full]
"""

# ruff: noqa: PLC0415
# Imports stand inside functions: common puts our code in reach first.
from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import sys
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from pathlib import Path

HELD = (0, 250, 5_000)
_AHEAD = timedelta(minutes=20)


def _multiply(home: Path, count: int, held: int = 0) -> None:
    """Let *count* requests wait where one did, and *held* be in practitioners' hands, due before them."""
    common.seed(home, 1)
    with contextlib.closing(sqlite3.connect(home / "quietline.db", isolation_level=None)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(requests)")]
        values = {
            "request_id": "printf('%043d', n)",
            "reference": "'waiting-' || n || '-'",
            "due_at": "due_at + n * 1000",
            "order_at": "order_at + n * 1000",
        }
        taken = {
            "request_id": "printf('held-%038d', n)",
            "reference": "'held-' || n",
            "status": "'claimed'",
            "number": "1",
            "claimed_by": "'practitioner-' || n",
            "order_at": "order_at - n * 1000",
            "lease_until": "submitted_at + 86400000000",
            "ready_at": "submitted_at + 86400000000",
        }
        for changed, rows in ((values, count - 1), (taken, held)):
            selected = ", ".join(changed.get(column, column) for column in columns)
            db.execute(
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
                f" INSERT INTO requests SELECT {selected} FROM requests, numbers"
                " WHERE reference = 'waiting-0' AND ? > 0",
                (max(rows, 1), rows),
            )
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class _Queue:
    def __init__(self, home: Path, count: int, held: int = 0) -> None:
        from chalicelib.domain import requests
        from chalicelib.domain.audit import Deed
        from chalicelib.ports import Ask

        _multiply(home, count, held)
        self._house = common.new_house(home)
        self._lanes = requests.LANES
        self._requests, self._deed, self._ask = requests, Deed, Ask
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self._number = 0

    def claim(self, times: int, *, counted: bool) -> None:
        """Claim as the desk does, from every lane, and close again, so that live claims stay few."""
        store, now, rules = self._house.store, common.SENT_AT + timedelta(hours=1), self._house.rules
        for _ in range(times):
            self._number += 1
            person = f"practitioner-{self._number}"
            ask = self._ask(practitioner=person, lanes=self._lanes, claim_limit=5)
            decide = partial(self._requests.claim, practitioner=person, token=None, now=now, lease=_AHEAD)

            def deeds(met: Any, person: str = person) -> list[Any]:
                made = partial(self._deed, at=now, actor=person, request_id=met.request_id, number=met.number)
                return [made(verb="claim"), made(verb="open")]

            started, began = time.perf_counter_ns(), time.thread_time_ns()
            got = store.claim(ask, decide, now=now, deeds=deeds)
            cpu, wall = time.thread_time_ns() - began, time.perf_counter_ns() - started
            if got is None:
                message = "the queue ran dry"
                raise RuntimeError(message)
            if counted:
                self.cpu.append(cpu / 1000)
                self.wall.append(wall / 1000)
            done = partial(
                self._requests.close,
                practitioner=person,
                number=got.number,
                outcome=self._requests.Outcome.ANSWERED,
                now=now,
                rules=rules,
            )
            store.change(got.request_id, done, now=now)

    def close(self) -> None:
        self._house.store.close()


def run(*, quick: bool = False, full: bool = False) -> dict[str, Any]:
    """Measure in turns; gives medians in microseconds and ratios to the smallest."""
    sizes = [1_000, 100_000, *([1_000_000] if full else [])]
    rounds, times = (4, 20) if quick else (9, 25)
    with common.temporary_home() as base:
        queues = {("waiting", size): _Queue(base / str(size), size) for size in sizes}
        queues |= {("held", held): _Queue(base / f"held{held}", 10_000, held) for held in HELD}
        print("queue sizes: filled", file=sys.stderr)
        for turn in range(rounds + 1):
            for queue in queues.values() if turn % 2 else [*queues.values()][::-1]:
                queue.claim(times, counted=turn > 0)
        for queue in queues.values():
            queue.close()
    rows = []
    for (what, size), queue in queues.items():
        first = queues[what, 1_000 if what == "waiting" else 0]
        rows.append(
            {
                "what": what,
                "size": size,
                "p50_us": common.median(queue.wall),
                "p99_us": common.percentile(queue.wall, 0.99),
                "cpu_us": common.median(queue.cpu),
                "ratio": common.median(queue.wall) / common.median(first.wall),
                "cpu_ratio": common.median(queue.cpu) / common.median(first.cpu),
            }
        )
    return {"rows": rows}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true", help="a million as well; needs a few gigabytes for a minute")
    given = parser.parse_args()
    print(json.dumps(run(quick=given.quick, full=given.full)))
