"""Real servers for the tests that speak HTTP."""

from __future__ import annotations

import pytest
from real_server import TUESDAY_EVENING, Contract, running


@pytest.fixture(scope="session")
def contract():
    """The contract that every answer is held to."""
    return Contract()


@pytest.fixture(scope="session")
def shared_quietline(contract, tmp_path_factory):
    """One server for every test that does not mind what others have left in it."""
    with running(tmp_path_factory.mktemp("shared") / "home", contract) as quietline:
        yield quietline


@pytest.fixture
def quietline(contract, tmp_path):
    """A server with an empty queue."""
    with running(tmp_path / "home", contract) as one:
        yield one


@pytest.fixture
def open_house(contract, tmp_path):
    """Start servers on one home, each with a clock and settings of its own."""

    def start(clock: str = TUESDAY_EVENING, **settings: str):
        return running(tmp_path / "home", contract, clock, **settings)

    return start
