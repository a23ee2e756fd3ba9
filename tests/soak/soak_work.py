"""
What people do at a helpline, all at once: each piece of work is one request, tried again until it is answered.

A server that was killed refuses the connection, or breaks it off; the work then goes to another one. What carries an
idempotency key, or changes nothing, is tried again whatever happened; a request without one only if it cannot have
arrived. Everything that should be there in the end is written into a `History`.
"""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from sealed_requester import Requester
from soak_servers import Server, Street
from total_queue import Element, History

UNAVAILABLE = 503
PATIENCE = 60.0
"""Seconds after which somebody gives up; nobody should have to."""
SHARES = {
    "submit": 14, "submit-sealed": 7, "inquire": 5, "submit-without-key": 2, "look": 15, "write": 8, "withdraw": 3,
    "practise": 24, "signposts": 10, "slots": 4, "visit": 5, "health": 3,
}  # fmt: skip
"""Of a hundred requests, how many are what."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """
    One piece of work: when it was due, how long it took until it was answered, how often it was sent, and how.

    A connection that was refused does not count as sent, and *status* is 0 where no answer came.
    """

    what: str
    due: float
    seconds: float
    sends: int
    status: int


@dataclass
class Known:
    """A request as whoever sent it knows it: its name, what opens it, and what was written to it and answered."""

    name: str
    receipt: str
    said: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Practitioner:
    """Somebody at the desk, with at most one request in hand."""

    name: str
    token: str
    hold: tuple[str, int, str] | None = None
    replied: bool = False
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Gone(Exception):  # noqa: N818 - what happened to the answer
    """No answer came."""


class Work:
    """Everybody who asks something of the servers."""

    def __init__(self, street: Street, *, tokens: dict[str, str], seed: int) -> None:
        self.street, self.history, self.done = street, History(), list[Done]()
        self.wrong: list[str] = []
        self.dice = random.Random(seed)
        self.known: list[Known] = []
        self.practitioners = [Practitioner(name, token) for name, token in tokens.items()]
        self.etag = ""
        self.waits = 0
        self._count = 0
        self._lock = threading.Lock()
        _, version, _, _ = self._ask("GET", "/v1/statement")
        _, keys, _, _ = self._ask("GET", "/v1/keys")
        self.version, self.keys = version["version"], keys["keys"]

    # ------------------------------------------------------------ one request

    def do(self, what: str, due: float) -> None:
        """Do one piece of work, and note how it went."""
        try:
            status, sends = getattr(self, f"_{what.replace('-', '_')}")()
        except Gone:
            status, sends = 0, 0
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the piece of work is not gone
            self.wrong.append(f"{what}: {type(error).__name__}")
            status, sends = 0, 0
        seconds = time.monotonic() - self.street.begun - due
        self.done.append(Done(what=what, due=due, seconds=seconds, sends=sends, status=status))

    def _ask(
        self, method: str, path: str, body: Any = None, *, again: bool = True, **headers: str
    ) -> tuple[int, Any, int, dict[str, str]]:
        raw = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        until, tries, sends = time.monotonic() + PATIENCE, 0, 0
        servers = self.dice.sample(self.street.servers, len(self.street.servers))
        while time.monotonic() < until:
            server = servers[tries % len(servers)]
            tries += 1
            try:
                status, document, heard = self._once(server, method, path, raw, sent)
            except ConnectionRefusedError:
                time.sleep(0.02)
                continue
            except (ConnectionError, HTTPException):
                sends += 1
                if again:
                    continue
                raise Gone from None
            sends += 1
            with self._lock:
                server.answered += 1
                self.waits += status == UNAVAILABLE
            if status == UNAVAILABLE and again:
                time.sleep(0.2)
                continue
            if status >= 500:
                self.wrong.append(f"{method} {path.split('?', maxsplit=1)[0]}: {status}")
            return status, document, sends, heard
        self.wrong.append(f"{method} {path.split('?', maxsplit=1)[0]}: no answer within {PATIENCE:.0f} s")
        raise Gone

    @staticmethod
    def _once(
        server: Server, method: str, path: str, raw: bytes | None, sent: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            connection.request(method, path, raw, sent)
            answer = connection.getresponse()
            whole = answer.read()
            heard = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, json.loads(whole) if whole and "json" in heard["content-type"] else None, heard
        finally:
            connection.close()

    def _next(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def _expect(self, what: str, status: int, *allowed: int) -> None:
        if status not in allowed:
            self.wrong.append(f"{what}: {status}")

    def _somebody(self) -> Known | None:
        with self._lock:
            return self.dice.choice(self.known) if self.known else None

    # ------------------------------------------------------------ requesters

    def _details(self, name: str, **more: Any) -> dict[str, Any]:
        return {"concern": "own-behaviour", "message": name, **more}

    def _sent(self, path: str, name: str, body: dict[str, Any], receipt: str | None, **how: Any) -> tuple[int, int]:
        element = Element("request", name, name)
        self.history.attempt(element)
        status, answer, sends, _ = self._ask("POST", path, body, **how)
        self._expect(path, status, 201)
        if status == 201:
            self.history.acknowledge(element)
            with self._lock:
                self.known.append(Known(name, receipt or answer["receipt"]))
        else:
            self.history.refuse(element)
        return status, sends

    def _submit(self) -> tuple[int, int]:
        name = f"call-{self._next():06}"
        details = self._details(name, phone="07700 900123", safety={"voicemail": "never"})
        body = {"statement_version": self.version, "details": details, "region": "E23000005"}
        return self._sent("/v1/callbacks", name, body, None, Idempotency_Key=f"key-of-{name}-of-the-soak")

    def _submit_sealed(self) -> tuple[int, int]:
        name, one = f"sealed-{self._next():06}", Requester(None)
        details = self._details(name, phone="07700 900123", safety={"voicemail": "never"})
        sealed = one.seal(one.content(details), keys=self.keys)
        body = {"statement_version": self.version, "sealed": sealed}
        return self._sent("/v1/callbacks", name, body, one.receipt.shown)

    def _ask_information(self, name: str, **how: Any) -> tuple[int, int]:
        body = {"statement_version": self.version, "details": self._details(name), "language": "cy"}
        return self._sent("/v1/information-requests", name, body, None, **how)

    def _inquire(self) -> tuple[int, int]:
        name = f"question-{self._next():06}"
        return self._ask_information(name, Idempotency_Key=f"key-of-{name}-of-the-soak")

    def _submit_without_key(self) -> tuple[int, int]:
        return self._ask_information(f"keyless-{self._next():06}", again=False)

    def _look(self) -> tuple[int, int]:
        somebody = self._somebody()
        if somebody is None:
            return self._health()
        with somebody.lock:
            said = list(somebody.said)
            status, answer, sends, _ = self._ask("GET", "/v1/mailbox", Authorization=f"Receipt {somebody.receipt}")
            gone = somebody.name in self.history.left
        self._expect("mailbox", status, 404 if gone else 200)
        if status == 200:
            there = {letter.get("text") for letter in answer["messages"]}
            if missing := set(said) - there:
                self.wrong.append(f"a mailbox without {len(missing)} of its messages")
        return status, sends

    def _write(self) -> tuple[int, int]:
        somebody = self._somebody()
        if somebody is None:
            return self._health()
        text = f"word-{self._next():06}"
        element = Element("message", text, somebody.name)
        with somebody.lock:
            gone = somebody.name in self.history.left
            self.history.attempt(element)
            status, _, sends, _ = self._ask(
                "POST",
                "/v1/mailbox/messages",
                {"text": text},
                Authorization=f"Receipt {somebody.receipt}",
                Idempotency_Key=f"key-of-{text}-of-the-soak",
            )
            self._expect("message", status, 404 if gone else 201)
            if status == 201:
                self.history.acknowledge(element)
                somebody.said.append(text)
            else:
                self.history.refuse(element)
        return status, sends

    def _withdraw(self) -> tuple[int, int]:
        somebody = self._somebody()
        if somebody is None:
            return self._health()
        with somebody.lock:
            gone = somebody.name in self.history.left
            self.history.leave(somebody.name)
            status, _, sends, _ = self._ask("DELETE", "/v1/mailbox", Authorization=f"Receipt {somebody.receipt}")
            # A repeat after an answer that was lost finds it gone, or says once more that it is.
            self._expect("withdraw", status, *((204, 404) if gone or sends > 1 else (204,)))
            if status in (204, 404):
                self.history.has_left(somebody.name)
        return status, sends

    # ------------------------------------------------------------ practitioners

    def _practise(self) -> tuple[int, int]:
        for one in self.dice.sample(self.practitioners, len(self.practitioners)):
            if one.lock.acquire(blocking=False):
                try:
                    return self._claim(one) if one.hold is None else self._serve(one, *one.hold)
                finally:
                    one.lock.release()
        return self._health()

    def _claim(self, one: Practitioner) -> tuple[int, int]:
        one.turn += 1
        tried = Element("claim by", one.name)
        self.history.attempt(tried)
        key = f"claim-{one.name}-{one.turn:06}-of-the-soak"
        status, answer, sends, _ = self._ask(
            "POST", "/v1/desk/claims", {}, Authorization=f"Bearer {one.token}", Idempotency_Key=key
        )
        self._expect("claim", status, 201, 204)
        if status == 201:
            claim, details = answer["claim"], answer["request"]["details"]
            self.history.instead(tried, Element("claim", f"{claim['request_id']}#{claim['number']}"))
            if not isinstance(details, dict) or "message" not in details:
                self.wrong.append("a claim without its content")
                return status, sends
            one.hold, one.replied = (claim["request_id"], claim["number"], details["message"]), False
        elif sends == 1:
            self.history.refuse(tried)
        return status, sends

    def _serve(self, one: Practitioner, request_id: str, number: int, name: str) -> tuple[int, int]:
        way, here = self.dice.random(), f"/v1/desk/claims/{request_id}"
        sent: dict[str, str] = {"Authorization": f"Bearer {one.token}"}
        if way < 0.1:
            status, _, sends, _ = self._ask("POST", f"{here}/renew", {"number": number}, **sent)
            self._fenced(one, name, "renew", status, sends, 200)
        elif way < 0.5 and not one.replied:
            text = f"reply-{self._next():06}"
            element = Element("reply", text, name)
            self.history.attempt(element)
            status, _, sends, _ = self._ask(
                "POST", f"{here}/replies", {"number": number, "text": text}, **sent,
                Idempotency_Key=f"key-of-{text}-of-the-soak",
            )  # fmt: skip
            self._fenced(one, name, "reply", status, sends, 201)
            one.replied = True
            if status == 201:
                self.history.acknowledge(element)
            elif sends == 1:
                self.history.refuse(element)
        elif way < 0.6:
            status, _, sends, _ = self._ask("POST", f"{here}/release", {"number": number}, **sent)
            self._fenced(one, name, "release", status, sends, 200)
            one.hold = None
        else:
            element = Element("close", f"{request_id}#{number}")
            self.history.attempt(element)
            body = {"number": number, "outcome": "answered", "agreed_actions": ["rest"]}
            status, answer, sends, _ = self._ask("POST", f"{here}/close", body, **sent)
            if status == 200:
                self.history.acknowledge(element)
            elif sends == 1:
                self.history.refuse(element)
            if status == 409 and answer["code"] == "unread-message":
                status, _, sends, _ = self._ask("POST", f"{here}/release", {"number": number}, **sent)
            self._fenced(one, name, "close", status, sends, 200)
            one.hold = None
        return status, sends

    def _fenced(self, one: Practitioner, name: str, what: str, status: int, sends: int, right: int) -> None:
        """Late work is refused where the requester has withdrawn, or where the first answer was lost."""
        if status != right:
            one.hold = None
            if name not in self.history.leaving and sends == 1:
                self.wrong.append(f"{what}: {status}")

    # ------------------------------------------------------------ everybody

    def _signposts(self) -> tuple[int, int]:
        headers = {"If_None_Match": self.etag} if self.etag else {}
        status, _, sends, heard = self._ask("GET", "/v1/signposts?audience=own-behaviour", **headers)
        self._expect("signposts", status, 304 if headers else 200)
        self.etag = heard.get("etag", self.etag)
        return status, sends

    def _slots(self) -> tuple[int, int]:
        status, _, sends, _ = self._ask("GET", "/v1/slots?days=7")
        self._expect("slots", status, 200)
        return status, sends

    def _visit(self) -> tuple[int, int]:
        status, _, sends, _ = self._ask("POST", "/v1/reach/visits", {"region": "E23000005"}, again=False)
        self._expect("visit", status, 204)
        return status, sends

    def _health(self) -> tuple[int, int]:
        status, _, sends, _ = self._ask("GET", "/health")
        self._expect("health", status, 200)
        return status, sends
