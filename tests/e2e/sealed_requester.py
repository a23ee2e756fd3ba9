"""A requester whose browser seals: it makes the receipt, seals to the keys of a server, and reads its mailbox."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.hpke import AesCipher, HpkeSealer
from chalicelib.domain.receipts import Receipt, decode, encode, receipt_from_bytes, request_id_of

DETAILS = {
    "concern": "own-behaviour",
    "phone": "07700 900123",
    "message": "bluebell, hyd a lled",
    "safety": {"voicemail": "never", "code_word": "heron"},
}


@dataclass
class Requester:
    """One of them."""

    quietline: Any
    receipt: Receipt = field(default_factory=lambda: receipt_from_bytes(os.urandom(17)))

    @property
    def request_id(self) -> str:
        """The id that follows from the receipt."""
        return request_id_of(self.receipt.lookup)

    @property
    def mailbox(self) -> dict[str, str]:
        """What opens the mailbox and tells the server nothing else."""
        return {"Authorization": f"Mailbox {encode(self.receipt.lookup)}"}

    def seal(self, content: object, kind: str = "callback", keys: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """Seal anything; bytes as they are."""
        raw = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        keys = keys or self.quietline.ask("GET", "/v1/keys").json()["keys"]
        return HpkeSealer(lambda: keys).seal(raw, kind=kind, request_id=self.request_id).wire()

    def content(self, details: object = DETAILS) -> dict[str, object]:
        """Give what is sealed of a request."""
        return {"details": details, "mailbox_key": encode(self.receipt.mailbox_key)}

    def body(self, content: object = None, kind: str = "callback", **around: Any) -> dict[str, Any]:
        """Make the body of a request."""
        sealed = self.seal(self.content() if content is None else content, kind)
        return {"statement_version": "2026-11", "sealed": sealed, **around}

    def message(self, content: object, message_id: str | None = None) -> dict[str, Any]:
        """Make the body of a message."""
        message_id = message_id or encode(os.urandom(12))
        kind = f"message:{message_id}"
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        copy = AesCipher().encrypt(raw, key=self.receipt.mailbox_key, kind=kind, request_id=self.request_id)
        return {"message_id": message_id, "sealed": self.seal(content, kind), "copy": encode(copy)}

    def read(self) -> list[Any]:
        """Read the mailbox as the browser does, and give what its letters say."""
        answer = self.quietline.ask("GET", "/v1/mailbox", headers=self.mailbox)
        assert answer.status == 200, answer.body
        return [
            json.loads(
                AesCipher().decrypt(
                    decode(letter["sealed"]),
                    key=self.receipt.mailbox_key,
                    kind=f"message:{letter['message_id']}",
                    request_id=self.request_id,
                )
            )
            for letter in answer.json()["messages"]
        ]
