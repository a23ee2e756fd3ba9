"""The built-in issuer: its tokens, its tickets that work once, its key that several processes agree on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import jwt
import pytest

from chalicelib.adapters.oidc import local_identity
from chalicelib.config import Settings
from chalicelib.domain.access import SIGN_IN_ROLES
from chalicelib.domain.errors import Unauthenticated
from chalicelib.local.issuer import CannotIssueError, LocalIssuer, main
from chalicelib.wiring import House

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    """Give who may do what with a file."""
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("role", SIGN_IN_ROLES)
def test_tokens_are_recognised(tmp_path: Path, role: str) -> None:
    """A token of the built-in issuer is recognised by those who verify, with its role."""
    person = local_identity(tmp_path).person(LocalIssuer(tmp_path).token(role, "alex"))
    assert (person.subject, person.roles) == ("alex", (role,))


def test_tokens_end(tmp_path: Path) -> None:
    """A token lasts twelve hours, or as long as asked for."""
    issuer = LocalIssuer(tmp_path)
    for token, lasts in ((issuer.token("host", "alex"), 12), (issuer.token("host", "alex", hours=1), 1)):
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == lasts * 3600
    with pytest.raises(Unauthenticated) as refused:
        local_identity(tmp_path).person(issuer.token("host", "alex", hours=-1))
    assert refused.value.code == "token-expired"


def test_another_home_is_another_issuer(tmp_path: Path) -> None:
    """A token from one machine's issuer opens no other machine's desk."""
    LocalIssuer(tmp_path / "here")
    with pytest.raises(Unauthenticated):
        local_identity(tmp_path / "here").person(LocalIssuer(tmp_path / "there").token("host", "alex"))


@pytest.mark.parametrize("role", ["", "admin", "partner", "Host"])
def test_wrong_roles_get_nothing(tmp_path: Path, role: str) -> None:
    """There is no token and no ticket for a role that nobody can sign in with."""
    issuer = LocalIssuer(tmp_path)
    with pytest.raises(CannotIssueError, match="The role must be one of practitioner, "):
        issuer.token(role, "alex")
    with pytest.raises(CannotIssueError):
        issuer.ticket(role)


@pytest.mark.parametrize("subject", ["", "a\nb", "x" * 129])
def test_wrong_subjects_get_nothing(tmp_path: Path, subject: str) -> None:
    """Nobody gets a token that would be refused."""
    with pytest.raises(CannotIssueError, match="The subject must be 1 to 128 printable characters"):
        LocalIssuer(tmp_path).token("host", subject)


def test_home_is_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody else can read the folder, the key and the hashes, and the key set says nothing private."""
    before = os.umask(0)
    try:
        issuer = LocalIssuer(tmp_path / "new" / "home")
        issuer.ticket()
    finally:
        os.umask(before)
    home = tmp_path / "new" / "home"
    assert mode(home) == mode(home / "tickets") == 0o700
    assert mode(home / "issuer.pem") == 0o600
    assert {mode(ticket) for ticket in (home / "tickets").iterdir()} == {0o600}
    assert "d" not in json.loads(issuer.keys.read_text())["keys"][0]


def test_key_stays(tmp_path: Path) -> None:
    """A restart keeps the key, so that tokens live on, and leaves the published set untouched."""
    first = LocalIssuer(tmp_path)
    token, published = first.token("host", "alex"), first.keys.stat().st_ino
    assert LocalIssuer(tmp_path).keys.stat().st_ino == published
    assert local_identity(tmp_path).person(token).subject == "alex"


def test_lost_key_set_is_published_again(tmp_path: Path) -> None:
    """The key set follows from the key: deleted or damaged, it comes back."""
    issuer = LocalIssuer(tmp_path)
    token = issuer.token("host", "alex")
    issuer.keys.write_text("damaged")
    LocalIssuer(tmp_path)
    assert local_identity(tmp_path).person(token).subject == "alex"


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_damaged_key_is_named(tmp_path: Path, content: bytes) -> None:
    """A key that cannot be used is never silently replaced: one sentence says what to do."""
    (tmp_path / "issuer.pem").write_bytes(content)
    with pytest.raises(CannotIssueError, match=r"issuer\.pem .* remove it"):
        LocalIssuer(tmp_path)
    assert (tmp_path / "issuer.pem").read_bytes() == content


