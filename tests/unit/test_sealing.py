"""Sealing: what is closed for the desk and for the mailbox, who can open it, and where the keys are."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.hpke import AesCipher, HpkeOpener, HpkeSealer
from chalicelib.adapters.keyfiles import KeyFiles
from chalicelib.domain.envelope import STEP, Envelope, pad, unpad
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipts import encode
from chalicelib.ports import Unreadable

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
CONTENT = b"bluebell, hyd a lled" * 9
KEY = bytes(range(32))


class Pairs:
    """Key pairs in memory: what sealers are told of them, and what openers can get."""

    def __init__(self, *names) -> None:
        self.private = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}

    def recipients(self):
        """List the public halves."""
        return [
            {
                "key_id": name,
                "kem": "",
                "public_key": encode(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
            }
            for name, key in self.private.items()
        ]

    def sealer(self):
        """Seal to all of them."""
        return HpkeSealer(self.recipients)


@pytest.fixture(scope="module")
def pairs():
    """One desk key."""
    return Pairs("desk-1")


@pytest.fixture
def envelope(pairs):
    """Something sealed for the desk."""
    return pairs.sealer().seal(CONTENT, kind="callback", request_id="r1")


# --- envelopes


def test_nothing_of_the_content_shows(envelope):
    """No part of the plaintext is in what is stored."""
    raw = envelope.to_bytes()
    assert not any(CONTENT[at : at + 8] in raw for at in range(len(CONTENT) - 8))


def test_sealing_twice_gives_nothing_in_common(pairs):
    """The same content under the same id has another key, another nonce and another ciphertext each time."""
    one, two = (pairs.sealer().seal(CONTENT, kind="callback", request_id="r1") for _ in range(2))
    assert one.nonce != two.nonce
    assert one.ct != two.ct
    assert one.recipients[0].enc != two.recipients[0].enc


@given(st.integers(0, 40_000))
def test_size_says_nothing(size):
    """Padded sizes are multiples of 4 KiB, and what was filled up is found again."""
    padded = pad(bytes(size))
    assert len(padded) % STEP == 0
    assert 0 <= len(padded) - size - 4 < STEP
    assert unpad(padded) == bytes(size)


def test_sealed_sizes_are_steps_and_a_tag(pairs):
    """At rest and in the mailbox: a short word and a page look alike."""
    sizes = {len(pairs.sealer().seal(bytes(n), kind="k", request_id="r").ct) for n in (0, 1, 2000, 4092)}
    assert sizes == {STEP + 16}
    assert len(pairs.sealer().seal(bytes(4093), kind="k", request_id="r").ct) == 2 * STEP + 16
    cipher = AesCipher()
    sizes = {len(cipher.encrypt(bytes(n), key=KEY, kind="k", request_id="r")) for n in (0, 1, 2000, 4092)}
    assert sizes == {12 + STEP + 16}


@pytest.mark.parametrize(
    "padded",
    [b"", b"\0\0\0", b"\0\0\0\5abcd", pad(b"x")[:-1], b"\xff" * STEP, (STEP - 3).to_bytes(4, "big") + bytes(STEP - 4)],
)
def test_padding_that_does_not_fit_is_refused(padded):
    """A length that points outside, or a size that is no step, is damage."""
    with pytest.raises(ValueError):
        unpad(padded)


def flipped(raw, bit):
    """Flip one bit."""
    return raw[: bit // 8] + bytes([raw[bit // 8] ^ (1 << bit % 8)]) + raw[bit // 8 + 1 :]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"1\n",
        b"\xff\xfe\n",
        b'{"v":2}\n',
        b'{"v":1}\n',
        b'{"v":1,"request_id":"r"}\n',
        b'{"v":1,"request_id":"r","nonce":7,"recipients":[]}\n',
        b'{"v":1,"request_id":"r","nonce":"","recipients":7}\n',
        b'{"v":1,"request_id":"r","nonce":"!","recipients":[]}\n',
        b'{"v":1,"request_id":"r","nonce":"","recipients":[{}]}\n',
    ],
)
def test_what_is_no_envelope_is_refused(raw):
    """Broken, foreign, or of another version: a `ValueError`, whatever stands there."""
    with pytest.raises(ValueError):
        Envelope.from_bytes(raw)


def test_the_wire_form_holds_the_same(envelope):
    """The JSON form is base64url of what is stored."""
    wire = json.loads(json.dumps(envelope.wire()))
    assert (wire["v"], wire["request_id"]) == (1, "r1")
    assert urlsafe_b64decode(wire["ct"] + "==") == envelope.ct
    assert urlsafe_b64decode(wire["nonce"] + "==") == envelope.nonce
    assert [sorted(recipient) for recipient in wire["recipients"]] == [["ct", "enc", "key_id"]]


# --- HPKE with others


def test_anybodys_hpke_opens_what_we_seal(pairs, envelope):
    """RFC 9180 as `cryptography` has it, with the `info` of the design, gives the content key, and that the content."""
    (recipient,) = envelope.recipients
    info = b"quietline/1|callback|r1|desk-1"
    key = SUITE.decrypt(recipient.enc + recipient.ct, pairs.private["desk-1"], info)
    padded = AESGCM(key).decrypt(envelope.nonce, envelope.ct, b"quietline/1|callback|r1")
    assert (len(key), unpad(padded)) == (32, CONTENT)


# --- recipients and keys


def reachable(thing, seen):
    """Give everything that can be got at from *thing*."""
    if id(thing) in seen or isinstance(thing, type):
        return
    seen.add(id(thing))
    yield thing
    inner = [*getattr(thing, "__dict__", {}).values()]
    inner += thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else []
    for part in inner:
        yield from reachable(part, seen)


def test_the_sealer_holds_no_private_key(tmp_path):
    """Whoever takes over what accepts requests finds public keys only, and no way to open."""
    keys = KeyFiles(tmp_path)
    sealer = HpkeSealer(keys.recipients)
    sealer.seal(CONTENT, kind="callback", request_id="r1")
    assert not hasattr(sealer, "open")
    parts = [*reachable(sealer, set()), *reachable(keys, set())]
    assert any(isinstance(part, ec.EllipticCurvePublicKey) for part in parts)
    assert not any(isinstance(part, ec.EllipticCurvePrivateKey) for part in parts)


def test_accepting_goes_on_without_the_private_key(tmp_path):
    """With the private key gone, sealing still works, opening says so, and nothing is made in its place."""
    keys = KeyFiles(tmp_path)
    sealed = HpkeSealer(keys.recipients).seal(CONTENT, kind="callback", request_id="r1")
    (pem,) = tmp_path.glob("desk-*.pem")
    aside = pem.rename(tmp_path / "aside")
    for again in (keys, KeyFiles(tmp_path)):
        opener = HpkeOpener(again.private_key, again.recipients)
        with pytest.raises(Unavailable, match="key-missing"):
            opener.check()
        with pytest.raises(Unavailable, match="key-missing"):
            opener.open(sealed, kind="callback", request_id="r1")
        HpkeSealer(again.recipients).seal(CONTENT, kind="callback", request_id="r2")
    assert list(tmp_path.glob("desk-*.pem")) == []
    aside.rename(pem)
    assert HpkeOpener(keys.private_key, keys.recipients).open(sealed, kind="callback", request_id="r1") == CONTENT


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_that_cannot_be_read_is_missing(tmp_path, content):
    """A damaged key file is told as a missing key, and left as it is."""
    keys = KeyFiles(tmp_path)
    keys.recipients()
    (pem,) = tmp_path.glob("desk-*.pem")
    pem.write_bytes(content)
    with pytest.raises(Unavailable, match="key-missing"):
        HpkeOpener(keys.private_key, keys.recipients).check()
    assert pem.read_bytes() == content


def test_keys_are_for_their_owner_only(tmp_path):
    """Every file is 0600 and the folder 0700, whatever the umask; no draft is left behind."""
    before = os.umask(0)
    try:
        keys = KeyFiles(tmp_path / "keys")
        keys.recipients()
        keys.secret("pepper")
    finally:
        os.umask(before)
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_keys_are_made_once(tmp_path):
    """The next start finds what the first one made."""
    first, second = KeyFiles(tmp_path), KeyFiles(tmp_path)
    assert first.recipients() == second.recipients()
    assert first.secret("pepper") == second.secret("pepper")
    assert first.secret("pepper") != first.secret("audit.key")
    assert len(first.secret("pepper")) == 32


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_damaged_secret_is_told_and_not_replaced(tmp_path, content):
    """A pepper of another length would give other receipts: better none."""
    tmp_path.joinpath("pepper").write_bytes(content)
    with pytest.raises(Unavailable, match="keys"):
        KeyFiles(tmp_path).secret("pepper")
    assert tmp_path.joinpath("pepper").read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"nonsense",
        b"[]",
        b'{"recipients": 7}',
        b'{"recipients": []}',
        b'{"recipients": [{}]}',
    ],
)
def test_damaged_recipients_are_told_and_not_replaced(tmp_path, content):
    """A list of recipients that cannot be read is not made anew."""
    tmp_path.joinpath("recipients.json").write_bytes(content)
    with pytest.raises(Unavailable, match="keys"):
        KeyFiles(tmp_path).recipients()
    assert tmp_path.joinpath("recipients.json").read_bytes() == content


def test_a_lost_list_of_recipients_is_made_again_from_the_private_key(tmp_path):
    """With a private key there and no list, no second pair is made: what is sealed next opens as before."""
    before = KeyFiles(tmp_path).recipients()
    tmp_path.joinpath("recipients.json").unlink()
    assert list(KeyFiles(tmp_path).recipients()) == list(before)
    assert len(list(tmp_path.glob("*.pem"))) == 2


def make_keys(folder, start, told):
    """Start on an empty folder, as one of several processes."""
    keys = KeyFiles(folder)
    start.wait()
    told.put(
        (keys.recipients()[0]["key_id"], keys.secret("pepper"), keys.private_key([keys.recipients()[0]["key_id"]])[0])
    )


def test_processes_that_start_at_once_make_one_set_of_keys(tmp_path):
    """Whoever is first, all of them seal to the same key, which is there, and use the same pepper."""
    spawn = multiprocessing.get_context("spawn")
    start, told = spawn.Barrier(4), spawn.Queue()
    processes = [spawn.Process(target=make_keys, args=(tmp_path, start, told)) for _ in range(4)]
    for process in processes:
        process.start()
    answers = {told.get(timeout=200) for _ in processes}
    for process in processes:
        process.join(30)
    assert len(answers) == 1
    ((sealed_to, _, opened_with),) = answers
    assert sealed_to == opened_with


# --- the mailbox


def test_the_mailbox_opens_with_its_own_key():
    """Only the holder of the receipt reads a reply, under the request and the use that it was written for."""
    cipher = AesCipher()
    reply = cipher.encrypt(CONTENT, key=KEY, kind="message:m", request_id="r1")
    assert cipher.decrypt(reply, key=KEY, kind="message:m", request_id="r1") == CONTENT
    assert reply != cipher.encrypt(CONTENT, key=KEY, kind="message:m", request_id="r1")
    for key, kind, request_id in (
        (flipped(KEY, 0), "message:m", "r1"),
        (KEY, "message:n", "r1"),
        (KEY, "message:m", "r2"),
    ):
        with pytest.raises(Unreadable):
            cipher.decrypt(reply, key=key, kind=kind, request_id=request_id)


def test_a_damaged_reply_is_unreadable():
    """Any flipped bit, any cut, and nothing at all."""
    cipher = AesCipher()
    reply = cipher.encrypt(CONTENT, key=KEY, kind="message:m", request_id="r1")
    damaged = [flipped(reply, bit) for bit in range(0, 8 * len(reply), 331)]
    for raw in (*damaged, reply[:-1], reply[:12], reply[:5], b""):
        with pytest.raises(Unreadable):
            cipher.decrypt(raw, key=KEY, kind="message:m", request_id="r1")
