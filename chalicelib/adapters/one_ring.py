"""
One ring for a round, however many servers share the folder: on AWS there is one schedule, here each server has a clock.

A file says which round rang last. Whoever holds its lock rings, and writes it down once somebody has heard; a server
that is killed or suspended while it rings leaves the round to the other, which may then be heard twice, never not at
all: nobody waits longer for the lock than a ring takes.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from chalicelib.ports import Doorbell, Ring

PATIENCE = 6.0
"""Seconds to wait for another server's ring, a little longer than one takes: a webhook is given five."""
_LOOK_EVERY = 0.05


class OneRing:
    """A `Doorbell` in front of *doorbell*, which rings once for each round; *mark* is the file that says so."""

    def __init__(self, doorbell: Doorbell, mark: Path, *, patience: float = PATIENCE) -> None:
        self._doorbell, self._mark, self._patience = doorbell, mark, patience

    def ring(self, rings: Sequence[Ring], *, at: datetime) -> None:
        """Ring, unless it has rung for the round that began at *at*."""
        try:
            self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._mark, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable("doorbell") from error
        try:
            self._wait_for(file)
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

    def _wait_for(self, file: int) -> None:
        """Take the lock, or go on without: whoever has held it all this time may never have rung."""
        until = time.monotonic() + self._patience
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() >= until:
                return
            time.sleep(_LOOK_EVERY)
