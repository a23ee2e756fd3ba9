"""
The targets of `make fuzz`, tried a little without the fuzzer: they must not rot, and they must find what is planted.

What changes the inputs here is blind; the fuzzer sees which lines of ours an input reaches.
"""

from __future__ import annotations

import os
import random

import pytest
from fuzz_house import FuzzHouse
from fuzz_rules import Found
from fuzz_targets import TARGETS, Target
from planted import PLANTED

from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import Unavailable

TRIES = 150
NOTHING, FOUND, ANOTHER, NOT_PLANTED = range(4)
SPLICES = (b"null", b"[]", b"{}", b'"', b"-1", b"1e400", b"%00", b"\xff", b"[" * 3000, b"=", b"&", b".", b"A" * 300)
BY_NAME = {target.name: target for target in TARGETS}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house on a folder of its own."""
    return FuzzHouse(tmp_path_factory.mktemp("fuzz") / "home")


def changed(seed: bytes, dice: random.Random) -> bytes:
    """Change a valid input here and there, and leave its first byte, which chooses the parser."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(1, len(data) + 1)
        way = dice.randrange(4)
        if way == 0:
            data[at : at + 1] = bytes([dice.randrange(256)])
        elif way == 1:
            del data[at : at + dice.randrange(1, 9)]
        elif way == 2:
            data[at:at] = data[max(1, at - 12) : at]
        else:
            data[at : at + dice.randrange(2)] = dice.choice(SPLICES)
    return bytes(data)


def tried(target, house, tries):
    """Try a target on as many changed inputs, the same ones each time."""
    seeds, dice = target.seeds(house), random.Random(target.name)
    for _ in range(tries):
        target(house, changed(dice.choice(seeds), dice))


@pytest.mark.parametrize("name", BY_NAME)
def test_no_parser_is_broken_by_what_it_meets(house, name):
    """Valid inputs and damaged ones are taken or refused, in our own words, and nothing valid is forged."""
    target = BY_NAME[name]
    for seed in target.seeds(house):
        target(house, seed)
    tried(target, house, TRIES)


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(house, bug):
    """Each bug that is planted breaks a property of its target, even by changes made blindly."""
    name, plant, errors = PLANTED[bug]
    target = BY_NAME[name]
    target.seeds(house)
    child = os.fork()  # the bug is planted in a copy of this process, which ends with it
    if child == 0:
        ended = NOT_PLANTED
        try:
            plant()
            ended = found_by(target, house, errors)
        finally:
            os._exit(ended)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == FOUND


def found_by(target, house, errors):
    """Try a target; say whether a property of it broke, or one of *errors* came up, or something else went wrong."""
    try:
        for seed in target.seeds(house):
            target(house, seed)
        tried(target, house, 20 * TRIES)
    except (Found, *errors):
        return FOUND
    except BaseException:  # noqa: BLE001 - whatever it is, it is not what the bug does
        return ANOTHER
    return NOTHING


@pytest.mark.parametrize(
    ("raised", "said"), [(None, NOTHING), (Found("it"), FOUND), (IndexError(), FOUND), (NameError(), ANOTHER)]
)
def test_only_what_a_bug_does_counts_as_found(house, raised, said):
    """A target that finds nothing, or stumbles over something else, has not found the bug."""

    def parser(_house, _data):
        if raised is not None:
            raise raised

    target = Target(name="any", parsers=((parser, lambda _: [b"x"]),), longest=9)
    assert found_by(target, house, (IndexError,)) == said


@pytest.mark.parametrize("raw", [b'{"v":1,"request_id":', b"\xff\xfe", b"[" * 100_000, b'{"v":1,"request_id":7}\n'])
def test_a_damaged_envelope_says_nothing_of_itself(raw):
    """Whatever is wrong with it, it is one `ValueError`, which holds nothing of what was read."""
    with pytest.raises(ValueError, match=r"^not an envelope of a version that we know$") as caught:
        Envelope.from_bytes(raw)
    assert not vars(caught.value)
    assert caught.type is ValueError


def test_a_key_whose_name_no_file_can_have_is_missing(tmp_path):
    """An envelope that names such a key opens as one whose key is not here, and not as a fault of the disk."""
    keys = KeyFiles(tmp_path)
    keys.make()
    with pytest.raises(Unavailable) as caught:
        keys.private_key(["desk-" + "a" * 3000])
    assert caught.value.code == "key-missing"
