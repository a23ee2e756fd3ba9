"""What is there to be copied: the Python client and the harvester, run against a server as a partner would run them."""

from __future__ import annotations

import ast
import http.client
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import harvester
import pytest
from quietline_client import Quietline, Refused

from chalicelib.http.contract import JSON, build, operations
from chalicelib.local import client as client_maker

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_client_is_the_one_that_the_contract_gives(tmp_path, capsys):
    """The check passes on the committed client and fails on one that differs or is missing; writing mends it."""
    assert client_maker.main(["--check"]) == 0
    other = tmp_path / "quietline_client.py"
    assert client_maker.main(["--check"], other) == 1
    assert "make client" in capsys.readouterr().err
    assert client_maker.main([], other) == 0
    assert client_maker.main(["--check"], other) == 0
    other.write_text(other.read_text().replace("def slots", "def slot"))
    assert client_maker.main(["--check"], other) == 1
    assert client_maker.main(["--write"], other) == 2


def test_every_operation_that_speaks_json_is_a_method():
    """Nothing that a program could ask is missing from the client, and it has nothing besides."""
    document = build()
    spoken = {
        operation.name
        for operation in operations()
        if any(
            status == "204" or JSON in response.get("content", {})
            for status, response in document["paths"][operation.path][operation.method]["responses"].items()
            if status.startswith("2")
        )
    }
    offered = {name for name in vars(Quietline) if not name.startswith("_")}
    assert offered == spoken
    assert len(offered) > 35


def test_the_client_needs_nothing_but_python():
    """It is one file: whoever copies it installs nothing."""
    tree = ast.parse((EXAMPLES / "quietline_client.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_main_job_with_the_client(quietline):
    """A request is sent, claimed, answered and read, and withdrawn, by nothing but the client's methods."""
    anybody = Quietline(quietline.url)
    accepted = anybody.submit_callback(
        {
            "statement_version": anybody.statement()["version"],
            "details": {"concern": "survivor", "phone": "07700 900123", "safety": {"voicemail": "never"}},
            "slot": anybody.slots(days=1)["slots"][0]["id"],
        },
        idempotency_key="the-same-key-for-both",
    )
    desk = Quietline(quietline.url, bearer=quietline.token("practitioner"))
    claimed = desk.claim({"kinds": ["callback"]})
    assert claimed is not None
    assert claimed["request"]["reference"] == accepted["reference"]
    held, number = claimed["claim"]["request_id"], claimed["claim"]["number"]
    desk.reply(held, {"number": number, "text": "Thank you for getting in touch.", "signposts": ["childline"]})
    assert desk.claim() is None
    theirs = Quietline(quietline.url, receipt=accepted["receipt"], language="cy")
    (letter,) = theirs.read_mailbox()["messages"]
    assert letter["text"] == "Thank you for getting in touch."
    assert [each["name"] for each in letter["signposts"]] == ["Childline"]
    assert theirs.withdraw() is None
    with pytest.raises(Refused) as refused:
        theirs.read_mailbox()
    assert (refused.value.status, refused.value.code) == (404, "receipt-unknown")
    assert refused.value.helpline["phone"] == "0808 1000 900"


def test_what_is_sent_again_under_its_key_happens_once(quietline, monkeypatch):
    """A connection that fails after the request has arrived costs nothing: the client sends the same once more."""
    keys, loses = [], [True]

    class Losing(http.client.HTTPConnection):
        """A network that loses an answer."""

        def request(self, method, url, body=None, headers=None, **more):
            keys.append(headers.get("Idempotency-Key"))
            super().request(method, url, body, headers, **more)

        def getresponse(self):
            answer = super().getresponse()
            if loses:
                loses.clear()
                answer.read()
                raise ConnectionResetError
            return answer

    helpline = Quietline(quietline.url)
    details = {"concern": "survivor", "message": "x"}
    with monkeypatch.context() as patched:
        patched.setattr(http.client, "HTTPConnection", Losing)
        helpline.submit_information_request({"statement_version": "2026-11", "details": details})
        loses.append(True)
        with pytest.raises(ConnectionResetError):  # a search has no key: it is not sent twice behind anybody's back
            helpline.search_signposts({"q": "help"})
    assert keys[0] == keys[1] is not None
    assert keys[2:] == [None]
    desk = Quietline(quietline.url, bearer=quietline.token("practitioner"))
    assert desk.claim() is not None
    assert desk.claim() is None


def test_what_has_not_changed_is_not_fetched_twice(shared_quietline, monkeypatch):
    """The client keeps an answer with its ETag and asks on condition; what needs a credential it never keeps."""
    helpline = Quietline(shared_quietline.url)
    statuses = []
    ask = helpline._ask
    monkeypatch.setattr(helpline, "_ask", lambda *of: statuses.append(answered := ask(*of)) or answered)
    first, second = helpline.list_signposts(audience="survivor"), helpline.list_signposts(audience="survivor")
    helpline.list_signposts(audience="professional")
    assert first == second
    assert [status for status, _, _ in statuses] == [200, 304, 200]
    assert statuses[1][2] == b""
    desk = Quietline(shared_quietline.url, bearer=shared_quietline.token("practitioner"))
    desk.queue()
    assert desk._kept == {}


def test_an_address_that_is_none_is_refused_at_once():
    """A typing error in the address is told before anything is sent to whoever has it."""
    for wrong in ("help.example", "ftp://help.example", "https://"):
        with pytest.raises(ValueError, match="https://"):
            Quietline(wrong)


def test_the_harvester_copies_everything_and_then_only_what_changed(shared_quietline, tmp_path):
    """Run twice as its first lines say, it has every service of the directory, and the second time nothing comes."""
    file = tmp_path / "services.json"
    said = [
        subprocess.run(
            [sys.executable, str(EXAMPLES / "harvester.py"), shared_quietline.url, str(file)],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    known = Quietline(shared_quietline.url).oruk_services(per_page=500)["contents"]
    assert said == [f"{len(known)} came, {len(known)} known\n", f"0 came, {len(known)} known\n"]
    kept = json.loads(file.read_text())
    assert kept["services"] == {service["id"]: service for service in known}
    assert {path.name for path in tmp_path.iterdir()} == {"services.json"}


def test_a_walk_that_breaks_off_is_walked_again(shared_quietline):
    """The harvester moves its date on only after the last page: what it did not reach comes the next time."""
    helpline = Quietline(shared_quietline.url)
    everything = helpline.oruk_services(per_page=500)["contents"]

    class Breaking(Quietline):
        """Loses the connection on the second of its small pages."""

        def oruk_services(self, **asked):
            if asked["page"] == 2:
                raise ConnectionResetError
            return super().oruk_services(**{**asked, "per_page": 5})

    copy: harvester.Copy = {"since": None, "services": {}}
    with pytest.raises(ConnectionResetError):
        harvester.harvest(Breaking(shared_quietline.url), copy, now=datetime.now(UTC))
    assert (copy["since"], len(copy["services"])) == (None, 5)
    harvester.harvest(helpline, copy, now=datetime.now(UTC))
    assert len(copy["services"]) == len(everything)
    assert copy["since"] is not None
