"""How an entry of a transcript is written down: one JSON text, the same in every engine."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from chalicelib.domain.sessions import Answered, Host


def written(entry: Answered) -> str:
    """Write everything but the place of an entry."""
    return json.dumps(
        {
            "at": entry.at.isoformat(),
            "language": entry.language,
            "question": entry.question,
            "answer": entry.answer,
            "host": {"name": dict(entry.host.name), "role": dict(entry.host.role)},
            "retracted": entry.retracted,
        },
        ensure_ascii=False,
    )


def read(entry_id: str, seq: int, text: str) -> Answered:
    """Read an entry at its place."""
    fields: dict[str, Any] = json.loads(text)
    read_out = {**fields, "at": datetime.fromisoformat(fields["at"]), "host": Host(**fields["host"])}
    return Answered(entry_id=entry_id, seq=seq, **read_out)
