"""What is there to be copied into other people's pages: a plain form and a script, from an origin of their own."""

from __future__ import annotations

import pytest
from partner_site import partner_site

MESSAGE = "Where can I read more, bluebell?"


@pytest.fixture
def partner(quietline):
    """A site with the forms on it."""
    with partner_site(quietline.url) as site:
        yield site


def mailbox(quietline, receipt: str):
    """Read a mailbox as its receipt opens it."""
    answer = quietline.ask("GET", "/v1/mailbox", receipt=receipt)
    assert answer.status == 200
    return answer.json()


def test_a_form_on_another_page_reaches_the_helpline(new_tab, partner, quietline, scripts):
    """Filled in on somebody else's site, with scripts and without, it ends on the helpline's page with the receipt."""
    tab = new_tab(origin=partner.origin, scripts=scripts)
    tab.goto("/web_form.html")
    tab.get_by_label("I have read what is confidential").check()
    tab.get_by_label("Another adult").check()
    tab.get_by_label("What would you like to know?").fill(MESSAGE)
    tab.get_by_role("button", name="Send").click()
    tab.wait_for_selector("#receipt:not(:empty)")
    assert tab.url == f"{quietline.url}/v1/information-requests"
    received = mailbox(quietline, tab.inner_text("#receipt").replace("\n", ""))
    assert (received["kind"], received["status"]) == ("information", "waiting")


def test_the_script_asks_once_and_shows_what_was_answered(new_tab, partner, quietline):
    """From another origin it gets a receipt; with the same key the same one; a refusal says whom to ring instead."""
    tab = new_tab(origin=partner.origin)
    tab.goto("/web_form.html")
    call = """async ([helpline, asked]) => {
      const { ask } = await import('/web_form.js');
      try { return await ask(helpline, asked); } catch (refused) { return { code: refused.code, ...refused.helpline }; }
    }"""
    asked = {"concern": "someone-else", "message": MESSAGE, "key": "one-key-for-both-tries"}
    first, second = (tab.evaluate(call, [quietline.url, asked]) for _ in range(2))
    assert first["receipt"] == second["receipt"]
    assert mailbox(quietline, first["receipt"])["reference"] == first["reference"]
    refused = tab.evaluate(call, [quietline.url, {"concern": "nonsense", "message": MESSAGE}])
    assert (refused["code"], refused["phone"]) == ("invalid", "0808 1000 900")
