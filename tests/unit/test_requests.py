"""The state machine of a request, row by row of its table in `chalicelib/domain/requests.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from chalicelib.domain import requests
from chalicelib.domain.errors import ClaimLost, Conflict
from chalicelib.domain.requests import Kind, Outcome, Rules, Status
from chalicelib.domain.slots import Window

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LEASE = timedelta(minutes=20)
RULES = Rules()


def window(start, hours=2):
    """Make a window."""
    return Window(starts_at=start, ends_at=start + hours * HOUR)


def claim(request, now, who="alex", *, token=None, quoted=False):
    """Claim."""
    return requests.claim(request, practitioner=who, token=token, now=now, lease=LEASE, quoted=quoted)


@pytest.fixture
def callback(head, now):
    """A callback that may be rung now, tomorrow, and the day after."""
    return head(windows=(window(now + 2 * DAY), window(now - HOUR), window(now + DAY)))


@pytest.fixture
def claimed(callback, now):
    """The callback in alex's hands."""
    return claim(callback, now, token="t")


FENCED = {
    "renew": partial(requests.renew, lease=LEASE),
    "reply": requests.held,
    "release": requests.release,
    "attempt": partial(requests.attempt, rules=RULES),
    "close": partial(requests.close, outcome=Outcome.ANSWERED, rules=RULES),
}


# --- submit


def test_submit_waits_for_its_first_window(callback, now):
    """A callback is handed out from its first window's start and due at its end, however they were listed."""
    assert callback.status is Status.WAITING
    assert [w.starts_at for w in callback.windows] == [now - HOUR, now + DAY, now + 2 * DAY]
    assert (callback.visible_at, callback.due_at) == (now - HOUR, now + HOUR)
    assert callback.promised_at == callback.due_at
    assert (callback.number, callback.lapses, callback.attempts, callback.missed) == (0, 0, 0, 0)


def test_submit_of_information_waits_at_once(head, now):
    """An information request has no windows: it can be answered from the hour on in which it was sent."""
    request = head()
    assert (request.visible_at, request.due_at, request.windows) == (now.replace(minute=0), now + 3 * DAY, ())


def test_submit_keeps_the_hour_and_no_more(head):
    """Times at rest that come from a requester are cut to the hour (DESIGN 3.1)."""
    request = head(now=datetime.fromisoformat("2026-11-24T18:59:59.999999+00:00"))
    assert request.submitted_at == datetime.fromisoformat("2026-11-24T18:00+00:00")
    assert request.expires_at == request.submitted_at + RULES.retention
    assert request.visible_at == request.submitted_at


def test_submit_forgets_a_window_named_twice(head, now):
    """The same window twice is one chance, not two."""
    assert head(windows=(window(now), window(now))).windows == (window(now),)


# --- waiting -> claimed


def test_claim_of_a_waiting_request(callback, now):
    """The number grows by one and the lease begins; its place in the queue stays."""
    request = claim(replace(callback, number=6), now, token="t")
    assert request == replace(
        callback,
        status=Status.CLAIMED,
        number=7,
        lease_until=now + LEASE,
        claimed_by="alex",
        claim_token="t",
    )
    assert request.order_at == callback.order_at


def test_claim_before_the_window_leaves_it_alone(head, now):
    """Nobody is rung one microsecond early."""
    request = head(windows=(window(now + TICK),))
    assert claim(request, now) == request
    assert claim(request, now + TICK).status is Status.CLAIMED


def test_claim_at_the_end_of_a_window_moves_on(head, now):
    """At the end of a window it counts as missed and the next one counts."""
    request = head(windows=(window(now - 2 * HOUR), window(now + DAY)))
    assert claim(request, now - TICK).missed == 0
    moved = claim(request, now)
    assert (moved.status, moved.missed, moved.number) == (Status.WAITING, 1, 0)
    assert (moved.visible_at, moved.due_at) == (now + DAY, now + DAY + 2 * HOUR)
    assert moved.promised_at == request.promised_at


