"""Whatever many people see of a running server at once, they could have seen one after the other."""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from linearizability import Call, order_of, told
from progress import found, steps
from queue_model import Life, of_one
from real_server import Contract, running

HISTORIES = max(1, int(os.environ.get("QUIETLINE_HISTORIES", "2")) // 10)
PEOPLE, TURNS = (5, 20) if HISTORIES > 1 else (3, 12)
LEASE = 10**12
BODY = {
    "statement_version": "2026-11",
    "details": {"concern": "survivor", "message": "Please write"},
}
PATHS = {"reply": "replies", "release": "release", "renew": "renew", "close": "close"}


class Client:
    """
    Somebody at a keyboard: a requester who knows every receipt, and a practitioner.

    Nobody withdraws here: once the key is erased the mailbox is gone, a moment before the claim is.
    """

    def __init__(self, quietline, who, number, known):
        self.quietline, self.who, self.known = quietline, who, known
        self.token = quietline.token("practitioner", f"{who}-{number}")
        self.dice = random.Random(f"{number} {who}")
        self.keys = [f"history-{number}-request-{at}" for at in range(3)]
        self.calls, self.claims = [], []

    def live(self):
        """Submit everything first, so that every receipt is known, then do whatever comes to mind."""
        for key in self.keys:
            self.submit(key)
        for turn in range(TURNS):
            verb = self.dice.choice(["claim", "claim", "reply", "close", "release", "renew", "write", "read", "read"])
            if verb in PATHS and not self.claims:
                verb = "claim"
            if verb in PATHS:
                self.fenced(verb, *self.dice.choice(self.claims[-3:]), f"{self.who}.{turn}")
            elif verb == "claim":
                self.claim()
            else:
                getattr(self, verb)(self.dice.choice(self.keys), f"{self.who}.{turn}")

    def ask(self, *arguments, **more):
        """Ask, and say from when to when it took."""
        began = time.monotonic_ns()
        answer = self.quietline.ask(*arguments, **more)
        return answer, {"who": self.who, "began": began, "ended": time.monotonic_ns()}

    def submit(self, key):
        """Ask for information, or send the same again."""
        answer, when = self.ask("POST", "/v1/information-requests", BODY, headers={"Idempotency-Key": key})
        assert answer.status == 201, answer.body
        said = answer.json()
        self.known[said["reference"]] = key
        self.known[key] = said["receipt"]
        self.calls.append(Call(verb="submit", key=key, said=("body", 0), answer="body", **when))

    def claim(self):
        """Ask for something to do."""
        answer, when = self.ask("POST", "/v1/desk/claims", {"kinds": ["information"]}, token=self.token)
        assert answer.status in (201, 204), answer.body
        taken = None
        if answer.status == 201:
            claim, request = answer.json()["claim"], answer.json()["request"]
            taken = [self.known[request["reference"]], claim["number"]]
            self.claims.append((taken[0], claim["request_id"], claim["number"]))
        self.calls.append(Call(verb="claim", said=(0, LEASE), answer=taken, **when))

    def fenced(self, verb, key, request_id, number, text):
        """Write under a claim, or one that was."""
        more = {"reply": {"text": text}, "close": {"outcome": "answered"}}.get(verb, {})
        path = f"/v1/desk/claims/{request_id}/{PATHS[verb]}"
        answer, when = self.ask("POST", path, {"number": number, **more}, token=self.token)
        code = "done" if answer.status < 300 else answer.json()["code"]
        said = (number, 0, *{"reply": [text], "renew": [LEASE]}.get(verb, ()))
        self.calls.append(Call(verb=verb, key=key, said=said, answer={"claim-lost": "lost"}.get(code, code), **when))

    def write(self, key, text):
        """Write something more."""
        answer, when = self.ask("POST", "/v1/mailbox/messages", {"text": text}, receipt=self.known[key])
        assert answer.status == 201, answer.body
        self.calls.append(Call(verb="write", key=key, said=(0, text, 0), answer="done", **when))

    def read(self, key, _text):
        """Open the mailbox: messages are read after the head, so that each is a call of its own."""
        answer, when = self.ask("GET", "/v1/mailbox", receipt=self.known[key])
        said = answer.json()
        texts = [each["text"] for each in said["messages"] if each.get("text")]
        self.calls.append(Call(verb="messages", key=key, answer=texts, **when))
        self.calls.append(Call(verb="status", key=key, answer=said["status"], **when))


def seen(key):
    """Give the machine of a request as its mailbox shows it."""
    step = of_one(key)

    def with_status(life, call):
        if call.verb == "status":
            return [life] if call.answer == {"parked": "waiting"}.get(life.status, life.status) else []
        return step(life, call)

    return with_status


def test_a_server_is_as_if_one_after_the_other(tmp_path):
    """Several people over HTTP: submissions, claims, replies and mailboxes fit one order, request by request."""
    calls, known = 0, {}
    with running(tmp_path / "home", Contract(), QUIETLINE_CLAIM_LIMIT="50") as quietline:
        for number in steps("histories: HTTP", HISTORIES):
            start = threading.Barrier(PEOPLE)

            def person(client, start=start):
                start.wait(30)
                client.live()

            clients = [Client(quietline, f"p{at}", number, known) for at in range(PEOPLE)]
            with ThreadPoolExecutor(PEOPLE) as people:
                for each in [people.submit(person, client) for client in clients]:
                    each.result()
            history = [call for client in clients for call in client.calls]
            for key in clients[0].keys:
                of_key = [call for call in history if call.key in (key, None)]
                assert order_of(of_key, seen(key), Life()) is not None, f"{key}\n{told(history)}"
            calls += len(history)
    found("histories: HTTP", histories=HISTORIES, calls=calls)
