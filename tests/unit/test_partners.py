"""Partners' keys and referrals: what a key looks like, what is kept of it, and what a person's consent is made of."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from heads import build_head, build_referral
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.content import PackagedContent
from chalicelib.adapters.randomness import SystemRandomness
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.adapters.sqlite_partners import SqlitePartnerKeys
from chalicelib.adapters.sqlite_shred import SqliteShredKeys
from chalicelib.domain import partners, requests
from chalicelib.domain.errors import NotFound, Unauthenticated
from chalicelib.domain.overflow import Overflowed
from chalicelib.domain.partners import HOW, Referral, deed_of, digest_of, id_of, is_partner, new_key, read_consents
from chalicelib.domain.requests import LANES, Outcome, Rules, Status
from chalicelib.http.referral_models import Consent
from chalicelib.usecases.partnering import Partnering, shown_status

RANDOM = bytes(range(37))
KEY_ID, KEY = new_key("north-hub", RANDOM)


class FixedClock:
    """Always the same moment."""

    def __init__(self, now) -> None:
        self._now = now

    def now(self):
        """Tell it."""
        return self._now


@pytest.fixture
def partnering(tmp_path, now):
    """Partners' keys on an empty store, which is beside them."""
    store = SqliteStore(tmp_path / "quietline.db", audit_key=b"key")
    shred_keys = SqliteShredKeys(tmp_path / "shred.db")
    made = Partnering(
        keys=SqlitePartnerKeys(store), shred_keys=shred_keys, clock=FixedClock(now), randomness=SystemRandomness()
    )
    yield made, store
    store.close()
    shred_keys.close()


# --- keys


def test_a_key_names_its_partner_and_carries_256_random_bits():
    """Whoever finds a key reads whose it is and which one; the rest is the secret and a checksum over all of it."""
    assert re.fullmatch(r"qlp_north-hub\.[a-z2-7]{8}_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}", KEY)
    assert KEY.startswith(f"qlp_{KEY_ID}_")
    assert id_of(KEY) == KEY_ID
    assert partners.partner_of(KEY_ID) == "north-hub"
    others = {new_key("north-hub", RANDOM[:5] + bytes([each]) + RANDOM[6:])[1] for each in range(256)}
    assert len(others) == 256


@given(st.integers(0, len(KEY) - 1), st.characters(codec="ascii", categories=("L", "N", "P")))
def test_a_slip_in_a_key_is_seen_without_a_look(place, letter):
    """A key with any one character changed is no key, unless it is the character that was there."""
    changed = KEY[:place] + letter + KEY[place + 1 :]
    assert (id_of(changed) == KEY_ID) is (changed == KEY)


@given(st.text())
def test_no_text_breaks_the_reading_of_a_key(text):
    """What is no key is None, whatever it is."""
    assert id_of(text) is None
    assert id_of(f"qlp_{text}") is None


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a b", "a.b", "x" * 33, "é", "a\n"])
def test_partners_names_are_plain(name):
    """A name that would blur a key's parts is none."""
    assert not is_partner(name)
    assert is_partner("north-hub")
    assert is_partner("x" * 32)


def test_a_key_is_kept_as_its_hash_and_known_again(partnering):
    """What is kept opens for the whole key alone; the key is in no repr, and nothing of its secret is in the store."""
    keys, _ = partnering
    issued = keys.issue("north-hub", by="kim")
    assert keys.recognise(issued.key) == issued.kept
    assert issued.kept.digest == sha256(issued.key.encode()).hexdigest()
    assert issued.key not in repr(issued)
    assert not issued.kept.opens_for(issued.key[:-1])
    assert issued.key.rpartition("_north-hub")[2] not in repr(keys.every())


def test_every_reason_for_no_key_is_told_alike(partnering):
    """Missing, mistyped, unknown and revoked: one refusal; a second key of the partner goes on."""
    keys, _ = partnering
    first, second = keys.issue("north-hub", by="kim"), keys.issue("north-hub", by="kim")
    keys.revoke(first.kept.key_id, by="sam")
    swapped = first.kept.key_id.join(second.key.split(second.kept.key_id))
    for wrong in ("", "nonsense", KEY, first.key, second.key[:-1], swapped):
        with pytest.raises(Unauthenticated) as refused:
            keys.recognise(wrong)
        assert (refused.value.code, refused.value.pointer, refused.value.extra) == ("partner-key", None, {})
    assert keys.recognise(second.key) == second.kept


