"""What is answered about campaigns, as `openapi.json` describes it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic.json_schema import SkipJsonSchema

from chalicelib.http.models import Answer, Contact, SignpostAnswer


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
