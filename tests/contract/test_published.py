"""What readers meet of what editors publish: on both stores, in several instances, whatever befalls the store."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import engines
import pytest

from chalicelib.adapters.content import PackagedContent
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.directory import Directory
from chalicelib.usecases.published import LOOK, SHOWN, Published, PublishedContent
from chalicelib.usecases.signposting import Signposting

SEED = PackagedContent()
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Clock:
    """A clock that is set."""

    def __init__(self, now) -> None:
        self.time = now

    def now(self):
        """Tell the time."""
        return self.time


class Instance:
    """One running instance: what it shows to readers."""

    def __init__(self, publications, clock) -> None:
        self.asked = 0
        self.down = False
        self._publications = publications
        self.published = Published(self._opened, clock)
        self.content = PublishedContent(SEED, self.published, clock)
        self.signposting = Signposting(self.content, lambda *_: None)
        self.directory = Directory(self.content)

    def _opened(self):
        self.asked += 1
        if self.down:
            raise Unavailable("storage")
        return self._publications

    def shown(self, record_id="get-help"):
        """Give a record as it is shown, whether or not it can be had."""
        return next((each for each in self.content.signposts() if each.id == record_id), None)


class Editors:
    """Editors at work in one store, and the instances that read it."""

    def __init__(self, store, open_again, now) -> None:
        self.clock = Clock(now)
        self._open_again = open_again
        self.publications = engines.open_publications(store)

    def instance(self):
        """Start another instance."""
        return Instance(engines.open_publications(self._open_again()), self.clock)

    def publish(self, record_id="get-help", kind="signpost", *, body=..., **changes):
        """Publish a record: the packaged one of that id, or another, with changes."""
        if body is ...:
            body = json.dumps(written(record_id, kind) | changes, ensure_ascii=False).encode()
        there = self.publications.record(kind, record_id)
        deed = Deed(at=self.clock.time, actor="eve", verb="publish", about=f"{kind}/{record_id}")
        revision = 0 if there is None else there.revision
        return self.publications.publish(kind, record_id, body, revision=revision, deed=deed)

    def out(self, *args, **changes):
        """Publish, and let the time pass until it is shown."""
        version = self.publish(*args, **changes)
        self.clock.time += SHOWN
        return version


def written(record_id, kind="signpost"):
    """Give a record as it is packaged; one that is not is like the first."""
    if kind == "organization":
        records = {each["id"]: each for each in SEED.organization_records()}
    else:
        records = {each["id"]: each for each in SEED.signpost_records().values()}
    return records.get(record_id) or next(iter(records.values())) | {"id": record_id}


def named(text):
    """Give a name in both languages."""
    return {"en": text, "cy": text}


@pytest.fixture
def editors(store, open_again, now):
    """Editors of a store in which nothing has been published."""
    return Editors(store, open_again, now)


def test_nothing_published_is_what_is_packaged(editors):
    """Before anybody publishes, readers meet the content that travels with the code, and the same object each time."""
    instance = editors.instance()
    assert instance.content.signposts() == SEED.signposts()
    assert instance.content.organizations() == SEED.organizations()
    first = instance.content.signposts()
    editors.clock.time += 10 * LOOK
    assert instance.content.signposts() is first


def test_a_publication_reaches_every_instance_within_a_minute(editors):
    """However long before it each looked last, every instance shows what was published, and nobody is told to."""
    instances = [editors.instance() for _ in range(3)]
    for instance in instances:
        assert instance.shown().name != named("New")
        editors.clock.time += 7 * SECOND
    assert MINUTE > SHOWN
    editors.out(name=named("New"))
    for instance in [*instances, editors.instance()]:
        assert instance.shown().name == named("New")
        assert instance.signposting.get("get-help").name == named("New")
        assert named("New") in [each.name for each in instance.directory.edition().services.values()]


def test_all_instances_show_it_in_the_same_moment(editors):
    """
    Whenever each looked, and however many versions follow each other, nobody meets an older state after a newer one.

    That holds for an instance that looks all the time, one that looks late, and those that start in between.
    """
    editors.out(name=named("0"))
    instances, seen = [editors.instance(), editors.instance()], []
    for second in range(100):
        if second % 9 == 0 and second < 50:
            editors.publish(name=named(f"at {second}"))
        instances += [editors.instance()] if second % 11 == 0 else []
        asked = instances if second % 19 == 0 or second > 60 else instances[1:]
        shown = {instance.shown().name["en"] for instance in asked}
        assert len(shown) == 1
        seen += [name for name in shown if name not in seen]
        editors.clock.time += SECOND
    assert seen == ["0", *(f"at {second}" for second in range(0, 50, 9))]


def test_an_instance_looks_at_most_every_twenty_seconds(editors):
    """A thousand readers in a moment cost one look, and a look without news changes nothing."""
    instance = editors.instance()
    instance.shown()
    looked = instance.asked
    for _ in range(100):
        editors.clock.time += LOOK / 101
        instance.shown()
    assert instance.asked == looked
    first = instance.content.signposts()
    editors.clock.time += LOOK
    assert instance.content.signposts() is first
    assert instance.asked == looked + 1


def test_what_did_not_change_stays_the_same_object(editors):
    """A publication of another kind throws away nothing that was made of signposts."""
    instance = editors.instance()
    first = instance.content.signposts()
    editors.out("summer", "campaign", body=b"{}")
    assert instance.content.signposts() is first
    assert [each.record_id for each in instance.published.of("campaign")] == ["summer"]
    editors.out(name=named("New"))
    assert instance.content.signposts() is not first


def test_a_new_record_comes_behind_and_a_changed_one_keeps_its_place(editors):
    """The order in which signposts are shown is that of the files, then the new ones by their ids."""
    instance, before = editors.instance(), [each.id for each in SEED.signposts()]
    for name in ("zeta", "alpha"):
        editors.out(name)
    editors.out(before[2], name=named("New"))
    assert [each.id for each in instance.content.signposts()] == [*before, "alpha", "zeta"]


def test_what_is_taken_down_stays_in_the_directory(editors):
    """Help that is no longer offered is not pointed to, and directories learn that it ended; it does not vanish."""
    instance = editors.instance()
    editors.out(status="defunct")
    editors.out("shore", body=None)
    assert [instance.shown(name).status for name in ("get-help", "shore")] == ["defunct", "inactive"]
    assert not {"get-help", "shore"} & {each.id for each in instance.signposting.edition().offered}
    assert len(instance.directory.edition().services) == len(SEED.signposts())


def test_an_earlier_version_can_be_published_again(editors):
    """Going back shows the words of before, modified now."""
    instance = editors.instance()
    first = editors.out(name=named("One"))
    editors.out(name=named("Two"))
    assert instance.shown().name == named("Two")
    editors.out(body=first.body)
    assert instance.shown().name == named("One")
    assert instance.shown().modified_at == editors.clock.time


def test_an_organisation_that_changed_changes_what_it_offers(editors):
    """Packaged and published signposts show their organisation as it is now, and count as modified with it."""
    instance = editors.instance()
    editors.out("new-help")
    name = written("new-help")["organization"]["name"]
    (organization,) = (each for each in SEED.organization_records() if each["name"] == name)
    before = instance.content.signposts()
    editors.out(organization["id"], "organization", description=named("Does more."))
    assert instance.content.signposts() is not before
    for record_id in ("new-help", "get-help"):
        assert instance.shown(record_id).organization.description == named("Does more.")
        assert instance.shown(record_id).modified_at == editors.clock.time


BROKEN = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"{}",
    b'{"id": "get-help"}',
    b"[" * 100_000,
    json.dumps(written("get-help") | {"id": "shore"}).encode(),
    json.dumps(written("get-help") | {"name": "one language"}).encode(),
    json.dumps(written("get-help") | {"name": named("\ud800")}).encode(),
    json.dumps(written("get-help") | {"organization": {"name": "Nobody"}}).encode(),
    json.dumps(written("get-help") | {"status": "lost"}).encode(),
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_broken_record_takes_nothing_down(editors, body):
    """Whatever stands in the store, the packaged record stands, and all others are shown."""
    instance = editors.instance()
    editors.publish(body=body)
    editors.publish("nowhere-packaged", body=body)
    editors.out("shore", name=named("New"))
    assert instance.shown() == next(each for each in SEED.signposts() if each.id == "get-help")
    assert instance.shown("nowhere-packaged") is None
    assert instance.shown("shore").name == named("New")
    assert len(instance.content.signposts()) == len(SEED.signposts())


def test_a_store_that_is_down_costs_readers_nothing(editors):
    """An instance goes on with what it has, asks no more than every few seconds, and catches up afterwards."""
    instance, fresh = editors.instance(), editors.instance()
    editors.out(name=named("One"))
    assert instance.shown().name == named("One")
    instance.down = fresh.down = True
    editors.out(name=named("Two"))
    held = instance.content.signposts()
    asked = instance.asked
    for _ in range(50):
        assert instance.content.signposts() is held
    assert instance.asked <= asked + 1
    assert fresh.shown().name == SEED.signposts()[3].name  # what it has is what is packaged
    assert [fresh.published.of(kind) for kind in ("signpost", "campaign")] == [(), ()]
    instance.down = fresh.down = False
    editors.publish("summer", "campaign", body=b"{}")
    editors.clock.time += SHOWN
    assert [len(fresh.published.of(kind)) for kind in ("signpost", "campaign")] == [1, 1]
    assert [each.shown().name for each in (instance, fresh)] == [named("Two")] * 2


def test_what_could_not_be_read_is_read_as_soon_as_it_can_be(editors):
    """A kind that is first asked for while the store is down is not taken for empty until the next publication."""
    editors.out("summer", "campaign", body=b"{}")
    instance = editors.instance()
    instance.shown()
    instance.down = True
    assert instance.published.of("campaign") == ()
    instance.down = False
    editors.clock.time += 5 * SECOND
    assert len(instance.published.of("campaign")) == 1


def test_an_engine_that_fails_costs_readers_nothing(engine, editors):
    """The same, when it is the engine itself that is gone in the middle of everything."""
    editors.out(name=named("One"))
    instance = editors.instance()
    assert instance.shown().name == named("One")
    with engine.befall("tables-gone"):
        editors.clock.time += LOOK
        assert instance.shown().name == named("One")
        assert editors.instance().shown() == next(each for each in SEED.signposts() if each.id == "get-help")


def test_an_older_edition_is_no_news(editors):
    """A store that was put back to an earlier state does not take readers back behind what they have seen."""
    instance = editors.instance()
    editors.out(name=named("One"))
    assert instance.shown().name == named("One")
    before = instance.content.signposts()

    class PutBack:
        def edition(self):
            return 0

        def published(self, _kind):
            return 0, ()

    instance._publications = PutBack()
    editors.clock.time += LOOK
    assert instance.content.signposts() is before


def test_whoever_asks_while_another_looks_is_not_shown_what_is_old(editors):
    """An instance that has slept answers nobody with what it held before, not even whoever asks in the same moment."""
    instance = editors.instance()
    instance.shown()
    editors.publish(name=named("New"))
    editors.clock.time += timedelta(hours=1)
    begun, go_on = threading.Event(), threading.Event()
    opened = instance._publications.edition

    def slowly():
        begun.set()
        assert go_on.wait(10)
        return opened()

    instance._publications.edition = slowly
    seen = []
    readers = [threading.Thread(target=lambda: seen.append(instance.shown().name)) for _ in range(2)]
    readers[0].start()
    assert begun.wait(10)
    readers[1].start()
    assert not seen
    go_on.set()
    for reader in readers:
        reader.join(10)
    assert seen == [named("New")] * 2


def test_a_clock_that_was_set_back_does_not_stop_the_looking(editors):
    """An instance whose clock jumps back by an hour looks at once, and not after that hour."""
    instance = editors.instance()
    instance.shown()
    looked = instance.asked
    editors.clock.time -= timedelta(hours=1)
    instance.shown()
    assert instance.asked == looked + 1
