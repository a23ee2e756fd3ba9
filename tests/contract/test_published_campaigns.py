"""Campaigns that editors publish, as readers meet them: on both stores, without a deployment."""

from __future__ import annotations

import json
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from test_published import SEED, SHOWN, Editors, Instance

from chalicelib.usecases.campaigning import Campaigning
from chalicelib.usecases.published_campaigns import CAMPAIGN, PublishedCampaigns

LONDON = ZoneInfo("Europe/London")
GM = next(iter(SEED.campaign_records().values()))


@pytest.fixture
def editors(store, open_again, now):
    """Editors of a store in which nothing has been published."""
    return Editors(store, open_again, now)


def campaigning_of(editors) -> Campaigning:
    """Start an instance, and give what it knows of campaigns."""
    instance: Instance = editors.instance()
    diary = PublishedCampaigns(packaged=SEED, guide=instance.content, published=instance.published, zone=lambda: LONDON)
    return Campaigning(content=diary, signposting=instance.signposting, clock=editors.clock, zone=lambda: LONDON)


def out(editors, record_id, body=..., **changes):
    """Publish a campaign that is on now, with changes, and let the time pass until it is shown."""
    today = editors.clock.time.date().isoformat()
    record = {**GM, "id": record_id, "code": record_id, "starts_on": today, "ends_on": "2099-12-31", **changes}
    text = json.dumps(record).encode() if body is ... else body
    editors.publish(record_id, CAMPAIGN, body=text)
    editors.clock.time += SHOWN


def test_a_campaign_goes_on_and_ends_without_a_deployment(editors):
    """Published, it is on; published again with an end, it is over, and still known by its name and its code."""
    campaigning = campaigning_of(editors)
    assert campaigning.find() == ()
    out(editors, "spring")
    assert [each.slug for each in campaigning.find()] == ["spring"]
    assert campaigning.knows("spring")
    out(editors, "spring", closed_on=editors.clock.time.date().isoformat())
    assert campaigning.find() == ()
    assert campaigning.get("spring").status(campaigning.edition().today) == "over"
    assert campaigning.knows("spring")


def test_nothing_is_made_anew_while_nothing_changes(editors):
    """Answers that are kept for an edition stay: the same campaigns are the same object."""
    campaigning = campaigning_of(editors)
    first = campaigning.edition()
    assert campaigning.edition() is first
    out(editors, "spring")
    assert campaigning.edition() is not first


@pytest.mark.parametrize(
    "body",
    [
        b"nothing",
        b"[]",
        json.dumps({**GM, "id": "another"}).encode(),
        json.dumps({**GM, "id": "spring", "regions": ["X00000000"]}).encode(),
        json.dumps({**GM, "id": "spring", "signposts": ["nowhere"]}).encode(),
        json.dumps({"id": "spring"}).encode(),
    ],
)
def test_what_cannot_be_shown_is_passed_over(editors, body):
    """A damaged record harms no other: what is packaged stands."""
    campaigning = campaigning_of(editors)
    out(editors, "spring", body)
    assert [each.slug for each in campaigning.find(when="all")] == ["gm-2018"]


def test_a_packaged_campaign_that_is_taken_down_is_over(editors):
    """Its leaflets hang somewhere: it is not gone, and a new one that is taken down is."""
    campaigning = campaigning_of(editors)
    out(editors, "gm-2018")
    assert [each.slug for each in campaigning.find()] == ["gm-2018"]
    out(editors, "gm-2018", None)
    assert campaigning.get("gm-2018").closed_on == date(2018, 7, 1)
    out(editors, "spring")
    out(editors, "spring", None)
    assert [each.slug for each in campaigning.find(when="all")] == ["gm-2018"]
