"""The clock: the machine's own, or one that starts at an instant of one's choosing and runs on."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The machine's clock; with *starts_at*, shifted so that it shows that instant now and runs on from there."""

    def __init__(self, starts_at: datetime | None = None) -> None:
        present = datetime.now(UTC)
        self._shift = (starts_at or present) - present

    def now(self) -> datetime:
        """Give the present instant in UTC."""
        return datetime.now(UTC) + self._shift
