"""Partners' keys, in the same SQLite file as the requests: so that deeds are in the trail with their change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.sqlite_rows import instant, micros, perhaps_instant
from chalicelib.domain.errors import Conflict
from chalicelib.domain.partners import PartnerKey

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from chalicelib.adapters.sqlite import SqliteStore
    from chalicelib.domain.audit import Deed

_SELECT = "SELECT key_id, digest, issued_by, issued_at, revoked_by, revoked_at FROM partner_keys"


class SqlitePartnerKeys:
    """`PartnerKeys` in the file of *store*."""

    def __init__(self, store: SqliteStore) -> None:
        self._db, self._chain = store.database, store.chain

    def issue(self, key: PartnerKey, *, deed: Deed) -> None:
        """Keep a new key."""

        def keep(db: sqlite3.Connection) -> None:
            if _get(db, key.key_id) is not None:
                raise Conflict("key-id-taken")
            row = (key.key_id, key.digest, key.issued_by, micros(key.issued_at))
            db.execute("INSERT INTO partner_keys (key_id, digest, issued_by, issued_at) VALUES (?, ?, ?, ?)", row)
            self._chain.append(db, (deed,))

        self._db.write(keep)

    def get(self, key_id: str) -> PartnerKey | None:
        """Read one key."""
        return self._db.read(lambda db: _get(db, key_id))

    def every(self) -> tuple[PartnerKey, ...]:
        """List every key."""
        return self._db.read(lambda db: tuple(map(_key, db.execute(f"{_SELECT} ORDER BY key_id"))))

    def revoke(self, key_id: str, *, by: str, at: datetime, deed: Deed) -> PartnerKey | None:
        """Revoke a key."""

        def end(db: sqlite3.Connection) -> PartnerKey | None:
            update = "UPDATE partner_keys SET revoked_by = ?, revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL"
            if db.execute(update, (by, micros(at), key_id)).rowcount:
                self._chain.append(db, (deed,))
            return _get(db, key_id)

        return self._db.write(end)


def _get(db: sqlite3.Connection, key_id: str) -> PartnerKey | None:
    row = db.execute(f"{_SELECT} WHERE key_id = ?", (key_id,)).fetchone()
    return None if row is None else _key(row)


def _key(row: Sequence[Any]) -> PartnerKey:
    return PartnerKey(
        key_id=row[0],
        digest=row[1],
        issued_by=row[2],
        issued_at=instant(row[3]),
        revoked_by=row[4],
        revoked_at=perhaps_instant(row[5]),
    )
