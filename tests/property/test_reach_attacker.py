"""
An attacker on published reach: whoever asks everything, adds and takes away, comes no closer than five values.

The attacker sees answers alone and is not ours: each is a constraint on the counts behind them, and a linear programme
gives the closest range in which a figure that is not shown can be. `QUIETLINE_REACH_EXAMPLES=20000` tries longer.

Another one knows the rule as well, and who may have been counted, and goes through every small table that there can be:
what is left are those that would have been published alike, withheld figures included. `QUIETLINE_REACH_TOTAL=42` goes
further.
"""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from chalicelib.domain import reach
from chalicelib.domain.reach import Asked, Release
from chalicelib.usecases.reach import LEDGER, Releasing, Reporting

EXAMPLES = int(os.environ.get("QUIETLINE_REACH_EXAMPLES", "6"))
TOTAL = int(os.environ.get("QUIETLINE_REACH_TOTAL", "24"))
"""The largest region of the small tables."""
MONTH = "2026-10"
KINDS = reach.PEOPLE
OPEN = 5
"""As many values as stay open for a figure that is published."""


class Memory:
    """Counters and releases, as a port has them."""

    def __init__(self, counts) -> None:
        self.counts, self.kept = counts, {}

    def read(self, *_, since, until=None):
        """Give counts or releases, whichever is asked for."""
        return dict(self.counts) if until is None else {m: r for m, r in self.kept.items() if since <= m <= until}

    def keep(self, month, release):
        """Keep a release, once."""
        self.kept.setdefault(month, release)


def reporting(counts, regions):
    """Publish *counts* of October, and give what answers questions about them."""
    memory = Memory({(MONTH, "/".join(path)): count for path, count in counts.items()})
    clock = SimpleNamespace(now=lambda: datetime(2026, 11, 24, 18, 5, tzinfo=UTC))
    zone = ZoneInfo("Europe/London")
    Releasing(counters=memory, releases=memory, clock=clock, zone=zone).publish()
    places = [SimpleNamespace(code=code) for code in regions]
    return Reporting(releases=memory, clock=clock, zone=zone, regions=lambda: places, campaigns=dict)


class Attacker:
    """Somebody who knows which cells there can be (*cells*), reads every answer, and solves for the rest."""

    def __init__(self, report, regions, campaigns, cells) -> None:
        self._cells = sorted(cells)
        self._rows, self._limits = [], []
        self.hidden = {}
        shown, asked = set(), {}
        for region, campaign, kind in product((None, *regions), (None, *campaigns), (None, *KINDS)):
            figure = report.report(
                Asked(region=region, campaign=campaign, kind=kind), first=MONTH, last=MONTH, by="month"
            ).totals["people"]
            wanted = region, campaign, kind
            row = self._sum_of(wanted)
            depth = max((at + 1 for at in range(3) if wanted[at] is not None), default=0)
            whole = None not in wanted[:depth]
            if figure.value is None:
                asked[wanted] = row
            elif whole and not figure.at_least:
                shown.add(wanted[:depth])
                self._between(row, max(figure.value - 2, 8), figure.value + 2)
            else:
                self._between(row, figure.value - 2 * len(self._cells), np.inf)
        for wanted, row in asked.items():
            depth = max((at + 1 for at in range(3) if wanted[at] is not None), default=0)
            path = wanted[:depth]
            if depth and None not in path and any(len(each) == depth and each[:-1] == path[:-1] for each in shown):
                self._between(row, 0, 7)
            self.hidden[wanted] = row

    def _sum_of(self, wanted):
        return np.array([float(all(w in {None, c} for w, c in zip(wanted, cell, strict=True))) for cell in self._cells])

    def _between(self, row, low, high):
        self._rows += [-row] if np.isinf(high) else [row, -row]
        self._limits += [-low] if np.isinf(high) else [high, -low]

    def range_of(self, row):
        """Give the closest range that a sum of cells can be known to lie in."""
        if not row.any():
            return 0, np.inf
        ends = []
        for sign in (1, -1):
            solved = linprog(
                sign * row, A_ub=np.array(self._rows) if self._rows else None, b_ub=self._limits or None, method="highs"
            )
            ends.append(np.inf if solved.status == 3 else sign * solved.fun)
        return ends[0], ends[1]

    def pinned(self, truth):
        """List every figure under 8 that is known to within fewer than five values."""
        found = {}
        for wanted, row in self.hidden.items():
            true = sum(truth.get(cell, 0) for cell, part in zip(self._cells, row, strict=True) if part)
            if true < reach.SMALLEST and row.any():
                low, high = self.range_of(row)
                assert low - 1e-6 <= true <= high + 1e-6, "the attacker reasons wrongly"
                if np.floor(high + 1e-6) - np.ceil(low - 1e-6) < OPEN - 1:
                    found[wanted] = low, high
        return found


