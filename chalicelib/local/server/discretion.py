"""What is logged of an error: where it happened, and nothing of what anybody typed."""

from __future__ import annotations

import logging

log = logging.getLogger("quietline.server")


def report(error: BaseException) -> None:
    """Log an error's type and its line of code, and nothing else: texts of errors carry what people typed."""
    traceback, place = error.__traceback__, "?"
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    log.error("unforeseen %s at %s", type(error).__name__, place)


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
