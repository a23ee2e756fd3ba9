"""The list of public keys that an operator makes: from KMS's answer, and from a recovery key of their own."""

from __future__ import annotations

import json
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.config import Settings
from chalicelib.local.recipients import main


def kms_answer(tmp_path, curve):
    """Write what `aws kms get-public-key` prints."""
    der = ec.generate_private_key(curve).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    path = tmp_path / "public.json"
    path.write_text(json.dumps({"KeyId": "arn", "PublicKey": b64encode(der).decode(), "KeyUsage": "KEY_AGREEMENT"}))
    return path


def test_the_list_is_what_the_setting_takes(tmp_path, capsys):
    """What is printed is read as `QUIETLINE_RECIPIENTS`; the recovery key is made once, for its owner alone."""
    recovery = tmp_path / "recovery.pem"
    arguments = [f"kms-1={kms_answer(tmp_path, ec.SECP256R1())}", f"recovery-1={recovery}"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert [each["key_id"] for each in Settings.from_env({"QUIETLINE_RECIPIENTS": said}).recipients] == [
        "kms-1",
        "recovery-1",
    ]
    assert recovery.stat().st_mode & 0o777 == 0o600
    assert main(arguments) == 0
    assert capsys.readouterr().out == said


def test_what_is_no_such_key_is_told(tmp_path, capsys):
    """Another curve, another file, or no name at all: one sentence, and nothing on stdout."""
    assert main([f"kms-1={kms_answer(tmp_path, ec.SECP384R1())}"]) == 1
    (tmp_path / "x.json").write_text("{}")
    assert main([f"kms-1={tmp_path / 'x.json'}"]) == 1
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 3
