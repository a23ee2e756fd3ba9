"""
Bugs to plant, one or two for each target: whoever says that a fuzzer found nothing must show that it would have.

Each breaks the product in memory, as a hasty change would, and is found by the properties of its target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fuzz_targets
import jwt

from chalicelib.adapters import altcha, oidc
from chalicelib.domain import envelope, receipts, screening
from chalicelib.domain.errors import FieldError, Invalid
from chalicelib.http import mailbox, public, reading

if TYPE_CHECKING:
    from collections.abc import Callable

PLANTED_WELL = "The bug is planted."
"""What `fuzz_one.py` says before it fuzzes: what happened before that is no find."""


def an_envelope_has_a_table() -> None:
    """A stored envelope's text is read by a table, and a character that is not in it is not expected."""
    read, table = envelope.decode, [chr(code) for code in range(ord("z") + 1)]

    def hasty(text: str) -> bytes:
        return read("".join(table[ord(character)] for character in text))

    envelope.decode = hasty


def a_receipt_is_cut_to_length() -> None:
    """What follows a good receipt no longer matters."""
    pattern = receipts._CANONICAL

    class Hasty:
        fullmatch = staticmethod(pattern.match)

    receipts._CANONICAL = Hasty()


def an_error_names_the_field() -> None:
    """A form's unknown field is named in the error, to be helpful."""
    read = public._from_form

    def hasty(fields: Any, kind: Any) -> Any:
        odd = [name for name in fields if name not in {*public._known(kind), "sealed"}]
        if odd:
            raise Invalid((FieldError(f"/{odd[0]}", "unknown-key"),))
        return read(fields, kind)

    public._from_form = hasty


def a_slot_has_a_year() -> None:
    """`int()` of the year in the slot that the mailbox's form names."""
    read = mailbox._PageKey.of

    def hasty(fields: Any) -> Any:
        if slot := fields.get("slot"):
            int(slot[:4])
        return read(fields)

    mailbox._PageKey.of = staticmethod(hasty)


def a_token_needs_no_signature() -> None:
    """A token that says `"alg": "none"` is believed."""
    verified = oidc.OidcIdentity._verified

    def hasty(self: Any, token: str) -> Any:
        try:
            unsigned = jwt.get_unverified_header(token).get("alg") == "none"
        except jwt.PyJWTError:
            unsigned = False
        return jwt.decode(token, options={"verify_signature": False}) if unsigned else verified(self, token)

    oidc.OidcIdentity._verified = hasty


def a_time_is_any_number() -> None:
    """An unlimited number of digits is taken for a time, before its signature is looked at."""
    ours = screening.is_ours

    def hasty(token: str, key: str, *, secret: bytes) -> bool:
        screening.datetime.fromtimestamp(int(token.split(".", maxsplit=1)[0]), screening.UTC)
        return ours(token, key, secret=secret)

    screening.is_ours = hasty


def a_challenge_is_anybodys() -> None:
    """Whom a challenge is for is not compared."""
    solved = altcha.Altcha.is_solved

    def hasty(self: altcha.Altcha, payload: str, *, bound_to: str, now: Any) -> bool:
        return any(solved(self, payload, bound_to=name, now=now) for name in (bound_to, fuzz_targets.others()))

    altcha.Altcha.is_solved = hasty


def a_language_has_a_quality() -> None:
    """`float()` of an unchecked quality."""
    weighted = reading._weighted

    def hasty(header: str) -> Any:
        for part in header.split(","):
            if ";q=" in part:
                float(part.partition(";q=")[2])
        return weighted(header)

    reading._weighted = hasty


PLANTED: dict[str, tuple[str, Callable[[], None], tuple[type[Exception], ...]]] = {
    bug.__name__.replace("_", "-"): (target, bug, errors)
    for target, bug, errors in (
        ("envelope", an_envelope_has_a_table, (IndexError,)),
        ("receipt", a_receipt_is_cut_to_length, ()),
        ("form", an_error_names_the_field, ()),
        ("form", a_slot_has_a_year, (ValueError,)),
        ("token", a_token_needs_no_signature, ()),
        ("token", a_time_is_any_number, (ValueError, OverflowError)),
        ("challenge", a_challenge_is_anybodys, ()),
        ("others", a_language_has_a_quality, (ValueError,)),
    )
}
"""By its name: the target, how it is planted, and the errors that it shows as where no property breaks."""
