"""The browser's own modules, run by Node: one process, asked one line at a time; and two key pairs to seal to."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.adapters.hpke import HpkeOpener, HpkeSealer
from chalicelib.domain.receipts import encode

STATIC = Path(__file__).parents[2] / "chalicelib" / "http" / "static"


def find_node() -> str | None:
    """Find Node: the machine's, or the one that Playwright brings along."""
    found = shutil.which("node")
    if found is None:
        try:
            from playwright._impl._driver import compute_driver_executable  # noqa: PLC0415 - where it is installed
        except ImportError:
            return None
        found = str(compute_driver_executable()[0])
    return found if Path(found).exists() else None


class RefusedError(Exception):
    """The browser's side threw."""


class Browser:
    """Asks the modules in `http/static`."""

    def __init__(self, node: str) -> None:
        self._process = subprocess.Popen(
            [node, str(Path(__file__).with_name("talk.mjs")), str(STATIC)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, verb: str, **given: Any) -> Any:
        """Ask one thing."""
        self._process.stdin.write(json.dumps({"verb": verb, **given}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        if "refused" in told:
            raise RefusedError(told["refused"])
        return told["answer"]

    def stop(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(60)


class Desk:
    """A desk key and a recovery key, as Python and as a browser know them."""

    def __init__(self) -> None:
        self.private = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("desk-1", "recovery-1")}
        self.keys = [
            {
                "key_id": name,
                "kem": "DHKEM(P-256, HKDF-SHA256)",
                "public_key": encode(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
            }
            for name, key in self.private.items()
        ]
        self.sealer = HpkeSealer(lambda: self.keys)

    def opener(self, name: str) -> HpkeOpener:
        """Open with one of the two keys."""
        return HpkeOpener(lambda _: (name, self.private[name]), lambda: self.keys)


def as_jwk(private: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Write a private key as WebCrypto reads it."""
    numbers = private.private_numbers()
    return {
        "d": encode(numbers.private_value.to_bytes(32, "big")),
        "x": encode(numbers.public_numbers.x.to_bytes(32, "big")),
        "y": encode(numbers.public_numbers.y.to_bytes(32, "big")),
    }
