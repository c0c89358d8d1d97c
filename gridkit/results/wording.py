"""How tables and the report present each figure: its label, its format, one line for a newcomer.

What is known of a metric stands in `gridkit.metrics.registry`; here it is composed for a figure,
such as `estoi_aligned` or `wer_pocketsphinx`. A metric that is not known (of a plug-in that is
not installed here) is shown by its name.
"""

from dataclasses import dataclass
from functools import cache

from gridkit.errors import UsageError
from gridkit.metrics import registry
from gridkit.metrics.metric import Metric
from gridkit.metrics.registry import ALIGNED, TEXT_METRICS

LAG = registry.LAG.name
LAG_SIZE = registry.LAG_SIZE.name
POOLED = ("wer", "cer")
"""Pooled over clips: all errors over all lengths."""

_ARROWS = {"up": "↑", "down": "↓", "zero": "→ 0"}
_DIRECTIONS = {"up": "higher is better", "down": "lower is better", "zero": "0 is best"}


@dataclass(frozen=True)
class MetricFacts:
    """One metric, as tables and the report present it."""

    name: str
    label: str
    better: str
    """`up`, `down`, `zero`, or empty where it is not known."""
    floor: float | None
    """What a failed clip counts as, unless the worst scored one is worse; None: there is none."""
    counts_every_clip: bool
    """Failed clips count; where there is no floor, as the worst scored one."""
    decimals: int
    percent: bool
    meaning: str
    """One short line for a newcomer."""

    def text(self, value: float) -> str:
        """Return a value as tables print it.

        >>> describe("estoi").text(0.3194), describe("wer").text(0.0881)
        ('0.319', '8.8 %')
        """
        return f"{self._number(value)} %" if self.percent else self._number(value)

    def interval(self, low: float | None, high: float | None) -> str:
        """Return an interval as tables print it; empty where there is none.

        >>> describe("lag_ms").interval(-0.3, 40.2), describe("wer").interval(0.0881, 0.1)
        ('0 to 40', '8.8 to 10.0 %')
        """
        if low is None or high is None:
            return ""
        return f"{self._number(low)} to {self.text(high)}"

    def _number(self, value: float) -> str:
        shown = f"{value * 100:.1f}" if self.percent else f"{value:.{self.decimals}f}"
        return (shown if float(shown) else shown.lstrip("-")).replace("-", "\N{MINUS SIGN}")

    def badness(self, value: float) -> float:
        """Return a number by which values sort from best to worst.

        >>> sorted([152.0, -80.0, 20.0], key=describe("lag_ms").badness)
        [20.0, -80.0, 152.0]
        """
        return {"down": value, "zero": abs(value)}.get(self.better, -value)

    @property
    def arrow(self) -> str:
        """Return the direction of better as a sign."""
        return _ARROWS.get(self.better, "")

    @property
    def direction(self) -> str:
        """Return the direction of better in words."""
        return _DIRECTIONS.get(self.better, "")


_ORDER = (
    "estoi stoi pesq_nb pesq_wb pesq_nb_raw pesq_nb_16k stoi_wrapped mfcc_distance mcd_db lag_ms "
    "lag_ms_abs wer cer ser slot"
).split()
"""Of columns; metrics of plug-ins follow."""


def recogniser_of(name: str) -> str | None:
    """Return the recogniser a figure belongs to, None where it is none's.

    >>> recogniser_of("wer_pocketsphinx"), recogniser_of("wer"), recogniser_of("mcd_db")
    ('pocketsphinx', None, None)
    """
    measure, _, recogniser = name.partition("_")
    return recogniser or None if measure in {metric.name for metric in TEXT_METRICS} else None


@cache
def describe(name: str) -> MetricFacts:
    """Return what is known of a metric; for an unknown one its name alone.

    >>> describe("estoi_aligned").label, describe("wer_judge").label, describe("nmos").better
    ('ESTOI aligned', 'WER judge', '')
    """
    metric = _metric_of(name)
    if metric is None:
        return MetricFacts(name, name, "", None, False, 3, False, "A metric of a plug-in.")
    heading, meaning = metric.heading, metric.meaning
    recogniser = recogniser_of(name)
    if recogniser:
        heading = f"{heading} {recogniser}"
        meaning = (
            f"{meaning} As {recogniser} transcribes the sound; beside it, the same on the "
            "reference audio."
        )
    elif name != metric.name:
        heading, meaning = f"{heading} aligned", "The same once the lag is taken out; never ranked."
    return MetricFacts(
        name,
        heading,
        metric.better,
        metric.floor,
        metric.counts_every_clip,
        metric.decimals,
        metric.percent,
        meaning,
    )


def order_key(name: str) -> tuple[bool, int, str]:
    """Sort key that puts metrics in the order tables show them; aligned ones come last."""
    base = name.removesuffix(ALIGNED)
    base = base.split("_")[0] if recogniser_of(base) else base
    place = _ORDER.index(base) if base in _ORDER else len(_ORDER)
    return base != name and name.endswith(ALIGNED), place, name


def _metric_of(name: str) -> Metric | None:
    """Return the metric of a figure; None where it is not known here."""
    if name == LAG_SIZE:
        return registry.LAG_SIZE
    try:
        return registry.find_metric(name)
    except UsageError:
        return None
