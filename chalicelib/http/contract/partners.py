"""What partners may send by key, and how supervisors look after the keys."""

from __future__ import annotations

from chalicelib.http import answer_models, referral_models
from chalicelib.http.contract.desk import desk_operation
from chalicelib.http.contract.parts import (
    EXAMPLE_SLOT,
    EXAMPLE_STATEMENT,
    FILTERED,
    PARTNER,
    REPEATABLE,
    STORED,
    WORDS,
    WRITTEN,
    Codes,
    Operation,
    any_of,
)

_REFERRAL = {
    "consent": {"version": EXAMPLE_STATEMENT, "language": "en", "how": "in-person", "given_on": "2026-11-24"},
    "details": {
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "name": "Sam",
        "safety": {"voicemail": "never", "code_word": "bluebell"},
        "referrer": {"name": "Robin", "role": "GP", "contact": "01632 960123"},
    },
    "slot": EXAMPLE_SLOT,
    "language": "en",
}
OF_PARTNER: Codes = any_of(STORED, {401: ("partner-key",)})


def referrals() -> tuple[Operation, ...]:
    """List what a partner asks, and what anybody may read before."""
    return (
        Operation(
            name="consent",
            method="get",
            path="/v1/consent",
            summary="What somebody agrees to before a partner refers them, in force now",
            tag="helpline",
            parameters=("Language", *WORDS),
            answers={200: answer_models.StatementAnswer},
            refuses=FILTERED,
        ),
        Operation(
            name="refer",
            method="post",
            path="/v1/referrals",
            summary="Refer somebody with their consent: they are rung, and nobody is given a receipt",
            tag="partners",
            caller=PARTNER,
            parameters=("IdempotencyKey", *WORDS),
            body=referral_models.ReferralSubmission,
            sealed_body=referral_models.SealedReferral,
            example=_REFERRAL,
            answers={201: answer_models.ReferralAnswer},
            refuses=any_of(
                OF_PARTNER,
                WRITTEN,
                REPEATABLE,
                {
                    409: (
                        "also-earlier",
                        "consent-outdated",
                        "consent-to-come",
                        "expires-first",
                        "impossible-phone",
                        "key-reused",
                        "keys-outdated",
                        "not-padded",
                        "slot-closed",
                        "slot-full",
                    ),
                    429: ("referrals-full",),
                    503: ("references",),
                },
            ),
        ),
        Operation(
            name="referral_status",
            method="get",
            path="/v1/referrals/{referral_id}",
            summary="Whether a referral of one's own is closed; one that is stored late is not known for a while",
            tag="partners",
            caller=PARTNER,
            parameters=("ReferralId", *WORDS),
            answers={200: answer_models.ReferralAnswer},
            refuses=any_of(OF_PARTNER, {404: ("referral-unknown",)}),
        ),
    )


def keys() -> tuple[Operation, ...]:
    """List what a supervisor does with partners' keys."""
    return (
        desk_operation(
            "issue_partner_key",
            "post",
            "/v1/desk/partners",
            "partner:manage",
            "Issue a key to a partner; it is shown this once",
            body=referral_models.PartnerKeySubmission,
            example={"partner": "north-hub"},
            answers={201: answer_models.IssuedKeyAnswer},
            refuses=any_of(WRITTEN, {409: ("key-id-taken",)}),
        ),
        desk_operation(
            "list_partner_keys",
            "get",
            "/v1/desk/partners",
            "partner:manage",
            "Every key there ever was, without the keys themselves",
            answers={200: answer_models.PartnerKeysAnswer},
        ),
        desk_operation(
            "revoke_partner_key",
            "delete",
            "/v1/desk/partners/{key_id}",
            "partner:manage",
            "Revoke a key, at once and for good",
            parameters=("KeyId",),
            answers={204: None},
            refuses={404: ("partner-key-unknown",)},
        ),
    )
