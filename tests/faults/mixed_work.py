"""
A helpline at work, in the words of its use cases: requesters, practitioners and an editor, each in a thread.

Whoever does something tells a history before and after. Everything has a text of its own, so that it can be told apart
from all else when it is found again; `observing` finds it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from total_queue import Element, History

from chalicelib.config import Settings
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, NotFound, Refusal, Unavailable
from chalicelib.domain.receipts import Credential, encode, receipt_for_key, receipt_from_bytes, request_id_of
from chalicelib.domain.requests import Kind, Outcome
from chalicelib.usecases.casework import hold_of
from chalicelib.usecases.intake import Submission
from chalicelib.wiring import House

EVENING = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
LATER = timedelta(days=1)
SHARED = ("content", "helpline", "_statement", "texts", "_checking")
"""What costs time to put together and holds nothing of a home."""


class NoCounters:
    """Counts nothing: what is lost with a crash is allowed to be lost (`Counters`), and a timer would outlive a cut."""

    def add(self, ledger, month, cell) -> None:
        """Count nothing."""

    def read(self, ledger, *, since) -> Mapping[tuple[str, str], int]:
        """Have counted nothing."""
        return {}


def house_in(home: Path, like: House | None = None) -> House:
    """Open the house in *home*; what *like* has read of the packaged content is not read again."""
    house = House(Settings(home=home, clock_starts_at=EVENING, unverified_cap=1_000_000))
    house.__dict__["counters"] = NoCounters()
    for name in SHARED if like is not None else ():
        house.__dict__[name] = getattr(like, name)
    return house


def leave(house: House) -> None:
    """Close the files of a house, as far as they are open and let themselves be closed."""
    for name in ("_sqlite", "shred_keys", "releases"):
        if name in house.__dict__:
            house.__dict__[name].close()


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a requester holds: the text that they sent, by which it is found again, and what opens the mailbox."""

    text: str
    kind: Kind
    credential: Credential
    submission: Submission


