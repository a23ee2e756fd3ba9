"""
What one request, and a queue of them, may answer: DESIGN section 2 as a machine, for `linearizability` to step.

Written from the design alone, with plain tuples and instants in microseconds; it knows nothing of `chalicelib`. The
requests are for information, so that no window stands between them and a claim, and nothing expires.
"""

from __future__ import annotations

from typing import NamedTuple

LAPSES = 5


class Life(NamedTuple):
    """How one request stands."""

    status: str = "absent"
    body: str | None = None
    number: int = 0
    holder: str | None = None
    lease: int | None = None
    lapses: int = 0
    unread: bool = False
    order: int = 0
    messages: tuple[str, ...] = ()

    def lapsed(self, now):
        """Give it as it stands at *now*: a lease that has ended is behind it."""
        if self.status == "claimed" and now >= self.lease:
            return self._replace(status="waiting", holder=None, lease=None, lapses=self.lapses + 1)
        return self

    def may_be_claimed(self, now):
        """Tell whether a claim meets it."""
        return self.lapsed(now).status == "waiting"

    def met(self, who, now, lease):
        """Give what a claim that meets it makes of it."""
        life = self.lapsed(now)
        if life.lapses >= LAPSES:
            return life._replace(status="parked")
        return life._replace(status="claimed", number=life.number + 1, holder=who, lease=now + lease, unread=False)


def outcome(life, call):
    """Give what any call but a claim is answered, and how the request stands then."""
    if call.verb == "submit":
        body, order = call.said
        life = Life(status="waiting", body=body, order=order) if life.status == "absent" else life
        return life.body, life
    if call.verb == "get":
        return (None if life.status == "absent" else [life.status, life.number, life.holder, life.lease]), life
    if call.verb == "messages":
        return list(life.messages), life
    if call.verb == "withdraw":
        if life.status in ("absent", "withdrawn"):
            return False, life
        gone = life._replace(status="withdrawn", holder=None, lease=None, messages=(), unread=False)
        return True, gone
    if life.status in ("absent", "withdrawn"):
        return "gone", life
    if call.verb == "write":
        now, message, order = call.said
        life = life.lapsed(now)
        life = life._replace(messages=(*life.messages, message), unread=True)
        if life.status == "closed":
            life = life._replace(status="waiting", lapses=0, order=order)
        return "done", life
    return held(life, call)


def held(life, call):
    """Give what a call under a claim's number is answered: late work is refused, and changes nothing."""
    number, now, *more = call.said
    if life.status != "claimed" or now >= life.lease or (life.number, life.holder) != (number, call.who):
        return "lost", life
    if call.verb == "renew":
        return "done", life._replace(lease=now + more[0])
    if call.verb == "release":
        return "done", life._replace(status="waiting", holder=None, lease=None)
    if call.verb == "reply":
        return "done", life._replace(messages=(*life.messages, more[0]))
    if life.unread:
        return "unread-message", life
    return "done", life._replace(status="closed", holder=None, lease=None)


def of_one(key):
    """
    Give the machine of the request *key* alone.

    A history of many requests can only be explained if that of each can: every claim is met by all of them, since one
    that gives nothing says of each that it could not be claimed, and one that gives another may have parked this one.
    """

    def step(life, call):
        if call.verb != "claim":
            answer, after = outcome(life, call)
            return [after] if call.ended is None or answer == call.answer else []
        now, lease = call.said
        free, met = life.may_be_claimed(now), life.met(call.who, now, lease)
        parks = free and met.status == "parked"
        if call.ended is None:
            return [life, met] if free else [life]
        if call.answer is None:
            return ([met] if parks else []) if free else [life]
        if call.answer[0] == key:
            return [met] if free and not parks and call.answer[1] == met.number else []
        return [life, met] if parks else [life]

    return step


def of_all(keys):
    """Give the machine of a whole queue: as above, and a claim gives what is due first of all that may be claimed."""

    def step(lives, call):
        if call.verb != "claim":
            at = keys.index(call.key)
            answer, after = outcome(lives[at], call)
            return [(*lives[:at], after, *lives[at + 1 :])] if call.ended is None or answer == call.answer else []
        now, lease = call.said
        after, answer = list(lives), None
        for at in sorted(range(len(keys)), key=lambda at: lives[at].order):
            if lives[at].may_be_claimed(now):
                after[at] = lives[at].met(call.who, now, lease)
                if after[at].status == "claimed":
                    answer = [keys[at], after[at].number]
                    break
        return [tuple(after)] if call.ended is None or answer == call.answer else []

    return step
