"""Which bearer tokens are believed, and where the keys to check them come from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.adapters.oidc import (
    REMEMBER_TOKENS,
    TOKEN_LIMIT,
    FileKeySource,
    NoSignIn,
    OidcIdentity,
    UrlKeySource,
    fetch_document,
)
from chalicelib.domain.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUER = "https://sign-in.example"
DISCOVERY = ISSUER + "/.well-known/openid-configuration"
JWKS = ISSUER + "/keys"


@cache
def private_key(name: str) -> ec.EllipticCurvePrivateKey:
    """Make one key for each name."""
    del name
    return ec.generate_private_key(ec.SECP256R1())


def jwk(kid: str, **also: object) -> dict[str, Any]:
    """Publish the key *kid*."""
    published = jwt.algorithms.ECAlgorithm.to_jwk(private_key(kid).public_key(), as_dict=True)
    return {**published, "kid": kid, **also}


def key_set(*kids: str) -> bytes:
    """Publish keys."""
    return json.dumps({"keys": [jwk(kid) for kid in kids]}).encode()


def claims(**changed: object) -> dict[str, object]:
    """Say that alex is a practitioner, for an hour; None takes a claim away."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": "quietline",
        "sub": "alex",
        "roles": ["practitioner"],
        "iat": now,
        "exp": now + 3600,
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def segment(value: object) -> str:
    """Encode one part of a token by hand."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object = None, *, kid: str = "one", **changed: Any) -> str:
    """Sign with the key *kid*, by hand, so that nothing is too wrong to be signed."""
    text = f"{segment(header or {'alg': 'ES256', 'kid': kid})}.{segment(claims(**changed))}"
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(text.encode(), private_key(kid))
    return f"{text}.{segment(signature)}"


class Keys:
    """A `KeySource` with given keys; counts how often it is asked."""

    def __init__(self, *jwks: dict[str, Any]) -> None:
        """Hold *jwks*."""
        self.jwks = {key["kid"]: key for key in jwks}
        self.asked = 0

    def key(self, kid: str) -> dict[str, Any] | None:
        """Give the key *kid*."""
        self.asked += 1
        return self.jwks.get(kid)


def identity(*jwks: dict[str, Any], **settings: Any) -> OidcIdentity:
    """Trust *jwks*, or the key `one`."""
    keys = Keys(*(jwks or (jwk("one"),)))
    facts = {"keys": keys, "issuer": ISSUER, "audience": "quietline", "algorithm": "ES256"}
    return OidcIdentity(**{**facts, **settings})


def refusal(token: str, who: OidcIdentity | NoSignIn | None = None) -> str:
    """Give the code with which *token* is refused."""
    with pytest.raises(Unauthenticated) as refused:
        (who or identity()).person(token)
    assert str(refused.value) == refused.value.code
    assert refused.value.__cause__ is None
    return refused.value.code


def test_good_token_is_recognised() -> None:
    """A token with everything in order says who somebody is and what they may do."""
    person = identity().person(signed())
    assert (person.subject, person.roles) == ("alex", ("practitioner",))
    assert person.scopes == {"queue:read", "queue:claim"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("roles", ["auditor", "unknown", 7]),
        ("roles", "auditor"),
        ("cognito:groups", ["auditor"]),
        ("https://sign-in.example/roles", ["auditor"]),
    ],
)
def test_roles_come_from_the_claim_in_the_settings(name: str, said: object) -> None:
    """The issuer's own name for roles is a setting, and whatever is not a known role is passed over."""
    token = signed(**dict[str, Any]({"roles": None, name: said}))
    assert identity(roles_claim=name).person(token).roles == ("auditor",)


def test_roles_may_lie_inside_another_claim() -> None:
    """Keycloak's own place for roles can be named with a dot."""
    token = signed(roles=None, realm_access={"roles": ["host"]})
    assert identity(roles_claim="realm_access.roles").person(token).roles == ("host",)


