"""The Python surface: what `import gridkit` offers, for scripts and notebooks.

Each function checks what it is given, calls the functions that the commands call, and returns a
record that a notebook shows. It imports what it needs when it is called.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np

    from gridkit.api.corpus import Corpus
    from gridkit.api.evaluation import Evaluation
    from gridkit.api.scores import PairScores, SoundScore
    from gridkit.metrics.wer import TextScore

__all__ = ["evaluate", "open_corpus", "score"]


@overload
def score(reference: str, prediction: str) -> "TextScore": ...
@overload
def score(
    reference: "np.ndarray",
    prediction: "np.ndarray",
    rate_hz: int = ...,
    *,
    reference_rate_hz: int | None = ...,
) -> "SoundScore": ...
@overload
def score(
    reference: "list[str] | tuple[str, ...]",
    prediction: "list[str] | tuple[str, ...]",
    *,
    ids: Sequence[str] | None = ...,
) -> "PairScores[TextScore]": ...
@overload
def score(
    reference: "list[np.ndarray] | tuple[np.ndarray, ...]",
    prediction: "list[np.ndarray] | tuple[np.ndarray, ...]",
    rate_hz: int = ...,
    *,
    reference_rate_hz: int | None = ...,
    ids: Sequence[str] | None = ...,
) -> "PairScores[SoundScore]": ...
def score(
    reference: object,
    prediction: object,
    rate_hz: int = 16_000,
    *,
    reference_rate_hz: int | None = None,
    ids: Sequence[str] | None = None,
) -> object:
    """Score a prediction against its reference by protocol `gridkit-1`: sound, or text.

    Sound is scored by all metrics for video-to-speech, exactly as `gridkit evaluate` scores a
    clip: resampled to 16 kHz, cut or zero-padded to 3 s, rounded to 16 bits, then compared. Text
    is scored by its word and character errors.

    Args:
        reference: what is true. Sound: an array (N,), one channel of 3 s, give or take 0.1 s;
            int16, or float in [-1, 1], where values outside it are clipped. Text: a `str` with at
            least one word. Or a list of one kind.
        prediction: the same kind; a list of the same length where the reference is a list.
        rate_hz: of the sound, in Hz.
        reference_rate_hz: of the reference, where it differs.
        ids: for lists, the clip of each pair, such as `s1/bbaf2n`. With 4 or more speakers the
            intervals are over speakers; else, and without ids, they are over pairs.

    Returns:
        For sound a `SoundScore`, for text a `TextScore`; for lists a `PairScores`, which has the
        mean of each figure with its 95 % interval, and each pair's own score.

    Raises:
        PairError: what cannot be scored: NaN, more than one channel, another length or type.
        MetricError: a metric cannot be computed for the pair. In lists such a pair counts as
            failed, with the floor of each metric.

    >>> score("bin blue at f two now", "bin blue at e two now")
    TextScore(wer=0.1667, cer=0.04762, slots=(1, 1, 1, 0, 1, 1))
    """
    from gridkit.api.pair_lists import score_pairs
    from gridkit.api.pairs import score_sound_pair, score_text_pair

    if isinstance(reference, str) or isinstance(prediction, str):
        return score_text_pair(reference, prediction)
    rates_hz = (reference_rate_hz or rate_hz, rate_hz)
    if isinstance(reference, list | tuple) or isinstance(prediction, list | tuple):
        return score_pairs(reference, prediction, rates_hz, ids)
    return score_sound_pair(reference, prediction, rates_hz)


def open_corpus(place: str | Path) -> "Corpus":
    """Open a prepared corpus.

    Args:
        place: its folder, or `hf:ORG/NAME[@REVISION]` on the Hugging Face Hub, which is fetched
            once and kept in the cache.

    Returns:
        A `Corpus`: it has a length, `splits` and `crops`, gives a clip by its id
        (`corpus["s1/bbaf2n"]`) and yields clips (`corpus.clips("s1:train")`). A clip has `text`,
        `words` with their times, `samples`, `frames(crop)` and `landmarks`.

    Raises:
        CorpusError: the folder is not a prepared corpus, or an unfinished one, or a newer
            gridkit made it.
        HubError, NetworkError: it cannot be fetched.
    """
    from gridkit.api import corpus

    return corpus.open_corpus(place)


def evaluate(
    system: object,
    corpus: "Corpus | str | Path",
    split: str,
    *,
    out: str | Path | None = None,
    recognisers: Sequence[str] = ("pocketsphinx",),
    task: str = "v2s",
    decoding: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    controls: bool = True,
    timed: bool = False,
    allow_missing: bool = False,
) -> "Evaluation":
    """Evaluate a system on a subset of a split, as `gridkit evaluate` does.

    Args:
        system: an object with `task`, `crop`, `sample_rate` and a call (docs/wrap-a-model.md),
            which is asked in this process; or what `--model` takes, which runs in a process of
            its own: `my_model.py`, a recipe folder, `predictions:DIR`, `control:NAME`, ...
        corpus: an opened corpus, or what `open_corpus` takes.
        split: `NAME` or `NAME:SUBSET`, such as `s1` or `unseen:val`; `test` without a subset. Or
            a file that lists clips.
        out: RESULT folder; None for a temporary one, which is gone when Python ends. A finished
            or broken run of the same system is resumed there, but for an object, which needs a
            new folder.
        recognisers: names, or recipe folders; they transcribe the speech.
        task: of a control; systems say their own.
        decoding: of a recipe; None for its own.
        device: `cpu`, `cuda` or `cuda:N`; an object chooses its own.
        workers: processes that score; None for all cores.
        controls: score the controls, once for each corpus and split.
        timed: measure the latency too. An object is not timed.
        allow_missing: score a part of the split, without a rank.

    Returns:
        An `Evaluation`, which a notebook shows as a table: `metrics` with intervals and n,
        `clips`, `predictions`, `to_pandas()`, `picture(clip)` and `report()`. For an object it
        says `isolation: none`: nothing kept it from the answers.

    Raises:
        UsageError: no such split, control or recogniser; or an object where it cannot be taken.
        SystemLoadError: the system cannot be loaded, or breaks the contract.
        CorpusError: clips or a crop are missing.
        ResultError: the folder holds another evaluation.
    """
    from gridkit.api.evaluate_system import evaluate_system
    from gridkit.evaluation.options import Options

    options = Options(
        recognisers=tuple(recognisers),
        task=task,
        device=device,
        workers=workers,
        timed=timed,
        allow_missing=allow_missing,
    )
    return evaluate_system(
        system, corpus, split, options, out=out, decoding=decoding, controls=controls
    )
