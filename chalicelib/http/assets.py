"""The few files that pages load: the scripts that seal in the browser. No cache keeps them, nor tells who was here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from chalice.app import Response

from chalicelib.domain.errors import NotFound

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("docs.js", "page.js", "sealing.js", "solving.js")
_HEADERS = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def script(name: str) -> Response:
    """
    Hand out a script.

    Raises:
        NotFound: `not-found`, there is none of this name.
    """
    if name not in SCRIPTS:
        raise NotFound("not-found")
    return Response(_read(name), headers=dict(_HEADERS))


@cache
def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
