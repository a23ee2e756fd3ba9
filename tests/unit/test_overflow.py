"""A store that refuses: what was sent is accepted all the same, waits sealed, and is stored once, whatever happens."""

from __future__ import annotations

import json
import random
from base64 import urlsafe_b64decode
from dataclasses import fields, replace
from datetime import datetime, timedelta
from hashlib import md5
from types import SimpleNamespace

import pytest
from chalice.test import Client
from fakes import FakeQueue
from heads import NOW, build_head

import app as quietline
from chalicelib.adapters.sqs import AGAIN_WITHIN, CONNECT, READ, SqsOverflow
from chalicelib.config import Settings
from chalicelib.domain import overflow
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.overflow import KEPT_FOR, Overflowed
from chalicelib.domain.receipts import reference_of
from chalicelib.domain.requests import Kind, Status
from chalicelib.domain.slots import Window
from chalicelib.http import triggers
from chalicelib.usecases.overflowing import Fate, Undeliverable
from chalicelib.wiring import House

QUEUE = "https://sqs.eu-west-2.amazonaws.com/000000000000/quietline-overflow"
KEY = "a-key-of-sixteen-characters"
DETAILS = {"concern": "own-behaviour", "phone": "07700 900123", "name": "Sam", "safety": {"voicemail": "never"}}
BODY = {"statement_version": "2026-11", "details": DETAILS, "slot": "2026-11-24T18:00Z/2h"}


class Flaky:
    """A part that refuses some of its verbs, before or after it has done what was asked."""

    def __init__(self, part) -> None:
        self.part = part
        self.before: set[str] = set()
        self.after: set[str] = set()
        self.code = "storage"
        self.tried: list[str] = []

    def __getattr__(self, name):
        work = getattr(self.part, name)

        def verb(*args, **kwargs):
            self.tried.append(name)
            if name in self.before or "*" in self.before:
                raise Unavailable(self.code)
            done = work(*args, **kwargs)
            if name in self.after:
                raise Unavailable(self.code)
            return done

        return verb


class Scene:
    """A house with an overflow queue, a store and shred keys that can be made to refuse, and a clock to move."""

    def __init__(self, home, monkeypatch) -> None:
        self.house = House(Settings(home=home, overflow_queue=QUEUE))
        self.now = NOW
        parts = self.house.__dict__
        parts["clock"] = SimpleNamespace(now=lambda: self.now)
        parts["store"] = self.store = Flaky(self.house.store)
        parts["shred_keys"] = self.shred_keys = Flaky(self.house.shred_keys)
        parts["_overflow"] = self.queue = FakeQueue()
        monkeypatch.setattr(quietline, "house", self.house)

    def ask(self, method, path, body=None, **headers):
        """Ask over HTTP."""
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        with Client(quietline.app) as client:
            answer = client.http.request(method, path, headers=sent, body=raw)
        text = answer.body.decode()
        return answer.status_code, json.loads(text) if text.startswith("{") else text

    def submit(self, body=BODY, key=KEY, **headers):
        """Submit a callback."""
        return self.ask("POST", "/v1/callbacks", body, Idempotency_Key=key, **headers)

    def drain(self, **how):
        """Deliver a batch, as Lambda does."""
        return self.queue.deliver(quietline.drain, **how)

    def drain_all(self):
        """Deliver until nothing is left."""
        while self.queue.waiting:
            self.drain()

    def mailbox(self, receipt):
        """Read a mailbox."""
        return self.ask("GET", "/v1/mailbox", Authorization=f"Receipt {receipt}")

    def waiting(self):
        """Count what waits."""
        return sum(lane.waiting for lane in self.store.part.lanes(now=self.now, soon=self.now))


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """A house whose store is as well as it is made to be."""
    return Scene(tmp_path, monkeypatch)


# --- accepting


