"""What a soak is judged by finds what is planted: a loss, an invention, growing memory, files left open."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import soak
import soak_servers
from heads import NOW
from soak_servers import Sample, Server, Street
from soak_work import Done, Work
from total_queue import Element, History

from chalicelib.config import Settings
from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.requests import Kind
from chalicelib.usecases.intake import Submission
from chalicelib.wiring import House

STATEMENT = "2026-11"


@pytest.fixture
def home(tmp_path):
    """A folder in which three requests were accepted, `one`, `two` and `three`."""
    house = house_in(tmp_path)
    for name in ("one", "two", "three"):
        details = {"concern": "survivor", "message": name}
        house.public.intake.submit(
            Submission(
                kind=Kind.INFORMATION, statement_version=STATEMENT, body=name.encode(), language="en", details=details
            )
        )
    leave(house)
    return tmp_path


def house_in(home):
    """Open the house in a folder."""
    return House(Settings(home=home, clock_starts_at=datetime.fromisoformat(f"{NOW:%Y-%m-%dT%H:%M}Z")))


def leave(house):
    """Close its files."""
    house.store.close()
    house.shred_keys.close()


def judged(home, *names, tried=()):
    """Judge a soak that says it had these acknowledged, and that these were tried and never answered."""
    history = History()
    for element in tried:
        history.attempt(element)
    for name in names:
        history.attempt(Element("request", name, name))
        history.acknowledge(Element("request", name, name))
    return soak.judged(home, SimpleNamespace(history=history, street=SimpleNamespace(begun=time.monotonic())))


def test_what_is_there_and_was_acknowledged_is_clean(home):
    """A folder that holds what was acknowledged has nothing wrong with it."""
    verdict, _, wrong = judged(home, "one", "two", "three")
    assert verdict.is_clean
    assert wrong == []


def test_a_planted_loss_and_a_planted_invention_are_found(home):
    """What was acknowledged and is not there is lost; what is there and nobody sent is invented."""
    verdict, _, _ = judged(home, "one", "two", "four")
    assert verdict.lost == {Element("request", "four", "four"): 1}
    assert verdict.invented == {Element("request", "three", "three"): 1}


def test_a_claim_that_nobody_made_is_found_and_one_whose_answer_was_lost_is_not(home):
    """The trail alone explains no claim: only as many as somebody never had an answer to may be there."""
    house = house_in(home)
    for _ in range(2):
        house.desk.casework.claim("p1")
    leave(house)
    by = Element("claim by", "p1")
    for tried, invented, doubled in (((), 2, 0), ((by,), 0, 1), ((by, by), 0, 0)):
        verdict, _, _ = judged(home, "one", "two", "three", tried=tried)
        assert (verdict.invented[by], verdict.doubled[by], verdict.is_clean) == (invented, doubled, len(tried) == 2)


def test_a_tombstone_that_keeps_what_it_buries_is_found(home):
    """A request that is marked as withdrawn, and whose key was not erased, is named."""
    house = house_in(home)
    now = house.clock.now()
    request = house.desk.casework.claim("p1").request
    bury = partial(requests.withdraw, now=now, tombstone=timedelta(days=30))
    deed = Deed(at=now, actor="requester", verb="withdraw", request_id=request.request_id)
    house.store.withdraw(request.request_id, bury, now=now, deed=deed)
    leave(house)
    verdict, _, _ = judged(home)
    assert verdict.invented[Element("what a tombstone keeps", request.request_id)] == 1


class Broken(Work):
    """People at whose work something breaks that is no answer at all."""

    def __init__(self) -> None:
        """Know nobody, and no server."""
        self.street, self.done, self.wrong = SimpleNamespace(begun=time.monotonic()), [], []
        self.waits = 0

    def _look(self):
        raise KeyError


def test_work_that_breaks_is_told_and_is_not_gone():
    """What breaks for somebody is wrong; what never came to an end is wrong; so is being told to wait too often."""
    work = Broken()
    work.do("look", 0.0)
    assert work.wrong == ["look: KeyError"]
    assert [each.status for each in work.done] == [0]
    assert soak.unfinished(work, 1, [(0.0, 1.0)]) == []
    assert soak.unfinished(work, 3, [(0.0, 1.0)]) == ["2 of 3 pieces of work never came to an end"]
    (astray,) = soak.unfinished(work, 1, [(100.0, 101.0)])
    assert astray == "1 pieces of work had no answer at first, or none at all, while no server was gone"
    work.waits = soak.WAITS_AT_MOST * 2 + 1
    assert soak.unfinished(work, 1, [(0.0, 1.0)]) == ["7 times a server could not serve, with 1 kills"]


def street_of(tmp_path, *, memory=lambda _: 80, used=lambda _: 26, sqlite=lambda _: 8, files=lambda _: 30):
    """Give a street whose servers held so much, every ten seconds for twenty minutes, at ten requests a second."""
    street = Street(tmp_path, kill_every=30)
    for at in range(120):
        held = {"memory": memory(at / 6), "files": files(at / 6), "threads": 8}
        asked = {"used": used(at / 6), "sqlite": sqlite(at / 6)}
        street.stays.samples.append(Sample(minute=at / 6, life=1, answered=at * 100, **held, **asked))
        for server in street.rolling:
            server.samples.append(Sample(minute=at / 6, life=1 + at // 6, answered=at * 100, **{**held, "memory": 60}))
    return street


def growing(street):
    """Judge these twenty minutes."""
    return soak.growing(street, 20)


def test_memory_that_is_kept_is_found_and_memory_that_settles_is_not(tmp_path):
    """A server may keep more while it warms up, and cache pages; of each request after that, it may keep nothing."""
    settles = {"memory": lambda minute: 50 + 38 * min(1, minute / 9), "used": lambda minute: min(26, 20 + 8 * minute)}
    assert growing(street_of(tmp_path, **settles)) == []
    (wrong,) = growing(street_of(tmp_path, used=lambda minute: 20 + 0.3 * 600 / 1024 * minute))
    assert wrong == "the server that stays keeps 0.30 KB of each request"
    for kept, found in ((0.4, []), (1.3, ["the server that stays keeps 1.30 KB of each request"])):
        short = street_of(tmp_path, used=lambda minute, kept=kept: 20 + kept * 600 / 1024 * minute)
        for server in short.servers:
            del server.samples[12:]
        assert soak.growing(short, 2) == found


def test_resident_memory_may_creep_and_neither_climb_nor_pass_its_bound(tmp_path):
    """What is free between what is used grows a little; most of a megabyte a minute is something else."""
    assert growing(street_of(tmp_path, memory=lambda minute: 76 + 0.3 * minute)) == []
    assert growing(street_of(tmp_path, memory=lambda minute: 76 + 0.95 * minute)) == [
        "the server that stays rises by 0.95 MB a minute in the last half"
    ]
    assert growing(street_of(tmp_path, memory=lambda _: 100)) == ["the server that stays reached 100 MB"]
    warming = street_of(tmp_path, memory=lambda minute: 60 + 2 * minute)
    for server in warming.servers:
        del server.samples[20:]
    assert soak.growing(warming, 3) == []


def test_what_sqlite_keeps_has_a_bound_of_its_own(tmp_path):
    """Statements that nobody closes are SQLite's memory, which does not count as used."""
    assert growing(street_of(tmp_path, sqlite=lambda minute: 8 + 0.5 * minute)) == [
        "SQLite reached 18 MB in the server that stays"
    ]
    assert growing(street_of(tmp_path, sqlite=lambda minute: 1 + 0.7 * minute)) == [
        "SQLite keeps 1.19 KB of each request in the server that stays"
    ]


