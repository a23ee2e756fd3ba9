"""
What is erased stays erased, on both stores: in copies that are put back, by each of its clocks, with a record of it.

A copy is one of the requests alone: of `quietline.db`, or of the table of requests. Shred keys live on beside it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from functools import partial

import engines
import pytest

from chalicelib.adapters.dynamodb_table import Table, written
from chalicelib.config import Settings
from chalicelib.domain.errors import Conflict, NotFound, Unauthenticated, Unavailable
from chalicelib.domain.receipts import Credential, encode
from chalicelib.domain.requests import Kind, Outcome, Status
from chalicelib.domain.sessions import Answered, Host
from chalicelib.local.backup import backup
from chalicelib.ports import ContentName
from chalicelib.usecases import casework
from chalicelib.usecases.casework import Hold
from chalicelib.usecases.correspondence import SealedLetter
from chalicelib.usecases.intake import Submission
from chalicelib.usecases.shredding import details_of, name_of
from chalicelib.wiring import House

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DETAILS = {"concern": "own-behaviour", "message": "the words"}
CALLBACK = {"concern": "own-behaviour", "phone": "07700 900123", "safety": {"voicemail": "never"}}
CLOCKS = {"details_after_closing": 7 * DAY, "retention_after_closing": 30 * DAY}


class OnSqlite:
    """Two files."""

    def __init__(self, folder) -> None:
        self.home, self.folder = folder / "home", folder
        self.settings = {}

    def connect(self, house):
        """Leave a house as it is."""

    def copy(self):
        """Copy the requests, and never the shred keys."""
        backup(self.home, self.folder / "copy.db")

    def put_back(self):
        """Put the copy in the place of what has become of the requests since."""
        for path in self.home.glob("quietline.db*"):
            path.unlink()
        (self.folder / "copy.db").rename(self.home / "quietline.db")

    def lose(self, names):
        """Lose keys, as a disk does: nothing is left that says that they were there."""
        with contextlib.closing(sqlite3.connect(self.home / "shred.db", isolation_level=None)) as db:
            db.executemany("DELETE FROM shred_keys WHERE request_id = ? AND body_id = ?", names)

    def kept(self):
        """Read every byte of content and messages that is kept."""
        with contextlib.closing(sqlite3.connect(self.home / "quietline.db")) as db:
            rows = db.execute("SELECT sealed FROM contents").fetchall()
            return [bytes(row[0]) for row in rows]

    def tamper(self, seq):
        """Change the deed at a place of the trail."""
        with contextlib.closing(sqlite3.connect(self.home / "quietline.db", isolation_level=None)) as db:
            db.execute("UPDATE trail SET verb = 'open' WHERE seq = ?", (seq,))

    def close(self):
        """Leave it to the folder's end."""


class OnDynamo:
    """Four tables."""

    def __init__(self, folder) -> None:
        self._engine = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
        self.address, self.home = engines.make_tables(self._engine), folder / "home"
        _, self._url, self._name = self.address.split("|")
        others = {f"{each}_table": f"{self._name}-{each}" for each in ("shred", "content", "counters")}
        self.settings = {"store": "dynamodb", "table": self._name, **others}
        self._table = Table(engines.connection(self._url), self._name)
        self._backed_up = [self._table, Table(engines.connection(self._url), others["content_table"])]
        self._copies = []

    def connect(self, house):
        """Let a house reach the tables."""
        house.keys.make()
        house.__dict__["_dynamodb"] = engines.connection(self._url)

    def copy(self):
        """Copy every item of the tables that have backups: of requests and of content, and not of the shred keys."""
        self._copies = [list(table.scan(consistent=True)) for table in self._backed_up]

    def put_back(self):
        """Empty the tables, and fill them from the copies."""
        client = engines.client(self._url)
        for table, items in zip(self._backed_up, self._copies, strict=True):
            for item in table.scan(consistent=True):
                table.delete((item["p"], item["s"]))
            for item in items:
                client.put_item(TableName=table.name, Item=written(item))

    def lose(self, names):
        """Lose keys: nothing is left that says that they were there."""
        shred = Table(engines.connection(self._url), f"{self._name}-shred")
        for name in names:
            shred.delete(tuple(name))

    def kept(self):
        """Read every byte of content that is kept."""
        return [item["c"] for item in self._table.scan(consistent=True) if item["s"].startswith("b#") and "c" in item]

    def tamper(self, seq):
        """Change the deed at a place of the trail, of which all are in the first page that holds it."""
        for item in self._table.query("trail", low="e#", high="f"):
            rows, first = json.loads(item["e"]), int(item["s"][2:])
            if first <= seq < first + len(rows):
                rows[seq - first][3] = "open"
                self._table.put({**item, "e": json.dumps(rows)})

    def close(self):
        """Throw the tables away."""
        engines.drop_tables(self.address)


