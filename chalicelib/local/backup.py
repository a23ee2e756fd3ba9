"""
`make backup TO=FILE`: a whole copy of the requests, taken while the server runs; never of the shred keys.

`cp` would not do: what was accepted last is in SQLite's log, not yet in the file. To put a copy back, stop the server,
remove `quietline.db-wal` and `quietline.db-shm`, and put the copy in the place of `quietline.db`; `shred.db` stays.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import sys
from pathlib import Path

from chalicelib.config import SettingError, Settings


def backup(home: Path, target: Path) -> None:
    """
    Copy the database of *home* to the new file *target*, as of one moment.

    Raises:
        OSError, sqlite3.Error: it could not be copied; nothing is left at *target*.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{home / 'quietline.db'}?mode=rw", uri=True)) as source,
            contextlib.closing(sqlite3.connect(draft)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with no log beside it to be forgotten
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.link(draft, target)
    finally:
        draft.unlink()


def main() -> int:
    """Read the arguments, copy, and say where the copy is or why there is none."""
    parser = argparse.ArgumentParser(prog="make backup")
    parser.add_argument("--to", required=True)
    target = Path(parser.parse_args().to or "")
    try:
        home = Settings.from_env(os.environ).home
        if not target.name:
            sys.stderr.write("Say where the copy goes: make backup TO=FILE\n")
            return 2
        if not (home / "quietline.db").exists():
            sys.stderr.write("There is no quietline.db in QUIETLINE_HOME to copy.\n")
            return 2
        backup(home, target)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except FileExistsError:
        sys.stderr.write("There is a file of that name already; a backup never overwrites another.\n")
        return 2
    except (OSError, sqlite3.Error):
        sys.stderr.write("The copy could not be written; the database is as it was.\n")
        return 1
    sys.stdout.write(
        f"{target}: the requests as of now, sealed. What is withdrawn from now on cannot be opened in it.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
