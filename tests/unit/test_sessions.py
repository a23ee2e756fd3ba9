"""Live sessions: what becomes of a question, from asking to the end of the hour, and what everybody may read."""

from __future__ import annotations

import json
import types
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.config import Settings
from chalicelib.domain.access import Person
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import ClaimLost, Conflict, Invalid, NotFound
from chalicelib.domain.receipts import Credential
from chalicelib.domain.requests import LAPSE_LIMIT, SKIPPED, Kind
from chalicelib.domain.sessions import Answered, Decline, State, entry_of, problems_of_session, session_of
from chalicelib.usecases.casework import hold_of
from chalicelib.usecases.intake import Submission
from chalicelib.usecases.sessions import LEASE
from chalicelib.wiring import House

HOUR = "gm-2018-live"
LIVE = datetime(2018, 6, 27, 17, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RECORD = {
    "id": "an-hour",
    "title": {"en": "An hour", "cy": "Awr"},
    "summary": {"en": "Of answers", "cy": "O atebion"},
    "hosts": [{"name": {"en": "The helpline", "cy": "Y llinell"}, "role": {"en": "Practitioner", "cy": "Ymarferydd"}}],
    "opens_at": "2018-06-26T08:00:00Z",
    "starts_at": "2018-06-27T17:00:00Z",
    "ends_at": "2018-06-27T18:00:00Z",
}


HOST = session_of(RECORD).hosts[0]


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.at = LIVE

    def now(self) -> datetime:
        """Give the time that it is set to."""
        return self.at


class Hour:
    """A session in progress: people who ask, and hosts."""

    def __init__(self, home) -> None:
        self.house, self.clock = House(Settings(home=home)), SetClock()
        self.house.__dict__["clock"] = self.clock
        self.hosting, self.asking = self.house.host_desk.hosting, self.house.sessions.asking
        self.transcripts = self.hosting.transcripts

    def ask(self, text="What happens when I ring?", *, private=False, language="en", session=HOUR, key=None):
        """Ask; gives the receipt's credential."""
        submission = Submission(
            kind=Kind.QUESTION,
            statement_version="2026-11",
            body=f"{text}{private}".encode(),
            details={"text": text, "private": private},
            language=language,
            idempotency_key=key,
        )
        return Credential.of_receipt(self.asking.ask(session, submission).receipt.shown)

    def take(self, host="ada", session=HOUR):
        """Be handed the next question; gives the hold on it, or None."""
        claimed = self.hosting.next(host, session)
        return None if claimed is None else hold_of(claimed.request)

    def words(self, host="ada", session=HOUR):
        """Be handed the next question; gives its words."""
        return self.hosting.next(host, session).opened.details["text"]

    def answer(self, hold, answer="Somebody listens.", question="What happens?", session=HOUR, host=1):
        """Answer for everybody."""
        return self.hosting.answer_publicly(hold, session, question=question, answer=answer, host=host)

    def mailbox(self, credential):
        """Read what a receipt opens: its status, and the words in it."""
        contents = self.house.mailbox.mailbox.read(credential)
        return contents.status, [letter.content["text"] for letter in contents.letters]

    def transcript(self, session=HOUR):
        """Read along from the beginning."""
        programme = self.hosting.programme
        return programme.news(programme.get(session), 0).entries

    def verbs(self):
        """List what the trail says was done."""
        return [entry.deed.verb for entry in self.house.store.trail()[0]]


@pytest.fixture
def hour(tmp_path):
    """The hour of June 2018, five minutes after it began."""
    return Hour(tmp_path)


# ---------------------------------------------------------------- the record


def test_the_state_follows_from_the_time():
    """A session is announced, then open, live from its start, and over at its end."""
    session = session_of(RECORD)
    assert session.state(session.opens_at - MINUTE) is State.ANNOUNCED
    assert session.state(session.opens_at) is State.OPEN
    assert session.state(session.starts_at) is State.LIVE
    assert session.state(session.ends_at - MINUTE) is State.LIVE
    assert session.state(session.ends_at) is State.ENDED


def test_a_good_record_has_no_problems():
    """What the other tests start from is fit to be published, and so is what travels with the code."""
    assert list(problems_of_session(RECORD)) == []
    assert list(problems_of_session({**RECORD, "campaign": "gm-2018"}, campaigns={"gm-2018"})) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "An Hour"}, ("/id", "bad-id")),
        ({"id": None}, ("/id", "bad-id")),
        ({"title": {"en": "An hour"}}, ("/title/cy", "missing-language")),
        ({"summary": {"en": " ", "cy": "x"}}, ("/summary/en", "missing-language")),
        ({"hosts": []}, ("/hosts", "missing")),
        ({"hosts": RECORD["hosts"] * 11}, ("/hosts", "missing")),
        ({"hosts": ["Somebody"]}, ("/hosts/0", "bad-host")),
        ({"hosts": [{"name": {"en": "A", "cy": "B"}, "role": {"en": "C"}}]}, ("/hosts/0/role/cy", "missing-language")),
        ({"opens_at": "tomorrow"}, ("/opens_at", "bad-date")),
        ({"ends_at": "2018-06-27T17:00:00Z"}, ("/ends_at", "bad-order")),
        ({"ends_at": "2018-06-28T17:00:00Z"}, ("/ends_at", "bad-order")),
        ({"opens_at": "2018-06-27T17:00:01Z"}, ("/opens_at", "bad-order")),
        ({"opens_at": "2018-05-01T08:00:00Z"}, ("/opens_at", "bad-order")),
        ({"campaign": "nobodys"}, ("/campaign", "unknown-value")),
        ({"status": "gone"}, ("/status", "unknown-value")),
        ({"password": "x"}, ("/password", "unknown-field")),
    ],
)
def test_what_is_wrong_with_a_record_is_named(changes, problem):
    """Each thing that is wrong is found, where it is; and nothing else is."""
    assert list(problems_of_session({**RECORD, **changes}, campaigns={"gm-2018"})) == [problem]


