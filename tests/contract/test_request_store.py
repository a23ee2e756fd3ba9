"""What every engine behind the `RequestStore` port promises, bullet by bullet of `chalicelib/ports.py`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from heads import build_referral

from chalicelib.adapters import dynamodb, sqlite
from chalicelib.domain import audit, requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import ClaimLost, Conflict, NotFound, Unavailable
from chalicelib.domain.partners import deed_of
from chalicelib.domain.requests import LANES, Kind, Outcome, Rules, Status
from chalicelib.domain.slots import Window
from chalicelib.ports import Ask, ContentName, LaneState, Message, PartnerFull, ReferenceTaken, RequestStore, SlotFull

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=20)
DAY = timedelta(days=1)
RULES = Rules()


class Helpline:
    """The verbs of the helpline on a store, in few words; times are given, never read."""

    def __init__(self, store, head, now) -> None:
        self.store, self.head, self.now = store, head, now
        self.erased = []

    def put(self, name="one", *, capacity=None, content=None, now=None, **changes):
        """Submit a request."""
        now = now or self.now
        request = self.head(name, now=now, **changes)
        sealed = content or f"sealed {name}".encode()
        return self.store.submit(request, content=sealed, capacity=capacity, now=now)

    def refer(self, name="one", *, referrals=None, now=None, deed=None, **changes):
        """Submit a referral."""
        now = now or self.now
        request = build_referral(name, now=now, **changes)
        deed = deed or deed_of(request)
        return self.store.submit(request, content=b"sealed", capacity=None, now=now, referrals=referrals, deed=deed)

    def claim(self, who="alex", now=None, *, lanes=LANES, limit=5, token=None, reference=None, lease=LEASE, deeds=None):
        """Ask for a request."""
        now = now or self.now
        decide = partial(
            requests.claim, practitioner=who, token=token, now=now, lease=lease, quoted=reference is not None
        )
        ask = Ask(practitioner=who, lanes=tuple(lanes), claim_limit=limit, token=token, reference=reference)

        def told(met):
            return [Deed(at=now, actor=who, verb=f"met-{met.status}", request_id=met.request_id, number=met.number)]

        return self.store.claim(ask, decide, now=now, deeds=deeds or told)

    def claimed_names(self, *, now=None, **ask):
        """Claim until there is nothing left and say what came, in order."""
        names = []
        while request := self.claim(f"p{len(names)}", now, **ask):
            names.append(request.request_id)
        return names

    def get(self, name="one", now=None):
        """Read a head."""
        return self.store.get(name, now=now or self.now)

    def change(self, transition, name="one", now=None, **more):
        """Apply a transition of the domain."""
        return self.store.change(name, transition, now=now or self.now, **more)

    def verb(self, verb, request, now=None, **arguments):
        """Apply a verb that needs the number of the claim that *request* is."""
        now = now or self.now
        fenced = partial(verb, practitioner=request.claimed_by, number=request.number, now=now, **arguments)
        return self.change(fenced, request.request_id, now)

    def close(self, request, now=None):
        """Close what was claimed."""
        return self.verb(requests.close, request, now, outcome=Outcome.ANSWERED, rules=RULES)

    def withdraw(self, name="one", now=None, deed=None):
        """Withdraw a request."""
        now = now or self.now
        deed = deed or Deed(at=now, actor="requester", verb="withdraw", request_id=name)
        return self.store.withdraw(name, partial(requests.withdraw, now=now), now=now, deed=deed)

    def purge(self, now, erase=None):
        """Delete what has expired."""
        return self.store.purge(now=now, erase=erase or self.erased.extend)

    def deeds(self):
        """Tell the trail as (actor, verb, request)."""
        entries, _ = self.store.trail()
        return [(entry.deed.actor, entry.deed.verb, entry.deed.request_id) for entry in entries]


@pytest.fixture
def line(store, head, now):
    """A helpline on an empty store."""
    return Helpline(store, head, now)


def window(start, hours=2):
    """Make a window."""
    return Window(starts_at=start, ends_at=start + hours * HOUR)


def message(name="m1", author="requester", sent_at=None, **changes):
    """Make a message."""
    return replace(Message(message_id=name, author=author, sent_at=sent_at, for_desk=b"desk"), **changes)


def unchanged(request):
    """Change nothing."""
    return request


def refuse(request):
    """Refuse whatever it is."""
    raise Conflict("not-now")


UNWRITABLE = Deed(at=None, actor="alex", verb="nothing")
"""A deed that no trail can take: it has no time."""


# --- submit and get


def test_a_submitted_request_is_read_back_field_by_field(line, now):
    """Whatever the domain puts into a head comes back out of the store, to the microsecond."""
    request = line.head(
        windows=(window(now - HOUR), window(now + DAY)),
        language="cy-GB",
        verified=False,
        number=7,
        lapses=2,
        attempts=1,
        missed=1,
        status=Status.CLAIMED,
        lease_until=now + LEASE + 3 * TICK,
        claimed_by="Älex Ö",
        claim_token="token",
        outcome=Outcome.UNREACHABLE,
        closed_at=now,
    )
    assert line.store.submit(request, content=b"x", capacity=None, now=now) == request
    assert line.get() == request


def test_a_referral_is_read_back_with_where_it_came_from(line, now):
    """By whose key, and what was agreed to, stays with a referral through a claim; a tombstone keeps nothing of it."""
    request = line.refer()
    assert line.get().referral == request.referral
    assert line.get().referral.given_on == now.date()
    assert line.claim().referral == request.referral
    line.withdraw()
    assert line.get().referral is None


def test_who_referred_is_told_in_the_same_write(line):
    """The deed is in the trail if the referral was accepted, once however often it is repeated, and else is not."""
    line.refer("a")
    line.refer("a")
    with pytest.raises((AttributeError, TypeError)):
        line.refer("b", deed=UNWRITABLE)
    assert line.get("b") is None
    assert line.deeds() == [("partner/north-hub.abcdefgh", "refer", "a")]


def test_a_partner_has_so_many_unfinished_referrals(line, now):
    """One too many is refused and leaves nothing; other partners, requesters and repeats are not counted."""
    line.refer("a", referrals=2)
    line.refer("b", referrals=2)
    with pytest.raises(PartnerFull):
        line.refer("c", referrals=2)
    assert line.get("c") is None
    assert line.deeds().count(("partner/north-hub.abcdefgh", "refer", "c")) == 0
    assert line.refer("b", referrals=2).request_id == "b"
    line.refer("d", partner="south", referrals=2)
    line.refer("e", referrals=None)
    line.put("f")
    with pytest.raises(PartnerFull):
        line.refer("g", partner="east", referrals=0)


def test_room_for_referrals_comes_back(line, now):
    """What is closed, withdrawn or expired no longer counts; what somebody holds still does."""
    for name in "abc":
        line.refer(name, referrals=3)
    held = line.claim()
    with pytest.raises(PartnerFull):
        line.refer("d", referrals=3)
    line.close(held)
    line.refer("d", referrals=3)
    line.withdraw("b" if held.request_id != "b" else "c")
    line.refer("e", referrals=3)
    with pytest.raises(PartnerFull):
        line.refer("f", referrals=3)
    late = line.get("e").expires_at
    line.refer("g", now=late, referrals=1)


def test_a_partner_that_floods_from_many_sides_gets_no_more_in(line, open_again):
    """However many instances take referrals of one partner in the same moment, no more than may are accepted."""

    def refer(name):
        mine = Helpline(open_again(), line.head, line.now)
        try:
            return mine.refer(name, referrals=3)
        except PartnerFull:
            return None

    with ThreadPoolExecutor(6) as pool:
        accepted = [each for each in pool.map(refer, "abcdefgh") if each is not None]
    assert len(accepted) == 3


def test_content_comes_back_byte_by_byte(line):
    """Sealed content is kept as it is, whatever bytes it holds and however large it is."""
    content = bytes(range(256)) * 500
    assert line.store.content(line.put(content=content)) == content


def test_there_is_no_content_under_another_body_id(line):
    """Content is found by what the head names, so that a stranger's write under the same id is never opened."""
    assert line.store.content(replace(line.put(), body_id="another")) is None


