"""A real Chromium: Debian's package, driven by Playwright; `CHROMIUM` names another one."""

from __future__ import annotations

import os
import shutil

import pytest
from real_server import Contract, running

pytest.register_assert_rewrite("browser_checks")
from browser_checks import SCREENS, Watch  # noqa: E402 - so that its assertions say what they found

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
LANGUAGES = {"en": "en-GB", "cy": "cy-GB"}


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


@pytest.fixture
def new_tab(chromium, quietline):
    """
    How to open a tab with a fresh profile: `new_tab(screen="phone", scripts=False, language="cy", dark=True)`.

    What goes wrong in it fails the test: a script that stops, or something that the Content-Security-Policy refuses.
    """
    contexts, watches = [], []

    def opened(*, screen="desk", scripts=True, language="en", dark=False, origin=quietline.url, **options):
        settings = {
            "viewport": SCREENS[screen],
            "locale": LANGUAGES[language],
            "color_scheme": "dark" if dark else "light",
            "reduced_motion": "reduce",
            **options,
        }
        context = chromium.new_context(base_url=origin, java_script_enabled=scripts, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        watch = Watch(origin, scripts, lambda: chromium.new_context(**settings).new_page())
        watch.follow(page)
        watches.append(watch)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [wrong for watch in watches for wrong in watch.wrong] == []


@pytest.fixture(params=list(SCREENS))
def screen(request) -> str:
    """An old phone of 320 px, and a desk of 1,280."""
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["scripts", "plain"])
def scripts(request) -> bool:
    """With JavaScript and without."""
    return bool(request.param)


@pytest.fixture(params=list(LANGUAGES))
def language(request) -> str:
    """English and Welsh."""
    return str(request.param)


@pytest.fixture
def tab(new_tab):
    """A tab as most people have it: JavaScript, English, a desk."""
    return new_tab()


def pytest_terminal_summary(terminalreporter):
    """Say whether the pages were tried in a browser, and how to have them tried where they were not."""
    if CHROMIUM is None:
        terminalreporter.write_line("browser none: the tests in tests/browser were skipped (apt-get install chromium)")
    else:
        terminalreporter.write_line(f"browser {CHROMIUM}")
