"""
Typing errors, by jellyfish: loaded with the first word that nobody knows, so that most searches never pay for it.

Its wheels run on Lambda's Python 3.11, whose C library is older than rapidfuzz 3.14 asks for, and it is a ninth of the
size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_SHORTEST = 5
_LONG = 11
"""From this length on, two slips are forgiven; from `_SHORTEST` on, one. Shorter words are too like one another."""


def nearest(word: str, known: Collection[str]) -> str | None:
    """
    Give the word of *known* that was meant by somebody who mistyped it, or None where it would be a guess.

    A slip is a letter left out, put in, changed, or swapped with its neighbour. People rarely mistype the first letter,
    so that it must agree; that keeps the guesses honest, and fast.
    """
    if len(word) < _SHORTEST:
        return None
    from jellyfish import damerau_levenshtein_distance  # noqa: PLC0415 - only a mistyped search pays for it

    slips = 1 if len(word) < _LONG else 2
    candidates = (each for each in known if each[0] == word[0] and abs(len(each) - len(word)) <= slips)
    found = min(((damerau_levenshtein_distance(word, each), each) for each in candidates), default=(slips + 1, ""))
    return found[1] if found[0] <= slips else None
