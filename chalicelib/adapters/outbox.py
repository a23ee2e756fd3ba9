"""Mail on a small machine: one `.eml` file a message in an outbox folder, for the machine's own mail relay to take."""

from __future__ import annotations

import os
import secrets
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Outbox:
    """A `Mailer` that leaves mail in *folder*, as `<request>.<message>.eml`; a name ending so is there whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, *, sender: str, to: str, subject: str, text: str, request_id: str, message_id: str) -> None:
        """Put a message into the outbox; nothing is in it but what it must say."""
        message = EmailMessage(policy=SMTP)
        try:
            message["From"], message["To"], message["Subject"] = sender, to, subject
            message.set_content(text)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = f"{request_id}.{message_id}"
            draft = self._folder / f".{name}.{secrets.token_hex(4)}"
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(message.as_bytes())
                    file.flush()
                    os.fsync(file.fileno())
                draft.rename(self._folder / f"{name}.eml")
            finally:
                draft.unlink(missing_ok=True)  # half an address is somebody's address
        except Exception as error:  # the e-mail library raises whatever it likes over an address
            raise Unavailable("mail") from error

    def erase(self, request_id: str) -> None:
        """
        Erase what the mail relay has not taken.

        Names are compared, and not globbed for: Python keeps up to 32,768 patterns, each with its request's id in it.
        """
        for path in self._folder.glob("*.*"):
            if _request_of(path) == request_id:
                path.unlink(missing_ok=True)

    def kept(self) -> Iterable[str]:
        """List the requests of which mail is still here."""
        return {_request_of(path) for path in self._folder.glob("*.*")}


def _request_of(path: Path) -> str:
    return path.name.lstrip(".").split(".")[0]
