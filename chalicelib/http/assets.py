"""The few files that pages load, which are scripts. No cache keeps them, nor tells who was here."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from chalice.app import Response

from chalicelib.domain.errors import NotFound

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("always.js", "docs.js", "following.js", "mistakes.js", "page.js", "sealing.js", "solving.js")
_COMMENT = re.compile(r"^\s*(/\*.*?\*/|//.*?$)\n?", re.MULTILINE | re.DOTALL)
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
    """Leave out what is for the engineer: comments and indentation need not travel to an old phone."""
    text = (STATIC / name).read_text(encoding="utf-8")
    return re.sub(r"^\s+", "", _COMMENT.sub("", text), flags=re.MULTILINE)
