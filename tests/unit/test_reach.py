"""Reach: what is counted and when, what a beacon may carry, what is published and what the report says of it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from chalice.test import Client
from fakes import FakeQueue
from heads import build_head

import app as quietline
from chalicelib.config import Settings
from chalicelib.domain import reach
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.reach import Asked
from chalicelib.domain.requests import Kind, Outcome, Status
from chalicelib.local import reach_example
from chalicelib.local.issuer import LocalIssuer
from chalicelib.usecases.casework import Hold
from chalicelib.usecases.reach import LEDGER
from chalicelib.wiring import House

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
MONTH, MANCHESTER = "2026-11", "E23000005"
DETAILS = {"concern": "own-behaviour", "phone": "07700 900123", "safety": {"voicemail": "never"}}
BODY = {
    "statement_version": "2026-11",
    "details": DETAILS,
    "region": MANCHESTER,
    "campaign": "gm-2018",
    "slot": "2026-11-24T18:00Z/2h",
}
KINDS = [
    ("callback", "Call back", "Galwad yn ôl"),
    ("information", "Information", "Gwybodaeth"),
    ("referral", "Referral", "Atgyfeiriad"),
    ("question", "Question in a live session", "Cwestiwn mewn sesiwn fyw"),
]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
QUEUE = "https://sqs.eu-west-2.amazonaws.com/000000000000/quietline-overflow"


class Scene:
    """A house with a clock to move, asked over HTTP."""

    def __init__(self, home, monkeypatch, **settings) -> None:
        self.house, self.now = House(Settings(home=home, **settings)), NOW
        self.house.__dict__["clock"] = SimpleNamespace(now=lambda: self.now)
        monkeypatch.setattr(quietline, "house", self.house)

    def ask(self, method, path, body=b"", **headers):
        """Ask, and give the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with Client(quietline.app) as client:
            return client.http.request(method, path, headers=sent, body=raw)

    def submit(self, body=BODY, key="a-key-of-sixteen-characters"):
        """Submit a callback."""
        return self.ask("POST", "/v1/callbacks", body, Idempotency_Key=key)

    def told(self, query="", **headers):
        """Ask for the report."""
        answer = self.ask("GET", f"/v1/reach{query}", **headers)
        assert answer.status_code == 200, answer.body
        return json.loads(answer.body)

    def counts(self):
        """Read what was counted."""
        return dict(self.house.counters.read(LEDGER, since=""))


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """A house with nothing in it."""
    made = Scene(tmp_path, monkeypatch)
    yield made
    made.house.counters.close()


@pytest.fixture
def example(scene):
    """A house in which the example was counted and published."""
    reach_example.load(scene.house)
    return scene


# --- counting


def test_an_accepted_request_is_counted_once_by_month_region_campaign_and_kind(scene):
    """A repeat of the same request counts no second time; another request does."""
    assert [scene.submit().status_code for _ in range(3)] == [201, 201, 201]
    assert scene.counts() == {(MONTH, f"{MANCHESTER}/gm-2018/callback"): 1}
    assert scene.submit(key="another-key-of-some-length").status_code == 201
    assert scene.counts() == {(MONTH, f"{MANCHESTER}/gm-2018/callback"): 2}


def test_a_repeat_that_overtakes_its_first_is_counted_once(scene, monkeypatch):
    """Two of the same at once, neither of which has seen the other: one is accepted, and one person counted."""
    store = scene.house.store
    monkeypatch.setattr(store, "get", lambda *_, **__: None)
    assert [scene.submit().status_code for _ in range(2)] == [201, 201]
    assert scene.counts() == {(MONTH, f"{MANCHESTER}/gm-2018/callback"): 1}


def test_what_is_refused_is_not_counted(scene):
    """Nobody was reached by a form that comes back to be mended."""
    assert scene.submit({**BODY, "statement_version": "2020-01"}).status_code == 409
    assert scene.submit({**BODY, "slot": "2026-11-24T03:00Z/2h"}).status_code == 409
    assert scene.counts() == {}


