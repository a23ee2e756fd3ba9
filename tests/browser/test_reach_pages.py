"""The page of published reach, and the supervisors' figures at the desk, in Chromium."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser_checks import light, nothing_wrong

ROOT = Path(__file__).parents[2]
ASKED = "region=E23000005&from=2018-06&to=2019-05"
PICTURES = os.environ.get("QUIETLINE_PICTURES")
"""A folder for pictures of the pages, for somebody to look at."""


@pytest.fixture(scope="module")
def told(quietline):
    """A server that has the example's figures: loaded beside it, into its folder."""
    command = [sys.executable, "-m", "chalicelib.local.reach_example", "--into", str(quietline.home)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return quietline


def picture(page, name):
    """Leave a picture where somebody asked for them."""
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


@pytest.mark.parametrize(("screen", "language"), [("phone", "cy"), ("desk", "en")])
def test_the_report_is_plain_and_accessible(told, new_tab, screen, language):
    """In Welsh on a phone and in English at a desk, without scripts: sentence, chart, table; axe is content."""
    page = new_tab(screen=screen, scripts=False, language=language)
    page.goto(f"/reach?{ASKED}&lang={language}")
    sentence = page.locator("p.lead").inner_text()
    assert "52 %" in sentence
    assert "1,900" in sentence
    assert page.locator("svg.bars[role=img] rect").count() == 12
    assert page.locator("tbody tr").count() == 12
    nothing_wrong(page)
    picture(page, f"reach-{language}-{screen}")


def test_the_form_asks_anew(told, new_tab):
    """Somebody chooses areas in the place of months: the rows are areas, and those not shown are not listed."""
    page = new_tab(scripts=False)
    page.goto(f"/reach?{ASKED}")
    page.select_option("#region", "")
    page.select_option("#by", "region")
    with page.expect_navigation():
        page.click("button.go")
    rows = page.locator("tbody th").all_inner_texts()
    assert "Greater Manchester" in rows
    assert "Norfolk" not in rows
    nothing_wrong(page)
    picture(page, "reach-by-region")


def test_the_page_weighs_little(told, new_tab):
    """Everything that the page loads stays under 60 KB."""
    light(new_tab(), f"/reach?{ASKED}")


def test_what_is_printed_has_the_figures_and_no_form(told, new_tab):
    """On paper there are sentence, chart and table, and nothing that only a screen can do."""
    page = new_tab()
    page.goto(f"/reach?{ASKED}")
    page.emulate_media(media="print")
    assert page.locator("svg.bars").is_visible()
    assert page.locator("table").is_visible()
    assert not page.locator("form.filters").is_visible()
    picture(page, "reach-print")


def test_a_partners_page_sends_a_beacon(told, new_tab):
    """`navigator.sendBeacon` from a page is taken, sets nothing, and is counted as a contact."""
    page = new_tab()
    partners = {"status": 200, "content_type": "text/html", "body": "<!doctype html><title>A partner's page</title>"}
    page.route("**/partner", lambda route: route.fulfill(**partners))
    page.goto("/partner")
    with page.expect_response("**/v1/reach/visits") as answered:
        body = json.dumps({"campaign": "gm-2018", "region": "E23000005"})
        page.evaluate("(body) => navigator.sendBeacon('/v1/reach/visits', body)", body)
    assert answered.value.status == 204
    assert page.context.cookies() == []


@pytest.mark.parametrize("width", ["phone", "desk"])
def test_supervisors_find_the_figures_at_the_desk(told, new_tab, width):
    """A request that is taken up and closed stands in its lane's month, at both widths; axe is content."""
    submission = {
        "statement_version": "2026-11",
        "details": {"concern": "someone-else", "message": "Where can I read more?"},
    }
    assert told.ask("POST", "/v1/information-requests", submission).status == 201
    token = told.token("supervisor", "boss")
    claim = told.ask("POST", "/v1/desk/claims", {"kinds": ["information"]}, token=token).json()["claim"]
    closing = {"number": claim["number"], "outcome": "signposted", "agreed_actions": ["Read the page."]}
    path = f"/v1/desk/claims/{claim['request_id']}/close"
    assert told.ask("POST", path, closing, token=token).status == 200
    page = new_tab(screen=width)
    page.goto("/desk")
    page.locator("#sign-in-token summary").click()
    page.fill("#token", token)
    page.click("#sign-in-form button.go")
    page.get_by_role("button", name="Figures").click()
    page.wait_for_selector("#figures table")
    text = page.locator("#figures").inner_text()
    assert "Information, English" in text
    assert "100 %" in text
    assert "boss" not in text
    nothing_wrong(page)
    picture(page, f"desk-figures-{width}")
