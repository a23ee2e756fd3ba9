"""The pages a requester meets: words in both languages, nothing unescaped, nothing that gives anybody away."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.http.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "cy")
MARK = "<script>alert('&\"')</script>"
RECEIPT = "K7M2Q-9XW4T-0BNRD-5HVEC-8PZGJ3"
PHONE = "0808 1000 900"
VOID = {"meta", "input", "br", "wbr", "link", "img"}


@cache
def texts(language: str) -> dict[str, Any]:
    """The words of a language, as the content files have them."""
    return tomllib.loads((ROOT / f"chalicelib/content/pages.{language}.toml").read_text(encoding="utf-8"))


pages = Pages(texts)


class Page(HTMLParser):
    """A page as a reader takes it in: its elements in order, each with attributes, ancestors and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        self.feed(html)
        self.close()
        assert not self._open, "an element was left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an element; an attribute given twice would be a broken template."""
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} has an attribute twice"
        element = {"tag": tag, "text": "", "within": tuple(self._open), **{name: value or "" for name, value in attrs}}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, and only that one."""
        assert self._open.pop()["tag"] == tag, f"{tag} is closed out of order"

    def handle_data(self, data: str) -> None:
        """Add text to every element around it."""
        for element in self._open:
            element["text"] += data

    def all(self, *tags: str) -> Iterator[dict[str, Any]]:
        """Every element of these kinds, in order."""
        return (element for element in self.elements if element["tag"] in tags)

    def one(self, tag: str) -> dict[str, Any]:
        """The only element of its kind."""
        (element,) = self.all(tag)
        return element

    def by_id(self, name: str) -> dict[str, Any]:
        """The only element with this id."""
        (element,) = (element for element in self.elements if element.get("id") == name)
        return element

    def fields(self) -> list[dict[str, Any]]:
        """What a person fills in."""
        found = [each for each in self.all("input", "select", "textarea") if each.get("type") != "hidden"]
        return [each for each in found if not any(around.get("aria-hidden") for around in each["within"])]

    def scripts(self) -> list[dict[str, Any]]:
        """Whatever would run, apart from scripts of ours, which stand in files of their own."""
        ours = [{"type": "module", "src": f"/assets/{name}.js", "text": ""} for name in ("always", "page", "following")]
        return [
            each
            for each in self.all("script")
            if not any(one.items() <= each.items() and len(each) == len(one) + 2 for one in ours)
        ]


def helpline(fill: str = "", *, open_now: bool = False) -> dict[str, object]:
    """The helpline as a page is told about it."""
    return {
        "name": fill or "The helpline",
        "phone": PHONE,
        "tel": "+448081000900",
        "hours": fill or "Monday to Friday, 9am to 5pm",
        "open_now": open_now,
        "opens_next": None if open_now else fill or "tomorrow at 9am",
        "emergency": fill or "If somebody is in danger now, ring 999.",
    }


def slots(fill: str = "", *, days: int = 3) -> list[dict[str, str]]:
    """Eleven slots on each of *days* days."""
    return [
        {
            "id": fill or f"2026-11-{day:02}T{hour:02}:00Z/2h",
            "day": fill or f"Tuesday {day} November",
            "local": fill or "6pm to 8pm",
        }
        for day in range(1, days + 1)
        for hour in range(9, 20)
    ]


def form(language: str, kind: str, fill: str = "", **changes: Any) -> str:
    """A request form."""
    statement = {
        "version": fill or "2026-11",
        "title": fill or "What we pass on",
        "summary": [fill or "A short sentence."] * 4,
        "text": [fill or "A longer paragraph."] * 4,
    }
    arguments: dict[str, Any] = {
        "language": language,
        "helpline": helpline(fill),
        "kind": kind,
        "statement": statement,
        "slots": slots(fill),
        "values": {},
        "errors": [],
        "idempotency_key": fill or "k" * 32,
        "form_token": fill or "1764000000.signed",
    }
    return pages.request_form(**arguments | changes)


def receipt(language: str, kind: str, fill: str = "", **changes: Any) -> str:
    """A receipt."""
    arguments: dict[str, Any] = {
        "language": language,
        "helpline": helpline(fill),
        "receipt": fill or RECEIPT,
        "reference": fill or "amber-falcon",
        "due": fill or "Tuesday 24 November, 6pm to 8pm",
        "expires_on": fill or "22 February 2027",
        "kind": kind,
        "open_now": False,
        "opens_next": fill or "tomorrow at 9am",
        "next_steps": [fill or "Keep the receipt.", fill or "Ring 999."],
    }
    return pages.receipt(**arguments | changes)


def mailbox(language: str, kind: str, fill: str = "", **changes: Any) -> str:
    """A mailbox."""
    signpost = {"name": fill or "Samaritans", "url": fill or "https://www.samaritans.org", "phone": fill or "116 123"}
    reply = {"author": "helpline", "at": fill or "today", "text": fill or "Hello", "signposts": [signpost]}
    arguments: dict[str, Any] = {
        "language": language,
        "helpline": helpline(fill),
        "receipt": fill or RECEIPT,
        "status": "waiting",
        "reference": fill or "amber-falcon",
        "kind": kind,
        "slot_local": fill or "Tuesday, 6pm to 8pm",
        "answer_by": fill or "Friday at 6pm",
        "messages": [
            reply | {"agreed_actions": [fill or "Talk to a friend"]},
            reply | {"author": "you", "signposts": [], "agreed_actions": []},
        ],
        "slots": slots(fill),
        "can_choose_slot": True,
        "expires_on": fill or "22 February 2027",
        "notice": "message-kept",
    }
    return pages.mailbox(**arguments | changes)


def every_page(language: str, fill: str = "") -> dict[str, str]:
    """Every page in every state, with *fill* in every value that anybody but us could have written."""
    names = (
        "statement_version",
        "concern",
        "phone",
        "slot",
        "name",
        "message",
        "email",
        "voicemail",
        "code_word",
        "language",
    )
    typed: dict[str, Any] = dict.fromkeys(names, fill or "something") | {
        "also": [fill or "x"] * 9,
        "access_needs": [fill],
    }
    wrong = [{"field": name, "code": "required"} for name in (*names, "also", "access_needs", "text_first", "region")]
    asked: dict[str, Any] = {"language": language, "helpline": helpline(fill)}
    found = {
        "landing": pages.landing(**asked),
        "landing, open": pages.landing(language=language, helpline=helpline(fill, open_now=True)),
        "door": pages.mailbox_door(**asked, error=None),
        "door, refused": pages.mailbox_door(**asked, error="receipt-unknown"),
        "withdrawn": pages.withdrawn(**asked),
        "privacy": pages.privacy(**asked),
    }
    for kind in ("callback", "information"):
        found |= {
            f"{kind} form": form(language, kind, fill),
            f"{kind} form, refused": form(language, kind, fill, values=typed, errors=wrong),
            f"{kind} form, no slots": form(language, kind, fill, slots=[]),
            f"{kind} receipt": receipt(language, kind, fill),
            f"{kind} receipt, note right": receipt(language, kind, fill, checked="right"),
            f"{kind} receipt, note wrong": receipt(language, kind, fill, checked="mismatch"),
            f"{kind} receipt, on its way": receipt(language, kind, fill, due=None, reference="", expires_on=None),
            f"{kind} mailbox, refused": mailbox(
                language, kind, fill, values={"text": fill or "Hello"}, errors=[{"field": "text", "code": "too-long"}]
            ),
            f"{kind} mailbox, sealed": mailbox(
                language,
                kind,
                fill,
                receipt="",
                messages=[
                    {"author": "helpline", "at": fill or "today", "text": "", "signposts": [], "agreed_actions": []}
                    | {"sealed": fill or "c2VhbGVk", "message_id": fill or "m1"}
                ],
            ),
            f"{kind} mailbox, empty": mailbox(
                language, kind, fill, messages=[], slot_local=None, notice=None, slots=[], can_choose_slot=False
            ),
        }
        found[f"{kind} mailbox, details erased"] = mailbox(
            language,
            kind,
            fill,
            status="closed",
            notice="details-erased",
            slot_local=None,
            slots=[],
            can_choose_slot=False,
            can_write=False,
        )
        for status in ("waiting", "claimed", "closed", "parked"):
            found[f"{kind} mailbox, {status}"] = mailbox(language, kind, fill, status=status)
    statement = {"version": "2026-11", "title": fill or "How", "summary": [fill or "x"], "text": [fill or "y"]}
    for state in ("announced", "open", "live", "ended"):
        session = {
            "id": "an-hour",
            "title": fill or "An hour",
            "summary": fill or "Of answers",
            "state": state,
            "local": fill or "Tuesday 24 November 2026, 6pm to 7pm",
            "hosts": [{"name": fill or "The helpline", "role": fill or "A practitioner"}],
        }
        entry = {"id": "e1", "language": "en", "question": fill or "What?", "answer": fill or "That.", "local": "6pm"}
        entry |= {"host": session["hosts"][0], "retracted": False}
        found[f"session, {state}"] = pages.session(
            **asked,
            session=session,
            entries=[entry, entry | {"id": "e2", "retracted": True}],
            last=2,
            earlier=1,
            newest=False,
        )
        found[f"session, {state}, empty"] = pages.session(
            **asked, session=session, entries=[], last=0, earlier=None, newest=True
        )
        found[f"sessions, {state}"] = pages.sessions(**asked, sessions=[session])
    found["no sessions"] = pages.sessions(**asked, sessions=[])
    question: dict[str, Any] = {**asked, "session": session, "statement": statement} | {
        "idempotency_key": "k" * 32,
        "form_token": "t",
    }
    found["question form"] = pages.question_form(**question, values={}, errors=[])
    found["question form, refused"] = pages.question_form(
        **question,
        values={"text": fill or "What?", "private": ["true"]},
        errors=[{"field": name, "code": "required"} for name in ("statement_version", "text", "private", "")],
    )
    found["question receipt"] = receipt(language, "question", fill)
    found["question mailbox"] = mailbox(language, "question", fill, can_choose_slot=False, can_write=False)
    for number in (400, 403, 404, 405, 409, 413, 415, 418, 422, 500, 503):
        found[f"problem {number}"] = pages.problem(**asked, status=number, code=fill or "x")
    found["problem, receipt"] = pages.problem(**asked, status=404, code="receipt-unknown")
    return found


CASES = [pytest.param(language, name, id=f"{name} ({language})") for language in LANGUAGES for name in every_page("en")]


@cache
def page(language: str, name: str) -> Page:
    """A page in one of its states."""
    return Page(every_page(language)[name])


def shape(value: object) -> object:
    """What two languages must share: the keys, the number of list entries, and the words to be filled in."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    assert str(value).strip()
    return sorted(re.findall(r"{\w*}", str(value)))


