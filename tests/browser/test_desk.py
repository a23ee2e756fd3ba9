"""The desk in a real browser: the practitioner's whole job, what interrupts it, and the supervisor's view."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from browser_checks import LIMIT, accessibility, light, nothing_wrong, picture
from desk_hands import PHONE, TOMORROW, Keys, Mouse, arrive, callback, information, open_by_reference, sign_in
from external_issuer import SETTINGS, running_issuer
from playwright.sync_api import Error
from real_server import TUESDAY_EVENING, Contract, running

from chalicelib.config import Settings
from chalicelib.domain.access import ROLES, SIGN_IN_ROLES
from chalicelib.http.desk_page import PANELS
from chalicelib.local.issuer import LocalIssuer
from chalicelib.wiring import House

REPLY = "Thank you for getting in touch."


@pytest.fixture(scope="module")
def quietline(tmp_path_factory):
    """A helpline whose queue nobody else uses."""
    with running(tmp_path_factory.mktemp("desk") / "home", Contract()) as one:
        yield one


@pytest.fixture(params=[Mouse, Keys], ids=["mouse", "keys"])
def hands(request):
    """With a mouse, and with the keyboard only."""
    return request.param()


@pytest.fixture
def practitioner(new_tab, quietline):
    """A tab in which alex is signed in."""
    page = new_tab()
    arrive(page, quietline)
    return page


def sound(page, hands=None):
    """
    Hold the page to everything, from its top: what has slid under the bar would count as too small to press.

    Once for each state: with the mouse, when somebody goes the same way with the keys again.
    """
    if not isinstance(hands, Keys):
        page.evaluate("scrollTo(0, 0)")
        nothing_wrong(page)


def organisations():
    """Every word that would tell who rings: the helpline's own name and those of all that it points to."""
    content = House(Settings()).content
    return {organisation.name for organisation in content.organizations()} | {"helpline", "abuse", "Quietline"}


# ---------------------------------------------------------------- the job


def test_the_whole_job(new_tab, quietline, screen, hands):
    """Sign in, see the lanes, take, read how to ring, confirm who it is, reply, note, close; the mailbox has it."""
    asked = callback(quietline, language="en")
    page = new_tab(screen=screen)
    page.goto("/desk")
    page.wait_for_selector("#sign-in-go:focus")
    sound(page, hands)
    picture(page, f"desk-sign-in-{screen}")
    sign_in(page, quietline, hands=hands)
    page.wait_for_selector("#queue td")
    if screen == "desk":
        assert page.inner_text("#queue tbody tr").split()[:3] == ["Callback,", "English", "1"]
    sound(page, hands)
    picture(page, f"desk-queue-{screen}")
    hands.press(page, "#take button")
    page.wait_for_selector("#request-title:focus")
    assert page.inner_text("#request-title") == asked["reference"].replace("-", " ")
    ring(page, hands, screen)
    write(page, hands, screen)
    finish(page, hands)
    mailbox = quietline.ask("GET", "/v1/mailbox", receipt=asked["receipt"]).json()
    assert mailbox["status"] == "closed"
    said = json.dumps(mailbox["messages"])
    assert REPLY in said
    assert "Ring again when ready" in said
    assert "Prefers evenings" not in said
    assert said.count('"get-help"') == 2


def ring(page, hands, screen):
    """The rules come before the number, the number before the script, and the script names nobody."""
    assert "Leave no message" in page.inner_text("#contract")
    assert "Sorry, wrong number" in page.inner_text("#contract")
    assert PHONE not in page.content()
    assert page.locator("#script").is_hidden()
    assert page.inner_text("#lease-left").endswith("left")
    sound(page, hands)
    picture(page, f"desk-contract-{screen}")
    hands.press(page, "#contract-read")
    assert PHONE in page.inner_text("#phone")
    assert page.get_attribute("#phone a", "href") == "tel:14107700900123"
    script = page.inner_text("#script").lower()
    assert "bluebell" in script
    assert script.index("a word that you want to tell me") < script.index("i have two words for you")
    assert not [name for name in organisations() if name.lower() in script]
    sound(page, hands)
    picture(page, f"desk-script-{screen}")
    hands.press(page, "#script-sure")
    assert page.inner_text("#script-after").startswith("You may now say")


