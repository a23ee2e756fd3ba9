"""
`make run`: everything on one machine, from one folder.

Takes the settings from the environment, makes keys and database on the first run, says what to open and how to sign
in, and serves both faces until it is stopped.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING

from chalicelib.config import SettingError, Settings
from chalicelib.domain.access import LOCAL_AUTHORIZE, LOCAL_TOKEN, SIGNED_IN
from chalicelib.domain.errors import Refusal, Unauthenticated, Unavailable
from chalicelib.http.reading import preferred_language
from chalicelib.local.issuer import CannotIssueError, LocalIssuer
from chalicelib.local.keys import recovery_warning
from chalicelib.local.server import CannotListen, LocalServer, PortInUse, serve
from chalicelib.local.sign_in import AuthorizationServer
from chalicelib.usecases.doorbell import round_of
from chalicelib.usecases.shredding import NOBODYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.local.server.answering import Extra
    from chalicelib.wiring import House

PURGE_EVERY = 3600.0
LOOK_AT_THE_CLOCK_EVERY = 10.0
TICKET_LIMIT = 100
_SERVER_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 503: "busy"}

log = logging.getLogger("quietline")


def main() -> int:
    """Serve until SIGINT or SIGTERM; what stands in the way is told in one sentence, and the exit code is 2."""
    # The hour is enough: a line about a failed request must not tell when exactly somebody wrote.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", datefmt="%Y-%m-%d %Hh")
    try:
        settings = Settings.from_env(os.environ)
    except SettingError as error:
        return _stop(str(error))
    os.umask(0o077)
    import app as quietline  # noqa: PLC0415 - it reads the settings, which had to be checked first

    house: House = quietline.house
    try:
        house.store.ping()
        house.shred_keys.key(NOBODYS, now=house.clock.now())
        house.sealer.public_keys()
        house.keys.secret("pepper")
        _hourly(house)
    except Unavailable as unavailable:
        return _stop(_WHY.get(unavailable.code, _WHY["storage"]))
    try:
        issuer = _issuer(settings)
        here: list[LocalServer] = []
        serve(
            quietline.app,
            host=settings.host,
            port=settings.port,
            refuse=Refusals(house),
            extra={} if issuer is None else _signing_in(issuer, house, here),
            ticks=[(PURGE_EVERY, lambda: _hourly(house)), *_rounds(house)],
            ready=lambda server: _greet(server, house, issuer, here),
        )
    except PortInUse as error:
        return _stop(f"{error} (QUIETLINE_PORT)")
    except CannotListen as error:
        return _stop(f"{error} (QUIETLINE_HOST)")
    except CannotIssueError as error:
        return _stop(str(error))
    return 0


_WHY = {
    "storage": "QUIETLINE_HOME must be a folder that can be written to, with room on the disk.",
    "keys": "The keys in QUIETLINE_HOME/keys cannot be read or written.",
    "shred-keys": "QUIETLINE_HOME holds requests but not shred.db, without which nothing in them opens: put it back.",
    "store-damaged": "quietline.db in QUIETLINE_HOME is missing, cut short or overwritten, and was left as it is:"
    " move it aside with quietline.db-wal, and put a backup in its place (make restore).",
    "shred-keys-damaged": "shred.db in QUIETLINE_HOME is cut short or overwritten, and was left as it is:"
    " put it back as it was, for without its keys nothing in quietline.db opens.",
    "store-newer": "The database in QUIETLINE_HOME was written by a newer version of Quietline.",
}


def _stop(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 2


def _issuer(settings: Settings) -> LocalIssuer | None:
    """Open the built-in issuer, unless somebody else signs people in, or others could reach it."""
    if settings.oidc_issuer is not None or not settings.on_loopback or "desk" not in settings.faces:
        return None
    return LocalIssuer(settings.home)


def _signing_in(issuer: LocalIssuer, house: House, here: Sequence[LocalServer]) -> Mapping[tuple[str, str], Extra]:
    """Give the routes that only the built-in sign-in has; *here* says which port was taken, once it is."""

    def redirect_uris() -> frozenset[str]:
        loopback = {f"http://{host}:{server.port}" for server in here for host in ("127.0.0.1", "localhost", "[::1]")}
        return frozenset(f"{site}{SIGNED_IN}" for site in loopback | {house.settings.site})

    server = AuthorizationServer(issuer, redirect_uris=redirect_uris)
    return {
        ("POST", "/desk/sign-in"): SignIn(issuer, house),
        ("GET", LOCAL_AUTHORIZE): server.ask,
        ("POST", LOCAL_AUTHORIZE): server.grant,
        ("POST", LOCAL_TOKEN): server.token,
    }


def _hourly(house: House) -> None:
    try:
        # A clock that was set on purpose is believed; AWS keeps its own.
        doubted = house.settings.clock_starts_at is None and house.believing.doubts()
        if doubted:
            log.warning("The clock stands more than a week from where it last stood here: nothing is erased by it and"
                        " no month is published for a day, in case it is wrong. If it is right, there is nothing to"
                        " do.")  # fmt: skip
        found = house.retention.hourly(believed=not doubted)
    except Unavailable as unavailable:
        if unavailable.code == "counts-damaged":
            log.warning("counters.db or reach.db in QUIETLINE_HOME is cut short or overwritten, and was left as it is:"
                        " no figures are counted or shown until it is put back, or moved aside.")  # fmt: skip
            return
        if unavailable.code != "shred-keys":
            raise
        log.warning("Requests are open whose shred keys are missing, though nobody erased them: they cannot be opened"
                    " and are left as they are. Put the shred.db back that they were accepted with.")  # fmt: skip
        return
    if found["purged"] or found["overdue"] or found["parked"]:
        log.info("%(purged)d expired and deleted, %(overdue)d overdue, %(parked)d parked", found)
    if found["trail_broken"]:
        log.warning("The audit trail does not verify: GET /v1/desk/audit says from which entry on.")


def _rounds(house: House) -> list[tuple[float, Rounds]]:
    return [(LOOK_AT_THE_CLOCK_EVERY, Rounds(house))] if "desk" in house.settings.faces else []


class Rounds:
    """Rings the doorbell at the beginning of each round: a schedule's fixed times, kept by looking at the clock."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._last = round_of(house.clock.now())

    def __call__(self) -> None:
        """Ring, if another round has begun."""
        this = round_of(self._house.clock.now())
        if this == self._last:
            return
        self._last = this
        found = self._house.triggers.ring()
        if found["lanes"]:
            log.info("doorbell: something waits in %(lanes)d lanes; %(rang)d rang, %(failed)d failed", found)