def test_unknown_request_is_none(line):
    """Nobody's id is nobody's request."""
    assert line.get("nobody") is None


def test_submitting_again_gives_the_head_that_is_there(line):
    """A repeat changes nothing: the first head and the first content stay."""
    first = line.put()
    line.claim()
    again = line.put(reference="other-reference", fingerprint="another body", body_id="b2", content=b"other")
    assert (again.fingerprint, again.body_id, again.status) == (first.fingerprint, first.body_id, Status.CLAIMED)
    assert line.store.content(again) == b"sealed one"
    assert line.store.content(replace(again, body_id="b2")) is None


def test_submitting_again_is_no_use_of_room(line, now):
    """A repeat is recognised before the slot is looked at: it is not told that the slot is full of itself."""
    slot = window(now + HOUR)
    first = line.put(windows=(slot,), capacity=1)
    assert line.put(windows=(slot,), capacity=1) == first


def test_submitting_over_a_tombstone_gives_the_tombstone(line, now):
    """A repeat after a withdrawal does not bring the request back."""
    line.put()
    line.withdraw()
    assert line.put().status is Status.WITHDRAWN
    assert line.get().status is Status.WITHDRAWN


def test_submitting_after_expiry_is_a_new_request(line, now):
    """From `expires_at` on the id is free, and nothing of what stood there is left."""
    old = line.put()
    line.change(unchanged, messages=[message(sent_at=now)])
    fresh = line.put(now=old.expires_at, content=b"new")
    assert line.get(now=old.expires_at) == fresh
    assert fresh.expires_at > old.expires_at
    assert line.store.content(fresh) == b"new"
    assert line.store.messages("one") == ()


def test_a_full_slot_takes_no_more(line, now):
    """Capacity bounds who may count on one slot, and what is refused leaves nothing behind."""
    slot = window(now + HOUR)
    line.put("a", windows=(slot,), capacity=2)
    line.put("b", windows=(slot,), capacity=2)
    with pytest.raises(SlotFull):
        line.put("c", windows=(slot,), capacity=2)
    assert line.get("c") is None
    assert line.store.content(line.head("c")) is None
    line.put("d", windows=(window(now + 2 * HOUR),), capacity=2)
    line.put("e", windows=(slot,), capacity=None)
    assert line.store.slots_taken([slot], now=now) == {slot.id: 3}


def test_room_in_a_slot_comes_back(line, now):
    """Somebody who withdraws, chooses another slot or is done with leaves their place to the next."""
    slot = window(now - HOUR)
    for name in "abc":
        line.put(name, windows=(slot,), capacity=3)
    line.withdraw("a")
    line.close(line.claim())
    line.change(partial(requests.choose_slot, slot=window(now + DAY), now=now), "c", capacity=3)
    for name in "def":
        line.put(name, windows=(slot,), capacity=3)
    with pytest.raises(SlotFull):
        line.put("g", windows=(slot,), capacity=3)


def test_only_the_current_window_takes_room(line, now):
    """Further windows, for if the first is missed, do not fill a slot."""
    first, second = window(now + HOUR), window(now + DAY)
    line.put("a", windows=(first, second), capacity=1)
    line.put("b", windows=(second,), capacity=1)
    assert line.store.slots_taken([first, second], now=now) == {first.id: 1, second.id: 1}


def test_a_living_reference_is_given_once(line):
    """Two people are never told the same reference; the refused one leaves nothing behind."""
    line.put("a", reference="amber-falcon")
    with pytest.raises(ReferenceTaken):
        line.put("b", reference="amber-falcon")
    assert line.get("b") is None
    assert line.store.content(line.head("b")) is None


@pytest.mark.parametrize("status", [Status.CLAIMED, Status.CLOSED, Status.PARKED])
def test_a_reference_stays_taken_all_through_a_life(line, status):
    """A request that is claimed, closed or parked still has its reference."""
    line.put("a", reference="amber-falcon")
    line.change(partial(replace, status=status), "a")
    with pytest.raises(ReferenceTaken):
        line.put("b", reference="amber-falcon")


def test_a_reference_is_free_after_withdrawal(line):
    """A tombstone needs no reference."""
    line.put("a", reference="amber-falcon")
    line.withdraw("a")
    assert line.put("b", reference="amber-falcon").reference == "amber-falcon"
    assert line.claim(reference="amber-falcon").request_id == "b"


def test_a_reference_is_free_from_expiry_on(line):
    """An expired request holds its reference one microsecond before, and no longer at the instant itself."""
    old = line.put("a", reference="amber-falcon")
    with pytest.raises(ReferenceTaken):
        line.put("b", reference="amber-falcon", now=old.expires_at - TICK)
    line.put("b", reference="amber-falcon", now=old.expires_at)
    assert line.claim(now=old.expires_at, reference="amber-falcon").request_id == "b"


# --- expiry


def test_an_expired_request_is_gone_to_every_read_and_verb(line, now):
    """At `expires_at` nothing reads, counts or changes it any more, although nobody has purged it yet."""
    slot = window(now - HOUR)
    at = now + 5 * DAY
    for name, changes in {
        "waiting": {},
        "claimed": {"status": Status.CLAIMED, "lease_until": at + HOUR, "claimed_by": "alex", "number": 1},
        "parked": {"status": Status.PARKED},
        "missed": {"visible_at": None},
        "written": {"windows": ()},
    }.items():
        line.put(name, **{"windows": (slot,), "expires_at": at, **changes})
    before, names = at - TICK, ("waiting", "claimed", "parked", "missed", "written")

    def seen(now):
        return (
            [name for name in names if line.get(name, now)],
            [r.request_id for r in line.store.held_by("alex", now=now)],
            [r.request_id for r in line.store.claimed(now=now)],
            {r.request_id for r in line.store.parked(now=now)} >= {"parked", "missed"},
            [(state.waiting, state.claimed, state.parked) for state in line.store.lanes(now=now, soon=now)],
            bool(line.store.slots_taken([slot], now=now)),
        )

    assert seen(before) == (list(names), ["claimed"], ["claimed"], True, [(2, 1, 1), (1, 0, 0)], True)
    assert seen(at) == ([], [], [], False, [], False)
    assert line.claim(now=at) is None
    assert line.claim(now=at, reference="amber-waiting") is None
    assert line.claim(now=at, reference="amber-claimed") is None
    assert line.claim(now=at, reference="amber-written") is None
    assert line.claim(now=before).request_id == "written"
    for name in names:
        with pytest.raises(NotFound):
            line.change(unchanged, name, at)
        assert line.withdraw(name, at) is False


def test_an_expired_claim_does_not_count_against_the_limit(line, now):
    """A claim on a request that has expired is none: the practitioner may take another in its place."""
    line.put("old", expires_at=now + LEASE / 2)
    line.claim(limit=1)
    later = now + LEASE / 2
    line.put("new", now=later)
    assert line.claim(now=later, limit=1).request_id == "new"


