"""Words for answers: titles of problems, next steps, and how to reach the helpline, in English and Welsh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.http import local_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from chalicelib.domain.helpline import Helpline


class Texts:
    """The words of `content/pages.<language>.toml` for those who ask in JSON."""

    def __init__(self, pages: Callable[[str], Mapping[str, Any]], helpline: Callable[[], Helpline]) -> None:
        self.pages = pages
        self._helpline = helpline

    def problem_title(self, status: int, language: str) -> str:
        """Name a kind of problem, by its status."""
        titles = self.pages(language)["problem_titles"]
        return str(titles.get(str(status), titles["500"]))

    def problem_detail(self, code: str, language: str) -> str | None:
        """Say what to do about a particular problem, where there is something to say."""
        detail = self.pages(language)["problem_details"].get(code)
        return None if detail is None else str(detail)

    def next_steps(self, keys: Iterable[str], language: str) -> list[str]:
        """Say what happens next."""
        steps = self.pages(language)["next"]
        return [steps[key] for key in keys]

    def note(self, key: str, language: str) -> str:
        """Say what the helpline notes in a mailbox by itself."""
        return str(self.pages(language)["notes"][key])

    def declined(self, reason: str, language: str) -> str:
        """Say kindly why a question was not answered in a session."""
        return str(self.pages(language)["declined"][reason])

    def helpline(self, language: str) -> dict[str, str]:
        """Give the other way to reach help that every problem carries."""
        helpline = self._helpline()
        return {"phone": helpline.phones[0].number, "hours": helpline.hours_text[language]}

    def helpline_for_page(self, language: str, *, open_now: bool, opens_at: datetime | None) -> dict[str, Any]:
        """Give what every page says about the helpline."""
        helpline = self._helpline()
        return {
            "name": helpline.name[language],
            "phone": helpline.phones[0].number,
            "tel": helpline.phones[0].e164,
            "hours": helpline.hours_text[language],
            "open_now": open_now,
            "opens_next": None if opens_at is None else local_times.moment(opens_at, helpline.hours.zone, language),
            "emergency": helpline.emergency[language],
        }
