"""The mailbox: what a receipt opens. Wrong, expired and withdrawn receipts are refused by one and the same path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.requests import ContactRequest, Kind, Outcome, Status
from chalicelib.domain.slots import floor_to_hour
from chalicelib.ports import SlotFull

if TYPE_CHECKING:
    from chalicelib.domain.receipts import Credential
    from chalicelib.domain.requests import Rules
    from chalicelib.ports import Clock, Mailer, Message, RequestStore
    from chalicelib.usecases.correspondence import Correspondence, Letter, SealedLetter
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.shredding import Shredding

MESSAGES_LIMIT = 200
"""Messages that one mailbox holds; past it the helpline is better rung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """
    A mailbox as its holder sees it; *note* is `unreachable`, `missed`, `details-erased` or None.

    *may_write* is false once the details are erased: nobody could answer any more.
    """

    request: ContactRequest
    status: str
    letters: tuple[Letter, ...]
    note: str | None
    may_write: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """The verbs of a receipt: read, write, choose another slot, withdraw."""

    store: RequestStore
    correspondence: Correspondence
    shredding: Shredding
    clock: Clock
    opening: Opening
    rules: Rules
    mailer: Mailer

    def read(self, credential: Credential) -> Contents:
        """
        Open the mailbox; for whoever shows the lookup value alone, its letters stay sealed.

        Raises:
            NotFound: `receipt-unknown`.
        """
        request, shred_key = self._find(credential)
        messages = self.shredding.unwrap(request.request_id, self.store.messages(request.request_id), shred_key)
        letters = self.correspondence.in_mailbox(request.request_id, messages, mailbox_key=credential.mailbox_key)
        now = self.clock.now()
        request = requests.as_of(request, now=now)
        may_write = not request.is_bare(now)
        note = _note(request) if may_write else "details-erased"
        return Contents(request=request, status=shown_status(request), letters=letters, note=note, may_write=may_write)

    def write(self, credential: Credential, text: str, *, idempotency_key: str | None = None) -> ContactRequest:
        """
        Add a message; a closed request waits again.

        Raises:
            NotFound: `receipt-unknown`.
            Conflict: `mailbox-full`, `expires-first`, `details-erased`.
        """
        request, shred_key = self._find(credential)
        message = self.correspondence.from_requester(
            request.request_id,
            {"text": text},
            mailbox_key=credential.mailbox_key,
            message_id=self.correspondence.message_id(request.request_id, "message", text, idempotency_key),
            now=self.clock.now(),
        )
        return self._add(request, message, shred_key)

    def write_sealed(self, credential: Credential, sealed: SealedLetter) -> ContactRequest:
        """
        Add a message that a browser sealed; its id is its idempotency key.

        Raises:
            NotFound: `receipt-unknown`.
            Conflict: `mailbox-full`, `expires-first`, `details-erased`; `keys-outdated`;
                `sealed-elsewhere`, it is bound to another request; `key-reused`, its id was used before for something
                else.
        """
        request, shred_key = self._find(credential)
        if sealed.for_desk.request_id != request.request_id:
            raise Conflict("sealed-elsewhere", pointer="/sealed/request_id")
        message = self.correspondence.sealed_by_requester(sealed, now=self.clock.now())
        before = (each for each in self.store.messages(request.request_id) if each.message_id == message.message_id)
        for known in self.shredding.unwrap(request.request_id, tuple(before), shred_key):
            if (known.for_desk, known.for_mailbox) != (message.for_desk, message.for_mailbox):
                raise Conflict("key-reused", pointer="/message_id")
        return self._add(request, message, shred_key)

    def _add(self, request: ContactRequest, message: Message, shred_key: bytes) -> ContactRequest:
        now = self.clock.now()
        if len(self.store.messages(request.request_id)) >= MESSAGES_LIMIT:
            raise Conflict("mailbox-full")
        answer_by = floor_to_hour(self.opening.helpline.hours.working_days_after(now))

        def arrive(newest: ContactRequest) -> ContactRequest:
            newest = requests.as_of(newest, now=now)
            arrived = requests.message_arrived(newest, answer_by=answer_by, now=now)
            return requests.outlive(arrived, answer_by)

        return self._change(
            request.request_id, arrive, messages=(self.shredding.wrap(request.request_id, message, shred_key),)
        )

    def choose(self, credential: Credential, slot_id: str) -> ContactRequest:
        """
        Choose another slot; a closed request waits again.

        Raises:
            NotFound: `receipt-unknown`.
            Conflict: `slot-closed`, `slot-full`, `not-a-callback`, `expires-first`, `details-erased`.
        """
        request, _ = self._find(credential)
        slot = self.opening.chosen(slot_id, pointer="/slot")
        now = self.clock.now()

        def choose(newest: ContactRequest) -> ContactRequest:
            chosen = requests.choose_slot(requests.as_of(newest, now=now), slot=slot, now=now)
            return requests.outlive(chosen, slot.ends_at)

        return self._change(
            request.request_id,
            choose,
            capacity=self.opening.helpline.slot_capacity,
        )

    def withdraw(self, credential: Credential) -> None:
        """
        Erase the content and leave a tombstone.

        The shred key goes first: from then on nothing opens, in no copy, and a withdrawal that dies in between is
        finished by the next. Where the hourly round finishes it first, it is done all the same.

        Raises:
            NotFound: `receipt-unknown`, also when it was withdrawn before.
        """
        request = self._head(credential)
        if request is None:
            raise NotFound("receipt-unknown")
        self.shredding.erase(request)
        now = self.clock.now()
        withdraw = partial(requests.withdraw, now=now, tombstone=self.rules.tombstone)
        deed = Deed(at=floor_to_hour(now), actor="requester", verb="withdraw", request_id=request.request_id)
        self.store.withdraw(request.request_id, withdraw, now=now, deed=deed)
        self.mailer.erase(request.request_id)

    def _find(self, credential: Credential) -> tuple[ContactRequest, bytes]:
        """Find what a receipt opens, and its shred key: without one it reads as withdrawn."""
        request = self._head(credential)
        shred_key = self.shredding.key(request)
        if request is None or shred_key is None:
            raise NotFound("receipt-unknown")
        return request, shred_key

    def _head(self, credential: Credential) -> ContactRequest | None:
        """Find the head; a referral has no mailbox, whoever holds what its id was made of."""
        request = self.store.get(credential.request_id, now=self.clock.now(), tombstones=False)
        return None if request is not None and request.kind is Kind.REFERRAL else request

    def _change(self, request_id: str, transition, **kwargs) -> ContactRequest:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003
        try:
            changed: ContactRequest = self.store.change(request_id, transition, now=self.clock.now(), **kwargs)
        except SlotFull:
            raise Conflict("slot-full", pointer="/slot") from None
        except NotFound:
            raise NotFound("receipt-unknown") from None
        return changed


def shown_status(request: ContactRequest) -> str:
    """Give the status in a requester's terms: that it is parked is the helpline's own affair."""
    return Status.WAITING.value if request.status is Status.PARKED else request.status.value


def _note(request: ContactRequest) -> str | None:
    if request.status is Status.CLOSED and request.outcome is Outcome.UNREACHABLE:
        return "unreachable"
    return "missed" if request.status is Status.WAITING and request.visible_at is None else None
