"""
Nothing leaks: a marker in every slot of every route, then a search through everything the house says and keeps.

`planting.py` says what is planted, `asking.py` how it is sent, `detector.py` how it is found again. What finds nothing
proves nothing, so the detector is shown a leak in every encoding, and the house is broken on purpose.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import logging
import re
import secrets
import sqlite3
import types
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from asking import InProcess, OverHttp, a_house, a_world, leaks_in_answer
from chalice.test import Client
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from detector import Detector, logged
from fakes import FakeQueue
from planting import OPERATIONS, ROUTES, SUBMITTING, Asked, Markers, World, accepted_ones, bad, good, places, planted
from pydantic import BaseModel

import app as quietline
from chalicelib.domain.access import LOCAL_AUDIENCE, LOCAL_ISSUER
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.overflow import Overflowed
from chalicelib.domain.receipts import encode, read_receipt, receipt_from_bytes, request_id_of
from chalicelib.http import problems
from chalicelib.local.issuer import LocalIssuer
from chalicelib.usecases.intake import Intake
from chalicelib.wiring import House


@pytest.mark.timeout(400)
def test_nothing_planted_is_found_anywhere(tmp_path):
    """
    No marker comes back, and none is kept or said.

    Planted in every slot of every route, good and bad, on a real server; then answers, standard output and error,
    every file, every database cell and a backup are searched, also for receipts, their keys, and tokens.
    """
    markers, home, phones = Markers(), tmp_path / "home", []
    detector = Detector(markers.secret)
    a_house(home)
    ask = OverHttp(home, tmp_path / "heard")
    leaks: list[tuple[str, str, set[str]]] = []
    statuses: dict[tuple[str, str], set[int]] = {}
    try:
        world = a_world(ask, home)
        for path, method in ROUTES:
            for asked in planted(path, method, world, markers):
                answer = ask(asked)
                statuses.setdefault((path, method), set()).add(answer[0])
                if found := leaks_in_answer(detector, asked, answer):
                    leaks.append((method, asked.target, found))
                if method == "DELETE" and answer[0] == 204:
                    world = a_world(ask, home)
        world = a_world(ask, home)
        accepted = sealed = 0
        for asked in accepted_ones(world, markers, phones):
            answer = ask(asked)
            accepted += answer[0] in (200, 201)
            sealed += answer[0] == 201 and b"recipients" in asked.body
            if found := leaks_in_answer(detector, asked, answer):
                leaks.append((asked.method, asked.target, found))
        assert accepted > 20
        assert sealed == 6
        leaks += [
            (asked.method, asked.target, found)
            for asked in _signed_oddities(home, markers)
            if (found := leaks_in_answer(detector, asked, ask(asked)))
        ]
        receipt = read_receipt(world.receipt)
        for secret in (receipt.code, receipt.shown, encode(receipt.lookup), world.token, world.partner, *phones):
            detector.watch(secret)
        detector.watch_bytes(receipt.lookup)
        detector.watch_bytes(receipt.mailbox_key)
        living = detector.search_folder(home, allowed=("outbox/",))
    finally:
        heard = ask.stop()
    assert leaks == []
    assert living == {}
    assert detector.search_folder(home, allowed=("outbox/",)) == {}
    assert detector.find(heard) == set()
    assert set(statuses) == set(ROUTES)
    assert all(200 <= status < 500 for each in statuses.values() for status in each), statuses
    assert markers.count > 3000


def _signed_oddities(home: Path, markers: Markers):
    """Give tokens that are rightly signed and say odd things."""
    issuer, now = LocalIssuer(home), int(datetime.now(UTC).timestamp())
    claims = {"iss": LOCAL_ISSUER, "aud": LOCAL_AUDIENCE, "sub": "kim", "iat": now, "exp": now + 60}
    for odd in (
        {"roles": [markers()], "name": markers()},
        {"roles": {markers(): markers()}},
        {"roles": ["practitioner"], "iss": markers()},
        {"roles": ["practitioner"], "aud": markers()},
        {"roles": ["practitioner"], "exp": markers()},
        {"roles": ["practitioner"], "sub": markers() * 20},
    ):
        token = jwt.encode({**claims, **odd}, issuer._key, algorithm="ES256", headers={"kid": issuer._kid})
        yield Asked(method="GET", target="/v1/desk/queue", headers={"Authorization": f"Bearer {token}"})
        signed = jwt.encode(claims, issuer._key, algorithm="ES256", headers={"kid": markers(), markers(): markers()})
        yield Asked(method="GET", target="/v1/desk/queue", headers={"Authorization": f"Bearer {signed}"})


class Broken:
    """A part of the house that fails, with everything it was given in the text of the error, as drivers do."""

    def __init__(self, part: Any, error: type[Exception], only: tuple[str, ...] = ()) -> None:
        self._part, self._error, self._only = part, error, only

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found) or (self._only and name not in self._only):
            return found

        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Fail, saying too much."""
        message = f"{args!r} {kwargs!r} {self.secret()}"
        raise self._error(message)

    secret = staticmethod(lambda: "")