@pytest.mark.parametrize(
    ("part", "moment", "verb"),
    [
        ("store", "before", "*"),
        ("store", "before", "closures"),
        ("store", "before", "get"),
        ("store", "before", "submit"),
        ("store", "after", "submit"),
        ("shred_keys", "before", "keep"),
        ("shred_keys", "after", "keep"),
    ],
)
def test_a_request_is_accepted_whatever_of_the_store_refuses_and_stored_once(scene, part, moment, verb):
    """Before or after a commit, heads or shred keys: 201, the words that it may take a while, and later one request."""
    getattr(getattr(scene, part), moment).add(verb)
    status, answer = scene.submit()
    assert (status, answer["status"], len(answer["receipt"])) == (201, "waiting", 30)
    assert "storing it takes longer" in " ".join(answer["next"])
    assert len(scene.queue.waiting) == 1
    scene.store.before.clear()
    scene.store.after.clear()
    scene.shred_keys.before.clear()
    scene.shred_keys.after.clear()
    scene.drain_all()
    assert scene.waiting() == 1
    status, mailbox = scene.mailbox(answer["receipt"])
    assert (status, mailbox["status"], mailbox["reference"]) == (200, "waiting", answer["reference"])
    assert mailbox["slot"]["id"] == "2026-11-24T18:00Z/2h"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_referral_is_put_aside_like_any_other_and_told_once(scene, moment):
    """The partner hears *received*, the drain stores it, the trail names the key, and no receipt is told to anybody."""
    issued = scene.house.partnering.issue("north-hub", by="kim")
    consent = {"version": "2026-11", "language": "en", "how": "in-person", "given_on": "2026-11-24"}
    getattr(scene.store, moment).add("submit")
    headers = {"Authorization": f"Bearer {issued.key}", "Idempotency_Key": KEY}
    status, sent = scene.ask("POST", "/v1/referrals", {"consent": consent, "details": DETAILS}, **headers)
    assert (status, sent) == (201, {"id": sent["id"], "status": "received"})
    assert len(scene.queue.waiting) == 1
    getattr(scene.store, moment).clear()
    scene.drain_all()
    assert scene.ask("GET", f"/v1/referrals/{sent['id']}", **headers) == (200, sent)
    told = [(each.deed.actor, each.deed.request_id) for each in scene.store.trail()[0] if each.deed.verb == "refer"]
    assert told == [(f"partner/{issued.kept.key_id}", sent["id"])]
    claimed = scene.house.desk.casework.claim("alex")
    assert claimed.request.referral.partner == "north-hub"
    assert claimed.opened.details["phone"] == "07700 900123"


def test_what_was_put_aside_opens_at_the_desk_like_any_other(scene):
    """After draining, a practitioner claims it and reads what was sent."""
    scene.store.before.add("*")
    scene.submit()
    scene.store.before.clear()
    scene.drain_all()
    claimed = scene.house.desk.casework.claim("alex")
    assert claimed.opened.details["phone"] == "07700 900123"
    assert scene.house.desk.casework.claim("kim") is None


def test_a_store_that_refuses_is_not_waited_for_twice(scene):
    """The first refusal is enough: nothing else is asked of the store before the queue is, also for a page."""
    scene.store.before.add("*")
    for headers in ({}, {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}):
        scene.store.tried.clear()
        form = b"statement_version=2026-11&concern=own-behaviour&phone=07700900123&voicemail=never"
        status, page = scene.submit(form if headers else BODY, **headers)
        assert (status, scene.store.tried) == (201, ["closures"])
        assert "storing it takes longer" in str(page)
    assert scene.shred_keys.tried == []


def test_the_words_are_there_in_welsh(scene):
    """Whoever reads Welsh is told in Welsh that storing takes a while."""
    scene.store.before.add("*")
    _, answer = scene.submit(Accept_Language="cy")
    assert "Mae eich cais gennym" in " ".join(answer["next"])


def test_the_same_key_gives_the_same_answer_and_is_drained_once(scene):
    """While it is in the queue, and when the store is back before it is drained."""
    scene.store.before.add("*")
    first, second = scene.submit(), scene.submit()
    assert first == second
    scene.store.before.clear()
    status, third = scene.submit()
    assert (status, third["receipt"], third["reference"]) == (201, first[1]["receipt"], first[1]["reference"])
    assert len(scene.queue.waiting) == 2
    scene.drain_all()
    assert (scene.waiting(), scene.queue.dead) == (1, [])
    assert scene.submit()[1]["receipt"] == first[1]["receipt"]


