"""
The queue as an index: what may be handed out, in order, without reading what may not.

    partition          sort         holds
    R#<lane>#<shard>   order_at     READY: waiting, and visible when it was written
    H#<shard>          visible_at   HIDDEN: waiting for a window that has not begun
    C#<shard>          lease_until  CLAIMED: in somebody's hand; whoever asks after that is given it (then, at the
                                    latest with the hourly round, it stands in READY)
    A#<shard>          due_at       ASIDE: parked, or every window was missed; only supervisors see it
    D#<shard>          ends_at      DONE: closed or withdrawn, for the hourly round

So nobody reads past what colleagues hold or what is not to be handed out yet, and of two thousand hands a claim reads
its own and no other. A hidden request whose window has begun, and one whose lease has lapsed, is handed out from where
it is; where there are many of those, of whatever lane, each claim moves some to READY, and soon none of them is read
by somebody who does not serve their lane.

The index is eventually consistent: an entry is a hint, and the head, read consistently, is the truth.
"""

from __future__ import annotations

import heapq
import struct
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb_items import SHARDS, id_of, wall
from chalicelib.adapters.sqlite_rows import instant, micros
from chalicelib.domain.requests import LANES, ContactRequest, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from random import Random

    from chalicelib.adapters.dynamodb_table import Item, Table

