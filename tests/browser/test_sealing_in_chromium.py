"""The pages in a real browser: what is written there is sealed there, and the receipt never leaves it."""

from __future__ import annotations

import json
import random
import re
from urllib.parse import unquote_plus

import pytest
from browser_side import Desk, as_jwk
from sealed_requester import Requester
from test_interop import envelope_of, random_receipt, random_words

from chalicelib.adapters.hpke import AesCipher
from chalicelib.domain.receipts import decode, encode, read_receipt, request_id_of
from chalicelib.local.issuer import LocalIssuer

MESSAGE = "I would like to talk to somebody, bluebell."
CODE_WORD = "a grey heron"


def fill_in_callback(tab, *, message: str = MESSAGE) -> None:
    """Fill in the callback form as a person would."""
    tab.goto("/request?kind=callback&lang=en")
    tab.check("#statement_version")
    tab.check("#concern")
    tab.fill("#phone", "07700 900123")
    tab.fill("#code_word", CODE_WORD)
    tab.fill("#message", message)


def ask(tab, **changes: str) -> str:
    """Send the callback form, and give the receipt that the page shows."""
    fill_in_callback(tab, **changes)
    tab.click("button[type=submit]")
    tab.wait_for_selector("#receipt:not(:empty)")
    return tab.inner_text("#receipt").replace("\n", "")


def open_mailbox(tab, receipt: str, language: str = "en") -> None:
    """Open the mailbox with a receipt."""
    tab.goto(f"/mailbox?lang={language}")
    tab.fill("#receipt", receipt)
    tab.click("main button[type=submit]")
    tab.wait_for_selector("#messages")


def claim(quietline, reference: str):
    """Take the request of a reference at the desk."""
    token = quietline.token("practitioner", f"alex-{reference.replace(' ', '-')}")  # nobody holds too many
    answer = quietline.ask("POST", "/v1/desk/claims", {"reference": reference}, token=token)
    assert answer.status == 201
    return token, answer.json()


def test_neither_the_receipt_nor_a_word_leaves_the_browser(tab, quietline):
    """A request is sealed before it is sent, the desk opens it, and replies are opened by the page that shows them."""
    receipt = read_receipt(ask(tab))
    reference = tab.inner_text("#reference")
    token, claimed = claim(quietline, reference)
    assert claimed["request"]["unreadable"] is None
    assert claimed["request"]["details"] == {
        "concern": "own-behaviour",
        "phone": "07700 900123",
        "phone_international": "+44 7700 900123",
        "message": MESSAGE,
        "safety": {
            "voicemail": "never",
            "caller_id": "withheld",
            "code_word": CODE_WORD,
            "if_someone_else_answers": "hang-up",
            "text_first": False,
        },
        "access_needs": [],
    }
    body = {"number": claimed["claim"]["number"], "text": "Reply in the mailbox", "signposts": ["childline"]}
    hold = f"/v1/desk/claims/{claimed['claim']['request_id']}"
    assert quietline.ask("POST", f"{hold}/replies", body, token=token).status == 201

    open_mailbox(tab, receipt.shown)
    tab.wait_for_selector("text=Reply in the mailbox")
    tab.locator("[data-part=signposts]").wait_for()  # fetched after the words are there
    assert tab.locator("a:has-text('Childline')").count() == 1
    tab.fill("#text", "A message back, kingfisher")
    tab.click("text=Send the message")
    tab.wait_for_selector("[role=status]")
    tab.wait_for_selector(".said:has-text('A message back, kingfisher')")
    said = unquote_plus(tab.watch.all())
    # Nothing shorter: in so much that is sealed, five letters stand by chance.
    for secret in (MESSAGE, "bluebell", CODE_WORD, "700 900123", "7700900123", "kingfisher", receipt.code,
                   receipt.shown, encode(receipt.mailbox_key)):  # fmt: skip
        assert secret not in said
    assert encode(receipt.lookup) in said  # what opens the mailbox travels, in form bodies alone
    assert not any(encode(receipt.lookup) in url for _, url, _ in tab.watch.requests)
    assert quietline.ask("POST", f"{hold}/release", {"number": claimed["claim"]["number"]}, token=token).status == 200
    _, again = claim(quietline, reference)
    assert "A message back, kingfisher" in json.dumps(again["request"]["messages"])


def test_a_request_from_the_page_is_verified(tab, quietline):
    """The page solves the challenge: `altcha` goes along, and the request stands where verified ones stand."""
    ask(tab)
    (posted,) = [body for method, url, body in tab.watch.requests if method == "POST" and "/request" in url]
    assert "altcha=" in posted
    assert "details" not in posted


