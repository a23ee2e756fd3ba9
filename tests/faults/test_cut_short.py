"""A database file cut short, overwritten or gone: it is refused in one sentence, and kept byte for byte."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import progress
import pytest
from one_house import OneHouse, is_a_refusal_with_the_number, opened

from chalicelib.adapters import sqlite_whole
from chalicelib.adapters.sqlite_file import Database
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import Status

ROOT = Path(__file__).resolve().parents[2]
CUTS = int(os.environ.get("QUIETLINE_CUTS", "12"))
COUNT = 16
CODES = {"quietline.db": "store-damaged", "shred.db": "shred-keys-damaged"}


def fill(home):
    """Accept some requests, and give the open house and the ids by their messages, in the order of acceptance."""
    house, accepted = OneHouse(home), {}
    for number in range(COUNT):
        status, answer = house.ask_for_a_call(f"key-of-the-request-{number:04}")
        assert status == 201
        accepted[f"key-of-the-request-{number:04}"] = answer["request_id"]
    return house, accepted


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Two homes: one closed in order, and one as a crash leaves it, with the last writes still in the logs."""
    folder = tmp_path_factory.mktemp("cut")
    house, accepted = fill(folder / "live")
    shutil.copytree(folder / "live", folder / "crashed")
    house.close()
    shutil.copytree(folder / "live", folder / "closed")
    assert (folder / "crashed" / "quietline.db-wal").stat().st_size > 0
    assert not (folder / "closed" / "quietline.db-wal").exists()
    return folder, accepted


def state_of(victim):
    """Give what a database file and its log hold, as hashes; none is as good as an empty log."""
    both = (victim, victim.with_name(f"{victim.name}-wal"))
    return [sha256(path.read_bytes()).hexdigest() if path.exists() else sha256(b"").hexdigest() for path in both] + [
        victim.exists()
    ]


def refusal_of(home):
    """Open a house, and give the code by which it refuses; None if it opens."""
    with opened(home) as house:
        try:
            house.house.store.ping()
            house.message_of("")
            house.house.shred_keys.names(now=house.now)
        except Unavailable as unavailable:
            return unavailable.code
    return None


def whole(home, accepted):
    """Count the requests that are there and open; nothing may be there that does not, or that nobody sent."""
    with opened(home) as house:
        said = {message: house.message_of(request_id) for message, request_id in accepted.items()}
        assert all(what in (None, message) for message, what in said.items())
        lanes = house.house.store.lanes(now=house.now, soon=house.now)
        assert sum(lane.waiting for lane in lanes) == sum(what is not None for what in said.values())
    return [message for message, what in said.items() if what is not None]


def test_a_file_that_is_cut_anywhere_is_refused_and_kept(homes, tmp_path):
    """Cut at random: what is lost is never passed over in silence; what the log holds in full is served in full."""
    folder, accepted = homes
    dice, name = random.Random(8), "file cut short, at random"
    refused = served = 0
    for step in progress.steps(name, CUTS):
        home = tmp_path / str(step)
        shutil.copytree(folder / ("crashed" if step % 2 else "closed"), home)
        victim = home / ("shred.db" if step % 3 == 0 else "quietline.db")
        size = victim.stat().st_size
        os.truncate(victim, dice.choice([0, 1, 99, 4096, size - 1, dice.randrange(size), dice.randrange(size)]))
        before = state_of(victim)
        code = refusal_of(home)
        if code is None:
            assert whole(home, accepted) == [*accepted]
            served += 1
        else:
            assert code == CODES[victim.name]
            assert state_of(victim) == before
            refused += 1
        shutil.rmtree(home)
    assert refused >= CUTS // 2
    progress.found(name, refused_and_kept=refused, whole_from_the_log=served, whole_or_refused="held")