def write(page, hands, screen):
    """A reply with a signpost, and a note."""
    page.wait_for_selector("details.reply .signposts:not([hidden])", state="attached")
    hands.press(page, "details.reply > summary")
    hands.write(page, "#reply-text", REPLY)
    hands.choose(page, "details.reply [name=signposts][value=get-help]")
    sound(page, hands)
    picture(page, f"desk-reply-{screen}")
    hands.press(page, "details.reply .go")
    page.wait_for_selector("details.reply .outcome:text-is('The reply is in their mailbox.')")
    assert REPLY in page.inner_text("#letters")
    if not page.locator("#note-text").is_visible():
        hands.press(page, "details.note > summary")
    hands.write(page, "#note-text", "Prefers evenings.")
    hands.press(page, "details.note .go")
    page.wait_for_selector("details.note .outcome:text-is('The note is kept.')")


def finish(page, hands):
    """Agreed actions and a signpost close it, and what was shown is gone."""
    hands.press(page, "details.close > summary")
    hands.choose(page, "details.close [name=outcome][value=answered]")
    hands.write(page, "#agreed", "Ring again when ready")
    hands.choose(page, "details.close [name=signposts][value=get-help]")
    sound(page, hands)
    hands.press(page, "details.close .go")
    page.wait_for_selector("#status:has-text('is closed')")
    page.wait_for_selector("#take button:focus")
    assert PHONE not in page.content()
    sound(page, hands)


def test_an_attempt_waits_for_the_next_agreed_time(practitioner, quietline):
    """Nobody answers: the request goes back, and the page says when it comes again."""
    asked = callback(quietline, also=[TOMORROW])
    open_by_reference(practitioner, asked["reference"])
    practitioner.click("details.attempt > summary")
    practitioner.click("details.attempt .go")
    assert practitioner.inner_text("details.attempt .outcome:not(:empty)") == "Something is still needed here."
    sound(practitioner)
    practitioner.check("details.attempt [value=no-answer]")
    practitioner.click("details.attempt .go")
    practitioner.wait_for_selector("#status:has-text('Recorded.')")
    assert "Wednesday 25 November" in practitioner.inner_text("#status")
    assert practitioner.locator("#request").is_hidden()


def test_nobody_is_shown_a_number_at_another_time(practitioner, quietline):
    """Somebody rings and quotes their reference before the agreed time: the rules are shown, the number is not."""
    asked = callback(quietline, slot=TOMORROW)
    open_by_reference(practitioner, asked["reference"])
    practitioner.click("#contract-read")
    assert "Do not ring now. Agreed: " in practitioner.inner_text("#phone")
    assert PHONE not in practitioner.content()
    assert practitioner.locator("a[href^=tel]").count() == 0
    sound(practitioner)
    practitioner.click("details.release > summary")
    practitioner.fill("#reason", "They rang; they will be rung tomorrow.")
    practitioner.click("details.release .go")
    practitioner.wait_for_selector("#status:has-text('is back in the queue')")


def test_signposts_are_in_the_language_of_whoever_reads_them(practitioner, quietline):
    """Welsh for who wrote in Welsh, filtered by what it is about; a note is read aloud as English."""
    asked = information(quietline, language="cy")
    practitioner.click("[name=languages][value=cy]")
    practitioner.click("#take button")
    practitioner.wait_for_selector(f"#request-title:text-is('{asked['reference'].replace('-', ' ')}')")
    practitioner.wait_for_selector("details.reply .signposts .list label:visible")
    shown = practitioner.locator("details.reply .signposts .list label:visible")
    names = {each["id"]: each["name"] for each in quietline.ask("GET", "/v1/signposts?language=cy").json()["signposts"]}
    assert shown.count() < len(names)
    for label in shown.all():
        assert label.get_attribute("lang") == "cy"
        assert label.inner_text().strip() == names[label.locator("input").get_attribute("value")]
    practitioner.fill("#reply-text", "Diolch")
    practitioner.locator("details.reply .signposts .list label:visible").first.click()
    practitioner.click("details.reply .go")
    practitioner.wait_for_selector("details.reply .outcome:has-text('mailbox')")
    sound(practitioner)
    practitioner.click("details.close > summary")
    practitioner.check("details.close [value=signposted]")
    practitioner.click("details.close .go")
    practitioner.wait_for_selector("#status:has-text('is closed')")
    practitioner.uncheck("[name=languages][value=cy]")


