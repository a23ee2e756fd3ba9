"""
The DynamoDB engines that tests run on: installed into `.engines` once, started on a free port when first asked for.

ministack (PyPI) pins its own botocore, so it lives in a virtual environment of its own. dynoxide (npm) is one static
binary. AWS's DynamoDB Local asks for an AWS account and may not be passed on: whoever has it running names its address
in `QUIETLINE_DYNAMODB_LOCAL`.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.dynamodb_connection import Connection, Patience
from chalicelib.adapters.dynamodb_partners import DynamoPartnerKeys
from chalicelib.adapters.dynamodb_publications import DynamoPublications
from chalicelib.adapters.dynamodb_shred import DynamoShredKeys
from chalicelib.adapters.dynamodb_table import Table, create_tables
from chalicelib.adapters.dynamodb_transcripts import DynamoTranscripts
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_partners import SqlitePartnerKeys
from chalicelib.adapters.sqlite_publications import SqlitePublications
from chalicelib.adapters.sqlite_transcripts import SqliteTranscripts

HOME = Path(__file__).parent.parent / ".engines"
MINISTACK, DYNOXIDE = "ministack==1.5.33", "@dynoxide/linux-x64@1.2.1"
LOCAL = "QUIETLINE_DYNAMODB_LOCAL"
NAMES = ("ministack", "dynoxide", *(["dynamodb-local"] if os.environ.get(LOCAL) else []))
ran: set[str] = set()

# Nobody's credentials: whatever happens here, it cannot reach an account.
os.environ.update(
    AWS_ACCESS_KEY_ID="nobody", AWS_SECRET_ACCESS_KEY="nothing", AWS_DEFAULT_REGION="eu-west-2", AWS_REGION="eu-west-2"
)
os.environ.pop("AWS_SESSION_TOKEN", None)
os.environ.pop("AWS_PROFILE", None)


def why_not(name):
    """Say why an engine cannot run here, or nothing."""
    if name != "dynoxide":
        return None
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "it is a binary for Linux on x86-64"
    return None if shutil.which("npm") or _binary().exists() else "npm is not installed"


def _python():
    return HOME / "ministack" / "bin" / "ministack"


def _binary():
    return HOME / "dynoxide" / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"


def install(name):
    """Install an engine, if it is not here yet."""
    if name == "ministack" and not _python().exists():
        folder = HOME / "ministack"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, MINISTACK], check=True)
    if name == "dynoxide" and not _binary().exists():
        folder = HOME / "dynoxide"
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(["npm", "install", *options, "--prefix", folder, DYNOXIDE], check=True)


def free_port():
    """
    Find a port for somebody who is told one, and takes it a moment later.

    It is below those that the system itself gives away, so that nobody who asks for any port is given it meanwhile.
    """
    while True:
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", random.SystemRandom().randrange(20_000, 32_000)))
            return free.getsockname()[1]


@cache
def endpoint(name):
    """Start an engine, once, and give its address."""
    if name == "dynamodb-local":
        ran.add(name)
        return os.environ[LOCAL]
    install(name)
    port = free_port()
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "dynamodb",
        "LOG_LEVEL": "ERROR",
    }
    command = [_python()] if name == "ministack" else [_binary(), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, preexec_fn=_end_with_us, **quiet)  # noqa: PLW1509
    atexit.register(process.kill)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                ran.add(name)
                return address
        time.sleep(0.05)
    message = f"{name} did not start"
    raise RuntimeError(message)


def _end_with_us():
    """Let an engine end with the tests that started it, however they end (Linux; elsewhere they end in good order)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def connection(address, *, again=20.0, limit=60.0, **more):
    """Connect to an engine that other people's work may keep busy: with much more patience than a requester has."""
    patience = more.pop("patience", None) or Patience(again=again, limit=limit)
    made = Connection(endpoint=address, region="eu-west-2", patience=patience, read_timeout=30.0, **more)
    made._client = client(address)
    return made


@cache
def client(address):
    """Make a client once for each address: that takes longer than most tests."""
    return Connection(endpoint=address, region="eu-west-2", read_timeout=30.0).client


def make_tables(name):
    """Make the tables, empty, and give their address for `open_store`."""
    table = f"quietline-{uuid.uuid4().hex[:12]}"
    address = endpoint(name)
    create_tables(
        connection(address),
        requests=table,
        shred_keys=f"{table}-shred",
        content=f"{table}-content",
        counters=f"{table}-counters",
    )
    return f"dynamodb|{address}|{table}"


def drop_tables(address):
    """Throw the tables away."""
    _, url, table = address.split("|")
    for each in (table, f"{table}-shred", f"{table}-content", f"{table}-counters"):
        with suppress(client(url).exceptions.ResourceNotFoundException):
            client(url).delete_table(TableName=each)


def open_store(address, audit_key):
    """Open a store by its address, in this process or another: a path of a SQLite file, or what `make_tables` gave."""
    if not address.startswith("dynamodb|"):
        return SqliteStore(Path(address), audit_key=audit_key)
    _, url, table = address.split("|")
    return DynamoStore(Table(connection(url), table), audit_key=lambda: audit_key)


def open_shred_keys(address):
    """Open the shred keys of the tables at *address*."""
    _, url, table = address.split("|")
    return DynamoShredKeys(Table(connection(url), f"{table}-shred"))


def open_publications(store):
    """Open what editors write beside *store*, in the same place."""
    if isinstance(store, SqliteStore):
        return SqlitePublications(store)
    requests = store._table
    return DynamoPublications(Table(requests._connection, f"{requests.name}-content"), requests)


def open_partner_keys(store):
    """Open partners' keys beside *store*, in the same place."""
    if isinstance(store, SqliteStore):
        return SqlitePartnerKeys(store)
    requests = store._table
    return DynamoPartnerKeys(Table(requests._connection, f"{requests.name}-content"), requests)


def open_transcripts(store):
    """Open what the hosts of live sessions answer beside *store*, in the same place."""
    return SqliteTranscripts(store.database) if isinstance(store, SqliteStore) else DynamoTranscripts(store._table)


def summary():
    """Say which engines ran, and why one did not."""
    for name in NAMES:
        reason = why_not(name)
        if name in ran:
            yield f"{name}: ran"
        else:
            yield f"{name}: did not run; {reason or 'no test that was chosen needs it'}"
    if not os.environ.get(LOCAL):
        yield f"dynamodb-local: did not run; {LOCAL} does not name one"


if __name__ == "__main__":
    for engine in NAMES:
        if why_not(engine) is None:
            install(engine)