def test_every_missed_window_is_counted(head, now):
    """Windows that nobody kept are passed one by one, until one is left or none."""
    spans = (window(now - 9 * HOUR), window(now - 6 * HOUR), window(now - HOUR))
    kept = claim(head(windows=spans), now)
    assert (kept.status, kept.missed, kept.slot) == (Status.CLAIMED, 2, spans[2])
    lost = claim(head(windows=spans[:2]), now)
    assert (lost.status, lost.missed, lost.visible_at, lost.slot) == (Status.WAITING, 2, None, None)
    assert lost.ready_at is None
    assert claim(lost, now + DAY) == lost


def test_information_is_never_missed(head, now):
    """An information request is handed out however late it is."""
    request = claim(head(), now + 30 * DAY)
    assert (request.status, request.missed) == (Status.CLAIMED, 0)


def test_a_quoted_reference_needs_no_window(head, now):
    """The requester is on the line: neither a later window nor a missed one stands in the way of answering."""
    assert claim(head(windows=(window(now + DAY),)), now, quoted=True).status is Status.CLAIMED
    assert claim(head(windows=(window(now - DAY),), visible_at=None), now, quoted=True).status is Status.CLAIMED


@pytest.mark.parametrize("status", [Status.CLOSED, Status.PARKED, Status.WITHDRAWN])
@pytest.mark.parametrize("quoted", [True, False])
def test_claim_of_what_is_not_in_the_queue_leaves_it_alone(head, now, status, quoted):
    """Closed, parked and withdrawn requests are nobody's, quoted or not."""
    request = head(status=status)
    assert claim(request, now, quoted=quoted) == request


# --- claimed -> claimed, claimed -> parked


def test_claim_of_a_live_lease_leaves_it_alone(claimed):
    """One microsecond before its limit a lease still holds."""
    assert claim(claimed, claimed.lease_until - TICK, "kim") == claimed


def test_claim_of_a_lapsed_lease_takes_it_over(claimed):
    """At its limit anyone may take it: number and lapses grow by one, and its place in the queue stays."""
    request = claim(claimed, claimed.lease_until, "kim")
    assert (request.number, request.lapses, request.claimed_by, request.claim_token) == (2, 1, "kim", None)
    assert (request.order_at, request.windows) == (claimed.order_at, claimed.windows)


def test_the_fifth_lapse_parks(claimed, now):
    """Lapsed four times it is handed out once more; the fifth lapse sets it aside, in nobody's hands."""
    fourth = replace(claimed, lapses=3)
    assert claim(fourth, fourth.lease_until).lapses == 4
    fifth = replace(claimed, lapses=4)
    parked = claim(fifth, fifth.lease_until)
    assert (parked.status, parked.lapses, parked.number) == (Status.PARKED, 5, fifth.number)
    assert (parked.claimed_by, parked.lease_until, parked.claim_token, parked.ready_at) == (None, None, None, None)


def test_a_lapse_after_the_window_waits_for_the_next(claimed, now):
    """A practitioner who drops a call past its window does not have the requester rung at another time."""
    late = claim(replace(claimed, lease_until=now + HOUR), now + HOUR, "kim")
    assert (late.status, late.lapses, late.missed, late.visible_at) == (Status.WAITING, 1, 1, now + DAY)


def test_a_caller_is_answered_at_the_fifth_lapse_too(claimed):
    """Parking sets aside what people drop; somebody on the line with their reference is not set aside."""
    fifth = replace(claimed, lapses=4)
    request = claim(fifth, fifth.lease_until, "kim", quoted=True)
    assert (request.status, request.lapses, request.number) == (Status.CLAIMED, 5, 2)
    assert claim(request, request.lease_until, "sam").status is Status.PARKED


# --- what needs the number


@pytest.mark.parametrize("verb", FENCED)
def test_a_live_claim_may_write_until_its_limit(claimed, verb):
    """One microsecond before `lease_until` every verb is accepted."""
    FENCED[verb](claimed, practitioner="alex", number=1, now=claimed.lease_until - TICK)


