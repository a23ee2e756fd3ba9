"""The detector of the canary: it finds what was planted, in whichever encoding and place it got out."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import sqlite3
import zlib
from pathlib import Path

import pytest


def _every_alignment(raw: bytes, encoder) -> set[bytes]:
    """Give what base64 makes of *raw* wherever it starts in a stream, without the characters that others share."""
    found = set()
    for offset in range(3):
        whole = encoder(bytes(offset) + raw)
        found.add(whole[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6])
    return found


def _encodings(text: str) -> dict[str, set[bytes]]:
    forms: dict[str, set[bytes]] = {}

    def add(name: str, *patterns: bytes) -> None:
        forms.setdefault(name, set()).update(patterns)

    for variant in {text, text.lower(), text.upper()}:
        raw = variant.encode()
        add("raw", raw)
        add("UTF-16LE", variant.encode("utf-16-le"))
        add("UTF-16BE", variant.encode("utf-16-be"))
        add("hex", raw.hex().encode(), raw.hex().upper().encode())
        add("base64", *_every_alignment(raw, base64.b64encode))
        add("base64url", *_every_alignment(raw, base64.urlsafe_b64encode))
        add("URL-encoded", *("".join(f"%{byte:{form}}" for byte in raw).encode() for form in ("02x", "02X")))
        add("JSON escapes", *("".join(f"\\u{byte:04{form}}" for byte in raw).encode() for form in ("x", "X")))
    return forms


COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")


class Detector:
    """Finds what was planted, in whichever encoding it got out."""

    def __init__(self, *planted: str) -> None:
        self._patterns: list[tuple[str, bytes]] = []
        for text in planted:
            self.watch(text)

    def watch(self, text: str) -> None:
        """Look for one text more."""
        self._patterns += [(name, each) for name, forms in _encodings(text).items() for each in sorted(forms)]

    def watch_bytes(self, raw: bytes) -> None:
        """Look for bytes, such as a key."""
        forms = {raw, raw.hex().encode(), raw.hex().upper().encode()}
        forms |= _every_alignment(raw, base64.b64encode) | _every_alignment(raw, base64.urlsafe_b64encode)
        self._patterns += [("bytes", each) for each in sorted(forms)]

    def find(self, data: bytes, *, depth: int = 1) -> set[str]:
        """Name the encodings in which something planted is in *data*, compressed parts included."""
        found = {name for name, pattern in self._patterns if pattern in data}
        if depth:
            for match in COMPRESSED.finditer(data):
                with contextlib.suppress(zlib.error):
                    inside = zlib.decompressobj(47).decompress(data[match.start() :], 4_000_000)
                    found |= {f"{name}, compressed" for name in self.find(inside, depth=depth - 1)}
        return found

    def search_folder(self, folder: Path, *, allowed: tuple[str, ...] = ()) -> dict[str, set[str]]:
        """Search every file, every cell of every database, and a backup of each."""
        leaks = {}
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            name = str(path.relative_to(folder))
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # a journal of a write that has just ended
                continue
            if not name.startswith(allowed or ("\0",)) and (found := self.find(data + name.encode())):
                leaks[name] = found
        for path in sorted(folder.rglob("*.db")):
            backup = path.with_name(f"{path.name}-backup")
            closing = contextlib.closing
            with closing(sqlite3.connect(path)) as living, closing(sqlite3.connect(backup)) as copy:
                living.backup(copy)
                for (table,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    for row in copy.execute(f'SELECT * FROM "{table}"'):
                        for cell in row:
                            data = cell if isinstance(cell, bytes) else str(cell).encode()
                            if found := self.find(data):
                                leaks[f"{path.name}:{table}"] = found
            if found := self.find(backup.read_bytes()):
                leaks[backup.name] = found
            backup.unlink()
        return leaks


def logged(caplog: pytest.LogCaptureFixture) -> bytes:
    """Give all that was logged, and what it was made of."""
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join([formatter.format(record) + repr(record.args) for record in caplog.records]).encode()
