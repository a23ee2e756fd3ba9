"""The demo, played against real servers."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import subprocess
import sys

import pytest
from real_server import ROOT, TUESDAY_EVENING, later
from rich.console import Console

from chalicelib.local.demo import PEOPLE, Answer, Day, Server, _play
from chalicelib.local.demo_stage import Screen, Stage, stage_for

SATURDAY_NOON = "2026-11-28T12:00:00Z"
ASKED = {"statement_version": "2026-11", "details": {"concern": "professional", "message": "What is there to read?"}}


def play(home, port, *options, **settings):
    """Run the demo as `make demo` does, into a pipe."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")},
        "QUIETLINE_HOME": str(home),
        "QUIETLINE_PORT": str(port),
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "chalicelib.local.demo", *(options or ("--fast", "--no-lapse"))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def a_day(quietline, *, server=Server, day=Day, lapse=False):
    """Set a day up in this process."""
    tokens = {name: quietline.token("practitioner", name) for name in PEOPLE}
    tokens["Supervisor"] = quietline.token("supervisor")
    stage = Stage(Console(file=io.StringIO(), width=200), 0, PEOPLE)
    return day(server=server("127.0.0.1", quietline.port), stage=stage, tokens=tokens, lapse=lapse)


def said(day):
    """Give what the stage was told."""
    return day.stage.console.file.getvalue()


def test_the_day_is_played_while_the_line_is_open(open_house):
    """A call that is not answered waits for its next window, and its requester is answered when they ring in."""
    with open_house(TUESDAY_EVENING) as quietline:
        ran = play(quietline.home, quietline.port)
    assert (ran.returncode, ran.stderr) == (0, "")
    for line in (
        "Requester     asks for a call back in Welsh: ",
        "(plain form): ",
        "so it is not promised; the answer gives the number to ring, 0808 1000 900.",
        "one request, the same receipt.",
        "a colleague holds it, and only one can.",
        "refused, it is no longer Chris's to answer.",
        "waits for its next window, Wednesday 25 November, 9am to 11am.",
        "Requester     has missed a call, rings the helpline, and quotes “",
        "The receipt opens nothing any more.",
        "8 came in, 7 were answered, 1 was withdrawn, 0 were lost: every receipt is",
        "9 claims, 1 call not answered, 1 late write refused, 1 repeat recognised.",
    ):
        assert line in ran.stdout
    assert re.search(r"The audit trail holds \d+ deeds, verified\.", ran.stdout)
    assert "\x1b" not in ran.stdout


def test_the_day_is_played_while_the_line_is_closed(open_house):
    """On a Saturday nobody is rung: no call is handed out, and those who ring in are found by their reference."""
    with open_house(SATURDAY_NOON) as quietline:
        ran = play(quietline.home, quietline.port)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "The line is closed until Monday 30 November, 9am." in ran.stdout
    assert "no call is handed out: nobody is rung at another time." in ran.stdout
    assert not re.search(r"^\w+ +rings [a-z]+-[a-z]+,", ran.stdout, re.MULTILINE)
    assert "0 calls not answered" in ran.stdout
    assert "every receipt is" in ran.stdout


def test_other_peoples_requests_stay_untouched(open_house):
    """With somebody else's request in the queue the day is played twice, by reference, and that request still waits."""
    with open_house(TUESDAY_EVENING) as quietline:
        other = quietline.ask("POST", "/v1/information-requests", ASKED).json()
        for _ in range(2):
            ran = play(quietline.home, quietline.port)
            assert (ran.returncode, ran.stderr) == (0, "")
            assert "The queue holds 1 already." in ran.stdout
            assert "takes the most urgent" not in ran.stdout
        token = quietline.token("practitioner")
        claim = quietline.ask("POST", "/v1/desk/claims", {"reference": other["reference"]}, token=token).json()
    assert claim["claim"]["number"] == 1


