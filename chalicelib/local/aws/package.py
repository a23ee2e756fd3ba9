"""
`make package`: for each face a zip and a template in `dist/`, without an account, credentials or a decision of AWS.

Chalice reads `app.py` as the stage's face would, collects the dependencies for the chosen processor and merges
`.chalice/resources-<face>.yaml` into its template; what Chalice cannot say is added here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from chalicelib.config import Settings
from chalicelib.local.aws.allowed import strangers
from chalicelib.local.aws.bundle import Parts
from chalicelib.local.aws.gateway import Gateway
from chalicelib.wiring import House

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
ARCHITECTURES = ("arm64", "x86_64")
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"
_INCOMPLETE = "Could not install dependencies"


class PackageError(RuntimeError):
    """A package that cannot be built; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What is particular to one face's package: the services that it calls, and what only the other face needs."""

    gateway: Gateway
    services: frozenset[str]
    without: tuple[str, ...] = ()


FACES = {
    # A requester waits at most five seconds for an answer of any kind: after that the gateway says where to ring.
    "public": Face(
        gateway=Gateway(patience=5_000, any_site=True, files=True),
        services=frozenset({"dynamodb", "secretsmanager", "sqs"}),
        without=("jwt/*", "chalicelib/adapters/kms.py", "chalicelib/adapters/oidc*.py"),
    ),
    "desk": Face(
        gateway=Gateway(patience=15_000, any_site=False),
        services=frozenset({"dynamodb", "secretsmanager", "kms", "sns", "sesv2", "ssm"}),
    ),
}


def main(arguments: Sequence[str]) -> int:
    """Package both faces; what stands in the way is told in one sentence, and the exit code is 1."""
    parser = argparse.ArgumentParser(prog="make package")
    parser.add_argument("--arch", choices=ARCHITECTURES, default="arm64")
    parser.add_argument("--out", type=Path, default=Path("dist"))
    asked = parser.parse_args(arguments)
    try:
        package(asked.out, architecture=asked.arch)
    except PackageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in sorted(asked.out.glob("*/*")):
        sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.1f} MB\n")
    return 0


def package(out: Path, *, architecture: str) -> None:
    """
    Write `<face>/deployment.zip` and `<face>/template.json` to *out*.

    Raises:
        PackageError: Chalice could not, a dependency cannot be had for *architecture*, or a template holds too much.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        _stage(project, architecture)
        made_of = {name: _chalice(project, name) for name in FACES}
        parts = Parts(made_of["public"] / "deployment.zip")  # the desk's is the same: one code base, one cache
        for name, face in FACES.items():
            made, target = made_of[name], out / name
            shutil.rmtree(target, ignore_errors=True)
            parts.write(target / "deployment.zip", services=face.services, without=face.without)
            template = yaml.safe_load((made / "sam.yaml").read_text(encoding="utf-8"))
            finish(template, face)
            text = json.dumps(template, indent=1, sort_keys=True) + "\n"  # always in the same order
            (target / "template.json").write_text(text, encoding="utf-8")


def finish(template: dict[str, Any], face: Face) -> None:
    """
    Complete a face's template.

    Raises:
        PackageError: something is in it that is not on the list of what may be.
    """
    if found := ", ".join(strangers(template)):
        message = f"The template may not hold {found}: see chalicelib/local/aws/allowed.py."
        raise PackageError(message)
    problems = House(Settings()).problems
    definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    face.gateway.finish(definition, lambda status, code: problems.document(status, code, "en"))


def _stage(project: Path, architecture: str) -> None:
    """Copy what is packaged, and only that: Chalice would ship all of chalicelib."""
    ignore = shutil.ignore_patterns("local", "__pycache__", "*.pyc", "deployments", "deployed")
    project.mkdir()
    for name in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / name, project / name)
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / name, project / name, ignore=ignore)
    config = project / ".chalice" / "config.json"
    settings = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**settings, "lambda_architecture": architecture}), encoding="utf-8")


def _chalice(project: Path, face: str) -> Path:
    out = project.parent / face
    merged = f".chalice/resources-{face}.yaml"
    command = [sys.executable, "-c", _CHALICE, "package", "--stage", face, "--merge-template", merged, str(out)]
    ran = subprocess.run(  # noqa: S603 - our own words
        command, cwd=project, env=_environment(), capture_output=True, text=True, check=False
    )
    if ran.returncode or _INCOMPLETE in ran.stdout + ran.stderr:
        message = f"Chalice could not package the {face} face:\n{ran.stdout}{ran.stderr}".strip()
        raise PackageError(message)
    return out


def _environment() -> dict[str, str]:
    """Give Chalice neither our settings nor anybody's account; it only wants to hear the name of some region."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUIETLINE_", "AWS_"))}
    return {**kept, "AWS_DEFAULT_REGION": "eu-west-2", "AWS_EC2_METADATA_DISABLED": "true", "PYTHONHASHSEED": "0"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
