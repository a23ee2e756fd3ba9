"""
What editors have published, as readers meet it: laid over the content that travels with the code.

Every running instance looks for news on its own, and at most every twenty seconds, so that readers pay nothing for it.
Nothing here fails because the store does: an instance goes on with what it has. What it learns, it shows when all the
others have learnt it as well, half a minute after it was published, and all of them in the same moment:

    editor                    one instance                   another
    | publishes at 10:00:00   | looked at 09:59:50           |
    |                         |                              | looks at 10:00:05, and waits with it
    |                         | looks at 10:00:10, and waits |
    |                         | 10:00:30: shown              | 10:00:30: shown

So somebody who walks the feed meets no older page after a newer one, whichever instance answers: a record that comes
and goes between two pages would push another one over the border between them, unseen. That holds as far as the
instances' clocks agree, to less than what lies between two requests. An instance that cannot reach the store for ten
seconds after its turn may show a publication late.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.records import problems_of_organization, read_organization, read_signpost
from chalicelib.domain.signposts import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain.signposts import Organization, Region, Signpost
    from chalicelib.ports import Clock, Publications, Version

T = TypeVar("T", "Signpost", "Organization")

LOOK = timedelta(seconds=20)
"""How long an instance goes on with what it knows."""
AGAIN = timedelta(seconds=5)
"""When it looks again after the store did not answer."""
SHOWN = timedelta(seconds=30)
"""How long after a publication it is shown: every instance has looked by then, and looked again if that failed."""
INACTIVE = "inactive"

_BROKEN = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def shown_from(version: Version) -> datetime:
    """Tell from when on readers meet a version; that is when what it says was last modified."""
    return version.at + SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """
    What an instance knows: up to which edition, and what it shows of it from *since* until *until*.

    *versions* are, by kind, those to be shown now and those to be shown soon, newest first for each record; *looked_at*
    is when they were read, or could not be.
    """

    edition: int = 0
    versions: Mapping[str, tuple[tuple[Version, ...], ...]] = field(default_factory=dict)
    shown: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    since: datetime
    look_at: datetime
    until: datetime

    def shows(self, kind: str, now: datetime) -> bool:
        """Tell whether it may go on with what it shows; a clock that was set back makes it look."""
        return kind in self.shown and self.since <= now < self.until


class Published:
    """
    What is out, kind by kind, as this instance shows it.

    *publications* gives where to look, or None as long as there is no such place yet. One thread looks, and others
    wait for it: what an instance that has slept for an hour still holds is older than what others have shown since.
    """

    def __init__(self, publications: Callable[[], Publications | None], clock: Clock) -> None:
        self._publications, self._clock = publications, clock
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def of(self, kind: str) -> tuple[Version, ...]:
        """Give what is out of a kind: the same object until something of that kind has changed."""
        return self.shown(kind)[kind]

    def shown(self, *kinds: str) -> Mapping[str, tuple[Version, ...]]:
        """Give what is out, by kind, *kinds* included: the same object until somebody had to look."""
        known, now = self._known, self._clock.now()
        for kind in kinds:
            if known is None or not known.shows(kind, now):
                with self._lock:
                    known = self._known or _Known(since=now, look_at=now, until=now)
                    if not known.shows(kind, now):
                        if kind not in known.versions or not known.since <= now < known.look_at:
                            known = self._looked(kinds, now, known)
                        known = self._known = _showing(known, now, kind)
        return {} if known is None else known.shown

    def _looked(self, kinds: Iterable[str], now: datetime, known: _Known) -> _Known:
        """Look whether there is news; an edition that is older than what is known is none."""
        try:
            publications = self._publications()
            edition = 0 if publications is None else publications.edition()
            wanted = {*kinds, *known.shown}
            read = wanted.difference(known.versions) if edition <= known.edition else wanted
            # Where nothing has ever been published there is nothing to read.
            versions = {each: _read_all(publications, each, now) if edition else () for each in read}
        except Unavailable:
            return replace(known, since=now, look_at=now + AGAIN)
        versions = {**known.versions, **versions}
        return replace(known, edition=max(edition, known.edition), versions=versions, since=now, look_at=now + LOOK)


def _read_all(publications: Publications | None, kind: str, now: datetime) -> tuple[tuple[Version, ...], ...]:
    """Read for each record what is to be shown now, and behind it what was, as far as that is still shown."""
    if publications is None:
        return ()
    _, newest = publications.published(kind)
    return tuple(
        (each,) if shown_from(each) <= now else _as_far(publications.history(kind, each.record_id), now)
        for each in newest
    )


def _as_far(history: Sequence[Version], now: datetime) -> tuple[Version, ...]:
    last = next((at for at, each in enumerate(history) if shown_from(each) <= now), len(history))
    return tuple(history[: last + 1])


def _showing(known: _Known, now: datetime, kind: str) -> _Known:
    """
    Show what is to be shown now, until the next look or until the next version's time has come.

    Of a *kind* that could not be read yet there is nothing to show.
    """
    shown: dict[str, tuple[Version, ...]] = {kind: (), **known.shown}
    for each, records in known.versions.items():
        out = (next((version for version in versions if shown_from(version) <= now), None) for versions in records)
        fresh, held = tuple(version for version in out if version is not None), known.shown.get(each)
        shown[each] = held if held is not None and held == fresh else fresh
    times = (shown_from(each) for records in known.versions.values() for versions in records for each in versions)
    until = min((at for at in times if at > now), default=known.look_at)
    return replace(known, shown=shown, until=min(until, known.look_at))


class Packaged(Protocol):
    """The content that travels with the code: the part of it that publications are laid over."""

    def signposts(self) -> Sequence[Signpost]:
        """Give every signpost."""
        ...

    def organizations(self) -> Sequence[Organization]:
        """Give everybody who offers help."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...

    def search_words(self) -> Mapping[str, object]:
        """Give the words in which people look for help."""
        ...


