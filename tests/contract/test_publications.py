"""What every engine behind the `Publications` port promises, bullet by bullet of `chalicelib/ports.py`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import engines
import pytest

from chalicelib.domain.audit import Deed, TrailHead, broken_at
from chalicelib.domain.errors import Conflict, Unavailable
from chalicelib.ports import Version, Written

MINUTE = timedelta(minutes=1)
BODY = b'{"id": "get-help", "name": "\xc3\x82"}\x00\xff'


class Desk:
    """Editors at work: each write with the deed that tells of it."""

    def __init__(self, store, now) -> None:
        self.publications, self.now = engines.open_publications(store), now

    def deed(self, verb, record_id, by):
        """Tell what *by* did to a record."""
        return Deed(at=self.now, actor=by, verb=verb, about=f"signpost/{record_id}")

    def draft(self, record_id="get-help", body=BODY, *, revision=0, by="eve", kind="signpost"):
        """Write a draft."""
        deed = self.deed("draft", record_id, by)
        return self.publications.draft(kind, record_id, body, revision=revision, deed=deed)

    def publish(self, record_id="get-help", body=BODY, *, revision=0, by="eve", kind="signpost"):
        """Publish."""
        deed = self.deed("publish", record_id, by)
        return self.publications.publish(kind, record_id, body, revision=revision, deed=deed)

    def discard(self, record_id="get-help", *, revision, by="eve"):
        """Throw a draft away."""
        self.publications.discard("signpost", record_id, revision=revision, deed=self.deed("discard", record_id, by))

    def record(self, record_id="get-help"):
        """Read a record."""
        return self.publications.record("signpost", record_id)


@pytest.fixture
def desk(store, now):
    """Editors of a store in which nobody has written anything."""
    return Desk(store, now)


def version(now, revision, body=BODY, *, by="eve", record_id="get-help"):
    """Say what a version must be."""
    return Version(kind="signpost", record_id=record_id, revision=revision, body=body, by=by, at=now)


def test_nothing_has_been_written(desk):
    """Before anybody writes there is edition 0, and neither record nor history."""
    nothing = desk.publications
    assert nothing.edition() == 0
    assert nothing.published("signpost") == (0, ())
    assert nothing.written("signpost") == {}
    assert nothing.record("signpost", "get-help") is None
    assert nothing.history("signpost", "get-help") == ()


def test_a_draft_is_seen_by_editors_and_by_no_reader(desk, now):
    """A draft is kept byte by byte, with who and when; what readers see does not move."""
    assert desk.draft() == version(now, 1)
    assert desk.record() == Written(draft=version(now, 1), published=None)
    assert desk.publications.written("signpost") == {"get-help": desk.record()}
    assert desk.publications.published("signpost") == (0, ())
    assert desk.publications.history("signpost", "get-help") == ()


def test_a_publication_takes_the_place_of_the_draft(desk, now):
    """What is published is out at once, is counted, and leaves no draft behind."""
    desk.draft(body=b"draft")
    assert desk.publish(revision=1, by="ed") == version(now, 2, by="ed")
    assert desk.record() == Written(draft=None, published=version(now, 2, by="ed"))
    assert desk.publications.published("signpost") == (1, (version(now, 2, by="ed"),))
    assert desk.publications.edition() == 1


def test_what_is_out_stays_out_while_a_draft_is_written(desk, now):
    """Readers keep what was published until the draft is, and editors see both."""
    desk.publish()
    desk.draft(body=b"better", revision=1)
    assert desk.record() == Written(draft=version(now, 2, b"better"), published=version(now, 1))
    assert desk.publications.published("signpost") == (1, (version(now, 1),))


def test_the_next_draft_takes_the_place_of_the_one_before(desk, now):
    """There is one draft of a record, the newest, and it is the revision that the next write must know."""
    desk.draft(body=b"one")
    desk.draft(body=b"two", revision=1, by="ed")
    assert desk.record() == Written(draft=version(now, 2, b"two", by="ed"), published=None)
    assert desk.record().revision == 2


def test_a_draft_is_thrown_away(desk, now):
    """What is out is the record again; where nothing was out, there is no record."""
    desk.publish()
    desk.draft(body=b"worse", revision=1)
    desk.discard(revision=2)
    assert desk.record() == Written(draft=None, published=version(now, 1))
    desk.draft("new")
    desk.discard("new", revision=1)
    assert desk.record("new") is None
    assert list(desk.publications.written("signpost")) == ["get-help"]


def test_a_revision_is_never_used_twice(desk):
    """Whoever saw a draft that was thrown away cannot overwrite the one that was written since."""
    desk.publish()
    assert desk.draft(body=b"seen", revision=1).revision == 2
    desk.discard(revision=2)
    assert desk.draft(body=b"unseen", revision=1).revision > 2
    with pytest.raises(Conflict, match="edited-meanwhile"):
        desk.draft(body=b"over it", revision=2)


@pytest.mark.parametrize("verb", ["draft", "publish", "discard"])
@pytest.mark.parametrize("revision", [0, 1, 3])
def test_a_write_that_does_not_know_the_newest_is_refused(desk, verb, revision):
    """Of two editors who began from the same revision the second is refused, and nothing of it is written."""
    desk.publish(body=b"first")
    desk.draft(body=b"second", revision=1)
    before, trail = desk.record(), desk.publications.edition()
    with pytest.raises(Conflict, match="edited-meanwhile"):
        getattr(desk, verb)(revision=revision)
    assert (desk.record(), desk.publications.edition()) == (before, trail)


def test_a_record_that_is_new_must_not_be_there(desk):
    """Who writes a new record has seen none: revision 0 is refused where somebody was first."""
    desk.draft()
    with pytest.raises(Conflict, match="edited-meanwhile"):
        desk.draft(body=b"mine", revision=0)


def test_every_published_version_is_kept(desk, now):
    """The history has each version that was out, newest first, past nine and past ninety-nine, and no draft."""
    for revision in range(110):
        desk.publish(body=b"%d" % revision, revision=revision)
    desk.draft(body=b"draft", revision=110)
    desk.publish("get-help-2")
    told = desk.publications.history("signpost", "get-help")
    assert told == tuple(version(now, each + 1, b"%d" % each) for each in reversed(range(110)))


def test_an_earlier_version_is_published_again(desk, now):
    """Going back is a publication like every other: a new revision, a new edition, and the history goes on."""
    desk.publish(body=b"one")
    desk.publish(body=b"two", revision=1)
    earlier = desk.publications.history("signpost", "get-help")[-1]
    assert desk.publish(body=earlier.body, revision=2) == version(now, 3, b"one")
    assert desk.publications.published("signpost") == (3, (version(now, 3, b"one"),))
    assert [each.body for each in desk.publications.history("signpost", "get-help")] == [b"one", b"two", b"one"]


def test_what_is_taken_down_stays_among_what_is_out(desk, now):
    """A record that was taken down is told to readers as such, with no body: it does not vanish."""
    desk.publish()
    desk.draft(body=None, revision=1)
    assert desk.record().draft == version(now, 2, None)
    desk.publish(body=None, revision=2)
    assert desk.publications.published("signpost") == (2, (version(now, 3, None),))
    assert desk.publications.history("signpost", "get-help")[0] == version(now, 3, None)


def test_records_are_read_in_the_order_of_their_ids(desk):
    """However they were written, readers and editors get one order."""
    for record_id in ("shore", "a-2", "get-help", "a"):
        desk.publish(record_id)
    assert [each.record_id for each in desk.publications.published("signpost")[1]] == ["a", "a-2", "get-help", "shore"]
    assert list(desk.publications.written("signpost")) == ["a", "a-2", "get-help", "shore"]


def test_kinds_are_kept_apart(desk):
    """One name in two kinds is two records; the edition counts the publications of all kinds."""
    desk.publish()
    desk.publish(kind="campaign", body=b"other")
    edition, (only,) = desk.publications.published("signpost")
    assert (edition, only.body) == (2, BODY)
    assert desk.publications.record("campaign", "get-help").published.body == b"other"
    assert len(desk.publications.history("campaign", "get-help")) == 1
    assert desk.publications.written("session") == {}


def test_another_instance_reads_it_at_once(desk, open_again, now):
    """A publication is durable and whole when `publish` returns, for every other process."""
    desk.publish()
    other = engines.open_publications(open_again())
    assert other.edition() == 1
    assert other.published("signpost") == (1, (version(now, 1),))
    assert other.record("signpost", "get-help") == desk.record()


def test_who_did_what_when_is_in_the_trail(desk, store, audit_key, now):
    """Each write is told with its record, and the trail verifies; what was refused is not told."""
    desk.draft()
    desk.publish(revision=1, by="ed")
    with pytest.raises(Conflict):
        desk.draft(revision=1, by="late")
    desk.draft(revision=2)
    desk.discard(revision=3)
    entries, head = store.trail()
    told = [(each.deed.actor, each.deed.verb, each.deed.about, each.deed.at) for each in entries]
    about = "signpost/get-help"
    assert told == [
        ("eve", "draft", about, now),
        ("ed", "publish", about, now),
        ("eve", "draft", about, now),
        ("eve", "discard", about, now),
    ]
    assert broken_at(entries, head, key=audit_key, after=TrailHead()) is None


def test_exactly_one_of_many_editors_wins(desk, store, open_again):
    """Of many who write from one revision at once, in several instances, one is accepted and told, all others hear."""
    desk.publish()
    places = [Desk(open_again(), desk.now) for _ in range(6)]

    def write(at):
        verb = (places[at].draft, places[at].publish)[at % 2]
        try:
            return verb(body=b"%d" % at, revision=1, by=f"editor-{at}")
        except Conflict as refused:
            return refused.code

    with ThreadPoolExecutor(len(places)) as pool:
        answers = list(pool.map(write, range(len(places))))
    (won,) = (each for each in answers if isinstance(each, Version))
    assert answers.count("edited-meanwhile") == len(places) - 1
    written = desk.record()
    assert won in (written.draft, written.published)
    told = [each.deed.actor for each in store.trail()[0] if each.deed.actor.startswith("editor-")]
    assert told == [won.by]


def test_publications_of_different_records_do_not_stand_in_each_others_way(desk, open_again):
    """Editors of different records publish at once, and each publication is counted."""
    places = [Desk(open_again(), desk.now) for _ in range(6)]
    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(lambda at: places[at].publish(f"record-{at}"), range(len(places))))
    edition, out = desk.publications.published("signpost")
    assert (edition, len(out)) == (6, 6)


def test_a_failing_engine_is_unavailable(engine, store, now):
    """Whatever the engine says, it is one refusal, for reads and for writes."""
    desk = Desk(store, now)
    with engine.befall("tables-gone"):
        for ask in (
            desk.publications.edition,
            desk.record,
            desk.draft,
            desk.publish,
            lambda: desk.publications.published("signpost"),
            lambda: desk.publications.written("signpost"),
            lambda: desk.publications.history("signpost", "get-help"),
            lambda: desk.discard(revision=0),
        ):
            with pytest.raises(Unavailable, match="storage"):
                ask()
