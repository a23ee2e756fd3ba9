"""What every engine behind the `Transcripts` port promises, bullet by bullet of `chalicelib/ports.py`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import engines
import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.sessions import Answered, Host

HOUR = "an-hour"
HOSTS = tuple(Host(name={"en": name, "cy": name}, role={"en": "Host", "cy": "Gwesteiwr"}) for name in "ABC")


def answered(now, name="one", **changes):
    """Give an entry as a host writes it."""
    entry = Answered(
        entry_id=name,
        seq=0,
        at=now,
        language="en",
        question=f"What about {name}?",
        answer="This: \u0175.",
        host=HOSTS[1],
    )
    return replace(entry, **changes)


@pytest.fixture
def transcripts(store):
    """A store in which nobody has answered anything."""
    return engines.open_transcripts(store)


def test_nothing_has_been_answered(transcripts):
    """Before the first answer there is nothing after 0, and no entry to find."""
    assert (transcripts.last(HOUR), transcripts.after(HOUR, 0, limit=9), transcripts.find(HOUR, "one")) == (0, (), None)


def test_entries_come_in_their_order(transcripts, now, open_again):
    """Every entry has the next place, is read as it was written, in pages, and by every instance."""
    written = [transcripts.add(HOUR, answered(now, f"e{at}")) for at in range(12)]
    assert [entry.seq for entry in written] == list(range(1, 13))
    reader = engines.open_transcripts(open_again())
    assert reader.after(HOUR, 0, limit=99) == tuple(written)
    assert reader.after(HOUR, 4, limit=3) == tuple(written[4:7])
    assert reader.after(HOUR, 12, limit=3) == ()
    assert reader.last(HOUR) == 12
    assert reader.find(HOUR, "e3") == written[3]
    assert written[3] == answered(now, "e3", seq=4)


def test_the_first_text_stands(transcripts, now):
    """A question that is answered again keeps its first answer and its place."""
    first = transcripts.add(HOUR, answered(now))
    assert transcripts.add(HOUR, answered(now, answer="Something else.")) == first
    assert transcripts.after(HOUR, 0, limit=9) == (first,)


def test_sessions_are_apart(transcripts, now):
    """What was answered in one session is not in another, though it has the same name."""
    transcripts.add(HOUR, answered(now))
    other = transcripts.add("another-hour", answered(now, answer="Elsewhere."))
    assert (other.seq, other.answer) == (1, "Elsewhere.")
    assert transcripts.find(HOUR, "one").answer != "Elsewhere."


def test_what_is_taken_back_moves_to_the_end_without_its_words(transcripts, now):
    """Whoever has read an entry is given it again, empty; whoever comes new never sees the words; twice is once."""
    for name in ("one", "two"):
        transcripts.add(HOUR, answered(now, name))
    gone = transcripts.retract(HOUR, "one")
    assert (gone.seq, gone.question, gone.answer, gone.retracted) == (3, "", "", True)
    assert transcripts.retract(HOUR, "one") == gone
    assert transcripts.after(HOUR, 2, limit=9) == (gone,)
    assert [entry.entry_id for entry in transcripts.after(HOUR, 0, limit=9)] == ["two", "one"]
    assert transcripts.add(HOUR, answered(now, "one")) == gone
    assert transcripts.retract(HOUR, "nobody's") is None


def test_many_hosts_at_once(transcripts, now, open_again):
    """Hosts who answer at the same time get a place each, without gaps; the same question gets one."""
    desks = [engines.open_transcripts(open_again()) for _ in range(4)]
    names = [f"e{at // 2}" for at in range(32)]
    with ThreadPoolExecutor(8) as pool:
        written = list(
            pool.map(lambda at: desks[at % 4].add(HOUR, answered(now, names[at], host=HOSTS[at % 3])), range(32))
        )
    kept = transcripts.after(HOUR, 0, limit=99)
    assert [entry.seq for entry in kept] == list(range(1, 17))
    assert {entry.entry_id for entry in kept} == set(names)
    assert all(entry in kept for entry in written)


def test_a_reader_misses_nothing(transcripts, now, open_again):
    """Somebody who asks for what is new, again and again, while hosts answer and take back, ends up with all of it."""
    reader, seen, last = engines.open_transcripts(open_again()), {}, 0
    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(transcripts.add, HOUR, answered(now, f"e{at}")) for at in range(20)]
        work += [pool.submit(transcripts.retract, HOUR, f"e{at}") for at in range(0, 20, 5)]
        while not all(each.done() for each in work) or last < reader.last(HOUR):
            for entry in reader.after(HOUR, last, limit=3):
                assert entry.seq > last
                seen[entry.entry_id], last = entry, entry.seq
    assert sorted(seen.values(), key=lambda entry: entry.seq) == list(transcripts.after(HOUR, 0, limit=99))


def test_an_engine_that_fails_says_so(transcripts, now, engine, impatient):
    """Whatever is wrong with the engine is one refusal, and nothing is told to have been written."""
    transcripts.add(HOUR, answered(now))
    with engine.befall("tables-gone"):
        for verb in (
            lambda: transcripts.add(HOUR, answered(now, "two")),
            lambda: transcripts.retract(HOUR, "one"),
            lambda: transcripts.last(HOUR),
            lambda: transcripts.after(HOUR, 0, limit=1),
        ):
            with pytest.raises(Unavailable, match="storage"):
                verb()
