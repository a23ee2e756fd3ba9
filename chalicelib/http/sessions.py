"""Live sessions on the public face: which there are, what was answered in them, and asking; as JSON and as pages."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import from_json

from chalicelib.domain.errors import Conflict, FieldError, Invalid, Malformed, Refusal, Unavailable, Unsupported
from chalicelib.domain.requests import Kind
from chalicelib.domain.screening import FormProof
from chalicelib.domain.sessions import State
from chalicelib.http import local_times, shapes
from chalicelib.http.kept import Headers, Ready, handed_out, is_held
from chalicelib.http.local_times import instant
from chalicelib.http.models import QuestionSubmission, SealedQuestion
from chalicelib.http.public import TRAP, flattened, form_key, idempotency_key, leaf, statement_answer
from chalicelib.http.reading import (
    form_body,
    is_form,
    json_body,
    language_of,
    prefers_html,
    query,
    validated,
)
from chalicelib.usecases.intake import Submission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalice.app import Request, Response

    from chalicelib.domain.helpline import Helpline, Statement
    from chalicelib.domain.sessions import Answered, Session
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.ports import Clock, Randomness
    from chalicelib.usecases.intake import Accepted
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.screening import Screening
    from chalicelib.usecases.sessions import Asking, Programme

Asked: TypeAlias = QuestionSubmission | SealedQuestion

FOLLOWED = "public, max-age=2"
"""A cache between may answer for two seconds: that is how 500 readers cost as little as one."""
LISTED = "public, max-age=30"
SHOWN = 15
"""Answers on one page; earlier ones are a link away."""
HIGHEST = 1_000_000_000
_AROUND = ("statement_version", "language", "region", "campaign", "altcha")
_FIELDS = frozenset({*_AROUND, "text", "private"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Handlers of live sessions for everybody."""

    programme: Programme
    asking: Asking
    screening: Screening
    the_statement: Statement
    opening: Opening
    helpline: Helpline
    clock: Clock
    randomness: Randomness
    texts: Texts
    pages: Pages

    def list(self, http_request: Request) -> Response:
        """List every session."""
        language = language_of(http_request)
        body = {"sessions": [self._session(each, language) for each in self.programme.all()]}
        return _kept(http_request, body, language)

    def get(self, http_request: Request, session_id: str) -> Response:
        """
        Show one session.

        Raises:
            NotFound: `session-unknown`.
        """
        language = language_of(http_request)
        return _kept(http_request, self._session(self.programme.get(session_id), language), language)

    def answers(self, http_request: Request, session_id: str) -> Response:
        """
        Give what was answered after `after`; whoever has it all is told so for one small read.

        Raises:
            NotFound: `session-unknown`.
            Malformed: `after` is no whole number.
        """
        language, after = language_of(http_request), place(http_request, "after")
        session = self.programme.get(session_id)
        state, last = self.programme.mark(session)
        etag = f'"{state.value}.{last}.{after}.{language}"'
        headers: Headers = {
            "Content-Type": "application/json",
            "Cache-Control": FOLLOWED,
            "Content-Language": language,
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
            "ETag": etag,
        }
        held = http_request.headers.get("if-none-match")
        if held and is_held(held, etag):
            return handed_out(http_request, Ready("", etag, headers))
        news = self.programme.news(session, after)
        body = {
            "session": session.id,
            "state": news.state.value,
            "answers": [self._entry(entry, language) for entry in news.entries],
            "last": news.last,
            "more": news.more,
        }
        return handed_out(http_request, Ready(_compact(body), etag, headers))

    def ask(self, http_request: Request, session_id: str) -> Response:
        """
        Take a question, from JSON or from a plain form.

        Raises:
            NotFound: `session-unknown`.
            Conflict: `session-not-open`, `session-ended`; and whatever intake refuses.
        """
        language = language_of(http_request)
        session = self.programme.get(session_id)
        if is_form(http_request):
            return self._ask_by_form(http_request, session, language)
        key = idempotency_key(http_request)
        body = json_body(http_request, QuestionSubmission, sealed=SealedQuestion)
        return self._accepted(self._submit(session, body, key, language), session, language, html=False)

    def _ask_by_form(self, http_request: Request, session: Session, language: str) -> Response:
        html = prefers_html(http_request)
        fields: dict[str, list[str]] = {}
        key: str | None = None
        proof: FormProof | None = None
        try:
            key = idempotency_key(http_request)
            fields = form_body(http_request)
            in_form = form_key(fields.pop("idempotency_key", None))
            key = key or in_form
            proof = FormProof(token="".join(fields.pop("form_token", [])), trapped=bool(fields.pop(TRAP, [])))
            accepted = self._submit(session, _from_form(fields), key, language, proof)
        except Refusal as refusal:
            if not html or isinstance(refusal, Unsupported):
                raise flattened(refusal) from None
            errors = [{"field": leaf(error.pointer), "code": error.code} for error in refusal.errors]
            errors = errors or [{"field": "", "code": refusal.code}]
            kept = None if refusal.code == "key-reused" or key is None else (key, proof)
            own = {name: values for name, values in fields.items() if name in {"text", "private", "statement_version"}}
            return self._form(session, language, own, errors, refusal.status, kept)
        return self._accepted(accepted, session, language, html=html)

    def _submit(
        self, session: Session, body: Asked, key: str | None, language: str, proof: FormProof | None = None
    ) -> Accepted:
        words: dict[str, Any] = (
            {"envelope": body.sealed.envelope()}
            if isinstance(body, SealedQuestion)
            else {"details": body.details.model_dump(exclude_none=True)}
        )
        submission = Submission(
            kind=Kind.QUESTION,
            statement_version=body.statement_version,
            **words,
            body=f"{Kind.QUESTION.value}\n{session.id}\n{body.model_dump_json()}".encode(),
            language=body.language,
            idempotency_key=key,
            altcha=body.altcha,
            form=proof,
            region=body.region,
            campaign=body.campaign or session.campaign,
        )
        try:
            return self.asking.ask(session.id, submission)
        except Conflict as conflict:
            if conflict.code != "statement-outdated":
                raise
            extra = {"statement": statement_answer(self.the_statement, language)}
            raise Conflict(conflict.code, pointer=conflict.pointer, extra=extra) from None

    def _accepted(self, accepted: Accepted, session: Session, language: str, *, html: bool) -> Response:
        request = accepted.request
        due = shapes.promised(request, self.helpline, language)
        steps = self.texts.next_steps(
            ("question", "question_unanswered", "keep_receipt", "read_mailbox_question", "emergency"), language
        )
        open_now, opens_at = self.opening.status(accepted.hours)
        zone = self.helpline.hours.zone
        opens = None if opens_at is None else local_times.moment(opens_at, zone, language)
        if html:
            page = self.pages.receipt(
                language=language,
                helpline=self._for_page(language),
                receipt="" if accepted.receipt is None else accepted.receipt.shown,
                reference=request.reference,
                due=due["local"],
                expires_on=local_times.day_and_year(request.expires_at.date(), language),
                kind=request.kind.value,
                open_now=open_now,
                opens_next=opens,
                next_steps=steps,
            )
            return shapes.page(page, self.pages.headers(language, status=201), 201)
        body = {
            **({} if accepted.receipt is None else {"receipt": accepted.receipt.shown}),
            "request_id": request.request_id,
            "reference": request.reference,
            "status": "waiting",
            "session": session.id,
            "due": due,
            "expires_on": request.expires_at.date().isoformat(),
            "line": {
                "open_now": open_now,
                "opens_at": None if opens_at is None else instant(opens_at),
                "opens_local": opens,
            },
            "next": steps,
        }
        return shapes.answer(body, status=201, headers={"Content-Language": language, "Vary": "Accept-Language"})

    # ---------------------------------------------------------------- pages

    def list_page(self, http_request: Request) -> Response:
        """Show which sessions there are."""
        language = language_of(http_request)
        page = self.pages.sessions(
            language=language,
            helpline=self._for_page(language),
            sessions=[self._session(each, language) for each in self.programme.all()],
        )
        return shapes.page(page, self.pages.headers(language, status=200), 200)

    def page(self, http_request: Request, session_id: str) -> Response:
        """
        Show a session with its answers, the newest first; where scripts run it follows by itself.

        Raises:
            NotFound: `session-unknown`.
            Malformed: `before` is no whole number.
        """
        language = language_of(http_request)
        session = self.programme.get(session_id)
        _, last = self.programme.mark(session)
        before = place(http_request, "before") or last + 1
        news = self.programme.news(session, max(before - SHOWN - 1, 0), limit=SHOWN)
        shown = [entry for entry in news.entries if entry.seq < before]
        page = self.pages.session(
            language=language,
            helpline=self._for_page(language),
            session=self._session(session, language),
            entries=[self._entry(entry, language) for entry in reversed(shown)],
            last=last,
            earlier=before - SHOWN if before > SHOWN + 1 else None,
            newest=before > last,
        )
        follows = session.state(self.clock.now()) in {State.OPEN, State.LIVE}
        return shapes.page(page, self.pages.headers(language, status=200, scripts=follows), 200)

    def form(self, http_request: Request, session_id: str) -> Response:
        """
        Show the form for a question; where none can be asked, the session's page says why.

        Raises:
            NotFound: `session-unknown`.
        """
        session = self.programme.get(session_id)
        if session.state(self.clock.now()) not in {State.OPEN, State.LIVE}:
            return self.page(http_request, session_id)
        return self._form(session, language_of(http_request), {}, (), 200)

    def _form(
        self,
        session: Session,
        language: str,
        values: Mapping[str, Sequence[str]],
        errors: Sequence[Mapping[str, str]],
        status: int,
        kept: tuple[str, FormProof | None] | None = None,
    ) -> Response:
        key, proof = kept or (urlsafe_b64encode(self.randomness.secret(24)).decode(), None)
        try:
            token = self.screening.form_token(key, before="" if proof is None else proof.token)
        except Unavailable:
            token = ""  # without the key for it the form still works, and is unverified
        page = self.pages.question_form(
            language=language,
            helpline=self._for_page(language),
            session=self._session(session, language),
            statement=statement_answer(self.the_statement, language),
            values=values,
            errors=errors,
            idempotency_key=key,
            form_token=token,
        )
        return shapes.page(page, self.pages.headers(language, status=status, scripts=True), status)

    def _session(self, session: Session, language: str) -> dict[str, Any]:
        return session_shape(session, language, self.clock, self.helpline)

    def _entry(self, entry: Answered, language: str) -> dict[str, Any]:
        return entry_shape(entry, language, self.helpline)

    def _for_page(self, language: str) -> dict[str, Any]:
        open_now, opens_at = self.opening.status(self.helpline.hours)
        return self.texts.helpline_for_page(language, open_now=open_now, opens_at=opens_at)


