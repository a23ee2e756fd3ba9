"""The pages for each audience: words for people, structured data for machines, and nothing that runs or gives away."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Annotated, Any, Literal
from xml.etree import ElementTree as ET

import pytest
from chalice.app import Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from chalicelib.adapters.content import PackagedContent
from chalicelib.adapters.spelling import nearest
from chalicelib.config import Settings
from chalicelib.domain.errors import NotFound
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES
from chalicelib.http import linked_data
from chalicelib.http.help_pages import PRIVATE_PATHS
from chalicelib.http.signposts import Signposts
from chalicelib.usecases.signposting import Signposting
from chalicelib.wiring import House

SITE = "https://help.example"


def asking(lang: str | None = None, **headers: str) -> Request:
    """Build an HTTP request as the gateway hands it over."""
    return Request(
        {
            "multiValueQueryStringParameters": {"lang": [lang]} if lang else None,
            "headers": headers,
            "pathParameters": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/help/{audience}"},
            "body": None,
            "stageVariables": None,
        }
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Put a house together that is reached under a name of its own."""
    return House(Settings(home=tmp_path_factory.mktemp("home"), url=SITE))


class Page(HTMLParser):
    """A page as a reader and as a search engine take it in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.elements, self.data, self._open = html, [], "", []
        self.text: dict[str, list[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br", "input"}:
            self._open.append(tag)
            self.text.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Add text to the elements around it."""
        for tag in self._open:
            self.text[tag][-1] += data

    def all(self, tag: str, **having: str) -> list[dict[str, Any]]:
        """Give the attributes of every such element."""
        return [
            attributes for name, attributes in self.elements if name == tag and having.items() <= attributes.items()
        ]


# ---------------------------------------------------------------- what schema.org's words may say, strictly


class Node(BaseModel):
    """Structured data without anything that we did not mean to say."""

    model_config = ConfigDict(extra="forbid", strict=True)


