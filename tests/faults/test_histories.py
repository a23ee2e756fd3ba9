"""
Whatever many people see at once, they could have seen one after the other: recorded histories, checked call by call.

`make test-histories` records many more of them than `make test`.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import multiprocessing
import os
import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import engines
import pytest
from history_worker import AUDIT_KEY, Person, read, take_part
from linearizability import NotDecided, order_of, told
from progress import found, steps
from queue_model import Life, of_all, of_one

from chalicelib.adapters import sqlite
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_connection import Connection, _Failure
from chalicelib.adapters.dynamodb_table import Table, written
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_file import Database

HISTORIES = int(os.environ.get("QUIETLINE_HISTORIES", "2"))
PEOPLE, TURNS, PACE = 5, 30, 4
SPAWN = multiprocessing.get_context("spawn")
needs_dynoxide = pytest.mark.skipif(engines.why_not("dynoxide") is not None, reason=str(engines.why_not("dynoxide")))


def keys_of(number):
    """Name the requests of a history: few, so that everybody meets everybody."""
    return [f"h{number}r{at}" for at in range(3)]


def by_threads(stores, number, *, pace=1, turns=TURNS):
    """Let people share *stores*, each in a thread of their own, and give what they told."""
    calls, start = {}, threading.Barrier(PEOPLE)

    def person(at):
        someone = Person(
            stores[at % len(stores)],
            f"p{at}",
            number,
            keys_of(number),
            tell=lambda call, name: calls.update({name: call}),
            pace=pace,
        )
        start.wait(30)
        someone.live(turns)

    with ThreadPoolExecutor(PEOPLE) as people:
        for each in [people.submit(person, at) for at in range(PEOPLE)]:
            each.result()
    return list(calls.values())


def by_processes(address, number, folder, *, pace=1, turns=TURNS, killed=()):
    """Let people share the data at *address*, each in a process, of which some are killed in the middle of a call."""
    ready, start = SPAWN.Semaphore(0), SPAWN.Event()
    arguments = (keys_of(number), turns, str(folder), pace, ready, start)
    processes = [
        SPAWN.Process(target=take_part, args=(address, f"p{at}", number, *arguments), daemon=True)
        for at in range(PEOPLE)
    ]
    for process in processes:
        process.start()
    try:
        for _ in processes:
            assert ready.acquire(timeout=200)
        start.set()
        for at in killed:
            deadline = time.monotonic() + 30
            while len(read(folder)) < turns * (at + 1) and time.monotonic() < deadline:
                time.sleep(0.002)
            processes[at].kill()
        for at, process in enumerate(processes):
            process.join(200)
            assert process.exitcode == 0 or at in killed
    finally:
        for process in processes:
            process.kill()
    return read(folder)


def unexplained(calls, keys, *, ordered):
    """Give the requests whose history no order explains; where the queue is strict, the whole of it counts as one."""
    bad = [key for key in keys if order_of(about(key, calls, strict=ordered), of_one(key), Life()) is None]
    if not bad and ordered and order_of(calls, of_all(keys), (Life(),) * len(keys)) is None:
        return ["the order of the queue"]
    return bad


def about(key, calls, *, strict):
    """
    Give the calls that one request is judged by.

    On tables a claim looks into hands first and into the index then. It may miss what a colleague's claim moved from
    one to the other in between, if that claim took longer than the lease it asked for, which leases of a minute and
    claims of five seconds never do: "nothing to do" is then no answer about this request.
    """
    mine = [call for call in calls if call.key in (key, None)]
    taken = [call for call in mine if call.verb == "claim" and call.answer is not None and call.answer[0] == key]
    slow = [call for call in taken if (call.ended - call.began) // 1000 >= call.said[1]]
    return [
        replace(call, ended=None)
        if not strict
        and (call.verb, call.answer) == ("claim", None)
        and call.ended is not None
        and any(each.began < call.ended and call.began < each.ended for each in slow)
        else call
        for call in mine
    ]


def explained(calls, number, *, ordered):
    """Make sure that a history can be explained, and that something happened in it: people were handed requests."""
    try:
        bad = unexplained(calls, keys_of(number), ordered=ordered)
    except NotDecided as undecided:
        pytest.fail(f"{undecided}\n{told(calls)}")
    assert not bad, f"{bad}\n{told(calls)}"
    handed_out = [call for call in calls if call.verb == "claim" and call.answer is not None]
    assert handed_out, f"no claim was answered with a request\n{told(calls)}"
    return len(calls), sum(call.ended is None for call in calls)


def at_once(calls):
    """Count the calls that began before another one had ended."""
    spans = sorted((call.began, call.ended or call.began) for call in calls)
    return sum(later[0] < before[1] for before, later in itertools.pairwise(spans))


def test_a_queue_on_a_file_is_as_if_one_after_the_other(tmp_path):
    """Two instances, five threads: every answer fits one order of all calls, and each claim gives the most urgent."""
    calls, overlapping = 0, 0
    for number in steps("histories: SQLite, threads", HISTORIES):
        stores = [SqliteStore(tmp_path / f"{number}.db", audit_key=AUDIT_KEY) for _ in range(2)]
        history = by_threads(stores, number)
        for store in stores:
            store.close()
        overlapping += at_once(history)
        calls += explained(history, number, ordered=True)[0]
    assert overlapping > HISTORIES * 5
    found("histories: SQLite, threads", histories=HISTORIES, calls=calls, overlapping=overlapping)


@pytest.mark.parametrize("engine", ["sqlite", *([pytest.param("dynoxide", marks=needs_dynoxide)] * (HISTORIES > 2))])
def test_processes_that_share_a_store_are_as_one(engine, tmp_path):
    """Five processes, of which one is killed in the middle: what it had begun took effect once or never."""
    count, calls, lost = max(1, HISTORIES // 4), 0, 0
    on_tables = engine != "sqlite"
    for number in steps(f"histories: {engine}, processes", count):
        folder = tmp_path / str(number)
        folder.mkdir()
        address = engines.make_tables(engine) if on_tables else str(folder / "quietline.db")
        pace, turns = (PACE, TURNS) if on_tables else (1, 2 * TURNS)
        history = by_processes(address, number, folder, pace=pace, turns=turns, killed=(2,))
        if on_tables:
            engines.drop_tables(address)
        seen, without_end = explained(history, number, ordered=not on_tables)
        calls, lost = calls + seen, lost + without_end
    found(f"histories: {engine}, processes", histories=count, calls=calls, lost_answers=lost)


@needs_dynoxide
def test_a_queue_on_tables_is_as_if_one_after_the_other():
    """Two instances, five threads, request by request: nobody sees an old state, and nothing is done twice."""
    count, calls = max(1, HISTORIES // 4), 0
    address = engines.make_tables("dynoxide")
    for number in steps("histories: dynoxide, threads", count):
        stores = [engines.open_store(address, AUDIT_KEY) for _ in range(2)]
        calls += explained(by_threads(stores, number, pace=PACE), number, ordered=False)[0]
    engines.drop_tables(address)
    found("histories: dynoxide, threads", histories=count, calls=calls)


class Lagging(Connection):
    """A service whose reads are as of the write before, unless they ask for the newest; and whose answers get lost."""

    def __init__(self, address, *, lost=0):
        super().__init__(endpoint=address, region="eu-west-2", read_timeout=30.0)
        self.patience = engines.Patience(again=20.0, limit=60.0)
        self._client = engines.client(address)
        self._lost, self._count, self._before = lost, 0, {}

    def _attempt(self, operation, parameters):
        answer = super()._attempt(operation, parameters)
        if operation == "get_item":
            name = str(parameters["Key"])
            known = self._before.get(name, answer)
            self._before[name] = copy.deepcopy(answer)
            return answer if parameters["ConsistentRead"] else known
        self._count += 1
        if self._lost and operation in ("put_item", "transact_write_items") and not self._count % self._lost:
            return _Failure()
        return answer


def lagging(address, count, *, lost=0):
    """Open *count* instances on tables whose reads lag."""
    _, url, table = address.split("|")
    return [DynamoStore(Table(Lagging(url, lost=lost), table), audit_key=lambda: AUDIT_KEY) for _ in range(count)]


@needs_dynoxide
def test_reads_that_lag_behind_show_nothing_old():
    """Where a read need not be the newest, and every ninth answer to a write is lost, nobody sees either."""
    address = engines.make_tables("dynoxide")
    for number in range(max(1, HISTORIES // 4)):
        explained(by_threads(lagging(address, 2, lost=9), number, pace=PACE), number, ordered=False)
    engines.drop_tables(address)


# --- What is broken is found


def is_found(history, number, *, ordered):
    """Tell whether it is sure that no order explains a history; one that is not decided finds nothing."""
    try:
        return bool(unexplained(history, keys_of(number), ordered=ordered))
    except NotDecided:
        return False


def drop_conditions(monkeypatch):
    """Let a write overwrite whatever is there, and not only what was read."""

    def overwrite(table, key, old, new, *, along=()):
        item = {**new, "p": key[0], "s": key[1], "v": 1 if old is None else old["v"] + 1, "w": b""}
        for step in ({"Put": {"Item": written(item), "TableName": table.name}}, *along):
            table._connection.call("transact_write_items", TransactItems=[step])
        return item

    monkeypatch.setattr(Table, "swap", overwrite)


def read_what_was(monkeypatch):
    """Let reads be as of the write before."""
    get = Table.get
    monkeypatch.setattr(Table, "get", lambda table, key, **_: get(table, key, consistent=False))


def take_lost_answers_for_failures(monkeypatch):
    """Let nobody look whether what they met was their own write."""
    monkeypatch.setattr(Table, "_is_ours", lambda *_: False)


@needs_dynoxide
@pytest.mark.parametrize("slip", [drop_conditions, read_what_was, take_lost_answers_for_failures])
def test_a_slip_on_tables_is_found(slip, monkeypatch):
    """Dropped conditions, old reads and answers that are lost leave histories that no order explains."""
    slip(monkeypatch)
    address = engines.make_tables("dynoxide")
    assert any(
        is_found(by_threads(lagging(address, 2, lost=9), number, pace=PACE), number, ordered=False)
        for number in range(20)
    )
    engines.drop_tables(address)


def claim_what_was_read_before(monkeypatch):
    """Let a claim look outside of the transaction in which it writes."""
    ready = sqlite._ready

    def read_before(_db, lanes, now):
        return iter(read(lambda db: list(ready(db, lanes, now))[:1]))

    read = None

    def claim(store, *arguments, **more):
        nonlocal read
        read = store.database.read
        return original(store, *arguments, **more)

    original = SqliteStore.claim
    monkeypatch.setattr(SqliteStore, "claim", claim)
    monkeypatch.setattr(sqlite, "_ready", read_before)


def forget_commits(monkeypatch):
    """Let one commit in twenty be forgotten, and say that it was made."""
    commit = Database._commit
    dice = random.Random(1)

    def forgetful(database, batch):
        commit(database, batch)
        if dice.random() < 0.05:
            with contextlib.closing(sqlite3.connect(database._path, isolation_level=None)) as other:
                other.execute("DELETE FROM messages WHERE seq = (SELECT max(seq) FROM messages)")

    monkeypatch.setattr(Database, "_commit", forgetful)


def hand_out_in_any_order(monkeypatch):
    """Let a claim take what comes to hand, and not what is due first."""
    monkeypatch.setattr(sqlite, "_ready", lambda db, lanes, now: reversed(list(ready(db, lanes, now))))


ready = sqlite._ready


@pytest.mark.parametrize("slip", [claim_what_was_read_before, forget_commits, hand_out_in_any_order])
def test_a_slip_on_a_file_is_found(slip, monkeypatch, tmp_path):
    """Double claims, writes that are forgotten, and a queue out of order leave histories that no order explains."""
    slip(monkeypatch)
    for number in range(100):
        stores = [SqliteStore(tmp_path / f"{number}.db", audit_key=AUDIT_KEY) for _ in range(2)]
        history = by_threads(stores, number)
        for store in stores:
            store.close()
        if is_found(history, number, ordered=True):
            return
    pytest.fail("it was not found")
