"""Campaigns as they stand today: what is on and where, one by its name, and what a visit or a request may carry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.campaigns import ON, OVER, PLANNED, areas
from chalicelib.domain.errors import NotFound
from chalicelib.domain.signposts import NATIONS, place_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date, tzinfo

    from chalicelib.domain.campaigns import Campaign
    from chalicelib.domain.signposts import Region, Signpost
    from chalicelib.ports import Clock
    from chalicelib.usecases.signposting import Signposting

EVERY = "all"
WHEN: tuple[str, ...] = (ON, PLANNED, OVER, EVERY)
"""What can be asked for; what is on now, unless told."""


class Diary(Protocol):
    """Where campaigns come from: the part of the content that campaigning needs."""

    def campaigns(self) -> Sequence[Campaign]:
        """Give every campaign; another object after a change."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """
    The campaigns as they stand on one day, between two changes of them or of the signposts that they point to.

    They are in order of their days; *offered* is the help that can be had now, by its id.
    """

    today: date
    campaigns: tuple[Campaign, ...]
    by_slug: Mapping[str, Campaign]
    by_code: Mapping[str, Campaign]
    offered: Mapping[str, Signpost]


class Campaigning:
    """Finds campaigns; all of them in memory, read when first needed and after a change."""

    def __init__(self, *, content: Diary, signposting: Signposting, clock: Clock, zone: Callable[[], tzinfo]) -> None:
        self._content = content
        self._signposting = signposting
        self._clock = clock
        self._zone = zone
        self._edition: tuple[tuple[object, object, date], Edition] | None = None

    @property
    def places(self) -> Collection[str]:
        """The places that somebody can ask for: ONS codes, nations and "UK"."""
        return self._areas.keys()

    def where(self, campaign: Campaign) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """Name the areas of a campaign, each with its ONS code, by language."""
        return tuple((code, self._regions[code].name) for code in campaign.regions)

    def where_in_short(self, campaign: Campaign) -> tuple[Mapping[str, str], ...]:
        """Name where a campaign is as people say it: by its nation where that is meant as a whole, else by areas."""
        names, left, found = place_names(()), list(campaign.regions), []
        for nation in NATIONS:
            inside = self._areas.get(nation, frozenset())
            if len(inside) > 1 and inside.issubset(left):
                found.append(names[nation])
                left = [code for code in left if code not in inside]
        return (*found, *(self._regions[code].name for code in left))

    def edition(self) -> Edition:
        """Give the present edition: the same object until midnight in the helpline's zone, or until a change."""
        source, offers = self._content.campaigns(), self._signposting.edition()
        today = self._clock.now().astimezone(self._zone()).date()
        known = self._edition
        if known is None or known[0][0] is not source or known[0][1] is not offers or known[0][2] != today:
            campaigns = tuple(sorted(source, key=lambda each: (each.starts_on, each.slug)))
            edition = Edition(
                today=today,
                campaigns=campaigns,
                by_slug={each.slug: each for each in campaigns},
                by_code={each.code: each for each in campaigns},
                offered=offers.by_id,
            )
            known = self._edition = ((source, offers, today), edition)
        return known[1]

    def help_for(self, campaign: Campaign) -> tuple[Signpost, ...]:
        """Give the help that a campaign points to, as far as it can be had now."""
        offered = self.edition().offered
        return tuple(offered[name] for name in campaign.signposts if name in offered)

    def find(self, *, when: str = ON, region: str | None = None) -> tuple[Campaign, ...]:
        """
        Give the campaigns that are *when* (one of `WHEN`) in a place; a nation has those of all its areas.

        Raises:
            KeyError: *region* is not one of `places`; whoever reads the input refuses it before.
        """
        edition, inside = self.edition(), None if region is None else self._areas[region]
        return tuple(
            each
            for each in edition.campaigns
            if when in (EVERY, each.status(edition.today)) and (inside is None or not inside.isdisjoint(each.regions))
        )

    def get(self, slug: str) -> Campaign:
        """
        Give one campaign, whenever it is or was.

        Raises:
            NotFound: `campaign-unknown`, there is none of that name.
        """
        found = self.edition().by_slug.get(slug)
        if found is None:
            raise NotFound("campaign-unknown")
        return found

    def of_code(self, code: str) -> Campaign:
        """
        Give the campaign of a code.

        Raises:
            NotFound: `campaign-unknown`.
        """
        found = self.edition().by_code.get(code)
        if found is None:
            raise NotFound("campaign-unknown")
        return found

    def knows(self, code: str) -> bool:
        """Tell whether *code* is one of ours, so that what a visit or a request carries may be counted by it."""
        return code in self.edition().by_code

    @cached_property
    def _regions(self) -> Mapping[str, Region]:
        return {region.code: region for region in self._content.regions()}

    @cached_property
    def _areas(self) -> Mapping[str, frozenset[str]]:
        return areas(self._content.regions())
