"""The page of a campaign in the browser: at both widths, in both languages, with and without scripts."""

from __future__ import annotations

import pytest
from browser_checks import light, nothing_wrong, picture, shown_in_one_round_trip, tab_to
from real_server import Contract, running

DURING = "2018-06-27T17:00:00Z"


@pytest.fixture(scope="module")
def in_june(tmp_path_factory):
    """Run a server in the week of the campaign."""
    with running(tmp_path_factory.mktemp("june") / "home", Contract(), QUIETLINE_CLOCK=DURING) as one:
        yield one


@pytest.mark.parametrize(
    ("screen", "language", "scripts"), [("phone", "en", True), ("phone", "cy", False), ("desk", "cy", True)]
)
def test_the_page_is_fit_to_be_led_to(new_tab, in_june, screen, language, scripts):
    """Accessible, within the screen, kept nowhere, told to nobody else, under 60 KB; the phone and the forms on it."""
    tab = new_tab(screen=screen, language=language, scripts=scripts, origin=in_june.url)
    tab.goto(f"/c/gm-2018?lang={language}")
    nothing_wrong(tab)
    picture(tab, f"campaign-{screen}-{language}")
    assert tab.locator("h1").count() == 1
    assert tab.locator("a[href='tel:+448081000900']").count() >= 1
    loaded = set(light(tab, f"/c/gm-2018?lang={language}"))
    assert loaded <= {"/c/gm-2018", "/assets/always.js"}
    assert "0808 1000 900" in shown_in_one_round_trip(tab, f"/campaigns/gm-2018?lang={language}")


def test_the_forms_are_reached_with_the_keyboard_and_carry_the_code(new_tab, in_june):
    """From the leaflet to the form with Tab and Enter; what is sent will say by which campaign somebody came."""
    tab = new_tab(origin=in_june.url)
    tab.goto("/c/gm-2018?lang=en")
    tab_to(tab, "a[href^='/request?kind=information']")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/request?**")
    assert tab.locator("input[name=campaign]").get_attribute("value") == "gm-2018"


def test_what_is_sealed_in_the_browser_carries_the_code_beside_it(new_tab, in_june):
    """The script posts the code with the sealed words, so that a request is counted for its campaign."""
    tab = new_tab(origin=in_june.url)
    tab.goto("/request?kind=information&campaign=gm-2018&lang=en")
    tab.check("input[name=statement_version]")
    tab.check("input[name=concern][value=own-behaviour]")
    tab.fill("textarea[name=message]", "Hello, is anybody there?")
    tab.click("button.go")
    tab.wait_for_selector("#receipt")
    ((_, _, sent),) = [each for each in tab.watch.requests if each[0] == "POST"]
    assert "campaign=gm-2018" in sent
    assert "sealed=" in sent
    assert "anybody" not in sent


def test_a_campaign_that_is_over_says_so_first(tab):
    """Years later the same address tells when the campaign ended, and still has the phone."""
    tab.goto("/c/gm-2018?lang=en")
    nothing_wrong(tab)
    picture(tab, "campaign-over")
    assert tab.inner_text("main").startswith("This campaign ended on 1 July 2018.")
    assert "0808 1000 900" in tab.inner_text("main")