def test_both_languages_say_the_same_things() -> None:
    """English and Welsh have the same keys, lists of the same length, and the same places to fill in."""
    assert shape(texts("en")) == shape(texts("cy"))


def test_nothing_is_left_in_english() -> None:
    """A Welsh text of more than three words is never the English one."""

    def pairs(english: Any, welsh: Any) -> Iterator[tuple[str, str]]:
        if isinstance(english, str):
            yield english, welsh
        else:
            keys = english if isinstance(english, dict) else range(len(english))
            for key in keys:
                yield from pairs(english[key], welsh[key])

    same = [
        english for english, welsh in pairs(texts("en"), texts("cy")) if english == welsh and english.count(" ") > 2
    ]
    assert same == []


def test_what_json_answers_need_has_words() -> None:
    """Every status and code that an answer may carry has its title or sentence."""
    asked = texts("en")
    statuses = (400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 422, 431, 500, 501, 503)
    assert {str(status) for status in statuses} <= asked["problem_titles"].keys()
    assert {"statement-outdated", "slot-closed", "slot-full", "claim-lost", "key-reused", "storage"} <= asked[
        "problem_details"
    ].keys()
    assert {"required", "too-long", "impossible-phone", "unknown-key", "wrong-type", "other"} <= asked["errors"].keys()
    callback = {"callback_open", "callback_closed", "callback_no_slot"}
    question = {"question", "question_unanswered", "read_mailbox_question"}
    others = {"information", "delayed", "keep_receipt", "read_mailbox", "emergency"}
    assert callback | question | others == asked["next"].keys()


