"""
Warm, in process: called as Lambda calls it, beside the same work in a bare handler, Powertools and FastAPI + Mangum.

    python benchmarks/in_process.py [--quick]

Every contender is a process of its own and they take many short turns, so that a noisy moment falls on all of them
alike; GETs when all POSTs are done: in between, whole turns of them cost almost twice as much, ours or anybody's. CPU
is the whole process's, threads included; the wall clock shows what the disk adds. A POST is measured twice:

- the same work: validate, and write the same rows, indexes and durability. The bare handler does not even validate.
  Ours has sealing and shred keys taken out and everything else left on: phone check, receipt, fingerprint, hours,
  limits, counts, problem+json and the privacy boundary. Powertools and FastAPI validate with our wire models.
- the whole work: with the phone check, receipt, sealing and shred key, which the peers do with our building blocks.

Between the bare handler and ours, `peers/ladder.py` does the same work piece by piece, written straight.

A GET is the list of signposts; the peers have the document and its ETag ready.
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

SAME, WHOLE = "the same work", "the whole work"
PEER_POSTS = {"powertools": "powertools_post", "fastapi + mangum": "mangum_post"}
PEER_GETS = {
    "powertools": "powertools_app",
    "powertools, checking parameters": "powertools_app",
    "fastapi + mangum": "mangum_app",
}
BARE, OURS, CHALICE = "bare handler", "quietline", "bare work in a Chalice route"
LADDER = (
    "our wire model validates",
    "boundary, problem+json, limits, CORS",
    "phone check",
    "receipt, request id, fingerprint, reference",
    "closures, slot, counts, the whole answer",
    "the whole head, overwriting what is deleted",
)
"""What `peers/ladder.py` puts on top of the Chalice route, one after the other."""
POST_TARGET = 1.5
"""What a warm POST may cost, to the bare handler."""
POSTS = (
    (BARE, SAME),
    (CHALICE, SAME),
    *((rung, SAME) for rung in LADDER),
    (OURS, SAME),
    ("powertools", SAME),
    ("fastapi + mangum", SAME),
    (BARE, WHOLE),
    (OURS, WHOLE),
    ("powertools", WHOLE),
    ("fastapi + mangum", WHOLE),
)
GETS = (BARE, CHALICE, OURS, *PEER_GETS)
SIGNPOSTS = "/v1/signposts"


class _Context:
    function_name = memory_limit_in_mb = aws_request_id = invoked_function_arn = "bench"


# ---------------------------------------------------------------- in the worker


def _quietline(home: Path, *, sealing: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    os.environ.update(QUIETLINE_HOME=str(home), QUIETLINE_CLOCK=common.CLOCK, QUIETLINE_UNVERIFIED_CAP="10000000")
    import app

    if not sealing:
        app.house.__dict__["sealer"] = _Unsealed()
        app.house.public.intake.shredding.__class__.begin = lambda _self, _request, sealed: sealed()
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


def _peer(module: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    import importlib

    sys.path.insert(0, str(common.HERE / "peers"))
    handler = importlib.import_module(module).handler
    return lambda trigger: handler(trigger, _Context())


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
        started, began = time.perf_counter_ns(), time.process_time_ns()
        answered = call(trigger)
        cpu.append((time.process_time_ns() - began) / 1000)
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
        "phone check, at intake": lambda: house.public.intake.phones.is_possible("07700 900123"),
        "phone check and international form, at the desk": lambda: house.public.intake.phones.possible("07700 900123"),
        "receipt and fingerprint": receipt,
    }
    found = {}
    for name, piece in pieces.items():
        piece()
        took = []
        for _ in range(300):
            began = time.process_time_ns()
            piece()
            took.append((time.process_time_ns() - began) / 1000)
        found[name] = common.median(took)
    return found


def _contender(who: str, work: str, home: Path, documents: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Load one contender into this process."""
    if who == OURS:
        return _quietline(home, sealing=work == WHOLE)
    if who in LADDER:
        return _peer("ladder")
    if who in PEER_GETS and work == "":
        return _peer(PEER_GETS[who])
    if who in PEER_POSTS:
        return _peer(PEER_POSTS[who])
    if work == WHOLE:
        return _peer("bare_whole")
    document = json.loads(documents.read_bytes())[SIGNPOSTS]["body"] if documents.exists() else ""
    return (_chalice if who == CHALICE else _bare)(home, document)


