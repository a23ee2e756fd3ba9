"""The rest of the outside world: the clock, letters, bells, queues, gauges, and who signs people in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.ports import Clock, Doorbell, Gauges, Identity, Mailer, Overflow, SignIn, TrailAnchor
    from chalicelib.wiring import House


def clock(house: House) -> Clock:
    """The helpline's clock."""
    from chalicelib.adapters.clock import SystemClock

    return SystemClock(house.settings.clock_starts_at)


def mailer(house: House) -> Mailer:
    """What sends a practitioner's answer by mail."""
    if house.settings.mail == "ses":
        from chalicelib.adapters.aws import Client
        from chalicelib.adapters.ses import SesMailer

        return SesMailer(Client("sesv2", connect=1.0, read=3.0, attempts=1))
    from chalicelib.adapters.outbox import Outbox

    return Outbox(house.settings.home / "outbox")


def doorbells(house: House) -> tuple[Doorbell, ...]:
    """What tells practitioners that somebody waits."""
    settings = house.settings
    doorbells: list[Doorbell] = []
    if settings.doorbell_topic is not None:
        from chalicelib.adapters.aws import Client
        from chalicelib.adapters.sns import SnsDoorbell

        client = Client("sns", connect=1.0, read=2.0, attempts=2)
        doorbells.append(SnsDoorbell(client, settings.doorbell_topic, house.helpline.hours.zone))
    if settings.doorbell_webhook is not None and settings.doorbell_secret is not None:
        from chalicelib.adapters.webhook import WebhookDoorbell

        doorbells.append(WebhookDoorbell(settings.doorbell_webhook, lambda: _doorbell_secret(house)))
    if settings.store != "sqlite":
        return tuple(doorbells)
    from chalicelib.adapters.one_ring import OneRing

    return tuple(OneRing(each, settings.home / f"doorbell.{number}") for number, each in enumerate(doorbells))


def _doorbell_secret(house: House) -> str:
    said = house.settings.doorbell_secret
    if said is None or house.settings.doorbell_secret_arn is not None:
        return house._managed_secrets.text("doorbell")
    return said


def overflow(house: House) -> Overflow | None:
    """Where requests wait while the store does not answer; None where there is no such queue."""
    if house.settings.overflow_queue is None:
        return None
    from chalicelib.adapters import sqs
    from chalicelib.adapters.aws import Client

    client = Client("sqs", connect=sqs.CONNECT, read=sqs.READ, attempts=1)
    return sqs.SqsOverflow(client, house.settings.overflow_queue)


def gauges(house: House) -> Gauges:
    """What is measured of the queue."""
    from chalicelib.adapters.gauges import EmbeddedMetrics, NoGauges

    metrics = house.settings.metrics
    return NoGauges() if metrics is None else EmbeddedMetrics(metrics)


def anchor(house: House) -> TrailAnchor:
    """What remembers the end of the audit trail, apart from the store."""
    if house.settings.trail_anchor is None:
        from chalicelib.adapters.anchor import FileAnchor

        return FileAnchor(house.settings.home / "keys" / "trail.anchor")
    from chalicelib.adapters.aws import Client
    from chalicelib.adapters.ssm import ParameterAnchor

    return ParameterAnchor(Client("ssm", connect=1.0, read=2.0, attempts=3), house.settings.trail_anchor)


def identity(house: House) -> Identity:
    """Who tells from a token who somebody is."""
    from chalicelib.adapters import oidc

    settings = house.settings
    if settings.oidc_issuer is None:
        return oidc.local_identity(settings.home) if settings.on_loopback else oidc.NoSignIn()
    return oidc.OidcIdentity(
        oidc.UrlKeySource(settings.oidc_issuer),
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithm=settings.oidc_algorithm,
        roles_claim=settings.oidc_roles_claim,
    )


def sign_in(house: House) -> SignIn:
    """Where the desk's page sends people to sign in."""
    from chalicelib.adapters import oidc_discovery

    settings = house.settings
    if settings.oidc_issuer is None:
        return oidc_discovery.LocalSignIn() if settings.on_loopback else oidc_discovery.NoSignInService()
    return oidc_discovery.DiscoveredSignIn(
        settings.oidc_issuer,
        client_id=settings.oidc_client_id or settings.oidc_audience,
        scope=settings.oidc_scope,
        bearer=settings.oidc_bearer,
    )
