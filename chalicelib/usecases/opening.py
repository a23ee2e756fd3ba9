"""When the line is open, and the slots that can still be chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.slots import OpeningHours, Window
    from chalicelib.ports import Clock, RequestStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The helpline's hours as they stand now, with the closures that a supervisor has set."""

    helpline: Helpline
    store: RequestStore
    clock: Clock

    def hours(self) -> OpeningHours:
        """Give the opening hours with the closures in them; as published, if the closures cannot be read."""
        try:
            return self.hours_with_closures()
        except Unavailable:
            return self.helpline.hours

    def hours_with_closures(self) -> OpeningHours:
        """
        Give the opening hours with the closures in them.

        Raises:
            Unavailable: the closures cannot be read.
        """
        closures = self.store.closures()
        return replace(self.helpline.hours, closures=closures) if closures else self.helpline.hours

    def status(self, hours: OpeningHours | None = None) -> tuple[bool, datetime | None]:
        """Tell whether the line is open now, and if not, when it opens; by *hours* where they have just been read."""
        now, hours = self.clock.now(), hours or self.hours()
        is_open = hours.is_open(now)
        return is_open, None if is_open else hours.opens_next(now)

    def slots(self, *, starts_from: datetime | None = None, days: int = 7) -> tuple[Window, ...]:
        """List the slots that can be chosen and have room."""
        now = self.clock.now()
        if starts_from is not None and starts_from > now + self.helpline.hours.horizon:
            return ()  # said here because the calendar ends in 9999, and *days* would be counted past it
        offered = tuple(self.hours().slots(now, starts_from=starts_from, days=days))
        taken = self.store.slots_taken(offered, now=now)
        return tuple(slot for slot in offered if taken.get(slot.id, 0) < self.helpline.slot_capacity)

    def chosen(self, slot_id: str, *, pointer: str, hours: OpeningHours | None = None) -> Window:
        """
        Give the window that a requester chose.

        Raises:
            Conflict: `slot-closed`, it is past, closed, too far ahead, or was never offered.
        """
        window = (hours or self.hours()).offers(slot_id, self.clock.now())
        if window is None:
            raise Conflict("slot-closed", pointer=pointer)
        return window
