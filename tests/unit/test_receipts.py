"""Receipts: what people write, what follows from them, and what they never show."""

from __future__ import annotations

import pickle
from base64 import urlsafe_b64encode
from collections import Counter
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.content import PackagedContent
from chalicelib.domain import receipts
from chalicelib.domain.receipts import (
    ALPHABET,
    Receipt,
    decode,
    encode,
    read_receipt,
    receipt_for_key,
    receipt_from_bytes,
    reference_of,
    request_id_of,
)

CODE = "0123456789ABCDEFGHJKMNPQRS"
RECEIPT = Receipt(CODE)

# Worked out once with the HKDF, HMAC and SHA-256 of `cryptography`, from CODE alone.
LOOKUP = "909885a8fb2dcb06afe9d1cf50756b3e313f53519c18f4b3ab355fd2801987be"
MAILBOX_KEY = "2d2b2f92b68e13c9d3546b5fa67989ffe5a86043e250a24c6ed0e0da60c2d645"
REQUEST_ID = "iFvKFwCiSo5Jv3XyzgSCrGitjGd8vM6y493ZMaK6EAg"
FINGERPRINT = "b245355c5a41cbdd207afdf436cf99635e2adcadef4c441b757621cc37b24dbf"
KEYED = "8HHVEX4HKF507BQ1EMCAA3GMA5"


def derived(info: bytes) -> bytes:
    """Derive with somebody else's HKDF."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(CODE.encode())


@pytest.mark.parametrize("note", ["MNPQRS", "mn pqrs", "fghjk-mnpqrs", CODE, RECEIPT.shown])
def test_a_note_that_ends_like_the_code_is_right(note):
    """The last group, or more of it, as people write it."""
    assert RECEIPT.ends_with(note)


@pytest.mark.parametrize("note", ["", "   ", "NPQRS", "MNPQRT", "0MNPQRS", f"0{CODE}", "M" * 300])
def test_a_note_that_ends_otherwise_is_not(note):
    """Less than the last group proves nothing, and more must be the code."""
    assert not RECEIPT.ends_with(note)


# --- reading


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        "01234-56789-ABCDE-FGHJK-MNPQRS",
        "01234 56789 abcde fghjk mnpqrs",
        "  0123456789abcdefghjkmnpqrs\r\n",
        "O1234-56789-ABCDE-FGHJK-MNPQRS",
        "oI234-56789-abcde-fghjk-mnpqrs",
        "0l234–56789—abcde‑fghjk\u00a0mnpqrs",
        "0-1-2-3-4-5-6-7-8-9-A-B-C-D-E-F-G-H-J-K-M-N-P-Q-R-S",
    ],
)
def test_a_receipt_is_read_as_people_write_it(text):
    """Case, spaces, dashes of any kind, O for 0, I and L for 1: it is the same receipt."""
    assert read_receipt(text) == RECEIPT


@pytest.mark.parametrize(
    "text",
    ["", CODE[:-1], CODE + "0", CODE[:-1] + "U", CODE[:-1] + "!", CODE[:-1] + "é", "0" * 105, CODE.replace("0", "٠")],
)
def test_what_is_no_receipt_is_none(text):
    """Too short, too long, or with a character that is in no receipt."""
    assert read_receipt(text) is None


@given(st.binary(min_size=17, max_size=40))
def test_any_random_bytes_make_a_receipt_that_reads_back(entropy):
    """Shown and read back, a receipt is the same; it has 26 characters of the alphabet, in groups of five and six."""
    receipt = receipt_from_bytes(entropy)
    assert read_receipt(receipt.shown.lower()) == receipt
    assert len(receipt.code) == 26
    assert set(receipt.code) <= set(ALPHABET)
    assert [len(group) for group in receipt.shown.split("-")] == [5, 5, 5, 5, 6]


def test_a_receipt_holds_130_bits():
    """Every one of the first 130 bits changes it; the last six of seventeen bytes do not."""
    zeros = receipt_from_bytes(bytes(17))
    codes = {receipt_from_bytes((1 << bit).to_bytes(17, "big")).code for bit in range(6, 136)}
    assert len(codes) == 130
    assert zeros.code not in codes
    assert {receipt_from_bytes((1 << bit).to_bytes(17, "big")) for bit in range(6)} == {zeros}
    assert receipt_from_bytes(bytes([255] * 17)).code == "Z" * 26


# --- deriving


def test_derivation_is_hkdf():
    """Lookup value and mailbox key are what any HKDF-SHA256 (RFC 5869) gives, so that a browser can derive them."""
    assert RECEIPT.lookup == derived(b"quietline/1|lookup")
    assert RECEIPT.mailbox_key == derived(b"quietline/1|mailbox-key")


def test_derivation_stays_what_it_was():
    """A vector that never changes: receipts that people have written down must open their mailboxes for ever."""
    assert RECEIPT.lookup.hex() == LOOKUP
    assert RECEIPT.mailbox_key.hex() == MAILBOX_KEY
    assert request_id_of(RECEIPT.lookup) == REQUEST_ID
    assert RECEIPT.fingerprint(b"body") == FINGERPRINT
    assert receipt_for_key("an idempotency key", pepper=bytes(32)).code == KEYED


def test_a_request_id_is_a_hash_of_the_lookup_value():
    """One way only: 43 characters of base64url, and neither code nor lookup value in them."""
    request_id = request_id_of(RECEIPT.lookup)
    assert request_id == urlsafe_b64encode(sha256(RECEIPT.lookup).digest()).rstrip(b"=").decode()
    assert len(request_id) == 43
    assert decode(request_id) != RECEIPT.lookup


def test_what_is_derived_differs():
    """Lookup value, mailbox key and fingerprints give none of each other away, and differ from receipt to receipt."""
    other = Receipt(CODE[::-1])
    values = {r.lookup for r in (RECEIPT, other)} | {r.mailbox_key for r in (RECEIPT, other)}
    prints = {r.fingerprint(body) for r in (RECEIPT, other) for body in (b"a", b"b")}
    assert (len(values), len(prints)) == (4, 4)


def test_the_same_key_gives_the_same_receipt_under_one_pepper_only():
    """A repeat hears the same receipt; nobody without the pepper can work it out."""
    again = [receipt_for_key("key-0123456789abcdef", pepper=bytes(32)) for _ in range(2)]
    others = [
        receipt_for_key("key-0123456789abcdeg", pepper=bytes(32)),
        receipt_for_key("key-0123456789abcdef", pepper=bytes(31) + b"\1"),
    ]
    assert again[0] == again[1]
    assert len({receipt.code for receipt in (*again, *others)}) == 3


def test_no_receipt_in_a_representation():
    """A log or a traceback that shows a receipt shows nothing of its code."""
    for shown in (repr(RECEIPT), str(RECEIPT), f"{RECEIPT}", repr([RECEIPT]), repr({"receipt": RECEIPT})):
        assert not any(CODE[at : at + 5] in shown for at in range(21))
    assert pickle.loads(pickle.dumps(RECEIPT)) == RECEIPT


# --- base64url


@given(st.binary(max_size=80))
def test_base64url_round_trips(raw):
    """What is written is read back, and needs no padding."""
    assert decode(encode(raw)) == raw
    assert "=" not in encode(raw)


@pytest.mark.parametrize("text", ["a", "ab=d", "ab+/", "ab cd", "é", "ab\ncd"])
def test_what_is_not_base64url_is_refused(text):
    """Standard base64, white space, padding and cut-off text are no base64url."""
    with pytest.raises(ValueError):
        decode(text)


# --- references


@pytest.fixture(scope="module")
def words():
    """The helpline's own words."""
    return PackagedContent().reference_words()


