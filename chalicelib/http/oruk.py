"""
The Open Referral UK 3.0 feed: what other directories copy, without a key, from any site, page by page.

Each record and each page is serialised once and kept until the content changes. A parameter that a list does not know
is refused: a filter passed over in silence would send somebody to the wrong place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.domain.directory import ICAL_DAYS, LARGEST_PAGE, Wanted, page_of
from chalicelib.domain.errors import Malformed
from chalicelib.http import oruk_documents as documents
from chalicelib.http.kept import REVALIDATED, Shelves, handed_out
from chalicelib.http.oruk_documents import compact
from chalicelib.http.reading import LANGUAGES, LARGEST_NUMBER, language_of, query, whole
from chalicelib.usecases.directory import NOTHING_ASKED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalice.app import Request, Response

    from chalicelib.domain.directory import Page
    from chalicelib.domain.signposts import Signpost
    from chalicelib.http.kept import Headers, Shelf
    from chalicelib.usecases.directory import Directory

T = TypeVar("T")

VERSION = "HSDS-UK-3.0"
PROFILE = "https://github.com/OpenReferralUK/uk-profile/blob/main/docs/index.md"
PER_PAGE = 50
OLDEST = 120
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"

PAGING = ("search", "page", "per_page")
SORTED = ("taxonomy_term_id", "taxonomy_id")
FILTERS = (*PAGING, *SORTED, "minimum_age", "maximum_age", "start_time", "end_time", "day", "modified_after")
UNSUPPORTED = ("postcode", "proximity")
"""Open Referral knows these two on services at locations; help by phone or online is equally near to everybody."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CLOCK = re.compile(CLOCK)
_WORDS = ("lang",)


@dataclass(frozen=True, slots=True)
class _Asked:
    wanted: Wanted = NOTHING_ASKED
    number: int = 1
    per_page: int = PER_PAGE


_EVERYTHING = _Asked()


class Oruk:
    """Handlers of `/oruk`; *site* is the address under which the whole site is reached."""

    def __init__(self, directory: Directory, site: str) -> None:
        self._directory = directory
        self._site = site
        self._pages, self._records = Shelves(), Shelves()

    def about(self, http_request: Request) -> Response:
        """Tell which version and profile this is, and where its contract stands."""
        language, _ = self._read(http_request, ())
        about = {"version": VERSION, "profile": PROFILE, "openapi_url": f"{self._site}/openapi.json"}
        shelf = self._records.of(self._directory.edition())
        return _answer(http_request, shelf, ("about", language), language, lambda: compact(about))

    def services(self, http_request: Request) -> Response:
        """
        List the services that pass every filter.

        Raises:
            Malformed: a parameter that this list does not know, or one that cannot be read.
        """
        return self._list(http_request, "services", FILTERS, self._directory.services, documents.service)

    def service(self, http_request: Request, record_id: str) -> Response:
        """
        Show one service with all that belongs to it.

        Raises:
            NotFound: `record-unknown`.
        """
        return self._one(
            http_request, "service", record_id, self._directory.service, self._with_places(documents.whole_service)
        )

    def service_at_locations(self, http_request: Request) -> Response:
        """
        List the services that pass every filter, with where each is had.

        Raises:
            Malformed: as for services; also `postcode` and `proximity`, which are not supported.
        """
        return self._list(
            http_request, "at-locations", FILTERS, self._directory.services, documents.service_at_location
        )

    def service_at_location(self, http_request: Request, record_id: str) -> Response:
        """
        Show one service where it is had.

        Raises:
            NotFound: `record-unknown`.
        """
        show = self._with_places(documents.whole_service_at_location)
        return self._one(http_request, "at-location", record_id, self._directory.at_location, show)

    def organizations(self, http_request: Request) -> Response:
        """
        List the organisations that offer services.

        Raises:
            Malformed: a parameter that this list does not know, or one that cannot be read.
        """
        known = (*PAGING, *SORTED, "modified_after")
        return self._list(http_request, "organizations", known, self._directory.organizations, documents.organization)

    def organization(self, http_request: Request, record_id: str) -> Response:
        """
        Show one organisation with its services.

        Raises:
            NotFound: `record-unknown`.
        """

        def show(each: Any, language: str) -> documents.Document:  # noqa: ANN401 - an organisation
            return documents.whole_organization(each, self._directory.offered_by(each), language)

        return self._one(http_request, "organization", record_id, self._directory.organization, show)

    def taxonomies(self, http_request: Request) -> Response:
        """
        List the taxonomies.

        Raises:
            Malformed: a parameter that this list does not know, or one that cannot be read.
        """
        return self._list(http_request, "taxonomies", PAGING, self._directory.taxonomies, documents.taxonomy)

    def taxonomy(self, http_request: Request, record_id: str) -> Response:
        """
        Show one taxonomy with its terms.

        Raises:
            NotFound: `record-unknown`.
        """
        return self._one(http_request, "taxonomy", record_id, self._directory.taxonomy, documents.whole_taxonomy)

    def taxonomy_terms(self, http_request: Request) -> Response:
        """
        List the terms of every taxonomy, or of one.

        Raises:
            Malformed: a parameter that this list does not know, or one that cannot be read.
        """
        return self._list(http_request, "terms", (*PAGING, "taxonomy_id"), self._directory.terms, documents.term)

    def taxonomy_term(self, http_request: Request, record_id: str) -> Response:
        """
        Show one term.

        Raises:
            NotFound: `record-unknown`.
        """
        return self._one(http_request, "term", record_id, self._directory.term, documents.term)

    def _list(
        self,
        http_request: Request,
        name: str,
        known: tuple[str, ...],
        find: Callable[[Wanted, str], Sequence[T]],
        show: Callable[[T, str], documents.Document],
    ) -> Response:
        language, asked = self._read(http_request, known)
        shelf = self._pages.of(self._directory.edition())

        def body() -> str:
            page = page_of(find(asked.wanted, language), number=asked.number, per_page=asked.per_page)
            return _envelope(page, [_piece(shelf, name, each, language, show) for each in page.contents])

        return _answer(http_request, shelf, (name, language, asked), language, body)

    def _one(
        self,
        http_request: Request,
        name: str,
        record_id: str,
        find: Callable[[str], T],
        show: Callable[[T, str], documents.Document],
    ) -> Response:
        language, _ = self._read(http_request, ())
        shelf = self._records.of(self._directory.edition())
        found = find(record_id)
        key = (name, language, record_id.lower())
        return _answer(http_request, shelf, key, language, lambda: compact(show(found, language)))

    def _with_places(
        self, show: Callable[[Signpost, str, documents.Places], documents.Document]
    ) -> Callable[[Signpost, str], documents.Document]:
        return lambda signpost, language: show(signpost, language, self._directory.edition().places)

    def _read(self, http_request: Request, known: tuple[str, ...]) -> tuple[str, _Asked]:
        language = language_of(http_request)
        if not http_request.query_params:
            return language, _EVERYTHING
        for name in http_request.query_params:
            if name in UNSUPPORTED:
                raise Malformed("unsupported-parameter", pointer=f"/{name}")
            if name not in known and name not in _WORDS:
                raise Malformed("unknown-parameter", pointer=f"/{name}" if name in FILTERS else "")
        chosen = query(http_request, "lang")
        if chosen is not None and chosen not in LANGUAGES:
            raise Malformed("unknown-value", pointer="/lang")
        return language, _asked(http_request)


