"""What only DynamoDB has: policies by key, an index, units, and a trail in pages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import engines
import pytest
from heads import build_referral

from chalicelib.adapters import dynamodb_items, dynamodb_queue, dynamodb_trail
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_connection import Connection, Patience
from chalicelib.adapters.dynamodb_queue import CROWD
from chalicelib.adapters.dynamodb_shred import DynamoShredKeys
from chalicelib.adapters.dynamodb_table import REQUESTS, SHRED_KEYS, TTL, Table
from chalicelib.config import Settings
from chalicelib.domain import audit, requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import LANES, Outcome, Rules, Status
from chalicelib.domain.slots import Window
from chalicelib.http.problems import RoundFailed
from chalicelib.ports import Ask, ContentName, Message, PartnerFull, ReferenceTaken, SlotFull
from chalicelib.wiring import House

KEY = b"audit key"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LEASE = timedelta(minutes=20)
PUBLIC = {
    "GetItem": ("r#", "n#", "s#", "line"),
    "BatchGetItem": ("r#", "line"),
    "Query": ("r#", "s#"),
    "PutItem": ("r#", "n#", "s#", "owed", "pulse"),
}
"""What the public face may do with the table of requests: each operation, and the partitions that it may touch."""


class Place:
    """Empty tables, and what was asked of them."""

    def __init__(self, name) -> None:
        self.address = engines.make_tables(name)
        _, self.url, self.table = self.address.split("|")
        self.asked, self.units = [], {"write": 0.0, "read": 0.0}
        self.connection = engines.connection(self.url, meter=self._meter)
        events = self.connection.client.meta.events
        events.register("provide-client-params.dynamodb", self._note, unique_id="asked")

    def open(self, audit_key=lambda: KEY, **more):
        """Open the store."""
        return DynamoStore(Table(self.connection, self.table), audit_key=audit_key, **more)

    def close(self):
        """Throw the tables away."""
        self.connection.client.meta.events.unregister("provide-client-params.dynamodb", unique_id="asked")
        engines.drop_tables(self.address)

    def items(self):
        """Read everything that is kept."""
        return {(item["p"], item["s"]): item for item in Table(self.connection, self.table).scan()}

    def _note(self, params, model, **_):
        self.asked.append((model.name, params))

    def _meter(self, operation, consumed):
        kind = "write" if operation.startswith(("put", "delete", "transact")) else "read"
        for each in consumed if isinstance(consumed, list) else [consumed or {}]:
            self.units[kind] += each.get("CapacityUnits", 0)


@pytest.fixture(params=engines.NAMES)
def place(request):
    """An engine with empty tables."""
    reason = engines.why_not(request.param)
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    made = Place(request.param)
    yield made
    made.close()


def claim(store, who, now, reference=None, lanes=LANES):
    """Claim as the desk does."""

    def deeds(met):
        return [Deed(at=now, actor=who, verb=str(met.status), request_id=met.request_id, number=met.number)]

    quoted = reference is not None
    decide = partial(requests.claim, practitioner=who, token=None, now=now, lease=LEASE, quoted=quoted)
    return store.claim(
        Ask(practitioner=who, lanes=lanes, claim_limit=500, reference=reference), decide, now=now, deeds=deeds
    )


def partitions(operation, params):
    """Name the partitions that a call touches."""
    if operation == "Query":
        return [params["ExpressionAttributeValues"][":partition"]["S"]]
    if operation == "BatchGetItem":
        return [key["p"]["S"] for asked in params["RequestItems"].values() for key in asked["Keys"]]
    return [(params.get("Key") or params["Item"])["p"]["S"]]


def no_key():
    """Stand for a face that does not have the key of the trail."""
    raise AssertionError


def test_the_public_face_needs_keyed_calls_on_its_own_partitions_only(place, head, now, monkeypatch):
    """No index, no scan, no deletion, nobody's hand, and not the key of the trail: a policy can say no to all of it."""
    monkeypatch.setattr(dynamodb_queue, "REMEMBERED", 0)
    store, desk = place.open(audit_key=no_key, shards=16), place.open(shards=16)
    slot, other = Window(starts_at=now, ends_at=now + 2 * HOUR), Window(starts_at=now + DAY, ends_at=now + DAY + HOUR)
    letter = Message(message_id="m", author="requester", sent_at=now, for_desk=b"x")
    for name in ("waiting", "claimed"):
        store.submit(head(name, windows=(slot,)), content=b"sealed", capacity=1 + (name == "claimed"), now=now)
    store.submit(head("doubtful", verified=False), content=b"sealed", capacity=None, now=now)
    claim(desk, "alex", now, reference="amber-claimed")
    desk.recount(now=now)
    place.asked.clear()
    store.submit(head("new", windows=(slot,)), content=b"sealed", capacity=3, now=now)
    store.ping()
    assert store.closures() == ()
    assert store.unverified(at_most=5, now=now) == 1
    assert store.slots_taken([slot, other], now=now) == {slot.id: 3}
    for name in ("waiting", "claimed", "new"):
        request = store.get(name, now=now)
        assert store.content(request) == b"sealed"
        store.change(name, partial(requests.choose_slot, slot=other, now=now), now=now, capacity=5)
        store.change(name, lambda request: replace(request, answer_by=now), now=now, messages=[letter])
        assert len(store.messages(name)) == 1
        deed = Deed(at=now, actor="requester", verb="withdraw", request_id=name)
        assert store.withdraw(name, partial(requests.withdraw, now=now), now=now, deed=deed)
    assert place.asked
    for operation, params in place.asked:
        assert "IndexName" not in params, operation
        for partition in partitions(operation, params):
            assert partition.startswith(PUBLIC[operation]), (operation, partition)
    place.asked.clear()
    assert [entry.deed.verb for entry in desk.trail()[0]] == ["claimed", "withdraw", "withdraw", "withdraw"]


