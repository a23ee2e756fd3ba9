"""
Over HTTP: requests a second at 1, 50, 200 and 1,000 connections, ours beside FastAPI on uvicorn, in turns.

Callbacks submitted, claims taken and closed, and the list of signposts. All servers are up throughout and take turns
under load, several rounds in different order, so that a machine that slows down slows everybody down. After each turn
the rows are counted: what was answered 201 has to be there. A connection that is refused, reset or not answered within
ten seconds is a loss.

    python benchmarks/over_http.py [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import claim_load
import common
import http_load

CONNECTIONS = (1, 50, 200, 1000)
SUBMIT, TAKE, READ = "submit", "claim and close", "read"
OURS, FULL, PLAIN, PLAINEST = (
    "quietline",
    "fastapi, the whole work",
    "fastapi, validation and write",
    "fastapi, validation and write, h11",
)
PEERS = {
    FULL: {"work": "full", "fast": True},
    PLAIN: {"work": "plain", "fast": True},
    PLAINEST: {"work": "plain", "fast": False},
}


@dataclass
class Contender:
    name: str
    home: Path
    port: int
    process: int

    def cpu_us(self) -> float | None:
        """Give the processor time that the server has used so far, where the system tells it (Linux)."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1_000_000

    def rows(self, condition: str = "1") -> int:
        with contextlib.closing(sqlite3.connect(self.home / "quietline.db")) as db:
            query = f"SELECT count(*) FROM requests JOIN contents USING (request_id, body_id) WHERE {condition}"
            return int(db.execute(query).fetchone()[0])


def _press(
    contender: Contender, method: str, path: str, body: bytes, connections: int, seconds: float, warm_up: float
) -> dict[str, Any]:
    host, port, pieces = http_load.prepared(
        url=f"http://127.0.0.1:{contender.port}{path}",
        method=method,
        headers=["Content-Type: application/json"] if body else ["Accept: application/json"],
        body=body,
        unique=bool(body),
    )
    return http_load.measure(
        http_load.Load(host=host, port=port, request=pieces, connections=connections, seconds=seconds, warm_up=warm_up)
    )


def read(contender: Contender, connections: int, seconds: float, warm_up: float) -> dict[str, Any]:
    """Press with reads of the list of signposts."""
    found = _press(contender, "GET", "/v1/signposts", b"", connections, seconds, warm_up)
    wrong = {f"status {status}": count for status, count in found["statuses"].items() if status != "200"}
    found["error_kinds"] = {**found["error_kinds"], **wrong}
    return found


def submit(contender: Contender, connections: int, seconds: float, warm_up: float) -> dict[str, Any]:
    """Press with callbacks, no two alike; every 201 has to be a row with its content."""
    before = contender.rows("kind = 'callback'")
    body = json.dumps(common.CALLBACK).encode()
    found = _press(contender, "POST", "/v1/callbacks", body, connections, seconds, warm_up)
    statuses: dict[str, int] = found["statuses"]
    wrong = {f"status {status}": count for status, count in statuses.items() if status != "201"}
    missing = statuses.get("201", 0) - (contender.rows("kind = 'callback'") - before)
    if missing > 0:
        wrong["answered 201 and not there"] = missing
    found["error_kinds"] = {**found["error_kinds"], **wrong}
    return found


