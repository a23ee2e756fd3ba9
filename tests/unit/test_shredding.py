"""What is withdrawn or has expired is noise in every copy, and a withdrawal that dies half-way is finished."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sqlite3
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from heads import NOW

from chalicelib.adapters import sqlite_file
from chalicelib.adapters.outbox import Outbox
from chalicelib.adapters.sqlite_file import Database
from chalicelib.adapters.sqlite_shred import SqliteShredKeys
from chalicelib.config import Settings
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import ClaimLost, Conflict, NotFound, Unavailable
from chalicelib.domain.receipts import Credential
from chalicelib.domain.requests import Kind, Outcome
from chalicelib.local import run
from chalicelib.local.backup import backup
from chalicelib.ports import ContentName
from chalicelib.usecases.casework import Hold
from chalicelib.usecases.intake import Submission
from chalicelib.wiring import House

DETAILS = {"concern": "own-behaviour", "message": "the words"}


class Helpline:
    """A whole house on a folder, in few words."""

    def __init__(self, folder: Path, now) -> None:
        self.house = House(Settings(home=folder, clock_starts_at=now))
        self.mailbox, self.casework = self.house.mailbox.mailbox, self.house.desk.casework

    def submit(self, kind=Kind.INFORMATION, **more):
        """Ask for information, or for something else; give what the receipt opens with, and the head."""
        accepted = self.house.public.intake.submit(
            Submission(kind=kind, statement_version="2026-11", details={**DETAILS, **more}, body=b"body")
        )
        return Credential.of_receipt(accepted.receipt.code), accepted.request

    def key(self, request):
        """Read the request's shred key."""
        name = ContentName(request.request_id, request.body_id)
        return self.house.shred_keys.key(name, now=self.house.clock.now())

    def close(self):
        """Close the files."""
        self.house.store.close()
        self.house.shred_keys.close()


@pytest.fixture
def line(tmp_path, now):
    """A helpline with nothing in it."""
    opened = Helpline(tmp_path / "home", now)
    yield opened
    opened.close()


def hold_of(claimed):
    """Give the hold that a claim is."""
    return Hold(
        practitioner=claimed.request.claimed_by, request_id=claimed.request.request_id, number=claimed.request.number
    )


def test_a_backup_from_before_a_withdrawal_does_not_open(line, tmp_path, now):
    """The backup has everything but the shred keys, which are not backed up; restored, it meets the living ones."""
    receipt, request = line.submit()
    taken = line.casework.claim("alex")
    assert taken.opened.details["message"] == "the words"
    line.casework.reply(hold_of(taken), "the answer")
    line.house.store.close()
    backup = tmp_path / "backup"
    shutil.copytree(tmp_path / "home", backup, ignore=shutil.ignore_patterns("shred.db*"))

    line.house = House(Settings(home=tmp_path / "home", clock_starts_at=now))
    line.house.mailbox.mailbox.withdraw(receipt)
    line.house.store.close()
    for path in backup.glob("quietline.db*"):
        shutil.copy(path, tmp_path / "home")
    for path in (tmp_path / "home").glob("quietline.db-*"):
        path.unlink()

    restored = Helpline(tmp_path / "home", now + timedelta(hours=1))
    head = restored.house.store.get(request.request_id, now=now)
    assert head.status != "withdrawn"
    with pytest.raises(NotFound):
        restored.mailbox.read(receipt)
    assert restored.casework.claim("alex") is None
    restored.close()


def test_a_withdrawal_that_dies_half_way_reads_as_withdrawn_and_is_finished_by_the_next(line, monkeypatch):
    """The key goes first: whatever happens then, nothing opens; asking again marks the head as well."""
    receipt, request = line.submit()

    def die(*_arguments, **_more):
        raise Unavailable("storage")

    with monkeypatch.context() as broken:
        broken.setattr(type(line.house.store), "withdraw", die)
        with pytest.raises(Unavailable):
            line.mailbox.withdraw(receipt)
    with pytest.raises(NotFound) as refused:
        line.mailbox.read(receipt)
    assert refused.value.code == "receipt-unknown"
    with pytest.raises(NotFound):
        line.mailbox.write(receipt, "more")
    line.mailbox.withdraw(receipt)
    assert line.house.store.get(request.request_id, now=line.house.clock.now()).status == "withdrawn"
    with pytest.raises(NotFound):
        line.mailbox.withdraw(receipt)