@pytest.mark.parametrize("verb", FENCED)
def test_late_foreign_and_old_work_is_refused(claimed, verb):
    """At `lease_until`, by somebody else, or with any other number: the claim is lost, whatever the verb."""
    live = claimed.lease_until - TICK
    for request, who, number, at in (
        (claimed, "alex", 1, claimed.lease_until),
        (claimed, "kim", 1, live),
        (claimed, "alex", 0, live),
        (claimed, "alex", 2, live),
        (claimed, "alex", -1, live),
        (claimed, "alex", 10**30, live),
        (claim(claimed, claimed.lease_until, "alex"), "alex", 1, claimed.lease_until),
        *((replace(claimed, status=status), "alex", 1, live) for status in Status if status is not Status.CLAIMED),
    ):
        with pytest.raises(ClaimLost) as refused:
            FENCED[verb](request, practitioner=who, number=number, now=at)
        assert (refused.value.code, refused.value.status) == ("claim-lost", 409)


def test_renew_extends_from_now(claimed, now):
    """The new lease is counted from the renewal, under the same number."""
    renewed = requests.renew(claimed, practitioner="alex", number=1, now=now + LEASE / 2, lease=HOUR)
    assert renewed == replace(claimed, lease_until=now + LEASE / 2 + HOUR)


def test_reply_leaves_it_claimed(claimed, now):
    """A reply and a note change nothing of the head."""
    assert requests.held(claimed, practitioner="alex", number=1, now=now) == claimed


def test_release_gives_back_the_old_place(claimed, callback, now):
    """Released it is as it was before, with its number spent."""
    assert requests.release(claimed, practitioner="alex", number=1, now=now) == replace(callback, number=1)


def test_release_after_the_window_waits_for_the_next(claimed, now):
    """Given back late, it is not handed out until the next window."""
    held = replace(claimed, lease_until=now + 3 * HOUR)
    released = requests.release(held, practitioner="alex", number=1, now=now + 2 * HOUR)
    assert (released.visible_at, released.missed) == (now + DAY, 1)


def attempt(request, now):
    """Ring and reach nobody."""
    return requests.attempt(request, practitioner="alex", number=request.number, now=now, rules=RULES)


def test_an_attempt_waits_for_the_next_window(claimed, now):
    """Not reached, the requester is rung next in the next window that they agreed to."""
    request = attempt(claimed, now)
    assert (request.status, request.attempts, request.missed) == (Status.WAITING, 1, 0)
    assert (request.visible_at, request.due_at) == (now + DAY, now + DAY + 2 * HOUR)
    assert claim(request, now + DAY - TICK).status is Status.WAITING
    assert claim(request, now + DAY).number == 2


def test_the_third_attempt_closes_as_unreachable(callback):
    """Each window is tried once; after the third the request is closed, and the mailbox says so."""
    request, states = callback, []
    for agreed in callback.windows:
        request = attempt(claim(request, agreed.starts_at), agreed.starts_at)
        states.append((request.status, request.attempts))
    assert states == [(Status.WAITING, 1), (Status.WAITING, 2), (Status.CLOSED, 3)]
    assert request.outcome is Outcome.UNREACHABLE


def test_the_attempts_limit_counts_although_windows_are_left(claimed, now):
    """A helpline that rings once closes after the first."""
    once = requests.attempt(claimed, practitioner="alex", number=1, now=now, rules=Rules(attempts_limit=1))
    assert (once.status, once.outcome) == (Status.CLOSED, Outcome.UNREACHABLE)


def test_an_attempt_in_the_last_window_closes(head, now):
    """Without a window left there is nothing to wait for."""
    request = attempt(claim(head(windows=(window(now - HOUR),)), now), now)
    assert (request.status, request.outcome, request.attempts) == (Status.CLOSED, Outcome.UNREACHABLE, 1)


def test_an_attempt_skips_windows_that_have_gone_by(claimed, now):
    """Recorded a day late, it waits for the window that is still to come."""
    late = attempt(replace(claimed, lease_until=now + 9 * DAY), now + DAY + 2 * HOUR)
    assert late.visible_at == now + 2 * DAY


def test_an_attempt_before_the_first_window_leaves_that_one(head, now):
    """A quoted request that was rung back in vain is still rung in the window that was agreed."""
    quoted = claim(head(windows=(window(now + HOUR),)), now, quoted=True)
    assert attempt(quoted, now).visible_at == now + HOUR


