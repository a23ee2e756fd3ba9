"""
A PDF that can be read aloud (PDF/UA-1, ISO 14289-1): language, title, structure, and typefaces in it.

pydyf writes the file; this module knows what a tagged one needs. Everything drawn is either part of a structure element
or an artifact. Nothing of the day or the machine is in it: the same sheet gives the same bytes.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pydyf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.adapters.typeface import Typeface

A4 = (595.28, 841.89)
Colour = tuple[float, float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points from the lower left corner."""

_METADATA = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<pdf:Producer>Quietline</pdf:Producer><pdfuaid:part>1</pdfuaid:part>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
_TO_UNICODE = """/CIDInit /ProcSet findresource begin
12 dict begin begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
{mappings}
endcmap CMapName currentdict /CMap defineresource pop end end"""
_MAPPINGS_AT_ONCE = 100
_SUBSET = "QUIETL"
"""Says that the file holds a part of the typeface, as six capitals before its name."""


class Element:
    """A part of the structure: what it is (`H1`, `P`, `L`, `Figure`, ...), and where it stands."""

    entry: pydyf.Dictionary

    def __init__(self, pdf: TaggedPdf, role: str, parent: Element | None, **more: object) -> None:
        self.role = role
        self.kids = pydyf.Array([])
        above = pdf.root.reference if parent is None else parent.entry.reference
        self.entry = pydyf.Dictionary({"Type": "/StructElem", "S": f"/{role}", "P": above, "K": self.kids, **more})
        pdf.file.add_object(self.entry)
        (pdf.top if parent is None else parent.kids).append(self.entry.reference)


