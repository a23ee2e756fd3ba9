"""The practitioners' page: one document that fetches nothing but the desk's own API, put together once."""

from __future__ import annotations

from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.http import shapes

if TYPE_CHECKING:
    from chalice.app import Request, Response

TEMPLATES = Path(__file__).parent / "templates"


class DeskPage:
    """Serves `GET /desk`: open to anybody, since it holds no content until somebody has signed in."""

    def page(self, http_request: Request) -> Response:  # noqa: ARG002 - it is the same for everybody
        """Hand out the page; scripts and styles run by their hash alone, and nothing may frame, keep or follow it."""
        html, headers = self._document
        return shapes.page(html, headers, 200)

    @cached_property
    def _document(self) -> tuple[str, dict[str, str]]:
        style, script = _read("desk.css"), _without_comments(_read("desk.js"))
        policy = (
            f"default-src 'none'; script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return _read("desk.html").replace("{style}", style).replace("{script}", script), {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Language": "en",
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
        }


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _without_comments(script: str) -> str:
    """Leave out whole lines of comment: what is for the engineer need not travel to every desk."""
    return "".join(line for line in script.splitlines(keepends=True) if not line.lstrip().startswith("//"))


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
