"""A clock that steps ten minutes, or across the change of summer time: no two holders, no early end, no wrong hour."""

from __future__ import annotations

import logging
import os
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import progress
import pytest
from heads import NOW
from one_house import VERSION, opened

from chalicelib.domain import slots
from chalicelib.domain.audit import broken_at
from chalicelib.domain.requests import Status
from chalicelib.domain.screening import form_token, secret_for
from chalicelib.domain.sessions import Answered, Host
from chalicelib.local import run
from chalicelib.local.backup import backup

TURNS = int(os.environ.get("QUIETLINE_CLOCK_STEPS", "40"))
STEP = timedelta(minutes=10)
LONDON = ZoneInfo("Europe/London")
CHANGES = ["2026-03-29T01:00Z", "2026-10-25T01:00Z", "2027-03-28T01:00Z"]
DAYS = dict.fromkeys(CHANGES, (-2, 1)) | {CHANGES[2]: (-3, 2)}
"""The last day before, and the first day after, on which the line is open: the third change falls on Easter."""
PEOPLE = ("alex", "kim", "sam")


def ask_for_information(house, key):
    """Ask a question, which may be answered at any hour."""
    body = {"statement_version": VERSION, "details": {"concern": "survivor", "message": key}}
    return house.ask("POST", "/v1/information-requests", body, key=key)


