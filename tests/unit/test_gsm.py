"""The alphabet of text messages: which letters it has, and what a message costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.gsm import BASIC, ESCAPE, EXTENSION, plain, segments, septets, strangers

LETTERS = st.text(st.sampled_from([each for each in BASIC + EXTENSION if each != ESCAPE]), max_size=700)


@pytest.mark.parametrize(
    ("code", "letter"),
    [(0x00, "@"), (0x01, "£"), (0x04, "è"), (0x10, "Δ"), (0x1A, "Ξ"), (0x1E, "ß"), (0x20, " "), (0x24, "¤"),
     (0x30, "0"), (0x40, "¡"), (0x41, "A"), (0x5B, "Ä"), (0x5F, "§"), (0x60, "¿"), (0x61, "a"), (0x7E, "ü"),
     (0x7F, "à")],
)  # fmt: skip
def test_the_basic_table_is_that_of_the_standard(code, letter):
    """Each code of 3GPP TS 23.038 table 6.2.1 has its character, and there are 128."""
    assert BASIC[code] == letter
    assert len(set(BASIC)) == 128


def test_the_extension_costs_two_septets():
    """The ten characters of table 6.2.1.1 cost an escape and a character."""
    assert sorted(EXTENSION) == sorted("\f^{}\\[~]|€")
    assert [septets(each) for each in EXTENSION] == [2] * 10


def test_what_is_not_in_the_alphabet_is_named_once_and_in_order():
    """Welsh accents, curly quotes, backticks and the bare escape are no letters of a telephone."""
    assert strangers("ŵ`ŷŵ\x1bà") == ("ŵ", "`", "ŷ", "\x1b")
    with pytest.raises(KeyError):
        septets("ŵ")


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
     ("a" * 152 + "€" + "a" * 152, 3)],
)  # fmt: skip
def test_a_longer_message_is_sent_in_parts(text, parts):
    """160 septets in one piece, 153 in each part of more; an escape stays with its character."""
    assert segments(text) == parts


@given(LETTERS)
def test_parts_hold_the_whole_message(text):
    """Each part but the last is full, or one septet short of it for an escape that did not fit."""
    cost, parts = septets(text), segments(text)
    assert (parts == 1) == (cost <= 160)
    assert parts == 1 or 152 * (parts - 1) < cost <= 153 * parts


@given(st.text(st.sampled_from("âêîôûŵŷÂÊÎÔÛŴŶëïáíóúẃẁẅýỳÿ‘’“”–—…\u00a0 abc"), max_size=50))
def test_what_welsh_needs_always_has_a_plain_form(text):
    """Every accent of Welsh and every printer's quote becomes something that telephones have."""
    assert strangers(plain(text)) == ()


@given(LETTERS)
def test_what_is_in_the_alphabet_stays_as_it_is(text):
    """A letter that telephones have is not touched, save for capitals with a grave, which they lack."""
    assert plain(text) == text
