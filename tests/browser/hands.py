"""Two ways to use a page: with a mouse, and with nothing but a keyboard."""

from __future__ import annotations

from typing import Any

from browser_checks import tab_to


class Mouse:
    """Points and clicks; types where it has clicked."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def press(self, selector: str) -> None:
        """Follow a link, or press a button."""
        self.page.locator(selector).first.click()

    def tick(self, selector: str) -> None:
        """Tick a box, or choose one of several."""
        self.page.locator(selector).first.click()

    def write(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.page.click(selector)
        self.page.keyboard.type(text)

    def choose(self, selector: str, number: int) -> None:
        """Choose from a list."""
        self.page.select_option(selector, index=number)


class Keyboard:
    """Moves with Tab, arrows, Space and Enter, sees where it is at every stop, and counts what it pressed."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.pressed = 0

    def _reach(self, selector: str) -> None:
        self.page.wait_for_selector(selector)
        self.pressed += 1 + tab_to(self.page, selector, seen_everywhere=True)

    def press(self, selector: str) -> None:
        """Follow a link, or press a button."""
        self._reach(selector)
        self.page.keyboard.press("Enter")

    def tick(self, selector: str) -> None:
        """Tick a box, or choose one of several."""
        self._reach(selector)
        self.page.keyboard.press("Space")
        assert self.page.is_checked(selector)

    def write(self, selector: str, text: str) -> None:
        """Write into a field."""
        self._reach(selector)
        self.page.keyboard.type(text)

    def choose(self, selector: str, number: int) -> None:
        """Choose from a list."""
        self._reach(selector)
        for _ in range(number):
            self.page.keyboard.press("ArrowDown")
        self.pressed += number


HANDS = {"mouse": Mouse, "keyboard": Keyboard}
