"""
A trail of ten thousand entries, tampered with in the store itself: whoever reads it is told, whatever was done where.

`tests/unit/test_audit.py` tries every single place of ten thousand in the chain itself. Here the same damage is done
behind the back of an engine, and the desk's reading must find it: at a few places where something could go wrong, and
at as many more, drawn, as `QUIETLINE_TAMPERINGS` says.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from datetime import timedelta

import engines
import pytest
from heads import NOW

from chalicelib.adapters.anchor import FileAnchor
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_items import Pending
from chalicelib.adapters.dynamodb_table import Table
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_rows import micros
from chalicelib.domain.audit import Deed
from chalicelib.usecases.auditing import Auditing

KEY = b"audit key of the ten thousand"
COUNT, PAGE = 10_000, 50
DRAWN = random.Random(7).sample(range(1, COUNT + 1), int(os.environ.get("QUIETLINE_TAMPERINGS", "0")))
DAMAGES = ("altered", "removed", "reordered", "cut off")


def deeds(now):
    """Make as many deeds as the issue asks for, no two alike."""
    for at in range(COUNT):
        yield Deed(at=now + timedelta(seconds=at), actor="alex", verb="open", request_id=f"r{at % 7}", number=at)


class InSqlite:
    """The trail as rows of a file."""

    places = (1, 2, 5000, COUNT - 1, COUNT, *DRAWN)

    def __init__(self, folder, now) -> None:
        self._path = folder / "quietline.db"
        self.store = SqliteStore(self._path, audit_key=KEY)
        self.store.database.write(lambda db: self.store.chain.append(db, list(deeds(now))))

        with contextlib.closing(sqlite3.connect(self._path)) as db:
            db.execute("CREATE TABLE as_it_was AS SELECT * FROM trail")

    @contextlib.contextmanager
    def damaged(self, damage, place):
        """Do it in the file, and undo it afterwards."""
        other = place + 1 if place < COUNT else place - 1
        steps = {
            "altered": [("UPDATE trail SET actor = 'sam' WHERE seq = ?", (place,))],
            "removed": [("DELETE FROM trail WHERE seq = ?", (place,))],
            "reordered": [
                ("UPDATE trail SET seq = ? WHERE seq = ?", change)
                for change in ((-1, place), (place, other), (other, -1))
            ],
            "cut off": [("DELETE FROM trail WHERE seq >= ?", (place,))],
        }
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            for step in steps[damage]:
                db.execute(*step)
            yield
            db.executescript("BEGIN; DELETE FROM trail; INSERT INTO trail SELECT * FROM as_it_was; COMMIT")

    def close(self):
        """Close the file."""
        self.store.close()


class InDynamo:
    """The trail as items of a table, fifty entries in each: the first of all, the first of a page, the last."""

    places = (1, 100 * PAGE + 1, COUNT, *DRAWN)

    def __init__(self, _folder, now) -> None:
        name = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
        self._address = engines.make_tables(name)
        _, url, table = self._address.split("|")
        self._table = Table(engines.connection(url), table)
        self.store = DynamoStore(self._table, audit_key=lambda: KEY)
        told = [
            Pending(at, micros(deed.at), deed.actor, deed.verb, deed.number, deed.request_id, f"home{at}")
            for at, deed in enumerate(deeds(now))
        ]
        for start in range(0, COUNT, PAGE):
            end, _ = self.store._trail._end()
            self.store._trail._append(end, told[start : start + PAGE])

    @contextlib.contextmanager
    def damaged(self, damage, place):
        """Do it in the items, and undo it afterwards."""
        pages = [self._page(place), *([] if damage != "cut off" else self._pages_after(place))]
        rows, at = json.loads(pages[0]["e"]), (place - 1) % PAGE
        if damage == "altered":
            rows[at][2] = "sam"
        elif damage == "removed":
            del rows[at]
        elif damage == "reordered":
            other = at + 1 if at + 1 < len(rows) else at - 1
            rows[at], rows[other] = rows[other], rows[at]
        else:
            del rows[at:]
        for page in pages[1:] if rows else pages:
            self._table.delete((page["p"], page["s"]))
        if rows:
            self._table.put({**pages[0], "e": json.dumps(rows)})
        yield
        for page in pages:
            self._table.put(page)

    def _page(self, place):
        return self._table.get(("trail", f"e#{(place - 1) // PAGE * PAGE + 1:012d}"))

    def _pages_after(self, place):
        first = (place - 1) // PAGE * PAGE + 1 + PAGE
        return list(self._table.query("trail", low=f"e#{first:012d}", high="e#999999999999"))

    def close(self):
        """Throw the tables away."""
        engines.drop_tables(self._address)


@pytest.fixture(scope="module", params=[InSqlite, InDynamo], ids=["sqlite", "dynamodb"])
def kept(request, tmp_path_factory):
    """Ten thousand entries in an engine, and the desk that reads them."""
    folder = tmp_path_factory.mktemp("trail")
    chosen = request.param(folder, NOW)
    chosen.auditing = Auditing(store=chosen.store, key=lambda: KEY, anchor=FileAnchor(folder / "trail.anchor"))
    yield chosen
    chosen.close()


def test_ten_thousand_entries_stand(kept):
    """Untouched, the whole trail verifies whichever page is read, and no number is missing."""
    first, last = kept.auditing.page(after=0, limit=3), kept.auditing.page(after=COUNT - 2, limit=10)
    assert [entry.seq for entry in (*first.entries, *last.entries)] == [1, 2, 3, COUNT - 1, COUNT]
    assert (first.count, first.broken_at, last.broken_at) == (COUNT, None, None)


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_of_them_altered_removed_reordered_or_cut_off_is_found(kept, damage):
    """It is found by whoever reads one entry of another page, at its place or next to it, and gone once undone."""
    for place in kept.places:
        with kept.damaged(damage, place):
            found = kept.auditing.page(after=0, limit=1).broken_at
        assert found is not None, (damage, place)
        # An exchange with the one before is found there; a page that lost an entry ends early, in the next one's place.
        assert place - 1 <= found <= place + PAGE, (damage, place, found)
    assert kept.auditing.page(after=0, limit=1).broken_at is None