def attack(counts, regions, campaigns):
    """Let two attackers try: one who knows every place where nobody was counted, and one who knows none."""
    everything = set(product(regions, campaigns, KINDS))
    report = reporting(counts, [region for region in regions if region != reach.NONE])
    knows_none = Attacker(report, regions, campaigns, everything).pinned(counts)
    knows_all = Attacker(report, regions, campaigns, {cell for cell in everything if counts.get(cell)}).pinned(counts)
    return {**knows_none, **knows_all}


REGIONS, CAMPAIGNS = ("E1", "E2", "E3", reach.NONE), ("x", "y", reach.NONE)
A_COUNT = st.one_of(st.just(0), st.integers(0, 9), st.integers(5, 20), st.integers(0, 120))
TABLES = st.dictionaries(st.sampled_from(sorted(product(REGIONS, CAMPAIGNS, KINDS))), A_COUNT, min_size=1, max_size=14)
FOUR_THIRTEENS = {("E1", each, "callback"): 13 for each in ("x", "y", reach.NONE)} | {("E1", "x", "information"): 13}
BESIDE_ONE = {("E1", "x", "callback"): 22, ("E1", "y", "callback"): 7}
TWO_SEVENS = {("E1", "x", "callback"): 100, ("E1", "x", "information"): 7, ("E1", "x", "referral"): 7}
TWO_NEIGHBOURS = {("E1", "x", "callback"): 150, ("E2", "x", "callback"): 7, ("E3", "x", "callback"): 7}


@settings(max_examples=EXAMPLES)
@example(FOUR_THIRTEENS)
@example(BESIDE_ONE)
@example(TWO_SEVENS)
@example(TWO_NEIGHBOURS)
@given(TABLES)
def test_no_figure_under_eight_is_known_closer_than_a_published_one(counts):
    """Sums, differences, neighbouring regions and overlapping filters leave five values for each, nought included."""
    assert attack(counts, REGIONS, CAMPAIGNS) == {}


@pytest.mark.parametrize("counts", [FOUR_THIRTEENS, BESIDE_ONE, TWO_SEVENS])
def test_the_attacker_wins_where_only_small_figures_are_left_out(counts, monkeypatch):
    """Without complementary suppression, the same attacker finds what is hidden: the test above can fail."""
    monkeypatch.setattr(reach, "made_up_by", lambda *_: True)
    assert attack(counts, REGIONS, CAMPAIGNS)


ALONE_ELSEWHERE = ("E1/-/callback", "-/-/callback")
TWO_CAMPAIGNS = ("E1/x/callback", "E1/y/callback")
SHAPES = (
    ALONE_ELSEWHERE,
    TWO_CAMPAIGNS,
    ("E1/x/callback", "E1/y/callback", "E1/-/callback"),
    ("E1/x/callback", "E1/x/information", "E1/y/callback"),
    ("E1/x/callback", "E1/x/information", "E2/x/callback"),
    tuple(f"E1/x/{kind}" for kind in KINDS),
    ("E1/x/callback", "E1/x/information", "E1/y/callback", "E1/y/information"),
    ("E1/x/visit", "E1/y/visit", "E2/x/visit"),
)


def tables(cells, most):
    """Go through every table over *cells* of which no region counts more than *most*."""
    by_region = defaultdict(list)
    for cell in cells:
        by_region[cell.split("/")[0]].append(cell)
    for counted in product(*(filled(each, most) for each in by_region.values())):
        yield {cell: count for part in counted for cell, count in part.items()}


def filled(cells, most):
    """List every way to count no more than *most* under *cells*."""
    if not cells:
        return [{}]
    return [{cells[0]: count, **rest} for count in range(most + 1) for rest in filled(cells[1:], most - count)]


def sums(cells):
    """List what somebody can ask about *cells*, as the parts of each sum that they ask for."""
    paths = {cell: tuple(cell.split("/")) for cell in cells}
    parts = [{None, *column} for column in zip(*paths.values(), strict=True)]
    found = set()
    for wanted in product(*parts):
        suits = [c for c, path in paths.items() if all(w in {None, p} for w, p in zip(wanted, path, strict=True))]
        found.add(tuple(suits))
    return found - {()}