def test_a_withdrawal_leaves_husks_and_nothing_sealed(place, head, now):
    """Content and messages are overwritten where they stood, tombstone and husks go with the tombstone's time."""
    store = place.open()
    store.submit(head(), content=b"sealed", capacity=None, now=now)
    letter = Message(message_id="m", author="requester", sent_at=now, for_desk=b"for desk", for_mailbox=b"for mailbox")
    store.change("one", lambda request: request, now=now, messages=[letter])
    deed = Deed(at=now, actor="requester", verb="withdraw", request_id="one")
    store.withdraw("one", partial(requests.withdraw, now=now), now=now, deed=deed)
    kept = [item for (partition, sort), item in place.items().items() if partition == "r#one" and sort != "h"]
    assert len(kept) == 2
    assert all(set(item) == {"p", "s", "x"} for item in kept)


def test_the_round_finishes_an_erasure_that_died(place, head, now, monkeypatch):
    """A withdrawal that died after the tombstone leaves content that nothing opens; the next round erases it too."""
    store = place.open()
    request = store.submit(head(), content=b"sealed", capacity=None, now=now)
    deed = Deed(at=now, actor="requester", verb="withdraw", request_id="one")
    with monkeypatch.context() as dying:
        dying.setattr(store, "_erase", lambda item: None)
        assert store.withdraw("one", partial(requests.withdraw, now=now), now=now, deed=deed)
    assert store.content(request) == b"sealed"
    store.purge(now=now, erase=lambda names: None)
    assert store.content(request) is None


def test_what_belongs_to_a_requester_expires_by_itself(place, head, now):
    """Every such item names the second from which the engine may delete it: after its expiry, and within days of it."""
    store, slot = place.open(), Window(starts_at=now, ends_at=now + HOUR)
    request = store.submit(head(windows=(slot,)), content=b"sealed", capacity=2, now=now)
    letter = Message(message_id="m", author="requester", sent_at=now, for_desk=b"x")
    store.change("one", lambda r: r, now=now, messages=[letter])
    deed = Deed(at=now, actor="sam", verb="look", request_id="one")
    store.change("one", lambda r: r, now=now, deed=deed)
    items = place.items()
    assert len(items) == 6
    for (partition, _), item in items.items():
        ends = slot.ends_at if partition.startswith("s#") else request.expires_at
        assert ends.timestamp() < item[TTL] <= (ends + 8 * DAY).timestamp()
    keys = DynamoShredKeys(Table(place.connection, f"{place.table}-shred"))
    keys.keep({ContentName("one", "b"): b"k"}, expires_at=now)
    (kept,) = Table(place.connection, f"{place.table}-shred").scan()
    assert kept[TTL] == int(now.timestamp())