FAULTS = {
    "the store fails": ("store", sqlite3.OperationalError, ()),
    "the store fails in a new way": ("store", ValueError, ()),
    "the disk is full": ("store", OSError, ("submit", "change", "claim", "withdraw", "record")),
    "only content fails": ("store", sqlite3.DatabaseError, ("content", "messages")),
    "sealing fails": ("sealer", ValueError, ()),
    "opening fails": ("opener", ValueError, ("open",)),
    "opening is refused": ("opener", KeyError, ()),
    "the clock fails": ("clock", RuntimeError, ()),
    "the words fail": ("texts", KeyError, ("next_steps", "note", "helpline_for_page")),
    "pages fail": ("pages", TypeError, ("request_form", "receipt", "mailbox", "mailbox_door")),
    "the problem page fails too": ("pages", TypeError, ()),
    "keys fail": ("keys", UnicodeError, ()),
    "nobody can be recognised": ("_identity", ValueError, ()),
    "signposting fails": ("_signposting", LookupError, ()),
    "the directory fails": ("_directory", LookupError, ()),
    "campaigning fails": ("_campaigning", LookupError, ()),
    "publishing fails": ("publishing", LookupError, ()),
    "the pages for an audience fail": ("pages", TypeError, ("help",)),
    "letters fail": ("_correspondence", RecursionError, ()),
    "checking fails": ("_checking", ValueError, ("details",)),
    "screening fails": ("_screening", ValueError, ()),
    "partners' keys fail": ("partner_keys", sqlite3.OperationalError, ()),
}
WORK = {"public": ("intake",), "mailbox": ("mailbox",), "desk": ("casework", "auditing"),
        "referrals": ("partnering", "referring"), "partner_keys_desk": ("partnering",),
        "content_desk": ("publishing",), "signposts": (), "oruk": (), "campaigns": ()}  # fmt: skip


def swept_in_process(house: House, monkeypatch, home: Path, break_it: Any, detector: Detector, markers: Markers):
    """Run the good requests, and one odd one a route, through a house that breaks after it was opened."""
    monkeypatch.setattr(quietline, "house", house)
    leaks = []
    with Client(quietline.app) as client:
        ask = InProcess(client)
        world = a_world(ask, home)
        break_it()
        for asked in [*accepted_ones(world, markers, []), *_once_each(world, markers)]:
            for accept in ("application/json", "text/html"):
                once = Asked(
                    method=asked.method,
                    target=asked.target,
                    headers={"Accept": accept, **asked.headers},
                    body=asked.body,
                    may_answer=asked.may_answer or asked.target == "/mailbox",
                )
                answer = ask(once)
                if found := leaks_in_answer(detector, once, answer):
                    leaks.append((asked.method, asked.target, answer[0], found))
    return leaks


