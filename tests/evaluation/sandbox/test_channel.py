"""Messages over a pair of pipes: whole, bounded in size and time."""

import os

import pytest

from gridkit.evaluation.sandbox.channel import Channel, ChannelTimeoutError, MessageError


def _pair():
    (a_read, b_write), (b_read, a_write) = os.pipe(), os.pipe()
    return Channel(a_read, a_write), Channel(b_read, b_write)


def test_a_message_comes_out_as_it_went_in():
    here, there = _pair()
    here.send({"a": [1, "ä"]}, [b"xy", bytes(300_000), b"z"])
    header, content = there.receive(max_payload_bytes=1 << 20)
    assert header == {"a": [1, "ä"]}
    assert bytes(content) == b"xy" + bytes(300_000) + b"z"


def test_nothing_is_read_beyond_what_is_allowed_and_no_one_waits_for_ever():
    here, there = _pair()
    with pytest.raises(ChannelTimeoutError):
        there.receive(max_payload_bytes=1, limit_s=0.2)
    with pytest.raises(ChannelTimeoutError):
        here.send({}, [bytes(64 << 20)], limit_s=0.2)
    here, there = _pair()
    here.send({}, [b"123"])
    with pytest.raises(MessageError, match="too large"):
        there.receive(max_payload_bytes=2)
