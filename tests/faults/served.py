"""Servers as `make run` starts them, to be killed, and people who use them over HTTP whatever happens to those."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import engines
from mixed_work import EVENING
from total_queue import Element, History

from chalicelib.adapters.hpke import AesCipher, HpkeSealer
from chalicelib.domain.receipts import Receipt, encode, read_receipt, receipt_from_bytes, request_id_of
from chalicelib.local.issuer import LocalIssuer

ROOT = Path(__file__).resolve().parents[2]
CALLBACK, INFORMATION = "callback", "information"
WAYS = {CALLBACK: "/v1/callbacks", INFORMATION: "/v1/information-requests"}
SIGNPOST = "01-stop-it-now-helpline.json"
RECORD = json.loads((ROOT / "chalicelib/content/signposts" / SIGNPOST).read_text(encoding="utf-8"))
NO_TIME_OUT = 60.0
UNAVAILABLE = 503
WAITS_AT_MOST = 3
"""How often all people together may be told, for each kill, that a server cannot serve them now: one that has just
come back, or waits for the other one's lock. Every further one is a fault."""


class Server:
    """`make run` on *home*, on a port that stays its own."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home, self.settings = home, settings
        self.port = engines.free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.started_in: list[float] = []

    def spawn(self) -> None:
        """Start the process."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")},
            "QUIETLINE_HOME": str(self.home),
            "QUIETLINE_PORT": str(self.port),
            "QUIETLINE_CLOCK": EVENING.isoformat(),
            "QUIETLINE_UNVERIFIED_CAP": "1000000",
            **self.settings,
        }
        command = [sys.executable, "-m", "chalicelib.local.run"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def start(self) -> Server:
        """Start, wait until it is healthy, and note how long that took."""
        since = time.monotonic()
        self.spawn()
        assert self.process is not None
        while time.monotonic() < since + NO_TIME_OUT and self.process.poll() is None:
            with contextlib.suppress(OSError, HTTPException):
                if self.ask("GET", "/health").status == 200:
                    self.started_in.append(time.monotonic() - since)
                    return self
            time.sleep(0.02)
        message = "the server did not become healthy"
        raise AssertionError(message)

    def kill(self) -> None:
        """Kill it, at whatever it is."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.returncode == -signal.SIGKILL
            self.process = None

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """Ask on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=NO_TIME_OUT)
        try:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read() or b"null"), answer.headers.get("ETag"))
        finally:
            connection.close()


class Answer(NamedTuple):
    """An answer; *late* says that an earlier try of the same had none, so that a no may come from its own success."""

    status: int
    document: Any
    etag: str | None = None
    late: bool = False


class GaveUpError(Exception):
    """Somebody has had no answer, and does not try again."""


