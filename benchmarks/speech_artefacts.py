"""What no metric of the protocol hears: clicks at the joins of frames, and a level that is wrong.

Clicks: the absolute second difference of all clips, folded at a period (640 samples, a video
frame; 160, a frame of features) and smoothed over 5 phases; its largest value at the first three
phases over its median. 1 is no click. Level: that of the prediction's loud frames below or above
the reference's, median over clips.

    python benchmarks/speech_artefacts.py RESULT... --data CORPUS
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gridkit.evaluation.predictions.files import FILE, FOLDER, Predictions
from gridkit.media.codecs import decode_flac
from gridkit.store.reader import open_corpus

PERIODS = (640, 160)
SMOOTHED_PHASES = 5
JOIN_PHASES = 3
LEVEL_FRAME = 400
LOUD_SHARE = 0.3
"""Of a clip's frames, the loudest: speech for certain."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT")
    parser.add_argument("--data", type=Path, required=True, help="the corpus of the results")
    options = parser.parse_args()
    corpus = open_corpus(options.data)
    print("| | clips | clicks at 640 | at 160 | level, dB |\n|---|---|---|---|---|")
    for number, folder in enumerate(options.results):
        predictions = Predictions([folder / FOLDER / FILE])
        samples = {clip: predictions[clip].samples for clip in predictions}
        said = {clip: sound for clip, sound in samples.items() if sound is not None}
        true = {clip: decode_flac(corpus.clip(clip).audio_flac)[0] for clip in said}
        if number == 0:
            print(row("reference", list(true.values()), [0.0]))
        levels_db = [loud_db(said[clip]) - loud_db(true[clip]) for clip in said]
        print(row(folder.name, list(said.values()), levels_db))


def row(name: str, sounds: list[np.ndarray], levels_db: list[float]) -> str:
    clicks = " | ".join(f"{click_ratio(sounds, period):.2f}" for period in PERIODS)
    spread = f"{np.median(levels_db):+.1f} ({min(levels_db):+.1f} to {max(levels_db):+.1f})"
    return f"| {name} | {len(sounds)} | {clicks} | {spread} |"


def click_ratio(sounds: Iterable[np.ndarray], period: int) -> float:
    """Return how much rougher sound is where frames meet than elsewhere.

    Args:
        sounds: int16 (N,) each, from the start of a frame on.
        period: samples of a frame.
    """
    total = np.zeros(period)
    for samples in sounds:
        rough = np.abs(np.diff(samples.astype(np.float64), 2, prepend=0, append=0))
        total += rough[: len(rough) // period * period].reshape(-1, period).sum(0)
    half = SMOOTHED_PHASES // 2
    around = np.concatenate([total[-half:], total, total[:half]])
    smooth = np.convolve(around, np.ones(SMOOTHED_PHASES) / SMOOTHED_PHASES, "valid")
    return float(smooth[:JOIN_PHASES].max() / np.median(smooth))


def loud_db(samples: np.ndarray) -> float:
    """Return the mean level of a clip's loudest frames, dB of full scale."""
    frames = samples[: len(samples) // LEVEL_FRAME * LEVEL_FRAME].reshape(-1, LEVEL_FRAME) / 32768
    powers = np.sort(np.mean(frames**2, axis=1))[-int(LOUD_SHARE * len(frames)) :]
    return float(10 * np.log10(powers.mean() + 1e-12))


if __name__ == "__main__":
    main()
