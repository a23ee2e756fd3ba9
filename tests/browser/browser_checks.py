"""What every page is held to in the browser, whoever it is for: the requesters', the desk's, the partners'."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable

PHONE = {"width": 320, "height": 640}
"""An old phone, and what WCAG 1.4.10 asks for: no scrolling in two directions at 320 px."""
DESK = {"width": 1280, "height": 900}
SCREENS = {"phone": PHONE, "desk": DESK}
LIMIT = 60_000
"""Bytes of one page, everything that it loads included, uncompressed."""
_AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
_WIDER = """() => {
    const edge = document.documentElement.clientWidth, wide = document.documentElement.scrollWidth;
    return wide <= edge ? [] : [...document.body.querySelectorAll('*')]
        .filter((each) => each.getBoundingClientRect().right > edge + 1)
        .map((each) => each.outerHTML.slice(0, 120));
}"""

_SEEN = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
    const bar = document.querySelector('.bar');
    const above = bar && !bar.contains(one) && getComputedStyle(bar).position === 'sticky';
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
        && box.bottom > (above ? bar.getBoundingClientRect().bottom : 0) && box.top < innerHeight;
}"""


@dataclass
class Watch:
    """What a tab has done since it was opened: what it asked for, what came back, what the browser held against it."""

    origin: str
    scripts: bool
    blank: Callable[[], Any]
    """How to open an empty tab of the same size that runs scripts."""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def follow(self, page: Any) -> None:
        """Take note of everything from now on."""
        page.on("request", lambda request: self.requests.append((request.method, request.url, request.post_data or "")))
        page.on("response", lambda answer: self.answers.append(answer))  # noqa: PLW0108 - Playwright marks what it calls
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on(
            "console", lambda said: self.wrong.append(said.text) if "Content Security Policy" in said.text else None
        )
        page.watch = self

    def elsewhere(self) -> list[str]:
        """Every address outside our origin that was asked for: the names of who else was told."""
        return [url for _, url, _ in self.requests if not url.startswith(("data:", f"{self.origin}/"))]

    def all(self) -> str:
        """Everything that left the browser, as one text."""
        return repr(self.requests)


def nothing_wrong(page: Any, *, guarded: bool = True) -> None:
    """
    Hold a page, as it stands now, to everything at once.

    axe finds nothing against WCAG 2.2 AA, nothing scrolls sideways, no request has left the origin, nothing was stopped
    by the Content-Security-Policy, no script failed, and the browser holds nothing. *guarded* is for our own pages:
    their headers let nobody frame, keep or follow them, and nothing run that stands in the page.
    """
    page.wait_for_load_state()  # what a press has led to may still be on its way
    watch = page.watch
    assert watch.wrong == []
    assert watch.elsewhere() == []
    assert accessibility(page) == ""
    assert page.evaluate(_WIDER) == []
    assert kept_by_browser(page) == {}
    if guarded:
        assert unguarded(page) == []


def accessibility(page: Any) -> str:
    """Give what axe finds against WCAG 2.0 to 2.2, A and AA, a paragraph each."""
    if page.watch.scripts:
        return _axe(page)
    # axe needs timers, which a tab without scripts has not: the same document is laid out beside it, in one that has.
    twin = page.watch.blank()
    try:
        twin.set_content(page.content())
        return _axe(twin)
    finally:
        twin.context.close()


def _axe(page: Any) -> str:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("(options) => axe.run(options)", _AXE)["violations"]
    return "\n\n".join(
        f"{each['id']}: {each['help']}\n" + "\n".join(f"{node['target']} {node['html']}" for node in each["nodes"])
        for each in found
    )


def kept_by_browser(page: Any) -> dict[str, Any]:
    """Give what the browser keeps for the origin, asked from outside the page: cookies, storage, databases, caches."""
    origin = {"securityOrigin": page.watch.origin}
    asked = page.context.new_cdp_session(page)

    def stored(*, local: bool) -> Any:
        return asked.send("DOMStorage.getDOMStorageItems", {"storageId": {**origin, "isLocalStorage": local}})[
            "entries"
        ]

    found = {
        "cookies": page.context.cookies(),
        "localStorage": stored(local=True),
        "sessionStorage": stored(local=False),
        "databases": asked.send("IndexedDB.requestDatabaseNames", origin)["databaseNames"],
        "caches": asked.send("CacheStorage.requestCacheNames", origin)["caches"],
        "workers": page.context.service_workers,
    }
    asked.detach()
    return {name: each for name, each in found.items() if each}