def session_shape(session: Session, language: str, clock: Clock, helpline: Helpline) -> dict[str, Any]:
    """Show a session in a language."""
    return {
        "id": session.id,
        "title": session.title[language],
        "summary": session.summary[language],
        "state": session.state(clock.now()).value,
        "opens_at": instant(session.opens_at),
        "starts_at": instant(session.starts_at),
        "ends_at": instant(session.ends_at),
        "local": local_times.occasion(session.starts_at, session.ends_at, helpline.hours.zone, language),
        "hosts": [{"name": host.name[language], "role": host.role[language]} for host in session.hosts],
        **({} if session.campaign is None else {"campaign": session.campaign}),
        "language": language,
    }


def entry_shape(entry: Answered, language: str, helpline: Helpline) -> dict[str, Any]:
    """Show an answer, by whoever gave it as they were announced then."""
    return {
        "id": entry.entry_id,
        "seq": entry.seq,
        "at": instant(entry.at),
        "local": local_times.clock(entry.at.astimezone(helpline.hours.zone)),
        "language": entry.language,
        "question": entry.question,
        "answer": entry.answer,
        "host": {"name": entry.host.name[language], "role": entry.host.role[language]},
        "retracted": entry.retracted,
    }


def _from_form(fields: Mapping[str, Sequence[str]]) -> Asked:
    """Put the names of the plain form where the JSON body has them."""
    sealed = "sealed" in fields
    allowed = {*_AROUND, "sealed"} if sealed else _FIELDS
    errors = [
        FieldError("" if name not in allowed else f"/{name}", "unknown-key" if name not in allowed else "repeated")
        for name, values in fields.items()
        if name not in allowed or len(values) != 1
    ]
    if errors:
        raise Invalid(tuple(errors))
    body: dict[str, Any] = {name: fields[name][0] for name in _AROUND if name in fields}
    if sealed:
        try:
            body["sealed"] = from_json(fields["sealed"][0], allow_inf_nan=False, cache_strings="none")
        except ValueError:
            raise Invalid((FieldError("/sealed", "invalid"),)) from None
        return validated(SealedQuestion, json.dumps(body))
    body["details"] = {name: fields[name][0] for name in ("text",) if name in fields}
    if "private" in fields:
        words = {"true": True, "on": True, "yes": True, "false": False}
        body["details"]["private"] = words.get(fields["private"][0], fields["private"][0])
    return validated(QuestionSubmission, json.dumps(body))


def place(http_request: Request, name: str) -> int:
    """
    Read a place in a transcript from the query, 0 if there is none.

    Raises:
        Malformed: it is no whole number, or too high.
    """
    text = query(http_request, name)
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= HIGHEST):  # noqa: PLR2004
        raise Malformed("invalid", pointer=f"/{name}")
    return int(text)


def _compact(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _kept(http_request: Request, body: Mapping[str, Any], language: str) -> Response:
    text = _compact(body)
    etag = f'"{sha256(text.encode()).hexdigest()}"'
    headers: Headers = {
        "Content-Type": "application/json",
        "Cache-Control": LISTED,
        "Content-Language": language,
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "ETag": etag,
    }
    return handed_out(http_request, Ready(text, etag, headers))
