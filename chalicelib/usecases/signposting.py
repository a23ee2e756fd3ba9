"""Pointing people to help: what suits them, one offer by its name, or a search in their own words."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import NotFound
from chalicelib.domain.signposts import LANGUAGES, coverage, matches, search, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from chalicelib.domain.signposts import Region, Signpost


class Guide(Protocol):
    """Where signposts come from: the part of the content that signposting needs."""

    def signposts(self) -> Sequence[Signpost]:
        """Give every signpost, in the order in which they are shown."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...


class Signposting:
    """Finds where else there is help; everything is in memory, read once when it is first needed."""

    def __init__(self, content: Guide) -> None:
        self._content = content

    @property
    def places(self) -> Collection[str]:
        """The places that somebody can ask for: ONS codes, nations and "UK"."""
        return self._coverage.keys()

    def find(
        self, *, audience: str | None = None, topic: str | None = None, region: str | None = None
    ) -> tuple[Signpost, ...]:
        """
        Give the signposts that suit all that was asked, in the order in which they are shown.

        Raises:
            KeyError: *region* is not one of `places`; whoever reads the input refuses it before.
        """
        served_by = None if region is None else self._coverage[region]
        return tuple(
            signpost
            for signpost in self._content.signposts()
            if matches(signpost, audience=audience, topic=topic, served_by=served_by)
        )

    def get(self, signpost_id: str) -> Signpost:
        """
        Give one signpost.

        Raises:
            NotFound: `signpost-unknown`, there is none of that name.
        """
        found = self._by_id.get(signpost_id)
        if found is None:
            raise NotFound("signpost-unknown")
        return found

    def search(
        self, text: str, *, language: str, audience: str | None = None, region: str | None = None
    ) -> tuple[Signpost, ...]:
        """
        Find signposts in people's own words, best first, among those that suit *audience* and *region*.

        Raises:
            KeyError: *region* is not one of `places`.
        """
        words = self._words[language]
        suitable = self.find(audience=audience, region=region)
        return search(((signpost, words[signpost.id]) for signpost in suitable), text, language=language)

    @cached_property
    def _coverage(self) -> Mapping[str, frozenset[str]]:
        return coverage(self._content.regions())

    @cached_property
    def _by_id(self) -> Mapping[str, Signpost]:
        return {signpost.id: signpost for signpost in self._content.signposts()}

    @cached_property
    def _words(self) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
        signposts = self._content.signposts()
        return {language: {one.id: words_of(one, language) for one in signposts} for language in LANGUAGES}
