"""
Opening hours, and the callback windows that a requester chooses from.

People choose a time as the clock on their wall shows it, so hours are kept as local times of the helpline's zone and
turned into instants day by day; that is what makes a slot survive the change of summer time. Everything outside this
module is aware UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

DAYS_KNOWN = 400
_MINUTE = timedelta(minutes=1)
_SLOT_ID = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)Z/(\d{1,3})([hm])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time in which the requester agreed to be rung, or in which the line is open."""

    starts_at: datetime
    ends_at: datetime

    @property
    def id(self) -> str:
        """The name that travels: its start in UTC and its length, as `2026-11-24T18:00Z/2h`."""
        return _slot_id(self.starts_at, self.ends_at)

    def contains(self, now: datetime) -> bool:
        """Tell whether *now* is inside; the end is already outside."""
        return self.starts_at <= now < self.ends_at


@lru_cache(1024)
def _slot_id(starts_at: datetime, ends_at: datetime) -> str:
    minutes = (ends_at - starts_at) // _MINUTE
    length = f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
    return f"{starts_at.astimezone(UTC).isoformat(timespec='minutes')[:16]}Z/{length}"


def parse_slot_id(text: str) -> Window | None:
    """Read a slot id back into a window, or None if it is not one."""
    match = _SLOT_ID.fullmatch(text)
    if match is None:
        return None
    try:
        starts_at = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
        ends_at = starts_at + int(match[2]) * (timedelta(hours=1) if match[3] == "h" else timedelta(minutes=1))
    except (ValueError, OverflowError):
        return None
    return Window(starts_at=starts_at, ends_at=ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """
    When the helpline answers: shifts by weekday in local time, bank holidays of its nation, and closures.

    *shifts* holds seven tuples, Monday first, each of (opens, closes) local times; split shifts are two entries.
    *holidays* tells whether a local date is a bank holiday. *closures* are stretches for which a supervisor has closed
    the line. *slot_every* is the step from one slot's start to the next; slots lie wholly inside one shift.
    """

    zone: ZoneInfo
    shifts: tuple[tuple[tuple[time, time], ...], ...]
    holidays: Callable[[date], bool]
    closures: tuple[Window, ...] = ()
    slot_length: timedelta = timedelta(hours=2)
    slot_every: timedelta = timedelta(hours=1)
    horizon: timedelta = timedelta(days=28)
    working_days: int = 3
    _known_shifts: dict[date, tuple[Window, ...]] = field(default_factory=dict, repr=False, compare=False)
    # Copies share what is known: lengths, horizon and closures may be replaced; other shifts need hours made anew.
    _known_slots: dict[tuple[object, ...], tuple[Window, ...]] = field(default_factory=dict, repr=False, compare=False)
    _known_next: dict[tuple[object, ...], tuple[datetime, Window]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def each_week(self) -> Iterator[tuple[int, time, time]]:
        """Give the shifts of an ordinary week: weekday (Monday is 0), opening, closing; `time.max` is the day's end."""
        for weekday, shifts in enumerate(self.shifts):
            yield from ((weekday, opens, closes) for opens, closes in shifts)

    def is_working_day(self, day: date) -> bool:
        """Tell whether *day* is Monday to Friday and no bank holiday."""
        return day.weekday() < 5 and not self.holidays(day)  # noqa: PLR2004 - Saturday

    def shifts_on(self, day: date) -> tuple[Window, ...]:
        """Give the shifts of a local day as instants; none on a bank holiday. Kept: they do not change."""
        known = self._known_shifts.get(day)
        if known is None:
            shifts = () if self.holidays(day) else self.shifts[day.weekday()]
            known = tuple(
                Window(starts_at=self._instant(day, opens), ends_at=self._instant(day, closes))
                for opens, closes in shifts
            )
            if len(self._known_shifts) >= DAYS_KNOWN:
                self._known_shifts.clear()
            self._known_shifts[day] = known
        return known

    def _slots_in(self, shift: Window) -> tuple[Window, ...]:
        """Give the slots of a shift. Kept, as shifts are."""
        key = (shift, self.slot_length, self.slot_every)
        known = self._known_slots.get(key)
        if known is None:
            slots, starts_at = [], shift.starts_at
            while starts_at + self.slot_length <= shift.ends_at:
                slots.append(Window(starts_at=starts_at, ends_at=starts_at + self.slot_length))
                starts_at += self.slot_every
            if len(self._known_slots) >= DAYS_KNOWN:
                self._known_slots.clear()
            known = self._known_slots[key] = tuple(slots)
        return known

    def _instant(self, day: date, at: time) -> datetime:
        if at == time.max:
            day, at = day + timedelta(days=1), time(0)
        return datetime.combine(day, at, self.zone).astimezone(UTC)

    def _closed_for(self, window: Window) -> bool:
        return any(window.starts_at < shut.ends_at and shut.starts_at < window.ends_at for shut in self.closures)

    def is_open(self, now: datetime) -> bool:
        """Tell whether somebody answers the line at *now*."""
        day = now.astimezone(self.zone).date()
        for shift in (*self.shifts_on(day), *self.shifts_on(day - timedelta(days=1))):
            if shift.contains(now):
                return not any(shut.contains(now) for shut in self.closures)
        return False

    def opens_next(self, now: datetime) -> datetime | None:
        """Give the next instant at which the line opens, or None if it does not within the horizon."""
        for shift in self._shifts_from(now):
            opens_at = shift.starts_at
            for shut in sorted(self.closures, key=lambda closure: closure.starts_at):
                if shut.contains(max(opens_at, now)):
                    opens_at = shut.ends_at
            if now < opens_at < shift.ends_at:
                return opens_at
        return None

    def _shifts_from(self, now: datetime) -> Iterator[Window]:
        day = now.astimezone(self.zone).date() - timedelta(days=1)
        while True:
            for shift in self.shifts_on(day):
                if shift.ends_at > now:
                    if shift.starts_at > now + self.horizon:
                        return
                    yield shift
            day += timedelta(days=1)
            if self._instant(day, time(0)) > now + self.horizon:
                return

    def slots(self, now: datetime, *, starts_from: datetime | None = None, days: int | None = None) -> Iterator[Window]:
        """
        Offer the callback windows that can still be chosen at *now*, earliest first.

        A window that has begun is offered while at least half of it is left, so that somebody is really there to
        keep it. *starts_from* and *days* narrow the range; nothing is offered past the horizon.
        """
        since = max(now, starts_from or now)
        until = now + self.horizon
        if days is not None:
            day_after = since.astimezone(self.zone).date() + timedelta(days=days)
            until = min(until, self._instant(day_after, time(0)))
        half_over = since - self.slot_length / 2
        for shift in self._shifts_from(since):
            for slot in self._slots_in(shift):
                if slot.starts_at >= until:
                    return
                if slot.starts_at >= half_over and not self._closed_for(slot):
                    yield slot

    def next_slot(self, now: datetime) -> Window | None:
        """
        Give the window for somebody who chose none: the next one in which the line is open.

        Kept with the closures it was found under, and good until half of it is over.
        """
        key = (self.closures, self.slot_length, self.slot_every, self.horizon)
        found_at, slot = self._known_next.get(key, (now, None))
        if slot is None or not found_at <= now <= slot.starts_at + self.slot_length / 2:
            slot = next(self.slots(now), None)
            self._known_next.clear()
            if slot is not None:
                self._known_next[key] = now, slot
        return slot

    def offers(self, slot_id: str, now: datetime) -> Window | None:
        """Give the window that *slot_id* names if it can be chosen at *now*; past, closed, invented ones give None."""
        window = parse_slot_id(slot_id)
        if window is None or not now - self.slot_length <= window.starts_at <= now + self.horizon:
            return None
        for slot in self.slots(now, starts_from=max(now, window.starts_at), days=2):
            if slot.starts_at >= window.starts_at:
                return slot if slot == window else None
        return None

    def working_days_after(self, sent_at: datetime, days: int | None = None) -> datetime:
        """Give the instant *days* working days after *sent_at*, at the same local time of day."""
        local = sent_at.astimezone(self.zone)
        day = local.date()
        left = self.working_days if days is None else days
        while left:
            day += timedelta(days=1)
            left -= self.is_working_day(day)
        return datetime.combine(day, local.time(), self.zone).astimezone(UTC)


def floor_to_hour(instant: datetime) -> datetime:
    """Cut an instant to its hour: a time at rest that comes from a requester says no more than that (DESIGN 3.1)."""
    return instant.replace(minute=0, second=0, microsecond=0)
