"""Opening hours and callback windows: split shifts, bank holidays, summer time, closures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.holidays import YEARS, BankHolidays
from chalicelib.domain.slots import OpeningHours, Window, floor_to_hour, parse_slot_id

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
LONDON = ZoneInfo("Europe/London")
ENGLAND, SCOTLAND = BankHolidays("England"), BankHolidays("Scotland")
WEEK = ((time(9), time(21)),)
OFFICE = (WEEK, WEEK, WEEK, WEEK, ((time(9), time(17)),), (), ())
SPLIT = ((time(9), time(12)), (time(13), time(17)))


def hours(shifts=OFFICE, holidays=ENGLAND, **changes):
    """Open as the helpline does."""
    return OpeningHours(zone=LONDON, shifts=shifts, holidays=holidays, **changes)


def at(text):
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ids(slots):
    """Name slots."""
    return [slot.id for slot in slots]


# --- slot ids


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        (Window(starts_at=at("2026-11-24T18:00"), ends_at=at("2026-11-24T20:00")), "2026-11-24T18:00Z/2h"),
        (Window(starts_at=at("2026-11-24T18:30"), ends_at=at("2026-11-24T20:00")), "2026-11-24T18:30Z/90m"),
        (Window(starts_at=at("2026-12-31T23:00"), ends_at=at("2027-01-01T01:00")), "2026-12-31T23:00Z/2h"),
    ],
)
def test_a_slot_id_is_its_start_and_length(slot, text):
    """The id that travels is readable, and reads back into the same window."""
    assert slot.id == text
    assert parse_slot_id(text) == slot


@given(st.datetimes(datetime(1970, 1, 1), datetime(9990, 1, 1)), st.integers(1, 999))
def test_slot_ids_round_trip(starts_at, minutes):
    """Every window of whole minutes comes back from its id."""
    starts_at = starts_at.replace(second=0, microsecond=0, tzinfo=UTC)
    slot = Window(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=minutes))
    assert parse_slot_id(slot.id) == slot


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24T18:00Z",
        "2026-11-24T18:00/2h",
        "2026-11-24 18:00Z/2h",
        "2026-13-24T18:00Z/2h",
        "2026-02-30T18:00Z/2h",
        "2026-11-24T25:00Z/2h",
        "2026-11-24T18:00Z/2d",
        "2026-11-24T18:00Z/-2h",
        "2026-11-24T18:00Z/2000h",
        "2026-11-24T18:00Z/2h ",
        "2026-11-24T18:00Z/2h\n",
        "9999-12-31T23:00Z/999h",
        "２０２６-11-24T18:00Z/2h\0",
    ],
)
def test_what_is_no_slot_id_is_none(text):
    """Anything else is no slot, and no error either."""
    assert parse_slot_id(text) is None


def test_a_window_ends_before_its_end():
    """The start is inside, the end outside."""
    slot = Window(starts_at=at("2026-11-24T18:00"), ends_at=at("2026-11-24T20:00"))
    assert [slot.contains(slot.starts_at - TICK), slot.contains(slot.starts_at)] == [False, True]
    assert [slot.contains(slot.ends_at - TICK), slot.contains(slot.ends_at)] == [True, False]


# --- split shifts


def test_slots_lie_wholly_inside_one_shift():
    """Over lunch nobody answers, so no slot spans it, and none runs past closing time."""
    split = hours((SPLIT,) * 7)
    assert ids(split.slots(at("2026-11-24T00:00"), days=1)) == [
        "2026-11-24T09:00Z/2h",
        "2026-11-24T10:00Z/2h",
        "2026-11-24T13:00Z/2h",
        "2026-11-24T14:00Z/2h",
        "2026-11-24T15:00Z/2h",
    ]


def test_the_line_is_closed_between_shifts():
    """Open to the microsecond before a shift ends, closed at its end, open again at the next one's start."""
    split = hours((SPLIT,) * 7)
    noon, one = at("2026-11-24T12:00"), at("2026-11-24T13:00")
    assert [split.is_open(noon - TICK), split.is_open(noon), split.is_open(one - TICK), split.is_open(one)] == [
        True,
        False,
        False,
        True,
    ]
    assert split.opens_next(noon) == one


def test_a_shift_may_end_at_midnight():
    """A line that is open until midnight is open until the day is over."""
    late = hours((((time(22), time.max),),) * 7)
    midnight = at("2026-11-25T00:00")
    assert late.is_open(midnight - TICK)
    assert not late.is_open(midnight)
    assert ids(late.slots(at("2026-11-24T12:00"), days=1)) == ["2026-11-24T22:00Z/2h"]


# --- bank holidays


