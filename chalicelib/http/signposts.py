"""
Signposts on the wire: lists and single ones for partner sites and caches, and a search that no log remembers.

Every answer to a GET is serialised once and kept with its ETag; a warm GET looks it up. The plain form is
flat JSON in one language; whoever asks for `application/ld+json` gets the same as schema.org's JSON-LD.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.directory import LARGEST_PAGE, page_of
from chalicelib.domain.errors import FieldError, Invalid
from chalicelib.domain.signposts import AUDIENCES, TOPICS
from chalicelib.http import linked_data
from chalicelib.http.kept import FRESH, Shelves, handed_out
from chalicelib.http.reading import LARGEST_NUMBER, chosen, content_language, json_body, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalice.app import Request

    from chalicelib.domain.directory import Page
    from chalicelib.domain.searching import Found, Match
    from chalicelib.domain.signposts import Signpost
    from chalicelib.http.kept import Headers, Shelf
    from chalicelib.usecases.signposting import Signposting

_JSON = "application/json"
_LINKED_DATA = "application/ld+json"
_VARY = "Accept, Accept-Language"
_REASONS = 5
"""As many reasons as somebody may want to read, the weightiest first."""
_BEST = 50
"""As many places as somebody may want to look at; who wants every one reads the list."""


class Signposts:
    """Answers for `/v1/signposts`, `/v1/signposts/{id}` and `/v1/signposts/search`."""

    def __init__(self, signposting: Signposting) -> None:
        self._signposting = signposting
        self._ready = Shelves()

    def list(self, http_request: Request) -> Response:
        """
        List the signposts that suit `audience`, `topic` and `region`, in `language`; a large list comes in pages.

        Raises:
            Malformed: a filter is empty, given twice, or not from the published lists; or there cannot be such a page.
        """
        filters: tuple[str | None, str | None, str | None] = (None, None, None)
        number, per_page = 1, LARGEST_PAGE
        if http_request.query_params:
            filters = (
                chosen(http_request, "audience", AUDIENCES),
                chosen(http_request, "topic", TOPICS),
                chosen(http_request, "region", self._signposting.places),
            )
            number = whole(http_request, "page", 1, LARGEST_NUMBER) or number
            per_page = whole(http_request, "per_page", 1, LARGEST_PAGE) or per_page
        language, kind = content_language(http_request), _kind(http_request)
        key = (kind, language, *filters, number, per_page)
        shelf = self._ready.of(self._signposting.edition())
        ready = shelf.find(key)
        if ready is None:
            audience, topic, region = filters
            found = self._signposting.find(audience=audience, topic=topic, region=region)
            page = page_of(found, number=number, per_page=per_page)
            body = _document(shelf, page, language, kind)
            ready = shelf.keep(key, body, _kept_headers(language, kind))
        return handed_out(http_request, ready)

    def get(self, http_request: Request, signpost_id: str) -> Response:
        """
        Show one signpost in `language`.

        Raises:
            NotFound: `signpost-unknown`.
            Malformed: `language` is empty, given twice, or neither `en` nor `cy`.
        """
        language, kind = content_language(http_request), _kind(http_request)
        shelf = self._ready.of(self._signposting.edition())
        signpost = self._signposting.get(signpost_id)
        key = (kind, language, signpost.id)
        ready = shelf.find(key)
        if ready is None:
            body = _item(shelf, signpost, language) if kind == _JSON else linked_data.document(signpost, language)
            ready = shelf.keep(key, body, _kept_headers(language, kind))
        return handed_out(http_request, ready)

    def search(self, http_request: Request) -> Response:
        """
        Find signposts in people's own words, best first and with the reasons; nothing of it is kept anywhere.

        The reasons are in our words and never in those that were typed.

        Raises:
            Refusal: the body is unreadable, too large or breaks the schema; nothing of it is echoed.
        """
        from chalicelib.http.search_models import SignpostSearch  # noqa: PLC0415 - lists and single ones need no models

        asked = json_body(http_request, SignpostSearch)
        if asked.region is not None and asked.region not in self._signposting.places:
            raise Invalid((FieldError("/region", "unknown-value"),))
        in_query = content_language(http_request)  # read in any case: a bad one is refused, never passed over
        language = asked.language or in_query
        shelf = self._ready.of(self._signposting.edition())
        found = self._signposting.search(asked.q, audience=asked.audience, region=asked.region)
        headers: Headers = {**_headers(language, _JSON), "Cache-Control": "no-store"}
        return Response(_listed([_found(shelf, each, language) for each in found[:_BEST]], language), headers=headers)


def _document(shelf: Shelf, page: Page[Signpost], language: str, kind: str) -> str:
    if kind == _LINKED_DATA:
        return linked_data.graph([linked_data.service(signpost, language) for signpost in page.contents])
    listed = _listed([_item(shelf, signpost, language) for signpost in page.contents], language)
    more = "" if page.is_last else f',"next_page":{page.number + 1}'
    return f'{listed[:-1]},"total":{page.total_items}{more}}}'


def _found(shelf: Shelf, found: Found, language: str) -> str:
    reasons = [_reason(match, found.signpost, language) for match in found.matched[:_REASONS]]
    return f'{_item(shelf, found.signpost, language)[:-1]},"matched":{compact(reasons)}}}'


def _item(shelf: Shelf, signpost: Signpost, language: str) -> str:
    key = (language, signpost.id)
    return shelf.piece(key, lambda: compact(flat(signpost, language)))


def flat(signpost: Signpost, language: str) -> dict[str, Any]:
    """Give a signpost as partner sites read it: in one language, flat, without nulls."""
    return without_empty(
        {
            "id": signpost.id,
            "name": signpost.name[language],
            "summary": signpost.summary[language],
            "hours": (signpost.hours or {}).get(language),
            "url": signpost.url,
            "phones": [
                without_empty({"number": phone.number, "e164": phone.e164, "free": phone.free})
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


def without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what does not apply: no nulls, and no empty lists."""
    return {name: value for name, value in fields.items() if value is not None and value not in ((), [])}


def _reason(match: Match, signpost: Signpost, language: str) -> dict[str, str]:
    if match.kind == "audience":
        label = AUDIENCES[match.value][language]
    elif match.kind == "topic":
        label = TOPICS[match.value][language]
    else:
        label = signpost.name[language] if match.kind == "signpost" else match.value
    return {"kind": match.kind, "value": match.value, "label": label}


def _listed(items: Sequence[str], language: str) -> str:
    return f'{{"signposts":[{",".join(items)}],"count":{len(items)},"language":"{language}"}}'


def compact(document: object) -> str:
    """Write JSON without a space too many."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _kind(http_request: Request) -> str:
    return _LINKED_DATA if _LINKED_DATA in (http_request.headers.get("accept") or "") else _JSON


def _kept_headers(language: str, kind: str) -> Headers:
    return {**_headers(language, kind), "Cache-Control": FRESH, "Vary": _VARY}


def _headers(language: str, kind: str) -> Headers:
    return {
        "Content-Type": kind,
        "Content-Language": language,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
