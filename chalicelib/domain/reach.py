"""
Reach: how many people asked for help, by month, region, campaign and kind, so that nobody is found among them.

Counts of a month lie in a tree, and only what stands in it is ever published; every other figure is a sum of those:

    a month                  all people                                () 160
      region                 a police force area, or none              ('E23000005',) 150
        campaign             what sent them, or none                   ('E23000005', 'gm-2018') 60
          kind               what they asked for: PEOPLE              ('E23000005', 'gm-2018', 'callback') 40

* A figure under 8 is not published. Every other one is rounded to the nearest 5, each by itself.
* All people of a month are never published by themselves: what is told of them is the sum of the regions, "at least".
  A region's figure is published whenever it is not under 8, whatever the others are.
* A figure is divided only where what is shown of its parts makes it up, as nearly as rounding lets anybody tell
  (`made_up_by`). Otherwise the whole division is withheld, and whatever is below it.
* So what is shown follows from shown figures alone, and no figure narrows another one: each that is shown has five
  values open, and so has each that is missing, nought included. A division that is withheld tells only that its parts
  do not make up the whole: small parts alone are one of many ways to that, and five values are open for each.
* Visits are a tree of their own: anybody can send one, so they are contacts and not people, and never added to people.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from chalicelib.domain.requests import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

SMALLEST = 8
"""The smallest figure that is published."""
STEP = 5
"""What published figures are rounded to, and how many values at least stay open for one that is not published."""
NONE = "-"
"""Stands for no region, no campaign, and for one that we do not know."""
PEOPLE = tuple(kind.value for kind in Kind)
"""Whoever asked for something, by what; a visit is none of these."""
VISIT = "visit"
MEASURES = ("people", "contacts")

Path: TypeAlias = tuple[str, ...]
Tree: TypeAlias = "Mapping[Path, int]"


def month_of(now: datetime, zone: ZoneInfo) -> str:
    """Name the month that people have on their calendars, as `2026-11`."""
    return now.astimezone(zone).isoformat()[:7]


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


def release(counts: Mapping[str, int]) -> Release:
    """Make of a month's exact *counts* what may be published."""
    people: dict[Path, int] = {}
    contacts: dict[Path, int] = {}
    for name, count in counts.items():
        region, campaign, kind = name.split("/")
        if kind == VISIT:
            contacts[region, campaign] = count
        else:
            people[region, campaign, kind] = count
    return Release(people=published(people), contacts=published(contacts))


def published(leaves: Mapping[Path, int]) -> dict[Path, int]:
    """Give what may be published of a tree, from its *leaves*: by their places, rounded figures of it and its parts."""
    rounded = {path: _rounded(total) for path, total in _totals(leaves).items() if path and total >= SMALLEST}
    parts: dict[Path, list[int]] = defaultdict(list)
    for path, value in rounded.items():
        parts[path[:-1]].append(value)
    shown: dict[Path, int] = {}
    for path in sorted(rounded, key=len):
        above = path[:-1]
        if not above or (above in shown and made_up_by(shown[above], parts[above])):
            shown[path] = rounded[path]
    return shown


def made_up_by(whole: int, parts: Sequence[int]) -> bool:
    """
    Tell whether published *parts* may stand below the *whole*, which is published too.

    Every figure is within 2 of what it says. Where whole and parts differ by no more than 2 for each part but one, each
    of them may still be any of its five values, and what is not shown below the whole any of nought to four at least.
    """
    return abs(whole - sum(parts)) <= STEP // 2 * (len(parts) - 1)


def _totals(leaves: Mapping[Path, int]) -> dict[Path, int]:
    totals: dict[Path, int] = defaultdict(int)
    for path, count in leaves.items():
        for depth in range(len(path) + 1) if count else ():
            totals[path[:depth]] += count
    return totals


def _rounded(count: int) -> int:
    return (count + STEP // 2) // STEP * STEP


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
    """Give one month's figure: what stands in its tree, or else the sum of what stands there, at least."""
    if released is None:
        return Figure(value=None, published=False)
    tree = released.of(measure)
    if asked.kind == VISIT:
        asked = Asked(region=asked.region, campaign=asked.campaign)
    wanted = (asked.region, asked.campaign, asked.kind)
    depth = max((at + 1 for at, each in enumerate(wanted) if each is not None), default=0)
    if depth and None not in wanted[:depth]:
        return Figure(value=tree.get(tuple(each for each in wanted[:depth] if each is not None)))
    # All people of a month together are the regions' sum, and nobody knows of it more than "at least".
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
