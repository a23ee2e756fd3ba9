"""Secrets by name: from key files on a small machine, from Secrets Manager where settings say so."""

from __future__ import annotations

from hashlib import sha256

import pytest

from chalicelib.adapters.secretsmanager import ManagedSecrets
from chalicelib.config import Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.wiring import House

PEPPER = "arn:aws:secretsmanager:eu-west-2:000000000000:secret:quietline/pepper-AbCdEf"


class Manager:
    """Secrets Manager, as the one action that is needed."""

    def __init__(self, **secrets) -> None:
        self.secrets, self.asked, self.down = secrets, [], False

    def __call__(self, action, *, refuse, SecretId):  # noqa: N803 - AWS's name for it
        """Answer `GetSecretValue`."""
        assert action == "get_secret_value"
        self.asked.append(SecretId)
        if self.down or SecretId not in self.secrets:
            raise refuse("ResourceNotFoundException")
        return self.secrets[SecretId]


def test_a_secret_is_32_bytes_of_whatever_string_is_kept_and_read_once():
    """An operator generates a string; the bytes are its SHA-256; a process asks for it once."""
    manager = Manager(pepper={"SecretString": "correct horse"})
    secrets = ManagedSecrets(manager, {"pepper": "pepper"})
    assert {secrets.secret("pepper") for _ in range(3)} == {sha256(b"correct horse").digest()}
    assert manager.asked == ["pepper"]


@pytest.mark.parametrize("kept", [{}, {"SecretString": ""}, {"SecretBinary": b"x"}])
def test_nothing_where_a_secret_should_be_is_told(kept):
    """An empty secret would be everybody's; it is refused like one that is not there."""
    with pytest.raises(Unavailable, match="keys"):
        ManagedSecrets(Manager(pepper=kept), {"pepper": "pepper"}).secret("pepper")


def test_a_failed_reading_is_tried_again():
    """What was down at the first request is asked for at the next."""
    manager = Manager(pepper={"SecretString": "x"})
    secrets = ManagedSecrets(manager, {"pepper": "pepper"})
    manager.down = True
    with pytest.raises(Unavailable, match="keys"):
        secrets.secret("pepper")
    manager.down = False
    assert secrets.secret("pepper") == sha256(b"x").digest()


def test_the_house_asks_where_its_settings_say(tmp_path, monkeypatch):
    """The pepper from Secrets Manager, the trail's key from its file: each by its own setting."""
    house = House(Settings(home=tmp_path, pepper_secret=PEPPER))
    manager = Manager(**{PEPPER: {"SecretString": "x"}})
    monkeypatch.setattr("chalicelib.adapters.aws.Client", lambda *_args, **_kwargs: manager)
    assert house.secret("pepper") == sha256(b"x").digest()
    assert house.secret("audit.key") == (tmp_path / "keys" / "audit.key").read_bytes()
    assert not (tmp_path / "keys" / "pepper").exists()
