"""Publishing on the wire: each write names the state that it was made from, in `If-Match`, and one of two wins."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Conflict, FieldError, Invalid, Outdated, Unconditional
from chalicelib.domain.signposts import LANGUAGES
from chalicelib.http import shapes
from chalicelib.http.local_times import instant
from chalicelib.http.publishing_models import ContentSubmission, RollBackSubmission, TakeDownSubmission
from chalicelib.http.reading import json_body
from chalicelib.usecases.published import shown_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalice.app import Request, Response

    from chalicelib.http.access import Access
    from chalicelib.ports import Version
    from chalicelib.usecases.publishing import Entry, Publishing

WRITE = "content:write"
_ETAG = re.compile(r'"(\d{1,9})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentDesk:
    """Handlers of the editors' part of the desk."""

    access: Access
    publishing: Publishing

    def kinds(self, http_request: Request) -> Response:
        """List the kinds of record, and how many of each wait for somebody."""
        self.access.person(http_request, WRITE)
        counted = []
        for kind in self.publishing.kinds:
            entries = self.publishing.entries(kind.name)
            drafts = sum(entry.written.draft is not None for entry in entries)
            overdue = sum(entry.overdue for entry in entries)
            counted.append({"kind": kind.name, "records": len(entries), "drafts": drafts, "overdue": overdue})
        return shapes.answer({"kinds": counted})

    def list(self, http_request: Request, kind: str) -> Response:
        """List every record of a kind."""
        self.access.person(http_request, WRITE)
        return shapes.answer({"kind": kind, "records": [_summary(each) for each in self.publishing.entries(kind)]})

    def get(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Show a record."""
        self.access.person(http_request, WRITE)
        return self._answer(self.publishing.entry(kind, content_id))

    def draft(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Keep a draft."""
        person = self.access.person(http_request, WRITE)
        revision = None if http_request.headers.get("if-none-match") == "*" else _held(http_request)
        record = json_body(http_request, ContentSubmission).record
        with _in_time(), _pointed_at("/record"):
            entry = self.publishing.draft(kind, content_id, record, revision=revision, by=person.subject)
        return self._answer(entry)

    def discard(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Throw a draft away."""
        person = self.access.person(http_request, WRITE)
        with _in_time():
            self.publishing.discard(kind, content_id, revision=_held(http_request), by=person.subject)
        return shapes.nothing()

    def preview(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Show a record as readers will see it."""
        self.access.person(http_request, WRITE)
        entry = self.publishing.entry(kind, content_id)
        return shapes.answer({"shown": {each: dict(self.publishing.shown(entry, each)) for each in LANGUAGES}})

    def history(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Show what was published."""
        self.access.person(http_request, WRITE)
        versions = self.publishing.history(kind, content_id)
        said = [{**_published(each), "record": self.publishing.said(each)} for each in versions]
        packaged = self.publishing.kind(kind).packaged().get(content_id)
        return shapes.answer({"versions": said, "packaged": packaged})

    def publish(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Publish the draft."""
        person = self.access.person(http_request, WRITE)
        with _in_time():
            self.publishing.publish(kind, content_id, revision=_held(http_request), by=person.subject)
        return self._answer(self.publishing.entry(kind, content_id))

    def roll_back(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Publish an earlier version again."""
        person = self.access.person(http_request, WRITE)
        revision, to = _held(http_request), json_body(http_request, RollBackSubmission).revision
        with _in_time():
            self.publishing.roll_back(kind, content_id, to=to, revision=revision, by=person.subject)
        return self._answer(self.publishing.entry(kind, content_id))

    def take_down(self, http_request: Request, kind: str, content_id: str) -> Response:
        """Publish that what a record offers has ended."""
        person = self.access.person(http_request, WRITE)
        revision, status = _held(http_request), json_body(http_request, TakeDownSubmission).status
        with _in_time():
            self.publishing.take_down(kind, content_id, status=status, revision=revision, by=person.subject)
        return self._answer(self.publishing.entry(kind, content_id))

    def _answer(self, entry: Entry) -> Response:
        shown = {
            **_summary(entry),
            "kind": entry.kind,
            "record": entry.record,
            "out": entry.out,
            "ends": [*self.publishing.kind(entry.kind).ends],
        }
        return shapes.answer(shown, headers={"ETag": f'"{entry.written.revision}"'})


def _held(http_request: Request) -> int:
    """
    Read which state of the record the editor has: the one ETag of it, and nothing that fits every state.

    Raises:
        Unconditional: `if-match-missing`.
        Outdated: `edited-meanwhile`, it is no ETag of ours.
    """
    tag = (http_request.headers.get("if-match") or "").strip()
    if tag in ("", "*"):
        raise Unconditional("if-match-missing")
    held = _ETAG.fullmatch(tag)
    if held is None:
        raise Outdated("edited-meanwhile")
    return int(held[1])


@contextmanager
def _in_time() -> Iterator[None]:
    """Answer what somebody else has changed meanwhile as HTTP says it: a condition that is not met."""
    try:
        yield
    except Conflict as conflict:
        if conflict.code == "edited-meanwhile":
            raise Outdated(conflict.code) from None
        raise


@contextmanager
def _pointed_at(place: str) -> Iterator[None]:
    """Say where in the body it is that something is wrong."""
    try:
        yield
    except Invalid as invalid:
        raise Invalid(tuple(FieldError(f"{place}{each.pointer}", each.code) for each in invalid.errors)) from None


def _summary(entry: Entry) -> dict[str, Any]:
    written = entry.written
    state = "draft" if written.draft is not None else "packaged" if written.published is None else "published"
    return {
        "id": entry.record_id,
        "title": entry.title,
        "state": state,
        "status": None if entry.out is None else entry.out.get("status", "active"),
        "revision": written.revision,
        "published": None if written.published is None else _published(written.published),
        "draft": None if written.draft is None else _version(written.draft),
        "review_on": None if entry.review_on is None else entry.review_on.isoformat(),
        "overdue": entry.overdue,
        "problems": [
            {"pointer": each.pointer, "code": each.code, "severity": each.severity} for each in entry.problems
        ],
    }


def _version(version: Version) -> dict[str, Any]:
    return {"revision": version.revision, "by": version.by, "at": instant(version.at)}


def _published(version: Version) -> dict[str, Any]:
    return {**_version(version), "shown_from": instant(shown_from(version))}
