"""
`make demo-campaign`: the Greater Manchester campaign of June 2018, from its first draft to the day after its end.

It starts a server of its own on an empty home, since ten days must pass: before each act the server is started again
on the same home, with its clock at the hour of that act. Everything else is as in `make demo`: real HTTP, nothing taken
for granted, and the first thing that does not hold ends it with exit code 1 and its name.

An act is an entry of `ACTS`: when it is, what it is called, and what happens. `--fast` (or QUIETLINE_DEMO_PACE=0) plays
without pauses.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.console import Console
from rich.table import Table

from chalicelib.config import Settings
from chalicelib.local import reach_example
from chalicelib.local.demo import Answer, Broken, CannotBegin, Server, pace_of
from chalicelib.local.demo_stage import Stage
from chalicelib.local.issuer import LocalIssuer
from chalicelib.wiring import House

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SLUG, CODE, REGION = "gm-week", "gm-week", "E23000005"
SITE = "https://quietline.example"
"""The address that is printed and sent: a leaflet cannot lead to this machine."""
PATH = f"/v1/desk/content/campaign/{SLUG}"
PUBLIC = f"/v1/campaigns/{SLUG}"
SESSION = f"{SLUG}-live"
SESSION_PATH = f"/v1/desk/content/session/{SESSION}"
HOUR, DESK = f"/v1/sessions/{SESSION}", f"/v1/desk/sessions/{SESSION}"
_ANSWERED = "questions in the live hour, answered for everybody"
_QUESTIONS = (
    ("What happens when somebody rings the helpline?", False),
    ("Does anybody find out that I asked?", False),
    ("May I ask something that is only for me?", True),
    ("Is there help in Welsh?", False),
    ("Where can my family find help?", False),
)
_HERE = re.compile(r"http://127\.0\.0\.1:(\d+)/v1/signposts")


@dataclass(kw_only=True)
class Campaign:
    """The campaign as it is played: the server of the present act, and what has happened so far."""

    stage: Stage
    home: Path
    server: Server = field(default_factory=lambda: Server("127.0.0.1", 0))
    figures: dict[str, object] = field(default_factory=dict)

    # ------------------------------------------------------------ the acts

    def is_written(self) -> None:
        """An editor writes it; what may not be said is told all at once, and what may is seen before it goes out."""
        record = _record()
        hasty = {
            **record,
            "regions": ["E99999999"],
            "message": {**record["message"], "en": ["We know what you did, Mr Example."]},
            "sms": {**record["sms"], "en": ["We would like to tell you that there is help. " * 4 + "{link}"]},
        }
        self.say("Editor", "writes a first draft, in a hurry")
        refused = self.desk("PUT", PATH, {"record": hasty}, {"If-None-Match": "*"})
        problems = self.must("a draft that singles somebody out is refused", refused, 422)["errors"]
        for each in problems:
            self.say("Quietline", f"refuses {each['pointer']}: {each['code']}", beats=0.4)
        codes = {each["code"] for each in problems}
        self.hold("every problem is told at once", {"unknown-value", "targets-a-person", "too-long"} <= codes)
        drafted = self.desk("PUT", PATH, {"record": record}, {"If-None-Match": "*"})
        entry = self.must("the draft is kept", drafted, 200)
        self.say("Editor", f"writes it again: {record['headline']['en']}")
        preview = self.must("it can be seen before it goes out", self.desk("GET", f"{PATH}/preview"), 200)["shown"]
        for language in ("en", "cy"):
            for each in preview[language]["pack"]["sms"]:
                self.hold("a text message is one message", each["segments"] == 1 and each["encoding"] == "GSM-7")
                without = f", without {' '.join(each['replaced'])}" if each["replaced"] else ""
                self.say("Quietline", f"counts {each['units']} septets of 160{without}: {each['text']}", beats=0.6)
        self.must("a draft is nobody's to read", self.server.ask("GET", PUBLIC), 404)
        held = {"If-Match": f'"{entry["revision"]}"'}
        self.must("it is published", self.desk("POST", f"{PATH}/publish", None, held), 200)
        self.say("Editor", f"publishes it: {record['starts_on']} to {record['ends_on']}")

    def pack_is_fetched(self) -> None:
        """A partner fetches what it will send and print, and checks it."""
        planned = self.must("what is planned is listed", self.server.ask("GET", "/v1/campaigns?when=planned"), 200)
        self.hold("the campaign is among it", SLUG in _slugs(planned))
        self.say("Partner", f"asks what is coming: {_item(planned)['notice']}")
        pack = self.must("the pack is there", self.server.ask("GET", f"{PUBLIC}/pack"), 200)
        whole = self.fetch(f"{PUBLIC}/pack?format=zip")
        with zipfile.ZipFile(io.BytesIO(whole)) as packed:
            self.hold("the zip is whole", packed.testzip() is None)
            for each in pack["files"]:
                content = packed.read(f"{SLUG}/{each['name']}")
                self.hold(f"{each['name']} is what was promised", sha256(content).hexdigest() == each["sha256"])
                if each["name"].endswith(".pdf"):
                    self.hold(f"{each['name']} is tagged", b"/StructTreeRoot" in content)
        self.say("Partner", f"fetches {len(pack['files'])} files, {len(whole) // 1024} KB, and checks each")
        self.say("Partner", f"sends: {pack['en']['sms'][0]['text']}")
        self.say("Partner", f"prints letters and posters, whose code leads to {pack['link']}")
        self.figures["files in the pack"] = len(pack["files"])

    def people_come(self) -> None:
        """It is on: people open its page, and ask for help by the forms that carry its code."""
        here = self.must("what is on is listed", self.server.ask("GET", f"/v1/campaigns?region={REGION}"), 200)
        self.hold("it is on in Greater Manchester", SLUG in _slugs(here))
        elsewhere = self.server.ask("GET", "/v1/campaigns?region=W15000001")
        self.hold("it is not on in North Wales", SLUG not in _slugs(self.must("so it is", elsewhere, 200)))
        self.say("Quietline", f"says: {_item(here)['notice']}")
        page = self.fetch(f"/c/{CODE}?lang=en").decode()
        self.hold("the page has the phone on it", "0808 1000 900" in page)
        form = self.fetch(f"/request?kind=information&campaign={CODE}").decode()
        self.hold("the form carries the code", f'name="campaign" value="{CODE}"' in form)
        self.say("Requester", "scans the code on a poster, reads the page, and opens the form")
        version = self.must("there is a statement", self.server.ask("GET", "/v1/statement"), 200)["version"]
        asked = 0
        for kind, concern in (
            ("information", "own-behaviour"),
            ("information", "someone-else"),
            ("callback", "own-behaviour"),
        ):
            self.ask_for_help(kind, concern, version)
            asked += 1
        self.figures["requests that carried its code"] = asked
        waiting = self.must("the desk sees them", self.desk("GET", "/v1/desk/queue", who="practitioner"), 200)
        self.hold("none was lost", sum(lane["waiting"] for lane in waiting["lanes"]) == asked)
        self.say("Quietline", f"has {asked} requests waiting, and keeps no word of where they came from with them")

    def session_is_announced(self) -> None:
        """An editor announces the live hour of the week."""
        record = _session()
        hasty = {**record, "ends_at": record["starts_at"], "hosts": []}
        self.say("Editor", "announces a live hour, and gets its end and its hosts wrong")
        refused = self.desk("PUT", SESSION_PATH, {"record": hasty}, {"If-None-Match": "*"})
        problems = self.must("an hour without an end is refused", refused, 422)["errors"]
        self.hold("both problems are told at once", {"bad-order", "missing"} <= {each["code"] for each in problems})
        entry = self.must("it is kept", self.desk("PUT", SESSION_PATH, {"record": record}, {"If-None-Match": "*"}), 200)
        held = {"If-Match": f'"{entry["revision"]}"'}
        self.must("it is published", self.desk("POST", f"{SESSION_PATH}/publish", None, held), 200)
        self.say("Editor", f"publishes it: {record['title']['en']}, Wednesday at six")

    def session_is_held(self) -> None:
        """It is live: people ask, two hosts answer, everybody reads along, and nobody has to give a name."""
        shown = self.must("the hour is on", self.server.ask("GET", HOUR), 200)
        self.hold("it is live", shown["state"] == "live")
        self.say("Quietline", f"says: {shown['title']}, {shown['local']}")
        version = self.must("there is a statement", self.server.ask("GET", "/v1/statement"), 200)["version"]
        for text, private in _QUESTIONS:
            body = {"statement_version": version, "details": {"text": text, "private": private}}
            self.must("a question is taken", self.server.ask("POST", f"{HOUR}/questions", body, {}), 201)
            self.say("Requester", f"asks{', for an answer in private' if private else ''}: {text}", beats=0.5)
        answered = 0
        for _ in range(len(_QUESTIONS) - 1):  # the last one waits in vain: the hour ends
            taken = self.must("a host is handed one", self.desk("POST", f"{DESK}/claims", None, who="host"), 201)
            answered += self.host(taken)
        news = self.must("everybody reads along", self.server.ask("GET", f"{HOUR}/answers?after=0"), 200)
        self.hold("what was answered for everybody is there, once", len(news["answers"]) == answered)
        again = self.must("nobody is told twice", self.server.ask("GET", f"{HOUR}/answers?after={news['last']}"), 200)
        self.hold("there is nothing new", again["answers"] == [])
        self.figures[_ANSWERED] = answered

    def host(self, taken: Mapping[str, Any]) -> int:
        """Answer a question for everybody, or in the mailbox if that was asked for; gives 1 or 0."""
        claim, asked = taken["claim"], taken["question"]["details"]
        path, body = f"{DESK}/questions/{claim['request_id']}", {"number": claim["number"]}
        if asked["private"]:
            letter = {**body, "answer": "Thank you for asking. This is for you alone: please ring, and we will listen."}
            self.must("it is in the mailbox", self.desk("POST", f"{path}/answer-privately", letter, who="host"), 201)
            self.say("Host", "answers one in its mailbox, and nowhere else")
            return 0
        said = "Nobody has to say who they are, and nobody is judged for asking. Ring, or use Get Help on your own."
        answer = {**body, "question": asked["text"], "answer": said, "host": 1}
        self.must("it is for everybody", self.desk("POST", f"{path}/answer", answer, who="host"), 201)
        self.say("Host", f"answers for everybody: {asked['text']}", beats=0.6)
        return 1

    def session_is_over(self) -> None:
        """The hour has ended: what was answered stays, what was not is gone."""
        shown = self.must("the hour is still known", self.server.ask("GET", HOUR), 200)
        self.hold("it is over", shown["state"] == "ended")
        waiting = self.must("hosts may look", self.desk("GET", "/v1/desk/sessions", who="host"), 200)["waiting"]
        self.hold("no question waits: the one that was not answered is erased", waiting == 0)
        late = self.server.ask(
            "POST", f"{HOUR}/questions", {"statement_version": "2026-11", "details": {"text": "?"}}, {}
        )
        self.hold("no more is taken", late.status == 409 and late.code == "session-ended")  # noqa: PLR2004 - conflict
        news = self.must("the transcript stays", self.server.ask("GET", f"{HOUR}/answers"), 200)
        self.hold("with what was answered", len(news["answers"]) == self.figures[_ANSWERED])
        self.say("Quietline", "keeps the transcript, and has erased what nobody got to")

    def is_closed(self) -> None:
        """An editor closes it, two days before its end."""
        entry = self.must("it is known at the desk", self.desk("GET", PATH), 200)
        held = {"If-Match": f'"{entry["revision"]}"'}
        closed = self.desk("POST", f"{PATH}/take-down", {"status": "closed"}, held)
        self.must("it is closed", closed, 200)
        self.say("Editor", "closes the campaign")

    def is_over(self) -> None:
        """It is over, says so, and still points to help."""
        on = self.must("what is on is listed", self.server.ask("GET", "/v1/campaigns"), 200)
        self.hold("it is on no more", SLUG not in _slugs(on))
        campaign = self.must("it is still known", self.server.ask("GET", PUBLIC), 200)
        self.hold("it is over", campaign["status"] == "over" and campaign["closed_on"] == "2018-06-29")
        self.hold("it still points to help", bool(campaign["signposts"]) and bool(campaign["help"]["phone"]))
        self.say("Quietline", f"says: {campaign['notice']} Ring {campaign['help']['phone']}")
        page = self.fetch(f"/c/{CODE}?lang=en").decode()
        self.hold("an old poster leads to the phone", campaign["notice"] in page and "0808 1000 900" in page)
        self.say("Requester", "scans a poster that still hangs there, and finds the phone all the same")
        trail = self.must("the trail holds", self.desk("GET", "/v1/desk/audit", who="auditor"), 200)
        deeds = [each["verb"] for each in trail["entries"] if each["verb"] in ("draft", "publish", "take-down")]
        once = ["draft", "publish"]
        self.hold("every deed of the editor is in the trail", deeds == [*once, *once, "take-down"])
        self.hold("the trail is whole", trail["verified"])

    def a_year_passes(self) -> None:
        """Two years' contacts, made up so that they come to what was reported, are counted and published."""
        reach_example.load(House(Settings(home=self.home)))
        self.say("Quietline", "is given made-up counts for the year before and the year to come")

    def reach_is_told(self) -> None:
        """A year on, the report is read: what it says comes from published figures alone."""
        self.say("Quietline", "has published each month when it was over, small figures left out")
        asked = f"/v1/reach?region={REGION}&from=2018-06&to=2019-05"
        told = self.must("what may be published is there", self.server.ask("GET", asked), 200)
        self.hold("1,900 people are told of", told["people"] == {**told["people"], "value": 1900, "at_least": False})
        self.hold("they are 52 % more than the year before", told["change_percent"]["people"] == 52)  # noqa: PLR2004
        page = self.fetch(f"/reach?region={REGION}&from=2018-06&to=2019-05&lang=en").decode()
        self.hold("the page says the same", told["sentence"] in page)
        self.say("Quietline", f"says: {told['sentence']}")
        self.figures["people in Greater Manchester, twelve months (made up)"] = told["people"]["value"]

    # ------------------------------------------------------------ what acts are made of

    def ask_for_help(self, kind: str, concern: str, version: str) -> None:
        """Send a request as the campaign's form does."""
        details: dict[str, object] = {"concern": concern}
        if kind == "callback":
            details |= {"phone": f"07700 900{secrets.randbelow(1000):03}", "safety": {"voicemail": "never"}}
        else:
            details["message"] = "How do I find out more, without giving my name?"
        body = {"statement_version": version, "campaign": CODE, "region": REGION, "details": details}
        path = "/v1/callbacks" if kind == "callback" else "/v1/information-requests"
        answer = self.server.ask("POST", path, body, {"Idempotency-Key": secrets.token_hex(16)})
        due = self.must("a request is accepted", answer, 201)["due"]["local"]
        self.say(
            "Requester", f"asks for {'a call back' if kind == 'callback' else 'information'}; due {due}", beats=0.5
        )

    def say(self, who: str, what: str, *, beats: float = 1.0) -> None:
        """Tell what somebody does."""
        self.stage.say(who, what, beats=beats)

    def must(self, what: str, answer: Answer, status: int) -> Any:  # noqa: ANN401 - JSON
        """
        Give what an answer holds.

        Raises:
            Broken: it has another status.
        """
        self.hold(f"{what} ({answer.status} {answer.code})".replace(" )", ")"), answer.status == status)
        return answer.body

    def hold(self, what: str, it_does: bool) -> None:  # noqa: FBT001 - it reads as a sentence
        """
        Make sure of something.

        Raises:
            Broken: it is not so.
        """
        if not it_does:
            raise Broken(what)

    def desk(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        who: str = "editor",
    ) -> Answer:
        """Ask as somebody who is signed in."""
        token = LocalIssuer(self.home).token(who, f"{who} (demo)", hours=1)
        return self.server.ask(method, path, body, {"Authorization": f"Bearer {token}", **(headers or {})})

    def fetch(self, path: str) -> bytes:
        """Fetch a file or a page, as a browser does."""
        connection = HTTPConnection(self.server.host, self.server.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Accept": "text/html,*/*;q=0.8"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.hold(f"{path.partition('?')[0]} is there ({answer.status})", answer.status == 200)  # noqa: PLR2004 - OK
        return content

    @contextmanager
    def day(self, clock: str) -> Iterator[None]:
        """Let a server run from *clock* on, on the home of the days before."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")}
        environment |= {
            "QUIETLINE_HOME": str(self.home),
            "QUIETLINE_PORT": "0",
            "QUIETLINE_CLOCK": clock,
            "QUIETLINE_URL": SITE,
        }
        running = subprocess.Popen(
            [sys.executable, "-m", "chalicelib.local.run"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self.server = Server("127.0.0.1", _port_said_by(running))
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.communicate(timeout=10)
            finally:
                running.kill()


Act: TypeAlias = tuple[str, str, Callable[[Campaign], None]]
ACTS: tuple[Act, ...] = (
    ("2018-06-20T09:00:00Z", "Wednesday 20 June 2018: an editor writes the campaign", Campaign.is_written),
    ("2018-06-21T08:30:00Z", "Thursday 21 June: a partner fetches the pack", Campaign.pack_is_fetched),
    ("2018-06-25T11:00:00Z", "Monday 25 June: it is on", Campaign.people_come),
    ("2018-06-25T12:00:00Z", "Monday 25 June, noon: a live hour is announced", Campaign.session_is_announced),
    ("2018-06-27T17:05:00Z", "Wednesday 27 June, five past six: the live hour", Campaign.session_is_held),
    ("2018-06-27T18:00:00Z", "Wednesday 27 June, seven: the hour is over", Campaign.session_is_over),
    ("2018-06-29T15:00:00Z", "Friday 29 June: an editor closes it", Campaign.is_closed),
    ("2018-06-30T10:00:00Z", "Saturday 30 June: it is over", Campaign.is_over),
    ("2018-06-30T10:30:00Z", "A year passes", Campaign.a_year_passes),
    ("2019-06-03T09:00:00Z", "Monday 3 June 2019: what may be told of it, a year on", Campaign.reach_is_told),
)


def _record() -> dict[str, Any]:
    """Give the record of the campaign as it is packaged, to be written anew under a name of its own."""
    packaged: dict[str, Any] = dict(House(Settings()).content.campaign_records()["gm-2018.json"])
    del packaged["source"]  # it is still to come
    return {**json.loads(json.dumps(packaged)), "id": SLUG, "code": CODE}


def _session() -> dict[str, Any]:
    """Give the record of the live hour as it is packaged, under a name of its own."""
    (packaged,) = House(Settings()).content.session_records().values()
    return {**json.loads(json.dumps(packaged)), "id": SESSION, "campaign": SLUG}


def _slugs(answer: Mapping[str, Any]) -> list[str]:
    return [each["slug"] for each in answer["campaigns"]]


def _item(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(each for each in answer["campaigns"] if each["slug"] == SLUG)


def _port_said_by(server: subprocess.Popen[str]) -> int:
    said = []
    for line in server.stdout or ():
        said.append(line)
        if found := _HERE.search(line):
            return int(found[1])
    message = f"a server starts: {''.join(said).strip()}"
    raise Broken(message)


def play(campaign: Campaign, acts: Sequence[Act] = ACTS) -> None:
    """
    Play the acts, each on a day of its own.

    Raises:
        Broken: something did not hold.
    """
    for clock, title, act in acts:
        campaign.stage.open(title)
        with campaign.day(clock):
            act(campaign)


def main(arguments: Sequence[str]) -> int:
    """Play the campaign; 0 if everything held, 1 and what did not, 2 if it cannot begin, 130 if it was broken off."""
    parser = argparse.ArgumentParser(prog="make demo-campaign", description="The campaign of June 2018, played.")
    parser.add_argument("--fast", action="store_true", help="without pauses")
    fast = parser.parse_args(arguments).fast
    try:
        pace = 0.0 if fast else pace_of(os.environ.get("QUIETLINE_DEMO_PACE", ""))
    except CannotBegin as error:
        sys.stderr.write(f"{error}\n")
        return 2
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(stage=Stage(console, pace, {}), home=Path(folder))
        try:
            play(campaign)
        except KeyboardInterrupt:
            console.print("\nThe campaign was broken off.")
            return 130
        except (Broken, OSError) as error:
            why = str(error) if isinstance(error, Broken) else "the server goes on answering"
            console.print(f"\nThis did not hold: {why}.", style="bold red", soft_wrap=True)
            return 1
    table = Table("", "", show_header=False)
    for name, figure in campaign.figures.items():
        table.add_row(name, str(figure))
    console.print()
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
