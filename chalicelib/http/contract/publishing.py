"""The editors' part of the desk."""

from __future__ import annotations

from typing import Any

from chalicelib.http import publishing_models as models
from chalicelib.http.contract.desk import desk_operation
from chalicelib.http.contract.parts import EXAMPLE_SIGNPOST, WRITTEN, Codes, Operation, any_of

SCOPE, TAG = "content:write", "publishing"
ONE = "/v1/desk/content/{kind}/{content_id}"
KNOWN: Codes = {404: ("content-unknown",)}
CONDITIONAL: Codes = {412: ("edited-meanwhile",), 428: ("if-match-missing",)}
CHECKED: Codes = {422: ("invalid",)}
RECORD = {
    "id": EXAMPLE_SIGNPOST,
    "name": {"en": "Childline", "cy": "Childline"},
    "summary": {"en": "Free help for anyone under 19.", "cy": "Cymorth am ddim i unrhyw un dan 19 oed."},
    "url": "https://www.childline.org.uk/",
    "audience": ["young-person"],
    "topics": ["young-people"],
    "regions": ["UK"],
    "languages": ["en", "cy"],
    "anonymous": True,
    "organization": {"name": "NSPCC"},
    "source": "https://www.childline.org.uk/",
    "assured_date": "2026-11-01",
    "review_days": 180,
    "licence": "https://creativecommons.org/licenses/by/4.0/",
}


def _one(name: str, method: str, verb: str, summary: str, **more: Any) -> Operation:  # noqa: ANN401
    parameters = ("ContentKind", "ContentId", *more.pop("parameters", ()))
    refuses = any_of(KNOWN, more.pop("refuses", {}))
    more.setdefault("answers", {200: models.ContentAnswer})
    return desk_operation(
        name, method, f"{ONE}{verb}", SCOPE, summary, tag=TAG, parameters=parameters, refuses=refuses, **more
    )


def _write(name: str, method: str, verb: str, summary: str, **more: Any) -> Operation:  # noqa: ANN401
    refuses = any_of(CONDITIONAL, WRITTEN if "body" in more else {}, more.pop("refuses", {}))
    parameters = ("IfMatch", *more.pop("parameters", ()))
    return _one(name, method, verb, summary, parameters=parameters, refuses=refuses, **more)


def publishing() -> tuple[Operation, ...]:
    """List what editors do."""
    return (
        desk_operation(
            "list_content_kinds",
            "get",
            "/v1/desk/content",
            SCOPE,
            "The kinds of record that editors write",
            tag=TAG,
            answers={200: models.ContentKindsAnswer},
        ),
        desk_operation(
            "list_content",
            "get",
            "/v1/desk/content/{kind}",
            SCOPE,
            "Every record of a kind: what is out, drafts, and what is overdue for review",
            tag=TAG,
            parameters=("ContentKind",),
            answers={200: models.ContentListAnswer},
            refuses=KNOWN,
        ),
        _one("get_content", "get", "", "A record, with the ETag that a write must name"),
        _write(
            "draft_content",
            "put",
            "",
            "Keep a draft, of a record that is there or of a new one; readers see nothing of it",
            body=models.ContentSubmission,
            example={"record": RECORD},
            parameters=("IfNoneMatchAny",),
        ),
        _write(
            "discard_draft",
            "delete",
            "/draft",
            "Throw the draft away",
            answers={204: None},
            refuses={409: ("no-draft",)},
        ),
        _one(
            "preview_content",
            "get",
            "/preview",
            "The draft as readers will see it, in both languages",
            answers={200: models.PreviewAnswer},
            refuses=CHECKED,
        ),
        _one("content_history", "get", "/history", "What was published", answers={200: models.HistoryAnswer}),
        _write(
            "publish_content",
            "post",
            "/publish",
            "Publish the draft",
            refuses=any_of(CHECKED, {409: ("no-draft",)}),
        ),
        _write(
            "roll_back_content",
            "post",
            "/roll-back",
            "Publish an earlier version again",
            body=models.RollBackSubmission,
            example={"revision": 0},
            refuses={409: ("version-unknown",)},
        ),
        _write(
            "take_down_content",
            "post",
            "/take-down",
            "Publish that what a record offers has ended; it stays in the directory as such",
            body=models.TakeDownSubmission,
            example={"status": "defunct"},
            refuses={409: ("cannot-be-taken-down",)},
        ),
    )
