"""
What is fuzzed: the parsers that meet what anybody may send, each with what must hold whatever it meets.

A target is a few parsers of one kind. The first byte of an input chooses among them, so that the fuzzer mixes what it
learns; every parser has valid examples to start from. `test_fuzz_targets.py` runs all of this a little, without the
fuzzer; `make fuzz` runs it a lot, with.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from fuzz_house import DETAILS, INFORMATION, KEY, NOW, FuzzHouse
from fuzz_rules import FORM, JSON, expect, http_request, quiet, says_nothing, text_of

from chalicelib.domain import partners, screening
from chalicelib.domain.access import SIGN_IN_ROLES, is_subject
from chalicelib.domain.envelope import Envelope
from chalicelib.domain.errors import Refusal, Unauthenticated, Unavailable
from chalicelib.domain.overflow import Overflowed
from chalicelib.domain.receipts import Credential, decode, encode, read_receipt
from chalicelib.domain.screening import FormProof
from chalicelib.domain.slots import parse_slot_id
from chalicelib.http import access, kept, mailbox, models, public, reach, reading, sessions
from chalicelib.http.desk_models import ClaimSubmission, CloseSubmission, ClosuresSubmission, ReplySubmission
from chalicelib.http.publishing_models import ContentSubmission, RollBackSubmission
from chalicelib.http.reach_models import Visit
from chalicelib.http.referral_models import ReferralSubmission, SealedReferral
from chalicelib.http.session_models import PrivateAnswer, PublicAnswer
from chalicelib.ports import Message, Unreadable

Parser = Callable[[FuzzHouse, bytes], None]
Seeds = Callable[[FuzzHouse], list[bytes]]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Parsers of one kind, with valid examples for each, and how long an input may be."""

    name: str
    parsers: tuple[tuple[Parser, Seeds], ...]
    longest: int

    def seeds(self, house: FuzzHouse) -> list[bytes]:
        """Give valid inputs to start from."""
        return [bytes([at]) + seed for at, (_, seeds) in enumerate(self.parsers) for seed in seeds(house)]

    def __call__(self, house: FuzzHouse, data: bytes) -> None:
        """Try one input."""
        if data:
            self.parsers[data[0] % len(self.parsers)][0](house, data[1 : self.longest + 1])


def dumped(value: object) -> bytes:
    """Write JSON."""
    return json.dumps(value).encode()


# ---------------------------------------------------------------- the envelope

BODIES: dict[str, tuple[type[Any], type[Any], int]] = {
    "callback": (models.CallbackSubmission, models.SealedCallback, reading.BODY_LIMIT),
    "information": (models.InformationSubmission, models.SealedInformation, reading.BODY_LIMIT),
    "question": (models.QuestionSubmission, models.SealedQuestion, reading.BODY_LIMIT),
    "message": (models.MessageSubmission, models.SealedMessage, reading.SEALED_LIMIT),
}


def sealed_body(kind: str) -> Parser:
    """Read a body that may be sealed, as intake does."""
    model, sealed, limit = BODIES[kind]

    def parse(house: FuzzHouse, data: bytes) -> None:
        request = http_request(data, headers={"content-type": JSON})
        try:
            body = reading.json_body(request, model, sealed=sealed, sealed_limit=limit)
            again = type(body).model_validate_json(body.model_dump_json(by_alias=True))
            unproved = body.model_copy(
                update={"altcha": None} if hasattr(body, "altcha") else {}
            )  # no part of the body
            expect(again == unproved, "a body that reads otherwise the second time")
            if not isinstance(body, sealed):
                return
            envelope = body.letter().for_desk if kind == "message" else body.sealed.envelope()
        except Refusal as refusal:
            says_nothing(refusal)
            return
        expect(Envelope.from_bytes(envelope.to_bytes()) == envelope, "an envelope that is not what was kept of it")
        expect(envelope.wire() == body.sealed.model_dump(), "an envelope that travels as something else")
        open_it(house, envelope)

    return parse


