"""A harvester walks the feed page by page while editors work, and misses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, cycle, repeat

import pytest
from feed import SEED, Content, Feed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_publications import SqlitePublications
from chalicelib.domain.audit import Deed
from chalicelib.domain.directory import identity
from chalicelib.usecases.published import Published, PublishedContent

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
TEMPLATE = SEED.signposts()[0]


class Editors:
    """Editors at work on the content: each change is stamped with the time at which it is made."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.now = START
        self._made = 0

    def tick(self) -> None:
        """Let a second pass."""
        self.now += timedelta(seconds=1)

    def do(self, verb: str, which: int) -> None:
        """Add a record, change one, or end what it offers."""
        self.tick()
        records = list(self._content.now)
        place = which % len(records)
        if verb == "add":
            self._made += 1
            name = f"new-{which}-{self._made}"
            records.append(replace(TEMPLATE, id=name, name={"en": name, "cy": name}, last_modified=self.now))
        elif verb == "change":
            words = {"en": f"Changed at {self.now}.", "cy": f"Newidiwyd am {self.now}."}
            records[place] = replace(records[place], summary=words, last_modified=self.now)
        else:
            records[place] = replace(records[place], status="defunct", last_modified=self.now)
        self._content.now = tuple(records)
        self.tick()


def _harvest(feed: Feed, copy: dict, per_page: int, since: datetime | None, between_pages) -> None:
    """Walk the feed into *copy*, as `examples` of the standard do: until the last page, by id, the newest wins."""
    query = {} if since is None else {"modified_after": since.isoformat()}
    for page in feed.pages("services", per_page=per_page, **query):
        for each in page["contents"]:
            copy[each["id"]] = each
        between_pages()


_CHANGES = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "change", "end"]), st.integers(0, 1000)), max_size=4), max_size=12
)


@given(per_page=st.integers(1, 9), during_first=_CHANGES, during_second=_CHANGES)
def test_nothing_is_missed(per_page, during_first, during_second):
    """
    Two walks during which editors add, change and end records, and a third in peace: the copy is then the directory.

    After the first walk nothing is missing that was there when it began, whatever happened meanwhile; each later walk
    asks only for what was modified since the one before began.
    """
    content = Content()
    feed, editors, copy = Feed(content), Editors(content), {}

    def at_work(changes):
        waiting = iter(changes)
        return lambda: [editors.do(verb, which) for verb, which in next(waiting, ())]

    there_before = {each["id"] for page in feed.pages("services", per_page=500) for each in page["contents"]}
    first_began = editors.now
    editors.tick()
    _harvest(feed, copy, per_page, None, at_work(during_first))
    assert there_before <= copy.keys()
    second_began = editors.now
    editors.tick()
    _harvest(feed, copy, per_page, first_began, at_work(during_second))
    _harvest(feed, copy, per_page, second_began, lambda: None)
    truth = {each["id"]: each for page in feed.pages("services", per_page=500) for each in page["contents"]}
    assert copy == truth


def test_a_service_keeps_its_place_whatever_changes_in_it():
    """The order is that of the ids, which never change: so no change moves a record across the border of two pages."""
    content = Content()
    feed, editors = Feed(content), Editors(content)
    before = [each["id"] for page in feed.pages("services", per_page=3) for each in page["contents"]]
    for which in range(8):
        editors.do("change", which)
        editors.do("end", which * 2)
    assert [each["id"] for page in feed.pages("services", per_page=3) for each in page["contents"]] == before
    assert before == sorted(before)