@pytest.mark.parametrize("said", [None, {}, {"practitioner": True}, [["practitioner"]], 7, "", "partner"])
def test_without_known_roles_nothing_is_allowed(said: object) -> None:
    """A token with no roles, or with roles in no known shape, is somebody who may do nothing."""
    assert identity().person(signed(roles=said)).scopes == frozenset()


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "sub"])
def test_each_claim_is_required(claim: str) -> None:
    """A token that leaves out any of the five claims is refused."""
    assert refusal(signed(**dict[str, Any]({claim: None}))) == "token-invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": {"quietline": True}},
        {"aud": []},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "x" * 129},
        {"sub": 7},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"iat": "17"},
        {"iat": True},
        {"exp": "99999999999"},
        {"exp": float("inf")},
        {"exp": [99999999999]},
    ],
)
def test_wrong_claims_are_refused(wrong: dict[str, Any]) -> None:
    """A token for somebody else, by somebody else, not yet valid or of odd types is refused."""
    assert refusal(signed(**wrong)) == "token-invalid"


def test_one_audience_of_several_will_do() -> None:
    """A token may be for other services too, as long as it is for us."""
    assert identity().person(signed(aud=["other", "quietline"])).subject == "alex"


def test_expired_token_says_so() -> None:
    """A token past its time is told apart, so that the desk can ask to sign in again."""
    assert refusal(signed(exp=int(time.time()) - 61)) == "token-expired"


def test_clocks_may_differ_a_little() -> None:
    """An issuer's clock up to a minute away from ours locks nobody out."""
    now = int(time.time())
    assert identity().person(signed(exp=now - 30)).subject == "alex"
    assert identity().person(signed(iat=now + 30)).subject == "alex"


def test_expiry_is_not_told_of_a_forged_token() -> None:
    """Whether a token has expired is said only of one that was really issued."""
    assert refusal(signed(kid="two", header={"alg": "ES256", "kid": "one"}, exp=1)) == "token-invalid"


@pytest.mark.parametrize("algorithm", ["none", "None", "", None, "HS256", "RS256", "ES384", ["ES256"]])
def test_another_algorithm_is_refused_before_a_key_is_asked_for(algorithm: object) -> None:
    """The token does not choose how it is checked."""
    keys = Keys(jwk("one"))
    assert refusal(signed({"alg": algorithm, "kid": "one"}), identity(keys=keys)) == "token-invalid"
    assert keys.asked == 0


def test_unsigned_token_is_refused() -> None:
    """The algorithm `none` with an empty signature is nobody's word."""
    assert refusal(f"{segment({'alg': 'none', 'kid': 'one'})}.{segment(claims())}.") == "token-invalid"
    assert refusal(f"{segment({'alg': 'ES256', 'kid': 'one'})}.{segment(claims())}.") == "token-invalid"


@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_public_key_is_no_shared_secret(form: str) -> None:
    """HS256 with the public key as its secret, which anybody can make, is refused."""
    public = private_key("one").public_key()
    secret = (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if form == "pem"
        else json.dumps(jwk("one")).encode()
    )
    text = f"{segment({'alg': 'HS256', 'kid': 'one'})}.{segment(claims())}"
    token = f"{text}.{segment(hmac.digest(secret, text.encode(), hashlib.sha256))}"
    assert refusal(token) == "token-invalid"


def test_shared_secret_in_the_key_set_is_no_key() -> None:
    """A symmetric key in the issuer's set verifies nothing."""
    assert refusal(signed(), identity({"kty": "oct", "k": "c2VjcmV0", "kid": "one"})) == "token-invalid"


def test_rsa_works_and_short_keys_do_not() -> None:
    """RS256 is supported; a key shorter than 2048 bits is refused."""
    for size, accepted in ((2048, True), (1024, False)):
        key = rsa.generate_private_key(public_exponent=65537, key_size=size)
        published = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "rsa"}
        who = identity(published, algorithm="RS256")
        text = f"{segment({'alg': 'RS256', 'kid': 'rsa'})}.{segment(claims())}"
        signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(text.encode(), key)
        token = f"{text}.{segment(signature)}"
        if accepted:
            assert who.person(token).subject == "alex"
        else:
            assert refusal(token, who) == "token-invalid"


