"""What is withdrawn or has expired is noise in every copy, and a withdrawal that dies half-way is finished."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import ClaimLost, NotFound, Unavailable
from chalicelib.domain.receipts import Credential
from chalicelib.domain.requests import Kind, Outcome
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

    def submit(self):
        """Ask for information; give what the receipt opens with, and the head."""
        accepted = self.house.public.intake.submit(
            Submission(kind=Kind.INFORMATION, statement_version="2026-11", details=DETAILS, body=b"body")
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
    again = restored.casework.claim("alex")
    assert (again.opened.details, again.opened.unreadable, again.opened.messages) == (None, "erased", ())
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
    with pytest.raises(NotFound):
        line.mailbox.read(receipt)
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


def test_keeping_the_same_key_again_is_no_failure_and_another_is(line, now):
    """A repeat is harmless; nobody puts another key in the place of one."""
    name, until = ContentName("one", "body"), now + timedelta(days=1)
    line.house.shred_keys.keep(name, b"k" * 32, expires_at=until)
    line.house.shred_keys.keep(name, b"k" * 32, expires_at=until)
    with pytest.raises(Unavailable):
        line.house.shred_keys.keep(name, b"x" * 32, expires_at=until)
    assert line.house.shred_keys.key(name, now=now) == b"k" * 32
    assert line.house.shred_keys.key(name, now=until) is None
