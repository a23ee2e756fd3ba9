"""
Partners' keys, in the DynamoDB table of what the desk writes and the public face may only read.

    p              s            holds                                                      public face   desk
    partner        <id>         what is kept of a key                                      get           get, put, query

Every write is one transaction: the deed is part of it, as an item that is `owed` to the trail in the table of requests.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.adapters import dynamodb_items as shape
from chalicelib.adapters.sqlite_rows import instant, micros, perhaps_instant, perhaps_micros
from chalicelib.domain.errors import Conflict, Unavailable
from chalicelib.domain.partners import PartnerKey

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.adapters.dynamodb_table import Item, Table
    from chalicelib.domain.audit import Deed

PARTNER = "partner"
TURNS = 100


class DynamoPartnerKeys:
    """`PartnerKeys` in *table*; deeds go to the trail by way of *requests*."""

    def __init__(self, table: Table, requests: Table) -> None:
        self._table, self._requests = table, requests

    def issue(self, key: PartnerKey, *, deed: Deed) -> None:
        """Keep a new key."""
        if not self._write(None, key, deed):
            raise Conflict("key-id-taken")

    def get(self, key_id: str) -> PartnerKey | None:
        """Read one key."""
        item = self._table.get((PARTNER, key_id))
        return None if item is None else _key(item)

    def every(self) -> tuple[PartnerKey, ...]:
        """List every key."""
        return tuple(map(_key, self._table.query(PARTNER)))

    def revoke(self, key_id: str, *, by: str, at: datetime, deed: Deed) -> PartnerKey | None:
        """Revoke a key."""
        for turn in range(TURNS):
            item = self._table.get((PARTNER, key_id))
            if item is None:
                return None
            key = _key(item)
            if key.revoked_at is not None:
                return key
            revoked = replace(key, revoked_by=by, revoked_at=at)
            if self._write(item, revoked, deed):
                return revoked
            self._table.patience.pause(turn)
        raise Unavailable("storage")

    def _write(self, there: Item | None, key: PartnerKey, deed: Deed) -> bool:
        owed = {"p": shape.OWED, "s": f"deed#{shape.wall()}#{secrets.token_hex(8)}", "v": 0, "z": shape.wall()}
        told = self._requests.step(shape.tell(owed, (deed,)))
        return self._table.swap((PARTNER, key.key_id), there, _item(key), along=(told,)) is not None


def _item(key: PartnerKey) -> Item:
    item = {
        "h": key.digest,
        "y": key.issued_by,
        "a": micros(key.issued_at),
        "ry": key.revoked_by,
        "ra": perhaps_micros(key.revoked_at),
    }
    return {name: value for name, value in item.items() if value is not None}


def _key(item: Item) -> PartnerKey:
    return PartnerKey(
        key_id=item["s"],
        digest=item["h"],
        issued_by=item["y"],
        issued_at=instant(item["a"]),
        revoked_by=item.get("ry"),
        revoked_at=perhaps_instant(item.get("ra")),
    )
