"""Answers that anybody may cache: serialised once, kept with a strong ETag, handed out again until content changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from chalice.app import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from chalice.app import Request

Headers: TypeAlias = "dict[str, str | list[str]]"

ENTRIES = 256
"""Answers to keep: every combination of filters would be thousands, people ask for dozens."""
SIZE = 16 * 1024 * 1024
"""Characters to keep: large pages of a large directory must not fill a small function's memory."""
FRESH = "public, max-age=300, stale-while-revalidate=86400"
"""For what is read by itself: five minutes old is new enough, and a day is better than nothing."""
REVALIDATED = "public, max-age=0, must-revalidate"
"""For what is read page by page: a cache that mixed old pages with new ones would hide a record between them."""
_OPAQUE_TAG = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer as it goes out."""

    body: str
    etag: str
    headers: Headers


class Shelf:
    """
    Ready answers, and the pieces that they are put together from, of one edition of the content; within bounds.

    An answer goes onto the shelf that was taken before it was made. So a change meanwhile can put newer words onto an
    older shelf, which is thrown away with the next question, and never older words onto a newer one.
    """

    def __init__(self) -> None:
        self._pieces: dict[Hashable, str] = {}
        self._ready: dict[Hashable, Ready] = {}
        self._size = self._in_pieces = 0

    def __len__(self) -> int:
        return len(self._ready)

    def piece(self, key: Hashable, make: Callable[[], str]) -> str:
        """Give a piece, made when it is first needed; within the same bounds as whole answers."""
        piece = self._pieces.get(key)
        if piece is None:
            piece = make()
            if self._in_pieces + len(piece) > SIZE:
                self._pieces, self._in_pieces = {}, 0
            self._pieces[key] = piece
            self._in_pieces += len(piece)
        return piece

    def find(self, key: Hashable) -> Ready | None:
        """Give what was kept for *key*."""
        return self._ready.get(key)

    def keep(self, key: Hashable, body: str, headers: Headers) -> Ready:
        """Make an answer ready, and keep it."""
        if len(self._ready) >= ENTRIES or self._size + len(body) > SIZE:
            self._ready, self._size = {}, 0  # a new one, so that threads need no lock; what is wanted is soon back
        etag = f'"{sha256(body.encode()).hexdigest()}"'
        ready = Ready(body, etag, {**headers, "ETag": etag})
        self._ready[key] = ready
        self._size += len(body)
        return ready


class Shelves:
    """Gives the shelf of an edition: an empty one as soon as it is another edition than before."""

    def __init__(self) -> None:
        self._now: tuple[object, Shelf] = (None, Shelf())

    def of(self, edition: object) -> Shelf:
        """Give the shelf of *edition*, which is told by what it is and not by what is in it."""
        now = self._now
        if now[0] is not edition:
            now = self._now = (edition, Shelf())  # in one step, so that threads need no lock
        return now[1]


def handed_out(http_request: Request, ready: Ready) -> Response:
    """Answer with what is ready, or with 304 to whoever holds it already."""
    held = http_request.headers.get("if-none-match")
    if held and is_held(held, ready.etag):
        unchanged: Headers = {name: value for name, value in ready.headers.items() if name != "Content-Type"}
        return Response("", headers=unchanged, status_code=304)
    return Response(ready.body, headers=dict(ready.headers))


def is_held(held: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 13.1.2 asks: any tag of the list, with or without `W/`, or `*`."""
    return held == etag or held.strip() == "*" or etag[1:-1] in _OPAQUE_TAG.findall(held)
