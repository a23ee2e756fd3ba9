"""What every engine behind the `PartnerKeys` port promises, bullet by bullet of `chalicelib/ports.py`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import engines
import pytest

from chalicelib.domain import audit
from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import Conflict, Unavailable
from chalicelib.domain.partners import PartnerKey

ID = "north-hub.abcdefgh"
TICK = timedelta(microseconds=1)


@pytest.fixture
def keys(store):
    """Keep no key yet."""
    return engines.open_partner_keys(store)


@pytest.fixture
def key(now):
    """Make what is kept of a key."""
    return PartnerKey(key_id=ID, digest="ab" * 32, issued_by="Älex Ö", issued_at=now + TICK)


def deed(now, verb="issue-key", key_id=ID, actor="alex"):
    """Tell of what was done to a key."""
    return Deed(at=now, actor=actor, verb=verb, about=f"partner/{key_id}")


def told(store, audit_key):
    """Tell the trail, verified."""
    entries, head = store.trail()
    assert audit.broken_at(entries, head, key=audit_key) is None
    return [entry.deed for entry in entries]


def test_a_key_is_read_back_field_by_field(keys, key, now):
    """What is issued, and what is revoked, comes back to the microsecond; nobody's id is nobody's key."""
    keys.issue(key, deed=deed(now))
    assert keys.get(ID) == key
    revoked = replace(key, revoked_by="kim", revoked_at=now + 3 * TICK)
    assert keys.revoke(ID, by="kim", at=now + 3 * TICK, deed=deed(now, "revoke-key")) == revoked
    assert keys.get(ID) == revoked
    assert keys.get("nobody.abcdefgh") is None


def test_an_id_is_given_once(keys, key, now, store, audit_key):
    """A second key under the same id is refused: the first one stays, and the trail tells of one."""
    keys.issue(key, deed=deed(now))
    with pytest.raises(Conflict) as refused:
        keys.issue(replace(key, digest="cd" * 32), deed=deed(now))
    assert refused.value.code == "key-id-taken"
    assert keys.get(ID) == key
    assert told(store, audit_key) == [deed(now)]


def test_every_key_is_listed_by_id(keys, key, now):
    """The list has living and revoked keys of every partner, in the order of their ids."""
    assert keys.every() == ()
    names = ["south.aaaaaaaa", "north-hub.bbbbbbbb", "north-hub.aaaaaaaa", "north.cccccccc"]
    for name in names:
        keys.issue(replace(key, key_id=name), deed=deed(now, key_id=name))
    keys.revoke(names[0], by="kim", at=now, deed=deed(now, "revoke-key", names[0]))
    assert [each.key_id for each in keys.every()] == sorted(names)
    assert [each.key_id for each in keys.every() if each.revoked_at] == [names[0]]


def test_revoking_is_repeatable_and_told_once(keys, key, now, store, audit_key):
    """Who revoked a key first, and when, stays; a key that never was is none, and nothing is told of it."""
    keys.issue(key, deed=deed(now))
    first = keys.revoke(ID, by="kim", at=now, deed=deed(now, "revoke-key", actor="kim"))
    later = now + timedelta(days=1)
    assert keys.revoke(ID, by="sam", at=later, deed=deed(later, "revoke-key", actor="sam")) == first
    assert keys.revoke("nobody.abcdefgh", by="sam", at=now, deed=deed(now, "revoke-key", "nobody.abcdefgh")) is None
    assert told(store, audit_key) == [deed(now), deed(now, "revoke-key", actor="kim")]


def test_other_instances_see_a_revocation_with_their_next_look(keys, key, now, open_again):
    """There is nothing between an instance and what another one wrote."""
    other = engines.open_partner_keys(open_again())
    keys.issue(key, deed=deed(now))
    assert other.get(ID) == key
    keys.revoke(ID, by="kim", at=now, deed=deed(now, "revoke-key"))
    assert other.get(ID).revoked_by == "kim"


def test_revoked_at_once_by_many_is_revoked_by_one(keys, key, now, open_again, store, audit_key):
    """Several supervisors who revoke the same key in the same moment all hear of the one who did."""
    keys.issue(key, deed=deed(now))

    def revoke(who):
        mine = engines.open_partner_keys(open_again())
        return mine.revoke(ID, by=who, at=now, deed=deed(now, "revoke-key", actor=who)).revoked_by

    with ThreadPoolExecutor(4) as pool:
        heard = set(pool.map(revoke, "abcd"))
    assert len(heard) == 1
    assert [each.actor for each in told(store, audit_key)] == ["alex", *heard]


def test_a_deed_that_cannot_be_told_changes_nothing(keys, key, now):
    """Without its deed no key is issued, and none is revoked."""
    untold = Deed(at=None, actor="alex", verb="nothing")
    with pytest.raises((AttributeError, TypeError)):
        keys.issue(key, deed=untold)
    assert keys.get(ID) is None
    keys.issue(key, deed=deed(now))
    with pytest.raises((AttributeError, TypeError)):
        keys.revoke(ID, by="kim", at=now, deed=untold)
    assert keys.get(ID) == key


def test_a_store_that_fails_says_so(keys, key, now, engine, impatient, open_again):
    """Nobody is told that a key is issued or revoked while nothing can be written."""
    keys.issue(key, deed=deed(now))
    hurried = engines.open_partner_keys(open_again())
    with engine.befall("locked-out"):
        for work in (
            lambda: hurried.issue(replace(key, key_id="north.aaaaaaaa"), deed=deed(now)),
            lambda: hurried.revoke(ID, by="kim", at=now, deed=deed(now, "revoke-key")),
        ):
            with pytest.raises(Unavailable) as refused:
                work()
            assert refused.value.code == "storage"
    assert keys.get(ID) == key
    assert keys.get("north.aaaaaaaa") is None
