"""
The composition root: the only reader of the environment, and the only place that builds adapters.

Everything is built when it is first used, so that a cold start pays for what it answers and no more: the public face
never loads what only the desk needs, and a GET of content opens no database.

`House` is the list of all parts; how each is made stands in the module that the list names beside it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.config import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chalice.app import Response

    from chalicelib.adapters.aws_json import Way
    from chalicelib.adapters.content import PackagedContent
    from chalicelib.adapters.dynamodb_connection import Connection
    from chalicelib.adapters.keyfiles import KeyFiles
    from chalicelib.adapters.secretsmanager import ManagedSecrets
    from chalicelib.adapters.sqlite import SqliteStore
    from chalicelib.domain.helpline import Helpline, Statement
    from chalicelib.domain.partners import Consents
    from chalicelib.domain.requests import Rules
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


def made_by(place: str) -> cached_property[Any]:
    """Let a part be made on first use, as `<module>.<function>` makes it; the module is loaded no earlier."""

    def make(house: House) -> object:
        module, _, function = place.partition(".")
        return getattr(import_module(f"{__name__}.{module}"), function)(house)

    return cached_property(make)


class House:
    """One deployment of Quietline, put together from its settings."""

    # What anybody may ask

    public: cached_property[Public] = made_by("public_face.public")
    _intake: cached_property[Intake] = made_by("public_face.intake")
    _screening: cached_property[Screening] = made_by("public_face.screening")
    mailbox: cached_property[MailboxDoor] = made_by("public_face.mailbox")
    referrals: cached_property[Referrals] = made_by("public_face.referrals")
    sessions: cached_property[Sessions] = made_by("public_face.sessions")
    signposts: cached_property[Signposts] = made_by("public_face.signposts")
    help_pages: cached_property[HelpPages] = made_by("public_face.help_pages")
    oruk: cached_property[Oruk] = made_by("public_face.oruk")
    campaigns: cached_property[Campaigns] = made_by("public_face.campaigns")
    campaign_pages: cached_property[CampaignPages] = made_by("public_face.campaign_pages")
    packs: cached_property[Packs] = made_by("public_face.packs")
    _printer: cached_property[Printer] = made_by("public_face.printer")
    reach: cached_property[Reach] = made_by("public_face.reach")
    reference: cached_property[Reference] = made_by("public_face.reference")
    widget: cached_property[Widget] = made_by("public_face.widget")

    # What those who sign in may ask

    desk: cached_property[Desk] = made_by("desk_face.desk")
    _casework: cached_property[Casework] = made_by("desk_face.casework")
    _checking: cached_property[Checking] = made_by("desk_face.checking")
    _auditing: cached_property[Auditing] = made_by("desk_face.auditing")
    host_desk: cached_property[HostDesk] = made_by("desk_face.host_desk")
    partner_keys_desk: cached_property[PartnerKeyDesk] = made_by("desk_face.partner_keys_desk")
    content_desk: cached_property[ContentDesk] = made_by("desk_face.content_desk")
    publishing: cached_property[Publishing] = made_by("desk_face.publishing")
    figures: cached_property[DeskFigures] = made_by("desk_face.figures")
    desk_page: cached_property[DeskPage] = made_by("desk_face.desk_page")

    # What nobody asks for

    retention: cached_property[Retention] = made_by("rounds.retention")
    believing: cached_property[Believing] = made_by("rounds.believing")
    watch: cached_property[Watch] = made_by("rounds.watch")
    triggers: cached_property[Triggers] = made_by("rounds.triggers")
    _doorkeeping: cached_property[Doorkeeping] = made_by("rounds.doorkeeping")

    # Counts and figures

    _counting: cached_property[Counting] = made_by("reach.counting")
    releasing: cached_property[Releasing] = made_by("reach.releasing")
    reporting: cached_property[Reporting] = made_by("reach.reporting")
    _figures: cached_property[Figures] = made_by("reach.figures")

    # What the helpline says, and when it answers

    helpline: cached_property[Helpline] = made_by("content.helpline")
    opening: cached_property[Opening] = made_by("content.opening")
    rules: cached_property[Rules] = made_by("content.rules")
    _statement: cached_property[Statement] = made_by("content.statement")
    _consents: cached_property[Consents] = made_by("content.consents")
    pages: cached_property[Pages] = made_by("content.pages")
    published: cached_property[Published] = made_by("content.published")
    _guide: cached_property[PublishedContent] = made_by("content.guide")
    _signposting: cached_property[Signposting] = made_by("content.signposting")
    _campaigning: cached_property[Campaigning] = made_by("content.campaigning")
    _diary: cached_property[PublishedCampaigns] = made_by("content.diary")
    _directory: cached_property[Directory] = made_by("content.directory")
    _programme: cached_property[Programme] = made_by("content.programme")
    _signpost_link: cached_property[Callable[[str, str], dict[str, Any] | None]] = made_by("content.signpost_link")

    # Keys, sealing, shredding

    keys: cached_property[KeyFiles] = made_by("keys.keys")
    _managed_secrets: cached_property[ManagedSecrets] = made_by("keys.managed_secrets")
    sealer: cached_property[Sealer] = made_by("keys.sealer")
    opener: cached_property[Opener] = made_by("keys.opener")
    _correspondence: cached_property[Correspondence] = made_by("keys.correspondence")
    _shredding: cached_property[Shredding] = made_by("keys.shredding")
    partnering: cached_property[Partnering] = made_by("keys.partnering")

    # Where things are kept

    store: cached_property[RequestStore] = made_by("stores.store")
    publications: cached_property[Publications] = made_by("stores.publications")
    partner_keys: cached_property[PartnerKeys] = made_by("stores.partner_keys")
    _transcripts: cached_property[Transcripts] = made_by("stores.transcripts")
    releases: cached_property[Releases] = made_by("stores.releases")
    counters: cached_property[Counters] = made_by("stores.counters")
    shred_keys: cached_property[ShredKeys] = made_by("stores.shred_keys")
    _sqlite: cached_property[SqliteStore] = made_by("stores.sqlite")

    # The rest of the outside world

    clock: cached_property[Clock] = made_by("outside.clock")
    _mailer: cached_property[Mailer] = made_by("outside.mailer")
    _doorbells: cached_property[tuple[Doorbell, ...]] = made_by("outside.doorbells")
    _overflow: cached_property[Overflow | None] = made_by("outside.overflow")
    _gauges: cached_property[Gauges] = made_by("outside.gauges")
    _anchor: cached_property[TrailAnchor] = made_by("outside.anchor")
    _identity: cached_property[Identity] = made_by("outside.identity")
    _sign_in: cached_property[SignIn] = made_by("outside.sign_in")

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

    # What an answer that goes wrong needs: made here, because every start needs it

    @cached_property
    def problems(self) -> Problems:
        """The answers to everything that goes wrong."""
        from chalicelib.http.problems import Problems

        return Problems(self.texts, self._problem_page, self._begins, self._round)

    def _problem_page(self, status: int, code: str, language: str) -> Response:
        from chalicelib.http import shapes

        open_now = self.helpline.hours.is_open(self.clock.now())
        helpline = self.texts.helpline_for_page(language, open_now=open_now, opens_at=None)
        page = self.pages.problem(language=language, helpline=helpline, status=status, code=code)
        return shapes.page(page, self.pages.headers(language, status=status), status)

    @cached_property
    def texts(self) -> Texts:
        """The words of answers."""
        from chalicelib.http.texts import Texts

        return Texts(self.content.words, lambda: self.helpline)

    @cached_property
    def content(self) -> PackagedContent:
        """The content that travels with the code."""
        from chalicelib.adapters.content import PackagedContent

        return PackagedContent()

    # What reads the environment

    @cached_property
    def _dynamodb(self) -> Connection:
        from chalicelib.adapters.dynamodb_connection import Connection

        # boto3 reads its own variables, but of the two for the region only the one that Lambda does not promise.
        return Connection(region=os.environ.get("AWS_REGION"), way=self._way("dynamodb"))

    def _way(self, service: str) -> Way | None:
        """Say how a service is reached without boto3; None where boto3 is asked for, or knows more than variables."""
        if self.settings.aws == "boto3":
            return None
        from chalicelib.adapters.aws_json import way_to

        home = Path(os.environ.get("HOME") or "/") / ".aws"
        configured = any((home / name).exists() for name in ("config", "credentials"))
        return way_to(service, os.environ, configured=configured)

    # What takes an argument, or is asked anew each time

    def audit_key(self) -> bytes:
        """Give the key that chains the audit trail; on DynamoDB only what writes or reads the trail asks for it."""
        return self.secret("audit.key")

    def secret(self, name: str) -> bytes:
        """
        Give the secret `pepper` or `audit.key`: from Secrets Manager where it is said to be there, else from its file.

        Raises:
            Unavailable: `keys`.
        """
        arns = {"pepper": self.settings.pepper_secret, "audit.key": self.settings.audit_secret}
        return self.keys.secret(name) if arns[name] is None else self._managed_secrets.secret(name)

    def recipients(self) -> Sequence[Mapping[str, str]]:
        """List the public keys to seal to: those of the settings, or the key files'."""
        return self.settings.recipients or self.keys.recipients()

    def recovery(self, key_file: Path) -> Recovery:
        """
        Open requests with a recovery key that was brought from where it is kept.

        Raises:
            Unavailable: `key-missing`, there is no such key in the file.
        """
        from chalicelib.wiring import keys

        return keys.recovery(self, key_file)

    @property
    def has_publications(self) -> bool:
        """Whether there is a place where somebody may have published something."""
        return self.settings.store != "sqlite" or (self.settings.home / "quietline.db").exists()

    def _readable(self) -> Publications | None:
        """Give where publications are; a GET of content makes no database where there is none."""
        return self.publications if self.has_publications else None

    @property
    def schema_version(self) -> int:
        """The newest version of the SQLite store that this release can read."""
        from chalicelib.adapters.sqlite import MIGRATIONS

        return len(MIGRATIONS)

    def make_tables(self) -> None:
        """Make the DynamoDB tables, for a trial on a local engine; on AWS the templates make them."""
        from chalicelib.wiring import stores

        stores.make_tables(self)

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
