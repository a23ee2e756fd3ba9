"""The house keeps its shape: what `app.py` may hold, who reads the environment, which routes a face has."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chalice.app import Response

from chalicelib.adapters.dynamodb_connection import Connection, Patience
from chalicelib.config import SettingError, Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.wiring import House

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))

import common
import in_process

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted((ROOT / "chalicelib").rglob("*.py"))


def _routes(faces, tmp_path):
    code = "import app, json; print(json.dumps(sorted(f'{m} {p}' for p, ms in app.app.routes.items() for m in ms)))"
    environment = {**os.environ, "QUIETLINE_FACES": faces, "QUIETLINE_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(ran.stdout))


def _handlers():
    tree = ast.parse((ROOT / "app.py").read_text())
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]


def test_every_handler_of_app_is_one_statement_that_calls_the_house():
    """Whoever reads app.py sees routes; what they do is elsewhere."""
    handlers = _handlers()
    assert len(handlers) > 30
    for handler in handlers:
        (statement,) = handler.body
        assert isinstance(statement, ast.Return), handler.name
        assert ast.unparse(statement.value).startswith("house."), handler.name


def test_app_never_imports_what_runs_only_on_a_persons_machine():
    """The local server, its sign-in and the demo stay out of the Lambda functions."""
    assert "chalicelib.local" not in (ROOT / "app.py").read_text()


def test_only_wiring_and_the_local_commands_read_the_environment():
    """A setting is read in one place, so that its mistakes are told in one place."""
    readers = {
        source.relative_to(ROOT / "chalicelib").as_posix()
        for source in SOURCES
        if "environ"
        in {node.attr for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Attribute)}
    }
    assert {reader for reader in readers if not reader.startswith("local/")} == {"wiring/__init__.py"}


def test_every_part_is_made_by_the_function_that_the_list_names():
    """The list in `House` names functions that exist, with the types that they give, and leaves none of them out."""
    rooms = {path.stem: ast.parse(path.read_text()) for path in (ROOT / "chalicelib" / "wiring").glob("*.py")}
    (house,) = (node for node in rooms.pop("__init__").body if isinstance(node, ast.ClassDef))
    listed = {
        ast.literal_eval(node.value.args[0]): ast.unparse(node.annotation)
        for node in house.body
        if isinstance(node, ast.AnnAssign)
    }
    there_are = {
        f"{room}.{node.name}": f"cached_property[{ast.unparse(node.returns)}]"
        for room, tree in rooms.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and len(node.args.args) == 1
    }
    del there_are["stores.make_tables"]  # a method: it makes nothing that is kept in the house
    assert len(listed) > 60
    assert listed == there_are


_IMPORT = re.compile(r"\bfrom (chalicelib[\w.]*) import (\([^)]*\)|\w+(?: as \w+)?(?:, \w+(?: as \w+)?)*)")


def _imported(source):
    """Give what a file imports of ours, the scripts that it holds as texts included: module and name."""
    for found in _IMPORT.finditer(source.read_text(encoding="utf-8")):
        (statement,) = ast.parse(found[0]).body
        yield from ((statement.module, alias.name) for alias in statement.names)


def _is_there(module, name):
    try:
        return hasattr(importlib.import_module(module), name) or bool(importlib.util.find_spec(f"{module}.{name}"))
    except ModuleNotFoundError:
        return False


def test_what_runs_in_other_interpreters_finds_what_it_imports_of_ours():
    """A name that moves is followed by benchmarks, peers, examples and scripts of tests, which no type checker sees."""
    wanted = {
        (*each, source.relative_to(ROOT).as_posix())
        for folder in ("benchmarks", "examples", "tests")
        for source in (ROOT / folder).rglob("*.py")
        if ".venv" not in source.parts
        for each in _imported(source)
    }
    assert len(wanted) > 500
    assert sorted(each for each in wanted if not _is_there(*each[:2])) == []


@pytest.mark.parametrize("peers", [False, True], ids=["ours", "peers"])
def test_each_contender_of_the_benchmark_takes_a_callback(tmp_path, peers):
    """A peer that does not start is found here, and not by whoever waits ten minutes for figures."""
    posts = [each for each in in_process.POSTS if (each[0] in in_process.PEER_POSTS) is peers]
    if peers and not common.PEER_PYTHON.exists():
        pytest.skip("Powertools and FastAPI have an interpreter of their own, which `make bench` installs")
    with contextlib.ExitStack() as up:
        ask = {each: up.enter_context(in_process._worker(*each, tmp_path)) for each in posts}
        assert {each: one("post 1")["wrong"] for each, one in ask.items()} == dict.fromkeys(posts, 0)


def test_no_reader_of_json_keeps_what_people_write():
    """Pydantic keeps short strings unless it is told not to: a name outlived its erasure in memory."""
    calls = [
        (source.name, node)
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "from_json"
    ]
    assert len(calls) > 2
    for name, call in calls:
        assert {each.arg: ast.unparse(each.value) for each in call.keywords}["cache_strings"] == "'none'", name


def test_each_face_has_its_own_routes_and_only_those(tmp_path):
    """A public deployment has no desk routes and a desk deployment no public ones; both tell their health."""
    public, desk = _routes("public", tmp_path), _routes("desk", tmp_path)
    assert public & desk == {"GET /health", "GET /openapi.json"}
    assert not [route for route in public if "/desk" in route]
    assert all("/desk" in route for route in desk - public)
    assert public | desk == _routes("public,desk", tmp_path)


def test_the_public_face_loads_nothing_that_only_the_desk_needs(tmp_path):
    """A cold start of the public face does not pay for token verification, nor for page templates."""
    needless = ("jwt", "jinja2", "holidays", "phonenumbers", "boto3", "jellyfish")
    code = f"import sys, app; print([name for name in {needless} if name in sys.modules])"
    environment = {**os.environ, "QUIETLINE_FACES": "public", "QUIETLINE_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_form_that_is_sent_loads_nothing_of_letters_partners_and_the_directory():
    """What takes a request in, on DynamoDB, is what the cold start of its Lambda function pays for."""
    takes = ("http.public", "http.pages", "adapters.content", "adapters.dynamodb", "domain.overflow")
    needless = ("usecases.correspondence", "usecases.checking", "domain.partners", "domain.signposts", "domain.records")
    code = f"import sys; [__import__('chalicelib.' + name) for name in {takes}]; print([*sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(ran.stdout)
    assert {f"chalicelib.{name}" for name in takes} <= {*loaded}
    assert not [name for name in needless if f"chalicelib.{name}" in loaded]


def test_what_lives_on_aws_is_not_called_before_it_is_needed(tmp_path):
    """A request that the store takes pays for no client of AWS, whatever queues, keys and topics are set."""
    code = """
