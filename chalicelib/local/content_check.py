"""
The content check: says what is wrong with the texts before anybody relies on them.

`python -m chalicelib.local.content_check` prints a table and ends with status 1 if there are errors. An error
is what may not be published; a warning is a record that somebody should look at again. With `--published`, records
are checked as editors have published them, where the environment says that they are kept.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.config import Settings
from chalicelib.domain import campaigns
from chalicelib.domain.helpline import DAYS
from chalicelib.domain.records import problems_of_organization
from chalicelib.domain.searching import problems_of_words
from chalicelib.domain.signposts import (
    AUDIENCES,
    LANGUAGES,
    NATIONS,
    ContentProblem,
    is_address,
    is_phone,
    missing_languages,
    problems_of,
)
from chalicelib.wiring import House

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from chalicelib.domain.signposts import Region
    from chalicelib.usecases.publishing import Publishing

_WORDS = 256
_WORD = re.compile(r"[a-z]{3,9}")
_ONS = re.compile(r"[EWSN]\d{8}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_WHOLE_NUMBERS = (
    ("slots", "minutes"),
    ("slots", "every_minutes"),
    ("slots", "capacity"),
    ("slots", "horizon_days"),
    ("information_working_days",),
    ("attempts_limit",),
)
_LINK = campaigns.address(Settings().site, "")
"""The address of campaigns by their codes, as it is here; where it is longer, publishing says what no longer fits."""

Found = tuple[str, str]
"""A pointer into a file, and a code."""


class Checked(Protocol):
    """The content files, as they are read; `PackagedContent` is one."""

    def helpline(self) -> Mapping[str, Any]:
        """Give `helpline.toml`."""
        ...

    def statement(self) -> Mapping[str, Any]:
        """Give `statement.toml`."""
        ...

    def consent(self) -> Mapping[str, Any]:
        """Give `consent.toml`."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give `regions.json`."""
        ...

    def reference_words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give `references.toml`."""
        ...

    def organization_records(self) -> Any:  # noqa: ANN401 - whatever the file holds
        """Give `organizations.json` as it is written."""
        ...

    def help_pages(self) -> Mapping[str, Any]:
        """Give `help.toml`."""
        ...

    def search_words(self) -> Mapping[str, Any]:
        """Give `search.toml`."""
        ...

    def signpost_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the signposts as they are written, by file name."""
        ...

    def campaign_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the campaigns as they are written, by file name."""
        ...


def check(content: Checked, today: date) -> tuple[ContentProblem, ...]:
    """Check every content file; errors first, each kind in the order of the files."""
    problems: list[ContentProblem] = []
    files: tuple[tuple[str, Callable[[], Iterator[Found]]], ...] = (
        ("helpline.toml", lambda: _helpline(content.helpline())),
        ("statement.toml", lambda: _statement(content.statement())),
        ("consent.toml", lambda: _consent(content.consent())),
        ("regions.json", lambda: _regions(content.regions())),
        ("references.toml", lambda: _references(content.reference_words())),
        ("organizations.json", lambda: _organizations(content.organization_records())),
        ("help.toml", lambda: _help_pages(content.help_pages())),
        ("search.toml", lambda: problems_of_words(content.search_words(), _ids(content))),
    )
    for name, find in files:
        try:
            problems += (ContentProblem(record=name, pointer=pointer, code=code) for pointer, code in find())
        except (KeyError, TypeError, AttributeError, ValueError):
            problems.append(ContentProblem(record=name, pointer="", code="unreadable"))
    problems += _signposts(content, today)
    problems += _campaigns(content)
    return tuple(sorted(problems, key=lambda problem: problem.severity != "error"))


def _signposts(content: Checked, today: date) -> Iterator[ContentProblem]:
    try:
        records = content.signpost_records()
        codes = {region.code for region in content.regions()}
        organizations = {each["name"] for each in content.organization_records()}
    except (KeyError, TypeError, ValueError):
        yield ContentProblem(record="signposts", pointer="", code="unreadable")
        return
    if not records:
        yield ContentProblem(record="signposts", pointer="", code="missing")
    taken: set[str] = set()
    for name, record in records.items():
        if not isinstance(record, dict):
            yield ContentProblem(record=name, pointer="", code="unreadable")
            continue
        yield from problems_of(record, today, regions=codes, organizations=organizations, taken=taken)
        taken.add(str(record.get("id")))


def _campaigns(content: Checked) -> Iterator[ContentProblem]:
    try:
        records = content.campaign_records()
        regions, signposts = {region.code for region in content.regions()}, _ids(content)
    except (KeyError, TypeError, ValueError):
        yield ContentProblem(record="campaigns", pointer="", code="unreadable")
        return
    slugs: set[str] = set()
    codes: set[str] = set()
    for name, record in records.items():
        if not isinstance(record, dict):
            yield ContentProblem(record=name, pointer="", code="unreadable")
            continue
        yield from campaigns.problems_of(
            record, regions=regions, signposts=signposts, link=_LINK, taken=slugs, taken_codes=codes
        )
        slugs.add(str(record.get("id")))
        codes.add(str(record.get("code")))


def _ids(content: Checked) -> set[str]:
    return {str(record.get("id")) for record in content.signpost_records().values() if isinstance(record, dict)}


def _organizations(organizations: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    ids: set[str] = set()
    names: set[str] = set()
    for place, each in enumerate(organizations):
        found = problems_of_organization(each, ids=ids, names=names)
        yield from ((f"/{place}{pointer}", code) for pointer, code in found)
        ids.add(str(each.get("id")))
        names.add(str(each.get("name")))


def _help_pages(pages: Mapping[str, Any]) -> Iterator[Found]:
    yield from _questions(pages.get("common"), "/common")
    audiences = pages.get("audience") or {}
    yield from ((f"/audience/{audience}", "unknown-value") for audience in audiences if audience not in AUDIENCES)
    for audience in AUDIENCES:
        page = audiences.get(audience) or {}
        for field in ("title", "lead"):
            yield from missing_languages(page.get(field), f"/audience/{audience}/{field}")
        yield from _questions(page.get("questions"), f"/audience/{audience}/questions")


def _questions(questions: object, pointer: str) -> Iterator[Found]:
    if not isinstance(questions, list) or not questions:
        yield pointer, "missing"
        return
    for place, each in enumerate(questions):
        for field in ("question", "answer"):
            yield from missing_languages(each.get(field), f"{pointer}/{place}/{field}")


def _helpline(helpline: Mapping[str, Any]) -> Iterator[Found]:
    for field in ("name", "hours_text", "emergency"):
        yield from missing_languages(helpline.get(field), f"/{field}")
    if not _is_text(helpline.get("organisation")):
        yield "/organisation", "missing"
    if not is_address(helpline.get("website")):
        yield "/website", "bad-url"
    if helpline.get("nation") not in NATIONS:
        yield "/nation", "unknown-value"
    if not _is_timezone(helpline.get("timezone")):
        yield "/timezone", "unknown-value"
    yield from _phones(helpline.get("phones"))
    hours = helpline.get("hours") or {}
    for day in DAYS:
        yield from ((f"/hours/{day}", code) for code in _shifts(hours.get(day)))
    yield from ((f"/hours/{day}", "unknown-value") for day in hours if day not in DAYS)
    if not any(hours.values()):
        yield "/hours", "never-open"
    yield from _whole_numbers(helpline)


def _phones(phones: object) -> Iterator[Found]:
    if not isinstance(phones, list) or not phones:
        yield "/phones", "missing"
        return
    for place, phone in enumerate(phones):
        number = {field: value for field, value in phone.items() if field != "label"}
        if "e164" not in number or not is_phone(number):
            yield f"/phones/{place}", "bad-phone"
        yield from missing_languages(phone.get("label"), f"/phones/{place}/label")


def _shifts(shifts: object) -> Iterator[str]:
    """Check a day's shifts: written as a clock shows them, each ending after it begins, none overlapping."""
    if not isinstance(shifts, list):
        yield "missing"
        return
    ends = "00:00"
    for shift in shifts:
        if not isinstance(shift, list) or len(shift) != len(("opens", "closes")) or not all(map(_is_clock, shift)):
            yield "bad-hours"
            return
        opens, closes = shift
        if opens == "24:00" or closes <= opens:
            yield "bad-hours"
        if opens < ends:
            yield "overlapping"
        ends = closes


