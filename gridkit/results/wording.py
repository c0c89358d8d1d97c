"""How tables and the report present each metric: its label, its format, one line for a newcomer.

Which way is better and what a failed clip gets come from `gridkit.metrics.registry`. A metric
that is not known there (a plug-in's that is not installed here) is shown by its name.
"""

from dataclasses import dataclass
from functools import cache

from gridkit.errors import UsageError
from gridkit.metrics.registry import ALIGNED, TEXT_METRICS, find_metric

LAG = "lag_ms"
LAG_SIZE = "lag_ms_abs"
POOLED = ("wer", "cer")
"""Pooled over clips: all errors over all lengths."""

_ARROWS = {"up": "↑", "down": "↓", "zero": "→ 0"}
_DIRECTIONS = {"up": "higher is better", "down": "lower is better", "zero": "0 is best"}


@dataclass(frozen=True)
class Wording:
    """The words and the format of one metric."""

    label: str
    meaning: str
    decimals: int = 3
    percent: bool = False


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

    def interval(self, low: float, high: float) -> str:
        """Return an interval as tables print it.

        >>> describe("lag_ms").interval(-0.3, 40.2), describe("wer").interval(0.0881, 0.1)
        ('0 to 40', '8.8 to 10.0 %')
        """
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


_WORDINGS = {
    "estoi": Wording(
        "ESTOI",
        "How much of the speech a listener would understand, judged from its short-time "
        "envelopes; 1 is perfect.",
    ),
    "stoi": Wording("STOI", "The older form of ESTOI; kinder to steady noise."),
    "pesq_nb": Wording("PESQ nb", "Predicted listening quality, telephone band, 1 to 4.5.", 2),
    "pesq_wb": Wording("PESQ wb", "Predicted listening quality, wide band, 1 to 4.6.", 2),
    "pesq_nb_raw": Wording(
        "PESQ nb raw", "PESQ on the scale that some papers print; never ranked.", 2
    ),
    "pesq_nb_16k": Wording("PESQ nb 16k", "PESQ nb given 16 kHz sound, as some papers did.", 2),
    "stoi_wrapped": Wording("STOI wrapped", "STOI of samples that overflow, as in a paper."),
    "mfcc_distance": Wording("MFCC distance", "Distance of unscaled MFCC, in no unit.", 1),
    "mcd_db": Wording("MCD dB", "Distance of the smoothed spectra, in dB; 0 is equal.", 2),
    LAG: Wording("Lag ms", "Median delay against the reference; positive is late.", 0),
    LAG_SIZE: Wording("|Lag| ms", "Mean size of the delay.", 0),
    "wer": Wording("WER", "Words wrong, over words said.", percent=True),
    "cer": Wording("CER", "Characters wrong, over characters said.", percent=True),
    "ser": Wording("SER", "Sentences with an error.", percent=True),
    "slot": Wording("Slots", "Words right, slot by slot of the sentence.", percent=True),
}
_ORDER = tuple(_WORDINGS)


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
    better, floor, every = _rules(name)
    base = name.removesuffix(ALIGNED)
    recogniser = recogniser_of(name)
    wording = _WORDINGS.get(name.split("_")[0] if recogniser else base)
    if wording is None:
        return MetricFacts(name, name, better, floor, every, 3, False, "A metric of a plug-in.")
    label, meaning = wording.label, wording.meaning
    if recogniser:
        label = f"{label} {recogniser}"
        meaning = f"{meaning} As {recogniser} hears it; beside it what it gets on the true sound."
    elif base != name:
        label, meaning = f"{label} aligned", "The same once the lag is taken out; never ranked."
    shown = wording.decimals, wording.percent, meaning
    return MetricFacts(name, label, better, floor, every, *shown)


def order_key(name: str) -> tuple[bool, int, str]:
    """Sort key that puts metrics in the order tables show them; aligned ones come last."""
    base = name.removesuffix(ALIGNED)
    base = base.split("_")[0] if recogniser_of(base) else base
    place = _ORDER.index(base) if base in _ORDER else len(_ORDER)
    return base != name and name.endswith(ALIGNED), place, name


def _rules(name: str) -> tuple[str, float | None, bool]:
    """Return which way is better, the floor, and whether failed clips count."""
    if name == LAG_SIZE:
        return "down", None, False
    try:
        metric = find_metric(name)
    except UsageError:
        return "", None, False
    return metric.better, metric.floor, metric.counts_every_clip
