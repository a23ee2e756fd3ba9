"""The content check: the seed content passes it, and it finds what would mislead somebody."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.adapters.content import PACKAGED, ContentBroken, PackagedContent
from chalicelib.domain.helpline import read_helpline, read_statement
from chalicelib.domain.signposts import AUDIENCES, LANGUAGES, TOPICS, problems_of
from chalicelib.local.content_check import check, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TODAY = date(2026, 11, 24)
REGIONS = ("E23000005", "W15000001")


def record(**changes: object) -> dict[str, object]:
    """Give a complete record, with *changes*; a change to None leaves the field out."""
    complete: dict[str, object] = {
        "id": "quiet-line",
        "name": {"en": "Quiet line", "cy": "Llinell dawel"},
        "summary": {"en": "Somebody to talk to.", "cy": "Rhywun i siarad â nhw."},
        "url": "https://example.org/help",
        "phones": [{"number": "0808 157 0192", "e164": "+448081570192", "free": True}],
        "audience": ["survivor"],
        "topics": ["recovery"],
        "regions": ["UK"],
        "languages": ["en"],
        "anonymous": True,
        "organization": {"name": "Example"},
        "source": "https://example.org/",
        "assured_date": "2026-11-01",
        "review_days": 180,
        "licence": "https://creativecommons.org/licenses/by/4.0/",
    }
    return {name: value for name, value in {**complete, **changes}.items() if value is not None}


def found(changed: dict[str, object], **options: Any) -> list[tuple[str, str]]:
    """Give what is wrong with a record, as pointers and codes."""
    problems = problems_of(changed, TODAY, regions=REGIONS, organizations={"Example"}, **options)
    return [(one.pointer, one.code) for one in problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the seed content to where a test may spoil it."""
    return shutil.copytree(PACKAGED, tmp_path / "content")


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Change a content file."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def test_the_seed_content_has_no_errors_and_nothing_stale() -> None:
    """What we ship may be published as it is."""
    assert check(PackagedContent(), TODAY) == ()


def test_what_passes_the_check_can_be_loaded() -> None:
    """Helpline, statement, words and signposts become what the rest of the house works with."""
    content = PackagedContent()
    helpline = read_helpline(content.helpline(), lambda _nation: lambda _day: False)
    statement = read_statement(content.statement())
    assert helpline.phones[0].e164 == "+448081000900"
    assert statement.version == "2026-11"
    assert set(statement.text) == set(LANGUAGES)
    assert [len(part) for part in content.reference_words()] == [256, 256]
    assert len(content.signposts()) >= 14
    assert len(content.regions()) == 45


def test_a_complete_record_is_accepted() -> None:
    """Nothing is wrong with a record that has everything, its optional fields included."""
    assert found(record()) == []
    hours = {"en": "Always.", "cy": "Bob amser."}
    assert found(record(hours=hours, minimum_age=11, maximum_age=18, regions=["E23000005", "Wales"])) == []
    assert found(record(phones=None)) == []


@pytest.mark.parametrize(
    "schedule",
    [
        {"days": [], "opens_at": "09:00", "closes_at": "17:00"},
        {"days": ["mon", "mon"], "opens_at": "09:00", "closes_at": "17:00"},
        {"days": ["monday"], "opens_at": "09:00", "closes_at": "17:00"},
        {"days": ["mon"], "opens_at": "17:00", "closes_at": "09:00"},
        {"days": ["mon"], "opens_at": "9:00", "closes_at": "17:00"},
        {"days": ["mon"], "opens_at": "09:00", "closes_at": "24:30"},
        {"days": ["mon"], "opens_at": "09:00"},
        {"days": ["mon"], "opens_at": "09:00", "closes_at": "17:00", "note": "x"},
        "mon 9 to 5",
    ],
)
def test_hours_that_no_clock_shows_are_an_error(schedule: object) -> None:
    """A directory must not send somebody to a line that is closed: days and times are exact, or refused."""
    hours = {"en": "Mondays.", "cy": "Dydd Llun."}
    good = {"days": ["mon", "sun"], "opens_at": "09:00", "closes_at": "24:00"}
    assert found(record(hours=hours, schedules=[good])) == []
    assert found(record(hours=hours, schedules=[good, schedule])) == [("/schedules/1", "bad-hours")]