def test_what_was_not_looked_at_did_not_hold(tmp_path):
    """No samples, samples of one server alone, or samples that do not say what is in use: each is told."""
    street = street_of(tmp_path, used=lambda minute: 26 if minute < 9 else None)
    assert growing(street) == ["what the server that stays uses: looked at 54 times only"]
    street = street_of(tmp_path, used=lambda _: None, memory=lambda _: 100, files=lambda minute: 30 + int(minute))
    assert growing(street) == [
        "what the server that stays uses: looked at 0 times only",
        "the server that stays reached 100 MB",
        "the server that stays holds more and more files",
    ]
    street = street_of(tmp_path)
    del street.rolling[1].samples[50:]
    assert growing(street) == ["rolls-2: looked at 50 times only"]
    assert len(growing(Street(tmp_path, kill_every=30))) == 4


MEASURE = """
import sys, soak_servers
size, kept = int(sys.argv[1]), [None] * 20_000
before, _ = soak_servers.in_use()
for each in range(len(kept)):
    kept[each] = bytes(size - 33) if size > 33 else object()
after, _ = soak_servers.in_use()
for each in range(len(kept)):
    kept[each] = None
print(after - before, soak_servers.in_use()[0] - before)
"""


@pytest.mark.parametrize(("size", "takes"), [(16, 32), (480, 496), (5000, 5008)])
def test_what_is_in_use_is_what_was_taken_and_not_given_back(size, takes):
    """Things of each size are seen by the bytes they take from the C library; what was freed is not."""
    environment = {**os.environ, **soak_servers.EXACT, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(size)], env=environment, capture_output=True, text=True, check=True
    )
    kept, freed = (int(each) / 20_000 for each in run.stdout.split())
    assert kept == pytest.approx(takes, rel=0.05)
    assert abs(freed) < 0.3 * size


