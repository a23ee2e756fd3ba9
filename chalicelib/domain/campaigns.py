"""
Campaigns: a dated effort in one or more police force areas, with the words that send people to help.

A campaign is written by an editor, as a record; this module knows when one is on, where, and what is wrong with a
record before anybody is sent a word of it. Its *code* is what a visit or a request may carry.

State, by the day in the helpline's zone:
    planned   starts_on is still to come
    on        from starts_on to ends_on, both included
    over      after ends_on, or from closed_on on, if somebody closed it early
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from chalicelib.domain.gsm import SEPTETS, plain, septets, strangers
from chalicelib.domain.signposts import LANGUAGES, UNITED_KINGDOM, ContentProblem, is_address, missing_languages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from chalicelib.domain.signposts import Region

PLANNED, ON, OVER = "planned", "on", "over"
STATUSES: tuple[str, ...] = (PLANNED, ON, OVER)
LINK = "{link}"
"""Where a text message names the campaign's own address."""
PRINTABLE: frozenset[str] = frozenset(
    chr(code)
    for first, last in (
        (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x17F), (0x218, 0x21B), (0x1E80, 0x1E85), (0x1EF2, 0x1EF3), (0x2013, 0x2014),
        (0x2018, 0x201A), (0x201C, 0x201E), (0x2020, 0x2022), (0x2026, 0x2026), (0x2039, 0x203A), (0x20AC, 0x20AC),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""The letters that a leaflet can be set in: those of the Latin alphabets of Europe, Welsh among them."""
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PLACEHOLDER = re.compile(r"[{}\[\]<>]|%[a-z]|\bxxx+\b", re.IGNORECASE)
_ADDRESS = re.compile(r"https?:|www\.|@", re.IGNORECASE)
_TITLED = re.compile(
    r"\b(Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Dame|Cllr|PC|DC|PS|DS|DI|DCI|Det|Sgt|Sergeant|Insp|Inspector|"
    r"Constable|Superintendent|Supt|Yr Athro|Ditectif|Rhingyll|Arolygydd)\b\.? [A-ZÀ-ÖØ-ÞŴŶ]\w"
)
_SINGLED_OUT = re.compile(
    r"(?i:\bdear|\bannwyl) [A-ZÀ-ÖØ-ÞŴŶ]\w|"
    r"(?i:\bwe (know|saw|have seen|found) (that |what |where |who |out )?you\b|"
    r"\byou (have been|were|are being) (seen|watched|identified|named|reported|caught|recorded|traced)\b|"
    r"\byou are (a suspect|suspected)\b|\byour (device|computer|phone|address|number) (has|was|is)\b|"
    r"\b(rydyn ni|rydym|ry'n ni)('n| yn) gwybod (eich|ble|beth|pwy)\b|"
    r"\brydych (chi )?wedi cael eich (gweld|gwylio|enwi|adnabod|dal)\b)"
)
CODE_LIMIT, SLUG_LIMIT, NAME_LIMIT, TEXT_LIMIT, PARTNER_LIMIT = 20, 60, 80, 400, 80
PARAGRAPHS, TEXTS_BY_SMS, PARTNERS = 5, 3, 20

_REQUIRED = frozenset(
    {
        "id", "code", "name", "headline", "summary", "message", "sms", "starts_on", "ends_on", "regions",
        "partners", "signposts",
    }
)  # fmt: skip
_FIELDS = _REQUIRED | {"closed_on", "source"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """
    One campaign, as it was checked and published.

    *slug* is the record's id. Texts are by language: *summary* says what it is, *headline* and *message* (paragraphs)
    what it says to whoever meets it, *sms* the text messages that fit, with `{link}` where the address stands.
    *partners* are organisations, never persons. *signposts* are the help it points to. *closed_on* is the day from
    which it no longer runs, where somebody ended it before *ends_on*. *source* is where what is said of a past campaign
    can be read.
    """

    slug: str
    code: str
    name: Mapping[str, str]
    headline: Mapping[str, str]
    summary: Mapping[str, str]
    message: Mapping[str, tuple[str, ...]]
    sms: Mapping[str, tuple[str, ...]]
    starts_on: date
    ends_on: date
    closed_on: date | None = None
    regions: tuple[str, ...]
    partners: tuple[str, ...]
    signposts: tuple[str, ...]
    source: str | None = None

    def status(self, today: date) -> str:
        """Say whether it is planned, on or over, on *today* in the helpline's zone."""
        if today > self.ends_on or (self.closed_on is not None and today >= self.closed_on):
            return OVER
        return PLANNED if today < self.starts_on else ON


def read_campaign(record: Mapping[str, object]) -> Campaign:
    """
    Build a campaign from a record that has passed `problems_of`.

    Raises:
        KeyError, TypeError, ValueError: it has not.
    """
    fields: dict[str, object] = {
        **{name: value for name, value in record.items() if name != "id"},
        "slug": record["id"],
        **{name: tuple(_list(record[name])) for name in ("regions", "partners", "signposts")},
        **{name: {tag: tuple(texts) for tag, texts in _mapping(record[name]).items()} for name in ("message", "sms")},
        **{name: date.fromisoformat(str(record[name])) for name in ("starts_on", "ends_on")},
        "closed_on": None if record.get("closed_on") is None else date.fromisoformat(str(record["closed_on"])),
    }
    return Campaign(**fields)  # type: ignore[arg-type]


def areas(regions: Sequence[Region]) -> Mapping[str, frozenset[str]]:
    """
    Tell for each place that somebody can name which police force areas lie in it.

    Somebody who asks for a nation is shown what runs anywhere in it.
    """
    found: dict[str, set[str]] = {UNITED_KINGDOM: set()}
    for region in regions:
        for place in (region.code, region.nation, UNITED_KINGDOM):
            found.setdefault(place, set()).add(region.code)
    return {place: frozenset(codes) for place, codes in found.items()}


def faults_of(text: str) -> tuple[str, ...]:
    """
    Say what a text holds that may be sent and printed for nobody, as codes.

    It is for everybody who meets it: it has no gap to fill in, and names and singles out no person. Names cannot be
    told for certain; titles, ranks and being addressed as somebody who is known about can.
    """
    found = (
        ("placeholder", _PLACEHOLDER.search(text)),
        ("not-printable", not PRINTABLE.issuperset(text)),
        ("names-a-person", _TITLED.search(text)),
        ("targets-a-person", _SINGLED_OUT.search(text)),
    )
    return tuple(code for code, wrong in found if wrong)


def address(site: str, code: str) -> str:
    """Give the short address of a campaign, for messages, codes and people who type."""
    return f"{site}/c/{code}"


def sms_text(text: str, link: str) -> str:
    """Give a text message as it is sent: with the address in it, in the letters of every telephone."""
    return plain(text).replace(LINK, link)


def problems_of(
    record: Mapping[str, object],
    *,
    regions: Collection[str],
    signposts: Collection[str],
    link: str,
    taken: Collection[str] = (),
    taken_codes: Collection[str] = (),
) -> tuple[ContentProblem, ...]:
    """
    Find everything that is wrong with a record, as it is written, before anybody is sent a word of it.

    Refused are a missing text or language, a day that is none, an end before the start, places and signposts that are
    not on the lists, a text message that needs more than one segment with *link* in it (the address of campaigns, up
    to the code) or has a letter that no telephone's alphabet has, and words that name, address or single out a person.
    *taken* are the ids, *taken_codes* the codes of all the other campaigns.
    """
    name = str(record.get("id") or "?")
    return tuple(
        ContentProblem(record=name, pointer=pointer, code=code)
        for pointer, code in (
            *_shape(record),
            *_identity(record, taken, taken_codes),
            *_days(record),
            *_lists(record, regions, signposts),
            *_plain_texts(record),
            *_paragraphs(record),
            *_messages(record, link),
        )
    )


def _shape(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    yield from ((f"/{field}", "missing") for field in sorted(_REQUIRED - record.keys()))
    if record.keys() - _FIELDS:
        yield "", "unknown-field"
    if record.get("source") is not None and not is_address(record["source"]):
        yield "/source", "bad-url"


def _identity(
    record: Mapping[str, object], taken: Collection[str], taken_codes: Collection[str]
) -> Iterator[tuple[str, str]]:
    for field, code, limit, others in (
        ("id", "bad-id", SLUG_LIMIT, taken),
        ("code", "bad-code", CODE_LIMIT, taken_codes),
    ):
        if field not in record:
            continue
        value = record[field]
        if not isinstance(value, str) or len(value) > limit or not _SLUG.fullmatch(value):
            yield f"/{field}", code
        elif value in others:
            yield f"/{field}", "duplicate"


def _days(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    given = {name: record[name] for name in ("starts_on", "ends_on") if name in record}
    if record.get("closed_on") is not None:
        given["closed_on"] = record["closed_on"]
    days = {name: _day(value) for name, value in given.items()}
    yield from ((f"/{name}", "bad-date") for name, day in days.items() if day is None)
    starts_on, ends_on, closed_on = days.get("starts_on"), days.get("ends_on"), days.get("closed_on")
    if starts_on and ends_on and ends_on < starts_on:
        yield "/ends_on", "ends-before-start"
    if closed_on and ends_on and closed_on > ends_on:
        yield "/closed_on", "closes-after-end"


def _lists(
    record: Mapping[str, object], regions: Collection[str], signposts: Collection[str]
) -> Iterator[tuple[str, str]]:
    for field, known in (("regions", regions), ("signposts", signposts), ("partners", None)):
        if field not in record:
            continue
        values = record[field]
        if not isinstance(values, list) or not values:
            yield f"/{field}", "missing"
            continue
        if any(not isinstance(value, str) for value in values):
            yield f"/{field}", "unknown-value"
            continue
        if len(set(values)) < len(values):
            yield f"/{field}", "repeated"
        if known is None:
            yield from _partners(values)
        else:
            yield from ((f"/{field}/{place}", "unknown-value") for place, one in enumerate(values) if one not in known)


def _partners(partners: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(partners) > PARTNERS:
        yield "/partners", "too-many"
    for place, partner in enumerate(partners):
        pointer = f"/partners/{place}"
        if not partner.strip():
            yield pointer, "missing"
        yield from _wrong_with(partner, pointer, PARTNER_LIMIT)


def _plain_texts(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for field, limit in (("name", NAME_LIMIT), ("headline", NAME_LIMIT), ("summary", TEXT_LIMIT)):
        if field not in record:
            continue
        yield from missing_languages(record[field], f"/{field}")
        for language, text in _mapping(record[field]).items():
            yield from _of_language(language, f"/{field}")
            yield from _wrong_with(text, f"/{field}/{language}", limit)


def _paragraphs(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for language, pointer, texts in _series(record, "message"):
        yield from _of_language(language, "/message")
        if len(texts) > PARAGRAPHS:
            yield pointer, "too-many"
        for place, text in enumerate(texts):
            yield from _wrong_with(text, f"{pointer}/{place}", TEXT_LIMIT)
    message = _mapping(record.get("message"))
    if len({len(_list(texts)) for texts in message.values()}) > 1:
        yield "/message", "languages-differ"


def _messages(record: Mapping[str, object], link: str) -> Iterator[tuple[str, str]]:
    sent_link = link + str(record.get("code") or "")
    for language, pointer, texts in _series(record, "sms"):
        yield from _of_language(language, "/sms")
        if len(texts) > TEXTS_BY_SMS:
            yield pointer, "too-many"
        for place, text in enumerate(texts):
            at = f"{pointer}/{place}"
            if not isinstance(text, str) or not text.strip():
                yield at, "missing"
                continue
            if text.count(LINK) != 1:
                yield at, "link-missing"
            yield from _wrong_with(text.replace(LINK, ""), at, TEXT_LIMIT)
            sent = sms_text(text, sent_link)
            if strangers(sent):
                yield at, "not-gsm-7"
            elif septets(sent) > SEPTETS:
                yield at, "too-long"


def _series(record: Mapping[str, object], field: str) -> Iterator[tuple[str, str, Sequence[object]]]:
    """Give the lists of texts of a field by language; what is missing of them has been told before."""
    if field not in record:
        return
    by_language = _mapping(record[field])
    for language in (*LANGUAGES, *(each for each in by_language if each not in LANGUAGES)):
        texts = _list(by_language.get(language))
        yield language, f"/{field}/{language}", texts or ("",)


def _of_language(language: str, pointer: str) -> Iterator[tuple[str, str]]:
    if language not in LANGUAGES:
        yield pointer, "unknown-language"


def _wrong_with(text: object, pointer: str, limit: int) -> Iterator[tuple[str, str]]:
    """Find what may stand in no text that is sent or printed: it is for everybody who meets it, and for nobody."""
    if not isinstance(text, str) or not text.strip():
        yield pointer, "missing-language" if pointer.count("/") == len(("field", "language")) else "missing"
        return
    if len(text) > limit:
        yield pointer, "too-long"
    if _ADDRESS.search(text):
        yield pointer, "own-address"
    yield from ((pointer, code) for code in faults_of(text))


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _mapping(value: object) -> Mapping[str, Sequence[str]]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[str]:
    return value if isinstance(value, list | tuple) else ()
