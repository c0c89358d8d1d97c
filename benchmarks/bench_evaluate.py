"""Scoring real clips: gridkit against the public libraries called plainly, in one run.

Plainly: pystoi, pesq, soxr, pocketsphinx and jiwer one clip after another, each metric by its own
call, raw and then aligned, and the protocol's mcd and lag computed afresh for each. The figures
are the same to 1e-6; that is checked. Start-up (processes, imports, the recogniser's model) is
timed apart: it does not grow with the clips.

    python benchmarks/bench_evaluate.py [--clips 16]
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import jiwer  # noqa: E402
import numpy as np  # noqa: E402
import pystoi  # noqa: E402
import soxr  # noqa: E402
from pesq import pesq  # noqa: E402

from gridkit.corpus.codes import ranked_ids  # noqa: E402
from gridkit.corpus.grammar import text_of  # noqa: E402
from gridkit.evaluate.records import ClipScore, Prediction, Reference  # noqa: E402
from gridkit.evaluate.score import score_predictions  # noqa: E402
from gridkit.media.decode import decode_clip, fit_length, to_int16  # noqa: E402
from gridkit.metrics.bands import band_powers  # noqa: E402
from gridkit.metrics.griffin_lim import log_mel, sound_of  # noqa: E402
from gridkit.metrics.lag import lag_ms, move  # noqa: E402
from gridkit.metrics.mcd import mcd_db  # noqa: E402
from gridkit.metrics.pesq import raw_mos  # noqa: E402
from gridkit.metrics.recognise import recogniser_factory  # noqa: E402
from gridkit.metrics.text import normalise  # noqa: E402

GRID = Path(os.environ.get("GRIDKIT_GRID", "../shared/grid"))
UNSEEN_TEST_CLIPS = 9_982
RECOGNISER = "pocketsphinx"
RECOGNISERS = {RECOGNISER: recogniser_factory(RECOGNISER)}

Value = TypeVar("Value")
Pairs = list[tuple[Reference, Prediction]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=16, help="real clips; each gives four pairs")
    options = parser.parse_args()
    pairs = list(make_pairs(GRID, options.clips))
    cores = sorted(os.sched_getaffinity(0))
    print(f"{len(pairs)} pairs of {options.clips} clips; load before: {os.getloadavg()[0]:.1f}")

    os.sched_setaffinity(0, cores[:1])
    expected, spent, plain_s = run_plainly(pairs)
    runs = {"plainly, one core": (plain_s, 0.0)}
    for count in (1, 2):
        if len(cores) < count:
            continue
        os.sched_setaffinity(0, cores[:count])
        scores, seconds, start_s = run_gridkit(pairs, workers=count)
        check_equal(expected, scores)
        runs[f"gridkit, {'one core' if count == 1 else 'two cores'}"] = (seconds, start_s)
    print_runs(runs, len(pairs))
    print_spent(spent, len(pairs))


def make_pairs(grid: Path, clips: int) -> Iterator[tuple[Reference, Prediction]]:
    """Yield each clip noisy, late, through mel and as another clip."""
    ids = ranked_ids("s1")[:clips]
    sounds = [read(grid, clip) for clip in ids]
    for number, (clip, sound) in enumerate(zip(ids, sounds, strict=True)):
        noise = 0.02 * np.random.default_rng(number).standard_normal(len(sound))
        through_mel = sound_of(log_mel(sound))
        versions = {
            "noisy": sound + noise,
            "late": move(through_mel, 10 + number),
            "mel": through_mel,
            "other": sounds[number - 1],
        }
        for kind, version in versions.items():
            name = f"{clip}-{kind}"
            yield (
                Reference(name, text_of(clip.split("/")[1]), to_int16(sound)),
                Prediction(name, to_int16(version)),
            )


def read(grid: Path, clip: str) -> np.ndarray:
    samples = decode_clip(next((grid / "video").glob(f"{clip}.m*"))).samples
    assert samples is not None
    return fit_length(samples, 48_000) / 32768


def run_plainly(pairs: Pairs) -> tuple[dict[str, dict[str, float]], Mapping[str, float], float]:
    """Return figures, seconds by step and seconds in all."""
    recogniser = RECOGNISERS[RECOGNISER]()
    spent: dict[str, float] = defaultdict(float)
    figures = {}
    started = time.perf_counter()
    for reference, prediction in pairs:
        assert reference.samples is not None
        assert prediction.samples is not None
        x, y = reference.samples / 32768, prediction.samples / 32768
        found = plain_figures(x, y, spent)
        lag = timed(spent, "lag_ms", lambda x=x, y=y: lag_ms(band_powers(x), band_powers(y), y))
        aligned = plain_figures(x, move(y, -lag), spent)
        heard = timed(spent, RECOGNISER, lambda s=prediction.samples: recogniser(s))
        wer = timed(spent, "words", lambda r=reference, h=heard: plain_errors(r.text, h))
        found |= {f"{name}_aligned": value for name, value in aligned.items()}
        figures[reference.id] = found | {"lag_ms": lag, "word_errors": wer}
    return figures, spent, time.perf_counter() - started


def plain_figures(x: np.ndarray, y: np.ndarray, spent: dict[str, float]) -> dict[str, float]:
    def narrow() -> float:
        at_8khz = (soxr.resample(signal, 16_000, 8_000, quality="VHQ") for signal in (x, y))
        return pesq(8_000, *at_8khz, "nb")

    def extended() -> float:
        np.random.seed(0)
        return pystoi.stoi(x, y, 16_000, extended=True)

    nb = timed(spent, "pesq_nb", narrow)
    return {
        "stoi": timed(spent, "stoi", lambda: pystoi.stoi(x, y, 16_000)),
        "estoi": timed(spent, "estoi", extended),
        "pesq_nb": nb,
        "pesq_nb_raw": raw_mos(nb),
        "pesq_wb": timed(spent, "pesq_wb", lambda: pesq(16_000, x, y, "wb")),
        "mcd_db": timed(
            spent, "mcd_db", lambda: mcd_db(band_powers(x).every(2), band_powers(y).every(2))
        ),
    }


def plain_errors(said: str, heard: str) -> int:
    words = jiwer.process_words(said, normalise(heard))
    jiwer.process_characters(said, normalise(heard))
    return words.substitutions + words.deletions + words.insertions


def timed(spent: dict[str, float], step: str, call: Callable[[], Value]) -> Value:
    started = time.perf_counter()
    value = call()
    spent[step] += time.perf_counter() - started
    return value


def run_gridkit(pairs: Pairs, workers: int) -> tuple[list[ClipScore], float, float]:
    """Return scores, seconds of scoring and seconds of start-up.

    A clip a process goes first: its result ends the start-up.
    """
    first = [Reference(f"start-{n}", "bin", pairs[0][0].samples) for n in range(workers)]
    predictions = {clip.id: Prediction(clip.id, clip.samples) for clip in first}
    predictions |= {prediction.id: prediction for _, prediction in pairs}
    references = first + [reference for reference, _ in pairs]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "clips.jsonl"
        started = time.perf_counter()
        found = score_predictions(
            references, predictions, out, recognisers=RECOGNISERS, workers=workers
        )
        for _ in first:
            next(found)
        warm = time.perf_counter()
        scores = list(found)
        return scores, time.perf_counter() - warm, warm - started


def check_equal(expected: dict[str, dict[str, float]], scores: list[ClipScore]) -> None:
    assert len(scores) == len(expected)
    for clip in scores:
        got = dict(clip.metrics) | {"word_errors": clip.counts[f"wer_{RECOGNISER}"][0]}
        wrong = [n for n, value in expected[clip.id].items() if abs(got[n] - value) > 1e-6]
        assert not wrong, f"{clip.id}: {wrong} differ"


def print_runs(runs: Mapping[str, tuple[float, float]], clips: int) -> None:
    plain_s = runs["plainly, one core"][0]
    one_s = runs["gridkit, one core"][0]
    print(f"\n{'':20} {'s':>7} {'start s':>8} {'clips/s':>8} {'to plain':>9} {'to one':>7}"
          f" {f'{UNSEEN_TEST_CLIPS:,} clips':>13}")  # fmt: skip
    for name, (seconds, start_s) in runs.items():
        minutes = (start_s + UNSEEN_TEST_CLIPS * seconds / clips) / 60
        print(f"{name:20} {seconds:7.1f} {start_s:8.1f} {clips / seconds:8.2f}"
              f" {seconds / plain_s:9.2f} {one_s / seconds:7.2f} {minutes:9.0f} min")  # fmt: skip


def print_spent(spent: Mapping[str, float], clips: int) -> None:
    print(f"\n{'plainly, of which':20} {'ms a clip':>10} {'share':>6}")
    total = sum(spent.values())
    for step, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"{step:20} {1000 * seconds / clips:10.1f} {seconds / total:6.0%}")


if __name__ == "__main__":
    main()
