"""
One SQLite file under many hands: durable writes that share a commit, and a few connections to read with.

Durability first: WAL with `synchronous=FULL`, because with NORMAL a power cut loses writes that were acknowledged.
Speed by sharing: whoever finds nobody writing becomes the leader, and commits everything that has queued up behind
in one transaction, so that many requesters at once share one sync of the disk. Several processes may have the file
open; they wait for each other at `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

BUSY = timedelta(seconds=5)
"""How long a writer waits for another process before it gives up with `Unavailable`."""
BATCH = 256
"""How many writers may share one commit."""
READERS = 8
"""How many idle reading connections are kept."""


class _Job(Generic[T]):
    """One writer's work, and what became of it."""

    __slots__ = ("done", "error", "result", "woken", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self.work = work
        self.done = False
        self.result: T | None = None
        self.error: BaseException | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class Database:
    """
    The file *path*, brought up to date by *migrations*: one script for each version of its schema.

    Raises:
        Unavailable: `storage`, whatever the engine says; `store-newer`, a newer version has written the file.
    """

    def __init__(
        self, path: Path, migrations: Sequence[str], *, on_create: Callable[[sqlite3.Connection], None] | None = None
    ) -> None:
        """Open *path*; *on_create* fills a new file, in the transaction that makes it."""
        self._path = path
        self._migrations = migrations
        self._on_create = on_create
        self._mutex = threading.Lock()
        self._queue: deque[_Job[Any]] = deque()
        self._led = False
        self._readers: deque[sqlite3.Connection] = deque()
        with _as_unavailable:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer = self._connect()
            self._migrate()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path,
            timeout=BUSY.total_seconds(),
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        _set_up(db)
        return db

    def _migrate(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if version > len(self._migrations):
                raise Unavailable("store-newer")  # noqa: TRY301 - undone like every other failure
            for script in self._migrations[version:]:
                for statement in script.split(";\n"):
                    self._writer.execute(statement)
            if version == 0 and self._on_create is not None:
                self._on_create(self._writer)
            self._writer.execute(f"PRAGMA user_version = {len(self._migrations)}")
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* on a connection that nobody else uses meanwhile."""
        with _as_unavailable:
            try:
                db = self._readers.pop()
            except IndexError:
                db = self._connect()
            try:
                return work(db)
            finally:
                if len(self._readers) < READERS:
                    self._readers.append(db)
                else:
                    db.close()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Run *work* in a transaction and return once it is on disk.

        The first writer leads: it takes everything that has queued up, runs it, commits once, wakes the others, and
        hands the lead to whoever has queued up since. Work that raises is undone alone.
        """
        job = _Job(work)
        with self._mutex:
            self._queue.append(job)
            leads = not self._led
            self._led = True
        if not leads:
            job.woken.acquire()
        if not job.done:
            self._lead()
        if job.error is not None:
            raise job.error
        return cast("T", job.result)

    def _lead(self) -> None:
        with self._mutex:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        try:
            self._commit(batch)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody in the batch may hear "accepted"
            for job in batch:
                job.error = job.error or error
        with self._mutex:
            heir = self._queue[0] if self._queue else None
            self._led = heir is not None
        if heir is not None:
            heir.woken.release()
        for job in batch:
            job.done = True
            job.woken.release()

    def _commit(self, batch: Sequence[_Job[Any]]) -> None:
        with _as_unavailable:
            db = self._writer
            if db.in_transaction:
                db.execute("ROLLBACK")
            db.execute("BEGIN IMMEDIATE")
            try:
                if len(batch) == 1:
                    batch[0].result = batch[0].work(db)
                else:
                    for job in batch:
                        self._run(db, job)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _run(self, db: sqlite3.Connection, job: _Job[Any]) -> None:
        db.execute("SAVEPOINT one")
        try:
            job.result = job.work(db)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - raised again in the writer's own thread
            job.error = Unavailable("storage") if isinstance(error, sqlite3.Error) else error
            db.execute("ROLLBACK TO one")
        db.execute("RELEASE one")

    def forget(self) -> None:
        """
        Write the file anew and cut its log off, so that nothing deleted is left in either.

        `secure_delete` overwrites what is deleted where it stands, and not the copies that a page keeps of what was
        moved to another when it was split: about one deleted row in a thousand stayed readable. Where another process
        is reading an older state, the log goes at its next turn; where somebody writes for too long, so does the rest.
        """
        with _as_unavailable:
            db = self._connect()
            try:
                with contextlib.suppress(sqlite3.OperationalError):
                    db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                db.close()

    def close(self) -> None:
        """Close every connection."""
        while self._readers:
            self._readers.pop().close()
        self._writer.close()


def _set_up(db: sqlite3.Connection) -> None:
    deadline = time.monotonic() + BUSY.total_seconds()
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            # Switching to WAL does not wait for another process that is switching too.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")


class _AsUnavailable:
    """Turns every failure of the engine into one refusal; its text may name values, so it goes no further."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise Unavailable("storage") from error


_as_unavailable = _AsUnavailable()
