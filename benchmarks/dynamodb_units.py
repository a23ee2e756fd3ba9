"""
What a callback's life costs on DynamoDB, as the engine reports it, and what a claim costs by how many pull at once.

    .venv/bin/python benchmarks/dynamodb_units.py

Units depend on sizes, not on the engine: a write unit is a whole KB of an item before or after, a read unit 4 KB.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from threading import Lock

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "tests")]

import engines  # noqa: E402
from simulated import Simulation, World  # noqa: E402

from chalicelib.adapters.dynamodb import DynamoStore  # noqa: E402
from chalicelib.adapters.dynamodb_connection import Refused  # noqa: E402
from chalicelib.adapters.dynamodb_shred import DynamoShredKeys  # noqa: E402
from chalicelib.adapters.dynamodb_table import Table  # noqa: E402
from chalicelib.domain import requests  # noqa: E402
from chalicelib.domain.audit import Deed  # noqa: E402
from chalicelib.domain.receipts import encode  # noqa: E402
from chalicelib.domain.requests import LANES, Kind, Outcome, Rules  # noqa: E402
from chalicelib.domain.slots import Window  # noqa: E402
from chalicelib.ports import Ask, ContentName, Message  # noqa: E402
from chalicelib.usecases.shredding import keys_of  # noqa: E402

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
WRITE_PRICE, READ_PRICE = 0.74, 0.15
PRICES_OF = "as known in November 2025, not checked"
CONTENT, REPLY = 4560, 4156  # 4 KiB of padded content, sealed to two recipients and wrapped; a padded reply, wrapped
WRITES = ("put_item", "delete_item", "transact_write_items")
LIVES = 40
REFUSED = 1
"""Units that a refused write of a head costs: the head's own size, and nothing of the index."""
LANE = ("callback/en",)
PULLED = ((10, 1), (100, 10), (1_000, 64))
"""Practitioners, and how many of them pull at any time."""
ENGINE = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"


class Meter:
    """Adds up what the engine reports."""

    def __init__(self) -> None:
        self.units = Counter()
        self.calls = 0
        self._one_at_a_time = Lock()

    def __call__(self, operation, consumed) -> None:
        with self._one_at_a_time:
            self.calls += 1
            for each in consumed if isinstance(consumed, list) else [consumed]:
                if each:
                    self.units["write" if operation in WRITES else "read"] += each["CapacityUnits"]

    def take(self):
        """Give what was used since the last time."""
        taken, self.units, self.calls = (self.units["write"], self.units["read"], self.calls), Counter(), 0
        return taken


def stage(engine=ENGINE, *, shards=1):
    """Set up empty tables with a meter, and the store as production has it."""
    meter = Meter()
    _, url, table = engines.make_tables(engine).split("|")
    connection = engines.connection(url, meter=meter)
    requests_table = Table(connection, table)
    store = DynamoStore(requests_table, audit_key=lambda: bytes(32), shards=shards)
    return store, DynamoShredKeys(Table(connection, f"{table}-shred")), requests_table, meter


def count_refused(table):
    """Note the conditional writes that are refused: they are billed, and the answer does not say what they used."""
    refused = []
    connection = table._connection  # noqa: SLF001 - there is no other hook for what is refused
    call = connection.call

    def counted(operation, **parameters):
        try:
            return call(operation, **parameters)
        except Refused:
            refused.append(operation)
            raise

    connection.call = counted
    return refused


def client():
    """Give the engine's client, for what is put past the store."""
    return engines.client(engines.endpoint(ENGINE))


def callback(number, now=NOW):
    """Make a head as intake makes it."""
    return requests.submit(
        request_id=encode(number.to_bytes(32, "big")),
        kind=Kind.CALLBACK,
        language="en",
        reference=f"amber-falcon-{number}",
        windows=(Window(starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(minutes=120 + number)),),
        answer_by=now,
        now=now,
        rules=Rules(),
        verified=False,
        statement_version="2026-11",
        fingerprint="f" * 64,
        body_id=encode(bytes(12)),
    )


def claim(store, who, now=NOW, lanes=LANES):
    """Claim as the desk does."""

    def deeds(met):
        verbs = ("claim", "open")
        return [Deed(at=now, actor=who, verb=v, request_id=met.request_id, number=met.number) for v in verbs]

    token = encode(bytes(32))
    decide = partial(requests.claim, practitioner=who, token=None, now=now, lease=timedelta(minutes=20))
    ask = Ask(practitioner=who, lanes=lanes, claim_limit=5, token=token)
    return store.claim(ask, decide, now=now, deeds=deeds)