def unguarded(page: Any) -> list[str]:
    """Give what the headers of the last document and of its scripts leave open."""
    ours = [each for each in page.watch.answers if each.url.startswith(page.watch.origin)]
    documents = [each for each in ours if each.headers.get("content-type", "").startswith("text/html")]
    found = [f"{each.url} may be kept" for each in ours if _kept(each)]
    if not documents:
        return [*found, "no page was answered"]
    headers = documents[-1].headers
    policy = {
        each.split()[0]: each.split()[1:] for each in headers.get("content-security-policy", "").split(";") if each
    }
    wanted = {"default-src": ["'none'"], "frame-ancestors": ["'none'"], "base-uri": ["'none'"]}
    found += [f"{name} is {policy.get(name)}" for name, value in wanted.items() if policy.get(name) != value]
    found += [
        f"policy allows {each}"
        for each in ("'unsafe-inline'", "'unsafe-eval'", "*")
        if any(each in values for values in policy.values())
    ]
    strict = {
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
    }
    return found + [f"{name} is {headers.get(name)}" for name, value in strict.items() if headers.get(name) != value]


def _kept(answer: Any) -> bool:
    """Tell whether a page or a script may be kept; what everybody may read, such as the keys, may be."""
    private = answer.headers.get("content-type", "").startswith(("text/html", "text/javascript", "text/css"))
    return private and answer.headers.get("cache-control") != "no-store"


def weight(page: Any, path: str) -> dict[str, int]:
    """Load *path* afresh and give the bytes of each file that it took, headers included, by address."""
    network = page.context.new_cdp_session(page)
    addresses: dict[str, str] = {}
    sizes: dict[str, int] = {}
    network.on("Network.responseReceived", lambda seen: addresses.update({seen["requestId"]: seen["response"]["url"]}))
    network.on(
        "Network.loadingFinished", lambda seen: sizes.update({seen["requestId"]: int(seen["encodedDataLength"])})
    )
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(path, wait_until="networkidle")
    network.detach()
    return {urlsplit(addresses[each]).path: size for each, size in sizes.items() if each in addresses}


def light(page: Any, path: str) -> dict[str, int]:
    """Load *path*, make sure that it weighs under 60 KB with all that it loads, and give the bytes of each file."""
    sizes = weight(page, path)
    assert sizes, path
    assert sum(sizes.values()) < LIMIT, sizes
    return sizes


def shown_in_one_round_trip(page: Any, path: str) -> str:
    """Load *path* with everything but the document withheld, and give the text that can be read all the same."""
    document = f"{page.watch.origin}{path}"
    page.route("**/*", lambda route: route.fallback() if route.request.url == document else route.abort())
    page.goto(path, wait_until="domcontentloaded")
    text = page.inner_text("main")
    styled = page.evaluate("getComputedStyle(document.body).fontFamily") != page.evaluate(
        "(() => { const frame = document.createElement('iframe'); document.body.append(frame);"
        " const plain = frame.contentWindow.getComputedStyle(frame.contentDocument.body).fontFamily;"
        " frame.remove(); return plain; })()"
    )
    page.unroute("**/*")
    assert styled, "the style is in another file"
    return text


def picture(page: Any, name: str, *, whole: bool = True) -> None:
    """Take a picture into the folder that QUIETLINE_PICTURES names, if it names one: the README's are taken so."""
    folder = os.environ.get("QUIETLINE_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)


def tab_to(page: Any, wanted: str, *, most: int = 150, seen_everywhere: bool = False) -> int:
    """Press Tab until the focus is on what *wanted* names, seen there or at every stop, and give how often."""
    for times in range(1, most + 1):
        page.keyboard.press("Tab")
        there = page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted)
        if there or seen_everywhere:
            assert focus_is_seen(page), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if there:
            return times
    message = f"{wanted} cannot be reached with {most} presses of Tab"
    raise AssertionError(message)


def focus_is_seen(page: Any) -> bool:
    """Tell whether what has the focus is in view, not under the bar, and drawn with a ring."""
    return bool(page.evaluate(_SEEN))
