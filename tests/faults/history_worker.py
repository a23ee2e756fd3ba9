"""What one person does in a history, in a thread or a process of their own, and what they saw of it."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import engines
from linearizability import Call

from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, NotFound, Unavailable
from chalicelib.domain.requests import LANES, Kind, Outcome, Rules
from chalicelib.ports import Ask, Message

AUDIT_KEY = b"audit key of the histories"
RULES = Rules()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VERBS = {
    "submit": 3, "claim": 8, "renew": 2, "release": 3, "reply": 3, "close": 3, "write": 2, "withdraw": 1, "get": 4,
    "messages": 3,
}  # fmt: skip

SETTLED = 10
"""After how many turns a person may withdraw something."""


def micros(instant):
    """Give an instant as the model has it."""
    return None if instant is None else (instant - EPOCH) // timedelta(microseconds=1)


class Person:
    """
    Somebody who uses the store at random; *pace* is how much slower than a file it is.

    *tell* is given each call: once when it begins, without an end, and once when it has ended.
    """

    def __init__(self, store, who, seed, keys, *, tell, pace=1):
        self.store, self.who, self.keys, self.tell, self.pace = store, who, keys, tell, pace
        self.dice = random.Random(f"{seed} {who}")
        self.claims = []
        self.turn = 0

    def live(self, turns):
        """Do *turns* things, one after the other."""
        for _ in range(turns):
            self.turn += 1
            verb = self.dice.choices(list(VERBS), list(VERBS.values()))[0]
            under_claim = verb in ("renew", "release", "reply", "close")
            if under_claim and not self.claims:
                verb, under_claim = "claim", False
            key, number = self.dice.choice(self.claims[-4:]) if under_claim else (self.dice.choice(self.keys), 0)
            getattr(self, verb)(key, number, datetime.now(UTC))
            if self.dice.random() < 0.3:
                time.sleep(self.dice.choice([0.001, 0.003, 0.01]) * self.pace)

    def call(self, verb, key, said, work):
        """Make one call, and tell of it."""
        made = Call(who=self.who, verb=verb, key=key, said=said, began=time.monotonic_ns(), ended=None)
        self.tell(made, f"{self.who}-{self.turn}")
        try:
            answer = work()
        except Conflict as refusal:
            answer = "lost" if refusal.code == "claim-lost" else refusal.code
        except NotFound:
            answer = "gone"
        except Unavailable:
            return None
        ended = time.monotonic_ns()
        told = Call(who=self.who, verb=verb, key=key, said=said, began=made.began, ended=ended, answer=answer)
        self.tell(told, f"{self.who}-{self.turn}")
        return answer

    def length(self):
        """Draw how long a lease lasts."""
        return timedelta(milliseconds=self.dice.choice([4, 20, 100]) * self.pace)

    def unique(self):
        """Give a name that nobody else gives."""
        return f"{self.who}.{self.turn}"

    def due(self, now):
        """Give a time to be answered by that is nobody else's: the order of the queue has no ties then."""
        return now + timedelta(days=1, microseconds=self.dice.randrange(10**9))

    def deed(self, verb, key, now, number=None):
        """Say what is done."""
        return Deed(at=now, actor=self.who, verb=verb, request_id=key, number=number)

    def submit(self, key, _number, now):
        """Ask for help, or ask again."""
        due = self.due(now)
        request = requests.submit(
            request_id=key,
            kind=Kind.INFORMATION,
            language="en",
            reference=f"amber-{key}",
            windows=(),
            answer_by=due,
            now=now,
            rules=RULES,
            verified=True,
            statement_version="1",
            fingerprint="f",
            body_id=self.unique(),
        )
        accept = partial(self.store.submit, request, content=b"sealed", capacity=None, now=now)
        self.call("submit", key, (request.body_id, micros(due)), lambda: accept().body_id)

    def claim(self, _key, _number, now):
        """Ask for something to do."""
        lease = self.length()
        decide = partial(requests.claim, practitioner=self.who, token=None, now=now, lease=lease)
        ask = Ask(practitioner=self.who, lanes=LANES, claim_limit=10_000)

        def take():
            taken = self.store.claim(
                ask, decide, now=now, deeds=lambda met: [self.deed("claim", met.request_id, now, met.number)]
            )
            return None if taken is None else [taken.request_id, taken.number]

        answer = self.call("claim", None, (micros(now), lease // timedelta(microseconds=1)), take)
        if answer is not None:
            self.claims.append(tuple(answer))

    def change(self, verb, key, transition, said, now, *, messages=(), number=None):
        """Change a request."""
        deed = self.deed(verb, key, now, number)
        change = partial(self.store.change, key, transition, now=now, messages=messages, deed=deed)
        return self.call(verb, key, said, lambda: "done" if change() else "")

    def fenced(self, verb, key, number, now, *more, messages=(), **arguments):
        """Change a request that is in one's hands, or was."""
        transition = partial(getattr(requests, verb), practitioner=self.who, number=number, now=now, **arguments)
        told = "reply" if verb == "held" else verb
        self.change(told, key, transition, (number, micros(now), *more), now, messages=messages, number=number)

    def renew(self, key, number, now):
        """Go on with the call."""
        lease = self.length()
        self.fenced("renew", key, number, now, lease // timedelta(microseconds=1), lease=lease)

    def release(self, key, number, now):
        """Give it back."""
        self.fenced("release", key, number, now)

    def reply(self, key, number, now):
        """Answer."""
        reply = Message(message_id=self.unique(), author="helpline", sent_at=now, for_mailbox=b"sealed")
        self.fenced("held", key, number, now, reply.message_id, messages=[reply])

    def close(self, key, number, now):
        """Finish it."""
        self.fenced("close", key, number, now, outcome=Outcome.ANSWERED, rules=RULES)

    def write(self, key, _number, now):
        """Write something more, as the requester."""
        due = self.due(now)
        message = Message(message_id=self.unique(), author="requester", sent_at=now, for_desk=b"sealed")

        def arrive(request):
            return requests.message_arrived(requests.as_of(request, now=now), answer_by=due, now=now)

        said = (micros(now), message.message_id, micros(due))
        self.change("write", key, arrive, said, now, messages=[message])

    def withdraw(self, key, _number, now):
        """Take everything back; seldom and not at first, so that others have something to do."""
        if self.turn > SETTLED and self.dice.random() < 0.5:
            deed = self.deed("withdraw", key, now)
            withdraw = partial(self.store.withdraw, key, partial(requests.withdraw, now=now), now=now, deed=deed)
            self.call("withdraw", key, (), withdraw)

    def get(self, key, _number, now):
        """Look at a request."""

        def look():
            head = self.store.get(key, now=now)
            return None if head is None else [head.status.value, head.number, head.claimed_by, micros(head.lease_until)]

        self.call("get", key, (), look)

    def messages(self, key, _number, _now):
        """Read what was written."""
        self.call("messages", key, (), lambda: [message.message_id for message in self.store.messages(key)])


def take_part(address, who, seed, keys, turns, folder, pace, ready, start):
    """Be a person in a process of one's own; each call stands in a file before it is made, whatever happens then."""
    store = engines.open_store(address, AUDIT_KEY)
    with (Path(folder) / f"{who}.jsonl").open("a", encoding="utf-8", buffering=1) as file:

        def tell(call, name):
            line = {field: getattr(call, field) for field in Call.__slots__}
            file.write(json.dumps({"name": name, **line}) + "\n")

        person = Person(store, who, seed, keys, tell=tell, pace=pace)
        ready.release()
        start.wait()
        person.live(turns)


def read(folder):
    """Read what everybody told: of each call what was told last; a line that was cut off was about a call's end."""
    calls = {}
    for path in sorted(Path(folder).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            name = told.pop("name")
            calls[name] = Call(**{**told, "said": tuple(told["said"])})
    return list(calls.values())