def _whole_numbers(helpline: Mapping[str, Any]) -> Iterator[Found]:
    for path in _WHOLE_NUMBERS:
        value: Any = helpline
        for step in path:
            value = value.get(step, {})
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            yield "/" + "/".join(path), "bad-number"


def _statement(statement: Mapping[str, Any]) -> Iterator[Found]:
    if not re.fullmatch(r"\d{4}-\d\d", str(statement.get("version"))):
        yield "/version", "bad-version"
    paragraphs: set[int] = set()
    for language in LANGUAGES:
        part = statement.get(language) or {}
        yield from ((f"/{language}/{field}", "missing") for field in ("title", "text") if not _is_text(part.get(field)))
        summary = part.get("summary")
        if not isinstance(summary, list) or not summary or not all(map(_is_text, summary)):
            yield f"/{language}/summary", "missing"
        paragraphs.add(len(str(part.get("text", "")).strip().split("\n\n")))
    if len(paragraphs) > 1:
        yield "/text", "languages-differ"
    if len({len(part.get("summary") or ()) for part in (statement.get(one) or {} for one in LANGUAGES)}) > 1:
        yield "/summary", "languages-differ"


def _consent(consent: Mapping[str, Any]) -> Iterator[Found]:
    versions = consent["versions"]
    if consent["in_force"] not in versions:
        yield "/in_force", "unknown-value"
    for version, part in versions.items():
        found = _statement({**part, "version": version})
        yield from ((f"/versions/{version}{pointer}", code) for pointer, code in found)


