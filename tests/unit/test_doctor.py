"""The doctor: one sentence for each thing that is wrong, none where nothing is, and no value ever."""

from __future__ import annotations

import json

import pytest

from chalicelib.config import Settings
from chalicelib.local.doctor import findings, main
from chalicelib.wiring import House

POINT = "B" + "A" * 86
SECRET = "arn:aws:secretsmanager:eu-west-2:000000000000:secret:x"


def recipients(*key_ids):
    """List public keys."""
    return json.dumps([{"key_id": each, "kem": "DHKEM(P-256, HKDF-SHA256)", "public_key": POINT} for each in key_ids])


SHARED = {"QUIETLINE_STORE": "dynamodb", "QUIETLINE_TABLE": "requests", "QUIETLINE_SHRED_TABLE": "shred-keys"}
PUBLIC = {
    **SHARED,
    "QUIETLINE_FACES": "public",
    "QUIETLINE_RECIPIENTS": recipients("kms-1", "recovery"),
    "QUIETLINE_PEPPER_SECRET": SECRET,
    "QUIETLINE_OVERFLOW_QUEUE": "https://sqs.eu-west-2.amazonaws.com/1/x",
}
DESK = {
    **SHARED,
    "QUIETLINE_FACES": "desk",
    "QUIETLINE_RECIPIENTS": recipients("kms-1", "recovery"),
    "QUIETLINE_KMS_KEYS": "kms-1=arn:aws:kms:eu-west-2:000000000000:key/1",
    "QUIETLINE_AUDIT_SECRET": SECRET,
    "QUIETLINE_OIDC_ISSUER": "https://sign-in.example",
    "QUIETLINE_TRAIL_ANCHOR": "anchor",
}


@pytest.mark.parametrize(
    "settings",
    [{}, PUBLIC, DESK, {**DESK, "QUIETLINE_AWS": "boto3"}],
    ids=["one machine", "public", "desk", "the desk by boto3"],
)
def test_nothing_is_said_where_nothing_is_wrong(settings, tmp_path):
    """Good settings of each kind of deployment have no findings."""
    assert findings({**settings, "QUIETLINE_HOME": str(tmp_path / "home"), "PATH": "/bin"}) == ()