class Line:
    """A helpline on a store, at any time."""

    def __init__(self, place, now) -> None:
        self.place, self._now = place, now
        self.at(timedelta())

    def at(self, later, **rules):
        """Be there so much later: a new process, by the rules given."""
        if "house" in self.__dict__:
            self.house.store.close()
            self.house.shred_keys.close()
        settings = Settings(
            home=self.place.home, clock_starts_at=self._now + later, **self.place.settings, **(rules or CLOCKS)
        )
        self.house = House(settings)
        self.place.connect(self.house)
        self.mailbox, self.casework = self.house.mailbox.mailbox, self.house.desk.casework
        return self

    def submit(self, kind=Kind.INFORMATION, details=None):
        """Ask; give what the receipt opens with, and the head."""
        accepted = self.house.public.intake.submit(
            Submission(kind=kind, statement_version="2026-11", details=details or DETAILS, body=b"body")
        )
        return Credential.of_receipt(accepted.receipt.code), accepted.request

    def closed(self, kind=Kind.INFORMATION, details=None):
        """Ask, and be answered."""
        receipt, request = self.submit(kind, details)
        claimed = self.casework.claim("alex", reference=request.reference)
        hold = Hold(practitioner="alex", request_id=request.request_id, number=claimed.request.number)
        self.casework.reply(hold, "the answer")
        self.casework.close(hold, Outcome.ANSWERED)
        return receipt, request

    def head(self, request):
        """Read a head."""
        return self.house.store.get(request.request_id, now=self.house.clock.now())

    def keys(self, request):
        """Tell which of a request's two keys are there."""
        name, now = name_of(request), self.house.clock.now()
        return [self.house.shred_keys.key(each, now=now) is not None for each in (name, details_of(name))]

    def erased(self):
        """Read the record of erasures."""
        page = self.house.desk.auditing.erasures(after=0, limit=1000)
        return [(entry.deed.actor, entry.deed.verb, entry.deed.request_id) for entry in page.entries], page.broken_at


@pytest.fixture(params=[OnSqlite, OnDynamo], ids=["sqlite", "dynamodb"])
def line(request, tmp_path, now):
    """A helpline with nothing in it."""
    place = request.param(tmp_path)
    opened = Line(place, now)
    yield opened
    opened.house.store.close()
    opened.house.shred_keys.close()
    place.close()


def test_a_withdrawal_that_the_round_finishes_is_answered_as_one(line, monkeypatch):
    """A server that starts in the middle of it takes it for one that died, and finishes it: what was asked is done."""
    receipt, request = line.submit()
    erase = line.house.shred_keys.erase

    def erase_and_start_another(names):
        erase(names)
        assert line.house.retention.undo_restored().withdrawn == 1

    monkeypatch.setattr(line.house.shred_keys, "erase", erase_and_start_another)
    line.mailbox.withdraw(receipt)
    assert line.head(request).status is Status.WITHDRAWN
    assert [deed[1:] for deed in line.erased()[0]] == [("withdraw", request.request_id)]
    with pytest.raises(NotFound, match="receipt-unknown"):
        line.mailbox.withdraw(receipt)


# --- a copy is put back


