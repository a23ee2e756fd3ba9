"""Packing: what a campaign's partners send and print, put together from its words and the helpline's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.campaigns import address
from chalicelib.domain.packs import Leaflet, TextMessage, Way, leaflet, text_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from chalicelib.domain.campaigns import Campaign
    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.signposts import Signpost
    from chalicelib.usecases.campaigning import Campaigning


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """
    Makes packs; *words* gives the sentences around a campaign's own, *in_words* writes a day, *site* is our address.

    Nothing is stored: a pack follows from its campaign, and is made again wherever it is asked for.
    """

    campaigning: Campaigning
    helpline: Helpline
    words: Callable[[str], Mapping[str, str]]
    in_words: Callable[[date, str], str]
    site: str

    def link(self, campaign: Campaign) -> str:
        """Give the campaign's short address, with its code in it."""
        return address(self.site, campaign.code)

    @property
    def leads_nowhere(self) -> bool:
        """Whether the address is that of this machine: a leaflet with it would lead nobody to help."""
        return not self.site.startswith("https://")

    def text_messages(self, campaign: Campaign, language: str) -> tuple[TextMessage, ...]:
        """Give the text messages as they are sent, each with what it costs."""
        link = self.link(campaign)
        return tuple(text_message(text, link) for text in campaign.sms[language])

    def leaflet(self, campaign: Campaign, language: str) -> Leaflet:
        """Give what e-mail, letter and poster say."""
        helpline, phone = self.helpline, self.helpline.phones[0]
        offers = self.campaigning.help_for(campaign)
        return leaflet(
            campaign,
            self.words(language),
            language=language,
            link=self.link(campaign),
            helpline={
                "name": helpline.name[language],
                "phone": phone.number,
                "phone_note": phone.label[language],
                "hours": helpline.hours_text[language],
                "emergency": helpline.emergency[language],
            },
            where=tuple(name[language] for name in self.campaigning.where_in_short(campaign)),
            days={
                "starts": self.in_words(campaign.starts_on, language),
                "ends": self.in_words(campaign.ends_on, language),
            },
            ways=tuple(
                _way(each, language)
                for each in offers
                if not helpline.is_reached_by(number.e164 for number in each.phones)
            ),
        )


def _way(signpost: Signpost, language: str) -> Way:
    numbers = ", ".join(phone.number for phone in signpost.phones)
    summary = signpost.summary[language]
    return Way(
        name=f"{signpost.name[language]}: {numbers}" if numbers else signpost.name[language],
        text=summary,
        address=signpost.url,
    )