def open_it(house: FuzzHouse, envelope: Envelope) -> None:
    """Try to open an envelope: only what was sealed to us opens, and as what it was."""
    try:
        content = house.house.opener.open(envelope, kind="callback", request_id=house.request_id)
    except (Unreadable, Unavailable):
        return
    expect(content == house.content, "an envelope that opens as something that nobody sealed")


def stored_envelope(house: FuzzHouse, data: bytes) -> None:
    """Read an envelope from a store that may be damaged, and hand it to the desk."""
    try:
        envelope = Envelope.from_bytes(data)
    except ValueError as error:
        quiet(error, data)
    else:
        expect(Envelope.from_bytes(envelope.to_bytes()) == envelope, "an envelope that reads otherwise the second time")
    opened = at_desk(house, house.house.opener, data)
    if opened.unreadable is None:
        expect(opened.details == house.shown, "an envelope that opens as something that nobody sealed")
    else:
        expect(opened.details is None, "content that is shown although it does not open")


def opened_content(house: FuzzHouse, data: bytes) -> None:
    """Show at the desk what somebody's browser sealed, which may be anything."""
    message = Message(message_id="AAAAAAAAAAAAAAAA", author="requester", sent_at=NOW, for_desk=house.any_envelope)
    opened = at_desk(house, Opens(data), house.any_envelope, message)
    if opened.unreadable == "invalid":
        flat = opened.details is not None and all(isinstance(value, str) for value in opened.details.values())
        expect(flat, "odd content that is shown as if it were a rule of safe contact")
    else:
        expect(opened.unreadable is None, "content that nothing is wrong with, and is not shown")
        expect(opened.details["safety"]["voicemail"] in ("never", "neutral", "ok"), "a rule that nobody could keep")
    for letter in opened.messages:
        expect(letter.content is not None and len(letter.content["text"]) <= models.MESSAGE_LIMIT, "a long letter")


def at_desk(house: FuzzHouse, opener: Any, sealed: bytes, *messages: Message) -> Any:
    """Open a request at the desk, and make sure that the answer can be written."""
    product = house.house
    opened = product._correspondence.at_desk(house.head, sealed, messages, opener, product._checking)
    shown = [opened.details, [letter.content for letter in opened.messages]]
    json.dumps(shown, ensure_ascii=False).encode()
    return opened


@dataclass(frozen=True)
class Opens:
    """An opener to whom everything opens as one and the same content."""

    content: bytes

    def open(self, _envelope: Envelope, **_bound: str) -> bytes:
        """Give the content."""
        return self.content


