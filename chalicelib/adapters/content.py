"""
The content that travels with the code: texts, words and signposts that people have reviewed, as files.

Each file is read when it is first asked for, and once. Signposts are JSON, whose parser is fast, because a
cold start waits for them; what a person edits most is TOML.
"""

from __future__ import annotations

import json
import tomllib
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.domain.signposts import Organization, Phone, Region, Signpost

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGED = Path(__file__).parent.parent / "content"
_LISTS = ("audience", "topics", "regions", "languages")


class ContentBroken(ValueError):  # noqa: N818 - a state of the content, found before anybody relies on it
    """A content file that is unreadable or incomplete; the message names it, `content_check` says more."""


class PackagedContent:
    """The content in a folder, by default the one packaged with the code; implements `ContentStore`."""

    def __init__(self, folder: Path = PACKAGED) -> None:
        self._folder = folder
        self._words: dict[str, Mapping[str, Any]] = {}

    def helpline(self) -> Mapping[str, Any]:
        """Give who the helpline is: names, phones, hours, nation, slots, emergency advice."""
        return self._helpline

    def statement(self) -> Mapping[str, Any]:
        """Give the statement of limited confidentiality: `version`; by language `title, summary, text`."""
        return self._statement

    def reference_words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the two lists that references are made of."""
        return self._reference_words

    def regions(self) -> tuple[Region, ...]:
        """Give every police force area."""
        return self._regions

    def signposts(self) -> tuple[Signpost, ...]:
        """Give every signpost, in the order in which they are shown: that of the file names."""
        return self._signposts

    def words(self, language: str) -> Mapping[str, Any]:
        """Give every visible word of the pages and answers, in *language*."""
        if language not in self._words:
            self._words[language] = _toml(self._folder / f"pages.{language}.toml")
        return self._words[language]

    def signpost_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the records as they are written, by file name, for the content check: nothing is promised."""
        return {path.name: _json(path) for path in sorted((self._folder / "signposts").glob("*.json"))}

    @cached_property
    def _helpline(self) -> Mapping[str, Any]:
        return _toml(self._folder / "helpline.toml")

    @cached_property
    def _statement(self) -> Mapping[str, Any]:
        return _toml(self._folder / "statement.toml")

    @cached_property
    def _reference_words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        words = _toml(self._folder / "references.toml")
        return tuple(words["first"]), tuple(words["second"])

    @cached_property
    def _regions(self) -> tuple[Region, ...]:
        return tuple(Region(**region) for region in _json(self._folder / "regions.json"))

    @cached_property
    def _signposts(self) -> tuple[Signpost, ...]:
        return tuple(_signpost(name, record) for name, record in self.signpost_records().items())


def _signpost(name: str, record: Mapping[str, Any]) -> Signpost:
    try:
        return Signpost(
            **{
                **record,
                **{field: tuple(record[field]) for field in _LISTS},
                "phones": tuple(Phone(**phone) for phone in record.get("phones", ())),
                "organization": Organization(**record["organization"]),
                "assured_date": date.fromisoformat(record["assured_date"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"The content file {name} is incomplete."
        raise ContentBroken(message) from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _broken(path) from error


def _json(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _broken(path) from error


def _broken(path: Path) -> ContentBroken:
    return ContentBroken(f"The content file {path.name} is missing or cannot be read.")
