"""Where the audit trail ended when it was last found sound, on AWS: in a parameter, outside the tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import unavailable
from chalicelib.domain.audit import TrailHead
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from chalicelib.adapters.aws import Client

NOTHING_YET = "none"
"""What the template puts into the parameter when it makes it: a parameter cannot be empty."""


class ParameterAnchor:
    """A `TrailAnchor` in the parameter *name*. Systems Manager keeps the hundred anchors before as well."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def read(self) -> TrailHead | None:
        """Read the anchor; one that cannot be read as such is told as a head that nobody signed."""
        answer = self._client("get_parameter", refuse=unavailable("keys"), Name=self._name)
        value = answer.get("Parameter", {}).get("Value", "")
        if value == NOTHING_YET:
            return None
        try:
            kept = json.loads(value)
            return TrailHead(count=int(kept["count"]), mac=str(kept["mac"]), seal=str(kept["seal"]))
        except (ValueError, KeyError, TypeError):
            return TrailHead()

    def keep(self, head: TrailHead) -> None:
        """Put *head* in the place of the one before."""
        value = json.dumps({"count": head.count, "mac": head.mac, "seal": head.seal})
        answer = self._client("put_parameter", refuse=unavailable("keys"), Name=self._name, Value=value, Overwrite=True)
        if not answer.get("Version"):
            raise Unavailable("keys")