def test_overlapping_windows_are_not_rung_twice_in_a_row(head, now):
    """Of a second window that has begun already, only what is left after the first counts."""
    first, second = window(now - HOUR), window(now)
    request = attempt(claim(head(windows=(first, second)), now), now)
    assert (request.visible_at, request.due_at) == (first.ends_at, second.ends_at)
    assert claim(request, first.ends_at - TICK).status is Status.WAITING


def test_an_information_request_is_not_rung(head, now):
    """Nobody asked to be rung, so there is nothing to attempt."""
    with pytest.raises(Conflict, match="not-a-callback"):
        attempt(claim(head(), now), now)


@pytest.mark.parametrize("outcome", Outcome)
def test_close_finishes(claimed, now, outcome):
    """Closed with its outcome, in nobody's hands and no slot, at an hour; it stays for thirty days."""
    closed = requests.close(claimed, practitioner="alex", number=1, outcome=outcome, now=now, rules=RULES)
    assert (closed.status, closed.outcome, closed.closed_at) == (Status.CLOSED, outcome, now.replace(minute=0))
    assert (closed.claimed_by, closed.lease_until, closed.ready_at, closed.slot) == (None, None, None, None)
    assert closed.expires_at == now.replace(minute=0) + RULES.retention_after_closing


def test_closing_never_lengthens_a_life(claimed, now):
    """What was to be deleted sooner still is."""
    soon = replace(claimed, expires_at=now + DAY)
    closed = requests.close(soon, practitioner="alex", number=1, outcome=Outcome.ANSWERED, now=now, rules=RULES)
    assert closed.expires_at == now + DAY


# --- message, choose


def written(request, now):
    """Write as the requester."""
    return requests.message_arrived(request, answer_by=now + 3 * DAY, now=now)


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.UNREACHABLE])
def test_a_message_reopens_what_is_closed(claimed, now, outcome):
    """It waits again, due anew, to be answered in the mailbox; nobody may ring at a time that was not named."""
    closed = requests.close(
        replace(claimed, lapses=3, attempts=2), practitioner="alex", number=1, outcome=outcome, now=now, rules=RULES
    )
    later = now + DAY
    request = written(closed, later)
    assert (request.status, request.outcome, request.closed_at) == (Status.WAITING, None, None)
    assert (request.due_at, request.visible_at, request.windows) == (later + 3 * DAY, later.replace(minute=0), ())
    assert (request.lapses, request.attempts, request.number) == (0, 0, 1)
    assert request.expires_at == claimed.expires_at
    assert claim(request, later).number == 2


def test_a_message_brings_back_what_nobody_may_ring(head, now):
    """A callback whose every window was missed is answered in writing."""
    stranded = claim(head(windows=(window(now - DAY),)), now)
    request = written(stranded, now)
    assert (request.ready_at, request.missed, request.windows) == (now.replace(minute=0), 0, ())


def test_a_message_leaves_all_others_as_they_were(callback, claimed, now):
    """Waiting, claimed and parked requests keep their place, their windows and their hands; an answer is owed."""
    for request in (callback, claimed, replace(claimed, status=Status.PARKED)):
        assert written(request, now) == replace(request, answer_by=now + 3 * DAY)


def test_what_was_written_is_handed_out_although_every_window_is_missed(head, now):
    """Missed after they wrote, they are answered in writing; without a word from them nobody gets the request."""
    missed = head(windows=(window(now - 3 * HOUR),))
    assert claim(missed, now).ready_at is None
    request = claim(written(missed, now - 2 * HOUR), now)
    assert (request.status, request.windows, request.due_at) == (Status.CLAIMED, (), now - 2 * HOUR + 3 * DAY)


def test_a_claim_takes_what_was_written_with_it(callback, now):
    """Once somebody has it in hand, nothing is owed but what they do with it."""
    assert claim(written(callback, now), now).answer_by is None


