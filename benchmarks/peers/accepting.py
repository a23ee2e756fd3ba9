"""
What the peers do when they accept a callback on SQLite: the same tables, rows, indexes and durability as ours.

`PEER_WORK=plain` writes what it is given and no more. `PEER_WORK=full` also does what Quietline does around it, with
the same building blocks: phone check, receipt and fingerprint, HPKE sealing, and two shred keys in a file of their own.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bare import INSERT, SEALED_SIZE, connect, head

HOME = Path(os.environ["PEER_HOME"])
FULL = os.environ["PEER_WORK"] == "full"
SHIFT = datetime.fromisoformat(os.environ["PEER_CLOCK"]) - datetime.now(UTC)

db = connect(str(HOME / "quietline.db"))
db.execute("PRAGMA secure_delete = ON")
writing = threading.Lock()

if FULL:
    from chalicelib.adapters.hpke import AesCipher, HpkeSealer
    from chalicelib.adapters.keyfiles import KeyFiles
    from chalicelib.adapters.phones import Phonenumbers
    from chalicelib.domain.receipts import encode, receipt_from_bytes, request_id_of

    shred_db = connect(str(HOME / "shred.db"))
    shred_db.execute("PRAGMA secure_delete = ON")
    cipher = AesCipher(padded=False)
    keys = KeyFiles(HOME / "keys")
    sealer = HpkeSealer(keys.recipients)
    phones = Phonenumbers()


class ImpossiblePhoneError(ValueError):
    """Nobody can be rung there."""


def now_micros() -> int:
    """Tell the time at the helpline."""
    return time.time_ns() // 1000 + int(SHIFT.total_seconds() * 1_000_000)


def both_of(key: bytes, details_key: bytes) -> bytes:
    """Make the key of details of both shred keys."""
    return hmac.digest(key, b"details|" + details_key, "sha256")


def accept(statement_version: str, details: dict[str, Any]) -> dict[str, Any]:
    """Write a callback durably, and give the answer."""
    if FULL:
        if not phones.is_possible(details["phone"]):
            raise ImpossiblePhoneError
        receipt = receipt_from_bytes(secrets.token_bytes(17))
        request_id, shown = request_id_of(receipt.lookup), receipt.shown
        content = {"details": details, "mailbox_key": encode(receipt.mailbox_key)}
        raw = json.dumps(content, ensure_ascii=False).encode()
        sealed = sealer.seal(raw, kind="callback", request_id=request_id).to_bytes()
        receipt.fingerprint(raw)
    else:
        request_id, shown = secrets.token_urlsafe(32), secrets.token_urlsafe(19)
        sealed = json.dumps(details, ensure_ascii=False).encode().ljust(SEALED_SIZE)
    reference = secrets.token_urlsafe(12)
    row = head(request_id, reference, {"statement_version": statement_version}, now_micros())
    shred_keys = secrets.token_bytes(32), secrets.token_bytes(32)
    if FULL:
        key = both_of(*shred_keys)
        sealed = cipher.encrypt(sealed, key=key, kind=f"shred:{row[15]}", request_id=request_id)
    with writing:
        if FULL:
            shred_db.execute("BEGIN IMMEDIATE")
            for body_id, key in zip((row[15], f"{row[15]}.details"), shred_keys, strict=True):
                shred_db.execute("INSERT INTO shred_keys VALUES (?, ?, ?, ?)", (request_id, body_id, key, row[10]))
            shred_db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO contents VALUES (?, ?, ?)", (request_id, row[15], sealed))
        db.execute(INSERT, row)
        db.execute("COMMIT")
    return {"receipt": shown, "request_id": request_id, "reference": reference, "status": "waiting", "due": row[7]}
