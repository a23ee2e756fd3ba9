"""A bare Lambda handler that does the whole work: what `accepting` does around the write, and nothing is validated."""

from __future__ import annotations

import json
from typing import Any

from accepting import accept
from bare import JSON


def handler(trigger: dict[str, Any], _context: object) -> dict[str, Any]:
    """Accept a callback."""
    body = json.loads(trigger["body"])
    return {"statusCode": 201, "headers": JSON, "body": json.dumps(accept(body["statement_version"], body["details"]))}
