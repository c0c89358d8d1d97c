"""Make a GRID-format source on the spot: talking faces, their sound and their alignments.

Speakers are x1, x2, ...; each has codes of its own among the 30,000 sentences that no GRID
speaker says. A clip depends on seed, speaker and code alone, so a larger source begins with the
clips of a smaller one, and any number of processes makes the same bytes.

    FOLDER/synthetic.json            seed, gridkit version, clips of each speaker
    FOLDER/x1/CODE.mpg
    FOLDER/alignments/x1/CODE.align
"""

import errno
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import soxr

from gridkit import __version__
from gridkit.compute.executor import Crashed
from gridkit.compute.local import map_ordered
from gridkit.compute.lock import LOCK_NAME, folder_lock
from gridkit.corpus.alignment import CLIP_TICKS, TICKS_PER_SECOND, Word, format_alignment
from gridkit.corpus.codes import speaker_of
from gridkit.corpus.grammar import SLOTS, words_of
from gridkit.corpus.records import FRAMES
from gridkit.errors import DiskFullError, EnvironmentProblem, InputError, UsageError
from gridkit.synthesize import voice
from gridkit.synthesize.articulation import articulate
from gridkit.synthesize.face import Camera, draw_motion
from gridkit.synthesize.mpeg import AUDIO_RATE_HZ, AUDIO_SAMPLES, write_mpeg
from gridkit.synthesize.portrait import appearance_of

DESCRIPTION = "synthetic.json"
CLIPS_PER_SPEAKER_MAX = 1000

_LONGEST_S = 2.2
_ONSET_S = (0.4, 1.0)
_LATEST_END_S = 2.85
_TICK_STEP = 250
_FULL_SCALE = 32_767
_ROOM_LEVEL = 40
_UNFINISHED = ".part"


@dataclass(frozen=True)
class Summary:
    """What one call of `synthesize` did."""

    folder: Path
    speakers: int
    clips: int
    """Clips of the source that was asked for."""
    made: int
    """Clips made now; the others were there already."""


@cache
def unused_codes() -> tuple[str, ...]:
    """Return the 30,000 sentences that no GRID speaker says, sorted."""
    codes = ("".join(initials) for initials in itertools.product(*SLOTS))
    return tuple(sorted(code for code in codes if speaker_of(code) is None))


def codes_of(number: int, seed: int, clips: int) -> tuple[str, ...]:
    """Return the first `clips` codes of synthetic speaker `number`; no two speakers share one."""
    codes = unused_codes()
    order = np.random.default_rng([seed, 0]).permutation(len(codes))
    first = (number - 1) * CLIPS_PER_SPEAKER_MAX
    return tuple(codes[index] for index in order[first : first + clips])


def synthesize(
    folder: Path,
    speakers: int = 4,
    clips: int = 100,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    *,
    workers: int = 1,
) -> Summary:
    """Write a source of synthetic clips; finished files of an earlier run are kept.

    Args:
        folder: where to; made where it is missing.
        speakers: how many, x1 to xN.
        clips: how many clips each.
        seed: what everything is drawn from.
        progress: called with (done, total) at the start and after each clip.
        workers: processes.

    Raises:
        UsageError: more speakers or clips than there are sentences for.
        InputError: the folder holds a source of another seed or version.
        MissingExtraError: the extra `synth` is not installed.
        LockedError: another run works in the folder.
        DiskFullError: no space is left; finished clips are kept.
    """
    speakers_max = len(unused_codes()) // CLIPS_PER_SPEAKER_MAX
    if not (1 <= speakers <= speakers_max and 1 <= clips <= CLIPS_PER_SPEAKER_MAX):
        raise UsageError(
            f"{speakers} speakers of {clips} clips: there are sentences for 1 to {speakers_max} "
            f"speakers of 1 to {CLIPS_PER_SPEAKER_MAX} clips"
        )
    voice.require()
    folder = Path(folder)
    progress = progress or (lambda _done, _total: None)
    total = speakers * clips
    with folder_lock(folder), _full_disk_named(folder):
        _describe(folder, speakers, clips, seed)
        for left_by_a_killed_run in folder.rglob(f"*{_UNFINISHED}"):
            left_by_a_killed_run.unlink()
        tasks = [
            ClipTask(folder, number, code, seed)
            for number in range(1, speakers + 1)
            for code in codes_of(number, seed, clips)
            if not _is_there(folder, number, code)
        ]
        kept = total - len(tasks)
        progress(kept, total)
        for made, _ in enumerate(_make_all(tasks, workers), start=1):
            progress(kept + made, total)
    return Summary(folder, speakers, total, len(tasks))


@contextmanager
def _full_disk_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DiskFullError(
            f"no space left for {folder}; free some and run again: finished clips are kept"
        ) from error


def _describe(folder: Path, speakers: int, clips: int, seed: int) -> None:
    """Describe what the folder will hold, before the first clip is in it."""
    path = folder / DESCRIPTION
    counts = dict.fromkeys((f"x{number}" for number in range(1, speakers + 1)), clips)
    if path.is_file():
        known = json.loads(path.read_text())
        if (known["seed"], known["gridkit"]) != (seed, __version__):
            raise InputError(
                f"{folder} holds clips of seed {known['seed']}, gridkit {known['gridkit']}, not "
                f"seed {seed}, gridkit {__version__}; choose another folder or remove this one"
            )
        for speaker, count in known["clips"].items():
            counts[speaker] = max(count, counts.get(speaker, 0))
    elif any(child.name != LOCK_NAME for child in folder.iterdir()):
        raise InputError(f"{folder} is not empty and has no {DESCRIPTION}; choose another folder")
    content = {"synthetic": True, "seed": seed, "gridkit": __version__, "clips": counts}
    _write_whole(path, (json.dumps(content, indent=2) + "\n").encode())


