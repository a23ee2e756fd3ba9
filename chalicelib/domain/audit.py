"""
The audit trail: who did what to which request, or record, when, under which claim number; never a word of content.

Entries are chained: each carries HMAC-SHA256 over itself and its predecessor's, and the head (count and last MAC) is
kept apart and signed, so that an altered, removed, reordered or cut-off entry is found, the last one included.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

GENESIS = "0" * 64


class Erasure(NamedTuple):
    """What a deed erased, and why."""

    erased: str
    because: str


ERASURES = {
    "withdraw": Erasure("everything", "withdrawn"),
    "purge": Erasure("everything", "expired"),
    "forget-details": Erasure("details", "closed"),
}
"""
The verbs that erase: each such deed is written after the key was destroyed, says nothing of what it opened, and stays.

`system` withdraws what a copy that was put back had brought back.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """
    Something that was done: *actor* is a practitioner's subject, `requester` or `system`.

    What was done to something else than a request says to what: *about* is its kind and name, `signpost/get-help`, and
    *number* its revision.
    """

    at: datetime
    actor: str
    verb: str
    request_id: str | None = None
    number: int | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A deed at its place in the trail, counted from 1, with the MAC that binds it to what went before."""

    seq: int
    deed: Deed
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailHead:
    """Where the trail ends: how many entries there are, the last one's MAC, and *seal*, which signs the two."""

    count: int = 0
    mac: str = GENESIS
    seal: str = ""


def append(head: TrailHead, deed: Deed, *, key: bytes) -> AuditEntry:
    """Chain *deed* to the end of the trail."""
    return AuditEntry(seq=head.count + 1, deed=deed, mac=_mac(head.count + 1, deed, head.mac, key))


def signed(head: TrailHead, *, key: bytes) -> TrailHead:
    """Sign where the trail ends, so that an earlier entry cannot be passed off as the last."""
    seal = hmac.new(key, f"head|{head.count}|{head.mac}".encode(), "sha256").hexdigest()
    return TrailHead(count=head.count, mac=head.mac, seal=seal)


def is_genuine(head: TrailHead, *, key: bytes) -> bool:
    """Tell whether *head* was signed with the key."""
    return hmac.compare_digest(head.seal, signed(head, key=key).seal)


def broken_at(
    entries: Iterable[AuditEntry], head: TrailHead, *, key: bytes, after: TrailHead | None = None
) -> int | None:
    """Give the place of the first entry that does not fit the chain, the missing last one included; None if all fit."""
    last = after or TrailHead()
    for entry in entries:
        if entry != append(last, entry.deed, key=key):
            return last.count + 1
        last = TrailHead(count=entry.seq, mac=entry.mac)
    if (last.count, last.mac) != (head.count, head.mac):
        return last.count + 1
    return None if is_genuine(head, key=key) else head.count + 1


def _mac(seq: int, deed: Deed, previous: str, key: bytes) -> str:
    told = [seq, previous, deed.at.isoformat(), deed.actor, deed.verb, deed.request_id, deed.number]
    if deed.about is not None:  # only then, so that entries from before there was anything else keep their MAC
        told.append(deed.about)
    return hmac.new(key, json.dumps(told).encode(), "sha256").hexdigest()
