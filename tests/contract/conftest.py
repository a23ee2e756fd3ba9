"""The engines behind the `RequestStore` port; a further engine is one more entry of `ENGINES`."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.adapters import sqlite_file
from chalicelib.adapters.sqlite import SqliteStore

AUDIT_KEY = b"audit key of the contract suite."


class SqliteEngine:
    """One file; opening it again is another process' view of the same data."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "quietline.db"
        self._opened: list[SqliteStore] = []

    def open(self) -> SqliteStore:
        """Open the data, beside whoever has it open already."""
        store = SqliteStore(self.path, audit_key=AUDIT_KEY)
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Close whatever was opened."""
        for store in self._opened:
            store.close()

    @contextlib.contextmanager
    def befall(self, fault: str):
        """Let `tables-gone`, `disk-full` or `locked-out` happen for as long as the block lasts, where it can end."""
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            if fault == "tables-gone":
                names = other.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
                for (name,) in names:
                    other.execute(f"DROP TABLE {name}")
                yield
            elif fault == "disk-full":
                before = resource.getrlimit(resource.RLIMIT_FSIZE)
                # No file may grow past what the log has now: the next page does not fit.
                room = self.path.with_name("quietline.db-wal").stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
                try:
                    yield
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, before)
            elif fault == "locked-out":
                other.execute("BEGIN IMMEDIATE")
                yield
                other.execute("ROLLBACK")
            else:
                raise NotImplementedError(fault)

    @contextlib.contextmanager
    def damaged(self, damage: str):
        """Put something else where the data should be, before it is opened."""
        if damage == "garbage":
            self.path.write_bytes(b"not a database " * 1000)
        elif damage == "a-folder":
            self.path.mkdir()
        else:
            self.path.parent.joinpath("file").write_text("")
            self.path = self.path.parent / "file" / "quietline.db"
        yield


ENGINES = {"sqlite": SqliteEngine}


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path):
    """An engine with nothing in it yet."""
    chosen = ENGINES[request.param](tmp_path)
    yield chosen
    chosen.close()


@pytest.fixture
def impatient(monkeypatch):
    """Engines opened from now on wait for other writers a tenth of a second instead of five."""
    monkeypatch.setattr(sqlite_file, "BUSY", timedelta(seconds=0.1))


@pytest.fixture
def store(engine):
    """An empty store."""
    return engine.open()


@pytest.fixture
def open_again(engine, store):
    """How to open the data of *store* in another instance, as another process would."""
    return engine.open


@pytest.fixture
def audit_key():
    """The key that chains the trail."""
    return AUDIT_KEY
