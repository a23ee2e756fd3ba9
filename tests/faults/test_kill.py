"""
`kill -9` at any moment loses nothing that was acknowledged.

`QUIETLINE_KILLS` says how often a writer is killed; a server is killed a quarter as often.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
import writing_worker

from chalicelib.adapters.hpke import HpkeOpener
from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_publications import SqlitePublications
from chalicelib.config import Settings
from chalicelib.domain.audit import broken_at
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.requests import Status
from chalicelib.usecases.correspondence import open_content
from chalicelib.wiring import House

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("QUIETLINE_KILLS", "12"))
SERVER_KILLS = max(2, KILLS // 4)
CLOCK = "2026-11-24T18:05:00Z"


def write_until_killed(home, seconds):
    """Run a writer, kill it *seconds* after its first acknowledgement, and give what it had acknowledged."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    worker = subprocess.Popen(
        [sys.executable, writing_worker.__file__, str(home)], stdout=subprocess.PIPE, env=environment
    )
    with worker:
        told = [worker.stdout.readline()]
        killer = threading.Timer(seconds, worker.kill)
        killer.start()
        told += worker.stdout.readlines()
        killer.join()
    assert worker.returncode == -signal.SIGKILL
    return [line.decode().split() for line in told if line.endswith(b"\n")]


