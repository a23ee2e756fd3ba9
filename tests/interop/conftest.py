"""The browser's side, once for all tests, and how much to send each way."""

from __future__ import annotations

import os

import pytest
from browser_side import Browser, Desk, find_node


@pytest.fixture(scope="session")
def count() -> int:
    """How many random messages go each way; `make test-interop COUNT=1000` asks for more."""
    return int(os.environ.get("QUIETLINE_INTEROP_COUNT", "100"))


@pytest.fixture(scope="session")
def browser():
    """The browser's modules in Node."""
    node = find_node()
    if node is None:
        pytest.skip("there is no Node on this machine, and none came with Playwright")
    one = Browser(node)
    yield one
    one.stop()


@pytest.fixture(scope="session")
def desk():
    """The two keys that everything is sealed to."""
    return Desk()
