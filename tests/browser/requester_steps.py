"""What a requester does on the pages, and what the desk does meanwhile: the steps that several tests take."""

from __future__ import annotations

from typing import Any

SLOT = "2026-11-24T18:00Z/2h"
SAFETY = {"voicemail": "never", "caller_id": "withheld", "if_someone_else_answers": "hang-up"}


def submitted(quietline: Any, kind: str = "callback", **changes: Any) -> dict[str, Any]:
    """Have somebody ask by the API, and give the answer: receipt and reference."""
    details: dict[str, Any] = {"concern": "own-behaviour", "message": "What could I read first?"}
    body: dict[str, Any] = {"statement_version": "2026-11", "details": details, "language": "en"}
    if kind == "callback":
        details |= {"phone": "07700 900123", "safety": SAFETY}
        body["slot"] = SLOT
    path = "/v1/callbacks" if kind == "callback" else "/v1/information-requests"
    answer = quietline.ask("POST", path, body | changes)
    assert answer.status == 201, answer.body
    return answer.json()


class Practitioner:
    """Somebody at the desk, who works on one request after the other."""

    def __init__(self, quietline: Any, name: str = "alex") -> None:
        self._quietline = quietline
        self._token = quietline.token("practitioner", name)

    def claim(self, reference: str) -> Any:
        """Take the request of a reference, and give how to do something with it."""
        answer = self._quietline.ask("POST", "/v1/desk/claims", {"reference": reference}, token=self._token)
        assert answer.status == 201, answer.body
        hold = answer.json()["claim"]

        def act(verb: str, **body: Any) -> None:
            path = f"/v1/desk/claims/{hold['request_id']}/{verb}"
            done = self._quietline.ask("POST", path, {"number": hold["number"], **body}, token=self._token)
            assert done.status in (200, 201), done.body

        return act


def receipt_on(page: Any) -> str:
    """Read the receipt off the page, as somebody would copy it down."""
    page.wait_for_selector("#receipt:not(:empty)")
    page.wait_for_load_state()  # the whole of it: without scripts it comes as a page of its own
    return str(page.text_content("#receipt"))


def open_mailbox(page: Any, receipt: str, language: str = "en") -> None:
    """Open the mailbox with a receipt."""
    page.goto(f"/mailbox?lang={language}")
    page.fill("#receipt", receipt)
    page.click("main button[type=submit]")
    page.wait_for_selector("#messages")
    page.wait_for_load_state()
