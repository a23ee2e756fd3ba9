"""The built-in issuer's authorization server, and where the desk's page learns how to sign people in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from chalicelib.adapters.oidc import local_identity
from chalicelib.adapters.oidc_discovery import DiscoveredSignIn, LocalSignIn, NoSignInService
from chalicelib.domain.access import LOCAL_ISSUER, SignInService
from chalicelib.domain.errors import Unavailable
from chalicelib.local.issuer import LocalIssuer
from chalicelib.local.sign_in import AuthorizationServer, challenge_of

if TYPE_CHECKING:
    from pathlib import Path

HERE = "http://127.0.0.1:8000/desk/signed-in"
VERIFIER = "v" * 43
ASKED = {
    "response_type": "code",
    "client_id": "quietline",
    "redirect_uri": HERE,
    "scope": "openid profile",
    "state": "the-state",
    "nonce": "the-nonce",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


class Built:
    """A server with a ticket for alex, and a clock that can be moved."""

    def __init__(self, home: Path) -> None:
        self.now = datetime.now(UTC)
        self.issuer = LocalIssuer(home)
        self.server = AuthorizationServer(self.issuer, redirect_uris=lambda: {HERE}, now=lambda: self.now)
        self.ticket = self.issuer.ticket("practitioner", "alex")

    def ask(self, **changed: str | None):
        """Ask for the page."""
        return self.server.ask({}, urlencode(_without_none({**ASKED, **changed})), b"")

    def grant(self, **changed: str | None):
        """Send the page's form."""
        fields = _without_none({**ASKED, "ticket": self.ticket, **changed})
        return self.server.grant({}, "", urlencode(fields).encode())

    def code(self) -> str:
        """Sign in, and give the code that the browser brings back."""
        return said_in(self.grant())["code"]

    def trade(self, code: str, **changed: str):
        """Trade a code for a token."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": HERE, "client_id": "quietline",
            "code_verifier": VERIFIER, **changed,
        }  # fmt: skip
        return self.server.token({}, "", urlencode(form).encode())


def _without_none(fields: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def said_in(answer) -> dict[str, str]:
    """Read what a redirect says."""
    status, headers, body = answer
    assert (status, body) == (303, b"")
    address = urlsplit(headers["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == HERE
    return {name: values[0] for name, values in parse_qs(address.query).items()}


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Open an issuer."""
    return Built(tmp_path)


def test_a_ticket_becomes_a_code_and_the_code_a_token(built: Built, tmp_path: Path) -> None:
    """The whole flow: a page, a redirect with state and issuer, and a token that the desk believes, with the nonce."""
    status, headers, page = built.ask()
    assert status == 200
    assert b'name="ticket"' in page
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    said = said_in(built.grant())
    assert (said["state"], said["iss"]) == ("the-state", LOCAL_ISSUER)
    status, headers, body = built.trade(said["code"])
    given = json.loads(body)
    assert (status, headers["Cache-Control"], given["token_type"]) == (200, "no-store", "Bearer")
    assert local_identity(tmp_path).person(given["id_token"]).subject == "alex"
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    assert (claims["nonce"], claims["roles"]) == ("the-nonce", ["practitioner"])


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/desk/signed-in",
        f"{HERE}/",
        f"{HERE}?more=1",
        HERE.replace("127.0.0.1", "127.0.0.1.evil.example"),
        HERE.replace("8000", "8001"),
        "",
        None,
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_exactly_ours(built: Built, address: str | None) -> None:
    """A wrong redirect URI gets neither a page nor a redirect, even with a good ticket, which stays good."""
    for status, headers, body in (built.ask(redirect_uri=address), built.grant(redirect_uri=address)):
        assert status == 400
        assert "Location" not in headers
        assert b"evil" not in body
    assert said_in(built.grant())["code"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ],
)
def test_what_the_desk_would_not_ask_is_refused_to_the_desk(
    built: Built, changed: dict[str, str | None], error: str
) -> None:
    """Other flows, and a flow without S256, end at the redirect URI with the state, an error and no code."""
    for answer in (built.ask(**changed), built.grant(**changed)):
        assert said_in(answer) == {"error": error, "state": "the-state", "iss": LOCAL_ISSUER}


def test_another_client_is_refused(built: Built) -> None:
    """There is one client, the desk's page."""
    assert built.ask(client_id="other")[0] == 400


@pytest.mark.parametrize("ticket", ["", "nonsense", "x" * 32, "../../issuer.pem"])
def test_a_wrong_ticket_gets_the_page_again(built: Built, ticket: str) -> None:
    """A wrong ticket leads nowhere; the page says so, and repeats nothing of it."""
    status, _, page = built.grant(ticket=ticket)
    assert status == 401
    assert b"This code is not valid" in page
    assert not ticket or ticket.encode() not in page


