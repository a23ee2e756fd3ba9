"""The desk on the wire: each handler asks who it is, parses, calls one use case, and shapes the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.domain.audit import ERASURES
from chalicelib.domain.errors import Conflict, Malformed
from chalicelib.domain.requests import Outcome
from chalicelib.domain.slots import Window, floor_to_hour
from chalicelib.http import shapes
from chalicelib.http.desk_models import (
    AttemptSubmission,
    ClaimSubmission,
    CloseSubmission,
    ClosuresSubmission,
    NoteSubmission,
    ReleaseSubmission,
    RenewSubmission,
    ReplySubmission,
)
from chalicelib.http.local_times import instant
from chalicelib.http.public import idempotency_key
from chalicelib.http.reading import content_language, json_body, language_of, query
from chalicelib.usecases.casework import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from chalice.app import Request, Response

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.partners import Consents, Referral
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.http.access import Access
    from chalicelib.http.desk_models import ClosureSpan, Fenced
    from chalicelib.ports import Clock
    from chalicelib.usecases.auditing import Auditing
    from chalicelib.usecases.casework import Casework, Claimed
    from chalicelib.usecases.doorbell import Doorkeeping
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.signposting import Signposting

READ, CLAIM, SUPERVISE, AUDIT = "queue:read", "queue:claim", "queue:supervise", "audit:read"
AUDIT_PAGE = 1000
_LANE_FIELDS = ("waiting", "due_soon", "overdue", "claimed", "parked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Handlers of the desk face."""

    access: Access
    casework: Casework
    auditing: Auditing
    opening: Opening
    clock: Clock
    helpline: Helpline
    doorkeeping: Doorkeeping
    signposting: Signposting
    signpost_link: Callable[[str, str], dict[str, Any] | None]
    consents: Callable[[], Consents]

    def me(self, http_request: Request) -> Response:
        """Say who is signed in and what they may do, so that a page offers nothing that would be refused."""
        person = self.access.anybody(http_request)
        return shapes.answer({"subject": person.subject, "scopes": sorted(person.scopes)})

    def queue(self, http_request: Request) -> Response:
        """Show how each lane stands."""
        self.access.person(http_request, READ)
        now = self.clock.now()
        lanes = []
        for state in self.casework.queue():
            kind, language = state.lane.split("/")
            hours = None if state.oldest_at is None else int((now - state.oldest_at) / timedelta(hours=1))
            counts = {name: getattr(state, name) for name in _LANE_FIELDS}
            lanes.append({"kind": kind, "language": language, "oldest_wait_hours": hours, **counts})
        rung_at = self.doorkeeping.rung_at
        return shapes.answer({"lanes": lanes, "rung_at": None if rung_at is None else instant(rung_at)})

    def claim(self, http_request: Request) -> Response:
        """Hand out a request; 204 when nothing is claimable."""
        person = self.access.person(http_request, CLAIM)
        body = json_body(http_request, ClaimSubmission) if http_request.raw_body else ClaimSubmission()
        claimed = self.casework.claim(
            person.subject,
            kinds=body.kinds,
            languages=body.languages,
            reference=None if body.reference is None else "-".join(body.reference.lower().replace("-", " ").split()),
            lease=None if body.lease_minutes is None else timedelta(minutes=body.lease_minutes),
            token=idempotency_key(http_request),
        )
        if claimed is None:
            return shapes.nothing()
        return shapes.answer(self._claimed(claimed, language_of(http_request)), status=201)

    def claims(self, http_request: Request) -> Response:
        """List my live claims."""
        person = self.access.person(http_request, CLAIM)
        held = self.casework.held(person.subject)
        return shapes.answer(
            {
                "claims": [
                    {
                        **_claim(request, self.clock.now()),
                        "kind": request.kind.value,
                        "language": request.language,
                        "reference": request.reference,
                    }
                    for request in held
                ]
            }
        )

    def renew(self, http_request: Request, request_id: str) -> Response:
        """Extend a live claim."""
        hold, body = self._hold(http_request, request_id, RenewSubmission)
        lease = None if body.lease_minutes is None else timedelta(minutes=body.lease_minutes)
        return shapes.answer({"claim": _claim(self.casework.renew(hold, lease=lease), self.clock.now())})

    def release(self, http_request: Request, request_id: str) -> Response:
        """Give a request back."""
        hold, body = self._hold(http_request, request_id, ReleaseSubmission)
        return self._progress(self.casework.release(hold, reason=body.reason), http_request)

    def attempt(self, http_request: Request, request_id: str) -> Response:
        """Record a call that did not reach the requester."""
        hold, body = self._hold(http_request, request_id, AttemptSubmission)
        return self._progress(self.casework.attempt(hold, body.result), http_request)

    def reply(self, http_request: Request, request_id: str) -> Response:
        """Write to the requester."""
        hold, body = self._hold(http_request, request_id, ReplySubmission)
        self._check_signposts(body.signposts)
        replied = self.casework.reply(
            hold,
            body.text,
            signposts=body.signposts,
            mail=partial(self._mail, body.text, body.signposts) if body.by_email else None,
            idempotency_key=idempotency_key(http_request),
        )
        progress = shapes.progress(replied.request, self.helpline.hours.zone, language_of(http_request))
        return shapes.answer({**progress, "emailed": replied.emailed}, status=201)

    def note(self, http_request: Request, request_id: str) -> Response:
        """Leave a note for a colleague."""
        hold, body = self._hold(http_request, request_id, NoteSubmission)
        request = self.casework.note(hold, body.text, idempotency_key=idempotency_key(http_request))
        return self._progress(request, http_request, 201)

    def close(self, http_request: Request, request_id: str) -> Response:
        """Finish a request."""
        hold, body = self._hold(http_request, request_id, CloseSubmission)
        self._check_signposts(body.signposts)
        request = self.casework.close(
            hold, Outcome(body.outcome), agreed_actions=body.agreed_actions, signposts=body.signposts
        )
        return self._progress(request, http_request)

    def signposts(self, http_request: Request) -> Response:
        """
        List what can be sent along with a reply, in the `language` of whoever is to read it.

        Raises:
            Malformed: `language` is empty, given twice, or neither `en` nor `cy`.
        """
        self.access.person(http_request, CLAIM)
        language = content_language(http_request)
        offered = [
            {**link, "audience": each.audience}
            for each in self.signposting.find()
            if (link := self.signpost_link(each.id, language)) is not None
        ]
        return shapes.answer({"signposts": offered, "language": language})

    def aside(self, http_request: Request) -> Response:
        """Show a supervisor what the queue no longer hands out, and who holds what."""
        self.access.person(http_request, SUPERVISE)
        aside, language = self.casework.aside(), language_of(http_request)
        return shapes.answer(
            {
                "parked": [self._head(request, language) for request in aside.parked],
                "missed": [self._head(request, language) for request in aside.missed],
                "claims": [self._head(request, language) for request in aside.claimed],
                "people": [
                    {
                        "person": person,
                        "opened": verbs.get("open", 0),
                        "released": verbs.get("release", 0),
                        "closed": verbs.get("close", 0),
                    }
                    for person, verbs in aside.people.items()
                ],
                "closures": self._closures(),
            }
        )

    def unpark(self, http_request: Request, request_id: str) -> Response:
        """Put a parked request back."""
        person = self.access.person(http_request, SUPERVISE)
        return self._progress(self.casework.unpark(person.subject, request_id), http_request)

    def expel(self, http_request: Request, request_id: str) -> Response:
        """Take back a leaver's claim."""
        person = self.access.person(http_request, SUPERVISE)
        return self._progress(self.casework.expel(person.subject, request_id), http_request)

    def close_line(self, http_request: Request) -> Response:
        """
        Close the line for a time.

        Raises:
            Conflict: `impossible-closure`, one ends before it starts, or lies outside the calendar.
        """
        person = self.access.person(http_request, SUPERVISE)
        body = json_body(http_request, ClosuresSubmission)
        closures = [_closure(span, at) for at, span in enumerate(body.closures)]
        self.casework.close_line(person.subject, closures)
        return shapes.answer({"closures": self._closures()})

    def audit(self, http_request: Request) -> Response:
        """
        Show a page of the trail, and whether the whole of it holds together.

        Raises:
            Malformed: `after` or `limit` is no number in range.
        """
        self.access.person(http_request, AUDIT)
        after, limit = _number(http_request, "after", 0, 0), _number(http_request, "limit", AUDIT_PAGE, 1)
        page = self.auditing.page(after=after, limit=min(limit, AUDIT_PAGE))
        return shapes.answer(
            {
                "entries": [
                    {
                        "seq": entry.seq,
                        "at": instant(entry.deed.at),
                        "actor": entry.deed.actor,
                        "verb": entry.deed.verb,
                        "request_id": entry.deed.request_id,
                        "number": entry.deed.number,
                        "about": entry.deed.about,
                        "mac": entry.mac,
                    }
                    for entry in page.entries
                ],
                "count": page.count,
                "verified": page.broken_at is None,
                "broken_at": page.broken_at,
                "next_after": page.entries[-1].seq if page.entries and page.entries[-1].seq < page.count else None,
            }
        )

    def erasures(self, http_request: Request) -> Response:
        """
        Show a page of what was erased, and whether the trail that says so holds together.

        Raises:
            Malformed: `after` or `limit` is no number in range.
        """
        self.access.person(http_request, AUDIT)
        after, limit = _number(http_request, "after", 0, 0), _number(http_request, "limit", AUDIT_PAGE, 1)
        page = self.auditing.erasures(after=after, limit=min(limit, AUDIT_PAGE))
        return shapes.answer(
            {
                "erasures": [
                    {
                        "seq": entry.seq,
                        "at": instant(floor_to_hour(entry.deed.at)),
                        "request_id": entry.deed.request_id,
                        **ERASURES[entry.deed.verb]._asdict(),
                        "by": entry.deed.actor,
                        "mac": entry.mac,
                    }
                    for entry in page.entries
                ],
                "verified": page.broken_at is None,
                "broken_at": page.broken_at,
                "next_after": page.next_after,
            }
        )

    def _hold(self, http_request: Request, request_id: str, model: type[Any]) -> tuple[Hold, Any]:
        person = self.access.person(http_request, CLAIM)
        body: Fenced = json_body(http_request, model)
        return Hold(practitioner=person.subject, request_id=request_id, number=body.number), body

    def _mail(self, text: str, signposts: Sequence[str], language: str) -> str:
        links = [link for each in signposts if (link := self.signpost_link(each, language)) is not None]
        lines = ["\n".join(str(link[part]) for part in ("name", "phone", "url") if part in link) for link in links]
        return "\n\n".join([text, *lines]) + "\n"

    def _check_signposts(self, ids: Sequence[str]) -> None:
        for at, each in enumerate(ids):
            if self.signpost_link(each, "en") is None:
                raise Conflict("signpost-unknown", pointer=f"/signposts/{at}")

    def _progress(self, request: ContactRequest, http_request: Request, status: int = 200) -> Response:
        zone = self.helpline.hours.zone
        return shapes.answer(shapes.progress(request, zone, language_of(http_request)), status=status)

    def _claimed(self, claimed: Claimed, language: str) -> dict[str, Any]:
        request, opened, now = claimed.request, claimed.opened, self.clock.now()
        zone, ring_until = self.helpline.hours.zone, request.ring_until(now)
        return {
            "claim": _claim(request, now),
            "request": {
                "kind": request.kind.value,
                "language": request.language,
                "interpreter": request.language.lower().split("-")[0] not in ("en", "cy"),
                "reference": request.reference,
                "slot": shapes.slot(request.slot, zone, language),
                "due": shapes.due(request, zone, language),
                "overdue": request.is_overdue(now),
                "may_ring_now": request.may_be_rung(now),
                "ring_until": None if ring_until is None else instant(ring_until),
                "attempts": request.attempts,
                "lapses": request.lapses,
                "details": opened.details,
                "unreadable": opened.unreadable,
                "messages": shapes.letters(opened.messages, self.signpost_link, language),
                "notes": shapes.letters(opened.notes, self.signpost_link, language),
                "referral": None if request.referral is None else self._origin(request.referral),
            },
        }

    def _origin(self, referral: Referral) -> dict[str, Any]:
        """Show who referred, and what the person agreed to, in the words of then."""
        words, language = self.consents().every.get(referral.consent_version), referral.consent_language
        return {
            "partner": referral.partner,
            "consent": {
                "version": referral.consent_version,
                "language": language,
                "how": referral.how,
                "given_on": referral.given_on.isoformat(),
                "title": None if words is None else words.title[language],
                "text": [] if words is None else [*words.summary[language], *words.text[language]],
            },
        }

    def _head(self, request: ContactRequest, language: str) -> dict[str, Any]:
        lease_until = request.lease_until
        return {
            "request_id": request.request_id,
            "kind": request.kind.value,
            "language": request.language,
            "reference": request.reference,
            "status": request.status.value,
            "number": request.number,
            "lapses": request.lapses,
            "attempts": request.attempts,
            "due": shapes.due(request, self.helpline.hours.zone, language),
            "claimed_by": request.claimed_by,
            "lease_until": None if lease_until is None else instant(lease_until),
        }

    def _closures(self) -> list[Mapping[str, str]]:
        return [
            {"starts_at": instant(shut.starts_at), "ends_at": instant(shut.ends_at)}
            for shut in self.opening.store.closures()
        ]


def _claim(request: ContactRequest, now: datetime) -> dict[str, Any]:
    """Show a hold; *lease_seconds* is for those whose clock is not ours."""
    lease_until = request.lease_until or now
    return {
        "request_id": request.request_id,
        "number": request.number,
        "lease_until": instant(lease_until),
        "lease_seconds": max(0, int((lease_until - now).total_seconds())),
    }


def _closure(span: ClosureSpan, at: int) -> Window:
    try:
        window = Window(starts_at=span.starts_at.astimezone(UTC), ends_at=span.ends_at.astimezone(UTC))
    except OverflowError:
        raise Conflict("impossible-closure", pointer=f"/closures/{at}") from None
    if window.ends_at <= window.starts_at:
        raise Conflict("impossible-closure", pointer=f"/closures/{at}/ends_at")
    return window


def _number(http_request: Request, name: str, default: int, low: int) -> int:
    text = query(http_request, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) >= low):  # noqa: PLR2004
        raise Malformed("invalid", pointer=f"/{name}")
    return int(text)
