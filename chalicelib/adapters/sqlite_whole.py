"""
Whether a SQLite file is whole, before anything is written to it; and new files, which come into being whole.

SQLite itself would take a file of no length for a new one, and throw the log beside it away; one that was cut short it
goes on reading, with zeros where the rest was, and writes to at its next turn. So it is looked at first, and what is
not whole stays as it is, byte for byte, for whoever can mend it.

A log that ends in the middle is no damage: a crash leaves it so, and what was committed before counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEADER = 100
_MAGIC = b"SQLite format 3\0"
_LOG_HEADER, _FRAME_HEADER = 32, 24
_LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_LOCK_BYTE = 0x40000000
"""Where SQLite puts its locks: the page that holds it is never written."""
LOOKS = 5
"""How often a file is looked at before it counts as damaged: somebody else may be writing to it, or cutting its log."""
MOST_OPEN = 64
"""How many files are kept open to look at: a server has three."""
_OPEN: dict[tuple[int, int], int] = {}
_OPENING = threading.Lock()
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(Exception):  # noqa: N818 - the state of a file
    """The file is cut short, or holds something else."""


def make(path: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    """
    Put a new file that *fill* has filled at *path*, whole or not at all, unless somebody else was first.

    It is renamed and not linked, which not every file system can; a lock keeps the makers from one another.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
            fill(db)
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not path.exists():
            draft.rename(path)
        os.fsync(folder)
    finally:
        os.close(folder)
        for suffix in ("", "-journal", "-wal", "-shm"):
            draft.with_name(f"{draft.name}{suffix}").unlink(missing_ok=True)


def is_there(path: Path) -> bool:
    """Tell whether there is a file, or was one: a log without one is what is left of it."""
    return path.exists() or _size(_log_of(path)) > 0


def look(path: Path) -> None:
    """
    Look at the lengths of the file and its log, which costs a millisecond however much is in them.

    Raises:
        Damaged: it is cut short, or is no database.
        OSError: it cannot be read.
    """
    for again in range(LOOKS, 0, -1):
        if _is_long_enough(path):
            return
        if again > 1:
            time.sleep(0.02)
    raise Damaged


def check(path: Path, *, patience: float) -> None:
    """
    Look at every page, on a connection that does not write: a second or two for the 700 MB of 100,000 requests.

    Where the last one has not closed it in order, indexes are held against their tables as well: a log that is not the
    one that was left beside the file may fit it page by page, and not as a whole.

    Raises:
        Damaged: a part is cut off, or overwritten.
        OSError, sqlite3.Error: it cannot be read.
    """
    look(path)
    how = "integrity_check" if _size(_log_of(path)) else "quick_check"
    mode = "rw" if _size(_journal_of(path)) else "ro"  # a write that was broken off is undone first, and only so
    with contextlib.closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=patience)
    ) as db:
        try:
            said = db.execute(f"PRAGMA {how}(1)").fetchall()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise Damaged from error
            raise
    if said != [("ok",)]:
        raise Damaged


def is_damage(error: BaseException) -> bool:
    """Tell whether SQLite has met what is no database, or no longer a whole one."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE


def _is_long_enough(path: Path) -> bool:
    """Tell whether every page that there should be is in the file or in its log."""
    in_log, wanted = _logged(_log_of(path))  # first: what leaves the log for the file meanwhile is found there
    try:
        file = _kept_open(path)
        header, size = os.pread(file, _HEADER, 0), os.fstat(file).st_size
    except FileNotFoundError:
        return False
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    if len(header) < _HEADER or not header.startswith(_MAGIC) or page < 512 or page & (page - 1):  # noqa: PLR2004
        return False
    if _size(_journal_of(path)):
        return True  # a write that was broken off, which SQLite undoes first
    if wanted is None:
        counted = header[24:28] == header[92:96]  # otherwise something has written it that does not count pages
        wanted = int.from_bytes(header[28:32], "big") if counted else 0
    there = size // page
    missing = (number for number in range(there + 1, wanted + 1) if number != _LOCK_BYTE // page + 1)
    return all(number in in_log for number in missing)


def _kept_open(path: Path) -> int:
    """
    Open *path* once, for as long as this process lives.

    Whoever closes a file gives up every lock that their process has on it (POSIX), SQLite's among them: the next
    process that comes and goes would take itself for the last one, and remove the log under us.
    """
    there = path.stat()
    with _OPENING:
        file = _OPEN.get((there.st_dev, there.st_ino))
        if file is None:
            while len(_OPEN) >= MOST_OPEN:
                os.close(_OPEN.pop(next(iter(_OPEN))))
            file = os.open(path, os.O_RDONLY)
            opened = os.fstat(file)
            _OPEN[opened.st_dev, opened.st_ino] = file
        return file


def _logged(log: Path) -> tuple[set[int], int | None]:
    """
    Give which pages committed frames of the log hold, and how many pages the last commit left; None without one.

    Frames are of the log's present turn as long as they carry its salt; what comes after is left from earlier turns.
    """
    found: set[int] = set()
    wanted = None
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return found, None
    with file:
        header = file.read(_LOG_HEADER)
        if len(header) < _LOG_HEADER or not header.startswith(_LOG_MAGIC):
            return found, None
        page, salt = int.from_bytes(header[8:12], "big"), header[16:24]
        frame, open_frames = file.read(_FRAME_HEADER), set()
        while len(frame) == _FRAME_HEADER and frame[8:16] == salt:
            open_frames.add(int.from_bytes(frame[:4], "big"))
            if committed := int.from_bytes(frame[4:8], "big"):
                found |= open_frames
                open_frames, wanted = set(), committed
            file.seek(page, os.SEEK_CUR)
            frame = file.read(_FRAME_HEADER)
    return found, wanted


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