@pytest.mark.parametrize(
    "odd",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": 7},
        {"alg": "ES384"},
        {"crv": "P-384"},
        {"x": "AA"},
        {"x": 7},
        {"kty": ["EC"]},
    ],
)
def test_keys_for_other_ends_verify_nothing(odd: dict[str, object]) -> None:
    """A key for encryption, for another algorithm, broken or with its private half is not used."""
    assert refusal(signed(), identity(jwk("one", **odd))) == "token-invalid"


def test_published_private_key_verifies_nothing() -> None:
    """A key whose private half stands in the public set could be anybody's, so nobody is believed by it."""
    both = {**jwt.algorithms.ECAlgorithm.to_jwk(private_key("one"), as_dict=True), "kid": "one"}
    assert refusal(signed(), identity(both)) == "token-invalid"


def test_unknown_key_is_refused() -> None:
    """A token signed with a key that the issuer does not publish is refused."""
    assert refusal(signed(kid="two")) == "token-invalid"
    assert refusal(signed({"alg": "ES256"})) == "token-invalid"
    assert refusal(signed({"alg": "ES256", "kid": 1})) == "token-invalid"


def test_key_in_the_token_itself_is_ignored() -> None:
    """A token cannot bring its own key, nor say where to fetch one."""
    header = {"alg": "ES256", "kid": "one", "jwk": jwk("two"), "jku": "https://other.example/keys"}
    assert refusal(signed(header, kid="two")) == "token-invalid"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_tampering_is_noticed(part: int) -> None:
    """A change of any part of a token breaks it."""
    parts = signed().split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert refusal(".".join(parts)) == "token-invalid"
    forged = [*signed().split(".")[:1], segment(claims(roles=["supervisor"])), signed().split(".")[2]]
    assert refusal(".".join(forged)) == "token-invalid"


@pytest.mark.parametrize(
    "token",
    [".", "..", "...", "a.b.c", "qlp_partner_abc", "e30.e30.e30", "é.é.é", "\0", "W10.W10.AA", "[" * 5000],
)
def test_rubbish_is_refused(token: str) -> None:
    """What is no token at all is refused like a bad one."""
    assert refusal(token) == "token-invalid"


def test_huge_tokens_are_refused_unread() -> None:
    """A token over the limit is refused although it would verify; one just below is read."""
    token = signed(padding="x" * 5000)
    assert len(token) <= TOKEN_LIMIT
    assert identity().person(token).subject == "alex"
    assert refusal(signed(padding="x" * 8000)) == "token-invalid"


def test_no_token_is_missing() -> None:
    """An empty token is a missing one."""
    assert refusal("") == "token-missing"


def test_without_an_issuer_nobody_is_recognised() -> None:
    """A desk with no issuer believes no token at all, and says that sign-in is what is missing."""
    assert refusal("", NoSignIn()) == "token-missing"
    with pytest.raises(Unavailable) as refused:
        NoSignIn().person(signed())
    assert refused.value.code == "sign-in-unavailable"


def test_good_token_is_remembered_for_a_minute() -> None:
    """Within a minute a known token costs no signature; after that it is verified again."""
    now = time.time()
    keys = Keys(jwk("one"))
    who = identity(keys=keys, clock=lambda: now)
    token = signed()
    who.person(token)
    now += 59
    who.person(token)
    assert keys.asked == 1
    now += 1
    keys.jwks.clear()
    assert refusal(token, who) == "token-invalid"


def test_memory_ends_with_the_token() -> None:
    """A remembered token is not believed past its own time."""
    now = time.time()
    keys = Keys(jwk("one"))
    who = identity(keys=keys, clock=lambda: now)
    token = signed(exp=int(now) + 10)
    who.person(token)
    now += 11
    who.person(token)  # within the leeway of the real clock, but verified anew
    assert keys.asked == 2


def test_memory_is_bounded() -> None:
    """However many tokens come, only so many are remembered: the ones used last."""
    keys = Keys(jwk("one"))
    who = identity(keys=keys)
    tokens = [signed(sub=f"p{number}") for number in range(REMEMBER_TOKENS + 1)]
    for token in tokens:
        who.person(token)
    assert keys.asked == len(tokens)
    who.person(tokens[-1])
    assert keys.asked == len(tokens)
    who.person(tokens[0])
    assert keys.asked == len(tokens) + 1


