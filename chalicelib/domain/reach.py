"""
Reach: how many people asked for help, by month, region, campaign and kind, so that nobody is found among them.

Counts of a month lie in a tree, and only what stands in it is ever published; every other figure is a sum of those:

    a month                  all people                                () 160
      region                 a police force area, or none              ('E23000005',) 150
        campaign             what sent them, or none                   ('E23000005', 'gm-2018') 60
          kind               callback, information, referral           ('E23000005', 'gm-2018', 'callback') 40

* A figure under 8 is not published. Every other one is rounded to the nearest 5, each by itself.
* What can be worked out of published figures is no closer than a published figure is: whoever adds and takes away as
  they like leaves at least five values open for each figure that is not shown, nought included. `exposed` does what an
  attacker would; where it finds more, the whole division that gave it away is withheld, of the regions of a month their
  sum.
* Visits are a tree of their own: anybody can send one, so they are contacts and not people, and never added to people.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

SMALLEST = 8
"""The smallest figure that is published."""
STEP = 5
"""What published figures are rounded to, and how many values at least stay open for one that is not."""
NONE = "-"
"""Stands for no region, no campaign, and for one that we do not know."""
PEOPLE = ("callback", "information", "referral")
VISIT = "visit"
MEASURES = ("people", "contacts")

Path: TypeAlias = tuple[str, ...]
Tree: TypeAlias = "Mapping[Path, int]"
Range: TypeAlias = tuple[float, float]


def month_of(now: datetime, zone: ZoneInfo) -> str:
    """Name the month that people have on their calendars, as `2026-11`."""
    return f"{now.astimezone(zone):%Y-%m}"


def shifted(month: str, by: int) -> str:
    """Name the month that is *by* months later."""
    year, at = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year:04}-{at + 1:02}"


def period(first: str | None, last: str | None, *, until: str) -> tuple[str, str]:
    """Give the months that are meant, in order: what is not named is twelve months, up to *until* unless told."""
    if first is not None and last is not None:
        return min(first, last), max(first, last)
    if first is not None:
        return first, max(first, until)
    last = last or until
    return shifted(last, -11), last


def months(first: str, last: str) -> tuple[str, ...]:
    """List the months from *first* to *last*, both included."""
    length = (int(last[:4]) - int(first[:4])) * 12 + int(last[5:]) - int(first[5:]) + 1
    return tuple(shifted(first, at) for at in range(length))


def cell(region: str, campaign: str, kind: str) -> str:
    """Name what a contact is counted under."""
    return f"{region}/{campaign}/{kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is published of one month, once and for good: rounded figures by their place in the tree."""

    people: Tree = field(default_factory=dict)
    contacts: Tree = field(default_factory=dict)

    def of(self, measure: str) -> Tree:
        """Give the figures of people, or of contacts."""
        return self.people if measure == "people" else self.contacts

    def to_text(self) -> str:
        """Write it down as it is kept."""
        trees = {name: {"/".join(path): value for path, value in sorted(self.of(name).items())} for name in MEASURES}
        return json.dumps(trees, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Release:
        """Read what was kept."""
        trees = json.loads(text)
        return cls(**{name: {_path(key): value for key, value in trees[name].items()} for name in MEASURES})


def _path(key: str) -> Path:
    return tuple(key.split("/")) if key else ()


def release(counts: Mapping[str, int], *, regions: int) -> Release:
    """Make of a month's exact *counts* what may be published; there are *regions* to count under, none included."""
    people: dict[Path, int] = {}
    contacts: dict[Path, int] = {}
    for name, count in counts.items():
        region, campaign, kind = name.split("/")
        if kind == VISIT:
            contacts[region, campaign] = count
        else:
            people[region, campaign, kind] = count
    return Release(
        people=published(people, sizes=(regions, None, len(PEOPLE))),
        contacts=published(contacts, sizes=(regions, None)),
    )


def published(leaves: Mapping[Path, int], *, sizes: Sequence[int | None]) -> dict[Path, int]:
    """
    Give what may be published of a tree, from its *leaves*; *sizes* is how many branches there may be on each level.

    None stands for any number.
    """
    totals = _totals(leaves)
    shown = {path: _rounded(total) for path, total in totals.items() if total >= SMALLEST}
    while (path := exposed(totals, shown, sizes=sizes)) is not None:
        if len(path) == 1:
            # The regions matter more than their sum, which then is what the regions shown come to: "at least".
            shown.pop(())
        else:
            above = path[:-1]
            shown = {each: v for each, v in shown.items() if len(each) < len(path) or each[: len(above)] != above}
    return shown


def exposed(known: Iterable[Path], shown: Tree, *, sizes: Sequence[int | None]) -> Path | None:
    """
    Find a figure that is not shown and yet can be told to within fewer than five values, None if there is none.

    It reasons as an attacker would who knows this module. A figure missing beside one that is shown is under 8; a shown
    one is within 2 of what it says; the parts of a whole add up to it. Of who was never counted at all nothing is
    *known*, or everything: the attacker is tried who knows every place where nobody was, and the one who knows none, to
    whom nought is a figure like others.
    """
    branches: dict[Path, list[Path]] = defaultdict(list)
    for path in known:
        if path:
            branches[path[:-1]].append(path)
    for with_noughts in (False, True):
        tree = dict(branches)
        if with_noughts:
            for above, below in branches.items():
                size = sizes[len(above)]
                if size is None or len(below) < size:
                    tree[above] = [*below, (*above, "")]
        for path, (low, high) in _ranges(tree, shown):
            if high - low < STEP - 1:
                return path
    return None


def _ranges(tree: Mapping[Path, Sequence[Path]], shown: Tree) -> Iterator[tuple[Path, Range]]:
    """Work out, for each figure missing beside one that is shown, the closest range that the others leave it."""
    upward: dict[Path, Range] = {}

    def rise(path: Path, *, divided: bool) -> Range:
        low, high = (0.0, float(SMALLEST - 1)) if divided else (0.0, math.inf)
        if path in shown:
            low, high = _near(shown[path])
        below = tree.get(path, ())
        if below:
            apart = any(each in shown for each in below)
            parts = [rise(each, divided=apart) for each in below]
            low, high = max(low, sum(part[0] for part in parts)), min(high, sum(part[1] for part in parts))
        upward[path] = low, high
        return low, high

    def sink(path: Path, here: Range) -> Iterator[tuple[Path, Range]]:
        below = tree.get(path, ())
        if not any(each in shown for each in below):
            return
        least, most = sum(upward[each][0] for each in below), sum(upward[each][1] for each in below)
        for each in below:
            low, high = upward[each]
            others = sum(upward[other][1] for other in below if other != each) if math.isinf(most) else most - high
            low, high = max(low, here[0] - others), min(high, here[1] - (least - low))
            if each in shown:
                yield from sink(each, (low, high))
            else:
                yield each, (low, high)

    yield from sink((), rise((), divided=False))


def _totals(leaves: Mapping[Path, int]) -> dict[Path, int]:
    totals: dict[Path, int] = defaultdict(int)
    for path, count in leaves.items():
        for depth in range(len(path) + 1) if count else ():
            totals[path[:depth]] += count
    return totals


def _rounded(count: int) -> int:
    return (count + STEP // 2) // STEP * STEP


def _near(value: int) -> Range:
    return float(max(SMALLEST, value - STEP // 2)), float(value + STEP // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    A published figure: *value* is None where it is under 8 or withheld; then, or in part, it is *suppressed*.

    A sum of which a part is missing is *at_least* what it says. *published* is False for a month that is not out yet.
    """

    value: int | None
    at_least: bool = False
    published: bool = True

    @property
    def suppressed(self) -> bool:
        """Whether something is not shown because it is small, or would give away what is."""
        return self.published and self.value is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which people or contacts a figure is of; None is all of them."""

    region: str | None = None
    campaign: str | None = None
    kind: str | None = None


def figure(released: Release | None, measure: str, asked: Asked) -> Figure:
    """Give one month's figure: what stands in its tree, or the sum of what stands there, at least."""
    if released is None:
        return Figure(value=None, published=False)
    tree = released.of(measure)
    if asked.kind == VISIT:
        asked = Asked(region=asked.region, campaign=asked.campaign)
    wanted = (asked.region, asked.campaign, asked.kind)
    depth = max((at + 1 for at, each in enumerate(wanted) if each is not None), default=0)
    if None not in wanted[:depth] and (depth or () in tree):
        return Figure(value=tree.get(tuple(each for each in wanted[:depth] if each is not None)))
    found = [value for path, value in tree.items() if len(path) == max(depth, 1) and _suits(path, wanted)]
    return Figure(value=sum(found) if found else None, at_least=bool(found))


def _suits(path: Path, wanted: Sequence[str | None]) -> bool:
    return all(each is None or each == part for part, each in zip(path, wanted, strict=False))


def together(figures: Sequence[Figure]) -> Figure:
    """Add the figures of several months; what is missing in one makes the sum an "at least"."""
    found = [each.value for each in figures if each.value is not None]
    return Figure(
        value=sum(found) if found else None,
        at_least=bool(found) and (len(found) < len(figures) or any(each.at_least for each in figures)),
        published=any(each.published for each in figures),
    )


def change(now: Figure, before: Figure) -> int | None:
    """Give the change in whole per cent between two sums of published figures; None where one of them is not whole."""
    if now.value is None or not before.value or now.at_least or before.at_least:
        return None
    return math.floor((now.value - before.value) * 100 / before.value + 0.5)
