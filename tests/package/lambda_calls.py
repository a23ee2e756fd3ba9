"""What API Gateway hands to a function, and a function of an unpacked zip to hand it to."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

AS_LAMBDA = Path(__file__).with_name("as_lambda.py")


def rest_event(
    template: dict[str, Any], method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """
    Write the event that a REST API of *template* makes of a request, with everything that it tells of the caller.

    Where files may be answered, whatever is sent counts as one and comes in base64.
    """
    definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    encoded = "*/*" in definition.get("x-amazon-apigateway-binary-media-types", ()) and body is not None
    text = None if body is None else json.dumps(body)
    resource, parameters = _resource(template, path.partition("?")[0])
    asked = parse_qsl(path.partition("?")[2])
    sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(asked) or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in asked} or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/live{path}",
            "stage": "live",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "Mozilla/5.0"},
        },
        "body": base64.b64encode(text.encode()).decode() if encoded and text is not None else text,
        "isBase64Encoded": encoded,
    }


def _resource(template: dict[str, Any], path: str) -> tuple[str, dict[str, str]]:
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    for resource in sorted(paths, key=lambda each: each.count("{")):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(resource))
        if found := re.fullmatch(pattern, path):
            return resource, found.groupdict()
    raise LookupError(path)


def call(folder: Path, handler: str, *events: dict[str, Any], options: tuple[str, ...] = (), **settings: str):
    """Hand events to a function in a fresh process; give its answers, and where it took code from besides the zip."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("QUIETLINE_", "AWS_", "PYTHON"))},
        "AWS_REGION": "eu-west-2",
        **settings,
    }
    command = [sys.executable, "-I", "-S", "-B", str(AS_LAMBDA), str(folder), handler, *options]
    ran = subprocess.run(
        command,
        input="".join(json.dumps(event) + "\n" for event in events),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *answers, last = [json.loads(line) for line in ran.stdout.splitlines()]
    return answers, last["elsewhere"], ran.stderr
