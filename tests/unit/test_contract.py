"""The contract: it says what `app.py` serves, is valid OpenAPI, and is committed as it is built."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

import app as quietline
from chalicelib.adapters.content import PackagedContent
from chalicelib.domain.access import ROLES
from chalicelib.domain.slots import parse_slot_id
from chalicelib.http.contract import EXAMPLE_SIGNPOST, EXAMPLE_SLOT, EXAMPLE_STATEMENT, build, operations
from chalicelib.http.public import OPENAPI
from chalicelib.local.contract import main
from chalicelib.wiring import House

DOCUMENT = build()
EVERY = [
    pytest.param(documented, id=f"{method.upper()} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, documented in methods.items()
]


def resolved(thing):
    """Follow a reference into the components."""
    if "$ref" not in thing:
        return thing
    kind, name = thing["$ref"].split("/")[-2:]
    return DOCUMENT["components"][kind][name]


def test_every_route_is_in_the_contract_and_nothing_else_is():
    """What `app.py` serves and what the contract lists are the same paths and methods."""
    served = {(path, method) for path, methods in quietline.app.routes.items() for method in methods}
    listed = {(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert listed == served


def test_operations_are_named_after_their_views():
    """An operation is called in the contract what it is called in `app.py`."""
    for operation in operations():
        route = quietline.app.routes[operation.path][operation.method.upper()]
        assert route.view_name == operation.name


PUBLISHED = ("helpline", "requests", "signposts", "campaigns", "directory", "sessions", "widget", "reach")


def test_cors_is_promised_nowhere_private():
    """Only public content and the two ways in are open to other sites; no mailbox, no page, no desk."""
    for operation in operations():
        route = quietline.app.routes[operation.path][operation.method.upper()]
        assert (route.cors is not None) == (operation.tag in PUBLISHED), operation.path


def test_the_committed_contract_is_the_one_that_the_models_give(capsys):
    """The check passes on the committed file; a drift would fail `make check`."""
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_a_drift_is_told_in_one_sentence(tmp_path, capsys):
    """An old, a missing and a mistyped contract end the check with 1; writing it anew mends it."""
    path = tmp_path / "openapi.json"
    assert main(["--check"], path) == 1
    main([], path)
    assert main(["--check"], path) == 0
    assert path.read_bytes() == OPENAPI.read_bytes()
    path.write_text(path.read_text().replace("waiting", "idle", 1))
    assert main(["--check"], path) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 2
    assert "make openapi" in told
    assert main(["--chekc"], path) == 2


def test_building_gives_the_same_document_every_time():
    """Nothing of the machine, the hour or the order of a set is in the contract."""
    assert json.dumps(build()) == json.dumps(DOCUMENT)
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_it_is_valid_openapi():
    """The document keeps to the OpenAPI 3.1 schema, and each of its schemas to JSON Schema 2020-12."""
    errors = [error.message for error in jsonschema_rs.validator_for(OPENAPI_31).iter_errors(DOCUMENT)]
    assert errors == []
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_every_reference_leads_somewhere_and_nothing_lies_unused():
    """Every `$ref` has its target, and every component is referred to."""
    text = json.dumps(DOCUMENT)
    for kind in ("schemas", "responses", "parameters"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name
    for place in _references(DOCUMENT):
        kind, name = place.removeprefix("#/components/").split("/")
        assert name in DOCUMENT["components"][kind], place


def _references(node):
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _references(each)


@pytest.mark.parametrize("documented", EVERY)
def test_every_operation_documents_its_problems(documented):
    """Each operation says which codes it refuses with, as problem+json with the status in it."""
    statuses = {int(status) for status in documented["responses"]}
    assert 500 in statuses
    if documented["security"]:
        assert 401 in statuses
    if "requestBody" in documented and documented["operationId"] != "count_visit":  # whatever a beacon sends
        assert {400, 413, 415, 422} <= statuses
    for status, response in documented["responses"].items():
        if int(status) < 400:
            continue
        schema = resolved(response)["content"]["application/problem+json"]["schema"]
        assert schema["allOf"] == [{"$ref": "#/components/schemas/Problem"}]
        assert schema["properties"]["status"] == {"const": int(status)}
        assert schema["properties"]["code"]["enum"]


def test_pages_refuse_in_pages_and_the_api_in_json():
    """A browser is told in a page what is wrong with a page or a form; whoever asks the API always reads JSON."""
    for operation in operations():
        documented = DOCUMENT["paths"][operation.path][operation.method]
        in_page = "text/html" in resolved(documented["responses"]["500"])["content"]
        assert in_page == (operation.tag in ("pages", "service", "requests", "widget")), operation.path


def test_every_scope_is_one_that_somebody_has():
    """Each desk operation names one scope, and some role gives it; a 403 is documented with it."""
    scopes = frozenset().union(*ROLES.values())
    for parameter in EVERY:
        (documented,) = parameter.values
        for scheme in documented["security"]:
            if "bearer" in scheme:
                assert set(scheme["bearer"]) <= scopes
                assert len(scheme["bearer"]) == (documented["operationId"] != "who_am_i")
                assert ("403" in documented["responses"]) == bool(scheme["bearer"])


def test_every_path_parameter_is_described():
    """What stands in braces in a path is a required parameter of the operation, and nothing else is."""
    for path, methods in DOCUMENT["paths"].items():
        braces = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for documented in methods.values():
            parameters = [resolved(each) for each in documented.get("parameters", ())]
            assert {each["name"] for each in parameters if each["in"] == "path"} == braces
            assert len({(each["in"], each["name"]) for each in parameters}) == len(parameters)


def test_every_refusal_has_its_words():
    """Each code in the contract has something to say in both languages, or needs nothing but its title."""
    titles_say_it_all = {
        "empty",
        "internal",
        "invalid",
        "keys",
        "not-found",
        "references",
        "repeated",
        "request-unknown",
        "required",
        "shred-keys",
        "store-newer",
        "unknown-value",
        "unreadable-body",
    }
    content = PackagedContent()
    for operation in operations():
        for codes in operation.refuses.values():
            for code in codes:
                for language in ("en", "cy"):
                    assert code in content.words(language)["problem_details"] or code in titles_say_it_all, code


def test_the_examples_are_good():
    """Every example passes its own schema and its own model, and names the statement, a slot and a signpost we have."""
    for operation in operations():
        if operation.body is not None:
            operation.body.model_validate_json(json.dumps(operation.example))
            schema = DOCUMENT["components"]["schemas"][operation.body.__name__]
            whole = {**schema, "components": DOCUMENT["components"]}
            assert jsonschema_rs.Draft202012Validator(whole).is_valid(operation.example)
    house = House(quietline.house.settings)
    assert house.content.statement()["version"] == EXAMPLE_STATEMENT
    assert parse_slot_id(EXAMPLE_SLOT).id == EXAMPLE_SLOT
    assert EXAMPLE_SIGNPOST in {signpost.id for signpost in house.content.signposts()}


def test_what_must_not_be_blank_says_so():
    """A text of spaces, which the server refuses because it trims, breaks the schema too."""
    message = DOCUMENT["components"]["schemas"]["MessageSubmission"]
    checker = jsonschema_rs.Draft202012Validator(message)
    assert checker.is_valid({"text": " Good. "})
    assert not checker.is_valid({"text": "  "})
    assert not checker.is_valid({"text": "x", "more": 1})
