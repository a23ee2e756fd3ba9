"""
A typed client of Quietline, one file to copy: Python 3.11 and its standard library.

Made from `openapi.json` by `make client`; not to be edited.

    helpline = Quietline("https://help.example", language="cy")
    for signpost in helpline.list_signposts(audience="someone-else")["signposts"]:
        print(signpost["name"], signpost["url"])
"""

from __future__ import annotations

import http.client
import json
import secrets
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict
from urllib.parse import quote, urlencode, urlsplit

_KEPT = 256
_TRIES = 3


class Refused(Exception):  # noqa: N818 - what the helpline says, not a mistake of the program
    """
    The helpline refused, and says why: a *code* to act on, the places that were wrong, and whom to ring instead.

    *problem* is the whole document. Nothing of what was sent is in it.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code: str | None = problem.get("code")
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        self.helpline: dict[str, str] | None = problem.get("helpline")
        super().__init__(f"{status} {self.code}")


class Transport:
    """
    Asks one helpline: conditionally where it may, again where that is safe, and with the credential that is asked for.

    An answer with an ETag is kept, and asked for again only if it has changed. What is sent with an idempotency key, or
    only read, is tried three times when the connection fails; a key is made where none is given.
    """

    def __init__(self, address: str, *, language: str, timeout: float, credentials: dict[str, str | None]) -> None:
        site = urlsplit(address)
        if site.scheme not in {"http", "https"} or not site.hostname:
            message = "The address must begin with https:// (or http:// on this machine)."
            raise ValueError(message)
        self._site = site
        self._language = language
        self._timeout = timeout
        self._credentials = credentials
        self._kept: dict[str, tuple[str, Any]] = {}

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, object] | None = None,
        body: object = None,
        callers: tuple[str, ...] = (),
        key: str | None = None,
        repeatable: bool = False,
        conditions: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - each operation says what it answers
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{self._site.path.rstrip('/')}{path}{'?' if asked else ''}{urlencode(asked)}"
        headers = {"Accept": "application/json, application/problem+json", "Accept-Language": self._language}
        credential = next((self._credentials[name] for name in callers if self._credentials.get(name)), None)
        if credential is not None:
            headers["Authorization"] = credential
        headers |= conditions or {}
        if repeatable:
            headers["Idempotency-Key"] = key or secrets.token_urlsafe(24)
        kept = self._kept.get(target) if method == "GET" and credential is None else None
        if kept is not None:
            headers["If-None-Match"] = kept[0]
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        tries = _TRIES if method == "GET" or repeatable else 1
        status, etag, answered = self._ask(method, target, sent, headers, tries)
        if status == http.client.NOT_MODIFIED and kept is not None:
            return kept[1]
        document = json.loads(answered) if answered else None
        if status >= http.client.BAD_REQUEST:
            raise Refused(status, document or {})
        if etag is not None and method == "GET" and credential is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[target] = (etag, document)
        return document

    def _ask(
        self, method: str, target: str, sent: bytes | None, headers: dict[str, str], tries: int
    ) -> tuple[int, str | None, bytes]:
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        while True:
            tries -= 1
            connection = kinds[self._site.scheme](self._site.netloc, timeout=self._timeout)
            try:
                connection.request(method, target, sent, headers)
                answer = connection.getresponse()
                return answer.status, answer.getheader("ETag"), answer.read()
            except (OSError, http.client.HTTPException):
                if not tries:
                    raise
            finally:
                connection.close()


def _part(text: str) -> str:
    """Put a value into a path."""
    return quote(text, safe="")


class AcceptedAnswer(TypedDict):
    """A request was accepted and is durable; the receipt is shown this once, unless a browser made it itself."""

    receipt: NotRequired[str]
    request_id: str
    reference: str
    status: Literal["waiting"]
    due: Due
    expires_on: str
    line: Line
    next: list[str]


class AsideAnswer(TypedDict):
    """What needs a supervisor."""

    parked: list[AsideHead]
    missed: list[AsideHead]
    claims: list[AsideHead]
    people: list[PersonTally]
    closures: list[ClosureSpan]


class AsideHead(TypedDict):
    """A request as a supervisor sees it, without content."""

    request_id: str
    kind: Literal["callback", "information", "referral", "question"]
    language: str
    reference: str
    status: Literal["waiting", "claimed", "closed", "parked", "withdrawn"]
    number: int
    lapses: int
    attempts: int
    due: Due
    claimed_by: str | None
    lease_until: str | None


class AttemptSubmission(TypedDict):
    """Body of `.../attempts`."""

    number: int
    result: Literal["no-answer", "voicemail", "someone-else"]


class AuditAnswer(TypedDict):
    """A page of the trail, and whether the whole of it holds together."""

    entries: list[AuditEntryAnswer]
    count: int
    verified: bool
    broken_at: int | None
    next_after: int | None


class AuditEntryAnswer(TypedDict):
    """One deed of the trail; what was not done to a request says to what, as kind and name: `signpost/get-help`."""

    seq: int
    at: str
    actor: str
    verb: str
    request_id: str | None
    number: int | None
    about: str | None
    mac: str


class CallbackDetails(TypedDict):
    """What is sealed of a callback."""

    concern: Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
    phone: str
    name: NotRequired[str | None]
    message: NotRequired[str | None]
    safety: Safety
    access_needs: NotRequired[list[str]]


class CallbackSubmission(TypedDict):
    """Body of `POST /v1/callbacks`."""

    statement_version: str
    language: NotRequired[str]
    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    altcha: NotRequired[str | None]
    details: CallbackDetails
    slot: NotRequired[str | None]
    also: NotRequired[list[str]]


class CampaignAnswer(TypedDict):
    """
    A campaign in one language; what does not apply is left out, never null. Whether it is planned, on or
    over, *notice* says so and *help* and *signposts* point to help that can be had now.
    """

    slug: str
    code: str
    name: str
    headline: str
    summary: str
    message: list[str]
    status: Literal["planned", "on", "over"]
    starts_on: str
    ends_on: str
    closed_on: NotRequired[str]
    notice: str
    regions: list[RegionAnswer]
    partners: list[str]
    help: Contact
    signposts: list[SignpostAnswer]
    source: NotRequired[str]
    language: Literal["en", "cy"]


class CampaignsAnswer(TypedDict):
    """The campaigns that suit."""

    campaigns: list[CampaignAnswer]
    count: int
    language: Literal["en", "cy"]


class ChallengeAnswer(TypedDict):
    """A challenge of ALTCHA v2, for any of its solvers."""

    parameters: ChallengeParameters
    signature: str


class ChallengeParameters(TypedDict):
    """What is to be solved: the counter whose derived key begins with *keyPrefix*."""

    algorithm: str
    cost: int
    keyLength: int
    keyPrefix: str
    nonce: str
    salt: str
    keySignature: str
    expiresAt: int
    data: dict[str, Any]


class ClaimAnswer(TypedDict):
    """A hold: the fence and its limit."""

    request_id: str
    number: int
    lease_until: str
    lease_seconds: int


class ClaimSubmission(TypedDict):
    """Body of `POST /v1/desk/claims`; an empty one asks for the most urgent request of any lane."""

    kinds: NotRequired[list[Literal["callback", "information", "referral"]]]
    languages: NotRequired[list[str]]
    reference: NotRequired[str | None]
    lease_minutes: NotRequired[int | None]


class ClaimedAnswer(TypedDict):
    """What a claim hands out."""

    claim: ClaimAnswer
    request: ClaimedRequest


class ClaimedQuestion(TypedDict):
    """A question that was handed to a host."""

    claim: ClaimAnswer
    question: QuestionInHand


class ClaimedRequest(TypedDict):
    """A request in a practitioner's hands."""

    kind: Literal["callback", "information", "referral"]
    language: str
    interpreter: bool
    reference: str
    slot: SlotAnswer | None
    due: Due
    overdue: bool
    may_ring_now: bool
    ring_until: str | None
    attempts: int
    lapses: int
    details: dict[str, Any] | None
    unreadable: str | None
    messages: list[LetterAnswer]
    notes: list[LetterAnswer]
    referral: ReferralOrigin | None


class ClaimsAnswer(TypedDict):
    """My live claims."""

    claims: list[HeldAnswer]