def test_places_and_campaigns_that_nobody_knows_count_as_none(scene):
    """A region of no police force and a campaign that was never run make no cell of their own."""
    assert scene.submit({**BODY, "region": "E99999999", "campaign": "a-name-of-mine"}).status_code == 201
    information = {**BODY, "details": {"concern": "someone-else", "message": "?"}}
    del information["slot"], information["region"], information["campaign"]
    assert scene.ask("POST", "/v1/information-requests", information).status_code == 201
    assert scene.counts() == {(MONTH, "-/-/callback"): 1, (MONTH, "-/-/information"): 1}


def test_a_month_is_a_month_in_london(scene):
    """Half past midnight of summer time on the first is in the new month, though UTC is in the old one."""
    scene.now = datetime(2026, 7, 31, 23, 30, tzinfo=UTC)
    scene.ask("POST", "/v1/reach/visits", {})
    assert scene.counts() == {("2026-08", "-/-/visit"): 1}


class Broken:
    """Counters whose place is gone."""

    def add(self, *_):
        """Fail."""
        raise Unavailable("storage")


def test_a_counter_that_fails_fails_no_request(tmp_path, monkeypatch):
    """Requests, visits and closings go on when nothing can be counted."""
    scene = Scene(tmp_path, monkeypatch)
    scene.house.__dict__["counters"] = Broken()
    assert scene.submit().status_code == 201
    assert scene.ask("POST", "/v1/reach/visits", {}).status_code == 204
    assert scene.house.desk.casework.claim("alex") is not None


def test_an_overflowed_request_is_counted_once_however_often_it_is_sent(tmp_path, monkeypatch):
    """Put aside twice while the store refuses, drained, and sent again: one person."""
    scene = Scene(tmp_path, monkeypatch, overflow_queue=QUEUE)
    scene.house.__dict__["_overflow"] = queue = FakeQueue()
    store = scene.house.store
    refusing = SimpleNamespace()

    def refuse(*_, **__):
        raise Unavailable("storage")

    for name in ("closures", "get", "submit", "unverified"):
        setattr(refusing, name, refuse)
    for part in (scene.house.public.intake, scene.house.public.intake.opening, scene.house.public.intake.room):
        monkeypatch.setattr(type(part), "__setattr__", object.__setattr__)
        name = "store" if hasattr(part, "store") else "_store"
        object.__setattr__(part, name, refusing)
    assert [scene.submit().status_code for _ in range(2)] == [201, 201]
    assert len(queue.waiting) == 2
    for part in (scene.house.public.intake, scene.house.public.intake.opening, scene.house.public.intake.room):
        name = "store" if hasattr(part, "store") else "_store"
        object.__setattr__(part, name, store)
    assert scene.submit().status_code == 201
    while queue.waiting:
        queue.deliver(quietline.drain)
    assert scene.submit().status_code == 201
    assert scene.counts() == {(MONTH, f"{MANCHESTER}/gm-2018/callback"): 1}
    scene.house.counters.close()


# --- the beacon


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b'{"campaign": "gm-2018", "region": "E23000005"}', JSON),
        (b'{"campaign": "gm-2018", "region": "E23000005"}', "text/plain;charset=UTF-8"),
        (b"campaign=gm-2018&region=E23000005", "application/x-www-form-urlencoded;charset=UTF-8"),
    ],
)
def test_a_beacon_may_come_as_json_text_or_form(scene, body, media):
    """`fetch` and both ways of `navigator.sendBeacon` count alike, and are answered with nothing."""
    answer = scene.ask("POST", "/v1/reach/visits", body, Content_Type=media)
    assert (answer.status_code, answer.body) == (204, b"")
    assert scene.counts() == {(MONTH, f"{MANCHESTER}/gm-2018/visit"): 1}