@pytest.mark.parametrize("field", sorted(set(record()) - {"phones"}))
def test_a_missing_field_is_an_error(field: str) -> None:
    """Every required field is required: the source and the date it was checked on among them."""
    assert (f"/{field}", "missing") in found(record(**{field: None}))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("field", ["name", "summary", "hours"])
def test_a_text_in_one_language_only_is_an_error(field: str, language: str) -> None:
    """A text in English only is incomplete, and so is one in Welsh only or with a blank."""
    texts = {"en": "Text.", "cy": "Testun."}
    assert found(record(**{field: {**texts, language: " "}})) == [(f"/{field}/{language}", "missing-language")]
    del texts[language]
    assert found(record(**{field: texts})) == [(f"/{field}/{language}", "missing-language")]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"audience": ["survivor", "everybody"]}, ("/audience/1", "unknown-value")),
        ({"topics": ["weather"]}, ("/topics/0", "unknown-value")),
        ({"regions": ["E23999999"]}, ("/regions/0", "unknown-value")),
        ({"regions": "UK"}, ("/regions", "missing")),
        ({"audience": []}, ("/audience", "missing")),
        ({"topics": ["recovery", "recovery"]}, ("/topics", "repeated")),
        ({"languages": ["English"]}, ("/languages", "unknown-value")),
        ({"url": "http://example.org/"}, ("/url", "bad-url")),
        ({"organization": {"name": "Nobody"}}, ("/organization/name", "unknown-value")),
        ({"status": "closed"}, ("/status", "unknown-value")),
        ({"last_modified": "2026-11-24"}, ("/last_modified", "bad-date")),
        ({"last_modified": "2026-11-24T12:00:00"}, ("/last_modified", "bad-date")),
        ({"schedules": []}, ("/schedules", "missing")),
        ({"schedules": [{"days": ["mon"], "opens_at": "09:00", "closes_at": "17:00"}]}, ("/hours", "missing")),
        ({"url": "https://example"}, ("/url", "bad-url")),
        ({"url": "https://somebody@example.org/"}, ("/url", "bad-url")),
        ({"url": "https://example.org/a page"}, ("/url", "bad-url")),
        ({"url": "https://[example.org/"}, ("/url", "bad-url")),
        ({"source": "a leaflet"}, ("/source", "bad-url")),
        ({"phones": [{"number": "ring us", "free": True}]}, ("/phones/0", "bad-phone")),
        ({"phones": [{"number": "0808 157 0192"}]}, ("/phones/0", "bad-phone")),
        (
            {"phones": [{"number": "0808 157 0192", "e164": "+448081570193", "free": True}]},
            ("/phones/0", "bad-phone"),
        ),
        ({"assured_date": "1 November 2026"}, ("/assured_date", "bad-date")),
        ({"assured_date": "2026-02-30"}, ("/assured_date", "bad-date")),
        ({"review_days": 0}, ("/review_days", "bad-number")),
        ({"minimum_age": 19, "maximum_age": 18}, ("/minimum_age", "bad-age")),
        ({"anonymous": "yes"}, ("/anonymous", "bad-flag")),
        ({"organization": {"name": ""}}, ("/organization/name", "missing")),
        ({"id": "Quiet Line"}, ("/id", "bad-id")),
        ({"telephone": "0808 157 0192"}, ("/telephone", "unknown-field")),
    ],
)
def test_a_value_that_would_mislead_is_an_error(changes: dict[str, object], problem: tuple[str, str]) -> None:
    """A word outside the lists, an address that cannot work, a slip of the pen: found, and alone."""
    assert found(record(**changes)) == [problem]


