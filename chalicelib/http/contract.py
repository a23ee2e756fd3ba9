"""
The contract: `openapi.json`, OpenAPI 3.1, built from the wire models and from one table of operations.

The table below says what the models cannot: who may call an operation, with what beside a body, and every code with
which it may refuse. A test holds it to the routes of `app.py`, and another to what the server really answers. Building
fetches nothing and gives the same document every time; `make openapi` writes it, `make check` finds drift.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from chalicelib.domain.directory import ICAL_DAYS, LARGEST_PAGE, identity
from chalicelib.domain.errors import Refusal
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES, NATIONS, TOPICS, UNITED_KINGDOM
from chalicelib.http import models, oruk, oruk_models
from chalicelib.http.problems import FOR_PROGRAMS
from chalicelib.http.signposts import SignpostSearch

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema: TypeAlias = "dict[str, Any]"
Codes: TypeAlias = Mapping[int, tuple[str, ...]]

JSON, PROBLEM, HTML, SCRIPT = "application/json", "application/problem+json", "text/html", "text/javascript"
FORM, LINKED_DATA = "application/x-www-form-urlencoded", "application/ld+json"
REF = "#/components/schemas/{model}"
RECEIPT = "receipt"
EXAMPLE_STATEMENT = "2026-11"
EXAMPLE_SLOT = "2026-11-24T18:00Z/2h"
EXAMPLE_SIGNPOST = "childline"
EXAMPLE_RECORD = identity("service", EXAMPLE_SIGNPOST)
XML, PLAIN = "application/xml", "text/plain"

# ---------------------------------------------------------------- refusals that many share


def _codes(*tables: Codes) -> Codes:
    merged: dict[int, tuple[str, ...]] = {}
    for table in tables:
        for status, codes in table.items():
            merged[status] = tuple(sorted({*merged.get(status, ()), *codes}))
    return dict(sorted(merged.items()))


UNFORESEEN: Codes = {500: ("internal",)}
STORED: Codes = {503: ("keys", "shred-keys", "storage", "store-newer")}
FILTERED: Codes = {400: ("empty", "repeated", "unknown-value")}
RANGED: Codes = {400: ("empty", "invalid", "repeated")}
WRITTEN: Codes = {
    400: ("unreadable-body", "unreadable-json"),
    413: ("too-large",),
    415: ("media-type",),
    422: ("invalid",),
}
REPEATABLE: Codes = {400: ("idempotency-key",)}
SUBMITTED: Codes = _codes(
    WRITTEN,
    REPEATABLE,
    {
        400: ("unreadable-form",),
        409: (
            "also-earlier",
            "expires-first",
            "impossible-phone",
            "key-reused",
            "keys-outdated",
            "not-padded",
            "slot-closed",
            "slot-full",
            "statement-outdated",
        ),
        503: ("references", "unverified-full"),
    },
)
OF_RECEIPT: Codes = _codes(STORED, {401: ("receipt-missing",), 404: ("receipt-unknown",)})
OF_DESK: Codes = _codes(
    STORED,
    {
        401: ("token-expired", "token-invalid", "token-missing"),
        403: ("scope-missing",),
        503: ("key-missing", "key-unreachable", "sign-in-unavailable"),
    },
)
WRITING = ("expires-first", "key-reused", "keys-outdated", "mailbox-full", "not-padded", "sealed-elsewhere")
FENCED: Codes = _codes(OF_DESK, WRITTEN, {409: ("claim-lost",)})


# ---------------------------------------------------------------- what may stand beside a body


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _header(name: str, schema: Schema, description: str) -> Schema:
    return {**_query(name, schema, description), "in": "header"}


def _path(name: str, description: str, example: str) -> Schema:
    schema = {"type": "string", "minLength": 1}
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example,
    }  # fmt: skip


def _one_of(values: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(values)}


def _places() -> tuple[str, ...]:
    """List the places that a signpost can be asked for; they are content, and in the contract so that it is exact."""
    regions = json.loads((Path(__file__).parent.parent / "content" / "regions.json").read_bytes())
    return (UNITED_KINGDOM, *NATIONS, *(region["code"] for region in regions))


PLACES = _one_of(_places())
PARAMETERS: Mapping[str, Schema] = {
    "Lang": _query(
        "lang",
        {"type": "string", "examples": list(LANGUAGES)},
        "`en` or `cy`: the language of the answer's words, before `Accept-Language`; anything else is passed over.",
    ),
    "AcceptLanguage": _header(
        "Accept-Language", {"type": "string", "examples": ["cy, en;q=0.5"]}, "English is the default."
    ),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        {"type": "string", "pattern": r"^[\x21-\x7e]{16,255}$"},
        "The same key and body are given the same answer again, and nothing happens twice.",
    ),
    "Language": _query("language", _one_of(LANGUAGES), "The language of the content; before `lang`."),
    "Audience": _query("audience", _one_of(tuple(AUDIENCES)), "Whom the help is for."),
    "Topic": _query("topic", _one_of(tuple(TOPICS)), "What it is about."),
    "Region": _query(
        "region",
        {"$ref": "#/components/schemas/Place"},
        "`UK`, a nation, or the ONS code of a police force area.",
    ),
    "IfNoneMatch": _header("If-None-Match", {"type": "string"}, "An ETag: 304 if it is still the same."),
    "From": _query(
        "from",
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
        "The first day (in the helpline's zone), or the first instant; now, unless told.",
    ),
    "For": {
        **_query(
            "for",
            {"type": "string", "pattern": models.REQUEST_ID},
            "What the challenge is for, and for nothing else: the `request_id` of a sealed request, or SHA-256 of the"
            " `Idempotency-Key`, in base64url without padding.",
        ),
        "required": True,
        "example": "A" * 43,
    },
    "Days": _query("days", {"type": "integer", "minimum": 1, "maximum": 28, "default": 7}, "How many days."),
    "Kind": _query("kind", _one_of(("callback", "information")), "Which form; a call back, unless told."),
    "After": _query(
        "after", {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}, "Entries after this one; from the start."
    ),
    "Limit": _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": 10**15 - 1}, "How many entries; at most 1,000 come."
    ),
    "Search": _query(
        "search", {"type": "string", "minLength": 1}, "Words that stand in name or description; all of them."
    ),
    "Page": _query(
        "page", {"type": "integer", "minimum": 1, "maximum": oruk.LARGEST_NUMBER, "default": 1}, "Which page."
    ),
    "PerPage": _query(
        "per_page",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": oruk.PER_PAGE},
        "How many on a page.",
    ),
    "TaxonomyTermId": _query("taxonomy_term_id", {"type": "string", "format": "uuid"}, "Sorted under this term."),
    "TaxonomyId": _query("taxonomy_id", {"type": "string", "format": "uuid"}, "Sorted under a term of this taxonomy."),
    "MinimumAge": _query(
        "minimum_age",
        {"type": "integer", "minimum": 0, "maximum": oruk.OLDEST},
        "Services that say a minimum age, of at least this.",
    ),
    "MaximumAge": _query(
        "maximum_age",
        {"type": "integer", "minimum": 0, "maximum": oruk.OLDEST},
        "Services that say a maximum age, of at most this.",
    ),
    "StartTime": _query(
        "start_time",
        {"type": "string", "pattern": oruk.CLOCK},
        "Services with a schedule that opens at this time or later.",
    ),
    "EndTime": _query(
        "end_time", {"type": "string", "pattern": oruk.CLOCK}, "Services with a schedule that closes by this time."
    ),
    "Day": _query(
        "day",
        _one_of(tuple(ICAL_DAYS)),
        "Services with a schedule for this day; with times, the same schedule must agree.",
    ),
    "ModifiedAfter": _query(
        "modified_after",
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
        "What was modified at this instant or later: for harvesters, the moment at which the last walk began.",
    ),
    "Words": _query("lang", _one_of(LANGUAGES), "The language of the texts; before `Accept-Language`."),
    "RecordId": _path("record_id", "The UUID of a record.", EXAMPLE_RECORD),
    "AudienceName": _path("audience", "Whom the page is for.", next(iter(AUDIENCES))),
    "SignpostId": _path("signpost_id", "The id of a signpost.", EXAMPLE_SIGNPOST),
    "Script": _path("name", "The name of a script.", "page.js"),
    "RequestId": _path("request_id", "The id of a request, as a claim gives it.", "A" * 43),
}
WORDS = ("Lang", "AcceptLanguage")


# ---------------------------------------------------------------- the operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    One route: what it takes, what it answers, and every way in which it refuses.

    *caller* is None for everybody, `receipt`, or the scope that a bearer token must carry. *page* says that the answer
    is HTML, *media* that it is some other text, *cached* that it has an ETag.
    """

    name: str
    method: str
    path: str
    summary: str
    tag: str
    answers: Mapping[int, type[BaseModel] | None]
    caller: str | None = None
    parameters: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    sealed_body: type[BaseModel] | None = None
    body_required: bool = True
    form: Schema | None = None
    refuses: Codes = field(default_factory=dict)
    page: bool = False
    pages_too: bool = False
    linked_data: bool = False
    cached: bool = False
    media: str | None = None
    example: object = None

    @property
    def bodies(self) -> tuple[type[BaseModel], ...]:
        """Every model that a JSON body may have: in the clear, or sealed by whoever sends it."""
        return tuple(each for each in (self.body, self.sealed_body) if each is not None)

    @property
    def refuses_in_pages(self) -> bool:
        """Whether a browser is told in a page what is wrong: where it asked for one, or posted a plain form."""
        return self.form is not None or not self.path.startswith(FOR_PROGRAMS)


