"""Time stamps that start again, are missing or damaged: times go on."""

import pytest

from gridkit.media.timeline import Timeline


def times_of(stamps, step_s=0.04):
    timeline = Timeline(step_s)
    placed = list(timeline.times(enumerate(stamps)))
    assert [number for number, _ in placed] == list(range(len(stamps)))
    return [time_s for _, time_s in placed], timeline.offsets_s


STEADY = [0.0, 0.04, 0.08, 0.12]


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        pytest.param([7.5, 7.54, 7.58, 7.62], STEADY, id="counted from the first"),
        pytest.param([0, 0.04, 0.5, 3.0], [0, 0.04, 0.5, 3.0], id="a rate that varies"),
        pytest.param([None, None, 7.58, 7.62], STEADY, id="the first ones are missing"),
        pytest.param([0, None, None, 0.12], STEADY, id="some are missing"),
        pytest.param([None] * 4, STEADY, id="all are missing"),
        pytest.param([5, 5.04, 0, 0.04], STEADY, id="they start again"),
        pytest.param([0, 0.04, 9000, 9000.04], STEADY, id="they leap"),
        pytest.param([0, 9000, 0.08, 0.12], STEADY, id="one is far too late"),
        pytest.param([0, 5.0, 0.08, 0.12], STEADY, id="one is too late"),
        pytest.param([5, 5.04, 0, 5.12], STEADY, id="one is too early"),
        pytest.param([5, 5.04, 0], STEADY[:3], id="the last one is too early"),
        pytest.param([0, 0.12, 0.04, 0.08], [0, 0.04, 0.04, 0.08], id="out of order"),
        pytest.param([3.0], [0], id="one"),
        pytest.param([], [], id="none"),
    ],
)
def test_times_go_on(stamps, times):
    assert times_of(stamps)[0] == pytest.approx(times)


def test_parts_that_start_again_each_have_their_offset():
    part = [0.2 + 0.04 * number for number in range(75)]
    times, offsets_s = times_of(part * 4)
    assert times == pytest.approx([0.04 * number for number in range(300)])
    assert offsets_s == pytest.approx([0.2, -2.8, -5.8, -8.8])


def test_the_first_of_many_without_time_stamps_does_not_wait():
    given = iter([(number, None) for number in range(1000)])
    next(Timeline(0.04).times(given))
    assert len(list(given)) > 900
