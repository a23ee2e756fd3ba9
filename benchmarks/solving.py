"""
How long does a phone work for one request?

Our own `solving.js` solves real challenges in Chromium: as fast as this machine can, with the page's thread slowed down
by DevTools (`Emulation.setCPUThrottlingRate`), and with the whole renderer stopped for most of every 12 milliseconds.
DevTools slows the page's thread alone, and WebCrypto derives in threads of its own: so it is the second that says
something about a phone whose cores are that much slower. The first is there because everybody knows it.

    python benchmarks/solving.py [--times 12]

The heaviest challenge counts as much as the average one: a person meets one of them, and waits for it.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import statistics
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES = (1, 4, 6)
PERIOD = 0.012
SITE = "https://ask.invalid"
SOLVE = """async (challenge) => {
    const { solve } = await import('/solving.js');
    const began = performance.now();
    const payload = await solve(challenge);
    return [performance.now() - began, payload];
}"""


def _renderers(browser: int) -> list[int]:
    """Name the processes of *browser* in which pages run."""
    parents, renderers = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                renderers.append(int(folder.name))

    def is_its(process: int) -> bool:
        while process > 1:
            if process == browser:
                return True
            process = parents.get(process, 0)
        return False

    return [process for process in renderers if is_its(process)]


@contextlib.contextmanager
def slowed(processes: list[int], rate: int) -> Iterator[None]:
    """Let *processes* run for one part in *rate* of the time, all their threads."""
    over = threading.Event()

    def tell(what: signal.Signals) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, what)

    def pace() -> None:
        while not over.is_set():
            tell(signal.SIGSTOP)
            time.sleep(PERIOD * (rate - 1) / rate)
            tell(signal.SIGCONT)
            time.sleep(PERIOD / rate)

    if rate == 1:
        yield
        return
    pacing = threading.Thread(target=pace, daemon=True)
    pacing.start()
    try:
        yield
    finally:
        over.set()
        pacing.join()
        tell(signal.SIGCONT)


def _challenge(altcha: Any, counter: int | None) -> dict[str, Any]:
    """Make a challenge of ours, of any weight or of one."""
    from chalicelib.adapters import altcha as ours

    drawn = secrets.randbelow
    if counter is not None:
        secrets.randbelow = lambda _: counter - ours.FEWEST
    try:
        return dict(altcha.challenge(bound_to="bench", now=datetime.now(UTC)))
    finally:
        secrets.randbelow = drawn


def measure(times: int) -> dict[str, Any]:
    """Solve *times* average and *times* heaviest challenges at each rate; give milliseconds."""
    from playwright.sync_api import sync_playwright

    from chalicelib.adapters import altcha as ours

    altcha = ours.Altcha(lambda purpose: purpose.encode() * 4)
    script = (common.ROOT / "chalicelib/http/static/solving.js").read_text()
    found: dict[str, Any] = {"rounds": ours.ROUNDS, "derivations": [ours.FEWEST, ours.MOST], "ms": {}}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        found["browser"] = browser.version
        page = browser.new_page()
        page.route(f"{SITE}/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.route(f"{SITE}/*.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
        page.goto(f"{SITE}/")
        devtools = page.context.new_cdp_session(page)
        pages = _renderers(os.getpid())

        def solved(counter: int | None) -> float:
            took, payload = page.evaluate(SOLVE, _challenge(altcha, counter))
            assert altcha.is_solved(payload, bound_to="bench", now=datetime.now(UTC))
            return float(took)

        def row() -> dict[str, float]:
            average = sorted(solved(None) for _ in range(times))
            heaviest = sorted(solved(ours.MOST - 1) for _ in range(times))
            return {
                "median": round(statistics.median(average)),
                "heaviest, median": round(statistics.median(heaviest)),
                "heaviest, worst": round(heaviest[-1]),
            }

        solved(None)
        for rate in RATES:
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": rate})
            found["ms"][f"DevTools {rate}x"] = row()
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        for rate in RATES[1:]:
            with slowed(pages, rate):
                found["ms"][f"renderer {rate}x"] = row()
        browser.close()
    return found


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=12)
    print(json.dumps(measure(parser.parse_args().times), indent=2))


if __name__ == "__main__":
    main()
