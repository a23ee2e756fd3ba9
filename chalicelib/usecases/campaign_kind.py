"""Campaigns as editors write them: created, scheduled and closed without a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.domain.campaigns import Campaign, problems_of, read_campaign
from chalicelib.domain.signposts import ContentProblem
from chalicelib.usecases.kinds import SIGNPOST
from chalicelib.usecases.published_campaigns import CAMPAIGN
from chalicelib.usecases.publishing import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime, tzinfo

    from chalicelib.domain.signposts import Region
    from chalicelib.usecases.publishing import Record, Standing

CLOSED = "closed"


class Packaged(Protocol):
    """The content that travels with the code, as it is written."""

    def campaign_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the campaigns, by file."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...


def campaigns(
    content: Packaged,
    shown: Callable[[Campaign, str], Mapping[str, Any]],
    *,
    link: str,
    zone: Callable[[], tzinfo],
) -> Kind:
    """
    Efforts of a few days or weeks, in one or more police force areas.

    *shown* is how partner sites read one, with its text messages and e-mail; *link* is our address up to the code.
    What is out can be closed: it is over from that day in *zone* on, and its leaflets still lead to help.
    """
    regions = frozenset(region.code for region in content.regions())

    def problems(record: Record, _: date, standing: Standing) -> Iterator[ContentProblem]:
        name, out = record.get("id"), standing(CAMPAIGN)
        codes = frozenset(str(each.get("code")) for other, each in out.items() if other != name)
        yield from problems_of(
            record, regions=regions, signposts=standing(SIGNPOST).keys(), link=link, taken_codes=codes
        )
        before = out.get(name) if isinstance(name, str) else None
        if before is not None and before.get("code") != record.get("code"):
            yield ContentProblem(record=str(name), pointer="/code", code="printed-already")

    def stamped(record: Record, now: datetime) -> Record:
        """Say on which day it was closed: the house knows."""
        if record.get("status") != CLOSED:
            return record
        kept = {name: value for name, value in record.items() if name != "status"}
        today = now.astimezone(zone()).date().isoformat()
        ends_on = kept.get("ends_on")
        return {**kept, "closed_on": min(today, ends_on) if isinstance(ends_on, str) else today}

    return Kind(
        name=CAMPAIGN,
        packaged=lambda: {each["id"]: each for each in content.campaign_records().values()},
        problems=problems,
        shown=lambda record, language, _: shown(read_campaign(record), language),
        title=lambda record: record.get("name"),
        stamped=stamped,
        ends=(CLOSED,),
        own="code",
    )
