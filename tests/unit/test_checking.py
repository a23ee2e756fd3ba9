"""What was opened is held to the rules of what arrives in the clear, and what is odd comes out as harmless text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.phones import Phonenumbers
from chalicelib.http.models import CallbackDetails, InformationDetails
from chalicelib.http.referral_models import checked
from chalicelib.http.search_models import SignpostSearch
from chalicelib.usecases.checking import Checking, as_sent, as_text, message_text, parsed

CHECKING = Checking(shape=checked, phones=Phonenumbers())
CALLBACK = {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_what_arrives_in_the_clear_and_what_arrives_sealed_is_the_same_in_the_end():
    """The same details give the same at the desk, whichever way they came."""
    clear = CallbackDetails.model_validate_json(json.dumps(CALLBACK)).model_dump(exclude_none=True)
    from_intake = {**clear, "phone_international": "+44 7700 900123"}
    assert CHECKING.details("callback", from_intake) == CHECKING.details("callback", CALLBACK) == from_intake


@pytest.mark.parametrize(
    "change",
    [{"phone": "12"}, {"phone": 7}, {"phone": None}, {"more": 1}, {"safety": {}}, {"concern": "x"}, {"message": " "}],
)
def test_what_would_be_refused_in_the_clear_is_invalid(change):
    """One wrong field, and nothing of it may be relied upon."""
    assert CHECKING.details("callback", {**CALLBACK, **change}) is None


@given(JSON)
def test_no_json_breaks_the_check_or_the_text(value):
    """Anything at all is either valid details or becomes flat text that can be sent as UTF-8."""
    for kind in ("callback", "information", "referral"):
        assert CHECKING.details(kind, value) is None or isinstance(value, dict)
    shown = as_sent(value)
    assert all(isinstance(name, str) and isinstance(text, str) for name, text in shown.items())
    assert not isinstance(value, dict) or len(shown) == len(value)
    json.dumps(shown, ensure_ascii=False).encode()


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(raw):
    """What a browser sealed may be any bytes; reading them is never an error."""
    as_text(parsed(raw)).encode()


@given(st.text())
def test_text_keeps_its_letters_and_loses_what_would_deceive(text):
    """Control characters, those that turn the direction of writing, and broken halves are replaced, one by one."""
    shown = as_text(text)
    assert len(shown) == len(text)
    assert not set(shown) & {"\x00", "\x1b", "\r", "\u202e", "\u2066", "\u200f", "\ufeff"}
    assert all(new in (old, "\ufffd") for new, old in zip(shown, text, strict=True))


def test_line_breaks_and_every_script_stay():
    """Nobody's letters are taken for control characters."""
    text = "Ŵy\n\tالعربية বাংলা \U0001f5dd"
    assert as_text(text) == text


def test_the_mailbox_key_is_not_shown_even_in_broken_content():
    """Where content cannot be parsed, the part that looks like the key is left out."""
    assert "SECRET" not in str(parsed(b'{"details": {"x": 1}, "mailbox_key": "SECRET"'))
    assert "details" in str(parsed(b'{"details": {"x": 1}, "mailbox_key" : "SECRET"'))


def test_two_names_that_look_alike_are_both_shown():
    """A name that differs in what was replaced does not take the place of the other."""
    assert sorted(as_sent({"a\x00": 1, "a\x01": 2}).values()) == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"text": " hello "}, "hello"),
        ({"text": "x" * 3000}, "x" * 3000),
        ({"text": "x" * 3001}, None),
        ({"text": " "}, None),
        ({"text": "hello", "signposts": []}, None),
        ({}, None),
        ("hello", None),
        (None, None),
        ({"text": "\ud800"}, None),
    ],
)
def test_a_message_is_a_text_and_nothing_else(content, text):
    """What the page seals passes; what could pass for a practitioner's letter does not."""
    assert message_text(content) == text


def test_information_details_are_checked_by_their_own_model():
    """Kinds are not mixed up."""
    details = {"concern": "survivor", "message": "Where?"}
    assert CHECKING.details("information", details) == details
    assert CHECKING.details("callback", details) is None
    assert InformationDetails.model_fields.keys() == {"concern", "message", "name", "email"}


def test_what_people_write_is_not_kept_for_the_next_time():
    """Short strings would be kept by pydantic: a name or a code word stayed in memory after its request was sealed."""
    written = json.dumps({**CALLBACK, "name": "Sam", "safety": {"voicemail": "never", "code_word": "bluebell"}})
    one, again = (CallbackDetails.model_validate_json(written) for _ in range(2))
    assert (one.phone, one.name, one.safety.code_word) == (again.phone, again.name, again.safety.code_word)
    assert one.phone is not again.phone
    assert one.name is not again.name
    assert one.safety.code_word is not again.safety.code_word
    found = [SignpostSearch.model_validate_json('{"q": "my brother"}').q for _ in range(2)]
    assert found[0] is not found[1]
