"""
A model of the queue in DynamoDB, call by call, under more load than any engine here could bear.

A discrete-event simulation: everything happens at an instant of its own clock, in an order that a seed decides. What a
claim does is what `chalicelib/adapters/dynamodb.py` does: it reads the practitioner's hand, what is hidden or lapsed, a
page of each shard of the lane, merges them by urgency, draws a candidate (the adapter's own `drawn` and `room`),
reads its head, names it in the hand and writes the head on condition that it is as it was read. The index shows a
change after a lag. Partitions refuse what is over their limits, and whoever is refused waits and asks again.

`tests/contract/test_simulation.py` holds order, candidates, calls and units against the adapter on an engine.
"""

from __future__ import annotations

import heapq
import math
import random
import sys
import zlib
from bisect import bisect_left, insort
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chalicelib.adapters.dynamodb_queue import PAGE, drawn, room

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Steps = Generator[float, None, None]

WRITES, READS = 1000, 3000
"""What one partition of DynamoDB takes a second, in units."""
AT_ONCE = 0.1
"""Of a second's units, how much may be used at once: the service is kinder, but promises nothing."""
CONTENT_UNITS = 7
"""What an acceptance writes to the table besides the index: content 5, head 1, reference 1."""
HAND = 5
"""How many requests a hand names at most, on average: what is held, and what the hourly round has yet to tell of."""
GIVES_UP = 2.0
MOST_PAUSE, FIRST_PAUSE = 0.2, 0.025


@dataclass(frozen=True, kw_only=True)
class World:
    """What is simulated: load, settings, and how the service behaves. Times are in seconds."""

    shards: int = 1
    rate: float = 0.0
    """Requests a second, for *burst* seconds."""
    burst: float = 0.0
    backlog: int = 0
    practitioners: int = 2000
    handling: float = 300.0
    """How long a practitioner is busy with a request, on average (exponentially distributed); 0 asks again at once."""
    within: float | None = None
    """In which time everybody begins to pull; None is any hour, with everybody at some point of a call."""
    once: bool = False
    """Whether everybody pulls a single request."""
    lasts: float = 10.0
    call: float = 0.004
    lag: float = 0.02
    stale_counts: bool = True
    room: Callable[[int], int] = room
    split: bool = False
    """Whether busy partitions have been split for heat: the end of the index, where all is put, from its front."""
    table_partitions: int = 128
    seed: int = 1


class Refused(Exception):  # noqa: N818
    """Patience has come to its end: 503, and whoever asked tries again by hand."""


class Partition:
    """What one partition is asked, and what it refuses."""

    def __init__(self) -> None:
        self.left = {"w": WRITES * AT_ONCE, "r": READS * AT_ONCE}
        self.at = 0.0
        self.asked: Counter[tuple[str, int]] = Counter()
        self.refused: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def _refill(self, now: float) -> None:
        for kind, limit in (("w", WRITES), ("r", READS)):
            self.left[kind] = min(limit * AT_ONCE, self.left[kind] + limit * (now - self.at))
        self.at = now

    def has(self, kind: str, units: float, now: float) -> bool:
        """Tell whether it would take it, and count what was asked."""
        self._refill(now)
        self.asked[kind, int(now)] += units  # type: ignore[assignment]
        self.total[kind] += units  # type: ignore[assignment]
        if self.left[kind] < min(units, 1.0):
            self.refused[kind] += units  # type: ignore[assignment]
            return False
        return True

    def take(self, kind: str, units: float) -> None:
        """Use units."""
        self.left[kind] -= units

    def busiest(self, kind: str) -> float:
        """Give the units of its busiest second, refused ones included."""
        return max((units for (which, _), units in self.asked.items() if which == kind), default=0.0)


class _Sums:
    """How many of the first n are marked, in logarithmic time (a Fenwick tree)."""

    def __init__(self, size: int) -> None:
        self._tree = [0] * (size + 1)
        self.all = 0

    def add(self, at: int, by: int) -> None:
        self.all += by
        at += 1
        while at < len(self._tree):
            self._tree[at] += by
            at += at & -at

    def before(self, at: int) -> int:
        found = 0
        while at:
            found += self._tree[at]
            at -= at & -at
        return found


@dataclass
class Found:
    """What came of it."""

    claims: list[tuple[float, int]] = field(default_factory=list)
    """When, and which."""
    took: list[float] = field(default_factory=list)
    misses: int = 0
    stale: int = 0
    failed: int = 0
    empty: int = 0
    submitted: int = 0
    overflowed: int = 0
    throttled: int = 0
    ahead: list[int] = field(default_factory=list)
    """How many more urgent ones waited at each claim."""
    passed: list[int] = field(default_factory=list)
    """How often each request that was claimed had been passed over by then."""
    passed_for: float = 0.0
    """For how long, at most, one waited after a later one had been handed out."""
    units: Counter[str] = field(default_factory=Counter)
    calls: int = 0