class CloseSubmission(TypedDict):
    """Body of `.../close`."""

    number: int
    outcome: Literal["answered", "signposted", "unreachable", "escalated", "declined"]
    agreed_actions: NotRequired[list[str]]
    signposts: NotRequired[list[str]]


class ClosureSpan(TypedDict):
    """A stretch for which the line is closed."""

    starts_at: str
    ends_at: str


class ClosuresAnswer(TypedDict):
    """The closures in force."""

    closures: list[ClosureSpan]


class ClosuresSubmission(TypedDict):
    """Body of `PUT /v1/desk/closures`: all closures from now on, in the place of those before."""

    closures: list[ClosureSpan]


class Consent(TypedDict):
    """
    That the person agreed to be referred: to which version of `GET /v1/consent`, in which language, how and
    when.
    """

    version: str
    language: Literal["en", "cy"]
    how: Literal["in-person", "by-phone", "by-video", "in-writing"]
    given_on: str


class ConsentGiven(TypedDict):
    """What a referred person agreed to, in the words of then; there are none if that version is no longer known."""

    version: str
    language: Literal["en", "cy"]
    how: Literal["in-person", "by-phone", "by-video", "in-writing"]
    given_on: str
    title: str | None
    text: list[str]


class Contact(TypedDict):
    """How to reach the helpline instead."""

    phone: str
    hours: str


class ContentAnswer(TypedDict):
    """A record: the newest state of it, and what is out."""

    id: str
    title: Any
    state: Literal["packaged", "published", "draft"]
    status: str | None
    revision: int
    published: PublishedVersionAnswer | None
    draft: VersionAnswer | None
    review_on: str | None
    overdue: bool
    problems: list[ContentProblemAnswer]
    kind: str
    record: dict[str, Any]
    out: dict[str, Any] | None
    ends: list[str]


class ContentKindAnswer(TypedDict):
    """A kind of record, and how many wait for somebody."""

    kind: str
    records: int
    drafts: int
    overdue: int


class ContentKindsAnswer(TypedDict):
    """The kinds of record that editors write."""

    kinds: list[ContentKindAnswer]


class ContentListAnswer(TypedDict):
    """Every record of a kind."""

    kind: str
    records: list[ContentSummary]


class ContentProblemAnswer(TypedDict):
    """Something that is wrong with a record; a warning keeps nothing from going out."""

    pointer: str
    code: str
    severity: Literal["error", "warning"]


class ContentSubmission(TypedDict):
    """A record as it is to be; the content check says what is wrong with it, all at once."""

    record: dict[str, Any]


class ContentSummary(TypedDict):
    """A record in a list."""

    id: str
    title: Any
    state: Literal["packaged", "published", "draft"]
    status: str | None
    revision: int
    published: PublishedVersionAnswer | None
    draft: VersionAnswer | None
    review_on: str | None
    overdue: bool
    problems: list[ContentProblemAnswer]


class DeclineSubmission(TypedDict):
    """Body of `.../decline`: the mailbox says the reason kindly, in the language of whoever asked."""

    number: int
    reason: Literal["personal", "identifies", "answered", "elsewhere"]


class DeskFiguresAnswer(TypedDict):
    """How the work went, for supervisors; never by person."""

    first: str
    last: str
    lanes: list[LaneMonth]


class DoneAnswer(TypedDict):
    """What became of a question."""

    status: Literal["waiting", "closed"]


class Due(TypedDict):
    """By when, as an instant and as people say it."""

    by: str
    local: str


class EmailAnswer(TypedDict):
    """An e-mail, to be sent as plain text, as HTML, or as both."""

    subject: str
    text: str
    html: str


class EntryAnswer(TypedDict):
    """One answer that everybody may read; one that was *retracted* has no words any more."""

    id: str
    seq: int
    at: str
    local: str
    language: Literal["en", "cy"]
    question: str
    answer: str
    host: HostAnswer
    retracted: bool


class ErasureAnswer(TypedDict):
    """One erasure: of what, why, in which hour; *seq* is its place in the trail, *mac* what chains it there."""

    seq: int
    at: str
    request_id: str
    erased: Literal["everything", "details"]
    because: Literal["withdrawn", "expired", "closed"]
    by: Literal["requester", "system"]
    mac: str


class ErasuresAnswer(TypedDict):
    """A page of erasures, from a trail that was verified whole as it was read."""

    erasures: list[ErasureAnswer]
    verified: bool
    broken_at: int | None
    next_after: int | None


class FieldProblem(TypedDict):
    """One place that is wrong: a JSON pointer from the known fields, and a code; never what was sent."""

    pointer: str
    code: str


class FoundSignpostAnswer(TypedDict):
    """A signpost that was found, and why: the weightiest reason first."""

    id: str
    name: str
    summary: str
    hours: NotRequired[str]
    url: NotRequired[str]
    phones: NotRequired[list[SignpostPhone]]
    audience: NotRequired[
        list[Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]]
    ]
    topics: NotRequired[list[str]]
    regions: NotRequired[list[str]]
    languages: NotRequired[list[str]]
    language: Literal["en", "cy"]
    anonymous: bool
    minimum_age: NotRequired[int]
    maximum_age: NotRequired[int]
    organization: SignpostOrganisation
    assured_date: str
    source: str
    licence: str
    matched: list[MatchAnswer]


class HealthAnswer(TypedDict):
    """Whether requests can be accepted durably, and which part is down."""

    status: Literal["ok", "down"]
    parts: dict[str, str]
    detail: NotRequired[str]


class HeldAnswer(TypedDict):
    """One of my live claims, without content."""

    request_id: str
    number: int
    lease_until: str
    lease_seconds: int
    kind: Literal["callback", "information", "referral"]
    language: str
    reference: str


class HelplineAnswer(TypedDict):
    """How and when to reach the helpline."""

    name: str
    organisation: str
    website: str
    phones: list[PhoneAnswer]
    hours: str
    open_now: bool
    opens_at: str | None
    opens_local: str | None
    emergency: str
    language: Literal["en", "cy"]


class HistoryAnswer(TypedDict):
    """What was published, newest first; *packaged* is what travels with the code, version 0."""

    versions: list[HistoryVersionAnswer]
    packaged: dict[str, Any] | None


class HistoryVersionAnswer(TypedDict):
    """A version that was published, with what it said; None where the record was taken down without a word."""

    revision: int
    by: str
    at: str
    shown_from: str
    record: dict[str, Any] | None


class HostAnswer(TypedDict):
    """Who answers, as they are announced."""

    name: str
    role: str


class HostedAnswer(TypedDict):
    """The sessions, and how many questions wait in all of them together."""

    sessions: list[SessionAnswer]
    waiting: int


class InformationDetails(TypedDict):
    """
    What is sealed of an information request; the answer comes to the mailbox unless an e-mail address is
    given.
    """

    concern: Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
    message: str
    name: NotRequired[str | None]
    email: NotRequired[str | None]


class InformationSubmission(TypedDict):
    """Body of `POST /v1/information-requests`."""

    statement_version: str
    language: NotRequired[str]
    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    altcha: NotRequired[str | None]
    details: InformationDetails


class IssuedKeyAnswer(TypedDict):
    """A new key; it is shown this once."""

    id: str
    partner: str
    issued_by: str
    issued_at: str
    revoked_by: str | None
    revoked_at: str | None
    key: str


class KeyAnswer(TypedDict):
    """A public key to seal to: an uncompressed P-256 point in base64url."""

    key_id: str
    kem: str
    public_key: str


class KeysAnswer(TypedDict):
    """Every recipient that content is sealed to."""

    suite: str
    keys: list[KeyAnswer]


class LaneAnswer(TypedDict):
    """How one lane stands."""

    kind: Literal["callback", "information", "referral"]
    language: Literal["en", "cy"]
    waiting: int
    oldest_wait_hours: int | None
    due_soon: int
    overdue: int
    claimed: int
    parked: int


class LaneMonth(TypedDict):
    """A lane's month; exact, and about nobody."""

    month: str
    kind: str
    language: str
    taken: int
    waits: Waits
    median_within: Literal["1-hour", "4-hours", "1-day", "3-days", "longer"] | None
    closed: int
    in_time: int
    agreed_actions: int
    outcomes: Outcomes


