"""Packs: text messages that fit, leaflets that can be read aloud, and a QR code that leads where it says."""

from __future__ import annotations

import base64
import ctypes
import io
import json
import re
import zipfile
import zlib
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
import zxingcpp
from chalice.app import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chalicelib.adapters.leaflets import A4Printer
from chalicelib.adapters.typeface import Typeface
from chalicelib.config import Settings
from chalicelib.domain.campaigns import NAME_LIMIT, PARAGRAPHS, PRINTABLE, TEXT_LIMIT, faults_of
from chalicelib.domain.errors import Malformed, NotFound
from chalicelib.domain.packs import Way, listed, text_message
from chalicelib.domain.signposts import LANGUAGES
from chalicelib.http.campaign_models import PackAnswer
from chalicelib.http.packs import Binary, names
from chalicelib.wiring import House

SITE = "https://quietline.example"
LINK = f"{SITE}/c/gm-2018"
SHEETS = [f"{kind}-{language}.pdf" for kind in ("letter", "poster") for language in LANGUAGES]
PRINTER = A4Printer()


def a_house(at="2018-06-27T18:00:00+00:00"):
    """Put a house together at a moment of the campaign."""
    return House(Settings(url=SITE, clock_starts_at=datetime.fromisoformat(at)))


HOUSE = a_house()


def asking(query=None, **headers):
    """Build an HTTP request as the gateway hands it over."""
    return Request(
        {
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()} or None,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "pathParameters": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/campaigns/{slug}/pack"},
            "body": None,
            "stageVariables": None,
        }
    )


def the_pack(house=HOUSE):
    """Give the pack as JSON."""
    return json.loads(house.packs.show(asking(), "gm-2018").body)


def a_file(name, house=HOUSE):
    """Give one file as a browser gets it, after the gateway undid the base64."""
    answer = house.packs.file(asking(), "gm-2018", name).to_dict()
    assert answer["isBase64Encoded"] is True
    return base64.b64decode(answer["body"])


def a_leaflet(language="en", **changes):
    """Give the seed's leaflet, with changes."""
    house = HOUSE
    return replace(house.packs.packing.leaflet(house._campaigning.get("gm-2018"), language), **changes)


def decoded(image):
    """Read every QR code that a phone would find in a picture."""
    return [found.text for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]


def rendered(pdf):
    """Draw every page as it is printed."""
    return [page.render(scale=2).to_pil() for page in pypdfium2.PdfDocument(pdf)]


def said(pdf):
    """Read the words of a document, without its line breaks."""
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]
    return " ".join(" ".join(pages).split())


def _string(get, element):
    size = get(element, None, 0)
    if not size:
        return ""
    room = ctypes.create_string_buffer(size)
    get(element, room, size)
    return room.raw[:size].decode("utf-16-le").rstrip("\0")


def structure(pdf):
    """Walk the structure as a screen reader does: roles in their order, and the words for pictures."""
    document = pypdfium2.PdfDocument(pdf)
    found = []

    def walk(element):
        found.append(
            (
                _string(pdfium.FPDF_StructElement_GetType, element),
                _string(pdfium.FPDF_StructElement_GetAltText, element),
            )
        )
        for place in range(pdfium.FPDF_StructElement_CountChildren(element)):
            child = pdfium.FPDF_StructElement_GetChildAtIndex(element, place)
            if child:
                walk(child)

    for page in document:
        tree = pdfium.FPDF_StructTree_GetForPage(page)
        for place in range(pdfium.FPDF_StructTree_CountChildren(tree)):
            walk(pdfium.FPDF_StructTree_GetChildAtIndex(tree, place))
    return found


# ---------------------------------------------------------------- what is in it


def test_the_json_holds_everything_in_both_languages():
    """Text messages, e-mail, letter, poster and QR code, each in English and Welsh, as the contract describes it."""
    pack = the_pack()
    PackAnswer.model_validate(pack)
    assert [each["name"] for each in pack["files"]] == list(names())
    for each in pack["files"]:
        content = a_file(each["name"])
        assert (len(content), sha256(content).hexdigest()) == (each["size"], each["sha256"])
        if "base64" in each:
            assert base64.b64decode(each["base64"]) == content
        assert each["href"] == f"/v1/campaigns/gm-2018/pack/{each['name']}"
    for language in LANGUAGES:
        assert pack[language]["letter"]["file"] in names()
        assert a_file(f"email-{language}.html").decode() == pack[language]["email"]["html"]
        assert a_file(f"sms-{language}.txt").decode().splitlines() == [one["text"] for one in pack[language]["sms"]]


