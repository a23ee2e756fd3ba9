"""
The power goes at any moment, and with it whatever was not synced: nothing that was acknowledged is lost.

`QUIETLINE_POWER_CUTS` says how often. A disk that is told less than it must be is found: see the faults at the end.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest
from mixed_work import Work, house_in, leave
from observing import verdict_on
from power_cut import ForgetfulDisk, NoSharedLibraryError, Power
from progress import found, steps
from total_queue import History, judge

from chalicelib.adapters import sqlite_file
from chalicelib.adapters.sqlite_shred import SqliteShredKeys
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.intake import Intake
from chalicelib.usecases.mailbox import Mailbox

CUTS = int(os.environ.get("QUIETLINE_POWER_CUTS", "15"))
IN_A_ROW = 6
"""How often the power goes on one home before the next one starts empty."""
LONGEST = 1200
"""Steps of the disk that the power lasts at most; opening a home takes about 70 when it is new."""


@pytest.fixture(scope="module")
def disk():
    """The disk that forgets."""
    try:
        return ForgetfulDisk()
    except NoSharedLibraryError:
        pytest.skip("this Python's sqlite3 has its SQLite built in and hidden: no VFS can be put in front of it")


@pytest.fixture(scope="module")
def like(tmp_path_factory):
    """A house whose packaged content, and keys, the others need not make again."""
    house = house_in(tmp_path_factory.mktemp("like"))
    house.keys.make()
    return house


@pytest.fixture
def folder():
    """A folder in memory, where there is one: nothing here needs a real disk to be slow."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as name:
        yield Path(name)