class OddAnswerError(AssertionError):
    """An answer that should not be: to *what* was tried."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what}: {answer.status} {answer.document}")


@dataclass(kw_only=True)
class Person:
    """Somebody who uses whichever of the *servers* answers, and tells the *history*."""

    servers: list[Server]
    history: History
    dice: Random
    name: str
    token: str = ""
    keys: list[dict[str, str]] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    accepted: list[tuple[Any, ...]] = field(default_factory=list)
    waits: int = 0

    def ask(
        self, method: str, path: str, body: object = None, *, each: Element | None = None, **headers: str
    ) -> Answer:
        """
        Ask until there is an answer, of one server or the other; some give up on the way.

        A connection that is refused or broken off is no answer, as a kill leaves it; nor is a 503, which is counted.
        Every other error of a server is an answer that should not be.

        *each* is what every further try brings about once more: nothing tells it that it is a repeat.

        Raises:
            GaveUpError: nobody knows what has become of it.
            OddAnswerError: the server has failed.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        late, patient = False, self.dice.random() < 0.7
        while True:
            server = self.dice.choice(self.servers)
            try:
                answer = server.ask(method, path, body, sent)
            except ConnectionRefusedError:
                answer = None  # it is down and has not heard it
            except (ConnectionError, HTTPException):
                answer, late = None, True
            if answer is not None and answer.status < 500:
                return answer._replace(late=late)
            if answer is not None:
                if answer.status != UNAVAILABLE:
                    raise OddAnswerError(path, answer)
                self.waits, late = self.waits + 1, True
            if late and not patient:
                raise GaveUpError
            if late and each is not None:
                self.history.attempt(each)
            time.sleep(0.01)

    @contextmanager
    def telling(self, element: Element):
        """Tell the history what is tried; what is done with `said` decides what became of it."""
        self.history.attempt(element)
        yield lambda answer, *refusals: self._said(element, answer, refusals)

    def _said(self, element: Element, answer: Answer, refusals: tuple[int, ...]) -> bool:
        if 200 <= answer.status < 300:
            self.history.acknowledge(element)
            return True
        if answer.status not in refusals:
            raise OddAnswerError(element.what, answer)
        if not answer.late:
            self.history.refuse(element)
        return False

    # ------------------------------------------------------------------ requesters

    def be_requester(self) -> None:
        """Send a request, and do with it what people do."""
        kind, text, key = self.dice.choice((CALLBACK, INFORMATION)), f"request {secrets.token_hex(8)}", ""
        details: dict[str, Any] = {"concern": "own-behaviour", "message": text}
        if kind == CALLBACK:
            details |= {"phone": "07700 900123", "safety": {"voicemail": "never"}}
        body: dict[str, Any] = {"statement_version": "2026-11"}
        receipt = receipt_from_bytes(secrets.token_bytes(17))
        sealed = self.dice.random() < 0.3
        if sealed:
            content = {"details": details, "mailbox_key": encode(receipt.mailbox_key)}
            body["sealed"] = self._seal(receipt, content, kind)
        else:
            body["details"], key = details, secrets.token_hex(16)
        headers = {"Idempotency-Key": key} if key else {}
        element = Element("request", text, text)
        self.history.attempt(element, once=True)
        answer = self.ask("POST", WAYS[kind], body, **headers)
        if answer.status != 201:
            raise OddAnswerError("request", answer)
        if not sealed:
            known = read_receipt(answer.document["receipt"])
            assert known is not None
            receipt = known
        self.history.belongs(request_id_of(receipt.lookup), text)
        self.history.acknowledge(element, once=True)
        self.accepted.append((WAYS[kind], body, headers, answer.document, text))
        scheme = f"Mailbox {encode(receipt.lookup)}" if sealed else f"Receipt {receipt.shown}"
        turn = self.dice.random()
        if turn < 0.4:
            self._write(receipt, text, scheme, sealed=sealed)
        elif turn < 0.6 and kind == CALLBACK:
            slot = self.dice.choice(self.slots)
            with self.telling(Element("slot", f"{slot} for {text}", text)) as said:
                said(self.ask("PUT", "/v1/mailbox/slot", {"slot": slot}, Authorization=scheme), 409)
        if self.dice.random() < 0.25:
            self.history.leave(text)
            withdrawn = self.ask("DELETE", "/v1/mailbox", Authorization=scheme)
            if withdrawn.status != 204 and not (withdrawn.status == 404 and withdrawn.late):
                raise OddAnswerError("withdrawal", withdrawn)
            self.history.has_left(text)

    def _write(self, receipt: Receipt, owner: str, scheme: str, *, sealed: bool) -> None:
        text = f"message {secrets.token_hex(8)}"
        body: dict[str, Any] = {"text": text}
        headers = {"Authorization": scheme, "Idempotency-Key": secrets.token_hex(8)}
        if sealed:
            message_id = encode(secrets.token_bytes(12))
            kind = f"message:{message_id}"
            copy = AesCipher().encrypt(
                json.dumps(body).encode(), key=receipt.mailbox_key, kind=kind, request_id=request_id_of(receipt.lookup)
            )
            body = {"message_id": message_id, "sealed": self._seal(receipt, body, kind), "copy": encode(copy)}
            del headers["Idempotency-Key"]
        with self.telling(Element("message", text, owner)) as said:
            answer = self.ask("POST", "/v1/mailbox/messages", body, **headers)
            said(answer)
            if self.dice.random() < 0.3:  # a repeat, by somebody who is not sure
                assert self.ask("POST", "/v1/mailbox/messages", body, **headers).status == 201

    def _seal(self, receipt: Receipt, content: object, kind: str) -> dict[str, object]:
        raw = json.dumps(content).encode()
        return HpkeSealer(lambda: self.keys).seal(raw, kind=kind, request_id=request_id_of(receipt.lookup)).wire()

    def ask_again(self) -> None:
        """Send what was accepted once more: a repeat is answered word for word alike."""
        for path, body, headers, document, text in self.accepted:
            if text in self.history.leaving:
                continue
            answer = self.ask("POST", path, body, **headers)
            if (answer.status, answer.document) != (201, document):
                raise OddAnswerError("repeat", answer)

    # ------------------------------------------------------------------ practitioners

    def be_practitioner(self) -> None:
        """Claim what is first, work on it, and let go of it."""
        tried, key = Element("claim by", self.name), secrets.token_hex(16)
        self.history.attempt(tried)
        answer = self._at_desk("POST", "claims", None, Idempotency_Key=key)
        if answer.status != 201:
            if answer.status not in (204, 409):
                raise OddAnswerError("claim", answer)
            if not answer.late:
                self.history.refuse(tried)
            if answer.status == 409:  # too many that nobody knows of any more
                self._let_go()
            return
        request_id, number = answer.document["claim"]["request_id"], answer.document["claim"]["number"]
        held, fence = f"{request_id}/{number}/{self.name}", {"number": number}
        self.history.instead(tried, Element("claim", held))
        details = answer.document["request"]["details"]
        if details is None:
            return
        claim, owner = f"claims/{request_id}", details["message"]
        if self.dice.random() < 0.3:
            self._claim_again(tried, key, held)
        for verb in self.dice.sample(("renew", "replies", "notes"), self.dice.randint(0, 2)):
            if verb == "renew":
                element = Element("renew", held)
                with self.telling(element) as said:
                    said(self._at_desk("POST", f"{claim}/renew", fence, each=element), 409)
                continue
            what = {"replies": "reply", "notes": "note"}[verb]
            text, once = f"{what} {secrets.token_hex(8)}", {"Idempotency_Key": secrets.token_hex(16)}
            with self.telling(Element(what, text, owner)) as said:
                said(self._at_desk("POST", f"{claim}/{verb}", {**fence, "text": text}, **once), 409)
        self._end(claim, held, fence)

    def _claim_again(self, tried: Element, key: str, held: str) -> None:
        """Repeat a claim, as somebody would who is not sure: it gives what is held, unless that was withdrawn."""
        self.history.attempt(tried)
        again = self._at_desk("POST", "claims", None, Idempotency_Key=key)
        if again.status == 201:
            claim = again.document["claim"]
            shown = f"{claim['request_id']}/{claim['number']}/{self.name}"
            if shown != held:
                self.history.instead(tried, Element("claim", shown))
                return
        self.history.refuse(tried)

    def _end(self, claim: str, held: str, fence: dict[str, int]) -> None:
        verb = self.dice.choice(("close", "close", "release", "attempt-no-answer"))
        way, body = {
            "close": ("close", {"outcome": "answered"}),
            "release": ("release", {}),
            "attempt-no-answer": ("attempts", {"result": "no-answer"}),
        }[verb]
        with self.telling(Element(verb, held)) as said:
            said(self._at_desk("POST", f"{claim}/{way}", {**fence, **body}), 409)

    def _let_go(self) -> None:
        for each in self._at_desk("GET", "claims").document["claims"]:
            held = f"{each['request_id']}/{each['number']}/{self.name}"
            with self.telling(Element("release", held)) as said:
                said(self._at_desk("POST", f"claims/{each['request_id']}/release", {"number": each["number"]}), 409)

    def _at_desk(
        self, method: str, path: str, body: object = None, *, each: Element | None = None, **headers: str
    ) -> Answer:
        return self.ask(method, f"/v1/desk/{path}", body, each=each, Authorization=f"Bearer {self.token}", **headers)

    # ------------------------------------------------------------------ the editor

    def be_editor(self) -> None:
        """Write the next version of a signpost, and publish it."""
        path, text = f"content/signpost/{RECORD['id']}", f"publication {secrets.token_hex(8)}"
        there = self._at_desk("GET", path)
        record = {**RECORD, "summary": {"en": text, "cy": text}}
        drafted = self._at_desk("PUT", path, {"record": record}, If_Match=there.etag or '"0"')
        if drafted.status == 412:
            return
        if drafted.status != 200:
            raise OddAnswerError("draft", drafted)
        with self.telling(Element("publication", text)) as said:
            said(self._at_desk("POST", f"{path}/publish", None, If_Match=drafted.etag or ""), 409, 412)


