"""
The queue and the mailboxes in DynamoDB: where a helpline outgrows one machine.

Rules are the domain's: each verb reads the newest head consistently, lets a pure function decide, and writes what that
says on condition that the head is still the one that was read; else it begins anew. What a head relies on is written
before it, so that the head's own conditional write is the whole of the decision:

    submit     slot, reference, content (each under this request's name), then the head: that is the acceptance
    claim      the practitioner's hand names the request, then the head is theirs
    messages   the message under its token, then the head that lists the token
    withdraw   the head becomes a tombstone, then content and messages are overwritten; the hourly round makes sure

What was said before and is not followed by its head counts for nothing once ten seconds have passed, and expires.
`dynamodb_items` says what stands where, `dynamodb_queue` how the index is used, `dynamodb_trail` how deeds are kept,
`dynamodb_places` what is in whose hands and slots.
"""

from __future__ import annotations

import heapq
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from random import SystemRandom
from typing import TYPE_CHECKING, TypeVar

from chalicelib.adapters import dynamodb_items as shape
from chalicelib.adapters.dynamodb_counts import lane_states
from chalicelib.adapters.dynamodb_places import Hand, Hands, References, Referrals, Slots
from chalicelib.adapters.dynamodb_queue import ASIDE, CLAIMED, CROWD, HIDDEN, READY, Queue, drawn
from chalicelib.adapters.dynamodb_trail import Trail
from chalicelib.adapters.sqlite_rows import instant, micros
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, NotFound, Unavailable
from chalicelib.domain.requests import ContactRequest, Status, settle
from chalicelib.domain.slots import Window, floor_to_hour
from chalicelib.ports import ContentName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from chalicelib.adapters.dynamodb_queue import Entry
    from chalicelib.adapters.dynamodb_table import Item, Table
    from chalicelib.domain.audit import AuditEntry, TrailHead
    from chalicelib.ports import Ask, LaneState, Message

T = TypeVar("T")

PURGE_STEP = 200
MOVES = 25
"""How many requests a claim moves out of its way before it writes what it has decided."""
TURNS = 500
STALE = timedelta(hours=3)
"""How long a count of the unverified counts: it is renewed every five minutes, and every hour by another round."""
FULL = 12
"""How many deeds rest in one head before they are moved to the trail in between."""


class _Again(Exception):  # noqa: N818
    """Somebody else was first: begin anew."""


@dataclass(slots=True)
class _Attempt:
    """One claim, over all its turns: what it asks, what it has said, and how often it has come too late."""

    ask: Ask
    now: datetime
    decide: Callable[[ContactRequest], ContactRequest]
    deeds: Callable[[ContactRequest], Sequence[Deed]]
    said: list[shape.Intent] = field(default_factory=list)
    losses: int = 0


