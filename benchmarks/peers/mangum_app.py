"""The FastAPI peer on Lambda: Mangum turns what API Gateway hands over into ASGI; the documents are ready."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.responses import Response
from mangum import Mangum

DOCUMENTS = json.loads(Path(os.environ["PEER_DOCUMENTS"]).read_text(encoding="utf-8"))
HEADERS = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language", "Access-Control-Allow-Origin": "*"}
app = FastAPI(openapi_url=None)


def _answer(path: str, held: str | None) -> Response:
    document = DOCUMENTS[path]
    headers = {**HEADERS, "ETag": document["etag"]}
    if held == document["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(document["body"], media_type="application/json", headers=headers)


@app.get("/v1/signposts")
async def signposts(if_none_match: Annotated[str | None, Header()] = None) -> Response:
    return _answer("/v1/signposts", if_none_match)


@app.get("/oruk/services")
async def services(if_none_match: Annotated[str | None, Header()] = None) -> Response:
    return _answer("/oruk/services", if_none_match)


handler = Mangum(app, lifespan="off")