def test_nothing_is_accepted_without_a_key_to_forget_it_by(line, monkeypatch):
    """Where the key cannot be kept, the request is refused, and no head is left behind."""

    def refuse(*_arguments, **_more):
        raise Unavailable("storage")

    monkeypatch.setattr(type(line.house.shred_keys), "keep", refuse)
    with pytest.raises(Unavailable):
        line.submit()
    assert line.casework.claim("alex") is None


class Slow:
    """A connection whose commits take until *meanwhile* has begun, and fail where they are made to."""

    def __init__(self, db) -> None:
        self._db, self.begun, self.overlapped, self.fails = db, threading.Event(), False, False

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, query, *values):
        """Do as the connection does, but for a commit."""
        if query == "COMMIT":
            self.overlapped = self.begun.wait(10)
            if self.fails:
                raise sqlite3.OperationalError
        return self._db.execute(query, *values)


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_done_meanwhile_is_done_during_the_commit_and_over_when_it_is(tmp_path, now, fails):
    """The disk's time is used; and where it refuses, nothing is still at work with what was sent."""
    keys = SqliteShredKeys(tmp_path / "shred.db")
    keys._db._writer = db = Slow(keys._db._writer)
    db.fails, done = fails, []

    def meanwhile():
        db.begun.set()
        time.sleep(0.1)
        done.append(True)

    name = ContentName("one", "body")
    with pytest.raises(Unavailable, match="storage") if fails else contextlib.nullcontext():
        keys.keep({name: b"k" * 32}, expires_at=now + timedelta(days=1), meanwhile=meanwhile)
    assert (db.overlapped, done) == (True, [True])
    assert (keys.key(name, now=now) is None) is fails
    keys.close()


def test_what_was_not_begun_during_the_commit_is_done_after_it(tmp_path, now):
    """Where the other thread has no time for it, whoever waits takes it back, and it is done once all the same."""
    keys = SqliteShredKeys(tmp_path / "shred.db")
    free, done = threading.Event(), []
    busy = keys._db._beside.submit(free.wait, 60)
    keys.keep(
        {ContentName("one", "body"): b"k" * 32}, expires_at=now + timedelta(days=1), meanwhile=lambda: done.append(1)
    )
    assert done == [1]
    free.set()
    busy.result(60)
    keys.close()
    assert done == [1]


def test_without_another_thread_the_caller_does_it_and_nothing_of_it_is_left_for_later(tmp_path, now, monkeypatch):
    """A machine that has no more threads keeps keys nevertheless, each with what it does meanwhile, once."""
    keys, done, start = SqliteShredKeys(tmp_path / "shred.db"), [], threading.Thread.start

    def refuse(thread):
        if thread.name.startswith("beside"):
            raise RuntimeError
        start(thread)

    def keep(number):
        name = ContentName("one", f"{number}")
        keys.keep({name: b"k" * 32}, expires_at=now + timedelta(days=1), meanwhile=lambda: done.append(number))
        assert keys.key(name, now=now) == b"k" * 32

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        keep(1)
        keep(2)
    keep(3)
    keys.close()
    assert done == [1, 2, 3]


def test_without_keys_to_seal_to_nothing_is_put_away(line, tmp_path):
    """A list of keys that cannot be read refuses a request before a shred key is kept for it."""
    line.submit()
    before = line.house.shred_keys.names(now=line.house.clock.now())
    for path in (tmp_path / "home" / "keys").glob("*.json"):
        path.write_text("[")
    with pytest.raises(Unavailable, match="keys"):
        line.submit()
    assert line.house.shred_keys.names(now=line.house.clock.now()) == before


class CopiedByOthers:
    """A connection that finds others copying the log into the file, *times* over, before it has its turn."""

    def __init__(self, db, times) -> None:
        self._db, self.times = db, times

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, query, *values):
        """Say that it is busy, as SQLite does, at once and without an error."""
        if "wal_checkpoint" in query and self.times:
            self.times -= 1
            return SimpleNamespace(fetchone=lambda: (1, -1, -1))
        return self._db.execute(query, *values)


