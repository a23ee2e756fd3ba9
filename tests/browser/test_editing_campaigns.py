"""Editors write a campaign at the desk, in a real browser: from its short name to its end."""

from __future__ import annotations

from browser_checks import nothing_wrong, picture
from test_editing import editor, opened, outcome, quietline  # noqa: F401 - a helpline where nobody else publishes

TEXTS = {
    "name": ("Winter", "Gaeaf"),
    "summary": ("A week in winter.", "Wythnos yn y gaeaf."),
    "headline": ("Worried?", "Poeni?"),
    "message": ("Talk to somebody.\nNobody will judge you.", "Siaradwch â rhywun.\nFydd neb yn eich barnu."),
    "sms": ("Talk to somebody: {link}", "Siaradwch â rhywun: {link}"),
}
LINES = {
    "code": "win26",
    "starts_on": "2026-11-23",
    "ends_on": "2026-11-29",
    "regions": "E23000005\nW15000001",
    "partners": "Greater Manchester Police",
    "signposts": "get-help",
}


def test_a_campaign_is_written_seen_published_and_closed(new_tab, quietline):  # noqa: F811
    """What is wrong stands at its field, text messages say what they cost, and closing takes one step."""
    page = editor(new_tab, quietline)
    page.select_option("#content-kind", "campaign")
    page.wait_for_selector("[data-at=gm-2018]")
    page.fill("#content-new-id", "winter")
    page.click("#content-new button")
    page.wait_for_selector("#content-f-code")
    for name, (english, welsh) in TEXTS.items():
        page.fill(f"#content-f-{name}-en", english)
        page.fill(f"#content-f-{name}-cy", welsh)
    for name, text in LINES.items():
        page.fill(f"#content-f-{name}", text)
    page.fill("#content-f-message-en", "Talk to somebody.\nWe know what you did.")
    page.click("[data-do=save]")
    page.wait_for_selector("#content-errors:focus")
    assert page.inner_text("#content-f-message-en-wrong").startswith("Line 2: This sounds as if something were known")
    page.fill("#content-f-message-en", TEXTS["message"][0])
    page.click("[data-do=preview]")
    page.wait_for_selector("#content-shown-title:focus")
    shown = page.inner_text("#content-preview [lang=cy]")
    assert "Fydd neb yn eich barnu." in shown
    assert "Siaradwch a rhywun: " in shown  # as it is sent
    assert "of 160 letters, 1 message" in shown
    page.evaluate("scrollTo(0, 0)")
    nothing_wrong(page)
    picture(page, "editing-campaign")
    page.click("[data-do=publish]")
    page.click("#content-does .armed")
    outcome(page, "Published. Everybody sees it from")
    page.click("#content-ending summary")
    page.click("#content-ends button")
    page.click("#content-ends .armed")
    outcome(page, "Published. Everybody sees it from")
    there = quietline.ask("GET", "/v1/desk/content/campaign/winter", token=quietline.token("editor")).json()
    assert there["out"]["closed_on"] == "2026-11-24"
    page.click("#content-back")
    opened(page, "winter")
    assert page.input_value("#content-f-sms-en") == TEXTS["sms"][0]
