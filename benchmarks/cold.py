"""
Cold starts: each face from its packaged zip, in a fresh interpreter, the first request answered, on DynamoDB.

    python benchmarks/cold.py [--quick] [--zips DIST] [--table]

The zips are those of `make package` for this processor (`--zips` takes ones that are there already, a folder with
`public/` and `desk/`), unpacked, and run as Lambda runs them: nothing on the path but the zip and Python's own library.
DynamoDB is an engine of the tests; Secrets Manager, KMS and the sign-in are stand-ins in this process. Counted is what
the interpreter spends from before the import of the handler until the first answer is there.

The peers (bare, aws-lambda-powertools, FastAPI with Mangum) do one put with boto3's client and no more: no sealing, no
shred keys, no reference, no hours, no counts. Powertools and FastAPI validate with our wire models. They have their
bytecode as pip writes it. Every kind is run a second time with all bytecode but Python's own taken away.
"""

# ruff: noqa: PLC0415
# Imports stand inside functions: the engines of the tests load only what is measured against.
from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
import time
import zipfile
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path[:0] = [str(common.ROOT / "tests" / name) for name in ("", "package", "contract")]

ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
ARN = "arn:aws:secretsmanager:eu-west-2:000000000000:secret:"
PROBE = """
import sys, time, json, importlib
settings = json.loads(sys.argv[1])
sys.path[:0] = settings["path"]
trigger = json.loads(settings["trigger"])
class Context:
    function_name = memory_limit_in_mb = aws_request_id = invoked_function_arn = "bench"
    def get_remaining_time_in_millis(self): return 10000
wall, cpu = time.perf_counter(), time.process_time()
module, _, name = settings["handler"].partition(".")
handler = getattr(importlib.import_module(module), name)
loaded = time.process_time()
answer = handler(trigger, Context())
wall_done, done = time.perf_counter(), time.process_time()
status = open("/proc/self/status").read() if sys.platform == "linux" else "VmHWM: 0"
most = next(line for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"status": answer["statusCode"], "body": answer["body"], "modules": len(sys.modules),
    "headers": answer.get("headers") or {}, "import_ms": 1000 * (loaded - cpu), "cpu_ms": 1000 * (done - cpu),
    "wall_ms": 1000 * (wall_done - wall), "mib": int(most.split()[1]) / 1024}))
"""
BARE = "bare handler, boto3"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way to start: whose code, which handler, what is asked first, and what must be answered."""

    who: str
    asks: str
    handler: str
    face: str = ""
    status: int = 200


POST, GET, CLAIM = "POST a callback", "GET the signposts", "claim and open a request"
HOURS, RETRIED = "GET the statement", "POST with an Idempotency-Key"
KINDS = (
    Kind(who=BARE, asks=POST, handler="bare_put.handler", status=201),
    Kind(who="quietline, public", asks=POST, handler="app.app", face="public", status=201),
    Kind(who="powertools, boto3", asks=POST, handler="powertools_post.handler", status=201),
    Kind(who="fastapi + mangum, boto3", asks=POST, handler="mangum_post.handler", status=201),
    Kind(who="quietline, public", asks=RETRIED, handler="app.app", face="public", status=201),
    Kind(who="quietline, desk", asks=CLAIM, handler="app.app", face="desk", status=201),
    Kind(who="quietline, public", asks=GET, handler="app.app", face="public"),
    Kind(who="quietline, public", asks=HOURS, handler="app.app", face="public"),
    Kind(who="bare handler, json", asks=GET, handler="bare_content.handler"),
    Kind(who="powertools", asks=GET, handler="powertools_app.handler"),
    Kind(who="fastapi + mangum", asks=GET, handler="mangum_app.handler"),
)


# ---------------------------------------------------------------- what they run on


def packaged(into: Path) -> Path:
    """Do what `make package` does, for this processor."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUIETLINE_", "AWS_"))}
    command = [sys.executable, "-m", "chalicelib.local.aws.package", "--arch", ARCHITECTURE, "--out", str(into)]
    subprocess.run(command, cwd=common.ROOT, env=kept, check=True, stdout=subprocess.DEVNULL)
    return into


