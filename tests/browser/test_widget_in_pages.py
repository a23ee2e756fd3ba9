"""The widget on a partner's page, from another origin: what it shows, what it asks, and what is left when it fails."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from browser_checks import accessibility, kept_by_browser
from partner_site import partner_site

PAGE = "/partner/index.html"
FIRST, SECOND = "[data-quietline] >> nth=0", "[data-quietline] >> nth=1"
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def partner(quietline):
    """A partner's site, beside a helpline that runs."""
    with partner_site(quietline.url) as site:
        yield site


@pytest.fixture
def visit(new_tab, partner):
    """How to open the partner's page: as `new_tab`, on the partner's origin; gives it once the lists are there."""

    def opened(*, lists=2, **options):
        tab = new_tab(origin=partner.origin, **options)
        tab.goto(PAGE)
        if lists:
            tab.wait_for_function(
                "(count) => [...document.querySelectorAll('[data-quietline]')]"
                ".filter((one) => one.shadowRoot?.querySelector('.places li')).length === count",
                arg=lists,
            )
        return tab

    return opened


def names(tab, which: str = FIRST) -> list[str]:
    """Give the names of the places that a widget shows."""
    return tab.locator(which).locator(".places .name").all_inner_texts()


def test_it_shows_the_places_for_the_audience_and_region_of_the_page(visit, quietline):
    """What the helpline points to for that audience in that area stands there, each with its ways to get in touch."""
    tab = visit()
    asked = quietline.ask("GET", "/v1/signposts?audience=someone-else&region=E23000005").json()["signposts"]
    assert names(tab) == [each["name"] for each in asked][:6]
    first = tab.locator(FIRST).locator(".places li").first
    assert first.locator("a").first.get_attribute("href") == "tel:+448081000900"
    forms = tab.locator(FIRST).locator(f"a[href^='{quietline.url}/request?']")
    assert [each.get_attribute("href").partition("?")[2] for each in forms.all()] == [
        "kind=callback&lang=en",
        "kind=information&lang=en",
    ]
    tab.locator(FIRST).get_by_text("Ask for a call back").click()
    tab.wait_for_selector("#phone")
    assert tab.url.startswith(f"{quietline.url}/request")


def test_nobody_but_the_helpline_is_asked_and_nothing_is_kept(visit, partner, quietline):
    """The page's own files, the script and two lists, without a word of where they are shown: no cookie, no storage."""
    tab = visit()
    asked = [urlsplit(url) for _, url, _ in tab.watch.requests]
    assert {f"{each.scheme}://{each.netloc}" for each in asked} == {partner.origin, quietline.url}
    theirs = sorted({each.path for each in asked if f"http://{each.netloc}" == quietline.url})
    assert theirs == ["/v1/signposts", "/widget/1.0.0.js"]
    for answer in tab.watch.answers:
        if "/v1/signposts" in answer.url:
            sent = answer.request.all_headers()
            assert "referer" not in sent
            assert "cookie" not in sent
    assert kept_by_browser(tab) == {}
    assert tab.context.cookies() == []
    assert tab.watch.wrong == []  # under the partner's own policy, which allows no inline style


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_can_be_read_by_everybody_on_light_and_dark_pages(visit, screen, dark):
    """Nothing stands against WCAG 2.2 AA, nothing scrolls sideways, and the fonts and colours are the page's."""
    tab = visit(screen=screen, dark=dark)
    assert accessibility(tab) == ""
    assert not tab.evaluate(SIDEWAYS)
    look = "(one) => [getComputedStyle(one).fontFamily, getComputedStyle(one).color]"
    inside = tab.locator(SECOND).locator("select").first.evaluate(look)
    assert inside == tab.evaluate_handle("document.body").evaluate(look)
    for height in tab.locator(FIRST).locator("ul a, a.exit").evaluate_all("(all) => all.map((a) => a.offsetHeight)"):
        assert height >= 24
    level = tab.locator(SECOND).locator(".title").evaluate("(one) => one.tagName")
    assert level == "H3"


def test_what_somebody_chooses_stays_in_their_browser(visit, quietline):
    """By keyboard alone: choosing an audience shortens the list, says so, and asks nobody anything."""
    tab = visit()
    before = len(tab.watch.requests)
    second = tab.locator(SECOND)
    second.locator("select").first.focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert second.locator("select").first.input_value() == "someone-else"
    assert second.locator("[role=status]").inner_text() == "4 lle"
    asked = quietline.ask("GET", "/v1/signposts?audience=someone-else&language=cy").json()["signposts"]
    assert names(tab, SECOND) == [each["name"] for each in asked][:4]
    more = second.locator(f"a[href='{quietline.url}/help/someone-else?lang=cy']")
    assert more.inner_text() == "Rhagor o leoedd, ac atebion i gwestiynau"
    second.locator("select").nth(1).select_option("Wales")
    in_wales = quietline.ask("GET", "/v1/signposts?audience=someone-else&region=Wales&language=cy").json()["signposts"]
    assert names(tab, SECOND) == [each["name"] for each in in_wales][:4]
    assert len(tab.watch.requests) == before


