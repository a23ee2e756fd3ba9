"""
Signposts on the wire: lists and single ones for partner sites and caches, and a search that no log remembers.

Every answer to a GET is serialised once and kept with its ETag; a warm GET looks it up. The plain form is
flat JSON in one language; whoever asks for `application/ld+json` gets the same as schema.org's JSON-LD.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from chalice.app import Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from chalicelib.domain.errors import FieldError, Invalid, Malformed
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES, TOPICS
from chalicelib.http.reading import json_body, language_of, query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chalice.app import Request

    from chalicelib.domain.signposts import Signpost
    from chalicelib.usecases.signposting import Signposting

Headers: TypeAlias = "dict[str, str | list[str]]"

_KEPT = 256
"""Serialised answers to keep: every combination of filters would be thousands, people ask for dozens."""
_JSON = "application/json"
_LINKED_DATA = "application/ld+json"
_SCHEMA_ORG = "https://schema.org"
_OPAQUE_TAG = re.compile(r'"([^"]*)"')


class SignpostSearch(BaseModel):
    """What somebody looks for, in their own words; in a body, so that no address and no log holds it."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)

    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    language: Literal["en", "cy"] | None = None
    audience: (
        Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"] | None
    ) = None
    region: Annotated[str, StringConstraints(max_length=20)] | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    body: str
    etag: str
    headers: Headers


class Signposts:
    """Answers for `/v1/signposts`, `/v1/signposts/{id}` and `/v1/signposts/search`."""

    def __init__(self, signposting: Signposting) -> None:
        self._signposting = signposting
        self._ready: dict[tuple[str | None, ...], _Ready] = {}
        self._items: dict[tuple[str, str], str] = {}

    def list(self, http_request: Request) -> Response:
        """
        List the signposts that suit `audience`, `topic` and `region`, in `language`.

        Raises:
            Malformed: a filter is empty, given twice, or not from the published lists.
        """
        filters: tuple[str | None, str | None, str | None] = (None, None, None)
        if http_request.query_params:
            filters = (
                _chosen(http_request, "audience", AUDIENCES),
                _chosen(http_request, "topic", TOPICS),
                _chosen(http_request, "region", self._signposting.places),
            )
        language, kind = _language(http_request), _kind(http_request)
        key = (kind, language, *filters)
        ready = self._ready.get(key)
        if ready is None:
            audience, topic, region = filters
            found = self._signposting.find(audience=audience, topic=topic, region=region)
            ready = self._keep(key, self._document(found, language, kind), language, kind)
        return _answer(http_request, ready)

    def get(self, http_request: Request, signpost_id: str) -> Response:
        """
        Show one signpost in `language`.

        Raises:
            NotFound: `signpost-unknown`.
            Malformed: `language` is empty, given twice, or neither `en` nor `cy`.
        """
        language, kind = _language(http_request), _kind(http_request)
        signpost = self._signposting.get(signpost_id)
        key = (kind, language, signpost.id)
        ready = self._ready.get(key)
        if ready is None:
            body = self._item(signpost, language) if kind == _JSON else _linked_document(signpost, language)
            ready = self._keep(key, body, language, kind)
        return _answer(http_request, ready)

    def search(self, http_request: Request) -> Response:
        """
        Find signposts in people's own words, best first; nothing of it is kept anywhere.

        Raises:
            Refusal: the body is unreadable, too large or breaks the schema; nothing of it is echoed.
        """
        asked = json_body(http_request, SignpostSearch)
        if asked.region is not None and asked.region not in self._signposting.places:
            raise Invalid((FieldError("/region", "unknown-value"),))
        in_query = _language(http_request)  # read in any case: a bad one is refused, never passed over
        language = asked.language or in_query
        found = self._signposting.search(asked.q, language=language, audience=asked.audience, region=asked.region)
        headers: Headers = {**_headers(language, _JSON), "Cache-Control": "no-store"}
        return Response(self._document(found, language, _JSON), headers=headers)

    def _document(self, found: Collection[Signpost], language: str, kind: str) -> str:
        if kind == _LINKED_DATA:
            graph = [_linked(signpost, language) for signpost in found]
            return _compact({"@context": _SCHEMA_ORG, "@graph": graph})
        items = ",".join(self._item(signpost, language) for signpost in found)
        return f'{{"signposts":[{items}],"count":{len(found)},"language":"{language}"}}'

    def _item(self, signpost: Signpost, language: str) -> str:
        key = (language, signpost.id)
        if key not in self._items:
            self._items[key] = _compact(flat(signpost, language))
        return self._items[key]

    def _keep(self, key: tuple[str | None, ...], body: str, language: str, kind: str) -> _Ready:
        if len(self._ready) >= _KEPT:
            self._ready.clear()  # one step, so that threads need no lock; what is wanted is soon back
        etag = f'"{sha256(body.encode()).hexdigest()}"'
        headers: Headers = {
            **_headers(language, kind),
            "ETag": etag,
            "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
            "Vary": "Accept, Accept-Language",
        }
        ready = self._ready[key] = _Ready(body, etag, headers)
        return ready


