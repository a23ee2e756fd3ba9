"""
What the Open Referral feed answers, strictly: every field that may appear, and of what kind.

Stricter than the published schemas, which let almost anything pass: ids are UUIDs, nothing is null, nothing is unknown,
a link leads to what it says. `openapi.json` is built from these; the tests hold every page and every record to them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

T = TypeVar("T")

Text = Annotated[str, StringConstraints(min_length=1)]
Address = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]
SiteAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
ByDay = Annotated[str, StringConstraints(pattern=r"^(MO|TU|WE|TH|FR|SA|SU)(,(MO|TU|WE|TH|FR|SA|SU))*$")]
Age = Annotated[int, Field(ge=0, le=120)]


class Oruk(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    @model_validator(mode="after")
    def _nothing_is_null(self) -> Self:
        if any(getattr(self, field) is None for field in self.model_fields_set):
            message = "what is empty is left out"
            raise ValueError(message)
        return self


class OrukAbout(Oruk):
    """Which version and profile this is."""

    version: Literal["HSDS-UK-3.0"]
    profile: Address
    openapi_url: SiteAddress


class OrukTerm(Oruk):
    """A word by which services are sorted."""

    id: UUID
    code: Text
    name: Text
    description: Text
    taxonomy: Text
    taxonomy_id: UUID


class OrukTaxonomy(Oruk):
    """A list of such words."""

    id: UUID
    name: Text
    description: Text


class OrukWholeTaxonomy(OrukTaxonomy):
    """A list of such words, with the words."""

    taxonomy_terms: Annotated[list[OrukTerm], Field(min_length=1)]


class OrukOrganization(Oruk):
    """Who offers help."""

    id: UUID
    name: Text
    description: Text
    website: Address | SkipJsonSchema[None] = None


class OrukPhone(Oruk):
    """A number to ring, as HSDS has it; Open Referral UK leaves phones out, and we do not."""

    id: UUID
    service_id: UUID
    number: Text
    type: Literal["voice"]
    description: Text


class OrukSchedule(Oruk):
    """When help is open each week, by the clock of the United Kingdom."""

    id: UUID
    service_id: UUID
    freq: Literal["WEEKLY"]
    byday: ByDay
    opens_at: Clock
    closes_at: Clock
    description: Text | SkipJsonSchema[None] = None


class OrukServiceArea(Oruk):
    """Where help is offered: the country, a nation, or a police force area by its ONS code."""

    id: UUID
    service_id: UUID
    name: Text
    extent: Text
    extent_type: Literal["text"]


class OrukLanguage(Oruk):
    """A language in which help is given."""

    id: UUID
    service_id: UUID
    code: Text
    name: Text


class OrukAttribute(Oruk):
    """That a service is sorted under a word."""

    id: UUID
    link_id: UUID
    link_type: Literal["audience", "topic"]
    taxonomy_term_id: UUID
    taxonomy_term: OrukTerm


class OrukLocation(Oruk):
    """Where help is had: nowhere in particular."""

    id: UUID
    location_type: Literal["virtual"]
    name: Text


class _AtLocation(Oruk):
    id: UUID
    service_id: UUID
    location_id: UUID
    location: OrukLocation


class _Service(Oruk):
    id: UUID
    organization_id: UUID
    name: Text
    description: Text
    url: Address
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    minimum_age: Age | SkipJsonSchema[None] = None
    maximum_age: Age | SkipJsonSchema[None] = None
    assured_date: date
    last_modified: datetime
    phones: Annotated[list[OrukPhone], Field(min_length=1)] = []


class OrukService(_Service):
    """A service as it stands in a list."""

    organization: OrukOrganization


class _Belongings(OrukService):
    schedules: Annotated[list[OrukSchedule], Field(min_length=1)] = []
    service_areas: Annotated[list[OrukServiceArea], Field(min_length=1)]
    languages: Annotated[list[OrukLanguage], Field(min_length=1)]
    attributes: Annotated[list[OrukAttribute], Field(min_length=1)]


class OrukOwnLocation(_AtLocation):
    """Where a service is had, as it stands in the service."""


class OrukWholeService(_Belongings):
    """A service with all that belongs to it."""

    service_at_locations: Annotated[list[OrukOwnLocation], Field(min_length=1)]


class OrukServiceAtLocation(_AtLocation):
    """A service where it is had, as it stands in a list."""

    service: OrukService


class OrukInnerService(_Belongings):
    """A service with all that belongs to it, inside the link to where it is had."""


class OrukWholeServiceAtLocation(_AtLocation):
    """A service where it is had, with all that belongs to it."""

    service: OrukInnerService


class OrukOfferedService(_Service):
    """A service as it stands in its organisation."""


class OrukWholeOrganization(OrukOrganization):
    """Who offers help, with what they offer."""

    services: Annotated[list[OrukOfferedService], Field(min_length=1)] = []


class _Page(Oruk, Generic[T]):
    total_items: Annotated[int, Field(ge=0)]
    total_pages: Annotated[int, Field(ge=0)]
    page_number: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=0)]
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[T]


class OrukServices(_Page[OrukService]):
    """A page of services."""


class OrukServicesAtLocations(_Page[OrukServiceAtLocation]):
    """A page of services where they are had."""


class OrukOrganizations(_Page[OrukOrganization]):
    """A page of organisations."""


class OrukTaxonomies(_Page[OrukTaxonomy]):
    """A page of taxonomies."""


class OrukTerms(_Page[OrukTerm]):
    """A page of terms."""
