"""What one practitioner's process does in a race: a module of its own, so that a spawned process can import it."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import engines

from chalicelib.adapters import sqlite_file
from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import ClaimLost
from chalicelib.domain.requests import LANES, Kind, Outcome, Rules
from chalicelib.ports import Ask

AUDIT_KEY = b"audit key of the races"
RULES = Rules()
MOST = 60.0
"""Seconds that somebody who has not done enough yet goes on for."""


def open_store(path: str):
    """Open the shared file, or the tables on an engine."""
    return engines.open_store(path, AUDIT_KEY)


def opened_patiently(path: str):
    """Open it in a process of its own, where nobody gives up on the file's lock: who is when in turn is chance."""
    sqlite_file.BUSY = timedelta(minutes=2)
    return open_store(path)


def fill(store, count, now):
    """Put *count* requests into the queue."""
    for number in range(count):
        request = requests.submit(
            request_id=f"r{number}",
            kind=Kind.INFORMATION,
            language="en",
            reference=f"amber-{number}",
            windows=(),
            answer_by=now + timedelta(minutes=number % 7),
            now=now,
            rules=RULES,
            verified=True,
            statement_version="1",
            fingerprint="f",
            body_id="b",
        )
        store.submit(request, content=b"sealed", capacity=None, now=now)


def claim(store, who, now, lease=timedelta(minutes=20)):
    """Ask for a request; the deed of a claim tells when its lease ends, as microseconds in its verb."""

    def deeds(met):
        until = met.lease_until or now
        verb = f"{met.status} {(until - now) // timedelta(microseconds=1)}"
        return [Deed(at=now, actor=who, verb=verb, request_id=met.request_id, number=met.number)]

    decide = partial(requests.claim, practitioner=who, token=None, now=now, lease=lease)
    ask = Ask(practitioner=who, lanes=LANES, claim_limit=10_000)
    return store.claim(ask, decide, now=now, deeds=deeds)


def claim_everything(path, who, now, ready, start, told):
    """Claim until nothing is left, from the instant at which everybody starts."""
    store = opened_patiently(path)
    ready.release()
    start.wait()
    taken = []
    while request := claim(store, who, now):
        taken.append((request.request_id, request.number))
    told.put(taken)


def claim_and_drop(path, who, measure, ready, start, told):
    """
    Claim with tiny leases, release some, close some in time and some too late; tell what was accepted when.

    For so many seconds, and where the machine is slow for longer, until so much was accepted as there has to be.
    """
    (seconds, pace, enough), store, dice = measure, opened_patiently(path), random.Random(who)
    ready.release()
    start.wait()
    until, accepted, late, before = time.monotonic() + seconds, [], 0, {}
    while (over := time.monotonic() - until) < 0 or (len(accepted) < enough and over < MOST):
        request = claim(store, who, datetime.now(UTC), timedelta(milliseconds=dice.choice([5, 20, 50]) * pace))
        if request is None:
            if over >= 0:
                break
            time.sleep(0.002)
            continue
        time.sleep(dice.choice([0, 0, 0.01, 0.03, 0.06]) * pace)
        verb = dice.choice(["release", "release", "close", "held", "renew"])
        now = datetime.now(UTC)
        # Now and then with the number of an earlier hold on the same request, as somebody with two windows open does.
        number = before.get(request.request_id, request.number) if dice.random() < 0.2 else request.number
        before[request.request_id] = request.number
        fence = {"practitioner": who, "number": number, "now": now}
        transition = {
            "release": partial(requests.release, **fence),
            "close": partial(requests.close, **fence, outcome=Outcome.ANSWERED, rules=RULES),
            "held": partial(requests.held, **fence),
            "renew": partial(requests.renew, **fence, lease=timedelta(milliseconds=5 * pace)),
        }[verb]
        deed = Deed(at=now, actor=who, verb=verb, request_id=request.request_id, number=number)
        try:
            store.change(request.request_id, transition, now=now, deed=deed)
        except ClaimLost:
            late += 1
        else:
            accepted.append((request.request_id, number, verb))
    told.put((accepted, late))
