"""Thousands of overflow messages, doubled, reordered, half delivered: each request once, none lost, none come back."""

from __future__ import annotations

import os
import random
from collections import Counter

import engines
import progress
import pytest
from fakes import FakeQueue
from one_house import opened

import app as quietline
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import Status

MESSAGES = int(os.environ.get("QUIETLINE_MESSAGES", "200"))


class Refusing:
    """A part that refuses some of its verbs for a while, before or after it has done what was asked."""

    def __init__(self, part) -> None:
        self.part, self.before, self.after = part, set(), set()

    def __getattr__(self, name):
        work = getattr(self.part, name)

        def verb(*args, **kwargs):
            if name in self.before:
                raise Unavailable("storage")
            done = work(*args, **kwargs)
            if name in self.after:
                raise Unavailable("storage")
            return done

        return verb


@pytest.fixture(params=["sqlite", "dynoxide"])
def storm(request, tmp_path):
    """A house behind an overflow queue, on one store or the other; both parts of the store can be made to refuse."""
    with opened(tmp_path) as house:
        parts, address = house.house.__dict__, None
        if request.param != "sqlite":
            if reason := engines.why_not(request.param):
                pytest.skip(f"{request.param}: {reason}")
            address = engines.make_tables(request.param)
            parts["store"] = engines.open_store(address, house.house.secret("audit.key"))
            parts["shred_keys"] = engines.open_shred_keys(address)
        parts["store"] = Refusing(house.house.store)
        parts["shred_keys"] = Refusing(house.house.shred_keys)
        parts["_overflow"] = FakeQueue(receives_limit=10**9)
        yield Storm(house, request.param)
    if address is not None:
        engines.drop_tables(address)


class Storm:
    """What was sent, what was withdrawn, and the queue in between."""

    def __init__(self, house, engine) -> None:
        self.house, self.engine, self.dice = house, engine, random.Random(engine)
        self.parts = house.house.__dict__
        self.queue, self.store, self.keys = self.parts["_overflow"], self.parts["store"], self.parts["shred_keys"]
        self.sent, self.withdrawn = {}, set()

    def send(self, number):
        """Submit while the store refuses, at once or only after it has stored it: 201, and a letter in the queue."""
        where = [(self.store.before, "submit"), (self.store.after, "submit"), (self.keys.before, "keep")]
        verbs, verb = self.dice.choice(where)
        verbs.add(verb)
        key = f"key-of-the-stormy-request-{number:06}"
        status, self.sent[key] = self.house.ask_for_a_call(key)
        verbs.clear()
        assert status == 201

    def withdraw_some(self):
        """Withdraw a request that has been stored meanwhile, as whoever sent it may at any time."""
        key = self.dice.choice([*self.sent])
        if self.house.ask("DELETE", "/v1/mailbox", receipt=self.sent[key]["receipt"])[0] == 204:
            self.withdrawn.add(key)

    def deliver(self, letters):
        """Hand over a batch with doubles, in any order, with a store that may refuse, and a function that may die."""
        for text in self.dice.choices(letters, k=8):
            self.queue.put_text(text)
        self.dice.shuffle(self.queue.waiting)
        part, verb = self.dice.choice(
            [(self.store, "submit"), (self.store, "get"), (self.keys, "keep"), (self.store, "-")]
        )
        self.dice.choice([part.before, part.after]).add(verb)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quietline, "house", self.house.house)
            return self._deliver(part)

    def _deliver(self, part):
        try:
            return self.queue.deliver(
                quietline.drain,
                batch=self.dice.randint(1, 12),
                forget=self.dice.random() < 0.7,
                arrange=lambda batch: self.dice.sample(batch, len(batch)),
            )
        finally:
            part.before.clear()
            part.after.clear()

    def wrong(self):
        """Count the requests that are lost, and those that are back although they were withdrawn."""
        bad = Counter(lost=0, resurrected=0)
        for key, answer in self.sent.items():
            said = self.house.message_of(answer["request_id"])
            status = self.house.ask("GET", "/v1/mailbox", receipt=answer["receipt"])[0]
            gone = key in self.withdrawn
            bad["resurrected" if gone else "lost"] += (said, status) != ((None, 404) if gone else (key, 200))
        return bad

    def drain_all(self):
        """Deliver until nothing is left."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quietline, "house", self.house.house)
            while self.queue.waiting:
                self.queue.deliver(quietline.drain)


@pytest.mark.timeout(300 + MESSAGES)
def test_each_request_is_stored_once_whatever_becomes_of_its_messages(storm):
    """Withdrawn ones stay withdrawn; of all others each is there once, opens, and is handed out once."""
    name, count = f"overflow messages on {storm.engine}", {"sqlite": MESSAGES}.get(storm.engine, MESSAGES // 4)
    for number in range(max(10, count // 20)):
        storm.send(number)
    letters = storm.queue.bodies()
    assert len(letters) == len(storm.sent)
    delivered = 0
    for step in progress.steps(name, count):
        while delivered <= step:
            delivered += storm.deliver(letters)
            if storm.dice.random() < 0.1:
                storm.withdraw_some()
            del storm.queue.waiting[len(letters) :]
    for _ in range(2):
        for text in letters:
            storm.queue.put_text(text)
        storm.drain_all()
        storm.withdraw_some()
    for text in letters:  # once more, after some were withdrawn
        storm.queue.put_text(text)
    storm.drain_all()
    assert storm.withdrawn
    assert storm.queue.dead == []

    now, found = storm.house.now, Counter()
    bad = storm.wrong()
    lanes = storm.store.part.lanes(now=now, soon=now)
    living = len(storm.sent) - len(storm.withdrawn)
    assert sum(lane.waiting for lane in lanes) == living
    casework = storm.house.house.desk.casework
    while claimed := casework.claim(f"person-{sum(found.values()) // 5}"):
        assert claimed.request.status is Status.CLAIMED
        found[claimed.opened.details["message"]] += 1
    bad["doubled"] = sum(count - 1 for count in found.values())
    progress.found(name, requests=len(storm.sent), withdrawn=len(storm.withdrawn), **bad)
    assert not any(bad.values()), bad
    assert found == Counter(storm.sent.keys() - storm.withdrawn)
