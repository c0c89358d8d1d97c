"""Scoring real clips: gridkit against the public libraries called plainly, in one run.

Plainly: pystoi, pesq, soxr, pocketsphinx and jiwer one clip after another, each metric by its own
call, raw and then aligned, with the protocol's mcd and lag computed again for each; the sounds
are in memory. gridkit reads predictions that were saved and references from FLAC, and writes
`clips.jsonl`, as an evaluation does. The figures are the same to 1e-6; this is checked.

A round scores clips plainly, by gridkit on one core, and twice as many by gridkit on two, so that
it takes as long. Rounds alternate the three, so that other work on the machine slows all of them.
The median over the rounds counts. No sound comes twice in a run: gridkit remembers transcripts.
What does not grow with the number of clips (starting and ending processes, imports, the
recogniser's model) is timed apart. It counts once, from the round where it took longest: the first
one, which starts from nothing.

    python benchmarks/bench_evaluate.py [--clips 10] [--rounds 5]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from gridkit.dsp.bands import band_powers  # noqa: E402
from gridkit.dsp.griffin_lim import sound_of  # noqa: E402
from gridkit.dsp.mel import log_mel  # noqa: E402
from gridkit.evaluation.predictions.files import PredictionWriter  # noqa: E402
from gridkit.evaluation.predictions.records import Prediction, Reference  # noqa: E402
from gridkit.evaluation.scoring.scorer import Scorer  # noqa: E402
from gridkit.media.codecs import decode_flac, encode_flac  # noqa: E402
from gridkit.media.decode import decode_clip  # noqa: E402
from gridkit.media.samples import fit_length, to_int16  # noqa: E402
from gridkit.metrics.lag import lag_ms, move  # noqa: E402
from gridkit.metrics.mcd import mcd_db  # noqa: E402
from gridkit.metrics.normaliser import normalise  # noqa: E402
from gridkit.metrics.pair import Pair, Sound  # noqa: E402
from gridkit.metrics.pesq import raw_mos  # noqa: E402
from gridkit.metrics.recognise import recogniser_factory  # noqa: E402
from gridkit.metrics.registry import SOUND_METRICS  # noqa: E402
from gridkit.metrics.wer import score_text  # noqa: E402
from gridkit.results.records import ClipScore  # noqa: E402

GRID = Path(os.environ.get("GRIDKIT_GRID", "../shared/grid"))
UNSEEN_TEST_CLIPS = 9_982
RECOGNISER = "pocketsphinx"
RECOGNISERS = {RECOGNISER: recogniser_factory(RECOGNISER)}
PAIR_KINDS = ("noisy", "late", "mel", "other")
WARM_CLIPS = 3
"""Per process: scored before the clock starts, and again after it stops, so that every process is
busy between the two."""
PLAIN, ONE, TWO = "plainly, one core", "gridkit, one core", "gridkit, two cores"
MOST_OF_PLAIN, LEAST_OF_ONE = 1.0, 1.9
"""The aims: gridkit's time over the plain time, and the time of one core over that of two."""

Value = TypeVar("Value")
Pairs = list[tuple[Reference, Prediction]]