def _desk(name: str, method: str, path: str, scope: str, summary: str, **more: Any) -> Operation:  # noqa: ANN401
    parameters = ("RequestId",) if "{request_id}" in path else ()
    refuses = _codes(OF_DESK, more.pop("refuses", {}))
    return Operation(
        name=name,
        method=method,
        path=path,
        summary=summary,
        tag="desk",
        caller=scope,
        parameters=(*parameters, *more.pop("parameters", ())),
        refuses=refuses,
        **more,
    )


def _fenced(name: str, verb: str, summary: str, body: type[BaseModel], **more: Any) -> Operation:  # noqa: ANN401
    return _desk(
        name,
        "post",
        f"/v1/desk/claims/{{request_id}}/{verb}",
        "queue:claim",
        summary,
        body=body,
        refuses=_codes(FENCED, more.pop("refuses", {})),
        answers=more.pop("answers", {200: models.ProgressAnswer}),
        **more,
    )


_DETAILS = {
    "concern": "own-behaviour",
    "phone": "07700 900123",
    "name": "Sam",
    "message": "I would like to talk to somebody.",
    "safety": {
        "voicemail": "never",
        "caller_id": "withheld",
        "code_word": "bluebell",
        "if_someone_else_answers": "hang-up",
        "text_first": False,
    },
    "access_needs": ["text-relay"],
}
_CALLBACK = {
    "statement_version": EXAMPLE_STATEMENT,
    "details": _DETAILS,
    "slot": EXAMPLE_SLOT,
    "also": [],
    "language": "en",
}
_INFORMATION = {
    "statement_version": EXAMPLE_STATEMENT,
    "details": {"concern": "someone-else", "message": "Where can I read more?"},
    "language": "en",
}


