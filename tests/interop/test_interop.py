"""What a browser seals opens here and the other way round: the very modules of the pages, in Node's WebCrypto."""

from __future__ import annotations

import json
import random
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from browser_side import RefusedError, as_jwk
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from chalicelib.adapters.hpke import AesCipher, HpkeOpener
from chalicelib.domain.envelope import Envelope, Recipient
from chalicelib.domain.receipts import Receipt, decode, encode, read_receipt, receipt_from_bytes, request_id_of
from chalicelib.ports import Unreadable

VECTOR = json.loads(Path(__file__).with_name("rfc9180.json").read_text())
SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
LETTERS = 'abc ŵŷ äöü €\n\u2019 \U0001f5dd العربية বাংলা 漢字 "\\{}\x00'
FULL = 1000
"""From this count on every bit is flipped; below it, of a ciphertext of 4 KiB, every 97th."""


def random_words(dice: random.Random) -> str:
    """Write something of up to 3,000 characters, in many scripts."""
    return "".join(dice.choices(LETTERS, k=dice.randrange(3000)))


def random_receipt(dice: random.Random) -> Receipt:
    """Draw a receipt that a failing run can draw again."""
    return receipt_from_bytes(dice.randbytes(17))


def envelope_of(wire: dict) -> Envelope:
    """Read the JSON form of an envelope."""
    return Envelope(
        request_id=wire["request_id"],
        nonce=decode(wire["nonce"]),
        ct=decode(wire["ct"]),
        recipients=tuple(
            Recipient(key_id=each["key_id"], enc=decode(each["enc"]), ct=decode(each["ct"]))
            for each in wire["recipients"]
        ),
    )


def hexed(name: str) -> str:
    """Give a figure of the vector as the browser reads it."""
    return encode(bytes.fromhex(VECTOR[name]))


def vector_pair(name: str) -> ec.EllipticCurvePrivateKey:
    """Give a key pair of the vector."""
    return ec.derive_private_key(int(VECTOR[name], 16), ec.SECP256R1())


# --- RFC 9180


def test_the_browser_computes_what_rfc_9180_says(browser):
    """With the vector's own ephemeral key: the encapsulated key, key, nonce and ciphertext are the published ones."""
    encryption = VECTOR["encryption"]
    told = browser(
        "vector",
        recipient=as_jwk(vector_pair("skRm")),
        ephemeral=as_jwk(vector_pair("skEm")),
        info=hexed("info"),
        plaintext=encode(bytes.fromhex(encryption["pt"])),
        aad=encode(bytes.fromhex(encryption["aad"])),
    )
    assert {name: decode(value).hex() for name, value in told.items()} == {
        "enc": VECTOR["enc"],
        "key": VECTOR["key"],
        "nonce": VECTOR["base_nonce"],
        "ct": encryption["ct"],
        "opened": encryption["pt"],
    }


def test_python_opens_what_rfc_9180_says():
    """The suite that our envelopes use opens the published ciphertext to the published text."""
    encryption = VECTOR["encryption"]
    sealed = bytes.fromhex(VECTOR["enc"] + encryption["ct"])
    opened = openssl.hpke._decrypt_with_aad(
        SUITE, sealed, vector_pair("skRm"), bytes.fromhex(VECTOR["info"]), bytes.fromhex(encryption["aad"])
    )
    assert opened.hex() == encryption["pt"]
    assert (VECTOR["kem_id"], VECTOR["kdf_id"], VECTOR["aead_id"], VECTOR["mode"]) == (16, 1, 2, 0)


# --- receipts


def test_receipts_of_both_sides_open_the_same(browser, count):
    """Lookup value, mailbox key and request id of any receipt are the same in the browser and here."""
    dice = random.Random(1)
    for _ in range(count):
        receipt = random_receipt(dice)
        assert browser("derive", code=receipt.code) == {
            "lookup": encode(receipt.lookup),
            "mailboxKey": encode(receipt.mailbox_key),
            "requestId": request_id_of(receipt.lookup),
        }
        assert browser("shown", code=receipt.code) == receipt.shown