def test_an_expired_request_leaves_its_place_in_the_slot(line, now):
    """The guard of a slot counts as the reads do: without what has expired."""
    slot = window(now + 2 * DAY)
    line.put("old", windows=(slot,), expires_at=now + DAY)
    assert line.put("new", windows=(slot,), capacity=1, now=now + DAY).status is Status.WAITING


def test_purge_deletes_what_has_expired_and_only_that(line, now):
    """What has expired goes, content and messages included, with a deed for each; the rest stays."""
    kept, gone = line.put("kept"), line.put("gone", expires_at=now + DAY)
    line.change(unchanged, "gone", messages=[message(sent_at=now)])
    assert line.purge(now=now + DAY - TICK) == 0
    assert line.purge(now=now + DAY) == 1
    assert line.get("gone") is None
    assert line.store.content(gone) is None
    assert line.store.messages("gone") == ()
    assert line.get("kept") == kept
    assert line.store.content(kept) == b"sealed kept"
    assert line.deeds() == [("system", "purge", "gone")]
    assert line.purge(now=now + DAY) == 0


def test_purge_deletes_a_great_many(line, now, audit_key):
    """However many have expired, one call deletes them all."""
    for number in range(420):
        line.put(f"r{number}", expires_at=now + DAY)
    assert line.purge(now=now + DAY) == 420
    entries, trail_head = line.store.trail()
    assert {entry.deed.request_id for entry in entries} == {f"r{number}" for number in range(420)}
    assert audit.broken_at(entries, trail_head, key=audit_key) is None


def test_purge_deletes_tombstones(line, now):
    """A tombstone goes in its time like everything else."""
    line.put()
    line.withdraw()
    assert line.purge(now=now + 25 * HOUR) == 1


def test_details_end_and_nothing_else_does(line, now, audit_key):
    """From `details_until` on a closed request loses its content, and nothing else, with a deed; others keep theirs."""
    ended = {"status": Status.CLOSED, "details_until": now + DAY}
    closed = line.put("closed", **ended)
    line.change(unchanged, "closed", messages=[message(sent_at=now)])
    others = {
        "waiting": line.put("waiting"),
        "later": line.put("later", status=Status.CLOSED, details_until=now + DAY + TICK),
        "before": line.put("before", status=Status.CLOSED),
        "expired": line.put("expired", **ended, expires_at=now + DAY),
    }
    erased = []
    forget = partial(line.store.forget_details, requests.forget_details, erase=erased.extend)
    assert forget(now=now + DAY - TICK) == 0
    assert forget(now=now + DAY) == 1
    assert erased == [(closed.request_id, closed.body_id)]
    assert line.store.content(closed) is None
    assert line.get("closed") == replace(closed, bare=True)
    assert len(line.store.messages("closed")) == 1
    assert {name: line.store.content(head) for name, head in others.items()} == {
        name: f"sealed {name}".encode() for name in others
    }
    assert line.deeds() == [("system", "forget-details", "closed")]
    assert forget(now=now + DAY) == 0
    assert line.withdraw("closed")
    assert audit.broken_at(*line.store.trail(), key=audit_key) is None


def test_details_whose_keys_cannot_be_erased_stay(line, now):
    """A round that fails there deletes nothing, and the next one meets them again."""
    head = line.put(status=Status.CLOSED, details_until=now)

    def refuse(_names):
        raise Unavailable("storage")

    with pytest.raises(Unavailable):
        line.store.forget_details(requests.forget_details, now=now, erase=refuse)
    assert line.store.content(head) == b"sealed one"
    assert line.get().bare is False
    assert line.store.forget_details(requests.forget_details, now=now, erase=lambda _: None) == 1


def test_a_great_many_lose_their_details(line, now, monkeypatch):
    """However many it is, one round does it, in as many steps as it takes."""
    for engine in (sqlite, dynamodb):
        monkeypatch.setattr(engine, "PURGE_STEP", 4)
    for number in range(10):
        line.put(f"r{number}", status=Status.CLOSED, details_until=now)
    steps = []
    assert line.store.forget_details(requests.forget_details, now=now, erase=steps.append) == 10
    assert [len(step) for step in steps] == [4, 4, 2]


def test_what_is_open_is_named(line, now):
    """Waiting, hidden, claimed and parked requests are; closed, withdrawn and expired ones are not."""
    line.put("waiting")
    line.put("hidden", windows=(window(now + DAY),))
    line.put("claimed", due_at=now)
    line.put("parked", status=Status.PARKED)
    line.put("closed", status=Status.CLOSED)
    line.put("expired", expires_at=now)
    line.put("withdrawn")
    line.withdraw("withdrawn")
    assert line.claim().request_id == "claimed"
    wanted = {name: line.store.get(name, now=now).body_id for name in ("waiting", "hidden", "claimed", "parked")}
    assert line.store.open_ids(now=now) == {ContentName(*each) for each in wanted.items()}


# --- claim: the order of the queue


def test_the_earliest_due_is_handed_out_first_over_all_lanes(line, now):
    """Urgency decides, not the lane and not the order of arrival."""
    for name, days, language in (("c", 3, "en"), ("a", 1, "cy"), ("d", 4, "cy"), ("b", 2, "en")):
        line.put(name, due_at=now + days * DAY, language=language)
    line.put("e", windows=(window(now - HOUR),))
    assert line.claimed_names() == ["e", "a", "b", "c", "d"]


def test_an_unverified_request_comes_after_a_verified_one_of_the_same_age(line, now):
    """It stands a day later in the queue, and so it rises with age."""
    line.put("unverified", due_at=now, verified=False)
    line.put("same", due_at=now)
    line.put("younger", due_at=now + DAY - TICK)
    line.put("youngest", due_at=now + DAY + TICK)
    assert line.claimed_names() == ["same", "younger", "unverified", "youngest"]


def test_waiting_unverified_requests_are_counted_apart(line, now):
    """Counted anew, the estimate is right: neither verified, claimed, withdrawn nor expired ones are in it."""
    later = now + timedelta(minutes=2)
    assert line.store.unverified(at_most=10, now=now) == 0
    line.store.recount(now=now)
    assert line.store.unverified(at_most=10, now=now) == 0
    for name in ("a", "b", "c", "d"):
        line.put(name, verified=False)
    line.put("verified")
    line.put("gone", verified=False, expires_at=now + timedelta(minutes=1))
    line.withdraw("a")
    line.put("first", verified=False, due_at=now - 9 * DAY)
    assert line.claim().request_id == "first"
    line.store.recount(now=later)
    assert line.store.unverified(at_most=10, now=later) == 3
    assert line.store.unverified(at_most=2, now=later) == 2
    assert line.store.unverified(at_most=0, now=later) == 0


def test_only_asked_lanes_are_handed_out(line):
    """A practitioner gets only what they can serve; what they cannot stays for others."""
    line.put("english")
    line.put("welsh", language="cy")
    line.put("referral", kind=Kind.REFERRAL)
    assert line.claimed_names(lanes=("information/cy",)) == ["welsh"]
    assert line.claimed_names(lanes=("callback/en", "referral/en")) == ["referral"]
    assert line.claimed_names(lanes=()) == []
    assert line.claimed_names() == ["english"]


