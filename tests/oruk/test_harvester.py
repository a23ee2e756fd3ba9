"""A harvester walks the feed page by page while editors work, and misses nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from feed import SEED, Content, Feed
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
TEMPLATE = SEED.signposts()[0]


class Editors:
    """Editors at work on the content: each change is stamped with the time at which it is made."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.now = START
        self._made = 0

    def tick(self) -> None:
        """Let a second pass."""
        self.now += timedelta(seconds=1)

    def do(self, verb: str, which: int) -> None:
        """Add a record, change one, or end what it offers."""
        self.tick()
        records = list(self._content.now)
        place = which % len(records)
        if verb == "add":
            self._made += 1
            name = f"new-{which}-{self._made}"
            records.append(replace(TEMPLATE, id=name, name={"en": name, "cy": name}, last_modified=self.now))
        elif verb == "change":
            words = {"en": f"Changed at {self.now}.", "cy": f"Newidiwyd am {self.now}."}
            records[place] = replace(records[place], summary=words, last_modified=self.now)
        else:
            records[place] = replace(records[place], status="defunct", last_modified=self.now)
        self._content.now = tuple(records)
        self.tick()


def _harvest(feed: Feed, copy: dict, per_page: int, since: datetime | None, between_pages) -> None:
    """Walk the feed into *copy*, as `examples` of the standard do: until the last page, by id, the newest wins."""
    query = {} if since is None else {"modified_after": since.isoformat()}
    for page in feed.pages("services", per_page=per_page, **query):
        for each in page["contents"]:
            copy[each["id"]] = each
        between_pages()


_CHANGES = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "change", "end"]), st.integers(0, 1000)), max_size=4), max_size=12
)


@given(per_page=st.integers(1, 9), during_first=_CHANGES, during_second=_CHANGES)
def test_nothing_is_missed(per_page, during_first, during_second):
    """
    Two walks during which editors add, change and end records, and a third in peace: the copy is then the directory.

    After the first walk nothing is missing that was there when it began, whatever happened meanwhile; each later walk
    asks only for what was modified since the one before began.
    """
    content = Content()
    feed, editors, copy = Feed(content), Editors(content), {}

    def at_work(changes):
        waiting = iter(changes)
        return lambda: [editors.do(verb, which) for verb, which in next(waiting, ())]

    there_before = {each["id"] for page in feed.pages("services", per_page=500) for each in page["contents"]}
    first_began = editors.now
    editors.tick()
    _harvest(feed, copy, per_page, None, at_work(during_first))
    assert there_before <= copy.keys()
    second_began = editors.now
    editors.tick()
    _harvest(feed, copy, per_page, first_began, at_work(during_second))
    _harvest(feed, copy, per_page, second_began, lambda: None)
    truth = {each["id"]: each for page in feed.pages("services", per_page=500) for each in page["contents"]}
    assert copy == truth


def test_a_service_keeps_its_place_whatever_changes_in_it():
    """The order is that of the ids, which never change: so no change moves a record across the border of two pages."""
    content = Content()
    feed, editors = Feed(content), Editors(content)
    before = [each["id"] for page in feed.pages("services", per_page=3) for each in page["contents"]]
    for which in range(8):
        editors.do("change", which)
        editors.do("end", which * 2)
    assert [each["id"] for page in feed.pages("services", per_page=3) for each in page["contents"]] == before
    assert before == sorted(before)
