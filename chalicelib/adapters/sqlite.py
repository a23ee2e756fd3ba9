"""
The queue and the mailboxes in one SQLite file: the embedded default, and enough for one small machine.

Rules are the domain's: each verb takes the newest head, lets a pure function decide, and writes what that says, in one
transaction. `sqlite_file` is what makes a transaction durable, and many of them cheap.
"""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.sqlite_file import Database
from chalicelib.adapters.sqlite_rows import instant, micros, perhaps_instant, perhaps_micros
from chalicelib.adapters.sqlite_trail import Chain
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.requests import ContactRequest, Kind, Outcome, Status, referral_of, settle
from chalicelib.domain.slots import Window, floor_to_hour, parse_slot_id
from chalicelib.ports import ContentName, LaneState, Message, PartnerFull, ReferenceTaken, SlotFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from chalicelib.domain.audit import AuditEntry, TrailHead
    from chalicelib.ports import Ask

PURGE_STEP = 200

MIGRATIONS = (
    """
    CREATE TABLE requests (
        request_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        language TEXT NOT NULL,
        reference TEXT NOT NULL,
        status TEXT NOT NULL,  -- see chalicelib.domain.requests.Status for what leads where
        submitted_at INTEGER NOT NULL,  -- every instant: microseconds since 1970, UTC
        promised_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        visible_at INTEGER,
        windows TEXT NOT NULL,  -- slot ids, separated by spaces
        expires_at INTEGER NOT NULL,
        retained_until INTEGER NOT NULL,
        verified INTEGER NOT NULL,
        statement_version TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        body_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        lease_until INTEGER,
        claimed_by TEXT,
        claim_token TEXT,
        lapses INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        missed INTEGER NOT NULL,
        outcome TEXT,
        closed_at INTEGER,
        promised_slot TEXT,
        answer_by INTEGER,
        lane TEXT NOT NULL,  -- from here on: what the indexes need, worked out by the domain
        order_at INTEGER NOT NULL,
        ready_at INTEGER,
        slot_id TEXT
    ) STRICT;
    CREATE INDEX requests_ready ON requests (lane, order_at, ready_at) WHERE ready_at IS NOT NULL;
    CREATE UNIQUE INDEX requests_reference ON requests (reference) WHERE status <> 'withdrawn';
    CREATE INDEX requests_held ON requests (claimed_by, lease_until) WHERE claimed_by IS NOT NULL;
    CREATE INDEX requests_slot ON requests (slot_id) WHERE slot_id IS NOT NULL;
    CREATE INDEX requests_aside ON requests (status) WHERE status = 'parked' OR visible_at IS NULL;
    CREATE INDEX requests_expiry ON requests (expires_at);
    CREATE TABLE contents (
        request_id TEXT NOT NULL,
        body_id TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (request_id, body_id)
    ) STRICT;
    CREATE TABLE messages (
        seq INTEGER PRIMARY KEY,
        request_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        author TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        for_desk BLOB,
        for_mailbox BLOB,
        UNIQUE (request_id, message_id)
    ) STRICT;
    CREATE INDEX messages_request ON messages (request_id, seq);
    CREATE TABLE closures (starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL) STRICT;
    CREATE TABLE trail (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        verb TEXT NOT NULL,
        request_id TEXT,
        number INTEGER,
        mac TEXT NOT NULL
    ) STRICT;
    CREATE TABLE trail_head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        count INTEGER NOT NULL,
        mac TEXT NOT NULL,
        seal TEXT NOT NULL
    ) STRICT;
    CREATE TABLE pulse (one INTEGER PRIMARY KEY CHECK (one = 1), beats INTEGER NOT NULL) STRICT;
    """,
    """
    CREATE INDEX requests_unverified ON requests (expires_at) WHERE verified = 0 AND status = 'waiting';
    """,
    """
    ALTER TABLE trail ADD COLUMN about TEXT;
    CREATE TABLE records (
        kind TEXT NOT NULL,
        record_id TEXT NOT NULL,
        revisions INTEGER NOT NULL,  -- how many there have been; no number is used twice
        published INTEGER,  -- the revision that is out
        draft INTEGER,  -- the revision of the draft, and the draft
        draft_body BLOB,
        draft_by TEXT,
        draft_at INTEGER,
        PRIMARY KEY (kind, record_id)
    ) STRICT;
    CREATE TABLE publications (
        kind TEXT NOT NULL,
        record_id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        body BLOB,  -- none where the record was taken down
        by TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (kind, record_id, revision)
    ) STRICT;
    """,
    """
    -- By which key it was referred, and what was agreed to: chalicelib.domain.partners, Referral.to_text.
    ALTER TABLE requests ADD COLUMN referral TEXT;
    -- Worked out by the domain: among whose unfinished referrals it counts.
    ALTER TABLE requests ADD COLUMN counts_for TEXT;
    CREATE INDEX requests_partner ON requests (counts_for) WHERE counts_for IS NOT NULL;
    CREATE TABLE partner_keys (
        key_id TEXT NOT NULL PRIMARY KEY,
        digest TEXT NOT NULL,
        issued_by TEXT NOT NULL,
        issued_at INTEGER NOT NULL,
        revoked_by TEXT,
        revoked_at INTEGER
    ) STRICT;
    """,
    """
    ALTER TABLE requests ADD COLUMN details_until INTEGER;
    ALTER TABLE requests ADD COLUMN bare INTEGER NOT NULL DEFAULT 0;
    UPDATE requests SET details_until = expires_at WHERE status = 'closed';
    CREATE INDEX requests_details ON requests (details_until) WHERE details_until IS NOT NULL AND bare = 0;
    """,
    """
    ALTER TABLE requests ADD COLUMN session TEXT;
    CREATE TABLE transcripts (
        session TEXT NOT NULL,
        seq INTEGER NOT NULL,
        entry_id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (session, seq),
        UNIQUE (session, entry_id)
    ) STRICT;
    """,
    """
    -- What waits apart from what is claimed: nobody reads past what colleagues hold.
    DROP INDEX requests_ready;
    CREATE INDEX requests_waiting ON requests (lane, order_at, ready_at)
        WHERE status = 'waiting' AND ready_at IS NOT NULL;
    CREATE INDEX requests_lapsing ON requests (ready_at, lane, order_at) WHERE status = 'claimed';
    """,
)

