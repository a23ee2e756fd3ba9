"""
What stands in the table of requests, and under which keys.

A policy tells the two faces apart by the partition (`dynamodb:LeadingKeys`); `*` stands for what follows.

    p            s               holds                                        public face      desk
    r#<id>       h               the head of a request, < 1 KB                get, put         get, put, delete
    r#<id>       b#<body>        its sealed content                           get, put         get, delete
    r#<id>       m#<token>       a message; it counts if the head names it    query, put       query, put, delete
    n#<words>    -               whose reference it is                        get, put         get
    s#<day>      <slot>          who counts on a callback slot                query, put       query, put
    f#<partner>  -               which referrals are from a partner           get, put         -
    hand         <practitioner>  what is in somebody's hands                  -                query, put
    owed         <id>            that a head has deeds to tell, or a deed     put              query, put, delete
    line         closures        when the line is closed                      get              get, put
    line         unverified      how many unverified requests wait, and when  get              put
    line         shards          over how many partitions the queue is spread     get              get, put
    t#<session>  head, n#*, i#*  what the hosts answered in public             get, query       all
    pulse        -               nothing; the proof that writing works        put              put
    trail        head, e#*, ...  the audit trail                              -                all
    reach        <month>         what has been published of a month           query            put, query

Only the desk reads the index `queue`. Nothing scans. Whatever belongs to a requester has `x`, a week after it expires:
reads have long taken it for gone by then, and the hourly round has erased it; DynamoDB's own deletion is the backstop.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.adapters.sqlite_rows import instant, micros, perhaps_instant, perhaps_micros
from chalicelib.domain.requests import ContactRequest, Kind, Outcome, Status, referral_of
from chalicelib.domain.slots import Window, parse_slot_id
from chalicelib.ports import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from chalicelib.adapters.dynamodb_table import Item, Key
    from chalicelib.domain.audit import Deed

GRACE = 7 * 24 * 3600
HAND, OWED, PULSE = "hand", "owed", ("pulse", "-")
CLOSURES, UNVERIFIED, SHARDS = ("line", "closures"), ("line", "unverified"), ("line", "shards")
HEAD = "h"
TOKEN = 8
IN_FLIGHT = 10.0
"""Seconds for which an intention counts whose write has not been seen: nobody waits longer than half of that for it."""
ABANDONED = 900.0
"""Seconds after which an intention can no longer be carried out: no Lambda function runs longer."""


def head_key(request_id: str) -> Key:
    """Where a head is."""
    return f"r#{request_id}", HEAD


def content_key(request_id: str, body_id: str) -> Key:
    """Where sealed content is."""
    return f"r#{request_id}", f"b#{body_id}"


def message_key(request_id: str, token: bytes) -> Key:
    """Where a message is."""
    return f"r#{request_id}", f"m#{urlsafe_b64encode(token).decode().rstrip('=')}"


def reference_key(reference: str) -> Key:
    """Where a reference says whose it is."""
    return f"n#{reference}", "-"


def slot_key(slot: Window) -> Key:
    """Where a slot says who counts on it."""
    return slot_day(slot), slot.id


def slot_day(slot: Window) -> str:
    """Give the partition of a slot's day."""
    return f"s#{slot.id[:10]}"


def partner_key(partner: str) -> Key:
    """Where a partner's referrals are listed."""
    return f"f#{partner}", "-"


def hand_key(practitioner: str) -> Key:
    """Where a practitioner's hand is."""
    return HAND, practitioner


def id_of(item: Item) -> str:
    """Give the request id of an item in a request's partition."""
    request_id: str = item["p"][2:]
    return request_id


