"""
Can the time of an answer tell a wrong receipt from one that was withdrawn or has expired?

The app is called as Lambda calls it, with receipts of three kinds in random order, and Welch's t is worked out between
each two kinds: |t| under 4.5 is what side-channel work (TVLA) calls no evidence of a difference. *by wall clock* is
what somebody on the network sees, before the network adds its own noise; *by CPU* is our own work alone. The slowest
and the fastest twentieth are left out: they are the machine's.

    python benchmarks/receipts.py [--calls 20000]
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import common

KINDS = ("wrong", "withdrawn", "expired")
TRIM = 0.05


class _Context:
    function_name = "bench"
    aws_request_id = "bench"


def _receipts(home: Path, count: int) -> dict[str, list[str]]:
    """Make *count* receipts of each kind; what expires is a request whose days are over, not yet purged."""
    from chalicelib.adapters.sqlite_rows import micros
    from chalicelib.domain.receipts import Credential, receipt_from_bytes, request_id_of
    from chalicelib.domain.requests import Kind
    from chalicelib.usecases.intake import Submission

    house = common.new_house(home)
    submission = Submission(
        kind=Kind.INFORMATION, statement_version="2026-11", details=common.INFORMATION, body=b"the same"
    )
    made = {kind: [house.public.intake.submit(submission).receipt for _ in range(count)] for kind in KINDS[1:]}
    made["wrong"] = [receipt_from_bytes(os.urandom(17)) for _ in range(count)]
    for receipt in made["withdrawn"]:
        house.mailbox.mailbox.withdraw(Credential.of_receipt(receipt.code))
    past = micros(house.clock.now() - timedelta(days=1))
    expired = [(past, request_id_of(receipt.lookup)) for receipt in made["expired"]]
    house.store._db.write(  # noqa: SLF001 - the only way to age a request by ninety days in a minute
        lambda db: db.executemany("UPDATE requests SET expires_at = ? WHERE request_id = ?", expired)
    )
    house.store.close()
    house.shred_keys.close()
    return {kind: [receipt.code for receipt in receipts] for kind, receipts in made.items()}


def _trigger(code: str) -> dict[str, Any]:
    return common.event("GET", "/v1/mailbox", None, {"Authorization": f"Receipt {code}"})


def welch(one: list[float], other: list[float]) -> float:
    """Give Welch's t of two samples."""
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / math.sqrt(spread)


def _trimmed(sample: list[float]) -> list[float]:
    cut = int(len(sample) * TRIM)
    return sorted(sample)[cut : len(sample) - cut]


def measure(calls: int) -> dict[str, Any]:
    """Answer *calls* receipts in random order; give t between each two kinds, and each kind's median in us."""
    with tempfile.TemporaryDirectory(prefix="quietline-bench-") as folder:
        home = Path(folder)
        receipts = _receipts(home, 200)
        os.environ.update(QUIETLINE_HOME=str(home), QUIETLINE_CLOCK=common.CLOCK)
        import app

        dice, bodies = random.Random(1), set()
        wall: dict[str, list[float]] = {kind: [] for kind in KINDS}
        cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for at in range(calls + 600):
            kind = dice.choice(KINDS)
            trigger = _trigger(dice.choice(receipts[kind]))
            began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
            answer = app.app(trigger, _Context())
            took_cpu, took = time.thread_time_ns() - began_cpu, time.perf_counter_ns() - began
            bodies.add((answer["statusCode"], answer["body"]))
            if at >= 600:
                wall[kind].append(took / 1000)
                cpu[kind].append(took_cpu / 1000)
    assert len(bodies) == 1, "the answers differ"
    pairs = [(one, other) for at, one in enumerate(KINDS) for other in KINDS[at + 1 :]]
    return {
        "calls": calls,
        "answers": len(bodies),
        "median_us": {kind: round(statistics.median(wall[kind]), 1) for kind in KINDS},
        "t_wall": {f"{a}/{b}": round(welch(_trimmed(wall[a]), _trimmed(wall[b])), 2) for a, b in pairs},
        "t_cpu": {f"{a}/{b}": round(welch(_trimmed(cpu[a]), _trimmed(cpu[b])), 2) for a, b in pairs},
    }


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=20_000)
    print(json.dumps(measure(parser.parse_args().calls), indent=2))


if __name__ == "__main__":
    main()
