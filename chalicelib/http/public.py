"""The public face, apart from mailbox and signposts: who we are, when we answer, and the way in."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from chalice.app import Response
from pydantic_core import from_json

from chalicelib.domain.errors import Conflict, FieldError, Invalid, Malformed, Refusal, Unavailable, Unsupported
from chalicelib.domain.requests import Kind
from chalicelib.domain.screening import FormProof
from chalicelib.http import assets, local_times, shapes
from chalicelib.http.models import (
    REQUEST_ID,
    CallbackSubmission,
    InformationSubmission,
    SealedCallback,
    SealedInformation,
)
from chalicelib.http.reading import (
    form_body,
    is_form,
    json_body,
    language_of,
    prefers_html,
    query,
    validated,
)
from chalicelib.usecases.intake import Accepted, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalice.app import Request

    from chalicelib.domain.helpline import Helpline, Statement
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.domain.slots import OpeningHours
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.ports import Opener, Randomness, RequestStore, Sealer
    from chalicelib.usecases.intake import Intake
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.screening import Screening
    from chalicelib.usecases.shredding import Shredding

HPKE_SUITE = "DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM"
OPENAPI = Path(__file__).parent / "openapi.json"
SLOT_DAYS = (1, 28)
DEFAULT_SLOT_DAYS = 7
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{16,255}")
_SHORT_CACHE = {"Content-Type": "application/json", "Cache-Control": "public, max-age=60", "Vary": "Accept-Language"}
_SAFETY = ("voicemail", "caller_id", "code_word", "if_someone_else_answers", "text_first")
_DETAILS = {
    "callback": ("concern", "phone", "name", "message", "access_needs"),
    "information": ("concern", "message", "name", "email"),
}
BySender: TypeAlias = SealedCallback | SealedInformation
Submitted: TypeAlias = CallbackSubmission | InformationSubmission | BySender
_MODELS: Mapping[Kind, type[Submitted]] = {
    Kind.CALLBACK: CallbackSubmission,
    Kind.INFORMATION: InformationSubmission,
}
_SEALED: Mapping[Kind, type[Submitted]] = {Kind.CALLBACK: SealedCallback, Kind.INFORMATION: SealedInformation}
_ENVELOPE = ("statement_version", "language", "region", "campaign", "altcha")
TRAP = "website"
"""A field of the form that people do not see: whoever fills it in reads pages as a machine does."""
_LISTS = ("also", "access_needs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """Handlers of the public face; each parses, calls one use case, and shapes the answer."""

    helpline: Helpline
    the_statement: Statement
    opening: Opening
    screening: Screening
    intake: Intake
    sealer: Sealer
    shredding: Shredding
    opener: Opener | None
    accepts: bool
    store: RequestStore
    randomness: Randomness
    texts: Texts
    pages: Pages
    knows_campaign: Callable[[str], bool]

    def statement(self, http_request: Request) -> Response:
        """Show the statement in force."""
        language = asked_language(http_request)
        return shapes.answer(statement_answer(self.the_statement, language), headers=cached_for_all(language))

    def about(self, http_request: Request) -> Response:
        """Show how and when to reach the helpline."""
        language = language_of(http_request)
        helpline = self.helpline
        body = {
            "name": helpline.name[language],
            "organisation": helpline.organisation,
            "website": helpline.website,
            "phones": [
                {"number": phone.number, "e164": phone.e164, "free": phone.free, "label": phone.label[language]}
                for phone in helpline.phones
            ],
            "hours": helpline.hours_text[language],
            **self._line(language),
            "emergency": helpline.emergency[language],
            "language": language,
        }
        return shapes.answer(body, headers=cached_for_all(language))

    def slots(self, http_request: Request) -> Response:
        """
        List the slots that can be chosen.

        Raises:
            Malformed: `from` is no date or instant, or `days` no number from 1 to 28.
        """
        language = language_of(http_request)
        offered = self.opening.slots(starts_from=self._from(http_request), days=_days(http_request))
        zone = self.helpline.hours.zone
        return shapes.answer({"slots": [shapes.slot(window, zone, language) for window in offered]})

    def _from(self, http_request: Request) -> datetime | None:
        text = query(http_request, "from")
        if text is None:
            return None
        try:
            if len(text) == len("2026-11-24"):
                return datetime.combine(date.fromisoformat(text), time(0), self.helpline.hours.zone)
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError  # noqa: TRY301 - else it would mean the time of whichever machine answers
            return moment.astimezone(self.helpline.hours.zone)
        except (ValueError, OverflowError):
            raise Malformed("invalid", pointer="/from") from None

    def keys(self, _http_request: Request) -> Response:
        """List the public keys to seal to."""
        return shapes.answer(
            {"suite": HPKE_SUITE, "keys": list(self.sealer.public_keys())},
            headers={"Cache-Control": "public, max-age=300"},
        )

    def challenge(self, http_request: Request) -> Response:
        """
        Give a proof-of-work challenge for one request.

        Raises:
            Malformed: `for` is missing, or is no SHA-256 in base64url.
        """
        bound_to = query(http_request, "for")
        if bound_to is None:
            raise Malformed("required", pointer="/for")
        if not re.fullmatch(REQUEST_ID, bound_to):
            raise Malformed("invalid", pointer="/for")
        return shapes.answer(self.screening.challenge(bound_to))

    def health(self, _http_request: Request) -> Response:
        """
        Tell whether requests can be accepted durably, and which part is down; a missing desk key is told as well.

        Where only the desk is served nothing is accepted: it has no pepper to make receipts with, and must not have it.
        """
        parts = {"storage": _state(self.store.ping), "shredding": _state(self.shredding.ping)}
        if self.accepts:
            parts["sealing"] = _state(lambda: self.sealer.public_keys() and None)
            parts["receipts"] = _state(self.intake.ready)
        accepting = all(state == "ok" for state in parts.values())
        if self.opener is not None:
            parts["opening"] = _state(self.opener.check)
        body = {"status": "ok" if accepting else "down", "parts": parts}
        details = (self.texts.problem_detail(state, "en") for state in parts.values() if state != "ok")
        if detail := " ".join(dict.fromkeys(each for each in details if each)):
            body["detail"] = detail
        return shapes.answer(body, status=200 if accepting else 503)

    def openapi(self, _http_request: Request) -> Response:
        """Show the contract."""
        return Response(
            OPENAPI.read_text(encoding="utf-8"),
            headers={"Content-Type": "application/json", "Cache-Control": "public, max-age=300"},
        )

    def landing(self, http_request: Request) -> Response:
        """Show the first page."""
        language = language_of(http_request)
        return self._page(self.pages.landing(language=language, helpline=self._for_page(language)), language)

    def privacy(self, http_request: Request) -> Response:
        """Show what is kept and what is not, in plain words."""
        language = language_of(http_request)
        return self._page(self.pages.privacy(language=language, helpline=self._for_page(language)), language)

    def asset(self, _http_request: Request, name: str) -> Response:
        """Hand out a script of the pages."""
        return assets.script(name)

    def request_form(self, http_request: Request) -> Response:
        """
        Show the form.

        Raises:
            Malformed: `kind` is neither callback nor information.
        """
        kind, asked = _kind_of_form(http_request), http_request.query_params
        campaign = None if asked is None else self._campaign(asked.get("campaign"))
        return self._form(language_of(http_request), kind, {}, (), 200, campaign=campaign)

    def send_request_form(self, http_request: Request) -> Response:
        """
        Accept what the page's own form sends, at the page's own address: form, mistakes and receipt share one.

        Raises:
            Malformed: `kind` is neither callback nor information.
            Unsupported: it is no plain form.
        """
        kind = Kind(_kind_of_form(http_request))
        if not is_form(http_request):
            raise Unsupported("media-type")
        return self._submit_form(http_request, kind, language_of(http_request), html=True)

    def _campaign(self, code: str | None) -> str | None:
        """Give a code back if it is one of ours; an odd one keeps nobody from the form, and is not repeated in it."""
        return code if code is not None and self.knows_campaign(code) else None

    def submit_callback(self, http_request: Request) -> Response:
        """Accept a callback, from JSON or from a plain form."""
        return self._submit(http_request, Kind.CALLBACK)

    def submit_information(self, http_request: Request) -> Response:
        """Accept an information request, from JSON or from a plain form."""
        return self._submit(http_request, Kind.INFORMATION)

    def _submit(self, http_request: Request, kind: Kind) -> Response:
        language = language_of(http_request)
        if is_form(http_request):
            return self._submit_form(http_request, kind, language, html=prefers_html(http_request))
        key = idempotency_key(http_request)
        body: Submitted
        if kind is Kind.CALLBACK:
            body = json_body(http_request, CallbackSubmission, sealed=SealedCallback)
        else:
            body = json_body(http_request, InformationSubmission, sealed=SealedInformation)
        return self._accepted(self._accept(body, kind, key, language), language, html=False)

    def _submit_form(self, http_request: Request, kind: Kind, language: str, *, html: bool) -> Response:
        fields: dict[str, list[str]] = {}
        key: str | None = None
        proof: FormProof | None = None
        try:
            key = idempotency_key(http_request)
            fields = form_body(http_request)
            in_form = form_key(fields.pop("idempotency_key", None))
            key = key or in_form
            proof = FormProof(token="".join(fields.pop("form_token", [])), trapped=bool(fields.pop(TRAP, [])))
            body = _from_form(fields, kind)
            accepted = self._accept(body, kind, key, language, proof)
        except Refusal as refusal:
            if not html or isinstance(refusal, Unsupported):
                raise flattened(refusal) from None
            errors = [{"field": leaf(error.pointer), "code": error.code} for error in refusal.errors]
            errors = errors or [{"field": "", "code": refusal.code}]
            # The same key again, so that what was stored after all is not stored twice; a new one where it was used up.
            kept = None if refusal.code == "key-reused" or key is None else (key, proof)
            campaign = self._campaign(next(iter(fields.get("campaign", ())), None))
            return self._form(
                language, kind.value, _own_fields(fields, kind), errors, refusal.status, kept, campaign=campaign
            )
        return self._accepted(accepted, language, html=html)

    def _accept(
        self, body: Submitted, kind: Kind, key: str | None, language: str, proof: FormProof | None = None
    ) -> Accepted:
        submission = Submission(
            kind=kind,
            statement_version=body.statement_version,
            **_words_of(body),
            body=f"{kind.value}\n{body.model_dump_json()}".encode(),
            language=body.language,
            slot=getattr(body, "slot", None),
            also=getattr(body, "also", ()),
            idempotency_key=key,
            altcha=body.altcha,
            form=proof,
            region=body.region,
            campaign=body.campaign,
        )
        try:
            return self.intake.submit(submission)
        except Conflict as conflict:
            if conflict.code != "statement-outdated":
                raise
            extra = {"statement": statement_answer(self.the_statement, language)}
            raise Conflict(conflict.code, pointer=conflict.pointer, extra=extra) from None

    def _accepted(self, accepted: Accepted, language: str, *, html: bool) -> Response:
        request, helpline = accepted.request, self.helpline
        line = self._line(language, accepted.hours)
        due = shapes.promised(request, helpline, language)
        expires_on = (request.submitted_at + self.intake.rules.retention).date()
        steps = self._next_steps(request, language, open_now=bool(line["open_now"]), delayed=accepted.delayed)
        if html:
            page = self.pages.receipt(
                language=language,
                helpline=self._for_page(language, accepted.hours),
                receipt="" if accepted.receipt is None else accepted.receipt.shown,
                reference=request.reference,
                due=due["local"],
                expires_on=local_times.day_and_year(expires_on, language),
                kind=request.kind.value,
                open_now=bool(line["open_now"]),
                opens_next=line["opens_local"],
                next_steps=steps,
            )
            return self._page(page, language, 201, scripts=True)
        body = {
            **({} if accepted.receipt is None else {"receipt": accepted.receipt.shown}),
            "request_id": request.request_id,
            "reference": request.reference,
            "status": "waiting",
            "due": due,
            "expires_on": expires_on.isoformat(),
            "line": line,
            "next": steps,
        }
        return shapes.answer(body, status=201, headers={"Content-Language": language, "Vary": "Accept-Language"})

    def _next_steps(self, request: ContactRequest, language: str, *, open_now: bool, delayed: bool) -> list[str]:
        if request.kind is Kind.INFORMATION:
            first = "information"
        elif request.promised_slot is None:
            first = "callback_no_slot"
        else:
            first = "callback_open" if open_now else "callback_closed"
        keys = (first, *(("delayed",) if delayed else ()), "keep_receipt", "read_mailbox", "emergency")
        return self.texts.next_steps(keys, language)

    def _line(self, language: str, hours: OpeningHours | None = None) -> dict[str, Any]:
        open_now, opens_at = self.opening.status(hours)
        zone = self.helpline.hours.zone
        return {
            "open_now": open_now,
            "opens_at": None if opens_at is None else local_times.instant(opens_at),
            "opens_local": None if opens_at is None else local_times.moment(opens_at, zone, language),
        }

    def _for_page(self, language: str, hours: OpeningHours | None = None) -> dict[str, Any]:
        open_now, opens_at = self.opening.status(hours)
        return self.texts.helpline_for_page(language, open_now=open_now, opens_at=opens_at)

    def _page(self, page: str, language: str, status: int = 200, *, scripts: bool = False) -> Response:
        return shapes.page(page, self.pages.headers(language, status=status, scripts=scripts), status)

    def _form(
        self,
        language: str,
        kind: str,
        values: Mapping[str, Sequence[str]],
        errors: Sequence[Mapping[str, str]],
        status: int,
        kept: tuple[str, FormProof | None] | None = None,
        *,
        campaign: str | None = None,
    ) -> Response:
        """Show the form; *kept* is the key and the token of one that comes back to be mended."""
        key, proof = kept or (urlsafe_b64encode(self.randomness.secret(24)).decode(), None)
        token = self._form_token(key, "" if proof is None else proof.token)
        statement = statement_answer(self.the_statement, language)
        refused = status == Unavailable.status  # then nobody waits for the store once more to be told so
        try:
            offers = kind == "callback" and not refused
            slots = slots_for_page(self.opening, self.helpline, language) if offers else []
        except Unavailable:
            slots = []
        page = self.pages.request_form(
            language=language,
            helpline=self._for_page(language, self.helpline.hours if refused else None),
            kind=kind,
            statement=statement,
            slots=slots,
            values=values,
            errors=errors,
            idempotency_key=key,
            form_token=token,
            campaign=campaign,
        )
        return self._page(page, language, status, scripts=True)

    def _form_token(self, key: str, before: str) -> str:
        """Sign the form; without the key for it the form still works, and is unverified."""
        try:
            return self.screening.form_token(key, before=before)
        except Unavailable:
            return ""


def slots_for_page(opening: Opening, helpline: Helpline, language: str) -> list[dict[str, str]]:
    """Give the slots of the coming week as a page offers them: grouped by day, in words."""
    zone = helpline.hours.zone
    return [
        {
            "id": window.id,
            "day": local_times.day(window.starts_at.astimezone(zone).date(), language),
            "local": local_times.span(window, zone, language),
        }
        for window in opening.slots(days=DEFAULT_SLOT_DAYS)
    ]


def statement_answer(statement: Statement, language: str) -> dict[str, Any]:
    """Show a statement in one language."""
    return {
        "version": statement.version,
        "language": language,
        "title": statement.title[language],
        "summary": list(statement.summary[language]),
        "text": list(statement.text[language]),
    }


def _kind_of_form(http_request: Request) -> str:
    kind = query(http_request, "kind") or "callback"
    if kind not in _DETAILS:
        raise Malformed("unknown-value", pointer="/kind")
    return kind


def asked_language(http_request: Request) -> str:
    """
    Choose the language of content: by `language=`, else as for everything.

    Raises:
        Malformed: it names another than English or Welsh.
    """
    asked = query(http_request, "language")
    if asked is None:
        return language_of(http_request)
    if asked not in ("en", "cy"):
        raise Malformed("unknown-value", pointer="/language")
    return asked


def cached_for_all(language: str) -> dict[str, str]:
    """Let what is the same for everybody be kept for a minute."""
    return {**_SHORT_CACHE, "Content-Language": language}


def _days(http_request: Request) -> int:
    text = query(http_request, "days")
    if text is None:
        return DEFAULT_SLOT_DAYS
    low, high = SLOT_DAYS
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and low <= int(text) <= high):  # noqa: PLR2004
        raise Malformed("invalid", pointer="/days")
    return int(text)


def _state(check: Any) -> str:  # noqa: ANN401 - any check that raises Unavailable
    try:
        check()
    except Unavailable as unavailable:
        return unavailable.code
    return "ok"


def idempotency_key(http_request: Request) -> str | None:
    """
    Read `Idempotency-Key`: 16 to 255 visible ASCII characters.

    Raises:
        Malformed: `idempotency-key`, it is shorter, longer, or holds something else.
    """
    key = http_request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Malformed("idempotency-key", pointer="/headers/idempotency-key")
    return str(key)


def form_key(values: list[str] | None) -> str | None:
    """
    Read the idempotency key that a form carries.

    Raises:
        Malformed: `idempotency-key`.
    """
    if values is None:
        return None
    if len(values) != 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
        raise Malformed("idempotency-key", pointer="/idempotency_key")
    return values[0]


def _own_fields(fields: Mapping[str, Sequence[str]], kind: Kind) -> dict[str, Sequence[str]]:
    """Keep what belongs to the form: it may refill its own fields and nothing else."""
    own = {*_DETAILS[kind.value], *_SAFETY, "slot", "also", "statement_version", "language"}
    return {name: values for name, values in fields.items() if name in own}


def _from_form(fields: Mapping[str, Sequence[str]], kind: Kind) -> Submitted:
    """Put the leaf names of a plain form where the JSON body has them, and check it by the same model."""
    if "sealed" in fields:
        return _from_sealed_form(fields, kind)
    callback = kind is Kind.CALLBACK
    body: dict[str, Any] = {"details": {"safety": {}} if callback else {}}
    errors: list[FieldError] = []
    for name, values in fields.items():
        if name not in _known(kind):
            errors.append(FieldError("", "unknown-key"))
            continue
        if name not in _LISTS and len(values) != 1:
            errors.append(FieldError(f"/{name}", "repeated"))
            continue
        value: Any = list(values) if name in _LISTS else values[0]
        if callback and name in _SAFETY:
            body["details"]["safety"][name] = value in ("true", "on", "yes") if name == "text_first" else value
        elif name in _DETAILS[kind.value]:
            body["details"][name] = value
        else:
            body[name] = value
    if errors:
        raise Invalid(tuple(errors))
    return validated(_MODELS[kind], json.dumps(body))


def _from_sealed_form(fields: Mapping[str, Sequence[str]], kind: Kind) -> Submitted:
    """
    Read what a page's script posts: the form's fields around the details, and `sealed` as JSON in the details' place.

    Raises:
        Invalid: it holds anything else; a word that was to be sealed must not slip through beside it.
    """
    body: dict[str, Any] = {}
    for name, values in fields.items():
        if name not in {*_ENVELOPE, "sealed", "slot", "also"}:
            raise Invalid((FieldError("", "unknown-key"),))
        if name != "also" and len(values) != 1:
            raise Invalid((FieldError(f"/{name}", "repeated"),))
        body[name] = list(values) if name == "also" else values[0]
    try:
        body["sealed"] = from_json(body["sealed"], allow_inf_nan=False, cache_strings="none")
    except ValueError:
        raise Invalid((FieldError("/sealed", "invalid"),)) from None
    return validated(_SEALED[kind], json.dumps(body))


def _words_of(body: Submitted) -> dict[str, Any]:
    if isinstance(body, BySender):
        return {"envelope": body.sealed.envelope()}
    return {"details": body.details.model_dump(exclude_none=True)}


def _known(kind: Kind) -> set[str]:
    return {*_DETAILS[kind.value], *_SAFETY, *_ENVELOPE, *_LISTS, "slot"}


def leaf(pointer: str) -> str:
    """Give the form field of a pointer: its last part that is a name."""
    return next((part for part in reversed(pointer.split("/")) if part and not part.isdigit()), "")


def flattened(refusal: Refusal) -> Refusal:
    """Point at the fields of the form that was posted, rather than at the JSON it stands for."""
    if isinstance(refusal, Invalid):
        return Invalid(
            tuple(FieldError(f"/{leaf(e.pointer)}" if leaf(e.pointer) else "", e.code) for e in refusal.errors)
        )
    if refusal.pointer is not None and refusal.pointer.startswith("/details/"):
        return type(refusal)(refusal.code, pointer=f"/{leaf(refusal.pointer)}", extra=refusal.extra)
    return refusal