class Simulation:
    """One run; `Found` is what is known at its end."""

    def __init__(self, world: World) -> None:
        self.world, self.dice, self.found = world, random.Random(world.seed), Found()
        self.now, self._turn = 0.0, 0
        self.draws, self._said = self.dice, Counter[int]()
        self.candidate: int | None = None
        """Which head the latest claim has read and not yet decided; a test compares it with the adapter."""
        self._events: list[tuple[float, int, Steps]] = []
        self.size = world.backlog + math.ceil(world.rate * world.burst) + 1
        self.names = [f"{number:043d}" for number in range(self.size)]
        self.shard = [zlib.crc32(name.encode()) % world.shards for name in self.names]
        self._home = [zlib.crc32(name.encode(), 7) % world.table_partitions for name in self.names]
        self.index: list[list[int]] = [[] for _ in range(world.shards)]
        self.claimed = bytearray(self.size)
        self.holder: dict[int, int] = {}
        self.partitions: dict[str, Partition] = {}
        self._waiting, self._done = _Sums(self.size), _Sums(self.size)
        for number in range(world.backlog):
            self.index[self.shard[number]].append(number)
            self._waiting.add(number, 1)

    # ------------------------------------------------------------ the clock

    def start(self, steps: Steps, at: float) -> None:
        """Let something begin."""
        self._turn += 1
        heapq.heappush(self._events, (at, self._turn, steps))

    def run(self) -> Found:
        """Let everything happen until the end."""
        world = self.world
        if world.rate:
            self.start(self._arrivals(), 0.0)
        for who in range(world.practitioners):
            start = self.dice.random() * (world.handling if world.within is None else world.within)
            self.start(self._practitioner(who), start)
        while self._events:
            self.now, _, steps = heapq.heappop(self._events)
            if self.now > world.lasts:
                break
            wait = next(steps, None)
            if wait is not None:
                self._turn += 1
                heapq.heappush(self._events, (self.now + wait, self._turn, steps))
        self._settle()
        return self.found

    def _settle(self) -> None:
        """Find for how long anybody stood behind a later one: until it was claimed, or to the end."""
        when, which, front = [], [], -1
        done: dict[int, float] = {}
        for at, number in self.found.claims:
            done[number] = at
            if number > front:
                front = number
                when.append(at)
                which.append(number)
        for number in range(front):
            at = done.get(number, self.now)
            later = when[bisect_left(which, number + 1)] if number < front else at
            self.found.passed_for = max(self.found.passed_for, at - later)

    # ------------------------------------------------------------ the service

    def partition(self, name: str) -> Partition:
        """Give a partition by its name."""
        if name not in self.partitions:
            self.partitions[name] = Partition()
        return self.partitions[name]

    def _call(self) -> float:
        self.found.calls += 1
        return self.world.call * (0.6 + self.dice.expovariate(1 / 0.4))

    def _late(self) -> float:
        return self.world.lag * (0.5 + self.dice.expovariate(1 / 0.5))

    def _asked(self, wanted: list[tuple[str, str, float]]) -> Steps:
        """Ask for units of some partitions at once, again as `Patience` does, and then not any more."""
        began, turn = self.now, 0
        while True:
            yield self._call()
            places = [(self.partition(name), kind, units) for name, kind, units in wanted]
            if all([place.has(kind, units, self.now) for place, kind, units in places]):  # noqa: C419 - all are asked
                for place, kind, units in places:
                    place.take(kind, units)
                    self.found.units[kind] += units  # type: ignore[assignment]
                return
            self.found.throttled += 1
            pause = self.dice.uniform(0, min(MOST_PAUSE, FIRST_PAUSE * 2**turn))
            turn += 1
            if self.now + pause > began + GIVES_UP:
                raise Refused
            yield pause

    def _front(self, shard: int) -> str:
        return f"lane#{shard}"

    def _end(self, shard: int) -> str:
        """Name where the index is put to: its end, which heat splits from its front."""
        return f"lane#{shard}{' end' if self.world.split else ''}"

    def _table(self, number: int) -> str:
        return f"table#{self._home[number]}"

    # ------------------------------------------------------------ who asks for help

    def _arrivals(self) -> Steps:
        world = self.world
        for number in range(world.backlog, self.size - 1):
            self.start(self._submit(number), self.now)
            yield 1 / world.rate

    def _submit(self, number: int) -> Steps:
        self.found.submitted += 1
        try:
            yield from self._asked(
                [(self._table(number), "w", CONTENT_UNITS), (self._end(self.shard[number]), "w", 1.0)]
            )
        except Refused:
            self.found.overflowed += 1  # accepted all the same: the overflow queue brings it later
            return
        self._waiting.add(number, 1)
        yield self._late()
        insort(self.index[self.shard[number]], number)

    # ------------------------------------------------------------ who answers

    def _practitioner(self, who: int) -> Steps:
        world = self.world
        while True:
            began = self.now
            try:
                got = yield from self.claim(who)
            except Refused:
                self.found.failed += 1
                yield self.dice.uniform(1, 3)
                continue
            self.found.took.append(self.now - began)
            if got is None:
                self.found.empty += 1
                yield 5.0  # the desk's page asks again
                continue
            if world.once:
                return
            yield self.dice.expovariate(1 / world.handling) if world.handling else 0.0

    def _hand(self, who: int) -> str:
        """Name where a hand is: all are in one partition, until heat splits it by practitioner."""
        return f"hand {who % 4}" if self.world.split else "hand"

    def _pages(self, debts: list[str]) -> tuple[list[list[int]], Iterator[str]]:
        first: list[list[int]] = []

        def read(shard: int) -> Iterator[int]:
            page = first[shard]
            while page:
                yield from page
                if len(page) < PAGE:
                    return
                entries = self.index[shard]
                begin = bisect_left(entries, page[-1] + 1)
                page = entries[begin : begin + PAGE]
                debts.append(self._front(shard))

        shards = range(self.world.shards)
        merged = heapq.merge(*(read(shard) for shard in shards))
        return first, (self.names[number] for number in merged)

    def claim(self, who: int) -> Steps:  # noqa: C901 - one claim is one story
        """Claim as the adapter does; give the number of the request, or None."""
        losses, world, hand = 0, self.world, self._hand(who)
        while True:
            yield from self._asked([(hand, "r", 1.0)])
            if self._said[who]:  # the heads that the hand names, wherever in the table they are
                yield self._call()
                self.found.units["r"] += min(self._said[who], HAND)
            for part in ("hidden", "claimed"):
                for shard in range(world.shards):
                    yield from self._asked([(f"{part}#{shard}", "r", 0.5)])
            debts: list[str] = []
            first, names = self._pages(debts)
            for shard in range(world.shards):
                yield from self._asked([(self._front(shard), "r", 0.5)])
                first.append(self.index[shard][:PAGE])
            lost = False
            for name in drawn(names, lambda: losses, self.draws, room=world.room):  # noqa: B023 - it is asked at once
                number = int(name)
                while debts:
                    yield from self._asked([(debts.pop(), "r", 0.5)])
                yield from self._asked([(self._table(number), "r", 1.0)])
                if self.claimed[number]:
                    self.found.stale += 1
                    losses += world.stale_counts and self.holder.get(number) != who
                    continue
                self.candidate = number
                yield from self._asked([(hand, "w", 1.0)])
                if self.claimed[number]:  # the condition fails: it costs what it would have written to the table
                    yield from self._asked([(self._table(number), "w", 1.0)])
                    lost, losses = True, losses + 1
                    self.found.misses += 1
                    continue
                yield from self._asked(
                    [
                        (self._table(number), "w", 1.0),
                        (self._front(self.shard[number]), "w", 1.0),
                        (f"claimed#{self.shard[number]}", "w", 1.0),
                    ]
                )
                if self.claimed[number]:
                    lost, losses = True, losses + 1
                    self.found.misses += 1
                    continue
                self.taken(number)
                self.candidate, self.holder[number] = None, who
                self._said[who] += 1
                return number  # type: ignore[return-value]
            if not lost:
                return None  # type: ignore[return-value]
            yield self.dice.uniform(0, 0.05)

    def taken(self, number: int) -> None:
        """Let somebody have it from now on; the index shows it later."""
        self.claimed[number] = 1
        self._waiting.add(number, -1)
        self.found.ahead.append(self._waiting.before(number))
        self.found.passed.append(self._done.all - self._done.before(number + 1))
        self._done.add(number, 1)
        self.found.claims.append((self.now, number))
        if self.world.lag:
            self.start(self._vanish(number), self.now + self._late())
        else:
            next(self._vanish(number), None)

    def _vanish(self, number: int) -> Steps:
        entries = self.index[self.shard[number]]
        at = bisect_left(entries, number)
        if at < len(entries) and entries[at] == number:
            del entries[at]
        return
        yield
