"""The mailbox on the wire. The receipt, or its lookup value, travels in a header or a form body and nowhere else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Conflict, Invalid, NotFound, Refusal, Unauthenticated, Unavailable, Unsupported
from chalicelib.domain.receipts import Credential, read_receipt
from chalicelib.domain.requests import Kind, Status, lane_language
from chalicelib.http import local_times, shapes
from chalicelib.http.models import MESSAGE_LIMIT, MessageSubmission, SealedMessage, SlotChoice
from chalicelib.http.public import idempotency_key, slots_for_page
from chalicelib.http.reading import (
    SEALED_LIMIT,
    form_body,
    is_form,
    json_body,
    language_of,
    said_language,
    validated,
)
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
        """Show what the receipt opens; to a reader who names no language, in the one of the request."""
        contents = self.mailbox.read(_credential(http_request))
        language = said_language(http_request) or lane_language(contents.request.language)
        return shapes.answer(self._contents(contents, language))

    def write(self, http_request: Request) -> Response:
        """Add a message."""
        credential, key = _credential(http_request), idempotency_key(http_request)
        body = json_body(http_request, MessageSubmission, sealed=SealedMessage, sealed_limit=SEALED_LIMIT)
        if isinstance(body, SealedMessage):
            request = self.mailbox.write_sealed(credential, body.letter())
        else:
            request = self.mailbox.write(credential, body.text, idempotency_key=key)
        return self._progress(request, http_request, 201)

    def choose(self, http_request: Request) -> Response:
        """Choose another slot."""
        credential = _credential(http_request)
        slot = json_body(http_request, SlotChoice).slot
        return self._progress(self.mailbox.choose(credential, slot), http_request, 200)

    def withdraw(self, http_request: Request) -> Response:
        """Withdraw; the content is erased."""
        self.mailbox.withdraw(_credential(http_request))
        return shapes.nothing()

    def door(self, http_request: Request) -> Response:
        """Show the page that asks for the receipt."""
        return self._door(language_of(http_request), None, 200)

    def post(self, http_request: Request) -> Response:
        """
        Do what the page's form asks: read, message, slot, withdraw, or check a note against the receipt.

        Raises:
            Unsupported: it is no plain form.
        """
        if not is_form(http_request):
            raise Unsupported("media-type")
        language = language_of(http_request)
        fields: dict[str, str] = {}
        try:
            fields = {name: values[-1] for name, values in form_body(http_request, sealed_limit=SEALED_LIMIT).items()}
            return self._act(fields, language)
        except NotFound as refusal:
            return self._door(language, refusal.code, refusal.status)
        except Refusal as refusal:
            return self._again(fields, refusal, language)

    def _act(self, fields: Mapping[str, str], language: str) -> Response:
        key = _PageKey.of(fields)
        if key is None:
            return self._door(language, "required", 422)
        action, credential = fields.get("action", "read"), key.credential
        if action == "check" and key.receipt:
            return self._check(key, fields.get("ending", ""), language)
        if action == "withdraw":
            if fields.get("confirm") != "yes":
                return self._show(key, language, 422, errors=[{"field": "confirm", "code": "required"}])
            self.mailbox.withdraw(credential)
            page = self.pages.withdrawn(language=language, helpline=self._for_page(language))
            return self._page(page, language, 200)
        if action == "message":
            return self._message(key, fields, language)
        if action == "slot":
            if not fields.get("slot"):
                return self._show(key, language, 422, errors=[{"field": "slot", "code": "required"}])
            self.mailbox.choose(credential, fields["slot"])
            return self._show(key, language, 200, notice="slot-chosen")
        return self._show(key, language, 200)

    def _check(self, key: _PageKey, ending: str, language: str) -> Response:
        """Compare the end of somebody's note with the receipt, and show both again: nobody is locked out by it."""
        receipt = read_receipt(key.receipt)
        right = receipt is not None and receipt.ends_with(ending)
        about: dict[str, Any] = {"reference": "", "due": None, "expires_on": None, "kind": Kind.CALLBACK.value}
        with suppress(NotFound, Unavailable):  # what is still on its way to the store has a receipt all the same
            request = self.mailbox.read(key.credential).request
            about = {
                "reference": request.reference,
                "due": shapes.promised(request, self.helpline, language)["local"],
                "expires_on": local_times.day_and_year(request.expires_at.date(), language),
                "kind": request.kind.value,
            }
        page = self.pages.receipt(
            language=language,
            helpline=self._for_page(language),
            receipt=key.receipt,
            open_now=True,
            opens_next=None,
            next_steps=self.texts.next_steps(("keep_receipt", "read_mailbox", "emergency"), language),
            checked="right" if right else "mismatch" if ending.strip() else "required",
            **about,
        )
        return self._page(page, language, 200 if right else 422)

    def _message(self, key: _PageKey, fields: Mapping[str, str], language: str) -> Response:
        if "sealed" in fields:
            self.mailbox.write_sealed(key.credential, validated(SealedMessage, fields["sealed"]).letter())
            return self._show(key, language, 201, notice="message-kept")
        text = fields.get("text", "").strip()
        if not text or len(text) > MESSAGE_LIMIT:
            errors = [{"field": "text", "code": "too-long" if text else "required"}]
            return self._show(key, language, 422, errors=errors, values={"text": text})
        self.mailbox.write(key.credential, text)
        return self._show(key, language, 201, notice="message-kept")

    def _again(self, fields: Mapping[str, str], refusal: Refusal, language: str) -> Response:
        """Show the mailbox again with what went wrong, and with what was written, so that nobody writes it twice."""
        key = _PageKey.of(fields)
        if not isinstance(refusal, (Conflict, Invalid)) or key is None:
            raise refusal
        errors = [{"field": error.pointer.strip("/"), "code": error.code} for error in refusal.errors]
        errors = errors or [{"field": "", "code": refusal.code}]
        values = {name: fields[name] for name in _MAILBOX_FIELDS if name in fields}
        return self._show(key, language, refusal.status, errors=errors, values=values)

    def _show(
        self,
        key: _PageKey,
        language: str,
        status: int,
        *,
        notice: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        values: Mapping[str, str] | None = None,
    ) -> Response:
        contents = self.mailbox.read(key.credential)
        request, zone = contents.request, self.helpline.hours.zone
        shown = self._contents(contents, language)
        callback = request.kind not in {Kind.INFORMATION, Kind.QUESTION}
        answered = any(letter.author == "helpline" for letter in contents.letters)
        expects = request.kind is Kind.INFORMATION and not answered and contents.status != Status.CLOSED.value
        page = self.pages.mailbox(
            language=language,
            helpline=self._for_page(language),
            receipt=key.receipt,
            status=contents.status,
            reference=request.reference,
            kind=request.kind.value,
            slot_local=None if request.slot is None else local_times.window_in_words(request.slot, zone, language),
            answer_by=shown["due"]["local"] if expects else None,
            messages=[
                _letter_for_page(letter, local_times.day(at.sent_at.astimezone(zone).date(), language))
                for letter, at in zip(shown["messages"], contents.letters, strict=False)
            ],
            slots=slots_for_page(self.opening, self.helpline, language) if callback and contents.may_write else [],
            can_choose_slot=callback and contents.may_write,
            can_write=contents.may_write and request.kind is not Kind.QUESTION,
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
        return shapes.page(page, self.pages.headers(language, status=status, scripts=True), status)

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
        "sealed": letter.get("sealed"),
        "message_id": letter.get("message_id"),
        "signposts": letter.get("signposts", []),
        "agreed_actions": letter.get("agreed_actions", []),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageKey:
    """What opens the mailbox from its page: a *receipt*, to be carried on in hidden fields, or a lookup value alone."""

    credential: Credential
    receipt: str

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> _PageKey | None:
        """Find it in a form's fields, if there is one."""
        if code := fields.get("receipt", ""):
            receipt = read_receipt(code)
            return cls(credential=Credential.of_receipt(code), receipt="" if receipt is None else receipt.shown)
        if lookup := fields.get("lookup", ""):
            return cls(credential=Credential.of_lookup(lookup), receipt="")
        return None


def _credential(http_request: Request) -> Credential:
    """
    Read `Authorization: Receipt CODE`, or `Authorization: Mailbox LOOKUP` from a browser that keeps the receipt.

    Raises:
        Unauthenticated: `receipt-missing`.
    """
    scheme, _, code = (http_request.headers.get("authorization") or "").strip().partition(" ")
    if scheme.lower() not in ("receipt", "mailbox") or not code.strip():
        raise Unauthenticated("receipt-missing")
    return Credential.of_receipt(code) if scheme.lower() == "receipt" else Credential.of_lookup(code.strip())
