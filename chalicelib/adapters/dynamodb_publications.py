"""
What editors write, in a DynamoDB table of its own.

A policy tells the two faces apart by the partition (`dynamodb:LeadingKeys`): the public face reads what is out, and
never a draft.

    p              s            holds                                                      public face   desk
    edition        -            how many publications there have been                      get           get, count
    out#<kind>     <id>         what is out, `b` missing where it was taken down           query         get, put, query
    desk#<kind>    <id>         how many revisions there have been, and the draft          -             get, put, query
    past#<kind>    <id>#<n>     a version that was published                               query         put, query

Every write is one transaction around the record under `desk#`, whose conditional write decides; the deed is part of
it, as an item that is `owed` to the trail in the table of requests. Nothing expires and nothing is deleted.
"""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from typing import TYPE_CHECKING

from chalicelib.adapters.sqlite_rows import instant, micros
from chalicelib.domain.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from chalicelib.adapters.dynamodb_table import Item, Key, Table
    from chalicelib.domain.audit import Deed
    from chalicelib.ports import Version, Written

EDITION = ("edition", "-")
_DRAFT = ("d", "b", "y", "a")


class DynamoPublications:
    """`Publications` in *table*; deeds go to the trail by way of *requests*."""

    def __init__(self, table: Table, requests: Table) -> None:
        self._table, self._requests = table, requests
        self._answered = False

    def edition(self) -> int:
        """Count the publications so far."""
        with self._read():
            edition = self._edition()
        self._answered = True
        return edition

    def published(self, kind: str) -> tuple[int, tuple[Version, ...]]:
        """Read what is out, of one kind; the edition is read first, so that it is never newer than what is read."""
        with self._read():
            edition = self._edition()
            return edition, tuple(_version(kind, item) for item in self._table.query(_out(kind)))

    def written(self, kind: str) -> Mapping[str, Written]:
        """Read every record of a kind with its draft: drafts first, so that none is seen as the draft of itself."""
        drafts = {item["s"]: _draft(kind, item) for item in self._table.query(_desk(kind))}
        out = {item["s"]: _version(kind, item) for item in self._table.query(_out(kind))}
        both = {name: _written(drafts.get(name), out.get(name)) for name in sorted({*drafts, *out})}
        return {name: written for name, written in both.items() if written is not None}

    def record(self, kind: str, record_id: str) -> Written | None:
        """Read one record."""
        item = self._table.get((_desk(kind), record_id))
        out = self._table.get((_out(kind), record_id))
        return _written(None if item is None else _draft(kind, item), None if out is None else _version(kind, out))

    def history(self, kind: str, record_id: str) -> tuple[Version, ...]:
        """Read every version that was published, newest first."""
        low, high = f"{record_id}#", f"{record_id}#~"
        items = self._table.query(_past(kind), low=low, high=high, forward=False)
        return tuple(_version(kind, {**item, "s": record_id}) for item in items)

    def draft(self, kind: str, record_id: str, body: bytes | None, *, revision: int, deed: Deed) -> Version:
        """Put a draft in the place of the one before."""
        there = self._newest(kind, record_id, revision)
        version = _made(kind, record_id, _following(there), body, deed)
        self._write(kind, record_id, there, {**_said(version), "d": version.revision, "n": version.revision}, deed)
        return version

    def discard(self, kind: str, record_id: str, *, revision: int, deed: Deed) -> None:
        """Throw the draft away."""
        there = self._newest(kind, record_id, revision)
        left = {name: value for name, value in (there or {"n": 0}).items() if name not in _DRAFT}
        self._write(kind, record_id, there, left, deed)

    def publish(self, kind: str, record_id: str, body: bytes | None, *, revision: int, deed: Deed) -> Version:
        """Put *body* out."""
        there = self._newest(kind, record_id, revision)
        version = _made(kind, record_id, _following(there), body, deed)
        said = {**_said(version), "r": version.revision}
        out = self._table.step({"p": _out(kind), "s": record_id, **said})
        past = self._table.step({"p": _past(kind), "s": f"{record_id}#{version.revision:09d}", **said})
        counted = self._table.counted(EDITION)
        published = {"n": version.revision, "o": version.revision}
        self._write(kind, record_id, there, published, deed, out, past, counted)
        return version

    def _read(self) -> AbstractContextManager[None]:
        """Try once, where readers have something to go on with; whoever has just started has not, and is patient."""
        return self._table.patience.hurried() if self._answered else nullcontext()

    def _edition(self) -> int:
        item = self._table.get(EDITION)
        return 0 if item is None else int(item["n"])

    def _newest(self, kind: str, record_id: str, revision: int) -> Item | None:
        """Read the desk's item of a record, if *revision* is the newest."""
        item = self._table.get((_desk(kind), record_id))
        newest = 0 if item is None else max(item.get("o", 0), item.get("d", 0))
        if revision != newest:
            raise Conflict("edited-meanwhile")
        return item

    def _write(
        self, kind: str, record_id: str, there: Item | None, new: Item, deed: Deed, *along: dict[str, object]
    ) -> None:
        from chalicelib.adapters import dynamodb_items as shape  # noqa: PLC0415 - readers need none of it

        key: Key = (_desk(kind), record_id)
        kept = {} if there is None or "o" not in there else {"o": there["o"]}
        owed = {"p": shape.OWED, "s": f"deed#{shape.wall()}#{secrets.token_hex(8)}", "v": 0, "z": shape.wall()}
        told = self._requests.step(shape.tell(owed, (deed,)))
        if self._table.swap(key, there, {**kept, **new}, along=(told, *along)) is None:
            raise Conflict("edited-meanwhile")


def _out(kind: str) -> str:
    return f"out#{kind}"


def _desk(kind: str) -> str:
    return f"desk#{kind}"


def _past(kind: str) -> str:
    return f"past#{kind}"


def _made(kind: str, record_id: str, revision: int, body: bytes | None, deed: Deed) -> Version:
    from chalicelib.ports import Version  # noqa: PLC0415 - as long as nothing is published nobody needs it

    return Version(kind=kind, record_id=record_id, revision=revision, body=body, by=deed.actor, at=deed.at)


def _following(there: Item | None) -> int:
    """Give the number of the next revision: none is used twice."""
    return 1 if there is None else there["n"] + 1


def _said(version: Version) -> Item:
    return {"b": version.body, "y": version.by, "a": micros(version.at)}


def _version(kind: str, item: Item) -> Version:
    from chalicelib.ports import Version  # noqa: PLC0415 - as above

    return Version(
        kind=kind, record_id=item["s"], revision=item["r"], body=item.get("b"), by=item["y"], at=instant(item["a"])
    )


def _draft(kind: str, item: Item) -> Version | None:
    return _version(kind, {**item, "r": item["d"]}) if "d" in item else None


def _written(draft: Version | None, published: Version | None) -> Written | None:
    """Put the two together; a draft that was published between the two reads is none any more."""
    from chalicelib.ports import Written  # noqa: PLC0415 - as above

    if draft is not None and published is not None and published.revision > draft.revision:
        draft = None
    return None if draft is None and published is None else Written(draft=draft, published=published)
