"""
What every `Opener` must do: the key file's, and the one whose private key never leaves KMS.

KMS is driven through boto3 against an endpoint with real P-256 keys (`kms_endpoint.py`).
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from chalice.test import Client as Face
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from kms_endpoint import ARN, ERRORS, GARBAGE, Kms

import app as quietline
from chalicelib.adapters.aws import Client
from chalicelib.adapters.aws_json import way_to
from chalicelib.adapters.hpke import HpkeOpener, HpkeSealer
from chalicelib.adapters.kms import TRUSTED_FOR, KmsOpener, decapsulate, key_schedule, open_base
from chalicelib.config import Settings
from chalicelib.domain.envelope import STEP, Envelope, Recipient, binding, pad
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipts import encode
from chalicelib.ports import Unreadable
from chalicelib.wiring import House

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
CONTENT = b"bluebell, hyd a lled" * 9
VECTOR = json.loads((Path(__file__).parent / "vectors" / "hpke_p256_sha256_aes256gcm.json").read_bytes())


def point(key) -> bytes:
    """Write a public key as HPKE does."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def kms_client(read=30.0) -> Client:
    """A client as the house makes it, and as patient as is asked."""
    return Client("kms", connect=1.0, read=read, attempts=2)


def direct_client(url, read=30.0) -> Client:
    """A client as the house makes it where the environment says all that there is to know."""
    said = {"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "test"}
    way = way_to("kms", {**said, "AWS_ENDPOINT_URL_KMS": url}, configured=False)
    return Client("kms", connect=1.0, read=read, attempts=2, way=way)


class Keys:
    """Key pairs: what sealers are told of them, and what openers can use."""

    def __init__(self, *names) -> None:
        self.private = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}

    def recipients(self):
        """List the public halves."""
        return [
            {"key_id": name, "kem": "", "public_key": encode(point(key.public_key()))}
            for name, key in self.private.items()
        ]

    def seal(self, content=CONTENT, kind="callback", request_id="r1"):
        """Seal to all of them."""
        return HpkeSealer(self.recipients).seal(content, kind=kind, request_id=request_id)

    def same(self, name, other):
        """Give a key another name."""
        self.private[other] = self.private[name]


class FileKeys(Keys):
    """Private keys in this process' hands, as key files are."""

    def opener(self, *names):
        """Open with some of them."""

        def private_key(key_ids):
            for key_id in key_ids:
                if key_id in (names or self.private) and key_id in self.private:
                    return key_id, self.private[key_id]
            raise Unavailable("key-missing")

        return HpkeOpener(private_key, self.recipients)


class KmsKeys(Keys):
    """Private keys that are KMS's alone."""

    def __init__(self, kms, *names, client=None) -> None:
        super().__init__(*names)
        self.kms, self.client = kms, client or kms_client()
        self.arns = {name: kms.add(private) for name, private in self.private.items()}

    def same(self, name, other):
        """Give a key another name, in KMS as well."""
        super().same(name, other)
        self.arns[other] = self.kms.add(self.private[name])

    def opener(self, *names, timer=time.monotonic):
        """Open with some of them."""
        keys = {name: self.arns[name] for name in names or self.private if name in self.arns}
        return KmsOpener(self.client, keys, self.recipients, timer=timer)


@pytest.fixture(scope="module")
def kms():
    """KMS, over HTTP."""
    running = Kms()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_KMS", running.url)
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield running
    running.stop()


@pytest.fixture(autouse=True)
def nothing_befalls(kms):
    """Whatever a test made KMS do is over with the test."""
    yield
    kms.fault, kms.faulty = None, {}
    kms.calls.clear()


@pytest.fixture(scope="module", params=["key-file", "kms", "kms-direct"])
def make(request, kms):
    """How to make key pairs of one opener or the other, and whether KMS is asked by boto3 or directly."""
    if request.param == "key-file":
        return FileKeys
    return lambda *names: KmsKeys(kms, *names, client=direct_client(kms.url) if request.param != "kms" else None)


@pytest.fixture(scope="module")
def pairs(make):
    """One desk key."""
    return make("desk-1")


@pytest.fixture
def envelope(pairs):
    """Something sealed for the desk."""
    return pairs.seal()


def opened(pairs, envelope, kind="callback", request_id="r1"):
    """Open."""
    return pairs.opener().open(envelope, kind=kind, request_id=request_id)


