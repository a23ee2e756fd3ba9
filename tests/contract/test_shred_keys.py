"""What every engine behind the `ShredKeys` port promises, bullet by bullet of `chalicelib/ports.py`."""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from secrets import token_bytes

import engines
import pytest

from chalicelib.adapters.sqlite_shred import SqliteShredKeys
from chalicelib.domain.errors import Unavailable
from chalicelib.ports import ContentName, ShredKeys

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
ONE = ContentName("one", "body")
KEY = b"\x00\xff" + bytes(range(30))


class SqliteKeys:
    """One file."""

    def __init__(self, folder) -> None:
        self._path, self._opened = folder / "shred.db", []

    def open(self):
        """Open the keys, beside whoever has them open already."""
        self._opened.append(SqliteShredKeys(self._path))
        return self._opened[-1]

    def lose(self):
        """Let the keys' place be gone."""
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("DROP TABLE shred_keys")

    def close(self):
        """Close whatever was opened."""
        for keys in self._opened:
            keys.close()


class DynamoKeys:
    """A table on an engine."""

    def __init__(self, folder, name) -> None:
        reason = engines.why_not(name)
        if reason is not None:
            pytest.skip(f"{name}: {reason}")
        self._address = engines.make_tables(name)

    def open(self):
        """Open the keys, beside whoever has them open already."""
        return engines.open_shred_keys(self._address)

    def lose(self):
        """Let the keys' place be gone."""
        engines.drop_tables(self._address)

    def close(self):
        """Throw the tables away."""
        engines.drop_tables(self._address)


PLACES = {"sqlite": SqliteKeys, **{name: partial(DynamoKeys, name=name) for name in engines.NAMES}}


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    """A place for keys, with nothing in it."""
    chosen = PLACES[request.param](tmp_path)
    yield chosen
    chosen.close()


@pytest.fixture
def keys(place):
    """Nobody's keys yet."""
    return place.open()


def test_a_key_is_read_back_byte_by_byte(keys, now):
    """What was kept is what encrypts and decrypts, whatever bytes it is made of."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    assert keys.key(ONE, now=now) == KEY


def test_another_instance_reads_it_at_once(place, keys, now):
    """A key is durable when `keep` returns: another function can open what was wrapped under it."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    assert place.open().key(ONE, now=now) == KEY


def test_a_key_is_named_by_request_and_body(keys, now):
    """Two bodies of one request, and two requests with one body id, have four different keys."""
    names = [ContentName(request, body) for request in ("one", "two") for body in ("a", "b")]
    made = {name: token_bytes(32) for name in names}
    for name, key in made.items():
        keys.keep({name: key}, expires_at=now + DAY)
    assert {name: keys.key(name, now=now) for name in names} == made


@pytest.mark.parametrize("name", [ContentName("nobody", "body"), ContentName("one", "other"), ContentName("", "")])
def test_there_is_no_key_under_another_name(keys, now, name):
    """Nobody's name has no key, the empty name that stands for nobody included."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    assert keys.key(name, now=now) is None


def test_keeping_the_same_key_again_is_no_failure(keys, now):
    """A write whose answer was lost is made again."""
    for _ in range(2):
        keys.keep({ONE: KEY}, expires_at=now + DAY)
    assert keys.key(ONE, now=now) == KEY


def test_another_key_under_a_name_is_refused_and_changes_nothing(keys, now):
    """Whoever knows a request's id cannot put a key of their own in the place of what it needs."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    with pytest.raises(Unavailable) as refused:
        keys.keep({ONE: bytes(32)}, expires_at=now + DAY)
    assert str(refused.value) == "storage"
    assert keys.key(ONE, now=now) == KEY


def test_an_erased_key_is_gone_and_its_neighbours_are_not(place, keys, now):
    """Erasing makes every copy noise, for every instance; repeating it is no failure."""
    names = [ContentName("one", body) for body in "abc"]
    for name in names:
        keys.keep({name: KEY}, expires_at=now + DAY)
    for _ in range(2):
        keys.erase(names[:2])
    keys.erase([])
    keys.erase([ContentName("nobody", "nothing")])
    assert [place.open().key(name, now=now) for name in names] == [None, None, KEY]


