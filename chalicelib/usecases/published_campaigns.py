"""Campaigns as readers meet them: those that travel with the code, each as it was last published; then the new ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.campaigns import Campaign, problems_of, read_campaign
from chalicelib.usecases.published import shown_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from chalicelib.domain.signposts import Region, Signpost
    from chalicelib.ports import Version
    from chalicelib.usecases.published import Published

CAMPAIGN = "campaign"
_BROKEN = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


class Packaged(Protocol):
    """The content that travels with the code: the part of it that campaigns are laid over."""

    def campaigns(self) -> Sequence[Campaign]:
        """Give every campaign."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...


class Guide(Protocol):
    """Where the help is known to which campaigns point."""

    def signposts(self) -> Sequence[Signpost]:
        """Give every signpost, those no longer offered included."""
        ...


class PublishedCampaigns:
    """
    Every campaign that readers know of; *zone* tells on which day something was taken down.

    A stored record that cannot be read, or that names places or help that nobody knows, is passed over: what is
    packaged stands. One that is packaged and was taken down is over from that day on, since leaflets lead to it.
    """

    def __init__(self, *, packaged: Packaged, guide: Guide, published: Published, zone: Callable[[], tzinfo]) -> None:
        self._packaged, self._guide, self._published, self._zone = packaged, guide, published, zone
        self._made: tuple[tuple[object, object], tuple[Campaign, ...]] | None = None

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        return self._packaged.regions()

    def campaigns(self) -> tuple[Campaign, ...]:
        """Give every campaign; the same object until something has changed."""
        out, signposts, made = self._published.of(CAMPAIGN), self._guide.signposts(), self._made
        if made is None or made[0][0] is not out or made[0][1] is not signposts:
            made = self._made = ((out, signposts), self._laid_over(out, {each.id for each in signposts}))
        return made[1]

    def _laid_over(self, published: Sequence[Version], signposts: set[str]) -> tuple[Campaign, ...]:
        campaigns = {each.slug: each for each in self._packaged.campaigns()}
        regions = {region.code for region in self._packaged.regions()}
        for version in published:
            before = campaigns.get(version.record_id)
            shown = self._ended(before, version) if version.body is None else _read(version, regions, signposts)
            if shown is not None:
                campaigns[version.record_id] = shown
        return tuple(campaigns.values())

    def _ended(self, campaign: Campaign | None, version: Version) -> Campaign | None:
        if campaign is None:
            return None
        day = shown_from(version).astimezone(self._zone()).date()
        return replace(campaign, closed_on=min(day, campaign.closed_on or campaign.ends_on, campaign.ends_on))


def _read(version: Version, regions: set[str], signposts: set[str]) -> Campaign | None:
    """Read what was stored; what a text message costs was checked when it was written, with the address of then."""
    try:
        record = json.loads(version.body or b"")
        if record["id"] != version.record_id or problems_of(record, regions=regions, signposts=signposts, link=""):
            return None
        return read_campaign(record)
    except _BROKEN:
        return None
