"""Supervisors' figures on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Malformed
from chalicelib.http import shapes
from chalicelib.http.desk import SUPERVISE
from chalicelib.http.reach import MONTH
from chalicelib.http.reading import query

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.http.access import Access
    from chalicelib.usecases.figures import Figures, LaneFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFigures:
    """Handler of `/v1/desk/figures`."""

    access: Access
    figures: Figures

    def tell(self, http_request: Request) -> Response:
        """
        Tell how the work went, by lane and month.

        Raises:
            Malformed: `from` or `to` is no month.
        """
        self.access.person(http_request, SUPERVISE)
        first, last = self.figures.period(_month(http_request, "from"), _month(http_request, "to"))
        lanes = [_lane(each) for each in self.figures.tell(first, last)]
        return shapes.answer({"first": first, "last": last, "lanes": lanes})


def _month(http_request: Request, name: str) -> str | None:
    value = query(http_request, name)
    if value is not None and not re.fullmatch(MONTH, value):
        raise Malformed("invalid", pointer=f"/{name}")
    return value


def _lane(each: LaneFigures) -> dict[str, Any]:
    kind, language = each.lane.split("/")
    waits = {
        name if name == "longer" else f"within_{name.replace('-', '_')}": count for name, count in each.waits.items()
    }
    return {
        "month": each.month,
        "kind": kind,
        "language": language,
        "taken": each.taken,
        "waits": waits,
        "median_within": each.median_within,
        "closed": each.closed,
        "in_time": each.in_time,
        "agreed_actions": each.agreed_actions,
        "outcomes": dict(each.outcomes),
    }
