"""
Live sessions: people ask without a name, hosts answer in public or in private, and everybody reads along.

A question lives as any request does: sealed on arrival, handed to one host at a time, erased with its key. What is
answered in public is written down apart from it, in the words that the host lets stand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import ClaimLost, Conflict, NotFound
from chalicelib.domain.requests import Kind, Outcome
from chalicelib.domain.sessions import Answered, State, entry_of, problems_of_session, session_of
from chalicelib.usecases import shredding
from chalicelib.usecases.casework import hold_of
from chalicelib.usecases.shredding import MARKED_FOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from chalicelib.domain.sessions import Decline, Session
    from chalicelib.ports import Clock, ShredKeys, Transcripts, Version
    from chalicelib.usecases.casework import Casework, Claimed, Hold
    from chalicelib.usecases.intake import Accepted, Intake, Submission

PAGE = 200
"""Entries of a transcript in one answer."""
LEASE = timedelta(minutes=10)
"""How long a host holds a question: a session has an hour for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new in a transcript: *last* is what to ask after next, *more* that there is more to be had at once."""

    state: State
    entries: tuple[Answered, ...]
    last: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """
    Which sessions there are, and what has been answered in them: for everybody.

    *packaged* are those that travel with the code, *published* what editors have put in their place or added since.
    """

    packaged: Callable[[], Sequence[Session]]
    published: Callable[[], Sequence[Version]]
    transcripts: Transcripts
    clock: Clock

    def sessions(self) -> tuple[Session, ...]:
        """Give every session as it is out now; a record that cannot be read is passed over."""
        found = {each.id: each for each in self.packaged()}
        for version in self.published():
            session = _read(version)
            if version.body is None:
                found.pop(version.record_id, None)
            elif session is not None:
                found[version.record_id] = session
        return tuple(found.values())

    def all(self) -> tuple[Session, ...]:
        """List every session, the next to end first, those that are over last and the latest of them first."""
        now = self.clock.now()
        ahead = sorted((each for each in self.sessions() if each.ends_at > now), key=lambda each: each.ends_at)
        over = sorted((each for each in self.sessions() if each.ends_at <= now), key=lambda each: each.ends_at)
        return (*ahead, *reversed(over))

    def get(self, session_id: str) -> Session:
        """
        Find one session.

        Raises:
            NotFound: `session-unknown`.
        """
        found = next((each for each in self.sessions() if each.id == session_id), None)
        if found is None:
            raise NotFound("session-unknown")
        return found

    def mark(self, session: Session) -> tuple[State, int]:
        """Tell in one small read whether there is news: the state, and the last entry's number."""
        state = session.state(self.clock.now())
        return state, self.transcripts.last(session.id) if state in {State.LIVE, State.ENDED} else 0

    def news(self, session: Session, after: int, *, limit: int = PAGE) -> News:
        """Read what came after entry *after*; nothing before the session is live."""
        state = session.state(self.clock.now())
        if state not in {State.LIVE, State.ENDED}:
            return News(state=state, entries=(), last=0, more=False)
        entries = self.transcripts.after(session.id, after, limit=limit + 1)
        more = len(entries) > limit
        entries = entries[:limit]
        return News(state=state, entries=entries, last=entries[-1].seq if entries else after, more=more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The requester's verb: *ask*."""

    programme: Programme
    intake: Intake

    def ask(self, session_id: str, submission: Submission) -> Accepted:
        """
        Take a question, sealed and queued as any request.

        Raises:
            NotFound: `session-unknown`.
            Conflict: `session-not-open`, `session-ended`, and whatever intake refuses.
        """
        session = self.programme.get(session_id)
        return self.intake.submit(submission, into=session)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """The hosts' verbs: *next, answer, decline, put back, retract*."""

    programme: Programme
    casework: Casework
    transcripts: Transcripts
    shred_keys: ShredKeys
    clock: Clock

    def waiting(self) -> int:
        """Count the questions that wait for a host."""
        now = self.clock.now()
        lanes = self.casework.store.lanes(now=now, soon=now)
        return sum(each.waiting for each in lanes if each.lane in requests.QUESTION_LANES)

    def next(self, host: str, session_id: str, *, token: str | None = None) -> Claimed | None:
        """
        Hand out the next question of a session, one that the host holds already before others; None if none waits.

        What was answered in public by somebody who could not finish is closed on the way, and not handed out again.

        Raises:
            NotFound: `session-unknown`.
            Conflict: `claim-limit`.
            Unavailable: `key-missing`.
        """
        session = self.programme.get(session_id)
        held = next((each for each in self.casework.questions_of(host) if each.session == session.id), None)
        if held is not None and self._is_open(session, held.request_id):
            return self.casework.open_again(hold_of(held))
        while True:
            claimed = self.casework.take(
                host, requests.QUESTION_LANES, lease=LEASE, token=token, only=lambda met: met.session == session.id
            )
            if claimed is None:
                return None
            entry = self.transcripts.find(session.id, entry_of(claimed.request.request_id))
            if entry is None or entry.retracted:
                return claimed
            self.casework.finish(hold_of(claimed.request), Outcome.ANSWERED, "answer-public", {"text": entry.answer})
            token = None  # it has named what was just closed; the next one is asked for anew

    def answer_publicly(self, hold: Hold, session_id: str, *, question: str, answer: str, host: int) -> Answered:
        """
        Write an answer into the transcript, with the question as the host lets it stand, and into the mailbox.

        Raises:
            ClaimLost: the question is no longer the host's: it lapsed, was withdrawn, or the session is over.
            NotFound: `session-unknown`.
            Conflict: `private`, whoever asked wants no public answer; `unreadable`, and so cannot be shown to agree to
                one; `host-unknown`; `session-not-live`; `answer-retracted`, it was answered and taken back before.
        """
        session = self.programme.get(session_id)
        if session.state(self.clock.now()) is not State.LIVE:
            raise Conflict("session-not-live")
        if not 0 <= host < len(session.hosts):
            raise Conflict("host-unknown", pointer="/host")
        try:
            request, details = self.casework.question(hold)
        except ClaimLost:
            known = self.transcripts.find(session.id, entry_of(hold.request_id))
            if known is not None and (known.question, known.answer) == (question, answer):
                return known  # it was written, and only the news of it was lost
            raise
        self._belongs(request, session)
        if details is None:
            raise Conflict("unreadable")
        if details.get("private"):
            raise Conflict("private", pointer="/private")
        entry = self.transcripts.add(
            session.id,
            Answered(
                entry_id=entry_of(hold.request_id),
                seq=0,
                at=_minute(self.clock.now()),
                language=requests.lane_language(request.language),
                question=question,
                answer=answer,
                host=session.hosts[host],
            ),
        )
        if entry.retracted:
            raise Conflict("answer-retracted")
        try:
            self.casework.finish(hold, Outcome.ANSWERED, "answer-public", {"text": entry.answer})
        except ClaimLost:
            self._take_back_if_withdrawn(hold, session)
            raise
        return entry

    def answer_privately(self, hold: Hold, session_id: str, *, answer: str) -> None:
        """
        Answer in the mailbox of whoever asked, and nowhere else.

        Raises:
            ClaimLost, NotFound: as above.
            Conflict: `unreadable`, there is no mailbox to write into; `answered-already`, in public, by a try that
                failed half-way: it is finished now.
        """
        self._unanswered(hold, self.programme.get(session_id))
        self.casework.finish(hold, Outcome.ANSWERED, "answer-private", {"text": answer}, needs_mailbox=True)

    def decline(self, hold: Hold, session_id: str, reason: Decline, *, words: Callable[[str, str], str]) -> None:
        """
        Say kindly why a question is not answered here; *words* gives the text of a reason in a language.

        Raises:
            ClaimLost, NotFound: as above.
            Conflict: `answered-already`, as above.
        """
        request = self._unanswered(hold, self.programme.get(session_id))
        text = words(reason.value, requests.lane_language(request.language))
        self.casework.finish(hold, Outcome.DECLINED, "decline", {"text": text})

    def put_back(self, hold: Hold, session_id: str) -> None:
        """
        Leave a question to a colleague, or for later.

        Raises:
            ClaimLost, NotFound: as above.
            Conflict: `answered-already`, as above.
        """
        self._unanswered(hold, self.programme.get(session_id))
        self.casework.put_back(hold)

    def retract(self, host: str, session_id: str, entry_id: str) -> Answered:
        """
        Take a public answer back: what should not have been said is gone for new readers, and shown as gone to others.

        Raises:
            NotFound: `session-unknown`, `answer-unknown`.
        """
        session = self.programme.get(session_id)
        if self.transcripts.find(session.id, entry_id) is None:
            raise NotFound("answer-unknown")
        # Told first: an act that the trail does not know of is worse than one that it knows of and that then failed.
        self.casework.store.record(Deed(at=self.clock.now(), actor=host, verb="retract", about=f"answer/{entry_id}"))
        entry = self.take_back(session.id, entry_id)
        if entry is None:
            raise NotFound("answer-unknown")
        return entry

    def take_back(self, session_id: str, entry_id: str) -> Answered | None:
        """Take an answer back for good: a backup of the transcript that is put back does not say it again."""
        self.shred_keys.mark(shredding.retracted(session_id, entry_id), expires_at=self.clock.now() + MARKED_FOR)
        return self.transcripts.retract(session_id, entry_id)

    @staticmethod
    def _belongs(request: requests.ContactRequest, session: Session) -> requests.ContactRequest:
        """Make sure that nobody answers, under a session's address, what was not asked in it."""
        if request.kind is not Kind.QUESTION or request.session != session.id:
            raise ClaimLost
        return request

    def _unanswered(self, hold: Hold, session: Session) -> requests.ContactRequest:
        """Make sure that a question is not answered in public already; one that is, is finished."""
        request = self._belongs(self.casework.question(hold)[0], session)
        entry = self.transcripts.find(session.id, entry_of(hold.request_id))
        if entry is not None and not entry.retracted:
            self.casework.finish(hold, Outcome.ANSWERED, "answer-public", {"text": entry.answer})
            raise Conflict("answered-already")
        return request

    def _is_open(self, session: Session, request_id: str) -> bool:
        entry = self.transcripts.find(session.id, entry_of(request_id))
        return entry is None or entry.retracted

    def _take_back_if_withdrawn(self, hold: Hold, session: Session) -> None:
        """Undo a public answer whose question was withdrawn while it was being written."""
        if self.casework.is_withdrawn(hold.request_id):
            self.take_back(session.id, entry_of(hold.request_id))


def _read(version: Version) -> Session | None:
    try:
        record = json.loads(version.body or b"null")
        fit = record["id"] == version.record_id and not list(problems_of_session(record))
        return session_of(record) if fit else None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