class Ring(list):
    """A list that can be watched."""


def test_looking_does_not_clear_rings_of_objects_away():
    """To collect them at each sample would hide that they grow, and hold up what is measured."""
    gc.disable()
    try:
        ring = Ring()
        ring.append(ring)
        watched = weakref.ref(ring)
        del ring
        soak_servers.in_use()
        assert watched() is not None
    finally:
        gc.enable()


def test_the_server_that_stays_alone_is_counted_exactly(tmp_path):
    """The others run as they do for everybody."""
    assert [server.exact for server in Street(tmp_path, kill_every=30).servers] == [True, False, False]


def asked_of(answering):
    """Give a server whose process runs this Python, and the process."""
    server = Server("stays", Path(), 0.0, exact=True)
    server.process = subprocess.Popen(
        [sys.executable, "-uc", answering], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    return server


def test_an_answer_that_comes_late_is_not_that_to_the_next_question():
    """Each answer says which question it is to; who cannot say what is in use is still looked at."""
    megabyte = 1024 * 1024
    late = f"input(); print(1, 0, 0); n = input(); print(1, 0, 0); print(n, 3 * {megabyte}, {megabyte}); print(input())"
    server = asked_of(late)
    try:
        assert server.used() == (0, 0)
        assert server.used() == (3, 1)
        server.sample(1.0)
        (sample,) = server.samples
        assert (sample.used, sample.sqlite) == (None, None)
        assert sample.memory > 1
        assert sample.files >= 3
    finally:
        server.kill()


def test_a_server_answers_where_the_c_library_does_not_tell(monkeypatch):
    """It says its number and no more, and goes on."""

    def nothing():
        raise AttributeError

    assert [int(each) >= 0 for each in soak_servers.answer("7").split()] == [True, True, True]
    monkeypatch.setattr(soak_servers, "in_use", nothing)
    assert soak_servers.answer("7") == "7"


def test_a_street_that_cannot_tell_what_is_in_use_says_so_at_once(tmp_path, monkeypatch, capsys):
    """Not after minutes, and not by a report in which everything held."""
    monkeypatch.setattr(Server, "start", lambda _: None)
    for said, failures in ((None, 1), (26.0, 0)):
        monkeypatch.setattr(Server, "used", lambda _, said=said: (said, said))
        with Street(tmp_path, kill_every=30) as street:
            assert len(street.failures) == failures
        assert ("cannot be had" in capsys.readouterr().err) == bool(failures)


def test_files_that_are_not_closed_are_found(tmp_path):
    """One more open file every minute is a leak."""
    (wrong,) = growing(street_of(tmp_path, files=lambda minute: 30 + int(minute)))
    assert wrong == "the server that stays holds more and more files"


def test_lives_that_become_larger_and_a_log_that_is_never_started_anew_are_found(tmp_path):
    """What a server holds must not follow what its folder holds, and a write-ahead log has an end."""
    street = street_of(tmp_path)
    larger = [replace(each, memory=60 + 2 * each.life) for each in street.rolling[0].samples]
    street.rolling[0].samples[:] = larger
    street.files.append((1.0, {"quietline.db-wal": 65.0}))
    assert growing(street) == ["each life of rolls-1 is larger than the one before", "a write-ahead log reached 65 MB"]


def test_the_report_says_what_size_of_leak_a_submission_could_hide(tmp_path):
    """Most requests are no submissions, so that what each of those leaves is diluted."""
    street = street_of(tmp_path)
    for server in street.servers:
        server.answered = 1000
    done = [
        Done(what=what, due=1, seconds=1, sends=1, status=201) for what in ["submit", "submit-sealed", "look"] * 100
    ]
    outcome = SimpleNamespace(street=street, work=SimpleNamespace(done=done))
    assert soak._of_a_submission(outcome, 0.25) == ", or of more than 7.5 KB a plain `submit`"


def test_figures_are_told_apart_around_a_kill():
    """Work that was under way while a server was gone counts apart; percentiles are of what was really measured."""
    kills = [(10.0, 13.0)]
    near = [soak.near_a_kill(Done(what="look", due=due, seconds=1, sends=1, status=200), kills) for due in (7, 8.5, 15)]
    assert near == [False, True, False]
    assert soak.percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert soak.slope([(0, 1), (1, 3), (2, 5)]) == 2
