"""
When this machine's clock was last believed: a small file under its home, beside the database and in no copy of it.

Without the file, or with one that says nothing, nothing is known of the clock.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.adapters import small_file
from chalicelib.domain.belief import Belief
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


class FileBeliefs:
    """`Beliefs` in the file *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Belief | None:
        """Read the file."""
        try:
            said = json.loads(self._path.read_bytes())
            return Belief(believed_at=_instant(said["believed_at"]), doubted_since=_instant(said["doubted_since"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        except OSError as error:
            raise Unavailable("storage") from error

    def keep(self, belief: Belief) -> None:
        """Put *belief* in the place of the one before."""
        said = {"believed_at": _text(belief.believed_at), "doubted_since": _text(belief.doubted_since)}
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            small_file.replace(self._path, said)
        except OSError as error:
            raise Unavailable("storage") from error


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    at = None if text is None else datetime.fromisoformat(text)
    if at is not None and at.tzinfo is None:
        raise ValueError
    return at