def test_nothing_to_hand_out_is_said(practitioner):
    """An empty lane answers beside the button, not with an error."""
    practitioner.check("[name=kinds][value=referral]")
    practitioner.click("#take button")
    practitioner.wait_for_selector("#take .outcome:has-text('nothing to hand out now')")
    sound(practitioner)


# ---------------------------------------------------------------- the lease


def test_a_lease_counts_down_warns_and_is_renewed_by_work_alone(new_tab, quietline):
    """It renews itself while somebody types, warns when nobody does, and at its end what was shown is put away."""
    asked = callback(quietline)
    page = new_tab()
    page.clock.install()
    arrive(page, quietline)
    open_by_reference(page, asked["reference"])
    renewals = lambda: sum(url.endswith("/renew") for _, url, _ in page.watch.requests)  # noqa: E731
    page.clock.fast_forward(6 * 60_000)
    assert page.inner_text("#lease-left").startswith(("13:", "14:"))
    assert renewals() == 0
    page.click("details.note > summary")
    page.clock.run_for(2_000)
    page.wait_for_selector("#lease-left:text-matches('^19:')")
    assert renewals() == 1
    page.clock.fast_forward(17 * 60_000 + 30_000)
    page.clock.run_for(2_000)
    page.wait_for_selector("#alert:has-text('min left with')")
    assert renewals() == 1
    sound(page)
    picture(page, "desk-lease")
    page.click("#lease-renew")
    page.clock.run_for(1_000)
    page.wait_for_selector("#status:has-text('You hold')")
    assert renewals() >= 2
    page.clock.fast_forward(21 * 60_000)
    page.clock.run_for(1_500)
    page.wait_for_selector("#lost:visible")
    assert "Your time with it ran out" in page.inner_text("#lost-why")
    assert "I would like to talk" not in page.content()
    sound(page)
    quietline.ask("POST", f"/v1/desk/claims/{asked['request_id']}/force-release", token=quietline.token("supervisor"))


