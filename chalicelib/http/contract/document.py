"""
The contract: `openapi.json`, OpenAPI 3.1, built from the wire models and from one table of operations.

The tables of this package say what the models cannot: who may call an operation, with what beside a body, and every
code with which it may refuse. A test holds it to the routes of `app.py`, and another to what the server really
answers. Building fetches nothing and gives the same document every time; `make openapi` writes it, `make check` finds
drift.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from chalicelib.domain.errors import Refusal
from chalicelib.http import answer_models
from chalicelib.http.contract import (
    campaigns,
    desk,
    directory,
    erasures,
    pages,
    partners,
    publishing,
    reach,
    reference,
    requester,
    sessions,
)
from chalicelib.http.contract.parts import (
    FORM,
    HTML,
    JSON,
    LINKED_DATA,
    PARAMETERS,
    PARTNER,
    PLACES,
    PROBLEM,
    RECEIPT,
    REF,
    SIGNED_IN,
    UNFORESEEN,
    Operation,
    Plain,
    Schema,
    any_of,
)

if TYPE_CHECKING:
    from pydantic import BaseModel


def operations() -> tuple[Operation, ...]:
    """List every operation, in the order of `app.py`."""
    return (
        *requester.public(),
        *requester.mailbox(),
        *partners.referrals(),
        *directory.signposts(),
        *campaigns.campaigns(),
        *directory.feed(),
        *reach.reach(),
        *sessions.sessions(),
        *pages.pages(),
        *campaigns.pages(),
        *reach.page(),
        *reference.reference(),
        *desk.desk(),
        *partners.keys(),
        *reach.desk(),
        *sessions.hosting(),
        *publishing.publishing(),
        *erasures.erasures(),
        *requester.either(),
    )


# ---------------------------------------------------------------- the document


TAGS = {
    "helpline": "Who answers, when, and what is kept confidential",
    "requests": "Asking for help, without an account",
    "mailbox": "What a receipt opens; the receipt travels in a header and in nothing else",
    "partners": "Referring somebody with their consent, by key; from a partner's own server, never from a page",
    "signposts": "Where else there is help; for any site to fetch",
    "campaigns": "Dated efforts in one or more police force areas, and what their partners send and print",
    "directory": "The same, as Open Referral UK 3.0: for other directories to copy",
    "reach": "How many people asked for help, in figures that may be published",
    "sessions": "Live, anonymous questions and answers",
    "widget": "The same, as a script for any site to show",
    "pages": "Plain HTML that works without JavaScript",
    "desk": "The practitioners' side",
    "publishing": "What editors write: draft, preview, publish, go back",
    "hosting": "What the hosts of a live session do",
    "service": "The service itself",
}
ABOUT = """\
An anonymous contact-request and signposting API for a helpline. No account, cookie or address is kept.

