"""The FastAPI peer on Lambda: Mangum turns what API Gateway hands over into ASGI; the documents are ready."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Header, Query
from fastapi.responses import Response
from mangum import Mangum

DOCUMENTS = json.loads(Path(os.environ["PEER_DOCUMENTS"]).read_text(encoding="utf-8"))
HEADERS = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language", "Access-Control-Allow-Origin": "*"}
AUDIENCES = Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
app = FastAPI(openapi_url=None)


def _answer(path: str, held: str | None) -> Response:
    document = DOCUMENTS[path]
    headers = {**HEADERS, "ETag": document["etag"]}
    if held == document["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(document["body"], media_type="application/json", headers=headers)


@app.get("/v1/signposts")
async def signposts(
    if_none_match: Annotated[str | None, Header()] = None,
    audience: Annotated[AUDIENCES | None, Query()] = None,  # noqa: ARG001 - checked, and asked for by nobody here
    region: Annotated[str | None, Query(max_length=20)] = None,  # noqa: ARG001
    language: Annotated[Literal["en", "cy"] | None, Query()] = None,  # noqa: ARG001
) -> Response:
    return _answer("/v1/signposts", if_none_match)


@app.get("/oruk/services")
async def services(
    if_none_match: Annotated[str | None, Header()] = None,
    page: Annotated[int, Query(ge=1)] = 1,  # noqa: ARG001
    per_page: Annotated[int, Query(ge=1, le=500)] = 50,  # noqa: ARG001
    search: Annotated[str | None, Query(min_length=1)] = None,  # noqa: ARG001
) -> Response:
    return _answer("/oruk/services", if_none_match)


handler = Mangum(app, lifespan="off")
