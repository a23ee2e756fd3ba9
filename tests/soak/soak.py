"""
`make test-soak`: minutes of mixed work at a steady rate, while servers are killed in turns; then everything is counted.

Work arrives by the clock, whether or not what came before is answered (an open loop): a server that hesitates is not
spared what was due meanwhile, and time is taken from when a piece of work was due. In the end the folder is opened and
compared with what was acknowledged (`total_queue`), and the samples of memory, files and threads with their bounds.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import platform
import queue
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("", "faults", "e2e")), str(HERE.parents[1])]

from progress import _tell, found  # noqa: E402 - not before its place is known
from soak_servers import CLOCK, Sample, Street  # noqa: E402
from soak_work import SHARES, Done, Work  # noqa: E402
from total_queue import Element, History, Lent, Verdict, judge  # noqa: E402

from chalicelib.config import Settings  # noqa: E402
from chalicelib.domain.audit import Deed, broken_at  # noqa: E402
from chalicelib.domain.requests import Status  # noqa: E402
from chalicelib.local.issuer import LocalIssuer  # noqa: E402
from chalicelib.wiring import House  # noqa: E402

PRACTITIONERS = 8
WORKERS = 48
"""People who wait for an answer at once, at most; more than a rate of 20 a second ever needs, unless nobody answers."""
WARM = 0.25
"""Of the soak, or of a life: before that, what a server holds grows for good reasons."""
KEEPS_AT_MOST = 0.25
"""Kilobytes that the server which stays may keep of each request, as a line through its samples after the warming."""
SETTLES = 500
"""Kilobytes in all that it may keep though it be more of each: in a short soak the end of the warming and noise."""
FEWEST = 500
"""Requests after the warming from which on a kilobyte kept of each can be told."""
MEMORY_AT_MOST = 96.0
"""Megabytes that it may hold in all, what is free and what SQLite caches included."""
RISES_AT_MOST = 0.5
"""Megabytes a minute by which that may rise in the last half: glibc's free memory creeps, ever more slowly."""
RISES_AFTER = 8.0
"""Minutes of soak from which on that can be told: before, a server still warms up."""
SQLITE_AT_MOST = 16.0
"""Megabytes that SQLite may have in it: 11 were the most that was seen."""
SQLITE_KEEPS_AT_MOST = 1.0
"""Kilobytes that SQLite may keep of each request, as pages; a statement that is left open has more."""
LIVES_GROW_AT_MOST = 12.0
"""Megabytes by which the last lives may be larger than the first: what a server holds must not follow its folder."""
WAITS_AT_MOST = 3
"""How often all people together may be told, for each kill, that a server cannot serve them now (503)."""
WAL_AT_MOST = 64.0
"""Megabytes that a write-ahead log may reach; SQLite starts it anew at 4, unless somebody reads all the time."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a soak."""

    minutes: float
    rate: float
    street: Street
    work: Work
    verdict: Verdict
    trail: int
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether all held."""
        return self.verdict.is_clean and not self.wrong


# ---------------------------------------------------------------- figures


def percentile(sorted_values: list[float], share: float) -> float:
    """Give the value that *share* of all do not exceed (nearest rank)."""
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)] if sorted_values else 0.0


def slope(points: list[tuple[float, float]]) -> float:
    """Give how steeply a line through the points rises (least squares); 0 for fewer than three."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope if len(points) > 2 else 0.0


def after_warming(samples: list[Sample]) -> list[Sample]:
    """Leave out the first quarter."""
    return samples[int(len(samples) * WARM) :]


def kept_of_each(steady: list[Sample], name: str = "used") -> float | None:
    """Give the kilobytes that stay in use of each request, or None where there were too few to tell."""
    points = [(each.answered, getattr(each, name) * 1024) for each in steady if each.used is not None]
    if not points or points[-1][0] - points[0][0] < FEWEST:
        return None
    return slope(points)


def keeps_at_most(steady: list[Sample]) -> float:
    """Give how many kilobytes may be kept of each."""
    return max(KEEPS_AT_MOST, SETTLES / max(1, steady[-1].answered - steady[0].answered))