class LetterAnswer(TypedDict):
    """
    One message; *at* is cut to the hour; *code* names what the helpline notes by itself. The code `invalid`
    marks what a requester's browser sealed in another form than a message has; *text* is what is there. A
    browser that shows the lookup value alone is given *sealed* instead, to open by itself.
    """

    author: Literal["requester", "helpline", "colleague"]
    at: str
    text: NotRequired[str | None]
    code: NotRequired[str | None]
    message_id: NotRequired[str]
    sealed: NotRequired[str]
    agreed_actions: NotRequired[list[str]]
    signposts: NotRequired[list[SignpostLink]]


class Line(TypedDict):
    """Whether somebody answers the phone now, and if not, when."""

    open_now: bool
    opens_at: str | None
    opens_local: str | None


class MailboxAnswer(TypedDict):
    """What a receipt opens."""

    kind: Literal["callback", "information", "referral", "question"]
    status: Literal["waiting", "claimed", "closed"]
    reference: str
    slot: SlotAnswer | None
    due: Due
    expires_on: str
    messages: list[LetterAnswer]


class MatchAnswer(TypedDict):
    """
    One reason why a signpost was found, in our words. *value* is the code of an audience or a topic, the id
    of the signpost, or a word in which its name or summary agrees.
    """

    kind: Literal["audience", "topic", "signpost", "name", "summary"]
    value: str
    label: str


class MeAnswer(TypedDict):
    """Who is signed in, and what they may do."""

    subject: str
    scopes: list[str]


class MessageSubmission(TypedDict):
    """Body of `POST /v1/mailbox/messages`."""

    text: str


class NoteSubmission(TypedDict):
    """Body of `.../notes`."""

    number: int
    text: str


class OfferedAnswer(TypedDict):
    """All that can be sent along with a reply, in the language of whoever is to read it."""

    signposts: list[OfferedSignpost]
    language: Literal["en", "cy"]


class OfferedSignpost(TypedDict):
    """A signpost that can be sent along, and whom it is for."""

    id: str
    name: str
    url: NotRequired[str | None]
    phone: NotRequired[str | None]
    audience: list[
        Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
    ]


class OrukAbout(TypedDict):
    """Which version and profile this is."""

    version: Literal["HSDS-UK-3.0"]
    profile: str
    openapi_url: str


class OrukAttribute(TypedDict):
    """That a service is sorted under a word."""

    id: str
    link_id: str
    link_type: Literal["audience", "topic"]
    taxonomy_term_id: str
    taxonomy_term: OrukTerm


class OrukInnerService(TypedDict):
    """A service with all that belongs to it, inside the link to where it is had."""

    id: str
    organization_id: str
    name: str
    description: str
    url: str
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    minimum_age: NotRequired[int]
    maximum_age: NotRequired[int]
    assured_date: str
    last_modified: str
    phones: NotRequired[list[OrukPhone]]
    organization: OrukOrganization
    schedules: NotRequired[list[OrukSchedule]]
    service_areas: list[OrukServiceArea]
    languages: list[OrukLanguage]
    attributes: list[OrukAttribute]


class OrukLanguage(TypedDict):
    """A language in which help is given."""

    id: str
    service_id: str
    code: str
    name: str


class OrukLocation(TypedDict):
    """Where help is had: nowhere in particular."""

    id: str
    location_type: Literal["virtual"]
    name: str


class OrukOfferedService(TypedDict):
    """A service as it stands in its organisation."""

    id: str
    organization_id: str
    name: str
    description: str
    url: str
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    minimum_age: NotRequired[int]
    maximum_age: NotRequired[int]
    assured_date: str
    last_modified: str
    phones: NotRequired[list[OrukPhone]]


class OrukOrganization(TypedDict):
    """Who offers help."""

    id: str
    name: str
    description: str
    website: NotRequired[str]


class OrukOrganizations(TypedDict):
    """A page of organisations."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[OrukOrganization]


class OrukOwnLocation(TypedDict):
    """Where a service is had, as it stands in the service."""

    id: str
    service_id: str
    location_id: str
    location: OrukLocation


class OrukPhone(TypedDict):
    """A number to ring, as HSDS has it; Open Referral UK leaves phones out, and we do not."""

    id: str
    service_id: str
    number: str
    type: Literal["voice"]
    description: str


class OrukSchedule(TypedDict):
    """When help is open each week, by the clock of the United Kingdom."""

    id: str
    service_id: str
    freq: Literal["WEEKLY"]
    byday: str
    opens_at: str
    closes_at: str
    description: NotRequired[str]


class OrukService(TypedDict):
    """A service as it stands in a list."""

    id: str
    organization_id: str
    name: str
    description: str
    url: str
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    minimum_age: NotRequired[int]
    maximum_age: NotRequired[int]
    assured_date: str
    last_modified: str
    phones: NotRequired[list[OrukPhone]]
    organization: OrukOrganization


class OrukServiceArea(TypedDict):
    """Where help is offered: the country, a nation, or a police force area by its ONS code."""

    id: str
    service_id: str
    name: str
    extent: str
    extent_type: Literal["text"]


class OrukServiceAtLocation(TypedDict):
    """A service where it is had, as it stands in a list."""

    id: str
    service_id: str
    location_id: str
    location: OrukLocation
    service: OrukService


class OrukServices(TypedDict):
    """A page of services."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[OrukService]


class OrukServicesAtLocations(TypedDict):
    """A page of services where they are had."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[OrukServiceAtLocation]


class OrukTaxonomies(TypedDict):
    """A page of taxonomies."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[OrukTaxonomy]


class OrukTaxonomy(TypedDict):
    """A list of such words."""

    id: str
    name: str
    description: str


class OrukTerm(TypedDict):
    """A word by which services are sorted."""

    id: str
    code: str
    name: str
    description: str
    taxonomy: str
    taxonomy_id: str


class OrukTerms(TypedDict):
    """A page of terms."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[OrukTerm]


class OrukWholeOrganization(TypedDict):
    """Who offers help, with what they offer."""

    id: str
    name: str
    description: str
    website: NotRequired[str]
    services: NotRequired[list[OrukOfferedService]]


class OrukWholeService(TypedDict):
    """A service with all that belongs to it."""

    id: str
    organization_id: str
    name: str
    description: str
    url: str
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    minimum_age: NotRequired[int]
    maximum_age: NotRequired[int]
    assured_date: str
    last_modified: str
    phones: NotRequired[list[OrukPhone]]
    organization: OrukOrganization
    schedules: NotRequired[list[OrukSchedule]]
    service_areas: list[OrukServiceArea]
    languages: list[OrukLanguage]
    attributes: list[OrukAttribute]
    service_at_locations: list[OrukOwnLocation]


class OrukWholeServiceAtLocation(TypedDict):
    """A service where it is had, with all that belongs to it."""

    id: str
    service_id: str
    location_id: str
    location: OrukLocation
    service: OrukInnerService


class OrukWholeTaxonomy(TypedDict):
    """A list of such words, with the words."""

    id: str
    name: str
    description: str
    taxonomy_terms: list[OrukTerm]


class Outcomes(TypedDict):
    """How many came to an end in which way."""

    answered: int
    signposted: int
    unreachable: int
    escalated: int
    declined: int


class PackAnswer(TypedDict):
    """A campaign's pack in both languages; *link*, which the QR code says too, has the campaign's code in it."""

    slug: str
    code: str
    link: str
    status: Literal["planned", "on", "over"]
    zip: str
    en: PackInLanguage
    cy: PackInLanguage
    files: list[PackFile]


class PackFile(TypedDict):
    """A file of the pack: where it is, and, unless its words stand above already, all of it in *base64*."""

    name: str
    media_type: str
    language: NotRequired[Literal["en", "cy"]]
    size: int
    sha256: str
    href: str
    base64: NotRequired[str]


class PackInLanguage(TypedDict):
    """
    What a partner sends and prints in one language; *guidance* says how, and *notice* whether it still
    should.
    """

    notice: str
    guidance: list[str]
    sms: list[TextMessageAnswer]
    email: EmailAnswer
    letter: PrintedAnswer
    poster: PrintedAnswer


class PartnerKeyAnswer(TypedDict):
    """What is kept of a key."""

    id: str
    partner: str
    issued_by: str
    issued_at: str
    revoked_by: str | None
    revoked_at: str | None


class PartnerKeySubmission(TypedDict):
    """Body of `POST /v1/desk/partners`: to whom a key is issued."""

    partner: str


class PartnerKeysAnswer(TypedDict):
    """Every key there ever was, by id."""

    keys: list[PartnerKeyAnswer]


class PersonTally(TypedDict):
    """How many requests somebody has opened, released and closed."""

    person: str
    opened: int
    released: int
    closed: int


class PhoneAnswer(TypedDict):
    """A number to ring."""

    number: str
    e164: str
    free: bool
    label: str


Place: TypeAlias = Literal[
    "UK",
    "England",
    "Wales",
    "Scotland",
    "Northern Ireland",
    "E23000001",
    "E23000002",
    "E23000003",
    "E23000004",
    "E23000005",
    "E23000006",
    "E23000007",
    "E23000008",
    "E23000009",
    "E23000010",
    "E23000011",
    "E23000012",
    "E23000013",
    "E23000014",
    "E23000015",
    "E23000016",
    "E23000017",
    "E23000018",
    "E23000019",
    "E23000020",
    "E23000021",
    "E23000022",
    "E23000023",
    "E23000024",
    "E23000025",
    "E23000026",
    "E23000027",
    "E23000028",
    "E23000029",
    "E23000030",
    "E23000031",
    "E23000032",
    "E23000033",
    "E23000034",
    "E23000035",
    "E23000036",
    "E23000037",
    "E23000038",
    "E23000039",
    "W15000001",
    "W15000002",
    "W15000003",
    "W15000004",
    "S23000009",
    "N24000001",
]


class PlacedAnswer(TypedDict):
    """Where an answer stands in the transcript now."""

    status: Literal["waiting", "closed"]
    id: str
    seq: int


class PreviewAnswer(TypedDict):
    """The newest state of a record as readers will see it, in each language."""

    shown: dict[str, dict[str, Any]]


class PrintedAnswer(TypedDict):
    """Something to print, and which of the files it is."""

    title: str
    file: str


class PrivateAnswer(TypedDict):
    """Body of `.../answer-privately`: into the mailbox, and nowhere else."""

    number: int
    answer: str


class Problem(TypedDict):
    """RFC 9457 problem+json, with another way to reach help."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
    code: str
    errors: NotRequired[list[FieldProblem]]
    helpline: Contact
    statement: NotRequired[StatementAnswer]


