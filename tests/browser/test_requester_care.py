"""What a frightened person relies on: leaving at once, no way back, plain words for mistakes, a receipt kept."""

from __future__ import annotations

import pytest
from browser_checks import focus_is_seen, picture
from requester_steps import open_mailbox, receipt_on, submitted

from chalicelib.adapters.phones import Phonenumbers

ELSEWHERE = "<!doctype html><title>Weather</title><h1>Weather</h1>"
WORDS = "Something only I should read, kingfisher."


@pytest.fixture
def visit(new_tab):
    """Come from a search page, by way of the landing page; the neutral page that one leaves to is at hand."""

    def arrive(*, scripts=True, language="en", screen="desk"):
        page = new_tab(scripts=scripts, language=language, screen=screen)
        for address in ("https://www.bbc.co.uk/**", "https://search.example/**"):
            page.route(address, lambda route: route.fulfill(content_type="text/html", body=ELSEWHERE))
        page.goto("https://search.example/found")
        page.goto(f"/?lang={language}")
        return page

    return arrive


def write_something(page) -> None:
    """Get from the landing page to the form, and write into it."""
    page.click("main a[href^='/request?kind=information']")
    page.wait_for_selector("#message")
    page.fill("#message", WORDS)


def leave_by_button(page) -> None:
    """Use the button in the bar."""
    page.click(".exit")


def leave_by_escape(page) -> None:
    """Press Esc three times, from inside a field."""
    for _ in range(3):
        page.keyboard.press("Escape")


@pytest.mark.parametrize("leave", [leave_by_button, leave_by_escape])
def test_whoever_has_left_finds_no_way_back(visit, leave):
    """After the form and a mistake in it, Back leads past all of our pages to where one came from."""
    page = visit()
    write_something(page)
    page.click("main form button[type=submit]")
    page.click(".errors a")
    leave(page)
    page.wait_for_url("https://www.bbc.co.uk/**")
    page.go_back()
    assert page.url == "https://search.example/found"
    page.go_forward()
    assert page.url.startswith("https://www.bbc.co.uk/")


def test_escape_once_or_twice_is_no_exit(visit):
    """A list is closed with Esc as well: two of them, or a key between, leave everything as it was."""
    page = visit()
    write_something(page)
    for key in ("Escape", "Escape", "a", "Escape", "Escape"):
        page.keyboard.press(key)
    assert page.input_value("#message") == f"{WORDS}a"


def test_the_way_out_by_keyboard_is_said_where_it_works(visit):
    """With scripts the page says that Esc leads out, beside the button where there is room; without, it does not."""
    assert visit().is_visible(".bar .keys")
    assert not visit(screen="phone").is_visible(".bar .keys")
    assert visit(screen="phone").is_visible("footer .keys")
    assert not visit(scripts=False).is_visible(".keys >> nth=0")


def test_without_scripts_the_exit_is_a_link_and_back_shows_nothing_written(visit, quietline):
    """Back shows the form anew, empty; the mailbox, which a browser can ask for again, says to close the window."""
    page = visit(scripts=False)
    write_something(page)
    page.click(".exit")
    page.wait_for_url("https://www.bbc.co.uk/**")
    page.go_back()
    assert "kingfisher" not in page.content() + page.input_value("#message")
    receipt = submitted(quietline, "information")["receipt"]
    assert quietline.ask("POST", "/v1/mailbox/messages", {"text": WORDS}, receipt=receipt).status == 201
    open_mailbox(page, receipt)
    assert page.inner_text(".said") == WORDS
    assert page.is_visible("main .plain-only")
    scripted = visit()
    open_mailbox(scripted, receipt)
    assert not scripted.is_visible("main .plain-only")


@pytest.mark.parametrize("kind", ["callback", "information"])
def test_a_script_says_what_the_server_says(new_tab, kind, language):
    """The same mistakes in the same words, in the same places, in both languages, and the focus on the summary."""
    said = []
    for scripts in (False, True):
        page = new_tab(scripts=scripts, language=language)
        page.goto(f"/request?kind={kind}&lang={language}")
        page.click("main form button[type=submit]")
        page.wait_for_selector(".errors:focus")  # without scripts the browser moves it when it first draws the page
        page.wait_for_load_state()
        assert page.evaluate("document.activeElement.className") == "errors"
        assert focus_is_seen(page)
        said.append(
            page.evaluate(
                """() => [
                    document.querySelector('.errors').innerText,
                    [...document.querySelectorAll('.errors a')].map((link) => link.hash),
                    [...document.querySelectorAll('.mistake')].map((one) => [one.id, one.innerText,
                        one.previousElementSibling?.className, one.nextElementSibling.tagName]),
                    [...document.querySelectorAll('[aria-invalid]')].map((one) =>
                        [one.tagName, one.getAttribute('aria-describedby')]),
                    [...document.querySelectorAll('.wrong')].length]"""
            )
        )
        assert page.watch.scripts == (not any(method == "POST" for method, _, _ in page.watch.requests))
    assert said[0] == said[1]
    assert len(said[0][1]) == 3


