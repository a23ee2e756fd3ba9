"""
Starting: how long `app.py` takes to import in a fresh interpreter, the first answer included, and memory at rest.

With bytecode, as it is deployed: a first run that writes it is not counted.

    python benchmarks/imports.py [--quick]
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from pathlib import Path

_PROBE = """
import json, sys, time
sys.path[:0] = [{root!r}, {here!r}]
began, cpu = time.perf_counter(), time.process_time()
{load}
loaded, loaded_cpu = time.perf_counter(), time.process_time()
trigger = json.loads(sys.argv[1])
if trigger:
    status = {call}(trigger, type("Context", (), {{"aws_request_id": "1"}})())["statusCode"]
    assert status in (200, 201), status
answered, answered_cpu = time.perf_counter(), time.process_time()
print(json.dumps([1000 * (each - since) for each, since in
    ((loaded, began), (answered, began), (loaded_cpu, cpu), (answered_cpu, cpu))]))
"""
_KINDS = {
    "bare": ("from peers import bare", "bare.handler"),
    "quietline": ("import app", "app.app"),
    "quietline, public face alone": ("import app", "app.app"),
}


def _fresh(kind: str, home: Path, trigger: dict[str, Any]) -> list[float]:
    load, call = _KINDS[kind]
    code = _PROBE.format(root=str(common.ROOT), here=str(common.HERE), load=load, call=call)
    env = {
        "QUIETLINE_HOME": str(home),
        "QUIETLINE_CLOCK": common.CLOCK,
        "QUIETLINE_FACES": "public" if "alone" in kind else "public,desk",
        "PEER_DATABASE": str(home / "quietline.db"),
    }
    command = [sys.executable, "-c", code, json.dumps(trigger)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=common.ROOT)
    found: list[float] = json.loads(said.stdout)
    return found


def _memory(home: Path, requests: int) -> dict[str, float]:
    """Give the server's resident memory in MiB after its start, and after so many accepted callbacks."""
    port = common.free_port()
    command, env = common.ours(home, port)
    with common.running(command, port, env) as process:
        found = {"start": _resident(process)}
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for number in range(requests):
            body = common.callback_body(number)
            connection.request("POST", "/v1/callbacks", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                message = f"a callback was answered {answer.status}"
                raise RuntimeError(message)
        connection.close()
        found["after"] = _resident(process)
    return {**found, "requests": requests}


def _resident(process: int) -> float:
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(said.stdout) / 1024


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure starts in turns; gives medians in milliseconds, and memory."""
    times, requests = (5, 300) if quick else (9, 1000)
    post = common.event("POST", "/v1/callbacks", common.callback_body(1))
    get = common.event("GET", "/v1/signposts")
    taken: dict[tuple[str, str], list[list[float]]] = {}
    with common.temporary_home() as base:
        common.new_house(base / "home").store.close()
        for turn in range(times + 1):
            for kind in _KINDS:
                for name, trigger in (("GET", get), ("POST", post)):
                    one = _fresh(kind, base / "home", trigger)
                    if turn:  # the first one writes bytecode
                        taken.setdefault((kind, name), []).append(one)
        memory = _memory(base / "home", requests)
    rows = []
    for kind in _KINDS:
        every = [*taken[kind, "GET"], *taken[kind, "POST"]]
        rows.append(
            {
                "who": kind,
                "import_ms": common.median([one[0] for one in every]),
                "import_cpu_ms": common.median([one[2] for one in every]),
                "with_get_ms": common.median([one[1] for one in taken[kind, "GET"]]),
                "with_post_ms": common.median([one[1] for one in taken[kind, "POST"]]),
            }
        )
    return {"rows": rows, "memory_mib": memory}


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    bare = found["rows"][0]
    rows = [
        (
            one["who"],
            f"{one['import_ms']:.0f} ms",
            f"{one['import_cpu_ms']:.0f} ms",
            f"{one['with_get_ms']:.0f} ms",
            f"{one['with_post_ms']:.0f} ms",
            f"{one['with_post_ms'] / bare['with_post_ms']:.1f}",
        )
        for one in found["rows"]
    ]
    memory = found["memory_mib"]
    tables = [
        {
            "title": "Starting, in a fresh interpreter with bytecode",
            "head": ("", "import", "of it CPU", "with the first GET", "with the first POST", "to bare, POST"),
            "rows": rows,
            "note": "Bare imports json and sqlite3. GET is the list of signposts, POST a callback.",
        },
        {
            "title": "Memory of the local server",
            "head": ("", "resident"),
            "rows": [
                ("after its start", f"{memory['start']:.0f} MiB"),
                (f"after {memory['requests']} callbacks", f"{memory['after']:.0f} MiB"),
            ],
            "note": "",
        },
    ]
    return {"tables": tables}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(document(run(quick=parser.parse_args().quick))))