@pytest.mark.parametrize(("language", "name"), CASES)
def test_a_page_is_built_for_everybody(language: str, name: str) -> None:
    """Language, one heading at the top, headings in order, the exit and skip links first, and every id only once."""
    found = page(language, name)
    assert found.one("html")["lang"] == language
    levels = [int(each["tag"][1]) for each in found.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= above + 1 for above, deeper in pairwise(levels))
    skip, leave = list(found.all("a"))[:2]
    assert found.by_id(skip["href"][1:])["tag"] == "main"
    assert leave["href"] == "https://www.bbc.co.uk/weather"
    assert leave["rel"] == "noreferrer"
    ids = [each["id"] for each in found.elements if "id" in each]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("language", "name"), CASES)
def test_a_page_shows_how_else_to_reach_help(language: str, name: str) -> None:
    """The phone number as a link, the hours and what to do in an emergency are on every page."""
    found = page(language, name)
    assert any(each["href"] == "tel:+448081000900" and PHONE in each["text"] for each in found.all("a"))
    assert "Monday to Friday, 9am to 5pm" in found.one("body")["text"]
    assert "ring 999" in found.one("body")["text"]


@pytest.mark.parametrize(("language", "name"), CASES)
def test_every_field_has_its_label_and_its_notes(language: str, name: str) -> None:
    """Every field has a label with words; whatever describes or names an element exists."""
    found = page(language, name)
    labels = {each["for"]: each["text"].strip() for each in found.all("label")}
    for field in found.fields():
        assert labels[field["id"]]
        if field.get("type") in {"radio", "checkbox"} and field["name"] in {"concern", "voicemail", "access_needs"}:
            assert any(each["tag"] == "fieldset" for each in field["within"])
    for element in found.elements:
        for name_of in (*element.get("aria-describedby", "").split(), *element.get("aria-labelledby", "").split()):
            assert found.by_id(name_of)["text"].strip()
    for group in found.all("fieldset"):
        assert any(group in each["within"] and each["text"].strip() for each in found.all("legend"))


