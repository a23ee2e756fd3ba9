"""The door of the desk: a bearer token in, a person who may pass out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.access import require
from chalicelib.domain.errors import Unauthenticated

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.domain.access import Person
    from chalicelib.ports import Identity


class Access:
    """Asks everybody at the desk who they are, and whether this is theirs to do."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def anybody(self, http_request: Request) -> Person:
        """
        Recognise the person behind a request, whatever they may do.

        Raises:
            Unauthenticated: `token-missing`, `token-invalid` or `token-expired`.
            Unavailable: `sign-in-unavailable`.
        """
        return self._identity.person(bearer(http_request))

    def person(self, http_request: Request, scope: str) -> Person:
        """
        Recognise the person behind a request and make sure that *scope* is theirs.

        Raises:
            Unauthenticated: `token-missing`, `token-invalid` or `token-expired`.
            Forbidden: `scope-missing`.
            Unavailable: `sign-in-unavailable`.
        """
        person = self.anybody(http_request)
        require(person, scope)
        return person


def bearer(http_request: Request) -> str:
    """
    Read the one bearer token of a request, still unverified.

    Two `Authorization` headers are refused even if one of them is good: what stands between us and the client
    may have checked the other one.

    Raises:
        Unauthenticated: `token-missing`, there is none, or a credential of another kind; `token-invalid`,
            more than one, or something that no token looks like.
    """
    every = http_request.to_original_event().get("multiValueHeaders") or {}
    if sum(len(values) for name, values in every.items() if name.lower() == "authorization") > 1:
        raise Unauthenticated("token-invalid")
    scheme, _, token = (http_request.headers.get("authorization") or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("token-missing")
    if "," in token or " " in token:
        raise Unauthenticated("token-invalid")
    return token