def _serve(who: str, work: str, home: Path, documents: Path) -> None:
    """Do what each line of stdin asks for: `post COUNT`, `get COUNT`, `unchanged COUNT`, `documents`, `pieces`."""
    call, number = _contender(who, work, home, documents), 0
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
        if what == "documents":
            said = call(common.event("GET", SIGNPOSTS))
            documents = {SIGNPOSTS: {"body": said["body"], "etag": said["headers"]["ETag"]}}
            answer: Any = {**documents, "/oruk/services": documents[SIGNPOSTS]}
        elif what == "pieces":
            answer = _pieces()
        else:
            if what == "unchanged":
                status = 304
                etag = call(common.event("GET", SIGNPOSTS))["headers"]["ETag"]
                triggers = [common.event("GET", SIGNPOSTS, headers={"If-None-Match": etag}) for _ in triggers]
            answer = _timed(call, triggers, status)
        print(json.dumps(answer), flush=True)


# ---------------------------------------------------------------- outside


@contextlib.contextmanager
def _worker(who: str, work: str, base: Path) -> Iterator[Callable[[str], Any]]:
    home = base / f"{who}, {work or 'GET'}"
    common.new_house(home).store.close()
    python = str(common.PEER_PYTHON) if who.startswith(tuple(PEER_POSTS)) else sys.executable
    env = {
        **os.environ,
        "PYTHONPATH": str(common.ROOT),
        "PEER_HOME": str(home),
        "PEER_WORK": "full" if work == WHOLE else "plain",
        "PEER_CLOCK": common.CLOCK,
        "PEER_DOCUMENTS": str(base / "documents.json"),
        **({"PEER_VALIDATES": "1"} if "checking" in who else {}),
        **({"PEER_RUNG": str(LADDER.index(who))} if who in LADDER else {}),
    }
    command = [python, str(Path(__file__)), "--worker", who, "--work", work, "--home", str(home)]
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
    times = {"post": (8, 30) if quick else (24, 60), "get": (16, 50) if quick else (48, 100)}
    taken: dict[tuple[str, str, str], dict[str, Any]] = {}
    with common.temporary_home() as base, contextlib.ExitStack() as up:
        ours = up.enter_context(_worker(OURS, WHOLE, base))
        (base / "documents.json").write_text(json.dumps(ours("documents")), encoding="utf-8")
        ask = {
            ("post", who, work): ours if (who, work) == (OURS, WHOLE) else up.enter_context(_worker(who, work, base))
            for who, work in POSTS
        }
        for who in GETS:
            ready = {OURS: ours, BARE: ask["post", BARE, SAME], CHALICE: ask["post", CHALICE, SAME]}.get(who)
            ask["get", who, ""] = ready or up.enter_context(_worker(who, "", base))
        ask["unchanged", OURS, ""] = ours
        for number, (kind, (turns, calls)) in enumerate(times.items()):
            keys = [key for key in ask if (key[0] == "post") == (kind == "post")]
            for turn in range(turns + 1):
                common.step(number * turns + turn, 2 * turns, f"warm {kind.upper()}")
                for key in keys if turn % 2 else keys[::-1]:
                    one = ask[key](f"{key[0]} {calls}")
                    if turn:  # the first one warms up
                        kept = taken.setdefault(key, {"cpu": [], "wall": [], "wrong": 0})
                        kept["cpu"] += one["cpu"]
                        kept["wall"] += one["wall"]
                        kept["wrong"] += one["wrong"]
            if kind == "post":
                time.sleep(2)  # callbacks are counted on disk a second later, which is no part of a GET
        pieces = ours("pieces")
        size = len(ours("documents")[SIGNPOSTS]["body"].encode())
    rows = []
    for what, who, work in ask:
        kept = taken[what, who, work]
        bare = taken["post" if what == "post" else "get", BARE, work]
        rows.append(
            {
                "what": what,
                "who": who,
                "work": work,
                "cpu_us": common.median(kept["cpu"]),
                "p50_us": common.percentile(kept["wall"], 0.5),
                "p99_us": common.percentile(kept["wall"], 0.99),
                "to_bare": common.median(kept["cpu"]) / common.median(bare["cpu"]),
                "wrong": kept["wrong"],
            }
        )
    return {"rows": rows, "pieces_us": pieces, "document_bytes": size}


def _table(title: str, head: str, rows: list[dict[str, Any]], first: Callable[[dict[str, Any]], str], note: str) -> Any:
    cells = [
        (
            first(one),
            one["who"],
            *(f"{one[name]:,.1f} us" for name in ("cpu_us", "p50_us", "p99_us")),
            f"{one['to_bare']:.2f}",
        )
        for one in rows
    ]
    return {"title": title, "head": (head, "", "CPU", "p50", "p99", "CPU to bare"), "rows": cells, "note": note}


