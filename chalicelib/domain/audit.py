"""
The audit trail: who did what to which request, when, under which claim number; never a word of content.

Entries are chained: each carries HMAC-SHA256 over itself and its predecessor's, and the head (count and last MAC) is
kept apart, so that an altered, removed, reordered or cut-off entry is found.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that was done: *actor* is a practitioner's subject, `requester` or `system`."""

    at: datetime
    actor: str
    verb: str
    request_id: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A deed at its place in the trail, counted from 1, with the MAC that binds it to what went before."""

    seq: int
    deed: Deed
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailHead:
    """Where the trail ends: how many entries there are and the last one's MAC."""

    count: int = 0
    mac: str = GENESIS


def append(head: TrailHead, deed: Deed, *, key: bytes) -> AuditEntry:
    """Chain *deed* to the end of the trail."""
    return AuditEntry(seq=head.count + 1, deed=deed, mac=_mac(head.count + 1, deed, head.mac, key))


def broken_at(
    entries: Iterable[AuditEntry], head: TrailHead, *, key: bytes, after: TrailHead | None = None
) -> int | None:
    """Give the place of the first entry that does not fit the chain, the missing last one included; None if all fit."""
    last = after or TrailHead()
    for entry in entries:
        if entry != append(last, entry.deed, key=key):
            return last.count + 1
        last = TrailHead(count=entry.seq, mac=entry.mac)
    return None if last == head else last.count + 1


def _mac(seq: int, deed: Deed, previous: str, key: bytes) -> str:
    text = json.dumps([seq, previous, deed.at.isoformat(), deed.actor, deed.verb, deed.request_id, deed.number])
    return hmac.new(key, text.encode(), "sha256").hexdigest()
