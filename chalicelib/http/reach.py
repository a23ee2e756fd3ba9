"""Reach on the wire: published figures as JSON, as a table and as a page, and the beacon of a visit."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from chalicelib.domain import reach
from chalicelib.domain.errors import Malformed, Refusal
from chalicelib.domain.reach import NONE, PEOPLE, VISIT, Asked
from chalicelib.http import shapes
from chalicelib.http.kept import Shelf, handed_out
from chalicelib.http.local_times import month_and_year
from chalicelib.http.models import SLUG
from chalicelib.http.reach_models import Visit
from chalicelib.http.reading import is_form, language_of, query, validated

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from chalice.app import Request, Response

    from chalicelib.domain.helpline import Helpline
    from chalicelib.domain.reach import Figure
    from chalicelib.domain.signposts import Region
    from chalicelib.http.kept import Headers
    from chalicelib.http.pages import Pages
    from chalicelib.http.texts import Texts
    from chalicelib.usecases.opening import Opening
    from chalicelib.usecases.reach import Counting, Report, Reporting

BY = ("month", "region", "campaign", "kind")
KINDS = (*PEOPLE, VISIT)
NOWHERE = "none"
"""What stands in an address and an answer for no region or campaign, or one that we do not know."""
MONTH = r"20[0-9]{2}-(0[1-9]|1[0-2])"
BEACON_LIMIT = 1024
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or skips before one."""
_CACHED = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff", "Vary": "Accept-Language"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Handlers of `/v1/reach` and `/reach`."""

    counting: Counting
    reporting: Reporting
    regions: Callable[[], Sequence[Region]]
    campaigns: Callable[[], Mapping[str, Mapping[str, str]]]
    helpline: Helpline
    opening: Opening
    texts: Texts
    pages: Pages

    def report(self, http_request: Request) -> Response:
        """
        Tell how many people were reached, in figures that anybody may publish.

        Raises:
            Malformed: a filter is empty, given twice or unknown, or a month is none.
            NotFound: `campaign-unknown`.
        """
        language = language_of(http_request)
        report = self._asked_for(http_request)
        body = json.dumps(self._document(report, language), ensure_ascii=False, separators=(",", ":"))
        return _kept(http_request, body, Content_Type="application/json", Content_Language=language)

    def table(self, http_request: Request) -> Response:
        """
        Give the same as a table for a spreadsheet; a figure that is not shown is an empty cell.

        Names come from whoever writes campaigns, so none of them is handed to a spreadsheet as a formula.

        Raises:
            Malformed, NotFound: as above.
        """
        language = language_of(http_request)
        report = self._asked_for(http_request)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(
            [report.by, "label", *(f"{each}{part}" for each in reach.MEASURES for part in ("", "_at_least"))]
        )
        for row in report.rows:
            names = _outside(row.key), self._label(report.by, row.key, language)
            cells: list[object] = [_as_text(each) for each in names]
            for measure in reach.MEASURES:
                figure = row.figures.get(measure)
                blank = figure is None or figure.value is None
                cells += ["", ""] if figure is None or blank else [figure.value, "yes" if figure.at_least else "no"]
            writer.writerow(cells)
        kind = "text/csv; charset=utf-8"
        return _kept(http_request, text.getvalue(), Content_Type=kind, Content_Language=language)

    def visit(self, http_request: Request) -> Response:
        """
        Count a visit, and say nothing whatever was sent.

        `navigator.sendBeacon` sends text, a form or JSON, and cannot hear an answer; nobody is told what we know.
        """
        visit = _visit(http_request)
        if visit is not None:
            self.counting.visit(region=visit.region, campaign=visit.campaign)
        return shapes.nothing()

    def page(self, http_request: Request) -> Response:
        """
        Show the same to people, with a chart and a table.

        Raises:
            Malformed, NotFound: as above; what a form leaves blank is not asked for.
        """
        language = language_of(http_request)
        report = self._asked_for(http_request, blanks=True)
        document = self._document(report, language)
        for row in document["rows"]:
            # What a bar shows: the figure of people, or of visits where there is none of people to show.
            row["shown"] = next(row[each]["value"] for each in reach.MEASURES if each in row)
        open_now, opens_at = self.opening.status()
        asked = {name: _outside(value) for name, value in _filters(report).items() if value is not None}
        span = {"from": report.first, "to": report.last, "by": report.by}
        page = self.pages.reach(
            language=language,
            helpline=self.texts.helpline_for_page(language, open_now=open_now, opens_at=opens_at),
            report=document,
            asked=asked,
            choices={
                "region": [(each.code, each.name[language]) for each in self.regions()],
                "campaign": [(slug, name[language]) for slug, name in sorted(self.campaigns().items())],
            },
            address=urlencode({**asked, **span, "lang": language}),
            switch=f"/reach?{urlencode({**asked, **span})}&",
        )
        return shapes.page(page, self.pages.headers(language, status=200), 200)

    def _asked_for(self, http_request: Request, *, blanks: bool = False) -> Report:
        def read(name: str) -> str | None:
            parameters = http_request.query_params
            if blanks and parameters is not None and name in parameters and parameters.getlist(name) == [""]:
                return None
            return query(http_request, name)

        asked = Asked(
            region=_inside(_one_of(read, "region", {NOWHERE, *(region.code for region in self.regions())})),
            campaign=self._campaign(read("campaign")),
            kind=_one_of(read, "kind", KINDS),
        )
        by = _one_of(read, "by", BY) or "month"
        first, last = self.reporting.period(_month(read, "from"), _month(read, "to"))
        return self.reporting.report(asked, first=first, last=last, by=by)

    def _campaign(self, name: str | None) -> str | None:
        if name is None or name == NOWHERE:
            return _inside(name)
        if not re.fullmatch(SLUG, name):
            raise Malformed("invalid", pointer="/campaign")
        return self.reporting.campaign(name)

    def _document(self, report: Report, language: str) -> dict[str, Any]:
        return {
            "period": {
                "first": report.first,
                "last": report.last,
                "months": len(reach.months(report.first, report.last)),
            },
            "filters": {name: _outside(value) for name, value in _filters(report).items() if value is not None},
            "by": report.by,
            "sentence": self.sentence(report, language),
            **{measure: _figure(each) for measure, each in report.totals.items()},
            "year_before": {measure: _figure(each) for measure, each in report.before.items()},
            "change_percent": dict(report.changes),
            "rows": [
                {
                    "key": _outside(row.key),
                    "label": self._label(report.by, row.key, language),
                    **{measure: _figure(each) for measure, each in row.figures.items()},
                }
                for row in report.rows
            ],
            "rule": {"smallest": reach.SMALLEST, "rounded_to": reach.STEP},
            "language": language,
        }

    def sentence(self, report: Report, language: str) -> str:
        """Say it as a campaign would: where, how long, how many, and how that compares."""
        words = self.texts.pages(language)["reach"]
        measure = next(iter(report.totals))
        figure, change = report.totals[measure], report.changes[measure]
        count = len(reach.months(report.first, report.last))
        length = words["lengths"].get(str(count), words["length"].format(count=count))
        first, last = month_and_year(report.first, language), month_and_year(report.last, language)
        parts = [self._label("region", report.asked.region, language) if report.asked.region else words["everywhere"]]
        parts += [
            self._label(name, value, language)
            for name, value in (("campaign", report.asked.campaign), ("kind", report.asked.kind))
            if value is not None
        ]
        period = words["period"].format(length=length, first=first, last=last) if count > 1 else first
        number = words["nothing" if figure.published else "not_yet"]
        if figure.value is not None:
            number = words[measure].format(number=f"{figure.value:,}")
            number = words["at_least"].format(number=number) if figure.at_least else number
        if change is not None:
            way = "same" if not change else "more" if change > 0 else "less"
            number = f"{number}, {words[way].format(percent=abs(change))}"
        return str(words["sentence"]).format(what=", ".join(parts), period=period, number=number)

    def _label(self, by: str, key: str, language: str) -> str:
        words = self.texts.pages(language)["reach"]
        if by == "month":
            return month_and_year(key, language)
        if key == NONE:
            return str(words[f"no_{by}"])
        if by == "kind":
            return str(words["kinds"][key])
        if by == "campaign":
            return self.campaigns().get(key, {}).get(language, key)
        return next((region.name[language] for region in self.regions() if region.code == key), key)