def _once_each(world: World, markers: Markers):
    for path, method in ROUTES:
        operation = OPERATIONS[path, method]
        target = re.sub(r"\{\w+\}", markers(), path)
        headers = {**world.headers(operation.caller), "Accept-Language": markers(), "Content-Type": "application/json"}
        body = b"" if operation.body is None else json.dumps(good(operation.body, markers)).encode()
        odd = f"{target}?{markers()}={markers()}"
        for asked in (odd, target):  # some refuse an odd query before they do any work
            yield Asked(method=method, target=asked, headers=headers, body=body, may_answer=operation.name == "claim")


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_leaks_when_a_part_fails(fault, tmp_path, monkeypatch, caplog, capfd):
    """A part that fails with the requester's words in its error leaves none of them in an answer, a log or a file."""
    part, error, only = FAULTS[fault]
    markers, home = Markers(), tmp_path / "home"
    detector, house = Detector(markers.secret), a_house(home)
    monkeypatch.setattr(Broken, "secret", staticmethod(markers))
    caplog.set_level(logging.DEBUG)

    first = quietline.house

    def break_it() -> None:
        whole = getattr(house, part)
        if part in ("pages", "texts"):  # the boundary around the handlers was built with the first house
            monkeypatch.setitem(first.__dict__, part, Broken(getattr(first, part), error, only))
        parts = (
            "public", "_intake", "mailbox", "desk", "referrals", "partner_keys_desk", "partnering", "signposts", "oruk",
            "campaigns", "campaign_pages", "content_desk", "help_pages", "opening", "problems",
        )  # fmt: skip
        for name in parts:
            house.__dict__.pop(name, None)
        house.__dict__[part] = Broken(whole, error, only)

    leaks = swept_in_process(house, monkeypatch, home, break_it, detector, markers)
    assert leaks == []
    out, err = capfd.readouterr()
    assert detector.find(logged(caplog) + out.encode() + err.encode()) == set()
    assert detector.search_folder(home, allowed=("outbox/",)) == {}


@pytest.mark.parametrize("face", WORK)
def test_nothing_leaks_when_a_use_case_fails(face, tmp_path, monkeypatch, caplog, capfd):
    """A use case that raises `ValueError` with the requester's words ends in a 500 that says nothing about it."""
    markers, home = Markers(), tmp_path / "home"
    detector, house = Detector(markers.secret), a_house(home)
    monkeypatch.setattr(Broken, "secret", staticmethod(markers))
    caplog.set_level(logging.DEBUG)

    def break_it() -> None:
        handlers = getattr(house, face)
        for name in WORK[face]:
            object.__setattr__(handlers, name, Broken(getattr(handlers, name), ValueError))
        if face == "signposts":
            handlers._signposting = Broken(handlers._signposting, ValueError, ("find", "get", "search"))
        if face == "oruk":
            handlers._directory = Broken(handlers._directory, ValueError)
        if face == "campaigns":
            handlers._campaigning = Broken(handlers._campaigning, ValueError)

    leaks = swept_in_process(house, monkeypatch, home, break_it, detector, markers)
    assert leaks == []
    out, err = capfd.readouterr()
    said = logged(caplog) + out.encode() + err.encode()
    assert b"unforeseen ValueError at" in said
    assert detector.find(said) == set()
    assert detector.search_folder(home, allowed=("outbox/",)) == {}


