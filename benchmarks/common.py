"""What the benchmarks share: a helpline to measure, servers that start and stop, and how figures are summed up."""

# ruff: noqa: PLC0415
# Imports stand inside functions: whoever only counts need not load the app.
from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEER_PYTHON = HERE / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
CLOCK = "2026-11-24T18:05:00Z"
"""A Tuesday evening with the line open; the helpline's clock starts here in every run."""
SENT_AT = datetime(2026, 11, 24, 17, tzinfo=UTC)

RESULTS = HERE / "RESULTS.md"

sys.path.insert(0, str(ROOT))

CALLBACK = {
    "statement_version": "2026-11",
    "details": {
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "name": "Sam",
        "message": "Please ring in the evening, number {n}. I would like to know what happens next. " * 3,
        "safety": {"voicemail": "never", "caller_id": "withheld", "code_word": "bluebell"},
        "access_needs": ["text-relay"],
    },
    "language": "en",
}
"""A callback without a slot; `{n}` becomes a fresh number in every request."""
INFORMATION = {"concern": "someone-else", "message": "What can I do, and whom can I ask? " * 6, "name": "Alex"}
CLAIM = {"kinds": ["information"], "languages": ["en"]}


def callback_body(number: int | str) -> str:
    """Give the JSON of a callback that no other request equals."""
    return json.dumps(CALLBACK).replace("{n}", str(number))


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """Lend a folder for data and keys."""
    with tempfile.TemporaryDirectory(prefix="quietline-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def new_house(home: Path) -> Any:
    """Put a helpline together in *home*, with its keys and an empty database."""
    from chalicelib.config import Settings
    from chalicelib.wiring import House

    settings = Settings(
        home=home, claim_limit=1000, unverified_cap=10_000_000, clock_starts_at=datetime.fromisoformat(CLOCK)
    )
    house = House(settings)
    house.store.ping()
    house.sealer.public_keys()
    return house


def seed(home: Path, count: int) -> None:
    """Let *count* sealed information requests wait in *home*, through the front door of the store."""
    from chalicelib.domain import requests
    from chalicelib.domain.receipts import encode, receipt_from_bytes, request_id_of
    from chalicelib.domain.requests import Kind

    house = new_house(home)
    answer_by = house.helpline.hours.working_days_after(SENT_AT)

    def one(number: int) -> None:
        receipt = receipt_from_bytes(secrets.token_bytes(17))
        request_id = request_id_of(receipt.lookup)
        content = json.dumps({"details": INFORMATION, "mailbox_key": encode(receipt.mailbox_key)}).encode()
        head = requests.submit(
            request_id=request_id,
            kind=Kind.INFORMATION,
            language="en",
            reference=f"waiting-{number}",
            windows=(),
            answer_by=answer_by,
            now=SENT_AT,
            rules=house.rules,
            verified=False,
            statement_version="2026-11",
            fingerprint=receipt.fingerprint(content),
            body_id=encode(secrets.token_bytes(12)),
        )
        sealed = house.sealer.seal(content, kind=Kind.INFORMATION, request_id=request_id).to_bytes()
        content = house.public.intake.shredding.begin(head, lambda: sealed)
        house.store.submit(head, content=content, capacity=None, now=SENT_AT)

    with ThreadPoolExecutor(32) as crowd:  # writers who come together share a commit
        list(crowd.map(one, range(count)))
    house.store.close()
    house.shred_keys.close()


def copy_home(source: Path, target: Path) -> Path:
    """Give another server the same helpline: keys, database and all."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("tickets"))
    return target


def tokens(home: Path, count: int) -> list[str]:
    """Sign *count* practitioners in."""
    from chalicelib.local.issuer import LocalIssuer

    issuer = LocalIssuer(home)
    return [issuer.token("practitioner", f"practitioner-{number}") for number in range(count)]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], port: int, env: dict[str, str], cwd: Path = ROOT) -> Iterator[int]:
    """Run a server until the end of the block; gives its process id once it accepts connections."""
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, cwd=cwd, env={**os.environ, **env}, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                if server.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    message = f"a server did not start: {said.read()[-2000:].decode(errors='replace')}"
                    raise RuntimeError(message)
                time.sleep(0.02)
            yield server.pid
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def ours(home: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """Say how our server is started."""
    env = {
        "QUIETLINE_HOME": str(home),
        "QUIETLINE_PORT": str(port),
        "QUIETLINE_CLOCK": CLOCK,
        "QUIETLINE_CLAIM_LIMIT": "1000",
        "QUIETLINE_UNVERIFIED_CAP": "10000000",
    }
    return [sys.executable, "-m", "chalicelib.local.run"], env


def fastapi(home: Path, port: int, documents: Path, *, work: str, fast: bool) -> tuple[list[str], dict[str, str]]:
    """Say how the FastAPI peer is started: one worker, as ours is one process, and no access log, as ours has none."""
    engine = ["--loop", "uvloop", "--http", "httptools"] if fast else ["--loop", "asyncio", "--http", "h11"]
    where = ["--app-dir", str(HERE / "peers"), "--host", "127.0.0.1", "--port", str(port)]
    command = [str(PEER_PYTHON), "-m", "uvicorn", "fastapi_app:app", *where, *engine]
    env = {"PYTHONPATH": str(ROOT), "PEER_HOME": str(home), "PEER_WORK": work, "PEER_CLOCK": CLOCK}
    env["PEER_DOCUMENTS"] = str(documents)
    return [*command, "--workers", "1", "--no-access-log", "--log-level", "warning"], env


def ready_documents(port: int, into: Path) -> Path:
    """Ask our server for the list of signposts, and write it where the peers find it: they answer the same bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v1/signposts")
    answer = connection.getresponse()
    document = {"body": answer.read().decode(), "etag": answer.headers["ETag"]}
    connection.close()
    into.write_text(json.dumps({"/v1/signposts": document, "/oruk/services": document}), encoding="utf-8")
    return into


def event(method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Make what API Gateway hands to a Lambda function."""
    headers = {"Content-Type": "application/json", "Accept": "*/*", "Host": "api.example", **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "bench",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def step(done: int, of: int, words: str) -> None:
    """Tell whoever looks how far a part is; `run.py` moves its bar."""
    print(f"{done}/{of} {words}", file=sys.stderr, flush=True)


def target(row: str, wanted: str, measured: float, unit: str = "") -> dict[str, Any]:
    """Hold a figure against its target, `<= N`, `>= N` or `= N`; the verdict is computed, never written."""
    return {
        "row": row,
        "target": wanted,
        "measured": measured,
        "unit": unit,
        "reached": report.reached(wanted, measured),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which *share* of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """Give the middle one."""
    return float(statistics.median(values))
