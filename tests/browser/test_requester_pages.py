"""Every page of the requesters in every state: accessible, light, closed to others, and nothing kept."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from browser_checks import light, nothing_wrong, picture, shown_in_one_round_trip
from real_server import Contract, running
from requester_steps import Practitioner, open_mailbox, receipt_on, submitted

from chalicelib.domain.signposts import AUDIENCES
from chalicelib.http.pages import Pages

CONTENT = Path(__file__).parents[2] / "chalicelib" / "content"
NIGHT = "2026-11-28T03:00:00Z"
"""A Saturday, when the line is closed until Monday."""
PAIRS = [("phone", "en", False), ("desk", "cy", True)]
"""Both widths and both languages; one of them drawn for the dark."""
if "QUIETLINE_PICTURES" in os.environ:
    PAIRS += [("phone", "cy", True), ("desk", "en", False)]


@pytest.fixture(scope="module")
def asleep(tmp_path_factory):
    """A helpline at night."""
    with running(tmp_path_factory.mktemp("night") / "home", Contract(), NIGHT) as one:
        yield one


@pytest.fixture(scope="module")
def receipts(quietline):
    """A mailbox in each of its states."""
    alex = Practitioner(quietline)
    asked = {
        name: submitted(quietline, kind)
        for name, kind in (
            ("waiting", "callback"),
            ("asked", "information"),
            ("claimed", "callback"),
            ("answered", "information"),
            ("closed", "callback"),
            ("unreachable", "callback"),
            ("withdrawn", "callback"),
        )
    }
    alex.claim(asked["claimed"]["reference"])
    answering = alex.claim(asked["answered"]["reference"])
    answering("replies", text="Thank you for asking.\nThese can help.", signposts=["childline", "shore"])
    closing = alex.claim(asked["closed"]["reference"])
    closing("close", outcome="answered", agreed_actions=["Ring again on Friday"], signposts=["childline"])
    ringing = Practitioner(quietline, "kim").claim(asked["unreachable"]["reference"])
    ringing("attempts", result="no-answer")
    assert quietline.ask("DELETE", "/v1/mailbox", receipt=asked["withdrawn"]["receipt"]).status == 204
    return {name: each["receipt"] for name, each in asked.items()}


def texts(language: str):
    """The words of a language, as the content files have them."""
    return tomllib.loads((CONTENT / f"pages.{language}.toml").read_text(encoding="utf-8"))


def problem(page, language: str, status: int) -> None:
    """Have the server answer as it does when something is down."""
    pages = Pages(texts)
    helpline = {"name": "Helpline", "phone": "0808 1000 900", "tel": "+448081000900", "hours": "9 to 5"}
    html = pages.problem(
        language=language,
        helpline={**helpline, "open_now": True, "opens_next": None, "emergency": "999"},
        status=status,
        code="storage",
    )
    headers = pages.headers(language, status=status)
    page.route("**/down", lambda route: route.fulfill(status=status, headers=headers, body=html))
    page.goto("/down")


def send_empty(page, kind: str, language: str) -> None:
    """Send a form in which nothing was filled in."""
    page.goto(f"/request?kind={kind}&lang={language}")
    page.click("main button[type=submit]")
    page.wait_for_selector(".errors")


def send(page, kind: str, language: str) -> None:
    """Ask, and be handed the receipt."""
    page.goto(f"/request?kind={kind}&lang={language}")
    page.check("#statement_version")
    page.check("#concern")
    page.fill("#message", "What could I read first?")
    if kind == "callback":
        page.fill("#phone", "07700 900123")
    page.click("main button[type=submit]")
    receipt_on(page)


def check_wrongly(page, language: str) -> None:
    """Check a note that is not right."""
    send(page, "callback", language)
    page.fill("#ending", "000000")
    page.click("form[data-check] button")


def refused_mailbox(page, language: str, receipts) -> None:
    """Send a message without a word in it."""
    open_mailbox(page, receipts["waiting"], language)
    page.click("form:has(#text) button")
    page.wait_for_selector(".errors")


def withdraw(page, language: str, quietline) -> None:
    """Take a request back."""
    open_mailbox(page, submitted(quietline)["receipt"], language)
    page.check("#confirm")
    page.click(".final")
    page.wait_for_selector("h1:not(:has(~ section #messages))")


def wrong_receipt(page, language: str, receipt: str) -> None:
    """Try a receipt that opens nothing."""
    page.goto(f"/mailbox?lang={language}")
    page.fill("#receipt", receipt)
    page.click("main button[type=submit]")
    page.wait_for_selector(".errors")


@pytest.mark.parametrize(("screen", "language", "dark"), PAIRS)
def test_nothing_is_wrong_with_any_page_in_any_state(new_tab, quietline, asleep, receipts, screen, language, dark):
    """Axe finds nothing, nothing scrolls sideways, nobody else is asked, the headers hold, and the browser is empty."""
    states = {
        "landing": lambda page: page.goto(f"/?lang={language}"),
        "help": lambda page: page.goto(f"/help/{next(iter(AUDIENCES))}?lang={language}"),
        "privacy": lambda page: page.goto(f"/privacy?lang={language}"),
        "form-callback": lambda page: page.goto(f"/request?kind=callback&lang={language}"),
        "form-information": lambda page: page.goto(f"/request?kind=information&lang={language}"),
        "form-callback-errors": lambda page: send_empty(page, "callback", language),
        "form-information-errors": lambda page: send_empty(page, "information", language),
        "receipt-callback": lambda page: send(page, "callback", language),
        "receipt-information": lambda page: send(page, "information", language),
        "receipt-note-wrong": lambda page: check_wrongly(page, language),
        "door": lambda page: page.goto(f"/mailbox?lang={language}"),
        "door-wrong": lambda page: wrong_receipt(page, language, "00000-00000-00000-00000-000000"),
        "door-withdrawn": lambda page: wrong_receipt(page, language, receipts["withdrawn"]),
        "mailbox-refused": lambda page: refused_mailbox(page, language, receipts),
        "withdrawn": lambda page: withdraw(page, language, quietline),
        "problem-404": lambda page: page.goto(f"/help/nobody?lang={language}"),
        "problem-503": lambda page: problem(page, language, 503),
        **{
            f"mailbox-{name}": lambda page, name=name: open_mailbox(page, receipts[name], language)
            for name in ("waiting", "asked", "claimed", "answered", "closed", "unreachable")
        },
    }
    title = texts(language)["page"]["title"]
    page = new_tab(screen=screen, language=language, dark=dark)
    for name, arrive in states.items():
        arrive(page)
        picture(page, f"{name}-{screen}-{language}")
        nothing_wrong(page)
        if name != "help":  # those are for search engines to find
            assert page.title() == title, name
    night = new_tab(screen=screen, language=language, dark=dark, origin=asleep.url)
    night.goto(f"/?lang={language}")
    picture(night, f"landing-closed-{screen}-{language}")
    nothing_wrong(night)
    send(night, "callback", language)
    picture(night, f"receipt-closed-{screen}-{language}")
    nothing_wrong(night)


@pytest.mark.parametrize(
    "path", ["/", "/request?kind=callback&lang=cy", "/request?kind=information&lang=cy", "/mailbox", "/privacy",
             "/help/survivor?lang=cy"]
)  # fmt: skip
def test_a_page_is_light_and_shows_itself_in_one_round_trip(new_tab, path):
    """Under 60 KB with every script; its words and its style come with the first answer."""
    page = new_tab()
    light(page, path)
    assert len(shown_in_one_round_trip(page, path)) > 100
