"""The aws-lambda-powertools peer: its resolver for API Gateway, answering with documents that are ready."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

DOCUMENTS = json.loads(Path(os.environ["PEER_DOCUMENTS"]).read_text(encoding="utf-8"))
HEADERS = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language", "Access-Control-Allow-Origin": "*"}
app = APIGatewayRestResolver()


def _answer(path: str) -> Response[str]:
    document = DOCUMENTS[path]
    headers = {**HEADERS, "ETag": document["etag"]}
    if app.current_event.headers.get("If-None-Match") == document["etag"]:
        return Response(status_code=304, body="", headers=headers)
    return Response(status_code=200, content_type="application/json", body=document["body"], headers=headers)


@app.get("/v1/signposts")
def signposts() -> Response[str]:
    return _answer("/v1/signposts")


@app.get("/oruk/services")
def services() -> Response[str]:
    return _answer("/oruk/services")


def handler(trigger: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(trigger, context)