@pytest.mark.parametrize(("language", "name"), CASES)
def test_a_page_gives_nobody_away(language: str, name: str) -> None:
    """One neutral title; no receipt in a title, link or address; nothing but our own script is run or fetched."""
    found = page(language, name)
    assert found.one("title")["text"] == texts(language)["page"]["title"]
    addresses = [each[key] for each in found.elements for key in ("href", "action", "formaction", "src") if key in each]
    assert not any(RECEIPT[:5] in address for address in addresses)
    assert all(each["method"] == "post" for each in found.all("form"))
    assert all(each["autocomplete"] == "off" for each in found.all("form"))
    assert not list(found.all("link", "img", "iframe", "object", "base"))
    assert found.scripts() == []
    assert not any(key.startswith("on") or key == "style" for each in found.elements for key in each)
    assert "url(" not in found.one("style")["text"]
    outside = [each for each in found.all("a") if each["href"].startswith("http")]
    assert all(each["rel"] == "noreferrer" and each["href"].startswith("https://") for each in outside)


@pytest.mark.parametrize(("language", "name"), CASES)
def test_a_page_travels_light(language: str, name: str) -> None:
    """A page weighs under 40 KB in every state."""
    assert len(page(language, name).html.encode()) < 40_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_month_of_slots_still_travels_light(language: str) -> None:
    """However many slots are open, the form offers the next seven open days and stays under 60 KB."""
    html = form(language, "callback", slots=slots(days=28))
    assert len(html.encode()) < 60_000
    days = [each["label"] for each in Page(html).all("optgroup")]
    assert days == [f"Tuesday {day} November" for day in range(1, 8)] * 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_anybody_wrote_is_taken_for_markup(language: str) -> None:
    """A script in every value that a person, a colleague or a content file could supply comes out as text."""
    for name, html in every_page(language, MARK).items():
        found = Page(html)
        assert found.scripts() == [], name
        assert MARK not in html, name
        assert "&lt;script&gt;" in html, name
        assert not any(each["href"].startswith(("javascript", "<")) for each in found.all("a")), name