@dataclass(frozen=True)
class Run:
    """What one way took in one round, in seconds."""

    clip_s: float
    """Per clip, while all processes are busy."""
    once_s: float
    """The rest: start-up, the end, the last clips on one core alone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=10, help="real clips; each gives four pairs")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    most = 2 * len(PAIR_KINDS) * options.clips + 4 * WARM_CLIPS
    stream = list(make_pairs(GRID, -(-most // len(PAIR_KINDS))))
    pairs = stream[: len(PAIR_KINDS) * options.clips]
    plain = PlainScorer()
    expected = plain.score(stream)  # warms up, and says what is right
    plain.spent.clear()
    rounds, others = [], []
    for _ in range(options.rounds):
        os.sched_setaffinity(0, cores[:1])
        before = busy_s(cores)
        round_s = {PLAIN: Run(plain.timed(pairs), 0.0)}
        others.append((busy_s(cores) - before) / (round_s[PLAIN].clip_s * len(pairs)) - 1)
        for name, workers in ((ONE, 1), (TWO, 2)):
            if workers <= len(cores):
                os.sched_setaffinity(0, cores[:workers])
                round_s[name] = run_gridkit(stream, workers * len(pairs), workers, expected)
        rounds.append(round_s)
    kept_busy = max(0.0, statistics.median(others))
    print(
        f"{len(pairs)} pairs of {options.clips} clips, {options.rounds} rounds, "
        f"{len(cores)} cores, of which other processes kept {kept_busy:.2f} busy"
    )
    print_rounds(rounds)
    print_steps(plain.spent, len(pairs) * options.rounds, gridkit_steps(pairs), len(pairs))


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
        assert tuple(versions) == PAIR_KINDS
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


def sound_in(clip: Reference | Prediction) -> np.ndarray:
    assert clip.samples is not None
    return clip.samples


class PlainScorer:
    """The public libraries, one call after another; `spent` adds up seconds by step."""

    def __init__(self) -> None:
        self.recogniser = RECOGNISERS[RECOGNISER]()
        self.spent: dict[str, float] = defaultdict(float)

    def timed(self, pairs: Pairs) -> float:
        """Return seconds per clip."""
        started = time.perf_counter()
        self.score(pairs)
        return (time.perf_counter() - started) / len(pairs)

    def score(self, pairs: Pairs) -> dict[str, dict[str, float]]:
        """Return the figures of each pair."""
        return {
            reference.id: self.figures(reference, prediction) for reference, prediction in pairs
        }

    def figures(self, reference: Reference, prediction: Prediction) -> dict[str, float]:
        """Return the figures of one pair."""
        spent, said, sound = self.spent, reference.text, sound_in(prediction)
        x, y = sound_in(reference) / 32768, sound / 32768
        found = plain_figures(x, y, spent)
        lag = timed(spent, "lag_ms", lambda: lag_ms(band_powers(x), band_powers(y), y))
        aligned = plain_figures(x, move(y, -lag), spent)
        heard = timed(spent, RECOGNISER, self.recogniser, sound)
        wrong = timed(spent, "words", plain_errors, said, heard)
        found |= {f"{name}_aligned": value for name, value in aligned.items()}
        return found | {"lag_ms": lag, "word_errors": wrong}


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


def timed(spent: dict[str, float], step: str, call: Callable[..., Value], *given: object) -> Value:
    started = time.perf_counter()
    value = call(*given)
    spent[step] += time.perf_counter() - started
    return value


def run_gridkit(
    pairs: Pairs, count: int, workers: int, expected: Mapping[str, Mapping[str, float]]
) -> Run:
    """Score `count` pairs in gridkit's processes, from the files that an evaluation has on disk."""
    warm = workers * WARM_CLIPS
    stream = pairs[: count + 2 * warm]
    sounds = [(clip.id, clip.text, encode_flac(sound_in(clip))) for clip, _ in stream]
    with tempfile.TemporaryDirectory() as folder:
        predictions = saved([prediction for _, prediction in stream], Path(folder))
        started_s = time.perf_counter()
        references = (Reference(clip, text, decode_flac(flac)[0]) for clip, text, flac in sounds)
        scores, came_s = [], []
        with Scorer(RECOGNISERS, workers=workers) as scorer:
            for score in scorer.score(references, predictions, Path(folder) / "clips.jsonl"):
                scores.append(score)
                came_s.append(time.perf_counter())
        took_s = time.perf_counter() - started_s
    check_equal(expected, scores)
    clip_s = (came_s[warm + count - 1] - came_s[warm - 1]) / count
    return Run(clip_s, took_s - clip_s * len(stream))


