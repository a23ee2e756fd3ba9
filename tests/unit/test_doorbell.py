"""The doorbell: when it rings, what it says, and that nobody waits for it."""

from __future__ import annotations

import fcntl
import hmac
import json
import socket
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from chalice.test import Client

import app as quietline
from chalicelib.adapters.one_ring import OneRing
from chalicelib.adapters.sns import SnsDoorbell
from chalicelib.adapters.webhook import WebhookDoorbell, signature
from chalicelib.config import SettingError, Settings
from chalicelib.domain.errors import Unavailable
from chalicelib.local.issuer import LocalIssuer
from chalicelib.local.run import Rounds
from chalicelib.ports import LaneState, Ring
from chalicelib.usecases.doorbell import ROUND, Doorkeeping, round_of
from chalicelib.wiring import House

NOW = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
DUE = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
RINGS = (Ring(lane="callback/en", waiting=3, due_at=DUE), Ring(lane="information/cy", waiting=1, due_at=None))
SCHEDULED = {
    "version": "0", "account": "0", "region": "eu-west-2", "detail": {}, "detail-type": "Scheduled Event",
    "source": "aws.events", "time": "2026-11-24T18:15:00Z", "id": "1", "resources": [],
}  # fmt: skip
"""What EventBridge hands over on a schedule."""
SECRET = "a secret of thirty-two characters"


class Bell:
    """A `Doorbell` that remembers."""

    def __init__(self, *, broken=False) -> None:
        self.heard, self.broken = [], broken

    def ring(self, rings, *, at):
        """Ring."""
        if self.broken:
            raise Unavailable("doorbell")
        self.heard.append((at, rings))


def rounds(*lanes, now=NOW, bells=()):
    """Keep the door of a queue that stands so."""
    asked = []

    def told(**when):
        asked.append(when)
        return lanes

    keeping = Doorkeeping(store=SimpleNamespace(lanes=told), doorbells=bells, clock=SimpleNamespace(now=lambda: now))
    return keeping, asked


# --- when


@pytest.mark.parametrize(
    ("state", "rings"),
    [
        ({"waiting": 2, "ready": 1}, True),
        ({"waiting": 2, "ready": 0}, False),
        ({"waiting": 2, "ready": 0, "due_soon": 1}, True),
        ({"waiting": 0, "ready": 0, "claimed": 3, "overdue": 2, "parked": 1}, False),
    ],
)
def test_it_rings_for_what_can_be_claimed_or_comes_due_and_for_nothing_else(state, rings):
    """A callback whose window is tomorrow rings tomorrow; what is in somebody's hands rings for nobody."""
    bell = Bell()
    keeping, asked = rounds(LaneState(lane="callback/en", due_at=DUE, **state), bells=(bell,))
    figures = keeping.round()
    at = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    assert bell.heard == ([(at, (Ring(lane="callback/en", waiting=2, due_at=DUE),))] if rings else [])
    assert figures == {"lanes": int(rings), "rang": int(rings), "failed": 0}
    assert keeping.rung_at == (at if rings else None)
    assert asked == [{"now": NOW, "soon": at + ROUND}]


def test_a_ring_tells_the_round_and_not_the_minute():
    """Whenever in a quarter of an hour somebody wrote, and whenever the schedule fires, the ring is the same."""
    for minute in range(60):
        for second in (0, 59):
            at = round_of(datetime(2026, 11, 24, 18, minute, second, 999, tzinfo=UTC))
            assert (at.minute, at.second, at.microsecond) == (minute // 15 * 15, 0, 0)


def test_nothing_rings_on_a_submission(tmp_path, monkeypatch):
    """The doorbell hears of a request in the next round and not before; the desk page shows when it last rang."""
    house, now = House(Settings(home=tmp_path)), [NOW]
    house.__dict__["clock"] = SimpleNamespace(now=lambda: now[0])
    house.__dict__["_doorbells"] = (bell := Bell(),)
    monkeypatch.setattr(quietline, "house", house)
    bearer = {"Authorization": "Bearer " + LocalIssuer(tmp_path).token("practitioner", "alex")}
    body = {
        "statement_version": "2026-11",
        "details": {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}},
    }
    tick = Rounds(house)
    with Client(quietline.app) as client:

        def ask(method, path, **more):
            return json.loads(client.http.request(method, path, **more).body)

        json_type = {"Content-Type": "application/json"}
        ask("POST", "/v1/callbacks", headers=json_type, body=json.dumps(body).encode())
        assert ask("GET", "/v1/desk/queue", headers=bearer)["rung_at"] is None
        for minute in (5, 9, 14):
            now[0] = NOW.replace(minute=minute)
            tick()
        assert bell.heard == []
        for minute in (15, 16, 29):
            now[0] = NOW.replace(minute=minute)
            tick()
        assert [at.minute for at, _ in bell.heard] == [15]
        assert ask("GET", "/v1/desk/queue", headers=bearer)["rung_at"] == "2026-11-24T18:15:00Z"
        ask("POST", "/v1/desk/claims", headers=bearer)
        now[0] = NOW.replace(minute=30)
        tick()
    assert len(bell.heard) == 1