def flat(signpost: Signpost, language: str) -> dict[str, Any]:
    """Give a signpost as partner sites read it: in one language, flat, without nulls."""
    return _without_empty(
        {
            "id": signpost.id,
            "name": signpost.name[language],
            "summary": signpost.summary[language],
            "hours": (signpost.hours or {}).get(language),
            "url": signpost.url,
            "phones": [
                _without_empty({"number": phone.number, "e164": phone.e164, "free": phone.free})
                for phone in signpost.phones
            ],
            "audience": signpost.audience,
            "topics": signpost.topics,
            "regions": signpost.regions,
            "languages": signpost.languages,
            "language": language,
            "anonymous": signpost.anonymous,
            "minimum_age": signpost.minimum_age,
            "maximum_age": signpost.maximum_age,
            "organization": {"name": signpost.organization.name},
            "assured_date": signpost.assured_date.isoformat(),
            "source": signpost.source,
            "licence": signpost.licence,
        }
    )


def _linked_document(signpost: Signpost, language: str) -> str:
    return _compact({"@context": _SCHEMA_ORG, **_linked(signpost, language)})


def _linked(signpost: Signpost, language: str) -> dict[str, Any]:
    channel = {
        "@type": "ServiceChannel",
        "serviceUrl": signpost.url,
        "servicePhone": [
            {"@type": "ContactPoint", "telephone": phone.e164 or phone.number} for phone in signpost.phones
        ],
        "availableLanguage": signpost.languages,
    }
    return _without_empty(
        {
            "@type": "Service",
            "identifier": signpost.id,
            "name": signpost.name[language],
            "description": signpost.summary[language],
            "url": signpost.url,
            "provider": {"@type": "Organization", "name": signpost.organization.name},
            "availableChannel": _without_empty(channel),
            "hoursAvailable": signpost.hours
            and {"@type": "OpeningHoursSpecification", "description": signpost.hours[language]},
            "audience": [
                _without_empty(
                    {
                        "@type": "PeopleAudience",
                        "audienceType": AUDIENCES[audience][language],
                        "suggestedMinAge": signpost.minimum_age,
                        "suggestedMaxAge": signpost.maximum_age,
                    }
                )
                for audience in signpost.audience
            ],
            "areaServed": signpost.regions,
            "subjectOf": {
                "@type": "CreativeWork",
                "inLanguage": language,
                "license": signpost.licence,
                "isBasedOn": signpost.source,
                "dateModified": signpost.assured_date.isoformat(),
            },
        }
    )


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ((), [])}


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _chosen(http_request: Request, name: str, known: Collection[str]) -> str | None:
    value = query(http_request, name)
    if value is not None and value not in known:
        raise Malformed("unknown-value", pointer=f"/{name}")
    return value


def _language(http_request: Request) -> str:
    chosen = _chosen(http_request, "language", LANGUAGES) if http_request.query_params else None
    return chosen or language_of(http_request)


def _kind(http_request: Request) -> str:
    return _LINKED_DATA if _LINKED_DATA in (http_request.headers.get("accept") or "") else _JSON


def _headers(language: str, kind: str) -> Headers:
    return {
        "Content-Type": kind,
        "Content-Language": language,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }


def _answer(http_request: Request, ready: _Ready) -> Response:
    held = http_request.headers.get("if-none-match")
    if held and _is_held(held, ready.etag):
        unchanged: Headers = {name: value for name, value in ready.headers.items() if name != "Content-Type"}
        return Response("", headers=unchanged, status_code=304)
    return Response(ready.body, headers=dict(ready.headers))


def _is_held(held: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 13.1.2 asks: any tag of the list, with or without `W/`, or `*`."""
    return held == etag or held.strip() == "*" or etag[1:-1] in _OPAQUE_TAG.findall(held)