def lives(engine=ENGINE):
    """Let some callbacks be submitted, claimed, renewed, answered and closed; give what each verb used."""
    store, keys, _, meter = stage(engine)
    used: dict[str, list[tuple[float, float, int]]] = {}

    def note(verb):
        used.setdefault(verb, []).append(meter.take())

    for number in range(LIVES):
        request, who = callback(number), f"3f2b8c1e-7d54-4a6b-9e0f-{number % 8:012}"
        names = keys_of((ContentName(request.request_id, request.body_id),))
        keys.keep(dict.fromkeys(names, bytes(32)), expires_at=request.expires_at)
        note("shred keys")
        store.submit(request, content=bytes(CONTENT), capacity=10, now=NOW)
        note("submit")
        held = claim(store, who)
        note("claim")
        for name in names:
            keys.key(name, now=NOW)
        store.content(held)
        store.messages(held.request_id)
        note("open")
        fence = {"practitioner": who, "number": held.number, "now": NOW}
        renew = partial(requests.renew, **fence, lease=timedelta(minutes=25))
        close = partial(requests.close, **fence, outcome=Outcome.ANSWERED, rules=Rules())
        reply = Message(message_id=encode(bytes(12)), author="helpline", sent_at=NOW, for_mailbox=bytes(REPLY))
        for verb, transition, messages in (
            ("renew", renew, ()),
            ("reply", partial(requests.held, **fence), (reply,)),
            ("close", close, ()),
        ):
            deed = Deed(at=NOW, actor=who, verb=verb, request_id=held.request_id, number=held.number)
            store.change(held.request_id, transition, now=NOW, messages=messages, deed=deed)
            note(verb)
    store.trail(limit=1)
    writes, reads, calls = meter.take()
    used["trail, a share"] = [(writes / LIVES, reads / LIVES, calls // LIVES)]
    rows, total_writes, total_reads = [], 0.0, 0.0
    for verb, samples in used.items():
        write, read = (sum(sample[at] for sample in samples) / len(samples) for at in (0, 1))
        total_writes, total_reads = total_writes + write, total_reads + read
        rows.append([verb, f"{write:.1f}", f"{read:.1f}", f"{median(s[2] for s in samples):.0f}", price(write, read)])
    return [*rows, ["a life", f"{total_writes:.1f}", f"{total_reads:.1f}", "", price(total_writes, total_reads)]]


def price(write, read):
    """Say what a million of it costs."""
    return f"{write * WRITE_PRICE + read * READ_PRICE:,.2f}"


def pullers(people, at_once):
    """Let *people* claim once each from one lane, *at_once* of them at any time; give what one claim took."""
    store, _, table, meter = stage()
    with ThreadPoolExecutor(16) as pool:
        heads = (callback(number) for number in range(people + 50))
        list(pool.map(lambda head: store.submit(head, content=bytes(64), capacity=None, now=NOW), heads))
    meter.take()
    refused = count_refused(table)
    stores = [DynamoStore(table, audit_key=lambda: bytes(32)) for _ in range(at_once)]

    def pull(who):
        return claim(stores[who % at_once], f"practitioner-{who}", lanes=LANE).request_id

    with ThreadPoolExecutor(at_once) as pool:
        taken = list(pool.map(pull, range(people)))
    assert len(set(taken)) == people
    (write, read, calls), lost = meter.take(), len(refused)
    return row(people, at_once, ENGINE, (write + lost * REFUSED, read, calls + lost, lost))


def crowd(people, at_once):
    """Let as many do the same in the simulation, where the index shows at once what was written, as it does here."""
    simulation = Simulation(World(backlog=people + 50, practitioners=0, lasts=math.inf, lag=0.0))
    left = iter(range(people))

    def pull():
        for who in left:
            yield from simulation.claim(who)

    for _ in range(at_once):
        simulation.start(pull(), 0.0)
    found = simulation.run()
    assert len(found.claims) == people
    return row(people, at_once, "simulated", (found.units["w"], found.units["r"], found.calls, found.misses))


def row(people, at_once, where, used):
    """Give a row: what one of *people* claims used, of what all did."""
    write, read, calls, lost = (amount / people for amount in used)
    figures = (f"{write:.1f}", f"{read:.1f}", f"{calls:.0f}", f"{lost:.2f}", price(write, read))
    return [f"{people:,}", f"{at_once:,}", where, *figures]


def run():
    """Measure everything."""
    return {
        "tables": [
            {
                "title": "DynamoDB: a callback's life, units and the price of a million",
                "head": ["verb", "write", "read", "calls", "dollars a million"],
                "rows": lives(),
                "note": f"{WRITE_PRICE} dollars a million write units and {READ_PRICE} a million read units, on-demand"
                f" in eu-west-2 {PRICES_OF}; settings of benchmarks/dynamodb_units.py.",
            },
            {
                "title": "DynamoDB: one claim, by how many pull at once",
                "head": ["claims", "at once", "", "write", "read", "calls", "lost to a colleague", "dollars a million"],
                "rows": [
                    one for people, at_once in PULLED for one in (pullers(people, at_once), crowd(people, at_once))
                ],
                "note": "By practitioners of one claim each, from one lane of one shard. *Lost* are writes of a head"
                " that were refused, counted; each is billed as one unit, by the simulation as three where it came too"
                " late by less than a call. Neither index lags here. With a lag, and at other paces: SIMULATION.md.",
            },
        ]
    }


if __name__ == "__main__":
    print(json.dumps(run()))