def overflow_letter(house: FuzzHouse, data: bytes) -> None:
    """Read a letter of the overflow queue."""
    try:
        letter = Overflowed.from_text(data.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        quiet(error, data)
        return
    text = letter.to_text()  # its times are cut to the hour, once
    expect(Overflowed.from_text(text).to_text() == text, "a letter that reads otherwise the second time")


# ---------------------------------------------------------------- the receipt

SPACES_AND_DASHES = re.compile(r"[ \t\r\n\xa0\-\u2010-\u2014]")


def written_as(house: FuzzHouse, text: str) -> bool:
    """Tell, in other words than the product's, whether *text* could be the receipt, as people write it."""
    code = SPACES_AND_DASHES.sub("", text).upper().replace("O", "0").replace("I", "1").replace("L", "1")
    return code == house.receipt.code


def receipt_text(house: FuzzHouse, data: bytes) -> None:
    """Read a receipt as people write it."""
    text = data.decode("utf-8", "replace")
    receipt = read_receipt(text)
    expect(receipt == read_receipt(text), "a receipt that reads otherwise the second time")
    if receipt is None:
        expect(len(text) > 104 or not written_as(house, text), "a good receipt that is refused")
        return
    expect(read_receipt(receipt.shown) == receipt, "a receipt that cannot be copied from the page")
    expect(read_receipt(receipt.shown.lower().replace("-", " ")) == receipt, "a receipt that is not forgiven")
    expect((receipt == house.receipt) == written_as(house, text), "somebody else's receipt")
    expect(receipt.code not in f"{receipt!r}{Credential.of_receipt(text)!r}", "a receipt in a traceback")


def receipt_header(house: FuzzHouse, data: bytes) -> None:
    """Read the header that opens a mailbox."""
    try:
        credential = mailbox._credential(http_request(headers={"authorization": text_of(data)}))
    except Unauthenticated as refusal:
        says_nothing(refusal)
        return
    if credential.request_id == house.request_id:
        code = text_of(data).strip().partition(" ")[2]
        lookup = encode(house.receipt.lookup)
        ours = written_as(house, code) or code.strip()[:42] == lookup[:42]
        expect(ours, "a mailbox that opens to what is not its receipt")
    expect(credential.mailbox_key is None or len(credential.mailbox_key) == 32, "half a key")


def receipt_ending(house: FuzzHouse, data: bytes) -> None:
    """Compare somebody's note with the receipt."""
    note = data.decode("utf-8", "replace")
    if house.receipt.ends_with(note):
        typed = SPACES_AND_DASHES.sub("", note).upper().replace("O", "0").replace("I", "1").replace("L", "1")
        expect(len(typed) >= 6 and house.receipt.code[-len(typed) :] == typed, "a note that is not the receipt's end")


# ---------------------------------------------------------------- the forms

OWN = {*DETAILS, *DETAILS["safety"], "email", "caller_id", "if_someone_else_answers", "slot", "also"} | {
    "statement_version",
    "language",
}


def request_form(kind: str, *, html: bool) -> Parser:
    """Read a plain form that asks for something, and either refuse it or show it again."""

    def parse(house: FuzzHouse, data: bytes) -> None:
        face, intake, pages = house.public
        headers = {"content-type": FORM, "accept": "text/html" if html else JSON}
        request = http_request(data, headers=headers, query={"kind": [kind]}, path="/request")
        intake.heard.clear()
        pages.shown = {}
        try:
            face._submit_form(request, models.Kind(kind), "en", html=html)
        except Refusal as refusal:
            says_nothing(refusal)
        if html and pages.shown:
            expect(set(pages.shown["values"]) <= OWN, "a form that gives back what is not its own")
            for error in pages.shown["errors"]:
                expect(error["field"] == "" or error["field"] in words_of_forms(), "a field that is not ours")
        for _verb, (submission,), _more in intake.heard:
            expect((submission.details == {}) != (submission.envelope is None), "words beside what is sealed")
            expect(submission.statement_version, "a request whose sender agreed to nothing")
            if submission.details:
                expect("concern" in submission.details, "a request without a concern")

    return parse


def words_of_forms() -> set[str]:
    """Give the names of what a form may have."""
    return (
        OWN
        | {"idempotency_key", "region", "campaign", "altcha", "sealed", "recipients", "enc", "ct", "key_id"}
        | {
            "nonce",
            "request_id",
            "details",
            "safety",
            "v",
        }
    )


def mailbox_form(house: FuzzHouse, data: bytes) -> None:
    """Read what the mailbox's page posts."""
    door, doings, _ = house.door
    request = http_request(data, headers={"content-type": FORM}, path="/mailbox")
    doings.heard.clear()
    try:
        door.post(request)
    except Refusal as refusal:
        says_nothing(refusal)
    for _verb, said, _more in doings.heard:
        if said[0].request_id == house.request_id:
            fields = parse_qs(data.decode("ascii"), keep_blank_values=True)
            codes = [*fields.get("receipt", []), *fields.get("lookup", [])]
            lookup = encode(house.receipt.lookup)
            ours = any(written_as(house, code) or code[:42] == lookup[:42] for code in codes)
            expect(ours, "a mailbox that opens to a form without its receipt")


def question_form(house: FuzzHouse, data: bytes) -> None:
    """Read the form of a live session."""
    try:
        fields = reading.form_body(http_request(data, headers={"content-type": FORM}))
        sessions._from_form(fields)
    except Refusal as refusal:
        says_nothing(refusal)


def visit(house: FuzzHouse, data: bytes) -> None:
    """Read a beacon; whatever it is, nothing goes wrong."""
    for media in (FORM, JSON):
        reach._visit(http_request(data, headers={"content-type": media}))


# ---------------------------------------------------------------- tokens


def bearer_token(house: FuzzHouse, data: bytes) -> None:
    """Recognise somebody by a token: by what our issuer signed, and by nothing else."""
    token = text_of(data)
    try:
        house.identity.person(token)
    except Unauthenticated as refusal:
        says_nothing(refusal)
        return
    signed = {each.rpartition(".")[0] for each in house.tokens}
    expect(token.rpartition(".")[0] in signed, "a token that nobody signed")


def authorization(house: FuzzHouse, data: bytes) -> None:
    """Read the header that a token comes in."""
    try:
        token = access.bearer(http_request(headers={"authorization": text_of(data)}))
    except Unauthenticated as refusal:
        says_nothing(refusal)
        return
    expect(token in text_of(data) and " " not in token, "a token that was not sent")


def signed(house: FuzzHouse, header: bytes, claims: bytes) -> str:
    """Sign anything as our issuer signs tokens."""
    key = house.issuer._key
    text = f"{encode(header)}.{encode(claims)}"
    r, s = decode_dss_signature(key.sign(text.encode(), ECDSA(SHA256())))
    return f"{text}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def header_of(house: FuzzHouse) -> bytes:
    """Give the header that our issuer's tokens have."""
    return decode(house.tokens[0].split(".")[0])


def claims_of(house: FuzzHouse) -> bytes:
    """Give the claims of a token."""
    return decode(house.tokens[0].split(".")[1])


def token_claims(house: FuzzHouse, data: bytes) -> None:
    """Recognise somebody by odd claims that our issuer signed."""
    try:
        person = house.identity.person(signed(house, header_of(house), data))
    except Unauthenticated as refusal:
        says_nothing(refusal)
        return
    claims = json.loads(data)
    expect(is_subject(person.subject) and claims["sub"] == person.subject, "a person without a name")
    expect(set(person.roles) <= set(SIGN_IN_ROLES), "a role that no sign-in gives")
    expect("referral:write" not in person.scopes, "a person who is a partner")
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    expect(claims["iss"] == "urn:quietline:local" and "quietline" in audience, "a token for another house")
    expect(isinstance(claims["exp"], int | float) and not isinstance(claims["exp"], bool), "a token that does not end")


def token_header(house: FuzzHouse, data: bytes) -> None:
    """Recognise somebody by a token with an odd header: one algorithm and one key, and no other."""
    try:
        house.identity.person(signed(house, data, claims_of(house)))
    except Unauthenticated as refusal:
        says_nothing(refusal)
        return
    header = json.loads(data)
    ours = json.loads(header_of(house))
    expect((header["alg"], header["kid"]) == (ours["alg"], ours["kid"]), "a token by another algorithm or key")


def form_token(house: FuzzHouse, data: bytes) -> None:
    """Recognise a form by what it carries."""
    token = text_of(data)
    if screening.is_good(FormProof(token=token, trapped=False), KEY, now=NOW, secret=house.form_secret):
        issued, _, signature = token.partition(".")
        right = house.form_token.partition(".")
        expect((int(issued), signature) == (int(right[0]), right[2]), "a form that nobody handed out")


def form_of_another(house: FuzzHouse, data: bytes) -> None:
    """Recognise a form's token under another key: it is good for one request."""
    key = text_of(data)
    good = screening.is_good(FormProof(token=house.form_token, trapped=False), key, now=NOW, secret=house.form_secret)
    expect(not good or key == KEY, "a form that is good for another request")


def partner_key(house: FuzzHouse, data: bytes) -> None:
    """Recognise a partner's key by its form."""
    key = text_of(data)
    key_id = partners.id_of(key)
    if key_id is not None:
        expect(key.isascii() and key.startswith(f"qlp_{key_id}_"), "a key that is not of the partner whom it names")
        expect(partners.is_partner(partners.partner_of(key_id)), "a key of nobody")


# ---------------------------------------------------------------- the challenge


def solved_payload(house: FuzzHouse, data: bytes) -> None:
    """Verify what claims to be a solved challenge."""
    check_solution(house, data.decode("utf-8", "replace")[:4096])


def solved_json(house: FuzzHouse, data: bytes) -> None:
    """Verify the same, below its base64."""
    check_solution(house, base64.b64encode(data).decode())


def check_solution(house: FuzzHouse, payload: str) -> None:
    """Make sure that only a challenge of ours for this request is taken, solved as it was."""
    proof = house.house.public.screening.proof_of_work
    name = screening.name_of_key(KEY)
    if not proof.is_solved(payload, bound_to=name, now=NOW):
        return
    said = json.loads(base64.b64decode(payload))
    ours = json.loads(base64.b64decode(house.solution))
    expect(said["challenge"]["signature"] == ours["challenge"]["signature"], "a challenge that is not ours")
    expect(said["challenge"]["parameters"]["data"]["for"] == name, "a challenge for another request")
    same = said["solution"]["derivedKey"].lower() == ours["solution"]["derivedKey"]
    expect(same, "a challenge that was not solved")


def bound_to(house: FuzzHouse, data: bytes) -> None:
    """Ask for a challenge."""
    text = data.decode("utf-8", "surrogateescape")
    proof = house.house.public.screening.proof_of_work
    expect(not proof.is_solved(house.others_solution, bound_to=text, now=NOW) or text == others(), "moved")
    try:
        if not re.fullmatch(models.REQUEST_ID, text):
            house.house.public.challenge(http_request(query={"for": [text]}, method="GET", path="/v1/challenge"))
            expect(False, "a challenge for what is no request")
    except Refusal as refusal:
        says_nothing(refusal)


def others() -> str:
    """Give what the other challenge is bound to."""
    return screening.name_of_key("another-key-than-that-one")


# ---------------------------------------------------------------- other bodies, queries and headers

MORE: tuple[tuple[type[Any], dict[str, Any]], ...] = (
    (models.SlotChoice, {"slot": "2026-11-24T18:00Z/2h"}),
    (ClaimSubmission, {"kinds": ["callback"], "languages": ["en"], "reference": "amber", "lease_minutes": 5.0}),
    (CloseSubmission, {"number": 1, "outcome": "answered", "agreed_actions": ["rest"], "signposts": ["a-b"]}),
    (ReplySubmission, {"number": 1.0, "text": "heron", "signposts": ["a-b"]}),
    (ClosuresSubmission, {"closures": [{"starts_at": "2026-11-24T18:00:00Z", "ends_at": "2026-11-25T00:00Z"}]}),
    (ReferralSubmission, {"consent": {"version": "2026-11", "language": "en", "how": "by-phone",
                                      "given_on": "2026-11-24"},
                          "details": {**DETAILS, "referrer": {"name": "Jo", "organisation": "Hub"}}}),
    (SealedReferral, {}),
    (ContentSubmission, {"record": {"id": "a"}}),
    (RollBackSubmission, {"revision": 1}),
    (PublicAnswer, {"number": 1, "question": "a", "answer": "b", "host": 0}),
    (PrivateAnswer, {"number": 1, "text": "b"}),
    (Visit, {"campaign": "gm-2018", "region": "E23000005"}),
)  # fmt: skip


def other_bodies(house: FuzzHouse, data: bytes) -> None:
    """Read JSON into any other model."""
    model = MORE[data[0] % len(MORE)][0] if data else Visit
    try:
        body = reading.json_body(http_request(data[1:], headers={"content-type": JSON}), model)
    except Refusal as refusal:
        says_nothing(refusal)
        return
    again = model.model_validate_json(body.model_dump_json(by_alias=True))
    expect(again == body, "a body that reads otherwise the second time")


def media(house: FuzzHouse, data: bytes) -> None:
    """Read a body of a media type that was made up."""
    head, _, body = data.partition(b"\n")
    request = http_request(body, headers={"content-type": text_of(head)})
    for read in (lambda: reading.json_body(request, Visit), lambda: reading.form_body(request)):
        try:
            read()
        except Refusal as refusal:
            says_nothing(refusal)


def queries(house: FuzzHouse, data: bytes) -> None:
    """Read the parameters of a query."""
    try:
        parameters = parse_qs(data.decode("utf-8", "surrogateescape"), keep_blank_values=True)
    except ValueError:
        return
    request = http_request(query=parameters or None, method="GET")
    number: list[object] = []
    readers: tuple[Callable[[], object], ...] = (
        lambda: reading.content_language(request),
        lambda: reading.chosen(request, "kind", ("callback", "information")),
        lambda: number.append(reading.whole(request, "page", 1, 1000)),
        lambda: number.append(public._days(request)),
        lambda: number.append(sessions.place(request, "after")),
        lambda: house.house.public._from(request),
        lambda: reading.said_language(request),
    )
    for read in readers:
        try:
            read()
        except Refusal as refusal:
            says_nothing(refusal)
    expect(all(each is None or 0 <= each < 10**9 for each in number), "a number that was not asked for")


def headers(house: FuzzHouse, data: bytes) -> None:
    """Read what clients say of themselves."""
    text = text_of(data)
    expect(reading.preferred_language(text) in reading.LANGUAGES, "a language that is not ours")
    names = ("accept", "accept-language", "content-type")
    request = http_request(headers={**dict.fromkeys(names, text), "idempotency-key": text})
    reading.prefers_html(request)
    reading.said_language(request)
    expect(not kept.is_held(text, '"held"') or "held" in text or "*" in text, "an answer that nobody holds")
    try:
        key = public.idempotency_key(request)
        expect(key == text and 16 <= len(key) <= 255 and key.isascii(), "a key that is none")
    except Refusal as refusal:
        says_nothing(refusal)


def slot_ids(house: FuzzHouse, data: bytes) -> None:
    """Read a slot's id."""
    text = data.decode("utf-8", "replace")
    window = parse_slot_id(text)
    if window is not None:
        expect(parse_slot_id(window.id) == window, "a window that is another under its own name")
    offered = house.house.helpline.hours.offers(text, NOW)
    expect(offered is None or offered == window, "a window that was not asked for")


def named(*texts: str) -> Seeds:
    """Start from these texts."""
    return lambda _house: [text.encode() for text in texts]


def forms(*more: dict[str, Any]) -> list[bytes]:
    """Start from these forms."""
    return [urlencode(each, doseq=True).encode() for each in more]


CALL = {"statement_version": "2026-11", "concern": "own-behaviour", "phone": "07700 900123", "voicemail": "never",
        "text_first": "on", "name": "Sam", "also": ["2026-11-25T10:00Z/2h"], "idempotency_key": KEY}  # fmt: skip
WORDS = {"statement_version": "2026-11", "idempotency_key": KEY, **INFORMATION}
HOLD = {"statement_version": "2026-11", "language": "en"}


def call_forms(house: FuzzHouse) -> list[bytes]:
    """Give forms that ask for a call."""
    sealed = {**HOLD, "sealed": json.dumps(house.sealed_submission["sealed"]), "idempotency_key": KEY}
    return forms({**CALL, "form_token": house.form_token, "website": ""}, sealed)


def mailbox_forms(house: FuzzHouse) -> list[bytes]:
    """Give what the mailbox's page posts."""
    receipt = {"receipt": house.receipt.shown}
    return forms(
        {**receipt, "action": "read"},
        {**receipt, "action": "message", "text": "heron"},
        {**receipt, "action": "slot", "slot": "2026-11-24T18:00Z/2h"},
        {**receipt, "action": "check", "ending": house.receipt.code[-6:]},
        {**receipt, "action": "withdraw", "confirm": "yes"},
        {"lookup": encode(house.receipt.lookup), "action": "message", "sealed": json.dumps(house.sealed_message)},
    )


TARGETS = (
    Target(
        name="envelope",
        longest=reading.SEALED_LIMIT + 1024,
        parsers=(
            (sealed_body("callback"), lambda house: [dumped(house.sealed_submission), dumped(house.submission)]),
            (sealed_body("message"), lambda house: [dumped(house.sealed_message), dumped({"text": "heron"})]),
            (stored_envelope, lambda house: [house.any_envelope, house.small_envelope]),
            (
                opened_content,
                lambda house: [house.content, dumped({"details": INFORMATION}), dumped({"text": "heron"}), b"heron"],
            ),
            (overflow_letter, lambda house: [house.overflowed]),
        ),
    ),
    Target(
        name="receipt",
        longest=512,
        parsers=(
            (
                receipt_text,
                lambda house: [house.receipt.shown.encode(), house.receipt.code.lower().replace("0", "o").encode()],
            ),
            (
                receipt_header,
                lambda house: [
                    f"Receipt {house.receipt.shown}".encode(),
                    f"Mailbox {encode(house.receipt.lookup)}".encode(),
                ],
            ),
            (receipt_ending, lambda house: [house.receipt.shown[-6:].encode(), house.receipt.shown[-12:].encode()]),
        ),
    ),
    Target(
        name="form",
        longest=reading.SEALED_LIMIT + 1024,
        parsers=(
            (request_form("callback", html=False), call_forms),
            (request_form("information", html=False), lambda _house: forms(WORDS)),
            (request_form("callback", html=True), call_forms),
            (mailbox_form, mailbox_forms),
            (question_form, lambda _house: forms({**HOLD, "text": "heron", "private": "on"})),
            (visit, lambda _house: [*forms({"campaign": "gm-2018"}), dumped({"region": "E23000005"})]),
        ),
    ),
    Target(
        name="token",
        longest=9 * 1024,
        parsers=(
            (bearer_token, lambda house: [each.encode() for each in house.tokens]),
            (token_claims, lambda house: [claims_of(house)]),
            (token_header, lambda house: [header_of(house), b'{"alg": "none", "kid": "a"}']),
            (authorization, lambda house: [b"Bearer " + house.tokens[0].encode(), b"Basic YTpi"]),
            (form_token, lambda house: [house.form_token.encode()]),
            (form_of_another, named(KEY)),
            (partner_key, lambda _house: [partners.new_key("north-hub", bytes(37))[1].encode()]),
        ),
    ),
    Target(
        name="challenge",
        longest=8 * 1024,
        parsers=(
            (solved_payload, lambda house: [house.solution.encode(), house.others_solution.encode()]),
            (solved_json, lambda house: [base64.b64decode(house.solution), base64.b64decode(house.others_solution)]),
            (bound_to, lambda _house: [screening.name_of_key(KEY).encode(), others().encode()]),
        ),
    ),
    Target(
        name="others",
        longest=reading.BODY_LIMIT + 1024,
        parsers=(
            (other_bodies, lambda _house: [bytes([at]) + dumped(body) for at, (_, body) in enumerate(MORE)]),
            (media, named("multipart/form-data; boundary=b\n--b\r\n", "application/merge-patch+json\n{}", "\n{}")),
            (queries, named("language=cy&kind=callback&page=3&days=7&after=12", "from=2026-11-24T18:00Z")),
            (headers, named("cy, en;q=0.5", "text/html,application/json;q=0.9", 'W/"held", "b"', KEY)),
            (slot_ids, named("2026-11-24T18:00Z/2h", "2026-11-25T10:00Z/90m")),
        ),
    ),
)  # fmt: skip
