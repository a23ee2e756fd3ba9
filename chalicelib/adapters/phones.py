"""Telephone numbers, by Google's libphonenumber data; loaded with the first number, because it costs 30 ms."""

from __future__ import annotations

DEFAULT_COUNTRY = "GB"


class Phonenumbers:
    """A `PhoneBook` over the `phonenumbers` library."""

    def possible(self, number: str) -> str | None:
        """Give the international form of a number that a telephone could have, or None."""
        import phonenumbers  # noqa: PLC0415 - on first use

        try:
            parsed = phonenumbers.parse(number, DEFAULT_COUNTRY)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_possible_number(parsed):
            return None
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
