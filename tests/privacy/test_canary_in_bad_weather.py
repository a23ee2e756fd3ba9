"""
The canary on both stores, in fair weather and while they fail: the same planting, the same detector.

`test_canary.py` plants in every slot of every route on a real server with SQLite. Here they are planted again, in
process: on DynamoDB in fair weather, and on either store while it throttles, times out or breaks at the first, second
or a later call of the very request, with the words of the request in its error.

By default every fourth of them is, so that each field of each body is reached in one of its four wrong ways;
`make test-canary` plants all, which takes minutes.
"""

from __future__ import annotations

import itertools
import logging
import os
from dataclasses import replace

import pytest
from asking import InProcess, a_world, leaks_in_answer, with_a_session
from bad_weather import FAULTS, DynamoPlace, SqlitePlace, Weather
from chalice.test import Client
from detector import Detector, logged
from planting import CLOCK, ROUTES, Asked, Markers, accepted_ones, planted

import app as quietline
from chalicelib.adapters import dynamodb_connection, dynamodb_items
from chalicelib.domain.overflow import Overflowed
from chalicelib.domain.receipts import encode, read_receipt
from chalicelib.usecases.shredding import Shredding

PLACES = {"sqlite": SqlitePlace, "dynamodb": DynamoPlace}
ALL = "QUIETLINE_CANARY_ALL" in os.environ
STEPS = (0, 1, 2, 4, 7)
"""From which call of a request on the store fails: its first, or one after it has written something."""


class Sweep:
    """A house on a store, the weather over it, and everything that came out."""

    def __init__(self, place, client, weather, tmp_path) -> None:
        self.markers, self.phones, self.leaks = Markers(), [], []
        self.detector = Detector(self.markers.secret)
        self.place, self._ask, self._weather = place, InProcess(client), weather
        self._home, self.statuses = tmp_path / "home", {}
        self.world = self.fresh_world()

    def fresh_world(self):
        """Let somebody ask, and a practitioner take it, in fair weather."""
        self._weather.next(Asked(method="POST", target="/v1/callbacks"), None, 0)
        return a_world(self._ask, self._home)

    def ask(self, asked, fault=None, begin=0):
        """Ask once, in this weather, and search the answer."""
        self._weather.next(asked, fault, begin)
        answer = self._ask(asked)
        self._weather.fault = None
        self.statuses.setdefault(fault, set()).add(answer[0])
        if (asked.method, asked.target.partition("?")[0]) == ("POST", "/v1/desk/claims"):
            asked = replace(asked, may_answer=True)  # it hands out what somebody wrote, and nothing else does
        if found := leaks_in_answer(self.detector, asked, answer):
            self.leaks.append((asked.method, asked.target, fault, answer[0], found))
        return answer

    def plant(self, faults):
        """Plant in every slot of every route; *faults* say what befalls each."""
        for path, method in ROUTES:
            plantings = planted(path, method, self.world, self.markers)
            for asked in itertools.islice(plantings, 0, None, 1 if ALL else 4):
                answer = self.ask(asked, *next(faults))
                if method == "DELETE" and answer[0] not in (401, 404, 400):
                    self.world = self.fresh_world()

    def plant_good(self, fault=None, begin=0):
        """Send every good request of the job, each of which keeps something."""
        self.world, self.phones = self.fresh_world(), []
        for asked in accepted_ones(self.world, self.markers, self.phones):
            self.ask(asked, fault, begin)

    def search(self, said):
        """Search what is stored, queued and said, also for phone numbers, receipts and keys."""
        receipt = read_receipt(self.world.receipt)
        for secret in (receipt.code, receipt.shown, encode(receipt.lookup), self.world.token, *self.phones):
            self.detector.watch(secret)
        self.detector.watch_bytes(receipt.lookup)
        self.detector.watch_bytes(receipt.mailbox_key)
        queued = set().union(*(self.detector.find(body.encode()) for body in self.place.queue.bodies()), set())
        return {
            "answers": self.leaks,
            "stored": self.place.search(self.detector),
            "queued": queued,
            "said": self.detector.find(said),
        }


CLEAN = {"answers": [], "stored": {}, "queued": set(), "said": set()}


@pytest.fixture(params=PLACES)
def sweep(request, tmp_path, monkeypatch, caplog):
    """A house on one of the stores."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="quietline")
    weather = Weather()
    place = PLACES[request.param](tmp_path / "home", weather, monkeypatch)
    house = place.house(CLOCK)
    house.keys.make()
    with_a_session(house)
    monkeypatch.setattr(quietline, "house", house)
    with Client(quietline.app) as client:
        yield Sweep(place, client, weather, tmp_path)
    place.close()


def test_nothing_planted_is_found_in_either_store(sweep, caplog, capfd):
    """In fair weather: no marker, phone number, receipt or key is in an answer, a log, a file, an item or a letter."""
    if isinstance(sweep.place, DynamoPlace):  # SQLite has had this on a real server
        sweep.plant(itertools.repeat((None, 0)))
    sweep.plant_good()
    out, err = capfd.readouterr()
    assert sweep.search(logged(caplog) + out.encode() + err.encode()) == CLEAN
    assert sweep.statuses[None] <= set(range(200, 500))
    assert {200, 201} <= sweep.statuses[None]


def test_nothing_planted_is_found_while_a_store_fails(sweep, caplog, capfd):
    """Every slot meets a fault with its own words in the error, and every good request each fault at several calls."""
    weathers = itertools.cycle((fault, step) for step in STEPS[:3] for fault in FAULTS)
    sweep.plant(weathers)
    for at, fault in enumerate(FAULTS):
        for step in STEPS if ALL else STEPS[at % 5 :: 5]:
            sweep.plant_good(fault, step)
    out, err = capfd.readouterr()
    assert sweep.search(logged(caplog) + out.encode() + err.encode()) == CLEAN
    assert sweep._weather.met > 500
    assert len(sweep.place.queue.bodies()) > 20
    assert all({201, 503} <= sweep.statuses[fault] for fault in FAULTS), sweep.statuses


def repeat_the_service(connection):
    """Make the slip of logging what the service said."""
    judged = connection._judged

    def careless(response):
        logging.getLogger("quietline").error("DynamoDB: %s", response["Error"]["Message"])
        return judged(response)

    return careless


SLIPS = {
    "content that is not sealed": "stored",
    "a head with the words in it": "stored",
    "a log with what the service said": "said",
    "a letter with the words in it": "queued",
}


@pytest.mark.parametrize("sweep", ["dynamodb"], indirect=True)
@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_on_dynamodb_would_be_found(sweep, slip, monkeypatch, caplog):
    """One leak planted in an item, a log or a letter of the queue is found, in that place and nowhere else."""
    words = sweep._weather
    if slip == "content that is not sealed":
        monkeypatch.setattr(Shredding, "begin", lambda *_: words.words.encode())
    elif slip == "a head with the words in it":
        pack = dynamodb_items.pack_head
        monkeypatch.setattr(dynamodb_items, "pack_head", lambda head: {**pack(head), "zz": words.words})
    elif slip == "a log with what the service said":
        monkeypatch.setattr(dynamodb_connection, "_judged", repeat_the_service(dynamodb_connection))
    else:
        write = Overflowed.to_text
        monkeypatch.setattr(Overflowed, "to_text", lambda letter: write(letter) + words.words)
    sweep.plant_good()
    sweep.plant_good("server-error", 1)
    found = sweep.search(logged(caplog))
    assert {where for where, leaks in found.items() if leaks} == {SLIPS[slip]}
