"""What a metric is: its name, direction and floor, how it is computed, and how it is shown."""

from collections.abc import Callable
from dataclasses import dataclass

from gridkit.errors import UsageError
from gridkit.metrics.pair import Pair

BETTER = ("up", "down", "zero")
NEEDS = ("pair", "prediction", "lag", "text")


@dataclass(frozen=True)
class Metric:
    """One metric and what is known of it."""

    name: str
    better: str
    """`up`, `down`, or `zero`: the nearer to 0 the better."""
    floor: float | None
    """What a silent or failed clip gets. None: silence is scored as any sound is, a failed clip
    counts as the worst scored clip of its system; where better is `zero`, neither counts."""
    unit: str = ""
    """Printed after the label."""
    needs: str = "pair"
    """`pair`: reference and prediction, scored raw and aligned in time. `prediction`: the
    prediction alone, scored as it is. `lag`: the lag itself. `text`: words (see `wer.py`)."""
    score: Callable[[Pair], float] | None = None
    """Computes it, for `pair` and `prediction`."""
    label: str = ""
    """Heading of its column; empty: its name."""
    meaning: str = "A metric of a plug-in."
    """One or two short sentences for a newcomer."""
    decimals: int = 3
    """Digits after the point, as tables print it."""
    percent: bool = False
    """A share, printed in percent with one digit after the point."""

    @property
    def counts_every_clip(self) -> bool:
        """Whether silent and failed clips have a figure too; a lag they do not have."""
        return self.needs != "lag" and (self.floor is not None or self.better != "zero")

    @property
    def heading(self) -> str:
        """Return label and unit."""
        return f"{self.label or self.name} {self.unit}".strip()

    def __post_init__(self) -> None:
        if self.better not in BETTER or self.needs not in NEEDS:
            raise UsageError(
                f"metric {self.name}: better is one of {', '.join(BETTER)} and needs one of "
                f"{', '.join(NEEDS)}, not {self.better!r} and {self.needs!r}"
            )
        if (self.score is None) == (self.needs in ("pair", "prediction")):
            raise UsageError(
                f"metric {self.name}: one that needs {self.needs!r} "
                f"has {'no score function' if self.score is None else 'a score function'}"
            )
        if self.decimals < 0:
            raise UsageError(f"metric {self.name}: decimals is {self.decimals}, expected 0 or more")
