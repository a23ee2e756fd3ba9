"""
Any life that requests can lead, against a small model of the design.

The machine drives the real rules on a real store; the model below is written from DESIGN section 2 alone, with plain
records, and knows nothing of `chalicelib.domain.requests`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import engines
import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.domain import audit, requests
from chalicelib.domain.audit import Deed, TrailHead
from chalicelib.domain.errors import ClaimLost, Conflict, NotFound
from chalicelib.domain.partners import Referral, deed_of
from chalicelib.domain.requests import Kind, Outcome, Rules
from chalicelib.domain.slots import Window
from chalicelib.ports import Ask, Message, ReferenceTaken

KEY = b"audit key"
RULES = Rules(
    claim_limit=2,
    attempts_limit=3,
    retention=timedelta(days=30),
    retention_after_closing=timedelta(days=10),
    details_after_closing=timedelta(days=4),
)
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
PEOPLE = ("alex", "kim", "sam")
LANES = tuple(f"{kind}/{language}" for kind in ("callback", "information", "referral") for language in ("en", "cy"))
MEMORY = Path("/dev/shm")
RUNS = int(os.environ.get("QUIETLINE_RUNS", "300"))
SEED = os.environ.get("QUIETLINE_SEED")
STRETCH = 500
ON = {"ministack": 1, "dynoxide": 3}
"""How many lives on an engine for one on the slowest."""


REFERRAL = Referral(
    key_id="north-hub.abcdefgh", consent_version="1", consent_language="en", how="by-phone", given_on=MONDAY.date()
)


def hour_of(instant):
    """Cut to the hour."""
    return datetime(instant.year, instant.month, instant.day, instant.hour, tzinfo=UTC)


@dataclass
class Life:
    """What the model knows about one request."""

    lane: str
    reference: str
    sent: datetime
    windows: list
    due: datetime
    visible: datetime | None
    verified: bool
    expires: datetime
    body: str
    state: str = "waiting"
    number: int = 0
    lease: datetime | None = None
    holder: str | None = None
    token: str | None = None
    lapses: int = 0
    attempts: int = 0
    outcome: str | None = None
    owed: datetime | None = None
    details: datetime | None = None
    bare: bool = False
    messages: list = field(default_factory=list)

    def live(self, now):
        """Tell whether somebody holds it."""
        return self.state == "claimed" and now < self.lease

    def drop(self, state):
        """Take it out of anybody's hands."""
        self.state, self.lease, self.holder, self.token = state, None, None, None

    def pass_missed_windows(self, now):
        """Move to the next window that has not gone by; without one, to nobody."""
        if self.windows and self.visible is not None and self.due <= now:
            left = [w for w in self.windows if w[1] > now]
            if left:
                self.visible, self.due = min(left, key=lambda w: (w[1], w[0]))
            else:
                self.visible, self.due = None, max(w[1] for w in self.windows)
        if self.visible is None and self.owed is not None:
            self.windows, self.visible, self.due = [], self.due, self.owed

    def meet(self, who, token, now, lease, *, quoted):
        """Let a claim meet it; say whether it is handed out."""
        if self.state == "claimed" and now >= self.lease:
            self.lapses += 1
            self.drop("waiting")
        if self.state == "waiting" and self.lapses >= 5 and not quoted:
            self.drop("parked")
        if self.state != "waiting":
            return False
        if not quoted:
            self.pass_missed_windows(now)
            if self.visible is None or now < self.visible:
                return False
        self.state, self.number, self.lease, self.holder, self.token = (
            "claimed",
            self.number + 1,
            now + lease,
            who,
            token,
        )
        self.owed = None
        return True

    def wait_to_be_read(self, now):
        """Nobody has read what was written last: it is handed out again, and nobody rings."""
        self.drop("waiting")
        self.windows, self.visible, self.due, self.attempts = [], hour_of(now), self.owed, 0

    def finish(self, outcome, now):
        """Close it."""
        self.drop("closed")
        self.outcome = outcome
        self.expires = min(self.expires, hour_of(now) + timedelta(days=10))
        self.details = min(self.expires, hour_of(now) + timedelta(days=4))

    def reopen(self):
        """Let a closed request wait again."""
        self.details = None
        self.state, self.outcome, self.lapses, self.expires = (
            "waiting",
            None,
            0,
            hour_of(self.sent) + timedelta(days=30),
        )

    @property
    def order(self):
        """Its place in the queue."""
        return self.due if self.verified else self.due + timedelta(days=1)

    @property
    def ready(self):
        """From when on a claim meets it."""
        return {"waiting": self.visible, "claimed": self.lease}.get(self.state)


