"""Timings as `gridkit evaluate` would have measured them."""

from gridkit.results.timing import Timing, WarmUp, percentiles


def make_timing(samples_ms=(5.0,), **changes):
    """A timing of these calls, quiet and undisputed but for what is changed."""
    figures = percentiles([sample / 1e3 for sample in samples_ms])
    values = {
        "latency_ms": figures,
        "first_call_ms": 9.0,
        "real_time_factor": figures.p50 / 3e3,
        "clock_disputed": False,
        "noisy": False,
        "warm_up": WarmUp(10, 2.5, True),
        "round_trip_ms": figures,
        "transport_ms": percentiles([1e-4]),
        "samples_ms": tuple(samples_ms),
        "round_trip_samples_ms": tuple(samples_ms),
        "environment": {"device": "Test CPU", "threads": 2},
    }
    return Timing(**(values | changes))
