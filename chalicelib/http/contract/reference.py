"""For those who build on it: the widget, and the pages about the API."""

from __future__ import annotations

from chalicelib.http.contract.parts import SCRIPT, Operation


def reference() -> tuple[Operation, ...]:
    """List what a partner's web editor and a developer come for."""
    return (
        Operation(
            name="widget",
            method="get",
            path="/widget/{name}",
            summary="The script that shows on a partner's page where to get help; a version never changes",
            tag="widget",
            parameters=("WidgetScript",),
            answers={200: None},
            refuses={404: ("not-found",)},
            media=SCRIPT,
        ),
        Operation(
            name="docs_page",
            method="get",
            path="/docs",
            summary="About this API, for people",
            tag="pages",
            answers={200: None},
            page=True,
        ),
        Operation(
            name="docs_topic_page",
            method="get",
            path="/docs/{topic}",
            summary="One part of this API, with examples to copy",
            tag="pages",
            parameters=("DocsTopic",),
            answers={200: None},
            refuses={404: ("not-found",)},
            page=True,
        ),
    )
