"""The mailbox: what a receipt opens. Wrong, expired and withdrawn receipts are refused by one and the same path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.receipts import Receipt, read_receipt, receipt_from_bytes, request_id_of
from chalicelib.domain.requests import ContactRequest, Outcome, Status
from chalicelib.domain.slots import floor_to_hour
from chalicelib.ports import SlotFull

if TYPE_CHECKING:
    from chalicelib.domain.requests import Rules
    from chalicelib.ports import Clock, Mailer, RequestStore
    from chalicelib.usecases.correspondence import Correspondence, Letter
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.shredding import Shredding

MESSAGES_LIMIT = 200
"""Messages that one mailbox holds; past it the helpline is better rung."""
_NOBODYS = receipt_from_bytes(bytes(32))
"""Stands in for what is no receipt at all, so that it costs the same work and gets the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A mailbox as its holder sees it; *note* is `unreachable`, `missed` or None."""

    request: ContactRequest
    status: str
    letters: tuple[Letter, ...]
    note: str | None


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

    def read(self, code: str) -> Contents:
        """
        Open the mailbox.

        Raises:
            NotFound: `receipt-unknown`.
        """
        receipt, request, shred_key = self._find(code)
        messages = self.shredding.unwrap(request.request_id, self.store.messages(request.request_id), shred_key)
        letters = self.correspondence.in_mailbox(request.request_id, messages, mailbox_key=receipt.mailbox_key)
        request = requests.as_of(request, now=self.clock.now())
        return Contents(request=request, status=shown_status(request), letters=letters, note=_note(request))

    def write(self, code: str, text: str, *, idempotency_key: str | None = None) -> ContactRequest:
        """
        Add a message; a closed request waits again.

        Raises:
            NotFound: `receipt-unknown`.
            Conflict: `mailbox-full`, `expires-first`.
        """
        receipt, request, shred_key = self._find(code)
        now = self.clock.now()
        if len(self.store.messages(request.request_id)) >= MESSAGES_LIMIT:
            raise Conflict("mailbox-full")
        message = self.correspondence.from_requester(
            request.request_id,
            {"text": text},
            mailbox_key=receipt.mailbox_key,
            message_id=self.correspondence.message_id(request.request_id, "message", text, idempotency_key),
            now=now,
        )
        answer_by = floor_to_hour(self.opening.helpline.hours.working_days_after(now))

        def arrive(newest: ContactRequest) -> ContactRequest:
            newest = requests.as_of(newest, now=now)
            arrived = requests.message_arrived(newest, answer_by=answer_by, now=now)
            return requests.outlive(arrived, answer_by)

        return self._change(
            request.request_id, arrive, messages=(self.shredding.wrap(request.request_id, message, shred_key),)
        )

    def choose(self, code: str, slot_id: str) -> ContactRequest:
        """
        Choose another slot; a closed request waits again.

        Raises:
            NotFound: `receipt-unknown`.
            Conflict: `slot-closed`, `slot-full`, `not-a-callback`, `expires-first`.
        """
        _, request, _ = self._find(code)
        slot = self.opening.chosen(slot_id, pointer="/slot")
        now = self.clock.now()

        def choose(newest: ContactRequest) -> ContactRequest:
            chosen = requests.choose_slot(requests.as_of(newest, now=now), slot=slot)
            return requests.outlive(chosen, slot.ends_at)

        return self._change(
            request.request_id,
            choose,
            capacity=self.opening.helpline.slot_capacity,
        )

    def withdraw(self, code: str) -> None:
        """
        Erase the content and leave a tombstone.

        The shred key goes first: from then on nothing opens, in no copy, and a withdrawal that dies in between is
        finished by the next.

        Raises:
            NotFound: `receipt-unknown`, also when it was withdrawn before.
        """
        _, request = self._head(code)
        if request is None:
            raise NotFound("receipt-unknown")
        self.shredding.erase(request)
        now = self.clock.now()
        deed = Deed(at=floor_to_hour(now), actor="requester", verb="withdraw", request_id=request.request_id)
        withdrawn = self.store.withdraw(request.request_id, partial(requests.withdraw, now=now), now=now, deed=deed)
        self.mailer.erase(request.request_id)
        if not withdrawn:
            raise NotFound("receipt-unknown")

    def _find(self, code: str) -> tuple[Receipt, ContactRequest, bytes]:
        """Find what a receipt opens, and its shred key: without one it reads as withdrawn."""
        receipt, request = self._head(code)
        shred_key = self.shredding.key(request)
        if request is None or shred_key is None:
            raise NotFound("receipt-unknown")
        return receipt, request, shred_key

    def _head(self, code: str) -> tuple[Receipt, ContactRequest | None]:
        receipt = read_receipt(code) or _NOBODYS
        request = self.store.get(request_id_of(receipt.lookup), now=self.clock.now())
        return receipt, None if request is None or request.status is Status.WITHDRAWN else request

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