Whatever goes wrong is answered as `application/problem+json` (RFC 9457) with a `code`, the places that are wrong, and
another way to reach help; outside `/v1` and `/oruk`, and on plain forms, a client that prefers `text/html` is given a
page instead. Nothing that was sent is repeated in it. Beside what each operation lists, an unknown path is 404
`not-found`, and a wrong method 405 `method-not-allowed` with `Allow`. Times are ISO 8601 in UTC. A request body has at
most 32 KiB, a sealed message 64 KiB."""


def build() -> dict[str, Any]:
    """Build the OpenAPI 3.1 document."""
    table = operations()
    paths: dict[str, Schema] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quietline", "version": "1.0", "summary": "Help, without being known", "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "responses": _refusals(table),
            "parameters": dict(PARAMETERS),
            "securitySchemes": {
                "receipt": {
                    "type": "http",
                    "scheme": "Receipt",
                    "description": "`Authorization: Receipt CODE`, with the code that the requester was given.",
                },
                "mailbox": {
                    "type": "http",
                    "scheme": "Mailbox",
                    "description": "`Authorization: Mailbox LOOKUP`, with the lookup value of a receipt that stays in"
                    " the browser: HKDF-SHA256 of the code with the info `quietline/1|lookup`, in base64url. Messages"
                    " are then given as they are sealed, and what is written in the clear has no copy there.",
                },
                "partner": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A partner's key, as a supervisor of the helpline issued it: `qlp_`, and what"
                    " follows. Missing, mistyped, unknown and revoked keys are refused alike.",
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of the helpline's OpenID Connect issuer; each operation names its scope.",
                },
            },
        },
    }


def _schemas(table: tuple[Operation, ...]) -> Schema:
    wanted: list[type[BaseModel]] = [answer_models.Problem]
    for operation in table:
        wanted += [*operation.bodies, *(each for each in operation.answers.values() if each is not None)]
    unique = sorted(set(wanted), key=lambda each: each.__name__)
    # An answer is described as it may be read: a field with a default may be absent.
    _, described = models_json_schema(
        [(each, "validation") for each in unique], ref_template=REF, schema_generator=Plain
    )
    schemas: Schema = _without_null_defaults(described["$defs"])
    schemas["Place"] = PLACES
    schemas["SignpostSearch"]["properties"]["region"] = {
        "anyOf": [{"$ref": REF.format(model="Place")}, {"type": "null"}]
    }
    return dict(sorted(schemas.items()))


def _without_null_defaults(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, dict):
        return {
            name: _without_null_defaults(value)
            for name, value in schema.items()
            if not (name == "default" and value is None)
        }
    return [_without_null_defaults(each) for each in schema] if isinstance(schema, list) else schema


def _operation(operation: Operation) -> Schema:
    document: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": _security(operation.caller),
    }
    if operation.parameters:
        document["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in operation.parameters]
    if operation.body is not None or operation.form is not None:
        document["requestBody"] = _request_body(operation)
    document["responses"] = _responses(operation)
    return document


def _security(caller: str | None) -> list[dict[str, list[str]]]:
    if caller is None:
        return []
    if caller == PARTNER:
        return [{"partner": []}]
    if caller == RECEIPT:
        return [{"receipt": []}, {"mailbox": []}]
    return [{"bearer": [] if caller == SIGNED_IN else [caller]}]


def _request_body(operation: Operation) -> Schema:
    content: Schema = {}
    if operation.body is not None:
        bodies: list[Schema] = [{"$ref": REF.format(model=each.__name__)} for each in operation.bodies]
        bodies += [{}] if operation.forgiving else []
        content[JSON] = {"schema": bodies[0] if len(bodies) == 1 else {"anyOf": bodies}, "example": operation.example}
    if operation.form is not None:
        shown = {"example": operation.example} if operation.body is None and operation.example is not None else {}
        content[FORM] = {"schema": operation.form, **shown}
    return {"required": operation.body_required, "content": content}


def _responses(operation: Operation) -> Schema:
    refusals = any_of(operation.refuses, UNFORESEEN)
    responses: Schema = {
        str(status): {"$ref": f"#/components/responses/{_name_of(status, codes, operation)}"}
        for status, codes in refusals.items()
    }
    for status, model in operation.answers.items():
        answer = _answer(operation, status, model)
        if status in refusals:
            answer["content"].update(_refusal(status, refusals[status], operation)["content"])
        responses[str(status)] = answer
    return dict(sorted(responses.items()))


def _answer(operation: Operation, status: int, model: type[BaseModel] | None) -> Schema:
    answer: Schema = {"description": HTTPStatus(status).phrase}
    text = {"schema": {"type": "string"}}
    if model is not None:
        answer["content"] = {JSON: {"schema": {"$ref": REF.format(model=model.__name__)}}}
        if operation.linked_data:
            answer["content"][LINKED_DATA] = {"schema": {"type": "object"}}
        if operation.pages_too:
            answer["content"][HTML] = text
    elif (operation.page or operation.media) and status != HTTPStatus.NOT_MODIFIED:
        answer["content"] = {operation.media or HTML: text}
    elif status == HTTPStatus.OK and not operation.files:
        answer["content"] = {JSON: {"schema": {"type": "object"}}}
    if status == HTTPStatus.OK and operation.files:
        answer.setdefault("content", {}).update({media: {} for media in operation.files})
    if operation.cached:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return answer


def _refusals(table: tuple[Operation, ...]) -> Schema:
    refusals = {
        _name_of(status, codes, operation): _refusal(status, codes, operation)
        for operation in table
        for status, codes in any_of(operation.refuses, UNFORESEEN).items()
        if status not in operation.answers
    }
    return dict(sorted(refusals.items()))


def _name_of(status: int, codes: tuple[str, ...], operation: Operation) -> str:
    return ".".join((str(status), *codes, *(("page",) if operation.refuses_in_pages else ())))


def _refusal(status: int, codes: tuple[str, ...], operation: Operation) -> Schema:
    schema = {
        "allOf": [{"$ref": REF.format(model=answer_models.Problem.__name__)}],
        "properties": {"status": {"const": status}, "code": {"enum": list(codes)}},
    }
    return {
        "description": f"{_kind_of(status)}: {', '.join(f'`{code}`' for code in codes)}",
        "content": {
            PROBLEM: {"schema": schema},
            **({HTML: {"schema": {"type": "string"}}} if operation.refuses_in_pages else {}),
        },
    }


def _kind_of(status: int) -> str:
    """Say what a status means here, in the words of the refusal that carries it."""
    for refusal in Refusal.__subclasses__():
        if refusal.status == status and refusal.__module__ == Refusal.__module__ and refusal.__doc__:
            return refusal.__doc__.split(";")[0].split(":")[0].strip().rstrip(".")
    return "Something failed that nobody foresaw"
