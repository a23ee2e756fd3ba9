"""Instants as SQLite keeps them: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Write an instant."""
    return (instant - _EPOCH) // _MICROSECOND


def perhaps_micros(instant: datetime | None) -> int | None:
    """Write an instant that may be missing."""
    return None if instant is None else micros(instant)


def instant(micros: int) -> datetime:
    """Read an instant."""
    return _EPOCH + timedelta(microseconds=micros)


def perhaps_instant(micros: int | None) -> datetime | None:
    """Read an instant that may be missing."""
    return None if micros is None else instant(micros)
