"""
10,000 requests a second into one lane, and 2,000 practitioners who pull: what the index of DynamoDB makes of it.

    python benchmarks/simulation.py [--quick] [--write]

`simulated.py` is the model. `--write` makes `SIMULATION.md` and `simulation.svg` anew; everything is decided by a seed.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from typing import Any

import common
import report
from simulated import READS, WRITES, Simulation, World

from chalicelib.adapters.dynamodb_queue import WIDEST, room

RATE, PULLERS = 10_000, 2_000
SHARDS = (1, 2, 4, 8, 16, 32)
HOLDS = 16
"""The number of shards that holds; the rest of the page uses it."""
DOUBT = 1e-6
CHART = "Writes of the busiest partition, by the number of shards"
PAGE_HEAD = """# 10,000 requests a second, 2,000 practitioners

Written by `benchmarks/simulation.py --write`; every figure comes from the model in `simulated.py`, none from AWS. It
draws candidates with the adapter's own code, and `tests/contract/test_simulation.py` holds its order, draws, calls and
units against the adapter. Assumed, not checked: a partition takes {writes:,} write and {reads:,} read units a second, a
call 4 ms, the index lags 20 ms on average. An index is split for heat only in between its keys, so its end, where all
is put, stays one partition: sharding is ours to do.

**What holds:** `QUIETLINE_QUEUE_SHARDS={holds}`; claims draw among {widest} at most once they have come too late;
practitioners pull at their own pace (up to about 400 claims a second altogether). The table itself must be warmed for
90,000 write units a second beforehand (on-demand starts at 4,000 and its usual quota is 40,000: ask AWS for more).

![Writes of the busiest partition, by the number of shards](simulation.svg)