def rises_late(samples: list[Sample]) -> float:
    """Give the megabytes a minute by which what is resident rises in the last half."""
    return slope([(each.minute, each.memory) for each in samples[len(samples) // 2 :]])


def memory_that_grows(samples: list[Sample], minutes: float) -> list[str]:
    """Say of the server that stays what is kept of each request, what rises, and what passed its bound."""
    wrong = []
    steady = after_warming(samples)
    kept = kept_of_each(steady)
    if kept is not None and kept > keeps_at_most(steady):
        wrong.append(f"the server that stays keeps {kept:.2f} KB of each request")
    if steady and (most := max(each.memory for each in steady)) > MEMORY_AT_MOST:
        wrong.append(f"the server that stays reached {most:.0f} MB")
    if minutes >= RISES_AFTER and (rises := rises_late(samples)) > RISES_AT_MOST:
        wrong.append(f"the server that stays rises by {rises:.2f} MB a minute in the last half")
    if (most := max((each.sqlite or 0 for each in steady), default=0)) > SQLITE_AT_MOST:
        wrong.append(f"SQLite reached {most:.0f} MB in the server that stays")
    if (kept := kept_of_each(steady, "sqlite") or 0) > SQLITE_KEEPS_AT_MOST:
        wrong.append(f"SQLite keeps {kept:.2f} KB of each request in the server that stays")
    return wrong


def growing(street: Street, minutes: float) -> list[str]:
    """Say what did not stay flat, and what was looked at too seldom to tell, a sentence each."""
    wrong = []
    fewest = minutes * 60 / street.sample_every / 2
    looks = {server.name: len(server.samples) for server in street.servers}
    looks["what the server that stays uses"] = sum(each.used is not None for each in street.stays.samples)
    wrong += [f"{name}: looked at {many} times only" for name, many in looks.items() if many < fewest]
    steady = after_warming(street.stays.samples)
    wrong += memory_that_grows(street.stays.samples, minutes)
    for name in ("files", "threads"):
        counts = [getattr(each, name) for each in steady]
        half = len(counts) // 2
        if half > 5 and statistics.median(counts[half:]) > statistics.median(counts[:half]) + 4:
            wrong.append(f"the server that stays holds more and more {name}")
    for server in street.rolling:
        largest = [max(each.memory for each in server.samples if each.life == life) for life in _lives(server.samples)]
        third = len(largest) // 3
        if third and statistics.mean(largest[-third:]) > statistics.mean(largest[:third]) + LIVES_GROW_AT_MOST:
            wrong.append(f"each life of {server.name} is larger than the one before")
    highest = max(
        (size for _, sizes in street.files for name, size in sizes.items() if name.endswith("-wal")), default=0
    )
    if highest > WAL_AT_MOST:
        wrong.append(f"a write-ahead log reached {highest:.0f} MB")
    return wrong


def _lives(samples: list[Sample]) -> list[int]:
    return sorted({each.life for each in samples})


def near_a_kill(done: Done, kills: list[tuple[float, float]]) -> bool:
    """Tell whether a piece of work was under way while a server was gone, or within a second of it."""
    return any(done.due + done.seconds >= killed - 1 and done.due <= back + 1 for killed, back in kills)


def unfinished(work: Work, total: int, kills: list[tuple[float, float]]) -> list[str]:
    """Say what of all the work no kill accounts for, and whether too many were told to come again."""
    wrong = []
    if len(work.done) != total:
        wrong.append(f"{total - len(work.done)} of {total} pieces of work never came to an end")
    if work.waits > WAITS_AT_MOST * (len(kills) + 1):
        wrong.append(f"{work.waits} times a server could not serve, with {len(kills)} kills")
    astray = sum((each.sends > 1 or not each.status) and not near_a_kill(each, kills) for each in work.done)
    if astray > work.waits:
        wrong.append(f"{astray} pieces of work had no answer at first, or none at all, while no server was gone")
    return wrong


# ---------------------------------------------------------------- the soak


def soak(home: Path, *, minutes: float, rate: float, kill_every: float, seed: int, sample_every: float) -> Outcome:
    """Run it, and judge it."""
    issuer = LocalIssuer(home)
    tokens = {f"p{each}": issuer.token("practitioner", f"p{each}", 100) for each in range(PRACTITIONERS)}
    with Street(home, kill_every=kill_every, sample_every=sample_every) as street:
        work = Work(street, tokens=tokens, seed=seed)
        street.begun = time.monotonic()
        total = _arrivals(work, street, seconds=minutes * 60, rate=rate)
        street.stop_killing()
    _live(work, street)
    wrong = [
        *unfinished(work, total, street.kills),
        *street.failures,
        *(f"{what} ({times} times)" for what, times in Counter(work.wrong).items()),
    ]
    wrong += growing(street, minutes)
    verdict, trail, more = judged(home, work)
    return Outcome(
        minutes=minutes, rate=rate, street=street, work=work, verdict=verdict, trail=trail, wrong=[*wrong, *more]
    )


def _arrivals(work: Work, street: Street, *, seconds: float, rate: float) -> int:
    """Let work arrive by the clock, and people do it; give how many pieces there were."""
    due: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()

    def person() -> None:
        while (given := due.get()) is not None:
            work.do(*given)

    people = [threading.Thread(target=person, daemon=True) for _ in range(WORKERS)]
    for one in people:
        one.start()
    dice, names, weights = random.Random(work.dice.random()), list(SHARES), list(SHARES.values())
    total = round(seconds * rate)
    for number in range(total):
        at = number / rate
        time.sleep(max(0.0, street.begun + at - time.monotonic()))
        due.put((dice.choices(names, weights)[0], at))
        if number % max(1, round(rate)) == 0:
            _tell({"name": "soak", "done": number, "total": total})
            _live(work, street)
    for _ in people:
        due.put(None)
    for one in people:
        one.join(timeout=180)
    _tell({"name": "soak", "done": total, "total": total})
    return total


def _live(work: Work, street: Street) -> None:
    answered = sorted(each.seconds * 1000 for each in list(work.done) if each.status)
    memory = street.stays.samples[-1].memory if street.stays.samples else 0
    found(
        "soak",
        answered=len(answered),
        told_to_wait=work.waits,
        kills=len(street.kills),
        p50_ms=round(percentile(answered, 0.5)),
        p99_ms=round(percentile(answered, 0.99)),
        stays_MB=round(memory),
        wrong=len(work.wrong),
    )


# ---------------------------------------------------------------- the end


def judged(home: Path, work: Work) -> tuple[Verdict, int, list[str]]:
    """Open the folder as the desk would, and compare what is there with what was said."""
    now = CLOCK + timedelta(seconds=time.monotonic() - work.street.begun)
    house = House(Settings(home=home, clock_starts_at=now))
    there, wrong = list(elements(home, house, now)), []
    entries, head = house.store.trail(limit=10_000_000)
    if broken_at(entries, head, key=house.audit_key()) is not None:
        wrong.append("the trail does not verify")
    deeds = [entry.deed for entry in entries]
    there += {Element("close", f"{deed.request_id}#{deed.number}") for deed in deeds if deed.verb == "close"}
    there += claims(deeds, work.history)
    back = ("release", "close", "withdraw")
    lent = [
        Lent(str(deed.request_id), deed.actor, deed.number) if deed.verb == "claim" else Lent(str(deed.request_id))
        for deed in deeds
        if deed.verb == "claim" or deed.verb in back
    ]
    verdict = judge(work.history, there, lent)
    house.store.close()
    house.shred_keys.close()
    for name in ("quietline.db", "shred.db"):
        with contextlib.closing(sqlite3.connect(home / name)) as db:
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                wrong.append(f"{name} is damaged")
    return verdict, len(entries), wrong


def claims(deeds: list[Deed], history: History) -> list[Element]:
    """
    Give every claim: as the one that its answer named, or, since no answer named it, as one by that practitioner.

    Of a request that was withdrawn, it may have been found in time that it is gone, and the claim went on to the next.
    """
    withdrawn = {deed.request_id for deed in deeds if deed.verb == "withdraw"}
    there = []
    for request_id, number, actor in {(e.request_id, e.number, e.actor) for e in deeds if e.verb == "claim"}:
        element = Element("claim", f"{request_id}#{number}")
        if history.acknowledged[element]:
            there.append(element)
        elif request_id not in withdrawn:
            there.append(Element("claim by", actor))
    return there


def elements(home: Path, house: House, now: datetime):
    """Give everything that is there: each request that opens, what was written to it, and what was replied."""
    with contextlib.closing(sqlite3.connect(home / "quietline.db")) as db:
        names = [name for (name,) in db.execute("SELECT request_id FROM requests")]
    casework = house.desk.casework
    for request_id in names:
        request = house.store.get(request_id, now=now)
        if request is None:
            continue
        if request.status is Status.WITHDRAWN:
            if house.store.content(request) is not None or house._shredding.key(request) is not None:
                yield Element("what a tombstone keeps", request_id)
            continue
        opened = casework._opened(request)
        name = str((opened.details or {}).get("message"))
        yield Element("request", name, name)
        for letter in opened.messages:
            what = "reply" if letter.author == "helpline" else "message"
            text = (letter.content or {}).get("text")
            if text is not None:  # a closing letter tells what was agreed, and no text
                yield Element(what, str(text), name)


# ---------------------------------------------------------------- the report


def report(outcome: Outcome) -> str:
    """Write down what was done, what held and how fast it was, as Markdown."""
    street, work, verdict = outcome.street, outcome.work, outcome.verdict
    answered = [each for each in work.done if each.status]
    near = [each for each in answered if near_a_kill(each, street.kills)]
    far = [each for each in answered if not near_a_kill(each, street.kills)]
    away = [back - killed for killed, back in street.kills]
    steady = after_warming(street.stays.samples)
    kept = kept_of_each(steady)
    held = "Everything held" if kept is not None else "Everything held, but what is kept in memory was not judged"
    lines = [
        "# Soak",
        "",
        (
            f"{held if outcome.is_good else '**Something did not hold**'}: {outcome.minutes:g} minutes at"
            f" {outcome.rate:g} requests a second, {len(street.kills)} `kill -9`, three servers on one folder."
            f" {platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f},"
            f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
        ),
        "",
        "| | |",
        "|---|---:|",
        f"| pieces of work, answered | {len(work.done):,}, {len(answered):,} |",
        f"| sent again, since no answer came | {sum(each.sends > 1 for each in answered):,} |",
        f"| told that a server cannot serve now (503) | {work.waits:,} |",
        f"| acknowledged: requests, messages, replies, claims, closes | {work.history.acknowledged.total():,} |",
        f"| withdrawn | {len(work.history.left):,} |",
        f"| lost, invented, doubled, kept, lent twice | {', '.join(str(each) for each in _five(verdict))} |",
        f"| there although no answer came | {verdict.recovered.total():,} |",
        f"| entries of the trail, which verifies | {outcome.trail:,} |",
        f"| a killed server was away for (median, longest) | {_seconds(away)} |",
        "",
        "| time from when it was due until it was answered, ms | requests | p50 | p90 | p99 | longest |",
        "|---|---:|---:|---:|---:|---:|",
        _row("all", answered),
        _row("no server gone", far),
        _row("while a server was gone, and a second around", near),
        *(_row(name, [each for each in answered if each.what == name]) for name in SHARES),
        "",
        "| server | lives | memory MB: first, last, highest | in use: first, last | SQLite's | open files | threads |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for server in street.servers:
        if server.samples:
            memory, used = [each.memory for each in server.samples], _in_use(server.samples)
            lines.append(
                f"| {server.name} | {server.lives} | {memory[0]:.0f}, {memory[-1]:.0f}, {max(memory):.0f} |"
                f" {used} |"
                f" {_range([each.files for each in server.samples])} |"
                f" {_range([each.threads for each in server.samples])} |"
            )
    if kept is None:
        lines += ["", f"Too few requests to tell what is kept of each: fewer than {FEWEST:,} after the warming."]
    else:
        many = steady[-1].answered - steady[0].answered
        lines += ["", f"After warming, the server that stays kept {kept:+.2f} KB in use of each of {many:,} requests;"]
        bound = keeps_at_most(steady)
        lines += [f"a leak of more than {bound:.2f} KB a request is found{_of_a_submission(outcome, bound)}."]
    rises = rises_late(street.stays.samples)
    lines += ["", f"In the last half it rose by {rises:+.2f} MB a minute, free memory included: over {RISES_AT_MOST:g}"]
    lines += [f"is found from {RISES_AFTER:g} minutes on. It ran with `PYTHONMALLOC=malloc`, slower than it need be."]
    lines += ["", "| file | first MB | last MB | highest MB |", "|---|---:|---:|---:|"]
    for name in sorted({name for _, sizes in street.files for name in sizes}):
        sizes = [each[name] for _, each in street.files if name in each]
        lines.append(f"| {name} | {sizes[0]:.1f} | {sizes[-1]:.1f} | {max(sizes):.1f} |")
    if outcome.wrong or not verdict.is_clean:
        lines += ["", "What did not hold:", "", *(f"- {each}" for each in outcome.wrong)]
        for name in ("lost", "invented", "doubled", "kept"):
            lines += [f"- {name}: {each}" for each in list(getattr(verdict, name))[:20]]
        lines += [f"- lent twice: {each}" for each in verdict.lent_twice[:20]]
    return "\n".join(lines) + "\n"


def _five(verdict: Verdict) -> list[int]:
    return [verdict.figures[name] for name in ("lost", "invented", "doubled", "kept", "lent_twice")]


def _in_use(samples: list[Sample]) -> str:
    used = [each.used for each in samples if each.used is not None]
    sqlite = max((each.sqlite or 0 for each in samples), default=0)
    return f"{used[0]:.1f}, {used[-1]:.1f} | {sqlite:.1f}" if used else "not asked |"


def _of_a_submission(outcome: Outcome, bound: float) -> str:
    """Say what the bound is for what a plain submission alone leaves: most requests are something else."""
    submitted = sum(each.what == "submit" for each in outcome.work.done)
    answered = sum(server.answered for server in outcome.street.servers)
    return f", or of more than {bound * answered / submitted:.1f} KB a plain `submit`" if submitted else ""


def _row(name: str, done: list[Done]) -> str:
    times = sorted(each.seconds * 1000 for each in done)
    shares = " | ".join(f"{percentile(times, share):.0f}" for share in (0.5, 0.9, 0.99, 1.0))
    return f"| {name} | {len(times):,} | {shares} |"


def _seconds(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} s, {max(values):.1f} s" if values else "never"


def _range(values: list[int]) -> str:
    return f"{min(values)} to {max(values)}"


def main() -> int:
    """Soak, tell, and say with the exit code whether everything held."""
    parser = argparse.ArgumentParser(description="Soak three servers on one folder.")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--kill-every", type=float, default=30, help="seconds")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--report", default="")
    asked = parser.parse_args()
    every = min(10.0, asked.minutes * 60 / 20)
    with tempfile.TemporaryDirectory(prefix="quietline-soak-") as folder:
        outcome = soak(
            Path(folder) / "home",
            minutes=asked.minutes,
            rate=asked.rate,
            kill_every=asked.kill_every,
            seed=asked.seed,
            sample_every=every,
        )
    text = report(outcome)
    sys.stdout.write(text)
    if asked.report:
        Path(asked.report).write_text(text, encoding="utf-8")
    found("soak", **{name.replace(" ", "_"): value for name, value in outcome.verdict.figures.items()})
    return int(not outcome.is_good)


if __name__ == "__main__":
    sys.exit(main())
