"""The zips: what they hold, that their bytecode is used, and that their functions answer as Lambda calls them."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import marshal
import re
import tempfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import HERE, ROOT, build
from lambda_calls import call, rest_event

from chalicelib.local.aws.bundle import INSTEAD
from chalicelib.local.aws.package import FACES
from chalicelib.local.issuer import LocalIssuer

BOTH = pytest.mark.parametrize("face", ["public", "desk"])
CLOCK = "2026-11-24T18:05:00Z"
CALLBACK = {
    "statement_version": "2026-11",
    "slot": "2026-11-24T18:00Z/2h",
    "details": {"concern": "own-behaviour", "phone": "07700 900123", "safety": {"voicemail": "never"}},
}


@pytest.fixture
def names(packages):
    """What is in each zip."""
    found = {}
    for face in FACES:
        with zipfile.ZipFile(packages / face / "deployment.zip") as packed:
            found[face] = packed.namelist()
    return found


@BOTH
def test_a_zip_holds_the_app_and_all_of_its_content(names, face):
    """Routes, rules and every text that people reviewed are in the zip."""
    content = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "chalicelib" / "content").rglob("*") if path.is_file()
    }
    assert content
    assert {"app.py", "chalice/app.py", "chalicelib/wiring/__init__.py", *content} <= set(names[face])


@BOTH
def test_a_zip_holds_nothing_that_runs_only_on_a_persons_machine(names, face):
    """The local server and its sign-in, tests, build tools and the project's own files stay at home."""
    tops = {name.split("/")[0] for name in names[face]}
    assert not [name for name in names[face] if name.startswith("chalicelib/local/") or "/tests/" in name]
    assert not tops & {"tests", "benchmarks", "pytest", "_pytest", "pip", "setuptools", "hypothesis", "click"}
    assert not tops & {"README.md", "Makefile", ".git", ".chalice", "dist", ".venv", "requirements.txt"}
    made = (".pyc", ".toml.json")
    ours = {name for name in names[face] if name.startswith("chalicelib/") and not name.endswith(made)}
    here = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chalicelib").rglob("*") if path.is_file()}
    assert ours <= {path for path in here if not path.startswith("chalicelib/local/") and not path.endswith(".pyc")}


@BOTH
def test_a_zip_describes_only_the_services_that_its_face_calls(names, face):
    """Descriptions of other services are left out, those of the other face's too."""
    files = [name.split("/") for name in names[face] if name.startswith("botocore/data/")]
    described = {parts[2] for parts in files if len(parts) > 3}
    assert described == set(FACES[face].services)


def test_the_public_zip_holds_no_code_to_open_content_with(names):
    """The face that accepts requests has neither the opener nor the practitioners' sign-in in it."""
    assert not [name for name in names["public"] if "kms" in name.lower() or "oidc" in name or name.startswith("jwt/")]


@BOTH
def test_a_zip_fits_lambda_with_room_to_spare(packages, face):
    """Less than 20 MB to send, and less than 60 MB unpacked (Lambda takes 50 and 250)."""
    with zipfile.ZipFile(packages / face / "deployment.zip") as packed:
        assert sum(entry.compress_size for entry in packed.infolist()) < 20e6
        assert sum(entry.file_size for entry in packed.infolist()) < 60e6


@BOTH
def test_every_module_has_bytecode_that_is_used_unchecked(packages, face):
    """Each source has bytecode for this Python that is never compared with the source; it names Lambda's folder."""
    with zipfile.ZipFile(packages / face / "deployment.zip") as packed:
        present = set(packed.namelist())
        modules = [name for name in present if name.endswith(".py")]
        for name in modules:
            compiled = importlib.util.cache_from_source(name)
            assert compiled in present, name
            content = packed.read(compiled)
            assert content[:4] == importlib.util.MAGIC_NUMBER
            assert int.from_bytes(content[4:8], "little") == 0b01  # by hash, unchecked (PEP 552)
            assert marshal.loads(content[16:]).co_filename == f"/var/task/{name}"
    assert len(modules) > 300


@BOTH
def test_what_is_read_quickly_says_the_same(packages, face):
    """The JSON that stands beside each TOML file of content is what that says."""
    with zipfile.ZipFile(packages / face / "deployment.zip") as packed:
        present = {name: packed.read(name) for name in packed.namelist() if name.startswith("chalicelib/content/")}
    written = {name: tomllib.loads(text.decode()) for name, text in present.items() if name.endswith(".toml")}
    ready = {name.removesuffix(".json"): json.loads(text) for name, text in present.items() if ".toml.json" in name}
    assert written == ready