def flipped(raw, bit):
    """Flip one bit."""
    return raw[: bit // 8] + bytes([raw[bit // 8] ^ (1 << bit % 8)]) + raw[bit // 8 + 1 :]


# --- what every opener does


@pytest.mark.parametrize("size", [0, 1, STEP - 5, STEP - 4, STEP - 3, 3 * STEP, 100_000])
def test_what_is_sealed_is_opened_again(pairs, size):
    """Content of any size comes back byte by byte, through the store's form and back."""
    content = os.urandom(size)
    sealed = pairs.seal(content)
    assert opened(pairs, Envelope.from_bytes(sealed.to_bytes())) == content


@pytest.mark.parametrize(
    ("kind", "request_id"), [("information", "r1"), ("callback", "r2"), ("", ""), ("callback|r", "1")]
)
def test_an_envelope_opens_only_as_what_it_is(pairs, envelope, kind, request_id):
    """Moved to another request or another use, it does not open."""
    with pytest.raises(Unreadable):
        opened(pairs, envelope, kind, request_id)


@pytest.mark.parametrize("part", ["nonce", "ct", "enc", "key"])
def test_every_flipped_bit_is_refused(pairs, envelope, part):
    """A single bit anywhere, in the ciphertext, the nonce or a sealed key, and nothing opens."""
    (recipient,) = envelope.recipients
    raw = {"nonce": envelope.nonce, "ct": envelope.ct, "enc": recipient.enc, "key": recipient.ct}[part]
    step = 1 if len(raw) < 100 else 97
    for bit in [*range(0, 8 * len(raw), step), 8 * len(raw) - 1]:
        damaged = flipped(raw, bit)
        if part in ("nonce", "ct"):
            forged = replace(envelope, **{part: damaged})
        else:
            forged = replace(envelope, recipients=(replace(recipient, **{"ct" if part == "key" else part: damaged}),))
        with pytest.raises(Unreadable):
            opened(pairs, forged)


def test_no_flipped_bit_of_what_is_stored_gives_other_content(pairs, envelope):
    """Of the stored bytes, head and all, a flipped bit either opens nothing or says nothing else."""
    raw, refused = envelope.to_bytes(), 0
    bits = [*range(0, 8 * raw.index(b"\n"), 5), *range(8 * raw.index(b"\n"), 8 * len(raw), 997)]
    for bit in bits:
        try:
            assert opened(pairs, Envelope.from_bytes(flipped(raw, bit))) == CONTENT
        except (Unreadable, Unavailable, ValueError):
            refused += 1
    assert refused > 0.8 * len(bits)


@pytest.mark.parametrize("part", ["nonce", "ct"])
@pytest.mark.parametrize("size", [0, 1, 11, 13])
def test_parts_of_a_wrong_size_are_refused(pairs, envelope, part, size):
    """Cut or filled up, it is unreadable and no other error."""
    with pytest.raises(Unreadable):
        opened(pairs, replace(envelope, **{part: bytes(size)}))


@pytest.mark.parametrize("size", [0, 1, 16, 64, 65, 66, 200])
def test_a_sealed_key_of_a_wrong_size_is_refused(pairs, envelope, size):
    """Neither a wrong point nor a wrong key is any other error."""
    for part in ("enc", "ct"):
        forged = replace(envelope, recipients=(replace(envelope.recipients[0], **{part: bytes(size)}),))
        with pytest.raises(Unreadable):
            opened(pairs, forged)


def test_we_open_what_anybodys_hpke_seals(pairs):
    """An envelope that a browser made opens like our own."""
    key, nonce = os.urandom(32), os.urandom(12)
    sealed = SUITE.encrypt(key, pairs.private["desk-1"].public_key(), b"quietline/1|callback|r1|desk-1")
    theirs = Envelope(
        request_id="r1",
        nonce=nonce,
        ct=AESGCM(key).encrypt(nonce, pad(CONTENT), binding("callback", "r1")),
        recipients=(Recipient(key_id="desk-1", enc=sealed[:65], ct=sealed[65:]),),
    )
    assert opened(pairs, theirs) == CONTENT


def test_each_of_two_recipients_can_open_alone(make):
    """A recovery key is one more entry, and opens what the desk's key opens."""
    both = make("desk-1", "recovery-1")
    sealed = both.seal()
    assert [recipient.key_id for recipient in sealed.recipients] == ["desk-1", "recovery-1"]
    for name in both.private:
        assert both.opener(name).open(sealed, kind="callback", request_id="r1") == CONTENT


def test_a_sealed_key_is_bound_to_its_recipient(make):
    """The part of one recipient under the name of another does not open, though the key be the same."""
    pairs = make("desk-1")
    pairs.same("desk-1", "desk-2")
    sealed = pairs.seal()
    moved = replace(sealed, recipients=(replace(sealed.recipients[0], key_id="desk-2"),))
    with pytest.raises(Unreadable):
        opened(pairs, moved)


def test_without_a_key_it_is_missing_and_not_unreadable(pairs, envelope):
    """Nobody calls content damaged that only lacks its key."""
    with pytest.raises(Unavailable) as refused:
        pairs.opener("another").open(envelope, kind="callback", request_id="r1")
    assert refused.value.code == "key-missing"
    with pytest.raises(Unavailable, match="key-missing"):
        pairs.opener("another").check()
    pairs.opener().check()


def test_anybodys_hpke_and_this_opener_agree_on_many_messages(pairs):
    """A hundred random contents, ids and kinds, sealed by `cryptography`, open here."""
    opener = pairs.opener()
    for at in range(100):
        content, kind, request_id = os.urandom(at * 97 % 5000), f"message:{at}", encode(os.urandom(32))
        assert opener.open(pairs.seal(content, kind, request_id), kind=kind, request_id=request_id) == content


# --- the key schedule


def test_the_vector_of_rfc_9180_is_met():
    """Shared secret, key, base nonce and the first message come out as the RFC prints them for our suite, base mode."""
    given = {
        name: bytes.fromhex(value) for name, value in VECTOR.items() if isinstance(value, str) and name != "source"
    }
    assert [VECTOR[name] for name in ("mode", "kem_id", "kdf_id", "aead_id")] == [0, 0x10, 1, 2]
    private = ec.derive_private_key(int.from_bytes(given["skRm"], "big"), ec.SECP256R1())
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), given["enc"]))
    secret = decapsulate(shared, given["enc"] + given["pkRm"])
    assert secret == given["shared_secret"]
    key, nonce = key_schedule(secret, given["info"])
    assert (key, nonce) == (given["key"], given["base_nonce"])
    (message,) = VECTOR["encryptions"]
    aad, ct, pt = (bytes.fromhex(message[name]) for name in ("aad", "ct", "pt"))
    assert AESGCM(key).decrypt(nonce, ct, aad) == pt


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_anybodys_hpke_opens_what_this_key_schedule_seals(content, info):
    """The other way round: from a raw Diffie-Hellman value, our key and nonce seal what `cryptography` opens."""
    recipient, ephemeral = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    enc, public = point(ephemeral.public_key()), point(recipient.public_key())
    shared = ephemeral.exchange(ec.ECDH(), recipient.public_key())
    key, nonce = key_schedule(decapsulate(shared, enc + public), info)
    assert SUITE.decrypt(enc + AESGCM(key).encrypt(nonce, content, b""), recipient, info) == content


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_this_key_schedule_opens_what_anybodys_hpke_seals(content, info):
    """And back, with whatever stands in content and info; another info opens nothing."""
    recipient = ec.generate_private_key(ec.SECP256R1())
    sealed = SUITE.encrypt(content, recipient.public_key(), info)
    enc = sealed[:65]
    parts = {
        "shared": recipient.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enc)),
        "enc": enc,
        "recipient": point(recipient.public_key()),
        "ciphertext": sealed[65:],
    }
    assert open_base(**parts, info=info) == content
    with pytest.raises(InvalidTag):
        open_base(**parts, info=info + b"|")


