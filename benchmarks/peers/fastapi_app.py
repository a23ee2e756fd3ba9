"""
The FastAPI peer: the same wire models, the same tables, indexes and durability, served by uvicorn.

What is done with a callback stands in `accepting`. `PEER_WORK=full` does the whole work there; here it adds claim
limit, signed audit trail and opening on the way out. Written as one would: plain `def` handlers, which FastAPI runs in
its thread pool, and one writing connection behind a lock, so that no writer waits in SQLite's busy handler.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import accepting
import jwt
from accepting import FULL, HOME, SHIFT, db, now_micros, writing
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse, Response
from mangum_app import app as ready_documents

from chalicelib.adapters.hpke import HpkeOpener
from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.domain import audit
from chalicelib.domain.access import LOCAL_ALGORITHM, LOCAL_AUDIENCE, LOCAL_ISSUER, LOCAL_KEYS
from chalicelib.domain.envelope import Envelope
from chalicelib.http.desk_models import ClaimSubmission, CloseSubmission  # noqa: TC001 - FastAPI reads them
from chalicelib.http.models import CallbackSubmission  # noqa: TC001 - FastAPI reads it

LEASE = 20 * 60 * 1_000_000
CLAIM_LIMIT = 1000
FITS = "lane = ? AND ready_at IS NOT NULL AND ready_at <= ? AND expires_at > ? ORDER BY order_at LIMIT 1"
READY = f"""
SELECT request_id, number, order_at FROM (SELECT * FROM requests WHERE status = 'waiting' AND {FITS})
UNION ALL SELECT request_id, number, order_at FROM (SELECT * FROM requests WHERE status = 'claimed' AND {FITS})
ORDER BY order_at LIMIT 1
"""
"""What waits and what has lapsed, each by the index that has just that."""

app = FastAPI(openapi_url=None)
app.include_router(ready_documents.router)
keys = KeyFiles(HOME / "keys")
opener = HpkeOpener(keys.private_key, keys.recipients)
audit_key = keys.secret("audit.key")
issuer_keys = jwt.PyJWKSet.from_dict(json.loads((HOME / LOCAL_KEYS).read_bytes()))
people: dict[str, str] = {}


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
    try:
        return JSONResponse(accepting.accept(body.statement_version, body.details.model_dump(exclude_none=True)), 201)
    except accepting.ImpossiblePhoneError:
        raise HTTPException(409) from None


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
            query = "SELECT key FROM shred_keys WHERE request_id = ? AND body_id IN (?, ?) ORDER BY body_id"
            names = (request_id, body_id, f"{body_id}.details")
            shred_keys = [row[0] for row in accepting.shred_db.execute(query, names)]
        key = accepting.both_of(*shred_keys)
        sealed = accepting.cipher.decrypt(sealed, key=key, kind=f"shred:{body_id}", request_id=request_id)
        envelope = Envelope.from_bytes(sealed)
        details = json.loads(opener.open(envelope, kind=body.kinds[0], request_id=request_id))["details"]
        if "phone" in details:
            details["phone_international"] = accepting.phones.possible(details["phone"])
    else:
        details = json.loads(sealed)
    held = {"request_id": request_id, "number": number, "lease_until": now + LEASE}
    return JSONResponse({"claim": held, "request": {"kind": body.kinds[0], "details": details}}, 201)


def _claim(lane: str, person: str, now: int) -> tuple[str, int, str, bytes] | None:
    if FULL:
        held = "SELECT count(*) FROM requests WHERE claimed_by = ? AND lease_until > ?"
        if db.execute(held, (person, now)).fetchone()[0] >= CLAIM_LIMIT:
            raise HTTPException(409)
    row = db.execute(READY, (lane, now, now, lane, now, now)).fetchone()
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
            "INSERT INTO trail (seq, at, actor, verb, request_id, number, mac) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (entry.seq, at, person, verb, request_id, number, entry.mac),
        )
    last = audit.signed(last, key=audit_key)
    db.execute("INSERT OR REPLACE INTO trail_head VALUES (1, ?, ?, ?)", (last.count, last.mac, last.seal))
