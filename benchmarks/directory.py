"""
The directory, small and large: `/v1/signposts` and `/oruk/services` with the seed's services and with 10,000.

    python benchmarks/directory.py [--quick]

Memory, cold start and every kind of GET, in process as Lambda calls it, and beside aws-lambda-powertools and FastAPI
with Mangum, which answer with the same bytes and the same ETag, ready made. Rounds take turns, so that a noisy moment
falls on all alike; CPU is the thread's own time. `make bench-directory` runs this part of `make bench` alone.
"""

# ruff: noqa: PLC0415
# Imports stand inside functions: each worker loads only what it measures.
from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LARGE = 10_000
CONTENT = common.ROOT / "chalicelib" / "content"
SIGNPOSTS, SERVICES = "/v1/signposts", "/oruk/services"
FILTERED = {"audience": "survivor", "region": "E23000005"}
PEERS = ("powertools", "powertools, validating", "fastapi + mangum")


class _Context:
    function_name = memory_limit_in_mb = aws_request_id = invoked_function_arn = "bench"


def _event(path: str, query: dict[str, str] | None = None, etag: str | None = None) -> dict[str, Any]:
    event = common.event("GET", path, headers=None if etag is None else {"If-None-Match": etag})
    event["queryStringParameters"] = query
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in (query or {}).items()} or None
    return event


def write_content(folder: Path, count: int) -> Path:
    """Write the seed content with *count* services: the seed, over and over, each copy in an area of its own."""
    import shutil

    shutil.copytree(CONTENT, folder, ignore=shutil.ignore_patterns("signposts"))
    (folder / "signposts").mkdir()
    seed = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((CONTENT / "signposts").glob("*.json"))]
    areas = [region["code"] for region in json.loads((CONTENT / "regions.json").read_bytes())]
    for number in range(count):
        record = dict(seed[number % len(seed)])
        if number >= len(seed):
            record["id"] = f"{record['id']}-{number}"
            record["name"] = {language: f"{name} {number}" for language, name in record["name"].items()}
            record["regions"] = [areas[number % len(areas)]]
        text = json.dumps(record, ensure_ascii=False)
        (folder / "signposts" / f"{number:05d}.json").write_text(text, encoding="utf-8")
    return folder


# ---------------------------------------------------------------- in the worker


