"""
What a callback's life costs on DynamoDB, as the engine reports it, and what a claim costs by the size of the queue.

    .venv/bin/python benchmarks/dynamodb_units.py [sizes, such as 1000 100000]

Units depend on sizes, not on the engine: a write unit is a whole KB of an item before or after, a read unit 4 KB. The
price is that of on-demand capacity in eu-west-2, in dollars for a million; it is a setting of this file.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "tests")]

import engines  # noqa: E402

from chalicelib.adapters import dynamodb_items as items  # noqa: E402
from chalicelib.adapters.dynamodb import DynamoStore  # noqa: E402
from chalicelib.adapters.dynamodb_queue import Queue  # noqa: E402
from chalicelib.adapters.dynamodb_shred import DynamoShredKeys  # noqa: E402
from chalicelib.adapters.dynamodb_table import Table, written  # noqa: E402
from chalicelib.domain import requests  # noqa: E402
from chalicelib.domain.audit import Deed  # noqa: E402
from chalicelib.domain.receipts import encode  # noqa: E402
from chalicelib.domain.requests import LANES, Kind, Outcome, Rules  # noqa: E402
from chalicelib.domain.slots import Window  # noqa: E402
from chalicelib.ports import Ask, ContentName, Message  # noqa: E402
from chalicelib.usecases.shredding import keys_of  # noqa: E402

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
WRITE_PRICE, READ_PRICE = 0.74, 0.15
CONTENT, REPLY = 4560, 4156  # 4 KiB of padded content, sealed to two recipients and wrapped; a padded reply, wrapped
WRITES = ("put_item", "delete_item", "transact_write_items")
LIVES, BATCH = 40, 25
ENGINE = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"


class Meter:
    """Adds up what the engine reports."""

    def __init__(self) -> None:
        self.units = Counter()
        self.calls = 0

    def __call__(self, operation, consumed) -> None:
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


def claim(store, who, now=NOW):
    """Claim as the desk does."""

    def deeds(met):
        verbs = ("claim", "open")
        return [Deed(at=now, actor=who, verb=v, request_id=met.request_id, number=met.number) for v in verbs]

    token = encode(bytes(32))
    decide = partial(requests.claim, practitioner=who, token=None, now=now, lease=timedelta(minutes=20))
    ask = Ask(practitioner=who, lanes=LANES, claim_limit=5, token=token)
    return store.claim(ask, decide, now=now, deeds=deeds)


def lives(engine):
    """Let some callbacks be submitted, claimed, renewed, answered and closed, and print what each verb used."""
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
    total_writes = total_reads = 0.0
    for verb, samples in used.items():
        write, read = (sum(sample[at] for sample in samples) / len(samples) for at in (0, 1))
        total_writes, total_reads = total_writes + write, total_reads + read
        print(f"{verb:16} {write:6.2f} write {read:6.2f} read {median(s[2] for s in samples):4.0f} calls")
    price = total_writes * WRITE_PRICE + total_reads * READ_PRICE
    print(f"{'a life':16} {total_writes:6.2f} write {total_reads:6.2f} read; a million lives: {price:.0f} dollars")


def fill(url, table, numbers):
    """Put heads into the queue, without what goes with them: it is the queue that is measured."""
    puts = []
    for number in numbers:
        request = callback(number % 1_000_000)
        p, s = items.head_key(encode(number.to_bytes(32, "big")))
        place = Queue(table).place(request, NOW)
        item = {"p": p, "s": s, "v": 1, "w": bytes(8), **items.pack_head(request), **place}
        puts.append({"PutRequest": {"Item": written(item)}})
    engines.client(url).batch_write_item(RequestItems={table.name: puts})


def sizes(engine, counts):
    """Print what a claim uses and takes, by how many are waiting."""
    store, _, table, meter = stage(engine)
    url = engines.endpoint(engine)
    filled = 0
    for count in counts:
        began = time.monotonic()
        for first in range(filled, count, BATCH):
            fill(url, table, range(first, min(first + BATCH, count)))
        filled = count
        put = time.monotonic() - began
        meter.take()
        taken, times = [], []
        for number in range(40):
            began = time.process_time(), time.monotonic()
            assert claim(store, f"p{count}-{number}") is not None
            times.append(time.monotonic() - began[1])
            taken.append(meter.take())
        write, read, calls = (median(sample[at] for sample in taken) for at in (0, 1, 2))
        text = f"{count:9,} waiting: a claim uses {write:.1f} write, {read:.1f} read, {calls:.0f} calls"
        print(f"{text}, takes {1000 * median(times):.1f} ms (filled in {put:.0f} s)", flush=True)


if __name__ == "__main__":
    chosen = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
    lives(chosen)
    sizes(chosen, [int(text) for text in sys.argv[1:]] or [1000, 10000])