class LifeOfARequest(RuleBasedStateMachine):
    """Requesters, practitioners, a supervisor and the clock, in any order."""

    @initialize()
    def open(self):
        """Start with an empty store on a Monday morning."""
        self.address = self.make_room()
        self.stores = [engines.open_store(self.address, KEY) for _ in range(2)]
        self.turn = 0
        self.now = MONDAY
        self.lives: dict[str, Life] = {}
        self.past: list[tuple[str, str, int]] = []  # every claim there ever was: who, what, number
        self.deeds: list[Deed] = []
        self.seen = TrailHead()
        self.erased = []
        for number in range(4):
            name, base = f"r{number}", self.now
            starts = [(number, 2), (number + 30, 2), (number + 31, 2)] if number % 2 else []
            kind = ("information", "callback", "information", "referral")[number]
            self.accept(name, kind, starts=starts, welsh=number == 3, verified=number != 2, word=number, base=base)

    def teardown(self):
        """Throw the store away."""
        with contextlib.suppress(AttributeError):
            for store in self.stores:
                store.close()
            self.clear_room()

    def make_room(self):
        """Make an empty place for a store."""
        return str(Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None)) / "quietline.db")

    def clear_room(self):
        """Throw that place away."""
        shutil.rmtree(Path(self.address).parent)

    @property
    def store(self):
        """Take turns between two instances on the same data."""
        self.turn += 1
        return self.stores[self.turn % 2]

    def living(self):
        """Name what has not expired."""
        return [name for name, life in self.lives.items() if self.now < life.expires]

    def pick(self, data, *, among=None):
        """Choose one request, now and then one that has expired."""
        return data.draw(st.sampled_from(among or sorted(self.lives)))

    # --- requesters

    @rule(
        data=st.data(),
        kind=st.sampled_from(("callback", "information", "referral")),
        welsh=st.booleans(),
        verified=st.booleans(),
        starts=st.lists(st.tuples(st.integers(-1, 60), st.integers(1, 3)), min_size=1, max_size=3),
        word=st.integers(0, 7),
        known=st.integers(0, 9),
    )
    def submit(self, data, kind, welsh, verified, starts, word, known):
        """Somebody asks for help, or repeats what they asked; or a partner asks to have somebody rung."""
        rung = kind != "information"
        name = self.pick(data) if self.lives and known == 0 else f"r{len(self.lives)}"
        base = hour_of(self.now)
        starts = [(a, b) for a, b in starts if base + (a + b) * HOUR > self.now]
        if starts or not rung:
            verified = verified or kind == "referral"
            self.accept(name, kind, starts=starts if rung else [], welsh=welsh, verified=verified, word=word, base=base)

    def accept(self, name, kind, *, starts, welsh, verified, word, base):
        """Submit, and expect what the design says of it."""
        windows = [(base + a * HOUR, base + (a + b) * HOUR) for a, b in starts]
        language = "cy" if welsh else "en"
        body = f"body {self.turn}"
        request = requests.submit(
            request_id=name,
            kind=Kind(kind),
            language=language,
            reference=f"amber-{word}",
            windows=tuple(Window(starts_at=a, ends_at=b) for a, b in windows),
            answer_by=base + 72 * HOUR,
            now=self.now,
            rules=RULES,
            verified=verified,
            statement_version="1",
            fingerprint=body,
            body_id=body,
            referral=REFERRAL if kind == "referral" else None,
        )
        known_life = self.lives.get(name)
        if known_life and self.now < known_life.expires:
            again = self.store.submit(
                request, content=body.encode(), capacity=None, now=self.now, deed=deed_of(request)
            )
            assert (again.body_id, again.number) == (known_life.body, known_life.number)
            return
        holders = [
            life
            for life in self.lives.values()
            if life.reference == request.reference and life.state != "withdrawn" and self.now < life.expires
        ]
        if holders:
            with pytest.raises(ReferenceTaken):
                self.store.submit(request, content=body.encode(), capacity=None, now=self.now, deed=deed_of(request))
            return
        self.past = [claim for claim in self.past if claim[1] != name]
        first = min(windows, key=lambda w: (w[1], w[0])) if windows else (base, base + 72 * HOUR)
        expired = self.expired()
        self.store.submit(request, content=body.encode(), capacity=None, now=self.now, deed=deed_of(request))
        referred = Deed(at=hour_of(self.now), actor="partner/north-hub.abcdefgh", verb="refer", request_id=name)
        told = (referred,) if kind == "referral" else ()
        self.take_in("purge", expired, but=told)  # what stood in the way, if it had not been purged before
        self.deeds += told
        self.lives[name] = Life(
            lane=f"{kind}/{language}",
            reference=request.reference,
            sent=self.now,
            windows=windows,
            due=first[1],
            visible=first[0],
            verified=verified,
            expires=base + timedelta(days=30),
            body=body,
        )

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), repeat=st.booleans())
    def write(self, data, repeat):
        """The requester writes, or a message that was sent is sent again."""
        name = self.pick(data)
        life = self.lives[name]
        message_id = life.messages[-1] if repeat and life.messages else f"m{self.turn}"
        answer_by, now = hour_of(self.now) + 72 * HOUR, self.now

        def arrive(request):
            return requests.message_arrived(requests.as_of(request, now=now), answer_by=answer_by, now=now)

        too_late = message_id not in life.messages and life.details is not None and life.details <= now
        if not self.change(name, arrive, refused=Conflict if too_late else None, messages=[self.message(message_id)]):
            return
        if message_id in life.messages:
            return
        life.messages.append(message_id)
        if life.state == "claimed" and not life.live(now):
            life.lapses += 1
            life.drop("waiting")
        if life.state == "waiting":
            life.pass_missed_windows(now)
        life.owed = answer_by
        if life.state == "closed" or (life.state == "waiting" and life.visible is None):
            life.reopen()
            life.wait_to_be_read(now)

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), start=st.integers(0, 60))
    def choose_slot(self, data, start):
        """The requester chooses another slot."""
        name = self.pick(data)
        life = self.lives[name]
        slot = (hour_of(self.now) + start * HOUR, hour_of(self.now) + (start + 2) * HOUR)
        window = Window(starts_at=slot[0], ends_at=slot[1])
        too_late = life.details is not None and life.details <= self.now
        refused = Conflict if life.lane.startswith("information") or too_late else None
        if self.change(name, partial(requests.choose_slot, slot=window, now=self.now), refused=refused):
            if life.state == "closed":
                life.reopen()
            life.windows, (life.visible, life.due), life.attempts = [slot], slot, 0
            life.owed = slot[1] if life.state == "claimed" else life.owed

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), rare=st.integers(0, 9))
    def withdraw(self, data, rare):
        """The requester withdraws, for the first time or again."""
        if rare:
            return
        name = self.pick(data)
        life = self.lives[name]
        there = self.now < life.expires and life.state != "withdrawn"
        deed = Deed(at=self.now, actor="requester", verb="withdraw", request_id=name)
        withdraw = partial(requests.withdraw, now=self.now)
        assert self.store.withdraw(name, withdraw, now=self.now, deed=deed) is there
        if there:
            self.deeds.append(deed)
            life.drop("withdrawn")
            life.visible, life.windows, life.messages = None, [], []
            life.expires, life.details = hour_of(self.now) + timedelta(hours=25), None

    # --- practitioners

    @rule(
        who=st.sampled_from(PEOPLE),
        lanes=st.sampled_from([LANES, LANES, LANES, LANES[:2], LANES[2:], LANES[1::2]]),
        token=st.sampled_from([None, "t1", "t2"]),
        lease=st.sampled_from([timedelta(minutes=20), timedelta(minutes=20), timedelta(hours=4)]),
    )
    def claim(self, who, lanes, token, lease):
        """A practitioner asks for work."""
        mine = [name for name in self.living() if self.lives[name].live(self.now) and self.lives[name].holder == who]
        again = [name for name in mine if token is not None and self.lives[name].token == token]
        if not again and len(mine) >= RULES.claim_limit:
            with pytest.raises(Conflict, match="claim-limit"):
                self.ask(who, lanes, token, lease, None)
            return
        claimed = self.ask(who, lanes, token, lease, None)
        if again:
            assert [claimed.request_id] == again
            self.lives[claimed.request_id].owed = None
            return
        self.expect(claimed, who, lanes, token, lease)

    def expect(self, claimed, who, lanes, token, lease):
        """Work out what had to be handed out; among requests due at the same instant the store may choose."""
        queue = [self.lives[name] for name in self.living() if self.lives[name].lane in lanes]
        queue = [life for life in queue if life.ready is not None and life.ready <= self.now]
        names = {id(life): name for name, life in self.lives.items()}
        for order in sorted({life.order for life in queue}):
            peers = [life for life in queue if life.order == order]
            for life in peers:
                name = names[id(life)]
                stored = self.store.get(name, now=self.now)
                if claimed is not None and name == claimed.request_id:
                    assert life.meet(who, token, self.now, lease, quoted=False), "must not be handed out"
                elif claimed is None or claimed.request_id not in {names[id(peer)] for peer in peers}:
                    assert not life.meet(who, token, self.now, lease, quoted=False), "should have been handed out"
                elif stored.status != life.state or stored.visible_at != life.visible:
                    assert not life.meet(who, token, self.now, lease, quoted=False), "met, and left"
            if claimed is not None and claimed.request_id in {names[id(peer)] for peer in peers}:
                life = self.lives[claimed.request_id]
                assert not life.windows or any(a <= self.now < b for a, b in life.windows), "outside what was agreed"
                self.past.append((who, claimed.request_id, claimed.number))
                return
        assert claimed is None

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), who=st.sampled_from(PEOPLE), stale=st.integers(0, 3))
    def claim_quoted(self, data, who, stale):
        """A caller quotes their reference."""
        self.quote(who, self.pick(data, among=sorted(self.living()) if stale and self.living() else None))

    @precondition(lambda self: any(self.lives[name].state == "claimed" for name in self.living()))
    @rule(data=st.data(), times=st.integers(1, 5))
    def neglect(self, data, times):
        """One request is let lapse again and again, whoever takes it."""
        among = sorted(name for name in self.living() if self.lives[name].state == "claimed")
        name = self.pick(data, among=among)
        for time in range(times):
            life = self.lives[name]
            if life.state != "claimed":
                return
            self.now = max(self.now, life.lease)
            if life.lapses < 4:
                self.quote(PEOPLE[time % 3], name)
            else:
                self.claim(who=PEOPLE[time % 3], lanes=(life.lane,), token=None, lease=timedelta(minutes=20))

    @precondition(lambda self: any(self.lives[name].ready and self.lives[name].windows for name in self.living()))
    @rule(data=st.data(), who=st.sampled_from(PEOPLE), times=st.integers(1, 3))
    def ring(self, data, who, times):
        """Somebody is rung in their windows, and not reached."""
        among = sorted(name for name in self.living() if self.lives[name].ready and self.lives[name].windows)
        name = self.pick(data, among=among)
        for _ in range(times):
            life = self.lives[name]
            if life.ready is not None and life.windows:
                self.now = max(self.now, life.ready)
                self.quote(who, name)
                if self.holds(who, name, life.number):
                    self.write_as(who, name, life.number, "attempt")

    def quote(self, who, name):
        """Claim by reference."""
        life, lease = self.lives[name], timedelta(minutes=20)
        there = self.now < life.expires and life.state != "withdrawn"
        mine = [n for n in self.living() if self.lives[n].live(self.now) and self.lives[n].holder == who]
        if not there:
            if not any(self.lives[n].reference == life.reference for n in self.living()) and len(mine) < 2:
                assert self.ask(who, LANES, None, lease, life.reference) is None
            return
        if name in mine:
            assert self.ask(who, LANES, None, lease, life.reference).number == life.number
            life.owed = None
        elif len(mine) >= RULES.claim_limit:
            with pytest.raises(Conflict, match="claim-limit"):
                self.ask(who, LANES, None, lease, life.reference)
        elif life.live(self.now):
            with pytest.raises(Conflict, match="claimed-by-colleague"):
                self.ask(who, LANES, None, lease, life.reference)
        else:
            claimed = self.ask(who, LANES, None, lease, life.reference)
            if life.meet(who, None, self.now, lease, quoted=True):
                assert claimed.request_id == name
                self.past.append((who, name, claimed.number))
            else:
                assert claimed is None

    def ask(self, who, lanes, token, lease, reference):
        """Claim, and keep what the trail is told."""
        told = []

        def deeds(met):
            told.append(Deed(at=self.now, actor=who, verb=met.status, request_id=met.request_id, number=met.number))
            return told[-1:]

        decide = partial(
            requests.claim, practitioner=who, token=token, now=self.now, lease=lease, quoted=reference is not None
        )
        ask = Ask(practitioner=who, lanes=lanes, claim_limit=RULES.claim_limit, token=token, reference=reference)
        claimed = self.store.claim(ask, decide, now=self.now, deeds=deeds)
        self.deeds += told
        return claimed

    @precondition(lambda self: self.past)
    @rule(
        data=st.data(),
        verb=st.sampled_from(["renew", "release", "attempt", "attempt", "attempt", "reply", "close"]),
        stale=st.integers(0, 3),
    )
    def work(self, data, verb, stale):
        """A practitioner writes with the number of some claim, of which most should be live."""
        live = [(w, n, k) for w, n, k in self.past if self.holds(w, n, k)]
        who, name, number = data.draw(st.sampled_from(live if live and stale else self.past))
        self.write_as(who, name, number, verb)

    def write_as(self, who, name, number, verb):
        """Write with the number of a claim, and expect it to be refused unless that is the newest one and live."""
        life = self.lives[name]
        fence = {"practitioner": who, "number": number, "now": self.now}
        transition = {
            "renew": partial(requests.renew, **fence, lease=timedelta(minutes=30)),
            "release": partial(requests.release, **fence),
            "attempt": partial(requests.attempt, **fence, rules=RULES),
            "reply": partial(requests.held, **fence),
            "close": partial(requests.close, **fence, outcome=Outcome.ANSWERED, rules=RULES),
        }[verb]
        refused = None
        if not self.holds(who, name, number):
            refused = ClaimLost
        elif (verb == "attempt" and not life.windows) or (verb == "close" and life.owed is not None):
            refused = Conflict
        messages = [self.message(f"m{self.turn}")] if verb == "reply" else []
        deed = Deed(at=self.now, actor=who, verb=verb, request_id=name, number=number)
        if not self.change(name, transition, refused=refused, messages=messages, deed=deed):
            return
        life.messages += [message.message_id for message in messages]
        if verb == "renew":
            life.lease = self.now + timedelta(minutes=30)
        elif verb == "release":
            life.drop("waiting")
            life.pass_missed_windows(self.now)
        elif verb == "close":
            life.finish("answered", self.now)
        elif verb == "attempt":
            life.attempts += 1
            spent = [w for w in life.windows if w[1] <= self.now or (w[0] <= self.now and w[1] <= life.due)]
            left = [w for w in life.windows if w[1] > self.now and (w not in spent or life.owed is not None)]
            if (life.attempts == 3 or not left) and life.owed is not None:
                life.wait_to_be_read(self.now)
            elif life.attempts == 3 or not left:
                life.finish("unreachable", self.now)
            else:
                life.drop("waiting")
                begins, ends = min(left, key=lambda w: (w[1], w[0]))
                life.visible, life.due = (
                    max(begins, self.now, self.now if life.owed else life.due if begins <= self.now else begins),
                    ends,
                )

    def holds(self, who, name, number):
        """Tell whether a claim is the newest one and live."""
        life = self.lives[name]
        return self.now < life.expires and life.live(self.now) and (life.holder, life.number) == (who, number)

    # --- supervisors, and time

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), verb=st.sampled_from(["unpark", "expel"]))
    def supervise(self, data, verb):
        """A supervisor puts a parked request back, or takes back a leaver's claim."""
        state = {"unpark": "parked", "expel": "claimed"}[verb]
        fitting = sorted(name for name in self.living() if self.lives[name].state == state)
        name = self.pick(data, among=fitting or None)
        life = self.lives[name]
        deed = Deed(at=self.now, actor="sam", verb=verb, request_id=name)
        transition = partial(getattr(requests, verb), now=self.now)
        if self.change(name, transition, refused=None if life.state == state else Conflict, deed=deed):
            life.drop("waiting")
            life.lapses = 0 if verb == "unpark" else life.lapses
            life.pass_missed_windows(self.now)

    @rule()
    def purge(self):
        """The hourly round deletes what has expired."""
        count = self.store.purge(now=self.now, erase=self.erased.extend)
        assert len(self.take_in("purge", self.expired())) == count
        assert self.store.purge(now=self.now, erase=self.erased.extend) == 0

    @rule()
    def forget_details(self):
        """The hourly round erases the details of what was closed long enough ago."""
        due = {
            name
            for name, life in self.lives.items()
            if life.details is not None and life.details <= self.now < life.expires and not life.bare
        }
        forget = partial(self.store.forget_details, requests.forget_details, now=self.now, erase=self.erased.extend)
        assert forget() == len(due)
        assert set(self.take_in("forget-details", due)) == due
        for name in due:
            self.lives[name].bare = True

    def expired(self):
        """Name what has expired."""
        return {name for name, life in self.lives.items() if life.expires <= self.now}

    def take_in(self, verb, among, *, but=()):
        """Take in the deeds that the house did by itself, of this kind and about these requests, *but* those after."""
        entries, _ = self.store.trail(after=self.seen.count + len(self.deeds))
        done = [entry.deed for entry in entries]
        done = done[: len(done) - len(but)]
        assert {(deed.actor, deed.verb) for deed in done} <= {("system", verb)}
        assert {deed.request_id for deed in done} <= among
        self.deeds += done
        return [deed.request_id for deed in done]

    @rule(step=st.sampled_from([1, 60, 19 * 60, 20 * 60, 3600, 3600, 5 * 3600, 26 * 3600, 7 * 24 * 3600]))
    def pass_time(self, step):
        """Time goes by."""
        self.now += timedelta(seconds=step)

    @precondition(lambda self: self.living())
    @rule(data=st.data(), before=st.booleans())
    def pass_time_to_an_edge(self, data, before):
        """Time goes by to an instant at which something changes, or to a microsecond before."""
        edges = set()
        for name in self.living():
            life = self.lives[name]
            edges |= {life.lease, life.visible, life.details, life.due if life.state != "closed" else None}
        edges = sorted(edge for edge in edges if edge is not None and edge - TICK > self.now)
        if edges:
            self.now = data.draw(st.sampled_from(edges[:6])) - (TICK if before else timedelta())

    @precondition(lambda self: any(life.live(self.now) for life in self.lives.values()))
    @rule(before=st.booleans())
    def lapse(self, before):
        """The lease that ends first ends, or very nearly."""
        first = min(life.lease for life in self.lives.values() if life.live(self.now))
        self.now = max(self.now, first - (TICK if before else timedelta()))

    @precondition(lambda self: self.living())
    @rule(before=st.booleans(), rare=st.integers(0, 4))
    def outlive(self, before, rare):
        """The first of the requests expires, or very nearly."""
        if not rare:
            first = min(self.lives[name].expires for name in self.living())
            self.now = max(self.now, first - (TICK if before else timedelta()))

    # --- both

    def message(self, message_id):
        """Write something."""
        return Message(message_id=message_id, author="requester", sent_at=hour_of(self.now), for_desk=b"sealed")

    def change(self, name, transition, *, refused=None, messages=(), deed=None):
        """Apply a verb, and tell whether it had to be applied."""
        life = self.lives[name]
        if self.now >= life.expires or life.state == "withdrawn":
            refused = NotFound
        if refused is not None:
            with pytest.raises(refused):
                self.store.change(name, transition, now=self.now, messages=messages, deed=deed)
            return False
        self.store.change(name, transition, now=self.now, messages=messages, deed=deed)
        if deed is not None:
            self.deeds.append(deed)
        return True

    # --- what is always so

    @invariant()
    def nothing_is_lost(self):
        """Every accepted request stands where the model has it, with its content and messages, or has expired."""
        if not hasattr(self, "stores"):
            return
        for name, life in self.lives.items():
            request = self.store.get(name, now=self.now)
            if self.now >= life.expires:
                assert request is None
                continue
            assert (
                request.status,
                request.number,
                request.lease_until,
                request.claimed_by,
                request.lapses,
                request.attempts,
                request.due_at,
                request.visible_at,
                request.expires_at,
                request.outcome,
                request.lane,
            ) == (
                life.state,
                life.number,
                life.lease,
                life.holder,
                life.lapses,
                life.attempts,
                life.due,
                life.visible,
                life.expires,
                life.outcome if life.state != "withdrawn" else request.outcome,
                life.lane,
            )
            content = None if life.state == "withdrawn" or life.bare else life.body.encode()
            assert self.store.content(request) == content
            assert [message.message_id for message in self.store.messages(name)] == life.messages

    @invariant()
    def one_pair_of_hands(self):
        """Nobody sees a live claim that is not theirs alone, and nobody holds more than the limit."""
        if not hasattr(self, "stores"):
            return
        held = [(who, r.request_id) for who in PEOPLE for r in self.store.held_by(who, now=self.now)]
        living = [(self.lives[name].holder, name) for name in self.living() if self.lives[name].live(self.now)]
        assert sorted(held) == sorted(living)
        assert all(sum(holder == who for holder, _ in held) <= RULES.claim_limit for who in PEOPLE)
        numbers = [(name, number) for _, name, number in self.past]
        assert len(numbers) == len(set(numbers)), "a number was given twice"

    @invariant()
    def the_queue_counts_right(self):
        """The desk's overview counts what is there; a lapsed claim waits for anybody."""
        if not hasattr(self, "stores"):
            return
        counted = {s.lane: (s.waiting, s.claimed, s.parked) for s in self.store.lanes(now=self.now, soon=self.now)}
        expected = {}
        for name in self.living():
            life = self.lives[name]
            if life.state in ("waiting", "claimed", "parked"):
                row = expected.setdefault(life.lane, [0, 0, 0])
                state = "waiting" if life.state == "claimed" and not life.live(self.now) else life.state
                row[("waiting", "claimed", "parked").index(state)] += 1
        assert counted == {lane: tuple(row) for lane, row in expected.items()}

    @invariant()
    def the_trail_tells_what_was_done(self):
        """The trail holds exactly the deeds of the changes that were made, in an unbroken chain."""
        if not hasattr(self, "stores"):
            return
        entries, trail_head = self.store.trail(after=self.seen.count)
        assert [entry.deed for entry in entries] == self.deeds
        assert audit.broken_at(entries, trail_head, key=KEY, after=self.seen) is None
        self.seen, self.deeds = trail_head, []