def test_nothing_is_handed_out_before_it_is_ready(line, now):
    """Frozen time: one microsecond before the window opens there is nothing; as it opens, there is."""
    line.put(windows=(window(now + HOUR),))
    assert line.claim(now=now + HOUR - TICK) is None
    claimed = line.claim(now=now + HOUR)
    assert (claimed.request_id, claimed.number, claimed.lease_until) == ("one", 1, now + HOUR + LEASE)


def test_a_window_is_over_at_its_end(line, now):
    """One microsecond before its end it can be kept; at its end nobody is rung, and a supervisor sees it."""
    late, missed = window(now, 1), window(now, 1)
    line.put("late", windows=(late,))
    line.put("missed", windows=(missed,))
    assert line.claim(now=late.ends_at - TICK) is not None
    assert line.claim("kim", late.ends_at) is None
    assert [(r.missed, r.visible_at) for r in line.store.parked(now=late.ends_at)] == [(1, None)]


def test_a_request_that_moves_on_lets_the_search_go_on(line, now):
    """A missed window puts the request at its next one, and the claim goes on to somebody else."""
    line.put("missed", windows=(window(now - 3 * HOUR), window(now + DAY)))
    line.put("next")
    assert line.claim().request_id == "next"
    moved = line.get("missed")
    assert (moved.status, moved.missed, moved.visible_at, moved.number) == (Status.WAITING, 1, now + DAY, 0)
    assert line.claim(now=now + DAY).request_id == "missed"


def test_the_next_window_is_kept_if_it_is_open(line, now):
    """A missed window does not cost the second one, if that is now."""
    line.put(windows=(window(now - 3 * HOUR), window(now - HOUR)))
    assert line.claim().missed == 1


def test_an_empty_queue_gives_none(line):
    """Nothing to hand out is no error."""
    assert line.claim() is None


def test_candidates_that_decide_leaves_alone_are_passed_over(line, now):
    """A request that the domain does not claim is met once, and the search ends."""
    for number in range(5):
        line.put(f"r{number}")
    met = []

    def decide(request):
        met.append(request.request_id)
        return request

    ask = Ask(practitioner="alex", lanes=LANES, claim_limit=5)
    assert line.store.claim(ask, decide, now=now, deeds=lambda met: []) is None
    assert sorted(met) == [f"r{number}" for number in range(5)]


def test_only_what_is_ready_is_met(line, now):
    """A request is not even looked at one microsecond before its time: what is not ready costs a claim nothing."""
    line.put("waiting", visible_at=now)
    line.put("claimed", status=Status.CLAIMED, claimed_by="kim", number=1, lease_until=now)
    line.put("never", visible_at=None)
    met = []
    ask = Ask(practitioner="alex", lanes=LANES, claim_limit=5)
    for at in (now - TICK, now):
        line.store.claim(ask, lambda request: met.append(request.request_id) or request, now=at, deeds=lambda met: [])
        assert sorted(met) == ([] if at < now else ["claimed", "waiting"])


def test_a_claimed_request_is_not_handed_out_again(line):
    """While a lease is live nobody else gets it."""
    line.put()
    assert line.claim() is not None
    assert line.claim("kim") is None


def test_a_closed_a_parked_and_a_withdrawn_request_are_never_handed_out(line, now):
    """What is not waiting is not in the queue, not even under its reference."""
    for name, status in (("a", Status.CLOSED), ("b", Status.PARKED)):
        line.put(name)
        line.change(partial(replace, status=status), name)
    line.put("c")
    line.withdraw("c")
    assert line.claim() is None
    for name in "abc":
        assert line.claim(reference=f"amber-{name}") is None
    assert [line.get(name).number for name in "abc"] == [0, 0, 0]


# --- claim: leases


def test_a_lease_lapses_at_its_limit_and_not_before(line, now):
    """Frozen time: at `lease_until` minus a microsecond nothing is handed out, at `lease_until` it is free."""
    line.put()
    first = line.claim()
    assert line.claim("kim", first.lease_until - TICK) is None
    second = line.claim("kim", first.lease_until)
    assert (second.number, second.claimed_by, second.lapses) == (2, "kim", 1)


def test_late_work_is_refused_at_the_limit_of_the_lease(line, now):
    """The holder may write until one microsecond before; at `lease_until` it is too late, taken over or not."""
    line.put()
    claimed = line.claim()
    line.verb(requests.held, claimed, claimed.lease_until - TICK)
    for late in (claimed.lease_until, claimed.lease_until + DAY):
        with pytest.raises(ClaimLost):
            line.verb(requests.held, claimed, late)


def test_an_old_number_writes_nothing(line, now):
    """Somebody whose claim was replaced, even by themselves, cannot write with the old number."""
    line.put()
    old = line.claim()
    new = line.claim("alex", old.lease_until)
    assert new.number == 2
    before = line.get(now=old.lease_until)
    for verb, arguments in (
        (requests.renew, {"lease": LEASE}),
        (requests.release, {}),
        (requests.close, {"outcome": Outcome.ANSWERED, "rules": RULES}),
        (requests.held, {}),
    ):
        with pytest.raises(ClaimLost):
            line.verb(verb, old, old.lease_until, **arguments)
    assert line.get(now=old.lease_until) == before


def test_a_lapsed_request_keeps_its_old_place(line, now):
    """It comes back before what arrived since, because its due time has not changed."""
    line.put("first", due_at=now + DAY)
    line.put("second", due_at=now + 2 * DAY)
    line.claim(lease=timedelta(minutes=1))
    line.put("third", due_at=now + 3 * DAY)
    assert line.claimed_names(now=now + timedelta(minutes=1)) == ["first", "second", "third"]


def test_a_released_request_keeps_its_old_place(line, now):
    """Giving back costs the requester nothing."""
    line.put("first", due_at=now + DAY)
    line.put("second", due_at=now + 2 * DAY)
    line.verb(requests.release, line.claim())
    assert line.claimed_names() == ["first", "second"]


def test_a_renewed_lease_is_live_until_its_new_limit(line, now):
    """Renewing moves the instant at which a colleague may take over."""
    line.put()
    claimed = line.claim()
    later = now + LEASE / 2
    renewed = line.verb(requests.renew, claimed, later, lease=LEASE)
    assert line.claim("kim", claimed.lease_until) is None
    assert line.claim("kim", renewed.lease_until - TICK) is None
    assert line.claim("kim", renewed.lease_until).number == 2


def test_the_fifth_lapse_parks_and_the_claim_goes_on(line, now):
    """Met at its fifth lapse a request is set aside for a supervisor, and the practitioner gets the next one."""
    line.put("dropped", due_at=now + DAY)
    at = now
    for number in range(1, 6):
        claimed = line.claim(f"p{number}", at)
        assert (claimed.request_id, claimed.number, claimed.lapses) == ("dropped", number, number - 1)
        at = claimed.lease_until
    line.put("next", now=at)
    assert line.claim("kim", at).request_id == "next"
    parked = line.get("dropped", at)
    assert (parked.status, parked.lapses, parked.claimed_by) == (Status.PARKED, 5, None)
    assert [r.request_id for r in line.store.parked(now=at)] == ["dropped"]
    assert ("kim", "met-parked", "dropped") in line.deeds()


def test_parking_is_kept_even_if_nothing_is_left_to_claim(line, now):
    """The claim that parks the last request says None, and the request is parked all the same."""
    line.put(lapses=4, status=Status.CLAIMED, lease_until=now, claimed_by="alex", number=5)
    assert line.claim() is None
    assert line.get().status is Status.PARKED


# --- claim: limit, token, reference


