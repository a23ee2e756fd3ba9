"""
A bare Lambda handler: json, sqlite3 and nothing else.

It writes the same item as an accepted callback (head, indexes and a body of the same size, as durably), without
validation, privacy boundary or sealing, and answers a GET with a document that is ready.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from base64 import urlsafe_b64encode
from typing import Any

SEALED_SIZE = 4651
"""Bytes of a sealed callback: content padded to 4 KiB, what names its two recipients, and the shred key's wrapping."""
HOUR = 3_600_000_000
COLUMNS = (
    "request_id, kind, language, reference, status, submitted_at, promised_at, due_at, visible_at, windows,"
    " expires_at, retained_until, verified, statement_version, fingerprint, body_id, number, lapses, attempts, missed,"
    " lane, order_at, ready_at, slot_id"
)
INSERT = f"INSERT INTO requests ({COLUMNS}) VALUES ({', '.join('?' * (COLUMNS.count(',') + 1))})"
JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
SLOT = "2026-11-24T18:00Z/2h"

db: sqlite3.Connection | None = None
document = ""


def connect(path: str) -> sqlite3.Connection:
    """Open the database as durably as Quietline does."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def head(request_id: str, reference: str, body: dict[str, Any], now: int) -> tuple[Any, ...]:
    """Give the row of a waiting callback."""
    hour = now - now % HOUR
    due = hour + 2 * HOUR
    late = due + 24 * HOUR
    return (
        *(request_id, "callback", body.get("language", "en"), reference, "waiting", hour, due, due, hour, SLOT),
        *(
            hour + 90 * 24 * HOUR,
            hour + 90 * 24 * HOUR,
            0,
            body["statement_version"],
            request_id + request_id[:21],
            reference[:16],
        ),
        *(0, 0, 0, 0, "callback/en", late, hour, SLOT),
    )


def handler(trigger: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer what API Gateway hands over."""
    global db  # noqa: PLW0603 - what a Lambda handler does to keep its connection
    if trigger["httpMethod"] == "GET":
        return {"statusCode": 200, "headers": JSON, "body": document}
    if db is None:
        db = connect(os.environ["PEER_DATABASE"])
    body = json.loads(trigger["body"])
    drawn = urlsafe_b64encode(os.urandom(48)).decode()
    request_id, reference = drawn[:43], drawn[43:]
    content = json.dumps(body["details"]).encode().ljust(SEALED_SIZE, b"\0")
    row = head(request_id, reference, body, time.time_ns() // 1000)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO contents VALUES (?, ?, ?)", (request_id, row[15], content))
    db.execute(INSERT, row)
    db.execute("COMMIT")
    accepted = {"receipt": drawn[:26], "request_id": request_id, "reference": reference, "status": "waiting"}
    return {"statusCode": 201, "headers": JSON, "body": json.dumps(accepted)}
