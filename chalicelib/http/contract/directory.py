"""Where help is to be found: signposts, and the same as Open Referral UK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.http import answer_models, oruk_models
from chalicelib.http.contract.parts import FILTERED, RANGED, WORDS, WRITTEN, Codes, Operation, any_of
from chalicelib.http.search_models import SignpostSearch

if TYPE_CHECKING:
    from pydantic import BaseModel


def signposts() -> tuple[Operation, ...]:
    """List the routes of our own signposts."""
    return (
        Operation(
            name="list_signposts",
            method="get",
            path="/v1/signposts",
            summary="Where else there is help",
            tag="signposts",
            parameters=(
                *("Audience", "Topic", "Region", "Language", "Page", "SignpostsPerPage", "IfNoneMatch"),
                *WORDS,
            ),
            answers={200: answer_models.SignpostsAnswer, 304: None},
            refuses=any_of(FILTERED, RANGED),
            linked_data=True,
            cached=True,
        ),
        Operation(
            name="get_signpost",
            method="get",
            path="/v1/signposts/{signpost_id}",
            summary="One signpost",
            tag="signposts",
            parameters=("SignpostId", "Language", "IfNoneMatch", *WORDS),
            answers={200: answer_models.SignpostAnswer, 304: None},
            refuses=any_of(FILTERED, {404: ("signpost-unknown",)}),
            linked_data=True,
            cached=True,
        ),
        Operation(
            name="search_signposts",
            method="post",
            path="/v1/signposts/search",
            summary="Search in one's own words; they stand in no address, and nothing of them is kept",
            tag="signposts",
            parameters=("Language", *WORDS),
            body=SignpostSearch,
            example={"q": "someone to talk to", "language": "en"},
            answers={200: answer_models.SearchAnswer},
            refuses=any_of(FILTERED, WRITTEN),
        ),
    )


OF_ORUK: Codes = {400: ("empty", "repeated", "unknown-parameter", "unknown-value", "unsupported-parameter")}
PAGED = ("Search", "Page", "PerPage")
SORTED_SO = ("TaxonomyTermId", "TaxonomyId")
SERVED_SO = ("MinimumAge", "MaximumAge", "StartTime", "EndTime", "Day", "ModifiedAfter")
FOR_ALL = ("IfNoneMatch", "Words", "AcceptLanguage")


def feed() -> tuple[Operation, ...]:
    """List the routes of Open Referral UK."""
    everything = (*PAGED, *SORTED_SO, *SERVED_SO)
    return (
        _feed("oruk", "", "Which version of Open Referral UK this is", oruk_models.OrukAbout),
        _feed("oruk_services", "services", "The services", oruk_models.OrukServices, *everything),
        _feed("oruk_service", "services", "One service, with all that belongs to it", oruk_models.OrukWholeService),
        _feed(
            "oruk_service_at_locations",
            "service_at_locations",
            "The services, each where it is had",
            oruk_models.OrukServicesAtLocations,
            *everything,
        ),
        _feed(
            "oruk_service_at_location",
            "service_at_locations",
            "One service where it is had",
            oruk_models.OrukWholeServiceAtLocation,
        ),
        _feed(
            "oruk_organizations",
            "organizations",
            "The organisations",
            oruk_models.OrukOrganizations,
            *PAGED,
            *SORTED_SO,
            "ModifiedAfter",
        ),
        _feed(
            "oruk_organization", "organizations", "One organisation and its services", oruk_models.OrukWholeOrganization
        ),
        _feed("oruk_taxonomies", "taxonomies", "The taxonomies", oruk_models.OrukTaxonomies, *PAGED),
        _feed("oruk_taxonomy", "taxonomies", "One taxonomy and its terms", oruk_models.OrukWholeTaxonomy),
        _feed("oruk_taxonomy_terms", "taxonomy_terms", "The terms", oruk_models.OrukTerms, *PAGED, "TaxonomyId"),
        _feed("oruk_taxonomy_term", "taxonomy_terms", "One term", oruk_models.OrukTerm),
    )


def _feed(name: str, folder: str, summary: str, answer: type[BaseModel], *parameters: str) -> Operation:
    """Describe a route of the feed: a list if it takes *parameters*, else the feed itself or one record."""
    path = f"/oruk/{folder}" if folder else "/oruk"
    one = bool(folder) and not parameters
    refuses = any_of(OF_ORUK, {400: ("invalid",)} if parameters else {}, {404: ("record-unknown",)} if one else {})
    return Operation(
        name=name,
        method="get",
        path=f"{path}/{{record_id}}" if one else path,
        summary=summary,
        tag="directory",
        parameters=(*((f"RecordId.{folder}",) if one else ()), *parameters, *FOR_ALL),
        answers={200: answer, 304: None},
        refuses=refuses,
        cached=True,
    )
