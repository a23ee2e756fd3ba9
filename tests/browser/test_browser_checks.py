"""The checks themselves: each of them finds what it is there to find."""

from __future__ import annotations

import pytest
from browser_checks import accessibility, focus_is_seen, kept_by_browser, light, nothing_wrong, shown_in_one_round_trip
from browser_checks import unguarded as open_doors

GOOD = "<!doctype html><html lang=en><title>Page</title><main><h1>Page</h1>{}</main></html>"


def serve(tab, body: str, **headers: str) -> None:
    """Have the tab's next page be this one, and go there."""
    page = {"status": 200, "content_type": "text/html", "headers": headers, "body": GOOD.format(body)}
    tab.route("**/made-up", lambda route: route.fulfill(**page))
    tab.goto("/made-up")


@pytest.mark.parametrize("plain", [False, True], ids=["scripts", "plain"])
def test_axe_finds_what_is_not_accessible(new_tab, plain):
    """Also in a tab without scripts: a picture without words, grey on white, a target smaller than 24 px."""
    tab = new_tab(scripts=not plain)
    tiny = "<button style='width:9px;height:9px;padding:0'>{}</button>"
    serve(tab, f"<img src=data:,><p style='color:#bbb'>pale</p>{tiny.format('a')}{tiny.format('b')}")
    found = accessibility(tab)
    assert all(name in found for name in ("image-alt:", "color-contrast:", "target-size:"))
    serve(tab, "<p>Words</p>")
    assert accessibility(tab) == ""


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("<p style='width:400px'>wide</p>", "width:400px"),
        ("<img alt='' src='http://127.0.0.1:9/elsewhere.png'>", "elsewhere.png"),
        ("<script>throw new Error('failed')</script>", "script: failed"),
        ("<script>document.cookie = 'a=b'</script>", "'cookies'"),
        ("<script>localStorage.setItem('a', 'b')</script>", "'localStorage'"),
        ("<script>sessionStorage.setItem('a', 'b')</script>", "'sessionStorage'"),
        ("<script>indexedDB.open('a').onsuccess = () => { document.body.id = 'done'; }</script>", "'databases'"),
        ("<script>caches.open('a').then(() => { document.body.id = 'done'; })</script>", "'caches'"),
    ],
)
def test_whatever_is_wrong_is_found(new_tab, body, named):
    """Sideways scrolling, another origin, a script that stops, anything kept."""
    tab = new_tab(screen="phone")
    serve(tab, body)
    if "done" in body:
        tab.wait_for_selector("#done")
    with pytest.raises(AssertionError, match=named):
        nothing_wrong(tab, guarded=False)
    tab.watch.wrong.clear()


def test_what_the_policy_refuses_is_found(new_tab):
    """A style that the page's policy does not know."""
    tab = new_tab()
    serve(tab, "<p style='color:red'>red</p>", **{"Content-Security-Policy": "default-src 'none'"})
    assert "Content Security Policy" in " ".join(tab.watch.wrong)
    tab.watch.wrong.clear()


def test_open_doors_are_found(new_tab):
    """A page that may be kept, framed or followed, or that runs what stands in it."""
    tab = new_tab()
    serve(tab, "", **{"Content-Security-Policy": "default-src 'self' 'unsafe-inline'", "Cache-Control": "max-age=9"})
    found = " ".join(open_doors(tab))
    for each in (
        "may be kept",
        "default-src",
        "frame-ancestors",
        "'unsafe-inline'",
        "referrer-policy",
        "x-frame-options",
    ):
        assert each in found


def test_a_heavy_page_is_found(new_tab):
    """More than 60 KB in all, most of it in another file."""
    tab = new_tab()
    tab.route("**/more.js", lambda route: route.fulfill(content_type="text/javascript", body=f"/* {'x' * 61_000} */"))
    serve(tab, "<script src=/more.js defer></script>")
    with pytest.raises(AssertionError, match=r"more\.js"):
        light(tab, "/made-up")


def test_a_page_in_two_pieces_is_found(new_tab):
    """A style that takes a second round trip."""
    tab = new_tab()
    serve(tab, "<link rel=stylesheet href=/style.css><p>Words</p>")
    with pytest.raises(AssertionError, match="another file"):
        shown_in_one_round_trip(tab, "/made-up")


def test_a_focus_without_a_ring_is_found(new_tab):
    """A button whose outline was taken away."""
    tab = new_tab()
    serve(tab, "<button id=seen>a</button><button id=unseen style='outline:0'>b</button>")
    tab.keyboard.press("Tab")
    assert not focus_is_seen(tab)


def test_a_clean_page_keeps_nothing(tab):
    """The landing page as it is served passes all of them, weighs little, and can be read after one round trip."""
    tab.goto("/?lang=en")
    nothing_wrong(tab)
    assert kept_by_browser(tab) == {}
    assert list(light(tab, "/?lang=en")) == ["/"]
    assert "Get help" in shown_in_one_round_trip(tab, "/?lang=en")
