"""
`make bench`: everything measured side by side, printed, and written to RESULTS.md.

    python benchmarks/run.py [--quick] [--full] [--only over_http,in_process,imports,queue_size]

Each part runs in a process of its own; figures are medians, and what counts are the ratios of one run: the machine is
whatever it is. `--quick` takes about a minute and a half and trusts its figures less; `--full` adds a queue of a
million. Exits with 1 when anything was answered wrongly or got lost.
"""

# ruff: noqa: PLC0415
# Imports stand inside functions: rich may be missing.
from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = common.RESULTS
PARTS = ("imports", "in_process", "queue_size", "over_http")
OURS = ("chalice", "pydantic", "cryptography")
PEERS = ("fastapi", "uvicorn", "httptools", "uvloop", "h11", "pydantic")
Table = dict[str, Any]


def _measured(part: str, flags: Sequence[str]) -> Any:
    began = time.monotonic()
    print(f"{part} ...", file=sys.stderr, flush=True)
    command = [sys.executable, str(common.HERE / f"{part}.py"), *flags]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=common.ROOT)
    print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return json.loads(said.stdout)


# ---------------------------------------------------------------- tables


def _imports(found: Any) -> list[Table]:
    bare = found["rows"][0]
    rows = [
        (
            one["who"],
            f"{one['import_ms']:.0f} ms",
            f"{one['import_cpu_ms']:.0f} ms",
            f"{one['with_get_ms']:.0f} ms",
            f"{one['with_post_ms']:.0f} ms",
            f"{one['with_post_ms'] / bare['with_post_ms']:.1f}",
        )
        for one in found["rows"]
    ]
    memory = found["memory_mib"]
    return [
        {
            "title": "Starting, in a fresh interpreter with bytecode",
            "head": ("", "import", "of it CPU", "with the first GET", "with the first POST", "to bare, POST"),
            "rows": rows,
            "note": "Bare imports json and sqlite3. GET is the list of signposts, POST a callback.",
        },
        {
            "title": "Memory of the local server",
            "head": ("", "resident"),
            "rows": [
                ("after its start", f"{memory['start']:.0f} MiB"),
                (f"after {memory['requests']} callbacks", f"{memory['after']:.0f} MiB"),
            ],
            "note": "",
        },
    ]


def _in_process(found: Any) -> list[Table]:
    names = {"post": "POST a callback", "get": "GET the signposts", "unchanged": "the same, unchanged (304)"}
    who = {
        "bare": "bare handler",
        "chalice": "bare work in a Chalice route",
        "same work": "Quietline without sealing",
        "quietline": "Quietline",
    }
    rows = [
        (
            names[one["what"]],
            who[one["who"]],
            f"{one['cpu_us']:.1f} us",
            f"{one['p50_us']:.1f} us",
            f"{one['p99_us']:.1f} us",
            f"{one['to_bare']:.2f}",
        )
        for one in found["rows"]
    ]
    pieces = [(name, f"{took:.1f} us") for name, took in found["pieces_us"].items()]
    return [
        {
            "title": "Warm, in process, as Lambda calls it",
            "head": ("", "", "CPU", "p50", "p99", "CPU to bare"),
            "rows": rows,
            "note": f"The document is {found['document_bytes']} bytes. The bare handler writes the same rows and"
            " indexes as durably, without validation, and answers the GET with a string that is ready.",
        },
        {
            "title": "Pieces, each alone in a tight loop",
            "head": ("", "CPU"),
            "rows": pieces,
            "note": "In a request they cost more: the processor's caches have gone cold in between.",
        },
    ]


def _queue_size(found: Any) -> list[Table]:
    tables = []
    for what, title, note in (
        ("waiting", "Claiming, by how many wait", "To be at most 1.3. The wall clock includes one sync of the disk."),
        ("held", "Claiming, by how many live claims stand in front, 10,000 waiting", ""),
    ):
        rows = [
            (
                f"{one['size']:,}",
                f"{one['p50_us']:.0f} us",
                f"{one['p99_us']:.0f} us",
                f"{one['cpu_us']:.0f} us",
                f"{one['ratio']:.2f}",
                f"{one['cpu_ratio']:.2f}",
            )
            for one in found["rows"]
            if one["what"] == what
        ]
        head = (what, "p50", "p99", "CPU", "p50, ratio", "CPU, ratio")
        tables.append({"title": title, "head": head, "rows": rows, "note": note})
    return tables