def test_a_copy_brings_back_nothing_that_was_withdrawn(line):
    """Put back beside the living keys: the mailbox says 404, no claim meets it, and whatever else was there opens."""
    withdrawn, gone = line.submit()
    kept, other = line.submit()
    line.mailbox.write(withdrawn, "more words")
    line.place.copy()
    line.mailbox.withdraw(withdrawn)
    line.place.put_back()
    line.at(HOUR)
    assert line.head(gone).status is Status.WAITING
    assert len(line.place.kept()) == 2
    with pytest.raises(NotFound, match="receipt-unknown"):
        line.mailbox.read(withdrawn)
    claimed = line.casework.claim("alex", reference=other.reference)
    assert (claimed.opened.details["message"], line.mailbox.read(kept).status) == ("the words", "claimed")
    assert line.casework.claim("kim") is None
    assert line.casework.claim("kim", reference=gone.reference) is None
    shredding = line.casework.shredding
    assert shredding.content(gone, line.house.store.content(gone), None) is None
    assert shredding.unwrap(gone.request_id, line.house.store.messages(gone.request_id), shredding.key(gone)) == ()


@pytest.mark.parametrize("met", [False, True])
def test_the_round_withdraws_again_what_a_copy_brought_back(line, met):
    """Whether a claim has met it before or not, it is a tombstone afterwards, its content deleted, and recorded so."""
    withdrawn, gone = line.submit()
    line.submit()
    line.place.copy()
    line.mailbox.withdraw(withdrawn)
    line.place.put_back()
    line.at(HOUR)
    if met:
        assert line.casework.claim("alex") is not None
        assert line.casework.claim("kim") is None
    assert line.house.retention.hourly()["undone"] == 1
    assert line.head(gone).status is Status.WITHDRAWN
    assert len(line.place.kept()) == 1
    assert line.erased()[0] == [("system", "withdraw", gone.request_id)]
    assert line.house.retention.hourly()["undone"] == 0


@pytest.mark.parametrize("count", [1, 2, 6])
def test_lost_keys_are_not_taken_for_withdrawals(line, monkeypatch, count):
    """However few are lost, and however many arrive since: none is withdrawn, each round fails, keys may be found."""
    monkeypatch.setattr(casework, "ERASED", count)
    published = []
    publish = type(line.house.releasing).publish
    monkeypatch.setattr(type(line.house.releasing), "publish", lambda self: published.append(1) or publish(self))
    receipts = [line.submit() for _ in range(count)]
    names = [name_of(request) for _, request in receipts]
    now = line.house.clock.now()
    lost = {name: line.house.shred_keys.key(name, now=now) for name in names}
    details = {details_of(name): line.house.shred_keys.key(details_of(name), now=now) for name in names}
    line.place.lose([*lost, *details])
    with pytest.raises(Unavailable, match="shred-keys"):
        line.house.retention.hourly()
    assert published == [1]  # what is published does not wait for keys to be found
    with pytest.raises(Unavailable, match="shred-keys"):
        line.casework.claim("alex")
    more = [line.submit()[1] for _ in range(6)]  # six more arrive, whose keys are there
    for _ in range(2):
        with pytest.raises(Unavailable, match="shred-keys"):
            line.house.retention.hourly()
    assert {line.head(request).status for _, request in receipts} <= {Status.WAITING, Status.PARKED}
    assert {line.head(request).status for request in more} == {Status.WAITING}
    assert line.erased() == ([], None)
    line.house.shred_keys.keep(lost | details, expires_at=now + DAY)
    for _, request in receipts:
        if line.head(request).status is Status.PARKED:
            line.casework.unpark("sam", request.request_id)
    assert line.house.retention.hourly()["undone"] == 0
    assert line.casework.claim("alex").opened.details["message"] == "the words"


def test_erasures_are_undone_beside_keys_that_were_lost(line):
    """What was withdrawn goes whether or not others have lost their keys; those stay, and the round says so."""
    withdrawn, gone = line.submit()
    _, other = line.submit()
    line.place.copy()
    line.mailbox.withdraw(withdrawn)
    line.place.put_back()
    line.at(HOUR)
    line.place.lose([name_of(other), details_of(name_of(other))])
    with pytest.raises(Unavailable, match="shred-keys"):
        line.house.retention.hourly()
    assert (line.head(gone).status, line.head(other).status) == (Status.WITHDRAWN, Status.WAITING)


@pytest.mark.parametrize("left", ["details", "orphan"])
def test_another_key_of_a_request_is_not_the_one_it_needs(line, left):
    """Neither its second key, nor one of a body that was never accepted, says that the first is there."""
    _, request = line.submit()
    name, now = name_of(request), line.house.clock.now()
    line.place.lose([name] if left == "details" else [name, details_of(name)])
    if left == "orphan":
        line.house.shred_keys.keep({ContentName(request.request_id, "another"): b"k" * 32}, expires_at=now + DAY)
    assert line.house.retention.undo_restored().missing == 1


