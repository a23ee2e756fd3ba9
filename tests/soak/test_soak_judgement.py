"""What a soak is judged by finds what is planted: a loss, an invention, growing memory, files left open."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
import soak
import soak_servers
from heads import NOW
from soak_servers import Sample, Street
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


def street_of(tmp_path, *, memory=lambda _: 80, used=lambda _: 26, files=lambda _: 30):
    """Give a street whose servers held so much, every ten seconds for twenty minutes, at ten requests a second."""
    street = Street(tmp_path, kill_every=30)
    for at in range(120):
        held = {"memory": memory(at / 6), "used": used(at / 6), "files": files(at / 6), "threads": 8}
        street.stays.samples.append(Sample(minute=at / 6, life=1, answered=at * 100, **held))
    return street


def test_memory_that_is_kept_is_found_and_memory_that_settles_is_not(tmp_path):
    """A server may keep more while it warms up, and cache pages; of each request after that, it may keep nothing."""
    street = street_of(tmp_path, memory=lambda minute: 60 + minute, used=lambda minute: min(26, 20 + 8 * minute))
    assert soak.growing(street) == []
    (wrong,) = soak.growing(street_of(tmp_path, used=lambda minute: 20 + 0.3 * 600 / 1024 * minute))
    assert wrong == "the server that stays keeps 0.30 KB of each request"
    (wrong,) = soak.growing(street_of(tmp_path, memory=lambda minute: 60 + 2 * minute))
    assert wrong == "the server that stays reached 100 MB"


def test_what_is_in_use_is_what_was_taken_and_not_given_back():
    """Kilobytes are seen by their size, small things about, and what was freed not at all."""
    before = soak_servers.in_use()
    kept = [bytes(1000) for _ in range(4000)]
    assert soak_servers.in_use() - before == pytest.approx(4_000_000, rel=0.2)
    kept = [object() for _ in range(4000)]
    assert 100_000 < soak_servers.in_use() - before < 1_000_000
    del kept
    assert abs(soak_servers.in_use() - before) < 100_000


def test_files_that_are_not_closed_are_found(tmp_path):
    """One more open file every minute is a leak."""
    (wrong,) = soak.growing(street_of(tmp_path, files=lambda minute: 30 + int(minute)))
    assert wrong == "the server that stays holds more and more files"


def test_lives_that_become_larger_and_a_log_that_is_never_started_anew_are_found(tmp_path):
    """What a server holds must not follow what its folder holds, and a write-ahead log has an end."""
    street = street_of(tmp_path)
    for life in range(1, 10):
        held = {"memory": 60 + 5 * life, "used": 26, "files": 30, "threads": 8}
        street.rolling[0].samples.append(Sample(minute=life, life=life, answered=100, **held))
    street.files.append((1.0, {"quietline.db-wal": 65.0}))
    assert soak.growing(street) == [
        "each life of rolls-1 is larger than the one before",
        "a write-ahead log reached 65 MB",
    ]


def test_figures_are_told_apart_around_a_kill():
    """Work that was under way while a server was gone counts apart; percentiles are of what was really measured."""
    kills = [(10.0, 13.0)]
    near = [soak.near_a_kill(Done(what="look", due=due, seconds=1, sends=1, status=200), kills) for due in (7, 8.5, 15)]
    assert near == [False, True, False]
    assert soak.percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert soak.slope([(0, 1), (1, 3), (2, 5)]) == 2
