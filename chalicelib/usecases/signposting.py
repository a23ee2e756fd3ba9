"""Pointing people to help: what suits them, one offer by its name, or a search in their own words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import NotFound
from chalicelib.domain.searching import Index, read_lexicon
from chalicelib.domain.signposts import ACTIVE, coverage, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from chalicelib.domain.searching import Found, Lexicon
    from chalicelib.domain.signposts import Region, Signpost


class Guide(Protocol):
    """Where signposts come from: the part of the content that signposting needs."""

    def signposts(self) -> Sequence[Signpost]:
        """Give every signpost, in the order in which they are shown; another object after a change."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...

    def search_words(self) -> Mapping[str, object]:
        """Give the words in which people look for help, and what they mean."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The signposts as they stand between two changes; only help that can be had is pointed to."""

    offered: tuple[Signpost, ...]
    by_id: Mapping[str, Signpost]


class Signposting:
    """Finds where else there is help; all of it in memory, read when first needed and after a change."""

    def __init__(self, content: Guide, nearest: Callable[[str, Collection[str]], str | None]) -> None:
        self._content = content
        self._nearest = nearest
        self._source: Sequence[Signpost] | None = None
        self._edition: Edition | None = None
        self._index: tuple[Edition, Index] | None = None

    @property
    def places(self) -> Collection[str]:
        """The places that somebody can ask for: ONS codes, nations and "UK"."""
        return self._coverage.keys()

    def edition(self) -> Edition:
        """Give the present edition: the same object until the content changes."""
        source, edition = self._content.signposts(), self._edition
        if edition is None or source is not self._source:
            offered = tuple(each for each in source if each.status == ACTIVE)
            edition = Edition(offered=offered, by_id={each.id: each for each in offered})
            self._edition, self._source = edition, source
        return edition

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
            for signpost in self.edition().offered
            if matches(signpost, audience=audience, topic=topic, served_by=served_by)
        )

    def get(self, signpost_id: str) -> Signpost:
        """
        Give one signpost.

        Raises:
            NotFound: `signpost-unknown`, there is none of that name.
        """
        found = self.edition().by_id.get(signpost_id)
        if found is None:
            raise NotFound("signpost-unknown")
        return found

    def search(self, text: str, *, audience: str | None = None, region: str | None = None) -> tuple[Found, ...]:
        """
        Find signposts in people's own words, best first and with the reasons, among those for *audience* and *region*.

        Raises:
            KeyError: *region* is not one of `places`.
        """
        suitable = {signpost.id for signpost in self.find(audience=audience, region=region)}
        return self._searched().search(text, suitable, self._nearest)

    def _searched(self) -> Index:
        edition, known = self.edition(), self._index
        if known is None or known[0] is not edition:
            known = self._index = (edition, Index(edition.offered, self._lexicon))
        return known[1]

    @cached_property
    def _coverage(self) -> Mapping[str, frozenset[str]]:
        return coverage(self._content.regions())

    @cached_property
    def _lexicon(self) -> Lexicon:
        return read_lexicon(self._content.search_words())