def test_what_a_copy_opened_again_without_its_details_is_closed_again(line):
    """Nobody could answer there: from the round on it does not take a message, and what was answered is still read."""
    receipt, request = line.submit(Kind.CALLBACK, CALLBACK)
    line.casework.claim("alex", reference=request.reference)
    number = line.head(request).number
    hold = Hold(practitioner="alex", request_id=request.request_id, number=number)
    line.casework.reply(hold, "the answer")
    line.place.copy()
    line.casework.close(hold, Outcome.ANSWERED)
    line.at(7 * DAY + HOUR).house.retention.hourly()
    line.place.put_back()
    line.at(8 * DAY)
    assert line.head(request).status is Status.CLAIMED
    assert line.house.retention.hourly()["undone"] == 1
    head = line.head(request)
    assert (head.status, head.outcome, head.claimed_by) == (Status.CLOSED, None, None)
    contents = line.mailbox.read(receipt)
    assert (contents.may_write, contents.note) == (False, "details-erased")
    assert [letter.content for letter in contents.letters] == [{"text": "the answer"}]
    slot = line.house.opening.slots()[0].id
    for way in (lambda: line.mailbox.write(receipt, "more"), lambda: line.mailbox.choose(receipt, slot)):
        with pytest.raises(Conflict, match="details-erased"):
            way()
    line.at(8 * DAY + HOUR)
    found = line.house.retention.hourly()
    assert (found["undone"], found["bared"], line.place.kept()) == (0, 1, [])
    assert line.head(request).expires_at <= request.retained_until


def test_what_expired_and_a_copy_opened_again_is_withdrawn(line):
    """It had been closed and gone after thirty days; from a copy it would have waited until the ninetieth."""
    _, request = line.submit()
    line.place.copy()
    claimed = line.casework.claim("alex")
    hold = Hold(practitioner="alex", request_id=request.request_id, number=claimed.request.number)
    line.casework.close(hold, Outcome.ANSWERED)
    assert line.at(31 * DAY).house.retention.hourly()["purged"] == 1
    line.place.put_back()
    line.at(31 * DAY)
    assert line.house.retention.hourly()["undone"] == 1
    assert line.head(request).status is Status.WITHDRAWN


def test_a_copy_says_nothing_again_that_was_taken_back(line):
    """A public answer that a host took back is empty again after the round, whatever the transcript was put back to."""
    hosting, now = line.house.host_desk.hosting, line.house.clock.now()
    said = answered(now)
    hosting.transcripts.add("an-hour", said)
    hosting.transcripts.add("an-hour", replace(said, entry_id="kept"))
    line.place.copy()
    hosting.take_back("an-hour", said.entry_id)
    hosting.take_back("an-hour", said.entry_id)  # repeatable
    line.place.put_back()
    line.at(HOUR)
    transcripts = line.house.host_desk.hosting.transcripts
    assert transcripts.find("an-hour", said.entry_id).answer == "in public"
    assert line.house.retention.undo_restored().retracted == 1
    found = {each.entry_id: (each.answer, each.retracted) for each in transcripts.after("an-hour", 0, limit=9)}
    assert found == {said.entry_id: ("", True), "kept": ("in public", False)}
    assert line.house.retention.undo_restored().undone == 0


def test_a_copy_lets_no_revoked_key_in(line):
    """A partner's key that was revoked is revoked again by the round, which the trail tells; others go on."""
    partnering = line.house.partner_keys_desk.partnering
    revoked, kept = (partnering.issue("north-hub", by="kim") for _ in range(2))
    line.place.copy()
    for _ in range(2):
        partnering.revoke(revoked.kept.key_id, by="kim")
    line.place.put_back()
    line.at(HOUR)
    partnering = line.house.partner_keys_desk.partnering
    assert partnering.recognise(revoked.key).revoked_at is None
    assert line.house.retention.hourly()["undone"] == 1
    with pytest.raises(Unauthenticated):
        partnering.recognise(revoked.key)
    assert partnering.recognise(kept.key) == kept.kept
    last = line.house.store.trail()[0][-1].deed
    assert (last.actor, last.verb, last.about) == ("system", "revoke-key", f"partner/{revoked.kept.key_id}")