class OnDynamo(LifeOfARequest):
    """The same lives on a DynamoDB engine."""

    engine = ""

    def make_room(self):
        """Make empty tables."""
        return engines.make_tables(self.engine)

    def clear_room(self):
        """Throw them away."""
        engines.drop_tables(self.address)


def stretches(runs):
    """Cut *runs* into stretches, by number and length: Hypothesis remembers all that it has tried, which adds up."""
    cut = [(at // STRETCH, min(STRETCH, runs - at)) for at in range(0, runs, STRETCH)]
    return pytest.mark.parametrize(("stretch", "lives"), cut)


def live(machine, stretch, lives):
    """Let the machine lead that many lives, in each stretch others: the same ones each time, unless a seed is given."""
    own = seed(f"{SEED or 'fixed'}/{stretch}")(type(machine.__name__, (machine,), {}))
    run_state_machine_as_test(
        own, settings=settings(max_examples=lives, stateful_step_count=40, derandomize=False, database=None)
    )


@stretches(RUNS)
def test_any_life_on_a_file(stretch, lives):
    """Whatever requesters, practitioners, supervisors and the clock do, a file holds what the model says."""
    live(LifeOfARequest, stretch, lives)


@pytest.mark.parametrize("engine", ["ministack", "dynoxide"])
@stretches(max(3, RUNS // 100))
def test_any_life_on_tables(engine, stretch, lives):
    """And so do tables; over a network each step takes a hundred times as long."""
    reason = engines.why_not(engine)
    if reason is not None:
        pytest.skip(f"{engine}: {reason}")
    live(type(f"On{engine.title()}", (OnDynamo,), {"engine": engine}), stretch, lives * ON[engine])