def test_when_the_queue_refuses_too_nothing_is_accepted_and_the_phone_number_is_given(scene):
    """503 with another way to reach help, for JSON and for a form, and nothing anywhere."""
    scene.store.before.add("*")
    scene.queue.refuses = True
    status, problem = scene.submit()
    assert (status, problem["code"], problem["helpline"]["phone"]) == (503, "storage", "0808 1000 900")
    scene.store.tried.clear()
    form = b"statement_version=2026-11&concern=own-behaviour&phone=07700900123&voicemail=never"
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    status, page = scene.submit(form, **headers)
    assert (status, "0808 1000 900" in page, "07700900123" in page) == (503, True, True)
    assert scene.store.tried == ["closures"]
    scene.store.before.clear()
    assert (scene.waiting(), scene.queue.bodies()) == (0, [])


def test_without_a_queue_a_store_that_refuses_is_a_503_as_ever(scene):
    """On one machine there is no overflow: nothing is accepted that is not kept."""
    del scene.house.__dict__["_overflow"]
    scene.house.settings = Settings(home=scene.house.settings.home)
    scene.store.before.add("submit")
    assert scene.house._overflow is None
    status, problem = scene.submit()
    assert (status, problem["code"]) == (503, "storage")


@pytest.mark.parametrize("verb", ["get", "submit"])
def test_what_a_queue_would_not_mend_is_not_put_into_it(scene, verb):
    """A database that is newer than the code will refuse what is drained as well: 503, and whoever runs it hears."""
    scene.store.before.add(verb)
    scene.store.code = "store-newer"
    status, problem = scene.submit()
    assert (status, problem["code"], scene.queue.bodies()) == (503, "store-newer", [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**BODY, "statement_version": "2020-01"}, "statement-outdated"),
        ({**BODY, "slot": "2026-11-22T18:00Z/2h"}, "slot-closed"),
        ({**BODY, "details": {**DETAILS, "phone": "+44 7700 9001 23456789"}}, "impossible-phone"),
    ],
)
def test_what_is_refused_for_itself_is_refused_with_the_store_down(scene, body, code):
    """The queue takes nothing that intake would not accept."""
    scene.store.before.add("*")
    status, problem = scene.submit(body)
    assert (status, problem["code"], scene.queue.bodies()) == (409, code, [])


def test_a_full_slot_is_refused_while_the_store_can_tell_and_never_when_draining(scene, monkeypatch):
    """Capacity is the store's to know: what was accepted without it is stored over it."""
    monkeypatch.setattr(scene.house, "helpline", replace(scene.house.helpline, slot_capacity=1))
    scene.house.__dict__.pop("opening", None)
    scene.store.before.add("*")
    scene.submit(key="first-key-of-sixteen")
    scene.submit(key="second-key-of-sixteen")
    scene.store.before.clear()
    scene.drain_all()
    assert (scene.waiting(), scene.queue.dead) == (2, [])
    status, problem = scene.submit(key="third-key-of-sixteen")
    assert (status, problem["code"]) == (409, "slot-full")


# --- the letter


def test_a_letter_holds_the_head_and_the_envelope_and_nothing_that_was_written(scene):
    """No plaintext, no receipt, no key, no time more exact than the hour; the content is an envelope for the desk."""
    scene.store.before.add("*")
    _, answer = scene.submit()
    (body,) = scene.queue.bodies()
    letter = json.loads(body)
    sealed = urlsafe_b64decode(letter["sealed"] + "==")
    assert sealed.startswith(b'{"v":1,"request_id":')
    raw = body.encode() + sealed
    for secret in (b"700 900123", b"7700900123", b'"Sam"', b"own-behaviour", answer["receipt"].encode(), KEY.encode()):
        assert secret not in raw
    assert letter["queued_at"] == "2026-11-24T18:00:00+00:00"
    assert len(body) < 256 * 1024


@pytest.mark.parametrize(
    "windows", [(), (("2026-11-24T18:00Z", 2),), (("2026-11-24T18:00Z", 2), ("2026-11-25T09:00Z", 1))]
)
def test_a_letter_is_read_as_it_was_written(windows):
    """Every part of a new head, its windows included, comes back the same."""
    spans = [
        Window(starts_at=datetime.fromisoformat(at), ends_at=datetime.fromisoformat(at) + timedelta(hours=hours))
        for at, hours in windows
    ]
    for head in (build_head(windows=spans), build_head(windows=spans, verified=False, language="cy", visible_at=None)):
        letter = Overflowed(request=head, sealed=b"\x00\xff sealed", queued_at=NOW)
        again = Overflowed.from_text(letter.to_text())
        assert again.request == head
        assert (again.sealed, again.queued_at) == (letter.sealed, NOW.replace(minute=0))


