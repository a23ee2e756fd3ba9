"""
Counters in a SQLite file of their own, `counters.db`, and what was published of them in `reach.db`.

Beside the requests a count could be put next to the request it came from by the order in which both were written. So
there is nothing in `counters.db` but names and numbers; no write-ahead log, which would hold the order of commits; the
file is packed anew with every write, so that the same counts make the same file in whatever order they came; and counts
are gathered in memory and written a moment later, together with those of everybody who came meanwhile. Nobody waits for
them. A crash loses that moment.
"""

from __future__ import annotations

import atexit
import contextlib
import sqlite3
import threading
from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.adapters import sqlite_whole
from chalicelib.adapters.sqlite_file import Database
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

GATHERED_FOR = 1.0
"""Seconds for which counts are gathered before they are written together."""
BUSY = 1.0
"""Seconds to wait for another process that writes; what could not be written is tried with the next counts."""
_SCHEMA = """
    CREATE TABLE counts (
        ledger TEXT NOT NULL,
        month TEXT NOT NULL,
        cell TEXT NOT NULL,
        n INTEGER NOT NULL,
        PRIMARY KEY (ledger, month, cell)
    ) STRICT, WITHOUT ROWID
"""
_ADD = "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
_RELEASES = (
    """
    CREATE TABLE releases (
        month TEXT NOT NULL PRIMARY KEY,
        release TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)


class SqliteCounters:
    """`Counters` in the file *path*; *gathered_for* is how many seconds counts stay in memory."""

    def __init__(self, path: Path, *, gathered_for: float = GATHERED_FOR) -> None:
        self._path, self._gathered_for = path, gathered_for
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._gathered: Counter[tuple[str, str, str]] = Counter()
        self._timer: threading.Timer | None = None
        atexit.register(self.close)

    def add(self, ledger: str, month: str, cell: str) -> None:
        """Count one more, in memory for now."""
        with self._lock:
            self._gathered[ledger, month, cell] += 1
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(self._gathered_for, self._write_in_time)
            self._timer.daemon = True
            self._timer.start()

    def _write_in_time(self) -> None:
        with contextlib.suppress(Unavailable):  # nobody is there to be told: it stays gathered
            self.write()

    def write(self) -> None:
        """
        Write what was gathered.

        Raises:
            Unavailable: `storage`; it is still gathered, and written with the next.
        """
        with self._writing:
            with self._lock:
                gathered, self._gathered = self._gathered, Counter()
                self._timer = None
            if not gathered:
                return
            try:
                with self._file() as db:
                    with db:
                        db.execute("BEGIN IMMEDIATE")
                        db.executemany(_ADD, [(*key, count) for key, count in gathered.items()])
                    with contextlib.suppress(sqlite3.Error):  # the next one packs it
                        db.execute("VACUUM")
            except Unavailable:
                with self._lock:
                    self._gathered.update(gathered)
                raise

    def read(self, ledger: str, *, since: str) -> Mapping[tuple[str, str], int]:
        """Read counts, those that were still gathered included."""
        self.write()
        query = "SELECT month, cell, n FROM counts WHERE ledger = ? AND month >= ?"
        with self._file() as db:
            return {(month, cell): n for month, cell, n in db.execute(query, (ledger, since))}

    @contextlib.contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not sqlite_whole.is_there(self._path):
                sqlite_whole.make(self._path, lambda db: db.execute(_SCHEMA))
            sqlite_whole.look(self._path)
            with contextlib.closing(sqlite3.connect(self._path, timeout=BUSY)) as db:
                db.execute("PRAGMA journal_mode = DELETE")
                db.execute("PRAGMA secure_delete = ON")
                yield db
        except sqlite_whole.Damaged as damage:
            raise Unavailable("counts-damaged") from damage
        except (sqlite3.Error, OSError) as error:
            raise Unavailable("counts-damaged" if sqlite_whole.is_damage(error) else "storage") from error

    def close(self) -> None:
        """Write what is left, if it can be written."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._write_in_time()
        atexit.unregister(self.close)


class SqliteReleases:
    """`Releases` in the file *path*."""

    def __init__(self, path: Path) -> None:
        self._db = Database(path, _RELEASES, damaged="counts-damaged")

    def keep(self, month: str, release: str) -> None:
        """Keep a month's release; one that is there stays."""
        work: Callable[[sqlite3.Connection], object] = lambda db: db.execute(  # noqa: E731
            "INSERT OR IGNORE INTO releases VALUES (?, ?)", (month, release)
        )
        self._db.write(work)

    def read(self, *, since: str, until: str) -> Mapping[str, str]:
        """Read releases."""
        query = "SELECT month, release FROM releases WHERE month BETWEEN ? AND ? ORDER BY month"
        return dict(self._db.read(lambda db: db.execute(query, (since, until)).fetchall()))

    def close(self) -> None:
        """Close every connection."""
        self._db.close()
