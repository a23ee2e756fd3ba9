"""A bare Lambda handler that has a document ready, and knows nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

DOCUMENTS = json.loads(Path(os.environ["PEER_DOCUMENTS"]).read_text(encoding="utf-8"))


def handler(trigger: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer with it."""
    document = DOCUMENTS[trigger["path"]]
    headers = {"Content-Type": "application/json", "ETag": document["etag"]}
    return {"statusCode": 200, "headers": headers, "body": document["body"]}
