"""
Reading what arrives: language, query, JSON and form bodies, with limits.

Everything here answers a broken input with a place and a code, and never with the input: pydantic's messages, its
`loc` for unknown keys and a JSON parser's excerpts all carry what somebody typed.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args
from urllib.parse import parse_qsl

from chalicelib.domain.errors import FieldError, Invalid, Malformed, TooLarge, Unsupported

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from chalice.app import Request
    from pydantic import BaseModel, ValidationError

LANGUAGES = ("en", "cy")
LARGEST_NUMBER = 10**9
"""Of a page: enough for everybody, and nothing that an index would choke on."""
BODY_LIMIT = 32 * 1024
"""Bytes of a body that a requester or a practitioner may send; the longest honest request is under 20 KiB."""
SEALED_LIMIT = 64 * 1024
"""Bytes of a message that a browser sealed: twice the words, for the desk and for the mailbox, in base64url."""
FORM_FIELDS_LIMIT = 64

_WHOLE = re.compile(r"[0-9]{1,10}")

Model = TypeVar("Model", bound="BaseModel")
Other = TypeVar("Other", bound="BaseModel")

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown-key",
    "string_too_long": "too-long",
    "too_long": "too-many",
    "string_too_short": "too-short",
    "too_short": "too-short",
    "literal_error": "unknown-value",
    "enum": "unknown-value",
    "string_pattern_mismatch": "invalid",
}


def language_of(http_request: Request) -> str:
    """Choose English or Welsh: `lang=` when it names one, else the better liked in `Accept-Language`, else English."""
    asked = None if http_request.query_params is None else http_request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    return preferred_language(http_request.headers.get("accept-language") or "")


def said_language(http_request: Request) -> str | None:
    """Give the language that a client asks for, or None if it says nothing of English or Welsh."""
    asked = None if http_request.query_params is None else http_request.query_params.get("lang")
    header = (http_request.headers.get("accept-language") or "").lower()
    said = asked in LANGUAGES or any(value.split("-")[0] in LANGUAGES for _, value in _weighted(header))
    return language_of(http_request) if said else None


def preferred_language(header: str) -> str:
    """Choose by an `Accept-Language` header alone."""
    if "cy" not in header.lower():
        return "en"
    liked = {tag.split("-")[0]: quality for quality, tag in sorted(_weighted(header))}
    return "cy" if liked.get("cy", 0.0) > liked.get("en", liked.get("*", 0.0)) else "en"


def prefers_html(http_request: Request) -> bool:
    """Tell whether the client would rather see a page than JSON, as a browser does when it posts a plain form."""
    header = http_request.headers.get("accept") or ""
    if "html" not in header:
        return False
    liked = {media: quality for quality, media in sorted(_weighted(header))}
    html = max(liked.get("text/html", 0.0), liked.get("application/xhtml+xml", 0.0))
    return html > 0 and html >= max(liked.get("application/json", 0.0), liked.get("application/problem+json", 0.0))


def _weighted(header: str) -> Iterator[tuple[float, str]]:
    for part in header.lower().split(",")[:32]:
        value, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        yield quality, value


def query(http_request: Request, name: str) -> str | None:
    """
    Give the one value of a query parameter, or None when it is absent.

    Raises:
        Malformed: it is given twice, or is empty.
    """
    parameters = http_request.query_params
    if parameters is None or name not in parameters:
        return None
    values = parameters.getlist(name)
    if len(values) != 1:
        raise Malformed("repeated", pointer=f"/{name}")
    if not values[0]:
        raise Malformed("empty", pointer=f"/{name}")
    return str(values[0])


def chosen(http_request: Request, name: str, known: Collection[str]) -> str | None:
    """
    Give the value of a filter, one of the *known* ones, or None when it is absent.

    Raises:
        Malformed: it is empty, given twice, or not known.
    """
    value = query(http_request, name)
    if value is not None and value not in known:
        raise Malformed("unknown-value", pointer=f"/{name}")
    return value


def content_language(http_request: Request) -> str:
    """
    Choose the language of content: `language`, which must be one of ours, before what `language_of` finds.

    Raises:
        Malformed: `language` is empty, given twice, or neither `en` nor `cy`.
    """
    asked = chosen(http_request, "language", LANGUAGES) if http_request.query_params else None
    return asked or language_of(http_request)


def whole(http_request: Request, name: str, low: int, high: int) -> int | None:
    """
    Give the whole number of a query parameter, from *low* to *high*, or None when it is absent.

    Raises:
        Malformed: it is given twice, is empty, or is no such number.
    """
    text = query(http_request, name)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise Malformed("invalid", pointer=f"/{name}")
    return int(text)


def media_type(http_request: Request) -> str:
    """Give the body's media type, lower-cased and without parameters; a missing one means JSON."""
    return (http_request.headers.get("content-type") or "application/json").split(";")[0].strip().lower()


