"""What `gridkit.score` returns: the score of one pair of sounds, or of many pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Generic, TypeVar

from gridkit.api.html import estimates_html, figures_html
from gridkit.metrics.registry import ALIGNED
from gridkit.results.clip_table import ClipTable
from gridkit.results.records import Estimate
from gridkit.results.wording import LAG, describe, order_key

if TYPE_CHECKING:
    import pandas as pd

PairScore = TypeVar("PairScore")


@dataclass(frozen=True)
class SoundScore:
    """The figures of one predicted sound, by protocol `gridkit-1`.

    `*_aligned` figures are after the lag is taken out. A search for the best lag flatters
    nonsense, so compare them with those of another clip's sound, and never rank by them.
    """

    estoi: float
    stoi: float
    pesq_nb: float
    """MOS-LQO, P.862.1."""
    pesq_wb: float
    """MOS-LQO, P.862.2."""
    pesq_nb_raw: float
    """P.862 raw MOS, to compare with papers that printed it; never ranked."""
    mcd_db: float
    lag_ms: float | None
    """Positive: the prediction is late. None for silence, which has no lag."""
    estoi_aligned: float
    stoi_aligned: float
    pesq_nb_aligned: float
    pesq_wb_aligned: float
    pesq_nb_raw_aligned: float
    mcd_db_aligned: float
    plug_ins: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Figures of metrics that other installed packages add, by name."""

    @classmethod
    def of(cls, figures: Mapping[str, float]) -> "SoundScore":
        """Return the record of figures by name, as `gridkit.metrics.sound` computes them."""
        own = {entry.name for entry in fields(cls)}
        known = {name: value for name, value in figures.items() if name in own - {LAG}}
        plug_ins = {name: value for name, value in figures.items() if name not in own}
        return cls(**known, lag_ms=figures.get(LAG), plug_ins=plug_ins)

    @property
    def figures(self) -> dict[str, float]:
        """The figures by name, in the order of tables; a lag that is not there is left out."""
        names = [entry.name for entry in fields(self) if entry.name != "plug_ins"]
        found = {name: getattr(self, name) for name in names} | dict(self.plug_ins)
        shown = [name for name in sorted(found, key=order_key) if found[name] is not None]
        return {name: found[name] for name in shown}

    def __repr__(self) -> str:
        """Return the figures; aligned ones where there is a lag to take out."""
        shown = (f"{name}={value:.4g}" for name, value in self._shown().items())
        return f"SoundScore({', '.join(shown)})"

    def _repr_html_(self) -> str:
        return figures_html(self._shown())

    def _shown(self) -> dict[str, float]:
        aligned = bool(self.lag_ms)
        named = self.figures.items()
        return {name: value for name, value in named if aligned or not name.endswith(ALIGNED)}


@dataclass(frozen=True, eq=False, repr=False)
class PairScores(Generic[PairScore]):
    """The scores of many pairs, and what they come to."""

    ids: tuple[str, ...]
    """The clip of each pair; `pair/N` where no ids were given."""
    pairs: tuple[PairScore | None, ...]
    """Each pair's own score, in the order given; None where a metric failed."""
    metrics: Mapping[str, Estimate]
    """Figure to mean, 95 % interval and n; `wer` and `cer` pooled; `lag_ms` the median and
    `lag_ms_abs` the mean size. A failed pair counts, with the floor of each metric."""
    failed: Mapping[str, str]
    """Id of each failed pair to its reason."""
    interval_note: str
    """What the intervals speak for."""
    table: ClipTable
    """Each pair's figures as columns, sorted by id."""

    def __len__(self) -> int:
        """Return the number of pairs, failed ones too."""
        return len(self.pairs)

    def to_pandas(self) -> "pd.DataFrame":
        """Return each pair's figures, a row per pair; failed ones with what they count as."""
        return frame_of(self.table)

    def __repr__(self) -> str:
        """Return a line per figure."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        lines = [f"{len(self)} pairs{failed}; {self.interval_note}"]
        for name, estimate in self.metrics.items():
            facts = describe(name)
            interval = facts.interval(estimate.low, estimate.high)
            value = facts.text(estimate.value)
            shown = f"({interval}), " if interval else ""
            lines.append(f"{name:20} {value:>8}  {shown}n {estimate.n}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        caption = f"{len(self)} pairs{failed}; {self.interval_note}"
        return estimates_html(self.metrics, caption)


def frame_of(table: ClipTable) -> "pd.DataFrame":
    """Return the figures of clips as a data frame: a row per clip, a column per figure."""
    import pandas as pd

    columns = {name: table.column(name) for name in sorted(table.names, key=order_key)}
    return pd.DataFrame(columns | {"failed": ~table.scored}, index=pd.Index(table.ids, name="id"))