def _paths(folder: Path, number: int, code: str) -> tuple[Path, Path]:
    return folder / f"x{number}/{code}.mpg", folder / f"alignments/x{number}/{code}.align"


def _is_there(folder: Path, number: int, code: str) -> bool:
    return all(path.is_file() for path in _paths(folder, number, code))


@dataclass(frozen=True)
class ClipTask:
    """One clip to make."""

    folder: Path
    number: int
    """1 is speaker x1."""
    code: str
    seed: int


def _make_all(tasks: list[ClipTask], workers: int) -> Iterator[None]:
    """Make the clips, in this process or in several; yields after each."""
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            make_clip(task)
            yield
        return
    results = map_ordered(make_clip, tasks, workers=min(workers, len(tasks)))
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, Crashed):
            raise EnvironmentProblem(f"x{task.number}/{task.code} was not made: {result.detail}")
        yield


def make_clip(task: ClipTask) -> None:
    """Write one clip and its alignment; the alignment first, so that no clip is without one."""
    number, code, seed = task.number, task.code, task.seed
    draw = np.random.default_rng([seed, number, 2, unused_codes().index(code)])
    speech, onset_s = _speech(code, number, draw)
    clip_path, alignment_path = _paths(task.folder, number, code)
    _write_whole(alignment_path, format_alignment(_words(speech, onset_s)).encode())

    effort = np.random.default_rng([seed, number, 3]).uniform(0.9, 1.15) * draw.uniform(0.93, 1.07)
    shapes = articulate(speech.phonemes, FRAMES, onset_s=onset_s, effort=float(effort))
    pictures = _camera(number, seed).film(shapes, draw_motion(FRAMES, draw), draw)
    samples = _sound(speech, onset_s, draw)
    temporary = _temporary(clip_path)
    write_mpeg(temporary, pictures, samples)
    temporary.replace(clip_path)


def say(code: str, number: int, draw: np.random.Generator) -> tuple[list[Word], np.ndarray]:
    """Return the words and the sound, int16 at 44.1 kHz, of a clip without a picture.

    Args:
        code: what is said.
        number: 1 is speaker x1.
        draw: where pace, level and noise come from.
    """
    speech, onset_s = _speech(code, number, draw)
    return _words(speech, onset_s), _sound(speech, onset_s, draw)


@cache
def _camera(number: int, seed: int) -> Camera:
    cv2.setNumThreads(1)  # processes are the parallel part
    return Camera(appearance_of(number, seed))


def _speech(code: str, number: int, draw: np.random.Generator) -> tuple[voice.Speech, float]:
    """Return the sentence, spoken fast enough for the clip, and when it begins."""
    usual = voice.voice_of(number)
    pace = replace(
        usual,
        speed_wpm=round(usual.speed_wpm * draw.uniform(0.95, 1.1)),
        pitch=usual.pitch + int(draw.integers(-4, 5)),
    )
    while True:
        speech = voice.speak(words_of(code), pace)
        length_s = speech.words[-1].end_s
        if length_s <= _LONGEST_S:
            break
        faster = max(pace.speed_wpm + 2, round(pace.speed_wpm * length_s / _LONGEST_S))
        pace = replace(pace, speed_wpm=faster)
    earliest_s, latest_s = _ONSET_S
    return speech, float(draw.uniform(earliest_s, min(latest_s, _LATEST_END_S - length_s)))


def _words(speech: voice.Speech, onset_s: float) -> list[Word]:
    """Return the words with times as GRID has them: multiples of 250 ticks, 10 ms."""

    def grid_s(time_s: float) -> float:
        ticks = round((onset_s + time_s) * TICKS_PER_SECOND / _TICK_STEP) * _TICK_STEP
        return min(ticks, CLIP_TICKS) / TICKS_PER_SECOND

    return [Word(word.name, grid_s(word.start_s), grid_s(word.end_s)) for word in speech.words]


def _sound(speech: voice.Speech, onset_s: float, draw: np.random.Generator) -> np.ndarray:
    """Return the clip's sound, int16 at 44.1 kHz: the speech in its place, in a quiet room."""
    spoken = soxr.resample(speech.samples.astype(np.float64), voice.RATE_HZ, AUDIO_RATE_HZ)
    spoken *= draw.uniform(0.5, 0.75) * _FULL_SCALE / np.abs(spoken).max()
    room = draw.normal(0, _ROOM_LEVEL, AUDIO_SAMPLES + 2)
    sound = np.convolve(room, (0.25, 0.5, 0.25), mode="valid")
    start = round(onset_s * AUDIO_RATE_HZ)
    length = min(len(spoken), AUDIO_SAMPLES - start)
    sound[start : start + length] += spoken[:length]
    return np.round(sound).astype(np.int16)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")


def _write_whole(path: Path, content: bytes) -> None:
    temporary = _temporary(path)
    temporary.write_bytes(content)
    temporary.replace(path)