def test_nothing_written_during_a_claim_is_buried(head, now):
    """A message that nobody has read keeps a request open: closing is refused, and the last attempt lets it wait."""
    held = written(claim(head(windows=(window(now - HOUR),), attempts=2), now), now)
    fence = {"practitioner": "alex", "number": 1, "now": now}
    with pytest.raises(Conflict, match="unread-message"):
        FENCED["close"](held, **fence)
    request = FENCED["attempt"](held, **fence)
    assert (request.status, request.windows, request.due_at) == (Status.WAITING, (), now + 3 * DAY)
    read = claim(held, now)
    assert (read.number, read.lease_until) == (held.number, held.lease_until)
    assert FENCED["close"](read, **fence).status is Status.CLOSED
    assert FENCED["attempt"](read, **fence).status is Status.CLOSED


def test_a_slot_chosen_during_a_claim_is_not_buried(head, now):
    """Whoever holds it rings by what was agreed before: they see the new time before they finish, and it is kept."""
    held = claim(head(windows=(window(now - HOUR),)), now)
    tomorrow = requests.choose_slot(held, slot=window(now + DAY), now=now)
    fence = {"practitioner": "alex", "number": 1, "now": now}
    with pytest.raises(Conflict, match="unread-message"):
        FENCED["close"](tomorrow, **fence)
    assert FENCED["close"](claim(tomorrow, now), **fence).status is Status.CLOSED
    waits = FENCED["attempt"](tomorrow, **fence)
    assert (waits.status, waits.visible_at, waits.due_at) == (Status.WAITING, now + DAY, now + DAY + 2 * HOUR)
    begun = FENCED["attempt"](requests.choose_slot(held, slot=window(now - HOUR, 3), now=now), **fence)
    assert (begun.status, begun.visible_at, begun.due_at) == (Status.WAITING, now, now + 2 * HOUR)


def test_a_slot_chosen_while_it_waits_owes_nothing_more(callback, now):
    """Whoever claims it next sees the new time anyway."""
    assert requests.choose_slot(callback, slot=window(now + DAY), now=now).answer_by is None


def test_a_reopened_request_is_kept_as_long_as_was_promised_whatever_the_setting_says_now(claimed, now):
    """Its shred key goes on the day that was promised: nothing may be promised beyond it."""
    closed = requests.close(claimed, practitioner="alex", number=1, outcome=Outcome.ANSWERED, now=now, rules=RULES)
    assert written(closed, now).expires_at == claimed.retained_until == claimed.submitted_at + RULES.retention


def test_a_colleague_does_not_read_for_the_holder(callback, now):
    """What a requester wrote stays unread when somebody else asks in vain."""
    held = written(claim(callback, now), now)
    assert claim(held, now, "sam") == held


def test_another_slot_takes_the_place_of_the_agreed_ones(callback, now):
    """The new window is the only one, and attempts and misses begin anew."""
    request = requests.choose_slot(replace(callback, attempts=2, missed=1), slot=window(now + 5 * DAY), now=now)
    assert (request.windows, request.visible_at) == ((window(now + 5 * DAY),), now + 5 * DAY)
    assert (request.due_at, request.attempts, request.missed) == (now + 5 * DAY + 2 * HOUR, 0, 0)
    assert request.status is Status.WAITING


def test_another_slot_reopens_what_was_unreachable(head, now):
    """Closed as unreachable, it waits for the new window."""
    closed = attempt(claim(head(windows=(window(now - HOUR),)), now), now)
    request = requests.choose_slot(closed, slot=window(now + DAY), now=now)
    assert (request.status, request.outcome, request.slot) == (Status.WAITING, None, window(now + DAY))
    assert request.expires_at == request.submitted_at + RULES.retention


def test_nothing_is_promised_past_the_end_of_a_life(callback):
    """What would be deleted before it comes due is refused: at its end, though not a microsecond before."""
    end = callback.expires_at
    assert requests.outlive(callback, end - TICK) == callback
    with pytest.raises(Conflict, match="expires-first"):
        requests.outlive(callback, end)


def test_another_slot_takes_nothing_out_of_a_practitioners_hands(claimed, now):
    """Somebody on the phone keeps the claim."""
    request = requests.choose_slot(claimed, slot=window(now + DAY), now=now)
    assert requests.held(request, practitioner="alex", number=1, now=now).slot == window(now + DAY)


