"""What arrives by queue and by the clock. As with HTTP, no unforeseen error leaves: Lambda would log its text."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable
from chalicelib.http.problems import where
from chalicelib.usecases.overflowing import Undeliverable

if TYPE_CHECKING:
    from chalice.app import SQSEvent

    from chalicelib.usecases.doorbell import Doorkeeping
    from chalicelib.usecases.overflowing import Overflowing

log = logging.getLogger("quietline")

DRAINING = 15.0
"""Seconds within which the last letter is begun: the function has 30, and its queue lends a letter for 180."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """Handlers of what nobody asked for over HTTP."""

    overflowing: Overflowing
    doorkeeping: Doorkeeping

    def drain(self, trigger: SQSEvent) -> dict[str, list[dict[str, str]]]:
        """
        Store a batch of accepted requests, and name those that must come again.

        The answer is SQS's partial batch response (`ReportBatchItemFailures` must be on, or all are forgotten). A
        letter that fails each time ends among the dead letters, never nowhere. Where the store takes long to refuse,
        the last letters come again untried: a function that is stopped would name none, and those stored come again.
        """
        until = time.monotonic() + DRAINING
        failed = [
            record
            for record in trigger.to_dict()["Records"]
            if time.monotonic() > until or not self._drained(record["body"])
        ]
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}

    def ring(self) -> dict[str, int]:
        """Ring the doorbell where something waits, and give figures for a log; what fails has its turn next round."""
        try:
            return self.doorkeeping.round()
        except Exception as error:  # noqa: BLE001 - as below
            log.error("unforeseen %s; the doorbell did not ring", where(error))  # noqa: TRY400
            return {"lanes": 0, "rang": 0, "failed": 0}

    def _drained(self, text: str) -> bool:
        try:
            self.overflowing.drain(text)
        except (Undeliverable, Unavailable) as refusal:
            log.error("an accepted request stays in the overflow queue: %s", refusal)  # noqa: TRY400 - a code
            return False
        except Exception as error:  # noqa: BLE001 - the one place where unforeseen errors end
            log.error("unforeseen %s; a request stays in the overflow queue", where(error))  # noqa: TRY400
            return False
        return True
