"""How many people asked for help: what is published, and what supervisors see."""

from __future__ import annotations

from chalicelib.http.contract.desk import desk_operation
from chalicelib.http.contract.parts import FILTERED, RANGED, STORED, WORDS, Codes, Operation, any_of
from chalicelib.http.reach_models import DeskFiguresAnswer, ReachAnswer, Visit

ASKED = ("ReachRegion", "ReachCampaign", "ReachKind", "FromMonth", "ToMonth", "By")
REFUSES: Codes = any_of(STORED, FILTERED, RANGED, {404: ("campaign-unknown",)})


def reach() -> tuple[Operation, ...]:
    """List what anybody may ask, and the beacon that anybody may send."""
    return (
        Operation(
            name="reach",
            method="get",
            path="/v1/reach",
            summary="How many people asked for help, in figures that may be published; small ones are not shown",
            tag="reach",
            parameters=(*ASKED, "IfNoneMatch", *WORDS),
            answers={200: ReachAnswer, 304: None},
            refuses=REFUSES,
            cached=True,
        ),
        Operation(
            name="reach_table",
            method="get",
            path="/v1/reach.csv",
            summary="The same as a table; a figure that is not shown is an empty cell",
            tag="reach",
            parameters=(*ASKED, "IfNoneMatch", *WORDS),
            answers={200: None, 304: None},
            refuses=REFUSES,
            cached=True,
            media="text/csv",
        ),
        Operation(
            name="count_visit",
            method="post",
            path="/v1/reach/visits",
            summary="A visit's beacon, as JSON, text or a form; whatever is sent, the answer is the same and empty",
            tag="reach",
            body=Visit,
            body_required=False,
            forgiving=True,
            example={"campaign": "gm-2018", "region": "E23000005"},
            answers={204: None},
        ),
    )


def page() -> tuple[Operation, ...]:
    """List the page."""
    return (
        Operation(
            name="reach_page",
            method="get",
            path="/reach",
            summary="How many people asked for help: a sentence, a chart and a table",
            tag="pages",
            parameters=(*ASKED, *WORDS),
            answers={200: None},
            refuses=REFUSES,
            page=True,
        ),
    )


def desk() -> tuple[Operation, ...]:
    """List what supervisors see."""
    return (
        desk_operation(
            "desk_figures",
            "get",
            "/v1/desk/figures",
            "queue:supervise",
            "How long people waited and what became of requests, by lane and month, never by person",
            parameters=("FromMonth", "ToMonth"),
            answers={200: DeskFiguresAnswer},
            refuses=RANGED,
        ),
    )
