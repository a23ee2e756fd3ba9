"""Campaigns: when one is on and where, what a record may not say, and that one that is over still points to help."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from chalice.app import Request

from chalicelib.adapters.content import PACKAGED, ContentBroken, PackagedContent
from chalicelib.adapters.spelling import nearest
from chalicelib.domain.campaigns import STATUSES, problems_of, read_campaign, sms_text
from chalicelib.domain.errors import Malformed, NotFound
from chalicelib.domain.signposts import LANGUAGES
from chalicelib.http.campaigns import Campaigns
from chalicelib.http.texts import Texts
from chalicelib.usecases.campaigning import Campaigning
from chalicelib.usecases.signposting import Signposting
from chalicelib.wiring import House

CONTENT = PackagedContent()
SEED = json.loads((PACKAGED / "campaigns" / "gm-2018.json").read_text())
SIGNPOSTS = {each.id for each in CONTENT.signposts()}
REGIONS = {each.code for each in CONTENT.regions()}
LINK = "https://quietline.example/c/"
LONDON = ZoneInfo("Europe/London")


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: str) -> None:
        self.at = datetime.fromisoformat(at)

    def now(self) -> datetime:
        """Tell the time that was set."""
        return self.at


def record(**changes):
    """Give the record of a campaign in March 2027, with *changes*."""
    return {**deepcopy(SEED), "id": "spring", "code": "spr27", "starts_on": "2027-03-01", "ends_on": "2027-03-28",
            **changes}  # fmt: skip


def found(changed, **options):
    """Give what is wrong with a record, as pointers and codes."""
    problems = problems_of(changed, regions=REGIONS, signposts=SIGNPOSTS, link=LINK, **options)
    return [(each.pointer, each.code) for each in problems]


def house_on(at, *records):
    """Put campaigning together for one day, with campaigns of its own beside the seed."""
    clock = Clock(at)
    campaigns = (*CONTENT.campaigns(), *(read_campaign(each) for each in records))
    content = SimpleNamespace(campaigns=lambda: campaigns, regions=CONTENT.regions)
    campaigning = Campaigning(
        content=content, signposting=Signposting(CONTENT, nearest), clock=clock, zone=lambda: LONDON
    )
    texts = Texts(CONTENT.words, lambda: House.from_environment().helpline)
    return SimpleNamespace(clock=clock, campaigning=campaigning, http=Campaigns(campaigning, texts))


def asking(query=None, **headers):
    """Build an HTTP request as the gateway hands it over."""
    values = {name: value if isinstance(value, list) else [value] for name, value in (query or {}).items()}
    return Request(
        {
            "multiValueQueryStringParameters": values or None,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "pathParameters": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/campaigns"},
            "body": None,
            "stageVariables": None,
        }
    )


def slugs(response):
    """Name the campaigns of an answer, in order."""
    return [each["slug"] for each in json.loads(response.body)["campaigns"]]


# ---------------------------------------------------------------- when, and where


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2018-06-24T22:59:59+00:00", "planned"),
        ("2018-06-24T23:00:00+00:00", "on"),  # midnight in London, in summer
        ("2018-07-01T22:59:59+00:00", "on"),
        ("2018-07-01T23:00:00+00:00", "over"),
    ],
)
def test_a_campaign_begins_and_ends_at_midnight_in_london(at, status):
    """The first day begins when it does in London, summer time included, and the last day is a whole one."""
    house = house_on(at)
    assert json.loads(house.http.get(asking(), "gm-2018").body)["status"] == status
    for when in STATUSES:
        assert slugs(house.http.list(asking({"when": when}))) == (["gm-2018"] if when == status else [])


def test_a_campaign_that_was_closed_early_is_over_from_that_day_on():
    """Closing takes effect at once, and closing what never began calls it off."""
    closed = read_campaign(record(closed_on="2027-03-05"))
    days = [date(2027, 2, 28), date(2027, 3, 4), date(2027, 3, 5), date(2027, 3, 29)]
    assert [closed.status(day) for day in days] == ["planned", "on", "over", "over"]
    assert read_campaign(record(closed_on="2027-02-01")).status(date(2027, 2, 2)) == "over"


def test_what_is_on_now_is_listed_unless_told_otherwise():
    """Without a filter a partner sees what is on; `all` has everything in order of its days."""
    house = house_on("2027-03-02T12:00:00+00:00", record())
    assert slugs(house.http.list(asking())) == ["spring"]
    assert slugs(house.http.list(asking({"when": "over"}))) == ["gm-2018"]
    assert slugs(house.http.list(asking({"when": "all"}))) == ["gm-2018", "spring"]


@pytest.mark.parametrize(
    ("region", "there"),
    [("E23000005", True), ("England", True), ("UK", True), ("E23000006", False), ("Wales", False)],
)
def test_a_campaign_is_found_by_its_area_and_by_the_nation_around_it(region, there):
    """Asked for an area, only its own campaigns come; asked for a nation, those of all its areas."""
    house = house_on("2018-06-27T18:00:00+00:00")
    assert slugs(house.http.list(asking({"region": region}))) == (["gm-2018"] if there else [])


def test_a_campaign_in_every_area_of_a_nation_is_said_to_be_in_that_nation():
    """Where it is reads as people say it: `Wales, Greater Manchester`, and not a list of every force."""
    wales = [each.code for each in CONTENT.regions() if each.nation == "Wales"]
    house = house_on("2027-03-02T12:00:00+00:00", record(regions=["E23000005", *wales]))
    names = house.campaigning.where_in_short(house.campaigning.get("spring"))
    assert [name["cy"] for name in names] == ["Cymru", "Greater Manchester"]
    assert len(house.campaigning.where(house.campaigning.get("spring"))) == len(wales) + 1


def test_what_a_visit_may_carry_is_a_code_that_we_gave_out():
    """A code of ours is known, whenever its campaign is; anything else is not."""
    campaigning = house_on("2026-11-24T18:00:00+00:00", record()).campaigning
    assert [campaigning.knows(code) for code in ("gm-2018", "spr27", "spring", "")] == [True, True, False, False]
    assert campaigning.of_code("spr27").slug == "spring"
    with pytest.raises(NotFound):
        campaigning.of_code("spring")


# ---------------------------------------------------------------- on the wire


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_campaign_that_is_over_says_so_and_still_points_to_help(language):
    """Whoever finds an old leaflet is told when it ended, and is given a phone number and places to go."""
    answer = json.loads(house_on("2026-11-24T18:00:00+00:00").http.get(asking({"language": language}), "gm-2018").body)
    assert answer["status"] == "over"
    assert "2018" in answer["notice"]
    assert answer["help"]["phone"] == "0808 1000 900"
    assert [each["id"] for each in answer["signposts"]] == ["stop-it-now-helpline", "get-help"]
    assert all(each["language"] == language for each in answer["signposts"])
    assert answer["regions"][0]["code"] == "E23000005"
    assert answer["partners"] == ["Greater Manchester Police", "The Lucy Faithfull Foundation"]


def test_an_answer_has_an_etag_and_lives_for_five_minutes():
    """A cache asks again soon, for what is over must not be shown as on, and pays nothing when nothing changed."""
    house = house_on("2018-07-01T12:00:00+00:00")
    first = house.http.list(asking())
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = house.http.list(asking(None, if_none_match=first.headers["ETag"]))
    assert (again.status_code, again.body) == (304, "")
    house.clock.at = datetime(2018, 7, 2, 12, tzinfo=UTC)
    later = house.http.list(asking(None, if_none_match=first.headers["ETag"]))
    assert (later.status_code, slugs(later)) == (200, [])


@pytest.mark.parametrize("query", [{"when": "soon"}, {"region": "Narnia"}, {"language": "de"}, {"when": ["on", "on"]}])
def test_a_filter_that_is_not_on_the_lists_is_refused(query):
    """A misspelt filter is told, and never passed over."""
    with pytest.raises(Malformed):
        house_on("2026-11-24T18:00:00+00:00").http.list(asking(query))


def test_an_unknown_campaign_is_told_as_such():
    """There is nothing under a name that was never given."""
    with pytest.raises(NotFound, match="campaign-unknown"):
        house_on("2026-11-24T18:00:00+00:00").http.get(asking(), "gm-2019")


# ---------------------------------------------------------------- what a record may not say


def test_the_seed_and_a_complete_record_pass():
    """Nothing is wrong with what we ship, nor with another campaign beside it."""
    assert found(SEED) == []
    assert found(record(), taken={"gm-2018"}, taken_codes={"gm-2018"}) == []
    assert found(record(closed_on="2027-03-05")) == []


@pytest.mark.parametrize(
    "field",
    ["id", "code", "name", "headline", "summary", "message", "sms", "starts_on", "ends_on", "regions", "partners",
     "signposts"],
)  # fmt: skip
def test_what_is_missing_is_told_with_everything_else(field):
    """All problems come at once, so that nobody mends a record field by field."""
    incomplete = record(regions=["E99"], invented=1)
    del incomplete[field]
    problems = found(incomplete)
    assert (f"/{field}", "missing") in problems
    assert ("", "unknown-field") in problems
    assert field == "regions" or ("/regions/0", "unknown-value") in problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "Spring 2027"}, ("/id", "bad-id")),
        ({"code": "a" * 21}, ("/code", "bad-code")),
        ({"starts_on": "2027-02-30"}, ("/starts_on", "bad-date")),
        ({"ends_on": "2027-02-28"}, ("/ends_on", "ends-before-start")),
        ({"closed_on": "2027-04-01"}, ("/closed_on", "closes-after-end")),
        ({"closed_on": "soon"}, ("/closed_on", "bad-date")),
        ({"regions": []}, ("/regions", "missing")),
        ({"regions": ["England"]}, ("/regions/0", "unknown-value")),
        ({"regions": ["E23000005", "E23000005"]}, ("/regions", "repeated")),
        ({"signposts": ["nowhere"]}, ("/signposts/0", "unknown-value")),
        ({"signposts": [["get-help"]]}, ("/signposts", "unknown-value")),
        ({"partners": ["PC Example of the force"]}, ("/partners/0", "names-a-person")),
        ({"name": {"en": "Spring"}}, ("/name/cy", "missing-language")),
        ({"name": {"en": "Spring", "cy": "Gwanwyn", "de": "Frühling"}}, ("/name", "unknown-language")),
        ({"headline": {"en": "x" * 81, "cy": "Gwanwyn"}}, ("/headline/en", "too-long")),
        ({"summary": {"en": 7, "cy": "Gwanwyn"}}, ("/summary/en", "missing-language")),
        ({"message": {"en": ["One."], "cy": ["Un.", "Dau."]}}, ("/message", "languages-differ")),
        ({"message": {"en": ["Read https://example.org"], "cy": ["Un."]}}, ("/message/en/0", "own-address")),
        ({"message": {"en": ["Dear {name}, hello."], "cy": ["Un."]}}, ("/message/en/0", "placeholder")),
        ({"message": {"en": ["Dear Alex, hello."], "cy": ["Un."]}}, ("/message/en/0", "targets-a-person")),
        ({"message": {"en": ["We know what you do."], "cy": ["Un."]}}, ("/message/en/0", "targets-a-person")),
        ({"message": {"en": ["Ring."], "cy": ["Rydym yn gwybod beth."]}}, ("/message/cy/0", "targets-a-person")),
        ({"message": {"en": ["Ask for Mr Example."], "cy": ["Un."]}}, ("/message/en/0", "names-a-person")),
        ({"message": {"en": ["<b>Ring</b>"], "cy": ["Un."]}}, ("/message/en/0", "placeholder")),
        ({"message": {"en": ["One."] * 6, "cy": []}}, ("/message/cy/0", "missing")),
        ({"message": {"en": ["One."] * 6, "cy": ["Un."] * 6}}, ("/message/cy", "too-many")),
        ({"message": {"en": ["One \U0001f642"], "cy": ["Un."]}}, ("/message/en/0", "not-printable")),
        ({"sms": {"en": ["Ring us."], "cy": ["Ffoniwch {link}"]}}, ("/sms/en/0", "link-missing")),
        ({"sms": {"en": ["Ring {link} \U0001f642"], "cy": ["Ffoniwch {link}"]}}, ("/sms/en/0", "not-gsm-7")),
        ({"sms": {"en": ["y" * 128 + "{link}"], "cy": ["Ffoniwch {link}"]}}, ("/sms/en/0", "too-long")),
        ({"source": "http://example.org"}, ("/source", "bad-url")),
    ],
)  # fmt: skip
def test_what_would_mislead_name_or_single_out_somebody_is_refused(changes, problem):
    """A campaign is for everybody who meets it: each thing that it may not say has its place and its code."""
    assert problem in found(record(**changes))


def test_an_id_and_a_code_belong_to_one_campaign():
    """A leaflet that hangs somewhere must not lead to another campaign."""
    assert found(record(), taken={"spring"}, taken_codes={"spr27"}) == [("/id", "duplicate"), ("/code", "duplicate")]


@pytest.mark.parametrize(
    "garbage", [{}, {"id": []}, *({name: value} for name in SEED for value in (None, 7, [], {}, [7]))]
)
def test_no_record_is_so_broken_that_the_check_fails(garbage):
    """Whatever an editor's client sends is answered with problems, and never with a fault."""
    assert found({**record(), **garbage} if garbage else {}) or garbage == {"source": None}


def test_a_text_message_fits_to_the_last_septet():
    """160 septets with the address in it are one message, and 161 are refused."""
    room = 160 - len(LINK + "spr27")
    texts = {"cy": ["Ffoniwch {link}"]}
    assert found(record(sms={**texts, "en": ["y" * room + "{link}"]})) == []
    assert found(record(sms={**texts, "en": ["€" + "y" * (room - 2) + "{link}"]})) == []
    assert found(record(sms={**texts, "en": ["€" + "y" * (room - 1) + "{link}"]})) == [("/sms/en/0", "too-long")]


def test_welsh_is_sent_in_letters_that_every_telephone_has():
    """What Welsh needs and a text message lacks is sent without its accent, and nothing else changes."""
    assert sms_text("Tŷ a dŵr: siaradwch â ni – “nawr” {link}", "L") == 'Ty a dwr: siaradwch a ni - "nawr" L'


def test_a_broken_file_is_named(tmp_path):
    """Whoever packages a campaign that cannot be read is told which file it is."""
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "x.json").write_text('{"id": "x"}')
    with pytest.raises(ContentBroken, match=r"x\.json"):
        PackagedContent(tmp_path).campaigns()