# --- KMS


@pytest.fixture(scope="module", params=["boto3", "directly"])
def kept(request, kms):
    """Two keys in KMS: the desk's, and its predecessor."""
    return KmsKeys(kms, "desk-new", "desk-old", client=direct_client(kms.url) if request.param == "directly" else None)


def test_the_desk_asks_kms_for_two_things_and_no_others(kms, kept):
    """A shared secret each time, the public key once; nothing of content or of the content key goes to KMS."""
    opener, sealed = kept.opener(), kept.seal()
    for _ in range(3):
        opener.open(sealed, kind="callback", request_id="r1")
    actions = [action.removeprefix("TrentService.") for action, _ in kms.calls]
    assert actions == ["GetPublicKey", *["DeriveSharedSecret"] * 3]
    for _, body in kms.calls:
        assert set(body) <= {"KeyId", "KeyAgreementAlgorithm", "PublicKey"}
        assert body["KeyId"] == kept.arns["desk-new"]


def test_a_retired_key_still_opens_what_was_sealed_to_it(kms):
    """Rotation: nobody seals to the old key any more, and the opener finds it by its id."""
    keys = KmsKeys(kms, "desk-2025")
    sealed = keys.seal()
    successor = KmsKeys(kms, "desk-2026")
    opener = KmsOpener(kms_client(), keys.arns | successor.arns, successor.recipients)
    opener.check()
    assert opener.open(sealed, kind="callback", request_id="r1") == CONTENT


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        *((fault, "key-missing") for fault in ("disabled", "pending-deletion", "another-use", "denied")),
        *((fault, "key-unreachable") for fault in ("throttled", "internal", "timed-out", "hangs-up", *GARBAGE)),
    ],
)
def test_what_befalls_kms_is_told_apart_and_carries_nothing(kms, kept, fault, code):
    """A key that is off, or not for this role, is missing; one that cannot be reached just now may come back."""
    assert fault in ERRORS or code == "key-unreachable"
    sealed = kept.seal()
    kms.fault = fault
    for act in (kept.opener().check, lambda: kept.opener().open(sealed, kind="callback", request_id="r1")):
        with pytest.raises(Unavailable) as refused:
            act()
        assert refused.value.args == (code,)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__ or refused.value.__context__ is None
    kms.fault = None
    assert kept.opener().open(sealed, kind="callback", request_id="r1") == CONTENT


