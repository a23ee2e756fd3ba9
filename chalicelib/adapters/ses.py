"""Mail on AWS: SES takes a message, and from then on it is the mail system's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import unavailable
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.adapters.aws import Client

_ONE_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+")


class SesMailer:
    """
    A `Mailer` through SES. Nothing names the request: no tag, no header, only what the recipient reads.

    Of a *message_id* that is sent again after an answer that was lost, SES delivers a second copy: it cannot tell.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, *, sender: str, to: str, subject: str, text: str, request_id: str, message_id: str) -> None:  # noqa: ARG002 - nothing of them may travel
        """Hand one message over to SES."""
        answer = self._client(
            "send_email",
            refuse=unavailable("mail"),
            FromEmailAddress=sender,
            Destination={"ToAddresses": [_address(to)]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                }
            },
        )
        if not answer.get("MessageId"):
            raise Unavailable("mail")

    def erase(self, request_id: str) -> None:
        """Erase nothing: what SES has taken has left, and is in the recipient's mailbox, not here."""

    def kept(self) -> Iterable[str]:
        """List nothing: SES keeps no copy of what it has delivered."""
        return ()


def _address(to: str) -> str:
    """Make sure that it is one address, whoever sealed it: several would be read as several."""
    if not _ONE_ADDRESS.fullmatch(to):
        raise Unavailable("mail")
    return to