_FIELDS = tuple(field.name for field in fields(ContactRequest))
_COLUMNS = (*_FIELDS, "lane", "order_at", "ready_at", "slot_id", "counts_for")
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM requests"  # noqa: S608 - our own names
_INSERT = f"INSERT INTO requests ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


class SqliteStore:
    """
    A `RequestStore` in the file *path*; *audit_key* chains the trail.

    What else is written with deeds of its own, in the same file and commit, uses its *database* and its *chain*.
    """

    def __init__(self, path: Path, *, audit_key: bytes) -> None:
        self.chain = Chain(audit_key)
        self.database = self._db = Database(path, MIGRATIONS, on_create=self.chain.begin, damaged="store-damaged")

    def submit(
        self,
        request: ContactRequest,
        *,
        content: bytes,
        capacity: int | None,
        now: datetime,
        referrals: int | None = None,
        deed: Deed | None = None,
    ) -> ContactRequest:
        """Accept a request, if its id is new."""

        def accept(db: sqlite3.Connection) -> ContactRequest:
            try:
                db.execute(_INSERT, _row(request))
            except sqlite3.IntegrityError:
                known = _head(db, "request_id = ?", request.request_id)
                if known is not None and known.expires_at > now:
                    return known
                gone = _make_room(db, request, now)
                db.execute(_INSERT, _row(request))
                self.chain.append(db, [_purged(request_id, now) for request_id in gone])
            _guard_slot(db, request, capacity, now)
            _guard_partner(db, request, referrals, now)
            db.execute("INSERT INTO contents VALUES (?, ?, ?)", (request.request_id, request.body_id, content))
            self.chain.append(db, () if deed is None else (deed,))
            return request

        return self._db.write(accept)

    def get(self, request_id: str, *, now: datetime, tombstones: bool = True) -> ContactRequest | None:
        """Read a head."""
        if not tombstones:
            return self._db.read(lambda db: _living(db, request_id, now))
        return self._db.read(lambda db: _head(db, "request_id = ? AND expires_at > ?", request_id, micros(now)))

    def claim(
        self,
        ask: Ask,
        decide: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        deeds: Callable[[ContactRequest], Sequence[Deed]],
    ) -> ContactRequest | None:
        """Hand out the first request that *decide* claims."""

        def hand_out(db: sqlite3.Connection) -> ContactRequest | None:
            again = _held_already(db, ask, now)
            if again is not None:
                decided = decide(again)
                _update(db, again, decided)
                self.chain.append(db, deeds(decided))
                return decided
            held = db.execute(
                "SELECT count(*) FROM requests WHERE claimed_by = ? AND lease_until > ? AND expires_at > ?",
                (ask.practitioner, micros(now), micros(now)),
            ).fetchone()[0]
            if held >= ask.claim_limit:
                raise Conflict("claim-limit")
            for candidate in _quoted(db, ask, now) if ask.reference is not None else _ready(db, ask.lanes, now):
                decided = decide(candidate)
                if decided != candidate:
                    _update(db, candidate, decided)
                    self.chain.append(db, deeds(decided))
                if decided.number > candidate.number:
                    return decided
            return None

        return self._db.write(hand_out)

    def change(
        self,
        request_id: str,
        transition: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        messages: Sequence[Message] = (),
        deed: Deed | None = None,
        capacity: int | None = None,
    ) -> ContactRequest:
        """Apply *transition* to the newest head and append *messages*, all or nothing."""

        def apply(db: sqlite3.Connection) -> ContactRequest:
            request = _living(db, request_id, now)
            if request is None:
                raise NotFound("request-unknown")
            if messages and all(_is_known(db, request_id, message) for message in messages):
                return request
            changed = transition(request)
            _update(db, request, changed)
            if changed.slot != request.slot:
                _guard_slot(db, changed, capacity, now)
            for message in messages:
                db.execute(
                    "INSERT INTO messages (request_id, message_id, author, sent_at, for_desk, for_mailbox)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        request_id,
                        message.message_id,
                        message.author,
                        micros(message.sent_at),
                        message.for_desk,
                        message.for_mailbox,
                    ),
                )
            self.chain.append(db, () if deed is None else (deed,))
            return changed

        return self._db.write(apply)

    def withdraw(
        self, request_id: str, transition: Callable[[ContactRequest], ContactRequest], *, now: datetime, deed: Deed
    ) -> bool:
        """Erase content and messages and leave the tombstone."""

        def erase(db: sqlite3.Connection) -> bool:
            request = _living(db, request_id, now)
            if request is None:
                return False
            _erase_content(db, request_id)
            _update(db, request, transition(request))
            self.chain.append(db, (deed,))
            return True

        return self._db.write(erase)

    def content(self, request: ContactRequest) -> bytes | None:
        """Read the sealed content that the head names."""
        query = "SELECT sealed FROM contents WHERE request_id = ? AND body_id = ?"
        row = self._db.read(lambda db: db.execute(query, (request.request_id, request.body_id)).fetchone())
        return None if row is None else bytes(row[0])

    def messages(self, request_id: str) -> tuple[Message, ...]:
        """Read everything written since, oldest first."""
        query = (
            "SELECT message_id, author, sent_at, for_desk, for_mailbox FROM messages WHERE request_id = ? ORDER BY seq"
        )
        rows = self._db.read(lambda db: db.execute(query, (request_id,)).fetchall())
        return tuple(
            Message(message_id=row[0], author=row[1], sent_at=instant(row[2]), for_desk=row[3], for_mailbox=row[4])
            for row in rows
        )

    def held_by(self, practitioner: str, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List the practitioner's live claims."""
        return self._heads("claimed_by = ? AND lease_until > ? ORDER BY lease_until", now, practitioner, micros(now))

    def parked(self, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List parked requests and waiting ones whose every window was missed."""
        aside = "(status = 'parked' OR visible_at IS NULL) AND status IN ('parked', 'waiting')"
        lost = "status = 'waiting' AND visible_at IS NOT NULL AND windows <> '' AND due_at <= ?"
        late = (head for head in self._heads(lost, now, micros(now)) if settle(head, now=now).visible_at is None)
        return tuple(sorted((*self._heads(aside, now), *late), key=lambda head: head.due_at))

    def claimed(self, *, now: datetime) -> tuple[ContactRequest, ...]:
        """List every claimed request."""
        return self._heads("claimed_by IS NOT NULL ORDER BY lease_until", now)

    def _heads(self, condition: str, now: datetime, *values: object) -> tuple[ContactRequest, ...]:
        query = f"{_SELECT} WHERE expires_at > ? AND {condition}"
        rows = self._db.read(lambda db: db.execute(query, (micros(now), *values)).fetchall())
        return tuple(_request(row) for row in rows)

    def lanes(self, *, now: datetime, soon: datetime) -> tuple[LaneState, ...]:
        """Count each lane that holds anything."""
        query = """
            SELECT lane,
                sum(free),
                min(CASE WHEN free THEN submitted_at END),
                sum(free AND missed = 0 AND due_at > :now AND due_at < :soon),
                sum(due_at <= :now OR missed > 0),
                sum(status = 'claimed' AND NOT free),
                sum(status = 'parked'),
                sum(free AND ready_at <= :now),
                min(CASE WHEN free THEN due_at END)
            FROM (
                SELECT *, status = 'waiting' OR (status = 'claimed' AND lease_until <= :now) AS free
                FROM requests
                WHERE status IN ('waiting', 'claimed', 'parked') AND expires_at > :now
            )
            GROUP BY lane ORDER BY lane
        """
        rows = self._db.read(lambda db: db.execute(query, {"now": micros(now), "soon": micros(soon)}).fetchall())
        return tuple(
            LaneState(
                lane=row[0],
                waiting=row[1],
                oldest_at=None if row[2] is None else instant(row[2]),
                due_soon=row[3],
                overdue=row[4],
                claimed=row[5],
                parked=row[6],
                ready=row[7] or 0,
                due_at=perhaps_instant(row[8]),
            )
            for row in rows
        )

    def slots_taken(self, slots: Iterable[Window], *, now: datetime) -> Mapping[str, int]:
        """Count, per slot id, what counts on it now."""
        ids = [slot.id for slot in slots]
        query = (
            "SELECT slot_id, count(*) FROM requests"  # noqa: S608 - placeholders only
            f" WHERE slot_id IN ({', '.join('?' * len(ids))}) AND expires_at > ? GROUP BY slot_id"
        )
        return dict(self._db.read(lambda db: db.execute(query, (*ids, micros(now))).fetchall()))

    def unverified(self, *, at_most: int, now: datetime) -> int:
        """Count the unverified requests that wait, exactly, in an index of them alone."""
        query = (
            "SELECT count(*) FROM (SELECT 1 FROM requests"
            " WHERE verified = 0 AND status = 'waiting' AND expires_at > ? LIMIT ?)"
        )
        count: int = self._db.read(lambda db: db.execute(query, (micros(now), at_most)).fetchone()[0])
        return count

    def recount(self, *, now: datetime) -> None:
        """Do nothing: it is counted when it is asked for."""

    def purge(self, *, now: datetime, erase: Callable[[Sequence[ContentName]], None]) -> int:
        """Delete what has expired, in steps that let other writers through."""
        query = "SELECT request_id, body_id FROM requests WHERE expires_at <= ? LIMIT ?"

        def expired(db: sqlite3.Connection) -> list[ContentName]:
            return [ContentName(*row) for row in db.execute(query, (micros(now), PURGE_STEP))]

        def delete(db: sqlite3.Connection, names: Sequence[ContentName]) -> int:
            gone = [name.request_id for name in names if _is_expired(db, name, now)]
            for request_id in gone:
                _erase(db, request_id)
            self.chain.append(db, [_purged(request_id, now) for request_id in gone])
            return len(gone)

        total = 0
        while names := self._db.read(expired):
            erase(names)
            total += self._db.write(partial(delete, names=names))
        return total

    def forget_details(
        self,
        transition: Callable[[ContactRequest], ContactRequest],
        *,
        now: datetime,
        erase: Callable[[Sequence[ContentName]], None],
    ) -> int:
        """Delete the content of closed requests whose details have come to their end, in steps."""
        due = "status = 'closed' AND bare = 0 AND details_until IS NOT NULL AND details_until <= ? AND expires_at > ?"

        def ended(db: sqlite3.Connection) -> list[ContentName]:
            query = f"SELECT request_id, body_id FROM requests WHERE {due} LIMIT ?"  # noqa: S608 - our own names
            return [ContentName(*row) for row in db.execute(query, (micros(now), micros(now), PURGE_STEP))]

        def forget(db: sqlite3.Connection, names: Sequence[ContentName]) -> int:
            condition, values = f"request_id = ? AND {due}", (micros(now), micros(now))
            heads = (_head(db, condition, name.request_id, *values) for name in names)
            gone = [head for head in heads if head is not None]
            for head in gone:
                db.execute("DELETE FROM contents WHERE request_id = ?", (head.request_id,))
                _update(db, head, transition(head))
            self.chain.append(db, [_forgotten(head.request_id, now) for head in gone])
            return len(gone)

        total = 0
        while names := self._db.read(ended):
            erase(names)
            total += self._db.write(partial(forget, names=names))
        return total

    def open_ids(self, *, now: datetime) -> frozenset[ContentName]:
        """Name the content of every request that is waiting, claimed or parked."""
        is_open = "status IN ('waiting', 'claimed', 'parked') AND expires_at > ?"
        query = f"SELECT request_id, body_id FROM requests WHERE {is_open}"  # noqa: S608 - our own names
        return frozenset(self._db.read(lambda db: [ContentName(*row) for row in db.execute(query, (micros(now),))]))

    def closures(self) -> tuple[Window, ...]:
        """Read the stretches for which the line is closed."""
        query = "SELECT starts_at, ends_at FROM closures ORDER BY starts_at"
        rows = self._db.read(lambda db: db.execute(query).fetchall())
        return tuple(Window(starts_at=instant(row[0]), ends_at=instant(row[1])) for row in rows)

    def close_line(self, closures: Sequence[Window], *, deed: Deed) -> None:
        """Put *closures* in the place of those before."""

        def replace(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM closures")
            rows = [(micros(shut.starts_at), micros(shut.ends_at)) for shut in closures]
            db.executemany("INSERT INTO closures VALUES (?, ?)", rows)
            self.chain.append(db, (deed,))

        self._db.write(replace)

    def record(self, deed: Deed) -> None:
        """Write a deed that changes nothing else."""
        self._db.write(lambda db: self.chain.append(db, (deed,)))

    def tally(self) -> Mapping[str, Mapping[str, int]]:
        """Count the trail's deeds by actor and verb."""
        return self._db.read(self.chain.tally)

    def trail(self, *, after: int = 0, limit: int = 1000) -> tuple[Sequence[AuditEntry], TrailHead]:
        """Read the audit trail and its head, as of one moment."""
        return self._db.read(lambda db: self.chain.read(db, after=after, limit=limit))

    def ping(self) -> None:
        """Make a real, durable write of one row."""
        beat = "INSERT INTO pulse VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET beats = beats + 1"
        self._db.write(lambda db: db.execute(beat) and None)

    def is_empty(self) -> bool:
        """Tell whether nothing sealed is kept here."""
        query = "SELECT EXISTS (SELECT 1 FROM contents) + EXISTS (SELECT 1 FROM messages)"
        return not self._db.read(lambda db: db.execute(query).fetchone())[0]

    def close(self) -> None:
        """Close every connection; the file can then be moved."""
        self._db.close()


def _is_known(db: sqlite3.Connection, request_id: str, message: Message) -> bool:
    query = "SELECT 1 FROM messages WHERE request_id = ? AND message_id = ?"
    return db.execute(query, (request_id, message.message_id)).fetchone() is not None


def _head(db: sqlite3.Connection, condition: str, *values: object) -> ContactRequest | None:
    row = db.execute(f"{_SELECT} WHERE {condition}", values).fetchone()
    return None if row is None else _request(row)


def _living(db: sqlite3.Connection, request_id: str, now: datetime) -> ContactRequest | None:
    condition = "request_id = ? AND expires_at > ? AND status <> 'withdrawn'"
    return _head(db, condition, request_id, micros(now))


def _is_expired(db: sqlite3.Connection, name: ContentName, now: datetime) -> bool:
    query = "SELECT 1 FROM requests WHERE request_id = ? AND body_id = ? AND expires_at <= ?"
    return db.execute(query, (*name, micros(now))).fetchone() is not None


def _held_already(db: sqlite3.Connection, ask: Ask, now: datetime) -> ContactRequest | None:
    mine = "claimed_by = ? AND lease_until > ? AND expires_at > ?"
    values = (ask.practitioner, micros(now), micros(now))
    if ask.reference is not None:
        return _head(db, f"{mine} AND reference = ?", *values, ask.reference)
    return None if ask.token is None else _head(db, f"{mine} AND claim_token = ?", *values, ask.token)


def _quoted(db: sqlite3.Connection, ask: Ask, now: datetime) -> Iterator[ContactRequest]:
    quoted = _head(db, "reference = ? AND status <> 'withdrawn' AND expires_at > ?", ask.reference, micros(now))
    if quoted is None:
        return
    if quoted.is_live(now):
        raise Conflict("claimed-by-colleague", pointer="/reference")
    yield quoted


def _ready(db: sqlite3.Connection, lanes: Sequence[str], now: datetime) -> Iterator[ContactRequest]:
    """Give what may be handed out, most urgent first over all lanes, each once, as the table stands at each step."""
    met: list[str] = []
    lapsed = f"status = 'claimed' AND lane IN ({', '.join('?' * len(lanes))})"
    while True:
        heads = [_first(db, "status = 'waiting' AND lane = ?", (lane,), met, now) for lane in lanes]
        heads.append(_first(db, lapsed, lanes, met, now))
        best = min((head for head in heads if head is not None), key=lambda head: head.order_at, default=None)
        if best is None:
            return
        met = [*met[-100:], best.request_id]
        yield best


def _first(
    db: sqlite3.Connection, condition: str, lanes: Sequence[str], met: Sequence[str], now: datetime
) -> ContactRequest | None:
    """Give the most urgent head that fits and is not among those *met*, of what a claim may meet now."""
    condition += " AND ready_at IS NOT NULL AND ready_at <= ? AND expires_at > ?"
    if met:
        condition += f" AND request_id NOT IN ({', '.join('?' * len(met))})"
    return _head(db, f"{condition} ORDER BY order_at LIMIT 1", *lanes, micros(now), micros(now), *met)


def _update(db: sqlite3.Connection, old: ContactRequest, new: ContactRequest) -> None:
    changed = [
        (column, value) for column, value, before in zip(_COLUMNS, _row(new), _row(old), strict=True) if value != before
    ]
    if changed:
        assignments = ", ".join(f"{column} = ?" for column, _ in changed)
        values = (*(value for _, value in changed), new.request_id)
        db.execute(f"UPDATE requests SET {assignments} WHERE request_id = ?", values)  # noqa: S608 - our own names


def _guard_slot(db: sqlite3.Connection, request: ContactRequest, capacity: int | None, now: datetime) -> None:
    """Refuse a head that is one too many on its slot; it has been written, and is undone with the transaction."""
    if capacity is None or request.slot is None:
        return
    query = "SELECT count(*) FROM (SELECT 1 FROM requests WHERE slot_id = ? AND expires_at > ? LIMIT ?)"
    if db.execute(query, (request.slot.id, micros(now), capacity + 1)).fetchone()[0] > capacity:
        raise SlotFull


def _guard_partner(db: sqlite3.Connection, request: ContactRequest, limit: int | None, now: datetime) -> None:
    """Refuse a referral that is one too many of its partner's; as above."""
    if limit is None or request.counts_for is None:
        return
    query = "SELECT count(*) FROM (SELECT 1 FROM requests WHERE counts_for = ? AND expires_at > ? LIMIT ?)"
    if db.execute(query, (request.counts_for, micros(now), limit + 1)).fetchone()[0] > limit:
        raise PartnerFull


def _make_room(db: sqlite3.Connection, request: ContactRequest, now: datetime) -> list[str]:
    """
    Erase what has expired and stands in the way of *request*: an old one of its id, or one with its reference.

    Give their ids, for the trail to be told.
    """
    holder = _head(db, "reference = ? AND status <> 'withdrawn'", request.reference)
    if holder is not None and holder.expires_at > now:
        raise ReferenceTaken
    ids = {request.request_id, request.request_id if holder is None else holder.request_id}
    gone = sorted(each for each in ids if _head(db, "request_id = ?", each) is not None)
    for request_id in gone:
        _erase(db, request_id)
    return gone


def _purged(request_id: str, now: datetime) -> Deed:
    return Deed(at=floor_to_hour(now), actor="system", verb="purge", request_id=request_id)


def _forgotten(request_id: str, now: datetime) -> Deed:
    return Deed(at=floor_to_hour(now), actor="system", verb="forget-details", request_id=request_id)


def _erase(db: sqlite3.Connection, request_id: str) -> None:
    _erase_content(db, request_id)
    db.execute("DELETE FROM requests WHERE request_id = ?", (request_id,))


def _erase_content(db: sqlite3.Connection, request_id: str) -> None:
    db.execute("DELETE FROM contents WHERE request_id = ?", (request_id,))
    db.execute("DELETE FROM messages WHERE request_id = ?", (request_id,))


def _row(request: ContactRequest) -> tuple[object, ...]:
    """Write a head as a row: the fields in their order, then what the indexes need."""
    slot = request.slot if request.status in (Status.WAITING, Status.CLAIMED) else None
    return (
        request.request_id,
        request.kind.value,  # plain values: SQLite's driver asks around for what to do with any other
        request.language,
        request.reference,
        request.status.value,
        micros(request.submitted_at),
        micros(request.promised_at),
        micros(request.due_at),
        perhaps_micros(request.visible_at),
        " ".join([window.id for window in request.windows]),
        micros(request.expires_at),
        micros(request.retained_until),
        int(request.verified),
        request.statement_version,
        request.fingerprint,
        request.body_id,
        request.number,
        perhaps_micros(request.lease_until),
        request.claimed_by,
        request.claim_token,
        request.lapses,
        request.attempts,
        request.missed,
        None if request.outcome is None else request.outcome.value,
        perhaps_micros(request.closed_at),
        None if request.promised_slot is None else request.promised_slot.id,
        perhaps_micros(request.answer_by),
        None if request.referral is None else request.referral.to_text(),
        perhaps_micros(request.details_until),
        int(request.bare),
        request.session,
        request.lane,
        micros(request.order_at),
        perhaps_micros(request.ready_at),
        None if slot is None else slot.id,
        request.counts_for,
    )


def _request(row: Sequence[Any]) -> ContactRequest:
    """Read a head from a row of the fields in their order."""
    return ContactRequest(
        request_id=row[0],
        kind=Kind(row[1]),
        language=row[2],
        reference=row[3],
        status=Status(row[4]),
        submitted_at=instant(row[5]),
        promised_at=instant(row[6]),
        due_at=instant(row[7]),
        visible_at=perhaps_instant(row[8]),
        windows=tuple([window for window in map(parse_slot_id, row[9].split()) if window is not None]),
        expires_at=instant(row[10]),
        retained_until=instant(row[11]),
        verified=bool(row[12]),
        statement_version=row[13],
        fingerprint=row[14],
        body_id=row[15],
        number=row[16],
        lease_until=perhaps_instant(row[17]),
        claimed_by=row[18],
        claim_token=row[19],
        lapses=row[20],
        attempts=row[21],
        missed=row[22],
        outcome=None if row[23] is None else Outcome(row[23]),
        closed_at=perhaps_instant(row[24]),
        promised_slot=None if row[25] is None else parse_slot_id(row[25]),
        answer_by=perhaps_instant(row[26]),
        referral=None if row[27] is None else referral_of(row[27]),
        details_until=perhaps_instant(row[28]),
        bare=bool(row[29]),
        session=row[30],
    )