def test_an_erased_key_is_in_no_log_whoever_copies_it_at_that_moment(line, tmp_path, monkeypatch):
    """A withdrawal is answered when the log is cut off, and not when somebody else had it in their hands."""
    _, request = line.submit()
    key, connect = line.key(request), Database._connect
    log = tmp_path / "home" / "shred.db-wal"
    assert key in log.read_bytes()
    monkeypatch.setattr(Database, "_connect", lambda self: CopiedByOthers(connect(self), 3))
    line.house.shred_keys.erase([ContentName(request.request_id, request.body_id)])
    assert key not in log.read_bytes()


def test_a_log_that_somebody_reads_for_too_long_is_cut_off_in_the_next_round(line, tmp_path, monkeypatch, now):
    """A withdrawal waits for readers, but not for ever: what it has to leave is not left for good."""
    _, request = line.submit()
    key, log = line.key(request), tmp_path / "home" / "shred.db-wal"
    monkeypatch.setattr(sqlite_file, "BUSY", timedelta(seconds=0.2))
    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "shred.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM shred_keys").fetchall()
        line.house.shred_keys.erase([ContentName(request.request_id, request.body_id)])
        assert key in log.read_bytes()
    assert line.house.shred_keys.purge(now=now) == 0
    assert key not in log.read_bytes()


def test_the_hourly_round_erases_the_keys_of_what_has_expired(line, tmp_path, now):
    """A request that was closed goes thirty days later, and its key with it; others keep theirs."""
    _, request = line.submit()
    taken = line.casework.claim("alex")
    line.casework.close(hold_of(taken), Outcome.ANSWERED)
    _, other = line.submit()
    line.close()
    later = Helpline(tmp_path / "home", now + timedelta(days=31))
    assert later.key(request) is not None
    assert later.house.retention.purge().purged == 1
    assert later.key(request) is None
    assert later.key(other) is not None
    later.close()


def test_an_erased_key_is_in_no_file(line, tmp_path):
    """Neither the file nor its log holds the bytes of a key that was erased."""
    receipt, request = line.submit()
    key = line.key(request)
    files = [path for path in (tmp_path / "home").glob("shred.db*") if path.suffix != ".db-shm"]
    assert any(key in path.read_bytes() for path in files)
    line.mailbox.withdraw(receipt)
    assert not any(key in path.read_bytes() for path in files if path.exists())


def test_of_many_erased_keys_none_is_left(tmp_path):
    """Pages that were split keep no copy: of 4,000 keys, written one by one and half of them erased, none is found."""
    path, later = tmp_path / "shred.db", NOW + timedelta(days=90)
    keys = SqliteShredKeys(path)
    kept = {ContentName(secrets.token_urlsafe(32), "body"): secrets.token_bytes(32) for _ in range(4_000)}
    for name, key in kept.items():
        keys.keep({name: key}, expires_at=later)
    gone = list(kept)[::2]
    keys.erase(gone)
    written = b"".join(each.read_bytes() for each in tmp_path.glob("shred.db*") if each.suffix != ".db-shm")
    assert [name for name in gone if kept[name] in written] == []
    assert all(kept[name] in written for name in list(kept)[1::2])
    assert keys.key(list(kept)[1], now=NOW) == kept[list(kept)[1]]
    keys.close()


def test_what_is_stored_is_wrapped(line):
    """Neither the sealed content nor a message can be read as an envelope before it is unwrapped."""
    receipt, request = line.submit()
    line.mailbox.write(receipt, "more words")
    (message,) = line.house.store.messages(request.request_id)
    for raw in (line.house.store.content(request), message.for_desk):
        assert b"recipients" not in raw
        with pytest.raises(ValueError):
            Envelope.from_bytes(raw)


def test_a_message_to_somebody_who_has_withdrawn_meanwhile_is_refused(line):
    """A reply has nobody to go to; the practitioner is told that the claim is lost."""
    receipt, _ = line.submit()
    taken = line.casework.claim("alex")
    line.house.shred_keys.erase([ContentName(taken.request.request_id, taken.request.body_id)])
    with pytest.raises(ClaimLost):
        line.casework.note(hold_of(taken), "a note")
    with pytest.raises(NotFound):
        line.mailbox.read(receipt)


