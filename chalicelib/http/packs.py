"""
A campaign's pack on the wire: everything that a partner sends or prints, as JSON, as one zip, and file by file.

Made when it is first asked for, in a few tenths of a second, and kept until the campaign changes or the day ends. There
is no store for it, and nothing to be forgotten in one. Zip and PDF travel in base64 to the gateway, which undoes it.
"""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import NotFound
from chalicelib.domain.signposts import LANGUAGES
from chalicelib.http.campaigns import BRIEFLY, notice
from chalicelib.http.kept import Shelves, handed_out
from chalicelib.http.reading import chosen
from chalicelib.http.signposts import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Request

    from chalicelib.domain.campaigns import Campaign
    from chalicelib.domain.packs import Leaflet
    from chalicelib.http.kept import Headers, Ready
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.ports import Printer
    from chalicelib.usecases.campaigning import Campaigning, Edition
    from chalicelib.usecases.packing import Packing

JSON, ZIP = "application/json", "application/zip"
FORMATS: Mapping[str, str] = {"json": JSON, "zip": ZIP}
MEDIA: Mapping[str, str] = {
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
}
PRINTED = ("pdf", "svg", "png")
"""What has no words of its own in the JSON, and is in it whole."""
_NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""For a file that a browser may show: it runs nothing and fetches nothing. An e-mail carries its styles in itself."""


class Binary(Response):
    """An answer that is no text: its body is base64, and the gateway is told so."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:  # noqa: ARG002 - Chalice's signature
        """Give it as Lambda does."""
        answer: dict[str, Any] = super().to_dict(None)
        return {**answer, "isBase64Encoded": bool(answer["body"])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packs:
    """Handlers of `/v1/campaigns/{slug}/pack` and of each file in it."""

    campaigning: Campaigning
    packing: Packing
    printer: Callable[[], Printer]
    texts: Texts
    pages: Pages
    ready: Shelves

    def show(self, http_request: Request, slug: str) -> Response:
        """
        Give the whole pack in both languages: as JSON, or as a zip to whoever asks for one.

        Raises:
            NotFound: `campaign-unknown`.
            Malformed: `format` is neither `json` nor `zip`.
        """
        asked = chosen(http_request, "format", FORMATS)
        zipped = asked == "zip" if asked else ZIP in (http_request.headers.get("accept") or "")
        if not zipped:
            return handed_out(http_request, self._kept(slug, JSON, self._document))
        return _binary(http_request, self._kept(slug, ZIP, self._zip))

    def file(self, http_request: Request, slug: str, name: str) -> Response:
        """
        Give one file of the pack.

        Raises:
            NotFound: `campaign-unknown`, or `pack-file-unknown`.
        """
        campaign = self.campaigning.get(slug)
        if name not in names():
            raise NotFound("pack-file-unknown")
        media = MEDIA[name.rpartition(".")[2]]

        def body(_campaign: Campaign, edition: Edition) -> str:
            return b64encode(self._file(campaign, edition, name)).decode("ascii")

        return _binary(http_request, self._kept(slug, name, body, media=media))

    def _kept(
        self, slug: str, what: str, make: Callable[[Campaign, Edition], str], *, media: str | None = None
    ) -> Ready:
        edition = self.campaigning.edition()
        campaign = self.campaigning.get(slug)
        shelf = self.ready.of(edition)
        key = (campaign.slug, what)
        return shelf.find(key) or shelf.keep(key, make(campaign, edition), _headers(campaign, what, media or what))

    def _document(self, campaign: Campaign, edition: Edition) -> str:
        return compact(
            {
                "slug": campaign.slug,
                "code": campaign.code,
                "link": self.packing.link(campaign),
                "status": campaign.status(edition.today),
                "zip": f"/v1/campaigns/{campaign.slug}/pack?format=zip",
                **{language: self.words(campaign, language) for language in LANGUAGES},
                "files": [self._described(campaign, edition, name) for name in names()],
            }
        )

    def words(self, campaign: Campaign, language: str) -> dict[str, Any]:
        """Give what a pack says in a language, published or not: for whoever writes the campaign."""
        edition = self.campaigning.edition()
        leaflet = self.packing.leaflet(campaign, language)
        return {
            "notice": notice(self.texts, campaign, edition, language),
            "guidance": self._guidance(language),
            "sms": [
                {
                    "text": each.text,
                    "encoding": each.encoding,
                    "units": each.units,
                    "segments": each.segments,
                    "replaced": each.replaced,
                }
                for each in self.packing.text_messages(campaign, language)
            ],
            "email": {
                "subject": leaflet.subject,
                "text": as_text(leaflet),
                "html": self.pages.campaign_email(leaflet),
            },
            "letter": {"title": leaflet.headline, "file": f"letter-{language}.pdf"},
            "poster": {"title": leaflet.headline, "file": f"poster-{language}.pdf"},
        }

    def _described(self, campaign: Campaign, edition: Edition, name: str) -> dict[str, Any]:
        content = self._file(campaign, edition, name)
        stem, _, ending = name.rpartition(".")
        language = stem.rpartition("-")[2]
        described: dict[str, Any] = {
            "name": name,
            "media_type": MEDIA[ending].partition(";")[0],
            "size": len(content),
            "sha256": sha256(content).hexdigest(),
            "href": f"/v1/campaigns/{campaign.slug}/pack/{name}",
        }
        if language in LANGUAGES:
            described["language"] = language
        if ending in PRINTED:
            described["base64"] = b64encode(content).decode("ascii")
        return described

    def _zip(self, campaign: Campaign, edition: Edition) -> str:
        """Put every file into one, always in the same order; an entry that is told no date has that of 1980."""
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for name in names():
                entry = zipfile.ZipInfo(f"{campaign.slug}/{name}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, self._file(campaign, edition, name))
        return b64encode(whole.getvalue()).decode("ascii")

    def _file(self, campaign: Campaign, edition: Edition, name: str) -> bytes:
        """Make a file; what is printed is made once an edition, for JSON, zip and file alike."""
        stem, _, ending = name.rpartition(".")
        if ending not in PRINTED:
            return self._words_of(campaign, edition, stem, ending).encode()
        piece = self.ready.of(edition).piece(
            (campaign.slug, name), lambda: b64encode(self._printed(campaign, stem, ending)).decode("ascii")
        )
        return b64decode(piece)

    def _printed(self, campaign: Campaign, stem: str, ending: str) -> bytes:
        printer = self.printer()
        if ending != "pdf":
            draw = printer.qr_svg if ending == "svg" else printer.qr_png
            return draw(self.packing.link(campaign))
        kind, _, language = stem.partition("-")
        leaflet = self.packing.leaflet(campaign, language)
        return printer.letter(leaflet) if kind == "letter" else printer.poster(leaflet)

    def _words_of(self, campaign: Campaign, edition: Edition, stem: str, ending: str) -> str:
        kind, _, language = stem.rpartition("-")
        if kind == "sms":
            return "".join(f"{each.text}\n" for each in self.packing.text_messages(campaign, language))
        if kind == "email":
            leaflet = self.packing.leaflet(campaign, language)
            return as_text(leaflet) if ending == "txt" else self.pages.campaign_email(leaflet)
        title = self._words(language)["read_me"]
        lines = (title, notice(self.texts, campaign, edition, language), *self._guidance(language))
        return "\n\n".join(lines) + "\n"

    def _guidance(self, language: str) -> list[str]:
        words = self._words(language)
        return [*((words["nowhere"],) if self.packing.leads_nowhere else ()), *words["guidance"]]

    def _words(self, language: str) -> Mapping[str, Any]:
        words: Mapping[str, Any] = self.texts.pages(language)["pack"]
        return words


def names() -> tuple[str, ...]:
    """Name the files of a pack: those of each language, then the QR code that both share."""
    by_language = ("read-me-{}.txt", "sms-{}.txt", "email-{}.txt", "email-{}.html", "letter-{}.pdf", "poster-{}.pdf")
    return (*(each.format(language) for language in LANGUAGES for each in by_language), "qr.svg", "qr.png")


def as_text(leaflet: Leaflet) -> str:
    """Write a leaflet as the plain text of an e-mail."""
    ways = [f"{way.name}\n{way.text}" + (f"\n{way.address}" if way.address else "") for way in leaflet.ways]
    parts = (
        leaflet.greeting,
        leaflet.headline,
        *leaflet.message,
        leaflet.ways_title,
        f"{leaflet.ring} {leaflet.phone}\n{leaflet.phone_note}. {leaflet.hours}",
        *ways,
        f"{leaflet.online}: {leaflet.link}",
        leaflet.confidential,
        leaflet.emergency,
        leaflet.everybody,
        leaflet.closing,
        f"{leaflet.partners}\n{leaflet.foot}",
    )
    return "\n\n".join(parts) + "\n"


def _binary(http_request: Request, ready: Ready) -> Binary:
    answer = handed_out(http_request, ready)
    return Binary(answer.body, headers=answer.headers, status_code=answer.status_code)


def _headers(campaign: Campaign, what: str, media: str) -> Headers:
    headers: Headers = {
        "Content-Type": media,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _NOTHING_RUNS,
        "Cache-Control": BRIEFLY,
    }
    if what in (JSON, ZIP):
        headers["Vary"] = "Accept"
    if what == ZIP:
        headers["Content-Disposition"] = f'attachment; filename="{campaign.slug}.zip"'
    elif what != JSON:
        headers["Content-Disposition"] = f'inline; filename="{campaign.slug}-{what}"'
    return headers
