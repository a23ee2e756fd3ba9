"""Secrets, from the operating system."""

from __future__ import annotations

import os


class SystemRandomness:
    """The operating system's generator: safe after fork, and in a machine that was started from a snapshot."""

    def secret(self, size: int) -> bytes:
        """Draw *size* unpredictable bytes."""
        return os.urandom(size)
