"""
What a head relies on, said before it is written: in whose hands it is, on which slot it counts, what its reference is.

Each is a small item of its own that lists request ids, is written on condition that it is as it was read, and is
checked against the heads, which are the truth: what a list names and the head does not bear out takes no room. An
intention whose head is still on its way does, for ten seconds, so that the last place is never given twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chalicelib.adapters import dynamodb_items as shape
from chalicelib.adapters.dynamodb_items import IN_FLIGHT, Intent
from chalicelib.adapters.sqlite_rows import instant, micros
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import Status
from chalicelib.ports import PartnerFull, ReferenceTaken, SlotFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.adapters.dynamodb_table import Item, Table
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.domain.slots import Window

TURNS = 500
CLAIM_IN_FLIGHT = 2.0
"""Seconds for which a practitioner's next claim waits for the one before it."""
CROWD = 40


class Hand(NamedTuple):
    """
    A practitioner's hand as it is now: *said* with the heads that it names.

    *busy* is whether a claim of theirs is on its way: nobody can tell yet what it will make of the hand.
    """

    practitioner: str
    item: Item | None
    said: Sequence[Intent]
    heads: Mapping[str, Item]
    busy: bool

    def held(self, now: datetime) -> list[Item]:
        """List the heads that they hold under a live lease."""
        heads = (self.heads.get(each.request_id) for each in self.said)
        named = {item["p"]: item for item in heads if item is not None}
        return [
            item
            for item in named.values()
            if item.get("cb") == self.practitioner and _lease(item) > micros(now) and item["e"] > micros(now)
        ]

    def without(self, said: Intent) -> Hand:
        """Give the hand without an intention that somebody else was faster than."""
        return self._replace(said=tuple(each for each in self.said if each is not said))


class Hands:
    """What is in whose hands: `hand`, one item for each practitioner."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, practitioner: str, *, mine: Sequence[Intent] = ()) -> Hand:
        """Read a hand and nobody else's; *mine* is what the asking claim has said itself."""
        item = self._table.get(shape.hand_key(practitioner))
        said = shape.intents(item)
        heads = self._table.get_many(shape.head_key(each.request_id) for each in said)
        named = {shape.id_of(head): head for head in heads.values()}
        busy = any(each not in mine and each.is_open(named.get(each.request_id), CLAIM_IN_FLIGHT) for each in said)
        return Hand(practitioner, item, said, named, busy)

    def take(self, hand: Hand, said: Intent) -> Hand | None:
        """
        Name a request in *hand*, if that is as it was read, and let go of what is no longer theirs; None if not.

        What the hand said of that request before stays beside it for as long as the head bears it out: this claim may
        come to nothing.
        """
        kept = [each for each in hand.said if shape.is_kept(each, hand.practitioner, hand.heads.get(each.request_id))]
        new = {"l": shape.pack_intents([*kept, said])}
        item = self._table.swap(shape.hand_key(hand.practitioner), hand.item, new)
        return None if item is None else hand._replace(item=item, said=(*kept, said))

    def add(self, practitioner: str, said: Intent) -> None:
        """Name a request in somebody's hand, whatever else is in it."""
        for turn in range(TURNS):
            item = self._table.get(shape.hand_key(practitioner))
            kept = [each for each in shape.intents(item) if each.request_id != said.request_id]
            new = {"l": shape.pack_intents([*kept, said])}
            if self._table.swap(shape.hand_key(practitioner), item, new) is not None:
                return
            self._table.patience.pause(turn)
        raise Unavailable("storage")

    def claimed(self, now: datetime) -> list[Item]:
        """List every claimed head, live or lapsed."""
        said = [each for hand in self._table.query(shape.HAND) for each in shape.intents(hand)]
        heads = self._table.get_many(shape.head_key(each.request_id) for each in said)
        return [
            head
            for head in heads.values()
            if head["u"] == Status.CLAIMED.value and "cb" in head and head["e"] > micros(now)
        ]