def kept_apart(counts):
    """Give every figure of *counts* that is not under 8, rounded, whether it is published or not."""
    totals = defaultdict(int)
    for cell, count in counts.items():
        for depth in range(4):
            totals[tuple(cell.split("/")[:depth])] += count
    return tuple(sorted((path, (total + 2) // 5 * 5) for path, total in totals.items() if total >= 8))


def published_alike(cells, most):
    """Put together the tables of which the same is published, without those of whose like some would be too large."""
    alike = defaultdict(list)
    for counts in tables(cells, most):
        released = reach.release(counts)
        regions = [v for measure in reach.MEASURES for path, v in released.of(measure).items() if len(path) == 1]
        if max(regions, default=0) + 2 <= most:
            alike[released.to_text()].append(counts)
    return alike


def given_away(cells, most):
    """Find each sum under 8 of which a report leaves fewer than five values open, one beside the other."""
    for report, alike in published_alike(cells, most).items():
        for parts in sums(cells):
            values = {sum(counts[cell] for cell in parts) for counts in alike}
            for value in values:
                beside = any(values.issuperset(range(low, low + OPEN)) for low in range(value - OPEN + 1, value + 1))
                if value < reach.SMALLEST and not beside:
                    return report, parts, sorted(values)
    return None


@pytest.mark.parametrize("cells", SHAPES, ids=" ".join)
def test_whoever_tries_every_table_is_left_five_values_for_each_figure_under_eight(cells):
    """The rule is known, and where nobody was; what is shown and what is withheld leave five, side by side."""
    assert given_away(cells, TOTAL) is None


@pytest.mark.parametrize("cells", [TWO_CAMPAIGNS, SHAPES[2], SHAPES[5]], ids=" ".join)
def test_trying_every_table_gives_figures_away_where_every_division_is_published(cells, monkeypatch):
    """Without the rule the same attacker wins: the test above can fail."""
    monkeypatch.setattr(reach, "made_up_by", lambda *_: True)
    assert given_away(cells, TOTAL)


@pytest.mark.parametrize("cells", SHAPES, ids=" ".join)
def test_what_is_withheld_follows_from_figures_that_could_be_shown(cells):
    """Two months that differ in figures under 8, and within rounding, have the same shown and withheld."""
    reports = defaultdict(set)
    for counts in tables(cells, TOTAL):
        reports[kept_apart(counts)].add(reach.release(counts).to_text())
    assert {len(each) for each in reports.values()} == {1}


@pytest.mark.parametrize("elsewhere", range(13))
def test_who_was_elsewhere_shows_in_no_total(elsewhere):
    """Twelve in one region and a few in another: the total is what the regions shown come to, and never more."""
    report = reporting({("E1", reach.NONE, "callback"): 12, (reach.NONE, reach.NONE, "callback"): elsewhere}, ["E1"])
    told = report.report(Asked(), first=MONTH, last=MONTH, by="month").totals["people"]
    assert (told.value, told.at_least) == (20 if elsewhere >= 8 else 10, True)


LISTS = st.lists(st.integers(0, 60), min_size=1, max_size=14)


@given(LISTS)
def test_periods_give_nothing_that_their_months_do_not(counts):
    """A period is the sum of its months as they were published: two that overlap differ by published months alone."""
    months = reach.months("2025-01", reach.shifted("2025-01", len(counts) - 1))
    released = {month: reach.release({"E1/x/callback": count}) for month, count in zip(months, counts, strict=True)}
    each = [reach.figure(released[month], "people", Asked(region="E1")) for month in months]
    for first, last in product(range(len(months)), repeat=2):
        if first <= last:
            whole = reach.together(each[first : last + 1])
            values = [figure.value for figure in each[first : last + 1] if figure.value is not None]
            assert whole.value == (sum(values) if values else None)
            assert whole.at_least == (0 < len(values) < last - first + 1)


@given(TABLES)
def test_what_is_published_is_rounded_and_never_small(counts):
    """Every figure is a multiple of 5, at least 10, within 2 of the truth, and reads back as it was kept."""
    released = reach.release({"/".join(cell): count for cell, count in counts.items()})
    for path, value in released.people.items():
        true = sum(count for cell, count in counts.items() if cell[: len(path)] == path)
        assert value % 5 == 0
        assert value >= 10
        assert true >= 8
        assert abs(value - true) <= 2
    assert Release.from_text(released.to_text()) == released


def test_a_counter_that_is_read_is_not_published_again():
    """Late counts change nothing that is out: a month is published once, from what was counted by then."""
    counts = {("E1", "x", "callback"): 30}
    memory = Memory({(MONTH, "/".join(path)): count for path, count in counts.items()})
    clock = SimpleNamespace(now=lambda: datetime(2026, 11, 1, 1, 0, tzinfo=UTC))
    releasing = Releasing(counters=memory, releases=memory, clock=clock, zone=ZoneInfo("Europe/London"))
    assert releasing.publish() == 1
    before = dict(memory.kept)
    memory.counts[MONTH, "E1/x/callback"] = 41
    memory.counts[MONTH, "E1/y/callback"] = 9
    assert releasing.publish() == 0
    assert memory.kept == before
    assert LEDGER == "reach"