def test_a_new_field_of_a_head_is_thought_of():
    """Whatever a head is given at submission has to be in the letter; what it gains later must have a default."""
    carried = {
        *overflow._TEXTS,
        *overflow._INSTANTS,
        "kind",
        "status",
        "visible_at",
        "windows",
        "promised_slot",
        "verified",
    }
    given = {each.name for each in fields(build_head()) if getattr(build_head(windows=()), each.name) is not None}
    later = {"number", "lapses", "attempts", "missed", "bare"}
    assert given - later <= carried
    assert build_head(kind=Kind.CALLBACK).status is Status.WAITING


BROKEN = (
    "",
    "null",
    "[]",
    "{}",
    "\x00",
    "[" * 100_000,
    '{"v":2}',
    '{"v":1,"queued_at":"2026-11-24T18:00:00+00:00","head":{},"sealed":""}',
)


def broken_letters():
    """Give letters of which one part is missing, of another type, or without a zone."""
    whole = json.loads(Overflowed(request=build_head(), sealed=b"x", queued_at=NOW).to_text())
    yield from BROKEN
    for name in whole["head"]:
        for wrong in ({}, 7, "2026-11-24T18:00:00", "\x00nonsense"):
            if isinstance(wrong, str) and (name in overflow._TEXTS or name == "windows"):
                continue
            yield json.dumps({**whole, "head": {**whole["head"], name: wrong}})
        yield json.dumps({**whole, "head": {key: value for key, value in whole["head"].items() if key != name}})
    for name in whole:
        yield json.dumps({key: value for key, value in whole.items() if key != name})
    yield json.dumps({**whole, "sealed": "not base64url!"})


def test_what_cannot_be_read_ends_among_the_dead_letters_and_never_nowhere(scene, caplog):
    """It is failed each time; beside it, what can be read is stored from the same batch."""
    scene.store.before.add("*")
    scene.submit()
    scene.store.before.clear()
    broken = list(broken_letters())
    for text in broken:
        scene.queue.put_text(text)
    scene.drain_all()
    assert sorted(scene.queue.dead) == sorted(broken)
    assert scene.waiting() == 1
    said = {record.getMessage() for record in caplog.records}
    assert said == {"an accepted request stays in the overflow queue: unreadable"}


# --- draining


def letter_of(scene, **body):
    """Submit with the store down, and give the letter."""
    scene.store.before.add("*")
    _, answer = scene.submit(body or BODY)
    scene.store.before.clear()
    return scene.queue.bodies()[-1], answer


def test_a_request_withdrawn_in_between_stays_withdrawn(scene):
    """Stored after all, withdrawn, and then the letter comes: the tombstone stands, and nothing is dead."""
    scene.store.after.add("submit")
    _, answer = scene.submit()
    scene.store.after.clear()
    status, _ = scene.ask("DELETE", "/v1/mailbox", Authorization=f"Receipt {answer['receipt']}")
    assert status == 204
    scene.drain_all()
    assert (scene.waiting(), scene.queue.dead) == (0, [])
    assert scene.mailbox(answer["receipt"])[0] == 404


def test_a_tombstone_outlives_every_letter(scene):
    """However long the queue is stuck, a withdrawn request does not come back: the tombstone goes after the letter."""
    scene.store.after.add("submit")
    _, answer = scene.submit()
    scene.store.after.clear()
    scene.ask("DELETE", "/v1/mailbox", Authorization=f"Receipt {answer['receipt']}")
    (body,) = scene.queue.bodies()
    for days in range(13, 40):
        scene.now = NOW + timedelta(days=days, minutes=3)
        scene.house.retention.purge()
        try:
            assert scene.house.triggers.overflowing.drain(body) is Fate.WITHDRAWN
        except Undeliverable:
            assert scene.now >= NOW.replace(minute=0) + KEPT_FOR
        assert scene.waiting() == 0


