"""
Letters and posters on A4, and the QR code in them.

Set at once from a leaflet's words, in a tenth of a second and without a file beside the two typefaces: so packs are
made where they are asked for, and need no store. Letters go on to a second page; a poster's words shrink until they
fit on one.
"""

from __future__ import annotations

import io
from functools import cached_property
from typing import TYPE_CHECKING

import segno

from chalicelib.adapters.tagged_pdf import A4, Box, TaggedPdf
from chalicelib.adapters.typeface import Typeface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.adapters.tagged_pdf import Element
    from chalicelib.domain.packs import Leaflet

INK, SOFT, ACCENT, WHITE = (0.106, 0.149, 0.173), (0.29, 0.345, 0.376), (0.051, 0.337, 0.38), (1.0, 1.0, 1.0)
RULE = (0.8, 0.82, 0.82)
WIDTH, HEIGHT = A4
MARGIN = 62.0
LEADING = 1.45
_QUIET = 4
"""Empty modules around a QR code (ISO/IEC 18004)."""


class A4Printer:
    """Sets leaflets; implements `Printer`."""

    def letter(self, leaflet: Leaflet) -> bytes:
        """Set a letter, on as many pages as it needs."""
        return _Letter(self._begun(leaflet), leaflet, self._faces).set()

    def poster(self, leaflet: Leaflet) -> bytes:
        """Set a poster, on one page."""
        return _Poster(self._begun(leaflet), leaflet, self._faces).set()

    def qr_svg(self, link: str) -> bytes:
        """Draw the QR code to be printed in any size."""
        out = io.BytesIO()
        _qr(link).save(out, kind="svg", border=_QUIET, scale=8, nl=False, title=link)
        return out.getvalue()

    def qr_png(self, link: str) -> bytes:
        """Draw the QR code for a document or a screen."""
        out = io.BytesIO()
        _qr(link).save(out, kind="png", border=_QUIET, scale=16)
        return out.getvalue()

    def _begun(self, leaflet: Leaflet) -> TaggedPdf:
        return TaggedPdf(language=leaflet.language, title=leaflet.title, author=leaflet.helpline, faces=self._faces)

    @cached_property
    def _faces(self) -> Mapping[str, Typeface]:
        return {"regular": Typeface.packaged("OpenSans-Regular"), "bold": Typeface.packaged("OpenSans-Bold")}


def _qr(link: str) -> segno.QRCode:
    return segno.make_qr(link, error="q", boost_error=False)