@pytest.mark.parametrize("ask", [asking({"format": "zip"}), asking(None, accept="application/zip")])
def test_the_zip_holds_the_same_files(ask):
    """Whoever asks for a zip gets every file in a folder of the campaign's name, and the same bytes each time."""
    answer = HOUSE.packs.show(ask, "gm-2018").to_dict()
    assert answer["headers"]["Content-Type"] == "application/zip"
    whole = base64.b64decode(answer["body"])
    with zipfile.ZipFile(io.BytesIO(whole)) as packed:
        assert packed.namelist() == [f"gm-2018/{name}" for name in names()]
        assert all(packed.read(f"gm-2018/{name}") == a_file(name) for name in names())
    assert base64.b64decode(a_house().packs.show(ask, "gm-2018").body) == whole


def test_everything_carries_the_campaigns_code():
    """Whoever comes by any of it, typed or scanned, comes by the campaign's own address."""
    pack = the_pack()
    assert pack["link"] == LINK
    for language in LANGUAGES:
        texts = [each["text"] for each in pack[language]["sms"]]
        assert texts
        for text in (*texts, pack[language]["email"]["text"], pack[language]["email"]["html"]):
            assert LINK in text
        for kind in ("letter", "poster"):
            assert "quietline.example/c/gm-2018" in said(a_file(f"{kind}-{language}.pdf"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_messages_are_sent_in_one_piece(language):
    """Each is in the alphabet that every telephone has, within 160 septets, and says what was replaced for it."""
    for each in the_pack()[language]["sms"]:
        assert (each["encoding"], each["segments"]) == ("GSM-7", 1)
        assert each["units"] <= 160
        assert each["replaced"] == (["â"] if language == "cy" else [])


def test_a_message_that_an_address_makes_longer_says_so():
    """A long address costs a second part, and one in other letters the alphabet: the pack tells what it will cost."""
    long = text_message("y" * 100 + " {link}", "https://" + "a" * 60 + ".example/c/x")
    assert (long.encoding, long.segments) == ("GSM-7", 2)
    strange = text_message("Help: {link}", "https://llŷn.example/c/x")
    assert (strange.encoding, strange.units, strange.segments) == ("UCS-2", 30, 1)
    assert text_message("y" * 60 + " {link}", "https://llŷn.example/c/x").segments == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_pass_the_content_check(language):
    """No text of a pack names, addresses or singles out a person, or has a gap for a name to be filled in."""
    pack = the_pack()[language]
    leaflet = a_leaflet(language)
    texts = [
        *leaflet.message, leaflet.headline, leaflet.greeting, leaflet.everybody, leaflet.confidential, leaflet.closing,
        leaflet.partners, leaflet.foot, leaflet.scan, leaflet.subject, *pack["guidance"], pack["notice"],
        *(each["text"] for each in pack["sms"]), *pack["email"]["text"].splitlines(),
    ]  # fmt: skip
    assert [(text, faults_of(text)) for text in texts if faults_of(text)] == []


def test_an_email_reports_nothing_back():
    """It loads nothing, runs nothing, and links to the campaign, the help and the telephone alone."""
    for language in LANGUAGES:
        html = the_pack()[language]["email"]["html"]
        assert f'<html lang="{language}">' in html
        assert not re.search(r"src=|<script|<img|url\(|@import|<link", html)
        links = set(re.findall(r'href="([^"]*)"', html))
        assert links == {LINK, "https://get-help.stopitnow.org.uk/", "tel:08081000900"}
        text = the_pack()[language]["email"]["text"]
        for paragraph in (*a_leaflet(language).message, a_leaflet(language).confidential):
            assert paragraph in text


def test_words_that_look_like_markup_stay_words():
    """What an editor writes is text in the e-mail, whatever it looks like."""
    html = HOUSE.pages.campaign_email(a_leaflet(headline="Tea & <b>sympathy</b>"))
    assert "Tea &amp; &lt;b&gt;sympathy&lt;/b&gt;" in html


def test_a_pack_of_a_campaign_that_is_over_says_so():
    """Whoever fetches an old pack reads first that the campaign ended, in JSON and in the zip."""
    house = a_house("2026-11-24T18:00:00+00:00")
    pack = the_pack(house)
    assert pack["status"] == "over"
    for language in LANGUAGES:
        assert "2018" in pack[language]["notice"]
        assert pack[language]["notice"] in a_file(f"read-me-{language}.txt", house).decode()


def test_a_pack_that_would_lead_nowhere_says_so_first():
    """Without the address of the site, a leaflet would lead to the machine that made it: its partner is warned."""
    house = House(Settings(clock_starts_at=datetime.fromisoformat("2018-06-27T18:00:00+00:00")))
    assert "QUIETLINE_URL" in the_pack(house)["en"]["guidance"][0]
    assert "QUIETLINE_URL" in a_file("read-me-cy.txt", house).decode()
    assert not any("QUIETLINE_URL" in each for each in the_pack()["en"]["guidance"])


def test_lists_are_written_as_people_say_them():
    """Welsh says `ac` before a vowel."""
    assert listed(("A",), "en") == "A"
    assert listed(("A", "B", "C"), "en") == "A, B and C"
    assert listed(("Heddlu Gwent", "Childline"), "cy") == "Heddlu Gwent a Childline"
    assert listed(("Heddlu Gwent", "Yr Urdd"), "cy") == "Heddlu Gwent ac Yr Urdd"


# ---------------------------------------------------------------- letters and posters


@pytest.mark.parametrize("name", SHEETS)
def test_a_decoder_reads_the_printed_code_back(name):
    """The QR code of every sheet, drawn as it is printed, leads to the campaign's address."""
    pages = rendered(a_file(name))
    assert [text for page in pages for text in decoded(page)] == [LINK]


def test_a_decoder_reads_the_code_by_itself():
    """The QR code as a picture leads there too; the drawing is the same code."""
    picture = Image.open(io.BytesIO(a_file("qr.png")))
    assert decoded(picture.convert("L")) == [LINK]
    drawing = a_file("qr.svg").decode()
    assert drawing.startswith("<?xml")
    assert "<script" not in drawing
    assert "<title>" + LINK in drawing


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_can_be_read_aloud(name):
    """Tagged, in its language, with its title; headings, list, links and words for the picture, in reading order."""
    content, language = a_file(name), name[-6:-4]
    document = pypdfium2.PdfDocument(content)
    assert pdfium.FPDFCatalog_IsTagged(document)
    leaflet = a_leaflet(language)
    assert document.get_metadata_dict()["Title"] == leaflet.title
    assert f"/Lang ({language})".encode() in content
    assert b"/DisplayDocTitle true" in content
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content
    assert all(page.get_size() == pytest.approx((595.28, 841.89)) for page in document)
    roles = [role for role, _ in structure(content)]
    assert roles[0] == "Document"
    assert roles.count("H1") == 1
    assert roles.index("H1") < roles.index("Figure")
    assert [alt for role, alt in structure(content) if role == "Figure"] == [leaflet.qr_alt]
    assert "Link" in roles
    if name.startswith("letter"):
        assert roles.count("LI") == roles.count("Lbl") == roles.count("LBody") == 2
        assert roles.index("H2") < roles.index("L")


@pytest.mark.parametrize("name", SHEETS)
def test_nothing_is_drawn_outside_the_structure(name):
    """Each line and each box is part of an element, or marked as decoration; marks never overlap."""
    operators = rb"\b(BDC|BMC|EMC|Tj|TJ|re|f)\b"
    for stream in re.findall(rb"stream\n(.*?)\nendstream", a_file(name), re.DOTALL):
        try:
            drawn = zlib.decompress(stream)
        except zlib.error:
            continue
        if b" BDC" not in drawn and b"\nBDC" not in drawn:
            continue
        depth = 0
        for operator in re.findall(operators, drawn):
            depth += {b"BDC": 1, b"BMC": 1, b"EMC": -1}.get(operator, 0)
            assert depth in ((0,) if operator == b"EMC" else (1,))
        assert depth == 0


@pytest.mark.parametrize("name", SHEETS)
def test_typefaces_are_in_the_file(name):
    """A printer that knows neither typeface prints the same, and what is copied out are the letters."""
    content = a_file(name)
    assert content.count(b"/FontFile2") == content.count(b"/ToUnicode") == 2
    leaflet = a_leaflet(name[-6:-4])
    words = said(content)
    assert leaflet.headline in words
    for paragraph in (*leaflet.message, leaflet.confidential):
        assert paragraph in words
    assert leaflet.phone in words


def test_welsh_letters_are_printed_and_can_be_copied():
    """Every letter that a leaflet may have is in both typefaces; Welsh comes out of the file as it went in."""
    for name in ("OpenSans-Regular", "OpenSans-Bold"):
        assert {ord(letter) for letter in PRINTABLE} <= set(Typeface.packaged(name).glyphs)
    every = "ŵŷâêîôûàèìòùáéíóúẁẃẅỳýÿïëöŴŶÂÊ"
    assert every in said(PRINTER.letter(a_leaflet("cy", message=(every,)))).replace(" ", "")
    assert every in said(PRINTER.poster(a_leaflet("cy", headline=every))).replace(" ", "")


def test_the_same_leaflet_gives_the_same_bytes():
    """No clock and no chance is in a sheet, so that a cache and a partner can tell whether anything changed."""
    for leaflet in (a_leaflet("en"), a_leaflet("cy")):
        assert PRINTER.letter(leaflet) == A4Printer().letter(leaflet)
        assert PRINTER.poster(leaflet) == A4Printer().poster(leaflet)
    assert PRINTER.letter(a_leaflet("en")) != PRINTER.letter(a_leaflet("en", headline="Another"))


def _everything_is_on_the_page(pdf):
    for page in pypdfium2.PdfDocument(pdf):
        text = page.get_textpage()
        width, height = page.get_size()
        for place in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(place)
            assert left >= 0
            assert right <= width - 20
            assert bottom >= 20
            assert top <= height


@pytest.mark.parametrize("letter", ["n", "W"])
def test_the_longest_texts_that_may_be_written_fit(letter):
    """A poster stays on one page, with what it has room for; a letter goes on to the next, with every word of it."""
    words = " ".join([letter * 9] * 100)
    ways = tuple(Way(name=words[:80], text=words[:600], address=f"https://{letter * 40}.example/") for _ in range(4))
    longest = a_leaflet(
        headline=words[:NAME_LIMIT],
        message=(words[:TEXT_LIMIT],) * PARAGRAPHS,
        ways=ways,
        partners=words[:990],
        link="https://" + "a" * 60 + ".example/c/" + "b" * 20,
    )
    poster, letter_pdf = PRINTER.poster(longest), PRINTER.letter(longest)
    assert len(pypdfium2.PdfDocument(poster)) == 1
    assert 2 <= len(pypdfium2.PdfDocument(letter_pdf)) <= 8
    for sheet in (poster, letter_pdf):
        _everything_is_on_the_page(sheet)
        assert [text for page in rendered(sheet) for text in decoded(page)] == [longest.link]
    letters = said(letter_pdf).count(letter)
    assert letters >= sum(text.count(letter) for text in (longest.headline, *longest.message, *(w.text for w in ways)))


@settings(max_examples=25, deadline=None)
@given(st.text(st.sampled_from(sorted(PRINTABLE)), min_size=1, max_size=200))
def test_any_printable_text_can_be_set(text):
    """Whatever may be written can be printed: brackets, backslashes and long words included."""
    poster = PRINTER.poster(a_leaflet(headline=text[:80], message=(text,)))
    assert len(pypdfium2.PdfDocument(poster)) == 1


# ---------------------------------------------------------------- on the wire


def test_what_a_partner_holds_already_is_not_sent_again():
    """Zip and files have ETags; unchanged, they are answered with 304 and no body."""
    for answer, again in (
        (HOUSE.packs.show, ("gm-2018",)),
        (HOUSE.packs.file, ("gm-2018", "poster-cy.pdf")),
    ):
        first = answer(asking(None, accept="application/zip"), *again)
        held = answer(asking(None, accept="application/zip", if_none_match=first.headers["ETag"]), *again).to_dict()
        assert (held["statusCode"], held["body"], held["isBase64Encoded"]) == (304, "", False)
        assert isinstance(first, Binary)


def test_what_is_not_there_is_told_as_such():
    """An unknown campaign, an unknown file and an unknown format are refused, each with its code."""
    with pytest.raises(NotFound, match="campaign-unknown"):
        HOUSE.packs.show(asking(), "gm-2019")
    with pytest.raises(NotFound, match="campaign-unknown"):
        HOUSE.packs.file(asking(), "gm-2019", "qr.svg")
    for name in ("poster.pdf", "../app.py", "poster-de.pdf"):
        with pytest.raises(NotFound, match="pack-file-unknown"):
            HOUSE.packs.file(asking(), "gm-2018", name)
    with pytest.raises(Malformed):
        HOUSE.packs.show(asking({"format": "rar"}), "gm-2018")


def test_a_list_of_campaigns_loads_nothing_that_prints():
    """A cold start pays for PDF and QR codes only where one is asked for."""
    house = a_house()
    house.campaigns.list(asking())
    assert "_printer" not in house.__dict__
    house.packs.file(asking(), "gm-2018", "sms-en.txt")
    assert "_printer" not in house.__dict__
    house.packs.file(asking(), "gm-2018", "qr.svg")
    assert "_printer" in house.__dict__
