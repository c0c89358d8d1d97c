"""Time limits of a system."""

from gridkit.evaluation.sandbox.limits import Limits


def test_the_limits_are_those_of_the_protocol():
    assert Limits.for_device("cpu") == Limits(load_s=300, first_call_s=120, clip_s=60)
    assert Limits.for_device("cuda:1").clip_s == 30
