"""How each lane stands, counted from the index and from the hands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.ports import LaneState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from chalicelib.adapters.dynamodb_queue import Entry
    from chalicelib.domain.requests import ContactRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    lane: str
    submitted_at: datetime
    due_at: datetime
    missed: int
    state: str
    ready: bool


def lane_states(
    claimed: Sequence[ContactRequest], entries: Iterable[Entry], *, now: datetime, soon: datetime
) -> tuple[LaneState, ...]:
    """Count each lane that holds anything; a claim whose lease has lapsed waits."""
    states: dict[str, LaneState] = {}
    for each in _counted(claimed, entries, now):
        state = states.get(each.lane, LaneState(lane=each.lane))
        waiting = each.state == "waiting"
        oldest = state.oldest_at
        if waiting and (oldest is None or each.submitted_at < oldest):
            oldest = each.submitted_at
        states[each.lane] = replace(
            state,
            waiting=state.waiting + waiting,
            oldest_at=oldest,
            due_soon=state.due_soon + (waiting and each.missed == 0 and now < each.due_at < soon),
            overdue=state.overdue + (each.due_at <= now or each.missed > 0),
            claimed=state.claimed + (each.state == "claimed"),
            parked=state.parked + (each.state == "parked"),
            ready=state.ready + (waiting and each.ready),
            due_at=min(state.due_at or each.due_at, each.due_at) if waiting else state.due_at,
        )
    return tuple(states[lane] for lane in sorted(states))


def _counted(claimed: Sequence[ContactRequest], entries: Iterable[Entry], now: datetime) -> Iterable[_Counted]:
    seen = set()
    for head in claimed:
        seen.add(head.request_id)
        yield _Counted(
            lane=head.lane,
            submitted_at=head.submitted_at,
            due_at=head.due_at,
            missed=head.missed,
            state="claimed" if head.is_live(now) else "waiting",
            ready=not head.is_live(now),
        )
    for entry in entries:
        if entry.expires_at > now and entry.request_id not in seen:
            seen.add(entry.request_id)
            yield _Counted(
                lane=entry.lane,
                submitted_at=entry.submitted_at,
                due_at=entry.due_at,
                missed=entry.missed,
                state="parked" if entry.parked else "waiting",
                ready=entry.is_ready(now),
            )
