"""
Campaigns on the wire: what is on now and where, for partner sites and caches.

Answers are kept like those of signposts, and for five minutes only: what is over must not be shown as on for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.domain.campaigns import ON
from chalicelib.http import local_times
from chalicelib.http.kept import Shelves, handed_out
from chalicelib.http.reading import chosen, content_language
from chalicelib.http.signposts import compact, flat, without_empty
from chalicelib.usecases.campaigning import WHEN

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.domain.campaigns import Campaign
    from chalicelib.http.kept import Headers
    from chalicelib.http.texts import Texts
    from chalicelib.usecases.campaigning import Campaigning, Edition

BRIEFLY = "public, max-age=300"
"""For what changes at midnight: five minutes old is new enough, and older is not."""


class Campaigns:
    """Answers for `/v1/campaigns` and `/v1/campaigns/{slug}`."""

    def __init__(self, campaigning: Campaigning, texts: Texts) -> None:
        self._campaigning = campaigning
        self._texts = texts
        self._ready = Shelves()

    def list(self, http_request: Request) -> Response:
        """
        List what is on now, or `when` it is asked for, in `region`, in `language`.

        Raises:
            Malformed: a filter is empty, given twice, or not from the published lists.
        """
        when = chosen(http_request, "when", WHEN) or ON
        region = chosen(http_request, "region", self._campaigning.places)
        language = content_language(http_request)
        edition = self._campaigning.edition()
        shelf = self._ready.of(edition)
        key = (language, when, region)
        ready = shelf.find(key)
        if ready is None:
            found = self._campaigning.find(when=when, region=region)
            items = [self._item(each, edition, language) for each in found]
            body = compact({"campaigns": items, "count": len(items), "language": language})
            ready = shelf.keep(key, body, kept_headers(language))
        return handed_out(http_request, ready)

    def get(self, http_request: Request, slug: str) -> Response:
        """
        Show one campaign in `language`; one that is over says so, and points to help all the same.

        Raises:
            NotFound: `campaign-unknown`.
            Malformed: `language` is empty, given twice, or neither `en` nor `cy`.
        """
        language = content_language(http_request)
        edition = self._campaigning.edition()
        campaign = self._campaigning.get(slug)
        shelf = self._ready.of(edition)
        key = (language, campaign.slug)
        ready = shelf.find(key)
        if ready is None:
            body = compact(self._item(campaign, edition, language))
            ready = shelf.keep(key, body, kept_headers(language))
        return handed_out(http_request, ready)

    def shown(self, campaign: Campaign, language: str) -> dict[str, Any]:
        """Show a campaign as readers will see it, published or not: for whoever writes it."""
        return self._item(campaign, self._campaigning.edition(), language)

    def _item(self, campaign: Campaign, edition: Edition, language: str) -> dict[str, Any]:
        return without_empty(
            {
                "slug": campaign.slug,
                "code": campaign.code,
                "name": campaign.name[language],
                "headline": campaign.headline[language],
                "summary": campaign.summary[language],
                "message": campaign.message[language],
                "status": campaign.status(edition.today),
                "starts_on": campaign.starts_on.isoformat(),
                "ends_on": campaign.ends_on.isoformat(),
                "closed_on": None if campaign.closed_on is None else campaign.closed_on.isoformat(),
                "notice": notice(self._texts, campaign, edition, language),
                "regions": [{"code": code, "name": name[language]} for code, name in self._campaigning.where(campaign)],
                "partners": campaign.partners,
                "help": self._texts.helpline(language),
                "source": campaign.source,
                "language": language,
            }
        ) | {"signposts": [flat(each, language) for each in self._campaigning.help_for(campaign)]}


def notice(texts: Texts, campaign: Campaign, edition: Edition, language: str) -> str:
    """Say in a sentence whether it is planned, on or over, and that there is help either way."""
    status = campaign.status(edition.today)
    ended_on = min(campaign.ends_on, campaign.closed_on or campaign.ends_on)
    days = {"starts": campaign.starts_on, "ends": campaign.ends_on, "ended": ended_on}
    words: str = texts.pages(language)["campaigns"][status]
    return words.format(**{name: local_times.day_and_year(day, language) for name, day in days.items()})


def kept_headers(language: str) -> Headers:
    """Say how long an answer may be kept, and in which language it is."""
    return {
        "Content-Type": "application/json",
        "Content-Language": language,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": BRIEFLY,
        "Vary": "Accept-Language",
    }
