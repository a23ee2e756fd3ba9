"""What a partner may send, and a supervisor about partners' keys."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chalicelib.domain.partners import PARTNER
from chalicelib.domain.requests import Kind
from chalicelib.http.models import (
    NOT_BLANK,
    CallbackDetails,
    LanguageTag,
    Sealed,
    Short,
    SlotId,
    Wire,
    checked_as,
    checked_details,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PartnerName = Annotated[str, StringConstraints(pattern=f"^{PARTNER}$", max_length=32)]


class Consent(Wire):
    """That the person agreed to be referred: to which version of `GET /v1/consent`, in which language, how and when."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    language: Literal["en", "cy"]
    how: Literal["in-person", "by-phone", "by-video", "in-writing"]
    given_on: date


class Referrer(Wire):
    """The professional, for the practitioner who has a question; nobody answers to them in writing."""

    name: Short
    role: Short | None = None
    contact: (
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, min_length=1, max_length=254),
            Field(json_schema_extra=NOT_BLANK),
        ]
        | None
    ) = None


class ReferralDetails(CallbackDetails):
    """What is sealed of a referral: all of it about the person to be rung, but *referrer*."""

    referrer: Referrer | None = None


class _Referral(Wire):
    consent: Consent
    slot: SlotId | None = None
    also: Annotated[list[SlotId], Field(max_length=3, default_factory=list)]
    language: LanguageTag = "en"


class ReferralSubmission(_Referral):
    """Body of `POST /v1/referrals`; *language*, *slot* and *also* are the referred person's."""

    details: ReferralDetails


class SealedReferral(_Referral):
    """Body of `POST /v1/referrals` from a partner that sealed it: `{details}`, of the kind `referral`."""

    sealed: Sealed


class PartnerKeySubmission(Wire):
    """Body of `POST /v1/desk/partners`: to whom a key is issued."""

    partner: PartnerName


def checked(kind: str, details: Mapping[str, Any]) -> dict[str, Any] | None:
    """Check the details of any kind, now that the desk has opened them; None says that they do not validate."""
    return checked_as(ReferralDetails, details) if kind == Kind.REFERRAL else checked_details(kind, details)
