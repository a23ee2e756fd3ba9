"""
Two servers on one data folder: one queue, one trail, one clock's round; and one of them is killed, again and again.

`QUIETLINE_KILLS`: every tenth kill is one of these.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from mixed_work import EVENING, Work, house_in, leave
from observing import verdict_on
from progress import found, steps
from served import Crowd, Server
from test_kill import IN_A_ROW, OF_TWO, let_them_work
from total_queue import History

from chalicelib.config import Settings
from chalicelib.domain.audit import broken_at
from chalicelib.domain.errors import NotFound
from chalicelib.local.run import Rounds
from chalicelib.usecases.doorbell import ROUND
from chalicelib.wiring import House


@pytest.mark.timeout(300 + 20 * OF_TWO)
def test_one_of_two_servers_is_killed_and_the_other_goes_on(tmp_path):
    """While one is down the other answers everybody; nothing is lost, handed out twice, or missing from the trail."""
    dice, figures, slowest = Random(), Counter(kills=OF_TWO, told_to_wait=0), 0.0
    for turn in steps("kill -9 of one of two servers", OF_TWO):
        if turn % IN_A_ROW == 0:
            home, history = tmp_path / str(turn), History()
            servers = [Server(home).start(), Server(home).start()]
            crowd = Crowd(servers, history, dice)
        let_them_work(crowd, history, dice)
        killed = servers[turn % 2]
        killed.kill()
        before = history.acknowledged.total()
        let_them_work(crowd, history, dice)
        assert history.acknowledged.total() > before or crowd.failures, "the other does not go on"
        killed.start()
        if turn % IN_A_ROW == IN_A_ROW - 1 or turn == OF_TWO - 1:
            figures["told_to_wait"] += crowd.disperse(kills=turn % IN_A_ROW + 1)
            for person in crowd.people:
                person.ask_again()
            for server in servers:
                server.kill()
            verdict, faults = verdict_on(home, history)
            assert verdict.is_clean, verdict
            assert not faults
            figures.update(acknowledged=history.acknowledged.total(), withdrawn=len(history.left), **verdict.figures)
            slowest = max(slowest, *itertools.chain.from_iterable(server.started_in for server in servers))
    found("kill -9 of one of two servers", slowest_restart=round(slowest, 2), **figures)
    assert figures["acknowledged"] > OF_TWO


class Ear(BaseHTTPRequestHandler):
    """Hears a doorbell."""

    heard = 0

    def do_POST(self) -> None:
        """Count a ring."""
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).heard += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_) -> None:
        """Say nothing."""


@pytest.fixture
def ear():
    """Somebody who hears the doorbell at an address of this machine."""
    heard = type("One", (Ear,), {})
    with HTTPServer(("127.0.0.1", 0), heard) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(address=f"http://127.0.0.1:{server.server_port}/", heard=lambda: heard.heard)
        server.shutdown()


def at_once(*calls):
    """Call them all at the same time; what one raises is raised."""
    failures, gate = [], threading.Barrier(len(calls))

    def one(call):
        gate.wait()
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised again
            failures.append(error)

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_what_runs_by_the_clock_is_done_once_between_two_servers(tmp_path, ear):
    """Both keep their rounds: the doorbell rings once, each request is purged once, a month of reach is out once."""
    now = [EVENING]
    settings = Settings(home=tmp_path, doorbell_webhook=ear.address, doorbell_secret=secrets.token_hex(32))
    houses = [House(settings), House(settings)]
    for house in houses:
        house.__dict__["clock"] = SimpleNamespace(now=lambda: now[0])
    history = History()
    for number in range(12):
        work = Work(house=houses[number % 2], history=history, dice=Random(), name="requester")
        work.submit(work.sent())
    for house in houses:
        assert house.retention.hourly()["trail_broken"] == 0
    ticks = [Rounds(house) for house in houses]
    for _ in range(3):
        now[0] += ROUND
        at_once(*ticks)
    assert ear.heard() == 3

    now[0] += timedelta(days=100)
    at_once(*(house.retention.hourly for house in houses * 2))
    entries, head = houses[0].store.trail(limit=1_000_000)
    purged = Counter(entry.deed.request_id for entry in entries if entry.deed.verb == "purge")
    assert purged == dict.fromkeys(history.owners, 1)
    assert broken_at(entries, head, key=houses[1].secret("audit.key")) is None
    months = [house.releases.read(since="", until="9999-12") for house in houses]
    assert months[0] == months[1]
    assert sorted(months[0]) == ["2026-11", "2026-12", "2027-01", "2027-02"]


def test_a_withdrawal_that_the_others_round_finishes_is_answered_as_done(tmp_path):
    """The key goes first, and the round of another server may meet that: whoever withdrew is told that it is done."""
    one, other, history = house_in(tmp_path), house_in(tmp_path), History()
    work = Work(house=one, history=history, dice=Random(), name="requester")
    sent = work.sent()
    work.submit(sent)
    erase = one.shred_keys.erase

    def erase_and_meet(names):
        erase(names)
        assert other.retention.undo_restored().withdrawn == 1

    with patch.object(one.shred_keys, "erase", erase_and_meet):
        one.mailbox.mailbox.withdraw(sent.credential)
    with pytest.raises(NotFound):
        one.mailbox.mailbox.withdraw(sent.credential)
    entries, _ = one.store.trail()
    assert [entry.deed.verb for entry in entries if entry.deed.verb == "withdraw"] == ["withdraw"]
    for house in (one, other):
        leave(house)


@pytest.mark.parametrize("late", ["audit.key", "make"])
def test_servers_that_start_at_once_on_a_fresh_folder_all_start(tmp_path, late):
    """While one still looks at the empty folder another makes everything and accepts: that is nothing lost."""
    one, other, history = house_in(tmp_path), house_in(tmp_path), History()
    work = Work(house=other, history=history, dice=Random(), name="requester")
    do = {"audit.key": one.keys._write_once, "make": one.keys.make}[late]
    met = []

    def meanwhile(*args):
        if args[:1] in ((), (late,)):
            met.append(work.submit(work.sent()))
        do(*args)

    with patch.object(one.keys, "make" if late == "make" else "_write_once", meanwhile):
        one.store.ping()
    assert len(met) == len(history.owners) == 1
    assert one.store.open_ids(now=EVENING) == other.store.open_ids(now=EVENING) != frozenset()
    for house in (one, other):
        leave(house)


def test_a_second_server_on_the_same_port_says_so_and_harms_nothing(tmp_path):
    """It ends with a sentence, and the first goes on."""
    first = Server(tmp_path).start()
    second = Server(tmp_path)
    second.port = first.port
    second.spawn()
    assert second.process.wait(timeout=200) == 2
    assert first.ask("GET", "/health").status == 200
    first.kill()
