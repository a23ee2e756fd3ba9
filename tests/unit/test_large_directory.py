"""A directory of many thousands: every answer stays as large as a reader, a phone and a gateway can take."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from chalice.app import Request

from chalicelib.adapters.content import PackagedContent
from chalicelib.config import Settings
from chalicelib.domain.directory import LARGEST_PAGE
from chalicelib.domain.errors import Malformed
from chalicelib.http import help_pages, kept
from chalicelib.wiring import House

MANY = 1_200


class LargeContent(PackagedContent):
    """The seed content, over and over under other names, as a directory of the whole country would be."""

    def __init__(self, many: int = MANY) -> None:
        super().__init__()
        seed, regions = super().signposts(), super().regions()
        self._many = tuple(
            replace(
                seed[number % len(seed)],
                id=f"{seed[number % len(seed)].id}-{number}",
                regions=(regions[number % len(regions)].code,),
            )
            for number in range(many)
        )

    def signposts(self):
        """Give them all."""
        return self._many


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house with so much to point to."""
    house = House(Settings(home=tmp_path_factory.mktemp("large")))
    house.__dict__["content"] = LargeContent()
    return house


def asking(query=None, body=None, path="/v1/signposts"):
    """Build an HTTP request as the gateway hands it over."""
    return Request(
        {
            "multiValueQueryStringParameters": {name: [str(value)] for name, value in (query or {}).items()} or None,
            "headers": {},
            "pathParameters": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": path},
            "body": None if body is None else json.dumps(body),
            "stageVariables": None,
        }
    )


@pytest.mark.parametrize("per_page", [None, 500, 7])
def test_a_list_comes_page_by_page_and_whole(house, per_page):
    """Following `next_page` to the end gives every signpost once, in order; no answer holds more than 500."""
    met, number = [], 1
    while number is not None:
        asked = {"page": number, "audience": "survivor"} | ({} if per_page is None else {"per_page": per_page})
        page = json.loads(house.signposts.list(asking(asked)).body)
        assert page["count"] == len(page["signposts"]) <= (per_page or LARGEST_PAGE)
        assert page["total"] > LARGEST_PAGE
        met += [each["id"] for each in page["signposts"]]
        number = page.get("next_page")
    assert met == [each.id for each in house.content.signposts() if "survivor" in each.audience]


def test_each_page_has_its_own_answer_and_what_is_past_the_end_is_empty(house):
    """Two pages are never confused, whatever was asked before; past the last one there is nothing, and no more."""
    first, second = (house.signposts.list(asking({"page": number})) for number in (1, 2))
    assert first.headers["ETag"] != second.headers["ETag"]
    assert house.signposts.list(asking()).headers["ETag"] == first.headers["ETag"]
    past = json.loads(house.signposts.list(asking({"page": 10**9})).body)
    assert (past["signposts"], past["count"], past["total"]) == ([], 0, MANY)
    assert "next_page" not in past


@pytest.mark.parametrize(
    ("name", "wrong"), [("page", "0"), ("page", "-1"), ("page", "x"), ("per_page", "501"), ("per_page", "0")]
)
def test_a_page_that_cannot_be_is_refused(house, name, wrong):
    """Whoever asks for an impossible page is told which parameter is wrong."""
    with pytest.raises(Malformed) as refused:
        house.signposts.list(asking({name: wrong}))
    assert (refused.value.code, refused.value.pointer) == ("invalid", f"/{name}")


def test_a_search_gives_the_best_and_not_everything(house):
    """What a thousand services answer to is cut to what somebody may look at."""
    found = json.loads(house.signposts.search(asking(body={"q": "worried about my son"})).body)
    assert found["count"] == len(found["signposts"]) == 50


def test_a_page_for_people_stays_light(house):
    """The page of an audience shows the first places of its list, within what one page may weigh."""
    page = house.help_pages.show(asking(path="/help/{audience}"), "survivor").body
    assert 0 < page.count('class="away" href="https://') <= help_pages.MOST
    assert len(page.encode()) < 60_000


def test_pieces_stay_within_bounds(monkeypatch):
    """Reading all of a large directory does not fill a small function's memory with what it is put together from."""
    monkeypatch.setattr(kept, "SIZE", 1_000)
    shelf = kept.Shelf()
    for number in range(100):
        assert shelf.piece(number, lambda: "x" * 99) == "x" * 99
        assert sum(map(len, shelf._pieces.values())) <= 1_000
    assert shelf.piece(99, lambda: "another") == "x" * 99