def test_an_information_request_has_no_slot(head, now):
    """It is answered in the mailbox."""
    with pytest.raises(Conflict, match="not-a-callback"):
        requests.choose_slot(head(), slot=window(now), now=now)


# --- unpark, expel, withdraw


def test_unpark_forgives_the_lapses(callback, now):
    """A supervisor has looked at it: back in its old place, with five lapses to come."""
    parked = replace(callback, status=Status.PARKED, lapses=5)
    assert requests.unpark(parked, now=now) == callback


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PARKED])
def test_only_what_is_parked_is_unparked(callback, now, status):
    """Anything else is left as it is, and said so."""
    with pytest.raises(Conflict, match="not-parked"):
        requests.unpark(replace(callback, status=status), now=now)


@pytest.mark.parametrize("after", [timedelta(), DAY])
def test_expel_takes_a_claim_back(claimed, after):
    """A leaver's claim, live or lapsed, is given back without counting as a lapse, and their number is lost."""
    now = claimed.lease_until - TICK + after
    request = requests.expel(claimed, now=now)
    assert (request.status, request.lapses, request.number) == (Status.WAITING, 0, 1)
    with pytest.raises(ClaimLost):
        requests.held(request, practitioner="alex", number=1, now=now)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CLAIMED])
def test_only_what_is_claimed_is_expelled(callback, now, status):
    """Anything else is left as it is, and said so."""
    with pytest.raises(Conflict, match="not-claimed"):
        requests.expel(replace(callback, status=status), now=now)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.WITHDRAWN])
def test_withdraw_leaves_a_tombstone(callback, now, status):
    """Whatever it was, it is withdrawn: in nobody's hands, in no slot, and gone a day and an hour later at most."""
    stone = requests.withdraw(replace(callback, status=status, claimed_by="alex", lease_until=now), now=now)
    assert (stone.status, stone.windows, stone.visible_at) == (Status.WITHDRAWN, (), None)
    assert (stone.claimed_by, stone.lease_until, stone.ready_at, stone.slot) == (None, None, None, None)
    assert DAY <= stone.expires_at - now <= DAY + HOUR
    assert stone.fingerprint == callback.fingerprint


# --- what follows from a head


@pytest.mark.parametrize(
    ("language", "lane"),
    [("en", "en"), ("cy", "cy"), ("CY-gb", "cy"), ("cyx", "en"), ("pl", "en"), ("zh-Hant", "en")],
)
def test_welsh_has_a_lane_of_its_own(head, language, lane):
    """Everybody else is answered in English or with an interpreter."""
    assert head(language=language).lane == f"information/{lane}"


def test_lanes_are_kind_by_language():
    """Every kind has both lanes."""
    assert set(requests.LANES) == {f"{kind}/{language}" for kind in Kind for language in ("en", "cy")}


def test_unverified_stands_a_day_later(head, now):
    """Its due time is the same; only its place is not."""
    assert head(verified=False).order_at - head().order_at == DAY
    assert head(verified=False).due_at == head().due_at


def test_overdue_is_due_or_missed(head, now):
    """Late at its due time and not before, or once a window was missed; never once it is finished with."""
    request = head(due_at=now)
    assert not request.is_overdue(now - TICK)
    assert request.is_overdue(now)
    assert head(missed=1).is_overdue(now)
    for status in (Status.CLAIMED, Status.PARKED):
        assert replace(request, status=status).is_overdue(now)
    for status in (Status.CLOSED, Status.WITHDRAWN):
        assert not replace(request, status=status, missed=1).is_overdue(now)


def test_may_be_rung_only_inside_an_agreed_window(callback, now):
    """From a window's start up to its end, which is outside already."""
    inside = [now - HOUR, now + HOUR - TICK, now + DAY, now + 2 * DAY + HOUR]
    outside = [now - HOUR - TICK, now + HOUR, now + DAY - TICK, now + 2 * DAY + 2 * HOUR]
    assert all(callback.may_be_rung(at) for at in inside)
    assert not any(callback.may_be_rung(at) for at in outside)