@BOTH
def test_no_plugin_could_be_found_where_none_is_looked_for(names, face):
    """Pydantic's search for plugins is left out of the zip, in which there is nothing that could name one."""
    assert "pydantic/plugin/_loader.py" in names[face]
    assert not [name for name in names[face] if name.endswith(("entry_points.txt", "METADATA", ".pth"))]


def test_what_is_called_of_a_library_that_was_cut_is_there():
    """Whatever of `phonenumbers` the code names is in what the zip has of it."""
    source = (ROOT / "chalicelib" / "adapters" / "phones.py").read_text()
    offered = set(re.findall(r"\b\w+\b", INSTEAD["phonenumbers/__init__.py"].decode()))
    called = set(re.findall(r"\bphonenumbers\.(\w+)", source))
    assert called
    assert called <= offered
    everywhere = [path for path in (ROOT / "chalicelib").rglob("*.py") if "import phonenumbers" in path.read_text()]
    assert [path.name for path in everywhere if "local" not in path.parts] == ["phones.py"]


@BOTH
def test_nothing_in_a_zip_tells_of_the_machine_that_built_it(packages, face):
    """No file of the zip names the folder it was built in."""
    told = [str(ROOT).encode(), tempfile.gettempdir().encode() + b"/tmp", str(Path.home()).encode() + b"/"]
    with zipfile.ZipFile(packages / face / "deployment.zip") as packed:
        ours = [name for name in packed.namelist() if not name.endswith(".so")]
        assert not [(name, each) for name in ours for each in told if each in packed.read(name)]


def test_the_same_sources_give_the_same_bytes(packages, tmp_path):
    """A second run, in another folder and with another order of hashing, gives the same zips and templates."""
    again = build(tmp_path / "again", PYTHONHASHSEED="4242")
    for path in sorted(packages.rglob("*.*")):
        twin = again / path.relative_to(packages)
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(twin.read_bytes()).digest(), path.name


def test_arm64_is_the_default_and_its_zip_holds_nothing_for_another_processor(packages, tmp_path):
    """`make package` builds for arm64; every extension module is for it, and the template says so."""
    other = "x86_64" if HERE == "arm64" else "arm64"
    built = {HERE: packages, other: build(tmp_path / "other", other)}
    machine = {"arm64": b"\xb7\x00", "x86_64": b"\x3e\x00"}  # e_machine of the ELF header
    for architecture, folder in built.items():
        with zipfile.ZipFile(folder / "public" / "deployment.zip") as packed:
            extensions = [name for name in packed.namelist() if name.endswith(".so")]
            assert len(extensions) >= 3
            assert {packed.read(name)[18:20] for name in extensions} == {machine[architecture]}
        template = json.loads((folder / "desk" / "template.json").read_text())
        functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
        assert {tuple(each["Properties"]["Architectures"]) for each in functions} == {(architecture,)}
    assert "--arch $(ARCH)" in (ROOT / "Makefile").read_text()
    assert "ARCH   ?= arm64" in (ROOT / "Makefile").read_text()


def test_the_main_job_from_the_two_zips(unpacked, templates, tmp_path):
    """Asked, claimed, answered, read, withdrawn: each by a fresh process that has nothing but the zip."""
    home = tmp_path / "home"
    settings = {"QUIETLINE_HOME": str(home), "QUIETLINE_CLOCK": CLOCK}

    def ask(face, method, path, body=None, **headers):
        event = rest_event(templates[face], method, path, body=body, headers=headers)
        (answer,), elsewhere, log = call(
            unpacked[face], "app.app", event, options=("--no-compiling",), QUIETLINE_FACES=face, **settings
        )
        assert elsewhere == []
        assert log == ""
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    status, accepted = ask("public", "POST", "/v1/callbacks", CALLBACK)
    assert status == 201, accepted
    bearer = {"Authorization": f"Bearer {LocalIssuer(home).token('practitioner', 'alex')}"}
    status, claimed = ask("desk", "POST", "/v1/desk/claims", {}, **bearer)
    assert (status, claimed["request"]["details"]["phone"]) == (201, "07700 900123")
    reply = {"number": claimed["claim"]["number"], "text": "Thank you for writing."}
    assert ask("desk", "POST", f"/v1/desk/claims/{accepted['request_id']}/replies", reply, **bearer)[0] == 201
    receipt = {"Authorization": f"Receipt {accepted['receipt']}"}
    status, mailbox = ask("public", "GET", "/v1/mailbox", **receipt)
    assert (status, [each["text"] for each in mailbox["messages"]]) == (200, ["Thank you for writing."])
    assert ask("public", "DELETE", "/v1/mailbox", **receipt)[0] == 204
    assert ask("public", "GET", "/v1/mailbox", **receipt)[0] == 404


