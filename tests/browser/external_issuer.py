"""
Somebody else's sign-in service, as a helpline may have one: discovery, authorization code with PKCE, JWKS, CORS.

Written apart from the built-in issuer and from the page, so that neither can make the other's mistake. It isolates its
own pages as strictly as a service may (`Cross-Origin-Opener-Policy: same-origin`), which cuts a window off from its
opener.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT = "desk-page"
SETTINGS = {
    "QUIETLINE_OIDC_AUDIENCE": CLIENT,
    "QUIETLINE_OIDC_ALGORITHM": "ES256",
    "QUIETLINE_OIDC_ROLES_CLAIM": "realm_access.roles",
    "QUIETLINE_OIDC_SCOPE": "openid profile",
}


class Issuer:
    """One running service; *redirect_uri* is the only address that it sends a code to."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.redirect_uri = ""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.codes: dict[str, dict[str, str]] = {}
        self.nonce_instead: str | None = None
        self.down = False

    def discovery(self) -> dict[str, object]:
        """Say where everything is."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token?tenant=helpline",
            "jwks_uri": f"{self.url}/keys",
        }

    def keys(self) -> dict[str, object]:
        """Publish the key."""
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "alg": "ES256", "use": "sig"}]}

    def trade(self, form: dict[str, str]) -> dict[str, object] | None:
        """Trade a code for tokens, once, with its verifier."""
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "0f3c-alex", "name": "Alex Morgan", "iat": now, "exp": now + 600,
            "nonce": self.nonce_instead or asked["nonce"], "realm_access": {"roles": ["practitioner", "other-house"]},
        }  # fmt: skip
        token = jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": "one"})
        return {"id_token": token, "access_token": "opaque", "token_type": "Bearer", "expires_in": 600}


@contextlib.contextmanager
def running_issuer():
    """Run a service until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            if issuer.down:
                self.send_error(503)
            elif address.path == "/.well-known/openid-configuration":
                self.answer(issuer.discovery())
            elif address.path == "/keys":
                self.answer(issuer.keys())
            elif address.path == "/authorize":
                assert asked["redirect_uri"] == issuer.redirect_uri
                assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (
                    CLIENT,
                    "code",
                    "S256",
                )
                assert asked["scope"] == "openid profile"
                code = secrets.token_urlsafe(20)
                issuer.codes[code] = asked
                yes, no = ({"code": code}, {"error": "access_denied"})
                back = {
                    name: f"{issuer.redirect_uri}?{urlencode({**said, 'state': asked['state']})}"
                    for name, said in (("yes", yes), ("no", no))
                }
                links = "".join(f'<p><a id="{name}" href="{there}">{name}</a>' for name, there in back.items())
                self.answer(f"<!doctype html><title>Sign in</title>{links}".encode(), "text/html")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            assert self.path == "/token?tenant=helpline"
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            assert form["client_id"] == CLIENT
            given = issuer.trade(form)
            self.answer(given or {"error": "invalid_grant"}, status=200 if given else 400)

        def answer(self, body: object, media: str = "application/json", status: int = 200) -> None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
