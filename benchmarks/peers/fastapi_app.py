"""
The FastAPI peer: the same wire models, the same tables, indexes and durability, served by uvicorn.

`PEER_WORK=plain` validates and writes, and no more. `PEER_WORK=full` also does what Quietline does around it, with
the same building blocks: phone check, receipt, HPKE sealing and a shred key in a file of its own on the way in; claim
limit, signed audit trail and opening on the way out. Written as one would: plain `def` handlers, which FastAPI runs in
its thread pool, and one writing connection behind a lock, so that no writer waits in SQLite's busy handler.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import jwt
from bare import INSERT, SEALED_SIZE, connect, head
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse, Response

from chalicelib.adapters.hpke import AesCipher, HpkeOpener, HpkeSealer
from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.adapters.phones import Phonenumbers
from chalicelib.domain import audit
from chalicelib.domain.access import LOCAL_ALGORITHM, LOCAL_AUDIENCE, LOCAL_ISSUER, LOCAL_KEYS
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.receipts import encode, receipt_from_bytes, request_id_of
from chalicelib.http.models import CallbackSubmission, ClaimSubmission, CloseSubmission  # noqa: TC001 - FastAPI reads them

HOME = Path(os.environ["PEER_HOME"])
FULL = os.environ["PEER_WORK"] == "full"
SHIFT = datetime.fromisoformat(os.environ["PEER_CLOCK"]) - datetime.now(UTC)
LEASE = 20 * 60 * 1_000_000
CLAIM_LIMIT = 1000

app = FastAPI(openapi_url=None)
db = connect(str(HOME / "quietline.db"))
db.execute("PRAGMA secure_delete = ON")
shred_db = connect(str(HOME / "shred.db"))
shred_db.execute("PRAGMA secure_delete = ON")
cipher = AesCipher(padded=False)
writing = threading.Lock()
keys = KeyFiles(HOME / "keys")
sealer = HpkeSealer(keys.recipients)
opener = HpkeOpener(keys.private_key, keys.recipients)
phones = Phonenumbers()
audit_key = keys.secret("audit.key")
issuer_keys = jwt.PyJWKSet.from_dict(json.loads((HOME / LOCAL_KEYS).read_bytes()))
people: dict[str, str] = {}


def now_micros() -> int:
    return time.time_ns() // 1000 + int(SHIFT.total_seconds() * 1_000_000)


def practitioner(authorization: Annotated[str, Header()]) -> str:
    token = authorization.removeprefix("Bearer ")
    if token not in people:
        try:
            key = issuer_keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, [LOCAL_ALGORITHM], audience=LOCAL_AUDIENCE, issuer=LOCAL_ISSUER)
        except (jwt.PyJWTError, KeyError):
            raise HTTPException(401) from None
        people[token] = claims["sub"]
    return people[token]


@app.post("/v1/callbacks")
def submit(body: CallbackSubmission) -> Response:
    details = body.details.model_dump(exclude_none=True)
    if FULL:
        possible = phones.possible(details["phone"])
        if possible is None:
            raise HTTPException(409)
        receipt = receipt_from_bytes(secrets.token_bytes(17))
        request_id, shown = request_id_of(receipt.lookup), receipt.shown
        content = {"details": {**details, "phone_international": possible}, "mailbox_key": encode(receipt.mailbox_key)}
        raw = json.dumps(content, ensure_ascii=False).encode()
        sealed = sealer.seal(raw, kind="callback", request_id=request_id).to_bytes()
        receipt.fingerprint(body.model_dump_json(exclude={"altcha"}).encode())
    else:
        request_id, shown = secrets.token_urlsafe(32), secrets.token_urlsafe(19)
        sealed = json.dumps(details, ensure_ascii=False).encode().ljust(SEALED_SIZE)
    reference = secrets.token_urlsafe(12)
    row = head(request_id, reference, {"statement_version": body.statement_version}, now_micros())
    shred_key = secrets.token_bytes(32)
    if FULL:
        sealed = cipher.encrypt(sealed, key=shred_key, kind=f"shred:{row[15]}", request_id=request_id)
    with writing:
        if FULL:
            shred_db.execute("INSERT INTO shred_keys VALUES (?, ?, ?, ?)", (request_id, row[15], shred_key, row[10]))
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO contents VALUES (?, ?, ?)", (request_id, row[15], sealed))
        db.execute(INSERT, row)
        db.execute("COMMIT")
    accepted = {"receipt": shown, "request_id": request_id, "reference": reference, "status": "waiting", "due": row[7]}
    return JSONResponse(accepted, 201)


@app.post("/v1/desk/claims")
def claim(body: ClaimSubmission, person: Annotated[str, Depends(practitioner)]) -> Response:
    lane, now = f"{body.kinds[0]}/{body.languages[0]}", now_micros()
    with writing:
        db.execute("BEGIN IMMEDIATE")
        try:
            found = _claim(lane, person, now)
        finally:
            db.execute("COMMIT")
        if found is None:
            return Response(status_code=204)
        request_id, number, body_id, sealed = found
    if FULL:
        with writing:
            query = "SELECT key FROM shred_keys WHERE request_id = ? AND body_id = ?"
            shred_key = shred_db.execute(query, (request_id, body_id)).fetchone()[0]
        sealed = cipher.decrypt(sealed, key=shred_key, kind=f"shred:{body_id}", request_id=request_id)
        envelope = Envelope.from_bytes(sealed)
        details = json.loads(opener.open(envelope, kind="information", request_id=request_id))["details"]
    else:
        details = json.loads(sealed)
    held = {"request_id": request_id, "number": number, "lease_until": now + LEASE}
    return JSONResponse({"claim": held, "request": {"kind": body.kinds[0], "details": details}}, 201)


def _claim(lane: str, person: str, now: int) -> tuple[str, int, str, bytes] | None:
    if FULL:
        held = "SELECT count(*) FROM requests WHERE claimed_by = ? AND lease_until > ?"
        if db.execute(held, (person, now)).fetchone()[0] >= CLAIM_LIMIT:
            raise HTTPException(409)
    ready = (
        "SELECT request_id, number FROM requests WHERE lane = ? AND ready_at IS NOT NULL AND ready_at <= ?"
        " AND expires_at > ? ORDER BY order_at LIMIT 1"
    )
    row = db.execute(ready, (lane, now, now)).fetchone()
    if row is None:
        return None
    request_id, number = row[0], row[1] + 1
    db.execute(
        "UPDATE requests SET status = 'claimed', number = ?, lease_until = ?, claimed_by = ?, ready_at = ?"
        " WHERE request_id = ?",
        (number, now + LEASE, person, now + LEASE, request_id),
    )
    if FULL:
        _record(person, ("claim", "open"), request_id, number)
    query = "SELECT body_id, sealed FROM contents WHERE request_id = ?"
    return request_id, number, *db.execute(query, (request_id,)).fetchone()


@app.post("/v1/desk/claims/{request_id}/close")
def close(request_id: str, body: CloseSubmission, person: Annotated[str, Depends(practitioner)]) -> Response:
    now = now_micros()
    with writing:
        db.execute("BEGIN IMMEDIATE")
        closed = db.execute(
            "UPDATE requests SET status = 'closed', outcome = ?, closed_at = ?, claimed_by = NULL, lease_until = NULL,"
            " ready_at = NULL WHERE request_id = ? AND number = ? AND claimed_by = ? AND lease_until > ?",
            (body.outcome, now, request_id, body.number, person, now),
        ).rowcount
        if FULL and closed:
            _record(person, ("close",), request_id, body.number)
        db.execute("COMMIT")
    if not closed:
        return JSONResponse({"code": "claim-lost"}, 409)
    return JSONResponse({"status": "closed", "outcome": body.outcome})


def _record(person: str, verbs: tuple[str, ...], request_id: str, number: int) -> None:
    row: Any = db.execute("SELECT count, mac, seal FROM trail_head").fetchone()
    last = audit.TrailHead(count=row[0], mac=row[1], seal=row[2])
    if not audit.is_genuine(last, key=audit_key):
        raise HTTPException(500)
    for verb in verbs:
        deed = audit.Deed(at=datetime.now(UTC) + SHIFT, actor=person, verb=verb, request_id=request_id, number=number)
        entry = audit.append(last, deed, key=audit_key)
        last = audit.TrailHead(count=entry.seq, mac=entry.mac)
        at = now_micros()
        db.execute(
            "INSERT INTO trail VALUES (?, ?, ?, ?, ?, ?, ?)",
            (entry.seq, at, person, verb, request_id, number, entry.mac),
        )
    last = audit.signed(last, key=audit_key)
    db.execute("INSERT OR REPLACE INTO trail_head VALUES (1, ?, ?, ?)", (last.count, last.mac, last.seal))