def test_refused_tokens_are_not_remembered_as_good() -> None:
    """A refused token is refused again."""
    who = identity()
    token = signed(aud="other")
    assert refusal(token, who) == refusal(token, who) == "token-invalid"


def test_file_of_keys_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A new key set on disk is used at once, and a withdrawn key no more."""
    path = tmp_path / "keys.json"
    path.write_bytes(key_set("one"))
    source = FileKeySource(path)
    assert source.key("one") == jwk("one")
    path.with_suffix(".new").write_bytes(key_set("two"))
    path.with_suffix(".new").replace(path)
    assert source.key("one") is None
    assert source.key("two") == jwk("two")


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{}", b"[]", b'{"keys": []}', b'{"keys": 1}', b'{"keys": [1, {"kid": 1}]}', b"\xff"],
)
def test_no_keys_on_disk_means_no_sign_in(tmp_path: Path, content: bytes | None) -> None:
    """Without a readable key set nobody is blamed for a bad token: sign-in is what is down."""
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unavailable) as refused:
        identity(keys=FileKeySource(path)).person(signed())
    assert refused.value.code == "sign-in-unavailable"


class Issuer:
    """An issuer's two documents, a clock, and a switch that takes it down."""

    def __init__(self, *kids: str) -> None:
        """Publish *kids*."""
        self.now = 1000.0
        self.down = False
        self.fetched: list[str] = []
        self.discovery: object = {"issuer": ISSUER, "jwks_uri": JWKS}
        self.published = key_set(*kids)

    def fetch(self, url: str) -> bytes:
        """Answer like the issuer would."""
        self.fetched.append(url)
        if self.down:
            raise TimeoutError
        return {DISCOVERY: json.dumps(self.discovery).encode(), JWKS: self.published}[url]

    def source(self, issuer: str = ISSUER) -> UrlKeySource:
        """Give a source that asks this issuer."""
        return UrlKeySource(issuer, fetch=self.fetch, clock=lambda: self.now)


def test_keys_are_discovered_and_kept_for_ten_minutes() -> None:
    """An issuer is asked once, and again after ten minutes."""
    issuer = Issuer("one")
    source = issuer.source()
    assert source.key("one") == jwk("one")
    issuer.now += 599
    source.key("one")
    assert issuer.fetched == [DISCOVERY, JWKS]
    issuer.now += 1
    issuer.published = key_set("two")
    assert source.key("one") is None
    assert issuer.fetched == [DISCOVERY, JWKS] * 2


def test_unknown_key_is_asked_for_at_most_once_a_minute() -> None:
    """A rotated key is found without waiting ten minutes; made-up key ids cannot flood the issuer."""
    issuer = Issuer("one")
    source = issuer.source()
    source.key("one")
    issuer.published = key_set("one", "two")
    issuer.now += 60
    assert source.key("two") == jwk("two")
    for number in range(100):
        assert source.key(f"made-up-{number}") is None
    assert issuer.fetched == [DISCOVERY, JWKS] * 2
    issuer.now += 60
    assert source.key("made-up") is None
    assert issuer.fetched == [DISCOVERY, JWKS] * 3


def test_outage_keeps_the_last_good_keys() -> None:
    """While the issuer is down its last keys go on, and it is asked again no more than once a minute."""
    issuer = Issuer("one")
    source = issuer.source()
    source.key("one")
    issuer.down = True
    issuer.now += 86_400
    assert source.key("one") == jwk("one")
    assert source.key("one") == jwk("one")
    assert issuer.fetched == [DISCOVERY, JWKS, DISCOVERY]
    issuer.down = False
    issuer.published = key_set("two")
    issuer.now += 60
    assert source.key("two") == jwk("two")
    assert source.key("one") is None


@pytest.mark.parametrize("published", [b"", b"<html>", b'{"keys": []}', b"null", b"\xff", b"[" * 100_000])
def test_broken_key_sets_do_not_replace_good_ones(published: bytes) -> None:
    """What is no key set counts as an outage."""
    issuer = Issuer("one")
    source = issuer.source()
    source.key("one")
    issuer.published = published
    issuer.now += 600
    assert source.key("one") == jwk("one")


