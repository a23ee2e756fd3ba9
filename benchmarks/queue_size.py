"""
Do claiming and intake cost the same, however many wait? One store per size and engine, used in turns.

SQLite is the product's own; DynamoDB is dynoxide, which keeps real indexes and counts real units. The queue is filled
with rows, or items, as the store itself writes them: the bench lets the store write one and compares, and every request
that a claim then hands out has to be one that was filled in. A second table lets live claims pile up in front.

    python benchmarks/queue_size.py [--quick] [--full] [--engines sqlite,dynoxide]

`--full` adds a million: half a minute on SQLite, and from ten minutes to an hour on dynoxide, which is slow to fill.
"""

# ruff: noqa: PLC0415
# Imports stand inside functions: common puts our code in reach first.
from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

HELD = (0, 250, 5_000)
RATIO = 1.3
LEASE = timedelta(minutes=20)
ENGINES = {"sqlite": "SQLite", "dynoxide": "DynamoDB (dynoxide)"}
_BATCH = 25
_CONTENT = 4560


def _head(number: int, *, again: int = 0) -> Any:
    """Make the information request that waits at *number*: due a millisecond after the one before it."""
    from chalicelib.domain import requests
    from chalicelib.domain.receipts import encode

    answer_by = common.SENT_AT + timedelta(days=3, milliseconds=number)
    return requests.submit(
        request_id=encode((number | again << 40).to_bytes(32, "big")),
        kind=requests.Kind.INFORMATION,
        language="en",
        reference=f"waiting-{again}-{number}",
        windows=(),
        answer_by=answer_by,
        now=common.SENT_AT,
        rules=requests.Rules(),
        verified=True,
        statement_version="2026-11",
        fingerprint="f" * 43,
        body_id=encode(bytes(12)),
    )


