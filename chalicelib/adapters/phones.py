"""Telephone numbers, by Google's libphonenumber data; loaded with the first number, because it costs 30 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

DEFAULT_COUNTRY = "GB"


class Phonenumbers:
    """A `PhoneBook` over the `phonenumbers` library."""

    def is_possible(self, number: str) -> bool:
        """Tell whether a telephone could have the number."""
        return _parsed(number) is not None

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