def test_a_beacon_sets_nothing_and_is_open_to_every_site(scene):
    """No cookie, nothing to cache, and any page may send it."""
    headers = {name.lower(): value for name, value in scene.ask("POST", "/v1/reach/visits", {}).headers.items()}
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"] == "no-store"
    assert not {"set-cookie", "etag"} & set(headers)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[]",
        b'{"campaign": 7}',
        b'{"who": "me"}',
        b'{"region": "Leeds"}',
        b"{" * 900,
        b" " * 2000,
        b"null",
    ],
)
def test_whatever_else_is_sent_is_answered_alike_and_counts_nothing(scene, body):
    """Nobody learns from the answer what is known here; nothing that was sent is kept."""
    for media in (JSON, FORM, "image/png"):
        answer = scene.ask("POST", "/v1/reach/visits", body, Content_Type=media)
        assert (answer.status_code, answer.body) == (204, b"")
    assert scene.counts() == {}


# --- publishing


def test_a_month_is_published_an_hour_after_it_is_over_and_never_again(scene):
    """Until then its figures are not published; after that, what is counted late is never seen."""
    for _ in range(12):
        scene.house.counters.add(LEDGER, MONTH, f"{MANCHESTER}/-/callback")
    query = f"?from={MONTH}&to={MONTH}&region={MANCHESTER}"
    scene.now = datetime(2026, 12, 1, 0, 59, tzinfo=UTC)
    assert scene.house.retention.hourly()["published"] == 0
    assert scene.told(query)["people"] == {"value": None, "suppressed": False, "at_least": False, "published": False}
    scene.now = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    assert scene.house.retention.hourly()["published"] == 1
    told = scene.told(query)
    assert told["people"] == {"value": 10, "suppressed": False, "at_least": False, "published": True}
    for _ in range(5):
        scene.house.counters.add(LEDGER, MONTH, f"{MANCHESTER}/-/callback")
    scene.now = datetime(2026, 12, 2, tzinfo=UTC)
    assert scene.house.retention.hourly()["published"] == 0
    assert scene.told(query) == told


def test_months_in_which_nothing_ran_are_made_up_for(scene):
    """Three months after the last round, each is published by itself, a month of nothing included."""
    for month, count in (("2026-11", 20), ("2027-01", 30)):
        for _ in range(count):
            scene.house.counters.add(LEDGER, month, f"{MANCHESTER}/-/callback")
    scene.now = datetime(2027, 2, 14, tzinfo=UTC)
    assert scene.house.releasing.publish() == 3
    rows = scene.told(f"?from=2026-11&to=2027-01&region={MANCHESTER}")["rows"]
    assert [row["people"]["value"] for row in rows] == [20, None, 30]
    assert [row["people"]["suppressed"] for row in rows] == [False, True, False]


def test_a_figure_under_eight_is_suppressed_and_eight_is_not(scene):
    """Seven is null and says so; eight is ten."""
    scene.house.releasing.put_out("2026-10", {"E23000005/-/callback": 7, "E23000006/-/callback": 8})
    rows = {row["key"]: row["people"] for row in scene.told("?from=2026-10&to=2026-10&by=region")["rows"]}
    assert rows["E23000005"] == {"value": None, "suppressed": True, "at_least": False, "published": True}
    assert rows["E23000006"] == {"value": 10, "suppressed": False, "at_least": False, "published": True}


# --- the report


def test_the_example_says_what_the_campaign_said(example):
    """Greater Manchester, twelve months: 1,900 people, 52 % more than the year before, from published figures alone."""
    told = example.told(f"?region={MANCHESTER}&from=2018-06&to=2019-05")
    assert told["sentence"] == (
        "Greater Manchester, twelve months (June 2018 to May 2019): 1,900 people, 52 % more than the year before."
    )
    assert (told["people"]["value"], told["people"]["at_least"], told["period"]["months"]) == (1900, False, 12)
    assert told["year_before"]["people"]["value"] == 1250
    assert told["change_percent"]["people"] == 52
    assert sum(row["people"]["value"] for row in told["rows"]) == 1900
    welsh = example.told(f"?region={MANCHESTER}&from=2018-06&to=2019-05&lang=cy")["sentence"]
    assert "1,900 o bobl, 52 % yn fwy" in welsh


def test_the_example_is_not_loaded_over_figures_that_are_out(example):
    """Made-up counts never go beside published ones: the second time nothing changes."""
    before = example.counts()
    with pytest.raises(reach_example.AlreadyToldError):
        reach_example.load(example.house)
    assert example.counts() == before


