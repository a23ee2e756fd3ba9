"""
Writes the typed Python client in `examples/` anew from the contract, or says that somebody forgot to.

`python -m chalicelib.local.client` writes it; with `--check` it writes nothing, and ends with status 1 if the committed
one differs. Every shape of the contract becomes a TypedDict and every operation that speaks JSON a method, so that a
type checker tells a partner what their program gets wrong before the helpline does.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.http.contract import JSON, build
from chalicelib.http.reference_shapes import name_of, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Document = Mapping[str, Any]

CLIENT = Path(__file__).parents[2] / "examples" / "quietline_client.py"
TRANSPORT = Path(__file__).parent / "client_transport.py"
HEAD = '''\
"""
A typed client of Quietline, one file to copy: Python 3.11 and its standard library.

Made from `openapi.json` by `make client`; not to be edited.

    helpline = Quietline("https://help.example", language="cy")
    for signpost in helpline.list_signposts(audience="someone-else")["signposts"]:
        print(signpost["name"], signpost["url"])
"""
'''
_PLAIN = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}
_OF_ALL = ("lang", "Accept-Language", "If-None-Match", "Idempotency-Key")
"""What the transport sends by itself, or is given once."""


def client() -> str:
    """Give the client as it is committed."""
    document = build()
    transport = TRANSPORT.read_text(encoding="utf-8").split('"""', 2)[2]
    wanted = "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict"
    parts = [HEAD, transport.replace("from typing import Any", wanted, 1), *_shapes(document), *_methods(document)]
    return _formatted("\n".join(parts))


def _formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", CLIENT.name, "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout  # noqa: S603


def annotation(schema: Document) -> str:
    """Give the type of what a schema lets pass."""
    if "$ref" in schema:
        return name_of(schema["$ref"])
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]"
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(annotation(each) for each in schema["anyOf"] if each))  # {} lets anything pass
    if schema.get("type") == "array":
        return f"list[{annotation(schema.get('items', {}))}]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"dict[str, {annotation(schema['additionalProperties'])}]"
    return _PLAIN.get(schema.get("type", ""), "Any")


def _shapes(document: Document) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        if "properties" not in schema:
            yield f"{name}: TypeAlias = {annotation(schema)}"
            continue
        required = schema.get("required", ())
        yield f"class {name}(TypedDict):"
        yield _docstring(schema.get("description") or "A part of what is sent or answered.")
        for field, described in schema["properties"].items():
            kind = annotation(described)
            yield f"    {field}: {kind if field in required else f'NotRequired[{kind}]'}"


def _methods(document: Document) -> Iterator[str]:
    schemes = document["components"]["securitySchemes"]
    yield "class Quietline(Transport):"
    yield '    """One helpline, at its *address*; what a method raises is `Refused`."""'
    given = "".join(f", {name}: str | None = None" for name in schemes)
    yield f'    def __init__(self, address: str, *, language: str = "en", timeout: float = 10.0{given}) -> None:'
    known = ", ".join(
        f'"{name}": None if {name} is None else f"{scheme["scheme"].capitalize()} {{{name}}}"'
        for name, scheme in schemes.items()
    )
    yield f"        super().__init__(address, language=language, timeout=timeout, credentials={{{known}}})"
    for path, methods in document["paths"].items():
        for verb, operation in methods.items():
            answer = _answer(document, operation)
            if answer is not None:
                yield from _method(document, path, verb.upper(), operation, answer)


def _answer(document: Document, operation: Document) -> str | None:
    """Give the type of what an operation answers when all is well; None if that is no JSON."""
    kinds = []
    for status, response in operation["responses"].items():
        media = resolved(document, response).get("content", {})
        if status == "204":
            kinds.append("None")
        elif status.startswith("2"):
            if JSON not in media:
                return None
            kinds.append(annotation(media[JSON]["schema"]))
    return " | ".join(dict.fromkeys(kinds))


def _method(document: Document, path: str, verb: str, operation: Document, answer: str) -> Iterator[str]:
    parameters = [resolved(document, each) for each in operation.get("parameters", ())]
    in_path = [each["name"] for each in parameters if each["in"] == "path"]
    in_query = [each for each in parameters if each["in"] == "query" and each["name"] not in _OF_ALL]
    in_query.sort(key=lambda each: not each["required"])
    repeatable = any(each["name"] == "Idempotency-Key" for each in parameters)
    arguments = ["self", *(f"{name}: str" for name in in_path)]
    passed = []
    if JSON in operation.get("requestBody", {}).get("content", {}):
        optional = "" if operation["requestBody"]["required"] else " | None = None"
        arguments.append(f"body: {annotation(operation['requestBody']['content'][JSON]['schema'])}{optional}")
        passed.append("body=body")
    named = [
        f"{_name(each['name'])}: {annotation(each['schema'])}{'' if each['required'] else ' | None = None'}"
        for each in in_query
    ]
    if repeatable:
        named.append("idempotency_key: str | None = None")
        passed += ["key=idempotency_key", "repeatable=True"]
    headers = {each["name"]: each for each in parameters if each["in"] == "header"}
    if "If-Match" in headers:  # the revision that the change was made from; without one, where that may be, it is new
        may_be_new = "const" in headers.get("If-None-Match", {}).get("schema", {})
        named.append("revision: int | None = None" if may_be_new else "revision: int")
        held = "{'If-Match': f'\"{revision}\"'}"
        conditions = f"{{'If-None-Match': '*'}} if revision is None else {held}" if may_be_new else held
        passed.append(f"conditions={conditions}")
    if in_query:
        pairs = (f'"{each["name"]}": {_name(each["name"])}' for each in in_query)
        passed.append(f"query={{{', '.join(pairs)}}}")
    if operation["security"]:
        callers = [name for each in operation["security"] for name in each]
        passed.append(f"callers={tuple(callers)!r}")
    target = re.sub(r"\{(\w+)\}", r"{_part(\1)}", path)
    called = ", ".join((f'"{verb}", {"f" if in_path else ""}"{target}"', *passed))
    arguments += ["*", *named] if named else []
    yield f"    def {operation['operationId']}({', '.join(arguments)}) -> {answer}:"
    yield _docstring(f"{operation['summary']}.", " " * 8)
    if answer == "None":
        yield f"        self._call({called})"
    else:
        yield f"        answer: {answer} = self._call({called})"
        yield "        return answer"


def _name(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _docstring(text: str, indent: str = "    ") -> str:
    """Write a docstring in lines of their length, in a block that is *indent* deep."""
    lines = textwrap.wrap(" ".join(text.split()), 106)
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""'
    return "\n".join(f"{indent}{line}" for line in ('"""', *lines, '"""'))


def main(arguments: Sequence[str], path: Path = CLIENT) -> int:
    """Write the client to *path*, or with `--check` compare it."""
    if not arguments:
        path.write_text(client(), encoding="utf-8")
        return 0
    if list(arguments) != ["--check"]:
        sys.stderr.write("Use: python -m chalicelib.local.client [--check]\n")
        return 2
    if path.exists() and path.read_text(encoding="utf-8") == client():
        return 0
    sys.stderr.write(f"examples/{path.name} is not what the contract says: run make client.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