def test_a_log_that_is_cut_keeps_what_was_committed_before(homes, tmp_path):
    """As after a crash: each request is there whole or not at all, and none is missing before one that is there."""
    folder, accepted = homes
    dice, name = random.Random(9), "log cut short, at random"
    kept = refused = 0
    for step in progress.steps(name, CUTS):
        home = tmp_path / str(step)
        shutil.copytree(folder / "crashed", home)
        log = home / "quietline.db-wal"
        os.truncate(log, dice.randrange(log.stat().st_size))
        if refusal_of(home) is None:
            there = whole(home, accepted)
            assert there == [*accepted][: len(there)]
            kept += len(there)
        else:
            refused += 1
        shutil.rmtree(home)
    assert kept
    progress.found(name, requests_kept=kept, refused=refused, whole_or_not_there="held")


def overwrite(victim, start, raw):
    """Write over a part of a file."""
    with victim.open("r+b") as file:
        file.seek(start)
        file.write(raw)


DAMAGES = {
    "a header of zeros": lambda victim: overwrite(victim, 0, bytes(100)),
    "another header": lambda victim: overwrite(victim, 0, b"%PDF-1.7 " * 12),
    "a page of zeros": lambda victim: overwrite(victim, 4096, bytes(4096)),
    "no length": lambda victim: os.truncate(victim, 0),
    "gone": lambda victim: victim.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("state", ["closed", "crashed"])
def test_no_new_file_takes_the_place_of_a_damaged_one(homes, tmp_path, state, damage):
    """Overwritten, emptied or gone, with its log or without: the house refuses, and what is left stays as it is."""
    folder, accepted = homes
    for name, code in CODES.items():
        home = tmp_path / name
        shutil.copytree(folder / state, home)
        DAMAGES[damage](home / name)
        before = state_of(home / name)
        if state == "crashed" and damage == "a page of zeros" and refusal_of(home) is None:
            assert whole(home, accepted) == [*accepted]  # the log has that page
            continue
        gone_for_good = name == "shred.db" and damage == "gone" and state == "closed"
        assert refusal_of(home) == ("shred-keys" if gone_for_good else code)
        assert state_of(home / name) == before


def test_the_server_says_what_to_do_and_stops(homes, tmp_path):
    """One sentence names the file and the way out; nothing is served, and nothing is made."""
    home = tmp_path / "home"
    shutil.copytree(homes[0] / "closed", home)
    os.truncate(home / "quietline.db", 50_000)
    before = state_of(home / "quietline.db")
    environment = {**os.environ, "QUIETLINE_HOME": str(home), "QUIETLINE_PORT": "0"}
    command = [sys.executable, "-m", "chalicelib.local.run"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "quietline.db in QUIETLINE_HOME is missing, cut short or overwritten, and was left as it is: move it aside with"
        " quietline.db-wal, and put a backup in its place (make restore).\n"
    )
    assert state_of(home / "quietline.db") == before


@pytest.mark.parametrize("name", CODES)
def test_a_file_that_is_cut_under_a_running_server_is_found_and_served_no_more(homes, tmp_path, name):
    """Within seconds, and from then on until it is opened anew: 503 with the number, and health names the part."""
    home = tmp_path / "home"
    shutil.copytree(homes[0] / "closed", home)
    with opened(home) as house:
        status, answer = house.ask_for_a_call("key-before-it-was-cut")
        assert status == 201
        with contextlib.closing(sqlite3.connect(home / name)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what is only in the log would not be lost
        part = house.house.store if name == "quietline.db" else house.house.shred_keys
        part.ping()  # with something in the log, SQLite does not count the pages of the file
        length = (home / name).stat().st_size - 4096
        os.truncate(home / name, length)
        part._db._look_at = 0.0  # ten seconds later
        asked = [
            house.ask_for_a_call("key-after-it-was-cut"),
            house.ask("GET", "/v1/mailbox", receipt=answer["receipt"]),
            house.ask("DELETE", "/v1/mailbox", receipt=answer["receipt"]),
            house.ask("POST", "/v1/desk/claims", {}, role="practitioner"),
        ]
        assert all(map(is_a_refusal_with_the_number, asked)), asked
        assert {said["code"] for _, said in asked} == {CODES[name]}
        status, health = house.ask("GET", "/health")
        assert status == 503
        assert health["parts"]["storage" if name == "quietline.db" else "shredding"] == CODES[name]
        assert name in health["detail"]
        assert (home / name).stat().st_size == length


def test_what_sqlite_finds_damaged_at_work_is_served_no_more(homes, tmp_path):
    """A page that is overwritten while the server runs is met by whoever reads it, and by nobody after them."""
    home = tmp_path / "home"
    shutil.copytree(homes[0] / "closed", home)
    with opened(home) as house:
        house.house.shred_keys.names(now=house.now)
        house.house.store.ping()
        pages = (home / "quietline.db").stat().st_size // 4096
        overwrite(home / "quietline.db", 4096, b"\x99" * 4096 * (pages - 1))
        assert house.ask("POST", "/v1/desk/claims", {}, role="practitioner")[0] == 503
        assert house.ask("GET", "/health")[1]["parts"]["storage"] == "store-damaged"


@pytest.mark.parametrize("name", ["counters.db", "reach.db"])
def test_damaged_figures_stop_nobody_from_asking_for_help(homes, tmp_path, name, capfd):
    """Figures are refused and their file is kept, and requests go on being accepted and answered."""
    home = tmp_path / "home"
    shutil.copytree(homes[0] / "closed", home)
    with opened(home) as house:
        house.house.counters.add("contacts", "2026-10", "x")
        house.house.counters.write()
        house.house.releases.keep("2026-09", "{}")
    os.truncate(home / name, 0)
    with opened(home) as house:
        with pytest.raises(Unavailable, match="counts-damaged"):
            house.house.retention.hourly()
        assert house.ask_for_a_call("key-while-figures-are-broken")[0] == 201
        assert house.house.desk.casework.claim("alex").request.status is Status.CLAIMED
        assert house.ask("GET", "/health")[0] == 200
    assert (home / name).stat().st_size == 0


def test_a_house_that_was_never_finished_is_made(tmp_path):
    """What a kill leaves of the very first start stands in nobody's way: the file is there whole, or not yet."""
    (tmp_path / ".quietline.db.123.abcdef01").write_bytes(b"")
    assert refusal_of(tmp_path) is None
    with opened(tmp_path) as house:
        assert house.ask_for_a_call("key-of-the-very-first-one")[0] == 201


def test_a_write_that_was_broken_off_is_undone_and_keeps_nobody_out(tmp_path):
    """Where a file keeps a journal and not a log, as a copy by hand may, half a transaction is left beside it."""
    path, schema = tmp_path / "a.db", ("CREATE TABLE t (n TEXT)",)
    broken_off = f"""
import os, sqlite3
db = sqlite3.connect({str(path)!r}, isolation_level=None)
db.execute({schema[0]!r})
db.execute("INSERT INTO t VALUES ('kept')")
db.execute("PRAGMA user_version = 1")
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
for _ in range(300):
    db.execute("INSERT INTO t VALUES (?)", ("x" * 2000,))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", broken_off], check=False)
    assert path.with_name("a.db-journal").stat().st_size > 0
    database = Database(path, schema)
    assert database.read(lambda db: db.execute("SELECT n FROM t").fetchall()) == [("kept",)]
    database.close()


def test_looking_at_a_file_gives_up_none_of_its_locks(tmp_path):
    """Else whoever reads it and leaves takes itself for the last, and what is accepted later is written to nowhere."""
    path = tmp_path / "a.db"
    database = Database(path, ("CREATE TABLE t (n TEXT)",))
    log = path.with_name("a.db-wal")

    def accept(name):
        database.write(lambda db: db.execute("INSERT INTO t VALUES (?)", (name,)))

    def read_elsewhere():
        code = f"import sqlite3; print(sqlite3.connect({str(path)!r}).execute('SELECT n FROM t').fetchall())"
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    accept("one")
    before = log.stat().st_ino
    sqlite_whole.look(path)
    assert read_elsewhere() == "[('one',)]\n"
    assert log.stat().st_ino == before
    accept("two")
    assert read_elsewhere() == "[('one',), ('two',)]\n"
    database.close()