def test_without_any_keys_sign_in_is_unavailable() -> None:
    """An issuer that is down from the start is asked every five seconds until it is there."""
    issuer = Issuer("one")
    issuer.down = True
    source = issuer.source()
    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            identity(keys=source).person(signed())
        assert refused.value.code == "sign-in-unavailable"
    assert issuer.fetched == [DISCOVERY]
    issuer.down = False
    issuer.now += 5
    assert identity(keys=source).person(signed()).subject == "alex"


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://other.example", "jwks_uri": JWKS},
        {"jwks_uri": JWKS},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://sign-in.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/hostname"},
        {"issuer": ISSUER, "jwks_uri": "http://127.0.0.1.other.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "https://[broken"},
        [],
    ],
)
def test_untrusted_discovery_gives_no_keys(discovery: object) -> None:
    """A namesake's keys, or keys over an open line, are not fetched."""
    issuer = Issuer("one")
    issuer.discovery = discovery
    with pytest.raises(Unavailable):
        issuer.source().key("one")
    assert issuer.fetched == [DISCOVERY]


@pytest.mark.parametrize("address", ["http://sign-in.example", "http://127.0.0.1@sign-in.example", "ftp://x", ""])
def test_issuer_is_asked_over_https_only(address: str) -> None:
    """Away from this machine nothing is fetched without TLS."""
    issuer = Issuer("one")
    with pytest.raises(Unavailable):
        issuer.source(address).key("one")
    assert issuer.fetched == []


def test_known_keys_do_not_wait_for_a_slow_issuer() -> None:
    """While one request waits for the issuer, those whose key is known go on."""
    issuer = Issuer("one")
    entered, go_on = threading.Event(), threading.Event()

    def fetch(url: str) -> bytes:
        if len(issuer.fetched) >= 2:
            entered.set()
            assert go_on.wait(10)
        return issuer.fetch(url)

    source = UrlKeySource(ISSUER, fetch=fetch, clock=lambda: issuer.now)
    source.key("one")
    issuer.now += 600
    waiting = threading.Thread(target=source.key, args=("one",))
    waiting.start()
    assert entered.wait(10)
    assert source.key("one") == jwk("one")
    assert waiting.is_alive()
    go_on.set()
    waiting.join(10)
    assert issuer.fetched == [DISCOVERY, JWKS] * 2


@contextmanager
def serving(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """Serve *answers* on loopback and give the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_keys_come_from_a_real_issuer_on_loopback() -> None:
    """Over a real socket the keys are discovered, fetched and believed, and outlive the issuer."""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {"/keys": (200, {}, key_set("one"))}
    with serving(answers) as issuer:
        document = json.dumps({"issuer": issuer, "jwks_uri": issuer + "/keys"}).encode()
        answers["/.well-known/openid-configuration"] = (200, {}, document)
        now = 0.0
        who = identity(keys=UrlKeySource(issuer, clock=lambda: now), issuer=issuer)
        assert who.person(signed(iss=issuer)).subject == "alex"
    now = 700.0
    assert who.person(signed(iss=issuer, sub="sam")).subject == "sam"


def test_redirects_lead_to_trusted_places_only() -> None:
    """An issuer may move its keys, but not to where they would travel without TLS."""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {"/keys": (200, {}, b"keys")}
    with serving(answers) as issuer:
        answers["/moved"] = (302, {"Location": issuer + "/keys"}, b"")
        answers["/away"] = (302, {"Location": "http://other.example/keys"}, b"")
        assert fetch_document(issuer + "/moved") == b"keys"
        with pytest.raises(OSError, match="untrusted redirect"):
            fetch_document(issuer + "/away")


def test_oversized_documents_are_not_read() -> None:
    """A document of any size cannot fill the memory."""
    with serving({"/keys": (200, {}, b"x" * 600_000)}) as issuer, pytest.raises(ValueError, match=r"^$"):
        fetch_document(issuer + "/keys")
