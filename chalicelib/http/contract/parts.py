"""What the operations of the contract are made of: what may stand beside a body, and refusals that many share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic.json_schema import GenerateJsonSchema

from chalicelib.domain.directory import ICAL_DAYS, LARGEST_PAGE, identity
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES, NATIONS, TOPICS, UNITED_KINGDOM
from chalicelib.http import models, oruk, reach
from chalicelib.http.packs import FORMATS
from chalicelib.http.problems import FOR_PROGRAMS
from chalicelib.http.reading import LARGEST_NUMBER
from chalicelib.http.widget import LATEST
from chalicelib.usecases.campaigning import WHEN

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema: TypeAlias = "dict[str, Any]"
Codes: TypeAlias = Mapping[int, tuple[str, ...]]

JSON, PROBLEM, HTML, SCRIPT = "application/json", "application/problem+json", "text/html", "text/javascript"
FORM, LINKED_DATA = "application/x-www-form-urlencoded", "application/ld+json"
REF = "#/components/schemas/{model}"
RECEIPT = "receipt"
PARTNER = "referral:write"
SIGNED_IN = "signed-in"
EXAMPLE_STATEMENT = "2026-11"
EXAMPLE_SLOT = "2026-11-24T18:00Z/2h"
EXAMPLE_SIGNPOST = "childline"
EXAMPLE_SESSION = "gm-2018-live"
EXAMPLE_CAMPAIGN = "gm-2018"
EXAMPLE_RECORDS = {
    "services": identity("service", EXAMPLE_SIGNPOST),
    "service_at_locations": identity("service-at-location", EXAMPLE_SIGNPOST),
    "organizations": identity("organization", "nspcc"),
    "taxonomies": identity("taxonomy", "topic"),
    "taxonomy_terms": identity("term", "topic", "recovery"),
}
"""A record of each list of the directory."""
XML, PLAIN = "application/xml", "text/plain"

# ---------------------------------------------------------------- refusals that many share


def any_of(*tables: Codes) -> Codes:
    """Put tables of refusals together."""
    merged: dict[int, tuple[str, ...]] = {}
    for table in tables:
        for status, codes in table.items():
            merged[status] = tuple(sorted({*merged.get(status, ()), *codes}))
    return dict(sorted(merged.items()))


UNFORESEEN: Codes = {500: ("internal",)}
STORED: Codes = {
    503: (
        "counts-damaged",
        "keys",
        "shred-keys",
        "shred-keys-damaged",
        "storage",
        "store-damaged",
        "store-newer",
    )
}
FILTERED: Codes = {400: ("empty", "repeated", "unknown-value")}
RANGED: Codes = {400: ("empty", "invalid", "repeated")}
WRITTEN: Codes = {
    400: ("unreadable-body", "unreadable-json"),
    413: ("too-large",),
    415: ("media-type",),
    422: ("invalid",),
}
REPEATABLE: Codes = {400: ("idempotency-key",)}
SUBMITTED: Codes = any_of(
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
OF_RECEIPT: Codes = any_of(STORED, {401: ("receipt-missing",), 404: ("receipt-unknown",)})
SIGNING_IN: Codes = {401: ("token-expired", "token-invalid", "token-missing"), 503: ("sign-in-unavailable",)}
OF_DESK: Codes = any_of(STORED, SIGNING_IN, {403: ("scope-missing",), 503: ("key-missing", "key-unreachable")})
WRITING = (
    "details-erased",
    "expires-first",
    "key-reused",
    "keys-outdated",
    "mailbox-full",
    "not-a-conversation",
    "not-padded",
    "sealed-elsewhere",
)
FENCED: Codes = any_of(OF_DESK, WRITTEN, {409: ("claim-lost",)})


# ---------------------------------------------------------------- what may stand beside a body


def query(name: str, schema: Schema, description: str) -> Schema:
    """Describe what may stand in the address."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def header(name: str, schema: Schema, description: str) -> Schema:
    """Describe what may stand in a header."""
    return {**query(name, schema, description), "in": "header"}


def path_parameter(name: str, description: str, example: str) -> Schema:
    """Describe what is part of the path."""
    schema = {"type": "string", "minLength": 1}
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example,
    }  # fmt: skip


def one_of(values: tuple[str, ...]) -> Schema:
    """Describe one of a few words."""
    return {"type": "string", "enum": list(values)}


def _places() -> tuple[str, ...]:
    """List the places that a signpost can be asked for; they are content, and in the contract so that it is exact."""
    regions = json.loads((Path(__file__).parents[2] / "content" / "regions.json").read_bytes())
    return (UNITED_KINGDOM, *NATIONS, *(region["code"] for region in regions))


