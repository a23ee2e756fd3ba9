"""
Live sessions: an hour in which named hosts answer questions that nobody has to put a name to.

    announced   questions cannot be asked yet
    open        questions are taken; none has been answered in public yet
    live        the hosts answer, and everybody reads along
    ended       what was answered stays to be read; every question that was not is gone
    cancelled   called off: no more is asked or answered in public, but hosts may still answer in the mailbox

A session is a record that editors publish; which state it is in follows from the time, unless it was called off. Its
end stands once it takes questions: they were told when they are erased. A question is a contact
request (`requests.Kind.QUESTION`) that is tied to its session, and goes when that ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Conflict
from chalicelib.domain.receipts import encode
from chalicelib.domain.signposts import is_instant, is_slug, missing_languages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

LONGEST = timedelta(hours=12)
"""How long a session may be live: the hosts are people."""
LONGEST_OPEN = timedelta(days=28)
"""How long before it begins questions may be taken: less than what is promised about how long they are kept."""
MOST_HOSTS = 10
ENTRY_BYTES = 12
_REQUIRED = frozenset({"id", "title", "summary", "hosts", "opens_at", "starts_at", "ends_at"})
CANCELLED = "cancelled"
_FIELDS = _REQUIRED | {"campaign", "status"}


class State(StrEnum):
    """Where a session is: each follows the one before, by the clock."""

    ANNOUNCED = "announced"
    OPEN = "open"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = CANCELLED


class Decline(StrEnum):
    """Why the hosts do not answer a question; the words for the mailbox are with the texts of the pages."""

    PERSONAL = "personal"  # about one person's case: better talked about with the helpline
    IDENTIFIES = "identifies"  # it could lead to somebody
    ANSWERED = "answered"  # it has been answered in the session already
    ELSEWHERE = "elsewhere"  # not what the session is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Who answers, as they are announced: *name* and *role* by language."""

    name: Mapping[str, str]
    role: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One live session; texts by language, times in UTC."""

    id: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    hosts: tuple[Host, ...]
    opens_at: datetime
    starts_at: datetime
    ends_at: datetime
    campaign: str | None = None
    status: str | None = None

    def state(self, now: datetime) -> State:
        """Tell where the session is at *now*."""
        if self.status == CANCELLED and now < self.ends_at:
            return State.CANCELLED
        if now < self.opens_at:
            return State.ANNOUNCED
        if now < self.starts_at:
            return State.OPEN
        return State.LIVE if now < self.ends_at else State.ENDED

    def takes_questions(self, now: datetime) -> None:
        """
        Make sure that a question can be asked now.

        Raises:
            Conflict: `session-not-open`, `session-ended`.
        """
        state = self.state(now)
        if state is State.ANNOUNCED:
            raise Conflict("session-not-open")
        if state in {State.ENDED, State.CANCELLED}:
            raise Conflict("session-ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """
    One place in a session's transcript: what was asked, in the words that the hosts let stand, and their answer.

    *seq* counts from 1 and tells readers what is new to them: an entry that is taken back moves to the end, empty.
    *host* is whoever answered as they were announced then, never the person's own sign-in.
    """

    entry_id: str
    seq: int
    at: datetime
    language: str
    question: str
    answer: str
    host: Host
    retracted: bool = False


def entry_of(request_id: str) -> str:
    """Name a question's place in the transcript, so that it has one place however often it is answered."""
    return encode(sha256(f"quietline/1|transcript|{request_id}".encode()).digest()[:ENTRY_BYTES])


def session_of(record: Mapping[str, object]) -> Session:
    """
    Read a record that has no problems.

    Raises:
        KeyError, TypeError, ValueError: it has.
    """
    fields = dict(record)
    hosts = fields.pop("hosts")
    times = {name: _instant(fields.pop(name)) for name in ("opens_at", "starts_at", "ends_at")}
    if not isinstance(hosts, list):
        raise TypeError
    return Session(**fields, **times, hosts=tuple(Host(**host) for host in hosts))  # type: ignore[arg-type]


def problems_of_session(
    record: Mapping[str, object], *, taken: Collection[str] = (), campaigns: Collection[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Name everything that is wrong with a record, as pointers and codes."""
    yield from ((f"/{field}", "missing") for field in sorted(_REQUIRED - record.keys()))
    yield from ((f"/{field}", "unknown-field") for field in sorted(record.keys() - _FIELDS))
    if "id" in record:
        if not is_slug(record["id"]):
            yield "/id", "bad-id"
        elif record["id"] in taken:
            yield "/id", "duplicate"
    for field in ("title", "summary"):
        if field in record:
            yield from missing_languages(record[field], f"/{field}")
    if "hosts" in record:
        yield from _hosts(record["hosts"])
    yield from _times(record)
    if "status" in record and record["status"] != CANCELLED:
        yield "/status", "unknown-value"
    campaign = record.get("campaign")
    if campaign is not None and (not is_slug(campaign) or (campaigns is not None and campaign not in campaigns)):
        yield "/campaign", "unknown-value"


def moved(record: Mapping[str, object], before: Mapping[str, object], today: date) -> Iterator[tuple[str, str]]:
    """Name what may not change any more from the day on which questions are taken: when they end, they are erased."""
    opens_at, ends_at = before.get("opens_at"), before.get("ends_at")
    if is_instant(opens_at) and is_instant(ends_at) and is_instant(record.get("ends_at")):
        same = _instant(record["ends_at"]) == _instant(ends_at)
        if _instant(opens_at).date() <= today and not same:
            yield "/ends_at", "already-open"


def _hosts(hosts: object) -> Iterator[tuple[str, str]]:
    if not isinstance(hosts, list) or not 1 <= len(hosts) <= MOST_HOSTS:
        yield "/hosts", "missing"
        return
    for at, host in enumerate(hosts):
        if not isinstance(host, dict) or host.keys() != {"name", "role"}:
            yield f"/hosts/{at}", "bad-host"
            continue
        yield from missing_languages(host["name"], f"/hosts/{at}/name")
        yield from missing_languages(host["role"], f"/hosts/{at}/role")


def _times(record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    given = {name: record[name] for name in ("opens_at", "starts_at", "ends_at") if name in record}
    wrong = [name for name, value in given.items() if not is_instant(value)]
    yield from ((f"/{name}", "bad-date") for name in wrong)
    if wrong or len(given) < 3:  # noqa: PLR2004 - all three
        return
    opens_at, starts_at, ends_at = (_instant(value) for value in given.values())
    if not starts_at < ends_at <= starts_at + LONGEST:
        yield "/ends_at", "bad-order"
    if not starts_at - LONGEST_OPEN <= opens_at <= starts_at:
        yield "/opens_at", "bad-order"


def _instant(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).astimezone(UTC)
