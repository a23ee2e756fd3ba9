"""The engines behind the `RequestStore` port; a further engine is one more entry of `ENGINES`."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path

import engines
import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.adapters import sqlite_file
from chalicelib.adapters.aws_json import way_to
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_connection import Connection, Patience
from chalicelib.adapters.dynamodb_table import Table
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
                pytest.fail(f"this engine knows no fault called {fault}")

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


class DynamoEngine:
    """A table on an engine; opening it again is another process' view of the same data."""

    patience = Patience(again=20.0, limit=60.0)

    def __init__(self, folder: Path, name: str) -> None:
        reason = engines.why_not(name)
        if reason is not None:
            pytest.skip(f"{name}: {reason}")
        self.address = engines.make_tables(name)
        _, self.endpoint, self.table = self.address.split("|")
        self._failing = None

    def open(self) -> DynamoStore:
        """Open the data, beside whoever has it open already."""
        connection = engines.connection(self.endpoint, patience=self.patience)
        connection.client.meta.events.register("before-send.dynamodb", self._before_send, unique_id=self.address)
        return DynamoStore(Table(connection, self.table), audit_key=lambda: AUDIT_KEY)

    def close(self) -> None:
        """Throw the tables away."""
        engines.client(self.endpoint).meta.events.unregister("before-send.dynamodb", unique_id=self.address)
        engines.drop_tables(self.address)

    def _before_send(self, request, **_):
        operation = request.headers["X-Amz-Target"].decode().split(".")[1]
        writes = operation in ("PutItem", "DeleteItem", "TransactWriteItems")
        return answer(request, *self._failing) if self._failing and writes else None

    @contextlib.contextmanager
    def befall(self, fault: str):
        """
        Let what corresponds to a fault of SQLite happen.

        A disk that is full is a service that fails to write; somebody who locks others out is a partition that others
        write to more than it takes.
        """
        if fault == "tables-gone":
            engines.drop_tables(self.address)
        elif fault == "disk-full":
            self._failing = (500, "InternalServerError")
        elif fault == "locked-out":
            self._failing = (400, "ProvisionedThroughputExceededException")
        else:
            raise KeyError(fault)
        yield
        self._failing = None

    @contextlib.contextmanager
    def damaged(self, damage: str):
        """Let there be something else where the data should be: somebody else's table, none at all, or nobody."""
        if damage == "garbage":
            engines.drop_tables(self.address)
            engines.connection(self.endpoint).client.create_table(
                TableName=self.table,
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        elif damage == "a-folder":
            engines.drop_tables(self.address)
        else:
            self.endpoint, self.patience = "http://127.0.0.1:9", Patience(again=0.1)
        yield
        self.endpoint = self.address.split("|")[1]


class DirectEngine(DynamoEngine):
    """The same without boto3: as a function on Lambda asks."""

    def open(self) -> DynamoStore:
        """Open the data, beside whoever has it open already."""
        said = {**os.environ, "AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint}
        way = way_to("dynamodb", said, configured=False)
        assert way is not None
        connection = Connection(way=way, patience=self.patience, read_timeout=30.0)
        connection._ready()
        ask = connection._direct._exchanged

        def exchanged(body, headers):
            operation = headers["x-amz-target"].split(".")[1]
            if self._failing and operation in ("PutItem", "DeleteItem", "TransactWriteItems"):
                status, code = self._failing
                return status, b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"}' % code.encode()
            return ask(body, headers)

        connection._direct._exchanged = exchanged
        return DynamoStore(Table(connection, self.table), audit_key=lambda: AUDIT_KEY)


def answer(request, status, code):
    """Make the service's answer to a call that failed."""

    class Raw:
        def stream(self, **_):
            yield b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"}' % code.encode()

    return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, Raw())


# One engine is asked as Lambda asks, the others by boto3; asked for all, each is asked both ways.
ENGINES = {"sqlite": SqliteEngine, **{name: partial(DynamoEngine, name=name) for name in engines.NAMES}}
ENGINES["dynoxide"] = partial(DirectEngine, name="dynoxide")
if os.environ.get("QUIETLINE_EVERY_FAULT"):
    ENGINES["dynoxide-boto3"] = partial(DynamoEngine, name="dynoxide")
    ENGINES["ministack-direct"] = partial(DirectEngine, name="ministack")


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
    monkeypatch.setattr(DynamoEngine, "patience", Patience(again=0.1))


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
