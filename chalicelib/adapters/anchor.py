"""Where the audit trail ended when it was last found sound: a small file beside the keys, outside the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.adapters import small_file
from chalicelib.domain.audit import TrailHead
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


class FileAnchor:
    """A `TrailAnchor` in the file *path*, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> TrailHead | None:
        """Read the anchor; one that cannot be read as such is told as a head that nobody signed."""
        try:
            kept = json.loads(self._path.read_bytes())
            return TrailHead(count=int(kept["count"]), mac=str(kept["mac"]), seal=str(kept["seal"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return TrailHead()
        except OSError as error:
            raise Unavailable("keys") from error

    def keep(self, head: TrailHead) -> None:
        """Put *head* in the place of the one before."""
        try:
            small_file.replace(self._path, {"count": head.count, "mac": head.mac, "seal": head.seal})
        except OSError as error:
            raise Unavailable("keys") from error