def test_a_practitioner_holds_no_more_than_the_limit(line):
    """At the limit the next claim is refused and hands nothing out."""
    for name in "abc":
        line.put(name)
    line.claim(limit=2)
    line.claim(limit=2)
    with pytest.raises(Conflict) as refused:
        line.claim(limit=2)
    assert refused.value.code == "claim-limit"
    assert len(line.store.held_by("alex", now=line.now)) == 2
    assert line.claim("kim", limit=2) is not None


def test_only_live_claims_count(line, now):
    """A lapsed lease, a closed request and a released one leave room."""
    for name in "abcd":
        line.put(name)
    line.claim(limit=1, lease=timedelta(minutes=1))
    later = now + timedelta(minutes=1)
    with pytest.raises(Conflict):
        line.claim(now=later - TICK, limit=1)
    line.close(line.claim(now=later, limit=1), later)
    line.verb(requests.release, line.claim(now=later, limit=1), later)
    assert line.claim(now=later, limit=1) is not None


def test_the_limit_holds_for_a_quoted_reference_too(line):
    """Quoting a reference is no way past the limit."""
    line.put("a")
    line.put("b")
    line.claim(limit=1)
    with pytest.raises(Conflict):
        line.claim(limit=1, reference="amber-b")


def test_a_repeated_token_gives_the_same_claim(line):
    """A claim whose answer was lost is given again under its number, even at the limit."""
    line.put("a")
    line.put("b")
    first = line.claim(token="t1", limit=1)
    assert line.claim(token="t1", limit=1) == first
    assert line.get("b").status is Status.WAITING
    assert line.claim(token="t2").request_id == "b"


def test_a_token_is_the_practitioners_own(line):
    """Somebody else with the same token gets a request of their own."""
    line.put("a")
    line.put("b")
    assert line.claim("alex", token="t1").request_id != line.claim("kim", token="t1").request_id


def test_a_token_is_forgotten_with_its_claim(line, now):
    """Once the claim was released or has lapsed, the token hands out by the queue's order again, under a new number."""
    line.put()
    first = line.claim(token="t1")
    line.verb(requests.release, first)
    second = line.claim(token="t1")
    assert second.number == 2
    assert line.claim(now=second.lease_until, token="t1").number == 3


def test_a_quoted_reference_is_met_before_all_others(line, now):
    """The requester is on the line: neither the queue's order nor a lane nor a later window stands in the way."""
    line.put("urgent", due_at=now)
    line.put("quoted", windows=(window(now + DAY),), language="cy")
    claimed = line.claim(reference="amber-quoted", lanes=("information/en",))
    assert (claimed.request_id, claimed.number) == ("quoted", 1)


def test_a_reference_that_is_mine_is_given_again(line):
    """Quoting what one already holds gives the same claim under its number."""
    line.put()
    first = line.claim()
    assert line.claim(reference="amber-one", limit=1) == first


@pytest.mark.parametrize("again", [{"token": "t"}, {"reference": "amber-one"}])
def test_a_claim_that_is_given_again_is_decided_on_again(line, now, again):
    """What the requester wrote meanwhile is handed out with it, and the head says so."""
    line.put()
    line.claim(token="t")
    line.change(partial(requests.message_arrived, answer_by=now + DAY, now=now))
    assert line.claim(**again).answer_by is None
    assert line.get().answer_by is None


def test_a_reference_in_a_colleagues_hands_is_refused(line, now):
    """The practitioner learns that somebody has it, while that lease is live; then it is theirs."""
    line.put()
    first = line.claim("kim")
    with pytest.raises(Conflict) as refused:
        line.claim("alex", first.lease_until - TICK, reference="amber-one")
    assert refused.value.code == "claimed-by-colleague"
    taken = line.claim("alex", first.lease_until, reference="amber-one")
    assert (taken.number, taken.claimed_by, taken.lapses) == (2, "alex", 1)


def test_an_unknown_reference_gives_none(line):
    """Nothing else is handed out in the place of what was quoted."""
    line.put()
    assert line.claim(reference="amber-falcon") is None


# --- claim: deeds and failures


def test_claims_and_parkings_are_in_the_trail(line, now):
    """The trail tells about each head that was changed on the way, in order; met and left alone is nothing to tell."""
    line.put("parks", lapses=4, status=Status.CLAIMED, lease_until=now, claimed_by="kim", number=5, due_at=now)
    line.put("claimed")
    line.claim()
    assert line.deeds() == [("alex", "met-parked", "parks"), ("alex", "met-claimed", "claimed")]


def test_an_opening_on_repetition_is_in_the_trail(line):
    """Being given a claim again is another reading, and the trail says so."""
    line.put()
    line.claim(token="t")
    line.claim(token="t")
    assert line.deeds() == [("alex", "met-claimed", "one")] * 2


def test_a_claim_whose_deed_cannot_be_written_hands_nothing_out(line, now):
    """Nobody opens a request without a trace: claim and deed are one write."""
    line.put("parks", lapses=4, status=Status.CLAIMED, lease_until=now, claimed_by="kim", number=5, due_at=now)
    line.put()
    with pytest.raises(AttributeError):
        line.claim(deeds=lambda met: [UNWRITABLE])
    assert (line.get().status, line.get("parks").status) == (Status.WAITING, Status.CLAIMED)
    assert line.deeds() == []


def test_a_decision_that_raises_changes_nothing(line, now):
    """What *decide* raises passes through, and what the search had parked before is as it was."""
    line.put("parks", lapses=4, status=Status.CLAIMED, lease_until=now, claimed_by="kim", number=5, due_at=now)
    line.put("one")
    before = line.get("parks"), line.get("one")

    def decide(request):
        if request.request_id == "one":
            raise Conflict("not-now")
        return requests.claim(request, practitioner="alex", token=None, now=now, lease=LEASE)

    with pytest.raises(Conflict, match="not-now"):
        line.store.claim(Ask(practitioner="alex", lanes=LANES, claim_limit=5), decide, now=now, deeds=lambda met: [])
    assert (line.get("parks"), line.get("one")) == before


# --- change


def test_change_applies_to_the_newest_head_and_returns_it(line, now, open_again):
    """A decision made on an old reading is made anew: two instances never overwrite each other's work."""
    line.put()
    other = open_again()

    def one_more(request):
        return replace(request, attempts=request.attempts + 1)

    for store in (line.store, other, line.store, other):
        store.change("one", one_more, now=now)
    assert line.get().attempts == 4
    assert line.change(one_more).attempts == 5


def test_change_of_nothing_is_unknown(line):
    """There is nothing under an id that nobody has, and nothing left under a withdrawn one."""
    line.put()
    line.withdraw()
    for name in ("one", "nobody"):
        with pytest.raises(NotFound) as refused:
            line.change(unchanged, name)
        assert refused.value.code == "request-unknown"


def test_a_refused_change_writes_nothing(line, now):
    """What the transition raises passes through; no message and no deed is left behind."""
    before = line.put()
    with pytest.raises(Conflict, match="not-now"):
        line.change(
            refuse, messages=[message(sent_at=now)], deed=Deed(at=now, actor="alex", verb="reply", request_id="one")
        )
    assert line.get() == before
    assert line.store.messages("one") == ()
    assert line.deeds() == []


def test_a_change_whose_deed_cannot_be_written_is_not_made(line, now):
    """Head, messages and deed are one write: none without the others."""
    before = line.put()
    with pytest.raises(AttributeError):
        line.change(partial(replace, attempts=1), messages=[message(sent_at=now)], deed=UNWRITABLE)
    assert line.get() == before
    assert line.store.messages("one") == ()


