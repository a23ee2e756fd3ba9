"""What a partner may do: send a referral, and learn whether it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Conflict, Unauthenticated
from chalicelib.domain.partners import Referral
from chalicelib.domain.requests import Kind
from chalicelib.http import shapes
from chalicelib.http.access import bearer
from chalicelib.http.public import asked_language, cached_for_all, idempotency_key, statement_answer
from chalicelib.http.reading import json_body, language_of
from chalicelib.http.referral_models import ReferralSubmission, SealedReferral
from chalicelib.usecases.intake import Submission
from chalicelib.usecases.partnering import shown_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Request, Response

    from chalicelib.domain.partners import Consents, PartnerKey
    from chalicelib.domain.requests import ContactRequest
    from chalicelib.usecases.partnering import Partnering, Referring


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrals:
    """Handlers for partners; whoever shows no living key learns nothing, not even whether a body was well formed."""

    partnering: Partnering
    referring: Referring
    consents: Callable[[], Consents]

    def consent(self, http_request: Request) -> Response:
        """Show what somebody agrees to before they are referred."""
        language = asked_language(http_request)
        return shapes.answer(statement_answer(self.consents().in_force, language), headers=cached_for_all(language))

    def submit(self, http_request: Request) -> Response:
        """Accept a referral."""
        key = self._key(http_request)
        idempotency = idempotency_key(http_request)
        body = json_body(http_request, ReferralSubmission, sealed=SealedReferral)
        consent = body.consent
        words: dict[str, Any] = (
            {"envelope": body.sealed.envelope()}
            if isinstance(body, SealedReferral)
            else {"details": body.details.model_dump(exclude_none=True)}
        )
        submission = Submission(
            kind=Kind.REFERRAL,
            statement_version=consent.version,
            body=f"{Kind.REFERRAL.value}\n{key.partner}\n{body.model_dump_json()}".encode(),
            language=body.language,
            slot=body.slot,
            also=body.also,
            idempotency_key=idempotency,
            referral=Referral(
                key_id=key.key_id,
                consent_version=consent.version,
                consent_language=consent.language,
                how=consent.how,
                given_on=consent.given_on,
            ),
            **words,
        )
        try:
            request = self.referring.refer(submission)
        except Conflict as conflict:
            if conflict.code != "consent-outdated":
                raise
            extra = {"statement": statement_answer(self.consents().in_force, language_of(http_request))}
            raise Conflict(conflict.code, pointer=conflict.pointer, extra=extra) from None
        return shapes.answer(_answer(request), status=201)

    def status(self, http_request: Request, referral_id: str) -> Response:
        """Tell the partner who sent it whether a referral is closed."""
        key = self._key(http_request)
        return shapes.answer(_answer(self.referring.find(key.partner, referral_id)))

    def _key(self, http_request: Request) -> PartnerKey:
        try:
            key = bearer(http_request)
        except Unauthenticated:
            key = ""
        return self.partnering.recognise(key)


def _answer(request: ContactRequest) -> dict[str, str]:
    return {"id": request.request_id, "status": shown_status(request)}
