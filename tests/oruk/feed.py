"""How the tests read the feed: the real handlers on content of their choosing, as a harvester asks them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalice.app import Request

from chalicelib.adapters.content import PackagedContent
from chalicelib.http.oruk import Oruk
from chalicelib.usecases.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalice.app import Response

    from chalicelib.domain.signposts import Organization, Region, Signpost

SEED = PackagedContent()
SITE = "https://help.example"
LISTS = ("services", "service_at_locations", "organizations", "taxonomies", "taxonomy_terms")
ONE_OF = {
    "services": "service",
    "service_at_locations": "service_at_location",
    "organizations": "organization",
    "taxonomies": "taxonomy",
    "taxonomy_terms": "taxonomy_term",
}


class Content:
    """Content that can change, as a store of published content does: a new tuple with every change."""

    def __init__(self) -> None:
        self.now: Sequence[Signpost] = SEED.signposts()

    def signposts(self) -> Sequence[Signpost]:
        """Give every signpost as it stands."""
        return self.now

    def organizations(self) -> Sequence[Organization]:
        """Give everybody who offers help."""
        return SEED.organizations()

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        return SEED.regions()


def asking(query: dict[str, Any] | None = None, **headers: str) -> Request:
    """Build an HTTP request as the gateway hands it over."""
    values = {name: value if isinstance(value, list) else [str(value)] for name, value in (query or {}).items()}
    return Request(
        {
            "multiValueQueryStringParameters": values or None,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "pathParameters": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/oruk"},
            "body": None,
            "stageVariables": None,
        }
    )


class Feed:
    """The feed over some content."""

    def __init__(self, content: Any = None) -> None:
        self.content = content or Content()
        self.oruk = Oruk(Directory(self.content), SITE)

    def answer(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Response:
        """Ask for a path below `/oruk`."""
        name, _, record = path.partition("/")
        if record:
            return getattr(self.oruk, ONE_OF[name])(asking(query, **headers), record)
        return getattr(self.oruk, name or "about")(asking(query, **headers))

    def __call__(self, path: str, **query: Any) -> Any:
        """Read what a path answers."""
        return json.loads(self.answer(path, query).body)

    def pages(self, name: str, **query: Any) -> Iterator[Any]:
        """Walk a list to its last page."""
        number = 1
        while True:
            page = self(name, page=number, **query)
            yield page
            if page["last_page"]:
                return
            number += 1

    def names(self, **query: Any) -> set[str]:
        """Name the services that pass some filters."""
        return {each["name"] for page in self.pages("services", **query) for each in page["contents"]}
