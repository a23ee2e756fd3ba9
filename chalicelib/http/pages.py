"""
The pages a requester meets: plain HTML that works on an old phone, without scripts, cookies or a second file.

Where scripts run, the same pages seal in the browser (`static/page.js`).

Words live in `content/pages.<language>.toml`, shapes in `templates/`; this module only puts the two together. Every
page is a pure function of its arguments. The receipt appears on the page that hands it out and in hidden form fields,
and never in a title, a link or an address (DESIGN section 3.3).
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from chalicelib.http.models import EMAIL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from jinja2 import Environment

    from chalicelib.domain.packs import Leaflet

    Record: TypeAlias = Mapping[str, object]
    Words: TypeAlias = Mapping[str, Mapping[str, str]]
    Slot: TypeAlias = Mapping[str, str]

TEMPLATES = Path(__file__).parent / "templates"
OTHER_LANGUAGE = {"en": "cy", "cy": "en"}
FURTHER_SLOTS = 3
DAYS_OFFERED = 7  # open days; four lists of a whole month would weigh more than everything else, and calm nobody
RETRY_AFTER = "30"
ASKING = "connect-src 'self'"

# In the order of the page: the error summary follows it and links to nothing that is not there.
CALLBACK_FIELDS = (
    "statement_version", "concern", "phone", "slot", "also", "voicemail", "caller_id", "if_someone_else_answers",
    "code_word", "text_first", "name", "message", "language", "access_needs",
)  # fmt: skip
INFORMATION_FIELDS = ("statement_version", "concern", "message", "name", "email", "language")
QUESTION_FIELDS = ("statement_version", "text", "private")
MAILBOX_FIELDS = ("text", "slot", "confirm")
DEFAULTS = {"voicemail": ["never"], "caller_id": ["withheld"], "if_someone_else_answers": ["hang-up"]}


class Pages:
    """Every page, in the language asked for; *texts* gives the words of a language as parsed from its file."""

    def __init__(self, texts: Callable[[str], Mapping[str, object]]) -> None:
        self._texts = texts

    def headers(self, language: str, *, status: int, scripts: bool = False) -> dict[str, str]:
        """
        Say how a browser must treat a page: run nothing, fetch nothing, keep nothing, tell nobody where one came from.

        The only style allowed is the one that the page carries, by its hash; what runs is our own files, and nothing
        that stands in the page itself. Where *scripts* seal in the browser they may ask what is ours. A page that says
        "not now" (503) says when to try again.
        """
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Language": language,
            "Content-Security-Policy": f"{self._policy}; {ASKING}" if scripts else self._policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Vary": "Accept, Accept-Language",
        }
        return headers | {"Retry-After": RETRY_AFTER} if status == 503 else headers  # noqa: PLR2004

    def landing(self, *, language: str, helpline: Record) -> str:
        """Say what this is and who it is for, the phone first, then the ways to ask without ringing."""
        from chalicelib.domain.signposts import AUDIENCES  # noqa: PLC0415 - a form that is sent needs none

        return self._render("landing", language, helpline=helpline, audiences=tuple(AUDIENCES), switch="/")

    def help(  # noqa: PLR0913 - what the page shows
        self,
        *,
        language: str,
        helpline: Record,
        audience: str,
        address: str,
        page: Mapping[str, str],
        questions: Sequence[Mapping[str, str]],
        signposts: Sequence[Record],
        others: Sequence[Mapping[str, str]],
        linked_data: str,
    ) -> str:
        """
        Show what there is for one audience: the phone first, then what people ask, then where else there is help.

        *linked_data* is JSON that is safe inside markup; *address* is the page's own, in full, for search engines.
        """
        return self._render(
            "help",
            language,
            helpline=helpline,
            address=address,
            page=page,
            questions=questions,
            signposts=signposts,
            others=others,
            linked_data=linked_data,
            switch=f"/help/{audience}",
        )

    def campaign(
        self, *, language: str, helpline: Record, campaign: Record, slug: str, signposts: Sequence[Record]
    ) -> str:
        """Show a campaign: what it says, the phone, the forms, which then carry its code, and where else help is."""
        return self._render(
            "campaign",
            language,
            helpline=helpline,
            campaign=campaign,
            signposts=signposts,
            pack=f"/v1/campaigns/{slug}/pack",
            switch=f"/campaigns/{slug}",
        )

    def campaign_email(self, leaflet: Leaflet) -> str:
        """Write the e-mail that a campaign's partners send: it carries its styles, and nothing that reports back."""
        return self._templates.get_template("campaign_email.html").render(leaflet=leaflet)

    def request_form(  # noqa: PLR0913 - what the page shows
        self,
        *,
        language: str,
        helpline: Record,
        kind: str,
        statement: Record,
        slots: Sequence[Slot],
        values: Mapping[str, str | Sequence[str]],
        errors: Iterable[Mapping[str, str]],
        idempotency_key: str,
        form_token: str,
        campaign: str | None = None,
    ) -> str:
        """
        Ask for a call back or for information, the limits of confidentiality first.

        *values* refills what was typed after an error; *errors* are `{field, code}`, shown in a summary that links to
        the fields, and beside each field. The language link is left out while something typed could be lost by it.
        *campaign* is the code by which somebody came, where it is one of ours.
        """
        fields = CALLBACK_FIELDS if kind == "callback" else INFORMATION_FIELDS
        mistakes = self._mistakes(language, errors, fields)
        return self._render(
            "request_form",
            language,
            helpline=helpline,
            kind=kind,
            statement=statement,
            days=_by_day(slots),
            further=range(FURTHER_SLOTS),
            filled={**DEFAULTS, "language": [language], **_filled(values)},
            mistakes=mistakes,
            wrong=_first_of_each(mistakes),
            idempotency_key=idempotency_key,
            form_token=form_token,
            email_pattern=EMAIL.strip("^$"),
            campaign=campaign,
            switch=None
            if mistakes or values
            else f"/request?kind={kind}&{f'campaign={campaign}&' if campaign else ''}",
        )

    def receipt(  # noqa: PLR0913 - what the page shows
        self,
        *,
        language: str,
        helpline: Record,
        receipt: str,
        reference: str,
        due: str | None,
        expires_on: str | None,
        kind: str,
        open_now: bool,
        opens_next: str | None,
        next_steps: Sequence[str],
        checked: str | None = None,
    ) -> str:
        """
        Hand over the receipt, once, and say plainly that nobody can find it again.

        *checked* is how the note compared, when somebody has tried: `right`, or the code of what is wrong with it.
        Without *due* the page is about the code alone. There is no language link: following one would lose the only
        page that shows the receipt.
        """
        errors = [] if checked in (None, "right") else [{"field": "ending", "code": checked}]
        mistakes = self._mistakes(language, errors, ("ending",))
        return self._render(
            "receipt",
            language,
            helpline=helpline,
            receipt=receipt,
            reference=reference,
            due=due,
            expires_on=expires_on,
            kind=kind,
            open_now=open_now,
            opens_next=opens_next,
            next_steps=next_steps,
            kept=checked == "right",
            mistakes=mistakes,
            wrong=_first_of_each(mistakes),
            filled={},
        )

    def mailbox_door(self, *, language: str, helpline: Record, error: str | None) -> str:
        """Ask for the receipt code; *error* is a code such as `receipt-unknown` or `required`."""
        errors = [] if error is None else [{"field": "receipt", "code": error}]
        mistakes = self._mistakes(language, errors, ("receipt",))
        return self._render(
            "mailbox_door",
            language,
            helpline=helpline,
            mistakes=mistakes,
            wrong=_first_of_each(mistakes),
            filled={},
            switch="/mailbox",
        )

    def mailbox(  # noqa: PLR0913 - what the page shows
        self,
        *,
        language: str,
        helpline: Record,
        receipt: str,
        status: str,
        reference: str,
        kind: str,
        slot_local: str | None,
        answer_by: str | None,
        messages: Sequence[Record],
        slots: Sequence[Slot],
        can_choose_slot: bool,
        expires_on: str,
        notice: str | None,
        errors: Iterable[Mapping[str, str]] = (),
        values: Mapping[str, str | Sequence[str]] | None = None,
        can_write: bool = True,
    ) -> str:
        """
        Show what has been written so far, and what one can do: write, choose another time, withdraw.

        The receipt travels on in hidden fields. *notice* is a key of `[notices]` or `[notes]`; *errors* and *values*
        bring back a message that could not be kept, so that nobody has to write it twice.
        """
        mistakes = self._mistakes(language, errors, MAILBOX_FIELDS)
        return self._render(
            "mailbox",
            language,
            helpline=helpline,
            receipt=receipt,
            status=status,
            reference=reference,
            kind=kind,
            slot_local=slot_local,
            answer_by=answer_by,
            messages=messages,
            days=_by_day(slots),
            can_choose_slot=can_choose_slot,
            can_write=can_write,
            expires_on=expires_on,
            notice=notice,
            filled=_filled(values or {}),
            mistakes=mistakes,
            wrong=_first_of_each(mistakes),
        )

    def sessions(self, *, language: str, helpline: Record, sessions: Sequence[Record]) -> str:
        """Show which live sessions there are, those ahead first."""
        return self._render("sessions", language, helpline=helpline, sessions=sessions, switch="/sessions")

    def session(
        self,
        *,
        language: str,
        helpline: Record,
        session: Record,
        entries: Sequence[Record],
        last: int,
        earlier: int | None,
        newest: bool,
    ) -> str:
        """
        Show who answers and when, and what has been answered, the newest first.

        *last* is where a script goes on following; *earlier* leads to the page before.
        """
        return self._render(
            "session",
            language,
            helpline=helpline,
            session=session,
            entries=entries,
            last=last,
            earlier=earlier,
            newest=newest,
            switch=f"/sessions/{session['id']}",
        )

    def question_form(  # noqa: PLR0913 - what the page shows
        self,
        *,
        language: str,
        helpline: Record,
        session: Record,
        statement: Record,
        values: Mapping[str, str | Sequence[str]],
        errors: Iterable[Mapping[str, str]],
        idempotency_key: str,
        form_token: str,
    ) -> str:
        """Ask the hosts of a session, the limits of confidentiality first."""
        mistakes = self._mistakes(language, errors, QUESTION_FIELDS)
        return self._render(
            "question_form",
            language,
            helpline=helpline,
            session=session,
            statement=statement,
            filled={"private": ["false"], **_filled(values)},
            mistakes=mistakes,
            wrong=_first_of_each(mistakes),
            idempotency_key=idempotency_key,
            form_token=form_token,
            switch=None if mistakes or values else f"/sessions/{session['id']}/ask",
        )

    def withdrawn(self, *, language: str, helpline: Record) -> str:
        """Confirm that the request is gone, and say what that means."""
        return self._render("withdrawn", language, helpline=helpline, switch="/")

    def problem(self, *, language: str, helpline: Record, status: int, code: str) -> str:
        """Say calmly that something did not work, what to do now, and how else to reach help."""
        texts = self._texts(language)
        known: Words = texts["problem_pages"]  # type: ignore[assignment]
        return self._render(
            "problem",
            language,
            helpline=helpline,
            words=known.get(code) or known.get(str(status)) or known["other"],
            code=code,
            switch="/",
        )

    def privacy(self, *, language: str, helpline: Record) -> str:
        """Say in plain words what is kept, what is not, who can read what, and what we cannot protect from."""
        return self._render("privacy", language, helpline=helpline, switch="/privacy")

    def reach(
        self,
        *,
        language: str,
        helpline: Record,
        report: Record,
        asked: Mapping[str, str],
        choices: Mapping[str, Sequence[tuple[str, str]]],
        address: str,
        switch: str,
    ) -> str:
        """Show how many people asked for help: in a sentence, a chart and a table; *address* is the report's own."""
        return self._render(
            "reach",
            language,
            helpline=helpline,
            report=report,
            asked=asked,
            choices=choices,
            address=address,
            switch=switch,
        )

    def _render(self, name: str, language: str, **context: object) -> str:
        template = self._templates.get_template(f"{name}.html")
        other = OTHER_LANGUAGE[language]
        return template.render(
            {"switch": None} | context,
            t=self._texts(language),
            language=language,
            other=other,
            other_texts=self._texts(other),
            style=self._style,
        )

    def _mistakes(
        self, language: str, errors: Iterable[Mapping[str, str]], fields: Sequence[str]
    ) -> list[dict[str, str | None]]:
        """Put errors into words, in the order of the page; `field` is None where the page has no such field."""
        texts = self._texts(language)
        generic, labels = _words(texts, "errors"), _words(texts, "labels")
        particular: Words = texts["errors_for"]  # type: ignore[assignment]
        mistakes: list[dict[str, str | None]] = []
        for error in errors:
            field, code = error["field"], error["code"]
            text = generic.get(code, generic["other"])
            own = particular.get(field, {}).get(code)
            known = field in fields
            summary = own or (f"{labels[field]}: {text}" if known else text)
            mistakes.append({"field": field if known else None, "text": own or text, "summary": summary})
        return sorted(mistakes, key=lambda each: -1 if each["field"] is None else fields.index(each["field"]))

    @cached_property
    def _style(self) -> str:
        return (TEMPLATES / "quietline.css").read_text(encoding="utf-8")

    @cached_property
    def _policy(self) -> str:
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'self'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )

    @cached_property
    def _templates(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only pages pay for it

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters["fill"] = str.format
        environment.filters["dial"] = lambda phone: re.sub(r"[^\d+]", "", phone)
        return environment


def _words(texts: Mapping[str, object], section: str) -> Mapping[str, str]:
    return texts[section]  # type: ignore[return-value]


def _filled(values: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else list(value) for name, value in values.items()}


def _first_of_each(mistakes: Iterable[Mapping[str, str | None]]) -> dict[str, str | None]:
    """What is said beside a field: the first thing that is wrong with it is enough to go on."""
    return {str(each["field"]): each["text"] for each in reversed(list(mistakes))}


def _by_day(slots: Iterable[Slot]) -> list[tuple[str, list[Slot]]]:
    """The windows of the next open days under their day's heading, in the order given."""
    days = groupby(slots, key=itemgetter("day"))
    return [(day, list(windows)) for day, windows in islice(days, DAYS_OFFERED)]
