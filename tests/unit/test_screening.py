"""Form tokens say when a form was handed out and to whom, and nothing that is made up passes for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.altcha import FEWEST, MOST, VALID, Altcha
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.screening import (
    LATEST,
    SOONEST,
    FormProof,
    form_token,
    is_good,
    is_ours,
    name_of_key,
    secret_for,
)
from chalicelib.http.models import CallbackSubmission, InformationSubmission
from chalicelib.usecases.screening import Room

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
SECRET = secret_for("form", pepper=b"pepper")
SECOND = timedelta(seconds=1)


def good(token, *, key="key", at=NOW + timedelta(minutes=1), trapped=False, secret=SECRET):
    """Look at a token."""
    return is_good(FormProof(token=token, trapped=trapped), key, now=at, secret=secret)


@pytest.mark.parametrize(
    ("after", "passes"),
    [
        (-SECOND, False),
        (0 * SECOND, False),
        (SOONEST - SECOND, False),
        (SOONEST, True),
        (LATEST, True),
        (LATEST + SECOND, False),
    ],
)
def test_a_token_is_good_from_three_seconds_to_a_day(after, passes):
    """Whoever is faster is a machine, or has a very old page; both limits belong to the good side."""
    assert good(form_token("key", now=NOW, secret=SECRET), at=NOW + after) is passes


def test_a_token_is_for_one_form_of_one_server():
    """Another key, another secret, or a filled trap: not good."""
    token = form_token("key", now=NOW, secret=SECRET)
    assert good(token)
    assert not good(token, key="another")
    assert not good(token, secret=secret_for("challenge", pepper=b"pepper"))
    assert not good(token, trapped=True)
    assert is_ours(token, "key", secret=SECRET)


@given(st.text(max_size=80))
def test_what_is_made_up_is_no_token(text):
    """Whatever stands in its place, it is not good, and it is no error."""
    assert not good(text)
    assert not good(f"{int(NOW.timestamp())}.{text}")
    assert not is_ours(text, "key", secret=SECRET)


@given(st.integers(0, 10**12 - 1))
def test_no_other_time_has_the_same_signature(issued):
    """The time is signed: an earlier one cannot be written into a token."""
    token = form_token("key", now=NOW, secret=SECRET)
    changed = f"{issued}.{token.split('.')[1]}"
    assert is_ours(changed, "key", secret=SECRET) is (changed == token)


class Counting:
    """A store of which only the count of unverified requests is asked."""

    def __init__(self, waiting: int) -> None:
        self.waiting, self.asked = waiting, 0

    def unverified(self, *, at_most, now):
        """Count."""
        self.asked += 1
        return min(self.waiting, at_most)


class Standing:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self):
        """Tell the time."""
        return self.at


def test_room_is_counted_seldom_while_there_is_much_and_always_near_the_cap():
    """Ten processes side by side let in no more than the cap, and an empty queue is not counted for each request."""
    store, clock = Counting(0), Standing()
    rooms = [Room(store, cap=1000, clock=clock) for _ in range(10)]
    let_in = 0
    while let_in <= 1000:
        taken = [room for room in rooms if room.is_left()]
        if not taken:
            break
        let_in += len(taken)
        store.waiting += len(taken)
    assert 1000 <= let_in <= 1000 + len(rooms)
    assert store.asked < let_in / 2
    assert not any(room.is_left() for room in rooms)
    store.waiting = 999
    assert rooms[0].is_left()


def test_room_is_counted_again_after_a_minute():
    """What others let in meanwhile is seen, whatever was granted before."""
    store, clock = Counting(0), Standing()
    room = Room(store, cap=1000, clock=clock)
    assert room.is_left()
    store.waiting = 1000
    assert room.is_left()
    clock.at += timedelta(seconds=60)
    assert not room.is_left()


def test_a_store_that_cannot_count_turns_nobody_away():
    """Its failure is no proof of a flood; what cannot be stored is refused where it is stored."""

    class Failing(Counting):
        def unverified(self, *, at_most, now):
            self.asked += 1
            raise Unavailable("storage")

    store = Failing(0)
    room = Room(store, cap=1000, clock=Standing())
    assert all(room.is_left() for _ in range(50))
    assert store.asked == 1


def test_no_cap_at_all_lets_nobody_in():
    """A cap of nothing has no room from the first request on."""
    assert not Room(Counting(0), cap=0, clock=Standing()).is_left()


def test_secrets_of_different_purposes_have_nothing_in_common():
    """What signs forms signs no challenge."""
    assert secret_for("form", pepper=b"pepper") != secret_for("challenge", pepper=b"pepper")
    assert secret_for("form", pepper=b"pepper") != secret_for("form", pepper=b"another")


def test_a_challenge_asks_for_a_bounded_amount_of_work():
    """Never more than 150 short derivations: no phone is given a long draw by chance."""
    altcha = Altcha(lambda purpose: purpose.encode())
    for _ in range(5):
        found = altcha.challenge(bound_to=name_of_key("key"), now=NOW)
        parameters = found["parameters"]
        assert (parameters["algorithm"], parameters["cost"]) == ("PBKDF2/SHA-256", 1000)
        assert parameters["data"] == {"for": name_of_key("key"), "until": int((NOW + VALID).timestamp())}
        assert len(parameters["keyPrefix"]) == 32
    assert (FEWEST, MOST) == (75, 150)
    assert timedelta(minutes=10) == VALID


@pytest.mark.parametrize("model", [CallbackSubmission, InformationSubmission])
def test_a_proof_of_work_is_no_part_of_what_a_repeat_must_equal(model):
    """Whoever sends the same again with another proof is told the same again."""
    details = {"concern": "survivor", "message": "x"}
    if model is CallbackSubmission:
        details |= {"phone": "07700 900123", "safety": {"voicemail": "never"}}
    body = {"statement_version": "2026-11", "details": details}
    plain, proven = (model.model_validate_json(json.dumps({**body, **more})) for more in ({}, {"altcha": "proof"}))
    assert proven.altcha == "proof"
    assert plain.model_dump_json() == proven.model_dump_json()


def test_what_a_repeat_must_equal_does_not_change_with_us():
    """A repeat that comes after an upgrade is told apart by the same bytes as before it."""
    details = {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}}
    sent = CallbackSubmission.model_validate_json(json.dumps({"statement_version": "2026-11", "details": details}))
    assert sent.model_dump_json() == (
        '{"statement_version":"2026-11","language":"en","region":null,"campaign":null,"details":{"concern":"survivor",'
        '"phone":"07700 900123","name":null,"message":null,"safety":{"voicemail":"never","caller_id":"withheld",'
        '"code_word":null,"if_someone_else_answers":"hang-up","text_first":false},"access_needs":[]},"slot":null,'
        '"also":[]}'
    )
