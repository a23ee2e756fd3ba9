"""
In process: the app called as Lambda calls it, beside a bare handler that writes the same item.

Four processes take turns, so that a noisy moment falls on all of them alike. CPU is the calling thread's own time;
the wall clock shows what the disk adds. "Same work" is our app with sealing and shred keys taken out and everything
else left on: validation, phone check, receipt, limits, problem+json and the privacy boundary. Sealing and audit are
measured alone.

    python benchmarks/in_process.py [--quick]
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
    from collections.abc import Callable, Iterator

WORKERS = ("bare", "chalice", "same work", "quietline")
SIGNPOSTS = "/v1/signposts"
ONE = "/v1/signposts/{signpost_id}"


class _Context:
    function_name = "bench"
    aws_request_id = "bench"


# ---------------------------------------------------------------- in the worker


def _quietline(home: Path, *, sealing: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    os.environ.update(QUIETLINE_HOME=str(home), QUIETLINE_CLOCK=common.CLOCK, QUIETLINE_UNVERIFIED_CAP="10000000")
    import app

    if not sealing:
        app.house.__dict__["sealer"] = _Unsealed()
        app.house.public.intake.shredding.__class__.begin = lambda _self, _request, content: content
    return lambda trigger: app.app(trigger, _Context())


class _Unsealed:
    """A sealer that leaves content open, at the size that it would have sealed."""

    def __init__(self) -> None:
        from chalicelib.domain.envelope import Envelope, Recipient, pad

        self._recipient = Recipient(key_id="desk-000000000000", enc=bytes(65), ct=bytes(48))
        self._envelope, self._pad = Envelope, pad

    def public_keys(self) -> list[dict[str, str]]:
        return []

    def seal(self, content: bytes, *, kind: str, request_id: str) -> Any:
        del kind
        ct = self._pad(content) + bytes(16)
        return self._envelope(request_id=request_id, nonce=bytes(12), ct=ct, recipients=(self._recipient,))


def _bare(home: Path, document: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    from peers import bare

    os.environ["PEER_DATABASE"] = str(home / "quietline.db")
    bare.document = document
    return lambda trigger: bare.handler(trigger, _Context())


def _chalice(home: Path, document: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Chalice with nothing in it: what a route costs before anything of ours."""
    from chalice.app import Chalice, Response
    from peers import bare

    os.environ["PEER_DATABASE"] = str(home / "quietline.db")
    plain = Chalice(app_name="plain", configure_logs=False)
    plain.api.binary_types = []

    @plain.route(SIGNPOSTS)
    def get() -> Response:
        return Response(document, headers=bare.JSON)

    @plain.route("/v1/callbacks", methods=["POST"])
    def post() -> Response:
        request = plain.current_request
        answered = bare.handler({"httpMethod": "POST", "body": request.raw_body.decode()}, None)
        return Response(answered["body"], status_code=201, headers=bare.JSON)

    return lambda trigger: plain(trigger, _Context())


def _timed(call: Callable[[dict[str, Any]], dict[str, Any]], triggers: list[dict[str, Any]], status: int) -> Any:
    cpu, wall, wrong = [], [], 0
    for trigger in triggers:
        started, began = time.perf_counter_ns(), time.thread_time_ns()
        answered = call(trigger)
        cpu.append((time.thread_time_ns() - began) / 1000)
        wall.append((time.perf_counter_ns() - started) / 1000)
        wrong += answered["statusCode"] != status
    return {"cpu": cpu, "wall": wall, "wrong": wrong}


def _pieces() -> dict[str, float]:
    """Measure alone, in microseconds of CPU, what an accepted callback and a claim contain."""
    import app
    from chalicelib.domain import audit, receipts
    from chalicelib.http.models import CallbackSubmission
    from chalicelib.http.reading import validated

    house = app.house
    body = common.callback_body(1).encode()
    content = json.dumps({"details": common.CALLBACK["details"], "mailbox_key": "k" * 43}).encode()
    house.sealer.public_keys()
    kind, request_id = "callback", "r" * 43
    envelope = house.sealer.seal(content, kind=kind, request_id=request_id)
    deed = audit.Deed(at=house.clock.now(), actor="practitioner-1", verb="open", request_id=request_id, number=1)
    head = audit.TrailHead()

    def receipt() -> object:
        drawn = receipts.receipt_from_bytes(os.urandom(17))
        return receipts.request_id_of(drawn.lookup), drawn.fingerprint(body), drawn.mailbox_key

    pieces: dict[str, Callable[[], object]] = {
        "HPKE sealing": lambda: house.sealer.seal(content, kind=kind, request_id=request_id).to_bytes(),
        "HPKE opening": lambda: house.opener.open(envelope, kind=kind, request_id=request_id),
        "one audit entry": lambda: audit.append(head, deed, key=b"k" * 32),
        "validation": lambda: validated(CallbackSubmission, body),
        "phone check": lambda: house.public.intake.phones.possible("07700 900123"),
        "receipt and fingerprint": receipt,
    }
    found = {}
    for name, piece in pieces.items():
        piece()
        took = []
        for _ in range(300):
            began = time.thread_time_ns()
            piece()
            took.append((time.thread_time_ns() - began) / 1000)
        found[name] = common.median(took)
    return found


