"""
Checking what arrived sealed, now that the desk has opened it.

Intake cannot look into what a browser sealed. So whatever is opened is held to the same rules as what arrives in the
clear. What does not keep them is shown as what it is: as flat text, so that nothing in it can pass for a rule of safe
contact that somebody agreed to, and never lost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.ports import PhoneBook

MESSAGE_LIMIT = 3000
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_MAILBOX_KEY = re.compile(r'("mailbox_key"\s*:\s*")[^"]*')


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """Holds opened details to the rules; *shape* gives them as they should be, or None if they are not."""

    shape: Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
    phones: PhoneBook

    def details(self, kind: str, details: object) -> Mapping[str, Any] | None:
        """Give *details* as the desk may rely on them, the number in its international form; None if it may not."""
        if not isinstance(details, dict):
            return None
        shaped = self.shape(kind, {name: value for name, value in details.items() if name != "phone_international"})
        if shaped is None or "phone" not in shaped:
            return shaped
        possible = self.phones.possible(shaped["phone"])
        return None if possible is None else {**shaped, "phone_international": possible}


def parsed(raw: bytes) -> object:
    """Read JSON that anybody may have written; what is none comes back as its text."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return _MAILBOX_KEY.sub(r"\1", raw.decode("utf-8", "replace"))


def as_sent(details: object) -> dict[str, str]:
    """Give what is there as flat text under flat names, whatever it is; its size was bounded when it arrived."""
    if not isinstance(details, dict):
        return {"content": as_text(details)}
    fields: dict[str, str] = {}
    for name, value in details.items():
        shown = as_text(name)
        while shown in fields:
            shown += "'"
        fields[shown] = as_text(value)
    return fields


def as_text(value: object) -> str:
    """Give anything as text that shows what it is: without control characters, and none that turn its direction."""
    text = value if isinstance(value, str) else _dumped(value)
    return _UNSAFE.sub("\ufffd", text)


def message_text(content: object) -> str | None:
    """Give the text of a requester's message, or None if it is not what a message is."""
    if not isinstance(content, dict) or set(content) != {"text"} or not isinstance(content["text"], str):
        return None
    text = content["text"].strip()
    return text if 0 < len(text) <= MESSAGE_LIMIT and text == text.encode("utf-8", "replace").decode() else None


def _dumped(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "\ufffd"