def test_a_life_costs_what_is_said(place, head, now):
    """A callback with 4 KiB of content and reply takes 26 write units, 10 of them for the two sealed pieces."""
    store, slot = place.open(), Window(starts_at=now, ends_at=now + 2 * HOUR)
    spent = {}

    def note(verb):
        spent[verb], place.units["write"] = place.units["write"], 0.0

    name = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE"
    request = head(name, windows=(slot,), fingerprint="f" * 64)
    keys = DynamoShredKeys(Table(place.connection, f"{place.table}-shred"))
    keys.keep({ContentName(name, "b"): bytes(32)}, expires_at=request.expires_at)
    note("shred")
    store.submit(request, content=bytes(4560), capacity=5, now=now)
    note("submit")
    held = claim(store, "3f2b8c1e-7d54-4a6b-9e0f-1234567890ab", now)
    note("claim")
    fence = {"practitioner": held.claimed_by, "number": held.number, "now": now}
    for verb, transition, letters in (
        ("renew", partial(requests.renew, **fence, lease=LEASE + HOUR), ()),
        (
            "reply",
            partial(requests.held, **fence),
            [Message(message_id="m" * 16, author="helpline", sent_at=now, for_mailbox=bytes(4156))],
        ),
        ("close", partial(requests.close, **fence, outcome=Outcome.ANSWERED, rules=Rules()), ()),
    ):
        deed = Deed(at=now, actor=held.claimed_by, verb=verb, request_id=name, number=1)
        store.change(name, transition, now=now, messages=letters, deed=deed)
        note(verb)
    assert spent == {"shred": 1, "submit": 9, "claim": 4, "renew": 3, "reply": 6, "close": 3}


def test_a_crowd_whose_windows_open_at_once_is_handed_out_in_order(place, head, now):
    """Hidden requests are read where they are; where many have begun, some move to READY, and none is lost or early."""
    store = place.open()
    for number in range(CROWD + 5):
        slot = Window(starts_at=now + HOUR, ends_at=now + 2 * HOUR + number * timedelta(minutes=1))
        store.submit(head(f"r{number:02}", windows=(slot,)), content=b"x", capacity=None, now=now)
    assert claim(store, "early", now) is None
    at = now + HOUR
    taken = []
    while request := claim(store, f"p{len(taken)}", at):
        taken.append(request.request_id)
    assert taken == [f"r{number:02}" for number in range(CROWD + 5)]
    assert sum(params.get("IndexName") is not None for _, params in place.asked) > 0


def test_a_queue_in_shards_is_one_queue(place, head, now):
    """However many partitions a lane is spread over, the most urgent comes first and every figure is the same."""
    store = place.open(shards=3)
    assert claim(store, "early", now) is None
    for number in range(9):
        store.submit(head(f"r{number}", due_at=now + number * HOUR), content=b"x", capacity=None, now=now)
    slot = Window(starts_at=now + DAY, ends_at=now + DAY + HOUR)
    store.submit(head("hidden", windows=(slot,)), content=b"x", capacity=None, now=now)
    assert len({item["q"] for item in place.items().values() if "q" in item}) > 2
    assert [claim(store, f"p{number}", now).request_id for number in range(9)] == [f"r{number}" for number in range(9)]
    assert claim(store, "late", now) is None
    assert [(state.lane, state.waiting, state.claimed) for state in store.lanes(now=now, soon=now)] == [
        ("callback/en", 1, 0),
        ("information/en", 0, 9),
    ]
    assert store.purge(now=now + 200 * DAY, erase=lambda names: None) == 10


