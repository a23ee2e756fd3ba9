"""The checker that the kills and the power cuts are judged by finds what is planted, and nothing else."""

from __future__ import annotations

import random

import pytest
from total_queue import Element, History, Lent, judge, lent_twice

ONE, OTHER = Element("request", "one", "one"), Element("request", "other", "other")
MESSAGE = Element("message", "a word", "one")


def history_of(*, attempted=(), acknowledged=(), leaving=(), left=()):
    """Write a history down."""
    history = History()
    for element in (*attempted, *acknowledged):
        history.attempt(element)
    for element in acknowledged:
        history.acknowledge(element)
    for request in (*leaving, *left):
        history.leave(request)
    for request in left:
        history.has_left(request)
    return history


def test_what_was_acknowledged_and_is_there_once_is_clean():
    """A history and a store that agree have nothing wrong with them."""
    verdict = judge(history_of(acknowledged=[ONE, OTHER]), [OTHER, ONE])
    assert verdict.is_clean
    assert set(verdict.figures.values()) == {0}


def test_a_planted_loss_is_found():
    """What was acknowledged and is not there is lost."""
    verdict = judge(history_of(acknowledged=[ONE, OTHER]), [OTHER])
    assert (verdict.lost, verdict.is_clean) == ({ONE: 1}, False)


def test_a_planted_invention_is_found():
    """What is there and was never tried is invented, and so is what was refused."""
    history = history_of(acknowledged=[ONE])
    history.attempt(MESSAGE)
    history.refuse(MESSAGE)
    verdict = judge(history, [ONE, OTHER, MESSAGE])
    assert (verdict.invented, verdict.is_clean) == ({OTHER: 1, MESSAGE: 1}, False)


def test_a_planted_double_is_found():
    """What is there twice and was tried once is doubled, acknowledged or not."""
    verdict = judge(history_of(acknowledged=[ONE], attempted=[OTHER]), [ONE, ONE, OTHER, OTHER, OTHER])
    assert (verdict.doubled, verdict.is_clean) == ({ONE: 1, OTHER: 2}, False)


def test_what_was_tried_twice_may_be_there_twice():
    """Two tries of the same, both answered, leave two; one of them missing is one lost."""
    history = history_of(acknowledged=[MESSAGE, MESSAGE])
    assert judge(history, [MESSAGE, MESSAGE]).is_clean
    assert judge(history, [MESSAGE]).lost == {MESSAGE: 1}


def test_what_was_not_answered_may_be_there_or_not():
    """An effect whose answer was lost is recovered where it is there, and nothing where it is not."""
    history = history_of(attempted=[ONE])
    assert judge(history, [ONE]).recovered == {ONE: 1}
    assert judge(history, [ONE]).is_clean
    assert judge(history, []).is_clean
    assert not judge(history, []).recovered


def test_what_is_being_withdrawn_may_be_there_or_not():
    """A withdrawal without an answer excuses what is missing of that request, and of no other."""
    history = history_of(acknowledged=[ONE, MESSAGE, OTHER], leaving=["one"])
    assert judge(history, [OTHER]).is_clean
    assert judge(history, [ONE, MESSAGE, OTHER]).is_clean
    assert judge(history, [ONE]).lost == {OTHER: 1}


def test_what_was_withdrawn_must_be_gone():
    """Whatever of a withdrawn request is still there is kept, its messages too."""
    history = history_of(acknowledged=[ONE, MESSAGE, OTHER], left=["one"])
    assert judge(history, [OTHER]).is_clean
    assert judge(history, [ONE, MESSAGE, OTHER]).kept == {ONE: 1, MESSAGE: 1}


def test_what_only_an_answer_names_is_counted_under_that_name():
    """A claim that was answered must be in the trail as what it got; without an answer it is one of a person's."""
    tried, became = Element("claim by", "alex"), Element("claim", "one/1/alex")
    history = History()
    history.attempt(tried)
    history.attempt(tried)
    history.instead(tried, became)
    assert judge(history, [became]).is_clean
    assert judge(history, [became, tried]).recovered == {tried: 1}
    assert judge(history, [became, tried, tried]).doubled == {tried: 1}
    assert judge(history, [tried]).lost == {became: 1}


def test_nothing_counts_after_the_end():
    """Answers that come after the power has gone are no promise, until notes are taken again."""
    history = history_of(attempted=[ONE])
    history.end()
    history.acknowledge(ONE)
    history.attempt(OTHER)
    history.leave("one")
    history.has_left("one")
    assert (history.acknowledged.total(), history.attempted[OTHER], history.leaving, history.left) == (
        0,
        0,
        set(),
        set(),
    )
    history.go_on()
    history.acknowledge(ONE)
    assert history.acknowledged[ONE] == 1


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        ([("one", "alex", 1), ("one", "sam", 2)], [("one", "sam", 2)]),
        ([("one", "alex", 1), ("one", "sam", 1)], [("one", "sam", 1)]),
        ([("one", "alex", 1), ("one",), ("one", "sam", 1)], [("one", "sam", 1)]),
        ([("one", "alex", 1), ("one",), ("one", "alex", 1)], [("one", "alex", 1)]),
        ([("one", "alex", 1), ("one",), ("one", "sam", 2)], []),
        ([("one", "alex", 1), ("one", "alex", 1)], []),
        ([("one", "alex", 1), ("other", "sam", 1)], []),
    ],
)
def test_a_request_is_lent_to_one_at_a_time(steps, wrong):
    """Handed out while it is out, or under a number that was given before, it is lent twice; shown again it is not."""
    assert lent_twice(Lent(*step) for step in steps) == tuple(Lent(*step) for step in wrong)


def test_every_single_fault_in_a_long_history_is_found():
    """Of a thousand acknowledged elements any one taken away, added or doubled is found, and it alone."""
    dice = random.Random(8)
    elements = [Element("request", str(number), str(number)) for number in range(1000)]
    history = history_of(acknowledged=elements)
    for _ in range(50):
        chosen = dice.choice(elements)
        without = [element for element in elements if element != chosen]
        assert judge(history, without).lost == {chosen: 1}
        assert judge(history, [*elements, chosen]).doubled == {chosen: 1}
        stranger = Element("request", f"{chosen.name}x", None)
        assert judge(history, [*elements, stranger]).invented == {stranger: 1}
