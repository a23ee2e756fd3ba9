"""The practitioners' page: a shell that signs people in, and a panel for each thing that somebody may do."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.domain.errors import NotFound
from chalicelib.http import shapes

if TYPE_CHECKING:
    from chalice.app import Request, Response

TEMPLATES = Path(__file__).parent / "templates" / "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """
    One tab of the desk: `templates/desk/{name}.html` and `.js`, shown to whoever has *scope*.

    The page fetches it when the tab is first opened, held to its hash; its script runs because the page's policy
    names that script's hash too. So nobody loads what is not theirs, and the page stays small.
    """

    name: str
    title: str
    scope: str


PANELS = (
    Panel(name="requests", title="Requests", scope="queue:claim"),
    Panel(name="supervision", title="Supervision", scope="queue:supervise"),
    Panel(name="trail", title="Audit trail", scope="audit:read"),
)

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Language": "en",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class DeskPage:
    """Serves `GET /desk` and its panels: open to anybody, since they hold no content until somebody has signed in."""

    def page(self, http_request: Request) -> Response:  # noqa: ARG002 - it is the same for everybody
        """Hand out the page; scripts and styles run by their hash alone, and nothing may frame, keep or follow it."""
        html, headers = self._document
        return shapes.page(html, headers, 200)

    def panel(self, http_request: Request, name: str) -> Response:  # noqa: ARG002 - as above
        """
        Hand out a panel; opened by itself it is a document that may do nothing.

        Raises:
            NotFound: `not-found`, there is none of this name.
        """
        if name not in self._panels:
            raise NotFound("not-found")
        policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
        return shapes.page(self._panels[name], {**_HEADERS, "Content-Security-Policy": policy}, 200)

    @cached_property
    def _panels(self) -> dict[str, str]:
        return {each.name: f"{_read(f'{each.name}.html')}<script>{_script(each.name)}</script>\n" for each in PANELS}

    @cached_property
    def _document(self) -> tuple[str, dict[str, str]]:
        style, script = _read("shell.css"), _script("shell")
        scripts = " ".join(f"'{_digest(each)}'" for each in (script, *(_script(panel.name) for panel in PANELS)))
        policy = (
            f"default-src 'none'; script-src {scripts}; style-src '{_digest(style)}'; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        tabs = "\n".join(
            f'<button type="button" data-panel="{each.name}" data-scope="{each.scope}"'
            f' data-integrity="{_digest(self._panels[each.name])}" hidden>{each.title}</button>'
            for each in PANELS
        )
        html = _read("shell.html").replace("{tabs}", tabs).replace("{style}", style).replace("{script}", script)
        return html, {**_HEADERS, "Content-Security-Policy": policy}


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    """Leave out whole lines of comment: what is for the engineer need not travel to every desk."""
    lines = _read(f"{name}.js").splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("//"))


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
