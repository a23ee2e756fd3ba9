"""The trail's anchor in Systems Manager does what the one in a file does."""

from __future__ import annotations

import uuid

import boto3
import pytest

from chalicelib.adapters.aws import Client
from chalicelib.adapters.ssm import NOTHING_YET, ParameterAnchor
from chalicelib.domain.audit import TrailHead
from chalicelib.domain.errors import Unavailable


@pytest.fixture
def parameter(aws):
    """A parameter as the template makes it, and how to write into it past the anchor."""
    client, name = boto3.client("ssm"), f"/anchor/{uuid.uuid4().hex}"

    def write(value):
        client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        return name

    return write


def anchor(name):
    """Give the anchor in a parameter."""
    return ParameterAnchor(Client("ssm", connect=1.0, read=5.0, attempts=2), name)


def test_there_is_no_anchor_before_the_first(parameter):
    """What the template put there is no anchor."""
    assert anchor(parameter(NOTHING_YET)).read() is None


def test_an_anchor_is_read_as_it_was_kept(parameter):
    """The newest head is the one that is read, in whatever process."""
    name = parameter(NOTHING_YET)
    for count in (3, 7):
        anchor(name).keep(TrailHead(count=count, mac="mac", seal="seal"))
    assert anchor(name).read() == TrailHead(count=7, mac="mac", seal="seal")


@pytest.mark.parametrize("value", ["no json", "[]", '{"count": 1}'])
def test_a_damaged_anchor_is_a_head_that_nobody_signed(parameter, value):
    """Somebody who writes into the parameter is told as tampering, not taken for a fresh start."""
    assert anchor(parameter(value)).read() == TrailHead()


def test_an_anchor_that_cannot_be_had_is_told(aws):
    """A parameter that is not there is no fresh start either."""
    with pytest.raises(Unavailable, match="keys"):
        anchor("nowhere").read()
