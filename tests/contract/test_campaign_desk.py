"""What editors do with campaigns at the desk: created, scheduled, seen beforehand, closed; on both stores."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from test_content_desk import Stage
from test_published import SEED

from chalicelib.domain.errors import Unavailable

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


def at_once(*instances):
    """Let each of two instances begin to write when the other is about to: by then both have checked."""
    together = Barrier(2)
    for instance in instances:
        publications = instance.house.publications
        for verb in ("draft", "publish"):
            setattr(publications, verb, meeting(together, getattr(publications, verb)))


def meeting(together, write):
    """Wait for the other, the first time."""

    def met(*args, **options):
        with suppress(BrokenBarrierError):
            together.wait(timeout=20)
        together.abort()
        return write(*args, **options)

    return met


def publish_at_once(stage, *paths):
    """Publish drafts from two instances in the same moment."""
    instances = [stage.instance() for _ in paths]
    held = [instance.ask("GET", path).headers["etag"] for instance, path in zip(instances, paths, strict=True)]
    at_once(*instances)
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(each.ask, "POST", f"{path}/publish", if_match=etag)
            for each, path, etag in zip(instances, paths, held, strict=True)
        ]
    return [each.result() for each in asked]


def verbs(stage, path):
    """List what the trail says was done to a record."""
    return [each.deed.verb for each in stage.store.trail()[0] if each.deed.about == path.removeprefix("/")]


def test_of_two_campaigns_at_once_one_gets_the_code(desk, stage):
    """Both were checked before either was out: one is published, the other is told, and gets out under another code."""
    paths = ["/campaign/spring", "/campaign/autumn"]
    for path in paths:
        assert draft(desk, stage, path, id=path.rpartition("/")[2]).status == 200
    answers = publish_at_once(stage, *paths)
    assert sorted(each.status for each in answers) == [200, 422]
    won, lost = sorted(paths, key=lambda path: answers[paths.index(path)].status)
    assert problems(answers[paths.index(lost)]) == {("/code", "duplicate")}
    stage.later()
    assert on_now(desk) == [won.rpartition("/")[2]]
    assert verbs(stage, won) == ["draft", "reserve", "publish"]
    assert verbs(stage, lost) == ["draft"]
    desk.edit(lost, code="other")
    desk.publish(lost)
    stage.later()
    assert {desk.house._campaigning.of_code(code).slug for code in ("spr27", "other")} == {"spring", "autumn"}


def test_one_campaign_published_twice_at_once_is_out_once(desk, stage):
    """Its own reservation stands in no campaign's way: of two editors, the slower hears that it was edited."""
    draft(desk, stage)
    answers = publish_at_once(stage, PATH, PATH)
    assert sorted(each.status for each in answers) == [200, 412]
    assert verbs(stage, PATH) == ["draft", "reserve", "publish"]


def test_a_code_whose_publication_failed_waits_for_its_campaign(desk, stage, monkeypatch):
    """The store fails after the code was reserved: nobody else gets it, and its campaign goes out with the next try."""

    def fail(*_, **__):
        raise Unavailable("storage")

    draft(desk, stage)
    draft(desk, stage, "/campaign/autumn", id="autumn")
    held = desk.ask("GET", PATH).headers["etag"]
    with monkeypatch.context() as broken:
        broken.setattr(desk.house.publications, "publish", fail)
        assert desk.ask("POST", f"{PATH}/publish", if_match=held).status == 503
    other = desk.ask("GET", "/campaign/autumn").headers["etag"]
    refused = desk.ask("POST", "/campaign/autumn/publish", if_match=other)
    assert problems(refused) == {("/code", "duplicate")}
    desk.publish(PATH)
    desk.edit(PATH, headline={"en": "Anew", "cy": "O'r newydd"})
    desk.publish(PATH)
    assert verbs(stage, PATH) == ["draft", "reserve", "publish", "draft", "publish"]


def test_a_session_names_a_campaign_that_there_is(desk, stage):
    """One that nobody knows is refused at its field, a mere draft as well; one that is out or packaged may be named."""
    path, draft_of = "/session/an-hour", next(iter(SEED.session_records().values())) | {"id": "an-hour"}
    draft(desk, stage)
    for campaign in ("nobodys", "spring"):
        answer = desk.ask("PUT", path, {"record": draft_of | {"campaign": campaign}}, if_none_match="*")
        assert problems(answer) == {("/record/campaign", "unknown-value")}
    desk.publish(PATH)
    there = desk.ask("PUT", path, {"record": draft_of | {"campaign": "spring"}}, if_none_match="*")
    assert there.status == 200
    packaged = {"record": draft_of | {"campaign": GM["id"]}}
    assert desk.ask("PUT", path, packaged, if_match=there.headers["etag"]).status == 200


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