def answered(now):
    """Write a public answer."""
    host = Host(name={"en": "Ada"}, role={"en": "Practitioner"})
    words = {"question": "What happens?", "answer": "in public"}
    return Answered(entry_id="taken-back", seq=0, at=now, language="en", host=host, **words)


# --- the clocks


def opened(line, request, wrapped):
    """Unwrap details with whatever keys are left, by no clock."""
    shredding = line.casework.shredding
    return shredding.content(request, wrapped, shredding.key(request))


def test_details_end_before_the_rest(line):
    """Seven days after closing phone and words are noise, in copies too; the answer is read until the thirtieth."""
    receipt, request = line.closed(Kind.CALLBACK, CALLBACK)
    line.place.copy()
    assert line.keys(request) == [True, True]
    assert opened(line, request, *line.place.kept())
    line.at(7 * DAY - HOUR)
    assert line.house.retention.hourly()["bared"] == 0
    assert line.mailbox.read(receipt).may_write is True
    line.at(7 * DAY + HOUR)
    contents = line.mailbox.read(receipt)  # nobody has erased anything yet: reads go by the clock
    assert (contents.status, contents.may_write, contents.note) == ("closed", False, "details-erased")
    assert line.house.retention.hourly()["bared"] == 1
    assert line.keys(request) == [True, False]
    assert line.place.kept() == []
    assert [letter.content for letter in line.mailbox.read(receipt).letters] == [{"text": "the answer"}]
    assert line.erased() == ([("system", "forget-details", request.request_id)], None)
    assert line.house.retention.hourly()["bared"] == 0
    line.place.put_back()
    line.at(8 * DAY)
    (wrapped,) = line.place.kept()
    # Whoever has the copy and all keys that are left, and goes by no clock, cannot open it: they could before.
    assert opened(line, request, wrapped) is None
    assert [letter.content for letter in line.mailbox.read(receipt).letters] == [{"text": "the answer"}]
    assert line.house.retention.hourly()["bared"] == 1
    line.at(31 * DAY)
    with pytest.raises(NotFound):
        line.mailbox.read(receipt)
    assert line.house.retention.hourly()["purged"] == 1
    assert line.keys(request) == [False, False]
    assert line.erased()[0][-1] == ("system", "purge", request.request_id)


def sealed_letter(line, request):
    """Write a message as a browser does."""
    message_id = encode(b"m" * 12)
    kind = f"message:{message_id}"
    sealed = line.house.sealer.seal(b'{"text": "more"}', kind=kind, request_id=request.request_id)
    return SealedLetter(message_id=message_id, for_desk=sealed, for_mailbox=b"copy")


@pytest.mark.parametrize("way", ["written", "sealed", "chosen"])
def test_without_its_details_a_request_does_not_wait_again(line, way):
    """Nobody could ring, or answer: it is refused with a reason, and nothing is kept of what was written."""
    receipt, request = line.closed(Kind.CALLBACK, CALLBACK)
    line.at(7 * DAY + HOUR)
    slots = line.house.opening.slots()
    ways = {
        "written": partial(line.mailbox.write, receipt, "more"),
        "sealed": lambda: line.mailbox.write_sealed(receipt, sealed_letter(line, request)),
        "chosen": lambda: line.mailbox.choose(receipt, slots[0].id),
    }
    for _ in range(2):
        with pytest.raises(Conflict, match="details-erased"):
            ways[way]()
        line.house.retention.hourly()
    assert len(line.house.store.messages(request.request_id)) == 1
    assert line.head(request).status is Status.CLOSED
    line.mailbox.withdraw(receipt)
    assert line.keys(request) == [False, False]


def test_who_writes_in_time_keeps_their_details(line):
    """A closed request that waits again has no clock running, and gets a new one when it is closed again."""
    receipt, request = line.closed()
    line.at(6 * DAY)
    line.mailbox.write(receipt, "one more thing")
    line.at(8 * DAY)
    assert line.house.retention.hourly()["bared"] == 0
    claimed = line.casework.claim("kim")
    assert claimed.opened.details["message"] == "the words"
    line.casework.close(
        Hold(practitioner="kim", request_id=request.request_id, number=claimed.request.number), Outcome.ANSWERED
    )
    line.at(14 * DAY)
    assert line.house.retention.hourly()["bared"] == 0
    line.at(15 * DAY + HOUR)
    assert line.house.retention.hourly()["bared"] == 1


