"""The pages about the API in the browser: light, strict, readable by everybody, and an example is one press away."""

from __future__ import annotations

import pytest
from browser_checks import light, nothing_wrong, shown_in_one_round_trip, tab_to

from chalicelib.http.contract.document import TAGS

PAGES = ("/docs", *(f"/docs/{tag}" for tag in TAGS))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_passes_every_check(new_tab, screen, dark):
    """Nothing against WCAG 2.2 AA, nothing sideways, nothing from elsewhere, nothing kept, strict headers."""
    tab = new_tab(screen=screen, dark=dark)
    for path in PAGES if screen == "phone" and not dark else ("/docs", "/docs/requests"):
        tab.goto(path)
        nothing_wrong(tab)


def test_they_are_whole_without_javascript(new_tab):
    """Without scripts every example and every link is there."""
    tab = new_tab(scripts=False)
    tab.goto("/docs/requests")
    assert "/v1/callbacks" in tab.inner_text("pre >> nth=0")
    nothing_wrong(tab)
    assert tab.locator("button").count() == 0


def test_they_are_light_and_come_in_one_round_trip(tab):
    """Each weighs under 60 KB with its script, and shows everything before the script has come."""
    for path in PAGES:
        assert set(light(tab, path)) <= {path, "/assets/docs.js", "/favicon.ico"}
    assert "curl" in shown_in_one_round_trip(tab, "/docs/requests")


def test_an_example_is_copied_by_keyboard(new_tab, quietline):
    """The button beside an example puts the whole of it on the clipboard, and says that it did."""
    tab = new_tab(permissions=["clipboard-read", "clipboard-write"])
    tab.goto("/docs/mailbox")
    tab_to(tab, "button.copy")
    tab.keyboard.press("Enter")
    tab.locator("[role=status]").filter(has_text="Copied").wait_for(state="attached")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == 'curl -si "$API/v1/mailbox" \\\n  -H "Authorization: Receipt $RECEIPT"'
    assert quietline.url  # the same server serves the page and the example
