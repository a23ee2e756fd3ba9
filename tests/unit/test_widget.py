"""The widget for partner sites: small, never changing, and embedded everywhere with the hash that it has."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha384
from pathlib import Path

import pytest
from chalice.test import Client

import app as quietline
from chalicelib.domain.signposts import AUDIENCES, NATIONS, place_names
from chalicelib.http import widget
from chalicelib.http.reference import Reference

ROOT = Path(__file__).parents[2]
PUBLISHED = {"1.0.0": "sha384-pgVV8XdOm0ktGmAiPJGYe3v293nwvveW0GToXxrnxS7RnddfED72J/QUqJDb0Mqc"}
"""As they went out: partners' pages hold these hashes, and a version that changed would vanish from all of them."""


def integrity(body: bytes) -> str:
    """Hash a script as a browser does."""
    return f"sha384-{b64encode(sha384(body).digest()).decode()}"


def script(version: str = widget.LATEST) -> str:
    """Read a version as it is kept."""
    return (widget.FOLDER / f"{version}.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", PUBLISHED)
def test_a_published_version_never_changes(version):
    """What is served under a version has the hash that it was published with, and any site may read it for good."""
    with Client(quietline.app) as client:
        answer = client.http.get(f"/widget/{version}.js")
    assert answer.status_code == 200
    assert integrity(answer.body) == PUBLISHED[version] == widget.VERSIONS[version]
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_every_version_that_is_kept_is_listed_and_small():
    """There is no script without its hash, none is listed that is not there, and none weighs 10 KB."""
    assert {path.stem for path in widget.FOLDER.iterdir()} == set(widget.VERSIONS) == set(PUBLISHED)
    assert all(path.stat().st_size < 10_000 for path in widget.FOLDER.iterdir())


@pytest.mark.parametrize("name", ["2.0.0.js", "1.0.0", "1.0.0.css", "..%2Fpage.js", "1.0.0.js.js"])
def test_what_was_never_published_is_not_found(name):
    """A version that does not exist is told as such, and no other file can be had through it."""
    with Client(quietline.app) as client:
        assert client.http.get(f"/widget/{name}").status_code == 404


def test_wherever_it_is_embedded_the_hash_is_right():
    """README, reference and the partner's page name the latest version with its hash, and no other one."""
    reference = Reference("https://help.example").index(None).body.replace("&#34;", '"').replace("&lt;", "<")
    for page in ((ROOT / "README.md").read_text(), (ROOT / "examples/partner/index.html").read_text(), reference):
        tags = re.findall(
            r"<script async src=\"\S+/widget/(\S+)\.js\" crossorigin=\"anonymous\"\s+integrity=\"(\S+)\"", page
        )
        assert tags
        assert set(tags) == {(widget.LATEST, widget.VERSIONS[widget.LATEST])}


def test_it_says_what_the_house_says():
    """Audiences, nations and the way out have in the widget the words that they have on our own pages."""
    text = script()
    content = quietline.house.content
    for language in ("en", "cy"):
        names = place_names(content.regions())
        for word in (
            *(audience[language] for audience in AUDIENCES.values()),
            *(names[nation][language] for nation in NATIONS),
            content.words(language)["page"]["exit"],
            content.words(language)["page"]["exit_url"],
            content.words(language)["landing"]["callback"],
        ):
            assert json.dumps(word, ensure_ascii=False) in text or f"'{word}'" in text, word
    assert all(f"'{audience}': " in text or f"{audience}: " in text for audience in AUDIENCES)


@pytest.mark.parametrize("forbidden", ["cookie", "Storage", "indexedDB", "innerHTML", "eval", "sendBeacon", "caches"])
def test_it_neither_stores_nor_writes_markup(forbidden):
    """Nothing in the script can keep something in the browser, or turn what it fetched into markup."""
    code = re.sub(r"/\*.*?\*/|//.*", "", script(), flags=re.DOTALL) if forbidden == "cookie" else script()
    assert forbidden not in code