def saved(predictions: Sequence[Prediction], folder: Path) -> Mapping[str, Prediction]:
    """Save predictions in the random order in which a system is asked."""
    writer = PredictionWriter(folder)
    for place in np.random.default_rng(0).permutation(len(predictions)):
        writer.add(predictions[place])
    return writer.finish()


def check_equal(expected: Mapping[str, Mapping[str, float]], scores: Sequence[ClipScore]) -> None:
    for clip in scores:
        got = dict(clip.metrics) | {"word_errors": clip.counts[f"wer_{RECOGNISER}"][0]}
        right = expected[clip.id]
        wrong = [name for name, value in right.items() if abs(got[name] - value) > 1e-6]
        assert not wrong, f"{clip.id}: {wrong} differ"


def gridkit_steps(pairs: Pairs) -> dict[str, float]:
    """Return gridkit's seconds by step; what metrics share counts for the first that needs it."""
    recogniser = RECOGNISERS[RECOGNISER]()
    spent: dict[str, float] = defaultdict(float)
    for reference, prediction in pairs:
        x, y = Sound.from_int16(sound_in(reference)), Sound.from_int16(sound_in(prediction))
        score_steps(Pair(x, y), spent)
        lag = timed(spent, "lag_ms", lag_ms, x.bands, y.bands, y.samples)
        if lag:
            score_steps(Pair(x, Sound(move(y.samples, -lag))), spent)
        heard = timed(spent, RECOGNISER, recogniser, prediction.samples)
        timed(spent, "words", score_text, reference.text, heard)
    return spent


def score_steps(pair: Pair, spent: dict[str, float]) -> None:
    for metric in SOUND_METRICS:
        assert metric.score is not None
        timed(spent, metric.name, metric.score, pair)


def busy_s(cores: Sequence[int]) -> float:
    """Return how long these cores have worked since the machine started, all together."""
    names = {f"cpu{core}" for core in cores}
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    # user, nice, system; idle and waiting come next
    ticks = sum(sum(map(int, line[1:4])) for line in lines if line[0] in names)
    return ticks / os.sysconf("SC_CLK_TCK")


def print_rounds(rounds: Sequence[Mapping[str, Run]]) -> None:
    def ratios(name: str, to: str) -> list[float]:
        return [row[to].clip_s / row[name].clip_s for row in rounds]

    cost = f"{UNSEEN_TEST_CLIPS:,} clips"
    print(f"\n{'':20} {'ms/clip':>10} {'clips/s':>8} {'once, s':>8} {cost:>13}")
    longest_s = max(run.once_s for row in rounds for run in row.values())
    for name in rounds[0]:
        clip_s = statistics.median(row[name].clip_s for row in rounds)
        once_s = 0.0 if name == PLAIN else longest_s
        minutes = (once_s + UNSEEN_TEST_CLIPS * clip_s) / 60
        print(f"{name:20} {1000 * clip_s:10.1f} {1 / clip_s:8.2f} {once_s:8.1f} {minutes:9.1f} min")
    print()
    print_ratio("gridkit on one core, of the plain time", ratios(PLAIN, ONE), f"<= {MOST_OF_PLAIN}")
    if TWO in rounds[0]:
        print_ratio("faster on two cores than on one", ratios(TWO, ONE), f">= {LEAST_OF_ONE}")


def print_ratio(what: str, found: Sequence[float], wanted: str) -> None:
    spread = f"({min(found):.2f} to {max(found):.2f})"
    print(f"{what:40} {statistics.median(found):.2f} {spread:16} to reach: {wanted}")


def print_steps(
    plain: Mapping[str, float], plain_clips: int, ours: Mapping[str, float], our_clips: int
) -> None:
    print(f"\n{'ms/clip, of which':20} {'plainly':>10} {'gridkit':>10}")
    for step, seconds in sorted(plain.items(), key=lambda item: -item[1]):
        print(
            f"{step:20} {1000 * seconds / plain_clips:10.1f} {1000 * ours[step] / our_clips:10.1f}"
        )


if __name__ == "__main__":
    main()
