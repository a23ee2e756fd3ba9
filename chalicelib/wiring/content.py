"""What the helpline says and when it answers: the packaged content, and what editors publish over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chalicelib.domain.helpline import Helpline, Statement
    from chalicelib.domain.partners import Consents
    from chalicelib.domain.requests import Rules
    from chalicelib.http.pages import Pages
    from chalicelib.usecases.campaigning import Campaigning
    from chalicelib.usecases.directory import Directory
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.published import Published, PublishedContent
    from chalicelib.usecases.published_campaigns import PublishedCampaigns
    from chalicelib.usecases.sessions import Programme
    from chalicelib.usecases.signposting import Signposting
    from chalicelib.wiring import House


def helpline(house: House) -> Helpline:
    """Who answers, and when."""
    from chalicelib.adapters.holidays import BankHolidays
    from chalicelib.domain.helpline import read_helpline

    return read_helpline(house.content.helpline(), BankHolidays)


def opening(house: House) -> Opening:
    """The hours as they stand now."""
    from chalicelib.usecases.opening import Opening

    return Opening(helpline=house.helpline, store=house.store, clock=house.clock)


def rules(house: House) -> Rules:
    """The figures that a request's life depends on."""
    from chalicelib.domain import overflow
    from chalicelib.domain.requests import TOMBSTONE, Rules

    settings = house.settings
    return Rules(
        lease=settings.lease,
        claim_limit=settings.claim_limit,
        attempts_limit=house.helpline.attempts_limit,
        retention=settings.retention,
        retention_after_closing=settings.retention_after_closing,
        details_after_closing=settings.details_after_closing,
        tombstone=TOMBSTONE if settings.overflow_queue is None else overflow.TOMBSTONE,
    )


def statement(house: House) -> Statement:
    """What requesters are told before they send anything."""
    from chalicelib.domain.helpline import read_statement

    return read_statement(house.content.statement())


def consents(house: House) -> Consents:
    """What somebody agrees to before a partner refers them."""
    from chalicelib.domain.partners import read_consents

    return read_consents(house.content.consent())


def pages(house: House) -> Pages:
    """The requesters' pages."""
    from chalicelib.http.pages import Pages

    return Pages(house.content.words)


def published(house: House) -> Published:
    """What editors have published, as readers meet it."""
    from chalicelib.usecases.published import Published

    return Published(house._readable, house.clock)


def guide(house: House) -> PublishedContent:
    """Signposts and organisations, as they are published."""
    from chalicelib.usecases.published import PublishedContent

    return PublishedContent(house.content, house.published, house.clock)


def signposting(house: House) -> Signposting:
    """What finds signposts."""
    from chalicelib.usecases.signposting import Signposting

    return Signposting(house._guide, _nearest)


def _nearest(word: str, known: Collection[str]) -> str | None:
    from chalicelib.adapters.spelling import nearest

    return nearest(word, known)


def signpost_link(house: House) -> Callable[[str, str], dict[str, Any] | None]:
    """What makes of a signpost's id the link that an answer shows, or None."""
    from chalicelib.domain.errors import NotFound

    def link_to(signpost_id: str, language: str) -> dict[str, Any] | None:
        try:
            signpost = house._signposting.get(signpost_id)
        except NotFound:
            return None
        link: dict[str, Any] = {"id": signpost.id, "name": signpost.name[language], "url": signpost.url}
        if signpost.phones:
            link["phone"] = signpost.phones[0].number
        return link

    return link_to


def campaigning(house: House) -> Campaigning:
    """What knows the campaigns."""
    from chalicelib.usecases.campaigning import Campaigning

    return Campaigning(
        content=house._diary,
        signposting=house._signposting,
        clock=house.clock,
        zone=lambda: house.helpline.hours.zone,
    )


def diary(house: House) -> PublishedCampaigns:
    """The campaigns, as they are published."""
    from chalicelib.usecases.published_campaigns import PublishedCampaigns

    return PublishedCampaigns(
        packaged=house.content,
        guide=house._guide,
        published=house.published,
        zone=lambda: house.helpline.hours.zone,
    )


def directory(house: House) -> Directory:
    """What Open Referral is told."""
    from chalicelib.usecases.directory import Directory

    return Directory(house._guide)


def programme(house: House) -> Programme:
    """The live sessions, as they are published."""
    from chalicelib.usecases.sessions import Programme

    return Programme(
        packaged=house.content.sessions,
        published=lambda: house.published.of("session"),
        transcripts=house._transcripts,
        clock=house.clock,
    )
