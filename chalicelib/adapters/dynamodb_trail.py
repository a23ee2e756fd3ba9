"""
The audit trail on DynamoDB: one chain, written in pages, off everybody's way.

A deed is written with the change that it tells of, in the same item by the same conditional write: there it rests, as
durable as the change. From there it is moved to the chain, by whoever reads the trail, by the hourly round, and by a
change whose head has grown full of them. So no claim waits for the chain, and a page holds up to fifty deeds for less
than ten write units, where a transaction for each deed would have doubled every verb. The price: the chain is complete
when it is read, not at every instant, and until a deed is moved it is as safe as its head, without a MAC of its own.

A deed is moved at most once:

    one round                                   another
    | read: the chain ends at 7, page 5-7       |
    | read: who may have deeds to tell          |
    | take from the heads what is in page 5-7   |
    | page 8-9, if there is none: done          |
    | the chain ends at 9, if it ended at 7     |
    |                                           | page 8-9, if there is none: refused, begin anew
    | take from the heads what is in page 8-9   |

Nobody writes a page before what the last one holds is gone from the heads, and a round that dies is finished by the
next: it finds a page beyond the chain's end, or deeds that are in the last page already.

Who may have deeds to tell: whatever is in somebody's hand, and whatever `owed` names; both are said before the deed is
written, and unsaid only when there is nothing to tell.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.adapters.dynamodb_items import (
    ABANDONED,
    CLOSURES,
    HAND,
    OWED,
    Intent,
    Pending,
    head_key,
    id_of,
    intents,
    is_kept,
    pack_intents,
    pending,
    with_pending,
)
from chalicelib.adapters.sqlite_rows import instant
from chalicelib.domain import audit
from chalicelib.domain.audit import AuditEntry, Deed, TrailHead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.adapters.dynamodb_table import Item, Table

TRAIL = "trail"
END = (TRAIL, "head")
TALLY = (TRAIL, "tally")
PAGE = 50
TALLY_STEP = 500
TURNS = 1000
_LAST = "e#999999999999"


class Register(NamedTuple):
    """Who may have deeds to tell: hands, what is owed, and the items that they name."""

    hands: Sequence[Item]
    owed: Sequence[Item]
    homes: Mapping[str, Item]

    def items(self) -> Iterator[Item]:
        """Give every item in which deeds may rest."""
        yield from self.homes.values()
        yield from (item for item in self.owed if "t" in item)


class Trail:
    """The chain in *table*; *key* is asked for only by what writes or reads it, so that the public face has none."""

    def __init__(self, table: Table, key: Callable[[], bytes], finish: Callable[[Item], Item]) -> None:
        self._table, self._key, self._finish = table, key, finish

    def settle(self) -> None:
        """Move every deed that rests somewhere into the chain."""
        for turn in range(TURNS):
            if self._settle_some():
                return
            self._table.patience.pause(turn)

    def entries(self, *, after: int, limit: int) -> tuple[Sequence[AuditEntry], TrailHead]:
        """Read the chain from the entry after *after*, and its end."""
        self.settle()
        end, _ = self._end()
        found: list[AuditEntry] = []
        if after >= end.count or limit <= 0:
            return found, end
        for entry in self._read(after):
            if len(found) >= limit or entry.seq > end.count:
                break
            found.append(entry)
        return found, end

    def tally(self) -> Mapping[str, Mapping[str, int]]:
        """Count deeds by actor and verb; what was counted before is kept, so that a count reads only what is new."""
        self.settle()
        kept = self._table.get(TALLY)
        counted: int = 0 if kept is None else kept["n"]
        counts: dict[str, dict[str, int]] = {} if kept is None else json.loads(kept["c"])
        end, _ = self._end()
        fresh = 0
        for entry in self._read(counted):
            if entry.seq > end.count:
                break
            verbs = counts.setdefault(entry.deed.actor, {})
            verbs[entry.deed.verb] = verbs.get(entry.deed.verb, 0) + 1
            fresh += 1
        if fresh >= TALLY_STEP:
            self._table.swap(TALLY, kept, {"n": counted + fresh, "c": json.dumps(counts)})
        return {actor: dict(sorted(counts[actor].items())) for actor in sorted(counts)}

    def register(self) -> Register:
        """Read who may have deeds to tell."""
        hands = list(self._table.query(HAND))
        owed = list(self._table.query(OWED))
        keys = [head_key(said.request_id) for hand in hands for said in intents(hand)]
        keys += [head_key(item["s"]) for item in owed if "t" not in item]
        found = self._table.get_many([*keys, CLOSURES])
        return Register(hands, owed, {id_of(item) if key != CLOSURES else "": item for key, item in found.items()})

    def _settle_some(self) -> bool:
        """Move a page of deeds; True if there is nothing left to move."""
        end, last = self._end()
        register = self.register()
        told = _names(last)
        resting = [(deed, item) for item in register.items() for deed in pending(item)]
        stale = [item for deed, item in resting if deed.name in told]
        if stale:
            self._take(stale, told)
            return False
        fresh = sorted(resting, key=lambda pair: pair[0].stamp)[:PAGE]
        if not fresh:
            self._unsay(register)
            return True
        page = self._append(end, [deed for deed, _ in fresh])
        if page is not None:
            self._take([item for _, item in fresh], _names(page))
        return False

    def _append(self, end: TrailHead, deeds: Sequence[Pending]) -> Item | None:
        """Write a page behind *end* and move the end; None if another round was first."""
        key = self._key()
        if end.count == 0 and audit.is_genuine(end, key=key):
            # The signed beginning is there before the first page: an end that is missing later has been taken away.
            self._table.swap(END, None, {"c": 0, "h": end.mac, "l": end.seal})
        last, rows = TrailHead(count=end.count, mac=end.mac), []
        for told in deeds:
            entry = audit.append(last, _deed(told), key=key)
            last = TrailHead(count=entry.seq, mac=entry.mac)
            row = [told.stamp, told.at, told.actor, told.verb, told.number, told.request_id, entry.mac, told.home]
            rows.append(row if told.about is None else [*row, told.about])
        page = {"p": TRAIL, "s": _page_name(end.count + 1), "e": _dump(rows)}
        if not self._table.put_new(page):
            there = self._table.get((TRAIL, page["s"]))
            if there is None or there["e"] != page["e"]:
                return None
        self._move_end(end, page)
        return page

    def _move_end(self, end: TrailHead, page: Item) -> None:
        """
        Sign that the chain ends with *page*, if it still ends where it did.

        An end that somebody has tampered with is not signed again: the trail goes on, and stays broken for every check.
        """
        kept = self._table.get(END)
        genuine = audit.is_genuine(end, key=self._key())
        if genuine and kept is not None and kept["c"] != end.count:
            return
        entry = list(_entries(page))[-1]
        last = TrailHead(count=entry.seq, mac=entry.mac)
        sealed = audit.signed(last, key=self._key()) if genuine else last
        self._table.swap(END, kept, {"c": sealed.count, "h": sealed.mac, "l": sealed.seal, "k": page["s"]})

    def _end(self) -> tuple[TrailHead, Item | None]:
        """Read where the chain ends, and its last page; a page that a round left behind the end is taken in."""
        while True:
            kept = self._table.get(END)
            if kept is not None:
                end = TrailHead(count=kept["c"], mac=kept["h"], seal=kept["l"])
                if audit.is_genuine(end, key=self._key()):
                    beyond = self._table.get((TRAIL, _page_name(end.count + 1)))
                    if beyond is None:
                        return end, self._table.get((TRAIL, kept["k"])) if "k" in kept else None
                    self._move_end(end, beyond)
                    continue
            last = next(self._table.query(TRAIL, low=_page_name(0), high=_LAST, forward=False, page=1), None)
            if last is None:
                return audit.signed(TrailHead(), key=self._key()) if kept is None else TrailHead(), None
            entry = list(_entries(last))[-1]
            return TrailHead(count=entry.seq, mac=entry.mac), last

    def _read(self, after: int) -> Iterator[AuditEntry]:
        """Read the chain from the entry after *after*."""
        first = next(
            self._table.query(TRAIL, low=_page_name(0), high=_page_name(after + 1), forward=False, page=1), None
        )
        start = _page_name(after + 1) if first is None else first["s"]
        for page in self._table.query(TRAIL, low=start, high=_LAST):
            yield from (entry for entry in _entries(page) if entry.seq > after)

    def _take(self, items: Iterable[Item], told: frozenset[tuple[str, int]]) -> None:
        """Take from *items* what is in a page; what has changed meanwhile is met again by the next turn."""
        for item in {(each["p"], each["s"]): each for each in items}.values():
            key = item["p"], item["s"]
            if item["p"] == OWED:
                self._table.delete(key)
            else:
                left = [deed for deed in pending(item) if deed.name not in told]
                self._table.swap(key, item, self._finish(with_pending(item, left)))

    def _unsay(self, register: Register) -> None:
        """Let go of what names nothing to tell any more."""
        for hand in register.hands:
            said = intents(hand)
            kept = [each for each in said if is_kept(each, hand["s"], register.homes.get(each.request_id))]
            if len(kept) < len(said):
                self._table.swap((hand["p"], hand["s"]), hand, {"l": pack_intents(kept)})
        for item in register.owed:
            home = register.homes.get(item["s"])
            if not Intent(item["s"], item["v"], item["z"]).is_open(home, ABANDONED):
                self._table.delete((item["p"], item["s"]), unchanged=item)


def _names(page: Item | None) -> frozenset[tuple[str, int]]:
    """Name the deeds of a page."""
    return frozenset() if page is None else frozenset((row[7], row[0]) for row in json.loads(page["e"]))


def _page_name(seq: int) -> str:
    return f"e#{seq:012d}"


def _deed(told: Pending) -> Deed:
    return Deed(
        at=instant(told.at),
        actor=told.actor,
        verb=told.verb,
        request_id=told.request_id,
        number=told.number,
        about=told.about,
    )


def _entries(page: Item) -> Iterator[AuditEntry]:
    seq = int(page["s"][2:])
    for place, row in enumerate(json.loads(page["e"])):
        yield AuditEntry(seq=seq + place, deed=_deed(Pending(*row[:6], *row[7:])), mac=row[6])


def _dump(rows: Sequence[Sequence[Any]]) -> str:
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