def test_the_words_are_many_and_distinct(words):
    """256 and 256 different words, none in both lists, so that 65,536 pairs are there to give."""
    assert [len(set(half)) for half in words] == [256, 256]
    assert not set(words[0]) & set(words[1])


def test_a_reference_follows_from_the_request_id(words):
    """The same id and attempt give the same pair; another attempt gives another."""
    given = [reference_of("id", words, attempt) for attempt in range(12)]
    assert given == [reference_of("id", words, attempt) for attempt in range(12)]
    assert len(set(given)) == 12


def test_references_get_a_number_when_pairs_run_out(words):
    """Four plain pairs are tried, then pairs with ever longer numbers."""
    given = [reference_of("id", words, attempt).split("-") for attempt in range(8)]
    assert [len(parts) for parts in given] == [2, 2, 2, 2, 3, 3, 3, 3]
    numbers = [
        max(int(reference_of(f"id{at}", words, attempt).split("-")[2]) for at in range(200)) for attempt in (4, 5, 6)
    ]
    assert all(limit / 2 < number < limit for number, limit in zip(numbers, (100, 1000, 10_000), strict=True))


def test_references_are_spread_evenly(words):
    """Among 20,000 requests every word is used, none much more than another, and pairs repeat as chance has it."""
    pairs = [tuple(reference_of(f"id{at}", words).split("-")) for at in range(20_000)]
    for half in (0, 1):
        counts = Counter(pair[half] for pair in pairs)
        assert len(counts) == 256
        assert max(counts.values()) < 2 * 20_000 / 256
        chi_squared = sum((count - 20_000 / 256) ** 2 for count in counts.values()) / (20_000 / 256)
        assert 150 < chi_squared < 380  # 255 degrees of freedom: 255 +- 5.5 deviations
    expected = 65_536 * (1 - (1 - 1 / 65_536) ** 20_000)
    assert abs(len(set(pairs)) - expected) < 300


def test_a_shown_receipt_says_how_long_it_is():
    """The length that pages and checks name is the length of the code."""
    assert len(CODE) == receipts.LENGTH