def test_a_claim_costs_the_same_however_many_colleagues_hold_something(place, head, now, monkeypatch):
    """Of sixty hands it reads its own, and yet it is given what one of them let lapse, the instant it did."""
    monkeypatch.setattr(dynamodb_queue, "REMEMBERED", DAY.total_seconds() * 1000)
    store = place.open()
    assert claim(store, "early", now) is None
    for number in range(62):
        store.submit(head(f"r{number}", due_at=now + number * HOUR), content=b"x", capacity=None, now=now)
    read = []
    for number in range(61):
        place.units["read"] = 0.0
        assert claim(store, f"colleague-{number:03}", now).request_id == f"r{number}"
        read.append(place.units["read"])
    assert read[0] == read[60]
    early = claim(store, "alex", now + LEASE - timedelta(microseconds=1))
    assert early.request_id == "r61"
    assert claim(store, "alex", now + LEASE).request_id == "r0"


@pytest.mark.parametrize(("public", "desk"), [(16, 1), (1, 16), (16, 16), (16, 4)])
def test_no_request_is_lost_between_functions_that_are_told_different_shards(place, head, now, public, desk):
    """Nobody writes where nobody reads: whatever either face is told, all that was accepted is found."""
    intake, served = place.open(shards=public), place.open(shards=desk)
    for number in range(10):
        intake.submit(head(f"early-{number}"), content=b"x", capacity=None, now=now)
    assert claim(served, "alex", now)
    intake = place.open(shards=public)
    for number in range(10):
        intake.submit(head(f"late-{number}"), content=b"x", capacity=None, now=now)
    spread = {item["q"][-2:] for key, item in place.items().items() if key[0].startswith("r#late") and "q" in item}
    assert len(spread) == 1 if 1 in (public, desk) else len(spread) > 1
    lowered = place.open(shards=1)
    assert [(state.waiting, state.claimed) for state in lowered.lanes(now=now, soon=now)] == [(19, 1)]
    assert len(lowered.open_ids(now=now)) == 20
    taken = 1
    while claim(served if taken % 2 else lowered, f"p{taken}", now):
        taken += 1
    assert taken == 20
    assert lowered.purge(now=now + 200 * DAY, erase=lambda _names: None) == 20


def test_how_far_the_queue_is_spread_only_grows(place, head, now):
    """A smaller setting, or a colleague who is faster with a larger one, leaves what is kept as it is."""
    for setting, kept in ((4, 4), (2, 4), (16, 16), (1, 16)):
        assert claim(place.open(shards=setting), "alex", now) is None
        assert place.items()[dynamodb_items.SHARDS]["n"] == kept
    behind = dynamodb_queue.Shards(Table(place.connection, place.table), 32)
    swap = behind._table.swap

    def overtaken(*asked):
        assert claim(place.open(shards=64), "kim", now) is None
        return swap(*asked)

    behind._table.swap = overtaken
    behind.keep()
    assert place.items()[dynamodb_items.SHARDS]["n"] == 64
    assert behind.to_write() <= 32
    assert behind.to_read() == 64


def let_lapse(store, head, now, names, **changes):
    """Let somebody claim each of some requests and forget it; the last is the most urgent."""
    for number, name in enumerate(names):
        due_at = now + (len(names) - number) * HOUR
        store.submit(head(name, due_at=due_at, **changes), content=b"x", capacity=None, now=now)
        assert claim(store, f"gone-{name}", now + number * timedelta(seconds=1)).request_id == name


def test_lapsed_claims_of_a_lane_that_nobody_serves_hide_no_others(place, head, now, monkeypatch):
    """However many there are, whoever serves another lane is given what is theirs, and soon reads none of them."""
    monkeypatch.setattr(dynamodb_queue, "DUE", 5)
    store = place.open()
    welsh = [f"w{number:02}" for number in range(CROWD + 2)]
    let_lapse(store, head, now, welsh, language="cy")
    let_lapse(store, head, now + timedelta(minutes=1), ["english"])
    later, english = now + HOUR, ("information/en",)
    assert len(store._queue.due(english, later)) == CROWD + 3
    assert claim(store, "kim", later, lanes=english).request_id == "english"
    assert len(store._queue.due(english, later)) <= CROWD
    assert {state.lane: state.waiting for state in store.lanes(now=later, soon=later)} == {
        "information/cy": len(welsh),
        "information/en": 0,
    }
    store.purge(now=later, erase=lambda _names: None)
    assert store._queue.due(LANES, later) == []
    assert [claim(store, f"p{name}", later).request_id for name in reversed(welsh)] == welsh[::-1]
    assert claim(store, "late", later) is None