def _over_http(found: Any) -> list[Table]:
    tables = []
    for what, title, note in (
        ("submit", "HTTP: callbacks submitted a second", "Every 201 was found in the database, with its content."),
        (
            "claim and close",
            "HTTP: requests claimed and closed a second",
            "Two HTTP requests each; p50 and p99 are the claim's. None was handed out twice, every one was closed.",
        ),
    ):
        rows = [
            (
                str(one["connections"]),
                one["who"],
                f"{one['per_second']:.0f}",
                f"{one['p50_ms']:.1f} ms",
                f"{one['p99_ms']:.1f} ms",
                f"{one['ours_to_theirs']:.2f}",
                ", ".join(f"{kind}: {count}" for kind, count in one["errors"].items()) or "none",
            )
            for one in sorted(found["rows"], key=lambda row: row["connections"])
            if one["what"] == what
        ]
        head = ("connections", "", "a second", "p50", "p99", "ours to theirs", "errors")
        tables.append({"title": title, "head": head, "rows": rows, "note": note})
    tables[0]["note"] += (
        " FastAPI validates with the same models and writes the same rows, indexes and durability; with *full work* it"
        " also checks the phone, draws a receipt, seals and keeps a shred key, and at a claim keeps the audit trail"
        " and opens. One uvicorn"
        f" worker, no access log. {found['rounds']} rounds of {found['seconds']} s in turns;"
        f" {found['waiting']:,} information requests waited."
    )
    return tables


_TABLES = {"imports": _imports, "in_process": _in_process, "queue_size": _queue_size, "over_http": _over_http}


def _wrong(found: dict[str, Any]) -> list[str]:
    """Name everything that was answered wrongly; a figure is worth nothing beside it."""
    wrong = [
        f"{one['who']}, {one['what']}: {one['wrong']} wrong answers"
        for one in found.get("in_process", {}).get("rows", ())
        if one["wrong"]
    ]
    return wrong + [
        f"{one['who']}, {one['what']}, {one['connections']} connections: {one['errors']}"
        for one in found.get("over_http", {}).get("rows", ())
        if one["errors"]
    ]


# ---------------------------------------------------------------- the page


def _versions(python: Path | str, packages: Sequence[str]) -> str:
    code = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(p) for p in sys.argv[1:]]))"
    said = subprocess.run([str(python), "-c", code, *packages], capture_output=True, text=True, check=True)
    return ", ".join(f"{name} {version}" for name, version in zip(packages, json.loads(said.stdout), strict=True))


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _sync_us() -> float:
    """Measure one durable 4 KiB write: the floor under every accepted request."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter_ns()
            os.fsync(file.fileno())
            took.append((time.perf_counter_ns() - began) / 1000)
    return common.median(took)


def _machine() -> list[str]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return [
        f"- {datetime.now(UTC):%d %B %Y}, {platform.system()}, {_processor()}, {os.cpu_count()} cores",
        f"- load before the run: {load:.1f}",
        f"- one sync of the disk: {_sync_us():.0f} us",
        f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {_versions(sys.executable, OURS)}",
        f"- peers: {_versions(common.PEER_PYTHON, PEERS)}",
    ]


def _page(machine: Sequence[str], tables: Sequence[Table], wrong: Sequence[str], how: str) -> str:
    lines = ["# Results", "", f"Written by `{how}`. Medians; compare ratios, not machines.", "", *machine]
    for table in tables:
        head = table["head"]
        lines += ["", f"## {table['title']}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join(row)} |" for row in table["rows"]]
        lines += ["", table["note"]] if table["note"] else []
    lines += ["", "## Errors", "", *([f"- {one}" for one in wrong] or ["None: every answer was the one expected."])]
    return "\n".join(lines) + "\n"


def _show(tables: Sequence[Table]) -> None:
    try:
        from rich.console import Console
        from rich.table import Table as Grid
    except ImportError:
        for table in tables:
            print(f"\n{table['title']}")
            for row in (table["head"], *table["rows"]):
                print("  " + "  ".join(row))
        return
    console = Console()
    for table in tables:
        grid = Grid(title=table["title"], title_justify="left", caption=table["note"] or None, caption_justify="left")
        for at, name in enumerate(table["head"]):
            figures = any(row[at][:1].isdigit() for row in table["rows"])
            grid.add_column(name, justify="right" if figures else "left")
        for row in table["rows"]:
            grid.add_row(*row)
        console.print(grid)


def main() -> int:
    """Measure, show, write; 1 when something was answered wrongly."""
    parser = argparse.ArgumentParser(description="Measure Quietline beside its peers.")
    parser.add_argument("--quick", action="store_true", help="short runs, figures to be trusted less")
    parser.add_argument("--full", action="store_true", help="a queue of a million as well")
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run; RESULTS.md is left alone")
    given = parser.parse_args()
    wanted = [part for part in PARTS if part in given.only.split(",")]
    if "over_http" in wanted and not common.PEER_PYTHON.exists():
        print("The peers are not installed: run `make bench`.", file=sys.stderr)
        return 2
    machine = _machine()
    quick = ["--quick"] if given.quick else []
    full = ["--full"] if given.full else []
    found = {part: _measured(part, [*quick, *(full if part == "queue_size" else [])]) for part in wanted}
    tables = [table for part in wanted for table in _TABLES[part](found[part])]
    wrong = _wrong(found)
    _show(tables)
    if len(wanted) == len(PARTS):
        how = " ".join(["benchmarks/run.py", *quick, *full])
        RESULTS.write_text(_page(machine, tables, wrong, how) + common.directory_section(), encoding="utf-8")
        print("Written to benchmarks/RESULTS.md")
    for one in wrong:
        print(f"WRONG: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
