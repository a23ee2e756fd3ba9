"""
Whatever a call to DynamoDB by boto3 meets: nothing is told that is not so, nothing twice, nobody waits over 5 seconds.

How it is tried, and what must be so afterwards, is in `dynamo_verbs.py`.
"""

from __future__ import annotations

import os
from functools import partial

import engines
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from dynamo_verbs import (
    ALIKE,
    MANY,
    READ_TIMEOUT,
    TIMES,
    VERBS,
    Claim,
    Purge,
    Sky,
    Submit,
    calls_of,
    claim,
    meets,
    stages,
)

from chalicelib.adapters import dynamodb_items
from chalicelib.domain import requests
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.requests import LANES

FAULTS = ("throttled", "server-error", "refused", "time-out-before", "time-out-after")


class Weather(Sky):
    """What befalls calls by boto3."""

    events = None

    @staticmethod
    def connection(url, patience):
        """Connect."""
        return engines.connection(url, patience=patience)

    def begin_over(self, url):
        """Be there for the calls to *url*."""
        self.events = engines.client(url).meta.events
        self.events.register("before-send.dynamodb", self.before_send, unique_id="weather")
        self.events.register("after-call.dynamodb", self.after_call, unique_id="rain")

    def end(self):
        """Be there no longer."""
        self.events.unregister("before-send.dynamodb", unique_id="weather")
        self.events.unregister("after-call.dynamodb", unique_id="rain")

    def before_send(self, request, **_):
        """Meet a call before it reaches the service."""
        self.calls += 1
        self.time += 0.002
        if not self.is_bad():
            return None
        if self.fault == "throttled":
            return answer(request, 400, "ProvisionedThroughputExceededException")
        if self.fault == "server-error":
            return answer(request, 500, "InternalServerError")
        if self.fault == "refused":
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        if self.fault == "time-out-before":
            self.time += READ_TIMEOUT
            raise ReadTimeoutError(endpoint_url="http://nowhere")
        return None

    def after_call(self, **_):
        """Meet an answer on its way back: what it tells of has been done."""
        if self.is_bad() and self.fault == "time-out-after":
            self.time += READ_TIMEOUT
            raise ReadTimeoutError(endpoint_url="http://nowhere")


def answer(request, status, code):
    """Make the service's answer to a call that failed."""

    class Raw:
        def stream(self, **_):
            yield b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"secret"}' % code.encode()

    return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, Raw())


@pytest.fixture
def weather(monkeypatch):
    """Fair weather, until it is not."""
    made = Weather()
    monkeypatch.setattr(dynamodb_items, "wall", made.wall)
    return made


@pytest.fixture
def stage(weather, head, now):
    """How to set the stage anew."""
    yield from stages(weather, head, now)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", VERBS)
def test_no_answer_is_false(verb, fault, times, stage, weather):
    """Each fault, at each call: no false accepted, no false failed, nothing twice, within five seconds."""
    number = calls_of(VERBS[verb], stage, weather)
    assert number > 0
    # Each is tried at every second call; the two that make dozens, and those that are made of steps which others take
    # as well, at every fourth. Each fault begins elsewhere, so that none is left out; asked for all, it is all.
    few = number <= MANY and verb not in ALIKE
    step = 1 if os.environ.get("QUIETLINE_EVERY_FAULT") else 2 if few else 4
    # Two time-outs are as long as anybody is made to wait; everything shorter is overcome.
    overcome = times == "once" or (times == "twice" and not fault.startswith("time-out"))
    for at in range((FAULTS.index(fault) + list(TIMES).index(times)) % step, number, step):
        meets(stage(), VERBS[verb](), fault, at, TIMES[times], overcome=overcome)


def test_readers_wait_for_news_only_where_they_have_nothing_to_go_on_with(stage, weather):
    """Whoever has just started asks again until it is answered; from then on each look is tried once."""
    publications = stage().publications
    weather.befall("throttled", 0, 3)
    assert publications.edition() == 0
    weather.befall("throttled", 0, 1)
    with pytest.raises(Unavailable):
        publications.edition()
    assert weather.calls == 1
    weather.clear()
    assert publications.published("signpost") == (0, ())


def test_an_index_that_lags_hands_nothing_out_twice(stage, monkeypatch):
    """What the index still shows as waiting is in somebody's hands: the head says so, and the next is given."""
    set_stage = stage()
    queue = set_stage.store._queue
    before = {name: list(queue._read(name)) for name in (f"R#{lane}#0" for lane in LANES)}
    monkeypatch.setattr(queue, "_read", lambda name, **_: iter(before.get(name, ())))
    assert [claim(set_stage, who).request_id for who in ("alex", "kim")] == ["first", "second"]
    assert claim(set_stage, "sam") is None
    set_stage.store.withdraw(
        "first", partial(requests.withdraw, now=set_stage.now), now=set_stage.now, deed=set_stage.deed("withdraw")
    )
    assert claim(set_stage, "sam") is None


def test_an_index_that_lags_loses_nothing(stage, monkeypatch):
    """What the index does not show yet can be claimed as soon as it does, and by its reference at once."""
    set_stage = stage()
    queue = set_stage.store._queue
    with monkeypatch.context() as lagging:
        lagging.setattr(queue, "_read", lambda name, **_: iter(()))
        set_stage.put("late")
        assert claim(set_stage, "alex") is None
        assert claim(set_stage, "alex", reference="amber-late").request_id == "late"
    assert claim(set_stage, "kim").request_id == "first"


def test_whoever_dies_before_the_head_is_written_leaves_nothing_that_lasts(stage, weather):
    """A claim that died after it was said, and a submission after its slot and reference, block nobody for long."""
    last, last_of_submit = (calls_of(verb, stage, weather) - 1 for verb in (Claim, Submit))
    set_stage = stage()
    weather.befall("refused", last, 10**6)
    with pytest.raises(Unavailable):
        claim(set_stage, "alex")
    weather.clear()
    assert [claim(set_stage, "alex").request_id for _ in range(2)] == ["first", "second"]
    weather.befall("refused", last_of_submit, 10**6)
    with pytest.raises(Unavailable):
        Submit().do(set_stage)
    weather.clear()
    other = set_stage.put("other", windows=(set_stage.slot,), reference="amber-new")
    assert set_stage.store.slots_taken([set_stage.slot], now=set_stage.now) == {set_stage.slot.id: 1}
    assert other.reference == "amber-new"


def test_a_slow_service_is_waited_for_five_seconds_in_all(stage, weather):
    """A service that answers everything, and slowly, is given up before whoever asked has waited five seconds."""
    set_stage, began = stage(), weather.time
    slow, weather.before_send = weather.before_send, None
    weather.events.unregister("before-send.dynamodb", unique_id="weather")

    def drag(request, **more):
        weather.time += 0.9
        return slow(request, **more)

    weather.events.register("before-send.dynamodb", drag, unique_id="weather")
    set_stage.put("slow")
    with pytest.raises(Unavailable):
        set_stage.put("too slow")
    assert weather.time - began <= 5.0


def test_the_hourly_round_is_not_in_a_hurry(stage, weather):
    """Nobody waits for it: a service that is slow for minutes keeps it from nothing."""
    set_stage = stage()
    weather.events.unregister("before-send.dynamodb", unique_id="weather")

    def drag(request, **more):
        weather.time += 0.9
        return weather.before_send(request, **more)

    weather.events.register("before-send.dynamodb", drag, unique_id="weather")
    began = weather.time
    assert Purge().do(set_stage) == 2
    assert weather.time - began > 20