class Crowd:
    """Everybody at once, until the end."""

    def __init__(self, servers: list[Server], history: History, dice: Random) -> None:
        home, one = servers[0].home, servers[0]
        issuer = LocalIssuer(home)
        keys = one.ask("GET", "/v1/keys").document["keys"]
        slots = [slot["id"] for slot in one.ask("GET", "/v1/slots").document["slots"]][3:]
        roles = {"requester-0": "", "requester-1": "", "requester-2": "", "alex": "practitioner", "sam": "practitioner"}
        self.stop, self.failures = threading.Event(), []
        self.people = [
            Person(
                servers=servers,
                history=history,
                dice=Random(dice.random()),
                name=name,
                token=issuer.token(role, name) if role else "",
                keys=keys,
                slots=slots,
                stop=self.stop,
            )
            for name, role in {**roles, "eve": "editor"}.items()
        ]
        self._threads = [threading.Thread(target=self._be, args=(person,)) for person in self.people]
        for thread in self._threads:
            thread.start()

    def _be(self, person: Person) -> None:
        turns = {"a": person.be_practitioner, "s": person.be_practitioner, "e": person.be_editor}
        turn = turns.get(person.name[0], person.be_requester)
        try:
            while not self.stop.is_set():
                with contextlib.suppress(GaveUpError):
                    turn()
                if person.name == "eve":
                    time.sleep(0.05)
        except BaseException as error:  # noqa: BLE001 - raised again in the end
            self.failures.append(error)

    def disperse(self, *, kills: int) -> int:
        """
        Let everybody finish, and tell how often they were told to wait; what went wrong for anybody is raised.

        Whoever has not finished in the end counts, and so does it if they had to wait too often for so many *kills*.
        """
        self.stop.set()
        for thread in self._threads:
            thread.join(NO_TIME_OUT)
        if self.failures:
            raise self.failures[0]
        assert not any(thread.is_alive() for thread in self._threads), "somebody never had an answer"
        waits = sum(person.waits for person in self.people)
        assert waits <= WAITS_AT_MOST * kills, f"{waits} times a server could not serve, with {kills} kills"
        return waits
