"""
`make demo`: a day at the helpline, played against a running server.

Everything is real HTTP, so whatever is seen here a client can do. Nothing is taken for granted: each step says what
must hold, the first that does not ends the day with exit code 1 and its name, and at the end every receipt that was
handed out is read back. The callers, the three practitioners and what they write are made up; the phone numbers are
from the range that Ofcom keeps for drama.

`--fast` (or QUIETLINE_DEMO_PACE=0) plays without pauses; it still waits for the lease to lapse unless `--no-lapse`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chalicelib.config import SettingError, Settings
from chalicelib.local.demo_stage import Hold, stage_for
from chalicelib.local.issuer import CannotIssueError, LocalIssuer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.local.demo_stage import Stage

Name = Literal["Alex", "Bethan", "Chris"]
PEOPLE: Mapping[str, str] = {"Alex": "English", "Bethan": "English", "Chris": "English, Welsh"}
LEASE = 20
"""Minutes that a practitioner takes a request for."""
SHORT_LEASE = 1
"""Minutes of the lease that lapses: the shortest there is."""
GRACE = 10.0
"""Seconds after a lapse within which a colleague must have got the request."""
COUNTDOWN = (45, 30, 15)
"""Seconds before the lapse at which the feed tells how long there is."""
NEAR = 16
"""How many of the offered windows are near enough for somebody who wants to be rung soon."""
SPOKEN = {"en": "English", "cy": "Welsh"}


class Broken(Exception):  # noqa: N818 - it is the day that is broken
    """Something that must hold did not; the message is the sentence that says so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The code of a problem, or nothing."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


