"""What is there in the end: everything in a home is opened and named as the histories name it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixed_work import house_in, leave
from total_queue import Element, History, Lent, Verdict, judge

from chalicelib.domain.audit import broken_at
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import Status
from chalicelib.ports import Unreadable
from chalicelib.usecases.correspondence import open_content
from chalicelib.wiring import House

GIVEN_BACK = ("close", "release", "attempt-no-answer", "attempt-engaged", "expel", "park", "withdraw", "purge")
"""The deeds after which nobody holds a request any more."""
HELD = ("renew", "release", "attempt-no-answer", "close")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a home holds: effects, how requests were lent, and what is wrong in itself, in words."""

    elements: tuple[Element, ...]
    lent: tuple[Lent, ...]
    faults: tuple[str, ...]


def look_around(home: Path, history: History, like: House | None = None) -> Seen:
    """Open everything that is in *home*; what does not open although nobody tried to withdraw it is a fault."""
    house = house_in(home, like)
    try:
        entries, head = house.store.trail(limit=10_000_000)
        faults = list(_faults(home))
        if (at := broken_at(entries, head, key=house.secret("audit.key"))) is not None:
            faults.append(f"the trail is broken at {at}")
        elements: list[Element] = []
        for request_id in _rows(home / "quietline.db", "SELECT request_id FROM requests"):
            found = list(_request(house, request_id))
            elements += found
            if not found and history.owners.get(request_id) not in history.leaving:
                faults.append("a request does not open that nobody withdrew")
        deeds = [entry.deed for entry in entries]
        elements += _deeds(deeds, history)
        elements += _publications(house)
    finally:
        leave(house)
    lent = tuple(
        Lent(deed.request_id, deed.actor, deed.number) if deed.verb == "claim" else Lent(deed.request_id)
        for deed in deeds
        if deed.request_id is not None and (deed.verb == "claim" or deed.verb in GIVEN_BACK)
    )
    return Seen(elements=tuple(elements), lent=lent, faults=tuple(faults))


def verdict_on(home: Path, history: History, like: House | None = None) -> tuple[Verdict, tuple[str, ...]]:
    """Judge a history by what is in *home*, and say what else is wrong there."""
    seen = look_around(home, history, like)
    return judge(history, seen.elements, seen.lent), seen.faults


def _faults(home: Path) -> Iterator[str]:
    for name in ("quietline.db", "shred.db"):
        said = _rows(home / name, "PRAGMA integrity_check")
        if said != ["ok"]:
            yield f"{name} is damaged"


def _rows(path: Path, query: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute(query)]


def _request(house: House, request_id: str) -> Iterator[Element]:
    """Give a request and what was written about it, opened; nothing of one that was withdrawn."""
    now = house.clock.now()
    request = house.store.get(request_id, now=now)
    assert request is not None
    shredding, casework = house._shredding, house.desk.casework
    wrapped, key = house.store.content(request), shredding.key(request)
    if request.status is Status.WITHDRAWN and (wrapped is not None or key is not None):
        yield Element("what a tombstone keeps", request_id)
    sealed = shredding.content(request, wrapped, key)
    if sealed is None:
        return
    try:
        text = open_content(request, sealed, house.opener).details["message"]
    except (Unreadable, Unavailable, ValueError, KeyError, TypeError):
        return
    yield Element("request", text, text)
    messages = shredding.unwrap(request_id, house.store.messages(request_id), key)
    opened = casework.correspondence.at_desk(request, sealed, messages, house.opener, casework.checking)
    names = {"requester": "message", "helpline": "reply", "colleague": "note"}
    for letter in (*opened.messages, *opened.notes):
        said = letter.content or {}
        if "text" in said or not said:
            yield Element(names[letter.author], said.get("text", "what does not open"), text)
    for window in {*request.windows} - {request.promised_slot}:
        yield Element("slot", f"{window.id} for {text}", text)


def _deeds(deeds, history: History) -> Iterator[Element]:
    claims = {(deed.request_id, deed.number, deed.actor): deed for deed in deeds if deed.verb == "claim"}
    shelved = {(deed.request_id, deed.number) for deed in deeds if deed.verb == "park"}
    for deed in claims.values():
        element = Element("claim", f"{deed.request_id}/{deed.number}/{deed.actor}")
        if history.acknowledged[element]:
            yield element
        elif (deed.request_id, deed.number) not in shelved and history.owners.get(
            deed.request_id
        ) not in history.leaving:
            # of the others it was found in time that they are withdrawn, and the claim went on to the next
            yield Element("claim by", deed.actor)
    for deed in deeds:
        if deed.verb in HELD:
            yield Element(deed.verb, f"{deed.request_id}/{deed.number}/{deed.actor}")


def _publications(house: House) -> Iterator[Element]:
    for version in house.publications.published("signpost")[1]:
        for each in house.publications.history("signpost", version.record_id):
            text = (each.body or b"").decode()
            yield Element("publication", json.loads(text)["summary"]["en"] if text.startswith("{") else text)
