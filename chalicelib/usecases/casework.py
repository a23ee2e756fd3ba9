"""
Casework: practitioners claim requests, answer them and close them.

Content is opened only under a live claim, and the trail says so in the same write that hands the claim out. Every
write after a claim carries its number.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import ClaimLost, Conflict, NotFound, Unavailable
from chalicelib.domain.partners import actor_of
from chalicelib.domain.receipts import encode
from chalicelib.domain.requests import ContactRequest, Kind, Outcome, Status
from chalicelib.ports import Ask, Unreadable
from chalicelib.usecases.correspondence import Opened, open_content

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.requests import Rules
    from chalicelib.domain.slots import Window
    from chalicelib.ports import Clock, LaneState, Mailer, Message, Opener, RequestStore
    from chalicelib.usecases.checking import Checking
    from chalicelib.usecases.correspondence import Content, Correspondence
    from chalicelib.usecases.figures import Figures
    from chalicelib.usecases.shredding import Shredding

ERASED = 20
"""How many erased requests, brought back by a copy, one claim puts aside before it says that keys are missing."""
SOON = timedelta(hours=2)
"""How far ahead "due soon" looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A practitioner's hold on a request: whose it is and under which number."""

    practitioner: str
    request_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a claim hands out."""

    request: ContactRequest
    opened: Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """What became of a reply: *emailed* is None where no e-mail was asked for, else whether it was taken."""

    request: ContactRequest
    emailed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What needs a supervisor: parked and stranded requests, who holds what, and who did how much."""

    parked: tuple[ContactRequest, ...]
    missed: tuple[ContactRequest, ...]
    claimed: tuple[ContactRequest, ...]
    people: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """The verbs of the desk."""

    store: RequestStore
    correspondence: Correspondence
    shredding: Shredding
    checking: Checking
    opener: Opener
    mailer: Mailer
    clock: Clock
    rules: Rules
    helpline: Helpline
    figures: Figures

    def claim(
        self,
        practitioner: str,
        *,
        kinds: Sequence[str] = (),
        languages: Sequence[str] = (),
        reference: str | None = None,
        lease: timedelta | None = None,
        token: str | None = None,
    ) -> Claimed | None:
        """
        Take the most urgent request that the practitioner can serve, or the one a caller quotes; None if there is none.

        What turns out to have been erased, because a copy that was put back brought its head back, is put aside for
        a supervisor to see, and the next one is taken; the hourly round withdraws it again.

        Raises:
            Conflict: `claim-limit`, `claimed-by-colleague`.
            Unavailable: `key-missing`; nothing was claimed. `shred-keys`, too many have been erased.
        """
        lanes = tuple(
            lane
            for lane in requests.DESK_LANES
            if (not kinds or lane.split("/")[0] in kinds)
            and (not languages or lane.split("/")[1] in {requests.lane_language(each) for each in languages})
        )
        return self.take(practitioner, lanes, reference=reference, lease=lease, token=token, only=_is_ours)

    def take(
        self,
        practitioner: str,
        lanes: tuple[str, ...],
        *,
        reference: str | None = None,
        lease: timedelta | None = None,
        token: str | None = None,
        only: Callable[[ContactRequest], bool] | None = None,
    ) -> Claimed | None:
        """
        Take the most urgent request of some lanes, among those that *only* lets pass.

        Raises:
            Conflict, Unavailable: as `claim`.
        """
        self.opener.check()
        now = self.clock.now()
        if token is not None:
            token = encode(sha256(token.encode()).digest())  # what is kept to recognise it says nothing else
        ask = Ask(
            practitioner=practitioner,
            lanes=lanes,
            claim_limit=self.rules.claim_limit,
            token=token,
            reference=reference,
        )
        claim = partial(
            requests.claim,
            practitioner=practitioner,
            token=token,
            now=now,
            lease=lease or self.rules.lease,
            quoted=reference is not None,
        )

        def decide(met: ContactRequest) -> ContactRequest:
            return claim(met) if only is None or only(met) else met

        def deeds(met: ContactRequest) -> list[Deed]:
            if met.status is Status.CLAIMED:
                return [self._deed(hold_of(met), verb) for verb in ("claim", "open")]
            parked = Deed(at=now, actor="system", verb="park", request_id=met.request_id, number=met.number)
            return [parked] if met.status is Status.PARKED else []

        numbers: dict[str, int] = {}

        def noting(met: ContactRequest) -> ContactRequest:
            numbers[met.request_id] = met.number
            return decide(met)

        for _ in range(ERASED):
            request = self.store.claim(ask, noting, now=now, deeds=deeds)
            if request is None:
                return None
            opened = self._opened(request)
            if opened.unreadable != "erased":
                if numbers.get(request.request_id) == 0 and _is_ours(request):  # for the first time
                    self.figures.taken(request, now=now)
                return Claimed(request=request, opened=opened)
            self._shelve(request)
        raise Unavailable("shred-keys")

    def _shelve(self, request: ContactRequest) -> None:
        now = self.clock.now()
        deed = Deed(at=now, actor="system", verb="park", request_id=request.request_id, number=request.number)
        with suppress(NotFound):  # withdrawn in this very moment
            self.store.change(request.request_id, requests.shelve, now=now, deed=deed)

    def held(self, practitioner: str) -> tuple[ContactRequest, ...]:
        """List the practitioner's live claims, save for questions: those have a page of their own."""
        held = self.store.held_by(practitioner, now=self.clock.now())
        return tuple(head for head in held if head.kind is not Kind.QUESTION)

    def renew(self, hold: Hold, *, lease: timedelta | None = None) -> ContactRequest:
        """
        Extend a live claim so that the practitioner can finish the call.

        Raises:
            ClaimLost: it is no longer theirs.
        """
        return self._change(hold, partial(requests.renew, lease=lease or self.rules.lease), "renew")

    def release(self, hold: Hold, *, reason: str | None = None) -> ContactRequest:
        """
        Give a request back, in its old place; a *reason* stays with it as a note.

        Raises:
            ClaimLost: it is no longer theirs.
        """
        return self._change(hold, requests.release, "release", self._note(hold, reason, None))

    def attempt(self, hold: Hold, result: str) -> ContactRequest:
        """
        Record that the requester was rung and not reached.

        Raises:
            ClaimLost: it is no longer theirs.
            Conflict: `not-a-callback`.
        """
        request = self._change(hold, partial(requests.attempt, rules=self.rules), f"attempt-{result}")
        self.figures.ended(request, agreed=False, now=self.clock.now())
        return request

    def reply(
        self,
        hold: Hold,
        text: str,
        *,
        signposts: Sequence[str] = (),
        mail: Callable[[str], str] | None = None,
        idempotency_key: str | None = None,
    ) -> Replied:
        """
        Write to the requester; it is in the mailbox at once.

        With *mail*, what it makes of the requester's language leaves by e-mail as well, for somebody who asked for one
        and gave an address: after the reply is kept, so that a claim that was lost sends nothing, and a mail that fails
        loses nothing.

        Raises:
            ClaimLost: it is no longer theirs.
            Conflict: `unreadable`, the content does not open, so there is no key to write with; `no-email`, they
                gave no address; `no-mailbox`, it is a referral.
            Unavailable: `key-missing`.
        """
        request, content = self._content(hold)
        address = None
        if mail is not None:
            details = self.checking.details(request.kind, content.details) or {}
            address = details.get("email")
        if mail is not None and not address:
            raise Conflict("no-email", pointer="/by_email")
        message = self._reply(hold, content, {"text": text, "signposts": list(signposts)}, idempotency_key)
        request = self._change(hold, requests.held, "reply", (message,))
        sent = None if mail is None or address is None else self._mail(request, message, address, mail)
        return Replied(request=request, emailed=sent)

    def _mail(self, request: ContactRequest, message: Message, address: str, text: Callable[[str], str]) -> bool:
        language = requests.lane_language(request.language)
        try:
            self.mailer.send(
                sender=self.helpline.mail_sender,
                to=address,
                subject=self.helpline.mail_subject[language],
                text=text(language),
                request_id=request.request_id,
                message_id=message.message_id,
            )
        except Unavailable:
            return False
        newest = self.store.get(request.request_id, now=self.clock.now())
        if newest is None or newest.status is Status.WITHDRAWN:
            self.mailer.erase(request.request_id)  # withdrawn meanwhile: whatever has not left yet does not leave
        return True

    def note(self, hold: Hold, text: str, *, idempotency_key: str | None = None) -> ContactRequest:
        """
        Leave a note for the colleague who takes over.

        Raises:
            ClaimLost: it is no longer theirs.
        """
        return self._change(hold, requests.held, "note", self._note(hold, text, idempotency_key))

    def close(
        self, hold: Hold, outcome: Outcome, *, agreed_actions: Sequence[str] = (), signposts: Sequence[str] = ()
    ) -> ContactRequest:
        """
        Finish a request; agreed actions and onward signposts reach the requester in the mailbox.

        Raises:
            ClaimLost: it is no longer theirs.
            Conflict: `unreadable`; `unread-message`, claim it again to read what came; `no-mailbox`, it is a referral:
                what was agreed, and where to go on, is said on the phone.
            Unavailable: `key-missing`.
        """
        messages: tuple[Message, ...] = ()
        if agreed_actions or signposts:
            content = {"agreed_actions": list(agreed_actions), "signposts": list(signposts)}
            messages = (self._reply(hold, self._content(hold)[1], content, None),)
        request = self._change(hold, partial(requests.close, outcome=outcome, rules=self.rules), "close", messages)
        self.figures.ended(request, agreed=bool(agreed_actions), now=self.clock.now())
        return request

    def put_back(self, hold: Hold) -> None:
        """
        Give a question back, to be handed out again after the others.

        Raises:
            ClaimLost: it is no longer theirs.
        """
        self._change(hold, requests.put_back, "release")

    def finish(
        self, hold: Hold, outcome: Outcome, verb: str, content: Mapping[str, object], *, needs_mailbox: bool = False
    ) -> None:
        """
        Close a question, with a letter to whoever asked; the trail says *verb*.

        Where there is no key to write with, there is no letter, unless it is the whole answer.

        Raises:
            ClaimLost: it is no longer theirs.
            Conflict: `unreadable`.
        """
        if self.is_withdrawn(hold.request_id):
            raise ClaimLost
        messages: tuple[Message, ...] = ()
        opened = self._content(hold)[1] if needs_mailbox else self._perhaps_content(hold)
        if opened is not None and (needs_mailbox or opened.mailbox_key is not None):
            messages = (self._reply(hold, opened, content, None),)
        self._change(hold, partial(requests.close, outcome=outcome, rules=self.rules), verb, messages)

    def questions_of(self, host: str) -> tuple[ContactRequest, ...]:
        """List the questions that a host holds."""
        held = self.store.held_by(host, now=self.clock.now())
        return tuple(head for head in held if head.kind is Kind.QUESTION)

    def open_again(self, hold: Hold) -> Claimed:
        """
        Show again what a live claim holds; the trail says so.

        Raises:
            ClaimLost: it is no longer theirs.
        """
        request = self._held(hold)
        self.store.record(self._deed(hold, "open"))
        return Claimed(request=request, opened=self._opened(request))

    def is_withdrawn(self, request_id: str) -> bool:
        """Tell whether a request was withdrawn, or is being: its key goes first."""
        request = self.store.get(request_id, now=self.clock.now())
        if request is None:
            return False  # it has expired
        return request.status is Status.WITHDRAWN or self.shredding.key(request) is None

    def question(self, hold: Hold) -> tuple[ContactRequest, Mapping[str, object] | None]:
        """
        Read again what a live claim holds; None in the place of details that are not as they should be.

        Raises:
            ClaimLost: it is no longer theirs.
        """
        opened = self._perhaps_content(hold)
        request = self._held(hold)
        return request, None if opened is None else self.checking.details(request.kind, opened.details)

    def _perhaps_content(self, hold: Hold) -> Content | None:
        try:
            return self._content(hold)[1]
        except Conflict:
            return None

    def queue(self) -> tuple[LaneState, ...]:
        """Tell how each lane of the practitioners stands, without content; questions are for the hosts of a session."""
        now = self.clock.now()
        lanes = self.store.lanes(now=now, soon=now + SOON)
        return tuple(state for state in lanes if state.lane in requests.DESK_LANES)

    def aside(self) -> Aside:
        """Show a supervisor what the queue no longer hands out, and who holds what."""
        now = self.clock.now()
        heads = self.store.parked(now=now)
        settled = [requests.settle(head, now=now) for head in heads if head.status is Status.WAITING]
        return Aside(
            parked=tuple(head for head in heads if head.status is Status.PARKED),
            missed=tuple(head for head in settled if head.visible_at is None),
            claimed=self.store.claimed(now=now),
            people={
                actor: verbs
                for actor, verbs in self.store.tally().items()
                if actor not in ("system", "requester") and not actor.startswith(actor_of(""))
            },
        )

    def unpark(self, supervisor: str, request_id: str) -> ContactRequest:
        """
        Put a parked request back into the queue.

        Raises:
            NotFound: `request-unknown`.
            Conflict: `not-parked`.
        """
        return self._supervise(supervisor, request_id, requests.unpark, "unpark")

    def expel(self, supervisor: str, request_id: str) -> ContactRequest:
        """
        Take back the claim of somebody who has left.

        Raises:
            NotFound: `request-unknown`.
            Conflict: `not-claimed`.
        """
        return self._supervise(supervisor, request_id, requests.expel, "expel")

    def close_line(self, supervisor: str, closures: Sequence[Window]) -> None:
        """Close the line for these stretches, in the place of those before; nobody is offered a slot in them."""
        self.store.close_line(closures, deed=Deed(at=self.clock.now(), actor=supervisor, verb="close-line"))

    def _supervise(
        self, supervisor: str, request_id: str, verb: Callable[..., ContactRequest], name: str
    ) -> ContactRequest:
        now = self.clock.now()
        deed = Deed(at=now, actor=supervisor, verb=name, request_id=request_id)
        return self.store.change(request_id, partial(verb, now=now), now=now, deed=deed)

    def _change(
        self, hold: Hold, verb: Callable[..., ContactRequest], name: str, messages: Sequence[Message] = ()
    ) -> ContactRequest:
        now = self.clock.now()
        transition = partial(verb, practitioner=hold.practitioner, number=hold.number, now=now)
        messages = self._wrapped(hold, messages)
        try:
            return self.store.change(
                hold.request_id, transition, now=now, messages=messages, deed=self._deed(hold, name)
            )
        except NotFound:
            raise ClaimLost from None

    def _wrapped(self, hold: Hold, messages: Sequence[Message]) -> Sequence[Message]:
        """Wrap what is about to be written; where the requester has withdrawn meanwhile, there is nothing to hold."""
        if not messages:
            return ()
        request = self.store.get(hold.request_id, now=self.clock.now())
        key = self.shredding.key(request)
        if request is None or key is None:
            raise ClaimLost
        return [self.shredding.wrap(hold.request_id, message, key) for message in messages]

    def _deed(self, hold: Hold, verb: str) -> Deed:
        return Deed(
            at=self.clock.now(),
            actor=hold.practitioner,
            verb=verb,
            request_id=hold.request_id,
            number=hold.number,
        )

    def _opened(self, request: ContactRequest) -> Opened:
        key = self.shredding.key(request)
        sealed = self.shredding.content(request, self.store.content(request), key)
        messages = self.shredding.unwrap(request.request_id, self.store.messages(request.request_id), key)
        return self.correspondence.at_desk(request, sealed, messages, self.opener, self.checking)

    def _content(self, hold: Hold) -> tuple[ContactRequest, Content]:
        """Open the content once more, for the mailbox key in it; only a live claim does."""
        request = self._held(hold)
        if request.kind is Kind.REFERRAL:
            raise Conflict("no-mailbox")
        sealed = self.shredding.content(request, self.store.content(request), self.shredding.key(request))
        try:
            return request, open_content(request, sealed or b"", self.opener)
        except (Unreadable, ValueError):
            raise Conflict("unreadable") from None

    def _held(self, hold: Hold) -> ContactRequest:
        now = self.clock.now()
        request = self.store.get(hold.request_id, now=now)
        if request is None:
            raise ClaimLost
        return requests.held(request, practitioner=hold.practitioner, number=hold.number, now=now)

    def _reply(
        self, hold: Hold, opened: Content, content: Mapping[str, object], idempotency_key: str | None
    ) -> Message:
        if opened.mailbox_key is None:
            raise Conflict("unreadable")
        return self.correspondence.from_helpline(
            hold.request_id,
            content,
            mailbox_key=opened.mailbox_key,
            message_id=self.correspondence.message_id(
                hold.request_id, "reply", str(content.get("text")), idempotency_key
            ),
            now=self.clock.now(),
        )

    def _note(self, hold: Hold, text: str | None, idempotency_key: str | None) -> tuple[Message, ...]:
        if not text:
            return ()
        message_id = self.correspondence.message_id(hold.request_id, "note", text, idempotency_key)
        return (self.correspondence.note(hold.request_id, text, message_id=message_id, now=self.clock.now()),)


def _is_ours(met: ContactRequest) -> bool:
    """Tell whether practitioners answer it: a question's reference, too, is for the hosts of its session."""
    return met.kind is not Kind.QUESTION


def hold_of(request: ContactRequest) -> Hold:
    """Name the hold that a claimed request is in."""
    return Hold(practitioner=request.claimed_by or "", request_id=request.request_id, number=request.number)
