"""What the record of erasures answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chalicelib.http.answer_models import Answer


class ErasureAnswer(Answer):
    """One erasure: of what, why, in which hour; *seq* is its place in the trail, *mac* what chains it there."""

    seq: int
    at: datetime
    request_id: str
    erased: Literal["everything", "details"]
    because: Literal["withdrawn", "expired", "closed"]
    by: Literal["requester", "system"]
    mac: str


class ErasuresAnswer(Answer):
    """A page of erasures, from a trail that was verified whole as it was read."""

    erasures: list[ErasureAnswer]
    verified: bool
    broken_at: int | None
    next_after: int | None
