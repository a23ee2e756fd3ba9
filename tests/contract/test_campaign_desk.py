"""What editors do with campaigns at the desk: created, scheduled, seen beforehand, closed; on both stores."""

from __future__ import annotations

import json

import pytest
from test_content_desk import Stage
from test_published import SEED

GM = next(iter(SEED.campaign_records().values()))
PATH = "/campaign/spring"


@pytest.fixture
def stage(store, open_again, now, tmp_path):
    """A helpline where nobody has published anything."""
    return Stage(store, open_again, now, tmp_path)


@pytest.fixture
def desk(stage):
    """An instance of it."""
    return stage.instance()


def record(stage, **changes):
    """Write a campaign that is on now."""
    today = stage.clock.time.date().isoformat()
    return {**GM, "id": "spring", "code": "spr27", "starts_on": today, "ends_on": "2099-12-31", **changes}


def draft(desk, stage, path=PATH, **changes):
    """Send a first draft."""
    return desk.ask("PUT", path, {"record": record(stage, **changes)}, if_none_match="*")


def on_now(desk):
    """Name the campaigns that readers are told of."""
    return [each.slug for each in desk.house._campaigning.find()]


def problems(answer):
    """Give what was wrong, as pointers and codes."""
    assert answer.status == 422
    return {(each["pointer"], each["code"]) for each in answer.json()["errors"]}


def test_a_campaign_is_created_seen_and_put_on_without_a_deployment(desk, stage):
    """Its editor sees in both languages what partners will get; readers meet it once it is published."""
    assert draft(desk, stage).status == 200
    shown = desk.get(f"{PATH}/preview")["shown"]
    for language in ("en", "cy"):
        assert shown[language]["status"] == "on"
        assert [each["segments"] for each in shown[language]["pack"]["sms"]] == [1]
        assert "spr27" in shown[language]["pack"]["email"]["html"]
    assert on_now(desk) == []
    desk.publish(PATH)
    stage.later()
    assert on_now(desk) == ["spring"]
    assert desk.house._campaigning.knows("spr27")


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_repeated(desk, stage):
    """A draft that singles somebody out, leads nowhere or does not fit is refused with every place."""
    answer = draft(
        desk,
        stage,
        regions=["E99999999"],
        signposts=["nowhere"],
        partners=["DCI Nobody"],
        sms={"en": ["y" * 161 + "{link}"], "cy": ["Ffoniwch"]},
    )
    assert problems(answer) == {
        ("/record/regions/0", "unknown-value"),
        ("/record/signposts/0", "unknown-value"),
        ("/record/partners/0", "names-a-person"),
        ("/record/sms/en/0", "too-long"),
        ("/record/sms/cy/0", "link-missing"),
    }
    assert b"Nobody" not in answer.body


def test_a_code_stays_with_its_campaign(desk, stage):
    """What is printed leads where it led: a code neither changes nor is given out twice."""
    draft(desk, stage)
    desk.publish(PATH)
    there = desk.ask("GET", PATH)
    changed = desk.ask("PUT", PATH, {"record": record(stage, code="other")}, if_match=there.headers["etag"])
    assert problems(changed) == {("/record/code", "printed-already")}
    assert problems(draft(desk, stage, "/campaign/autumn", id="autumn")) == {("/record/code", "duplicate")}
    assert problems(draft(desk, stage, "/campaign/autumn", id="autumn", code="gm-2018")) == {
        ("/record/code", "duplicate")
    }


def test_a_campaign_is_closed_on_the_day_itself(desk, stage):
    """Closing takes one step and needs no date: it is over from today on, and says so."""
    draft(desk, stage)
    desk.publish(PATH)
    held = desk.ask("GET", PATH).headers["etag"]
    assert desk.ask("POST", f"{PATH}/take-down", {"status": "inactive"}, if_match=held).status == 409
    assert desk.ask("POST", f"{PATH}/take-down", {"status": "closed"}, if_match=held).status == 200
    stage.later()
    assert on_now(desk) == []
    today = stage.clock.time.date()
    assert desk.house._campaigning.get("spring").closed_on == today
    assert json.loads(desk.ask("GET", PATH).body)["out"]["closed_on"] == today.isoformat()


def test_a_campaign_that_is_packaged_can_be_written_anew(desk, stage):
    """The seed is no exception: what an editor publishes takes its place, under the same code."""
    desk.edit("/campaign/gm-2018", headline={"en": "Anew", "cy": "O'r newydd"})
    desk.publish("/campaign/gm-2018")
    stage.later()
    assert desk.house._campaigning.get("gm-2018").headline["en"] == "Anew"