def is_form(http_request: Request) -> bool:
    """Tell whether the body is a plain HTML form post."""
    return media_type(http_request) == "application/x-www-form-urlencoded"


def json_body(
    http_request: Request,
    model: type[Model],
    *,
    limit: int = BODY_LIMIT,
    sealed: type[Other] | None = None,
    sealed_limit: int = BODY_LIMIT,
) -> Model | Other:
    """
    Read the body as strict JSON into a wire model, or into *sealed* where it says `sealed` in the clear words' place.

    A sealed body may have up to *sealed_limit* bytes.

    Raises:
        Unsupported: the media type is not JSON.
        TooLarge: the body is over *limit* bytes.
        Malformed: not UTF-8 JSON (NaN, UTF-16 and documents nested too deep included).
        Invalid: it violates the schema; every place at once.
    """
    import pydantic_core  # noqa: PLC0415 - a GET of content reads no body

    media = media_type(http_request)
    if media != "application/json" and not media.endswith("+json"):
        raise Unsupported("media-type")
    raw = _raw(http_request, max(limit, sealed_limit))
    try:
        parsed = pydantic_core.from_json(raw, allow_inf_nan=False, cache_strings="none")
    except ValueError:
        raise Malformed("unreadable-json") from None
    if sealed is not None and is_sealed(parsed):
        return validated(sealed, raw)
    if len(raw) > limit:
        raise TooLarge("too-large")
    return validated(model, raw)


def is_sealed(body: object) -> bool:
    """Tell whether a body's words were sealed by whoever sent it; one that holds both is neither, and is refused."""
    return isinstance(body, dict) and "sealed" in body and "details" not in body and "text" not in body


def validated(model: type[Model], raw: bytes | str) -> Model:
    """
    Check JSON against a wire model.

    Raises:
        Invalid: every violation, as known pointers and codes.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - the models have loaded it

    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise Invalid(tuple(_field_errors(model, error))) from None


def form_body(
    http_request: Request, *, limit: int = BODY_LIMIT, sealed_limit: int = BODY_LIMIT
) -> dict[str, list[str]]:
    """
    Read a plain form post: field name to its values, blank ones left out; a sealed one may have *sealed_limit* bytes.

    Raises:
        TooLarge: the body is over *limit* bytes.
        Malformed: not UTF-8, or more than 64 fields.
    """
    fields: dict[str, list[str]] = {}
    try:
        text = _raw(http_request, max(limit, sealed_limit)).decode("ascii")
        for name, value in parse_qsl(text, max_num_fields=FORM_FIELDS_LIMIT, encoding="utf-8", errors="strict"):
            if value.strip():
                fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    except ValueError:
        raise Malformed("unreadable-form") from None
    if len(text) > limit and "sealed" not in fields:
        raise TooLarge("too-large")
    return fields


def _raw(http_request: Request, limit: int) -> bytes:
    try:
        raw = http_request.raw_body
    except ValueError:
        raise Malformed("unreadable-body") from None
    raw = raw.encode() if isinstance(raw, str) else raw
    if len(raw) > limit:
        raise TooLarge("too-large")
    return raw


def _field_errors(model: type[BaseModel], error: ValidationError) -> Iterator[FieldError]:
    known = _known_names(model)
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        kind = found["type"]
        place = found["loc"][:-1] if kind == "extra_forbidden" else found["loc"]
        parts = [str(part) for part in place if isinstance(part, int) or part in known]
        code = _CODES.get(kind, kind if "-" in kind else "wrong-type" if kind.endswith("_type") else "invalid")
        yield FieldError("".join(f"/{part}" for part in parts), code)


@cache
def _known_names(model: type[BaseModel]) -> frozenset[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(field.alias or name)
        for inner in _models_in(field.annotation):
            names |= _known_names(inner)
    return frozenset(names)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - annotations are any object
    from pydantic import BaseModel  # noqa: PLC0415 - the models have loaded it

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