def test_a_kms_that_hangs_or_is_down_is_given_up_on(kms, kept):
    """Nobody at the desk waits for longer than the client's limits."""
    sealed = kept.seal()
    kms.fault = "hangs"
    for hasty in (kms_client(read=0.5), direct_client(kms.url, read=0.5)):
        with pytest.raises(Unavailable, match="key-unreachable"):
            KmsOpener(hasty, kept.arns, kept.recipients).check()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
        lost = KmsOpener(kms_client(), kept.arns, kept.recipients)
        with pytest.raises(Unavailable, match="key-unreachable"):
            lost.open(sealed, kind="callback", request_id="r1")


def test_one_key_that_is_off_does_not_stand_in_the_way_of_another(kms, kept):
    """Sealed to two keys of ours, with the first one disabled, it opens with the second."""
    sealed = kept.seal()
    kms.faulty = {kept.arns["desk-new"]: "disabled"}
    assert kept.opener().open(sealed, kind="callback", request_id="r1") == CONTENT
    with pytest.raises(Unavailable, match="key-missing"):
        kept.opener("desk-new").open(sealed, kind="callback", request_id="r1")


def test_a_kms_key_that_is_not_the_one_sealed_to_is_missing(kms):
    """Intake seals to one key and the desk asks for another: told before anything is claimed, not when it is opened."""
    keys = KmsKeys(kms, "desk-swapped")
    keys.arns["desk-swapped"] = kms.add()
    with pytest.raises(Unavailable, match="key-missing"):
        keys.opener().check()


def test_a_key_in_order_is_not_asked_about_at_every_claim(kms, kept):
    """For a minute; then again. A key that was not in order is asked about each time."""
    now = 0.0
    opener = kept.opener(timer=lambda: now)
    kms.fault = "throttled"
    with pytest.raises(Unavailable):
        opener.check()
    kms.fault = None
    opener.check()
    asked = len(kms.calls)
    now = TRUSTED_FOR - 0.1
    opener.check()
    assert len(kms.calls) == asked
    now = TRUSTED_FOR
    opener.check()
    assert len(kms.calls) == asked + 1


def test_the_endpoint_refuses_what_kms_would_refuse(kms, kept):
    """The tests above lean on it: another action, a key it does not have, a point that is no key."""
    client = kms_client()
    key = {"KeyId": kept.arns["desk-new"], "KeyAgreementAlgorithm": "ECDH"}
    for action, parameters in (
        ("decrypt", {"CiphertextBlob": b"x"}),
        ("describe_key", {"KeyId": kept.arns["desk-new"]}),
        ("get_public_key", {"KeyId": ARN + "nobody"}),
        ("derive_shared_secret", {**key, "PublicKey": b"no key"}),
    ):
        with pytest.raises(Unavailable):
            client(action, refuse=Unavailable, **parameters)


def test_the_main_job_with_the_key_in_kms(kms, tmp_path, monkeypatch):
    """Settings alone: sealed to the key that they list, opened by KMS, without a private key on this machine."""
    keys = KmsKeys(kms, "desk-2026")
    settings = Settings.from_env(
        {
            "QUIETLINE_HOME": str(tmp_path),
            "QUIETLINE_CLOCK": "2026-11-24T18:05:00Z",
            "QUIETLINE_KMS_KEYS": f"desk-2026={keys.arns['desk-2026']}",
            "QUIETLINE_RECIPIENTS": json.dumps([{**each, "kem": "DHKEM"} for each in keys.recipients()]),
        }
    )
    house = House(settings)
    monkeypatch.setattr(quietline, "house", house)
    body = {
        "statement_version": "2026-11",
        "details": {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}},
    }
    with Face(quietline.app) as face:
        headers = {"Content-Type": "application/json"}
        sent = face.http.request("POST", "/v1/callbacks", headers=headers, body=json.dumps(body).encode())
        assert (sent.status_code, kms.calls) == (201, [])
    kms.fault = "disabled"
    with pytest.raises(Unavailable, match="key-missing"):
        house.desk.casework.claim("alex")
    kms.fault = None
    claimed = house.desk.casework.claim("alex")
    assert claimed.opened.details["phone"] == "07700 900123"
    kms.fault = "throttled"
    again = house.desk.casework.claim("alex", reference=claimed.request.reference)
    assert (again.opened.details, again.opened.unreadable) == (None, "key-unreachable")
