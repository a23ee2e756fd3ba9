"""The practitioners' page: what it may run, fetch, keep and weigh, before a browser ever sees it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from chalice.app import Request

from chalicelib.http.desk_page import DeskPage

TEMPLATES = Path(__file__).parents[2] / "chalicelib/http/templates"
SCRIPT = (TEMPLATES / "desk.js").read_text(encoding="utf-8")
STYLE = (TEMPLATES / "desk.css").read_text(encoding="utf-8")
HTTP_REQUEST = Request(
    {
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "requestContext": {"httpMethod": "GET", "resourcePath": "/desk"},
        "body": None,
        "stageVariables": None,
    }
)
ANSWER = DeskPage().page(HTTP_REQUEST)
HTML = str(ANSWER.body)
WORDS = set(re.findall(r'<data value="([^"]+)">[^<]+</data>', HTML))
FAMILIES = {
    "kind-": {"callback", "information", "referral"},
    "concern-": {"own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"},
    "voicemail-": {"never", "neutral", "ok"},
    "caller-id-": {"withheld", "shown"},
    "someone-else-": {"hang-up", "ask-for-name", "wrong-number", "ask-for-nobody"},
    "access-": {"text-relay", "sign-language", "interpreter", "extra-time"},
    "unreadable-": {"damaged", "invalid", "key-missing", "key-unreachable", "erased", "other"},
    "author-": {"requester", "helpline", "colleague"},
    "ring-": {"now", "now-slot", "not", "not-slot"},
    "fact-": {"due", "language", "concern", "name", "access", "email", "attempts", "lapses"},
}


def hashed(tag):
    """Give the only inline element of a kind as a policy names it."""
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", HTML, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def test_policy_allows_this_script_and_style_and_nothing_else():
    """The policy names the two inline parts by their hash, lets the page talk to its own origin, and no more."""
    directives = dict(
        directive.strip().split(" ", 1) for directive in ANSWER.headers["Content-Security-Policy"].split(";")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": hashed("script"),
        "style-src": hashed("style"),
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ],
)
def test_nobody_keeps_frames_or_follows_the_page(name, value):
    """Headers keep the page out of caches, frames, other windows and referrers."""
    assert ANSWER.headers[name] == value


def test_page_fetches_nothing_from_elsewhere():
    """The document names no other address: no address with a host, no linked file, no import."""
    assert not re.search(r"(https?:)?//\w", HTML.replace("// ", ""))
    assert not re.search(r"<(link|img|iframe|object|embed|base|audio|video)\b|\bsrc=|@import|url\(|\bimport\b", HTML)


@pytest.mark.parametrize(
    "way",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "Function(", "srcdoc"],
)
def test_what_people_wrote_never_becomes_markup(way):
    """The script has no way to turn text into markup or code."""
    assert way not in SCRIPT


@pytest.mark.parametrize(
    "place", ["localStorage", "sessionStorage", "indexedDB", "cookie =", "document.cookie", "caches"]
)
def test_nothing_is_kept_in_the_browser(place):
    """The token and what was read live in the script's closure and nowhere else."""
    assert place not in SCRIPT


def test_no_script_or_style_hides_in_attributes():
    """The policy would block inline handlers and styles: there are none to be missed."""
    assert not re.search(r"<[^>]+\s(on\w+|style)=", HTML.replace(SCRIPT, "").replace(STYLE, ""))


def test_title_says_nothing():
    """Whoever looks over a shoulder, or at a history, reads a neutral title."""
    assert re.findall(r"<title>(.*?)</title>", HTML) == ["Desk"]


def test_without_script_the_page_says_so():
    """Without JavaScript the desk says that it needs it; everything that would not work is hidden."""
    assert "needs JavaScript" in re.findall(r"<noscript>(.*?)</noscript>", HTML, re.DOTALL)[0]
    for name in ("sign-in", "requests", "supervision"):
        assert re.search(rf'id="{name}"[^>]*\bhidden\b', HTML)


def test_page_weighs_little():
    """The script stays readable in one sitting, and the page arrives in one round trip."""
    assert len(SCRIPT.encode()) < 31_000
    assert len(HTML.encode()) < 60_000


def test_script_is_strict_and_closes_over_everything():
    """One strict function holds the whole script, so that nothing of it can be reached from outside."""
    body = SCRIPT.partition("*/")[2].strip()
    assert body.startswith("(() => {\n'use strict';\n")
    assert body.endswith("})();")
    assert "</script" not in SCRIPT


def test_every_word_that_the_script_says_is_there():
    """Each key in the script has its words in the document, and the document has no words that nobody says."""
    said = set(re.findall(r"'([a-z]+(?:-[a-z]+)*)'", SCRIPT))
    said |= {f"{family}{member}" for family, members in FAMILIES.items() for member in members}
    columns = re.findall(r"table\('[\w-]+', '([a-z ]+)'", SCRIPT)
    said |= {f"column-{name}" for names in columns for name in names.split()}
    direct = set(re.findall(r"\bsay\('([^']+)'", SCRIPT)) | set(re.findall(r"\blose\('([^']+)'", SCRIPT))
    families = {f"{family}{member}" for family, members in FAMILIES.items() for member in members}
    assert sorted((direct | families) - WORDS) == []
    assert sorted(WORDS - said) == []


def test_words_fill_only_what_the_script_gives():
    """No placeholder of the document is left over from assembling it."""
    assert not re.search(r"\{(style|script)\}", HTML)


def test_ids_are_unique():
    """Labels and live regions point at one element each."""
    ids = re.findall(r'\bid="([^"]+)"', HTML)
    assert len(ids) == len(set(ids))
    for name in re.findall(r'(?:for|aria-labelledby|aria-describedby)="([^"]+)"', HTML):
        assert name in ids


def test_every_element_that_the_script_looks_for_is_there():
    """The script finds each element that it names."""
    ids = set(re.findall(r'\bid="([^"]+)"', HTML))
    named = set(re.findall(r"(?:\$|show|fill|table|letters|add)\('([\w-]+)'", SCRIPT))
    assert len(named) > 50
    assert sorted(named - ids) == []
