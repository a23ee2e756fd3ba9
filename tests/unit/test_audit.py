"""The audit trail: whatever is done to it is found, at its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.anchor import FileAnchor
from chalicelib.adapters.sqlite import MIGRATIONS, SqliteStore
from chalicelib.adapters.sqlite_file import Database
from chalicelib.adapters.sqlite_rows import micros
from chalicelib.adapters.sqlite_trail import Chain
from chalicelib.domain.audit import AuditEntry, Deed, TrailHead, append, broken_at, is_genuine, signed
from chalicelib.usecases.auditing import Auditing

KEY = b"audit key"
NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
# Worked out once with another HMAC-SHA256, from the text that the module documents.
MACS = [
    "0f78a8031451533829fa0cc4583939311d842278dd9f8344b961a4ed1c30a335",
    "d0ebe5aa3e2e35f09cbcecb8ecbc4e1574df4b9d632f1c957b570d91799ea9cf",
]


def chain(count, key=KEY):
    """Make a trail of *count* entries and its head."""
    entries, head = [], TrailHead()
    for at in range(count):
        deed = Deed(at=NOW + timedelta(seconds=at), actor="alex", verb="open", request_id=f"r{at % 3}", number=at)
        entries.append(append(head, deed, key=key))
        head = TrailHead(count=entries[-1].seq, mac=entries[-1].mac)
    return entries, signed(head, key=key)


class KeptTrail:
    """A trail as a store gives it, page by page."""

    def __init__(self, entries, head) -> None:
        self._entries, self._head = entries, head
        self.read: list[int] = []

    def trail(self, *, after=0, limit=1000):
        """Read a page."""
        page = [entry for entry in self._entries if entry.seq > after][:limit]
        self.read += [entry.seq for entry in page]
        return page, self._head


class KeptAnchor:
    """An anchor in memory."""

    def __init__(self, head=None) -> None:
        self.head = head

    def read(self):
        """Give it."""
        return self.head

    def keep(self, head):
        """Replace it."""
        self.head = head


def found(entries, head):
    """Look for damage as the domain does, and as the desk does through pages of the store; both must agree."""
    place = broken_at(entries, head, key=KEY)
    page = Auditing(store=KeptTrail(entries, head), key=lambda: KEY, anchor=KeptAnchor()).page(after=0, limit=10)
    assert (page.broken_at is None) is (place is None)
    return place


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_an_untouched_trail_fits(count):
    """From nothing to many: entries are numbered from one and every one fits the one before."""
    entries, head = chain(count)
    assert [entry.seq for entry in entries] == list(range(1, count + 1))
    assert found(entries, head) is None


@pytest.mark.parametrize("place", range(1, 6))
@pytest.mark.parametrize(
    "change",
    [
        {"at": NOW - timedelta(microseconds=1)},
        {"actor": "kim"},
        {"verb": "release"},
        {"request_id": "r9"},
        {"request_id": None},
        {"number": 99},
        {"about": "signpost/get-help"},
        {"number": None},
    ],
)
def test_an_altered_entry_is_found_at_its_place(place, change):
    """Any part of any entry: the first, the last, and whatever lies between."""
    entries, head = chain(5)
    entries[place - 1] = replace(entries[place - 1], deed=replace(entries[place - 1].deed, **change))
    assert found(entries, head) == place


@pytest.mark.parametrize("place", range(1, 6))
def test_a_removed_entry_is_found_at_its_place(place):
    """A gap is found where it is, the last entry included."""
    entries, head = chain(5)
    del entries[place - 1]
    assert found(entries, head) == place


@pytest.mark.parametrize("place", range(1, 6))
def test_a_removed_entry_is_found_though_the_rest_is_numbered_anew(place):
    """Closing the gap in the numbers does not close it in the chain."""
    entries, head = chain(5)
    del entries[place - 1]
    entries = [replace(entry, seq=at) for at, entry in enumerate(entries, 1)]
    assert found(entries, head) == place


@pytest.mark.parametrize("place", range(1, 5))
@pytest.mark.parametrize("numbered", [True, False])
def test_reordered_entries_are_found_at_the_first(place, numbered):
    """Two neighbours that changed places are found, with their numbers or without."""
    entries, head = chain(5)
    entries[place - 1], entries[place] = entries[place], entries[place - 1]
    if numbered:
        entries = [replace(entry, seq=at) for at, entry in enumerate(entries, 1)]
    assert broken_at(entries, head, key=KEY) == place


@pytest.mark.parametrize("left", range(5))
def test_a_trail_that_was_cut_off_is_found_at_the_cut(left):
    """Whatever was taken off the end, even everything, the head still knows of it."""
    entries, head = chain(5)
    assert found(entries[:left], head) == left + 1


@pytest.mark.parametrize("place", range(1, 7))
def test_an_entry_put_in_is_found_at_its_place(place):
    """An entry that was made up, without the key, fits nowhere."""
    entries, head = chain(5)
    forged = AuditEntry(seq=place, deed=replace(entries[0].deed, actor="kim"), mac=entries[0].mac)
    assert broken_at([*entries[: place - 1], forged, *entries[place - 1 :]], head, key=KEY) == place


def test_a_forged_head_is_found_after_the_last():
    """A head that fits no trail, or an older one, or a longer one, is found behind the last entry."""
    entries, head = chain(5)
    for forged in (
        replace(head, mac="0" * 64),
        replace(head, count=6),
        replace(head, count=4),
        TrailHead(count=4, mac=entries[3].mac),
        signed(TrailHead(count=4, mac=entries[3].mac), key=KEY),
        replace(head, seal=""),
        signed(head, key=b"another key"),
        TrailHead(),
    ):
        assert broken_at(entries, forged, key=KEY) == 6
        page = Auditing(store=KeptTrail(entries, forged), key=lambda: KEY, anchor=KeptAnchor()).page(after=0, limit=10)
        assert page.broken_at is not None or forged.count < 5


@pytest.mark.parametrize("left", range(5))
def test_an_earlier_entry_cannot_be_passed_off_as_the_last(left):
    """Cut off together with its head, a trail fits; but nobody without the key can sign that head."""
    entries, head = chain(5)
    last = TrailHead() if left == 0 else TrailHead(count=left, mac=entries[left - 1].mac)
    for seal in ("", head.seal, "0" * 64):
        forged = replace(last, seal=seal)
        assert not is_genuine(forged, key=KEY)
        assert found(entries[:left], forged) == left + 1
    assert found(entries[:left], signed(last, key=KEY)) is None


def test_a_whole_trail_made_with_another_key_is_found_at_once():
    """Rewriting everything needs the key."""
    entries, head = chain(5, key=b"another key")
    assert found(entries, head) == 1


def test_a_page_is_checked_from_where_it_starts():
    """A page fits the end of the page before, and no other."""
    entries, head = chain(5)
    third = TrailHead(count=3, mac=entries[2].mac)
    assert broken_at(entries[3:], head, key=KEY, after=third) is None
    assert broken_at(entries[3:], head, key=KEY, after=replace(third, mac="0" * 64)) == 4
    assert broken_at(entries[4:], head, key=KEY, after=third) == 4


def test_the_whole_trail_is_checked_whatever_page_is_read():
    """Damage in the first entry is told on the last page too, also in a trail of more than one step."""
    entries, head = chain(2300)
    auditing = Auditing(store=KeptTrail(entries, head), key=lambda: KEY, anchor=KeptAnchor())
    assert auditing.page(after=2299, limit=1).broken_at is None
    entries[1500] = replace(entries[1500], deed=replace(entries[1500].deed, actor="kim"))
    page = auditing.page(after=2299, limit=1)
    assert ([entry.seq for entry in page.entries], page.count, page.broken_at) == ([2300], 2300, 1501)


@given(st.lists(st.text(max_size=8), min_size=2, max_size=2), st.lists(st.text(max_size=8), min_size=2, max_size=2))
def test_no_two_deeds_share_a_mac(first, second):
    """Where one word ends and the next begins is part of what is chained."""
    macs = {append(TrailHead(), Deed(at=NOW, actor=actor, verb=verb), key=KEY).mac for actor, verb in (first, second)}
    assert (len(macs) == 1) is (first == second)


def test_the_chain_stays_what_it_was():
    """A vector that never changes: trails that were written before an update must still verify after it."""
    entries, _ = chain(2)
    assert [entry.mac for entry in entries] == MACS


def test_any_of_ten_thousand_entries_altered_removed_reordered_or_cut_off_is_found():
    """
    Every single place in a long trail: what comes before it verifies, and it is found where it is.

    A check walks the chain from its start, so whatever stands before the damage is checked once, and each place then
    with the entries around it alone.
    """
    count = 10_000
    entries, head = chain(count)
    assert broken_at(entries, head, key=KEY) is None
    befores = [TrailHead(), *(TrailHead(count=entry.seq, mac=entry.mac) for entry in entries)]
    for at, entry in enumerate(entries):
        before, after = befores[at], entries[at + 1 : at + 2]
        altered = replace(entry, deed=replace(entry.deed, actor="sam"))
        damaged = {"altered": [altered, *after], "removed": after, "cut off": [], "reordered": [*after, entry]}
        if not after:
            del damaged["reordered"]
        for damage, left in damaged.items():
            assert broken_at(left, head, key=KEY, after=before) == at + 1, (damage, at)


def test_a_trail_put_back_with_its_own_older_head_is_found_at_the_anchor():
    """Cut off together with its head it verifies in itself; it cannot reach back behind the last anchor unseen."""
    entries, head = chain(9)
    older = chain(5)
    anchor = KeptAnchor()
    assert Auditing(store=KeptTrail(entries[:7], chain(7)[1]), key=lambda: KEY, anchor=anchor).set_anchor()
    auditing = partial(Auditing, key=lambda: KEY, anchor=anchor)
    assert auditing(store=KeptTrail(entries, head)).page(after=0, limit=10).broken_at is None
    assert auditing(store=KeptTrail(*older)).page(after=0, limit=10).broken_at == 6
    assert auditing(store=KeptTrail(*chain(0))).page(after=0, limit=10).broken_at == 1


def test_a_trail_that_went_another_way_since_an_older_head_is_found_at_the_anchor():
    """Put back to an older head and grown on from there, it is long enough, and still not the one that was anchored."""
    entries, head = chain(5)
    longer, last = list(entries), head
    for at in range(4):
        longer.append(append(last, Deed(at=NOW, actor="eve", verb="open", number=at), key=KEY))
        last = TrailHead(count=longer[-1].seq, mac=longer[-1].mac)
    anchor = KeptAnchor(chain(7)[1])
    auditing = Auditing(store=KeptTrail(longer, signed(last, key=KEY)), key=lambda: KEY, anchor=anchor)
    assert auditing.page(after=0, limit=10).broken_at == 7
    assert not auditing.set_anchor()
    assert anchor.head == chain(7)[1]


def test_an_anchor_is_set_by_reading_what_came_after_the_last_one():
    """However long the trail is, a round reads the entry at the anchor and those since; a reader has all verified."""
    entries, head = chain(3000)
    anchor, trail = KeptAnchor(chain(2990)[1]), KeptTrail(entries, head)
    auditing = Auditing(store=trail, key=lambda: KEY, anchor=anchor)
    assert auditing.set_anchor()
    assert anchor.head == head
    assert sorted(trail.read) == [1, *range(2990, 3001)]
    trail.read.clear()
    assert auditing.page(after=0, limit=1).broken_at is None
    assert set(trail.read) == set(range(1, 3001))
    entries[4] = replace(entries[4], deed=replace(entries[4].deed, actor="kim"))
    assert auditing.page(after=0, limit=1).broken_at == 5


@pytest.mark.parametrize("at", range(4, 10))
@pytest.mark.parametrize("damage", ["altered", "made up", "removed"])
def test_damage_from_the_last_anchor_on_keeps_the_anchor_where_it_is(at, damage):
    """The entry at the anchor is looked at, and every one behind it is chained to it."""
    entries, head = chain(9)
    fourth = chain(4)[1]
    anchor = KeptAnchor(fourth)
    if damage == "removed":
        del entries[at - 1]
    else:
        changed = {"mac": "0" * 64} if damage == "made up" else {"deed": replace(entries[at - 1].deed, actor="kim")}
        entries[at - 1] = replace(entries[at - 1], **changed)
    auditing = Auditing(store=KeptTrail(entries, head), key=lambda: KEY, anchor=anchor)
    # The MAC at the anchor is what is compared there: who alters that entry and leaves its MAC is found by a reader.
    sound = damage == "altered" and at == 4
    assert auditing.set_anchor() is sound
    assert anchor.head == (head if sound else fourth)
    assert auditing.page(after=0, limit=1).broken_at == at


def test_an_anchor_that_nobody_signed_is_told(tmp_path):
    """A file that was damaged or made up is not taken for "no anchor yet"."""
    anchor = FileAnchor(tmp_path / "trail.anchor")
    entries, head = chain(3)
    auditing = Auditing(store=KeptTrail(entries, head), key=lambda: KEY, anchor=anchor)
    assert auditing.page(after=0, limit=10).broken_at is None
    assert auditing.set_anchor()
    assert anchor.read() == head
    assert auditing.page(after=0, limit=10).broken_at is None
    for damage in (b"", b"{}", b"[]", b'{"count": 1, "mac": "m", "seal": "s"}'):
        (tmp_path / "trail.anchor").write_bytes(damage)
        assert auditing.page(after=0, limit=10).broken_at == 4


class BusyTrail(KeptTrail):
    """A trail that grows, and is anchored by somebody else, while it is read."""

    def __init__(self, entries, head, happens) -> None:
        super().__init__(entries, head)
        self._happens = happens

    def trail(self, *, after=0, limit=1000):
        """Read a page, and let it happen."""
        page = super().trail(after=after, limit=limit)
        self._happens()
        return page


def test_a_round_that_is_overtaken_by_another_cries_no_wolf_and_sets_nothing_back():
    """Two rounds at once: the slower one sees a shorter trail than the anchor that the other has set meanwhile."""
    entries, head = chain(5)
    anchor = KeptAnchor()
    longer = chain(9)[1]
    trail = BusyTrail(entries, head, lambda: anchor.keep(longer))
    assert Auditing(store=trail, key=lambda: KEY, anchor=anchor).page(after=0, limit=10).broken_at is None
    anchor.keep(chain(2)[1])
    assert Auditing(store=trail, key=lambda: KEY, anchor=anchor).set_anchor()


def test_an_anchor_never_moves_back():
    """Where nothing has been added since, it stays."""
    entries, head = chain(5)
    kept = []
    anchor = KeptAnchor(head)
    anchor.keep = kept.append
    assert Auditing(store=KeptTrail(entries, head), key=lambda: KEY, anchor=anchor).set_anchor()
    assert kept == []


@pytest.mark.parametrize("change", [{"about": "signpost/shore"}, {"about": None}, {"about": "", "number": None}])
def test_what_a_deed_is_about_is_bound_like_the_rest(change):
    """An entry that tells of a record fits; told of another one, or of none, it does not."""
    told = append(TrailHead(), Deed(at=NOW, actor="eve", verb="publish", number=3, about="signpost/get-help"), key=KEY)
    head = signed(TrailHead(count=1, mac=told.mac), key=KEY)
    assert found([told], head) is None
    assert found([replace(told, deed=replace(told.deed, **change))], head) == 1


def test_a_trail_from_before_there_were_records_still_fits(tmp_path):
    """A file of the version before is brought up to date when it is opened: its old entries fit, new ones follow."""
    first = append(TrailHead(), Deed(at=NOW, actor="alex", verb="open", request_id="r1", number=1), key=KEY)
    before = Database(tmp_path / "quietline.db", MIGRATIONS[:2], on_create=Chain(KEY).begin)
    row = (1, micros(NOW), "alex", "open", "r1", 1, first.mac)
    head = signed(TrailHead(count=1, mac=first.mac), key=KEY)
    before.write(lambda db: db.execute("INSERT INTO trail VALUES (?, ?, ?, ?, ?, ?, ?)", row) and None)
    before.write(lambda db: db.execute("UPDATE trail_head SET count = 1, mac = ?, seal = ?", (head.mac, head.seal)))
    before.close()
    store = SqliteStore(tmp_path / "quietline.db", audit_key=KEY)
    store.record(Deed(at=NOW, actor="eve", verb="publish", number=1, about="signpost/get-help"))
    entries, head = store.trail()
    assert [each.deed.about for each in entries] == [None, "signpost/get-help"]
    assert broken_at(entries, head, key=KEY) is None
    store.close()
