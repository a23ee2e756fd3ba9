"""
The drift check of `requirements*.txt`, run by `make check`: without a network, against what is installed.

Every pin must be what is installed, everything that an installed package needs must be pinned, and every dependency of
`pyproject.toml` must be met by its pin: what was tested is then what somebody else installs.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = {
    "requirements.txt": (),
    "requirements-local.txt": ("local",),
    "requirements-dev.txt": ("local", "dev"),
}


def problems() -> list[str]:
    """List what has drifted, a sentence each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: list[str] = []
    for name, extras in FILES.items():
        pins = _pins(name)
        wanted = [*project["dependencies"], *(d for extra in extras for d in project["optional-dependencies"][extra])]
        found += [
            f"{name}: {text} of pyproject.toml is not met." for text in wanted if not _met(Requirement(text), pins)
        ]
        for package, pinned in pins.items():
            found += _against_installed(name, package, pinned, pins)
    return found


def _pins(name: str) -> dict[str, str]:
    lines = (Requirement(line) for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "#-")
    return {
        canonicalize_name(line.name): next(iter(line.specifier)).version
        for line in lines
        if line.marker is None or line.marker.evaluate()
    }


def _met(wanted: Requirement, pins: dict[str, str]) -> bool:
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return True
    pinned = pins.get(canonicalize_name(wanted.name))
    return pinned is not None and wanted.specifier.contains(pinned, prereleases=True)


def _against_installed(name: str, package: str, pinned: str, pins: dict[str, str]) -> list[str]:
    try:
        installed = version(package)
    except PackageNotFoundError:
        return [f"{name}: {package} is pinned and not installed."]
    found = [] if installed == pinned else [f"{name}: {package} is pinned to {pinned}, and {installed} is installed."]
    needs = [Requirement(text) for text in distribution(package).requires or ()]
    return found + [
        f"{name}: {package} needs {need.name}, which is not pinned." for need in needs if not _met(need, pins)
    ]


if __name__ == "__main__":
    drift = problems()
    sys.stdout.write("".join(f"{line}\n" for line in drift) or "pins: as installed\n")
    sys.exit(bool(drift))
