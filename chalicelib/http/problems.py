"""
One shape for everything that goes wrong: RFC 9457 `application/problem+json`, with another way to reach help.

The boundary around every handler is the one place where an unexpected error ends. It logs the error's type and the
line of our code, never its text: texts of errors carry what people typed.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import Response

from chalicelib.domain.errors import Malformed, NotFound, Refusal, Unauthenticated, Unsupported
from chalicelib.http.reading import is_form, language_of, prefers_html

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from chalice.app import Request

    from chalicelib.http.texts import Texts

log = logging.getLogger("quietline")
T = TypeVar("T")
U = TypeVar("U")

_TYPE = "urn:quietline:problem:"
FOR_PROGRAMS = ("/v1/", "/oruk")
"""Where answers are for programs: whoever asks there is never answered with a page, unless they posted a plain form."""
_HEADERS = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Language",
}

_OURS = ("application/problem+json", "application/json", "text/html")


class RoundFailed(RuntimeError):  # noqa: N818 - what happened to it
    """Something that runs by queue or clock failed; the message names the error's type and the line of our code."""


class InternalError(Refusal):
    """Something failed that we did not foresee; the answer says nothing about it but how else to reach help."""

    status = 500


class MethodNotAllowed(Refusal):
    """The path exists, and not for this method."""

    status = 405


_FROM_CHALICE: dict[int, Callable[[], Refusal]] = {
    400: lambda: Malformed("malformed"),
    404: lambda: NotFound("not-found"),
    405: lambda: MethodNotAllowed("method-not-allowed"),
    415: lambda: Unsupported("media-type"),
}


class Problems:
    """Turns refusals into answers, in the requester's language."""

    def __init__(
        self,
        texts: Texts,
        page: Callable[[int, str, str], Response] | None = None,
        begins: Callable[[], None] = lambda: None,
        rounds: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """
        Word problems with *texts*, and with *page* for a browser.

        *begins* is told whenever somebody's request begins; what runs by queue or clock runs within *rounds*.
        """
        self._texts = texts
        self._page = page
        self._begins = begins
        self._rounds = rounds

    def response(self, refusal: Refusal, language: str, headers: Mapping[str, str] | None = None) -> Response:
        """Answer *refusal* as problem+json: status, code, places, and the phone number to ring instead."""
        body = self.document(refusal.status, refusal.code, language)
        if refusal.errors:
            body["errors"] = [{"pointer": error.pointer, "code": error.code} for error in refusal.errors]
        body.update(refusal.extra)
        return Response(
            json.dumps(body, ensure_ascii=False, separators=(",", ":")),
            status_code=refusal.status,
            headers={**_HEADERS, **_extra_headers(refusal), "Content-Language": language, **(headers or {})},
        )

    def document(self, status: int, code: str, language: str) -> dict[str, Any]:
        """Build the problem document without places: for the gateway's and the local server's own errors too."""
        texts = self._texts
        body: dict[str, Any] = {"type": _TYPE + code, "title": texts.problem_title(status, language), "status": status}
        if detail := texts.problem_detail(code, language):
            body["detail"] = detail
        body["code"] = code
        body["helpline"] = texts.helpline(language)
        return body

    def boundary(
        self, handler: Callable[..., Response], current_request: Callable[[], Request | None]
    ) -> Callable[..., Response]:
        """
        Wrap a handler: it is given the HTTP request, and whatever it raises becomes a problem.

        Nothing of an unforeseen error reaches Chalice, which would log its text.
        """

        @functools.wraps(handler)
        def guarded(**path: str) -> Response:
            http_request = current_request()
            if http_request is None:
                return self.response(InternalError("internal"), "en")
            try:
                self._begins()
                return handler(http_request, **path)
            except Refusal as refusal:
                return self._answer(refusal, http_request)
            except Exception as error:  # noqa: BLE001 - the one place where unforeseen errors end
                log.error("unforeseen %s", where(error))  # noqa: TRY400 - a traceback carries input
                return self._answer(InternalError("internal"), http_request)

        return guarded

    def round(self, handler: Callable[[T], U]) -> Callable[[T], U]:
        """
        Wrap what runs by queue or clock: a failed round fails, so that AWS counts it, and says nothing but where.

        Lambda logs the text of what a function raises.
        """

        @functools.wraps(handler)
        def guarded(trigger: T) -> U:
            try:
                with self._rounds():
                    return handler(trigger)
            except Exception as error:  # noqa: BLE001 - as above
                raise RoundFailed(where(error)) from None

        return guarded

    def _answer(self, refusal: Refusal, http_request: Request) -> Response:
        language = language_of(http_request)
        asks_for_page = is_form(http_request) or not http_request.path.startswith(FOR_PROGRAMS)
        if self._page is not None and asks_for_page and prefers_html(http_request):
            try:
                return self._page(refusal.status, refusal.code, language)
            except Exception as error:  # noqa: BLE001 - nor may an error in answering an error reach Chalice's log
                log.error("unforeseen %s", where(error))  # noqa: TRY400 - as above
        return self.response(refusal, language)

    def middleware(self, http_request: Request | None, get_response: Callable[[Any], Response]) -> Response:
        """
        Rewrite the errors that Chalice makes itself; registered first, so that it sees everything last.

        Ours name their type, Chalice's do not (or `text/plain`): what a handler answered, like `/health` that says
        which part is down, passes as it is.
        """
        response = get_response(http_request)
        ours = str(response.headers.get("Content-Type", "")).startswith(_OURS)
        if ours or response.status_code < 400:  # noqa: PLR2004
            return response
        make = _FROM_CHALICE.get(response.status_code, lambda: InternalError("internal"))
        language = "en" if http_request is None else language_of(http_request)
        kept = {name: str(value) for name, value in response.headers.items() if name == "Allow"}
        return self.response(make(), language, kept)


def where(error: BaseException) -> str:
    """Name an error for a log: its type and the innermost line of our own code (of any, if none is), and no text."""
    place, ours = "?", False
    traceback = error.__traceback__
    while traceback is not None:
        path, line = traceback.tb_frame.f_code.co_filename.replace("\\", "/"), traceback.tb_lineno
        if "chalicelib" in path:
            place, ours = f"{path.rpartition('chalicelib')[2].lstrip('/')}:{line}", True
        elif not ours:
            place = f"{path.rpartition('/')[2]}:{line}"
        traceback = traceback.tb_next
    return f"{type(error).__name__} at {place}"


def _extra_headers(refusal: Refusal) -> dict[str, str]:
    if isinstance(refusal, Unauthenticated):
        return {"WWW-Authenticate": "Receipt, Mailbox" if refusal.code.startswith("receipt") else "Bearer"}
    later = {429: "3600", 503: "30"}.get(refusal.status)
    return {} if later is None else {"Retry-After": later}