def test_of_many_that_have_lapsed_the_most_urgent_is_first(place, head, now):
    """Also where it was the last to lapse, behind more than are moved on at once."""
    store = place.open()
    names = [f"r{number:02}" for number in range(CROWD + 2)]
    let_lapse(store, head, now, names)
    later = now + HOUR
    assert [claim(store, f"p{number}", later).request_id for number in range(3)] == names[:-4:-1]


def test_what_one_holds_oneself_is_no_sign_of_faster_colleagues(place, head, now, monkeypatch):
    """An index that still shows it leaves its holder the most urgent of the others; anybody else draws from a few."""
    store, widths = place.open(), []
    for number in range(8):
        store.submit(head(f"r{number}", due_at=now + number * HOUR), content=b"x", capacity=None, now=now)
    shown = list(store._queue.ready(LANES))
    monkeypatch.setattr(store._queue, "ready", lambda _lanes: iter(shown))
    monkeypatch.setattr(store._dice, "randrange", lambda width: widths.append(width) or width - 1)
    for number in range(3):
        held = claim(store, "alex", now)
        assert held.request_id == f"r{number}"
        fence = {"practitioner": "alex", "number": held.number, "now": now}
        deed = Deed(at=now, actor="alex", verb="close", request_id=held.request_id, number=held.number)
        if number:
            done = partial(requests.close, **fence, outcome=Outcome.ANSWERED, rules=Rules())
            store.change(held.request_id, done, now=now, deed=deed)
    assert set(widths) == {1}
    assert claim(store, "kim", now).request_id == "r4"
    assert 4 in widths


def test_a_claim_is_found_again_however_short_its_renewal(place, head, now):
    """A lease that was renewed to end sooner than before lapses when it says, and not when it first would have."""
    store = place.open()
    store.submit(head(), content=b"x", capacity=None, now=now)
    held = claim(store, "alex", now)
    fence = {"practitioner": "alex", "number": held.number, "now": now}
    soon = timedelta(minutes=1)
    store.change("one", partial(requests.renew, **fence, lease=soon), now=now)
    assert claim(store, "kim", now + soon - timedelta(microseconds=1)) is None
    assert claim(store, "kim", now + soon).number == 2


def test_a_request_that_its_former_holder_fails_to_take_back_is_lost_to_nobody(place, head, now):
    """Its head changes in the instant between reading and writing; they are given another, and it waits for anybody."""
    store, other = place.open(), place.open()
    store.submit(head("one", due_at=now), content=b"x", capacity=None, now=now)
    assert claim(store, "alex", now).request_id == "one"
    store.submit(head("two", due_at=now + HOUR), content=b"x", capacity=None, now=now)
    lapsed, write = now + LEASE + timedelta(minutes=10), store._write

    def overtaken(item, changed, **more):
        store._write = write
        other.trail()  # takes the deeds off the head
        return write(item, changed, **more)

    store._write = overtaken
    assert claim(store, "alex", lapsed).request_id == "two"
    assert [each.request_id for each in other.claimed(now=lapsed)] == ["one", "two"]
    assert [(state.waiting, state.claimed) for state in other.lanes(now=lapsed, soon=lapsed)] == [(1, 1)]
    assert claim(other, "kim", lapsed).request_id == "one"


def test_a_lapsed_request_is_hidden_from_nobody_by_a_claim_that_died(place, head, now):
    """Its former holder said that they would take it again, and did not: colleagues are given it at once."""
    store = place.open()
    store.submit(head(), content=b"x", capacity=None, now=now)
    assert claim(store, "alex", now)

    def die(*_, **__):
        raise Unavailable("storage")

    lapsed = now + LEASE + timedelta(minutes=10)
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(store, "_write", die)
        with pytest.raises(Unavailable):
            claim(store, "alex", lapsed)
    assert [state.waiting for state in store.lanes(now=lapsed, soon=lapsed)] == [1]
    assert claim(store, "kim", lapsed).number == 2