PLACES = one_of(_places())
_MONTH: Schema = {"type": "string", "pattern": rf"^{reach.MONTH}$", "examples": ["2018-06"]}
PARAMETERS: Mapping[str, Schema] = {
    "Lang": query(
        "lang",
        {"type": "string", "examples": list(LANGUAGES)},
        "`en` or `cy`: the language of the answer's words, before `Accept-Language`; anything else is passed over.",
    ),
    "AcceptLanguage": header(
        "Accept-Language", {"type": "string", "examples": ["cy, en;q=0.5"]}, "English is the default."
    ),
    "IdempotencyKey": header(
        "Idempotency-Key",
        {"type": "string", "pattern": r"^[\x21-\x7e]{16,255}$"},
        "The same key and body are given the same answer again, and nothing happens twice.",
    ),
    "Language": {
        **query("language", one_of(LANGUAGES), "The language of the content; before `lang`."),
        "example": "cy",
    },
    "Audience": {
        **query("audience", one_of(tuple(AUDIENCES)), "Whom the help is for."),
        "example": "someone-else",
    },
    "Topic": query("topic", one_of(tuple(TOPICS)), "What it is about."),
    "When": query("when", one_of(WHEN), "What is on now, unless told; `planned`, `over`, or `all` of them."),
    "Region": {
        **query(
            "region",
            {"$ref": "#/components/schemas/Place"},
            "`UK`, a nation, or the ONS code of a police force area.",
        ),
        "example": "E23000005",
    },
    "IfNoneMatch": header("If-None-Match", {"type": "string"}, "An ETag: 304 if it is still the same."),
    "From": query(
        "from",
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
        "The first day (in the helpline's zone), or the first instant; now, unless told.",
    ),
    "For": {
        **query(
            "for",
            {"type": "string", "pattern": models.REQUEST_ID},
            "What the challenge is for, and for nothing else: the `request_id` of a sealed request, or SHA-256 of the"
            " `Idempotency-Key`, in base64url without padding.",
        ),
        "required": True,
        "example": "A" * 43,
    },
    "Days": query("days", {"type": "integer", "minimum": 1, "maximum": 28, "default": 7}, "How many days."),
    "Kind": query("kind", one_of(("callback", "information")), "Which form; a call back, unless told."),
    "After": query(
        "after", {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}, "Entries after this one; from the start."
    ),
    "Limit": query(
        "limit", {"type": "integer", "minimum": 1, "maximum": 10**15 - 1}, "How many entries; at most 1,000 come."
    ),
    "ReachRegion": query(
        "region",
        one_of((reach.NOWHERE, *PLACES["enum"][1 + len(NATIONS) :])),
        "The ONS code of a police force area; `none` for those who named none.",
    ),
    "ReachCampaign": query(
        "campaign",
        {"type": "string", "pattern": models.SLUG, "maxLength": 60},
        "The name of a campaign; `none` for no campaign.",
    ),
    "ReachKind": query("kind", one_of(reach.KINDS), "What they asked for; a `visit` is a contact and not a person."),
    "FromMonth": query("from", _MONTH, "The first month; twelve up to the last, unless told."),
    "ToMonth": query("to", _MONTH, "The last month; the last that is over, unless told. Put in order, if need be."),
    "By": query("by", one_of(reach.BY), "What the rows are; months, unless told."),
    "Search": query(
        "search", {"type": "string", "minLength": 1}, "Words that stand in name or description; all of them."
    ),
    "Page": query("page", {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER, "default": 1}, "Which page."),
    "PerPage": query(
        "per_page",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": oruk.PER_PAGE},
        "How many on a page.",
    ),
    "SignpostsPerPage": query(
        "per_page",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": LARGEST_PAGE},
        "How many on a page; the answer names the next page where there is one.",
    ),
    "TaxonomyTermId": query("taxonomy_term_id", {"type": "string", "format": "uuid"}, "Sorted under this term."),
    "TaxonomyId": query("taxonomy_id", {"type": "string", "format": "uuid"}, "Sorted under a term of this taxonomy."),
    "MinimumAge": query(
        "minimum_age",
        {"type": "integer", "minimum": 0, "maximum": oruk.OLDEST},
        "Services that say a minimum age, of at least this.",
    ),
    "MaximumAge": query(
        "maximum_age",
        {"type": "integer", "minimum": 0, "maximum": oruk.OLDEST},
        "Services that say a maximum age, of at most this.",
    ),
    "StartTime": query(
        "start_time",
        {"type": "string", "pattern": oruk.CLOCK},
        "Services with a schedule that opens at this time or later.",
    ),
    "EndTime": query(
        "end_time", {"type": "string", "pattern": oruk.CLOCK}, "Services with a schedule that closes by this time."
    ),
    "Day": query(
        "day",
        one_of(tuple(ICAL_DAYS)),
        "Services with a schedule for this day; with times, the same schedule must agree.",
    ),
    "ModifiedAfter": {
        **query(
            "modified_after",
            {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
            "What was modified at this instant or later: for harvesters, the moment at which the last walk began.",
        ),
        "example": "2026-11-01T00:00:00Z",
    },
    "Words": query("lang", one_of(LANGUAGES), "The language of the texts; before `Accept-Language`."),
    **{
        f"RecordId.{folder}": path_parameter("record_id", "The UUID of a record.", record)
        for folder, record in EXAMPLE_RECORDS.items()
    },
    "AudienceName": path_parameter("audience", "Whom the page is for.", next(iter(AUDIENCES))),
    "SignpostId": path_parameter("signpost_id", "The id of a signpost.", EXAMPLE_SIGNPOST),
    "Panel": path_parameter("name", "The name of a panel.", "requests"),
    "Format": query("format", one_of(tuple(FORMATS)), "JSON, unless `Accept` asks for a zip; before `Accept`."),
    "PackFile": path_parameter("name", "The name of a file of the pack.", "poster-en.pdf"),
    "CampaignCode": path_parameter("code", "The code of a campaign.", EXAMPLE_CAMPAIGN),
    "Campaign": query("campaign", {"type": "string"}, "The code of a campaign; one that is not ours is passed over."),
    "CampaignSlug": path_parameter("slug", "The slug of a campaign.", EXAMPLE_CAMPAIGN),
    "WidgetScript": path_parameter("name", "A version of the script.", f"{LATEST}.js"),
    "DocsTopic": path_parameter("topic", "A tag of this document.", "signposts"),
    "Script": path_parameter("name", "The name of a script.", "page.js"),
    "ReferralId": path_parameter("referral_id", "The id of a referral, as sending it gave it.", "A" * 43),
    "KeyId": path_parameter("key_id", "The id of a partner's key, which is a part of the key.", "north-hub.abcdefgh"),
    "SessionId": path_parameter("session_id", "The id of a live session.", EXAMPLE_SESSION),
    "EntryId": path_parameter("entry_id", "The id of a public answer.", "A" * 16),
    "AfterAnswer": query(
        "after",
        {"type": "integer", "minimum": 0, "maximum": 1_000_000_000},
        "The `last` of the answer before: only what is newer is given.",
    ),
    "BeforeAnswer": query(
        "before", {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}, "Shows earlier answers than this one."
    ),
    "ContentKind": path_parameter("kind", "The kind of a record that editors write.", "signpost"),
    "ContentId": path_parameter("content_id", "The id of such a record.", EXAMPLE_SIGNPOST),
    "IfMatch": header(
        "If-Match",
        {"type": "string"},
        "The ETag of the record as it was read: 412 if it has been changed since, 428 if this is missing.",
    ),
    "IfNoneMatchAny": header(
        "If-None-Match", {"type": "string", "const": "*"}, "In the place of `If-Match`: the record is to be new."
    ),
    "RequestId": path_parameter("request_id", "The id of a request, as a claim gives it.", "A" * 43),
}
WORDS = ("Lang", "AcceptLanguage")


# ---------------------------------------------------------------- the operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    One route: what it takes, what it answers, and every way in which it refuses.

    *caller* is None for everybody, `receipt`, `signed-in`, or the scope that a bearer token, or a partner's key, must
    carry. *page* says that the answer is HTML, *media* that it is some other text, *files* which files it may be,
    *cached* that it has an ETag. A *forgiving* one takes whatever is sent.
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
    forgiving: bool = False
    form: Schema | None = None
    refuses: Codes = field(default_factory=dict)
    page: bool = False
    pages_too: bool = False
    linked_data: bool = False
    cached: bool = False
    media: str | None = None
    files: tuple[str, ...] = ()
    example: object = None

    @property
    def bodies(self) -> tuple[type[BaseModel], ...]:
        """Every model that a JSON body may have: in the clear, or sealed by whoever sends it."""
        return tuple(each for each in (self.body, self.sealed_body) if each is not None)

    @property
    def refuses_in_pages(self) -> bool:
        """Whether a browser is told in a page what is wrong: where it asked for one, or posted a plain form."""
        return self.form is not None or not self.path.startswith(FOR_PROGRAMS)


def leaves(model: type[BaseModel], *nested: type[BaseModel]) -> Schema:
    """Describe a plain form: the leaf names of *model* and of what is nested in it."""
    properties: Schema = {}
    required: list[str] = []
    for each in (model, *nested):
        described = each.model_json_schema(schema_generator=Plain)
        inner = {name for name, schema in described["properties"].items() if "$ref" in schema}
        properties.update({name: schema for name, schema in described["properties"].items() if name not in inner})
        required += [name for name in described.get("required", ()) if name not in inner]
    for name, schema in properties.items():
        schema.pop("default", None)
        if "anyOf" in schema:
            properties[name] = next(one for one in schema["anyOf"] if one.get("type") != "null")
        if schema.get("type") == "boolean":
            properties[name] = {"type": "string", "enum": ["true", "on", "yes", "false"]}
        if name in required and schema.get("type") == "string" and not {"pattern", "enum"} & set(schema):
            schema.update(models.NOT_BLANK)  # a form's blank field is one that is missing
    properties["idempotency_key"] = {"type": "string", "pattern": r"^[\x21-\x7e]{16,255}$"}
    properties["form_token"] = {"type": "string", "description": "When the page handed the form out, signed."}
    properties["website"] = {"type": "string", "description": "Left empty by whoever sees what people see."}
    return {
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": sorted(required),
        "additionalProperties": False,
    }


class Plain(GenerateJsonSchema):
    """Leaves out the titles that repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        """Leave every title out."""
        return False
