"""Schemas in words, for the pages about the API: short, in the contract's order, with links from one to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Document: TypeAlias = Mapping[str, Any]

Phrase: TypeAlias = "list[tuple[str, str | None]]"
"""Pieces of a sentence: a text, and the name of the shape that it links to, if any."""

_FORMATS = {
    "date": "a date",
    "date-time": "an instant",
    "uuid": "a UUID",
    "uri": "an address",
    "email": "an e-mail address",
}
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
}
_MANY = 12
"""So many words of a list are shown; who wants all of the regions finds them in `openapi.json`."""


def resolved(document: Document, thing: Document) -> Document:
    """Follow a reference into the components."""
    if "$ref" not in thing:
        return thing
    kind, name = thing["$ref"].split("/")[-2:]
    found: Document = document["components"][kind][name]
    return found


def name_of(ref: str) -> str:
    """Name the shape that a reference leads to."""
    return ref.rpartition("/")[2]


def refs(schema: object) -> Iterator[str]:
    """Name every shape that a schema refers to."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield name_of(value)
            else:
                yield from refs(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from refs(each)


def reachable(document: Document, names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe the shapes called *names* and all that they are made of, each once, in the order of the alphabet."""
    schemas, wanted, found = document["components"]["schemas"], list(names), set[str]()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += refs(schemas[name])
    return [_shape(name, schemas[name]) for name in sorted(found)]


def _shape(name: str, schema: Document) -> dict[str, Any]:
    required = schema.get("required", ())
    fields = [
        {
            "name": field,
            "required": field in required,
            "says": phrase(described),
            "description": described.get("description", ""),
        }
        for field, described in schema.get("properties", {}).items()
    ]
    return {
        "name": name,
        "description": schema.get("description", ""),
        "fields": fields,
        "says": [] if fields else phrase(schema),
    }


def phrase(schema: Document) -> Phrase:
    """Say what a schema lets pass."""
    if "$ref" in schema:
        return [(name_of(schema["$ref"]), name_of(schema["$ref"]))]
    if "const" in schema:
        return [(str(schema["const"]), None)]
    if "enum" in schema:
        words = [str(each) for each in schema["enum"]]
        more = len(words) - _MANY
        return [(" | ".join(words[:_MANY]) + (f" | {more} more" if more > 0 else ""), None)]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _joined([phrase(each) for each in choices], " or ")
    if schema.get("type") == "array":
        limit = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return [("a list of ", None), *phrase(schema.get("items", {})), (limit, None)]
    return [(_plain(schema), None)]


def _plain(schema: Document) -> str:
    said = _FORMATS.get(schema.get("format", "")) or _TYPES.get(schema.get("type", ""), "anything")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None or high is not None:
        said += f", {'' if low is None else low} to {'' if high is None else high}".replace("  ", " ")
    if "maxLength" in schema:
        said += f", at most {schema['maxLength']} characters"
    if "default" in schema:
        said += f"; {schema['default']} unless told"
    return said


def _joined(phrases: list[Phrase], between: str) -> Phrase:
    joined: Phrase = []
    for each in phrases:
        joined += [*([(between, None)] if joined else []), *each]
    return joined