import json, sys, app
from chalice.test import Client
body = {"statement_version": "2026-11", "details": {"concern": "survivor", "message": "x"}}
with Client(app.app) as client:
    headers = {"Content-Type": "application/json"}
    print(client.http.request("POST", "/v1/information-requests", headers=headers, body=json.dumps(body)).status_code)
print("boto3" in sys.modules)  # botocore is: the test client brings it
"""
    arn = "arn:aws:%s:eu-west-2:000000000000:quietline"
    environment = {
        **os.environ,
        "QUIETLINE_HOME": str(tmp_path),
        "QUIETLINE_OVERFLOW_QUEUE": "https://sqs.eu-west-2.amazonaws.com/000000000000/quietline-overflow",
        "QUIETLINE_KMS_KEYS": f"desk-1={arn % 'kms'}",
        "QUIETLINE_DOORBELL_TOPIC": arn % "sns",
        "QUIETLINE_PEPPER_SECRET": arn % "secretsmanager",
        "QUIETLINE_MAIL": "ses",
    }
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[:2] == ["201", "False"]


@pytest.mark.parametrize(
    ("closed", "contact", "is_good"),
    [("", "", True), ("10", "", True), ("10", "10", True), ("10", "11", False), ("60", "60", True), ("60", "", True)],
)
def test_no_clock_outruns_the_one_it_is_part_of(closed, contact, is_good):
    """Contact details end with the rest at the latest, the rest with everything; unset, a clock keeps within."""
    said = {"QUIETLINE_RETENTION_CLOSED_DAYS": closed, "QUIETLINE_CONTACT_DAYS": contact}
    if not is_good:
        with pytest.raises(SettingError, match="QUIETLINE_CONTACT_DAYS"):
            Settings.from_env(said)
        return
    settings = Settings.from_env(said)
    assert settings.details_after_closing <= settings.retention_after_closing <= settings.retention
    assert settings.details_after_closing.days == int(contact or min(30, int(closed or 30)))


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("QUIETLINE_PORT", "eight"),
        ("QUIETLINE_PORT", "70000"),
        ("QUIETLINE_FACES", "public,back"),
        ("QUIETLINE_LEASE_MINUTES", "00999"),
        ("QUIETLINE_CLAIM_LIMIT", "-1"),
        ("QUIETLINE_QUEUE_SHARDS", "0"),
        ("QUIETLINE_CLOCK", "2027-01-02T03:04:05"),
        ("QUIETLINE_CLOCK", "yesterday"),
        ("QUIETLINE_RETENTION_DAYS", "forever"),
        ("QUIETLINE_URL", "http://help.example"),
        ("QUIETLINE_URL", "https://help.example/"),
        ("QUIETLINE_URL", "https://help.example/path"),
        ("QUIETLINE_URL", "https://sam@help.example"),
        ("QUIETLINE_RETENTION_DAYS", "41"),
        ("QUIETLINE_RETENTION_CLOSED_DAYS", "91"),
        ("QUIETLINE_CONTACT_DAYS", "31"),
        ("QUIETLINE_CONTACT_DAYS", "0"),
        ("QUIETLINE_OIDC_ISSUER", "http://127.0.0.1.evil.example"),
        ("QUIETLINE_OIDC_ALGORITHM", "none"),
        ("QUIETLINE_STORE", "postgres"),
        ("QUIETLINE_AWS", "curl"),
    ],
)
def test_a_wrong_setting_gets_one_sentence_that_names_it_and_not_its_value(variable, wrong):
    """Whoever set it learns which variable and what it must be; the value could be a secret in the wrong place."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env({variable: wrong})
    sentence = str(caught.value)
    assert sentence.startswith(f"{variable} must be ")
    assert sentence.endswith(".")
    assert wrong not in sentence