class ProgressAnswer(TypedDict):
    """How a request stands after a change."""

    status: Literal["waiting", "claimed", "closed", "parked", "withdrawn"]
    slot: SlotAnswer | None
    due: Due
    attempts: int
    outcome: Literal["answered", "signposted", "unreachable", "escalated", "declined"] | None


class PublicAnswer(TypedDict):
    """
    Body of `.../answer` for everybody: the question in the words that may stand, and who of the hosts
    answers.
    """

    number: int
    question: str
    answer: str
    host: NotRequired[int]


class PublishedFigure(TypedDict):
    """
    A figure that may be published: null where it is under 8 or would give away one that is, else rounded to
    5. A sum of which a part is missing is `at_least` what it says; a month that is not out yet is not
    `published`.
    """

    value: int | None
    suppressed: bool
    at_least: bool
    published: bool


class PublishedVersionAnswer(TypedDict):
    """A state that went out; readers meet it from *shown_from* on."""

    revision: int
    by: str
    at: str
    shown_from: str


class PutBackSubmission(TypedDict):
    """Body of `.../release`."""

    number: int


class QuestionAccepted(TypedDict):
    """A question is with the hosts; the receipt is shown this once, unless a browser made it itself."""

    receipt: NotRequired[str]
    request_id: str
    reference: str
    status: Literal["waiting"]
    session: str
    due: Due
    expires_on: str
    line: Line
    next: list[str]


class QuestionDetails(TypedDict):
    """
    What is sealed of a question to the hosts of a live session; *private* asks for an answer in the mailbox
    only.
    """

    text: str
    private: NotRequired[bool]


class QuestionInHand(TypedDict):
    """A question, opened; *details* is None or flat text where *unreadable* says why."""

    language: str
    reference: str
    lapses: int
    details: QuestionDetails | dict[str, str] | None
    unreadable: str | None


class QuestionSubmission(TypedDict):
    """Body of `POST /v1/sessions/{session_id}/questions`."""

    statement_version: str
    language: NotRequired[str]
    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    altcha: NotRequired[str | None]
    details: QuestionDetails


class QueueAnswer(TypedDict):
    """The queue's state by lane, without content."""

    lanes: list[LaneAnswer]
    rung_at: str | None


class ReachAnswer(TypedDict):
    """
    How many asked for help (`people`), and how many visits beacons told of (`contacts`), which anybody can
    send.
    """

    period: ReachPeriod
    filters: ReachFilters
    by: Literal["month", "region", "campaign", "kind"]
    sentence: str
    people: NotRequired[PublishedFigure | None]
    contacts: NotRequired[PublishedFigure | None]
    year_before: ReachMeasures
    change_percent: ReachChanges
    rows: list[ReachRow]
    rule: ReachRule
    language: str


class ReachChanges(TypedDict):
    """The change in per cent; null where one of the two figures is not whole."""

    people: NotRequired[int | None]
    contacts: NotRequired[int | None]


class ReachFilters(TypedDict):
    """What was asked for."""

    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    kind: NotRequired[str | None]


class ReachMeasures(TypedDict):
    """The same months a year before."""

    people: NotRequired[PublishedFigure | None]
    contacts: NotRequired[PublishedFigure | None]


class ReachPeriod(TypedDict):
    """Whole months, the last included."""

    first: str
    last: str
    months: int


class ReachRow(TypedDict):
    """A month, region, campaign or kind; `none` is no region or campaign, or one that we do not know."""

    key: str
    label: str
    people: NotRequired[PublishedFigure | None]
    contacts: NotRequired[PublishedFigure | None]


class ReachRule(TypedDict):
    """By which rule the figures are shown."""

    smallest: int
    rounded_to: int


class ReferralAnswer(TypedDict):
    """All that a partner learns of a referral."""

    id: str
    status: Literal["received", "closed"]


class ReferralDetails(TypedDict):
    """What is sealed of a referral: all of it about the person to be rung, but *referrer*."""

    concern: Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
    phone: str
    name: NotRequired[str | None]
    message: NotRequired[str | None]
    safety: Safety
    access_needs: NotRequired[list[str]]
    referrer: NotRequired[Referrer | None]


class ReferralOrigin(TypedDict):
    """Which partner referred, and with whose consent; for whoever holds the request, and in no list."""

    partner: str
    consent: ConsentGiven


class ReferralSubmission(TypedDict):
    """Body of `POST /v1/referrals`; *language*, *slot* and *also* are the referred person's."""

    consent: Consent
    slot: NotRequired[str | None]
    also: NotRequired[list[str]]
    language: NotRequired[str]
    details: ReferralDetails


class Referrer(TypedDict):
    """The professional, for the practitioner who has a question; nobody answers to them in writing."""

    name: str
    role: NotRequired[str | None]
    contact: NotRequired[str | None]


class RegionAnswer(TypedDict):
    """A police force area."""

    code: str
    name: str


class ReleaseSubmission(TypedDict):
    """Body of `.../release`."""

    number: int
    reason: NotRequired[str | None]


class RenewSubmission(TypedDict):
    """Body of `.../renew`."""

    number: int
    lease_minutes: NotRequired[int | None]


class RenewedAnswer(TypedDict):
    """A renewed hold."""

    claim: ClaimAnswer


class RepliedAnswer(TypedDict):
    """A reply is in the mailbox; *emailed* tells whether it also left by e-mail, if that was asked for."""

    status: Literal["waiting", "claimed", "closed", "parked", "withdrawn"]
    slot: SlotAnswer | None
    due: Due
    attempts: int
    outcome: Literal["answered", "signposted", "unreachable", "escalated", "declined"] | None
    emailed: bool | None


class ReplySubmission(TypedDict):
    """Body of `.../replies`."""

    number: int
    text: str
    signposts: NotRequired[list[str]]
    by_email: NotRequired[bool]


class RollBackSubmission(TypedDict):
    """Which version to go back to; 0 is the one that travels with the code."""

    revision: int


class Safety(TypedDict):
    """The safe-contact contract: how to ring without giving anybody away."""

    voicemail: Literal["never", "neutral", "ok"]
    caller_id: NotRequired[Literal["withheld", "shown"]]
    code_word: NotRequired[str | None]
    if_someone_else_answers: NotRequired[Literal["hang-up", "ask-for-name", "wrong-number"]]
    text_first: NotRequired[bool]


