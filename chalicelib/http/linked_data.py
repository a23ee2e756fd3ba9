"""Signposts, the helpline, and questions with their answers in schema.org's words (JSON-LD), for search engines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.domain.directory import closing, organization_id, service_id
from chalicelib.domain.signposts import AUDIENCES, WEEK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.signposts import Organization, Signpost

Node: TypeAlias = dict[str, Any]

CONTEXT = "https://schema.org"
_DAYS: Mapping[str, str] = {
    day: f"https://schema.org/{name}"
    for day, name in zip(
        WEEK, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True
    )
}
_IN_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def document(signpost: Signpost, language: str) -> str:
    """Write one signpost as a document."""
    return _written({"@context": CONTEXT, **service(signpost, language)})


def graph(nodes: Sequence[Node]) -> str:
    """Write several things as one document."""
    return _written({"@context": CONTEXT, "@graph": list(nodes)})


def in_page(nodes: Sequence[Node]) -> str:
    """Write several things so that they can stand in a `<script>` of data, and nothing in them can end it."""
    return graph(nodes).translate(_IN_MARKUP)


def service(signpost: Signpost, language: str) -> Node:
    """Describe an offer of help."""
    hours = _hours_of_signpost(signpost, language)
    phones = [
        _filled(
            {
                "@type": "ContactPoint",
                "contactType": "helpline",
                "telephone": phone.e164 or phone.number,
                "availableLanguage": list(signpost.languages),
                "hoursAvailable": hours,
            }
        )
        for phone in signpost.phones
    ]
    return _filled(
        {
            "@type": "Service",
            "@id": f"urn:uuid:{service_id(signpost)}",
            "identifier": signpost.id,
            "name": signpost.name[language],
            "description": signpost.summary[language],
            "url": signpost.url,
            "provider": organization(signpost.organization, language),
            "availableChannel": _filled(
                {
                    "@type": "ServiceChannel",
                    "serviceUrl": signpost.url,
                    "servicePhone": phones,
                    "availableLanguage": list(signpost.languages),
                }
            ),
            "hoursAvailable": hours,
            "audience": [
                _filled(
                    {
                        "@type": "PeopleAudience",
                        "audienceType": AUDIENCES[audience][language],
                        "suggestedMinAge": signpost.minimum_age,
                        "suggestedMaxAge": signpost.maximum_age,
                    }
                )
                for audience in signpost.audience
            ],
            "areaServed": list(signpost.regions),
            "subjectOf": {
                "@type": "CreativeWork",
                "inLanguage": language,
                "license": signpost.licence,
                "isBasedOn": signpost.source,
                "dateModified": signpost.modified_at.date().isoformat(),
            },
        }
    )


def organization(each: Organization, language: str) -> Node:
    """Describe who offers help."""
    return _filled(
        {
            "@type": "Organization",
            "@id": f"urn:uuid:{organization_id(each)}",
            "name": each.name,
            "description": each.description[language],
            "url": each.website,
        }
    )


def helpline(each: Helpline, language: str) -> Node:
    """Describe the helpline itself, and how to ring it."""
    hours = _hours_of_helpline(each)
    return {
        "@type": "Organization",
        "name": each.name[language],
        "parentOrganization": {"@type": "Organization", "name": each.organisation},
        "url": each.website,
        "contactPoint": [
            _filled(
                {
                    "@type": "ContactPoint",
                    "contactType": "helpline",
                    "telephone": phone.e164,
                    "description": phone.label[language],
                    "availableLanguage": ["en", "cy"],
                    "hoursAvailable": hours,
                }
            )
            for phone in each.phones
        ],
    }


def questions(asked: Sequence[Mapping[str, str]], language: str, url: str) -> Node:
    """Describe a page of questions and answers."""
    return {
        "@type": "FAQPage",
        "url": url,
        "inLanguage": language,
        "mainEntity": [
            {
                "@type": "Question",
                "name": each["question"],
                "acceptedAnswer": {"@type": "Answer", "text": each["answer"]},
            }
            for each in asked
        ],
    }


def _hours_of_signpost(signpost: Signpost, language: str) -> list[Node]:
    if not signpost.schedules and signpost.hours:
        return [{"@type": "OpeningHoursSpecification", "description": signpost.hours[language]}]
    return [_open(schedule.days, schedule.opens_at, closing(schedule)) for schedule in signpost.schedules]


def _hours_of_helpline(each: Helpline) -> list[Node]:
    return [
        _open((WEEK[weekday],), f"{opens:%H:%M}", f"{closes:%H:%M}")
        for weekday, opens, closes in each.hours.each_week()
    ]


def _open(days: Sequence[str], opens: str, closes: str) -> Node:
    return {
        "@type": "OpeningHoursSpecification",
        "dayOfWeek": [_DAYS[day] for day in days],
        "opens": opens,
        "closes": closes,
    }


def _filled(node: Node) -> Node:
    return {name: value for name, value in node.items() if value is not None and value != []}


def _written(node: Node) -> str:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))