@pytest.mark.parametrize(
    ("settings", "change", "names"),
    [
        ({}, {"QUIETLINE_PORT": "many"}, "QUIETLINE_PORT must be"),
        (DESK, {"QUIETLINE_AWS": "boto"}, "QUIETLINE_AWS must be direct or boto3."),
        ({}, {"QUIETLINE_LEASE_MINUTE": "5"}, "QUIETLINE_LEASE_MINUTE is no setting; QUIETLINE_LEASE_MINUTES is."),
        ({}, {"QUIETLINE_CLOCK": "2026-11-24T18:05:00Z"}, "QUIETLINE_CLOCK is set"),
        ({}, {"QUIETLINE_HOST": "0.0.0.0"}, "QUIETLINE_OIDC_ISSUER must be set where"),
        (PUBLIC, {"QUIETLINE_FACES": "public,desk"}, "QUIETLINE_FACES must name one face"),
        (PUBLIC, {"QUIETLINE_SHRED_TABLE": "requests"}, "QUIETLINE_SHRED_TABLE must be another table"),
        (PUBLIC, {"QUIETLINE_COUNTERS_TABLE": "requests"}, "QUIETLINE_COUNTERS_TABLE must be a table of its own"),
        (PUBLIC, {"QUIETLINE_RECIPIENTS": ""}, "QUIETLINE_RECIPIENTS must be set"),
        (PUBLIC, {"QUIETLINE_RECIPIENTS": recipients("kms-1")}, "QUIETLINE_RECIPIENTS names one key"),
        (PUBLIC, {"QUIETLINE_PEPPER_SECRET": ""}, "QUIETLINE_PEPPER_SECRET must be set"),
        (PUBLIC, {"QUIETLINE_OVERFLOW_QUEUE": ""}, "QUIETLINE_OVERFLOW_QUEUE must be set"),
        (PUBLIC, {"QUIETLINE_KMS_KEYS": DESK["QUIETLINE_KMS_KEYS"]}, "QUIETLINE_KMS_KEYS is the desk's"),
        (PUBLIC, {"QUIETLINE_OIDC_ISSUER": "https://a.example"}, "QUIETLINE_OIDC_ISSUER is the desk's"),
        (DESK, {"QUIETLINE_OIDC_ISSUER": ""}, "QUIETLINE_OIDC_ISSUER must be set"),
        (DESK, {"QUIETLINE_OIDC_ISSUER": "http://127.0.0.1:1"}, "QUIETLINE_OIDC_ISSUER must be an https address"),
        (DESK, {"QUIETLINE_RECIPIENTS": ""}, "QUIETLINE_RECIPIENTS must be set"),
        (DESK, {"QUIETLINE_RECIPIENTS": recipients("other", "recovery")}, "QUIETLINE_RECIPIENTS names none"),
        (DESK, {"QUIETLINE_KMS_KEYS": ""}, "QUIETLINE_KMS_KEYS must be set"),
        (DESK, {"QUIETLINE_AUDIT_SECRET": ""}, "QUIETLINE_AUDIT_SECRET must be set"),
        (DESK, {"QUIETLINE_TRAIL_ANCHOR": ""}, "QUIETLINE_TRAIL_ANCHOR must be set"),
        (DESK, {"QUIETLINE_PEPPER_SECRET": SECRET}, "QUIETLINE_PEPPER_SECRET is the public face's"),
    ],
)
def test_each_thing_that_is_wrong_is_said_in_one_sentence(settings, change, names, tmp_path):
    """Whatever is changed for the worse is named, alone, in a sentence."""
    (said,) = findings({"QUIETLINE_HOME": str(tmp_path / "home"), **settings, **change})
    assert said.startswith(names)
    assert said.endswith(".")


def test_everything_that_is_wrong_is_said_at_once():
    """Whoever mends a deployment does not have to ask again after each thing."""
    said = findings({**DESK, "QUIETLINE_PORT": "x", "QUIETLINE_LEASE_MINUTES": "x", "QUIETLINE_AUDIT_SECRET": ""})
    assert [each.split(" ")[0] for each in said] == [
        "QUIETLINE_PORT", "QUIETLINE_LEASE_MINUTES", "QUIETLINE_AUDIT_SECRET",
    ]  # fmt: skip


def test_no_value_is_told():
    """Secrets that were put where they do not belong do not end up on a terminal."""
    secret = {"QUIETLINE_PEPPER_SECRET": "hunter2", "QUIETLINE_DOORBELL_SECRET": "hunter2" * 9}
    said = "".join(findings({**PUBLIC, **secret}))
    assert "QUIETLINE_PEPPER_SECRET" in said
    assert "hunter2" not in said


METRICS = {"QUIETLINE_METRICS": "Quietline/desk"}
TRAIL = {"QUIETLINE_AUDIT_SECRET": SECRET, "QUIETLINE_TRAIL_ANCHOR": "anchor"}
FUNCTIONS = {
    "app.watch": METRICS,
    "app.drain": {},
    "app.purge": {**METRICS, **TRAIL},
    "app.ring": {
        "QUIETLINE_DOORBELL_TOPIC": "arn:aws:sns:eu-west-2:000000000000:doorbell",
        "QUIETLINE_DOORBELL_WEBHOOK": "https://rota.example/bell",
        "QUIETLINE_DOORBELL_SECRET": SECRET,
    },
}
"""What each function of the desk needs beside the tables."""


@pytest.mark.parametrize("handler", FUNCTIONS)
def test_a_function_of_the_desk_is_asked_for_what_it_needs_and_no_more(handler):
    """What only the API needs, like a sign-in, is not asked of the others."""
    settings = {**SHARED, "QUIETLINE_FACES": "desk", **FUNCTIONS[handler]}
    assert findings(settings, handler=handler) == ()
    assert findings(settings)


