"""The practitioners' page: what it may run, fetch, keep and weigh, before a browser ever sees it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from chalice.app import Request

from chalicelib.adapters.oidc_discovery import LocalSignIn, NoSignInService
from chalicelib.domain.access import ROLES, SignInService
from chalicelib.domain.errors import NotFound
from chalicelib.http.desk_page import PANELS, TEMPLATES, DeskPage

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
DESK = DeskPage(LocalSignIn())
ANSWER = DESK.page(HTTP_REQUEST)
SIGNED_IN = DESK.signed_in(HTTP_REQUEST)
NAMES = [panel.name for panel in PANELS]
SCRIPTS = {name: (TEMPLATES / f"{name}.js").read_text(encoding="utf-8") for name in ("shell", *NAMES, "signed_in")}
STYLE = (TEMPLATES / "shell.css").read_text(encoding="utf-8")
HTML = {"shell": str(ANSWER.body), **{name: str(DESK.panel(HTTP_REQUEST, name).body) for name in NAMES}}
PARTS = list(HTML)
EVERY = [*PARTS, "signed_in"]
HTML["signed_in"] = str(SIGNED_IN.body)


def words(part):
    """Give the keys of the words that a part of the desk brings."""
    return set(re.findall(r'<data value="([^"]+)">[^<]+</data>', HTML[part]))


FIELDS = {"name", "summary", "description", "hours", "schedules", "url", "website", "phones", "audience", "topics",
          "regions", "languages", "minimum_age", "maximum_age", "anonymous", "organization", "source", "assured_date",
          "review_days", "licence", "status"}  # fmt: skip
"""What the records of signposts and organisations hold, but for when they were last modified."""
CODES = {"another-id", "bad-age", "bad-date", "bad-flag", "bad-hours", "bad-id", "bad-number", "bad-phone", "bad-url",
         "duplicate", "in-use", "invalid", "missing", "missing-language", "repeated", "stale", "unknown-key",
         "unknown-value", "unreadable"}  # fmt: skip
"""Everything that can be wrong with a record; and text that is to be JSON and is not."""
CAMPAIGN_CODE = {
    "bad-code",
    "closes-after-end",
    "ends-before-start",
    "languages-differ",
    "link-missing",
    "names-a-person",
    "not-gsm-7",
    "not-printable",
    "own-address",
    "placeholder",
    "printed-already",
    "targets-a-person",
    "too-long",
    "too-many",
}
CAMPAIGN_FIELD = {"code", "ends_on", "headline", "message", "partners", "signposts", "sms", "starts_on"}
CAMPAIGN_HINT = {"code", "message", "partners", "signposts", "sms"}
"""What is said of campaigns alone."""
SESSION_FIELD = {"title", "hosts", "opens_at", "starts_at", "ends_at", "campaign"}
"""What is said of live sessions alone."""
FAMILIES = {
    "kind-": {"callback", "information", "referral"},
    "concern-": {"own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"},
    "voicemail-": {"never", "neutral", "ok"},
    "caller-id-": {"withheld", "shown"},
    "someone-else-": {"hang-up", "ask-for-name", "wrong-number", "ask-for-nobody"},
    "access-": {"text-relay", "sign-language", "interpreter", "extra-time"},
    "unreadable-": {"damaged", "invalid", "key-missing", "key-unreachable", "erased", "other"},
    "author-": {"requester", "helpline", "colleague"},
    "within-": {"1-hour", "4-hours", "1-day", "3-days", "longer"},
    "ring-": {"now", "now-slot", "not", "not-slot"},
    "content-kind-": {"signpost", "organization", "campaign", "session"},
    "hosting-": {"announced", "open", "live", "ended", "cancelled"},
    "session-": {"announced", "open", "live", "ended", "cancelled"},
    "state-": {"packaged", "published", "draft"},
    "status-": {"active", "inactive", "temporarily-closed", "defunct", "closed", "cancelled"},
    "tongue-": {"en", "cy"},
    "field-": {"id", *FIELDS, *CAMPAIGN_FIELD, *SESSION_FIELD},
    "hint-": CAMPAIGN_HINT | {"hosts", "opens_at"} | {"schedules", "phones", "regions", "languages", "organization"},
    "code-": CODES | CAMPAIGN_CODE | {"already-open", "bad-host", "bad-order"},
    "did-": {
        *("claim", "open", "renew", "release", "attempt", "reply", "note", "close", "park", "unpark", "expel"),
        *("withdraw", "purge", "recover", "close-line", "forget-details", "clock-leapt"),
        *("answer-public", "answer-private", "decline", "retract"),
        *("draft", "reserve", "publish", "discard", "roll-back", "take-down", "refer", "issue-key", "revoke-key"),
    },
    "fact-": {"partner", "consent"} | {"due", "language", "concern", "name", "access", "email", "attempts", "lapses"},
}


def digest(text):
    """Name a text by its hash."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def inline(part, tag):
    """Give the hash of the only inline element of a kind."""
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", HTML[part], re.DOTALL)
    return digest(content)


