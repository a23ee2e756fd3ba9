"""
Over HTTP: requests a second for submitting and for claiming, ours beside FastAPI on uvicorn, in turns.

All servers are up throughout and take turns under load, several rounds in different order, so that a machine that
slows down slows everybody down. After each turn the rows are counted: what was answered 201 has to be there.

    python benchmarks/over_http.py [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import claim_load
import common
import http_load

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = (1, 50, 200)
PEERS = {
    "fastapi, httptools + uvloop": {"work": "plain", "fast": True},
    "fastapi, h11 + asyncio": {"work": "plain", "fast": False},
    "fastapi full work, httptools + uvloop": {"work": "full", "fast": True},
}


@dataclass
class Contender:
    name: str
    home: Path
    port: int

    def rows(self, condition: str = "1") -> int:
        with contextlib.closing(sqlite3.connect(self.home / "quietline.db")) as db:
            query = f"SELECT count(*) FROM requests JOIN contents USING (request_id, body_id) WHERE {condition}"
            return int(db.execute(query).fetchone()[0])


def submit(contender: Contender, connections: int, seconds: float, warm_up: float) -> dict[str, Any]:
    """Press with callbacks, no two alike; every 201 has to be a row with its content."""
    before = contender.rows("kind = 'callback'")
    host, port, pieces = http_load.prepared(
        url=f"http://127.0.0.1:{contender.port}/v1/callbacks",
        method="POST",
        headers=["Content-Type: application/json"],
        body=json.dumps(common.CALLBACK).encode(),
        unique=True,
    )
    load = http_load.Load(
        host=host, port=port, request=pieces, connections=connections, seconds=seconds, warm_up=warm_up
    )
    found: dict[str, Any] = http_load.measure(load)
    time.sleep(0.1 + connections / 1000)  # what was under way when time was up
    statuses: dict[str, int] = found["statuses"]
    wrong = {f"status {status}": count for status, count in statuses.items() if status != "201"}
    missing = statuses.get("201", 0) - (contender.rows("kind = 'callback'") - before)
    if missing > 0:
        wrong["answered 201 and not there"] = missing
    found["error_kinds"] = {**found["error_kinds"], **wrong}
    return found


def claim(contender: Contender, tokens: list[str], seconds: float, warm_up: float) -> dict[str, Any]:
    """Press with claims and closes; every claim has to be a closed row, each handed out once."""
    before = contender.rows("status = 'closed'")
    found = claim_load.measure(contender.port, tokens, seconds=seconds, warm_up=warm_up)
    missing = found["claimed"] - (contender.rows("status = 'closed'") - before)
    if missing > 0:
        found["error_kinds"]["claimed and not closed"] = missing
    return found


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure everything; gives medians, ratios and errors."""
    rounds, seconds, warm_up = (3, 0.7, 0.3) if quick else (3, 1.5, 0.5)
    waiting = 8_000 if quick else 24_000
    found: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    with common.temporary_home() as base, contextlib.ExitStack() as up:
        common.seed(base / "seeded", waiting)
        people = common.tokens(base / "seeded", max(CONNECTIONS))
        contenders = []
        for number, (name, how) in enumerate({"quietline": None, **PEERS}.items()):
            home, port = common.copy_home(base / "seeded", base / str(number)), common.free_port()
            if how is None:
                command, env = common.ours(home, port)
            else:
                command, env = common.fastapi(home, port, **how)
                if how["work"] == "plain":
                    _open_contents(home)
            up.enter_context(common.running(command, port, env))
            contenders.append(Contender(name, home, port))
        for turn in range(rounds):
            order = contenders if turn % 2 == 0 else contenders[::-1]
            for connections in CONNECTIONS:
                for contender in order:
                    done = claim(contender, people[:connections], seconds, warm_up)
                    found["claim and close", connections, contender.name].append(done)
                for contender in order:
                    done = submit(contender, connections, seconds, warm_up)
                    found["submit", connections, contender.name].append(done)
            print(f"over HTTP: round {turn + 1} of {rounds}", file=sys.stderr)
    return {"seconds": seconds, "rounds": rounds, "waiting": waiting, "rows": _summed_up(found)}


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
        claiming = what != "submit"
        rate = "claims_per_second" if claiming else "requests_per_second"
        theirs = [common.median([one[rate] for one in found[what, connections, "quietline"]])]
        rows.append(
            {
                "what": what,
                "connections": connections,
                "who": name,
                "per_second": common.median([one[rate] for one in runs]),
                "runs": [round(one[rate]) for one in runs],
                "p50_ms": common.median([one["claim_p50_ms" if claiming else "p50_ms"] or 0 for one in runs]),
                "p99_ms": common.median([one["claim_p99_ms" if claiming else "p99_ms"] or 0 for one in runs]),
                "ours_to_theirs": theirs[0] / max(common.median([one[rate] for one in runs]), 0.001),
                "errors": kinds,
            }
        )
    return rows


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
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
    wrong = [
        f"{one['who']}, {one['what']}, {one['connections']} connections: {one['errors']}"
        for one in found["rows"]
        if one["errors"]
    ]
    return {"tables": tables, "wrong": wrong}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(document(run(quick=parser.parse_args().quick))))
