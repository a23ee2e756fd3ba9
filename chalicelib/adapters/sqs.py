"""The overflow queue in SQS. It holds sealed requests only, and forgets each as soon as it is stored."""

from __future__ import annotations

import time
from hashlib import md5
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import unavailable
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.adapters.aws import Client
    from chalicelib.domain.overflow import Overflowed

CONNECT, READ = 0.4, 0.8
"""Seconds for one attempt. The requester has waited for the store already, and waits five in all."""
AGAIN_WITHIN = 0.3
"""Seconds within which an attempt must have failed for another to follow: 0.3 + 0.4 + 0.8 are the 1.5 that we have."""
ATTEMPTS = 3


class SqsOverflow:
    """An `Overflow` in the queue at *url*; *client* makes one attempt a call, and we try again where there is time."""

    def __init__(self, client: Client, url: str, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._url = url
        self._timer = timer

    def put(self, overflowed: Overflowed) -> None:
        """Put a letter into the queue; sent twice it is drained once, so that trying again does no harm."""
        body, started = overflowed.to_text(), self._timer()
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._send(body)
            except Unavailable:
                if not left or self._timer() - started > AGAIN_WITHIN:
                    raise
        return None

    def _send(self, body: str) -> None:
        answer = self._client("send_message", refuse=unavailable("storage"), QueueUrl=self._url, MessageBody=body)
        # Accepted is what SQS says it holds, and not whatever answered with 200.
        if answer.get("MD5OfMessageBody") != md5(body.encode(), usedforsecurity=False).hexdigest():
            raise Unavailable("storage")