def test_everything_wrong_is_named_at_once():
    """A record with nothing in it lacks everything, and one whose id is taken says so."""
    assert {code for _, code in problems_of_session({})} == {"missing"}
    assert len(list(problems_of_session({}))) == 7
    assert list(problems_of_session(RECORD, taken={"an-hour"})) == [("/id", "duplicate")]


def test_what_editors_publish_is_met_by_everybody(hour):
    """A session that is published is there half a minute later; one that cannot be read is passed over."""
    deed = Deed(at=hour.clock.at, actor="eve", verb="publish", about="session/an-hour")
    publications = hour.house.publications
    publications.publish("session", "an-hour", json.dumps(RECORD).encode(), revision=0, deed=deed)
    publications.publish("session", "broken", b'{"id": "broken"}', revision=0, deed=deed)
    hour.clock.at += MINUTE
    assert [each.id for each in hour.hosting.programme.all()] == ["gm-2018-live", "an-hour"]
    publications.publish("session", "an-hour", None, revision=1, deed=deed)
    hour.clock.at += MINUTE
    assert [each.id for each in hour.hosting.programme.all()] == ["gm-2018-live"]


# ---------------------------------------------------------------- asking


def test_questions_are_taken_from_opening_to_end(hour):
    """Before a session opens and once it is over nothing is taken; in between it is, also before the hosts begin."""
    for at, code in (
        (datetime(2018, 6, 24, 12, tzinfo=UTC), "session-not-open"),
        (datetime(2018, 6, 27, 18, tzinfo=UTC), "session-ended"),
    ):
        hour.clock.at = at
        with pytest.raises(Conflict, match=code):
            hour.ask()
    hour.clock.at = datetime(2018, 6, 25, 12, tzinfo=UTC)
    assert hour.mailbox(hour.ask()) == ("waiting", [])
    with pytest.raises(NotFound, match="session-unknown"):
        hour.ask(session="nobodys")


def test_a_question_is_sealed_like_any_request(hour, tmp_path):
    """No word of it is in a file, and the head says only to which session it belongs."""
    hour.ask("A marker nobody else writes: zebrafinch.")
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"zebrafinch" not in written
    assert hour.words() == "A marker nobody else writes: zebrafinch."


def test_a_repeat_is_one_question(hour):
    """The same key and words ask once."""
    assert hour.ask(key="k" * 20) == hour.ask(key="k" * 20)
    assert hour.hosting.waiting() == 1