@pytest.mark.timeout(60 + 5 * KILLS)
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path):
    """Every acknowledged request opens, every close and publication stands, and file and trail are whole."""
    dice, told = random.Random(), []
    for _ in range(KILLS):
        told += write_until_killed(tmp_path, dice.uniform(0, 0.3))
    by_verb = {verb: [line[1] for line in told if line[0] == verb] for verb in ("submitted", "claimed", "closed")}
    assert len(by_verb["submitted"]) >= KILLS

    with contextlib.closing(sqlite3.connect(tmp_path / "quietline.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    keys, now = KeyFiles(tmp_path / "keys"), datetime.now(UTC)
    store = SqliteStore(tmp_path / "quietline.db", audit_key=keys.secret("audit.key"))
    opener = HpkeOpener(keys.private_key, keys.recipients)
    for request_id in by_verb["submitted"]:
        request = store.get(request_id, now=now)
        envelope = Envelope.from_bytes(store.content(request))
        opened = opener.open(envelope, kind="information", request_id=request_id)
        assert opened == writing_worker.content_of(request_id)
    assert {store.get(request_id, now=now).status for request_id in by_verb["closed"]} <= {Status.CLOSED}
    assert all(store.get(request_id, now=now).number >= 1 for request_id in by_verb["claimed"])
    assert len(set(by_verb["claimed"])) == len(by_verb["claimed"])

    entries, head = store.trail(limit=10_000_000)
    assert broken_at(entries, head, key=keys.secret("audit.key")) is None
    deeds = {(entry.deed.verb, entry.deed.request_id) for entry in entries}
    assert deeds >= {("claim", name) for name in by_verb["claimed"]} | {("close", name) for name in by_verb["closed"]}
    closed = [entry.deed.request_id for entry in entries if entry.deed.verb == "close"]
    assert all(store.get(request_id, now=now).status is Status.CLOSED for request_id in closed)
    check_publications(SqlitePublications(store), told, entries)
    store.close()


def check_publications(publications, told, entries):
    """Make sure that every acknowledged publication is out or was, each whole: history, edition and trail agree."""
    edition, out = publications.published("signpost")
    histories = {each.record_id: publications.history("signpost", each.record_id) for each in out}
    for who, history in histories.items():
        assert [int(each.body) + 1 for each in history] == [each.revision for each in history]
        assert [each.revision for each in history] == list(range(len(history), 0, -1))
        assert {int(line[2]) for line in told if line[:2] == ["published", who]} <= {each.revision for each in history}
        assert sum(entry.deed.about == f"signpost/{who}" for entry in entries) == len(history)
    assert edition == sum(map(len, histories.values())) > 0


def test_every_commit_is_synced_to_the_disk(tmp_path):
    """What a kill cannot show, since the system survives it: FULL syncs the log at each commit, NORMAL does not."""
    store = SqliteStore(tmp_path / "quietline.db", audit_key=b"key")
    pragmas = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    for name, value in pragmas.items():
        assert store._db._writer.execute(f"PRAGMA {name}").fetchone() == (value,)
    store.close()


class Server:
    """`make run`, on a home of one's own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = None

    def start(self):
        """Start, and wait until it is healthy."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")},
            "QUIETLINE_HOME": str(self.home),
            "QUIETLINE_PORT": str(self.port),
            "QUIETLINE_CLOCK": CLOCK,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chalicelib.local.run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError, HTTPException):
                if self.ask("GET", "/health")[0] == 200:
                    return self
            time.sleep(0.05)
        pytest.fail("the server did not become healthy")

    def kill(self):
        """Kill it as the power going would."""
        self.process.kill()
        self.process.wait()

    def ask(self, method, path, body=None, **headers):
        """Ask for something on a connection of its own, and give status and document."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            raw = None if body is None else json.dumps(body)
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, raw, {"Content-Type": "application/json", **sent})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def ask_for_a_call(self, key, version):
        """Post a callback under an idempotency key."""
        details = {
            "concern": "own-behaviour",
            "phone": "07700 900123",
            "message": key,
            "safety": {"voicemail": "never"},
        }
        body = {"statement_version": version, "details": details}
        return self.ask("POST", "/v1/callbacks", body, Idempotency_Key=key)


@pytest.fixture
def serve(tmp_path):
    """How to start servers on one data folder; whatever happens they are gone in the end."""
    servers = []

    def start():
        servers.append(Server(tmp_path))
        return servers[-1].start()

    yield start
    for server in servers:
        server.kill()


def post_until(stop, server, version, name, answers):
    """Post callbacks until told to stop; note for each key its receipt, or None where no answer came."""
    number = 0
    while not stop.is_set():
        key = f"key-of-{name}-{number:08}"
        number += 1
        answers[key] = None
        try:
            status, answer = server.ask_for_a_call(key, version)
        except (OSError, HTTPException, ValueError):
            continue
        if status == 201:
            answers[key] = answer


@pytest.mark.timeout(90 + 10 * SERVER_KILLS)
def test_a_killed_server_loses_nothing_that_it_acknowledged(serve):
    """After a restart every 201 stands, and the same key gives the same answer, also where none had come through."""
    server, answers, dice = serve(), {}, random.Random()
    version = server.ask("GET", "/v1/statement")[1]["version"]
    for turn in range(SERVER_KILLS):
        stop = threading.Event()
        writers = [
            threading.Thread(target=post_until, args=(stop, server, version, f"{turn}-{writer}", answers))
            for writer in range(4)
        ]
        for writer in writers:
            writer.start()
        before = sum(answer is not None for answer in [*answers.values()])
        until = time.monotonic() + 20
        while sum(answer is not None for answer in [*answers.values()]) == before and time.monotonic() < until:
            time.sleep(0.01)  # a machine under load may need a while to its first answer
        time.sleep(dice.uniform(0, 0.5))
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
        server.start()
    acknowledged = {key: answer for key, answer in answers.items() if answer is not None}
    assert len(acknowledged) >= SERVER_KILLS
    for key, answer in acknowledged.items():
        receipt = f"Receipt {answer['receipt']}"
        status, mailbox = server.ask("GET", "/v1/mailbox", Authorization=receipt)
        assert (status, mailbox["reference"]) == (200, answer["reference"])
        assert server.ask_for_a_call(key, version) == (201, answer)
    for key in answers.keys() - acknowledged.keys():
        assert server.ask_for_a_call(key, version)[0] == 201
    house = House(Settings(home=server.home, clock_starts_at=datetime.fromisoformat(CLOCK)))
    casework = house.desk.casework
    for key, answer in acknowledged.items():
        request = house.store.get(answer["request_id"], now=house.clock.now())
        sealed = casework.shredding.content(request, house.store.content(request), casework.shredding.key(request))
        assert open_content(request, sealed, house.opener).details["message"] == key
    house.store.close()
    house.shred_keys.close()


def test_two_servers_on_one_folder_serve_one_queue(serve):
    """What one accepts the other can read, repeat and withdraw, and both take part at the same time."""
    servers, answers = [serve(), serve()], {}
    version = servers[0].ask("GET", "/v1/statement")[1]["version"]

    def post(server, name):
        for number in range(10):
            key = f"key-of-{name}-{number:08}"
            answers[key] = server.ask_for_a_call(key, version)

    writers = [threading.Thread(target=post, args=(servers[number % 2], f"writer-{number}")) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {status for status, _ in answers.values()} == {201}
    for number, (key, answer) in enumerate(sorted(answers.items())):
        other = servers[number % 2]
        receipt = f"Receipt {answer[1]['receipt']}"
        assert other.ask_for_a_call(key, version) == answer
        assert other.ask("GET", "/v1/mailbox", Authorization=receipt)[1]["reference"] == answer[1]["reference"]
        assert other.ask("DELETE", "/v1/mailbox", Authorization=receipt)[0] == 204
        assert servers[1 - number % 2].ask("GET", "/v1/mailbox", Authorization=receipt)[0] == 404