def test_policy_allows_our_scripts_and_style_and_nothing_else():
    """The policy names each script and the style by their hash, lets the page talk to its own origin, and no more."""
    directives = dict(
        directive.strip().split(" ", 1) for directive in ANSWER.headers["Content-Security-Policy"].split(";")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": " ".join(f"'{inline(part, 'script')}'" for part in PARTS),
        "style-src": f"'{inline('shell', 'style')}'",
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
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ],
)
def test_nobody_keeps_frames_or_follows_the_page(name, value):
    """Headers keep the page and its panels out of caches, frames, other windows and referrers."""
    assert ANSWER.headers[name] == value
    for answer in (SIGNED_IN, *(DESK.panel(HTTP_REQUEST, panel) for panel in NAMES)):
        assert answer.headers[name] == value


def policy_of(sign_in):
    """Give what the page may talk to, for one way to sign in."""
    return re.search("connect-src ([^;]+);", DeskPage(sign_in).page(HTTP_REQUEST).headers["Content-Security-Policy"])[1]


class Elsewhere:
    """An issuer of the helpline's own."""

    def __init__(self, token_endpoint):
        self.token_endpoint = token_endpoint

    def service(self):
        """Say where it is."""
        return SignInService(
            issuer='https://a.example/"><b>', authorization_endpoint="https://a.example/authorize",
            token_endpoint=self.token_endpoint, client_id="desk",
        )  # fmt: skip


def test_page_talks_to_the_issuer_that_is_set_and_to_no_other_address_of_it():
    """Beside the desk, the policy lets the page reach the one address that trades codes for tokens."""
    assert policy_of(Elsewhere("https://a.example/oauth2/token?p=1")) == "'self' https://a.example/oauth2/token"
    assert policy_of(NoSignInService()) == "'self'"
    assert "https://a.example/&quot;" not in HTML["shell"]
    page = str(DeskPage(Elsewhere("https://a.example/token")).page(HTTP_REQUEST).body)
    assert "<b>" not in page
    assert "/authorize" in page


def test_page_follows_when_the_issuer_comes_back():
    """A page made while nobody could sign in is not handed out for ever."""
    page = DeskPage(NoSignInService())
    assert 'data-service="null"' in str(page.page(HTTP_REQUEST).body)
    page._sign_in = LocalSignIn()
    assert "/desk/issuer/token" in str(page.page(HTTP_REQUEST).body)


def test_the_page_where_a_sign_in_ends_runs_its_script_and_talks_to_nobody():
    """What a sign-in service says is handed on inside the browser: the page may reach no address at all."""
    script, style = inline("signed_in", "script"), inline("signed_in", "style")
    assert SIGNED_IN.headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def test_a_panel_opened_by_itself_may_do_nothing():
    """A panel is material for the page: as a document of its own it runs no script and is in a sandbox."""
    for panel in NAMES:
        policy = DESK.panel(HTTP_REQUEST, panel).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert policy.endswith("; sandbox")


def test_there_are_no_other_panels():
    """A name that is no panel is not looked for on the disk."""
    for name in ("shell", "../desk", "requests.js", ""):
        with pytest.raises(NotFound):
            DESK.panel(HTTP_REQUEST, name)


def test_each_tab_is_held_to_its_panels_hash_and_shown_by_scope():
    """Each panel has a hidden tab with the hash of what is fetched, and a scope that some role gives."""
    tabs = re.findall(
        r'<button type="button" data-panel="([\w-]+)" data-scope="([\w:]+)" data-integrity="([^"]+)" hidden>',
        HTML["shell"],
    )
    assert tabs == [(panel.name, panel.scope, digest(HTML[panel.name])) for panel in PANELS]
    assert {panel.scope for panel in PANELS} <= frozenset().union(*ROLES.values())


@pytest.mark.parametrize("part", EVERY)
def test_page_fetches_nothing_from_elsewhere(part):
    """The documents name no other address: no address with a host, no linked file, no import."""
    page = re.sub(r'"sha\d+-[\w+/]+=*"', "", HTML[part])  # a hash has any letters, and two strokes among them
    assert not re.search(r"(https?:)?//\w", page.replace("// ", ""))
    assert not re.search(r"<(link|img|iframe|object|embed|base|audio|video)\b|\bsrc=|@import|url\(|\bimport\b", page)


@pytest.mark.parametrize("part", EVERY)
@pytest.mark.parametrize(
    "way",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "Function(", "srcdoc"],
)
def test_what_people_wrote_never_becomes_markup(part, way):
    """No script has a way to turn text into markup or code, but for the shell's one, for panels held to their hash."""
    loads = SCRIPTS["shell"].partition("async function load(tab)")[2].partition("\n}\n")[0]
    assert loads.count("DOMParser") == loads.count("{ integrity, ") == 1
    assert way not in SCRIPTS[part].replace(loads, "")