class Home:
    """A home that loses its power again and again, and everything that was promised in it."""

    def __init__(self, disk, like, folder, dice) -> None:
        self.disk, self.like, self.dice = disk, like, dice
        self.folder, self.history = folder, History()
        self.unanswered, self.erased = [], []
        self.generation = itertools.count()
        folder.mkdir()
        shutil.copytree(like.settings.home / "keys", folder / "keys")

    def lose_power(self, steps, work=None):
        """Work until the power goes after so many *steps*, at the latest, and find the home as the disk has kept it."""
        self.history.go_on()
        power = Power(self.folder, steps=steps, dice=self.dice, on_cut=self.history.end)
        with self.disk.under(power):
            house = None
            try:
                house = house_in(self.folder, self.like)
                (work or self._work)(house, power)
            except Unavailable:
                assert not power.is_on
            finally:
                power.cut()
                if house is not None:
                    leave(house)
        before, self.folder = self.folder, self.folder.with_name(f"{self.folder.name}+")
        power.come_back(self.folder)
        shutil.rmtree(before)
        self.history.go_on()

    def _work(self, house, power) -> None:
        generation, failures = next(self.generation), []
        assert house._intake
        assert house.mailbox
        assert house.desk
        assert house.publications

        def be(name, turns):
            work = Work(house=house, history=self.history, dice=Random(self.dice.random()), name=name)
            self.workers.append(work)
            try:
                while power.is_on:
                    getattr(work, work.dice.choice(turns))()
            except Unavailable as refusal:
                if power.is_on:
                    failures.append(refusal)
            except BaseException as error:  # noqa: BLE001 - raised again below
                failures.append(error)

        self.workers = []
        who = {
            f"requester-{generation}-0": ("be_requester",),
            f"requester-{generation}-1": ("be_requester",),
            f"alex-{generation}": ("be_practitioner",),
            f"sam-{generation}": ("be_practitioner", "be_practitioner", "be_editor"),
        }
        threads = [threading.Thread(target=be, args=each) for each in who.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        self.unanswered += [work.pending for work in self.workers if work.pending is not None]
        self.erased += [key for work in self.workers for key in work.erased]

    def look(self):
        """Send again what had no answer, as its sender would, and judge."""
        keyfile = b"".join(path.read_bytes() for path in self.folder.glob("shred.db*"))
        left = ["a key of what was withdrawn is left behind" for key in self.erased if key in keyfile]
        house = house_in(self.folder, self.like)
        try:
            work = Work(house=house, history=self.history, dice=self.dice, name="again")
            for pending in self.unanswered:
                if self.dice.random() < 0.7:
                    pending(work)
            self.unanswered.clear()
        finally:
            leave(house)
        verdict, wrong = verdict_on(self.folder, self.history, self.like)
        return verdict, (*wrong, *left)


SIGNS = ("shred.db is damaged", "shred-keys-damaged", "does not open", "left behind")


def cut_power(disk, like, folder, count, *, name=None, enough=lambda _: False, work=None, longest=LONGEST):
    """Cut the power *count* times, during *work*; give what was found, in figures and words, until it is *enough*."""
    seed = int(os.environ.get("QUIETLINE_SEED", "0")) or secrets.randbits(32)
    dice, figures, faults, home = Random(seed), Counter(), [], None
    for turn in range(count) if name is None else steps(name, count):
        if turn % IN_A_ROW == 0:
            home = Home(disk, like, folder / f"home-{turn}", dice)
        home.lose_power(dice.randint(*((100, longest), (1, 100))[turn % 2]), work and work(home))  # late, and early
        try:
            verdict, wrong = home.look()
        except (Unavailable, sqlite3.DatabaseError) as error:
            verdict, wrong = judge(History(), ()), [f"it does not start: {error}"]
        figures.update(verdict.figures)
        figures.update(each.what for each in verdict.invented)
        figures.update(sign for each in wrong for sign in SIGNS if sign in each)
        faults += wrong
        if not verdict.is_clean or wrong:
            faults.append(f"cut {turn} of the seed {seed}: {verdict}")
            home = Home(disk, like, folder / f"home-{turn}-anew", dice)
        if enough(figures):
            break
        figures["acknowledged"] = figures["acknowledged"]
        if turn % IN_A_ROW == IN_A_ROW - 1 or turn == count - 1:
            figures["acknowledged"] += home.history.acknowledged.total()
            figures["withdrawn"] += len(home.history.left)
            shutil.rmtree(home.folder)
    return figures, faults


@pytest.mark.timeout(300 + CUTS)
def test_a_power_cut_loses_nothing_that_was_acknowledged(disk, like, folder):
    """Whatever was acknowledged is there and opens, what was withdrawn stays gone, files and trail are whole."""
    figures, faults = cut_power(disk, like, folder, CUTS, name="power cuts")
    found("power cuts", **figures)
    assert not faults, faults[:3]
    assert figures["acknowledged"] > CUTS


def relaxed(synchronous, *, files=("quietline.db", "shred.db")):
    """Let these files be synced less than the product does."""
    set_up = sqlite_file._set_up

    def less(db):
        set_up(db)
        if Path(db.execute("PRAGMA database_list").fetchone()[2]).name in files:
            db.execute(f"PRAGMA synchronous = {synchronous}")

    return patch.object(sqlite_file, "_set_up", less)


def keys_last():
    """Accept a request first, and keep its shred keys afterwards."""
    waiting, keep, store = threading.local(), SqliteShredKeys.keep, Intake._store

    def keep_later(self, keys, *, expires_at, meanwhile):
        waiting.keys = self, keys, expires_at
        meanwhile()

    def store_first(self, request, sealed, *, capacity):
        accepted = store(self, request, sealed, capacity=capacity)
        shred_keys, keys, expires_at = waiting.keys
        keep(shred_keys, keys, expires_at=expires_at)
        return accepted

    return patch.multiple(SqliteShredKeys, keep=keep_later), patch.object(Intake, "_store", store_first)


class Mute:
    """Erases nothing."""

    def erase(self, request) -> None:
        """Do nothing."""


def heads_first():
    """Mark a head as withdrawn first, and erase the keys afterwards."""
    withdraw = Mailbox.withdraw

    def mark_first(self, credential):
        request = self._head(credential)
        withdraw(replace(self, shredding=Mute()), credential)
        self.shredding.erase(request)

    return (patch.object(Mailbox, "withdraw", mark_first),)


def submit_and_withdraw(home):
    """Let one requester submit and withdraw, again and again, who asks for nothing again once the power is back."""

    def work(house, power):
        one = Work(house=house, history=home.history, dice=Random(home.dice.random()), name="requester")
        while power.is_on:
            sent = one.sent()
            one.submit(sent)
            one.withdraw(sent)

    return work


ENOUGH = 400
"""Cuts within which a fault must be found; most take five."""
WITHDRAWING = {"work": submit_and_withdraw, "longest": 300}
FAULTS = {
    "synchronous=NORMAL": (lambda: (relaxed("NORMAL"),), {"lost"}, {}),
    "synchronous=NORMAL for shred.db alone": (lambda: (relaxed("NORMAL", files=("shred.db",)),), {"lost"}, {}),
    "synchronous=OFF for shred.db alone": (
        lambda: (relaxed("OFF", files=("shred.db",)),),
        {"shred.db is damaged", "shred-keys-damaged"},
        {},
    ),
    "shred keys after the head": (keys_last, {"does not open"}, {}),
    "the head before the erasure": (heads_first, {"what a tombstone keeps"}, WITHDRAWING),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_is_told_less_than_it_must_be_is_found(disk, like, folder, fault):
    """The same cuts find every setting, and every order of writing, under which a power cut loses or keeps too much."""
    plant, signs, how = FAULTS[fault]
    with ExitStack() as planted:
        for each in plant():
            planted.enter_context(each)
        figures, faults = cut_power(
            disk, like, folder, ENOUGH, enough=lambda figures: any(figures[sign] for sign in signs), **how
        )
    assert any(figures[sign] for sign in signs), faults[:3]


def test_an_erasure_that_comes_first_leaves_nothing(disk, like, folder):
    """The cuts that find a head marked before its erasure find nothing in the product's order."""
    _, faults = cut_power(disk, like, folder, CUTS, **WITHDRAWING)
    assert not faults, faults[:3]


def withdraw_and_lose_power(disk, like, folder):
    """Submit and withdraw a request, lose the power at once, and tell whether its shred key is on the disk."""
    home = Home(disk, like, folder, Random())

    def withdraw(house, _):
        work = Work(house=house, history=home.history, dice=home.dice, name="requester")
        sent = work.sent()
        work.submit(sent)
        work.withdraw(sent)
        home.erased += work.erased

    home.lose_power(1_000_000, withdraw)
    assert len(home.erased) == 1
    return "left behind" in str(home.look())


def test_what_was_erased_does_not_come_back_with_the_log(disk, like, folder):
    """The cut-off log is synced before a withdrawal is answered; where it is not, the key in it is found."""
    assert not any(withdraw_and_lose_power(disk, like, folder / f"synced-{turn}") for turn in range(12))
    with patch.object(sqlite_file, "_sync", lambda _: None):
        assert any(withdraw_and_lose_power(disk, like, folder / f"unsynced-{turn}") for turn in range(60))
