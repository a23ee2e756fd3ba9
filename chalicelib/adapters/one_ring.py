"""
One ring for a round, however many servers share the folder: on AWS there is one schedule, here each server has a clock.

A file says which round rang last. Whoever holds its lock rings, and writes it down once somebody has heard; a server
that is killed while it rings leaves the round to the other, which may then be heard twice, never not at all.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from chalicelib.ports import Doorbell, Ring


class OneRing:
    """A `Doorbell` in front of *doorbell*, which rings once for each round; *mark* is the file that says so."""

    def __init__(self, doorbell: Doorbell, mark: Path) -> None:
        self._doorbell, self._mark = doorbell, mark

    def ring(self, rings: Sequence[Ring], *, at: datetime) -> None:
        """Ring, unless it has rung for the round that began at *at*."""
        try:
            self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._mark, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable("doorbell") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            this = at.isoformat().encode()
            if os.pread(file, len(this) + 1, 0) == this:
                return
            self._doorbell.ring(rings, at=at)
            os.ftruncate(file, 0)
            os.pwrite(file, this, 0)
        except OSError as error:
            raise Unavailable("doorbell") from error
        finally:
            os.close(file)