@pytest.mark.parametrize("slip", [None, "sealing that does not seal", "a letter with the receipt"])
def test_nothing_planted_is_in_the_overflow_queue(slip, tmp_path, monkeypatch, caplog):
    """
    With the store down, every good request ends in the queue: no marker, phone number or receipt is in a letter of it.

    Nor is any in what draining them says, and two slips of ours would each be found.
    """
    markers, phones, receipts, queue = Markers(), [], [], FakeQueue(receives_limit=99)
    draw, write = Intake._receipt, Overflowed.to_text
    detector, house = Detector(markers.secret), a_house(tmp_path)
    caplog.set_level(logging.DEBUG)
    house.__dict__["_overflow"] = queue
    monkeypatch.setattr(quietline, "house", house)
    with Client(quietline.app) as client:
        ask = InProcess(client)
        world = a_world(ask, tmp_path)
        monkeypatch.setattr(Broken, "secret", staticmethod(markers))
        for part in ("public", "_intake", "referrals", "sessions"):
            house.__dict__.pop(part, None)
        house.__dict__["store"] = Broken(house.store, lambda _said: Unavailable("storage"), ("submit",))
        if slip == "sealing that does not seal":
            plain = lambda content, *, kind, request_id: types.SimpleNamespace(to_bytes=lambda: content)  # noqa: E731
            house.__dict__["sealer"] = types.SimpleNamespace(
                seal=plain, reaches_desk=lambda _key_ids: True, public_keys=tuple
            )
        if slip == "a letter with the receipt":
            monkeypatch.setattr(Overflowed, "to_text", lambda letter: write(letter) + receipts[-1].shown)
        monkeypatch.setattr(Intake, "_receipt", lambda *given: receipts.append(draw(*given)) or receipts[-1])
        for asked in accepted_ones(world, markers, phones):
            if OPERATIONS.get((asked.target, asked.method), world) in SUBMITTING:
                assert ask(asked)[0] == 201
    assert len(receipts) > 3
    assert len(queue.waiting) == len(receipts) + 3  # and the three that were sealed before, with receipts of their own
    for phone in phones:
        detector.watch(phone)
    for receipt in receipts:
        detector.watch(receipt.shown)
        detector.watch(receipt.code)
        detector.watch_bytes(receipt.lookup)
        detector.watch_bytes(receipt.mailbox_key)
    found = set().union(*(detector.find(body.encode()) for body in queue.bodies()))
    assert bool(found) is (slip is not None)
    queue.deliver(quietline.drain, batch=1000)
    assert detector.find(logged(caplog)) == set()


# ---------------------------------------------------------------- the detector, and the canary itself, are shown a leak

LEAKS = {
    "raw": lambda text: text.encode(),
    "upper case": lambda text: text.upper().encode(),
    "UTF-16LE": lambda text: text.encode("utf-16-le"),
    "UTF-16BE": lambda text: text.encode("utf-16-be"),
    "hex": lambda text: text.encode().hex().encode(),
    "base64 at 0": lambda text: base64.b64encode(text.encode()),
    "base64 at 1": lambda text: base64.b64encode(b"x" + text.encode() + b"yz"),
    "base64 at 2": lambda text: base64.b64encode(b"xy" + text.encode() + b"z"),
    "base64url": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text.encode()).rstrip(b"="),
    "URL-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "JSON escapes": lambda text: "".join(f"\\u{byte:04x}" for byte in text.encode()).encode(),
    "gzip": lambda text: b"before" + gzip.compress(f"said {text} here".encode()),
    "zlib": lambda text: b"before" + zlib.compress(f"said {text} here".encode() * 9) + b"after",
    "base64 in gzip": lambda text: gzip.compress(base64.b64encode(text.encode())),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_in_every_encoding(leak, tmp_path, caplog):
    """One leak in a file, a database cell, a log line, a header or an error body is found, whatever it was put into."""
    markers = Markers()
    detector = Detector(markers.secret)
    leaked = LEAKS[leak](markers())
    home = tmp_path / "home"
    home.mkdir()
    assert detector.search_folder(home) == {}
    (home / "cache").write_bytes(b"\x00" * 100 + leaked)
    with contextlib.closing(sqlite3.connect(home / "some.db")) as db:
        db.execute("CREATE TABLE notes (cell BLOB)")
        db.execute("INSERT INTO notes VALUES (?)", (b"x" * 5000 + leaked,))
        db.commit()
    found = detector.search_folder(home)
    assert {"cache", "some.db:notes"} <= set(found)
    asked = Asked(method="GET", target="/")
    for answer in ((400, {}, b'{"detail": "' + leaked + b'"}'), (500, {"x-detail": leaked.decode("latin-1")}, b"")):
        if leak not in ("UTF-16LE", "UTF-16BE", "gzip", "zlib", "base64 in gzip", "JSON escapes") or answer[2]:
            assert leaks_in_answer(detector, asked, answer)
    logging.getLogger("quietline").error("failed: %s", leaked.decode("latin-1"))
    if not leak.startswith(("UTF", "gzip", "zlib", "base64 in")):
        assert detector.find(logged(caplog))
    assert detector.find(LEAKS[leak](Markers()())) == set()


