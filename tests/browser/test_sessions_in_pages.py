"""Live sessions in a real browser: somebody asks, a host answers, everybody reads along."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from browser_checks import light, nothing_wrong, picture
from desk_hands import sign_in
from real_server import Contract, running

LIVE = "2018-06-27T17:05:00Z"
HOUR = "/sessions/gm-2018-live"
ASKED = "What happens when somebody rings the helpline?"
SHOWN = "What happens when I ring?"
ANSWER = "Somebody listens. You need not say who you are."


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A helpline in the middle of its session of June 2018."""
    with running(tmp_path_factory.mktemp("session") / "home", Contract(), LIVE) as one:
        yield one


@pytest.fixture
def hosting(new_tab, live, screen):
    """A tab in which ada, a host, is signed in."""
    page = new_tab(screen=screen, origin=live.url)
    sign_in(page, live, "host", "ada")
    page.wait_for_selector("#hosting-state:has-text('Live now')")
    return page


def ask(page, text, *, private=False, language="en"):
    """Ask by the page's own form; gives the receipt."""
    page.goto(f"{HOUR}/ask?lang={language}")
    nothing_wrong(page)
    page.fill("#text", text)
    if private:
        page.check("#private-true")
    page.check("#statement_version")
    page.click("form[data-kind] button.go")
    page.wait_for_selector("#receipt")
    nothing_wrong(page)
    return page.inner_text("#receipt").strip()


def test_an_hour_of_questions(new_tab, live, hosting, screen, scripts):
    """
    A question asked on the page is answered for everybody: whoever reads along sees it, and its mailbox has it.

    With scripts it is sealed before it leaves, and the reader's page follows by itself.
    """
    reader = new_tab(screen=screen, scripts=scripts, origin=live.url)
    reader.goto(f"{HOUR}?lang=en")
    before = reader.locator("#entries > li").count()
    nothing_wrong(reader)
    asker = new_tab(screen=screen, scripts=scripts, origin=live.url)
    asker.goto(f"{HOUR}/ask")
    picture(asker, f"session-ask-{screen}")
    code = ask(asker, ASKED)
    assert (ASKED in unquote_plus(asker.watch.all())) is not scripts

    hosting.click("#hosting-next button")
    hosting.wait_for_selector("#hosting-question-title:focus")
    assert hosting.inner_text("#hosting-words") == ASKED
    hosting.fill("#hosting-asked", SHOWN)
    hosting.fill("#hosting-answer", ANSWER)
    hosting.select_option("#hosting-host", "1")
    hosting.evaluate("scrollTo(0, 0)")
    nothing_wrong(hosting)
    picture(hosting, f"session-hosting-{screen}")
    hosting.click("#hosting-public .go")
    hosting.wait_for_selector("#hosting-question", state="hidden")
    hosting.wait_for_selector(f"#hosting-said :text-is('{ANSWER}')")

    if not scripts:
        reader.click("#again a")
    reader.locator("#entries > li").nth(before).wait_for()
    first = reader.locator("#entries > li").first
    assert first.locator("h3").inner_text() == SHOWN
    assert ANSWER in first.inner_text()
    assert "The Lucy Faithfull Foundation" in first.inner_text()
    nothing_wrong(reader)
    picture(reader, f"session-live-{screen}")

    asker.goto("/mailbox")
    asker.fill("#receipt", code)
    asker.click("main form button")
    asker.wait_for_selector(f".said:text-is('{ANSWER}')")
    assert asker.locator("textarea").count() == 0
    nothing_wrong(asker)


def test_private_declined_put_back_and_taken_back(new_tab, live, hosting, screen, language):
    """What is private cannot be published; one is declined kindly; an answer is taken back for everybody."""
    asker = new_tab(screen=screen, language=language, origin=live.url)
    private = ask(asker, "For me alone?", private=True, language=language)
    hosting.click("#hosting-next button")
    hosting.wait_for_selector("#hosting-private:visible")
    assert hosting.is_hidden("#hosting-public")
    hosting.click("#hosting-back")
    hosting.wait_for_selector("#status:has-text('comes again after the others')")
    declined = ask(asker, "About somebody I know?", language=language)
    hosting.click("#hosting-next button")
    hosting.wait_for_selector("#hosting-question-title:focus")
    assert hosting.inner_text("#hosting-words") == "About somebody I know?"
    hosting.evaluate("scrollTo(0, 0)")
    nothing_wrong(hosting)
    hosting.click("#hosting-decline .go")
    hosting.wait_for_selector("#hosting-question", state="hidden")
    for code, words in ((declined, {"en": "one particular situation", "cy": "un sefyllfa benodol"}), (private, None)):
        asker.goto(f"/mailbox?lang={language}")
        asker.fill("#receipt", code)
        asker.click("main form button")
        asker.wait_for_selector("#status")
        if words is not None:  # opened after the page is shown
            asker.locator(".said").first.filter(has_text=words[language]).wait_for()
    if hosting.locator("#hosting-said button").count():
        rows = hosting.locator("#hosting-said tbody tr", has_text="Taken back")
        before = rows.count()
        hosting.locator("#hosting-said button").first.click()
        hosting.locator("#hosting-said button.armed").click()
        rows.nth(before).wait_for()
        asker.goto(f"{HOUR}?lang={language}")
        words = {"en": "This answer has been taken back.", "cy": "Mae'r ateb hwn wedi'i dynnu'n"}[language]
        assert words in asker.inner_text("#entries > li:first-child")
        nothing_wrong(asker)


def test_before_and_after(new_tab, tmp_path_factory, screen, language):
    """A session that is announced or over says so and points to help; the list has it; every page is light."""
    home = tmp_path_factory.mktemp("sessions") / "home"
    for clock in ("2018-06-24T12:00:00Z", "2018-06-27T18:00:00Z"):
        with running(home, Contract(), clock) as quietline:
            page = new_tab(screen=screen, language=language, origin=quietline.url)
            for path in ("/sessions", HOUR, f"{HOUR}/ask"):
                light(page, f"{path}?lang={language}")
                assert "0808 1000 900" in page.inner_text("body")
                assert page.locator("form").count() == 0
                nothing_wrong(page)
            picture(page, f"session-{clock[:10]}-{screen}-{language}")
