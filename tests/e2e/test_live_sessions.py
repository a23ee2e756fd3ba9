"""Live sessions over real sockets: asking, hosting and reading along, and all of it at once."""

from __future__ import annotations

import asyncio
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

HOUR = "/v1/sessions/gm-2018-live"
DESK = "/v1/desk/sessions/gm-2018-live"
LIVE = "2018-06-27T17:05:00Z"
READERS = int(os.environ.get("QUIETLINE_SESSION_READERS", "500"))
ASKERS = int(os.environ.get("QUIETLINE_SESSION_ASKERS", "50"))


@pytest.fixture
def live(open_house):
    """A server on which the session of June 2018 began five minutes ago."""
    with open_house(LIVE) as quietline:
        yield quietline


def question(text, *, private=False):
    """Give the body of a question."""
    return {"statement_version": "2026-11", "details": {"text": text, "private": private}, "language": "en"}


def test_a_session_from_asking_to_reading(live):
    """Two people ask; one is answered for everybody and one in private; readers are given what is new and no more."""
    host = live.token("host")
    shown = live.ask("GET", HOUR).json()
    assert (shown["state"], shown["local"]) == ("live", "Wednesday 27 June 2018, 6pm to 7pm")
    assert [each["role"] for each in shown["hosts"]] == ["Senior police representative", "Senior practitioner"]
    assert live.ask("GET", "/v1/sessions").json()["sessions"] == [shown]
    for text, private in (("For everybody?", False), ("For me?", True)):
        accepted = live.ask("POST", f"{HOUR}/questions", question(text, private=private))
        assert accepted.status == 201
        assert accepted.json()["due"]["by"] == "2018-06-27T18:00:00Z"
    assert live.ask("GET", "/v1/desk/sessions", token=host).json()["waiting"] == 2
    empty = live.ask("GET", f"{HOUR}/answers")
    assert (empty.json()["answers"], empty.json()["last"]) == ([], 0)
    unchanged = live.ask("GET", f"{HOUR}/answers", headers={"If-None-Match": empty.headers["etag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")
    while (taken := live.ask("POST", f"{DESK}/claims", token=host)).status == 201:
        held = taken.json()
        path = f"{DESK}/questions/{held['claim']['request_id']}"
        body = {"number": held["claim"]["number"], "answer": "Somebody listens."}
        if held["question"]["details"]["private"]:
            refused = live.ask("POST", f"{path}/answer", {**body, "question": "x"}, token=host)
            assert (refused.status, refused.json()["code"]) == (409, "private")
            assert live.ask("POST", f"{path}/answer-privately", body, token=host).status == 201
        else:
            placed = live.ask("POST", f"{path}/answer", {**body, "question": "What happens?", "host": 1}, token=host)
            assert placed.json()["seq"] == 1
    assert taken.status == 204
    news = live.ask("GET", f"{HOUR}/answers?after=0", headers={"If-None-Match": empty.headers["etag"]}).json()
    assert [(each["question"], each["answer"]) for each in news["answers"]] == [("What happens?", "Somebody listens.")]
    assert news["answers"][0]["host"]["role"] == "Senior practitioner"
    assert live.ask("GET", f"{HOUR}/answers?after={news['last']}").json()["answers"] == []
    gone = live.ask("DELETE", f"{DESK}/answers/{news['answers'][0]['id']}", token=host)
    assert gone.json()["seq"] == 2
    (entry,) = live.ask("GET", f"{HOUR}/answers?after={news['last']}").json()["answers"]
    assert (entry["retracted"], entry["answer"]) == (True, "")


def test_asking_without_javascript(live):
    """The form hands out a receipt, shows its mistakes with what was typed, and the mailbox has no form to write in."""
    page = live.ask("GET", "/sessions/gm-2018-live/ask?lang=cy", headers={"Accept": "text/html"}).body.decode()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    html = {"Accept": "text/html"}
    refused = live.ask("POST", f"{HOUR}/questions?lang=cy", form={**fields, "text": "Beth?"}, headers=html)
    assert refused.status == 422
    assert "Beth?" in refused.body.decode()
    form = {**fields, "text": "Beth?", "private": "true", "statement_version": "2026-11"}
    accepted = live.ask("POST", f"{HOUR}/questions?lang=cy", form=form, headers=html)
    assert accepted.status == 201
    code = re.sub(r"<[^>]+>", "", re.search(r'id="receipt"[^>]*>(.*?)</code>', accepted.body.decode())[1])
    mailbox = live.ask("POST", "/mailbox?lang=cy", form={"receipt": code}, headers=html).body.decode()
    assert "westeiwyr y sesiwn" in mailbox
    assert "<textarea" not in mailbox
    written = live.ask("POST", "/v1/mailbox/messages", {"text": "More?"}, receipt=code)
    assert (written.status, written.json()["code"]) == (409, "not-a-conversation")


def test_the_end_of_a_session(open_house):
    """A session that is over says so, still points to help, keeps its answers, and takes no question."""
    with open_house("2018-06-27T18:00:00Z") as quietline:
        assert quietline.ask("GET", HOUR).json()["state"] == "ended"
        refused = quietline.ask("POST", f"{HOUR}/questions", question("Too late?"))
        assert (refused.status, refused.json()["code"]) == (409, "session-ended")
        page = quietline.ask("GET", "/sessions/gm-2018-live/ask", headers={"Accept": "text/html"})
        assert page.status == 200
        assert "This session is over" in page.body.decode()
        assert "0808 1000 900" in page.body.decode()


class Reader:
    """Somebody who follows a session by polling on one connection, as the page does."""

    def __init__(self, port) -> None:
        self._port, self.last, self.seen, self._etag = port, 0, {}, None

    async def follow(self, until):
        """Ask again and again until the entry *until* has been read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while len(self.seen) < until:
            held = f"If-None-Match: {self._etag}\r\n" if self._etag else ""
            writer.write(f"GET {HOUR}/answers?after={self.last} HTTP/1.1\r\nHost: x\r\n{held}\r\n".encode())
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(re.search(r"(?i)content-length: (\d+)", head)[1]) if "304" not in head.split("\r\n")[0] else 0
            body = await reader.readexactly(length)
            if length:
                self._take(json.loads(body), re.search(r"(?i)etag: (\S+)", head)[1])
            await asyncio.sleep(0.5)
        writer.close()

    def _take(self, news, etag):
        assert [each["seq"] for each in news["answers"]] == sorted(each["seq"] for each in news["answers"])
        for each in news["answers"]:
            assert each["id"] not in self.seen, "doubled"
            assert each["seq"] > self.last
            self.seen[each["id"]] = each["question"]
        self._etag = None if news["answers"] else etag
        self.last = news["last"]


def test_many_readers_and_many_askers_at_once(live):
    """500 people read along while 50 ask and three hosts answer: every question once, to every reader, none lost."""
    asked = [f"Question {at}?" for at in range(ASKERS)]

    def ask(text):
        accepted = live.ask(
            "POST",
            f"{HOUR}/questions",
            question(text),
            headers={"Idempotency-Key": f"{text:-<20}"[:60].replace(" ", "-")},
        )
        assert accepted.status == 201
        return accepted.json()["request_id"]

    def host(name):
        token, done = live.token("host", name), []
        while len(answered) < ASKERS:
            taken = live.ask("POST", f"{DESK}/claims", token=token)
            if taken.status == 204:
                continue
            held = taken.json()
            body = {
                "number": held["claim"]["number"],
                "question": held["question"]["details"]["text"],
                "answer": "Yes.",
            }
            path = f"{DESK}/questions/{held['claim']['request_id']}/answer"
            assert live.ask("POST", path, body, token=token).status == 201
            answered.append(held["question"]["details"]["text"])
            done.append(body["question"])
        return done

    answered: list[str] = []

    async def everybody():
        readers = [Reader(live.port) for _ in range(READERS)]
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(24) as pool:
            hosts = [loop.run_in_executor(pool, host, f"host-{at}") for at in range(3)]
            askers = [loop.run_in_executor(pool, ask, text) for text in asked]
            await asyncio.gather(*(reader.follow(ASKERS) for reader in readers))
            ids = await asyncio.gather(*askers)
            await asyncio.gather(*hosts)
        return readers, ids

    readers, ids = asyncio.run(everybody())
    assert len(set(ids)) == ASKERS
    assert sorted(answered) == sorted(asked)
    for reader in readers:
        assert sorted(reader.seen.values()) == sorted(asked)