def test_servers_that_share_a_folder_ring_once_between_them(tmp_path):
    """Of any number that come to a round at once one rings; a round that nobody heard is left to the next of them."""
    bell = Bell()
    servers = [OneRing(bell, tmp_path / "home" / "doorbell.0") for _ in range(4)]
    for round_at in (NOW, NOW + ROUND):
        ringing = [Thread(target=each.ring, args=((),), kwargs={"at": round_at}) for each in servers]
        for thread in ringing:
            thread.start()
        for thread in ringing:
            thread.join()
    assert [at for at, _ in bell.heard] == [NOW, NOW + ROUND]
    bell.broken = True
    with pytest.raises(Unavailable):
        servers[0].ring((), at=NOW + 2 * ROUND)
    bell.broken = False
    servers[1].ring((), at=NOW + 2 * ROUND)
    servers[2].ring((), at=NOW + 2 * ROUND)
    assert [at for at, _ in bell.heard] == [NOW, NOW + ROUND, NOW + 2 * ROUND]


def test_a_server_that_is_suspended_while_it_rings_silences_nobody(tmp_path):
    """Its neighbour waits for as long as a ring takes, and then rings: twice is better than never; once is kept."""
    bell, mark = Bell(), tmp_path / "doorbell.0"
    with mark.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for _ in range(2):
            OneRing(bell, mark, patience=0.1).ring((), at=NOW)
        assert [at for at, _ in bell.heard] == [NOW]
    OneRing(bell, mark).ring((), at=NOW)
    OneRing(bell, mark).ring((), at=NOW + ROUND)
    assert [at for at, _ in bell.heard] == [NOW, NOW + ROUND]


def test_one_doorbell_that_fails_does_not_silence_the_other():
    """Each is tried once a round; what failed is a figure."""
    bells = (Bell(broken=True), Bell())
    keeping, _ = rounds(LaneState(lane="callback/en", waiting=1, ready=1), bells=bells)
    assert keeping.round() == {"lanes": 1, "rang": 1, "failed": 1}
    bells[0].broken = False
    assert keeping.round() == {"lanes": 1, "rang": 2, "failed": 0}


def test_a_store_that_is_down_or_broken_ends_a_round_and_not_the_schedule(tmp_path, monkeypatch, caplog):
    """Called as Lambda calls it: figures, and a line without a word of what broke it."""
    house = House(Settings(home=tmp_path))
    keeping, _ = rounds()

    def breaks(**_when):
        message = "amber-falcon"
        raise ValueError(message)

    keeping.store.lanes = breaks
    house.__dict__["_doorkeeping"] = keeping
    monkeypatch.setattr(quietline, "house", house)
    assert quietline.ring(SCHEDULED, None) == {"lanes": 0, "rang": 0, "failed": 0}
    assert "ValueError" in caplog.text
    assert "amber-falcon" not in caplog.text


# --- SNS


def test_sns_is_told_lane_count_and_due_time_in_local_words():
    """A line for each lane and nothing else; the times are the helpline's."""
    published = []

    def client(action, *, refuse, **parameters):
        published.append((action, parameters))
        return {"MessageId": "m"}

    SnsDoorbell(client, "arn:topic", ZoneInfo("Europe/London")).ring(RINGS, at=NOW)
    assert published == [
        (
            "publish",
            {
                "TopicArn": "arn:topic",
                "Subject": "Quietline: something waits",
                "Message": "callback/en: 3 waiting, next due Tue 24 Nov 20:00\ninformation/cy: 1 waiting",
            },
        )
    ]


