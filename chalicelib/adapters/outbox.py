"""Mail on a small machine: one `.eml` file a message in an outbox folder, for the machine's own mail relay to take."""

from __future__ import annotations

import os
import secrets
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


class Outbox:
    """A `Mailer` that leaves mail in *folder*; a name ending in `.eml` is there whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, *, sender: str, to: str, subject: str, text: str) -> None:
        """Put a message into the outbox; nothing is in it but what it must say."""
        message = EmailMessage(policy=SMTP)
        try:
            message["From"], message["To"], message["Subject"] = sender, to, subject
            message.set_content(text)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = secrets.token_hex(12)
            draft = self._folder / f".{name}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._folder / f"{name}.eml")
        except (OSError, ValueError) as error:
            raise Unavailable("mail") from error
