"""
Stores that fail while people write, in every way that theirs can, and say in each error what they were sent.

`SqlitePlace` and `DynamoPlace` each put a house together whose store meets the weather; both can be searched whole.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

import engines
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from fakes import FakeQueue

from chalicelib.adapters.dynamodb_connection import Patience
from chalicelib.adapters.dynamodb_table import Table
from chalicelib.adapters.sqlite_file import Database
from chalicelib.config import Settings
from chalicelib.wiring import House

ENGINE = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
FAULTS = ("throttled", "server-error", "invalid", "refused", "time-out-before", "time-out-after")


class Weather:
    """
    What befalls the calls to a store: *fault* meets every call of an HTTP request from number *begin* on.

    *words* is what was just sent to us: an engine's error may repeat all of it.
    """

    def __init__(self) -> None:
        self.fault, self.begin, self.calls, self.met, self.words = None, 0, 0, 0, ""
        self.time = 0.0

    def next(self, asked, fault, begin):
        """Let another HTTP request begin, with what befalls it."""
        self.words = f"{asked.method} {asked.target} {asked.headers!r} {asked.body.decode('latin-1')}"
        self.fault, self.begin, self.calls = fault, begin, 0
        self.time += 60.0

    def is_bad(self):
        """Count a call, and tell whether it fails."""
        self.calls += 1
        bad = self.fault is not None and self.calls > self.begin
        self.met += bad
        self.time += 0.6 if bad else 0.0
        return bad

    def clock(self):
        """Show a made-up time that only failures take, so that patience ends after a few."""
        return self.time


class SqlitePlace:
    """Two files in a folder; the engine fails once the work is done, as a disk does on committing it."""

    def __init__(self, home, weather, monkeypatch) -> None:
        self.home, self.queue = home, FakeQueue(receives_limit=99)
        self._weather = weather
        for name in ("read", "write"):
            monkeypatch.setattr(Database, name, self._failing(getattr(Database, name)))

    def house(self, clock):
        """Put a house together."""
        house = House(Settings(home=self.home, clock_starts_at=datetime.fromisoformat(clock), claim_limit=10_000))
        house.__dict__["_overflow"] = self.queue
        return house

    def _failing(self, method):
        def run(database, work, **more):
            def done(db):
                result = work(db)
                if self._weather.is_bad():
                    said = f"{self._weather.fault}: {result!r} {self._weather.words}"
                    raise sqlite3.OperationalError(said)
                return result

            return method(database, done, **more)

        return run

    def search(self, detector):
        """Search every file, log, cell and backup."""
        return detector.search_folder(self.home, allowed=("outbox/",))

    def close(self):
        """Leave it to the folder's end."""


class DynamoPlace:
    """Two tables on an engine; the service fails on its way there or back, or refuses with too much to say."""

    def __init__(self, home, weather, _monkeypatch) -> None:
        self.home, self.queue = home, FakeQueue(receives_limit=99)
        self._weather = weather
        self._address = engines.make_tables(ENGINE)
        _, url, self._table = self._address.split("|")
        self._connection = engines.connection(url, patience=Patience(clock=weather.clock, sleep=lambda _: None))
        self._events = self._connection.client.meta.events
        self._events.register("before-send.dynamodb", self._before_send, unique_id="weather")
        self._events.register("after-call.dynamodb", self._after_call, unique_id="rain")

    def house(self, clock):
        """Put a house together."""
        settings = Settings(
            home=self.home,
            clock_starts_at=datetime.fromisoformat(clock),
            claim_limit=10_000,
            store="dynamodb",
            table=self._table,
            shred_table=f"{self._table}-shred",
            content_table=f"{self._table}-content",
            counters_table=f"{self._table}-counters",
        )
        house = House(settings)
        house.__dict__["_dynamodb"], house.__dict__["_overflow"] = self._connection, self.queue
        return house

    def _before_send(self, request, **_):
        weather = self._weather
        self._bad = weather.is_bad()
        said = f"{weather.words} {request.body!r}"
        if not self._bad or weather.fault == "time-out-after":
            return None
        if weather.fault == "refused":
            raise EndpointConnectionError(endpoint_url=said)
        if weather.fault == "time-out-before":
            raise ReadTimeoutError(endpoint_url=said)
        code = {
            "throttled": (400, "ProvisionedThroughputExceededException"),
            "server-error": (500, "InternalServerError"),
            "invalid": (400, "ValidationException"),
        }[weather.fault]
        return _answer(request, *code, said)

    def _after_call(self, **_):
        if self._bad and self._weather.fault == "time-out-after":
            raise ReadTimeoutError(endpoint_url=self._weather.words)

    def dump(self):
        """Read both tables whole, every item as it is stored: what a backup of them would hold, and more."""
        for name in (self._table, f"{self._table}-shred"):
            yield from ((name, item) for item in Table(self._connection, name).scan())

    def search(self, detector):
        """Search every attribute of every item of both tables, and the folder of keys."""
        leaks = detector.search_folder(self.home, allowed=("outbox/",))
        for name, item in self.dump():
            for attribute, value in item.items():
                raw = value if isinstance(value, bytes) else str(value).encode()
                if found := detector.find(raw):
                    leaks[f"{name.removeprefix(self._table) or 'requests'}:{item['s'][:1]}:{attribute}"] = found
        return leaks

    def close(self):
        """Throw the tables away."""
        self._events.unregister("before-send.dynamodb", unique_id="weather")
        self._events.unregister("after-call.dynamodb", unique_id="rain")
        engines.drop_tables(self._address)


def _answer(request, status, code, said):
    """Make the service's answer to a call that failed, with *said* in its message."""
    body = b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%s}' % (
        code.encode(),
        ('"' + said.replace("\\", "\\\\").replace('"', "'") + '"').encode(),
    )

    class Raw:
        def stream(self, **_):
            yield body

    return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, Raw())