READY, HIDDEN, CLAIMED, ASIDE, DONE = "R", "H", "C", "A", "D"
PAGE = 16
DUE = 1000
"""Of so many in the asked lanes whose time has come since they were written, per shard, the most urgent is found."""
CROWD = 40
"""So many whose time has come are read at every claim; past it, each claim moves some to READY."""
REMEMBERED = 5_000
"""Milliseconds for which a claim or an acceptance remembers how many shards are kept."""
FIRST, WIDEST = 4, 256
"""From how many a claim draws once it has come too late, and at most: twice as many each further time."""
_INFO = struct.Struct(">BqqqqqHB")
_NEVER = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the index says of a request: enough to count it, and to know whether its head is worth reading."""

    request_id: str
    lane: str
    order_at: datetime
    due_at: datetime
    ready_at: datetime | None
    submitted_at: datetime
    expires_at: datetime
    missed: int
    parked: bool
    windows: bool

    def is_ready(self, now: datetime) -> bool:
        """Tell whether a claim may meet it."""
        return self.ready_at is not None and self.ready_at <= now < self.expires_at


class Shards:
    """
    Over how many partitions the queue is spread: *setting* is what this function was told, `line/shards` what is kept.

    What is kept only grows, and only by those who read the queue. Nobody writes where it does not reach, and everybody
    reads as far as it does: functions that are told different things lose nothing between them.
    """

    def __init__(self, table: Table, setting: int) -> None:
        self._table, self._setting = table, setting
        self._kept, self._read_at = 1, 0

    def keep(self) -> None:
        """Let what is kept reach as far as the setting; whoever loses the race for it tries at the next occasion."""
        if self._setting <= self._known():
            return
        there = self._table.get(SHARDS)
        if _number(there) < self._setting:
            there = self._table.swap(SHARDS, there, {"n": self._setting}) or there
        self._kept = _number(there)

    def to_write(self) -> int:
        """Tell over how many to spread what is written."""
        return 1 if self._setting == 1 else min(self._setting, self._known())

    def to_read(self, *, afresh: bool = True) -> int:
        """Tell how many to read: as of now, or as of a few seconds ago where a person waits and asks again anyway."""
        return max(self._setting, self._known(afresh=afresh))

    def _known(self, *, afresh: bool = False) -> int:
        now = wall()
        if afresh or abs(now - self._read_at) >= REMEMBERED:
            self._kept, self._read_at = _number(self._table.get(SHARDS)), now
        return self._kept


class Queue:
    """The index of one table; *shards* only grows, when one partition takes more writes than it can (1,000/s)."""

    def __init__(self, table: Table, *, shards: int = 1) -> None:
        self._table, self.shards = table, Shards(table, shards)

    def place(self, request: ContactRequest, now: datetime) -> Item:
        """Give the attributes by which a head stands in the index."""
        part, sort = _part(request, now)
        shard = zlib.crc32(request.request_id.encode()) % self.shards.to_write()
        lane = f"{request.lane}#" if part == READY else ""
        return {"q": f"{part}#{lane}{shard}", "o": micros(sort), "i": _info(request)}

    def ready(self, lanes: Sequence[str]) -> Iterator[Entry]:
        """Give what is READY in *lanes*, most urgent first."""
        shards = range(self.shards.to_read(afresh=False))
        partitions = [f"{READY}#{lane}#{shard}" for lane in dict.fromkeys(lanes) for shard in shards]
        return heapq.merge(*(self._read(name, page=PAGE) for name in partitions), key=lambda entry: entry.order_at)

    def due(self, lanes: Sequence[str], now: datetime) -> list[Entry]:
        """
        Give the HIDDEN requests whose window has begun, and the CLAIMED ones whose lease has lapsed.

        Those of other lanes are among them: they must be moved on, and count for nothing towards what is enough.
        """
        found: list[Entry] = []
        for part in (HIDDEN, CLAIMED):
            for shard in range(self.shards.to_read(afresh=False)):
                asked = 0
                for entry in self._read(f"{part}#{shard}", high=micros(now), page=DUE):
                    found.append(entry)
                    asked += entry.lane in lanes and entry.is_ready(now)
                    if asked >= DUE:
                        break
        return found

    def all(self, *parts: str) -> Iterator[Entry]:
        """Give everything that stands in some parts."""
        shards = range(self.shards.to_read())
        for part in parts:
            for name in [f"{part}#{lane}" for lane in LANES] if part == READY else [part]:
                for shard in shards:
                    yield from self._read(f"{name}#{shard}")

    def ended(self, now: datetime) -> Iterator[str]:
        """Name what is DONE and has come to an end, if only that of its details."""
        for shard in range(self.shards.to_read()):
            for entry in self._read(f"{DONE}#{shard}", high=micros(now)):
                yield entry.request_id

    def expired(self, now: datetime) -> Iterator[str]:
        """Name everything that stands in the index and may have expired."""
        yield from self.ended(now)
        for entry in self.all(READY, HIDDEN, ASIDE):
            if entry.expires_at <= now:
                yield entry.request_id

    def _read(self, partition: str, *, high: int | None = None, page: int | None = None) -> Iterator[Entry]:
        for item in self._table.query(partition, high=high, index=True, page=page):
            yield _entry(item)


def room(losses: int) -> int:
    """Tell among how many of the most urgent a claim draws that has come too late *losses* times."""
    return min(FIRST * 2 ** min(losses - 1, 9), WIDEST) if losses else 1


def drawn(
    names: Iterator[str], losses: Callable[[], int], dice: Random, *, room: Callable[[int], int] = room
) -> Iterator[str]:
    """
    Give *names* in order, until somebody else was first: then any of the next few.

    Whoever loses one to a colleague has come too late, and so has whoever finds one taken that the index still shows.
    Of many who pull at once, each has then a good chance of its own; the order suffers by as many places at most, among
    those who pull in the same instant. `benchmarks/SIMULATION.md` shows how many that are.
    """
    near: list[str] = []
    while True:
        width = room(losses())
        near += islice(names, max(0, width - len(near)))
        if not near:
            return
        yield near.pop(dice.randrange(min(width, len(near))))


def _part(request: ContactRequest, now: datetime) -> tuple[str, datetime]:
    if request.is_live(now) and request.lease_until is not None:
        return CLAIMED, request.lease_until
    if request.status in (Status.CLOSED, Status.WITHDRAWN):
        return DONE, request.ends_at
    if request.status is Status.PARKED or request.ready_at is None:
        return ASIDE, request.due_at
    return (READY, request.order_at) if request.ready_at <= now else (HIDDEN, request.ready_at)


def _number(kept: Item | None) -> int:
    """Read how many shards are kept; where nobody has kept any yet, all stand in the first."""
    return 1 if kept is None else kept["n"]


def _info(request: ContactRequest) -> bytes:
    return _INFO.pack(
        LANES.index(request.lane),
        micros(request.order_at),
        micros(request.due_at),
        _NEVER if request.ready_at is None else micros(request.ready_at),
        micros(request.submitted_at),
        micros(request.expires_at),
        min(request.missed, 65535),
        (request.status is Status.PARKED) | bool(request.windows) << 1,
    )


def _entry(item: Item) -> Entry:
    lane, order, due, ready, submitted, expires, missed, flags = _INFO.unpack(item["i"])
    return Entry(
        request_id=id_of(item),
        lane=LANES[lane],
        order_at=instant(order),
        due_at=instant(due),
        ready_at=None if ready == _NEVER else instant(ready),
        submitted_at=instant(submitted),
        expires_at=instant(expires),
        missed=missed,
        parked=bool(flags & 1),
        windows=bool(flags & 2),
    )
