"""What `make package` builds, once for all tests of it, for the processor that the tests run on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def build(out: Path, architecture: str = HERE, **environment: str) -> Path:
    """Run what `make package` runs, in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUIETLINE_", "AWS_"))}
    command = [sys.executable, "-m", "chalicelib.local.aws.package", "--arch", architecture, "--out", str(out)]
    ran = subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return out


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder with `public/` and `desk/`, each with a zip and a template."""
    return build(tmp_path_factory.mktemp("dist") / "dist")


@pytest.fixture(scope="session")
def templates(packages):
    """Both templates, read."""
    return {face: json.loads((packages / face / "template.json").read_text()) for face in ("public", "desk")}


@pytest.fixture(scope="session")
def unpacked(packages, tmp_path_factory):
    """Both zips, unpacked as Lambda does."""
    folders = {}
    for face in ("public", "desk"):
        folders[face] = tmp_path_factory.mktemp(f"{face}-task")
        with zipfile.ZipFile(packages / face / "deployment.zip") as packed:
            packed.extractall(folders[face])
    return folders
