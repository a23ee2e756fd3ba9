"""What is watched by the clock: figures for alarms, and rounds that fail without a word of what they met."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import pytest

from chalicelib.adapters.gauges import EmbeddedMetrics
from chalicelib.config import Settings
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Unavailable
from chalicelib.http.problems import RoundFailed
from chalicelib.ports import LaneState
from chalicelib.usecases.watching import Watch
from chalicelib.wiring import House


class Lanes:
    """A store of which only the lanes are asked."""

    def __init__(self, *lanes):
        self._lanes = lanes
        self.recounted_at = None

    def lanes(self, *, now, soon):
        """Give them."""
        return self._lanes

    def recount(self, *, now):
        """Note when."""
        self.recounted_at = now


class Still:
    """A clock that stands."""

    def __init__(self, at):
        self._at = at

    def now(self):
        """Give the one instant."""
        return self._at


def look(now, capsys, *lanes):
    """Look once, and give the figures with the line that CloudWatch reads."""
    watch = Watch(store=Lanes(*lanes), clock=Still(now), gauges=EmbeddedMetrics("Quietline/test"))
    return watch.look(), json.loads(capsys.readouterr().out)


def test_the_figures_are_of_all_lanes_together(now, capsys):
    """Waiting, overdue, claimed and parked are summed, and the oldest wait is the longest of any lane."""
    figures, line = look(
        now,
        capsys,
        LaneState(lane="callback/en", waiting=2, oldest_at=now - timedelta(minutes=90), overdue=1, claimed=3),
        LaneState(lane="information/cy", waiting=1, oldest_at=now - timedelta(minutes=30), parked=4),
    )
    wanted = {"Waiting": 3, "OldestWaitingMinutes": 90, "Overdue": 1, "Claimed": 3, "Parked": 4}
    assert figures == wanted
    directive = line.pop("_aws")
    assert line == wanted
    assert directive["Timestamp"] == int(now.timestamp() * 1000)
    assert {each["Name"] for each in directive["CloudWatchMetrics"][0]["Metrics"]} == set(wanted)


def test_what_guards_the_queue_is_counted_at_every_look(now, capsys):
    """Figures are shown first: a count that fails takes no alarm with it."""
    store = Lanes()
    Watch(store=store, clock=Still(now), gauges=EmbeddedMetrics("Quietline/test")).look()
    assert store.recounted_at == now
    capsys.readouterr()

    def refuse(*, now):
        raise Unavailable("storage")

    store.recount = refuse
    with pytest.raises(Unavailable):
        Watch(store=store, clock=Still(now), gauges=EmbeddedMetrics("Quietline/test")).look()
    assert json.loads(capsys.readouterr().out)["Waiting"] == 0


def test_an_empty_queue_shows_zeros(now, capsys):
    """A figure that stops coming is an alarm, so there is one also when nobody waits."""
    figures, _ = look(now, capsys)
    assert set(figures.values()) == {0}


@pytest.mark.parametrize("broken", [0, 1])
def test_a_trail_that_does_not_verify_is_a_figure_of_the_hourly_round(tmp_path, capsys, broken):
    """Each round shows `TrailBroken` for an alarm to hang on: 0 while the trail is sound, 1 when it was cut off."""
    house = House(Settings(home=tmp_path, metrics="Quietline/test"))
    house.store.record(Deed(verb="list-parked", actor="sam", at=house.clock.now()))
    assert house.retention.hourly()["trail_broken"] == 0
    capsys.readouterr()
    if broken:
        with sqlite3.connect(tmp_path / "quietline.db") as database:
            database.execute("DELETE FROM trail")
    assert house.retention.hourly()["trail_broken"] == broken
    line = json.loads(capsys.readouterr().out)
    (directive,) = line.pop("_aws")["CloudWatchMetrics"]
    assert line == {"TrailBroken": broken}
    assert (directive["Namespace"], directive["Metrics"]) == ("Quietline/test", [{"Name": "TrailBroken"}])


def test_a_round_that_fails_says_only_where(tmp_path):
    """Lambda logs the text of what a function raises: it is the type and the line, never the input."""

    def fail(_trigger):
        message = "07700 900123"
        raise ValueError(message)

    guarded = House(Settings(home=tmp_path)).problems.round(fail)
    with pytest.raises(RoundFailed) as failure:
        guarded(None)
    assert "ValueError" in str(failure.value)
    assert "900123" not in str(failure.value)
    assert failure.value.__suppress_context__
