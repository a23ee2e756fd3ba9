"""
Proof of work with ALTCHA v2 (PBKDF2 in its deterministic form), from the project's own library: stateless and signed.

The cost is a fixed amount of work, not a lottery: between 75 and 150 derivations of 1,000 rounds. In Chromium that took
25 milliseconds on a 2026 server core, and half a second at worst with the processor slowed down six times
(`benchmarks/solving.py`). It deters whoever sends thousands, and no more is asked of it.
"""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

ALGORITHM = "PBKDF2/SHA-256"
ROUNDS = 1000
FEWEST, MOST = 75, 150
VALID = timedelta(minutes=10)


class Altcha:
    """A `ProofOfWork`; *secret* gives the key for a purpose. The library is loaded when it is first needed."""

    def __init__(self, secret: Callable[[str], bytes]) -> None:
        self._secret = secret

    def challenge(self, *, bound_to: str, now: datetime) -> Mapping[str, Any]:
        """Make a challenge, signed together with what it is for and when it ends."""
        from altcha import create_challenge  # noqa: PLC0415 - 55 ms that most cold starts need not pay

        challenge = create_challenge(
            ALGORITHM,
            ROUNDS,
            counter=FEWEST + secrets.randbelow(MOST - FEWEST),
            # The library, and widgets, look at the machine's clock; the helpline's own may have been set elsewhere.
            expires_at=int(time.time() + VALID.total_seconds()),
            data={"for": bound_to, "until": int((now + VALID).timestamp())},
            hmac_secret=self._secret("challenge"),
            hmac_key_secret=self._secret("challenge-key"),
        )
        shown: dict[str, Any] = challenge.to_dict()
        return shown

    def is_solved(self, payload: str, *, bound_to: str, now: datetime) -> bool:
        """Tell whether *payload* solves a living challenge of ours for *bound_to*."""
        from altcha import Payload, verify_solution  # noqa: PLC0415 - as above

        try:
            read = Payload.from_base64(payload)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        said = read.challenge.parameters.data
        if not isinstance(said, dict) or said.get("for") != bound_to:
            return False
        if not isinstance(said.get("until"), int) or said["until"] <= now.timestamp():
            return False
        result = verify_solution(read, self._secret("challenge"), hmac_key_secret=self._secret("challenge-key"))
        return bool(result.verified)