def claim(contender: Contender, tokens: list[str], seconds: float) -> dict[str, Any]:
    """Press with claims and closes; every claim has to be a closed row, each handed out once."""
    before = contender.rows("status = 'closed'")
    found = claim_load.measure(contender.port, tokens, seconds=seconds)
    missing = found["claimed"] - (contender.rows("status = 'closed'") - before)
    if missing > 0:
        found["error_kinds"]["claimed and not closed"] = missing
    return found


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure everything; gives medians, ratios and errors."""
    rounds, usual, crowded = (1, (0.6, 0.2), (1.2, 0.4)) if quick else (3, (1.0, 0.3), (1.5, 0.4))
    waiting = 6_000 if quick else 24_000
    found: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    common.step(0, rounds * len(CONNECTIONS) + 1, f"{waiting:,} requests wait")
    with common.temporary_home() as base, contextlib.ExitStack() as up:
        common.seed(base / "seeded", waiting)
        people = common.tokens(base / "seeded", max(CONNECTIONS))
        contenders = []
        for number, (name, how) in enumerate({OURS: None, **PEERS}.items()):
            home, port = common.copy_home(base / "seeded", base / str(number)), common.free_port()
            if how is None:
                command, env = common.ours(home, port)
                process = up.enter_context(common.running(command, port, env))
                common.ready_documents(port, base / "documents.json")
            else:
                command, env = common.fastapi(home, port, base / "documents.json", **how)
                if how["work"] == "plain":
                    _open_contents(home)
                process = up.enter_context(common.running(command, port, env))
            contenders.append(Contender(name, home, port, process))
        fast = [one for one in contenders if one.name != PLAINEST]
        for one in contenders:  # whatever is loaded on first use is loaded now
            submit(one, 1, 0.2, 0.0)
            claim(one, people[:1], 0.2)
            read(one, 1, 0.2, 0.0)
        for turn in range(rounds):
            way = 1 if turn % 2 == 0 else -1
            for at, connections in enumerate(CONNECTIONS):
                common.step(turn * len(CONNECTIONS) + at + 1, rounds * len(CONNECTIONS) + 1, f"{connections:,} at once")
                seconds, warm_up = usual if connections < 1000 else crowded
                ways = {
                    TAKE: (lambda one, many: claim(one, people[:many], seconds + warm_up), fast),  # noqa: B023
                    SUBMIT: (lambda one, many: submit(one, many, seconds, warm_up), contenders),  # noqa: B023
                    READ: (lambda one, many: read(one, many, seconds, warm_up), [fast[0], fast[-1]]),  # noqa: B023
                }
                for what, (press, who) in ways.items():
                    for contender in who[::way]:
                        before = contender.cpu_us()
                        done = press(contender, connections)
                        after = contender.cpu_us()
                        if before is not None and after is not None and done["answered"]:
                            done["cpu_us"] = (after - before) / done["answered"]
                        found[what, connections, contender.name].append(done)
    return {
        "rounds": rounds,
        "waiting": waiting,
        "rows": _summed_up(found),
        "generator": max(one.get("generator_share", 0.0) for runs in found.values() for one in runs),
    }


def _open_contents(home: Path) -> None:
    """Put plain content of the same size in the place of the sealed one, for the peer that neither seals nor opens."""
    with contextlib.closing(sqlite3.connect(home / "quietline.db", isolation_level=None)) as db:
        plain = json.dumps(common.INFORMATION).encode()
        db.execute(
            "UPDATE contents SET sealed = CAST(? || printf('%*s', length(sealed) - ?, '') AS BLOB)",
            (plain.decode(), len(plain)),
        )
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _summed_up(found: dict[tuple[str, int, str], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    rows = []
    for (what, connections, name), runs in found.items():
        kinds: dict[str, int] = {}
        for one in runs:
            for kind, count in one["error_kinds"].items():
                kinds[kind] = kinds.get(kind, 0) + count
        claiming = what == TAKE
        rate = "claims_per_second" if claiming else "requests_per_second"
        ours, theirs = (common.median([one[rate] for one in each]) for each in (found[what, connections, OURS], runs))
        rows.append(
            {
                "what": what,
                "connections": connections,
                "who": name,
                "per_second": theirs,
                "runs": [round(one[rate]) for one in runs],
                "p50_ms": common.median([one["claim_p50_ms" if claiming else "p50_ms"] or 0 for one in runs]),
                "p99_ms": common.median([one["claim_p99_ms" if claiming else "p99_ms"] or 0 for one in runs]),
                "ours_to_theirs": ours / theirs if theirs else None,
                "cpu_us": common.median([one["cpu_us"] for one in runs if "cpu_us" in one] or [0.0]),
                "errors": kinds,
            }
        )
    return rows


TITLES = {
    SUBMIT: ("HTTP: callbacks submitted a second", "Every 201 was found in the database, with its content."),
    TAKE: (
        "HTTP: requests claimed and closed a second",
        "Two HTTP requests each; p50 and p99 are the claim's. None was handed out twice, every one was closed.",
    ),
    READ: ("HTTP: lists of signposts read a second", "FastAPI has the document and its ETag ready."),
}


def _lost(one: dict[str, Any]) -> str:
    return ", ".join(f"{kind}: {count}" for kind, count in one["errors"].items()) or "none"


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    every = sorted(found["rows"], key=lambda row: row["connections"])
    of = {(one["what"], one["connections"], one["who"]): one for one in every}
    tables, bars = [], []
    for what, (title, note) in TITLES.items():
        rows = [one for one in every if one["what"] == what]
        cells = [
            (
                f"{one['connections']:,}",
                one["who"],
                f"{one['per_second']:,.0f}",
                f"{one['p50_ms']:.1f} ms",
                f"{one['p99_ms']:.1f} ms",
                f"{one['cpu_us']:,.0f} us" if one["cpu_us"] else "-",
                "-" if one["ours_to_theirs"] is None else f"{one['ours_to_theirs']:.2f}",
                _lost(one),
            )
            for one in rows
        ]
        head = ("connections", "", "a second", "p50", "p99", "server's CPU, each", "ours to theirs", "lost or wrong")
        tables.append({"title": title, "head": head, "rows": cells, "note": note})
        each = [
            {"name": one["who"], "value": round(one["per_second"]), "ours": one["who"] == OURS}
            for one in rows
            if one["connections"] == 50
        ]
        bars.append({"title": f"{title}, 50 at once", "unit": "a second", "better": "more", "bars": each})
    tables[0]["note"] += (
        " FastAPI validates with the same models and writes the same rows, indexes and durability; with *the whole"
        " work* it also checks the phone, draws a receipt, seals and keeps two shred keys, and at a claim keeps the"
        " audit trail and opens. One uvicorn worker with httptools and uvloop (where it says h11: h11 and asyncio)."
        f" {found['rounds']} rounds in turns; {found['waiting']:,} information requests waited. The server's CPU is for"
        " each request, or for a claim and its close together. The load generator used at most"
        f" {100 * found['generator']:.0f} % of one core."
    )
    targets = [
        common.target(
            f"HTTP, {connections:,} at once: lost or answered wrongly",
            "= 0",
            sum(sum(of[what, connections, OURS]["errors"].values()) for what in TITLES),
        )
        for connections in CONNECTIONS
    ] + [
        common.target(f"HTTP, {connections} at once: {words}", ">= 1", of[what, connections, peer]["ours_to_theirs"])
        for words, what, peer in (
            ("submitted, to FastAPI, the whole work", SUBMIT, FULL),
            ("submitted, to FastAPI, validation and write", SUBMIT, PLAIN),
            ("claimed and closed, to FastAPI, the whole work", TAKE, FULL),
            ("claimed and closed, to FastAPI, validation and write", TAKE, PLAIN),
            ("read, to FastAPI", READ, PLAIN),
        )
        for connections in (1, 50)
        if of[what, connections, peer]["ours_to_theirs"] is not None
    ]
    wrong = [
        f"{one['who']}, {one['what']}, {one['connections']} connections: {_lost(one)}" for one in every if one["errors"]
    ]
    return {"tables": tables, "targets": targets, "bars": bars, "wrong": wrong}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(document(run(quick=parser.parse_args().quick))))
