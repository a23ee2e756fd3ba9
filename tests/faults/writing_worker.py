"""A process that submits, claims, closes and publishes until it is killed, and tells what was acknowledged."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from chalicelib.adapters.hpke import HpkeSealer
from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_publications import SqlitePublications
from chalicelib.domain import requests
from chalicelib.domain.audit import Deed
from chalicelib.domain.requests import LANES, Kind, Outcome, Rules
from chalicelib.ports import Ask

RULES = Rules()


def content_of(request_id: str) -> bytes:
    """What was sealed for a request, so that it can be told apart from another's."""
    return f"what {request_id} wrote".encode()


def tell(line: str) -> None:
    """Say that a call has returned, in one write, so that a kill cannot cut it in two."""
    os.write(1, f"{line}\n".encode())


def submit(store, sealer) -> None:
    """Submit a request of a random id."""
    now, request_id = datetime.now(UTC), secrets.token_hex(8)
    request = requests.submit(
        request_id=request_id,
        kind=Kind.INFORMATION,
        language="en",
        reference=f"amber-{request_id}",
        windows=(),
        answer_by=now,
        now=now,
        rules=RULES,
        verified=True,
        statement_version="1",
        fingerprint="f",
        body_id="b",
    )
    sealed = sealer.seal(content_of(request_id), kind="information", request_id=request_id).to_bytes()
    store.submit(request, content=sealed, capacity=None, now=now)
    tell(f"submitted {request_id}")


def claim_and_close(store, who) -> None:
    """Claim whatever is first, and close it."""
    now = datetime.now(UTC)
    decide = partial(requests.claim, practitioner=who, token=None, now=now, lease=timedelta(minutes=20))

    def deeds(met):
        return [Deed(at=now, actor=who, verb="claim", request_id=met.request_id, number=met.number)]

    ask = Ask(practitioner=who, lanes=LANES, claim_limit=1_000_000)
    claimed = store.claim(ask, decide, now=now, deeds=deeds)
    if claimed is None:
        return
    tell(f"claimed {claimed.request_id} {claimed.number}")
    close = partial(
        requests.close, practitioner=who, number=claimed.number, outcome=Outcome.ANSWERED, now=now, rules=RULES
    )
    deed = Deed(at=now, actor=who, verb="close", request_id=claimed.request_id, number=claimed.number)
    store.change(claimed.request_id, close, now=now, deed=deed)
    tell(f"closed {claimed.request_id}")


def publish(publications, who, revision) -> int:
    """Publish a record once more."""
    deed = Deed(at=datetime.now(UTC), actor=who, verb="publish", about=f"signpost/{who}")
    made = publications.publish("signpost", who, b"%d" % revision, revision=revision, deed=deed)
    tell(f"published {who} {made.revision}")
    return made.revision


def main(home: Path) -> None:
    """Write in four threads, so that commits are shared."""
    keys = KeyFiles(home / "keys")
    store = SqliteStore(home / "quietline.db", audit_key=keys.secret("audit.key"))
    sealer = HpkeSealer(keys.recipients)

    publications = SqlitePublications(store)

    def work(who: str) -> None:
        there = publications.record("signpost", who)
        revision = 0 if there is None else there.revision
        while True:
            submit(store, sealer)
            claim_and_close(store, who)
            revision = publish(publications, who, revision)

    for number in range(4):
        threading.Thread(target=work, args=(f"p{number}",)).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