def test_messages_come_back_whole_and_in_order(line, now):
    """Everything written is read again as it was, oldest first, request by request."""
    line.put("one")
    line.put("two")
    written = (
        message("z", "requester", now, for_mailbox=b"copy"),
        message("a", "helpline", now, for_desk=None, for_mailbox=bytes(range(256))),
        message("m", "colleague", now - DAY + TICK),
    )
    line.change(unchanged, messages=written[:2])
    line.change(unchanged, "two", messages=[message("z", sent_at=now)])
    line.change(unchanged, messages=written[2:])
    assert line.store.messages("one") == written
    assert [m.message_id for m in line.store.messages("two")] == ["z"]
    assert line.store.messages("nobody") == ()


def test_a_repeated_message_changes_nothing(line, now):
    """What was written and done the first time stays; the repeat does nothing again, and tells of nothing again."""
    line.put()
    deed = Deed(at=now, actor="alex", verb="reply", request_id="one")
    done = line.change(partial(replace, attempts=1), messages=[message("m", sent_at=now)], deed=deed)
    repeat = message("m", sent_at=now, for_desk=b"other")
    assert line.change(partial(replace, attempts=2), messages=[repeat], deed=deed) == done
    line.change(unchanged, messages=[message("n", sent_at=now)])
    assert line.get() == done
    assert [(m.message_id, m.for_desk) for m in line.store.messages("one")] == [("m", b"desk"), ("n", b"desk")]
    assert len(line.deeds()) == 1


def test_a_new_slot_needs_room(line, now):
    """Choosing a full slot is refused, and the old choice stays."""
    full, free = window(now + HOUR), window(now + DAY)
    line.put("a", windows=(full,))
    before = line.put("b", windows=(free,))
    choose = partial(requests.choose_slot, slot=full, now=now)
    with pytest.raises(SlotFull):
        line.change(choose, "b", capacity=1, messages=[message(sent_at=now)])
    assert line.get("b") == before
    assert line.store.messages("b") == ()
    assert line.change(choose, "b", capacity=2).windows == (full,)


def test_a_change_that_keeps_the_slot_needs_no_room(line, now):
    """Somebody in a full slot is not pushed out of it by writing."""
    slot = window(now + HOUR)
    line.put("a", windows=(slot,))
    line.put("b", windows=(slot,))
    assert line.change(partial(replace, attempts=1), "a", capacity=1).attempts == 1


def test_a_changed_request_moves_in_the_queue(line, now):
    """A new due time and a new lane are what the next claim sees."""
    line.put("a", due_at=now + DAY)
    line.put("b", due_at=now + 2 * DAY)
    line.change(partial(replace, due_at=now + 3 * DAY), "a")
    line.change(partial(replace, visible_at=now + HOUR), "b")
    assert line.claimed_names() == ["a"]
    assert line.claimed_names(now=now + HOUR) == ["b", "a"]


# --- withdraw


def test_a_tombstone_is_read_only_by_who_asks_for_it(line, now):
    """Whoever tells a repeat from a new request sees it; for a mailbox there is nothing there."""
    line.put()
    assert line.store.get("one", now=now, tombstones=False) == line.get()
    line.withdraw()
    assert line.get().status is Status.WITHDRAWN
    assert line.store.get("one", now=now, tombstones=False) is None


def test_withdrawing_erases_content_and_messages(line, now):
    """What anybody wrote is gone with the same write; the tombstone and the deed are left."""
    request = line.put()
    line.change(unchanged, messages=[message("m", sent_at=now), message("n", "colleague", now)])
    assert line.withdraw() is True
    assert line.store.content(request) is None
    assert line.store.messages("one") == ()
    assert line.get().status is Status.WITHDRAWN
    assert line.deeds() == [("requester", "withdraw", "one")]


def test_withdrawing_is_repeatable(line):
    """The second time there is nothing to withdraw, and the trail says it once."""
    line.put()
    assert [line.withdraw(), line.withdraw(), line.withdraw("nobody")] == [True, False, False]
    assert line.deeds() == [("requester", "withdraw", "one")]


def test_withdrawing_takes_the_claim_from_the_practitioner(line, now):
    """A call in progress cannot write to what is gone."""
    line.put()
    claimed = line.claim()
    line.withdraw()
    with pytest.raises(NotFound):
        line.close(claimed)
    assert line.store.held_by("alex", now=now) == ()
    assert line.claim("alex", claimed.lease_until) is None


def test_withdrawing_leaves_others_alone(line, now):
    """Only the request that was named loses its content and messages."""
    for name in ("one", "two"):
        line.put(name)
        line.change(unchanged, name, messages=[message(sent_at=now)])
    line.withdraw("one")
    assert line.store.content(line.get("two")) == b"sealed two"
    assert len(line.store.messages("two")) == 1


def test_a_withdrawal_whose_deed_cannot_be_written_is_not_made(line, now):
    """Erasing and telling of it are one write."""
    request = line.put()
    line.change(unchanged, messages=[message(sent_at=now)])
    with pytest.raises(AttributeError):
        line.withdraw(deed=UNWRITABLE)
    assert line.get() == request
    assert line.store.content(request) == b"sealed one"
    assert len(line.store.messages("one")) == 1


# --- lists and counts


def test_slots_taken_counts_waiting_and_claimed(line, now):
    """What still counts on a slot is counted: not what is closed, withdrawn or was missed."""
    slot, other = window(now - HOUR), window(now + HOUR)
    for name in "abcd":
        line.put(name, windows=(slot,))
    line.put("elsewhere", windows=(other,))
    line.claim()
    line.close(line.claim())
    line.withdraw("c")
    line.put("missed", windows=(slot,), visible_at=None)
    assert line.store.slots_taken([slot], now=now) == {slot.id: 2}
    assert line.store.slots_taken([slot, other, window(now + DAY)], now=now) == {slot.id: 2, other.id: 1}
    assert line.store.slots_taken([], now=now) == {}


def test_lanes_count_what_stands_in_them(line, now):
    """Every figure of the desk's overview, lane by lane; what has lapsed waits; an empty lane is left out."""
    soon = now + 2 * HOUR
    line.put("due now", due_at=now, now=now - 5 * HOUR)
    line.put("due soon", due_at=now + TICK, now=now - 3 * HOUR)
    line.put("due at soon", due_at=soon)
    line.put("missed", due_at=now + HOUR, missed=1)
    claimed = {"due_at": soon, "status": Status.CLAIMED, "claimed_by": "alex", "now": now - 9 * HOUR}
    line.put("claimed", lease_until=now + TICK, **claimed)
    line.put("lapsed", lease_until=now, **claimed)
    line.put("parked", due_at=now - DAY, status=Status.PARKED)
    line.put("closed", status=Status.CLOSED)
    line.put("welsh", language="cy", status=Status.PARKED)
    line.put("withdrawn", language="cy")
    line.withdraw("withdrawn")
    oldest = (now - 9 * HOUR).replace(minute=0)
    assert line.store.lanes(now=now, soon=soon) == (
        LaneState(lane="information/cy", parked=1),
        LaneState(
            lane="information/en",
            waiting=5,
            oldest_at=oldest,
            due_soon=1,
            overdue=3,
            claimed=1,
            parked=1,
            ready=5,
            due_at=now,
        ),
    )


