"""
Records of content as they are written, in files and by editors: how one is read, and what is wrong with one.

What a signpost may say is in `signposts`; here is what turns the written form into it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.domain.signposts import (
    Organization,
    Phone,
    Schedule,
    Signpost,
    is_address,
    is_instant,
    missing_languages,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_LISTS = ("audience", "topics", "regions", "languages")
_OF_ORGANIZATIONS = frozenset({"id", "name", "description", "website", "last_modified"})


def read_signpost(record: Mapping[str, Any], organizations: Mapping[str, Organization]) -> Signpost:
    """
    Read a signpost as it is written; *organizations* are by name.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not complete.
    """
    return Signpost(
        **{
            **record,
            **{field: tuple(record[field]) for field in _LISTS},
            "phones": tuple(Phone(**phone) for phone in record.get("phones", ())),
            "schedules": tuple(
                Schedule(**{**schedule, "days": tuple(schedule["days"])}) for schedule in record.get("schedules", ())
            ),
            "organization": organizations[record["organization"]["name"]],
            "assured_date": date.fromisoformat(record["assured_date"]),
            "last_modified": _instant(record.get("last_modified")),
        }
    )


def read_organization(record: Mapping[str, Any]) -> Organization:
    """
    Read an organisation as it is written.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not complete.
    """
    return Organization(**{**record, "last_modified": datetime.fromisoformat(record["last_modified"])})


def problems_of_organization(
    record: Mapping[str, Any], *, ids: Collection[str] = (), names: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Find everything that is wrong with an organisation, as pointers and codes; *ids* and *names* are taken."""
    for field, taken in (("id", ids), ("name", names)):
        value = record.get(field)
        if not isinstance(value, str) or not value.strip():
            yield f"/{field}", "missing"
        elif value in taken:
            yield f"/{field}", "duplicate"
    yield from missing_languages(record.get("description"), "/description")
    if "website" in record and not is_address(record["website"]):
        yield "/website", "bad-url"
    if not is_instant(record.get("last_modified")):
        yield "/last_modified", "bad-date"
    yield from ((f"/{field}", "unknown-field") for field in sorted(record.keys() - _OF_ORGANIZATIONS))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
