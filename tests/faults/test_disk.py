"""A disk that is full or read-only: 503 with the number, nothing kept by halves, and on again once there is room."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import progress
import pytest
from one_house import VERSION, is_a_refusal_with_the_number, opened

from chalicelib.adapters.outbox import Outbox
from chalicelib.domain.audit import broken_at
from chalicelib.domain.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
FORM = {
    "statement_version": VERSION,
    "concern": "own-behaviour",
    "phone": "07700 900123",
    "voicemail": "never",
    "message": "x" * 2000,
}


@contextlib.contextmanager
def small_disk(folder, megabytes=8):
    """Mount a small disk of its own at *folder*, which only root may."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk; the other kinds of full disk need no root")
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a small disk (a container without the right to)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def filled(folder):
    """Take all the room on the disk that *folder* is on."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def no_larger_file(room):
    """Let no file of this process grow past *room* bytes, which is what a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only(part):
    """Have SQLite refuse to write: a disk that holds open files cannot be made read-only from outside."""
    part._db._writer.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        part._db._writer.execute("PRAGMA query_only = OFF")


def fault(how, house):
    """Let the disk be full, or read-only, in one way or another."""
    store, keys = house.house.store, house.house.shred_keys
    if how == "quota":
        logs = [house.home / f"{name}-wal" for name in ("quietline.db", "shred.db")]
        return no_larger_file(min(log.stat().st_size for log in logs))
    part = store if how.startswith("quietline.db") else keys
    return read_only(part)


def half_things(home):
    """Name what is there only in part: heads without content, content or messages without a head, broken files."""
    found = []
    with contextlib.closing(sqlite3.connect(home / "quietline.db")) as db:
        for query in (
            "SELECT request_id FROM requests WHERE status <> 'withdrawn' EXCEPT SELECT request_id FROM contents",
            "SELECT request_id FROM contents EXCEPT SELECT request_id FROM requests",
            "SELECT request_id FROM messages EXCEPT SELECT request_id FROM requests",
        ):
            found += db.execute(query).fetchall()
        found += [said for said in db.execute("PRAGMA integrity_check").fetchall() if said != ("ok",)]
    return found


HOWS = ["disk of all", "disk of quietline.db", "disk of shred.db", "quota"]
HOWS += ["quietline.db read-only", "shred.db read-only"]


@pytest.fixture
def scene(tmp_path, request):
    """A house with two requests and a claim, and how to break the disk that it is on."""
    how = request.param
    with contextlib.ExitStack() as stack:
        home = tmp_path / "home"
        if how.startswith("disk"):
            disk = stack.enter_context(small_disk(tmp_path / "disk"))
            home = disk / "home" if how == "disk of all" else home
        if how.startswith("disk of") and how != "disk of all":
            name = how.removeprefix("disk of ")
            with opened(home) as house:
                house.house.store.ping()
            (disk / name).write_bytes((home / name).read_bytes())
            (home / name).unlink()
            (home / name).symlink_to(disk / name)
        house = stack.enter_context(opened(home))
        house.house.store.ping()
        house.house.shred_keys.ping()
        breaking = filled(disk) if how.startswith("disk") else fault(how, house)
        yield Scene(house, how, breaking)


class Scene:
    """One house, and what it has acknowledged."""

    def __init__(self, house, how, breaking) -> None:
        self.house, self.how, self.breaking = house, how, breaking
        self.accepted, self.refused = {}, 0
        self.first = self.accepted["key-of-the-first-one"] = house.ask_for_a_call("key-of-the-first-one")[1]
        self.second = self.accepted["key-of-the-second-one"] = house.ask_for_a_call("key-of-the-second-one")[1]
        claim = house.ask("POST", "/v1/desk/claims", {}, role="practitioner")[1]["claim"]
        self.number = {"number": claim["number"]}
        self.path = f"/v1/desk/claims/{claim['request_id']}"

    def ask_for_calls(self, count):
        """Post callbacks: each is accepted, or refused with the number."""
        for turn in range(count):
            key = f"key-while-it-is-full-{turn:04}"
            answer = self.house.ask_for_a_call(key)
            if answer[0] == 201:
                assert self.accepted.setdefault(key, answer[1]) == answer[1]
            else:
                assert is_a_refusal_with_the_number(answer)
                self.refused += 1

    def close_the_claim(self):
        """Close the claim that was made before."""
        body = {**self.number, "outcome": "answered"}
        return self.house.ask("POST", f"{self.path}/close", body, role="practitioner")

    def health(self):
        """Ask for the health; give its status, and the parts that are down."""
        status, said = self.house.ask("GET", "/health")
        return status, {part for part, state in said["parts"].items() if state != "ok"}