@pytest.mark.parametrize(
    ("day", "england", "scotland"),
    [
        ("2026-01-01", True, True),
        ("2026-01-02", False, True),
        ("2026-04-06", True, False),  # Easter Monday
        ("2026-08-31", True, False),
        ("2026-08-03", False, True),
        ("2026-11-30", False, True),  # St Andrew's Day
        ("2026-12-25", True, True),
        ("2026-12-26", True, True),
        ("2026-12-28", True, True),  # for Boxing Day, which is a Saturday
        ("2026-12-29", False, False),
        ("2027-12-27", True, True),  # for Christmas Day, a Saturday
        ("2027-12-28", True, True),  # for Boxing Day, a Sunday
        ("2026-11-24", False, False),
    ],
)
def test_bank_holidays_are_the_nations_own(day, england, scotland):
    """England and Scotland keep different days, and a holiday on a weekend is kept on the next working day."""
    day = date.fromisoformat(day)
    assert (ENGLAND(day), SCOTLAND(day)) == (england, scotland)


@pytest.mark.parametrize("nation", ["England", "Wales", "Scotland", "Northern Ireland"])
def test_every_nation_has_its_holidays(nation):
    """Christmas is everywhere, and years to come are known too."""
    assert all(BankHolidays(nation)(date(year, 12, 25)) for year in (2026, 2027, 2035))


@pytest.mark.parametrize("nation", ["England", "Wales", "Scotland", "Northern Ireland"])
def test_the_holidays_that_lie_ready_are_the_librarys(nation):
    """Every day of the years in the file, and the years before and after it, which the library is asked about."""
    ready, library = BankHolidays(nation), BankHolidays(nation)._library
    day = date(YEARS.start - 1, 1, 1)
    while day.year <= YEARS.stop:
        assert ready(day) == (day in library), day
        day += timedelta(days=1)


def test_the_line_is_closed_on_a_bank_holiday():
    """On St Andrew's Day an English line is open and a Scottish one is not."""
    noon = at("2026-11-30T12:00")
    english, scottish = hours(), hours(holidays=SCOTLAND)
    assert english.is_open(noon)
    assert not scottish.is_open(noon)
    assert "2026-11-30T12:00Z/2h" in ids(english.slots(noon, days=1))
    assert ids(scottish.slots(noon, days=1)) == []
    assert scottish.opens_next(noon) == at("2026-12-01T09:00")


def test_boxing_days_substitute_is_a_day_off():
    """In 2026 Boxing Day is a Saturday: after Christmas Eve the line opens on Tuesday the 29th."""
    assert hours().opens_next(at("2026-12-24T21:00")) == at("2026-12-29T09:00")


def test_the_line_opens_after_a_weekend_and_a_bank_holiday():
    """Closed on Friday evening before Easter Monday, or the late May holiday, it opens on Tuesday."""
    assert hours().opens_next(at("2026-05-22T17:00")) == at("2026-05-26T08:00")  # 9:00 in summer time


# --- the change of summer time


@pytest.mark.parametrize(
    ("before", "after"),
    [("2026-03-27T09:00", "2026-03-30T08:00"), ("2026-10-23T08:00", "2026-10-26T09:00")],
)
def test_the_line_opens_at_nine_by_the_clock_on_the_wall(before, after):
    """Friday before and Monday after the clocks change the line opens at nine local time, an hour apart in UTC."""
    for instant in map(at, (before, after)):
        assert not hours().is_open(instant - TICK)
        assert hours().is_open(instant)
        assert next(hours().slots(instant - HOUR)).starts_at == instant
    assert hours().opens_next(at(before) + 10 * HOUR) == at(after)


