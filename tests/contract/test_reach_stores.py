"""What every engine behind `Counters` and `Releases` promises, bullet by bullet of `chalicelib/ports.py`."""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import engines
import pytest
from conftest import answer

from chalicelib.adapters.dynamodb_connection import Connection, Patience
from chalicelib.adapters.dynamodb_reach import SHARDS, DynamoCounters, DynamoReleases
from chalicelib.adapters.dynamodb_table import Table
from chalicelib.adapters.sqlite_reach import SqliteCounters, SqliteReleases
from chalicelib.domain.errors import Unavailable
from chalicelib.ports import Counters, Releases

CELL = "E23000005/gm-2018/callback"


class SqlitePlace:
    """Two files."""

    def __init__(self, folder) -> None:
        self.folder, self._opened = folder, []

    def counters(self):
        """Open the counters, beside whoever has them open already."""
        return self._open(SqliteCounters(self.folder / "counters.db", gathered_for=0.02))

    def releases(self):
        """Open the releases."""
        return self._open(SqliteReleases(self.folder / "reach.db"))

    def _open(self, made):
        self._opened.append(made)
        return made

    @contextlib.contextmanager
    def gone(self):
        """Let there be a folder where the counters should be."""
        (self.folder / "counters.db").unlink(missing_ok=True)
        (self.folder / "counters.db").mkdir()
        yield
        (self.folder / "counters.db").rmdir()

    def close(self):
        """Close whatever was opened."""
        for each in self._opened:
            each.close()


class DynamoPlace:
    """Two tables on an engine."""

    def __init__(self, folder, name) -> None:
        reason = engines.why_not(name)
        if reason is not None:
            pytest.skip(f"{name}: {reason}")
        self._address = engines.make_tables(name)
        _, self.url, self.name = self._address.split("|")
        self.connection = engines.connection(self.url)

    def counters(self):
        """Open the counters."""
        return DynamoCounters(Table(engines.connection(self.url), f"{self.name}-counters"))

    def releases(self):
        """Open the releases, which lie in the table of the requests."""
        return DynamoReleases(Table(engines.connection(self.url), self.name))

    @contextlib.contextmanager
    def gone(self):
        """Let the table be gone."""
        self.connection.client.delete_table(TableName=f"{self.name}-counters")
        yield

    def close(self):
        """Throw the tables away."""
        engines.drop_tables(self._address)


PLACES = {"sqlite": SqlitePlace, **{name: partial(DynamoPlace, name=name) for name in engines.NAMES}}


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    """A place with nothing in it."""
    chosen = PLACES[request.param](tmp_path)
    yield chosen
    chosen.close()


@pytest.fixture(params=engines.NAMES)
def dynamo(request, tmp_path):
    """Tables with nothing in them."""
    chosen = DynamoPlace(tmp_path, request.param)
    yield chosen
    chosen.close()


def test_counts_add_up_by_ledger_month_and_cell(place):
    """Each count is found under its own ledger, month and cell, from the month that is asked for on."""
    counters = place.counters()
    for month, cell, times in (("2026-09", CELL, 2), ("2026-10", CELL, 3), ("2026-10", "-/-/visit", 1)):
        for _ in range(times):
            counters.add("reach", month, cell)
    counters.add("desk", "2026-10", "callback/en/in-time")
    everything = {("2026-09", CELL): 2, ("2026-10", CELL): 3, ("2026-10", "-/-/visit"): 1}
    assert counters.read("reach", since="") == everything
    assert counters.read("reach", since="2026-10") == {key: n for key, n in everything.items() if key[0] == "2026-10"}
    assert counters.read("reach", since="2026-11") == {}
    assert counters.read("desk", since="") == {("2026-10", "callback/en/in-time"): 1}


def test_a_burst_from_many_hands_is_counted_whole(place):
    """Many at once, on one cell and in more than one process's hands, lose none of what was answered."""
    hands = [place.counters() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: hands[at % 4].add("reach", "2026-10", CELL), range(200)))
    for each in hands:
        each.close()
    assert sum(place.counters().read("reach", since="").values()) == 200


