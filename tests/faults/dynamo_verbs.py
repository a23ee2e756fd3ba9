"""
What a helpline does on tables while calls to DynamoDB fail, and what must be so afterwards: for each way to the tables.

Each verb is run once to count its calls. Then, for each of these calls, each fault befalls it: once, twice, and from
there on always. Afterwards, in fair weather, the store must stand as the answer said, and the same verb once more must
bring what the first did not. Time is made up: a call that times out costs what the client's time-outs are.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import engines
import pytest
from heads import build_referral

from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_connection import Patience
from chalicelib.adapters.dynamodb_shred import DynamoShredKeys
from chalicelib.adapters.dynamodb_table import Table
from chalicelib.domain import audit, requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.partners import PartnerKey, deed_of
from chalicelib.domain.requests import LANES, Status
from chalicelib.domain.slots import Window
from chalicelib.ports import Ask, ContentName, Message, PartnerFull

KEY = b"audit key of the faults"
HOUR = timedelta(hours=1)
ENGINE = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
TIMES = {"once": 1, "twice": 2, "always": 10**6}
READ_TIMEOUT = 1.0
MANY = 12


class Sky:
    """A clock that is made up, and which calls a fault meets; each way to the tables has a weather of its own."""

    def __init__(self) -> None:
        self.time, self.calls = 1000.0, 0
        self.fault, self.begin, self.end_at = None, 0, 0

    def befall(self, fault, begin, times):
        """Let *fault* meet *times* calls from number *begin* on, counted from here."""
        self.calls, self.fault, self.begin, self.end_at = 0, fault, begin, begin + times

    def clear(self):
        """Let everything work again, a while later."""
        self.fault = None
        self.time += 60.0

    def clock(self):
        """What a clock shows."""
        return self.time

    def wall(self):
        """What the wall's clock shows, in milliseconds."""
        return int(self.time * 1000)

    def sleep(self, seconds):
        """Sleep."""
        self.time += seconds

    def is_bad(self):
        """Tell whether the call that is under way meets a fault."""
        return self.fault is not None and self.begin < self.calls <= self.end_at


class Stage:
    """A helpline on fresh tables: two people have asked for help, one of them has been written to."""

    def __init__(self, weather, head, now) -> None:
        self.weather, self.now = weather, now
        self.address = engines.make_tables(ENGINE)
        _, url, table = self.address.split("|")
        connection = weather.connection(url, Patience(clock=weather.clock, sleep=weather.sleep))
        self.store = DynamoStore(Table(connection, table), audit_key=lambda: KEY)
        self.keys = DynamoShredKeys(Table(connection, f"{table}-shred"))
        self.publications = engines.open_publications(self.store)
        self.partner_keys = engines.open_partner_keys(self.store)
        lost = PartnerKey(key_id="lost.abcdefgh", digest="cd" * 32, issued_by="alex", issued_at=now)
        self.partner_keys.issue(lost, deed=self.deed("set-the-stage", None))
        self.slot = Window(starts_at=now - HOUR, ends_at=now + HOUR)
        self.head = partial(head, now=now)
        self.put("first", due_at=now)
        self.put("second", due_at=now + HOUR)
        weather.begin_over(url)

    def clear(self):
        """Leave nothing behind."""
        self.weather.end()
        engines.drop_tables(self.address)

    def put(self, name, **changes):
        """Submit a request."""
        return self.store.submit(
            self.head(name, **changes), content=f"sealed {name}".encode(), capacity=3, now=self.now
        )

    def get(self, name):
        """Read a head."""
        return self.store.get(name, now=self.now)

    def told(self, verb):
        """Count the deeds of a verb in an unbroken trail."""
        entries, head = self.store.trail()
        assert audit.broken_at(entries, head, key=KEY) is None
        return sum(entry.deed.verb == verb for entry in entries)

    def deed(self, verb, name="first"):
        """Tell of something."""
        return Deed(at=self.now, actor="alex", verb=verb, request_id=name)


class Submit:
    """Somebody asks to be rung in a slot."""

    def do(self, stage):
        """Submit."""
        return stage.put("new", windows=(stage.slot,))

    def check(self, stage, answered):
        """An accepted request is there whole; one that was not may be there, whole; it takes its place once."""
        there = stage.get("new")
        if answered is not None:
            assert there == answered
        if there is not None:
            assert stage.store.content(there) == b"sealed new"
        assert self.do(stage).status is Status.WAITING
        assert stage.store.content(stage.get("new")) == b"sealed new"
        assert stage.store.slots_taken([stage.slot], now=stage.now) == {stage.slot.id: 1}
        assert claim(stage, "kim", reference="amber-new").request_id == "new"