def test_an_old_letter_is_for_a_person_to_decide_and_an_expired_one_for_nobody(scene):
    """After fourteen days it is not stored by itself; after the retention that was promised, it is forgotten."""
    body, _ = letter_of(scene)
    drain = scene.house.triggers.overflowing.drain
    scene.now = NOW.replace(minute=0) + KEPT_FOR
    with pytest.raises(Undeliverable, match="too-old"):
        drain(body)
    scene.now = NOW + scene.house.rules.retention
    assert drain(body) is Fate.EXPIRED
    scene.now = NOW.replace(minute=0) + KEPT_FOR - timedelta(seconds=1)
    assert drain(body) is Fate.STORED


def test_another_request_under_the_same_key_is_not_overwritten_and_the_letter_not_dropped(scene):
    """With the store down nobody can tell a reused key: both were accepted, so the second is told by an alarm."""
    body, answer = letter_of(scene)
    other = {**BODY, "details": {**DETAILS, "name": "Alex"}}
    status, again = scene.submit(other)
    assert (status, again["receipt"]) == (201, answer["receipt"])
    scene.drain_all()
    assert scene.queue.dead == [body]
    assert scene.house.desk.casework.claim("kim").opened.details["name"] == "Alex"


@pytest.mark.parametrize("met", ["the same", "another", "withdrawn"])
def test_two_functions_that_drain_at_once_store_one(scene, met):
    """Neither saw the other's request when it looked; the store's word on what is there counts."""
    body, answer = letter_of(scene)
    status, _ = scene.submit({**BODY, "details": {**DETAILS, "name": "Alex"}} if met == "another" else BODY)
    if met == "withdrawn":
        scene.ask("DELETE", "/v1/mailbox", Authorization=f"Receipt {answer['receipt']}")
    scene.store.__dict__["get"] = lambda *_args, **_kwargs: None
    drain = scene.house.triggers.overflowing.drain
    if met == "another":
        with pytest.raises(Undeliverable, match="key-reused"):
            drain(body)
    else:
        assert drain(body) is (Fate.KNOWN if met == "the same" else Fate.WITHDRAWN)
    assert (status, scene.waiting()) == (201, int(met != "withdrawn"))


def test_a_reference_that_is_taken_meanwhile_gives_way(scene):
    """Two living requests never share one: the drained one gets the next, and its mailbox shows it."""
    body, answer = letter_of(scene)
    taken = build_head("another", reference=answer["reference"])
    scene.store.part.submit(taken, content=b"x", capacity=None, now=NOW)
    assert scene.house.triggers.overflowing.drain(body) is Fate.STORED
    _, mailbox = scene.mailbox(answer["receipt"])
    assert mailbox["reference"] == reference_of(answer["request_id"], scene.house.content.reference_words(), 1)


def test_what_the_store_still_refuses_comes_again_and_nothing_of_it_is_logged(scene, caplog):
    """A letter that failed because the store did stays; its failure is a code, or a type and a place."""
    body, _ = letter_of(scene)
    scene.store.before.add("submit")
    scene.drain()
    assert scene.queue.bodies() == [body]
    scene.store.before.clear()

    def breaks(*_args, **_kwargs):
        raise ValueError(body)

    scene.store.__dict__["get"] = breaks
    scene.drain()
    assert scene.queue.bodies() == [body]
    assert [record.getMessage().split(" at ")[0] for record in caplog.records] == [
        "an accepted request stays in the overflow queue: storage",
        "unforeseen ValueError",
    ]
    del scene.store.__dict__["get"]
    scene.drain_all()
    assert scene.waiting() == 1


def test_a_store_that_takes_long_to_refuse_does_not_stop_the_drain(scene, monkeypatch):
    """Four seconds for each letter: those behind the third come again untried, and the function names them all."""
    scene.store.before.add("*")
    for number in range(10):
        scene.submit(key=f"key-number-{number}-of-ten")
    passed = iter(range(0, 100, 4))
    monkeypatch.setattr(triggers, "time", SimpleNamespace(monotonic=lambda: float(next(passed))))
    scene.store.tried.clear()
    scene.drain()
    assert scene.store.tried == ["get"] * 3
    assert len(scene.queue.bodies()) == 10