def expiry(at: datetime) -> int:
    """Give the second from which DynamoDB may delete what expires *at*."""
    return -(-micros(at) // 1_000_000) + GRACE


def token_of(request: ContactRequest, message: Message) -> bytes:
    """Name a message within this life of its request, so that a head can list two hundred in 1.6 KB."""
    return sha256(f"{request.body_id}|{message.message_id}".encode()).digest()[:TOKEN]


def tokens(item: Item) -> list[bytes]:
    """List the messages that a head counts, oldest first."""
    listed = item.get("m", b"")
    return [listed[at : at + TOKEN] for at in range(0, len(listed), TOKEN)]


def pack_head(request: ContactRequest) -> Item:
    """Write a head; what is not there takes no room."""
    item = {
        "k": request.kind.value,
        "l": request.language,
        "r": request.reference,
        "u": request.status.value,
        "sa": micros(request.submitted_at),
        "pa": micros(request.promised_at),
        "da": micros(request.due_at),
        "va": perhaps_micros(request.visible_at),
        "wi": " ".join(window.id for window in request.windows) or None,
        "e": micros(request.expires_at),
        "ru": None if request.retained_until == request.expires_at else micros(request.retained_until),
        "vf": int(request.verified),
        "sv": request.statement_version,
        "fp": request.fingerprint,
        "b": request.body_id,
        "n": request.number,
        "le": perhaps_micros(request.lease_until),
        "cb": request.claimed_by,
        "ct": request.claim_token,
        "la": request.lapses or None,
        "at": request.attempts or None,
        "mi": request.missed or None,
        "oc": None if request.outcome is None else request.outcome.value,
        "ca": perhaps_micros(request.closed_at),
        "ps": None if request.promised_slot is None else request.promised_slot.id,
        "ab": perhaps_micros(request.answer_by),
        "rf": None if request.referral is None else request.referral.to_text(),
        "du": perhaps_micros(request.details_until),
        "ba": int(request.bare) or None,
        "se": request.session,
        "x": expiry(request.expires_at),
    }
    return {name: value for name, value in item.items() if value is not None}


def read_head(item: Item) -> ContactRequest:
    """Read a head."""
    return ContactRequest(
        request_id=id_of(item),
        kind=Kind(item["k"]),
        language=item["l"],
        reference=item["r"],
        status=Status(item["u"]),
        submitted_at=instant(item["sa"]),
        promised_at=instant(item["pa"]),
        due_at=instant(item["da"]),
        visible_at=perhaps_instant(item.get("va")),
        windows=tuple(window for window in map(parse_slot_id, item.get("wi", "").split()) if window is not None),
        expires_at=instant(item["e"]),
        retained_until=instant(item["ru"] if "ru" in item else item["e"]),
        verified=bool(item["vf"]),
        statement_version=item["sv"],
        fingerprint=item["fp"],
        body_id=item["b"],
        number=item["n"],
        lease_until=perhaps_instant(item.get("le")),
        claimed_by=item.get("cb"),
        claim_token=item.get("ct"),
        lapses=item.get("la", 0),
        attempts=item.get("at", 0),
        missed=item.get("mi", 0),
        outcome=Outcome(item["oc"]) if "oc" in item else None,
        closed_at=perhaps_instant(item.get("ca")),
        promised_slot=parse_slot_id(item["ps"]) if "ps" in item else None,
        answer_by=perhaps_instant(item.get("ab")),
        referral=referral_of(item["rf"]) if "rf" in item else None,
        details_until=perhaps_instant(item.get("du")),
        bare=bool(item.get("ba")),
        session=item.get("se"),
    )


def pack_message(request: ContactRequest, message: Message) -> Item:
    """Write a message."""
    p, s = message_key(request.request_id, token_of(request, message))
    item = {
        "p": p,
        "s": s,
        "i": message.message_id,
        "a": message.author,
        "t": micros(message.sent_at),
        "d": message.for_desk,
        "m": message.for_mailbox,
        "x": expiry(request.expires_at),
    }
    return {name: value for name, value in item.items() if value is not None}


def read_message(item: Item) -> Message:
    """Read a message."""
    return Message(
        message_id=item["i"],
        author=item["a"],
        sent_at=instant(item["t"]),
        for_desk=item.get("d"),
        for_mailbox=item.get("m"),
    )


def counted_slot(request: ContactRequest) -> Window | None:
    """Give the slot in which a request takes room."""
    return request.slot if request.status in (Status.WAITING, Status.CLAIMED) else None


class Intent(NamedTuple):
    """
    That a head is about to be written at a *revision*, said where others will look before it is.

    It is carried out once the head has that revision; until then it stands for *until* seconds from *said_at* (the
    wall's clock, in milliseconds).
    """

    request_id: str
    revision: int
    said_at: int

    def is_open(self, head: Item | None, seconds: float) -> bool:
        """Tell whether the head may still be on its way."""
        if head is not None and head["v"] >= self.revision:
            return False
        return abs(wall() - self.said_at) < seconds * 1000


def is_kept(said: Intent, practitioner: str, head: Item | None) -> bool:
    """Tell whether a hand must go on naming a request: held, with deeds to tell, or about to be claimed."""
    if head is not None and (head.get("cb") == practitioner or "t" in head):
        return True
    return said.is_open(head, ABANDONED)


def wall() -> int:
    """Give the wall's clock in milliseconds: for intentions, never for a rule of the helpline."""
    return time.time_ns() // 1_000_000


def intents(item: Item | None) -> tuple[Intent, ...]:
    """List what a hand, a slot or a reference says; earlier versions wrote a fourth field, which nobody reads."""
    return () if item is None else tuple(Intent(*fields[:3]) for fields in json.loads(item["l"]))


def pack_intents(listed: Iterable[Intent]) -> str:
    """Write what a hand, a slot or a reference says."""
    return json.dumps(tuple(listed), separators=(",", ":"))


class Pending(NamedTuple):
    """A deed that rests at *home*, in the item of what it tells of; *stamp* orders deeds, and names it there."""

    stamp: int
    at: int
    actor: str
    verb: str
    number: int | None
    request_id: str | None
    home: str
    about: str | None = None

    @property
    def name(self) -> tuple[str, int]:
        """Give what no other deed is called."""
        return self.home, self.stamp


def _home(item: Item) -> tuple[str, str | None]:
    partition: str = item["p"]
    return (partition, partition[2:]) if partition.startswith("r#") else (f"{partition}/{item['s']}", None)


def pending(item: Item) -> list[Pending]:
    """List the deeds that an item has still to tell."""
    home, request_id = _home(item)
    told: list[Pending] = []
    for row in json.loads(item.get("t", "[]")):
        stamp, at, actor, verb, number = row[:5]
        named, about = (*row[5:], *(None,) * 2)[:2] if len(row) > 5 else (request_id, None)  # noqa: PLR2004
        told.append(Pending(stamp, at, told[-1].actor if actor is None else actor, verb, number, named, home, about))
    return told


def with_pending(item: Item, told: Sequence[Pending]) -> Item:
    """Give an item the deeds that it has to tell; an actor is named once, and so is the request whose item it is."""
    _, request_id = _home(item)
    item = {name: value for name, value in item.items() if name != "t"}
    rows, actor = [], None
    for deed in told:
        named = None if deed.actor == actor else deed.actor
        other = () if (deed.request_id, deed.about) == (request_id, None) else (deed.request_id,)
        other = other if deed.about is None else (*other, deed.about)
        rows.append((*deed[:2], named, *deed[3:5], *other))
        actor = deed.actor
    if rows:
        item["t"] = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    return item


def tell(item: Item, deeds: Sequence[Deed]) -> Item:
    """Let *deeds* rest in an item behind those that do already; a deed without a time is refused."""
    told, (home, _) = pending(item), _home(item)
    for deed in deeds:
        deed.at.isoformat()
        stamp = max(time.time_ns() // 1000, told[-1].stamp + 1 if told else 0)
        told.append(
            Pending(stamp, micros(deed.at), deed.actor, deed.verb, deed.number, deed.request_id, home, deed.about)
        )
    return with_pending(item, told)
