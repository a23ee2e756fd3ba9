"""A copy taken while the server serves, and put back: nothing acknowledged is lost, nothing erased comes back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from test_main_job import claimed, information, submitted
from test_referrals import referral

from chalicelib.adapters.sqlite_reach import SqliteReleases
from chalicelib.config import Settings
from chalicelib.local import backup
from chalicelib.wiring import House

ROOT = Path(__file__).resolve().parents[2]
WRITERS = 4


def make(home, *words):
    """Run `make backup` or `make restore`; gives exit code, and what was said."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")},
        "QUIETLINE_HOME": str(home),
        "QUIETLINE_CLOCK": "2026-11-24T19:05:00Z",
    }
    command = [sys.executable, "-m", "chalicelib.local.backup", *map(str, words)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def everything(home):
    """Read every file of a home."""
    return {path.name: path.read_bytes() for path in sorted(home.iterdir()) if path.is_file()}


def test_what_was_acknowledged_before_a_copy_is_there_after_it_is_put_back(open_house, tmp_path):
    """While others write, a copy is taken; after a restore each earlier receipt opens, and what was erased is gone."""
    home, copy, said = tmp_path / "home", tmp_path / "copy.db", []
    with open_house() as quietline:
        over = threading.Event()

        def keep_asking():
            while not over.is_set():
                said.append(submitted(quietline, information(), path="/v1/information-requests"))

        writers = [threading.Thread(target=keep_asking) for _ in range(WRITERS)]
        issued = quietline.partner_key("north-hub")
        for writer in writers:
            writer.start()
        while len(said) < 3 * WRITERS:
            over.wait(0.01)
        before = list(said)
        assert make(home, "--to", copy)[0] == 0
        over.set()
        for writer in writers:
            writer.join()
        withdrawn, others = before[0], before[1:]
        assert quietline.ask("DELETE", "/v1/mailbox", receipt=withdrawn["receipt"]).status == 204
        path = f"/v1/desk/partners/{issued['id']}"
        assert quietline.ask("DELETE", path, token=quietline.token("supervisor")).status == 204
        code, told = make(home, "--from", copy)
        assert (code, told) == (2, "Quietline is running on QUIETLINE_HOME: stop it first.\n")
    held = everything(home)
    code, told = make(home, "--from", copy)
    assert code == 0, told
    assert "1 withdrawn, 0 without their details, 0 public answers taken back, 1 partners' keys revoked" in told
    (kept,) = home.glob("replaced-*.db")
    assert kept.read_bytes() == held["quietline.db"]
    with open_house() as quietline:
        for each in others:
            mailbox = quietline.ask("GET", "/v1/mailbox", receipt=each["receipt"])
            assert (mailbox.status, mailbox.json()["status"]) == (200, "waiting")
        assert quietline.ask("GET", "/v1/mailbox", receipt=withdrawn["receipt"]).status == 404
        assert quietline.ask("POST", "/v1/referrals", referral(), token=issued["key"]).status == 401
        token = quietline.token("practitioner", "alex")
        assert claimed(quietline, token)["request"]["details"]["message"] == "Where can I read more?"


def test_a_database_that_is_damaged_is_kept_and_a_copy_put_in_its_place(open_house, tmp_path):
    """Whoever mends it later has it byte for byte, its log too; what is published of reach comes back as well."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    with open_house() as quietline:
        receipt = submitted(quietline)["receipt"]
        with contextlib.closing(SqliteReleases(home / "reach.db")) as releases:
            releases.keep("2026-10", "the figures")
        assert make(home, "--to", copy)[0] == 0
    damaged = (home / "quietline.db").read_bytes()[:50_000] + b"damage"
    (home / "quietline.db").write_bytes(damaged)
    (home / "quietline.db-wal").write_bytes(b"a log that is left")
    (home / "reach.db").unlink()
    code, told = make(home, "--from", copy)
    assert code == 0, told
    (kept,) = home.glob("replaced-*.db")
    assert str(kept) in told
    assert kept.read_bytes() == damaged
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"a log that is left"
    with contextlib.closing(SqliteReleases(home / "reach.db")) as releases:
        assert releases.read(since="2026-10", until="2026-10") == {"2026-10": "the figures"}
    with open_house() as quietline:
        assert quietline.ask("GET", "/v1/mailbox", receipt=receipt).json()["status"] == "waiting"


def test_a_log_that_has_lost_its_database_is_kept_as_well(home_with_copy):
    """It holds what was accepted last, and somebody may yet make something of it."""
    home, copy = home_with_copy
    (home / "quietline.db").unlink()
    (home / "quietline.db-wal").write_bytes(b"what was accepted last")
    code, told = make(home, "--from", copy)
    assert code == 0, told
    (kept,) = home.glob("replaced-*.db-wal")
    assert kept.read_bytes() == b"what was accepted last"
    assert not (home / "quietline.db-wal").exists()


@pytest.mark.parametrize("step", ["copyfile", "rename", "unlink", "second rename"])
def test_a_restore_that_is_cut_off_anywhere_loses_nothing(tmp_path, monkeypatch, step):
    """All that there was is there or kept, no start serves an older state in silence, and a second try ends well."""
    home = tmp_path / "home"
    home.mkdir()
    there, draft = {"quietline.db": b"the database", "quietline.db-wal": b"its log"}, home / "draft"
    for name, raw in there.items():
        (home / name).write_bytes(raw)
    draft.write_bytes(b"the copy")
    names, wanted = {"copyfile": shutil, "rename": Path, "unlink": Path, "second rename": Path}, step.split()[-1]
    real, count = getattr(names[step], wanted), iter(range(9))

    def cut(*arguments):
        if next(count) == step.startswith("second"):
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(names[step], wanted, cut)
    with pytest.raises(KeyboardInterrupt):
        backup._replace(home / "quietline.db", draft, home / "kept.db")
    monkeypatch.undo()
    found = {path.name: path.read_bytes() for path in home.iterdir()}
    if "quietline.db" in found:
        assert {name: found[name] for name in there} == there
    else:
        assert (found["kept.db"], found["kept.db-wal"]) == tuple(there.values())
    draft.write_bytes(b"the copy")
    backup._replace(home / "quietline.db", draft, home / "again.db")
    left = {path.name: path.read_bytes() for path in home.iterdir()}
    assert left["quietline.db"] == b"the copy"
    assert "quietline.db-wal" not in left
    assert set(there.values()) <= set(left.values())


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda copy: copy.write_bytes(copy.read_bytes()[:40_000]), "FROM must name a whole copy"),
        (lambda copy: copy.unlink(), "FROM must name a whole copy"),
        (lambda copy: copy.write_bytes(b""), "FROM must name a whole copy"),
        (lambda copy: _set_version(copy, 99), "newer version"),
    ],
    ids=["cut short", "nothing", "empty", "newer"],
)
def test_what_is_no_copy_changes_nothing(home_with_copy, spoil, why):
    """It is looked at before anything is touched, and refused in one sentence."""
    home, copy = home_with_copy
    before = everything(home)
    spoil(copy)
    code, told = make(home, "--from", copy)
    assert (code, told.count("\n")) == (2, 1)
    assert why in told
    assert everything(home) == before


def test_a_copy_is_not_put_back_without_shred_keys(home_with_copy):
    """Nothing in it would open, and a new file of keys would make everybody's request read as withdrawn."""
    home, copy = home_with_copy
    (home / "shred.db").unlink()
    before = everything(home)
    code, told = make(home, "--from", copy)
    assert (code, "shred.db" in told) == (2, True)
    assert everything(home) == before


@pytest.fixture
def home_with_copy(tmp_path):
    """A home that was made and a copy of it, without a server."""
    home = tmp_path / "home"
    house = House(Settings(home=home))
    house.store.ping()
    house.store.close()
    house.shred_keys.close()
    assert make(home, "--to", tmp_path / "copy.db")[0] == 0
    return home, tmp_path / "copy.db"


def _set_version(path, version):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