def test_threads_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    """Of many that create the key in the same moment, one wins and all use its key."""
    together = Barrier(12)

    def start(number: int) -> str:
        together.wait()
        return LocalIssuer(tmp_path).token("host", f"p{number}")

    with ThreadPoolExecutor(12) as pool:
        tokens = list(pool.map(start, range(12)))
    people = {local_identity(tmp_path).person(token).subject for token in tokens}
    assert len(people) == 12
    assert not list(tmp_path.glob(".writing-*"))


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    """Two processes that find no key make one between them, and both of their tokens are good."""
    command = [sys.executable, "-m", "chalicelib.local.issuer", "token", "--role", "host", "--sub"]
    environment = {**os.environ, "QUIETLINE_HOME": str(tmp_path / "home"), "QUIETLINE_OIDC_ISSUER": ""}
    started = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, env=environment, text=True)
        for name in ("alex", "sam")
    ]
    tokens = [process.communicate(timeout=200)[0] for process in started]
    who = local_identity(tmp_path / "home")
    assert [who.person(token.strip()).subject for token in tokens] == ["alex", "sam"]
    assert [len(token.splitlines()) for token in tokens] == [1, 1]


def test_ticket_signs_in_once(tmp_path: Path) -> None:
    """A ticket gives one token, with its role and name, and then nothing."""
    issuer = LocalIssuer(tmp_path)
    ticket = issuer.ticket("practitioner", "alex")
    person = local_identity(tmp_path).person(issuer.redeem(ticket))
    assert (person.subject, person.roles) == ("alex", ("practitioner",))
    with pytest.raises(Unauthenticated) as refused:
        issuer.redeem(ticket)
    assert refused.value.code == "ticket-invalid"


def test_ticket_is_for_a_supervisor_unless_asked_otherwise(tmp_path: Path) -> None:
    """The link that a fresh start prints opens the whole desk."""
    issuer = LocalIssuer(tmp_path)
    person = local_identity(tmp_path).person(issuer.redeem(issuer.ticket()))
    assert (person.subject, person.roles) == ("supervisor", ("supervisor",))


def test_ticket_works_after_a_restart(tmp_path: Path) -> None:
    """A ticket belongs to the home, not to the process that made it."""
    ticket = LocalIssuer(tmp_path).ticket()
    assert LocalIssuer(tmp_path).redeem(ticket)


def test_racing_for_a_ticket_has_one_winner(tmp_path: Path) -> None:
    """Of twenty who bring the same ticket at the same moment, exactly one signs in."""
    issuer = LocalIssuer(tmp_path)
    for _ in range(10):
        ticket, together = issuer.ticket(), Barrier(20)

        def bring(_: int, ticket: str = ticket, together: Barrier = together) -> bool:
            together.wait()
            try:
                issuer.redeem(ticket)
            except Unauthenticated:
                return False
            return True

        with ThreadPoolExecutor(20) as pool:
            assert sum(pool.map(bring, range(20))) == 1


def test_ticket_expires_after_twelve_hours(tmp_path: Path) -> None:
    """A ticket works up to its last second and not after, and the next ticket sweeps it away."""
    now = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    issuer = LocalIssuer(tmp_path, now=lambda: now)
    early, late, forgotten = issuer.ticket(), issuer.ticket(), issuer.ticket()
    now += timedelta(hours=12, seconds=-1)
    assert issuer.redeem(early)
    now += timedelta(seconds=1)
    with pytest.raises(Unauthenticated):
        issuer.redeem(late)
    issuer.ticket()
    assert len(list((tmp_path / "tickets").iterdir())) == 1
    with pytest.raises(Unauthenticated):
        issuer.redeem(forgotten)