def test_a_lapsed_lease_is_picked_up_by_a_colleague(open_house):
    """What Bethan did not come back to is handed to Chris as number 2, and Bethan's late reply is refused."""
    with contextlib.ExitStack() as houses:
        first = contextlib.ExitStack()
        with first:
            quietline = first.enter_context(open_house(TUESDAY_EVENING))

            class Impatient(Day):
                """Does not wait for the minute to pass: the server is started again five minutes later."""

                def wait_until(self, _moment):
                    if self.countdown:
                        self.countdown = []
                        first.close()
                        restarted = houses.enter_context(open_house(later(TUESDAY_EVENING, 5)))
                        self.server = Server("127.0.0.1", restarted.port)

            day = a_day(quietline, day=Impatient, lapse=True)
            assert _play(day, day.stage.console) == 0
    assert re.search(r"Chris +takes the most urgent request for information in English: [a-z-]+, number 2", said(day))
    assert "Bethan        is back, and sends her reply under number 1: refused, Chris has it now." in said(day)
    assert "1 lease lapsed and was picked up" in said(day)
    assert "2 late writes refused" in said(day)


def test_what_does_not_hold_is_named(quietline):
    """Against a server that takes late work the day ends with exit code 1, says why, and leaves nothing behind."""

    class Lenient(Server):
        """A server that lost its fence."""

        def ask(self, *question):
            answer = super().ask(*question)
            return Answer(201, {}) if answer.code == "claim-lost" else answer

    day = a_day(quietline, server=Lenient)
    assert _play(day, day.stage.console) == 1
    assert "This did not hold: a colleague's late write is refused (answered 201, expected 409 claim-lost)." in said(
        day
    )
    lanes = quietline.ask("GET", "/v1/desk/queue", token=quietline.token("supervisor")).json()["lanes"]
    assert sum(lane["waiting"] + lane["claimed"] for lane in lanes) == 0


def test_without_a_server_one_sentence_says_what_to_do(tmp_path):
    """With nobody at the port the demo ends with exit code 2 and points to `make run`; it leaves nothing behind."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ran = play(tmp_path / "home", port)
    sentence = f"No Quietline answers at http://127.0.0.1:{port}: start one with `make run` in another terminal.\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", sentence)
    assert not (tmp_path / "home").exists()


def test_another_home_is_told_from_no_server(quietline, tmp_path):
    """With the wrong QUIETLINE_HOME the demo says that the server does not know its sign-in."""
    ran = play(tmp_path / "elsewhere", quietline.port)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("The server does not know this sign-in: ")


@pytest.mark.parametrize("pace", ["slow", "-1", "11", "nan"])
def test_a_pace_that_is_none_is_refused(tmp_path, pace):
    """A pace that cannot be played is named in one sentence."""
    ran = play(tmp_path, 1, "--no-lapse", QUIETLINE_DEMO_PACE=pace)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("QUIETLINE_DEMO_PACE must be a number from 0 to 10")


@pytest.mark.parametrize(("columns", "rows", "drawn"), [(80, 24, Screen), (120, 40, Screen), (60, 24, Stage)])
def test_the_picture_needs_room(columns, rows, drawn):
    """Where the terminal is too small for the picture the day is told line by line."""
    console = Console(
        file=io.StringIO(), force_terminal=True, width=columns, height=rows, _environ={"TERM": "xterm-256color"}
    )
    assert type(stage_for(console, pace=0, people=PEOPLE)) is drawn


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_a_played_day_fits_the_terminal(quietline, columns, rows):
    """The picture at the end of a day has every lane, every practitioner, the last deed and a mailbox, uncut."""
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, height=rows, color_system=None)
    day = a_day(quietline)
    day.stage = Screen(console, 0, PEOPLE)
    day.play()
    console.print(day.stage.draw(), height=rows)
    picture = console.file.getvalue()
    lines = picture.rstrip("\n").splitlines()
    assert len(lines) == rows
    assert {len(line) for line in lines} == {columns}
    for part in ("Information Welsh", "▚ parked", "Bethan English", "under which number", "Mailbox · "):
        assert part in picture
