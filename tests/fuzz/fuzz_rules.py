"""
What every fuzz target holds the product to, and how an HTTP request is put before a parser without a server.

A refusal speaks a closed language: its code, and every part of its pointers, is a word that stands in our own source.
So whatever the input was, none of it can have come back.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalice.app import Request

if TYPE_CHECKING:
    from chalicelib.domain.errors import Refusal

SOURCE = Path(__file__).resolve().parents[2] / "chalicelib"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PERSONS_ENTRY = 200
"""Characters: what an error of Python's own may say at most, so that it cannot carry what somebody wrote."""


class Found(AssertionError):  # noqa: N818 - what the fuzzer is for
    """The product did what it must not do."""


def expect(holds: object, what: str) -> None:
    """Make sure of a property; unlike `assert` it stays when Python optimises."""
    if not holds:
        raise Found(what)


@functools.cache
def words() -> frozenset[str]:
    """Give every string that stands in our source, and every name of a field: all that a refusal may say."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(node.value.strip("/").split("/") if node.value.startswith("/") else [node.value])
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return frozenset(found)


def says_nothing(refusal: Refusal) -> None:
    """Make sure that a refusal says only words of ours."""
    expect(str(refusal) == refusal.code, "a refusal says more than its code")
    known = words()
    for code in (refusal.code, *(error.code for error in refusal.errors)):
        expect(code in known, "a code that is not ours")
    for error in refusal.errors:
        for part in error.pointer.split("/")[1:]:
            expect(part in known or (part.isascii() and part.isdigit() and len(part) < 4), "a pointer that is not ours")
    expect(refusal.__cause__ is None, "a refusal that carries what it came from")


def quiet(error: ValueError, data: bytes) -> None:
    """Make sure that an error of a parser, which logs and traces may show, holds nothing that was parsed."""
    held = [str(error), *map(str, error.args), *(str(value) for value in vars(error).values())]
    held += [str(getattr(error, name, "")) for name in ("doc", "object")]
    shown = data.decode("utf-8", "replace")
    expect(not any(shown[:12] in each for each in held if len(shown) >= 12), "an error that carries its input")


def http_request(
    body: bytes = b"",
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    path: str = "/v1/callbacks",
    method: str = "POST",
) -> Any:
    """Build a request as Chalice builds it from a gateway's event."""
    headers = headers or {}
    return Request(
        {
            "multiValueQueryStringParameters": query,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "pathParameters": None,
            "requestContext": {"httpMethod": method, "resourcePath": path},
            "body": body,
            "stageVariables": None,
        }
    )


def text_of(data: bytes) -> str:
    """Give bytes as the text of a header: every byte a character, as HTTP servers hand them on."""
    return data.decode("latin-1")
