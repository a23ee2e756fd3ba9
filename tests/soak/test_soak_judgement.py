"""What a soak is judged by finds what is planted: a loss, an invention, growing memory, files left open."""

from __future__ import annotations

import time
from datetime import datetime
from types import SimpleNamespace

import pytest
import soak
from heads import NOW
from soak_servers import Sample, Street
from soak_work import Done
from total_queue import Element, History

from chalicelib.config import Settings
from chalicelib.domain.requests import Kind
from chalicelib.usecases.intake import Submission
from chalicelib.wiring import House

STATEMENT = "2026-11"


@pytest.fixture
def home(tmp_path):
    """A folder in which three requests were accepted, `one`, `two` and `three`."""
    house = House(Settings(home=tmp_path, clock_starts_at=datetime.fromisoformat(f"{NOW:%Y-%m-%dT%H:%M}Z")))
    for name in ("one", "two", "three"):
        details = {"concern": "survivor", "message": name}
        house.public.intake.submit(
            Submission(
                kind=Kind.INFORMATION, statement_version=STATEMENT, body=name.encode(), language="en", details=details
            )
        )
    house.store.close()
    house.shred_keys.close()
    return tmp_path


def judged(home, *names):
    """Judge a soak that says it had these acknowledged."""
    history = History()
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


def street_of(tmp_path, memory, files=lambda _: 30):
    """Give a street whose servers held so much, every ten seconds for twenty minutes."""
    street = Street(tmp_path, kill_every=30)
    for at in range(120):
        held = {"memory": memory(at / 6), "files": files(at / 6), "threads": 8}
        street.stays.samples.append(Sample(minute=at / 6, life=1, **held))
    return street


def test_memory_that_grows_is_found_and_memory_that_settles_is_not(tmp_path):
    """A server may grow while it warms up; after that, half a megabyte a minute is too much."""
    assert soak.growing(street_of(tmp_path, lambda minute: min(80, 60 + 8 * minute)), 20) == []
    (wrong,) = soak.growing(street_of(tmp_path, lambda minute: 60 + 0.6 * minute), 20)
    assert wrong == "the server that stays grew by 0.60 MB a minute"


def test_files_that_are_not_closed_are_found(tmp_path):
    """One more open file every minute is a leak."""
    (wrong,) = soak.growing(street_of(tmp_path, lambda _: 80, lambda minute: 30 + int(minute)), 20)
    assert wrong == "the server that stays holds more and more files"


def test_lives_that_become_larger_and_a_log_that_is_never_started_anew_are_found(tmp_path):
    """What a server holds must not follow what its folder holds, and a write-ahead log has an end."""
    street = street_of(tmp_path, lambda _: 80)
    for life in range(1, 10):
        street.rolling[0].samples.append(Sample(minute=life, life=life, memory=60 + 5 * life, files=30, threads=8))
    street.files.append((1.0, {"quietline.db-wal": 65.0}))
    assert soak.growing(street, 20) == [
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
