"""The campaign of June 2018, played against real servers."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from real_server import ROOT
from rich.console import Console

from chalicelib.local.demo import Broken
from chalicelib.local.demo_campaign import ACTS, Campaign, play
from chalicelib.local.demo_stage import Stage


def test_the_campaign_is_played_from_its_first_draft_to_the_day_after_its_end():
    """Written, refused, written again, published, packed, on, asked for, closed, over: each on its day."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")}
    ran = subprocess.run(
        [sys.executable, "-m", "chalicelib.local.demo_campaign", "--fast"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    said = " ".join(ran.stdout.split())
    for _, title, _ in ACTS:
        assert title in said
    assert "targets-a-person" in said
    assert "requests that carried its code" in said
    assert "This campaign ended on 29 June 2018." in said
    assert "1,900 people, 52 % more than the year before." in said


def test_what_does_not_hold_ends_it(tmp_path):
    """An act that finds something missing says what, and no further act is played."""
    campaign = Campaign(stage=Stage(Console(file=io.StringIO()), 0, {}), home=tmp_path)
    acts = [("2018-06-30T10:00:00Z", "Saturday: it is over, without having been", Campaign.is_over), *ACTS]
    with pytest.raises(Broken, match=r"it is still known \(404 campaign-unknown\)"):
        play(campaign, acts)