def test_practitioners_are_handed_no_questions(hour):
    """Neither the queue nor a claim, a doorbell or the figures of the queue show a question to the desk."""
    hour.ask()
    casework = hour.house.desk.casework
    assert casework.claim("alex") is None
    assert casework.queue() == ()
    assert hour.house._doorkeeping.round()["lanes"] == 0
    assert hour.house.watch.look()["Waiting"] == 0
    reference = hour.house.store.get(hour.ask("Another?").request_id, now=hour.clock.at).reference
    assert casework.claim("alex", reference=reference) is None
    hour.take()
    assert casework.held("ada") == ()


# ---------------------------------------------------------------- answering


def test_an_answer_for_everybody(hour):
    """It is in the transcript, in the words that the host let stand, and in the mailbox; the question is done."""
    credential = hour.ask()
    entry = hour.answer(hour.take())
    assert hour.transcript() == (entry,)
    assert (entry.question, entry.answer, entry.at) == ("What happens?", "Somebody listens.", LIVE)
    assert entry.host.role["en"] == "Senior practitioner"
    assert hour.mailbox(credential) == ("closed", ["Somebody listens."])
    assert hour.take() is None
    assert hour.verbs()[-3:] == ["claim", "open", "answer-public"]


def test_what_is_asked_in_private_is_answered_in_private(hour):
    """A public answer is refused; the private one is in the mailbox and nowhere else."""
    credential, hold = hour.ask(private=True), hour.take()
    with pytest.raises(Conflict, match="private"):
        hour.answer(hold)
    hour.hosting.answer_privately(hold, HOUR, answer="For you alone.")
    assert hour.mailbox(credential) == ("closed", ["For you alone."])
    assert hour.transcript() == ()
    assert hour.verbs()[-1] == "answer-private"


@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize("reason", list(Decline))
def test_a_question_is_declined_kindly(hour, reason, language):
    """The mailbox says why, in the language of whoever asked, and points to other help; everybody else sees nothing."""
    credential = hour.ask(language=language)
    hour.hosting.decline(hour.take(), HOUR, reason, words=hour.house.texts.declined)
    status, (text,) = hour.mailbox(credential)
    assert (status, text) == ("closed", hour.house.texts.declined(reason.value, language))
    assert {"en": "ring us", "cy": "Ffoniwch ni"}[language].lower() in text.lower()
    assert hour.transcript() == ()


def test_what_is_put_back_comes_after_the_others(hour):
    """A host who puts a question back is handed another one; the first comes again a little later."""
    hour.ask("One?")
    hour.ask("Two?")
    first = hour.hosting.next("ada", HOUR)
    hour.hosting.put_back(hold_of(first.request), HOUR)
    second = hour.hosting.next("ada", HOUR)
    assert second.request.request_id != first.request.request_id
    assert hour.take("bea") is None
    hour.clock.at += SKIPPED
    assert hour.take("bea").request_id == first.request.request_id


def test_a_question_is_in_one_host_s_hands(hour):
    """Two hosts are handed two questions; whoever lost the claim can write nothing."""
    hour.ask("One?")
    hour.ask("Two?")
    ada, bea = hour.take("ada"), hour.take("bea")
    assert ada.request_id != bea.request_id
    hour.clock.at += LEASE
    again = hour.take("bea")
    assert again.request_id in {ada.request_id, bea.request_id}
    with pytest.raises(ClaimLost):
        hour.answer(ada)
    with pytest.raises(ClaimLost):
        hour.hosting.answer_privately(ada, HOUR, answer="Late.")
    assert hour.transcript() == ()


def test_sessions_that_overlap_are_apart(hour):
    """A host of one session is not handed, and cannot answer, what was asked in another."""
    deed = Deed(at=hour.clock.at, actor="eve", verb="publish", about="session/an-hour")
    hour.house.publications.publish("session", "an-hour", json.dumps(RECORD).encode(), revision=0, deed=deed)
    hour.clock.at += MINUTE
    hour.ask("There?", session="an-hour")
    assert hour.take() is None
    hold = hour.take(session="an-hour")
    for verb in (
        lambda: hour.answer(hold),
        lambda: hour.hosting.answer_privately(hold, HOUR, answer="x"),
        lambda: hour.hosting.decline(hold, HOUR, Decline.PERSONAL, words=hour.house.texts.declined),
        lambda: hour.hosting.put_back(hold, HOUR),
    ):
        with pytest.raises(ClaimLost):
            verb()
    hour.answer(hold, session="an-hour", host=0)


