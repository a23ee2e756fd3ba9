"""How somebody works at the desk: with a mouse, or with nothing but the keyboard."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from browser_checks import Watch, tab_to
from playwright.sync_api import Error

from chalicelib.local.issuer import LocalIssuer

EVENING = "2026-11-24T18:00Z/2h"
TOMORROW = "2026-11-25T18:00Z/2h"
PHONE = "07700 900123"


class Mouse:
    """Points and clicks, and types where it has clicked."""

    def press(self, page: Any, wanted: str) -> None:
        """Press a button, a tab or a summary."""
        page.click(wanted)

    def choose(self, page: Any, wanted: str) -> None:
        """Tick a box."""
        page.check(wanted)

    def write(self, page: Any, wanted: str, text: str) -> None:
        """Write into a field."""
        page.click(wanted)
        page.keyboard.type(text)


class Keys:
    """Never touches the mouse: Tab goes on, Enter and Space act; wherever the focus is, it can be seen."""

    def press(self, page: Any, wanted: str) -> None:
        """Press a button, a tab or a summary."""
        tab_to(page, wanted)
        page.keyboard.press("Enter")

    def choose(self, page: Any, wanted: str) -> None:
        """Tick a box; one of several buttons by the arrows, as browsers have it."""
        group = re.fullmatch(r"(.*\[name=\w+\])\[value=.*\]", wanted)
        radio = page.get_attribute(wanted, "type") == "radio"
        tab_to(page, group[1] if group and radio else wanted)
        page.keyboard.press("Space")
        while not page.is_checked(wanted):
            page.keyboard.press("ArrowDown")

    def write(self, page: Any, wanted: str, text: str) -> None:
        """Write into a field."""
        tab_to(page, wanted)
        page.keyboard.type(text)


def callback(quietline: Any, **changes: Any) -> dict[str, Any]:
    """Ask for a call back, and give the answer that was promised."""
    details = {
        "concern": "own-behaviour",
        "phone": PHONE,
        "name": "Sam",
        "message": "I would like to talk.",
        "safety": {"voicemail": "never", "code_word": "bluebell", "if_someone_else_answers": "wrong-number"},
        **changes.pop("details", {}),
    }
    return _submitted(quietline, "callbacks", {"details": details, "slot": EVENING, **changes})


def information(quietline: Any, **changes: Any) -> dict[str, Any]:
    """Ask for information, and give the answer that was promised."""
    details = {"concern": "someone-else", "message": "Where can I read more?"}
    return _submitted(quietline, "information-requests", {"details": details, **changes})


def _submitted(quietline: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = quietline.ask("POST", f"/v1/{path}", {"statement_version": "2026-11", **body})
    assert answer.status == 201, answer.body
    return answer.json()


def sign_in(
    page: Any,
    quietline: Any,
    role: str = "practitioner",
    subject: str = "alex",
    *,
    hands: Any = None,
    accepted: bool = True,
) -> None:
    """Sign somebody in by the window, with a ticket for it; the page may be the desk's already."""
    hands = hands or Mouse()
    if not page.url.endswith("/desk"):
        page.goto("/desk")
    ticket = LocalIssuer(quietline.home).ticket(role, subject)
    page.wait_for_selector("#sign-in:visible")
    with page.context.expect_page() as opening:
        if page.evaluate("document.activeElement.id") == "sign-in-go":
            page.keyboard.press("Enter")
        else:
            hands.press(page, "#sign-in-go")
    window = opening.value
    Watch(page.watch.origin, True, lambda: None).follow(window)
    window.wait_for_selector("#ticket:focus")
    window.keyboard.type(ticket)
    with window.expect_event("close"), suppress(Error):  # it may be gone before the key is up
        window.keyboard.press("Enter")
    if accepted:
        page.wait_for_selector("#sign-in", state="hidden")
        page.wait_for_selector("#person:visible")
    assert window.watch.elsewhere() == []


def arrive(page: Any, quietline: Any, role: str = "practitioner", subject: str = "alex") -> None:
    """Sign somebody in by a link, which takes less time than the window."""
    page.goto(f"/desk#{LocalIssuer(quietline.home).ticket(role, subject)}")
    page.wait_for_selector("#person:visible")


def open_by_reference(page: Any, reference: str) -> None:
    """Open the request that a reference names."""
    page.fill("#reference", reference.replace("-", " "))
    page.click("#quote button")
    page.wait_for_selector(f"#request-title:text-is('{reference.replace('-', ' ')}')")
