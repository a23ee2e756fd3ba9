"""
The aws-lambda-powertools peer: its resolver for API Gateway, answering with documents that are ready.

With `PEER_VALIDATES` it checks what stands in the address as well, as ours does; that is a switch of the resolver's.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query

DOCUMENTS = json.loads(Path(os.environ["PEER_DOCUMENTS"]).read_text(encoding="utf-8"))
HEADERS = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language", "Access-Control-Allow-Origin": "*"}
AUDIENCES = Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
app = APIGatewayRestResolver(enable_validation="PEER_VALIDATES" in os.environ)


def _answer(path: str) -> Response[str]:
    document = DOCUMENTS[path]
    headers = {**HEADERS, "ETag": document["etag"]}
    if app.current_event.headers.get("If-None-Match") == document["etag"]:
        return Response(status_code=304, body="", headers=headers)
    return Response(status_code=200, content_type="application/json", body=document["body"], headers=headers)


@app.get("/v1/signposts")
def signposts(
    audience: Annotated[AUDIENCES | None, Query()] = None,  # noqa: ARG001 - checked, and asked for by nobody here
    region: Annotated[str | None, Query(max_length=20)] = None,  # noqa: ARG001
    language: Annotated[Literal["en", "cy"] | None, Query()] = None,  # noqa: ARG001
) -> Response[str]:
    return _answer("/v1/signposts")


@app.get("/oruk/services")
def services(
    page: Annotated[int, Query(ge=1)] = 1,  # noqa: ARG001
    per_page: Annotated[int, Query(ge=1, le=500)] = 50,  # noqa: ARG001
    search: Annotated[str | None, Query(min_length=1)] = None,  # noqa: ARG001
) -> Response[str]:
    return _answer("/oruk/services")


def handler(trigger: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(trigger, context)
