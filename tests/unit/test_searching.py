"""Searching: what words are taken to mean, what is forgiven, and that the reasons are told in our words."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from chalicelib.adapters.content import PackagedContent
from chalicelib.adapters.spelling import nearest
from chalicelib.domain.searching import Index, Match, folded, problems_of_words, read_lexicon
from chalicelib.usecases.signposting import Signposting

CONTENT = PackagedContent()
WORDS = CONTENT.search_words()
IDS = {each.id for each in CONTENT.signposts()}


@pytest.fixture(scope="module")
def index() -> Index:
    """Index the seed content."""
    return Index(CONTENT.signposts(), read_lexicon(WORDS))


def first(index: Index, text: str) -> str:
    """Give the id of what is found first."""
    return index.search(text, IDS, nearest)[0].signpost.id


def test_words_are_compared_without_case_and_accents():
    """What is typed in a hurry, or on a keyboard without circumflexes, is found all the same."""
    assert folded("Ŵyres, TŶ & l'été!") == ("wyres", "ty", "l", "ete")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("CHILDLINE", "childline"),
        ("emergancy", "emergency-999"),
        ("surviver", "survivors-trust"),
        ("samartians", "samaritans"),
        ("delweddau", "iwf-report"),
        ("ddelweddau", "iwf-report"),
        ("argyfwng", "emergency-999"),
        ("hunangymorth", "get-help"),
        ("self-help", "get-help"),
    ],
)
def test_case_slips_mutations_and_joints_are_forgiven(index, typed, meant):
    """A capital, a swapped or changed letter, a Welsh mutation or a hyphen keeps nobody from what they look for."""
    found = [each.signpost.id for each in index.search(typed, IDS, nearest)[:2]]
    assert meant in found


@pytest.mark.parametrize(
    ("mutated", "plain"),
    [("fab", "mab"), ("blentyn", "plentyn"), ("phlentyn", "plentyn"), ("ngwr", "gwr"), ("wraig", "gwraig"),
     ("ddelwedd", "delwedd"), ("nhad", "tad"), ("lun", "llun")],
)  # fmt: skip
def test_a_welsh_word_is_known_by_its_plain_form(index, mutated, plain):
    """After "fy", "ei" or "am" a word begins otherwise, and is still the same word."""
    assert index.understood(mutated, nearest) == ((plain,),)


def test_the_longest_phrase_counts_and_not_the_words_in_it(index):
    """A police number for what is no emergency is not an emergency, though the word stands there."""
    assert index.understood("not an emergency", nearest) == (("not", "an", "emergency"),)
    assert first(index, "not an emergency") == "police-101"
    assert first(index, "emergency") == "emergency-999"


def test_a_search_says_nothing_rather_than_anything(index):
    """A word that nothing is about, and a sentence of words that say nothing, find nothing."""
    assert index.search("xylophone", IDS, nearest) == ()
    assert index.search("what is it?", IDS, nearest) == ()
    assert index.search("", IDS, nearest) == ()


def test_short_words_are_not_guessed():
    """Of a word of four letters nobody can tell which one was meant; of nonsense neither."""
    assert nearest("chid", {"child", "chin"}) is None
    assert nearest("qqqqqqqq", {"childline"}) is None
    assert nearest("hildline", {"childline"}) is None
    assert nearest("childlnie", {"childline", "children"}) == "childline"


def test_the_reasons_are_told_weightiest_first(index):
    """Whoever asks why a signpost was found is told the audience, the topic or the name."""
    found = {each.signpost.id: each.matched for each in index.search("worried about my husband", IDS, nearest)}
    helpline = found["stop-it-now-helpline"]
    assert Match("audience", "someone-else") in helpline
    assert Match("topic", "worried-about-someone") in helpline
    assert helpline[0] == Match("signpost", "stop-it-now-helpline")
    named = index.search("childline", IDS, nearest)[0]
    assert Match("name", "childline") in named.matched


def test_no_reason_repeats_what_was_typed(index):
    """A reason holds a code or a word of the content, and never a word that only the person wrote."""
    found = index.search("emergancy zzqqy childlnie", IDS, nearest)
    told = json.dumps([[match.kind, match.value] for each in found for match in each.matched])
    assert "emergancy" not in told
    assert "childlnie" not in told
    assert "zzqqy" not in told


def test_only_help_that_can_be_had_is_found():
    """What is no longer offered is not pointed to, by search, list or id, and its index is made anew by then."""

    class Changing:
        now = CONTENT.signposts()
        regions, search_words = staticmethod(CONTENT.regions), staticmethod(CONTENT.search_words)

        def signposts(self):
            return self.now

    content = Changing()
    signposting = Signposting(content, nearest)
    assert signposting.search("childline")[0].signpost.id == "childline"
    content.now = tuple(replace(each, status="defunct") if each.id == "childline" else each for each in content.now)
    assert "childline" not in {each.signpost.id for each in signposting.search("childline")}
    assert "childline" not in {each.id for each in signposting.find()}


def test_jellyfish_is_loaded_only_for_a_word_that_nobody_knows():
    """A search without slips, and everything that is no search, does not pay for loading it."""
    code = """
import sys
from chalicelib.config import Settings
from chalicelib.wiring import House
signposting = House(Settings())._signposting
assert signposting.search("worried about my son")
before = "jellyfish" in sys.modules
assert signposting.search("emergancy")
print(before, "jellyfish" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


def test_the_words_that_we_ship_are_in_order():
    """Every meaning has words in both languages and leads to something that exists."""
    assert list(problems_of_words(WORDS, IDS)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"audience": ["everybody"]}, ("/meaning/0/audience/0", "unknown-value")),
        ({"topics": ["weather"]}, ("/meaning/0/topics/0", "unknown-value")),
        ({"signposts": ["nowhere"]}, ("/meaning/0/signposts/0", "unknown-value")),
        ({"cy": []}, ("/meaning/0/cy", "missing-language")),
        ({"en": ["one two three four five six seven"]}, ("/meaning/0/en/0", "bad-phrase")),
        ({"en": ["!"]}, ("/meaning/0/en/0", "bad-phrase")),
        ({"en": ["same", "Same"]}, ("/meaning/0/en/1", "repeated")),
        ({"topic": ["recovery"]}, ("/meaning/0/topic", "unknown-field")),
        ({"audience": []}, ("/meaning/0", "missing")),
    ],
)
def test_what_would_never_be_found_is_an_error(change, problem):
    """A mistyped code, a missing language, or a phrase that nobody can type is told before it is published."""
    meaning = {"audience": ["survivor"], "en": ["word"], "cy": ["gair"], **change}
    data = {"filler": {"en": "a", "cy": "y"}, "meaning": [meaning]}
    assert problem in list(problems_of_words(data, IDS))


def test_words_without_any_meaning_are_an_error():
    """An empty file, or one without filler for a language, is told."""
    assert list(problems_of_words({"filler": {"en": "a"}}, IDS)) == [
        ("/filler/cy", "missing-language"),
        ("/meaning", "missing"),
    ]
