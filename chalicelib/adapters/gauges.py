"""Gauges: figures for CloudWatch in the embedded metric format, or for nobody."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class EmbeddedMetrics:
    """
    Figures as a line of the log that CloudWatch turns into metrics of *namespace*.

    The function needs no permission for it, and waits for nobody.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def show(self, figures: Mapping[str, int], *, now: datetime) -> None:
        """Write the line."""
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [[]],
            "Metrics": [{"Name": name} for name in figures],
        }
        line = {"_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}, **figures}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


class NoGauges:
    """Figures that nobody asked for."""

    def show(self, figures: Mapping[str, int], *, now: datetime) -> None:
        """Let them go."""