@BOTH
def test_clients_of_aws_are_made_of_what_is_in_the_zip(unpacked, templates, face):
    """Every service that a face calls has its client, without anything from elsewhere, and without compiling."""
    clients = [f"--client={service}" for service in sorted(FACES[face].services)]
    event = rest_event(templates[face], "GET", "/openapi.json")
    (answer,), elsewhere, _ = call(
        unpacked[face], "app.app", event, options=("--no-compiling", *clients), QUIETLINE_FACES=face
    )
    assert answer["statusCode"] == 200
    assert elsewhere == []


def test_a_wrong_method_that_the_gateway_hands_on_is_told_the_right_ones(unpacked, templates):
    """The gateway sends every method of a known path, and the function answers 405 with Allow."""
    event = rest_event(templates["public"], "PATCH", "/v1/helpline")
    (answer,), _, _ = call(unpacked["public"], "app.app", event, QUIETLINE_FACES="public")
    assert answer["statusCode"] == 405
    assert answer["headers"]["Allow"] == "GET"
    assert json.loads(answer["body"])["helpline"]["phone"] == "0808 1000 900"


def test_a_pack_of_the_zip_is_handed_to_the_gateway_as_a_file(unpacked, templates, tmp_path):
    """Letters, posters and QR codes are made of what is in the zip alone, in base64, which the gateway undoes."""
    event = rest_event(templates["public"], "GET", "/v1/campaigns/gm-2018/pack?format=zip")
    (answer,), elsewhere, _ = call(
        unpacked["public"], "app.app", event, options=("--no-compiling",), QUIETLINE_FACES="public",
        QUIETLINE_HOME=str(tmp_path / "home"), QUIETLINE_URL="https://quietline.example",
    )  # fmt: skip
    assert (answer["statusCode"], answer["isBase64Encoded"], elsewhere) == (200, True, [])
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["body"]))) as packed:
        assert packed.testzip() is None
        assert packed.read("gm-2018/poster-cy.pdf").startswith(b"%PDF-1.7")
        assert len(packed.namelist()) == 14
    definition = templates["public"]["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    assert definition["x-amazon-apigateway-binary-media-types"] == ["*/*"]  # a browser accepts text/html first
    mocks = [
        operation["x-amazon-apigateway-integration"]
        for operations in definition["paths"].values()
        for operation in operations.values()
        if operation["x-amazon-apigateway-integration"]["type"] == "mock"
    ]
    assert mocks
    assert {each["contentHandling"] for each in mocks} == {"CONVERT_TO_TEXT"}  # else a preflight fails with */*
    desk = templates["desk"]["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    assert desk["x-amazon-apigateway-binary-media-types"] == []


def test_the_watch_of_the_zip_shows_figures_and_nothing_else(unpacked, tmp_path):
    """The scheduled function answers EventBridge, and its log is one line of metrics."""
    event = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}, "account": "1",
             "id": "1", "region": "eu-west-2", "resources": [], "time": "2026-11-24T18:05:00Z"}  # fmt: skip
    (answer,), _, log = call(
        unpacked["desk"], "app.watch", event, QUIETLINE_FACES="desk", QUIETLINE_HOME=str(tmp_path / "home"),
        QUIETLINE_METRICS="Quietline/desk",
    )  # fmt: skip
    line = json.loads(log)
    (directive,) = line.pop("_aws")["CloudWatchMetrics"]
    assert {each["Name"] for each in directive["Metrics"]} == set(line) == set(answer)
    assert directive["Namespace"] == "Quietline/desk"
    assert set(answer.values()) == {0}


def test_nothing_is_written_beside_the_code(unpacked):
    """Lambda's folder cannot be written to; running what is in it does not try."""
    folder = unpacked["public"]
    before = sorted(path.as_posix() for path in folder.rglob("*"))
    folder.chmod(0o555)
    call(folder, "app.app", QUIETLINE_FACES="public")
    assert sorted(path.as_posix() for path in folder.rglob("*")) == before
