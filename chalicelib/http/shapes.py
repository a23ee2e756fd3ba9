"""Shapes that several answers share: due times, slots, letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Response
from pydantic_core import to_json

from chalicelib.domain.receipts import encode
from chalicelib.http import local_times
from chalicelib.http.local_times import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.domain.slots import Window
    from chalicelib.usecases.correspondence import Letter

PRIVATE = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Text(Response):
    """An answer that is text, under headers of one value each: there is nothing left to sort out or to encode."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:  # noqa: ARG002 - Chalice's signature
        """Give it as Lambda does."""
        return {"headers": self.headers, "multiValueHeaders": {}, "statusCode": self.status_code, "body": self.body}


def answer(body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON that no cache keeps."""
    return Text(to_json(body).decode(), status_code=status, headers={**PRIVATE, **(headers or {})})


def page(html: str, headers: Mapping[str, str], status: int) -> Response:
    """Answer with a page."""
    return Response(html, status_code=status, headers={**headers})


def nothing() -> Response:
    """Answer 204."""
    return Response("", status_code=204, headers={"Cache-Control": "no-store"})


def slot(window: Window | None, zone: ZoneInfo, language: str) -> dict[str, Any] | None:
    """Show a callback window, as an instant and as people say it."""
    if window is None:
        return None
    return {
        "id": window.id,
        "starts_at": instant(window.starts_at),
        "ends_at": instant(window.ends_at),
        "local": local_times.window_in_words(window, zone, language),
    }


def promised(request: ContactRequest, helpline: Helpline, language: str) -> dict[str, str]:
    """Show by when an answer was promised on submitting: the same in every repeat of the answer."""
    return _due(
        request.promised_at, _in_words(request.promised_at, request.promised_slot, helpline.hours.zone, language)
    )


def due(request: ContactRequest, zone: ZoneInfo, language: str) -> dict[str, str]:
    """Show by when a request is due now."""
    return _due(request.due_at, _in_words(request.due_at, request.slot, zone, language))


def _in_words(at: datetime, window: Window | None, zone: ZoneInfo, language: str) -> str:
    return (
        local_times.moment(at, zone, language)
        if window is None
        else local_times.window_in_words(window, zone, language)
    )


def _due(by: datetime, local: str) -> dict[str, str]:
    return {"by": instant(by), "local": local}


def progress(request: ContactRequest, zone: ZoneInfo, language: str) -> dict[str, Any]:
    """Show how a request stands after a change."""
    return {
        "status": request.status.value,
        "slot": slot(request.slot, zone, language),
        "due": due(request, zone, language),
        "attempts": request.attempts,
        "outcome": None if request.outcome is None else request.outcome.value,
    }


def letters(
    opened: Sequence[Letter], signpost_link: Callable[[str, str], dict[str, Any] | None], language: str
) -> list[dict[str, Any]]:
    """Show opened messages; signposts arrive as links, in the reader's language."""
    return [_letter(letter, signpost_link, language) for letter in opened]


def _letter(
    letter: Letter, signpost_link: Callable[[str, str], dict[str, Any] | None], language: str
) -> dict[str, Any]:
    shown: dict[str, Any] = {"author": letter.author, "at": instant(letter.sent_at)}
    if letter.sealed is not None:
        return {**shown, "message_id": letter.message_id, "sealed": encode(letter.sealed)}
    if letter.content is None:
        return {**shown, "text": None, "code": "unreadable"}
    if "text" in letter.content:
        shown["text"] = letter.content["text"]
    if letter.odd:
        shown["code"] = "invalid"
    if letter.content.get("agreed_actions"):
        shown["agreed_actions"] = letter.content["agreed_actions"]
    links = [signpost_link(each, language) for each in letter.content.get("signposts", ())]
    if links:
        shown["signposts"] = [link for link in links if link is not None]
    return shown
