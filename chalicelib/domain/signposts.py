"""
Signposts: where else there is help, for whom, about what and where.

A signpost points to one offer of help by one organisation. The texts are data that people have reviewed
(`content/signposts/`); this module knows which words the data may use, which records suit somebody, how to
find one in people's own words, and what is wrong with a record before it is published.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, TypeGuard
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

LANGUAGES: tuple[str, ...] = ("en", "cy")
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

_OTHER_WORDS: Mapping[str, Mapping[str, str]] = {
    "own-behaviour": {
        "en": "myself urges feelings ashamed attracted images pictures viewing internet",
        "cy": "chwant ysfa teimladau cywilydd delweddau lluniau gwylio rhyngrwyd",
    },
    "someone-else": {
        "en": "husband wife partner boyfriend girlfriend father mother brother sister family friend arrested",
        "cy": "gŵr gwraig partner cariad tad mam brawd chwaer perthynas teulu ffrind arestio",
    },
    "young-person": {
        "en": "teenager teen son daughter boy girl school friend",
        "cy": "arddegau mab merch bachgen plentyn ysgol ffrind",
    },
    "child-at-risk": {
        "en": "son daughter grandchild niece nephew children unsafe harm",
        "cy": "mab merch ŵyr wyres nith nai plant niwed anniogel",
    },
    "survivor": {
        "en": "childhood past happened victim abused",
        "cy": "plentyndod gorffennol digwydd dioddefwr cam-drin",
    },
    "professional": {
        "en": "teacher social worker nurse doctor police officer coach work",
        "cy": "athro athrawes gweithiwr cymdeithasol nyrs meddyg heddwas hyfforddwr gwaith",
    },
    "stopping": {"en": "stop quit control change", "cy": "stopio peidio rheoli newid"},
    "self-help": {"en": "read exercises advice website", "cy": "darllen ymarferion cyngor gwefan"},
    "emotional-support": {
        "en": "talk listen lonely sad anxious suicidal crisis",
        "cy": "siarad gwrando unig trist pryderus hunanladdol argyfwng",
    },
    "reporting": {"en": "report tell police", "cy": "adrodd hysbysu heddlu"},
    "online-safety": {"en": "internet phone chat website", "cy": "rhyngrwyd ffôn sgwrs gwefan"},
    "emergency": {"en": "danger urgent ambulance police now", "cy": "perygl brys ambiwlans heddlu nawr"},
}
"""Words in which people look for an audience or a topic; they are searched and never shown."""

_TOKEN = re.compile(r"[^\W_]+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_NUMBER = re.compile(r"\+?\d[\d ]{1,19}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SHORTEST_STEM = 4
_OLDEST = 120
_EXACT = 3
_NAME, _LABEL, _SUMMARY, _OTHER = 4, 3, 2, 1

_TEXTS = ("name", "summary", "hours")
_REQUIRED = frozenset(
    {
        "id", "name", "summary", "url", "audience", "topics", "regions", "languages", "anonymous",
        "organization", "source", "assured_date", "review_days", "licence",
    }
)  # fmt: skip
_FIELDS = _REQUIRED | {"hours", "phones", "minimum_age", "maximum_age"}


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
class Organization:
    """Who offers the help."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signpost:
    """
    One offer of help.

    Texts are by language. *languages* are those in which the help is given, which may differ from those of
    the texts. *anonymous* is true only where we know that nobody has to say who they are. *source* is the
    page on which the record was checked, on *assured_date*; after *review_days* it counts as stale.
    """

    id: str
    name: Mapping[str, str]
    summary: Mapping[str, str]
    hours: Mapping[str, str] | None = None
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


