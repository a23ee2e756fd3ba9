"""
A KMS of two actions, over HTTP: `DeriveSharedSecret` and `GetPublicKey`, with real P-256 keys. All else is refused.

No engine for tests offers the first, so boto3 is pointed here. What KMS checks is checked: the algorithm's name, the
encoding and the curve of the public key, the state and the use of the KMS key.
"""

from __future__ import annotations

import json
import threading
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

ARN = "arn:aws:kms:eu-west-2:000000000000:key/"
ERRORS = {
    "disabled": (400, "DisabledException"),
    "pending-deletion": (400, "KMSInvalidStateException"),
    "another-use": (400, "InvalidKeyUsageException"),
    "denied": (400, "AccessDeniedException"),
    "throttled": (400, "ThrottlingException"),
    "internal": (500, "KMSInternalException"),
    "timed-out": (400, "DependencyTimeoutException"),
}


GARBAGE = {
    "no-json": b"\x00<not json",
    "no-text": b"\xff\xfe\x00",
    "a-list": b"[]",
    "null": b"null",
    "other-types": b'{"SharedSecret": 7, "PublicKey": {}}',
    "no-base64": b'{"SharedSecret": "=x", "PublicKey": "=x"}',
    "too-short": b'{"SharedSecret": "AAAA", "PublicKey": "AAAA"}',
    "empty": b"",
}


class Refusal(Exception):  # noqa: N818
    """An answer that is an error."""


class Handler(BaseHTTPRequestHandler):
    """One call."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self):
        """Answer an action."""
        kms = self.server.kms
        action = self.headers.get("X-Amz-Target", "")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kms.calls.append((action, body))
        if kms.fault == "hangs":
            kms.released.wait(10)
        if kms.fault == "hangs-up":
            self.close_connection = True
            return
        if kms.fault in GARBAGE:
            self._send(200, GARBAGE[kms.fault])
            return
        try:
            self._send(200, json.dumps(kms.answer(action, body)).encode())
        except Refusal as refusal:
            status, code = refusal.args
            # As talkative as AWS is: what it was given comes back in the message.
            self._send(status, json.dumps({"__type": code, "message": f"{code}: {body}"}).encode())

    def _send(self, status, raw):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args):
        """Say nothing."""


class Kms:
    """The keys and what befalls them: *fault* is one of `ERRORS`, one of `GARBAGE`, `hangs`, `hangs-up` or None."""

    def __init__(self) -> None:
        self.private: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.fault: str | None = None
        self.faulty: dict[str, str] = {}
        self.calls: list[tuple[str, dict]] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.kms = self
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, private=None):
        """Make a key, and give its ARN."""
        arn = f"{ARN}{len(self.private)}"
        self.private[arn] = private or ec.generate_private_key(ec.SECP256R1())
        return arn

    def answer(self, action, body):
        """Do what KMS does."""
        if action not in ("TrentService.DeriveSharedSecret", "TrentService.GetPublicKey"):
            raise Refusal(400, "AccessDeniedException")
        fault = self.fault or self.faulty.get(body["KeyId"])
        if fault is not None:
            raise Refusal(*ERRORS[fault])
        private = self.private.get(body["KeyId"])
        if private is None:
            raise Refusal(400, "NotFoundException")
        if action == "TrentService.GetPublicKey":
            der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return {
                "KeyId": body["KeyId"],
                "PublicKey": b64encode(der).decode(),
                "KeySpec": "ECC_NIST_P256",
                "KeyUsage": "KEY_AGREEMENT",
                "KeyAgreementAlgorithms": ["ECDH"],
            }
        if body["KeyAgreementAlgorithm"] != "ECDH":
            raise Refusal(400, "ValidationException")
        try:
            theirs = load_der_public_key(b64decode(body["PublicKey"]))
            shared = private.exchange(ec.ECDH(), theirs)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Refusal(400, "ValidationException") from None
        return {
            "KeyId": body["KeyId"],
            "SharedSecret": b64encode(shared).decode(),
            "KeyAgreementAlgorithm": "ECDH",
            "KeyOrigin": "AWS_KMS",
        }

    def stop(self):
        """Refuse every connection from now on."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