def _leaves(model: type[BaseModel], *nested: type[BaseModel]) -> Schema:
    """Describe a plain form: the leaf names of *model* and of what is nested in it."""
    properties: Schema = {}
    required: list[str] = []
    for each in (model, *nested):
        described = each.model_json_schema(schema_generator=_Plain)
        inner = {name for name, schema in described["properties"].items() if "$ref" in schema}
        properties.update({name: schema for name, schema in described["properties"].items() if name not in inner})
        required += [name for name in described.get("required", ()) if name not in inner]
    for name, schema in properties.items():
        schema.pop("default", None)
        if "anyOf" in schema:
            properties[name] = next(one for one in schema["anyOf"] if one.get("type") != "null")
        if schema.get("type") == "boolean":
            properties[name] = {"type": "string", "enum": ["true", "on", "yes", "false"]}
    properties["idempotency_key"] = {"type": "string", "pattern": r"^[\x21-\x7e]{16,255}$"}
    properties["form_token"] = {"type": "string", "description": "When the page handed the form out, signed."}
    properties["website"] = {"type": "string", "description": "Left empty by whoever sees what people see."}
    return {
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": sorted(required),
        "additionalProperties": False,
    }


def _mailbox_form() -> Schema:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "action": {"type": "string", "description": "`read` (also if left out), `message`, `slot` or `withdraw`"},
            "confirm": {"type": "string", "description": "`yes`, to withdraw"},
            "lookup": {"type": "string", "description": "In the receipt's place, from a browser that keeps it."},
            "receipt": {"type": "string", "pattern": r"\S"},
            "sealed": {"type": "string", "description": "A `SealedMessage` as JSON, in the place of `text`."},
            "slot": text,
            "text": text,
        },
        "required": ["receipt"],
    }


