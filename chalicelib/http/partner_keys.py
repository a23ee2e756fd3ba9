"""Partners' keys at the desk: a supervisor issues, lists and revokes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.http import shapes
from chalicelib.http.local_times import instant
from chalicelib.http.reading import json_body
from chalicelib.http.referral_models import PartnerKeySubmission

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.domain.partners import PartnerKey
    from chalicelib.http.access import Access
    from chalicelib.usecases.partnering import Partnering

MANAGE = "partner:manage"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerKeyDesk:
    """Handlers of partners' keys."""

    access: Access
    partnering: Partnering

    def issue(self, http_request: Request) -> Response:
        """Issue a key; it is shown in this answer and never again."""
        person = self.access.person(http_request, MANAGE)
        body = json_body(http_request, PartnerKeySubmission)
        issued = self.partnering.issue(body.partner, by=person.subject)
        return shapes.answer({**_kept(issued.kept), "key": issued.key}, status=201)

    def list(self, http_request: Request) -> Response:
        """List every key, revoked ones included."""
        self.access.person(http_request, MANAGE)
        return shapes.answer({"keys": [_kept(key) for key in self.partnering.every()]})

    def revoke(self, http_request: Request, key_id: str) -> Response:
        """Revoke a key."""
        person = self.access.person(http_request, MANAGE)
        self.partnering.revoke(key_id, by=person.subject)
        return shapes.nothing()


def _kept(key: PartnerKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "partner": key.partner,
        "issued_by": key.issued_by,
        "issued_at": instant(key.issued_at),
        "revoked_by": key.revoked_by,
        "revoked_at": None if key.revoked_at is None else instant(key.revoked_at),
    }