Text = Annotated[str, StringConstraints(min_length=1)]
Https = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]
Urn = Annotated[str, StringConstraints(pattern=r"^urn:uuid:[0-9a-f-]{36}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day = Annotated[str, StringConstraints(pattern=r"^https://schema\.org/(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day$")]


class Hours(Node):
    """`OpeningHoursSpecification`, by the clock."""

    type: Literal["OpeningHoursSpecification"] = Field(alias="@type")
    dayOfWeek: Annotated[list[Day], Field(min_length=1)]  # noqa: N815 - schema.org's
    opens: Clock
    closes: Clock


class ContactPoint(Node):
    """`ContactPoint`."""

    type: Literal["ContactPoint"] = Field(alias="@type")
    contactType: Literal["helpline"]  # noqa: N815
    telephone: Annotated[str, StringConstraints(pattern=r"^(\+[1-9]\d{6,14}|[\d ]{3,8})$")]
    description: Text = ""
    availableLanguage: Annotated[list[Tag], Field(min_length=1)]  # noqa: N815
    hoursAvailable: list[Hours] = []  # noqa: N815


class Parent(Node):
    """The organisation behind the helpline."""

    type: Literal["Organization"] = Field(alias="@type")
    name: Text


class Helpline(Node):
    """`Organization`: the helpline itself."""

    type: Literal["Organization"] = Field(alias="@type")
    name: Text
    parentOrganization: Parent  # noqa: N815
    url: Https
    contactPoint: Annotated[list[ContactPoint], Field(min_length=1)]  # noqa: N815


class Provider(Node):
    """`Organization`: who offers help."""

    type: Literal["Organization"] = Field(alias="@type")
    id: Urn = Field(alias="@id")
    name: Text
    description: Text
    url: Https = ""


class Channel(Node):
    """`ServiceChannel`."""

    type: Literal["ServiceChannel"] = Field(alias="@type")
    serviceUrl: Https  # noqa: N815
    servicePhone: list[ContactPoint] = []  # noqa: N815
    availableLanguage: Annotated[list[Tag], Field(min_length=1)]  # noqa: N815


class People(Node):
    """`PeopleAudience`."""

    type: Literal["PeopleAudience"] = Field(alias="@type")
    audienceType: Text  # noqa: N815
    suggestedMinAge: int = 0  # noqa: N815
    suggestedMaxAge: int = 0  # noqa: N815


class Work(Node):
    """`CreativeWork`: the record, with its licence."""

    type: Literal["CreativeWork"] = Field(alias="@type")
    inLanguage: Literal["en", "cy"]  # noqa: N815
    license: Https
    isBasedOn: Https  # noqa: N815
    dateModified: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]  # noqa: N815


class Service(Node):
    """`Service`."""

    type: Literal["Service"] = Field(alias="@type")
    id: Urn = Field(alias="@id")
    identifier: Text
    name: Text
    description: Text
    url: Https
    provider: Provider
    availableChannel: Channel  # noqa: N815
    hoursAvailable: list[Hours] = []  # noqa: N815
    audience: Annotated[list[People], Field(min_length=1)]
    areaServed: Annotated[list[Text], Field(min_length=1)]  # noqa: N815
    subjectOf: Work  # noqa: N815


class Answer(Node):
    """`Answer`."""

    type: Literal["Answer"] = Field(alias="@type")
    text: Text


class Question(Node):
    """`Question`."""

    type: Literal["Question"] = Field(alias="@type")
    name: Text
    acceptedAnswer: Answer  # noqa: N815


class Questions(Node):
    """`FAQPage`."""

    type: Literal["FAQPage"] = Field(alias="@type")
    url: Https
    inLanguage: Literal["en", "cy"]  # noqa: N815
    mainEntity: Annotated[list[Question], Field(min_length=1)]  # noqa: N815


class Graph(Node):
    """A document of several things."""

    context: Literal["https://schema.org"] = Field(alias="@context")
    graph: list[Helpline | Questions | Service] = Field(alias="@graph")


class Alone(Service):
    """A document of one service."""

    context: Literal["https://schema.org"] = Field(alias="@context")


# ---------------------------------------------------------------- the tests


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_page_says_to_machines_what_it_says_to_people(house, audience, language):
    """Its JSON-LD keeps to our strict shapes; its questions and services are those on the page."""
    answer = house.help_pages.show(asking(language), audience)
    page = Page(answer.body)
    (data,) = (text for text in page.text["script"] if text)
    graph = Graph.model_validate_json(data)
    helpline, questions, *services = graph.graph
    assert isinstance(helpline, Helpline)
    assert isinstance(questions, Questions)
    assert [question.name for question in questions.mainEntity] == page.text["h3"][: len(questions.mainEntity)]
    offered = house._signposting.find(audience=audience)
    assert [service.identifier for service in services] == [each.id for each in offered]
    assert {each.name[language] for each in offered} - {offered[0].name[language]} <= set(page.text["h3"])
    assert helpline.contactPoint[0].telephone == house.helpline.phones[0].e164
    assert questions.url == f"{SITE}/help/{audience}?lang={language}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_page_can_be_read_by_everybody(house, audience, language):
    """Its language, one heading of the first rank, steps of one rank, a way out first, one script, which leaves."""
    answer = house.help_pages.show(asking(language), audience)
    page = Page(answer.body)
    assert page.all("html") == [{"lang": language}]
    assert page.text["title"] == page.text["h1"]
    ranks = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert ranks.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(ranks))
    leaves = {"type": "module", "src": "/assets/always.js"}
    assert sorted(page.all("script"), key=len) == [{"type": "application/ld+json"}, leaves]
    assert not [tag for tag, _ in page.elements if tag in {"img", "iframe", "form", "input"}]
    assert all(attributes["rel"] in {"canonical", "alternate"} for attributes in page.all("link"))
    links = [attributes["href"] for attributes in page.all("a")]
    assert links[1].startswith("https://www.bbc.co.uk")  # the quick exit, after the link that skips to the main part
    assert f"tel:{house.helpline.phones[0].e164}" in links
    assert all(f"/help/{other}?lang={language}" in links for other in AUDIENCES if other != audience)
    assert all(attributes.get("rel") == "noreferrer" for attributes in page.all("a") if "https:" in attributes["href"])


