"""What a comparison video shows and plays of a clip, read from the corpus and the results."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.splits import Split
from gridkit.errors import CorpusError, ResultError
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.question import TRUE_AUDIO_FILE
from gridkit.evaluation.report.cards import Transcript, clip_figures, clip_transcripts
from gridkit.evaluation.subset import Subset, read_sound
from gridkit.evaluation.video.choice import Choice
from gridkit.media.codecs import decode_crop
from gridkit.media.crops import DEFAULT_PROFILE, to_rgb
from gridkit.results.files import ClipsFile, Scored
from gridkit.results.records import ClipScore
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.reader import Corpus
from gridkit.store.schema import crop_column

ORIGINAL = "original"
"""What the reference audio is called on the screen."""


@dataclass(frozen=True)
class Take:
    """A clip as one source gives it: the original, or a system."""

    name: str
    samples: np.ndarray | None
    """int16 (48000,), 16 kHz; None: there is no sound."""
    why_silent: str = ""
    """For the screen, where there is no sound."""
    figures: tuple[tuple[str, str], ...] = ()
    """Label and text, the headline first."""
    transcripts: tuple[Transcript, ...] = ()
    """What recognisers transcribed from the sound, or the text that a system gave itself."""


@dataclass(frozen=True)
class Scene:
    """One clip of the video."""

    choice: Choice
    sentence: str
    words: tuple[Word, ...]
    """When each word of the original is spoken."""
    frames: np.ndarray
    """uint8 (75, h, w, 3), RGB."""
    takes: tuple[Take, ...]
    """The original, then the results in their order."""
    credit: str
    """Whose clips these are."""


@dataclass(frozen=True)
class Source:
    """A result with what it says of the clips of the video."""

    name: str
    rank_metric: str
    scores: Mapping[str, ClipScore]
    predictions: Mapping[str, Prediction]
    """Read from the disk when they are asked for."""


def open_sources(
    results: Sequence[Scored], names: Sequence[str], choices: Sequence[Choice]
) -> tuple[Source, ...]:
    """Open the results for the clips of a video.

    Args:
        results: all have these clips.
        names: what each is called on the screen.
        choices: the clips.

    Raises:
        ResultError: a result has no saved predictions, or lacks one of the clips.
    """
    return tuple(
        Source(
            name,
            scored.result.rank_metric,
            scores_of(scored.clips, choices),
            _predictions(scored.folder, choices),
        )
        for scored, name in zip(results, names, strict=True)
    )


def scores_of(clips: Iterable[ClipScore], choices: Sequence[Choice]) -> dict[str, ClipScore]:
    """Return the scores of some clips by id."""
    wanted = {choice.id for choice in choices}
    return {clip.id: clip for clip in clips if clip.id in wanted}


def true_audio_scores(results: Sequence[Scored], choices: Sequence[Choice]) -> dict[str, ClipScore]:
    """Return what recognisers transcribed from the reference audio, by clip.

    It is in the folder of the result whose run was the one to ask them; empty where none was.
    """
    for scored in results:
        file = scored.folder / TRUE_AUDIO_FILE
        if file.is_file():
            return scores_of(ClipsFile(file), choices)
    return {}


def check_corpus(corpus: Corpus, scored: Scored) -> None:
    """Check that a corpus has the clips that a result was scored on, with the same sound.

    Raises:
        CorpusError: it lacks one, its sound is another one, or it has no crop to show.
    """
    if not corpus.file.profiles:
        raise CorpusError(
            f"{corpus.folder} has no crop to show; add one: gridkit prepare {corpus.folder} --crop "
            f"{DEFAULT_PROFILE}"
        )
    ids = scored.table.ids
    clips = Subset(
        corpus, Split("scored", dict.fromkeys(ids, "test"), False, "the clips of a result"), "test"
    )
    if clips.missing:
        raise CorpusError(
            f"--data {corpus.folder} lacks {clips.missing} of the {len(ids)} clips that "
            f"{scored.folder} was scored on; name the corpus of that evaluation"
        )
    if scored.result.corpus_sha256 not in (None, clips.corpus_sha256):
        raise CorpusError(
            f"--data {corpus.folder} has other sound than what {scored.folder} was scored on; name "
            "the corpus of that evaluation"
        )


def largest_profile(file: CorpusFile) -> str:
    """Return the crop profile with the most pixels; of equals the first."""
    sizes = {
        name: int(profile["width_px"]) * int(profile["height_px"])
        for name, profile in file.profiles.items()
    }
    return max(sizes, key=sizes.__getitem__)


def read_scene(
    corpus: Corpus,
    sources: Sequence[Source],
    choice: Choice,
    true_audio: Mapping[str, ClipScore],
) -> Scene:
    """Read all that the video shows of a clip; its pictures are its largest crop.

    Raises:
        CorpusError: the corpus lacks the clip, or holds it damaged.
        MediaError: its crop cannot be decoded.
    """
    column = crop_column(largest_profile(corpus.file))
    row = corpus.row(choice.id, ["text", "words", "audio", column])
    words = tuple(Word(**word) for word in row["words"])
    heard = true_audio.get(choice.id)
    original = Take(
        ORIGINAL,
        read_sound(row["audio"]["bytes"], choice.id),
        transcripts=clip_transcripts(heard) if heard else (),
    )
    takes = (take_of(source, choice.id) for source in sources)
    return Scene(
        choice,
        row["text"],
        words,
        to_rgb(decode_crop(row[column]["bytes"])),
        (original, *takes),
        credit(corpus.file),
    )


def scenes(
    corpus: Corpus,
    sources: Sequence[Source],
    choices: Iterable[Choice],
    true_audio: Mapping[str, ClipScore],
) -> Iterator[Scene]:
    """Yield the scenes of a video, each read when its turn comes; see `read_scene`."""
    return (read_scene(corpus, sources, choice, true_audio) for choice in choices)


def take_of(source: Source, clip: str) -> Take:
    """Return a clip as a system gave it: sound, text, or nothing where it failed."""
    prediction, score = source.predictions[clip], source.scores[clip]
    if prediction.failure or score.status != "scored":
        return Take(source.name, None, f"failed on this clip: {prediction.failure or score.reason}")
    why_silent = "gives text, not sound" if prediction.samples is None else ""
    return Take(
        source.name,
        prediction.samples,
        why_silent,
        clip_figures(score, source.rank_metric),
        clip_transcripts(score),
    )


def credit(file: CorpusFile) -> str:
    """Return whose clips a corpus holds, as their licence asks for."""
    if file.synthetic:
        return "Synthetic speakers, made with gridkit"
    return "GRID corpus (Cooke et al. 2006, doi 10.5281/zenodo.3625687), CC BY 4.0; cropped"


def _predictions(folder: Path, choices: Sequence[Choice]) -> Mapping[str, Prediction]:
    found = PredictionWriter(folder).saved()
    if not found:
        raise ResultError(
            f"{folder} has no saved predictions, so there is nothing to play; run `gridkit "
            f"evaluate` again with --out {folder}: it saves them in predictions/"
        )
    lacking = [choice.id for choice in choices if choice.id not in found]
    if lacking:
        raise ResultError(
            f"{folder} has no prediction of {lacking[0]}; run `gridkit evaluate` again with "
            f"--out {folder}, or show another clip by --clip"
        )
    return found