@pytest.mark.parametrize(
    ("part", "verb", "moment"),
    [
        ("shred_keys", "keep", "before"),
        ("shred_keys", "keep", "after"),
        ("store", "submit", "before"),
        ("store", "submit", "after"),
        ("store", "get", "before"),
    ],
)
def test_draining_may_die_anywhere_and_is_finished_by_the_next_delivery(scene, part, verb, moment):
    """Between shred key, content, head and the queue's forgetting: one request, which opens."""
    letter_of(scene)
    getattr(getattr(scene, part), moment).add(verb)
    scene.drain()
    getattr(getattr(scene, part), moment).clear()
    scene.drain(forget=False)  # stored, and the function dies before the queue hears of it
    scene.drain_all()
    assert (scene.waiting(), scene.queue.dead) == (1, [])
    assert scene.house.desk.casework.claim("alex").opened.details["name"] == "Sam"


def test_ten_thousand_deliveries_in_any_order_store_each_request_once(scene):
    """Duplicates, reordered batches, crashes before the queue forgets: forty requests, each once, none dead."""
    chance = random.Random(4)
    scene.store.before.add("*")
    receipts = [scene.submit(key=f"key-number-{n:02}-of-forty")[1]["receipt"] for n in range(40)]
    scene.store.before.clear()
    letters, scene.queue._limit = scene.queue.bodies(), 10**9
    delivered = 0
    while delivered < 10_000:
        for text in chance.choices(letters, k=20):
            scene.queue.put_text(text)
        chance.shuffle(scene.queue.waiting)
        faults = chance.choice([(), (), ("submit",), ("get",)])
        getattr(scene.store, chance.choice(["before", "after"])).update(faults)
        delivered += scene.drain(
            batch=chance.randint(1, 40),
            forget=chance.random() < 0.8,
            arrange=lambda batch: chance.sample(batch, len(batch)),
        )
        scene.store.before.clear()
        scene.store.after.clear()
        del scene.queue.waiting[200:]
    for text in letters:
        scene.queue.put_text(text)
    scene.drain_all()
    assert (scene.waiting(), scene.queue.dead) == (40, [])
    assert {scene.mailbox(receipt)[0] for receipt in receipts} == {200}


# --- SQS


class Sqs:
    """SQS's client, a list of outcomes; each call takes a while by the timer it is given."""

    def __init__(self, *outcomes, takes=0.01) -> None:
        self.outcomes, self.now, self.takes, self.calls = list(outcomes), 0.0, takes, 0

    def __call__(self, action, *, refuse, QueueUrl, MessageBody):  # noqa: N803 - AWS's names
        """Answer `SendMessage`."""
        assert (action, QueueUrl) == ("send_message", QUEUE)
        self.calls += 1
        self.now += self.takes
        outcome = self.outcomes.pop(0)
        if outcome == "fails":
            raise refuse("InternalError")
        return outcome


LETTER = Overflowed(request=build_head(), sealed=b"x", queued_at=NOW)


def taken():
    """Give the answer of a queue that has it."""
    return {"MD5OfMessageBody": md5(LETTER.to_text().encode()).hexdigest()}


def test_a_queue_that_fails_quickly_is_tried_again():
    """Twice; duplicates do no harm."""
    sqs = Sqs("fails", "fails", taken())
    SqsOverflow(sqs, QUEUE, timer=lambda: sqs.now).put(LETTER)
    assert sqs.calls == 3
    sqs = Sqs(*["fails"] * 9)
    with pytest.raises(Unavailable, match="storage"):
        SqsOverflow(sqs, QUEUE, timer=lambda: sqs.now).put(LETTER)
    assert sqs.calls == 3


def test_a_queue_that_takes_its_time_to_fail_is_not_waited_for_again():
    """One and a half seconds in all: another attempt starts only while it can end in time."""
    sqs = Sqs("fails", taken(), takes=CONNECT + READ)
    with pytest.raises(Unavailable):
        SqsOverflow(sqs, QUEUE, timer=lambda: sqs.now).put(LETTER)
    assert (sqs.calls, AGAIN_WITHIN + CONNECT + READ <= 1.5) == (1, True)


@pytest.mark.parametrize("answer", [{}, {"MD5OfMessageBody": "0" * 32}, {"MessageId": "x"}])
def test_an_answer_that_is_not_the_queues_word_is_no_acceptance(answer):
    """Whatever answers 200 with something else, or holds something else, has not taken it."""
    sqs = Sqs(answer, answer, answer)
    with pytest.raises(Unavailable, match="storage"):
        SqsOverflow(sqs, QUEUE, timer=lambda: sqs.now).put(LETTER)
