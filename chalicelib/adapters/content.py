"""
The content that travels with the code: texts, words and signposts that people have reviewed, as files.

Each file is read when it is first asked for, and once. Signposts are JSON, whose parser is fast, because a
cold start waits for them; what a person edits most is TOML.
"""

from __future__ import annotations

import json
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.domain.campaigns import Campaign
    from chalicelib.domain.sessions import Session
    from chalicelib.domain.signposts import Organization, Region, Signpost

PACKAGED = Path(__file__).parent.parent / "content"


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

    def consent(self) -> Mapping[str, Any]:
        """Give what people agree to before they are referred: `in_force`, and `versions` like statements."""
        return self._consent

    def reference_words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the two lists that references are made of."""
        return self._reference_words

    def regions(self) -> tuple[Region, ...]:
        """Give every police force area."""
        return self._regions

    def signposts(self) -> tuple[Signpost, ...]:
        """Give every signpost, in the order in which they are shown: that of the file names."""
        return self._signposts

    def organizations(self) -> tuple[Organization, ...]:
        """Give everybody who offers help, in the order of the file."""
        return tuple(self._organizations.values())

    def sessions(self) -> tuple[Session, ...]:
        """Give every live session, in order of the file names."""
        return self._sessions

    def session_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the sessions as they are written, by file name, for the content check."""
        return {path.name: _json(path) for path in sorted((self._folder / "sessions").glob("*.json"))}

    def campaigns(self) -> tuple[Campaign, ...]:
        """Give every campaign, those that are over included, in the order of the file names."""
        return self._campaigns

    def search_words(self) -> Mapping[str, Any]:
        """Give the words in which people look for help, and what they mean."""
        return self._search_words

    def help_pages(self) -> Mapping[str, Any]:
        """Give what the pages for each audience say."""
        return self._help_pages

    def words(self, language: str) -> Mapping[str, Any]:
        """Give every visible word of the pages and answers, in *language*."""
        if language not in self._words:
            self._words[language] = _toml(self._folder / f"pages.{language}.toml")
        return self._words[language]

    def signpost_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the records as they are written, by file name, for the content check: nothing is promised."""
        return dict(self._signpost_records())

    def _signpost_records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Read them one by one: ten thousand need not lie in memory twice."""
        for path in sorted((self._folder / "signposts").glob("*.json"), key=attrgetter("name")):
            yield path.name, _json(path)

    def campaign_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the campaigns as they are written, by file name, for the content check."""
        return {path.name: _json(path) for path in sorted((self._folder / "campaigns").glob("*.json"))}

    def organization_records(self) -> Any:  # noqa: ANN401 - whatever the file holds
        """Give the organisations as they are written, for the content check."""
        return _json(self._folder / "organizations.json")

    @cached_property
    def _helpline(self) -> Mapping[str, Any]:
        return _toml(self._folder / "helpline.toml")

    @cached_property
    def _statement(self) -> Mapping[str, Any]:
        return _toml(self._folder / "statement.toml")

    @cached_property
    def _consent(self) -> Mapping[str, Any]:
        return _toml(self._folder / "consent.toml")

    @cached_property
    def _reference_words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        words = _toml(self._folder / "references.toml")
        return tuple(words["first"]), tuple(words["second"])

    @cached_property
    def _search_words(self) -> Mapping[str, Any]:
        return _toml(self._folder / "search.toml")

    @cached_property
    def _help_pages(self) -> Mapping[str, Any]:
        return _toml(self._folder / "help.toml")

    @cached_property
    def _regions(self) -> tuple[Region, ...]:
        from chalicelib.domain.signposts import Region  # noqa: PLC0415 - a form that is sent needs none

        return tuple(Region(**region) for region in _json(self._folder / "regions.json"))

    @cached_property
    def _organizations(self) -> Mapping[str, Organization]:
        from chalicelib.domain.records import read_organization  # noqa: PLC0415 - as above

        try:
            organizations = map(read_organization, self.organization_records())
            return {organization.name: organization for organization in organizations}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            message = "The content file organizations.json is incomplete."
            raise ContentBroken(message) from error

    @cached_property
    def _sessions(self) -> tuple[Session, ...]:
        from chalicelib.domain.sessions import session_of  # noqa: PLC0415 - most cold starts answer something else

        found = []
        for name, record in self.session_records().items():
            try:
                found.append(session_of(record))
            except (KeyError, TypeError, ValueError) as error:
                message = f"The content file {name} is incomplete."
                raise ContentBroken(message) from error
        return tuple(found)

    @cached_property
    def _signposts(self) -> tuple[Signpost, ...]:
        return tuple(_signpost(name, record, self._organizations) for name, record in self._signpost_records())

    @cached_property
    def _campaigns(self) -> tuple[Campaign, ...]:
        return tuple(_campaign(name, record) for name, record in self.campaign_records().items())


def _campaign(name: str, record: Mapping[str, Any]) -> Campaign:
    from chalicelib.domain.campaigns import read_campaign  # noqa: PLC0415 - as above

    try:
        return read_campaign(record)
    except (KeyError, TypeError, ValueError) as error:
        message = f"The content file {name} is incomplete."
        raise ContentBroken(message) from error


def _signpost(name: str, record: Mapping[str, Any], organizations: Mapping[str, Organization]) -> Signpost:
    from chalicelib.domain.records import read_signpost  # noqa: PLC0415 - as above

    try:
        return read_signpost(record, organizations)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"The content file {name} is incomplete."
        raise ContentBroken(message) from error


def _toml(path: Path) -> dict[str, Any]:
    """Read what a person edits, or what packaging has made of it: reading TOML takes longer than answering."""
    ready = path.with_name(f"{path.name}.json")
    if ready.exists():
        found: dict[str, Any] = _json(ready)
        return found
    import tomllib  # noqa: PLC0415 - see above

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