**The bound.** A claim takes one of the {widest} most urgent that the index shows: at most {most} more urgent ones that
it shows wait then. A claim that draws among w passes a request over with a chance of at most 1 - 1/w, so one is passed
over more than w x ln(claims / {doubt:g}) times with a chance below {doubt:g} in the run; that over the rate of claims
is the bound in seconds. Places count in order of arrival, the harshest order: what is due at the same instant, as all
information requests of a day are, is not "later" for a helpline.
"""
OLD_WIDEST = 32


def _before(losses: int) -> int:
    return min(4 * 2 ** min(losses - 1, 9), OLD_WIDEST) if losses else 1


def _lane(simulation: Simulation, kind: str) -> float:
    return max(part.busiest(kind) for name, part in simulation.partitions.items() if name.startswith("lane"))


def _share(simulation: Simulation) -> float:
    parts = [part for name, part in simulation.partitions.items() if name.startswith("lane")]
    asked = sum(part.total["w"] for part in parts)
    return sum(part.refused["w"] for part in parts) / asked if asked else 0.0


def heat(seconds: float) -> tuple[dict[str, Any], list[Any]]:
    """Send 10,000 a second for some seconds, with practitioners who are busy for five minutes each."""
    rows, targets = [], []
    worlds = [(shards, False) for shards in SHARDS] + [(8, True)]
    for number, (shards, split) in enumerate(worlds):
        common.step(number, len(worlds), "simulated shards")
        world = World(shards=shards, rate=RATE, burst=seconds, practitioners=PULLERS, lasts=seconds + 2.2, split=split)
        simulation = Simulation(world)
        found = simulation.run()
        asked = RATE / shards
        rows.append(
            [
                f"{shards}{', split' if split else ''}",
                f"{asked:,.0f}",
                f"{asked / WRITES:.0%}",
                f"{_lane(simulation, 'r'):,.0f}",
                f"{_share(simulation):.1%}",
                f"{found.overflowed / found.submitted:.1%}",
            ]
        )
        if not split:
            spread = f"{shards} shard{'s' if shards > 1 else ''}"
            targets.append(common.target(f"Writes a second to a partition, {spread}", f"<= {WRITES}", asked, ""))
        if shards == HOLDS and not split:
            targets.append(common.target(f"Writes refused, {shards} shards", "= 0", round(_share(simulation), 3), ""))
    table = {
        "title": f"Heat: {RATE:,} a second into one lane for {seconds:g} s",
        "head": [
            "shards",
            "writes/s each",
            "of its limit",
            "reads/s, busiest",
            "writes refused",
            "to the overflow queue",
        ],
        "rows": rows,
        "note": "Refused writes are asked again for two seconds; what is then left goes to the overflow queue and is"
        " accepted all the same. *Split*: the front of the index is a partition of its own; it does not help the end.",
    }
    return table, targets


def crowds(seconds: float) -> tuple[dict[str, Any], list[Any]]:
    """Let 2,000 practitioners pull from a long queue, ever faster."""
    rows, targets = [], []
    base = World(shards=HOLDS, backlog=10_000, practitioners=PULLERS, lasts=seconds)
    cases = [
        ("busy for 5 minutes each", base),
        ("busy for 1 minute", replace(base, handling=60.0)),
        ("busy for 10 seconds", replace(base, handling=10.0)),
        ("busy for 5 seconds", replace(base, handling=5.0)),
        ("the same, one shard", replace(base, handling=5.0, shards=1)),
        ("the same, drawn as before", replace(base, handling=5.0, room=_before, stale_counts=False)),
        ("all begin within 10 seconds", replace(base, within=10.0, once=True, lasts=14.0)),
    ]
    for number, (name, world) in enumerate(cases):
        common.step(number, len(cases), "simulated crowds")
        simulation = Simulation(world)
        found = simulation.run()
        claims = max(1, len(found.claims))
        rate = claims / min(world.lasts, found.claims[-1][0])
        new = world.room is room
        widest = WIDEST if new else OLD_WIDEST
        passes = widest * math.log(claims / DOUBT)
        hand = max(part.busiest("w") for name, part in simulation.partitions.items() if name.startswith("hand"))
        rows.append(
            [
                name,
                f"{rate:,.0f}",
                f"{common.percentile(found.took, 0.5):.2f} s",
                f"{common.percentile(found.took, 0.99):.2f} s",
                f"{found.misses / claims:.2f}",
                f"{found.stale / claims:.2f}",
                f"{found.units['w'] / claims:.1f} + {found.units['r'] / claims:.1f}",
                f"{hand:,.0f}",
                f"{max(found.ahead, default=0)} ({widest - 1})",
                f"{max(found.passed, default=0)} ({passes:,.0f})",
                f"{found.passed_for:.2f} s ({passes / rate:,.1f} s)",
                str(found.failed),
            ]
        )
        if new and world.shards == HOLDS:
            label = f"Simulated, {name}"
            targets += [
                common.target(f"{label}: more urgent ones waiting", f"<= {widest - 1}", max(found.ahead, default=0)),
                common.target(f"{label}: passed over", f"<= {passes:.0f}", max(found.passed, default=0)),
            ]
    table = {
        "title": f"Fairness and retries: {PULLERS:,} practitioners, {HOLDS} shards",
        "head": [
            "",
            "claims/s",
            "p50",
            "p99",
            "lost to a colleague, each",
            "already gone, each",
            "units of a claim",
            "busiest hand partition, writes/s",
            "more urgent waiting, most (bound)",
            "passed over, most (bound)",
            "for, at most (bound)",
            "503",
        ],
        "rows": rows,
        "note": "Units are write + read. *As before*: among 32 at most, and heads that were gone already taught a claim"
        " nothing: many who pull at once then walk behind each other past what is gone.",
    }
    return table, targets


def drain() -> dict[str, Any]:
    """Say how long a burst keeps 2,000 practitioners: arithmetic, since a pull takes nothing beside the work."""
    rows = []
    for minutes in (1, 5, 10, 20):
        rate = PULLERS / (minutes * 60)
        rows.append(
            [
                f"{minutes} min",
                f"{rate:,.1f}",
                f"{RATE / rate:,.0f} x",
                *(f"{RATE * burst / rate / 3600:,.1f} h" for burst in (1, 10, 60)),
                f"{(RATE - rate) * 3600:,.0f}",
            ]
        )
    return {
        "title": "The queue's length: nobody keeps up with this",
        "head": [
            "a request takes",
            f"{PULLERS:,} people answer, a second",
            "arrivals to answers",
            "1 s of arrivals is answered after",
            "10 s",
            "60 s",
            "waiting after an hour of it",
        ],
        "rows": rows,
        "note": "It is a burst or it is an attack. Requests are kept and stay in order; claims cost the same however"
        " long the queue is (RESULTS.md). Unverified ones stop at `QUIETLINE_UNVERIFIED_CAP`, with the phone number.",
    }


def run(*, quick: bool) -> dict[str, Any]:
    """Simulate everything."""
    heated, targets = heat(0.3 if quick else 1.0)
    crowded, more = crowds(1.0 if quick else 2.5)
    chart = [one for one in targets if one["row"].startswith("Writes a second")]
    kept = [one for one in targets if f", {HOLDS} shards" in one["row"]]
    return {"tables": [heated, crowded, drain()], "targets": [*kept, *more], "chart": chart}


def write(found: dict[str, Any]) -> None:
    """Write the page and its chart."""
    head = PAGE_HEAD.format(writes=WRITES, reads=READS, holds=HOLDS, widest=WIDEST, most=WIDEST - 1, doubt=DOUBT)
    lines = [head]
    for table in found["tables"]:
        lines += [*report.markdown(table)[1:], ""]
    (common.HERE / "SIMULATION.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    (common.HERE / "simulation.svg").write_text(report.targets_chart(found["chart"], title=CHART), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    parser.add_argument("--write", action="store_true", help="write SIMULATION.md and its chart")
    given = parser.parse_args()
    document = run(quick=given.quick)
    if given.write:
        write(document)
    del document["chart"]
    print(json.dumps(document))
