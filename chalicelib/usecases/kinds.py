"""The kinds of record that editors write: each is one entry of the registry that `wiring` makes of them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.domain.records import problems_of_organization, read_organization, read_signpost
from chalicelib.domain.sessions import CANCELLED, moved, problems_of_session, session_of
from chalicelib.domain.signposts import ACTIVE, STATUSES, ContentProblem, is_slug, problems_of, to_be_reviewed
from chalicelib.usecases.published_campaigns import CAMPAIGN
from chalicelib.usecases.publishing import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from chalicelib.domain.sessions import Session
    from chalicelib.domain.signposts import Organization, Region, Signpost
    from chalicelib.usecases.publishing import Record, Standing

SIGNPOST, ORGANIZATION, SESSION = "signpost", "organization", "session"


class Packaged(Protocol):
    """The content that travels with the code, as it is written."""

    def signpost_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the signposts, by file."""
        ...

    def organization_records(self) -> Any:  # noqa: ANN401 - whatever the file holds
        """Give the organisations."""
        ...

    def session_records(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the live sessions, by file."""
        ...

    def regions(self) -> Sequence[Region]:
        """Give every police force area."""
        ...


def signposts(content: Packaged, shown: Callable[[Signpost, str], Mapping[str, Any]]) -> Kind:
    """Offers of help; *shown* is how partner sites read one."""
    codes = frozenset(region.code for region in content.regions())

    def problems(record: Record, today: date, standing: Standing) -> tuple[ContentProblem, ...]:
        return problems_of(record, today, regions=codes, organizations=_names(standing(ORGANIZATION).values()))

    def preview(record: Record, language: str, standing: Standing) -> Mapping[str, Any]:
        return shown(read_signpost(record, dict(_by_name(standing(ORGANIZATION).values()))), language)

    return Kind(
        name=SIGNPOST,
        packaged=lambda: {each["id"]: each for each in content.signpost_records().values()},
        problems=problems,
        shown=preview,
        title=_name,
        stamped=_unstamped,
        review_on=to_be_reviewed,
        ends=tuple(status for status in STATUSES if status != ACTIVE),
    )


def organizations(content: Packaged, shown: Callable[[Organization, str], Mapping[str, Any]]) -> Kind:
    """Who offers help; *shown* is how other directories read one."""
    return Kind(
        name=ORGANIZATION,
        packaged=lambda: {each["id"]: each for each in content.organization_records()},
        problems=_of_organization,
        shown=lambda record, language, _: shown(read_organization(record), language),
        title=_name,
        stamped=_stamped,
    )


def sessions(content: Packaged, shown: Callable[[Session, str], Mapping[str, Any]]) -> Kind:
    """Live sessions; *shown* is how everybody reads one."""
    return Kind(
        name=SESSION,
        packaged=lambda: {each["id"]: each for each in content.session_records().values()},
        problems=_of_session,
        shown=lambda record, language, _: shown(session_of(record), language),
        title=lambda record: record.get("title"),
        stamped=lambda record, _: record,
        ends=(CANCELLED,),
    )


def _of_session(record: Record, today: date, standing: Standing) -> Iterator[ContentProblem]:
    made = partial(ContentProblem, record=str(record.get("id")))
    known = standing(CAMPAIGN).keys()
    yield from (made(pointer=at, code=code) for at, code in problems_of_session(record, campaigns=known))
    before = standing(SESSION).get(str(record.get("id")), {})
    yield from (made(pointer=at, code=code) for at, code in moved(record, before, today))


def _of_organization(record: Record, _: date, standing: Standing) -> Iterator[ContentProblem]:
    record_id = record.get("id")
    made = partial(ContentProblem, record=str(record_id))
    others = _names(each for other, each in standing(ORGANIZATION).items() if other != record_id)
    yield from (made(pointer=at, code=code) for at, code in problems_of_organization(record, names=others))
    if isinstance(record_id, str):
        if not is_slug(record_id):
            yield made(pointer="/id", code="bad-id")
        before = _names([standing(ORGANIZATION).get(record_id, {})]) - {record.get("name")}
        offering = (each.get("organization") for each in standing(SIGNPOST).values())
        if before & _names(each for each in offering if isinstance(each, dict)):
            yield made(pointer="/name", code="in-use")  # signposts know it by this name


def _names(records: Iterable[Record]) -> frozenset[str]:
    return frozenset(name for each in records if isinstance(name := each.get("name"), str))


def _by_name(records: Iterable[Record]) -> Iterator[tuple[str, Organization]]:
    for record in records:
        with suppress(AttributeError, KeyError, TypeError, ValueError):  # a damaged one is nobody's organisation
            organization = read_organization(record)
            yield organization.name, organization


def _name(record: Record) -> object:
    return record.get("name")


def _stamped(record: Record, now: datetime) -> Record:
    """Say when it was last modified: the house knows."""
    return {**record, "last_modified": now.isoformat(timespec="seconds").replace("+00:00", "Z")}


def _unstamped(record: Record, _: datetime) -> Record:
    """Leave out when it was last modified: readers are told when it was published."""
    return {name: value for name, value in record.items() if name != "last_modified"}
