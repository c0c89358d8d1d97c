"""How often the 95 % intervals hold the truth, at 1, 4, 10 and 33 speakers.

Clips of simulated speakers: a speaker's own mean varies about the truth, clips vary about the
speaker's mean (both normal). Each interval is asked two questions. Does it hold the mean over all
possible speakers? Does it hold the mean of just these speakers? The first is what a paper claims.
With fewer than 4 speakers no interval can answer it, so the table heads that one 'these speakers
only' (docs/protocol.md section 6).

    python benchmarks/interval_coverage.py

`t over speakers` and `clips alone` are computed at every number of speakers; what gridkit
prints is starred, and comes from `gridkit.results.statistics.estimates` itself (600 trials).
"""

import sys

import numpy as np
from scipy import stats

from gridkit.corpus.codes import SPEAKERS_WITH_VIDEO, codes_by_speaker
from gridkit.results.clip_table import tabulate
from gridkit.results.records import ClipScore
from gridkit.results.statistics import estimates, t_half_width

SPEAKERS = (1, 4, 10, 33)
CLIPS = 50
TRUTH = 0.35
BETWEEN_SPEAKERS = 0.03
WITHIN_SPEAKER = 0.10
TRIALS = 4_000
PRINTED_TRIALS = 600


def simulate(
    generator: np.random.Generator, trials: int, speakers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return speakers' true means, (trials, speakers), and clips, (trials, speakers, CLIPS)."""
    means = generator.normal(TRUTH, BETWEEN_SPEAKERS, (trials, speakers))
    return means, generator.normal(means[..., None], WITHIN_SPEAKER, (trials, speakers, CLIPS))


def over_speakers(clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    own = clips.mean(axis=2)
    half = t_half_width(own.T)
    return own.mean(axis=1) - half, own.mean(axis=1) + half


def clips_alone(clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return normal intervals over clips, which the bootstrap over clips tends to."""
    flat = clips.reshape(len(clips), -1)
    half = stats.norm.ppf(0.975) * flat.std(axis=1) / np.sqrt(flat.shape[1])
    return flat.mean(axis=1) - half, flat.mean(axis=1) + half


def printed(clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals that gridkit prints for each trial."""
    ids = [
        f"{speaker}/{code}"
        for speaker in SPEAKERS_WITH_VIDEO[: clips.shape[1]]
        for code in codes_by_speaker()[speaker][:CLIPS]
    ]
    found = []
    for trial in clips.reshape(len(clips), -1):
        scores = [
            ClipScore(clip, "scored", metrics={"estoi": float(value)})
            for clip, value in zip(ids, trial, strict=True)
        ]
        estimate = estimates(tabulate(scores))["estoi"]
        found.append((estimate.low, estimate.high))
    low, high = np.array(found).T
    return low, high


def coverage(interval: tuple[np.ndarray, np.ndarray], truth: np.ndarray | float) -> float:
    low, high = interval
    return float(((low <= truth) & (truth <= high)).mean())


def main(trials: int) -> None:
    generator = np.random.default_rng(0)
    print(f"{trials} trials; {CLIPS} clips per speaker; sd between speakers {BETWEEN_SPEAKERS}, "
          f"within {WITHIN_SPEAKER}; wanted .950")  # fmt: skip
    print("                    all speakers                        these speakers")
    print("speakers   t over speakers   clips alone   printed*     printed*")
    for speakers in SPEAKERS:
        means, clips = simulate(generator, trials, speakers)
        t = f"{coverage(over_speakers(clips), TRUTH):.3f}" if speakers > 1 else "none"
        shown = printed(clips[:PRINTED_TRIALS])
        own = means.mean(axis=1)[: len(shown[0])]
        print(f"{speakers:8}   {t:>15}   {coverage(clips_alone(clips), TRUTH):11.3f}"
              f"   {coverage(shown, TRUTH):8.3f}     {coverage(shown, own):8.3f}")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS)