class Sealed(TypedDict):
    """
    What a browser sealed: HPKE (RFC 9180) and AES-256-GCM, every part in base64url without padding. *ct* is
    the encrypted content, padded to steps of 4 KiB before: 5,483, 10,944, 16,406, 21,867 or 27,328
    characters.
    """

    v: Literal[1]
    request_id: str
    nonce: str
    ct: str
    recipients: list[SealedKey]


class SealedCallback(TypedDict):
    """
    Body of `POST /v1/callbacks` from a browser that sealed it: `{details, mailbox_key}`, of the kind
    `callback`.
    """

    statement_version: str
    language: NotRequired[str]
    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    altcha: NotRequired[str | None]
    sealed: Sealed
    slot: NotRequired[str | None]
    also: NotRequired[list[str]]


class SealedInformation(TypedDict):
    """Body of `POST /v1/information-requests` from a browser that sealed it, of the kind `information`."""

    statement_version: str
    language: NotRequired[str]
    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    altcha: NotRequired[str | None]
    sealed: Sealed


class SealedKey(TypedDict):
    """The content key, sealed to one of the keys of `GET /v1/keys`: a P-256 point, and 48 bytes."""

    key_id: str
    enc: str
    ct: str


class SealedMessage(TypedDict):
    """
    Body of `POST /v1/mailbox/messages` from a browser that sealed it: `{text}`, of the kind
    `message:MESSAGE_ID`. *copy* is the same under the mailbox key, for the mailbox: a nonce of 12 bytes, then
    AES-256-GCM, padded.
    """

    message_id: str
    sealed: Sealed
    copy: str


class SealedQuestion(TypedDict):
    """Body of `POST /v1/sessions/{session_id}/questions` from a browser that sealed it, of the kind `question`."""

    statement_version: str
    language: NotRequired[str]
    region: NotRequired[str | None]
    campaign: NotRequired[str | None]
    altcha: NotRequired[str | None]
    sealed: Sealed


class SealedReferral(TypedDict):
    """Body of `POST /v1/referrals` from a partner that sealed it: `{details}`, of the kind `referral`."""

    consent: Consent
    slot: NotRequired[str | None]
    also: NotRequired[list[str]]
    language: NotRequired[str]
    sealed: Sealed


class SearchAnswer(TypedDict):
    """What was found, best first."""

    signposts: list[FoundSignpostAnswer]
    count: int
    language: Literal["en", "cy"]


class SessionAnswer(TypedDict):
    """A live session; *state* follows from the time."""

    id: str
    title: str
    summary: str
    state: Literal["announced", "open", "live", "ended", "cancelled"]
    opens_at: str
    starts_at: str
    ends_at: str
    local: str
    hosts: list[HostAnswer]
    campaign: NotRequired[str]
    language: Literal["en", "cy"]


class SessionsAnswer(TypedDict):
    """Every session: those ahead first, the next to end before others."""

    sessions: list[SessionAnswer]


class SignpostAnswer(TypedDict):
    """An offer of help in one language; what does not apply is left out, never null."""

    id: str
    name: str
    summary: str
    hours: NotRequired[str]
    url: NotRequired[str]
    phones: NotRequired[list[SignpostPhone]]
    audience: NotRequired[
        list[Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]]
    ]
    topics: NotRequired[list[str]]
    regions: NotRequired[list[str]]
    languages: NotRequired[list[str]]
    language: Literal["en", "cy"]
    anonymous: bool
    minimum_age: NotRequired[int]
    maximum_age: NotRequired[int]
    organization: SignpostOrganisation
    assured_date: str
    source: str
    licence: str


class SignpostLink(TypedDict):
    """A signpost as it stands in a letter."""

    id: str
    name: str
    url: NotRequired[str | None]
    phone: NotRequired[str | None]


class SignpostOrganisation(TypedDict):
    """Who offers the help."""

    name: str


class SignpostPhone(TypedDict):
    """A number to ring, and whether it is free."""

    number: str
    e164: NotRequired[str]
    free: NotRequired[bool]


class SignpostSearch(TypedDict):
    """What somebody looks for, in their own words; in a body, so that no address and no log holds it."""

    q: str
    language: NotRequired[Literal["en", "cy"] | None]
    audience: NotRequired[
        Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"] | None
    ]
    region: NotRequired[Place | None]


class SignpostsAnswer(TypedDict):
    """The signposts that suit: *count* of them here, *total* in all; *next_page* where there are more."""

    signposts: list[SignpostAnswer]
    count: int
    language: Literal["en", "cy"]
    total: int
    next_page: NotRequired[int | None]


class SlotAnswer(TypedDict):
    """A callback window, as an instant and as people say it."""

    id: str
    starts_at: str
    ends_at: str
    local: str


class SlotChoice(TypedDict):
    """Body of `PUT /v1/mailbox/slot`."""

    slot: str


class SlotsAnswer(TypedDict):
    """The slots that can be chosen."""

    slots: list[SlotAnswer]


class StatementAnswer(TypedDict):
    """The statement of limited confidentiality in force."""

    version: str
    language: Literal["en", "cy"]
    title: str
    summary: list[str]
    text: list[str]


class TakeDownSubmission(TypedDict):
    """How what a record offers has ended."""

    status: Literal["inactive", "temporarily closed", "defunct", "closed"]


class TextMessageAnswer(TypedDict):
    """
    A text message as it is sent, and what it costs. *units* are septets of GSM-7 (160 in one segment), or of
    UCS-2 its 16-bit units (70). *replaced* are letters, such as the accents of Welsh, that the alphabet of
    text messages lacks: in the text they stand without them.
    """

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    replaced: list[str]


class TranscriptAnswer(TypedDict):
    """What came after `after`; ask again after *last*, at once if there is *more*."""

    session: str
    state: Literal["announced", "open", "live", "ended", "cancelled"]
    answers: list[EntryAnswer]
    last: int
    more: bool


class VersionAnswer(TypedDict):
    """One state of a record: who wrote it, and when."""

    revision: int
    by: str
    at: str


class Visit(TypedDict):
    """A visit: which campaign sent it and to which area it belongs, and nothing else."""

    campaign: NotRequired[str | None]
    region: NotRequired[str | None]


class Waits(TypedDict):
    """How many were taken up within a time, and not within the one before."""

    within_1_hour: int
    within_4_hours: int
    within_1_day: int
    within_3_days: int
    longer: int


