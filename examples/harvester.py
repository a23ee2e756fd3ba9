"""
Copies the helpline's directory, and from then on only what has changed: Open Referral UK 3.0, page by page.

    python harvester.py https://help.example services.json

Run it as often as you like, say every hour. `services.json` holds what was copied, by id, and when the last walk began.
A service that is no longer offered stays in it, with another `status`: take it off your pages then.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from quietline_client import Quietline

if TYPE_CHECKING:
    from quietline_client import OrukService

OVERLAP = timedelta(minutes=10)
"""Two clocks are never the same: what changed shortly before the last walk began is looked at once more."""


class Copy(TypedDict):
    """What was copied, and from when on to ask for changes."""

    since: str | None
    services: dict[str, OrukService]


def harvest(helpline: Quietline, copy: Copy, *, now: datetime) -> int:
    """Bring *copy* up to date, and tell how many services came; *since* moves on only after the last page."""
    number, came = 1, 0
    while True:
        page = helpline.oruk_services(page=number, per_page=100, modified_after=copy["since"])
        for service in page["contents"]:
            copy["services"][service["id"]] = service
        came += page["size"]
        if page["last_page"]:
            break
        number += 1
    copy["since"] = (now - OVERLAP).isoformat(timespec="seconds").replace("+00:00", "Z")
    return came


def main(address: str, file: Path) -> None:
    """Harvest into *file*, which appears whole or not at all."""
    kept: Copy = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"since": None, "services": {}}
    came = harvest(Quietline(address), kept, now=datetime.now(UTC))
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(file)
    print(f"{came} came, {len(kept['services'])} known")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
