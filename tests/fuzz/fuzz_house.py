"""A house on a folder of its own whose parsers are fuzzed: its keys, one request, and what is valid in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from altcha import Payload, solve_challenge
from altcha.v2 import Challenge
from heads import build_head

from chalicelib.adapters.oidc import OidcIdentity, local_identity
from chalicelib.config import Settings
from chalicelib.domain import screening
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import Conflict
from chalicelib.domain.overflow import Overflowed
from chalicelib.domain.receipts import Receipt, encode, receipt_from_bytes, request_id_of
from chalicelib.domain.requests import Kind
from chalicelib.local.issuer import LocalIssuer
from chalicelib.wiring import House

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
KEY = "a-key-that-one-request-has"
DETAILS = {
    "concern": "own-behaviour",
    "phone": "07700 900123",
    "name": "Sam",
    "message": "bluebell, hyd a lled",
    "safety": {"voicemail": "never", "code_word": "heron", "text_first": True},
    "access_needs": ["text-relay"],
}
INFORMATION = {"concern": "survivor", "message": "hyd a lled", "email": "sam@example.org"}


class Nothing:
    """Stands in for a use case that refuses whatever reaches it, and keeps what did."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        def refuse(*said: Any, **more: Any) -> Any:
            self.heard.append((name, said, more))
            raise Conflict("slot-closed", pointer="/slot")

        return refuse


class Blank:
    """Stands in for the pages: keeps what they are asked to show, and draws nothing."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        def draw(*_said: Any, **more: Any) -> Any:
            if name == "headers":
                return {}
            self.shown = more
            return ""

        return draw


class AlwaysOpen:
    """Stands in for the opening hours, which nothing of a form's reading depends on."""

    def status(self, *_hours: Any) -> tuple[bool, None]:
        """Say that the line is open."""
        return True, None

    def slots(self, **_range: Any) -> tuple[()]:
        """Offer nothing."""
        return ()


@dataclass
class FuzzHouse:
    """One of them."""

    home: Path

    @cached_property
    def house(self) -> House:
        """The product, put together."""
        return House(Settings(home=self.home, clock_starts_at=NOW))

    @cached_property
    def receipt(self) -> Receipt:
        """The receipt that is valid here."""
        return receipt_from_bytes(bytes(range(100, 117)))

    @property
    def request_id(self) -> str:
        """The request that the receipt opens."""
        return request_id_of(self.receipt.lookup)

    @cached_property
    def head(self) -> Any:
        """The head of that request."""
        return build_head(kind=Kind.CALLBACK, request_id=self.request_id)

    def seal(self, content: bytes, kind: str = "callback") -> Envelope:
        """Seal something as a browser does."""
        return self.house.sealer.seal(content, kind=kind, request_id=self.request_id)

    @property
    def content(self) -> bytes:
        """What is sealed of the request."""
        return json.dumps({"details": DETAILS, "mailbox_key": encode(self.receipt.mailbox_key)}).encode()

    @cached_property
    def submission(self) -> dict[str, Any]:
        """Give a body that asks for a call in the clear."""
        return {
            "statement_version": "2026-11",
            "details": DETAILS,
            "slot": "2026-11-24T18:00Z/2h",
            "also": ["2026-11-25T10:00Z/2h"],
            "language": "cy",
            "region": "E23000005",
            "campaign": "gm-2018",
            "altcha": self.solution,
        }

    @cached_property
    def sealed_submission(self) -> dict[str, Any]:
        """Give a body that a browser sealed."""
        return {"statement_version": "2026-11", "sealed": self.seal(self.content).wire(), "language": "en"}

    @cached_property
    def sealed_message(self) -> dict[str, Any]:
        """Give a message that a browser sealed."""
        envelope = self.seal(b'{"text": "heron"}', "message:AAAAAAAAAAAAAAAA")
        return {"message_id": "AAAAAAAAAAAAAAAA", "sealed": envelope.wire(), "copy": encode(bytes(12) + envelope.ct)}

    @cached_property
    def any_envelope(self) -> bytes:
        """Give what is stored of the request."""
        return self.seal(self.content).to_bytes()

    @cached_property
    def shown(self) -> Any:
        """Give the request's details as the desk shows them."""
        product = self.house
        sealed, opener = self.any_envelope, product.opener
        return product._correspondence.at_desk(self.head, sealed, [], opener, product._checking).details

    @cached_property
    def small_envelope(self) -> bytes:
        """Give an envelope as no browser makes it, small enough to be changed everywhere."""
        whole = Envelope.from_bytes(self.any_envelope)
        return replace(whole, ct=whole.ct[:32], recipients=whole.recipients[:1]).to_bytes()

    @cached_property
    def overflowed(self) -> bytes:
        """Give a letter of the overflow queue."""
        letter = Overflowed(request=self.head, sealed=b"sealed", queued_at=NOW)
        return letter.to_text().encode()

    @cached_property
    def solution(self) -> str:
        """Give a solved challenge for `KEY`."""
        return self._solved(screening.name_of_key(KEY))

    @cached_property
    def others_solution(self) -> str:
        """Give a solved challenge that is somebody else's."""
        return self._solved(screening.name_of_key("another-key-than-that-one"))

    def _solved(self, bound_to: str) -> str:
        shown = self.house.public.screening.proof_of_work.challenge(bound_to=bound_to, now=NOW)
        challenge = Challenge.from_dict(dict(shown))
        return Payload(challenge, solve_challenge(challenge)).to_base64()

    @cached_property
    def form_secret(self) -> bytes:
        """The key that signs forms."""
        return screening.secret_for("form", pepper=bytes(32))

    @cached_property
    def form_token(self) -> str:
        """Give what a form that was handed out ten minutes ago carries."""
        return screening.form_token(KEY, now=NOW - timedelta(minutes=10), secret=self.form_secret)

    @cached_property
    def issuer(self) -> LocalIssuer:
        """Whoever signs people in."""
        return LocalIssuer(self.home)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Give good tokens."""
        return tuple(self.issuer.token(role, f"{role}-1", 100) for role in ("practitioner", "supervisor", "auditor"))

    @cached_property
    def identity(self) -> OidcIdentity:
        """Whoever recognises them."""
        assert self.issuer
        return local_identity(self.home)

    @cached_property
    def public(self) -> tuple[Any, Nothing, Blank]:
        """The public face, with an intake that refuses and pages that draw nothing."""
        intake, pages = Nothing(), Blank()
        intake.rules = self.house.rules  # type: ignore[attr-defined]
        return replace(self.house.public, intake=intake, pages=pages, opening=AlwaysOpen()), intake, pages

    @cached_property
    def door(self) -> tuple[Any, Nothing, Blank]:
        """The mailbox's door, likewise."""
        mailbox, pages = Nothing(), Blank()
        return replace(self.house.mailbox, mailbox=mailbox, pages=pages, opening=AlwaysOpen()), mailbox, pages
