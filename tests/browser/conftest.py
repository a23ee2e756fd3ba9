"""A real Chromium: Debian's package, driven by Playwright; `CHROMIUM` names another one."""

from __future__ import annotations

import os
import shutil

import pytest
from real_server import Contract, running

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def chromium():
    """The browser, for as long as a module needs it: Playwright keeps an event loop running, and others want theirs."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # Without a sandbox, since CI runs as root; it opens our own pages and nothing else.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def quietline(tmp_path_factory):
    """One server for all."""
    with running(tmp_path_factory.mktemp("browser") / "home", Contract()) as one:
        yield one


@pytest.fixture(scope="session")
def count() -> int:
    """How many random messages go each way."""
    return int(os.environ.get("QUIETLINE_INTEROP_COUNT", "100"))


class Sent:
    """Every request that the browser made, with its body."""

    def __init__(self, page) -> None:
        self.requests = []
        page.on("request", lambda request: self.requests.append((request.method, request.url, request.post_data or "")))

    def all(self) -> str:
        """Give everything that left the browser as one text."""
        return repr(self.requests)


@pytest.fixture
def tab(chromium, quietline):
    """A fresh profile with one page; what goes wrong in it fails the test."""
    context = chromium.new_context(base_url=quietline.url)
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.sent = Sent(page)
    yield page
    context.close()
    assert wrong == []