def test_a_claim_from_before_leases_were_in_the_index_lapses_as_any_other(place, head, now):
    """The round puts it there, so that whoever asks after the lease is given it: an upgrade loses nobody."""
    store = place.open()
    store.submit(head(), content=b"sealed", capacity=None, now=now)
    held = claim(store, "alex", now)
    key = dynamodb_items.head_key(held.request_id)
    before = {name: value for name, value in place.items()[key].items() if name not in ("q", "o", "i")}
    Table(place.connection, place.table).put(before)
    later = held.lease_until + timedelta(minutes=1)
    assert claim(store, "kim", later) is None
    store.purge(now=now, erase=lambda _names: None)
    after = place.items()[key]
    assert after["q"].startswith("C#")
    assert before.pop("t")  # its deed, which the round has moved to the trail
    written = ("q", "o", "i", "v", "w")
    assert after == before | {name: after[name] for name in written}
    again = claim(store, "kim", later)
    assert (again.number, again.lapses, again.claimed_by) == (2, 1, "kim")


def test_what_an_earlier_version_wrote_into_lists_is_read(place, head, now):
    """Hands, slots, references and referrals that it wrote had four fields a row: an upgrade refuses nobody for it."""
    store, table = place.open(), Table(place.connection, place.table)
    slot = Window(starts_at=now + HOUR, ends_at=now + 2 * HOUR)
    store.submit(build_referral(windows=(slot,)), content=b"x", capacity=2, referrals=2, now=now)
    held = claim(store, "alex", now + HOUR)
    lease = int(held.lease_until.timestamp() * 1_000_000)
    said = {
        dynamodb_items.hand_key("alex"): ["one", 2, 1795516200000, lease],
        dynamodb_items.slot_key(slot): ["one", 1, 1795516200000, 0],
        dynamodb_items.reference_key(held.reference): ["one", 1, 1795516200000, 0],
        dynamodb_items.partner_key("north-hub"): ["one", 1, 1795516200000, 0],
    }
    items = place.items()
    for key, row in said.items():
        assert json.loads(items[key]["l"])[0][:2] == row[:2]
        table.put({**items[key], "l": json.dumps([row])})
    assert [each.request_id for each in store.held_by("alex", now=now + HOUR)] == ["one"]
    assert store.slots_taken([slot], now=now) == {slot.id: 1}
    with pytest.raises(ReferenceTaken):
        store.submit(head("two", reference=held.reference), content=b"x", capacity=None, now=now)
    store.submit(build_referral("three", windows=(slot,)), content=b"x", capacity=2, referrals=2, now=now)
    for full, error in (({"capacity": 2}, SlotFull), ({"capacity": 9, "referrals": 2}, PartnerFull)):
        with pytest.raises(error):
            store.submit(build_referral("four", windows=(slot,)), content=b"x", now=now, **full)
    assert [state.claimed for state in store.lanes(now=now, soon=now)] == [1]
    lapsed = held.lease_until
    assert claim(store, "kim", lapsed, reference=held.reference).number == 2
    assert store.purge(now=now + 200 * DAY, erase=lambda _names: None) == 2


class Slow(Connection):
    """A table that gives one item at a time, and answers every call well, in 0.3 seconds by the clock that it moves."""

    time = 0.0

    def _attempt(self, operation, parameters):
        self.time += 0.3
        if operation == "scan" or parameters.get("IndexName"):
            parameters = {**parameters, "Limit": 1}
        return super()._attempt(operation, parameters)


