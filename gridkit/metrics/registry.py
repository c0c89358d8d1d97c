"""The metrics by name: direction, floor, how each is computed, and how tables show it.

Another package adds a metric through the entry-point group `gridkit.metrics`: the entry's name
is the metric's name, its object a `Metric` (docs/add-a-metric.md).
"""

from functools import cache
from importlib.metadata import entry_points

from gridkit.errors import UsageError
from gridkit.metrics import pesq
from gridkit.metrics.mcd import mcd_db
from gridkit.metrics.metric import Metric
from gridkit.metrics.older_metrics import OLDER_METRICS
from gridkit.metrics.pair import Pair

ENTRY_POINTS = "gridkit.metrics"
ALIGNED = "_aligned"


def _stoi(pair: Pair) -> float:
    return pair.reference.speech.stoi(pair.stoi_segments)


def _estoi(pair: Pair) -> float:
    return pair.reference.speech.estoi(pair.stoi_segments)


def _pesq_nb(pair: Pair) -> float:
    return pair.pesq_nb


def _pesq_wb(pair: Pair) -> float:
    return pesq.pesq_wb(pair.reference.samples, pair.prediction.samples)


def _pesq_nb_raw(pair: Pair) -> float:
    return pesq.raw_mos(pair.pesq_nb)


def _mcd_db(pair: Pair) -> float:
    # hop 160 samples: every second frame
    return mcd_db(pair.reference.bands.every(2), pair.prediction.bands.every(2))


SOUND_METRICS: tuple[Metric, ...] = (
    Metric(
        "stoi",
        "up",
        0.0,
        score=_stoi,
        label="STOI",
        meaning="The older form of ESTOI; kinder to steady noise.",
    ),
    Metric(
        "estoi",
        "up",
        0.0,
        score=_estoi,
        label="ESTOI",
        meaning="How much of the speech a listener would understand, judged from its short-time "
        "envelopes; 1 is perfect.",
    ),
    Metric(
        "pesq_nb",
        "up",
        1.0,
        score=_pesq_nb,
        label="PESQ nb",
        meaning="Predicted listening quality, telephone band, 1 to 4.5.",
        decimals=2,
    ),
    Metric(
        "pesq_wb",
        "up",
        1.0,
        score=_pesq_wb,
        label="PESQ wb",
        meaning="Predicted listening quality, wide band, 1 to 4.6.",
        decimals=2,
    ),
    Metric(
        "pesq_nb_raw",
        "up",
        -0.5,
        score=_pesq_nb_raw,
        label="PESQ nb raw",
        meaning="PESQ on the scale that some papers print; never ranked.",
        decimals=2,
    ),
    Metric(
        "mcd_db",
        "down",
        20.0,
        "dB",
        score=_mcd_db,
        label="MCD",
        meaning="Distance of the smoothed spectra, in dB; 0 is equal.",
        decimals=2,
    ),
)
LAG = Metric(
    "lag_ms",
    "zero",
    None,
    "ms",
    needs="lag",
    label="Lag",
    meaning="Median delay against the reference; positive is late.",
    decimals=0,
)
LAG_SIZE = Metric(
    "lag_ms_abs",
    "down",
    None,
    "ms",
    needs="lag",
    label="|Lag|",
    meaning="Mean size of the delay.",
    decimals=0,
)
"""Not scored by itself: it is shown next to the median lag."""
TEXT_METRICS: tuple[Metric, ...] = (
    Metric(
        "wer",
        "down",
        1.0,
        needs="text",
        label="WER",
        meaning="Words wrong, over words said.",
        percent=True,
    ),
    Metric(
        "cer",
        "down",
        1.0,
        needs="text",
        label="CER",
        meaning="Characters wrong, over characters said.",
        percent=True,
    ),
    Metric(
        "ser",
        "down",
        1.0,
        needs="text",
        label="SER",
        meaning="Sentences with an error.",
        percent=True,
    ),
    Metric(
        "slot",
        "up",
        0.0,
        needs="text",
        label="Slots",
        meaning="Words right, slot by slot of the sentence.",
        percent=True,
    ),
)
BUILT_IN: tuple[Metric, ...] = (*SOUND_METRICS, LAG, *TEXT_METRICS, *OLDER_METRICS)


def find_metric(name: str) -> Metric:
    """Return the metric behind a column's name, such as `estoi_aligned` or `wer_pocketsphinx`.

    Raises:
        UsageError: there is no such metric; the message names the known ones.
    """
    known = {metric.name: metric for metric in (*BUILT_IN, *plug_ins())}
    base = name.removesuffix(ALIGNED)
    if base in known and (base == name or known[base].needs == "pair"):
        return known[base]
    measure, _, recogniser = name.partition("_")
    if recogniser and measure in {metric.name for metric in TEXT_METRICS}:
        return known[measure]
    raise UsageError(f"unknown metric {name!r}; known are {', '.join(known)}")


@cache
def plug_ins() -> tuple[Metric, ...]:
    """Return the metrics that other installed packages add, by name.

    Raises:
        UsageError: an entry is not a `Metric`, or its name is taken.
    """
    taken = {metric.name for metric in BUILT_IN}
    found = []
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        metric = entry.load()
        where = f"entry point {entry.name} = {entry.value} of {ENTRY_POINTS}"
        if not isinstance(metric, Metric) or metric.name != entry.name or metric.score is None:
            raise UsageError(f"{where}: expected a Metric of that name with a score function")
        if metric.name in taken:
            raise UsageError(f"{where}: the name {metric.name} is taken; give it another")
        taken.add(metric.name)
        found.append(metric)
    return tuple(found)