def test_who_issued_and_revoked_is_in_the_trail(partnering, now):
    """With the key that it was; revoking what never was tells nothing."""
    keys, store = partnering
    issued = keys.issue("north-hub", by="kim")
    keys.revoke(issued.kept.key_id, by="sam")
    keys.revoke(issued.kept.key_id, by="alex")
    with pytest.raises(NotFound):
        keys.revoke("nobody.abcdefgh", by="sam")
    about = f"partner/{issued.kept.key_id}"
    told = [(each.deed.at, each.deed.actor, each.deed.verb, each.deed.about) for each in store.trail()[0]]
    assert told == [(now, "kim", "issue-key", about), (now, "sam", "revoke-key", about)]


def test_a_key_opens_by_its_whole_digest():
    """Another key of the same id does not pass."""
    kept = partners.PartnerKey(key_id=KEY_ID, digest=digest_of(KEY), issued_by="kim", issued_at=None)
    assert kept.opens_for(KEY)
    assert not kept.opens_for(new_key("north-hub", RANDOM[:5] + bytes(32))[1])
    assert not replace(kept, revoked_at=1).opens_for(KEY)


# --- referrals


def test_where_a_referral_is_from_is_read_as_it_was_written():
    """One line holds it, and what is no such line is refused."""
    referral = build_referral().referral
    assert Referral.from_text(referral.to_text()) == referral
    assert referral.partner == "north-hub"
    for wrong in ("", "a b c d", f"{referral.to_text()} more", "a b c d yesterday"):
        with pytest.raises(ValueError):
            Referral.from_text(wrong)


def test_a_referral_survives_the_overflow_queue(now):
    """A letter carries where it is from, so that draining it tells the trail; letters of before have none."""
    for request in (build_referral(), build_head()):
        letter = Overflowed(request=request, sealed=b"sealed", queued_at=now)
        assert Overflowed.from_text(letter.to_text()).request == request
    broken = Overflowed(request=build_referral(), sealed=b"x", queued_at=now).to_text().replace("by-phone", "by phone")
    with pytest.raises(ValueError):
        Overflowed.from_text(broken)


def test_the_deed_of_a_referral_names_the_key_and_the_hour():
    """Nobody learns from the trail to the minute when somebody asked; what was not referred has no such deed."""
    deed = deed_of(build_referral())
    assert (deed.actor, deed.verb, deed.request_id) == ("partner/north-hub.abcdefgh", "refer", "one")
    assert (deed.at.minute, deed.at.second) == (0, 0)
    assert deed_of(build_head()) is None


@pytest.mark.parametrize(
    ("status", "shown", "counts"),
    [
        (Status.WAITING, "received", True),
        (Status.CLAIMED, "received", True),
        (Status.PARKED, "received", True),
        (Status.CLOSED, "closed", False),
        (Status.WITHDRAWN, "received", False),
    ],
)
def test_a_partner_learns_received_or_closed(status, shown, counts):
    """Whatever else there is to say of a referral is the helpline's own affair; what is finished leaves its place."""
    request = build_referral(status=status)
    assert shown_status(request) == shown
    assert request.counts_for == ("north-hub" if counts else None)
    assert build_head(status=status).counts_for is None


def test_a_referral_lives_in_a_lane_of_its_own(now):
    """By kind and language; once closed it stays closed to nobody's receipt, and its tombstone says nothing of it."""
    assert {build_referral().lane, build_referral(language="cy").lane} == {"referral/en", "referral/cy"} <= set(LANES)
    held = requests.claim(build_referral(), practitioner="alex", token=None, now=now, lease=Rules().lease, quoted=True)
    closed = requests.close(held, practitioner="alex", number=1, outcome=Outcome.SIGNPOSTED, now=now, rules=Rules())
    assert closed.referral == held.referral
    assert requests.withdraw(closed, now=now).referral is None


# --- consent


def test_every_version_of_the_consent_statement_is_there_in_both_languages():
    """The one in force is one of those that are kept, and each says in either language what is agreed to."""
    consents = read_consents(PackagedContent().consent())
    assert consents.every[consents.in_force.version] is consents.in_force
    for version, statement in consents.every.items():
        assert statement.version == version
        for language in ("en", "cy"):
            assert statement.title[language]
            assert len(statement.summary[language]) == len(statement.summary["en"])
            assert len(statement.text[language]) == len(statement.text["en"])


def test_how_consent_can_be_given_is_the_same_everywhere():
    """The wire takes what the domain names."""
    consent = {"version": "2026-11", "language": "en", "given_on": "2026-11-24"}
    for how in HOW:
        taken = Consent.model_validate_json(f'{{"how": "{how}", {str(consent)[1:]}'.replace("'", '"'))
        assert taken.given_on == date(2026, 11, 24)
    assert Consent.model_json_schema()["properties"]["how"]["enum"] == list(HOW)