@pytest.mark.parametrize("answer", [{}, None])
def test_sns_that_does_not_take_it_is_a_failure(answer):
    """Refused, or answered with something that is no yes."""

    def client(_action, *, refuse, **_parameters):
        if answer is None:
            raise refuse("NotFound")
        return answer

    with pytest.raises(Unavailable, match="doorbell"):
        SnsDoorbell(client, "arn:topic", ZoneInfo("Europe/London")).ring(RINGS, at=NOW)


# --- the webhook


class Receiver:
    """A web server that answers as it is told and remembers what it heard."""

    def __init__(self, answer) -> None:
        heard = self.heard = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path, dict(self.headers), body))
                answer(self)

            def log_message(self, *args):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def says(status, **headers):
    """Answer with a status."""

    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_the_webhook_is_signed_and_says_no_more_than_a_ring():
    """Whoever has the secret can tell that it is ours and fresh, as the documentation says to."""
    with Receiver(says(204)) as receiver:
        WebhookDoorbell(f"{receiver.url}/bell?to=rota", lambda: SECRET, wall=lambda: 1_795_000_000.9).ring(
            RINGS, at=NOW
        )
    ((path, headers, body),) = receiver.heard
    assert (path, headers["Content-Type"]) == ("/bell?to=rota", "application/json")
    assert json.loads(body) == {
        "rung_at": "2026-11-24T18:05:00Z",
        "lanes": [
            {"lane": "callback/en", "waiting": 3, "next_due_at": "2026-11-24T20:00:00Z"},
            {"lane": "information/cy", "waiting": 1, "next_due_at": None},
        ],
    }
    seconds, given = (part.split("=")[1] for part in headers["Quietline-Signature"].split(","))
    expected = hmac.new(SECRET.encode(), seconds.encode() + b"." + body, "sha256").hexdigest()
    assert (seconds, given) == ("1795000000", expected)
    assert set(headers) == {"Host", "Accept-Encoding", "Content-Length", "Content-Type", "Quietline-Signature"}


def test_on_aws_the_secret_is_read_when_the_bell_rings(monkeypatch):
    """The setting names a place in Secrets Manager; what lies there signs, and without it no bell rings."""
    arn = "arn:aws:secretsmanager:eu-west-2:000000000000:secret:doorbell"
    kept, asked = {"SecretString": SECRET}, []

    def manager(action, *, refuse, **parameters):
        asked.append((action, parameters))
        if not kept:
            raise refuse("AccessDeniedException")
        return kept

    monkeypatch.setattr("chalicelib.adapters.aws.Client", lambda *_args, **_kwargs: manager)
    with Receiver(says(204)) as receiver:
        house = House(Settings(store="dynamodb", doorbell_webhook=receiver.url, doorbell_secret=arn))
        (bell,) = house._doorbells
        assert asked == []
        bell.ring(RINGS, at=NOW)
        ((_, headers, body),) = receiver.heard
        (other,) = House(house.settings)._doorbells
        kept.clear()
        with pytest.raises(Unavailable, match="keys"):
            other.ring(RINGS, at=NOW)
    seconds = headers["Quietline-Signature"].partition(",")[0].removeprefix("t=")
    assert headers["Quietline-Signature"] == signature(body, secret=SECRET.encode(), seconds=int(seconds))
    assert asked[0] == ("get_secret_value", {"SecretId": arn})
    assert len(receiver.heard) == 1


def test_a_signature_is_of_this_body_at_this_time():
    """Another body, another second or another secret, and it is another."""
    one = signature(b"{}", secret=b"x", seconds=7)
    assert one.startswith("t=7,v1=")
    others = [
        signature(b"{ }", secret=b"x", seconds=7),
        signature(b"{}", secret=b"y", seconds=7),
        signature(b"{}", secret=b"x", seconds=8).replace("t=8", "t=7"),
    ]
    assert one not in others


