"""What a reader sees of a run: tables on the terminal, RESULTS.md, and two charts that are drawn here."""

# ruff: noqa: PLC0415
# Imports stand inside functions: rich may be missing.
from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Table = dict[str, Any]
Target = dict[str, Any]
_TARGET = re.compile(r"(<=|>=|=)\s*([0-9.]+)")
TARGETS_CHART, PEERS_CHART = "targets.svg", "peers.svg"


# ---------------------------------------------------------------- targets


def share_of(target: Target) -> float | None:
    """Say how much of what is allowed was used: 1 is the target itself, more misses it; None is beyond any scale."""
    found = _TARGET.search(str(target["target"]))
    if found is None:
        return None
    limit, measured = float(found[2]), float(target["measured"])
    if found[1] == ">=":
        return limit / measured if measured else None
    if limit == 0:
        return 0.0 if measured == 0 else None
    return measured / limit


def reached(target: str, measured: float) -> bool:
    """Tell whether *measured* is what *target* asks: `<= 1.5`, `>= 1` or `= 0`."""
    found = _TARGET.search(target)
    if found is None:
        message = f"not a target: {target}"
        raise ValueError(message)
    limit = float(found[2])
    return measured <= limit if found[1] == "<=" else measured >= limit if found[1] == ">=" else measured == limit


def figure(value: float) -> str:
    """Write a figure with as many digits as can be trusted."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"


def said(target: Target) -> tuple[str, str, str, str]:
    """Give the row of the summary."""
    unit = str(target.get("unit", ""))
    measured = f"{figure(float(target['measured']))} {unit}".strip()
    return str(target["row"]), str(target["target"]), measured, "reached" if target["reached"] else "**not reached**"


SUMMARY = ("what", "target", "measured", "")


# ---------------------------------------------------------------- the page


def markdown(table: Table) -> list[str]:
    """Write a table as a section."""
    head = [str(one) for one in table["head"]]
    lines = ["", f"## {table['title']}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in table["rows"]]
    return [*lines, "", str(table["note"])] if table.get("note") else lines


def page(
    *, how: str, machine: Sequence[str], targets: Sequence[Target], tables: Sequence[Table], wrong: Sequence[str]
) -> str:
    """Write RESULTS.md: first whether the targets are reached, then the charts, then everything."""
    met = sum(bool(one["reached"]) for one in targets)
    lines = [
        "# Results",
        "",
        f"Written by `{how}`. Medians of one run; compare ratios, not machines.",
        "",
        f"**{met} of {len(targets)} targets reached.**" if targets else "No target was measured.",
        "",
    ]
    if targets:
        lines += [f"| {' | '.join(SUMMARY)} |", "|" + "---|" * len(SUMMARY)]
        lines += [f"| {' | '.join(said(one))} |" for one in targets]
        lines += ["", f"![Each figure as a share of its target]({TARGETS_CHART})", ""]
    lines += [f"![Quietline beside its peers]({PEERS_CHART})", "", "## The machine and the versions", "", *machine]
    for table in tables:
        lines += markdown(table)
    lines += ["", "## Errors", "", *([f"- {one}" for one in wrong] or ["None: every answer was the one expected."])]
    return "\n".join(lines) + "\n"


def show(tables: Iterable[Table], targets: Sequence[Target]) -> None:
    """Print what was found; the summary comes last, where it is seen."""
    summary = {"title": "Are the targets reached?", "head": SUMMARY, "rows": [said(one) for one in targets]}
    everything = [*tables, *([summary] if targets else [])]
    try:
        from rich.console import Console
        from rich.table import Table as Grid
    except ImportError:
        for table in everything:
            print(f"\n{table['title']}")
            for row in (table["head"], *table["rows"]):
                print("  " + "  ".join(str(cell) for cell in row))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    for table in everything:
        note = table.get("note") or None
        grid = Grid(title=table["title"], title_justify="left", caption=note, caption_justify="left")
        for at, name in enumerate(table["head"]):
            figures = any(str(row[at])[:1].isdigit() for row in table["rows"])
            grid.add_column(name, justify="right" if figures else "left")
        for row in table["rows"]:
            grid.add_row(*(_coloured(str(cell)) for cell in row))
        console.print(grid)


def _coloured(cell: str) -> str:
    return {"reached": "[green]reached[/]", "**not reached**": "[bold red]not reached[/]"}.get(cell, cell)


# ---------------------------------------------------------------- charts

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .head { font-weight: 600; font-size: 15px }
.small { font-size: 12px; fill: #59636e } .back { fill: #ffffff } .line { stroke: #1f2328; stroke-width: 1.5 }
.good { fill: #1f6f4a } .bad { fill: #b4451f } .ours { fill: #1f5f99 } .theirs { fill: #a3adb8 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #a5afba } .back { fill: #0d1117 } .line { stroke: #e6edf3 }
.good { fill: #4fbf87 } .bad { fill: #f0834f } .ours { fill: #6cb2f2 } .theirs { fill: #57606a } }
"""
_WIDTH, _ROW, _TOP = 1020, 26, 76
_LEFT, _SCALE, _MOST = 510, 270, 1.5
_LONGEST = 72


