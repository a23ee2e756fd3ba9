"""The page that a leaflet leads to: the phone first, forms that carry the code, and no new posters after the end."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from chalice.app import Request

from chalicelib.config import Settings
from chalicelib.domain.errors import NotFound
from chalicelib.wiring import House

DURING, AFTER = "2018-06-27T17:00:00+00:00", "2026-11-24T18:00:00+00:00"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def house_at(tmp_path):
    """How to put a house together at a moment."""
    return lambda at: House(Settings(home=tmp_path, clock_starts_at=datetime.fromisoformat(at)))


def asking(query=None, body="", **headers):
    """Build an HTTP request as the gateway hands it over."""
    return Request(
        {
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()} or None,
            "headers": {"accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}},
            "pathParameters": None,
            "requestContext": {"httpMethod": "POST" if body else "GET", "resourcePath": "/campaigns/{slug}"},
            "body": body,
            "stageVariables": None,
        }
    )


@pytest.mark.parametrize("language", ["en", "cy"])
def test_a_campaigns_page_has_the_phone_and_forms_with_its_code(house_at, language):
    """Whoever scans the code can ring, write or go on to other help, and what they send says by which campaign."""
    house = house_at(DURING)
    page = house.campaign_pages.by_code(asking({"lang": language}), "gm-2018")
    campaign = house._campaigning.get("gm-2018")
    assert page.status_code == 200
    assert f"<h1>{campaign.headline[language]}</h1>".replace("'", "&#39;") in page.body
    assert "0808 1000 900" in page.body
    for kind in ("callback", "information"):
        assert f'href="/request?kind={kind}&amp;campaign=gm-2018&amp;lang={language}"' in page.body
    assert "get-help.stopitnow.org.uk" in page.body
    assert f"/v1/campaigns/gm-2018/pack/poster-{language}.pdf" in page.body
    other = "cy" if language == "en" else "en"
    assert f'href="/campaigns/gm-2018?lang={other}"' in page.body
    assert house.campaign_pages.show(asking({"lang": language}), "gm-2018").body == page.body


def test_the_page_of_a_campaign_that_is_over_says_so_first_and_offers_no_posters(house_at):
    """An old leaflet still leads to help, and nobody prints a new one."""
    page = house_at(AFTER).campaign_pages.show(asking(), "gm-2018").body
    assert "ended on 1 July 2018" in page
    assert page.index("ended on 1 July 2018") < page.index("<h1>")
    assert "0808 1000 900" in page
    assert "/request?kind=callback&amp;campaign=gm-2018" in page
    assert "/pack" not in page


def test_an_unknown_code_is_told_as_such(house_at):
    """A code that was mistyped leads to no other campaign."""
    house = house_at(AFTER)
    for show, name in ((house.campaign_pages.show, "gm-2019"), (house.campaign_pages.by_code, "gm-2019")):
        with pytest.raises(NotFound, match="campaign-unknown"):
            show(asking(), name)


def test_the_form_carries_a_code_of_ours_and_no_other(house_at):
    """The code goes on in a hidden field and with the language; anything else is passed over, and is not repeated."""
    house = house_at(DURING)
    form = house.public.request_form(asking({"kind": "information", "campaign": "gm-2018"})).body
    assert '<input type="hidden" name="campaign" value="gm-2018">' in form
    assert "/request?kind=information&amp;campaign=gm-2018&amp;lang=cy" in form
    odd = house.public.request_form(asking({"campaign": "somewhere-else"}))
    assert odd.status_code == 200
    assert "somewhere-else" not in odd.body
    assert 'name="campaign"' not in odd.body


@pytest.mark.parametrize(("code", "kept"), [("gm-2018", True), ("somewhere-else", False)])
def test_a_form_that_comes_back_to_be_mended_keeps_its_code(house_at, code, kept):
    """Whoever forgot a field is still counted for the campaign by which they came."""
    house = house_at(DURING)
    back = house.public.submit_information(asking(body=f"campaign={code}&concern=survivor", content_type=FORM))
    assert back.status_code == 422
    assert bool(re.search(rf'name="campaign" value="{code}"', back.body)) is kept
    assert kept or code not in back.body