def test_requests_whose_keys_are_gone_are_not_passed_over_in_silence(line, tmp_path, now):
    """A lost `shred.db` stops the house with a reason, instead of every request reading as withdrawn."""
    line.submit()
    line.close()
    for path in (tmp_path / "home").glob("shred.db*"):
        path.unlink()
    house = House(Settings(home=tmp_path / "home", clock_starts_at=now))
    with pytest.raises(Unavailable, match="shred-keys"):
        _ = house.shred_keys


def test_keys_that_are_missing_are_told_on_the_terminal_and_do_not_stop_the_house(line, caplog):
    """Whoever asks now is served; the round says each hour what cannot be opened, and touches none of it."""
    _, request = line.submit()
    with contextlib.closing(sqlite3.connect(line.house.settings.home / "shred.db", isolation_level=None)) as db:
        db.execute("DELETE FROM shred_keys")
    for _ in range(2):
        run._hourly(line.house)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "left as they are" in caplog.text
    assert line.house.store.get(request.request_id, now=line.house.clock.now()).status == "waiting"
    line.submit()


def test_keeping_the_same_key_again_is_no_failure_and_another_is(line, now):
    """A repeat is harmless; nobody puts another key in the place of one."""
    name, until = ContentName("one", "body"), now + timedelta(days=1)
    line.house.shred_keys.keep({name: b"k" * 32}, expires_at=until)
    line.house.shred_keys.keep({name: b"k" * 32}, expires_at=until)
    with pytest.raises(Unavailable):
        line.house.shred_keys.keep({name: b"x" * 32}, expires_at=until)
    assert line.house.shred_keys.key(name, now=now) == b"k" * 32
    assert line.house.shred_keys.key(name, now=until) is None