def test_filters_narrow_and_rows_divide(example):
    """By campaign and kind the figures are those of the tree; what is not whole says that it is at least so much."""
    june = "?from=2018-06&to=2018-06"
    campaign = example.told(f"{june}&region={MANCHESTER}&by=campaign")
    assert {row["key"]: row["people"]["value"] for row in campaign["rows"]} == {"gm-2018": 90, "none": 140}
    assert campaign["rows"][0]["label"] == "Greater Manchester, June 2018"
    kinds = example.told(f"{june}&region={MANCHESTER}&campaign=gm-2018&by=kind")["rows"]
    assert [(row["key"], row.get("people", row.get("contacts"))["value"]) for row in kinds] == [
        ("callback", 20),
        ("information", 70),
        ("referral", None),
        ("question", None),
        ("visit", 410),
    ]
    only = example.told(f"{june}&kind=information")["people"]
    assert (only["at_least"], only["value"] > 100) == (True, True)
    assert example.told(f"{june}&region=none")["people"]["value"] >= 50
    assert example.told(f"{june}&kind=visit").get("people") is None


def test_a_change_needs_both_years_whole(example):
    """Where a month is missing, or a part is not shown, no change is told rather than a wrong one."""
    assert example.told(f"?region={MANCHESTER}&from=2017-06&to=2018-05")["change_percent"]["people"] is None
    assert example.told(f"?region={MANCHESTER}&from=2019-05&to=2019-06")["change_percent"]["people"] is None
    cheshire = example.told("?region=E23000006&from=2018-06&to=2019-05")
    assert (cheshire["people"]["at_least"], cheshire["change_percent"]["people"]) == (True, None)


def test_a_table_is_the_report_for_spreadsheets(example):
    """The CSV has the same figures; what is not shown is an empty cell."""
    query = f"?region={MANCHESTER}&from=2018-06&to=2019-05"
    answer = example.ask("GET", f"/v1/reach.csv{query}")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["people"] for row in rows] == [str(r["people"]["value"]) for r in example.told(query)["rows"]]
    assert rows[0] == {
        "month": "2018-06",
        "label": "June 2018",
        "people": "230",
        "people_at_least": "no",
        "contacts": "410",
        "contacts_at_least": "no",
    }
    assert (rows[4]["contacts"], rows[4]["contacts_at_least"]) == ("", "")


