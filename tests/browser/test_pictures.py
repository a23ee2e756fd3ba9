"""The pictures of the README: `make pictures` takes them anew, and every run makes sure that they could be taken."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from browser_checks import picture
from partner_site import partner_site
from test_sealing_in_chromium import ask, claim, fill_in_callback, open_mailbox

from chalicelib.domain.receipts import read_receipt
from chalicelib.local.issuer import LocalIssuer

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
NAMES = ("landing", "request", "receipt", "mailbox", "desk", "docs", "widget")
HEAVIEST = 150_000
PHONE = {"viewport": {"width": 390, "height": 844}}
WORDS = "I am worried about somebody close to me. I would like to talk it over."
REPLY = "Thank you for getting in touch. It was right to ask. We will ring in the time that you chose."


@pytest.fixture
def take(tmp_path, monkeypatch):
    """How to take a picture, where it belongs or, in a run of the tests, where it may be thrown away."""
    if not os.environ.get("QUIETLINE_PICTURES"):
        monkeypatch.setenv("QUIETLINE_PICTURES", str(tmp_path))
    folder = Path(os.environ["QUIETLINE_PICTURES"])

    def taken(tab, name: str) -> None:
        assert name in NAMES
        picture(tab, name, whole=False)
        assert 5_000 < (folder / f"{name}.png").stat().st_size < HEAVIEST

    return taken


def test_the_pages_of_a_requester(new_tab, quietline, take):
    """On a phone: the first page, the form, the receipt, and the mailbox with an answer in it."""
    tab = new_tab(**PHONE)
    tab.goto("/?lang=en")
    take(tab, "landing")
    fill_in_callback(tab)
    tab.evaluate("scrollTo(0, 0)")
    take(tab, "request")
    receipt = read_receipt(ask(tab, message=WORDS))
    take(tab, "receipt")
    token, claimed = claim(quietline, tab.inner_text("#reference"))
    held = f"/v1/desk/claims/{claimed['claim']['request_id']}/replies"
    body = {"number": claimed["claim"]["number"], "text": REPLY, "signposts": ["parents-protect"]}
    assert quietline.ask("POST", held, body, token=token).status == 201
    open_mailbox(tab, receipt.shown)
    take(tab, "mailbox")


def test_the_desk(new_tab, quietline, take):
    """A practitioner who has signed in, and what waits."""
    tab = new_tab()
    ask(tab, message=WORDS)
    tab.goto(f"/desk#{LocalIssuer(quietline.home).ticket('supervisor', 'sam')}")
    tab.wait_for_selector("#queue td")
    assert tab.locator("#sign-in").is_hidden()
    take(tab, "desk")


def test_the_reference(new_tab, take):
    """A page about the API."""
    tab = new_tab()
    tab.goto("/docs/requests")
    take(tab, "docs")


def test_the_widget_on_a_partners_page(new_tab, quietline, take):
    """The made-up partner's page with the list in it."""
    with partner_site(quietline.url) as site:
        tab = new_tab(origin=site.origin)
        tab.goto("/partner/index.html")
        tab.locator(".places li").first.wait_for()
        take(tab, "widget")


def test_the_readme_shows_them_and_says_what_they_show():
    """Each picture is committed, light, and in the README with words for those who do not see it; no other one is."""
    shown = dict(re.findall(r'<img src="docs/pictures/(\w+)\.png" alt="([^"]+)"', (ROOT / "README.md").read_text()))
    assert set(shown) == set(NAMES) == {path.stem for path in PICTURES.iterdir()}
    assert all(len(words) > 20 for words in shown.values())
    assert all(path.stat().st_size < HEAVIEST for path in PICTURES.iterdir())