def test_a_key_is_gone_from_its_expiry_on(keys, now):
    """One microsecond before it expires a key opens; at the instant itself it does not, purged or not."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    assert keys.key(ONE, now=now + DAY - TICK) == KEY
    assert keys.key(ONE, now=now + DAY) is None


def test_purging_erases_what_has_expired_and_only_that(keys, now):
    """What is purged does not come back when the clock does; the rest opens as before."""
    names = [ContentName("one", f"b{number}") for number in range(40)]
    for number, name in enumerate(names):
        keys.keep({name: KEY}, expires_at=now + DAY + (TICK if number % 2 else -TICK))
    assert keys.purge(now=now + DAY) == 20
    assert keys.purge(now=now + DAY) == 0
    assert [keys.key(name, now=now) for name in names] == [None, KEY] * 20


def test_several_keys_are_kept_at_once(keys, now):
    """The two of a request; if one of the names is taken by another key, that is a refusal."""
    two = {ContentName("one", "body"): KEY, ContentName("one", "body.details"): KEY[::-1]}
    keys.keep(two, expires_at=now + DAY)
    assert {name: keys.key(name, now=now) for name in two} == two
    with pytest.raises(Unavailable):
        keys.keep({ContentName("two", "body"): KEY, ONE: bytes(32)}, expires_at=now + DAY)
    assert keys.key(ONE, now=now) == KEY


def test_something_else_is_done_once_meanwhile(keys, now):
    """Whatever is to be done while keys are kept is done when they are, by one and by many at once."""

    def keep(number):
        done = []
        keys.keep({ContentName("one", f"{number}"): KEY}, expires_at=now + DAY, meanwhile=lambda: done.append(number))
        return done

    assert keep(0) == [0]
    with ThreadPoolExecutor(8) as people:
        assert list(people.map(keep, range(1, 65))) == [[number] for number in range(1, 65)]
    assert all(keys.key(ContentName("one", f"{number}"), now=now) == KEY for number in range(65))


def test_what_goes_wrong_meanwhile_is_told_and_stops_nobody_else(keys, now):
    """The error is the caller's own; whoever comes next, or at the same time, is served."""

    def wrong():
        raise LookupError

    def keep(number):
        keys.keep({ContentName("one", f"{number}"): KEY}, expires_at=now + DAY, meanwhile=wrong if number % 2 else None)

    with ThreadPoolExecutor(8) as people:
        tried = [people.submit(keep, number) for number in range(64)]
    assert all(isinstance(each.exception(), LookupError) == bool(at % 2) for at, each in enumerate(tried))
    keep(64)
    assert all(keys.key(ContentName("one", f"{number}"), now=now) == KEY for number in range(0, 65, 2))


def test_an_erased_key_leaves_its_name_until_it_would_have_expired(place, keys, now):
    """Nobody puts another key, or the same, in its place; then the name goes as well."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    keys.erase([ONE])
    for key in (KEY, KEY[::-1]):
        with pytest.raises(Unavailable):
            place.open().keep({ONE: key}, expires_at=now + DAY)
    assert keys.key(ONE, now=now) is None
    assert keys.purge(now=now + DAY - TICK) == 0
    assert keys.names(now=now + DAY - TICK) == {ONE: False}
    assert keys.purge(now=now + DAY) == 1
    assert keys.names(now=now) == {}


def test_what_is_kept_is_named(keys, now):
    """Every key there is, and that it was erased if it was; none that has expired, and none that never was."""
    kept = {ContentName("one", "a"), ContentName("one", "a.details"), ContentName("two", "b")}
    keys.keep(dict.fromkeys([*kept, ContentName("three", "c")], KEY), expires_at=now + DAY)
    keys.keep({ContentName("four", "d"): KEY}, expires_at=now)
    keys.erase([ContentName("three", "c")])
    keys.erase([ContentName("nobody", "nothing")])
    assert keys.names(now=now) == {**dict.fromkeys(kept, True), ContentName("three", "c"): False}
    assert keys.names(now=now + DAY) == {}


VERBS = {
    "names": lambda keys, now: keys.names(now=now),
    "keep": lambda keys, now: keys.keep({ONE: KEY}, expires_at=now + DAY),
    "key": lambda keys, now: keys.key(ONE, now=now),
    "erase": lambda keys, now: keys.erase([ONE]),
    "mark": lambda keys, now: keys.mark(ContentName("revoked", "one"), expires_at=now + DAY),
    "purge": lambda keys, now: keys.purge(now=now + DAY),
    "ping": lambda keys, now: keys.ping(),
}


def test_a_mark_reads_as_an_erased_key(keys, now):
    """It is named until it expires, opens nothing, may be left again, and nobody can put a key in its place."""
    mark = ContentName("revoked", "one")
    for _ in range(2):
        keys.mark(mark, expires_at=now + DAY)
    assert keys.names(now=now) == {mark: False}
    assert keys.key(mark, now=now) is None
    with pytest.raises(Unavailable):
        keys.keep({mark: KEY}, expires_at=now + DAY)
    assert keys.names(now=now + DAY) == {}
    assert keys.purge(now=now + DAY) == 1


def test_every_verb_of_the_port_is_named_here():
    """A verb that is added to the port cannot go without its failure being tried."""
    assert set(VERBS) == {name for name in vars(ShredKeys) if not name.startswith("_")}


@pytest.mark.parametrize("verb", VERBS)
def test_every_failure_of_the_engine_is_unavailable(place, keys, now, verb):
    """Whatever happens to the place of keys is told as one refusal that carries nothing."""
    keys.keep({ONE: KEY}, expires_at=now + DAY)
    place.lose()
    with pytest.raises(Unavailable) as refused:
        VERBS[verb](keys, now)
    assert str(refused.value) == "storage"
