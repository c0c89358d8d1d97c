"""What evaluation measures, as frozen records: clip scores, estimates, results.

A clip is never dropped: it is scored, or failed with a reason, and counts in n either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gridkit.results.system_card import SystemCard

PROTOCOL = "gridkit-1"
CONTROL_PREFIX = "control:"
"""What the names of gridkit's own controls begin with."""
PREDICTIONS_PREFIX = "predictions:"
"""What the names of predictions made elsewhere begin with; no system may call itself so."""
NORMALISER_KEY = "normaliser"
"""In `Result.versions`."""
MODEL, PREDICTIONS = "model", "predictions"
"""What `Result.sha256` has the hashes of, besides `clips.jsonl`."""


def recogniser_key(name: str) -> str:
    """Return the key of a recogniser in `Result.versions`: one name may have two versions."""
    return f"recogniser {name}"


@dataclass(frozen=True)
class ClipScore:
    """The figures of one clip; a line of `clips.jsonl`."""

    id: str
    status: str
    """`scored` or `failed`."""
    reason: str | None = None
    detail: str | None = None
    """One line for a person: what exactly went wrong."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metric name to value, for metrics that are averaged over clips."""
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Metric name to (errors, length), for metrics that are pooled over clips (wer, cer)."""
    slots: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """`slot` or `slot_R` to 1 or 0 for each of the six slots."""
    text: Mapping[str, str] = field(default_factory=dict)
    """Recogniser, or `system`, to the normalised words that were counted."""
    raw_text: Mapping[str, str] = field(default_factory=dict)
    """The same before normalising."""
    sound: Mapping[str, float] = field(default_factory=dict)
    """How loud predicted sound is (`SoundLevels.entries`); no figure."""


@dataclass(frozen=True)
class Estimate:
    """A headline figure with its 95 % interval."""

    value: float
    low: float | None
    """None, as `high`, where one clip is all that counts: it has no interval."""
    high: float | None
    n: int
    true_audio: float | None = None
    """For a recogniser's figure: the same on the reference audio of the same clips."""


@dataclass(frozen=True)
class Result:
    """One evaluated system: what `result.json` holds."""

    protocol: str
    task: str
    system: SystemCard
    corpus: Mapping[str, object]
    """sha256 over ids and reference samples, synthetic or not."""
    split: Mapping[str, object]
    """name, subset, sha256 of the definition, scored_sha256 and n of the ids scored."""
    n: int
    failed: Mapping[str, int]
    """Failure reason to number of clips."""
    rank_metric: str
    metrics: Mapping[str, Estimate]
    versions: Mapping[str, str]
    missing: int = 0
    """Clips of the split that were not there to be scored (`--allow-missing`); any: no rank."""
    speakers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Speaker to metric to the speaker's own value."""
    slots: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """`slot` or `slot_R` to slot name to accuracy."""
    sound: Mapping[str, float] = field(default_factory=dict)
    """Of predicted sound: the mean share of clipped and of silent samples, and how many clips are
    clipped and inaudible (`summary_of`); empty where text was predicted."""

    sha256: Mapping[str, str] = field(default_factory=dict)
    """Hashes of what it was made of: `clips.jsonl`, `predictions`, and `model` where it has files;
    empty in a result of before they were written."""

    @property
    def is_control(self) -> bool:
        """Tell whether this is the result of one of gridkit's own controls."""
        return self.system.name.startswith(CONTROL_PREFIX)

    @property
    def is_given(self) -> bool:
        """Tell whether somebody gave the predictions, so that the system was not run here."""
        return self.system.name.startswith(PREDICTIONS_PREFIX)

    @property
    def corpus_sha256(self) -> str | None:
        """Return the hash of the corpus's ids and reference samples; None where it is not known."""
        return _text(self.corpus, "sha256")

    @property
    def is_synthetic(self) -> bool:
        """Tell whether the clips are known to be synthetic."""
        return self.corpus.get("synthetic") is True

    @property
    def split_name(self) -> str | None:
        """Return the name of the split; None where it is not known."""
        return _text(self.split, "name")

    @property
    def subset_name(self) -> str | None:
        """Return the name of the scored subset; None where it is not known."""
        return _text(self.split, "subset")

    @property
    def scored_sha256(self) -> str | None:
        """Return the hash of the scored ids; None where it is not known."""
        return _text(self.split, "scored_sha256")

    @property
    def name(self) -> str:
        """Return what the system calls itself, and how it decodes where it says so."""
        return self.system.full_name


def _text(facts: Mapping[str, object], key: str) -> str | None:
    value = facts.get(key)
    return None if value is None else str(value)
