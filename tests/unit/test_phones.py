"""Telephone numbers: what is said of a plain one without asking the library is what the library says."""

from __future__ import annotations

import itertools
import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters import phones
from chalicelib.adapters.phones import Phonenumbers

BOOK = Phonenumbers()


def said_by_the_library(number):
    """Ask the library alone."""
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, "GB"))
    except phonenumbers.NumberParseException:
        return False


def test_every_beginning_of_a_plain_number():
    """0 and four more digits say where a number belongs; the rest and the spaces are drawn."""
    dice = random.Random(7)
    for digits in itertools.product("123456789", *["0123456789"] * 3):
        rest = "".join(dice.choice(("", " ")) + dice.choice("0123456789") for _ in range(6))
        number = f"0{''.join(digits)}{rest}"
        assert phones._AS_MOST_WRITE_IT.fullmatch(number)
        assert said_by_the_library(number), number


@pytest.mark.parametrize("digits", ["07700900123", "01800201234", "08001111222", "09999999999"])
def test_every_way_to_put_spaces(digits):
    """A space may stand before each digit but the first two."""
    for spaces in itertools.product(("", " "), repeat=9):
        number = digits[:2] + "".join(map("".join, zip(spaces, digits[2:], strict=True)))
        assert phones._AS_MOST_WRITE_IT.fullmatch(number)
        assert said_by_the_library(number), number


@given(st.text("0123456789 +-()x#;\u0660\uff10\n", max_size=18) | st.from_regex(r"0[0-9 ]{8,13}", fullmatch=True))
def test_any_other_number_is_what_the_library_says(number):
    """Too short, too long, abroad, other digits, other marks: whatever is typed, the answer is the library's."""
    assert BOOK.is_possible(number) is said_by_the_library(number)


@pytest.mark.parametrize(
    "number",
    [
        "0770 900 123",
        "0770 900 12345",
        "00770 900123",
        "07700 900123\n",
        "07700  900123",
        "+44 7700 900123",
        "(01632) 960001",
        "0800 1111",
        "999",
        "\u0660\u0667\u0667\u0660\u0660\u0669\u0660\u0660\u0661\u0662\u0663",
    ],
)
def test_numbers_that_are_asked_for(number, monkeypatch):
    """One that is nearly plain is the library's to judge."""
    asked = []
    parsed = phones._parsed
    monkeypatch.setattr(phones, "_parsed", lambda each: (asked.append(each), parsed(each))[1])
    assert BOOK.is_possible(number) is said_by_the_library(number)
    assert asked == [number]