class Desk:
    """Three people at one desk, and what each of their claims must be worth by the clock that the house goes by."""

    def __init__(self, house) -> None:
        self.house, self.newest, self.closed, self.late = house, {}, {}, 0
        self.tokens = {who: house.token("practitioner", who) for who in PEOPLE}

    def as_(self, who, method, path, body):
        """Ask as one of them."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.house, "token", lambda _role: self.tokens[who])
            return self.house.ask(method, path, body, role="practitioner")

    def claim(self, who):
        """Claim: what is handed out is free by the clock, and has the next number."""
        status, answer = self.as_(who, "POST", "/v1/desk/claims", {})
        if status != 201:
            assert status in (204, 409)
            return
        claim = answer["claim"]
        request_id, number, until = claim["request_id"], claim["number"], datetime.fromisoformat(claim["lease_until"])
        _, before, lease = self.newest.get(request_id, (None, 0, self.house.now))
        assert request_id not in self.closed
        assert lease <= self.house.now, "handed out while somebody held it"
        assert number == before + 1
        assert until == self.house.now + timedelta(minutes=20)
        self.newest[request_id] = (who, number, until)

    def finish(self, who, request_id, number):
        """Close or renew with whatever number they remember: it counts if it is the newest, theirs and live."""
        holder, newest, until = self.newest[request_id]
        counts = (holder, newest) == (who, number) and self.house.now < until and request_id not in self.closed
        renews = random.Random(f"{request_id}{number}{self.house.now}").random() < 0.4
        verb, more = ("renew", {}) if renews else ("close", {"outcome": "answered"})
        path = f"/v1/desk/claims/{request_id}/{verb}"
        status, answer = self.as_(who, "POST", path, {"number": number, **more})
        assert (status == 200) == counts, (status, answer)
        if not counts:
            assert (status, answer["code"]) == (409, "claim-lost")
            self.late += 1
        elif renews:
            self.newest[request_id] = (who, number, self.house.now + timedelta(minutes=20))
        else:
            self.closed[request_id] = who


@pytest.mark.parametrize("change", ["2026-11-24T18:05Z", *CHANGES])
def test_leases_hold_and_numbers_fence_however_the_clock_steps(tmp_path, change):
    """By the clock of the moment there is one holder; late work is 409 also after a step back; all is closed once."""
    dice, name = random.Random(change), f"clock steps of +-10 minutes around {change}"
    steps = 0
    with opened(tmp_path) as house:
        house.now = datetime.fromisoformat(change) - timedelta(minutes=40)
        desk, held = Desk(house), []
        for number in range(6):
            assert ask_for_information(house, f"key-of-the-question-{number}")[0] == 201
        for _ in progress.steps(name, TURNS):
            house.now += timedelta(seconds=dice.choice([20, 60, 300, 600]))
            if dice.random() < 0.4:
                house.now += dice.choice([-1, 1]) * STEP
                steps += 1
            who = dice.choice(PEOPLE)
            held += [(person, request_id, number) for request_id, (person, number, _) in desk.newest.items()]
            if not held or dice.random() < 0.5:
                desk.claim(who)
            else:
                desk.finish(*dice.choice(held[-12:]))
        house.now += timedelta(minutes=30)
        for _ in range(12):
            for parked in house.ask("GET", "/v1/desk/parked", role="supervisor")[1]["parked"]:  # dropped five times
                path = f"/v1/desk/parked/{parked['request_id']}/release"
                assert house.ask("POST", path, {}, role="supervisor")[0] == 200
            desk.claim("alex")
            mine = {name: number for name, (who, number, _) in desk.newest.items() if who == "alex"}
            for request_id in mine.keys() - desk.closed.keys():
                desk.finish("alex", request_id, mine[request_id])
            house.now += timedelta(minutes=1)
        assert len(desk.closed) == 6
        entries, head = house.house.store.trail(limit=10_000)
        assert broken_at(entries, head, key=house.house.secret("audit.key")) is None
        closes = [each.deed.request_id for each in entries if each.deed.verb == "close"]
        assert sorted(closes) == sorted(desk.closed)
    progress.found(
        name,
        steps=steps,
        late_work_refused=desk.late,
        closed_twice=len(closes) - len({*closes}),
        one_live_holder="held",
    )


def test_a_step_forward_ends_a_lease_and_a_step_back_gives_nothing_back(tmp_path):
    """Who was overtaken stays overtaken, whatever the clock says afterwards; the newest number goes on."""
    with opened(tmp_path) as house:
        desk = Desk(house)
        request_id = ask_for_information(house, "key-of-the-only-question")[1]["request_id"]
        desk.claim("alex")
        house.now += 2 * STEP
        desk.finish("alex", request_id, 1)
        assert (desk.late, desk.closed) == (1, {})
        desk.claim("kim")
        assert desk.newest[request_id][:2] == ("kim", 2)
        house.now -= 2 * STEP
        desk.finish("alex", request_id, 1)
        assert desk.late == 2
        path, body = f"/v1/desk/claims/{request_id}/close", {"number": 2, "outcome": "answered"}
        assert desk.as_("kim", "POST", path, body)[0] == 200


@pytest.mark.parametrize("change", CHANGES)
def test_slots_keep_their_local_hours_across_the_change(tmp_path, change):
    """Whatever the clock shows around the change, a slot is offered once, in opening hours as people live them."""
    changes_at = datetime.fromisoformat(change)
    with opened(tmp_path) as house:
        for minutes in (-60 * 24 * 3, -70, -10, -1, 0, 1, 10, 70):
            house.now = changes_at + timedelta(minutes=minutes)
            found = house.ask("GET", "/v1/slots")[1]["slots"]
            assert found
            assert len({slot["id"] for slot in found}) == len(found)
            starts = [datetime.fromisoformat(slot["starts_at"]).astimezone(LONDON) for slot in found]
            for start in starts:
                assert start.weekday() < 5
                assert 9 <= start.hour <= (15 if start.weekday() == 4 else 19)
                assert start.minute == 0
            first = next(start for start in starts if start > changes_at + timedelta(hours=12))
            assert (first.date() - changes_at.date()).days == DAYS[change][1]
            assert first.hour == 9


@pytest.mark.parametrize("change", CHANGES)
def test_an_agreed_window_on_the_other_side_of_the_change_is_kept_to_the_minute(tmp_path, change):
    """A call before it was not answered; the window after it opens at its local hour, and a step moves nothing."""
    sunday = datetime.fromisoformat(change).astimezone(LONDON).replace(hour=13, minute=0)
    before, after = (sunday + timedelta(days=days) for days in DAYS[change])  # Python counts days as people live them
    with opened(tmp_path) as house:
        house.now = before.astimezone(UTC) - timedelta(hours=2)
        windows = [f"{each.astimezone(UTC):%Y-%m-%dT%H:%MZ}/2h" for each in (before, after)]
        assert all(map(slots.parse_slot_id, windows))
        status, answer = house.ask_for_a_call("key-of-the-only-call", slot=windows[0], also=[windows[1]])
        assert status == 201, answer
        house.now = before.astimezone(UTC) + timedelta(minutes=1)
        desk = Desk(house)
        desk.claim("alex")
        path = f"/v1/desk/claims/{answer['request_id']}/attempts"
        assert desk.as_("alex", "POST", path, {"number": 1, "result": "no-answer"})[0] == 200
        opens_at = after.astimezone(UTC)
        desk.newest.clear()
        for at, status in (
            (opens_at - timedelta(minutes=1), 204),
            (opens_at - STEP, 204),
            (opens_at, 201),
        ):
            house.now = at
            assert desk.as_("kim", "POST", "/v1/desk/claims", {})[0] == status
        house.now -= STEP  # the line rings already: the claim stands, and by its number it can be closed
        body = {"number": 2, "outcome": "answered"}
        assert desk.as_("kim", "POST", path.replace("attempts", "close"), body)[0] == 200


@pytest.mark.parametrize("step", [-STEP, STEP])
def test_a_form_that_was_open_while_the_clock_stepped_is_accepted(tmp_path, step):
    """At worst it counts as unverified, later in the queue; nobody is refused because our clock was wrong."""
    with opened(tmp_path) as house:
        key = "key-of-the-form-that-was-open"
        secret = secret_for("form", pepper=house.house.secret("pepper"))
        form = {"statement_version": VERSION, "concern": "survivor", "message": "x", "idempotency_key": key}
        form["form_token"] = form_token(key, now=house.now, secret=secret)
        house.now += step
        status, answer = house.ask("POST", "/v1/information-requests", form=form)
        assert (status, answer["status"]) == (201, "waiting")


def test_nothing_ends_earlier_than_the_clock_steps(tmp_path):
    """Eleven minutes before its end a request outlives a step of ten, in reads and in the round that erases."""
    with opened(tmp_path) as house:
        answer = ask_for_information(house, "key-of-the-only-question")[1]
        ends_at = house.house.store.get(answer["request_id"], now=house.now).expires_at
        house.now = ends_at - timedelta(minutes=11) + STEP
        assert house.house.retention.purge().purged == 0
        assert house.message_of(answer["request_id"]) == "key-of-the-only-question"
        house.now = ends_at - STEP
        assert house.message_of(answer["request_id"]) is not None


LEAPT = NOW + timedelta(days=730)


def questions(house, count=3):
    """Start, as a server does, with a round that believes the clock; then ask as many questions."""
    run._hourly(house.house)
    return [ask_for_information(house, f"key-of-the-question-{number}")[1] for number in range(count)]


def are_all_there(house, answers):
    """Tell whether every question still opens as it was asked."""
    said = [house.message_of(answer["request_id"]) for answer in answers]
    return said == [f"key-of-the-question-{number}" for number in range(len(answers))]


def during_the_leap(house, what, answers):
    """Do something at the desk, as a requester or as a host, by a clock that is wrong."""
    if what == "claim":
        Desk(house).claim("kim")
    elif what == "withdraw":
        sent = ask_for_information(house, f"key-of-one-that-goes-{house.now:%Y%m%d%H}")[1]
        assert house.ask("DELETE", "/v1/mailbox", receipt=sent["receipt"])[0] == 204
    elif what == "submit":
        assert ask_for_information(house, f"key-of-one-more-{house.now:%Y%m%d%H}")[0] == 201
    elif what == "recovered":
        house.house.retention.undo_restored()
    assert house.house.store.get(answers[0]["request_id"], now=NOW) is not None


@pytest.mark.parametrize("what", ["nothing", "claim", "withdraw", "submit", "recovered"])
def test_a_clock_that_leaps_years_ahead_for_a_moment_erases_nothing(tmp_path, caplog, what):
    """The local server doubts it for a day and says so, whatever is done meanwhile; mended within it, all is there."""
    with opened(tmp_path) as house, caplog.at_level(logging.WARNING, "quietline"):
        answers = questions(house)
        for leap in (timedelta(0), timedelta(hours=1), timedelta(hours=20)):
            house.now = LEAPT + leap
            during_the_leap(house, what, answers)
            run._hourly(house.house)
        said = [record.getMessage() for record in caplog.records]
        assert [each.startswith("The clock stands more than a week from") for each in said] == [True] * 3
        house.now = NOW + timedelta(hours=1)
        run._hourly(house.house)
        assert len(caplog.records) == 3
        assert are_all_there(house, answers)
        house.now = LEAPT + timedelta(hours=25)  # once more: the doubt of before is over, and counts for nothing
        run._hourly(house.house)
        house.now = NOW + timedelta(hours=2)
        assert are_all_there(house, answers)


def test_a_clock_that_leaps_again_while_it_is_doubted_is_doubted_anew(tmp_path):
    """Two leaps do not speak for each other, however far apart they are by their own account."""
    with opened(tmp_path) as house:
        answers = questions(house)
        for at in (LEAPT, LEAPT + timedelta(days=30), LEAPT + timedelta(days=10), LEAPT + timedelta(days=7)):
            house.now = at
            run._hourly(house.house)
        house.now = NOW
        assert are_all_there(house, answers)
        house.now = LEAPT + timedelta(days=8)
        assert not house.house.believing.doubts(), "a day after the last leap it is believed"


def test_a_doubted_clock_publishes_no_month_that_is_not_over(tmp_path):
    """A month that is out is never counted again: one that a leap put out would stay empty for good."""
    with opened(tmp_path) as house:
        questions(house)
        before = house.house.releases.read(since="", until="9999-12")
        house.now = LEAPT
        run._hourly(house.house)
        assert house.house.releases.read(since="", until="9999-12") == before
        house.now += timedelta(days=1)
        run._hourly(house.house)
        assert "2028-10" in house.house.releases.read(since="", until="9999-12")


@pytest.mark.parametrize("leap", [timedelta(days=9), timedelta(days=730)])
def test_a_doubted_round_undoes_what_a_copy_brought_back_and_nothing_else(tmp_path, caplog, leap):
    """Withdrawn, taken back and revoked are so again at once; what the clock takes for expired is left as it is."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    with opened(home) as house:
        kept, gone = questions(house, 2)
        partnering, hosting = house.house.partnering, house.house.host_desk.hosting
        key_id = partnering.issue("north-hub", by="kim").kept.key_id
        host = Host(name={"en": "Ada"}, role={"en": "Practitioner"})
        entry = Answered(entry_id="e1", seq=0, at=NOW, language="en", question="a", answer="b", host=host)
        hosting.transcripts.add("an-hour", entry)
        backup(home, copy)
        assert house.ask("DELETE", "/v1/mailbox", receipt=gone["receipt"])[0] == 204
        partnering.revoke(key_id, by="kim")
        hosting.take_back("an-hour", "e1")
    for path in home.glob("quietline.db*"):
        path.unlink()
    copy.rename(home / "quietline.db")
    with opened(home) as house, caplog.at_level(logging.WARNING, "quietline"):
        store = house.house.store
        assert store.get(gone["request_id"], now=NOW).status is Status.WAITING
        house.now = NOW + leap
        run._hourly(house.house)
        assert caplog.records[0].getMessage().startswith("The clock stands more than a week from")
        assert store.get(kept["request_id"], now=NOW).status is Status.WAITING
        assert house.house.partner_keys.get(key_id).revoked_at is not None
        assert house.house.host_desk.hosting.transcripts.find("an-hour", "e1").retracted
        house.now = NOW + timedelta(hours=1)
        run._hourly(house.house)
        assert are_all_there(house, [kept])
        assert store.get(gone["request_id"], now=NOW).status is Status.WITHDRAWN
        if leap < house.house.rules.retention:
            assert store.get(gone["request_id"], now=NOW + leap).status is Status.WITHDRAWN