def _as_text(cell: str) -> str:
    """Give a cell that a spreadsheet shows and never reckons with: what would begin a formula gets an apostrophe."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _visit(http_request: Request) -> Visit | None:
    """Read what a beacon carries; anything that is not one is nothing."""
    try:
        raw = http_request.raw_body
        raw = raw.encode() if isinstance(raw, str) else raw
        if len(raw) > BEACON_LIMIT:
            return None
        if is_form(http_request):
            text, most = raw.decode("ascii"), len(Visit.model_fields)
            raw = json.dumps(dict(parse_qsl(text, keep_blank_values=True, max_num_fields=most))).encode()
        return validated(Visit, raw or b"{}")
    except (ValueError, Refusal):
        return None


def _one_of(read: Callable[[str], str | None], name: str, known: Collection[str]) -> str | None:
    value = read(name)
    if value is not None and value not in known:
        raise Malformed("unknown-value", pointer=f"/{name}")
    return value


def _month(read: Callable[[str], str | None], name: str) -> str | None:
    value = read(name)
    if value is not None and not re.fullmatch(MONTH, value):
        raise Malformed("invalid", pointer=f"/{name}")
    return value


def _filters(report: Report) -> dict[str, str | None]:
    return {"region": report.asked.region, "campaign": report.asked.campaign, "kind": report.asked.kind}


def _inside(value: str | None) -> str | None:
    return NONE if value == NOWHERE else value


def _outside(key: str | None) -> str:
    return NOWHERE if key in {NONE, None} else str(key)


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "suppressed": figure.suppressed,
        "at_least": figure.at_least,
        "published": figure.published,
    }


def _kept(http_request: Request, body: str, **about: str) -> Response:
    headers: Headers = {**_CACHED, **{name.replace("_", "-"): value for name, value in about.items()}}
    return handed_out(http_request, Shelf().keep("", body, headers))