def test_nothing_is_left_in_the_browser(tab, quietline):
    """Afterwards there is no cookie, no storage, no cache, no database, and nothing outside our origin was asked."""
    receipt = ask(tab)
    open_mailbox(tab, receipt)
    left = tab.evaluate(
        """async () => [localStorage.length, sessionStorage.length, document.cookie,
            (await caches.keys()).length, (await indexedDB.databases()).length, location.search + location.hash]"""
    )
    assert left == [0, 0, "", 0, 0, "?lang=en"]
    assert tab.context.cookies() == []
    assert {re.match(r"https?://[^/]+", url)[0] for _, url, _ in tab.watch.requests} == {quietline.url}
    # A browser may keep the page itself for its back button: on being left, it empties itself.
    tab.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert tab.locator("body *").count() == 0
    tab.goto("/")
    tab.go_back()
    assert tab.locator("#messages").count() == 0


def test_withdrawing_from_the_sealed_mailbox(tab, quietline):
    """With the lookup value alone the page chooses another time, and withdraws; then the receipt opens nothing."""
    receipt = ask(tab)
    open_mailbox(tab, receipt)
    tab.select_option("#slot", index=1)
    tab.click("text=Ring me at this time")
    tab.wait_for_selector("[role=status]")
    tab.check("#confirm")
    tab.click("text=Withdraw my request")
    tab.wait_for_selector("text=Your request has been withdrawn")
    answer = quietline.ask("GET", "/v1/mailbox", receipt=receipt)
    assert answer.status == 404


def test_what_is_wrong_comes_back_with_what_was_typed(tab, quietline):
    """A refusal of the server shows its page, the words are in the fields again, and sending again succeeds."""
    fill_in_callback(tab)
    tab.eval_on_selector("#statement_version", "box => { box.value = '1999-01'; }")
    tab.click("button[type=submit]")
    tab.wait_for_selector(".errors")
    assert tab.input_value("#message") == MESSAGE
    assert tab.input_value("#phone") == "07700 900123"
    assert MESSAGE not in unquote_plus(tab.watch.all())
    tab.check("#statement_version")
    tab.click("button[type=submit]")
    tab.wait_for_selector("#receipt:not(:empty)")


def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_bytes(tab, quietline):
    """When the connection breaks, the page says so; sending again gives one request, not two."""
    fill_in_callback(tab)
    posts = []

    def lose_the_first(route):
        posts.append(route.request.post_data)
        if len(posts) == 1:
            route.fetch()
            return route.abort()
        return route.continue_()

    tab.route("**/request?*", lose_the_first)
    tab.click("button[type=submit]")
    tab.wait_for_selector("[role=alert]")
    tab.click("button[type=submit]")
    tab.wait_for_selector("#receipt:not(:empty)")
    first, second = (re.search("sealed=([^&]+)", each)[1] for each in posts)
    assert first == second


def test_a_press_while_letters_are_still_being_opened_counts(tab, quietline):
    """What a letter points to may take its time: a message that is sent meanwhile is sent."""
    receipt = ask(tab)
    token, claimed = claim(quietline, tab.inner_text("#reference"))
    body = {"number": claimed["claim"]["number"], "text": "Reply in the mailbox", "signposts": ["childline"]}
    hold = f"/v1/desk/claims/{claimed['claim']['request_id']}"
    assert quietline.ask("POST", f"{hold}/replies", body, token=token).status == 201
    held = []

    def keep(route):
        held.append(route)

    tab.route("**/v1/signposts?*", keep)
    open_mailbox(tab, receipt)
    tab.wait_for_selector("text=Reply in the mailbox")
    tab.fill("#text", "A message back")
    tab.click("text=Send the message")
    tab.wait_for_selector("main .notice[role=status]")
    assert held