@pytest.mark.parametrize("round_", ["purge", "watch", "ring"])
def test_a_round_takes_the_time_that_it_needs(place, head, now, tmp_path, round_):
    """With twenty slow pages to read it is not cut short; a person, who would wait for them, is."""
    store, keys = place.open(), DynamoShredKeys(Table(place.connection, f"{place.table}-shred"))
    for number in range(20):
        store.submit(head(f"r{number}"), content=b"x", capacity=None, now=now)
        keys.keep({ContentName(f"r{number}", "b"): b"k" * 32}, expires_at=now)
        keys.keep({ContentName(f"r{number}", f"body-r{number}"): b"k" * 32}, expires_at=now + DAY)
    settings = Settings(
        home=tmp_path,
        store="dynamodb",
        table=place.table,
        shred_table=f"{place.table}-shred",
        counters_table=f"{place.table}-counters",
        clock_starts_at=now,
    )
    house = House(settings)
    slow = Slow(patience=Patience(clock=lambda: slow.time, sleep=lambda seconds: None))
    slow._client = place.connection.client
    house.__dict__["_dynamodb"] = slow
    look = {"purge": house.retention.hourly, "watch": house.watch.look, "ring": house.triggers.doorkeeping.round}[
        round_
    ]
    figures = house.problems.round(lambda trigger: look())("now")
    assert {"purge": {"purged": 0, "trail_broken": False}, "watch": {"Waiting": 20}, "ring": {"lanes": 1}}[
        round_
    ].items() <= figures.items()
    assert slow.time > 20 * 0.3
    assert len(list(Table(place.connection, f"{place.table}-shred").scan())) == (20 if round_ == "purge" else 40)
    with pytest.raises(Unavailable):
        house.store.lanes(now=now, soon=now)


def test_a_round_ends_when_the_table_refuses_for_good(tmp_path, place):
    """Each call is tried again for seconds, not for ever; the round fails, and AWS counts it."""
    house = House(Settings(home=tmp_path, store="dynamodb", table=place.table))
    clock = {"now": 0.0}

    def sleep(seconds):
        clock["now"] += seconds + 0.01

    connection = Connection(patience=Patience(clock=lambda: clock["now"], sleep=sleep))
    connection._client = place.connection.client
    connection._attempt = lambda operation, parameters: {
        "Responses": {},
        "UnprocessedKeys": {place.table: {"Keys": parameters["RequestItems"][place.table]["Keys"]}},
    }
    house.__dict__["_dynamodb"] = connection
    with pytest.raises(RoundFailed):
        house.problems.round(lambda trigger: house.store._table.get_many([("r#one", "h")]))("now")
    assert clock["now"] < 3


def test_a_count_that_nobody_renews_turns_nobody_away(place, head, now):
    """Rounds that have stopped leave a count that may be of a queue long empty: after hours it is none."""
    store = place.open()
    store.submit(head(verified=False), content=b"x", capacity=None, now=now)
    store.recount(now=now)
    assert store.unverified(at_most=5, now=now + HOUR) == 1
    assert store.unverified(at_most=5, now=now + DAY) == 0


def test_the_deed_of_closing_the_line_is_moved_by_the_round(place, now):
    """It rests where the closures are, which the policy of the round must let it write; the closures stay."""
    store, shut = place.open(), Window(starts_at=now, ends_at=now + HOUR)
    store.close_line([shut], deed=Deed(at=now, actor="boss", verb="close-line"))
    assert "t" in place.items()[dynamodb_items.CLOSURES]
    store.purge(now=now, erase=lambda names: None)
    assert "t" not in place.items()[dynamodb_items.CLOSURES]
    assert store.closures() == (shut,)


# --- the trail


@pytest.fixture
def told(place, now):
    """A trail of three pages."""
    store = place.open()
    for page in range(3):
        for number in range(4):
            store.record(Deed(at=now, actor="alex", verb=f"v{page}", number=number))
        store.trail()
    return store


def broken(store):
    """Say where the trail does not fit."""
    entries, head = store.trail()
    return audit.broken_at(entries, head, key=KEY)


def alter(place, key, change):
    """Change an item behind the store's back, or remove it."""
    client = place.connection.client
    if change is None:
        client.delete_item(TableName=place.table, Key={"p": {"S": key[0]}, "s": {"S": key[1]}})
    else:
        item = client.get_item(TableName=place.table, Key={"p": {"S": key[0]}, "s": {"S": key[1]}})["Item"]
        change(item)
        client.put_item(TableName=place.table, Item=item)


def rewrite(item):
    """Let an entry of a page say something else."""
    rows = json.loads(item["e"]["S"])
    rows[1][3] = "nothing"
    item["e"]["S"] = json.dumps(rows)


