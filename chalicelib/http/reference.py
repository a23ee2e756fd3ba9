"""
The pages about the API, from `openapi.json`: an index and a page for each of its tags, whole without JavaScript.

Everything that stands on them comes from the contract, the examples too: each is a `curl` command to copy, and the
tests run every one against a server. They fetch nothing but a small script, which copies for those who have it run.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import NotFound
from chalicelib.http import reference_shapes, shapes, widget
from chalicelib.http.public import OPENAPI

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalice.app import Request, Response
    from jinja2 import Environment

    Document = Mapping[str, Any]

TEMPLATES = Path(__file__).parent / "templates"
_JSON, _FORM, _PROBLEM = "application/json", "application/x-www-form-urlencoded", "application/problem+json"
HEAVIEST = 56_000
"""Bytes of a page; past it what is sent and answered is described on a page of its own, so that both come quickly."""
_SHAPES = "-shapes"
_FRESH_KEY = "$(head -c 18 /dev/urandom | base64)"
_CREDENTIALS = {"receipt": "Receipt $RECEIPT", "bearer": "Bearer $TOKEN", "partner": "Bearer $KEY"}
_KNOWN_LATER = {
    "request_id": "$REQUEST_ID",
    "referral_id": "$REFERRAL_ID",
    "key_id": "$KEY_ID",
    "entry_id": "$ENTRY_ID",
}
"""What an example cannot know: a variable of the shell stands for it, and the index says where it comes from."""
_MARKS = re.compile(r"`|\*(?=\w)|(?<=\w)\*")
"""What stands between words and code in a description; every other piece is code."""
_OF_ALL = ("lang", "Accept-Language", "If-None-Match")
"""What is the same for every operation stands on the index, once."""


class Reference:
    """Serves `GET /docs` and `GET /docs/{topic}`; *site* is the address that examples begin with."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._pages: dict[str, str] = {}

    def index(self, _http_request: Request) -> Response:
        """Show what there is, how to try it, and how a partner shows it."""
        return self._page("")

    def topic(self, _http_request: Request, topic: str) -> Response:
        """
        Show one part of the API with all its operations.

        Raises:
            NotFound: `not-found`, the contract has no such tag.
        """
        return self._page(topic)

    def _page(self, topic: str) -> Response:
        if topic not in self._pages:
            self._pages[topic] = self._render(topic)
        return shapes.page(self._pages[topic], self._headers, 200)

    def _render(self, topic: str) -> str:
        document: Document = json.loads(OPENAPI.read_text(encoding="utf-8"))
        topics = {tag["name"]: tag["description"] for tag in document["tags"]}
        common = {"style": self._style, "info": document["info"], "topics": topics, "site": self._site}
        if not topic:
            return self._templates.get_template("docs.html").render(
                **common,
                operations={name: [each for each in _listed(document) if each["tag"] == name] for name in topics},
                schemes=document["components"]["securitySchemes"],
                embedding=widget.embedding(self._site),
                widget=f"/widget/{widget.LATEST}.js",
                integrity=widget.VERSIONS[widget.LATEST],
            )
        tag = topic.removesuffix(_SHAPES)
        if tag not in topics:
            raise NotFound("not-found")
        operations = [operation(document, each) for each in _listed(document) if each["tag"] == tag]
        made_of = reference_shapes.reachable(document, [ref for each in operations for ref in each["refs"]])
        template = self._templates.get_template("docs_topic.html")
        if tag != topic:
            title = f"{tag}: the shapes"
            return template.render(**common, tag=tag, title=title, operations=(), shapes=made_of, shapes_at="")
        common |= {"tag": tag, "title": tag, "operations": operations}
        whole = template.render(**common, shapes=made_of, shapes_at="")
        if len(whole.encode()) <= HEAVIEST:
            return whole
        return template.render(**common, shapes=(), shapes_at=f"/docs/{tag}{_SHAPES}")

    @cached_property
    def _style(self) -> str:
        return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("quietline.css", "docs.css"))

    @cached_property
    def _headers(self) -> dict[str, str]:
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        return {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Language": "en",
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'self';"
            " form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    @cached_property
    def _templates(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only pages pay for it
        from markupsafe import Markup  # noqa: PLC0415

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters["in_pieces"] = lambda path: Markup("<wbr>/").join(path.split("/"))
        environment.filters["pieces"] = _MARKS.split
        environment.filters["phrase"] = lambda status: HTTPStatus(int(status)).phrase
        return environment


def _listed(document: Document) -> Iterator[Document]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield {"path": path, "method": method.upper(), "tag": described["tags"][0], **described}


def operation(document: Document, listed: Document) -> dict[str, Any]:
    """Give one operation as its page shows it: who may call it, what stands in it, what it answers, an example."""
    parameters = [reference_shapes.resolved(document, each) for each in listed.get("parameters", ())]
    content: Document = listed.get("requestBody", {}).get("content", {})
    bodies = [part["schema"] for media, part in content.items() if media == _JSON]
    answers, refusals = [], []
    for status, response in listed["responses"].items():
        answered = reference_shapes.resolved(document, response)
        media = answered.get("content", {})
        if int(status) < HTTPStatus.BAD_REQUEST or _JSON in media:
            schema = media.get(_JSON, {}).get("schema")
            answers.append(
                {
                    "status": status,
                    "media": [each for each in media if each != _PROBLEM],
                    "says": reference_shapes.phrase(schema) if schema and "$ref" in schema else [],
                    "schema": schema,
                }
            )
        if _PROBLEM in media and status != "500":
            codes = media[_PROBLEM]["schema"]["properties"]["code"]["enum"]
            refusals.append({"status": status, "codes": codes})
    schemas = [each["schema"] for each in parameters if each["name"] not in _OF_ALL]
    schemas += [*bodies, *(each["schema"] for each in answers if each["schema"])]
    return {
        "id": listed["operationId"],
        "method": listed["method"],
        "path": listed["path"],
        "summary": listed["summary"],
        "callers": [(name, scopes) for each in listed["security"] for name, scopes in each.items()],
        "parameters": [
            {
                "name": each["name"],
                "in": each["in"],
                "required": each["required"],
                "description": each["description"],
                "says": reference_shapes.phrase(each["schema"]),
            }
            for each in parameters
            if each["name"] not in _OF_ALL
        ],
        "body": [reference_shapes.phrase(each) for each in bodies],
        "form": _FORM in content,
        "answers": answers,
        "refusals": refusals,
        "example": curl(listed, parameters, content),
        "succeeds": min(listed["responses"], key=int),
        "refs": [ref for schema in schemas for ref in reference_shapes.refs(schema)],
    }


def curl(listed: Document, parameters: list[Document], content: Document) -> str:
    """Write the command that calls an operation, for `sh`; `$API` is the address of the site."""
    method = listed["method"]
    path, asked = listed["path"], []
    for each in parameters:
        value = str(each.get("example", ""))
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", _KNOWN_LATER.get(each["name"], value))
        elif each["in"] == "query" and value and (method == "GET" or each["required"]):
            asked.append(f"{each['name']}={value}")
    body = content.get(_JSON)
    posts = body is not None or _FORM in content
    verb = "" if method == ("POST" if posts else "GET") else f"-X {method} "
    lines = [f'curl -si {verb}"$API{path}{"?" if asked else ""}{"&".join(asked)}"']
    if listed["security"]:
        scheme = next(iter(listed["security"][0]))
        lines.append(f'-H "Authorization: {_CREDENTIALS.get(scheme, f"{scheme.capitalize()} ${scheme.upper()}")}"')
    if any(each["name"] == "Idempotency-Key" for each in parameters):
        lines.append(f'-H "Idempotency-Key: {_FRESH_KEY}"')
    if any(each["name"] == "If-Match" for each in parameters):
        lines.append('-H "If-Match: $ETAG"')
    if body is not None:
        written = json.dumps(body["example"], indent=2, ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{written}'"]
    elif posts:
        shown = content[_FORM].get("example") or {
            name: f"${name.upper()}" for name in content[_FORM]["schema"]["required"]
        }
        lines += [f'--data-urlencode "{name}={value}"' for name, value in shown.items()]
    return " \\\n  ".join(lines)