@pytest.mark.parametrize("slip", ["a log with the text", "an echo", "a note in the clear"])
def test_the_canary_would_catch_a_slip_of_ours(slip, tmp_path, monkeypatch, caplog, capfd):
    """Three mistakes that are easily made, each put into the house, are each caught by the sweep."""
    markers, home = Markers(), tmp_path / "home"
    detector, house = Detector(markers.secret), a_house(home)
    monkeypatch.setattr(Broken, "secret", staticmethod(markers))

    def break_it() -> None:
        if slip == "a log with the text":
            monkeypatch.setattr(problems, "where", str)
            object.__setattr__(house.public, "intake", Broken(house.public.intake, ValueError))
        elif slip == "an echo":
            monkeypatch.setattr(problems.Refusal, "errors", property(lambda self: ()), raising=True)
            response = problems.Problems.response

            def echo(self: Any, refusal: Any, language: str, headers: Any = None) -> Any:
                answer = response(self, refusal, language, headers)
                answer.body += str(quietline.app.current_request.raw_body)
                return answer

            monkeypatch.setattr(problems.Problems, "response", echo)
        else:
            casework = house.desk.casework
            monkeypatch.setattr(type(casework.shredding), "wrap", lambda _self, _request_id, message, _key: message)
            sealed = casework.correspondence.note

            def note(request_id: str, text: str, **more: Any) -> Any:
                message = sealed(request_id, text, **more)
                object.__setattr__(message, "for_desk", text.encode())
                return message

            careless = types.SimpleNamespace(
                note=note,
                message_id=casework.correspondence.message_id,
                from_helpline=casework.correspondence.from_helpline,
                at_desk=casework.correspondence.at_desk,
            )
            object.__setattr__(casework, "correspondence", careless)

    leaks = swept_in_process(house, monkeypatch, home, break_it, detector, markers)
    out, err = capfd.readouterr()
    in_log = bool(detector.find(logged(caplog) + out.encode() + err.encode()))
    in_files = bool(detector.search_folder(home, allowed=("outbox/",)))
    caught = {"a log with the text": in_log, "an echo": bool(leaks), "a note in the clear": in_files}
    assert caught == {each: each == slip for each in caught}


def test_a_field_that_nobody_thought_of_fails_the_canary():
    """A model with a new kind of field cannot be planted without telling the canary what is good in it."""

    class New(BaseModel):
        height_in_metres: float

    with pytest.raises(AssertionError, match="height_in_metres"):
        good(New, Markers())


def test_every_field_of_every_model_is_planted():
    """Each place of each body is reached by a marker of the sweep, good or bad."""
    world = a_sealing_world()
    for operation in OPERATIONS.values():
        for model in operation.bodies:
            reached, markers = set(), Markers()
            for body in bad(model, markers, **world.given(model, Markers())):
                text = json.dumps(body)
                assert markers.secret in text
                reached |= {path for path, _ in places(model) if markers.secret in json.dumps(_at(body, path))}
            assert reached >= {path for path, _ in places(model)}, operation.name


def a_sealing_world() -> World:
    """Put together what sealing needs, without a server."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    encoded = encode(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    keys = [{"key_id": "desk-1", "kem": "", "public_key": encoded}]
    receipt = receipt_from_bytes(secrets.token_bytes(17))
    request_id = request_id_of(receipt.lookup)
    return World(token="", editor="", keys=keys, receipt=receipt.shown, request_id=request_id, number=1)


def _at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body
