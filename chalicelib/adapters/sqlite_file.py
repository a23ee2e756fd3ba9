"""
One SQLite file under many hands: durable writes that share a commit, and a few connections to read with.

Durability first: WAL with `synchronous=FULL`, because with NORMAL a power cut loses writes that were acknowledged.
Speed by sharing: whoever finds nobody writing becomes the leader, and commits everything that has queued up behind
in one transaction, so that many requesters at once share one sync of the disk. Whoever is alone may have something
else done meanwhile. Several processes may have the file open; they wait for each other at `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from chalicelib.adapters import sqlite_whole
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
LOOK_EVERY = 10.0
"""Seconds after which it is looked again whether the file is as long as it should be."""


class _Job(Generic[T]):
    """One writer's work, and what became of it."""

    __slots__ = ("beside", "done", "error", "meanwhile", "result", "woken", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], T], meanwhile: Callable[[], object] | None) -> None:
        self.work = work
        self.meanwhile = meanwhile
        self.beside: Future[object] | None = None
        self.done = False
        self.result: T | None = None
        self.error: BaseException | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class Database:
    """
    The file *path*, brought up to date by *migrations*: one script for each version of its schema.

    A file that is cut short, or overwritten, is neither read nor written any more, and stays as it is: what is left of
    a queue would be served as if it were all. Opening it anew looks again.

    Raises:
        Unavailable: `storage`, whatever the engine says; *damaged*, it is not whole; `store-newer`, a newer version has
            written the file.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        *,
        on_create: Callable[[sqlite3.Connection], None] | None = None,
        damaged: str = "storage",
    ) -> None:
        """Open *path*; *on_create* fills a new file, in the transaction that makes it."""
        self._path = path = path.resolve()  # as SQLite does: its log is beside the file, and not beside a link to it
        self._migrations = migrations
        self._on_create = on_create
        self._refusing = _Refusing(damaged)
        self._look_at = 0.0
        self._mutex = threading.Lock()
        self._queue: deque[_Job[Any]] = deque()
        self._led = self._shared = False
        self.has_left = False
        self._beside = _one_more_thread()
        self._readers: deque[sqlite3.Connection] = deque()
        with self._refusing:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not sqlite_whole.is_there(path):
                sqlite_whole.make(path, self._fill)
            sqlite_whole.check(path, patience=BUSY.total_seconds())
            file = path.stat().st_ino
            self._writer = self._connect()
            self._migrate(self._writer)
            if path.stat().st_ino != file:  # a copy was put in its place meanwhile; what we have open is aside
                self._writer.close()
                raise Unavailable("storage")
            self._look_at = time.monotonic() + LOOK_EVERY

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

    def _fill(self, db: sqlite3.Connection) -> None:
        """Fill a new file, with its log from the start: switching to one later is a write that can be broken off."""
        self._migrate(db)
        db.execute("PRAGMA journal_mode = WAL")

    def _migrate(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(self._migrations):
                raise Unavailable("store-newer")  # noqa: TRY301 - undone like every other failure
            for script in self._migrations[version:]:
                for statement in script.split(";\n"):
                    db.execute(statement)
            if version == 0 and self._on_create is not None:
                self._on_create(db)
            db.execute(f"PRAGMA user_version = {len(self._migrations)}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _look(self) -> None:
        """Look now and then whether the file is still as long as it should be."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            sqlite_whole.look(self._path)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* on a connection that nobody else uses meanwhile."""
        with self._refusing:
            self._look()
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

    def write(self, work: Callable[[sqlite3.Connection], T], *, meanwhile: Callable[[], object] | None = None) -> T:
        """
        Run *work* in a transaction and return once it is on disk.

        The first writer leads: it takes everything that has queued up, runs it, commits once, wakes the others, and
        hands the lead to whoever has queued up since. Work that raises is undone alone.

        *meanwhile* is done once before this returns: in another thread during the sync, or, if it had no processor for
        it by then, by the caller after it; by the caller at first where others are writing, or have just been, who can
        use the processor themselves. Where it raises, so does this, and the work may be on disk. Where the work fails,
        it may have been left undone.
        """
        if meanwhile is not None and (self._led or self._shared):
            meanwhile()
            meanwhile = None
        job = _Job(work, meanwhile)
        with self._mutex:
            self._queue.append(job)
            leads = not self._led
            self._led = True
        if not leads:
            job.woken.acquire()
        if not job.done:
            self._lead()
        error = job.error
        if job.beside is not None and not job.beside.cancel():
            failed = job.beside.exception()  # which waits for it
            error = error or failed
        elif meanwhile is not None and error is None:  # there was no processor for it while the disk was at work
            meanwhile()
        if error is not None:
            raise error
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
            self._shared = self._led or len(batch) > 1
        if heir is not None:
            heir.woken.release()
        for job in batch:
            job.done = True
            job.woken.release()

    def _commit(self, batch: Sequence[_Job[Any]]) -> None:
        with self._refusing:
            self._look()
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
                self._start_meanwhile(batch)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _start_meanwhile(self, batch: Sequence[_Job[Any]]) -> None:
        for job in batch:
            if job.meanwhile is not None:
                try:
                    job.beside = self._beside.submit(job.meanwhile)
                except RuntimeError:  # no more threads; it may have queued all the same, with what people wrote in it
                    self._beside = _one_more_thread()

    def _run(self, db: sqlite3.Connection, job: _Job[Any]) -> None:
        db.execute("SAVEPOINT one")
        try:
            job.result = job.work(db)
        except sqlite3.OperationalError:
            raise
        except Exception as error:
            if sqlite_whole.is_damage(error):
                raise
            job.error = Unavailable("storage") if isinstance(error, sqlite3.Error) else error
            db.execute("ROLLBACK TO one")
        db.execute("RELEASE one")

    def forget(self) -> None:
        """
        Write the file anew and cut its log off, so that nothing deleted is left in either.

        `secure_delete` overwrites what is deleted where it stands, and not the copies that a page keeps of what was
        moved to another when it was split: about one deleted row in a thousand stayed readable. Where somebody reads an
        older state for longer than five seconds, the log stays, and where somebody writes for as long, the rest does:
        `has_left` says so then, until it was done at another time. Where another connection is copying the log at that
        moment, SQLite says so at once, whatever its time-out (one time in ten among busy writers), and is asked again.

        SQLite does not sync a log that it has cut off: after a power cut the old one would be back, with what was
        erased in it.
        """
        with self._refusing:
            self.has_left = True
            db = self._connect()
            try:
                done = False
                with contextlib.suppress(sqlite3.OperationalError):
                    db.execute("VACUUM")
                    done = True
                until = time.monotonic() + BUSY.total_seconds()
                while not (cut := not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]):
                    if time.monotonic() > until:
                        break
                    time.sleep(0.01)
                self.has_left = not (done and cut)
                _sync(self._path.with_name(f"{self._path.name}-wal"))
            finally:
                db.close()

    def close(self) -> None:
        """Close every connection."""
        while self._readers:
            self._readers.pop().close()
        self._beside.shutdown()
        self._writer.close()


def _one_more_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "beside-commit")  # which is started when something is to be done


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


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


class _Refusing:
    """
    Turns every failure of the engine into one refusal; its text may name values, so it goes no further.

    Once the file was found damaged, everything is refused: *damaged* is what it is called then.
    """

    def __init__(self, damaged: str) -> None:
        self._damaged = damaged
        self._is_damaged = False

    def __enter__(self) -> None:
        if self._is_damaged:
            raise Unavailable(self._damaged)

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if not isinstance(error, (sqlite_whole.Damaged, sqlite3.Error, OSError)):
            return
        if isinstance(error, sqlite_whole.Damaged) or sqlite_whole.is_damage(error):
            self._is_damaged = True
            raise Unavailable(self._damaged) from error
        raise Unavailable("storage") from error