def test_nothing_is_said_to_everybody_before_the_session_begins(hour):
    """While it is only open a host may read and answer in private; the transcript stays shut and empty."""
    hour.clock.at = datetime(2018, 6, 27, 16, 55, tzinfo=UTC)
    hour.ask()
    hold = hour.take()
    with pytest.raises(Conflict, match="session-not-live"):
        hour.answer(hold)
    programme = hour.hosting.programme
    assert programme.mark(programme.get(HOUR)) == (State.OPEN, 0)
    hour.hosting.answer_privately(hold, HOUR, answer="You may ring now.")


def test_only_announced_hosts_answer(hour):
    """An answer by a host whom nobody has announced is refused."""
    hour.ask()
    hold = hour.take()
    for host in (-1, 2):
        with pytest.raises(Conflict, match="host-unknown"):
            hour.answer(hold, host=host)


def test_dropping_a_question_often_parks_nothing(hour):
    """However often leases lapse, a question is handed out again: nobody would look at a parked one in time."""
    hour.ask()
    for _ in range(LAPSE_LIMIT + 1):
        assert hour.take() is not None
        hour.clock.at += timedelta(minutes=1)
        hour.house.store.change(
            hour.house.store.claimed(now=hour.clock.at)[0].request_id,
            lambda head: replace(head, lease_until=hour.clock.at - MINUTE),
            now=hour.clock.at,
        )
    assert hour.take() is not None


def test_a_mailbox_of_a_session_takes_no_messages(hour):
    """Nobody would read them: whoever wants to write more is told how to reach the helpline."""
    credential = hour.ask()
    for _ in range(2):
        with pytest.raises(Conflict, match="not-a-conversation"):
            hour.house.mailbox.mailbox.write(credential, "And another thing")
        if hold := hour.take():
            hour.answer(hold)
    with pytest.raises(Conflict, match="not-a-callback"):
        hour.house.mailbox.mailbox.choose(credential, hour.house.opening.slots(days=3)[0].id)


# ---------------------------------------------------------------- what goes wrong


def test_an_answer_sent_again_is_the_same_answer(hour):
    """Where the news of an answer was lost, the host may send it again; another text is refused."""
    hour.ask()
    hold = hour.take()
    entry = hour.answer(hold)
    assert hour.answer(hold) == entry
    with pytest.raises(ClaimLost):
        hour.answer(hold, answer="Something else.")
    assert hour.transcript() == (entry,)


def test_a_host_who_dies_between_two_writes_doubles_nothing(hour):
    """A question whose answer is in the transcript already is closed, its mailbox filled, and not handed out again."""
    credential, other = hour.ask("One?"), hour.ask("Two?")
    hold = hour.take()
    answered = {credential.request_id: credential, other.request_id: other}
    written = Answered(
        entry_id=entry_of(hold.request_id), seq=0, at=LIVE, language="en", question="One?", answer="Yes.", host=HOST
    )
    hour.transcripts.add(HOUR, written)
    hour.clock.at += LEASE
    handed = {hour.take("bea"), hour.take("cyd")} - {None}
    assert {each.request_id for each in handed} == answered.keys() - {hold.request_id}
    assert hour.mailbox(answered[hold.request_id]) == ("closed", ["Yes."])
    assert [entry.answer for entry in hour.transcript()] == ["Yes."]


def test_a_question_withdrawn_is_answered_by_nobody(hour):
    """Before it is taken it is gone; while it is being answered, what was written is taken back."""
    hour.house.mailbox.mailbox.withdraw(hour.ask())
    assert hour.take() is None
    credential = hour.ask("Another?")
    hold = hour.take()
    add = hour.transcripts.add

    class Slow:
        """A transcript during whose writing the question is withdrawn."""

        def __getattr__(self, name):
            return getattr(hour.transcripts, name)

        def add(self, *given):
            """Write, and let the requester be faster than the host's next step."""
            entry = add(*given)
            hour.house.mailbox.mailbox.withdraw(credential)
            return entry

    hosting = replace(hour.hosting, transcripts=Slow())
    with pytest.raises(ClaimLost):
        hosting.answer_publicly(hold, HOUR, question="What?", answer="That.", host=0)
    assert [(entry.answer, entry.retracted) for entry in hour.transcript()] == [("", True)]