def test_an_id_that_is_taken_is_an_error() -> None:
    """Two records of one name would hide each other."""
    assert found(record(), taken={"quiet-line"}) == [("/id", "duplicate")]


def test_a_record_is_stale_the_day_after_its_review_was_due() -> None:
    """A record is warned about once its review interval is over, and not on its last day."""
    due = date(2026, 11, 1) + timedelta(days=180)
    assert problems_of(record(), due, regions=REGIONS) == ()
    (problem,) = problems_of(record(), due + timedelta(days=1), regions=REGIONS)
    assert (problem.severity, problem.code, problem.pointer) == ("warning", "stale", "/assured_date")


def test_stale_seed_content_warns_and_is_no_error() -> None:
    """An old record still helps somebody: the check passes and names each of them."""
    problems = check(PackagedContent(), date(2028, 1, 1))
    assert {problem.severity for problem in problems} == {"warning"}
    assert len(problems) == len(PackagedContent().signposts())


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        (
            "helpline.toml",
            'label = { en = "From Ireland", cy',
            "label = { cy",
            ("/phones/1/label/en", "missing-language"),
        ),
        ("helpline.toml", "+448081000900", "+448081000901", ("/phones/0", "bad-phone")),
        (
            "helpline.toml",
            'fri = [["09:00", "17:00"]]',
            'fri = [["17:00", "09:00"]]',
            ("/hours/fri", "bad-hours"),
        ),
        (
            "helpline.toml",
            'fri = [["09:00", "17:00"]]',
            'fri = [["9am", "5pm"]]',
            ("/hours/fri", "bad-hours"),
        ),
        (
            "helpline.toml",
            'fri = [["09:00", "17:00"]]',
            'fri = [["09:00", "13:00"], ["12:00", "17:00"]]',
            ("/hours/fri", "overlapping"),
        ),
        ("helpline.toml", "sun = []\n", "", ("/hours/sun", "missing")),
        ("helpline.toml", "capacity = 120", "capacity = 0", ("/slots/capacity", "bad-number")),
        ("helpline.toml", 'nation = "England"', 'nation = "Albion"', ("/nation", "unknown-value")),
        ("helpline.toml", "Europe/London", "Europe/Londres", ("/timezone", "unknown-value")),
        ("statement.toml", 'version = "2026-11"', "", ("/version", "bad-version")),
        ("statement.toml", 'title = "Beth', 'heading = "Beth', ("/cy/title", "missing")),
        ("statement.toml", "ring 999.\n", "ring 999.\n\nMore.\n", ("/text", "languages-differ")),
        ("consent.toml", 'in_force = "2026-11"', 'in_force = "2026-12"', ("/in_force", "unknown-value")),
        ("consent.toml", 'title = "Beth', 'heading = "Beth', ("/versions/2026-11/cy/title", "missing")),
        ("consent.toml", "ring 999.\n", "ring 999.\n\nMore.\n", ("/versions/2026-11/text", "languages-differ")),
        ("references.toml", '"amber", ', "", ("/first", "not-256")),
        ("references.toml", '"falcon"', '"amber"', ("/second/78", "duplicate")),
        ("references.toml", '"falcon"', '"Falcon"', ("/second/78", "bad-word")),
        ("regions.json", '"Gogledd Cymru"', '""', ("/W15000001/name/cy", "missing-language")),
        ("regions.json", '"E23000002"', '"E23000001"', ("/E23000001", "duplicate")),
        ("regions.json", "[\n", "{\n", ("", "unreadable")),
    ],
)
def test_a_spoiled_file_is_an_error(folder: Path, name: str, old: str, new: str, problem: tuple[str, str]) -> None:
    """Helpline, statement, words and regions are held to the same standard as the signposts."""
    rewrite(folder / name, lambda text: text.replace(old, new))
    errors = [(one.record, one.pointer, one.code) for one in check(PackagedContent(folder), TODAY)]
    assert (name, *problem) in errors