def _ours(content: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    import app
    from chalicelib.adapters.content import PackagedContent

    app.house.__dict__["content"] = PackagedContent(content)
    return lambda trigger: app.app(trigger, _Context())


def _peer(kind: str, documents: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Load a peer, which reads the documents that it serves when it starts, as one would."""
    os.environ["PEER_DOCUMENTS"] = str(documents)
    if kind.startswith("powertools"):
        if kind != "powertools":
            os.environ["PEER_VALIDATES"] = "1"
        from peers import powertools_app

        return lambda trigger: powertools_app.handler(trigger, _Context())
    from peers import mangum_app

    return lambda trigger: mangum_app.handler(trigger, _Context())


def _memory() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _headers(answer: dict[str, Any]) -> dict[str, str]:
    several = {name: values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
    return {name.lower(): value for name, value in {**(answer.get("headers") or {}), **several}.items()}


def _cold(kind: str, at: Path) -> dict[str, Any]:
    """Import, and answer the first GET of each list, in this fresh interpreter; CPU, which a busy machine spares."""
    began = time.process_time()
    call = _ours(at) if kind == "quietline" else _peer(kind, at)
    imported = time.process_time()
    first = call(_event(SIGNPOSTS))
    answered = time.process_time()
    second = call(_event(SERVICES))
    both = time.process_time()
    return {
        "import_ms": (imported - began) * 1000,
        "signposts_ms": (answered - began) * 1000,
        "services_ms": (both - answered) * 1000,
        "memory_mib": _memory(),
        "bytes": [len(first["body"].encode()), len(second["body"].encode())],
        "wrong": sum(each["statusCode"] != 200 for each in (first, second)),
    }


def _walked(content: Path) -> dict[str, Any]:
    """Walk every page of both lists in both languages, as harvesters and partners do, and say what that costs."""
    call = _ours(content)
    call(_event(SERVICES))
    found = {}
    for name, path, per_page in (("oruk", SERVICES, 100), ("signposts", SIGNPOSTS, 500)):
        began, pages = time.process_time(), 0
        for language in ("en", "cy"):
            number = 1
            while True:
                asked = {"page": str(number), "per_page": str(per_page), "lang": language}
                page = json.loads(call(_event(path, asked))["body"])
                number, pages = number + 1, pages + 1
                if page.get("last_page") or (path == SIGNPOSTS and "next_page" not in page):
                    break
        found[name] = {"pages": pages, "a_page_ms": (time.process_time() - began) * 1000 / pages}
    return {**found, "memory_mib": _memory()}


def _serve(kind: str, at: Path) -> None:
    """Do what each line of stdin asks for, `WHAT COUNT`, and say how long each took."""
    call = _ours(at) if kind == "quietline" else _peer(kind, at)
    etags = {path: _headers(call(_event(path)))["etag"] for path in (SIGNPOSTS, SERVICES)}
    fresh = 0
    for line in sys.stdin:
        what, _, count = line.strip().rpartition(" ")
        triggers, status = [], 200
        for _ in range(int(count)):
            fresh += 1
            if what == "documents":
                break
            path = SIGNPOSTS if what.startswith("signposts") else SERVICES
            query, etag = None, None
            if what.endswith("unchanged"):
                etag, status = etags[path], 304
            elif what.endswith("filtered"):
                query = FILTERED
            elif what.endswith("fresh page"):
                # A page that nobody has asked for yet: every page size cuts the list anew.
                query = {"page": "2", "per_page": str(20 + fresh % 480)}
            triggers.append(_event(path, query, etag))
        if what == "documents":
            answers = {path: call(_event(path)) for path in (SIGNPOSTS, SERVICES)}
            said: Any = {path: {"body": one["body"], "etag": etags[path]} for path, one in answers.items()}
        else:
            said = _timed(call, triggers, status)
        print(json.dumps(said), flush=True)


def _timed(call: Callable[[dict[str, Any]], dict[str, Any]], triggers: Sequence[dict[str, Any]], status: int) -> Any:
    cpu, wall, wrong = [], [], 0
    for trigger in triggers:
        started, began = time.perf_counter_ns(), time.thread_time_ns()
        answered = call(trigger)
        cpu.append((time.thread_time_ns() - began) / 1000)
        wall.append((time.perf_counter_ns() - started) / 1000)
        wrong += answered["statusCode"] != status
    return {"cpu": cpu, "wall": wall, "wrong": wrong}


# ---------------------------------------------------------------- outside


def _command(kind: str, what: str, at: Path) -> tuple[list[str], dict[str, str]]:
    python = sys.executable if kind == "quietline" else str(common.PEER_PYTHON)
    home = at.parent / "home"
    env = {**os.environ, "QUIETLINE_HOME": str(home), "QUIETLINE_CLOCK": common.CLOCK, "QUIETLINE_FACES": "public"}
    return [python, str(Path(__file__)), "--worker", kind, "--what", what, "--at", str(at)], env


def _once(kind: str, what: str, at: Path) -> Any:
    command, env = _command(kind, what, at)
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=env, cwd=common.ROOT).stdout)


@contextlib.contextmanager
def _worker(kind: str, at: Path) -> Iterator[Callable[[str], Any]]:
    command, env = _command(kind, "serve", at)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env, cwd=common.ROOT) as process:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError

        def ask(what: str) -> Any:
            stdin.write(what + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield ask
        stdin.close()


Asks = dict[tuple[str, int], "Callable[[str], Any]"]


def _open(up: contextlib.ExitStack, content: dict[int, Path]) -> Asks:
    """Start a worker of each kind on each content; the peers get what ours answers, and must answer the same."""
    ask: Asks = {}
    for size, folder in content.items():
        ask["quietline", size] = up.enter_context(_worker("quietline", folder))
        said = ask["quietline", size]("documents 1")
        documents = folder.parent / "documents.json"
        documents.write_text(json.dumps(said), encoding="utf-8")
        for peer in PEERS:
            ask[peer, size] = up.enter_context(_worker(peer, documents))
            if ask[peer, size]("documents 1") != said:
                message = f"{peer} does not serve the same bytes"
                raise RuntimeError(message)
    return ask


def _warm(ask: Asks, rounds: int, count: int) -> list[dict[str, Any]]:
    whats = [f"{name}{kind}" for name in ("signposts", "services") for kind in ("", " unchanged")]
    own = ["signposts filtered", "services fresh page"]
    taken: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for turn in range(rounds + 1):
        common.step(turn, rounds, "warm")
        for (who, size), worker in list(ask.items())[:: 1 if turn % 2 else -1]:
            for what in (*whats, *(own if who == "quietline" else ())):
                one = worker(f"{what} {count}")
                if turn:  # the first round warms up
                    taken.setdefault((who, size, what), []).append(one)
    return [
        {
            "who": who,
            "size": size,
            "what": what,
            "cpu_us": common.median([each for one in found for each in one["cpu"]]),
            "p50_us": common.percentile([each for one in found for each in one["wall"]], 0.5),
            "p99_us": common.percentile([each for one in found for each in one["wall"]], 0.99),
            "wrong": sum(one["wrong"] for one in found),
        }
        for (who, size, what), found in taken.items()
    ]


def _starts(content: dict[int, Path], starts: int) -> list[dict[str, Any]]:
    taken: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for turn in range(starts):
        common.step(turn, starts, "cold starts")
        for size, folder in content.items():
            for who in ("quietline", *PEERS):
                at = folder if who == "quietline" else folder.parent / "documents.json"
                taken.setdefault((who, size), []).append(_once(who, "cold", at))
    names = ("import_ms", "signposts_ms", "services_ms", "memory_mib")
    return [
        {
            "who": who,
            "size": size,
            **{name: common.median([one[name] for one in found]) for name in names},
            "bytes": found[0]["bytes"],
            "wrong": sum(one["wrong"] for one in found),
        }
        for (who, size), found in taken.items()
    ]


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure everything in turns; times are in microseconds for warm calls and milliseconds for cold starts."""
    rounds, count, starts = (2, 60, 1) if quick else (7, 200, 5)
    seed = len(list((CONTENT / "signposts").glob("*.json")))
    with common.temporary_home() as base, contextlib.ExitStack() as up:
        content = {size: write_content(base / f"{size}" / "content", size) for size in (seed, LARGE)}
        warm = _warm(_open(up, content), rounds, count)
        return {
            "seed": seed,
            "warm": warm,
            "cold": _starts(content, starts),
            "walked": [{"size": size, **_once("quietline", "walk", folder)} for size, folder in content.items()],
        }


# ---------------------------------------------------------------- the page


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    seed, warm = found["seed"], {(one["who"], one["size"], one["what"]): one for one in found["warm"]}
    names = {
        "signposts": "GET /v1/signposts",
        "signposts unchanged": "the same, unchanged (304)",
        "services": "GET /oruk/services",
        "services unchanged": "the same, unchanged (304)",
        "signposts filtered": "GET /v1/signposts, audience and region",
        "services fresh page": "GET /oruk/services, a page nobody has asked for",
    }
    rows = []
    for what, name in names.items():
        for size in (seed, LARGE):
            for who in ("quietline", *PEERS):
                one = warm.get((who, size, what))
                if one is None:
                    continue
                ratio = one["cpu_us"] / warm["quietline", size, what]["cpu_us"]
                times = (f"{one[key]:,.1f} us" for key in ("cpu_us", "p50_us", "p99_us"))
                rows.append((name, f"{size:,}", who, *times, f"{ratio:.2f}"))
    cold = [
        (
            one["who"],
            f"{one['size']:,}",
            *(f"{one[key]:.0f} ms" for key in ("import_ms", "signposts_ms", "services_ms")),
            f"{one['memory_mib']:.0f} MiB",
            " and ".join(f"{size:,}" for size in one["bytes"]),
        )
        for one in found["cold"]
    ]
    walked = [
        (
            f"{one['size']:,}",
            *(f"{one[name]['pages']} of {one[name]['a_page_ms']:.1f} ms" for name in ("oruk", "signposts")),
            f"{one['memory_mib']:.0f} MiB",
        )
        for one in found["walked"]
    ]
    peers = (
        "The peers answer with the same bytes and ETag, read from a file when they start: what a warm answer costs is"
        " compared, not its making. FastAPI and the second Powertools check three parameters of each list, ours checks"
        " all that there are; the first Powertools checks nothing."
    )
    starts = (
        "A fresh interpreter with bytecode. Ours reads and parses one file for each service; the peers parse nothing,"
        " which is the least that anybody could do."
    )
    walking = "Every page is made once and was asked for once: 100 services, 500 signposts on each."
    tables = [
        {
            "title": f"The directory, with {seed} services and with {LARGE:,}: warm, in process",
            "head": ("", "services", "", "CPU", "p50", "p99", "CPU to ours"),
            "rows": rows,
            "note": peers,
        },
        {
            "title": f"The directory, with {seed} services and with {LARGE:,}: cold start, CPU",
            "head": ("", "services", "import", "and first signposts", "first services", "memory", "bytes"),
            "rows": cold,
            "note": starts,
        },
        {
            "title": "The directory, walked through in both languages, CPU",
            "head": ("services", "pages of services", "pages of signposts", "memory after it"),
            "rows": walked,
            "note": walking,
        },
    ]
    return {"tables": tables, "wrong": _wrong(found)}


def _wrong(found: dict[str, Any]) -> list[str]:
    return [f"{one['who']}: {one['wrong']} wrong answers" for one in (*found["warm"], *found["cold"]) if one["wrong"]]


def main() -> None:
    """Measure and say it, or be the worker that is measured."""
    parser = argparse.ArgumentParser(description="Measure the directory beside its peers.")
    parser.add_argument("--quick", action="store_true", help="short runs, figures to be trusted less")
    parser.add_argument("--worker", choices=("quietline", *PEERS))
    parser.add_argument("--what", choices=("cold", "walk", "serve"))
    parser.add_argument("--at", type=Path)
    given = parser.parse_args()
    if given.worker and given.what == "serve":
        _serve(given.worker, given.at)
    elif given.worker:
        print(json.dumps(_cold(given.worker, given.at) if given.what == "cold" else _walked(given.at)))
    else:
        print(json.dumps(document(run(quick=given.quick))))


if __name__ == "__main__":
    main()
