"""Editors at the desk in a real browser: a record from draft to readers, its errors, and two editors at once."""

from __future__ import annotations

from functools import partial

import pytest
from browser_checks import light, nothing_wrong, picture
from desk_hands import Keys, Mouse, sign_in
from real_server import Contract, running

PATH = "/v1/desk/content/signpost"
NAME, SUMMARY = "#content-f-name", "#content-f-summary"


@pytest.fixture(scope="module")
def quietline(tmp_path_factory):
    """A helpline where nobody else publishes."""
    with running(tmp_path_factory.mktemp("editing") / "home", Contract()) as one:
        yield one


def sound(page):
    """Hold the page to everything, from its top."""
    page.evaluate("scrollTo(0, 0)")
    nothing_wrong(page)


def editor(new_tab, quietline, subject="eve", **options):
    """Sign an editor in, in a tab of their own."""
    page = new_tab(**options)
    sign_in(page, quietline, "editor", subject)
    page.wait_for_selector("#content-list tbody")
    return page


def opened(page, record_id):
    """Open a record from the list."""
    page.click(f"[data-at={record_id}]")
    page.wait_for_selector("#content-title:focus")


def record(quietline, record_id):
    """Read a record as the API gives it."""
    return quietline.ask("GET", f"{PATH}/{record_id}", token=quietline.token("editor")).json()


def outcome(page, text):
    """Wait until the form says something."""
    page.wait_for_selector(f"#content-form > .outcome:has-text('{text}')")


@pytest.mark.parametrize(("screen", "hands"), [("phone", Mouse()), ("desk", Keys())], ids=["mouse", "keys"])
def test_from_the_list_to_readers(new_tab, quietline, screen, hands):
    """An editor finds a record, changes it, looks at it, publishes it, and goes back to what it was."""
    name = "shore" if isinstance(hands, Mouse) else "childline"
    page = editor(new_tab, quietline, screen=screen)
    sound(page)
    picture(page, f"editing-list-{screen}")
    hands.press(page, f"[data-at={name}]")
    page.wait_for_selector("#content-title:focus")
    sound(page)
    picture(page, f"editing-form-{screen}")
    before = record(quietline, name)["out"]["name"]["en"]
    page.fill(f"{NAME}-en", "")
    hands.write(page, f"{NAME}-en", f"{name} {screen}")
    hands.press(page, "[data-do=preview]")
    page.wait_for_selector("#content-shown-title:focus")
    assert f"{name} {screen}" in page.inner_text("#content-preview [lang=en]")
    sound(page)
    picture(page, f"editing-preview-{screen}")
    assert record(quietline, name)["out"]["name"]["en"] == before
    hands.press(page, "[data-do=publish]")
    page.keyboard.press("Enter") if isinstance(hands, Keys) else page.click("#content-does .armed")
    outcome(page, "Published. Everybody sees it from")
    assert record(quietline, name)["out"]["name"]["en"] == f"{name} {screen}"
    hands.press(page, "#content-past summary")
    page.wait_for_selector("#content-history tbody tr")
    sound(page)
    picture(page, f"editing-history-{screen}")
    hands.press(page, "#content-history tr:last-child button")
    page.keyboard.press("Enter") if isinstance(hands, Keys) else page.click("#content-history .armed")
    page.wait_for_selector(f"#content-title:text-is('{before}')")
    there = record(quietline, name)
    assert there["out"]["name"]["en"] == before
    assert page.input_value(f"{NAME}-en") == there["out"]["name"]["en"]