def test_split_shifts_are_welcome(folder: Path) -> None:
    """A line that closes over lunch is open twice a day."""
    twice = 'fri = [["09:00", "12:30"], ["13:30", "24:00"]]'
    rewrite(folder / "helpline.toml", lambda text: text.replace('fri = [["09:00", "17:00"]]', twice))
    assert check(PackagedContent(folder), TODAY) == ()


def test_two_files_with_one_id_are_found(folder: Path) -> None:
    """The second of two records of the same name is refused."""
    shutil.copy(folder / "signposts" / "06-childline.json", folder / "signposts" / "99-childline.json")
    (problem,) = check(PackagedContent(folder), TODAY)
    assert (problem.record, problem.code) == ("childline", "duplicate")


def test_an_incomplete_record_is_never_served(folder: Path) -> None:
    """Content that would fail the check stops the start-up with the file's name, and is not shown half."""
    path = folder / "signposts" / "06-childline.json"
    rewrite(path, lambda text: json.dumps({**json.loads(text), "assured_date": "soon"}))
    with pytest.raises(ContentBroken, match=r"06-childline\.json"):
        PackagedContent(folder).signposts()


def test_content_is_read_once() -> None:
    """A second request finds everything in memory."""
    content = PackagedContent()
    assert content.signposts() is content.signposts()
    assert content.helpline() is content.helpline()


def test_every_audience_and_topic_leads_somewhere() -> None:
    """Nobody who picks from the published lists is left with an empty page."""
    signposts = PackagedContent().signposts()
    assert {one for signpost in signposts for one in signpost.audience} == set(AUDIENCES)
    assert {one for signpost in signposts for one in signpost.topics} == set(TOPICS)


def test_the_table_says_what_and_where() -> None:
    """Whoever runs the check reads record, place and reason on one line, and the sums below."""
    problems = problems_of(record(url="nowhere"), date(2030, 1, 1), regions=REGIONS)
    lines = table(problems).splitlines()
    assert lines[0].split() == ["error", "quiet-line", "/url", "bad-url"]
    assert lines[1].split() == ["warning", "quiet-line", "/assured_date", "stale"]
    assert lines[2] == "Content check: 1 errors, 1 warnings."


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        ("organizations.json", '"id": "nspcc"', '"id": "samaritans"', ("/2/id", "duplicate")),
        (
            "organizations.json",
            '"cy": "Rhywun i siarad',
            '"xx": "Rhywun i siarad',
            ("/2/description/cy", "missing-language"),
        ),
        ("organizations.json", '"https://napac.org.uk/"', '"napac"', ("/3/website", "bad-url")),
        ("organizations.json", '"name": "Samaritans"', '"name": ""', ("/2/name", "missing")),
        ("help.toml", "[audience.survivor]", "[audience.survivors]", ("/audience/survivors", "unknown-value")),
        ("help.toml", "[[common]]", "[[shared]]", ("/common", "missing")),
        ("help.toml", 'cy = "Pa ieithoedd', 'de = "Pa ieithoedd', ("/common/2/question/cy", "missing-language")),
        ("search.toml", 'signposts = ["shore"]', 'signposts = ["store"]', ("/meaning/4/signposts/0", "unknown-value")),
    ],
)
def test_what_is_wrong_beside_the_signposts_is_found(
    folder: Path, name: str, before: str, after: str, problem: tuple[str, str]
) -> None:
    """Organisations, the pages for each audience and the words of the search are checked like the signposts."""
    rewrite(folder / name, lambda text: text.replace(before, after))
    problems = check(PackagedContent(folder), TODAY)
    assert (name, *problem) in {(one.record, one.pointer, one.code) for one in problems}


def test_a_signpost_of_an_organisation_that_is_not_described_cannot_be_loaded(folder: Path) -> None:
    """Who offers help is described, or the content is refused as a whole."""
    rewrite(folder / "organizations.json", lambda text: text.replace('"name": "NSPCC"', '"name": "Another"'))
    with pytest.raises(ContentBroken):
        PackagedContent(folder).signposts()