def test_lanes_tell_what_can_be_claimed_now_and_when_the_first_is_due(line, now):
    """A callback before its window waits and cannot be claimed; a window told as missed is nobody's to claim."""
    line.put("later", windows=(window(now + DAY),))
    line.put("sooner", windows=(window(now + HOUR),))
    line.put("missed", windows=(window(now - DAY),), visible_at=None, missed=1)
    (state,) = line.store.lanes(now=now, soon=now)
    assert (state.waiting, state.ready, state.due_at) == (3, 0, window(now - DAY).ends_at)
    (state,) = line.store.lanes(now=window(now + HOUR).starts_at, soon=now)
    assert (state.waiting, state.ready) == (3, 1)
    line.put("held", now=now, status=Status.CLAIMED, claimed_by="alex", lease_until=now + TICK, due_at=now - DAY)
    (_, state) = line.store.lanes(now=now, soon=now)
    assert (state.waiting, state.ready, state.due_at) == (0, 0, None)
    (_, state) = line.store.lanes(now=now + TICK, soon=now)
    assert (state.waiting, state.ready, state.due_at) == (1, 1, now - DAY)


def test_held_by_lists_live_claims_earliest_lease_first(line, now):
    """A practitioner sees their own live claims and nobody else's."""
    for name in "abcd":
        line.put(name)
    line.claim(reference="amber-a", lease=3 * HOUR)
    line.claim(reference="amber-b", lease=HOUR)
    line.claim("kim", reference="amber-c")
    assert [r.request_id for r in line.store.held_by("alex", now=now)] == ["b", "a"]
    assert [r.request_id for r in line.store.held_by("alex", now=now + HOUR - TICK)] == ["b", "a"]
    assert [r.request_id for r in line.store.held_by("alex", now=now + HOUR)] == ["a"]
    assert line.store.held_by("nobody", now=now) == ()


def test_claimed_lists_live_and_lapsed_earliest_lease_first(line, now):
    """A supervisor sees who holds what, a leaver's lapsed claims included."""
    for name in "abc":
        line.put(name)
    line.claim(reference="amber-a", lease=HOUR)
    line.claim("kim", reference="amber-b", lease=LEASE)
    assert [r.request_id for r in line.store.claimed(now=now + DAY)] == ["b", "a"]


def test_parked_lists_what_only_a_supervisor_sees(line, now):
    """Parked requests, and waiting callbacks whose every window was missed, told so or not yet."""
    line.put("parked", status=Status.PARKED)
    line.put("missed", windows=(window(now - DAY),), visible_at=None, missed=1)
    line.put("unsettled", windows=(window(now - DAY),))
    line.put("waiting", windows=(window(now),))
    line.put("answered in writing")
    line.put("overdue in writing", due_at=now - DAY)
    line.put("closed", status=Status.CLOSED, visible_at=None)
    line.put("withdrawn")
    line.withdraw("withdrawn")
    assert {r.request_id for r in line.store.parked(now=now)} == {"parked", "missed", "unsettled"}


def test_parked_leaves_out_what_has_a_window_left(line, now):
    """A callback whose first window was missed is still in the queue for its second."""
    line.put(windows=(window(now - DAY), window(now + DAY)))
    assert line.store.parked(now=now) == ()


def test_slots_taken_leaves_out_parked_requests(line, now):
    """A parked request is not handed out, so it keeps nobody else from its slot."""
    slot = window(now + HOUR)
    line.put(windows=(slot,), status=Status.PARKED)
    assert line.store.slots_taken([slot], now=now) == {}
    assert line.put("two", windows=(slot,), capacity=1).status is Status.WAITING


# --- closures, trail


def test_closures_replace_those_before(line, now):
    """What a supervisor sets is what is in force, to the microsecond, earliest first; the trail says who did it."""
    deed = Deed(at=now, actor="sam", verb="close-line")
    shut = [window(now + DAY), Window(starts_at=now, ends_at=now + TICK)]
    assert line.store.closures() == ()
    line.store.close_line(shut, deed=deed)
    assert line.store.closures() == (shut[1], shut[0])
    line.store.close_line(shut[:1], deed=deed)
    assert line.store.closures() == (shut[0],)
    with pytest.raises(AttributeError):
        line.store.close_line([], deed=UNWRITABLE)
    assert line.store.closures() == (shut[0],)
    assert line.deeds() == [("sam", "close-line", None)] * 2


def test_the_trail_is_a_chain(line, now, audit_key):
    """Whatever writes a deed extends one chain, which verifies from its first entry to its head."""
    line.put("a", lapses=4, status=Status.CLAIMED, lease_until=now, claimed_by="kim", number=5, due_at=now)
    line.put("b", expires_at=now + DAY)
    line.claim()
    line.change(unchanged, "a", deed=Deed(at=now + TICK, actor="alex", verb="note", request_id="a", number=5))
    line.store.record(Deed(at=now, actor="Älex Ö", verb="open", request_id="a", number=-(2**40)))
    line.store.close_line([], deed=Deed(at=now, actor="sam", verb="close-line"))
    line.withdraw("a")
    line.purge(now=now + DAY)
    entries, trail_head = line.store.trail()
    assert [entry.seq for entry in entries] == list(range(1, 8))
    assert trail_head.count == 7
    assert audit.broken_at(entries, trail_head, key=audit_key) is None
    assert entries[3].deed == Deed(at=now, actor="Älex Ö", verb="open", request_id="a", number=-(2**40))


def test_the_trail_is_read_in_pages(line, now, audit_key):
    """A page starts after the entry one names; the head is always the whole trail's."""
    nothing, start = line.store.trail()
    assert (len(nothing), start.count) == (0, 0)
    assert audit.broken_at(nothing, start, key=audit_key) is None
    for number in range(10):
        line.store.record(Deed(at=now, actor="alex", verb="open", number=number))
    first, trail_head = line.store.trail(limit=4)
    second, _ = line.store.trail(after=4, limit=4)
    third, _ = line.store.trail(after=8, limit=4)
    assert [len(first), len(second), len(third)] == [4, 4, 2]
    assert trail_head.count == 10
    assert audit.broken_at([*first, *second, *third], trail_head, key=audit_key) is None
    assert list(line.store.trail(after=10)[0]) == []


def test_tally_counts_deeds_by_actor_and_verb(line, now):
    """Who opened and released how many: the supervisor's own figures."""
    for actor, verb in (("alex", "open"), ("alex", "open"), ("kim", "open"), ("alex", "release")):
        line.store.record(Deed(at=now, actor=actor, verb=verb))
    assert line.store.tally() == {"alex": {"open": 2, "release": 1}, "kim": {"open": 1}}


def test_a_deed_is_written_iff_its_change_is(line, now):
    """No deed without what it tells of, and nothing told twice."""
    deed = Deed(at=now, actor="alex", verb="note", request_id="one")
    line.put()
    line.change(unchanged, deed=deed)
    line.change(unchanged)
    for transition, name in ((refuse, "one"), (unchanged, "nobody")):
        with pytest.raises((Conflict, NotFound)):
            line.change(transition, name, deed=deed)
    line.withdraw("nobody")
    with pytest.raises(Conflict):
        line.claim(limit=0)
    assert line.deeds() == [("alex", "note", "one")]


# --- durability and company


