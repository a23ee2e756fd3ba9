"""What the peers of the cold start share: the first put of an accepted callback with boto3's DynamoDB client."""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64encode
from typing import Any

import boto3

SEALED_SIZE = 4651
"""Bytes of a sealed callback, as in `bare.py`."""
HOUR = 3_600_000_000
SLOT = "2026-11-24T18:00Z/2h"
table = os.environ["PEER_TABLE"]
client = boto3.client("dynamodb")


def accept(statement_version: str, details: dict[str, Any]) -> dict[str, Any]:
    """Put one item with the head and a body of the same size, and give the answer."""
    drawn = urlsafe_b64encode(os.urandom(48)).decode()
    request_id, reference, now = drawn[:43], drawn[43:], time.time_ns() // 1000
    hour = now - now % HOUR
    numbers = {"submitted_at": hour, "due_at": hour + 2 * HOUR, "expires_at": hour + 90 * 24 * HOUR, "number": 0}
    texts = {
        "kind": "callback",
        "language": "en",
        "reference": reference,
        "status": "waiting",
        "windows": SLOT,
        "statement_version": statement_version,
        "fingerprint": request_id + request_id[:21],
    }
    item = {
        "p": {"S": f"bare#{request_id}"},
        "s": {"S": "head"},
        **{name: {"S": text} for name, text in texts.items()},
        **{name: {"N": str(number)} for name, number in numbers.items()},
        "content": {"B": json.dumps(details).encode().ljust(SEALED_SIZE, b"\0")},
    }
    client.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(p)")
    return {"receipt": drawn[:26], "request_id": request_id, "reference": reference, "status": "waiting"}