@pytest.mark.parametrize(("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_slots_on_the_day_itself_keep_their_length(day, length):
    """On the day the clocks change a line that never closes has 23 or 25 hours, and each slot is two real hours."""
    always = hours((((time(0), time.max),),) * 7, holidays=lambda day: False)
    (shift,) = always.shifts_on(date.fromisoformat(day))
    assert shift.ends_at - shift.starts_at == length * HOUR
    slots = list(always.slots(shift.starts_at, days=1))
    assert {slot.ends_at - slot.starts_at for slot in slots} == {2 * HOUR}
    assert {later.starts_at - earlier.starts_at for earlier, later in pairwise(slots)} == {HOUR}
    assert all(parse_slot_id(slot.id) == slot for slot in slots)


def test_a_slot_chosen_before_the_change_is_kept_after_it():
    """Chosen on Friday in winter time, it is offered under the same id and still begins at ten on Monday's wall."""
    friday = at("2026-03-27T12:00")
    slot = hours().offers("2026-03-30T09:00Z/2h", friday)
    assert slot.starts_at.astimezone(LONDON).time() == time(10)
    assert hours().offers(slot.id, at("2026-03-29T12:00")) == slot


# --- what can be chosen


def test_a_window_in_progress_is_offered_while_half_of_it_is_left():
    """At exactly half it can be chosen, a microsecond later it cannot."""
    half = at("2026-11-24T19:00")
    assert next(hours().slots(half)).id == "2026-11-24T18:00Z/2h"
    assert next(hours().slots(half + TICK)).id == "2026-11-24T19:00Z/2h"
    assert hours().offers("2026-11-24T18:00Z/2h", half) is not None
    assert hours().offers("2026-11-24T18:00Z/2h", half + TICK) is None


@pytest.mark.parametrize(
    "slot_id",
    [
        "2026-11-24T10:00Z/2h",  # past
        "2025-11-24T18:00Z/2h",  # long past
        "2026-11-24T20:00Z/2h",  # runs past closing time
        "2026-11-28T10:00Z/2h",  # a Saturday
        "2026-12-25T10:00Z/2h",  # past the horizon, and Christmas
        "2027-11-24T10:00Z/2h",  # far past the horizon
        "2026-11-25T10:30Z/2h",  # between two slots
        "2026-11-25T10:00Z/1h",  # another length
        "2026-11-25T10:00Z/3h",
        "2026-11-25T10:00Z/119m",
        "2026-11-25T10:00Z/0h",
        "9999-12-31T00:00Z/2h",
        "0001-01-01T00:00Z/2h",
        "tomorrow",
    ],
)
def test_what_was_never_offered_is_refused(slot_id):
    """Past, closed, too far ahead, misaligned, of another length, or invented: none of them can be chosen."""
    assert hours().offers(slot_id, at("2026-11-24T18:05")) is None


def test_the_same_window_under_another_name_is_the_same():
    """A length in minutes names the same window as one in hours."""
    assert hours().offers("2026-11-25T10:00Z/120m", at("2026-11-24T18:05")).id == "2026-11-25T10:00Z/2h"


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))
def test_every_offered_slot_can_be_chosen_and_kept(now):
    """Whatever the time of year: what is listed is accepted, lies within opening hours and ends in the future."""
    now = now.replace(tzinfo=UTC)
    split = hours((SPLIT,) * 5 + ((), ()))
    slots = list(split.slots(now, days=9))
    assert slots == sorted(slots, key=lambda slot: slot.starts_at)
    for slot in slots:
        assert split.offers(slot.id, now) == slot
        assert split.is_open(slot.starts_at)
        assert split.is_open(slot.ends_at - TICK)
        assert slot.ends_at - now >= HOUR
    assert split.next_slot(now) == next(split.slots(now), None)


def test_nothing_is_offered_past_the_horizon():
    """People choose up to four weeks ahead."""
    now = at("2026-11-02T09:00")
    slots = list(hours().slots(now))
    assert slots[-1].starts_at == at("2026-11-27T15:00")
    assert hours(horizon=timedelta(days=4)).opens_next(at("2026-12-24T21:00")) is None


def test_from_and_days_narrow_the_range():
    """A day is a local day, from the one that is asked for on."""
    slots = list(hours().slots(at("2026-11-24T18:05"), starts_from=at("2026-11-26T00:00"), days=1))
    assert (slots[0].id, slots[-1].id, len(slots)) == ("2026-11-26T09:00Z/2h", "2026-11-26T19:00Z/2h", 11)
    assert list(hours().slots(at("2026-11-24T18:05"), days=0)) == []


# --- closures


def test_no_slot_is_offered_that_nobody_will_keep():
    """A closure takes every slot that it touches, and none that it only meets."""
    shut = Window(starts_at=at("2026-11-25T12:00"), ends_at=at("2026-11-25T13:00"))
    offered = ids(hours(closures=(shut,)).slots(at("2026-11-25T00:00"), days=1))
    assert offered[:3] == ["2026-11-25T09:00Z/2h", "2026-11-25T10:00Z/2h", "2026-11-25T13:00Z/2h"]
    assert hours(closures=(shut,)).offers("2026-11-25T11:00Z/2h", at("2026-11-25T00:00")) is None


def test_the_line_is_closed_during_a_closure():
    """From its start up to its end, and then it opens, within the shift."""
    shut = Window(starts_at=at("2026-11-25T12:00"), ends_at=at("2026-11-25T13:00"))
    closed = hours(closures=(shut,))
    assert closed.is_open(shut.starts_at - TICK)
    assert not closed.is_open(shut.starts_at)
    assert not closed.is_open(shut.ends_at - TICK)
    assert closed.is_open(shut.ends_at)
    assert closed.opens_next(shut.starts_at) == shut.ends_at


