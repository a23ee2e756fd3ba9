"""A bare Lambda handler with boto3: json in, one put, json out; nothing is validated or sealed."""

from __future__ import annotations

import json
from typing import Any

from putting import accept

JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def handler(trigger: dict[str, Any], _context: object) -> dict[str, Any]:
    """Accept a callback."""
    body = json.loads(trigger["body"])
    return {"statusCode": 201, "headers": JSON, "body": json.dumps(accept(body["statement_version"], body["details"]))}
