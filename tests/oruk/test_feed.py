"""The Open Referral feed: ids that last, filters joined with AND, pages, caching, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from feed import LISTS, SEED, Content, Feed

from chalicelib.domain.directory import ICAL_DAYS, TAXONOMIES, TERMS, identity
from chalicelib.domain.errors import Malformed, NotFound
from chalicelib.domain.signposts import WEEK
from chalicelib.http import kept
from chalicelib.http import oruk_documents as documents
from chalicelib.http.oruk import FILTERS

TERM = {(term.taxonomy.key, term.code): term.id for term in TERMS}
TAXONOMY = {taxonomy.key: taxonomy.id for taxonomy in TAXONOMIES}


@pytest.fixture(scope="module")
def feed() -> Feed:
    """Serve the seed content."""
    return Feed()


def test_ids_never_change():
    """A directory that copied us years ago still knows our records: these two ids are written down for ever."""
    assert identity("service", "childline") == "e03d1757-44b9-5178-9b02-b07ad37dc4e2"
    assert identity("organization", "nspcc") == "e336dfdd-6dc1-5639-bd39-07199bc18088"


def test_phones_are_given_though_the_uk_profile_leaves_them_out(feed):
    """A directory of helplines without their numbers would help nobody: lists and records have them."""
    listed = {each["name"]: each for each in feed("services", per_page=500)["contents"]}["Childline"]
    (phone,) = listed["phones"]
    assert (phone["number"], phone["type"], phone["description"]) == ("0800 1111", "voice", "Free to ring")
    assert feed(f"services/{listed['id']}")["phones"] == [phone]


def test_hours_are_given_as_calendars_have_them(feed):
    """The helpline is open until nine on four days and until five on Friday; a line that never closes ends at 23:59."""
    by_name = {each["name"]: each["id"] for each in feed("services", per_page=500)["contents"]}
    helpline = feed(f"services/{by_name['Stop It Now helpline']}")["schedules"]
    assert [(each["byday"], each["opens_at"], each["closes_at"]) for each in helpline] == [
        ("MO,TU,WE,TH", "09:00", "21:00"),
        ("FR", "09:00", "17:00"),
    ]
    (always,) = feed(f"services/{by_name['Samaritans']}")["schedules"]
    assert (always["byday"], always["opens_at"], always["closes_at"]) == ("MO,TU,WE,TH,FR,SA,SU", "00:00", "23:59")
    assert tuple(ICAL_DAYS.values()) == WEEK


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"minimum_age": 18}, {"NAPAC"}),
        ({"minimum_age": 19}, set()),
        ({"maximum_age": 18}, {"Childline"}),
        ({"maximum_age": 17}, set()),
        ({"minimum_age": 18, "maximum_age": 18}, set()),
        ({"day": "FR", "end_time": "17:00"}, {"Stop It Now helpline"}),
        ({"day": "MO", "end_time": "17:00"}, set()),
        ({"start_time": "09:00"}, {"Stop It Now helpline"}),
        ({"start_time": "09:00:00", "end_time": "17:00:00"}, {"Stop It Now helpline"}),
        ({"start_time": "09:01"}, set()),
        ({"day": "SU"}, {"Childline", "Samaritans", "Victim Support"}),
        ({"day": "SU", "search": "crime"}, {"Victim Support"}),
        ({"search": "CALL free Night"}, {"Childline", "Samaritans", "Victim Support"}),
        ({"search": "xylophone"}, set()),
        ({"taxonomy_term_id": TERM["topic", "emergency"]}, {"Emergency services: 999"}),
        ({"taxonomy_term_id": TERM["topic", "emergency"].upper()}, {"Emergency services: 999"}),
        ({"taxonomy_term_id": TERM["topic", "recovery"], "day": "SU"}, {"Victim Support"}),
        (
            {"taxonomy_term_id": TERM["topic", "recovery"], "taxonomy_id": TAXONOMY["topic"], "minimum_age": 1},
            {"NAPAC"},
        ),
        ({"taxonomy_term_id": "00000000-0000-0000-0000-000000000000"}, set()),
        ({"taxonomy_id": "00000000-0000-0000-0000-000000000000"}, set()),
        ({"modified_after": "2999-01-01T00:00:00Z"}, set()),
    ],
)
def test_filters_are_joined_with_and(feed, query, named):
    """Each filter means what Open Referral UK says, and a service must pass all; what is not said passes no filter."""
    assert feed.names(**query) == named
    at_locations = feed("service_at_locations", per_page=500, **query)["contents"]
    assert {each["service"]["name"] for each in at_locations} == named


def test_a_taxonomy_finds_everything_sorted_by_it(feed):
    """Every service has an audience and a topic, so either taxonomy finds them all."""
    for key in TAXONOMY:
        assert feed("services", taxonomy_id=TAXONOMY[key])["total_items"] == len(SEED.signposts())


def test_modified_after_includes_the_moment_itself(feed):
    """Open Referral UK says "on or after": who asks from where they left off cannot fall between two seconds."""
    last = max(each.modified_at for each in SEED.signposts())
    at = last.isoformat().replace("+00:00", "Z")
    assert feed.names(modified_after=at)
    assert feed.names(modified_after=last.replace(tzinfo=None).isoformat()) == feed.names(modified_after=at)
    assert feed.names(modified_after=last.date().isoformat()) >= feed.names(modified_after=at)
    assert feed.names(modified_after=last.replace(second=1).isoformat()) == set()


def test_a_change_of_the_organisation_is_a_change_of_its_services():
    """Whoever copies services learns of a new description of those who offer them."""
    (childline,) = (each for each in SEED.signposts() if each.id == "childline")
    later = datetime(2027, 1, 1, tzinfo=UTC)
    changed = replace(childline, organization=replace(childline.organization, last_modified=later))
    assert changed.modified_at == later


def test_organisations_can_be_searched_and_found_by_what_they_offer(feed):
    """Search looks in name and description; a term finds whoever offers something sorted under it."""
    names = lambda **query: {each["name"] for each in feed("organizations", **query)["contents"]}  # noqa: E731
    assert names(search="childline") == {"NSPCC"}
    assert names(taxonomy_term_id=TERM["topic", "emergency"]) == {"Emergency services"}
    assert names(taxonomy_term_id=TERM["topic", "emergency"], search="nspcc") == set()
    assert names(modified_after="2999-01-01") == set()
    assert len(names()) == len(SEED.organizations())


def test_terms_can_be_narrowed_to_one_taxonomy(feed):
    """A directory that maps our words to its own reads one list of them at a time."""
    audiences = feed("taxonomy_terms", taxonomy_id=TAXONOMY["audience"])["contents"]
    assert {each["code"] for each in audiences} == {term.code for term in TERMS if term.taxonomy.key == "audience"}
    whole = feed(f"taxonomies/{TAXONOMY['audience']}")["taxonomy_terms"]
    assert sorted(each["id"] for each in whole) == sorted(each["id"] for each in audiences)


def test_the_envelope_counts_rightly(feed):
    """First, middle, last, past the end and nothing: the numbers say where one is."""
    total = len(SEED.signposts())
    shown = lambda page: [page[name] for name in ("page_number", "size", "first_page", "last_page", "empty")]  # noqa: E731
    pages = list(feed.pages("services", per_page=5))
    assert [shown(page) for page in pages] == [
        [1, 5, True, False, False],
        [2, 5, False, False, False],
        [3, 5, False, False, False],
        [4, total - 15, False, True, False],
    ]
    assert {(page["total_items"], page["total_pages"]) for page in pages} == {(total, 4)}
    assert len({each["id"] for page in pages for each in page["contents"]}) == total
    past = feed("services", per_page=5, page=9)
    assert (shown(past), past["contents"], past["total_items"]) == ([9, 0, False, True, True], [], total)
    nothing = feed("services", search="xylophone")
    assert (shown(nothing), nothing["total_pages"]) == ([1, 0, True, True, True], 0)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"page": "0"}, "/page", "invalid"),
        ({"page": "-1"}, "/page", "invalid"),
        ({"page": "1.5"}, "/page", "invalid"),
        ({"page": "٣"}, "/page", "invalid"),
        ({"page": ""}, "/page", "empty"),
        ({"page": ["1", "2"]}, "/page", "repeated"),
        ({"per_page": "0"}, "/per_page", "invalid"),
        ({"per_page": "501"}, "/per_page", "invalid"),
        ({"per_page": "many"}, "/per_page", "invalid"),
        ({"postcode": "M1 1AA"}, "/postcode", "unsupported-parameter"),
        ({"proximity": "5"}, "/proximity", "unsupported-parameter"),
        ({"colour": "blue"}, "", "unknown-parameter"),
        ({"lang": "fr"}, "/lang", "unknown-value"),
    ],
)
def test_a_wrong_parameter_is_refused_by_place_and_code(feed, name, query, pointer, code):
    """Every list says which parameter is wrong and how; it never repeats what was sent, and never passes it over."""
    with pytest.raises(Malformed) as refused:
        feed.answer(name, query)
    assert (refused.value.pointer, refused.value.code) == (pointer, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"taxonomy_term_id": "emergency"}, "invalid"),
        ({"taxonomy_id": "1"}, "invalid"),
        ({"minimum_age": "young"}, "invalid"),
        ({"maximum_age": "121"}, "invalid"),
        ({"start_time": "9am"}, "invalid"),
        ({"start_time": "24:00"}, "invalid"),
        ({"end_time": "09:00\n"}, "invalid"),
        ({"day": "Monday"}, "unknown-value"),
        ({"modified_after": "yesterday"}, "invalid"),
        ({"search": ""}, "empty"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(feed, query, code):
    """A filter is read exactly or refused."""
    with pytest.raises(Malformed) as refused:
        feed.answer("services", query)
    assert (refused.value.pointer, refused.value.code) == (f"/{next(iter(query))}", code)


def test_a_filter_of_another_list_is_refused_by_its_name(feed):
    """A taxonomy has no opening hours: to ask for them there is a mistake that somebody should learn of."""
    for name in set(FILTERS) - {"search", "page", "per_page"}:
        with pytest.raises(Malformed) as refused:
            feed.answer("taxonomies", {name: "1"})
        assert (refused.value.pointer, refused.value.code) == (f"/{name}", "unknown-parameter")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("record", ["00000000-0000-0000-0000-000000000000", "childline", "%00"])
def test_an_unknown_record_is_not_found(feed, name, record):
    """A UUID of nothing, and what is no UUID, are not found."""
    with pytest.raises(NotFound, match="record-unknown"):
        feed.answer(f"{name}/{record}")


@pytest.mark.parametrize("path", ["", *LISTS])
def test_anybody_may_read_and_keep_it(feed, path):
    """No key, any site, a strong ETag; a cache asks each time, and who holds it is told so in no words."""
    answer = feed.answer(path)
    headers = answer.headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert headers["Vary"] == "Accept-Language"
    etag = str(headers["ETag"])
    assert etag.startswith('"')
    held = feed.answer(path, if_none_match=etag)
    assert (held.status_code, held.body) == (304, "")
    assert feed.answer(path, if_none_match='"other"').status_code == 200
    assert feed.answer(path).body is answer.body


def test_welsh_is_served_to_whoever_asks_for_it(feed):
    """Names and descriptions come in the language asked for, and search looks in it."""
    welsh = feed.answer("services", {"search": "Samariaid", "lang": "cy"})
    assert [each["name"] for each in json.loads(welsh.body)["contents"]] == ["Y Samariaid"]
    assert welsh.headers["Content-Language"] == "cy"
    assert feed("services", search="Samariaid")["empty"]
    assert json.loads(feed.answer("services", accept_language="cy").body)["contents"][0]["name"] == "Y Samariaid"


def test_a_change_shows_at_once_and_changes_the_etag():
    """What was made ready for one edition is never served from another: lists, records and summaries."""
    content = Content()
    feed = Feed(content)
    (old,) = (each for each in content.now if each.id == "childline")
    path = f"services/{identity('service', 'childline')}"
    before, listed_before = feed.answer(path), feed.answer("services")
    content.now = tuple(
        replace(each, name={"en": "New", "cy": "Newydd"}) if each is old else each for each in content.now
    )
    after, listed_after = feed.answer(path), feed.answer("services")
    assert json.loads(after.body)["name"] == "New"
    assert '"New"' in listed_after.body
    assert before.headers["ETag"] != after.headers["ETag"]
    assert listed_before.headers["ETag"] != listed_after.headers["ETag"]
    assert feed.answer(path, if_none_match=str(before.headers["ETag"])).status_code == 200


def test_what_is_no_longer_offered_stays_with_its_status():
    """A directory learns that help has ended from the record itself; nothing vanishes between two pages."""
    content = Content()
    content.now = tuple(replace(each, status="defunct") for each in content.now)
    page = Feed(content)("services", per_page=500)
    assert page["total_items"] == len(SEED.signposts())
    assert {each["status"] for each in page["contents"]} == {"defunct"}


def test_uuids_are_uuids_of_version_5():
    """Ids are made from names, so that every process gives the same."""
    assert {UUID(term.id).version for term in TERMS} == {5}


def test_an_answer_made_during_a_change_is_never_kept_for_after_it(monkeypatch):
    """While one thread puts an old page together, content changes and another thread asks: the new words stay."""
    content = Content()
    feed = Feed(content)
    show, old = documents.service, content.now

    def overtaken(signpost, language):
        monkeypatch.setattr(documents, "service", show)
        before = show(signpost, language)
        content.now = tuple(replace(each, name={"en": "New", "cy": "Newydd"}) for each in old)
        assert {each["name"] for each in feed("services")["contents"]} == {"New"}
        return before

    monkeypatch.setattr(documents, "service", overtaken)
    assert len(json.loads(feed.answer("services").body)["contents"]) == len(old)
    assert {each["name"] for each in feed("services")["contents"]} == {"New"}


def test_what_is_kept_is_bounded_by_its_size(monkeypatch):
    """Large pages of a large directory cannot fill the memory of a small function."""
    monkeypatch.setattr(kept, "SIZE", 40_000)
    feed = Feed()
    for per_page in range(1, 60):
        feed("services", per_page=per_page)
        shelf = feed.oruk._pages.of(feed.oruk._directory.edition())
        assert sum(len(ready.body) for ready in shelf._ready.values()) <= 40_000
