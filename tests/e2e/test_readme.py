"""The README's main job, and a partner's, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from real_server import running

ROOT = Path(__file__).parent.parent.parent


def test_the_main_job_of_the_readme_works_as_written(contract, tmp_path):
    """Whoever copies the README's commands gets a receipt, a claim, a reply, an erased request, and a referral."""
    readme = (ROOT / "README.md").read_text()
    blocks = [
        re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", readme, re.DOTALL)[1] for name in ("main-job", "referral")
    ]
    with running(tmp_path / "home", contract) as quietline:
        script = re.sub(
            r"make -s token ROLE=(\w+) SUB=([\w-]+)",
            rf"{sys.executable} -m chalicelib.local.issuer token --role \1 --sub \2",
            "\n".join(blocks).replace("127.0.0.1:8000", f"127.0.0.1:{quietline.port}"),
        )
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env={**os.environ, "QUIETLINE_HOME": str(quietline.home)},
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
    said = ran.stdout
    assert re.search(r"^receipt [0-9A-Z]{5}(-[0-9A-Z]{5}){3}-[0-9A-Z]{6}, reference [a-z]+-[a-z]+$", said, re.MULTILINE)
    assert '"status":"claimed"' in said
    assert "Thank you for getting in touch." in said
    assert '"name":"Get Help' in said
    assert "\n204\n" in said
    assert '"code":"receipt-unknown"' in said
    assert '"status":"received"' in said
