"""
Publishing: what editors write goes out without a deployment, after the same check as the content that is packaged.

A record is what travels with the code until it is first published (revision 0), and from then on what was published
last. A draft lies beside it and is seen by editors alone. Each kind of record says by itself what is wrong with one
and how one is shown; `kinds` has those that there are.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, FieldError, Invalid, NotFound
from chalicelib.domain.signposts import ContentProblem, is_slug
from chalicelib.ports import Version, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from chalicelib.ports import Clock, Publications

Record: TypeAlias = "Mapping[str, Any]"
Standing: TypeAlias = "Callable[[str], Mapping[str, Record]]"
"""What is out of a kind, by id: what a record of another kind may refer to."""

_UNKNOWN_FIELD = "unknown-field"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """
    How records of one kind are written.

    *packaged* gives those that travel with the code, by id. *problems* says what is wrong with a record: errors, which
    keep it from going out, and warnings. *stamped* puts into a record what the house knows better than its editor.
    *shown* is the record as readers will see it, in a language. *review_on* is from when on somebody should look at it
    again. *ends* are the states in which it can be taken down; a kind without them says nothing about its state.
    *named_by* is the field that names a record. *own* is the field whose value is one record's alone, for good, from
    its first publication on.
    """

    name: str
    packaged: Callable[[], Mapping[str, Record]]
    problems: Callable[[Record, date, Standing], Iterable[ContentProblem]]
    shown: Callable[[Record, str, Standing], Mapping[str, Any]]
    title: Callable[[Record], object]
    stamped: Callable[[Record, datetime], Record] = lambda record, _: record
    review_on: Callable[[Record], date | None] = lambda _: None
    ends: tuple[str, ...] = ()
    named_by: str = "id"
    own: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    A record as its editors meet it.

    *record* is the newest: the draft, else what is out; *out* is what readers have, None of what was never published.
    *problems* are those of *record*; *review_on* is that of *out*.
    """

    kind: str
    record_id: str
    written: Written
    record: Record
    out: Record | None
    title: object
    problems: tuple[ContentProblem, ...]
    review_on: date | None
    overdue: bool