class Refer:
    """A partner refers somebody, as the only one that it may have waiting."""

    def do(self, stage):
        """Refer."""
        request = build_referral("new", now=stage.now)
        return stage.store.submit(
            request, content=b"sealed new", capacity=None, now=stage.now, referrals=1, deed=deed_of(request)
        )

    def check(self, stage, answered):
        """It is there whole if it was said to be, told once, and takes the only place that there is, and no more."""
        there = stage.get("new")
        assert answered in (None, there)
        assert stage.told("refer") == (0 if there is None else 1)
        assert self.do(stage).referral.partner == "north-hub"
        assert stage.store.content(stage.get("new")) == b"sealed new"
        assert stage.told("refer") == 1
        another = build_referral("another", now=stage.now)
        with pytest.raises(PartnerFull):
            stage.store.submit(another, content=b"x", capacity=None, now=stage.now, referrals=1)


class RevokeKey:
    """A supervisor revokes a partner's key."""

    def do(self, stage):
        """Revoke what the stage was set with."""
        return stage.partner_keys.revoke("lost.abcdefgh", by="alex", at=stage.now, deed=stage.deed("revoke-key", None))

    def check(self, stage, answered):
        """Revoked if it was said to be, told as often as that is so, and revoked by the next try at the latest."""
        there = stage.partner_keys.get("lost.abcdefgh")
        assert answered in (None, there)
        assert stage.told("revoke-key") == (0 if there.revoked_at is None else 1)
        assert self.do(stage).revoked_by == "alex"
        assert stage.told("revoke-key") == 1


class Claim:
    """A practitioner asks for work, with a token."""

    def do(self, stage):
        """Claim."""
        return claim(stage, "alex", token="t")

    def check(self, stage, answered):
        """One request is in one pair of hands, under its first number, and the token gives it again."""
        again = self.do(stage)
        assert (again.request_id, again.number, again.claimed_by) == ("first", 1, "alex")
        assert answered in (None, again)
        assert stage.store.held_by("alex", now=stage.now) == (again,)
        assert stage.told("claimed") in ((2,) if answered else (1, 2))
        assert claim(stage, "kim").request_id == "second"
        assert claim(stage, "sam") is None


class Reply:
    """A practitioner writes."""

    def do(self, stage):
        """Write."""
        letter = Message(message_id="m", author="helpline", sent_at=stage.now, for_mailbox=b"words")
        return stage.store.change("first", one_more, now=stage.now, messages=[letter], deed=stage.deed("reply"))

    def check(self, stage, answered):
        """The message is there once if the head says so, and not at all if not; so is the deed."""
        count = stage.get("first").attempts
        assert count == 1 if answered else count in (0, 1)
        assert len(stage.store.messages("first")) == count
        assert stage.told("reply") == count
        assert self.do(stage).attempts == 1
        assert [message.for_mailbox for message in stage.store.messages("first")] == [b"words"]
        assert stage.told("reply") == 1


class Change:
    """A change without a message that would tell a repeat."""

    def do(self, stage):
        """Change."""
        return stage.store.change("first", one_more, now=stage.now, deed=stage.deed("change"))

    def check(self, stage, answered):
        """It was made once, if it was said to be, and its deed is told as often as it was made."""
        count = stage.get("first").attempts
        assert count == 1 if answered else count in (0, 1)
        assert stage.told("change") == count


class Withdraw:
    """A requester withdraws."""

    def do(self, stage):
        """Withdraw."""
        deed = stage.deed("withdraw")
        return stage.store.withdraw("first", partial(requests.withdraw, now=stage.now), now=stage.now, deed=deed)

    def check(self, stage, answered):
        """Once withdrawn, content is gone, at the latest with the next round; the deed is told once."""
        if answered:
            assert stage.get("first").status is Status.WITHDRAWN
        self.do(stage)
        assert stage.told("withdraw") == 1
        assert stage.store.content(stage.head("first")) is None
        assert self.do(stage) is False


class Purge:
    """The hourly round."""

    def do(self, stage):
        """Purge everything."""
        return stage.store.purge(now=stage.now + timedelta(days=200), erase=lambda names: None)

    def check(self, stage, answered):
        """What was counted is gone; in the end everything is, told once each."""
        counted = self.do(stage)
        assert counted == 0 if answered else counted in (0, 1, 2)
        assert stage.store.get("first", now=stage.now) is None
        assert stage.store.content(stage.head("first")) is None
        assert stage.told("purge") == 2


class CloseLine:
    """A supervisor closes the line."""

    def do(self, stage):
        """Close it."""
        stage.store.close_line([stage.slot], deed=stage.deed("close-line"))
        return True

    def check(self, stage, answered):
        """It is closed if it was said to be, and told as often as it was done."""
        closed = stage.store.closures() == (stage.slot,)
        assert closed or not answered
        assert stage.told("close-line") == closed


class Record:
    """Somebody reads a request again."""

    def do(self, stage):
        """Record it."""
        stage.store.record(stage.deed("open"))
        return True

    def check(self, stage, answered):
        """It is told once, if it was said to be."""
        assert stage.told("open") == 1 if answered else stage.told("open") in (0, 1)