def test_a_withdrawal_that_is_under_way_counts(hour):
    """The key goes first: from then on nothing is closed with a letter or without, and nothing stays in public."""
    credential = hour.ask()
    hold = hour.take()
    hour.house._shredding.erase(hour.house.store.get(credential.request_id, now=hour.clock.at))
    with pytest.raises((ClaimLost, Conflict)):
        hour.answer(hold)
    assert all(entry.retracted for entry in hour.transcript())


def test_what_was_said_can_be_taken_back(hour):
    """An answer that should not have been given loses its words, and the trail says who took it back."""
    hour.ask()
    entry = hour.answer(hour.take())
    gone = hour.hosting.retract("bea", HOUR, entry.entry_id)
    assert hour.transcript() == (gone,)
    assert (gone.question, gone.answer, gone.retracted, gone.seq) == ("", "", True, 2)
    told = hour.house.store.trail()[0][-1].deed
    assert (told.actor, told.verb, told.about) == ("bea", "retract", f"answer/{entry.entry_id}")
    with pytest.raises(NotFound, match="answer-unknown"):
        hour.hosting.retract("bea", HOUR, "nobodys")


# ---------------------------------------------------------------- the end


def test_what_is_unanswered_is_erased_when_the_session_ends(hour, tmp_path):
    """At the end it is gone to everybody, in a host's hands too; the next round erases key, head and content."""
    waiting, held, answered = hour.ask("One?"), hour.ask("Two?"), hour.ask("Three?")
    by_id = {each.request_id: each for each in (waiting, held, answered)}
    in_hand, done = hour.take("ada"), hour.take("bea")
    hour.answer(done)
    hour.clock.at = datetime(2018, 6, 27, 18, tzinfo=UTC)
    unanswered = [each for name, each in by_id.items() if name != done.request_id]
    for credential in unanswered:
        with pytest.raises(NotFound):
            hour.mailbox(credential)
    assert hour.take() is None
    with pytest.raises(ClaimLost):
        hour.hosting.answer_privately(in_hand, HOUR, answer="Too late.")
    keys = [hour.house.store.get(each.request_id, now=LIVE) for each in unanswered]
    assert hour.house.retention.purge().purged == 2
    assert all(hour.house._shredding.key(head) is None for head in keys)
    assert all(hour.house.store.get(each.request_id, now=LIVE) is None for each in unanswered)
    assert hour.mailbox(by_id[done.request_id])[0] == "closed"
    hour.clock.at += timedelta(days=29)
    hour.house.retention.purge()
    assert hour.mailbox(by_id[done.request_id]) == ("closed", ["Somebody listens."])
    hour.clock.at += timedelta(days=2)
    with pytest.raises(NotFound):
        hour.mailbox(by_id[done.request_id])
    assert [entry.answer for entry in hour.transcript()] == ["Somebody listens."]


def test_a_session_s_end_stands_once_people_ask(hour):
    """From the day it opens its end may not move, either way: they were told when their questions are erased."""
    publishing = hour.house.publishing
    record = hour.house.content.session_records()["gm-2018-live.json"]
    for end in ("2018-06-27T19:00:00Z", "2018-06-27T17:30:00Z"):
        with pytest.raises(Invalid) as refused:
            publishing.draft("session", HOUR, {**record, "ends_at": end}, revision=0, by="eve")
        assert {error.code for error in refused.value.errors} == {"already-open"}
    hour.clock.at = datetime(2018, 6, 20, 12, tzinfo=UTC)
    publishing.draft("session", HOUR, {**record, "ends_at": "2018-06-27T19:00:00Z"}, revision=0, by="eve")


