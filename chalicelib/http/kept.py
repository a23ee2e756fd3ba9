"""Answers that anybody may cache: serialised once, kept with a strong ETag, handed out again until content changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from chalice.app import Response

if TYPE_CHECKING:
    from collections.abc import Hashable

    from chalice.app import Request

Headers: TypeAlias = "dict[str, str | list[str]]"

ENTRIES = 256
"""Answers to keep: every combination of filters would be thousands, people ask for dozens."""
SIZE = 16 * 1024 * 1024
"""Characters to keep: large pages of a large directory must not fill a small function's memory."""
_FRESH = "public, max-age=300, stale-while-revalidate=86400"
_OPAQUE_TAG = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer as it goes out."""

    body: str
    etag: str
    headers: Headers


class Shelf:
    """Keeps ready answers of one edition of the content, within bounds."""

    def __init__(self) -> None:
        self._edition: object = None
        self._ready: dict[Hashable, Ready] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._ready)

    def find(self, edition: object, key: Hashable) -> Ready | None:
        """Give what was kept for *key*; another *edition* than the last one empties the shelf."""
        if edition is not self._edition:
            self._empty()
            self._edition = edition
        return self._ready.get(key)

    def keep(self, key: Hashable, body: str, headers: Headers, *, vary: str) -> Ready:
        """Make an answer ready, and keep it."""
        if len(self._ready) >= ENTRIES or self._size + len(body) > SIZE:
            self._empty()
        etag = f'"{sha256(body.encode()).hexdigest()}"'
        ready = Ready(body, etag, {**headers, "ETag": etag, "Cache-Control": _FRESH, "Vary": vary})
        self._ready[key] = ready
        self._size += len(body)
        return ready

    def _empty(self) -> None:
        self._ready, self._size = {}, 0  # a new one, so that threads need no lock; what is wanted is soon back


def handed_out(http_request: Request, ready: Ready) -> Response:
    """Answer with what is ready, or with 304 to whoever holds it already."""
    held = http_request.headers.get("if-none-match")
    if held and _is_held(held, ready.etag):
        unchanged: Headers = {name: value for name, value in ready.headers.items() if name != "Content-Type"}
        return Response("", headers=unchanged, status_code=304)
    return Response(ready.body, headers=dict(ready.headers))


def _is_held(held: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 13.1.2 asks: any tag of the list, with or without `W/`, or `*`."""
    return held == etag or held.strip() == "*" or etag[1:-1] in _OPAQUE_TAG.findall(held)
