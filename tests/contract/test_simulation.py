"""The simulation of the queue is held against the adapter: same order, same candidates, same calls, same units."""

from __future__ import annotations

import random
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import engines
import pytest

from chalicelib.adapters import dynamodb_queue
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_table import Table
from chalicelib.domain import requests
from chalicelib.ports import Ask

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))

from simulated import Simulation, World

ENGINE = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
LANES = (requests.lane(requests.Kind.INFORMATION, "en"),)
COUNT = 40


class Told(random.Random):
    """Dice that remember what they were asked and what they answered; the first of a few, where nothing else is set."""

    def __init__(self, answers=()) -> None:
        super().__init__(0)
        self.asked, self.answers = [], list(answers)

    def randrange(self, width):
        """Draw."""
        self.asked.append(width)
        return self.answers.pop(0) % width if self.answers else 0


def adapter(head, now, shards, dice, late):
    """Let the adapter hand out everything; at the turns that *late* names, a colleague is faster by a hair."""
    _, url, name = engines.make_tables(ENGINE).split("|")
    used = {"w": 0.0, "r": 0.0, "calls": 0}

    def meter(operation, consumed):
        kind = "w" if operation.startswith(("put", "delete", "transact")) else "r"
        used["calls"] += 1
        used[kind] += sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))

    store = DynamoStore(Table(engines.connection(url, meter=meter), name), audit_key=lambda: b"key", shards=shards)
    store._dice = dice
    store.purge(now=now, erase=lambda _: None)  # a round keeps the shards before anything is written into them
    names = [f"{number:043d}" for number in range(COUNT)]
    for at, each in enumerate(names):
        store.submit(head(each, due_at=now + timedelta(minutes=at)), content=b"x", capacity=None, now=now)

    def claim(who, decide=None):
        plain = partial(requests.claim, practitioner=who, token=None, now=now, lease=timedelta(minutes=20))
        ask = Ask(practitioner=who, lanes=LANES, claim_limit=500)
        return store.claim(ask, decide or plain, now=now, deeds=lambda _: ())

    order, spent = [], []
    for turn in range(COUNT - len(late)):

        def decide(met, turn=turn):
            if turn in late:
                late.discard(turn)
                before = dict(used)
                claim_of(store, met.request_id, now)
                used.update(before)
            return requests.claim(met, practitioner=f"p{turn}", token=None, now=now, lease=timedelta(minutes=20))

        used.update(w=0.0, r=0.0, calls=0)
        met = claim(f"p{turn}", decide)
        order.append(int(met.request_id))
        spent.append(dict(used))
    engines.drop_tables(f"dynamodb|{url}|{name}")
    return order, spent


def claim_of(store, name, now):
    """Let a colleague take a certain request, as one does who reads its reference out."""
    decide = partial(requests.claim, practitioner="colleague", token=None, now=now, lease=timedelta(minutes=20))
    store.change(name, decide, now=now)


def simulated(shards, dice, late):
    """Let the simulation do the same: one practitioner after the other, no lag; a colleague is faster where *late*."""
    simulation = Simulation(World(shards=shards, backlog=COUNT, lag=0.0, practitioners=0))
    simulation.draws = dice
    order, spent = [], []
    for turn in range(COUNT - len(late)):
        for kind in ("w", "r"):
            simulation.found.units[kind] = 0
        simulation.found.calls = 0
        claimed, colleague = simulation.claim(turn), turn in late
        wait = next(claimed, None)
        got = None
        while True:
            if colleague and simulation.candidate is not None:
                colleague = False
                late.discard(turn)
                simulation.taken(simulation.candidate)
            try:
                wait = claimed.send(None)
            except StopIteration as stop:
                got = stop.value
                break
            simulation.now += wait
        order.append(got)
        spent.append({**simulation.found.units, "calls": simulation.found.calls})
    return order, spent


@pytest.mark.parametrize("shards", [1, 4])
def test_the_simulation_hands_out_what_the_adapter_does(head, now, shards, monkeypatch):
    """Most urgent first over all shards; who loses a candidate draws among the next four, by the same dice."""
    monkeypatch.setattr(dynamodb_queue, "REMEMBERED", timedelta(days=1).total_seconds() * 1000)
    late = {3, 4, 11}
    ours, theirs = Told([2, 3, 1]), Told([2, 3, 1])
    order, spent = adapter(head, now, shards, ours, set(late))
    expected, costs = simulated(shards, theirs, set(late))
    assert order == expected
    assert ours.asked == theirs.asked
    assert 4 in ours.asked
    for turn in range(1, len(order)):
        refused = 1 if turn in late else 0  # a refused write is billed, and its answer does not say so
        counted = {**spent[turn], "w": spent[turn]["w"] + refused, "calls": spent[turn]["calls"] + refused}
        assert counted == costs[turn], turn