@dataclass(frozen=True, slots=True)
class _Edition:
    """What was made of two lists of publications, which tell it by what they are; *out* has them as last seen."""

    out: Mapping[str, tuple[Version, ...]]
    signposts: tuple[Signpost, ...]
    organizations: tuple[Organization, ...]


class PublishedContent:
    """
    Signposts and organisations: the packaged ones, in their order, each as it was last published; then the new ones.

    A stored record that cannot be read, or that is not fit to be shown, is passed over: what is packaged stands.
    """

    def __init__(self, packaged: Packaged, published: Published, clock: Clock) -> None:
        self._packaged, self._published, self._clock = packaged, published, clock
        self._edition: _Edition | None = None

    def signposts(self) -> tuple[Signpost, ...]:
        """Give every signpost, those no longer offered included; the same object until something has changed."""
        return self._now().signposts

    def organizations(self) -> tuple[Organization, ...]:
        """Give everybody who offers help."""
        return self._now().organizations

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        return self._packaged.regions()

    def search_words(self) -> Mapping[str, object]:
        """Give the words in which people look for help."""
        return self._packaged.search_words()

    def _now(self) -> _Edition:
        out, edition = self._published.shown("signpost", "organization"), self._edition
        if edition is not None and edition.out is out:
            return edition
        if edition is None or any(edition.out[kind] is not out[kind] for kind in ("signpost", "organization")):
            edition = self._made(out)
        self._edition = replace(edition, out=out)
        return self._edition

    def _made(self, out: Mapping[str, tuple[Version, ...]]) -> _Edition:
        organizations = self._packaged.organizations()
        offering = _laid_over(organizations, out["organization"], _organization, lambda each, _: each)
        by_name = {each.name: each for each in offering}
        codes = {region.code for region in self._packaged.regions()}
        today = self._clock.now().date()

        def signpost(record: Any, stamp: datetime) -> Signpost | None:  # noqa: ANN401 - whatever was stored
            if any(
                each.severity == "error" for each in problems_of(record, today, regions=codes, organizations=by_name)
            ):
                return None
            read = read_signpost(record, by_name)
            return replace(read, last_modified=max(stamp, read.last_modified or stamp))

        # What is packaged knows its organisation as that was packaged.
        renewed = {each.id: each for each in offering}
        packaged = [
            each
            if (now := renewed.get(each.organization.id, each.organization)) is each.organization
            else replace(each, organization=now)
            for each in self._packaged.signposts()
        ]
        return _Edition(out, _laid_over(packaged, out["signpost"], signpost, _ended), offering)


def _organization(record: Any, stamp: datetime) -> Organization | None:  # noqa: ANN401 - whatever was stored
    if any(problems_of_organization(record)):
        return None
    read = read_organization(record)
    return replace(read, last_modified=max(stamp, read.last_modified))


def _ended(signpost: Signpost, stamp: datetime) -> Signpost:
    return replace(signpost, status=INACTIVE, last_modified=stamp)


def _laid_over(
    packaged: Sequence[T],
    published: Iterable[Version],
    read: Callable[[Any, datetime], T | None],
    ended: Callable[[T, datetime], T],
) -> tuple[T, ...]:
    """Put each published record in the place of the packaged one of its id, and new ones behind; none is taken away."""
    records = {each.id: each for each in packaged}
    for version in published:
        name, stamp = version.record_id, shown_from(version)
        if version.body is not None:
            shown = _read(name, version.body, stamp, read)
        else:
            shown = ended(records[name], stamp) if name in records else None
        if shown is not None:
            records[name] = shown
    return tuple(records.values())


def _read(record_id: str, body: bytes, stamp: datetime, read: Callable[[Any, datetime], T | None]) -> T | None:
    try:
        record = json.loads(body)
        json.dumps(record, ensure_ascii=False).encode()  # what cannot be written out again would break an answer
        shown = read(record, stamp)
    except _BROKEN:
        return None
    return shown if shown is not None and shown.id == record_id else None
