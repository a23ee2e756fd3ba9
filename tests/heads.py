"""A fixed present, and heads of requests as the domain makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.domain import requests
from chalicelib.domain.partners import Referral
from chalicelib.domain.requests import ContactRequest, Kind, Rules

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)


def build_head(name: str = "one", *, now: datetime = NOW, windows=(), **changes) -> ContactRequest:
    """Submit a request called *name* by the domain's own rules, a callback if it has windows; then apply *changes*."""
    request = requests.submit(
        request_id=name,
        kind=Kind.CALLBACK if windows else Kind.INFORMATION,
        language="en",
        reference=f"amber-{name}",
        windows=tuple(windows),
        answer_by=now + timedelta(days=3),
        now=now,
        rules=Rules(),
        verified=True,
        statement_version="2026-11",
        fingerprint=f"fingerprint-{name}",
        body_id=f"body-{name}",
    )
    return replace(request, **changes)


def build_referral(name: str = "one", *, partner: str = "north-hub", now: datetime = NOW, **changes) -> ContactRequest:
    """Let *partner* refer a request called *name*."""
    referral = Referral(
        key_id=f"{partner}.abcdefgh",
        consent_version="2026-11",
        consent_language="cy",
        how="by-phone",
        given_on=now.date(),
    )
    return build_head(name, now=now, **{"kind": Kind.REFERRAL, "referral": referral, **changes})