def _regions(regions: Sequence[Region]) -> Iterator[Found]:
    if not regions:
        yield "", "missing"
    seen: set[str] = set()
    for region in regions:
        if not _ONS.fullmatch(region.code):
            yield f"/{region.code}", "bad-code"
        if region.code in seen:
            yield f"/{region.code}", "duplicate"
        if region.nation not in NATIONS:
            yield f"/{region.code}/nation", "unknown-value"
        yield from missing_languages(region.name, f"/{region.code}/name")
        seen.add(region.code)


def _references(words: tuple[Sequence[str], Sequence[str]]) -> Iterator[Found]:
    seen: set[str] = set()
    for name, part in zip(("first", "second"), words, strict=True):
        if len(part) != _WORDS:
            yield f"/{name}", "not-256"
        for place, word in enumerate(part):
            if not isinstance(word, str) or not _WORD.fullmatch(word):
                yield f"/{name}/{place}", "bad-word"
            if word in seen:
                yield f"/{name}/{place}", "duplicate"
            seen.add(word)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_clock(value: object) -> bool:
    return isinstance(value, str) and bool(_CLOCK.fullmatch(value))


def _is_timezone(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ZoneInfo(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def table(problems: Sequence[ContentProblem]) -> str:
    """Lay the problems out as a short table, with a line that sums them up."""
    rows = [(problem.severity, problem.record, problem.pointer or "/", problem.code) for problem in problems]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    errors = sum(problem.severity == "error" for problem in problems)
    return "\n".join([*lines, f"Content check: {errors} errors, {len(problems) - errors} warnings."])


def with_published(problems: Sequence[ContentProblem], publishing: Publishing) -> tuple[ContentProblem, ...]:
    """
    Put what is wrong with published records in the place of what is stale in the packaged ones that they replace.

    A packaged record that is out no more may be as old as it likes.
    """
    out = [
        entry
        for kind in publishing.kinds
        for entry in publishing.entries(kind.name)
        if entry.written.published is not None
    ]
    replaced = {entry.record_id for entry in out}
    found = (
        ContentProblem(record=entry.record_id, pointer=each.pointer, code=each.code, severity=each.severity)
        for entry in out
        for each in publishing.problems_of_what_is_out(entry)
    )
    left = (each for each in problems if each.severity == "error" or each.record not in replaced)
    return tuple(sorted((*left, *found), key=lambda problem: problem.severity != "error"))


def main(arguments: Sequence[str]) -> int:
    """Check the content as of today, with `--published` as editors have left it; return the exit status."""
    published = "--published" in arguments
    house = House.from_environment() if published else House(Settings())
    problems = check(house.content, house.clock.now().date())
    if published and house.has_publications:
        problems = with_published(problems, house.publishing)
    sys.stdout.write(table(problems) + "\n")
    return int(any(problem.severity == "error" for problem in problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
