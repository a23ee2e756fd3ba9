"""Many processes pull one queue: each request is in one pair of hands, and late work is refused."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from datetime import UTC, datetime

import claim_worker
import engines
import pytest

from chalicelib.domain.audit import broken_at

SPAWN = multiprocessing.get_context("spawn")
NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)


def race(work, path, people, argument):
    """Let a process for each of *people* do *work*, all from one instant, and give what each told."""
    ready, start, told = SPAWN.Semaphore(0), SPAWN.Event(), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=work, args=(path, f"p{number}", argument, ready, start, told), daemon=True)
        for number in range(people)
    ]
    for process in processes:
        process.start()
    try:
        for _ in processes:
            assert ready.acquire(timeout=200)
        start.set()
        answers = [told.get(timeout=200) for _ in processes]
        for process in processes:
            process.join(30)
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()
    return answers


@pytest.fixture(params=["sqlite", *engines.NAMES])
def path(request, tmp_path):
    """Where the shared store is."""
    if request.param == "sqlite":
        yield str(tmp_path / "quietline.db")
        return
    reason = engines.why_not(request.param)
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    address = engines.make_tables(request.param)
    yield address
    engines.drop_tables(address)


def test_sixteen_processes_claim_five_hundred_requests_once_each(path):
    """No request is handed out twice, none is left, and each has its first number."""
    store = claim_worker.open_store(path)
    claim_worker.fill(store, 500, NOW)
    answers = race(claim_worker.claim_everything, path, 16, NOW)
    taken = [claim for claims in answers for claim in claims]
    assert sorted(taken) == sorted((f"r{number}", 1) for number in range(500))
    assert len([claims for claims in answers if claims]) > 1
    entries, head = store.trail(limit=10_000)
    assert len(entries) == 500
    assert broken_at(entries, head, key=claim_worker.AUDIT_KEY) is None


def test_no_write_with_an_old_number_succeeds(path):
    """
    Eight processes claim, release, close and let lapse: the trail shows that whoever wrote held the newest number.

    The trail is in the order in which the writes were made, so that it can be judged entry by entry: numbers of a
    request only grow by one, a claim meets no lease that is live, and an accepted write carries the number of the
    claim before it, within its lease.
    """
    store = claim_worker.open_store(path)
    claim_worker.fill(store, 30, datetime.now(UTC))
    # Over a network a claim takes as long as a lease does on a file: everything is then twenty times as slow.
    pace = 1 if path.endswith(".db") else 20
    answers = race(claim_worker.claim_and_drop, path, 8, (3.0, pace, 7) if pace == 1 else (8.0, pace, 2))
    entries, head = store.trail(limit=1_000_000)
    assert broken_at(entries, head, key=claim_worker.AUDIT_KEY) is None
    newest, written = {}, Counter()
    for deed in (entry.deed for entry in entries):
        number, holder, lease_ends = newest.get(deed.request_id, (0, None, None))
        verb, _, length = deed.verb.partition(" ")
        if verb == "claimed":
            assert deed.number == number + 1
            assert holder is None or deed.at >= lease_ends
            newest[deed.request_id] = (deed.number, deed.actor, deed.at + micros(length))
        elif verb in ("release", "close", "held", "renew"):
            assert (deed.number, deed.actor) == (number, holder)
            assert deed.at < lease_ends
            written[deed.request_id, deed.number, verb] += 1
            ends = {"release": (None, None), "close": (None, None), "held": (holder, lease_ends)}
            newest[deed.request_id] = (number, *ends.get(verb, (holder, deed.at + micros(5000 * pace))))
        else:
            assert deed.at >= lease_ends
            newest[deed.request_id] = (number, None, None)
    assert written == Counter(write for accepted, _ in answers for write in accepted)
    assert sum(late for _, late in answers) > 0
    assert sum(written.values()) > (50 if pace == 1 else 15)


def micros(count):
    """Read a length of time."""
    return claim_worker.timedelta(microseconds=int(count))