class _Sheet:
    """A page being filled from above."""

    def __init__(self, pdf: TaggedPdf, leaflet: Leaflet, faces: Mapping[str, Typeface]) -> None:
        self.pdf, self.leaflet, self._faces = pdf, leaflet, faces
        self.left, self.right = MARGIN, WIDTH - MARGIN
        self.bottom = MARGIN
        self.y = 0.0

    def lines(self, text: str, *, face: str, size: float, width: float) -> list[str]:
        """Break a text into lines; only a word that is wider than a line is broken itself."""
        measure = self._faces[face].width
        found: list[str] = []
        line, used, gap = "", 0.0, measure(" ", size)
        for word in _pieces(text, lambda piece: measure(piece, size) <= width):
            longer = measure(word, size)
            if line and used + gap + longer > width:
                found.append(line)
                line, used = word, longer
            else:
                line, used = (f"{line} {word}", used + gap + longer) if line else (word, longer)
        return [*found, line] if line else found

    def put(  # noqa: PLR0913 - how a block looks
        self,
        element: Element,
        text: str,
        *,
        face: str = "regular",
        size: float,
        colour: tuple[float, float, float] = INK,
        after: float = 0.0,
        width: float | None = None,
        left: float | None = None,
        leading: float = LEADING,
    ) -> Box:
        """Set a text below what is there already; give the box that its last page's lines are in."""
        at = self.left if left is None else left
        lines = self.lines(text, face=face, size=size, width=width or self.right - at)
        top = self.y
        while lines:
            room = max(1, int((self.y - self.bottom) // (size * leading)))
            if self.y - size * leading < self.bottom:
                self.turn()
                top = self.y
                continue
            with self.pdf.mark(element):
                for line in lines[:room]:
                    self.y -= size * leading
                    self.pdf.text(
                        line, at=(at, self.y + size * (leading - 1) * 0.5 + size * 0.1), face=face, size=size,
                        colour=colour,
                    )  # fmt: skip
            lines = lines[room:]
        box = (at, self.y, self.right, top)
        self.y -= after
        return box

    def turn(self) -> None:
        """Go on to the next page."""
        self.pdf.new_page()
        self.y = HEIGHT - MARGIN

    def linked(self, parent: Element, address: str, **look: object) -> None:
        """Set an address that leads there."""
        link = self.pdf.element("Link", parent)
        box = self.put(link, shown(address), **look)  # type: ignore[arg-type]
        self.pdf.link(link, box, address=address, words=shown(address))

    def qr(self, parent: Element, *, left: float, top: float, side: float) -> None:
        """Draw the QR code on white, its quiet zone included, so that its dark part begins at *left*."""
        rows = tuple(_qr(self.leaflet.link).matrix)
        module = side / (len(rows) + 2 * _QUIET)
        left -= _QUIET * module
        box = (left, top - side, left + side, top)
        figure = self.pdf.figure(parent, alt=self.leaflet.qr_alt, box=box)
        dark = [
            (left + (x + _QUIET) * module, top - (y + _QUIET + 1) * module,
             left + (end + _QUIET) * module, top - (y + _QUIET) * module)
            for y, row in enumerate(rows)
            for x, end in _runs(row)
        ]  # fmt: skip
        with self.pdf.mark(figure):
            self.pdf.rectangles([box], WHITE)
            self.pdf.rectangles(dark, (0.0, 0.0, 0.0))


class _Letter(_Sheet):
    SIZE = 11.5
    QR = 100.0

    def set(self) -> bytes:
        pdf, leaflet, size = self.pdf, self.leaflet, self.SIZE
        self.turn()
        with pdf.artifact():
            pdf.rectangles([(0, HEIGHT - 14, WIDTH, HEIGHT)], ACCENT)
        self.put(pdf.element("P"), leaflet.helpline, face="bold", size=15, colour=ACCENT, after=2)
        self.put(pdf.element("P"), leaflet.partners, size=9.5, colour=SOFT, after=22)
        self.put(pdf.element("P"), leaflet.greeting, size=size, after=7)
        self.put(pdf.element("H1"), leaflet.headline, face="bold", size=17, after=7, leading=1.3)
        for paragraph in leaflet.message:
            self.put(pdf.element("P"), paragraph, size=size, after=7)
        self.put(pdf.element("H2"), leaflet.ways_title, face="bold", size=13, colour=ACCENT, after=4)
        self._ways()
        self.put(pdf.element("P"), leaflet.confidential, size=size, after=7)
        self.put(pdf.element("P"), leaflet.emergency, size=size, after=7)
        self.put(pdf.element("P"), leaflet.everybody, size=size, after=7)
        self.put(pdf.element("P"), leaflet.closing, size=size, after=10)
        self._scan()
        self.put(pdf.element("P"), leaflet.foot, size=9, colour=SOFT)
        return pdf.finish()

    def _ways(self) -> None:
        leaflet, size = self.leaflet, self.SIZE
        ways = self.pdf.bullets()
        body = self._way(ways)
        self.put(body, f"{leaflet.ring} {leaflet.phone}", face="bold", size=size, left=self.left + 14)
        self.put(body, f"{leaflet.phone_note}. {leaflet.hours}", size=size, left=self.left + 14, after=5)
        for way in leaflet.ways:
            lines = len(self.lines(way.text, face="regular", size=size, width=self.right - self.left - 14))
            body = self._way(ways, lines=lines + 2)
            self.put(body, way.name, face="bold", size=size, left=self.left + 14)
            self.put(body, way.text, size=size, left=self.left + 14)
            if way.address is not None:
                self.linked(body, way.address, size=size, left=self.left + 14, colour=ACCENT)
            self.y -= 5
        self.y -= 4

    def _way(self, ways: Element, *, lines: int = 3) -> Element:
        """Begin a point of the list, with its bullet, on a page that has room for all of its lines."""
        if self.y - lines * self.SIZE * LEADING < self.bottom:
            self.turn()
        item = self.pdf.element("LI", ways)
        label = self.pdf.element("Lbl", item)
        with self.pdf.mark(label):
            at = (self.left, self.y - self.SIZE * LEADING + self.SIZE * (LEADING - 1) * 0.5 + self.SIZE * 0.1)
            self.pdf.text("•", at=at, face="bold", size=self.SIZE, colour=ACCENT)
        return self.pdf.element("LBody", item)

    def _scan(self) -> None:
        if self.y - self.QR - 10 < self.bottom:
            self.turn()
        top, left = self.y, self.left + self.QR
        self.qr(self.pdf.document, left=self.left, top=top, side=self.QR)
        self.y = top - 24
        self.put(self.pdf.element("P"), self.leaflet.scan, size=self.SIZE, left=left)
        self.linked(self.pdf.element("P"), self.leaflet.link, face="bold", size=self.SIZE, left=left, colour=ACCENT)
        self.y = min(self.y, top - self.QR) - 10


class _Poster(_Sheet):
    BAND, QR = 178.0, 210.0

    def set(self) -> bytes:
        pdf, leaflet = self.pdf, self.leaflet
        pdf.new_page()
        self.left, self.right = 48.0, WIDTH - 48.0
        with pdf.artifact():
            pdf.rectangles([(0, HEIGHT - self.BAND, WIDTH, HEIGHT)], ACCENT)
        heading = pdf.element("H1")
        self._fit(heading, leaflet.headline, top=HEIGHT - 34, room=self.BAND - 68, sizes=(40, 18), face="bold",
                  colour=WHITE, leading=1.2, centred=True)  # fmt: skip
        self._message(HEIGHT - self.BAND - 24, 172.0)
        self.y = 446.0
        self._fit(pdf.element("P"), f"{leaflet.ring} {leaflet.phone}", top=self.y, room=62, sizes=(40, 18),
                  face="bold", colour=ACCENT, leading=1.2)  # fmt: skip
        self._fit(pdf.element("P"), f"{leaflet.phone_note}. {leaflet.hours}", top=self.y - 4, room=48, sizes=(14, 9))
        self._scan(top=322.0)
        self.y = 86.0
        with pdf.artifact():
            pdf.rectangles([(self.left, self.y + 4, self.right, self.y + 4.7)], RULE)
        self._fit(pdf.element("P"), leaflet.confidential, top=self.y, room=34, sizes=(10.5, 7.5))
        self._foot(top=self.y - 2, room=24.0)
        return pdf.finish()

    def _foot(self, top: float, room: float) -> None:
        """Say whose it is, if all of them fit, and at any rate which campaign."""
        both, size = f"{self.leaflet.partners} {self.leaflet.foot}", 7.0
        fits = len(self.lines(both, face="regular", size=size, width=self.right - self.left)) * size * LEADING <= room
        text = both if fits else self.leaflet.foot
        self._fit(self.pdf.element("P"), text, top=top, room=room, sizes=(8.5, 6.5), colour=SOFT)

    def _message(self, top: float, room: float) -> None:
        """Set as many paragraphs as can be read from where one stands, from the first on, as large as they fit."""
        paragraphs, size = self._fitting(self.leaflet.message, room)
        self.y = top
        for paragraph in paragraphs:
            self.put(self.pdf.element("P"), paragraph, size=size, after=size * 0.6)

    def _fitting(self, paragraphs: tuple[str, ...], room: float) -> tuple[tuple[str, ...], float]:
        width = self.right - self.left
        for count in range(len(paragraphs), 0, -1):
            for size in _sizes(19, 13 if count > 1 else 8):
                shown = paragraphs[:count]
                lines = sum(len(self.lines(each, face="regular", size=size, width=width)) for each in shown)
                if lines * size * LEADING + (count - 1) * size * 0.6 <= room:
                    return shown, size
        return paragraphs[:1], 8

    def _fit(  # noqa: PLR0913 - how a block looks
        self,
        element: Element,
        text: str,
        *,
        top: float,
        room: float,
        sizes: tuple[float, float],
        face: str = "regular",
        colour: tuple[float, float, float] = INK,
        leading: float = LEADING,
        centred: bool = False,
    ) -> None:
        """Set a text in the largest size in which it fits into *room*, at its top or in its middle."""
        self.bottom = 0.0
        for size in _sizes(*sizes):
            lines = self.lines(text, face=face, size=size, width=self.right - self.left)
            if len(lines) * size * leading <= room:
                break
        self.y = top - (room - len(lines) * size * leading) / 2 if centred else top
        self.put(element, text, face=face, size=size, colour=colour, leading=leading)

    def _scan(self, top: float) -> None:
        self.qr(self.pdf.document, left=self.left, top=top, side=self.QR)
        left = self.left + self.QR
        self.y = top - 52
        self.put(self.pdf.element("P"), self.leaflet.scan, size=17, left=left, after=6)
        size = next(
            size
            for size in (*_sizes(19, 8), 8)
            if len(self.lines(shown(self.leaflet.link), face="bold", size=size, width=self.right - left)) == 1
            or size == 8  # noqa: PLR2004 - the smallest; it then takes as many lines as it needs
        )
        self.linked(self.pdf.element("P"), self.leaflet.link, face="bold", size=size, left=left, colour=ACCENT)


def shown(address: str) -> str:
    """Write an address as people read it and type it."""
    return address.removeprefix("https://").removeprefix("www.").removesuffix("/")


def _sizes(largest: float, smallest: float) -> Iterator[float]:
    size = largest
    while size >= smallest:
        yield size
        size -= 0.5


def _pieces(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Give the words of a text, those that fit on no line in pieces that do."""
    for word in text.split(" "):
        rest = word
        while rest:
            end = len(rest)
            while end > 1 and not fits(rest[:end]):
                end -= 1
            yield rest[:end]
            rest = rest[end:]


def _runs(row: bytes | bytearray | tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Give the dark stretches of a row of modules, as first and end."""
    start: int | None = None
    for place, module in enumerate((*row, 0)):
        if module and start is None:
            start = place
        elif not module and start is not None:
            yield start, place
            start = None
