"""A comparison video, moment by moment: for each clip a title card, then each of its sounds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from gridkit.compute.progress import Progress
from gridkit.corpus.records import FRAMES
from gridkit.evaluation.video.choice import choose_clips
from gridkit.evaluation.video.drawing import draw_moment, draw_stage, draw_title
from gridkit.evaluation.video.scenes import (
    Scene,
    check_corpus,
    open_sources,
    scenes,
    true_audio_scores,
)
from gridkit.media.movie import SAMPLES_PER_PICTURE, Moment, write_movie
from gridkit.results.files import Scored
from gridkit.store.reader import Corpus

TITLE_FRAMES = 50
HOLD_FRAMES = 10
"""The last picture stays so long, in silence: sounds do not run into each other."""

_SILENCE = np.zeros(SAMPLES_PER_PICTURE, np.int16)


def film_results(
    results: Sequence[Scored],
    names: Sequence[str],
    corpus: Corpus,
    named: Sequence[str],
    out: Path,
) -> None:
    """Write a comparison video of results as MP4; it is there whole or not at all.

    Args:
        results: comparable with each other, one or more.
        names: what each is called on the screen.
        corpus: what they were scored on; it gives the pictures and the original sound.
        named: ids of the clips to show; empty: three by the first result.
        out: where to.

    Raises:
        UsageError: the results do not have a clip that is named.
        ResultError: a result has no saved predictions.
        CorpusError: the corpus is another one, or has no crop to show.
        DiskFullError, EnvironmentProblem: the file cannot be written.
    """
    choices = choose_clips(results[0], named, names[0])
    sources = open_sources(results, names, choices)
    check_corpus(corpus, results[0])
    shown = scenes(corpus, sources, choices, true_audio_scores(results, choices))
    total = count_frames(clips=len(choices), takes=1 + len(sources))
    with Progress("video", total, unit="frames") as bar:
        write_film(shown, out, bar.advance)


def write_film(
    shown: Iterable[Scene], out: Path, progress: Callable[[], None] = lambda: None
) -> None:
    """Write scenes as MP4.

    Args:
        shown: the clips in order, one or more; taken one at a time.
        out: where to.
        progress: called after each frame.

    Raises:
        DiskFullError, EnvironmentProblem: the file cannot be written.
    """
    write_movie((moment for scene in shown for moment in moments(scene)), out, progress)


def count_frames(clips: int, takes: int) -> int:
    """Return how many frames a video has.

    >>> count_frames(clips=3, takes=4)
    1170
    """
    return clips * (TITLE_FRAMES + takes * (FRAMES + HOLD_FRAMES))


def moments(scene: Scene) -> Iterator[Moment]:
    """Yield the moments of one clip; a system without sound is silent for as long as the others."""
    title = Moment(draw_title(scene), _SILENCE)
    for _ in range(TITLE_FRAMES):
        yield title
    for place, take in enumerate(scene.takes):
        stage = draw_stage(scene, place)
        sound = [_SILENCE] * FRAMES if take.samples is None else np.split(take.samples, FRAMES)
        for frame, samples in enumerate(sound):
            yield Moment(draw_moment(stage, scene, place, frame), samples)
        last = Moment(draw_moment(stage, scene, place, FRAMES - 1), _SILENCE)
        for _ in range(HOLD_FRAMES):
            yield last
