"""The desk face: what those who sign in may ask, and the verbs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.domain.sessions import Session
    from chalicelib.http.desk import Desk
    from chalicelib.http.desk_page import DeskPage
    from chalicelib.http.figures import DeskFigures
    from chalicelib.http.hosting import HostDesk
    from chalicelib.http.partner_keys import PartnerKeyDesk
    from chalicelib.http.publishing import ContentDesk
    from chalicelib.usecases.auditing import Auditing
    from chalicelib.usecases.casework import Casework
    from chalicelib.usecases.checking import Checking
    from chalicelib.usecases.publishing import Publishing
    from chalicelib.wiring import House


def desk(house: House) -> Desk:
    """The desk face."""
    from chalicelib.http.access import Access
    from chalicelib.http.desk import Desk

    return Desk(
        access=Access(house._identity),
        casework=house._casework,
        auditing=house._auditing,
        opening=house.opening,
        clock=house.clock,
        helpline=house.helpline,
        doorkeeping=house._doorkeeping,
        signposting=house._signposting,
        signpost_link=house._signpost_link,
        consents=lambda: house._consents,
    )


def casework(house: House) -> Casework:
    """What practitioners do with requests."""
    from chalicelib.usecases.casework import Casework

    return Casework(
        store=house.store,
        correspondence=house._correspondence,
        shredding=house._shredding,
        checking=house._checking,
        opener=house.opener,
        mailer=house._mailer,
        clock=house.clock,
        rules=house.rules,
        helpline=house.helpline,
        figures=house._figures,
    )


def checking(house: House) -> Checking:
    """What reads content that somebody else's program wrote."""
    from chalicelib.adapters.phones import Phonenumbers
    from chalicelib.http.referral_models import checked
    from chalicelib.usecases.checking import Checking

    return Checking(shape=checked, phones=Phonenumbers())


def auditing(house: House) -> Auditing:
    """What reads the trail, and checks it."""
    from chalicelib.usecases.auditing import Auditing

    return Auditing(store=house.store, key=lambda: house.secret("audit.key"), anchor=house._anchor)


def host_desk(house: House) -> HostDesk:
    """The hosts' side of live sessions."""
    from chalicelib.http.access import Access
    from chalicelib.http.hosting import HostDesk
    from chalicelib.usecases.sessions import Hosting

    return HostDesk(
        access=Access(house._identity),
        hosting=Hosting(
            programme=house._programme,
            casework=house._casework,
            transcripts=house._transcripts,
            shred_keys=house.shred_keys,
            clock=house.clock,
        ),
        clock=house.clock,
        helpline=house.helpline,
        words=house.texts.declined,
    )


def partner_keys_desk(house: House) -> PartnerKeyDesk:
    """Partners' keys, at the desk."""
    from chalicelib.http.access import Access
    from chalicelib.http.partner_keys import PartnerKeyDesk

    return PartnerKeyDesk(access=Access(house._identity), partnering=house.partnering)


def content_desk(house: House) -> ContentDesk:
    """The editors' part of the desk face."""
    from chalicelib.http.access import Access
    from chalicelib.http.publishing import ContentDesk

    return ContentDesk(access=Access(house._identity), publishing=house.publishing)


def publishing(house: House) -> Publishing:
    """What editors do; a further kind of record is one more entry."""
    from chalicelib.domain.campaigns import address
    from chalicelib.http import oruk_documents, signposts
    from chalicelib.usecases import campaign_kind, kinds
    from chalicelib.usecases.publishing import Publishing

    def shown_session(session: Session, language: str) -> Mapping[str, Any]:
        from chalicelib.http.sessions import session_shape

        return session_shape(session, language, house.clock, house.helpline)

    known = (
        kinds.signposts(house.content, signposts.flat),
        kinds.organizations(house.content, oruk_documents.organization),
        kinds.sessions(house.content, shown_session),
        campaign_kind.campaigns(
            house.content,
            lambda campaign, language: {
                **house.campaigns.shown(campaign, language),
                "pack": house.packs.words(campaign, language),
            },
            link=address(house.settings.site, ""),
            zone=lambda: house.helpline.hours.zone,
        ),
    )
    return Publishing(lambda: house.publications, known, house.clock)


def figures(house: House) -> DeskFigures:
    """What supervisors see of the work as a whole."""
    from chalicelib.http.access import Access
    from chalicelib.http.figures import DeskFigures

    return DeskFigures(access=Access(house._identity), figures=house._figures)


def desk_page(house: House) -> DeskPage:
    """The practitioners' page."""
    from chalicelib.http.desk_page import DeskPage

    return DeskPage(house._sign_in)
