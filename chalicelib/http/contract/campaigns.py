"""Campaigns: what is on, and where."""

from __future__ import annotations

from chalicelib.http import campaign_models
from chalicelib.http.contract.parts import FILTERED, STORED, WORDS, Codes, Operation, any_of
from chalicelib.http.packs import MEDIA, ZIP

UNKNOWN: Codes = {404: ("campaign-unknown",)}


def campaigns() -> tuple[Operation, ...]:
    """List the routes of campaigns."""
    return (
        Operation(
            name="list_campaigns",
            method="get",
            path="/v1/campaigns",
            summary="The campaigns that are on now, and where",
            tag="campaigns",
            parameters=("When", "Region", "Language", "IfNoneMatch", *WORDS),
            answers={200: campaign_models.CampaignsAnswer, 304: None},
            refuses=FILTERED,
            cached=True,
        ),
        Operation(
            name="get_campaign",
            method="get",
            path="/v1/campaigns/{slug}",
            summary="One campaign, whenever it is or was; one that is over still points to help",
            tag="campaigns",
            parameters=("CampaignSlug", "Language", "IfNoneMatch", *WORDS),
            answers={200: campaign_models.CampaignAnswer, 304: None},
            refuses=any_of(FILTERED, UNKNOWN),
            cached=True,
        ),
        Operation(
            name="get_pack",
            method="get",
            path="/v1/campaigns/{slug}/pack",
            summary="Everything that a partner sends or prints, in both languages: as JSON or as one zip",
            tag="campaigns",
            parameters=("CampaignSlug", "Format", "IfNoneMatch", *WORDS),
            answers={200: campaign_models.PackAnswer, 304: None},
            refuses=any_of(FILTERED, UNKNOWN),
            cached=True,
            files=(ZIP,),
        ),
        Operation(
            name="get_pack_file",
            method="get",
            path="/v1/campaigns/{slug}/pack/{name}",
            summary="One file of the pack",
            tag="campaigns",
            parameters=("CampaignSlug", "PackFile", "IfNoneMatch", *WORDS),
            answers={200: None, 304: None},
            refuses=any_of(UNKNOWN, {404: ("pack-file-unknown",)}),
            cached=True,
            files=tuple(each.partition(";")[0] for each in MEDIA.values()),
        ),
    )


def pages() -> tuple[Operation, ...]:
    """List the pages that leaflets lead to."""
    return (
        Operation(
            name="campaign_page",
            method="get",
            path="/campaigns/{slug}",
            summary="What a campaign says, with the phone and the forms, which then carry its code",
            tag="pages",
            parameters=("CampaignSlug", *WORDS),
            answers={200: None},
            refuses=any_of(STORED, UNKNOWN),
            page=True,
        ),
        Operation(
            name="campaign_page_by_code",
            method="get",
            path="/c/{code}",
            summary="The same, by the code that is printed and sent",
            tag="pages",
            parameters=("CampaignCode", *WORDS),
            answers={200: None},
            refuses=any_of(STORED, UNKNOWN),
            page=True,
        ),
    )
