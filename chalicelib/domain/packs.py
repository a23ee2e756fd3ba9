"""
Packs: what a campaign's partners send and print.

A pack is for everybody whom a campaign reaches. There is no field for a name in it, nor any other by which one copy
could be told from another: a leaflet that was made for one person would say that they were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.campaigns import sms_text
from chalicelib.domain.gsm import plain, segments, septets, strangers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.domain.campaigns import Campaign

GSM_7, UCS_2 = "GSM-7", "UCS-2"
_UCS_2, _UCS_2_OF_A_PART = 70, 67


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage:
    """A text message as it is sent, and what it costs; *replaced* are the letters that telephones lack."""

    text: str
    encoding: str
    units: int
    segments: int
    replaced: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to get help: whom, how, and where it leads, if anywhere."""

    name: str
    text: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaflet:
    """
    What e-mail, letter and poster say, in one language: each shows as much of it as it has room for.

    *link* is the campaign's own address with its code in it, and what the QR code says.
    """

    language: str
    helpline: str
    title: str
    subject: str
    greeting: str
    everybody: str
    headline: str
    message: tuple[str, ...]
    ways_title: str
    ring: str
    phone: str
    phone_note: str
    hours: str
    ways: tuple[Way, ...]
    online: str
    scan: str
    qr_alt: str
    link: str
    confidential: str
    emergency: str
    closing: str
    partners: str
    foot: str


def text_message(text: str, link: str) -> TextMessage:
    """Count a text message of a campaign, with its address in it."""
    sent = sms_text(text, link)
    replaced = tuple(dict.fromkeys(letter for letter in text if plain(letter) != letter))
    if not strangers(sent):
        return TextMessage(text=sent, encoding=GSM_7, units=septets(sent), segments=segments(sent), replaced=replaced)
    units = len(sent.encode("utf-16-be")) // 2  # only an address with such letters leads here: texts are checked
    parts = 1 if units <= _UCS_2 else -(-units // _UCS_2_OF_A_PART)
    return TextMessage(text=sent, encoding=UCS_2, units=units, segments=parts, replaced=replaced)


def listed(names: tuple[str, ...], language: str) -> str:
    """Write a list as people say it: `A, B and C`."""
    *others, last = names
    if not others:
        return last
    vowels = "aeiouwyâêîôûŵŷAEIOUWYÂÊÎÔÛŴŶ"
    joint = "and" if language == "en" else "ac" if last[0] in vowels else "a"
    return f"{', '.join(others)} {joint} {last}"


def leaflet(  # noqa: PLR0913 - what it is made of
    campaign: Campaign,
    words: Mapping[str, str],
    *,
    language: str,
    link: str,
    helpline: Mapping[str, str],
    where: tuple[str, ...],
    days: Mapping[str, str],
    ways: tuple[Way, ...],
) -> Leaflet:
    """
    Put together what a campaign's partners say in one language.

    *words* are the sentences around the campaign's own; *helpline* gives `name`, `phone`, `phone_note`, `hours` and
    `emergency`, *days* its `starts` and `ends` in words.
    """
    known = {
        "helpline": helpline["name"],
        "name": campaign.name[language],
        "code": campaign.code,
        "link": link,
        "where": listed(where, language),
        "partners": listed(campaign.partners, language),
        **days,
    }

    def said(key: str) -> str:
        return words[key].format(**known)

    return Leaflet(
        language=language,
        helpline=helpline["name"],
        title=said("title"),
        subject=said("subject"),
        greeting=said("greeting"),
        everybody=said("everybody"),
        headline=campaign.headline[language],
        message=campaign.message[language],
        ways_title=said("ways_title"),
        ring=said("ring"),
        phone=helpline["phone"],
        phone_note=helpline["phone_note"],
        hours=helpline["hours"],
        ways=ways,
        online=said("online"),
        scan=said("scan"),
        qr_alt=said("qr_alt"),
        link=link,
        confidential=said("confidential"),
        emergency=helpline["emergency"],
        closing=said("closing"),
        partners=said("partners"),
        foot=said("foot"),
    )