def _svg(title: str, told: str, height: int, drawn: Sequence[str]) -> str:
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(told)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{_WIDTH}" height="{height}"/>',
        f'<text class="head" x="16" y="28">{escape(title)}</text>',
        *drawn,
        "</svg>",
    )
    return "\n".join(parts) + "\n"


def _text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'


def _bar(x: float, y: float, width: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{max(width, 2):.1f}" height="16" rx="2"/>'


def targets_chart(targets: Sequence[Target], title: str = "Are the targets reached?") -> str:
    """Draw each figure as a share of its target: what ends left of the line reaches it."""
    drawn = [
        _text(16, 48, "Share of what the target allows: a bar that ends left of the line reaches it", kind="small")
    ]
    told = []
    line = _LEFT + _SCALE / _MOST
    for number, target in enumerate(targets):
        y = _TOP + number * _ROW
        row, wanted, measured, _ = said(target)
        share = share_of(target)
        width = _SCALE * min(_MOST if share is None else share, _MOST) / _MOST
        verdict = "reached" if target["reached"] else "not reached"
        further = share is not None and share > _MOST
        drawn += [
            _text(_LEFT - 10, y + 13, row if len(row) <= _LONGEST else f"{row[: _LONGEST - 1]}…", anchor="end"),
            _bar(_LEFT, y, width, "good" if target["reached"] else "bad"),
            _text(
                max(_LEFT + width, line) + 8,
                y + 13,
                f"{'→ ' if further else ''}{measured} ({wanted}){'' if target['reached'] else ' not reached'}",
                kind="small",
            ),
        ]
        told.append(f"{row}: {measured}, target {wanted}, {verdict}.")
    height = _TOP + len(targets) * _ROW + 16
    drawn.append(_text(line, _TOP - 10, "target", kind="small", anchor="middle"))
    drawn.append(f'<line class="line" x1="{line:.0f}" x2="{line:.0f}" y1="{_TOP - 6}" y2="{height - 12}"/>')
    return _svg(title, " ".join(told), height, drawn)


def peers_chart(groups: Sequence[dict[str, Any]]) -> str:
    """Draw Quietline beside its peers, each group on a scale of its own."""
    drawn, told, y = [], [], 48
    for group in groups:
        y += 18
        drawn.append(_text(16, y, f"{group['title']} ({group['better']} is better)", kind="head"))
        y += 10
        most = max(bar["value"] for bar in group["bars"]) or 1
        for bar in group["bars"]:
            value = f"{figure(bar['value'])} {group['unit']}"
            width = _SCALE * bar["value"] / most
            drawn += [
                _text(_LEFT - 10, y + 13, bar["name"], anchor="end"),
                _bar(_LEFT, y, width, "ours" if bar.get("ours") else "theirs"),
                _text(_LEFT + width + 8, y + 13, value, kind="small"),
            ]
            told.append(f"{group['title']}, {bar['name']}: {value}.")
            y += 22
        y += 8
    return _svg("Quietline beside its peers", " ".join(told), y + 12, drawn)


def write_charts(folder: Path, targets: Sequence[Target], groups: Sequence[dict[str, Any]]) -> None:
    """Write both charts beside RESULTS.md."""
    (folder / TARGETS_CHART).write_text(targets_chart(targets), encoding="utf-8")
    (folder / PEERS_CHART).write_text(peers_chart(groups), encoding="utf-8")