@pytest.mark.parametrize(
    ("handler", "change", "names"),
    [
        *((handler, {"QUIETLINE_STORE": ""}, "QUIETLINE_STORE must be dynamodb") for handler in FUNCTIONS),
        *((handler, {"QUIETLINE_FACES": "public"}, "QUIETLINE_FACES must be desk") for handler in FUNCTIONS),
        *((handler, {"QUIETLINE_PEPPER_SECRET": SECRET}, "QUIETLINE_PEPPER_SECRET is the") for handler in FUNCTIONS),
        ("app.watch", {"QUIETLINE_METRICS": ""}, "QUIETLINE_METRICS must be set"),
        ("app.purge", {"QUIETLINE_METRICS": ""}, "QUIETLINE_METRICS must be set"),
        ("app.purge", {"QUIETLINE_AUDIT_SECRET": ""}, "QUIETLINE_AUDIT_SECRET must be set"),
        ("app.purge", {"QUIETLINE_TRAIL_ANCHOR": ""}, "QUIETLINE_TRAIL_ANCHOR must be set"),
        ("app.ring", {"QUIETLINE_DOORBELL_SECRET": "s" * 64}, "QUIETLINE_DOORBELL_SECRET must be an ARN"),
        (
            "app.ring",
            {"QUIETLINE_DOORBELL_TOPIC": "", "QUIETLINE_DOORBELL_WEBHOOK": ""},
            "QUIETLINE_DOORBELL_TOPIC must be set",
        ),
    ],
)
def test_what_a_function_of_the_desk_lacks_is_said(handler, change, names):
    """A function that would fail is never called sound."""
    settings = {**SHARED, "QUIETLINE_FACES": "desk", **FUNCTIONS[handler], **change}
    (said,) = findings(settings, handler=handler)
    assert said.startswith(names)


@pytest.mark.parametrize("settings", [PUBLIC, DESK], ids=["public", "desk"])
def test_on_aws_a_function_without_a_table_is_told(settings):
    """What names a handler runs on Lambda, where a file of SQLite is lost with the process."""
    (said,) = findings({**settings, "QUIETLINE_STORE": ""}, handler="app.app")
    assert said.startswith("QUIETLINE_STORE must be dynamodb")


def test_another_function_than_ours_is_told():
    """The wrong file, or a handler that was misspelt."""
    (said,) = findings(SHARED | {"QUIETLINE_FACES": "desk"}, handler="app.purged")
    assert said.startswith("The function's handler is none of Quietline's: app.app, ")


def test_a_function_is_examined_by_what_aws_says_of_it(tmp_path, capsys):
    """The answer of `aws lambda get-function-configuration` is read from a file; the exit code tells."""
    file = tmp_path / "function.json"
    file.write_text(json.dumps({"Handler": "app.app", "Environment": {"Variables": DESK}}))
    assert main([str(file)]) == 0
    file.write_text(json.dumps({"Handler": "app.app", "Environment": {"Variables": {**DESK, "QUIETLINE_FACE": "x"}}}))
    assert main([str(file)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "QUIETLINE_FACE is no setting; QUIETLINE_FACES is."
    file.write_text(json.dumps({"Handler": "app.app"}))
    assert main([str(file)]) == 1
    assert "QUIETLINE_STORE must be dynamodb" in capsys.readouterr().out
    file.write_text("no json")
    assert main([str(file)]) == 2


def test_a_lost_key_on_one_machine_is_told(tmp_path):
    """Where something has run, the key, the store and the folder's rights are looked at; nothing is made anew."""
    home = tmp_path / "home"
    house = House(Settings(home=home))
    house.store.ping()
    settings = {"QUIETLINE_HOME": str(home)}
    home.chmod(0o700)
    assert findings(settings) == ()
    home.chmod(0o755)
    assert findings(settings)[0].startswith("QUIETLINE_HOME can be read by others")
    home.chmod(0o700)
    for key in (home / "keys").glob("desk-*.pem"):
        key.unlink()
    (said,) = findings(settings)
    assert said == "The desk's private key is missing from QUIETLINE_HOME/keys: put your copy of it back."