def _bars(title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    bars = [{"name": one["who"], "value": round(one["cpu_us"], 1), "ours": one["who"] == OURS} for one in rows]
    return {"title": title, "unit": "us", "better": "less", "bars": bars}


def _made_of(of: dict[tuple[str, str, str], dict[str, Any]]) -> dict[str, Any]:
    """Show what each piece adds, and at which the target of the warm POST is passed."""
    steps = [of["post", who, SAME] for who in (BARE, CHALICE, *LADDER, OURS)]
    names = [
        BARE,
        "+ a Chalice route",
        *(f"+ {name}" for name in LADDER),
        f"{OURS}: the checks that were left out, counts kept, shared commits, layers",
    ]
    cells = [
        (name, f"{one['cpu_us']:,.1f} us", f"{one['to_bare']:.2f}", f"{one['cpu_us'] - before['cpu_us']:+,.1f} us")
        for name, one, before in zip(names[1:], steps[1:], steps, strict=False)
    ]
    cells.insert(0, (BARE, f"{steps[0]['cpu_us']:,.1f} us", "1.00", "-"))
    passed = next((one["who"] for one in steps if one["to_bare"] > POST_TARGET), None)
    straight, ours = steps[-2], steps[-1]
    return {
        "title": "What the same work is made of",
        "head": ("", "CPU", "CPU to bare", "adds"),
        "rows": cells,
        "note": "Each row but the last is written straight, with no use cases, ports or store, and does what the row"
        " above does and one thing more; it knows one language and one version of the statement, and counts in memory."
        " Only the last is ready for forms, other languages, idempotency keys and partners, looks for proof that a"
        " person sent it, caps what has none, and holds region and campaign against those that are known; its counts"
        " are kept, its commits are shared, and it is built of use cases, ports and a store. None seals or has shred"
        " keys. "
        + (
            f"{POST_TARGET} of bare is never passed."
            if passed is None
            else f"{POST_TARGET} of bare is first passed by *{passed}*."
        )
        + f" What is written straight comes to {straight['to_bare']:.2f}, ours to {ours['to_bare']:.2f}.",
    }


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    rows = sorted(found["rows"], key=lambda one: (one["what"] != "post", one["work"] == WHOLE))
    of = {(one["what"], one["who"], one["work"]): one for one in rows}
    posts = [one for one in rows if one["what"] == "post" and one["who"] not in LADDER]
    gets = [one for one in rows if one["what"] != "post"]
    names = {"get": "GET the signposts", "unchanged": "the same, unchanged (304)"}
    mine = of["get", OURS, ""]
    targets = [
        common.target("warm POST, the same work, CPU to bare", f"<= {POST_TARGET}", of["post", OURS, SAME]["to_bare"]),
        common.target("warm GET of a ready document, p50", "<= 49", mine["p50_us"], "us"),
        common.target(
            "warm GET, CPU to Powertools that checks parameters",
            "<= 0.333",
            mine["cpu_us"] / of["get", "powertools, checking parameters", ""]["cpu_us"],
        ),
        common.target(
            "warm GET, CPU to FastAPI + Mangum", "<= 0.25", mine["cpu_us"] / of["get", "fastapi + mangum", ""]["cpu_us"]
        ),
    ]
    tables = [
        _table(
            "Warm POST of a callback, in process",
            "",
            posts,
            lambda one: one["work"],
            "All write the same rows and indexes as durably. *The same work* is validation and the write: the bare"
            " handler and the Chalice route do not validate; Powertools and FastAPI do, with our wire models; ours does"
            " more than they (phone check, receipt, fingerprint, hours, limits, counts, privacy boundary), and only"
            " sealing and shred keys are taken out. *The whole work* is as deployed; the peers do it with our building"
            " blocks, but for hours, limits, counts and the boundary, and each is held against the bare handler that"
            " does it.",
        ),
        _made_of(of),
        _table(
            "Warm GET of the signposts, in process",
            "",
            gets,
            lambda one: names[one["what"]],
            f"The document is {found['document_bytes']} bytes. The bare handler answers with a string that is ready,"
            " and the peers with the same bytes and ETag. Ours and the second Powertools check the parameters of the"
            " address, and FastAPI does; the first Powertools checks nothing.",
        ),
        {
            "title": "Pieces of a callback and a claim, each alone in a tight loop",
            "head": ("", "CPU"),
            "rows": [(name, f"{took:.1f} us") for name, took in found["pieces_us"].items()],
            "note": "In a request they cost more: the processor's caches have gone cold in between.",
        },
    ]
    wrong = [f"{one['who']}, {one['what']}: {one['wrong']} wrong answers" for one in rows if one["wrong"]]
    bars = [
        _bars("Warm POST, the same work, CPU", [one for one in posts if one["work"] == SAME]),
        _bars("Warm POST, the whole work, CPU", [one for one in posts if one["work"] == WHOLE]),
        _bars("Warm GET, CPU", [one for one in gets if one["what"] == "get"]),
    ]
    return {"tables": tables, "targets": targets, "bars": bars, "wrong": wrong}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker")
    parser.add_argument("--work", default="")
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    if given.worker:
        _serve(given.worker, given.work, given.home, Path(os.environ["PEER_DOCUMENTS"]))
    else:
        print(json.dumps(document(run(quick=given.quick))))