@pytest.mark.parametrize("scene", HOWS, indirect=True)
def test_nothing_is_accepted_that_is_not_kept_and_all_goes_on_once_there_is_room(scene):
    """JSON, form, mailbox and desk refuse with the number, reading goes on, health names the part; then all is well."""
    house, needs_shred_keys_only = scene.house, "shred.db" in scene.how
    receipt, text = scene.second["receipt"], {"text": "x" * 2900}
    withdrawn = closed = False
    with scene.breaking:
        scene.ask_for_calls(12)  # what fits into the last corner is accepted, and kept
        assert scene.refused >= 3
        page = house.ask("POST", "/v1/callbacks", form=FORM, accept="text/html")
        assert is_a_refusal_with_the_number(page), page
        withdrawing = house.ask("DELETE", "/v1/mailbox", receipt=receipt)
        withdrawn = withdrawing[0] == 204
        assert withdrawn or is_a_refusal_with_the_number(withdrawing)
        asked = [house.ask("POST", "/v1/mailbox/messages", text, receipt=scene.first["receipt"]) for _ in range(4)]
        asked += [house.ask("POST", f"{scene.path}/replies", {**scene.number, **text}, role="practitioner")]
        asked += [house.ask("POST", "/v1/desk/claims", {}, role="practitioner")]
        if not needs_shred_keys_only:  # what is written later is under the key that is there
            assert any(map(is_a_refusal_with_the_number, asked))
        assert all(said[0] < 300 or is_a_refusal_with_the_number(said) for said in asked)
        status, down = scene.health()
        assert (status, down) == (503, DOWN.get(scene.how, {"storage", "shredding"}))
        assert house.ask("GET", "/v1/mailbox", receipt=scene.first["receipt"])[0] == 200
        closing = scene.close_the_claim()
        closed = closing[0] == 200  # 404 and 409: withdrawn, or written to since
        assert (
            closed or is_a_refusal_with_the_number(closing) or closing[0] in (404, 409)
        )  # withdrawn, or written since
    assert scene.health() == (200, set())
    refused, scene.refused = scene.refused, 0
    scene.ask_for_calls(12)
    assert scene.refused == 0
    lost = 0
    for key, answer in scene.accepted.items():
        said = house.message_of(answer["request_id"])
        # Where the keys have room and the requests have none, it is forgotten already, and marked by the next try.
        lost += said is None and answer is not scene.second
        assert said in (None, key)
        assert said is None or not (withdrawn and answer is scene.second)
    assert lost == 0
    assert house.ask("DELETE", "/v1/mailbox", receipt=receipt)[0] in (204, 404)
    assert house.ask("GET", "/v1/mailbox", receipt=receipt)[0] == 404
    entries, head = house.house.store.trail(limit=10_000)
    assert broken_at(entries, head, key=house.house.secret("audit.key")) is None
    house.close()
    half = half_things(house.home)
    progress.found(f"full or read-only: {scene.how}", refused_with_the_number=refused, lost=lost, half_kept=len(half))
    assert half == []


DOWN = {
    "quietline.db read-only": {"storage"},
    "disk of quietline.db": {"storage"},
    "shred.db read-only": {"shredding"},
    "disk of shred.db": {"shredding"},
}


