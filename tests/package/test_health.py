"""`/health` of the zips as Lambda has them: no folder to write to, and nothing of the other face's."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from pathlib import Path

import engines
import pytest
from cloud import serve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lambda_calls import call, rest_event

sys.path.append(str(Path(__file__).resolve().parents[1] / "contract"))

from kms_endpoint import ARN, Kms

from chalicelib.domain.receipts import encode

SECRET = "arn:aws:secretsmanager:eu-west-2:000000000000:secret:pepper"
HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.fixture(scope="module")
def desk_key():
    """The desk's private key."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def kms(desk_key):
    """A KMS that has it."""
    made = Kms()
    made.private[f"{ARN}1"] = desk_key
    yield made
    made.stop()


@pytest.fixture(scope="module")
def secrets():
    """A Secrets Manager with one secret."""

    def answer(_method, _path, headers, body):
        assert headers["x-amz-target"].endswith("GetSecretValue")
        assert json.loads(body) == {"SecretId": SECRET}
        kept = {"ARN": SECRET, "Name": "pepper", "SecretString": b64encode(b"p" * 48).decode()}
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(kept).encode()

    server = serve(answer)
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def ask(unpacked, templates, desk_key, kms, secrets, tmp_path):
    """Ask a function of a zip, with both tables, and a home in which nothing can be made, for root neither."""
    _, endpoint, table = engines.make_tables("ministack").split("|")
    point = desk_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    recipient = {"key_id": "kms-1", "kem": "DHKEM(P-256, HKDF-SHA256)", "public_key": encode(point)}
    (tmp_path / "task").write_text("a file, and no folder")
    shared = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ENDPOINT_URL_KMS": kms.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets,
        "QUIETLINE_HOME": str(tmp_path / "task" / "home"),
        "QUIETLINE_STORE": "dynamodb",
        "QUIETLINE_TABLE": table,
        "QUIETLINE_SHRED_TABLE": f"{table}-shred",
        "QUIETLINE_CONTENT_TABLE": f"{table}-content",
        "QUIETLINE_COUNTERS_TABLE": f"{table}-counters",
        "QUIETLINE_RECIPIENTS": json.dumps([recipient]),
    }
    own = {
        "public": {"QUIETLINE_PEPPER_SECRET": SECRET},
        "desk": {"QUIETLINE_KMS_KEYS": f"kms-1={ARN}1", "QUIETLINE_OIDC_ISSUER": "https://sign-in.example"},
    }

    def asked(face, path, **change):
        event = rest_event(templates[face], "GET", path.partition("?")[0])
        if "?" in path:
            event["multiValueQueryStringParameters"] = {"for": [path.partition("for=")[2]]}
        (answer,), _, log = call(
            unpacked[face], "app.app", event, QUIETLINE_FACES=face, **{**shared, **own[face], **change}
        )
        assert log == ""
        return answer["statusCode"], json.loads(answer["body"])

    yield asked
    engines.drop_tables(f"dynamodb|{endpoint}|{table}")


def test_the_public_face_is_healthy(ask):
    """With its settings alone it can accept: the pepper comes from Secrets Manager."""
    parts = dict.fromkeys(("storage", "shredding", "sealing", "receipts"), "ok")
    assert ask("public", "/health") == (200, {"status": "ok", "parts": parts})


def test_the_public_face_says_which_part_is_down(ask):
    """Without the pepper nothing is accepted, and `/health` names that part: an answer of its own, not a problem."""
    status, said = ask("public", "/health", QUIETLINE_PEPPER_SECRET="")
    assert status == 503
    parts = {"storage": "ok", "shredding": "ok", "sealing": "ok", "receipts": "keys"}
    assert (said["status"], said["parts"]) == ("down", parts)


def test_the_desk_is_healthy_without_what_is_the_public_faces(ask):
    """The desk has no pepper, accepts nothing, and is asked for neither."""
    parts = dict.fromkeys(("storage", "shredding", "opening"), "ok")
    assert ask("desk", "/health") == (200, {"status": "ok", "parts": parts})


def test_the_desk_says_which_part_is_down(ask):
    """A table that cannot be written to is told with a 503 that names it."""
    status, said = ask("desk", "/health", QUIETLINE_TABLE="no-such-table")
    assert (status, said["status"]) == (503, "down")
    assert said["parts"] == {"storage": "storage", "shredding": "ok", "opening": "ok"}


def test_challenges_are_signed_with_the_pepper_from_secrets_manager(ask):
    """Who solves one is verified on AWS too, where there is no folder with a key file."""
    status, challenge = ask("public", f"/v1/challenge?for={HASH}")
    assert status == 200, challenge
    assert challenge["signature"]