def _folders(zips: Path, base: Path) -> dict[str, Path]:
    """Unpack the zips, and lay the peers' code beside them; each once with its bytecode and once without."""
    site = next((common.HERE / ".venv").glob("lib/python3*/site-packages"))
    folders = {"peers": base / "peers", "site": site}
    for face in ("public", "desk"):
        folders[face] = base / face
        with zipfile.ZipFile(zips / face / "deployment.zip") as packed:
            packed.extractall(folders[face])
    shutil.copytree(common.HERE / "peers", folders["peers"], ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(folders["public"] / "chalicelib", folders["peers"] / "chalicelib")  # the wire models
    compileall.compile_dir(folders["peers"], quiet=1)
    bare = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name, folder in tuple(folders.items()):
        folders[f"{name}, source"] = Path(shutil.copytree(folder, base / f"{name}-source", ignore=bare))
    return folders


class _Aws:
    """Stands in for Secrets Manager, KMS and the sign-in; DynamoDB is an engine."""

    def __init__(self) -> None:
        from cloud import serve
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        from kms_endpoint import Kms

        self._kms, self._key = Kms(), ec.generate_private_key(ec.SECP256R1())
        self.kms_url, opening = self._kms.url, ec.generate_private_key(ec.SECP256R1())
        self.kms_keys = f"kms-1={self._kms.add(opening)}"
        points = {"kms-1": opening, "recovery-1": ec.generate_private_key(ec.SECP256R1())}
        self.recipients = json.dumps([
            {
                "key_id": name,
                "kem": "DHKEM(P-256, HKDF-SHA256)",
                "public_key": _text(each.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
            }
            for name, each in points.items()
        ])  # fmt: skip
        self._secret, self._server = secrets.token_hex(32), serve(self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(
        self, _method: str, path: str, headers: dict[str, str], _body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if "x-amz-target" in headers:
            return (
                200,
                {"Content-Type": "application/x-amz-json-1.1"},
                json.dumps({"SecretString": self._secret}).encode(),
            )
        numbers = self._key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256"}
        jwk |= {name: _text(getattr(numbers, name).to_bytes(32, "big")) for name in ("x", "y")}
        said = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} if "well-known" in path else {"keys": [jwk]}
        return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()

    def token(self) -> str:
        """Sign a new practitioner in."""
        import jwt

        now, person = int(time.time()), secrets.token_hex(8)
        said = {
            "iss": self.url,
            "aud": "quietline",
            "sub": person,
            "roles": ["practitioner"],
            "iat": now,
            "exp": now + 3600,
        }
        return str(jwt.encode(said, self._key, algorithm="ES256", headers={"kid": "1"}))

    def stop(self) -> None:
        self._kms.stop()
        self._server.shutdown()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextlib.contextmanager
def _stage(zips: Path | None) -> Iterator[Callable[..., dict[str, Any]]]:
    """Lend a way to start a kind afresh: `start(kind, source=False)`."""
    import engines
    from lambda_calls import rest_event

    engine = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
    with common.temporary_home() as base, contextlib.ExitStack() as up:
        dist = zips or packaged(base / "dist")
        folders = _folders(dist, base)
        templates = {face: json.loads((dist / face / "template.json").read_text()) for face in ("public", "desk")}
        aws = _Aws()
        up.callback(aws.stop)
        _, address, table = engines.make_tables(engine).split("|")
        documents = base / "documents.json"
        documents.write_text("{}", encoding="utf-8")
        shared = {
            "AWS_ENDPOINT_URL_DYNAMODB": address,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
            "AWS_ENDPOINT_URL_KMS": aws.kms_url,
            **{name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
            **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-west-2"),
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "LANG": "C.UTF-8",
        }
        ours = {
            "QUIETLINE_STORE": "dynamodb",
            "QUIETLINE_TABLE": table,
            **{f"QUIETLINE_{each.upper()}_TABLE": f"{table}-{each}" for each in ("shred", "content", "counters")},
            "QUIETLINE_CLOCK": common.CLOCK,
            "QUIETLINE_URL": "https://quietline.example",
            "QUIETLINE_RECIPIENTS": aws.recipients,
        }
        faces = {
            "public": {
                "QUIETLINE_PEPPER_SECRET": f"{ARN}pepper",
                "QUIETLINE_OVERFLOW_QUEUE": f"{aws.url}/overflow",
            },
            "desk": {
                "QUIETLINE_AUDIT_SECRET": f"{ARN}audit",
                "QUIETLINE_KMS_KEYS": aws.kms_keys,
                "QUIETLINE_OIDC_ISSUER": aws.url,
                "QUIETLINE_OIDC_ALGORITHM": "ES256",
                "QUIETLINE_TRAIL_ANCHOR": "/quietline/anchor",
            },
        }

        def trigger(kind: Kind) -> dict[str, Any]:
            template = templates[kind.face or "public"]
            if kind.asks == CLAIM:
                return rest_event(
                    template, "POST", "/v1/desk/claims", body={}, headers={"Authorization": f"Bearer {aws.token()}"}
                )
            if kind.asks in {POST, RETRIED}:
                body = json.loads(common.callback_body(secrets.token_hex(8)))
                headers = {"Idempotency-Key": secrets.token_urlsafe(32)} if kind.asks == RETRIED else {}
                made = rest_event(template, "POST", "/v1/callbacks", body=body, headers=headers)
                if not kind.face:  # what the gateway encodes for the sake of files, it need not encode for the peers
                    made |= {"body": json.dumps(body), "isBase64Encoded": False}
                return made
            return rest_event(template, "GET", "/v1/signposts" if kind.asks == GET else "/v1/statement")

        def start(kind: Kind, *, source: bool = False) -> dict[str, Any]:
            suffix = ", source" if source else ""
            names = [kind.face] if kind.face else ["peers", "site"]
            if kind.face:
                env = {**shared, **ours, "QUIETLINE_FACES": kind.face, **faces[kind.face]}
            else:
                env = {**shared, "PEER_DOCUMENTS": str(documents), "POWERTOOLS_SERVICE_NAME": "bench"}
                env |= {"PEER_TABLE": table} if kind.asks == POST else {"PEER_VALIDATES": "1"}
            asked = {
                "path": [str(folders[f"{name}{suffix}"]) for name in names],
                "handler": kind.handler,
                "trigger": json.dumps(trigger(kind)),
            }
            command = [sys.executable, "-I", "-S", "-B", "-c", PROBE, json.dumps(asked)]
            ran = subprocess.run(command, env=env, cwd=base, capture_output=True, text=True, check=False)
            if ran.returncode:
                message = f"{kind.who}, {kind.asks}: {ran.stderr[-2000:]}"
                raise RuntimeError(message)
            found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
            if found["status"] != kind.status:
                message = f"{kind.who}, {kind.asks}: {found['status']} {found['body']}"
                raise RuntimeError(message)
            return found

        first = start(next(kind for kind in KINDS if kind.face and kind.asks == GET))
        etag = {name.lower(): value for name, value in first["headers"].items()}["etag"]
        said = {path: {"body": first["body"], "etag": etag} for path in ("/v1/signposts", "/oruk/services")}
        documents.write_text(json.dumps(said), encoding="utf-8")
        yield start


# ---------------------------------------------------------------- measuring


def run(*, quick: bool = False, zips: Path | None = None) -> dict[str, Any]:
    """Start every kind in turns; gives medians in milliseconds."""
    rounds, source_rounds = (2, 1) if quick else (7, 3)
    taken: dict[tuple[Kind, bool], list[dict[str, Any]]] = {}
    common.step(0, rounds + source_rounds + 1, "packaging")
    with _stage(zips) as start:
        for kind in KINDS[:1]:
            start(kind)  # the disk's cache is warm from here on
        for turn in range(rounds + source_rounds):
            source = turn >= rounds
            common.step(turn + 1, rounds + source_rounds + 1, "from source" if source else "with bytecode")
            started = [kind for kind in KINDS if not (source and quick) or kind.face]  # of the peers it tells little
            for kind in started if turn % 2 else started[::-1]:
                if kind.asks == CLAIM:
                    start(KINDS[1])  # so that one waits
                taken.setdefault((kind, source), []).append(start(kind, source=source))
    rows = []
    for kind in KINDS:
        runs, sources = taken[kind, False], taken.get((kind, True))
        rows.append(
            {
                "who": kind.who,
                "asks": kind.asks,
                **{
                    name: common.median([one[name] for one in runs])
                    for name in ("import_ms", "cpu_ms", "wall_ms", "mib")
                },
                "modules": runs[0]["modules"],
                "source_ms": common.median([one["cpu_ms"] for one in sources]) if sources else None,
            }
        )
    return {"rows": rows, "rounds": rounds, "source_rounds": source_rounds}


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Say it as `run.py` shows it."""
    rows = {(one["who"], one["asks"]): one for one in found["rows"]}
    bare = rows[BARE, POST]["cpu_ms"]
    post, content = rows["quietline, public", POST], rows["quietline, public", GET]
    cells = [
        (
            one["who"],
            one["asks"],
            *(f"{one[name]:.0f} ms" for name in ("import_ms", "cpu_ms", "wall_ms")),
            f"{one['cpu_ms'] / bare:.2f}",
            "-" if one["source_ms"] is None else f"{one['source_ms']:.0f} ms",
            "-" if one["source_ms"] is None else f"{one['source_ms'] / bare:.2f}",
            f"{one['modules']:,}",
            f"{one['mib']:.0f} MiB",
        )
        for one in found["rows"]
    ]
    head = ("", "first request", "import, CPU", "answered, CPU", "wall", "to bare", "no bytecode, CPU", "to bare")
    note = (
        f"Medians of {found['rounds']} interpreters each, in turns ({found['source_rounds']} without bytecode); to bare"
        " is to the first row with its bytecode, by CPU. Ours is the unpacked zip on a DynamoDB engine and does the"
        " whole work: a callback is checked, sealed, given two shred keys and counted, in ten calls or so; the desk"
        " checks the sign-in, claims, opens through KMS and writes the trail. The peers put one item, from where pip"
        " installed them. The Idempotency-Key makes ours read the pepper from Secrets Manager."
    )
    bars = [
        {"name": one["who"], "value": round(one["cpu_ms"]), "ours": one["who"].startswith("quietline")}
        for one in found["rows"]
        if one["asks"] == POST
    ]
    return {
        "tables": [
            {
                "title": "Cold start, from the zip, first request included",
                "head": (*head, "modules", "most memory"),
                "rows": cells,
                "note": note,
            }
        ],
        "targets": [
            common.target("cold start, first POST on DynamoDB, to bare with boto3", "<= 1.0", post["cpu_ms"] / bare),
            common.target("cold start, GET of content, to bare with boto3", "<= 0.55", content["cpu_ms"] / bare),
        ],
        "bars": [{"title": "Cold start and first POST, CPU", "unit": "ms", "better": "less", "bars": bars}],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Cold starts from the zips.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--zips", type=Path, help="a folder that `make package` made for this processor")
    parser.add_argument("--table", action="store_true", help="for people: a table instead of JSON")
    given = parser.parse_args()
    made = document(run(quick=given.quick, zips=given.zips))
    if given.table:
        import report

        report.show(made["tables"], made["targets"])
    else:
        print(json.dumps(made))
