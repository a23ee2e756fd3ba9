"""The practitioners' page: a shell that signs people in, and a panel for each thing that somebody may do."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.http import shapes

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.domain.access import SignInService
    from chalicelib.ports import SignIn

_NO_SPACE_NEEDED = re.compile(r"(</(?:data|details|h2|h3|legend|p)>|</?(?:div|fieldset|form|section)\b[^>\n]*>)\n")
_SPACE_IN_STYLE = re.compile(r"\s*([{};,])\s*|:\s")
"""Where a template's line ends that no line on the screen does: between blocks, and in lists of words."""
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
    Panel(name="partners", title="Partners", scope="partner:manage"),
    Panel(name="figures", title="Figures", scope="queue:supervise"),
    Panel(name="editing", title="Content", scope="content:write"),
    Panel(name="hosting", title="Live session", scope="session:host"),
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

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._put_together: tuple[SignInService | None, str, dict[str, str]] | None = None

    def page(self, http_request: Request) -> Response:  # noqa: ARG002 - it is the same for everybody
        """
        Hand out the page; scripts and styles run by their hash alone, and nothing may frame, keep or follow it.

        It says where to sign in. Where nobody knows that just now, the page says so, and is to be loaded again.
        """
        try:
            service = self._sign_in.service()
        except Unavailable:
            service = None
        ready = self._put_together
        if ready is None or ready[0] != service:
            ready = self._put_together = (service, *self._document(service))
        return shapes.page(ready[1], ready[2], 200)

    def signed_in(self, http_request: Request) -> Response:  # noqa: ARG002 - what it is told stays in the browser
        """Hand out the page on which a sign-in ends: it tells the desk's page, which waits for it, and closes."""
        style, script = _style(), _script("signed_in")
        document = _read("signed_in.html").replace("{style}", style).replace("{script}", script)
        policy = (
            f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return shapes.page(document, {**_HEADERS, "Content-Security-Policy": policy}, 200)

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

    def _document(self, service: SignInService | None) -> tuple[str, dict[str, str]]:
        style, script = _style(), _script("shell")
        scripts = " ".join(f"'{digest(each)}'" for each in (script, *(_script(panel.name) for panel in PANELS)))
        policy = (
            f"default-src 'none'; script-src {scripts}; style-src '{digest(style)}'; "
            f"connect-src {_reached(service)}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        tabs = "\n".join(
            f'<button type="button" data-panel="{each.name}" data-scope="{each.scope}"'
            f' data-integrity="{digest(self._panels[each.name])}" hidden>{each.title}</button>'
            for each in PANELS
        )
        said = html.escape(json.dumps(None if service is None else asdict(service)))
        document = _read("shell.html").replace("{tabs}", tabs).replace("{service}", said)
        document = document.replace("{style}", style).replace("{script}", script)
        return document, {**_HEADERS, "Content-Security-Policy": policy}


def _reached(service: SignInService | None) -> str:
    """Say whom the page may talk to: the desk, and the one address that trades a code for a token."""
    if service is None or service.token_endpoint.startswith("/"):
        return "'self'"
    return f"'self' {service.token_endpoint.partition('?')[0]}"


def _read(name: str) -> str:
    return _NO_SPACE_NEEDED.sub(r"\1", (TEMPLATES / name).read_text(encoding="utf-8"))


def _script(name: str) -> str:
    """Leave out indentation and whole lines of comment: what is for the engineer need not travel to every desk."""
    return _bare(f"{name}.js")


def _style() -> str:
    """Leave out the spaces that only a reader needs."""
    return _SPACE_IN_STYLE.sub(lambda found: found[1] or ":", _bare("shell.css"))


def _bare(name: str) -> str:
    lines = (line.strip() for line in _read(name).splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//") and not _is_comment(line))


def _is_comment(line: str) -> bool:
    return line.startswith("/*") and line.find("*/") == len(line) - 2


def digest(text: str) -> str:
    """Name a text by its hash, as a policy and an integrity attribute do."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