def test_a_claim_that_is_lost_in_mid_sentence(new_tab, quietline, screen):
    """What was typed stays, can be copied, and is sent once the request is back; what was shown is gone."""
    asked = callback(quietline)
    page = new_tab(screen=screen)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    arrive(page, quietline)
    open_by_reference(page, asked["reference"])
    page.click("#contract-read")
    page.click("details.reply > summary")
    page.fill("#reply-text", "I was just saying")
    boss = quietline.token("supervisor")
    taken = quietline.ask("POST", f"/v1/desk/claims/{asked['request_id']}/force-release", token=boss)
    assert taken.status == 200
    page.click("details.reply .go")
    page.wait_for_selector("#lost:visible")
    page.wait_for_selector("#alert:has-text('Your hold has ended, or it was taken back.')")
    assert page.input_value("#reply-text") == "I was just saying"
    for gone in (PHONE, "I would like to talk", "bluebell"):
        assert gone not in page.content()
    sound(page)
    picture(page, f"desk-lost-{screen}")
    page.click("#lost-copy")
    page.wait_for_selector("#lost .outcome:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == "Reply:\nI was just saying"
    page.click("#take button")
    page.wait_for_selector("#take .outcome:has-text('still on the screen')")
    page.click("#lost-again")
    page.wait_for_selector("#contract:visible")
    assert page.input_value("#reply-text") == "I was just saying"
    page.click("details.reply .go")
    page.wait_for_selector("details.reply .outcome:has-text('mailbox')")
    page.click("details.close > summary")
    page.check("details.close [value=answered]")
    page.click("details.close .go")
    page.wait_for_selector("#status:has-text('is closed')")
    assert "I was just saying" in json.dumps(
        quietline.ask("GET", "/v1/mailbox", receipt=asked["receipt"]).json()["messages"]
    )


def letters_of(quietline, asked):
    """Give every letter to the requester that the mailbox holds."""
    mailbox = quietline.ask("GET", "/v1/mailbox", receipt=asked["receipt"]).json()
    return [each["text"] for each in mailbox["messages"] if each["author"] == "helpline"]


def reply_under_way(new_tab, quietline, asked):
    """Send a reply five seconds before the lease runs out on the screen, and hold its answer back."""
    page, kept, end = new_tab(), [], []

    def hold_back(route):
        if kept:
            route.continue_()
            return
        kept.append(route.fetch())
        while not end:
            page.wait_for_timeout(20)
        end[0](route, kept[0])

    # What the page gives up after is a time of the machine's, which the clock below does not hold.
    page.add_init_script("AbortSignal.timeout = () => new AbortController().signal")
    page.clock.install()
    arrive(page, quietline)
    page.clock.pause_at(page.evaluate("Date.now()") + 60_000)  # never in the past, however long it takes to say so
    open_by_reference(page, asked["reference"])
    page.click("details.reply > summary")
    page.fill("#reply-text", REPLY)
    page.route("**/renew", lambda route: route.abort())
    page.route("**/replies", hold_back)
    page.clock.fast_forward(20 * 60_000 - 5_000)
    page.click("details.reply .go")
    while not kept:
        page.wait_for_timeout(50)
    page.clock.run_for(6_000)
    assert page.locator("#lost").is_visible()
    assert page.input_value("#reply-text") == REPLY
    page.click("#lost-away")
    page.clock.run_for(100)
    assert "still being sent" in page.inner_text("#lost .outcome")
    return page, end.append


def finish_with(page, quietline, asked):
    """Give the request back, and make sure that nothing went wrong on the way."""
    nothing_wrong(page)
    boss = quietline.token("supervisor")
    quietline.ask("POST", f"/v1/desk/claims/{asked['request_id']}/force-release", token=boss)


def test_a_reply_that_is_answered_after_the_lease_has_run_out_was_sent(new_tab, quietline):
    """The page says that it was sent and keeps neither its text, which would go out again, nor anything shown."""
    asked = callback(quietline)
    page, let = reply_under_way(new_tab, quietline, asked)
    let(lambda route, answer: route.fulfill(response=answer))
    page.clock.resume()
    page.wait_for_selector("details.reply .outcome:text-is('The reply is in their mailbox.')")
    assert page.input_value("#reply-text") == ""
    assert page.locator("#lost-copy").is_hidden()
    assert REPLY not in page.inner_text("main")
    page.click("#lost-again")
    page.wait_for_selector("#content:visible")
    assert page.inner_text("#letters").count(REPLY) == 1
    page.click("details.reply .go")
    page.wait_for_selector("details.reply .outcome:text-is('Something is still needed here.')")
    assert letters_of(quietline, asked) == [REPLY]
    finish_with(page, quietline, asked)


def test_a_reply_whose_answer_was_lost_is_one_letter_under_the_next_claim_too(new_tab, quietline):
    """Sent again after the request was taken anew, under a claim of another number, it is in the mailbox once."""
    asked = callback(quietline)
    page, let = reply_under_way(new_tab, quietline, asked)
    let(lambda route, _: route.abort())
    page.clock.resume()
    page.wait_for_selector("details.reply .outcome:has-text('cannot be reached')")
    boss = quietline.token("supervisor")
    assert quietline.ask("POST", f"/v1/desk/claims/{asked['request_id']}/force-release", token=boss).status == 200
    page.click("#lost-again")
    page.wait_for_selector("#content:visible")
    assert page.input_value("#reply-text") == REPLY
    page.click("details.reply .go")
    page.wait_for_selector("details.reply .outcome:text-is('The reply is in their mailbox.')")
    numbers = {json.loads(body)["number"] for _, url, body in page.watch.requests if url.endswith("/replies")}
    assert len(numbers) == 2
    assert letters_of(quietline, asked) == [REPLY]
    finish_with(page, quietline, asked)


# ---------------------------------------------------------------- signing in


def test_an_expired_token_costs_no_word(new_tab, quietline, screen):
    """A token that has expired: sign in again in the window, and go on where one was; nobody else may."""
    asked = callback(quietline)
    page = new_tab(screen=screen)
    arrive(page, quietline)
    open_by_reference(page, asked["reference"])
    page.click("details.reply > summary")
    page.fill("#reply-text", "Half a sentence")
    old = {"authorization": f"Bearer {quietline.token('practitioner', 'alex', hours=-1)}"}
    page.route("**/v1/desk/**", lambda route: route.continue_(headers={**route.request.headers, **old}))
    with page.expect_response(lambda answer: answer.status == 401):
        page.click("details.reply .go")
    page.wait_for_selector("#alert:has-text('What you typed is still here')")
    sound(page)
    picture(page, f"desk-expired-{screen}")
    page.unroute("**/v1/desk/**")
    sign_in(page, quietline, subject="kim", accepted=False)
    page.wait_for_selector("#sign-in-why:has-text('This page is alex’s')")
    sign_in(page, quietline)
    page.wait_for_selector("#status:has-text('signed in again')")
    assert page.input_value("#reply-text") == "Half a sentence"
    page.click("details.reply .go")
    page.wait_for_selector("details.reply .outcome:has-text('mailbox')")
    page.click("details.release > summary")
    page.click("details.release .go")
    page.wait_for_selector("#status:has-text('is back in the queue')")


def test_a_link_signs_in_once(new_tab, quietline):
    """The link that `make run` prints signs in, leaves the address bar at once, and is worth nothing a second time."""
    link = f"/desk#{LocalIssuer(quietline.home).ticket('auditor', 'robin')}"
    page = new_tab()
    page.goto(link)
    page.wait_for_selector("#person:visible")
    assert page.url == f"{quietline.url}/desk"
    assert page.locator("#tabs button:visible").all_inner_texts() == ["Audit trail"]
    page.wait_for_selector("#audit-verified:has-text('The trail holds together')")
    sound(page)
    again = new_tab()
    again.goto(link)
    again.wait_for_selector("#sign-in-why:has-text('not valid')")
    sound(again)


@pytest.mark.parametrize("role", SIGN_IN_ROLES)
def test_only_what_one_may_do_is_shown_and_loaded(new_tab, quietline, role):
    """A tab for each scope, and its script only for those who have it; a role without tabs is told so."""
    wanted = [panel for panel in PANELS if panel.scope in ROLES[role]]
    page = new_tab()
    if wanted:
        arrive(page, quietline, role)
        page.wait_for_selector(f"#{wanted[0].name}", state="attached")
    else:
        page.goto("/desk")
        page.click("#sign-in-token summary")
        page.fill("#token", quietline.token(role))
        page.click("#sign-in-form button")
        page.wait_for_selector("#sign-in-why:has-text('no role of yours')")
    assert page.locator("#tabs button:visible").all_inner_texts() == [panel.title for panel in wanted]
    loaded = [url.rpartition("/")[2] for _, url, _ in page.watch.requests if "/panels/" in url]
    assert loaded == [panel.name for panel in wanted[:1]]
    sound(page)


def test_a_window_that_nobody_waits_for_says_so(new_tab):
    """The page on which a sign-in ends drops the code from its address, and says so when no desk takes it."""
    page = new_tab(screen="phone")
    page.clock.install()
    page.goto("/desk/signed-in?code=abc&state=def")
    assert page.url.endswith("/desk/signed-in")
    page.clock.run_for(6_000)
    page.wait_for_selector("#nobody:visible")
    sound(page)


def test_another_desk_does_not_take_the_code(new_tab, quietline):
    """Two desks of one browser are both signing in: a code goes to the one that asked for it."""
    page = new_tab()
    traded = []
    page.context.on("request", lambda sent: traded.append(sent.frame.page) if sent.url.endswith("/token") else None)
    page.goto("/desk")
    other = page.context.new_page()
    other.goto(f"{quietline.url}/desk")
    with page.context.expect_page():
        other.click("#sign-in-go")
    sign_in(page, quietline)
    assert traded == [page]
    assert other.locator("#sign-in").is_visible()
    assert other.locator("#person").is_hidden()


def test_signing_in_at_the_helplines_own_issuer(new_tab, tmp_path_factory):
    """An issuer of another origin, found by discovery: refusal, a token for another sign-in, then a real one."""
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    with running_issuer() as issuer, running(home, Contract(), QUIETLINE_OIDC_ISSUER=issuer.url, **SETTINGS) as desk:
        issuer.redirect_uri = f"{desk.url}/desk/signed-in"
        assert desk.ask("GET", "/desk/issuer/authorize").status == 404
        assert desk.ask("POST", "/desk/issuer/token", form={"code": "x"}).status == 404
        page = new_tab(origin=desk.url)
        page.goto("/desk")
        assert page.locator("#sign-in-token").is_hidden()

        def window(choice: str) -> None:
            with page.context.expect_page() as opening:
                page.click("#sign-in-go")
            opening.value.wait_for_load_state()
            with opening.value.expect_event("close"), suppress(Error):  # it may be gone before the click is over
                opening.value.click(f"#{choice}")

        window("no")
        page.wait_for_selector("#alert:has-text('Signing in did not work')")
        page.evaluate("document.getElementById('alert').textContent = ''")  # so that it has to be said once more
        issuer.nonce_instead = "another sign-in's"
        window("yes")
        page.wait_for_selector("#alert:has-text('Signing in did not work')")
        assert page.locator("#person").is_hidden()
        issuer.nonce_instead = None
        window("yes")
        page.wait_for_selector("#person:visible")
        assert page.inner_text("#person-name") == "Alex Morgan"
        assert page.locator("#tabs button:visible").all_inner_texts() == ["Requests"]
        assert set(page.watch.elsewhere()) == {f"{issuer.url}/token?tenant=helpline"}
        assert accessibility(page) == ""


def test_without_an_issuer_that_answers_the_page_says_so(new_tab, tmp_path_factory):
    """While the issuer is down the page offers no window, says what to do, and works again after loading it anew."""
    home = tmp_path_factory.mktemp("down") / "home"
    with running_issuer() as issuer:
        issuer.down = True
        with running(home, Contract(), QUIETLINE_OIDC_ISSUER=issuer.url, **SETTINGS) as desk:
            page = new_tab(origin=desk.url)
            page.goto("/desk")
            page.wait_for_selector("#sign-in-none:visible")
            assert page.locator("#sign-in-go").is_hidden()
            sound(page)


# ---------------------------------------------------------------- a server that restarts


def test_a_restart_costs_no_word(new_tab, tmp_path_factory):
    """While the server is away the page says so and keeps what was typed; afterwards it goes on with the same token."""
    home = tmp_path_factory.mktemp("restart") / "home"
    with running(home, Contract()) as first:
        asked = callback(first)
        page = new_tab(origin=first.url)
        arrive(page, first)
        open_by_reference(page, asked["reference"])
        page.click("details.reply > summary")
        page.fill("#reply-text", "Written while it was away")
    page.click("details.reply .go")
    page.wait_for_selector("details.reply .outcome:has-text('cannot be reached')")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("#queue-age:has-text('Not up to date')")
    assert page.input_value("#reply-text") == "Written while it was away"
    assert PHONE not in page.content()
    sound(page)
    with running(home, Contract(), QUIETLINE_PORT=str(first.port)) as second:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_selector("#queue-age:has-text('Updated at')")
        page.click("details.reply .go")
        page.wait_for_selector("details.reply .outcome:has-text('mailbox')")
        assert "Written while it was away" in json.dumps(
            second.ask("GET", "/v1/mailbox", receipt=asked["receipt"]).json()["messages"]
        )


# ---------------------------------------------------------------- the supervisor


def drop_five_times(home, asked):
    """Have five practitioners take it and leave it, and a sixth meet it: it is parked."""
    at = datetime.fromisoformat(TUESDAY_EVENING)
    for number in range(6):
        casework = House(Settings(home=home, clock_starts_at=at + timedelta(minutes=2 * number))).desk.casework
        casework.claim(f"p{number}", kinds=(), languages=(), reference=None, lease=timedelta(minutes=1), token=None)
    return asked


def test_the_supervisors_view(new_tab, tmp_path_factory, screen):
    """Ageing, what is parked, a leaver's claim, closed times, who opened how many, and the trail with its check."""
    home = tmp_path_factory.mktemp("supervision") / "home"
    with running(home, Contract()) as desk:
        parked = drop_five_times(home, information(desk))["reference"].replace("-", " ")
        left = callback(desk)["reference"].replace("-", " ")
        desk.ask("POST", "/v1/desk/claims", {"kinds": ["callback"]}, token=desk.token("practitioner", "leaver"))
        page = new_tab(screen=screen, origin=desk.url)
        arrive(page, desk, "supervisor", "sam")
        page.click("#tabs >> text=Supervision")
        page.wait_for_selector("#parked td")
        assert parked in page.inner_text("#parked")
        assert left in page.inner_text("#claims")
        assert "leaver" in page.inner_text("#claims")
        assert "Information, English" in page.inner_text("#ageing")
        assert page.inner_text("#people tbody tr:has-text('p0')").split()[-3:] == ["1", "0", "0"] or screen == "phone"
        sound(page)
        picture(page, f"desk-supervision-{screen}")

        page.click("#parked button")
        page.click(f"#parked button:text-is('Put {parked} back')")
        page.wait_for_selector("#parked:text-is('None.')")
        page.wait_for_selector("#status:has-text('back in the queue')")
        page.click("#claims button")
        assert page.inner_text("#claims button") == f"Take {left} from leaver"
        sound(page)
        page.click("#claims button")
        page.wait_for_selector("#claims:text-is('None.')")
        assert desk.ask("GET", "/v1/desk/claims", token=desk.token("practitioner", "leaver")).json() == {"claims": []}

        page.fill("#shut-from", "2026-11-25T12:00")
        page.fill("#shut-until", "2026-11-25T11:00")
        page.click("#closure .go")
        page.wait_for_selector("#closure .outcome:has-text('must be after')")
        page.fill("#shut-until", "2026-11-25T15:00")
        page.click("#closure .go")
        page.wait_for_selector("#closures button")
        closures = desk.ask("GET", "/v1/desk/parked", token=desk.token("supervisor")).json()["closures"]
        assert closures == [{"starts_at": "2026-11-25T12:00:00Z", "ends_at": "2026-11-25T15:00:00Z"}]
        sound(page)
        page.click("#closures button")
        page.click("#closures button:text-is('Open the line again')")
        page.wait_for_selector("#closures:has-text('usual hours')")

        page.click("#tabs >> text=Audit trail")
        page.wait_for_selector("#audit-verified.notice:has-text('The trail holds together')")
        page.wait_for_selector("#audit:has-text('put it back')")
        sound(page)
        picture(page, f"desk-trail-{screen}")
        with sqlite3.connect(home / "quietline.db") as database:
            database.execute("UPDATE trail SET actor = 'nobody' WHERE seq = 2")
        page.click("#audit-newest")
        page.wait_for_selector("#audit-verified.warning:has-text('broken at entry 2')")
        sound(page)


# ---------------------------------------------------------------- the page itself


def test_the_shell_is_light_and_its_panels_too(new_tab, quietline):
    """The page weighs under 60 KB, with any of its panels."""
    page = new_tab()
    shell = sum(light(page, "/desk").values())
    for panel in PANELS:
        assert shell + len(quietline.ask("GET", f"/desk/panels/{panel.name}").body) < LIMIT


def test_a_panel_that_was_altered_on_the_way_is_not_taken(new_tab, quietline):
    """What is fetched for a tab is held to its hash: anything else is neither shown nor run."""
    page = new_tab()

    def alter(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("Take a request", "Take another request"))

    page.route("**/desk/panels/requests", alter)
    page.goto(f"/desk#{LocalIssuer(quietline.home).ticket('practitioner', 'alex')}")
    page.wait_for_selector("#alert:has-text('could not be loaded')")
    assert page.locator("#requests").count() == 0
    sound(page)


def test_without_scripts_the_page_says_so(new_tab):
    """Nothing that would not work is shown."""
    page = new_tab(scripts=False)
    page.goto("/desk")
    assert "needs JavaScript" in page.inner_text("main")
    assert page.locator("button:visible, input:visible").count() == 0
    sound(page)
