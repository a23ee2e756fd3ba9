"""Counts of what happened, and figures made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.usecases.figures import Figures
    from chalicelib.usecases.reach import Counting, Releasing, Reporting
    from chalicelib.wiring import House


def counting(house: House) -> Counting:
    """What counts."""
    from chalicelib.usecases.reach import Counting

    return Counting(
        counters=house.counters,
        clock=house.clock,
        zone=house.helpline.hours.zone,
        regions=lambda: _region_codes(house),
        campaigns=lambda: _campaign_codes(house),
    )


def releasing(house: House) -> Releasing:
    """What makes of a month's counts its published figures."""
    from chalicelib.usecases.reach import Releasing

    return Releasing(
        counters=house.counters,
        releases=house.releases,
        clock=house.clock,
        zone=house.helpline.hours.zone,
    )


def reporting(house: House) -> Reporting:
    """What tells of published figures."""
    from chalicelib.usecases.reach import Reporting

    return Reporting(
        releases=house.releases,
        clock=house.clock,
        zone=house.helpline.hours.zone,
        regions=house.content.regions,
        campaigns=lambda: _campaign_codes(house),
    )


def figures(house: House) -> Figures:
    """What tells how the work at the desk goes."""
    from chalicelib.usecases.figures import Figures

    return Figures(counters=house.counters, clock=house.clock, zone=house.helpline.hours.zone, rules=house.rules)


def _region_codes(house: House) -> frozenset[str]:
    return frozenset(region.code for region in house.content.regions())


def _campaign_codes(house: House) -> Mapping[str, str]:
    """Map what a visit or a request may carry, a campaign's code or its name, to its name."""
    edition = house._campaigning.edition()
    return {**{each.code: each.slug for each in edition.campaigns}, **{slug: slug for slug in edition.by_slug}}
