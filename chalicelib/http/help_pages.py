"""The pages for each audience, which anybody can read and search engines may list; and what tells them so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chalice.app import Response

from chalicelib.domain.errors import NotFound
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES
from chalicelib.http import linked_data, shapes
from chalicelib.http.reading import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalice.app import Request

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.signposts import Signpost
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.signposting import Signposting

PRIVATE_PATHS = ("/request", "/mailbox", "/desk", "/v1/")
"""What no search engine shall walk through: forms and mailboxes are for the people who come for them."""
MOST = 20
"""Places on a page: nobody reads more, and an old phone could not show the thousands of a large directory."""
_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
_SITEMAP = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">'


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPages:
    """Handlers of `/help/{audience}`, `/sitemap.xml` and `/robots.txt`; *site* is where people reach all of it."""

    signposting: Signposting
    questions: Callable[[], Mapping[str, Any]]
    helpline: Helpline
    opening: Opening
    texts: Texts
    pages: Pages
    site: str

    def show(self, http_request: Request, audience: str) -> Response:
        """
        Show what there is for one audience: whom to ring, what people ask, where else there is help.

        Raises:
            NotFound: `audience-unknown`.
        """
        if audience not in AUDIENCES:
            raise NotFound("audience-unknown")
        language = language_of(http_request)
        offers = self.signposting.find(audience=audience)[:MOST]
        asked = self._asked(audience, language)
        nodes = [
            linked_data.helpline(self.helpline, language),
            linked_data.questions(asked, language, f"{self._address(audience)}?lang={language}"),
            *(linked_data.service(each, language) for each in offers),
        ]
        open_now, opens_at = self.opening.status()
        page = self.pages.help(
            language=language,
            helpline=self.texts.helpline_for_page(language, open_now=open_now, opens_at=opens_at),
            audience=audience,
            address=self._address(audience),
            page=self._page(audience, language),
            questions=asked,
            signposts=[
                offer(each, language)
                for each in offers
                if not self.helpline.is_reached_by(phone.e164 for phone in each.phones)
            ],
            others=[
                {"audience": other, "title": self._page(other, language)["title"]}
                for other in AUDIENCES
                if other != audience
            ],
            linked_data=linked_data.in_page(nodes),
        )
        return shapes.page(page, self.pages.headers(language, status=200), 200)

    def sitemap(self, _http_request: Request) -> Response:
        """List the pages that anybody can read, in each language, with when what they point to last changed."""
        body = "".join(('<?xml version="1.0" encoding="UTF-8"?>\n', _SITEMAP, "\n", *self._entries(), "</urlset>\n"))
        return Response(body, headers={"Content-Type": "application/xml; charset=utf-8", **_FOR_AN_HOUR})

    def robots(self, _http_request: Request) -> Response:
        """Tell search engines where not to go, and where the list of pages is."""
        lines = [
            "User-agent: *",
            *(f"Disallow: {path}" for path in PRIVATE_PATHS),
            "",
            f"Sitemap: {self.site}/sitemap.xml",
        ]
        return Response("\n".join(lines) + "\n", headers={"Content-Type": "text/plain; charset=utf-8", **_FOR_AN_HOUR})

    def _entries(self) -> Iterator[str]:
        everything = [self.site + "/", *(self._address(audience) for audience in AUDIENCES)]
        changed = [None, *(self._changed(audience) for audience in AUDIENCES)]
        for address, on in zip(everything, changed, strict=True):
            alternates = "".join(
                f'<xhtml:link rel="alternate" hreflang="{language}" href="{address}?lang={language}"/>'
                for language in LANGUAGES
            )
            last = f"<lastmod>{on}</lastmod>" if on else ""
            for language in LANGUAGES:
                yield f"<url><loc>{address}?lang={language}</loc>{last}{alternates}</url>\n"

    def _changed(self, audience: str) -> str | None:
        offers = self.signposting.find(audience=audience)
        return max(each.modified_at for each in offers).date().isoformat() if offers else None

    def _address(self, audience: str) -> str:
        return f"{self.site}/help/{audience}"

    def _page(self, audience: str, language: str) -> dict[str, str]:
        page = self.questions()["audience"][audience]
        return {"title": page["title"][language], "lead": page["lead"][language]}

    def _asked(self, audience: str, language: str) -> list[dict[str, str]]:
        content = self.questions()
        return [
            {"question": each["question"][language], "answer": each["answer"][language]}
            for each in (*content["audience"][audience]["questions"], *content["common"])
        ]


def offer(signpost: Signpost, language: str) -> dict[str, Any]:
    """Give an offer of help as a page shows it."""
    return {
        "name": signpost.name[language],
        "summary": signpost.summary[language],
        "hours": None if signpost.hours is None else signpost.hours[language],
        "phones": [{"number": phone.number, "e164": phone.e164} for phone in signpost.phones],
        "url": signpost.url,
        "site": urlsplit(signpost.url).netloc.removeprefix("www."),
    }
