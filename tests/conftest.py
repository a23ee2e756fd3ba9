"""What every suite starts from: a fixed present, a request's head to vary, and how hard Hypothesis tries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import engines
import pytest
from hypothesis import HealthCheck, settings

from chalicelib.domain import requests
from chalicelib.domain.requests import ContactRequest, Kind, Rules

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)

settings.register_profile(
    "quick", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("quick")  # --hypothesis-profile long replaces it


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


@pytest.fixture
def head():
    """How to make a request's head."""
    return build_head


@pytest.fixture
def now() -> datetime:
    """A Tuesday evening on which the line is open."""
    return NOW


def pytest_terminal_summary(terminalreporter):
    """Say which storage engines ran, and why one did not."""
    for line in engines.summary():
        terminalreporter.write_line(f"engine {line}")