class DynamoStore:
    """
    A `RequestStore` in *table*; *audit_key* is asked for by what reads or writes the trail, the desk's part.

    *shards* is over how many partitions each lane is to be spread; claims and the round keep the largest there was.
    """

    def __init__(self, table: Table, *, audit_key: Callable[[], bytes], shards: int = 1) -> None:
        self._table = table
        self._queue = Queue(table, shards=shards)
        self._hands, self._slots, self._references = Hands(table), Slots(table), References(table)
        self._referrals = Referrals(table)
        self._trail = Trail(table, audit_key, self._finished)
        self._dice = SystemRandom()

    def submit(
        self,
        request: ContactRequest,
        *,
        content: bytes,
        capacity: int | None,
        now: datetime,
        referrals: int | None = None,
        deed: Deed | None = None,
    ) -> ContactRequest:
        """Accept a request, if its id is new."""

        def accept() -> ContactRequest:
            there = self._item(request.request_id)
            if there is not None:
                known = shape.read_head(there)
                if known.expires_at > now:
                    return known
            revision = 1 if there is None else there["v"] + 1
            slot = shape.counted_slot(request)
            if referrals is not None and request.counts_for is not None:
                self._referrals.enter(request, revision, referrals, now)
            if slot is not None:
                self._slots.enter(request.request_id, revision, slot, capacity, now)
            self._references.take(request, revision, now)
            p, s = shape.content_key(request.request_id, request.body_id)
            self._table.put({"p": p, "s": s, "c": content, "x": shape.expiry(request.expires_at)})
            gone = () if there is None else (_deed(request.request_id, "purge", now),)
            told = (*gone, *(() if deed is None else (deed,)))
            self._write(there, request, deeds=told, now=now, anew=True)
            if there is not None:
                with suppress(Unavailable):
                    self._erase(there, besides=request.body_id)
            return request

        return self._until_done(accept)

    def get(self, request_id: str, *, now: datetime, tombstones: bool = True) -> ContactRequest | None:
        """Read a head."""
        item = self._item(request_id)
        if item is None or instant(item["e"]) <= now:
            return None
        return None if item["u"] == Status.WITHDRAWN and not tombstones else shape.read_head(item)

    def claim(
        self,
        ask: Ask,
        decide: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        deeds: Callable[[ContactRequest], Sequence[Deed]],
    ) -> ContactRequest | None:
        """Hand out the first request that *decide* claims."""
        self._queue.shards.keep()
        attempt = _Attempt(ask, now, decide, deeds)
        return self._until_done(lambda: self._hand_out(attempt))

    def _hand_out(self, attempt: _Attempt) -> ContactRequest | None:
        ask, now = attempt.ask, attempt.now
        hand = self._hands.read(ask.practitioner, mine=attempt.said)
        if hand.busy:
            raise _Again
        held = hand.held(now)
        again = _held_already(held, ask)
        if again is not None:
            head = attempt.decide(shape.read_head(again))
            return self._write(again, head, deeds=attempt.deeds(head), now=now)
        if len(held) >= ask.claim_limit:
            raise Conflict("claim-limit")
        if ask.reference is not None:
            return self._walk(attempt, hand, self._quoted(ask.reference, now))
        return self._walk(attempt, hand, self._candidates(attempt, hand))

    def _walk(self, attempt: _Attempt, hand: Hand, candidates: Iterator[Item]) -> ContactRequest | None:
        """
        Let *decide* meet one head after the other until one is claimed.

        Heads that it moves out of the way are written before the claim, a few at a time: what a decision raises later
        then finds them as they were. A head that somebody else took first costs a look at the next.
        """
        moves: list[tuple[Item, ContactRequest, Sequence[Deed]]] = []
        lost, now = False, attempt.now
        for item in candidates:
            head = shape.read_head(item)
            decided = attempt.decide(head)
            if decided == head:
                continue
            told = attempt.deeds(decided)
            shape.tell(item, told)  # what cannot be told is refused before anything is written
            if decided.number == head.number:
                moves.append((item, decided, told))
                if len(moves) >= MOVES:
                    self._move(moves, now)
                continue
            self._move(moves, now)
            said = shape.Intent(head.request_id, item["v"] + 1, shape.wall())
            attempt.said.append(said)
            taken = self._hands.take(hand, said)
            if taken is None:
                raise _Again
            try:
                return self._write(item, decided, deeds=told, now=now, listed=True)
            except _Again:
                lost, hand = True, taken.without(said)
                attempt.losses += 1
        self._move(moves, now)
        if lost:
            raise _Again
        return None

    def _move(self, moves: list[tuple[Item, ContactRequest, Sequence[Deed]]], now: datetime) -> None:
        for item, moved, told in moves:
            self._write(item, moved, deeds=told, now=now)
        moves.clear()

    def _quoted(self, reference: str, now: datetime) -> Iterator[Item]:
        item = self._references.holder(reference, now)
        if item is None:
            return
        if shape.read_head(item).is_live(now):
            raise Conflict("claimed-by-colleague", pointer="/reference")
        yield item

    def _candidates(self, attempt: _Attempt, hand: Hand) -> Iterator[Item]:
        """
        Give the heads that may be handed out, most urgent first, each read as it is now, each once.

        What *hand* names the index may still show: that is no sign of colleagues who were faster.
        """
        lanes, now = attempt.ask.lanes, attempt.now
        own = {said.request_id for said in hand.said if said not in attempt.said}
        due = self._queue.due(lanes, now)
        if len(due) > CROWD:
            self._show(due[:MOVES], now)
        waiting = [(entry.order_at, entry.request_id) for entry in due if entry.is_ready(now) and entry.lane in lanes]
        ready = ((entry.order_at, entry.request_id) for entry in self._queue.ready(lanes) if entry.is_ready(now))
        met: set[str] = set()
        for request_id in drawn(_merged(sorted(waiting), ready), lambda: attempt.losses, self._dice):
            if request_id in met:
                continue
            met.add(request_id)
            there = self._item(request_id)
            if there is not None and _is_ready(shape.read_head(there), lanes, now):
                yield there
            elif request_id not in own:
                attempt.losses += 1

    def _show(self, due: Sequence[Entry], now: datetime) -> None:
        """Move requests whose window has begun or whose lease has lapsed to READY: not all are read at every claim."""
        for entry in due:
            item = self._item(entry.request_id)
            if item is not None and item.get("q", "").startswith((HIDDEN, CLAIMED)):
                head = shape.read_head(item)
                if head.ready_at is not None and head.ready_at <= now:
                    with suppress(_Again):
                        self._write(item, head, now=now)

    def change(
        self,
        request_id: str,
        transition: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        messages: Sequence[Message] = (),
        deed: Deed | None = None,
        capacity: int | None = None,
    ) -> ContactRequest:
        """Apply *transition* to the newest head and append *messages*, all or nothing."""
        emptied = False

        def apply() -> ContactRequest:
            nonlocal emptied
            item = self._living(request_id, now)
            if item is None:
                raise NotFound("request-unknown")
            request = shape.read_head(item)
            listed = shape.tokens(item)
            fresh = [message for message in messages if shape.token_of(request, message) not in listed]
            if messages and not fresh:
                return request
            changed = transition(request)
            told = () if deed is None else (deed,)
            if not fresh and not told and changed == request:
                return request
            shape.tell(item, told)
            if deed is not None and not emptied and len(shape.pending(item)) >= FULL:
                emptied = True
                self._trail.settle()
                raise _Again
            return self._write(item, changed, deeds=told, messages=fresh, now=now, capacity=capacity)

        return self._until_done(apply)

    def withdraw(
        self, request_id: str, transition: Callable[[ContactRequest], ContactRequest], *, now: datetime, deed: Deed
    ) -> bool:
        """Erase content and messages and leave the tombstone."""

        def erase() -> bool:
            item = self._living(request_id, now)
            if item is None:
                return False
            self._write(item, transition(shape.read_head(item)), deeds=(deed,), now=now)
            with suppress(Unavailable):  # the tombstone stands: the hourly round finishes what this could not
                self._erase(item)
            return True

        return self._until_done(erase)

    def content(self, request: ContactRequest) -> bytes | None:
        """Read the sealed content that the head names."""
        item = self._table.get(shape.content_key(request.request_id, request.body_id))
        return None if item is None else item.get("c")

    def messages(self, request_id: str) -> tuple[Message, ...]:
        """Read everything written since, oldest first."""
        partition, first = shape.head_key(request_id)
        items = list(self._table.query(partition, low=first))
        if not items or items[0]["s"] != first:
            return ()
        found = {item["s"]: item for item in items}
        keys = (shape.message_key(request_id, token)[1] for token in shape.tokens(items[0]))
        return tuple(shape.read_message(found[key]) for key in keys if "i" in found.get(key, ()))

    def held_by(self, practitioner: str, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List the practitioner's live claims."""
        held = map(shape.read_head, self._hands.read(practitioner).held(now))
        return tuple(sorted(held, key=_lease_until))

    def parked(self, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List parked requests and waiting ones whose every window was missed."""
        names = [entry.request_id for entry in self._queue.all(ASIDE)]
        late = (entry for entry in self._queue.all(READY, HIDDEN) if entry.windows and entry.due_at <= now)
        heads = self._heads([*names, *(entry.request_id for entry in late)], now)
        aside = (
            head
            for head in heads
            if head.status is Status.PARKED
            or (head.status is Status.WAITING and settle(head, now=now).visible_at is None)
        )
        return tuple(sorted(aside, key=lambda head: head.due_at))

    def claimed(self, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List every claimed request."""
        return tuple(sorted(map(shape.read_head, self._hands.claimed(now)), key=_lease_until))

    def lanes(self, *, now: datetime, soon: datetime) -> tuple[LaneState, ...]:
        """Count each lane that holds anything."""
        claimed = tuple(map(shape.read_head, self._hands.claimed(now)))
        return lane_states(claimed, self._queue.all(READY, HIDDEN, ASIDE), now=now, soon=soon)

    def slots_taken(self, slots: Iterable[Window], *, now: datetime) -> Mapping[str, int]:
        """Count, per slot id, what counts on it now."""
        return self._slots.taken(slots, now)

    def unverified(self, *, at_most: int, now: datetime) -> int:
        """
        Tell how many unverified requests waited at the last round: the public face reads one item, and not the queue.

        A count that no round has renewed for hours is none: it would turn people away from a queue that has emptied.
        """
        item = self._table.get(shape.UNVERIFIED)
        if item is None or instant(item["at"]) + STALE <= now:
            return 0
        count: int = item["n"]
        return min(count, at_most)

    def recount(self, *, now: datetime) -> None:
        """Count in the index: unverified requests stand behind their due time there, and so are told apart."""
        count = sum(
            entry.order_at > entry.due_at and not entry.parked and entry.expires_at > now
            for entry in self._queue.all(READY, HIDDEN, ASIDE)
        )
        p, s = shape.UNVERIFIED
        self._table.put({"p": p, "s": s, "n": count, "at": micros(now)})

    def purge(self, *, now: datetime, erase: Callable[[Sequence[ContentName]], None]) -> int:
        """Move deeds to the trail, then delete what has expired, in steps."""
        with self._table.patience.unhurried():
            self._queue.shards.keep()
            return self._purge_all(now, erase)

    def _purge_all(self, now: datetime, erase: Callable[[Sequence[ContentName]], None]) -> int:
        self._trail.settle()
        self._index_what_is_held(now)
        held = (shape.id_of(item) for item in self._trail.register().homes.values() if item["p"].startswith("r#"))
        names = iter(dict.fromkeys([*self._queue.expired(now), *held]))
        total = 0
        while step := list(islice(names, PURGE_STEP)):
            items = self._table.get_many([shape.head_key(name) for name in step])
            gone = [item for item in items.values() if instant(item["e"]) <= now]
            if gone:
                erase([ContentName(shape.id_of(item), item["b"]) for item in gone])
                total += sum(self._purge(item, now) for item in gone)
        if total:
            self._trail.settle()
        return total

    def _index_what_is_held(self, now: datetime) -> None:
        """Put claims into the index that an earlier version kept out of it, and those that have lapsed into READY."""
        for item in self._hands.claimed(now):
            head = shape.read_head(item)
            if "q" not in item or (item["q"].startswith(CLAIMED) and not head.is_live(now)):
                with suppress(_Again):  # somebody has just written it, and so placed it
                    self._write(item, head, now=now)

    def _purge(self, item: Item, now: datetime) -> bool:
        """Delete one request; the deed of it and the end of the head are one transaction, off everybody's way."""
        request_id = shape.id_of(item)
        deed = _deed(request_id, "purge", now)
        owed = shape.tell(
            {"p": shape.OWED, "s": f"purged#{request_id}#{item['v']}", "v": 0, "z": shape.wall()}, (deed,)
        )
        self._erase(item, leave_nothing=True)
        return self._table.exchange(owed, item)

    def forget_details(
        self,
        transition: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        erase: Callable[[Sequence[ContentName]], None],
    ) -> int:
        """Delete the content of closed requests whose details have come to their end, in steps."""
        total = 0
        with self._table.patience.unhurried():
            names = iter(list(dict.fromkeys(self._queue.ended(now))))
            while step := list(islice(names, PURGE_STEP)):
                items = self._table.get_many([shape.head_key(name) for name in step])
                due = [item for item in items.values() if _has_details_due(shape.read_head(item), now)]
                if due:
                    erase([ContentName(shape.id_of(item), item["b"]) for item in due])
                total += sum(self._forget(item, transition, now) for item in due)
            if total:
                self._trail.settle()
        return total

    def _forget(self, item: Item, transition: Callable[[ContactRequest], ContactRequest], now: datetime) -> bool:
        """Delete the content of one request, then mark its head; whoever was faster has the next round's turn."""
        head = shape.read_head(item)
        self._table.delete(shape.content_key(head.request_id, head.body_id))
        try:
            self._write(item, transition(head), deeds=(_deed(head.request_id, "forget-details", now),), now=now)
        except _Again:
            return False
        return True

    def open_ids(self, *, now: datetime) -> frozenset[ContentName]:
        """Name the content of every request that is waiting, claimed or parked; heads are read for it, as they are."""
        with self._table.patience.unhurried():
            waiting = [entry.request_id for entry in self._queue.all(READY, HIDDEN, ASIDE) if entry.expires_at > now]
            claimed = [head.request_id for head in map(shape.read_head, self._hands.claimed(now))]
            items = self._table.get_many([shape.head_key(each) for each in dict.fromkeys((*waiting, *claimed))])
        heads = map(shape.read_head, items.values())
        return frozenset(
            ContentName(head.request_id, head.body_id)
            for head in heads
            if head.status in {Status.WAITING, Status.CLAIMED, Status.PARKED} and head.expires_at > now
        )

    def closures(self) -> tuple[Window, ...]:
        """Read the stretches for which the line is closed."""
        item = self._table.get(shape.CLOSURES)
        rows = [] if item is None else json.loads(item["l"])
        return tuple(Window(starts_at=instant(row[0]), ends_at=instant(row[1])) for row in rows)

    def close_line(self, closures: Sequence[Window], *, deed: Deed) -> None:
        """Put *closures* in the place of those before."""
        rows = sorted((micros(shut.starts_at), micros(shut.ends_at)) for shut in closures)

        def replace() -> None:
            there = self._table.get(shape.CLOSURES)
            p, s = shape.CLOSURES
            item = shape.tell({**(there or {"p": p, "s": s}), "l": json.dumps(rows)}, (deed,))
            if self._table.swap(shape.CLOSURES, there, item) is None:
                raise _Again

        self._until_done(replace)

    def record(self, deed: Deed) -> None:
        """Write a deed that changes nothing else."""
        p, s = shape.OWED, f"deed#{shape.wall()}#{self._dice.getrandbits(64):016x}"
        self._table.put(shape.tell({"p": p, "s": s, "v": 0, "z": shape.wall()}, (deed,)))

    def tally(self) -> Mapping[str, Mapping[str, int]]:
        """Count the trail's deeds by actor and verb."""
        return self._trail.tally()

    def trail(self, *, after: int = 0, limit: int = 1000) -> tuple[Sequence[AuditEntry], TrailHead]:
        """Read the audit trail and its head."""
        return self._trail.entries(after=after, limit=limit)

    def ping(self) -> None:
        """Make a real, durable write of one item."""
        p, s = shape.PULSE
        self._table.put({"p": p, "s": s})

    def close(self) -> None:
        """Do nothing: connections are the client's, and end with it."""

    def _write(  # noqa: PLR0913 - what one conditional write can bring along
        self,
        item: Item | None,
        changed: ContactRequest,
        *,
        now: datetime,
        deeds: Sequence[Deed] = (),
        messages: Sequence[Message] = (),
        capacity: int | None = None,
        listed: bool = False,
        anew: bool = False,
    ) -> ContactRequest:
        """
        Write a head in the place of *item*, and before it whatever it relies on.

        Raises:
            _Again: the head is not what it was.
            SlotFull: nothing was written.
        """
        request_id, revision = changed.request_id, 1 if item is None else item["v"] + 1
        before = None if item is None or anew else shape.read_head(item)
        slot = shape.counted_slot(changed)
        if before is not None and slot is not None and slot != shape.counted_slot(before):
            self._slots.enter(request_id, revision, slot, capacity, now)
        if not listed and _is_to_be_listed(before, changed):
            said = shape.Intent(request_id, revision, shape.wall())
            self._hands.add(changed.claimed_by or "", said)
        for message in messages:
            self._table.put_new(shape.pack_message(changed, message), unless="i")
        p, s = shape.head_key(request_id)
        new: Item = {"p": p, "s": s, **shape.pack_head(changed), **self._queue.place(changed, now)}
        kept = ("t",) if anew else ("t", "m", "z")
        new |= {name: item[name] for name in kept if item is not None and name in item}
        if messages:
            new["m"] = new.get("m", b"") + b"".join(shape.token_of(changed, message) for message in messages)
        if changed.status is Status.WITHDRAWN and "m" in new:
            new["z"] = new.pop("m")  # what the round has to make sure of
        new = shape.tell(new, deeds)
        registered = item is not None and ("t" in item or "cb" in item)
        if deeds and not registered and not listed and changed.claimed_by is None:
            marker = {"p": shape.OWED, "s": request_id, "v": revision, "z": shape.wall()}
            self._table.put({**marker, "x": shape.expiry(changed.expires_at)})
        if self._table.swap((p, s), item, new) is None:
            raise _Again
        return changed

    def _erase(self, item: Item, *, besides: str | None = None, leave_nothing: bool = False) -> None:
        """
        Erase the content and the messages that *item*, a head, names.

        They are overwritten, and the husks expire: the public face, which withdraws, may put and not delete.
        """
        request_id = shape.id_of(item)
        names = [
            shape.message_key(request_id, token)
            for token in (*shape.tokens(item), *shape.tokens({"m": item.get("z", b"")}))
        ]
        if item["b"] != besides:
            names.append(shape.content_key(request_id, item["b"]))
        for key in names:
            if leave_nothing:
                self._table.delete(key)
            else:
                self._table.put({"p": key[0], "s": key[1], "x": item["x"]})

    def _finished(self, item: Item) -> Item:
        """Make sure that nothing is left of what was withdrawn, before its deed is taken for told."""
        if item.get("u") == Status.WITHDRAWN.value:
            self._erase(item)
            return {name: value for name, value in item.items() if name != "z"}
        return item

    def _item(self, request_id: str) -> Item | None:
        return self._table.get(shape.head_key(request_id))

    def _living(self, request_id: str, now: datetime) -> Item | None:
        item = self._item(request_id)
        if item is None or instant(item["e"]) <= now or item["u"] == Status.WITHDRAWN.value:
            return None
        return item

    def _heads(self, names: Iterable[str], now: datetime) -> list[ContactRequest]:
        items = self._table.get_many(shape.head_key(name) for name in names)
        heads = map(shape.read_head, items.values())
        return [head for head in heads if head.expires_at > now]

    def _until_done(self, work: Callable[[], T]) -> T:
        """Do *work* on the newest state, again as often as somebody else was first."""
        for turn in range(TURNS):
            try:
                return work()
            except _Again:
                self._table.patience.pause(turn)
        raise Unavailable("storage")


def _deed(request_id: str, verb: str, now: datetime) -> Deed:
    return Deed(at=floor_to_hour(now), actor="system", verb=verb, request_id=request_id)


def _has_details_due(head: ContactRequest, now: datetime) -> bool:
    return head.status is Status.CLOSED and not head.bare and head.is_bare(now) and head.expires_at > now


def _is_to_be_listed(before: ContactRequest | None, changed: ContactRequest) -> bool:
    """Tell whether a hand must be told of a new holder."""
    return changed.claimed_by is not None and (before is None or before.claimed_by != changed.claimed_by)


def _held_already(held: Sequence[Item], ask: Ask) -> Item | None:
    for item in held:
        if ask.reference is not None:
            if item["r"] == ask.reference:
                return item
        elif ask.token is not None and item.get("ct") == ask.token:
            return item
    return None


def _is_ready(head: ContactRequest, lanes: Sequence[str], now: datetime) -> bool:
    return head.ready_at is not None and head.ready_at <= now < head.expires_at and head.lane in lanes


def _lease_until(head: ContactRequest) -> timedelta:
    return timedelta(microseconds=0 if head.lease_until is None else micros(head.lease_until))


def _merged(first: Sequence[tuple[datetime, str]], second: Iterator[tuple[datetime, str]]) -> Iterator[str]:
    return (request_id for _, request_id in heapq.merge(first, second, key=lambda pair: pair[0]))