class Instances:
    """Two running instances, each of which looks for news on its own, and editors who publish to both."""

    def __init__(self, store) -> None:
        self.time = START
        self.publications = SqlitePublications(store)
        self._made = 0
        self.feeds = [self._started(), self._started()]

    def now(self):
        """Tell the time."""
        return self.time

    def _started(self):
        return Feed(PublishedContent(SEED, Published(lambda: self.publications, self), self))

    def publish(self, verb, which, name=None):
        """Add a record, change one that was packaged, or end what it offers."""
        records = list(SEED.signpost_records().values())
        record = records[which % len(records)]
        if verb == "add":
            self._made += 1
            record = record | {"id": name or f"new-{which}-{self._made}"}
        words = {"en": f"At {self.time}.", "cy": f"Am {self.time}."}
        record = record | {"summary": words, "status": "defunct" if verb == "end" else "active"}
        there = self.publications.record("signpost", record["id"])
        self.publications.publish(
            "signpost",
            record["id"],
            json.dumps(record).encode(),
            revision=0 if there is None else there.revision,
            deed=Deed(at=self.time, actor="eve", verb="publish", about=f"signpost/{record['id']}"),
        )

    def harvest(self, copy, per_page, since, steps):
        """Walk the feed into *copy*; each page is answered by whichever instance, some time after the page before."""
        number = 1
        for instance, seconds, changes in steps:
            self.time += timedelta(seconds=seconds)
            for verb, which in changes:
                self.publish(verb, which)
            query = {} if since is None else {"modified_after": since.isoformat()}
            page = self.feeds[instance]("services", page=number, per_page=per_page, **query)
            copy.update((each["id"], each) for each in page["contents"])
            if page["last_page"]:
                return
            number += 1


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 25),
        st.lists(st.tuples(st.sampled_from(["add", "change", "end"]), st.integers(0, 1000)), max_size=2),
    ),
    max_size=10,
)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory):
    """A store that does not wait for the disk: nobody pulls the plug here."""
    store = SqliteStore(tmp_path_factory.mktemp("feed") / "quietline.db", audit_key=b"key")
    store.database._writer.execute("PRAGMA synchronous = OFF")
    yield store
    store.close()


@pytest.fixture
def start(one_store):
    """How to start two instances of a store in which nothing has been published."""

    def started():
        for table in ("records", "publications"):
            one_store.database.write(lambda db, table=table: db.execute(f"DELETE FROM {table}") and None)
        return Instances(one_store)

    return started


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(per_page=st.integers(2, 9), walks=st.lists(_STEPS, min_size=1, max_size=4))
def test_nothing_is_missed_whichever_instance_answers(start, per_page, walks):
    """
    Editors publish while a harvester walks, and two instances that learn of it at different times answer by turns.

    Each walk asks for what was modified since the one before began; after a last one, a minute later, the copy is the
    directory as any instance shows it.
    """
    instances, copy, began = start(), {}, None
    for steps in walks:
        since, began = began, instances.time
        instances.harvest(copy, per_page, since, chain(steps, cycle([(0, 3, ()), (1, 3, ())])))
    instances.time += timedelta(minutes=1)
    instances.harvest(copy, per_page, began, cycle([(0, 1, ()), (1, 1, ())]))
    for feed in instances.feeds:
        everything = [page["contents"] for page in feed.pages("services", per_page=500)]
        assert copy == {each["id"]: each for each in chain(*everything)}


def test_no_instance_shows_an_older_page_after_another_showed_a_newer_one(start):
    """A record that comes into the middle of a walk pushes none over the border of two pages and out of sight."""
    instances, copy = start(), {}
    name = next(f"first-{n}" for n in range(100) if identity("service", f"first-{n}") < "1")  # on the first page
    instances.harvest(copy, 8, None, repeat((0, 0, ())))
    there_before, copy = set(copy), {}
    instances.time += timedelta(seconds=1)
    instances.publish("add", 0, name)
    instances.time += timedelta(seconds=1)
    instances.harvest(copy, 8, None, chain([(1, 0, ())], repeat((0, 0, ()))))
    assert set(copy) == there_before
    instances.time += timedelta(seconds=29)
    instances.harvest(copy, 8, None, chain([(1, 0, ())], repeat((0, 0, ()))))
    assert set(copy) == {*there_before, identity("service", name)}
