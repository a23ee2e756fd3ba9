"""
Finding help in people's own words: what the words mean, in English or Welsh, and why a signpost was found.

The words and what they mean are data (`content/search.toml`); this module reads a sentence by them. It takes the
longest phrases that it knows, forgives case, accents, endings, Welsh mutations and small typing errors, and ranks
signposts by what all of it means. Nothing that was typed is kept; what explains a find (`Match`) is in our words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from math import log
from typing import TYPE_CHECKING, Literal, TypeAlias

from chalicelib.domain.signposts import AUDIENCES, LANGUAGES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from chalicelib.domain.signposts import Signpost

_TOKEN = re.compile(r"[^\W_]+")
_LONGEST_PHRASE = 6
_SHORTEST_STEM = 4
_SURE_ENDING, _LONGEST_ENDING = 2, 4
"""Letters by which an ending may differ: up to the first without a doubt, up to the second if no slip explains it."""
_NAME, _SIGNPOST, _TOPIC, _AUDIENCE, _SUMMARY = 5.0, 4.0, 2.0, 2.0, 0.5
"""What one thing that was understood is worth, by what it agrees with."""

_RADICALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ngh", ("c",)), ("mh", ("p",)), ("nh", ("t",)), ("ng", ("g",)), ("ph", ("p",)), ("th", ("t",)), ("ch", ("c",)),
    ("dd", ("d",)), ("b", ("p",)), ("d", ("t",)), ("g", ("c",)), ("f", ("b", "m")), ("m", ("b",)), ("n", ("d",)),
    ("l", ("ll", "gl")), ("r", ("rh", "gr")), ("h", ("",)), ("", ("g",)),
)  # fmt: skip
"""How Welsh words begin after a mutation, and before it: "fy mhlant" is "plant", "ei wraig" is "gwraig"."""

Kind = Literal["audience", "topic", "signpost", "name", "summary"]
Nearest: TypeAlias = "Callable[[str, Collection[str]], str | None]"
"""Gives the word of a list that somebody meant who mistyped it, or None."""


def folded(text: str) -> tuple[str, ...]:
    """Reduce a text to the words that are compared: no case, accents or punctuation, so "tŷ" is "ty"."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("'", " ").replace("\u2019", " "))
    return tuple(_TOKEN.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What some words mean: whom help is for, what it is about, or a signpost itself."""

    audience: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    signposts: tuple[str, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The words in which people look for help, read once."""

    filler: frozenset[str]
    meanings: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One reason why a signpost was found: an audience or a topic by its code, or where words agree."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A signpost that was found, and why, the weightiest reason first."""

    signpost: Signpost
    matched: tuple[Match, ...]


def read_lexicon(data: Mapping[str, object]) -> Lexicon:
    """
    Read the words as they are written; both languages at once, since people mix them.

    Raises:
        KeyError: a part is missing.
        TypeError: a part is something else than it should be.
    """
    filler, meanings = data["filler"], data["meaning"]
    if not isinstance(filler, dict) or not isinstance(meanings, list):
        message = "filler is a table, meaning a list of tables"
        raise TypeError(message)
    return Lexicon(
        filler=frozenset(word for language in LANGUAGES for word in folded(filler[language])),
        meanings=tuple(
            Meaning(
                audience=tuple(each.get("audience", ())),
                topics=tuple(each.get("topics", ())),
                signposts=tuple(each.get("signposts", ())),
                phrases=tuple(folded(phrase) for language in LANGUAGES for phrase in each[language]),
            )
            for each in meanings
        ),
    )


def problems_of_words(data: Mapping[str, object], signposts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Find what is wrong with the words: a language without any, a meaning that means nothing, a code nobody knows."""
    filler, meanings = data.get("filler"), data.get("meaning")
    for language in LANGUAGES:
        if not isinstance(filler, dict) or not isinstance(filler.get(language), str):
            yield f"/filler/{language}", "missing-language"
    if not isinstance(meanings, list) or not meanings:
        yield "/meaning", "missing"
        return
    known: dict[str, Collection[str]] = {"audience": AUDIENCES, "topics": TOPICS, "signposts": signposts}
    for place, each in enumerate(meanings):
        pointer = f"/meaning/{place}"
        if not isinstance(each, dict) or not any(each.get(field) for field in known):
            yield pointer, "missing"
            continue
        yield from ((f"{pointer}/{field}", "unknown-field") for field in sorted(each.keys() - {*known, *LANGUAGES}))
        for field, codes in known.items():
            yield from (
                (f"{pointer}/{field}/{index}", "unknown-value")
                for index, code in enumerate(each.get(field, ()))
                if code not in codes
            )
        for language in LANGUAGES:
            yield from _problems_of_phrases(each.get(language), f"{pointer}/{language}")


def _problems_of_phrases(phrases: object, pointer: str) -> Iterator[tuple[str, str]]:
    if not isinstance(phrases, list) or not phrases:
        yield pointer, "missing-language"
        return
    seen: set[tuple[str, ...]] = set()
    for place, phrase in enumerate(phrases):
        words = folded(phrase) if isinstance(phrase, str) else ()
        if not 0 < len(words) <= _LONGEST_PHRASE:
            yield f"{pointer}/{place}", "bad-phrase"
        elif words in seen:
            yield f"{pointer}/{place}", "repeated"
        seen.add(words)


class Index:
    """What can be found, by what it is found under; made anew when content changes."""

    def __init__(self, signposts: Sequence[Signpost], lexicon: Lexicon) -> None:
        self._signposts = signposts
        self._filler = lexicon.filler
        self._meanings: dict[tuple[str, ...], list[Meaning]] = defaultdict(list)
        self._stands: dict[str, dict[int, Kind]] = defaultdict(dict)
        self._having: dict[Match, set[int]] = defaultdict(set)
        for meaning in lexicon.meanings:
            for phrase in meaning.phrases:
                self._meanings[phrase].append(meaning)
        for place, signpost in enumerate(signposts):
            self._add(place, signpost)
        words = {word for phrase in self._meanings for word in phrase} | self._stands.keys()
        self._known = frozenset(words)
        self._content_words = tuple(sorted(words - self._filler))
        self._by_start: dict[str, list[str]] = defaultdict(list)
        for word in self._content_words:
            self._by_start[word[:_SHORTEST_STEM]].append(word)

    def _add(self, place: int, signpost: Signpost) -> None:
        for language in LANGUAGES:
            for word in folded(signpost.summary[language]):
                if word not in self._filler:
                    self._stands[word].setdefault(place, "summary")
            for word in folded(f"{signpost.name[language]} {signpost.organization.name}"):
                if word not in self._filler:
                    self._stands[word][place] = "name"
        for match in (
            *(Match("audience", code) for code in signpost.audience),
            *(Match("topic", code) for code in signpost.topics),
            Match("signpost", signpost.id),
        ):
            self._having[match].add(place)

    def search(self, text: str, suitable: Collection[str], nearest: Nearest) -> tuple[Found, ...]:
        """
        Find signposts, best first, among those whose ids are *suitable*.

        Each phrase or word that is understood counts once for each way in which a signpost agrees with it: more for the
        signpost itself and for its name than for what many share. Where two are alike, content has the order.
        """
        scores: dict[int, float] = defaultdict(float)
        reasons: dict[int, dict[Match, float]] = defaultdict(lambda: defaultdict(float))
        for phrase in self.understood(text, nearest):
            for place, worth in self._worths(phrase).items():
                scores[place] += sum(worth.values())
                for match, weight in worth.items():
                    reasons[place][match] += weight
        ranked = sorted(
            (place for place in scores if self._signposts[place].id in suitable),
            key=lambda place: (-scores[place], place),
        )
        return tuple(Found(signpost=self._signposts[place], matched=_weightiest(reasons[place])) for place in ranked)

    def _worths(self, phrase: tuple[str, ...]) -> dict[int, dict[Match, float]]:
        """Tell what a phrase is worth to each signpost, reason by reason."""
        worths: dict[int, dict[Match, float]] = defaultdict(dict)
        meant = {
            match: weight
            for meaning in self._meanings.get(phrase, ())
            for match, weight in (
                *((Match("audience", code), _AUDIENCE) for code in meaning.audience),
                *((Match("topic", code), _TOPIC) for code in meaning.topics),
                *((Match("signpost", code), _SIGNPOST) for code in meaning.signposts),
            )
        }
        for match, weight in meant.items():
            having = self._having.get(match, ())
            for place in having:
                worths[place][match] = weight * self._rarity(len(having))
        for word in phrase:
            standing = {} if word in self._filler else self._stands.get(word, {})
            for place, kind in standing.items():
                weight = (_NAME if kind == "name" else _SUMMARY) * self._rarity(len(standing))
                match = Match(kind, word)
                worths[place][match] = max(worths[place].get(match, 0.0), weight)
        return worths

    def _rarity(self, having: int) -> float:
        """Weigh what few signposts have more than what nearly all have; between 0.3 and 1."""
        every = len(self._signposts)
        return 1.0 if every <= 1 else max(0.3, 1 - log(having) / log(every) * 0.7)

    def understood(self, text: str, nearest: Nearest) -> tuple[tuple[str, ...], ...]:
        """Read a text as the phrases and words that mean something: the longest first, each once."""
        words = [self._meant(word, nearest) for word in folded(text)]
        found: dict[tuple[str, ...], None] = {}
        start = 0
        while start < len(words):
            for length in range(min(_LONGEST_PHRASE, len(words) - start), 0, -1):
                phrase = self._known_phrase(words[start : start + length])
                if phrase is not None:
                    found[phrase] = None
                    start += length
                    break
            else:
                start += 1
        return tuple(found)

    def _known_phrase(self, words: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
        """Give the first way of reading some words that means something, or the one word that stands in a text."""
        for phrase in product(*words):
            if phrase in self._meanings:
                return phrase
        if len(words) > 1:
            return None
        return next(((word,) for word in words[0] if word in self._stands), None)

    def _meant(self, word: str, nearest: Nearest) -> tuple[str, ...]:
        """Give the words of ours that may be meant: itself and unmutated, else otherwise ended or rightly typed."""
        radicals = [each for each in _radicals(word) if each in self._known and each not in self._filler]
        if word in self._known or word in self._filler:
            return (word, *radicals)
        if radicals:
            return tuple(radicals)
        return (
            self._with_another_ending(word, _SURE_ENDING)
            or nearest(word, self._content_words)
            or self._with_another_ending(word, _LONGEST_ENDING)
            or word,
        )

    def _with_another_ending(self, word: str, longest: int) -> str | None:
        if len(word) < _SHORTEST_STEM:
            return None
        alike = (
            (abs(len(known) - len(word)), known)
            for known in self._by_start.get(word[:_SHORTEST_STEM], ())
            if (known.startswith(word) or word.startswith(known)) and abs(len(known) - len(word)) <= longest
        )
        return min(alike, default=(0, None))[1]


def _radicals(word: str) -> Iterator[str]:
    for mutated, radicals in _RADICALS:
        if word.startswith(mutated):
            yield from (radical + word[len(mutated) :] for radical in radicals)


def _weightiest(reasons: Mapping[Match, float]) -> tuple[Match, ...]:
    return tuple(sorted(reasons, key=lambda match: (-reasons[match], match.kind, match.value)))