def test_a_mistyped_receipt_is_not_sent_either(tab, quietline):
    """What is nearly a receipt stays in the browser; the page says that it opens nothing."""
    tab.goto("/mailbox?lang=en")
    tab.fill("#receipt", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ")
    tab.click("main button[type=submit]")
    tab.wait_for_selector(".errors")
    assert "ZZZZZ" not in tab.watch.all()


def test_a_page_whose_script_fails_sends_the_plain_form(tab, quietline):
    """Where the keys cannot be had, the form goes its old way, and the server seals on arrival."""
    tab.route("**/v1/keys", lambda route: route.abort())
    fill_in_callback(tab)
    tab.click("button[type=submit]")
    tab.wait_for_selector("#receipt:not(:empty)")


@pytest.mark.parametrize("language", ["en", "cy"])
def test_without_javascript_everything_works_as_before(chromium, quietline, language):
    """Ask, read, write and withdraw, with scripts switched off, in both languages."""
    context = chromium.new_context(base_url=quietline.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/request?kind=information&lang={language}")
    page.check("#statement_version")
    page.check("#concern")
    page.fill("#message", "A question")
    page.click("button[type=submit]")
    receipt = page.inner_text("#receipt").replace("\n", "")
    page.goto(f"/mailbox?lang={language}")
    page.fill("#receipt", receipt)
    page.click("main button[type=submit]")
    page.fill("#text", "A message")
    with page.expect_navigation():
        page.locator("form:has(#text) button").click()
    assert page.locator(".said:has-text('A message')").count() == 1
    page.check("#confirm")
    with page.expect_navigation():
        page.locator("form:has(#confirm) button").click()
    assert page.locator("#text").count() == 0
    context.close()


@pytest.mark.timeout(600)
def test_the_module_in_chromium_and_python_open_each_other(tab, quietline, count):
    """Random requests sealed in Chromium's WebCrypto open here, and what we seal and reply opens there."""
    desk, dice, cipher = Desk(), random.Random(6), AesCipher()
    tab.goto("/mailbox")
    jwk = as_jwk(desk.private["desk-1"])
    for _ in range(count):
        receipt, words = random_receipt(dice), random_words(dice)
        request_id = request_id_of(receipt.lookup)
        ours = desk.sealer.seal(words.encode(), kind="callback", request_id=request_id).wire()
        reply = cipher.encrypt(
            json.dumps({"text": words}).encode(), key=receipt.mailbox_key, kind="message:m1", request_id=request_id
        )
        told = tab.evaluate(
            """async ({keys, code, words, ours, requestId, jwk, reply}) => {
                const s = await import('/assets/sealing.js');
                const whole = {kty: 'EC', crv: 'P-256', ext: true, ...jwk};
                const {d, ...open} = whole;
                const curve = {name: 'ECDH', namedCurve: 'P-256'};
                const pair = {privateKey: await crypto.subtle.importKey('jwk', whole, curve, true, ['deriveBits']),
                              publicKey: await crypto.subtle.importKey('jwk', open, curve, true, [])};
                return {...(await s.sealRequest('callback', {message: words}, keys, code)),
                        opened: s.encode(await s.open(ours, 'callback', requestId, 'desk-1', pair)),
                        reply: await s.openMessage('m1', reply, await s.derive(code))};
            }""",
            {
                "keys": desk.keys,
                "code": receipt.code,
                "words": words,
                "ours": ours,
                "requestId": request_id,
                "jwk": jwk,
                "reply": encode(reply),
            },
        )
        sealed = envelope_of(told["sealed"])
        opened = json.loads(desk.opener("desk-1").open(sealed, kind="callback", request_id=request_id))
        assert opened == {"details": {"message": words}, "mailbox_key": encode(receipt.mailbox_key)}
        assert decode(told["opened"]).decode() == words
        assert told["reply"] == {"text": words}


def test_the_desk_shows_what_does_not_validate_as_text(tab, quietline):
    """No safe-contact rules, no number to dial: the fields as they are, a warning, and markup that stays text."""
    requester = Requester(quietline)
    details = {"phone": "07700 900123", "safety": "ok", "<b>x</b>": "<img src=x onerror=alert(1)>"}
    body = requester.body({"details": details, "mailbox_key": encode(requester.receipt.mailbox_key)})
    reference = quietline.ask("POST", "/v1/callbacks", body).json()["reference"]
    message = requester.message({"text": "hello", "signposts": ["childline"]})
    quietline.ask("POST", "/v1/mailbox/messages", message, headers=requester.mailbox)
    ticket = LocalIssuer(quietline.home).ticket("practitioner", "kim")
    tab.goto(f"/desk#{ticket}")
    tab.fill("#reference", reference)
    tab.locator("#quote button").first.click()
    tab.wait_for_selector("#unreadable:visible")
    assert "do not ring" in tab.inner_text("#unreadable")
    assert not tab.locator("#contract").is_visible()
    assert tab.locator("a[href^=tel]:visible").count() == 0
    assert "07700 900123" in tab.inner_text("#message")
    assert "<img src=x onerror=alert(1)>" in tab.inner_text("#message")
    assert tab.locator("#message img, #message b").count() == 0
    assert "not sent by our pages" in tab.inner_text("#letters")