class _Plain(GenerateJsonSchema):
    """Leaves out the titles that repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False


def operations() -> tuple[Operation, ...]:
    """List every operation, in the order of `app.py`."""
    return (*_public(), *_mailbox(), *_signposts(), *_oruk(), *_pages(), *_desk_face(), *_either())


def _public() -> tuple[Operation, ...]:
    return (
        Operation(
            name="statement",
            method="get",
            path="/v1/statement",
            summary="The confidentiality statement in force; a request must acknowledge its version",
            tag="helpline",
            parameters=("Language", *WORDS),
            answers={200: models.StatementAnswer},
            refuses=_codes(STORED, FILTERED),
        ),
        Operation(
            name="helpline",
            method="get",
            path="/v1/helpline",
            summary="How to reach the helpline, when, and what to do in an emergency",
            tag="helpline",
            parameters=WORDS,
            answers={200: models.HelplineAnswer},
            refuses=STORED,
        ),
        Operation(
            name="slots",
            method="get",
            path="/v1/slots",
            summary="The callback slots that can be chosen",
            tag="helpline",
            parameters=("From", "Days", *WORDS),
            answers={200: models.SlotsAnswer},
            refuses=_codes(STORED, RANGED),
        ),
        Operation(
            name="keys",
            method="get",
            path="/v1/keys",
            summary="The public keys that content is sealed to",
            tag="helpline",
            answers={200: models.KeysAnswer},
            refuses=STORED,
        ),
        Operation(
            name="challenge",
            method="get",
            path="/v1/challenge",
            summary="A proof-of-work challenge (ALTCHA v2) for one request; it ends within ten minutes",
            tag="helpline",
            parameters=("For", *WORDS),
            answers={200: models.ChallengeAnswer},
            refuses=_codes(STORED, RANGED, {400: ("required",)}),
        ),
        Operation(
            name="submit_callback",
            method="post",
            path="/v1/callbacks",
            summary="Ask to be called back",
            tag="requests",
            parameters=("IdempotencyKey", *WORDS),
            body=models.CallbackSubmission,
            sealed_body=models.SealedCallback,
            form=_leaves(models.CallbackSubmission, models.CallbackDetails, models.Safety),
            example=_CALLBACK,
            answers={201: models.AcceptedAnswer},
            refuses=_codes(STORED, SUBMITTED),
            pages_too=True,
        ),
        Operation(
            name="submit_information_request",
            method="post",
            path="/v1/information-requests",
            summary="Ask for information; the answer comes to the mailbox",
            tag="requests",
            parameters=("IdempotencyKey", *WORDS),
            body=models.InformationSubmission,
            sealed_body=models.SealedInformation,
            form=_leaves(models.InformationSubmission, models.InformationDetails),
            example=_INFORMATION,
            answers={201: models.AcceptedAnswer},
            refuses=_codes(
                STORED,
                SUBMITTED,
                {409: ("expires-first", "key-reused", "keys-outdated", "not-padded", "statement-outdated")},
            ),
            pages_too=True,
        ),
    )


def _mailbox() -> tuple[Operation, ...]:
    return (
        Operation(
            name="read_mailbox",
            method="get",
            path="/v1/mailbox",
            summary="How the request stands, and what was written",
            tag="mailbox",
            caller=RECEIPT,
            parameters=WORDS,
            answers={200: models.MailboxAnswer},
            refuses=OF_RECEIPT,
        ),
        Operation(
            name="withdraw",
            method="delete",
            path="/v1/mailbox",
            summary="Withdraw the request; what it holds is erased",
            tag="mailbox",
            caller=RECEIPT,
            parameters=WORDS,
            answers={204: None},
            refuses=OF_RECEIPT,
        ),
        Operation(
            name="write_message",
            method="post",
            path="/v1/mailbox/messages",
            summary="Write to the helpline",
            tag="mailbox",
            caller=RECEIPT,
            parameters=("IdempotencyKey", *WORDS),
            body=models.MessageSubmission,
            sealed_body=models.SealedMessage,
            example={"text": "Thank you. Evenings suit me best."},
            answers={201: models.ProgressAnswer},
            refuses=_codes(OF_RECEIPT, WRITTEN, REPEATABLE, {409: WRITING}),
        ),
        Operation(
            name="choose_slot",
            method="put",
            path="/v1/mailbox/slot",
            summary="Choose another slot",
            tag="mailbox",
            caller=RECEIPT,
            parameters=WORDS,
            body=models.SlotChoice,
            example={"slot": EXAMPLE_SLOT},
            answers={200: models.ProgressAnswer},
            refuses=_codes(OF_RECEIPT, WRITTEN, {409: ("expires-first", "not-a-callback", "slot-closed", "slot-full")}),
        ),
    )


def _signposts() -> tuple[Operation, ...]:
    return (
        Operation(
            name="list_signposts",
            method="get",
            path="/v1/signposts",
            summary="Where else there is help",
            tag="signposts",
            parameters=("Audience", "Topic", "Region", "Language", "IfNoneMatch", *WORDS),
            answers={200: models.SignpostsAnswer, 304: None},
            refuses=FILTERED,
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
            answers={200: models.SignpostAnswer, 304: None},
            refuses=_codes(FILTERED, {404: ("signpost-unknown",)}),
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
            answers={200: models.SearchAnswer},
            refuses=_codes(FILTERED, WRITTEN),
        ),
    )


OF_ORUK: Codes = {400: ("empty", "repeated", "unknown-parameter", "unknown-value", "unsupported-parameter")}
PAGED = ("Search", "Page", "PerPage")
SORTED_SO = ("TaxonomyTermId", "TaxonomyId")
SERVED_SO = ("MinimumAge", "MaximumAge", "StartTime", "EndTime", "Day", "ModifiedAfter")
FOR_ALL = ("IfNoneMatch", "Words", "AcceptLanguage")


def _oruk() -> tuple[Operation, ...]:
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
    refuses = _codes(OF_ORUK, {400: ("invalid",)} if parameters else {}, {404: ("record-unknown",)} if one else {})
    return Operation(
        name=name,
        method="get",
        path=f"{path}/{{record_id}}" if one else path,
        summary=summary,
        tag="directory",
        parameters=(*(("RecordId",) if one else ()), *parameters, *FOR_ALL),
        answers={200: answer, 304: None},
        refuses=refuses,
        cached=True,
    )


def _pages() -> tuple[Operation, ...]:
    return (
        Operation(
            name="landing_page",
            method="get",
            path="/",
            summary="The first page",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        Operation(
            name="help_page",
            method="get",
            path="/help/{audience}",
            summary="What there is for one audience, with schema.org's JSON-LD in it",
            tag="pages",
            parameters=("AudienceName", *WORDS),
            answers={200: None},
            refuses=_codes(STORED, {404: ("audience-unknown",)}),
            page=True,
        ),
        Operation(
            name="sitemap",
            method="get",
            path="/sitemap.xml",
            summary="The pages that search engines may list",
            tag="pages",
            answers={200: None},
            media=XML,
        ),
        Operation(
            name="robots",
            method="get",
            path="/robots.txt",
            summary="Where search engines may not go",
            tag="pages",
            answers={200: None},
            media=PLAIN,
        ),
        Operation(
            name="request_page",
            method="get",
            path="/request",
            summary="The form, working without JavaScript",
            tag="pages",
            parameters=("Kind", *WORDS),
            answers={200: None},
            refuses=_codes(STORED, FILTERED),
            page=True,
        ),
        Operation(
            name="privacy_page",
            method="get",
            path="/privacy",
            summary="What is kept and what is not, in plain words",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        Operation(
            name="asset",
            method="get",
            path="/assets/{name}",
            summary="A script of the pages: it seals in the browser",
            tag="pages",
            parameters=("Script",),
            answers={200: None},
            refuses={404: ("not-found",)},
            media=SCRIPT,
        ),
        Operation(
            name="mailbox_page",
            method="get",
            path="/mailbox",
            summary="The page that asks for the receipt",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        Operation(
            name="use_mailbox_page",
            method="post",
            path="/mailbox",
            summary="The mailbox without JavaScript: read, write, choose a slot, withdraw",
            tag="pages",
            parameters=WORDS,
            form=_mailbox_form(),
            answers={200: None, 201: None},
            refuses=_codes(
                STORED,
                {
                    400: ("unreadable-body", "unreadable-form"),
                    404: ("receipt-unknown",),
                    409: (*WRITING, "not-a-callback", "slot-closed", "slot-full"),
                    413: ("too-large",),
                    415: ("media-type",),
                    422: ("invalid",),
                },
            ),
            page=True,
        ),
    )


def _desk_face() -> tuple[Operation, ...]:
    again = {"parameters": ("IdempotencyKey", *WORDS)}
    return (
        _desk(
            "queue",
            "get",
            "/v1/desk/queue",
            "queue:read",
            "How each lane stands, without content",
            answers={200: models.QueueAnswer},
        ),
        _desk(
            "list_claims",
            "get",
            "/v1/desk/claims",
            "queue:claim",
            "My live claims, without content",
            answers={200: models.ClaimsAnswer},
        ),
        _desk(
            "claim",
            "post",
            "/v1/desk/claims",
            "queue:claim",
            "Take the most urgent request, or the one whose reference a caller quotes",
            body=models.ClaimSubmission,
            body_required=False,
            example={"kinds": ["callback"], "languages": ["en"]},
            answers={201: models.ClaimedAnswer, 204: None},
            refuses=_codes(WRITTEN, REPEATABLE, {409: ("claim-limit", "claimed-by-colleague")}),
            **again,
        ),
        _fenced(
            "renew",
            "renew",
            "Keep it longer",
            models.RenewSubmission,
            example={"number": 1},
            answers={200: models.RenewedAnswer},
        ),
        _fenced(
            "release",
            "release",
            "Give it back, in its old place",
            models.ReleaseSubmission,
            parameters=WORDS,
            example={"number": 1, "reason": "My shift ends."},
        ),
        _fenced(
            "attempt",
            "attempts",
            "Rung, and not reached",
            models.AttemptSubmission,
            parameters=WORDS,
            example={"number": 1, "result": "no-answer"},
            refuses={409: ("not-a-callback",)},
        ),
        _fenced(
            "reply",
            "replies",
            "Write to the requester",
            models.ReplySubmission,
            example={"number": 1, "text": "Thank you for getting in touch.", "signposts": [EXAMPLE_SIGNPOST]},
            answers={201: models.RepliedAnswer},
            refuses=_codes(REPEATABLE, {409: ("no-email", "signpost-unknown", "unreadable")}),
            **again,
        ),
        _fenced(
            "note",
            "notes",
            "Leave a note for a colleague",
            models.NoteSubmission,
            example={"number": 1, "text": "Prefers evenings."},
            answers={201: models.ProgressAnswer},
            refuses=REPEATABLE,
            **again,
        ),
        _fenced(
            "close",
            "close",
            "Finish it",
            models.CloseSubmission,
            parameters=WORDS,
            example={"number": 1, "outcome": "answered", "agreed_actions": ["Ring again when ready."]},
            refuses={409: ("signpost-unknown", "unread-message", "unreadable")},
        ),
        _desk(
            "list_parked",
            "get",
            "/v1/desk/parked",
            "queue:supervise",
            "What the queue no longer hands out, who holds what, and who did how much",
            parameters=WORDS,
            answers={200: models.AsideAnswer},
        ),
        _desk(
            "unpark",
            "post",
            "/v1/desk/parked/{request_id}/release",
            "queue:supervise",
            "Put a parked request back",
            parameters=WORDS,
            answers={200: models.ProgressAnswer},
            refuses={404: ("request-unknown",), 409: ("not-parked",)},
        ),
        _desk(
            "expel",
            "post",
            "/v1/desk/claims/{request_id}/force-release",
            "queue:supervise",
            "Take back the claim of somebody who has left",
            parameters=WORDS,
            answers={200: models.ProgressAnswer},
            refuses={404: ("request-unknown",), 409: ("not-claimed",)},
        ),
        _desk(
            "close_line",
            "put",
            "/v1/desk/closures",
            "queue:supervise",
            "Close the line for a time; no slot is offered in it",
            body=models.ClosuresSubmission,
            example={"closures": [{"starts_at": "2026-11-25T12:00:00Z", "ends_at": "2026-11-25T15:00:00Z"}]},
            answers={200: models.ClosuresAnswer},
            refuses=_codes(WRITTEN, {409: ("impossible-closure",)}),
        ),
        _desk(
            "audit",
            "get",
            "/v1/desk/audit",
            "audit:read",
            "The audit trail, verified",
            parameters=("After", "Limit"),
            answers={200: models.AuditAnswer},
            refuses=RANGED,
        ),
        Operation(
            name="desk_page",
            method="get",
            path="/desk",
            summary="The practitioners' page",
            tag="pages",
            answers={200: None},
            page=True,
        ),
    )


def _either() -> tuple[Operation, ...]:
    return (
        Operation(
            name="health",
            method="get",
            path="/health",
            summary="Whether requests can be accepted durably, and which part is down",
            tag="service",
            answers={200: models.HealthAnswer, 503: models.HealthAnswer},
            refuses=STORED,
        ),
        Operation(
            name="openapi",
            method="get",
            path="/openapi.json",
            summary="This document",
            tag="service",
            answers={200: None},
            refuses=STORED,
        ),
    )


# ---------------------------------------------------------------- the document


TAGS = {
    "helpline": "Who answers, when, and what is kept confidential",
    "requests": "Asking for help, without an account",
    "mailbox": "What a receipt opens; the receipt travels in a header and in nothing else",
    "signposts": "Where else there is help; for any site to fetch",
    "directory": "The same, as Open Referral UK 3.0: for other directories to copy",
    "pages": "Plain HTML that works without JavaScript",
    "desk": "The practitioners' side",
    "service": "The service itself",
}
ABOUT = """\
An anonymous contact-request and signposting API for a helpline. No account, cookie or address is kept.