def test_the_server_says_what_is_wrong_with_a_setting_and_stops(tmp_path):
    """`make run` with a wrong port ends with status 2 and one line."""
    environment = {**os.environ, "QUIETLINE_PORT": "eight", "QUIETLINE_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-m", "chalicelib.local.run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (2, "QUIETLINE_PORT must be a port number from 0 to 65535.\n")


def test_nobody_pays_for_how_long_the_one_before_them_waited(tmp_path, monkeypatch):
    """A thread that has just waited in vain for the store begins the next person's request with all its patience."""
    clock = {"now": 100.0}
    house = House(Settings(home=tmp_path, store="dynamodb"))
    monkeypatch.setitem(house.__dict__, "_dynamodb", Connection(patience=Patience(clock=lambda: clock["now"])))
    patience = house.__dict__["_dynamodb"].patience
    patience.may_try_again(patience.begin(), 20)
    clock["now"] += 4
    with pytest.raises(Unavailable):
        patience.begin()

    def handler(_http_request):
        patience.begin()
        return Response("answered")

    answer = house.problems.boundary(handler, lambda: "a request")()
    assert answer.body == "answered"
    patience.may_try_again(patience.begin(), 20)
    clock["now"] += 4
    assert house.problems.round(lambda _trigger: patience.begin())("a trigger") == clock["now"]


def test_an_address_that_is_not_this_machines_gets_one_sentence(tmp_path):
    """`make run` with a host that is somebody else's ends with status 2 and one line, without the address."""
    host = "192.0.2.1"  # kept for documentation (RFC 5737): nobody's
    environment = {**os.environ, "QUIETLINE_HOST": host, "QUIETLINE_PORT": "0", "QUIETLINE_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-m", "chalicelib.local.run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[-1].endswith("(QUIETLINE_HOST)")
    assert "Traceback" not in ran.stderr
    assert host not in ran.stderr
