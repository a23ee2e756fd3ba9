"""
A typeface as a file gives it: which letters it has, and how wide each is.

Reads of TrueType what setting words needs (`head`, `hhea`, `hmtx`, `cmap`, `OS/2`), so that nothing but the file
itself has to travel with the code.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FONTS = Path(__file__).parent.parent / "content" / "fonts"
_UNICODE_BMP = (3, 1)
_FORMAT = 4
_LAST = 0xFFFF


class Typeface:
    """One weight of a typeface."""

    def __init__(self, name: str, file: bytes) -> None:
        self.name = name
        self.file = file

    @classmethod
    def packaged(cls, name: str) -> Typeface:
        """Read one of those that travel with the code."""
        return cls(name, (FONTS / f"{name}.ttf").read_bytes())

    def glyph(self, letter: str) -> int:
        """Give the number of a letter's glyph; 0, an empty box, for a letter that the typeface lacks."""
        return self.glyphs.get(ord(letter), 0)

    def width(self, text: str, size: float) -> float:
        """Measure a line in points."""
        measures, nothing = self._measures, self.advance(0)
        return sum(measures.get(letter, nothing) for letter in text) * size / 1000

    def advance(self, glyph: int) -> int:
        """Give how far a glyph moves the pen, in thousandths of the size."""
        widths = self._advances
        return round(widths[min(glyph, len(widths) - 1)] * 1000 / self._em)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """The box in which every glyph lies, in thousandths."""
        sides = unpack_from(">4h", self.file, self._tables["head"] + 36)
        left, bottom, right, top = (self._thousandths(side) for side in sides)
        return left, bottom, right, top

    @cached_property
    def ascent(self) -> int:
        """How high letters reach."""
        return self._thousandths(unpack_from(">h", self.file, self._tables["hhea"] + 4)[0])

    @cached_property
    def descent(self) -> int:
        """How deep they reach, below nought."""
        return self._thousandths(unpack_from(">h", self.file, self._tables["hhea"] + 6)[0])

    @cached_property
    def cap_height(self) -> int:
        """How high capitals are."""
        return self._thousandths(unpack_from(">h", self.file, self._tables["OS/2"] + 88)[0])

    @cached_property
    def glyphs(self) -> Mapping[int, int]:
        """Every letter that there is, with its glyph."""
        return dict(self._mapped())

    @cached_property
    def _measures(self) -> Mapping[str, int]:
        return {chr(code): self.advance(glyph) for code, glyph in self.glyphs.items()}

    def _thousandths(self, units: int) -> int:
        return round(units * 1000 / self._em)

    @cached_property
    def _em(self) -> int:
        em: int = unpack_from(">H", self.file, self._tables["head"] + 18)[0]
        return em

    @cached_property
    def _tables(self) -> Mapping[str, int]:
        (count,) = unpack_from(">H", self.file, 4)
        entries = (unpack_from(">4sIII", self.file, 12 + 16 * place) for place in range(count))
        return {tag.decode("ascii"): offset for tag, _, offset, _ in entries}

    @cached_property
    def _advances(self) -> tuple[int, ...]:
        (count,) = unpack_from(">H", self.file, self._tables["hhea"] + 34)
        return unpack_from(">" + "Hh" * count, self.file, self._tables["hmtx"])[::2]

    def _mapped(self) -> Iterator[tuple[int, int]]:
        table = self._tables["cmap"]
        (count,) = unpack_from(">H", self.file, table + 2)
        entries = (unpack_from(">HHI", self.file, table + 4 + 8 * place) for place in range(count))
        start = table + next(offset for platform, encoding, offset in entries if (platform, encoding) == _UNICODE_BMP)
        kind, _, _, doubled = unpack_from(">4H", self.file, start)
        if kind != _FORMAT:
            message = f"{self.name} has no character map of format {_FORMAT}."
            raise ValueError(message)
        size = doubled // 2
        ends = unpack_from(f">{size}H", self.file, start + 14)
        starts = unpack_from(f">{size}H", self.file, start + 16 + doubled)
        deltas = unpack_from(f">{size}H", self.file, start + 16 + 2 * doubled)
        ranges_at = start + 16 + 3 * doubled
        ranges = unpack_from(f">{size}H", self.file, ranges_at)
        for place, (first, last, delta, offset) in enumerate(zip(starts, ends, deltas, ranges, strict=True)):
            for code in range(first, min(last, _LAST - 1) + 1):
                glyph = code
                if offset:
                    at = ranges_at + 2 * place + offset + 2 * (code - first)
                    (glyph,) = unpack_from(">H", self.file, at)
                if glyph or not offset:
                    yield code, (glyph + delta) % 0x10000