Whatever goes wrong is answered as `application/problem+json` (RFC 9457) with a `code`, the places that are wrong, and
another way to reach help; outside `/v1` and `/oruk`, and on plain forms, a client that prefers `text/html` is given a
page instead. Nothing that was sent is repeated in it. Beside what each operation lists, an unknown path is 404
`not-found`, and a wrong method 405 `method-not-allowed` with `Allow`. Times are ISO 8601 in UTC. A request body has at
most 32 KiB, a sealed message 64 KiB."""


def build() -> dict[str, Any]:
    """Build the OpenAPI 3.1 document."""
    table = operations()
    paths: dict[str, Schema] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quietline", "version": "1.0", "summary": "Help, without being known", "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "responses": _refusals(table),
            "parameters": dict(PARAMETERS),
            "securitySchemes": {
                "receipt": {
                    "type": "http",
                    "scheme": "Receipt",
                    "description": "`Authorization: Receipt CODE`, with the code that the requester was given.",
                },
                "mailbox": {
                    "type": "http",
                    "scheme": "Mailbox",
                    "description": "`Authorization: Mailbox LOOKUP`, with the lookup value of a receipt that stays in"
                    " the browser: HKDF-SHA256 of the code with the info `quietline/1|lookup`, in base64url. Messages"
                    " are then given as they are sealed, and what is written in the clear has no copy there.",
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of the helpline's OpenID Connect issuer; each operation names its scope.",
                },
            },
        },
    }


def _schemas(table: tuple[Operation, ...]) -> Schema:
    wanted: list[type[BaseModel]] = [models.Problem]
    for operation in table:
        wanted += [*operation.bodies, *(each for each in operation.answers.values() if each is not None)]
    unique = sorted(set(wanted), key=lambda each: each.__name__)
    # An answer is described as it may be read: a field with a default may be absent.
    _, described = models_json_schema(
        [(each, "validation") for each in unique], ref_template=REF, schema_generator=_Plain
    )
    schemas: Schema = _without_null_defaults(described["$defs"])
    schemas["Place"] = PLACES
    schemas["SignpostSearch"]["properties"]["region"] = {
        "anyOf": [{"$ref": REF.format(model="Place")}, {"type": "null"}]
    }
    return dict(sorted(schemas.items()))


def _without_null_defaults(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, dict):
        return {
            name: _without_null_defaults(value)
            for name, value in schema.items()
            if not (name == "default" and value is None)
        }
    return [_without_null_defaults(each) for each in schema] if isinstance(schema, list) else schema


def _operation(operation: Operation) -> Schema:
    document: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": _security(operation.caller),
    }
    if operation.parameters:
        document["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in operation.parameters]
    if operation.body is not None or operation.form is not None:
        document["requestBody"] = _request_body(operation)
    document["responses"] = _responses(operation)
    return document


def _security(caller: str | None) -> list[dict[str, list[str]]]:
    if caller is None:
        return []
    return [{"receipt": []}, {"mailbox": []}] if caller == RECEIPT else [{"bearer": [caller]}]


def _request_body(operation: Operation) -> Schema:
    content: Schema = {}
    if operation.body is not None:
        bodies = [{"$ref": REF.format(model=each.__name__)} for each in operation.bodies]
        content[JSON] = {"schema": bodies[0] if len(bodies) == 1 else {"anyOf": bodies}, "example": operation.example}
    if operation.form is not None:
        content[FORM] = {"schema": operation.form}
    return {"required": operation.body_required, "content": content}


def _responses(operation: Operation) -> Schema:
    refusals = _codes(operation.refuses, UNFORESEEN)
    responses: Schema = {
        str(status): {"$ref": f"#/components/responses/{_name_of(status, codes, operation)}"}
        for status, codes in refusals.items()
    }
    for status, model in operation.answers.items():
        answer = _answer(operation, status, model)
        if status in refusals:
            answer["content"].update(_refusal(status, refusals[status], operation)["content"])
        responses[str(status)] = answer
    return dict(sorted(responses.items()))


def _answer(operation: Operation, status: int, model: type[BaseModel] | None) -> Schema:
    answer: Schema = {"description": HTTPStatus(status).phrase}
    text = {"schema": {"type": "string"}}
    if model is not None:
        answer["content"] = {JSON: {"schema": {"$ref": REF.format(model=model.__name__)}}}
        if operation.linked_data:
            answer["content"][LINKED_DATA] = {"schema": {"type": "object"}}
        if operation.pages_too:
            answer["content"][HTML] = text
    elif operation.page or operation.media:
        answer["content"] = {operation.media or HTML: text}
    elif status == HTTPStatus.OK:
        answer["content"] = {JSON: {"schema": {"type": "object"}}}
    if operation.cached:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return answer


def _refusals(table: tuple[Operation, ...]) -> Schema:
    refusals = {
        _name_of(status, codes, operation): _refusal(status, codes, operation)
        for operation in table
        for status, codes in _codes(operation.refuses, UNFORESEEN).items()
        if status not in operation.answers
    }
    return dict(sorted(refusals.items()))


def _name_of(status: int, codes: tuple[str, ...], operation: Operation) -> str:
    return ".".join((str(status), *codes, *(("page",) if operation.refuses_in_pages else ())))


def _refusal(status: int, codes: tuple[str, ...], operation: Operation) -> Schema:
    schema = {
        "allOf": [{"$ref": REF.format(model=models.Problem.__name__)}],
        "properties": {"status": {"const": status}, "code": {"enum": list(codes)}},
    }
    return {
        "description": f"{_kind_of(status)}: {', '.join(f'`{code}`' for code in codes)}",
        "content": {
            PROBLEM: {"schema": schema},
            **({HTML: {"schema": {"type": "string"}}} if operation.refuses_in_pages else {}),
        },
    }


def _kind_of(status: int) -> str:
    """Say what a status means here, in the words of the refusal that carries it."""
    for refusal in Refusal.__subclasses__():
        if refusal.status == status and refusal.__module__ == Refusal.__module__ and refusal.__doc__:
            return refusal.__doc__.split(";")[0].split(":")[0].strip().rstrip(".")
    return "Something failed that nobody foresaw"