def reorder(item):
    """Exchange two entries of a page."""
    rows = json.loads(item["e"]["S"])
    rows[1], rows[2] = rows[2], rows[1]
    item["e"]["S"] = json.dumps(rows)


def cut(item):
    """Take the last entry of a page."""
    item["e"]["S"] = json.dumps(json.loads(item["e"]["S"])[:-1])


def rewind(item):
    """Let the end say that there were fewer."""
    item["c"]["N"] = "8"


END = dynamodb_trail.END
TAMPERINGS = {
    "an entry is altered": (("trail", "e#000000000005"), rewrite, 6),
    "entries are reordered": (("trail", "e#000000000005"), reorder, 6),
    "the last entry is cut off": (("trail", "e#000000000009"), cut, 12),
    "the last page is removed": (("trail", "e#000000000009"), None, 9),
    "a page is removed": (("trail", "e#000000000005"), None, 5),
    "the first page is removed": (("trail", "e#000000000001"), None, 1),
    "the end is removed": (END, None, 13),
    "the end is wound back": (END, rewind, 13),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_whatever_is_done_to_the_trail_is_found(place, told, now, tampering):
    """It is found where it is, and stays found when the trail goes on."""
    assert broken(told) is None
    key, change, where = TAMPERINGS[tampering]
    alter(place, key, change)
    assert broken(told) == where
    told.record(Deed(at=now, actor="alex", verb="later"))
    assert broken(told) is not None


def test_the_trail_is_moved_by_whoever_is_there(place, head, now):
    """Rounds that run at once move each deed once; a page that one of them left behind the end is taken in."""
    store, other = place.open(), place.open()
    for number in range(70):
        store.record(Deed(at=now, actor="alex", verb="open", number=number))
    kept = place.items().get(END)
    assert kept is None
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(store._trail, "_move_end", lambda end, page: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.trail()
    entries, end = other.trail()
    assert [entry.deed.number for entry in entries] == list(range(70))
    assert audit.broken_at(entries, end, key=KEY) is None
    assert [key for key in place.items() if key[0] == dynamodb_items.OWED] == []


def test_a_head_that_is_full_of_deeds_is_emptied(place, head, now):
    """However often a claim is renewed between two rounds, its head stays small, and no renewal is left untold."""
    store = place.open()
    store.submit(head(), content=b"x", capacity=None, now=now)
    held = claim(store, "3f2b8c1e-7d54-4a6b-9e0f-1234567890ab", now)
    fence = {"practitioner": held.claimed_by, "number": held.number, "now": now}
    largest = 0
    for _ in range(30):
        deed = Deed(at=now, actor=held.claimed_by, verb="renew", request_id="one", number=1)
        store.change("one", partial(requests.renew, **fence, lease=LEASE), now=now, deed=deed)
        largest = max(largest, len(place.items()["r#one", "h"].get("t", "")))
    assert largest < 800
    assert sum(entry.deed.verb == "renew" for entry in store.trail()[0]) == 30
    assert store.get("one", now=now).status is Status.CLAIMED


def test_the_tables_are_described_once(place):
    """What the engines are given is what a template is compared with."""
    client = place.connection.client
    for name, wanted in ((place.table, REQUESTS), (f"{place.table}-shred", SHRED_KEYS)):
        table = client.describe_table(TableName=name)["Table"]
        assert table["KeySchema"] == wanted["KeySchema"]
        indexes = [
            {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
            for index in table.get("GlobalSecondaryIndexes", [])
        ]
        assert indexes == wanted.get("GlobalSecondaryIndexes", [])


@pytest.mark.parametrize(
    "setting", [{"endpoint": "no address"}, {"endpoint": "http://127.0.0.1:9", "region": "no region"}]
)
def test_a_connection_that_cannot_be_made_is_unavailable(setting):
    """A wrong address or region is one refusal like every other, which repeats nothing of it."""
    store = DynamoStore(Table(Connection(**setting, patience=Patience(again=0.01)), "quietline"), audit_key=no_key)
    with pytest.raises(Unavailable) as refused:
        store.ping()
    assert str(refused.value) == "storage"
    assert refused.value.__suppress_context__
