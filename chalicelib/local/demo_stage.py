"""
Where the demo is drawn: lanes, practitioners, a mailbox, and what happens now.

In a terminal that is large enough the picture stands still and changes in place; anywhere else (a pipe, a log, a
small window) the same day is told line by line. States differ by their pattern as well as by their colour.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import ConsoleOptions, RenderableType, RenderResult

SMALLEST = (72, 22)
"""Columns and rows below which the picture would not fit."""
WIDE = 110
"""From this many columns on, practitioners and mailbox stand beside the feed."""
BEAT = 1.1
"""Seconds that a line of the feed is given to be read."""
BAR = 10
"""Cells of the bar that shows how much of a lease is left, where there is room for one."""
WHO = 12
"""Columns of the feed for who it is."""
KINDS = {"callback": "Call back", "information": "Information", "referral": "Referral"}
LANGUAGES = {"en": "English", "cy": "Welsh"}
STATES = {
    "waiting": ("▒", "bright_blue"),
    "claimed": ("█", "green"),
    "overdue": ("▲", "bright_red"),
    "parked": ("▚", "yellow"),
}
PEOPLE = {"Alex": "cyan", "Bethan": "magenta", "Chris": "green", "Requester": "bold", "Quietline": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A claim as the demo shows it; the times are of this machine's steady clock, in seconds."""

    reference: str
    number: int
    until: float
    lease: float

    @property
    def left(self) -> float:
        """Seconds until the lease lapses."""
        return self.until - time.monotonic()


@dataclass(slots=True)
class Stage:
    """What there is to see; on its own it tells the day line by line."""

    console: Console
    pace: float
    people: Mapping[str, str]
    lanes: Sequence[Mapping[str, object]] = ()
    holds: dict[str, Hold] = field(default_factory=dict)
    mailbox: tuple[str, Sequence[Text]] = ("Mailbox", (Text("Nobody has opened theirs yet.", style="dim"),))
    chapter: str = ""
    line: str = ""
    feed: deque[tuple[str, Text]] = field(default_factory=lambda: deque(maxlen=200))

    def open(self, chapter: str) -> None:
        """Begin a chapter of the day."""
        self.chapter = chapter
        self.console.print(f"\n{chapter}", style="bold", highlight=False)

    def say(self, who: str, what: str, *, beats: float = 1.0) -> None:
        """Tell what somebody does now, and leave time to read it."""
        self.console.print(_named(who), Text(what), soft_wrap=True)
        self.pause(beats)

    def pause(self, beats: float) -> None:
        """Let a few beats pass."""
        time.sleep(beats * BEAT * self.pace)

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Hold the stage while the day is played."""
        yield


class Screen(Stage):
    """The picture that stands still."""

    def open(self, chapter: str) -> None:
        """Begin a chapter; its name stands above the picture."""
        self.chapter = chapter

    def say(self, who: str, what: str, *, beats: float = 1.0) -> None:
        """Add a line to the feed; the newest is at the bottom."""
        self.feed.append((who, Text(what)))
        self.pause(beats)

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Draw on the terminal's second screen, so that what stood there before comes back afterwards."""
        with Live(console=self.console, screen=True, get_renderable=self.draw, refresh_per_second=5):
            yield

    def draw(self) -> RenderableType:
        """Draw everything as it stands in this moment."""
        wide = self.console.width >= WIDE
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        head.add_row(
            Text.assemble((" Quietline", "bold"), f"  {self.chapter}", overflow="ellipsis", no_wrap=True),
            Text(f"{self.line} ", style="dim", no_wrap=True),
        )
        lanes = Layout(_panel("Lanes", self._lanes(), "bright_blue"), size=None if wide else 42, ratio=1)
        people = Layout(_panel("Practitioners", self._people(), "green"), ratio=1)
        feed = Layout(_panel("Now", _Feed(list(self.feed)), "white"), ratio=1)
        title, lines = self.mailbox
        mailbox = Layout(_panel(title, _Page(list(lines)), "magenta"), ratio=1)
        whole, body = Layout(), Layout(ratio=1)
        if wide:
            left, right = Layout(ratio=3), Layout(ratio=2)
            lanes.size, people.size = 9, 9
            left.split_column(lanes, feed)
            right.split_column(people, mailbox)
            body.split_row(left, right)
        else:
            top = Layout(size=8)
            top.split_row(lanes, people)
            mailbox.size = 6 if self.console.height <= 26 else 10  # noqa: PLR2004 - rows of a classic terminal
            body.split_column(top, feed, mailbox)
        whole.split_column(Layout(head, size=1), body)
        return whole

    def _lanes(self) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        rows.add_column(no_wrap=True)
        rows.add_column(no_wrap=True)
        room, cells = (10, 3) if self.console.width >= WIDE else (6, 2)
        counts = {(str(lane["kind"]), str(lane["language"])): lane for lane in self.lanes}
        usual = [(kind, language) for kind in ("callback", "information") for language in LANGUAGES]
        for kind, language in [*usual, *(key for key in counts if key not in usual)]:
            name = Text.assemble(f"{KINDS[kind]:<11} ", (f"{LANGUAGES[language]:<7}", "dim"))
            rows.add_row(name, _bar(counts.get((kind, language), {}), room, cells))
        legend = Text(" ").join(Text.assemble((f"{sign} ", style), name) for name, (sign, style) in STATES.items())
        return Group(rows, Text(""), legend)

    def _people(self) -> RenderableType:
        lines: list[Text] = []
        for name, languages in self.people.items():
            hold = self.holds.get(name)
            lines.append(Text.assemble((f"{name:<7}", PEOPLE[name]), (languages, "dim"), no_wrap=True))
            lines.append(
                Text("  free", style="dim") if hold is None else _lease(hold, BAR if self.console.width >= WIDE else 0)
            )
        return Group(*lines)


