"""The pages for people."""

from __future__ import annotations

from chalicelib.http.contract.parts import FILTERED, PLAIN, SCRIPT, STORED, WORDS, WRITING, XML, Operation, any_of
from chalicelib.http.contract.requester import mailbox_form


def pages() -> tuple[Operation, ...]:
    """List the pages."""
    return (
        Operation(
            name="landing_page",
            method="get",
            path="/",
            summary="The first page",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        Operation(
            name="help_page",
            method="get",
            path="/help/{audience}",
            summary="What there is for one audience, with schema.org's JSON-LD in it",
            tag="pages",
            parameters=("AudienceName", *WORDS),
            answers={200: None},
            refuses=any_of(STORED, {404: ("audience-unknown",)}),
            page=True,
        ),
        Operation(
            name="sitemap",
            method="get",
            path="/sitemap.xml",
            summary="The pages that search engines may list",
            tag="pages",
            answers={200: None},
            media=XML,
        ),
        Operation(
            name="robots",
            method="get",
            path="/robots.txt",
            summary="Where search engines may not go",
            tag="pages",
            answers={200: None},
            media=PLAIN,
        ),
        Operation(
            name="request_page",
            method="get",
            path="/request",
            summary="The form, working without JavaScript",
            tag="pages",
            parameters=("Kind", "Campaign", *WORDS),
            answers={200: None},
            refuses=any_of(STORED, FILTERED),
            page=True,
        ),
        Operation(
            name="privacy_page",
            method="get",
            path="/privacy",
            summary="What is kept and what is not, in plain words",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        Operation(
            name="asset",
            method="get",
            path="/assets/{name}",
            summary="A script of the pages: it seals in the browser",
            tag="pages",
            parameters=("Script",),
            answers={200: None},
            refuses={404: ("not-found",)},
            media=SCRIPT,
        ),
        Operation(
            name="mailbox_page",
            method="get",
            path="/mailbox",
            summary="The page that asks for the receipt",
            tag="pages",
            parameters=WORDS,
            answers={200: None},
            refuses=STORED,
            page=True,
        ),
        Operation(
            name="use_mailbox_page",
            method="post",
            path="/mailbox",
            summary="The mailbox without JavaScript: read, write, choose a slot, withdraw",
            tag="pages",
            parameters=WORDS,
            form=mailbox_form(),
            answers={200: None, 201: None},
            refuses=any_of(
                STORED,
                {
                    400: ("unreadable-body", "unreadable-form"),
                    404: ("receipt-unknown",),
                    409: (*WRITING, "not-a-callback", "slot-closed", "slot-full"),
                    413: ("too-large",),
                    415: ("media-type",),
                    422: ("invalid",),
                },
            ),
            page=True,
        ),
    )