def test_a_session_can_be_called_off(hour):
    """No more is asked or answered in public; who has asked may still be answered in the mailbox."""
    credential = hour.ask()
    record = {**hour.house.content.session_records()["gm-2018-live.json"], "status": "cancelled"}
    deed = Deed(at=hour.clock.at, actor="eve", verb="take-down", about=f"session/{HOUR}")
    hour.house.publications.publish("session", HOUR, json.dumps(record).encode(), revision=0, deed=deed)
    hour.clock.at += MINUTE
    with pytest.raises(Conflict, match="session-ended"):
        hour.ask("Another?")
    hold = hour.take()
    with pytest.raises(Conflict, match="session-not-live"):
        hour.answer(hold)
    hour.hosting.answer_privately(hold, HOUR, answer="The hour is off. Please ring us.")
    assert hour.mailbox(credential) == ("closed", ["The hour is off. Please ring us."])


def test_an_answer_stays_that_of_whoever_gave_it(hour):
    """An editor who changes the hosts afterwards puts no words into anybody's mouth."""
    hour.ask()
    entry = hour.answer(hour.take())
    record = hour.house.content.session_records()["gm-2018-live.json"]
    record = {**record, "hosts": record["hosts"][:1]}
    deed = Deed(at=hour.clock.at, actor="eve", verb="publish", about=f"session/{HOUR}")
    hour.house.publications.publish("session", HOUR, json.dumps(record).encode(), revision=0, deed=deed)
    hour.clock.at += MINUTE
    assert hour.transcript() == (entry,)
    assert hour.transcript()[0].host.role["en"] == "Senior practitioner"


def test_a_host_who_starts_anew_is_handed_what_they_hold(hour):
    """A page that was loaded again shows the same question under the same number, and the trail says that it did."""
    hour.ask("One?")
    hour.ask("Two?")
    assert hour.take() == hour.take()
    assert hour.verbs()[-3:] == ["claim", "open", "open"]


def test_an_answer_taken_back_leaves_the_question_to_be_answered_otherwise(hour):
    """After half a failure and a retraction it is handed out again, not closed unseen; in public it stays unsaid."""
    credential = hour.ask()
    hold = hour.take()
    written = Answered(
        entry_id=entry_of(hold.request_id), seq=0, at=LIVE, language="en", question="?", answer="Wrong.", host=HOST
    )
    hour.transcripts.add(HOUR, written)
    hour.hosting.retract("bea", HOUR, written.entry_id)
    hour.clock.at += LEASE
    hold = hour.take("bea")
    with pytest.raises(Conflict, match="answer-retracted"):
        hour.answer(hold)
    hour.hosting.answer_privately(hold, HOUR, answer="Here it is.")
    assert hour.mailbox(credential) == ("closed", ["Here it is."])


def test_what_stands_in_public_is_not_declined_as_well(hour):
    """After half a failure the question is finished as it was answered, whatever else its host asks for."""
    for verb in (
        lambda hold: hour.hosting.decline(hold, HOUR, Decline.PERSONAL, words=hour.house.texts.declined),
        lambda hold: hour.hosting.answer_privately(hold, HOUR, answer="x"),
        lambda hold: hour.hosting.put_back(hold, HOUR),
    ):
        credential = hour.ask()
        hold = hour.take()
        written = Answered(
            entry_id=entry_of(hold.request_id), seq=0, at=LIVE, language="en", question="?", answer="Said.", host=HOST
        )
        hour.transcripts.add(HOUR, written)
        with pytest.raises(Conflict, match="answered-already"):
            verb(hold)
        assert hour.mailbox(credential) == ("closed", ["Said."])


def test_a_question_counts_for_its_campaign(hour, monkeypatch):
    """What is asked in a session counts under the area it names and the session's campaign."""
    counted = []
    monkeypatch.setattr(
        type(hour.house._counting), "person", lambda _, kind, **cell: counted.append((kind, *cell.values()))
    )
    body = types.SimpleNamespace(
        statement_version="2026-11",
        language="en",
        altcha=None,
        region="E23000005",
        campaign=None,
        details=types.SimpleNamespace(model_dump=lambda **_: {"text": "Who?", "private": False}),
        model_dump_json=lambda **_: "{}",
    )
    session = hour.hosting.programme.get(HOUR)
    hour.house.sessions._submit(session, body, None, "en")
    assert counted == [(Kind.QUESTION, "E23000005", "gm-2018")]


def test_hosts_are_people_with_that_role():
    """Of the roles only a host hosts."""
    assert Person.of("ada", ["host"]).scopes == {"session:host"}
