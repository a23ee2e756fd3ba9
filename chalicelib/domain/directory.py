"""
The signposts as a directory that other directories copy from: stable ids, two taxonomies, filters, pages.

The filters mean what Open Referral UK 3.0 says they mean, and a service must pass all of them. Where a service does not
say (no age, no hours), a filter that asks for it leaves it out: a directory must not promise what nobody checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID, uuid5

from chalicelib.domain.signposts import AUDIENCES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain.signposts import Organization, Schedule, Signpost

T = TypeVar("T")

ICAL_DAYS: Mapping[str, str] = {
    "MO": "mon", "TU": "tue", "WE": "wed", "TH": "thu", "FR": "fri", "SA": "sat", "SU": "sun",
}  # fmt: skip
"""The days of the week as calendars write them (RFC 5545), and as the content does."""
LARGEST_PAGE = 500

_NAMESPACE = UUID("5b0d5f2e-9d0c-5c39-9f5c-2f7a3e7c1d10")
"""Never to be changed: every id in every directory that copied from us follows from it."""
_END_OF_DAY = {"24:00": "23:59"}
"""How the end of the day is written for programs that know no 24:00; schema.org writes it so too."""


@lru_cache(maxsize=100_000)
def identity(kind: str, *names: str) -> str:
    """Give the UUID of a thing: the same for the same *kind* and *names*, in every process and every year."""
    return str(uuid5(_NAMESPACE, "/".join((kind, *names))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """A list of words by which services are sorted; *name* and *about* by language."""

    key: str
    name: Mapping[str, str]
    about: Mapping[str, str]
    terms: Mapping[str, Mapping[str, str]]

    @property
    def id(self) -> str:
        """Its UUID."""
        return identity("taxonomy", self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a taxonomy: its *code* in our content, and its *name* by language."""

    taxonomy: Taxonomy
    code: str
    name: Mapping[str, str]

    @property
    def id(self) -> str:
        """Its UUID."""
        return identity("term", self.taxonomy.key, self.code)


TAXONOMIES: tuple[Taxonomy, ...] = (
    Taxonomy(
        key="audience",
        name={"en": "Whom the help is for", "cy": "I bwy y mae'r cymorth"},
        about={
            "en": "The people whom a service is there for, in the words in which they would say it.",
            "cy": "Y bobl y mae gwasanaeth yno ar eu cyfer, yn y geiriau y bydden nhw'n eu defnyddio.",
        },
        terms=AUDIENCES,
    ),
    Taxonomy(
        key="topic",
        name={"en": "What the help is about", "cy": "Am beth y mae'r cymorth"},
        about={
            "en": "What a service helps with.",
            "cy": "Yr hyn y mae gwasanaeth yn helpu ag ef.",
        },
        terms=TOPICS,
    ),
)
TERMS: tuple[Term, ...] = tuple(
    Term(taxonomy=taxonomy, code=code, name=name) for taxonomy in TAXONOMIES for code, name in taxonomy.terms.items()
)
_TERM_OF: Mapping[tuple[str, str], Term] = {(term.taxonomy.key, term.code): term for term in TERMS}


def terms_of(signpost: Signpost) -> tuple[Term, ...]:
    """Give the words by which a service is sorted."""
    return (
        *(_TERM_OF["audience", code] for code in signpost.audience),
        *(_TERM_OF["topic", code] for code in signpost.topics),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What a directory asks for; None asks nothing.

    *opens_from* and *closes_by* are `HH:MM` and *day* as in calendars; one and the same schedule must agree with all
    three of them.
    """

    search: str | None = None
    taxonomy_term_id: str | None = None
    taxonomy_id: str | None = None
    minimum_age: int | None = None
    maximum_age: int | None = None
    opens_from: str | None = None
    closes_by: str | None = None
    day: str | None = None
    modified_after: datetime | None = None


def suits(signpost: Signpost, wanted: Wanted, language: str) -> bool:
    """Tell whether a service passes every filter; *search* looks in its name and description in *language*."""
    return (
        (wanted.modified_after is None or signpost.modified_at >= wanted.modified_after)
        and (
            wanted.minimum_age is None
            or (signpost.minimum_age is not None and signpost.minimum_age >= wanted.minimum_age)
        )
        and (
            wanted.maximum_age is None
            or (signpost.maximum_age is not None and signpost.maximum_age <= wanted.maximum_age)
        )
        and (wanted.search is None or says(wanted.search, signpost.name[language], signpost.summary[language]))
        and _is_sorted_so(signpost, wanted)
        and _is_open_so(signpost, wanted)
    )


def says(search: str, *texts: str) -> bool:
    """Tell whether every word of *search* stands in *texts*, in whole or in part, whatever its case."""
    text = "\n".join(texts).casefold()
    return all(word in text for word in search.casefold().split())


def _is_sorted_so(signpost: Signpost, wanted: Wanted) -> bool:
    if wanted.taxonomy_term_id is None and wanted.taxonomy_id is None:
        return True
    terms = terms_of(signpost)
    return (wanted.taxonomy_term_id is None or any(term.id == wanted.taxonomy_term_id for term in terms)) and (
        wanted.taxonomy_id is None or any(term.taxonomy.id == wanted.taxonomy_id for term in terms)
    )


def _is_open_so(signpost: Signpost, wanted: Wanted) -> bool:
    if wanted.day is None and wanted.opens_from is None and wanted.closes_by is None:
        return True
    return any(
        (wanted.day is None or ICAL_DAYS[wanted.day] in schedule.days)
        and (wanted.opens_from is None or schedule.opens_at >= wanted.opens_from)
        and (wanted.closes_by is None or closing(schedule) <= wanted.closes_by)
        for schedule in signpost.schedules
    )


def closing(schedule: Schedule) -> str:
    """Give when a schedule ends, as a clock shows it: the end of the day is 23:59."""
    return _END_OF_DAY.get(schedule.closes_at, schedule.closes_at)


def service_id(signpost: Signpost) -> str:
    """Give the UUID of a service."""
    return identity("service", signpost.id)


def at_location_id(signpost: Signpost) -> str:
    """Give the UUID of the link between a service and where it is had."""
    return identity("service-at-location", signpost.id)


def organization_id(organization: Organization) -> str:
    """Give the UUID of an organisation."""
    return identity("organization", organization.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list; *number* counts from 1."""

    number: int
    per_page: int
    total_items: int
    contents: Sequence[T]

    @property
    def total_pages(self) -> int:
        """How many pages there are; none of nothing."""
        return -(-self.total_items // self.per_page)

    @property
    def is_last(self) -> bool:
        """Whether nothing follows: true as well for a page past the end, so that a harvester stops."""
        return self.number >= self.total_pages


def page_of(everything: Sequence[T], *, number: int, per_page: int) -> Page[T]:
    """Cut one page out of a list; past the end it is empty."""
    start = (number - 1) * per_page
    return Page(
        number=number, per_page=per_page, total_items=len(everything), contents=everything[start : start + per_page]
    )