class Slots:
    """Who counts on a callback slot: `s#<day>`, one item for each slot."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def enter(self, request_id: str, revision: int, slot: Window, capacity: int | None, now: datetime) -> None:
        """
        Say that a request will count on *slot*.

        Raises:
            SlotFull: as many do as may.
        """
        for turn in range(TURNS):
            item = self._table.get(shape.slot_key(slot))
            others = [each for each in shape.intents(item) if each.request_id != request_id]
            if len(others) >= (CROWD if capacity is None else capacity):
                heads = self._heads(others)
                others = [
                    each
                    for each in others
                    if _counts(heads.get(each.request_id), slot, now)
                    or each.is_open(heads.get(each.request_id), IN_FLIGHT)
                ]
                if capacity is not None and len(others) >= capacity:
                    raise SlotFull
            said = Intent(request_id, revision, shape.wall())
            new = {"l": shape.pack_intents([*others, said]), "x": shape.expiry(slot.ends_at)}
            if self._table.swap(shape.slot_key(slot), item, new) is not None:
                return
            self._table.patience.pause(turn)
        raise Unavailable("storage")

    def taken(self, slots: Iterable[Window], now: datetime) -> Mapping[str, int]:
        """Count who counts on each of *slots*; for looking at, so an eventually consistent reading does."""
        wanted = {slot.id: slot for slot in slots}
        listed: list[tuple[Window, Intent]] = []
        for day in sorted({shape.slot_day(slot) for slot in wanted.values()}):
            for item in self._table.query(day, consistent=False):
                if item["s"] in wanted:
                    listed += [(wanted[item["s"]], each) for each in shape.intents(item)]
        heads = self._heads([each for _, each in listed], consistent=False)
        counts: dict[str, int] = {}
        for slot, each in listed:
            if _counts(heads.get(each.request_id), slot, now):
                counts[slot.id] = counts.get(slot.id, 0) + 1
        return counts

    def _heads(self, said: Iterable[Intent], *, consistent: bool = True) -> Mapping[str, Item]:
        items = self._table.get_many((shape.head_key(each.request_id) for each in said), consistent=consistent)
        return {shape.id_of(item): item for item in items.values()}


class Referrals:
    """Which unfinished referrals are from a partner: `f#<partner>`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def enter(self, request: ContactRequest, revision: int, limit: int, now: datetime) -> None:
        """
        Say that a referral will count for its partner.

        Raises:
            PartnerFull: as many do as may.
        """
        partner = request.counts_for or ""
        for turn in range(TURNS):
            item = self._table.get(shape.partner_key(partner))
            others = [each for each in shape.intents(item) if each.request_id != request.request_id]
            if len(others) >= limit:
                items = self._table.get_many(shape.head_key(each.request_id) for each in others)
                heads = {shape.id_of(head): head for head in items.values()}
                others = [
                    each
                    for each in others
                    if _counts_for(heads.get(each.request_id), partner, now)
                    or each.is_open(heads.get(each.request_id), IN_FLIGHT)
                ]
                if len(others) >= limit:
                    raise PartnerFull
            said = shape.Intent(request.request_id, revision, shape.wall())
            new = {"l": shape.pack_intents([*others, said]), "x": shape.expiry(request.expires_at)}
            if self._table.swap(shape.partner_key(partner), item, new) is not None:
                return
            self._table.patience.pause(turn)
        raise Unavailable("storage")


class References:
    """Whose a reference is: `n#<words>`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, request: ContactRequest, revision: int, now: datetime) -> None:
        """
        Say that a reference will be *request*'s.

        Raises:
            ReferenceTaken: another living request has it, or is about to.
        """
        key = shape.reference_key(request.reference)
        item: Item | None = None
        for turn in range(TURNS):
            said = Intent(request.request_id, revision, shape.wall())
            new = {"l": shape.pack_intents([said]), "x": shape.expiry(request.expires_at)}
            if self._table.swap(key, item, new) is not None:
                return
            item = self._table.get(key)
            for each in shape.intents(item):
                head = self._table.get(shape.head_key(each.request_id))
                mine = each.request_id == request.request_id
                if not mine and (_has(head, request.reference, now) or each.is_open(head, IN_FLIGHT)):
                    raise ReferenceTaken
            self._table.patience.pause(turn)
        raise Unavailable("storage")

    def holder(self, reference: str, now: datetime) -> Item | None:
        """Read the head of the living request that has *reference*."""
        for each in shape.intents(self._table.get(shape.reference_key(reference))):
            head = self._table.get(shape.head_key(each.request_id))
            if head is not None and _has(head, reference, now):
                return head
        return None


def _lease(head: Item) -> int:
    lease: int = head.get("le", 0)
    return lease


def _counts(head: Item | None, slot: Window, now: datetime) -> bool:
    if head is None or instant(head["e"]) <= now:
        return False
    counted = shape.counted_slot(shape.read_head(head))
    return counted is not None and counted.id == slot.id


def _counts_for(head: Item | None, partner: str, now: datetime) -> bool:
    return head is not None and instant(head["e"]) > now and shape.read_head(head).counts_for == partner


def _has(head: Item | None, reference: str, now: datetime) -> bool:
    return (
        head is not None and head["r"] == reference and head["u"] != Status.WITHDRAWN.value and instant(head["e"]) > now
    )