class ReadTrail:
    """A supervisor reads the trail, and deeds are moved into it."""

    def do(self, stage):
        """Let there be deeds, in fair weather, and read."""
        fault, stage.weather.fault = stage.weather.fault, None
        calls = stage.weather.calls
        if not stage.get("first").attempts:
            stage.store.change("first", one_more, now=stage.now, deed=stage.deed("change"))
            claim(stage, "kim")
            stage.store.record(stage.deed("open"))
        stage.weather.fault, stage.weather.calls = fault, calls
        return len(stage.store.trail()[0])

    def check(self, stage, answered):
        """Every deed is in it once, in the order in which they were done."""
        assert answered in (None, 4)
        entries, head = stage.store.trail()
        assert [entry.deed.verb for entry in entries] == ["set-the-stage", "change", "claimed", "open"]
        assert audit.broken_at(entries, head, key=KEY) is None


class Keep:
    """A shred key is kept."""

    def do(self, stage):
        """Keep it."""
        stage.keys.keep({ContentName("first", "b"): b"k" * 32}, expires_at=stage.now + HOUR)
        return True

    def check(self, stage, answered):
        """It is there if it was said to be, and can be kept again."""
        there = stage.keys.key(ContentName("first", "b"), now=stage.now)
        assert there == b"k" * 32 if answered else there in (None, b"k" * 32)
        assert self.do(stage)


class Erase:
    """A shred key is erased."""

    def do(self, stage):
        """Erase it."""
        stage.keys.erase([ContentName("first", "b")])
        return True

    def check(self, stage, answered):
        """It is gone."""
        assert self.do(stage)
        assert stage.keys.key(ContentName("first", "b"), now=stage.now) is None


class Publish:
    """An editor publishes for the first time."""

    body, verb = b"words", "publish"

    def do(self, stage):
        """Publish."""
        deed = replace(stage.deed(self.verb), request_id=None, about="signpost/one")
        return getattr(stage.publications, self.verb)("signpost", "one", self.body, revision=0, deed=deed)

    def check(self, stage, answered):
        """It is out if it was said to be, whole and once: record, history, edition and trail agree."""
        written = stage.publications.record("signpost", "one")
        out = () if written is None else (written.published,)
        assert answered is None or out == (answered,)
        assert stage.publications.published("signpost") == (len(out), out)
        assert stage.publications.history("signpost", "one") == out
        assert stage.told("publish") == len(out)


class Draft(Publish):
    """An editor writes the first draft."""

    verb = "draft"

    def check(self, stage, answered):
        """It is there if it was said to be, and told as often as it was written; nothing is out."""
        written = stage.publications.record("signpost", "one")
        draft = None if written is None else written.draft
        assert answered in (None, draft)
        assert stage.told("draft") == (0 if draft is None else 1)
        assert stage.publications.published("signpost") == (0, ())


VERBS = {
    "submit": Submit,
    "claim": Claim,
    "reply": Reply,
    "change": Change,
    "withdraw": Withdraw,
    "purge": Purge,
    "close_line": CloseLine,
    "record": Record,
    "trail": ReadTrail,
    "keep": Keep,
    "erase": Erase,
    "publish": Publish,
    "draft": Draft,
    "refer": Refer,
    "revoke_key": RevokeKey,
}


ALIKE = {"refer", "revoke_key"}
"""Verbs whose steps others take as well."""


def one_more(request):
    """Count."""
    return replace(request, attempts=request.attempts + 1)


def claim(stage, who, *, token=None, reference=None):
    """Claim, and tell what was met."""

    def deeds(met):
        return [Deed(at=stage.now, actor=who, verb=str(met.status), request_id=met.request_id, number=met.number)]

    decide = partial(
        requests.claim,
        practitioner=who,
        token=token,
        now=stage.now,
        lease=timedelta(minutes=20),
        quoted=reference is not None,
    )
    ask = Ask(practitioner=who, lanes=LANES, claim_limit=5, token=token, reference=reference)
    return stage.store.claim(ask, decide, now=stage.now, deeds=deeds)


def calls_of(verb, stage, weather):
    """Count a verb's calls in fair weather."""
    set_stage = stage()
    weather.calls = 0
    verb().do(set_stage)
    counted = weather.calls
    set_stage.clear()
    return counted


def stages(weather, head, now):
    """Lend a way to set the stage anew; every one of them is cleared in the end."""
    made = []

    def build():
        made.append(Stage(weather, head, now))
        return made[-1]

    yield build
    for each in made:
        each.clear()


def meets(set_stage, tried, fault, at, times, *, overcome, waits=True):
    """Let a fault meet a verb's call number *at*: what is answered is so; *overcome*, it must be; somebody *waits*."""
    weather = set_stage.weather
    weather.befall(fault, at, times)
    began, answered = weather.time, None
    try:
        answered = tried.do(set_stage)
    except Unavailable as refusal:
        assert str(refusal) == "storage"  # noqa: PT017 - that there is one is what may be
        assert not overcome, f"{fault} at call {at + 1} was not overcome"
    assert weather.time - began <= 5.0 or not waits
    weather.clear()
    tried.check(set_stage, answered)
    set_stage.clear()