def test_the_landing_page_leads_to_every_audience(house):
    """Whoever recognises themselves in a sentence of the first page gets to the page that is for them."""
    landing = house.public.landing(asking("cy"))
    links = [attributes["href"] for attributes in Page(landing.body).all("a")]
    assert [link for link in links if link.startswith("/help/")] == [f"/help/{each}?lang=cy" for each in AUDIENCES]


def test_the_policy_stays_as_strict_with_data_in_the_page(house):
    """JSON-LD is data: nothing that stands in a page may run, and the policy needs no exception for it."""
    policy = str(house.help_pages.show(asking(), "survivor").headers["Content-Security-Policy"])
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_nothing_in_the_data_can_end_its_element():
    """A text with a closing tag, a comment or a line separator in it stays a text."""
    hostile = "</script><!-- <script> & \u2028"
    node = linked_data.questions([{"question": hostile, "answer": hostile}], "en", SITE)
    written = linked_data.in_page([node])
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written)["@graph"][0]["mainEntity"][0]["name"] == hostile


def test_an_audience_that_does_not_exist_has_no_page(house):
    """An unknown name is not found, and not repeated."""
    with pytest.raises(NotFound, match="audience-unknown"):
        house.help_pages.show(asking(), "everybody")


@pytest.mark.parametrize("language", LANGUAGES)
def test_signposts_answer_in_the_same_shapes(language):
    """The JSON-LD of the API, one service and all of them, keeps to the strict shapes too."""
    content = PackagedContent()
    signposts = Signposts(Signposting(content, nearest))
    request = asking(language, accept="application/ld+json")
    graph = TypeAdapter(Graph).validate_json(signposts.list(request).body)
    assert len(graph.graph) == len(content.signposts())
    for each in content.signposts():
        alone = Alone.model_validate_json(signposts.get(request, each.id).body)
        assert alone.subjectOf.inLanguage == language
        assert bool(alone.hoursAvailable) == bool(each.schedules)


def test_the_sitemap_lists_what_anybody_may_read_and_nothing_else(house):
    """Each page in both languages, each naming the other, under the site's own address; no form and no mailbox."""
    answer = house.help_pages.sitemap(asking())
    names = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
    urls = ET.fromstring(answer.body).findall("s:url", names)
    places = {url.findtext("s:loc", namespaces=names) for url in urls}
    pages = ("/", *(f"/help/{audience}" for audience in AUDIENCES))
    assert places == {f"{SITE}{page}?lang={language}" for page in pages for language in LANGUAGES}
    for url in urls:
        alternates = {link.get("href") for link in url.findall("x:link", names)}
        assert len(alternates) == len(LANGUAGES)
        assert url.findtext("s:loc", namespaces=names) in alternates
    assert {url.findtext("s:lastmod", namespaces=names) for url in urls} == {None, "2026-11-24"}


def test_robots_keep_out_of_what_is_private(house):
    """Search engines are told where not to go, and every form and mailbox page says it as well."""
    lines = str(house.help_pages.robots(asking()).body).splitlines()
    assert "User-agent: *" in lines
    assert {"Disallow: /request", "Disallow: /mailbox", "Disallow: /desk"} <= set(lines)
    assert not [path for path in PRIVATE_PATHS if path in {"/", "/help", "/oruk"}]
    assert f"Sitemap: {SITE}/sitemap.xml" in lines
    hidden = {"name": "robots", "content": "noindex"}
    for private in (house.public.request_form(asking()), house.mailbox.door(asking())):
        assert hidden in Page(private.body).all("meta")
    for public in (house.public.landing(asking()), house.help_pages.show(asking(), "survivor")):
        assert hidden not in Page(public.body).all("meta")
