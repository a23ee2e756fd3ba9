"""
`make backup TO=FILE` and `make restore FROM=FILE`: a whole copy of the requests, never of their shred keys, and back.

`cp` would not do: what was accepted last is in SQLite's log, not yet in the file. A copy is taken while the server
runs, is of one moment, and holds all that was acknowledged before it was begun, with what is published of reach.

A restore wants the server stopped. It looks at the copy before it touches anything, keeps what was there under another
name, and then undoes what the copy brought back: what was withdrawn, expired, taken back or revoked since is so again,
since `shred.db`, which is in no copy, remembers it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.config import SettingError, Settings
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from chalicelib.usecases.retention import Undone

_SHARED = (510, 0x40000002)
"""The bytes that SQLite locks in a file that somebody has open: length and start (its file format, section 2.3)."""
_LOGS = ("-wal", "-shm", "-journal")


class NotDone(Exception):  # noqa: N818 - a refusal, for whoever asked
    """Why nothing was done: a key of `_WHY`."""


_WHY = {
    "which": "Say which file: make backup TO=FILE, make restore FROM=FILE",
    "dynamodb": "QUIETLINE_STORE says dynamodb, which has backups of its own: see Restore in README.md.",
    "nothing": "There is no quietline.db in QUIETLINE_HOME to copy.",
    "there": "There is a file of that name already; a backup never overwrites another.",
    "running": "Quietline is running on QUIETLINE_HOME: stop it first.",
    "damaged": "FROM must name a whole copy, as make backup writes it: this file is none, or is damaged.",
    "newer": "The copy was written by a newer version of Quietline.",
    "shred-keys": "QUIETLINE_HOME holds no shred.db, without which nothing in the copy opens: put it back first.",
}


def backup(home: Path, target: Path) -> None:
    """
    Copy the database of *home*, and the releases of reach, to the new file *target*, as of one moment.

    Raises:
        OSError, sqlite3.Error: it could not be copied; nothing is left at *target*.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"{(home / 'quietline.db').absolute().as_uri()}?mode=rw", uri=True)
            ) as source,
            contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with no log beside it to be forgotten
            copy.execute("CREATE TABLE releases (month TEXT NOT NULL PRIMARY KEY, release TEXT NOT NULL) STRICT")
            copy.executemany("INSERT INTO releases VALUES (?, ?)", _releases(home / "reach.db"))
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.link(draft, target)
    finally:
        draft.unlink()


def _releases(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
        return db.execute("SELECT month, release FROM releases").fetchall()


def restore(settings: Settings, source: Path) -> tuple[Path | None, Undone]:
    """
    Put the copy *source* in the place of the database; give where the old one is kept, and what was undone.

    Raises:
        NotDone: and nothing was changed.
        OSError, sqlite3.Error, Unavailable: the disk or the copy would not; the old database is there, or kept.
    """
    from chalicelib.wiring import House  # noqa: PLC0415 - a backup needs no house

    home, house = settings.home, House(settings)
    _look_at(source, house.schema_version)
    if not (home / "shred.db").exists():
        raise NotDone("shred-keys")
    draft = home / ".quietline.db.restored"
    with _alone(home / "quietline.db"):
        pass  # before a whole copy is written to its disk
    try:
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        releases = _taken_out(draft)
        _sync(draft)
        with _alone(home / "quietline.db"):
            kept = _replace(home / "quietline.db", draft, home / f"replaced-{house.clock.now():%Y%m%dT%H%M%SZ}.db")
    finally:
        for suffix in ("", *_LOGS):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    for month, release in releases:
        house.releases.keep(month, release)
    return kept, house.retention.undo_restored()


def _look_at(source: Path, known: int) -> None:
    """Make sure that *source* is a whole copy, of a version that we can read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?immutable=1", uri=True)) as db:
            sound = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            ours = bool(db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'trail_head'").fetchone()[0])
    except sqlite3.Error:
        sound, version, ours = False, 0, False
    if not (sound and ours):
        raise NotDone("damaged")
    if version > known:
        raise NotDone("newer")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep every server from the file *path*, whole or damaged, in the way that SQLite keeps them from one another."""
    if not path.exists():
        yield
        return
    with path.open("r+b") as file:
        _lock(file)
        yield


def _lock(file: IO[bytes]) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, *_SHARED)
    except OSError:
        raise NotDone("running") from None


def _taken_out(draft: Path) -> list[tuple[str, str]]:
    """Take the releases of reach out of a copy; one that somebody made by other means has none."""
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")  # as it is served: a switch later is a write that can be broken off
        if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'releases'").fetchone()[0]:
            return []
        found = db.execute("SELECT month, release FROM releases").fetchall()
        db.execute("DROP TABLE releases")
        return found


def _replace(path: Path, draft: Path, kept: Path) -> Path | None:
    """
    Put *draft* in the place of *path*, which is kept with its log, byte for byte; None if there was nothing to keep.

    The log of one database must not be met by another. Wherever this is cut off, all that there was is there or kept:
    for a moment there is no database, and nothing starts without one.
    """
    logs = [log for log in _LOGS if path.with_name(path.name + log).exists()]
    for log in logs:
        copied = kept.with_name(kept.name + log)
        shutil.copyfile(path.with_name(path.name + log), copied)
        copied.chmod(0o600)
        _sync(copied)
    there = path.exists()
    if there:
        path.rename(kept)
    _sync(path.parent)
    for log in logs:
        path.with_name(path.name + log).unlink()
    draft.rename(path)
    _sync(path.parent)
    return kept if there or logs else None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _back_up(settings: Settings, target: Path) -> str:
    if not (settings.home / "quietline.db").exists():
        raise NotDone("nothing")
    try:
        backup(settings.home, target)
    except FileExistsError:
        raise NotDone("there") from None
    return f"{target}: the requests as of now, sealed. What is withdrawn from now on cannot be opened in it."


def _restore(settings: Settings, source: Path) -> str:
    kept, undone = restore(settings, source)
    said = f"""{source}: put back. What it brought back is undone again:
  {undone.withdrawn} withdrawn, {undone.closed} without their details, {undone.retracted} public answers taken back, \
{undone.revoked} partners' keys revoked."""
    if undone.missing:
        said += f"""
{undone.missing} requests have no shred key here, and cannot be opened: they are left as they are."""
    if kept is not None:
        said += f"""
What was there is kept as {kept}: what came in after the copy was made is there alone."""
    return f"{said}\nThe audit trail says from now on that entries are missing, because they are."


def _done(work: Callable[[Settings, Path], str], name: str | None) -> str:
    settings = Settings.from_env(os.environ)
    if not Path(name or "").name:
        raise NotDone("which")
    if settings.store != "sqlite":
        raise NotDone("dynamodb")
    return work(settings, Path(name or ""))


def main() -> int:
    """Read the arguments, copy or put back, and say where what is, or why nothing was done."""
    parser = argparse.ArgumentParser(prog="make")
    parser.add_argument("--to")
    parser.add_argument("--from", dest="source")
    given = parser.parse_args()
    try:
        said = _done(_back_up, given.to) if given.source is None else _done(_restore, given.source)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except NotDone as why:
        sys.stderr.write(f"{_WHY[str(why)]}\n")
        return 2
    except (OSError, sqlite3.Error, Unavailable):
        sys.stderr.write("The copy could not be written; the database is as it was, or kept beside it.\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