def test_welsh_is_welsh_throughout(visit):
    """The second widget speaks Welsh, says so to a screen reader, and the first speaks English."""
    tab = visit()
    second = tab.locator(SECOND).locator("section").first
    assert second.get_attribute("lang") == "cy"
    assert "Gadael y dudalen" in second.inner_text()
    assert "Exit" not in second.inner_text()
    assert tab.locator(FIRST).locator("section").first.get_attribute("lang") == "en"


def test_the_way_out_leaves_no_way_back(visit):
    """By keyboard: it is reached before the list, replaces the page, and names to nobody where one came from."""
    tab = visit()
    tab.route("https://www.bbc.co.uk/**", lambda route: route.fulfill(content_type="text/html", body="weather"))
    tab.keyboard.press("Tab")  # the first that the page has
    focused = tab.evaluate("document.activeElement.shadowRoot.activeElement.className")
    ring = tab.evaluate("getComputedStyle(document.activeElement.shadowRoot.activeElement).outline")
    assert (focused, "solid 3px" in ring) == ("exit", True)
    tab.keyboard.press("Enter")
    tab.wait_for_url("https://www.bbc.co.uk/weather")
    (left,) = [request for request in tab.watch.answers if request.url.startswith("https://www.bbc.co.uk")]
    assert "referer" not in left.request.all_headers()
    assert tab.evaluate("history.length") <= 2
    tab.go_back()
    assert "bbc.co.uk" in tab.url or tab.url == "about:blank"


def test_without_javascript_it_is_a_link_and_a_phone_number(visit, quietline):
    """What the partner pasted stands there by itself, and leads to help."""
    tab = visit(scripts=False, lists=0)
    first = tab.locator(FIRST)
    assert "0808 1000 900" in first.inner_text()
    assert first.locator("a").first.get_attribute("href") == f"{quietline.url}/"
    assert accessibility(tab) == ""


@pytest.mark.parametrize("fails", ["refused", "broken", "nothing answers"])
def test_when_the_list_cannot_be_fetched_the_phone_number_stays(new_tab, partner, fails):
    """Link, phone, the two forms and the way out are there, and nothing speaks of an error to a frightened person."""
    tab = new_tab(origin=partner.origin)
    answers = {"refused": {"status": 503}, "broken": {"status": 200, "body": "{"}}
    tab.route(
        "**/v1/signposts?*",
        lambda route: route.abort() if fails == "nothing answers" else route.fulfill(**answers[fails]),
    )
    tab.goto(PAGE, wait_until="networkidle")
    text = tab.locator(FIRST).locator("section").first.inner_text() + tab.locator(FIRST).inner_text()
    for there in ("0808 1000 900", "Ask for a call back", "Exit this page", "ring 999"):
        assert there in text
    assert tab.locator(FIRST).locator(".places").count() == 0
    assert accessibility(tab) == ""
    assert tab.watch.wrong == []


def test_a_script_that_was_tampered_with_does_not_run(visit, partner):
    """A byte more in the script, and the browser refuses it by its hash: the plain link stays."""
    partner.changes = {"sha384-": "sha384-A"}
    tab = visit(lists=0)
    tab.wait_for_load_state("networkidle")
    assert tab.evaluate("document.querySelector('[data-quietline]').shadowRoot") is None
    assert "0808 1000 900" in tab.locator(FIRST).inner_text()


def test_what_the_helpline_says_is_shown_as_text(new_tab, partner):
    """Nothing in a list becomes markup or runs, and an address that is not https leads nowhere."""
    tab = new_tab(origin=partner.origin)
    place = {
        "name": "<img src=x onerror=alert(1)>",
        "summary": "<b>x</b>",
        "url": "javascript:alert(1)",
        "audience": ["someone-else"],
        "regions": ["UK"],
    }
    tab.route(
        "**/v1/signposts?*",
        lambda route: route.fulfill(json={"signposts": [place]}, headers={"Access-Control-Allow-Origin": "*"}),
    )
    tab.goto(PAGE)
    tab.locator(FIRST).locator(".places li").wait_for()
    assert names(tab) == ["<img src=x onerror=alert(1)>"]
    assert tab.locator(FIRST).locator(".places img, .places b, .places a").count() == 0
