"""What editors write, in the same SQLite file as the requests: so that deeds are in the trail with their change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chalicelib.adapters.sqlite_rows import instant, micros
from chalicelib.domain.errors import Conflict
from chalicelib.ports import Version, Written

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from typing import Any

    from chalicelib.adapters.sqlite import SqliteStore
    from chalicelib.domain.audit import Deed

_PUBLISHED = "SELECT p.kind, p.record_id, p.revision, p.body, p.by, p.at FROM publications p"
_OUT = f"{_PUBLISHED} JOIN records r ON r.kind = p.kind AND r.record_id = p.record_id AND r.published = p.revision"
_DRAFTS = "SELECT kind, record_id, draft, draft_body, draft_by, draft_at FROM records"
_EDITION = "SELECT coalesce(max(rowid), 0) FROM publications"


class _State(NamedTuple):
    """A record's revisions: how many there have been, which is out, which is the draft."""

    revisions: int
    published: int | None
    draft: int | None


class SqlitePublications:
    """`Publications` in the file of *store*."""

    def __init__(self, store: SqliteStore) -> None:
        self._db, self._chain = store.database, store.chain

    def edition(self) -> int:
        """Count the publications so far: none is ever deleted."""
        return self._db.read(_edition)

    def published(self, kind: str) -> tuple[int, tuple[Version, ...]]:
        """Read what is out, of one kind."""

        def read(db: sqlite3.Connection) -> tuple[int, tuple[Version, ...]]:
            edition = _edition(db)  # first: what is read after it is as new, or newer
            return edition, tuple(map(_version, db.execute(f"{_OUT} WHERE p.kind = ? ORDER BY p.record_id", (kind,))))

        return self._db.read(read)

    def written(self, kind: str) -> Mapping[str, Written]:
        """Read every record of a kind with its draft."""
        return self._db.read(lambda db: _written(db, "kind = ?", kind))

    def record(self, kind: str, record_id: str) -> Written | None:
        """Read one record."""
        return self._db.read(lambda db: _written(db, "kind = ? AND record_id = ?", kind, record_id)).get(record_id)

    def history(self, kind: str, record_id: str) -> tuple[Version, ...]:
        """Read every version that was published, newest first."""
        query = f"{_PUBLISHED} WHERE p.kind = ? AND p.record_id = ? ORDER BY p.revision DESC"
        return self._db.read(lambda db: tuple(map(_version, db.execute(query, (kind, record_id)))))

    def draft(self, kind: str, record_id: str, body: bytes | None, *, revision: int, deed: Deed) -> Version:
        """Put a draft in the place of the one before."""

        def write(db: sqlite3.Connection) -> Version:
            number = _next(db, kind, record_id, revision)
            assignments = "revisions = ?, draft = ?, draft_body = ?, draft_by = ?, draft_at = ?"
            _update(db, kind, record_id, assignments, number, number, body, deed.actor, micros(deed.at))
            self._chain.append(db, (deed,))
            return Version(kind=kind, record_id=record_id, revision=number, body=body, by=deed.actor, at=deed.at)

        return self._db.write(write)

    def discard(self, kind: str, record_id: str, *, revision: int, deed: Deed) -> None:
        """Throw the draft away."""

        def write(db: sqlite3.Connection) -> None:
            _next(db, kind, record_id, revision)
            _update(db, kind, record_id, "draft = NULL, draft_body = NULL, draft_by = NULL, draft_at = NULL")
            self._chain.append(db, (deed,))

        self._db.write(write)

    def publish(self, kind: str, record_id: str, body: bytes | None, *, revision: int, deed: Deed) -> Version:
        """Put *body* out."""

        def write(db: sqlite3.Connection) -> Version:
            number = _next(db, kind, record_id, revision)
            row = (kind, record_id, number, body, deed.actor, micros(deed.at))
            db.execute("INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?)", row)
            assignments = "draft = NULL, draft_body = NULL, draft_by = NULL, draft_at = NULL"
            _update(db, kind, record_id, f"revisions = ?, published = ?, {assignments}", number, number)
            self._chain.append(db, (deed,))
            return _version(row)

        return self._db.write(write)


def _edition(db: sqlite3.Connection) -> int:
    count: int = db.execute(_EDITION).fetchone()[0]
    return count


def _next(db: sqlite3.Connection, kind: str, record_id: str, revision: int) -> int:
    """Give the number of the next revision, if *revision* is the newest; make room for a record that is new."""
    query = "SELECT revisions, published, draft FROM records WHERE kind = ? AND record_id = ?"
    row = db.execute(query, (kind, record_id)).fetchone()
    state = _State(0, None, None) if row is None else _State(*row)
    if revision != max(state.published or 0, state.draft or 0):
        raise Conflict("edited-meanwhile")
    if row is None:
        db.execute("INSERT INTO records (kind, record_id, revisions) VALUES (?, ?, 0)", (kind, record_id))
    return state.revisions + 1


def _update(db: sqlite3.Connection, kind: str, record_id: str, assignments: str, *values: object) -> None:
    query = f"UPDATE records SET {assignments} WHERE kind = ? AND record_id = ?"  # noqa: S608 - our own names
    db.execute(query, (*values, kind, record_id))


def _written(db: sqlite3.Connection, condition: str, *values: object) -> Mapping[str, Written]:
    db.execute("BEGIN")
    try:
        of_records = condition.replace("kind", "p.kind").replace("record_id", "p.record_id")
        out = {row[1]: _version(row) for row in db.execute(f"{_OUT} WHERE {of_records}", values)}
        query = f"{_DRAFTS} WHERE draft IS NOT NULL AND {condition}"
        drafts = {row[1]: _version(row) for row in db.execute(query, values)}
    finally:
        db.execute("ROLLBACK")
    names = sorted({*out, *drafts})
    return {name: Written(draft=drafts.get(name), published=out.get(name)) for name in names}


def _version(row: Sequence[Any]) -> Version:
    kind, record_id, revision, body, by, at = row
    return Version(kind=kind, record_id=record_id, revision=revision, body=body, by=by, at=instant(at))
