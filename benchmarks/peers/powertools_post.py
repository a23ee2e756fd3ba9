"""
The aws-lambda-powertools peer of a POST: its resolver with validation on, our wire model, and the write of `accepting`.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from chalicelib.http.models import CallbackSubmission  # noqa: TC001 - Powertools reads it

if "PEER_TABLE" in os.environ:
    from putting import accept
else:
    from accepting import accept

app = APIGatewayRestResolver(enable_validation=True)


@app.post("/v1/callbacks")
def submit(body: CallbackSubmission) -> Response[dict[str, Any]]:
    accepted = accept(body.statement_version, body.details.model_dump(exclude_none=True))
    return Response(status_code=201, content_type="application/json", body=accepted)


def handler(trigger: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer what API Gateway hands over."""
    return app.resolve(trigger, context)
