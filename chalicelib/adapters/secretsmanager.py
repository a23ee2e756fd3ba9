"""Secrets on AWS: the pepper and the audit trail's key, from Secrets Manager, read once in the life of a process."""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import unavailable
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.adapters.aws import Client


class ManagedSecrets:
    """
    Gives a secret by our name for it; *arns* says where each is.

    Whatever string is stored there, 32 bytes are made of it: an operator generates a long random one and never meets
    the bytes. A failed reading is not remembered, a successful one is: changing a secret takes new processes.
    """

    def __init__(self, client: Client, arns: Mapping[str, str]) -> None:
        self._client = client
        self._arns = arns
        self._read: dict[str, str] = {}
        self._lock = threading.Lock()

    def secret(self, name: str) -> bytes:
        """
        Give the 32-byte secret *name*.

        Raises:
            Unavailable: `keys`, it cannot be read, or there is nothing in it.
        """
        return sha256(self.text(name).encode()).digest()

    def text(self, name: str) -> str:
        """
        Give the secret *name* as it is stored, for one that somebody else has as well.

        Raises:
            Unavailable: `keys`, as above.
        """
        with self._lock:
            if name not in self._read:
                answer = self._client("get_secret_value", refuse=unavailable("keys"), SecretId=self._arns[name])
                text = answer.get("SecretString")
                if not text:
                    raise Unavailable("keys")
                self._read[name] = str(text)
            return self._read[name]
