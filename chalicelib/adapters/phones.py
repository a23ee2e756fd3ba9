"""Telephone numbers, by Google's libphonenumber data; loaded with the first that needs it, because it costs 30 ms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

DEFAULT_COUNTRY = "GB"
_AS_MOST_WRITE_IT = re.compile(r"0[1-9](?: ?[0-9]){9}")
"""Eleven digits from 0, spaces between them: the library calls each possible, for it counts them and no more."""


class Phonenumbers:
    """A `PhoneBook` over the `phonenumbers` library."""

    def is_possible(self, number: str) -> bool:
        """Tell whether a telephone could have the number."""
        return _AS_MOST_WRITE_IT.fullmatch(number) is not None or _parsed(number) is not None

    def possible(self, number: str) -> str | None:
        """Give the international form of a number that a telephone could have, or None."""
        import phonenumbers  # noqa: PLC0415 - on first use

        parsed = _parsed(number)
        if parsed is None:
            return None
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _parsed(number: str) -> PhoneNumber | None:
    import phonenumbers  # noqa: PLC0415 - on first use

    phonenumbers.enable_pattern_cache()
    try:
        parsed = phonenumbers.parse(number, DEFAULT_COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None
