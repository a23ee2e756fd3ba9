"""The checker of histories, and the model that it steps: what they let pass and what they find."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from linearizability import Call, NotDecided, order_of, told
from queue_model import Life, of_all, of_one

HOUR = 3_600_000_000


def register(state, call):
    """Step a register: `write` sets it, `read` gives it."""
    if call.verb == "write":
        return [call.said[0]]
    return [state] if call.ended is None or call.answer == state else []


def read(began, ended, answer, who="a"):
    """Read."""
    return Call(who=who, verb="read", began=began, ended=ended, answer=answer)


def write(began, ended, value, who="b"):
    """Write."""
    return Call(who=who, verb="write", began=began, ended=ended, said=(value,))


@pytest.mark.parametrize(
    ("calls", "good"),
    [
        ([], True),
        ([write(0, 1, 1), read(2, 3, 1)], True),
        ([write(0, 1, 1), read(2, 3, 0)], False),  # a stale read
        ([write(0, 5, 1), read(1, 2, 0), read(3, 4, 1)], True),  # at once: old, then new
        ([write(0, 5, 1), read(1, 2, 1), read(3, 4, 0)], False),  # seen, and unseen again
        ([write(0, 1, 1), write(2, 3, 2), read(4, 5, 1)], False),  # a lost update
        ([write(0, 3, 1), write(1, 2, 2, who="c"), read(4, 5, 1)], True),  # at once: either may be the last
        ([write(0, None, 1), read(5, 6, 0), read(7, 8, 1)], True),  # an answer was lost: it took effect later
        ([write(0, None, 1), read(5, 6, 0)], True),  # or never
        ([write(0, None, 1), read(5, 6, 1), read(7, 8, 0)], False),  # but not both
        ([read(0, 1, 1), write(2, None, 1)], False),  # and not before it began
    ],
)
def test_known_histories_are_judged_right(calls, good):
    """Stale reads, lost updates and effects before their cause have no order; what was at once may be in any."""
    assert (order_of(calls, register, 0) is not None) is good


def test_a_search_without_end_is_given_up():
    """Where too many orders would have to be tried, nobody says that there is one, or that there is none."""
    many = [*(write(0, 100, value, who=f"w{value}") for value in range(1, 12)), read(101, 102, 99)]
    with pytest.raises(NotDecided, match=r"^not decided: 12 calls"):
        order_of(many, register, 0, most=200)
    assert order_of(many, register, 0) is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 1), st.integers(0, 8), st.integers(1, 8), st.booleans()), max_size=5
    )
)
def test_the_search_finds_what_trying_every_order_finds(drawn):
    """Whatever the history, the clever search and the simple one agree, and an order that is given explains it."""
    calls = [
        Call(
            who=str(at),
            verb="write" if writes else "read",
            began=began * 10 + at,
            ended=None if lost else (began + length) * 10 + at,
            said=(value,) if writes else (),
            answer=None if writes else value,
        )
        for at, (writes, value, began, length, lost) in enumerate(drawn)
    ]
    order = order_of(calls, register, 0)
    assert (order is not None) is any(
        explains(chosen, calls) for size in range(len(calls) + 1) for chosen in itertools.permutations(calls, size)
    )
    assert order is None or explains(order, calls)


def explains(order, calls):
    """Tell whether this order has every call that ended, breaks no order of time, and gives every answer."""
    if any(call.ended is not None and call not in order for call in calls):
        return False
    for before, after in itertools.combinations(order, 2):
        if after.ended is not None and after.ended < before.began:
            return False
    states = [0]
    for call in order:
        states = [after for state in states for after in register(state, call)]
    return bool(states)


def call(verb, began, *said, answer=None, who="alex", key="r", lasts=1, lost=False):
    """Make a call about a request."""
    ended = None if lost else began + lasts
    key = None if verb == "claim" else key
    return Call(who=who, verb=verb, key=key, began=began, ended=ended, said=said, answer=answer)


SENT = call("submit", 0, "body", 5, answer="body")
TAKEN = call("claim", 2, 100, HOUR, answer=["r", 1])
GONE = call("withdraw", 4, answer=True)


@pytest.mark.parametrize(
    ("calls", "good"),
    [
        ([SENT, TAKEN, call("get", 4, answer=["claimed", 1, "alex", 100 + HOUR])], True),
        ([SENT, TAKEN, call("claim", 4, 200, HOUR, who="kim", answer=["r", 2])], False),  # handed out twice
        ([SENT, TAKEN, call("claim", 4, 200 + HOUR, HOUR, who="kim", answer=["r", 2])], True),  # it had lapsed
        ([SENT, TAKEN, call("claim", 4, 200 + HOUR, HOUR, who="kim", answer=None)], False),  # lapsed, and not given
        ([SENT, call("claim", 2, 100, HOUR, answer=None)], False),  # it waits, and is not given
        ([SENT, call("claim", 2, 100, HOUR, lost=True), call("claim", 4, 200, HOUR, who="kim", answer=None)], True),
        ([SENT, TAKEN, call("reply", 4, 1, 200, "m", answer="done"), call("messages", 6, answer=[])], False),
        ([SENT, TAKEN, call("reply", 4, 1, 100 + HOUR, "m", answer="done")], False),  # late, and not refused
        ([SENT, TAKEN, call("renew", 4, 1, 200, HOUR, who="kim", answer="done")], False),  # not theirs
        ([SENT, TAKEN, call("release", 4, 1, 200, answer="lost")], False),  # theirs, and refused
        ([SENT, TAKEN, call("write", 4, 150, "m", 9, answer="done"), call("close", 6, 1, 200, answer="done")], False),
        (
            [
                SENT,
                TAKEN,
                call("write", 4, 150, "m", 9, answer="done"),
                call("close", 6, 1, 200, answer="unread-message"),
            ],
            True,
        ),
        ([SENT, GONE, call("get", 6, answer=["waiting", 0, None, None])], False),  # withdrawn, and still there
        ([SENT, GONE, call("withdraw", 6, answer=True)], False),  # withdrawn twice
        ([SENT, call("submit", 2, "other", 7, answer="other")], False),  # a repeat that overwrites
    ],
)
def test_a_request_answers_as_the_design_says(calls, good):
    """Double claims, late work, lost replies, buried messages and what was withdrawn and is there are all found."""
    assert (order_of(calls, of_one("r"), Life()) is not None) is good


def test_a_queue_gives_what_is_due_first():
    """Each request alone could be given; of both it is the one that is due sooner, until somebody has it."""
    later, sooner = call("submit", 0, "b", 9, answer="b"), call("submit", 2, "b", 5, key="q", answer="b")
    takes = [call("claim", 4, 100, HOUR, answer=["q", 1]), call("claim", 6, 100, HOUR, answer=["r", 1])]
    step, empty = of_all(["q", "r"]), (Life(), Life())
    assert order_of([later, sooner, *takes], step, empty) == [later, sooner, *takes]
    assert order_of([later, sooner, takes[1]], step, empty) is None


def test_the_fifth_lapse_parks():
    """Dropped five times, it is met by a claim that gives nothing, and is nobody's then."""
    takes = [call("claim", 2 * at, at * HOUR, HOUR, answer=["r", at]) for at in range(1, 6)]
    parked = call("claim", 20, 7 * HOUR, HOUR, answer=None)
    assert order_of([SENT, *takes, parked, call("get", 30, answer=["parked", 5, None, None])], of_one("r"), Life())
    assert order_of([SENT, *takes, call("claim", 20, 7 * HOUR, HOUR, answer=["r", 6])], of_one("r"), Life()) is None


def test_a_history_is_told_line_by_line():
    """Whoever has to find out what went wrong reads who did what when, and which answers were lost."""
    text = told([SENT, call("claim", 2, 100, HOUR, lost=True)])
    assert "submit r ('body', 5) -> body" in text
    assert "lost" in text.splitlines()[1]
