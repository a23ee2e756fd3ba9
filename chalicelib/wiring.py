"""
The composition root: the only reader of the environment, and the only place that builds adapters.

Everything is built when it is first used, so that a cold start pays for what it answers and no more: the public face
never loads what only the desk needs, and a GET of content opens no database.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.config import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from chalice.app import Response
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from chalicelib.adapters.aws_json import Way
    from chalicelib.adapters.content import PackagedContent
    from chalicelib.adapters.dynamodb_connection import Connection
    from chalicelib.adapters.dynamodb_table import Table
    from chalicelib.adapters.keyfiles import KeyFiles
    from chalicelib.adapters.secretsmanager import ManagedSecrets
    from chalicelib.adapters.sqlite import SqliteStore
    from chalicelib.domain.helpline import Helpline, Statement
    from chalicelib.domain.partners import Consents
    from chalicelib.domain.requests import Rules
    from chalicelib.domain.sessions import Session
    from chalicelib.http.campaign_pages import CampaignPages
    from chalicelib.http.campaigns import Campaigns
    from chalicelib.http.desk import Desk
    from chalicelib.http.desk_page import DeskPage
    from chalicelib.http.figures import DeskFigures
    from chalicelib.http.help_pages import HelpPages
    from chalicelib.http.hosting import HostDesk
    from chalicelib.http.mailbox import MailboxDoor
    from chalicelib.http.oruk import Oruk
    from chalicelib.http.packs import Packs
    from chalicelib.http.pages import Pages
    from chalicelib.http.partner_keys import PartnerKeyDesk
    from chalicelib.http.problems import Problems
    from chalicelib.http.public import Public
    from chalicelib.http.publishing import ContentDesk
    from chalicelib.http.reach import Reach
    from chalicelib.http.reference import Reference
    from chalicelib.http.referrals import Referrals
    from chalicelib.http.sessions import Sessions
    from chalicelib.http.signposts import Signposts
    from chalicelib.http.texts import Texts
    from chalicelib.http.triggers import Triggers
    from chalicelib.http.widget import Widget
    from chalicelib.ports import (
        Clock,
        Counters,
        Doorbell,
        Gauges,
        Identity,
        Mailer,
        Opener,
        Overflow,
        PartnerKeys,
        Printer,
        Publications,
        Releases,
        RequestStore,
        Sealer,
        ShredKeys,
        SignIn,
        TrailAnchor,
        Transcripts,
    )
    from chalicelib.usecases.auditing import Auditing
    from chalicelib.usecases.believing import Believing
    from chalicelib.usecases.campaigning import Campaigning
    from chalicelib.usecases.casework import Casework
    from chalicelib.usecases.checking import Checking
    from chalicelib.usecases.correspondence import Correspondence
    from chalicelib.usecases.directory import Directory
    from chalicelib.usecases.doorbell import Doorkeeping
    from chalicelib.usecases.figures import Figures
    from chalicelib.usecases.intake import Intake
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.partnering import Partnering
    from chalicelib.usecases.published import Published, PublishedContent
    from chalicelib.usecases.published_campaigns import PublishedCampaigns
    from chalicelib.usecases.publishing import Publishing
    from chalicelib.usecases.reach import Counting, Releasing, Reporting
    from chalicelib.usecases.recovery import Recovery
    from chalicelib.usecases.retention import Retention
    from chalicelib.usecases.screening import Screening
    from chalicelib.usecases.sessions import Programme
    from chalicelib.usecases.shredding import Shredding
    from chalicelib.usecases.signposting import Signposting
    from chalicelib.usecases.watching import Watch


def _nearest(word: str, known: Collection[str]) -> str | None:
    from chalicelib.adapters.spelling import nearest  # noqa: PLC0415

    return nearest(word, known)


class House:
    """One deployment of Quietline, put together from its settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def from_environment(cls) -> House:
        """
        Put the house together as `QUIETLINE_*` says.

        Raises:
            SettingError: one sentence that names the variable that is wrong.
        """
        return cls(Settings.from_env(os.environ))

    @cached_property
    def problems(self) -> Problems:
        """The answers to everything that goes wrong."""
        from chalicelib.http.problems import Problems  # noqa: PLC0415

        return Problems(self.texts, self._problem_page, self._begins, self._round)

    @cached_property
    def _intake(self) -> Intake:
        from chalicelib.adapters.phones import Phonenumbers  # noqa: PLC0415
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.usecases.intake import Intake  # noqa: PLC0415
        from chalicelib.usecases.screening import Room  # noqa: PLC0415

        return Intake(
            store=self.store,
            sealer=self.sealer,
            shredding=self._shredding,
            phones=Phonenumbers(),
            clock=self.clock,
            randomness=SystemRandomness(),
            opening=self.opening,
            statement=self._statement,
            rules=self.rules,
            screening=self._screening,
            room=Room(self.store, cap=self.settings.unverified_cap, clock=self.clock),
            words=self.content.reference_words,
            pepper=lambda: self.secret("pepper"),
            consents=lambda: self._consents,
            partner_cap=self.settings.partner_cap,
            counting=self._counting,
            overflow=self._overflow,
        )

    @cached_property
    def public(self) -> Public:
        """The public face."""
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.http.public import Public  # noqa: PLC0415

        return Public(
            helpline=self.helpline,
            the_statement=self._statement,
            opening=self.opening,
            screening=self._screening,
            intake=self._intake,
            sealer=self.sealer,
            shredding=self._shredding,
            opener=self.opener if "desk" in self.settings.faces else None,
            accepts="public" in self.settings.faces,
            store=self.store,
            randomness=SystemRandomness(),
            texts=self.texts,
            pages=self.pages,
            knows_campaign=self._knows_campaign,
        )

    @cached_property
    def sessions(self) -> Sessions:
        """Live questions and answers, for everybody."""
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.http.sessions import Sessions  # noqa: PLC0415
        from chalicelib.usecases.sessions import Asking  # noqa: PLC0415

        return Sessions(
            programme=self._programme,
            asking=Asking(programme=self._programme, intake=self._intake),
            screening=self._screening,
            the_statement=self._statement,
            opening=self.opening,
            helpline=self.helpline,
            clock=self.clock,
            randomness=SystemRandomness(),
            texts=self.texts,
            pages=self.pages,
        )

    @cached_property
    def host_desk(self) -> HostDesk:
        """The hosts' side of live sessions."""
        from chalicelib.http.access import Access  # noqa: PLC0415
        from chalicelib.http.hosting import HostDesk  # noqa: PLC0415
        from chalicelib.usecases.sessions import Hosting  # noqa: PLC0415

        return HostDesk(
            access=Access(self._identity),
            hosting=Hosting(
                programme=self._programme,
                casework=self._casework,
                transcripts=self._transcripts,
                shred_keys=self.shred_keys,
                clock=self.clock,
            ),
            clock=self.clock,
            helpline=self.helpline,
            words=self.texts.declined,
        )

    def _shown_session(self, session: Session, language: str) -> Mapping[str, Any]:
        from chalicelib.http.sessions import session_shape  # noqa: PLC0415

        return session_shape(session, language, self.clock, self.helpline)

    @cached_property
    def _programme(self) -> Programme:
        from chalicelib.usecases.sessions import Programme  # noqa: PLC0415

        return Programme(
            packaged=self.content.sessions,
            published=lambda: self.published.of("session"),
            transcripts=self._transcripts,
            clock=self.clock,
        )

    @cached_property
    def mailbox(self) -> MailboxDoor:
        """The mailbox."""
        from chalicelib.http.mailbox import MailboxDoor  # noqa: PLC0415
        from chalicelib.usecases.mailbox import Mailbox  # noqa: PLC0415

        return MailboxDoor(
            mailbox=Mailbox(
                store=self.store,
                correspondence=self._correspondence,
                shredding=self._shredding,
                clock=self.clock,
                opening=self.opening,
                rules=self.rules,
                mailer=self._mailer,
            ),
            opening=self.opening,
            helpline=self.helpline,
            texts=self.texts,
            pages=self.pages,
            signpost_link=self._signpost_link,
        )

    @cached_property
    def referrals(self) -> Referrals:
        """What partners may send."""
        from chalicelib.http.referrals import Referrals  # noqa: PLC0415
        from chalicelib.usecases.partnering import Referring  # noqa: PLC0415

        return Referrals(
            partnering=self.partnering,
            referring=Referring(intake=self._intake, store=self.store, clock=self.clock),
            consents=lambda: self._consents,
        )

    @cached_property
    def partner_keys_desk(self) -> PartnerKeyDesk:
        """Partners' keys, at the desk."""
        from chalicelib.http.access import Access  # noqa: PLC0415
        from chalicelib.http.partner_keys import PartnerKeyDesk  # noqa: PLC0415

        return PartnerKeyDesk(access=Access(self._identity), partnering=self.partnering)

    @cached_property
    def partnering(self) -> Partnering:
        """Who issues, revokes and recognises partners' keys."""
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.usecases.partnering import Partnering  # noqa: PLC0415

        return Partnering(
            keys=self.partner_keys, shred_keys=self.shred_keys, clock=self.clock, randomness=SystemRandomness()
        )

    @cached_property
    def signposts(self) -> Signposts:
        """The signposts."""
        from chalicelib.http.signposts import Signposts  # noqa: PLC0415

        return Signposts(self._signposting)

    @cached_property
    def campaigns(self) -> Campaigns:
        """The campaigns."""
        from chalicelib.http.campaigns import Campaigns  # noqa: PLC0415

        return Campaigns(self._campaigning, self.texts)

    @cached_property
    def campaign_pages(self) -> CampaignPages:
        """The pages that leaflets lead to."""
        from chalicelib.http.campaign_pages import CampaignPages  # noqa: PLC0415

        return CampaignPages(
            campaigning=self._campaigning,
            helpline=self.helpline,
            opening=self.opening,
            texts=self.texts,
            pages=self.pages,
        )

    @cached_property
    def packs(self) -> Packs:
        """What a campaign's partners send and print; only what is printed loads what prints."""
        from chalicelib.http.kept import Shelves  # noqa: PLC0415
        from chalicelib.http.local_times import day_and_year  # noqa: PLC0415
        from chalicelib.http.packs import Packs  # noqa: PLC0415
        from chalicelib.usecases.packing import Packing  # noqa: PLC0415

        packing = Packing(
            campaigning=self._campaigning,
            helpline=self.helpline,
            words=lambda language: self.content.words(language)["pack"],
            in_words=day_and_year,
            site=self.settings.site,
        )
        return Packs(
            campaigning=self._campaigning,
            packing=packing,
            printer=lambda: self._printer,
            texts=self.texts,
            pages=self.pages,
            ready=Shelves(),
        )

    @cached_property
    def reference(self) -> Reference:
        """The pages about the API."""
        from chalicelib.http.reference import Reference  # noqa: PLC0415

        return Reference(self.settings.site)

    @cached_property
    def widget(self) -> Widget:
        """The script for partner sites."""
        from chalicelib.http.widget import Widget  # noqa: PLC0415

        return Widget()

    @cached_property
    def help_pages(self) -> HelpPages:
        """The pages that anybody can read, and what tells search engines about them."""
        from chalicelib.http.help_pages import HelpPages  # noqa: PLC0415

        return HelpPages(
            signposting=self._signposting,
            questions=self.content.help_pages,
            helpline=self.helpline,
            opening=self.opening,
            texts=self.texts,
            pages=self.pages,
            site=self.settings.site,
        )

    @cached_property
    def oruk(self) -> Oruk:
        """The Open Referral feed."""
        from chalicelib.http.oruk import Oruk  # noqa: PLC0415

        return Oruk(self._directory, self.settings.site)

    @cached_property
    def desk(self) -> Desk:
        """The desk face."""
        from chalicelib.http.access import Access  # noqa: PLC0415
        from chalicelib.http.desk import Desk  # noqa: PLC0415

        return Desk(
            access=Access(self._identity),
            casework=self._casework,
            auditing=self._auditing,
            opening=self.opening,
            clock=self.clock,
            helpline=self.helpline,
            doorkeeping=self._doorkeeping,
            signposting=self._signposting,
            signpost_link=self._signpost_link,
            consents=lambda: self._consents,
        )

    @cached_property
    def content_desk(self) -> ContentDesk:
        """The editors' part of the desk face."""
        from chalicelib.http.access import Access  # noqa: PLC0415
        from chalicelib.http.publishing import ContentDesk  # noqa: PLC0415

        return ContentDesk(access=Access(self._identity), publishing=self.publishing)

    @cached_property
    def publishing(self) -> Publishing:
        """What editors do; a further kind of record is one more entry."""
        from chalicelib.domain.campaigns import address  # noqa: PLC0415
        from chalicelib.http import oruk_documents, signposts  # noqa: PLC0415
        from chalicelib.usecases import campaign_kind, kinds  # noqa: PLC0415
        from chalicelib.usecases.publishing import Publishing  # noqa: PLC0415

        known = (
            kinds.signposts(self.content, signposts.flat),
            kinds.organizations(self.content, oruk_documents.organization),
            kinds.sessions(self.content, self._shown_session),
            campaign_kind.campaigns(
                self.content,
                lambda campaign, language: {
                    **self.campaigns.shown(campaign, language),
                    "pack": self.packs.words(campaign, language),
                },
                link=address(self.settings.site, ""),
                zone=lambda: self.helpline.hours.zone,
            ),
        )
        return Publishing(lambda: self.publications, known, self.clock)

    @cached_property
    def _casework(self) -> Casework:
        from chalicelib.usecases.casework import Casework  # noqa: PLC0415

        return Casework(
            store=self.store,
            correspondence=self._correspondence,
            shredding=self._shredding,
            checking=self._checking,
            opener=self.opener,
            mailer=self._mailer,
            clock=self.clock,
            rules=self.rules,
            helpline=self.helpline,
            figures=self._figures,
        )

    @cached_property
    def desk_page(self) -> DeskPage:
        """The practitioners' page."""
        from chalicelib.http.desk_page import DeskPage  # noqa: PLC0415

        return DeskPage(self._sign_in)

    @cached_property
    def retention(self) -> Retention:
        """What runs by the clock."""
        from chalicelib.usecases.retention import Retention  # noqa: PLC0415

        return Retention(
            store=self.store,
            shred_keys=self.shred_keys,
            transcripts=self._transcripts,
            partner_keys=self.partner_keys,
            clock=self.clock,
            mailer=self._mailer,
            auditing=self._auditing,
            gauges=self._gauges,
            rules=self.rules,
            releasing=self.releasing,
        )

    @cached_property
    def believing(self) -> Believing:
        """What holds this machine's clock against where it was last believed."""
        from chalicelib.adapters.beliefs import FileBeliefs  # noqa: PLC0415
        from chalicelib.usecases.believing import Believing  # noqa: PLC0415

        return Believing(
            beliefs=FileBeliefs(self.settings.home / "clock.json"),
            store=self.store,
            shred_keys=self.shred_keys,
            clock=self.clock,
        )

    @cached_property
    def reach(self) -> Reach:
        """What is published about reach."""
        from chalicelib.http.reach import Reach  # noqa: PLC0415

        return Reach(
            counting=self._counting,
            reporting=self.reporting,
            regions=self.content.regions,
            campaigns=self._campaign_names,
            helpline=self.helpline,
            opening=self.opening,
            texts=self.texts,
            pages=self.pages,
        )

    @cached_property
    def figures(self) -> DeskFigures:
        """What supervisors see of the work as a whole."""
        from chalicelib.http.access import Access  # noqa: PLC0415
        from chalicelib.http.figures import DeskFigures  # noqa: PLC0415

        return DeskFigures(access=Access(self._identity), figures=self._figures)

    @cached_property
    def releasing(self) -> Releasing:
        """What makes of a month's counts its published figures."""
        from chalicelib.usecases.reach import Releasing  # noqa: PLC0415

        return Releasing(
            counters=self.counters,
            releases=self.releases,
            clock=self.clock,
            zone=self.helpline.hours.zone,
        )

    @cached_property
    def reporting(self) -> Reporting:
        """What tells of published figures."""
        from chalicelib.usecases.reach import Reporting  # noqa: PLC0415

        return Reporting(
            releases=self.releases,
            clock=self.clock,
            zone=self.helpline.hours.zone,
            regions=self.content.regions,
            campaigns=self._campaign_codes,
        )

    @cached_property
    def _counting(self) -> Counting:
        from chalicelib.usecases.reach import Counting  # noqa: PLC0415

        return Counting(
            counters=self.counters,
            clock=self.clock,
            zone=self.helpline.hours.zone,
            regions=self._region_codes,
            campaigns=self._campaign_codes,
        )

    @cached_property
    def _figures(self) -> Figures:
        from chalicelib.usecases.figures import Figures  # noqa: PLC0415

        return Figures(counters=self.counters, clock=self.clock, zone=self.helpline.hours.zone, rules=self.rules)

    def _knows_campaign(self, code: str) -> bool:
        """Tell whether a campaign has the code; most requests name none, and load no campaigns."""
        return self._campaigning.knows(code)

    def _region_codes(self) -> frozenset[str]:
        return frozenset(region.code for region in self.content.regions())

    def _campaign_codes(self) -> Mapping[str, str]:
        """Map what a visit or a request may carry, a campaign's code or its name, to its name."""
        edition = self._campaigning.edition()
        return {**{each.code: each.slug for each in edition.campaigns}, **{slug: slug for slug in edition.by_slug}}

    def _campaign_names(self) -> Mapping[str, Mapping[str, str]]:
        return {each.slug: each.name for each in self._campaigning.edition().campaigns}

    @cached_property
    def counters(self) -> Counters:
        """Counts of what happened, apart from the requests."""
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb_reach import DynamoCounters  # noqa: PLC0415

            return DynamoCounters(self._table(self.settings.counters_table))
        from chalicelib.adapters.sqlite_reach import SqliteCounters  # noqa: PLC0415

        return SqliteCounters(self.settings.home / "counters.db")

    @cached_property
    def releases(self) -> Releases:
        """What has been published of each month."""
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb_reach import DynamoReleases  # noqa: PLC0415

            return DynamoReleases(self._table(self.settings.table))
        from chalicelib.adapters.sqlite_reach import SqliteReleases  # noqa: PLC0415

        return SqliteReleases(self.settings.home / "reach.db")

    @cached_property
    def watch(self) -> Watch:
        """What looks at the queue as a whole."""
        from chalicelib.usecases.watching import Watch  # noqa: PLC0415

        return Watch(store=self.store, clock=self.clock, gauges=self._gauges)

    @cached_property
    def triggers(self) -> Triggers:
        """What arrives by queue and by the clock."""
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.http.triggers import Triggers  # noqa: PLC0415
        from chalicelib.usecases.overflowing import Overflowing  # noqa: PLC0415

        return Triggers(
            overflowing=Overflowing(
                store=self.store,
                shredding=self._shredding,
                clock=self.clock,
                randomness=SystemRandomness(),
                words=self.content.reference_words,
            ),
            doorkeeping=self._doorkeeping,
        )

    @cached_property
    def store(self) -> RequestStore:
        """The queue and the mailboxes."""
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb import DynamoStore  # noqa: PLC0415

            shards = self.settings.queue_shards
            return DynamoStore(self._table(self.settings.table), audit_key=self.audit_key, shards=shards)
        return self._sqlite

    @cached_property
    def publications(self) -> Publications:
        """What editors write."""
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb_publications import DynamoPublications  # noqa: PLC0415

            return DynamoPublications(self._table(self.settings.content_table), self._table(self.settings.table))
        from chalicelib.adapters.sqlite_publications import SqlitePublications  # noqa: PLC0415

        return SqlitePublications(self._sqlite)

    @cached_property
    def partner_keys(self) -> PartnerKeys:
        """What is kept of partners' keys."""
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb_partners import DynamoPartnerKeys  # noqa: PLC0415

            return DynamoPartnerKeys(self._table(self.settings.content_table), self._table(self.settings.table))
        from chalicelib.adapters.sqlite_partners import SqlitePartnerKeys  # noqa: PLC0415

        return SqlitePartnerKeys(self._sqlite)

    @cached_property
    def _sqlite(self) -> SqliteStore:
        from chalicelib.adapters.sqlite import SqliteStore  # noqa: PLC0415
        from chalicelib.adapters.sqlite_whole import is_there  # noqa: PLC0415
        from chalicelib.domain.errors import Unavailable  # noqa: PLC0415

        path = self.settings.home / "quietline.db"
        if not is_there(path):
            self.keys.make()
            # Made first: requests without their keys are lost. Names without a file mean that it is; looked for again,
            # since a server that starts beside this one may have made it, and accepted a request, between two looks.
            if self.shred_keys.names(now=self.clock.now()) and not is_there(path):
                raise Unavailable("store-damaged")  # a new file would look as if there were none
        return SqliteStore(path, audit_key=self.audit_key())

    @property
    def schema_version(self) -> int:
        """The newest version of the SQLite store that this release can read."""
        from chalicelib.adapters.sqlite import MIGRATIONS  # noqa: PLC0415

        return len(MIGRATIONS)

    @cached_property
    def _transcripts(self) -> Transcripts:
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb_transcripts import DynamoTranscripts  # noqa: PLC0415

            return DynamoTranscripts(self._table(self.settings.table))
        from chalicelib.adapters.sqlite_transcripts import SqliteTranscripts  # noqa: PLC0415

        return SqliteTranscripts(self._sqlite.database)

    def audit_key(self) -> bytes:
        """Give the key that chains the audit trail; on DynamoDB only what writes or reads the trail asks for it."""
        return self.secret("audit.key")

    @cached_property
    def shred_keys(self) -> ShredKeys:
        """The keys whose end is the end of what they encrypt; never backed up."""
        if self.settings.store == "dynamodb":
            from chalicelib.adapters.dynamodb_shred import DynamoShredKeys  # noqa: PLC0415

            return DynamoShredKeys(self._table(self.settings.shred_table))
        from chalicelib.adapters.sqlite_shred import SqliteShredKeys  # noqa: PLC0415

        home = self.settings.home
        return SqliteShredKeys(home / "shred.db", may_make=not (home / "quietline.db").exists())

    def _begins(self) -> None:
        """Let nobody pay for how long the one before them waited on the same thread."""
        if "_dynamodb" in self.__dict__:
            self._dynamodb.patience.afresh()

    @contextmanager
    def _round(self) -> Iterator[None]:
        """Let what nobody waits for take its time: each of its calls has a patience of its own."""
        if self.settings.store != "dynamodb":
            yield
            return
        with self._dynamodb.patience.unhurried():
            yield

    def make_tables(self) -> None:
        """Make the DynamoDB tables, for a trial on a local engine; on AWS the templates make them."""
        from chalicelib.adapters.dynamodb_table import create_tables  # noqa: PLC0415

        settings = self.settings
        create_tables(
            self._dynamodb,
            requests=settings.table,
            shred_keys=settings.shred_table,
            content=settings.content_table,
            counters=settings.counters_table,
            ttl=True,
        )

    def _table(self, name: str) -> Table:
        from chalicelib.adapters.dynamodb_table import Table  # noqa: PLC0415

        return Table(self._dynamodb, name)

    @cached_property
    def _dynamodb(self) -> Connection:
        from chalicelib.adapters.dynamodb_connection import Connection  # noqa: PLC0415

        # boto3 reads its own variables, but of the two for the region only the one that Lambda does not promise.
        return Connection(region=os.environ.get("AWS_REGION"), way=self._way("dynamodb"))

    def _way(self, service: str) -> Way | None:
        """Say how a service is reached without boto3; None where boto3 is asked for, or knows more than variables."""
        if self.settings.aws == "boto3":
            return None
        from chalicelib.adapters.aws_json import way_to  # noqa: PLC0415

        home = Path(os.environ.get("HOME") or "/") / ".aws"
        configured = any((home / name).exists() for name in ("config", "credentials"))
        return way_to(service, os.environ, configured=configured)

    @cached_property
    def keys(self) -> KeyFiles:
        """The files that hold keys."""
        from chalicelib.adapters.keyfiles import KeyFiles  # noqa: PLC0415

        return KeyFiles(
            self.settings.home / "keys", may_make=lambda: not (self.settings.home / "quietline.db").exists()
        )

    def secret(self, name: str) -> bytes:
        """
        Give the secret `pepper` or `audit.key`: from Secrets Manager where it is said to be there, else from its file.

        Raises:
            Unavailable: `keys`.
        """
        arns = {"pepper": self.settings.pepper_secret, "audit.key": self.settings.audit_secret}
        return self.keys.secret(name) if arns[name] is None else self._managed_secrets.secret(name)

    @cached_property
    def _managed_secrets(self) -> ManagedSecrets:
        from chalicelib.adapters.aws import Client  # noqa: PLC0415
        from chalicelib.adapters.secretsmanager import ManagedSecrets  # noqa: PLC0415

        settings = self.settings
        arns = {
            "pepper": settings.pepper_secret,
            "audit.key": settings.audit_secret,
            "doorbell": settings.doorbell_secret_arn,
        }
        return ManagedSecrets(
            Client("secretsmanager", connect=0.5, read=1.0, attempts=2, way=self._way("secretsmanager")),
            {name: arn for name, arn in arns.items() if arn},
        )

    def recipients(self) -> Sequence[Mapping[str, str]]:
        """List the public keys to seal to: those of the settings, or the key files'."""
        return self.settings.recipients or self.keys.recipients()

    @cached_property
    def sealer(self) -> Sealer:
        """What closes content; public keys only."""
        from chalicelib.adapters.hpke import HpkeSealer  # noqa: PLC0415

        return HpkeSealer(self.recipients, lambda: () if self.settings.recipients else self.keys.retired())

    @cached_property
    def opener(self) -> Opener:
        """What opens content; the desk's alone."""
        if self.settings.kms_keys:
            from chalicelib.adapters.aws import Client  # noqa: PLC0415
            from chalicelib.adapters.kms import KmsOpener  # noqa: PLC0415

            client = Client("kms", connect=1.0, read=2.0, attempts=3, way=self._way("kms"))
            return KmsOpener(client, self.settings.kms_keys, self.recipients)
        from chalicelib.adapters.hpke import HpkeOpener  # noqa: PLC0415

        return HpkeOpener(self.keys.private_key, self.recipients)

    def recovery(self, key_file: Path) -> Recovery:
        """
        Open requests with a recovery key that was brought from where it is kept.

        Raises:
            Unavailable: `key-missing`, there is no such key in the file.
        """
        from chalicelib.adapters.hpke import HpkeOpener  # noqa: PLC0415
        from chalicelib.adapters.keyfiles import read_recovery_key  # noqa: PLC0415
        from chalicelib.domain.errors import Unavailable  # noqa: PLC0415
        from chalicelib.usecases.recovery import Recovery  # noqa: PLC0415

        mine = read_recovery_key(key_file)

        def private_key(key_ids: Sequence[str]) -> tuple[str, EllipticCurvePrivateKey]:
            if mine[0] not in key_ids:
                raise Unavailable("key-missing")
            return mine

        return Recovery(
            store=self.store,
            correspondence=self._correspondence,
            shredding=self._shredding,
            checking=self._checking,
            opener=HpkeOpener(private_key, self.keys.recipients),
            clock=self.clock,
        )

    @cached_property
    def clock(self) -> Clock:
        """The helpline's clock."""
        from chalicelib.adapters.clock import SystemClock  # noqa: PLC0415

        return SystemClock(self.settings.clock_starts_at)

    @cached_property
    def helpline(self) -> Helpline:
        """Who answers, and when."""
        from chalicelib.adapters.holidays import BankHolidays  # noqa: PLC0415
        from chalicelib.domain.helpline import read_helpline  # noqa: PLC0415

        return read_helpline(self.content.helpline(), BankHolidays)

    @cached_property
    def opening(self) -> Opening:
        """The hours as they stand now."""
        from chalicelib.usecases.opening import Opening  # noqa: PLC0415

        return Opening(helpline=self.helpline, store=self.store, clock=self.clock)

    @cached_property
    def rules(self) -> Rules:
        """The figures that a request's life depends on."""
        from chalicelib.domain import overflow  # noqa: PLC0415
        from chalicelib.domain.requests import TOMBSTONE, Rules  # noqa: PLC0415

        settings = self.settings
        return Rules(
            lease=settings.lease,
            claim_limit=settings.claim_limit,
            attempts_limit=self.helpline.attempts_limit,
            retention=settings.retention,
            retention_after_closing=settings.retention_after_closing,
            details_after_closing=settings.details_after_closing,
            tombstone=TOMBSTONE if settings.overflow_queue is None else overflow.TOMBSTONE,
        )

    @cached_property
    def texts(self) -> Texts:
        """The words of answers."""
        from chalicelib.http.texts import Texts  # noqa: PLC0415

        return Texts(self.content.words, lambda: self.helpline)

    @cached_property
    def pages(self) -> Pages:
        """The requesters' pages."""
        from chalicelib.http.pages import Pages  # noqa: PLC0415

        return Pages(self.content.words)

    @cached_property
    def content(self) -> PackagedContent:
        """The content that travels with the code."""
        from chalicelib.adapters.content import PackagedContent  # noqa: PLC0415

        return PackagedContent()

    @cached_property
    def published(self) -> Published:
        """What editors have published, as readers meet it."""
        from chalicelib.usecases.published import Published  # noqa: PLC0415

        return Published(self._readable, self.clock)

    def _readable(self) -> Publications | None:
        """Give where publications are; a GET of content makes no database where there is none."""
        return self.publications if self.has_publications else None

    @property
    def has_publications(self) -> bool:
        """Whether there is a place where somebody may have published something."""
        return self.settings.store != "sqlite" or (self.settings.home / "quietline.db").exists()

    @cached_property
    def _guide(self) -> PublishedContent:
        from chalicelib.usecases.published import PublishedContent  # noqa: PLC0415

        return PublishedContent(self.content, self.published, self.clock)

    @cached_property
    def _statement(self) -> Statement:
        from chalicelib.domain.helpline import read_statement  # noqa: PLC0415

        return read_statement(self.content.statement())

    @cached_property
    def _consents(self) -> Consents:
        from chalicelib.domain.partners import read_consents  # noqa: PLC0415

        return read_consents(self.content.consent())

    @cached_property
    def _signposting(self) -> Signposting:
        from chalicelib.usecases.signposting import Signposting  # noqa: PLC0415

        return Signposting(self._guide, _nearest)

    @cached_property
    def _campaigning(self) -> Campaigning:
        from chalicelib.usecases.campaigning import Campaigning  # noqa: PLC0415

        return Campaigning(
            content=self._diary,
            signposting=self._signposting,
            clock=self.clock,
            zone=lambda: self.helpline.hours.zone,
        )

    @cached_property
    def _diary(self) -> PublishedCampaigns:
        from chalicelib.usecases.published_campaigns import PublishedCampaigns  # noqa: PLC0415

        return PublishedCampaigns(
            packaged=self.content,
            guide=self._guide,
            published=self.published,
            zone=lambda: self.helpline.hours.zone,
        )

    @cached_property
    def _printer(self) -> Printer:
        from chalicelib.adapters.leaflets import A4Printer  # noqa: PLC0415

        return A4Printer()

    @cached_property
    def _directory(self) -> Directory:
        from chalicelib.usecases.directory import Directory  # noqa: PLC0415

        return Directory(self._guide)

    @cached_property
    def _correspondence(self) -> Correspondence:
        from chalicelib.adapters.hpke import AesCipher  # noqa: PLC0415
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.usecases.correspondence import Correspondence  # noqa: PLC0415

        return Correspondence(sealer=self.sealer, cipher=AesCipher(), randomness=SystemRandomness())

    @cached_property
    def _shredding(self) -> Shredding:
        from chalicelib.adapters.hpke import AesCipher  # noqa: PLC0415
        from chalicelib.adapters.randomness import SystemRandomness  # noqa: PLC0415
        from chalicelib.usecases.shredding import Shredding  # noqa: PLC0415

        return Shredding(
            keys=self.shred_keys,
            cipher=AesCipher(padded=False),
            randomness=SystemRandomness(),
            clock=self.clock,
        )

    @cached_property
    def _screening(self) -> Screening:
        from chalicelib.adapters.altcha import Altcha  # noqa: PLC0415
        from chalicelib.domain.screening import secret_for  # noqa: PLC0415
        from chalicelib.usecases.screening import Screening  # noqa: PLC0415

        def pepper() -> bytes:
            return self.secret("pepper")

        altcha = Altcha(lambda purpose: secret_for(purpose, pepper=pepper()))
        return Screening(proof_of_work=altcha, clock=self.clock, pepper=pepper)

    @cached_property
    def _checking(self) -> Checking:
        from chalicelib.adapters.phones import Phonenumbers  # noqa: PLC0415
        from chalicelib.http.referral_models import checked  # noqa: PLC0415
        from chalicelib.usecases.checking import Checking  # noqa: PLC0415

        return Checking(shape=checked, phones=Phonenumbers())

    @cached_property
    def _overflow(self) -> Overflow | None:
        if self.settings.overflow_queue is None:
            return None
        from chalicelib.adapters import sqs  # noqa: PLC0415
        from chalicelib.adapters.aws import Client  # noqa: PLC0415

        client = Client("sqs", connect=sqs.CONNECT, read=sqs.READ, attempts=1)
        return sqs.SqsOverflow(client, self.settings.overflow_queue)

    @cached_property
    def _doorkeeping(self) -> Doorkeeping:
        from chalicelib.usecases.doorbell import Doorkeeping  # noqa: PLC0415

        return Doorkeeping(store=self.store, doorbells=self._doorbells, clock=self.clock)

    @cached_property
    def _doorbells(self) -> tuple[Doorbell, ...]:
        settings = self.settings
        doorbells: list[Doorbell] = []
        if settings.doorbell_topic is not None:
            from chalicelib.adapters.aws import Client  # noqa: PLC0415
            from chalicelib.adapters.sns import SnsDoorbell  # noqa: PLC0415

            client = Client("sns", connect=1.0, read=2.0, attempts=2)
            doorbells.append(SnsDoorbell(client, settings.doorbell_topic, self.helpline.hours.zone))
        if settings.doorbell_webhook is not None and settings.doorbell_secret is not None:
            from chalicelib.adapters.webhook import WebhookDoorbell  # noqa: PLC0415

            doorbells.append(WebhookDoorbell(settings.doorbell_webhook, self._doorbell_secret))
        if settings.store != "sqlite":
            return tuple(doorbells)
        from chalicelib.adapters.one_ring import OneRing  # noqa: PLC0415

        return tuple(OneRing(each, settings.home / f"doorbell.{number}") for number, each in enumerate(doorbells))

    def _doorbell_secret(self) -> str:
        said = self.settings.doorbell_secret
        if said is None or self.settings.doorbell_secret_arn is not None:
            return self._managed_secrets.text("doorbell")
        return said

    @cached_property
    def _gauges(self) -> Gauges:
        from chalicelib.adapters.gauges import EmbeddedMetrics, NoGauges  # noqa: PLC0415

        metrics = self.settings.metrics
        return NoGauges() if metrics is None else EmbeddedMetrics(metrics)

    @cached_property
    def _auditing(self) -> Auditing:
        from chalicelib.usecases.auditing import Auditing  # noqa: PLC0415

        return Auditing(store=self.store, key=lambda: self.secret("audit.key"), anchor=self._anchor)

    @cached_property
    def _anchor(self) -> TrailAnchor:
        if self.settings.trail_anchor is None:
            from chalicelib.adapters.anchor import FileAnchor  # noqa: PLC0415

            return FileAnchor(self.settings.home / "keys" / "trail.anchor")
        from chalicelib.adapters.aws import Client  # noqa: PLC0415
        from chalicelib.adapters.ssm import ParameterAnchor  # noqa: PLC0415

        return ParameterAnchor(Client("ssm", connect=1.0, read=2.0, attempts=3), self.settings.trail_anchor)

    @cached_property
    def _mailer(self) -> Mailer:
        if self.settings.mail == "ses":
            from chalicelib.adapters.aws import Client  # noqa: PLC0415
            from chalicelib.adapters.ses import SesMailer  # noqa: PLC0415

            return SesMailer(Client("sesv2", connect=1.0, read=3.0, attempts=1))
        from chalicelib.adapters.outbox import Outbox  # noqa: PLC0415

        return Outbox(self.settings.home / "outbox")

    @cached_property
    def _identity(self) -> Identity:
        from chalicelib.adapters import oidc  # noqa: PLC0415

        settings = self.settings
        if settings.oidc_issuer is None:
            return oidc.local_identity(settings.home) if settings.on_loopback else oidc.NoSignIn()
        return oidc.OidcIdentity(
            oidc.UrlKeySource(settings.oidc_issuer),
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            algorithm=settings.oidc_algorithm,
            roles_claim=settings.oidc_roles_claim,
        )

    @cached_property
    def _sign_in(self) -> SignIn:
        from chalicelib.adapters import oidc_discovery  # noqa: PLC0415

        settings = self.settings
        if settings.oidc_issuer is None:
            return oidc_discovery.LocalSignIn() if settings.on_loopback else oidc_discovery.NoSignInService()
        return oidc_discovery.DiscoveredSignIn(
            settings.oidc_issuer,
            client_id=settings.oidc_client_id or settings.oidc_audience,
            scope=settings.oidc_scope,
            bearer=settings.oidc_bearer,
        )

    def _signpost_link(self, signpost_id: str, language: str) -> dict[str, Any] | None:
        from chalicelib.domain.errors import NotFound  # noqa: PLC0415

        try:
            signpost = self._signposting.get(signpost_id)
        except NotFound:
            return None
        link: dict[str, Any] = {"id": signpost.id, "name": signpost.name[language], "url": signpost.url}
        if signpost.phones:
            link["phone"] = signpost.phones[0].number
        return link

    def _problem_page(self, status: int, code: str, language: str) -> Response:
        from chalicelib.http import shapes  # noqa: PLC0415

        open_now = self.helpline.hours.is_open(self.clock.now())
        helpline = self.texts.helpline_for_page(language, open_now=open_now, opens_at=None)
        page = self.pages.problem(language=language, helpline=helpline, status=status, code=code)
        return shapes.page(page, self.pages.headers(language, status=status), status)
