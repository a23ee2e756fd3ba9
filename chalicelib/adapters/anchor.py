"""Where the audit trail ended when it was last found sound: a small file beside the keys, outside the database."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

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
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump({"count": head.count, "mac": head.mac, "seal": head.seal}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise Unavailable("keys") from error