@pytest.mark.parametrize("name", ["=cmd|x!A1", "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_campaign_s_name_is_no_formula_in_a_spreadsheet(scene, name):
    """What a spreadsheet would reckon with comes with an apostrophe before it; JSON and every other name stay as is."""
    named = {"odd": {"en": name}, "plain": {"en": "Plain = 1"}}
    scene.house.__dict__["reach"] = replace(scene.house.reach, campaigns=lambda: named)
    scene.house.releasing.put_out("2026-10", {f"{MANCHESTER}/{each}/callback": 20 for each in named})
    query = "?from=2026-10&to=2026-10&by=campaign"
    asked = scene.ask("GET", f"/v1/reach.csv{query}").body.decode()
    labels = {row["campaign"]: row["label"] for row in csv.DictReader(io.StringIO(asked, newline=""))}
    assert (labels["odd"], labels["plain"]) == (f"'{name}", "Plain = 1")
    assert {row["key"]: row["label"] for row in scene.told(query)["rows"]}["odd"] == name


@pytest.mark.parametrize(("kind", "english", "welsh"), KINDS)
def test_every_kind_that_is_counted_can_be_asked_for_and_has_a_row(scene, kind, english, welsh):
    """Calls, information, referrals and questions of live sessions: a filter, a row and a label in both languages."""
    scene.house.releasing.put_out("2026-10", {f"{MANCHESTER}/gm-2018/{kind}": 20})
    month = "?from=2026-10&to=2026-10"
    told = scene.told(f"{month}&kind={kind}")
    assert (told["people"]["value"], told["filters"]) == (20, {"kind": kind})
    assert english in told["sentence"]
    for language, label in (("en", english), ("cy", welsh)):
        rows = {row["key"]: row for row in scene.told(f"{month}&by=kind&lang={language}")["rows"]}
        assert set(rows) == {*Kind, "visit"}
        assert (rows[kind]["label"], rows[kind]["people"]["value"]) == (label, 20)
    assert english in scene.ask("GET", f"/reach{month}&by=kind", Accept="text/html").body.decode()


def test_a_report_is_kept_by_caches_and_revalidated(example):
    """The same report has the same ETag, and is not sent twice."""
    answer = example.ask("GET", "/v1/reach")
    again = example.ask("GET", "/v1/reach", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.body) == (304, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("query", "status", "code", "pointer"),
    [
        ("region=Leeds", 400, "unknown-value", "/region"),
        ("campaign=never-run", 404, "campaign-unknown", None),
        ("campaign=UP", 400, "invalid", "/campaign"),
        ("kind=chat", 400, "unknown-value", "/kind"),
        ("by=person", 400, "unknown-value", "/by"),
        ("from=2018-13", 400, "invalid", "/from"),
        ("to=June", 400, "invalid", "/to"),
        ("region=", 400, "empty", "/region"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_place_and_code(scene, query, status, code, pointer):
    """A filter that is none is refused, also on the page, and never repeated."""
    answer = scene.ask("GET", f"/v1/reach?{query}")
    problem = json.loads(answer.body)
    assert (answer.status_code, problem["code"]) == (status, code)
    assert [each["pointer"] for each in problem.get("errors", ())] == ([pointer] if pointer else [])


def test_months_in_the_wrong_order_are_put_in_order(example):
    """Whoever mixes up first and last gets the period they meant."""
    assert example.told("?from=2019-05&to=2018-06")["period"] == {"first": "2018-06", "last": "2019-05", "months": 12}


def test_a_period_is_twelve_months_up_to_the_last_that_is_over(scene):
    """Without months named, the present one is not in it."""
    assert scene.told()["period"] == {"first": "2025-11", "last": "2026-10", "months": 12}


def test_the_page_says_it_in_both_languages_and_draws_what_is_shown(example):
    """Sentence, chart and table in one page without scripts; a form left blank asks for everything."""
    query = f"region={MANCHESTER}&from=2018-06&to=2019-05&by=month&campaign="
    for language, words in (("en", "52 % more"), ("cy", "52 % yn fwy")):
        answer = example.ask("GET", f"/reach?{query}&lang={language}", Accept="text/html")
        page = answer.body.decode()
        assert answer.status_code == 200
        assert words in page
        assert page.count("<rect") == 12
        assert re.findall("<script[^>]*>", page) == ['<script type="module" src="/assets/always.js">']
        assert "style=" not in page
        assert len(page.encode()) < 60 * 1024
    assert example.ask("GET", "/reach?region=&campaign=&from=&to=", Accept="text/html").status_code == 200


# --- figures for supervisors


def test_supervisors_see_how_the_work_goes_by_lane_and_month_and_never_by_person(scene):
    """Two are taken up, one closed with actions agreed, one not reached: the figures say so, and name nobody."""
    for key in ("one-key-of-sixteen-characters", "two-key-of-sixteen-characters"):
        assert scene.submit({**BODY, "slot": "2026-11-24T18:00Z/2h"}, key=key).status_code == 201
    casework = scene.house.desk.casework
    first = casework.claim("alex", token="a-token-of-sixteen-chars")
    again = casework.claim("alex", token="a-token-of-sixteen-chars")
    assert again.request.request_id == first.request.request_id
    casework.close(_hold(first), Outcome.ANSWERED, agreed_actions=["Ring again."])
    casework.attempt(_hold(casework.claim("kim")), "no-answer")
    token = LocalIssuer(scene.house.settings.home).token("supervisor", "boss")
    answer = scene.ask("GET", "/v1/desk/figures", Authorization=f"Bearer {token}")
    body = answer.body.decode()
    (lane,) = json.loads(body)["lanes"]
    assert (lane["month"], lane["kind"], lane["language"]) == (MONTH, "callback", "en")
    assert (lane["taken"], lane["median_within"], lane["waits"]["within_1_hour"]) == (2, "1-hour", 2)
    assert (lane["closed"], lane["agreed_actions"]) == (2, 1)
    assert (lane["outcomes"]["answered"], lane["outcomes"]["unreachable"]) == (1, 1)
    assert "alex" not in body
    assert "kim" not in body


def _hold(claimed):
    request = claimed.request
    return Hold(practitioner=request.claimed_by, request_id=request.request_id, number=request.number)


@pytest.mark.parametrize(("minutes", "in_time"), [(20, 1), (21, 0)])
def test_a_request_that_is_closed_late_is_not_in_time(scene, minutes, in_time):
    """A lease after it was due is still in time; later is not."""
    head = build_head(status=Status.CLOSED, outcome=Outcome.ANSWERED)
    scene.house._figures.ended(head, agreed=False, now=head.due_at + timedelta(minutes=minutes))
    (told,) = scene.house._figures.tell(MONTH, MONTH)
    assert (told.closed, told.in_time) == (1, in_time)


def test_the_median_wait_is_that_of_the_one_in_the_middle(scene):
    """Of five, the third to be taken up says within what time at least half were."""
    for waited in (timedelta(minutes=5), timedelta(hours=2), timedelta(hours=5), timedelta(days=2), timedelta(days=9)):
        scene.house._figures.taken(build_head(visible_at=NOW - waited), now=NOW)
    (told,) = scene.house._figures.tell(MONTH, MONTH)
    assert dict(told.waits) == {"1-hour": 1, "4-hours": 1, "1-day": 1, "3-days": 1, "longer": 1}
    assert (told.taken, told.median_within) == (5, "1-day")


def test_only_supervisors_see_the_figures(scene):
    """A practitioner is refused, and so is whoever does not sign in."""
    token = LocalIssuer(scene.house.settings.home).token("practitioner", "alex")
    assert scene.ask("GET", "/v1/desk/figures", Authorization=f"Bearer {token}").status_code == 403
    assert scene.ask("GET", "/v1/desk/figures").status_code == 401


# --- the rules


@pytest.mark.parametrize(
    ("first", "last", "meant"),
    [
        (None, None, ("2025-12", "2026-11")),
        ("2026-01", None, ("2026-01", "2026-11")),
        (None, "2019-05", ("2018-06", "2019-05")),
        ("2026-05", "2026-01", ("2026-01", "2026-05")),
    ],
)
def test_periods(first, last, meant):
    """What is not named is twelve months up to the last."""
    assert reach.period(first, last, until=MONTH) == meant


@pytest.mark.parametrize(
    ("counts", "parts"),
    [
        ({"x/callback": 28, "y/callback": 10}, {"E1/x": 30, "E1/y": 10}),
        ({"x/callback": 40, "y/callback": 2}, {"E1/x": 40}),
        ({"x/callback": 33, "y/callback": 7}, {}),
        ({"x/callback": 13, "y/callback": 13}, {}),
        ({"x/callback": 7, "y/callback": 7}, {}),
    ],
)
def test_a_figure_is_divided_where_its_parts_make_it_up(counts, parts):
    """A region's figure stands either way; where its parts come to another figure than its own, none is shown."""
    released = reach.release({f"E1/{name}": count for name, count in counts.items()})
    assert {"/".join(path): value for path, value in released.people.items() if len(path) == 2} == parts
    assert reach.figure(released, "people", Asked(region="E1")).at_least is False


def test_a_lane_of_small_figures_does_not_take_its_neighbours_along():
    """Two neighbours of seven cost nothing of the one that can be shown; all together are "at least" that."""
    counts = {"E1/x/callback": 150, "E2/x/callback": 7, "E3/x/callback": 7}
    released = reach.release(counts)
    assert reach.figure(released, "people", Asked(region="E1")).value == 150
    whole = reach.figure(released, "people", Asked())
    assert (whole.value, whole.at_least) == (150, True)
