"""
`make rotate` and `make recover`: the keys of an embedded installation, in the hands of whoever runs it.

Rotation makes a new desk key the current one; running servers seal to it from their next request on, and the old key
files stay, because what was sealed before opens with them alone. Recovery opens one request with the offline key.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from chalicelib.config import SettingError, Settings
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.wiring import House

_WHY = {
    "keys": "The keys in QUIETLINE_HOME/keys cannot be read or written; nothing was changed.",
    "key-missing": "That file holds no recovery key.",
    "request-unknown": "There is no such request, or it was withdrawn and erased.",
    "storage": "The database in QUIETLINE_HOME cannot be read or written.",
    "store-damaged": "quietline.db in QUIETLINE_HOME is missing or damaged; nothing was changed.",
    "shred-keys-damaged": "shred.db in QUIETLINE_HOME is damaged; nothing was changed.",
    "store-newer": "The database in QUIETLINE_HOME was written by a newer version of Quietline.",
}


def main(arguments: list[str] | None = None) -> int:
    """Do what was asked; what stands in the way is told in one sentence, and the exit code is 2."""
    asked = _arguments(arguments)
    os.umask(0o077)
    try:
        house = House(Settings.from_env(os.environ))
        if asked.verb == "rotate":
            return _rotate(house)
        return _recover(house, asked)
    except SettingError as error:
        return _stop(str(error))
    except (NotFound, Unavailable) as refusal:
        return _stop(_WHY.get(refusal.code, _WHY["storage"]))


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chalicelib.local.keys")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("rotate", help="make a new desk key the current one")
    recover = verbs.add_parser("recover", help="open one request with the recovery key")
    recover.add_argument("--key", type=Path, required=True, help="the recovery key's file, from where it is kept")
    recover.add_argument("--request", required=True, help="the request's id")
    recover.add_argument("--by", required=True, help="who does it, for the audit trail")
    return parser.parse_args(arguments)


def _rotate(house: House) -> int:
    if not (house.settings.home / "keys").is_dir():
        return _stop("There are no keys yet: start the server once.")
    key_id = house.keys.rotate()
    sys.stdout.write(
        f"{key_id} is the desk's key from now on; running servers follow by themselves.\n"
        f"What was sealed before opens with the old key files: keep them in {house.settings.home}/keys until the last\n"
        "request from before has expired (QUIETLINE_RETENTION_DAYS, 90 by default), and add the new one to your copy.\n"
    )
    sys.stdout.write(recovery_warning(house))
    return 0


def recovery_warning(house: House) -> str:
    """Say that a recovery key lies where it should not, and what to do; nothing once it has been moved."""
    return "".join(
        f"  The recovery key is still in {house.settings.home}/keys/{name}. Move that file off this machine now, to a\n"
        "  place that only a supervisor can open: it opens every request. Sealing to it goes on without it.\n"
        for name in house.keys.recovery_keys_here()
    )


def _recover(house: House, asked: argparse.Namespace) -> int:
    opened = house.recovery(asked.key).open(asked.request, by=asked.by)
    shown = {
        "details": opened.details,
        "unreadable": opened.unreadable,
        "messages": [{"author": each.author, **(each.content or {})} for each in (*opened.messages, *opened.notes)],
    }
    sys.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2) + "\n")
    return 0


def _stop(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
