"""Form tokens say when a form was handed out and to whom, and nothing that is made up passes for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.altcha import FEWEST, MOST, VALID, Altcha
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
