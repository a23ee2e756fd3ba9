"""
The FastAPI peer of a POST on Lambda: Mangum in front, our wire model, and the write of `accepting`.

The handler is a coroutine that writes at once: on Lambda nobody else waits, and a thread pool would only cost.
"""

from __future__ import annotations

import os

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from mangum import Mangum

from chalicelib.http.models import CallbackSubmission  # noqa: TC001 - FastAPI reads it

if "PEER_TABLE" in os.environ:
    from putting import accept
else:
    from accepting import accept

app = FastAPI(openapi_url=None)


@app.post("/v1/callbacks")
async def submit(body: CallbackSubmission) -> Response:
    return JSONResponse(accept(body.statement_version, body.details.model_dump(exclude_none=True)), 201)


handler = Mangum(app, lifespan="off")
