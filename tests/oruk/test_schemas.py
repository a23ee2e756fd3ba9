"""
Every page and every record of the seed content, against our own strict models and against the published schemas.

The schemas of Open Referral UK are not ours to hand on. They are read from the folder that `QUIETLINE_HSDS` names, or
from `shared/hsds` beside the project; without them, our own models are what is checked.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import jsonschema_rs
import pytest
from feed import LISTS, Feed
from pydantic import ValidationError

from chalicelib.http import oruk_models as models

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(os.environ.get("QUIETLINE_HSDS") or ROOT.parent / "shared" / "hsds")
published = pytest.mark.skipif(
    not (SCHEMAS / "service.json").is_file(),
    reason="the schemas of Open Referral UK are absent (QUIETLINE_HSDS names their folder); our own models still hold",
)

OF_PAGE = {
    "services": (models.OrukServices, "service_list"),
    "service_at_locations": (models.OrukServicesAtLocations, "service_at_location_list"),
    "organizations": (models.OrukOrganizations, "organization_list"),
    "taxonomies": (models.OrukTaxonomies, "taxonomy_list"),
    "taxonomy_terms": (models.OrukTerms, "taxonomy_term_list"),
}
OF_RECORD = {
    "services": (models.OrukWholeService, "service"),
    "service_at_locations": (models.OrukWholeServiceAtLocation, "service_at_location"),
    "organizations": (models.OrukWholeOrganization, "organization"),
    "taxonomies": (models.OrukWholeTaxonomy, "taxonomy"),
    "taxonomy_terms": (models.OrukTerm, "taxonomy_term"),
}
LANGUAGES = ("en", "cy")
feed = Feed()


def _pages(name: str, language: str):
    """Give every page of a list, of one, of five, and of all records; also one past the end, and one of nothing."""
    for per_page in (1, 5, 500):
        yield from feed.pages(name, per_page=per_page, lang=language)
    yield feed(name, page=1000, lang=language)
    yield feed(name, search="xylophone", lang=language)


def _records(name: str, language: str):
    for page in feed.pages(name, per_page=500, lang=language):
        for each in page["contents"]:
            yield feed(f"{name}/{each['id']}", lang=language)


def _schema(name: str) -> dict:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def _holds(schema: dict, document: object) -> list[str]:
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LISTS)
def test_every_page_and_record_keeps_to_our_own_models(name, language):
    """First, middle, last, empty and past the end: nothing unknown, nothing null, every id a UUID."""
    for page in _pages(name, language):
        OF_PAGE[name][0].model_validate_json(json.dumps(page))
    records = list(_records(name, language))
    assert records
    for record in records:
        OF_RECORD[name][0].model_validate_json(json.dumps(record))


@published
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LISTS)
def test_every_page_and_record_keeps_to_the_published_schemas(name, language):
    """What Open Referral UK publishes holds for each page, each entry of it and each whole record, with formats."""
    strict, listed, whole = _schema("page_strict"), _schema(OF_PAGE[name][1]), _schema(OF_RECORD[name][1])
    # The published list of organisations describes one of them; the others describe the page that holds them.
    entry = listed if name == "organizations" else listed["properties"]["contents"]["items"]
    for page in _pages(name, language):
        assert _holds(strict, page) == []
        assert name == "organizations" or _holds(listed, page) == []
        for each in page["contents"]:
            assert _holds({"type": "object", **entry}, each) == []
    for record in _records(name, language):
        assert _holds(whole, record) == []


@published
def test_the_entrance_keeps_to_the_published_schema():
    """Version, profile and the address of the contract are told as Open Referral UK asks."""
    assert _holds(_schema("api_details"), feed("")) == []
    assert feed("")["version"] == "HSDS-UK-3.0"
    assert feed("")["openapi_url"] == "https://help.example/openapi.json"


@published
def test_the_published_schemas_would_find_a_mistake():
    """The check checks: a broken id, status or address is told, deep inside as well; the example is good."""
    whole = _schema("service")
    service = next(iter(_records("services", "en")))
    assert _holds(whole, _schema("example_helpline_service")) == []
    for break_it in (
        lambda record: record.update(id="1"),
        lambda record: record.update(status="open"),
        lambda record: record.update(url="no address"),
        lambda record: record.update(minimum_age=None),
        lambda record: record["organization"].pop("description"),
        lambda record: record["service_at_locations"][0]["location"].update(location_type="somewhere"),
        lambda record: record["attributes"][0]["taxonomy_term"].update(taxonomy_id="x"),
    ):
        broken = copy.deepcopy(service)
        break_it(broken)
        assert _holds(whole, broken)


def test_our_own_models_are_stricter():
    """What the published schemas let pass, ours refuse: an unknown field, a null, a physical place, odd hours."""
    service = next(each for each in _records("services", "en") if "schedules" in each)
    models.OrukWholeService.model_validate_json(json.dumps(service))
    for break_it in (
        lambda record: record.update(more=1),
        lambda record: record.update(minimum_age=None),
        lambda record: record.update(phones=[]),
        lambda record: record.pop("organization_id"),
        lambda record: record.pop("description"),
        lambda record: record["schedules"][0].update(opens_at="24:30"),
        lambda record: record["schedules"][0].update(byday="MONDAY"),
        lambda record: record["phones"][0].update(id="1"),
        lambda record: record["service_at_locations"][0]["location"].update(location_type="physical"),
    ):
        broken = copy.deepcopy(service)
        break_it(broken)
        with pytest.raises(ValidationError):
            models.OrukWholeService.model_validate_json(json.dumps(broken))


def test_every_link_leads_where_it_says():
    """Ids inside a record are those of the records they name, so that a directory can join them again."""
    terms = {each["id"] for each in _records("taxonomy_terms", "en")}
    taxonomies = {each["id"] for each in _records("taxonomies", "en")}
    organizations = {each["id"]: each for each in _records("organizations", "en")}
    at_locations = {each["id"]: each for each in _records("service_at_locations", "en")}
    for service in _records("services", "en"):
        assert service["organization"]["id"] == service["organization_id"]
        assert service["id"] in {each["id"] for each in organizations[service["organization_id"]]["services"]}
        for attribute in service["attributes"]:
            assert attribute["link_id"] == service["id"]
            assert attribute["taxonomy_term"]["id"] == attribute["taxonomy_term_id"]
            assert attribute["taxonomy_term_id"] in terms
            assert attribute["taxonomy_term"]["taxonomy_id"] in taxonomies
        for belonging in ("phones", "schedules", "service_areas", "languages", "service_at_locations"):
            assert {each["service_id"] for each in service.get(belonging, ())} <= {service["id"]}
        (link,) = service["service_at_locations"]
        assert at_locations[link["id"]]["service"]["id"] == service["id"]
    assert all(each["services"] for each in organizations.values())


def test_no_id_is_given_twice():
    """Every record, and every part of one, has an id of its own."""
    seen: dict[str, str] = {}
    for name in ("services", "organizations", "taxonomies"):
        for record in _records(name, "en"):
            assert seen.setdefault(record["id"], name) == name
    parts = [
        each["id"]
        for service in _records("services", "en")
        for part in ("phones", "schedules", "service_areas", "languages", "attributes", "service_at_locations")
        for each in service.get(part, ())
    ]
    assert len(set(parts)) == len(parts)
    assert not set(parts) & seen.keys()