@dataclass(frozen=True, slots=True)
class Server:
    """The running server, met as any client meets it."""

    host: str
    port: int

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}"

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """
        Send one request; a `str` body is a plain form, anything else JSON.

        Raises:
            OSError: nobody answers, or not in HTTP.
        """
        form = isinstance(body, str)
        sent = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"} if sent else {}
        connection = HTTPConnection(self.host, self.port, timeout=15)
        try:
            connection.request(method, path, sent, {"Accept": "application/json", **kind, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
        except HTTPException as error:
            raise ConnectionError from error
        finally:
            connection.close()
        try:
            return Answer(answer.status, json.loads(text) if text else None)
        except ValueError:
            return Answer(answer.status, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for."""

    kind: Literal["callback", "information"]
    language: Literal["en", "cy"] = "en"
    details: Mapping[str, object]
    slot: str | None = None
    also: Sequence[str] = ()
    as_form: bool = False

    @property
    def words(self) -> str:
        """What it is, in words."""
        what = "a call back" if self.kind == "callback" else "information"
        return f"{what} in {SPOKEN[self.language]}"


@dataclass(slots=True, kw_only=True)
class Asked:
    """A request that was accepted, with what only its requester has: the receipt."""

    wish: Wish
    receipt: str
    request_id: str
    reference: str
    number: int = 0
    end: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request in a practitioner's hands."""

    who: Name
    asked: Asked
    number: int
    request: Mapping[str, Any]
    lapses_at: float
    quoted: bool = False


@dataclass(slots=True, kw_only=True)
class Tally:
    """Figures for the closing table."""

    held: int = 0
    claims: int = 0
    again: int = 0
    replies: int = 0
    unanswered: int = 0
    lapsed: int = 0
    refused: int = 0
    repeated: int = 0
    trail: int = 0


@dataclass(slots=True, kw_only=True)
class Day:
    """The day and everybody in it."""

    server: Server
    stage: Stage
    tokens: Mapping[str, str]
    lapse: bool
    asked: list[Asked] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    by_reference: bool = False
    line_open: bool = False
    rings: bool = False
    slots: list[Mapping[str, str]] = field(default_factory=list)
    statement: str = ""
    trail_before: int = 0
    lapsing: Claim | None = None
    countdown: list[int] = field(default_factory=lambda: list(COUNTDOWN))

    def play(self) -> None:
        """
        Play the day from the first request to the last page of the trail.

        Raises:
            Broken: something that must hold did not.
            OSError: the server stopped answering.
        """
        self.look_around()
        hours = self.requests_arrive()
        self.desk_answers(without=hours.asked)
        self.calls()
        self.second_thoughts()
        self.lease_ends(hours)
        self.books()

    # ------------------------------------------------------------ the chapters

    def look_around(self) -> None:
        """Find out whether the line is open, and whether other people's requests are in the queue."""
        self.stage.open("A day at the helpline")
        about = self.must("the helpline tells its hours", self.server.ask("GET", "/v1/helpline"), 200)
        self.line_open = bool(about["open_now"])
        opens = about["opens_local"] or "later"
        self.stage.line = "the line is open" if self.line_open else f"closed until {opens}"
        self.statement = self.must("the statement can be read", self.server.ask("GET", "/v1/statement"), 200)["version"]
        self.slots = self.must("slots are offered", self.server.ask("GET", "/v1/slots?days=28"), 200)["slots"]
        self.hold("at least two windows for calls are offered", len(self.slots) > 1)
        trail = self.must("the trail can be read", self.desk("GET", "audit?limit=1", who="Supervisor"), 200)
        self.trail_before = int(trail["count"])
        lanes = self.refresh()
        others = sum(int(lane[state]) for lane in lanes for state in ("waiting", "claimed", "parked"))
        self.by_reference = others > 0
        if self.line_open:
            self.say("Quietline", "The line is open. Requests come in, and practitioners take the most urgent first.")
        else:
            self.say("Quietline", f"The line is closed until {opens}. Requests are accepted all the same.")
        if self.by_reference:
            self.say(
                "Quietline",
                f"The queue holds {others} already. They stay untouched: today each claim names its reference.",
            )

    def requests_arrive(self) -> Claim:
        """Let requests come in; give the claim that Bethan will not come back to in time."""
        self.stage.open("Requests come in")
        question = "I would like to know what help there is, and how to begin."
        self.submit(Wish(kind="information", details={"concern": "own-behaviour", "message": question}))
        self.submit(
            Wish(
                kind="information",
                details={"concern": "someone-else", "message": "I am worried about somebody. What can I read?"},
            ),
        )
        claim = self.take("Bethan", "information", "en", self.asked, minutes=SHORT_LEASE if self.lapse else LEASE)
        self.lapsing = claim if self.lapse else None
        self.say("Bethan", f"is called away from the desk with {claim.asked.reference} still open.")
        self.say("Alex", f"tries {claim.asked.reference} as well: a colleague holds it, and only one can.")
        quoted = self.desk("POST", "claims", {"reference": claim.asked.reference}, who="Alex")
        self.must("a request that is held is not handed out twice", quoted, 409, "claimed-by-colleague")
        self.submit(
            Wish(
                kind="information",
                language="cy",
                details={"concern": "survivor", "message": "Hoffwn wybod pa gymorth sydd ar gael yn Gymraeg."},
            )
        )
        first = self.slots[0]
        later = next((slot for slot in self.slots if slot["starts_at"] >= first["ends_at"]), self.slots[1])
        self.submit(Wish(kind="callback", details=_caller(1, "bluebell"), slot=first["id"], also=[later["id"]]))
        self.submit(Wish(kind="callback", details=_caller(2), slot=first["id"], as_form=True))
        self.submit(
            Wish(
                kind="callback",
                language="cy",
                details={**_caller(3), "message": "Hoffwn siarad â rhywun yn gyfrinachol."},
                slot=first["id"],
            )
        )
        self.submit(
            Wish(
                kind="information",
                details={"concern": "professional", "message": "Which material may we give to parents?"},
            )
        )
        self.nobody_is_rung_at_night()
        return claim

    def nobody_is_rung_at_night(self) -> None:
        """Ask for a window that is not offered, then for one that is; and send that twice, as a bad connection does."""
        night = f"{self.slots[0]['starts_at'][:10]}T03:00Z/2h"
        if all(slot["id"] != night for slot in self.slots):
            wish = Wish(kind="callback", details=_caller(4), slot=night)
            refused = self.post(wish, secrets.token_urlsafe(24))
            body = self.must("a window when the line is closed is not promised", refused, 409, "slot-closed")
            self.hold("a refusal names another way to reach help", bool(body["helpline"]["phone"]))
            self.say("Requester", "asks for a call at three in the morning. Nobody would be there to keep it,")
            self.say("Quietline", f"so it is not promised; the answer gives the number to ring, {_phone(body)}.")
        self.submit(Wish(kind="callback", details=_caller(4), slot=self.slots[:NEAR][-1]["id"]), twice=True)

    def desk_answers(self, *, without: Asked) -> None:
        """Answer what is to be answered in writing; one request passes from Chris to Alex with a note."""
        self.stage.open("The desk answers")
        english = [
            a for a in self.asked if a.wish.kind == "information" and a.wish.language == "en" and a is not without
        ]
        claim = self.take("Chris", "information", "en", english)
        passed = claim.asked
        note = "Asked a colleague about this. She suggests beginning with the self-help pages."
        self.must("a note is kept", self.write(claim, "notes", text=note), 201)
        self.say(
            "Chris",
            "leaves a sealed note for a colleague, and gives the request back: the Welsh lane needs them first.",
        )
        self.must("a request can be given back", self.write(claim, "release", reason="Needed in the Welsh lane."), 200)
        self.drop(claim)
        late = self.write(claim, "replies", text="A draft that was still open.")
        self.refused("Chris", "sends a draft that was still open: refused, it is no longer Chris's to answer.", late)
        self.welsh_answer()
        for _ in range(len(english)):
            claim = self.take("Alex", "information", "en", english)
            english.remove(claim.asked)
            if claim.asked is passed:
                self.hold("a request that was given back comes with the next number", claim.number > 1)
                self.hold("the colleague's note comes with it", note in [each.get("text") for each in _notes(claim)])
                self.say("Alex", f"reads Chris's note on {passed.reference}, and goes on from there.")
            self.answer(claim, _REPLY, ["get-help"], thanks=claim.asked is passed)

    def welsh_answer(self) -> None:
        """Answer the Welsh information request in Welsh."""
        claim = self.take("Chris", "information", "cy", [self.find("information", "cy")])
        reply = "Diolch am ysgrifennu atom. Dyma wasanaethau a allai helpu."
        self.answer(claim, reply, ["stop-it-now-helpline", "samaritans"])

    def calls(self) -> None:
        """Ring those whose window it is; where it is nobody's, answer those who ring in."""
        self.stage.open("Calls")
        english = [a for a in self.asked if a.wish.kind == "callback" and a.wish.language == "en"]
        twice, once = english[0], english[1]
        due = [twice, once]
        claim = self.next_call([once, twice])
        while claim is not None:
            due.remove(claim.asked)
            if claim.asked is twice and self.rings:
                self.no_answer(claim)
            else:
                self.talk(claim)
            claim = self.next_call([a for a in due if self.rings or a is not twice])
        if self.rings and not self.by_reference:
            none = self.desk("POST", "claims", {"kinds": ["callback"], "languages": ["en"]}, who="Alex")
            if none.status == 204:  # noqa: PLR2004 - else somebody else's call came in by now
                self.must("a call is not handed out before its window", none, 204)
                self.say(
                    "Quietline", "Others wait for a call, but not now: nobody is rung outside the window they chose."
                )
            else:
                self.hand_back("Alex", none)
        welsh = self.find("callback", "cy")
        self.talk(self.take("Chris", "callback", "cy", [welsh], quoted=not self.rings))
        self.talk(self.take("Alex", "callback", "en", [twice], quoted=True))

    def next_call(self, due: Sequence[Asked]) -> Claim | None:
        """Take the next call in English: from its lane inside a window, by its reference when the caller rings in."""
        if not due:
            return None
        first = len([a for a in due if a.number]) == 0 and len(due) > 1
        if first and not self.by_reference:
            claim = self.try_lane("Alex", "callback", "en")
            self.hold("no call is handed out while the line is closed", claim is None or self.line_open)
            if claim is not None:
                self.rings = True
                return claim
            self.say("Quietline", "No agreed window is now, so no call is handed out: nobody is rung at another time.")
        claim = self.take("Alex", "callback", "en", due, quoted=not self.rings)
        self.rings = self.rings or bool(claim.request["may_ring_now"])
        return claim

    def no_answer(self, claim: Claim) -> None:
        """Ring without reaching anybody; the request waits for the next window that was agreed to."""
        asked = claim.asked
        self.say("Alex", f"rings {asked.reference}, number withheld. No answer, and no voicemail: it was not wanted.")
        went = self.must("an attempt is recorded", self.write(claim, "attempts", result="no-answer"), 200)
        self.drop(claim)
        self.tally.unanswered += 1
        self.hold("an unanswered call waits again", went["status"] == "waiting")
        self.hold("the next agreed window counts", went["slot"] is not None and went["slot"]["id"] in asked.wish.also)
        self.say("Quietline", f"{asked.reference} waits for its next window, {went['slot']['local']}.")
        self.look(asked)

    def talk(self, claim: Claim) -> None:
        """Speak with somebody, ask for more time meanwhile, and close with what was agreed."""
        asked, welsh = claim.asked, claim.asked.wish.language == "cy"
        reaches = "speaks with" if claim.quoted else "rings"
        careful = "asks for the code word first, " if claim.request["details"]["safety"].get("code_word") else ""
        self.say(claim.who, f"{reaches} {asked.reference}, {careful}and listens. There is no hurry.")
        renewed = self.write(claim, "renew", lease_minutes=LEASE + 10)
        self.must("a claim is renewed while the call goes on", renewed, 200)
        self.hold_for(claim, LEASE + 10)
        actions = (
            ["Siarad eto yr wythnos nesaf."] if welsh else ["Talk again next week.", "Try the first self-help page."]
        )
        self.close(claim, agreed_actions=actions, signposts=["stop-it-now-helpline"])
        self.say(claim.who, f"closes {asked.reference}: answered, with what was agreed and where to turn next.")
        seen = self.look(asked)
        self.hold(
            "what was agreed is in the mailbox", any(m.get("agreed_actions") == actions for m in seen["messages"])
        )

    def second_thoughts(self) -> None:
        """Let somebody choose another window, and then withdraw."""
        self.stage.open("Second thoughts")
        asked = [a for a in self.asked if a.wish.kind == "callback"][-1]
        other = self.slots[:NEAR][-2]
        chosen = self.server.ask("PUT", "/v1/mailbox/slot", {"slot": other["id"]}, _receipt(asked))
        self.must("another window can be chosen with the receipt", chosen, 200)
        self.look(asked)
        self.say("Requester", f"would rather be rung {other['local']}.")
        gone = self.server.ask("DELETE", "/v1/mailbox", None, _receipt(asked))
        self.must("a request can be withdrawn", gone, 204)
        self.say("Requester", f"changes their mind and withdraws {asked.reference}. Nobody asks why.")
        asked.end = "withdrawn"
        unknown = self.server.ask("GET", "/v1/mailbox", None, _receipt(asked))
        self.must("after a withdrawal the receipt opens nothing", unknown, 404, "receipt-unknown")
        self.stage.mailbox = (f"Mailbox · {asked.reference}", [Text("This receipt opens nothing any more.")])
        self.refresh()
        self.say("Quietline", "What was written is erased. The receipt opens nothing any more.")

    def lease_ends(self, claim: Claim) -> None:
        """Let the lease that Bethan did not come back to lapse, and a colleague pick the request up."""
        asked = claim.asked
        if not self.lapse:
            self.stage.open("Bethan comes back")
            self.must("a live claim can be renewed", self.write(claim, "renew"), 200)
            self.say("Bethan", f"is back in time, asks for more of it, and answers {asked.reference}.")
            self.answer(claim, _REPLY, ["get-help"])
            return
        self.stage.open("A lease lapses")
        while self.countdown:
            self.wait_until(claim.lapses_at - self.countdown[0])
            self.tell_countdown()
        self.wait_until(claim.lapses_at)
        self.lapsing = None
        self.say("Quietline", "The lease has lapsed. Nothing is lost: the request is back in its old place.", beats=2)
        taken = self.take("Chris", "information", "en", [asked], patient=True)
        self.drop(claim)
        self.tally.lapsed += 1
        self.hold("a lapsed claim goes to a colleague", taken.asked is asked)
        self.hold("the colleague holds it under the next number", taken.number == claim.number + 1)
        self.hold("the lapse is counted", taken.request["lapses"] == 1)
        late = self.write(claim, "replies", text="A reply written under the old number.")
        self.refused(
            "Bethan", f"is back, and sends her reply under number {claim.number}: refused, Chris has it now.", late
        )
        self.answer(taken, _REPLY, ["get-help", "samaritans"])

    def books(self) -> None:
        """Read every receipt back, and the trail to its last page."""
        self.stage.open("The books")
        for asked in self.asked:
            answer = self.server.ask("GET", "/v1/mailbox", None, _receipt(asked))
            if asked.end == "withdrawn":
                self.must("a withdrawn receipt stays shut", answer, 404)
                asked.read = "nothing"
                continue
            body = self.must("every receipt that was handed out opens its mailbox", answer, 200)
            self.hold("every request that was not withdrawn is closed", body["status"] == "closed")
            self.hold("a mailbox is of the request it was handed out for", body["reference"] == asked.reference)
            letters = len([m for m in body["messages"] if m["author"] == "helpline"])
            self.hold("every request has been answered in its mailbox", letters > 0)
            asked.read = "1 answer" if letters == 1 else f"{letters} answers"
        opened, trail = self.read_trail()
        self.hold("the audit trail holds together", trail["verified"] is True)
        self.hold(
            "every opening of a request is in the trail, and no other", opened == self.tally.claims + self.tally.again
        )
        self.tally.trail = int(trail["count"])
        self.refresh()
        self.say("Quietline", f"Every receipt is read back. The trail of {trail['count']} deeds is verified.")
        self.say(
            "Quietline",
            f"It names each of the {opened} times that a request was opened, by whom and under which number.",
        )

    # ------------------------------------------------------------ what people do

    def submit(self, wish: Wish, *, twice: bool = False) -> Asked:
        """Send a request; *twice* sends it again under the same key, as somebody does whose answer was lost."""
        key = secrets.token_urlsafe(24)
        body = self.must("a request is accepted", self.post(wish, key), 201)
        if twice:
            again = self.must("a repeated request is recognised", self.post(wish, key), 201)
            self.hold("a repeated request gets the same receipt", again["receipt"] == body["receipt"])
            self.tally.repeated += 1
        self.hold("no receipt is handed out twice", all(body["receipt"] != each.receipt for each in self.asked))
        asked = Asked(wish=wish, receipt=body["receipt"], request_id=body["request_id"], reference=body["reference"])
        self.asked.append(asked)
        self.refresh()
        when = body["due"]["local"]
        due = when if wish.kind == "callback" else f"answered by {when}"
        how = " (plain form)" if wish.as_form else ""
        self.say("Requester", f"asks for {wish.words}{how}: {asked.reference}, {due}.")
        if twice:
            self.say(
                "Quietline", "The answer was lost on the way and they sent it again: one request, the same receipt."
            )
        return asked

    def post(self, wish: Wish, key: str) -> Answer:
        """Post a request as JSON, or as a browser without JavaScript posts its form."""
        path = "/v1/callbacks" if wish.kind == "callback" else "/v1/information-requests"
        common = {"statement_version": self.statement, "language": wish.language}
        headers = {"Idempotency-Key": key, "Accept-Language": "en"}
        if not wish.as_form:
            slot = {"slot": wish.slot, "also": list(wish.also)} if wish.slot else {}
            return self.server.ask("POST", path, {**common, "details": wish.details, **slot}, headers)
        fields = {**common, **wish.details, "slot": wish.slot}
        safety = fields.pop("safety", {})
        fields |= safety if isinstance(safety, dict) else {}
        return self.server.ask("POST", path, urlencode(fields), headers)

    def take(
        self,
        who: Name,
        kind: str,
        language: str,
        among: Sequence[Asked],
        *,
        minutes: int = LEASE,
        quoted: bool = False,
        patient: bool = False,
    ) -> Claim:
        """
        Claim one of *among*: the most urgent of the lane, or by its reference when other people's requests are there.

        *patient* asks again for a few seconds, for a lease that must have lapsed by the server's clock as well.

        Raises:
            Broken: nothing was handed out.
        """
        if quoted:
            missed = "has missed a call, " if among[0].number else ""
            self.say("Requester", f"{missed}rings the helpline, and quotes “{_spoken(among[0].reference)}”.")
        until = time.monotonic() + (GRACE if patient else 0)
        while True:
            by_lane = not (quoted or self.by_reference or self.lapse_is_near())
            claim = self.try_lane(who, kind, language, minutes) if by_lane else None
            if claim is None and (quoted or self.by_reference or not by_lane):
                claim = self.try_reference(who, among[0], minutes, patient=patient)
            if claim is not None:
                self.hold("a claim hands out one of those who waited", claim.asked in among)
                return replace(claim, quoted=quoted)
            if time.monotonic() >= until:
                message = f"a claim hands out {_words(kind)} in {SPOKEN[language]} that waits"
                raise Broken(message)
            time.sleep(0.25)

    def try_lane(self, who: Name, kind: str, language: str, minutes: int = LEASE) -> Claim | None:
        """Claim the most urgent request of a lane; one that is not of this day is given back at once."""
        asked_at = time.monotonic()
        body = {"kinds": [kind], "languages": [language], "lease_minutes": minutes}
        answer = self.desk("POST", "claims", body, who=who)
        if answer.status == 204:  # noqa: PLR2004 - nothing to hand out
            return None
        handed = self.must("a claim is handed out", answer, 201)
        asked = next((each for each in self.asked if each.request_id == handed["claim"]["request_id"]), None)
        if asked is None:
            self.hand_back(who, answer)
            return None
        return self.claimed(who, asked, handed, asked_at, minutes, "takes the most urgent")

    def try_reference(self, who: Name, asked: Asked, minutes: int, *, patient: bool) -> Claim | None:
        """Claim the request of a reference."""
        asked_at = time.monotonic()
        spoken = _spoken(asked.reference)
        answer = self.desk("POST", "claims", {"reference": spoken, "lease_minutes": minutes}, who=who)
        if patient and answer.code == "claimed-by-colleague":
            return None
        handed = self.must("a reference that is quoted finds its request", answer, 201)
        self.hold("a reference finds the right request", handed["claim"]["request_id"] == asked.request_id)
        return self.claimed(who, asked, handed, asked_at, minutes, "takes, by its reference, the")

    def claimed(
        self, who: Name, asked: Asked, handed: Mapping[str, Any], asked_at: float, minutes: int, how: str
    ) -> Claim:
        """Note a claim, and show it."""
        number = int(handed["claim"]["number"])
        self.hold("a number is never handed out twice", number > asked.number)
        asked.number = number
        self.tally.claims += 1
        claim = Claim(
            who=who, asked=asked, number=number, request=handed["request"], lapses_at=asked_at + 60 * minutes + 0.3
        )
        details = claim.request["details"]
        self.hold("a claim opens what was written", isinstance(details, dict) and details["concern"] in _CONCERNS)
        self.hold_for(claim, minutes)
        self.refresh()
        what = f"{_words(asked.wish.kind)} in {SPOKEN[asked.wish.language]}"
        self.say(who, f"{how} {what}: {asked.reference}, number {number}, for {_minutes(minutes)}.")
        return claim

    def hand_back(self, who: Name, answer: Answer) -> None:
        """Give back somebody else's request, and claim by reference from now on."""
        handed = self.must("a claim is handed out", answer, 201)["claim"]
        back = self.desk("POST", f"claims/{handed['request_id']}/release", {"number": handed["number"]}, who=who)
        self.must("a request that is not of this day is given back", back, 200)
        self.by_reference = True
        self.say(
            "Quietline", "Somebody else's request came in. It is given back; from here each claim names its reference."
        )

    def answer(self, claim: Claim, text: str, signposts: Sequence[str], *, thanks: bool = False) -> None:
        """Reply; the requester reads it with the receipt; then close."""
        asked = claim.asked
        replied = self.write(claim, "replies", text=text, signposts=list(signposts))
        self.must("a reply is kept", replied, 201)
        self.tally.replies += 1
        self.say(claim.who, f"writes to {asked.reference}, with {len(signposts)} signpost{'s'[: len(signposts) > 1]}.")
        seen = self.look(asked)
        self.hold("a reply is in the mailbox at once", any(m.get("text") == text for m in seen["messages"]))
        linked = [link["id"] for m in seen["messages"] for link in m.get("signposts", [])]
        self.hold("signposts arrive as links", linked == list(signposts))
        self.say("Requester", f"reads the answer to {asked.reference} with the receipt that only they have.")
        if thanks:
            wrote = self.server.ask("POST", "/v1/mailbox/messages", {"text": "Thank you. That helps."}, _receipt(asked))
            self.must("a message can be added with the receipt", wrote, 201)
            self.look(asked)
            self.say("Requester", "writes back: “Thank you. That helps.”")
            self.read_what_came(claim)
        self.close(claim)
        self.look(asked)
        self.say(claim.who, f"closes {asked.reference}: answered.")

    def read_what_came(self, claim: Claim) -> None:
        """A message that nobody has read keeps a request open; whoever holds it asks for it again and reads."""
        early = self.write(claim, "close", outcome="answered")
        self.must("a request is not closed over an unread message", early, 409, "unread-message")
        again = self.desk("POST", "claims", {"reference": _spoken(claim.asked.reference)}, who=claim.who)
        handed = self.must("what one holds is given again", again, 201)
        self.hold("it is given again under its number", handed["claim"]["number"] == claim.number)
        self.hold("it shows what came", handed["request"]["messages"][-1]["author"] == "requester")
        self.tally.again += 1
        self.say(claim.who, f"cannot close {claim.asked.reference} unread; opens it again, and reads their words.")

    def close(self, claim: Claim, **agreed: Sequence[str]) -> None:
        """Finish a request."""
        closed = self.must("a request is closed", self.write(claim, "close", outcome="answered", **agreed), 200)
        self.hold("closing says how it ended", closed["outcome"] == "answered")
        claim.asked.end = "answered"
        self.drop(claim)

    def refused(self, who: str, what: str, late: Answer) -> None:
        """Show that late work is refused, with its reason."""
        self.must("a colleague's late write is refused", late, 409, "claim-lost")
        self.tally.refused += 1
        self.say(who, what)

    def look(self, asked: Asked) -> Mapping[str, Any]:
        """Open the mailbox with the receipt, and show it."""
        headers = {**_receipt(asked), "Accept-Language": asked.wish.language}
        body: Mapping[str, Any] = self.must(
            "a receipt opens its mailbox", self.server.ask("GET", "/v1/mailbox", None, headers), 200
        )
        self.hold("a receipt opens its own mailbox", body["reference"] == asked.reference)
        self.stage.mailbox = (f"Mailbox · {asked.reference} · {asked.receipt[:5]}-•••••", _mailbox_lines(body))
        self.refresh()
        return body

    # ------------------------------------------------------------ small things

    def must(self, what: str, answer: Answer, status: int, code: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """
        Expect an answer; give its body.

        Raises:
            Broken: it is another one.
        """
        if answer.status != status or (code is not None and answer.code != code):
            got = f"{answer.status} {answer.code}".strip()
            message = f"{what} (answered {got}, expected {status}{'' if code is None else ' ' + code})"
            raise Broken(message)
        self.tally.held += 1
        return answer.body

    def hold(self, what: str, it_does: bool) -> None:  # noqa: FBT001 - it reads as a sentence
        """
        Expect something.

        Raises:
            Broken: it does not hold.
        """
        if not it_does:
            raise Broken(what)
        self.tally.held += 1

    def desk(self, method: str, path: str, body: object = None, *, who: str) -> Answer:
        """Ask the desk as *who*."""
        return self.server.ask(method, f"/v1/desk/{path}", body, {"Authorization": f"Bearer {self.tokens[who]}"})

    def write(self, claim: Claim, verb: str, **what: object) -> Answer:
        """Write under a claim's number."""
        body = {"number": claim.number, **what}
        return self.desk("POST", f"claims/{claim.asked.request_id}/{verb}", body, who=claim.who)

    def say(self, who: str, what: str, *, beats: float = 1.0) -> None:
        """Tell it on the stage; a lease that runs out meanwhile is told from time to time."""
        self.stage.say(who, what, beats=beats)
        self.tell_countdown()

    def lapse_is_near(self) -> bool:
        """Tell whether a lane could hand out what Bethan still holds before its chapter has come."""
        return self.lapsing is not None and self.lapsing.lapses_at - time.monotonic() < 3  # noqa: PLR2004 - seconds

    def tell_countdown(self) -> None:
        """Tell how long the lease has still to run, when one of the marks has passed."""
        if self.lapsing is None:
            return
        left = self.lapsing.lapses_at - time.monotonic()
        if self.countdown and left <= self.countdown[0]:
            self.countdown = [mark for mark in self.countdown if mark < left]
            reference = self.lapsing.asked.reference
            self.stage.say("Quietline", f"Bethan's lease on {reference} has {max(0, round(left))} seconds left.")

    def hold_for(self, claim: Claim, minutes: int) -> None:
        """Show a claim beside its practitioner."""
        until = claim.lapses_at if minutes == SHORT_LEASE else time.monotonic() + 60 * minutes
        self.stage.holds[claim.who] = Hold(
            reference=claim.asked.reference, number=claim.number, until=until, lease=60 * minutes
        )

    def drop(self, claim: Claim) -> None:
        """Show that a practitioner is free again."""
        hold = self.stage.holds.get(claim.who)
        if hold is not None and hold.reference == claim.asked.reference:
            del self.stage.holds[claim.who]
        self.refresh()

    def refresh(self) -> Sequence[Mapping[str, Any]]:
        """Show how the lanes stand."""
        queue = self.must("the queue can be seen", self.desk("GET", "queue", who="Supervisor"), 200)
        lanes: list[Mapping[str, Any]] = queue["lanes"]
        self.stage.lanes = lanes
        return lanes

    def find(self, kind: str, language: str) -> Asked:
        """Give the first request of a lane."""
        return next(each for each in self.asked if (each.wish.kind, each.wish.language) == (kind, language))

    def wait_until(self, moment: float) -> None:
        """Wait; the countdown goes on beside the practitioner's name."""
        time.sleep(max(0.0, moment - time.monotonic()))

    def read_trail(self) -> tuple[int, Mapping[str, Any]]:
        """Read the trail since the day began; give how often our requests were opened, and the last page."""
        mine, opened, after = {each.request_id for each in self.asked}, 0, self.trail_before
        while True:
            answer = self.desk("GET", f"audit?after={after}", who="Supervisor")
            page: Mapping[str, Any] = self.must("the trail can be read", answer, 200)
            opened += sum(entry["verb"] == "open" and entry["request_id"] in mine for entry in page["entries"])
            if page["next_after"] is None:
                return opened, page
            after = page["next_after"]

    def tidy(self) -> None:
        """Withdraw what is still open, so that a day that broke off leaves nothing in the queue."""
        for asked in self.asked:
            if not asked.end:
                self.server.ask("DELETE", "/v1/mailbox", None, _receipt(asked))

    def summary(self) -> Table:
        """Tell what came in, and what became of it."""
        table = Table(
            title="What came in, and what became of it", title_justify="left", title_style="bold", box=SIMPLE_HEAD
        )
        for name in ("Reference", "Asked for", "Claims", "Ended", "In mailbox"):
            table.add_column(name, justify="right" if name == "Claims" else "left")
        for asked in self.asked:
            wish = asked.wish
            words = f"{wish.kind}, {SPOKEN[wish.language]}"
            table.add_row(asked.reference, words, str(asked.number), asked.end, asked.read)
        return table

    def figures(self) -> str:
        """Give the figures in sentences."""
        tally, answered = self.tally, sum(asked.end == "answered" for asked in self.asked)
        withdrawn = len(self.asked) - answered
        lapsed = f"{tally.lapsed} lease lapsed and was picked up, " if tally.lapsed else ""
        return (
            f"{len(self.asked)} came in, {answered} were answered, {withdrawn} was withdrawn, 0 were lost: "
            "every receipt is accounted for.\n"
            f"{tally.claims} claims, {lapsed}{_times(tally.unanswered, 'call')} not answered, "
            f"{_times(tally.refused, 'late write')} refused, {tally.repeated} repeat recognised.\n"
            f"The audit trail holds {tally.trail} deeds, verified. {tally.held} expectations held."
        )


_REPLY = "Thank you for writing. You are not alone in this."
_CONCERNS = ("own-behaviour", "someone-else", "survivor", "professional")


def _caller(which: int, code_word: str | None = None) -> dict[str, object]:
    safety = {"voicemail": "never", **({} if code_word is None else {"code_word": code_word})}
    return {"concern": "someone-else", "phone": f"07700 900{100 + which}", "name": "Sam", "safety": safety}


def _receipt(asked: Asked) -> dict[str, str]:
    return {"Authorization": f"Receipt {asked.receipt}"}


def _notes(claim: Claim) -> Sequence[Mapping[str, Any]]:
    notes: Sequence[Mapping[str, Any]] = claim.request["notes"]
    return notes


def _phone(problem: Mapping[str, Any]) -> str:
    return str(problem["helpline"]["phone"])


def _spoken(reference: str) -> str:
    return reference.replace("-", " ")


def _words(kind: str) -> str:
    return "call back" if kind == "callback" else "request for information"


def _minutes(minutes: int) -> str:
    return "one minute" if minutes == 1 else f"{minutes} minutes"


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _mailbox_lines(body: Mapping[str, Any]) -> list[Text]:
    slot = body["slot"]
    lines = [Text.assemble((body["status"], "bold"), "" if slot is None else f" · {slot['local']}")]
    for letter in body["messages"]:
        author = "You" if letter["author"] == "requester" else "Helpline"
        style = "bold" if author == "You" else "magenta"
        if letter.get("text"):
            lines.append(Text.assemble((f"{author}: ", style), letter["text"]))
        lines += [Text.assemble(("  ✓ ", "green"), action) for action in letter.get("agreed_actions", [])]
        lines += [Text.assemble(("  → ", "cyan"), link["name"]) for link in letter.get("signposts", [])]
    return lines


def main(arguments: Sequence[str]) -> int:
    """Play the day; 0 if everything held, 1 and what did not, 2 if it cannot begin, 130 if it was broken off."""
    parser = argparse.ArgumentParser(prog="make demo", description="A day at the helpline, against a running server.")
    parser.add_argument("--fast", action="store_true", help="without pauses")
    parser.add_argument("--no-lapse", action="store_true", help="without waiting a minute for a lease to lapse")
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_env(os.environ)
        pace = 0.0 if asked.fast else pace_of(os.environ.get("QUIETLINE_DEMO_PACE", ""))
        server = Server("127.0.0.1" if settings.host == "localhost" else settings.host, settings.port)
        _make_sure_it_runs(server)
        tokens = _sign_in(settings, server)
    except (SettingError, CannotIssueError, CannotBegin) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that takes ASCII alone loses a quotation mark, not the day
    console = Console(highlight=False)
    day = Day(
        server=server,
        stage=stage_for(console, pace=pace, people=PEOPLE),
        tokens=tokens,
        lapse=not asked.no_lapse,
    )
    return _play(day, console)


def _play(day: Day, console: Console) -> int:
    try:
        with day.stage.showing():
            day.play()
            day.stage.pause(2)
    except KeyboardInterrupt:
        _tidy(day)
        console.print("\nThe day was broken off; what it had left in the queue is withdrawn.")
        return 130
    except (Broken, OSError) as error:
        _tidy(day)
        why = str(error) if isinstance(error, Broken) else "the server goes on answering"
        console.print(f"\nThis did not hold: {why}.", style="bold red", soft_wrap=True)
        return 1
    console.print()
    console.print(day.summary())
    console.print(day.figures())
    return 0


def _tidy(day: Day) -> None:
    try:
        day.tidy()
    except OSError:
        return


class CannotBegin(Exception):  # noqa: N818 - a sentence for who started it
    """Why a demo cannot begin."""


def _make_sure_it_runs(server: Server) -> None:
    try:
        about = server.ask("GET", "/v1/helpline")
    except OSError:
        about = Answer(0, None)
    if not isinstance(about.body, dict) or "open_now" not in about.body:
        message = f"No Quietline answers at {server.address}: start one with `make run` in another terminal."
        raise CannotBegin(message)


def _sign_in(settings: Settings, server: Server) -> dict[str, str]:
    """Get tokens from the built-in issuer, and make sure that the server takes them."""
    if settings.oidc_issuer is not None or not settings.on_loopback:
        message = "The demo signs in with the built-in issuer, which is off here: play it against a plain `make run`."
        raise CannotBegin(message)
    issuer = LocalIssuer(settings.home)
    tokens = {name: issuer.token("practitioner", f"{name.lower()} (demo)", hours=1) for name in PEOPLE}
    tokens["Supervisor"] = issuer.token("supervisor", "supervisor (demo)", hours=1)
    known = server.ask("GET", "/v1/desk/queue", None, {"Authorization": f"Bearer {tokens['Supervisor']}"})
    if known.status != 200:  # noqa: PLR2004 - OK
        message = "The server does not know this sign-in: give the demo the same QUIETLINE_HOME as `make run`."
        raise CannotBegin(message)
    return tokens


def pace_of(text: str) -> float:
    """
    Read how slowly to play.

    Raises:
        CannotBegin: it is no number from 0 to 10.
    """
    try:
        pace = float(text or 1)
    except ValueError:
        pace = -1.0
    if not 0 <= pace <= 10:  # noqa: PLR2004 - ten times slower is slow enough
        message = "QUIETLINE_DEMO_PACE must be a number from 0 to 10; 1 is the ordinary pace, 0 is without pauses."
        raise CannotBegin(message)
    return pace


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
