"""Axes, histograms and thinned values of the charts."""

import numpy as np

from gridkit.evaluation.report.charts import histogram, nice_axis, thin


def test_axis_is_round_and_holds_all_values():
    for values in ([0.02, 0.93], [-0.04, 0.2], [7.0], [0.0], [1e-4, 3e-4], [12.0, 1234.5]):
        axis = nice_axis(values)
        assert axis.low <= min(*values, 0)
        assert axis.high >= max(values)
        assert 2 <= len(axis.ticks) <= 9
        assert len({axis.label(tick) for tick in axis.ticks}) == len(axis.ticks)
    assert nice_axis([9.0, 12.0], from_zero=False).low == 9.0
    assert nice_axis([0.31, 0.9], in_percent=True).label(0.2) == "20 %"


def test_histogram_leaves_out_the_slowest_and_says_so():
    bins, slower = histogram([10.0] * 50 + [11.0] * 149 + [500.0])
    assert (sum(found.count for found in bins), slower) == (199, 1)
    assert bins[-1].high == 11.0
    assert sum(found.count for found in histogram([5.0])[0]) == 1


def test_thinned_clips_keep_their_ends():
    assert thin([3.0, 1.0, 2.0]) == [1.0, 2.0, 3.0]
    many = thin(np.arange(10_000.0))
    assert (len(many), many[0], many[-1]) == (200, 0.0, 9999.0)