class Quietline(Transport):
    """One helpline, at its *address*; what a method raises is `Refused`."""

    def __init__(
        self,
        address: str,
        *,
        language: str = "en",
        timeout: float = 10.0,
        receipt: str | None = None,
        mailbox: str | None = None,
        partner: str | None = None,
        bearer: str | None = None,
    ) -> None:
        super().__init__(
            address,
            language=language,
            timeout=timeout,
            credentials={
                "receipt": None if receipt is None else f"Receipt {receipt}",
                "mailbox": None if mailbox is None else f"Mailbox {mailbox}",
                "partner": None if partner is None else f"Bearer {partner}",
                "bearer": None if bearer is None else f"Bearer {bearer}",
            },
        )

    def statement(self, *, language: Literal["en", "cy"] | None = None) -> StatementAnswer:
        """The confidentiality statement in force; a request must acknowledge its version."""
        answer: StatementAnswer = self._call("GET", "/v1/statement", query={"language": language})
        return answer

    def helpline(self) -> HelplineAnswer:
        """How to reach the helpline, when, and what to do in an emergency."""
        answer: HelplineAnswer = self._call("GET", "/v1/helpline")
        return answer

    def slots(self, *, from_: str | None = None, days: int | None = None) -> SlotsAnswer:
        """The callback slots that can be chosen."""
        answer: SlotsAnswer = self._call("GET", "/v1/slots", query={"from": from_, "days": days})
        return answer

    def keys(self) -> KeysAnswer:
        """The public keys that content is sealed to."""
        answer: KeysAnswer = self._call("GET", "/v1/keys")
        return answer

    def challenge(self, *, for_: str) -> ChallengeAnswer:
        """A proof-of-work challenge (ALTCHA v2) for one request; it ends within ten minutes."""
        answer: ChallengeAnswer = self._call("GET", "/v1/challenge", query={"for": for_})
        return answer

    def submit_callback(
        self, body: CallbackSubmission | SealedCallback, *, idempotency_key: str | None = None
    ) -> AcceptedAnswer:
        """Ask to be called back."""
        answer: AcceptedAnswer = self._call("POST", "/v1/callbacks", body=body, key=idempotency_key, repeatable=True)
        return answer

    def submit_information_request(
        self, body: InformationSubmission | SealedInformation, *, idempotency_key: str | None = None
    ) -> AcceptedAnswer:
        """Ask for information; the answer comes to the mailbox."""
        answer: AcceptedAnswer = self._call(
            "POST", "/v1/information-requests", body=body, key=idempotency_key, repeatable=True
        )
        return answer

    def read_mailbox(self) -> MailboxAnswer:
        """How the request stands, and what was written."""
        answer: MailboxAnswer = self._call("GET", "/v1/mailbox", callers=("receipt", "mailbox"))
        return answer

    def withdraw(self) -> None:
        """Withdraw the request; what it holds is erased."""
        self._call("DELETE", "/v1/mailbox", callers=("receipt", "mailbox"))

    def write_message(
        self, body: MessageSubmission | SealedMessage, *, idempotency_key: str | None = None
    ) -> ProgressAnswer:
        """Write to the helpline."""
        answer: ProgressAnswer = self._call(
            "POST",
            "/v1/mailbox/messages",
            body=body,
            key=idempotency_key,
            repeatable=True,
            callers=("receipt", "mailbox"),
        )
        return answer

    def choose_slot(self, body: SlotChoice) -> ProgressAnswer:
        """Choose another slot."""
        answer: ProgressAnswer = self._call("PUT", "/v1/mailbox/slot", body=body, callers=("receipt", "mailbox"))
        return answer

    def consent(self, *, language: Literal["en", "cy"] | None = None) -> StatementAnswer:
        """What somebody agrees to before a partner refers them, in force now."""
        answer: StatementAnswer = self._call("GET", "/v1/consent", query={"language": language})
        return answer

    def refer(self, body: ReferralSubmission | SealedReferral, *, idempotency_key: str | None = None) -> ReferralAnswer:
        """Refer somebody with their consent: they are rung, and nobody is given a receipt."""
        answer: ReferralAnswer = self._call(
            "POST", "/v1/referrals", body=body, key=idempotency_key, repeatable=True, callers=("partner",)
        )
        return answer

    def referral_status(self, referral_id: str) -> ReferralAnswer:
        """Whether a referral of one's own is closed; one that is stored late is not known for a while."""
        answer: ReferralAnswer = self._call("GET", f"/v1/referrals/{_part(referral_id)}", callers=("partner",))
        return answer

    def list_signposts(
        self,
        *,
        audience: Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"]
        | None = None,
        topic: Literal[
            "stopping",
            "self-help",
            "emotional-support",
            "worried-about-someone",
            "young-people",
            "protecting-children",
            "recovery",
            "reporting",
            "online-safety",
            "professionals",
            "emergency",
        ]
        | None = None,
        region: Place | None = None,
        language: Literal["en", "cy"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
    ) -> SignpostsAnswer:
        """Where else there is help."""
        answer: SignpostsAnswer = self._call(
            "GET",
            "/v1/signposts",
            query={
                "audience": audience,
                "topic": topic,
                "region": region,
                "language": language,
                "page": page,
                "per_page": per_page,
            },
        )
        return answer

    def get_signpost(self, signpost_id: str, *, language: Literal["en", "cy"] | None = None) -> SignpostAnswer:
        """One signpost."""
        answer: SignpostAnswer = self._call("GET", f"/v1/signposts/{_part(signpost_id)}", query={"language": language})
        return answer

    def search_signposts(self, body: SignpostSearch, *, language: Literal["en", "cy"] | None = None) -> SearchAnswer:
        """Search in one's own words; they stand in no address, and nothing of them is kept."""
        answer: SearchAnswer = self._call("POST", "/v1/signposts/search", body=body, query={"language": language})
        return answer

    def list_campaigns(
        self,
        *,
        when: Literal["on", "planned", "over", "all"] | None = None,
        region: Place | None = None,
        language: Literal["en", "cy"] | None = None,
    ) -> CampaignsAnswer:
        """The campaigns that are on now, and where."""
        answer: CampaignsAnswer = self._call(
            "GET", "/v1/campaigns", query={"when": when, "region": region, "language": language}
        )
        return answer

    def get_campaign(self, slug: str, *, language: Literal["en", "cy"] | None = None) -> CampaignAnswer:
        """One campaign, whenever it is or was; one that is over still points to help."""
        answer: CampaignAnswer = self._call("GET", f"/v1/campaigns/{_part(slug)}", query={"language": language})
        return answer

    def get_pack(self, slug: str, *, format: Literal["json", "zip"] | None = None) -> PackAnswer:
        """Everything that a partner sends or prints, in both languages: as JSON or as one zip."""
        answer: PackAnswer = self._call("GET", f"/v1/campaigns/{_part(slug)}/pack", query={"format": format})
        return answer

    def oruk(self) -> OrukAbout:
        """Which version of Open Referral UK this is."""
        answer: OrukAbout = self._call("GET", "/oruk")
        return answer

    def oruk_services(
        self,
        *,
        search: str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        taxonomy_term_id: str | None = None,
        taxonomy_id: str | None = None,
        minimum_age: int | None = None,
        maximum_age: int | None = None,
        start_time: str | None = None,
        end_time: str | None = None,
        day: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] | None = None,
        modified_after: str | None = None,
    ) -> OrukServices:
        """The services."""
        answer: OrukServices = self._call(
            "GET",
            "/oruk/services",
            query={
                "search": search,
                "page": page,
                "per_page": per_page,
                "taxonomy_term_id": taxonomy_term_id,
                "taxonomy_id": taxonomy_id,
                "minimum_age": minimum_age,
                "maximum_age": maximum_age,
                "start_time": start_time,
                "end_time": end_time,
                "day": day,
                "modified_after": modified_after,
            },
        )
        return answer

    def oruk_service(self, record_id: str) -> OrukWholeService:
        """One service, with all that belongs to it."""
        answer: OrukWholeService = self._call("GET", f"/oruk/services/{_part(record_id)}")
        return answer

    def oruk_service_at_locations(
        self,
        *,
        search: str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        taxonomy_term_id: str | None = None,
        taxonomy_id: str | None = None,
        minimum_age: int | None = None,
        maximum_age: int | None = None,
        start_time: str | None = None,
        end_time: str | None = None,
        day: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] | None = None,
        modified_after: str | None = None,
    ) -> OrukServicesAtLocations:
        """The services, each where it is had."""
        answer: OrukServicesAtLocations = self._call(
            "GET",
            "/oruk/service_at_locations",
            query={
                "search": search,
                "page": page,
                "per_page": per_page,
                "taxonomy_term_id": taxonomy_term_id,
                "taxonomy_id": taxonomy_id,
                "minimum_age": minimum_age,
                "maximum_age": maximum_age,
                "start_time": start_time,
                "end_time": end_time,
                "day": day,
                "modified_after": modified_after,
            },
        )
        return answer

    def oruk_service_at_location(self, record_id: str) -> OrukWholeServiceAtLocation:
        """One service where it is had."""
        answer: OrukWholeServiceAtLocation = self._call("GET", f"/oruk/service_at_locations/{_part(record_id)}")
        return answer

    def oruk_organizations(
        self,
        *,
        search: str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        taxonomy_term_id: str | None = None,
        taxonomy_id: str | None = None,
        modified_after: str | None = None,
    ) -> OrukOrganizations:
        """The organisations."""
        answer: OrukOrganizations = self._call(
            "GET",
            "/oruk/organizations",
            query={
                "search": search,
                "page": page,
                "per_page": per_page,
                "taxonomy_term_id": taxonomy_term_id,
                "taxonomy_id": taxonomy_id,
                "modified_after": modified_after,
            },
        )
        return answer

    def oruk_organization(self, record_id: str) -> OrukWholeOrganization:
        """One organisation and its services."""
        answer: OrukWholeOrganization = self._call("GET", f"/oruk/organizations/{_part(record_id)}")
        return answer

    def oruk_taxonomies(
        self, *, search: str | None = None, page: int | None = None, per_page: int | None = None
    ) -> OrukTaxonomies:
        """The taxonomies."""
        answer: OrukTaxonomies = self._call(
            "GET", "/oruk/taxonomies", query={"search": search, "page": page, "per_page": per_page}
        )
        return answer

    def oruk_taxonomy(self, record_id: str) -> OrukWholeTaxonomy:
        """One taxonomy and its terms."""
        answer: OrukWholeTaxonomy = self._call("GET", f"/oruk/taxonomies/{_part(record_id)}")
        return answer

    def oruk_taxonomy_terms(
        self,
        *,
        search: str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        taxonomy_id: str | None = None,
    ) -> OrukTerms:
        """The terms."""
        answer: OrukTerms = self._call(
            "GET",
            "/oruk/taxonomy_terms",
            query={"search": search, "page": page, "per_page": per_page, "taxonomy_id": taxonomy_id},
        )
        return answer

    def oruk_taxonomy_term(self, record_id: str) -> OrukTerm:
        """One term."""
        answer: OrukTerm = self._call("GET", f"/oruk/taxonomy_terms/{_part(record_id)}")
        return answer

    def reach(
        self,
        *,
        region: Literal[
            "none",
            "E23000001",
            "E23000002",
            "E23000003",
            "E23000004",
            "E23000005",
            "E23000006",
            "E23000007",
            "E23000008",
            "E23000009",
            "E23000010",
            "E23000011",
            "E23000012",
            "E23000013",
            "E23000014",
            "E23000015",
            "E23000016",
            "E23000017",
            "E23000018",
            "E23000019",
            "E23000020",
            "E23000021",
            "E23000022",
            "E23000023",
            "E23000024",
            "E23000025",
            "E23000026",
            "E23000027",
            "E23000028",
            "E23000029",
            "E23000030",
            "E23000031",
            "E23000032",
            "E23000033",
            "E23000034",
            "E23000035",
            "E23000036",
            "E23000037",
            "E23000038",
            "E23000039",
            "W15000001",
            "W15000002",
            "W15000003",
            "W15000004",
            "S23000009",
            "N24000001",
        ]
        | None = None,
        campaign: str | None = None,
        kind: Literal["callback", "information", "referral", "question", "visit"] | None = None,
        from_: str | None = None,
        to: str | None = None,
        by: Literal["month", "region", "campaign", "kind"] | None = None,
    ) -> ReachAnswer:
        """How many people asked for help, in figures that may be published; small ones are not shown."""
        answer: ReachAnswer = self._call(
            "GET",
            "/v1/reach",
            query={"region": region, "campaign": campaign, "kind": kind, "from": from_, "to": to, "by": by},
        )
        return answer

    def count_visit(self, body: Visit | None = None) -> None:
        """A visit's beacon, as JSON, text or a form; whatever is sent, the answer is the same and empty."""
        self._call("POST", "/v1/reach/visits", body=body)

    def list_sessions(self) -> SessionsAnswer:
        """The live, anonymous question-and-answer sessions: those ahead first."""
        answer: SessionsAnswer = self._call("GET", "/v1/sessions")
        return answer

    def get_session(self, session_id: str) -> SessionAnswer:
        """One session: when, who answers, and whether questions are taken."""
        answer: SessionAnswer = self._call("GET", f"/v1/sessions/{_part(session_id)}")
        return answer

    def session_answers(self, session_id: str, *, after: int | None = None) -> TranscriptAnswer:
        """What was answered after `after`; poll with `If-None-Match`, every few seconds."""
        answer: TranscriptAnswer = self._call(
            "GET", f"/v1/sessions/{_part(session_id)}/answers", query={"after": after}
        )
        return answer

    def ask_question(
        self, session_id: str, body: QuestionSubmission | SealedQuestion, *, idempotency_key: str | None = None
    ) -> QuestionAccepted:
        """Ask the hosts; what is not answered when the session ends is erased."""
        answer: QuestionAccepted = self._call(
            "POST", f"/v1/sessions/{_part(session_id)}/questions", body=body, key=idempotency_key, repeatable=True
        )
        return answer

    def queue(self) -> QueueAnswer:
        """How each lane stands, without content."""
        answer: QueueAnswer = self._call("GET", "/v1/desk/queue", callers=("bearer",))
        return answer

    def list_claims(self) -> ClaimsAnswer:
        """My live claims, without content."""
        answer: ClaimsAnswer = self._call("GET", "/v1/desk/claims", callers=("bearer",))
        return answer

    def claim(self, body: ClaimSubmission | None = None, *, idempotency_key: str | None = None) -> ClaimedAnswer | None:
        """Take the most urgent request, or the one whose reference a caller quotes."""
        answer: ClaimedAnswer | None = self._call(
            "POST", "/v1/desk/claims", body=body, key=idempotency_key, repeatable=True, callers=("bearer",)
        )
        return answer

    def renew(self, request_id: str, body: RenewSubmission) -> RenewedAnswer:
        """Keep it longer."""
        answer: RenewedAnswer = self._call(
            "POST", f"/v1/desk/claims/{_part(request_id)}/renew", body=body, callers=("bearer",)
        )
        return answer

    def release(self, request_id: str, body: ReleaseSubmission) -> ProgressAnswer:
        """Give it back, in its old place."""
        answer: ProgressAnswer = self._call(
            "POST", f"/v1/desk/claims/{_part(request_id)}/release", body=body, callers=("bearer",)
        )
        return answer

    def attempt(self, request_id: str, body: AttemptSubmission) -> ProgressAnswer:
        """Rung, and not reached."""
        answer: ProgressAnswer = self._call(
            "POST", f"/v1/desk/claims/{_part(request_id)}/attempts", body=body, callers=("bearer",)
        )
        return answer

    def reply(self, request_id: str, body: ReplySubmission, *, idempotency_key: str | None = None) -> RepliedAnswer:
        """Write to the requester."""
        answer: RepliedAnswer = self._call(
            "POST",
            f"/v1/desk/claims/{_part(request_id)}/replies",
            body=body,
            key=idempotency_key,
            repeatable=True,
            callers=("bearer",),
        )
        return answer

    def note(self, request_id: str, body: NoteSubmission, *, idempotency_key: str | None = None) -> ProgressAnswer:
        """Leave a note for a colleague."""
        answer: ProgressAnswer = self._call(
            "POST",
            f"/v1/desk/claims/{_part(request_id)}/notes",
            body=body,
            key=idempotency_key,
            repeatable=True,
            callers=("bearer",),
        )
        return answer

    def close(self, request_id: str, body: CloseSubmission) -> ProgressAnswer:
        """Finish it."""
        answer: ProgressAnswer = self._call(
            "POST", f"/v1/desk/claims/{_part(request_id)}/close", body=body, callers=("bearer",)
        )
        return answer

    def list_parked(self) -> AsideAnswer:
        """What the queue no longer hands out, who holds what, and who did how much."""
        answer: AsideAnswer = self._call("GET", "/v1/desk/parked", callers=("bearer",))
        return answer

    def unpark(self, request_id: str) -> ProgressAnswer:
        """Put a parked request back."""
        answer: ProgressAnswer = self._call("POST", f"/v1/desk/parked/{_part(request_id)}/release", callers=("bearer",))
        return answer

    def expel(self, request_id: str) -> ProgressAnswer:
        """Take back the claim of somebody who has left."""
        answer: ProgressAnswer = self._call(
            "POST", f"/v1/desk/claims/{_part(request_id)}/force-release", callers=("bearer",)
        )
        return answer

    def close_line(self, body: ClosuresSubmission) -> ClosuresAnswer:
        """Close the line for a time; no slot is offered in it."""
        answer: ClosuresAnswer = self._call("PUT", "/v1/desk/closures", body=body, callers=("bearer",))
        return answer

    def audit(self, *, after: int | None = None, limit: int | None = None) -> AuditAnswer:
        """The audit trail, verified."""
        answer: AuditAnswer = self._call(
            "GET", "/v1/desk/audit", query={"after": after, "limit": limit}, callers=("bearer",)
        )
        return answer

    def list_signposts_at_desk(self, *, language: Literal["en", "cy"] | None = None) -> OfferedAnswer:
        """What can be sent along with a reply."""
        answer: OfferedAnswer = self._call(
            "GET", "/v1/desk/signposts", query={"language": language}, callers=("bearer",)
        )
        return answer

    def who_am_i(self) -> MeAnswer:
        """Who is signed in, and what they may do."""
        answer: MeAnswer = self._call("GET", "/v1/desk/me", callers=("bearer",))
        return answer

    def issue_partner_key(self, body: PartnerKeySubmission) -> IssuedKeyAnswer:
        """Issue a key to a partner; it is shown this once."""
        answer: IssuedKeyAnswer = self._call("POST", "/v1/desk/partners", body=body, callers=("bearer",))
        return answer

    def list_partner_keys(self) -> PartnerKeysAnswer:
        """Every key there ever was, without the keys themselves."""
        answer: PartnerKeysAnswer = self._call("GET", "/v1/desk/partners", callers=("bearer",))
        return answer

    def revoke_partner_key(self, key_id: str) -> None:
        """Revoke a key, at once and for good."""
        self._call("DELETE", f"/v1/desk/partners/{_part(key_id)}", callers=("bearer",))

    def desk_figures(self, *, from_: str | None = None, to: str | None = None) -> DeskFiguresAnswer:
        """How long people waited and what became of requests, by lane and month, never by person."""
        answer: DeskFiguresAnswer = self._call(
            "GET", "/v1/desk/figures", query={"from": from_, "to": to}, callers=("bearer",)
        )
        return answer

    def hosted_sessions(self) -> HostedAnswer:
        """The sessions, and how many questions wait."""
        answer: HostedAnswer = self._call("GET", "/v1/desk/sessions", callers=("bearer",))
        return answer

    def hosted_answers(self, session_id: str, *, after: int | None = None) -> TranscriptAnswer:
        """What everybody may read, for the hosts."""
        answer: TranscriptAnswer = self._call(
            "GET", f"/v1/desk/sessions/{_part(session_id)}/answers", query={"after": after}, callers=("bearer",)
        )
        return answer

    def next_question(self, session_id: str, *, idempotency_key: str | None = None) -> ClaimedQuestion | None:
        """Take the next question of a session."""
        answer: ClaimedQuestion | None = self._call(
            "POST",
            f"/v1/desk/sessions/{_part(session_id)}/claims",
            key=idempotency_key,
            repeatable=True,
            callers=("bearer",),
        )
        return answer

    def answer_question(self, request_id: str, session_id: str, body: PublicAnswer) -> PlacedAnswer:
        """Answer for everybody, with the question in the words that may stand."""
        answer: PlacedAnswer = self._call(
            "POST",
            f"/v1/desk/sessions/{_part(session_id)}/questions/{_part(request_id)}/answer",
            body=body,
            callers=("bearer",),
        )
        return answer

    def answer_question_privately(self, request_id: str, session_id: str, body: PrivateAnswer) -> DoneAnswer:
        """Answer in the mailbox of whoever asked, and nowhere else."""
        answer: DoneAnswer = self._call(
            "POST",
            f"/v1/desk/sessions/{_part(session_id)}/questions/{_part(request_id)}/answer-privately",
            body=body,
            callers=("bearer",),
        )
        return answer

    def decline_question(self, request_id: str, session_id: str, body: DeclineSubmission) -> DoneAnswer:
        """Say kindly, in the mailbox, why a question is not answered here."""
        answer: DoneAnswer = self._call(
            "POST",
            f"/v1/desk/sessions/{_part(session_id)}/questions/{_part(request_id)}/decline",
            body=body,
            callers=("bearer",),
        )
        return answer

    def put_question_back(self, request_id: str, session_id: str, body: PutBackSubmission) -> DoneAnswer:
        """Leave a question to a colleague, or for later."""
        answer: DoneAnswer = self._call(
            "POST",
            f"/v1/desk/sessions/{_part(session_id)}/questions/{_part(request_id)}/release",
            body=body,
            callers=("bearer",),
        )
        return answer

    def retract_answer(self, session_id: str, entry_id: str) -> PlacedAnswer:
        """Take a public answer back."""
        answer: PlacedAnswer = self._call(
            "DELETE", f"/v1/desk/sessions/{_part(session_id)}/answers/{_part(entry_id)}", callers=("bearer",)
        )
        return answer

    def list_content_kinds(self) -> ContentKindsAnswer:
        """The kinds of record that editors write."""
        answer: ContentKindsAnswer = self._call("GET", "/v1/desk/content", callers=("bearer",))
        return answer

    def list_content(self, kind: str) -> ContentListAnswer:
        """Every record of a kind: what is out, drafts, and what is overdue for review."""
        answer: ContentListAnswer = self._call("GET", f"/v1/desk/content/{_part(kind)}", callers=("bearer",))
        return answer

    def get_content(self, kind: str, content_id: str) -> ContentAnswer:
        """A record, with the ETag that a write must name."""
        answer: ContentAnswer = self._call(
            "GET", f"/v1/desk/content/{_part(kind)}/{_part(content_id)}", callers=("bearer",)
        )
        return answer

    def draft_content(
        self, kind: str, content_id: str, body: ContentSubmission, *, revision: int | None = None
    ) -> ContentAnswer:
        """Keep a draft, of a record that is there or of a new one; readers see nothing of it."""
        answer: ContentAnswer = self._call(
            "PUT",
            f"/v1/desk/content/{_part(kind)}/{_part(content_id)}",
            body=body,
            conditions={"If-None-Match": "*"} if revision is None else {"If-Match": f'"{revision}"'},
            callers=("bearer",),
        )
        return answer

    def discard_draft(self, kind: str, content_id: str, *, revision: int) -> None:
        """Throw the draft away."""
        self._call(
            "DELETE",
            f"/v1/desk/content/{_part(kind)}/{_part(content_id)}/draft",
            conditions={"If-Match": f'"{revision}"'},
            callers=("bearer",),
        )

    def preview_content(self, kind: str, content_id: str) -> PreviewAnswer:
        """The draft as readers will see it, in both languages."""
        answer: PreviewAnswer = self._call(
            "GET", f"/v1/desk/content/{_part(kind)}/{_part(content_id)}/preview", callers=("bearer",)
        )
        return answer

    def content_history(self, kind: str, content_id: str) -> HistoryAnswer:
        """What was published."""
        answer: HistoryAnswer = self._call(
            "GET", f"/v1/desk/content/{_part(kind)}/{_part(content_id)}/history", callers=("bearer",)
        )
        return answer

    def publish_content(self, kind: str, content_id: str, *, revision: int) -> ContentAnswer:
        """Publish the draft."""
        answer: ContentAnswer = self._call(
            "POST",
            f"/v1/desk/content/{_part(kind)}/{_part(content_id)}/publish",
            conditions={"If-Match": f'"{revision}"'},
            callers=("bearer",),
        )
        return answer

    def roll_back_content(
        self, kind: str, content_id: str, body: RollBackSubmission, *, revision: int
    ) -> ContentAnswer:
        """Publish an earlier version again."""
        answer: ContentAnswer = self._call(
            "POST",
            f"/v1/desk/content/{_part(kind)}/{_part(content_id)}/roll-back",
            body=body,
            conditions={"If-Match": f'"{revision}"'},
            callers=("bearer",),
        )
        return answer

    def take_down_content(
        self, kind: str, content_id: str, body: TakeDownSubmission, *, revision: int
    ) -> ContentAnswer:
        """Publish that what a record offers has ended; it stays in the directory as such."""
        answer: ContentAnswer = self._call(
            "POST",
            f"/v1/desk/content/{_part(kind)}/{_part(content_id)}/take-down",
            body=body,
            conditions={"If-Match": f'"{revision}"'},
            callers=("bearer",),
        )
        return answer

    def erasures(self, *, after: int | None = None, limit: int | None = None) -> ErasuresAnswer:
        """What was erased, and when; from the audit trail, verified."""
        answer: ErasuresAnswer = self._call(
            "GET", "/v1/desk/erasures", query={"after": after, "limit": limit}, callers=("bearer",)
        )
        return answer

    def health(self) -> HealthAnswer:
        """Whether requests can be accepted durably, and which part is down."""
        answer: HealthAnswer = self._call("GET", "/health")
        return answer

    def openapi(self) -> dict[str, Any]:
        """This document."""
        answer: dict[str, Any] = self._call("GET", "/openapi.json")
        return answer