@pytest.mark.parametrize(("language", "name"), CASES)
def test_the_policy_allows_the_style_that_the_page_carries(language: str, name: str) -> None:
    """The hash in the Content-Security-Policy is that of the page's own style; beside it only files of our own."""
    style = re.search(r"<style>(.*?)</style>", page(language, name).html, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = pages.headers(language, status=200)["Content-Security-Policy"].split("; ")
    assert policy == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "script-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    scripted = pages.headers(language, status=200, scripts=True)["Content-Security-Policy"].split("; ")
    assert scripted == [*policy, "connect-src 'self'"]


def test_a_browser_is_told_to_keep_and_tell_nothing() -> None:
    """No caching, no referrer, no framing, no guessing of types; a 503 says when to come back."""
    headers = pages.headers("cy", status=200)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Language"] == "cy"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Accept-Language" in headers["Vary"]
    assert "Retry-After" not in headers
    assert "Retry-After" in pages.headers("cy", status=503)


def test_the_style_survives_without_a_network_or_motion() -> None:
    """Dark and light are both drawn, focus is always visible, and nothing moves."""
    style = (ROOT / "chalicelib/http/templates/quietline.css").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in style
    assert ":focus { outline: 3px solid" in style
    assert not re.search(r"transition|animation|@import|@font-face|url\(|scroll-behavior", style)


def test_the_first_page_pays_for_templates_and_nobody_else() -> None:
    """Importing the module does not import Jinja2: what answers JSON starts without it."""
    script = "import sys, chalicelib.http.pages; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_phone_comes_first_and_then_the_two_ways_to_ask(language: str) -> None:
    """The landing page has the number before any form, both forms, the mailbox, and where under-18s go."""
    links = [each["href"] for each in page(language, "landing").all("a")]
    ways = [
        f"/request?kind=callback&lang={language}",
        f"/request?kind=information&lang={language}",
        f"/mailbox?lang={language}",
    ]
    assert [links.index(way) for way in ways] == sorted(links.index(way) for way in ways)
    assert links.index("tel:+448081000900") < links.index(ways[0])
    assert {"tel:08001111", "https://shorespace.org.uk"} <= set(links)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "action", "names"),
    [
        (
            "callback",
            "/request?kind=callback",
            (
                "statement_version concern phone slot also voicemail caller_id if_someone_else_answers code_word "
                "text_first name message language access_needs"
            ),
        ),
        ("information", "/request?kind=information", "statement_version concern message name email language"),
    ],
)
def test_a_form_asks_for_what_the_route_takes(language: str, kind: str, action: str, names: str) -> None:
    """Leaf names, the safest answers as defaults, the statement before anything else, and an idempotency key."""
    found = page(language, f"{kind} form")
    assert found.one("form")["action"] == f"{action}&lang={language}"
    assert list(dict.fromkeys(each["name"] for each in found.fields())) == names.split()
    hidden = {each["name"]: each["value"] for each in found.all("input") if each["type"] == "hidden"}
    assert hidden == {"idempotency_key": "k" * 32, "form_token": "1764000000.signed"}
    (trap,) = [each for each in found.all("input") if each["name"] == "website"]
    assert (trap["tabindex"], trap["autocomplete"], trap.get("value", "")) == ("-1", "off", "")
    checked = {each["name"]: each["value"] for each in found.fields() if "checked" in each}
    expected = {"voicemail": "never", "caller_id": "withheld", "if_someone_else_answers": "hang-up"}
    assert checked == (expected if kind == "callback" else {})
    assert [each["value"] for each in found.all("option") if "selected" in each] == [language]


def test_the_soonest_time_is_the_first_choice() -> None:
    """The list starts with an empty value, and each time names its day, so that a closed list still says it."""
    select = page("en", "callback form").by_id("slot")
    first, second = [each for each in page("en", "callback form").all("option") if select in each["within"]][:2]
    assert first["value"] == ""
    assert second["text"] == "6pm to 8pm, Tuesday 1 November"


def test_an_error_does_not_cost_what_was_typed() -> None:
    """Text, choices, ticks and lists come back as they were, and the language link that would lose them is gone."""
    chosen = slots()[4]["id"]
    typed = {
        "statement_version": "2026-11",
        "concern": "survivor",
        "phone": "12",
        "slot": chosen,
        "also": [slots()[5]["id"], slots()[6]["id"]],
        "voicemail": "neutral",
        "text_first": "true",
        "message": "\nTwo\nlines",
        "language": "pl",
        "access_needs": ["text-relay", "extra-time"],
    }
    found = Page(form("en", "callback", values=typed, errors=[{"field": "phone", "code": "impossible-phone"}]))
    checked = {(each["name"], each["value"]) for each in found.fields() if "checked" in each}
    assert checked == {
        ("statement_version", "2026-11"),
        ("concern", "survivor"),
        ("voicemail", "neutral"),
        ("caller_id", "withheld"),
        ("if_someone_else_answers", "hang-up"),
        ("text_first", "true"),
        ("access_needs", "text-relay"),
        ("access_needs", "extra-time"),
    }
    assert [each["value"] for each in found.all("option") if "selected" in each] == [chosen, *typed["also"], "pl"]
    assert found.by_id("phone")["value"] == "12"
    assert found.by_id("message")["text"] == "\n\nTwo\nlines"
    assert not any("lang=cy" in each["href"] for each in found.all("a"))