def test_the_browser_draws_receipts_that_we_read(browser):
    """A hundred of them: canonical, all different, every character of the alphabet among them."""
    drawn = [browser("receipt") for _ in range(100)]
    assert [read_receipt(code) for code in drawn] == [Receipt(code) for code in drawn]
    assert len(set(drawn)) == 100
    assert len(set("".join(drawn))) == 32


@pytest.mark.parametrize(
    "written",
    ["{}", " {} ", "abc", "", "{}0", "u" * 26, "\u2011{}", "0" * 105],
    ids=["plain", "spaces", "short", "empty", "long", "no such letter", "dashes", "endless"],
)
def test_both_read_what_people_write(browser, written):
    """Case, dashes, spaces, O for 0, I and L for 1 are forgiven alike, and nothing else."""
    for code in ("0123456789abcdefghjkmnpqrs", "oil23-45678 9ABCD-EFGHJ-KMNPQR", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZZ"):
        text = written.format(code)
        ours = read_receipt(text)
        assert browser("read", written=text) == (None if ours is None else ours.code)


# --- messages, both ways


def test_what_the_browser_seals_opens_here(browser, desk, count):
    """Random requests, sealed by the pages' module, open with the desk's key and with the recovery key alike."""
    dice = random.Random(2)
    for at in range(count):
        receipt, details = random_receipt(dice), {"concern": "survivor", "message": random_words(dice)}
        kind = dice.choice(["callback", "information"])
        told = browser("sealRequest", kind=kind, details=details, keys=desk.keys, code=receipt.code)
        envelope = Envelope.from_bytes(envelope_of(told["sealed"]).to_bytes())
        opener = desk.opener(("desk-1", "recovery-1")[at % 2])
        opened = json.loads(opener.open(envelope, kind=kind, request_id=request_id_of(receipt.lookup)))
        assert opened == {"details": details, "mailbox_key": encode(receipt.mailbox_key)}
        assert told["requestId"] == envelope.request_id == request_id_of(receipt.lookup)
        assert len(envelope.ct) % 4096 == 16


def test_what_we_seal_opens_in_the_browser(browser, desk, count):
    """Random content, sealed here, opens in the browser with either key."""
    dice = random.Random(3)
    for at in range(count):
        content, name = random_words(dice).encode(), ("desk-1", "recovery-1")[at % 2]
        request_id = request_id_of(random_receipt(dice).lookup)
        envelope = desk.sealer.seal(content, kind="callback", request_id=request_id).wire()
        opened = browser(
            "open",
            envelope=envelope,
            kind="callback",
            requestId=request_id,
            keyId=name,
            key=as_jwk(desk.private[name]),
        )
        assert decode(opened) == content


def test_mailbox_messages_open_on_both_sides(browser, desk, count):
    """A reply of ours opens in the browser; a message of the browser opens at the desk, its copy with the receipt."""
    dice, cipher = random.Random(4), AesCipher()
    for _ in range(count):
        receipt, words = random_receipt(dice), random_words(dice)
        request_id = request_id_of(receipt.lookup)
        reply = cipher.encrypt(
            json.dumps({"text": words}).encode(), key=receipt.mailbox_key, kind="message:m1", request_id=request_id
        )
        assert browser("openMessage", messageId="m1", sealed=encode(reply), code=receipt.code) == {"text": words}
        told = browser("sealMessage", words=words, code=receipt.code, keys=desk.keys)
        kind = f"message:{told['message_id']}"
        for_desk = desk.opener("desk-1").open(envelope_of(told["sealed"]), kind=kind, request_id=request_id)
        copy = cipher.decrypt(decode(told["copy"]), key=receipt.mailbox_key, kind=kind, request_id=request_id)
        assert json.loads(for_desk) == json.loads(copy) == {"text": words}


# --- every bit


@pytest.fixture(scope="module")
def sealed_once(browser, desk):
    """One envelope of the browser, to its desk key alone."""
    content = b"bluebell"
    return browser("seal", content=encode(content), kind="callback", requestId="R" * 43, keys=[desk.keys[0]])


@pytest.mark.timeout(600)
def test_every_flipped_bit_is_refused_in_the_browser(browser, desk, sealed_once, count):
    """Of the envelope, of what it is bound to (its info), and of its key's id: one bit, and it does not open."""
    given = {"kind": "callback", "requestId": "R" * 43, "keyId": "desk-1", "key": as_jwk(desk.private["desk-1"])}
    assert decode(browser("open", envelope=sealed_once, **given)) == b"bluebell"
    told = browser("flips", envelope=sealed_once, step=1 if count >= FULL else 97, **given)
    assert told["opened"] == []
    assert told["tried"] > 1700


def flips(raw: bytes, every: int = 1):
    """Give *raw* with one bit flipped, each in turn."""
    for bit in range(0, 8 * len(raw), every):
        yield raw[: bit // 8] + bytes([raw[bit // 8] ^ (1 << bit % 8)]) + raw[bit // 8 + 1 :]


def damaged_envelopes(envelope: Envelope, step: int):
    """Give the envelope with one bit of it flipped, each in turn, with the id of the key that it then names."""
    (recipient,) = envelope.recipients
    for nonce in flips(envelope.nonce):
        yield "desk-1", replace(envelope, nonce=nonce)
    for ct in flips(envelope.ct, step):
        yield "desk-1", replace(envelope, ct=ct)
    for part in ("enc", "ct"):
        for raw in flips(getattr(recipient, part)):
            yield "desk-1", replace(envelope, recipients=(replace(recipient, **{part: raw}),))
    for name in (raw.decode("latin-1") for raw in flips(b"desk-1")):
        yield name, replace(envelope, recipients=(replace(recipient, key_id=name),))


@pytest.mark.timeout(600)
def test_every_flipped_bit_is_refused_here(desk, sealed_once, count):
    """The same envelope and the same bits, opened in Python: `Unreadable`, each of them."""
    envelope, private, tried = envelope_of(sealed_once), desk.private["desk-1"], 0

    def opens(one: Envelope, name: str = "desk-1", kind: str = "callback", request_id: str = "R" * 43) -> bytes:
        return HpkeOpener(lambda _: (name, private), lambda: desk.keys).open(one, kind=kind, request_id=request_id)

    assert opens(envelope) == b"bluebell"
    for name, damaged in damaged_envelopes(envelope, 1 if count >= FULL else 97):
        tried += 1
        with pytest.raises(Unreadable):
            opens(damaged, name)
    for kind in flips(b"callback"):
        tried += 1
        with pytest.raises(Unreadable):
            opens(envelope, kind=kind.decode("latin-1"))
    for request_id in flips(b"R" * 43):
        tried += 1
        with pytest.raises(Unreadable):
            opens(envelope, request_id=request_id.decode("latin-1"))
    assert tried > 1700


def test_a_damaged_reply_is_refused_in_the_browser(browser):
    """A flipped bit of what waits in the mailbox opens nothing, nor does another request's id or use."""
    receipt = random_receipt(random.Random(5))
    request_id, key = request_id_of(receipt.lookup), encode(receipt.mailbox_key)
    reply = AesCipher().encrypt(b"hello", key=receipt.mailbox_key, kind="message:m", request_id=request_id)
    given = {"key": key, "kind": "message:m", "requestId": request_id}
    assert decode(browser("decrypt", sealed=encode(reply), **given)) == b"hello"
    for bit in [*range(96), *range(96, 8 * len(reply), 331)]:
        damaged = reply[: bit // 8] + bytes([reply[bit // 8] ^ (1 << bit % 8)]) + reply[bit // 8 + 1 :]
        with pytest.raises(RefusedError):
            browser("decrypt", sealed=encode(damaged), **given)
    for change in ({"kind": "message:n"}, {"requestId": "R" * 43}, {"key": encode(bytes(32))}):
        with pytest.raises(RefusedError):
            browser("decrypt", sealed=encode(reply), **{**given, **change})


def test_base64_is_the_same_on_both_sides(browser):
    """Every length and every byte survives the way through the browser's encoding."""
    for size in (0, 1, 2, 3, 255, 256, 4097):
        raw = random.Random(size).randbytes(size)
        sealed = browser("encrypt", content=encode(raw), key=encode(bytes(32)), kind="k", requestId="r")
        assert AesCipher().decrypt(decode(sealed), key=bytes(32), kind="k", request_id="r") == raw
        assert b64decode(sealed.replace("-", "+").replace("_", "/") + "==") == decode(sealed)
