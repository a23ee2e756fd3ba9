"""
`make recipients`: the public keys that requests are sealed to, as the stacks' parameter `Recipients` takes them.

    make recipients KEYS="kms-1=public.json recovery-1=recovery.pem"

Each key has a name of yours. A `.json` file is what `aws kms get-public-key` printed. A `.pem` file is a key pair of
your own for the day on which the desk's key is gone: made if it is not there, and to be kept off every machine.
"""

from __future__ import annotations

import json
import os
import re
import sys
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from chalicelib.domain.receipts import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

KEM_NAME = "DHKEM(P-256, HKDF-SHA256)"
_NAME = re.compile(r"[\w.-]+")


class NotAKeyError(ValueError):
    """A file that holds no P-256 key; the message is one sentence."""


def recipient(name: str, path: Path) -> dict[str, str]:
    """
    Give the public key in a file, under a name.

    Raises:
        NotAKeyError: it is not what it should be.
    """
    try:
        public = _of_kms(path) if path.suffix == ".json" else _own(path)
        if not _NAME.fullmatch(name) or not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError  # noqa: TRY301 - the one sentence below is for this too
        if not isinstance(public.curve, ec.SECP256R1):
            raise ValueError  # noqa: TRY004, TRY301 - as above
    except (OSError, ValueError, KeyError, TypeError):
        message = (
            f"{name}: {path.name} holds no P-256 key, or the name is not one of letters, digits, dots and hyphens."
        )
        raise NotAKeyError(message) from None
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"key_id": name, "kem": KEM_NAME, "public_key": encode(point)}


def _of_kms(path: Path) -> object:
    return load_der_public_key(b64decode(json.loads(path.read_bytes())["PublicKey"]))


def _own(path: Path) -> object:
    if not path.exists():
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        sys.stderr.write(f"{path} was made. Keep it where no machine reads it: it opens everything.\n")
    return load_pem_private_key(path.read_bytes(), password=None).public_key()


def main(arguments: Sequence[str]) -> int:
    """Print the JSON list on one line, and nothing else."""
    named = [argument.partition("=") for argument in arguments]
    if not named or not all(separator for _, separator, _ in named):
        sys.stderr.write('Use: make recipients KEYS="kms-1=public.json recovery-1=recovery.pem"\n')
        return 2
    try:
        listed = [recipient(name, Path(path)) for name, _, path in named]
    except NotAKeyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(listed, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
