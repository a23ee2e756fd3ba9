"""Signposting: who is pointed where, in which language, and how little a repeated question costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from chalice.app import Request

from chalicelib.adapters.content import PackagedContent
from chalicelib.adapters.spelling import nearest
from chalicelib.domain.errors import Invalid, Malformed, NotFound
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES, coverage
from chalicelib.http import kept
from chalicelib.http.search_models import SignpostSearch
from chalicelib.http.signposts import Signposts
from chalicelib.usecases.signposting import Signposting

if TYPE_CHECKING:
    from chalice.app import Response

CONTENT = PackagedContent()


@pytest.fixture
def signposting() -> Signposting:
    """Point at the seed content."""
    return Signposting(CONTENT, nearest)


@pytest.fixture
def signposts(signposting: Signposting) -> Signposts:
    """Answer as the public face does."""
    return Signposts(signposting)


def asking(query: dict[str, str | list[str]] | None = None, body: object = None, **headers: str) -> Request:
    """Build an HTTP request as the gateway hands it over."""
    values = {name: value if isinstance(value, list) else [value] for name, value in (query or {}).items()}
    return Request(
        {
            "multiValueQueryStringParameters": values or None,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "pathParameters": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/signposts"},
            "body": None if body is None else json.dumps(body),
            "stageVariables": None,
        }
    )


def ids(response: Response) -> list[str]:
    """Name the signposts of an answer, in order."""
    return [one["id"] for one in json.loads(response.body)["signposts"]]


def test_an_audience_sees_what_is_for_it_and_the_helpline_first(signposting: Signposting) -> None:
    """Somebody worried about their own behaviour gets the helpline, self-help, and no page for survivors."""
    found = [one.id for one in signposting.find(audience="own-behaviour")]
    assert found[0] == "stop-it-now-helpline"
    assert "get-help" in found
    assert "napac" not in found


def test_filters_are_joined_with_and(signposting: Signposting) -> None:
    """Two filters leave what suits both."""
    found = {one.id for one in signposting.find(audience="young-person", topic="young-people")}
    assert found == {"shore", "childline", "ceop-safety-centre"}


@pytest.mark.parametrize(
    ("region", "served"),
    [("E23000005", True), ("W15000001", True), ("England", True), ("S23000009", False), ("UK", False)],
)
def test_a_region_is_served_by_its_nation_and_by_the_uk(
    signposting: Signposting,
    region: str,
    served: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Help for England and Wales is found from there and not from Scotland; help for the UK always is."""
    found = {one.id for one in signposting.find(region=region)}
    assert ("victim-support" in found) is served
    assert "samaritans" in found


def test_help_for_one_area_is_not_help_for_its_nation() -> None:
    """A record for Greater Manchester is found there and nowhere wider."""
    served_by = coverage(CONTENT.regions())
    assert "E23000005" in served_by["E23000005"]
    assert "E23000005" not in served_by["England"] | served_by["E23000006"] | served_by["UK"]


def test_a_search_keeps_to_the_audience_that_was_sent(signposts: Signposts) -> None:
    """The audience in the body of a search narrows its answer."""
    body = {"q": "report an image", "audience": "survivor"}
    response = signposts.search(asking(body=body, content_type="application/json"))
    found = json.loads(response.body)["signposts"]
    assert found
    assert all("survivor" in one["audience"] for one in found)


def test_search_keeps_to_the_audience_and_the_region(signposting: Signposting) -> None:
    """Whoever says for whom and where is not sent elsewhere."""
    text = "support after a crime, report an image"
    everywhere = {one.signpost.id for one in signposting.search(text)}
    assert {"iwf-report", "police-101", "shore", "victim-support"} <= everywhere
    found = [one.signpost for one in signposting.search(text, audience="survivor", region="S23000009")]
    assert found
    assert all("survivor" in one.audience for one in found)
    assert "victim-support" not in {one.id for one in found}


def test_a_list_is_flat_and_in_one_language(signposts: Signposts) -> None:
    """A partner site reads plain texts in Welsh when it asks for Welsh, without empty fields."""
    response = signposts.list(asking({"language": "cy", "topic": "emergency"}))
    document = json.loads(response.body)
    (item,) = document["signposts"]
    assert (document["count"], document["language"], item["language"]) == (1, "cy", "cy")
    assert item["name"] == "Y gwasanaethau brys: 999"
    assert item["phones"] == [{"number": "999", "free": True}]
    assert item["anonymous"] is False
    assert not {"hours", "minimum_age", "maximum_age"} & item.keys()
    assert response.headers["Content-Language"] == "cy"


def test_the_language_follows_the_browser_unless_it_is_named(signposts: Signposts) -> None:
    """A browser that prefers Welsh gets Welsh; `language=` has the last word."""
    assert json.loads(signposts.list(asking(accept_language="cy, en;q=0.5")).body)["language"] == "cy"
    named = signposts.list(asking({"language": "en"}, accept_language="cy"))
    assert json.loads(named.body)["language"] == "en"
    assert json.loads(signposts.list(asking()).body)["language"] == "en"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"audience": "everybody"}, "/audience"),
        ({"topic": "weather"}, "/topic"),
        ({"region": "E23999999"}, "/region"),
        ({"language": "fr"}, "/language"),
        ({"region": ""}, "/region"),
        ({"audience": ["survivor", "professional"]}, "/audience"),
    ],
)
def test_a_filter_from_outside_the_lists_is_refused(
    signposts: Signposts, query: dict[str, str | list[str]], pointer: str
) -> None:
    """An unknown, empty or repeated filter is an answer about the filter, never a list of everything."""
    with pytest.raises(Malformed) as refused:
        signposts.list(asking(query))
    assert refused.value.pointer == pointer


