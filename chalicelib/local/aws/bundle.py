"""
The zip that Lambda runs: what the functions need and no more, with bytecode that is used, the same bytes every time.

Chalice's own zip has no usable bytecode (its dates of 1980 make any stale) and carries a description of every service
that AWS has. Compiling halves a cold start; botocore reads only the descriptions that are there.
"""

from __future__ import annotations

import compileall
import io
import json
import tempfile
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

RUNS_AT = "/var/task"
"""Where Lambda unpacks a zip; tracebacks name this folder and not the one that it was built in."""
CONTENT = "chalicelib/content/"
_BEGINNING = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_UNIX = 3

NOT_NEEDED = (
    "*.pyi",
    "*.c",
    "*/py.typed",
    "*/__pycache__/*",
    "bin/*",
    # botocore: examples and pages of operations that nobody calls; boto3: the resource API's descriptions
    "botocore/data/*/examples-1.json*",
    "boto3/data/*",
    "boto3/examples/*",
    # Where a number is from, and who its carrier is: we only ask whether a telephone can have it
    "phonenumbers/geodata/*",
    "phonenumbers/carrierdata/*",
    "phonenumbers/tzdata/*",
    # Names of holidays in other languages: we only ask whether a day is one
    "holidays/locale/*",
    # pydantic's first version, for those who cannot leave it
    "pydantic/v1/*",
    # cryptography's extension module needs cffi's own, and none of its Python
    "cffi/*",
    "pycparser/*",
    # Chalice's machine-side and tests of dependencies
    "*/tests/*",
)
INSTEAD = {
    # There are no entry points in the zip (no dist-info but licences), and finding none takes 15 ms of a cold start.
    "pydantic/plugin/_loader.py": b"def get_plugins():\n    return ()\n",
    # All of the library, as the package offers it, is twice what a number that somebody typed needs.
    "phonenumbers/__init__.py": (
        b"from .phonenumberutil import NumberParseException, PhoneNumberFormat\n"
        b"from .phonenumberutil import format_number, is_possible_number, parse\n"
        b"from .re_util import enable_pattern_cache\n"
    ),
}
"""What stands in the zip in the place of a dependency's own module."""
_LICENCES = ("licen[cs]e*", "copying*", "notice*", "authors*")


class Parts:
    """What Chalice zipped, without what nobody needs, compiled; the zips of both faces are made of it."""

    def __init__(self, chalice_zip: Path) -> None:
        with zipfile.ZipFile(chalice_zip) as packed, tempfile.TemporaryDirectory() as folder:
            found = {name: packed.read(name) for name in packed.namelist() if _needed(name)}
            self._sources = found | {name: source for name, source in INSTEAD.items() if name in found}
            self._sources |= _ready(found)
            self._bytecode = dict(_bytecode(self._sources, Path(folder)))

    def write(self, target: Path, *, services: Collection[str], without: Collection[str] = ()) -> None:
        """
        Make *target*, with the descriptions of AWS's *services* and nothing that *without* names.

        Two runs on the same sources and the same Python give the same bytes.
        """
        kept = {
            name: source
            for name, source in self._sources.items()
            if _service(name) in {None, *services} and not any(fnmatch(name, pattern) for pattern in without)
        }
        compiled = {cache_from_source(name) for name in kept if name.endswith(".py")}
        _write({**kept, **{name: self._bytecode[name] for name in compiled & set(self._bytecode)}}, target)


def _ready(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Make JSON of the content's TOML, which takes ten times as long to read; it has no dates, which JSON has not."""
    made = {}
    for name, source in found.items():
        if name.startswith(CONTENT) and name.endswith(".toml"):
            made[f"{name}.json"] = json.dumps(tomllib.loads(source.decode()), ensure_ascii=False).encode()
    return made


def _needed(name: str) -> bool:
    path = PurePosixPath(name)
    if path.parts[0].endswith(".dist-info"):
        return any(fnmatch(path.name.lower(), licence) for licence in _LICENCES)
    return not name.endswith("/") and not any(fnmatch(name, pattern) for pattern in NOT_NEEDED)


def _service(name: str) -> str | None:
    """Name the service that a file of botocore describes; None for every other file."""
    match PurePosixPath(name).parts:
        case ("botocore", "data", service, _, *_):
            return service
        case _:
            return None


def _bytecode(sources: dict[str, bytes], folder: Path) -> Iterator[tuple[str, bytes]]:
    """
    Compile every module, so that Python uses the result without a look at the source.

    Unchecked: Lambda's folder cannot be written to, so a source never changes under its bytecode.
    """
    for name, source in sources.items():
        if name.endswith(".py"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source)
    compileall.compile_dir(
        folder,
        maxlevels=50,
        quiet=2,
        force=True,
        stripdir=str(folder),
        prependdir=RUNS_AT,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    for path in folder.rglob("*.pyc"):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _write(content: dict[str, bytes], target: Path) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, date_time=_BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _READABLE
            packed.writestr(entry, content[name])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(whole.getvalue())
