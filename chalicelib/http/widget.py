"""
The widget for partner sites: one script at an address that never changes what it answers.

A partner's page names a version and its hash (SRI), and must go on working for as long as that page is up. So a version
that was published is served for good and not touched: what changes is a new file and a new line in `VERSIONS`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.errors import NotFound

if TYPE_CHECKING:
    from chalice.app import Request

FOLDER = Path(__file__).parent / "static" / "widget"
VERSIONS = {
    "1.0.0": "sha384-pgVV8XdOm0ktGmAiPJGYe3v293nwvveW0GToXxrnxS7RnddfED72J/QUqJDb0Mqc",
}
"""Every version ever published, with its hash for the attribute `integrity`; the last one is the one to embed."""
LATEST = tuple(VERSIONS)[-1]
_HEADERS = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class Widget:
    """Serves `GET /widget/{name}` to any site: a browser checks the hash only of what it may read."""

    def script(self, _http_request: Request, name: str) -> Response:
        """
        Hand out a version of the script, by the name `1.0.0.js`.

        Raises:
            NotFound: `not-found`, no such version was ever published.
        """
        version = name.removesuffix(".js")
        if version not in VERSIONS or name == version:
            raise NotFound("not-found")
        return Response(_read(version), headers=dict(_HEADERS))


def embedding(site: str) -> str:
    """Give what a partner pastes where help shall be shown: a plain link first, which works without the script."""
    return f"""\
<div data-quietline data-audience="someone-else" data-region="E23000005" data-lang="en">
  <p><a href="{site}/">Get help without giving your name</a>, or ring Stop It Now:
    <a href="tel:+448081000900">0808 1000 900</a>, free and confidential.</p>
</div>
<script async src="{site}/widget/{LATEST}.js" crossorigin="anonymous"
  integrity="{VERSIONS[LATEST]}"></script>"""


@cache
def _read(version: str) -> str:
    return (FOLDER / f"{version}.js").read_text(encoding="utf-8")