def _answer(
    http_request: Request, shelf: Shelf, key: tuple[object, ...], language: str, body: Callable[[], str]
) -> Response:
    ready = shelf.find(key)
    if ready is None:
        ready = shelf.keep(key, body(), _headers(language))
    return handed_out(http_request, ready)


def _piece(shelf: Shelf, name: str, each: Any, language: str, show: Callable[[Any, str], documents.Document]) -> str:  # noqa: ANN401
    """Serialise a record once; the pages of every filter are put together from these."""
    return shelf.piece((name, language, each.id), lambda: compact(show(each, language)))


def _asked(http_request: Request) -> _Asked:
    wanted = Wanted(
        search=query(http_request, "search"),
        taxonomy_term_id=_uuid(http_request, "taxonomy_term_id"),
        taxonomy_id=_uuid(http_request, "taxonomy_id"),
        minimum_age=whole(http_request, "minimum_age", 0, OLDEST),
        maximum_age=whole(http_request, "maximum_age", 0, OLDEST),
        opens_from=_clock(http_request, "start_time"),
        closes_by=_clock(http_request, "end_time"),
        day=_day(http_request),
        modified_after=_instant(http_request, "modified_after"),
    )
    number = whole(http_request, "page", 1, LARGEST_NUMBER)
    per_page = whole(http_request, "per_page", 1, LARGEST_PAGE)
    return _Asked(wanted, 1 if number is None else number, PER_PAGE if per_page is None else per_page)


def _uuid(http_request: Request, name: str) -> str | None:
    text = query(http_request, name)
    if text is not None and not _UUID.fullmatch(text):
        raise Malformed("invalid", pointer=f"/{name}")
    return None if text is None else text.lower()


def _clock(http_request: Request, name: str) -> str | None:
    text = query(http_request, name)
    if text is None:
        return None
    if not _CLOCK.match(text) or text.endswith("\n"):
        raise Malformed("invalid", pointer=f"/{name}")
    return text.removesuffix(":00") if len(text) > len("09:00") else text


def _day(http_request: Request) -> str | None:
    text = query(http_request, "day")
    if text is not None and text not in ICAL_DAYS:
        raise Malformed("unknown-value", pointer="/day")
    return text


def _instant(http_request: Request, name: str) -> datetime | None:
    """Read an instant, or a day, whose first moment is meant; without an offset it is UTC."""
    text = query(http_request, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("invalid", pointer=f"/{name}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _envelope(page: Page[Any], contents: Sequence[str]) -> str:
    numbers: Mapping[str, object] = {
        "total_items": page.total_items,
        "total_pages": page.total_pages,
        "page_number": page.number,
        "size": len(contents),
        "first_page": page.number == 1,
        "last_page": page.is_last,
        "empty": not contents,
    }
    return f'{compact(numbers)[:-1]},"contents":[{",".join(contents)}]}}'


def _headers(language: str) -> Headers:
    return {
        "Content-Type": "application/json",
        "Content-Language": language,
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": REVALIDATED,
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
    }