def test_closures_that_meet_are_one():
    """Fire alarm, then illness: the line opens after the last, in whatever order they were set."""
    now = at("2026-11-25T12:00")
    first = Window(starts_at=now - HOUR, ends_at=now + HOUR)
    second = Window(starts_at=now + HOUR, ends_at=now + 3 * HOUR)
    for closures in ((first, second), (second, first)):
        assert hours(closures=closures).opens_next(now) == second.ends_at


def test_a_closure_to_the_end_of_the_day_opens_with_the_next_shift():
    """Closed over the weekend too, the line opens on Monday; closed for ever, it says that it does not."""
    friday = at("2026-11-27T12:00")
    shut = Window(starts_at=friday, ends_at=friday + timedelta(days=2))
    assert hours(closures=(shut,)).opens_next(friday) == at("2026-11-30T09:00")
    for_ever = Window(starts_at=friday, ends_at=friday + timedelta(days=400))
    assert hours(closures=(for_ever,)).opens_next(friday) is None
    assert hours(closures=(for_ever,)).next_slot(friday) is None


# --- working days


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        ("2026-11-24T18:00", "2026-11-27T18:00"),
        ("2026-11-27T10:00", "2026-12-02T10:00"),  # over a weekend
        ("2026-11-28T10:00", "2026-12-02T10:00"),  # sent on one
        ("2026-12-23T10:00", "2026-12-30T10:00"),  # 24th, 29th, 30th: Christmas and both days for Boxing Day are off
        ("2026-12-31T10:00", "2027-01-06T10:00"),  # New Year's Day, a weekend
        ("2026-03-27T10:00", "2026-04-01T09:00"),  # summer time begins
        ("2026-10-23T09:00", "2026-10-28T10:00"),  # and ends
    ],
)
def test_working_days_pass_over_weekends_and_bank_holidays(sent, due):
    """Three working days later at the same time of day on the wall."""
    assert hours().working_days_after(at(sent)) == at(due)


def test_scotland_takes_its_own_days_off():
    """Hogmanay in Scotland: the second of January counts there as well."""
    sent = at("2025-12-31T10:00")
    assert hours().working_days_after(sent) == at("2026-01-06T10:00")
    assert hours(holidays=SCOTLAND).working_days_after(sent) == at("2026-01-07T10:00")


def test_a_closure_does_not_stop_the_working_day():
    """An answer in writing is due although the phone is off."""
    shut = Window(starts_at=at("2026-11-24T00:00"), ends_at=at("2026-11-30T00:00"))
    assert replace(hours(), closures=(shut,)).working_days_after(at("2026-11-24T18:00")) == at("2026-11-27T18:00")


def test_an_instant_is_cut_to_its_hour():
    """Minutes, seconds and fractions are gone; the hour stays."""
    assert floor_to_hour(at("2026-11-24T18:59:59.999999")) == at("2026-11-24T18:00")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40).map(lambda halves: at("2026-11-24T07:00") + halves * HOUR / 2),
            st.sampled_from([-TICK, 0 * TICK, TICK]),
            st.booleans(),
        ),
        min_size=8,
        max_size=20,
    )
)
def test_the_next_window_that_is_kept_is_the_one_that_would_be_found(moments):
    """In whatever order the clock is read, with a closure or without: what was found before stands in for nothing."""
    kept = hours((*OFFICE[:3], SPLIT, *OFFICE[4:]))
    shut = (Window(starts_at=at("2026-11-24T12:00"), ends_at=at("2026-11-24T15:30")),)
    for moment, by, closed in moments:
        mine = replace(kept, closures=shut) if closed else kept
        anew = hours((*OFFICE[:3], SPLIT, *OFFICE[4:]), closures=mine.closures)
        assert mine.next_slot(moment + by) == next(anew.slots(moment + by), None)


def test_hours_with_other_lengths_offer_their_own_slots():
    """What is kept is kept for the lengths it was worked out with: a copy with others shares none of it."""
    two_hours, now = hours(), at("2026-11-24T08:00")
    assert two_hours.next_slot(now).id == "2026-11-24T09:00Z/2h"
    half = replace(two_hours, slot_length=HOUR / 2, slot_every=HOUR / 2)
    assert half.next_slot(now).id == "2026-11-24T09:00Z/30m"
    assert ids(half.slots(now, days=1))[:3] == [f"2026-11-24T{start}Z/30m" for start in ("09:00", "09:30", "10:00")]
    assert two_hours.next_slot(now).id == "2026-11-24T09:00Z/2h"