def test_one_signpost_is_the_same_alone_and_in_the_list(signposts: Signposts) -> None:
    """A partner may keep single signposts or the list; both say the same."""
    for language in LANGUAGES:
        alone = json.loads(signposts.get(asking({"language": language}), "shore").body)
        listed = json.loads(signposts.list(asking({"language": language})).body)["signposts"]
        assert alone in listed
        assert alone["language"] == language


def test_an_unknown_signpost_is_not_found(signposts: Signposts) -> None:
    """A name that points nowhere says so."""
    with pytest.raises(NotFound, match="signpost-unknown"):
        signposts.get(asking(), "nowhere")


@pytest.mark.parametrize("held", ["{etag}", "W/{etag}", '"other", {etag}', '"a,b" , W/{etag}', "*"])
def test_an_unchanged_answer_costs_almost_nothing(signposts: Signposts, held: str) -> None:
    """Who holds the present version gets 304 with the headers that keep it fresh, and no body."""
    etag = str(signposts.list(asking()).headers["ETag"])
    response = signposts.list(asking(if_none_match=held.format(etag=etag)))
    assert (response.status_code, response.body) == (304, "")
    assert response.headers["ETag"] == etag
    assert response.headers["Cache-Control"] == "public, max-age=300, stale-while-revalidate=86400"
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("held", ['"other"', 'W/"other"', "", "other"])
def test_who_holds_something_else_gets_the_answer(signposts: Signposts, held: str) -> None:
    """An old version, or nonsense, is answered in full."""
    response = signposts.list(asking(if_none_match=held))
    assert response.status_code == 200
    assert ids(response)


def test_each_answer_has_an_etag_of_its_own(signposts: Signposts) -> None:
    """Languages, filters, forms and single signposts are never taken for one another."""
    answers = [
        signposts.list(asking()),
        signposts.list(asking({"language": "cy"})),
        signposts.list(asking({"audience": "survivor"})),
        signposts.list(asking(accept="application/ld+json")),
        signposts.get(asking(), "shore"),
        signposts.get(asking(accept="application/ld+json"), "shore"),
    ]
    etags = {str(answer.headers["ETag"]) for answer in answers}
    assert len(etags) == len(answers)
    assert all(etag.startswith('"') for etag in etags)


def test_answers_may_be_cached_by_anybody_and_read_by_any_site(signposts: Signposts) -> None:
    """A cache keeps languages and forms apart, and a partner's page may read the answer."""
    headers = signposts.list(asking()).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Vary"] == "Accept, Accept-Language"
    assert headers["Content-Type"] == "application/json"


def test_a_second_answer_is_not_made_again(signposts: Signposts) -> None:
    """A warm GET hands out the text that was serialised before, and headers that nobody can spoil."""
    first, second = signposts.list(asking()), signposts.list(asking())
    assert first.body is second.body
    first.headers["Cache-Control"] = "spoiled"
    assert signposts.list(asking()).headers["Cache-Control"] != "spoiled"


def test_what_is_kept_is_bounded(signposts: Signposts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for every combination cannot fill the memory, and answers stay right."""
    monkeypatch.setattr(kept, "ENTRIES", 3)
    for audience in AUDIENCES:
        assert ids(signposts.list(asking({"audience": audience})))
        assert len(signposts._ready.of(signposts._signposting.edition())) <= 3


def test_linked_data_is_schema_org(signposts: Signposts) -> None:
    """A search engine or a directory that asks for JSON-LD gets services in schema.org's words."""
    response = signposts.get(asking(accept="application/ld+json"), "childline")
    document = json.loads(response.body)
    assert response.headers["Content-Type"] == "application/ld+json"
    assert (document["@context"], document["@type"]) == ("https://schema.org", "Service")
    (phone,) = document["availableChannel"]["servicePhone"]
    assert (phone["@type"], phone["telephone"]) == ("ContactPoint", "+448001111")
    graph = json.loads(signposts.list(asking(accept="application/ld+json")).body)["@graph"]
    assert len(graph) == len(CONTENT.signposts())


def test_a_search_is_answered_and_not_kept(signposts: Signposts) -> None:
    """The answer to a search is for the person who asked alone: no cache, no ETag, no trace of the words."""
    response = signposts.search(asking(body={"q": " childline ", "language": "cy"}, content_type="application/json"))
    assert ids(response)[0] == "childline"
    found = json.loads(response.body)["signposts"][0]["matched"]
    assert {"kind": "name", "value": "childline", "label": "childline"} in found
    assert len(found) <= 5
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Content-Language"] == "cy"
    assert "ETag" not in response.headers


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/q", "required"),
        ({"q": "  "}, "/q", "too-short"),
        ({"q": "a" * 201}, "/q", "too-long"),
        ({"q": 5}, "/q", "wrong-type"),
        ({"q": "help", "audience": "everybody"}, "/audience", "unknown-value"),
        ({"q": "help", "language": "fr"}, "/language", "unknown-value"),
        ({"q": "help", "region": "Mordor"}, "/region", "unknown-value"),
        ({"q": "help", "name": "Sam"}, "", "unknown-key"),
    ],
)
def test_a_search_outside_the_schema_is_refused(
    signposts: Signposts, body: dict[str, Any], pointer: str, code: str
) -> None:
    """A search that breaks the schema is answered with place and code, never with what was typed."""
    with pytest.raises(Invalid) as refused:
        signposts.search(asking(body=body, content_type="application/json"))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [(pointer, code)]


def test_the_wire_knows_the_same_audiences_as_the_content() -> None:
    """The search accepts exactly the audiences that signposts have."""
    annotation = SignpostSearch.model_fields["audience"].annotation
    literals = {value for part in get_args(annotation) for value in get_args(part)}
    assert literals == set(AUDIENCES)