def _greet(server: LocalServer, house: House, issuer: LocalIssuer | None, listening: list[LocalServer]) -> None:
    listening.append(server)
    here = f"http://{house.settings.host}:{server.port}"
    lines = ["", "  Quietline is running.", ""]
    if "public" in house.settings.faces:
        lines += [
            f"  Requesters   {here}/            ask for a call back, or for information",
            f"               {here}/mailbox     read the answer with a receipt",
            f"  Partners     {here}/v1/signposts",
            f"  Contract     {here}/docs        ({here}/openapi.json)",
        ]
    if issuer is not None:
        ticket = issuer.ticket("supervisor", "supervisor")
        lines += [
            f"  Desk         {here}/desk#{ticket}",
            "               (this link signs in once; make token gives more)",
        ]
    elif "desk" in house.settings.faces:
        lines += [f"  Desk         {here}/desk        (the built-in sign-in is off)"]
    lines += ["", f"  Data and keys are in {house.settings.home}/. Stop with Ctrl-C.", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    if warning := recovery_warning(house):
        sys.stdout.write(f"{warning}\n")
    sys.stdout.flush()
    try:
        house.opener.check()
    except Unavailable:
        log.warning("The desk's private key is missing from %s/keys: requests are accepted and kept sealed,"
                    " but cannot be opened here until it is put back.", house.settings.home)  # fmt: skip


class Refusals:
    """Words the errors that the server answers by itself."""

    def __init__(self, house: House) -> None:
        self._house = house

    def __call__(self, status: int, code: str, accept_language: str) -> tuple[int, Mapping[str, str], bytes]:
        """Make a problem out of a status and a code."""
        language = preferred_language(accept_language)
        document = self._house.problems.document(status, _SERVER_CODES.get(status, code), language)
        headers = {
            "Content-Type": "application/problem+json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Language": language,
        }
        return status, headers, json.dumps(document, ensure_ascii=False).encode()


class SignIn:
    """Trades a sign-in ticket for a bearer token, once; exists only beside the built-in issuer."""

    def __init__(self, issuer: LocalIssuer, house: House) -> None:
        self._issuer = issuer
        self._refusals = Refusals(house)

    def __call__(self, headers: dict[str, str], query: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:  # noqa: ARG002
        """Answer `POST /desk/sign-in {ticket}` with `{token}`."""
        try:
            if len(body) > TICKET_LIMIT:
                raise Unauthenticated("ticket-invalid")
            token = self._issuer.redeem(str(json.loads(body)["ticket"]))
        except (Refusal, ValueError, KeyError, TypeError, RecursionError):
            return self._refusals(401, "ticket-invalid", headers.get("accept-language", ""))
        answer = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return 200, answer, json.dumps({"token": token}).encode()


if __name__ == "__main__":
    sys.exit(main())
