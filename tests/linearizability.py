"""
Is what many saw at once what somebody alone could have seen, one call after the other, in an order that time allows?

The search is that of Wing and Gong (1993) with Lowe's memory (2017): of the calls that may come next, because none that
is left ended before they began, one is tried after the other, and no set of calls that are done is met twice in the
same state. A call whose answer was lost has no end: it may take effect at any time after its beginning, or never.
The search may grow beyond all bounds, so it has one: a history that is not decided by then is not explained either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    Step = Callable[[Any, "Call"], Iterable[Hashable]]


MOST = 500_000
"""How many sets of done calls in a state are met before the search is given up; histories here take a thousand."""


class NotDecided(AssertionError):  # noqa: N818 - it is a verdict
    """Nobody knows whether an order explains the history: there are too many to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that *who* made: when it *began* and *ended* (None: its answer was lost), and what it was answered."""

    who: str
    verb: str
    began: int
    ended: int | None
    key: str | None = None
    said: tuple[Any, ...] = ()
    answer: Any = None


def order_of(calls: Sequence[Call], step: Step, state: Hashable, *, most: int = MOST) -> list[Call] | None:
    """
    Give an order of *calls* that explains every answer, beginning in *state*; None if there is none.

    *step* gives the states that a call may lead to with the answer that it got; none if that answer is impossible.

    Raises:
        NotDecided: *most* steps were looked at, and neither an order was found nor that there is none.
    """
    calls = sorted(calls, key=lambda call: call.began)
    needed = sum(1 << at for at, call in enumerate(calls) if call.ended is not None)
    met: set[tuple[int, Hashable]] = set()
    path: list[int] = []
    turns = [_next(calls, step, 0, state)]
    while turns:
        for at, done, after in turns[-1]:
            if (done, after) in met:
                continue
            met.add((done, after))
            if len(met) > most:
                message = f"not decided: {len(calls)} calls, and after {most:,} steps neither an order nor that none is"
                raise NotDecided(message)
            path.append(at)
            if done & needed == needed:
                return [calls[each] for each in path]
            turns.append(_next(calls, step, done, after))
            break
        else:
            turns.pop()
            if path:
                path.pop()
    return [] if not needed else None


def _next(calls, step, done, state):
    """Give each call that may come next, with what is done then and the state that it leads to."""
    first_end = None
    for at, call in enumerate(calls):
        if done >> at & 1:
            continue
        if first_end is not None and call.began > first_end:
            return
        for after in step(state, call):
            yield at, done | 1 << at, after
        if call.ended is not None and (first_end is None or call.ended < first_end):
            first_end = call.ended


def told(calls: Sequence[Call]) -> str:
    """Write a history for somebody who has to find out what went wrong: one line a call, in order of beginning."""
    calls = sorted(calls, key=lambda call: call.began)
    start = calls[0].began if calls else 0
    return "\n".join(
        f"{(call.began - start) / 1e6:9.3f} {'lost' if call.ended is None else f'{(call.ended - start) / 1e6:9.3f}':>9}"
        f"  {call.who:8} {call.verb} {call.key or ''} {call.said} -> {call.answer}"
        for call in calls
    )