@pytest.mark.parametrize(
    "ticket", ["", "x", "x" * 32, "../issuer.pem", "\0" * 32, "é" * 32, "\ud800" * 32, "x" * 100_000]
)
def test_unknown_tickets_are_refused(tmp_path: Path, ticket: str) -> None:
    """What is no ticket signs nobody in, and touches no file."""
    issuer = LocalIssuer(tmp_path)
    with pytest.raises(Unauthenticated) as refused:
        issuer.redeem(ticket)
    assert refused.value.code == "ticket-invalid"


def test_tickets_are_long_and_kept_as_hashes(tmp_path: Path) -> None:
    """A ticket holds 192 bits, and whoever reads the folder cannot sign in with what is there."""
    issuer = LocalIssuer(tmp_path)
    tickets = {issuer.ticket() for _ in range(50)}
    assert len(tickets) == 50
    assert {len(ticket) for ticket in tickets} == {32}
    kept = "".join(path.name + path.read_text() for path in (tmp_path / "tickets").iterdir())
    assert not any(ticket in kept for ticket in tickets)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a home for the command line."""
    monkeypatch.setenv("QUIETLINE_HOME", str(tmp_path))
    monkeypatch.delenv("QUIETLINE_OIDC_ISSUER", raising=False)
    monkeypatch.delenv("QUIETLINE_HOST", raising=False)
    return tmp_path


@pytest.mark.parametrize("sub", [[], ["--sub", ""]])
def test_command_prints_a_token_and_nothing_else(
    home: Path, capsys: pytest.CaptureFixture[str], sub: list[str]
) -> None:
    """What `make token` prints can be used as it is; without a name the role is the name."""
    assert main(["token", "--role", "auditor", *sub]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.count("\n") == 1
    assert local_identity(home).person(printed.out.rstrip("\n")).subject == "auditor"


def test_command_prints_a_ticket(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `make ticket` prints signs in once; a partner has a key and no ticket."""
    assert main(["ticket", "--role", "practitioner", "--sub", "alex"]) == 0
    ticket = capsys.readouterr().out.rstrip("\n")
    assert LocalIssuer(home).take(ticket) == ("practitioner", "alex")
    assert main(["ticket", "--role", "partner", "--sub", "north"]) == 2


def test_command_issues_partner_keys_of_the_local_house(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a partner the command prints a key that the house knows, keeps no more than its hash, and tells the trail."""
    assert main(["token", "--role", "partner", "--sub", "north-west"]) == 0
    key = capsys.readouterr().out.rstrip("\n")
    house = House(Settings(home=home))
    kept = house.partnering.recognise(key)
    assert (kept.partner, kept.issued_by) == ("north-west", "make-token")
    entries, _ = house.store.trail()
    assert [(each.deed.verb, each.deed.about) for each in entries] == [("issue-key", f"partner/{kept.key_id}")]
    secret = key.rpartition("_north-west")[2].partition("_")[2].encode()
    assert not any(secret in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "--role", "zebra"],
        ["token", "--role", ""],
        ["token", "--role", "host", "--sub", "zebra\n"],
        ["token", "--role", "partner", "--sub", "Zebra zebra"],
        ["token"],
        ["zebra"],
        ["token", "--role", "host", "--zebra"],
        [],
    ],
)
@pytest.mark.usefixtures("home")
def test_command_refuses_in_one_sentence(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """A wrong word gets one sentence on stderr that does not repeat it, nothing on stdout, and status 2."""
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    assert "zebra" not in printed.err.lower()


@pytest.mark.parametrize(
    ("name", "value"), [("QUIETLINE_OIDC_ISSUER", "https://sign-in.example"), ("QUIETLINE_HOST", "192.0.2.1")]
)
@pytest.mark.usefixtures("home")
def test_command_issues_nothing_where_the_issuer_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Where people sign in elsewhere, or others can reach the server, the built-in issuer is off and says so."""
    monkeypatch.setenv(name, value)
    assert main(["token", "--role", "host"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{name} is ")


def test_command_says_when_home_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that is no folder is named in one sentence."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QUIETLINE_HOME", str(tmp_path / "file" / "home"))
    assert main(["token", "--role", "host"]) == 1
    assert capsys.readouterr().err == "QUIETLINE_HOME must be a folder that can be written to.\n"
