"""
What API Gateway answers by itself, and how it hands requests on.

Its own error texts echo what was sent (`$context.error.messageString` repeats credentials), so every one is replaced by
a constant: problem+json that says how to reach help another way.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROBLEM = "application/problem+json"

RESPONSES: Mapping[str, tuple[int, str]] = {
    "DEFAULT_4XX": (400, "malformed"),
    "DEFAULT_5XX": (500, "internal"),
    "ACCESS_DENIED": (403, "forbidden"),
    "API_CONFIGURATION_ERROR": (500, "internal"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "internal"),
    "AUTHORIZER_FAILURE": (500, "internal"),
    "BAD_REQUEST_BODY": (400, "malformed"),
    "BAD_REQUEST_PARAMETERS": (400, "malformed"),
    "EXPIRED_TOKEN": (403, "forbidden"),
    "INTEGRATION_FAILURE": (503, "busy"),
    "INTEGRATION_TIMEOUT": (504, "busy"),
    "INVALID_API_KEY": (403, "forbidden"),
    "INVALID_SIGNATURE": (403, "forbidden"),
    # What the gateway calls a missing token is a path that does not exist.
    "MISSING_AUTHENTICATION_TOKEN": (404, "not-found"),
    "QUOTA_EXCEEDED": (429, "busy"),
    "REQUEST_TOO_LARGE": (413, "too-large"),
    "RESOURCE_NOT_FOUND": (404, "not-found"),
    "THROTTLED": (429, "busy"),
    "UNAUTHORIZED": (401, "unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "media-type"),
    "WAF_FILTERED": (403, "forbidden"),
}
"""Every gateway response there is, with the status and code that it is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """
    How one face's gateway behaves: *patience* in milliseconds, *any_site* whether pages elsewhere ask.

    *files* says that some answers are no text. Which ones, the function says of each (`isBase64Encoded`); the gateway
    decides by the first media type that a client accepts, which in a browser is `text/html` whatever it fetches, so
    that only `*/*` lets files through. Bodies of requests then come in base64 as well.
    """

    patience: int
    any_site: bool
    files: bool = False

    def finish(self, definition: dict[str, Any], problem: Callable[[int, str], Mapping[str, Any]]) -> None:
        """Complete Chalice's description of the API; *problem* makes a problem of a status and a code."""
        for operations in definition["paths"].values():
            ours = [each for each in operations.values() if _integration(each)["type"] == "aws_proxy"]
            for operation in ours:
                _integration(operation)["timeoutInMillis"] = self.patience
            # A path answers every method, so that a wrong one is told which are right: 405 with Allow.
            operations["x-amazon-apigateway-any-method"] = copy.deepcopy(ours[0])
        if self.files:
            definition["x-amazon-apigateway-binary-media-types"] = ["*/*"]
        definition["x-amazon-apigateway-gateway-responses"] = {
            kind: self._response(status, problem(status, code)) for kind, (status, code) in RESPONSES.items()
        }

    def _response(self, status: int, document: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if status in (429, 503, 504):
            headers["Retry-After"] = "30"
        if self.any_site:
            headers["Access-Control-Allow-Origin"] = "*"
        return {
            "statusCode": str(status),
            "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
            "responseTemplates": {"application/json": json.dumps(document, ensure_ascii=True)},
        }


def _integration(operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = operation["x-amazon-apigateway-integration"]
    return found
