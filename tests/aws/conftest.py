"""
AWS for tests: ministack, in a virtual environment of its own (`make test` installs it), on this machine only.

It pins its own botocore, which is why it does not live among the project's packages. Its KMS is a toy; the KMS opener
has an endpoint of its own (`tests/contract/kms_endpoint.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import engines
import pytest

ROOT = Path(__file__).resolve().parents[2]
MINISTACK = ROOT / ".engines" / "ministack" / "bin" / "ministack"
REGION = "eu-west-2"


@pytest.fixture(scope="session")
def ministack(tmp_path_factory):
    """Start ministack, and give its address."""
    assert MINISTACK.exists(), "ministack is not installed here: `make test` does it, or `make .venv/.engines`"
    folder = tmp_path_factory.mktemp("ministack")
    port = engines.free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([MINISTACK], env=environment, cwd=folder, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):
                break
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < give_up, "ministack does not answer"
            time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture
def aws(ministack, monkeypatch):
    """Point boto3 at ministack, and give its address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return ministack


@pytest.fixture
def seen(aws):
    """How to read back what ministack was told."""

    def read(path):
        with urllib.request.urlopen(f"{aws}/_ministack/{path}", timeout=30) as answer:
            return json.load(answer)

    return read