def test_everything_that_is_wrong_stands_at_its_field(new_tab, quietline, screen):
    """A record with errors is not kept: each is named above and at its field, and what was typed stays."""
    page = editor(new_tab, quietline, screen=screen)
    opened(page, "samaritans")
    page.fill(f"{NAME}-cy", "")
    page.fill("#content-f-url", "samaritans.org")
    page.fill("#content-f-phones", "116 123, free\nring us")
    page.fill("#content-f-review_days", "often")
    page.click("[data-do=save]")
    page.wait_for_selector("#content-errors:focus")
    assert "4 to mend" in page.inner_text("#content-errors")
    assert page.inner_text(f"{NAME}-cy-wrong") == "Needed in this language as well."
    assert page.inner_text("#content-f-url-wrong").startswith("A whole address")
    assert page.inner_text("#content-f-phones-wrong").startswith("Line 2: ")
    assert page.inner_text("#content-f-review_days-wrong").startswith("A whole number")
    sound(page)
    picture(page, f"editing-errors-{screen}")
    page.click("#content-errors button:has-text('Web address')")
    assert page.evaluate("document.activeElement.id") == "content-f-url"
    assert page.input_value("#content-f-phones") == "116 123, free\nring us"
    assert record(quietline, "samaritans")["state"] == "packaged"
    page.fill(f"{NAME}-cy", "Y Samariaid")
    page.fill("#content-f-url", "https://www.samaritans.org/")
    page.fill("#content-f-phones", "116 123, free")
    page.fill("#content-f-review_days", "90")
    page.click("[data-do=save]")
    outcome(page, "The draft is saved")
    assert page.locator("#content-errors").is_hidden()
    kept = record(quietline, "samaritans")
    assert (kept["state"], kept["record"]["review_days"]) == ("draft", 90)
    assert kept["record"]["phones"] == [{"number": "116 123", "free": True}]
    page.click("[data-do=discard]")
    page.click("#content-does .armed")
    page.wait_for_selector("#status:has-text('The draft is gone')")
    assert record(quietline, "samaritans")["state"] == "packaged"


def test_saving_without_a_change_changes_nothing(new_tab, quietline):
    """Every packaged record passes through the form unchanged: what it does not show travels along."""
    page = editor(new_tab, quietline)
    for kind in ("signpost", "organization"):
        # The list is drawn anew each time: until it is, a row may be taken away between press and release.
        drawn = partial(page.expect_response, f"**/v1/desk/content/{kind}")
        with drawn():
            page.select_option("#content-kind", kind)
        listed = quietline.ask("GET", f"/v1/desk/content/{kind}", token=quietline.token("editor")).json()["records"]
        for each in [each["id"] for each in listed][::3]:
            page.wait_for_selector(f"[data-at={each}]")
            opened(page, each)
            page.click("[data-do=save]")
            outcome(page, "Nothing has been changed")
            with drawn():
                page.click("#content-back")


def test_two_editors_at_once_lose_nothing(new_tab, quietline, screen):
    """
    The second of two is told who was first; what only they changed comes in, what both changed stands side by side.

    Nothing that was typed is gone, and the next save keeps it.
    """
    one, two = editor(new_tab, quietline, screen=screen), editor(new_tab, quietline, "ed", screen=screen)
    for page in (one, two):
        opened(page, "parents-protect")
    one.fill(f"{NAME}-en", "Eve's name")
    one.fill(f"{SUMMARY}-en", "Eve's words.")
    one.click("[data-do=save]")
    outcome(one, "The draft is saved")
    two.fill(f"{SUMMARY}-en", "Ed's words.")
    two.fill("#content-f-review_days", "77")
    two.click("[data-do=save]")
    two.wait_for_selector("#content-meanwhile:has-text('eve has changed this')")
    sound(two)
    picture(two, f"editing-two-{screen}")
    assert two.input_value(f"{NAME}-en") == "Eve's name"
    assert two.input_value(f"{SUMMARY}-en") == "Ed's words."
    assert two.input_value("#content-f-review_days") == "77"
    assert "Eve's words." in two.inner_text("#content-fields .theirs:not(:empty)")
    assert record(quietline, "parents-protect")["record"]["summary"]["en"] == "Eve's words."
    two.click("[data-do=save]")
    outcome(two, "The draft is saved")
    kept = record(quietline, "parents-protect")
    assert (kept["draft"]["by"], kept["record"]["name"]["en"]) == ("ed", "Eve's name")
    assert (kept["record"]["summary"]["en"], kept["record"]["review_days"]) == ("Ed's words.", 77)
    two.click("[data-do=discard]")
    two.click("#content-does .armed")
    two.wait_for_selector("#status:has-text('The draft is gone')")