def test_what_only_the_server_finds_takes_the_focus_as_well(tab, quietline):
    """A page that takes the place of another moves the focus to its summary, or to its main part."""
    open_mailbox(tab, submitted(quietline)["receipt"])
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.click("form:has(#text) button")
    tab.wait_for_selector("#text-mistake")
    assert tab.evaluate("document.activeElement.className") == "errors"


def test_a_mistake_leads_to_its_field_and_is_gone_when_mended(new_tab):
    """A link of the summary puts the focus into the field; what was mended is not said again."""
    page = new_tab()
    page.goto("/request?kind=callback&lang=en")
    page.check("#concern")
    page.fill("#phone", "123")
    page.click("main form button[type=submit]")
    assert page.locator(".errors a").count() == 2
    assert page.inner_text("#phone-mistake").startswith("Check the phone number")
    page.click(".errors a >> nth=1")
    assert page.evaluate("document.activeElement.id") == "phone"
    assert "#" not in page.url
    page.fill("#phone", "07700 900123")
    page.click("main form button[type=submit]")
    assert page.locator(".errors a").count() == 1
    assert page.locator(".mistake, [aria-invalid]").count() == 2
    page.check("#statement_version")
    page.click("main form button[type=submit]")
    receipt_on(page)


def test_a_script_takes_for_a_number_what_the_server_does(tab):
    """What our own check of a number refuses, the server refuses; nobody is turned away who would have been rung."""
    book = Phonenumbers()
    numbers = [
        f"{start}{'7' * count}"
        for start in ("0", "", "+44", "+44 (0)", "0044", "+1 ", "+353")
        for count in range(1, 15)
    ]
    numbers += ["07700 900123", "020 7946 0000 ext 12", "0808 1000 900", "+33 1 23 45 67 89", "", "abc"]
    tab.goto("/?lang=en")
    taken = tab.evaluate(
        "async (all) => { const { possible } = await import('/assets/mistakes.js'); return all.map(possible); }",
        numbers,
    )

    def rung(number: str) -> bool:
        return book.possible(number) is not None

    refused_by_us_alone = [number for number, ours in zip(numbers, taken, strict=True) if not ours and rung(number)]
    assert refused_by_us_alone == []
    british = [number for number in numbers if not number.startswith(("+1", "+353"))]
    taken_by_us_alone = [number for number, ours in zip(numbers, taken, strict=True) if ours and not rung(number)]
    assert not set(taken_by_us_alone) & set(british)


def test_a_receipt_is_copied_and_printed_and_checked(new_tab):
    """The whole code is in the clipboard and that is said; print shows it without bar, buttons or footer, on white."""
    page = new_tab(dark=True, permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script("window.print = () => { document.documentElement.dataset.printed = 'yes'; }")
    page.goto("/request?kind=callback&lang=en")
    page.check("#statement_version")
    page.check("#concern")
    page.fill("#phone", "07700 900123")
    page.click("main form button[type=submit]")
    receipt = receipt_on(page)
    page.click("[data-does=copy]")
    page.wait_for_selector("#copied:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == receipt
    page.click("[data-does=print]")
    assert page.get_attribute("html", "data-printed") == "yes"
    for typed, right in (("000000", False), (receipt[-5:], False), (receipt[-6:].lower(), True), (receipt, True)):
        page.fill("#ending", typed)
        page.click("form[data-check] button")
        assert page.get_attribute("#checked", "class") == ("notice" if right else "mistake")
        assert page.get_attribute("#ending", "aria-invalid") == str(not right).lower()
    assert [url for _, url, _ in page.watch.requests if "/mailbox" in url] == []
    page.emulate_media(media="print", color_scheme="dark")
    assert not any(page.is_visible(each) for each in (".bar", "footer", "button", "#ending"))
    assert all(page.is_visible(each) for each in ("#receipt", "#reference", "[aria-labelledby=when]"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    picture(page, "receipt-printed")


def test_without_scripts_the_server_checks_the_note(new_tab, language):
    """A wrong ending shows the code once more and what is wrong; the right one says so; nobody is locked out by it."""
    page = new_tab(scripts=False, language=language)
    page.goto(f"/request?kind=information&lang={language}")
    page.check("#statement_version")
    page.check("#concern")
    page.fill("#message", "What could I read first?")
    page.click("main form button[type=submit]")
    receipt, reference = receipt_on(page), page.inner_text("#reference")
    assert not page.is_visible("[data-does]")
    for typed, mistake in (("000000", True), ("", True), (receipt[-6:], False)):
        page.fill("#ending", typed)
        with page.expect_navigation():  # the page before shows the same receipt
            page.click("form[data-check] button")
        assert (receipt_on(page), page.inner_text("#reference")) == (receipt, reference)
        assert page.locator("#ending-mistake").count() == page.locator(".errors").count() == int(mistake)
        assert page.is_visible("#checked.notice") == (not mistake)


def test_a_page_left_by_its_button_is_emptied_and_never_shown_again(tab, quietline):
    """What a browser keeps of a page for its back button is empty: the mailbox is gone from the document at once."""
    open_mailbox(tab, submitted(quietline, "information")["receipt"])
    tab.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert tab.locator("body *").count() == 0
