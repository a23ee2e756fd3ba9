"""
The alphabet of text messages (3GPP TS 23.038, "GSM-7"): what a message costs, and what every telephone can show.

A message in this alphabet has 160 septets, or 153 in each part of a longer one. One letter from outside it turns the
whole message into UCS-2, of which 70 fit. Welsh is written with letters outside it (â ê î ô û ŵ ŷ, of the accented ones
only à è ì ò ù é ä ö are inside): in a message they lose their accent, as people who write Welsh on telephones do.
"""

from __future__ import annotations

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet in the order of its codes; 0x1b escapes to the extension table."""
ESCAPE = "\x1b"
EXTENSION = "\f^{}\\[~]|€"
"""What costs two septets: the escape, and the character."""
SEPTETS = 160
"""Septets of a message that is sent in one piece."""
SEPTETS_OF_A_PART = 153
_COST = {**{letter: 1 for letter in BASIC if letter != ESCAPE}, **dict.fromkeys(EXTENSION, 2)}
_PLAIN = str.maketrans(
    {
        **dict(zip("âêîôûŵŷÂÊÎÔÛŴŶ", "aeiouwyAEIOUWY", strict=True)),
        **dict(zip("ëïÿẁỳẃýẅËÏŸẀỲẂÝẄ", "eiywywywEIYWYWYW", strict=True)),
        **dict(zip("áíóúÁÍÓÚÀÈÌÒÙ", "aiouAIOUAEIOU", strict=True)),
        **dict.fromkeys("\u2018\u2019\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014", "-"),
        "\u2026": "...",
        "\u00a0": " ",
    }
)
"""What a letter, a quote or a dash becomes when the alphabet has none of it."""


def plain(text: str) -> str:
    """Write Welsh accents and printers' quotes and dashes in letters of the alphabet; nothing else is touched."""
    return text.translate(_PLAIN)


def strangers(text: str) -> tuple[str, ...]:
    """Give the characters that are not in the alphabet, each once, in the order in which they come."""
    return tuple(dict.fromkeys(letter for letter in text if letter not in _COST))


def septets(text: str) -> int:
    """
    Count what a message costs.

    Raises:
        KeyError: a character is not in the alphabet; `strangers` names it.
    """
    return sum(_COST[letter] for letter in text)


def segments(text: str) -> int:
    """
    Count the parts in which a message is sent; an escape and its character are never divided between two.

    Raises:
        KeyError: a character is not in the alphabet.
    """
    if septets(text) <= SEPTETS:
        return 1
    parts, left = 1, SEPTETS_OF_A_PART
    for letter in text:
        cost = _COST[letter]
        if cost > left:
            parts, left = parts + 1, SEPTETS_OF_A_PART
        left -= cost
    return parts