def folded(text: str) -> tuple[str, ...]:
    """Reduce a text to the words that are compared: no case, accents or punctuation, so "tŷ" is "ty"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return tuple(_TOKEN.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


_FILLER: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        folded(
            "a about am an and any are as at be been but by can could do does for from get has have he her "
            "him his how i if in is it its ll m me my of on or our s she should so some t that the their "
            "them they this to ve was we what when where who will with would you your"
        )
    ),
    "cy": frozenset(
        folded(
            "a ac ag ai am ar at beth bod chi dw ei eich ein er eu fe fel fi fo fod fy fyddai gan gyda hi "
            "hwn i mae mewn na nac neu ni nid nhw o oes os pan pwy roedd rwy rwyf rydw s sut sy sydd ti un "
            "wedi y ydw yn yr"
        )
    ),
}
"""Words that say nothing about what is looked for."""


def words_of(signpost: Signpost, language: str) -> Mapping[str, int]:
    """Give the words under which a signpost is found in *language*; weighed by where they stand."""
    weighed: dict[str, int] = {}
    tags = (*signpost.audience, *signpost.topics)
    labels = (AUDIENCES.get(tag) or TOPICS[tag] for tag in tags)
    others = (_OTHER_WORDS[tag] for tag in tags if tag in _OTHER_WORDS)
    for weight, texts in (
        (_NAME, (signpost.name[language], signpost.organization.name)),
        (_LABEL, (label[language] for label in labels)),
        (_SUMMARY, (signpost.summary[language],)),
        (_OTHER, (words[language] for words in others)),
    ):
        for word in {word for text in texts for word in folded(text)} - _FILLER[language]:
            weighed[word] = weighed.get(word, 0) + weight
    return weighed


def search(
    found_under: Iterable[tuple[Signpost, Mapping[str, int]]], text: str, *, language: str
) -> tuple[Signpost, ...]:
    """
    Find signposts in people's own words, best first.

    Every word that says something counts once, at the weight of the best word it agrees with; a signpost that
    agrees with more of them comes first, then the heavier, then as the content is ordered. A word agrees with
    an equal one, which counts three times, and, from four letters on, with one that begins with it or that it
    begins with: "stopping" finds "stop". Not every word has to be found, so a whole sentence may be typed.
    *found_under* pairs signposts with their `words_of`.
    """
    terms = tuple(dict.fromkeys(term for term in folded(text) if term not in _FILLER[language]))
    ranked: list[tuple[int, int, int, Signpost]] = []
    for place, (signpost, weighed) in enumerate(found_under):
        weights = [weight for weight in (_weight(term, weighed) for term in terms) if weight]
        if weights:
            ranked.append((-len(weights), -sum(weights), place, signpost))
    return tuple(signpost for _, _, _, signpost in sorted(ranked, key=lambda entry: entry[:3]))


def _weight(term: str, weighed: Mapping[str, int]) -> int:
    exact = _EXACT * weighed.get(term, 0)
    if exact or len(term) < _SHORTEST_STEM:
        return exact
    return max(
        (
            weight
            for word, weight in weighed.items()
            if word.startswith(term) or (len(word) >= _SHORTEST_STEM and term.startswith(word))
        ),
        default=0,
    )


def problems_of(
    record: Mapping[str, object], today: date, *, regions: Collection[str], taken: Collection[str] = ()
) -> tuple[ContentProblem, ...]:
    """
    Find everything that is wrong with a record, as it is written, before anybody is sent somewhere by it.

    Errors are what may not be published: a missing text or language, no source or date, a word outside the
    lists, an address that cannot be opened, an id that is already *taken*. A warning is a record that has not
    been checked within its own `review_days`: still better than nothing, and somebody should look. *regions*
    are the ONS codes.
    """
    name = str(record.get("id") or "?")
    errors = [
        ContentProblem(record=name, pointer=pointer, code=code)
        for pointer, code in (
            *_shape(record),
            *_identity(record, taken),
            *_texts(record),
            *_addresses(record),
            *_phones(record.get("phones", [])),
            *_lists(record, frozenset(regions)),
            *_numbers(record),
        )
    ]
    assured_date, review_days = _day(record.get("assured_date")), record.get("review_days")
    if assured_date is None or not _is_whole(review_days) or not review_days:
        return tuple(errors)
    if assured_date + timedelta(days=min(review_days, 36500)) < today:
        errors.append(ContentProblem(record=name, pointer="/assured_date", code="stale", severity="warning"))
    return tuple(errors)


def _shape(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    yield from ((f"/{field}", "missing") for field in sorted(_REQUIRED - record.keys()))
    yield from ((f"/{field}", "unknown-field") for field in sorted(record.keys() - _FIELDS))


def _identity(record: Mapping[str, object], taken: Collection[str]) -> Iterator[tuple[str, str]]:
    if "id" not in record:
        return
    identity = record["id"]
    if not isinstance(identity, str) or not _SLUG.fullmatch(identity):
        yield "/id", "bad-id"
    elif identity in taken:
        yield "/id", "duplicate"


def _texts(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for field in (field for field in _TEXTS if field in record):
        yield from missing_languages(record[field], f"/{field}")
    if "organization" in record:
        organization = record["organization"]
        if not isinstance(organization, dict) or not _is_text(organization.get("name")):
            yield "/organization/name", "missing"


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
    ages = [record[field] for field in ("minimum_age", "maximum_age") if field in record]
    whole = [age for age in ages if _is_whole(age) and age <= _OLDEST]
    if len(whole) < len(ages) or whole != sorted(whole):
        yield "/minimum_age", "bad-age"


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