def test_another_instance_sees_everything_at_once(line, now, open_again, audit_key):
    """Whatever a call has returned is there for another process, without anything being closed first."""
    slot = window(now + HOUR)
    request = line.put("one", windows=(slot,))
    line.put("two")
    other = Helpline(open_again(), line.head, now)
    assert other.get("one") == request
    assert other.store.content(request) == b"sealed one"
    claimed = line.claim()
    assert other.get("two") == claimed
    line.change(unchanged, "one", messages=[message(sent_at=now)])
    assert len(other.store.messages("one")) == 1
    other.close(claimed)
    assert line.get("two").status is Status.CLOSED
    line.withdraw("one")
    assert other.get("one").status is Status.WITHDRAWN
    other.store.close_line([slot], deed=Deed(at=now, actor="sam", verb="close-line"))
    assert line.store.closures() == (slot,)
    assert audit.broken_at(*other.store.trail(), key=audit_key) is None


def test_a_store_that_is_opened_again_has_everything(line, now, engine):
    """Closing and opening loses nothing."""
    request = line.put()
    line.change(unchanged, messages=[message(sent_at=now)])
    claimed = line.claim()
    line.store.close()
    store = engine.open()
    assert store.get("one", now=now) == claimed
    assert store.content(request) == b"sealed one"
    assert len(store.messages("one")) == 1
    assert len(store.trail()[0]) == 1


def test_two_instances_share_one_queue(line, now, open_again):
    """Turn by turn, each instance hands out what the other has not."""
    for number in range(20):
        line.put(f"r{number:02}", due_at=now + number * HOUR)
    others = [line, Helpline(open_again(), line.head, now)]
    names = [others[turn % 2].claim(f"p{turn}").request_id for turn in range(20)]
    assert names == [f"r{number:02}" for number in range(20)]
    assert others[0].claim("p20") is None
    assert others[1].claim("p20") is None


def test_many_at_once_each_get_their_own(line, now, open_again, audit_key):
    """Eight practitioners on two instances, all at once: every request is handed out exactly once."""
    for number in range(120):
        line.put(f"r{number}")
    stores = [line, Helpline(open_again(), line.head, now)]
    start = threading.Barrier(8)

    def work(worker):
        start.wait()
        taken = []
        while request := stores[worker % 2].claim(f"p{worker}", limit=1000):
            taken.append((request.request_id, request.number))
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [claim for claims in pool.map(work, range(8)) for claim in claims]
    assert sorted(taken) == sorted((f"r{number}", 1) for number in range(120))
    assert audit.broken_at(*line.store.trail(), key=audit_key) is None


def test_many_at_once_never_overfill_a_slot(line, now, open_again):
    """The last place in a slot is given once, however many reach for it."""
    slot = window(now + HOUR)
    stores = [line, Helpline(open_again(), line.head, now)]
    start = threading.Barrier(8)

    def reach(worker):
        start.wait()
        accepted = 0
        for number in range(5):
            try:
                stores[worker % 2].put(f"w{worker}n{number}", windows=(slot,), capacity=7)
            except SlotFull:
                continue
            accepted += 1
        return accepted

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(reach, range(8))) == 7
    assert line.store.slots_taken([slot], now=now) == {slot.id: 7}


def test_one_writers_refusal_does_not_undo_anothers_work(line, now):
    """Writers that share a commit stand each for themselves."""
    start = threading.Barrier(8)

    def work(worker):
        start.wait()
        for number in range(10):
            if worker % 2:
                with pytest.raises(Conflict):
                    line.change(refuse, f"w{worker - 1}n0", messages=[message(sent_at=now)])
            else:
                line.put(f"w{worker}n{number}")

    for worker in range(0, 8, 2):
        line.put(f"w{worker}n0")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert all(line.get(f"w{worker}n{number}") for worker in range(0, 8, 2) for number in range(10))
    assert line.store.messages("w0n0") == ()


# --- failures of the engine


VERBS = {
    "submit": lambda line: line.put("new"),
    "get": lambda line: line.get(),
    "claim": lambda line: line.claim(),
    "change": lambda line: line.change(partial(replace, attempts=1), messages=[message(sent_at=line.now)]),
    "withdraw": lambda line: line.withdraw(),
    "content": lambda line: line.store.content(line.head("one")),
    "messages": lambda line: line.store.messages("one"),
    "held_by": lambda line: line.store.held_by("alex", now=line.now),
    "parked": lambda line: line.store.parked(now=line.now),
    "claimed": lambda line: line.store.claimed(now=line.now),
    "lanes": lambda line: line.store.lanes(now=line.now, soon=line.now),
    "slots_taken": lambda line: line.store.slots_taken([window(line.now)], now=line.now),
    "unverified": lambda line: line.store.unverified(at_most=5, now=line.now),
    "recount": lambda line: (line.store.recount(now=line.now), line.store.unverified(at_most=5, now=line.now)),
    "purge": lambda line: line.purge(now=line.now + 365 * DAY),
    "forget_details": lambda line: line.store.forget_details(
        requests.forget_details, now=line.now + DAY, erase=lambda _: None
    ),
    "open_ids": lambda line: line.store.open_ids(now=line.now),
    "closures": lambda line: line.store.closures(),
    "close_line": lambda line: line.store.close_line([], deed=Deed(at=line.now, actor="sam", verb="close-line")),
    "record": lambda line: line.store.record(Deed(at=line.now, actor="alex", verb="open")),
    "tally": lambda line: line.store.tally(),
    "trail": lambda line: line.store.trail(),
    "ping": lambda line: line.store.ping(),
}
WRITES = ("submit", "claim", "change", "withdraw", "purge", "close_line", "record", "ping")


def test_every_verb_of_the_port_is_named_here():
    """A verb that is added to the port cannot go without its failures being tried."""
    assert set(VERBS) == {name for name in vars(RequestStore) if not name.startswith("_")}


@pytest.mark.parametrize("verb", VERBS)
def test_every_failure_of_the_engine_is_unavailable(line, engine, verb):
    """A store whose insides are gone says one thing, whatever was asked of it."""
    line.put()
    with engine.befall("tables-gone"), pytest.raises(Unavailable) as refused:
        VERBS[verb](line)
    assert refused.value.code == "storage"
    assert str(refused.value) == "storage"


@pytest.mark.parametrize("fault", ["disk-full", "locked-out"])
@pytest.mark.parametrize("verb", WRITES)
def test_a_write_that_finds_no_room_is_unavailable_and_not_applied(impatient, line, engine, verb, fault):
    """With the disk full, or somebody else writing for too long, nothing is half done; afterwards it works again."""
    line.put()
    line.change(unchanged, messages=[message("m0", sent_at=line.now)])
    before = line.get(), line.store.messages("one"), line.store.trail()
    with engine.befall(fault), pytest.raises(Unavailable) as refused:
        VERBS[verb](line)
    assert refused.value.code == "storage"
    assert (line.get(), line.store.messages("one"), line.store.trail()) == before
    assert line.get("new") is None
    VERBS[verb](line)


@pytest.mark.parametrize("fault", ["disk-full", "locked-out"])
def test_reading_goes_on_while_nothing_can_be_written(impatient, line, engine, fault):
    """A requester can still read the mailbox while the disk is full or somebody is writing."""
    request = line.put()
    with engine.befall(fault):
        assert line.get() == request
        assert line.store.content(request) == b"sealed one"
        assert line.store.messages("one") == ()


@pytest.mark.parametrize(
    "damage",
    [
        "garbage",
        "a-folder",
        "no-folder",
    ],
)
def test_a_store_that_cannot_be_opened_is_unavailable(engine, damage):
    """Whatever stands where the data should be is told as one refusal, before anything is accepted."""
    with engine.damaged(damage), pytest.raises(Unavailable) as refused:
        engine.open().ping()
    is_file = damage == "garbage" and hasattr(engine, "path")
    assert refused.value.code == ("store-damaged" if is_file else "storage")
