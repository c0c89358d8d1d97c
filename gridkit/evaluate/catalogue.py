"""What a person needs to know of each metric: its label, which way is better, its floor.

Names are those of protocol `gridkit-1`: `estoi`; `estoi_aligned`, after the lag is taken out;
`wer_R`, `cer_R`, `slot_R`, what recogniser R makes of the sound; `wer`, `cer`, `slot`, `ser`, of a
lipreader's own text. A metric that is not known here (a plug-in's) is shown by its name.
"""

from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["up", "down", "zero", "unknown"]

POOLED = ("wer", "cer")
"""Pooled over clips: all errors over all lengths."""
LAG = "lag_ms"
LAG_SIZE = "lag_ms_abs"
ALIGNED = "_aligned"


@dataclass(frozen=True)
class MetricFacts:
    """One metric, as tables and the report present it."""

    name: str
    label: str
    better: Better
    floor: float | None
    """What a failed clip counts as; None: the system's own worst clip alone."""
    decimals: int
    meaning: str
    """One short line for a newcomer."""
    percent: bool = False

    def text(self, value: float) -> str:
        """Return a value as tables print it.

        >>> describe("estoi").text(0.3194), describe("wer").text(0.0881)
        ('0.319', '8.8 %')
        """
        if value != value:
            return "\N{EN DASH}"
        shown = f"{value * 100:.1f} %" if self.percent else f"{value:.{self.decimals}f}"
        return shown.replace("-", "\N{MINUS SIGN}")

    @property
    def arrow(self) -> str:
        """Return the direction of better as one character."""
        return {"up": "↑", "down": "↓", "zero": "→ 0", "unknown": ""}[self.better]

    @property
    def direction(self) -> str:
        """Return the direction of better in words."""
        words = {"up": "higher is better", "down": "lower is better", "zero": "0 is best"}
        return words.get(self.better, "")


_MEASURED = (
    MetricFacts(
        "estoi",
        "ESTOI",
        "up",
        0.0,
        3,
        "How much of the speech a listener would understand, from short-time envelopes; 1 is "
        "perfect. The headline.",
    ),
    MetricFacts("stoi", "STOI", "up", 0.0, 3, "The older form of ESTOI; kinder to steady noise."),
    MetricFacts(
        "pesq_nb", "PESQ nb", "up", 1.0, 2, "Predicted listening quality, telephone band, 1 to 4.5."
    ),
    MetricFacts(
        "pesq_wb", "PESQ wb", "up", 1.0, 2, "Predicted listening quality, wide band, 1 to 4.6."
    ),
    MetricFacts(
        "pesq_nb_raw",
        "PESQ nb raw",
        "up",
        -0.5,
        2,
        "PESQ before its mapping to listeners' scores, as some papers print it; never ranked.",
    ),
    MetricFacts(
        "mcd_db", "MCD dB", "down", 20.0, 2, "Distance of the smoothed spectra, in dB; 0 is equal."
    ),
    MetricFacts(LAG, "Lag ms", "zero", None, 0, "Median delay; positive: the system is late."),
    MetricFacts(LAG_SIZE, "|Lag| ms", "down", None, 0, "Mean size of the delay."),
    MetricFacts(
        "wer",
        "WER",
        "down",
        1.0,
        3,
        "Words wrong, over words said. A recogniser's is read beside its own on the true sound.",
        percent=True,
    ),
    MetricFacts("cer", "CER", "down", 1.0, 3, "Characters wrong, over characters said.", True),
    MetricFacts("ser", "SER", "down", 1.0, 3, "Sentences with an error.", True),
    MetricFacts("slot", "Slots", "up", 0.0, 3, "Words right, slot by slot of the sentence.", True),
)
_BY_NAME = {facts.name: facts for facts in _MEASURED}
_OF_RECOGNISER = ("wer", "cer", "slot")


def recogniser_of(name: str) -> str | None:
    """Return the recogniser a figure belongs to, None where it is none's.

    >>> recogniser_of("wer_pocketsphinx"), recogniser_of("wer"), recogniser_of("mcd_db")
    ('pocketsphinx', None, None)
    """
    kind, _, recogniser = name.partition("_")
    return recogniser or None if kind in _OF_RECOGNISER else None


def describe(name: str) -> MetricFacts:
    """Return what is known of a metric; for an unknown one its name alone.

    >>> describe("estoi_aligned").label, describe("wer_judge").label, describe("nmos").better
    ('ESTOI aligned', 'WER judge', 'unknown')
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith(ALIGNED) and name.removesuffix(ALIGNED) in _BY_NAME:
        facts = _BY_NAME[name.removesuffix(ALIGNED)]
        return replace(
            facts,
            name=name,
            label=f"{facts.label} aligned",
            meaning="The same after the lag is taken out; never ranked.",
        )
    recogniser = recogniser_of(name)
    if recogniser is not None:
        facts = _BY_NAME[name.split("_")[0]]
        return replace(facts, name=name, label=f"{facts.label} {recogniser}")
    return MetricFacts(name, name, "unknown", None, 3, "A metric of a plug-in.")


def order_key(name: str) -> tuple[int, int, str]:
    """Sort key that puts metrics in the order tables show them; aligned ones come last."""
    base = name.removesuffix(ALIGNED)
    kind = base.split("_")[0] if recogniser_of(base) else base
    place = list(_BY_NAME).index(kind) if kind in _BY_NAME else len(_BY_NAME)
    return (int(name.endswith(ALIGNED)), place, name)
