"""What is answered about campaigns, as `openapi.json` describes it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic.json_schema import SkipJsonSchema

from chalicelib.http.answer_models import Answer, Contact, SignpostAnswer


class RegionAnswer(Answer):
    """A police force area."""

    code: str
    name: str


class CampaignAnswer(Answer):
    """
    A campaign in one language; what does not apply is left out, never null.

    Whether it is planned, on or over, *notice* says so and *help* and *signposts* point to help that can be had now.
    """

    slug: str
    code: str
    name: str
    headline: str
    summary: str
    message: list[str]
    status: Literal["planned", "on", "over"]
    starts_on: date
    ends_on: date
    closed_on: date | SkipJsonSchema[None] = None
    notice: str
    regions: list[RegionAnswer]
    partners: list[str]
    help: Contact
    signposts: list[SignpostAnswer]
    source: str | SkipJsonSchema[None] = None
    language: Literal["en", "cy"]


class CampaignsAnswer(Answer):
    """The campaigns that suit."""

    campaigns: list[CampaignAnswer]
    count: int
    language: Literal["en", "cy"]


class TextMessageAnswer(Answer):
    """
    A text message as it is sent, and what it costs.

    *units* are septets of GSM-7 (160 in one segment), or of UCS-2 its 16-bit units (70). *replaced* are letters, such
    as the accents of Welsh, that the alphabet of text messages lacks: in the text they stand without them.
    """

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    replaced: list[str]


class EmailAnswer(Answer):
    """An e-mail, to be sent as plain text, as HTML, or as both."""

    subject: str
    text: str
    html: str


class PrintedAnswer(Answer):
    """Something to print, and which of the files it is."""

    title: str
    file: str


class PackInLanguage(Answer):
    """What a partner sends and prints in one language; *guidance* says how, and *notice* whether it still should."""

    notice: str
    guidance: list[str]
    sms: list[TextMessageAnswer]
    email: EmailAnswer
    letter: PrintedAnswer
    poster: PrintedAnswer


class PackFile(Answer):
    """A file of the pack: where it is, and, unless its words stand above already, all of it in *base64*."""

    name: str
    media_type: str
    language: Literal["en", "cy"] | SkipJsonSchema[None] = None
    size: int
    sha256: str
    href: str
    base64: str | SkipJsonSchema[None] = None


class PackAnswer(Answer):
    """A campaign's pack in both languages; *link*, which the QR code says too, has the campaign's code in it."""

    slug: str
    code: str
    link: str
    status: Literal["planned", "on", "over"]
    zip: str
    en: PackInLanguage
    cy: PackInLanguage
    files: list[PackFile]
