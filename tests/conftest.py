"""What every suite starts from: a fixed present, a request's head to vary, and how hard Hypothesis tries."""

from __future__ import annotations

from datetime import datetime

import engines
import pytest
from heads import NOW, build_head
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("quick")  # --hypothesis-profile long replaces it


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
