"""A partner's site: the pages of `examples/`, served on an origin of its own, with the helpline's address put in."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
WRITTEN = "http://127.0.0.1:8000"
"""The helpline's address as the examples have it: that of `make run`."""
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}


@dataclass
class PartnerSite:
    """A site and what it shows; *changes* are made in its pages before they are served."""

    helpline: str
    origin: str = ""
    changes: dict[str, str] = field(default_factory=dict)

    def file(self, path: str) -> tuple[str, bytes] | None:
        """Give a file of the examples as this partner has pasted it."""
        target = (EXAMPLES / path.lstrip("/")).resolve()
        if not target.is_file() or not target.is_relative_to(EXAMPLES) or target.suffix not in _TYPES:
            return None
        text = target.read_text(encoding="utf-8").replace(WRITTEN, self.helpline)
        for old, new in self.changes.items():
            assert old in text or target.suffix != ".html", old
            text = text.replace(old, new)
        return _TYPES[target.suffix], text.encode()


@contextlib.contextmanager
def partner_site(helpline: str):
    """Serve a partner's site until the block ends."""
    site = PartnerSite(helpline)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = site.file(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "text/plain" if found is None else found[0])
            self.end_headers()
            self.wfile.write(b"" if found is None else found[1])

        def log_message(self, *_of):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
