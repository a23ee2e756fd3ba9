"""What editors do through the desk's API: on both stores, through the real handlers, held to the contract."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import engines
import pytest
from chalice.app import Request
from real_server import Answer, Contract

from chalicelib.config import Settings
from chalicelib.domain.access import Person
from chalicelib.domain.audit import broken_at
from chalicelib.domain.errors import Unauthenticated
from chalicelib.http.contract import operations
from chalicelib.local.content_check import check, with_published
from chalicelib.usecases.published import SHOWN
from chalicelib.wiring import House

DESK = "/v1/desk/content"
VERBS = {
    operation.name: re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path))
    for operation in operations()
    if operation.path.startswith(DESK)
}
PACKAGED_NAME = "Get Help self-help resources"
HANDLERS = {
    "list_content_kinds": "kinds",
    "list_content": "list",
    "get_content": "get",
    "draft_content": "draft",
    "discard_draft": "discard",
    "preview_content": "preview",
    "content_history": "history",
    "publish_content": "publish",
    "roll_back_content": "roll_back",
    "take_down_content": "take_down",
}
METHODS = {operation.name: operation.method.upper() for operation in operations()}


# One of each store: what the store must do, its own contract asks of every engine.
pytestmark = pytest.mark.parametrize(
    "engine", ["sqlite", "ministack" if engines.why_not("dynoxide") else "dynoxide"], indirect=True
)


class Clock:
    """A clock that is set."""

    def __init__(self, now) -> None:
        self.time = now

    def now(self):
        """Tell the time."""
        return self.time


class People:
    """Knows whom a token speaks for: `eve`, with the roles of an editor, unless it says another role."""

    def person(self, bearer):
        """Recognise somebody."""
        name, _, role = bearer.partition("/")
        if name == "nobody":
            raise Unauthenticated("token-invalid")
        return Person.of(name, [role or "editor"])


class Instance:
    """One running instance, asked like a server; every answer is held to the contract."""

    contract = Contract()

    def __init__(self, store, clock, home) -> None:
        self.house = House(Settings(home=home))
        self.house.__dict__ |= {
            "publications": engines.open_publications(store),
            "clock": clock,
            "_identity": People(),
            "_readable": lambda: self.house.publications,
        }

    def ask(self, method, path, body=None, *, who="eve", **headers):
        """Ask for a path below `/v1/desk/content`."""
        name, found = next(
            (name, found)
            for name, pattern in VERBS.items()
            if METHODS[name] == method and (found := pattern.fullmatch(f"{DESK}{path}"))
        )
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {each.replace("_", "-"): value for each, value in headers.items() if value is not None}
        sent |= {"authorization": f"Bearer {who}", "content-type": "application/json"}
        event = {
            "multiValueQueryStringParameters": None,
            "headers": sent,
            "multiValueHeaders": {each: [value] for each, value in sent.items()},
            "pathParameters": found.groupdict(),
            "requestContext": {"httpMethod": method, "resourcePath": f"{DESK}{path}", "path": f"{DESK}{path}"},
            "body": raw.decode("utf-8", "surrogateescape"),
            "isBase64Encoded": False,
            "stageVariables": None,
        }
        handler = getattr(self.house.content_desk, HANDLERS[name])
        response = self.house.problems.boundary(handler, lambda: Request(event))(**found.groupdict())
        heard = {each.lower(): str(value) for each, value in response.headers.items()}
        answer = Answer(status=response.status_code, headers=heard, body=response.body.encode())
        self.contract.check(method, f"{DESK}{path}", answer)
        return answer

    def get(self, path, **more):
        """Read what there is."""
        answer = self.ask("GET", path, **more)
        assert answer.status == 200, answer.body
        return answer.json()

    def edit(self, path="/signpost/get-help", *, who="eve", **changes):
        """Read a record and keep a draft of it with changes."""
        there = self.ask("GET", path)
        record = there.json()["record"] | changes
        answer = self.ask("PUT", path, {"record": record}, who=who, if_match=there.headers["etag"])
        assert answer.status == 200, answer.body
        return answer

    def publish(self, path="/signpost/get-help", *, who="eve"):
        """Publish the draft."""
        answer = self.ask("POST", f"{path}/publish", who=who, if_match=self.ask("GET", path).headers["etag"])
        assert answer.status == 200, answer.body
        return answer.json()

    def shown(self, record_id="get-help"):
        """Give what readers see, in English."""
        event = {
            "multiValueQueryStringParameters": None,
            "headers": {},
            "pathParameters": {},
            "requestContext": {"httpMethod": "GET", "resourcePath": "/"},
            "body": None,
            "stageVariables": None,
        }
        return json.loads(self.house.signposts.get(Request(event), record_id).body)


class Stage:
    """Instances of one helpline, and its clock."""

    def __init__(self, store, open_again, now, tmp_path) -> None:
        self.clock, self.store = Clock(now), store
        self._open_again, self._home = open_again, tmp_path

    def instance(self):
        """Start another instance."""
        return Instance(self._open_again(), self.clock, self._home / "nothing-here")

    def later(self):
        """Let the time pass until what was published is shown."""
        self.clock.time += SHOWN


@pytest.fixture
def stage(store, open_again, now, tmp_path):
    """A helpline where nobody has published anything."""
    return Stage(store, open_again, now, tmp_path)


@pytest.fixture
def desk(stage):
    """An instance of it."""
    return stage.instance()


def named(text):
    """Give a name in both languages."""
    return {"en": text, "cy": text}


def problem(answer):
    """Give what a refusal says: status, code, places."""
    body = answer.json()
    return answer.status, body["code"], {(each["pointer"], each["code"]) for each in body.get("errors", ())}


def test_what_is_packaged_is_there_to_be_edited(desk):
    """Before anybody has written, every record is listed as packaged, with its review date, at revision 0."""
    assert desk.get("") == {
        "kinds": [
            {"kind": "signpost", "records": 16, "drafts": 0, "overdue": 0},
            {"kind": "organization", "records": 10, "drafts": 0, "overdue": 0},
            {"kind": "session", "records": 1, "drafts": 0, "overdue": 0},
            {"kind": "campaign", "records": 1, "drafts": 0, "overdue": 0},
        ]
    }
    first = desk.get("/signpost")["records"][0]
    assert (first["id"], first["state"], first["revision"], first["status"]) == (
        "stop-it-now-helpline",
        "packaged",
        0,
        "active",
    )
    assert (first["review_on"], first["overdue"], first["problems"]) == ("2027-04-30", False, [])
    answer = desk.ask("GET", "/signpost/get-help")
    assert answer.headers["etag"] == '"0"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["record"] == answer.json()["out"]


def test_from_draft_to_reader(stage, desk, now):
    """An editor drafts, previews and publishes; readers of every instance see it, and nothing before; history knows."""
    others = [stage.instance(), stage.instance()]
    assert [each.shown()["name"] for each in others] == [PACKAGED_NAME] * 2
    drafted = desk.edit(name=named("Get Help now"))
    assert drafted.headers["etag"] == '"1"'
    assert drafted.json()["state"] == "draft"
    assert drafted.json()["out"]["name"]["en"] == PACKAGED_NAME
    preview = desk.get("/signpost/get-help/preview")["shown"]
    stage.later()
    assert [each.shown()["name"] for each in (desk, *others)] == [PACKAGED_NAME] * 3
    published = desk.publish(who="ed")
    at = (now + SHOWN).isoformat().replace("+00:00", "Z")
    shown_from = (now + 2 * SHOWN).isoformat().replace("+00:00", "Z")
    assert published["published"] == {"revision": 2, "by": "ed", "at": at, "shown_from": shown_from}
    assert (published["state"], published["draft"]) == ("published", None)
    stage.later()
    assert [each.shown() for each in (desk, *others)] == [preview["en"]] * 3
    (version,) = desk.get("/signpost/get-help/history")["versions"]
    assert (version["by"], version["record"]["name"]) == ("ed", named("Get Help now"))


def test_it_is_shown_from_the_instant_that_was_said(stage, desk):
    """What an editor is told, to the second, is when every instance shows it: not a fraction of a second later."""
    stage.clock.time += timedelta(microseconds=999_999)
    desk.edit(name=named("New"))
    said = datetime.fromisoformat(desk.publish()["published"]["shown_from"])
    stage.clock.time = said - timedelta(microseconds=1)
    instance = stage.instance()
    assert instance.shown()["name"] == PACKAGED_NAME
    stage.clock.time = said
    assert instance.shown()["name"] == "New"


def test_a_record_that_is_new(stage, desk):
    """A new record is drafted on condition that there is none, and comes to readers like every other."""
    record = desk.get("/signpost/get-help")["record"] | {"id": "new-help", "name": named("New")}
    assert problem(desk.ask("PUT", "/signpost/new-help", {"record": record})) == (428, "if-match-missing", set())
    assert desk.ask("PUT", "/signpost/new-help", {"record": record}, if_none_match="*").status == 200
    again = desk.ask("PUT", "/signpost/new-help", {"record": record}, if_none_match="*")
    assert problem(again) == (412, "edited-meanwhile", set())
    assert problem(desk.ask("PUT", "/signpost/get-help", {"record": record}, if_none_match="*"))[0] == 412
    assert desk.get("/signpost")["records"][-1]["id"] == "new-help"
    desk.publish("/signpost/new-help")
    stage.later()
    assert stage.instance().shown("new-help")["name"] == "New"


BROKEN = {
    "id": "another",
    "name": {"en": "Only English"},
    "summary": "one language",
    "url": "http://plain.example",
    "phones": [{"number": "0800 1111", "free": True}, {"number": "help"}],
    "audience": ["nobody"],
    "topics": [],
    "regions": ["UK", "Atlantis"],
    "languages": ["en"],
    "anonymous": "yes",
    "organization": {"name": "Nobody"},
    "source": "https://x.example/",
    "assured_date": "1 November",
    "review_days": 0,
    "licence": "https://creativecommons.org/licenses/by/4.0/",
    "schedules": [{"days": ["mon"], "opens_at": "9", "closes_at": "17:00"}],
    "secretfield": "secretvalue",
}


def test_a_broken_record_is_refused_with_all_its_errors_at_once(desk):
    """Every place is named, in pointers that we know; nothing of what was sent comes back, and nothing is kept."""
    answer = desk.ask("PUT", "/signpost/get-help", {"record": BROKEN}, if_match='"0"')
    assert problem(answer) == (
        422,
        "invalid",
        {
            ("/record/id", "another-id"),
            ("/record/name/cy", "missing-language"),
            ("/record/summary/en", "missing-language"),
            ("/record/summary/cy", "missing-language"),
            ("/record/url", "bad-url"),
            ("/record/phones/1", "bad-phone"),
            ("/record/audience/0", "unknown-value"),
            ("/record/topics", "missing"),
            ("/record/regions/1", "unknown-value"),
            ("/record/anonymous", "bad-flag"),
            ("/record/organization/name", "unknown-value"),
            ("/record/assured_date", "bad-date"),
            ("/record/review_days", "bad-number"),
            ("/record/schedules/0", "bad-hours"),
            ("/record/hours", "missing"),
            ("/record", "unknown-key"),
        },
    )
    assert b"secret" not in answer.body
    assert desk.get("/signpost/get-help")["state"] == "packaged"


@pytest.mark.parametrize(
    "body",
    [
        b'{"record": {"id": "get-help", "review_days": 1' + b"0" * 5000 + b"}}",
        b'{"record": {"id": "get-help", "name": "\\ud800"}}',
        b'{"record": {"id": ["get-help"], "name": {}, "organization": {"name": []}, "regions": [[]], "status": {}}}',
        b'{"record": {"a":' + b"[" * 1000 + b"]" * 1000 + b"}}",
        b'{"record": []}',
        b'{"record": {}, "more": 1}',
    ],
)
@pytest.mark.parametrize("kind", ["signpost", "organization"])
def test_whatever_is_sent_gets_a_refusal(desk, kind, body):
    """No JSON that somebody can write is answered with a failure of ours."""
    assert desk.ask("PUT", f"/{kind}/get-help", body, if_match='"0"').status in (400, 422)


@pytest.mark.parametrize("tag", ['W/"0"', '"7"', '"0", "1"', "0", '"x"'])
def test_a_write_names_the_one_state_that_it_was_made_from(desk, tag):
    """A tag that is old, weak, one of several or none of ours overwrites nothing; no tag, or any, is asked for one."""
    body = {"record": desk.get("/signpost/get-help")["record"]}
    assert problem(desk.ask("PUT", "/signpost/get-help", body, if_match=tag))[:2] == (412, "edited-meanwhile")
    for missing in (None, "", "*"):
        refused = desk.ask("PUT", "/signpost/get-help", body, if_match=missing)
        assert problem(refused)[:2] == (428, "if-match-missing")


def test_two_editors_cannot_overwrite_each_other(stage, desk):
    """Of two who read the same state, the second is refused, whatever they do; what the first wrote stands."""
    other = stage.instance()
    held = desk.ask("GET", "/signpost/get-help").headers["etag"]
    record = desk.get("/signpost/get-help")["record"]
    one = desk.ask("PUT", "/signpost/get-help", {"record": record | {"name": named("One")}}, if_match=held)
    two = other.ask("PUT", "/signpost/get-help", {"record": record | {"name": named("Two")}}, who="ed", if_match=held)
    assert (one.status, problem(two)[:2]) == (200, (412, "edited-meanwhile"))
    for verb, body in (("publish", None), ("roll-back", {"revision": 0}), ("take-down", {"status": "defunct"})):
        late = other.ask("POST", f"/signpost/get-help/{verb}", body, if_match=held)
        assert problem(late)[:2] == (412, "edited-meanwhile"), verb
    late = other.ask("DELETE", "/signpost/get-help/draft", if_match=held)
    assert problem(late)[:2] == (412, "edited-meanwhile")
    assert other.get("/signpost/get-help")["record"]["name"] == named("One")


def test_exactly_one_of_many_editors_at_once_wins(stage, desk):
    """Editors of several instances who save in the same moment: one is kept, each other one is told."""
    record = desk.get("/signpost/get-help")["record"]
    instances = [stage.instance() for _ in range(4)]

    def save(at):
        body = {"record": record | {"name": named(f"name {at}")}}
        return instances[at].ask("PUT", "/signpost/get-help", body, who=f"editor-{at}", if_match='"0"').status

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(save, range(4)))
    assert sorted(statuses) == [200, 412, 412, 412]
    kept = desk.get("/signpost/get-help")
    assert kept["record"]["name"] == named(f"name {statuses.index(200)}")
    assert kept["draft"]["by"] == f"editor-{statuses.index(200)}"


def test_going_back_to_an_earlier_version_and_to_what_was_packaged(stage, desk):
    """Each version that was out can be out again; the draft of meanwhile is gone, and the history only grows."""
    for name in ("One", "Two"):
        desk.edit(name=named(name))
        desk.publish()
    draft = desk.edit(name=named("Three"))
    back = desk.ask("POST", "/signpost/get-help/roll-back", {"revision": 2}, if_match=draft.headers["etag"])
    assert (back.json()["state"], back.json()["record"]["name"]) == ("published", named("One"))
    stage.later()
    assert stage.instance().shown()["name"] == "One"
    first = desk.ask("POST", "/signpost/get-help/roll-back", {"revision": 0}, if_match=back.headers["etag"])
    assert first.json()["record"]["name"]["en"] == PACKAGED_NAME
    versions = desk.get("/signpost/get-help/history")["versions"]
    assert [each["record"]["name"]["en"] for each in versions] == [PACKAGED_NAME, "One", "Two", "One"]
    gone = desk.ask("POST", "/signpost/get-help/roll-back", {"revision": 5}, if_match=first.headers["etag"])
    assert problem(gone) == (409, "version-unknown", {("/revision", "version-unknown")})


def test_what_is_taken_down_is_not_pointed_to_and_stays_in_the_directory(stage, desk):
    """Help that has ended: readers get 404 for it, directories its new status; it can come back."""
    path = "/signpost/get-help"
    down = desk.ask("POST", f"{path}/take-down", {"status": "temporarily closed"}, if_match='"0"')
    assert (down.json()["status"], down.json()["state"]) == ("temporarily closed", "published")
    stage.later()
    instance = stage.instance()
    services = instance.house._directory.edition().services.values()
    assert {each.id: each.status for each in services}["get-help"] == "temporarily closed"
    assert "get-help" not in instance.house._signposting.edition().by_id
    desk.edit(status="active")
    desk.publish()
    stage.later()
    assert instance.shown()["name"] == PACKAGED_NAME
    refused = desk.ask("POST", "/organization/nspcc/take-down", {"status": "defunct"}, if_match='"0"')
    assert problem(refused)[:2] == (409, "cannot-be-taken-down")
    record = desk.get(path)["record"] | {"id": "draft-only"}
    drafted = desk.ask("PUT", "/signpost/draft-only", {"record": record}, if_none_match="*")
    never = desk.ask("POST", "/signpost/draft-only/take-down", {"status": "defunct"}, if_match=drafted.headers["etag"])
    assert problem(never)[:2] == (404, "content-unknown")


def test_a_draft_is_thrown_away(desk):
    """The record is what is out again; a new one is gone. Where there is no draft there is none to throw or publish."""
    drafted = desk.edit(name=named("Worse"))
    gone = desk.ask("DELETE", "/signpost/get-help/draft", if_match=drafted.headers["etag"])
    assert (gone.status, gone.body) == (204, b"")
    there = desk.ask("GET", "/signpost/get-help")
    assert (there.json()["state"], there.json()["record"]["name"]["en"]) == ("packaged", PACKAGED_NAME)
    for method, verb in (("DELETE", "draft"), ("POST", "publish")):
        refused = desk.ask(method, f"/signpost/get-help/{verb}", if_match=there.headers["etag"])
        assert problem(refused)[:2] == (409, "no-draft")


def test_what_changed_around_a_draft_keeps_it_in(desk):
    """A draft that was good when it was written is checked again when it is published."""
    organization = desk.get("/organization/nspcc")["record"] | {"id": "new-body", "name": "New body"}
    desk.ask("PUT", "/organization/new-body", {"record": organization}, if_none_match="*")
    desk.publish("/organization/new-body")
    desk.edit(organization={"name": "New body"})
    desk.edit("/organization/new-body", name="Renamed body")
    desk.publish("/organization/new-body")
    held = desk.ask("GET", "/signpost/get-help")
    assert [each["pointer"] for each in held.json()["problems"]] == ["/organization/name"]
    refused = desk.ask("POST", "/signpost/get-help/publish", if_match=held.headers["etag"])
    assert problem(refused) == (422, "invalid", {("/organization/name", "unknown-value")})
    assert problem(desk.ask("GET", "/signpost/get-help/preview"))[0] == 422


def test_an_organisation_that_signposts_name_keeps_its_name(stage, desk):
    """Its words change everywhere at once; its name, by which signposts know it, cannot be taken from under them."""
    desk.edit("/organization/nspcc", description=named("A charity for children."))
    desk.publish("/organization/nspcc")
    stage.later()
    organizations = {each.id: each for each in stage.instance().house._directory.edition().organizations.values()}
    assert organizations["nspcc"].description["en"] == "A charity for children."
    assert organizations["nspcc"].last_modified == stage.clock.time.astimezone(UTC)
    there = desk.ask("GET", "/organization/nspcc")
    for name, code in (("The NSPCC", "in-use"), ("Samaritans", "duplicate")):
        record = there.json()["record"] | {"name": name}
        refused = desk.ask("PUT", "/organization/nspcc", {"record": record}, if_match=there.headers["etag"])
        assert ("/record/name", code) in problem(refused)[2]
    preview = desk.get("/organization/nspcc/preview")["shown"]
    assert preview["cy"]["description"] == "A charity for children."


def test_what_is_overdue_shows(stage, desk):
    """A year on, every record waits to be looked at; one that was checked and published anew does not."""
    stage.clock.time += timedelta(days=365)
    assert desk.get("")["kinds"][0]["overdue"] == 16
    desk.edit(assured_date=stage.clock.time.date().isoformat())
    assert desk.get("")["kinds"][0] == {"kind": "signpost", "records": 16, "drafts": 1, "overdue": 16}
    desk.publish()
    assert desk.get("")["kinds"][0]["overdue"] == 15
    listed = {each["id"]: each for each in desk.get("/signpost")["records"]}
    assert (listed["get-help"]["overdue"], listed["shore"]["overdue"]) == (False, True)
    stale = {"pointer": "/assured_date", "code": "stale", "severity": "warning"}
    assert (listed["get-help"]["problems"], listed["shore"]["problems"]) == ([], [stale])


def test_the_content_check_looks_at_what_is_published(stage, desk):
    """`make content-check` warns of what is out and stale; what was checked and published anew is stale no more."""
    desk.edit("/signpost/shore", name=named("Shore anew"))
    desk.publish("/signpost/shore")
    stage.clock.time += timedelta(days=365)
    desk.edit(assured_date=stage.clock.time.date().isoformat())
    desk.publish()
    house = desk.house
    packaged = check(house.content, stage.clock.time.date())
    stale = {each.record for each in with_published(packaged, house.publishing) if each.code == "stale"}
    assert {each.record for each in packaged if each.code == "stale"} - stale == {"get-help"}
    assert "shore" in stale


def test_who_and_when_is_in_the_trail(stage, desk, audit_key):
    """Each deed names its person, its record and the version that it put out; reading is nobody's deed."""
    desk.edit(name=named("One"))
    desk.publish(who="ed")
    drafted = desk.edit(name=named("Two"), who="kim")
    desk.ask("DELETE", "/signpost/get-help/draft", who="kim", if_match=drafted.headers["etag"])
    etag = desk.ask("GET", "/signpost/get-help").headers["etag"]
    back = desk.ask("POST", "/signpost/get-help/roll-back", {"revision": 0}, if_match=etag)
    desk.ask("POST", "/signpost/get-help/take-down", {"status": "defunct"}, if_match=back.headers["etag"])
    entries, head = stage.store.trail()
    assert {each.deed.about for each in entries} == {"signpost/get-help"}
    assert [(each.deed.actor, each.deed.verb, each.deed.number) for each in entries] == [
        ("eve", "draft", None),
        ("ed", "publish", 1),
        ("kim", "draft", None),
        ("kim", "discard", 3),
        ("eve", "roll-back", 0),
        ("eve", "take-down", None),
    ]
    assert broken_at(entries, head, key=audit_key) is None


