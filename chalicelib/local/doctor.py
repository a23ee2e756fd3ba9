"""
`make doctor`: what is wrong with a deployment's settings, in one sentence each; the exit code is 1 if anything is.

It reads the environment, or a file: what `aws lambda get-function-configuration` prints, or the variables alone. What
names its handler is a function on AWS, and is asked for what that function needs. The doctor names variables and never
tells their values, writes nothing, and asks nobody on the network.
"""

from __future__ import annotations

import json
import os
import sys
from collections import UserDict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.config import SettingError, Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.wiring import House

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

API = "app.app"
_PREFIX = "QUIETLINE_"
_OTHERS = 0o077


class _Asked(UserDict[str, str]):
    """Variables that remember which were asked for: those are the settings that exist."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as a mapping's
        self.names.add(key)
        return super().get(key, default)


def findings(variables: Mapping[str, str], *, handler: str | None = None) -> tuple[str, ...]:
    """Say what is wrong with the settings of the function *handler* on AWS; without one, of a server or of the API."""
    left, found = dict(variables), []
    while True:
        asked = _Asked(left)
        try:
            settings = Settings.from_env(asked)
        except SettingError as error:
            found.append(str(error))
            if left.pop(_named(error), None) is None:
                return tuple(found)
        else:
            break
    found += _unknown(variables, asked.names)
    if settings.clock_starts_at is not None:
        found.append("QUIETLINE_CLOCK is set: the helpline lives at another time than the people who ask it.")
    if handler is None and settings.store != "dynamodb":
        found += _on_one_machine(settings)
    else:
        found += _on_aws(settings)
        found += _FUNCTIONS.get(handler or API, _unknown_function)(settings)
    return tuple(found)


def _named(error: SettingError) -> str:
    return str(error).partition(" ")[0]


def _unknown(variables: Mapping[str, str], known: set[str]) -> Iterator[str]:
    for name in sorted(variables):
        if name.startswith(_PREFIX) and name not in known:
            meant = get_close_matches(name, known, n=1)
            yield f"{name} is no setting" + (f"; {meant[0]} is." if meant else ".")


def _on_aws(settings: Settings) -> Iterator[str]:
    if settings.store != "dynamodb":
        yield "QUIETLINE_STORE must be dynamodb on AWS: what SQLite writes on Lambda is gone with the process."
    if len(settings.faces) > 1:
        yield "QUIETLINE_FACES must name one face on AWS: a function that serves both could read what it accepts."
    if settings.table == settings.shred_table:
        yield "QUIETLINE_SHRED_TABLE must be another table than QUIETLINE_TABLE: shred keys are never backed up."
    if settings.counters_table in {settings.table, settings.shred_table}:
        yield "QUIETLINE_COUNTERS_TABLE must be a table of its own: counts lie apart from what they count."
    if settings.content_table in (settings.table, settings.shred_table):
        yield "QUIETLINE_CONTENT_TABLE must be a table of its own: the public face may not write there."


def _api(settings: Settings) -> Iterator[str]:
    yield from _public(settings) if "public" in settings.faces else _desk(settings)


def _public(settings: Settings) -> Iterator[str]:
    if not settings.recipients:
        yield "QUIETLINE_RECIPIENTS must be set: without a public key nothing can be sealed, so nothing is accepted."
    elif len(settings.recipients) == 1:
        yield "QUIETLINE_RECIPIENTS names one key: without an offline recovery key, all is lost with the desk's."
    if settings.pepper_secret is None:
        yield "QUIETLINE_PEPPER_SECRET must be set: a repeat with the same Idempotency-Key could not be recognised."
    if settings.overflow_queue is None:
        yield "QUIETLINE_OVERFLOW_QUEUE must be set: while the table refuses writes, requests would be turned away."
    for name, value in (
        ("KMS_KEYS", settings.kms_keys),
        ("OIDC_ISSUER", settings.oidc_issuer),
        ("DOORBELL_TOPIC", settings.doorbell_topic),
        ("DOORBELL_WEBHOOK", settings.doorbell_webhook),
        ("DOORBELL_SECRET", settings.doorbell_secret),
    ):
        if value:
            yield f"{_PREFIX}{name} is the desk's, and must not be set on the public face."


def _desk(settings: Settings) -> Iterator[str]:
    if settings.oidc_issuer is None:
        yield "QUIETLINE_OIDC_ISSUER must be set: nobody can sign in."
    elif not settings.oidc_issuer.startswith("https://"):
        yield "QUIETLINE_OIDC_ISSUER must be an https address on AWS."
    if not settings.recipients:
        yield "QUIETLINE_RECIPIENTS must be set: notes and replies could not be sealed."
    if not settings.kms_keys:
        yield "QUIETLINE_KMS_KEYS must be set: nothing that was sent can be opened."
    elif settings.recipients and not {each["key_id"] for each in settings.recipients} & set(settings.kms_keys):
        yield "QUIETLINE_RECIPIENTS names none of the keys in QUIETLINE_KMS_KEYS: what arrives now cannot be opened."
    yield from _trail(settings)
    yield from _behind(settings)


def _trail(settings: Settings) -> Iterator[str]:
    if settings.audit_secret is None:
        yield "QUIETLINE_AUDIT_SECRET must be set: the audit trail could not be written, so nothing would be opened."
    if settings.trail_anchor is None:
        yield "QUIETLINE_TRAIL_ANCHOR must be set: there is no folder on Lambda to keep the trail's anchor in."


def _behind(settings: Settings) -> Iterator[str]:
    if "desk" not in settings.faces:
        yield "QUIETLINE_FACES must be desk: the public face has no such function."
    if settings.pepper_secret is not None:
        yield "QUIETLINE_PEPPER_SECRET is the public face's, and must not be set on the desk."


def _figures(settings: Settings) -> Iterator[str]:
    yield from _behind(settings)
    if settings.metrics is None:
        yield "QUIETLINE_METRICS must be set: no figure would reach the alarms."


def _purge(settings: Settings) -> Iterator[str]:
    yield from _trail(settings)
    yield from _figures(settings)


def _ring(settings: Settings) -> Iterator[str]:
    yield from _behind(settings)
    if settings.doorbell_topic is None and settings.doorbell_webhook is None:
        yield "QUIETLINE_DOORBELL_TOPIC must be set, or _WEBHOOK: nobody is told that something waits."
    if settings.doorbell_secret is not None and settings.doorbell_secret_arn is None:
        yield "QUIETLINE_DOORBELL_SECRET must be an ARN on AWS: whoever looks at the function would see the secret."


def _unknown_function(_settings: Settings) -> Iterator[str]:
    yield f"The function's handler is none of Quietline's: {', '.join(_FUNCTIONS)}."


_FUNCTIONS: Mapping[str, Callable[[Settings], Iterator[str]]] = {
    API: _api,
    "app.purge": _purge,
    "app.watch": _figures,
    "app.ring": _ring,
    "app.drain": _behind,
}
"""What each function needs beside the tables."""


def _on_one_machine(settings: Settings) -> Iterator[str]:
    if not settings.on_loopback and settings.oidc_issuer is None and "desk" in settings.faces:
        yield "QUIETLINE_OIDC_ISSUER must be set where QUIETLINE_HOST is not this machine alone: nobody can sign in."
    if not (settings.home / "quietline.db").exists():
        return  # nothing has run here yet, and looking must not make anything
    if settings.home.stat().st_mode & _OTHERS:
        yield "QUIETLINE_HOME can be read by others on this machine: take their rights away (chmod 700)."
    house = House(settings)
    try:
        house.store.ping()
        house.opener.check()
    except Unavailable as unavailable:
        yield _UNAVAILABLE.get(unavailable.code, "Something in QUIETLINE_HOME cannot be read or written.")


_UNAVAILABLE = {
    "storage": "QUIETLINE_HOME must be a folder that can be written to, with room on the disk.",
    "store-newer": "The database in QUIETLINE_HOME was written by a newer version of Quietline.",
    "key-missing": "The desk's private key is missing from QUIETLINE_HOME/keys: put your copy of it back.",
    "keys": "The keys in QUIETLINE_HOME/keys cannot be read.",
    "store-damaged": "quietline.db in QUIETLINE_HOME is missing or damaged: put a backup in its place.",
    "shred-keys-damaged": "shred.db in QUIETLINE_HOME is damaged: put it back as it was, from a replica.",
    "shred-keys": "shred.db is missing from QUIETLINE_HOME: put it back.",
}


def main(arguments: Sequence[str]) -> int:
    """Print the findings; with an argument, of the function that a file describes."""
    variables: Mapping[str, str] = dict(os.environ)
    handler: str | None = None
    if arguments:
        try:
            said = json.loads(Path(arguments[0]).read_bytes())
            handler = said.get("Handler")
            variables = said.get("Environment", {}).get("Variables", said if handler is None else {})
            if not all(isinstance(value, str) for value in variables.values()):
                raise ValueError  # noqa: TRY301 - the one sentence below is for this too
        except (OSError, ValueError, AttributeError):
            sys.stderr.write("That file is not what `aws lambda get-function-configuration` prints.\n")
            return 2
    found = findings(variables, handler=handler)
    sys.stdout.write("".join(f"{each}\n" for each in found) or "Nothing is wrong with these settings.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