def test_a_ticket_signs_in_once(built: Built) -> None:
    """A used ticket is a wrong one."""
    built.code()
    assert built.grant()[0] == 401


def test_what_was_asked_never_becomes_markup(built: Built) -> None:
    """State and nonce are anybody's text: the page keeps them as values."""
    page = built.ask(state='"><script>x</script>', nonce="'<b>")[2]
    assert b"<script>x" not in page
    assert b"<b>" not in page


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": f"{HERE}/"},
        {"client_id": "other"},
        {"code": "another"},
    ],
)
def test_a_code_is_worth_nothing_to_anybody_else(built: Built, changed: dict[str, str]) -> None:
    """Without the verifier, the address and the client that asked there is no token, and the code is used up."""
    code = built.code()
    status, _, body = built.trade(code, **{name: value for name, value in changed.items() if name != "code"})
    if "code" in changed:
        assert built.trade(changed["code"])[0] == 400
        return
    assert (status, json.loads(body)) == (400, {"error": "invalid_grant"})
    assert built.trade(code)[0] == 400


def test_a_code_works_once_and_for_a_minute(built: Built) -> None:
    """A second use, and a late first one, get nothing."""
    code = built.code()
    assert built.trade(code)[0] == 200
    assert built.trade(code)[0] == 400
    built.ticket = built.issuer.ticket("practitioner", "alex")
    late = built.code()
    built.now += timedelta(seconds=60)
    assert built.trade(late)[0] == 400


@pytest.mark.parametrize("body", [b"", b"\xff", b"grant_type=password", b"code=a&code=b", b"x" * 9000])
def test_what_cannot_be_read_is_refused(built: Built, body: bytes) -> None:
    """Odd bodies get an error of the protocol, and nothing of them comes back."""
    status, _, said = built.server.token({}, "", body)
    assert (status, json.loads(said)) == (400, {"error": "unsupported_grant_type"})
    assert built.server.grant({}, "", body)[0] == 400


# ---------------------------------------------------------------- where the page learns it

ISSUER = "https://sign-in.example/tenant"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://sign-in.example/authorize",
    "token_endpoint": "https://sign-in.example/token",
}


class Told:
    """An issuer that answers, or not, at a time that can be moved."""

    def __init__(self, **changed: object) -> None:
        self.document: object = {**DOCUMENT, **changed}
        self.asked: list[str] = []
        self.time = 0.0
        self.sign_in = DiscoveredSignIn(
            ISSUER, client_id="desk", scope="openid", bearer="id_token", fetch=self, clock=lambda: self.time
        )

    def __call__(self, url: str) -> bytes:
        """Answer."""
        self.asked.append(url)
        if self.document is None:
            raise OSError
        return json.dumps(self.document).encode()


def test_an_issuer_is_asked_where_it_signs_in() -> None:
    """The addresses come from the issuer's discovery document, which is read every ten minutes."""
    told = Told()
    assert told.sign_in.service() == SignInService(
        issuer=ISSUER,
        authorization_endpoint="https://sign-in.example/authorize",
        token_endpoint="https://sign-in.example/token",
        client_id="desk",
    )
    told.sign_in.service()
    assert told.asked == [f"{ISSUER}/.well-known/openid-configuration"]
    told.time = 600.0
    told.document = None
    assert told.sign_in.service().client_id == "desk"
    assert len(told.asked) == 2


def test_an_issuer_that_is_down_is_asked_again_soon() -> None:
    """Before the first good answer sign-in is unavailable, and the issuer is asked again after five seconds."""
    told = Told()
    told.document = None
    for _ in range(2):
        with pytest.raises(Unavailable, match="sign-in-unavailable"):
            told.sign_in.service()
    assert len(told.asked) == 1
    told.document, told.time = DOCUMENT, 5.0
    assert told.sign_in.service().issuer == ISSUER


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://namesake.example"},
        {"token_endpoint": "http://sign-in.example/token"},
        {"token_endpoint": "https://sign-in.example/token; script-src *"},
        {"token_endpoint": "https://sign-in.example/token, https://evil.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"token_endpoint": 7},
    ],
)
def test_a_document_that_is_odd_is_not_believed(changed: dict[str, object]) -> None:
    """A namesake, plain http, and an address that would end a policy's directive are no sign-in."""
    with pytest.raises(Unavailable):
        Told(**changed).sign_in.service()


def test_the_built_in_issuer_signs_in_on_this_site_or_nobody_does() -> None:
    """Locally the addresses are ours; where others can reach a server without an issuer there are none."""
    assert LocalSignIn().service().authorization_endpoint == "/desk/issuer/authorize"
    with pytest.raises(Unavailable):
        NoSignInService().service()