@dataclass(frozen=True, slots=True)
class _Feed:
    """The newest lines, as many as there is room for."""

    events: Sequence[tuple[str, Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or options.max_height
        lines: list[Text] = []
        for at, (who, what) in enumerate(reversed(self.events)):
            wrapped = list(what.wrap(console, options.max_width - WHO - 1))
            names = [_named(who), *(Text(" " * (WHO + 1)) for _ in wrapped[1:])]
            block = [Text.assemble(name, part) for name, part in zip(names, wrapped, strict=True)]
            for line in block if at else ():
                line.stylize("dim")
            lines = [*block, *lines]
            if len(lines) >= height:
                break
        yield Group(*lines[-height:])


@dataclass(frozen=True, slots=True)
class _Page:
    """The first line, and the last of the others that there is room for."""

    lines: Sequence[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or options.max_height
        first = [part for line in self.lines[:1] for part in line.wrap(console, options.max_width)]
        rest = [part for line in self.lines[1:] for part in line.wrap(console, options.max_width)]
        room = max(0, height - len(first))
        yield Group(*first, *rest[len(rest) - min(room, len(rest)) :])


def _panel(title: str, inside: RenderableType, style: str) -> Panel:
    return Panel(inside, title=title, title_align="left", border_style=style, padding=(0, 1))


def _named(who: str) -> Text:
    return Text(f"{who:<{WHO}} ", style=PEOPLE.get(who, ""))


def _bar(lane: Mapping[str, object], room: int, cells: int) -> Text:
    count = {name: int(str(lane.get(name, 0))) for name in STATES}
    late = min(count["overdue"], count["waiting"])
    count |= {"waiting": count["waiting"] - late, "overdue": late}
    signs = [sign for name in ("overdue", "waiting", "claimed", "parked") for sign in [STATES[name]] * count[name]]
    bar = Text(" ").join(Text(sign * cells, style) for sign, style in signs[:room])
    return bar.append(f" +{len(signs) - room}") if len(signs) > room else bar


def _lease(hold: Hold, cells: int) -> Text:
    left = max(0, round(hold.left))
    style = "bright_red" if left <= 20 else "yellow" if left <= 60 else "green"  # noqa: PLR2004 - seconds
    full = min(cells, math.ceil(cells * left / hold.lease))
    return Text.assemble(
        f"  {hold.reference[:20]} ",
        (f"no. {hold.number} ", "dim"),
        ("━" * full, style),
        ("━" * (cells - full), "dim"),
        " " if cells else "",
        (f"{left // 60}:{left % 60:02}" if left else "lapsed", style),
        no_wrap=True,
        overflow="ellipsis",
    )


def stage_for(console: Console, *, pace: float, people: Mapping[str, str]) -> Stage:
    """Take the picture where there is a terminal with room for it, else plain lines."""
    columns, rows = SMALLEST
    fits = console.is_terminal and not console.is_dumb_terminal and console.width >= columns and console.height >= rows
    return (Screen if fits else Stage)(console, pace, people)
