"""Handing the directory on: what other directories copy, page by page, in an order that no change upsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from chalicelib.domain.directory import (
    TAXONOMIES,
    TERMS,
    Wanted,
    at_location_id,
    organization_id,
    says,
    service_id,
    suits,
)
from chalicelib.domain.errors import NotFound
from chalicelib.domain.signposts import place_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.domain.directory import Taxonomy, Term
    from chalicelib.domain.signposts import Organization, Region, Signpost

T = TypeVar("T")
NOTHING_ASKED = Wanted()


class Listed(Protocol):
    """Where the directory comes from: the part of the content that it needs."""

    def signposts(self) -> Sequence[Signpost]:
        """Give every signpost; another object as soon as something has changed."""
        ...

    def organizations(self) -> Sequence[Organization]:
        """Give everybody who offers help."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """
    The directory as it stands between two changes.

    Everything is in the order of its UUID. A service keeps its place for ever, whatever changes in it, and one that is
    no longer offered stays, with another status. So while somebody reads page by page, a page to come can only grow:
    they may meet a service twice, and miss none. What is new before the page they are on, they find by `modified_after`
    the moment at which they began.
    """

    services: Mapping[str, Signpost]
    at_locations: Mapping[str, Signpost]
    organizations: Mapping[str, Organization]
    places: Mapping[str, Mapping[str, str]]


class Directory:
    """Finds services, organisations, taxonomies and terms; in memory, put in order once for each edition."""

    def __init__(self, content: Listed) -> None:
        self._content = content
        self._source: Sequence[Signpost] | None = None
        self._edition: Edition | None = None

    def edition(self) -> Edition:
        """Give the present edition: the same object until the content changes."""
        source = self._content.signposts()
        edition = self._edition
        if edition is None or source is not self._source:
            services = {service_id(each): each for each in source}
            organizations = {organization_id(each): each for each in self._content.organizations()}
            edition = Edition(
                services=_in_order(services),
                at_locations={at_location_id(each): each for each in source},
                organizations=_in_order(organizations),
                places=place_names(self._content.regions()),
            )
            self._edition, self._source = edition, source
        return edition

    def services(self, wanted: Wanted, language: str) -> tuple[Signpost, ...]:
        """Give the services that pass every filter, in their lasting order."""
        services = self.edition().services.values()
        if wanted == NOTHING_ASKED:
            return tuple(services)
        return tuple(each for each in services if suits(each, wanted, language))

    def service(self, service_id: str) -> Signpost:
        """
        Give one service.

        Raises:
            NotFound: `record-unknown`.
        """
        return _known(self.edition().services, service_id)

    def at_location(self, record_id: str) -> Signpost:
        """
        Give the service of a link between a service and where it is had.

        Raises:
            NotFound: `record-unknown`.
        """
        return _known(self.edition().at_locations, record_id)

    def organizations(self, wanted: Wanted, language: str) -> tuple[Organization, ...]:
        """Give the organisations that say what is searched for, and offer something that is sorted as asked."""
        found = tuple(
            each
            for each in self.edition().organizations.values()
            if (wanted.search is None or says(wanted.search, each.name, each.description[language]))
            and (wanted.modified_after is None or each.last_modified >= wanted.modified_after)
        )
        if wanted.taxonomy_term_id is None and wanted.taxonomy_id is None:
            return found
        sorted_so = Wanted(taxonomy_term_id=wanted.taxonomy_term_id, taxonomy_id=wanted.taxonomy_id)
        offering = {each.organization.id for each in self.services(sorted_so, language)}
        return tuple(each for each in found if each.id in offering)

    def organization(self, organization_id: str) -> Organization:
        """
        Give one organisation.

        Raises:
            NotFound: `record-unknown`.
        """
        return _known(self.edition().organizations, organization_id)

    def offered_by(self, organization: Organization) -> tuple[Signpost, ...]:
        """Give the services of an organisation."""
        return tuple(each for each in self.edition().services.values() if each.organization.id == organization.id)

    def taxonomies(self, wanted: Wanted, language: str) -> tuple[Taxonomy, ...]:
        """Give the lists by which services are sorted."""
        return tuple(
            each
            for each in TAXONOMIES
            if wanted.search is None or says(wanted.search, each.name[language], each.about[language])
        )

    def taxonomy(self, taxonomy_id: str) -> Taxonomy:
        """
        Give one of those lists.

        Raises:
            NotFound: `record-unknown`.
        """
        return _known({each.id: each for each in TAXONOMIES}, taxonomy_id)

    def terms(self, wanted: Wanted, language: str) -> tuple[Term, ...]:
        """Give the words of those lists."""
        return tuple(
            each
            for each in TERMS
            if (wanted.search is None or says(wanted.search, each.name[language]))
            and (wanted.taxonomy_id is None or each.taxonomy.id == wanted.taxonomy_id)
        )

    def term(self, term_id: str) -> Term:
        """
        Give one of those words.

        Raises:
            NotFound: `record-unknown`.
        """
        return _known({each.id: each for each in TERMS}, term_id)


def _in_order(records: Mapping[str, T]) -> Mapping[str, T]:
    return dict(sorted(records.items(), key=lambda entry: entry[0]))


def _known(records: Mapping[str, T], record_id: str) -> T:
    found = records.get(record_id.lower())
    if found is None:
        raise NotFound("record-unknown")
    return found