def test_a_clock_that_was_right_after_all_is_believed_a_day_later(tmp_path):
    """A machine that was off for half a year erases what has expired, one day after it was switched on."""
    with opened(tmp_path) as house:
        answer = questions(house, 1)[0]
        house.now = NOW + timedelta(days=182)
        run._hourly(house.house)
        assert house.house.shred_keys.names(now=NOW)
        house.now += timedelta(hours=24)
        run._hourly(house.house)
        assert house.house.store.get(answer["request_id"], now=NOW) is None
        assert not house.house.shred_keys.names(now=NOW)
        entries, _ = house.house.store.trail()
        assert [each.deed.verb for each in entries][-2:] == ["clock-leapt", "purge"]


def test_a_quiet_week_is_no_leap_and_quiet_weeks_are_none_either(tmp_path):
    """A server that runs believes its clock from round to round, also if nobody does anything; a gap is doubted."""
    with opened(tmp_path) as house:
        questions(house, 1)
        for _ in range(5):
            house.now += timedelta(days=7)
            assert not house.house.believing.doubts()
        house.now += timedelta(days=7, minutes=1)
        assert house.house.believing.doubts()


NAIVE = b'{"believed_at": "2026-11-24T18:05:00", "doubted_since": null}'


@pytest.mark.parametrize("broken", [None, b"", b"[]", NAIVE, b'{"believed_at": 1}'])
@pytest.mark.parametrize("done", [True, False])
def test_a_clock_of_which_nothing_is_known_is_held_against_the_last_deed(tmp_path, broken, done):
    """Without what was thought of it last, a deed of this week speaks for it; without one, it is doubted for a day."""
    with opened(tmp_path) as house:
        answers = questions(house)
        if done:
            Desk(house).claim("alex")
        (tmp_path / "clock.json").unlink()
        if broken is not None:
            (tmp_path / "clock.json").write_bytes(broken)
        house.now += timedelta(hours=1)
        assert house.house.believing.doubts() is not done
        (tmp_path / "clock.json").unlink()
        house.now = LEAPT
        assert house.house.believing.doubts()
        (tmp_path / "clock.json").unlink()  # nor does that it was doubted speak for it
        for leap, doubts in ((timedelta(0), True), (timedelta(hours=23), True), (timedelta(hours=24), False)):
            house.now = LEAPT + leap
            assert house.house.believing.doubts() is doubts
        house.now = NOW
        assert are_all_there(house, answers)