@pytest.mark.parametrize("part", EVERY)
@pytest.mark.parametrize(
    "place", ["localStorage", "sessionStorage", "indexedDB", "cookie =", "document.cookie", "caches", "window.name"]
)
def test_nothing_is_kept_in_the_browser(part, place):
    """The token and what was read live in the scripts' closures and nowhere else."""
    assert place not in SCRIPTS[part]


@pytest.mark.parametrize("part", EVERY)
def test_no_script_or_style_hides_in_attributes(part):
    """The policy would block inline handlers and styles: there are none to be missed."""
    bare = re.sub(r"<(script|style)>.*?</\1>", "", HTML[part], flags=re.DOTALL)
    assert not re.search(r"<[^>]+\s(on\w+|style)=", bare)


def test_title_says_nothing():
    """Whoever looks over a shoulder, or at a history, reads a neutral title."""
    assert re.findall(r"<title>(.*?)</title>", HTML["shell"]) == ["Desk"]


def test_without_script_the_page_says_so():
    """Without JavaScript the desk says that it needs it; everything that would not work is hidden."""
    assert "needs JavaScript" in re.findall(r"<noscript>(.*?)</noscript>", HTML["shell"], re.DOTALL)[0]
    for name in ("sign-in", "tabs", "person"):
        assert re.search(rf'id="{name}"[^>]*\bhidden\b', HTML["shell"])


def test_page_weighs_little():
    """The shell and the practitioner's panel together stay under 60 KB, and so does any other panel with the shell."""
    for panel in NAMES:
        assert len((HTML["shell"] + HTML[panel]).encode()) < 60_000
        assert len(SCRIPTS[panel].encode()) < 31_000


@pytest.mark.parametrize("part", EVERY)
def test_scripts_are_strict_and_close_over_everything(part):
    """One strict function holds each script, so that nothing of it can be reached from outside."""
    body = SCRIPTS[part].partition("*/")[2].strip()
    start, end = (
        ("(() => {", "})();")
        if part in ("shell", "signed_in")
        else ("document.currentScript.panel = (desk) => {", "};")
    )
    assert body.startswith(f"{start}\n'use strict';\n")
    assert body.endswith(f"\n{end}")
    assert "</script" not in SCRIPTS[part]
    assert not [line for line in SCRIPTS[part].splitlines() if line.count("`") % 2], "indentation is left out"


@pytest.mark.parametrize("part", PARTS)
def test_every_word_that_a_script_says_is_there(part):
    """Each key in a script has its words in its panel or the shell, and no panel has words that nobody says."""
    script = SCRIPTS[part]
    columns = re.findall(r"\btable\([\w'-]+, '([a-z ]+)'", script)
    said = {f"column-{name}" for names in columns for name in names.split()}
    said |= set(re.findall(r"\bsay\('([^']+)'", script)) | set(re.findall(r"\blose\('([^']+)'", script))
    assert sorted(said - words(part) - words("shell")) == []
    members = {f"{family}{member}" for family, members in FAMILIES.items() for member in members}
    literals = set(re.findall(r"'([a-z]+(?:-[a-z]+)*)'", "".join(SCRIPTS.values()) if part == "shell" else script))
    everywhere = {f"column-{name}" for each in SCRIPTS.values() for names in
                  re.findall(r"\btable\([\w'-]+, '([a-z ]+)'", each) for name in names.split()}  # fmt: skip
    assert sorted(words(part) - literals - members - everywhere) == []
    for other in PARTS:
        assert other == part or not words(part) & words(other)


def test_every_kind_of_answer_has_its_words():
    """Whatever the API may say of a request has words for it."""
    families = {f"{family}{member}" for family, members in FAMILIES.items() for member in members}
    assert sorted(families - set().union(*map(words, PARTS))) == []


@pytest.mark.parametrize("part", EVERY)
def test_words_fill_only_what_the_script_gives(part):
    """No placeholder of the document is left over from assembling it."""
    assert not re.search(r"\{(style|script|tabs|service)\}", HTML[part])


def test_ids_are_unique():
    """Labels and live regions point at one element each, whatever panels are loaded."""
    ids = [each for part in PARTS for each in re.findall(r'\bid="([^"]+)"', HTML[part])] + NAMES
    assert len(ids) == len(set(ids))
    for part in PARTS:
        for name in re.findall(r'(?:for|aria-labelledby|aria-describedby)="([^"]+)"', HTML[part]):
            assert name in ids


@pytest.mark.parametrize("part", PARTS)
def test_every_element_that_a_script_looks_for_is_there(part):
    """A script finds each element that it names, in its own panel or in the shell."""
    ids = {each for html in (HTML[part], HTML["shell"]) for each in re.findall(r'\bid="([^"]+)"', html)} | {part}
    named = set(re.findall(r"(?:\$|show|fill|table|lanes|letters|add)\('([\w-]+)'", SCRIPTS[part]))
    assert len(named) > 1
    named = set(re.findall(r"(?:\$|show|fill|table|lanes|freshly|letters|add)\('([\w-]+)'", SCRIPTS[part]))
    assert len(named) > 1
    assert sorted(named - ids) == []
