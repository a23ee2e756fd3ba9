"""The README's main job, and a partner's, run as they stand there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_main_job_of_the_readme_works_as_written(tmp_path):
    """Whoever copies the README's commands gets a receipt, a claim, a reply, an erased request, and a referral."""
    readme = (ROOT / "README.md").read_text()
    blocks = [
        re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", readme, re.DOTALL)[1] for name in ("main-job", "referral")
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "QUIETLINE_HOME": str(tmp_path / "home"),
        "QUIETLINE_PORT": str(port),
        "QUIETLINE_CLOCK": "2026-11-24T18:05:00Z",
    }
    server = subprocess.Popen([sys.executable, "-m", "chalicelib.local.run"], cwd=ROOT, env=environment)
    try:
        _wait_until_healthy(port)
        script = re.sub(
            r"make -s token ROLE=(\w+) SUB=([\w-]+)",
            rf"{sys.executable} -m chalicelib.local.issuer token --role \1 --sub \2",
            "\n".join(blocks).replace("127.0.0.1:8000", f"127.0.0.1:{port}"),
        )
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)
    said = ran.stdout
    assert re.search(r"^receipt [0-9A-Z]{5}(-[0-9A-Z]{5}){3}-[0-9A-Z]{6}, reference [a-z]+-[a-z]+$", said, re.MULTILINE)
    assert '"status":"claimed"' in said
    assert "Thank you for getting in touch." in said
    assert '"name":"Get Help' in said
    assert "\n204\n" in said
    assert '"code":"receipt-unknown"' in said
    assert '"status":"received"' in said


def _wait_until_healthy(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
