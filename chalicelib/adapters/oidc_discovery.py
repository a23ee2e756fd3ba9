"""Where the desk's page begins to sign people in: by the issuer's own discovery document, or at the built-in one."""

from __future__ import annotations

import json
import re
import threading
import time
from http.client import HTTPException
from typing import TYPE_CHECKING

from chalicelib.adapters.oidc import FIRST_RETRY_SECONDS, KEYS_SECONDS, fetch_document, is_trusted
from chalicelib.domain.access import LOCAL_AUDIENCE, LOCAL_AUTHORIZE, LOCAL_ISSUER, LOCAL_TOKEN, SignInService
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

# An address that is put into a policy and a page: nothing in it may end a directive or an attribute.
_PLAIN = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&()*+=%-]+")


class LocalSignIn:
    """The built-in issuer, which `make run` serves beside the desk; a `SignIn`."""

    def service(self) -> SignInService:
        """Say where the built-in issuer is."""
        return SignInService(
            issuer=LOCAL_ISSUER,
            authorization_endpoint=LOCAL_AUTHORIZE,
            token_endpoint=LOCAL_TOKEN,
            client_id=LOCAL_AUDIENCE,
        )


class NoSignInService:
    """Nobody: others can reach this server, and no issuer has been set; a `SignIn`."""

    def service(self) -> SignInService:
        """
        Refuse.

        Raises:
            Unavailable: `sign-in-unavailable`, always.
        """
        raise Unavailable("sign-in-unavailable")


class DiscoveredSignIn:
    """
    An issuer with a discovery document (OpenID Connect Discovery 1.0): Cognito, Entra ID, Keycloak; a `SignIn`.

    The document is asked for every ten minutes, and the last good one goes on while the issuer is down.
    """

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        scope: str,
        bearer: str,
        fetch: Callable[[str], bytes] = fetch_document,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._scope = scope
        self._bearer = bearer
        self._fetch = fetch
        self._clock = clock
        self._asking = threading.Lock()
        self._known: SignInService | None = None
        self._ask_again_at = float("-inf")

    def service(self) -> SignInService:
        """
        Say where the issuer signs people in.

        Raises:
            Unavailable: `sign-in-unavailable`, it has not told us yet, or does not speak authorization code.
        """
        with self._asking:
            if self._clock() >= self._ask_again_at:
                found = self._discover()
                self._known = found or self._known
                self._ask_again_at = self._clock() + (KEYS_SECONDS if found else FIRST_RETRY_SECONDS)
            if self._known is None:
                raise Unavailable("sign-in-unavailable")
            return self._known

    def _discover(self) -> SignInService | None:
        try:
            document = json.loads(self._fetch(self._issuer.rstrip("/") + "/.well-known/openid-configuration"))
            # Discovery 4.3: it must name itself as we were told to, or somebody else could be signing people in.
            if not isinstance(document, dict) or document.get("issuer") != self._issuer:
                return None
            authorization, token = (_address(document.get(f"{name}_endpoint")) for name in ("authorization", "token"))
        except (OSError, HTTPException, ValueError, RecursionError):
            return None
        return SignInService(
            issuer=self._issuer,
            authorization_endpoint=authorization,
            token_endpoint=token,
            client_id=self._client_id,
            scope=self._scope,
            bearer=self._bearer,
        )


def _address(said: object) -> str:
    if not isinstance(said, str) or not _PLAIN.fullmatch(said) or not is_trusted(said):
        raise ValueError
    return said