def test_a_new_record_and_its_end(new_tab, quietline):
    """A record is written from nothing, published, and taken down; the list says how each stands."""
    page = editor(new_tab, quietline)
    page.fill("#content-new-id", "night-line")
    page.click("#content-new button")
    page.wait_for_selector("#content-title:focus")
    page.click("[data-do=save]")
    page.wait_for_selector("#content-errors:focus")
    for field, text in (("name", "Night line"), ("summary", "Somebody to talk to at night.")):
        for tongue in ("en", "cy"):
            page.fill(f"#content-f-{field}-{tongue}", text)
    for field, text in {
        "url": "https://night.example/", "source": "https://night.example/about", "organization": "Samaritans",
        "licence": "https://creativecommons.org/licenses/by/4.0/", "assured_date": "2026-11-24",
        "schedules": "mon tue 20:00-24:00",
    }.items():  # fmt: skip
        page.fill(f"#content-f-{field}", text)
    page.check("#content-f-audience [value=survivor]")
    page.check("#content-f-topics [value=recovery]")
    page.click("[data-do=save]")
    page.wait_for_selector("#content-errors:focus")
    assert page.inner_text("#content-errors li") == "When it is open, in words: This is needed."
    for tongue in ("en", "cy"):
        page.fill(f"#content-f-hours-{tongue}", "Monday and Tuesday nights.")
    page.click("[data-do=publish]")
    page.click("#content-does .armed")
    outcome(page, "Published. Everybody sees it from")
    kept = record(quietline, "night-line")["out"]
    assert kept["schedules"] == [{"days": ["mon", "tue"], "opens_at": "20:00", "closes_at": "24:00"}]
    assert (kept["anonymous"], kept["regions"], kept["organization"]) == (False, ["UK"], {"name": "Samaritans"})
    page.click("#content-ending summary")
    page.select_option("#content-end", "temporarily closed")
    page.click("#content-ends button")
    page.click("#content-ends .armed")
    page.wait_for_selector("#content-title:focus")
    page.click("#content-back")
    page.wait_for_selector("#content-list tbody tr:last-child:has-text('Closed for a time')")
    sound(page)
    assert record(quietline, "night-line")["status"] == "temporarily closed"


def test_what_is_typed_outlives_a_store_that_fails_and_a_sign_in_that_ends(new_tab, quietline):
    """A save that did not arrive leaves the form as it is; leaving the record is asked about."""
    page = editor(new_tab, quietline)
    opened(page, "get-help")
    page.fill(f"{NAME}-en", "Typed with care")
    page.route("**/v1/desk/content/**", lambda route: route.abort())
    page.click("[data-do=save]")
    outcome(page, "The desk cannot be reached")
    assert page.input_value(f"{NAME}-en") == "Typed with care"
    page.unroute("**/v1/desk/content/**")
    page.click("#content-back")
    assert page.inner_text("#content-back") == "Leave without saving?"
    assert page.locator("#content-editor").is_visible()
    page.click("#content-back")
    page.wait_for_selector("#content-records:visible")


def test_the_panel_is_light(new_tab, quietline):
    """The page and this panel weigh under 60 KB together, with all that they load."""
    page = editor(new_tab, quietline)
    assert page.evaluate("performance.getEntriesByType('resource').length") >= 1
    shell = light(page, "/desk")
    panel = quietline.ask("GET", "/desk/panels/editing")
    assert sum(shell.values()) + len(panel.body) < 60_000
