"""The public face: what anybody may ask, and the verbs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.http.campaign_pages import CampaignPages
    from chalicelib.http.campaigns import Campaigns
    from chalicelib.http.help_pages import HelpPages
    from chalicelib.http.mailbox import MailboxDoor
    from chalicelib.http.oruk import Oruk
    from chalicelib.http.packs import Packs
    from chalicelib.http.public import Public
    from chalicelib.http.reach import Reach
    from chalicelib.http.reference import Reference
    from chalicelib.http.referrals import Referrals
    from chalicelib.http.sessions import Sessions
    from chalicelib.http.signposts import Signposts
    from chalicelib.http.widget import Widget
    from chalicelib.ports import Printer
    from chalicelib.usecases.intake import Intake
    from chalicelib.usecases.screening import Screening
    from chalicelib.wiring import House


def public(house: House) -> Public:
    """The public face."""
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.http.public import Public

    def knows_campaign(code: str) -> bool:
        return house._campaigning.knows(code)  # most requests name none, and load no campaigns

    return Public(
        helpline=house.helpline,
        the_statement=house._statement,
        opening=house.opening,
        screening=house._screening,
        intake=house._intake,
        sealer=house.sealer,
        shredding=house._shredding,
        opener=house.opener if "desk" in house.settings.faces else None,
        accepts="public" in house.settings.faces,
        store=house.store,
        randomness=SystemRandomness(),
        texts=house.texts,
        pages=house.pages,
        knows_campaign=knows_campaign,
    )


def intake(house: House) -> Intake:
    """What takes requests in."""
    from chalicelib.adapters.phones import Phonenumbers
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.usecases.intake import Intake
    from chalicelib.usecases.screening import Room

    return Intake(
        store=house.store,
        sealer=house.sealer,
        shredding=house._shredding,
        phones=Phonenumbers(),
        clock=house.clock,
        randomness=SystemRandomness(),
        opening=house.opening,
        statement=house._statement,
        rules=house.rules,
        screening=house._screening,
        room=Room(house.store, cap=house.settings.unverified_cap, clock=house.clock),
        words=house.content.reference_words,
        pepper=lambda: house.secret("pepper"),
        consents=lambda: house._consents,
        partner_cap=house.settings.partner_cap,
        counting=house._counting,
        overflow=house._overflow,
    )


def screening(house: House) -> Screening:
    """What keeps spam out without watching people."""
    from chalicelib.adapters.altcha import Altcha
    from chalicelib.domain.screening import secret_for
    from chalicelib.usecases.screening import Screening

    def pepper() -> bytes:
        return house.secret("pepper")

    altcha = Altcha(lambda purpose: secret_for(purpose, pepper=pepper()))
    return Screening(proof_of_work=altcha, clock=house.clock, pepper=pepper)


def mailbox(house: House) -> MailboxDoor:
    """The mailbox."""
    from chalicelib.http.mailbox import MailboxDoor
    from chalicelib.usecases.mailbox import Mailbox

    return MailboxDoor(
        mailbox=Mailbox(
            store=house.store,
            correspondence=house._correspondence,
            shredding=house._shredding,
            clock=house.clock,
            opening=house.opening,
            rules=house.rules,
            mailer=house._mailer,
        ),
        opening=house.opening,
        helpline=house.helpline,
        texts=house.texts,
        pages=house.pages,
        signpost_link=house._signpost_link,
    )


def referrals(house: House) -> Referrals:
    """What partners may send."""
    from chalicelib.http.referrals import Referrals
    from chalicelib.usecases.partnering import Referring

    return Referrals(
        partnering=house.partnering,
        referring=Referring(intake=house._intake, store=house.store, clock=house.clock),
        consents=lambda: house._consents,
    )


def sessions(house: House) -> Sessions:
    """Live questions and answers, for everybody."""
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.http.sessions import Sessions
    from chalicelib.usecases.sessions import Asking

    return Sessions(
        programme=house._programme,
        asking=Asking(programme=house._programme, intake=house._intake),
        screening=house._screening,
        the_statement=house._statement,
        opening=house.opening,
        helpline=house.helpline,
        clock=house.clock,
        randomness=SystemRandomness(),
        texts=house.texts,
        pages=house.pages,
    )


def signposts(house: House) -> Signposts:
    """The signposts."""
    from chalicelib.http.signposts import Signposts

    return Signposts(house._signposting)


def help_pages(house: House) -> HelpPages:
    """The pages that anybody can read, and what tells search engines about them."""
    from chalicelib.http.help_pages import HelpPages

    return HelpPages(
        signposting=house._signposting,
        questions=house.content.help_pages,
        helpline=house.helpline,
        opening=house.opening,
        texts=house.texts,
        pages=house.pages,
        site=house.settings.site,
    )


def oruk(house: House) -> Oruk:
    """The Open Referral feed."""
    from chalicelib.http.oruk import Oruk

    return Oruk(house._directory, house.settings.site)


def campaigns(house: House) -> Campaigns:
    """The campaigns."""
    from chalicelib.http.campaigns import Campaigns

    return Campaigns(house._campaigning, house.texts)


def campaign_pages(house: House) -> CampaignPages:
    """The pages that leaflets lead to."""
    from chalicelib.http.campaign_pages import CampaignPages

    return CampaignPages(
        campaigning=house._campaigning,
        helpline=house.helpline,
        opening=house.opening,
        texts=house.texts,
        pages=house.pages,
    )


def packs(house: House) -> Packs:
    """What a campaign's partners send and print; only what is printed loads what prints."""
    from chalicelib.http.kept import Shelves
    from chalicelib.http.local_times import day_and_year
    from chalicelib.http.packs import Packs
    from chalicelib.usecases.packing import Packing

    packing = Packing(
        campaigning=house._campaigning,
        helpline=house.helpline,
        words=lambda language: house.content.words(language)["pack"],
        in_words=day_and_year,
        site=house.settings.site,
    )
    return Packs(
        campaigning=house._campaigning,
        packing=packing,
        printer=lambda: house._printer,
        texts=house.texts,
        pages=house.pages,
        ready=Shelves(),
    )


def printer(house: House) -> Printer:
    """What prints leaflets."""
    from chalicelib.adapters.leaflets import A4Printer

    return A4Printer()


def reach(house: House) -> Reach:
    """What is published about reach."""
    from chalicelib.http.reach import Reach

    return Reach(
        counting=house._counting,
        reporting=house.reporting,
        regions=house.content.regions,
        campaigns=lambda: {each.slug: each.name for each in house._campaigning.edition().campaigns},
        helpline=house.helpline,
        opening=house.opening,
        texts=house.texts,
        pages=house.pages,
    )


def reference(house: House) -> Reference:
    """The pages about the API."""
    from chalicelib.http.reference import Reference

    return Reference(house.settings.site)


def widget(house: House) -> Widget:
    """The script for partner sites."""
    from chalicelib.http.widget import Widget

    return Widget()