def test_a_request_with_one_key_opens_and_ends_as_before(line, monkeypatch):
    """One from before there were two keys: it opens under the first, and its details are deleted by their clock."""
    shredding = type(line.casework.shredding)

    def begin(self, request, sealed):
        key = self.randomness.secret(32)
        self.keys.keep({name_of(request): key}, expires_at=request.expires_at)
        kind = f"shred:{request.body_id}"
        return self.cipher.encrypt(sealed(), key=key, kind=kind, request_id=request.request_id)

    with monkeypatch.context() as before:
        before.setattr(shredding, "begin", begin)
        receipt, _ = line.closed()
    line.at(7 * DAY + HOUR)
    assert line.house.retention.hourly()["bared"] == 1
    assert line.place.kept() == []
    assert [letter.content for letter in line.mailbox.read(receipt).letters] == [{"text": "the answer"}]


def test_mail_ends_with_the_details(line):
    """The address that somebody gave is among them, so a mail that has not left by then does not leave."""
    receipt, request = line.submit(details={**DETAILS, "email": "sam@example.org"})
    number = line.casework.claim("alex").request.number
    hold = Hold(practitioner="alex", request_id=request.request_id, number=number)
    line.casework.reply(hold, "the answer", mail="the answer in {}".format)
    line.casework.close(hold, Outcome.ANSWERED)
    outbox = line.place.home / "outbox"
    assert len(list(outbox.iterdir())) == 1
    line.at(7 * DAY + HOUR).house.retention.hourly()
    assert list(outbox.iterdir()) == []
    assert line.mailbox.read(receipt).status == "closed"


# --- the record


def test_every_erasure_leaves_a_record_that_outlives_it(line):
    """Withdrawn, bared, expired: each is in the record in order, to the hour, and says nothing of what it was."""
    withdrawn, first = line.submit()
    _, second = line.closed()
    line.mailbox.withdraw(withdrawn)
    line.at(7 * DAY + HOUR).house.retention.hourly()
    line.at(31 * DAY).house.retention.hourly()
    first_id, second_id = first.request_id, second.request_id
    record = [
        ("requester", "withdraw", first_id),
        ("system", "purge", first_id),
        ("system", "forget-details", second_id),
        ("system", "purge", second_id),
    ]
    assert line.erased() == (record, None)
    assert line.head(first) is None
    entries = line.house.desk.auditing.erasures(after=0, limit=1000).entries
    assert all((entry.deed.at.minute, entry.deed.at.second, entry.deed.number) == (0, 0, None) for entry in entries)
    page = line.house.desk.auditing.erasures(after=entries[0].seq, limit=2)
    assert [entry.seq for entry in page.entries] == [entries[1].seq, entries[2].seq]
    assert page.next_after == entries[2].seq
    assert line.house.desk.auditing.erasures(after=entries[2].seq, limit=2).next_after is None


def test_a_record_that_was_tampered_with_is_found(line):
    """An erasure that is made to look like something else is missing from the list, and the list says that it broke."""
    receipt, _ = line.submit()
    line.mailbox.withdraw(receipt)
    (entry,) = line.house.desk.auditing.erasures(after=0, limit=10).entries
    line.place.tamper(entry.seq)
    page = line.house.desk.auditing.erasures(after=0, limit=10)
    assert (list(page.entries), page.broken_at) == ([], entry.seq)


def test_an_expired_request_that_makes_room_is_recorded(line):
    """Somebody asks again under the same idempotency key when the first has expired: that one's end is told as well."""
    submission = Submission(
        kind=Kind.INFORMATION, statement_version="2026-11", details=DETAILS, body=b"body", idempotency_key="k" * 20
    )
    first = line.house.public.intake.submit(submission).request
    line.at(91 * DAY)
    assert line.house.public.intake.submit(submission).request.request_id == first.request_id
    assert line.erased() == ([("system", "purge", first.request_id)], None)
    assert line.casework.claim("alex").opened.details["message"] == "the words"
    assert ContentName(first.request_id, first.body_id) != name_of(line.head(first))
