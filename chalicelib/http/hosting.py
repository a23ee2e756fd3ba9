"""Live sessions at the desk: hosts are handed one question after the other, and answer, decline or put it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.domain.sessions import Decline
from chalicelib.http import shapes
from chalicelib.http.local_times import instant
from chalicelib.http.public import idempotency_key
from chalicelib.http.reading import json_body, language_of
from chalicelib.http.session_models import DeclineSubmission, PrivateAnswer, PublicAnswer, PutBackSubmission
from chalicelib.http.sessions import entry_shape, place, session_shape
from chalicelib.usecases.casework import Hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Request, Response

    from chalicelib.domain.helpline import Helpline
    from chalicelib.http.access import Access
    from chalicelib.ports import Clock
    from chalicelib.usecases.casework import Claimed
    from chalicelib.usecases.sessions import Hosting

HOST = "session:host"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDesk:
    """Handlers for the hosts of live sessions."""

    access: Access
    hosting: Hosting
    clock: Clock
    helpline: Helpline
    words: Callable[[str, str], str]

    def sessions(self, http_request: Request) -> Response:
        """List the sessions, and count what waits."""
        self.access.person(http_request, HOST)
        language = language_of(http_request)
        shown = [session_shape(each, language, self.clock, self.helpline) for each in self.hosting.programme.all()]
        return shapes.answer({"sessions": shown, "waiting": self.hosting.waiting()})

    def answers(self, http_request: Request, session_id: str) -> Response:
        """Show what everybody may read, for the desk that is served alone."""
        self.access.person(http_request, HOST)
        programme, language = self.hosting.programme, language_of(http_request)
        session = programme.get(session_id)
        news = programme.news(session, place(http_request, "after"))
        return shapes.answer(
            {
                "session": session.id,
                "state": news.state.value,
                "answers": [entry_shape(entry, language, self.helpline) for entry in news.entries],
                "last": news.last,
                "more": news.more,
            }
        )

    def next(self, http_request: Request, session_id: str) -> Response:
        """Hand out the next question; 204 when none waits."""
        person = self.access.person(http_request, HOST)
        claimed = self.hosting.next(person.subject, session_id, token=idempotency_key(http_request))
        return shapes.nothing() if claimed is None else shapes.answer(self._in_hand(claimed), status=201)

    def answer(self, http_request: Request, session_id: str, request_id: str) -> Response:
        """Answer for everybody."""
        hold, body = self._hold(http_request, request_id, PublicAnswer)
        entry = self.hosting.answer_publicly(
            hold, session_id, question=body.question, answer=body.answer, host=body.host
        )
        return shapes.answer({"status": "closed", "id": entry.entry_id, "seq": entry.seq}, status=201)

    def answer_privately(self, http_request: Request, session_id: str, request_id: str) -> Response:
        """Answer in the mailbox."""
        hold, body = self._hold(http_request, request_id, PrivateAnswer)
        self.hosting.answer_privately(hold, session_id, answer=body.answer)
        return shapes.answer({"status": "closed"}, status=201)

    def decline(self, http_request: Request, session_id: str, request_id: str) -> Response:
        """Say kindly why a question is not answered here."""
        hold, body = self._hold(http_request, request_id, DeclineSubmission)
        self.hosting.decline(hold, session_id, Decline(body.reason), words=self.words)
        return shapes.answer({"status": "closed"})

    def release(self, http_request: Request, session_id: str, request_id: str) -> Response:
        """Leave a question to a colleague, or for later."""
        hold, _ = self._hold(http_request, request_id, PutBackSubmission)
        self.hosting.put_back(hold, session_id)
        return shapes.answer({"status": "waiting"})

    def retract(self, http_request: Request, session_id: str, entry_id: str) -> Response:
        """Take a public answer back."""
        person = self.access.person(http_request, HOST)
        entry = self.hosting.retract(person.subject, session_id, entry_id)
        return shapes.answer({"status": "closed", "id": entry.entry_id, "seq": entry.seq})

    def _hold(self, http_request: Request, request_id: str, model: type[Any]) -> tuple[Hold, Any]:
        person = self.access.person(http_request, HOST)
        body = json_body(http_request, model)
        return Hold(practitioner=person.subject, request_id=request_id, number=body.number), body

    def _in_hand(self, claimed: Claimed) -> dict[str, Any]:
        request, opened = claimed.request, claimed.opened
        lease_until = request.lease_until or self.clock.now()
        left = (lease_until - self.clock.now()) / timedelta(seconds=1)
        return {
            "claim": {
                "request_id": request.request_id,
                "number": request.number,
                "lease_until": instant(lease_until),
                "lease_seconds": max(0, int(left)),
            },
            "question": {
                "language": request.language,
                "reference": request.reference,
                "lapses": request.lapses,
                "details": opened.details,
                "unreadable": opened.unreadable,
            },
        }
