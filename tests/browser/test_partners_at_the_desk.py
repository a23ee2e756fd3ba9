"""Partners at the desk, in a browser: a key that is shown once, and a referral in a practitioner's hands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser_checks import nothing_wrong

from chalicelib.domain.partners import id_of
from chalicelib.local.issuer import LocalIssuer

REFERRAL = {
    "consent": {"version": "2026-11", "language": "cy", "how": "by-phone", "given_on": "2026-11-24"},
    "details": {
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "name": "Sam",
        "safety": {"voicemail": "never"},
        "referrer": {"name": "Robin", "role": "GP", "contact": "01632 960123"},
    },
}
PICTURES = os.environ.get("QUIETLINE_PICTURES")
"""A folder to leave pictures of the pages in, for somebody who wants to look at them."""


@pytest.fixture
def signed_in(new_tab, quietline):
    """How to open the desk as somebody, on a screen."""

    def opened(role, screen, subject):
        tab = new_tab(screen=screen, permissions=["clipboard-read", "clipboard-write"])
        tab.goto(f"/desk#{LocalIssuer(quietline.home).ticket(role, subject)}")
        tab.wait_for_selector("#tabs:not([hidden])")
        return tab

    return opened


def picture(tab, name):
    """Leave a picture, if somebody asked for them."""
    if PICTURES:
        tab.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_a_supervisor_issues_a_key_that_is_shown_once_and_revokes_it(signed_in, quietline, screen):
    """The key is copied, put away and nowhere on the page again; revoked, it is listed as such and opens nothing."""
    partner, tab = f"hub-{screen}", signed_in("supervisor", screen, "kim")
    tab.click("text=Partners")
    tab.wait_for_selector("#partner-keys:not(:empty)")
    tab.fill("#partner-name", "North Hub")
    tab.click("#partner-issue button")
    tab.wait_for_selector("#partner-issue .outcome:not(:empty)")
    assert tab.get_attribute("#partner-name", "aria-invalid") == "true"
    nothing_wrong(tab)
    tab.fill("#partner-name", partner)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#partner-key:not([hidden])")
    key = tab.inner_text("#partner-key-text")
    key_id = id_of(key)
    assert key_id is not None
    assert key_id.startswith(f"{partner}.")
    assert tab.evaluate("document.activeElement.id") == "partner-key"
    nothing_wrong(tab)
    picture(tab, f"partners-key-{screen}")
    tab.click("#partner-key-copy")
    tab.wait_for_selector("#status:has-text('The key is copied.')")
    assert tab.evaluate("navigator.clipboard.readText()") == key
    assert quietline.ask("GET", f"/v1/referrals/{'A' * 43}", token=key).status == 404
    tab.click("#partner-key-away")
    row = tab.locator("#partner-keys tr", has_text=key_id)
    assert "by kim" in row.inner_text()
    assert key not in tab.content()
    held = []

    def keep(route):
        held.append(route)

    tab.route("**/v1/desk/partners", keep)
    with tab.expect_request("**/v1/desk/partners"):
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    row.get_by_role("button", name="Revoke").click()
    with tab.expect_event("requestfinished"):  # a list that comes now does not take the button from under the hand
        held[0].continue_()
    tab.unroute("**/v1/desk/partners")
    row.get_by_role("button", name=f"Revoke qlp_{key_id} for good").click()
    tab.wait_for_selector(f"#status:has-text('qlp_{key_id} is revoked.')")
    row.get_by_role("button").wait_for(state="detached")  # the list is fetched after that was said
    assert row.get_by_role("button").count() == 0
    assert quietline.ask("GET", f"/v1/referrals/{'A' * 43}", token=key).status == 401
    nothing_wrong(tab)
    picture(tab, f"partners-keys-{screen}")


def test_keys_are_for_supervisors(signed_in):
    """A practitioner is shown no tab for them."""
    tab = signed_in("practitioner", "desk", "alex")
    assert tab.is_visible("text=Requests")
    assert tab.is_hidden("[data-panel=partners]")


def test_a_referral_in_hand_says_who_sent_it_and_what_was_agreed(signed_in, quietline, screen):
    """Whoever holds it reads partner, professional and consent, and is offered nothing that would need a mailbox."""
    key = quietline.partner_key("north-hub")["key"]
    assert quietline.ask("POST", "/v1/referrals", REFERRAL, token=key).status == 201
    tab = signed_in("practitioner", screen, f"sam-{screen}")
    tab.check("#take [name=kinds][value=referral]")
    tab.click("text=Take the next request")
    tab.wait_for_selector("#request:not([hidden])")
    facts = tab.inner_text("#facts")
    for said in ("north-hub, Robin, GP, 01632 960123", "by phone on 2026-11-24, in Welsh (2026-11)"):
        assert said in facts
    tab.click("#consent summary")
    assert "Does dim rhaid i chi ateb" in tab.inner_text("#consent")
    tab.click("#contract-read")
    script = tab.inner_text("#script")
    assert "Are you expecting a call now?" in script
    assert "two words" not in script
    tab.click("#work .close summary")
    assert tab.is_hidden("#work .reply")
    assert tab.is_hidden("#agreed")
    assert tab.is_hidden("#work .close .signposts")
    nothing_wrong(tab)
    picture(tab, f"referral-{screen}")
    tab.check("#work .close input[value=answered]")
    tab.click("#work .close button")
    tab.wait_for_selector("#status:has-text('is closed.')")
