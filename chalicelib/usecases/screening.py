"""Screening: who has shown that they are probably no machine. Nobody is turned away for not showing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.domain import screening
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.domain.screening import FormProof
    from chalicelib.ports import Clock, ProofOfWork, RequestStore


RECOUNT = timedelta(minutes=1)
SHARE = 10
"""How many processes may let requests in side by side without passing the cap: each takes its share of what is free."""


class Room:
    """
    How much room there is for unverified requests, without counting them for each: *cap* may wait.

    While there is much, a process lets a tenth of it in before it counts again; close to the cap it counts every time.
    A store that cannot count, or may not, turns nobody away: losing a request is worse than keeping too many.
    """

    def __init__(self, store: RequestStore, *, cap: int, clock: Clock) -> None:
        self._store, self._cap, self._clock = store, cap, clock
        self._granted, self._until = 0, datetime.min.replace(tzinfo=UTC)

    def is_left(self) -> bool:
        """Tell whether one more may wait."""
        now = self._clock.now()
        if self._granted > 0 and now < self._until:
            self._granted -= 1
            return True
        try:
            free = self._cap - self._store.unverified(at_most=self._cap, now=now)
        except Unavailable:
            free = self._cap
        self._granted, self._until = free // SHARE, now + RECOUNT
        return free > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """Hands out challenges and form tokens, and recognises them when they come back; keeps nothing of either."""

    proof_of_work: ProofOfWork
    clock: Clock
    pepper: Callable[[], bytes]

    def challenge(self, bound_to: str) -> Mapping[str, object]:
        """Give a challenge for one request: the hash of its idempotency key, or its id."""
        return self.proof_of_work.challenge(bound_to=bound_to, now=self.clock.now())

    def form_token(self, idempotency_key: str, *, before: str = "") -> str:
        """Give what a plain form carries to show when it was handed out: at first, if it comes back to be mended."""
        if screening.is_ours(before, idempotency_key, secret=self._secret()):
            return before
        return screening.form_token(idempotency_key, now=self.clock.now(), secret=self._secret())

    def is_verified(
        self, *, idempotency_key: str | None, request_id: str, altcha: str | None, form: FormProof | None
    ) -> bool:
        """Tell whether what came with a request shows that a person sent this very one."""
        now = self.clock.now()
        if altcha is not None:
            bound_to = request_id if idempotency_key is None else screening.name_of_key(idempotency_key)
            return self.proof_of_work.is_solved(altcha, bound_to=bound_to, now=now)
        if form is None or idempotency_key is None:
            return False
        return screening.is_good(form, idempotency_key, now=now, secret=self._secret())

    def _secret(self) -> bytes:
        return screening.secret_for("form", pepper=self.pepper())
