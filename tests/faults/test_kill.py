"""
`kill -9` at any moment loses nothing that was acknowledged, invents nothing, and does nothing twice.

`QUIETLINE_KILLS` says how often in all: of ten kills seven meet a process that works at the use cases, two a server,
and one a server beside another on the same folder (`test_two_servers`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import writing_worker
from observing import verdict_on
from progress import found, steps
from served import ROOT, Crowd, Server
from total_queue import Element, History

from chalicelib.adapters.sqlite import SqliteStore

KILLS = int(os.environ.get("QUIETLINE_KILLS", "12"))
SERVERS = max(2, KILLS // 5)
OF_TWO = max(2, KILLS // 10)
WORKERS = max(1, KILLS - SERVERS - OF_TWO)
IN_A_ROW = 20
"""How often processes are killed on one home before the next one starts empty."""
MANY = 20
"""Kills of processes after which some must have met what was done and not yet answered."""


class Workers:
    """Workers, one after the other, each killed."""

    def __init__(self) -> None:
        self.refused = Counter[str]()
        path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        self.process = subprocess.Popen(
            [sys.executable, writing_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def kill_one(self, home: Path, history: History, seconds: float) -> None:
        """Let a worker work for some *seconds*, kill it, and write down what it told."""
        self.process.stdin.write(f"{home}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            (verb, *about), how = json.loads(line)
            if verb == "ended":
                assert about == [-signal.SIGKILL]
                return
            if verb == "started":
                threading.Timer(seconds, os.kill, (about[0], signal.SIGKILL)).start()
            elif verb == "failed":
                pytest.fail(about[0])
            elif verb == "refused":
                self.refused[about[0]] += 1
            else:
                getattr(history, verb)(*(Element(*each) if isinstance(each, list) else each for each in about), **how)
        pytest.fail("the workers are gone")

    def close(self) -> None:
        """End the process that they come from."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def workers():
    """Workers that are gone in the end."""
    all_of_them = Workers()
    yield all_of_them
    all_of_them.close()


@pytest.mark.timeout(300 + 5 * WORKERS)
def test_a_killed_process_loses_nothing_that_it_acknowledged(workers, tmp_path):
    """Every acknowledged request opens, none that was withdrawn, every deed stands once, files and trail are whole."""
    dice, figures, history, home = Random(), Counter(kills=WORKERS), History(), tmp_path / "0"
    for turn in steps("kill -9 of processes", WORKERS):
        workers.kill_one(home, history, dice.uniform(0, 0.5))
        if turn % IN_A_ROW == IN_A_ROW - 1 or turn == WORKERS - 1:
            verdict, faults = verdict_on(home, history)
            assert verdict.is_clean, verdict
            assert not faults
            figures.update(acknowledged=history.acknowledged.total(), withdrawn=len(history.left), **verdict.figures)
            history, home = History(), tmp_path / str(turn)
    found("kill -9 of processes", refused=workers.refused.total(), **figures)
    assert figures["acknowledged"] > WORKERS
    assert not workers.refused, "nobody else has the files: nothing may be unavailable"
    assert figures["recovered"] or WORKERS < MANY, "no kill came between a commit and its answer"


@pytest.mark.timeout(300 + 15 * SERVERS)
def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path):
    """Everybody tries again until there is an answer, or gives up: no request is lost, none is there twice."""
    dice, figures, slowest = Random(), Counter(kills=SERVERS, told_to_wait=0), 0.0
    for turn in steps("kill -9 of a server", SERVERS):
        if turn % IN_A_ROW == 0:
            server, history = Server(tmp_path / str(turn)), History()
            server.start()
            crowd = Crowd([server], history, dice)
        let_them_work(crowd, history, dice)
        server.kill()
        server.start()
        if turn % IN_A_ROW == IN_A_ROW - 1 or turn == SERVERS - 1:
            figures["told_to_wait"] += crowd.disperse(kills=turn % IN_A_ROW + 1)
            for person in crowd.people:
                person.ask_again()
            server.kill()
            verdict, faults = verdict_on(server.home, history)
            assert verdict.is_clean, verdict
            assert not faults
            figures.update(acknowledged=history.acknowledged.total(), withdrawn=len(history.left), **verdict.figures)
            slowest = max(slowest, *server.started_in)
    found("kill -9 of a server", slowest_restart=round(slowest, 2), **figures)
    assert figures["acknowledged"] > SERVERS


def let_them_work(crowd, history, dice):
    """Wait until something more is acknowledged, and a little longer: the next kill comes at any moment."""
    before, until = history.acknowledged.total(), time.monotonic() + 60
    while history.acknowledged.total() == before and time.monotonic() < until and not crowd.failures:
        time.sleep(0.01)
    time.sleep(dice.uniform(0, 0.5))


def test_every_commit_is_synced_to_the_disk(tmp_path):
    """What a kill cannot show, since the system survives it: FULL syncs the log at each commit, NORMAL does not."""
    store = SqliteStore(tmp_path / "quietline.db", audit_key=b"key")
    pragmas = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    for name, value in pragmas.items():
        assert store._db._writer.execute(f"PRAGMA {name}").fetchone() == (value,)
    store.close()