def test_an_old_statement_must_be_acknowledged_anew() -> None:
    """The tick under an earlier version of the statement does not carry over to the new one."""
    found = Page(form("en", "callback", values={"statement_version": "2025-01"}))
    assert "checked" not in found.by_id("statement_version")
    assert found.by_id("statement_version")["value"] == "2026-11"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["callback", "information"])
def test_an_error_is_said_at_the_top_and_beside_its_field(language: str, kind: str) -> None:
    """The summary takes the focus and links to each field in page order; the field names what is wrong with it."""
    errors = [
        {"field": "message", "code": "too-long"},
        {"field": "concern", "code": "required"},
        {"field": "", "code": "x"},
    ]
    found = Page(form(language, kind, errors=errors))
    (summary,) = (each for each in found.elements if each.get("role") == "alert")
    assert summary["tabindex"] == "-1"
    assert "autofocus" in summary
    assert [each["href"] for each in found.all("a") if summary in each["within"]] == ["#concern", "#message"]
    own = texts(language)["errors_for"]
    assert found.by_id("concern-mistake")["text"] == own["concern"]["required"]
    assert found.by_id("message")["aria-invalid"] == "true"
    assert "message-mistake" in found.by_id("message")["aria-describedby"].split()
    (group,) = (each for each in found.by_id("concern")["within"] if each.get("role") == "radiogroup")
    assert group["aria-invalid"] == "true"
    assert "concern-mistake" in group["aria-describedby"].split()
    assert texts(language)["errors"]["other"] in summary["text"]


@pytest.mark.parametrize(
    "field", ["statement_version", "phone", "slot", "also", "voicemail", "code_word", "text_first", "name", "language"]
)
def test_every_field_can_say_what_is_wrong_with_it(field: str) -> None:
    """Whichever field is refused, the link in the summary reaches it and the message beside it is tied to it."""
    found = Page(form("en", "callback", errors=[{"field": field, "code": "invalid"}]))
    target = found.by_id(field)
    holder = next((each for each in target["within"] if each.get("role") == "radiogroup"), target)
    assert target["name"] == field
    assert holder["aria-invalid"] == "true"
    assert f"{field}-mistake" in holder["aria-describedby"].split()
    assert found.by_id(f"{field}-mistake")["text"] == texts("en")["errors"]["invalid"]
    assert all("open" in each for each in target["within"] if each["tag"] == "details")