def _serve(kind: str, home: Path) -> None:
    """Do what each line of stdin asks for: `post COUNT`, `get COUNT`, `unchanged COUNT`, `pieces`."""
    document = Path(os.environ["BENCH_DOCUMENT"]).read_text(encoding="utf-8") if "BENCH_DOCUMENT" in os.environ else ""
    makers: dict[str, Callable[[], Callable[[dict[str, Any]], dict[str, Any]]]] = {
        "bare": lambda: _bare(home, document),
        "chalice": lambda: _chalice(home, document),
        "same work": lambda: _quietline(home, sealing=False),
        "quietline": lambda: _quietline(home, sealing=True),
    }
    call, number = makers[kind](), 0
    for line in sys.stdin:
        what, _, count = line.strip().partition(" ")
        triggers, status = [], 200
        for _ in range(int(count or 0)):
            number += 1
            if what == "post":
                status = 201
                triggers.append(common.event("POST", "/v1/callbacks", common.callback_body(number)))
            else:
                triggers.append(common.event("GET", SIGNPOSTS))
        if what == "unchanged":
            status = 304
            etag = call(common.event("GET", SIGNPOSTS))["headers"]["ETag"]
            triggers = [common.event("GET", SIGNPOSTS, headers={"If-None-Match": etag}) for _ in triggers]
        if what == "document":
            answer: Any = call(common.event("GET", SIGNPOSTS))["body"]
        elif what == "pieces":
            answer = _pieces()
        else:
            answer = _timed(call, triggers, status)
        print(json.dumps(answer), flush=True)


# ---------------------------------------------------------------- outside


@contextlib.contextmanager
def _worker(kind: str, home: Path, document: Path | None) -> Iterator[Callable[[str], Any]]:
    env = dict(os.environ) if document is None else {**os.environ, "BENCH_DOCUMENT": str(document)}
    command = [sys.executable, str(Path(__file__)), "--worker", kind, "--home", str(home)]
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


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure in turns; gives medians in microseconds, ratios to the bare handler, and the pieces."""
    rounds, posts, gets = (4, 60, 200) if quick else (9, 120, 400)
    with common.temporary_home() as base, contextlib.ExitStack() as up:
        document = base / "document.json"
        for kind in WORKERS:
            common.new_house(base / kind).store.close()
        ask = {"quietline": up.enter_context(_worker("quietline", base / "quietline", None))}
        document.write_text(ask["quietline"]("document 0"), encoding="utf-8")
        for kind in WORKERS[:-1]:
            ask[kind] = up.enter_context(_worker(kind, base / kind, document))
        taken: dict[str, dict[str, dict[str, Any]]] = {}
        for turn in range(rounds + 1):
            for what, count, who in (
                ("post", posts, WORKERS),
                ("get", gets, ("bare", "chalice", "quietline")),
                ("unchanged", gets, ("quietline",)),
            ):
                for kind in who if turn % 2 else who[::-1]:
                    one = ask[kind](f"{what} {count}")
                    if turn:  # the first round warms up
                        kept = taken.setdefault(what, {}).setdefault(kind, {"cpu": [], "wall": [], "wrong": 0})
                        kept["cpu"] += one["cpu"]
                        kept["wall"] += one["wall"]
                        kept["wrong"] += one["wrong"]
        pieces = ask["quietline"]("pieces")
        size = document.stat().st_size
    rows = []
    for what, kinds in taken.items():
        for kind, kept in kinds.items():
            base_cpu = common.median(taken["post" if what == "post" else "get"]["bare"]["cpu"])
            rows.append(
                {
                    "what": what,
                    "who": kind,
                    "cpu_us": common.median(kept["cpu"]),
                    "p50_us": common.percentile(kept["wall"], 0.5),
                    "p99_us": common.percentile(kept["wall"], 0.99),
                    "to_bare": common.median(kept["cpu"]) / base_cpu,
                    "wrong": kept["wrong"],
                }
            )
    return {"rows": rows, "pieces_us": pieces, "document_bytes": size}


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    names = {"post": "POST a callback", "get": "GET the signposts", "unchanged": "the same, unchanged (304)"}
    who = {
        "bare": "bare handler",
        "chalice": "bare work in a Chalice route",
        "same work": "Quietline without sealing",
        "quietline": "Quietline",
    }
    rows = [
        (
            names[one["what"]],
            who[one["who"]],
            f"{one['cpu_us']:.1f} us",
            f"{one['p50_us']:.1f} us",
            f"{one['p99_us']:.1f} us",
            f"{one['to_bare']:.2f}",
        )
        for one in found["rows"]
    ]
    pieces = [(name, f"{took:.1f} us") for name, took in found["pieces_us"].items()]
    tables = [
        {
            "title": "Warm, in process, as Lambda calls it",
            "head": ("", "", "CPU", "p50", "p99", "CPU to bare"),
            "rows": rows,
            "note": f"The document is {found['document_bytes']} bytes. The bare handler writes the same rows and"
            " indexes as durably, without validation, and answers the GET with a string that is ready.",
        },
        {
            "title": "Pieces, each alone in a tight loop",
            "head": ("", "CPU"),
            "rows": pieces,
            "note": "In a request they cost more: the processor's caches have gone cold in between.",
        },
    ]
    wrong = [f"{one['who']}, {one['what']}: {one['wrong']} wrong answers" for one in found["rows"] if one["wrong"]]
    return {"tables": tables, "wrong": wrong}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker", choices=WORKERS)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    if given.worker:
        _serve(given.worker, given.home)
    else:
        print(json.dumps(document(run(quick=given.quick))))
