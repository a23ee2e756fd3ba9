"""
A total-queue checker: what was asked for, what was answered, what is there, and whether the three can be true at once.

After Jepsen's checker of the same name. Everything that somebody tried to bring about is an element of a multiset, and
so is everything that is found in the end. An element that was acknowledged and is not there is *lost*; one that is
there and that nobody tried is *invented*; one that is there more often than it was tried is *doubled*; one that is
there and was never acknowledged is *recovered*, which is allowed: its answer was lost, not its effect. Two more, since
this queue erases and lends: what opens although it was withdrawn is *kept*, and a request that is handed out while
somebody holds it is *lent twice*. Pure: no store, no clock, no product.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Element(NamedTuple):
    """One effect: *what* it is, which one, and the request it belongs to and is erased with, if it is."""

    what: str
    name: str
    of: str | None = None


class Lent(NamedTuple):
    """A step in a request's being lent: *who* took it under *number*, or, with no number, that it came back."""

    request: str
    who: str = ""
    number: int | None = None


@dataclass(kw_only=True)
class History:
    """
    What was tried and what was answered, by as many threads as there are.

    Whoever tries says so before (`attempt`), and afterwards what became of it: `acknowledge`, or `refuse` for a
    definite no; saying nothing means that no answer came, and that it may or may not have happened. Once `ended`,
    nothing counts: an answer that comes after the power has gone reaches nobody. *owners* says whose a request is, by
    its id.
    """

    attempted: Counter[Element] = field(default_factory=Counter)
    acknowledged: Counter[Element] = field(default_factory=Counter)
    leaving: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def attempt(self, element: Element, *, once: bool = False) -> None:
        """Note that somebody is about to try; *once*, that however often they try it shall be one."""
        with self._lock:
            if not (once and self.attempted[element]):
                self.attempted[element] += not self.ended

    def acknowledge(self, element: Element, *, once: bool = False) -> None:
        """Note that it was answered with yes; *once*, that however often it was answered it is one and the same."""
        with self._lock:
            if not (once and self.acknowledged[element]):
                self.acknowledged[element] += not self.ended

    def refuse(self, element: Element) -> None:
        """Note that it was answered with no: that try brought about nothing."""
        with self._lock:
            self.attempted[element] -= not self.ended

    def instead(self, tried: Element, became: Element) -> None:
        """Note what an answered try came to, where only the answer names it: a claim does not know what it will get."""
        with self._lock:
            self.refuse(tried)
            self.attempt(became)
            self.acknowledge(became)

    def belongs(self, request_id: str, owner: str) -> None:
        """Note whose a request is."""
        with self._lock:
            self.owners[request_id] = owner

    def leave(self, request: str) -> None:
        """Note that somebody is about to withdraw a request, with everything that belongs to it."""
        with self._lock:
            if not self.ended:
                self.leaving.add(request)

    def has_left(self, request: str) -> None:
        """Note that the withdrawal was answered with yes."""
        with self._lock:
            if not self.ended:
                self.left.add(request)

    def end(self) -> None:
        """Take no more notes."""
        with self._lock:
            self.ended = True

    def go_on(self) -> None:
        """Take notes again."""
        with self._lock:
            self.ended = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is wrong, element by element; nothing but *recovered* may hold anything."""

    lost: Counter[Element]
    invented: Counter[Element]
    doubled: Counter[Element]
    kept: Counter[Element]
    lent_twice: tuple[Lent, ...]
    recovered: Counter[Element]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.invented or self.doubled or self.kept or self.lent_twice)

    @property
    def figures(self) -> dict[str, int]:
        """Count it, for a report."""
        names = ("lost", "invented", "doubled", "kept", "recovered")
        return {**{name: getattr(self, name).total() for name in names}, "lent_twice": len(self.lent_twice)}


def judge(history: History, found: Iterable[Element], lent: Iterable[Lent] = ()) -> Verdict:
    """
    Compare *history* with what is *found* in the end, and with how requests were *lent*, in the order of the trail.

    What belongs to a request that somebody tried to withdraw need not be there, and must not be once that was answered.
    """
    there = Counter(found)
    lost, recovered = Counter[Element](), Counter[Element]()
    for element, times in history.acknowledged.items():
        if there[element] < times and element.of not in history.leaving:
            lost[element] = times - there[element]
    invented, doubled, kept = Counter[Element](), Counter[Element](), Counter[Element]()
    for element, times in there.items():
        tried = history.attempted[element]
        if element.of in history.left:
            kept[element] = times
        elif tried <= 0:
            invented[element] = times
        else:
            doubled[element] = max(0, times - tried)
            recovered[element] = max(0, min(times, tried) - history.acknowledged[element])
    return Verdict(
        lost=+lost,
        invented=+invented,
        doubled=+doubled,
        kept=+kept,
        lent_twice=lent_twice(lent),
        recovered=+recovered,
    )


def lent_twice(steps: Iterable[Lent]) -> tuple[Lent, ...]:
    """Give every step that hands out a request that is out, or under a number that is no higher than the last."""
    wrong: list[Lent] = []
    last: dict[str, Lent] = {}
    out: set[str] = set()
    for step in steps:
        if step.number is None:
            out.discard(step.request)
            continue
        before = last.get(step.request)
        if before == step and step.request in out:
            continue  # the same hold, shown again to whoever has it
        if step.request in out or (before is not None and step.number <= (before.number or 0)):
            wrong.append(step)
        out.add(step.request)
        last[step.request] = step
    return tuple(wrong)
