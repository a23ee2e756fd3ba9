"""What is logged of an error: where it happened, and nothing of what anybody typed."""

from __future__ import annotations

import logging

from chalicelib.http.problems import where

log = logging.getLogger("quietline.server")


def report(error: BaseException) -> None:
    """Log an error's type and its line of our code, and nothing else: texts of errors carry what people typed."""
    log.error("unforeseen %s", where(error))


class _Discreet(logging.Filter):
    """Keeps tracebacks out of Chalice's log: Chalice reports a failed handler with the text of its error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            report(record.exc_info[1])
            return False
        return True


def hush(logger: logging.Logger) -> None:
    """Let nothing through in which an error's text could be."""
    if not any(isinstance(one, _Discreet) for one in logger.filters):
        logger.addFilter(_Discreet())