def test_a_full_disk_of_figures_stops_nobody(tmp_path):
    """What could not be counted stays gathered and is counted once there is room; requests go on meanwhile."""
    with small_disk(tmp_path / "figures", megabytes=1) as figures, opened(tmp_path / "home") as house:
        assert house.ask_for_a_call("key-of-the-first-one")[0] == 201
        house.house.counters.write()
        (tmp_path / "home" / "counters.db").rename(tmp_path / "counters.db")
        (figures / "counters.db").write_bytes((tmp_path / "counters.db").read_bytes())
        (tmp_path / "home" / "counters.db").symlink_to(figures / "counters.db")
        with filled(figures):
            assert house.ask_for_a_call("key-of-the-second-one")[0] == 201
            with pytest.raises(Unavailable, match="storage"):
                house.house.counters.write()
            assert house.ask("GET", "/health")[0] == 200
        counted = house.house.counters.read("reach", since="2026-01")
        assert sum(counted.values()) == 2


def test_mail_that_does_not_fit_leaves_no_half_address(tmp_path):
    """The reply is in the mailbox all the same; in the outbox there is the whole message, or nothing."""
    outbox = Outbox(tmp_path / "outbox")
    mail = {"sender": "help@example.org", "to": "sam@example.org", "subject": "Hello", "text": "x" * 9000}
    with no_larger_file(4096), pytest.raises(Unavailable, match="mail"):
        outbox.send(**mail, request_id="r1", message_id="m1")
    assert list((tmp_path / "outbox").iterdir()) == []
    outbox.send(**mail, request_id="r1", message_id="m1")
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ["r1.m1.eml"]


def test_a_key_that_cannot_be_written_changes_no_keys(tmp_path):
    """A rotation on a full disk leaves the keys of before, and nothing half written; then it can be done again."""
    with opened(tmp_path) as house:
        first = house.ask_for_a_call("key-of-the-first-one")[1]
        before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
        with no_larger_file(0), pytest.raises(Unavailable, match="keys"):
            house.house.keys.rotate()
        assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before
        house.house.keys.rotate()
        assert house.message_of(first["request_id"]) == "key-of-the-first-one"


def start(home, room=None):
    """Start a server that cannot, and give its exit code and its words."""

    def limit():
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    environment = {**os.environ, "QUIETLINE_HOME": str(home), "QUIETLINE_PORT": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "chalicelib.local.run"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        preexec_fn=limit,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_first_start_without_room_says_so_and_leaves_nothing_in_the_way(tmp_path):
    """One sentence and status 2; and the next start, with room, begins as if there had been none."""
    code, said, why = start(tmp_path / "home", room=8192)
    assert (code, said) == (2, "")
    assert why in (
        "QUIETLINE_HOME must be a folder that can be written to, with room on the disk.\n",
        "The keys in QUIETLINE_HOME/keys cannot be read or written.\n",
    )
    with opened(tmp_path / "home") as house:
        assert house.ask_for_a_call("key-of-the-first-one")[0] == 201


def test_a_read_only_disk_is_told_and_what_is_on_it_stays(tmp_path):
    """A house on a read-only disk refuses with the number and touches nothing; made writable, it goes on."""
    with small_disk(tmp_path / "disk") as disk:
        with opened(disk / "home") as house:
            first = house.ask_for_a_call("key-of-the-first-one")[1]
        before = {path.name: path.read_bytes() for path in (disk / "home").glob("*.db*")}
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with opened(disk / "home") as house:
            assert is_a_refusal_with_the_number(house.ask_for_a_call("key-of-the-second-one"))
            assert is_a_refusal_with_the_number(house.ask("POST", "/v1/callbacks", form=FORM, accept="text/html"))
            status, said = house.ask("GET", "/health")
            assert (status, said["code"]) == (503, "storage")
            code, _, why = start(disk / "home")
            assert (code, why.count("\n")) == (2, 1)
            assert {path.name: path.read_bytes() for path in (disk / "home").glob("*.db*")} == before
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            assert house.ask("GET", "/health")[0] == 200
            assert house.ask_for_a_call("key-of-the-second-one")[0] == 201
            assert house.message_of(first["request_id"]) == "key-of-the-first-one"
