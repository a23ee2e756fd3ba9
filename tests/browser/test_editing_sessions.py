"""Editors write a live session at the desk, in a real browser: how it looks, and what was published before."""

from __future__ import annotations

from browser_checks import nothing_wrong, picture
from test_editing import editor, opened, outcome, quietline  # noqa: F401 - a helpline where nobody else publishes


def test_a_session_is_seen_as_its_readers_will(new_tab, quietline, screen):  # noqa: F811
    """Its preview says what it is called, when it is here, where it stands and who answers; its history, the titles."""
    page = editor(new_tab, quietline, screen=screen)
    page.select_option("#content-kind", "session")
    opened(page, "gm-2018-live")
    title = f"An hour of answers, {screen}"
    page.fill("#content-f-title-en", title)
    page.click("[data-do=preview]")
    page.wait_for_selector("#content-shown-title:focus")
    english, welsh = (page.inner_text(f"#content-preview [lang={each}]").splitlines() for each in ("en", "cy"))
    assert [title, "Wednesday 27 June 2018, 6pm to 7pm", "Over"] == [each for each in english if each][:3]
    assert "Greater Manchester Police, Senior police representative" in english
    assert "Dydd Mercher 27 Mehefin 2018, 6pm tan 7pm" in welsh
    assert page.inner_text("#content-preview [lang=cy] [lang=en]") == "Over"  # the desk's own word is no Welsh
    assert "Sefydliad Lucy Faithfull, Uwch ymarferydd" in welsh
    page.evaluate("scrollTo(0, 0)")
    nothing_wrong(page)
    picture(page, f"editing-session-{screen}")
    page.click("[data-do=publish]")
    page.click("#content-does .armed")
    outcome(page, "Published. Everybody sees it from")
    page.click("#content-past summary")
    page.wait_for_selector("#content-history tbody tr")
    history = page.inner_text("#content-history").replace("\t", "\n").splitlines()
    assert title in history
    assert "Live, anonymous questions and answers" in history
    nothing_wrong(page)
    picture(page, f"editing-session-history-{screen}")