def test_a_place_that_is_gone_is_unavailable_and_carries_nothing(place):
    """Reading says that it cannot, in a code; nothing of what was counted is in it."""
    counters = place.counters()
    with place.gone():
        with contextlib.suppress(Unavailable):
            counters.add("reach", "2026-10", CELL)  # SQLite gathers first, and cannot know yet
        with pytest.raises(Unavailable) as refused:
            counters.read("reach", since="")
    assert (refused.value.code, refused.value.args) == ("storage", ("storage",))


def test_a_release_is_kept_once(place):
    """The first release of a month stays, whatever comes later, and months are read in order within their bounds."""
    releases = place.releases()
    assert releases.read(since="", until="9999-12") == {}
    for month, text in (("2026-10", "{}"), ("2026-09", '{"a":1}'), ("2026-10", '{"late":1}')):
        releases.keep(month, text)
    assert list(place.releases().read(since="", until="9999-12").items()) == [("2026-09", '{"a":1}'), ("2026-10", "{}")]
    assert releases.read(since="2026-10", until="2026-10") == {"2026-10": "{}"}
    assert releases.read(since="", until="2026-08") == {}


def test_nothing_of_the_order_in_which_counts_came_is_in_the_file(tmp_path):
    """The same counts in another order make the same file, but for SQLite's own count of writes; no log lies beside."""
    cells = [f"E2300000{at}/-/{kind}" for at in range(1, 8) for kind in ("callback", "information")]
    files = []
    for name, order in (("one", cells), ("two", [*reversed(cells)]), ("three", [*cells[5:], *cells[:5]])):
        counters = SqliteCounters(tmp_path / name / "counters.db", gathered_for=60)
        for cell in order:
            counters.add("reach", "2026-10", cell)
            counters.write()
        raw = bytearray((tmp_path / name / "counters.db").read_bytes())
        raw[24:28] = raw[92:96] = bytes(4)
        files.append(bytes(raw))
        assert [each.name for each in (tmp_path / name).iterdir()] == ["counters.db"]
        counters.close()
    assert files[0] == files[1] == files[2]
    with contextlib.closing(sqlite3.connect(tmp_path / "one" / "counters.db")) as db:
        (columns,) = [[row[1] for row in db.execute("PRAGMA table_info(counts)")]]
    assert columns == ["ledger", "month", "cell", "n"]


def test_what_could_not_be_written_is_written_with_the_next(tmp_path):
    """Somebody who holds the file delays counts, and loses none; nobody who counts waits for them."""
    counters = SqliteCounters(tmp_path / "counters.db", gathered_for=60)
    counters.add("reach", "2026-10", CELL)
    counters.write()
    with contextlib.closing(sqlite3.connect(tmp_path / "counters.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        counters.add("reach", "2026-10", CELL)
        with pytest.raises(Unavailable):
            counters.write()
        other.execute("ROLLBACK")
    assert counters.read("reach", since="") == {("2026-10", CELL): 2}
    counters.close()


def test_counts_fall_on_many_keys(dynamo):
    """A burst on one cell does not hit one key: it is spread over the shards."""
    counters = dynamo.counters()
    for _ in range(64):
        counters.add("reach", "2026-10", CELL)
    items = dynamo.connection.client.scan(TableName=f"{dynamo.name}-counters")["Items"]
    assert len(items) > SHARDS / 2
    assert sum(int(item["n"]["N"]) for item in items) == 64
    assert {tuple(sorted(item)) for item in items} == {("n", "p", "s")}


@pytest.mark.parametrize("status", [400, 500])
def test_an_addition_is_never_tried_again(dynamo, status):
    """Throttled or failed, it is asked once: an addition whose answer was lost would count twice."""
    asked = []
    connection = Connection(endpoint=dynamo.url, region="eu-west-2", patience=Patience())
    code = "ProvisionedThroughputExceededException" if status == 400 else "InternalServerError"

    def refuse(request, **_):
        asked.append(request)
        return answer(request, status, code)

    connection.client.meta.events.register("before-send.dynamodb", refuse)
    with pytest.raises(Unavailable):
        DynamoCounters(Table(connection, f"{dynamo.name}-counters")).add("reach", "2026-10", CELL)
    assert len(asked) == 1


def test_the_suite_covers_every_verb():
    """A verb that is added to a port is added here."""
    assert {name for port in (Counters, Releases) for name in vars(port) if not name.startswith("_")} == {
        "add",
        "read",
        "keep",
    }