@pytest.mark.parametrize("kind", ["callback", "information"])
def test_the_receipt_is_shown_once_and_copies_whole(kind: str) -> None:
    """The code reads and copies exactly as it was grouped; the page offers no link that would lose it to a language."""
    found = page("en", f"{kind} receipt")
    assert found.by_id("receipt")["text"] == RECEIPT
    assert found.by_id("reference")["text"] == "amber-falcon"
    assert found.one("body")["text"].count(RECEIPT) == 1
    assert not any("lang=cy" in each["href"] for each in found.all("a"))
    assert any(each["href"] == "/mailbox?lang=en" for each in found.all("a"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_note_can_be_checked_without_scripts(language: str) -> None:
    """The form carries the receipt along; what is wrong is beside the field and at the top, what is right is said."""
    found = page(language, "callback receipt, note wrong")
    assert found.by_id("ending")["aria-invalid"] == "true"
    assert found.by_id("ending-mistake")["text"] == texts(language)["errors_for"]["ending"]["mismatch"]
    assert found.by_id("checked")["text"].strip() == ""
    hidden = {each["name"]: each["value"] for each in found.all("input") if each.get("type") == "hidden"}
    assert hidden == {"receipt": RECEIPT, "action": "check"}
    right = page(language, "callback receipt, note right")
    assert right.by_id("checked")["text"] == texts(language)["receipt"]["kept_right"]
    assert not any(each.get("aria-invalid") for each in right.elements)


def test_the_door_asks_for_the_code_and_remembers_nothing() -> None:
    """The code is typed into an empty field that no browser completes, corrects or checks, and goes into no address."""
    door = page("en", "door, refused")
    assert {form["method"] for form in door.all("form")} == {"post"}
    field = door.by_id("receipt")
    assert field["value"] == ""
    assert (field["autocomplete"], field["spellcheck"], field["autocapitalize"]) == ("off", "false", "characters")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_mailbox_carries_the_receipt_from_form_to_form(language: str) -> None:
    """Every action, the other language included, is a form post with the receipt hidden inside."""
    found = page(language, "callback mailbox, waiting")
    forms = list(found.all("form"))
    hidden = [
        {
            each["name"]: each["value"]
            for each in found.all("input")
            if form in each["within"] and each["type"] == "hidden"
        }
        for form in forms
    ]
    assert [each["action"] for each in hidden] == ["read", "read", "message", "slot", "withdraw"]
    assert {each["receipt"] for each in hidden} == {RECEIPT}
    other = {"en": "cy", "cy": "en"}[language]
    assert [each["action"] for each in forms] == [f"/mailbox?lang={other}", *[f"/mailbox?lang={language}"] * 4]
    assert found.by_id("confirm")["value"] == "yes"
    assert "checked" not in found.by_id("confirm")


def test_a_message_that_could_not_be_kept_is_not_lost() -> None:
    """A refused message comes back in its field, with what is wrong."""
    found = page("en", "callback mailbox, refused")
    assert found.by_id("text")["text"].strip() == "Hello"
    assert found.by_id("text-mistake")["text"] == texts("en")["errors_for"]["text"]["too-long"]


def test_a_time_is_only_offered_where_one_can_be_chosen() -> None:
    """Without a call to come there is no list of times, and nothing to choose from it."""
    html = mailbox("en", "information", can_choose_slot=False)
    assert "<select" not in html
    assert 'value="slot"' not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mailbox_whose_details_are_erased_is_read_only(language: str) -> None:
    """It says what is gone and how to ask again, keeps what was written, and can still be withdrawn."""
    found = page(language, "callback mailbox, details erased")
    said = found.one("main")["text"]
    assert texts(language)["notes"]["details-erased"] in said
    assert "Hello" in said
    actions = [each["value"] for each in found.all("input") if each.get("name") == "action"]
    assert "withdraw" in actions
    assert {"message", "slot"}.isdisjoint(actions)
    assert f"/request?kind=callback&lang={language}" in [each["href"] for each in found.all("a")]


def test_only_safe_addresses_become_links() -> None:
    """A signpost whose address is not https keeps its name and phone, and is no link."""
    signpost = {"name": "Somewhere", "url": "javascript:alert(1)", "phone": "0808 800 5000"}
    message = {"author": "helpline", "at": "today", "text": "Hello", "signposts": [signpost], "agreed_actions": []}
    found = Page(mailbox("en", "callback", messages=[message]))
    assert [each["href"] for each in found.all("a") if each.get("class") == "away"] == ["tel:08088005000"]
    assert "Somewhere" in found.one("main")["text"]


def test_a_receipt_that_opens_nothing_is_met_with_tips() -> None:
    """Mistyped, expired and withdrawn look the same, and the page says so and helps to check."""
    assert all(tip in page("en", "problem, receipt").one("main")["text"] for tip in texts("en")["door"]["tips_list"])


def test_a_message_that_cannot_be_opened_says_so() -> None:
    """A message without anything to show is not an empty box."""
    message = {"author": "helpline", "at": "today", "text": "", "signposts": [], "agreed_actions": []}
    assert texts("en")["mailbox"]["unreadable"] in mailbox("en", "callback", messages=[message])
    assert texts("en")["mailbox"]["unreadable"] not in mailbox("en", "callback")


def test_a_signpost_may_have_no_phone_or_no_address() -> None:
    """Half of the places to go have a website only, and some have a phone only."""
    signposts = [{"name": "One", "url": "https://one.example"}, {"name": "Two", "url": None, "phone": "116 123"}]
    message = {"author": "helpline", "at": "today", "text": "Hello", "signposts": signposts, "agreed_actions": []}
    found = Page(mailbox("en", "callback", messages=[message]))
    links = [each["href"] for each in found.all("a") if each.get("class") == "away"]
    assert links == ["https://one.example", "tel:116123"]
