"""The requester's whole main job in a browser: every pair of hand, scripts, width and language at least once."""

from __future__ import annotations

import pytest
from browser_checks import nothing_wrong, picture
from hands import HANDS
from requester_steps import Practitioner, receipt_on

WAYS = [
    ("mouse", True, "phone", "en"),
    ("mouse", False, "desk", "cy"),
    ("keyboard", True, "desk", "cy"),
    ("keyboard", False, "phone", "en"),
    ("keyboard", True, "desk", "en"),
    ("mouse", False, "phone", "cy"),
]
"""Each two of the four belong together in one of these."""
NOTICE = "main .notice[role=status]"


IDS = [f"{hand}-{'scripts' if scripts else 'plain'}-{screen}-{lang}" for hand, scripts, screen, lang in WAYS]


@pytest.fixture(params=WAYS, ids=IDS)
def way(request, new_tab):
    """A tab, a way to use it, and its language."""
    hand, scripts, screen, language = request.param
    page = new_tab(screen=screen, scripts=scripts, language=language)
    page.goto(f"/?lang={language}")
    return page, HANDS[hand](page), language


def opened(page, *letters):
    """Wait until letters are open, and what they recommend is fetched: until then, what is below them moves."""
    for text in letters:
        page.wait_for_selector(f".said:has-text('{text}')")
    page.wait_for_selector("main a:has-text('Childline')")


def test_the_whole_main_job(way, quietline):
    """Ask to be rung, keep the receipt, read and write in the mailbox, choose another time, and take it back."""
    page, hand, language = way
    hand.press("main a[href^='/request?kind=callback']")
    hand.tick("#statement_version")
    hand.tick("#concern")
    hand.write("#phone", "07700 900123")
    hand.choose("#slot", 2)
    hand.write("#code_word", "heron")
    hand.press("main form button[type=submit]")
    receipt = receipt_on(page)
    reference = page.inner_text("#reference")
    assert page.url.endswith(f"/request?kind=callback&lang={language}")  # the form's own address, whatever its state
    picture(page, f"job-receipt-{language}")

    hand.write("#ending", receipt[-6:].lower())
    hand.press("form[data-check] button")
    page.wait_for_selector("#checked.notice:not(:empty)")

    act = Practitioner(quietline).claim(reference)
    act("replies", text="We will ring you at the new time.", signposts=["childline"])
    act("release")
    hand.press("main a.go[href^='/mailbox']")
    hand.write("input#receipt", receipt)
    hand.press("main form button[type=submit]")
    opened(page, "We will ring you at the new time.")
    before = page.inner_text("[aria-labelledby=status] strong")

    hand.write("#text", "Please ring later in the day.")
    hand.press("form:has(#text) button")
    page.wait_for_selector(NOTICE)
    opened(page, "We will ring you at the new time.", "Please ring later in the day.")
    hand.choose("#slot", 4)
    hand.press("form:has(#slot) button")
    page.wait_for_selector(f"[aria-labelledby=status] strong:not(:text-is({before!r}))")
    opened(page, "We will ring you at the new time.", "Please ring later in the day.")
    picture(page, f"job-mailbox-{language}")

    hand.press("form:has(#confirm) button")
    page.wait_for_selector("#confirm-mistake")
    hand.tick("#confirm")
    hand.press("form:has(#confirm) button")
    page.wait_for_selector("main:not(:has(#messages))")
    nothing_wrong(page)
    assert quietline.ask("GET", "/v1/mailbox", receipt=receipt).status == 404


@pytest.mark.parametrize("way", WAYS[:4], ids=IDS[:4], indirect=True)
def test_asking_for_information(way):
    """Write a question, keep the receipt, and be told when to look for the answer, now and in the mailbox."""
    page, hand, _ = way
    hand.press("main a[href^='/request?kind=information']")
    hand.tick("#statement_version")
    hand.tick("#concern")
    hand.write("#message", "What could I read first?")
    hand.press("main form button[type=submit]")
    receipt = receipt_on(page)
    when = page.inner_text("[aria-labelledby=when] strong")
    hand.press("main a.go[href^='/mailbox']")
    hand.write("input#receipt", receipt)
    hand.press("main form button[type=submit]")
    page.wait_for_selector("#messages")
    assert page.inner_text("[aria-labelledby=status] strong") == when
    nothing_wrong(page)
