"""
Shred keys in a SQLite file of their own: `shred.db`, which no backup may hold (DESIGN section 3).

Beside the requests, not among them: a copy of `quietline.db` taken before a withdrawal meets this file as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.sqlite_file import Database
from chalicelib.adapters.sqlite_rows import micros
from chalicelib.adapters.sqlite_whole import is_there
from chalicelib.domain.errors import Unavailable
from chalicelib.ports import ContentName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE shred_keys (
        request_id TEXT NOT NULL,
        body_id TEXT NOT NULL,
        key BLOB NOT NULL,
        expires_at INTEGER NOT NULL,  -- microseconds since 1970, UTC
        PRIMARY KEY (request_id, body_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX shred_keys_expiry ON shred_keys (expires_at);
    """,
)


class SqliteShredKeys:
    """`ShredKeys` in the file *path*; SQLite overwrites what it deletes (`secure_delete`)."""

    def __init__(self, path: Path, *, may_make: bool = True) -> None:
        """
        Open *path*; *may_make* is false where there are requests already, whose keys these must be.

        An empty file in the place of a lost one would make everybody's request read as withdrawn, without a word.

        Raises:
            Unavailable: `shred-keys`, the file is not there.
        """
        if not may_make and not is_there(path):
            raise Unavailable("shred-keys")
        self._db = Database(path, MIGRATIONS, damaged="shred-keys-damaged")

    def keep(
        self,
        keys: Mapping[ContentName, bytes],
        *,
        expires_at: datetime,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """Write keys whose names are new; *meanwhile* is done while the disk is waited for."""
        put = "INSERT OR IGNORE INTO shred_keys VALUES (?, ?, ?, ?)"
        kept = "SELECT key FROM shred_keys WHERE request_id = ? AND body_id = ?"

        until = micros(expires_at)

        def keep(db: sqlite3.Connection) -> None:
            for name, key in keys.items():
                put_in = db.execute(put, (*name, key, until)).rowcount == 1
                if not put_in and db.execute(kept, name).fetchone()[0] != key:
                    raise Unavailable("storage")

        self._db.write(keep, meanwhile=meanwhile)

    def key(self, name: ContentName, *, now: datetime) -> bytes | None:
        """Read a key."""
        query = "SELECT key FROM shred_keys WHERE request_id = ? AND body_id = ? AND expires_at > ?"
        row = self._db.read(lambda db: db.execute(query, (*name, micros(now))).fetchone())
        return bytes(row[0]) if row is not None and any(row[0]) else None

    def erase(self, names: Sequence[ContentName]) -> None:
        """Erase keys, and the log's copy of their pages; zeros in their place, as long, say that there was one."""
        query = "UPDATE shred_keys SET key = zeroblob(length(key)) WHERE request_id = ? AND body_id = ?"
        self._db.write(lambda db: db.executemany(query, names))
        self._db.forget()

    def mark(self, name: ContentName, *, expires_at: datetime) -> None:
        """Leave a name without a key."""
        query = "INSERT OR IGNORE INTO shred_keys VALUES (?, ?, zeroblob(1), ?)"
        self._db.write(lambda db: db.execute(query, (*name, micros(expires_at))))

    def purge(self, *, now: datetime) -> int:
        """Erase what has expired, and what is left of what was erased while others read or wrote for too long."""
        query = "DELETE FROM shred_keys WHERE expires_at <= ?"
        purged = self._db.write(lambda db: db.execute(query, (micros(now),)).rowcount)
        if purged or self._db.has_left:
            self._db.forget()
        return purged

    def names(self, *, now: datetime) -> dict[ContentName, bool]:
        """Name every key, and whether it is still kept."""
        query = "SELECT request_id, body_id, key != zeroblob(length(key)) FROM shred_keys WHERE expires_at > ?"
        rows = self._db.read(lambda db: db.execute(query, (micros(now),)).fetchall())
        return {ContentName(request_id, body_id): bool(kept) for request_id, body_id, kept in rows}

    def ping(self) -> None:
        """Read, and make a real, durable write that changes nothing: of the schema's version, in the header."""

        def beat(db: sqlite3.Connection) -> None:
            db.execute("SELECT 1 FROM shred_keys LIMIT 1").fetchone()
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

        self._db.write(beat)

    def close(self) -> None:
        """Close every connection."""
        self._db.close()
