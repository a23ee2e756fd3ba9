"""The mailbox on the wire. The receipt travels in a header or a form body, and in nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Conflict, Invalid, NotFound, Refusal, Unauthenticated, Unsupported
from chalicelib.domain.receipts import read_receipt
from chalicelib.domain.requests import Kind
from chalicelib.http import local_times, shapes
from chalicelib.http.models import MESSAGE_LIMIT, MessageSubmission, SlotChoice
from chalicelib.http.public import idempotency_key, slots_for_page
from chalicelib.http.reading import form_body, is_form, json_body, language_of
from chalicelib.usecases.mailbox import shown_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalice.app import Request, Response

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.usecases.mailbox import Contents, Mailbox
    from chalicelib.usecases.opening import Opening

_MAILBOX_FIELDS = ("text", "slot")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxDoor:
    """Handlers of `/v1/mailbox` and of the page `/mailbox`."""

    mailbox: Mailbox
    opening: Opening
    helpline: Helpline
    texts: Texts
    pages: Pages
    signpost_link: Callable[[str, str], dict[str, Any] | None]

    def read(self, http_request: Request) -> Response:
        """Show what the receipt opens."""
        contents = self.mailbox.read(_receipt(http_request))
        return shapes.answer(self._contents(contents, language_of(http_request)))

    def write(self, http_request: Request) -> Response:
        """Add a message."""
        code = _receipt(http_request)
        body = json_body(http_request, MessageSubmission)
        request = self.mailbox.write(code, body.text, idempotency_key=idempotency_key(http_request))
        return self._progress(request, http_request, 201)

    def choose(self, http_request: Request) -> Response:
        """Choose another slot."""
        code = _receipt(http_request)
        return self._progress(self.mailbox.choose(code, json_body(http_request, SlotChoice).slot), http_request, 200)

    def withdraw(self, http_request: Request) -> Response:
        """Withdraw; the content is erased."""
        self.mailbox.withdraw(_receipt(http_request))
        return shapes.nothing()

    def door(self, http_request: Request) -> Response:
        """Show the page that asks for the receipt."""
        return self._door(language_of(http_request), None, 200)

    def post(self, http_request: Request) -> Response:
        """
        Do what the page's form asks: read, message, slot or withdraw.

        Raises:
            Unsupported: it is no plain form.
        """
        if not is_form(http_request):
            raise Unsupported("media-type")
        language = language_of(http_request)
        fields: dict[str, str] = {}
        try:
            fields = {name: values[-1] for name, values in form_body(http_request).items()}
            return self._act(fields, language)
        except NotFound as refusal:
            return self._door(language, refusal.code, refusal.status)
        except Refusal as refusal:
            return self._again(fields, refusal, language)

    def _act(self, fields: Mapping[str, str], language: str) -> Response:
        action, code = fields.get("action", "read"), fields.get("receipt", "")
        if not code:
            return self._door(language, "required", 422)
        if action == "withdraw":
            if fields.get("confirm") != "yes":
                return self._show(code, language, 422, errors=[{"field": "confirm", "code": "required"}])
            self.mailbox.withdraw(code)
            page = self.pages.withdrawn(language=language, helpline=self._for_page(language))
            return self._page(page, language, 200)
        if action == "message":
            return self._message(code, fields.get("text", "").strip(), language)
        if action == "slot":
            if not fields.get("slot"):
                return self._show(code, language, 422, errors=[{"field": "slot", "code": "required"}])
            self.mailbox.choose(code, fields["slot"])
            return self._show(code, language, 200, notice="slot-chosen")
        return self._show(code, language, 200)

    def _message(self, code: str, text: str, language: str) -> Response:
        if not text or len(text) > MESSAGE_LIMIT:
            errors = [{"field": "text", "code": "too-long" if text else "required"}]
            return self._show(code, language, 422, errors=errors, values={"text": text})
        self.mailbox.write(code, text)
        return self._show(code, language, 201, notice="message-kept")

    def _again(self, fields: Mapping[str, str], refusal: Refusal, language: str) -> Response:
        """Show the mailbox again with what went wrong, and with what was written, so that nobody writes it twice."""
        if not isinstance(refusal, (Conflict, Invalid)) or read_receipt(fields.get("receipt", "")) is None:
            raise refusal
        errors = [{"field": error.pointer.strip("/"), "code": error.code} for error in refusal.errors]
        errors = errors or [{"field": "", "code": refusal.code}]
        values = {name: fields[name] for name in _MAILBOX_FIELDS if name in fields}
        return self._show(fields["receipt"], language, refusal.status, errors=errors, values=values)

    def _show(
        self,
        code: str,
        language: str,
        status: int,
        *,
        notice: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        values: Mapping[str, str] | None = None,
    ) -> Response:
        contents = self.mailbox.read(code)
        request, zone = contents.request, self.helpline.hours.zone
        receipt = read_receipt(code)
        shown = self._contents(contents, language)
        callback = request.kind is not Kind.INFORMATION
        page = self.pages.mailbox(
            language=language,
            helpline=self._for_page(language),
            receipt="" if receipt is None else receipt.shown,
            status=contents.status,
            reference=request.reference,
            kind=request.kind.value,
            slot_local=None if request.slot is None else local_times.window_in_words(request.slot, zone, language),
            messages=[
                _letter_for_page(letter, local_times.day(at.sent_at.astimezone(zone).date(), language))
                for letter, at in zip(shown["messages"], contents.letters, strict=False)
            ],
            slots=slots_for_page(self.opening, self.helpline, language) if callback else [],
            can_choose_slot=callback,
            expires_on=local_times.day_and_year(request.expires_at.date(), language),
            notice=notice or contents.note,
            errors=errors,
            values=values,
        )
        return self._page(page, language, status)

    def _door(self, language: str, error: str | None, status: int) -> Response:
        page = self.pages.mailbox_door(language=language, helpline=self._for_page(language), error=error)
        return self._page(page, language, status)

    def _for_page(self, language: str) -> dict[str, Any]:
        open_now, opens_at = self.opening.status()
        return self.texts.helpline_for_page(language, open_now=open_now, opens_at=opens_at)

    def _page(self, page: str, language: str, status: int) -> Response:
        return shapes.page(page, self.pages.headers(language, status=status), status)

    def _contents(self, contents: Contents, language: str) -> dict[str, Any]:
        request, zone = contents.request, self.helpline.hours.zone
        messages = shapes.letters(contents.letters, self.signpost_link, language)
        if contents.note is not None:
            at = request.closed_at or request.due_at
            text = self.texts.note(contents.note, language)
            messages.append({"author": "helpline", "at": local_times.instant(at), "text": text, "code": contents.note})
        return {
            "kind": request.kind.value,
            "status": contents.status,
            "reference": request.reference,
            "slot": shapes.slot(request.slot, zone, language),
            "due": shapes.due(request, zone, language),
            "expires_on": request.expires_at.date().isoformat(),
            "messages": messages,
        }

    def _progress(self, request: ContactRequest, http_request: Request, status: int) -> Response:
        zone = self.helpline.hours.zone
        body = shapes.progress(request, zone, language_of(http_request))
        body["status"] = shown_status(request)
        return shapes.answer(body, status=status)


def _letter_for_page(letter: Mapping[str, Any], day: str) -> dict[str, Any]:
    return {
        "author": "you" if letter["author"] == "requester" else "helpline",
        "at": day,
        "text": letter.get("text") or "",
        "signposts": letter.get("signposts", []),
        "agreed_actions": letter.get("agreed_actions", []),
    }


def _receipt(http_request: Request) -> str:
    """
    Read the receipt from `Authorization: Receipt CODE`.

    Raises:
        Unauthenticated: `receipt-missing`.
    """
    scheme, _, code = (http_request.headers.get("authorization") or "").strip().partition(" ")
    if scheme.lower() != "receipt" or not code.strip():
        raise Unauthenticated("receipt-missing")
    return str(code)
