"""
Signposts: where else there is help, for whom, about what and where.

A signpost points to one offer of help by one organisation. The texts are data that people have reviewed
(`content/signposts/`); this module knows which words the data may use, which records suit somebody, and what is wrong
with a record before it is published.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, TypeGuard
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

LANGUAGES: tuple[str, ...] = ("en", "cy")
ACTIVE = "active"
STATUSES: tuple[str, ...] = (ACTIVE, "inactive", "temporarily closed", "defunct")
"""The words of Open Referral for whether help can be had."""
WEEK: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITED_KINGDOM = "UK"
NATIONS: tuple[str, ...] = ("England", "Wales", "Scotland", "Northern Ireland")

AUDIENCES: Mapping[str, Mapping[str, str]] = {
    "own-behaviour": {
        "en": "Worried about my own thoughts or behaviour",
        "cy": "Poeni am fy meddyliau neu fy ymddygiad fy hun",
    },
    "someone-else": {"en": "Worried about another adult", "cy": "Poeni am oedolyn arall"},
    "young-person": {
        "en": "A young person, or worried about a young person's behaviour",
        "cy": "Person ifanc, neu'n poeni am ymddygiad person ifanc",
    },
    "child-at-risk": {
        "en": "Worried that a child may be at risk",
        "cy": "Poeni y gallai plentyn fod mewn perygl",
    },
    "survivor": {"en": "A survivor of abuse", "cy": "Wedi goroesi camdriniaeth"},
    "professional": {"en": "Asking as a professional", "cy": "Gofyn fel gweithiwr proffesiynol"},
}
"""Whom a signpost is for: the same words as the concerns of a request, with the names that people read."""

TOPICS: Mapping[str, Mapping[str, str]] = {
    "stopping": {"en": "Stopping behaviour that worries you", "cy": "Stopio ymddygiad sy'n eich poeni"},
    "self-help": {"en": "Help to use on your own", "cy": "Cymorth i'w ddefnyddio ar eich pen eich hun"},
    "emotional-support": {"en": "Somebody to talk to", "cy": "Rhywun i siarad â nhw"},
    "worried-about-someone": {"en": "Worried about someone else", "cy": "Poeni am rywun arall"},
    "young-people": {"en": "Help for young people", "cy": "Cymorth i bobl ifanc"},
    "protecting-children": {"en": "Keeping children safe", "cy": "Cadw plant yn ddiogel"},
    "recovery": {"en": "Support for survivors", "cy": "Cefnogaeth i oroeswyr"},
    "reporting": {"en": "Reporting a concern", "cy": "Rhoi gwybod am bryder"},
    "online-safety": {"en": "Safety online", "cy": "Diogelwch ar-lein"},
    "professionals": {"en": "Advice for professionals", "cy": "Cyngor i weithwyr proffesiynol"},
    "emergency": {"en": "Emergency", "cy": "Argyfwng"},
}
"""What a signpost is about, in the order in which the topics are offered."""

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_NUMBER = re.compile(r"\+?\d[\d ]{1,19}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_OLDEST = 120
LONGEST_ID = 80

_TEXTS = ("name", "summary", "hours")
_REQUIRED = frozenset(
    {
        "id", "name", "summary", "url", "audience", "topics", "regions", "languages", "anonymous",
        "organization", "source", "assured_date", "review_days", "licence",
    }
)  # fmt: skip
_FIELDS = _REQUIRED | {"hours", "schedules", "phones", "minimum_age", "maximum_age", "status", "last_modified"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A police force area, by its ONS code: the area by which campaigns are run and reach is reported."""

    code: str
    name: Mapping[str, str]
    nation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A number as it is printed and, where it can be dialled from abroad, as E.164; short codes have none."""

    number: str
    e164: str | None = None
    free: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """
    When help is open each week: the same hours on each of *days* (`mon` to `sun`), by the clock of the United Kingdom.

    *opens_at* and *closes_at* are `HH:MM`; `24:00` is the end of the day.
    """

    days: tuple[str, ...]
    opens_at: str
    closes_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Who offers the help; its *name* is how signposts refer to it."""

    id: str
    name: str
    description: Mapping[str, str]
    website: str | None = None
    last_modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signpost:
    """
    One offer of help.

    Texts are by language. *languages* are those in which the help is given, which may differ from those of
    the texts. *anonymous* is true only where we know that nobody has to say who they are. *source* is the
    page on which the record was checked, on *assured_date*; after *review_days* it counts as stale. *status* is
    `active` for help that can be had; what is no longer offered keeps its record, so that directories learn of it.
    """

    id: str
    name: Mapping[str, str]
    summary: Mapping[str, str]
    hours: Mapping[str, str] | None = None
    schedules: tuple[Schedule, ...] = ()
    url: str
    phones: tuple[Phone, ...] = ()
    audience: tuple[str, ...]
    topics: tuple[str, ...]
    regions: tuple[str, ...]
    languages: tuple[str, ...]
    minimum_age: int | None = None
    maximum_age: int | None = None
    anonymous: bool
    organization: Organization
    source: str
    assured_date: date
    review_days: int
    licence: str
    status: str = ACTIVE
    last_modified: datetime | None = None

    @property
    def modified_at(self) -> datetime:
        """When anything that is said about this help last changed, its check and its organisation included."""
        assured_at = datetime.combine(self.assured_date, time(0), UTC)
        return max(assured_at, self.organization.last_modified, self.last_modified or assured_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentProblem:
    """Something wrong with content: which record, where in it, what, and whether it may be published."""

    record: str
    pointer: str
    code: str
    severity: Literal["error", "warning"] = "error"


def coverage(regions: Iterable[Region]) -> Mapping[str, frozenset[str]]:
    """
    Tell for each place that somebody can name which places' records serve them there.

    A place is an ONS code, a nation or "UK". Help for the whole nation or the whole country is help in each
    of its areas; help for one area is not help for the nation.
    """
    served_by = {UNITED_KINGDOM: frozenset({UNITED_KINGDOM})}
    served_by |= {nation: frozenset({nation, UNITED_KINGDOM}) for nation in NATIONS}
    served_by |= {region.code: frozenset({region.code, region.nation, UNITED_KINGDOM}) for region in regions}
    return served_by


def place_names(regions: Iterable[Region]) -> Mapping[str, Mapping[str, str]]:
    """Name each place for which help is offered, by language."""
    return {**_WIDE_PLACES, **{region.code: region.name for region in regions}}


_WIDE_PLACES: Mapping[str, Mapping[str, str]] = {
    UNITED_KINGDOM: {"en": "United Kingdom", "cy": "Y Deyrnas Unedig"},
    "England": {"en": "England", "cy": "Lloegr"},
    "Wales": {"en": "Wales", "cy": "Cymru"},
    "Scotland": {"en": "Scotland", "cy": "Yr Alban"},
    "Northern Ireland": {"en": "Northern Ireland", "cy": "Gogledd Iwerddon"},
}


def matches(
    signpost: Signpost,
    *,
    audience: str | None = None,
    topic: str | None = None,
    served_by: frozenset[str] | None = None,
) -> bool:
    """Tell whether a signpost suits all that was asked; None asks nothing, `coverage` gives *served_by*."""
    return (
        (audience is None or audience in signpost.audience)
        and (topic is None or topic in signpost.topics)
        and (served_by is None or not served_by.isdisjoint(signpost.regions))
    )


def problems_of(
    record: Mapping[str, object],
    today: date,
    *,
    regions: Collection[str],
    organizations: Collection[str] | None = None,
    taken: Collection[str] = (),
) -> tuple[ContentProblem, ...]:
    """
    Find everything that is wrong with a record, as it is written, before anybody is sent somewhere by it.

    Errors are what may not be published: a missing text or language, no source or date, a word outside the
    lists, an address that cannot be opened, an id that is already *taken*. A warning is a record that has not
    been checked within its own `review_days`: still better than nothing, and somebody should look. *regions*
    are the ONS codes, *organizations* the names of those that are described; None asks for no description.
    """
    name = str(record.get("id") or "?")
    errors = [
        ContentProblem(record=name, pointer=pointer, code=code)
        for pointer, code in (
            *_shape(record),
            *_identity(record, taken),
            *_texts(record),
            *_organization(record, organizations),
            *_schedules(record),
            *_addresses(record),
            *_phones(record.get("phones", [])),
            *_lists(record, frozenset(regions)),
            *_numbers(record),
        )
    ]
    review_on = to_be_reviewed(record)
    if review_on is not None and review_on < today:
        errors.append(ContentProblem(record=name, pointer="/assured_date", code="stale", severity="warning"))
    return tuple(errors)


def to_be_reviewed(record: Mapping[str, object]) -> date | None:
    """Tell until when a record counts as checked; None if it does not say."""
    assured_date, review_days = _day(record.get("assured_date")), record.get("review_days")
    if assured_date is None or not _is_whole(review_days) or not review_days:
        return None
    return assured_date + timedelta(days=min(review_days, 36500))


def is_slug(value: object) -> TypeGuard[str]:
    """Tell whether *value* can name a record: small letters and figures, in words joined by hyphens."""
    return isinstance(value, str) and len(value) <= LONGEST_ID and bool(_SLUG.fullmatch(value))


def _shape(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    yield from ((f"/{field}", "missing") for field in sorted(_REQUIRED - record.keys()))
    yield from ((f"/{field}", "unknown-field") for field in sorted(record.keys() - _FIELDS))


def _identity(record: Mapping[str, object], taken: Collection[str]) -> Iterator[tuple[str, str]]:
    if "id" not in record:
        return
    identity = record["id"]
    if not is_slug(identity):
        yield "/id", "bad-id"
    elif identity in taken:
        yield "/id", "duplicate"


def _texts(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for field in (field for field in _TEXTS if field in record):
        yield from missing_languages(record[field], f"/{field}")


def _organization(record: Mapping[str, object], known: Collection[str] | None) -> Iterator[tuple[str, str]]:
    if "organization" in record:
        organization = record["organization"]
        if not isinstance(organization, dict) or not _is_text(organization.get("name")):
            yield "/organization/name", "missing"
        elif known is not None and organization["name"] not in known:
            yield "/organization/name", "unknown-value"


def _schedules(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if "schedules" not in record:
        return
    schedules = record["schedules"]
    if not isinstance(schedules, list) or not schedules:
        yield "/schedules", "missing"
        return
    if "hours" not in record:
        yield "/hours", "missing"  # what machines are told, people are told as well
    yield from ((f"/schedules/{place}", "bad-hours") for place, each in enumerate(schedules) if not is_schedule(each))


def is_schedule(schedule: object) -> bool:
    """Tell whether *schedule* names days of the week, each once, and closes after it opens."""
    if not isinstance(schedule, dict) or schedule.keys() != {"days", "opens_at", "closes_at"}:
        return False
    days, opens_at, closes_at = schedule["days"], schedule["opens_at"], schedule["closes_at"]
    if not isinstance(days, list) or not days or not all(isinstance(day, str) and day in WEEK for day in days):
        return False
    on_a_clock = all(isinstance(at, str) and _CLOCK.fullmatch(at) for at in (opens_at, closes_at))
    return on_a_clock and opens_at < closes_at and len(set(days)) == len(days)


def missing_languages(texts: object, pointer: str) -> Iterator[tuple[str, str]]:
    """Name the languages in which a text is missing or blank, as pointers and codes."""
    by_language = texts if isinstance(texts, dict) else {}
    yield from (
        (f"{pointer}/{language}", "missing-language")
        for language in LANGUAGES
        if not _is_text(by_language.get(language))
    )


def _addresses(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for field in ("url", "source", "licence"):
        if field in record and not is_address(record[field]):
            yield f"/{field}", "bad-url"


def is_address(url: object) -> bool:
    """Tell whether *url* is a whole https address that a person can open."""
    if not isinstance(url, str) or re.search(r"[\s<>\"]", url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "https" and "." in host.strip(".") and "@" not in parts.netloc


def _phones(phones: object) -> Iterator[tuple[str, str]]:
    if not isinstance(phones, list):
        yield "/phones", "bad-phone"
        return
    for place, phone in enumerate(phones):
        if not is_phone(phone):
            yield f"/phones/{place}", "bad-phone"


def is_phone(phone: object) -> bool:
    """Tell whether *phone* can be dialled, has the same number in E.164 if at all, and says if it is free."""
    if not isinstance(phone, dict) or not phone.keys() <= {"number", "e164", "free"}:
        return False
    number, e164 = phone.get("number"), phone.get("e164")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number) or not isinstance(phone.get("free"), bool):
        return False
    if "e164" not in phone:
        return True
    digits = number.replace(" ", "")
    return isinstance(e164, str) and bool(_E164.fullmatch(e164)) and e164 in {digits, f"+44{digits.removeprefix('0')}"}


def _lists(record: Mapping[str, object], codes: frozenset[str]) -> Iterator[tuple[str, str]]:
    places = codes | {UNITED_KINGDOM, *NATIONS}
    for field, known in (("audience", AUDIENCES), ("topics", TOPICS), ("regions", places)):
        if field not in record:
            continue
        values = record[field]
        if not isinstance(values, list) or not values:
            yield f"/{field}", "missing"
            continue
        unknown = [place for place, value in enumerate(values) if not isinstance(value, str) or value not in known]
        yield from ((f"/{field}/{place}", "unknown-value") for place in unknown)
        if not unknown and len(set(values)) < len(values):
            yield f"/{field}", "repeated"
    if "languages" in record:
        languages = record["languages"]
        if not isinstance(languages, list) or not languages:
            yield "/languages", "missing"
        elif not all(
            isinstance(tag, str) and re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag) for tag in languages
        ):
            yield "/languages", "unknown-value"


def _numbers(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if "anonymous" in record and not isinstance(record["anonymous"], bool):
        yield "/anonymous", "bad-flag"
    if "assured_date" in record and _day(record["assured_date"]) is None:
        yield "/assured_date", "bad-date"
    if "review_days" in record and not (_is_whole(record["review_days"]) and record["review_days"]):
        yield "/review_days", "bad-number"
    if "status" in record and record["status"] not in STATUSES:
        yield "/status", "unknown-value"
    if "last_modified" in record and not is_instant(record["last_modified"]):
        yield "/last_modified", "bad-date"
    ages = [record[field] for field in ("minimum_age", "maximum_age") if field in record]
    whole = [age for age in ages if _is_whole(age) and age <= _OLDEST]
    if len(whole) < len(ages) or whole != sorted(whole):
        yield "/minimum_age", "bad-age"


def is_instant(value: object) -> bool:
    """Tell whether *value* is an instant in UTC, as `2026-11-24T18:05:00Z`."""
    try:
        return isinstance(value, str) and value.endswith("Z") and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