@pytest.mark.parametrize("status", [301, 302, 307, 400, 403, 404, 410, 500, 503])
def test_any_answer_but_yes_is_a_failure_and_no_redirect_is_followed(status):
    """Nobody sends us, with our signature, somewhere else."""
    with Receiver(says(status, Location="/elsewhere")) as receiver:
        with pytest.raises(Unavailable, match="doorbell"):
            WebhookDoorbell(receiver.url, lambda: SECRET).ring(RINGS, at=NOW)
        assert [path for path, _, _ in receiver.heard] == ["/"]


def test_a_webhook_that_nobody_answers_is_a_failure():
    """Refused, unknown, or no web server at all."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{held.getsockname()[1]}"
        for address in (closed, "https://nobody.invalid/bell", closed.replace("http:", "https:")):
            with pytest.raises(Unavailable, match="doorbell"):
                WebhookDoorbell(address, lambda: SECRET, patience=2.0).ring(RINGS, at=NOW)


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_webhook_that_hangs_is_given_up_on(drip):
    """Silent, or answering byte by byte without an end: the round goes on, and the connection is cut."""
    cut = threading.Event()

    def hang(handler):
        handler.wfile.write(drip)
        handler.connection.settimeout(60)
        try:
            while handler.connection.send(b"x") if drip else handler.connection.recv(1):
                time.sleep(0.02)
        except ConnectionError:
            pass
        except TimeoutError:
            return
        cut.set()

    with Receiver(hang) as receiver:
        with pytest.raises(Unavailable, match="doorbell"):
            WebhookDoorbell(receiver.url, lambda: SECRET, patience=0.3).ring(RINGS, at=NOW)
        assert cut.wait(60)
    assert len(receiver.heard) == 1


# --- settings


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("QUIETLINE_DOORBELL_WEBHOOK", "http://rota.example/bell"),
        ("QUIETLINE_DOORBELL_WEBHOOK", "https://user:pass@rota.example/bell"),
        ("QUIETLINE_DOORBELL_WEBHOOK", "ftp://127.0.0.1/"),
        ("QUIETLINE_DOORBELL_SECRET", "short"),
        ("QUIETLINE_DOORBELL_TOPIC", "doorbell"),
        ("QUIETLINE_OVERFLOW_QUEUE", "quietline-overflow"),
        ("QUIETLINE_MAIL", "smtp"),
        ("QUIETLINE_PEPPER_SECRET", "pepper"),
        ("QUIETLINE_AUDIT_SECRET", "arn:aws:kms:eu-west-2:0:key/x"),
        ("QUIETLINE_KMS_KEYS", "desk-1"),
        ("QUIETLINE_KMS_KEYS", "=,="),
        ("QUIETLINE_RECIPIENTS", "[]"),
        ("QUIETLINE_RECIPIENTS", '[{"key_id": "desk-1", "kem": "x", "public_key": "BAAA"}]'),
        ("QUIETLINE_RECIPIENTS", "{nonsense"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(variable, wrong):
    """One sentence; the value may be a secret."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env({"QUIETLINE_DOORBELL_SECRET": SECRET, variable: wrong})
    assert str(caught.value).startswith(f"{variable} must be ")
    assert wrong not in str(caught.value)


def test_right_settings_are_read():
    """Each into its place; the shared secret shows in no representation."""
    public = "B" + "A" * 86
    recipient = {"key_id": "desk-1", "kem": "DHKEM(P-256, HKDF-SHA256)", "public_key": public}
    arn = "arn:aws:kms:eu-west-2:000000000000:key/1"
    settings = Settings.from_env(
        {
            "QUIETLINE_KMS_KEYS": f"desk-1={arn}, desk-0=alias/old=1",
            "QUIETLINE_RECIPIENTS": json.dumps([recipient]),
            "QUIETLINE_DOORBELL_WEBHOOK": "http://127.0.0.1:9000/bell",
            "QUIETLINE_DOORBELL_SECRET": SECRET,
            "QUIETLINE_MAIL": "ses",
        }
    )
    assert settings.kms_keys == {"desk-1": arn, "desk-0": "alias/old=1"}
    assert (settings.recipients, settings.mail) == ((recipient,), "ses")
    assert SECRET not in repr(settings)
    with pytest.raises(SettingError, match="QUIETLINE_DOORBELL_SECRET must be set"):
        Settings.from_env({"QUIETLINE_DOORBELL_WEBHOOK": "https://rota.example/bell"})
