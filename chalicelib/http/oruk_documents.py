"""Records of the directory in the shape of Open Referral UK 3.0; what is empty is left out, never null."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.domain.directory import (
    ICAL_DAYS,
    Term,
    at_location_id,
    closing,
    identity,
    organization_id,
    service_id,
    terms_of,
)
from chalicelib.domain.signposts import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.domain.directory import Taxonomy
    from chalicelib.domain.signposts import Organization, Phone, Schedule, Signpost

Document: TypeAlias = dict[str, Any]
Places: TypeAlias = "Mapping[str, Mapping[str, str]]"

_ICAL_DAY: Mapping[str, str] = {ours: ical for ical, ours in ICAL_DAYS.items()}
_LANGUAGE_NAMES = {"en": {"en": "English", "cy": "Saesneg"}, "cy": {"en": "Welsh", "cy": "Cymraeg"}}
_FREE = {
    True: {"en": "Free to ring", "cy": "Am ddim i'w ffonio"},
    False: {"en": "Calls are charged", "cy": "Codir tâl am alwadau"},
}
_ANYWHERE = {"en": "By phone or online", "cy": "Dros y ffôn neu ar-lein"}


def compact(document: Mapping[str, Any]) -> str:
    """Write a document as it goes out."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def service(signpost: Signpost, language: str) -> Document:
    """Give a service as it stands in a list: what there is one of, its organisation, and its phones."""
    return _filled(
        {
            "id": service_id(signpost),
            "organization_id": organization_id(signpost.organization),
            "name": signpost.name[language],
            "description": signpost.summary[language],
            "url": signpost.url,
            "status": signpost.status,
            "minimum_age": signpost.minimum_age,
            "maximum_age": signpost.maximum_age,
            "assured_date": signpost.assured_date.isoformat(),
            "last_modified": _instant(signpost.modified_at),
            "organization": organization(signpost.organization, language),
            "phones": _phones(signpost, language),
        }
    )


def whole_service(signpost: Signpost, language: str, places: Places) -> Document:
    """Give a service with everything that belongs to it; *places* name where it is offered."""
    at_location = {"id": at_location_id(signpost), **_at_location(signpost, language)}
    return _filled({**service(signpost, language), **_belongings(signpost, language, places)}) | {
        "service_at_locations": [at_location]
    }


def service_at_location(signpost: Signpost, language: str) -> Document:
    """Give a service where it is had, by phone or online, as it stands in a list."""
    return {
        "id": at_location_id(signpost),
        **_at_location(signpost, language),
        "service": service(signpost, language),
    }


def whole_service_at_location(signpost: Signpost, language: str, places: Places) -> Document:
    """Give a service where it is had, with everything that belongs to it."""
    whole = _filled({**service(signpost, language), **_belongings(signpost, language, places)})
    return {"id": at_location_id(signpost), **_at_location(signpost, language), "service": whole}


def organization(each: Organization, language: str) -> Document:
    """Give an organisation as it stands in a list."""
    return _filled(
        {
            "id": organization_id(each),
            "name": each.name,
            "description": each.description[language],
            "website": each.website,
        }
    )


def whole_organization(each: Organization, services: Sequence[Signpost], language: str) -> Document:
    """Give an organisation with the services that it offers."""
    offered = [
        {name: value for name, value in service(one, language).items() if name != "organization"} for one in services
    ]
    return _filled({**organization(each, language), "services": offered})


def taxonomy(each: Taxonomy, language: str) -> Document:
    """Give a list of words as it stands in a list."""
    return {"id": each.id, "name": each.name[language], "description": each.about[language]}


def whole_taxonomy(each: Taxonomy, language: str) -> Document:
    """Give a list of words with its words."""
    words = [term(Term(taxonomy=each, code=code, name=name), language) for code, name in each.terms.items()]
    return {**taxonomy(each, language), "taxonomy_terms": words}


def term(each: Term, language: str) -> Document:
    """Give a word by which services are sorted."""
    return {
        "id": each.id,
        "code": each.code,
        "name": each.name[language],
        "description": f"{each.taxonomy.name[language]}: {each.name[language]}",
        "taxonomy": each.taxonomy.name[language],
        "taxonomy_id": each.taxonomy.id,
    }


def _at_location(signpost: Signpost, language: str) -> Document:
    location_id = identity("location", "anywhere")
    return {
        "service_id": service_id(signpost),
        "location_id": location_id,
        "location": {"id": location_id, "location_type": "virtual", "name": _ANYWHERE[language]},
    }


def _belongings(signpost: Signpost, language: str, places: Places) -> Document:
    own_id = service_id(signpost)
    return {
        "schedules": [
            _schedule(signpost, schedule, place, language) for place, schedule in enumerate(signpost.schedules)
        ],
        "service_areas": [
            {
                "id": identity("service-area", signpost.id, region),
                "service_id": own_id,
                "name": places[region][language],
                "extent": region,
                "extent_type": "text",
            }
            for region in signpost.regions
        ],
        "languages": [
            {
                "id": identity("language", signpost.id, code),
                "service_id": own_id,
                "code": code,
                "name": _LANGUAGE_NAMES[code][language] if code in LANGUAGES else code,
            }
            for code in signpost.languages
        ],
        "attributes": [
            {
                "id": identity("attribute", signpost.id, each.taxonomy.key, each.code),
                "link_id": own_id,
                "link_type": each.taxonomy.key,
                "taxonomy_term_id": each.id,
                "taxonomy_term": term(each, language),
            }
            for each in terms_of(signpost)
        ],
    }


def _schedule(signpost: Signpost, schedule: Schedule, place: int, language: str) -> Document:
    return _filled(
        {
            "id": identity("schedule", signpost.id, str(place)),
            "service_id": service_id(signpost),
            "freq": "WEEKLY",
            "byday": ",".join(_ICAL_DAY[day] for day in schedule.days),
            "opens_at": schedule.opens_at,
            "closes_at": closing(schedule),
            "description": None if signpost.hours is None else signpost.hours[language],
        }
    )


def _phones(signpost: Signpost, language: str) -> list[Document]:
    return [_phone(signpost, phone, language) for phone in signpost.phones]


def _phone(signpost: Signpost, phone: Phone, language: str) -> Document:
    return {
        "id": identity("phone", signpost.id, phone.number),
        "service_id": service_id(signpost),
        "number": phone.number,
        "type": "voice",
        "description": _FREE[phone.free][language],
    }


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _filled(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None and value not in ([], "")}
