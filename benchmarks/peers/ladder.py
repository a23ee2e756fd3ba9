"""
Most of what ours does with a callback but for sealing, piece by piece on top of bare work in a Chalice route.

Written straight, without use cases, ports or a store, and with the libraries and building blocks of ours: what any code
costs that does as much with them. Left out are screening, the cap on what is unverified, forms, idempotency keys, Welsh
and partners. `PEER_RUNG` says how far: each does what the one before does, and one thing more. `in_process` has their
names.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from base64 import urlsafe_b64encode
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common
from bare import COLUMNS, HOUR, INSERT, JSON, SEALED_SIZE, SLOT, connect
from chalice.app import Chalice, Response
from pydantic_core import from_json, to_json

from chalicelib.adapters.phones import Phonenumbers
from chalicelib.domain.receipts import encode, receipt_from_bytes, reference_of, request_id_of
from chalicelib.http import local_times
from chalicelib.http.cors import AnySite
from chalicelib.http.models import CallbackSubmission
from chalicelib.http.shapes import PRIVATE, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    Window = tuple[int, int, str, str]

_MODEL, BOUNDARY, PHONE, RECEIPT, HOURS, HEAD = range(6)
RUNG = int(os.environ["PEER_RUNG"])
HOME = Path(os.environ["PEER_HOME"])
BODY_LIMIT = 32 * 1024
DAY = 24 * HOUR
REST = ("promised_slot", "bare", "lease_until", "claimed_by", "claim_token", "outcome", "closed_at", "answer_by")
REST = (*REST, "referral", "details_until", "session", "counts_for")
WHOLE = INSERT.replace(COLUMNS, f"{COLUMNS}, {', '.join(REST)}").replace("?)", f"?{', ?' * len(REST)})")
HEADERS = {**PRIVATE, "Content-Language": "en", "Vary": "Accept-Language"}
ANY_SITE = AnySite(allow_headers=["Accept-Language", "Idempotency-Key"], expose_headers=["ETag"], max_age=600)


def _micros(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000)


house = common.new_house(HOME)
begun = house.clock.now()
SHIFT = _micros(begun) - time.time_ns() // 1000
VERSION, WORDS = house.content.statement()["version"], house.content.reference_words()
STEPS = house.texts.next_steps(("callback_open", "keep_receipt", "read_mailbox", "emergency"), "en")
WINDOWS: list[Window] = [
    (
        _micros(each.starts_at),
        _micros(each.ends_at),
        each.id,
        local_times.window_in_words(each, house.helpline.hours.zone, "en"),
    )
    for each in house.helpline.hours.slots(begun)
]
house.store.close()
db = connect(str(HOME / "quietline.db"))
if RUNG >= HEAD:
    db.execute("PRAGMA secure_delete = ON")
phones = Phonenumbers()
counts, counting = Counter[tuple[str | None, str | None]](), threading.Lock()
app = handler = Chalice(app_name="ladder", configure_logs=False)
app.api.binary_types = []


class Refused(Exception):  # noqa: N818
    """It cannot be taken; the text is a code, and nothing of what was sent."""


def _checked(request: Any) -> bytes:
    """Take a body that is JSON of a size and in a language that are served here."""
    headers = request.headers
    if (headers.get("content-type") or "application/json").split(";")[0].strip().lower() != "application/json":
        raise Refused("media-type")
    if "cy" in (headers.get("accept-language") or "") or headers.get("idempotency-key") is not None:
        raise Refused("not-here")
    raw: bytes = request.raw_body
    if len(raw) > BODY_LIMIT:
        raise Refused("too-large")
    from_json(raw, allow_inf_nan=False, cache_strings="none")
    return raw


def _window(now: int) -> Window:
    """Give the next window in which the line is open, of those worked out when this process began."""
    closures = db.execute("SELECT starts_at, ends_at FROM closures ORDER BY starts_at").fetchall()
    for window in WINDOWS:
        if (window[0] + window[1]) // 2 >= now and not any(a < window[1] and window[0] < b for a, b in closures):
            return window
    raise Refused("no-window")


def _identity(body: CallbackSubmission, details: dict[str, Any]) -> tuple[str, str, str, str, dict[str, Any]]:
    """Give receipt, request id, fingerprint and body id, and what is to be sealed."""
    if RUNG < RECEIPT:
        drawn = urlsafe_b64encode(os.urandom(48)).decode()
        return drawn[:26], drawn[:43], drawn[:43] + drawn[:21], drawn[43:59], details
    if body.statement_version != VERSION:
        raise Refused("statement-outdated")
    receipt = receipt_from_bytes(os.urandom(17))
    fingerprint = receipt.fingerprint(f"callback\n{body.model_dump_json()}".encode())
    content = {"details": details, "mailbox_key": encode(receipt.mailbox_key)}
    return receipt.shown, request_id_of(receipt.lookup), fingerprint, encode(os.urandom(12)), content


def _insert(row: tuple[Any, ...]) -> str:
    """Write a head with its reference, the fourth column; a pair of words that is taken gives way to the next."""
    for attempt in range(12):
        words = reference_of(row[0], WORDS, attempt) if RUNG >= RECEIPT else row[14]
        named = (*row[:3], words, *row[3:])
        try:
            db.execute(*((WHOLE, (*named, row[8], 0, *[None] * 10)) if RUNG >= HEAD else (INSERT, named)))
        except sqlite3.IntegrityError:
            continue
        return words
    raise Refused("references")


def _post() -> Response:
    request, now = app.current_request, time.time_ns() // 1000 + SHIFT
    body = CallbackSubmission.model_validate_json(_checked(request) if RUNG >= BOUNDARY else request.raw_body)
    details = body.details.model_dump(exclude_none=True)
    if RUNG >= PHONE and not phones.is_possible(details["phone"]):
        raise Refused("impossible-phone")
    shown, request_id, fingerprint, body_id, content = _identity(body, details)
    sealed = json.dumps(content, ensure_ascii=False).encode().ljust(SEALED_SIZE, b"\0")
    hour = now - now % HOUR
    ends = hour + 90 * DAY
    db.execute("BEGIN IMMEDIATE")
    try:
        begins, due, slot, local = _window(now) if RUNG >= HOURS else (hour, hour + 2 * HOUR, SLOT, "")
        db.execute("INSERT INTO contents VALUES (?, ?, ?)", (request_id, body_id, sealed))
        row = (
            *(request_id, "callback", body.language, "waiting", hour, due, due, begins, slot, ends, ends, 0),
            *(body.statement_version, fingerprint, body_id, 0, 0, 0, 0, "callback/en", due + DAY, begins, slot),
        )
        reference = _insert(row)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    accepted = {"receipt": shown, "request_id": request_id, "reference": reference, "status": "waiting"}
    if RUNG >= HOURS:
        with counting:
            counts[body.region, body.campaign] += 1
        by = datetime.fromtimestamp(due // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
        line = {"open_now": begins <= now, "opens_at": None, "opens_local": None}
        until = datetime.fromtimestamp(ends // 1_000_000, UTC).date().isoformat()
        accepted |= {"due": {"by": by, "local": local}, "expires_on": until, "line": line, "next": STEPS}
    if RUNG >= BOUNDARY:
        return Text(to_json(accepted).decode(), status_code=201, headers={**HEADERS})
    return Response(json.dumps(accepted), status_code=201, headers=JSON)


def _problem(status: int, code: str) -> Response:
    body = json.dumps({"type": f"urn:quietline:problem:{code}", "status": status, "code": code})
    return Response(body, status_code=status, headers={"Content-Type": "application/problem+json"})


def _guarded() -> Response:
    try:
        return _post()
    except Refused as refusal:
        return _problem(422, str(refusal))
    except ValueError:
        return _problem(422, "invalid")
    except Exception:
        return _problem(500, "internal")


def _rewriting(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Make Chalice's own errors problems."""
    response = get_response(request)
    if str(response.headers.get("Content-Type", "")).startswith("application/") or response.status_code < 400:
        return response
    return _problem(response.status_code, "malformed")


if RUNG >= BOUNDARY:
    app.register_middleware(_rewriting, "http")
    app.route("/v1/callbacks", methods=["POST"], content_types=["*/*"], cors=ANY_SITE)(_guarded)
else:
    app.route("/v1/callbacks", methods=["POST"])(_post)