class _Sqlite:
    """A file with rows that were copied from one that the store wrote."""

    def __init__(self, home: Path, *, held: int = 0) -> None:
        from chalicelib.adapters.sqlite import SqliteStore

        home.mkdir(parents=True)
        self._path, self._held = home / "quietline.db", held
        self.store = SqliteStore(self._path, audit_key=bytes(32))

    def fill(self, count: int) -> None:
        """Let *count* wait, and lie the live claims before them."""
        self.store.submit(_head(0), content=bytes(_CONTENT), capacity=None, now=common.SENT_AT)
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(requests)")]
            first = json.dumps([_head(number).request_id for number in range(count)])
            waiting = {
                "request_id": "name",
                "reference": "'waiting-0-' || n",
                "due_at": "due_at + n * 1000",
                "order_at": "order_at + n * 1000",
                "promised_at": "promised_at + n * 1000",
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
            names = "SELECT key AS n, value AS name FROM json_each(?) WHERE key > 0"
            numbers = "SELECT value AS n, NULL AS name FROM json_each(?)"
            for changed, rows, given in (
                (waiting, names, first),
                (taken, numbers, json.dumps(list(range(1, self._held + 1)))),
            ):
                chosen = ", ".join(changed.get(column, f"requests.{column}") for column in columns)
                query = f"INSERT INTO requests SELECT {chosen} FROM requests, ({rows}) WHERE reference = 'waiting-0-0'"
                db.execute(query, (given,))
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._compare(count)

    def _compare(self, count: int) -> None:
        """Make sure that the last row that was filled in is the one that the store would have written."""
        last = _head(count - 1)
        if self.store.get(last.request_id, now=common.SENT_AT) != last:
            message = "what was filled in is not what the store writes"
            raise AssertionError(message)

    def units(self) -> tuple[float, float]:
        return 0.0, 0.0

    def close(self) -> None:
        self.store.close()


class _Dynoxide:
    """Tables with heads as the store writes them, put in batches."""

    def __init__(self, home: Path, *, held: int = 0) -> None:
        import dynamodb_units

        del home, held
        self.store, _, self._table, self._meter = dynamodb_units.stage()

    def fill(self, count: int) -> None:
        """Let *count* wait."""
        from concurrent.futures import ThreadPoolExecutor

        import dynamodb_units

        from chalicelib.adapters import dynamodb_items as items
        from chalicelib.adapters.dynamodb_queue import Queue
        from chalicelib.adapters.dynamodb_table import written

        queue = Queue(self._table)

        def item(number: int) -> dict[str, Any]:
            head = _head(number)
            p, s = items.head_key(head.request_id)
            place = queue.place(head, common.SENT_AT)
            return {"p": p, "s": s, "v": 1, "w": bytes(8), **items.pack_head(head), **place}

        def put(first: int) -> None:
            batch = [{"PutRequest": {"Item": written(item(n))}} for n in range(first, min(first + _BATCH, count))]
            dynamodb_units.client().batch_write_item(RequestItems={self._table.name: batch})

        self.store.submit(_head(0), content=bytes(_CONTENT), capacity=None, now=common.SENT_AT)
        ours = self._table.get(items.head_key(_head(0).request_id))
        if {**(ours or {}), "w": bytes(8)} != item(0):
            message = "what is filled in is not what the store writes"
            raise AssertionError(message)
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(put, range(0, count, _BATCH)):
                pass

    def units(self) -> tuple[float, float]:
        """Give what was used since the last time."""
        write, read, _ = self._meter.take()
        return write, read

    def close(self) -> None:
        pass


class _Queue:
    """One store with so many waiting, and what claims and intake took there."""

    def __init__(self, engine: str, home: Path, count: int, held: int = 0) -> None:
        self._engine = (_Sqlite if engine == "sqlite" else _Dynoxide)(home, held=held)
        began = time.monotonic()
        self._engine.fill(count)
        self.filled_in = time.monotonic() - began
        self.wall: dict[str, list[float]] = {"claim": [], "intake": []}
        self.cpu: dict[str, list[float]] = {"claim": [], "intake": []}
        self.used: dict[str, list[tuple[float, float]]] = {"claim": [], "intake": []}
        self._number = self._sent = 0
        self._count = count

    def turn(self, times: int, *, counted: bool) -> None:
        """Claim and close, then send as many, so that the queue stays as long as it is."""
        for _ in range(times):
            self._claim(counted=counted)
        for _ in range(times):
            self._send(counted=counted)

    def _claim(self, *, counted: bool) -> None:
        from chalicelib.domain import requests
        from chalicelib.domain.audit import Deed
        from chalicelib.ports import Ask

        now, number = common.SENT_AT + timedelta(hours=1), self._number
        person = f"practitioner-{number % 40}"
        self._number += 1
        decide = partial(requests.claim, practitioner=person, token=None, now=now, lease=LEASE)

        def deeds(met: Any) -> list[Any]:
            made = partial(Deed, at=now, actor=person, request_id=met.request_id, number=met.number)
            return [made(verb="claim"), made(verb="open")]

        ask = Ask(practitioner=person, lanes=requests.DESK_LANES, claim_limit=5)
        got = self._time("claim", lambda: self._engine.store.claim(ask, decide, now=now, deeds=deeds), counted=counted)
        if got is None or got.request_id != _head(number).request_id:
            message = f"claim {number} was not handed what was due next"
            raise AssertionError(message)
        done = partial(
            requests.close,
            practitioner=person,
            number=got.number,
            outcome=requests.Outcome.ANSWERED,
            now=now,
            rules=requests.Rules(),
        )
        self._engine.store.change(got.request_id, done, now=now)

    def _send(self, *, counted: bool) -> None:
        head = _head(self._count + self._sent, again=1)
        self._sent += 1
        now, content = common.SENT_AT, bytes(_CONTENT)
        submit = partial(self._engine.store.submit, head, content=content, capacity=None, now=now)
        self._time("intake", submit, counted=counted)

    def _time(self, what: str, work: Callable[[], Any], *, counted: bool) -> Any:
        self._engine.units()
        started, began = time.perf_counter_ns(), time.process_time_ns()
        result = work()
        cpu, wall = time.process_time_ns() - began, time.perf_counter_ns() - started
        if counted:
            self.cpu[what].append(cpu / 1000)
            self.wall[what].append(wall / 1000)
            self.used[what].append(self._engine.units())
        return result

    def close(self) -> None:
        self._engine.close()


def _measured(
    engine: str, sizes: Iterable[int], helds: Iterable[int], rounds: int, times: int
) -> dict[tuple[str, int], _Queue]:
    with common.temporary_home() as base:
        queues = {("waiting", size): _Queue(engine, base / str(size), size) for size in sizes}
        queues |= {("held", held): _Queue(engine, base / f"held{held}", 10_000, held) for held in helds}
        for turn in range(rounds + 1):
            common.step(turn, rounds, f"queue sizes on {ENGINES[engine]}")
            for queue in queues.values() if turn % 2 else [*queues.values()][::-1]:
                queue.turn(times, counted=turn > 0)
        for queue in queues.values():
            queue.close()
    return queues


def _row(name: str, what: str, queue: _Queue, first: _Queue) -> list[str]:
    ours, base = (common.median(one.wall[what]) for one in (queue, first))
    cpu, cpu_base = (common.median(one.cpu[what]) for one in (queue, first))
    write, read = (common.median([used[at] for used in queue.used[what]]) for at in (0, 1))
    return [
        name,
        f"{ours:.0f} us",
        f"{common.percentile(queue.wall[what], 0.99):.0f} us",
        f"{cpu:.0f} us",
        f"{ours / base:.2f}",
        f"{cpu / cpu_base:.2f}",
        f"{write:.1f} + {read:.1f}" if write else "",
    ]


def _document(engine: str, queues: dict[tuple[str, int], _Queue]) -> tuple[list[Any], list[Any]]:
    smallest = min(size for what, size in queues if what == "waiting")
    tables, targets = [], []
    for what, title in (("claim", "Claiming"), ("intake", "Intake")):
        rows = []
        for (kind, size), queue in queues.items():
            if kind == "waiting":
                first = queues["waiting", smallest]
                rows.append(_row(f"{size:,}", what, queue, first))
                ratio = common.median(queue.cpu[what]) / common.median(first.cpu[what])
                wall = common.median(queue.wall[what]) / common.median(first.wall[what])
                if size > smallest:
                    name = f"{title}, {ENGINES[engine]}, {size:,} waiting to {smallest:,}"
                    measured = ratio if engine == "sqlite" else wall
                    targets.append(common.target(name, f"<= {RATIO}", measured, "x"))
        wall_note = "The wall clock includes one sync of the disk; the target counts CPU."
        units_note = (
            "CPU is the client's; the target counts the wall clock, which includes the engine. Units are write + read."
        )
        tables.append(
            {
                "title": f"{title} on {ENGINES[engine]}, by how many wait",
                "head": ["waiting", "p50", "p99", "CPU", "p50, ratio", "CPU, ratio", "units"],
                "rows": rows,
                "note": wall_note if engine == "sqlite" else units_note,
            }
        )
    held = [size for what, size in queues if what == "held"]
    if held:
        rows = [_row(f"{size:,}", "claim", queues["held", size], queues["held", 0]) for size in held]
        worst = common.median(queues["held", held[-1]].cpu["claim"]) / common.median(queues["held", 0].cpu["claim"])
        name = f"Claiming, {ENGINES[engine]}, {held[-1]:,} live claims in front to none"
        targets.append(common.target(name, f"<= {RATIO}", worst, "x"))
        tables.append(
            {
                "title": f"Claiming on {ENGINES[engine]}, by how many live claims stand in front, 10,000 waiting",
                "head": ["held", "p50", "p99", "CPU", "p50, ratio", "CPU, ratio", "units"],
                "rows": rows,
                "note": "",
            }
        )
    for table in tables:
        if engine == "sqlite":
            table["head"] = table["head"][:-1]
            table["rows"] = [row[:-1] for row in table["rows"]]
    filled = ", ".join(
        f"{size:,} in {queue.filled_in:.0f} s" for (what, size), queue in queues.items() if what != "held"
    )
    tables[0]["note"] += f" Filled: {filled}."
    return tables, targets


def run(engines: Sequence[str], *, quick: bool = False, full: bool = False) -> dict[str, Any]:
    """Measure in turns; gives medians in microseconds and ratios to the smallest."""
    sizes = [1_000, *([10_000] if quick else [100_000]), *([1_000_000] if full else [])]
    rounds, times = (4, 20) if quick else (9, 25)
    tables, targets = [], []
    for engine in engines:
        queues = _measured(engine, sizes, HELD if engine == "sqlite" else (), rounds, times)
        more = _document(engine, queues)
        tables += more[0]
        targets += more[1]
    return {"tables": tables, "targets": targets}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="1,000 and 10,000, short runs")
    parser.add_argument("--full", action="store_true", help="a million as well")
    parser.add_argument("--engines", default=",".join(ENGINES))
    given = parser.parse_args()
    print(json.dumps(run(given.engines.split(","), quick=given.quick, full=given.full)))