class TaggedPdf:
    """A document being set; coordinates are points from the lower left corner of an A4 page."""

    def __init__(self, *, language: str, title: str, author: str, faces: Mapping[str, Typeface]) -> None:
        self.file = pydyf.PDF()
        self._language, self._title, self._author = language, title, author
        self._faces = faces
        self._used: dict[str, dict[int, str]] = {name: {} for name in faces}
        self.top = pydyf.Array([])
        self.root = pydyf.Dictionary({"Type": "/StructTreeRoot", "K": self.top})
        self.file.add_object(self.root)
        self._pages: list[tuple[pydyf.Dictionary, pydyf.Stream, list[bytes]]] = []
        self._links: list[bytes] = []
        self._fonts = {name: pydyf.Dictionary({}) for name in faces}
        for font in self._fonts.values():
            self.file.add_object(font)
        self.document = Element(self, "Document", None)

    def new_page(self) -> None:
        """Begin a page."""
        stream = pydyf.Stream(compress=True)
        self.file.add_object(stream)
        fonts = pydyf.Dictionary({name: font.reference for name, font in self._fonts.items()})
        page = pydyf.Dictionary(
            {
                "Type": "/Page",
                "Parent": self.file.pages.reference,
                "MediaBox": pydyf.Array([0, 0, *A4]),
                "Contents": stream.reference,
                "Resources": pydyf.Dictionary({"Font": fonts}),
                "StructParents": len(self._pages),
                "Tabs": "/S",
                "Annots": pydyf.Array([]),
            }
        )
        self.file.add_page(page)
        self._pages.append((page, stream, []))

    def element(self, role: str, parent: Element | None = None) -> Element:
        """Add a part to the structure."""
        return Element(self, role, parent or self.document)

    def bullets(self) -> Element:
        """Add a list to the structure, whose points are told by bullets."""
        return Element(self, "L", self.document, A=pydyf.Dictionary({"O": "/List", "ListNumbering": "/Disc"}))

    def figure(self, parent: Element, *, alt: str, box: Box) -> Element:
        """Add a picture to the structure, with the words that stand for it."""
        place = pydyf.Dictionary({"O": "/Layout", "BBox": pydyf.Array(box), "Placement": "/Block"})
        return Element(self, "Figure", parent, Alt=pydyf.String(alt), A=place)

    @contextmanager
    def mark(self, element: Element) -> Iterator[None]:
        """Let what is drawn meanwhile be the content of *element*."""
        page, stream, owners = self._pages[-1]
        number = len(owners)
        owners.append(element.entry.reference)
        element.kids.append(pydyf.Dictionary({"Type": "/MCR", "Pg": page.reference, "MCID": number}))
        stream.begin_marked_content(element.role, pydyf.Dictionary({"MCID": number}))
        yield
        stream.end_marked_content()

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """Let what is drawn meanwhile be decoration, which nobody is read."""
        stream = self._pages[-1][1]
        stream.begin_marked_content("Artifact")
        yield
        stream.end_marked_content()

    def text(self, text: str, *, at: tuple[float, float], face: str, size: float, colour: Colour) -> None:
        """Set a line."""
        glyphs = [(self._faces[face].glyph(letter), letter) for letter in text]
        self._used[face].update(glyphs)
        stream = self._pages[-1][1]
        stream.begin_text()
        stream.set_color_rgb(*colour)
        stream.set_font_size(face, size)
        stream.move_text_to(*(round(place, 2) for place in at))
        stream.show_text("<" + "".join(f"{glyph:04x}" for glyph, _ in glyphs) + ">")
        stream.end_text()

    def rectangles(self, boxes: list[Box], colour: Colour) -> None:
        """Fill boxes, all at once, so that no seam shows between two that touch."""
        stream = self._pages[-1][1]
        stream.set_color_rgb(*colour)
        for left, bottom, right, top in boxes:
            stream.rectangle(*(round(side, 3) for side in (left, bottom, right - left, top - bottom)))
        stream.fill()

    def link(self, element: Element, box: Box, *, address: str, words: str) -> None:
        """Let *element*, which is a `Link`, lead somewhere from *box*."""
        page, _, _ = self._pages[-1]
        annotation = pydyf.Dictionary(
            {
                "Type": "/Annot",
                "Subtype": "/Link",
                "Rect": pydyf.Array([round(side, 2) for side in box]),
                "Border": pydyf.Array([0, 0, 0]),
                "F": 4,
                "Contents": pydyf.String(words),
                "A": pydyf.Dictionary({"S": "/URI", "URI": pydyf.String(address)}),
            }
        )
        self.file.add_object(annotation)
        page["Annots"].append(annotation.reference)
        element.kids.append(pydyf.Dictionary({"Type": "/OBJR", "Pg": page.reference, "Obj": annotation.reference}))
        annotation["StructParent"] = b"%d" % (_FIRST_LINK + len(self._links))
        self._links.append(element.entry.reference)

    def finish(self) -> bytes:
        """Give the file."""
        for name, face in self._faces.items():
            self._embed(name, face)
        for page, _, _ in self._pages:
            if not page["Annots"]:
                del page["Annots"]
        owners = [part for place, (_, _, refs) in enumerate(self._pages) for part in (place, pydyf.Array(refs))]
        links = [part for place, ref in enumerate(self._links) for part in (_FIRST_LINK + place, ref)]
        parents = pydyf.Dictionary({"Nums": pydyf.Array([*owners, *links])})
        self.file.add_object(parents)
        self.root["ParentTree"] = parents.reference
        self.root["ParentTreeNextKey"] = _FIRST_LINK + len(self._links)
        words = {"title": self._title, "language": self._language, "author": self._author}
        text = _METADATA.format(**{name: escape(value) for name, value in words.items()})
        metadata = pydyf.Stream([text.encode()], {"Type": "/Metadata", "Subtype": "/XML"})
        self.file.add_object(metadata)
        self.file.catalog.update(
            {
                "Lang": pydyf.String(self._language),
                "MarkInfo": pydyf.Dictionary({"Marked": "true"}),
                "Metadata": metadata.reference,
                "StructTreeRoot": self.root.reference,
                "ViewerPreferences": pydyf.Dictionary({"DisplayDocTitle": "true"}),
            }
        )
        self.file.info.update({"Title": pydyf.String(self._title), "Author": pydyf.String(self._author)})
        out = io.BytesIO()
        self.file.write(out, identifier=True)
        return out.getvalue()

    def _embed(self, name: str, face: Typeface) -> None:
        used = dict(sorted(self._used[name].items()))
        called = f"/{_SUBSET}+{face.name}"
        program = pydyf.Stream([face.file], {"Length1": len(face.file)}, compress=True)
        descriptor = pydyf.Dictionary(
            {
                "Type": "/FontDescriptor",
                "FontName": called,
                "Flags": 4,
                "FontBBox": pydyf.Array(face.box),
                "ItalicAngle": 0,
                "Ascent": face.ascent,
                "Descent": face.descent,
                "CapHeight": face.cap_height,
                "StemV": 80,
            }
        )
        widths = [part for glyph in used for part in (glyph, pydyf.Array([face.advance(glyph)]))]
        mapped = [f"<{glyph:04x}> <{letter.encode('utf-16-be').hex()}>" for glyph, letter in used.items()]
        blocks = [mapped[at : at + _MAPPINGS_AT_ONCE] for at in range(0, len(mapped), _MAPPINGS_AT_ONCE)]
        mappings = "\n".join(f"{len(each)} beginbfchar\n" + "\n".join(each) + "\nendbfchar" for each in blocks)
        unicode = pydyf.Stream([_TO_UNICODE.format(mappings=mappings)], compress=True)
        system = pydyf.Dictionary(
            {"Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("Identity"), "Supplement": 0}
        )
        descendant = pydyf.Dictionary(
            {
                "Type": "/Font",
                "Subtype": "/CIDFontType2",
                "BaseFont": called,
                "CIDSystemInfo": system,
                "CIDToGIDMap": "/Identity",
                "DW": 0,
                "W": pydyf.Array(widths),
            }
        )
        for each in (program, descriptor, unicode, descendant):
            self.file.add_object(each)
        descriptor["FontFile2"] = program.reference
        descendant["FontDescriptor"] = descriptor.reference
        font: dict[str, Any] = {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": called,
            "Encoding": "/Identity-H",
            "DescendantFonts": pydyf.Array([descendant.reference]),
            "ToUnicode": unicode.reference,
        }
        self._fonts[name].update(font)


_FIRST_LINK = 1000
"""Keys of links in the parent tree begin here, beyond those of any number of pages."""
