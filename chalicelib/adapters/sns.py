"""A doorbell that rings an SNS topic, for practitioners who subscribe with e-mail, a pager or a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.aws import unavailable
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from chalicelib.adapters.aws import Client
    from chalicelib.ports import Ring


class SnsDoorbell:
    """A `Doorbell` on *topic*; times are told as the clocks of *zone* show them."""

    def __init__(self, client: Client, topic: str, zone: ZoneInfo) -> None:
        self._client = client
        self._topic = topic
        self._zone = zone

    def ring(self, rings: Sequence[Ring], *, at: datetime) -> None:  # noqa: ARG002 - SNS tells its own time
        """Publish one message with a line for each lane."""
        answer = self._client(
            "publish",
            refuse=unavailable("doorbell"),
            TopicArn=self._topic,
            Subject="Quietline: something waits",
            Message="\n".join(self._line(ring) for ring in rings),
        )
        if not answer.get("MessageId"):
            raise Unavailable("doorbell")

    def _line(self, ring: Ring) -> str:
        due = "" if ring.due_at is None else f", next due {ring.due_at.astimezone(self._zone):%a %d %b %H:%M}"
        return f"{ring.lane}: {ring.waiting} waiting{due}"