def test_a_copy_made_while_the_server_runs_holds_everything(line, tmp_path, now):
    """What was accepted a moment ago is in it; put back beside the living keys, it opens, except what was withdrawn."""
    receipts = [line.submit()[0] for _ in range(5)]
    backup(tmp_path / "home", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    line.mailbox.withdraw(receipts[0])
    line.submit()
    line.close()
    for path in (tmp_path / "home").glob("quietline.db*"):
        path.unlink()
    shutil.copy(tmp_path / "copy.db", tmp_path / "home" / "quietline.db")
    restored = Helpline(tmp_path / "home", now)
    with pytest.raises(NotFound):
        restored.mailbox.read(receipts[0])
    assert [restored.mailbox.read(receipt).status for receipt in receipts[1:]] == ["waiting"] * 4
    opened = [restored.casework.claim(f"p{each}").opened for each in range(4)]
    assert [each.unreadable for each in opened] == [None] * 4
    assert restored.casework.claim("p4") is None
    restored.close()


def test_a_backup_never_overwrites_another(line, tmp_path):
    """The copy of yesterday is not given up for one that may fail half-way."""
    line.submit()
    (tmp_path / "copy.db").write_text("yesterday's")
    with pytest.raises(FileExistsError):
        backup(tmp_path / "home", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "home"]


def test_keys_of_what_was_never_accepted_go_in_their_time(line, now, tmp_path):
    """A key whose request was refused after all belongs to nobody; the hourly round erases it when it expires."""
    name = ContentName("nobody", "body")
    line.house.shred_keys.keep({name: b"k" * 32}, expires_at=now + timedelta(hours=1))
    line.close()
    later = Helpline(tmp_path / "home", now + timedelta(hours=1))
    later.house.retention.purge()
    assert later.house.shred_keys.key(name, now=now) is None
    later.close()


def test_what_is_wrapped_is_bound_to_its_place(line, now):
    """A message cannot be passed off as another, nor what the desk reads as what the mailbox does."""
    receipt, request = line.submit()
    line.mailbox.write(receipt, "more words")
    (message,) = line.house.store.messages(request.request_id)
    shredding, key = line.casework.shredding, line.key(request)
    assert shredding.unwrap(request.request_id, [message], key)[0].for_desk
    moved = (
        replace(message, message_id="another"),
        replace(message, for_desk=message.for_mailbox, for_mailbox=message.for_desk),
    )
    for each in moved:
        assert shredding.unwrap(request.request_id, [each], key)[0].for_desk == b""
    assert shredding.unwrap("another", [message], key)[0].for_desk == b""
    wrapped = line.house.store.content(request)
    assert shredding.content(replace(request, body_id="another"), wrapped, key) is None
    others = shredding.begin(replace(request, body_id="another"), lambda: b"other words")
    assert shredding.content(request, others, key) == b""
    assert shredding.content(request, wrapped[:-1], key) == b""


def test_nothing_is_promised_that_the_mailbox_will_not_live_to_see(tmp_path, now):
    """Three days before the end a message, which is owed an answer in three working days, is refused; so is a slot."""
    line = Helpline(tmp_path / "home", now)
    receipt, request = line.submit(Kind.CALLBACK, phone="07700 900123")
    line.close()
    late = Helpline(tmp_path / "home", request.expires_at - timedelta(days=1))
    with pytest.raises(Conflict, match="expires-first"):
        late.mailbox.write(receipt, "one more thing")
    assert late.house.store.messages(request.request_id) == ()
    slots = late.house.opening.slots(days=7)
    too_late = next(slot for slot in slots if slot.ends_at >= request.expires_at)
    with pytest.raises(Conflict, match="expires-first"):
        late.mailbox.choose(receipt, too_late.id)
    assert slots[0].ends_at < request.expires_at
    assert late.mailbox.choose(receipt, slots[0].id).slot == slots[0]
    late.close()


def test_mail_that_has_not_left_goes_with_its_request(line, tmp_path, now):
    """Withdrawn before the relay took it, or while it was written: nothing of it stays in the outbox."""
    outbox = tmp_path / "home" / "outbox"
    receipt, _ = line.submit(email="sam@example.org")
    line.casework.reply(hold_of(line.casework.claim("alex")), "the answer", mail="the answer in {}".format)
    assert len(list(outbox.iterdir())) == 1
    line.mailbox.withdraw(receipt)
    assert list(outbox.iterdir()) == []


def test_mail_to_somebody_who_withdraws_meanwhile_does_not_stay(line, tmp_path, monkeypatch):
    """The mail is written after the reply is kept: a withdrawal in between still reaches it."""
    receipt, _ = line.submit(email="sam@example.org")
    taken = line.casework.claim("alex")
    send = type(line.casework.mailer).send

    def late(self, **message):
        line.mailbox.withdraw(receipt)
        send(self, **message)

    monkeypatch.setattr(type(line.casework.mailer), "send", late)
    line.casework.reply(hold_of(taken), "the answer", mail="the answer in {}".format)
    assert list((tmp_path / "home" / "outbox").iterdir()) == []


def test_the_hourly_round_erases_mail_of_what_was_withdrawn(line, tmp_path):
    """Whatever was left behind by a crash goes with the next round."""
    receipt, request = line.submit()
    line.mailbox.withdraw(receipt)
    outbox = tmp_path / "home" / "outbox"
    outbox.mkdir()
    (outbox / f"{request.request_id}.message.eml").write_text("left behind")
    line.house.retention.purge()
    assert list(outbox.iterdir()) == []


def test_a_secret_that_was_lost_is_not_made_anew_by_a_running_house(line, tmp_path):
    """A new pepper would answer a repeat with another receipt: the house refuses, and says so."""
    line.submit()
    (tmp_path / "home" / "keys" / "pepper").unlink()
    with pytest.raises(Unavailable, match="keys"):
        line.house.keys.secret("pepper")
    with pytest.raises(Unavailable, match="keys"):
        line.house.public.intake.ready()


def test_a_further_time_before_the_first_is_refused_where_it_stands(line):
    """It would be the one that counts, unasked, and past the first one's guard."""
    slots = [slot.id for slot in line.house.opening.slots()]
    submission = Submission(
        kind=Kind.CALLBACK,
        statement_version="2026-11",
        details={**DETAILS, "phone": "07700 900123"},
        body=b"body",
        slot=slots[4],
        also=(slots[8], slots[0]),
    )
    with pytest.raises(Conflict, match="also-earlier") as refused:
        line.house.public.intake.submit(submission)
    assert refused.value.pointer == "/also/1"
    assert line.house.public.intake.submit(replace(submission, also=(slots[8],))).request.slot.id == slots[4]


def test_of_an_erased_request_nothing_stays_in_memory(tmp_path):
    """Python keeps the patterns that files are globbed by, in its thousands: no request's id may be one."""
    outbox = Outbox(tmp_path)
    outbox.erase("warm")
    before = sys.getallocatedblocks()
    for number in range(500):
        outbox.erase(f"request-{number}")
    assert sys.getallocatedblocks() - before < 250