@dataclass(kw_only=True)
class Work:
    """Work in *house*, by *name*, told to *history*."""

    house: House
    history: History
    dice: Random
    name: str
    pending: Callable[[Work], None] | None = None
    erased: list[bytes] = field(default_factory=list)

    @contextmanager
    def telling(self, element: Element):
        """Tell the history what is tried and what became of it; what gets no answer is passed on."""
        self.history.attempt(element)
        try:
            yield
        except Unavailable:
            raise
        except Refusal:
            self.history.refuse(element)
        else:
            self.history.acknowledge(element)

    def text(self, what: str) -> str:
        """Say something that nobody says twice."""
        return f"{what} {secrets.token_hex(8)} {'x' * self.dice.choice((0, 0, 50, 900))}".strip()

    # ------------------------------------------------------------------ requesters

    def sent(self) -> Sent:
        """Write a request: a callback or a question, in the clear under a key of its own, or sealed by the browser."""
        kind, text, key = (
            self.dice.choice((Kind.CALLBACK, Kind.INFORMATION)),
            self.text("request"),
            secrets.token_hex(16),
        )
        details: dict[str, Any] = {"concern": "own-behaviour", "message": text}
        if kind is Kind.CALLBACK:
            details |= {"phone": "07700 900123", "safety": {"voicemail": "never"}}
        common: dict[str, Any] = {
            "kind": kind,
            "statement_version": self.house._statement.version,
            "body": text.encode(),
        }
        if self.dice.random() < 0.3:
            receipt = receipt_from_bytes(secrets.token_bytes(17))
            content = json.dumps({"details": details, "mailbox_key": encode(receipt.mailbox_key)}).encode()
            request_id = request_id_of(receipt.lookup)
            envelope = self.house.sealer.seal(content, kind=kind, request_id=request_id)
            submission = Submission(envelope=envelope, **common)
        else:
            receipt = receipt_for_key(key, pepper=self.house.secret("pepper"))
            submission = Submission(details=details, idempotency_key=key, **common)
        credential = Credential(receipt.lookup, receipt.mailbox_key)
        return Sent(text=text, kind=kind, credential=credential, submission=submission)

    def submit(self, sent: Sent) -> None:
        """Submit it; a repeat is answered alike, and makes no second request."""
        element = Element("request", sent.text, sent.text)
        self.history.belongs(sent.credential.request_id, sent.text)
        self.history.attempt(element, once=True)
        self.pending = lambda later: later.submit(sent)
        accepted = self.house._intake.submit(sent.submission)
        assert accepted.request.request_id == sent.credential.request_id
        self.pending = None
        self.history.acknowledge(element, once=True)

    def write(self, sent: Sent) -> None:
        """Add a message to a mailbox, and some send it twice: the second is a repeat."""
        text, key = self.text("message"), secrets.token_hex(8)
        with self.telling(Element("message", text, sent.text)):
            for _ in range(self.dice.choice((1, 1, 2))):
                self.house.mailbox.mailbox.write(sent.credential, text, idempotency_key=key)

    def choose(self, sent: Sent) -> None:
        """Choose a slot of another day, once."""
        slots = self.house.opening.slots(starts_from=self.house.clock.now() + LATER, days=3)
        if not slots:
            return
        slot = self.dice.choice(slots).id
        with self.telling(Element("slot", f"{slot} for {sent.text}", sent.text)):
            self.house.mailbox.mailbox.choose(sent.credential, slot)

    def withdraw(self, sent: Sent) -> None:
        """Withdraw it; one that is unknown was withdrawn before."""
        self.history.leave(sent.text)
        self.pending = lambda later: later.withdraw(sent)
        request = self.house.store.get(sent.credential.request_id, now=self.house.clock.now())
        key = self.house._shredding.key(request)
        with suppress(NotFound):
            self.house.mailbox.mailbox.withdraw(sent.credential)
        self.pending = None
        self.history.has_left(sent.text)
        if key is not None and not self.history.ended:
            self.erased.append(key)

    def be_requester(self) -> None:
        """Send a request, and do with it what people do."""
        sent = self.sent()
        self.submit(sent)
        if self.dice.random() < 0.3:
            self.submit(sent)
        turn = self.dice.random()
        if turn < 0.4:
            self.write(sent)
        elif turn < 0.6 and sent.kind is Kind.CALLBACK:
            self.choose(sent)
        if self.dice.random() < 0.25:
            self.withdraw(sent)

    # ------------------------------------------------------------------ practitioners

    def be_practitioner(self) -> None:
        """Claim what is first, work on it, and let go of it in one of the ways that there are."""
        casework, token = self.house.desk.casework, secrets.token_hex(8)
        tried = Element("claim by", self.name)
        self.history.attempt(tried)
        try:
            claimed = casework.claim(self.name, token=token)
        except Conflict:  # too many at once
            self.history.refuse(tried)
            return
        if claimed is None:
            self.history.refuse(tried)
            return
        hold, request_id, number = hold_of(claimed.request), claimed.request.request_id, claimed.request.number
        held = f"{request_id}/{number}/{self.name}"
        self.history.instead(tried, Element("claim", held))
        if claimed.opened.details is None:  # it is being withdrawn
            return
        owner = claimed.opened.details["message"]
        for verb in self.dice.sample(("renew", "reply", "note"), self.dice.randint(0, 2)):
            if verb == "renew":
                with self.telling(Element("renew", held)):
                    casework.renew(hold)
                continue
            text, key = self.text(verb), secrets.token_hex(8)
            with self.telling(Element(verb, text, owner)):
                for _ in range(self.dice.choice((1, 1, 2))):
                    getattr(casework, verb)(hold, text, idempotency_key=key)
        verb = self.dice.choice(("close", "close", "release", "attempt-no-answer", "keep"))
        if verb == "keep":
            return
        with self.telling(Element(verb, held)):
            if verb == "close":
                casework.close(hold, Outcome.ANSWERED, agreed_actions=["to ring again"] * self.dice.randint(0, 1))
            elif verb == "release":
                casework.release(hold, reason=None)
            else:
                casework.attempt(hold, "no-answer")

    # ------------------------------------------------------------------ the editor

    def be_editor(self) -> None:
        """Publish the next version of the editor's own record."""
        publications, text = self.house.publications, self.text("publication")
        there = publications.record("signpost", self.name)
        deed = Deed(at=self.house.clock.now(), actor=self.name, verb="publish", about=f"signpost/{self.name}")
        with self.telling(Element("publication", text)):
            publications.publish(
                "signpost", self.name, text.encode(), revision=0 if there is None else there.revision, deed=deed
            )