@pytest.mark.parametrize("path", ["/nothing", "/signpost/nobody", "/signpost/UPPER", "/signpost/a--b", "/nothing/x"])
def test_what_there_is_not(desk, path):
    """An unknown kind, an unknown record and what can be no name are all the same 404, for reads and for writes."""
    assert problem(desk.ask("GET", path)) == (404, "content-unknown", set())
    if path.count("/") > 1:
        for verb in ("preview", "history"):
            assert problem(desk.ask("GET", f"{path}/{verb}"))[:2] == (404, "content-unknown")
        assert problem(desk.ask("POST", f"{path}/publish", if_match='"0"'))[:2] == (404, "content-unknown")


@pytest.mark.parametrize("role", ["practitioner", "supervisor", "host", "auditor"])
def test_only_editors_write_content(desk, role):
    """Nobody without the scope reads a draft or writes one; without a sign-in nobody does anything."""
    for name, pattern in VERBS.items():
        path = re.sub(r"\(\?P<kind>.*?\)", "signpost", pattern.pattern)
        path = re.sub(r"\(\?P<content_id>.*?\)", "get-help", path).removeprefix(DESK)
        asked = desk.ask(METHODS[name], path, {"record": {}}, who=f"sam/{role}", if_match='"0"')
        assert problem(asked)[:2] == (403, "scope-missing")
        assert problem(desk.ask(METHODS[name], path, who="nobody"))[:2] == (401, "token-invalid")


def test_a_store_that_fails_is_said_to(engine, desk):
    """Editors are told that nothing was kept."""
    with engine.befall("tables-gone"):
        assert problem(desk.ask("GET", "/signpost"))[:2] == (503, "storage")