def test_the_very_first_start_believes_its_clock(tmp_path):
    """Where there is nothing yet nothing can be lost; set right later, the clock is believed again within a day."""
    with opened(tmp_path) as house:
        house.now = LEAPT
        assert not house.house.believing.doubts()
        for at, doubts in ((NOW, True), (NOW + timedelta(days=1), False), (NOW + timedelta(days=2), False)):
            house.now = at
            assert house.house.believing.doubts() is doubts


def test_a_machine_that_starts_in_the_past_and_is_set_right_goes_on_at_once(tmp_path):
    """One without a battery wakes up in 1970, and gets the time from others a moment later: no day is lost by that."""
    with opened(tmp_path) as house:
        questions(house, 1)
        for day in range(1, 4):
            house.now = datetime(1970, 1, 1, tzinfo=UTC)
            assert house.house.believing.doubts()
            house.now = NOW + timedelta(days=day)
            assert not house.house.believing.doubts()


def test_a_contact_is_counted_in_the_month_that_the_clock_shows(tmp_path):
    """A step back over the border of a month counts in the month before, and what was counted stays counted."""
    with opened(tmp_path) as house:
        house.now = datetime(2026, 10, 31, 23, 55, tzinfo=UTC)
        ask_for_information(house, "key-of-the-first-one")
        house.now += STEP
        ask_for_information(house, "key-of-the-second-one")
        house.now -= STEP
        ask_for_information(house, "key-of-the-third-one")
        counted = house.house.counters.read("reach", since="2026-10")
        assert {month: sum(n for (when, _), n in counted.items() if when == month) for month, _ in counted} == {
            "2026-10": 2,
            "2026-11": 1,
        }