class Publishing:
    """What an editor does; *kinds* are those that can be written here."""

    def __init__(self, publications: Callable[[], Publications], kinds: Sequence[Kind], clock: Clock) -> None:
        self._open, self._clock = publications, clock
        self._kinds = {kind.name: kind for kind in kinds}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What can be written here."""
        return tuple(self._kinds.values())

    def kind(self, name: str) -> Kind:
        """
        Give one kind.

        Raises:
            NotFound: `content-unknown`.
        """
        if name not in self._kinds:
            raise NotFound("content-unknown")
        return self._kinds[name]

    def entries(self, kind: str) -> tuple[Entry, ...]:
        """List every record of a kind: the packaged ones in their order, then the new ones by id."""
        found, written, standing = self.kind(kind), self._open().written(kind), self._standing()
        packaged = found.packaged()
        entries = (
            self._entry(found, each, written.get(each), standing) for each in dict.fromkeys((*packaged, *written))
        )
        return tuple(entry for entry in entries if entry is not None)

    def entry(self, kind: str, record_id: str) -> Entry:
        """
        Give one record.

        Raises:
            NotFound: `content-unknown`.
        """
        found = self._named(kind, record_id)
        entry = self._entry(found, record_id, self._open().record(kind, record_id), self._standing())
        if entry is None:
            raise NotFound("content-unknown")
        return entry

    def shown(self, entry: Entry, language: str) -> Mapping[str, Any]:
        """
        Show the newest state of a record as readers will see it.

        Raises:
            Invalid: it is not fit to be shown.
        """
        _refuse(entry.problems)
        return self.kind(entry.kind).shown(entry.record, language, self._standing())

    def history(self, kind: str, record_id: str) -> tuple[Version, ...]:
        """
        List what was published, newest first, down to what travels with the code.

        Raises:
            NotFound: `content-unknown`.
        """
        self.entry(kind, record_id)
        return self._open().history(kind, record_id)

    def problems_of_what_is_out(self, entry: Entry) -> tuple[ContentProblem, ...]:
        """Say what is wrong with what readers have, as of today."""
        if entry.out is None:
            return ()
        return tuple(self.kind(entry.kind).problems(entry.out, self._clock.now().date(), self._standing()))

    def said(self, version: Version) -> Record | None:
        """Give what a version says."""
        return _record(version.body)

    def draft(self, kind: str, record_id: str, record: Record, *, revision: int | None, by: str) -> Entry:
        """
        Keep a draft; *revision* is the one it was made from, None of a record that is to be new.

        Raises:
            NotFound: `content-unknown`, no such kind, or no name that a record can have.
            Invalid: it is not fit to be published; everything that is wrong with it.
            Conflict: `edited-meanwhile`.
        """
        found, now = self._named(kind, record_id), self._second()
        if revision is None and record_id in found.packaged():
            raise Conflict("edited-meanwhile")
        body = self._checked(found, record_id, record, now)
        deed = Deed(at=now, actor=by, verb="draft", about=f"{kind}/{record_id}")
        self._open().draft(kind, record_id, body, revision=revision or 0, deed=deed)
        return self.entry(kind, record_id)

    def discard(self, kind: str, record_id: str, *, revision: int, by: str) -> None:
        """
        Throw a draft away.

        Raises:
            NotFound: `content-unknown`.
            Conflict: `no-draft`, `edited-meanwhile`.
        """
        draft = self._draft_of(kind, record_id, revision)
        deed = self._deed(kind, record_id, "discard", by, draft.revision)
        self._open().discard(kind, record_id, revision=revision, deed=deed)

    def publish(self, kind: str, record_id: str, *, revision: int, by: str) -> Version:
        """
        Publish the draft; what it refers to may have changed since it was written, so it is checked again.

        Raises:
            NotFound: `content-unknown`.
            Conflict: `no-draft`, `edited-meanwhile`.
            Invalid: it is not fit to be published any more.
        """
        draft = self._draft_of(kind, record_id, revision)
        return self._out(
            kind, record_id, draft.body, revision, self._deed(kind, record_id, "publish", by, draft.revision)
        )

    def roll_back(self, kind: str, record_id: str, *, to: int, revision: int, by: str) -> Version:
        """
        Publish an earlier version again; 0 is what travels with the code. A draft is thrown away by it.

        Raises:
            NotFound: `content-unknown`.
            Conflict: `version-unknown`, `edited-meanwhile`.
            Invalid: it is not fit to be published any more.
        """
        packaged = self.kind(kind).packaged().get(record_id)
        bodies = {each.revision: each.body for each in self.history(kind, record_id)}
        bodies |= {} if packaged is None else {0: _body(packaged)}
        if to not in bodies:
            raise Conflict("version-unknown", pointer="/revision")
        return self._out(kind, record_id, bodies[to], revision, self._deed(kind, record_id, "roll-back", by, to))

    def take_down(self, kind: str, record_id: str, *, status: str, revision: int, by: str) -> Version:
        """
        Publish that what a record offers has ended: it is pointed to no more, and directories learn of it.

        What is out is what ends; a draft is thrown away by it.

        Raises:
            NotFound: `content-unknown`, also of what was never out.
            Conflict: `cannot-be-taken-down`, `edited-meanwhile`.
        """
        entry = self.entry(kind, record_id)
        if entry.out is None:
            raise NotFound("content-unknown")
        if status not in self.kind(kind).ends:
            raise Conflict("cannot-be-taken-down", pointer="/status")
        body = _body({**entry.out, "status": status})
        return self._out(kind, record_id, body, revision, self._deed(kind, record_id, "take-down", by, None))

    def overdue(self) -> tuple[Entry, ...]:
        """List what is out and should be looked at again, of every kind."""
        return tuple(entry for kind in self._kinds for entry in self.entries(kind) if entry.overdue)

    def _second(self) -> datetime:
        """Tell the time to the second, as it is told to editors and directories: what is shown from then on is then."""
        return self._clock.now().replace(microsecond=0)

    def _named(self, kind: str, record_id: str) -> Kind:
        """Give a kind, if *record_id* can name a record of it: nothing else reaches the store, or the trail."""
        found = self.kind(kind)
        if not is_slug(record_id):
            raise NotFound("content-unknown")
        return found

    def _deed(self, kind: str, record_id: str, verb: str, by: str, number: int | None) -> Deed:
        return Deed(at=self._second(), actor=by, verb=verb, about=f"{kind}/{record_id}", number=number)

    def _draft_of(self, kind: str, record_id: str, revision: int) -> Version:
        written = self.entry(kind, record_id).written
        if written.revision != revision:
            raise Conflict("edited-meanwhile")
        if written.draft is None:
            raise Conflict("no-draft")
        return written.draft

    def _out(self, kind: str, record_id: str, body: bytes | None, revision: int, deed: Deed) -> Version:
        if body is not None:
            found, record = self.kind(kind), json.loads(body)
            body = self._checked(found, record_id, record, deed.at)
            if found.own is not None:
                self._reserve(found.own, record[found.own], deed)
        return self._open().publish(kind, record_id, body, revision=revision, deed=deed)

    def _reserve(self, field: str, value: str, deed: Deed) -> None:
        """
        Give the *value* of a *field* to the record that *deed* is about, before it is out.

        Two records may both have been checked before either is out. Who has a value is a record of its own, which is
        made once: of two at once, one makes it. It stays when the publication fails, for that record to try again.

        Raises:
            Invalid: another record has it.
        """
        kind, _, record_id = str(deed.about).partition("/")
        place, publications = (f"{kind}-{field}", value), self._open()
        there = publications.record(*place)
        if there is None:
            reserved = replace(deed, verb="reserve", number=None)
            with suppress(Conflict):  # somebody was faster: perhaps the same editor, twice
                publications.draft(*place, record_id.encode(), revision=0, deed=reserved)
            there = publications.record(*place)
        if there is None or there.draft is None or there.draft.body != record_id.encode():
            raise Invalid((FieldError(f"/{field}", "duplicate"),))

    def _checked(self, kind: Kind, record_id: str, record: Record, now: datetime) -> bytes:
        """Give a record as it is kept, with what the house puts into it, if nothing is wrong with it."""
        stamped = kind.stamped(record, now)
        problems = tuple(kind.problems(stamped, now.date(), self._standing()))
        if record.get(kind.named_by, record_id) != record_id:
            problems = (*problems, ContentProblem(record=record_id, pointer=f"/{kind.named_by}", code="another-id"))
        _refuse(problems)
        try:
            return _body(stamped)
        except (ValueError, RecursionError):  # what JSON can say and nobody can write out again
            raise Invalid((FieldError("", "invalid"),)) from None

    def _standing(self) -> Standing:
        """Give what is out, kind by kind, each read once."""
        read: dict[str, Mapping[str, Record]] = {}

        def standing(name: str) -> Mapping[str, Record]:
            if name not in read:
                kind = self.kind(name)
                _, published = self._open().published(name)
                out = ((each.record_id, _record(each.body)) for each in published)
                read[name] = {**kind.packaged(), **{each: record for each, record in out if record is not None}}
            return read[name]

        return standing

    def _entry(self, kind: Kind, record_id: str, written: Written | None, standing: Standing) -> Entry | None:
        packaged = kind.packaged().get(record_id)
        written = written or Written(draft=None, published=None)
        out = packaged if written.published is None else _record(written.published.body) or packaged
        newest = out if written.draft is None else _record(written.draft.body)
        if newest is None:
            return None
        today = self._clock.now().date()
        review_on = None if out is None else kind.review_on(out)
        return Entry(
            kind=kind.name,
            record_id=record_id,
            written=written,
            record=newest,
            out=out,
            title=kind.title(newest),
            problems=tuple(kind.problems(newest, today, standing)),
            review_on=review_on,
            overdue=review_on is not None and review_on < today,
        )


def _record(body: bytes | None) -> Record | None:
    """Read a record as it is kept; one that somebody has damaged is none."""
    try:
        record = None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _body(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _refuse(problems: Iterable[ContentProblem]) -> None:
    """
    Refuse a record that has errors, with all of them.

    Raises:
        Invalid: pointers to known places; the name of an unknown field is somebody's input, and is not told.
    """
    errors = (
        FieldError("", "unknown-key") if each.code == _UNKNOWN_FIELD else FieldError(each.pointer, each.code)
        for each in problems
        if each.severity == "error"
    )
    if found := tuple(dict.fromkeys(errors)):
        raise Invalid(found)
