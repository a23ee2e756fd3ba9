"""The page of a campaign: what a leaflet, a message or a QR code leads to, in plain words, with the phone on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.packs import listed
from chalicelib.http import shapes
from chalicelib.http.campaigns import notice
from chalicelib.http.help_pages import offer
from chalicelib.http.reading import language_of

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.domain.campaigns import Campaign
    from chalicelib.domain.helpline import Helpline
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.usecases.campaigning import Campaigning
    from chalicelib.usecases.opening import Opening


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPages:
    """Handlers of `/campaigns/{slug}` and of its short address, `/c/{code}`, which is printed and sent."""

    campaigning: Campaigning
    helpline: Helpline
    opening: Opening
    texts: Texts
    pages: Pages

    def show(self, http_request: Request, slug: str) -> Response:
        """
        Show a campaign, whenever it is or was: whom to ring, how to write, where else there is help.

        Raises:
            NotFound: `campaign-unknown`.
        """
        return self._page(http_request, self.campaigning.get(slug))

    def by_code(self, http_request: Request, code: str) -> Response:
        """
        Show the campaign of a code, at once: a second address would only be one more entry in a history.

        Raises:
            NotFound: `campaign-unknown`.
        """
        return self._page(http_request, self.campaigning.of_code(code))

    def _page(self, http_request: Request, campaign: Campaign) -> Response:
        language, edition = language_of(http_request), self.campaigning.edition()
        open_now, opens_at = self.opening.status()
        where = tuple(name[language] for name in self.campaigning.where_in_short(campaign))
        page = self.pages.campaign(
            language=language,
            helpline=self.texts.helpline_for_page(language, open_now=open_now, opens_at=opens_at),
            campaign={
                "code": campaign.code,
                "headline": campaign.headline[language],
                "message": campaign.message[language],
                "summary": campaign.summary[language],
                "status": campaign.status(edition.today),
                "notice": notice(self.texts, campaign, edition, language),
                "where": listed(where, language),
                "partners": listed(campaign.partners, language),
            },
            slug=campaign.slug,
            signposts=[
                offer(each, language)
                for each in self.campaigning.help_for(campaign)
                if not self.helpline.is_reached_by(phone.e164 for phone in each.phones)
            ],
        )
        return shapes.page(page, self.pages.headers(language, status=200), 200)
