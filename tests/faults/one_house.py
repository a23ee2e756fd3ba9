"""A house in this process, asked as Lambda and the local server ask it, and what was acknowledged by it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from chalice.test import Client
from heads import NOW

import app as quietline
from chalicelib.config import Settings
from chalicelib.local.issuer import LocalIssuer
from chalicelib.usecases.correspondence import open_content
from chalicelib.wiring import House

PHONE = "0808 1000 900"
VERSION = "2026-11"
DETAILS = {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}}


class OneHouse:
    """A house on a home of its own, with a clock to move, that `app.py` serves for as long as it is open."""

    def __init__(self, home: Path, **settings) -> None:
        self.now = NOW
        self.home = home
        self.house = House(Settings(home=home, **settings))
        self.house.__dict__["clock"] = SimpleNamespace(now=lambda: self.now)

    def ask(self, method, path, body=None, *, form=None, receipt=None, role=None, accept="application/json", key=None):
        """Ask over HTTP; give status and document, or the page as text."""
        sent = {"Accept": accept, "Content-Type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        if form is not None:
            sent["Content-Type"], raw = "application/x-www-form-urlencoded", urlencode(form).encode()
        if receipt is not None:
            sent["Authorization"] = f"Receipt {receipt}"
        if role is not None:
            sent["Authorization"] = f"Bearer {self.token(role)}"
        if key is not None:
            sent["Idempotency-Key"] = key
        with pytest.MonkeyPatch.context() as patch, Client(quietline.app) as client:
            patch.setattr(quietline, "house", self.house)
            answer = client.http.request(method, path, headers=sent, body=raw)
        text = answer.body.decode()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status_code, json.loads(text) if is_json and text else text

    def token(self, role, subject=None):
        """Sign somebody in."""
        return LocalIssuer(self.home).token(role, subject or f"{role}-1")

    def ask_for_a_call(self, key, **more):
        """Post a callback under an idempotency key, which is its message too."""
        body = {"statement_version": VERSION, "details": {**DETAILS, "message": key}, **more}
        return self.ask("POST", "/v1/callbacks", body, key=key)

    def message_of(self, request_id):
        """Give what was written with a request, opened; None if it is not there, or does not open."""
        store, casework = self.house.store, self.house.desk.casework
        request = store.get(request_id, now=self.now)
        if request is None:
            return None
        sealed = casework.shredding.content(request, store.content(request), casework.shredding.key(request))
        if sealed is None:
            return None
        opened = open_content(request, sealed, self.house.opener)
        return None if opened.details is None else opened.details["message"]

    def close(self):
        """Let go of every file."""
        for part in ("_sqlite", "shred_keys", "counters", "releases"):
            if part in self.house.__dict__:
                with contextlib.suppress(Exception):
                    self.house.__dict__[part].close()


@contextlib.contextmanager
def opened(home: Path, **settings):
    """Open a house on *home* for as long as the block lasts."""
    house = OneHouse(home, **settings)
    try:
        yield house
    finally:
        house.close()


def is_a_refusal_with_the_number(answer) -> bool:
    """Tell whether an answer is a 503 that says how else to reach help, as a problem or as a page."""
    status, said = answer
    if status != 503:
        return False
    return PHONE in (said if isinstance(said, str) else json.dumps(said["helpline"]))
